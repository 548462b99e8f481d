//! Schedules: begins workflows by the clock.
//!
//! `due` says which times are to be decided and how, `turn` whether a run may begin while others go on, `asked` does what
//! people ask for. One task looks at the clock at least every few seconds, so a machine that slept or a clock that was
//! set is noticed by the next look; what it decides is on disk before anything begins, and a run is submitted under a key
//! of its own, so a crash in between begins no second job.

mod asked;
mod due;
mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::jobs::{CreateJob, JobState};
use fenta_client::api::schedules::{NotifyOn, RunKind, ScheduleRunState, ScheduleState};
use fenta_workflows::cron::CronTimes;
use fenta_workflows::digest::blob_digest;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use asked::ScheduleError;

use super::notices::{News, Notices};
use super::{Ground, Standing, told, with_document_of_now};
use crate::clock::{Clock, timestamp_text};
use crate::runner::{Runner, SubmitError};
use crate::store::{
    Accepted, Replay, RunStep, ScheduleRecord, ScheduleRunRecord, Store, StoreError,
};
use turn::Turn;

/// Between two looks when nothing is near.
const LOOK: Duration = Duration::from_secs(10);

/// Between two looks while runs go on or wait.
const CLOSE_LOOK: Duration = Duration::from_secs(1);

/// A clock that says it is earlier than what was decided by more than this was set back.
const SET_BACK: SignedDuration = SignedDuration::from_secs(60);

/// Who begins workflows by the clock. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schedules {
    store: Store,
    runner: Runner,
    clock: Arc<dyn Clock>,
    notices: Notices,
    /// Something was asked for: look now.
    wake: Arc<Notify>,
    /// Stands while any schedule is active.
    standing: Standing,
}

impl Schedules {
    /// Who begins them, not yet at work.
    pub fn new(ground: Ground) -> Self {
        Self {
            store: ground.store,
            runner: ground.runner,
            clock: ground.clock,
            notices: ground.notices,
            wake: Arc::default(),
            standing: Standing::new(ground.activity),
        }
    }

