//! A place to perform actions in: blobs by digest, a folder for every output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fenta_render::job::perform;
use fenta_templates::digest::Digest;
use fenta_workflows::action::{Action, ActionFacts};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::{WorkerFailure, WorkerJob};

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) blobs: BTreeMap<Digest, String>,
    made: u32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            blobs: BTreeMap::new(),
            made: 0,
        }
    }

    /// Performs an action: its first output and what was learnt.
    pub(crate) fn perform(
        &mut self,
        action: Action,
    ) -> Result<(PathBuf, ActionFacts), WorkerFailure> {
        self.made += 1;
        let out = self.folder.path().join(self.made.to_string());
        fs::create_dir(&out).unwrap();
        let job = WorkerJob {
            action,
            blobs: self.blobs.clone(),
            output_dir: out.to_str().unwrap().to_owned(),
            then: Vec::new(),
            parent: None,
        };
        let done = perform(&job, &mut |done, total| assert!(done <= total))?;
        let file = done.outputs.values().next().cloned().unwrap_or_default();
        Ok((out.join(file), done.facts))
    }

    /// Performs an action that must succeed: its first output.
    pub(crate) fn make(&mut self, action: Action) -> PathBuf {
        self.perform(action)
            .unwrap_or_else(|failure| panic!("{failure:?}"))
            .0
    }

    /// Makes a file known by its content.
    pub(crate) fn keep(&mut self, path: &Path) -> Digest {
        let digest = blob_digest(&fs::read(path).unwrap());
        self.blobs.insert(digest, path.to_str().unwrap().to_owned());
        digest
    }
}
