//! The life of a job as a table: which change may start from which state, where it leads, and what is written along.
//!
//! Every change is one transaction with the event that tells of it. Which change to make is the runner's decision; a
//! change made by whoever works on the job holds only while the claim does (`claims`).

use std::collections::BTreeMap;

use fenta_client::api::jobs::JobError;
use fenta_workflows::job_event::{JobEventKind, JobState, OutputValue};
use rusqlite::{Connection, params};

use super::jobs::{self, JobRecord};
use super::{Claim, StoreError, claims, events, ledger, node_runs};

/// A change of state with everything that is written along with it.
#[derive(Clone, Debug)]
pub enum Transition {
    /// Someone takes the job up and holds it for a while.
    Claim(Taking),
    /// Someone asks for the end; the state stays until the work has stopped.
    RequestCancel,
    /// It was cancelled.
    Cancel,
    /// Everything is done.
    Complete(BTreeMap<String, OutputValue>),
    /// It failed.
    Fail(JobError),
    /// It waits for someone.
    Pause(JobError),
    /// It goes on by itself at a time.
    Wait {
        /// What it waits for.
        error: JobError,
        /// When it looks again.
        until: String,
    },
    /// Whether something was paid is not known: it waits for someone to say.
    NeedAttention(JobError),
    /// A failed, cancelled, paused or waiting job goes on now.
    Requeue,
    /// Someone said what was not known.
    Resolve,
}

/// Who takes a job up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taking {
    /// The run of the daemon.
    pub owner: String,
    /// Until when the claim holds if nobody renews it.
    pub lease_until: String,
    /// The renderer it is done with; the one of before when that is not known.
    pub tool: Option<String>,
}

impl Transition {
    /// The states it may start from; the table of the job's life.
    pub const fn from(&self) -> &'static [JobState] {
        use JobState::{Cancelled, Failed, NeedsAttention, Paused, Processing, Queued, Waiting};
        match self {
            Self::Claim(_) => &[Queued, Processing, Waiting],
            Self::RequestCancel | Self::Cancel => {
                &[Queued, Processing, Waiting, Paused, NeedsAttention]
            }
            Self::Complete(_)
            | Self::Fail(_)
            | Self::Pause(_)
            | Self::Wait { .. }
            | Self::NeedAttention(_) => &[Processing],
            Self::Requeue => &[Failed, Cancelled, Paused, Waiting],
            Self::Resolve => &[NeedsAttention],
        }
    }

    /// The state it leads to, from `from`.
    pub const fn to(&self, from: JobState) -> JobState {
        match self {
            Self::Claim(_) => JobState::Processing,
            Self::RequestCancel => from,
            Self::Cancel => JobState::Cancelled,
            Self::Complete(_) => JobState::Completed,
            Self::Fail(_) => JobState::Failed,
            Self::Pause(_) => JobState::Paused,
            Self::Wait { .. } => JobState::Waiting,
            Self::NeedAttention(_) => JobState::NeedsAttention,
            Self::Requeue | Self::Resolve => JobState::Queued,
        }
    }

    const fn wanted(&self) -> &'static str {
        match self {
            Self::Claim(_) => "processing",
            Self::RequestCancel | Self::Cancel => "cancelled",
            Self::Complete(_) => "completed",
            Self::Fail(_) => "failed",
            Self::Pause(_) => "paused",
            Self::Wait { .. } => "waiting",
            Self::NeedAttention(_) => "needs_attention",
            Self::Requeue | Self::Resolve => "queued",
        }
    }

    /// What is told of it; nothing where a job is taken up only to be ended.
    fn event(&self, record: &JobRecord) -> Option<JobEventKind> {
        Some(match self {
            Self::Claim(_) if record.cancel_requested => return None,
            Self::Claim(_) => JobEventKind::JobStarted {
                resumed: record.job.started_at.is_some(),
            },
            Self::RequestCancel => JobEventKind::CancelRequested,
            Self::Cancel => JobEventKind::JobCancelled,
            Self::Complete(outputs) => JobEventKind::JobCompleted {
                outputs: outputs.clone(),
            },
            Self::Pause(error) => JobEventKind::JobPaused {
                node: error.node.clone(),
                message: error.message.clone(),
                hint: error.hint.clone(),
            },
            Self::Wait { error, until } => JobEventKind::JobWaiting {
                node: error.node.clone(),
                message: error.message.clone(),
                hint: error.hint.clone(),
                until: until.clone(),
            },
            Self::NeedAttention(error) => JobEventKind::JobNeedsAttention {
                node: error.node.clone(),
                message: error.message.clone(),
                hint: error.hint.clone(),
            },
            Self::Fail(error) => JobEventKind::JobFailed {
                node: error.node.clone(),
                class: error.class,
                message: error.message.clone(),
                hint: error.hint.clone(),
            },
            Self::Requeue | Self::Resolve => JobEventKind::JobQueued {
                workflow: record.job.workflow.clone(),
            },
        })
    }
}

