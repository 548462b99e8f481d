//! The rules of a document over a stand-in renderer: conditions, items, failures, time, cache, budget, options, lock.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{CreateJob, Job, NodeRun, NodeState, Refresh, RunOptions};
use fenta_workflows::job_event::{JobEventKind, JobState, OutputValue};
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::worker::FailureClass;

use super::testing::{Machine, TEXT, document, speech};
use super::{OptionsError, SubmitError};
use crate::store::AddedBudget;

/// A workflow of one node with these keys beside its type and text.
fn voice(text: &str, keys: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: speech\nnodes:\n  voice:\n    type: Voice.TTS\n    with: {{ text: \"{text}\" }}\n{keys}\
         outputs:\n  seconds: ${{{{ default(nodes.voice.seconds, 0) }}}}\n"
    ))
}

/// One node that speaks once for each of three texts.
fn choir(keys: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: choir\ninputs:\n  texts: {{ type: \"string[]\", default: [one is here, two is here, three is here] }}\n\
         nodes:\n  voice:\n    type: Voice.TTS\n    for_each: ${{{{ inputs.texts }}}}\n    with: {{ text: \"${{{{ item }}}}\" }}\n{keys}\
         outputs:\n  seconds: ${{{{ nodes.voice.seconds }}}}\n"
    ))
}

async fn run(machine: &Machine, request: CreateJob) -> Job {
    let running = machine.start(2);
    let id = machine.submit(&running, request).await;
    let job = machine.end(&id).await;
    running.stop().await;
    job
}

fn node<'a>(job: &'a Job, name: &str) -> &'a NodeRun {
    job.nodes
        .iter()
        .find(|run| run.node == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", job.nodes))
}

fn states(job: &Job) -> Vec<(&str, NodeState)> {
    job.nodes
        .iter()
        .map(|run| (run.node.as_str(), run.state))
        .collect()
}

const FAILS: &str = r#"case "$text" in *two*) echo '{"event":"failed","class":"input","message":"cannot say two","hint":"say one"}'; exit 1;; esac"#;

// spec: W-46
#[tokio::test]
async fn a_false_condition_skips_and_its_ports_are_null() {
    let machine = Machine::new();
    let job = run(&machine, voice(TEXT, "    if: ${{ 1 > 2 }}\n")).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let skipped = node(&job, "voice");
    assert_eq!(skipped.state, NodeState::Skipped);
    assert_eq!(skipped.note, "its `if` is false");
    assert_eq!(job.outputs.get("seconds"), Some(&OutputValue::Whole(0)));
    assert!(machine.spoken().is_empty());
    let event = machine
        .event(&job.id, |kind| {
            matches!(kind, JobEventKind::NodeSkipped { .. })
        })
        .await;
    assert!(matches!(event, JobEventKind::NodeSkipped { node, .. } if node == "voice"));
}

// spec: W-47
#[tokio::test]
async fn every_item_is_a_turn_of_its_own() {
    let machine = Machine::new();
    let job = run(&machine, choir("")).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let finished = NodeState::Finished;
    assert_eq!(
        states(&job),
        [
            ("voice", finished),
            ("voice[0]", finished),
            ("voice[1]", finished),
            ("voice[2]", finished)
        ]
    );
    assert_eq!(node(&job, "voice").ran, 3);
    let Some(OutputValue::List(seconds)) = job.outputs.get("seconds") else {
        panic!("{:?}", job.outputs);
    };
    assert_eq!(seconds.len(), 3);

    // Another text of one item: the other two are found.
    let mut edited = choir("");
    edited.workflow.text = edited.workflow.text.replace("two is", "deux is");
    let job = run(&machine, edited).await;
    assert_eq!(
        (node(&job, "voice").ran, node(&job, "voice").cached),
        (1, 2)
    );
    let turn = node(&job, "voice[1]");
    assert_eq!(turn.ran, 1);
    assert!(
        matches!(&turn.reasons[..], [RerunReason::Param { key, .. }] if key == "text"),
        "{:?}",
        turn.reasons
    );
    assert!(node(&job, "voice[0]").reasons.is_empty());
    assert_eq!(node(&job, "voice").reasons, turn.reasons);
}

