//! What the daemon and a `fenta-render` process say to each other.
//!
//! The daemon writes one [`WorkerJob`] as JSON to the worker's standard input and closes it; the worker answers with
//! [`WorkerEvent`]s, one JSON object a line, on standard output, the last of them `done` or `failed`; a run has a `done` for each of its segments. Standard error
//! is for the log. The worker ends when its parent does. The daemon believes nothing it has not checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionFacts};
use crate::digest::Digest;

/// One action for one process, or a run of segments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerJob {
    /// What to do.
    pub action: Action,
    /// Where each blob the action names lies.
    pub blobs: BTreeMap<Digest, String>,
    /// Segments to render after the action, which is one too, in the same process: the next is drawn while the one
    /// before is still encoded. Each answers with a `done` of its own, in order; the first failure ends the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Action>,
    /// A folder that exists, is empty and takes the outputs. Of a run, it holds a folder `0`, `1` and so on for each.
    pub output_dir: String,
    /// Number of the process that gives the job. A worker whose parent is another one by the time it can look lives
    /// on without anybody who waits for it, and ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
}

/// What the worker reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WorkerEvent {
    /// How far it is.
    Progress {
        /// Units done (frames, mostly).
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// It is alive; nothing more than that.
    Beat,
    /// Finished: output name to file name inside the output folder.
    Done {
        /// The files.
        outputs: BTreeMap<String, String>,
        /// What was learnt.
        facts: ActionFacts,
    },
    /// Not finished.
    Failed(WorkerFailure),
}

/// Why an action failed, as the worker saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFailure {
    /// Whose fault, which decides about retries.
    pub class: FailureClass,
    /// Lower-case fragment naming place, value and limit.
    pub message: String,
    /// What the user can do about it; may be empty.
    pub hint: String,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The input is broken; trying again changes nothing.
    Input,
    /// The input is fine but not supported; trying again changes nothing.
    Unsupported,
    /// A limit was hit; trying again changes nothing.
    Limit,
    /// Memory or disk; may pass.
    Resource,
    /// Our own mistake.
    Internal,
    /// The process died of a signal.
    Crash,
    /// A provider asks to be left alone for a while; may pass.
    RateLimit,
    /// A provider has a fault; may pass.
    Server,
    /// It took longer than it may; may pass.
    Timeout,
    /// A provider cannot be reached; may pass.
    Network,
    /// The document's budget, or what the account has left, is not enough.
    Budget,
    /// There is no space left on a disk; passes when somebody makes some.
    Disk,
    /// A paid call was made and nobody knows what came of it; trying again could pay twice.
    PaidUnknown,
}

/// What a worker says about itself when asked with `--version-json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerVersion {
    /// The renderer's own version; bumped whenever its output may change.
    pub renderer: String,
    /// libav library versions, and the x264 build.
    pub libraries: BTreeMap<String, String>,
    /// How far this machine's kernel holds it back. No part of [`WorkerVersion::tool`]: it changes no result.
    #[serde(default)]
    pub sandbox: Sandbox,
}

/// How far a worker was held back, found out by doing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Version of the kernel's file rules in force (Landlock); none where it has none.
    pub files: Option<u32>,
    /// Whether every system call that the work does not need is refused (seccomp).
    pub calls: bool,
}

impl Sandbox {
    /// All of it, some of it, none of it.
    pub fn level(&self) -> SandboxLevel {
        match (self.files, self.calls) {
            (Some(_), true) => SandboxLevel::Full,
            (None, false) => SandboxLevel::None,
            _ => SandboxLevel::Reduced,
        }
    }
}

/// How much of the sandbox there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxLevel {
    /// No file but the job's, no call but the work's.
    Full,
    /// One of the two.
    Reduced,
    /// Only limits on memory, time and files.
    None,
}

impl WorkerVersion {
    /// The text that goes into every action digest.
    pub fn tool(&self) -> String {
        let libraries: Vec<String> = self
            .libraries
            .iter()
            .map(|(name, version)| format!("{name}={version}"))
            .collect();
        format!("fenta-render {} {}", self.renderer, libraries.join(" "))
    }
}
