//! Which jobs are being worked on. The store is the queue; this task only remembers what is active.

use std::collections::HashMap;

use fenta_workflows::job_event::JobState;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::job_run::{self, JobContext};
use crate::store::{JobRecord, StoreError, Transition};

/// Jobs in work at a time. More would only share the same workers.
const ACTIVE: usize = 8;

/// What the runner is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunnerStatus {
    /// Jobs in work.
    pub active: usize,
    /// Whether it takes no more jobs.
    pub draining: bool,
}

pub(super) type Reply = oneshot::Sender<Result<JobRecord, StoreError>>;

pub(super) enum Message {
    /// There may be something to do.
    Wake,
    Cancel {
        job: String,
        reply: Reply,
    },
    Resume {
        job: String,
        reply: Reply,
    },
    /// A job's task has ended.
    Ended(String),
    Drain,
}

pub(super) struct Active {
    pub(super) context: JobContext,
    pub(super) queue: mpsc::UnboundedSender<Message>,
    pub(super) report: watch::Sender<RunnerStatus>,
}

pub(super) async fn run(active: Active, mut messages: mpsc::UnboundedReceiver<Message>) {
    let shutdown = active.context.shutdown.clone();
    let mut queue = Queue {
        active,
        jobs: HashMap::new(),
        draining: false,
    };
    queue.fill().await;
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            message = messages.recv() => message,
        };
        match message {
            Some(message) => queue.handle(message).await,
            None => break,
        }
    }
    // Their tasks have heard of the shutdown too and end by themselves; each says so.
    while !queue.jobs.is_empty()
        && let Some(message) = messages.recv().await
    {
        if let Message::Ended(job) = message {
            queue.jobs.remove(&job);
        }
    }
}

struct Queue {
    active: Active,
    jobs: HashMap<String, CancellationToken>,
    draining: bool,
}

impl Queue {
    async fn handle(&mut self, message: Message) {
        match message {
            Message::Wake => {}
            Message::Ended(job) => {
                self.jobs.remove(&job);
            }
            Message::Drain => self.draining = true,
            Message::Cancel { job, reply } => {
                let _ = reply.send(self.cancel(&job).await);
            }
            Message::Resume { job, reply } => {
                let _ = reply.send(self.resume(&job).await);
            }
        }
        self.fill().await;
    }

    async fn fill(&mut self) {
        if !self.draining && self.jobs.len() < ACTIVE {
            // Active jobs are unfinished too: among twice as many there are enough others.
            match self.active.context.store.unfinished_jobs(2 * ACTIVE).await {
                Ok(jobs) => jobs.into_iter().for_each(|job| self.start(job)),
                Err(error) => tracing::error!(%error, "cannot look for waiting jobs"),
            }
        }
        self.active.report.send_replace(RunnerStatus {
            active: self.jobs.len(),
            draining: self.draining,
        });
    }

    fn start(&mut self, job: String) {
        if self.jobs.len() >= ACTIVE || self.jobs.contains_key(&job) {
            return;
        }
        let cancel = CancellationToken::new();
        self.jobs.insert(job.clone(), cancel.clone());
        let running = tokio::spawn(job_run::run(
            self.active.context.clone(),
            job.clone(),
            cancel,
        ));
        let queue = self.active.queue.clone();
        tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(%job, %error, "a job's task ended unexpectedly");
            }
            let _ = queue.send(Message::Ended(job));
        });
    }

    async fn cancel(&self, job: &str) -> Result<JobRecord, StoreError> {
        let store = &self.active.context.store;
        let asked = match store.change_job(job, Transition::RequestCancel).await {
            Ok(record) => record,
            // It has reached its end: that is what was wanted.
            Err(StoreError::Transition { .. }) => return store.job(job).await,
            Err(error) => return Err(error),
        };
        match self.jobs.get(job) {
            Some(cancel) => {
                cancel.cancel();
                Ok(asked)
            }
            None => store.change_job(job, Transition::Cancel).await,
        }
    }

    async fn resume(&self, job: &str) -> Result<JobRecord, StoreError> {
        let store = &self.active.context.store;
        match store.change_job(job, Transition::Requeue).await {
            Err(StoreError::Transition { found, .. }) if found != JobState::Completed.as_str() => {
                store.job(job).await
            }
            outcome => outcome,
        }
    }
}
