//! Calls that cost money, from before they are made until they are settled: so that none is made twice and none is
//! forgotten.
//!
//! A row is written before the call, with our name for it; what the provider calls it before it is asked about; where the
//! result lies before it is fetched. The runner's `paid` decides which step comes next; the table of steps is here.

use fenta_workflows::job_event::JobState;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ledger::When;
use super::spending::{self, Allowance, Spending};
use super::transition::{self, Transition};
use super::{Claim, JobRecord, Store, StoreError, claims, events, jobs};

/// Where a paid call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidState {
    /// It is about to be made, or was when the daemon ended.
    Intended,
    /// The provider has it and has a name for it.
    Submitted,
    /// The provider has the result; it has to be fetched.
    Made,
    /// The result is here.
    Settled,
    /// The provider refused, or never got it.
    Refused,
    /// Nobody knows.
    Unknown,
    /// Somebody found that it was never paid.
    Unpaid,
    /// Somebody found that it was paid and that its result cannot be had.
    Lost,
}

impl PaidState {
    /// Every state, in the order of a call's life.
    pub const ALL: [Self; 8] = [
        Self::Intended,
        Self::Submitted,
        Self::Made,
        Self::Settled,
        Self::Refused,
        Self::Unknown,
        Self::Unpaid,
        Self::Lost,
    ];

    /// The store's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Submitted => "submitted",
            Self::Made => "made",
            Self::Settled => "settled",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unpaid => "unpaid",
            Self::Lost => "lost",
        }
    }

    /// Whether something may still come of it: it is taken up again instead of being made anew.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Intended | Self::Submitted | Self::Made | Self::Unknown
        )
    }

    /// Whether it may follow `before`; the table of a call's life.
    pub const fn follows(self, before: Self) -> bool {
        match before {
            Self::Intended => matches!(
                self,
                Self::Submitted | Self::Refused | Self::Unknown | Self::Unpaid
            ),
            Self::Submitted => matches!(self, Self::Made | Self::Refused | Self::Unknown),
            // What is paid is fetched, or it stays to be fetched.
            Self::Made => matches!(self, Self::Settled),
            Self::Unknown => matches!(self, Self::Submitted | Self::Unpaid | Self::Lost),
            Self::Settled | Self::Refused | Self::Unpaid | Self::Lost => false,
        }
    }
}

/// A paid call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidCall {
    /// Our name for it at the provider.
    pub reference: String,
    /// The job that pays.
    pub job: String,
    /// The node, with the number of the item in a `for_each`.
    pub turn: String,
    /// What is bought: the action's digest.
    pub digest: String,
    /// Who is paid.
    pub provider: String,
    /// Where it stands.
    pub state: PaidState,
    /// The provider's name for it; empty until it has one.
    pub remote: String,
    /// Where its result lies; empty until there is one.
    pub location: String,
    /// The most it may cost, millionths of dollars.
    pub high_micros: u64,
    /// What it did cost, when that is known.
    pub cost_micros: Option<u64>,
    /// What went wrong; may be empty.
    pub detail: String,
}

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPaidCall {
    /// The node, with the number of the item in a `for_each`.
    pub turn: String,
    /// What is bought: the action's digest.
    pub digest: String,
    /// Who is paid.
    pub provider: String,
    /// The most it may cost, millionths of dollars.
    pub high_micros: u64,
    /// What the job may spend on calls in all; nothing where it has no limit.
    pub cap_micros: Option<u64>,
    /// Whether its price is known, or what was said about that.
    pub priced: Priced,
    /// What all jobs together may spend.
    pub spending: Spending,
}

/// Whether anybody can tell what a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced {
    /// The table says it.
    Known,
    /// Nobody can, and that was accepted.
    Accepted,
    /// Nobody can.
    Unknown,
}

/// What was found when a call was about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenUp {
    /// It may be made: it is on disk that it will be.
    New(PaidCall),
    /// It was begun before; or this job settled it and lost the result before it was remembered.
    Open(PaidCall),
    /// So much may not be spent.
    Over {
        /// What may still be.
        left_micros: u64,
        /// The limit of all jobs together that it would break; none where it is the job's.
        allowance: Option<Allowance>,
    },
    /// Nobody can tell what it costs, and spending is limited.
    Unpriced(Allowance),
}

