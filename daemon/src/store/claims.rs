//! Who works on a job: claims with a lease and an epoch.
//!
//! A claim is made in the same transaction that puts the job into work, and counts it up; whoever wrote under an older
//! number finds nothing changed by it. A lease that nobody renews ends, and the job is there to be claimed again.
//! Neighbours: `transition` makes the change, the runner's queue asks for jobs and renews.

use std::cmp::Reverse;

use fenta_client::api::jobs::Priority;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension, params};

use super::transition::{self, Taking, Transition};
use super::{JobRecord, Store, StoreError};
use crate::clock::timestamp_text;

/// The longest a job waits before it looks again.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(3600);

/// The right to work on a job, until someone else claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: String,
    /// The number of the claim; the newest counts.
    pub epoch: u64,
}

/// A job that was just claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to work on it.
    pub claim: Claim,
    /// The job, in work now.
    pub record: JobRecord,
}

/// Who asks for work.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// The run of the daemon.
    pub owner: String,
    /// How long a claim holds without being renewed.
    pub lease: SignedDuration,
    /// The renderer; none when there is none to name.
    pub tool: Option<String>,
    /// The lowest priority taken up.
    pub lowest: Priority,
    /// Jobs not to be given: the claimant works on them.
    pub except: Vec<String>,
}

/// How many jobs wait for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenJobs {
    /// Not begun, or given up by whoever worked on them.
    pub ready: usize,
    /// Going on by themselves at a time.
    pub waiting: usize,
}

impl Store {
    /// Ends the claims of every other run of the daemon. Only for who owns the state directory: then those runs are
    /// dead, and nobody needs to wait for their leases.
    pub async fn end_foreign_claims(&self, owner: &str) -> Result<usize, StoreError> {
        let owner = owner.to_owned();
        self.threads
            .write(move |connection| {
                Ok(connection.execute(
                    "UPDATE jobs SET lease_until = '' WHERE state = 'processing' AND owner <> ?1",
                    [owner],
                )?)
            })
            .await
    }

    /// Claims the job that is next: what was interrupted, then by priority and age what waits.
    pub async fn claim_job(&self, who: Claimant) -> Result<Option<Claimed>, StoreError> {
        let at = self.clock.now_text();
        let taking = Taking {
            owner: who.owner,
            lease_until: self.ahead_text(who.lease),
            tool: who.tool,
        };
        let except = serde_json::to_string(&who.except).unwrap_or_default();
        // Mostly there is nothing: that is found out without waiting for what is being written.
        let moment = Moment {
            now: at.clone(),
            latest: self.ahead_text(LONGEST_WAIT),
        };
        let (looking, others) = (moment.clone(), except.clone());
        let looked = self
            .threads
            .read(move |connection| next(connection, &looking, who.lowest, &others))
            .await?;
        if looked.is_none() {
            return Ok(None);
        }
        let claimed = self
            .threads
            .write(move |connection| {
                let Some(job) = next(connection, &moment, who.lowest, &except)? else {
                    return Ok(None);
                };
                let record =
                    transition::change(connection, &job, &at, &Transition::Claim(taking), None)?;
                let epoch = connection
                    .prepare_cached("SELECT epoch FROM jobs WHERE id = ?1")?
                    .query_row([&job], |row| row.get(0))?;
                Ok(Some(Claimed {
                    claim: Claim { job, epoch },
                    record,
                }))
            })
            .await?;
        if let Some(claimed) = &claimed {
            self.announce(&claimed.claim.job, claimed.record.job.last_seq);
        }
        Ok(claimed)
    }

    /// Makes claims hold for longer; gives those that do not hold any more.
    pub async fn renew_claims(
        &self,
        claims: Vec<Claim>,
        lease: SignedDuration,
    ) -> Result<Vec<Claim>, StoreError> {
        let until = self.ahead_text(lease);
        self.threads
            .write(move |connection| {
                let mut renew = connection.prepare_cached(
                    "UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND epoch = ?2 AND state = 'processing'",
                )?;
                let mut lost = Vec::new();
                for claim in claims {
                    if renew.execute(params![claim.job, claim.epoch, until])? == 0 {
                        lost.push(claim);
                    }
                }
                Ok(lost)
            })
            .await
    }

