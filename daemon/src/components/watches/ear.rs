//! What the system tells of a folder. A hint to look, never more: what counts is what a look finds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::network_file_system;

/// Between two looks where the system tells nothing of a folder of this machine.
const POLL: Duration = Duration::from_secs(2);

/// Between two looks at a folder of another machine.
const POLL_FAR: Duration = Duration::from_secs(10);

/// Between two looks although nothing was told: queues overflow, and what was told may have been lost.
const BACKSTOP: Duration = Duration::from_secs(60);

/// Who listens to one folder.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) folder: PathBuf,
    /// Why it looks by itself; empty where the system tells.
    pub(super) deaf: String,
    /// Whether the folder's clock is this machine's.
    pub(super) is_local: bool,
    _watcher: Option<RecommendedWatcher>,
    dirty: Arc<AtomicBool>,
}

impl Ear {
    /// Listens from now on; whoever waits on `wake` hears of changes. Blocks while the folders below are gone through.
    pub(super) fn new(folder: &Path, wake: &Arc<Notify>) -> Self {
        let dirty = Arc::new(AtomicBool::new(true));
        let mut ear = Self {
            folder: folder.to_owned(),
            deaf: String::new(),
            is_local: true,
            _watcher: None,
            dirty,
        };
        if let Some(kind) = network_file_system::of(folder) {
            ear.deaf = format!("{kind} does not tell of changes other machines make");
            ear.is_local = false;
            return ear;
        }
        match ear.listen(wake) {
            Ok(watcher) => ear._watcher = Some(watcher),
            // Limits of the system, or a folder that is not there yet.
            Err(error) => ear.deaf = format!("the system tells nothing of it: {error}"),
        }
        ear
    }

    fn listen(&self, wake: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
        let (dirty, wake) = (Arc::clone(&self.dirty), Arc::clone(wake));
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // An error, and an overflow, are reasons to look too.
                let is_reading =
                    event.is_ok_and(|event| event.kind.is_access() && !event.need_rescan());
                if !is_reading && !dirty.swap(true, Ordering::AcqRel) {
                    wake.notify_one();
                }
            })?;
        watcher.watch(&self.folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    }

    /// Whether something was told since this was asked before.
    pub(super) fn heard(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Between two looks although nothing was told.
    pub(super) fn pause(&self) -> Duration {
        match (self.deaf.is_empty(), self.is_local) {
            (true, _) => BACKSTOP,
            (false, true) => POLL,
            (false, false) => POLL_FAR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_heard_and_a_missing_folder_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let wake = Arc::new(Notify::new());
        let ear = Ear::new(folder.path(), &wake);
        assert_eq!((ear.deaf.as_str(), ear.pause()), ("", BACKSTOP));
        assert!(ear.heard(), "the first look is due");
        assert!(!ear.heard());
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        tokio::time::timeout(Duration::from_secs(20), wake.notified())
            .await
            .unwrap();
        assert!(ear.heard());
        let missing = Ear::new(&folder.path().join("none"), &wake);
        assert!(!missing.deaf.is_empty());
        assert_eq!(missing.pause(), POLL);
    }
}
