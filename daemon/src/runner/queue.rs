//! Which jobs are being worked on. The store is the queue: a job is claimed there, the claim is renewed while the job is
//! in work, and given up when its task has ended. This task only remembers what is active.

use std::collections::HashMap;
use std::time::Duration;

use fenta_client::api::jobs::{JobError, Priority};
use fenta_workflows::job_event::JobState;
use fenta_workflows::worker::FailureClass;
use jiff::SignedDuration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::job_run::{self, JobContext};
use super::persist::persist;
use crate::store::{
    AddedBudget, Claim, Claimant, Claimed, JobRecord, PaidVerdict, StoreError, Transition,
};

/// Jobs in work at a time. More would only share the same workers.
const ACTIVE: usize = 8;

/// A job that has been in work for so long does not keep others from beginning: they take turns with it.
const LONG: Duration = Duration::from_secs(30);

/// Jobs in work at a time with long and urgent ones: each holds its workflow in memory.
const MOST: usize = 32;

/// How long a claim holds that is not renewed.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// Between two renewals, and between two looks for jobs whose time has come.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the runner is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunnerStatus {
    /// Jobs in work.
    pub active: usize,
    /// Jobs that go on by themselves and are not in work, as far as the last look tells.
    pub open: usize,
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
        added: AddedBudget,
        reply: Reply,
    },
    Resolve {
        job: String,
        verdict: PaidVerdict,
        reply: Reply,
    },
    /// A job's task has ended; by a panic, if it is a fault.
    Ended {
        claim: Claim,
        fault: bool,
    },
    Drain,
}

pub(super) struct Active {
    pub(super) context: JobContext,
    pub(super) queue: mpsc::UnboundedSender<Message>,
    pub(super) report: watch::Sender<RunnerStatus>,
    /// This run of the daemon.
    pub(super) owner: String,
}

pub(super) async fn run(active: Active, mut messages: mpsc::UnboundedReceiver<Message>) {
    let shutdown = active.context.shutdown.clone();
    let mut queue = Queue {
        active,
        jobs: HashMap::new(),
        open: 0,
        draining: false,
    };
    queue.take_over().await;
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // The first tick comes at once: jobs that wait begin.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            _ = heartbeat.tick() => queue.beat().await,
            message = messages.recv() => match message {
                Some(message) => queue.handle(message).await,
                None => break,
            },
        }
    }
    // Their tasks have heard of the shutdown too and end by themselves; each says so.
    while !queue.jobs.is_empty()
        && let Some(message) = messages.recv().await
    {
        if let Message::Ended { claim, .. } = message {
            queue.jobs.remove(&claim.job);
        }
    }
}

struct Queue {
    active: Active,
    jobs: HashMap<String, InWork>,
    open: usize,
    draining: bool,
}

struct InWork {
    claim: Claim,
    cancel: CancellationToken,
    since: Instant,
}

impl Queue {
    /// What an earlier run of the daemon had in work is there to be claimed: the lock on the state directory says that
    /// it has ended.
    async fn take_over(&self) {
        let store = &self.active.context.store;
        let ended = persist(&self.active.context.shutdown, || {
            store.end_foreign_claims(&self.active.owner)
        });
        match ended.await {
            Ok(0) => {}
            Ok(jobs) => tracing::info!(jobs, "interrupted jobs go on"),
            // Their leases end by themselves.
            Err(error) => tracing::error!(%error, "cannot take over interrupted jobs"),
        }
    }

    async fn handle(&mut self, message: Message) {
        match message {
            Message::Wake => {}
            Message::Ended { claim, fault } => self.ended(claim, fault).await,
            Message::Drain => self.draining = true,
            Message::Cancel { job, reply } => {
                let _ = reply.send(self.cancel(&job).await);
            }
            Message::Resume { job, added, reply } => {
                let _ = reply.send(self.resume(&job, added).await);
            }
            Message::Resolve {
                job,
                verdict,
                reply,
            } => {
                let store = &self.active.context.store;
                let _ = reply.send(store.resolve_paid_calls(&job, verdict).await);
            }
        }
        self.fill().await;
    }

    async fn beat(&mut self) {
        let store = &self.active.context.store;
        let claims: Vec<Claim> = self.jobs.values().map(|job| job.claim.clone()).collect();
        if !claims.is_empty() {
            match store.renew_claims(claims, LEASE).await {
                Ok(lost) => self.give_up(&lost),
                // While nobody can write, nobody can claim either.
                Err(error) => tracing::warn!(%error, "claims could not be renewed"),
            }
        }
        self.count_open().await;
        self.fill().await;
    }

    /// Whoever lost its claim stops: what it still writes changes nothing.
    fn give_up(&self, lost: &[Claim]) {
        for claim in lost {
            if let Some(job) = self.jobs.get(&claim.job)
                && job.claim == *claim
                // A job that ends just now has no claim any more either.
                && !job.cancel.is_cancelled()
            {
                tracing::debug!(
                    job = claim.job,
                    epoch = claim.epoch,
                    "a claim does not hold any more"
                );
                job.cancel.cancel();
            }
        }
    }

