//! Jobs: one execution of a workflow each. Submit, look, follow, cancel, resume.

use std::collections::BTreeMap;

pub use fenta_workflows::job_event::{JobEvent, JobEventKind, JobState, OutputValue};
pub use fenta_workflows::lock::Lock;
pub use fenta_workflows::rerun_reason::RerunReason;
pub use fenta_workflows::view::{Part, Still, StillKind, View};
pub use fenta_workflows::worker::FailureClass;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    /// The document to execute.
    pub workflow: WorkflowSource,
    /// Values of its inputs, as typed on the command line.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Absolute folder that file values in `params` refer to.
    pub caller_dir: String,
    /// Absolute folder for results; `caller_dir` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_dir: Option<String>,
    /// What of it to run, and what the cache may answer.
    #[serde(default, skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
}

/// How a run departs from "everything, with whatever the cache has".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunOptions {
    /// Only these nodes; what they build on must be in the cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Only these nodes and what they build on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<String>,
    /// These nodes and everything that builds on them, again; what they build on must be in the cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Whose results are made again although they are there.
    #[serde(skip_serializing_if = "Refresh::is_none")]
    pub refresh: Refresh,
    /// Reads nothing from the cache.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
    /// Calls no provider that is not on this machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// Begins work of which nobody can tell the price, although there is a budget.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept_unknown: bool,
    /// Instead of the document's seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Refuses whatever `lock` does not pin, and calls no provider at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// What is pinned; needed by `frozen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Whose turn it is before whose.
    #[serde(skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Worker processes at a time, at most; as many as the daemon has where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// The day the job is of, `2026-11-22`, instead of today: what `${{ job.date }}` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What is made of each render instead of the whole film. A still is made by the node that `until` names.
    #[serde(skip_serializing_if = "View::is_whole")]
    pub view: View,
}

impl RunOptions {
    /// The lock a frozen run keeps to; none for other runs.
    pub fn frozen_lock(&self) -> Option<&Lock> {
        self.lock.as_ref().filter(|_| self.frozen)
    }

    /// Whether they change nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How urgent a job is. Urgent jobs begin first; of those in work they get the larger share.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When nothing else is to be done.
    Low,
    /// In its turn.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Priority {
    /// Every priority, the lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// Its place, from 0.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// The priority of a place; normal where there is none.
    pub fn of_rank(rank: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|priority| priority.rank() == rank)
            .unwrap_or_default()
    }

    /// Whether it says nothing.
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// Whose results are made again although they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// Nobody's.
    #[default]
    None,
    /// Every node's.
    All,
    /// These nodes'.
    Nodes(Vec<String>),
}

impl Refresh {
    /// Whether it is nobody's.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A workflow document as it is sent: with its text, because the server may be another machine or another user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowSource {
    /// Absolute path of the document. It is the workflow's identity between jobs; missing for standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name shown in diagnostics.
    pub name: String,
    /// The whole document.
    pub text: String,
    /// Absolute folder that relative paths in the document refer to.
    pub dir: String,
}

/// A job as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Job {
    /// `job_` and a UUIDv7.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// Absolute path of the document, if it has one.
    #[serde(default)]
    pub path: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// What began it, where that was nobody's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_by: Option<BegunBy>,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// When it was accepted, RFC 3339 UTC.
    pub created_at: String,
    /// When work began, RFC 3339 UTC.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it ended, RFC 3339 UTC.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Why it failed; only for failed jobs.
    #[serde(default)]
    pub error: Option<JobError>,
    /// The workflow's outputs by name; empty until it is completed.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputValue>,
    /// What each node did, in the order they run. Lists of jobs leave it out.
    #[serde(default)]
    pub nodes: Vec<NodeRun>,
    /// The `seq` of its newest event.
    pub last_seq: u64,
}

/// A schedule or a watch that begins jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BegunBy {
    /// `schedule` or `watch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JobError {
    /// The node that failed; empty when it was none of them.
    #[serde(default)]
    pub node: String,
    /// Whose fault, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<FailureClass>,
    /// What went wrong.
    pub message: String,
    /// What to do; may be empty.
    #[serde(default)]
    pub hint: String,
}

/// What one node did in a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NodeRun {
    /// Its key in the document.
    pub node: String,
    /// Its type, for example `Voice.TTS`.
    pub kind: String,
    /// Where it stands.
    pub state: NodeState,
    /// Actions that really ran.
    pub ran: u32,
    /// Actions found in the cache.
    pub cached: u32,
    /// Wall time of the actions that ran, milliseconds.
    pub wall_ms: u64,
    /// Wall time the cache saved, milliseconds.
    pub saved_ms: u64,
    /// Why it ran; empty when nothing ran.
    #[serde(default)]
    pub reasons: Vec<RerunReason>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<JobError>,
    /// Why it was skipped, or that it went on with the parameters of its `on_error`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Its inputs are not known yet.
    Waiting,
    /// Being worked on.
    Running,
    /// It has all its outputs.
    Finished,
    /// Failed for good.
    Failed,
    /// Stopped because the job was cancelled or another node failed.
    Cancelled,
    /// It had nothing to do in this job; its ports are null.
    Skipped,
    /// The options of the run leave it out.
    LeftOut,
}

