//! Ending things: a cancelled job leaves no worker and no partial file, Ctrl-C does what it says, and whatever is killed
//! in whatever order, nothing is left running.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fenta_tests::env::FentaEnv;
use rustix::process::{Pid, Signal, kill_process};

/// Long enough to be interrupted anywhere; `n` makes it another one.
const WORKFLOW: &str = r#"fenta: workflow/v1
name: ended
inputs:
  n: { type: int, default: 0 }
nodes:
  text:    { type: Input.Text, with: { text: "Number ${{ inputs.n }} begins here and takes its time. Then the second sentence follows it slowly. A third sentence makes it longer still. And the fourth one ends the story." } }
  script:  { type: Script.Transform, with: { mode: split, text: "${{ nodes.text.text }}" } }
  looks:   { type: Input.Motion, with: { looks: [gradient, waves], palette: ocean } }
  voice:   { type: Voice.TTS, with: { script: "${{ nodes.script.script }}" } }
  words:   { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  cut:     { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.looks.media }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", fill: { title: "Ended" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
  file:    { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: "ended-${{ inputs.n }}.mp4" } }
outputs: { video: "${{ nodes.file.path }}" }
"#;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a cancelled worker may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// The signals of the long case.
const SIGNALS: u32 = 500;

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes that work in this place's state folder: the workers. Each with its parent.
fn workers(env: &FentaEnv) -> Vec<(i32, i32)> {
    let scratch = env.state().join("scratch");
    processes()
        .filter(|pid| {
            std::fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| cwd.starts_with(&scratch))
        })
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect()
}

fn processes() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// None for a process that has ended and only waits to be noticed.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

fn send(pid: i32, signal: Signal) {
    // It may have ended by itself in between.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

fn start(env: &FentaEnv, workflow: &Path, n: u32) -> Child {
    let mut command = env.command("fenta").unwrap();
    command
        .args(["run", "-p", &format!("n={n}")])
        .arg(workflow)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn state_of(env: &FentaEnv, job: &str) -> String {
    let said = env.fenta(&["job", "show", job, "--json"]).unwrap();
    let said = said.expect_code(0).unwrap();
    let job: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    job["state"].as_str().unwrap().to_owned()
}

/// Everything below a folder that is not there for good.
fn partial_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(partial_files(&path));
        } else if path.to_string_lossy().ends_with(".partial") {
            found.push(path);
        }
    }
    found
}

fn scratch_is_empty(env: &FentaEnv) -> bool {
    std::fs::read_dir(env.state().join("scratch")).is_ok_and(|mut left| left.next().is_none())
}

#[test]
fn a_cancelled_job_leaves_neither_a_worker_nor_a_partial_file() {
    let env = FentaEnv::new().unwrap();
    let workflow = env.write("ended.yaml", WORKFLOW).unwrap();
    let said = env
        .fenta(&["run", "--detach", &workflow.to_string_lossy()])
        .unwrap();
    let job = said.expect_code(0).unwrap().stdout.trim().to_owned();
    wait_for("a worker", || (!workers(&env).is_empty()).then_some(()));
    let begun = Instant::now();
    env.fenta(&["job", "cancel", &job])
        .unwrap()
        .expect_code(0)
        .unwrap();
    wait_for("the end of the job", || {
        (state_of(&env, &job) == "cancelled").then_some(())
    });
    assert_eq!(
        workers(&env),
        [],
        "when the job says so, its workers are gone"
    );
    let took = begun.elapsed();
    println!("cancelled in {} ms", took.as_millis());
    assert!(took < GONE_WITHIN, "{took:?}");
    wait_for("an empty scratch folder", || {
        scratch_is_empty(&env).then_some(())
    });
    assert_eq!(partial_files(&env.work()), [] as [PathBuf; 0]);
}

#[test]
fn ctrl_c_cancels_where_nobody_can_be_asked_and_the_third_one_leaves() {
    let env = FentaEnv::new().unwrap();
    let workflow = env.write("ended.yaml", WORKFLOW).unwrap();
    let mut child = start(&env, &workflow, 1);
    wait_for("a worker", || (!workers(&env).is_empty()).then_some(()));
    send(i32::try_from(child.id()).unwrap(), Signal::INT);
    assert_eq!(
        child.wait().unwrap().code(),
        Some(11),
        "cancelled, and said so"
    );
    assert_eq!(workers(&env), []);
    assert_eq!(state_of(&env, "latest"), "cancelled");

    // A daemon that does not answer keeps nobody: the third Ctrl-C leaves.
    let mut child = start(&env, &workflow, 2);
    wait_for("a worker", || (!workers(&env).is_empty()).then_some(()));
    let daemon = env.daemon_pid().unwrap();
    send(daemon, Signal::STOP);
    let pid = i32::try_from(child.id()).unwrap();
    let status = wait_for("the end of the command", || {
        send(pid, Signal::INT);
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap()
    });
    send(daemon, Signal::CONT);
    assert!(matches!(status.code(), Some(130 | 20)), "{status}");
}

