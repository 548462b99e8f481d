//! The ledger of usage: append-only rows, written in the transaction of what they tell of.
//!
//! Money and credits that a turn may cost are *reserved* before it is asked for, *settled* when it is done, and what is
//! left is *released* at its end: for every job, turn and thing asked for, reserved = settled + released from then on.
//! Work of this machine is reserved and settled at once. Amounts are decimals, never binary floating point.

use std::collections::BTreeMap;

use fenta_workflows::cost::Decimal;
use rusqlite::{Connection, params};

use super::call_costs;
use super::charges::Charge;
use super::{Store, StoreError};

/// Where the price of work on this machine is from.
pub const THIS_MACHINE: &str = "this machine";

/// Where a price is from, and of which day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceNote {
    /// Who says so.
    pub source: String,
    /// The day, `YYYY-MM-DD`.
    pub as_of: String,
}

/// What a turn used of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// What it was asked for: the same once more is the same purchase.
    pub ask: String,
    /// What is counted, for example `render_seconds`.
    pub meter: String,
    /// How much.
    pub amount: Decimal,
    /// What it costs; none where nobody knows.
    pub usd: Option<Decimal>,
    /// Whether this is all of a purchase, however often it is told; otherwise it comes on top.
    pub is_total: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its place.
    pub seq: u64,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// The day on the user's calendar.
    pub day: String,
    /// `reserved`, `settled` or `released`.
    pub entry: String,
    /// The job; empty where it is nobody's.
    pub job: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The node, with the number of the item in a `for_each`.
    pub turn: String,
    /// What is counted.
    pub meter: String,
    /// How much.
    pub amount: Decimal,
    /// What it costs; none where nobody knows.
    pub usd: Option<Decimal>,
    /// Where the price is from.
    pub price: PriceNote,
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// From this day on, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// Up to this day, which is included.
    pub until: Option<String>,
    /// Only of this job.
    pub job: Option<String>,
}

/// The sums of one purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Balance {
    reserved: Decimal,
    settled: Decimal,
    released: Decimal,
}

impl Balance {
    fn open(&self) -> Decimal {
        self.reserved
            .saturating_sub(self.settled)
            .saturating_sub(self.released)
    }
}

/// A purchase: what a turn of a job asked for, counted by one meter.
pub(super) struct Purchase<'a> {
    pub(super) job: &'a str,
    pub(super) turn: &'a str,
    pub(super) ask: &'a str,
    pub(super) meter: &'a str,
}

/// The moment of an entry.
pub(super) struct When<'a> {
    /// RFC 3339 UTC.
    pub(super) at: &'a str,
    /// The day on the user's calendar.
    pub(super) day: &'a str,
}

/// How much an entry is about.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) amount: Decimal,
    pub(super) usd: Option<Decimal>,
    pub(super) price: &'a PriceNote,
}

impl Store {
    /// What nodes and jobs used, in the order it was written.
    pub async fn ledger(&self, filter: LedgerFilter) -> Result<Vec<LedgerRow>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT seq, at, day, entry, job, workflow, turn, meter, amount, usd, price_source, price_as_of
                     FROM usage_ledger
                     WHERE day >= coalesce(?1, '') AND day <= coalesce(?2, '9999') AND job = coalesce(?3, job)
                     ORDER BY seq",
                )?;
                let mut rows = statement.query(params![filter.since, filter.until, filter.job])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(one_row(row)?);
                }
                Ok(found)
            })
            .await
    }

    /// Writes down what a turn used although it did not come to its end.
    pub async fn note_used(
        &self,
        job: &str,
        turn: &str,
        used: Vec<Used>,
    ) -> Result<(), StoreError> {
        let (at, day) = (self.clock.now_text(), self.clock.local_date().to_string());
        let (job, turn) = (job.to_owned(), turn.to_owned());
        self.threads
            .write(move |connection| {
                let when = When { at: &at, day: &day };
                settle(connection, &when, &job, &turn, &used)
            })
            .await
    }

    /// Notes what the store holds, once a day: decimal gigabytes, to the megabyte. True when it was this day's first.
    pub async fn note_storage(&self, bytes: u64) -> Result<bool, StoreError> {
        let (at, day) = (self.clock.now_text(), self.clock.local_date().to_string());
        self.threads
            .write(move |connection| {
                let known: bool = connection
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM usage_ledger WHERE day = ?1 AND meter = 'storage_gb_days')",
                    )?
                    .query_row([&day], |row| row.get(0))?;
                if known {
                    return Ok(false);
                }
                let amount = (Decimal::from(bytes) / Decimal::from(1_000_000_000_u64)).round_dp(3);
                if amount <= Decimal::ZERO {
                    // A store that is just being filled: a later look of the day counts.
                    return Ok(false);
                }
                let used = Used {
                    ask: day.clone(),
                    meter: "storage_gb_days".to_owned(),
                    amount,
                    usd: Some(Decimal::ZERO),
                    is_total: true,
                };
                let when = When { at: &at, day: &day };
                settle(connection, &when, "", "", &[used])?;
                Ok(true)
            })
            .await
    }
}

