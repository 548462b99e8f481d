//! What an adapter for a provider that is paid has to be able to do: four questions, each safe to ask again but the first.
//!
//! Neighbours: `runner::paid` asks them in the right order and writes down every answer before the next question;
//! [`super::Tools`] holds the adapters of this machine. An adapter never repeats a call that it cannot prove was not received.

use std::fmt::Debug;
use std::time::Duration;

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::worker::WorkerFailure;
use futures_util::future::BoxFuture;

use crate::store::Cas;

/// A provider.
pub trait Provider: Debug + Send + Sync {
    /// The vendor of the models it serves, as documents write it before the colon.
    fn vendor(&self) -> &str;

    /// Whether a call that is made again is the same call to the other side, and costs nothing: it then keeps its name
    /// within a job, however often it is tried.
    fn repeats_are_one(&self) -> bool {
        false
    }

    /// Makes the call under our name for it. The only question that costs money.
    fn submit<'a>(
        &'a self,
        reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>>;

    /// Looks for a call by our name for it.
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>>;

    /// How far a call is.
    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>>;

    /// Fetches what was made into the store of blobs; every blob of the result is durable when this returns.
    fn download<'a>(
        &'a self,
        location: &'a str,
        cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>>;
}

/// The provider's name for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote(pub String);

/// Why a call has no name at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitFailure {
    /// It surely did not get there, or the provider said no and charges nothing.
    NotMade(WorkerFailure),
    /// It may have got there: the answer was lost.
    Unknown(String),
}

/// What is known of a call under our name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The provider has it.
    Call(Remote),
    /// The provider has never heard of it, and will not any more.
    Nothing,
    /// The provider cannot say.
    CannotTell,
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Not yet; the provider wants to be asked again after this.
    Pending(Duration),
    /// Its result lies there.
    Made {
        /// Where.
        location: String,
        /// What it cost, millionths of dollars, if the provider says so.
        cost_micros: Option<u64>,
    },
    /// The provider gave up.
    Refused {
        /// Why.
        failure: WorkerFailure,
        /// What it cost nevertheless, millionths of dollars, if that is known.
        cost_micros: Option<u64>,
    },
    /// The provider does not know the name it gave.
    Lost,
}
