//! One action, from look-up to durable result: asks the cache, does the work with retries, writes down what came out.
//!
//! The order is the promise: blobs on disk, then the row of the action cache, then the answer. A crash in between
//! loses at most work, never leaves a row whose blobs are not there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use fenta_workflows::action::{Action, ActionResult, CachePolicy, InvokeRequest};
use fenta_workflows::cost::Decimal;
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::models::{Available, ModelRef, Role};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Budget, PreparedNode, RetryRule};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::paid::{Counter, Order};
use super::persist::persist;
use super::{RunnerContext, Tool};
use crate::executors::{Attempt, ExecuteError, Executors, Notice, RetryPolicy};
use crate::providers::Inability;
use crate::store::{BlobState, CachedAction, Cas, Lease, Store, StoreError};

/// What all actions of a job together may be tried again: a machine that fails all the time is not kept busy for ever.
const RETRIES_PER_JOB: u32 = 64;

/// An action to do.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) digest: ActionDigest,
    pub(super) action: Arc<Action>,
    pub(super) tool: Tool,
    pub(super) terms: Terms,
    /// The job whose retries it uses.
    pub(super) job: String,
    /// Who pays for it, where it is a call that costs money.
    pub(super) order: Option<Order>,
    pub(super) notices: UnboundedSender<Notice>,
    pub(super) cancel: CancellationToken,
    /// Attempts that failed already.
    pub(super) failed_before: u32,
}

impl Task {
    fn attempt(&self, number: u32) -> Attempt {
        Attempt {
            number,
            renderer: self.tool.renderer.clone(),
            tool: Arc::clone(&self.tool.name),
            notices: self.notices.clone(),
            cancel: self.cancel.clone(),
        }
    }
}

/// On what terms an action is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// Results made before this do not count.
    pub(super) fresh_since: Option<String>,
    /// How a failure is tried again, where the document says so.
    pub(super) retry: Option<RetryRule>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// There is a result.
    Done(Done),
    /// It failed for good.
    Failed(WorkerFailure),
    /// Nobody wanted it any more.
    Cancelled,
}

/// A result.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) result: ActionResult,
    /// How long it took, when it was made.
    pub(super) wall_ms: u64,
    /// Whether it was there already.
    pub(super) cached: bool,
}

/// What the cache knows.
#[derive(Clone, Debug)]
pub(super) enum LookUp {
    /// A result with all its blobs.
    Hit(Box<CachedAction>),
    /// Nothing.
    Miss,
    /// A result whose blobs are not all there any more.
    Gone,
    /// A result with blobs that were damaged.
    Damaged,
    /// A result that was taken away to make room.
    Evicted {
        /// When.
        at: String,
    },
    /// A result that is too old to count.
    Stale {
        /// When it was made.
        made_at: String,
    },
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Executor {
    executors: Executors,
    store: Store,
    cas: Cas,
    retry: RetryPolicy,
}

impl Executor {
    pub(super) fn new(context: &RunnerContext) -> Self {
        Self {
            executors: context.executors.clone(),
            store: context.store.clone(),
            cas: context.cas.clone(),
            retry: context.retry.clone(),
        }
    }

    /// Asks the cache about many actions at once. A result counts only while every one of its blobs is there and
    /// whole, and when it is not older than `fresh_since`.
    pub(super) async fn look_up(
        &self,
        digests: Vec<ActionDigest>,
        fresh_since: Option<&str>,
    ) -> Result<Vec<LookUp>, StoreError> {
        let rows = self.store.cached_actions(digests.clone()).await?;
        let cas = self.cas.clone();
        let fresh_since = fresh_since.map(str::to_owned);
        let mut found: Vec<LookUp> = tokio::task::spawn_blocking(move || {
            rows.into_iter()
                .map(|row| verdict(&cas, row, fresh_since.as_deref()))
                .collect()
        })
        .await
        .map_err(|_| StoreError::Closed)?;
        self.tell_evicted(&digests, &mut found).await?;
        Ok(found)
    }