// spec: W-49
#[tokio::test]
async fn only_so_many_items_run_at_a_time() {
    let machine = Machine::new();
    machine.hook(
        r#"echo + >> "$here/busy"; sleep 0.1; sort "$here/busy" | uniq -c >> "$here/seen"; : > "$here/busy""#,
    );
    let running = machine.start(8);
    let id = machine
        .submit(&running, choir("    max_parallel: 1\n"))
        .await;
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let seen = std::fs::read_to_string(machine.path("seen")).unwrap();
    assert!(seen.lines().all(|line| line.trim() == "1 +"), "{seen}");
    assert_eq!(seen.lines().count(), 3);
    running.stop().await;
}

#[tokio::test]
async fn an_items_own_condition_drops_it_and_so_does_a_skipped_failure() {
    let machine = Machine::new();
    let job = run(&machine, choir("    if: ${{ index != 1 }}\n")).await;
    assert_eq!(node(&job, "voice[1]").state, NodeState::Skipped);
    assert_eq!(node(&job, "voice").note, "1 of 3 items skipped");
    assert_eq!(machine.spoken().len(), 2);

    let machine = Machine::new();
    machine.hook(FAILS);
    let job = run(&machine, choir("    on_error: skip\n")).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let turn = node(&job, "voice[1]");
    assert_eq!(turn.state, NodeState::Skipped);
    assert!(turn.note.contains("cannot say two"), "{}", turn.note);
    let Some(OutputValue::List(seconds)) = job.outputs.get("seconds") else {
        panic!("{:?}", job.outputs);
    };
    assert_eq!(seconds.len(), 2, "a failed item is dropped");
}

#[tokio::test]
async fn a_failed_item_fails_the_node_and_says_which() {
    let machine = Machine::new();
    machine.hook(FAILS);
    let job = run(&machine, choir("")).await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(node(&job, "voice[1]").state, NodeState::Failed);
    assert_eq!(node(&job, "voice").state, NodeState::Failed);
    let error = job.error.unwrap();
    assert_eq!(
        (&*error.node, error.class),
        ("voice", Some(FailureClass::Input))
    );
    assert_eq!(error.message, "cannot say two");
}

// spec: W-55
#[tokio::test]
async fn a_fallback_is_tried_with_its_own_parameters_and_noted() {
    let machine = Machine::new();
    machine.hook(FAILS);
    let keys = "    on_error: { fallback: { text: one will do } }\n";
    let job = run(&machine, voice("two is too much", keys)).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let fallen = node(&job, "voice");
    assert_eq!(fallen.state, NodeState::Finished);
    assert_eq!(fallen.note, "used its fallback after: cannot say two");
    assert_eq!(machine.spoken(), ["two is too much", "one will do"]);
    machine
        .event(&job.id, |kind| {
            matches!(kind, JobEventKind::NodeFellBack { .. })
        })
        .await;
}

// spec: W-54
#[tokio::test]
async fn a_timeout_ends_the_worker_and_names_the_limit() {
    let machine = Machine::new();
    machine.close_door();
    let job = run(&machine, voice(TEXT, "    timeout: 300ms\n")).await;
    let error = job.error.unwrap();
    assert_eq!(error.class, Some(FailureClass::Timeout));
    assert_eq!(error.message, "it took longer than its `timeout` of 300ms");
    let started = machine
        .event(&job.id, |kind| {
            matches!(kind, JobEventKind::ActionStarted { .. })
        })
        .await;
    let JobEventKind::ActionStarted { pid: Some(pid), .. } = started else {
        panic!("{started:?}");
    };
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(
        machine.spoken().len(),
        2,
        "one try, two sentences side by side"
    );
}

// spec: W-53
#[tokio::test]
async fn retries_follow_the_documents_rule() {
    let crash = "kill -KILL $$";
    for (keys, tries) in [
        (
            "    retry: { attempts: 2, backoff: 1ms..2ms, on: [crash] }\n",
            2,
        ),
        (
            "    retry: { attempts: 5, backoff: 1ms..2ms, on: [server] }\n",
            1,
        ),
        // Unwritten waits stay those of this machine's work, here a few milliseconds: not a provider's seconds.
        ("    retry: 4\n", 4),
    ] {
        let machine = Machine::new();
        machine.hook(crash);
        let job = run(&machine, voice("Only one sentence is here.", keys)).await;
        assert_eq!(job.state, JobState::Failed);
        assert_eq!(machine.spoken().len(), tries, "{keys}");
    }
}

