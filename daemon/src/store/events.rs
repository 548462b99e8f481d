//! The append-only log of every job, and who waits for its next entry.
//!
//! Live, recorded and replayed are one thing: a watcher always reads the table, the hub only says that there is more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fenta_workflows::job_event::{JobEvent, JobEventKind};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use super::{Claim, Store, StoreError, claims};

/// Who wants to hear that a job's log has grown.
#[derive(Debug, Default)]
pub struct EventHub {
    watched: Mutex<HashMap<String, watch::Sender<u64>>>,
}

impl EventHub {
    /// Follows a job: the value is the `seq` of its newest committed event, as far as this process wrote it.
    pub fn follow(&self, job: &str) -> watch::Receiver<u64> {
        let mut watched = self.lock();
        // Whoever leaves is noticed here, so that the map holds followed jobs only.
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched
            .entry(job.to_owned())
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    fn announce(&self, job: &str, seq: u64) {
        if let Some(sender) = self.lock().get(job) {
            sender.send_replace(seq);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<u64>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Appends to the log of a job that is worked on, while the claim holds; returns the newest `seq`.
    pub async fn append_events(
        &self,
        claim: &Claim,
        kinds: Vec<JobEventKind>,
    ) -> Result<u64, StoreError> {
        let at = self.clock.now_text();
        let owned = claim.clone();
        let seq = self
            .threads
            .write(move |connection| {
                claims::fence(connection, &owned)?;
                append(connection, &owned.job, &at, &kinds)
            })
            .await?;
        self.events.announce(&claim.job, seq);
        Ok(seq)
    }

    /// The events of a job after `after`, oldest first, at most `limit`.
    pub async fn events_after(
        &self,
        job: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<JobEvent>, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| select_after(connection, &job, after, limit))
            .await
    }

    pub(super) fn announce(&self, job: &str, seq: u64) {
        self.events.announce(job, seq);
    }
}

/// Appends inside the caller's transaction, so that a state and the event that tells of it are one commit.
pub(super) fn append(
    connection: &Connection,
    job: &str,
    at: &str,
    kinds: &[JobEventKind],
) -> Result<u64, StoreError> {
    let mut seq: u64 = connection
        .prepare_cached("SELECT last_seq FROM jobs WHERE id = ?1")?
        .query_row([job], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::UnknownJob(job.to_owned()))?;
    let mut insert = connection
        .prepare_cached("INSERT INTO job_events (job, seq, at, kind) VALUES (?1, ?2, ?3, ?4)")?;
    for kind in kinds {
        seq += 1;
        let kind = serde_json::to_string(kind).map_err(|e| StoreError::row("job_events", e))?;
        insert.execute(params![job, seq, at, kind])?;
    }
    connection
        .prepare_cached("UPDATE jobs SET last_seq = ?2 WHERE id = ?1")?
        .execute(params![job, seq])?;
    Ok(seq)
}

fn select_after(
    connection: &Connection,
    job: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<JobEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, kind FROM job_events WHERE job = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = statement.query_map(params![job, after, limit], |row| {
        Ok((
            row.get::<_, u64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    rows.map(|row| {
        let (seq, at, kind) = row?;
        Ok(JobEvent {
            seq,
            job: job.to_owned(),
            at,
            kind: serde_json::from_str(&kind).map_err(|e| StoreError::row("job_events", e))?,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{jobs, testing};

    fn started(node: &str) -> JobEventKind {
        JobEventKind::NodeStarted {
            node: node.to_owned(),
        }
    }

    #[tokio::test]
    async fn the_log_has_no_holes_and_is_read_from_anywhere() {
        let test = testing::open();
        let claim = jobs::testing::claimed(&test.store, "a").await;
        test.store
            .append_events(&claim, vec![started("x"), started("y")])
            .await
            .unwrap();
        test.clock.advance(5);
        let last = test.store.append_events(&claim, vec![started("z")]).await;
        assert_eq!(
            last.unwrap(),
            5,
            "the first events are job_queued and job_started"
        );
        let all = test.store.events_after(&claim.job, 0, 100).await.unwrap();
        let seqs: Vec<u64> = all.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
        assert!(all[3].at < all[4].at);
        let rest = test.store.events_after(&claim.job, 3, 1).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].kind, started("y"));
    }

    #[tokio::test]
    async fn nobody_can_append_to_a_job_that_does_not_exist() {
        let test = testing::open();
        let nobody = Claim {
            job: "job_no".to_owned(),
            epoch: 1,
        };
        let error = test.store.append_events(&nobody, vec![started("x")]).await;
        assert!(matches!(error, Err(StoreError::Fenced { .. })));
    }

    #[tokio::test]
    async fn a_follower_hears_of_new_events_and_is_forgotten_when_it_leaves() {
        let test = testing::open();
        let claim = jobs::testing::claimed(&test.store, "a").await;
        let mut follower = test.store.events().follow(&claim.job);
        test.store
            .append_events(&claim, vec![started("x")])
            .await
            .unwrap();
        follower.changed().await.unwrap();
        assert_eq!(*follower.borrow(), 3);
        drop(follower);
        let _other = test.store.events().follow("job_other");
        assert_eq!(test.store.events().lock().len(), 1);
    }
}
