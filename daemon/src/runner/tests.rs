//! The whole runner over a stand-in renderer: jobs, cache, retries, cancel, resume, restart.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fenta_client::api::jobs::NodeState;
use fenta_workflows::job_event::{JobEventKind, JobState, OutputValue};
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::worker::FailureClass;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dispatcher::{DispatcherHandle, Request};
use super::executor::{Executor, Outcome, Terms};
use super::lanes::{Limits, Share};
use super::testing::{Machine, TEXT, document, speak, speech};
use super::{SubmitError, Tool};
use crate::store::{AddedBudget, StoreError, Transition};

fn is_action_started(kind: &JobEventKind) -> bool {
    matches!(kind, JobEventKind::ActionStarted { .. })
}

#[tokio::test]
async fn a_job_runs_to_its_outputs_and_tells_everything() {
    let machine = Machine::new();
    let running = machine.start(2);
    let id = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    // Five words and five words at a thousand samples, 150 ms between them.
    let seconds = (10_000.0 / 48_000.0) + 0.15;
    let Some(OutputValue::Number(found)) = job.outputs.get("seconds") else {
        panic!("{:?}", job.outputs);
    };
    assert!((found - seconds).abs() < 0.01, "{found}");
    let node = &job.nodes[0];
    assert_eq!((node.ran, node.cached), (2, 0));
    assert_eq!(node.state, NodeState::Finished);
    assert_eq!(node.reasons, [RerunReason::FirstRun]);

    let events = machine.store.events_after(&id, 0, 100).await.unwrap();
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=job.last_seq).collect::<Vec<_>>());
    let count = |wanted: fn(&JobEventKind) -> bool| {
        events.iter().filter(|event| wanted(&event.kind)).count()
    };
    assert_eq!(count(is_action_started), 2);
    assert_eq!(
        count(|kind| matches!(kind, JobEventKind::ActionFinished { .. })),
        2
    );
    assert!(matches!(events[0].kind, JobEventKind::JobQueued { .. }));
    assert_eq!(events[1].kind, JobEventKind::JobStarted { resumed: false });
    assert!(matches!(
        events.last().unwrap().kind,
        JobEventKind::JobCompleted { .. }
    ));
    running.stop().await;
}

// spec: W-57
#[tokio::test]
async fn nothing_is_done_twice_and_an_edit_redoes_only_its_part() {
    let machine = Machine::new();
    let running = machine.start(2);
    let first = machine.submit(&running, speech(TEXT)).await;
    machine.end(&first).await;
    let again = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&again).await;
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (0, 2));
    assert!(job.nodes[0].reasons.is_empty());
    assert_eq!(machine.spoken().len(), 2);

    let edited = TEXT.replace("map", "song");
    let third = machine.submit(&running, speech(&edited)).await;
    let job = machine.end(&third).await;
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (1, 1));
    assert!(
        matches!(&job.nodes[0].reasons[..], [RerunReason::Param { key, .. }] if key == "text"),
        "{:?}",
        job.nodes[0].reasons
    );
    assert_eq!(machine.spoken()[2..], ["The dance is a song."]);
    running.stop().await;
}

#[tokio::test]
async fn a_result_that_is_gone_is_made_again() {
    let machine = Machine::new();
    let running = machine.start(2);
    let first = machine.submit(&running, speech(TEXT)).await;
    machine.end(&first).await;
    let blob = fenta_workflows::digest::blob_digest(b"The dance is a map.");
    fs::remove_file(machine.cas.path(&blob)).unwrap();
    let again = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&again).await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (1, 1));
    assert_eq!(job.nodes[0].reasons, [RerunReason::OutputMissing]);
    assert!(machine.cas.contains(&blob));
    running.stop().await;
}

#[tokio::test]
async fn another_renderer_makes_its_own_results() {
    let machine = Machine::new();
    let running = machine.start(2);
    let first = machine.submit(&running, speech(TEXT)).await;
    machine.end(&first).await;
    let script = fs::read_to_string(machine.path("render")).unwrap();
    fs::write(
        machine.path("render"),
        script.replace("stand-in 1", "stand-in 22"),
    )
    .unwrap();
    let again = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&again).await;
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (2, 0));
    assert!(
        matches!(&job.nodes[0].reasons[..], [RerunReason::Tool { new, .. }] if new.contains("22")),
        "{:?}",
        job.nodes[0].reasons
    );
    running.stop().await;
}

#[tokio::test]
async fn a_crash_is_tried_again() {
    let machine = Machine::new();
    machine.hook(r#"if [ ! -e "$here/crashed" ]; then touch "$here/crashed"; kill -KILL $$; fi"#);
    let running = machine.start(1);
    let id = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed);
    let retried = machine
        .event(&id, |kind| {
            matches!(kind, JobEventKind::ActionRetried { .. })
        })
        .await;
    let JobEventKind::ActionRetried { class, attempt, .. } = retried else {
        unreachable!("asked for");
    };
    assert_eq!((class, attempt), (FailureClass::Crash, 2));
    assert_eq!(job.nodes[0].ran, 2, "an attempt is not an action");
    running.stop().await;
}