    /// What is not known may have been: then it was taken away.
    async fn tell_evicted(
        &self,
        digests: &[ActionDigest],
        found: &mut [LookUp],
    ) -> Result<(), StoreError> {
        let unknown: Vec<usize> = (0..found.len())
            .filter(|number| matches!(found[*number], LookUp::Miss))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let asked = unknown.iter().map(|number| digests[*number].clone());
        let evictions = self.store.evictions(asked.collect()).await?;
        for (number, at) in unknown.into_iter().zip(evictions) {
            if let Some(at) = at {
                found[number] = LookUp::Evicted { at };
            }
        }
        Ok(())
    }

    /// Keeps what a job asks for or is given while it is active.
    pub(super) fn lease(&self) -> Lease {
        self.cas.lease()
    }

    /// A result somebody was given is kept by their lease.
    pub(super) fn keep(&self, result: &ActionResult) {
        for blob in result.outputs.values() {
            self.cas.keep(blob);
        }
    }

    /// Does the action, unless its result appeared since the caller looked.
    pub(super) async fn perform(&self, task: Task) -> Outcome {
        let content = task.action.cache_policy() == CachePolicy::Content;
        if content && let Some(row) = self.appeared(&task).await {
            return Outcome::Done(Done {
                result: row.result,
                wall_ms: row.wall_ms,
                cached: true,
            });
        }
        let (result, wall_ms) = match self.attempts(&task).await {
            Ok(made) => made,
            Err(ExecuteError::Failed(failure)) => return Outcome::Failed(failure),
            Err(ExecuteError::Cancelled) => return Outcome::Cancelled,
        };
        if content && let Err(failure) = self.remember(&task, &result, wall_ms).await {
            return Outcome::Failed(failure);
        }
        Outcome::Done(Done {
            result,
            wall_ms,
            cached: false,
        })
    }

    /// Renders neighbouring segments, in one process as long as nothing goes wrong; whoever the process leaves undone is
    /// done alone. Each hears of its end as soon as it comes.
    pub(super) async fn perform_together(&self, tasks: Vec<(Task, oneshot::Sender<Outcome>)>) {
        let mut waiting = VecDeque::new();
        for (task, reply) in tasks {
            match self.appeared(&task).await {
                Some(row) => {
                    let _ = reply.send(Outcome::Done(Done {
                        result: row.result,
                        wall_ms: row.wall_ms,
                        cached: true,
                    }));
                }
                None => waiting.push_back((task, reply)),
            }
        }
        if waiting.len() > 1 {
            self.run_together(&mut waiting).await;
        }
        for (task, reply) in waiting {
            let _ = reply.send(self.perform(task).await);
        }
    }

    /// One process for all that wait; those that were made are taken out.
    async fn run_together(&self, waiting: &mut VecDeque<(Task, oneshot::Sender<Outcome>)>) {
        let members: Vec<(Arc<Action>, Attempt)> = waiting
            .iter()
            .map(|(task, _)| (Arc::clone(&task.action), task.attempt(1)))
            .collect();
        let (made, mut results) = unbounded_channel();
        let running = async move {
            let members: Vec<(&Action, &Attempt)> = members
                .iter()
                .map(|(action, attempt)| (&**action, attempt))
                .collect();
            self.executors.execute_together(&members, &made).await
        };
        let remembering = async {
            let mut begun = Instant::now();
            while let Some((_, result)) = results.recv().await {
                let Some((task, reply)) = waiting.pop_front() else {
                    return;
                };
                let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                begun = Instant::now();
                let outcome = match self.remember(&task, &result, wall_ms).await {
                    Ok(()) => Outcome::Done(Done {
                        result,
                        wall_ms,
                        cached: false,
                    }),
                    Err(failure) => Outcome::Failed(failure),
                };
                let _ = reply.send(outcome);
            }
        };
        let (ran, ()) = tokio::join!(running, remembering);
        if let (Err((_, ExecuteError::Failed(failure))), Some((task, _))) =
            (ran, waiting.front_mut())
        {
            let policy = self.retry_policy(task.terms.retry.as_ref(), false);
            if policy.wait_after(1, failure.class).is_some() && self.may_retry(&task.job).await {
                task.failed_before = 1;
                let _ = task.notices.send(Notice::Retried {
                    class: failure.class,
                    message: failure.message,
                    attempt: 2,
                });
            }
        }
    }