/// A small generator: the same signals in the same order at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn five_hundred_random_signals_leave_no_orphan_and_no_partial_file() {
    let env = FentaEnv::new().unwrap();
    let workflow = env.write("ended.yaml", WORKFLOW).unwrap();
    let mut dice = Dice(20_261_123);
    let mut runs: Vec<Child> = Vec::new();
    let (mut sent, mut begun, mut of_daemon, mut of_workers) = (0, 0, 0, 0);
    let started = Instant::now();
    while sent < SIGNALS {
        runs.retain_mut(|run| run.try_wait().unwrap().is_none());
        while runs.len() < 2 {
            begun += 1;
            runs.push(start(&env, &workflow, begun));
        }
        std::thread::sleep(Duration::from_millis(dice.below(60)));
        let target = match dice.below(20) {
            0 => env.daemon_pid().map(|pid| {
                of_daemon += 1;
                (
                    pid,
                    if dice.below(2) == 0 {
                        Signal::KILL
                    } else {
                        Signal::TERM
                    },
                )
            }),
            1..=4 => {
                let run = &runs[usize::try_from(dice.below(2)).unwrap()];
                let signals = [Signal::INT, Signal::TERM, Signal::KILL];
                let signal = signals[usize::try_from(dice.below(3)).unwrap()];
                Some((i32::try_from(run.id()).unwrap(), signal))
            }
            _ => {
                let alive = workers(&env);
                let signals = [Signal::KILL, Signal::TERM, Signal::SEGV, Signal::INT];
                let signal = signals[usize::try_from(dice.below(4)).unwrap()];
                (!alive.is_empty()).then(|| {
                    of_workers += 1;
                    let index = dice.below(alive.len() as u64);
                    (alive[usize::try_from(index).unwrap()].0, signal)
                })
            }
        };
        if let Some((pid, signal)) = target {
            send(pid, signal);
            sent += 1;
        }
        if let Some(daemon) = env.daemon_pid() {
            // Whoever outlives its daemon must be on its way out: it is looked at again below.
            let strange: Vec<_> = workers(&env)
                .into_iter()
                .filter(|(_, parent)| *parent != daemon)
                .collect();
            if !strange.is_empty() {
                wait_for("the end of a dead daemon's workers", || {
                    let alive = workers(&env);
                    strange.iter().all(|one| !alive.contains(one)).then_some(())
                });
            }
        }
    }
    for mut run in runs {
        let _ = run.kill();
        let _ = run.wait();
    }
    println!(
        "{sent} signals in {:.0} s: {of_daemon} to the daemon, {of_workers} to workers, the rest to {begun} commands",
        started.elapsed().as_secs_f64()
    );
    cancel_all(&env);
    wait_for("the end of all workers", || {
        workers(&env).is_empty().then_some(())
    });
    wait_for("an empty scratch folder", || {
        scratch_is_empty(&env).then_some(())
    });
    // A file that was half published when the daemon was killed goes when the next one is put beside it.
    let said = env
        .fenta(&["run", "-p", "n=100000", &workflow.to_string_lossy()])
        .unwrap();
    said.expect_code(0).unwrap();
    assert_eq!(partial_files(&env.work()), [] as [PathBuf; 0]);
    env.kill_daemon().unwrap();
    wait_for("the end of everything", || {
        workers(&env).is_empty().then_some(())
    });
}

/// Every job that goes on is asked to end, and does.
fn cancel_all(env: &FentaEnv) {
    wait_for("the end of all jobs", || {
        let mut open = 0;
        for state in ["queued", "processing", "waiting"] {
            let said = env.fenta(&["job", "ls", "-q", "--limit", "1000", "--state", state]);
            let said = said.unwrap();
            for job in said.stdout.lines() {
                open += 1;
                let _ = env.fenta(&["job", "cancel", job]);
            }
        }
        (open == 0).then_some(())
    });
}
