//! Actions done by a `fenta-render` process: one action, one process, one folder for its outputs. Neighbouring segments of
//! a render share a process, one after another, and have a folder each.
//!
//! The worker is expected to be attacked by its input. It gets paths of exactly the blobs the action names, has a
//! wall-clock limit, and nothing it says is believed before it was checked (`outputs`).

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use fenta_workflows::action::{Action, ActionFacts, ActionResult};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerEvent, WorkerFailure, WorkerJob};

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::failure::{blob_gone, blocking, failure, io_failure};
use super::process::{Process, ProcessError};
use super::{Attempt, ExecuteError, Notice, Tools, outputs};
use crate::store::Cas;

pub(super) async fn run(
    tools: &Tools,
    action: &Action,
    attempt: &Attempt,
) -> Result<ActionResult, ExecuteError> {
    let scratch = tools.scratch.clone();
    let folder = blocking("making a worker's folder", move || {
        tempfile::Builder::new()
            .prefix("worker-")
            .tempdir_in(&scratch)
            .map_err(|error| io_failure("write into", &scratch, &error))
    })
    .await?;
    let job = job(tools, &[action], folder.path()).await?;
    let claim = converse(tools, action, &job, folder.path(), attempt).await?;
    let result = keep(tools, action, claim, folder.path()).await;
    // Removed off the runtime's own threads.
    let _ = blocking("removing a worker's folder", move || {
        drop(folder);
        Ok(())
    })
    .await;
    result
}

/// Renders neighbouring segments in one process, in order; `made` hears of every result. Each has its attempt, which is told
/// when its turn comes.
///
/// # Errors
/// Of the segment whose turn it was, by its number: those before it were made, those after it were not begun.
pub(super) async fn run_together(
    tools: &Tools,
    members: &[(&Action, &Attempt)],
    made: &UnboundedSender<(usize, ActionResult)>,
) -> Result<(), (usize, ExecuteError)> {
    let first = |error: WorkerFailure| (0, ExecuteError::Failed(error));
    let scratch = tools.scratch.clone();
    let count = members.len();
    let folder = blocking("making a worker's folder", move || {
        let folder = tempfile::Builder::new()
            .prefix("worker-")
            .tempdir_in(&scratch)
            .map_err(|error| io_failure("write into", &scratch, &error))?;
        for number in 0..count {
            let path = folder.path().join(number.to_string());
            std::fs::create_dir(&path).map_err(|error| io_failure("make", &path, &error))?;
        }
        Ok(folder)
    })
    .await
    .map_err(first)?;
    let actions: Vec<&Action> = members.iter().map(|(action, _)| *action).collect();
    let job = job(tools, &actions, folder.path()).await.map_err(first)?;
    let attempt = members[0].1;
    let mut process = Process::start(&attempt.renderer, &tools.worker_env, folder.path(), job)
        .map_err(|error| first(not_started(&error)))?;
    let pid = process.pid();
    for (number, (action, attempt)) in members.iter().enumerate() {
        attempt.started(pid);
        match turn(tools, action, attempt, &mut process).await {
            Ok(claim) => {
                let own = folder.path().join(number.to_string());
                match keep(tools, action, claim, &own).await {
                    // Nobody listening is no reason to stop.
                    Ok(result) => drop(made.send((number, result))),
                    Err(error) => {
                        process.kill().await;
                        return Err((number, error));
                    }
                }
            }
            Err(error) => {
                process.kill().await;
                return Err((number, error));
            }
        }
    }
    // Everything is kept already; a worker that does not leave is made to.
    if tokio::time::timeout(tools.limits.leave, process.finish())
        .await
        .is_err()
    {
        process.kill().await;
    }
    Ok(())
}

/// One segment's turn in a run: listens until it is done.
async fn turn(
    tools: &Tools,
    action: &Action,
    attempt: &Attempt,
    process: &mut Process,
) -> Result<Claim, ExecuteError> {
    let limit = tools.limits.wall(action);
    let said = async {
        let mut pulse = Pulse::new(tools, action);
        while let Some(event) = pulse.next(process, attempt).await? {
            match event {
                WorkerEvent::Progress { .. } | WorkerEvent::Beat => {}
                WorkerEvent::Done { outputs, facts } => return Ok(Ok((outputs, facts))),
                WorkerEvent::Failed(failure) => return Ok(Err(failure)),
            }
        }
        Ok::<_, ListenError>(Err(failure(
            FailureClass::Crash,
            format!("the worker of {} ended without an answer", action.kind()),
            "if it happens again, the file it worked on may be broken",
        )))
    };
    tokio::select! {
        said = said => match said {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(deaf(action, error).into()),
        },
        () = tokio::time::sleep(limit) => Err(out_of_time(action, limit).into()),
        () = attempt.cancel.cancelled() => Err(ExecuteError::Cancelled),
    }
}

