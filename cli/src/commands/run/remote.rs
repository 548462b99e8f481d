//! A run on the server of a context: the files it needs go there, where they are missing, and its results come back.
//!
//! The documents and their values stay as they are: the files are laid out there as they lie here, relative to each other.
//! Neighbours: `request` read the document, `follow` watches the job.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use fenta_client::Client;
use fenta_client::api::jobs::{CreateJob, OutputValue};
use fenta_client::api::workspaces::{CreateWorkspace, MOST_FILES, ROOT};
use fenta_workflows::digest::{BlobHasher, Digest};
use fenta_workflows::value::Value;

use super::request::Request;
use crate::command_error::CommandError;
use crate::document::unicode;
use crate::ui::Ui;

/// Folders inside folders, at most.
const DEPTH: usize = 16;

/// Tries of uploading what a server says it does not have.
const TRIES: usize = 3;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// A file that goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passenger {
    path: PathBuf,
    digest: Digest,
}

/// The job as it is sent to another machine, after its files are there.
pub(super) async fn prepare(
    request: &Request,
    client: &Client,
    ui: &Ui,
) -> Result<CreateJob, CommandError> {
    let mut job = request.job();
    let files = named_files(request)?;
    let base = base(request, &files);
    let mut passengers = BTreeMap::new();
    for path in files {
        let place = relative(&path, &base)?;
        let digest = hashed(&path)?;
        passengers.insert(place, Passenger { path, digest });
    }
    if passengers.len() > MOST_FILES {
        return Err(CommandError::usage(
            format!(
                "{} files; a run on a server takes at most {MOST_FILES}",
                passengers.len()
            ),
            "name fewer files, or smaller folders",
        ));
    }
    let id = upload(client, &passengers, ui).await?;
    let there = |folder: &str| -> Result<String, CommandError> {
        let below = relative(Path::new(folder), &base)?;
        Ok(match below.is_empty() {
            true => format!("{ROOT}/{id}"),
            false => format!("{ROOT}/{id}/{below}"),
        })
    };
    job.workflow.dir = there(&request.bases.workflow_dir)?;
    job.caller_dir = there(&request.bases.caller_dir)?;
    job.params = moved(request)?;
    // Results go to a folder of the server's own; they come back from there.
    job.out_dir = None;
    Ok(job)
}

/// Every file that the document and its values name, absolute.
fn named_files(request: &Request) -> Result<BTreeSet<PathBuf>, CommandError> {
    let given: BTreeSet<&str> = request.given.keys().map(String::as_str).collect();
    let written = std::cell::RefCell::new(BTreeSet::new());
    // Every path is said to be there, so nothing is missing and all are told.
    let _ = request.workflow.missing_files(&given, &|path| {
        written.borrow_mut().insert(path.to_owned());
        true
    });
    let mut written = written.into_inner();
    written.extend(request.workflow.own_templates());
    let folder = Path::new(&request.bases.workflow_dir);
    let mut files = BTreeSet::new();
    for path in written {
        if Path::new(&path).is_absolute() {
            return Err(CommandError::usage(
                format!("the document names {path}, and a server has other folders"),
                "write the path relative to the document, or make it an input",
            ));
        }
        take(&folder.join(path), 0, &mut files)?;
    }
    for path in given_paths(request) {
        take(Path::new(&path), 0, &mut files)?;
    }
    Ok(files)
}

