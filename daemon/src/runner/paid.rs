//! A call that costs money, from the intent to the result: never made twice, never forgotten.
//!
//! Every answer of the provider is on disk before the next question is asked, so whatever dies in between goes on from
//! there: a call that was submitted is asked about, one that was made is fetched. Only a call of which the provider
//! itself says that it never got it is made again; where nobody knows, a person is asked. Neighbours: `store::paid_calls`
//! is the table, [`Provider`] the four questions, `executor` the only caller.

use std::future::Future;
use std::time::Duration;

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::digest::value_hash;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use tokio_util::sync::CancellationToken;

use super::persist::persist;
use crate::dollars::dollars;
use crate::executors::{ExecuteError, Found, Polled, Provider, Remote, RetryPolicy, SubmitFailure};
use crate::failpoint;
use crate::store::{
    Cas, Claim, NewPaidCall, PaidCall, PaidState, PaidStep, Priced, Spending, Store, StoreError,
    TakenUp,
};

/// Calls in a row that may get lost on the way to the provider.
const MOST_LOST: u32 = 3;

/// What a paid call is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The job that pays.
    pub(super) claim: Claim,
    /// The node, with the number of the item in a `for_each`.
    pub(super) turn: String,
    /// The most it may cost, millionths of dollars.
    pub(super) high_micros: u64,
    /// What the job may spend on calls in all; nothing where it has no limit.
    pub(super) cap_micros: Option<u64>,
    /// Whether its price is known.
    pub(super) priced: Priced,
}

/// With whom and with what it is made.
pub(super) struct Counter<'a> {
    pub(super) store: &'a Store,
    pub(super) cas: &'a Cas,
    pub(super) provider: &'a dyn Provider,
    /// What all jobs together may spend.
    pub(super) spending: Spending,
    /// How questions that cost nothing are repeated.
    pub(super) retry: &'a RetryPolicy,
    pub(super) cancel: &'a CancellationToken,
}