/// Checks what a worker claims to have made and takes it into the store.
async fn keep(
    tools: &Tools,
    action: &Action,
    (claimed, facts): Claim,
    folder: &Path,
) -> Result<ActionResult, ExecuteError> {
    let files = outputs::files(action, &claimed, folder)
        .and_then(|files| outputs::check_facts(action, &facts, &files).map(|()| files))
        .map_err(|why| untrue(action, &why))?;
    let (cas, kind) = (tools.cas.clone(), action.kind());
    let outputs = blocking("keeping a worker's outputs", move || {
        files
            .into_iter()
            .map(|(name, path)| match cas.adopt_file(&path) {
                Ok(digest) => Ok((name, digest)),
                Err(error) => Err(io_failure("keep", Path::new(kind), &error)),
            })
            .collect::<Result<BTreeMap<String, Digest>, _>>()
    })
    .await?;
    check_pinned(action, &facts, &outputs)?;
    Ok(ActionResult { outputs, facts })
}

/// Fonts are named by content in the facts; that content must be what was handed over.
fn check_pinned(
    action: &Action,
    facts: &ActionFacts,
    outputs: &BTreeMap<String, Digest>,
) -> Result<(), WorkerFailure> {
    if let ActionFacts::Fonts(faces) = facts
        && let Some(face) = faces
            .iter()
            .find(|face| !outputs.values().any(|digest| *digest == face.file))
    {
        let why = format!("the file of {} was not handed over", face.request.family);
        return Err(untrue(action, &why));
    }
    Ok(())
}

async fn job(tools: &Tools, actions: &[&Action], folder: &Path) -> Result<Vec<u8>, WorkerFailure> {
    let cas = tools.cas.clone();
    let mut then: Vec<Action> = actions.iter().copied().cloned().collect();
    let output_dir = folder.to_string_lossy().into_owned();
    blocking("preparing a worker's job", move || {
        let mut blobs = BTreeMap::new();
        for action in &then {
            blobs.extend(paths(&cas, action)?);
        }
        let job = WorkerJob {
            action: then.remove(0),
            then,
            blobs,
            output_dir,
            parent: Some(std::process::id()),
        };
        serde_json::to_vec(&job)
            .map_err(|error| failure(FailureClass::Internal, error.to_string(), ""))
    })
    .await
}

fn paths(cas: &Cas, action: &Action) -> Result<BTreeMap<Digest, String>, WorkerFailure> {
    action
        .blobs()
        .into_iter()
        .map(|blob| {
            if cas.contains(&blob) {
                Ok((blob, cas.path(&blob).to_string_lossy().into_owned()))
            } else {
                Err(blob_gone(&blob))
            }
        })
        .collect()
}

type Claim = (BTreeMap<String, String>, ActionFacts);

async fn converse(
    tools: &Tools,
    action: &Action,
    job: &[u8],
    folder: &Path,
    attempt: &Attempt,
) -> Result<Claim, ExecuteError> {
    let mut process = Process::start(&attempt.renderer, &tools.worker_env, folder, job.to_vec())
        .map_err(|error| not_started(&error))?;
    attempt.started(process.pid());
    let limit = tools.limits.wall(action);
    let outcome = tokio::select! {
        said = listen(tools, action, &mut process, attempt) => said,
        () = tokio::time::sleep(limit) => {
            process.kill().await;
            return Err(out_of_time(action, limit).into());
        }
        () = attempt.cancel.cancelled() => {
            process.kill().await;
            return Err(ExecuteError::Cancelled);
        }
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            process.kill().await;
            return Err(deaf(action, error).into());
        }
    };
    // Its output is closed, but it may still hang.
    let leave = limit.min(tools.limits.leave);
    let ended = tokio::select! {
        ended = process.finish() => ended,
        () = tokio::time::sleep(leave) => {
            process.kill().await;
            return Err(out_of_time(action, limit).into());
        }
        () = attempt.cancel.cancelled() => {
            process.kill().await;
            return Err(ExecuteError::Cancelled);
        }
    };
    let (status, stderr) = ended.map_err(|error| untrue(action, &error.to_string()))?;
    Ok(judge(action, answer, status, &stderr)?)
}

