//! Decides which action runs next, over all jobs, and lets equal actions run once.
//!
//! One task owns all of it and is spoken to by messages. Two jobs that want the same content share one execution; it
//! is stopped only when nobody wants it any more.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use fenta_workflows::action::{Action, ActionResult, CachePolicy};
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{PreparedNode, RetryRule};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Tool;
use super::executor::{Done, Executor, LookUp, OfferTerms, Outcome, Task, Terms};
use super::lanes::{Lanes, Limits, Share};
use super::paid::Order;
use crate::executors::{Notice, RetryPolicy};
use crate::store::{Lease, StoreError};

/// Segments in a row that one process renders at the most: others must get their turn too.
const LONGEST_RUN: usize = 6;

/// How many of the segments that wait a process takes: a share that gets smaller towards the end, so that all processes
/// end together.
fn share(waiting: usize, renders: usize) -> usize {
    let share = match renders {
        1 => waiting,
        renders => waiting.div_ceil(2 * renders),
    };
    share.min(LONGEST_RUN)
}

/// Someone wants an action done.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) job: String,
    /// The node, or the turn of a `for_each`, that wants it.
    pub(super) node: String,
    pub(super) digest: ActionDigest,
    pub(super) action: Arc<Action>,
    pub(super) tool: Tool,
    pub(super) terms: Terms,
    /// What the job may have of the places.
    pub(super) share: Share,
    /// Who pays for it, where it is a call that costs money.
    pub(super) order: Option<Order>,
    /// Where notices go, and under which number.
    pub(super) notices: mpsc::UnboundedSender<(usize, Notice)>,
    pub(super) number: usize,
}

/// Whose wishes are taken back: a whole job's, or one node's.
#[derive(Debug)]
struct Wisher {
    job: String,
    node: Option<String>,
}

impl Wisher {
    fn made(&self, waiter: &Waiter) -> bool {
        self.job == waiter.job && self.node.as_ref().is_none_or(|node| *node == waiter.node)
    }
}

enum Message {
    Submit(Box<Request>, oneshot::Sender<Outcome>),
    Heard(u64, Notice),
    Ended(u64, Outcome),
    Withdraw(Wisher, mpsc::Sender<Infallible>),
}

/// How others speak to the dispatcher. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct DispatcherHandle {
    messages: mpsc::UnboundedSender<Message>,
    executor: Executor,
}

impl DispatcherHandle {
    /// Starts a dispatcher with so many places for each class of actions. On `shutdown` everything running is stopped.
    pub(super) fn start(executor: Executor, limits: Limits, shutdown: CancellationToken) -> Self {
        let (messages, queue) = mpsc::unbounded_channel();
        let dispatcher = Dispatcher {
            executor: executor.clone(),
            // Weak, so that the dispatcher ends when the last handle is gone.
            messages: messages.downgrade(),
            lanes: Lanes::new(limits),
            threads: limits.threads.max(1),
            entries: HashMap::new(),
            by_content: HashMap::new(),
            next: 0,
            shutdown,
        };
        tokio::spawn(dispatcher.run(queue));
        Self { messages, executor }
    }

    /// Asks the cache.
    pub(super) async fn look_up(
        &self,
        digests: Vec<ActionDigest>,
        fresh_since: Option<&str>,
    ) -> Result<Vec<LookUp>, StoreError> {
        self.executor.look_up(digests, fresh_since).await
    }

    /// Keeps what a job asks for or is given while it is active.
    pub(super) fn lease(&self) -> Lease {
        self.executor.lease()
    }

    /// A result somebody was given is kept by their lease.
    pub(super) fn keep(&self, result: &ActionResult) {
        self.executor.keep(result);
    }

    /// How failed work is tried again: as a document's rule says, and where it says nothing as the kind of work does.
    pub(super) fn retry_policy(&self, rule: Option<&RetryRule>, calls: bool) -> RetryPolicy {
        self.executor.retry_policy(rule, calls)
    }

    /// Tells a node who of its models can be asked here.
    pub(super) fn offer(&self, prepared: &mut PreparedNode, on: &OfferTerms<'_>) {
        self.executor.offer(prepared, on);
    }

    /// A request as it is sent and remembered, and what is to be told about who is asked.
    pub(super) fn settled(&self, action: Action, local_only: bool) -> (Action, Vec<String>) {
        self.executor.settled(action, local_only)
    }

    /// Wants an action done; the outcome comes when it is. A closed channel means that it was withdrawn.
    pub(super) fn submit(&self, request: Request) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        // A dispatcher that is gone drops the reply, which says the same.
        let _ = self
            .messages
            .send(Message::Submit(Box::new(request), reply));
        outcome
    }

    /// Takes back everything a job wanted; returns when what ran for it alone has ended.
    pub(super) async fn withdraw(&self, job: &str) {
        self.take_back(job, None).await;
    }

    /// Takes back everything a node of a job wanted.
    pub(super) async fn withdraw_node(&self, job: &str, node: &str) {
        self.take_back(job, Some(node.to_owned())).await;
    }

    async fn take_back(&self, job: &str, node: Option<String>) {
        let (guard, mut ended) = mpsc::channel(1);
        let wisher = Wisher {
            job: job.to_owned(),
            node,
        };
        let _ = self.messages.send(Message::Withdraw(wisher, guard));
        // Nothing is ever sent: the channel closes when the last execution has dropped its end.
        let _ = ended.recv().await;
    }
}