impl Counter<'_> {
    /// Makes the call, or takes up the one that was begun for the same thing, and gives its result.
    ///
    /// # Errors
    /// `Budget` where the job may not spend that much; `PaidUnknown` where nobody knows what became of the call; what
    /// the provider refuses. Whatever is open stays open: trying again goes on with it.
    pub(super) async fn make(
        &self,
        digest: &str,
        request: &InvokeRequest,
        order: &Order,
    ) -> Result<ActionResult, ExecuteError> {
        let mut call = self.take_up(digest, order).await?;
        let mut lost = 0;
        loop {
            call = match call {
                Step::New(call) => self.submit(call, request).await?,
                Step::Open(call) => match call.state {
                    PaidState::Intended | PaidState::Unknown => self.find(call).await?,
                    PaidState::Submitted => self.poll(call).await?,
                    PaidState::Made | PaidState::Settled => return self.fetch(&call).await,
                    // The provider never got it: nothing was paid, so it is made after all.
                    PaidState::Unpaid => {
                        lost += 1;
                        if lost > MOST_LOST {
                            return Err(unheard(&call).into());
                        }
                        self.take_up(digest, order).await?
                    }
                    PaidState::Refused | PaidState::Lost => {
                        return Err(closed(&call).into());
                    }
                },
            };
        }
    }

    async fn take_up(&self, digest: &str, order: &Order) -> Result<Step, ExecuteError> {
        let new = NewPaidCall {
            turn: order.turn.clone(),
            digest: digest.to_owned(),
            provider: self.provider.vendor().to_owned(),
            high_micros: order.high_micros,
            cap_micros: order.cap_micros,
            priced: order.priced,
            spending: self.spending,
        };
        let taken = persist(self.cancel, || {
            self.store.take_up_paid_call(&order.claim, new.clone())
        });
        match taken.await.map_err(|error| unwritten(&error))? {
            TakenUp::New(call) => Ok(Step::New(call)),
            TakenUp::Open(call) => Ok(Step::Open(call)),
            TakenUp::Over {
                left_micros,
                allowance: None,
            } => Err(over(order.high_micros, left_micros).into()),
            TakenUp::Over {
                allowance: Some(allowance),
                ..
            } => Err(allowance.refusal(order.high_micros).into()),
            TakenUp::Unpriced(allowance) => Err(allowance.refusal_of_unknown().into()),
        }
    }

    /// Makes the call: once, whatever comes of it.
    async fn submit(&self, call: PaidCall, request: &InvokeRequest) -> Result<Step, ExecuteError> {
        failpoint::reach("paid: before a call is made");
        // Not given up for a cancel: who does not hear the answer does not know whether it was paid.
        let name = match self.provider.repeats_are_one() {
            true => lasting_name(&call),
            false => call.reference.clone(),
        };
        let answer = self.provider.submit(&name, request).await;
        failpoint::reach("paid: after a call is made");
        match answer {
            Ok(Remote(remote)) => self.step(&call, PaidStep::Submitted { remote }).await,
            Err(SubmitFailure::NotMade(failure)) => {
                let detail = failure.message.clone();
                let refused = PaidStep::Refused {
                    detail,
                    cost_micros: Some(0),
                };
                self.step(&call, refused).await?;
                Err(failure.into())
            }
            Err(SubmitFailure::Unknown(detail)) => {
                self.step(&call, PaidStep::Unknown { detail }).await
            }
        }
    }

    /// Asks the provider whether it has a call under our name.
    async fn find(&self, call: PaidCall) -> Result<Step, ExecuteError> {
        let found = self.ask(|| self.provider.find(&call.reference)).await;
        failpoint::reach("paid: after a call is looked for");
        let found = found.or_else(|error| match error {
            ExecuteError::Cancelled => Err(error),
            ExecuteError::Failed(failure) => {
                tracing::warn!(
                    reference = call.reference,
                    error = failure.message,
                    "a paid call cannot be looked for"
                );
                Ok(Found::CannotTell)
            }
        })?;
        match found {
            Found::Call(Remote(remote)) => self.step(&call, PaidStep::Submitted { remote }).await,
            Found::Nothing => self.step(&call, PaidStep::Unpaid).await,
            Found::CannotTell => {
                let mut call = call;
                if call.state == PaidState::Intended {
                    let detail = "the daemon ended while it was made".to_owned();
                    let Step::Open(asked) = self.step(&call, PaidStep::Unknown { detail }).await?
                    else {
                        return Err(closed(&call).into());
                    };
                    call = asked;
                }
                Err(unknown(&call).into())
            }
        }
    }

    /// Asks until the provider is done.
    async fn poll(&self, call: PaidCall) -> Result<Step, ExecuteError> {
        loop {
            let answer = self.ask(|| self.provider.poll(&call.remote)).await?;
            failpoint::reach("paid: after a call is asked about");
            match answer {
                Polled::Pending(wait) => self.rest(wait).await?,
                Polled::Made {
                    location,
                    cost_micros,
                } => {
                    let made = PaidStep::Made {
                        location,
                        cost_micros,
                    };
                    return self.step(&call, made).await;
                }
                Polled::Refused {
                    failure,
                    cost_micros,
                } => {
                    let detail = failure.message.clone();
                    let refused = PaidStep::Refused {
                        detail,
                        cost_micros,
                    };
                    self.step(&call, refused).await?;
                    return Err(failure.into());
                }
                Polled::Lost => {
                    let detail = format!("the provider does not know its own name {}", call.remote);
                    let Step::Open(call) = self.step(&call, PaidStep::Unknown { detail }).await?
                    else {
                        return Err(closed(&call).into());
                    };
                    return Err(unknown(&call).into());
                }
            }
        }
    }

    /// Fetches the result, again and again where it must be: it is paid.
    async fn fetch(&self, call: &PaidCall) -> Result<ActionResult, ExecuteError> {
        let result = self
            .ask(|| self.provider.download(&call.location, self.cas))
            .await?;
        failpoint::reach("paid: after a result is fetched");
        if call.state == PaidState::Made {
            self.step(call, PaidStep::Settled).await?;
        }
        Ok(result)
    }

    /// Asks a question that costs nothing, until it is answered or asking again does not help.
    async fn ask<T, Fut>(&self, question: impl Fn() -> Fut) -> Result<T, ExecuteError>
    where
        Fut: Future<Output = Result<T, WorkerFailure>>,
    {
        let mut number = 1;
        loop {
            let answer = tokio::select! {
                answer = question() => answer,
                () = self.cancel.cancelled() => return Err(ExecuteError::Cancelled),
            };
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = self.retry.wait_after(number, failure.class) else {
                return Err(failure.into());
            };
            number += 1;
            self.rest(wait).await?;
        }
    }

    async fn rest(&self, wait: Duration) -> Result<(), ExecuteError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.cancel.cancelled() => Err(ExecuteError::Cancelled),
        }
    }

    /// Writes an answer down before anything else is asked.
    async fn step(&self, call: &PaidCall, step: PaidStep) -> Result<Step, ExecuteError> {
        let written = persist(self.cancel, || {
            self.store.step_paid_call(&call.reference, step.clone())
        });
        let call = written.await.map_err(|error| unwritten(&error))?;
        Ok(Step::Open(call))
    }
}

