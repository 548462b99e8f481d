//! One node of one job as the document describes it: does it take part, once or per item, what becomes of a failure?
//!
//! Neighbours: `job_run` starts it when everything it waits for is there; `node_run` does one turn (parameters,
//! actions, outputs). The rules of the document are obeyed here and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::jobs::JobError;
use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::value::Value;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Item, NodeId, NodeRules, Scope, Stage};
use futures_util::stream::{self, StreamExt};

use super::fate::{self, Fate};
use super::node_run::{self, JobShared, Stop, Turn, TurnResult, Variant};
use crate::store::{NodeEnding, NodeTally, NodeUpdate};

/// How a node ended.
#[derive(Debug)]
pub(super) enum NodeEnd {
    /// Its values by port; all of them null when it was skipped.
    Finished(BTreeMap<String, Value>),
    /// It failed for good.
    Failed(JobError),
    /// The job waits for someone.
    Paused(JobError),
    /// The job waits for space or for a provider's leave.
    Waits(JobError),
    /// Somebody has to say whether something was paid.
    Asks(JobError),
    /// The job is being stopped.
    Interrupted,
}

/// Reasons a node shows of all its turns'.
const SHOWN_REASONS: usize = 5;

/// Runs a node whose inputs are all in `scope`.
pub(super) async fn run(job: Arc<JobShared>, node: NodeId, scope: Scope) -> NodeEnd {
    let name = node.to_string();
    let staged = Staged {
        rules: job.workflow.rules(&node).cloned().unwrap_or_default(),
        job,
        node,
        scope: Arc::new(scope),
    };
    match staged.whole().await {
        Ok(outputs) => NodeEnd::Finished(outputs),
        Err(Stop::Interrupted) => NodeEnd::Interrupted,
        Err(Stop::Failed(failure) | Stop::Refused(failure)) => staged.end(name, failure),
    }
}

struct Staged {
    job: Arc<JobShared>,
    node: NodeId,
    rules: NodeRules,
    scope: Arc<Scope>,
}

/// What one turn came to; no outputs when it was skipped.
struct Ended {
    outputs: Option<BTreeMap<String, Value>>,
    tally: NodeTally,
    reasons: Vec<RerunReason>,
}

impl Staged {
    async fn whole(&self) -> Result<BTreeMap<String, Value>, Stop> {
        let name = self.node.to_string();
        let (job, node, scope) = (
            Arc::clone(&self.job),
            self.node.clone(),
            Arc::clone(&self.scope),
        );
        let stage = node_run::evaluate(move || job.workflow.stage(&node, &scope)).await?;
        match stage {
            Err(error) => {
                self.unstaged(&name, node_run::refused(error)).await?;
                Ok(self.job.workflow.skipped(&self.node))
            }
            Ok(Stage::Skipped) => {
                self.skip(&name, "its `if` is false", NodeTally::default())
                    .await?;
                Ok(self.job.workflow.skipped(&self.node))
            }
            Ok(Stage::Once) => {
                let ended = self.turn(name, None).await?;
                Ok(ended
                    .outputs
                    .unwrap_or_else(|| self.job.workflow.skipped(&self.node)))
            }
            Ok(Stage::Each(values)) => self.each(name, values).await,
        }
    }

    /// Every item, so many at a time, each with a row and a key of its own.
    async fn each(
        &self,
        name: String,
        values: Vec<Value>,
    ) -> Result<BTreeMap<String, Value>, Stop> {
        let (job, count) = (&self.job, values.len());
        job.log
            .add(JobEventKind::NodeStarted { node: name.clone() });
        job.store.add_items(&job.claim, &name, count).await?;
        self.update(&name, NodeUpdate::Started).await?;
        let turns = values.into_iter().enumerate().map(|(index, value)| {
            let label = format!("{name}[{index}]");
            async move { (index, self.item(label, Item { index, value }).await) }
        });
        let at_once = self.rules.max_parallel.max(1) as usize;
        let mut running = stream::iter(turns).buffer_unordered(at_once);
        let mut outputs: Vec<Option<BTreeMap<String, Value>>> = Vec::new();
        outputs.resize_with(count, || None);
        let (mut ending, mut done) = (NodeEnding::default(), 0);
        while let Some((index, ended)) = running.next().await {
            let ended = match ended {
                Ok(ended) => ended,
                Err(Stop::Interrupted) => return Err(Stop::Interrupted),
                Err(Stop::Failed(failure) | Stop::Refused(failure)) => {
                    return Err(self.failed(&name, failure).await);
                }
            };
            outputs[index] = ended.outputs;
            ending.tally.add(&ended.tally);
            for reason in ended.reasons {
                if ending.reasons.len() < SHOWN_REASONS && !ending.reasons.contains(&reason) {
                    ending.reasons.push(reason);
                }
            }
            done += 1;
            job.log.add(JobEventKind::NodeProgress {
                node: name.clone(),
                done,
                total: count as u64,
            });
        }
        drop(running);
        self.gathered(&name, ending, &outputs).await?;
        Ok(job.workflow.gather(&self.node, outputs))
    }