/// Reserves what a turn is charged, as far as it is not reserved yet.
pub(super) fn reserve(
    connection: &Connection,
    when: &When<'_>,
    job: &str,
    charge: &Charge,
    price: &PriceNote,
) -> Result<(), StoreError> {
    let lines = [
        ("render_seconds", charge.render_ms, 3, Some(Decimal::ZERO)),
        ("usd", charge.usd_micros, 6, None),
        ("credits", charge.millicredits, 3, None),
    ];
    for (meter, amount, places, usd) in lines {
        let amount = Decimal::new(i64::try_from(amount).unwrap_or(i64::MAX), places);
        let purchase = Purchase {
            job,
            turn: &charge.turn,
            ask: &charge.ask,
            meter,
        };
        let held = balance(connection, &purchase)?;
        let more = amount.saturating_sub(held.reserved.saturating_sub(held.released));
        if more > Decimal::ZERO {
            // Money is its own price.
            let usd = if meter == "usd" { Some(more) } else { usd };
            append(
                connection,
                when,
                "reserved",
                &purchase,
                Line {
                    amount: more,
                    usd,
                    price,
                },
            )?;
        }
    }
    Ok(())
}

/// Settles what a turn used; what was not reserved for it is, so that the books balance.
fn settle(
    connection: &Connection,
    when: &When<'_>,
    job: &str,
    turn: &str,
    used: &[Used],
) -> Result<(), StoreError> {
    let local = local_price(when);
    for one in used {
        let purchase = Purchase {
            job,
            turn,
            ask: &one.ask,
            meter: &one.meter,
        };
        let more = if one.is_total {
            let held = balance(connection, &purchase)?;
            one.amount.saturating_sub(held.settled)
        } else {
            one.amount
        };
        if more <= Decimal::ZERO {
            continue;
        }
        let price = price_of(connection, &purchase)?.unwrap_or_else(|| local.clone());
        let line = Line {
            amount: more,
            usd: one.usd,
            price: &price,
        };
        settle_line(connection, when, &purchase, line)?;
    }
    Ok(())
}

/// Work of this machine, today.
pub(super) fn local_price(when: &When<'_>) -> PriceNote {
    PriceNote {
        source: THIS_MACHINE.to_owned(),
        as_of: when.day.to_owned(),
    }
}

/// What of a purchase is reserved and neither settled nor released.
pub(super) fn open(
    connection: &Connection,
    purchase: &Purchase<'_>,
) -> Result<Decimal, StoreError> {
    Ok(balance(connection, purchase)?.open().max(Decimal::ZERO))
}

/// Settles so much; what was not reserved for it is, so that the books balance.
pub(super) fn settle_line(
    connection: &Connection,
    when: &When<'_>,
    purchase: &Purchase<'_>,
    line: Line<'_>,
) -> Result<(), StoreError> {
    let short = line.amount.saturating_sub(open(connection, purchase)?);
    if short > Decimal::ZERO {
        let reserved = Line {
            amount: short,
            ..line
        };
        append(connection, when, "reserved", purchase, reserved)?;
    }
    append(connection, when, "settled", purchase, line)
}

/// The end of a turn that used this: it is settled, with what its calls cost, and what is left of its reservations is released.
pub(super) fn close_turn(
    connection: &Connection,
    when: &When<'_>,
    job: &str,
    turn: &str,
    used: &[Used],
) -> Result<(), StoreError> {
    settle(connection, when, job, turn, used)?;
    call_costs::settle_turn(connection, when, job, turn)?;
    release(connection, when.at, job, Some(turn))
}

/// The end of a job: what its calls cost is settled, and whatever is still reserved for it released.
pub(super) fn close_job(connection: &Connection, at: &str, job: &str) -> Result<(), StoreError> {
    call_costs::settle_job(connection, at, job)?;
    release(connection, at, job, None)
}