struct Waiter {
    job: String,
    node: String,
    number: usize,
    notices: mpsc::UnboundedSender<(usize, Notice)>,
    reply: oneshot::Sender<Outcome>,
}

struct Entry {
    digest: ActionDigest,
    action: Arc<Action>,
    tool: Tool,
    terms: Terms,
    waiters: Vec<Waiter>,
    /// The job in whose turn it runs: the first that wanted it.
    job: String,
    order: Option<Order>,
    running: Option<CancellationToken>,
    /// Whether a place is given back at its end: of a run, the last one holds it.
    holds_place: bool,
    /// Dropped when the entry goes: whoever withdrew it waits for that.
    guards: Vec<mpsc::Sender<Infallible>>,
}

struct Dispatcher {
    executor: Executor,
    messages: mpsc::WeakUnboundedSender<Message>,
    lanes: Lanes,
    /// Threads of encoders that render segments at a time.
    threads: usize,
    entries: HashMap<u64, Entry>,
    /// Entries that others may join: content, not withdrawn.
    by_content: HashMap<ActionDigest, u64>,
    next: u64,
    shutdown: CancellationToken,
}

/// What segments must have in common to share a process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sameness {
    job: String,
    node: String,
    renderer: PathBuf,
    terms: Terms,
    encoder_threads: u8,
}

impl Sameness {
    /// Of a segment that somebody wants.
    fn of(entry: &Entry) -> Option<Self> {
        let Action::RenderSegment(request) = &*entry.action else {
            return None;
        };
        let waiter = entry.waiters.first()?;
        Some(Self {
            job: waiter.job.clone(),
            node: waiter.node.clone(),
            renderer: entry.tool.renderer.clone(),
            terms: entry.terms.clone(),
            encoder_threads: request.encoding.threads.max(1),
        })
    }
}

