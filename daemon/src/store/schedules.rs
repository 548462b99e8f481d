//! Schedules and what became of each of their times.
//!
//! The key of `schedule_runs` is the promise: one time of one schedule is decided once, whatever the clock or the daemon
//! does. What is decided is `components::schedules`' business.

use fenta_client::api::jobs::{CreateJob, JobState};
use fenta_client::api::schedules::{RunKind, ScheduleRule, ScheduleRunState, ScheduleState};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::named::{Named, Table};
use super::{Store, StoreError};
use crate::clock::timestamp_text;

/// Runs that are remembered of one schedule.
const REMEMBERED_RUNS: u32 = 5000;

const TABLE: Table = Table {
    name: "schedules",
    prefix: "sch_",
};

/// A schedule to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSchedule {
    /// What people call it.
    pub name: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The document and the place in it; empty for a rule of its own.
    pub source: String,
    /// What its runs ask for.
    pub request: CreateJob,
    /// Whether the document stays as it is in `request`.
    pub pinned: bool,
    /// When it begins runs.
    pub rule: ScheduleRule,
    /// Whether it begins runs from now on.
    pub enabled: bool,
    /// Failed runs in a row after which it pauses; 0 for never.
    pub pause_after: u32,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleRecord {
    /// `sch_` and a UUIDv7.
    pub id: String,
    /// As it was asked for.
    pub new: NewSchedule,
    /// Where it stands.
    pub state: ScheduleState,
    /// Why it is paused; may be empty.
    pub reason: String,
    /// Failed runs in a row.
    pub failures: u32,
    /// What became of all times up to then is settled.
    pub decided_until: Timestamp,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
}

/// A time that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewScheduleRun {
    /// The time.
    pub due_at: Timestamp,
    /// Why there is a run.
    pub kind: RunKind,
    /// What became of it at first.
    pub state: ScheduleRunState,
    /// When it begins.
    pub starts_at: Timestamp,
    /// Why it was left out; may be empty.
    pub reason: String,
}

/// A run, and how its job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRunRecord {
    /// As it was decided.
    pub new: NewScheduleRun,
    /// The job.
    pub job: Option<String>,
    /// The key it is submitted under: it is one job, however often that is tried.
    pub key: String,
    /// How it stands; none where it is not there any more.
    pub job_state: Option<JobState>,
    /// Why it failed.
    pub job_error: Option<String>,
}

/// What becomes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// It begins when those before it have ended.
    Wait,
    /// It is a job.
    Start(String),
    /// It is left out.
    Skip(String),
    /// It could not become a job.
    Fail(String),
}

impl Store {
    /// Keeps schedules; those from the same source are brought up to date and keep their id and their runs. Schedules of
    /// the same document (`document` is the beginning of their sources) that it no longer has are removed.
    pub async fn put_schedules(
        &self,
        document: Option<String>,
        new: Vec<NewSchedule>,
    ) -> Result<Vec<String>, StoreError> {
        let now = self.clock.now_text();
        let new: Vec<(String, NewSchedule)> = new
            .into_iter()
            .map(|one| (self.clock.fresh_id("sch_"), one))
            .collect();
        self.threads
            .write(move |connection| put(connection, document.as_deref(), &new, &now))
            .await
    }

