//! Everything the daemon remembers: SQLite for what happened and what is known, the CAS for bytes.
//!
//! This folder is the one door of rusqlite and refinery. One named thread writes, two read; callers await typed
//! operations and never see SQL or a connection. It decides nothing: which job runs and why is the runner's business.

pub mod accounts;
mod action_cache;
mod action_times;
mod answers;
mod assets;
mod begun_jobs;
mod cache_care;
mod call_costs;
pub mod cas;
mod charges;
mod claims;
mod connection;
mod documents;
mod earlier_runs;
mod error;
mod events;
mod file_index;
mod idempotency;
mod jobs;
mod ledger;
mod named;
mod node_runs;
mod notices;
mod paid_calls;
mod provider_memory;
mod publish_folders;
mod recordings;
mod schedules;
mod spending;
mod sync;
mod threads;
mod transition;
mod watch_files;
mod watches;

use std::path::Path;
use std::sync::Arc;

pub use action_cache::CachedAction;
pub use action_times::{ActionTime, ActionTimes};
pub use answers::{Begun, GivenAnswer, Once};
pub use assets::{AssetRecord, NewAsset};
pub use begun_jobs::JobEnd;
pub use cache_care::{CacheMark, CachePin, CacheRow, CacheUse};
pub use cas::{BlobState, Cas, Eviction, Heap, Lease, Moment, StoredBlob};
pub use charges::Charge;
pub use claims::{Claim, Claimant, Claimed, LONGEST_WAIT, OpenJobs};
pub use documents::{DocumentKind, DocumentRecord, Kept};
pub use earlier_runs::EarlierRun;
pub use error::StoreError;
pub use events::EventHub;
pub use file_index::FileStamp;
pub use idempotency::Replay;
pub use jobs::{Accepted, AddedBudget, JobFilter, JobRecord, ListedJob, NewJob, NewNode};
pub use ledger::{LedgerFilter, LedgerRow, PriceNote, THIS_MACHINE, Used};
pub use node_runs::{NodeEnding, NodeTally, NodeUpdate};
pub use notices::{DueNotice, NewNotice, NoticeStep};
pub use paid_calls::{NewPaidCall, PaidCall, PaidState, PaidStep, PaidVerdict, Priced, TakenUp};
pub use provider_memory::{RememberedAnswer, Taker};
pub use schedules::{NewSchedule, NewScheduleRun, RunStep, ScheduleRecord, ScheduleRunRecord};
pub use spending::{Allowance, Spending};
pub use sync::{EndedJob, Outgoing, OutgoingFile, SyncPlace};
pub use transition::{Taking, Transition};
pub use watch_files::{
    FileCount, NewWatchRun, TakenContent, WatchFileRecord, WatchRunRecord, WatchRunState, WatchStep,
};
pub use watches::{NewWatch, WatchRecord};

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
            threads: Arc::new(threads::Threads::start(Some(writer), readers)?),
            events: Arc::new(EventHub::default()),
            clock,
        })
    }

    /// Opens what another process owns, to look at it only: every change is refused, nothing is migrated or repaired.
    pub fn open_for_reading(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let reader = connection::open_for_reading(path)?;
        connection::same_schema(&reader, path)?;
        Ok(Self {
            threads: Arc::new(threads::Threads::start(None, vec![reader])?),
            events: Arc::new(EventHub::default()),
            clock,
        })
    }

    /// Who wants to hear about new events.
    pub fn events(&self) -> &EventHub {
        &self.events
    }

    /// Now, as rows say it.
    pub fn now_text(&self) -> String {
        self.clock.now_text()
    }

    /// Today on the user's calendar.
    pub fn local_date(&self) -> jiff::civil::Date {
        self.clock.local_date()
    }

    /// So long ago, as rows say it.
    pub fn ago_text(&self, millis: u64) -> String {
        let span = jiff::SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let then = self
            .clock
            .now()
            .checked_sub(span)
            .unwrap_or(jiff::Timestamp::MIN);
        crate::clock::timestamp_text(then)
    }

    /// How long ago a row's time was, milliseconds; 0 for what is no time of the past.
    pub fn age_ms(&self, then: &str) -> u64 {
        then.parse::<jiff::Timestamp>().map_or(0, |then| {
            u64::try_from(self.clock.now().duration_since(then).as_millis()).unwrap_or(0)
        })
    }

    /// A whole copy of the database at this moment, in a file that is not there yet.
    pub async fn back_up(&self, target: &Path) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.threads
            .read(move |connection| connection::copy_to(connection, &target))
            .await
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
