//! One look at a folder: every file that may count, with what the file system says about it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

use super::names::Names;

/// Folders inside folders, at most.
const DEPTH: usize = 16;

/// What was found of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Changes with the file.
    pub(super) stamp: String,
    pub(super) size: u64,
    /// When its bytes or its name last changed, by the file system's clock.
    pub(super) changed: Timestamp,
    /// Device and inode.
    pub(super) identity: (u64, u64),
}

impl Found {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let second = |seconds: i64, nanos: i64| {
            Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0)).unwrap_or(Timestamp::MAX)
        };
        // Whoever sets a time of modification cannot set the time of that change.
        let changed = second(metadata.ctime(), metadata.ctime_nsec());
        Self {
            stamp: stamp(metadata),
            size: metadata.size(),
            changed,
            identity: (metadata.dev(), metadata.ino()),
        }
    }
}

/// What the file system says; another text means another file, or that it was touched.
pub(super) fn stamp(metadata: &Metadata) -> String {
    format!(
        "{}:{}:{}:{}.{:09}:{}.{:09}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

/// Every file below the folder that no rule of names refuses. Links to files are followed, links to folders are not.
pub(super) fn scan(names: &Names) -> io::Result<BTreeMap<String, Found>> {
    let mut found = BTreeMap::new();
    folder(names, Path::new(""), 0, &mut found)?;
    Ok(found)
}

fn folder(
    names: &Names,
    below: &Path,
    depth: usize,
    found: &mut BTreeMap<String, Found>,
) -> io::Result<()> {
    for entry in fs::read_dir(names.root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if names.refuses(&path, kind.is_dir()).is_some() {
            continue;
        }
        if kind.is_dir() {
            // A folder that went, or that is closed to us, is not a reason to give up on the others.
            if depth < DEPTH
                && let Err(error) = folder(names, &path, depth + 1, found)
            {
                tracing::debug!(folder = %path.display(), %error, "a folder cannot be looked at");
            }
            continue;
        }
        // A link that leads nowhere is no file, and one that went in between is gone.
        let Ok(metadata) = fs::metadata(names.root.join(&path)) else {
            continue;
        };
        if metadata.is_file()
            && let Some(path) = path.to_str()
        {
            found.insert(path.to_owned(), Found::of(&metadata));
        }
    }
    Ok(())
}

/// Which of these files a process has open for writing, and which process. Those of other users cannot be seen.
pub(super) fn writers(wanted: &HashSet<(u64, u64)>) -> HashMap<(u64, u64), u32> {
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return found;
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(number) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let open = fs::read_dir(process.path().join("fd"));
        for file in open.into_iter().flatten().flatten() {
            let Ok(metadata) = fs::metadata(file.path()) else {
                continue;
            };
            let identity = (metadata.dev(), metadata.ino());
            if wanted.contains(&identity)
                && is_writing(&process.path().join("fdinfo").join(file.file_name()))
            {
                found.insert(identity, number);
            }
        }
    }
    found
}

/// Whether the flags of an open file (proc_pid_fdinfo(5), octal) ask for writing: `O_WRONLY` is 1, `O_RDWR` is 2.
fn is_writing(info: &Path) -> bool {
    let Ok(text) = fs::read_to_string(info) else {
        return false;
    };
    text.lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & 0o3 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::components::watches::testing::rule;

    #[test]
    fn files_are_found_below_and_links_to_folders_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for name in ["-rf.md", "a/b/new\nline.md", "🐝.md", ".hidden", "x.part"] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink(root, root.join("a/loop")).unwrap();
        symlink(root.join("-rf.md"), root.join("link.md")).unwrap();
        symlink("nowhere", root.join("broken.md")).unwrap();
        let (names, _) = Names::read(&rule(root), None);
        let found = scan(&names).unwrap();
        let paths: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(paths, ["-rf.md", "a/b/new\nline.md", "link.md", "🐝.md"]);
        assert_eq!(found["-rf.md"], found["link.md"]);
    }

    #[test]
    fn who_writes_is_seen_and_who_reads_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let writing = File::create(&path).unwrap();
        let identity = Found::of(&path.metadata().unwrap()).identity;
        let wanted = HashSet::from([identity]);
        assert_eq!(writers(&wanted).get(&identity), Some(&std::process::id()));
        drop(writing);
        let _reading = File::open(&path).unwrap();
        assert!(writers(&wanted).is_empty());
    }
}