    /// Gives a claim back: the job can be claimed at once. Nothing happens when it does not hold any more.
    pub async fn end_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.threads
            .write(move |connection| {
                connection.execute(
                    "UPDATE jobs SET lease_until = '' WHERE id = ?1 AND epoch = ?2 AND state = 'processing'",
                    params![claim.job, claim.epoch],
                )?;
                Ok(())
            })
            .await
    }

    /// Moves a job that is worked on, while the claim holds; returns the job as it is then.
    pub async fn change_claimed(
        &self,
        claim: &Claim,
        change: Transition,
    ) -> Result<JobRecord, StoreError> {
        let (at, owned) = (self.clock.now_text(), claim.clone());
        let record = self
            .threads
            .write(move |connection| {
                transition::change(connection, &owned.job, &at, &change, Some(&owned))
            })
            .await?;
        self.announce(&claim.job, record.job.last_seq);
        Ok(record)
    }

    /// Takes one of the retries a job has; false when they are used up.
    pub async fn take_retry(&self, job: &str, most: u32) -> Result<bool, StoreError> {
        let job = job.to_owned();
        self.threads
            .write(move |connection| {
                let taken = connection
                    .prepare_cached(
                        "UPDATE jobs SET retries = retries + 1 WHERE id = ?1 AND retries < ?2",
                    )?
                    .execute(params![job, most])?;
                Ok(taken == 1)
            })
            .await
    }

    /// How often a job waited since it last got on.
    pub async fn waits(&self, job: &str) -> Result<u32, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT waits FROM jobs WHERE id = ?1")?
                    .query_row([&job], |row| row.get(0))
                    .optional()?
                    .ok_or(StoreError::UnknownJob(job))
            })
            .await
    }

    /// How many jobs nobody works on go on by themselves.
    pub async fn open_jobs(&self) -> Result<OpenJobs, StoreError> {
        let at = self.clock.now_text();
        self.threads
            .read(move |connection| {
                let (ready, waiting): (i64, i64) = connection
                    .prepare_cached(
                        "SELECT (SELECT count(*) FROM jobs WHERE state = 'queued')
                              + (SELECT count(*) FROM jobs WHERE state = 'processing' AND lease_until <= ?1),
                                (SELECT count(*) FROM jobs WHERE state = 'waiting')",
                    )?
                    .query_row([&at], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(OpenJobs {
                    ready: usize::try_from(ready).unwrap_or_default(),
                    waiting: usize::try_from(waiting).unwrap_or_default(),
                })
            })
            .await
    }

    /// So far ahead, as rows say it.
    pub fn ahead_text(&self, span: SignedDuration) -> String {
        let then = self
            .clock
            .now()
            .checked_add(span)
            .unwrap_or(jiff::Timestamp::MAX);
        timestamp_text(then)
    }
}

/// Fails unless the claim is the newest of a job in work.
pub(super) fn fence(connection: &Connection, claim: &Claim) -> Result<(), StoreError> {
    let holds: Option<i64> = connection
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND epoch = ?2 AND state = 'processing'")?
        .query_row(params![claim.job, claim.epoch], |row| row.get(0))
        .optional()?;
    match holds {
        Some(_) => Ok(()),
        None => Err(StoreError::Fenced {
            job: claim.job.clone(),
            epoch: claim.epoch,
        }),
    }
}

/// When somebody looks for a job.
#[derive(Clone, Debug)]
struct Moment {
    /// As rows say it.
    now: String,
    /// Nobody waits for anything later: a time beyond was written by a clock that was ahead of this one.
    latest: String,
}

