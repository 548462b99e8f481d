//! What the care of the cache remembers: uses, pins, marks and what was taken away. It decides nothing: which results
//! go and why is `crate::cache`'s business.

use std::collections::{BTreeMap, HashMap, HashSet};

use fenta_workflows::action::ActionResult;
use fenta_workflows::digest::{ActionDigest, Digest};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// Jobs whose uses are remembered after their end.
const REMEMBERED_JOBS: u32 = 1000;

/// Results whose eviction is remembered.
const REMEMBERED_EVICTIONS: u32 = 50_000;

/// A remembered result, as the care of the cache sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRow {
    /// The action.
    pub digest: String,
    /// Its kind.
    pub kind: String,
    /// The blobs of its result, by the names of its outputs.
    pub outputs: BTreeMap<String, Digest>,
    /// How long it took, milliseconds.
    pub wall_ms: u64,
    /// When it was made.
    pub made_at: String,
    /// When it was used last.
    pub last_used: String,
}

/// A use of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// The job.
    pub job: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The node, with the number of the item in a `for_each`.
    pub node: String,
    /// When.
    pub at: String,
}

/// What is kept on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePin {
    /// A job, or an action.
    pub target: String,
    /// Whether it is a job.
    pub is_job: bool,
    /// Since when.
    pub at: String,
}

/// A blob that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// The blob.
    pub blob: Digest,
    /// Since when.
    pub at: String,
}

