//! Schedules over a whole runner, with a clock that moves when it is told to.

use fenta_client::api::jobs::{Job, JobState, OutputValue};
use fenta_client::api::schedules::{
    Backfill, CatchUp, CreateSchedules, Notify, Overlap, Schedule, ScheduleRule, ScheduleRun,
};

use super::*;
use crate::clock::testing::ManualClock;
use crate::providers::Providers;
use crate::runner::testing::{Machine, Running, document};
use crate::server::Activity;

/// 2026-11-18 11:06:40 UTC.
struct Bench {
    machine: Machine,
    running: Running,
    clock: Arc<ManualClock>,
    schedules: Schedules,
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let mut machine = Machine::new();
        let database = machine.path("by-hand.db");
        machine.store = Store::open(&database, false, clock.clone()).unwrap();
        let running = machine.start(2);
        let activity = Activity::default();
        let notices = Notices::new(
            machine.store.clone(),
            Providers::fixed(Vec::new()),
            clock.clone(),
            activity.clone(),
        );
        let schedules = Schedules::new(Ground {
            store: machine.store.clone(),
            runner: running.runner.clone(),
            clock: clock.clone(),
            activity,
            notices,
        });
        Self {
            machine,
            running,
            clock,
            schedules,
        }
    }

    async fn keep(&self, text: &str, rule: Option<ScheduleRule>) -> Vec<Schedule> {
        let job = document(text);
        let new = CreateSchedules {
            workflow: job.workflow,
            params: job.params,
            caller_dir: job.caller_dir,
            out_dir: None,
            options: job.options,
            rule,
            notify: None,
            name: None,
            pinned: true,
            pause_after: 3,
        };
        self.schedules.create(new).await.unwrap()
    }

    async fn keep_one(&self, text: &str, rule: ScheduleRule) -> String {
        self.keep(text, Some(rule)).await.remove(0).id
    }

    async fn look(&self) {
        self.schedules.look().await.unwrap();
    }

    async fn runs(&self, id: &str) -> Vec<ScheduleRun> {
        let mut runs = self.schedules.runs(id, 100, None).await.unwrap();
        runs.reverse();
        runs
    }

    async fn end(&self, run: &ScheduleRun) -> Job {
        self.machine.end(run.job.as_deref().unwrap()).await
    }

    async fn states(&self, id: &str) -> Vec<ScheduleRunState> {
        self.runs(id).await.iter().map(|run| run.state).collect()
    }
}

fn rule(cron: &str) -> ScheduleRule {
    ScheduleRule {
        cron: cron.to_owned(),
        timezone: "UTC".to_owned(),
        catch_up: CatchUp::None,
        overlap: Overlap::Skip,
        jitter_ms: 0,
        start: None,
        end: None,
        notify: Notify::default(),
    }
}

/// Says which day it is.
const DAYS: &str = "fenta: workflow/v1\nname: days\nnodes:\n  text: { type: Input.Text, with: { text: \"today ${{ job.date }}\" } }\noutputs:\n  text: ${{ nodes.text.text }}\n";

/// Speaks, so that it can be held up.
const SPEECH: &str = "fenta: workflow/v1\nname: speech\nnodes:\n  voice: { type: Voice.TTS, with: { text: \"A b ${{ job.date }}.\" } }\noutputs:\n  seconds: ${{ nodes.voice.seconds }}\n";

use ScheduleRunState::{Missed, Skipped, Started, Waiting};

#[tokio::test]
async fn a_time_begins_one_job_whatever_the_clock_does() {
    let bench = Bench::new();
    let id = bench.keep_one(DAYS, rule("* * * * *")).await;
    bench.look().await;
    assert!(bench.runs(&id).await.is_empty(), "its first time is ahead");

    bench.clock.advance(MINUTE);
    bench.look().await;
    bench.look().await;
    let runs = bench.runs(&id).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].due_at, "2026-11-18T11:07:00.000Z");
    assert_eq!(bench.end(&runs[0]).await.state, JobState::Completed);

    // An hour back: the same minutes come once more, and begin nothing.
    bench.clock.advance(-60 * MINUTE);
    bench.look().await;
    for _ in 0..61 {
        bench.clock.advance(MINUTE);
        bench.look().await;
    }
    let mut due: Vec<String> = bench
        .runs(&id)
        .await
        .into_iter()
        .map(|run| run.due_at)
        .collect();
    let all = due.len();
    due.dedup();
    assert_eq!(due.len(), all, "no time twice");
    let jobs = bench.runs(&id).await;
    let first: Vec<_> = jobs
        .iter()
        .filter(|run| run.due_at == runs[0].due_at)
        .collect();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].job, runs[0].job);
    bench.running.stop().await;
}

