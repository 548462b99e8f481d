//! THE LIST of what can be done: one executor per kind of action, chosen in [`Executors::execute`].
//!
//! Neighbours: [`crate::runner`] decides when an action runs, whether a remembered result will do and what happens
//! after a failure; an executor does the work once, checks what came out and puts it into the CAS. It knows nothing
//! of jobs, nodes or retries.

mod collect;
mod confine;
mod failure;
mod ingest;
mod invoke;
mod limits;
mod natural_order;
mod outputs;
mod process;
mod provider;
mod publish;
mod read_text;
mod renderer;
mod resolve_fonts;
mod retry;
mod worker;
mod write;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenta_workflows::action::{Action, ActionResult};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

pub(crate) use confine::is_below;
pub(crate) use invoke::refusal;
pub use limits::WallLimits;
pub use provider::{Found, Polled, Provider, Remote, SubmitFailure};
pub(crate) use publish::sweep_all;
pub use renderer::{Renderer, RendererError};
pub use retry::RetryPolicy;

use crate::clock::Clock;
use crate::providers::Providers;
use crate::store::{Cas, Store};

/// What executors work with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The index of the user's files, and remembered facts about this machine.
    pub store: Store,
    /// Where blobs come from and go to.
    pub cas: Cas,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where workers' folders are made; on the file system of the CAS.
    pub scratch: PathBuf,
    /// The whole environment of workers.
    pub worker_env: Vec<(OsString, OsString)>,
    /// Folders fonts are installed in.
    pub font_dirs: Vec<PathBuf>,
    /// How long actions may take.
    pub limits: WallLimits,
    /// The providers that can be asked, and paid, from here.
    pub providers: Providers,
    /// The only folders in which documents may name files; anywhere where there are none.
    pub confined_to: Vec<PathBuf>,
}

/// Something heard from an action while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An attempt began.
    Started {
        /// The worker process, if one does it.
        pid: Option<u32>,
        /// 1 for the first.
        attempt: u32,
    },
    /// How far it is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// It failed and is tried again.
    Retried {
        /// Whose fault.
        class: FailureClass,
        /// What went wrong.
        message: String,
        /// The try that follows.
        attempt: u32,
    },
}

/// One attempt at an action.
#[derive(Debug)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// The renderer to use.
    pub renderer: PathBuf,
    /// Its name and version.
    pub tool: Arc<str>,
    /// Who listens.
    pub notices: UnboundedSender<Notice>,
    /// Set when nobody wants the result any more.
    pub cancel: CancellationToken,
}

impl Attempt {
    fn started(&self, pid: Option<u32>) {
        self.notify(Notice::Started {
            pid,
            attempt: self.number,
        });
    }

    fn notify(&self, notice: Notice) {
        // Nobody listening is no reason to stop: the result may still be wanted.
        let _ = self.notices.send(notice);
    }
}

/// Why an attempt has no result.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// It failed.
    #[error("{}", .0.message)]
    Failed(WorkerFailure),
    /// It was stopped on request.
    #[error("cancelled")]
    Cancelled,
}

impl From<WorkerFailure> for ExecuteError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure)
    }
}

/// The executors. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Executors {
    tools: Arc<Tools>,
}

impl Executors {
    /// Executors that work with these tools.
    pub fn new(tools: Tools) -> Self {
        Self {
            tools: Arc::new(tools),
        }
    }

