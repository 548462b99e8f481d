//! Everything the daemon remembers: SQLite for what happened and what is known, the CAS for bytes.
//!
//! This folder is the one door of rusqlite and refinery. One named thread writes, two read; callers await typed
//! operations and never see SQL or a connection. It decides nothing: which job runs and why is the runner's business.

mod action_cache;
pub mod cas;
mod connection;
mod error;
mod events;
mod file_index;
mod idempotency;
mod jobs;
mod node_runs;
mod threads;
mod transition;

use std::path::Path;
use std::sync::Arc;

pub use action_cache::CachedAction;
pub use cas::Cas;
pub use error::StoreError;
pub use events::EventHub;
pub use file_index::FileStamp;
pub use idempotency::Replay;
pub use jobs::{Accepted, JobFilter, JobRecord, NewJob};
pub use node_runs::{EarlierRun, NodeTally, NodeUpdate};
pub use transition::Transition;

#[cfg(test)]
pub(crate) use jobs::testing as jobs_testing;

use crate::clock::Clock;

/// The open store. Cheap to clone; the threads end when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Store {
    threads: Arc<threads::Threads>,
    events: Arc<EventHub>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens (or makes) the database at `path` and brings its schema up to date. `unclean` says that the last owner
    /// did not close it: then the file is checked first.
    pub fn open(path: &Path, unclean: bool, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let writer = connection::open_for_writing(path, unclean)?;
        let readers = (0..READERS)
            .map(|_| connection::open_for_reading(path))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            threads: Arc::new(threads::Threads::start(writer, readers)?),
            events: Arc::new(EventHub::default()),
            clock,
        })
    }

    /// Who wants to hear about new events.
    pub fn events(&self) -> &EventHub {
        &self.events
    }

    /// Waits until everything asked before is on disk, and folds the write-ahead log into the database.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.threads.checkpoint().await
    }
}

/// Threads that read; SQLite lets them work beside the writer.
const READERS: usize = 2;

#[cfg(test)]
pub(crate) mod testing {
    //! A store in a temporary folder.

    use super::*;
    use crate::clock::testing::ManualClock;

    pub(crate) struct TestStore {
        pub(crate) store: Store,
        pub(crate) clock: Arc<ManualClock>,
        pub(crate) folder: tempfile::TempDir,
    }

    pub(crate) fn open() -> TestStore {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let store = Store::open(&folder.path().join("fenta.db"), false, clock.clone()).unwrap();
        TestStore {
            store,
            clock,
            folder,
        }
    }
}
