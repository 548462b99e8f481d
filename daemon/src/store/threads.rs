//! The threads that own the connections: one writes, the others read.
//!
//! The writer takes whatever has queued up, runs it in one transaction (each operation in its own savepoint, so one
//! failure does not touch its neighbours) and answers after the commit: under load, many events cost one fsync.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::StoreError;
use crate::failpoint;

/// Operations that share a commit, at most.
const BATCH: usize = 256;

type ReadWork = Box<dyn FnOnce(&Connection) + Send>;

/// A change that waits for its turn, then for its commit.
trait Operation: Send {
    /// Makes the change; false asks for it to be undone.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Tells the caller how it went. A caller that no longer waits does not undo what was committed.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

struct Change<T, F> {
    body: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Operation for Change<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.body.take().map(|body| body(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let outcome = match (commit, self.result) {
            // Its own error says more than the failure of the transaction around it.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Closed),
        };
        let _ = self.reply.send(outcome);
    }
}

enum WriteWork {
    Apply(Box<dyn Operation>),
    Checkpoint(oneshot::Sender<Result<(), StoreError>>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Threads {
    write: Option<Sender<WriteWork>>,
    read: Option<Sender<ReadWork>>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Without a writer every change is refused: the store belongs to another process.
    pub(super) fn start(
        writer: Option<Connection>,
        readers: Vec<Connection>,
    ) -> Result<Self, StoreError> {
        let (read, read_queue) = channel();
        let read_queue = Arc::new(Mutex::new(read_queue));
        let mut handles = Vec::new();
        let mut write = None;
        if let Some(writer) = writer {
            let (sender, write_queue) = channel();
            write = Some(sender);
            handles.push(spawn("fenta-store-write", move || {
                write_loop(&writer, &write_queue);
            })?);
        }
        for (index, connection) in readers.into_iter().enumerate() {
            let queue = Arc::clone(&read_queue);
            handles.push(spawn(&format!("fenta-store-read-{index}"), move || {
                read_loop(&connection, &queue);
            })?);
        }
        Ok(Self {
            write,
            read: Some(read),
            handles,
        })
    }

    /// Runs `body` in a transaction; the answer comes after the commit.
    pub(super) async fn write<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send_write(WriteWork::Apply(Box::new(Change {
            body: Some(body),
            result: None,
            reply,
        })))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `question` on one of the reading connections.
    pub(super) async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: ReadWork = Box::new(move |connection| {
            let _ = reply.send(question(connection));
        });
        self.read
            .as_ref()
            .ok_or(StoreError::Closed)?
            .send(work)
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send_write(WriteWork::Checkpoint(reply))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn send_write(&self, work: WriteWork) -> Result<(), StoreError> {
        self.write
            .as_ref()
            .ok_or(StoreError::Closed)?
            .send(work)
            .map_err(|_| StoreError::Closed)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.write.take();
        self.read.take();
        for handle in self.handles.drain(..) {
            // A panicked thread has already said so; there is nobody left to tell.
            let _ = handle.join();
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| StoreError::Io {
            what: "start thread",
            path: name.into(),
            source,
        })
}

fn read_loop(connection: &Connection, queue: &Mutex<Receiver<ReadWork>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(connection),
            Err(_) => return,
        }
    }
}

fn write_loop(connection: &Connection, queue: &Receiver<WriteWork>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(more) = queue.try_recv()
        {
            batch.push(more);
        }
        run_batch(connection, batch);
    }
}

fn run_batch(connection: &Connection, batch: Vec<WriteWork>) {
    let mut operations = Vec::new();
    let mut checkpoints = Vec::new();
    for work in batch {
        match work {
            WriteWork::Apply(operation) => operations.push(operation),
            WriteWork::Checkpoint(reply) => checkpoints.push(reply),
        }
    }
    if !operations.is_empty() {
        let outcome = commit_together(connection, &mut operations);
        for operation in operations {
            operation.answer(
                outcome
                    .as_ref()
                    .map_or_else(|error| Err(StoreError::commit(error)), |()| Ok(())),
            );
        }
    }
    for reply in checkpoints {
        let done = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(StoreError::from);
        failpoint::reach("store: after a checkpoint");
        let _ = reply.send(done);
    }
}

fn commit_together(
    connection: &Connection,
    operations: &mut [Box<dyn Operation>],
) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let outcome = operations
        .iter_mut()
        .try_for_each(|operation| apply(connection, operation.as_mut()))
        .and_then(|()| {
            failpoint::reach("store: before a commit");
            connection.execute_batch("COMMIT")
        });
    failpoint::reach("store: after a commit");
    if outcome.is_err() {
        // SQLite may have rolled back by itself (a full disk does that); then this says so and changes nothing.
        let _ = connection.execute_batch("ROLLBACK");
    }
    outcome
}

fn apply(connection: &Connection, operation: &mut dyn Operation) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT operation")?;
    if operation.run(connection) {
        connection.execute_batch("RELEASE operation")
    } else {
        connection.execute_batch("ROLLBACK TO operation; RELEASE operation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    async fn names(store: &crate::store::Store) -> Vec<String> {
        store
            .threads
            .read(|connection| {
                let mut statement =
                    connection.prepare("SELECT path FROM file_index ORDER BY path")?;
                let rows = statement.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<Vec<String>>>()?)
            })
            .await
            .unwrap()
    }

    async fn insert(store: &crate::store::Store, name: &'static str) -> Result<(), StoreError> {
        store
            .threads
            .write(move |connection| {
                connection.execute("INSERT INTO file_index VALUES (?1, 's', 'd')", [name])?;
                Ok(())
            })
            .await
    }

    #[tokio::test]
    async fn what_is_answered_can_be_read() {
        let test = testing::open();
        insert(&test.store, "/a").await.unwrap();
        assert_eq!(names(&test.store).await, ["/a"]);
    }

    #[tokio::test]
    async fn a_failed_operation_leaves_its_neighbours_alone() {
        let test = testing::open();
        // Polled together, the three reach the writer before it wakes up, at least now and then in one batch.
        let (first, second, third) = tokio::join!(
            insert(&test.store, "/a"),
            test.store.threads.write(|connection| {
                connection.execute("INSERT INTO file_index VALUES ('/half', 's', 'd')", [])?;
                Err::<(), _>(StoreError::UnknownJob("job_x".to_owned()))
            }),
            insert(&test.store, "/b"),
        );
        first.unwrap();
        assert!(matches!(second, Err(StoreError::UnknownJob(_))));
        third.unwrap();
        assert_eq!(names(&test.store).await, ["/a", "/b"]);
    }

    #[tokio::test]
    async fn a_broken_rule_is_told_to_the_one_who_broke_it() {
        let test = testing::open();
        insert(&test.store, "/a").await.unwrap();
        let error = insert(&test.store, "/a").await.unwrap_err();
        assert!(matches!(error, StoreError::Sqlite(_)), "{error}");
        assert!(!error.is_passing());
    }

    #[tokio::test]
    async fn a_flush_empties_the_write_ahead_log() {
        let test = testing::open();
        insert(&test.store, "/a").await.unwrap();
        test.store.flush().await.unwrap();
        let log = test.folder.path().join("fenta.db-wal");
        assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
    }
}
