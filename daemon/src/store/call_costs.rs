//! What calls did cost, against what they might have: settled in the ledger at the provider's price, and the rest given back to
//! the job's budget.
//!
//! Written in the transaction that ends a turn or a job, from the rows of the calls themselves: so it does not matter which run
//! of the daemon made them, and a call that two turns shared is paid by one. A call nobody knows about is not settled.
//! Neighbours: `paid_calls` holds the rows, `ledger` the books, `charges` what the budget was charged.

use fenta_workflows::cost::Decimal;
use fenta_workflows::models::Models;
use rusqlite::{Connection, OptionalExtension, params};

use super::ledger::{self, Line, PriceNote, Purchase, When};
use super::paid_calls::{self, PaidCall, PaidState};
use super::{StoreError, ledger::amount};

/// The ask of calls that nothing was reserved for: their price was not known.
const UNPRICED: &str = "calls";

/// Settles what the calls of a turn cost, and charges the budget that instead of what they might have.
pub(super) fn settle_turn(
    connection: &Connection,
    when: &When<'_>,
    job: &str,
    turn: &str,
) -> Result<(), StoreError> {
    let calls: Vec<PaidCall> = paid_calls::of_job(connection, job)?
        .into_iter()
        .filter(|call| call.turn == turn && is_over(call.state))
        .collect();
    if calls.is_empty() {
        return Ok(());
    }
    let sum = |of: fn(&PaidCall) -> u64| calls.iter().map(of).fold(0, u64::saturating_add);
    // A budget counts the most it may have been; the books do not say a price that nobody said.
    let (charged, micros) = (sum(PaidCall::weight), sum(owed));
    let spent = Decimal::new(i64::try_from(micros).unwrap_or(i64::MAX), 6);
    let more = spent.saturating_sub(settled(connection, job, turn, "usd")?);
    if more > Decimal::ZERO {
        let (ask, table) = reserved_for(connection, job, turn)?;
        let price = match calls.iter().find(|call| owed(call) > 0) {
            Some(first) if calls.iter().all(|call| call.cost_micros.is_some()) => PriceNote {
                source: first.provider.clone(),
                as_of: when.day.to_owned(),
            },
            _ => table.unwrap_or_else(|| ledger::local_price(when)),
        };
        let purchase = Purchase {
            job,
            turn,
            ask: &ask,
            meter: "usd",
        };
        let line = Line {
            amount: more,
            usd: Some(more),
            price: &price,
        };
        ledger::settle_line(connection, when, &purchase, line)?;
    }
    settle_unpriced(connection, when, job, turn, &calls)?;
    let credits = credits_of(&calls);
    if micros > 0 {
        settle_credits(connection, when, (job, turn), credits)?;
    }
    charge_instead(connection, job, turn, (charged, credits))
}

