//! The role of a listener: a vendor hears a recording, and what it heard becomes words with times.
//!
//! Neighbours: a vendor implements [`Listens`]; `answer` reads the forms in which words and their times come.

mod answer;

use std::collections::BTreeMap;
use std::fmt::Debug;

use fenta_workflows::action::{ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use super::at_once::{Answered, Answers, AskFailure};
use super::desk::Desk;

pub(super) use answer::{Heard, read};

/// A listener behind some vendor's wire.
pub(super) trait Listens: Debug + Send + Sync {
    /// What it works with.
    fn desk(&self) -> &Desk;

    /// What it hears in a mono WAV at 16 kHz.
    fn hear<'a>(
        &'a self,
        recording: Vec<u8>,
        language: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Heard, AskFailure>>;
}

/// A vendor's ear as somebody who answers at once.
#[derive(Debug)]
pub(super) struct Listener<L>(pub(super) L);

impl<L: Listens> Answers for Listener<L> {
    fn desk(&self) -> &Desk {
        self.0.desk()
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let InvokeTask::Transcribe(task) = &request.task else {
                return Err(AskFailure::Refused(failure(format!(
                    "{} is asked to listen to what is no recording",
                    self.desk().vendor.name
                ))));
            };
            let path = self.desk().cas.path(&task.source);
            let recording = tokio::fs::read(&path).await.map_err(|error| {
                AskFailure::Refused(failure(format!(
                    "the recording {} cannot be read: {error}",
                    task.source.short()
                )))
            })?;
            let heard = self.0.hear(recording, task.language.as_deref()).await?;
            if heard.text.trim().is_empty() {
                return Err(AskFailure::Useless {
                    failure: WorkerFailure {
                        class: FailureClass::Input,
                        message: format!(
                            "{} hears no word in the recording",
                            self.desk().vendor.name
                        ),
                        hint: "check that somebody speaks in it, or leave captions out".to_owned(),
                    },
                    cost_micros: None,
                    said: Vec::new(),
                });
            }
            let language = heard.language.or_else(|| task.language.clone());
            let invoked = Invoked::Transcript {
                language: language.unwrap_or_else(|| "en".to_owned()),
                text: heard.text.clone(),
                heard: heard.words,
                is_by_word: heard.is_by_word,
            };
            Ok(Answered {
                result: ActionResult {
                    outputs: BTreeMap::new(),
                    facts: ActionFacts::Invoked(Box::new(invoked)),
                },
                cost_micros: None,
                said: vec![heard.text],
            })
        })
    }
}

fn failure(message: String) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Internal,
        message,
        hint: String::new(),
    }
}
