//! What all jobs together may spend in a day and in a month: asked in the transaction that writes a paid call down, so
//! that no two calls spend the same money, and told at 80, 90 and 100 percent, each once.
//!
//! Neighbours: `paid_calls` writes the calls down; the user's config.toml has the limits. A budget of a document is for
//! one job and is the runner's.

use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use rusqlite::{Connection, params};

use super::{Store, StoreError};
use crate::dollars::dollars;

/// Percentages of a limit that are told when they are reached.
const TOLD: [u32; 3] = [80, 90, 100];

/// What may be spent, millionths of dollars; nothing where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// In a day of the user's calendar.
    pub day_micros: Option<u64>,
    /// In a month of it.
    pub month_micros: Option<u64>,
}

/// How much of a limit is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// `2026-11-23` or `2026-11`.
    pub period: String,
    /// The setting that limits it.
    pub key: &'static str,
    /// The limit, millionths of dollars.
    pub cap_micros: u64,
    /// What was spent or is about to be, at the most it may be.
    pub spent_micros: u64,
}

impl Allowance {
    /// What may still be spent, millionths of dollars.
    pub const fn left_micros(&self) -> u64 {
        self.cap_micros.saturating_sub(self.spent_micros)
    }

    /// Why a call at this price is not made.
    pub fn refusal(&self, high_micros: u64) -> WorkerFailure {
        self.failure(format!(
            "it may cost {}, and of the {} for {} {} are left",
            dollars(high_micros),
            dollars(self.cap_micros),
            self.period,
            dollars(self.left_micros())
        ))
    }

    /// Why a call is not made whose price nobody knows.
    pub fn refusal_of_unknown(&self) -> WorkerFailure {
        let mut failure = self.failure(format!(
            "nobody can tell what it costs, and {} are for {}",
            dollars(self.cap_micros),
            self.period
        ));
        failure.hint = format!(
            "name a model whose price is known, write its price into prices.json, accept it with `--accept-unknown`, or \
             remove `{}` from config.toml",
            self.key
        );
        failure
    }

    fn failure(&self, message: String) -> WorkerFailure {
        WorkerFailure {
            class: FailureClass::Budget,
            message,
            hint: format!(
                "raise it (`fenta config set {} AMOUNT`), choose a cheaper model, or wait until {} is over",
                self.key, self.period
            ),
        }
    }
}

impl Spending {
    /// Whether there is any limit.
    pub const fn is_limited(&self) -> bool {
        self.day_micros.is_some() || self.month_micros.is_some()
    }
}

impl Store {
    /// What is left of each limit today.
    pub async fn allowances(&self, spending: Spending) -> Result<Vec<Allowance>, StoreError> {
        let day = self.clock.local_date().to_string();
        self.threads
            .read(move |connection| allowances(connection, &spending, &day))
            .await
    }
}

/// What is left of each limit on a day, `YYYY-MM-DD`; the shorter one first.
pub(super) fn allowances(
    connection: &Connection,
    spending: &Spending,
    day: &str,
) -> Result<Vec<Allowance>, StoreError> {
    let month = day.get(..7).unwrap_or(day);
    [
        (day, "spending.day_usd", spending.day_micros),
        (month, "spending.month_usd", spending.month_micros),
    ]
    .into_iter()
    .filter_map(|(period, key, cap)| Some((period, key, cap?)))
    .map(|(period, key, cap_micros)| {
        Ok(Allowance {
            period: period.to_owned(),
            key,
            cap_micros,
            spent_micros: spent(connection, period)?,
        })
    })
    .collect()
}