    /// All schedules, by name.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT * FROM schedules ORDER BY name")?;
                let rows = statement.query_map([], stored)?;
                rows.map(|row| row?.read()).collect()
            })
            .await
    }

    /// One of them: id, unique beginning of one (with or without `sch_`), or name.
    pub async fn schedule(&self, given: &str) -> Result<ScheduleRecord, StoreError> {
        let given = given.to_owned();
        self.threads
            .read(move |connection| find(connection, &given))
            .await
    }

    /// Forgets a schedule and its runs; its jobs stay.
    pub async fn remove_schedule(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| remove(connection, &id))
            .await
    }

    /// Moves a schedule; times up to `decided_until` are settled, if it says so.
    pub async fn set_schedule(
        &self,
        id: &str,
        state: ScheduleState,
        reason: &str,
        decided_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        let until = decided_until.map(timestamp_text);
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE schedules SET state = ?2, reason = ?3, decided_until = coalesce(?4, decided_until),
                                failures = CASE WHEN ?2 = 'active' THEN 0 ELSE failures END
                         WHERE id = ?1",
                    )?
                    .execute(params![id, state.as_str(), reason, until])?;
                Ok(())
            })
            .await
    }

    /// Writes down what becomes of times, and that all up to `until` are settled. A time that was decided before stays as
    /// it is. Gives how many are new.
    pub async fn decide_runs(
        &self,
        id: &str,
        until: Option<Timestamp>,
        runs: Vec<NewScheduleRun>,
    ) -> Result<usize, StoreError> {
        let id = id.to_owned();
        let until = until.map(timestamp_text);
        let runs: Vec<(String, NewScheduleRun)> = runs
            .into_iter()
            .map(|run| (self.clock.fresh_id("run_"), run))
            .collect();
        self.threads
            .write(move |connection| decide(connection, &id, until.as_deref(), &runs))
            .await
    }

    /// Forgets what became of times, so that they can be decided anew.
    pub async fn forget_runs(&self, id: &str, times: Vec<Timestamp>) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| {
                let mut one = connection.prepare_cached(
                    "DELETE FROM schedule_runs WHERE schedule = ?1 AND due_at = ?2",
                )?;
                for at in times {
                    one.execute(params![id, timestamp_text(at)])?;
                }
                Ok(())
            })
            .await
    }

    /// Takes the next step with a run.
    pub async fn step_run(
        &self,
        id: &str,
        due_at: Timestamp,
        step: RunStep,
    ) -> Result<(), StoreError> {
        let (id, due) = (id.to_owned(), timestamp_text(due_at));
        self.threads
            .write(move |connection| {
                let (state, reason, job) = match step {
                    RunStep::Wait => (ScheduleRunState::Waiting, String::new(), None),
                    RunStep::Start(job) => (ScheduleRunState::Started, String::new(), Some(job)),
                    RunStep::Skip(reason) => (ScheduleRunState::Skipped, reason, None),
                    RunStep::Fail(reason) => (ScheduleRunState::Failed, reason, None),
                };
                // What is left out has no end to tell of.
                let counted = state == ScheduleRunState::Skipped;
                connection
                    .prepare_cached(
                        "UPDATE schedule_runs SET state = ?3, reason = ?4, job = ?5, counted = ?6
                         WHERE schedule = ?1 AND due_at = ?2",
                    )?
                    .execute(params![id, due, state.as_str(), reason, job, counted])?;
                Ok(())
            })
            .await
    }

    /// Tells a schedule how its runs ended: those are counted now, and so many failed in a row.
    pub async fn count_runs(
        &self,
        id: &str,
        counted: Vec<Timestamp>,
        failures: u32,
    ) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| {
                let mut one = connection.prepare_cached(
                    "UPDATE schedule_runs SET counted = 1 WHERE schedule = ?1 AND due_at = ?2",
                )?;
                for due_at in counted {
                    one.execute(params![id, timestamp_text(due_at)])?;
                }
                connection
                    .prepare_cached("UPDATE schedules SET failures = ?2 WHERE id = ?1")?
                    .execute(params![id, failures])?;
                Ok(())
            })
            .await
    }

    /// Runs that are not at their end, or whose end was not told to the schedule yet; oldest first.
    pub async fn open_runs(&self, id: &str) -> Result<Vec<ScheduleRunRecord>, StoreError> {
        self.runs(
            "r.counted = 0 AND ?3 IS NULL ORDER BY r.due_at",
            id,
            u32::MAX,
            None,
        )
        .await
    }

    /// The newest runs, of those before a time where one is given.
    pub async fn schedule_runs(
        &self,
        id: &str,
        limit: u32,
        before: Option<Timestamp>,
    ) -> Result<Vec<ScheduleRunRecord>, StoreError> {
        let before = before.map(timestamp_text);
        self.runs(
            "r.due_at < coalesce(?3, '9999') ORDER BY r.due_at DESC",
            id,
            limit,
            before,
        )
        .await
    }

    async fn runs(
        &self,
        which: &'static str,
        id: &str,
        limit: u32,
        before: Option<String>,
    ) -> Result<Vec<ScheduleRunRecord>, StoreError> {
        let id = id.to_owned();
        self.threads
            .read(move |connection| {
                let sql = format!(
                    "SELECT r.*, j.state AS job_state, j.error AS job_error
                     FROM schedule_runs r LEFT JOIN jobs j ON j.id = r.job
                     WHERE r.schedule = ?1 AND {which} LIMIT ?2"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![id, limit, before], stored_run)?;
                rows.map(|row| row?.read()).collect()
            })
            .await
    }
}