/// Makes the change, if the job is in a state it may start from, and tells of it; returns the job as it is then. With
/// a claim, only while that holds.
pub(super) fn change(
    connection: &Connection,
    id: &str,
    at: &str,
    transition: &Transition,
    claim: Option<&Claim>,
) -> Result<JobRecord, StoreError> {
    let before = jobs::select(connection, id)?;
    let state = before.job.state;
    if let Some(claim) = claim {
        claims::fence(connection, claim)?;
    }
    if !transition.from().contains(&state) {
        return Err(StoreError::Transition {
            job: id.to_owned(),
            found: state.as_str().to_owned(),
            wanted: transition.wanted(),
        });
    }
    write(connection, id, at, transition)?;
    connection
        .prepare_cached("UPDATE jobs SET state = ?2 WHERE id = ?1")?
        .execute(params![id, transition.to(state).as_str()])?;
    // In the same transaction: a job at its end has nothing reserved.
    if transition.to(state).is_final() {
        ledger::close_job(connection, at, id)?;
    }
    if let Some(event) = transition.event(&before) {
        events::append(connection, id, at, &[event])?;
    }
    jobs::select(connection, id)
}

/// Everything a change writes besides the state and the event.
fn write(
    connection: &Connection,
    id: &str,
    at: &str,
    transition: &Transition,
) -> Result<(), StoreError> {
    match transition {
        Transition::Claim(taking) => {
            // The state follows in the same transaction: no job is in work without a lease.
            connection
                .prepare_cached(
                    "UPDATE jobs SET epoch = epoch + 1, owner = ?2, lease_until = ?3, tool = coalesce(?4, tool),
                                     started_at = coalesce(started_at, ?5), wake_at = '', error = NULL
                     WHERE id = ?1",
                )?
                .execute(params![id, taking.owner, taking.lease_until, taking.tool, at])?;
        }
        Transition::RequestCancel => {
            connection.execute(
                "UPDATE jobs SET cancel_requested = 1 WHERE id = ?1",
                params![id],
            )?;
        }
        Transition::Cancel => {
            node_runs::cancel_open(connection, id)?;
            finish(connection, id, at)?;
        }
        Transition::Complete(outputs) => {
            connection.execute(
                "UPDATE jobs SET outputs = ?2 WHERE id = ?1",
                params![id, json(outputs)?],
            )?;
            finish(connection, id, at)?;
        }
        Transition::Fail(error) | Transition::Pause(error) | Transition::NeedAttention(error) => {
            node_runs::cancel_open(connection, id)?;
            connection.execute(
                "UPDATE jobs SET error = ?2 WHERE id = ?1",
                params![id, json(error)?],
            )?;
            finish(connection, id, at)?;
        }
        Transition::Wait { error, until } => {
            node_runs::reopen(connection, id)?;
            connection.execute(
                "UPDATE jobs SET error = ?2, wake_at = ?3, waits = waits + 1 WHERE id = ?1",
                params![id, json(error)?, until],
            )?;
        }
        Transition::Requeue | Transition::Resolve => {
            node_runs::reopen(connection, id)?;
            connection.execute(
                "UPDATE jobs SET cancel_requested = 0, finished_at = NULL, error = NULL, wake_at = '', waits = 0,
                                 retries = 0
                 WHERE id = ?1",
                params![id],
            )?;
        }
    }
    Ok(())
}

