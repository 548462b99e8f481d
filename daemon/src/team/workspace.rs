//! The files of an organisation's jobs: what was uploaded for a run, laid out as a folder, and what its jobs publish.
//! Nothing else can be named by a document here.
//!
//! A request names folders as `/workspaces/<id>/…`; they are translated here, once, and everything else is refused.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use fenta_client::api::workspaces::{CreateWorkspace, MOST_FILES, ROOT, Workspace};
use fenta_workflows::digest::{Digest, value_hash};

use crate::store::Cas;

/// The folder, below an organisation's, outside of which its documents name nothing.
pub const FILES: &str = "files";

const WORKSPACES: &str = "workspaces";
const RESULTS: &str = "results";
const EMPTY: &str = "empty";

/// Folders in folders, at most.
const DEPTH: usize = 32;

/// Bytes of one part of a place.
const PART_BYTES: usize = 255;

/// How long a workspace, or results that were fetched or not, lie there after they were used last. The blobs stay as long
/// as the cache keeps them.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why files cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The request is wrong.
    #[error("{0}")]
    Wrong(String),
    /// The disk refused.
    #[error("cannot lay out the files: {0}")]
    Io(#[from] std::io::Error),
}

fn wrong<T>(message: impl Into<String>) -> Result<T, WorkspaceError> {
    Err(WorkspaceError::Wrong(message.into()))
}

/// Makes the folders of an organisation, and removes what nobody has used for long.
pub fn make_folders(root: &Path) -> Result<(), super::TeamError> {
    let files = root.join(FILES);
    for folder in [files.join(WORKSPACES).join(EMPTY), files.join(RESULTS)] {
        fs::create_dir_all(&folder).map_err(super::failed("make the folder", &folder))?;
    }
    for folder in [files.join(WORKSPACES), files.join(RESULTS)] {
        forget_old(&folder, SystemTime::now());
    }
    Ok(())
}

/// What cannot be removed stays: it is looked at again at the next start.
fn forget_old(folder: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > KEPT) && entry.file_name() != EMPTY {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Lays out the files of a run, or says which blobs are missing for it. The same files are the same folder.
pub fn create(
    root: &Path,
    cas: &Cas,
    wanted: &CreateWorkspace,
) -> Result<Workspace, WorkspaceError> {
    if wanted.files.len() > MOST_FILES {
        return wrong(format!(
            "{} files; a run on a server takes at most {MOST_FILES}",
            wanted.files.len()
        ));
    }
    let mut files = Vec::with_capacity(wanted.files.len());
    for (place, digest) in &wanted.files {
        let digest: Digest = digest
            .parse()
            .or_else(|_| wrong(format!("`{digest}` is no blob: <hash>/<size>")))?;
        files.push((place_of(place)?, digest));
    }
    let id = format!(
        "ws_{}",
        &value_hash("fenta.workspace.1", &wanted.files)[..32]
    );
    let mut missing: Vec<String> = files
        .iter()
        .filter(|(_, digest)| !cas.contains(digest))
        .map(|(_, digest)| digest.to_string())
        .collect();
    missing.sort();
    missing.dedup();
    let folder = root.join(FILES).join(WORKSPACES).join(&id);
    if folder.is_dir() {
        // It is used: a new entry in it would say so, its time does too.
        let _ = fs::File::open(&folder).and_then(|open| open.set_modified(SystemTime::now()));
        return Ok(Workspace {
            id,
            missing: Vec::new(),
        });
    }
    if missing.is_empty() {
        lay_out(&folder, cas, &files)?;
    }
    Ok(Workspace { id, missing })
}

fn lay_out(folder: &Path, cas: &Cas, files: &[(PathBuf, Digest)]) -> Result<(), WorkspaceError> {
    let parent = folder.parent().unwrap_or(Path::new("/"));
    let unfinished = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(parent)?;
    for (place, digest) in files {
        let target = unfinished.path().join(place);
        if let Some(above) = target.parent() {
            fs::create_dir_all(above)?;
        }
        // A place that is a folder of another one fails here, and nothing of it stays.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&target)?;
        if !cas.copy_out(digest, &mut file)? {
            return wrong(format!(
                "the blob {digest} is gone again; upload it once more"
            ));
        }
    }
    match fs::rename(unfinished.keep(), folder) {
        // Somebody else laid out the same files meanwhile.
        Err(_) if folder.is_dir() => Ok(()),
        laid_out => Ok(laid_out?),
    }
}

/// A place as it may be: plain names below the folder.
fn place_of(text: &str) -> Result<PathBuf, WorkspaceError> {
    let path = Path::new(text);
    let parts: Vec<&str> = text.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && part.len() <= PART_BYTES
            && !part.chars().any(|c| c.is_control() || c == '\\')
    };
    let is_plain = parts.iter().all(plain)
        && parts.len() <= DEPTH
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
    match is_plain {
        true => Ok(path.to_owned()),
        false => wrong(format!(
            "`{}` is no place for a file: plain names with `/` between them, at most {DEPTH}",
            text.escape_debug()
        )),
    }
}

/// The folders a job works with, translated from what the request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Of the document.
    pub dir: String,
    /// Of values.
    pub caller_dir: String,
    /// Of results.
    pub out_dir: String,
}

/// Translates the folders of a request. Results go to a folder of the job's own, `fresh`.
pub fn folders(
    root: &Path,
    dir: &str,
    caller_dir: &str,
    fresh: &str,
) -> Result<Folders, WorkspaceError> {
    let files = root.join(FILES);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    Ok(Folders {
        dir: text(translated(&files, dir)?),
        caller_dir: text(translated(&files, caller_dir)?),
        out_dir: text(files.join(RESULTS).join(fresh)),
    })
}