/// What was interrupted goes first: it holds results that others may wait for. Times are texts that sort like times;
/// a lease that was given back is empty and sorts before all of them.
fn next(
    connection: &Connection,
    at: &Moment,
    lowest: Priority,
    except: &str,
) -> Result<Option<String>, StoreError> {
    let interrupted: Option<String> = connection
        .prepare_cached(
            "SELECT id FROM jobs WHERE state = 'processing' AND lease_until <= ?1
                AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY ordinal LIMIT 1",
        )?
        .query_row(params![at.now, except], |row| row.get(0))
        .optional()?;
    if interrupted.is_some() {
        return Ok(interrupted);
    }
    type Found = Option<(i64, i64, String)>;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let due: Found = connection
        .prepare_cached(
            "SELECT priority, ordinal, id FROM jobs WHERE state = 'waiting' AND (wake_at <= ?1 OR wake_at > ?3) AND priority >= ?2
             ORDER BY priority DESC, ordinal LIMIT 1",
        )?
        .query_row(params![at.now, lowest.rank(), at.latest], row)
        .optional()?;
    let queued: Found = connection
        .prepare_cached(
            "SELECT priority, ordinal, id FROM jobs WHERE state = 'queued' AND priority >= ?1
             ORDER BY priority DESC, ordinal LIMIT 1",
        )?
        .query_row([lowest.rank()], row)
        .optional()?;
    let first = due
        .into_iter()
        .chain(queued)
        .min_by_key(|(priority, ordinal, _)| (Reverse(*priority), *ordinal));
    Ok(first.map(|(_, _, id)| id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenta_workflows::job_event::{JobEventKind, JobState};

    use super::*;
    use crate::store::jobs_testing::{claimant, create, create_with};
    use crate::store::testing::{self, TestStore};
    use crate::store::{Charge, NodeTally, NodeUpdate};

    #[tokio::test]
    async fn a_job_that_waits_goes_on_when_the_clock_is_put_back_by_years() {
        let test = testing::open();
        create(&test.store, "a").await;
        let claim = next_job(&test).await.claim;
        let wait = Transition::Wait {
            error: fenta_client::api::jobs::JobError {
                node: "voice".to_owned(),
                class: None,
                message: "later".to_owned(),
                hint: String::new(),
            },
            until: test.store.ahead_text(LONGEST_WAIT),
        };
        test.store.change_claimed(&claim, wait).await.unwrap();
        let ask = || test.store.claim_job(claimant("me"));
        assert!(ask().await.unwrap().is_none(), "its time has not come");
        test.clock.advance(-10 * 365 * 86_400_000);
        assert!(ask().await.unwrap().is_some(), "nobody waits for ten years");
    }

    async fn next_job(test: &TestStore) -> Claimed {
        let claimed = test.store.claim_job(claimant("me")).await.unwrap();
        claimed.expect("there is a job")
    }

    #[tokio::test]
    async fn a_late_writer_with_an_old_claim_changes_nothing() {
        let test = testing::open();
        let id = create(&test.store, "a").await;
        let old = next_job(&test).await.claim;
        test.clock.advance(31_000);
        let new = next_job(&test).await.claim;
        assert_eq!((&*new.job, new.epoch), (&*id, old.epoch + 1));

        let before = test.store.job_with_nodes(&id).await.unwrap();
        let skip = NodeUpdate::Skipped {
            note: "late".to_owned(),
            tally: NodeTally::default(),
        };
        let charge = Charge {
            turn: "voice".to_owned(),
            ask: "late".to_owned(),
            render_ms: 1,
            usd_micros: 1,
            millicredits: 1,
        };
        let started = JobEventKind::NodeStarted {
            node: "late".to_owned(),
        };
        let store = &test.store;
        let price = crate::store::PriceNote {
            source: "table".to_owned(),
            as_of: "2026-06-30".to_owned(),
        };
        let refused = [
            store
                .change_claimed(&old, Transition::Complete(BTreeMap::new()))
                .await
                .map(drop),
            store
                .change_claimed(&old, Transition::Cancel)
                .await
                .map(drop),
            store.update_node(&old, "voice", skip).await,
            store.add_items(&old, "voice", 3).await,
            store.charge(&old, charge, price).await,
            store.append_events(&old, vec![started]).await.map(drop),
        ];
        for outcome in refused {
            assert!(
                matches!(&outcome, Err(StoreError::Fenced { epoch: 1, .. })),
                "{outcome:?}"
            );
        }
        store.end_claim(&old).await.unwrap();
        assert_eq!(
            store.renew_claims(vec![old.clone()], LEASE).await.unwrap(),
            [old]
        );
        assert_eq!(store.job_with_nodes(&id).await.unwrap(), before);
        assert!(store.charges(&id).await.unwrap().is_empty());
        assert!(
            store.claim_job(claimant("me")).await.unwrap().is_none(),
            "it is held"
        );
        let done = store
            .change_claimed(&new, Transition::Complete(BTreeMap::new()))
            .await
            .unwrap();
        assert_eq!(done.job.state, JobState::Completed);
        let after = store.append_events(&new, Vec::new()).await;
        assert!(
            matches!(after, Err(StoreError::Fenced { .. })),
            "it has ended"
        );
    }

    const LEASE: SignedDuration = SignedDuration::from_secs(30);

    #[tokio::test]
    async fn a_lease_holds_while_it_is_renewed_and_ends_by_itself() {
        let test = testing::open();
        create(&test.store, "a").await;
        let claim = next_job(&test).await.claim;
        for _ in 0..4 {
            test.clock.advance(20_000);
            let lost = test.store.renew_claims(vec![claim.clone()], LEASE).await;
            assert_eq!(lost.unwrap(), []);
            let other = test.store.claim_job(claimant("other")).await.unwrap();
            assert!(other.is_none());
        }
        test.clock.advance(30_000);
        // Who works on it does not take it from itself, and another does.
        let own = Claimant {
            except: vec![claim.job.clone()],
            ..claimant("me")
        };
        assert!(test.store.claim_job(own).await.unwrap().is_none());
        let other = test.store.claim_job(claimant("other")).await.unwrap();
        assert_eq!(other.unwrap().claim.epoch, claim.epoch + 1);
    }

    #[tokio::test]
    async fn a_dead_daemons_jobs_are_there_at_once_even_without_a_heartbeat() {
        let test = testing::open();
        let id = create(&test.store, "a").await;
        let dead = next_job(&test).await;
        assert_eq!(dead.record.job.state, JobState::Processing);
        assert_eq!(test.store.end_foreign_claims("me").await.unwrap(), 0);
        assert_eq!(test.store.end_foreign_claims("next").await.unwrap(), 1);
        assert_eq!(test.store.open_jobs().await.unwrap().ready, 1);
        let claimed = test
            .store
            .claim_job(claimant("next"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&*claimed.claim.job, claimed.claim.epoch), (&*id, 2));
        assert_eq!(test.store.open_jobs().await.unwrap(), OpenJobs::default());
    }

    #[tokio::test]
    async fn what_was_interrupted_goes_first_then_by_priority_and_age() {
        let test = testing::open();
        let interrupted = create(&test.store, "a").await;
        let held = next_job(&test).await.claim;
        test.store.end_claim(&held).await.unwrap();
        let mut jobs = Vec::new();
        for priority in [
            Priority::Low,
            Priority::Normal,
            Priority::High,
            Priority::Normal,
        ] {
            jobs.push(create_with(&test.store, "b", priority).await);
        }
        let mut order = Vec::new();
        while let Some(claimed) = test.store.claim_job(claimant("me")).await.unwrap() {
            order.push(claimed.claim.job);
        }
        let [low, first, high, second] = jobs.try_into().unwrap();
        assert_eq!(order, [interrupted, high, first, second, low]);
        create_with(&test.store, "c", Priority::Low).await;
        let picky = Claimant {
            lowest: Priority::High,
            ..claimant("me")
        };
        assert!(test.store.claim_job(picky).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_waiting_job_is_given_when_its_time_has_come() {
        let test = testing::open();
        let id = create(&test.store, "a").await;
        let claim = next_job(&test).await.claim;
        let wait = Transition::Wait {
            error: fenta_client::api::jobs::JobError {
                node: "voice".to_owned(),
                class: None,
                message: "the disk is full".to_owned(),
                hint: String::new(),
            },
            until: test.store.ahead_text(SignedDuration::from_secs(60)),
        };
        let record = test.store.change_claimed(&claim, wait).await.unwrap();
        assert_eq!(record.job.state, JobState::Waiting);
        assert_eq!(test.store.waits(&id).await.unwrap(), 1);
        assert!(
            test.store
                .claim_job(claimant("me"))
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(test.store.open_jobs().await.unwrap().waiting, 1);
        test.clock.advance(60_000);
        let again = next_job(&test).await;
        assert_eq!((&*again.claim.job, again.claim.epoch), (&*id, 2));
        assert_eq!(again.record.job.error, None);
    }

    #[tokio::test]
    async fn retries_of_a_job_are_counted_over_restarts() {
        let test = testing::open();
        let id = create(&test.store, "a").await;
        for _ in 0..3 {
            assert!(test.store.take_retry(&id, 3).await.unwrap());
        }
        assert!(!test.store.take_retry(&id, 3).await.unwrap());
        assert!(!test.store.take_retry("job_none", 3).await.unwrap());
    }
}
