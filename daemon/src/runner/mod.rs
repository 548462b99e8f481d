//! Executes jobs: from a request that was accepted to outputs in their place.
//!
//! Messages, no shared locks: `queue` decides which jobs are active, `job_run` walks a workflow's graph, `stage` obeys a
//! node's rules, `node_run` lowers one turn of it to actions, `dispatcher` decides which action runs next over all jobs, `executor` does one action
//! with cache and retries. Neighbours: [`crate::store`] remembers, [`crate::executors`] does the work,
//! [`crate::server`] is the only caller.

mod admission;
mod batch;
mod bought;
mod dispatcher;
mod event_log;
mod executor;
mod fate;
mod freshness;
mod job_run;
mod lanes;
mod lock;
mod node_run;
mod paid;
mod persist;
mod pins;
mod plan;
mod progress;
mod purse;
mod queue;
mod reasons;
mod selection;
mod stage;
mod submit;
mod units;
mod usage;

use std::path::PathBuf;
use std::sync::Arc;

use fenta_client::api::jobs::CreateJob;
use fenta_client::api::plan::{Plan, PlanRequest};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use lock::{LockError, lock_of};
pub use queue::RunnerStatus;
pub use selection::OptionsError;
pub use submit::{SubmitError, compiled};

use crate::executors::{Executors, Renderer, RetryPolicy};
use crate::store::{Accepted, AddedBudget, Cas, JobRecord, PaidVerdict, Replay, Store, StoreError};
use dispatcher::DispatcherHandle;
use queue::Message;

/// What the runner works with.
#[derive(Clone, Debug)]
pub struct RunnerContext {
    /// What is remembered.
    pub store: Store,
    /// Blobs.
    pub cas: Cas,
    /// What can be done.
    pub executors: Executors,
    /// Who draws.
    pub renderer: Renderer,
    /// Worker processes at a time.
    pub workers: usize,
    /// How failed actions are tried again.
    pub retry: RetryPolicy,
}

/// The running runner. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runner {
    store: Store,
    renderer: Renderer,
    planner: plan::Planner,
    queue: mpsc::UnboundedSender<Message>,
    status: watch::Receiver<RunnerStatus>,
}

impl Runner {
    /// Starts it: jobs that were interrupted go on, jobs that wait begin. It ends, with every worker, soon after
    /// `shutdown`; jobs in work stay `processing` in the store and go on at the next start.
    pub fn start(context: RunnerContext, shutdown: CancellationToken) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (report, status) = watch::channel(RunnerStatus::default());
        let executor = executor::Executor::new(&context);
        let runner = Self {
            store: context.store.clone(),
            renderer: context.renderer.clone(),
            planner: plan::Planner {
                store: context.store.clone(),
                executor: executor.clone(),
                executors: context.executors.clone(),
                renderer: context.renderer.clone(),
                workers: context.workers,
            },
            queue: sender.clone(),
            status,
        };
        let owner = context.executors.clock().fresh_id("run_");
        let limits = lanes::Limits::of_workers(context.workers);
        let dispatcher = DispatcherHandle::start(executor, limits, shutdown.clone());
        let active = queue::Active {
            context: job_run::JobContext {
                store: context.store,
                renderer: context.renderer,
                dispatcher,
                shutdown,
            },
            queue: sender,
            report,
            owner,
        };
        let ended = tokio::spawn(queue::run(active, receiver));
        (runner, ended)
    }

    /// Accepts a job. When this returns, it is on disk.
    pub async fn submit(
        &self,
        request: CreateJob,
        replay: Option<Replay>,
    ) -> Result<Accepted, SubmitError> {
        if self.status.borrow().draining {
            return Err(SubmitError::Draining);
        }
        let tool = self.renderer.tool().await?;
        self.planner.check_frozen(&request).await?;
        let new = submit::check(request, replay, &tool).await?;
        let accepted = self.store.create_job(new).await?;
        // The runner is told even of known jobs: waking up without work is harmless.
        let _ = self.queue.send(Message::Wake);
        Ok(accepted)
    }

    /// Whether a request could become a job; nothing is kept.
    pub async fn check(&self, request: CreateJob) -> Result<(), SubmitError> {
        self.planner.check_frozen(&request).await?;
        submit::check(request, None, "").await.map(drop)
    }

    /// What a job would do; nothing is made.
    pub async fn plan(&self, request: PlanRequest) -> Result<Plan, SubmitError> {
        self.planner.plan(request).await
    }

    /// Asks for the end of a job. A job that is already at its end stays as it is.
    pub async fn cancel(&self, job: &str) -> Result<JobRecord, StoreError> {
        self.ask(|reply| Message::Cancel {
            job: job.to_owned(),
            reply,
        })
        .await
    }

    /// Lets a failed, cancelled, paused or waiting job go on, with more to spend if that is what it stopped at. A job
    /// that goes on already stays as it is.
    pub async fn resume(&self, job: &str, added: AddedBudget) -> Result<JobRecord, StoreError> {
        self.ask(|reply| Message::Resume {
            job: job.to_owned(),
            added,
            reply,
        })
        .await
    }

    /// Says whether the calls of a job were paid of which nobody knew; the job goes on.
    pub async fn resolve(&self, job: &str, verdict: PaidVerdict) -> Result<JobRecord, StoreError> {
        self.ask(|reply| Message::Resolve {
            job: job.to_owned(),
            verdict,
            reply,
        })
        .await
    }

    /// Takes no more jobs; [`RunnerStatus::active`] falls to 0 when what runs is finished.
    pub fn drain(&self) {
        let _ = self.queue.send(Message::Drain);
    }

    /// What it is doing.
    pub fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.status.clone()
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<JobRecord, StoreError>>) -> Message,
    ) -> Result<JobRecord, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(message(reply))
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// The renderer an action is done with.
#[derive(Clone, Debug)]
struct Tool {
    renderer: PathBuf,
    name: Arc<str>,
}

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod paid_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
