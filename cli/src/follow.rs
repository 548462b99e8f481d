//! Following a job to its end, with Ctrl-C, lost daemons and all.
//!
//! Neighbours: `run` and `job resume` follow the jobs they start; `ui::progress` shows the events. A job never
//! depends on being followed: whatever happens here, the daemon goes on.

use std::io;

use fenta_client::api::jobs::{FailureClass, Job, JobEvent, JobEventKind, OutputValue};
use fenta_client::{Client, ErrorKind, EventStream, Followed, exit_code};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::command_error::CommandError;
use crate::session::Session;
use crate::ui::progress::JobProgress;
use crate::ui::{Ui, read_line};

/// The signals that end a command. Made before a job is submitted, so that none falls into a gap.
pub(crate) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on signals are ours.
    pub(crate) fn listen() -> Result<Self, CommandError> {
        let failed = |source| CommandError::Io {
            what: "cannot listen for signals".to_owned(),
            source,
        };
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.ctrl_c.recv() => Interrupt::CtrlC,
            _ = self.terminate.recv() => Interrupt::Terminate,
        }
    }
}

/// A signal that ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C.
    CtrlC,
    /// A request to terminate.
    Terminate,
}

/// What a signal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ask,
    Cancel,
    Leave { code: u8 },
}

/// First Ctrl-C: a question where one can be asked, else cancel; second: cancel; third: leave. A request to
/// terminate cancels and leaves.
fn step(interrupt: Interrupt, before: u32, interactive: bool) -> Step {
    match (interrupt, before) {
        (Interrupt::Terminate, _) => Step::Leave {
            code: exit_code::TERMINATED,
        },
        (Interrupt::CtrlC, 0) if interactive => Step::Ask,
        (Interrupt::CtrlC, 0 | 1) => Step::Cancel,
        (Interrupt::CtrlC, _) => Step::Leave {
            code: exit_code::INTERRUPTED,
        },
    }
}

/// How a job that was followed ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It is done.
    Completed(Vec<(String, OutputValue)>),
    /// The user does not want to wait for it.
    Detached,
}

/// What to follow.
pub(crate) struct Followee {
    /// The job.
    pub(crate) job: Job,
    /// The event after which to begin.
    pub(crate) after: u64,
    /// The width of its nodes' names.
    pub(crate) width: usize,
}

/// Shows a job's events until it ends.
pub(crate) async fn follow(
    session: &Session,
    ui: &Ui,
    client: Client,
    interrupts: &mut Interrupts,
    followee: Followee,
) -> Result<Ending, CommandError> {
    let id = followee.job.id;
    let mut progress = JobProgress::new(ui, followee.width);
    let mut events = EventStream::new(client, id.clone(), followee.after, async || {
        session.again().await
    });
    let mut control = Control::new(session, ui, id.clone());
    let mut end = None;
    loop {
        tokio::select! {
            next = events.next() => match next? {
                Some(Followed::Event(event)) => {
                    control.connected();
                    progress.event(&event)?;
                    end = Some(*event);
                }
                Some(Followed::Lost { reason }) => control.lost(&reason),
                None => break,
            },
            interrupt = interrupts.next() => control.interrupted(interrupt, interrupts).await?,
            answer = control.answer() => if control.answered(answer).await? {
                return Ok(Ending::Detached);
            },
        }
    }
    drop(progress);
    ending(&id, end)
}

/// What the last event says about the job.
fn ending(job: &str, end: Option<JobEvent>) -> Result<Ending, CommandError> {
    match end.map(|event| event.kind) {
        Some(JobEventKind::JobCompleted { outputs }) => {
            Ok(Ending::Completed(outputs.into_iter().collect()))
        }
        Some(JobEventKind::JobPaused { message, hint, .. }) => Err(CommandError::Paused {
            job: job.to_owned(),
            message,
            hint,
        }),
        Some(JobEventKind::JobNeedsAttention { message, hint, .. }) => {
            Err(CommandError::NeedsAttention {
                job: job.to_owned(),
                message,
                hint,
            })
        }
        Some(JobEventKind::JobFailed {
            node,
            class,
            message,
            hint,
        }) => Err(CommandError::JobFailed {
            job: job.to_owned(),
            node,
            refused: class == Some(FailureClass::Budget),
            message,
            hint,
        }),
        _ => Err(CommandError::Cancelled {
            job: job.to_owned(),
        }),
    }
}

/// The user's side of following a job.
struct Control<'a> {
    session: &'a Session,
    ui: &'a Ui,
    job: String,
    interrupts: u32,
    lost: bool,
    question: Option<oneshot::Receiver<io::Result<Option<String>>>>,
}

impl<'a> Control<'a> {
    fn new(session: &'a Session, ui: &'a Ui, job: String) -> Self {
        Self {
            session,
            ui,
            job,
            interrupts: 0,
            lost: false,
            question: None,
        }
    }

    fn lost(&mut self, reason: &str) {
        if !self.lost {
            self.lost = true;
            self.ui.note(&format!(
                "lost the daemon ({reason}); looking for it, the job goes on by itself"
            ));
        }
    }

