//! Backup and restore of a whole team server. A backup is a folder that could be a state directory: whole copies of the
//! databases, made while the server works, and the files beside them.
//!
//! Databases come first, files after them: a file may be there that no row names yet, never the other way round, unless the
//! cache threw it away meanwhile, and then it is made again like any other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{TeamError, accounts_database, failed, tenants};
use crate::clock::{Clock, SystemClock};
use crate::state_dir::{self, StateDir, private_folder};
use crate::store::Store;
use crate::store::accounts::Accounts;

/// The file that says that a backup is whole.
const MARK: &str = "backup.json";

/// The format of backups.
const FORMAT: u32 = 1;

/// Folders of an organisation that are copied; the others are made anew.
const FOLDERS: [&str; 5] = [
    "cas",
    super::workspace::FILES,
    "assets",
    "workspaces",
    "templates",
];

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    format: u32,
    version: String,
    made_at: String,
    organisations: usize,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Organisations.
    pub organisations: usize,
    /// Files that were copied; those of an earlier backup are left alone.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies the server of `root` to `target`, which is a new folder or an earlier backup. The server may be running.
pub async fn back_up(root: &Path, target: &Path) -> Result<Copied, TeamError> {
    let database = accounts_database(root);
    if !database.is_file() {
        return Err(TeamError::Refused(format!(
            "{} is no team server",
            root.display()
        )));
    }
    let earlier = target.join(MARK);
    if target.exists() && !earlier.is_file() && !is_empty(target) {
        return Err(TeamError::Refused(format!(
            "{} is there and is no backup; name a new folder",
            target.display()
        )));
    }
    private_folder(target)?;
    // From here on until its end it is not whole.
    let _ = fs::remove_file(&earlier);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let accounts = Accounts::open_for_reading(&database, Arc::clone(&clock))?;
    copy_database(&accounts_database(target), async |new| {
        accounts.back_up(new).await
    })
    .await?;
    let mut copied = Copied::default();
    for org in accounts.orgs().await? {
        let (from, to) = (tenants::folder(root, &org), tenants::folder(target, &org));
        let database = state_dir::database(&from);
        if !database.is_file() {
            continue;
        }
        fs::create_dir_all(&to).map_err(failed("make the folder", &to))?;
        let store = Store::open_for_reading(&database, Arc::clone(&clock))?;
        copy_database(&state_dir::database(&to), async |new| {
            store.back_up(new).await
        })
        .await?;
        for name in FOLDERS {
            copy_folder(&from.join(name), &to.join(name), name == "cas", &mut copied)?;
        }
        copied.organisations += 1;
    }
    let mark = Mark {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: clock.now_text(),
        organisations: copied.organisations,
    };
    let text = serde_json::to_vec_pretty(&mark).unwrap_or_default();
    fs::write(&earlier, text).map_err(failed("write", &earlier))?;
    Ok(copied)
}

/// A database in the place of an earlier copy: beside it first, so that it is whole or the old one.
async fn copy_database(
    target: &Path,
    copy: impl AsyncFnOnce(&Path) -> Result<(), crate::store::StoreError>,
) -> Result<(), TeamError> {
    let new = target.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("replace", &new)(error));
        }
        _ => {}
    }
    copy(&new).await?;
    fs::File::open(&new)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&new, target))
        .map_err(failed("write", target))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Copies what is not there yet. Blobs never change, so one that is there with its size is left alone; links are not
/// followed, and nothing here makes any.
fn copy_folder(from: &Path, to: &Path, blobs: bool, copied: &mut Copied) -> Result<(), TeamError> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("list", from)(error)),
    };
    fs::create_dir_all(to).map_err(failed("make the folder", to))?;
    for entry in entries {
        let entry = entry.map_err(failed("list", from))?;
        let (source, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            copy_folder(&source, &target, blobs, copied)?;
        } else if kind.is_file() {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            let known = fs::symlink_metadata(&target).is_ok_and(|there| there.len() == size);
            if blobs && known {
                continue;
            }
            match fs::copy(&source, &target) {
                Ok(bytes) => {
                    copied.files += 1;
                    copied.bytes += bytes;
                }
                // Thrown away since the folder was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !source.exists() => {}
                Err(error) => return Err(failed("copy", &source)(error)),
            }
        }
    }
    Ok(())
}

