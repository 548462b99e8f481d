//! `fenta cache ls|show|du`.

use fenta_client::api::cache::{
    CacheBlobState, CacheEntry, CacheEntryDetail, CacheHeap, CacheOrder, CacheQuery, CacheUsage,
};
use jiff::Timestamp;

use super::count;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::ui::table::{Row, Table, Tint};
use crate::ui::{bytes, span};

/// Characters of a digest that people are shown.
const SHORT_DIGEST: usize = 12;

/// Uses shown of one result.
const USES: usize = 10;

/// List results.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Which first: last used, largest, what took longest to make, or what would be cleared next
    #[arg(long, value_enum, default_value_t = Sort::Used)]
    sort: Sort,
    /// Only results of this kind, for example render_segment
    #[arg(long)]
    kind: Option<String>,
}

/// Which first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    Used,
    Size,
    Effort,
    Next,
}

/// One result.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The digest of a result or of one of its blobs, or the beginning of it
    #[arg(value_name = "DIGEST")]
    digest: String,
}

pub(super) async fn list(context: &Context, args: LsArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let query = CacheQuery {
        limit: Some(args.limit),
        order: match args.sort {
            Sort::Used => CacheOrder::Used,
            Sort::Size => CacheOrder::Size,
            Sort::Effort => CacheOrder::Effort,
            Sort::Next => CacheOrder::Next,
        },
        kind: args.kind,
    };
    let client = context.session.client(ui).await?;
    let list = client.cache_entries(&query).await?;
    if let Some(kind) = query.kind.as_ref().filter(|_| list.total == 0) {
        let usage = client.cache_usage().await?;
        return Err(no_kind(kind, &usage));
    }
    if ui.is_json() {
        return list.items.iter().try_for_each(|entry| ui.json(entry));
    }
    if ui.is_quiet() {
        return list
            .items
            .iter()
            .try_for_each(|entry| ui.result(&entry.digest));
    }
    if list.items.is_empty() {
        ui.note("no results");
    }
    ui.table(&table(&list.items, Timestamp::now()))?;
    let more = list.total.saturating_sub(list.items.len() as u64);
    if more > 0 {
        ui.note(&format!("and {}; --limit shows more", count(more, "other")));
    }
    Ok(())
}

pub(super) async fn show(context: &Context, args: ShowArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let detail = client.cache_entry(&args.digest).await?;
    if ui.is_json() {
        return ui.json(&detail);
    }
    if ui.is_quiet() {
        return ui.result(&detail.entry.digest);
    }
    ui.result(&facts(&detail))?;
    ui.table(&blobs(&detail))
}

pub(super) async fn usage(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let usage = context.session.client(ui).await?.cache_usage().await?;
    if ui.is_json() {
        return ui.json(&usage);
    }
    if ui.is_quiet() {
        return ui.result(&usage.total.bytes.to_string());
    }
    ui.table(&kinds(&usage))?;
    ui.result(&bounds(&usage))
}

/// Whoever asks for a kind that is not there is told which are.
fn no_kind(kind: &str, usage: &CacheUsage) -> CommandError {
    let kinds: Vec<&str> = usage.kinds.iter().map(|one| one.kind.as_str()).collect();
    let hint = match kinds.is_empty() {
        true => "the cache is empty".to_owned(),
        false => format!("it has {}", kinds.join(", ")),
    };
    CommandError::usage(
        format!("the cache has no result of the kind `{kind}`"),
        hint,
    )
}

fn table(entries: &[CacheEntry], now: Timestamp) -> Table {
    let mut table = Table::new(&["RESULT", "KIND", "SIZE", "MADE IN", "USED", "BY", "NOTES"]);
    for entry in entries {
        let by = entry.used_by.as_ref().map_or(String::new(), |used| {
            format!("{} {}", used.workflow, used.node)
        });
        let tint = if entry.complete {
            Tint::Plain
        } else {
            Tint::Bad
        };
        table.row(
            Row::new()
                .both(short(&entry.digest), &entry.digest)
                .cell(&entry.kind)
                .both(bytes::short(entry.bytes), entry.bytes.to_string())
                .both(span::short(entry.made_ms), entry.made_ms.to_string())
                .both(span::ago(&entry.last_used, now), &entry.last_used)
                .cell(by)
                .tinted(notes(entry), notes(entry), tint),
        );
    }
    table
}

/// What is special about a result.
fn notes(entry: &CacheEntry) -> String {
    let notes = [
        (entry.pinned, "pinned"),
        (entry.paid, "paid"),
        (entry.held, "in use"),
        (!entry.complete, "incomplete"),
    ];
    let said: Vec<&str> = notes
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, word)| word)
        .collect();
    said.join(", ")
}

fn facts(detail: &CacheEntryDetail) -> String {
    let entry = &detail.entry;
    let mut lines = vec![
        format!("result    {}", entry.digest),
        format!("kind      {}", entry.kind),
        format!("size      {}", bytes::short(entry.bytes)),
        format!(
            "made      {}, in {}",
            entry.made_at,
            span::short(entry.made_ms)
        ),
        format!("used      {}", entry.last_used),
    ];
    let notes = notes(entry);
    if !notes.is_empty() {
        lines.push(format!("notes     {notes}"));
    }
    for used in detail.uses.iter().take(USES) {
        lines.push(format!(
            "used by   {} of {} in {}",
            used.node, used.workflow, used.job
        ));
    }
    if detail.uses.len() > USES {
        let more = (detail.uses.len() - USES) as u64;
        lines.push(format!("          and {}", count(more, "other")));
    }
    lines.join("\n")
}