impl Store {
    /// Every remembered result.
    pub async fn cache_rows(&self) -> Result<Vec<CacheRow>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT digest, kind, result, wall_ms, created_at, last_used FROM action_cache
                     ORDER BY digest",
                )?;
                let mut rows = statement.query([])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    let result: String = row.get(2)?;
                    // A row of another version holds on to nothing.
                    let outputs = serde_json::from_str::<ActionResult>(&result)
                        .map(|result| result.outputs)
                        .unwrap_or_default();
                    found.push(CacheRow {
                        digest: row.get(0)?,
                        kind: row.get(1)?,
                        outputs,
                        wall_ms: row.get(3)?,
                        made_at: row.get(4)?,
                        last_used: row.get(5)?,
                    });
                }
                Ok(found)
            })
            .await
    }

    /// The newest use of every result.
    pub async fn newest_cache_uses(&self) -> Result<HashMap<String, CacheUse>, StoreError> {
        self.threads
            .read(|connection| {
                // Ascending, so that the newest is what stays in the map.
                let mut statement = connection.prepare_cached(
                    "SELECT u.digest, u.job, j.workflow, u.node, u.at
                     FROM cache_uses u JOIN jobs j ON j.id = u.job ORDER BY u.at",
                )?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, one_use(row)?)))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// The uses of one result, newest first.
    pub async fn cache_uses(&self, digest: &str) -> Result<Vec<CacheUse>, StoreError> {
        let digest = digest.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT u.digest, u.job, j.workflow, u.node, u.at
                     FROM cache_uses u JOIN jobs j ON j.id = u.job
                     WHERE u.digest = ?1 ORDER BY u.at DESC",
                )?;
                let rows = statement.query_map([digest], one_use)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Notes that a node of a job used results, found or made.
    pub async fn note_uses(
        &self,
        job: &str,
        node: &str,
        digests: Vec<ActionDigest>,
    ) -> Result<(), StoreError> {
        let at = self.clock.now_text();
        let (job, node) = (job.to_owned(), node.to_owned());
        self.threads
            .write(move |connection| {
                let mut touch = connection
                    .prepare_cached("UPDATE action_cache SET last_used = ?2 WHERE digest = ?1")?;
                let mut note = connection.prepare_cached(
                    "INSERT OR REPLACE INTO cache_uses (digest, job, node, at) VALUES (?1, ?2, ?3, ?4)",
                )?;
                for digest in digests {
                    touch.execute(params![digest.as_str(), at])?;
                    note.execute(params![digest.as_str(), job, node, at])?;
                }
                Ok(())
            })
            .await
    }

    /// The results that jobs used which are not at their end: a job that waits for somebody keeps what it has.
    pub async fn actions_of_open_jobs(&self) -> Result<HashSet<String>, StoreError> {
        self.digests(
            "SELECT DISTINCT u.digest FROM cache_uses u JOIN jobs j ON j.id = u.job
             WHERE j.state NOT IN ('completed', 'failed', 'cancelled')",
        )
        .await
    }

    /// The results that are kept on purpose.
    pub async fn pinned_actions(&self) -> Result<HashSet<String>, StoreError> {
        self.digests(
            "SELECT target FROM cache_pins WHERE kind = 'action'
             UNION SELECT u.digest FROM cache_uses u JOIN cache_pins p
                ON p.kind = 'job' AND p.target = u.job",
        )
        .await
    }

    /// The results a job used.
    pub async fn actions_of_job(&self, job: &str) -> Result<HashSet<String>, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT DISTINCT digest FROM cache_uses WHERE job = ?1")?;
                let rows = statement.query_map([job], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Blobs that are copies of files on this machine.
    pub async fn copied_files(&self) -> Result<HashMap<Digest, String>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT digest, path FROM file_index")?;
                let mut rows = statement.query([])?;
                let mut copies = HashMap::new();
                while let Some(row) = rows.next()? {
                    let digest: String = row.get(0)?;
                    if let Ok(digest) = digest.parse() {
                        copies.insert(digest, row.get(1)?);
                    }
                }
                Ok(copies)
            })
            .await
    }

    /// Keeps a job's results, or one result, whatever the cache may hold.
    pub async fn pin(&self, target: &str, is_job: bool) -> Result<(), StoreError> {
        let (target, at) = (target.to_owned(), self.clock.now_text());
        let kind = if is_job { "job" } else { "action" };
        self.threads
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO cache_pins (target, kind, at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (target) DO NOTHING",
                    params![target, kind, at],
                )?;
                Ok(())
            })
            .await
    }

    /// Takes a pin back; false when there was none.
    pub async fn unpin(&self, target: &str) -> Result<bool, StoreError> {
        let target = target.to_owned();
        self.threads
            .write(move |connection| {
                let gone =
                    connection.execute("DELETE FROM cache_pins WHERE target = ?1", [target])?;
                Ok(gone > 0)
            })
            .await
    }

    /// Everything that is kept on purpose, oldest first.
    pub async fn pins(&self) -> Result<Vec<CachePin>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT target, kind, at FROM cache_pins ORDER BY at, target",
                )?;
                let rows = statement.query_map([], |row| {
                    let kind: String = row.get(1)?;
                    Ok(CachePin {
                        target: row.get(0)?,
                        is_job: kind == "job",
                        at: row.get(2)?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// The first phase of a collection. What is marked already keeps its time.
    pub async fn mark_blobs(&self, blobs: Vec<Digest>) -> Result<(), StoreError> {
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                let mut mark = connection.prepare_cached(
                    "INSERT INTO cache_marks (blob, marked_at) VALUES (?1, ?2)
                     ON CONFLICT (blob) DO NOTHING",
                )?;
                for blob in blobs {
                    mark.execute(params![blob.to_string(), at])?;
                }
                Ok(())
            })
            .await
    }

    /// Blobs that are to go, those that are marked longest first.
    pub async fn marks(&self) -> Result<Vec<CacheMark>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT blob, marked_at FROM cache_marks ORDER BY marked_at, blob",
                )?;
                let mut rows = statement.query([])?;
                let mut marks = Vec::new();
                while let Some(row) = rows.next()? {
                    let blob: String = row.get(0)?;
                    let blob = blob
                        .parse()
                        .map_err(|error| StoreError::row("cache_marks", error))?;
                    marks.push(CacheMark {
                        blob,
                        at: row.get(1)?,
                    });
                }
                Ok(marks)
            })
            .await
    }

    /// Lets marked blobs stay.
    pub async fn unmark(&self, blobs: Vec<Digest>) -> Result<(), StoreError> {
        self.threads
            .write(move |connection| {
                remove_marks(connection, &blobs)?;
                Ok(())
            })
            .await
    }

    /// The end of the second phase: blobs are gone, and with them the results they were part of, unless somebody made
    /// those again since they were looked at (`seen`: the action and when it was used last then).
    pub async fn forget_evicted(
        &self,
        blobs: Vec<Digest>,
        seen: Vec<(String, String)>,
    ) -> Result<u64, StoreError> {
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                let mut forget = connection.prepare_cached(
                    "DELETE FROM action_cache WHERE digest = ?1 AND last_used <= ?2",
                )?;
                let mut tell = connection.prepare_cached(
                    "INSERT OR REPLACE INTO cache_evicted (digest, at) VALUES (?1, ?2)",
                )?;
                let mut forgotten = 0;
                for (digest, last_used) in seen {
                    if forget.execute(params![digest, last_used])? > 0 {
                        tell.execute(params![digest, at])?;
                        forgotten += 1;
                    }
                }
                remove_marks(connection, &blobs)?;
                Ok(forgotten)
            })
            .await
    }

    /// When results were taken away by a collection, in the order of the question; none for what was not.
    pub async fn evictions(
        &self,
        digests: Vec<ActionDigest>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT at FROM cache_evicted WHERE digest = ?1")?;
                digests
                    .iter()
                    .map(|digest| {
                        Ok(statement
                            .query_row([digest.as_str()], |row| row.get(0))
                            .optional()?)
                    })
                    .collect()
            })
            .await
    }

    /// Forgets uses of jobs that ended long ago and old evictions; what is pinned keeps its uses.
    pub async fn tidy_cache(&self) -> Result<(), StoreError> {
        self.threads
            .write(|connection| {
                connection.execute(
                    "DELETE FROM cache_uses WHERE job IN (
                        SELECT id FROM jobs WHERE state IN ('completed', 'failed', 'cancelled') AND ordinal <= (
                            SELECT max(ordinal) FROM jobs) - ?1
                        AND id NOT IN (SELECT target FROM cache_pins WHERE kind = 'job'))",
                    [REMEMBERED_JOBS],
                )?;
                connection.execute(
                    "DELETE FROM cache_evicted WHERE at < (
                        SELECT at FROM cache_evicted ORDER BY at DESC LIMIT 1 OFFSET ?1)",
                    [REMEMBERED_EVICTIONS],
                )?;
                Ok(())
            })
            .await
    }

    async fn digests(&self, query: &'static str) -> Result<HashSet<String>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(query)?;
                let rows = statement.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

/// Of a row of digest, job, workflow, node and time.
fn one_use(row: &rusqlite::Row<'_>) -> rusqlite::Result<CacheUse> {
    Ok(CacheUse {
        job: row.get(1)?,
        workflow: row.get(2)?,
        node: row.get(3)?,
        at: row.get(4)?,
    })
}

fn remove_marks(connection: &Connection, blobs: &[Digest]) -> Result<(), StoreError> {
    let mut unmark = connection.prepare_cached("DELETE FROM cache_marks WHERE blob = ?1")?;
    for blob in blobs {
        unmark.execute([blob.to_string()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{Action, ActionFacts, WriteRequest};
    use fenta_workflows::digest::blob_digest;

    use super::*;
    use crate::store::jobs_testing::create;
    use crate::store::{CachedAction, testing};

    fn digest(text: &str) -> ActionDigest {
        Action::Write(WriteRequest {
            name: "a.txt".to_owned(),
            text: text.to_owned(),
        })
        .digest("tool")
    }

    async fn remember(store: &Store, text: &str) -> ActionDigest {
        let action = CachedAction {
            result: ActionResult {
                outputs: BTreeMap::from([("file".to_owned(), blob_digest(text.as_bytes()))]),
                facts: ActionFacts::None,
            },
            wall_ms: 12,
            made_at: store.now_text(),
        };
        let digest = digest(text);
        let kept = store.remember_action(&digest, "write", &action).await;
        kept.unwrap();
        digest
    }

    #[tokio::test]
    async fn the_newest_use_tells_whose_a_result_is() {
        let test = testing::open();
        let store = &test.store;
        let (first, second) = (create(store, "a").await, create(store, "b").await);
        let key = remember(store, "x").await;
        for job in [&first, &second] {
            test.clock.advance(1000);
            store
                .note_uses(job, "voice", vec![key.clone()])
                .await
                .unwrap();
        }
        let newest = store.newest_cache_uses().await.unwrap();
        assert_eq!(newest[key.as_str()].job, second);
        let uses = store.cache_uses(key.as_str()).await.unwrap();
        let jobs: Vec<&str> = uses.iter().map(|one| &*one.job).collect();
        assert_eq!(jobs, [&*second, &*first]);
        let rows = store.cache_rows().await.unwrap();
        assert!(rows[0].last_used > rows[0].made_at);
        assert_eq!(rows[0].outputs["file"], blob_digest(b"x"));
        let open = store.actions_of_open_jobs().await.unwrap();
        assert!(open.contains(key.as_str()), "neither job is at its end");
    }

    #[tokio::test]
    async fn pins_hold_results_and_everything_of_jobs() {
        let test = testing::open();
        let store = &test.store;
        let job = create(store, "a").await;
        let (of_job, alone) = (remember(store, "x").await, remember(store, "y").await);
        store
            .note_uses(&job, "n", vec![of_job.clone()])
            .await
            .unwrap();
        store.pin(&job, true).await.unwrap();
        store.pin(alone.as_str(), false).await.unwrap();
        store.pin(alone.as_str(), false).await.unwrap();
        assert_eq!(store.pins().await.unwrap().len(), 2);
        let pinned = store.pinned_actions().await.unwrap();
        assert_eq!(pinned.len(), 2);
        assert!(store.unpin(&job).await.unwrap());
        assert!(!store.unpin(&job).await.unwrap());
        let pinned = store.pinned_actions().await.unwrap();
        assert_eq!(pinned, HashSet::from([alone.to_string()]));
    }

    #[tokio::test]
    async fn what_was_made_again_meanwhile_is_not_forgotten() {
        let test = testing::open();
        let store = &test.store;
        let (old, again) = (remember(store, "x").await, remember(store, "y").await);
        let seen: Vec<(String, String)> = store
            .cache_rows()
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.digest, row.last_used))
            .collect();
        let blobs = vec![blob_digest(b"x"), blob_digest(b"y")];
        store.mark_blobs(blobs.clone()).await.unwrap();
        test.clock.advance(1000);
        store.mark_blobs(blobs.clone()).await.unwrap();
        let marks = store.marks().await.unwrap();
        assert!(marks.iter().all(|mark| mark.at < store.now_text()));
        remember(store, "y").await;
        assert_eq!(store.forget_evicted(blobs, seen).await.unwrap(), 1);
        assert_eq!(store.marks().await.unwrap(), []);
        let known = store.cached_actions(vec![old.clone(), again.clone()]);
        let known = known.await.unwrap();
        assert!(known[0].is_none() && known[1].is_some());
        let told = store.evictions(vec![old, again]).await.unwrap();
        assert!(told[0].is_some() && told[1].is_none());
    }
}