/// What is released is told under the day it was reserved on, so that days balance too.
fn release(
    connection: &Connection,
    at: &str,
    job: &str,
    turn: Option<&str>,
) -> Result<(), StoreError> {
    type Sums = BTreeMap<(String, String, String), (Balance, PriceNote, String)>;
    let mut sums: Sums = BTreeMap::new();
    {
        let mut statement = connection.prepare_cached(
            "SELECT turn, ask, meter, entry, amount, price_source, price_as_of, day FROM usage_ledger
             WHERE job = ?1 AND turn = coalesce(?2, turn) ORDER BY seq",
        )?;
        let mut rows = statement.query(params![job, turn])?;
        while let Some(row) = rows.next()? {
            let price = PriceNote {
                source: row.get(5)?,
                as_of: row.get(6)?,
            };
            let key = (row.get(0)?, row.get(1)?, row.get(2)?);
            let entry: String = row.get(3)?;
            let (sum, last, day) = sums
                .entry(key)
                .or_insert_with(|| (Balance::default(), price.clone(), String::new()));
            add(sum, &entry, amount(&row.get::<_, String>(4)?)?);
            if entry == "reserved" {
                (*last, *day) = (price, row.get(7)?);
            }
        }
    }
    for ((turn, ask, meter), (sum, price, day)) in sums {
        let open = sum.open();
        if open > Decimal::ZERO {
            let purchase = Purchase {
                job,
                turn: &turn,
                ask: &ask,
                meter: &meter,
            };
            let usd = (meter == "usd").then_some(open);
            let when = When { at, day: &day };
            append(
                connection,
                &when,
                "released",
                &purchase,
                Line {
                    amount: open,
                    usd,
                    price: &price,
                },
            )?;
        }
    }
    Ok(())
}

fn balance(connection: &Connection, purchase: &Purchase<'_>) -> Result<Balance, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, amount FROM usage_ledger
         WHERE job = ?1 AND turn = ?2 AND ask = ?3 AND meter = ?4",
    )?;
    let Purchase {
        job,
        turn,
        ask,
        meter,
    } = purchase;
    let mut rows = statement.query(params![job, turn, ask, meter])?;
    let mut sum = Balance::default();
    while let Some(row) = rows.next()? {
        let entry: String = row.get(0)?;
        add(&mut sum, &entry, amount(&row.get::<_, String>(1)?)?);
    }
    Ok(sum)
}

/// The price a purchase was reserved at.
fn price_of(
    connection: &Connection,
    purchase: &Purchase<'_>,
) -> Result<Option<PriceNote>, StoreError> {
    use rusqlite::OptionalExtension;
    Ok(connection
        .prepare_cached(
            "SELECT price_source, price_as_of FROM usage_ledger
             WHERE job = ?1 AND turn = ?2 AND ask = ?3 AND entry = 'reserved' ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![purchase.job, purchase.turn, purchase.ask], |row| {
            Ok(PriceNote {
                source: row.get(0)?,
                as_of: row.get(1)?,
            })
        })
        .optional()?)
}

fn append(
    connection: &Connection,
    when: &When<'_>,
    entry: &str,
    purchase: &Purchase<'_>,
    line: Line<'_>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO usage_ledger
                (at, day, entry, job, workflow, turn, ask, meter, amount, usd, price_source, price_as_of)
             VALUES (?1, ?2, ?3, ?4, coalesce((SELECT workflow FROM jobs WHERE id = ?4), ''), ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            when.at,
            when.day,
            entry,
            purchase.job,
            purchase.turn,
            purchase.ask,
            purchase.meter,
            line.amount.normalize().to_string(),
            line.usd.map(|usd| usd.normalize().to_string()),
            line.price.source,
            line.price.as_of
        ])?;
    Ok(())
}

fn one_row(row: &rusqlite::Row<'_>) -> Result<LedgerRow, StoreError> {
    let usd: Option<String> = row.get(9)?;
    Ok(LedgerRow {
        seq: row.get(0)?,
        at: row.get(1)?,
        day: row.get(2)?,
        entry: row.get(3)?,
        job: row.get(4)?,
        workflow: row.get(5)?,
        turn: row.get(6)?,
        meter: row.get(7)?,
        amount: amount(&row.get::<_, String>(8)?)?,
        usd: usd.map(|usd| amount(&usd)).transpose()?,
        price: PriceNote {
            source: row.get(10)?,
            as_of: row.get(11)?,
        },
    })
}

pub(super) fn amount(text: &str) -> Result<Decimal, StoreError> {
    text.parse()
        .map_err(|error| StoreError::row("usage_ledger", error))
}

