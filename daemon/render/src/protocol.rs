//! The conversation with the daemon: one job in, events out, one JSON object a line.
//!
//! Neighbours: `main` connects it to standard input and output, `job` does the work. Nothing else writes to the
//! output stream.

use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fenta_workflows::worker::{FailureClass, WorkerEvent, WorkerFailure, WorkerJob};

use crate::confine::is_wanted;
use crate::job::{perform, perform_run};

/// Jobs are small; more than this is not one.
const MAX_JOB_BYTES: u64 = 64 << 20;

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(5);

/// Whether the last word was said: no sign of life follows it.
static LAST_WORD: Mutex<bool> = Mutex::new(false);

/// Tells the daemon from now on that the process is alive, whatever its work does. The thread ends with the process.
pub fn beat() {
    let started = std::thread::Builder::new()
        .name("beat".to_owned())
        .stack_size(64 << 10)
        .spawn(|| {
            while is_alive() {
                std::thread::sleep(BEAT);
            }
        });
    // Without it the daemon takes the worker for dead after a while, and does the work again.
    if let Err(error) = started {
        let _ = writeln!(std::io::stderr(), "the heart does not beat: {error}");
    }
}

fn is_alive() -> bool {
    let ended = LAST_WORD.lock().unwrap_or_else(PoisonError::into_inner);
    !*ended && say(&mut std::io::stdout(), &WorkerEvent::Beat).is_ok()
}

fn say_last(output: &mut impl Write, event: &WorkerEvent) -> std::io::Result<()> {
    *LAST_WORD.lock().unwrap_or_else(PoisonError::into_inner) = true;
    say(output, event)
}

/// Reads a job, gives up what it does not need (`confine`), does it and reports; true when it succeeded.
///
/// # Errors
/// Only when the daemon cannot be told anything any more.
pub fn serve(
    input: impl Read,
    output: &mut impl Write,
    confine: impl FnOnce(&WorkerJob),
) -> std::io::Result<bool> {
    let mut lost = None;
    let outcome = read_job(input).and_then(|job| {
        if !is_wanted(&job) {
            return Err(refused(
                "the process that gave the job has ended".to_owned(),
            ));
        }
        confine(&job);
        if !job.then.is_empty() {
            return run(&job, output, &mut lost).map(|()| None);
        }
        perform(&job, &mut |done, total| {
            if let Err(error) = say(output, &WorkerEvent::Progress { done, total }) {
                lost.get_or_insert(error);
            }
        })
        .map(Some)
    });
    if let Some(error) = lost {
        return Err(error);
    }
    match outcome {
        Ok(None) => Ok(true),
        Ok(Some(done)) => {
            let event = WorkerEvent::Done {
                outputs: done.outputs,
                facts: done.facts,
            };
            say_last(output, &event).map(|()| true)
        }
        Err(failure) => say_last(output, &WorkerEvent::Failed(failure)).map(|()| false),
    }
}

/// A run of segments: every one is told as soon as it is done.
fn run(
    job: &WorkerJob,
    output: &mut impl Write,
    lost: &mut Option<std::io::Error>,
) -> Result<(), WorkerFailure> {
    perform_run(job, &mut |event| {
        if let Err(error) = say(output, &event) {
            lost.get_or_insert(error);
        }
    })
}

fn read_job(input: impl Read) -> Result<WorkerJob, WorkerFailure> {
    let mut text = Vec::new();
    input
        .take(MAX_JOB_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| refused(format!("the job could not be read: {error}")))?;
    serde_json::from_slice(&text)
        .map_err(|error| refused(format!("the job is not understood: {error}")))
}

fn refused(message: String) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Internal,
        message,
        hint: String::new(),
    }
}

fn say(output: &mut impl Write, event: &WorkerEvent) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_workflows::action::{Action, ActionFacts, ProbeRequest};
    use fenta_workflows::digest::blob_digest;
    use std::collections::BTreeMap;

    fn events(input: &[u8]) -> (bool, Vec<WorkerEvent>) {
        let mut output = Vec::new();
        let done = serve(input, &mut output, |_| ()).unwrap();
        let events = output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        (done, events)
    }

    #[test]
    fn nonsense_is_answered() {
        let (done, events) = events(b"hello");
        assert!(!done);
        let [WorkerEvent::Failed(failure)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.message.starts_with("the job is not understood"));
    }

    #[test]
    fn a_job_is_answered_with_its_facts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        tiny_skia::Pixmap::new(30, 20)
            .unwrap()
            .save_png(&path)
            .unwrap();
        let source = blob_digest(&std::fs::read(&path).unwrap());
        let job = WorkerJob {
            action: Action::Probe(ProbeRequest {
                source,
                name: "logo.png".to_owned(),
            }),
            blobs: BTreeMap::from([(source, path.to_str().unwrap().to_owned())]),
            output_dir: folder.path().to_str().unwrap().to_owned(),
            then: Vec::new(),
            parent: None,
        };
        let (done, events) = events(&serde_json::to_vec(&job).unwrap());
        assert!(done);
        let [
            WorkerEvent::Done {
                facts: ActionFacts::Media(facts),
                ..
            },
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!((facts.width, facts.height, facts.alpha), (30, 20, true));
        assert_eq!(facts.container, "png_pipe");
    }

    #[test]
    fn a_deaf_daemon_is_noticed() {
        struct Deaf;
        impl Write for Deaf {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        assert!(serve(&b"{}"[..], &mut Deaf, |_| ()).is_err());
    }
}