/// The same for every turn of a job that is at its end, whatever became of the turn.
pub(super) fn settle_job(connection: &Connection, at: &str, job: &str) -> Result<(), StoreError> {
    let turns: Vec<String> = connection
        .prepare_cached("SELECT DISTINCT turn FROM paid_calls WHERE job = ?1 ORDER BY turn")?
        .query_map([job], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for turn in turns {
        // Under the day it was reserved on, so that days balance too.
        let reserved: Option<String> = connection
            .prepare_cached(
                "SELECT day FROM usage_ledger WHERE job = ?1 AND turn = ?2 AND entry = 'reserved' ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![job, turn], |row| row.get(0))
            .optional()?;
        let day = reserved.unwrap_or_else(|| at.chars().take(10).collect());
        settle_turn(connection, &When { at, day: &day }, job, &turn)?;
    }
    Ok(())
}

/// Whether it is known what the call costs this job, whatever comes later. Open ones are paid by whoever goes on with them.
const fn is_over(state: PaidState) -> bool {
    matches!(
        state,
        PaidState::Settled | PaidState::Refused | PaidState::Lost
    )
}

/// What a call cost by what is known of it: nothing of one that gave nothing and of which nobody says what it cost.
fn owed(call: &PaidCall) -> u64 {
    match (call.state, call.cost_micros) {
        (PaidState::Refused, None) => 0,
        _ => call.weight(),
    }
}

/// Calls that came to an end and of which nobody knows the price, before or after: counted, with no price instead of none.
fn settle_unpriced(
    connection: &Connection,
    when: &When<'_>,
    job: &str,
    turn: &str,
    calls: &[PaidCall],
) -> Result<(), StoreError> {
    let unpriced = calls.iter().filter(|call| {
        let unsaid = call.cost_micros.is_none();
        let made = call.state == PaidState::Settled && call.high_micros == 0;
        unsaid && (made || call.state == PaidState::Refused)
    });
    let Some(provider) = unpriced.clone().next().map(|call| call.provider.clone()) else {
        return Ok(());
    };
    let count = Decimal::from(unpriced.count());
    let more = count.saturating_sub(settled(connection, job, turn, UNPRICED)?);
    if more <= Decimal::ZERO {
        return Ok(());
    }
    let price = PriceNote {
        source: provider,
        as_of: when.day.to_owned(),
    };
    let purchase = Purchase {
        job,
        turn,
        ask: UNPRICED,
        meter: UNPRICED,
    };
    let line = Line {
        amount: more,
        usd: None,
        price: &price,
    };
    ledger::settle_line(connection, when, &purchase, line)
}

/// What was settled for a turn so far, by one meter.
fn settled(
    connection: &Connection,
    job: &str,
    turn: &str,
    meter: &str,
) -> Result<Decimal, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT amount FROM usage_ledger WHERE job = ?1 AND turn = ?2 AND meter = ?3 AND entry = 'settled'",
    )?;
    let mut rows = statement.query(params![job, turn, meter])?;
    let mut sum = Decimal::ZERO;
    while let Some(row) = rows.next()? {
        sum = sum.saturating_add(amount(&row.get::<_, String>(0)?)?);
    }
    Ok(sum)
}

/// What money was last reserved for, and at which price.
fn reserved_for(
    connection: &Connection,
    job: &str,
    turn: &str,
) -> Result<(String, Option<PriceNote>), StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT ask, price_source, price_as_of FROM usage_ledger
             WHERE job = ?1 AND turn = ?2 AND meter = 'usd' AND entry = 'reserved' ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![job, turn], |row| {
            let price = PriceNote {
                source: row.get(1)?,
                as_of: row.get(2)?,
            };
            Ok((row.get(0)?, Some(price)))
        })
        .optional()?;
    Ok(found.unwrap_or_else(|| (UNPRICED.to_owned(), None)))
}

/// What calls were in credits, where their vendors charge credits and each says what it cost.
fn credits_of(calls: &[PaidCall]) -> Option<Decimal> {
    let table = Models::builtin();
    calls.iter().try_fold(Decimal::ZERO, |sum, call| {
        let worth = table.credit(&call.provider)?.usd;
        let cost = Decimal::new(i64::try_from(call.cost_micros?).ok()?, 6);
        Some(sum + cost.checked_div(worth)?)
    })
}

