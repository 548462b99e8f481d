//! One job in a worker process of its own, with what it took measured from outside.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fenta_workflows::action::ActionFacts;
use fenta_workflows::worker::{WorkerEvent, WorkerFailure, WorkerJob};

/// A worker that still works after this long hangs.
const HANGS: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(3);

/// What came of a job.
pub(crate) struct Outcome {
    /// Facts, or the verdict against the file.
    pub(crate) told: Result<ActionFacts, WorkerFailure>,
    /// Processor time in seconds.
    pub(crate) seconds: f64,
    /// Most memory held, in MiB.
    pub(crate) memory: u64,
}

/// Does a job in a process.
///
/// # Panics
/// When the worker hangs, dies or says nothing: none of that is a verdict.
pub(crate) fn work(name: &str, job: &WorkerJob) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fenta-render"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = serde_json::to_vec(job).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let (seconds, memory) = watch(name, &mut child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = said.lines().last().unwrap_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        panic!(
            "{name}: the worker says nothing; {}; {complaint}",
            output.status
        )
    });
    let told = match serde_json::from_str(last).unwrap() {
        WorkerEvent::Done { facts, .. } => Ok(facts),
        WorkerEvent::Failed(failure) => Err(failure),
        WorkerEvent::Progress { .. } | WorkerEvent::Beat => {
            panic!("{name}: the worker ended in the middle")
        }
    };
    assert_eq!(
        output.status.code(),
        Some(i32::from(told.is_err())),
        "{name}"
    );
    Outcome {
        told,
        seconds,
        memory,
    }
}

/// Waits until the worker has ended but is not yet collected, and reads what it took.
fn watch(name: &str, child: &mut Child) -> (f64, u64) {
    let folder = format!("/proc/{}", child.id());
    let (started, mut memory) = (Instant::now(), 0);
    loop {
        let status = fs::read_to_string(format!("{folder}/status")).unwrap();
        memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
            .map_or(memory, |kib| kib / 1024);
        if status.lines().any(|line| line.starts_with("State:\tZ")) {
            return (processor_seconds(&folder), memory);
        }
        if started.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("{name}: the worker hangs");
        }
        std::thread::sleep(LOOK);
    }
}

/// User and system time: fields 14 and 15, in hundredths of a second, counted after the name in parentheses.
fn processor_seconds(folder: &str) -> f64 {
    let stat = fs::read_to_string(format!("{folder}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
