//! One node of one job: its parameters are evaluated, it asks for actions as long as it wants, and what it did and why
//! is written down.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fenta_client::api::jobs::JobError;
use fenta_workflows::action::{Action, ActionFacts, ActionResult};
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::value::Value;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{LowerError, Lowered, NodeId, PreparedNode, Scope, Workflow};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Tool;
use super::batch::{Batch, all_at_once};
use super::dispatcher::{DispatcherHandle, Request};
use super::event_log::EventLog;
use super::executor::{Done, LookUp, Outcome};
use super::persist::persist;
use super::reasons::{Evidence, reasons};
use crate::executors::Notice;
use crate::store::{EarlierRun, NodeTally, NodeUpdate, Store, StoreError};

/// What the nodes of a job share.
#[derive(Debug)]
pub(super) struct JobShared {
    pub(super) id: String,
    pub(super) workflow: Workflow,
    pub(super) tool: Tool,
    pub(super) store: Store,
    pub(super) dispatcher: DispatcherHandle,
    pub(super) log: EventLog,
    pub(super) shutdown: CancellationToken,
}

/// How a node ended.
#[derive(Debug)]
pub(super) enum NodeEnd {
    /// Its values by port.
    Finished(BTreeMap<String, Value>),
    /// It failed for good.
    Failed(JobError),
    /// The job is being stopped.
    Interrupted,
}

/// Why a node has no outputs.
enum Stop {
    Failed(WorkerFailure),
    Interrupted,
}

impl From<WorkerFailure> for Stop {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<LowerError> for Stop {
    fn from(error: LowerError) -> Self {
        Self::Failed(WorkerFailure {
            class: FailureClass::Input,
            message: error.message,
            hint: error.hint,
        })
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(internal(error.to_string()))
    }
}

fn internal(message: String) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Internal,
        message,
        hint: "see the daemon's log".to_owned(),
    }
}

/// Runs a node whose inputs are all in `scope`.
pub(super) async fn run(job: Arc<JobShared>, node: NodeId, scope: Scope) -> NodeEnd {
    let mut run = NodeRun {
        job,
        node,
        tally: NodeTally::default(),
        evidence: Evidence::default(),
        planned: 0,
        counted: HashSet::new(),
        hits: Vec::new(),
    };
    match run.outputs(scope).await {
        Ok(outputs) => NodeEnd::Finished(outputs),
        Err(Stop::Failed(failure)) => run.fail(failure).await,
        Err(Stop::Interrupted) => NodeEnd::Interrupted,
    }
}

struct NodeRun {
    job: Arc<JobShared>,
    node: NodeId,
    tally: NodeTally,
    evidence: Evidence,
    /// Cacheable actions so far.
    planned: u32,
    /// What was counted as run; the same content twice runs once.
    counted: HashSet<ActionDigest>,
    hits: Vec<ActionDigest>,
}

impl NodeRun {
    async fn outputs(&mut self, scope: Scope) -> Result<BTreeMap<String, Value>, Stop> {
        let job = Arc::clone(&self.job);
        job.log.add(JobEventKind::NodeStarted {
            node: self.node.to_string(),
        });
        let (shared, node) = (Arc::clone(&job), self.node.clone());
        let prepared = evaluate(move || shared.workflow.prepare(&node, &scope)).await??;
        let earlier = job.store.earlier_run(&job.id, self.node.as_str()).await?;
        let update = NodeUpdate::Running {
            key: Box::new(prepared.key().clone()),
        };
        self.update(update).await?;
        let outputs = self.lower(&prepared).await?;
        self.finish(&prepared, earlier.as_ref()).await?;
        Ok(outputs)
    }

