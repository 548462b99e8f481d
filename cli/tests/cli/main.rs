//! The program as people and scripts meet it: arguments, files and a daemon's answers in; stdout, stderr and an exit
//! code out. The environment is empty, the home is temporary, the daemon is a script in this process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod answers;
mod batches;
mod config;
mod documents;
mod plans;
mod stage;
mod verdicts;
mod views;

use answers::{EVENTS_DONE, EVENTS_FAILED, EVENTS_UP_TO_DATE, JOB};
use stage::Stage;

const WORKFLOW: &str = "fenta: workflow/v1
name: tiny
inputs:
  topic: { type: string, required: true }
nodes:
  text:
    type: Input.Text
    with: { text: \"${{ inputs.topic }}\" }
outputs:
  said: ${{ nodes.text.text }}
";

fn stage() -> Stage {
    let stage = Stage::new();
    stage.file("w.yaml", WORKFLOW);
    stage
}

#[test]
fn results_go_to_stdout_and_everything_else_to_stderr() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, EVENTS_DONE]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "/out/a.mp4\n/out/a.srt\n");
    assert_eq!(
        ended.stderr,
        "• music  HIT (saved 4.0s)\n\
         ✓ text    9.8s  ran 3 of 14, saved 31s\n\
         \u{20}   text MISS param topic \"ants\" -> \"bees\"\n\
         done in 12s: ran 3 of 18 actions, saved 35s\n\
         loudness: -14\n"
    );
    let sent = daemon
        .asked("POST /v1/jobs")
        .expect("the job was submitted");
    assert!(sent.contains(r#""params":{"topic":"bees"}"#), "{sent}");
    assert!(sent.contains(r#""name":"w.yaml""#), "{sent}");
}

#[test]
fn an_unchanged_workflow_says_so_in_one_line() {
    let stage = stage();
    stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees"]);
    assert_eq!(
        ended.stderr,
        "up to date: 37 of 37 actions cached, saved 41s\n"
    );
    assert_eq!(ended.stdout, "/out/a.mp4\n");
}

#[test]
fn a_failed_job_ends_with_ten_and_says_what_to_do() {
    let stage = stage();
    stage.daemon(&[JOB, EVENTS_FAILED]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (10, ""));
    assert!(
        ended
            .stderr
            .ends_with("error: node `text`: no voice engine\n  help: sudo apt install libflite1\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn programs_get_events_and_an_exit_error() {
    let stage = stage();
    stage.daemon(&[JOB, EVENTS_FAILED]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees", "--json"]);
    assert_eq!(ended.code, 10);
    assert_eq!(ended.stdout.lines().count(), 3);
    assert!(
        ended
            .stdout
            .lines()
            .all(|line| line.starts_with("{\"seq\":"))
    );
    assert_eq!(
        ended.stderr,
        "{\"type\":\"exit_error\",\"code\":10,\"retryable\":false,\"message\":\"node `text`: no voice engine\",\"hint\":\"sudo apt install libflite1\"}\n"
    );
}

#[test]
fn a_lost_daemon_is_found_again() {
    let stage = stage();
    let (first, rest) = EVENTS_DONE.split_at(EVENTS_DONE.find("id: 3").unwrap());
    stage.daemon(&[JOB, first, rest]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "/out/a.mp4\n/out/a.srt\n");
    assert!(ended.stderr.contains("lost the daemon"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the daemon is back"),
        "{}",
        ended.stderr
    );
}

#[test]
fn detached_jobs_are_named_on_stdout() {
    let stage = stage();
    stage.daemon(&[JOB]);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees", "--detach"]);
    assert_eq!(ended.stdout, "job_0193\n");
    assert!(
        ended.stderr.contains("fenta logs job_0193 -f"),
        "{}",
        ended.stderr
    );
}

#[test]
fn documents_are_judged_before_any_daemon_is_asked() {
    let stage = stage();
    stage.file(
        "bad.yaml",
        &WORKFLOW.replace("nodes.text.text", "nodes.txt.text"),
    );
    let ended = stage.fenta(&["run", "bad.yaml", "-p", "topic=bees"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
    assert!(ended.stderr.contains("bad.yaml:10:19"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("did you mean `text`?"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("bad.yaml does not compile: 1 error"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["validate", "none.yaml"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("in that folder: bad.yaml, w.yaml"),
        "{}",
        ended.stderr
    );
}

#[test]
fn slips_in_inputs_are_the_callers_and_end_with_two() {
    let stage = stage();
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topik=bees"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("did you mean `topic`?"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("`topic` (string) has no value"),
        "{}",
        ended.stderr
    );
    assert_eq!(stage.fenta(&["run"]).code, 2);
    let ended = stage.fenta(&["nonsense", "--json"]);
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(
        last.starts_with(r#"{"type":"exit_error","code":2"#),
        "{last}"
    );
}

#[test]
fn lists_in_pipes_are_whole_and_tab_separated() {
    let stage = stage();
    let list = format!(r#"{{"items":[{JOB}]}}"#);
    // `ps` asks for the newest, for each state of jobs in work, and for what comes next.
    stage.daemon(&[list.as_str(); 8]);
    let ended = stage.fenta(&["ps"]);
    assert_eq!(
        ended.stdout,
        "job_0193\ttiny\tqueued\t2026-01-01T00:00:00Z\t\t\t\n"
    );
    let ended = stage.fenta(&["job", "ls", "-q"]);
    assert_eq!(ended.stdout, "job_0193\n");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let stage = stage();
    let ended = stage.shell("\"$FENTA\" help exit-codes | true; echo ${PIPESTATUS[0]}");
    assert_eq!(ended.stdout, "0\n", "{}", ended.stderr);
}

#[test]
fn looking_at_a_daemon_that_does_not_run_starts_none() {
    let stage = stage();
    let ended = stage.fenta(&["daemon", "status"]);
    assert_eq!(ended.code, 20);
    assert!(
        ended.stderr.contains("fenta daemon start"),
        "{}",
        ended.stderr
    );
    assert_eq!(stage.fenta(&["daemon", "stop"]).code, 0);
    assert!(!stage.path("state").exists());
}

#[test]
fn without_a_daemon_program_the_error_names_the_places() {
    let stage = stage();
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=bees"]);
    assert_eq!(ended.code, 20);
    assert!(ended.stderr.contains("no-fentad-here"), "{}", ended.stderr);
    assert!(ended.stderr.contains("FENTA_FENTAD"), "{}", ended.stderr);
}

#[test]
fn codes_nodes_and_help_need_no_daemon() {
    let stage = stage();
    let ended = stage.fenta(&["explain", "graph/cycle"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = stage.fenta(&["help", "exit-codes"]);
    assert!(
        ended.stdout.contains("10\tjob-failed\t"),
        "{}",
        ended.stdout
    );
    let ended = stage.fenta(&["nodes", "ls", "-q"]);
    assert!(ended.stdout.contains("Output.Render\n"), "{}", ended.stdout);
    assert_eq!(stage.fenta(&["nodes", "show", "Output.Rendr"]).code, 5);
    let ended = stage.fenta(&["--version"]);
    assert_eq!(
        ended.stdout,
        concat!("fenta ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_signal_to_end_cancels_the_job() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, "silence", JOB]);
    let ended = stage.shell(
        "\"$FENTA\" run w.yaml -p topic=bees & until [ -e asked-events ]; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?",
    );
    assert_eq!(ended.stdout, "143\n", "{}", ended.stderr);
    assert!(daemon.asked("POST /v1/jobs/job_0193/cancel").is_some());
}

#[test]
fn a_documents_inputs_are_flags_after_it() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&["run", "w.yaml", "--topic", "bees and wasps", "-q"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = daemon
        .asked("POST /v1/jobs")
        .expect("the job was submitted");
    assert!(
        sent.contains(r#""params":{"topic":"bees and wasps"}"#),
        "{sent}"
    );
    let ended = stage.fenta(&["run", "w.yaml", "--topik", "bees"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("did you mean --topic?"),
        "{}",
        ended.stderr
    );
}