#[tokio::test]
async fn ten_years_ahead_cost_a_few_rows() {
    let bench = Bench::new();
    let id = bench.keep_one(DAYS, rule("* * * * *")).await;
    bench.clock.advance(3652 * DAY);
    bench.look().await;
    let states = bench.states(&id).await;
    assert!(states.len() <= 8, "{states:?}");
    assert!(states.contains(&Missed));
    bench.running.stop().await;
}

#[tokio::test]
async fn a_run_that_was_submitted_before_a_crash_is_the_same_job_after_it() {
    let bench = Bench::new();
    let id = bench.keep_one(DAYS, rule("* * * * *")).await;
    bench.clock.advance(MINUTE);
    let now = bench.clock.now();
    let record = bench.machine.store.schedule(&id).await.unwrap();
    let times = CronTimes::new("* * * * *", "UTC").unwrap();
    bench.schedules.decide(&record, &times, now).await.unwrap();
    let open = bench.machine.store.open_runs(&id).await.unwrap();
    // Submitted, and killed before that was written down.
    let first = bench
        .schedules
        .begin(&record, &times, &open[0])
        .await
        .unwrap();
    bench.look().await;
    let Some(RunStep::Start(job)) = first else {
        panic!("{first:?}")
    };
    assert_eq!(bench.runs(&id).await[0].job, Some(job));
    bench.running.stop().await;
}

#[tokio::test]
async fn a_run_is_left_out_while_the_one_before_goes_on() {
    let bench = Bench::new();
    bench.machine.close_door();
    let id = bench.keep_one(SPEECH, rule("* * * * *")).await;
    bench.clock.advance(MINUTE);
    bench.look().await;
    bench.clock.advance(MINUTE);
    bench.look().await;
    assert_eq!(bench.states(&id).await, [Started, Skipped]);
    assert!(bench.runs(&id).await[1].reason.contains("was still"));
    bench.machine.open_door();
    bench.end(&bench.runs(&id).await[0]).await;
    bench.clock.advance(MINUTE);
    bench.look().await;
    assert_eq!(bench.states(&id).await, [Started, Skipped, Started]);
    bench.running.stop().await;
}

#[tokio::test]
async fn one_that_waits_begins_when_the_one_before_has_ended() {
    let bench = Bench::new();
    bench.machine.close_door();
    let buffered = ScheduleRule {
        overlap: Overlap::BufferAll,
        ..rule("* * * * *")
    };
    let id = bench.keep_one(SPEECH, buffered).await;
    for _ in 0..2 {
        bench.clock.advance(MINUTE);
        bench.look().await;
    }
    assert_eq!(bench.states(&id).await, [Started, Waiting]);
    bench.machine.open_door();
    bench.end(&bench.runs(&id).await[0]).await;
    bench.look().await;
    assert_eq!(bench.states(&id).await, [Started, Started]);
    bench.running.stop().await;
}

#[tokio::test]
async fn one_that_may_not_wait_ends_the_one_before() {
    let bench = Bench::new();
    bench.machine.close_door();
    let cancelling = ScheduleRule {
        overlap: Overlap::CancelOther,
        ..rule("* * * * *")
    };
    let id = bench.keep_one(SPEECH, cancelling).await;
    for _ in 0..2 {
        bench.clock.advance(MINUTE);
        bench.look().await;
    }
    let first = bench.end(&bench.runs(&id).await[0]).await;
    assert_eq!(first.state, JobState::Cancelled);
    bench.look().await;
    assert_eq!(bench.states(&id).await, [Started, Started]);
    bench.machine.open_door();
    bench.running.stop().await;
}

#[tokio::test]
async fn three_failures_in_a_row_pause_it_and_say_why() {
    let bench = Bench::new();
    let mut job = document(DAYS);
    job.workflow.path = Some(bench.machine.path("gone.yaml").display().to_string());
    let new = CreateSchedules {
        workflow: job.workflow,
        params: job.params,
        caller_dir: job.caller_dir,
        out_dir: None,
        options: job.options,
        rule: Some(rule("* * * * *")),
        notify: None,
        name: Some("lost".to_owned()),
        pinned: false,
        pause_after: 3,
    };
    bench.schedules.create(new).await.unwrap();
    for _ in 0..5 {
        bench.clock.advance(MINUTE);
        bench.look().await;
        bench.look().await;
    }
    let shown = bench.schedules.show("lost").await.unwrap();
    assert_eq!(shown.state, ScheduleState::Paused);
    assert!(
        shown
            .reason
            .starts_with("3 runs in a row failed; the last one: "),
        "{}",
        shown.reason
    );
    assert!(shown.reason.contains("gone.yaml"), "{}", shown.reason);
    assert_eq!(bench.runs("lost").await.len(), 3, "and no more begin");
    assert_eq!(shown.next, None);

    // From then on, not from before.
    bench.clock.advance(10 * MINUTE);
    bench.schedules.resume("lost").await.unwrap();
    bench.look().await;
    assert_eq!(bench.runs("lost").await.len(), 3);
    bench.running.stop().await;
}

