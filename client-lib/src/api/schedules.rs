//! Schedules: workflows that begin by the clock, and every run they had or did not have.

use std::collections::BTreeMap;

pub use fenta_workflows::{CatchUp, Notify, NotifyOn, Overlap};
use serde::{Deserialize, Serialize};

use crate::api::jobs::{JobState, RunOptions, WorkflowSource};
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat, all};

/// When a workflow begins by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRule {
    /// Five fields or a word like `@daily`.
    pub cron: String,
    /// IANA time zone.
    pub timezone: String,
    /// Which missed runs are made good.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// What happens when a run is due while one runs.
    #[serde(default)]
    pub overlap: Overlap,
    /// Longest delay by chance, milliseconds.
    #[serde(default)]
    pub jitter_ms: u64,
    /// First day, `2026-11-22`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Last day, which is included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Who is told how its runs end.
    #[serde(default, skip_serializing_if = "Notify::is_nobody")]
    pub notify: Notify,
}

/// Body of `POST /v1/schedules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedules {
    /// The document.
    pub workflow: WorkflowSource,
    /// Values of its inputs, as typed; those a schedule of the document gives win.
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
    /// Instead of the schedules the document writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<ScheduleRule>,
    /// Instead of whom the document tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// What the schedule is called; the workflow's name when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Runs the document as it is now, whatever becomes of its file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Failed runs in a row after which it pauses; 0 for never.
    #[serde(default = "pause_after")]
    pub pause_after: u32,
}

/// Three in a row are no accident.
const fn pause_after() -> u32 {
    3
}

/// Where a schedule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// It begins runs.
    Active,
    /// It waits for someone.
    Paused,
    /// Its last day is over.
    Ended,
}

impl ScheduleState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// A schedule as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Schedule {
    /// `sch_` and a UUIDv7.
    pub id: String,
    /// What people call it; unique.
    pub name: String,
    /// The name of its workflow.
    pub workflow: String,
    /// Absolute path of the document, if it has one.
    #[serde(default)]
    pub path: Option<String>,
    /// When it begins runs.
    pub rule: ScheduleRule,
    /// Where it stands.
    pub state: ScheduleState,
    /// Why it is paused; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Values of inputs for its runs, as typed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Whether it runs the document as it was when it was made.
    pub pinned: bool,
    /// Failed runs in a row after which it pauses; 0 for never.
    pub pause_after: u32,
    /// Failed runs in a row.
    pub failures: u32,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
    /// Its next time, if it has one.
    #[serde(default)]
    pub next: Option<ScheduledTime>,
    /// Its newest run.
    #[serde(default)]
    pub last: Option<ScheduleRun>,
}

/// A time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScheduledTime {
    /// RFC 3339 UTC.
    pub at: String,
    /// The same on the wall of its zone, with the offset.
    pub local: String,
    /// What clocks do on that day, minutes forward (positive) or back; absent on all other days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_change: Option<i64>,
}

/// Why there is a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Its time came.
    Scheduled,
    /// Its time had passed while nobody could begin it.
    CatchUp,
    /// Somebody asked for a time of the past.
    Backfill,
    /// Somebody asked for one now.
    Manual,
}

impl RunKind {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::CatchUp => "catch_up",
            Self::Backfill => "backfill",
            Self::Manual => "manual",
        }
    }
}

/// What became of a time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleRunState {
    /// It begins at `starts_at`.
    Due,
    /// It begins when the run before it has ended.
    Waiting,
    /// It is a job; `job_state` says how that stands.
    Started,
    /// It was left out; `reason` says why.
    Skipped,
    /// Nobody could begin it when it was due, and it is not made good.
    Missed,
    /// It could not become a job.
    Failed,
}

impl ScheduleRunState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Failed => "failed",
        }
    }
}

