//! What the system tells of a folder. A hint to look, never more: what counts is what a look finds.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
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
    folder: PathBuf,
    /// Device and inode of the folder: another one may take its name.
    identity: Option<(u64, u64)>,
    /// Somebody said that it is to look by itself, and how often.
    poll: Option<Duration>,
    /// Why it looks by itself; empty where the system tells.
    pub(super) deaf: String,
    /// Whether the folder's clock is this machine's.
    pub(super) is_local: bool,
    _watcher: Option<RecommendedWatcher>,
    dirty: Arc<AtomicBool>,
    /// The system lost something: folders that were made meanwhile are not listened to.
    has_lost: Arc<AtomicBool>,
}

impl Ear {
    /// Listens from now on; whoever waits on `wake` hears of changes. Blocks while the folders below are gone through.
    pub(super) fn new(folder: &Path, poll: Option<Duration>, wake: &Arc<Notify>) -> Self {
        let dirty = Arc::new(AtomicBool::new(true));
        let mut ear = Self {
            folder: folder.to_owned(),
            identity: identity(folder),
            poll,
            deaf: String::new(),
            is_local: true,
            _watcher: None,
            dirty,
            has_lost: Arc::default(),
        };
        if let Some(kind) = network_file_system::of(folder) {
            ear.deaf = format!("{kind} does not tell of changes other machines make");
            ear.is_local = false;
            return ear;
        }
        if poll.is_some() {
            ear.deaf = "somebody asked for it (`poll`)".to_owned();
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
        let has_lost = Arc::clone(&self.has_lost);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let is_lost = event.as_ref().map_or(true, notify::Event::need_rescan);
                has_lost.fetch_or(is_lost, Ordering::AcqRel);
                if is_hint(&event) && !dirty.swap(true, Ordering::AcqRel) {
                    wake.notify_one();
                }
            })?;
        watcher.watch(&self.folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    }

    /// Whether it listens to this folder in this way; blocks for the moment of a stat.
    pub(super) fn is_of(&self, folder: &Path, poll: Option<Duration>) -> bool {
        self.folder == folder
            && self.poll == poll
            && self.identity == identity(folder)
            && !self.has_lost.load(Ordering::Acquire)
    }

    /// Whether something was told since this was asked before.
    pub(super) fn heard(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Between two looks although nothing was told.
    pub(super) fn pause(&self) -> Duration {
        match (self.poll, self.deaf.is_empty(), self.is_local) {
            (Some(poll), ..) => poll,
            (None, true, _) => BACKSTOP,
            (None, false, true) => POLL,
            (None, false, false) => POLL_FAR,
        }
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    let metadata = folder.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether what the system tells is a reason to look: an error, a queue that overflowed and the end of writing are; that
/// somebody reads is not.
fn is_hint(event: &notify::Result<notify::Event>) -> bool {
    const WRITTEN: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    match event {
        Ok(event) => event.need_rescan() || !event.kind.is_access() || event.kind == WRITTEN,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_heard_and_a_missing_folder_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let wake = Arc::new(Notify::new());
        let ear = Ear::new(folder.path(), None, &wake);
        assert_eq!((ear.deaf.as_str(), ear.pause()), ("", BACKSTOP));
        assert!(ear.heard(), "the first look is due");
        assert!(!ear.heard());
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        tokio::time::timeout(Duration::from_secs(20), wake.notified())
            .await
            .unwrap();
        assert!(ear.heard());
        let missing = Ear::new(&folder.path().join("none"), None, &wake);
        assert!(!missing.deaf.is_empty());
        assert_eq!(missing.pause(), POLL);
        let often = Duration::from_millis(300);
        let polling = Ear::new(folder.path(), Some(often), &wake);
        assert!(!polling.deaf.is_empty());
        assert_eq!(polling.pause(), often);
    }

    #[tokio::test]
    async fn another_folder_of_the_same_name_is_another_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("inbox");
        std::fs::create_dir(&folder).unwrap();
        let ear = Ear::new(&folder, None, &Arc::new(Notify::new()));
        assert!(ear.is_of(&folder, None));
        assert!(!ear.is_of(&folder, Some(POLL)));
        std::fs::rename(&folder, outer.path().join("old")).unwrap();
        std::fs::create_dir(&folder).unwrap();
        assert!(!ear.is_of(&folder, None));
    }

    #[test]
    fn an_overflow_and_an_error_are_hints_and_reading_is_none() {
        use notify::event::{CreateKind, Event, Flag};
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(is_hint(&Ok(Event::new(written))));
        let reading = Event::new(EventKind::Access(AccessKind::Read));
        assert!(!is_hint(&Ok(reading.clone())));
        assert!(is_hint(&Ok(reading.set_flag(Flag::Rescan))));
        assert!(is_hint(&Ok(Event::new(EventKind::Create(
            CreateKind::File
        )))));
        assert!(is_hint(&Err(notify::Error::generic("queue"))));
    }
}
