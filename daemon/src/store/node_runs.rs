//! What each node of a job did, under which key, and why.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{JobError, NodeRun, NodeState};
use fenta_workflows::NodeKey;
use fenta_workflows::rerun_reason::RerunReason;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// A change of a node's row.
#[derive(Clone, Debug)]
pub enum NodeUpdate {
    /// Its parameters are known and it is being worked on.
    Running {
        /// What its work depends on.
        key: Box<NodeKey>,
    },
    /// It has all its outputs.
    Finished {
        /// Counts and times.
        tally: NodeTally,
        /// Why it ran.
        reasons: Vec<RerunReason>,
        /// The user's files it read: name and digest.
        files: BTreeMap<String, String>,
    },
    /// It failed for good.
    Failed {
        /// Counts and times.
        tally: NodeTally,
        /// Why.
        error: JobError,
    },
}

/// What the actions of a node came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTally {
    /// Actions that really ran.
    pub ran: u32,
    /// Actions found in the cache.
    pub cached: u32,
    /// Wall time of the actions that ran, milliseconds.
    pub wall_ms: u64,
    /// Wall time the cache saved, milliseconds.
    pub saved_ms: u64,
}

/// The last time a node of the same workflow had a key.
#[derive(Clone, Debug)]
pub struct EarlierRun {
    /// The key.
    pub key: NodeKey,
    /// Whether it got all its outputs.
    pub finished: bool,
    /// The renderer of that job.
    pub tool: String,
    /// The user's files it read.
    pub files: BTreeMap<String, String>,
}

impl Store {
    /// Changes a node's row.
    pub async fn update_node(
        &self,
        job: &str,
        node: &str,
        update: NodeUpdate,
    ) -> Result<(), StoreError> {
        let (job, node) = (job.to_owned(), node.to_owned());
        self.threads
            .write(move |connection| apply(connection, &job, &node, &update))
            .await
    }

    /// The newest run of `node` in a job of the same workflow that was accepted before `job`, or in `job` itself when
    /// that is being resumed.
    pub async fn earlier_run(
        &self,
        job: &str,
        node: &str,
    ) -> Result<Option<EarlierRun>, StoreError> {
        let (job, node) = (job.to_owned(), node.to_owned());
        self.threads
            .read(move |connection| earlier(connection, &job, &node))
            .await
    }
}

pub(super) fn insert_waiting(
    connection: &Connection,
    job: &str,
    nodes: &[(String, String)],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO node_runs (job, position, node, kind, state) VALUES (?1, ?2, ?3, ?4, 'waiting')",
    )?;
    for (position, (node, kind)) in nodes.iter().enumerate() {
        insert.execute(params![job, position as i64, node, kind])?;
    }
    Ok(())
}

/// Nodes that will not be worked on any more.
pub(super) fn cancel_open(connection: &Connection, job: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE node_runs SET state = 'cancelled' WHERE job = ?1 AND state IN ('waiting', 'running')",
        )?
        .execute([job])?;
    Ok(())
}

/// Nodes that are to be worked on again; keys stay, they say what the last attempt was about.
pub(super) fn reopen(connection: &Connection, job: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE node_runs SET state = 'waiting', error = NULL
             WHERE job = ?1 AND state IN ('failed', 'cancelled')",
        )?
        .execute([job])?;
    Ok(())
}

pub(super) fn select(connection: &Connection, job: &str) -> Result<Vec<NodeRun>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT node, kind, state, ran, cached, wall_ms, saved_ms, reasons, error, note
         FROM node_runs WHERE job = ?1 ORDER BY position, item",
    )?;
    let mut rows = statement.query([job])?;
    let mut nodes = Vec::new();
    while let Some(row) = rows.next()? {
        let bad = |error: serde_json::Error| StoreError::row("node_runs", error);
        let state: String = row.get("state")?;
        let reasons: String = row.get("reasons")?;
        let error: Option<String> = row.get("error")?;
        nodes.push(NodeRun {
            node: row.get("node")?,
            kind: row.get("kind")?,
            state: serde_json::from_value::<NodeState>(serde_json::Value::String(state))
                .map_err(bad)?,
            ran: row.get("ran")?,
            cached: row.get("cached")?,
            wall_ms: row.get("wall_ms")?,
            saved_ms: row.get("saved_ms")?,
            reasons: serde_json::from_str(&reasons).map_err(bad)?,
            error: error
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(bad)?,
            note: row.get("note")?,
        });
    }
    Ok(nodes)
}

fn apply(
    connection: &Connection,
    job: &str,
    node: &str,
    update: &NodeUpdate,
) -> Result<(), StoreError> {
    match update {
        NodeUpdate::Running { key } => {
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'running', key = ?3 WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node, json(key)?])?;
        }
        NodeUpdate::Finished {
            tally,
            reasons,
            files,
        } => {
            set_tally(connection, job, node, tally)?;
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'finished', reasons = ?3, files = ?4
                     WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node, json(reasons)?, json(files)?])?;
        }
        NodeUpdate::Failed { tally, error } => {
            set_tally(connection, job, node, tally)?;
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'failed', error = ?3 WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node, json(error)?])?;
        }
    }
    Ok(())
}

fn set_tally(
    connection: &Connection,
    job: &str,
    node: &str,
    tally: &NodeTally,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE node_runs SET ran = ?3, cached = ?4, wall_ms = ?5, saved_ms = ?6
             WHERE job = ?1 AND node = ?2",
        )?
        .execute(params![
            job,
            node,
            tally.ran,
            tally.cached,
            tally.wall_ms,
            tally.saved_ms
        ])?;
    Ok(())
}

fn earlier(
    connection: &Connection,
    job: &str,
    node: &str,
) -> Result<Option<EarlierRun>, StoreError> {
    let row: Option<(String, String, String, String)> = connection
        .prepare_cached(
            "SELECT n.key, n.state, j.tool, n.files FROM node_runs n JOIN jobs j ON j.id = n.job
             WHERE n.node = ?2 AND n.key IS NOT NULL
               AND j.identity = (SELECT identity FROM jobs WHERE id = ?1)
               AND j.ordinal <= (SELECT ordinal FROM jobs WHERE id = ?1)
             ORDER BY j.ordinal DESC LIMIT 1",
        )?
        .query_row([job, node], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((key, state, tool, files)) = row else {
        return Ok(None);
    };
    // A key of a version that wrote keys differently explains nothing: then the node has no past.
    let (Ok(key), Ok(files)) = (serde_json::from_str(&key), serde_json::from_str(&files)) else {
        return Ok(None);
    };
    Ok(Some(EarlierRun {
        key,
        finished: state == NodeState::Finished.as_str(),
        tool,
        files,
    }))
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::row("node_runs", error))
}
