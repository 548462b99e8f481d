//! The role of a language model: what nodes ask of one becomes a question any of them understands, and what it says
//! becomes a script again, checked word for word.
//!
//! Neighbours: a vendor implements [`Llm`], which knows nothing of scripts; `write`, `rewrite` and `captions` make
//! the questions and read the answers. A model that does not keep to the form is told what is wrong, once.

mod captions;
mod rewrite;
mod script;
mod write;

use std::fmt::Debug;

use fenta_workflows::action::{ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::at_once::{Answered, Answers, AskFailure};
use super::desk::Desk;

/// A language model behind some vendor's wire.
pub(super) trait Llm: Debug + Send + Sync {
    /// What it works with.
    fn desk(&self) -> &Desk;

    /// What it says to a question.
    fn complete<'a>(
        &'a self,
        question: &'a Question,
    ) -> BoxFuture<'a, Result<Completion, AskFailure>>;
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// We, about the work.
    System,
    /// We, about this piece of it.
    User,
    /// The model, before.
    Assistant,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    /// What was said so far.
    pub messages: Vec<(Speaker, String)>,
    /// Name and JSON Schema of the answer.
    pub schema: (&'static str, Json),
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// Sampling temperature in permille; the model's own when `None`.
    pub temperature_pm: Option<u32>,
    /// Where its variation comes from; for models that take one.
    pub seed: Option<u64>,
}

/// What a model said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Completion {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub end: End,
    /// What it cost, millionths of dollars, where that is known.
    pub cost_micros: Option<u64>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The model had said everything.
    Said,
    /// It may not be longer; what is there is cut off.
    Length,
    /// The vendor holds it back.
    Filtered,
}

/// How an answer is read: the result, or what is wrong with it, in words for the model.
type Reading = Result<Invoked, Vec<String>>;

/// What a task asks, and how its answer is read.
struct Work<'a> {
    question: Question,
    read: Box<dyn Fn(&str) -> Reading + Send + Sync + 'a>,
}

/// A vendor's language model as somebody who answers at once.
#[derive(Debug)]
pub(super) struct Writer<L>(pub(super) L);

impl<L: Llm> Answers for Writer<L> {
    fn desk(&self) -> &Desk {
        self.0.desk()
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let work = match &request.task {
                InvokeTask::WriteScript(task) => write::work(task),
                InvokeTask::RewriteScript(task) => rewrite::work(task),
                InvokeTask::TranslateCaptions(task) => captions::work(task),
                _ => return Err(AskFailure::Refused(no_words(self.desk()))),
            };
            answered(&self.0, work).await
        })
    }
}

fn no_words(desk: &Desk) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Unsupported,
        message: format!(
            "{} cannot be asked for this in this version yet",
            desk.vendor.name
        ),
        hint: "write the text yourself with Input.Text".to_owned(),
    }
}

/// Asks, and asks once more where the answer does not keep to the form: with what is wrong with it, or with more room
/// where it was cut off.
async fn answered(llm: &impl Llm, work: Work<'_>) -> Result<Answered, AskFailure> {
    let mut spent = Spent::default();
    let mut question = work.question.clone();
    let mut wrong = Vec::new();
    for round in 0..2 {
        let completion = match llm.complete(&question).await {
            Ok(completion) => completion,
            Err(failure) => return Err(spent.besides(failure)),
        };
        spent.add(&completion);
        wrong = match completion.end {
            End::Filtered => return Err(spent.useless(filtered(llm.desk()))),
            // What is cut off is not read: a part that happens to be sound would pass for the whole.
            End::Length => {
                question.max_tokens = question.max_tokens.saturating_mul(2);
                vec![format!(
                    "the answer was cut off at {} tokens",
                    question.max_tokens / 2
                )]
            }
            End::Said => match (work.read)(&completion.text) {
                Ok(invoked) => return Ok(spent.answered(invoked)),
                Err(wrong) => {
                    if round == 0 {
                        question
                            .messages
                            .push((Speaker::Assistant, completion.text));
                        question.messages.push((Speaker::User, repair(&wrong)));
                    }
                    wrong
                }
            },
        };
    }
    Err(spent.useless(unfit(llm.desk(), &wrong)))
}

/// What a model is told whose answer does not keep to the form.
fn repair(wrong: &[String]) -> String {
    format!(
        "That answer cannot be used:\n- {}\nAnswer again with the whole JSON object and nothing else, with these mended.",
        wrong.join("\n- ")
    )
}

fn filtered(desk: &Desk) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Unsupported,
        message: format!(
            "{} holds the answer of {} back",
            desk.vendor.name, desk.model
        ),
        hint: "put the brief more mildly, or name another model".to_owned(),
    }
}

fn unfit(desk: &Desk, wrong: &[String]) -> WorkerFailure {
    let wrong: Vec<&str> = wrong.iter().take(5).map(String::as_str).collect();
    WorkerFailure {
        class: FailureClass::Unsupported,
        message: format!(
            "the answer of {}:{} cannot be used, also not after it was asked again: {}",
            desk.vendor.name,
            desk.model,
            wrong.join("; ")
        ),
        hint: "name a model that keeps to a JSON schema, or raise `max_tokens`".to_owned(),
    }
}

/// What was said and spent on the way to an answer.
#[derive(Default)]
struct Spent {
    said: Vec<String>,
    cost_micros: Option<u64>,
    unknown: bool,
}

impl Spent {
    fn add(&mut self, completion: &Completion) {
        self.said.push(completion.text.clone());
        match completion.cost_micros {
            Some(cost) => self.cost_micros = Some(self.cost_micros.unwrap_or(0) + cost),
            None => self.unknown = true,
        }
    }

    /// Unknown as soon as a part is.
    fn cost(&self) -> Option<u64> {
        self.cost_micros.filter(|_| !self.unknown)
    }

    fn answered(self, invoked: Invoked) -> Answered {
        Answered {
            cost_micros: self.cost(),
            result: ActionResult {
                outputs: std::collections::BTreeMap::new(),
                facts: ActionFacts::Invoked(Box::new(invoked)),
            },
            said: self.said,
        }
    }

    fn useless(self, failure: WorkerFailure) -> AskFailure {
        AskFailure::Useless {
            failure,
            cost_micros: self.cost(),
            said: self.said,
        }
    }

    /// A failure after something was said and charged.
    fn besides(self, failure: AskFailure) -> AskFailure {
        match failure {
            AskFailure::Refused(failure) if !self.said.is_empty() => self.useless(failure),
            other => other,
        }
    }
}
