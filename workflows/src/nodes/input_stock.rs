//! `Input.Stock`: footage and pictures from a stock library.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::ask;
use crate::action::{FindStockTask, InvokeTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::execution::LowerError;
use crate::models::{ModelRef, Role};
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputStock;

const EXAMPLE: &str = "\
fenta: workflow/v1
nodes:
  script: { type: Script.Transform, with: { text: \"Bees dance on the comb. The dance is a map.\" } }
  footage:
    type: Input.Stock
    for_each: ${{ nodes.script.scenes }}
    with: { query: \"${{ item.text }}\", min_duration: \"${{ duration(item.seconds + 0.5) }}\", provider: [pexels, pixabay] }
outputs:
  attribution: ${{ len(nodes.footage.attribution) }}
";

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Input.Stock",
    version: 1,
    summary: "Footage and pictures from a stock library, found by a search.",
    params: params(),
    ports: vec![
        PortSpec::new("media", PortType::Media.list(), "What was found, measured."),
        PortSpec::new(
            "attribution",
            PortType::Json.list(),
            "For each file: provider, id, author, page_url, license.",
        ),
    ],
    example: EXAMPLE,
});

fn params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::required(
            "query",
            ParamType::many(ParamType::Text { max_chars: 200 }),
            "What to look for; of several texts each is tried until something fits.",
        )
        .filled("write what to look for; scenes cut from a text have no `visual`, but a `text`"),
        ParamSpec::optional(
            "provider",
            ParamType::many(ParamType::OneOf(&["pexels", "pixabay"])),
            "The libraries to ask, in order; the workflow's `providers.stock` by default.",
        )
        .filled("name a library, or leave `provider` out")
        .later_words(&[("local", "take files of yours with Input.Upload")]),
        ParamSpec::with_default(
            "kind",
            ParamType::OneOf(&["video", "image", "any"]),
            Value::Text("video".into()),
            "Clips, pictures, or whichever fits better.",
        ),
        ParamSpec::with_default(
            "orientation",
            ParamType::OneOf(&["portrait", "landscape", "square", "any"]),
            Value::Text("portrait".into()),
            "The shape of the picture.",
        ),
        ParamSpec::with_default(
            "min_duration",
            ParamType::Duration {
                min: 0,
                max: 600_000,
            },
            Value::Int(0),
            "Shortest clip that will do.",
        ),
        ParamSpec::with_default(
            "count",
            ParamType::Int { min: 1, max: 80 },
            Value::Int(1),
            "How many to take.",
        ),
        ParamSpec::with_default(
            "quality",
            ParamType::OneOf(&["sd", "hd", "uhd"]),
            Value::Text("hd".into()),
            "The size of the files: sd up to 960, hd up to 1920, uhd up to 3840 pixels.",
        ),
        ParamSpec::with_default(
            "unique_in_run",
            ParamType::Bool,
            Value::Bool(true),
            "Whether nothing is taken twice in one job.",
        ),
        ParamSpec::with_default(
            "exclude_used_days",
            ParamType::Int { min: 0, max: 365 },
            Value::Int(30),
            "Nothing that a job used in so many days before; 0 for no such limit.",
        )
        .unit("days"),
        ParamSpec::with_default(
            "safe",
            ParamType::Bool,
            Value::Bool(true),
            "Whether only results for all ages are taken.",
        ),
    ]
}

impl NodeType for InputStock {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Stock)
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if given.word("kind", "video") == Some("image") {
            let why = "pictures have no length";
            given.useless(&["min_duration"], Some("kind"), why, found);
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        vec![match known.get("query") {
            Some(Value::List(queries)) => {
                let most = Decimal::from(queries.len().max(1));
                let calls = Spread::between(Decimal::ONE, Decimal::ONE, most);
                Quantity::new(
                    Meter::StockCalls,
                    calls,
                    "one search per text, until one fits",
                )
            }
            _ => Quantity::unknown(Meter::StockCalls, "the search texts are not known yet"),
        }]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let task = InvokeTask::FindStock(task(params)?);
        let answer = ask(Role::Stock, &libraries(context), task, steps)?;
        Ok(outputs([
            ("media", Value::List(answer.media_values(steps)?)),
            ("attribution", answer.credits()),
        ]))
    }
}

fn libraries(context: &LowerContext<'_>) -> Vec<ModelRef> {
    let named: Vec<ModelRef> = context
        .params
        .list("provider")
        .into_iter()
        .filter_map(|value| match value {
            Value::Text(name) => name.parse().ok(),
            _ => None,
        })
        .collect();
    if named.is_empty() {
        context.models.to_vec()
    } else {
        named
    }
}

fn task(params: Params<'_>) -> Result<FindStockTask, LowerError> {
    let queries: Vec<String> = params
        .list("query")
        .into_iter()
        .filter_map(|value| match value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        })
        .collect();
    if queries.is_empty() {
        return Err(LowerError::new(
            "there is nothing to look for: `query` is empty",
            "give `query` a text; scenes cut from a text have no `visual`, but a `text`",
        ));
    }
    Ok(FindStockTask {
        queries,
        kind: params.text("kind")?.to_owned(),
        orientation: params.text("orientation")?.to_owned(),
        min_duration_ms: params.int("min_duration")?.unsigned_abs(),
        count: params.u32("count")?,
        quality: params.text("quality")?.to_owned(),
        unique_in_run: params.bool("unique_in_run")?,
        exclude_used_days: params.u32("exclude_used_days")?,
        safe: params.bool("safe")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, found_media};
    use super::*;

    #[test]
    fn searches_are_tried_in_order_at_the_named_libraries() {
        let bench = Bench::new("Input.Stock")
            .with(
                "query",
                Value::List(vec![
                    Value::Text(" bees ".into()),
                    Value::Text(String::new()),
                ]),
            )
            .with("provider", Value::Text("pixabay".into()))
            .with("min_duration", Value::Text("2.5s".into()));
        let request = asked_of(&bench);
        assert_eq!(request.role, Role::Stock);
        assert_eq!(request.models[0].to_string(), "pixabay");
        let InvokeTask::FindStock(task) = &request.task else {
            panic!("{request:?}")
        };
        assert_eq!(task.queries, ["bees"]);
        assert_eq!(task.min_duration_ms, 2500);
        let out = bench.outputs(&[found_media(&["bee.mp4"])]);
        let Value::List(media) = &out["media"] else {
            panic!()
        };
        assert!(matches!(&media[0], Value::Media(clip) if clip.name == "bee.mp4"));
        assert!(matches!(&out["attribution"], Value::List(credits) if credits.len() == 1));
    }

    #[test]
    fn nothing_to_look_for_and_nothing_found_are_errors() {
        let empty = Bench::new("Input.Stock").with("query", Value::List(Vec::new()));
        assert!(empty.fails(&[]).message.contains("`query` is empty"));
        let bench = Bench::new("Input.Stock").with("query", Value::Text("bees".into()));
        assert!(
            bench
                .fails(&[found_media(&[])])
                .message
                .contains("found nothing")
        );
    }

    #[test]
    fn searches_are_counted_when_the_texts_are_known() {
        let known = |values| InputStock.estimate(&KnownParams::new(values, Vec::new()));
        assert!(known(BTreeMap::new())[0].amount.is_none());
        let texts = Value::List(vec![Value::Text("a".into()), Value::Text("b".into())]);
        let amount = known(BTreeMap::from([("query".to_owned(), texts)]))[0]
            .amount
            .unwrap();
        assert_eq!((amount.low, amount.high), (Decimal::ONE, Decimal::TWO));
    }
}
