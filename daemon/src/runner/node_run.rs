//! One turn of a node: its parameters are evaluated, it asks for actions as long as it wants, and what it did and why
//! is written down.
//!
//! Neighbours: `stage` decides which turns there are and what becomes of a failure; `admission` says which actions may
//! be asked for at all.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, ActionFacts, ActionResult};
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::lock::NodePins;
use fenta_workflows::node::notes_of;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::value::Value;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{
    Budget, LowerError, Lowered, NodeId, PreparedNode, RetryRule, Scope, Workflow,
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Tool;
use super::admission::{Gate, Refusal};
use super::batch::{Batch, all_at_once};
use super::dispatcher::{DispatcherHandle, Request};
use super::event_log::EventLog;
use super::executor::{Done, LookUp, OfferTerms, Outcome, Terms};
use super::freshness::Freshness;
use super::lanes::Share;
use super::paid::Order;
use super::persist::persist;
use super::purse::{NO_BUDGET, Purse};
use super::reasons::{Evidence, reasons};
use super::selection::Selection;
use super::usage::{Usage, price_note};
use super::{bought, pins, stage, units};
use crate::executors::Notice;
use crate::store::{
    ActionTime, Claim, EarlierRun, NodeEnding, NodeTally, NodeUpdate, PaidCall, Store, StoreError,
};

/// What the nodes of a job share.
#[derive(Debug)]
pub(super) struct JobShared {
    pub(super) id: String,
    /// The right to write about it.
    pub(super) claim: Claim,
    pub(super) workflow: Workflow,
    pub(super) options: RunOptions,
    pub(super) selection: Selection,
    /// When the job began the first time; what it made since then counts although the cache is not read.
    pub(super) started_at: String,
    pub(super) purse: Mutex<Purse>,
    /// What the job may cost: what the document says, and what was added since.
    pub(super) budget: Option<Budget>,
    pub(super) tool: Tool,
    pub(super) store: Store,
    pub(super) dispatcher: DispatcherHandle,
    pub(super) log: EventLog,
    pub(super) shutdown: CancellationToken,
}

impl JobShared {
    /// What is left of the budget; to be held for a moment only.
    pub(super) fn purse(&self) -> std::sync::MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of a node's parameters a turn uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Those of `with`.
    Written,
    /// Those of its fallback, after this went wrong.
    Fallback { after: String },
}

/// One turn of a node.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) job: Arc<JobShared>,
    pub(super) node: NodeId,
    /// The node's name, with the number of the item in a `for_each`.
    pub(super) label: String,
    pub(super) scope: Arc<Scope>,
    pub(super) variant: Variant,
    pub(super) retry: Option<RetryRule>,
}

/// What a turn came to.
pub(super) struct TurnResult {
    pub(super) outcome: Result<BTreeMap<String, Value>, Stop>,
    pub(super) tally: NodeTally,
    pub(super) reasons: Vec<RerunReason>,
}

/// Why a node has no outputs.
pub(super) enum Stop {
    Failed(WorkerFailure),
    /// It fails whatever the document says about failures: the run was asked not to do it.
    Refused(WorkerFailure),
    Interrupted,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => Self::Failed(failure),
            Refusal::Final(failure) => Self::Refused(failure),
        }
    }
}

fn not_pinned(why: String) -> Stop {
    Stop::Refused(pins::refused(why))
}

impl From<WorkerFailure> for Stop {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<LowerError> for Stop {
    fn from(error: LowerError) -> Self {
        Self::Failed(refused(error))
    }
}

/// What cannot be evaluated or lowered is the document's fault, or its inputs'.
pub(super) fn refused(error: LowerError) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Input,
        message: error.message,
        hint: error.hint,
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

/// Does a turn.
pub(super) async fn run(turn: &Turn) -> TurnResult {
    let mut run = NodeRun {
        job: Arc::clone(&turn.job),
        turn,
        freshness: Freshness::of(turn),
        tally: NodeTally::default(),
        evidence: Evidence::new(&turn.scope.job.workflow_dir),
        pins: NodePins::default(),
        times: Vec::new(),
        planned: 0,
        counted: HashSet::new(),
        used: Vec::new(),
        usage: Usage::default(),
        reasons: Vec::new(),
        told: Vec::new(),
        called: HashSet::new(),
    };
    let outcome = run.outputs().await;
    run.note_uses().await;
    if outcome.is_err() {
        run.note_used().await;
    }
    TurnResult {
        outcome,
        tally: run.tally,
        reasons: run.reasons,
    }
}

/// Changes a node's row, however long the store makes it wait.
pub(super) async fn update(job: &JobShared, label: &str, update: NodeUpdate) -> Result<(), Stop> {
    persist(&job.shutdown, || {
        job.store.update_node(&job.claim, label, update.clone())
    })
    .await
    .map_err(Stop::from)
}

struct NodeRun<'a> {
    job: Arc<JobShared>,
    turn: &'a Turn,
    freshness: Freshness,
    tally: NodeTally,
    evidence: Evidence,
    pins: NodePins,
    times: Vec<ActionTime>,
    /// Cacheable actions so far.
    planned: u32,
    /// What was counted as run; the same content twice runs once.
    counted: HashSet<ActionDigest>,
    /// Results that were found or made.
    used: Vec<ActionDigest>,
    usage: Usage,
    reasons: Vec<RerunReason>,
    /// What was told about who is asked.
    told: Vec<String>,
    /// Calls that were not there yet.
    called: HashSet<String>,
}