    /// A result of the task that someone else made meanwhile.
    async fn appeared(&self, task: &Task) -> Option<CachedAction> {
        let asked = vec![task.digest.clone()];
        let fresh_since = task.terms.fresh_since.as_deref();
        match self.look_up(asked, fresh_since).await.ok()?.pop()? {
            LookUp::Hit(row) => Some(*row),
            _ => None,
        }
    }

    /// How failed work is tried again: a document's rule over the waits of its kind. Work of this machine is tried again
    /// soon, a provider is left in peace.
    pub(super) fn retry_policy(&self, rule: Option<&RetryRule>, calls: bool) -> RetryPolicy {
        let own = if calls {
            RetryPolicy::for_providers()
        } else {
            self.retry.clone()
        };
        rule.map_or(own.clone(), |rule| own.under(rule))
    }

    async fn attempts(&self, task: &Task) -> Result<(ActionResult, u64), ExecuteError> {
        let calls = matches!(*task.action, Action::Invoke(_));
        let policy = self.retry_policy(task.terms.retry.as_ref(), calls);
        let again = |failure: WorkerFailure, attempt| async move {
            let may = self.may_retry(&task.job).await;
            if may {
                let _ = task.notices.send(Notice::Retried {
                    class: failure.class,
                    message: failure.message,
                    attempt,
                });
            }
            may
        };
        let first = task.failed_before + 1;
        let policy = &policy;
        tried(policy, &task.cancel, first, again, |number| async move {
            let attempt = task.attempt(number);
            let begun = Instant::now();
            let result = self.done_once(task, &attempt, policy).await?;
            let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Ok((result, wall_ms))
        })
        .await
    }

    /// One attempt: asks a provider where that is the work and one is there, does it on this machine otherwise.
    async fn done_once(
        &self,
        task: &Task,
        attempt: &Attempt,
        retry: &RetryPolicy,
    ) -> Result<ActionResult, ExecuteError> {
        if let (Action::Invoke(request), Some(order)) = (&*task.action, &task.order)
            && let Some(provider) = self.executors.providers().provider(request)
        {
            self.leave_alone(request, &task.cancel).await?;
            let _ = task.notices.send(Notice::Started {
                pid: None,
                attempt: attempt.number,
            });
            let counter = Counter {
                store: &self.store,
                cas: &self.cas,
                provider: &*provider,
                spending: self.executors.providers().spending(),
                retry,
                cancel: &task.cancel,
            };
            return counter.make(&task.digest.to_string(), request, order).await;
        }
        self.executors.execute(&task.action, attempt).await
    }

    /// Waits as long as the vendor asked for, or until nobody wants the answer any more.
    async fn leave_alone(
        &self,
        request: &InvokeRequest,
        cancel: &CancellationToken,
    ) -> Result<(), ExecuteError> {
        let providers = self.executors.providers();
        loop {
            let rest = providers.rest(request);
            if rest.is_zero() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = cancel.cancelled() => return Err(ExecuteError::Cancelled),
            }
        }
    }

    /// Tells a node who of its models can be asked here: those that are configured, of them those that can do what it will
    /// ask for, and of them those the budget is long enough for; where it is for none, the node's own refusal says so.
    pub(super) fn offer(&self, prepared: &mut PreparedNode, on: &OfferTerms<'_>) {
        let Some(role) = prepared.role() else {
            return;
        };
        let providers = self.executors.providers();
        let found = providers.available(role, prepared.models(), on.local_only);
        let Some(mut found) = found else {
            return;
        };
        if let Some(task) = prepared.draft() {
            let unable = providers.inability(role, &found.models, &task);
            able(&mut found, &unable, role);
        }
        if let Some(cap) = on.budget.and_then(|budget| budget.max_usd_micros) {
            let unknown = on.budget.is_some_and(|budget| budget.accepts_unknown);
            let dear = |model: &ModelRef| too_dear(prepared, model, (cap, unknown), on.today);
            let first = found.models.iter().position(|model| dear(model).is_none());
            if let Some(first) = first {
                let over = found.models.drain(..first).collect::<Vec<_>>();
                found.passed.extend(over.iter().filter_map(dear));
            }
        }
        prepared.offer(found);
    }