impl NodeState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::LeftOut => "left_out",
        }
    }
}

/// Body of `POST /v1/jobs/{id}/resume`; may be missing. What is added to the job's budget, where that is what it
/// stopped at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResumeJob {
    /// US dollars, as a decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_usd: Option<String>,
    /// Credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_credits: Option<u64>,
    /// Render seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_render_seconds: Option<u64>,
}

/// Body of `POST /v1/jobs/{id}/resolve`: what somebody found out about a call of which nobody knew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResolveJob {
    /// It was paid and its result is lost: the money counts, and the call is made again.
    Paid,
    /// It was not paid.
    NotPaid,
    /// The provider has it under this name: its result is fetched.
    Found {
        /// The name.
        remote: String,
    },
}

/// Answer of `GET /v1/jobs`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JobList {
    /// This page.
    pub items: Vec<Job>,
    /// Where the next page begins; missing on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Query of `GET /v1/jobs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobQuery {
    /// At most this many; the server has its own ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only jobs in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
}

/// Answer of `GET /v1/jobs/{id}/logs`: what happened, from the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JobLog {
    /// This page.
    pub items: Vec<JobEvent>,
    /// Where the next page begins; missing where nothing more has happened yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Query of lists that have nothing to choose but the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// At most this many; the server has its own ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A file that a job put into its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Artifact {
    /// The output that names it, `video`, or `covers[1]` for one of several.
    pub name: String,
    /// What it is called.
    pub file: String,
    /// Where it lies on the server.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// Where its content is.
    pub url: String,
}

/// Answer of `GET /v1/jobs/{id}/artifacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ArtifactList {
    /// All of them that are still there.
    pub items: Vec<Artifact>,
}

impl Client {
    /// What happened in a job, page by page.
    pub async fn job_log(&self, id: &str, page: &PageQuery) -> Result<JobLog, ClientError> {
        let path = ["v1", "jobs", id, "logs"];
        let call = Call::get(&path)
            .query("limit", page.limit.map(|limit| limit.to_string()))
            .query("cursor", page.cursor.clone());
        self.call(call).await
    }

    /// The files a job put into their places.
    pub async fn artifacts(&self, id: &str) -> Result<ArtifactList, ClientError> {
        self.call(Call::get(&["v1", "jobs", id, "artifacts"])).await
    }

    /// Lets a failed or cancelled job go on from where it stopped.
    pub async fn retry_job(&self, id: &str) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "jobs", id, "retry"], Repeat::Unsent))
            .await
    }

    /// Submits a job. When this returns, the server has it on disk.
    pub async fn create_job(&self, job: &CreateJob) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "jobs"], Repeat::Safe).body(job))
            .await
    }

    /// One job with its nodes. `id` may be a unique prefix or `latest`.
    pub async fn job(&self, id: &str) -> Result<Job, ClientError> {
        self.call(Call::get(&["v1", "jobs", id])).await
    }

    /// What a completed job was made with, for `fenta.lock`.
    pub async fn job_lock(&self, id: &str) -> Result<Lock, ClientError> {
        self.call(Call::get(&["v1", "jobs", id, "lock"])).await
    }

    /// A page of jobs, newest first, without their nodes.
    pub async fn jobs(&self, query: &JobQuery) -> Result<JobList, ClientError> {
        let call = Call::get(&["v1", "jobs"])
            .query("limit", query.limit.map(|limit| limit.to_string()))
            .query("cursor", query.cursor.clone())
            .query("state", query.state.map(|state| state.as_str().to_owned()));
        self.call(call).await
    }

    /// Asks for a job's end. It has ended when its events say so.
    pub async fn cancel_job(&self, id: &str) -> Result<Job, ClientError> {
        self.call(Call::post(&["v1", "jobs", id, "cancel"], Repeat::Safe))
            .await
    }

    /// Continues a failed, cancelled, paused or waiting job; what it had finished is not done again.
    pub async fn resume_job(&self, id: &str, more: &ResumeJob) -> Result<Job, ClientError> {
        let path = ["v1", "jobs", id, "resume"];
        self.call(Call::post(&path, Repeat::Unsent).body(more))
            .await
    }

    /// Says whether the calls of a job were paid of which nobody knew; the job goes on.
    pub async fn resolve_job(&self, id: &str, verdict: &ResolveJob) -> Result<Job, ClientError> {
        let path = ["v1", "jobs", id, "resolve"];
        self.call(Call::post(&path, Repeat::Unsent).body(verdict))
            .await
    }
}