    /// Begins workflows until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        loop {
            let looked = tokio::select! {
                () = shutdown.cancelled() => return,
                looked = self.look() => looked,
            };
            let pause = looked.unwrap_or_else(|error| {
                tracing::warn!(%error, "the schedules could not be looked at");
                LOOK
            });
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One look at the clock and at every schedule; gives how long until the next.
    async fn look(&self) -> Result<Duration, StoreError> {
        let now = self.clock.now();
        let mut pause = LOOK;
        let mut active = false;
        for schedule in self.store.schedules().await? {
            let next = match self.look_at(&schedule, now).await {
                Ok(next) => next,
                // The others need not suffer from one that cannot be read.
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    tracing::warn!(schedule = schedule.id, %error, "a schedule could not be looked at");
                    None
                }
            };
            active |= schedule.state == ScheduleState::Active;
            if let Some(next) = next {
                pause = pause.min(next);
            }
        }
        self.standing.stand(active);
        Ok(pause)
    }

    /// Decides what is due of one schedule, begins what may, and tells it how its runs ended.
    async fn look_at(
        &self,
        schedule: &ScheduleRecord,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let rule = &schedule.new.rule;
        let Ok(times) = CronTimes::new(&rule.cron, &rule.timezone) else {
            return Ok(None);
        };
        if schedule.state == ScheduleState::Active {
            self.decide(schedule, &times, now).await?;
        }
        let busy = self.advance(schedule, &times, now).await?;
        if busy {
            return Ok(Some(CLOSE_LOOK));
        }
        if schedule.state != ScheduleState::Active {
            return Ok(None);
        }
        Ok(due::next(rule, &times, now).map(|next| {
            let left = next.duration_since(self.clock.now());
            Duration::try_from(left).unwrap_or(Duration::ZERO)
        }))
    }

    async fn decide(
        &self,
        schedule: &ScheduleRecord,
        times: &CronTimes,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, rule) = (&schedule.id, &schedule.new.rule);
        let until = schedule.decided_until;
        if until.duration_since(now) > SET_BACK {
            // Times that were decided stay decided: their rows are there.
            tracing::warn!(schedule = id, %until, %now, "the clock was set back");
            self.store.decide_runs(id, Some(now), Vec::new()).await?;
            return Ok(());
        }
        let runs = due::decide(id, rule, times, until, now);
        if !runs.is_empty() {
            self.store.decide_runs(id, Some(now), runs).await?;
        }
        if due::next(rule, times, now).is_none() {
            self.store
                .set_schedule(id, ScheduleState::Ended, "its last time is over", Some(now))
                .await?;
        }
        Ok(())
    }

    /// Begins what may begin, and tells the schedule of the ends of its runs; whether there is more to come soon.
    async fn advance(
        &self,
        schedule: &ScheduleRecord,
        times: &CronTimes,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut open = self.store.open_runs(&schedule.id).await?;
        if open.is_empty() {
            return Ok(false);
        }
        let paused = self.count(schedule, &open).await?;
        open.retain(|run| may_move(run, paused));
        while let Some((run, turn)) = turn::next(&open, schedule.new.rule.overlap, now) {
            let run = run.clone();
            let Some(step) = self.step(schedule, times, &open, &run, turn).await? else {
                break;
            };
            self.store
                .step_run(&schedule.id, run.new.due_at, step)
                .await?;
            open = self.store.open_runs(&schedule.id).await?;
            open.retain(|run| may_move(run, paused));
        }
        Ok(!open.is_empty())
    }

    /// What becomes of a run; none where it has to be tried again.
    async fn step(
        &self,
        schedule: &ScheduleRecord,
        times: &CronTimes,
        open: &[ScheduleRunRecord],
        run: &ScheduleRunRecord,
        turn: Turn,
    ) -> Result<Option<RunStep>, StoreError> {
        if matches!(turn, Turn::CancelAndWait | Turn::CancelAndBegin) {
            for other in open.iter().filter(|other| turn::goes_on(other)) {
                if let Some(job) = &other.job {
                    self.runner.cancel(job).await?;
                }
            }
        }
        match turn {
            Turn::Skip(why) => Ok(Some(RunStep::Skip(why))),
            Turn::Wait | Turn::CancelAndWait => Ok(Some(RunStep::Wait)),
            Turn::Begin | Turn::CancelAndBegin => self.begin(schedule, times, run).await,
        }
    }

    /// Submits a run, under a key that makes it one job however often this is asked.
    async fn begin(
        &self,
        schedule: &ScheduleRecord,
        times: &CronTimes,
        run: &ScheduleRunRecord,
    ) -> Result<Option<RunStep>, StoreError> {
        let request = match request(schedule, times, run.new.due_at).await {
            Ok(request) => request,
            Err(why) => return Ok(Some(RunStep::Fail(why))),
        };
        let replay = Replay {
            key: run.key.clone(),
            fingerprint: blob_digest(schedule.id.as_bytes()).to_string(),
        };
        match self.runner.submit(request, Some(replay)).await {
            Ok(Accepted::New(job) | Accepted::Known(job)) => {
                tracing::info!(schedule = schedule.id, job, due = %run.new.due_at, "begun by the clock");
                Ok(Some(RunStep::Start(job)))
            }
            Ok(Accepted::KeyReused) => Ok(Some(RunStep::Fail(
                "its key was used for another job".to_owned(),
            ))),
            // The next daemon begins it, or this one a little later.
            Err(SubmitError::Draining) => Ok(None),
            Err(SubmitError::Store(error)) => Err(error),
            Err(error) => Ok(Some(RunStep::Fail(told(&error)))),
        }
    }

    /// Tells a schedule, and whoever wants to know, how its runs ended; whether it is, or now becomes, paused.
    async fn count(
        &self,
        schedule: &ScheduleRecord,
        open: &[ScheduleRunRecord],
    ) -> Result<bool, StoreError> {
        let mut failures = schedule.failures;
        let mut ended = Vec::new();
        let mut last = String::new();
        for run in open {
            let Some((what, why)) = news_of(run) else {
                continue;
            };
            if let Some(what) = what {
                self.tell_of_run(schedule, run, what, &why).await?;
            }
            match what {
                // It goes on when somebody has seen to it.
                Some(NotifyOn::Paused) => continue,
                Some(NotifyOn::Failed) => {
                    failures += 1;
                    last = why;
                }
                Some(NotifyOn::Completed) => failures = 0,
                None => {}
            }
            ended.push(run.new.due_at);
        }
        let was_paused = schedule.state == ScheduleState::Paused;
        let Some(newest) = ended.last().copied() else {
            return Ok(was_paused);
        };
        self.store.count_runs(&schedule.id, ended, failures).await?;
        let limit = schedule.new.pause_after;
        if schedule.state == ScheduleState::Active && limit > 0 && failures >= limit {
            let why = match failures {
                1 => format!("its run failed: {last}"),
                _ => format!("{failures} runs in a row failed; the last one: {last}"),
            };
            tracing::warn!(schedule = schedule.id, why, "a schedule is paused");
            let news = News {
                of: ("schedule", &schedule.id, &schedule.new.name),
                what: NotifyOn::Paused,
                subject: &timestamp_text(newest),
                event: "paused",
                job: None,
                reason: &why,
                more: serde_json::Value::Null,
            };
            self.notices.tell(&schedule.new.rule.notify, news).await?;
            self.store
                .set_schedule(&schedule.id, ScheduleState::Paused, &why, None)
                .await?;
            return Ok(true);
        }
        Ok(was_paused)
    }

    async fn tell_of_run(
        &self,
        schedule: &ScheduleRecord,
        run: &ScheduleRunRecord,
        what: NotifyOn,
        why: &str,
    ) -> Result<(), StoreError> {
        let news = News {
            of: ("schedule", &schedule.id, &schedule.new.name),
            what,
            subject: &run.key,
            event: super::notices::run_event(what),
            job: run.job.as_deref(),
            reason: why,
            more: serde_json::json!({ "due_at": timestamp_text(run.new.due_at) }),
        };
        self.notices.tell(&schedule.new.rule.notify, news).await
    }
}

