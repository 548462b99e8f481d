//! One job, from `processing` to its end: every node as soon as its inputs are known, independent ones at the same
//! time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use fenta_client::api::jobs::{CreateJob, JobError, RunOptions};
use fenta_workflows::job_event::OutputValue;
use fenta_workflows::value::Value;
use fenta_workflows::worker::FailureClass;
use fenta_workflows::{JobFacts, NodeId, Scope, Workflow};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::dispatcher::DispatcherHandle;
use super::event_log::EventLog;
use super::node_run::JobShared;
use super::persist::persist;
use super::purse::{Purse, allowing};
use super::selection::{Part, Selection};
use super::stage::{self, NodeEnd};
use super::{Tool, admission, submit};
use crate::executors::Renderer;
use crate::store::{Claim, Claimed, JobRecord, LONGEST_WAIT, Store, StoreError, Transition};

/// Threads per encoder. Another count would give other bytes, so it does not depend on the machine: several encoders run
/// side by side where there are more cores. Two threads of one encoder hold half the memory of two encoders.
pub(super) const ENCODER_THREADS: u8 = 2;

/// What jobs work with.
#[derive(Clone, Debug)]
pub(super) struct JobContext {
    pub(super) store: Store,
    pub(super) renderer: Renderer,
    pub(super) dispatcher: DispatcherHandle,
    pub(super) shutdown: CancellationToken,
}

/// Why a job's graph was not walked to its end.
enum Stop {
    Failed(JobError),
    /// It waits for someone.
    Paused(JobError),
    /// It waits and goes on by itself.
    Waits(JobError),
    /// Somebody has to say whether something was paid.
    Asks(JobError),
    Cancelled,
    /// The daemon ends, or the job cannot be read now; it goes on when it is claimed again.
    Interrupted,
}

impl Stop {
    fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed(JobError {
            node: String::new(),
            class: None,
            message: message.into(),
            hint: hint.into(),
        })
    }
}

/// Runs a job that was claimed, until its end or the daemon's.
pub(super) async fn run(context: JobContext, claimed: Claimed, cancel: CancellationToken) {
    let Claimed { claim, record } = claimed;
    let log = EventLog::open(
        context.store.clone(),
        claim.clone(),
        context.shutdown.clone(),
    );
    let outcome = match tool(&context, &record).await {
        Ok(tool) => walk(&context, (&claim, record), tool, &log, &cancel).await,
        Err(stop) => Err(stop),
    };
    log.flush().await;
    let transition = match outcome {
        Ok(outputs) => Transition::Complete(outputs),
        Err(Stop::Failed(error)) => Transition::Fail(error),
        Err(Stop::Paused(error)) => Transition::Pause(error),
        Err(Stop::Asks(error)) => Transition::NeedAttention(error),
        Err(Stop::Waits(error)) => match wait(&context.store, &claim.job, error).await {
            Ok(transition) => transition,
            Err(error) => return tracing::error!(job = claim.job, %error, "a job cannot wait"),
        },
        Err(Stop::Cancelled) => Transition::Cancel,
        Err(Stop::Interrupted) => return,
    };
    let changed = persist(&context.shutdown, || {
        context.store.change_claimed(&claim, transition.clone())
    })
    .await;
    match changed {
        Ok(_) => {}
        Err(StoreError::Fenced { .. }) => {
            tracing::warn!(
                job = claim.job,
                epoch = claim.epoch,
                "a job was claimed by another"
            );
        }
        Err(error) => {
            tracing::error!(job = claim.job, %error, "the end of a job could not be written down");
        }
    }
}

/// How long a job waits the first time for space on the disk, and at the longest.
const DISK_WAITS: [u64; 2] = [15, 300];

/// How long a job waits the first time for a provider that wants to be left alone, and at the longest.
const RATE_WAITS: [u64; 2] = [60, LONGEST_WAIT.as_secs() as u64];

/// A provider that still refuses after so many waits, half a day in all, is not waited for any longer.
const MOST_RATE_WAITS: u32 = 16;

/// When a job that waits goes on; one that waited long enough fails.
async fn wait(store: &Store, job: &str, error: JobError) -> Result<Transition, StoreError> {
    let before = store.waits(job).await?;
    let disk = error.class == Some(FailureClass::Disk);
    if !disk && before >= MOST_RATE_WAITS {
        return Ok(Transition::Fail(error));
    }
    let [first, longest] = if disk { DISK_WAITS } else { RATE_WAITS };
    let seconds = (first << before.min(16)).min(longest);
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Transition::Wait {
        error,
        until: store.ahead_text(span),
    })
}

