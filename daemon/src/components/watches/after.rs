//! What becomes of a file when its run has ended: moved, deleted or kept, and a reason beside it where the run failed. A file
//! that is not what the run was given is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fenta_client::api::watches::After;

use super::names::REASON_ENDING;
use super::scan::stamp;

/// Numbers tried for a name that is free.
const MOST_NUMBERS: u32 = 9_999;

/// Longest name of a file, bytes.
const LONGEST_NAME: usize = 255;

/// The run was good.
pub(super) fn good(root: &Path, files: &BTreeMap<String, String>, after: &After) {
    for (path, known) in files {
        let whole = root.join(path);
        let _ = fs::remove_file(reason_file(&whole));
        if !is_still(&whole, known) {
            continue;
        }
        let done = match after {
            After::Keep => Ok(()),
            After::Delete => fs::remove_file(&whole),
            After::Move(to) => put_away(&whole, &Path::new(to).join(path)),
        };
        if let Err(error) = done {
            tracing::warn!(path, %error, "a file could not be put away after its run");
        }
    }
}

/// The run was not: the files stay, with the reason beside them.
pub(super) fn bad(root: &Path, files: &BTreeMap<String, String>, why: &str) {
    for (path, known) in files {
        let whole = root.join(path);
        if is_still(&whole, known)
            && let Err(error) = fs::write(reason_file(&whole), format!("{why}\n"))
        {
            tracing::warn!(path, %error, "why a run failed could not be written beside its file");
        }
    }
}

fn is_still(path: &Path, known: &str) -> bool {
    fs::metadata(path).is_ok_and(|metadata| stamp(&metadata) == known)
}

/// `clip.mp4.fenta-failed.txt`; the end of a name that is too long for that gives way.
fn reason_file(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(LONGEST_NAME - REASON_ENDING.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    path.with_file_name(format!("{}{REASON_ENDING}", &name[..end]))
}

/// Moves a file; one of the same name that is there stays, this one gets a number.
fn put_away(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let name = to
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() => (stem.to_owned(), format!(".{end}")),
        _ => (name.clone(), String::new()),
    };
    for number in 1..=MOST_NUMBERS {
        let target = match number {
            1 => to.to_owned(),
            number => folder.join(format!("{stem}-{number}{end}")),
        };
        match rustix::fs::renameat_with(
            rustix::fs::CWD,
            from,
            rustix::fs::CWD,
            &target,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            Err(rustix::io::Errno::EXIST) => {}
            Err(rustix::io::Errno::XDEV) => {
                if target.symlink_metadata().is_ok() {
                    continue;
                }
                fs::copy(from, &target)?;
                return fs::remove_file(from);
            }
            other => return other.map_err(io::Error::from),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_run_was_given_is_put_away() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let to = root.join("done");
        let put = |text: &str| {
            fs::write(root.join("a.md"), text).unwrap();
            let metadata = root.join("a.md").metadata().unwrap();
            BTreeMap::from([("a.md".to_owned(), stamp(&metadata))])
        };
        let move_to = After::Move(to.to_string_lossy().into_owned());
        for (text, name) in [("one", "a.md"), ("two", "a-2.md")] {
            good(root, &put(text), &move_to);
            assert_eq!(fs::read_to_string(to.join(name)).unwrap(), text);
            assert!(!root.join("a.md").exists());
        }
        let mut old = put("three");
        old.insert("a.md".to_owned(), "another file".to_owned());
        good(root, &old, &After::Delete);
        assert!(root.join("a.md").exists());
        let now = put("four");
        bad(root, &now, "no voice");
        let reason = root.join("a.md.fenta-failed.txt");
        assert_eq!(fs::read_to_string(&reason).unwrap(), "no voice\n");
        good(root, &now, &After::Delete);
        assert!(!root.join("a.md").exists() && !reason.exists());
    }

    #[test]
    fn a_reason_fits_beside_the_longest_name() {
        let long = format!("/x/{}", "é".repeat(127));
        let name = reason_file(Path::new(&long));
        assert!(name.file_name().unwrap().len() <= 255);
        assert!(name.to_string_lossy().ends_with(REASON_ENDING));
    }
}