/// What there is to say of a run: how it ended, or that it waits for a person; nothing while it goes on. One that was
/// cancelled has ended, and nobody has to be told.
fn news_of(run: &ScheduleRunRecord) -> Option<(Option<NotifyOn>, String)> {
    let job = run.job.as_deref().unwrap_or_default();
    match (run.new.state, run.job_state) {
        (ScheduleRunState::Failed, _) => Some((Some(NotifyOn::Failed), run.new.reason.clone())),
        (ScheduleRunState::Started, Some(JobState::Failed)) => {
            let why = run.job_error.as_deref().unwrap_or("failed");
            Some((Some(NotifyOn::Failed), format!("{job}: {why}")))
        }
        (ScheduleRunState::Started, Some(JobState::Completed)) => {
            Some((Some(NotifyOn::Completed), String::new()))
        }
        (ScheduleRunState::Started, Some(JobState::Paused | JobState::NeedsAttention)) => {
            Some((Some(NotifyOn::Paused), format!("{job} waits for a person")))
        }
        (ScheduleRunState::Started, Some(state)) if !state.is_final() => None,
        (ScheduleRunState::Started, _) => Some((None, String::new())),
        _ => None,
    }
}

/// Whether anything is to be done with a run: those of a paused schedule wait, but for what somebody asked for.
fn may_move(run: &ScheduleRunRecord, paused: bool) -> bool {
    !paused
        || run.new.state == ScheduleRunState::Started
        || matches!(run.new.kind, RunKind::Manual | RunKind::Backfill)
}

/// What a run asks for: the document as it is now, on the day of its time.
async fn request(
    schedule: &ScheduleRecord,
    times: &CronTimes,
    due_at: Timestamp,
) -> Result<CreateJob, String> {
    let (request, is_pinned) = (schedule.new.request.clone(), schedule.new.pinned);
    let read = tokio::task::spawn_blocking(move || with_document_of_now(request, is_pinned));
    let mut request = read
        .await
        .map_err(|_| "the document cannot be read".to_owned())??;
    request.options.date = Some(times.day_of(due_at));
    Ok(request)
}

/// Values for a document's inputs: what was given, and over it what the schedule says.
fn merged(
    given: &BTreeMap<String, String>,
    own: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut merged = given.clone();
    merged.extend(own);
    merged
}

#[cfg(test)]
mod tests;
