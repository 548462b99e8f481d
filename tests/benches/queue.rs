//! What a long queue costs: ten thousand jobs accepted over the API while the machine renders, listed, begun, and found
//! again after the daemon was killed.
//!
//! `cargo bench --bench queue` prints the figures and fails where one is beyond its limit; `FENTA_BENCH_JOBS` sets another
//! number of jobs, for which the limits are not meant.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fenta_tests::env::FentaEnv;
use fenta_tests::talk::Connection;
use serde_json::{Value, json};

/// Clients at a time: a batch, a few schedules, a folder that is watched.
const CLIENTS: usize = 32;

/// What waits: a short video, so that those in work stay there.
const WORKFLOW: &str = r#"fenta: workflow/v1
name: queued
inputs:
  n: { type: int, default: 0 }
nodes:
  text:    { type: Input.Text, with: { text: "Number ${{ inputs.n }} begins here and takes its time. Then the second sentence follows it slowly. A third sentence makes it longer still." } }
  script:  { type: Script.Transform, with: { mode: split, text: "${{ nodes.text.text }}" } }
  looks:   { type: Input.Motion, with: { looks: [gradient, waves], palette: ocean } }
  voice:   { type: Voice.TTS, with: { script: "${{ nodes.script.script }}" } }
  words:   { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  cut:     { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.looks.media }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", fill: { title: "Queued" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
outputs: { seconds: "${{ nodes.voice.seconds }}" }
"#;

/// What is urgent and done at once: what it takes is the taking up.
const URGENT: &str = r#"fenta: workflow/v1
name: urgent
nodes:
  text: { type: Input.Text, with: { text: hello } }
outputs: { text: "${{ nodes.text.text }}" }
"#;

struct Limits {
    per_second: f64,
    restart: Duration,
    memory_mib: u64,
    list: Duration,
    /// The claim of a job, as the daemon measures it: a look and a commit.
    claim: Duration,
    /// From accepted to begun: the answer to whoever asked, the queue's turn and the claim.
    begin: Duration,
}

const LIMITS: Limits = Limits {
    per_second: 500.0,
    restart: Duration::from_secs(5),
    memory_mib: 200,
    list: Duration::from_millis(100),
    claim: Duration::from_millis(20),
    begin: Duration::from_millis(50),
};

fn main() {
    let jobs = std::env::var("FENTA_BENCH_JOBS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    let env = FentaEnv::new().unwrap().with_jobs(1);
    let mut daemon = start(&env);
    let mut failed = Vec::new();
    let mut check = |what: &str, holds: bool, figure: String| {
        println!(
            "{what:<34} {figure:>14}  {}",
            if holds { "ok" } else { "TOO MUCH" }
        );
        if !holds {
            failed.push(what.to_owned());
        }
    };

    let took = enqueue(&env, jobs);
    let rate = jobs as f64 / took.as_secs_f64();
    check(
        "accepted over the API",
        rate > LIMITS.per_second,
        format!("{rate:.0}/s"),
    );
    let memory = memory_mib(&daemon);
    check(
        "memory of the daemon",
        memory < LIMITS.memory_mib,
        format!("{memory} MiB"),
    );

    let (list, of_state) = (
        times(&env, "/v1/jobs?limit=200"),
        times(&env, "/v1/jobs?limit=200&state=queued"),
    );
    for (what, times) in [
        ("a page of 200 jobs, p95", list),
        ("a page of one state, p95", of_state),
    ] {
        let p95 = p95(times);
        check(what, p95 < LIMITS.list, millis(p95));
    }
    let before = claims(&env).len();
    let begun = p95(urgent(&env));
    let alone = p95(claims(&env).split_off(before));
    check("a claim, p95", alone < LIMITS.claim, millis(alone));
    check(
        "from accepted to begun, p95",
        begun < LIMITS.begin,
        millis(begun),
    );

    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let begun = Instant::now();
    let mut daemon = start(&env);
    let restart = begun.elapsed();
    check(
        "ready again after a kill",
        restart < LIMITS.restart,
        millis(restart),
    );
    let first = urgent(&env)[0];
    check(
        "and the first urgent job",
        first < LIMITS.restart,
        millis(first),
    );
    let memory = memory_mib(&daemon);
    check(
        "memory of the new daemon",
        memory < LIMITS.memory_mib,
        format!("{memory} MiB"),
    );
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(failed.is_empty(), "beyond the limit: {}", failed.join(", "));
}

fn socket(env: &FentaEnv) -> PathBuf {
    env.work().parent().unwrap().join("s/d.sock")
}

/// Starts the daemon and waits until it answers.
fn start(env: &FentaEnv) -> Child {
    let mut command = env.command("fentad").unwrap();
    command
        .env("FENTA_LOG", "info,fenta_daemon::runner::queue=debug")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let begun = Instant::now();
    let answers = || Connection::open(&socket(env))?.get("/v1/meta");
    while !answers().is_ok_and(|(status, _)| status == 200) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it does not start"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn job(text: &str, n: usize, priority: &str) -> Vec<u8> {
    let params = if text == WORKFLOW {
        json!({ "n": n.to_string() })
    } else {
        json!({})
    };
    serde_json::to_vec(&json!({
        "workflow": { "path": "/w/queued.yaml", "name": "queued.yaml", "text": text, "dir": "/w" },
        "params": params,
        "caller_dir": "/w",
        "options": { "priority": priority },
    }))
    .unwrap()
}

fn enqueue(env: &FentaEnv, jobs: usize) -> Duration {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(&socket(env)).unwrap();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= jobs {
                        return;
                    }
                    let (status, answer) = connection
                        .ask("POST", "/v1/jobs", &job(WORKFLOW, n, "normal"))
                        .unwrap();
                    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
                }
            });
        }
    });
    begun.elapsed()
}