#[tokio::test]
async fn days_of_the_past_are_filled_in_once_in_order_and_say_their_own_day() {
    let bench = Bench::new();
    let id = bench.keep_one(DAYS, rule("0 7 * * *")).await;
    let mut days = Backfill {
        from: "2026-11-15".to_owned(),
        to: "2026-11-18".to_owned(),
        dry_run: true,
        again: false,
    };
    let told = bench.schedules.backfill(&id, &days).await.unwrap();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(bench.runs(&id).await.is_empty(), "asking begins nothing");
    days.dry_run = false;
    bench.schedules.backfill(&id, &days).await.unwrap();
    for _ in 0..4 {
        bench.look().await;
        for run in bench.runs(&id).await.iter().filter(|run| run.job.is_some()) {
            bench.end(run).await;
        }
    }
    let mut said = Vec::new();
    for run in bench.runs(&id).await {
        assert_eq!((run.kind, run.state), (RunKind::Backfill, Started));
        let job = bench.end(&run).await;
        said.extend(job.outputs.into_values());
    }
    let today = |day: &str| OutputValue::Text(format!("today {day}"));
    assert_eq!(
        said,
        ["2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"].map(today)
    );
    let again = bench.schedules.backfill(&id, &days).await.unwrap();
    assert!(again.is_empty(), "each of them had its run");
    bench.running.stop().await;
}

#[tokio::test]
async fn a_run_somebody_asks_for_begins_at_once() {
    let bench = Bench::new();
    let id = bench.keep_one(DAYS, rule("0 0 1 1 *")).await;
    let run = bench.schedules.trigger(&id).await.unwrap();
    assert_eq!((run.kind, run.state), (RunKind::Manual, Started));
    assert_eq!(bench.end(&run).await.state, JobState::Completed);
    let beside = bench.schedules.trigger("days").await.unwrap();
    assert_eq!(beside.state, Started, "also in the same millisecond");
    assert_ne!(beside.job, run.job);
    bench.schedules.pause("days", "").await.unwrap();
    let paused = bench.schedules.trigger("days").await.unwrap();
    assert_eq!(paused.state, Started, "also while it is paused");
    bench.running.stop().await;
}

#[tokio::test]
async fn a_document_that_is_added_again_brings_its_schedules_up_to_date() {
    let bench = Bench::new();
    let with = |lines: &str| {
        format!(
            "fenta: workflow/v1\nname: news\ninputs: {{ topic: {{ type: string, default: a }} }}\nschedule:\n{lines}\
             nodes:\n  text: {{ type: Input.Text, with: {{ text: \"${{{{ inputs.topic }}}}\" }} }}\noutputs:\n  text: ${{{{ nodes.text.text }}}}\n"
        )
    };
    let two = with(
        "  - { cron: \"0 7 * * *\", timezone: UTC }\n  - { cron: \"0 9 * * *\", timezone: Europe/Berlin, inputs: { topic: bees } }\n",
    );
    let first = bench.keep(&two, None).await;
    assert_eq!(
        first
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>(),
        ["news", "news-2"]
    );
    assert_eq!(first[1].params["topic"], "bees");
    assert_eq!(
        first[1].next.as_ref().unwrap().local,
        "2026-11-19T09:00+01:00"
    );
    let one = with("  - { cron: \"30 7 * * *\", timezone: UTC }\n");
    let second = bench.keep(&one, None).await;
    assert_eq!(second[0].id, first[0].id);
    assert_eq!(second[0].rule.cron, "30 7 * * *");
    let left = bench.schedules.list().await.unwrap();
    assert_eq!(left.len(), 1, "the one it no longer has is gone");
    bench.running.stop().await;
}

#[tokio::test]
async fn a_schedule_keeps_the_daemon_and_its_removal_lets_it_go() {
    let bench = Bench::new();
    let standing = || bench.schedules.standing.stands();
    let id = bench.keep_one(DAYS, rule("0 7 * * *")).await;
    bench.look().await;
    assert!(standing());
    bench.schedules.pause(&id, "holidays").await.unwrap();
    bench.look().await;
    assert!(!standing());
    bench.schedules.resume(&id).await.unwrap();
    bench.look().await;
    assert!(standing());
    bench.schedules.remove(&id).await.unwrap();
    bench.look().await;
    assert!(!standing());
    bench.running.stop().await;
}