// spec: W-55
#[tokio::test]
async fn a_failed_job_keeps_what_is_done_and_can_go_on() {
    let machine = Machine::new();
    machine.hook(r#"case "$text" in *map*) kill -KILL $$;; esac"#);
    let running = machine.start(1);
    let id = machine.submit(&running, speech(TEXT)).await;
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Failed);
    let error = job.error.unwrap();
    assert_eq!(error.node, "voice");
    assert!(error.message.contains("signal 9"), "{error:?}");
    assert_eq!(job.nodes[0].state, NodeState::Failed);
    assert_eq!(machine.spoken().len(), 1 + 3, "three attempts");

    machine.no_hook();
    let resumed = running
        .runner
        .resume(&id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(resumed.job.state, JobState::Queued);
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (1, 1));
    assert_eq!(job.nodes[0].reasons, [RerunReason::PreviousIncomplete]);
    machine
        .event(&id, |kind| {
            *kind == JobEventKind::JobStarted { resumed: true }
        })
        .await;
    let done = running.runner.resume(&id, AddedBudget::default()).await;
    assert!(
        matches!(done, Err(StoreError::Transition { .. })),
        "{done:?}"
    );
    running.stop().await;
}

// spec: W-53
#[tokio::test]
async fn a_failure_that_is_the_inputs_fault_is_not_tried_again() {
    let machine = Machine::new();
    machine.hook(
        r#"echo '{"event":"failed","class":"input","message":"cannot say it","hint":"write words"}'; exit 1"#,
    );
    let running = machine.start(1);
    let id = machine
        .submit(&running, speech("Only one sentence is here."))
        .await;
    let job = machine.end(&id).await;
    let error = job.error.unwrap();
    assert_eq!(
        (&*error.message, &*error.hint),
        ("cannot say it", "write words")
    );
    assert_eq!(machine.spoken().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn cancelling_ends_the_worker_and_the_job_can_go_on() {
    let machine = Machine::new();
    machine.close_door();
    let running = machine.start(1);
    let id = machine.submit(&running, speech(TEXT)).await;
    let started = machine.event(&id, is_action_started).await;
    let JobEventKind::ActionStarted { pid: Some(pid), .. } = started else {
        panic!("{started:?}");
    };
    running.runner.cancel(&id).await.unwrap();
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(job.nodes[0].state, NodeState::Cancelled);
    assert!(
        !Path::new(&format!("/proc/{pid}")).exists(),
        "the worker is gone when the job says so"
    );
    let again = running.runner.cancel(&id).await.unwrap();
    assert_eq!(again.job.state, JobState::Cancelled, "nothing more happens");

    machine.no_hook();
    running
        .runner
        .resume(&id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(machine.end(&id).await.state, JobState::Completed);
    running.stop().await;
}

#[tokio::test]
async fn an_interrupted_job_goes_on_by_itself_at_the_next_start() {
    let machine = Machine::new();
    machine.close_door();
    let running = machine.start(1);
    let id = machine.submit(&running, speech(TEXT)).await;
    machine.ticket();
    machine
        .event(&id, |kind| {
            matches!(kind, JobEventKind::ActionFinished { .. })
        })
        .await;
    running.stop().await;
    assert_eq!(machine.state(&id).await, JobState::Processing);
    let before = machine.spoken().len();

    machine.no_hook();
    let running = machine.start(1);
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!((job.nodes[0].ran, job.nodes[0].cached), (1, 1));
    assert_eq!(machine.spoken().len(), before + 1);
    running.stop().await;
}

#[tokio::test]
async fn a_cancel_survives_the_daemon() {
    let machine = Machine::new();
    let running = machine.start(1);
    running.stop().await;
    // Accepted, begun and asked to end, and then the daemon was killed.
    let record = crate::store::jobs_testing::create(&machine.store, "speech").await;
    let who = crate::store::jobs_testing::claimant("the one before");
    machine.store.claim_job(who).await.unwrap().unwrap();
    machine
        .store
        .change_job(&record, Transition::RequestCancel)
        .await
        .unwrap();
    let running = machine.start(1);
    assert_eq!(machine.end(&record).await.state, JobState::Cancelled);
    assert!(machine.spoken().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn two_jobs_share_one_execution_and_it_survives_the_first() {
    let machine = Machine::new();
    machine.close_door();
    let context = machine.context(4);
    let tool = Tool {
        renderer: machine.path("render"),
        name: "stand-in 1".into(),
    };
    let shutdown = CancellationToken::new();
    let dispatcher =
        DispatcherHandle::start(Executor::new(&context), Limits::of_workers(4), shutdown);
    let action = Arc::new(speak("hello there"));
    let (notices, mut heard) = mpsc::unbounded_channel();
    let submit = |job: &str, number| {
        dispatcher.submit(Request {
            job: job.to_owned(),
            node: "voice".to_owned(),
            terms: Terms::default(),
            share: Share::default(),
            order: None,
            digest: action.digest(&tool.name),
            action: Arc::clone(&action),
            tool: tool.clone(),
            notices: notices.clone(),
            number,
        })
    };
    let (first, second) = (submit("job_1", 1), submit("job_2", 2));
    let mut started = vec![heard.recv().await.unwrap().0, heard.recv().await.unwrap().0];
    started.sort_unstable();
    assert_eq!(started, [1, 2], "both hear that it began");
    dispatcher.withdraw("job_1").await;
    assert!(first.await.is_err());
    let late = submit("job_4", 4);
    machine.open_door();
    let outcome = second.await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Done(done) if !done.cached),
        "{outcome:?}"
    );
    assert_eq!(machine.spoken(), ["hello there"]);
    let late = late.await.unwrap();
    assert!(
        matches!(&late, Outcome::Done(done) if done.cached),
        "what another job makes is made once and counted once: {late:?}"
    );

    let third = submit("job_3", 3).await.unwrap();
    assert!(
        matches!(&third, Outcome::Done(done) if done.cached),
        "who comes later finds it in the cache: {third:?}"
    );
    assert_eq!(machine.spoken().len(), 1);
}

#[tokio::test]
async fn withdrawing_the_last_wish_stops_what_runs_and_drops_what_waits() {
    let machine = Machine::new();
    machine.close_door();
    let context = machine.context(1);
    let tool = Tool {
        renderer: machine.path("render"),
        name: "stand-in 1".into(),
    };
    let shutdown = CancellationToken::new();
    let dispatcher =
        DispatcherHandle::start(Executor::new(&context), Limits::of_workers(1), shutdown);
    let (notices, mut heard) = mpsc::unbounded_channel();
    let submit = |job: &str, text: &str| {
        let action = Arc::new(speak(text));
        dispatcher.submit(Request {
            job: job.to_owned(),
            node: "voice".to_owned(),
            terms: Terms::default(),
            share: Share::default(),
            order: None,
            digest: action.digest(&tool.name),
            action,
            tool: tool.clone(),
            notices: notices.clone(),
            number: 0,
        })
    };
    let running = submit("job_1", "running");
    let waiting = submit("job_1", "waiting");
    let other = submit("job_2", "other");
    heard.recv().await.unwrap();
    dispatcher.withdraw("job_1").await;
    assert!(running.await.is_err());
    machine.open_door();
    assert!(matches!(other.await.unwrap(), Outcome::Done(_)));
    assert!(waiting.await.is_err());
    assert!(!machine.spoken().contains(&"waiting".to_owned()));
}

#[tokio::test]
async fn more_jobs_than_fit_wait_their_turn_and_can_be_cancelled_there() {
    let machine = Machine::new();
    machine.close_door();
    let running = machine.start(1);
    let mut ids = Vec::new();
    for index in 0..9 {
        let text = format!("Sentence number {index} is here.");
        ids.push(machine.submit(&running, speech(&text)).await);
    }
    assert_eq!(machine.state(&ids[8]).await, JobState::Queued);
    let record = running.runner.cancel(&ids[8]).await.unwrap();
    assert_eq!(record.job.state, JobState::Cancelled);
    let extra = machine
        .submit(&running, speech("One more sentence is here."))
        .await;
    machine.open_door();
    for id in ids[..8].iter().chain([&extra]) {
        assert_eq!(machine.end(id).await.state, JobState::Completed);
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_a_job_is_refused_with_everything_that_is_wrong() {
    let machine = Machine::new();
    let running = machine.start(1);
    let submit = async |request| running.runner.submit(request, None).await.unwrap_err();

    let wrong =
        document("fenta: workflow/v1\nnodes:\n  a: { type: Voice.TTZ }\n  b: { type: No }\n");
    let error = submit(wrong).await;
    assert!(
        matches!(&error, SubmitError::Document(found) if found.len() == 2 && found[0].line == 3),
        "{error:?}"
    );
    let mut unknown = speech(TEXT);
    unknown.params.insert("voise".to_owned(), "x".to_owned());
    let error = submit(unknown).await;
    assert!(error.to_string().contains("voise"), "{error}");
    let mut relative = speech(TEXT);
    relative.caller_dir = "here".to_owned();
    let error = submit(relative).await;
    assert!(
        error.to_string().contains("`caller_dir` is `here`"),
        "{error}"
    );
    fs::remove_file(machine.path("render")).unwrap();
    let error = submit(speech(TEXT)).await;
    assert!(matches!(error, SubmitError::Renderer(_)), "{error:?}");

    running.runner.drain();
    let mut status = running.runner.status();
    status.wait_for(|status| status.draining).await.unwrap();
    let error = submit(speech(TEXT)).await;
    assert!(matches!(error, SubmitError::Draining));
    running.stop().await;
}