/// A step of a paid call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaidStep {
    /// The provider has it, under this name.
    Submitted {
        /// The name.
        remote: String,
    },
    /// The provider has the result.
    Made {
        /// Where it lies.
        location: String,
        /// What it cost, if the provider says so.
        cost_micros: Option<u64>,
    },
    /// The result is here.
    Settled,
    /// The provider refused, or never got it; nothing is charged but this.
    Refused {
        /// Why.
        detail: String,
        /// What it cost nevertheless, where that is known.
        cost_micros: Option<u64>,
    },
    /// Nobody knows.
    Unknown {
        /// What happened.
        detail: String,
    },
    /// The provider has never heard of it.
    Unpaid,
}

impl PaidStep {
    const fn to(&self) -> PaidState {
        match self {
            Self::Submitted { .. } => PaidState::Submitted,
            Self::Made { .. } => PaidState::Made,
            Self::Settled => PaidState::Settled,
            Self::Refused { .. } => PaidState::Refused,
            Self::Unknown { .. } => PaidState::Unknown,
            Self::Unpaid => PaidState::Unpaid,
        }
    }
}

/// What somebody found out about calls of which nobody knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaidVerdict {
    /// The provider has it under this name: its result is fetched.
    Found(String),
    /// It was paid, and its result is lost: the money counts, and the call is made again.
    Paid,
    /// It was not paid.
    NotPaid,
}

impl Store {
    /// Takes up the open call for the same thing, or writes down that it is about to be made, if the job may spend that
    /// much; one transaction, so that no two calls spend the same money. Only while the claim holds.
    pub async fn take_up_paid_call(
        &self,
        claim: &Claim,
        new: NewPaidCall,
    ) -> Result<TakenUp, StoreError> {
        let (at, day) = (self.clock.now_text(), self.clock.local_date().to_string());
        let (claim, job) = (claim.clone(), claim.job.clone());
        let reference = self.clock.fresh_id("fenta_");
        let (taken, told) = self
            .threads
            .write(move |connection| {
                claims::fence(connection, &claim)?;
                let at = When { at: &at, day: &day };
                let taken = take_up(connection, &claim.job, reference, &at, &new)?;
                let told = match &taken {
                    TakenUp::New(_) | TakenUp::Over { .. } => {
                        tell(connection, &claim.job, &at, &new.spending)?
                    }
                    _ => None,
                };
                Ok((taken, told))
            })
            .await?;
        if let Some(seq) = told {
            self.announce(&job, seq);
        }
        Ok(taken)
    }

    /// Moves a call on; fails where the step does not follow from where it stands.
    pub async fn step_paid_call(
        &self,
        reference: &str,
        step: PaidStep,
    ) -> Result<PaidCall, StoreError> {
        let (at, reference) = (self.clock.now_text(), reference.to_owned());
        self.threads
            .write(move |connection| {
                write_step(connection, &reference, &at, &step)?;
                one(connection, &reference)
            })
            .await
    }

    /// The paid calls of a job, oldest first.
    pub async fn paid_calls(&self, job: &str) -> Result<Vec<PaidCall>, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| of_job(connection, &job))
            .await
    }

    /// Says what became of the calls of a job of which nobody knew, and lets the job go on.
    pub async fn resolve_paid_calls(
        &self,
        job: &str,
        verdict: PaidVerdict,
    ) -> Result<JobRecord, StoreError> {
        let (at, owned) = (self.clock.now_text(), job.to_owned());
        let record = self
            .threads
            .write(move |connection| {
                let state = jobs::select(connection, &owned)?.job.state;
                if state != JobState::NeedsAttention {
                    return Err(StoreError::NothingInDoubt {
                        job: owned,
                        found: state.as_str().to_owned(),
                    });
                }
                let open: Vec<PaidCall> = of_job(connection, &owned)?
                    .into_iter()
                    .filter(|call| call.state == PaidState::Unknown)
                    .collect();
                if matches!(verdict, PaidVerdict::Found(_)) && open.len() > 1 {
                    return Err(StoreError::SeveralCalls {
                        job: owned,
                        count: open.len(),
                    });
                }
                for call in open {
                    settle_by_word(connection, &call.reference, &at, &verdict)?;
                }
                transition::change(connection, &owned, &at, &Transition::Resolve, None)
            })
            .await?;
        self.announce(job, record.job.last_seq);
        Ok(record)
    }
}

