//! The life of a job: which change may start from which state, and what is written along with it.
//!
//! Every change is one transaction with the event that tells of it. Which change to make is the runner's decision.

use std::collections::BTreeMap;

use fenta_client::api::jobs::JobError;
use fenta_workflows::job_event::{JobEventKind, JobState, OutputValue};
use rusqlite::{Connection, params};

use super::jobs::{self, JobRecord};
use super::{StoreError, events, node_runs};

/// A change of state with everything that is written along with it.
#[derive(Clone, Debug)]
pub enum Transition {
    /// Work begins or goes on under this renderer.
    Start {
        /// The renderer.
        tool: String,
    },
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
    /// A failed, cancelled or paused job goes on.
    Requeue,
}

impl Transition {
    /// The states it may start from; the table of the job's life.
    pub const fn from(&self) -> &'static [JobState] {
        match self {
            Self::Start { .. } => &[JobState::Queued, JobState::Processing],
            Self::RequestCancel | Self::Cancel => {
                &[JobState::Queued, JobState::Processing, JobState::Paused]
            }
            Self::Complete(_) | Self::Fail(_) | Self::Pause(_) => &[JobState::Processing],
            Self::Requeue => &[JobState::Failed, JobState::Cancelled, JobState::Paused],
        }
    }

    /// The state it leads to, from `from`.
    pub const fn to(&self, from: JobState) -> JobState {
        match self {
            Self::Start { .. } => JobState::Processing,
            Self::RequestCancel => from,
            Self::Cancel => JobState::Cancelled,
            Self::Complete(_) => JobState::Completed,
            Self::Fail(_) => JobState::Failed,
            Self::Pause(_) => JobState::Paused,
            Self::Requeue => JobState::Queued,
        }
    }

    const fn wanted(&self) -> &'static str {
        match self {
            Self::Start { .. } => "processing",
            Self::RequestCancel | Self::Cancel => "cancelled",
            Self::Complete(_) => "completed",
            Self::Fail(_) => "failed",
            Self::Pause(_) => "paused",
            Self::Requeue => "queued",
        }
    }

    fn event(&self, record: &JobRecord) -> JobEventKind {
        match self {
            Self::Start { .. } => JobEventKind::JobStarted {
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
            Self::Fail(error) => JobEventKind::JobFailed {
                node: error.node.clone(),
                class: error.class,
                message: error.message.clone(),
                hint: error.hint.clone(),
            },
            Self::Requeue => JobEventKind::JobQueued {
                workflow: record.job.workflow.clone(),
            },
        }
    }
}

/// Makes the change, if the job is in a state it may start from, and tells of it; returns the job as it is then.
pub(super) fn change(
    connection: &Connection,
    id: &str,
    at: &str,
    transition: &Transition,
) -> Result<JobRecord, StoreError> {
    let before = jobs::select(connection, id)?;
    let state = before.job.state;
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
    events::append(connection, id, at, &[transition.event(&before)])?;
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
        Transition::Start { tool } => {
            connection.execute(
                "UPDATE jobs SET tool = ?2, started_at = coalesce(started_at, ?3) WHERE id = ?1",
                params![id, tool, at],
            )?;
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
        Transition::Fail(error) | Transition::Pause(error) => {
            node_runs::cancel_open(connection, id)?;
            connection.execute(
                "UPDATE jobs SET error = ?2 WHERE id = ?1",
                params![id, json(error)?],
            )?;
            finish(connection, id, at)?;
        }
        Transition::Requeue => {
            node_runs::reopen(connection, id)?;
            connection.execute(
                "UPDATE jobs SET cancel_requested = 0, finished_at = NULL, error = NULL WHERE id = ?1",
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
