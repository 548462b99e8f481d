//! How long actions took on this machine, for plans: the newest measurements of each kind, per unit of work.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::{Store, StoreError};

/// Measurements kept of each kind of action in each type of node.
const KEPT: u32 = 50;

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionTime {
    /// The kind of action.
    pub action: &'static str,
    /// Its size in its own units: frames, characters, seconds; at least 1.
    pub units: u64,
    /// How long it took, milliseconds.
    pub wall_ms: u64,
}

/// What this machine measured.
#[derive(Clone, Debug, Default)]
pub struct ActionTimes {
    /// Milliseconds per unit, ascending, by node type and action kind.
    measured: HashMap<(String, String), Vec<f64>>,
    /// How far off the median of what was known before was, by the same.
    errors: HashMap<(String, String), f64>,
}

/// Measurements before the first that an estimate is held against.
const LEARNT_FROM: usize = 3;

/// Errors that tell something together.
const TOLD_FROM: usize = 3;

/// How far off estimates were: each measurement against the median of those before it, as a part of what it took; the
/// median of these. None where there are too few.
fn past_error(in_order: &[f64]) -> Option<f64> {
    let mut known: Vec<f64> = Vec::new();
    let mut errors: Vec<f64> = Vec::new();
    for taken in in_order {
        if known.len() >= LEARNT_FROM && *taken > 0.0 {
            errors.push((known[known.len() / 2] - taken).abs() / taken);
        }
        let place = known.partition_point(|other| other < taken);
        known.insert(place, *taken);
    }
    errors.sort_by(f64::total_cmp);
    (errors.len() >= TOLD_FROM).then(|| errors[errors.len() / 2])
}

impl ActionTimes {
    /// How far off estimates of such work were on this machine, as a part of what it took; none where too little was
    /// measured to tell.
    pub fn past_error(&self, node: &str, action: &str) -> Option<f64> {
        self.errors
            .get(&(node.to_owned(), action.to_owned()))
            .copied()
    }

    /// The median of milliseconds per unit, and how many measurements it rests on. What another type of node measured
    /// counts where this type never ran: an encoder does not know who asked.
    pub fn per_unit(&self, node: &str, action: &str) -> Option<(f64, u32)> {
        let own = self.measured.get(&(node.to_owned(), action.to_owned()));
        let anybody = || {
            self.measured
                .iter()
                .filter(|((_, kind), _)| kind == action)
                .map(|(_, times)| times)
                .max_by_key(|times| times.len())
        };
        let times = own.or_else(anybody)?;
        let median = times.get(times.len() / 2)?;
        Some((*median, u32::try_from(times.len()).unwrap_or(u32::MAX)))
    }
}

impl Store {
    /// Everything measured.
    pub async fn action_times(&self) -> Result<ActionTimes, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT node, action, units, wall_ms FROM action_times ORDER BY ordinal",
                )?;
                let mut rows = statement.query([])?;
                let mut times = ActionTimes::default();
                while let Some(row) = rows.next()? {
                    let (units, wall_ms): (u64, u64) = (row.get(2)?, row.get(3)?);
                    times
                        .measured
                        .entry((row.get(0)?, row.get(1)?))
                        .or_default()
                        .push(wall_ms as f64 / units as f64);
                }
                for (kind, in_order) in &mut times.measured {
                    if let Some(error) = past_error(in_order) {
                        times.errors.insert(kind.clone(), error);
                    }
                    in_order.sort_by(f64::total_cmp);
                }
                Ok(times)
            })
            .await
    }
}

/// Adds measurements and forgets the oldest.
pub(super) fn add(
    connection: &Connection,
    node: &str,
    times: &[ActionTime],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO action_times (node, action, units, wall_ms) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut kinds: Vec<&str> = Vec::new();
    for time in times {
        insert.execute(params![node, time.action, time.units.max(1), time.wall_ms])?;
        if !kinds.contains(&time.action) {
            kinds.push(time.action);
        }
    }
    let mut forget = connection.prepare_cached(
        "DELETE FROM action_times WHERE node = ?1 AND action = ?2 AND ordinal <= (
            SELECT ordinal FROM action_times WHERE node = ?1 AND action = ?2
            ORDER BY ordinal DESC LIMIT 1 OFFSET ?3)",
    )?;
    for kind in kinds {
        forget.execute(params![node, kind, KEPT])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    async fn measured(store: &Store, node: &'static str, walls: Vec<u64>) {
        let times: Vec<ActionTime> = walls
            .into_iter()
            .map(|wall_ms| ActionTime {
                action: "speak",
                units: 10,
                wall_ms,
            })
            .collect();
        store
            .threads
            .write(move |connection| add(connection, node, &times))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn the_median_of_the_newest_counts() {
        let test = testing::open();
        assert_eq!(
            test.store.action_times().await.unwrap().per_unit("a", "b"),
            None
        );
        measured(&test.store, "Voice.TTS", vec![100_000; 3]).await;
        measured(&test.store, "Voice.TTS", (1..=50).map(|n| n * 10).collect()).await;
        let times = test.store.action_times().await.unwrap();
        // 50 are kept, so the three slow ones of long ago are forgotten.
        assert_eq!(times.per_unit("Voice.TTS", "speak"), Some((26.0, 50)));
    }

    #[tokio::test]
    async fn estimates_are_held_against_what_came_after_them() {
        let test = testing::open();
        measured(&test.store, "Voice.TTS", vec![100; 5]).await;
        let times = test.store.action_times().await.unwrap();
        assert_eq!(times.past_error("Voice.TTS", "speak"), None, "too few");
        measured(&test.store, "Voice.TTS", vec![200; 4]).await;
        let times = test.store.action_times().await.unwrap();
        // Two that were right, then 100 for 200 as long as most were 100.
        assert_eq!(times.past_error("Voice.TTS", "speak"), Some(0.5));
        assert_eq!(times.past_error("Other", "speak"), None);
    }

    #[tokio::test]
    async fn another_type_of_node_stands_in_and_another_action_does_not() {
        let test = testing::open();
        measured(&test.store, "Voice.TTS", vec![40]).await;
        let times = test.store.action_times().await.unwrap();
        assert_eq!(times.per_unit("Other", "speak"), Some((4.0, 1)));
        assert_eq!(times.per_unit("Voice.TTS", "mix"), None);
    }
}