    /// A request as it is sent and remembered: with the one model that is asked.
    pub(super) fn settled(&self, action: Action, local_only: bool) -> (Action, Vec<String>) {
        match action {
            Action::Invoke(request) => {
                let settled = self.executors.providers().settle(&request, local_only);
                (Action::Invoke(Box::new(settled.request)), settled.notes)
            }
            other => (other, Vec::new()),
        }
    }

    /// Takes one of the job's retries. A store that cannot say is no reason to give up.
    async fn may_retry(&self, job: &str) -> bool {
        let taken = self.store.take_retry(job, RETRIES_PER_JOB).await;
        taken.unwrap_or_else(|error| {
            tracing::warn!(job, %error, "a retry could not be counted");
            true
        })
    }

    async fn remember(
        &self,
        task: &Task,
        result: &ActionResult,
        wall_ms: u64,
    ) -> Result<(), WorkerFailure> {
        let row = CachedAction {
            result: result.clone(),
            wall_ms,
            made_at: self.store.now_text(),
        };
        let kind = task.action.kind();
        persist(&task.cancel, || {
            self.store.remember_action(&task.digest, kind, &row)
        })
        .await
        .map_err(|error| WorkerFailure {
            class: FailureClass::Resource,
            message: format!("the result of {kind} could not be written down: {error}"),
            hint: "run the workflow again".to_owned(),
        })
    }
}

/// On what terms somebody is asked.
pub(super) struct OfferTerms<'a> {
    /// Whether the run keeps off the network.
    pub(super) local_only: bool,
    /// What the job may cost.
    pub(super) budget: Option<&'a Budget>,
    /// `YYYY-MM-DD`.
    pub(super) today: &'a str,
}

/// Passes over who cannot do it. Where nobody can they stay, so that the refusal says what would help; only a voice has
/// engines of this machine behind it, which speak then.
fn able(found: &mut Available, unable: &[Inability], role: Role) {
    let why = |model: &ModelRef| unable.iter().find(|(one, _)| one == model);
    let first = found.models.iter().position(|model| why(model).is_none());
    let before = match first {
        Some(first) => first,
        None if role == Role::Speech => found.models.len(),
        None => return,
    };
    let over = found.models[..before].iter().filter_map(why);
    found.passed.extend(over.map(|(_, why)| why.clone()));
    found.models.retain(|model| why(model).is_none());
}

/// Why a model is too dear for a budget; nothing where it is not.
fn too_dear(
    prepared: &PreparedNode,
    model: &ModelRef,
    (cap, accepts_unknown): (u64, bool),
    today: &str,
) -> Option<String> {
    let high = prepared.money_with(model, today).high_micros();
    let budget = Decimal::new(i64::try_from(cap).unwrap_or(i64::MAX), 6).normalize();
    match high {
        Some(high) if high <= cap => None,
        Some(high) => {
            let high = Decimal::new(i64::try_from(high).unwrap_or(i64::MAX), 6).normalize();
            Some(format!(
                "{model} may cost ${high}, and the budget is ${budget}"
            ))
        }
        None if accepts_unknown => None,
        None => Some(format!(
            "nobody can tell what {model} costs, and the budget is ${budget}"
        )),
    }
}