fn finish(connection: &Connection, id: &str, at: &str) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE jobs SET finished_at = ?2, cancel_requested = 0 WHERE id = ?1",
        params![id, at],
    )
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::row("jobs", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs_testing::{claimant, create};
    use crate::store::{Store, testing as store_testing};

    fn error() -> JobError {
        JobError {
            node: "n".to_owned(),
            class: None,
            message: "m".to_owned(),
            hint: String::new(),
        }
    }

    async fn take(store: &Store) -> Claim {
        let claimed = store.claim_job(claimant("me")).await.unwrap();
        claimed.expect("there is a job").claim
    }

    /// Every change with its name; a new one does not compile before it has a line here.
    fn every_transition() -> Vec<(&'static str, Transition)> {
        let all = vec![
            Transition::Claim(Taking::default()),
            Transition::RequestCancel,
            Transition::Cancel,
            Transition::Complete(BTreeMap::new()),
            Transition::Fail(error()),
            Transition::Pause(error()),
            Transition::Wait {
                error: error(),
                until: "2026-11-23T00:00:00.000Z".to_owned(),
            },
            Transition::NeedAttention(error()),
            Transition::Requeue,
            Transition::Resolve,
        ];
        let name = |transition: &Transition| match transition {
            Transition::Claim(_) => "claim",
            Transition::RequestCancel => "request cancel",
            Transition::Cancel => "cancel",
            Transition::Complete(_) => "complete",
            Transition::Fail(_) => "fail",
            Transition::Pause(_) => "pause",
            Transition::Wait { .. } => "wait",
            Transition::NeedAttention(_) => "need attention",
            Transition::Requeue => "requeue",
            Transition::Resolve => "resolve",
        };
        all.into_iter()
            .map(|change| (name(&change), change))
            .collect()
    }

    /// What each change makes of each state, in the order of [`JobState::ALL`]; nothing where it is refused.
    const TABLE: [(&str, [Option<JobState>; 8]); 10] = {
        use JobState::{
            Cancelled, Completed, Failed, NeedsAttention, Paused, Processing, Queued, Waiting,
        };
        const NO: Option<JobState> = None;
        const fn so(state: JobState) -> Option<JobState> {
            Some(state)
        }
        [
            // queued, processing, waiting, paused, needs_attention, completed, failed, cancelled
            (
                "claim",
                [
                    so(Processing),
                    so(Processing),
                    so(Processing),
                    NO,
                    NO,
                    NO,
                    NO,
                    NO,
                ],
            ),
            (
                "request cancel",
                [
                    so(Queued),
                    so(Processing),
                    so(Waiting),
                    so(Paused),
                    so(NeedsAttention),
                    NO,
                    NO,
                    NO,
                ],
            ),
            (
                "cancel",
                [
                    so(Cancelled),
                    so(Cancelled),
                    so(Cancelled),
                    so(Cancelled),
                    so(Cancelled),
                    NO,
                    NO,
                    NO,
                ],
            ),
            ("complete", [NO, so(Completed), NO, NO, NO, NO, NO, NO]),
            ("fail", [NO, so(Failed), NO, NO, NO, NO, NO, NO]),
            ("pause", [NO, so(Paused), NO, NO, NO, NO, NO, NO]),
            ("wait", [NO, so(Waiting), NO, NO, NO, NO, NO, NO]),
            (
                "need attention",
                [NO, so(NeedsAttention), NO, NO, NO, NO, NO, NO],
            ),
            (
                "requeue",
                [
                    NO,
                    NO,
                    so(Queued),
                    so(Queued),
                    NO,
                    NO,
                    so(Queued),
                    so(Queued),
                ],
            ),
            ("resolve", [NO, NO, NO, NO, so(Queued), NO, NO, NO]),
        ]
    };

    /// Brings a fresh job into a state by legal steps.
    async fn job_in(store: &Store, state: JobState) -> String {
        let id = create(store, "a").await;
        let ending = match state {
            JobState::Queued | JobState::Processing => None,
            JobState::Waiting => Some("wait"),
            JobState::Paused => Some("pause"),
            JobState::NeedsAttention => Some("need attention"),
            JobState::Completed => Some("complete"),
            JobState::Failed => Some("fail"),
            JobState::Cancelled => Some("cancel"),
        };
        if state != JobState::Queued {
            store
                .change_job(&id, Transition::Claim(Taking::default()))
                .await
                .unwrap();
        }
        for (name, change) in every_transition() {
            if Some(name) == ending {
                store.change_job(&id, change).await.unwrap();
            }
        }
        assert_eq!(store.job(&id).await.unwrap().job.state, state);
        id
    }

    #[tokio::test]
    async fn every_pair_of_state_and_change_is_decided() {
        let test = store_testing::open();
        let changes = every_transition();
        assert_eq!(changes.len(), TABLE.len());
        for ((name, change), (row, outcomes)) in changes.into_iter().zip(TABLE) {
            assert_eq!(name, row);
            for (state, wanted) in JobState::ALL.into_iter().zip(outcomes) {
                let id = job_in(&test.store, state).await;
                let before = test.store.job(&id).await.unwrap().job;
                match (test.store.change_job(&id, change.clone()).await, wanted) {
                    (Ok(record), Some(to)) => {
                        assert_eq!(record.job.state, to, "{name} of {state:?}");
                        assert_eq!(
                            record.job.last_seq,
                            before.last_seq + 1,
                            "one event tells of it"
                        );
                    }
                    (Err(StoreError::Transition { .. }), None) => {
                        assert_eq!(test.store.job(&id).await.unwrap().job, before);
                    }
                    (outcome, _) => panic!("{name} of {state:?}: {outcome:?}"),
                }
            }
        }
    }

    #[test]
    fn every_state_has_a_way_out_but_the_completed() {
        for (index, state) in JobState::ALL.into_iter().enumerate() {
            let leaves = TABLE
                .iter()
                .any(|(_, row)| row[index].is_some_and(|to| to != state));
            assert_eq!(leaves, state != JobState::Completed, "{state:?}");
        }
    }

    #[tokio::test]
    async fn times_outputs_and_errors_are_kept() {
        let test = store_testing::open();
        let id = create(&test.store, "a").await;
        test.clock.advance(10);
        let claim = take(&test.store).await;
        test.clock.advance(10);
        let failed = Transition::Fail(error());
        let record = test.store.change_claimed(&claim, failed).await.unwrap();
        let times = [
            Some(record.job.created_at.clone()),
            record.job.started_at.clone(),
            record.job.finished_at.clone(),
        ];
        assert!(times.is_sorted() && times[0] != times[1] && times[1] != times[2]);
        assert_eq!(record.job.error.unwrap().message, "m");
        assert_eq!(record.job.path.as_deref(), Some("/w/a.yaml"));

        test.store
            .change_job(&id, Transition::Requeue)
            .await
            .unwrap();
        test.clock.advance(10);
        let claim = take(&test.store).await;
        let again = test.store.job(&id).await.unwrap();
        assert_eq!(again.job.started_at, times[1], "it began only once");
        assert_eq!(again.job.error, None);
        let outputs = BTreeMap::from([(
            "video".to_owned(),
            OutputValue::Text("/out/a.mp4".to_owned()),
        )]);
        let done = test
            .store
            .change_claimed(&claim, Transition::Complete(outputs.clone()))
            .await
            .unwrap();
        assert_eq!(done.job.outputs, outputs);
        let kinds: Vec<JobEventKind> = test
            .store
            .events_after(&id, 0, 100)
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.kind)
            .collect();
        assert_eq!(kinds[1], JobEventKind::JobStarted { resumed: false });
        assert_eq!(kinds[4], JobEventKind::JobStarted { resumed: true });
        assert_eq!(kinds.len(), 6);
    }
}
