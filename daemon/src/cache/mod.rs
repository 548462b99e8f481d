//! The care of the cache: what it holds, whether it is whole, and what goes when there is too much of it.
//!
//! `inventory` looks at everything at once, `choose` decides what goes (pure), `collect` takes it away in two phases,
//! `inspect` answers questions, `watch` does it by itself. Neighbours: [`crate::store`] holds rows and blobs and knows
//! what active jobs need; `server` is the only other caller. It never decides what is run again: a result that is gone
//! is a miss to the runner.

mod choose;
mod collect;
mod inspect;
mod inventory;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::cache::CacheBound;
use tokio::sync::Mutex;

pub use inspect::CacheError;

use crate::store::{Cas, Store, StoreError};

/// How large the cache may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBounds {
    /// Never cleared below this.
    pub floor: CacheBound,
    /// Cleared from here on.
    pub ceiling: CacheBound,
    /// The free space it tries to leave to others: a wish, which the floor does not give way to.
    pub min_free: CacheBound,
    /// How long what was chosen to go is left for somebody to use it.
    pub grace: Duration,
}

impl Default for CacheBounds {
    fn default() -> Self {
        Self {
            floor: CacheBound::Percent(10),
            ceiling: CacheBound::Percent(60),
            min_free: CacheBound::Percent(5),
            grace: Duration::from_secs(600),
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CacheCare {
    store: Store,
    cas: Cas,
    bounds: CacheBounds,
    /// Two collections at a time would choose the same.
    collecting: Arc<Mutex<()>>,
}

/// The bounds on the disk there is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    floor: u64,
    ceiling: u64,
    min_free: u64,
    disk: u64,
    free: u64,
}

impl CacheCare {
    /// Over this store and these blobs.
    pub fn new(store: Store, cas: Cas, bounds: CacheBounds) -> Self {
        Self {
            store,
            cas,
            bounds,
            collecting: Arc::default(),
        }
    }

    fn room(&self) -> Result<Room, StoreError> {
        let disk = rustix::fs::statvfs(self.cas.root()).map_err(|error| StoreError::Io {
            what: "ask for the free space of",
            path: self.cas.root().to_owned(),
            source: error.into(),
        })?;
        let size = disk.f_blocks.saturating_mul(disk.f_frsize);
        let floor = self.bounds.floor.of(size);
        Ok(Room {
            floor,
            // A ceiling below the floor would ask for what the floor forbids.
            ceiling: self.bounds.ceiling.of(size).max(floor),
            min_free: self.bounds.min_free.of(size),
            disk: size,
            // What is free for everybody: the rest is kept for the administrator.
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }

    /// Runs what reads many files off the runtime's own threads.
    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        body: impl FnOnce(&Cas) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let cas = self.cas.clone();
        let path = self.cas.root().to_owned();
        tokio::task::spawn_blocking(move || body(&cas))
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|source| StoreError::Io { what, path, source })
    }
}

impl Room {
    /// What the cache should come down to of its own accord; none while it is within its bounds.
    fn wanted(&self, used: u64) -> Option<u64> {
        let for_ceiling = (used > self.ceiling).then_some(self.ceiling / 10 * 9);
        let short = self.min_free.saturating_sub(self.free);
        let for_others = (short > 0).then(|| used.saturating_sub(short));
        let target = match (for_ceiling, for_others) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other)?,
        };
        let target = target.max(self.floor);
        (target < used).then_some(target)
    }

    /// Whether others are short of space now.
    fn is_pressing(&self) -> bool {
        self.free < self.min_free
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod room_tests {
    use super::*;

    fn room(free: u64) -> Room {
        Room {
            floor: 100,
            ceiling: 600,
            min_free: 50,
            disk: 1000,
            free,
        }
    }

    #[test]
    fn it_is_cleared_above_the_ceiling_and_when_others_need_room_never_below_the_floor() {
        assert_eq!(room(500).wanted(600), None);
        assert_eq!(room(500).wanted(601), Some(540));
        assert_eq!(room(20).wanted(300), Some(270), "30 are short");
        assert_eq!(room(0).wanted(120), Some(100), "the floor wins");
        assert_eq!(room(0).wanted(100), None);
        assert_eq!(room(0).wanted(80), None);
    }
}