impl NodeRun<'_> {
    /// Tells the care of the cache which results the turn used, whatever became of it.
    async fn note_uses(&mut self) {
        let used = std::mem::take(&mut self.used);
        if used.is_empty() {
            return;
        }
        let (store, job) = (&self.job.store, &self.job.id);
        if let Err(error) = store.note_uses(job, &self.turn.label, used).await {
            tracing::warn!(%error, "the use of cached results could not be noted");
        }
    }

    /// What a turn used that has failed or was stopped.
    async fn note_used(&self) {
        let used = self.usage.so_far();
        if used.is_empty() {
            return;
        }
        let (store, job) = (&self.job.store, &self.job.id);
        if let Err(error) = store.note_used(job, &self.turn.label, used).await {
            tracing::warn!(%error, "what a turn used could not be written down");
        }
    }

    async fn outputs(&mut self) -> Result<BTreeMap<String, Value>, Stop> {
        let job = Arc::clone(&self.job);
        let label = self.turn.label.clone();
        job.log.add(JobEventKind::NodeStarted {
            node: label.clone(),
        });
        let prepared = self.prepare().await?;
        let earlier = job.store.earlier_run(&job.id, &label).await?;
        let key = Box::new(prepared.key().clone());
        update(&job, &label, NodeUpdate::Running { key }).await?;
        let outputs = self.lower(&prepared).await?;
        let frozen = job.options.frozen_lock();
        pins::template(&mut self.pins, frozen, &outputs).map_err(not_pinned)?;
        let notes = notes_of(&outputs);
        if !notes.is_empty() {
            job.log.add(JobEventKind::NodeNoted { node: label, notes });
        }
        self.finish(&prepared, earlier.as_ref()).await?;
        Ok(outputs)
    }

    async fn prepare(&self) -> Result<PreparedNode, Stop> {
        let (job, node) = (Arc::clone(&self.job), self.turn.node.clone());
        let (scope, variant) = (Arc::clone(&self.turn.scope), self.turn.variant.clone());
        let prepared = evaluate(move || match variant {
            Variant::Written => job.workflow.prepare(&node, &scope).map(Some),
            Variant::Fallback { .. } => job.workflow.prepare_fallback(&node, &scope),
        })
        .await??;
        let mut prepared =
            prepared.ok_or_else(|| internal("the node has no fallback".to_owned()))?;
        let on = OfferTerms {
            local_only: self.gate().is_local_only(),
            budget: self.job.budget.as_ref(),
            today: &self.turn.scope.job.date,
        };
        self.job.dispatcher.offer(&mut prepared, &on);
        Ok(prepared)
    }

    async fn lower(&mut self, node: &PreparedNode) -> Result<BTreeMap<String, Value>, Stop> {
        let mut results = Vec::new();
        loop {
            let prepared = node.clone();
            let (lowered, given) = evaluate(move || {
                let lowered = prepared.lower(&results);
                (lowered, results)
            })
            .await?;
            results = given;
            match lowered? {
                Lowered::Outputs(outputs) => return Ok(outputs),
                Lowered::Actions(actions) if actions.is_empty() => {
                    let message = format!("node {} waits for no action", self.turn.label);
                    return Err(internal(message).into());
                }
                Lowered::Actions(actions) => results.extend(self.perform(node, actions).await?),
            }
        }
    }

    /// The results of actions, in order.
    async fn perform(
        &mut self,
        node: &PreparedNode,
        actions: Vec<Action>,
    ) -> Result<Vec<ActionResult>, Stop> {
        let actions = self.settled(node, actions);
        let mut batch = Batch::new(actions, &self.job.tool.name);
        self.look_up(&mut batch).await?;
        self.admit(node, &batch).await?;
        let order = self.order(node, &batch);
        let calls = batch.missing().map(|number| &batch.items[number]);
        let calls = calls.filter(|item| matches!(*item.action, Action::Invoke(_)));
        self.called
            .extend(calls.map(|item| item.digest.to_string()));
        let (heard, notices) = mpsc::unbounded_channel();
        let pending: FuturesUnordered<_> = batch
            .missing()
            .map(|number| {
                let request = Request {
                    job: self.job.id.clone(),
                    node: self.turn.label.clone(),
                    digest: batch.items[number].digest.clone(),
                    action: self.sent(&batch.items[number].action),
                    tool: self.job.tool.clone(),
                    terms: Terms {
                        fresh_since: self.freshness.since().map(str::to_owned),
                        retry: self.turn.retry.clone(),
                    },
                    share: Share::of(&self.job.options),
                    order: order.clone(),
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

    /// Says who is asked, before anything is looked up: what somebody answered is remembered as theirs.
    fn settled(&mut self, node: &PreparedNode, actions: Vec<Action>) -> Vec<Action> {
        let local_only = self.gate().is_local_only();
        let mut notes = Vec::new();
        if let Some(note) = passed_over(node, &actions)
            && !self.told.contains(&note)
        {
            self.told.push(note.clone());
            notes.push(note);
        }
        let mut settled = Vec::with_capacity(actions.len());
        for action in actions {
            let (action, told) = self.job.dispatcher.settled(action, local_only);
            settled.push(action);
            for note in told {
                if !self.told.contains(&note) {
                    self.told.push(note.clone());
                    notes.push(note);
                }
            }
        }
        if !notes.is_empty() {
            let node = self.turn.label.clone();
            self.job.log.add(JobEventKind::NodeNoted { node, notes });
        }
        settled
    }

    fn gate(&self) -> Gate<'_> {
        Gate {
            workflow: &self.job.workflow,
            options: &self.job.options,
            part: self.job.selection.part(&self.turn.node),
            node: &self.turn.node,
        }
    }

    /// Whether what is missing of a batch may be asked for. What it is charged is on disk before anything starts.
    async fn admit(&mut self, node: &PreparedNode, batch: &Batch) -> Result<(), Stop> {
        let gate = self.gate();
        gate.check(&batch.items)?;
        // Without a budget nothing is refused, and what is used is written down all the same.
        let budget = self.job.budget.as_ref();
        let none = NO_BUDGET;
        let budget = budget.unwrap_or(&none);
        let today = &self.turn.scope.job.date;
        for bill in gate.bills(&self.turn.label, node, &batch.items, today) {
            let receipt = self.job.purse().pay(budget, &bill)?;
            if let Some(charge) = receipt.charge {
                let job = &self.job;
                let price = price_note(&bill, node.money(today).price_as_of, today);
                persist(&job.shutdown, || {
                    job.store.charge(&job.claim, charge.clone(), price.clone())
                })
                .await?;
            }
            for event in receipt.events {
                self.job.log.add(event);
            }
        }
        Ok(())
    }

    /// Who pays for the calls of a batch, and what each may cost at the most.
    fn order(&self, node: &PreparedNode, batch: &Batch) -> Option<Order> {
        let calls = batch
            .missing()
            .filter(|number| matches!(*batch.items[*number].action, Action::Invoke(_)))
            .count();
        let calls = u64::try_from(calls).ok().filter(|calls| *calls > 0)?;
        Some(bought::order(self.turn, node, calls))
    }

    fn sent(&self, action: &Arc<Action>) -> Arc<Action> {
        match self.gate().sent(action) {
            Some(other) => Arc::new(other),
            None => Arc::clone(action),
        }
    }

    /// Notes what an action made; in a frozen run only what is pinned passes.
    fn pinned(&mut self, action: &Action, result: &ActionResult) -> Result<(), Stop> {
        if let Some(lock) = self.job.options.frozen_lock() {
            pins::same_maker(lock, &self.turn.node, action)
                .and_then(|()| pins::outcome(lock, action, result))
                .map_err(not_pinned)?;
        }
        pins::note(&mut self.pins, &self.turn.label, action, result);
        Ok(())
    }

    async fn look_up(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        let cacheable: Vec<usize> = batch.cacheable().collect();
        let asked = cacheable
            .iter()
            .map(|number| batch.items[*number].digest.clone())
            .collect();
        let since = self.freshness.since();
        let known = self.job.dispatcher.look_up(asked, since).await?;
        for (number, known) in cacheable.iter().zip(known) {
            match known {
                LookUp::Hit(row) => {
                    let item = &batch.items[*number];
                    self.pinned(&item.action, &row.result)?;
                    self.tally.cached += 1;
                    self.tally.saved_ms += row.wall_ms;
                    self.used.push(item.digest.clone());
                    self.usage.found(&item.action, &row.result);
                    batch.give(*number, row.result);
                }
                LookUp::Gone => self.evidence.gone = true,
                LookUp::Damaged => self.evidence.damaged = true,
                LookUp::Evicted { at } => {
                    self.evidence.evicted = Some(self.job.store.age_ms(&at));
                }
                LookUp::Stale { made_at } => {
                    self.evidence.stale = Some(self.freshness.reason(&made_at, &self.job.store));
                }
                LookUp::Miss => {}
            }
        }
        if !cacheable.is_empty() {
            self.planned += u32::try_from(cacheable.len()).unwrap_or(u32::MAX);
            self.job.log.add(JobEventKind::ActionsPlanned {
                node: self.turn.label.clone(),
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
                    Ok(Outcome::Done(done)) => self.take(batch, number, done)?,
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
        let (node, action) = (self.turn.label.clone(), item.action.kind().to_owned());
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

    fn take(&mut self, batch: &mut Batch, number: usize, done: Done) -> Result<(), Stop> {
        let item = &batch.items[number];
        self.job.dispatcher.keep(&done.result);
        if item.is_content() {
            self.used.push(item.digest.clone());
        }
        self.evidence.note(&item.action, &done.result);
        self.pinned(&item.action, &done.result)?;
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
                if !again {
                    self.usage.found(&item.action, &done.result);
                }
            } else {
                self.usage.made(&item.action, &done.result);
                self.tally.ran += 1;
                self.tally.wall_ms += done.wall_ms;
                self.times.push(ActionTime {
                    action: item.action.kind(),
                    units: units::of(&item.action),
                    wall_ms: done.wall_ms,
                });
                self.job.log.add(JobEventKind::ActionFinished {
                    node: self.turn.label.clone(),
                    action: item.action.kind().to_owned(),
                    digest: item.digest.short().to_owned(),
                    wall_ms: done.wall_ms,
                });
            }
        }
        batch.give(number, done.result);
        Ok(())
    }

    fn tell_progress(&self, batch: &mut Batch) {
        if let Some((done, total)) = batch.progress.tell(Instant::now())
            && batch.has_content()
        {
            self.job.log.add(JobEventKind::NodeProgress {
                node: self.turn.label.clone(),
                done,
                total,
            });
        }
    }

    /// Tells what the calls of this turn cost, beside the estimate.
    async fn note_bought(&self, prepared: &PreparedNode) {
        if self.called.is_empty() {
            return;
        }
        let calls = match self.job.store.paid_calls(&self.job.id).await {
            Ok(calls) => calls,
            Err(error) => {
                tracing::warn!(%error, "what calls came to cannot be read");
                return;
            }
        };
        let own: Vec<PaidCall> = calls
            .into_iter()
            .filter(|call| call.turn == self.turn.label && self.called.contains(&call.digest))
            .collect();
        let most = prepared.money(&self.turn.scope.job.date).high_micros();
        if let Some(note) = bought::note(&own, most) {
            let node = self.turn.label.clone();
            let notes = vec![note];
            self.job.log.add(JobEventKind::NodeNoted { node, notes });
        }
    }

    async fn finish(
        &mut self,
        prepared: &PreparedNode,
        earlier: Option<&EarlierRun>,
    ) -> Result<(), Stop> {
        self.note_bought(prepared).await;
        if self.tally.ran > 0 {
            self.reasons = reasons(prepared.key(), &self.job.tool.name, &self.evidence, earlier);
        }
        let ending = NodeEnding {
            tally: self.tally,
            reasons: self.reasons.clone(),
            files: self.evidence.files.clone(),
            pins: self.pins.clone(),
            times: std::mem::take(&mut self.times),
            used: self.usage.at_end(),
            note: match &self.turn.variant {
                Variant::Written => String::new(),
                Variant::Fallback { after } => format!("used its fallback after: {after}"),
            },
        };
        let event = stage::finished(&self.turn.label, &ending);
        let finished = NodeUpdate::Finished(Box::new(ending));
        update(&self.job, &self.turn.label, finished).await?;
        bought::settle(&self.job, &self.turn.label).await;
        self.job.log.add(event);
        Ok(())
    }
}

/// Why others of a node's models are not asked, where one is.
pub(super) fn passed_over(node: &PreparedNode, actions: &[Action]) -> Option<String> {
    let asks = actions
        .iter()
        .any(|action| matches!(action, Action::Invoke(_)));
    let (model, passed) = (node.models().first()?, node.passed_over());
    (asks && !passed.is_empty()).then(|| format!("{model} is asked: {}", passed.join("; ")))
}

type Numbered = (usize, Result<Outcome, oneshot::error::RecvError>);

async fn numbered(number: usize, outcome: oneshot::Receiver<Outcome>) -> Numbered {
    (number, outcome.await)
}

/// Runs the pure part of a node off the runtime's own threads: a long script takes a while to lay out.
pub(super) async fn evaluate<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkerFailure> {
    tokio::task::spawn_blocking(body)
        .await
        .map_err(|error| internal(format!("evaluating a node ended unexpectedly: {error}")))
}