/// What the job is done with, unless it was taken up only to be ended.
async fn tool(context: &JobContext, record: &JobRecord) -> Result<Tool, Stop> {
    if record.cancel_requested {
        return Err(Stop::Cancelled);
    }
    let name = context.renderer.tool().await.map_err(|error| {
        Stop::failed(
            error.to_string(),
            "repair the installation, then resume the job",
        )
    })?;
    let renderer = context.renderer.path().to_owned();
    Ok(Tool { renderer, name })
}

async fn walk(
    context: &JobContext,
    (claim, record): (&Claim, JobRecord),
    tool: Tool,
    log: &EventLog,
    cancel: &CancellationToken,
) -> Result<BTreeMap<String, OutputValue>, Stop> {
    let id = record.job.id.clone();
    // Nothing this job is given is taken away before its end.
    let _lease = context.dispatcher.lease();
    let request = record.request.clone().map_err(|why| {
        Stop::failed(
            format!("this version of Fenta cannot read what the job asked for: {why}"),
            "submit the workflow again",
        )
    })?;
    let scope = Scope {
        inputs: BTreeMap::new(),
        nodes: BTreeMap::new(),
        job: facts(&id, &record.local_date, &request),
        item: None,
    };
    let compiled = tokio::task::spawn_blocking(move || compile(request)).await;
    let Compiled {
        workflow,
        inputs,
        selection,
        options,
    } = compiled.map_err(|error| Stop::failed(error.to_string(), "see the daemon's log"))??;
    let scope = Scope { inputs, ..scope };
    let charges = context.store.charges(&id).await.map_err(|error| {
        tracing::error!(job = %id, %error, "what a job was charged could not be read");
        Stop::Interrupted
    })?;
    let reserved = admission::reserve(&workflow, &selection, &scope);
    let budget = workflow
        .settings()
        .budget
        .clone()
        .map(|budget| allowing(record.added.to(budget), &options));
    let purse = Purse::new(budget.as_ref(), charges, reserved);
    let shared = Arc::new(JobShared {
        id: id.clone(),
        claim: claim.clone(),
        options,
        selection,
        started_at: record
            .job
            .started_at
            .clone()
            .unwrap_or_else(|| context.store.now_text()),
        purse: Mutex::new(purse),
        budget,
        workflow,
        tool,
        store: context.store.clone(),
        dispatcher: context.dispatcher.clone(),
        log: log.clone(),
        shutdown: context.shutdown.clone(),
    });
    let mut walk = Walk::new(shared, scope);
    let outcome = tokio::select! {
        outcome = walk.all_nodes() => outcome,
        () = cancel.cancelled() => Err(Stop::Cancelled),
        () = context.shutdown.cancelled() => Err(Stop::Interrupted),
    };
    // First nobody asks for more, then what was asked for is taken back: when this is done, nothing runs any more.
    walk.running.shutdown().await;
    context.dispatcher.withdraw(&id).await;
    outcome
}

/// What a request comes to.
struct Compiled {
    workflow: Workflow,
    inputs: BTreeMap<String, Value>,
    selection: Selection,
    options: RunOptions,
}

fn compile(request: CreateJob) -> Result<Compiled, Stop> {
    let workflow = submit::compiled(&request).map_err(|problems| {
        let first = problems.first();
        let message = first.map_or_else(String::new, |problem| problem.message.clone());
        Stop::failed(
            format!("the workflow does not compile any more: {message}"),
            "run `fenta validate` on it and submit it again",
        )
    })?;
    let inputs = workflow
        .bind(&request.params, &submit::path_bases(&request))
        .map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Stop::failed(texts.join("; "), "submit the job again with other inputs")
        })?;
    let selection = Selection::new(&workflow, &request.options)
        .map_err(|error| Stop::failed(error.to_string(), error.hint()))?;
    Ok(Compiled {
        workflow,
        inputs,
        selection,
        options: request.options,
    })
}

/// What expressions and nodes learn about a job.
pub(super) fn facts(id: &str, local_date: &str, request: &CreateJob) -> JobFacts {
    JobFacts {
        id: id.to_owned(),
        date: local_date.to_owned(),
        workflow_dir: request.workflow.dir.clone(),
        out_dir: request
            .out_dir
            .clone()
            .unwrap_or_else(|| request.caller_dir.clone()),
        encoder_threads: ENCODER_THREADS,
        view: request.options.view.clone(),
    }
}

