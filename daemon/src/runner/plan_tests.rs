//! Plans over a stand-in renderer: what is there, what is not, why, and that nothing is made.

use fenta_client::api::jobs::{CreateJob, RunOptions};
use fenta_client::api::plan::{NodePlan, Place, Plan, PlanRequest, PlanStatus};
use fenta_workflows::rerun_reason::RerunReason;

use super::testing::{Machine, Running, TEXT, document, speech};

async fn plan(running: &Running, job: CreateJob) -> Plan {
    let request = PlanRequest {
        job,
        with_timelines: false,
    };
    running.runner.plan(request).await.unwrap()
}

async fn finish(machine: &Machine, running: &Running, job: CreateJob) -> String {
    let id = machine.submit(running, job).await;
    let ended = machine.end(&id).await;
    assert_eq!(ended.error, None);
    id
}

fn node<'a>(plan: &'a Plan, name: &str) -> &'a NodePlan {
    plan.nodes
        .iter()
        .find(|node| node.node == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", plan.nodes))
}

/// A voice, and a second one that says how long the first took.
fn chain(text: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: chain\nnodes:\n\
         \x20 voice: {{ type: Voice.TTS, with: {{ text: \"{text}\" }} }}\n\
         \x20 echo: {{ type: Voice.TTS, with: {{ text: \"it took ${{{{ nodes.voice.seconds }}}} seconds\" }} }}\n\
         \x20 after: {{ type: Voice.TTS, with: {{ text: something else }}, needs: [voice] }}\n\
         outputs:\n  a: ${{{{ nodes.echo.seconds }}}}\n  b: ${{{{ nodes.after.seconds }}}}\n"
    ))
}

#[tokio::test]
async fn a_first_plan_knows_nothing_and_makes_nothing() {
    let machine = Machine::new();
    let running = machine.start(2);
    let first = plan(&running, chain(TEXT)).await;
    let voice = node(&first, "voice");
    assert_eq!(voice.status, PlanStatus::Miss);
    assert_eq!((voice.hits, voice.misses), (0, 2));
    assert_eq!(voice.reasons, [RerunReason::FirstRun]);
    assert_eq!(voice.seconds, None, "this machine has never spoken");
    assert_eq!(voice.money.high_usd.as_deref(), Some("0"));
    let echo = node(&first, "echo");
    assert_eq!(echo.status, PlanStatus::Pending);
    let awaits = RerunReason::Awaits {
        node: "voice".to_owned(),
    };
    assert_eq!(echo.reasons, [awaits]);
    // Its parameters do not depend on the node it waits for, so it can be told.
    assert_eq!(node(&first, "after").status, PlanStatus::Miss);
    assert!(first.has_work());
    assert_eq!((first.total.hits, first.total.misses), (0, 3));
    assert!(machine.spoken().is_empty());
    assert_eq!(
        machine.store.open_jobs().await.unwrap(),
        crate::store::OpenJobs::default()
    );
    running.stop().await;
}

#[tokio::test]
async fn what_was_made_is_found_and_an_edit_says_what_it_costs() {
    let machine = Machine::new();
    let running = machine.start(2);
    finish(&machine, &running, chain(TEXT)).await;
    let again = plan(&running, chain(TEXT)).await;
    assert!(!again.has_work(), "{again:?}");
    assert_eq!((again.total.hits, again.total.misses), (3, 0));
    assert_eq!(node(&again, "voice").hits, 2);

    let edited = plan(&running, chain(&TEXT.replace("map", "song"))).await;
    let voice = node(&edited, "voice");
    assert_eq!(voice.status, PlanStatus::Partly);
    assert_eq!((voice.hits, voice.misses), (1, 1));
    assert!(
        matches!(&voice.reasons[..], [RerunReason::Param { key, .. }] if key == "text"),
        "{:?}",
        voice.reasons
    );
    let seconds = voice.seconds.expect("it has spoken before");
    assert!(
        seconds.expected > 0.0 && seconds.samples >= 3,
        "{seconds:?}"
    );
    // What cannot be told takes what it took the last time.
    assert_eq!(node(&edited, "echo").seconds.unwrap().samples, 1);
    let spoken = machine.spoken().len();
    assert_eq!(spoken, 4, "a plan speaks nothing");
    running.stop().await;
}

#[tokio::test]
async fn rules_and_options_show_in_the_plan() {
    let machine = Machine::new();
    let running = machine.start(2);
    finish(&machine, &running, speech(TEXT)).await;
    let mut off = speech(TEXT);
    off.options.no_cache = true;
    let plan_off = plan(&running, off).await;
    assert_eq!(node(&plan_off, "voice").reasons, [RerunReason::CacheOff]);
    assert_eq!(node(&plan_off, "voice").misses, 2);

    let request = document(
        "fenta: workflow/v1\nname: choir\nnodes:\n\
         \x20 choir:\n    type: Voice.TTS\n    for_each: [one is here, two is here]\n    if: ${{ index == 0 }}\n    with: { text: \"${{ item }}\" }\n\
         \x20 never: { type: Voice.TTS, if: \"${{ 1 > 2 }}\", with: { text: never said } }\n\
         \x20 other: { type: Voice.TTS, with: { text: left out } }\n",
    );
    let mut until = request.clone();
    until.options = RunOptions {
        until: vec!["choir".to_owned(), "never".to_owned()],
        ..RunOptions::default()
    };
    let planned = plan(&running, until).await;
    let choir = node(&planned, "choir");
    assert_eq!(choir.status, PlanStatus::Miss);
    assert_eq!(choir.note, "1 of 2 items skipped");
    let turns: Vec<(&str, PlanStatus)> = choir
        .items
        .iter()
        .map(|item| (item.node.as_str(), item.status))
        .collect();
    assert_eq!(
        turns,
        [
            ("choir[0]", PlanStatus::Miss),
            ("choir[1]", PlanStatus::Skipped)
        ]
    );
    assert_eq!(node(&planned, "never").status, PlanStatus::Skipped);
    assert_eq!(node(&planned, "other").status, PlanStatus::LeftOut);
    running.stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let machine = Machine::new();
    let running = machine.start(2);
    let blocked = document(
        "fenta: workflow/v1\nname: b\nnodes:\n\
         \x20 words: { type: Input.Text, with: { file: /nowhere/at/all.txt } }\n\
         \x20 voice: { type: Voice.TTS, with: { text: \"${{ nodes.words.text }}\" } }\n",
    );
    let planned = plan(&running, blocked).await;
    assert_eq!(node(&planned, "words").status, PlanStatus::Blocked);
    assert_eq!(node(&planned, "voice").status, PlanStatus::Pending);
    assert_eq!(planned.obstacles.len(), 1);
    assert!(planned.obstacles[0].message.contains("/nowhere/at/all.txt"));

    let mut only = chain(TEXT);
    only.options.only = vec!["echo".to_owned()];
    let planned = plan(&running, only).await;
    assert_eq!(node(&planned, "voice").status, PlanStatus::Blocked);
    assert!(planned.obstacles[0].message.contains("not in the cache"));

    let id = finish(&machine, &running, speech(TEXT)).await;
    let lock = super::lock_of(&machine.store, &id).await.unwrap();
    let mut frozen = speech(&TEXT.replace("map", "song"));
    frozen.options.frozen = true;
    frozen.options.lock = Some(lock);
    let planned = plan(&running, frozen).await;
    assert_eq!(planned.obstacles.len(), 1, "{:?}", planned.obstacles);
    assert!(planned.obstacles[0].message.contains("pins no result"));
    assert_eq!(node(&planned, "voice").place, Place::Local);
    running.stop().await;
}

/// A chain of texts, each built from the one before, and as many that stand alone.
fn large(nodes: usize) -> CreateJob {
    let mut text = String::from(
        "fenta: workflow/v1\nname: large\nnodes:\n  n0: { type: Input.Text, with: { text: a } }\n",
    );
    for node in 1..nodes / 2 {
        let before = node - 1;
        text.push_str(&format!(
            "  n{node}: {{ type: Input.Text, with: {{ text: \"${{{{ trim(nodes.n{before}.text) }}}}\" }} }}\n"
        ));
    }
    for node in nodes / 2..nodes {
        text.push_str(&format!(
            "  n{node}: {{ type: Voice.TTS, with: {{ text: say {node} }} }}\n"
        ));
    }
    document(&text)
}

#[tokio::test]
async fn a_large_workflow_is_planned_in_few_questions() {
    let machine = Machine::new();
    let running = machine.start(2);
    let begun = std::time::Instant::now();
    let planned = plan(&running, large(2000)).await;
    assert_eq!((planned.total.hits, planned.total.misses), (1000, 1000));
    // A tenth of what this would take with a question per node; the benchmark holds the real figure.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    running.stop().await;
}
