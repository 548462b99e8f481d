//! What a node did the last time: the evidence that tells why it runs again.

use std::collections::BTreeMap;

use fenta_client::api::jobs::NodeState;
use fenta_workflows::NodeKey;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// Jobs of a workflow that are looked at, newest first. A node that none of them ran has no past worth telling.
const JOBS: u32 = 50;

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
    /// How long its actions took, those of the cache counted as when they were made, milliseconds.
    pub effort_ms: u64,
    /// How many actions that were.
    pub actions: u32,
}

impl Store {
    /// The newest run of `node` in a job of the same workflow that was accepted before `job`, or in `job` itself when
    /// that is being resumed.
    pub async fn earlier_run(
        &self,
        job: &str,
        node: &str,
    ) -> Result<Option<EarlierRun>, StoreError> {
        let (job, node) = (job.to_owned(), node.to_owned());
        self.threads
            .read(move |connection| {
                let row: Option<(String, i64)> = connection
                    .prepare_cached("SELECT identity, ordinal FROM jobs WHERE id = ?1")?
                    .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                row.map_or(Ok(None), |(identity, ordinal)| {
                    newest(connection, &identity, ordinal, &node)
                })
            })
            .await
    }

    /// The newest runs of nodes in jobs of a workflow, in the order of the nodes.
    pub async fn newest_runs(
        &self,
        identity: &str,
        nodes: Vec<String>,
    ) -> Result<Vec<Option<EarlierRun>>, StoreError> {
        let identity = identity.to_owned();
        self.threads
            .read(move |connection| {
                let known: bool = connection
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM jobs WHERE identity = ?1)")?
                    .query_row([&identity], |row| row.get(0))?;
                if !known {
                    return Ok(vec![None; nodes.len()]);
                }
                nodes
                    .iter()
                    .map(|node| newest(connection, &identity, i64::MAX, node))
                    .collect()
            })
            .await
    }
}

fn newest(
    connection: &Connection,
    identity: &str,
    up_to: i64,
    node: &str,
) -> Result<Option<EarlierRun>, StoreError> {
    type Row = (String, String, String, String, u64, u32);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT n.key, n.state, j.tool, n.files, n.wall_ms + n.saved_ms,
                    n.ran + n.cached
             FROM (SELECT id, tool, ordinal FROM jobs WHERE identity = ?1 AND ordinal <= ?2
                   ORDER BY ordinal DESC LIMIT ?4) j
             JOIN node_runs n ON n.job = j.id AND n.node = ?3
             WHERE n.key IS NOT NULL ORDER BY j.ordinal DESC LIMIT 1",
        )?
        .query_row(params![identity, up_to, node, JOBS], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .optional()?;
    let Some((key, state, tool, files, effort_ms, actions)) = row else {
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
        effort_ms,
        actions,
    }))
}