struct Walk {
    shared: Arc<JobShared>,
    scope: Scope,
    /// The nodes each node still waits for, by number.
    waits: HashMap<NodeId, usize>,
    /// The nodes that wait for a node.
    feeds: HashMap<NodeId, Vec<NodeId>>,
    ready: Vec<NodeId>,
    running: JoinSet<NodeEnd>,
    names: HashMap<Id, NodeId>,
}

impl Walk {
    fn new(shared: Arc<JobShared>, scope: Scope) -> Self {
        let (mut waits, mut feeds) = (HashMap::new(), HashMap::<NodeId, Vec<NodeId>>::new());
        let mut ready = Vec::new();
        let workflow = &shared.workflow;
        let chosen = |node: &NodeId| shared.selection.part(node) != Part::LeftOut;
        for node in workflow.order().iter().filter(|node| chosen(node)) {
            let needs = workflow.dependencies(node);
            if needs.is_empty() {
                ready.push(node.clone());
            }
            waits.insert(node.clone(), needs.len());
            for need in needs {
                feeds.entry(need).or_default().push(node.clone());
            }
        }
        Self {
            shared,
            scope,
            waits,
            feeds,
            ready,
            running: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    async fn all_nodes(&mut self) -> Result<BTreeMap<String, OutputValue>, Stop> {
        loop {
            self.start_ready();
            let Some(joined) = self.running.join_next_with_id().await else {
                break;
            };
            self.take(joined)?;
        }
        if let Some(node) = self.waits.keys().next() {
            return Err(Stop::failed(format!("node {node} can never start"), ""));
        }
        // A picture is all that such a run is for; the outputs of the document are about the film.
        if let Some(still) = &self.shared.options.view.still {
            let path = OutputValue::Text(still.to.clone());
            return Ok(BTreeMap::from([("snapshot".to_owned(), path)]));
        }
        self.shared
            .workflow
            .outputs(&self.scope)
            .map_err(|error| Stop::failed(error.message, error.hint))
    }

    fn start_ready(&mut self) {
        for node in std::mem::take(&mut self.ready) {
            self.waits.remove(&node);
            let needs = self.shared.workflow.dependencies(&node);
            // A node sees what it waited for, nothing else: timelines are large, most nodes need none.
            let scope = Scope {
                inputs: self.scope.inputs.clone(),
                nodes: needs
                    .iter()
                    .filter_map(|need| self.scope.nodes.get_key_value(need.as_str()))
                    .map(|(name, values)| (name.clone(), values.clone()))
                    .collect(),
                job: self.scope.job.clone(),
                item: None,
            };
            let run = stage::run(Arc::clone(&self.shared), node.clone(), scope);
            let id = self.running.spawn(run).id();
            self.names.insert(id, node);
        }
    }

    /// A node has its outputs: who waited for nothing else may start.
    fn finish(&mut self, node: &NodeId, outputs: BTreeMap<String, Value>) {
        self.scope.nodes.insert(node.to_string(), outputs);
        for next in self.feeds.remove(node).unwrap_or_default() {
            if let Some(waits) = self.waits.get_mut(&next) {
                *waits -= 1;
                if *waits == 0 {
                    self.ready.push(next);
                }
            }
        }
    }

    fn take(&mut self, joined: Result<(Id, NodeEnd), JoinError>) -> Result<(), Stop> {
        let (id, end) = match joined {
            Ok((id, end)) => (id, end),
            Err(error) => {
                tracing::error!(job = self.shared.id, %error, "a node ended unexpectedly");
                let node = self.names.get(&error.id()).map(ToString::to_string);
                return Err(Stop::Failed(JobError {
                    node: node.unwrap_or_default(),
                    class: Some(FailureClass::Internal),
                    message: "the node ended unexpectedly".to_owned(),
                    hint: "see the daemon's log".to_owned(),
                }));
            }
        };
        match (end, self.names.remove(&id)) {
            (NodeEnd::Finished(outputs), Some(node)) => {
                self.finish(&node, outputs);
                Ok(())
            }
            (NodeEnd::Failed(error), _) => Err(Stop::Failed(error)),
            (NodeEnd::Paused(error), _) => Err(Stop::Paused(error)),
            (NodeEnd::Waits(error), _) => Err(Stop::Waits(error)),
            (NodeEnd::Asks(error), _) => Err(Stop::Asks(error)),
            (NodeEnd::Interrupted | NodeEnd::Finished(_), _) => Err(Stop::Interrupted),
        }
    }
}
