//! Feeds: RSS, Atom and JSON Feed. No vendor but whoever the document names: each address is looked at like any that a
//! document brings, and what comes is data of a stranger.
//!
//! The one door of feed-rs. A feed is asked at most every few minutes, and then only whether it has changed; one that
//! cannot be reached is as it was for a day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use feed_rs::model::Entry;
use feed_rs::parser;
use fenta_workflows::action::{
    ActionFacts, ActionResult, FeedItem, InvokeRequest, InvokeTask, Invoked, ReadFeedTask,
};
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use super::at_once::{Answered, Answers, AskFailure, AtOnce};
use super::desk::Desk;
use super::http::{Ask, Limits, Url, shown};
use super::plain_text::plain;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::store::{RememberedAnswer, StoreError, Taker};

/// What one feed may take.
const LIMITS: Limits = Limits {
    answer: Duration::from_secs(20),
    idle: Duration::from_secs(15),
    total: Duration::from_secs(45),
    bytes: 8 << 20,
};

/// A feed that was read so recently is not asked again.
const FRESH_MS: u64 = 5 * 60_000;

/// A feed that cannot be reached is for so long what it was.
const STALE_MS: u64 = 86_400_000;

/// How long feeds are remembered at all.
const KEEP_MS: u64 = 30 * 86_400_000;

/// How long an item counts as one that an earlier film had.
const SEEN_MS: u64 = 400 * 86_400_000;

/// Characters of a title and of a summary; more is not news but an article.
const MOST_TITLE: usize = 300;
const MOST_SUMMARY: usize = 2000;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "feed",
    base_url: "",
    place: Place::Named,
    key: KeyUse::None,
    sends: KeyStyle::Bearer,
    probe: None,
    charges: false,
    services: &[Service {
        role: Role::Feed,
        usual: Some("reader"),
        open: |desk| Arc::new(AtOnce(Reader { desk })),
    }],
};

#[derive(Debug)]
struct Reader {
    desk: Desk,
}

/// An item with its time, for the order.
struct Dated {
    at: Option<jiff::Timestamp>,
    item: FeedItem,
}

impl Answers for Reader {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let InvokeTask::ReadFeed(task) = &request.task else {
                return Err(refused("feeds hold news and nothing else".to_owned(), ""));
            };
            let mut items = Vec::new();
            for url in &task.urls {
                items.extend(self.feed(url).await?);
            }
            let chosen = self.choose(task, items).await?;
            Ok(Answered {
                result: ActionResult {
                    outputs: BTreeMap::new(),
                    facts: ActionFacts::Invoked(Box::new(Invoked::Feed(chosen))),
                },
                cost_micros: Some(0),
                said: Vec::new(),
            })
        })
    }
}