/// Tells what part of all spending is reached, into the log of the job that reached it; the number of the last event.
fn tell(
    connection: &Connection,
    job: &str,
    when: &When<'_>,
    spending: &Spending,
) -> Result<Option<u64>, StoreError> {
    if !spending.is_limited() {
        return Ok(None);
    }
    let events = spending::reached(connection, spending, when.day, when.at)?;
    if events.is_empty() {
        return Ok(None);
    }
    events::append(connection, job, when.at, &events).map(Some)
}

fn take_up(
    connection: &Connection,
    job: &str,
    reference: String,
    when: &When<'_>,
    new: &NewPaidCall,
) -> Result<TakenUp, StoreError> {
    let open: Option<String> = connection
        .prepare_cached(
            "SELECT reference FROM paid_calls
             WHERE digest = ?1 AND provider = ?2
               AND (state IN ('intended', 'submitted', 'made', 'unknown') OR state = 'settled' AND job = ?3)
             ORDER BY state = 'settled', created_at DESC LIMIT 1",
        )?
        .query_row([&*new.digest, &new.provider, job], |row| row.get(0))
        .optional()?;
    let open = open
        .map(|reference| one(connection, &reference))
        .transpose()?;
    if let Some(call) = open.as_ref().filter(|call| call.job == job) {
        return Ok(TakenUp::Open(call.clone()));
    }
    let high = open.as_ref().map_or(new.high_micros, PaidCall::weight);
    if let Some(cap) = new.cap_micros {
        let spent = of_job(connection, job)?
            .iter()
            .map(PaidCall::weight)
            .fold(0, u64::saturating_add);
        let left_micros = cap.saturating_sub(spent);
        if high > left_micros {
            return Ok(TakenUp::Over {
                left_micros,
                allowance: None,
            });
        }
    }
    if let Some(call) = open {
        // Who uses it pays for it: the job that began it has ended without it.
        connection.execute(
            "UPDATE paid_calls SET job = ?2, turn = ?3, changed_at = ?4 WHERE reference = ?1",
            params![call.reference, job, new.turn, when.at],
        )?;
        return Ok(TakenUp::Open(one(connection, &call.reference)?));
    }
    if let Some(over) = beyond_all(connection, when.day, new)? {
        return Ok(over);
    }
    connection
        .prepare_cached(
            "INSERT INTO paid_calls (reference, job, turn, digest, provider, state, high_micros, created_at, changed_at, day)
             VALUES (?1, ?2, ?3, ?4, ?5, 'intended', ?6, ?7, ?7, ?8)",
        )?
        .execute(params![
            reference,
            job,
            new.turn,
            new.digest,
            new.provider,
            new.high_micros,
            when.at,
            when.day
        ])?;
    Ok(TakenUp::New(one(connection, &reference)?))
}

/// What keeps a new call from being made although its job may make it.
fn beyond_all(
    connection: &Connection,
    day: &str,
    new: &NewPaidCall,
) -> Result<Option<TakenUp>, StoreError> {
    if new.priced == Priced::Unknown {
        let limits = spending::allowances(connection, &new.spending, day)?;
        return Ok(limits.into_iter().next().map(TakenUp::Unpriced));
    }
    // Of what nobody can tell the least is taken, so that nothing is spent where nothing is left.
    let least = u64::from(new.priced == Priced::Accepted);
    let high = new.high_micros.max(least);
    let broken = spending::broken(connection, &new.spending, day, high)?;
    Ok(broken.map(|allowance| TakenUp::Over {
        left_micros: allowance.left_micros(),
        allowance: Some(allowance),
    }))
}