/// A time of a schedule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScheduleRun {
    /// The time, RFC 3339 UTC: there is one run for it, ever.
    pub due_at: String,
    /// The same on the wall of the schedule's zone.
    pub local: String,
    /// Why there is a run.
    pub kind: RunKind,
    /// What became of it.
    pub state: ScheduleRunState,
    /// When it begins: its time and the delay by chance, RFC 3339 UTC.
    pub starts_at: String,
    /// Why it was left out or could not begin; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
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

/// Schedules, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScheduleList {
    /// All of them.
    pub items: Vec<Schedule>,
}

/// Runs of a schedule, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScheduleRunList {
    /// This page.
    pub items: Vec<ScheduleRun>,
    /// Where the next page begins; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Times of a schedule, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScheduledTimes {
    /// The times.
    pub items: Vec<ScheduledTime>,
}

/// Body of `POST /v1/schedules/{id}/pause`, and of the same of watches; may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PauseSchedule {
    /// Why, for those who look later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Body of `POST /v1/schedules/{id}/backfill`: the times of these days on the schedule's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// First day, `2026-11-01`.
    pub from: String,
    /// Last day, which is included.
    pub to: String,
    /// Only says which times they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Also times that had a run that failed, was skipped or missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Client {
    /// Makes the schedules of a document, or one of its own rule. Those that were made from the same document before are
    /// brought up to date.
    pub async fn create_schedules(
        &self,
        new: &CreateSchedules,
    ) -> Result<ScheduleList, ClientError> {
        self.call(Call::post(&["v1", "schedules"], Repeat::Safe).body(new))
            .await
    }

    /// All schedules, by name.
    pub async fn schedules(&self) -> Result<ScheduleList, ClientError> {
        self.call(Call::get(&["v1", "schedules"])).await
    }

    /// One schedule: id, unique beginning of one, or name.
    pub async fn schedule(&self, id: &str) -> Result<Schedule, ClientError> {
        self.call(Call::get(&["v1", "schedules", id])).await
    }

    /// Forgets a schedule. Its jobs stay.
    pub async fn remove_schedule(&self, id: &str) -> Result<Schedule, ClientError> {
        self.call(Call::delete(&["v1", "schedules", id])).await
    }

    /// The next times of a schedule.
    pub async fn schedule_next(&self, id: &str, count: u32) -> Result<ScheduledTimes, ClientError> {
        let path = ["v1", "schedules", id, "next"];
        let call = Call::get(&path);
        self.call(call.query("count", Some(count.to_string())))
            .await
    }

    /// The newest runs of a schedule, so many at most.
    pub async fn schedule_runs(
        &self,
        id: &str,
        most: u32,
    ) -> Result<Vec<ScheduleRun>, ClientError> {
        let path = ["v1", "schedules", id, "runs"];
        all(most, async |limit, cursor| {
            let page: ScheduleRunList = self.call(Call::page(&path, limit, cursor)).await?;
            Ok((page.items, page.next_cursor))
        })
        .await
    }

    /// Begins no more runs until it is resumed.
    pub async fn pause_schedule(
        &self,
        id: &str,
        why: &PauseSchedule,
    ) -> Result<Schedule, ClientError> {
        let path = ["v1", "schedules", id, "pause"];
        self.call(Call::post(&path, Repeat::Safe).body(why)).await
    }

    /// Begins runs again; what was due while it was paused is not made good.
    pub async fn resume_schedule(&self, id: &str) -> Result<Schedule, ClientError> {
        self.call(Call::post(&["v1", "schedules", id, "resume"], Repeat::Safe))
            .await
    }

    /// Begins a run now, beside whatever runs.
    pub async fn trigger_schedule(&self, id: &str) -> Result<ScheduleRun, ClientError> {
        let path = ["v1", "schedules", id, "trigger"];
        self.call(Call::post(&path, Repeat::Unsent)).await
    }

    /// Begins runs for times of the past, one after another.
    pub async fn backfill_schedule(
        &self,
        id: &str,
        days: &Backfill,
    ) -> Result<ScheduledTimes, ClientError> {
        let path = ["v1", "schedules", id, "backfill"];
        self.call(Call::post(&path, Repeat::Safe).body(days)).await
    }
}
