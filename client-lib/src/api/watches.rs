//! Watches: folders whose files begin workflows, what became of each file, and every run they had.

use std::collections::BTreeMap;

/// Body of `POST /v1/watches/{id}/pause`; may be missing.
pub use super::schedules::PauseSchedule as PauseWatch;
pub use fenta_workflows::{After, GroupBy, Notify, NotifyOn, WhileBusy};
use serde::{Deserialize, Serialize};

use crate::api::jobs::{JobState, RunOptions, WorkflowSource};
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat, all};

/// Which files begin a workflow, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchRule {
    /// Absolute folder; files in folders below it count too.
    pub folder: String,
    /// Patterns of file names; any of them.
    #[serde(default = "all_files")]
    pub matches: Vec<String>,
    /// How long a file must have stayed unchanged, milliseconds.
    #[serde(default = "settle_ms")]
    pub settle_ms: u64,
    /// The input the file becomes.
    pub into: String,
    /// Which files belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<GroupBy>,
    /// Extensions a group must have, without dots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What becomes of files after a good run; a folder to move them to is absolute.
    #[serde(default)]
    pub after: After,
    /// What becomes of files that come while a run goes on.
    #[serde(default)]
    pub while_busy: WhileBusy,
    /// Whether files that were there before the watch begin runs too.
    #[serde(default = "yes")]
    pub run_initial: bool,
    /// Between two looks, milliseconds, instead of being told by the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_ms: Option<u64>,
    /// Who is told how its runs end.
    #[serde(default, skip_serializing_if = "Notify::is_nobody")]
    pub notify: Notify,
}

fn all_files() -> Vec<String> {
    vec!["*".to_owned()]
}

const fn settle_ms() -> u64 {
    2_000
}

const fn yes() -> bool {
    true
}

impl WatchRule {
    /// What a document writes; its relative folders begin at `dir`.
    pub fn of(watch: &fenta_workflows::Watch, dir: &str) -> Self {
        let absolute = |path: &str| {
            let path = std::path::Path::new(dir).join(path);
            let plain: std::path::PathBuf = path.components().collect();
            plain.to_string_lossy().into_owned()
        };
        Self {
            folder: absolute(&watch.path),
            matches: watch.matches.clone(),
            settle_ms: watch.settle_ms,
            into: watch.into.clone(),
            group_by: watch.group_by,
            requires: watch.requires.clone(),
            after: match &watch.after {
                After::Move(to) => After::Move(absolute(to)),
                other => other.clone(),
            },
            while_busy: watch.while_busy,
            run_initial: watch.run_initial,
            poll_ms: watch.poll_ms,
            notify: watch.notify.clone(),
        }
    }
}

/// Body of `POST /v1/watches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWatch {
    /// The document.
    pub workflow: WorkflowSource,
    /// Values of its inputs, as typed.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Absolute folder that file values in `params` refer to.
    pub caller_dir: String,
    /// Absolute folder for results; `caller_dir` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_dir: Option<String>,
    /// How its runs depart from the usual.
    #[serde(default, skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
    /// Instead of what the document writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<WatchRule>,
    /// What the watch is called; the workflow's name when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Runs the document as it is now, whatever becomes of its file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Pauses when nobody has looked at its files for half a minute: for a command in the foreground.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreground: bool,
}

/// Where a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchState {
    /// It looks at its folder.
    Active,
    /// It waits for someone.
    Paused,
}

impl WatchState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

/// A watch as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Watch {
    /// `wat_` and a UUIDv7.
    pub id: String,
    /// What people call it; unique.
    pub name: String,
    /// The name of its workflow.
    pub workflow: String,
    /// Absolute path of the document, if it has one.
    #[serde(default)]
    pub path: Option<String>,
    /// Which files begin runs.
    pub rule: WatchRule,
    /// Where it stands.
    pub state: WatchState,
    /// Why it is paused, or what keeps it from looking; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Values of inputs for its runs, as typed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Absolute folder for results, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_dir: Option<String>,
    /// Whether it runs the document as it was when it was made.
    pub pinned: bool,
    /// Whether it ends with a command in the foreground.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreground: bool,
    /// Between two looks where the system does not tell of changes, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_ms: Option<u64>,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
    /// How many files are in which state.
    #[serde(default)]
    pub files: BTreeMap<String, u64>,
    /// Its newest run.
    #[serde(default)]
    pub last: Option<WatchRun>,
}

/// Where a file of a watched folder stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It was found.
    Seen,
    /// It changes, or somebody has it open for writing.
    Growing,
    /// It has not changed for a while, but not for long enough.
    Settling,
    /// It is read, and whether it is whole is looked at.
    Probing,
    /// It is whole and waits for others of its group.
    Ready,
    /// Its content began a run before.
    Dup,
    /// Its run waits.
    Queued,
    /// Its run is in work.
    Running,
    /// Its run is completed.
    Done,
    /// Its run failed.
    Failed,
    /// It begins no run; the reason says which rule that decides.
    Ignored,
}