#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the worker said what is not in its protocol ({0})")]
    Garbage(serde_json::Error),
    #[error("gave no sign of life for {:.1} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("made no progress for {:.1} s although it is alive", .0.as_secs_f64())]
    Stalled(Duration),
}

/// What it means that a worker cannot be listened to any more.
fn deaf(action: &Action, error: ListenError) -> WorkerFailure {
    let class = match error {
        ListenError::Silent(_) => FailureClass::Crash,
        ListenError::Stalled(_) => FailureClass::Timeout,
        ListenError::Process(_) | ListenError::Garbage(_) => {
            return untrue(action, &error.to_string());
        }
    };
    failure(
        class,
        format!("the worker of {} {error}", action.kind()),
        "if it happens again, the file it worked on may be broken",
    )
}

/// Whether a worker is alive, and whether it gets on.
struct Pulse {
    silence: Duration,
    stall: Option<Duration>,
    heard: Instant,
    moved: Instant,
    done: u64,
}

/// What was said before a limit was reached may be heard a moment after it: when this process was stopped itself.
const GRACE: Duration = Duration::from_secs(1);

impl Pulse {
    fn new(tools: &Tools, action: &Action) -> Self {
        let now = Instant::now();
        Self {
            silence: tools.limits.silence,
            stall: tools.limits.stall(action),
            heard: now,
            moved: now,
            done: 0,
        }
    }

    /// The next thing the worker says; nothing when it has closed its output.
    async fn next(
        &mut self,
        process: &mut Process,
        attempt: &Attempt,
    ) -> Result<Option<WorkerEvent>, ListenError> {
        let silent = self.heard + self.silence;
        let stalled = self.stall.map(|stall| self.moved + stall);
        let limit = stalled.map_or(silent, |stalled| stalled.min(silent)) + GRACE;
        let Ok(line) = tokio::time::timeout_at(limit, process.line()).await else {
            return Err(match self.stall {
                Some(stall) if limit < silent + GRACE => ListenError::Stalled(stall),
                _ => ListenError::Silent(self.silence),
            });
        };
        let Some(line) = line? else {
            return Ok(None);
        };
        let event = serde_json::from_slice(&line).map_err(ListenError::Garbage)?;
        self.heard = Instant::now();
        if let WorkerEvent::Progress { done, total } = event {
            if done != self.done {
                (self.done, self.moved) = (done, self.heard);
            }
            attempt.notify(Notice::Progress { done, total });
        }
        // A worker that beats is late for its next frame only when the moment has really come.
        match self.stall {
            Some(stall) if self.moved + stall + GRACE < self.heard => {
                Err(ListenError::Stalled(stall))
            }
            _ => Ok(Some(event)),
        }
    }
}

/// Listens until the worker closes its output; its last answer counts.
async fn listen(
    tools: &Tools,
    action: &Action,
    process: &mut Process,
    attempt: &Attempt,
) -> Result<Option<WorkerEvent>, ListenError> {
    let mut answer = None;
    let mut pulse = Pulse::new(tools, action);
    while let Some(event) = pulse.next(process, attempt).await? {
        match event {
            WorkerEvent::Progress { .. } | WorkerEvent::Beat => {}
            event => answer = Some(event),
        }
    }
    Ok(answer)
}

/// What the answer and the way the process ended mean together.
fn judge(
    action: &Action,
    answer: Option<WorkerEvent>,
    status: ExitStatus,
    stderr: &str,
) -> Result<Claim, WorkerFailure> {
    if !stderr.is_empty() {
        tracing::debug!(action = action.kind(), stderr, "a worker's own log");
    }
    if let Some(signal) = status.signal() {
        return Err(failure(
            FailureClass::Crash,
            format!(
                "the worker of {} was ended by signal {signal}",
                action.kind()
            ),
            "if it happens again, the file it worked on may be broken",
        ));
    }
    match answer {
        Some(WorkerEvent::Done { outputs, facts }) if status.success() => Ok((outputs, facts)),
        Some(WorkerEvent::Failed(reported)) => Err(reported),
        _ => {
            let last = stderr.lines().last().unwrap_or_default();
            let why = format!("it ended with {status} and no answer {last}");
            Err(untrue(action, why.trim_end()))
        }
    }
}

fn untrue(action: &Action, why: &str) -> WorkerFailure {
    failure(
        FailureClass::Internal,
        format!("the worker of {} cannot be believed: {why}", action.kind()),
        "see the daemon's log",
    )
}

