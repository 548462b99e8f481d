//! Vendors that answer while one waits (texts, speech, searches) as providers with four questions.
//!
//! The answer is kept as a blob before its name is given to `runner::paid`: `submit` returns `answer:<digest>`, `poll`
//! says it is made, `download` reads it. So a daemon that dies after the call has the answer, and one that dies while
//! it waits knows that it was asking. What costs nothing is simply asked again.

use std::fmt::Debug;

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::digest::Digest;
use fenta_workflows::models::ModelRef;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::http::HttpError;
use crate::executors::{Found, Polled, Provider, Remote, SubmitFailure};
use crate::store::Cas;

/// What stands before the digest of a kept answer.
const PREFIX: &str = "answer:";

/// Somebody who answers while one waits.
pub trait Answers: Debug + Send + Sync {
    /// What they work with.
    fn desk(&self) -> &Desk;

    /// The answer to a request; every blob of it is durable when this returns.
    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>>;

    /// The same for who tells the other side our name of the call, which stays when it is made again.
    fn answer_named<'a>(
        &'a self,
        _reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        self.answer(request)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// What it is.
    pub result: ActionResult,
    /// What it cost, millionths of dollars, where that is known.
    pub cost_micros: Option<u64>,
    /// What was said, word for word, for whoever wants to know later.
    pub said: Vec<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskFailure {
    /// It was surely not asked, or said no; nothing is charged for that.
    Refused(WorkerFailure),
    /// Nobody knows whether it was answered: the answer did not arrive whole.
    Lost(WorkerFailure),
    /// It was answered, and the answer is of no use.
    Useless {
        /// What is wrong with it.
        failure: WorkerFailure,
        /// What it cost.
        cost_micros: Option<u64>,
        /// What was said.
        said: Vec<String>,
    },
}

impl AskFailure {
    /// What went wrong.
    pub fn into_failure(self) -> WorkerFailure {
        match self {
            Self::Refused(failure) | Self::Lost(failure) | Self::Useless { failure, .. } => failure,
        }
    }
}

impl From<HttpError> for AskFailure {
    fn from(error: HttpError) -> Self {
        if error.may_have_worked() {
            Self::Lost(error.failure())
        } else {
            Self::Refused(error.failure())
        }
    }
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    by: ModelRef,
    cost_micros: Option<u64>,
    said: Vec<String>,
    result: Option<ActionResult>,
    failure: Option<WorkerFailure>,
}

/// A vendor that answers at once, as a provider.
#[derive(Debug)]
pub struct AtOnce<A>(pub A);

impl<A: Answers> AtOnce<A> {
    async fn keep(&self, kept: Kept) -> Result<Remote, SubmitFailure> {
        let cas = self.0.desk().cas.clone();
        let bytes = serde_json::to_vec(&kept)
            .expect("answers of ours serialise, because their maps have text keys");
        let put = tokio::task::spawn_blocking(move || cas.put_bytes(&bytes)).await;
        match put {
            Ok(Ok(digest)) => Ok(Remote(format!("{PREFIX}{digest}"))),
            Ok(Err(error)) => Err(self.lost(disk(&error))),
            Err(_) => Err(SubmitFailure::Unknown(
                "keeping the answer ended unexpectedly".to_owned(),
            )),
        }
    }

    /// What a call cost: nothing where nothing is charged, whatever was said.
    fn cost(&self, said: Option<u64>) -> Option<u64> {
        if self.0.desk().vendor.charges {
            said
        } else {
            Some(0)
        }
    }

    /// Of what costs nothing it does not matter whether it was answered.
    fn lost(&self, failure: WorkerFailure) -> SubmitFailure {
        if self.0.desk().vendor.charges {
            SubmitFailure::Unknown(failure.message)
        } else {
            SubmitFailure::NotMade(failure)
        }
    }
}

fn disk(error: &std::io::Error) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Resource,
        message: format!("the answer could not be kept: {error}"),
        hint: "check the disk and run it again".to_owned(),
    }
}

impl<A: Answers> Provider for AtOnce<A> {
    fn vendor(&self) -> &str {
        self.0.desk().vendor.name
    }

    fn repeats_are_one(&self) -> bool {
        !self.0.desk().vendor.charges
    }

    fn submit<'a>(
        &'a self,
        reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>> {
        Box::pin(async move {
            let desk = self.0.desk();
            let by = ModelRef::new(desk.vendor.name, desk.model.clone());
            match self.0.answer_named(reference, request).await {
                Ok(answered) => {
                    self.keep(Kept {
                        by,
                        cost_micros: self.cost(answered.cost_micros),
                        said: answered.said,
                        result: Some(answered.result),
                        failure: None,
                    })
                    .await
                }
                Err(AskFailure::Useless {
                    failure,
                    cost_micros,
                    said,
                }) => {
                    self.keep(Kept {
                        by,
                        cost_micros: self.cost(cost_micros),
                        said,
                        result: None,
                        failure: Some(failure),
                    })
                    .await
                }
                Err(AskFailure::Refused(failure)) => Err(SubmitFailure::NotMade(failure)),
                Err(AskFailure::Lost(failure)) => Err(self.lost(failure)),
            }
        })
    }

    fn find<'a>(&'a self, _reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>> {
        // None of these vendors knows our names for calls.
        let found = match self.0.desk().vendor.charges {
            true => Found::CannotTell,
            false => Found::Nothing,
        };
        Box::pin(std::future::ready(Ok(found)))
    }

    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>> {
        Box::pin(async move {
            let Some(kept) = read(&self.0.desk().cas, remote).await else {
                return Ok(Polled::Lost);
            };
            Ok(match kept.failure {
                Some(failure) => Polled::Refused {
                    failure,
                    cost_micros: kept.cost_micros,
                },
                None => Polled::Made {
                    location: remote.to_owned(),
                    cost_micros: kept.cost_micros,
                },
            })
        })
    }

    fn download<'a>(
        &'a self,
        location: &'a str,
        cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>> {
        Box::pin(async move {
            let kept = read(cas, location).await;
            kept.and_then(|kept| kept.result)
                .ok_or_else(|| WorkerFailure {
                    class: FailureClass::Internal,
                    message: format!("the answer of {} is gone from the store", self.vendor()),
                    hint: "run the workflow again".to_owned(),
                })
        })
    }
}

async fn read(cas: &Cas, remote: &str) -> Option<Kept> {
    let digest: Digest = remote.strip_prefix(PREFIX)?.parse().ok()?;
    let cas = cas.clone();
    let read = tokio::task::spawn_blocking(move || {
        cas.contains(&digest)
            .then(|| std::fs::read(cas.path(&digest)).ok())?
    });
    serde_json::from_slice(&read.await.ok()??).ok()
}