/// Credits by what the calls are known to have cost; where nobody says it, what was reserved counts.
fn settle_credits(
    connection: &Connection,
    when: &When<'_>,
    (job, turn): (&str, &str),
    known: Option<Decimal>,
) -> Result<(), StoreError> {
    let mut left = match known {
        Some(known) => Some(known.saturating_sub(settled(connection, job, turn, "credits")?)),
        None => None,
    };
    let asks: Vec<(String, PriceNote)> = connection
        .prepare_cached(
            "SELECT ask, price_source, price_as_of FROM usage_ledger
             WHERE job = ?1 AND turn = ?2 AND meter = 'credits' AND entry = 'reserved' GROUP BY ask",
        )?
        .query_map(params![job, turn], |row| {
            let price = PriceNote {
                source: row.get(1)?,
                as_of: row.get(2)?,
            };
            Ok((row.get(0)?, price))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (ask, price) in asks {
        let purchase = Purchase {
            job,
            turn,
            ask: &ask,
            meter: "credits",
        };
        let open = ledger::open(connection, &purchase)?;
        let amount = match &mut left {
            None => open,
            Some(left) => std::mem::take(left).max(Decimal::ZERO),
        };
        if open > Decimal::ZERO && amount > Decimal::ZERO {
            let line = Line {
                amount,
                usd: None,
                price: &price,
            };
            ledger::settle_line(connection, when, &purchase, line)?;
        }
    }
    Ok(())
}

/// The budget is charged what was spent; on the last thing the turn asked for, if there were several.
fn charge_instead(
    connection: &Connection,
    job: &str,
    turn: &str,
    (micros, credits): (u64, Option<Decimal>),
) -> Result<(), StoreError> {
    let last = "AND ask = (SELECT max(ask) FROM charges WHERE job = ?1 AND turn = ?2)";
    let replace = |column: &str, amount: u64| {
        connection.execute(
            &format!("UPDATE charges SET {column} = 0 WHERE job = ?1 AND turn = ?2"),
            params![job, turn],
        )?;
        connection.execute(
            &format!("UPDATE charges SET {column} = ?3 WHERE job = ?1 AND turn = ?2 {last}"),
            params![job, turn, amount],
        )
    };
    replace("usd_micros", micros)?;
    if let Some(credits) = credits {
        let thousandths = (credits * Decimal::from(1000)).ceil();
        replace("millicredits", thousandths.to_string().parse().unwrap_or(0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::jobs_testing::claimed;
    use crate::store::{
        Charge, Claim, LedgerFilter, NewPaidCall, NodeTally, NodeUpdate, PaidStep, Priced,
        Spending, TakenUp, Transition, testing,
    };

    /// A turn that may cost a dollar and a hundred credits, with one call that goes as far as the steps say.
    async fn turn(test: &testing::TestStore, claim: &Claim, digest: &str, steps: Vec<PaidStep>) {
        let charge = Charge {
            turn: "clip".to_owned(),
            ask: "k".to_owned(),
            render_ms: 0,
            usd_micros: 1_000_000,
            millicredits: 100_000,
        };
        let price = PriceNote {
            source: "price table".to_owned(),
            as_of: "2026-06-30".to_owned(),
        };
        test.store.charge(claim, charge, price).await.unwrap();
        let call = NewPaidCall {
            turn: "clip".to_owned(),
            digest: digest.to_owned(),
            provider: "kie".to_owned(),
            high_micros: 1_000_000,
            cap_micros: None,
            priced: Priced::Known,
            spending: Spending::default(),
        };
        let TakenUp::New(call) = test.store.take_up_paid_call(claim, call).await.unwrap() else {
            panic!("it is new");
        };
        for step in steps {
            test.store
                .step_paid_call(&call.reference, step)
                .await
                .unwrap();
        }
    }

    fn made(cost_micros: Option<u64>) -> Vec<PaidStep> {
        vec![
            PaidStep::Submitted {
                remote: "r".to_owned(),
            },
            PaidStep::Made {
                location: "l".to_owned(),
                cost_micros,
            },
            PaidStep::Settled,
        ]
    }

    async fn end(test: &testing::TestStore, claim: &Claim) {
        let update = NodeUpdate::Skipped {
            note: String::new(),
            tally: NodeTally::default(),
        };
        test.store.update_node(claim, "clip", update).await.unwrap();
    }

    /// Entry and amount of every row of a meter, with the source of its price.
    async fn rows(test: &testing::TestStore, meter: &str) -> Vec<(String, String, String)> {
        let rows = test.store.ledger(LedgerFilter::default()).await.unwrap();
        rows.into_iter()
            .filter(|row| row.meter == meter)
            .map(|row| (row.entry, row.amount.to_string(), row.price.source))
            .collect()
    }

    fn row(entry: &str, amount: &str, source: &str) -> (String, String, String) {
        (entry.to_owned(), amount.to_owned(), source.to_owned())
    }

    #[tokio::test]
    async fn a_call_is_settled_at_the_providers_price_and_the_budget_gets_the_rest_back() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        turn(&test, &claim, "d", made(Some(40))).await;
        end(&test, &claim).await;
        let expected = [
            row("reserved", "1", "price table"),
            row("settled", "0.00004", "kie"),
            row("released", "0.99996", "price table"),
        ];
        assert_eq!(rows(&test, "usd").await, expected);
        // A credit of this vendor is half a cent.
        let expected = [
            row("reserved", "100", "price table"),
            row("settled", "0.008", "price table"),
            row("released", "99.992", "price table"),
        ];
        assert_eq!(rows(&test, "credits").await, expected);
        let charges = test.store.charges(&claim.job).await.unwrap();
        assert_eq!((charges[0].usd_micros, charges[0].millicredits), (40, 8));
        // Told again, nothing more is settled.
        end(&test, &claim).await;
        let complete = Transition::Complete(BTreeMap::new());
        test.store.change_claimed(&claim, complete).await.unwrap();
        assert_eq!(rows(&test, "usd").await.len(), 3);
    }

    #[tokio::test]
    async fn a_call_whose_price_nobody_says_is_settled_at_the_most_it_may_cost() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        turn(&test, &claim, "d", made(None)).await;
        end(&test, &claim).await;
        let expected = [
            row("reserved", "1", "price table"),
            row("settled", "1", "price table"),
        ];
        assert_eq!(rows(&test, "usd").await, expected);
    }

    #[tokio::test]
    async fn a_call_that_failed_at_a_price_nobody_says_is_unknown_in_the_books_and_dear_in_the_budget()
     {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        let refused = |cost_micros| {
            vec![
                PaidStep::Submitted {
                    remote: "r".to_owned(),
                },
                PaidStep::Refused {
                    detail: "no".to_owned(),
                    cost_micros,
                },
            ]
        };
        turn(&test, &claim, "d", refused(None)).await;
        end(&test, &claim).await;
        let both = [row("reserved", "1", "kie"), row("settled", "1", "kie")];
        assert_eq!(rows(&test, "calls").await, both);
        let all = test.store.ledger(LedgerFilter::default()).await.unwrap();
        let unsaid = all.iter().find(|row| row.meter == "calls").unwrap();
        assert_eq!(unsaid.usd, None, "never 0");
        assert!(
            !rows(&test, "usd")
                .await
                .iter()
                .any(|row| row.0 == "settled")
        );
        let charges = test.store.charges(&claim.job).await.unwrap();
        assert_eq!(charges[0].usd_micros, 1_000_000);

        // Who says that it cost nothing is believed.
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        turn(&test, &claim, "d", refused(Some(0))).await;
        end(&test, &claim).await;
        assert_eq!(rows(&test, "calls").await, []);
        let charges = test.store.charges(&claim.job).await.unwrap();
        assert_eq!(charges[0].usd_micros, 0);
    }

    #[tokio::test]
    async fn what_was_spent_before_a_job_failed_stays_spent_and_what_is_open_is_not() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        turn(&test, &claim, "d", made(Some(40))).await;
        let sent = vec![PaidStep::Submitted {
            remote: "r".to_owned(),
        }];
        turn(&test, &claim, "e", sent).await;
        let cancel = Transition::Cancel;
        test.store.change_claimed(&claim, cancel).await.unwrap();
        let settled: Vec<_> = rows(&test, "usd").await;
        assert!(
            settled.contains(&row("settled", "0.00004", "kie")),
            "{settled:?}"
        );
        assert_eq!(settled.len(), 3, "{settled:?}");
    }
}
