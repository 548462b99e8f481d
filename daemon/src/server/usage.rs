//! `/v1/usage`: the ledger, put together by whoever asks. Sums are exact.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use fenta_client::api::usage::{Usage, UsageBy, UsageEvent, UsageEvents, UsageQuery, UsageRow};
use fenta_workflows::cost::Decimal;

use super::AppState;
use super::problem::ApiError;
use crate::store::{LedgerFilter, LedgerRow};

pub(super) async fn show(
    State(state): State<AppState>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Usage>, ApiError> {
    let rows = rows(&state, &query).await?;
    let all = state.store.ledger(LedgerFilter::default()).await?;
    let mut usage = put_together(&rows, query.by);
    usage.balanced = is_balanced(&all);
    Ok(Json(usage))
}

pub(super) async fn events(
    State(state): State<AppState>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageEvents>, ApiError> {
    let items = rows(&state, &query).await?.into_iter().map(event).collect();
    Ok(Json(UsageEvents { items }))
}

async fn rows(state: &AppState, query: &UsageQuery) -> Result<Vec<LedgerRow>, ApiError> {
    for (name, day) in [("since", &query.since), ("until", &query.until)] {
        if let Some(day) = day
            && day.parse::<jiff::civil::Date>().is_err()
        {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "request/invalid",
                format!("`{name}` is `{day}`, which is no day"),
            )
            .hint("write it as YYYY-MM-DD"));
        }
    }
    let job = match &query.job {
        Some(given) => Some(state.store.resolve_job(given).await?),
        None => None,
    };
    let filter = LedgerFilter {
        since: query.since.clone(),
        until: query.until.clone(),
        job,
    };
    Ok(state.store.ledger(filter).await?)
}

#[derive(Default)]
struct Sum {
    reserved: Decimal,
    settled: Decimal,
    released: Decimal,
    /// None as soon as one part has no price.
    usd: Option<Decimal>,
    unpriced: bool,
    source: String,
    as_of: String,
}

impl Sum {
    fn add(&mut self, row: &LedgerRow) {
        let part = match row.entry.as_str() {
            "reserved" => &mut self.reserved,
            "settled" => &mut self.settled,
            _ => &mut self.released,
        };
        *part = part.saturating_add(row.amount);
        if row.entry == "settled" {
            match row.usd {
                Some(usd) => self.usd = Some(self.usd.unwrap_or_default().saturating_add(usd)),
                None => self.unpriced = true,
            }
        }
        if self.as_of.is_empty() || row.price.as_of < self.as_of {
            self.as_of.clone_from(&row.price.as_of);
        }
        if self.source.is_empty() {
            self.source.clone_from(&row.price.source);
        } else if !self
            .source
            .split(", ")
            .any(|known| known == row.price.source)
        {
            self.source.push_str(", ");
            self.source.push_str(&row.price.source);
        }
    }

    fn open(&self) -> Decimal {
        self.reserved
            .saturating_sub(self.settled)
            .saturating_sub(self.released)
    }
}

fn put_together(rows: &[LedgerRow], by: UsageBy) -> Usage {
    let mut sums: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for row in rows {
        sums.entry((group(row, by), row.meter.clone()))
            .or_default()
            .add(row);
    }
    let total = sums
        .values()
        .filter_map(|sum| sum.usd)
        .fold(Decimal::ZERO, Decimal::saturating_add);
    let unpriced = |((_, meter), sum): (&(String, String), &Sum)| meter == "calls" && sum.unpriced;
    Usage {
        unpriced: sums.iter().any(unpriced),
        balanced: is_balanced(rows),
        items: sums
            .into_iter()
            .map(|((group, meter), sum)| UsageRow {
                group,
                meter,
                settled: text(sum.settled),
                reserved: text(sum.reserved),
                released: text(sum.released),
                open: text(sum.open()),
                usd: sum.usd.filter(|_| !sum.unpriced).map(text),
                price_source: sum.source,
                price_as_of: sum.as_of,
            })
            .collect(),
        total_usd: text(total),
    }
}

/// Whether nothing was used that had not been set aside, in every turn of every job.
fn is_balanced(rows: &[LedgerRow]) -> bool {
    let mut sums: BTreeMap<(&str, &str, &str), Sum> = BTreeMap::new();
    for row in rows {
        sums.entry((&row.job, &row.turn, &row.meter))
            .or_default()
            .add(row);
    }
    sums.values().all(|sum| sum.open() >= Decimal::ZERO)
}

fn group(row: &LedgerRow, by: UsageBy) -> String {
    let node = row.turn.split('[').next().unwrap_or(&row.turn);
    match by {
        UsageBy::Day => row.day.clone(),
        UsageBy::Workflow => row.workflow.clone(),
        UsageBy::Node if row.workflow.is_empty() => String::new(),
        UsageBy::Node => format!("{}/{node}", row.workflow),
        UsageBy::Meter => String::new(),
        UsageBy::Job => row.job.clone(),
    }
}

fn event(row: LedgerRow) -> UsageEvent {
    UsageEvent {
        seq: row.seq,
        at: row.at,
        day: row.day,
        entry: row.entry,
        job: row.job,
        workflow: row.workflow,
        node: row.turn,
        meter: row.meter,
        amount: text(row.amount),
        usd: row.usd.map(text),
        price_source: row.price.source,
        price_as_of: row.price.as_of,
    }
}

fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PriceNote;

    fn row(entry: &str, turn: &str, amount: &str, usd: Option<&str>, as_of: &str) -> LedgerRow {
        LedgerRow {
            seq: 1,
            at: "2026-01-01T00:00:00Z".to_owned(),
            day: "2026-01-01".to_owned(),
            entry: entry.to_owned(),
            job: "job_1".to_owned(),
            workflow: "daily".to_owned(),
            turn: turn.to_owned(),
            meter: "usd".to_owned(),
            amount: amount.parse().unwrap(),
            usd: usd.map(|usd| usd.parse().unwrap()),
            price: PriceNote {
                source: "price table".to_owned(),
                as_of: as_of.to_owned(),
            },
        }
    }

    #[test]
    fn sums_are_exact_and_say_where_their_prices_are_from() {
        let rows = [
            row("reserved", "clip[0]", "0.30", Some("0.30"), "2026-06-30"),
            row("settled", "clip[0]", "0.1", Some("0.1"), "2026-06-30"),
            row("released", "clip[0]", "0.2", Some("0.2"), "2026-06-30"),
            row("reserved", "clip[1]", "0.2", Some("0.2"), "2026-05-01"),
            row("settled", "clip[1]", "0.2", Some("0.2"), "2026-05-01"),
            row("reserved", "clip[2]", "7", Some("7"), "2026-06-30"),
        ];
        let usage = put_together(&rows, UsageBy::Node);
        assert_eq!(usage.items.len(), 1);
        let sum = &usage.items[0];
        assert_eq!(
            (&*sum.group, &*sum.settled, &*sum.open),
            ("daily/clip", "0.3", "7")
        );
        assert_eq!(
            (sum.usd.as_deref(), &*sum.price_as_of),
            (Some("0.3"), "2026-05-01")
        );
        assert_eq!((&*usage.total_usd, usage.balanced), ("0.3", true));
        let unpriced = [row("settled", "a", "5", None, "2026-01-01")];
        let usage = put_together(&unpriced, UsageBy::Meter);
        assert_eq!(
            (usage.items[0].usd.as_deref(), usage.balanced),
            (None, false)
        );
    }
}