fn add(sum: &mut Balance, entry: &str, amount: Decimal) {
    let part = match entry {
        "reserved" => &mut sum.reserved,
        "settled" => &mut sum.settled,
        _ => &mut sum.released,
    };
    *part = part.saturating_add(amount);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::jobs_testing::{claimant, claimed};
    use crate::store::{Claim, NodeTally, NodeUpdate, Transition, testing};

    fn charge(usd_micros: u64) -> Charge {
        Charge {
            turn: "clip".to_owned(),
            ask: "k".to_owned(),
            render_ms: 0,
            usd_micros,
            millicredits: 0,
        }
    }

    fn price() -> PriceNote {
        PriceNote {
            source: "table".to_owned(),
            as_of: "2026-06-30".to_owned(),
        }
    }

    fn spent(usd: &str) -> Used {
        Used {
            ask: "k".to_owned(),
            meter: "usd".to_owned(),
            amount: usd.parse().unwrap(),
            usd: Some(usd.parse().unwrap()),
            is_total: true,
        }
    }

    async fn sums(store: &Store) -> BTreeMap<String, Decimal> {
        let mut sums = BTreeMap::new();
        for row in store.ledger(LedgerFilter::default()).await.unwrap() {
            *sums.entry(row.entry).or_insert(Decimal::ZERO) += row.amount;
        }
        sums
    }

    fn assert_balanced(sums: &BTreeMap<String, Decimal>) {
        let of = |name| sums.get(name).copied().unwrap_or_default();
        assert_eq!(of("reserved"), of("settled") + of("released"), "{sums:?}");
    }

    #[tokio::test]
    async fn what_is_reserved_is_settled_or_released() {
        let test = testing::open();
        let store = &test.store;
        let claim = claimed(store, "a").await;
        for _ in 0..2 {
            let charged = store.charge(&claim, charge(1_250_000), price()).await;
            charged.unwrap();
            let used = vec![spent("0.4")];
            store.note_used(&claim.job, "clip", used).await.unwrap();
        }
        let rows = store.ledger(LedgerFilter::default()).await.unwrap();
        let told: Vec<(&str, String)> = rows
            .iter()
            .map(|row| (&*row.entry, row.amount.to_string()))
            .collect();
        assert_eq!(
            told,
            [("reserved", "1.25".into()), ("settled", "0.4".into())]
        );
        assert!(rows.iter().all(|row| row.price == price()), "{rows:?}");
        let complete = Transition::Complete(BTreeMap::new());
        store.change_claimed(&claim, complete).await.unwrap();
        let sums = sums(store).await;
        assert_eq!(sums["released"].to_string(), "0.85");
        assert_balanced(&sums);
    }

    #[tokio::test]
    async fn rows_are_never_changed_or_removed() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        let charged = test.store.charge(&claim, charge(5), price()).await;
        charged.unwrap();
        for change in [
            "UPDATE usage_ledger SET amount = '0'",
            "DELETE FROM usage_ledger",
        ] {
            let outcome = test
                .store
                .threads
                .write(move |connection| Ok(connection.execute(change, [])?))
                .await;
            assert!(outcome.unwrap_err().to_string().contains("append-only"));
        }
    }

    #[tokio::test]
    async fn storage_is_noted_once_a_day() {
        let test = testing::open();
        assert!(!test.store.note_storage(9).await.unwrap(), "too little");
        assert!(test.store.note_storage(1_500_000_000).await.unwrap());
        assert!(!test.store.note_storage(9).await.unwrap());
        assert_balanced(&sums(&test.store).await);
        let rows = test.store.ledger(LedgerFilter::default()).await.unwrap();
        assert_eq!(rows[0].amount.to_string(), "1.5");
        assert_eq!(rows[0].price.source, THIS_MACHINE);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Charge(u64),
        Use(u64),
        FailTurn,
        FailJob,
        Resume,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1u64..2_000_000).prop_map(Step::Charge),
            (1u64..2_000_000).prop_map(Step::Use),
            Just(Step::FailTurn),
            Just(Step::FailJob),
            Just(Step::Resume),
        ];
        prop::collection::vec(step, 1..25)
    }

    async fn take(store: &Store, claim: &mut Claim, step: Step) {
        // What does not fit the job's state is refused and changes nothing.
        match step {
            Step::Charge(micros) => {
                let _ = store.charge(claim, charge(micros), price()).await;
            }
            Step::Use(micros) => {
                let amount = Decimal::new(i64::try_from(micros).unwrap(), 6).to_string();
                let _ = store
                    .note_used(&claim.job, "clip", vec![spent(&amount)])
                    .await;
            }
            Step::FailTurn => {
                let update = NodeUpdate::Skipped {
                    note: String::new(),
                    tally: NodeTally::default(),
                };
                let _ = store.update_node(claim, "clip", update).await;
            }
            Step::FailJob => {
                let _ = store.change_claimed(claim, Transition::Cancel).await;
            }
            Step::Resume => {
                let _ = store.change_job(&claim.job, Transition::Requeue).await;
                if let Some(again) = store.claim_job(claimant("me")).await.unwrap() {
                    *claim = again.claim;
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_fails_the_books_balance_at_the_end(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let test = testing::open();
                let mut claim = claimed(&test.store, "a").await;
                for step in steps {
                    take(&test.store, &mut claim, step).await;
                    let sums = sums(&test.store).await;
                    let of = |name| sums.get(name).copied().unwrap_or_default();
                    assert!(of("reserved") >= of("settled") + of("released"), "{sums:?}");
                }
                take(&test.store, &mut claim, Step::Resume).await;
                take(&test.store, &mut claim, Step::FailJob).await;
                assert_balanced(&sums(&test.store).await);
            });
        }
    }
}
