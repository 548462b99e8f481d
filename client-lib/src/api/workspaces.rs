//! Files for a job on another machine: the blobs of a run are uploaded where they are missing, laid out as a folder there,
//! and its results are fetched from there.

use std::collections::BTreeMap;
use std::path::Path;

use fenta_workflows::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Where the folders of a team server begin, as requests name them: `/workspaces/<id>/…`.
pub const ROOT: &str = "/workspaces";

/// Files in a workspace, at most.
pub const MOST_FILES: usize = 2000;

/// Body of `POST /v1/workspaces`: the files of a run, by their place, as blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    /// Place below the folder, with `/`, and the blob: `media/a.mp4` → `<hash>/<size>`.
    pub files: BTreeMap<String, String>,
}

/// Answer of `POST /v1/workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// `ws_…`: the same files have the same id.
    pub id: String,
    /// Blobs that are to be uploaded first; the folder is there when there are none.
    pub missing: Vec<String>,
}

/// A file that a job published on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLink {
    /// The path that the job's outputs name.
    pub path: String,
    /// Its place below the folder of results.
    pub name: String,
    /// What it holds.
    pub digest: String,
    /// Where it is fetched, for a few minutes, without a token: a path of this server.
    pub url: String,
}

/// Answer of `GET /v1/jobs/{id}/results`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLinks {
    /// In the order of the outputs.
    pub items: Vec<ResultLink>,
}

/// A blob as a part of a path: `<hash>-<size>`, because a slash would part it.
pub fn in_path(digest: &str) -> String {
    digest.replace('/', "-")
}

/// The blob that a part of a path names.
pub fn of_path(part: &str) -> Option<Digest> {
    part.replacen('-', "/", 1).parse().ok()
}

impl Client {
    /// Asks for a folder of these files; the answer says which blobs are missing.
    pub async fn workspace(&self, create: &CreateWorkspace) -> Result<Workspace, ClientError> {
        self.call(Call::post(&["v1", "workspaces"], Repeat::Safe).body(create))
            .await
    }

    /// Uploads a blob. The server hashes it and refuses what is not what its name says.
    pub async fn put_blob(&self, digest: &str, file: &Path) -> Result<(), ClientError> {
        self.upload(&["v1", "blobs", &in_path(digest)], file).await
    }

    /// The files that a completed job published there.
    pub async fn results(&self, job: &str) -> Result<ResultLinks, ClientError> {
        self.call(Call::get(&["v1", "jobs", job, "results"])).await
    }
}