    async fn gathered(
        &self,
        name: &str,
        mut ending: NodeEnding,
        outputs: &[Option<BTreeMap<String, Value>>],
    ) -> Result<(), Stop> {
        let skipped = outputs.iter().filter(|turn| turn.is_none()).count();
        ending.note = match (outputs.len(), skipped) {
            (0, _) => "the list has no items".to_owned(),
            (_, 0) => String::new(),
            (count, skipped) => format!("{skipped} of {count} items skipped"),
        };
        self.job.log.add(finished(name, &ending));
        self.update(name, NodeUpdate::Finished(Box::new(ending)))
            .await
    }

    async fn item(&self, label: String, item: Item) -> Result<Ended, Stop> {
        let scope = Scope {
            item: Some(item),
            ..Scope::clone(&self.scope)
        };
        let (job, node, asked) = (Arc::clone(&self.job), self.node.clone(), scope.clone());
        let part = node_run::evaluate(move || job.workflow.takes_part(&node, &asked)).await?;
        match part {
            Err(error) => self.unstaged(&label, node_run::refused(error)).await,
            Ok(false) => {
                let tally = NodeTally::default();
                self.skip(&label, "its `if` is false", tally).await?;
                Ok(skipped(tally))
            }
            Ok(true) => self.turn(label, Some(scope)).await,
        }
    }

    /// One turn with everything the document says about failures.
    async fn turn(&self, label: String, scope: Option<Scope>) -> Result<Ended, Stop> {
        let scope = scope.map_or_else(|| Arc::clone(&self.scope), Arc::new);
        let mut turn = Turn {
            job: Arc::clone(&self.job),
            node: self.node.clone(),
            label,
            scope,
            variant: Variant::Written,
            retry: self
                .rules
                .retry_is_written
                .then(|| self.rules.retry.clone()),
        };
        let mut result = self.tries(&turn).await;
        if let Err(Stop::Failed(failure)) = &result.outcome
            && self.fate(failure, &turn.variant) == Fate::FallBack
        {
            self.job.log.add(JobEventKind::NodeFellBack {
                node: turn.label.clone(),
                message: failure.message.clone(),
            });
            turn.variant = Variant::Fallback {
                after: failure.message.clone(),
            };
            result = self.tries(&turn).await;
        }
        let TurnResult {
            outcome,
            tally,
            reasons,
        } = result;
        self.job.purse().release(&turn.label);
        match outcome {
            Ok(outputs) => Ok(Ended {
                outputs: Some(outputs),
                tally,
                reasons,
            }),
            Err(Stop::Interrupted) => Err(Stop::Interrupted),
            Err(Stop::Refused(failure)) => Err(self.failed_with(&turn.label, failure, tally).await),
            Err(Stop::Failed(failure)) => match self.fate(&failure, &turn.variant) {
                Fate::Skip(excuse) => {
                    let why = excuse.after(&failure);
                    self.skip(&turn.label, &why, tally).await?;
                    Ok(skipped(tally))
                }
                _ => Err(self.failed_with(&turn.label, failure, tally).await),
            },
        }
    }

    fn fate(&self, failure: &WorkerFailure, variant: &Variant) -> Fate {
        let fell_back = *variant != Variant::Written;
        fate::of_work(&self.job.workflow, &self.node, failure.class, fell_back)
    }

    /// A node, or an item of it, whose `if` or `for_each` comes to nothing that can be obeyed.
    async fn unstaged(&self, label: &str, failure: WorkerFailure) -> Result<Ended, Stop> {
        let tally = NodeTally::default();
        match fate::of_stage(&self.job.workflow, &self.node, failure.class) {
            Fate::Skip(excuse) => {
                self.skip(label, &excuse.after(&failure), tally).await?;
                Ok(skipped(tally))
            }
            _ => Err(self.failed(label, failure).await),
        }
    }

