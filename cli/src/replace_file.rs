//! Writing a file in one step: whoever reads it sees the old text or the new one, never a part of either.
//!
//! Neighbours: `fmt`, `init`, `config` and `schema` write with it. It must not decide whether a file may be replaced.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::command_error::CommandError;

/// What new files may be, before the user's mask takes some away.
const NEW_MODE: u32 = 0o666;

/// Puts `bytes` into the file. A file that is there keeps its mode; a link stays one, and its target is written.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    write(path, bytes).map_err(|source| CommandError::Io {
        what: format!("cannot write {}", path.display()),
        source,
    })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (target, mode) = match path.canonicalize() {
        Ok(target) => {
            let mode = fs::metadata(&target)?.permissions();
            (target, Some(mode))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_path_buf(), None),
        Err(error) => return Err(error),
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no folder {}", folder.display()),
        ));
    }
    let mut file = tempfile::Builder::new()
        .prefix(".fenta-")
        .permissions(Permissions::from_mode(NEW_MODE))
        .tempfile_in(folder)
        // The name of the temporary file helps nobody.
        .map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_named_and_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let said = replace_file(&dir.path().join("none/x"), b"new").unwrap_err();
        let said = format!("{said:?}");
        assert!(said.contains("there is no folder"), "{said}");
        assert!(!said.contains(".fenta-"), "{said}");
    }

    #[test]
    fn modes_and_links_survive() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        replace_file(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(
            fs::metadata(&real).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = replace_file(&dir.path().join("no/such/file"), b"x").unwrap_err();
        assert!(error.full_message().contains("no/such/file"), "{error}");
    }
}
