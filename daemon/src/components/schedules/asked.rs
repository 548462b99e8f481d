//! What people ask of schedules: make them, look, pause, trigger, fill in.

use std::collections::HashMap;
use std::path::Path;

use fenta_client::api::jobs::CreateJob;
use fenta_client::api::schedules::{
    Backfill, CreateSchedules, Notify, RunKind, Schedule, ScheduleRule, ScheduleRun,
    ScheduleRunState, ScheduleState, ScheduledTime,
};
use fenta_workflows::cron::{ClockChange, CronTimes, NoTimes};
use fenta_workflows::{InputType, Workflow};
use jiff::{SignedDuration, Timestamp};

use super::{Schedules, due, merged};
use crate::clock::timestamp_text;
use crate::runner::SubmitError;
use crate::store::{
    JobEnd, NewSchedule, NewScheduleRun, ScheduleRecord, ScheduleRunRecord, StoreError,
};

/// Times that one backfill may begin: more would be a slip.
const MOST_BACKFILLED: usize = 1000;

/// Times shown at once, at most.
const MOST_SHOWN: u32 = 1000;

/// Why something that was asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The document or its values do not make a job.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The rule names no times.
    #[error(transparent)]
    Rule(#[from] NoTimes),
    /// There is nothing to be done.
    #[error("{message}")]
    Nothing {
        /// What is missing or too much.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn nothing(message: impl Into<String>, hint: impl Into<String>) -> ScheduleError {
    ScheduleError::Nothing {
        message: message.into(),
        hint: hint.into(),
    }
}

impl Schedules {
    /// Makes the schedules a document writes, or one of a rule of its own.
    ///
    /// # Errors
    /// What is wrong with the document, its values or the rule; that there is no schedule.
    pub async fn create(&self, new: CreateSchedules) -> Result<Vec<Schedule>, ScheduleError> {
        let (document, wanted) = wanted(new)?;
        for one in &wanted {
            // Whatever would keep its runs from beginning is said now, and what would keep people from hearing of them.
            self.runner.check(one.request.clone()).await?;
            if let Some((message, hint)) = self.notices.complaint(&one.rule.notify).await {
                return Err(ScheduleError::Nothing { message, hint });
            }
        }
        let ids = self.store.put_schedules(document, wanted).await?;
        self.wake.notify_one();
        let mut schedules = Vec::new();
        for id in ids {
            schedules.push(self.show(&id).await?);
        }
        Ok(schedules)
    }

    /// All of them, by name.
    pub async fn list(&self) -> Result<Vec<Schedule>, StoreError> {
        let mut schedules = Vec::new();
        for record in self.store.schedules().await? {
            schedules.push(self.shown(record).await?);
        }
        Ok(schedules)
    }

    /// One of them: id, unique beginning of one, or name.
    pub async fn show(&self, given: &str) -> Result<Schedule, StoreError> {
        let record = self.store.schedule(given).await?;
        self.shown(record).await
    }

    /// Forgets one; its jobs stay.
    pub async fn remove(&self, given: &str) -> Result<Schedule, StoreError> {
        let schedule = self.show(given).await?;
        self.store.remove_schedule(&schedule.id).await?;
        self.wake.notify_one();
        Ok(schedule)
    }

    /// Begins no more of its runs.
    pub async fn pause(&self, given: &str, why: &str) -> Result<Schedule, StoreError> {
        let record = self.store.schedule(given).await?;
        if record.state == ScheduleState::Active {
            let why = if why.is_empty() { "by hand" } else { why };
            self.store
                .set_schedule(&record.id, ScheduleState::Paused, why, None)
                .await?;
            self.wake.notify_one();
        }
        self.show(&record.id).await
    }

    /// Begins its runs again, from now on.
    pub async fn resume(&self, given: &str) -> Result<Schedule, StoreError> {
        let record = self.store.schedule(given).await?;
        if record.state == ScheduleState::Paused {
            let now = self.clock.now();
            self.store
                .set_schedule(&record.id, ScheduleState::Active, "", Some(now))
                .await?;
            self.wake.notify_one();
        }
        self.show(&record.id).await
    }

    /// Begins a run now.
    pub async fn trigger(&self, given: &str) -> Result<ScheduleRun, StoreError> {
        let record = self.store.schedule(given).await?;
        let now = self.clock.now();
        let mut at = now;
        loop {
            let run = NewScheduleRun {
                due_at: at,
                kind: RunKind::Manual,
                state: ScheduleRunState::Due,
                starts_at: now,
                reason: String::new(),
            };
            if self.store.decide_runs(&record.id, None, vec![run]).await? == 1 {
                break;
            }
            at += SignedDuration::from_millis(1);
        }
        // Begun here, so that whoever asked hears of the job or of what is wrong.
        self.look_again(&record.id).await?;
        let due = timestamp_text(at);
        let runs = self.runs(&record.id, 50, None).await?;
        runs.into_iter()
            .find(|run| run.due_at == due)
            .ok_or(StoreError::UnknownSchedule(record.id))
    }

    async fn look_again(&self, id: &str) -> Result<(), StoreError> {
        let record = self.store.schedule(id).await?;
        self.look_at(&record, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Its next times.
    pub async fn next(&self, given: &str, count: u32) -> Result<Vec<ScheduledTime>, ScheduleError> {
        let record = self.store.schedule(given).await?;
        let rule = &record.new.rule;
        let times = CronTimes::new(&rule.cron, &rule.timezone)?;
        let mut at = self.clock.now();
        let mut found = Vec::new();
        for _ in 0..count.min(MOST_SHOWN) {
            let Some(next) = due::next(rule, &times, at) else {
                break;
            };
            found.push(time(&times, next));
            at = next;
        }
        Ok(found)
    }

    /// Its newest runs, of those before a time where one is given.
    pub async fn runs(
        &self,
        given: &str,
        limit: u32,
        before: Option<Timestamp>,
    ) -> Result<Vec<ScheduleRun>, StoreError> {
        let record = self.store.schedule(given).await?;
        let rule = &record.new.rule;
        let times = CronTimes::new(&rule.cron, &rule.timezone).ok();
        let runs = self.store.schedule_runs(&record.id, limit, before).await?;
        let jobs = runs.iter().filter_map(|run| run.job.clone()).collect();
        let ends = self.store.job_ends(jobs).await?;
        let shown = |run| shown_run(run, times.as_ref(), &ends);
        Ok(runs.into_iter().map(shown).collect())
    }

    /// Begins runs for the times of past days, one after another; gives the times.
    pub async fn backfill(
        &self,
        given: &str,
        days: &Backfill,
    ) -> Result<Vec<ScheduledTime>, ScheduleError> {
        let record = self.store.schedule(given).await?;
        let rule = &record.new.rule;
        let times = CronTimes::new(&rule.cron, &rule.timezone)?;
        let wanted = self.past_times(&record, &times, days).await?;
        if !days.dry_run {
            let runs = wanted.iter().map(|at| NewScheduleRun {
                due_at: *at,
                kind: RunKind::Backfill,
                state: ScheduleRunState::Due,
                starts_at: *at,
                reason: String::new(),
            });
            let runs = runs.collect();
            if days.again {
                self.store.forget_runs(&record.id, wanted.clone()).await?;
            }
            self.store.decide_runs(&record.id, None, runs).await?;
            self.wake.notify_one();
        }
        Ok(wanted.into_iter().map(|at| time(&times, at)).collect())
    }

    async fn past_times(
        &self,
        record: &ScheduleRecord,
        times: &CronTimes,
        days: &Backfill,
    ) -> Result<Vec<Timestamp>, ScheduleError> {
        let bad_day = |day: &str| {
            nothing(
                format!("`{day}` is not a day"),
                "write a day like 2026-11-22",
            )
        };
        let first = times
            .start_of(&days.from)
            .ok_or_else(|| bad_day(&days.from))?;
        let end = times.end_of(&days.to).ok_or_else(|| bad_day(&days.to))?;
        if first >= end {
            let message = format!(
                "the days end on {} before they begin on {}",
                days.to, days.from
            );
            return Err(nothing(message, "swap the two days"));
        }
        let end = end.min(self.clock.now());
        let known = self.store.schedule_runs(&record.id, u32::MAX, None).await?;
        let stands = |at: Timestamp| {
            known
                .iter()
                .any(|run| run.new.due_at == at && !(days.again && may_come_again(run)))
        };
        let mut found = Vec::new();
        let mut at = first - SignedDuration::from_nanos(1);
        while let Some(next) = times.next_after(at).filter(|next| *next < end) {
            if !stands(next) {
                found.push(next);
            }
            if found.len() > MOST_BACKFILLED {
                let message = format!("these days have more than {MOST_BACKFILLED} times");
                return Err(nothing(message, "fill in fewer days at a time"));
            }
            at = next;
        }
        Ok(found)
    }

    async fn shown(&self, record: ScheduleRecord) -> Result<Schedule, StoreError> {
        let rule = &record.new.rule;
        let times = CronTimes::new(&rule.cron, &rule.timezone).ok();
        let next = times
            .as_ref()
            .filter(|_| record.state == ScheduleState::Active)
            .and_then(|times| {
                let next = due::next(rule, times, self.clock.now())?;
                Some(time(times, next))
            });
        let last = self.runs(&record.id, 1, None).await?.pop();
        Ok(Schedule {
            id: record.id,
            name: record.new.name,
            workflow: record.new.workflow,
            path: record.new.request.workflow.path,
            rule: record.new.rule,
            state: record.state,
            reason: record.reason,
            params: record.new.request.params,
            pinned: record.new.pinned,
            pause_after: record.new.pause_after,
            failures: record.failures,
            created_at: record.created_at,
            next,
            last,
        })
    }
}

fn shown_run(
    record: ScheduleRunRecord,
    times: Option<&CronTimes>,
    ends: &HashMap<String, JobEnd>,
) -> ScheduleRun {
    let end = record.job.as_ref().and_then(|job| ends.get(job));
    ScheduleRun {
        due_at: timestamp_text(record.new.due_at),
        local: times.map_or_else(String::new, |times| local(times, record.new.due_at)),
        kind: record.new.kind,
        state: record.new.state,
        starts_at: timestamp_text(record.new.starts_at),
        reason: match record.job_error {
            Some(error) if record.new.reason.is_empty() => error,
            _ => record.new.reason,
        },
        usd: end.map(|end| end.usd.clone()),
        outputs: end.map(|end| end.outputs.clone()).unwrap_or_default(),
        job: record.job,
        job_state: record.job_state,
    }
}

/// Whether a time that had a run may have another one.
fn may_come_again(run: &ScheduleRunRecord) -> bool {
    use fenta_client::api::jobs::JobState;
    match run.new.state {
        ScheduleRunState::Skipped | ScheduleRunState::Missed | ScheduleRunState::Failed => true,
        ScheduleRunState::Started => matches!(
            run.job_state,
            None | Some(JobState::Failed | JobState::Cancelled)
        ),
        ScheduleRunState::Due | ScheduleRunState::Waiting => false,
    }
}

fn time(times: &CronTimes, at: Timestamp) -> ScheduledTime {
    ScheduledTime {
        at: timestamp_text(at),
        local: local(times, at),
        clock_change: times.clock_change(at).map(|change| match change {
            ClockChange::Forward(minutes) => minutes,
            ClockChange::Back(minutes) => -minutes,
        }),
    }
}

/// The time on the wall: `2026-11-23T07:00+01:00`.
fn local(times: &CronTimes, at: Timestamp) -> String {
    at.to_zoned(times.zone().clone())
        .strftime("%Y-%m-%dT%H:%M%:z")
        .to_string()
}

/// The schedules a request asks for, and what the sources of those of its document begin with.
fn wanted(new: CreateSchedules) -> Result<(Option<String>, Vec<NewSchedule>), ScheduleError> {
    let request = CreateJob {
        workflow: new.workflow.clone(),
        params: new.params.clone(),
        caller_dir: new.caller_dir.clone(),
        out_dir: new.out_dir.clone(),
        options: new.options.clone(),
    };
    let workflow = crate::runner::compiled(&request).map_err(SubmitError::Document)?;
    let name = new.name.clone().unwrap_or_else(|| workflow.name.clone());
    let one = |rule: ScheduleRule, request: CreateJob, source: String, enabled: bool| {
        CronTimes::new(&rule.cron, &rule.timezone)?;
        Ok::<_, ScheduleError>(NewSchedule {
            name: name.clone(),
            workflow: workflow.name.clone(),
            source,
            pinned: new.pinned || request.workflow.path.is_none(),
            request,
            rule,
            enabled,
            pause_after: new.pause_after,
        })
    };
    let told = |notify: &Notify| new.notify.clone().unwrap_or_else(|| notify.clone());
    if let Some(mut rule) = new.rule.clone() {
        rule.notify = told(&rule.notify);
        return Ok((None, vec![one(rule, request, String::new(), true)?]));
    }
    let written = &workflow.settings().schedules;
    if written.is_empty() {
        return Err(nothing(
            format!("{} writes no schedule", new.workflow.name),
            "give it one: `--cron \"0 7 * * 1-5\" --timezone Europe/Berlin`, or `schedule:` in the document",
        ));
    }
    let document = new.workflow.path.as_ref().map(|path| format!("{path}#"));
    let mut wanted = Vec::new();
    for (index, schedule) in written.iter().enumerate() {
        let mut request = request.clone();
        request.params = merged(&new.params, typed(&workflow, schedule, &new.workflow.dir));
        let place = schedule.node.clone().unwrap_or_else(|| index.to_string());
        let source = document
            .as_ref()
            .map(|document| format!("{document}{place}"));
        let rule = ScheduleRule {
            cron: schedule.cron.clone(),
            timezone: schedule.timezone.clone(),
            catch_up: schedule.catch_up,
            overlap: schedule.overlap,
            jitter_ms: schedule.jitter_ms,
            start: schedule.start.clone(),
            end: schedule.end.clone(),
            notify: told(&schedule.notify),
        };
        wanted.push(one(
            rule,
            request,
            source.unwrap_or_default(),
            schedule.enabled,
        )?);
    }
    Ok((document, wanted))
}

/// The values a schedule of a document gives, as typed. Files are beside the document.
fn typed(
    workflow: &Workflow,
    schedule: &fenta_workflows::Schedule,
    dir: &str,
) -> Vec<(String, String)> {
    let value = |name: &String, value: &fenta_workflows::value::Value| {
        let spec = workflow.inputs().get(name)?;
        let text = spec.typed(value)?;
        let is_file = matches!(
            spec.input_type,
            InputType::File | InputType::Image | InputType::Video | InputType::Audio
        );
        let text = if is_file {
            Path::new(dir).join(text).to_string_lossy().into_owned()
        } else {
            text
        };
        Some((name.clone(), text))
    };
    schedule
        .inputs
        .iter()
        .filter_map(|(name, one)| value(name, one))
        .collect()
}