    /// A turn within its time; again when it took longer and the document says so.
    async fn tries(&self, turn: &Turn) -> TurnResult {
        let mut attempt = 1;
        loop {
            let result = self.timed(turn).await;
            let Err(Stop::Failed(failure)) = &result.outcome else {
                return result;
            };
            // Actions that failed were tried again already; only the node's own limit is left.
            let own_limit =
                failure.class == FailureClass::Timeout && self.rules.timeout_ms.is_some();
            let wait = turn.retry.as_ref().filter(|_| own_limit).and_then(|rule| {
                let calls = self.job.workflow.role(&self.node).is_some();
                let policy = self.job.dispatcher.retry_policy(Some(rule), calls);
                policy.wait_after(attempt, failure.class)
            });
            let Some(wait) = wait else {
                return result;
            };
            attempt += 1;
            self.job.log.add(JobEventKind::ActionRetried {
                node: turn.label.clone(),
                action: "node".to_owned(),
                digest: String::new(),
                class: failure.class,
                message: failure.message.clone(),
                attempt,
            });
            tokio::time::sleep(wait).await;
        }
    }

    async fn timed(&self, turn: &Turn) -> TurnResult {
        let Some(limit_ms) = self.rules.timeout_ms else {
            return node_run::run(turn).await;
        };
        let limit = Duration::from_millis(limit_ms);
        match tokio::time::timeout(limit, node_run::run(turn)).await {
            Ok(result) => result,
            Err(_) => {
                let job = &self.job;
                job.dispatcher.withdraw_node(&job.id, &turn.label).await;
                TurnResult {
                    outcome: Err(Stop::Failed(WorkerFailure {
                        class: FailureClass::Timeout,
                        message: format!("it took longer than its `timeout` of {}", span(limit_ms)),
                        hint: "raise `timeout`, or give the node less to do".to_owned(),
                    })),
                    tally: NodeTally::default(),
                    reasons: Vec::new(),
                }
            }
        }
    }

    async fn skip(&self, label: &str, why: &str, tally: NodeTally) -> Result<(), Stop> {
        self.job.purse().release(label);
        self.job.log.add(JobEventKind::NodeSkipped {
            node: label.to_owned(),
            why: why.to_owned(),
        });
        let note = why.to_owned();
        self.update(label, NodeUpdate::Skipped { note, tally })
            .await
    }

    async fn failed(&self, label: &str, failure: WorkerFailure) -> Stop {
        self.failed_with(label, failure, NodeTally::default()).await
    }

    /// Writes a failure down where it happened, and passes it on.
    async fn failed_with(&self, label: &str, failure: WorkerFailure, tally: NodeTally) -> Stop {
        let error = job_error(label.to_owned(), failure.clone());
        let update = NodeUpdate::Failed { tally, error };
        if let Err(Stop::Failed(refused) | Stop::Refused(refused)) =
            self.update(label, update).await
        {
            tracing::error!(
                job = self.job.id,
                node = label,
                error = refused.message,
                "a failed node could not be written down"
            );
        }
        self.job.log.add(JobEventKind::NodeFailed {
            node: label.to_owned(),
            class: failure.class,
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        });
        Stop::Failed(failure)
    }

    fn end(&self, name: String, failure: WorkerFailure) -> NodeEnd {
        let fate = fate::of_stage(&self.job.workflow, &self.node, failure.class);
        let error = job_error(name, failure);
        match fate {
            Fate::Pause => NodeEnd::Paused(error),
            Fate::Wait => NodeEnd::Waits(error),
            Fate::Ask => NodeEnd::Asks(error),
            Fate::Skip(_) | Fate::FallBack | Fate::Fail => NodeEnd::Failed(error),
        }
    }

    async fn update(&self, label: &str, update: NodeUpdate) -> Result<(), Stop> {
        node_run::update(&self.job, label, update).await
    }
}

const fn skipped(tally: NodeTally) -> Ended {
    Ended {
        outputs: None,
        tally,
        reasons: Vec::new(),
    }
}

fn job_error(node: String, failure: WorkerFailure) -> JobError {
    JobError {
        node,
        class: Some(failure.class),
        message: failure.message,
        hint: failure.hint,
    }
}

/// The event that tells of a node's end.
pub(super) fn finished(label: &str, ending: &NodeEnding) -> JobEventKind {
    JobEventKind::NodeFinished {
        node: label.to_owned(),
        ran: ending.tally.ran,
        cached: ending.tally.cached,
        wall_ms: ending.tally.wall_ms,
        saved_ms: ending.tally.saved_ms,
        reasons: ending.reasons.clone(),
    }
}

/// A length of time as documents write it.
fn span(ms: u64) -> String {
    match ms {
        _ if ms.is_multiple_of(60_000) && ms > 0 => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}
