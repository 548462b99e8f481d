//! Taking files in: a copy of each that nobody else changes, the digest of what was copied, and a second look at the file
//! afterwards. A run gets the copy, never the path that may change under it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fenta_workflows::digest::{Digest, blob_digest};

use super::groups::extension;
use super::machine::is_cut_short;
use super::scan::stamp;
use crate::store::WatchFileRecord;
use crate::store::cas::sync_folder;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// Longest name of a copy, bytes: every file system takes it.
const LONGEST_NAME: usize = 255;

/// What became of a file that was to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// It changed, or went, while it was read.
    Changed(String),
    /// It is not whole yet.
    Partial(String),
    /// It cannot be read, and trying again does not help until it changes.
    Unreadable(String),
}

/// Files that were copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// What they hold, each.
    pub(super) digests: Vec<String>,
    /// What they hold, together: the key of their run.
    pub(super) content: String,
}

/// The name of the copy of a file: its own, without what no line of text can show.
pub(super) fn copy_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_control() { '_' } else { letter })
        .collect();
    debug_assert!(
        plain.len() <= LONGEST_NAME,
        "control characters only get shorter"
    );
    plain
}

/// Copies files into a folder of their own and says what they hold. Which of them failed is told by its place.
pub(super) fn take(
    root: &Path,
    files: &[WatchFileRecord],
    into: &Path,
) -> Result<Taken, (usize, Miss)> {
    let made = fs::create_dir_all(into).map_err(|error| (0, copying(into, &error)));
    made?;
    let mut digests = Vec::with_capacity(files.len());
    for (place, file) in files.iter().enumerate() {
        let digest = take_one(&root.join(&file.path), file, into);
        digests.push(digest.map_err(|miss| (place, miss))?);
    }
    sync_folder(into).map_err(|error| (0, copying(into, &error)))?;
    let content = match (files, digests.as_slice()) {
        ([_], [one]) => one.hex(),
        _ => together(files, &digests),
    };
    Ok(Taken {
        digests: digests.iter().map(Digest::hex).collect(),
        content,
    })
}

/// One digest for a group: a group that is called otherwise holds the same.
fn together(files: &[WatchFileRecord], digests: &[Digest]) -> String {
    let mut lines: Vec<String> = files
        .iter()
        .zip(digests)
        .map(|(file, digest)| {
            let end = extension(&file.path).unwrap_or_default();
            format!("{end} {}\n", digest.hex())
        })
        .collect();
    lines.sort();
    blob_digest(lines.concat().as_bytes()).hex()
}

fn take_one(path: &Path, known: &WatchFileRecord, into: &Path) -> Result<Digest, Miss> {
    let source = File::open(path).map_err(|error| reading(&error))?;
    let before = source.metadata().map_err(|error| reading(&error))?;
    if stamp(&before) != known.stamp {
        return Err(Miss::Changed("it changed before it was read".to_owned()));
    }
    let name = copy_name(&known.path);
    let cut_short = is_cut_short(&name, before.len(), |at, head| {
        source.read_exact_at(head, at).is_ok()
    });
    if let Some(why) = cut_short {
        return Err(Miss::Partial(why.to_owned()));
    }
    let to = into.join(&name);
    let digest = copy(source, &to).map_err(|(what, error)| match what {
        Side::Source => reading(&error),
        Side::Copy => copying(&to, &error),
    })?;
    // Whoever replaced it while it was read left another file, or another time, under its name.
    let after = fs::metadata(path).map_err(|error| reading(&error))?;
    if stamp(&after) != known.stamp || digest.size != known.size {
        return Err(Miss::Changed("it changed while it was read".to_owned()));
    }
    Ok(digest)
}

enum Side {
    Source,
    Copy,
}

/// Copies and hashes in one go; the copy is on disk afterwards.
fn copy(mut source: File, to: &Path) -> Result<Digest, (Side, io::Error)> {
    let mut target = File::create_new(to).map_err(|error| (Side::Copy, error))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0u64;
    loop {
        let count = source
            .read(&mut buffer)
            .map_err(|error| (Side::Source, error))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        target
            .write_all(&buffer[..count])
            .map_err(|error| (Side::Copy, error))?;
        size += count as u64;
    }
    target.sync_all().map_err(|error| (Side::Copy, error))?;
    Ok(Digest {
        hash: *hasher.finalize().as_bytes(),
        size,
    })
}

fn reading(error: &io::Error) -> Miss {
    if error.kind() == io::ErrorKind::NotFound {
        return Miss::Changed("it went before it was read".to_owned());
    }
    Miss::Unreadable(format!("it cannot be read: {error}"))
}

/// A copy that cannot be written is tried again: the disk may have room by then.
fn copying(to: &Path, error: &io::Error) -> Miss {
    Miss::Partial(format!(
        "its copy cannot be written to {}: {error}",
        to.display()
    ))
}

/// The copies of a run's files, by their paths.
pub(super) fn copies<'a>(
    paths: impl Iterator<Item = &'a String>,
    folder: &Path,
) -> BTreeMap<String, PathBuf> {
    paths
        .map(|path| (path.clone(), folder.join(copy_name(path))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::watches::testing::file;
    use fenta_client::api::watches::FileState;

    fn record(root: &Path, path: &str) -> WatchFileRecord {
        let metadata = root.join(path).metadata().unwrap();
        WatchFileRecord {
            stamp: stamp(&metadata),
            size: metadata.len(),
            ..file(path, FileState::Probing)
        }
    }

    #[test]
    fn a_copy_holds_what_was_hashed_whatever_the_file_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let long = format!("{}.md", "é".repeat(126));
        assert_eq!(long.len(), 255);
        for name in ["-rf.md", "a\nb.md", "🐝.md", long.as_str()] {
            fs::write(root.join(name), name).unwrap();
            let into = root.join("copies/1");
            let taken = take(root, &[record(root, name)], &into).unwrap();
            assert_eq!(taken.content, blob_digest(name.as_bytes()).hex());
            let copy = into.join(copy_name(name));
            assert_eq!(fs::read_to_string(copy).unwrap(), name);
        }
        assert_eq!(copy_name("x/a\nb.md"), "a_b.md");
    }

    #[test]
    fn a_file_that_is_not_what_was_seen_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("a.md"), "one").unwrap();
        let seen = record(root, "a.md");
        fs::write(root.join("b.md"), "two").unwrap();
        fs::rename(root.join("b.md"), root.join("a.md")).unwrap();
        let into = root.join("copies");
        let (place, miss) = take(root, std::slice::from_ref(&seen), &into).unwrap_err();
        assert!(place == 0 && matches!(miss, Miss::Changed(_)), "{miss:?}");
        fs::remove_file(root.join("a.md")).unwrap();
        let (_, miss) = take(root, &[seen], &into).unwrap_err();
        assert!(matches!(miss, Miss::Changed(_)), "{miss:?}");
    }

    #[test]
    fn a_group_is_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (name, text) in [
            ("a.mp3", "1"),
            ("a.srt", "2"),
            ("b.mp3", "1"),
            ("b.srt", "2"),
            ("c.mp3", "2"),
            ("c.srt", "1"),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        let mut times = 0;
        let mut content = |stem: &str| {
            times += 1;
            let files = [
                record(root, &format!("{stem}.mp3")),
                record(root, &format!("{stem}.srt")),
            ];
            take(root, &files, &root.join(format!("copies/{times}")))
                .unwrap()
                .content
        };
        assert_eq!(content("a"), content("b"));
        assert_ne!(content("a"), content("c"));
    }
}