fn put(
    connection: &Connection,
    document: Option<&str>,
    new: &[(String, NewSchedule)],
    now: &str,
) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    for (fresh, one) in new {
        ids.push(put_one(connection, fresh, one, now)?);
    }
    if let Some(document) = document {
        let mut statement = connection
            .prepare_cached("SELECT id FROM schedules WHERE substr(source, 1, length(?1)) = ?1")?;
        let known: Vec<String> = statement
            .query_map([document], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for gone in known.iter().filter(|id| !ids.contains(id)) {
            remove(connection, gone)?;
        }
    }
    Ok(ids)
}

fn put_one(
    connection: &Connection,
    fresh: &str,
    new: &NewSchedule,
    now: &str,
) -> Result<String, StoreError> {
    let bad = |error| StoreError::row("schedules", error);
    let request = serde_json::to_string(&new.request).map_err(bad)?;
    let rule = serde_json::to_string(&new.rule).map_err(bad)?;
    let known: Option<(String, String)> = connection
        .prepare_cached("SELECT id, rule FROM schedules WHERE source = ?1 AND source <> ''")?
        .query_row([&new.source], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let state = if new.enabled { "active" } else { "paused" };
    let reason = if new.enabled {
        ""
    } else {
        "the document says `enabled: false`"
    };
    let name = TABLE.free_name(
        connection,
        &new.name,
        known.as_ref().map(|(id, _)| id.as_str()),
    )?;
    let Some((id, old_rule)) = known else {
        connection
            .prepare_cached(
                "INSERT INTO schedules (id, name, workflow, source, request, pinned, rule, state, reason, pause_after,
                                        decided_until, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
            )?
            .execute(params![
                fresh, name, new.workflow, new.source, request, new.pinned, rule, state, reason,
                new.pause_after, now
            ])?;
        return Ok(fresh.to_owned());
    };
    // Other times begin now: nothing of the past is due by them.
    let until = if old_rule == rule { None } else { Some(now) };
    connection
        .prepare_cached(
            "UPDATE schedules SET name = ?2, workflow = ?3, request = ?4, pinned = ?5, rule = ?6, state = ?7, reason = ?8,
                    pause_after = ?9, decided_until = coalesce(?10, decided_until)
             WHERE id = ?1",
        )?
        .execute(params![
            id, name, new.workflow, request, new.pinned, rule, state, reason, new.pause_after, until
        ])?;
    Ok(id)
}

fn remove(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM schedule_runs WHERE schedule = ?1")?
        .execute([id])?;
    connection
        .prepare_cached("DELETE FROM schedules WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

fn decide(
    connection: &Connection,
    id: &str,
    until: Option<&str>,
    runs: &[(String, NewScheduleRun)],
) -> Result<usize, StoreError> {
    let mut new = 0;
    let mut one = connection.prepare_cached(
        "INSERT OR IGNORE INTO schedule_runs (schedule, due_at, kind, state, starts_at, reason, counted, key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (key, run) in runs {
        let is_over = matches!(
            run.state,
            ScheduleRunState::Skipped | ScheduleRunState::Missed
        );
        new += one.execute(params![
            id,
            timestamp_text(run.due_at),
            run.kind.as_str(),
            run.state.as_str(),
            timestamp_text(run.starts_at),
            run.reason,
            is_over,
            key,
        ])?;
    }
    if let Some(until) = until {
        connection
            .prepare_cached("UPDATE schedules SET decided_until = ?2 WHERE id = ?1")?
            .execute(params![id, until])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM schedule_runs WHERE schedule = ?1 AND counted = 1 AND due_at <
             (SELECT due_at FROM schedule_runs WHERE schedule = ?1 ORDER BY due_at DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![id, REMEMBERED_RUNS])?;
    Ok(new)
}

fn find(connection: &Connection, given: &str) -> Result<ScheduleRecord, StoreError> {
    let given = || given.to_owned();
    match TABLE.find(connection, &given())? {
        Named::One(id) => connection
            .prepare_cached("SELECT * FROM schedules WHERE id = ?1")?
            .query_row([id], stored)?
            .read(),
        Named::Nothing => Err(StoreError::UnknownSchedule(given())),
        Named::Several(count) => Err(StoreError::AmbiguousSchedule {
            given: given(),
            count,
        }),
    }
}

/// A row of schedules before its texts are read.
struct Stored {
    id: String,
    name: String,
    workflow: String,
    source: String,
    request: String,
    pinned: bool,
    rule: String,
    state: String,
    reason: String,
    pause_after: u32,
    failures: u32,
    decided_until: String,
    created_at: String,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        name: row.get("name")?,
        workflow: row.get("workflow")?,
        source: row.get("source")?,
        request: row.get("request")?,
        pinned: row.get("pinned")?,
        rule: row.get("rule")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        pause_after: row.get("pause_after")?,
        failures: row.get("failures")?,
        decided_until: row.get("decided_until")?,
        created_at: row.get("created_at")?,
    })
}

impl Stored {
    fn read(self) -> Result<ScheduleRecord, StoreError> {
        let bad = |error: serde_json::Error| StoreError::row("schedules", error);
        let state = match self.state.as_str() {
            "active" => ScheduleState::Active,
            "paused" => ScheduleState::Paused,
            _ => ScheduleState::Ended,
        };
        Ok(ScheduleRecord {
            id: self.id,
            new: NewSchedule {
                name: self.name,
                workflow: self.workflow,
                source: self.source,
                request: serde_json::from_str(&self.request).map_err(bad)?,
                pinned: self.pinned,
                rule: serde_json::from_str(&self.rule).map_err(bad)?,
                enabled: state == ScheduleState::Active,
                pause_after: self.pause_after,
            },
            state,
            reason: self.reason,
            failures: self.failures,
            decided_until: time("schedules", &self.decided_until)?,
            created_at: self.created_at,
        })
    }
}

/// A row of runs before its texts are read.
struct StoredRun {
    due_at: String,
    kind: String,
    state: String,
    starts_at: String,
    reason: String,
    job: Option<String>,
    key: String,
    job_state: Option<String>,
    job_error: Option<String>,
}

fn stored_run(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    Ok(StoredRun {
        due_at: row.get("due_at")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        starts_at: row.get("starts_at")?,
        reason: row.get("reason")?,
        job: row.get("job")?,
        key: row.get("key")?,
        job_state: row.get("job_state")?,
        job_error: row.get("job_error")?,
    })
}

impl StoredRun {
    fn read(self) -> Result<ScheduleRunRecord, StoreError> {
        let word = |text: &str| serde_json::Value::String(text.to_owned());
        let bad = |error: serde_json::Error| StoreError::row("schedule_runs", error);
        let error = self
            .job_error
            .and_then(|json| serde_json::from_str::<fenta_client::api::jobs::JobError>(&json).ok());
        Ok(ScheduleRunRecord {
            new: NewScheduleRun {
                due_at: time("schedule_runs", &self.due_at)?,
                kind: serde_json::from_value(word(&self.kind)).map_err(bad)?,
                state: serde_json::from_value(word(&self.state)).map_err(bad)?,
                starts_at: time("schedule_runs", &self.starts_at)?,
                reason: self.reason,
            },
            job: self.job,
            key: self.key,
            job_state: self
                .job_state
                .map(|state| serde_json::from_value(word(&state)).map_err(bad))
                .transpose()?,
            job_error: error.map(|error| error.message),
        })
    }
}

fn time(table: &'static str, text: &str) -> Result<Timestamp, StoreError> {
    text.parse()
        .map_err(|error: jiff::Error| StoreError::row(table, error))
}