    async fn lower(&mut self, prepared: &PreparedNode) -> Result<BTreeMap<String, Value>, Stop> {
        let mut results = Vec::new();
        loop {
            let prepared = prepared.clone();
            let (lowered, given) = evaluate(move || {
                let lowered = prepared.lower(&results);
                (lowered, results)
            })
            .await?;
            results = given;
            match lowered? {
                Lowered::Outputs(outputs) => return Ok(outputs),
                Lowered::Actions(actions) if actions.is_empty() => {
                    let message = format!("node {} waits for no action", self.node);
                    return Err(internal(message).into());
                }
                Lowered::Actions(actions) => results.extend(self.perform(actions).await?),
            }
        }
    }

    /// The results of actions, in order.
    async fn perform(&mut self, actions: Vec<Action>) -> Result<Vec<ActionResult>, Stop> {
        let mut batch = Batch::new(actions, &self.job.tool.name);
        self.look_up(&mut batch).await?;
        let (heard, notices) = mpsc::unbounded_channel();
        let pending: FuturesUnordered<_> = batch
            .missing()
            .map(|number| {
                let request = Request {
                    job: self.job.id.clone(),
                    digest: batch.items[number].digest.clone(),
                    action: Arc::clone(&batch.items[number].action),
                    tool: self.job.tool.clone(),
                    notices: heard.clone(),
                    number,
                };
                numbered(number, self.job.dispatcher.submit(request))
            })
            .collect();
        drop(heard);
        self.gather(&mut batch, pending, notices).await?;
        batch
            .items
            .into_iter()
            .map(|item| item.result.ok_or(Stop::Interrupted))
            .collect()
    }

    async fn look_up(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        let cacheable: Vec<usize> = batch.cacheable().collect();
        let asked = cacheable
            .iter()
            .map(|number| self.job.dispatcher.look_up(&batch.items[*number].digest));
        let known = join_all(asked).await;
        for (number, known) in cacheable.iter().zip(known) {
            match known? {
                LookUp::Hit(row) => {
                    let digest = batch.items[*number].digest.clone();
                    self.tally.cached += 1;
                    self.tally.saved_ms += row.wall_ms;
                    self.hits.push(digest);
                    batch.give(*number, row.result);
                }
                LookUp::Gone => self.evidence.gone = true,
                LookUp::Miss => {}
            }
        }
        if !cacheable.is_empty() {
            self.planned += u32::try_from(cacheable.len()).unwrap_or(u32::MAX);
            self.job.log.add(JobEventKind::ActionsPlanned {
                node: self.node.to_string(),
                total: self.planned,
                cached: self.tally.cached,
            });
        }
        Ok(())
    }

    async fn gather(
        &mut self,
        batch: &mut Batch,
        mut pending: FuturesUnordered<impl Future<Output = Numbered>>,
        mut notices: mpsc::UnboundedReceiver<(usize, Notice)>,
    ) -> Result<(), Stop> {
        let mut failures = BTreeMap::new();
        while !pending.is_empty() {
            tokio::select! {
                biased;
                Some((number, notice)) = notices.recv() => self.hear(batch, number, notice),
                Some((number, outcome)) = pending.next() => match outcome {
                    Ok(Outcome::Done(done)) => self.take(batch, number, done),
                    Ok(Outcome::Failed(failure)) if batch.only_measures() => {
                        failures.insert(number, failure);
                    }
                    Ok(Outcome::Failed(failure)) => return Err(failure.into()),
                    Ok(Outcome::Cancelled) | Err(_) => return Err(Stop::Interrupted),
                },
            }
            self.tell_progress(batch);
        }
        all_at_once(failures.into_values().collect()).map_or(Ok(()), |failure| Err(failure.into()))
    }

    fn hear(&self, batch: &mut Batch, number: usize, notice: Notice) {
        let item = &batch.items[number];
        let (node, action) = (self.node.to_string(), item.action.kind().to_owned());
        let digest = item.digest.short().to_owned();
        match notice {
            // Questions to this machine are asked at every run: only real work is news.
            Notice::Started { .. } if !item.is_content() => {}
            Notice::Started { pid, attempt } => self.job.log.add(JobEventKind::ActionStarted {
                node,
                action,
                digest,
                pid,
                attempt,
            }),
            Notice::Progress { done, total } => batch.progress.set(number, done, total),
            Notice::Retried {
                class,
                message,
                attempt,
            } => self.job.log.add(JobEventKind::ActionRetried {
                node,
                action,
                digest,
                class,
                message,
                attempt,
            }),
        }
    }