impl PaidCall {
    /// What it takes of the budget: what it cost, and while that is not known the most it may.
    pub fn weight(&self) -> u64 {
        match self.state {
            PaidState::Unpaid => 0,
            PaidState::Intended
            | PaidState::Submitted
            | PaidState::Made
            | PaidState::Settled
            | PaidState::Refused
            | PaidState::Unknown
            | PaidState::Lost => self.cost_micros.unwrap_or(self.high_micros),
        }
    }
}

fn write_step(
    connection: &Connection,
    reference: &str,
    at: &str,
    step: &PaidStep,
) -> Result<(), StoreError> {
    let (remote, location, cost, detail) = match step {
        PaidStep::Submitted { remote } => (Some(remote), None, None, None),
        PaidStep::Made {
            location,
            cost_micros,
        } => (None, Some(location), *cost_micros, None),
        PaidStep::Refused {
            detail,
            cost_micros,
        } => (None, None, *cost_micros, Some(detail)),
        PaidStep::Unknown { detail } => (None, None, None, Some(detail)),
        PaidStep::Settled | PaidStep::Unpaid => (None, None, None, None),
    };
    set_state(connection, reference, at, step.to())?;
    connection
        .prepare_cached(
            "UPDATE paid_calls SET remote = coalesce(?2, remote), location = coalesce(?3, location),
                                   cost_micros = coalesce(?4, cost_micros), detail = coalesce(?5, detail)
             WHERE reference = ?1",
        )?
        .execute(params![reference, remote, location, cost, detail])?;
    Ok(())
}

fn settle_by_word(
    connection: &Connection,
    reference: &str,
    at: &str,
    verdict: &PaidVerdict,
) -> Result<(), StoreError> {
    match verdict {
        PaidVerdict::Found(remote) => write_step(
            connection,
            reference,
            at,
            &PaidStep::Submitted {
                remote: remote.clone(),
            },
        ),
        PaidVerdict::Paid => set_state(connection, reference, at, PaidState::Lost),
        PaidVerdict::NotPaid => set_state(connection, reference, at, PaidState::Unpaid),
    }
}

fn set_state(
    connection: &Connection,
    reference: &str,
    at: &str,
    to: PaidState,
) -> Result<(), StoreError> {
    let before = one(connection, reference)?.state;
    if !to.follows(before) {
        return Err(StoreError::PaidStep {
            reference: reference.to_owned(),
            found: before.as_str(),
            wanted: to.as_str(),
        });
    }
    connection
        .prepare_cached("UPDATE paid_calls SET state = ?2, changed_at = ?3 WHERE reference = ?1")?
        .execute(params![reference, to.as_str(), at])?;
    Ok(())
}

fn one(connection: &Connection, reference: &str) -> Result<PaidCall, StoreError> {
    connection
        .prepare_cached("SELECT * FROM paid_calls WHERE reference = ?1")?
        .query_row([reference], read)?
}