fn times(env: &FentaEnv, path: &str) -> Vec<Duration> {
    let mut connection = Connection::open(&socket(env)).unwrap();
    (0..200)
        .map(|_| {
            let begun = Instant::now();
            let (status, _) = connection.get(path).unwrap();
            assert_eq!(status, 200);
            begun.elapsed()
        })
        .collect()
}

/// How long urgent jobs take from being accepted to being in work, by the times in their rows.
fn urgent(env: &FentaEnv) -> Vec<Duration> {
    let mut connection = Connection::open(&socket(env)).unwrap();
    (0..40)
        .map(|n| {
            let (status, answer) = connection
                .ask("POST", "/v1/jobs", &job(URGENT, n, "high"))
                .unwrap();
            assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
            let accepted: Value = serde_json::from_slice(&answer).unwrap();
            let path = format!("/v1/jobs/{}", accepted["id"].as_str().unwrap());
            let begun = Instant::now();
            loop {
                let found: Value =
                    serde_json::from_slice(&connection.get(&path).unwrap().1).unwrap();
                if let Some(started) = found["started_at"].as_str() {
                    return between(found["created_at"].as_str().unwrap(), started);
                }
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "it does not begin"
                );
                std::thread::sleep(Duration::from_millis(2));
            }
        })
        .collect()
}

/// What claims took, by the daemon's own log.
fn claims(env: &FentaEnv) -> Vec<Duration> {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(env.state().join("logs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    logs.sort();
    logs.iter()
        .flat_map(|log| {
            let text = std::fs::read_to_string(log).unwrap();
            let lines = text.lines().map(str::to_owned);
            lines.collect::<Vec<_>>()
        })
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .filter(|line| line["message"] == "claimed")
        .map(|line| Duration::from_micros(line["took_us"].as_u64().unwrap()))
        .collect()
}

/// Between two times of one day.
fn between(from: &str, to: &str) -> Duration {
    let millis = |text: &str| {
        let clock = &text[11..23];
        let number = |range: std::ops::Range<usize>| clock[range].parse::<u64>().unwrap();
        ((number(0..2) * 60 + number(3..5)) * 60 + number(6..8)) * 1000 + number(9..12)
    };
    Duration::from_millis(millis(to).saturating_sub(millis(from)))
}

fn p95(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 95 / 100]
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn memory_mib(daemon: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