impl Dispatcher {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = queue.recv().await {
            match message {
                Message::Submit(request, reply) => self.submit(*request, reply),
                Message::Heard(id, notice) => self.pass_on(id, &notice),
                Message::Ended(id, outcome) => self.ended(id, &outcome),
                Message::Withdraw(wisher, guard) => self.withdraw(&wisher, &guard),
            }
            self.start_what_fits();
        }
    }

    fn submit(&mut self, request: Request, reply: oneshot::Sender<Outcome>) {
        let waiter = Waiter {
            job: request.job.clone(),
            node: request.node,
            number: request.number,
            notices: request.notices,
            reply,
        };
        let shared = request.action.cache_policy() == CachePolicy::Content;
        if shared
            && let Some(entry) = self
                .by_content
                .get(&request.digest)
                .and_then(|id| self.entries.get_mut(id))
            // What runs for someone who takes older results may end with one.
            && entry.terms.fresh_since >= request.terms.fresh_since
            // A run without network must not wait for a call over it that would go on for it alone.
            && is_same_call(&entry.action, &request.action)
        {
            entry.waiters.push(waiter);
            return;
        }
        let id = self.next;
        self.next += 1;
        if shared {
            self.by_content.insert(request.digest.clone(), id);
        }
        self.lanes
            .push(id, &request.action, &request.job, request.share);
        self.entries.insert(
            id,
            Entry {
                digest: request.digest,
                action: request.action,
                tool: request.tool,
                terms: request.terms,
                waiters: vec![waiter],
                job: request.job,
                order: request.order,
                running: None,
                holds_place: true,
                guards: Vec::new(),
            },
        );
    }

    fn start_what_fits(&mut self) {
        while !self.shutdown.is_cancelled()
            && let Some(id) = self.lanes.next()
        {
            self.start(id);
        }
    }

    fn start(&mut self, id: u64) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if entry.waiters.is_empty() {
            self.ended(id, &Outcome::Cancelled);
            return;
        }
        let Some(messages) = self.messages.upgrade() else {
            return;
        };
        let run = self.run_of(id);
        let executor = self.executor.clone();
        let mut tasks = Vec::with_capacity(run.len());
        for member in run {
            let Some((task, heard)) = self.task(member) else {
                continue;
            };
            let (reply, outcome) = oneshot::channel();
            tasks.push((task, reply));
            tokio::spawn(report(member, outcome, heard, messages.clone()));
        }
        tokio::spawn(async move {
            if tasks.len() > 1 {
                executor.perform_together(tasks).await;
            } else {
                for (task, reply) in tasks {
                    let _ = reply.send(executor.perform(task).await);
                }
            }
        });
    }

    fn task(&mut self, id: u64) -> Option<(Task, mpsc::UnboundedReceiver<Notice>)> {
        let entry = self.entries.get_mut(&id)?;
        let cancel = self.shutdown.child_token();
        entry.running = Some(cancel.clone());
        let (notices, heard) = mpsc::unbounded_channel();
        let task = Task {
            digest: entry.digest.clone(),
            action: Arc::clone(&entry.action),
            tool: entry.tool.clone(),
            terms: entry.terms.clone(),
            job: entry.job.clone(),
            order: entry.order.clone(),
            notices,
            cancel,
            failed_before: 0,
        };
        Some((task, heard))
    }

    /// The segments that are rendered in one process with this action, itself first: those of the same node that
    /// wait right behind it, so that the encoder is kept busy.
    fn run_of(&mut self, id: u64) -> Vec<u64> {
        let mut run = vec![id];
        let Some(entry) = self.entries.get(&id) else {
            return run;
        };
        let (turn, Some(first)) = (entry.job.clone(), Sameness::of(entry)) else {
            return run;
        };
        let waiting = self
            .entries
            .values()
            .filter(|entry| entry.running.is_none() && Sameness::of(entry) == Some(first.clone()))
            .count();
        let processes = self.threads.div_ceil(usize::from(first.encoder_threads));
        let share = share(waiting, processes);
        while run.len() < share {
            let entries = &self.entries;
            let same = |id: u64| entries.get(&id).and_then(Sameness::of).as_ref() == Some(&first);
            let Some(next) = self.lanes.join(&turn, same) else {
                break;
            };
            run.push(next);
        }
        // One place for all of them: the last gives it back.
        for member in &run[..run.len() - 1] {
            if let Some(entry) = self.entries.get_mut(member) {
                entry.holds_place = false;
            }
        }
        run
    }

    fn pass_on(&self, id: u64, notice: &Notice) {
        for waiter in self.entries.get(&id).into_iter().flat_map(|e| &e.waiters) {
            let _ = waiter.notices.send((waiter.number, notice.clone()));
        }
    }

    fn ended(&mut self, id: u64, outcome: &Outcome) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.forget_content(id, &entry.digest);
        if entry.holds_place {
            self.lanes.release(&entry.action, &entry.job);
        }
        // The work is counted for the first who wants it; all others are spared it.
        for (index, waiter) in entry.waiters.into_iter().enumerate() {
            let told = match outcome {
                Outcome::Done(done) if index > 0 => Outcome::Done(Done {
                    cached: true,
                    ..done.clone()
                }),
                other => other.clone(),
            };
            let _ = waiter.reply.send(told);
        }
    }

    fn withdraw(&mut self, wisher: &Wisher, guard: &mpsc::Sender<Infallible>) {
        let mut orphans = Vec::new();
        for (id, entry) in &mut self.entries {
            let before = entry.waiters.len();
            entry.waiters.retain(|waiter| !wisher.made(waiter));
            if entry.waiters.is_empty() && before > 0 {
                orphans.push((*id, entry.digest.clone()));
                if let Some(running) = &entry.running {
                    running.cancel();
                    entry.guards.push(guard.clone());
                }
            }
        }
        for (id, digest) in orphans {
            // Nobody may join what is being stopped. What still waits is dropped when its turn comes.
            self.forget_content(id, &digest);
        }
    }

    fn forget_content(&mut self, id: u64, digest: &ActionDigest) {
        if self.by_content.get(digest) == Some(&id) {
            self.by_content.remove(digest);
        }
    }
}

/// Whether two actions of equal content also ask the same models.
fn is_same_call(one: &Action, other: &Action) -> bool {
    match (one, other) {
        (Action::Invoke(one), Action::Invoke(other)) => one.models == other.models,
        _ => true,
    }
}

/// Passes on what an execution says, then how it ended; in this order, also when it panics.
async fn report(
    id: u64,
    mut performing: oneshot::Receiver<Outcome>,
    mut heard: mpsc::UnboundedReceiver<Notice>,
    messages: mpsc::UnboundedSender<Message>,
) {
    let ended = loop {
        tokio::select! {
            biased;
            Some(notice) = heard.recv() => {
                let _ = messages.send(Message::Heard(id, notice));
            }
            ended = &mut performing => break ended,
        }
    };
    while let Ok(notice) = heard.try_recv() {
        let _ = messages.send(Message::Heard(id, notice));
    }
    let outcome = ended.unwrap_or_else(|error| {
        tracing::error!(%error, "an executor ended unexpectedly");
        Outcome::Failed(WorkerFailure {
            class: FailureClass::Internal,
            message: "the executor ended unexpectedly".to_owned(),
            hint: "see the daemon's log".to_owned(),
        })
    });
    let _ = messages.send(Message::Ended(id, outcome));
}
