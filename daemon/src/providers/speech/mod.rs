//! The role of a voice: a vendor speaks a piece of a script, and what it sends is kept as it came. What is made of it
//! (silence taken away, words timed, loudness set) is the renderer's work and the same for every vendor.
//!
//! Neighbours: a vendor implements [`Speaks`]; `sound` looks whether what came is a recording, and whole.

mod sound;

use std::collections::BTreeMap;
use std::fmt::Debug;

use fenta_workflows::action::{
    ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked, SpeakTask,
};
use fenta_workflows::hearing::HeardWord;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use super::at_once::{Answered, Answers, AskFailure};
use super::desk::Desk;

pub(super) use sound::{from_pcm, is_known};

/// A voice behind some vendor's wire.
pub(super) trait Speaks: Debug + Send + Sync {
    /// What it works with.
    fn desk(&self) -> &Desk;

    /// What it says.
    fn say<'a>(&'a self, task: &'a SpeakTask) -> BoxFuture<'a, Result<Said, AskFailure>>;
}

/// What a vendor spoke.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The recording, a file of some kind.
    pub sound: Vec<u8>,
    /// Its words with times; empty where the vendor gives none.
    pub heard: Vec<HeardWord>,
    /// The rate it was asked for, permille.
    pub speed_pm: u32,
    /// What could not be asked of it.
    pub notes: Vec<String>,
}

/// A vendor's voice as somebody who answers at once.
#[derive(Debug)]
pub(super) struct Narrator<S>(pub(super) S);

impl<S: Speaks> Answers for Narrator<S> {
    fn desk(&self) -> &Desk {
        self.0.desk()
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let InvokeTask::Speak(task) = &request.task else {
                return Err(AskFailure::Refused(unspoken(self.desk())));
            };
            let said = self.0.say(task).await?;
            kept(self.desk(), said).await
        })
    }
}

fn unspoken(desk: &Desk) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Internal,
        message: format!("{} is asked to speak what is no text", desk.vendor.name),
        hint: String::new(),
    }
}

/// Keeps a recording that is whole.
async fn kept(desk: &Desk, said: Said) -> Result<Answered, AskFailure> {
    let broken = |what: String| {
        AskFailure::Lost(WorkerFailure {
            class: FailureClass::Server,
            message: format!("{} answered with {what}", desk.vendor.name),
            hint: "check `base_url` of the provider in config.toml".to_owned(),
        })
    };
    sound::check(&said.sound).map_err(broken)?;
    let cas = desk.cas.clone();
    let put = tokio::task::spawn_blocking(move || cas.put_bytes(&said.sound)).await;
    let lost = |why: String| {
        AskFailure::Lost(WorkerFailure {
            class: FailureClass::Resource,
            message: format!("the recording could not be kept: {why}"),
            hint: "check the disk and run it again".to_owned(),
        })
    };
    let digest = put
        .map_err(|error| lost(error.to_string()))?
        .map_err(|error| lost(error.to_string()))?;
    let invoked = Invoked::Speech {
        heard: said.heard,
        speed_pm: said.speed_pm,
        notes: said.notes,
    };
    Ok(Answered {
        result: ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), digest)]),
            facts: ActionFacts::Invoked(Box::new(invoked)),
        },
        cost_micros: None,
        said: Vec::new(),
    })
}

/// Seconds as microseconds; what is no time counts as none.
pub(super) fn micros(seconds: f64) -> u64 {
    if seconds.is_finite() && seconds > 0.0 {
        (seconds * 1e6).round() as u64
    } else {
        0
    }
}
