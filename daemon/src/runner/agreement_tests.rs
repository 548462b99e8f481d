//! The plan and the run say the same: budget, refusals that are certain, conditions, outputs, frozen runs.

use fenta_client::api::jobs::{CreateJob, Job, NodeRun, NodeState};
use fenta_client::api::plan::{NodePlan, Plan, PlanRequest, PlanStatus};
use fenta_workflows::job_event::{JobEventKind, JobState};
use fenta_workflows::worker::FailureClass;

use super::testing::{Machine, Running, document};
use super::{OptionsError, SubmitError};
use crate::store::AddedBudget;
use crate::store::Charge;

async fn plan(running: &Running, job: &CreateJob) -> Plan {
    let request = PlanRequest {
        job: job.clone(),
        with_timelines: false,
    };
    running.runner.plan(request).await.unwrap()
}

async fn run(machine: &Machine, running: &Running, job: &CreateJob) -> Job {
    let id = machine.submit(running, job.clone()).await;
    machine.end(&id).await
}

fn planned<'a>(plan: &'a Plan, name: &str) -> &'a NodePlan {
    plan.nodes.iter().find(|node| node.node == name).unwrap()
}

fn ran<'a>(job: &'a Job, name: &str) -> &'a NodeRun {
    job.nodes.iter().find(|node| node.node == name).unwrap()
}

/// A clip for $1.25 or 250 credits at the most, and a voice after it.
fn clip(budget: &str, keys: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: n\nbudget: {budget}\nnodes:\n\
         \x20 clip:\n    type: Input.KAI.GenerateVideo\n    with: {{ prompt: a bee, model: \"kie:veo3_fast\", seconds: 8 }}\n{keys}\
         \x20 voice: {{ type: Voice.TTS, with: {{ text: it goes on }}, needs: [clip] }}\n\
         outputs:\n  seconds: ${{{{ nodes.voice.seconds }}}}\n"
    ))
}

// spec: W-60
#[tokio::test]
async fn a_budget_that_is_short_is_told_before_and_says_the_same_after() {
    let machine = Machine::new();
    let running = machine.start(1);
    let unpriced = clip("{ max_usd: 9 }", "").workflow.text;
    let unpriced = document(&unpriced.replace("kie:veo3_fast", "somebody:clips"));
    let cases = [
        (
            clip("{ max_usd: 0.10, on_exceed: fail }", ""),
            "it may cost $1.25, and $0.1 of the budget's $0.1 are left",
        ),
        (
            clip("{ max_credits: 150 }", ""),
            "it may cost 250 credits, and 150 credits of the budget's 150 credits are left",
        ),
        (
            unpriced,
            "nobody can tell what it costs, and the budget is $9",
        ),
    ];
    for (job, message) in cases {
        let before = plan(&running, &job).await;
        assert_eq!(before.obstacles.len(), 1, "{:?}", before.obstacles);
        assert_eq!(before.obstacles[0].node, "clip");
        assert_eq!(before.obstacles[0].message, message);
        assert_eq!(planned(&before, "clip").status, PlanStatus::Miss);
        let after = run(&machine, &running, &job).await;
        let error = after.error.unwrap();
        assert_eq!(
            (&*error.message, error.class),
            (message, Some(FailureClass::Budget))
        );
    }

    let pausing = clip("{ max_usd: 0.10, on_exceed: pause }", "");
    let before = plan(&running, &pausing).await;
    let message = &before.obstacles[0].message;
    assert!(
        message.starts_with("the job would pause here: it may cost"),
        "{message}"
    );
    let after = run(&machine, &running, &pausing).await;
    assert_eq!(after.state, JobState::Paused);

    let optional = clip(
        "{ max_usd: 0.10, on_exceed: skip_optional }",
        "    optional: true\n",
    );
    let before = plan(&running, &optional).await;
    assert!(before.obstacles.is_empty(), "{:?}", before.obstacles);
    let after = run(&machine, &running, &optional).await;
    assert_eq!(after.state, JobState::Completed, "{:?}", after.error);
    assert_eq!(planned(&before, "clip").status, PlanStatus::Skipped);
    assert_eq!(planned(&before, "clip").note, ran(&after, "clip").note);
    running.stop().await;
}

