//! `Collect`: takes a file, or the media files of a folder, into the CAS, in the order people expect.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fenta_workflows::action::{ActionFacts, ActionResult, CollectRequest, CollectedFile};
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::failure::{blocking, failure, io_failure};
use super::ingest::ingest;
use super::{Tools, natural_order};

/// Folders inside folders, at most.
const DEPTH: usize = 16;

pub(super) async fn run(
    tools: &Tools,
    request: &CollectRequest,
) -> Result<ActionResult, WorkerFailure> {
    let wanted = request.clone();
    let files = blocking("listing a folder", move || list(&wanted)).await?;
    let mut collected = Vec::with_capacity(files.len());
    for file in files {
        let digest = ingest(tools, &file).await?;
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let path = file
            .strip_prefix(&request.path)
            .ok()
            .filter(|below| !below.as_os_str().is_empty())
            .map_or_else(
                || name.clone(),
                |below| below.to_string_lossy().into_owned(),
            );
        collected.push(CollectedFile { name, path, digest });
    }
    Ok(ActionResult {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Collected(collected),
    })
}

/// The files to take, in order.
fn list(request: &CollectRequest) -> Result<Vec<PathBuf>, WorkerFailure> {
    let path = Path::new(&request.path);
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failure(
            FailureClass::Input,
            format!("there is no file or folder {}", path.display()),
            "check the path; in a document relative paths begin at the document's folder, with -p at the folder you run the command in",
        ),
        _ => io_failure("read", path, &error),
    })?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !metadata.is_dir() {
        return Err(failure(
            FailureClass::Input,
            format!("{} is neither a file nor a folder", path.display()),
            "choose a file or a folder",
        ));
    }
    let mut walk = Walk {
        request,
        found: Vec::new(),
        others: 0,
        open: Vec::new(),
    };
    walk.folder(path)?;
    walk.finish()
}

struct Walk<'a> {
    request: &'a CollectRequest,
    /// Path below the folder, for the order, and the path itself.
    found: Vec<(String, PathBuf)>,
    others: usize,
    /// Device and inode of every folder being looked at: a link back to one of them is a circle.
    open: Vec<(u64, u64)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), WorkerFailure> {
        let unreadable = |error: std::io::Error| io_failure("list", folder, &error);
        let metadata = fs::metadata(folder).map_err(unreadable)?;
        let identity = (metadata.dev(), metadata.ino());
        if self.open.contains(&identity) || self.open.len() >= DEPTH {
            return Ok(());
        }
        self.open.push(identity);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            self.entry(path)?;
        }
        self.open.pop();
        Ok(())
    }

    fn entry(&mut self, path: PathBuf) -> Result<(), WorkerFailure> {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            return Ok(());
        }
        // A link that leads nowhere is not one of the user's files.
        let Ok(metadata) = fs::metadata(&path) else {
            self.others += 1;
            return Ok(());
        };
        if metadata.is_dir() {
            return self.folder(&path);
        }
        if metadata.is_file() && self.has_wanted_extension(&path) {
            let below = path.strip_prefix(&self.request.path).unwrap_or(&path);
            self.found
                .push((below.to_string_lossy().into_owned(), path));
        } else {
            self.others += 1;
        }
        Ok(())
    }

    fn has_wanted_extension(&self, path: &Path) -> bool {
        path.extension()
            .map(|extension| extension.to_string_lossy().to_lowercase())
            .is_some_and(|extension| self.request.extensions.contains(&extension))
    }

    fn finish(mut self) -> Result<Vec<PathBuf>, WorkerFailure> {
        let limit = self.request.max_items as usize;
        if self.found.is_empty() && !self.request.may_be_empty {
            return Err(failure(
                FailureClass::Input,
                format!(
                    "there is nothing usable in {}: {} other file(s), none of {}",
                    self.request.path,
                    self.others,
                    self.request.extensions.join(", ")
                ),
                "put pictures or clips into the folder, or choose another one",
            ));
        }
        if self.found.len() > limit {
            return Err(failure(
                FailureClass::Limit,
                format!(
                    "there are {} usable files in {}, at most {limit} are taken",
                    self.found.len(),
                    self.request.path
                ),
                "choose a smaller folder or raise the node's limit",
            ));
        }
        self.found
            .sort_by(|(a, _), (b, _)| natural_order::compare(a, b));
        Ok(self.found.into_iter().map(|(_, path)| path).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::testing;

    fn request(path: &Path) -> CollectRequest {
        CollectRequest {
            path: path.to_string_lossy().into_owned(),
            extensions: vec!["mp4".to_owned(), "jpg".to_owned()],
            max_items: 4,
            may_be_empty: false,
        }
    }

    fn names(result: &ActionResult) -> Vec<&str> {
        match &result.facts {
            ActionFacts::Collected(files) => files.iter().map(|f| f.name.as_str()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_folder_gives_its_media_in_natural_order() {
        let test = testing::tools();
        let folder = test.folder.path().join("clips");
        fs::create_dir_all(folder.join("more")).unwrap();
        fs::create_dir_all(folder.join(".trash")).unwrap();
        for name in [
            "clip10.mp4",
            "clip2.MP4",
            "notes.txt",
            ".hidden.mp4",
            ".trash/old.mp4",
            "more/a.jpg",
        ] {
            fs::write(folder.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(&folder, folder.join("more/circle")).unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.join("broken.mp4")).unwrap();
        let result = run(&test.tools, &request(&folder)).await.unwrap();
        assert_eq!(names(&result), ["clip2.MP4", "clip10.mp4", "a.jpg"]);
        let ActionFacts::Collected(files) = &result.facts else {
            panic!("collected");
        };
        assert!(files.iter().all(|f| test.tools.cas.contains(&f.digest)));
    }

    #[tokio::test]
    async fn a_single_file_is_taken_whatever_its_name() {
        let test = testing::tools();
        let file = test.folder.path().join("voice.weird");
        fs::write(&file, b"x").unwrap();
        let result = run(&test.tools, &request(&file)).await.unwrap();
        assert_eq!(names(&result), ["voice.weird"]);
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_said_with_numbers() {
        let test = testing::tools();
        let folder = test.folder.path().join("clips");
        let missing = run(&test.tools, &request(&folder)).await.unwrap_err();
        assert!(missing.message.contains("no file or folder"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.txt"), b"x").unwrap();
        let nothing = run(&test.tools, &request(&folder)).await.unwrap_err();
        assert_eq!(nothing.class, FailureClass::Input);
        assert!(
            nothing
                .message
                .contains("1 other file(s), none of mp4, jpg"),
            "{nothing:?}"
        );
        for i in 0..5 {
            fs::write(folder.join(format!("{i}.mp4")), b"x").unwrap();
        }
        let many = run(&test.tools, &request(&folder)).await.unwrap_err();
        assert_eq!(many.class, FailureClass::Limit);
        assert!(
            many.message.contains("5 usable files") && many.message.contains("at most 4"),
            "{many:?}"
        );
    }

    #[tokio::test]
    async fn a_pipe_is_refused_instead_of_read_for_ever() {
        let test = testing::tools();
        let pipe = test.folder.path().join("pipe.mp4");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let failure = run(&test.tools, &request(&pipe)).await.unwrap_err();
        assert!(
            failure.message.contains("neither a file nor a folder"),
            "{failure:?}"
        );
    }
}