    fn take(&mut self, batch: &mut Batch, number: usize, done: Done) {
        let item = &batch.items[number];
        self.evidence.note(&item.action, &done.result);
        let published = matches!(
            &done.result.facts,
            ActionFacts::Published(files) if files.iter().any(|file| file.written)
        );
        self.evidence.published |= published;
        if item.is_content() || published {
            let again = !self.counted.insert(item.digest.clone());
            if done.cached || again {
                self.tally.cached += 1;
                self.tally.saved_ms += done.wall_ms;
            } else {
                self.tally.ran += 1;
                self.tally.wall_ms += done.wall_ms;
                self.job.log.add(JobEventKind::ActionFinished {
                    node: self.node.to_string(),
                    action: item.action.kind().to_owned(),
                    digest: item.digest.short().to_owned(),
                    wall_ms: done.wall_ms,
                });
            }
        }
        batch.give(number, done.result);
    }

    fn tell_progress(&self, batch: &mut Batch) {
        if let Some((done, total)) = batch.progress.tell(Instant::now())
            && batch.has_content()
        {
            self.job.log.add(JobEventKind::NodeProgress {
                node: self.node.to_string(),
                done,
                total,
            });
        }
    }

    async fn finish(
        &mut self,
        prepared: &PreparedNode,
        earlier: Option<&EarlierRun>,
    ) -> Result<(), Stop> {
        let why = if self.tally.ran == 0 {
            Vec::new()
        } else {
            reasons(prepared.key(), &self.job.tool.name, &self.evidence, earlier)
        };
        self.update(NodeUpdate::Finished {
            tally: self.tally,
            reasons: why.clone(),
            files: self.evidence.files.clone(),
        })
        .await?;
        self.job.log.add(JobEventKind::NodeFinished {
            node: self.node.to_string(),
            ran: self.tally.ran,
            cached: self.tally.cached,
            wall_ms: self.tally.wall_ms,
            saved_ms: self.tally.saved_ms,
            reasons: why,
        });
        if !self.hits.is_empty()
            && let Err(error) = self
                .job
                .store
                .touch_actions(std::mem::take(&mut self.hits))
                .await
        {
            tracing::warn!(%error, "the use of cached results could not be noted");
        }
        Ok(())
    }

    async fn fail(&self, failure: WorkerFailure) -> NodeEnd {
        let error = JobError {
            node: self.node.to_string(),
            class: Some(failure.class),
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        };
        let update = NodeUpdate::Failed {
            tally: self.tally,
            error: error.clone(),
        };
        if let Err(refused) = self.update(update).await {
            tracing::error!(job = self.job.id, node = %self.node, %refused, "a failed node could not be written down");
        }
        self.job.log.add(JobEventKind::NodeFailed {
            node: self.node.to_string(),
            class: failure.class,
            message: failure.message,
            hint: failure.hint,
        });
        NodeEnd::Failed(error)
    }

    async fn update(&self, update: NodeUpdate) -> Result<(), StoreError> {
        let job = &self.job;
        persist(&job.shutdown, || {
            job.store
                .update_node(&job.id, self.node.as_str(), update.clone())
        })
        .await
    }
}

type Numbered = (usize, Result<Outcome, oneshot::error::RecvError>);

async fn numbered(number: usize, outcome: oneshot::Receiver<Outcome>) -> Numbered {
    (number, outcome.await)
}

/// Runs the pure part of a node off the runtime's own threads: a long script takes a while to lay out.
async fn evaluate<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkerFailure> {
    tokio::task::spawn_blocking(body)
        .await
        .map_err(|error| internal(format!("evaluating a node ended unexpectedly: {error}")))
}
