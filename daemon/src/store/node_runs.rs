//! What each node of a job did, under which key, and why. A turn of a `for_each` is a row of its own, `footage[3]`.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{JobError, NodeRun, NodeState};
use fenta_workflows::NodeKey;
use fenta_workflows::lock::NodePins;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::worker::FailureClass;
use rusqlite::{Connection, params};

use super::action_times::{self, ActionTime};
use super::ledger::{self, Used, When};
use super::{Claim, NewNode, Store, StoreError, claims};

/// A change of a node's row.
#[derive(Clone, Debug)]
pub enum NodeUpdate {
    /// It is being worked on; its turns have rows of their own.
    Started,
    /// Its parameters are known and it is being worked on.
    Running {
        /// What its work depends on.
        key: Box<NodeKey>,
    },
    /// It has all its outputs.
    Finished(Box<NodeEnding>),
    /// It has nothing to do in this job.
    Skipped {
        /// Why.
        note: String,
        /// What it did before it was given up.
        tally: NodeTally,
    },
    /// It failed for good.
    Failed {
        /// Counts and times.
        tally: NodeTally,
        /// Why.
        error: JobError,
    },
}

/// Everything worth remembering of a node that has its outputs.
#[derive(Clone, Debug, Default)]
pub struct NodeEnding {
    /// Counts and times.
    pub tally: NodeTally,
    /// Why it ran.
    pub reasons: Vec<RerunReason>,
    /// The user's files it read: name and digest.
    pub files: BTreeMap<String, String>,
    /// What it was made with.
    pub pins: NodePins,
    /// How long its actions took.
    pub times: Vec<ActionTime>,
    /// That it went on with other parameters; may be empty.
    pub note: String,
    /// What it used, for the ledger.
    pub used: Vec<Used>,
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

impl NodeTally {
    /// Adds what another node, or another turn of this one, came to.
    pub fn add(&mut self, other: &Self) {
        self.ran += other.ran;
        self.cached += other.cached;
        self.wall_ms += other.wall_ms;
        self.saved_ms += other.saved_ms;
    }
}

impl Store {
    /// Changes a node's row, while the claim holds. With its end, what it used is settled and the rest of what was
    /// reserved for it released.
    pub async fn update_node(
        &self,
        claim: &Claim,
        node: &str,
        update: NodeUpdate,
    ) -> Result<(), StoreError> {
        let (at, day) = (self.clock.now_text(), self.clock.local_date().to_string());
        let (claim, node) = (claim.clone(), node.to_owned());
        self.threads
            .write(move |connection| {
                claims::fence(connection, &claim)?;
                let when = When { at: &at, day: &day };
                let close =
                    |used: &[Used]| ledger::close_turn(connection, &when, &claim.job, &node, used);
                match &update {
                    NodeUpdate::Started | NodeUpdate::Running { .. } => {}
                    NodeUpdate::Finished(ending) => close(&ending.used)?,
                    // Whether it was paid is not known: it stays set aside until somebody says.
                    NodeUpdate::Failed { error, .. }
                        if error.class == Some(FailureClass::PaidUnknown) => {}
                    NodeUpdate::Skipped { .. } | NodeUpdate::Failed { .. } => close(&[])?,
                }
                apply(connection, &claim.job, &node, &update)
            })
            .await
    }

    /// Gives the turns of a node rows of their own, `footage[0]` and so on. Rows of an earlier attempt stay; those of
    /// turns that are no more go.
    pub async fn add_items(
        &self,
        claim: &Claim,
        node: &str,
        items: usize,
    ) -> Result<(), StoreError> {
        let (claim, node) = (claim.clone(), node.to_owned());
        self.threads
            .write(move |connection| {
                claims::fence(connection, &claim)?;
                let job = &claim.job;
                let (position, kind): (i64, String) = connection
                    .prepare_cached(
                        "SELECT position, kind FROM node_runs WHERE job = ?1 AND node = ?2",
                    )?
                    .query_row([job, &node], |row| Ok((row.get(0)?, row.get(1)?)))?;
                connection
                    .prepare_cached(
                        "DELETE FROM node_runs WHERE job = ?1 AND position = ?2 AND item >= ?3",
                    )?
                    .execute(params![job, position, items as i64])?;
                let mut insert = connection.prepare_cached(
                    "INSERT OR IGNORE INTO node_runs (job, position, item, node, kind, state)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'waiting')",
                )?;
                for item in 0..items {
                    let name = format!("{node}[{item}]");
                    insert.execute(params![job, position, item as i64, name, kind])?;
                }
                Ok(())
            })
            .await
    }

