//! What a document says about its runs as a whole: seed, network, budget, providers, triggers.
//!
//! Neighbours: `read_settings`, `read_schedule` and `read_watch` read it; the daemon obeys it. Plain values: nothing here
//! knows the document's text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::loopback::is_loopback_authority;
use crate::models::{ModelRef, Role};
use crate::value::Value;

/// The seed of workflows that do not write one.
pub(super) const DEFAULT_SEED: i64 = 1;

/// Everything a document says about its runs as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What every variation comes from.
    pub seed: i64,
    /// Whom the run may speak to.
    pub network: Network,
    /// What a run may cost.
    pub budget: Option<Budget>,
    /// Who does the work of a role, best first.
    pub providers: BTreeMap<Role, Vec<ModelRef>>,
    /// When the workflow runs by itself.
    pub schedules: Vec<Schedule>,
    /// Whose new files start it.
    pub watch: Option<Watch>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: DEFAULT_SEED,
            network: Network::Any,
            budget: None,
            providers: BTreeMap::new(),
            schedules: Vec::new(),
            watch: None,
        }
    }
}

/// Whom a run may speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Anyone a node names.
    Any,
    /// This machine only.
    LocalOnly,
}

/// What a run may cost. Money is kept in millionths, so that sums are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Millionths of a US dollar.
    pub max_usd_micros: Option<u64>,
    /// Credits of providers that charge credits.
    pub max_credits: Option<u64>,
    /// Milliseconds of rendered video at 1080p.
    pub max_render_ms: Option<u64>,
    /// What happens when it is not enough.
    pub on_exceed: OnExceed,
    /// Whether the document writes `on_exceed`.
    pub on_exceed_is_written: bool,
    /// Percentages at which the run says so, ascending.
    pub alert_at: Vec<u32>,
    /// Whether work may begin of which nobody can tell the price; it counts with what it turns out to cost.
    pub accepts_unknown: bool,
}

/// What happens when the budget is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExceed {
    /// The run waits for a person.
    Pause,
    /// The run fails.
    Fail,
    /// Optional nodes are left out first; then the run fails.
    SkipOptional,
}

/// When a workflow runs by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Five fields or a word like `@daily`, as written.
    pub cron: String,
    /// IANA time zone.
    pub timezone: String,
    /// Which missed runs are made good.
    pub catch_up: CatchUp,
    /// What happens when a run is due while one runs.
    pub overlap: Overlap,
    /// Longest delay by chance, milliseconds.
    pub jitter_ms: u64,
    /// First day, `2026-11-22`.
    pub start: Option<String>,
    /// Last day.
    pub end: Option<String>,
    /// Values of inputs for its runs, each fitting its declaration.
    pub inputs: BTreeMap<String, Value>,
    /// Whether it is in force.
    pub enabled: bool,
    /// The `Schedule.Cron` node that says so, when the document has it as a node.
    pub node: Option<String>,
    /// Who is told how its runs end.
    pub notify: Notify,
}

/// Who is told how the runs of a schedule or a watch end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// An address that takes messages by Standard Webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// The name of the secret they are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<String>,
    /// Whether this machine's desktop shows it too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub desktop: bool,
    /// Of what is told; of failures and pauses where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<NotifyOn>,
}

impl Notify {
    /// Whether nobody is told.
    pub fn is_nobody(&self) -> bool {
        self.webhook.is_none() && !self.desktop
    }

    /// Whether this is told to anybody.
    pub fn wants(&self, what: NotifyOn) -> bool {
        let usual = self.on.is_empty() && what != NotifyOn::Completed;
        !self.is_nobody() && (usual || self.on.contains(&what))
    }

    /// What is wrong with the address, and what to write instead.
    pub fn complaint(&self) -> Option<(String, &'static str)> {
        if self.webhook.is_none() && self.secret_ref.is_some() {
            let message = "a secret signs messages to an address, and there is none";
            return Some((message.to_owned(), "name the address too: `webhook`"));
        }
        let url = self.webhook.as_deref()?;
        if url.starts_with("https://") && url.len() > "https://".len() {
            return None;
        }
        match url.strip_prefix("http://") {
            Some(rest) if is_loopback_authority(rest) => None,
            Some(_) => Some((
                "a message to another machine must not travel in the open".to_owned(),
                "write https://; http:// is for localhost and 127.0.0.1",
            )),
            None => Some((format!("`{url}` is no address"), "write https://…")),
        }
    }
}

/// What somebody can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotifyOn {
    /// A run is completed.
    Completed,
    /// A run failed, or could not begin.
    Failed,
    /// A schedule pauses itself, or a run waits for a person.
    Paused,
}

impl NotifyOn {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Paused => "paused",
        }
    }
}

/// Which runs missed while the machine was off are made good.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// None.
    #[default]
    None,
    /// The latest one.
    Latest,
    /// All, the last seven at most.
    All,
}

/// What happens when a run is due while one runs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new one is left out.
    #[default]
    Skip,
    /// One may wait.
    BufferOne,
    /// All wait.
    BufferAll,
    /// The running one is asked to stop, then the new one starts.
    CancelOther,
    /// The running one is stopped at once, then the new one starts.
    TerminateOther,
    /// Both run.
    AllowAll,
}

/// A folder whose new files start the workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The folder, as written; relative ones begin at the document's folder.
    pub path: String,
    /// Patterns of file names; any of them.
    pub matches: Vec<String>,
    /// How long a file must have stayed unchanged, milliseconds.
    pub settle_ms: u64,
    /// The input the file becomes.
    pub into: String,
    /// Which files belong together.
    pub group_by: Option<GroupBy>,
    /// Extensions a group must have.
    pub requires: Vec<String>,
    /// What happens to the file after a good run.
    pub after: After,
    /// What happens to files that come while a run goes on.
    pub while_busy: WhileBusy,
    /// Whether files that are there when watching begins count.
    pub run_initial: bool,
    /// Between two looks, milliseconds, instead of being told by the system.
    pub poll_ms: Option<u64>,
    /// Who is told how its runs end.
    pub notify: Notify,
}

/// Which files belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Same name, other extensions.
    Stem,
    /// Same folder.
    Folder,
}

/// What happens to a watched file after a good run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted.
    Delete,
    /// It is moved into this folder.
    Move(String),
}

/// What happens to files that come while a run goes on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WhileBusy {
    /// They take their turn in the queue of jobs.
    #[default]
    Queue,
    /// They are left out.
    Skip,
    /// They go before the other jobs.
    Parallel,
    /// The newest one waits, those before it are left out.
    Latest,
}
