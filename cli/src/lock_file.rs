//! `fenta.lock` on disk: one file for the documents of a folder, found beside the document.
//!
//! Neighbours: `fenta_workflows::lock` is its shape; the daemon makes a document's part from a job and holds frozen runs
//! to it. Written whole, under a lock on the folder, so that runs side by side do not lose each other's parts.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fenta_client::api::jobs::Lock;
use fenta_workflows::lock::LockFile;
use rustix::fs::{FlockOperation, flock};

use crate::command_error::CommandError;
use crate::document::Document;

const NAME: &str = "fenta.lock";

/// The part of a document in the lock file beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockPlace {
    folder: PathBuf,
    /// The document's file name, which is its name in the file.
    document: String,
}

/// What writing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// There was no part of this document.
    Added,
    /// The part is another one now.
    Changed,
    /// Everything was pinned like this already.
    Same,
}

/// Where a document's lock is.
pub(crate) fn of(document: &Document) -> Result<LockPlace, CommandError> {
    let path = document.path().ok_or_else(|| {
        CommandError::usage(
            "a document from standard input has no fenta.lock",
            "save it as a file",
        )
    })?;
    let path = Path::new(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(LockPlace {
        folder: path.parent().unwrap_or(Path::new("/")).to_owned(),
        document: name.into_owned(),
    })
}

impl LockPlace {
    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// The document's part, if there is one.
    pub(crate) fn read(&self) -> Result<Option<Lock>, CommandError> {
        Ok(self.file()?.documents.remove(&self.document))
    }

    /// The document's part, which must be there.
    pub(crate) fn pinned(&self) -> Result<Lock, CommandError> {
        self.read()?.ok_or_else(|| CommandError::Unreadable {
            message: format!(
                "{} pins nothing of `{}`",
                self.path().display(),
                self.document
            ),
            hint: Some(format!(
                "`fenta run {} --lock` pins what it makes",
                self.document
            )),
        })
    }

    /// Puts the document's part in the place of the one before; parts of other documents stay as they are.
    pub(crate) fn write(&self, lock: Lock) -> Result<Written, CommandError> {
        let failed = |source| CommandError::Io {
            what: format!("cannot write {}", self.path().display()),
            source,
        };
        let folder = File::open(&self.folder).map_err(failed)?;
        flock(&folder, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let mut file = self.file()?;
        let before = file.documents.insert(self.document.clone(), lock);
        let written = match &before {
            None => Written::Added,
            Some(before) if file.documents.get(&self.document) == Some(before) => {
                return Ok(Written::Same);
            }
            Some(_) => Written::Changed,
        };
        let mut made = tempfile::Builder::new()
            .prefix(".fenta.lock.")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(&self.folder)
            .map_err(failed)?;
        made.write_all(file.to_text().as_bytes()).map_err(failed)?;
        made.as_file().sync_all().map_err(failed)?;
        made.persist(self.path())
            .map_err(|error| failed(error.error))?;
        Ok(written)
    }

    fn file(&self) -> Result<LockFile, CommandError> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(LockFile::default());
            }
            read => read.map_err(|source| CommandError::Io {
                what: format!("cannot read {}", path.display()),
                source,
            })?,
        };
        LockFile::parse(&text).map_err(|error| CommandError::Unreadable {
            message: format!("{}: {error}", path.display()),
            hint: Some(
                "restore it from version control, or delete it and run with --lock again"
                    .to_owned(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path, document: &str) -> LockPlace {
        LockPlace {
            folder: folder.to_owned(),
            document: document.to_owned(),
        }
    }

    fn lock(version: &str) -> Lock {
        Lock {
            fenta: version.to_owned(),
            ..Lock::default()
        }
    }

    #[test]
    fn parts_of_other_documents_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (place(dir.path(), "a.yaml"), place(dir.path(), "b.yaml"));
        assert_eq!(a.read().unwrap(), None);
        assert_eq!(a.write(lock("1")).unwrap(), Written::Added);
        assert_eq!(b.write(lock("2")).unwrap(), Written::Added);
        assert_eq!(a.write(lock("1")).unwrap(), Written::Same);
        assert_eq!(a.write(lock("3")).unwrap(), Written::Changed);
        assert_eq!(a.read().unwrap(), Some(lock("3")));
        assert_eq!(b.read().unwrap(), Some(lock("2")));
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn runs_side_by_side_do_not_lose_parts() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..8).map(|number| format!("{number}.yaml")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| place(dir.path(), name).write(lock("1")).unwrap());
            }
        });
        for name in &names {
            assert!(place(dir.path(), name).read().unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn a_missing_part_says_how_to_make_it_and_a_broken_file_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let a = place(dir.path(), "a.yaml");
        let error = a.pinned().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.hint().unwrap().contains("fenta run a.yaml --lock"));
        fs::write(a.path(), "<<<<<<< HEAD\n").unwrap();
        let error = a.write(lock("1")).unwrap_err();
        assert!(error.to_string().contains("line 1, column 1"), "{error}");
        assert_eq!(fs::read_to_string(a.path()).unwrap(), "<<<<<<< HEAD\n");
    }
}