#[tokio::test]
async fn credits_are_an_amount_of_the_plan() {
    let machine = Machine::new();
    let running = machine.start(1);
    let before = plan(&running, &clip("{ max_credits: 300 }", "")).await;
    let quota = &before.total.quota[0];
    assert_eq!(
        (&*quota.meter, quota.needed, quota.limit),
        ("credits", 250.0, Some(300.0))
    );
    let money = &planned(&before, "clip").money;
    assert_eq!(money.high_usd.as_deref(), Some("1.25"));
    running.stop().await;
}

// spec: W-55
#[tokio::test]
async fn a_refusal_that_is_certain_is_the_failure_it_will_be() {
    let machine = Machine::new();
    let running = machine.start(1);
    let mut skips = document(
        "fenta: workflow/v1\nname: n\nnodes:\n\
         \x20 script: { type: Script.Generate, on_error: skip, with: { brief: bees } }\n\
         \x20 voice: { type: Voice.TTS, with: { text: \"${{ default(nodes.script.title, 'no title') }}\" } }\n\
         outputs:\n  seconds: ${{ nodes.voice.seconds }}\n",
    );
    for offline in [false, true] {
        skips.options.offline = offline;
        let before = plan(&running, &skips).await;
        assert!(before.obstacles.is_empty(), "{:?}", before.obstacles);
        let script = planned(&before, "script");
        assert_eq!(script.status, PlanStatus::Skipped);
        let voice = planned(&before, "voice");
        assert_eq!(voice.misses + voice.hits, 1, "it goes on with null");
        let after = run(&machine, &running, &skips).await;
        assert_eq!(after.state, JobState::Completed, "{:?}", after.error);
        assert_eq!(ran(&after, "script").state, NodeState::Skipped);
        assert_eq!(
            script.note.replace("it would fail", "it failed"),
            ran(&after, "script").note
        );
        assert!(!plan(&running, &skips).await.has_work());
    }
    assert_eq!(machine.spoken(), ["no title"]);

    let falls_back = document(
        "fenta: workflow/v1\nname: n\nnodes:\n\
         \x20 voice: { type: Voice.TTS, on_error: { fallback: { model: flite } }, with: { text: said here, model: \"elevenlabs:eleven_flash_v2_5\" } }\n\
         outputs:\n  seconds: ${{ nodes.voice.seconds }}\n",
    );
    let before = plan(&running, &falls_back).await;
    assert!(before.obstacles.is_empty(), "{:?}", before.obstacles);
    let voice = planned(&before, "voice");
    assert_eq!((voice.status, voice.misses), (PlanStatus::Miss, 1));
    assert!(
        voice.note.starts_with("uses its fallback"),
        "{}",
        voice.note
    );
    let after = run(&machine, &running, &falls_back).await;
    assert_eq!(after.state, JobState::Completed, "{:?}", after.error);
    let again = plan(&running, &falls_back).await;
    assert!(!again.has_work(), "what the fallback made is found");
    running.stop().await;
}

// spec: W-55
#[tokio::test]
async fn a_condition_or_list_that_fails_obeys_skip_and_a_fallback_does_not_mend_it() {
    let machine = Machine::new();
    let running = machine.start(1);
    let of = |keys: &str| {
        document(&format!(
            "fenta: workflow/v1\nname: n\ninputs: {{ n: {{ type: int, default: 0 }} }}\nnodes:\n\
             \x20 voice: {{ type: Voice.TTS, {keys}, with: {{ text: hello there }} }}\n"
        ))
    };
    for keys in [
        "on_error: skip, if: \"${{ 10 / inputs.n > 1 }}\"",
        "on_error: skip, for_each: \"${{ range(10 / inputs.n) }}\"",
    ] {
        let before = plan(&running, &of(keys)).await;
        assert!(before.obstacles.is_empty(), "{:?}", before.obstacles);
        let after = run(&machine, &running, &of(keys)).await;
        assert_eq!(after.state, JobState::Completed, "{:?}", after.error);
        assert_eq!(ran(&after, "voice").state, NodeState::Skipped);
        let note = &planned(&before, "voice").note;
        assert_eq!(
            note.replace("it would fail", "it failed"),
            ran(&after, "voice").note
        );
    }
    for keys in [
        "if: \"${{ 10 / inputs.n > 1 }}\"",
        "on_error: { fallback: { text: other } }, if: \"${{ 10 / inputs.n > 1 }}\"",
    ] {
        let before = plan(&running, &of(keys)).await;
        let after = run(&machine, &running, &of(keys)).await;
        assert_eq!(after.state, JobState::Failed);
        assert_eq!(before.obstacles[0].message, after.error.unwrap().message);
    }
    running.stop().await;
}