    async fn count_open(&mut self) {
        if let Ok(open) = self.active.context.store.open_jobs().await {
            self.open = open.ready + open.waiting;
        }
    }

    async fn ended(&mut self, claim: Claim, fault: bool) {
        let in_work = self.jobs.remove(&claim.job);
        if fault {
            // It would end the same way for ever.
            let error = JobError {
                node: String::new(),
                class: Some(FailureClass::Internal),
                message: "the job's task ended unexpectedly".to_owned(),
                hint: "see the daemon's log".to_owned(),
            };
            let store = &self.active.context.store;
            if let Err(error) = store.change_claimed(&claim, Transition::Fail(error)).await {
                tracing::error!(job = claim.job, %error, "a job's end could not be written down");
            }
        }
        if in_work.is_some_and(|job| job.cancel.is_cancelled()) {
            self.end_if_asked(&claim.job).await;
        }
        // What is open matters only to whoever wants to leave; otherwise the heartbeat counts.
        if self.jobs.is_empty() {
            self.count_open().await;
        }
    }

    /// Whoever asked for the end of a job while it went to wait is not to wait for it.
    async fn end_if_asked(&self, job: &str) {
        let store = &self.active.context.store;
        let asked = store
            .job(job)
            .await
            .is_ok_and(|record| record.cancel_requested && record.job.state == JobState::Waiting);
        if asked && let Err(error) = store.change_job(job, Transition::Cancel).await {
            tracing::error!(job, %error, "a job's end could not be written down");
        }
    }

    /// The lowest priority that may begin now; nothing while everything is taken.
    fn room(&self) -> Option<Priority> {
        let short = self
            .jobs
            .values()
            .filter(|job| job.since.elapsed() < LONG)
            .count();
        match (self.jobs.len(), short) {
            (MOST.., _) => None,
            (_, ..ACTIVE) => Some(Priority::Low),
            _ => Some(Priority::High),
        }
    }

    async fn fill(&mut self) {
        while !self.draining
            && let Some(lowest) = self.room()
        {
            match self.claim(lowest).await {
                Ok(Some(claimed)) => self.start(claimed),
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "cannot look for waiting jobs");
                    break;
                }
            }
        }
        self.active.report.send_replace(RunnerStatus {
            active: self.jobs.len(),
            open: self.open,
            draining: self.draining,
        });
    }

    async fn claim(&self, lowest: Priority) -> Result<Option<Claimed>, StoreError> {
        let context = &self.active.context;
        let tool = context.renderer.tool().await.ok();
        let who = Claimant {
            owner: self.active.owner.clone(),
            lease: LEASE,
            tool: tool.map(|name| name.to_string()),
            lowest,
            except: self.jobs.keys().cloned().collect(),
        };
        let asked = Instant::now();
        let claimed = context.store.claim_job(who).await?;
        if let Some(claimed) = &claimed {
            tracing::debug!(
                job = claimed.claim.job,
                took_us = asked.elapsed().as_micros() as u64,
                "claimed"
            );
        }
        Ok(claimed)
    }

    fn start(&mut self, claimed: Claimed) {
        let claim = claimed.claim.clone();
        let cancel = CancellationToken::new();
        let in_work = InWork {
            claim: claim.clone(),
            cancel: cancel.clone(),
            since: Instant::now(),
        };
        self.jobs.insert(claim.job.clone(), in_work);
        let running = tokio::spawn(job_run::run(self.active.context.clone(), claimed, cancel));
        let queue = self.active.queue.clone();
        tokio::spawn(async move {
            let fault = match running.await {
                Ok(()) => false,
                Err(error) => {
                    tracing::error!(job = claim.job, %error, "a job's task ended unexpectedly");
                    true
                }
            };
            let _ = queue.send(Message::Ended { claim, fault });
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
            Some(in_work) => {
                in_work.cancel.cancel();
                Ok(asked)
            }
            None => store.change_job(job, Transition::Cancel).await,
        }
    }

    async fn resume(&self, job: &str, added: AddedBudget) -> Result<JobRecord, StoreError> {
        let store = &self.active.context.store;
        let refused = [JobState::Completed, JobState::NeedsAttention];
        let more = added != AddedBudget::default();
        if more {
            let error = store.job(job).await?.job.error;
            if error.and_then(|error| error.class) != Some(FailureClass::Budget) {
                return Err(StoreError::NoBudget {
                    job: job.to_owned(),
                });
            }
        }
        match store.requeue_with(job, added).await {
            Err(error) if more => Err(error),
            Err(StoreError::Transition { found, .. })
                if refused.iter().all(|state| state.as_str() != found) =>
            {
                store.job(job).await
            }
            outcome => outcome,
        }
    }
}