/// What the calls of a period weigh, as `PaidCall::weight` says it of each.
fn spent(connection: &Connection, period: &str) -> Result<u64, StoreError> {
    let sum: i64 = connection
        .prepare_cached(
            "SELECT coalesce(sum(coalesce(cost_micros, high_micros)), 0) FROM paid_calls
             WHERE day >= ?1 AND day < ?1 || '~' AND state <> 'unpaid'",
        )?
        .query_row([period], |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// The limit that a call at this price would break.
pub(super) fn broken(
    connection: &Connection,
    spending: &Spending,
    day: &str,
    high_micros: u64,
) -> Result<Option<Allowance>, StoreError> {
    let all = allowances(connection, spending, day)?;
    Ok(all
        .into_iter()
        .find(|allowance| high_micros > allowance.left_micros()))
}

/// The percentages that are reached and were not told yet; from now on they are told.
pub(super) fn reached(
    connection: &Connection,
    spending: &Spending,
    day: &str,
    at: &str,
) -> Result<Vec<JobEventKind>, StoreError> {
    let mut events = Vec::new();
    for allowance in allowances(connection, spending, day)? {
        let (used, cap) = (allowance.spent_micros, allowance.cap_micros);
        let is_reached =
            |percent: u32| u128::from(used) * 100 >= u128::from(cap) * u128::from(percent);
        for percent in TOLD.into_iter().filter(|p| used > 0 && is_reached(*p)) {
            let told = connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO spending_told (period, percent, at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![allowance.period, percent, at])?;
            if told > 0 {
                events.push(JobEventKind::BudgetReached {
                    percent,
                    what: format!("for {}", allowance.period),
                    used: dollars(used),
                    limit: dollars(cap),
                });
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs_testing::claimed;
    use crate::store::{NewPaidCall, PaidStep, Priced, TakenUp, testing};

    const LIMITS: Spending = Spending {
        day_micros: None,
        month_micros: Some(1_000_000),
    };

    fn call(digest: &str, high_micros: u64) -> NewPaidCall {
        NewPaidCall {
            turn: "clip".to_owned(),
            digest: digest.to_owned(),
            provider: "kie".to_owned(),
            high_micros,
            cap_micros: None,
            priced: Priced::Known,
            spending: LIMITS,
        }
    }

    async fn told(test: &testing::TestStore, job: &str) -> Vec<u32> {
        let events = test.store.events_after(job, 0, 100).await.unwrap();
        let percents = events.into_iter().filter_map(|event| match event.kind {
            JobEventKind::BudgetReached { percent, what, .. } => {
                assert_eq!(what, "for 2026-11");
                Some(percent)
            }
            _ => None,
        });
        percents.collect()
    }

    #[tokio::test]
    async fn all_jobs_together_keep_within_a_month_and_it_is_told_once() {
        let test = testing::open();
        let (one, other) = (
            claimed(&test.store, "a").await,
            claimed(&test.store, "b").await,
        );
        let take = |claim, new| test.store.take_up_paid_call(claim, new);
        let taken = take(&one, call("d1", 850_000)).await.unwrap();
        let TakenUp::New(first) = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(told(&test, &one.job).await, [80]);
        match take(&other, call("d2", 150_001)).await.unwrap() {
            TakenUp::Over {
                left_micros,
                allowance: Some(allowance),
            } => {
                assert_eq!(left_micros, 150_000);
                assert_eq!(allowance.key, "spending.month_usd");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            take(&other, call("d3", 60_000)).await.unwrap(),
            TakenUp::New(_)
        ));
        assert_eq!(told(&test, &other.job).await, [90]);
        // The first turns out to cost less: there is room again, and nothing is told twice.
        for step in [
            PaidStep::Submitted { remote: "r".into() },
            PaidStep::Made {
                location: "l".into(),
                cost_micros: Some(10_000),
            },
        ] {
            test.store
                .step_paid_call(&first.reference, step)
                .await
                .unwrap();
        }
        assert!(matches!(
            take(&other, call("d4", 930_000)).await.unwrap(),
            TakenUp::New(_)
        ));
        assert_eq!(told(&test, &other.job).await, [90, 100]);
        let left = test.store.allowances(LIMITS).await.unwrap();
        assert_eq!(left[0].left_micros(), 0);
        // What nobody can tell the price of is not asked for.
        let unpriced = NewPaidCall {
            priced: Priced::Unknown,
            ..call("d5", 0)
        };
        assert!(matches!(
            take(&other, unpriced).await.unwrap(),
            TakenUp::Unpriced(_)
        ));
    }

    #[tokio::test]
    async fn a_day_is_a_day_of_its_own_and_a_month_all_of_its_days() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        let both = Spending {
            day_micros: Some(100),
            month_micros: Some(150),
        };
        let new = NewPaidCall {
            spending: both,
            ..call("d1", 100)
        };
        test.store.take_up_paid_call(&claim, new).await.unwrap();
        let left = |day: &'static str| {
            test.store.threads.read(move |connection| {
                let all = allowances(connection, &both, day)?;
                Ok(all.iter().map(Allowance::left_micros).collect::<Vec<_>>())
            })
        };
        assert_eq!(left("2026-11-22").await.unwrap(), [0, 50]);
        assert_eq!(left("2026-11-23").await.unwrap(), [100, 50]);
        assert_eq!(left("2026-12-01").await.unwrap(), [100, 150]);
    }
}