#[tokio::test]
async fn an_output_that_cannot_be_told_is_said_before() {
    let machine = Machine::new();
    let running = machine.start(1);
    let job = document(
        "fenta: workflow/v1\nname: n\ninputs: { n: { type: int, default: 0 } }\nnodes:\n\
         \x20 words: { type: Input.Text, with: { text: hello } }\n\
         outputs:\n  bad: ${{ nodes.words.text ~ (10 / inputs.n) }}\n  good: ${{ nodes.words.text }}\n  worse: ${{ nodes.words.text ~ (1 % inputs.n) }}\n",
    );
    let before = plan(&running, &job).await;
    let told: Vec<&str> = before
        .obstacles
        .iter()
        .map(|obstacle| obstacle.message.as_str())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("output `bad`") && told[1].contains("output `worse`"));
    let after = run(&machine, &running, &job).await;
    assert_eq!(after.error.unwrap().message, told[0]);
    running.stop().await;
}

/// What the two clips of a job were charged: its turns with millionths of dollars.
async fn charged(machine: &Machine, job: &str) -> Vec<(String, u64)> {
    let charges = machine.store.charges(job).await.unwrap();
    charges
        .into_iter()
        .map(|charge| (charge.turn, charge.usd_micros))
        .collect()
}

// spec: W-60
#[tokio::test]
async fn a_job_that_goes_on_has_what_it_had_left() {
    let machine = Machine::new();
    let running = machine.start(1);
    let job = document(
        "fenta: workflow/v1\nname: n\nbudget: { max_usd: 2, on_exceed: pause }\nnodes:\n\
         \x20 first: { type: Input.KAI.GenerateVideo, on_error: skip, with: { prompt: a, model: \"kie:veo3_fast\", seconds: 8 } }\n\
         \x20 second: { type: Input.KAI.GenerateVideo, needs: [first], with: { prompt: b, model: \"kie:veo3_fast\", seconds: 8 } }\n\
         \x20 words: { type: Input.Text, with: { text: x } }\n\
         outputs:\n  text: ${{ nodes.words.text }}\n",
    );
    let before = plan(&running, &job).await;
    let short = "it may cost $1.25, and $0.75 of the budget's $2 are left";
    assert!(
        before.obstacles[0].message.ends_with(short),
        "{:?}",
        before.obstacles
    );
    let paused = run(&machine, &running, &job).await;
    assert_eq!(paused.error.unwrap().message, short);
    let one = [("first".to_owned(), 1_250_000)];
    assert_eq!(charged(&machine, &paused.id).await, one);

    // A node that was charged and is found in the cache now asks for nothing: only the charge that was written down tells.
    let earlier = Charge {
        turn: "earlier".to_owned(),
        ask: "call".to_owned(),
        render_ms: 0,
        usd_micros: 500_000,
        millicredits: 0,
    };
    machine
        .store
        .charge_anyway(&paused.id, earlier)
        .await
        .unwrap();
    running
        .runner
        .resume(&paused.id, AddedBudget::default())
        .await
        .unwrap();
    let again = machine.end(&paused.id).await;
    assert_eq!(
        again.error.unwrap().message,
        "it may cost $1.25, and $0.25 of the budget's $2 are left"
    );
    assert_eq!(
        charged(&machine, &paused.id).await.len(),
        2,
        "the first clip is not charged again"
    );
    running.stop().await;
}

// spec: W-60
#[tokio::test]
async fn a_fallback_is_charged_for_what_it_asks_for() {
    let machine = Machine::new();
    let running = machine.start(1);
    let job = clip(
        "{ max_usd: 3 }",
        "    on_error: { fallback: { model: \"kie:veo3_lite\" } }\n",
    );
    let after = run(&machine, &running, &job).await;
    assert_eq!(after.state, JobState::Failed, "nobody makes clips here");
    let mut amounts: Vec<u64> = charged(&machine, &after.id)
        .await
        .into_iter()
        .map(|(_, micros)| micros)
        .collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [750_000, 1_250_000]);
    let before = plan(&running, &job).await;
    assert_eq!(before.obstacles[0].message, after.error.unwrap().message);
    running.stop().await;
}