fn blobs(detail: &CacheEntryDetail) -> Table {
    let mut table = Table::new(&["OUTPUT", "SIZE", "STATE", "FILE"]);
    for blob in &detail.blobs {
        let (state, tint) = match blob.state {
            CacheBlobState::Whole => ("whole", Tint::Good),
            CacheBlobState::Missing => ("missing", Tint::Bad),
            CacheBlobState::Damaged => ("damaged", Tint::Bad),
        };
        table.row(
            Row::new()
                .cell(&blob.output)
                .both(bytes::short(blob.bytes), blob.bytes.to_string())
                .tinted(state, state, tint)
                .cell(&blob.path),
        );
    }
    table
}

fn kinds(usage: &CacheUsage) -> Table {
    let mut table = Table::new(&["WHAT", "RESULTS", "SIZE", "MADE IN"]);
    for kind in &usage.kinds {
        table.row(
            Row::new()
                .cell(&kind.kind)
                .cell(kind.results.to_string())
                .both(bytes::short(kind.bytes), kind.bytes.to_string())
                .both(span::short(kind.made_ms), kind.made_ms.to_string()),
        );
    }
    let mut heap = |what: &str, heap: CacheHeap| {
        if heap.files > 0 {
            table.row(
                Row::new()
                    .cell(what)
                    .cell(heap.files.to_string())
                    .both(bytes::short(heap.bytes), heap.bytes.to_string())
                    .cell(""),
            );
        }
    };
    heap("copies of your files", usage.copies);
    heap("left over", usage.loose);
    table
}

/// The sums and what they may be, one a line.
fn bounds(usage: &CacheUsage) -> String {
    let size = |heap: CacheHeap| {
        format!(
            "{} in {}",
            bytes::short(heap.bytes),
            count(heap.files, "file")
        )
    };
    let mut lines = vec![format!("total       {}", size(usage.total))];
    for (name, heap) in [
        ("pinned", usage.pinned),
        ("paid", usage.paid),
        ("in use", usage.held),
        ("to go", usage.marked),
        ("quarantine", usage.quarantine),
        ("scratch", usage.scratch),
    ] {
        if heap.files > 0 {
            lines.push(format!("{name:<11} {}", size(heap)));
        }
    }
    lines.push(format!(
        "bounds      cleared above {}, never below {}",
        bytes::short(usage.ceiling),
        bytes::short(usage.floor)
    ));
    lines.push(format!(
        "disk        {} free of {}, {} wanted free",
        bytes::short(usage.disk_free),
        bytes::short(usage.disk_bytes),
        bytes::short(usage.min_free)
    ));
    lines.push(format!("folder      {}", usage.path));
    lines.join("\n")
}

fn short(digest: &str) -> &str {
    digest.get(..SHORT_DIGEST).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use fenta_client::api::cache::CacheUse;

    use super::*;

    fn entry() -> CacheEntry {
        CacheEntry {
            digest: "ab".repeat(32),
            kind: "speak".to_owned(),
            bytes: 1_440_000,
            made_ms: 9_840,
            made_at: "2026-01-01T00:00:00Z".to_owned(),
            last_used: "2026-01-01T00:00:00Z".to_owned(),
            paid: false,
            pinned: true,
            held: false,
            complete: false,
            used_by: Some(CacheUse {
                job: "job_1".to_owned(),
                workflow: "daily".to_owned(),
                node: "voice".to_owned(),
                at: "2026-01-01T00:00:00Z".to_owned(),
            }),
        }
    }

    #[test]
    fn people_read_sizes_and_programs_numbers() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let table = table(&[entry()], now);
        assert_eq!(
            table.for_pipes(),
            format!(
                "{}\tspeak\t1440000\t9840\t2026-01-01T00:00:00Z\tdaily voice\tpinned, incomplete",
                "ab".repeat(32)
            )
        );
        let people = table.for_people(crate::ui::style::Style::new(false));
        assert!(
            people.contains("abababababab  speak  1.4 MB  9.8s     1h ago"),
            "{people}"
        );
    }

    #[test]
    fn the_sums_leave_out_what_there_is_none_of() {
        let json = r#"{"total":{"bytes":2000,"files":3},"results":2,"kinds":[],
            "copies":{"bytes":0,"files":0},"loose":{"bytes":5,"files":1},"pinned":{"bytes":7,"files":1},
            "paid":{"bytes":0,"files":0},"held":{"bytes":0,"files":0},"marked":{"bytes":0,"files":0},
            "quarantine":{"bytes":0,"files":0},"scratch":{"bytes":0,"files":0},"floor":10,"ceiling":60,
            "min_free":5,"disk_bytes":100,"disk_free":50,"path":"/s/cas"}"#;
        let usage: CacheUsage = serde_json::from_str(json).unwrap();
        let text = bounds(&usage);
        assert!(
            text.starts_with("total       2.0 kB in 3 files\npinned      7 B in 1 file\nbounds"),
            "{text}"
        );
        assert_eq!(kinds(&usage).for_pipes(), "left over\t1\t5\t");
    }
}