enum Step {
    /// It was written down just now, and nobody but us can have made it.
    New(PaidCall),
    /// It was begun.
    Open(PaidCall),
}

fn failure(class: FailureClass, message: String, hint: String) -> WorkerFailure {
    WorkerFailure {
        class,
        message,
        hint,
    }
}

fn unknown(call: &PaidCall) -> WorkerFailure {
    failure(
        FailureClass::PaidUnknown,
        format!(
            "whether {} was paid for call {} is not known ({}); {}",
            call.provider,
            call.reference,
            call.detail,
            match call.high_micros {
                0 => "nobody can tell what it may have cost".to_owned(),
                high => format!("it may have cost up to {}", dollars(high)),
            }
        ),
        format!(
            "look for {} at the provider, then say it: `fenta job resolve {job} --not-paid`, `--paid`, or `--found ID` \
             with the provider's name for it",
            call.reference,
            job = call.job
        ),
    )
}

fn over(high: u64, left: u64) -> WorkerFailure {
    failure(
        FailureClass::Budget,
        format!(
            "the call may cost {}, and {} of the budget are left",
            dollars(high),
            dollars(left)
        ),
        "raise `budget.max_usd`, or choose a cheaper model".to_owned(),
    )
}

fn unheard(call: &PaidCall) -> WorkerFailure {
    failure(
        FailureClass::Network,
        format!(
            "{} does not hear of calls that are made to it ({})",
            call.provider, call.detail
        ),
        "nothing was paid; run it again later".to_owned(),
    )
}

fn closed(call: &PaidCall) -> WorkerFailure {
    failure(
        FailureClass::Internal,
        format!(
            "paid call {} is {} already",
            call.reference,
            call.state.as_str()
        ),
        "see the daemon's log".to_owned(),
    )
}

/// The name of what a turn of a job asks for, whichever try it is. What stands before its last part is the job's.
fn lasting_name(call: &PaidCall) -> String {
    let job = value_hash("job", &call.job);
    let hash = value_hash("call", &(&call.job, &call.turn, &call.digest));
    format!("msg_{}_{}", &job[..8], &hash[..32])
}

fn unwritten(error: &StoreError) -> WorkerFailure {
    let class = if error.is_passing() {
        FailureClass::Resource
    } else {
        FailureClass::Internal
    };
    failure(
        class,
        format!("a step of a paid call could not be written down: {error}"),
        "see the daemon's log".to_owned(),
    )
}