/// The paths that values of inputs are, absolute.
fn given_paths(request: &Request) -> Vec<String> {
    let Ok(values) = request.workflow.bind(&request.given, &request.bases) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in values {
        let of_caller = request.given.contains_key(&name);
        let is_path = request
            .workflow
            .inputs()
            .get(&name)
            .is_some_and(|spec| spec.input_type.is_path());
        if of_caller && is_path {
            texts(&value, &mut found);
        }
    }
    found
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Text(text) => found.push(text.clone()),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// A file, or all files of a folder that are not hidden.
fn take(path: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), CommandError> {
    let plain = straight(path);
    let unreadable = |source| CommandError::Io {
        what: format!("cannot read {}", plain.display()),
        source,
    };
    let metadata = fs::metadata(&plain).map_err(unreadable)?;
    if metadata.is_file() {
        files.insert(plain);
        return Ok(());
    }
    if !metadata.is_dir() || depth >= DEPTH || files.len() > MOST_FILES {
        return Ok(());
    }
    for entry in fs::read_dir(&plain).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            take(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// The path without `.` and `..`, as it is written.
fn straight(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The folder that everything of the run is in.
fn base(request: &Request, files: &BTreeSet<PathBuf>) -> PathBuf {
    let mut base = straight(Path::new(&request.bases.workflow_dir));
    let caller = straight(Path::new(&request.bases.caller_dir));
    let parents = files.iter().filter_map(|file| file.parent());
    for folder in std::iter::once(caller.as_path()).chain(parents) {
        while !folder.starts_with(&base) {
            if !base.pop() {
                return PathBuf::from("/");
            }
        }
    }
    base
}

/// A path below the base, with `/`.
fn relative(path: &Path, base: &Path) -> Result<String, CommandError> {
    let plain = straight(path);
    let below = plain.strip_prefix(base).unwrap_or(&plain);
    unicode(below)
}

/// Values whose paths are absolute here are written relative to the caller's folder.
fn moved(request: &Request) -> Result<BTreeMap<String, String>, CommandError> {
    let caller = straight(Path::new(&request.bases.caller_dir));
    let mut params = request.given.clone();
    for (name, text) in &mut params {
        let spec = request.workflow.inputs().get(name);
        let is_path = spec.is_some_and(|spec| spec.input_type.is_path());
        if is_path && Path::new(text.as_str()).is_absolute() {
            *text = unicode(&way(&caller, &straight(Path::new(text.as_str()))))?;
        }
    }
    Ok(params)
}

/// The way from one folder to a path.
fn way(from: &Path, to: &Path) -> PathBuf {
    let mut shared = from;
    let mut way = PathBuf::new();
    while !to.starts_with(shared) {
        way.push("..");
        match shared.parent() {
            Some(parent) => shared = parent,
            None => break,
        }
    }
    way.join(to.strip_prefix(shared).unwrap_or(to))
}

fn hashed(path: &Path) -> Result<Digest, CommandError> {
    let unreadable = |source| CommandError::Io {
        what: format!("cannot read {}", path.display()),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = BlobHasher::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(unreadable)? {
            0 => return Ok(hasher.finish()),
            read => hasher.add(&chunk[..read]),
        }
    }
}

/// Sends what is missing there, and gives the id of the folder.
async fn upload(
    client: &Client,
    passengers: &BTreeMap<String, Passenger>,
    ui: &Ui,
) -> Result<String, CommandError> {
    let wanted = CreateWorkspace {
        files: passengers
            .iter()
            .map(|(place, passenger)| (place.clone(), passenger.digest.to_string()))
            .collect(),
    };
    let mut told = false;
    for _ in 0..TRIES {
        let workspace = client.workspace(&wanted).await?;
        if workspace.missing.is_empty() {
            return Ok(workspace.id);
        }
        let missing = passengers
            .values()
            .filter(|passenger| workspace.missing.contains(&passenger.digest.to_string()));
        let by_blob: BTreeMap<String, &Passenger> = missing
            .map(|passenger| (passenger.digest.to_string(), passenger))
            .collect();
        if !std::mem::replace(&mut told, true) {
            let bytes: u64 = by_blob
                .values()
                .map(|passenger| passenger.digest.size)
                .sum();
            ui.note(&format!(
                "uploading {} file(s), {bytes} bytes",
                by_blob.len()
            ));
        }
        for (digest, passenger) in by_blob {
            client.put_blob(&digest, &passenger.path).await?;
        }
    }
    Err(CommandError::usage(
        "the server does not keep the files of this run",
        "run it again; somebody is clearing its cache, or a file changes while it is sent",
    ))
}

/// Fetches the results of a job, and gives its outputs with the paths they have here.
pub(super) async fn fetch(
    client: &Client,
    job: &str,
    out_dir: &Path,
    outputs: Vec<(String, OutputValue)>,
) -> Result<Vec<(String, OutputValue)>, CommandError> {
    let mut here = BTreeMap::new();
    for result in client.results(job).await?.items {
        let name = Path::new(&result.name);
        let is_plain = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || result.name.is_empty() {
            return Err(CommandError::usage(
                format!(
                    "the server names a result `{}`, which is no plain name",
                    result.name.escape_debug()
                ),
                "nothing was written; tell whoever runs the server",
            ));
        }
        let target = out_dir.join(name);
        let same = target.is_file()
            && hashed(&target).is_ok_and(|digest| digest.to_string() == result.digest);
        if !same {
            let folder = target.parent().unwrap_or(out_dir);
            fs::create_dir_all(folder).map_err(|source| CommandError::Io {
                what: format!("cannot make the folder {}", folder.display()),
                source,
            })?;
            client.download(&result.url, &target).await?;
            if hashed(&target)?.to_string() != result.digest {
                let _ = fs::remove_file(&target);
                return Err(CommandError::usage(
                    format!("{} did not come whole", target.display()),
                    "run it again: what is finished there is not done again",
                ));
            }
        }
        here.insert(result.path, unicode(&target)?);
    }
    let moved = outputs
        .into_iter()
        .map(|(name, value)| (name, replaced(value, &here)));
    Ok(moved.collect())
}

fn replaced(value: OutputValue, here: &BTreeMap<String, String>) -> OutputValue {
    match value {
        OutputValue::Text(text) => OutputValue::Text(here.get(&text).cloned().unwrap_or(text)),
        OutputValue::List(items) => {
            OutputValue::List(items.into_iter().map(|item| replaced(item, here)).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_lead_from_folder_to_file() {
        for (from, to, wanted) in [
            ("/a/b", "/a/b/c", "c"),
            ("/a/b", "/a/x/y", "../x/y"),
            ("/a/b", "/z", "../../z"),
            ("/a", "/a", ""),
        ] {
            assert_eq!(
                way(Path::new(from), Path::new(to)),
                Path::new(wanted),
                "{from} {to}"
            );
        }
        assert_eq!(straight(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }

    #[test]
    fn outputs_get_the_paths_they_have_here() {
        let here = BTreeMap::from([("/srv/a.mp4".to_owned(), "/home/a.mp4".to_owned())]);
        let value = OutputValue::List(vec![
            OutputValue::Text("/srv/a.mp4".to_owned()),
            OutputValue::Whole(3),
        ]);
        let OutputValue::List(items) = replaced(value, &here) else {
            panic!("no list any more");
        };
        assert_eq!(items[0], OutputValue::Text("/home/a.mp4".to_owned()));
    }

    #[test]
    fn folders_are_taken_without_what_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("media/.git")).unwrap();
        fs::write(dir.path().join("media/a.mp4"), "a").unwrap();
        fs::write(dir.path().join("media/.git/x"), "x").unwrap();
        let mut files = BTreeSet::new();
        take(&dir.path().join("./media/../media"), 0, &mut files).unwrap();
        assert_eq!(files.len(), 1);
        assert!(files.first().unwrap().ends_with("media/a.mp4"));
        assert!(take(&dir.path().join("none"), 0, &mut files).is_err());
    }
}