    /// The time of day, and fresh names.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.tools.clock)
    }

    /// The answer to a question about this machine, without doing anything; none where something would have to be done.
    pub async fn look(
        &self,
        action: &Action,
        renderer: &Path,
        tool: &Arc<str>,
    ) -> Result<Option<ActionResult>, WorkerFailure> {
        match action {
            Action::Collect(_) | Action::ReadText(_) | Action::ResolveFonts(_) => {}
            Action::Publish(request) => {
                confine::check(&self.tools.confined_to, action)?;
                return publish::in_place(&self.tools, request).await;
            }
            _ => return Ok(None),
        }
        // Nobody listens to a question.
        let (notices, _) = unbounded_channel();
        let attempt = Attempt {
            number: 1,
            renderer: renderer.to_owned(),
            tool: Arc::clone(tool),
            notices,
            cancel: CancellationToken::new(),
        };
        match self.execute(action, &attempt).await {
            Ok(result) => Ok(Some(result)),
            Err(ExecuteError::Failed(failure)) => Err(failure),
            Err(ExecuteError::Cancelled) => Ok(None),
        }
    }

    /// Who can be asked for what nobody here can do.
    pub fn providers(&self) -> &Providers {
        &self.tools.providers
    }

    /// Renders neighbouring segments once, in one process; every blob of a result is durable when `made` hears of it.
    pub(crate) async fn execute_together(
        &self,
        members: &[(&Action, &Attempt)],
        made: &UnboundedSender<(usize, ActionResult)>,
    ) -> Result<(), (usize, ExecuteError)> {
        worker::run_together(&self.tools, members, made).await
    }

    /// Does an action once. Every blob of the result is durable when this returns.
    pub async fn execute(
        &self,
        action: &Action,
        attempt: &Attempt,
    ) -> Result<ActionResult, ExecuteError> {
        let tools = &self.tools;
        confine::check(&tools.confined_to, action)?;
        if !action.needs_worker() {
            attempt.started(None);
        }
        Ok(match action {
            Action::Collect(request) => collect::run(tools, request).await?,
            Action::ReadText(request) => read_text::run(request).await?,
            Action::Write(request) => write::run(tools, request).await?,
            Action::Publish(request) => publish::run(tools, request).await?,
            Action::Invoke(request) => invoke::run(tools, request)?,
            Action::ResolveFonts(request) => {
                resolve_fonts::run(tools, request, action, attempt).await?
            }
            Action::Probe(_)
            | Action::FindSubject(_)
            | Action::Speak(_)
            | Action::TakeSpeech(_)
            | Action::ExtractSpeech(_)
            | Action::AlignWords(_)
            | Action::ComposeMusic(_)
            | Action::FindBeats(_)
            | Action::RenderSegment(_)
            | Action::Mix(_)
            | Action::Mux(_)
            | Action::Verify(_)
            | Action::Snapshot(_)
            | Action::LayOutCaptions(_) => worker::run(tools, action, attempt).await?,
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Tools over a temporary folder, and stand-ins for the renderer that speak its protocol.

    use std::path::Path;

    use super::*;
    use crate::clock::SystemClock;

    pub(crate) struct TestTools {
        pub(crate) tools: Tools,
        pub(crate) folder: tempfile::TempDir,
    }

    pub(crate) fn tools() -> TestTools {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let clock = Arc::new(SystemClock);
        let scratch = root.join("scratch");
        TestTools {
            tools: Tools {
                store: Store::open(&root.join("fenta.db"), false, clock.clone()).unwrap(),
                cas: Cas::open(&root.join("cas"), &scratch).unwrap(),
                clock,
                scratch,
                worker_env: vec![("PATH".into(), "/usr/bin:/bin".into())],
                font_dirs: Vec::new(),
                limits: WallLimits::default(),
                providers: Providers::fixed(Vec::new()),
                confined_to: Vec::new(),
            },
            folder,
        }
    }

    /// A renderer that is a shell script: `$job` holds the job's JSON, `$out` the output folder.
    pub(crate) fn script(folder: &Path, name: &str, body: &str) -> PathBuf {
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version-json ]; then\n\
             echo '{{\"renderer\":\"stand-in 1\",\"libraries\":{{}}}}'; exit 0; fi\n\
             job=$(cat)\nout=$(printf %s \"$job\" | sed 's/.*\"output_dir\":\"\\([^\"]*\\)\".*/\\1/')\n{body}\n"
        );
        // Written by a process of its own: a program that another test starts meanwhile would inherit the open file, and
        // the kernel runs no file that is open for writing.
        let mut copy = std::process::Command::new("sh")
            .args([
                "-c",
                "cat > \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\"",
            ])
            .arg(&path)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut copy.stdin.take().unwrap(), text.as_bytes()).unwrap();
        assert!(copy.wait().unwrap().success());
        path
    }

    pub(crate) fn attempt(
        renderer: &Path,
    ) -> (Attempt, tokio::sync::mpsc::UnboundedReceiver<Notice>) {
        let (notices, heard) = tokio::sync::mpsc::unbounded_channel();
        let attempt = Attempt {
            number: 1,
            renderer: renderer.to_owned(),
            tool: "stand-in 1".into(),
            notices,
            cancel: CancellationToken::new(),
        };
        (attempt, heard)
    }
}
