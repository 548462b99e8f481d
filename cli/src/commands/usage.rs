//! `fenta usage`: what was used, of which meter, and what it cost.

use fenta_client::api::usage::{Usage, UsageBy, UsageEvent, UsageQuery};
use jiff::civil::Date;

use super::Context;
use crate::command_error::CommandError;
use crate::ui::table::{Row, Table};

/// What meters count; printed by `--help`.
const METERS: &str = "\
Meters:
  render_seconds   seconds of video that came out; up to 1080p each counts as 1.5, beyond as more. Free on this machine
  tts_chars        characters spoken by the engines of this machine. Free
  tracks           pieces of music composed on this machine. Free
  storage_gb_days  decimal gigabytes the cache held, noted once a day. Free on this machine
  usd              dollars that providers charged; what they do not say is counted at the most it may have been
  credits          the same in the credits of a hosted account";

/// What was used and what it cost. Work of this machine is counted and free; work that was found in the cache is not
/// counted.
#[derive(Debug, clap::Args)]
#[command(after_long_help = METERS)]
pub(crate) struct UsageArgs {
    /// What rows are put together by
    #[arg(long, value_enum, default_value_t = By::Day)]
    by: By,
    /// From this day on, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    since: Option<Date>,
    /// Up to this day, which is included
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// Only of this job: id, unique prefix or `latest`
    #[arg(long)]
    job: Option<String>,
    /// Every row of the ledger, nothing put together
    #[arg(long, conflicts_with = "by")]
    rows: bool,
}

/// What rows are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Day,
    Workflow,
    Node,
    Meter,
    Job,
}

impl UsageArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let query = UsageQuery {
            by: match self.by {
                By::Day => UsageBy::Day,
                By::Workflow => UsageBy::Workflow,
                By::Node => UsageBy::Node,
                By::Meter => UsageBy::Meter,
                By::Job => UsageBy::Job,
            },
            since: self.since.map(|day| day.to_string()),
            until: self.until.map(|day| day.to_string()),
            job: self.job,
        };
        let client = context.session.client(ui).await?;
        if self.rows {
            let events = client.usage_events(&query).await?.items;
            return if ui.is_json() {
                events.iter().try_for_each(|event| ui.json(event))
            } else {
                ui.table(&ledger(&events))
            };
        }
        let usage = client.usage(&query).await?;
        if ui.is_json() {
            return ui.json(&usage);
        }
        if ui.is_quiet() {
            return ui.result(&usage.total_usd);
        }
        if usage.items.is_empty() {
            ui.note("nothing was used");
        }
        if !usage.balanced {
            ui.warn("the ledger does not balance: more was settled than reserved");
        }
        ui.table(&table(&usage, query.by))?;
        if !usage.items.is_empty() {
            ui.note(&total(&usage));
        }
        Ok(())
    }
}

/// The sum; what nobody knows is never in it as nothing.
fn total(usage: &Usage) -> String {
    match (usage.total_usd.as_str(), usage.unpriced) {
        (usd, false) => format!("${usd} in all"),
        ("0", true) => "in all unknown: nobody says what the calls cost".to_owned(),
        (usd, true) => format!("${usd} in all, and calls of which nobody says what they cost"),
    }
}

fn table(usage: &Usage, by: UsageBy) -> Table {
    let group = match by {
        UsageBy::Day => "DAY",
        UsageBy::Workflow => "WORKFLOW",
        UsageBy::Node => "NODE",
        UsageBy::Meter => "",
        UsageBy::Job => "JOB",
    };
    let mut table = Table::new(&[group, "METER", "USED", "SET ASIDE", "COST", "PRICES"]);
    for row in &usage.items {
        let cost = row.usd.as_ref().map_or("unknown".to_owned(), |usd| {
            if usd == "0" {
                "free".to_owned()
            } else {
                format!("${usd}")
            }
        });
        table.row(
            Row::new()
                .cell(&row.group)
                .cell(&row.meter)
                .cell(&row.settled)
                .both(if row.open == "0" { "" } else { &row.open }, &row.open)
                .both(cost, row.usd.clone().unwrap_or_default())
                .cell(format!("{} of {}", row.price_source, row.price_as_of)),
        );
    }
    table
}

fn ledger(events: &[UsageEvent]) -> Table {
    let mut table = Table::new(&[
        "SEQ", "AT", "ENTRY", "METER", "AMOUNT", "USD", "WORKFLOW", "NODE", "JOB", "PRICE",
    ]);
    for event in events {
        table.row(
            Row::new()
                .cell(event.seq.to_string())
                .cell(&event.at)
                .cell(&event.entry)
                .cell(&event.meter)
                .cell(&event.amount)
                .cell(event.usd.clone().unwrap_or_default())
                .cell(&event.workflow)
                .cell(&event.node)
                .both(event.job.get(..18).unwrap_or(&event.job), &event.job)
                .cell(format!("{} of {}", event.price_source, event.price_as_of)),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_work_and_unknown_prices_are_told_apart() {
        let json = r#"{"items":[
            {"group":"2026-01-01","meter":"render_seconds","settled":"90","reserved":"90","released":"0","open":"0","usd":"0","price_source":"this machine","price_as_of":"2026-01-01"},
            {"group":"2026-01-01","meter":"credits","settled":"5","reserved":"9","released":"0","open":"4","price_source":"price table","price_as_of":"2025-12-01"}
        ],"total_usd":"0","balanced":true}"#;
        let usage: Usage = serde_json::from_str(json).unwrap();
        let table = table(&usage, UsageBy::Day);
        let people = table.for_people(crate::ui::style::Style::new(false));
        assert!(
            people.contains("free") && people.contains("unknown"),
            "{people}"
        );
        assert_eq!(
            table.for_pipes(),
            "2026-01-01\trender_seconds\t90\t0\t0\tthis machine of 2026-01-01\n\
             2026-01-01\tcredits\t5\t4\t\tprice table of 2025-12-01"
        );
    }
}