impl Reader {
    /// The items of a feed.
    async fn feed(&self, address: &str) -> Result<Vec<Dated>, AskFailure> {
        let url: Url = address
            .parse()
            .map_err(|_| refused(format!("`{address}` is no address"), "write https://…"))?;
        let question = format!("feed {url}");
        let known = self.desk.store.remembered_answer(&question).await;
        let known = known.map_err(|error| unremembered(&error))?;
        if let Some(known) = &known
            && known.age_ms < FRESH_MS
        {
            return items(&known.body, &url);
        }
        match self.ask(&url, known.as_ref()).await {
            Ok((body, state)) => {
                let found = items(&body, &url)?;
                let state = (state.0.as_str(), state.1.as_str());
                let kept = self
                    .desk
                    .store
                    .remember_answer(&question, state, body, KEEP_MS)
                    .await;
                kept.map_err(|error| unremembered(&error))?;
                Ok(found)
            }
            Err(AskFailure::Refused(failure) | AskFailure::Lost(failure))
                if may_pass(failure.class) =>
            {
                match known.filter(|known| known.age_ms < STALE_MS) {
                    Some(known) => items(&known.body, &url),
                    None => Err(AskFailure::Refused(failure)),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// What a feed is now, and what its server calls that state.
    async fn ask(
        &self,
        url: &Url,
        known: Option<&RememberedAnswer>,
    ) -> Result<(Vec<u8>, (String, String)), AskFailure> {
        let desk = &self.desk;
        let mut headers = vec![(
            "accept",
            "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
                .to_owned(),
        )];
        if let Some(known) = known {
            let states = [
                ("if-none-match", &known.etag),
                ("if-modified-since", &known.last_modified),
            ];
            let said = states.into_iter().filter(|(_, state)| !state.is_empty());
            headers.extend(said.map(|(name, state)| (name, state.clone())));
        }
        let limits = match desk.patience {
            Some(patience) => Limits {
                answer: LIMITS.answer.min(patience),
                idle: LIMITS.idle.min(patience),
                ..LIMITS
            },
            None => LIMITS,
        };
        let answer = desk
            .http
            .call(Ask {
                headers,
                ..Ask::get(url.clone(), desk.brought(), limits)
            })
            .await?;
        let state = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        match (answer.status, known) {
            (200..=299, _) => Ok((answer.body.clone(), (state("etag"), state("last-modified")))),
            (304, Some(known)) => Ok((
                known.body.clone(),
                (known.etag.clone(), known.last_modified.clone()),
            )),
            (status, _) => Err(AskFailure::Refused(no(status, url))),
        }
    }

    /// Those the task wants, the newest first.
    async fn choose(
        &self,
        task: &ReadFeedTask,
        items: Vec<Dated>,
    ) -> Result<Vec<FeedItem>, AskFailure> {
        let now = self.desk.clock.now();
        let mut wanted = wanted(task, items, now);
        if task.unseen_only {
            let things = wanted.iter().map(thing).collect();
            let taker = Taker {
                vendor: format!("{} {}", VENDOR.name, task.series),
                film: task.film.clone(),
                others_within_ms: SEEN_MS,
                ..Taker::default()
            };
            let most = task.max_items as usize;
            let taken = self.desk.store.take(taker, things, most).await;
            let taken: BTreeSet<usize> = taken
                .map_err(|error| unremembered(&error))?
                .into_iter()
                .collect();
            let mut number = 0;
            if !(taken.is_empty() && task.repeats) {
                wanted.retain(|_| {
                    number += 1;
                    taken.contains(&(number - 1))
                });
            }
        }
        wanted.truncate(task.max_items as usize);
        Ok(wanted)
    }
}

/// What an item is known by: its address, or its title where it has none.
fn thing(item: &FeedItem) -> String {
    match item.url.split('#').next() {
        Some(url) if !url.is_empty() => url.to_owned(),
        _ => item.title.clone(),
    }
}

/// Those that are new enough and have one of the words, the newest first, each once.
fn wanted(task: &ReadFeedTask, mut items: Vec<Dated>, now: jiff::Timestamp) -> Vec<FeedItem> {
    let words: Vec<String> = words(&task.matching).collect();
    items.retain(|one| {
        let new = match (task.newer_than_ms, one.at) {
            (None, _) => true,
            // What does not say when it was is not known to be new.
            (Some(_), None) => false,
            (Some(limit), Some(at)) => now.duration_since(at).as_millis() <= i128::from(limit),
        };
        let text = format!("{} {}", one.item.title, one.item.summary);
        let has = |word: &String| self::words(&text).any(|own| own == *word);
        new && (words.is_empty() || words.iter().any(has))
    });
    // A stable order: of one time, that of the feeds.
    items.sort_by_key(|one| std::cmp::Reverse(one.at));
    let mut known = BTreeSet::new();
    let items = items.into_iter().map(|one| one.item);
    items
        .filter(|item| {
            let title = item.title.to_lowercase();
            known.insert(thing(item)) && known.insert(format!("title {title}"))
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Failures that pass: until then a feed is what it was.
const fn may_pass(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Network
            | FailureClass::Timeout
            | FailureClass::Server
            | FailureClass::RateLimit
    )
}

fn no(status: u16, url: &Url) -> WorkerFailure {
    let (class, hint) = match status {
        429 => (FailureClass::RateLimit, "it is tried again"),
        408 | 500..=599 => (FailureClass::Server, "it is tried again"),
        _ => (
            FailureClass::Input,
            "open the address in a browser: it may have moved, or ask for a password",
        ),
    };
    WorkerFailure {
        class,
        message: format!("the feed {} answers with status {status}", shown(url)),
        hint: hint.to_owned(),
    }
}

fn refused(message: String, hint: &str) -> AskFailure {
    AskFailure::Refused(WorkerFailure {
        class: FailureClass::Input,
        message,
        hint: hint.to_owned(),
    })
}

fn unremembered(error: &StoreError) -> AskFailure {
    AskFailure::Refused(WorkerFailure {
        class: FailureClass::Resource,
        message: format!("a feed cannot be remembered: {error}"),
        hint: "check the disk and run it again".to_owned(),
    })
}

/// The items of a feed's text.
fn items(body: &[u8], url: &Url) -> Result<Vec<Dated>, AskFailure> {
    let feed = parser::parse(body).map_err(|error| {
        // A body that ends too early may be whole the next time.
        AskFailure::Lost(WorkerFailure {
            class: match body.trim_ascii_start().first() {
                Some(b'<' | b'{') if !is_page(body) => FailureClass::Server,
                _ => FailureClass::Input,
            },
            message: format!("{} is no feed that can be read: {error}", shown(url)),
            hint: "give the address of an RSS, Atom or JSON feed, not of a page".to_owned(),
        })
    })?;
    let source = feed
        .title
        .map(|title| plain(&title.content, MOST_TITLE))
        .filter(|title| !title.is_empty())
        .or_else(|| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let items = feed.entries.into_iter().map(|entry| dated(entry, &source));
    Ok(items
        .filter(|one| !one.item.title.is_empty() || !one.item.summary.is_empty())
        .collect())
}

fn is_page(body: &[u8]) -> bool {
    let head = body[..body.len().min(512)].to_ascii_lowercase();
    head.windows(5).any(|part| part == b"<html")
}

fn dated(entry: Entry, source: &str) -> Dated {
    let said = entry.published.or(entry.updated);
    let at = said.and_then(|at| jiff::Timestamp::from_second(at.timestamp()).ok());
    let summary = entry
        .summary
        .map(|text| text.content)
        .or_else(|| entry.content.and_then(|content| content.body))
        .unwrap_or_default();
    let mut links = entry.links.iter();
    let own = links
        .find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"))
        .or(entry.links.first());
    let url = own.map(|link| link.href.clone()).filter(|href| {
        href.parse::<Url>()
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    });
    Dated {
        at,
        item: FeedItem {
            title: entry
                .title
                .map(|title| plain(&title.content, MOST_TITLE))
                .unwrap_or_default(),
            summary: plain(&summary, MOST_SUMMARY),
            url: url.unwrap_or_default(),
            source: source.to_owned(),
            published: at.map_or_else(String::new, |at| at.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSS: &str = r#"<?xml version="1.0"?><rss version="2.0"><channel><title>Garden &amp; Bees</title>
      <item><title>Bees &lt;b&gt;dance&lt;/b&gt;</title><link>https://example.org/1#top</link>
        <description><![CDATA[<p>A map&nbsp;of <a href="x">flowers</a>.</p><script>alert(1)</script>]]></description>
        <pubDate>Mon, 23 Nov 2026 06:00:00 GMT</pubDate></item>
      <item><title>Old honey</title><link>https://example.org/2</link><pubDate>Mon, 01 Nov 2021 06:00:00 GMT</pubDate></item>
      <item><title>Bees dance</title><link>https://example.org/1b</link><pubDate>Mon, 23 Nov 2026 05:00:00 GMT</pubDate></item>
      </channel></rss>"#;
    const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>Atom</title><id>a</id><updated>2026-11-23T07:00:00Z</updated>
      <entry><id>e1</id><title>Wasps rest</title><link href="https://example.com/w" rel="alternate"/><updated>2026-11-23T07:00:00Z</updated>
      <summary>In winter.</summary></entry></feed>"#;
    const JSON: &str = r#"{"version":"https://jsonfeed.org/version/1.1","title":"Json","items":[
      {"id":"1","url":"https://example.net/1","title":"Honey keeps","content_text":"For ever.","date_published":"2026-11-23T04:00:00Z"}]}"#;

    fn read(text: &str) -> Vec<Dated> {
        items(text.as_bytes(), &"https://example.org/f".parse().unwrap()).unwrap()
    }

    fn task(matching: &str, newer_than_ms: Option<u64>) -> ReadFeedTask {
        ReadFeedTask {
            urls: Vec::new(),
            matching: matching.into(),
            max_items: 10,
            newer_than_ms,
            fetch_body: false,
            unseen_only: false,
            repeats: false,
            series: String::new(),
            film: String::new(),
        }
    }

    #[test]
    fn all_three_kinds_become_items_without_marks() {
        let rss = read(RSS);
        assert_eq!(rss[0].item.title, "Bees dance");
        assert_eq!(rss[0].item.summary, "A map of flowers.");
        assert_eq!(rss[0].item.source, "Garden & Bees");
        assert_eq!(rss[0].item.published, "2026-11-23T06:00:00Z");
        let atom = read(ATOM);
        assert_eq!(atom[0].item.url, "https://example.com/w");
        let json = read(JSON);
        assert_eq!(json[0].item.summary, "For ever.");
        assert_eq!(json[0].item.published, "2026-11-23T04:00:00Z");
    }

    #[test]
    fn the_newest_come_first_each_once_and_only_with_the_words() {
        let now: jiff::Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let titles = |matching: &str, newer: Option<u64>| {
            let all = [read(RSS), read(JSON), read(ATOM)]
                .into_iter()
                .flatten()
                .collect();
            let found = wanted(&task(matching, newer), all, now);
            found.into_iter().map(|item| item.title).collect::<Vec<_>>()
        };
        let all = ["Wasps rest", "Bees dance", "Honey keeps", "Old honey"];
        assert_eq!(titles("", None), all);
        assert_eq!(titles("", Some(86_400_000)), all[..3]);
        assert_eq!(
            titles("HONEY, flowers", None),
            ["Bees dance", "Honey keeps", "Old honey"]
        );
        assert!(titles("bee", None).is_empty(), "words are whole");
    }

    #[test]
    fn what_is_no_feed_is_told() {
        let url: Url = "https://example.org/f?key=1".parse().unwrap();
        for (body, class) in [
            ("<html><body>Log in</body></html>", FailureClass::Input),
            ("Not found", FailureClass::Input),
            (&RSS[..300], FailureClass::Server),
        ] {
            let Err(AskFailure::Lost(failure)) = items(body.as_bytes(), &url) else {
                panic!("{body}")
            };
            assert_eq!(failure.class, class, "{}", failure.message);
            assert!(!failure.message.contains("key=1"), "{}", failure.message);
        }
    }
}