    /// What the nodes of a job were made with, by their names; turns of a `for_each` have their own.
    pub async fn node_pins(&self, job: &str) -> Result<BTreeMap<String, NodePins>, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT node, pins FROM node_runs WHERE job = ?1")?;
                let rows = statement.query_map([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.map(|row| {
                    let (node, pins): (String, String) = row?;
                    let pins = serde_json::from_str(&pins)
                        .map_err(|error| StoreError::row("node_runs", error))?;
                    Ok((node, pins))
                })
                .collect()
            })
            .await
    }
}

pub(super) fn insert_waiting(
    connection: &Connection,
    job: &str,
    nodes: &[NewNode],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO node_runs (job, position, node, kind, state) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (position, new) in nodes.iter().enumerate() {
        let state = if new.left_out {
            NodeState::LeftOut
        } else {
            NodeState::Waiting
        };
        insert.execute(params![
            job,
            position as i64,
            new.node,
            new.kind,
            state.as_str()
        ])?;
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
            "UPDATE node_runs SET state = 'waiting', error = NULL, note = ''
             WHERE job = ?1 AND state IN ('running', 'failed', 'cancelled', 'skipped')",
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
        NodeUpdate::Started => {
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'running' WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node])?;
        }
        NodeUpdate::Running { key } => {
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'running', key = ?3 WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node, json(key)?])?;
        }
        NodeUpdate::Finished(ending) => finish(connection, job, node, ending)?,
        NodeUpdate::Skipped { note, tally } => {
            set_tally(connection, job, node, tally)?;
            connection
                .prepare_cached(
                    "UPDATE node_runs SET state = 'skipped', note = ?3, reasons = '[]'
                     WHERE job = ?1 AND node = ?2",
                )?
                .execute(params![job, node, note])?;
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

fn finish(
    connection: &Connection,
    job: &str,
    node: &str,
    ending: &NodeEnding,
) -> Result<(), StoreError> {
    set_tally(connection, job, node, &ending.tally)?;
    connection
        .prepare_cached(
            "UPDATE node_runs SET state = 'finished', reasons = ?3, files = ?4, pins = ?5, note = ?6
             WHERE job = ?1 AND node = ?2",
        )?
        .execute(params![
            job,
            node,
            json(&ending.reasons)?,
            json(&ending.files)?,
            json(&ending.pins)?,
            ending.note
        ])?;
    if ending.times.is_empty() {
        return Ok(());
    }
    let kind: String = connection
        .prepare_cached("SELECT kind FROM node_runs WHERE job = ?1 AND node = ?2")?
        .query_row([job, node], |row| row.get(0))?;
    action_times::add(connection, &kind, &ending.times)
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

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::row("node_runs", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{jobs_testing, testing};

    async fn names(store: &Store, job: &str) -> Vec<(String, NodeState)> {
        let job = store.job_with_nodes(job).await.unwrap();
        job.nodes
            .into_iter()
            .map(|run| (run.node, run.state))
            .collect()
    }

    #[tokio::test]
    async fn turns_stand_after_their_node_and_go_with_the_list() {
        let test = testing::open();
        let job = jobs_testing::claimed(&test.store, "a").await;
        test.store.add_items(&job, "voice", 11).await.unwrap();
        let update = NodeUpdate::Skipped {
            note: "why".to_owned(),
            tally: NodeTally::default(),
        };
        test.store
            .update_node(&job, "voice[1]", update)
            .await
            .unwrap();
        // The list is shorter when the job goes on; what its first turns did is kept.
        test.store.add_items(&job, "voice", 2).await.unwrap();
        let expected = [
            ("voice", NodeState::Waiting),
            ("voice[0]", NodeState::Waiting),
            ("voice[1]", NodeState::Skipped),
            ("render", NodeState::Waiting),
        ];
        let expected: Vec<_> = expected.map(|(n, s)| (n.to_owned(), s)).into();
        assert_eq!(names(&test.store, &job.job).await, expected);
    }

    #[tokio::test]
    async fn pins_come_back_and_times_are_measured() {
        let test = testing::open();
        let job = jobs_testing::claimed(&test.store, "a").await;
        let pins = NodePins {
            voice: Some("slt".to_owned()),
            ..NodePins::default()
        };
        let ending = NodeEnding {
            pins: pins.clone(),
            times: vec![ActionTime {
                action: "speak",
                units: 2,
                wall_ms: 30,
            }],
            ..NodeEnding::default()
        };
        let update = NodeUpdate::Finished(Box::new(ending));
        test.store.update_node(&job, "voice", update).await.unwrap();
        let found = test.store.node_pins(&job.job).await.unwrap();
        assert_eq!(found["voice"], pins);
        assert_eq!(found["render"], NodePins::default());
        let times = test.store.action_times().await.unwrap();
        assert_eq!(times.per_unit("Voice.TTS", "speak"), Some((15.0, 1)));
    }
}