/// Repeats `attempt`, numbered from `first`, while the policy says that trying again may help and `again`, which hears of
/// each failure and of the number of the attempt that would follow, agrees.
async fn tried<T, Fut, May>(
    policy: &RetryPolicy,
    cancel: &CancellationToken,
    first: u32,
    again: impl Fn(WorkerFailure, u32) -> May,
    attempt: impl Fn(u32) -> Fut,
) -> Result<T, ExecuteError>
where
    Fut: Future<Output = Result<T, ExecuteError>>,
    May: Future<Output = bool>,
{
    let mut number = first;
    loop {
        if cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        let mut failure = match attempt(number).await {
            Err(ExecuteError::Failed(failure)) => failure,
            outcome => return outcome,
        };
        let Some(wait) = policy.wait_after(number, failure.class) else {
            return Err(ExecuteError::Failed(failure));
        };
        number += 1;
        if !again(failure.clone(), number).await {
            failure
                .message
                .push_str("; it is not tried again, the retries of the job are used up");
            return Err(ExecuteError::Failed(failure));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cancel.cancelled() => return Err(ExecuteError::Cancelled),
        }
    }
}

fn verdict(cas: &Cas, row: Option<CachedAction>, fresh_since: Option<&str>) -> LookUp {
    let Some(row) = row else {
        return LookUp::Miss;
    };
    // Times of the store are texts that sort like the times they name.
    if fresh_since.is_some_and(|since| row.made_at.as_str() < since) {
        return LookUp::Stale {
            made_at: row.made_at,
        };
    }
    // Every blob is looked at: all that is damaged is found, not only the first.
    let states: Vec<BlobState> = row
        .result
        .outputs
        .values()
        .map(|blob| cas.look(blob))
        .collect();
    if states.contains(&BlobState::Damaged) {
        LookUp::Damaged
    } else if states.contains(&BlobState::Missing) {
        LookUp::Gone
    } else {
        LookUp::Hit(Box::new(row))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    fn at_once(attempts: u32) -> RetryPolicy {
        RetryPolicy {
            attempts,
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
            ..RetryPolicy::default()
        }
    }

    async fn attempts_of(policy: &RetryPolicy, class: FailureClass) -> (u32, Vec<u32>) {
        let (made, told) = (Mutex::new(0), Mutex::new(Vec::new()));
        let outcome: Result<(), _> = tried(
            policy,
            &CancellationToken::new(),
            1,
            |_, next| {
                told.lock().unwrap().push(next);
                std::future::ready(true)
            },
            |number| {
                *made.lock().unwrap() = number;
                async move {
                    Err(ExecuteError::Failed(WorkerFailure {
                        class,
                        message: format!("attempt {number}"),
                        hint: String::new(),
                    }))
                }
            },
        )
        .await;
        let made = made.into_inner().unwrap();
        let ExecuteError::Failed(failure) = outcome.unwrap_err() else {
            panic!("nobody cancelled");
        };
        assert_eq!(failure.message, format!("attempt {made}"), "the last one");
        (made, told.into_inner().unwrap())
    }

    // spec: W-52, W-53
    #[tokio::test]
    async fn only_failures_that_may_pass_are_tried_again_and_no_more_often_than_written() {
        assert_eq!(
            attempts_of(&at_once(3), FailureClass::Server).await,
            (3, vec![2, 3])
        );
        assert_eq!(attempts_of(&at_once(10), FailureClass::Crash).await.0, 10);
        for class in [
            FailureClass::Input,
            FailureClass::Internal,
            FailureClass::Budget,
        ] {
            assert_eq!(attempts_of(&at_once(10), class).await, (1, Vec::new()));
        }
    }

    #[tokio::test]
    async fn a_job_without_retries_left_fails_at_once_and_says_so() {
        let outcome: Result<(), _> = tried(
            &at_once(10),
            &CancellationToken::new(),
            1,
            |_, next| std::future::ready(next < 4),
            |_| async {
                Err(ExecuteError::Failed(WorkerFailure {
                    class: FailureClass::Crash,
                    message: "signal 9".to_owned(),
                    hint: String::new(),
                }))
            },
        )
        .await;
        let ExecuteError::Failed(failure) = outcome.unwrap_err() else {
            panic!("nobody cancelled");
        };
        assert_eq!(
            failure.message,
            "signal 9; it is not tried again, the retries of the job are used up"
        );
    }
}