impl FileState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Growing => "growing",
            Self::Settling => "settling",
            Self::Probing => "probing",
            Self::Ready => "ready",
            Self::Dup => "dup",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
        }
    }

    /// Whether it is still to be seen whether the file is whole.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Seen | Self::Growing | Self::Settling | Self::Probing | Self::Ready
        )
    }
}

/// A file of a watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchFile {
    /// Below the folder.
    pub path: String,
    /// Where it stands.
    pub state: FileState,
    /// The rule or the fact behind it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Bytes.
    pub size: u64,
    /// What it holds, once that is known: the key of its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The job of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// A content and the run it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchRun {
    /// BLAKE3 of the file, or of all of a group: there is one run for it, ever.
    pub content: String,
    /// The files it was found in, below the folder.
    pub files: Vec<String>,
    /// How it stands: `queued`, `running`, `done`, `failed` or `ignored`.
    pub state: FileState,
    /// Why it failed or was left out; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When its files were found to be whole, RFC 3339 UTC.
    pub queued_at: String,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// How the job stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_state: Option<JobState>,
    /// What the job cost, US dollars; absent where there is no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Results of the job, as texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
}

/// Watches, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchList {
    /// All of them.
    pub items: Vec<Watch>,
}

/// Files of a watch, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchFileList {
    /// This page.
    pub items: Vec<WatchFile>,
    /// Where the next page begins; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Runs of a watch, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchRunList {
    /// This page.
    pub items: Vec<WatchRun>,
    /// Where the next page begins; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Body of `POST /v1/watches/{id}/again`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchAgain {
    /// The file, absolute or below the folder; all files whose run failed where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The rules a file is held against, in their order, up to the one that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchVerdict {
    /// The file, absolute.
    pub path: String,
    /// The rule that decides.
    pub rule: String,
    /// What it says about this file.
    pub why: String,
    /// The file as the watch knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WatchFile>,
    /// The run of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<WatchRun>,
}

impl Client {
    /// Makes the watch of a document, or one of its own rule. One of the same document and folder that was made before
    /// is brought up to date and keeps what it knows.
    pub async fn create_watch(&self, new: &CreateWatch) -> Result<Watch, ClientError> {
        self.call(Call::post(&["v1", "watches"], Repeat::Safe).body(new))
            .await
    }

    /// All watches, by name.
    pub async fn watches(&self) -> Result<WatchList, ClientError> {
        self.call(Call::get(&["v1", "watches"])).await
    }

    /// One watch: id, unique beginning of one, or name.
    pub async fn watch(&self, id: &str) -> Result<Watch, ClientError> {
        self.call(Call::get(&["v1", "watches", id])).await
    }

    /// Forgets a watch and what it knows of contents. Its jobs stay.
    pub async fn remove_watch(&self, id: &str) -> Result<Watch, ClientError> {
        self.call(Call::delete(&["v1", "watches", id])).await
    }

    /// All files of a watch, by path.
    pub async fn watch_files(&self, id: &str) -> Result<Vec<WatchFile>, ClientError> {
        let path = ["v1", "watches", id, "files"];
        all(u32::MAX, async |limit, cursor| {
            let page: WatchFileList = self.call(Call::page(&path, limit, cursor)).await?;
            Ok((page.items, page.next_cursor))
        })
        .await
    }

    /// The newest runs of a watch, so many at most.
    pub async fn watch_runs(&self, id: &str, most: u32) -> Result<Vec<WatchRun>, ClientError> {
        let path = ["v1", "watches", id, "runs"];
        all(most, async |limit, cursor| {
            let page: WatchRunList = self.call(Call::page(&path, limit, cursor)).await?;
            Ok((page.items, page.next_cursor))
        })
        .await
    }

    /// Looks no more until it is resumed.
    pub async fn pause_watch(&self, id: &str, why: &PauseWatch) -> Result<Watch, ClientError> {
        let path = ["v1", "watches", id, "pause"];
        self.call(Call::post(&path, Repeat::Safe).body(why)).await
    }

    /// Looks again; files that came while it was paused count.
    pub async fn resume_watch(&self, id: &str) -> Result<Watch, ClientError> {
        self.call(Call::post(&["v1", "watches", id, "resume"], Repeat::Safe))
            .await
    }

    /// Forgets the runs of a file's content, or of all that failed, so that they begin anew; gives the files.
    pub async fn watch_again(
        &self,
        id: &str,
        what: &WatchAgain,
    ) -> Result<WatchFileList, ClientError> {
        let path = ["v1", "watches", id, "again"];
        self.call(Call::post(&path, Repeat::Safe).body(what)).await
    }

    /// Which rule decides about a file, absolute or below the folder.
    pub async fn explain_watch(&self, id: &str, file: &str) -> Result<WatchVerdict, ClientError> {
        let path = ["v1", "watches", id, "explain"];
        let call = Call::get(&path);
        self.call(call.query("path", Some(file.to_owned()))).await
    }
}