// spec: W-58
#[tokio::test]
async fn a_frozen_run_that_would_ask_somebody_is_refused_by_plan_and_submit_alike() {
    let machine = Machine::new();
    let running = machine.start(1);
    let voiced = document(
        "fenta: workflow/v1\nname: n\nnodes:\n  words: { type: Input.Text, with: { text: x } }\n",
    );
    let done = run(&machine, &running, &voiced).await;
    let mut lock = super::lock_of(&machine.store, &done.id).await.unwrap();
    let telling = "fenta: workflow/v1\nname: n\nnodes:\n  words: { type: Input.Text, with: { text: x } }\n\
         \x20 tell: { type: Output.Webhook, with: { url: \"http://localhost/x\", data: { t: \"${{ nodes.words.text }}\" } } }\n";
    for (text, kind, role) in [
        (telling.to_owned(), "Output.Webhook", "webhook"),
        (
            telling
                .replace("Output.Webhook", "Flow.Approve")
                .replace("url: \"http://localhost/x\", data: { t: ", "show: [")
                .replace("text }}\" } }", "text }}\"] }"),
            "Flow.Approve",
            "approval",
        ),
    ] {
        lock.nodes.insert(
            "tell".to_owned(),
            fenta_workflows::lock::NodeLock {
                kind: kind.to_owned(),
                version: 1,
                model: None,
                voice: None,
            },
        );
        let mut frozen = document(&text);
        frozen.options.frozen = true;
        frozen.options.lock = Some(lock.clone());
        let why = format!("role `{role}` is asked anew in every run, and a frozen run asks nobody");
        let before = plan(&running, &frozen).await;
        assert_eq!(before.obstacles.len(), 1, "{:?}", before.obstacles);
        assert_eq!(before.obstacles[0].message, format!("frozen: {why}"));
        let refused = running.runner.submit(frozen, None).await.unwrap_err();
        let SubmitError::Options(OptionsError::NotPinned(all)) = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(all, &[format!("node `tell`: {why}")]);
    }
    running.stop().await;
}

// spec: W-43
#[tokio::test]
async fn a_node_begins_when_all_it_waits_for_are_finished_or_skipped() {
    let machine = Machine::new();
    let running = machine.start(4);
    let job = document(
        "fenta: workflow/v1\nname: n\nnodes:\n\
         \x20 last: { type: Voice.TTS, needs: [late], with: { text: \"${{ default(nodes.never.seconds, 1) }} and ${{ nodes.early.seconds }}\" } }\n\
         \x20 late: { type: Voice.TTS, needs: [early], with: { text: late it is } }\n\
         \x20 never: { type: Voice.TTS, if: \"${{ nodes.early.seconds > 99 }}\", with: { text: never said } }\n\
         \x20 early: { type: Voice.TTS, with: { text: early it is } }\n\
         outputs:\n  seconds: ${{ nodes.last.seconds }}\n",
    );
    let done = run(&machine, &running, &job).await;
    assert_eq!(done.state, JobState::Completed, "{:?}", done.error);
    let events = machine.store.events_after(&done.id, 0, 1000).await.unwrap();
    let place = |wanted: &dyn Fn(&JobEventKind) -> bool| {
        let found = events.iter().position(|event| wanted(&event.kind));
        found.unwrap_or_else(|| panic!("{events:?}"))
    };
    let began = |name: &str| {
        place(&|kind| matches!(kind, JobEventKind::NodeStarted { node } if node == name))
    };
    let ended = |name: &str| {
        place(&|kind| match kind {
            JobEventKind::NodeFinished { node, .. } | JobEventKind::NodeSkipped { node, .. } => {
                node == name
            }
            _ => false,
        })
    };
    for (node, waited_for) in [
        ("late", "early"),
        ("last", "late"),
        ("last", "never"),
        ("last", "early"),
    ] {
        assert!(
            ended(waited_for) < began(node),
            "{node} waits for {waited_for}: {events:?}"
        );
    }
    assert_eq!(ran(&done, "never").state, NodeState::Skipped);
    assert_eq!(machine.spoken()[..2], ["early it is", "late it is"]);
    running.stop().await;
}
