//! A job's log while the job runs: events are handed over without waiting and written in order, many at a time.

use fenta_workflows::job_event::JobEventKind;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::persist::persist;
use crate::store::{Claim, Store};

/// Events written in one transaction, at most.
const BATCH: usize = 64;

enum Entry {
    Event(JobEventKind),
    Flush(oneshot::Sender<()>),
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct EventLog {
    entries: mpsc::UnboundedSender<Entry>,
}

impl EventLog {
    /// Opens the log of a job that is worked on.
    pub(super) fn open(store: Store, claim: Claim, shutdown: CancellationToken) -> Self {
        let (entries, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(store, claim, shutdown, queue));
        Self { entries }
    }

    /// Adds an event.
    pub(super) fn add(&self, kind: JobEventKind) {
        let _ = self.entries.send(Entry::Event(kind));
    }

    /// Waits until everything added so far is on disk, or given up.
    pub(super) async fn flush(&self) {
        let (reply, done) = oneshot::channel();
        let _ = self.entries.send(Entry::Flush(reply));
        let _ = done.await;
    }
}

async fn write(
    store: Store,
    claim: Claim,
    shutdown: CancellationToken,
    mut queue: mpsc::UnboundedReceiver<Entry>,
) {
    let mut received = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut received, BATCH).await > 0 {
        let mut kinds = Vec::new();
        let mut flushes = Vec::new();
        for entry in received.drain(..) {
            match entry {
                Entry::Event(kind) => kinds.push(kind),
                Entry::Flush(reply) => flushes.push(reply),
            }
        }
        if !kinds.is_empty() {
            let written = persist(&shutdown, || store.append_events(&claim, kinds.clone())).await;
            if let Err(error) = written {
                tracing::error!(job = claim.job, %error, events = kinds.len(), "events could not be written");
            }
        }
        for reply in flushes {
            let _ = reply.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs_testing;
    use crate::store::testing;

    #[tokio::test]
    async fn events_keep_their_order_and_a_flush_waits_for_them() {
        let test = testing::open();
        let claim = jobs_testing::claimed(&test.store, "a").await;
        let log = EventLog::open(test.store.clone(), claim.clone(), CancellationToken::new());
        for index in 0..200 {
            log.add(JobEventKind::NodeStarted {
                node: index.to_string(),
            });
        }
        log.flush().await;
        let events = test.store.events_after(&claim.job, 2, 1000).await.unwrap();
        let nodes: Vec<String> = events
            .into_iter()
            .map(|event| match event.kind {
                JobEventKind::NodeStarted { node } => node,
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<String> = (0..200).map(|index| index.to_string()).collect();
        assert_eq!(nodes, expected);
    }
}