fn translated(files: &Path, named: &str) -> Result<PathBuf, WorkspaceError> {
    if named.is_empty() || named == "/" {
        return Ok(files.join(WORKSPACES).join(EMPTY));
    }
    let below = named
        .strip_prefix(ROOT)
        .and_then(|rest| rest.strip_prefix('/'));
    let Some(below) = below else {
        return wrong(format!(
            "`{}` is a folder of another machine: files for a run are uploaded, and folders are named {ROOT}/<id>/…",
            named.escape_debug()
        ));
    };
    let place = place_of(below.trim_end_matches('/'))?;
    let id = place
        .components()
        .next()
        .map_or_else(PathBuf::new, |id| PathBuf::from(id.as_os_str()));
    if !files.join(WORKSPACES).join(id).is_dir() {
        return wrong(format!("there is no folder {}", named.escape_debug()));
    }
    // A folder without files was not uploaded; a document may lie in one.
    let path = files.join(WORKSPACES).join(place);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// The place of a result below the folder of results of its job; none for a path that is no result of this organisation.
pub fn result_name(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root.join(FILES).join(RESULTS)).ok()?;
    let mut parts = below.components();
    parts.next()?;
    let name = parts.as_path().to_str()?;
    let real = crate::executors::is_below(&root.join(FILES).join(RESULTS), path);
    (real && !name.is_empty() && path.is_file()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        cas: Cas,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        make_folders(folder.path()).unwrap();
        let cas = Cas::open(&folder.path().join("cas"), &folder.path().join("tmp")).unwrap();
        Bench { folder, cas }
    }

    fn wanted(files: &[(&str, String)]) -> CreateWorkspace {
        let files = files
            .iter()
            .map(|(place, digest)| ((*place).to_owned(), digest.clone()));
        CreateWorkspace {
            files: files.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn files_are_laid_out_once_their_blobs_are_there() {
        let bench = bench();
        let root = bench.folder.path();
        let there = bench.cas.put_bytes(b"there").unwrap().to_string();
        let digest = fenta_workflows::digest::blob_digest(b"later").to_string();
        let files = wanted(&[("a/b.txt", there), ("c.txt", digest.clone())]);
        let asked = create(root, &bench.cas, &files).unwrap();
        assert_eq!(asked.missing, [digest]);
        assert!(folders(root, &format!("{ROOT}/{}", asked.id), "/", "r").is_err());
        bench.cas.put_bytes(b"later").unwrap();
        let made = create(root, &bench.cas, &files).unwrap();
        assert_eq!((made.id.clone(), made.missing.len()), (asked.id, 0));
        let found = folders(root, &format!("{ROOT}/{}/a", made.id), "", "r").unwrap();
        assert_eq!(
            fs::read(Path::new(&found.dir).join("b.txt")).unwrap(),
            b"there"
        );
        assert!(found.caller_dir.ends_with("/empty") && found.out_dir.ends_with("/results/r"));
        assert_eq!(create(root, &bench.cas, &files).unwrap(), made);
    }

    #[test]
    fn places_stay_below_the_folder() {
        let long = "x".repeat(256);
        let deep = "d/".repeat(40) + "f";
        for place in [
            "",
            "/",
            "/abs",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            ".",
            "./a",
            "a\\b",
            "nul\0",
            "new\nline",
            &long,
            &deep,
        ] {
            assert!(place_of(place).is_err(), "{place:?}");
        }
        for place in [
            "a",
            "-rf",
            "%03d.png",
            "ümläut/é.mp4",
            "con",
            "$(id)",
            "a b",
        ] {
            assert!(place_of(place).is_ok(), "{place}");
        }
        let bench = bench();
        let blob = bench.cas.put_bytes(b"x").unwrap().to_string();
        let clash = wanted(&[("a", blob.clone()), ("a/b", blob)]);
        assert!(create(bench.folder.path(), &bench.cas, &clash).is_err());
    }

    #[test]
    fn folders_of_other_machines_and_organisations_are_refused() {
        let bench = bench();
        let root = bench.folder.path();
        for named in [
            "/etc",
            "/home/me/project",
            "/workspaces",
            "/workspaces/",
            "/workspaces/../..",
            "relative",
            "/workspaces/none",
        ] {
            assert!(folders(root, named, "/", "r").is_err(), "{named}");
        }
        assert!(folders(root, "/", "/", "r").is_ok());
    }

    #[test]
    fn only_results_are_results() {
        let bench = bench();
        let root = bench.folder.path();
        let results = root.join(FILES).join(RESULTS);
        fs::create_dir_all(results.join("r/sub")).unwrap();
        fs::write(results.join("r/sub/film.mp4"), "x").unwrap();
        fs::write(results.join("loose"), "x").unwrap();
        fs::write(root.join("fenta.db"), "x").unwrap();
        std::os::unix::fs::symlink(root.join("fenta.db"), results.join("r/link")).unwrap();
        let name = |path: PathBuf| result_name(root, &path);
        assert_eq!(
            name(results.join("r/sub/film.mp4")).as_deref(),
            Some("sub/film.mp4")
        );
        for none in [
            results.join("loose"),
            results.join("r/none"),
            results.join("r/link"),
            root.join("fenta.db"),
            results.join("r"),
        ] {
            assert_eq!(name(none.clone()), None, "{}", none.display());
        }
    }
}
