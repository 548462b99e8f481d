//! `Input.Feed`: news from RSS, Atom and JSON feeds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ask::{ask, unfit};
use crate::action::{FeedItem, InvokeTask, Invoked, ReadFeedTask};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputFeed;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Feed",
    version: 1,
    summary: "The newest items of RSS, Atom or JSON feeds.",
    params: vec![
        ParamSpec::optional("url", ParamType::Url, "The feed."),
        ParamSpec::optional(
            "urls",
            ParamType::many(ParamType::Url),
            "Several feeds instead; their items are put in order of time.",
        ),
        ParamSpec::with_default(
            "match",
            ParamType::Text { max_chars: 500 },
            Value::Text(String::new()),
            "Only items with one of these words in title or summary.",
        ),
        ParamSpec::with_default(
            "max_items",
            ParamType::Int { min: 1, max: 100 },
            Value::Int(10),
            "At most so many items.",
        ),
        ParamSpec::optional(
            "newer_than",
            ParamType::Duration {
                min: 60_000,
                max: 31_536_000_000,
            },
            "Only items that are not older; no limit by default.",
        ),
        ParamSpec::with_default(
            "fetch_body",
            ParamType::Bool,
            Value::Bool(false),
            "Whether the page behind each item is read; only false is available yet.",
        ),
        ParamSpec::with_default(
            "dedupe",
            ParamType::Bool,
            Value::Bool(true),
            "Whether items that an earlier film of this document had are left out.",
        ),
        ParamSpec::with_default(
            "nothing_new",
            ParamType::OneOf(&["fail", "repeat", "empty"]),
            Value::Text("fail".into()),
            "What happens on a day without items: the node fails before anything is paid, takes the newest ones again, or \
             gives an empty list.",
        ),
    ],
    ports: vec![PortSpec::new(
        "items",
        PortType::Json.list(),
        "For each item: title, summary, url, source, published.",
    )],
    example: "\
fenta: workflow/v1
nodes:
  news: { type: Input.Feed, with: { url: \"https://example.org/rss.xml\", max_items: 5, newer_than: 24h } }
outputs:
  headline: ${{ nodes.news.items[0].title }}
",
}
});

/// What is said where no item is left.
const NO_ITEMS: (&str, &str) = (
    "there is no item that is new: the feed has none that fit, or earlier films had all of them",
    "look at `match` and `newer_than`, or write `nothing_new: repeat` to take the newest again",
);

/// What is said to a document that wants whole pages.
const NO_PAGES: (&str, &str) = (
    "pages behind the items are not read in this version yet",
    "leave `fetch_body` out: title and summary of each item are there",
);

impl NodeType for InputFeed {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Feed)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("url", "urls", found);
        if written.literal("fetch_body") == Some(Value::Bool(true)) {
            found.push(
                Diagnostic::error(codes::UNAVAILABLE, written.span("fetch_body"), NO_PAGES.0)
                    .hint(NO_PAGES.1),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        if params.bool("fetch_body")? {
            return Err(LowerError::new(NO_PAGES.0, NO_PAGES.1).into());
        }
        let urls = [params.list("url"), params.list("urls")]
            .concat()
            .into_iter()
            .filter_map(|value| match value {
                Value::Text(url) => Some(url.clone()),
                _ => None,
            })
            .collect();
        let task = InvokeTask::ReadFeed(ReadFeedTask {
            urls,
            matching: params.text("match")?.to_owned(),
            max_items: params.u32("max_items")?,
            newer_than_ms: params.optional_int("newer_than")?.map(i64::unsigned_abs),
            fetch_body: params.bool("fetch_body")?,
            unseen_only: params.bool("dedupe")?,
            repeats: params.text("nothing_new")? == "repeat",
            film: String::new(),
            series: String::new(),
        });
        match ask(Role::Feed, context.models, task, steps)?.invoked {
            Invoked::Feed(items) if items.is_empty() && params.text("nothing_new")? != "empty" => {
                Err(LowerError::new(NO_ITEMS.0, NO_ITEMS.1).into())
            }
            Invoked::Feed(items) => {
                let items = items.iter().map(item).collect();
                Ok(outputs([("items", Value::List(items))]))
            }
            _ => Err(unfit().into()),
        }
    }
}

fn item(item: &FeedItem) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Record(outputs([
        ("title", text(&item.title)),
        ("summary", text(&item.summary)),
        ("url", text(&item.url)),
        ("source", text(&item.source)),
        ("published", text(&item.published)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, invoked};
    use super::*;

    #[test]
    fn items_are_records_of_texts() {
        let bench = Bench::new("Input.Feed")
            .with("url", Value::Text("https://example.org/rss".into()))
            .with("newer_than", Value::Text("24h".into()));
        let InvokeTask::ReadFeed(task) = asked_of(&bench).task else {
            panic!()
        };
        assert_eq!(task.urls, ["https://example.org/rss"]);
        assert_eq!(task.newer_than_ms, Some(86_400_000));
        assert!(task.unseen_only);
        let out = bench.outputs(&[invoked(Invoked::Feed(vec![FeedItem {
            title: "Bees".into(),
            summary: String::new(),
            url: "https://example.org/1".into(),
            source: "Example".into(),
            published: String::new(),
        }]))]);
        assert_eq!(out["items"].to_json()[0]["title"], "Bees");
    }

    #[test]
    fn a_day_without_news_is_told_before_anything_is_paid() {
        let bench = |what: &str| {
            Bench::new("Input.Feed")
                .with("url", Value::Text("https://example.org/rss".into()))
                .with("nothing_new", Value::Text(what.into()))
        };
        let none = || [invoked(Invoked::Feed(Vec::new()))];
        let error = bench("fail").fails(&none());
        assert!(error.hint.contains("nothing_new: repeat"), "{error}");
        assert!(bench("repeat").fails(&none()).message.contains("no item"));
        let out = bench("empty").outputs(&none());
        assert_eq!(out["items"], Value::List(Vec::new()));
        let InvokeTask::ReadFeed(task) = asked_of(&bench("repeat")).task else {
            panic!()
        };
        assert!(task.repeats);
    }

    #[test]
    fn an_answer_to_another_question_is_refused() {
        let bench =
            Bench::new("Input.Feed").with("url", Value::Text("https://example.org/rss".into()));
        let error = bench.fails(&[invoked(Invoked::Status(200))]);
        assert!(error.message.contains("invoke"), "{error}");
    }
}
