//! The state directory: its layout, the lock that makes its owner the only one, and the marks an owner leaves.
//!
//! The lock is the operating system's, held by an open file: it cannot outlive its process and does not care about
//! reused process ids.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{failpoint, network_file_system};

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another daemon has it.
    #[error("another fentad{} already uses {}; stop it with `fenta daemon stop`", of_pid(*pid), path.display())]
    Held {
        /// The directory.
        path: PathBuf,
        /// Whose it is, if that can be read.
        pid: Option<u32>,
    },
    /// It is not on this machine.
    #[error(
        "the state directory {} is on a network file system ({kind}), where locks and the database are not safe; \
         name a folder on a local disk with FENTA_STATE_DIR (results may stay where they are)",
        path.display()
    )]
    Network {
        /// The directory.
        path: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// A file or folder refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn of_pid(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

/// What a running daemon tells about itself in `<state>/fentad.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonFile {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Where it listens.
    pub socket: PathBuf,
    /// Since when, RFC 3339 UTC.
    pub started: String,
    /// Where it listens for TCP, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// The locked directory; the lock ends with the value.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    unclean: bool,
    lock: File,
}

impl Drop for StateDir {
    /// A process that was just started holds a copy of every open file until it becomes another program: closing ours
    /// alone would leave the lock with it for a moment.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the lock of the state directory ends with the process only");
        }
    }
}

impl StateDir {
    /// Makes the directory, private to its user, and takes its lock.
    pub fn acquire(root: &Path) -> Result<Self, StateDirError> {
        private_folder(root)?;
        if let Some(kind) = network_file_system::of(root) {
            return Err(StateDirError::Network {
                path: root.to_owned(),
                kind,
            });
        }
        let lock = take_lock(root)?;
        let dir = Self {
            root: root.to_owned(),
            unclean: root.join(RUNNING).exists(),
            lock,
        };
        dir.write_file(RUNNING, b"")?;
        failpoint::reach("state: the mark of a run is there");
        dir.empty_scratch()?;
        failpoint::reach("state: the scratch folder is empty");
        Ok(dir)
    }

    /// Whether the last owner ended without saying so.
    pub fn is_unclean(&self) -> bool {
        self.unclean
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        database(&self.root)
    }

    /// Blobs.
    pub fn cas(&self) -> PathBuf {
        self.root.join("cas")
    }

    /// Unfinished blobs and workers' folders; emptied at every start.
    pub fn scratch(&self) -> PathBuf {
        self.root.join(SCRATCH)
    }

    /// Tells other programs of this user who and where the daemon is.
    pub fn announce(&self, file: &DaemonFile) -> Result<(), StateDirError> {
        let json = serde_json::to_vec_pretty(file).map_err(|error| StateDirError::Io {
            what: "describe the daemon in",
            path: self.root.join(DAEMON_FILE),
            source: error.into(),
        })?;
        self.write_file(DAEMON_FILE, &json)
    }

    /// Leaves in order: everything is flushed, the next owner need not check.
    pub fn release(self) {
        for name in [DAEMON_FILE, RUNNING] {
            failpoint::reach("state: before a mark of a run goes");
            if let Err(error) = fs::remove_file(self.root.join(name)) {
                tracing::warn!(name, %error, "cannot remove a mark of this run");
            }
        }
    }

    fn empty_scratch(&self) -> Result<(), StateDirError> {
        let scratch = self.scratch();
        match fs::remove_dir_all(&scratch) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(failed("empty", &scratch)(source));
            }
            _ => {}
        }
        private_folder(&scratch)
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), StateDirError> {
        let path = self.root.join(name);
        let temporary = self.root.join(format!("{name}.new"));
        fs::write(&temporary, bytes)
            .and_then(|()| {
                failpoint::reach("state: before a file is renamed");
                fs::rename(&temporary, &path)
            })
            .map_err(failed("write", &path))
    }
}

/// The database in a state directory.
pub fn database(root: &Path) -> PathBuf {
    root.join("fenta.db")
}