/// Makes a server of a backup, in a state directory that is empty or not there. Every database is checked before it counts.
pub async fn restore(backup: &Path, root: &Path) -> Result<Copied, TeamError> {
    let place = backup.join(MARK);
    let text = fs::read(&place).map_err(|_| {
        TeamError::Refused(format!(
            "{} is no whole backup: it has no {MARK}",
            backup.display()
        ))
    })?;
    let mark: Mark = serde_json::from_slice(&text)
        .map_err(|error| TeamError::Refused(format!("{}: {error}", place.display())))?;
    if mark.format > FORMAT {
        return Err(TeamError::Refused(format!(
            "the backup was made by release {}, with a newer format; install that release",
            mark.version
        )));
    }
    if root.exists() && !is_empty(root) {
        return Err(TeamError::Refused(format!(
            "{} is not empty: a backup is restored into an empty folder, then it is moved to its place",
            root.display()
        )));
    }
    let dir = StateDir::acquire(root)?;
    let mut copied = Copied {
        organisations: mark.organisations,
        ..Copied::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = accounts_database(root);
    fs::copy(accounts_database(backup), &database).map_err(failed("copy", &database))?;
    copy_folder(&backup.join("orgs"), &root.join("orgs"), false, &mut copied)?;
    // Unclean: so they are checked.
    let accounts = Accounts::open(&database, true, Arc::clone(&clock))?;
    for org in accounts.orgs().await? {
        let database = state_dir::database(&tenants::folder(root, &org));
        if database.is_file() {
            Store::open(&database, true, Arc::clone(&clock))?
                .flush()
                .await?;
        }
    }
    accounts.flush().await?;
    dir.release();
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn server(root: &Path) -> (String, PathBuf) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        private_folder(root).unwrap();
        let accounts = Accounts::open(&accounts_database(root), false, Arc::clone(&clock)).unwrap();
        let made = accounts
            .create_owner("a@x", "p".to_owned(), "One", "pro")
            .await;
        let (_, org) = made.unwrap().unwrap();
        let folder = tenants::folder(root, &org);
        fs::create_dir_all(folder.join("cas/ab")).unwrap();
        fs::write(folder.join("cas/ab/cd"), "blob").unwrap();
        let store = Store::open(&state_dir::database(&folder), false, clock).unwrap();
        store.fill_ledger(3).await;
        (org, folder)
    }

    async fn rows(root: &Path, org: &str) -> usize {
        let database = state_dir::database(&tenants::folder(root, org));
        let store = Store::open_for_reading(&database, Arc::new(SystemClock)).unwrap();
        store
            .ledger(crate::store::LedgerFilter::default())
            .await
            .unwrap()
            .len()
    }

    #[tokio::test]
    async fn what_was_backed_up_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (org, place) = server(&path("server")).await;
        let first = back_up(&path("server"), &path("backup")).await.unwrap();
        assert_eq!((first.organisations, first.files, first.bytes), (1, 1, 4));
        fs::write(place.join("cas/ab/ef"), "another").unwrap();
        let second = back_up(&path("server"), &path("backup")).await.unwrap();
        assert_eq!(second.files, 1, "only what is new");
        restore(&path("backup"), &path("again")).await.unwrap();
        assert_eq!(rows(&path("again"), &org).await, 3);
        let blob = tenants::folder(&path("again"), &org).join("cas/ab/ef");
        assert_eq!(fs::read_to_string(blob).unwrap(), "another");
    }

    #[tokio::test]
    async fn a_backup_that_is_not_whole_and_a_folder_in_use_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        server(&path("server")).await;
        assert!(back_up(&path("nothing"), &path("backup")).await.is_err());
        fs::create_dir(path("photos")).unwrap();
        fs::write(path("photos/me.jpg"), "x").unwrap();
        assert!(back_up(&path("server"), &path("photos")).await.is_err());
        back_up(&path("server"), &path("backup")).await.unwrap();
        assert!(
            restore(&path("backup"), &path("server")).await.is_err(),
            "it would be overwritten"
        );
        fs::remove_file(path("backup").join(MARK)).unwrap();
        let error = restore(&path("backup"), &path("new")).await.unwrap_err();
        assert!(error.to_string().contains("no whole backup"), "{error}");
        assert!(!path("new").exists());
    }
}