// spec: W-54
#[tokio::test]
async fn a_timeout_limits_one_item_and_not_all_of_them() {
    let machine = Machine::new();
    // Only the second item hangs: the node goes on with the others after its limit.
    machine.hook(r#"case "$text" in *two*) until [ -e "$here/open" ]; do sleep 0.02; done;; esac"#);
    let keys = "    timeout: 2s\n    on_error: skip\n    max_parallel: 1\n";
    let job = run(&machine, choir(keys)).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert!(node(&job, "voice[1]").note.contains("`timeout` of 2s"));
    assert_eq!(node(&job, "voice").note, "1 of 3 items skipped");
    assert_eq!(node(&job, "voice[2]").state, NodeState::Finished);
}

#[tokio::test]
async fn a_node_is_tried_again_after_its_timeout_where_the_document_says_so() {
    let machine = Machine::new();
    machine.close_door();
    let keys = "    timeout: 200ms\n    retry: { attempts: 2, backoff: 1ms..2ms, on: [timeout] }\n";
    let job = run(&machine, voice("Only one sentence is here.", keys)).await;
    assert_eq!(job.error.unwrap().class, Some(FailureClass::Timeout));
    assert_eq!(machine.spoken().len(), 2);
}

// spec: W-57
#[tokio::test]
async fn cache_rules_decide_what_counts() {
    let machine = Machine::new();
    run(&machine, speech(TEXT)).await;
    for (keys, reason) in [
        ("    cache: off\n", RerunReason::CacheOff),
        ("    cache: refresh\n", RerunReason::Refreshed),
    ] {
        let job = run(&machine, voice(TEXT, keys)).await;
        let again = node(&job, "voice");
        assert_eq!((again.ran, &again.reasons[..]), (2, &[reason][..]));
    }
    let fresh = run(&machine, voice(TEXT, "    cache: { ttl: 1h }\n")).await;
    assert_eq!(node(&fresh, "voice").cached, 2);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let stale = run(&machine, voice(TEXT, "    cache: { ttl: 10ms }\n")).await;
    assert!(
        matches!(
            node(&stale, "voice").reasons[..],
            [RerunReason::Expired { ttl_ms: 10, age_ms }] if age_ms >= 10
        ),
        "{:?}",
        node(&stale, "voice").reasons
    );
}

/// words -> voice, and a node of its own.
fn chain(options: RunOptions) -> CreateJob {
    let mut request = document(
        "fenta: workflow/v1\nname: chain\nnodes:\n\
         \x20 first: { type: Voice.TTS, with: { text: first it is } }\n\
         \x20 second: { type: Voice.TTS, with: { text: second it is }, needs: [first] }\n\
         \x20 other: { type: Voice.TTS, with: { text: other it is } }\n\
         outputs:\n  a: ${{ nodes.second.seconds }}\n  b: ${{ nodes.other.seconds }}\n",
    );
    request.options = options;
    request
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn options_choose_nodes_and_what_the_cache_may_say() {
    let machine = Machine::new();
    let until = RunOptions {
        until: names(&["first"]),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(until)).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(machine.spoken(), ["first it is"]);
    assert_eq!(node(&job, "second").state, NodeState::LeftOut);
    assert!(job.outputs.is_empty(), "{:?}", job.outputs);

    let only = |wanted: &[&str]| RunOptions {
        only: names(wanted),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(only(&["second"]))).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(node(&job, "first").cached, 1);
    assert_eq!(job.outputs.keys().collect::<Vec<_>>(), ["a"]);

    let from = RunOptions {
        from: names(&["second"]),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(from)).await;
    assert_eq!(node(&job, "first").cached, 1);
    assert_eq!(node(&job, "second").reasons, [RerunReason::Refreshed]);
    assert_eq!(node(&job, "other").state, NodeState::LeftOut);

    let no_cache = RunOptions {
        no_cache: true,
        until: names(&["second"]),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(no_cache)).await;
    assert_eq!(node(&job, "first").reasons, [RerunReason::CacheOff]);
    let refresh = RunOptions {
        refresh: Refresh::Nodes(names(&["first"])),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(refresh)).await;
    assert_eq!(node(&job, "first").reasons, [RerunReason::Refreshed]);
    assert_eq!(node(&job, "second").cached, 1);
    assert_eq!(node(&job, "other").ran, 1);
}

#[tokio::test]
async fn what_should_be_in_the_cache_and_is_not_is_named() {
    let machine = Machine::new();
    let only = RunOptions {
        only: names(&["second"]),
        ..RunOptions::default()
    };
    let job = run(&machine, chain(only)).await;
    let error = job.error.unwrap();
    assert_eq!(error.node, "first");
    assert_eq!(
        error.message,
        "1 of 1 results are not in the cache (speak), and the options of the run leave the node out"
    );
    assert!(error.hint.contains("first"), "{}", error.hint);
    assert!(machine.spoken().is_empty());
}

#[tokio::test]
async fn a_seed_of_the_run_takes_the_place_of_the_documents() {
    let machine = Machine::new();
    let mut request = document(
        "fenta: workflow/v1\nname: m\nseed: 7\nnodes:\n  music: { type: Input.Music, with: { mood: calm } }\n",
    );
    request.options.seed = Some(12);
    // The stand-in cannot compose; the key it was asked under tells the seed.
    let job = run(&machine, request).await;
    let earlier = machine.store.earlier_run(&job.id, "music").await.unwrap();
    assert_eq!(earlier.unwrap().key.params["seed"].preview, "12");
}

// spec: W-58
#[tokio::test]
async fn a_frozen_run_takes_what_is_pinned_and_nothing_else() {
    let machine = Machine::new();
    let first = run(&machine, speech(TEXT)).await;
    let lock = super::lock_of(&machine.store, &first.id).await.unwrap();
    assert_eq!(lock.nodes["voice"].voice.as_deref(), Some("flite:slt"));
    assert_eq!(lock.results.len(), 2);
    let frozen = |text: &str, lock| {
        let mut request = speech(text);
        request.options.frozen = true;
        request.options.lock = lock;
        request
    };
    let again = run(&machine, frozen(TEXT, Some(lock.clone()))).await;
    assert_eq!(again.state, JobState::Completed, "{:?}", again.error);

    // What is pinned and gone is made again, and must come out the same.
    let blob = fenta_workflows::digest::blob_digest(b"The dance is a map.");
    std::fs::remove_file(machine.cas.path(&blob)).unwrap();
    let remade = run(&machine, frozen(TEXT, Some(lock.clone()))).await;
    assert_eq!(remade.state, JobState::Completed, "{:?}", remade.error);
    std::fs::remove_file(machine.cas.path(&blob)).unwrap();
    machine.hook(r#"text="$text""#);
    let script = std::fs::read_to_string(machine.path("render")).unwrap();
    let louder = script.replace("n*1000+900", "n*1000+901");
    std::fs::write(machine.path("render"), louder).unwrap();
    let other = run(&machine, frozen(TEXT, Some(lock.clone()))).await;
    let error = other.error.unwrap();
    assert!(error.message.contains("not the pinned one"), "{error:?}");

    let running = machine.start(1);
    // Everything that is not pinned is named, and nothing of it is spoken.
    let before = machine.spoken().len();
    let edited = frozen("Wholly new it is. And this one too.", Some(lock.clone()));
    let refused = running.runner.submit(edited, None).await.unwrap_err();
    assert!(
        matches!(&refused, SubmitError::Options(OptionsError::NotPinned(all)) if all.len() == 2),
        "{refused:?}"
    );
    assert_eq!(machine.spoken().len(), before);
    let refused = running.runner.submit(frozen(TEXT, None), None).await;
    assert!(
        matches!(refused, Err(SubmitError::Options(OptionsError::NoLock))),
        "{refused:?}"
    );
    let mut stranger = lock;
    stranger.nodes.get_mut("voice").unwrap().version += 1;
    let refused = running
        .runner
        .submit(frozen(TEXT, Some(stranger)), None)
        .await;
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("node `voice`: Voice.TTS was version"),
        "{error}"
    );
    running.stop().await;
}

// spec: W-61
#[tokio::test]
async fn a_provider_is_not_called_without_the_network() {
    let document_of = |head: &str| {
        document(&format!(
            "fenta: workflow/v1\nname: n\n{head}providers: {{ llm: \"openrouter:openai/gpt-6-luna\" }}\n\
             nodes:\n  script: {{ type: Script.Generate, with: {{ brief: bees }} }}\n\
             outputs:\n  title: ${{{{ nodes.script.title }}}}\n"
        ))
    };
    let machine = Machine::new();
    let mut offline = document_of("");
    offline.options.offline = true;
    for (request, words) in [
        (
            offline,
            "this run is offline: openrouter:openai/gpt-6-luna may not be called",
        ),
        (
            document_of("network: local-only\n"),
            "the workflow's `network` is local-only: openrouter:openai/gpt-6-luna may not be called",
        ),
        (document_of(""), "no provider configured for role `llm`"),
    ] {
        let job = run(&machine, request).await;
        let error = job.error.unwrap();
        assert!(error.message.starts_with(words), "{error:?}");
    }
}

#[tokio::test]
async fn money_is_checked_before_it_is_spent_and_optional_nodes_go_first() {
    let clip = |budget: &str, keys: &str| {
        document(&format!(
            "fenta: workflow/v1\nname: n\nbudget: {budget}\n\
             nodes:\n  clip:\n    type: Input.KAI.GenerateVideo\n    with: {{ prompt: a bee, model: \"kie:veo3_fast\", seconds: 8 }}\n{keys}\
             \x20 voice: {{ type: Voice.TTS, with: {{ text: it goes on }} }}\n\
             outputs:\n  seconds: ${{{{ nodes.voice.seconds }}}}\n"
        ))
    };
    let machine = Machine::new();
    let failed = clip("{ max_usd: 0.10, on_exceed: fail }", "");
    let job = run(&machine, failed).await;
    let error = job.error.unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(error.class, Some(FailureClass::Budget));
    assert_eq!(
        error.message,
        "it may cost $1.25, and $0.1 of the budget's $0.1 are left"
    );

    let waits = run(&machine, clip("{ max_usd: 0.10, on_exceed: pause }", "")).await;
    assert_eq!(waits.state, JobState::Paused);
    let running = machine.start(1);
    let resumed = running
        .runner
        .resume(&waits.id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(resumed.job.state, JobState::Queued, "a paused job goes on");
    assert_eq!(machine.end(&waits.id).await.state, JobState::Paused);
    running.stop().await;

    let budget = "{ max_usd: 0.10, on_exceed: skip_optional }";
    let job = run(&machine, clip(budget, "    optional: true\n")).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    let skipped = node(&job, "clip");
    assert_eq!(skipped.state, NodeState::Skipped);
    assert!(
        skipped.note.starts_with("it is optional"),
        "{}",
        skipped.note
    );
}

#[tokio::test]
async fn a_request_nobody_can_read_fails_its_job_and_breaks_no_list() {
    let machine = Machine::new();
    let job = crate::store::jobs_testing::create(&machine.store, "old").await;
    machine
        .store
        .spoil_request(&job, r#"{"from":"another version"}"#)
        .await;
    let ended = run(&machine, speech(TEXT)).await;
    assert_eq!(ended.state, JobState::Completed);
    let failed = machine.end(&job).await;
    assert_eq!(failed.state, JobState::Failed);
    let error = failed.error.unwrap();
    assert!(
        error.message.contains("cannot read what the job asked for"),
        "{error:?}"
    );
    assert_eq!(error.hint, "submit the workflow again");
    let listed = machine
        .store
        .list_jobs(crate::store::JobFilter {
            limit: 10,
            ..crate::store::JobFilter::default()
        })
        .await
        .unwrap();
    assert_eq!(listed.len(), 2);
    let _: BTreeMap<String, OutputValue> = failed.outputs;
}
