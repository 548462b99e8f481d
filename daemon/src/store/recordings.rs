//! Jobs recorded by other daemons, kept beside our own to be looked at.
//!
//! They have an end, so the runner never takes them up; `imported` keeps everything else from mistaking them for work
//! that was done here.

use fenta_client::api::jobs::{Job, NodeRun};
use fenta_client::api::recordings::Recording;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

impl Store {
    /// Writes a recording down; false when a job of that id is here already, which is left as it is.
    pub async fn import(&self, recording: Recording) -> Result<bool, StoreError> {
        self.threads
            .write(move |connection| insert(connection, &recording))
            .await
    }

    /// Whether a job is a recording from elsewhere.
    pub async fn is_imported(&self, job: &str) -> Result<bool, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT imported FROM jobs WHERE id = ?1")?
                    .query_row([&job], |row| row.get(0))
                    .optional()?
                    .ok_or_else(|| StoreError::UnknownJob(job.clone()))
            })
            .await
    }
}

fn insert(connection: &Connection, recording: &Recording) -> Result<bool, StoreError> {
    let job = &recording.job;
    let bad = |error| StoreError::row("jobs", error);
    let error = job.error.as_ref().map(serde_json::to_string).transpose();
    let last_seq = recording.events.last().map_or(0, |event| event.seq);
    let new = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO jobs (id, workflow, identity, request, state, local_date, tool, created_at,
                                         started_at, finished_at, error, outputs, last_seq, imported)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1)",
        )?
        .execute(params![
            job.id,
            job.workflow,
            identity(job),
            serde_json::to_string(&recording.request).map_err(bad)?,
            job.state.as_str(),
            recording.local_date,
            recording.tool,
            job.created_at,
            job.started_at,
            job.finished_at,
            error.map_err(bad)?,
            serde_json::to_string(&job.outputs).map_err(bad)?,
            last_seq,
        ])?;
    if new == 0 {
        return Ok(false);
    }
    for (position, run) in job.nodes.iter().enumerate() {
        insert_node(connection, &job.id, position, run)?;
    }
    let mut event = connection
        .prepare_cached("INSERT INTO job_events (job, seq, at, kind) VALUES (?1, ?2, ?3, ?4)")?;
    for entry in &recording.events {
        let kind = serde_json::to_string(&entry.kind).map_err(bad)?;
        event.execute(params![job.id, entry.seq, entry.at, kind])?;
    }
    Ok(true)
}

/// The path is another machine's: without a name of its own, this job would count as an earlier run of ours.
fn identity(job: &Job) -> String {
    format!("imported:{}", job.path.as_deref().unwrap_or(&job.workflow))
}

fn insert_node(
    connection: &Connection,
    job: &str,
    position: usize,
    run: &NodeRun,
) -> Result<(), StoreError> {
    let bad = |error| StoreError::row("node_runs", error);
    let error = run.error.as_ref().map(serde_json::to_string).transpose();
    connection
        .prepare_cached(
            "INSERT INTO node_runs (job, position, node, kind, state, ran, cached, wall_ms, saved_ms, reasons, error, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            job,
            position as i64,
            run.node,
            run.kind,
            run.state.as_str(),
            run.ran,
            run.cached,
            run.wall_ms,
            run.saved_ms,
            serde_json::to_string(&run.reasons).map_err(bad)?,
            error.map_err(bad)?,
            run.note,
        ])?;
    Ok(())
}
