//! Everything that happens to a job, as an append-only log with a sequence number. Live, recorded and replayed
//! events are one type; the CLI's progress, `fenta logs` and `fenta explain` read nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rerun_reason::RerunReason;
use crate::worker::FailureClass;

/// One entry of a job's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JobEvent {
    /// Position in the job's log, from 1, without holes.
    pub seq: u64,
    /// The job's id.
    pub job: String,
    /// When, RFC 3339 UTC with milliseconds.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub kind: JobEventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobEventKind {
    /// Accepted and durable.
    JobQueued {
        /// The workflow's name.
        workflow: String,
    },
    /// The daemon began (or, after a crash or pause, went on).
    JobStarted {
        /// Whether results of an earlier attempt are being picked up.
        resumed: bool,
    },
    /// All inputs of a node are known.
    NodeStarted {
        /// The node.
        node: String,
    },
    /// A node asked for actions; more may follow.
    ActionsPlanned {
        /// The node.
        node: String,
        /// Actions so far.
        total: u32,
        /// How many of them were found in the action cache.
        cached: u32,
    },
    /// An action began.
    ActionStarted {
        /// The node.
        node: String,
        /// The action's kind.
        action: String,
        /// The first 12 characters of its digest.
        digest: String,
        /// The worker process, if one does it.
        pid: Option<u32>,
        /// 1 for the first try.
        attempt: u32,
    },
    /// How far a node is, in its own units (frames for renders).
    NodeProgress {
        /// The node.
        node: String,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// An action is done and its result durable.
    ActionFinished {
        /// The node.
        node: String,
        /// The action's kind.
        action: String,
        /// The first 12 characters of its digest.
        digest: String,
        /// Wall time in milliseconds.
        wall_ms: u64,
    },
    /// An action failed and is tried again.
    ActionRetried {
        /// The node.
        node: String,
        /// The action's kind.
        action: String,
        /// The first 12 characters of its digest.
        digest: String,
        /// Whose fault.
        class: FailureClass,
        /// What went wrong.
        message: String,
        /// The try that follows.
        attempt: u32,
    },
    /// A node has all its outputs.
    NodeFinished {
        /// The node.
        node: String,
        /// Actions that really ran.
        ran: u32,
        /// Actions found in the cache.
        cached: u32,
        /// Wall time of the actions that ran, milliseconds.
        wall_ms: u64,
        /// Wall time the cache saved, milliseconds.
        saved_ms: u64,
        /// Why it ran; empty when nothing ran.
        reasons: Vec<RerunReason>,
    },
    /// A node does nothing in this job.
    NodeSkipped {
        /// The node.
        node: String,
        /// Why: its `if` is false, its `on_error` says so, the budget is short.
        why: String,
    },
    /// A node failed and goes on with the parameters of its `on_error`.
    NodeFellBack {
        /// The node.
        node: String,
        /// What had gone wrong.
        message: String,
    },
    /// What the person who runs it should know of a node's result, although it worked.
    NodeNoted {
        /// The node.
        node: String,
        /// One sentence each.
        notes: Vec<String>,
    },
    /// So much of the budget is used.
    BudgetReached {
        /// The percentage of `alert_at`.
        percent: u32,
        /// What is counted, for example `render seconds`.
        what: String,
        /// How much is used.
        used: String,
        /// How much there is.
        limit: String,
    },
    /// A node failed for good.
    NodeFailed {
        /// The node.
        node: String,
        /// Whose fault.
        class: FailureClass,
        /// What went wrong: place, value, limit.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Someone asked for the end.
    CancelRequested,
    /// Everything is done.
    JobCompleted {
        /// The workflow's outputs by name: paths, texts.
        outputs: BTreeMap<String, OutputValue>,
    },
    /// It failed.
    JobFailed {
        /// The node that failed.
        node: String,
        /// Whose fault, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<FailureClass>,
        /// What went wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It was cancelled.
    JobCancelled,
    /// It goes on by itself at a time, or when what it waits for is there.
    JobWaiting {
        /// The node it stopped at; empty when it was none of them.
        node: String,
        /// What it waits for.
        message: String,
        /// What to do; may be empty.
        hint: String,
        /// When it looks again, RFC 3339 UTC.
        until: String,
    },
    /// Nobody but a person can say how it goes on: whether something was paid is not known.
    JobNeedsAttention {
        /// The node it stopped at.
        node: String,
        /// What is not known.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It waits for someone; what it has done is kept, and `resume` lets it go on.
    JobPaused {
        /// The node it stopped at.
        node: String,
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// An output of a workflow as the user sees it. In JSON it is the plain value; of the kinds of numbers the first that
/// holds it exactly is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum OutputValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Number(f64),
    /// A path, a text.
    Text(String),
    /// Several.
    List(Vec<OutputValue>),
}

impl std::fmt::Display for OutputValue {
    /// One line; the items of a list have a comma between them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(", "))
            }
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted, not begun.
    Queued,
    /// Being worked on.
    Processing,
    /// Waiting for someone; `resume` lets it go on.
    Paused,
    /// Waiting for space on the disk or for a provider's leave; it goes on by itself.
    Waiting,
    /// Waiting for someone to say whether something was paid; `resolve` says it.
    NeedsAttention,
    /// Done.
    Completed,
    /// Failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Processing,
        Self::Waiting,
        Self::Paused,
        Self::NeedsAttention,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing more will happen by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Processing | Self::Waiting)
    }

    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::NeedsAttention => "needs_attention",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