fn out_of_time(action: &Action, limit: std::time::Duration) -> WorkerFailure {
    failure(
        FailureClass::Limit,
        format!(
            "{} took longer than its limit of {:.1} s",
            action.kind(),
            limit.as_secs_f64()
        ),
        "the file it worked on may be broken or far too large",
    )
}

fn not_started(error: &ProcessError) -> WorkerFailure {
    let (class, hint) = match error {
        ProcessError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => (
            FailureClass::Unsupported,
            "install Fenta completely, or set FENTA_RENDER and restart the daemon",
        ),
        _ => (FailureClass::Resource, "run it again"),
    };
    failure(class, error.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{ComposeMusicRequest, ProbeRequest};

    use super::*;
    use crate::executors::testing::{self, TestTools};

    const DONE: &str = r#"printf sound > "$out/a.wav"
echo '{"event":"progress","done":1,"total":2}'
echo '{"event":"done","outputs":{"audio":"a.wav"},"facts":{"kind":"none"}}'"#;

    fn music() -> Action {
        Action::ComposeMusic(ComposeMusicRequest {
            seed: 1,
            mood: "calm".to_owned(),
            bpm: 90,
            duration_ms: 1000,
        })
    }

    async fn run_script(test: &TestTools, body: &str) -> Result<ActionResult, ExecuteError> {
        let script = testing::script(test.folder.path(), "render", body);
        let (attempt, _heard) = testing::attempt(&script);
        run(&test.tools, &music(), &attempt).await
    }

    async fn failure_of(body: &str) -> WorkerFailure {
        let test = testing::tools();
        let outcome = run_script(&test, body).await;
        let left = std::fs::read_dir(&test.tools.scratch).unwrap().count();
        assert_eq!(left, 0, "the worker's folder is gone");
        match outcome.unwrap_err() {
            ExecuteError::Failed(failure) => failure,
            ExecuteError::Cancelled => panic!("cancelled"),
        }
    }

    #[tokio::test]
    async fn outputs_become_blobs_and_progress_is_heard() {
        let test = testing::tools();
        let script = testing::script(test.folder.path(), "render", DONE);
        let (attempt, mut heard) = testing::attempt(&script);
        let result = run(&test.tools, &music(), &attempt).await.unwrap();
        let digest = result.outputs["audio"];
        assert_eq!(
            std::fs::read(test.tools.cas.path(&digest)).unwrap(),
            b"sound"
        );
        let started = heard.recv().await.unwrap();
        assert!(
            matches!(
                started,
                Notice::Started {
                    pid: Some(_),
                    attempt: 1
                }
            ),
            "{started:?}"
        );
        let progress = heard.recv().await.unwrap();
        assert_eq!(progress, Notice::Progress { done: 1, total: 2 });
        assert_eq!(std::fs::read_dir(&test.tools.scratch).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_signal_is_a_crash_even_after_done() {
        let failure = failure_of(&format!("{DONE}\nkill -SEGV $$")).await;
        assert_eq!(failure.class, FailureClass::Crash);
        assert!(failure.message.contains("signal 11"), "{failure:?}");
    }

    #[tokio::test]
    async fn what_is_not_the_protocol_is_not_believed() {
        for (body, wanted) in [
            ("echo hello", "not in its protocol"),
            ("exit 3", "exit status: 3 and no answer"),
            ("echo oh no >&2; exit 1", "no answer oh no"),
            ("exit 0", "no answer"),
            (
                r#"echo '{"event":"done","outputs":{"audio":"../x"},"facts":{"kind":"none"}}'"#,
                "file name `../x`",
            ),
            (
                r#"echo '{"event":"done","outputs":{},"facts":{"kind":"none"}}'"#,
                "output `audio` is missing",
            ),
            (
                r#"printf x > "$out/a"; echo '{"event":"done","outputs":{"audio":"a"},"facts":{"kind":"text","value":"x"}}'"#,
                "not those of compose_music",
            ),
            (&format!("{DONE}; exit 1"), "exit status: 1"),
        ] {
            let failure = failure_of(body).await;
            assert_eq!(failure.class, FailureClass::Internal, "{body}");
            assert!(failure.message.contains(wanted), "{body}: {failure:?}");
        }
    }

    #[tokio::test]
    async fn its_own_failure_is_passed_on() {
        let failure = failure_of(
            r#"echo '{"event":"failed","class":"input","message":"no video in it","hint":"h"}'; exit 1"#,
        )
        .await;
        assert_eq!(failure.class, FailureClass::Input);
        assert_eq!((&*failure.message, &*failure.hint), ("no video in it", "h"));
    }

    #[tokio::test]
    async fn a_worker_that_hangs_is_stopped() {
        let mut test = testing::tools();
        test.tools.limits.floor = Duration::from_millis(50);
        test.tools.limits.per_second_of_sound = Duration::ZERO;
        let outcome = run_script(&test, "sleep 1000").await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.class, FailureClass::Limit);
        assert!(failure.message.contains("0.1 s") || failure.message.contains("0.05"));
    }

    #[tokio::test]
    async fn a_worker_that_closes_its_output_and_stays_is_stopped_too() {
        let mut test = testing::tools();
        test.tools.limits.floor = Duration::from_millis(50);
        test.tools.limits.per_second_of_sound = Duration::ZERO;
        let outcome = run_script(&test, "exec >&-; sleep 1000").await;
        assert!(
            matches!(&outcome, Err(ExecuteError::Failed(f)) if f.class == FailureClass::Limit),
            "{outcome:?}"
        );
    }

    #[tokio::test]
    async fn a_worker_that_is_silent_is_taken_for_dead_and_tried_again() {
        let mut test = testing::tools();
        test.tools.limits.silence = Duration::from_millis(100);
        let outcome = run_script(&test, "sleep 1000").await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.class, FailureClass::Crash);
        assert!(
            failure.message.contains("no sign of life for 0.1 s"),
            "{failure:?}"
        );
        let signs = format!("for i in 1 2 3 4; do sleep 0.7; echo '{BEAT}'; done\n{DONE}");
        run_script(&test, &signs).await.unwrap();
    }

    const BEAT: &str = r#"{"event":"beat"}"#;

    #[tokio::test]
    async fn a_worker_that_beats_without_getting_on_is_stopped_and_tried_again() {
        let mut test = testing::tools();
        test.tools.limits.stall = Duration::from_millis(200);
        let render = crate::runner::testing::render(30);
        let body = format!(
            r#"echo '{{"event":"progress","done":1,"total":30}}'
while true; do sleep 0.1; echo '{BEAT}'; done"#
        );
        let script = testing::script(test.folder.path(), "render", &body);
        let (attempt, mut heard) = testing::attempt(&script);
        let outcome = run(&test.tools, &render, &attempt).await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.class, FailureClass::Timeout);
        assert!(
            failure
                .message
                .contains("no progress for 0.2 s although it is alive"),
            "{failure:?}"
        );
        let Some(Notice::Started { pid: Some(pid), .. }) = heard.recv().await else {
            panic!("it started");
        };
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_worker_that_has_answered_and_stays_is_cancelled_too() {
        let test = testing::tools();
        let body = format!("{DONE}\nexec >&-; sleep 1000");
        let script = testing::script(test.folder.path(), "render", &body);
        let (attempt, mut heard) = testing::attempt(&script);
        let cancel = attempt.cancel.clone();
        let action = music();
        let running = run(&test.tools, &action, &attempt);
        let stop = async {
            let Some(Notice::Started { pid: Some(pid), .. }) = heard.recv().await else {
                panic!("it started");
            };
            heard.recv().await.unwrap();
            cancel.cancel();
            pid
        };
        let begun = Instant::now();
        let (outcome, pid) = tokio::join!(running, stop);
        assert_eq!(outcome, Err(ExecuteError::Cancelled));
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_cancelled_worker_is_gone() {
        let test = testing::tools();
        let script = testing::script(test.folder.path(), "render", "sleep 1000");
        let (attempt, mut heard) = testing::attempt(&script);
        let cancel = attempt.cancel.clone();
        let action = music();
        let running = run(&test.tools, &action, &attempt);
        let stop = async {
            let started = heard.recv().await.unwrap();
            cancel.cancel();
            started
        };
        let (outcome, started) = tokio::join!(running, stop);
        assert_eq!(outcome, Err(ExecuteError::Cancelled));
        let Notice::Started { pid: Some(pid), .. } = started else {
            panic!("{started:?}");
        };
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_missing_renderer_and_a_missing_blob_are_named() {
        let test = testing::tools();
        let (attempt, _heard) = testing::attempt(Path::new("/no/fenta-render"));
        let outcome = run(&test.tools, &music(), &attempt).await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.class, FailureClass::Unsupported);
        assert!(failure.message.contains("/no/fenta-render"));
        let source = fenta_workflows::digest::blob_digest(b"gone");
        let probe = Action::Probe(ProbeRequest {
            source,
            name: String::new(),
        });
        let outcome = run(&test.tools, &probe, &attempt).await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(failure.message.contains(&source.short()), "{failure:?}");
    }
}