/// The paid calls of a job, oldest first.
pub(super) fn of_job(connection: &Connection, job: &str) -> Result<Vec<PaidCall>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM paid_calls WHERE job = ?1 ORDER BY created_at, reference")?;
    let rows = statement.query_map([job], read)?;
    rows.map(|row| row?).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<PaidCall, StoreError>> {
    let word: String = row.get("state")?;
    let Some(state) = PaidState::ALL
        .into_iter()
        .find(|state| state.as_str() == word)
    else {
        return Ok(Err(StoreError::row(
            "paid_calls",
            format!("there is no state {word}"),
        )));
    };
    Ok(Ok(PaidCall {
        reference: row.get("reference")?,
        job: row.get("job")?,
        turn: row.get("turn")?,
        digest: row.get("digest")?,
        provider: row.get("provider")?,
        state,
        remote: row.get("remote")?,
        location: row.get("location")?,
        high_micros: row.get("high_micros")?,
        cost_micros: row.get("cost_micros")?,
        detail: row.get("detail")?,
    }))
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::JobError;
    use proptest::prelude::*;

    use super::*;
    use crate::store::jobs_testing::claimed;
    use crate::store::testing::{self, TestStore};

    fn call(digest: &str, high_micros: u64, cap_micros: Option<u64>) -> NewPaidCall {
        NewPaidCall {
            turn: "clip".to_owned(),
            digest: digest.to_owned(),
            provider: "kie".to_owned(),
            high_micros,
            cap_micros,
            priced: Priced::Known,
            spending: Spending::default(),
        }
    }

    async fn begin(test: &TestStore, claim: &Claim, digest: &str, high: u64) -> PaidCall {
        match test
            .store
            .take_up_paid_call(claim, call(digest, high, None))
            .await
        {
            Ok(TakenUp::New(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    fn step_to(state: PaidState) -> Option<PaidStep> {
        Some(match state {
            PaidState::Submitted => PaidStep::Submitted {
                remote: "r1".to_owned(),
            },
            PaidState::Made => PaidStep::Made {
                location: "l1".to_owned(),
                cost_micros: Some(40),
            },
            PaidState::Settled => PaidStep::Settled,
            PaidState::Refused => PaidStep::Refused {
                detail: "no".to_owned(),
                cost_micros: Some(0),
            },
            PaidState::Unknown => PaidStep::Unknown {
                detail: "timeout".to_owned(),
            },
            PaidState::Unpaid => PaidStep::Unpaid,
            PaidState::Intended | PaidState::Lost => return None,
        })
    }

    #[tokio::test]
    async fn every_pair_of_states_is_decided() {
        use PaidState::{Intended, Lost, Made, Refused, Settled, Submitted, Unknown, Unpaid};
        let ways: &[(PaidState, &[PaidState])] = &[
            (Intended, &[]),
            (Submitted, &[Submitted]),
            (Made, &[Submitted, Made]),
            (Settled, &[Submitted, Made, Settled]),
            (Refused, &[Refused]),
            (Unknown, &[Unknown]),
            (Unpaid, &[Unpaid]),
        ];
        let legal = [
            (Intended, Submitted),
            (Intended, Refused),
            (Intended, Unknown),
            (Intended, Unpaid),
            (Submitted, Made),
            (Submitted, Refused),
            (Submitted, Unknown),
            (Made, Settled),
            (Unknown, Submitted),
            (Unknown, Unpaid),
        ];
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        for (from, steps) in ways {
            for to in PaidState::ALL {
                let digest = format!("{from:?}{to:?}");
                let call = begin(&test, &claim, &digest, 50).await;
                for step in *steps {
                    let step = step_to(*step).unwrap();
                    test.store
                        .step_paid_call(&call.reference, step)
                        .await
                        .unwrap();
                }
                let Some(step) = step_to(to) else {
                    continue;
                };
                let outcome = test.store.step_paid_call(&call.reference, step).await;
                assert_eq!(
                    outcome.is_ok(),
                    legal.contains(&(*from, to)),
                    "{from:?} to {to:?}"
                );
            }
        }
        assert!(Lost.follows(Unknown) && !Lost.follows(Intended) && !Lost.is_open());
    }

    #[tokio::test]
    async fn what_was_begun_is_taken_up_and_never_begun_twice() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        let first = begin(&test, &claim, "d", 50).await;
        let again = test
            .store
            .take_up_paid_call(&claim, call("d", 50, None))
            .await;
        assert_eq!(again.unwrap(), TakenUp::Open(first.clone()));
        // The job that began it has ended without it: whoever wants the same takes it over.
        let cancel = Transition::Cancel;
        test.store.change_claimed(&claim, cancel).await.unwrap();
        let other = claimed(&test.store, "b").await;
        let over = test
            .store
            .take_up_paid_call(&other, call("d", 9, Some(49)))
            .await;
        assert_eq!(
            over.unwrap(),
            TakenUp::Over {
                left_micros: 49,
                allowance: None
            }
        );
        let TakenUp::Open(taken) = test
            .store
            .take_up_paid_call(&other, call("d", 50, Some(50)))
            .await
            .unwrap()
        else {
            panic!("it is open");
        };
        assert_eq!(
            (&taken.reference, &taken.job),
            (&first.reference, &other.job)
        );
        assert!(test.store.paid_calls(&claim.job).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn nobody_without_a_claim_begins_a_call() {
        let test = testing::open();
        let claim = claimed(&test.store, "a").await;
        let late = Claim {
            epoch: claim.epoch - 1,
            ..claim.clone()
        };
        let refused = test
            .store
            .take_up_paid_call(&late, call("d", 1, None))
            .await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })));
        assert!(test.store.paid_calls(&claim.job).await.unwrap().is_empty());
    }

    async fn asked(test: &TestStore, digest: &str) -> (Claim, PaidCall) {
        let claim = claimed(&test.store, digest).await;
        let call = begin(test, &claim, digest, 50).await;
        let unknown = step_to(PaidState::Unknown).unwrap();
        test.store
            .step_paid_call(&call.reference, unknown)
            .await
            .unwrap();
        let error = JobError {
            node: "clip".to_owned(),
            class: None,
            message: "m".to_owned(),
            hint: String::new(),
        };
        let ask = Transition::NeedAttention(error);
        test.store.change_claimed(&claim, ask).await.unwrap();
        (claim, call)
    }

    #[tokio::test]
    async fn somebody_says_what_became_of_it_and_the_job_goes_on() {
        let test = testing::open();
        let found = PaidVerdict::Found("r9".to_owned());
        for (verdict, state, weight) in [
            (PaidVerdict::NotPaid, PaidState::Unpaid, 0),
            (PaidVerdict::Paid, PaidState::Lost, 50),
            (found, PaidState::Submitted, 50),
        ] {
            let (claim, _) = asked(&test, &format!("{state:?}")).await;
            let record = test
                .store
                .resolve_paid_calls(&claim.job, verdict)
                .await
                .unwrap();
            assert_eq!(record.job.state, JobState::Queued);
            let calls = test.store.paid_calls(&claim.job).await.unwrap();
            assert_eq!((calls[0].state, calls[0].weight()), (state, weight));
            let again = test
                .store
                .resolve_paid_calls(&claim.job, PaidVerdict::Paid)
                .await;
            assert!(
                matches!(&again, Err(StoreError::NothingInDoubt { found, .. }) if found == "queued"),
                "{again:?}"
            );
            test.store
                .change_job(&claim.job, Transition::Cancel)
                .await
                .unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever fails and in whatever order: what was spent is never more than the cap, and what was set aside is
        /// either spent or free again.
        #[test]
        fn no_more_is_spent_than_there_is(cap in 0_u64..400, calls in proptest::collection::vec((0_u8..6, 1_u64..120, 0_u8..7, 0_u64..120), 1..24)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let test = testing::open();
                let claim = claimed(&test.store, "a").await;
                for (digest, high, fate, cost) in calls {
                    let taken = test.store.take_up_paid_call(&claim, call(&digest.to_string(), high, Some(cap))).await.unwrap();
                    let (TakenUp::New(open) | TakenUp::Open(open)) = taken else {
                        continue;
                    };
                    let cost = cost.min(open.high_micros);
                    let steps = match fate {
                        0 => vec![],
                        1 => vec![PaidStep::Submitted { remote: "r".to_owned() }],
                        2 => vec![PaidStep::Refused { detail: String::new(), cost_micros: Some(0) }],
                        3 => vec![PaidStep::Unknown { detail: String::new() }],
                        4 => vec![PaidStep::Unpaid],
                        _ => vec![
                            PaidStep::Submitted { remote: "r".to_owned() },
                            PaidStep::Made { location: "l".to_owned(), cost_micros: (fate == 5).then_some(cost) },
                            PaidStep::Settled,
                        ],
                    };
                    for step in steps {
                        // A call that was begun before may stand where this does not follow.
                        let _ = test.store.step_paid_call(&open.reference, step).await;
                    }
                    let all = test.store.paid_calls(&claim.job).await.unwrap();
                    let spent: u64 = all.iter().map(PaidCall::weight).sum();
                    assert!(spent <= cap, "{spent} of {cap}: {all:?}");
                    for digest in 0..6 {
                        let digest = digest.to_string();
                        let open = all.iter().filter(|call| call.digest == digest && call.state.is_open());
                        assert!(open.count() <= 1, "{all:?}");
                    }
                }
            });
        }
    }
}
