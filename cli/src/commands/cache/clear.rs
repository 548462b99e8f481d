//! `fenta cache gc|pin|unpin`.

use fenta_client::api::cache::{
    CacheBound, CacheCollected, CachePins, CollectCache, CollectedItem, PinCache,
};
use jiff::Timestamp;

use super::count;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::ui::table::{Row, Table};
use crate::ui::{bytes, span};

/// Clear what nobody needs. Without a size the ceiling of the settings decides. What jobs need and what is pinned
/// always stays; what a provider was paid for goes last.
#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Only tell what would go
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Clear until this much is left, for example 5GB or 20%; the floor of the settings stays
    #[arg(long, value_name = "SIZE", conflicts_with = "all")]
    down_to: Option<CacheBound>,
    /// Clear everything nobody needs, below the floor too
    #[arg(long)]
    all: bool,
}

/// Keep something in the cache.
#[derive(Debug, clap::Args)]
pub(crate) struct PinArgs {
    /// A job (id, unique prefix or `latest`) or the digest of a result
    #[arg(value_name = "JOB|DIGEST")]
    target: Option<String>,
}

/// Take a pin back.
#[derive(Debug, clap::Args)]
pub(crate) struct UnpinArgs {
    /// A job (id, unique prefix or `latest`) or the digest of a result
    #[arg(value_name = "JOB|DIGEST")]
    target: String,
}

pub(super) async fn collect(context: &Context, args: GcArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let down_to = match args.down_to {
        Some(CacheBound::Bytes(bytes)) => Some(bytes),
        Some(part) => Some(part.of(client.cache_usage().await?.disk_bytes)),
        None => None,
    };
    let how = CollectCache {
        dry_run: args.dry_run,
        down_to,
        all: args.all,
    };
    let done = client.collect_cache(&how).await?;
    if ui.is_json() {
        return ui.json(&done);
    }
    if ui.is_quiet() {
        return ui.result(&done.freed.to_string());
    }
    if args.dry_run {
        ui.table(&items(&done.items, Timestamp::now()))?;
        let more = done.blobs.saturating_sub(done.items.len() as u64);
        if more > 0 {
            ui.note(&format!("and {}", count(more, "other")));
        }
    }
    for note in notes(&done) {
        ui.note(&note);
    }
    ui.result(&sentence(&done))
}

pub(super) async fn pin(context: &Context, args: PinArgs) -> Result<(), CommandError> {
    let client = context.session.client(&context.ui).await?;
    let pins = match args.target {
        Some(target) => client.pin_cache(&PinCache { target }).await?,
        None => client.cache_pins().await?,
    };
    show(context, &pins)
}

pub(super) async fn unpin(context: &Context, args: UnpinArgs) -> Result<(), CommandError> {
    let client = context.session.client(&context.ui).await?;
    let pin = PinCache {
        target: args.target,
    };
    let pins = client.unpin_cache(&pin).await?;
    show(context, &pins)
}

fn show(context: &Context, pins: &CachePins) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return pins.items.iter().try_for_each(|pin| ui.json(pin));
    }
    if ui.is_quiet() {
        return pins.items.iter().try_for_each(|pin| ui.result(&pin.target));
    }
    if pins.items.is_empty() {
        ui.note("nothing is pinned");
    }
    ui.table(&table(pins, Timestamp::now()))
}

fn table(pins: &CachePins, now: Timestamp) -> Table {
    let mut table = Table::new(&["PINNED", "WHAT", "RESULTS", "SIZE", "SINCE"]);
    for pin in &pins.items {
        table.row(
            Row::new()
                .cell(&pin.target)
                .cell(if pin.is_job { "job" } else { "result" })
                .cell(pin.results.to_string())
                .both(bytes::short(pin.bytes), pin.bytes.to_string())
                .both(span::ago(&pin.at, now), &pin.at),
        );
    }
    table
}

fn items(items: &[CollectedItem], now: Timestamp) -> Table {
    let mut table = Table::new(&["BLOB", "KIND", "RESULT", "SIZE", "MADE IN", "USED"]);
    for item in items {
        let used = item.last_used.as_deref();
        let result = item.result.as_deref().unwrap_or_default();
        table.row(
            Row::new()
                .both(item.blob.get(..12).unwrap_or(&item.blob), &item.blob)
                .cell(&item.kind)
                .both(result.get(..12).unwrap_or(result), result)
                .both(bytes::short(item.bytes), item.bytes.to_string())
                .both(span::short(item.made_ms), item.made_ms.to_string())
                .both(
                    used.map_or(String::new(), |used| span::ago(used, now)),
                    used.unwrap_or_default(),
                ),
        );
    }
    table
}

/// What happened, in one line.
fn sentence(done: &CacheCollected) -> String {
    let verb = if done.dry_run { "would free" } else { "freed" };
    format!(
        "{verb} {} ({} bytes): {} of {}, {} left",
        bytes::short(done.freed),
        done.freed,
        count(done.blobs, "blob"),
        count(done.results, "result"),
        bytes::short(done.after)
    )
}

/// Why it is not more, and what else to know.
fn notes(done: &CacheCollected) -> Vec<String> {
    let mut notes = Vec::new();
    if done.freed == 0 && done.before <= done.target {
        notes.push(format!(
            "the cache holds {} and is within its bounds; --down-to SIZE clears more",
            bytes::short(done.before)
        ));
    } else if done.at_floor {
        notes.push(format!(
            "it ended at the floor, {} were asked for; `cache.floor` or --all go below it",
            bytes::short(done.target)
        ));
    } else if done.after > done.target {
        notes.push(format!(
            "{} stay: {} are in use, {} are pinned",
            bytes::short(done.after),
            bytes::short(done.held.bytes),
            bytes::short(done.pinned.bytes)
        ));
    }
    if done.spared > 0 {
        notes.push(format!(
            "{} came into use meanwhile and stay",
            count(done.spared, "blob")
        ));
    }
    if done.paid_results > 0 {
        notes.push(format!(
            "{} a provider was paid for: making them again costs money",
            count(done.paid_results, "result")
        ));
    }
    if done.quarantine.files > 0 {
        notes.push(format!(
            "{} of quarantine, {}",
            count(done.quarantine.files, "file"),
            bytes::short(done.quarantine.bytes)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> CacheCollected {
        CacheCollected {
            before: 5_000_000,
            freed: 2_000_000,
            after: 3_000_000,
            target: 3_000_000,
            blobs: 12,
            results: 1,
            ..CacheCollected::default()
        }
    }

    #[test]
    fn the_bytes_freed_are_told_exactly() {
        assert_eq!(
            sentence(&done()),
            "freed 2.0 MB (2000000 bytes): 12 blobs of 1 result, 3.0 MB left"
        );
        assert_eq!(notes(&done()), Vec::<String>::new());
    }

    #[test]
    fn what_stays_is_explained() {
        let stuck = CacheCollected {
            target: 1_000_000,
            paid_results: 2,
            spared: 1,
            ..done()
        };
        let said = notes(&stuck).join("\n");
        assert!(
            said.contains("3.0 MB stay") && said.contains("2 results a provider"),
            "{said}"
        );
        let at_floor = CacheCollected {
            at_floor: true,
            ..stuck
        };
        assert!(notes(&at_floor)[0].contains("floor"));
        let idle = CacheCollected {
            freed: 0,
            target: 9_000_000,
            ..done()
        };
        assert!(notes(&idle)[0].contains("within its bounds"));
    }
}