    fn connected(&mut self) {
        if std::mem::take(&mut self.lost) {
            self.ui.note("the daemon is back");
        }
    }

    async fn interrupted(
        &mut self,
        interrupt: Interrupt,
        interrupts: &mut Interrupts,
    ) -> Result<(), CommandError> {
        let step = step(interrupt, self.interrupts, self.ui.is_interactive());
        self.interrupts += 1;
        match step {
            Step::Ask => {
                self.ask();
                Ok(())
            }
            Step::Cancel => self.cancel_unless_left(interrupts).await,
            Step::Leave { code } => {
                let left = if code == exit_code::TERMINATED {
                    self.cancel_unless_left(interrupts).await?;
                    "being cancelled"
                } else {
                    "still being cancelled"
                };
                Err(self.left(left, code))
            }
        }
    }

    fn left(&self, left: &'static str, code: u8) -> CommandError {
        CommandError::Interrupted {
            job: self.job.clone(),
            left,
            code,
        }
    }

    /// Asks for the job's end. A daemon that does not answer keeps nobody: who presses on leaves.
    async fn cancel_unless_left(
        &mut self,
        interrupts: &mut Interrupts,
    ) -> Result<(), CommandError> {
        let (mut pressed, interactive) = (self.interrupts, self.ui.is_interactive());
        let answered = {
            let cancel = self.cancel();
            tokio::pin!(cancel);
            loop {
                tokio::select! {
                    done = &mut cancel => break done,
                    next = interrupts.next() => {
                        let step = step(next, pressed, interactive);
                        pressed += 1;
                        if let Step::Leave { code } = step {
                            break Err(self.left("perhaps not cancelled: the daemon does not answer", code));
                        }
                    }
                }
            }
        };
        self.interrupts = pressed;
        answered
    }

    /// Asks on a thread of its own: the events go on meanwhile, and an unanswered question does not keep the
    /// program from ending.
    fn ask(&mut self) {
        self.ui
            .err_line("\ndetach and let it go on (d), cancel it (c), or keep watching (Enter)?");
        let (send, receive) = oneshot::channel();
        std::thread::spawn(move || {
            // Nobody waits for the answer any more when the job has ended.
            let _ = send.send(read_line());
        });
        self.question = Some(receive);
    }

    async fn answer(&mut self) -> Option<String> {
        match &mut self.question {
            None => std::future::pending().await,
            Some(question) => question.await.ok()?.ok()?,
        }
    }

    /// Whether to detach.
    async fn answered(&mut self, answer: Option<String>) -> Result<bool, CommandError> {
        self.question = None;
        match answer.as_deref().map(str::trim) {
            Some("d" | "detach") => Ok(true),
            Some("c" | "cancel") => {
                self.cancel().await?;
                Ok(false)
            }
            _ => {
                self.interrupts = 0;
                Ok(false)
            }
        }
    }

    async fn cancel(&self) -> Result<(), CommandError> {
        let client = self.session.again().await?;
        match client.cancel_job(&self.job).await {
            // It has just ended by itself; its events say how.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn ctrl_c_asks_then_cancels_then_leaves() {
        let pressed = |before, interactive| step(Interrupt::CtrlC, before, interactive);
        assert_eq!(pressed(0, true), Step::Ask);
        assert_eq!(pressed(1, true), Step::Cancel);
        assert_eq!(pressed(2, true), Step::Leave { code: 130 });
        assert_eq!(pressed(0, false), Step::Cancel);
        assert_eq!(pressed(2, false), Step::Leave { code: 130 });
        assert_eq!(
            step(Interrupt::Terminate, 0, true),
            Step::Leave { code: 143 }
        );
    }

    fn last(kind: JobEventKind) -> Option<JobEvent> {
        Some(JobEvent {
            seq: 9,
            job: "job_1".into(),
            at: String::new(),
            kind,
        })
    }

    #[test]
    fn the_last_event_decides_the_code() {
        let outputs = BTreeMap::from([("video".to_owned(), OutputValue::Text("/a".into()))]);
        let done = ending("job_1", last(JobEventKind::JobCompleted { outputs })).unwrap();
        assert!(matches!(done, Ending::Completed(outputs) if outputs.len() == 1));
        let failed = |class| JobEventKind::JobFailed {
            class,
            node: "n".into(),
            message: "m".into(),
            hint: "h".into(),
        };
        let code = |kind| ending("job_1", last(kind)).unwrap_err().exit_code();
        assert_eq!(code(failed(None)), 10);
        assert_eq!(code(failed(Some(FailureClass::Crash))), 10);
        assert_eq!(code(failed(Some(FailureClass::Budget))), 12);
        let paused = JobEventKind::JobPaused {
            node: "n".into(),
            message: "m".into(),
            hint: String::new(),
        };
        assert_eq!(code(paused), 13);
        let asks = JobEventKind::JobNeedsAttention {
            node: "n".into(),
            message: "m".into(),
            hint: String::new(),
        };
        assert_eq!(code(asks), 13);
        let cancelled = ending("job_1", last(JobEventKind::JobCancelled)).unwrap_err();
        assert_eq!(cancelled.exit_code(), 11);
    }
}