const RUNNING: &str = "running";
const DAEMON_FILE: &str = "fentad.json";
const SCRATCH: &str = "scratch";

/// Makes a folder that only its user can enter. One that is there and open to others is closed if it is Fenta's own
/// (or empty), and refused otherwise: closing `/tmp` or somebody's home would harm others.
pub fn private_folder(path: &Path) -> Result<(), StateDirError> {
    let make = failed("make the private folder", path);
    let Ok(found) = fs::metadata(path) else {
        return fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(make);
    };
    if found.is_dir() && found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    if !found.is_dir() || !is_own(path) {
        return Err(make(io::Error::other(
            "it is there already, open to others and not Fenta's own; name a folder of Fenta's own",
        )));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(make)
}

/// Whether a folder is empty or holds what a daemon leaves in it.
fn is_own(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let known = [
                "lock",
                "start.lock",
                "logs",
                "cas",
                "run",
                "backups",
                "token",
                "templates",
                "workspaces",
                "assets",
                RUNNING,
                SCRATCH,
            ];
            known.contains(&name.as_ref()) || name.starts_with("fenta") || name.ends_with(".sock")
        })
    })
}

fn take_lock(root: &Path) -> Result<File, StateDirError> {
    let path = root.join("lock");
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed("open", &path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Only for the message: an unreadable pid is no reason to say less clearly that the lock is held.
            let _ = lock.read_to_string(&mut text);
            return Err(StateDirError::Held {
                path: root.to_owned(),
                pid: text.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
    }
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(failed("write", &path))?;
    Ok(lock)
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StateDirError + 'a {
    move |source| StateDirError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_owner_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        let first = StateDir::acquire(&root).unwrap();
        let error = StateDir::acquire(&root).unwrap_err();
        let pid = std::process::id();
        assert!(
            matches!(error, StateDirError::Held { pid: Some(held), .. } if held == pid),
            "{error}"
        );
        assert!(error.to_string().contains(&format!("process {pid}")));
        drop(first);
        StateDir::acquire(&root).unwrap();
    }

    #[test]
    fn a_copy_of_the_lock_in_a_starting_process_does_not_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateDir::acquire(folder.path()).unwrap();
        let copy = first.lock.try_clone().unwrap();
        drop(first);
        StateDir::acquire(folder.path()).unwrap();
        drop(copy);
    }

    #[test]
    fn an_owner_that_did_not_say_goodbye_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateDir::acquire(folder.path()).unwrap();
        assert!(!first.is_unclean());
        drop(first);
        let second = StateDir::acquire(folder.path()).unwrap();
        assert!(second.is_unclean());
        second.release();
        assert!(!StateDir::acquire(folder.path()).unwrap().is_unclean());
    }

    #[test]
    fn the_folder_is_private_and_scratch_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/b/state");
        fs::create_dir_all(root.join("scratch/left")).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let dir = StateDir::acquire(&root).unwrap();
        let mode = fs::metadata(&root).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(fs::read_dir(dir.scratch()).unwrap().count(), 0);
    }

    #[test]
    fn folders_of_others_are_not_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let open = folder.path().join("shared");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(open.join("letter.txt"), "hello").unwrap();
        assert!(private_folder(&open).is_err());
        assert_eq!(mode(&open), 0o755);
        fs::rename(open.join("letter.txt"), open.join("fentad.json")).unwrap();
        private_folder(&open).unwrap();
        assert_eq!(mode(&open), 0o700);
    }

    #[test]
    fn the_daemon_file_is_there_while_the_daemon_is() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::acquire(folder.path()).unwrap();
        let file = DaemonFile {
            pid: 7,
            version: "0.1.0".to_owned(),
            socket: "/s".into(),
            started: "2026-11-22T00:00:00.000Z".to_owned(),
            listen: Some(([127, 0, 0, 1], 7788).into()),
        };
        dir.announce(&file).unwrap();
        let path = folder.path().join("fentad.json");
        let read: DaemonFile = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, file);
        dir.release();
        assert!(!path.exists());
    }
}
