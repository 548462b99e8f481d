//! What a crash may cost: nothing that was finished. Small drafts, real processes, real SIGKILL.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fenta_tests::env::{FentaEnv, follow_until, kill};

/// A draft-sized workflow with enough segments to be interrupted in the middle.
const WORKFLOW: &str = r#"fenta: workflow/v1
name: survivor
nodes:
  text:    { type: Input.Text, with: { text: "The first sentence is spoken here. Then the second one follows it slowly. A third sentence makes it longer. And the fourth one ends the story." } }
  script:  { type: Script.Transform, with: { mode: split, text: "${{ nodes.text.text }}" } }
  looks:   { type: Input.Motion, with: { looks: [gradient, waves], palette: ocean } }
  voice:   { type: Voice.TTS, with: { script: "${{ nodes.script.script }}" } }
  words:   { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  cut:     { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.looks.media }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", fill: { title: "Survivor" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
  file:    { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: "survivor.mp4" } }
outputs: { video: "${{ nodes.file.path }}" }
"#;

fn start_run(env: &FentaEnv) -> Child {
    let workflow = env.write("survivor.yaml", WORKFLOW).unwrap();
    let mut command = env.command("fenta").unwrap();
    command
        .args(["run", "--json"])
        .arg(workflow)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn undisturbed() -> Vec<u8> {
    let env = FentaEnv::new().unwrap();
    let workflow = env.write("survivor.yaml", WORKFLOW).unwrap();
    let said = env
        .fenta(&["run", &workflow.to_string_lossy()])
        .unwrap()
        .expect_code(0)
        .unwrap();
    std::fs::read(&said.paths()[0]).unwrap()
}

#[test]
fn a_killed_daemon_goes_on_from_the_last_finished_action() {
    let env = FentaEnv::new().unwrap();
    let mut child = start_run(&env);
    follow_until(&mut child, "action_finished", 2).unwrap();
    env.kill_daemon().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let resumed = env
        .fenta(&["job", "resume", "latest"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    drop(resumed);
    let workflow = env.work().join("survivor.yaml");
    let said = env
        .fenta(&["run", &workflow.to_string_lossy()])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(
        std::fs::read(&said.paths()[0]).unwrap(),
        undisturbed(),
        "the file is the same"
    );

    // What was finished before the kill was not done again: each digest of a cached kind finished once, over all jobs.
    let jobs = env
        .fenta(&["job", "ls", "-q"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let mut finished = std::collections::BTreeMap::<String, u32>::new();
    for job in jobs.stdout.lines() {
        let log = env
            .fenta(&["logs", job, "--json"])
            .unwrap()
            .expect_code(0)
            .unwrap();
        for event in log
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        {
            let cached_kind = !matches!(
                event["action"].as_str(),
                Some("collect" | "resolve_fonts" | "publish" | "read_text")
            );
            if event["type"] == "action_finished" && cached_kind {
                *finished
                    .entry(event["digest"].as_str().unwrap().to_owned())
                    .or_default() += 1;
            }
        }
    }
    assert!(finished.len() > 5, "{finished:?}");
    assert!(finished.values().all(|times| *times == 1), "{finished:?}");
}

/// How long a daemon may take to end that is asked to while it works.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_daemon_that_is_asked_to_end_under_load_does_so_and_the_next_one_goes_on() {
    let env = FentaEnv::new().unwrap();
    let mut child = start_run(&env);
    follow_until(&mut child, "action_finished", 2).unwrap();
    // Whoever follows the job would ask for the next daemon at once.
    child.kill().unwrap();
    child.wait().unwrap();
    let daemon = env.daemon_pid().unwrap();
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_raw(daemon).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    while std::fs::exists(format!("/proc/{daemon}/exe")).unwrap()
        && std::fs::read_link(format!("/proc/{daemon}/exe")).is_ok()
    {
        assert!(begun.elapsed() < ENDS_WITHIN, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("ended in {} ms", begun.elapsed().as_millis());
    assert!(
        !env.state().join("running").exists(),
        "it left in order: nothing has to be checked at the next start"
    );
    let wal = std::fs::metadata(env.state().join("fenta.db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "everything is in the database");
    let said = env.fenta(&["job", "resume", "latest"]).unwrap();
    said.expect_code(0).unwrap();
    let film = env.work().join("survivor.mp4");
    assert_eq!(std::fs::read(film).unwrap(), undisturbed());
}

#[test]
fn a_killed_worker_is_tried_again_and_the_job_finishes() {
    let env = FentaEnv::new().unwrap();
    let mut child = start_run(&env);
    let event = follow_until(&mut child, "action_started", 3).unwrap();
    let pid = i32::try_from(event["pid"].as_i64().expect("a worker has a process id")).unwrap();
    kill(pid).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "{status}");

    let workflow = env.work().join("survivor.yaml");
    let said = env
        .fenta(&["run", &workflow.to_string_lossy()])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(std::fs::read(&said.paths()[0]).unwrap(), undisturbed());
    let jobs = env
        .fenta(&["job", "ls", "-q"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let oldest = jobs.stdout.lines().last().unwrap();
    let log = env
        .fenta(&["logs", oldest, "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(log.stdout.contains("action_retried"), "{}", log.stdout);
}
