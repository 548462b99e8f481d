//! Asking providers: the one place where nodes make `Invoke` actions and read what came back.
//!
//! Shared by the node types whose work somebody else does. Not a node type itself; which provider answers is the
//! daemon's affair.

use crate::action::{Action, ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked};
use crate::execution::LowerError;
use crate::models::{ModelRef, Role};
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::{MediaValue, Value};

/// What a provider answered.
pub(super) struct Answer<'a> {
    result: &'a ActionResult,
    /// Its facts.
    pub(super) invoked: &'a Invoked,
}

/// Asks one provider for one thing.
pub(super) fn ask<'a>(
    role: Role,
    models: &[ModelRef],
    task: InvokeTask,
    steps: &mut Steps<'a>,
) -> Result<Answer<'a>, Halt> {
    let result = steps.run_one(invoke(role, models, task))?;
    Ok(answer(result)?)
}

/// The action that asks.
pub(super) fn invoke(role: Role, models: &[ModelRef], task: InvokeTask) -> Action {
    Action::Invoke(Box::new(InvokeRequest {
        role,
        models: models.to_vec(),
        task,
    }))
}

/// The answer in a result.
pub(super) fn answer(result: &ActionResult) -> Result<Answer<'_>, LowerError> {
    match &result.facts {
        ActionFacts::Invoked(invoked) => Ok(Answer { result, invoked }),
        _ => Err(unfit()),
    }
}

/// The error for an answer to another question.
pub(super) fn unfit() -> LowerError {
    wrong_facts("invoke")
}

impl Answer<'_> {
    /// The files of the answer, measured.
    pub(super) fn media(&self) -> Result<Vec<MediaValue>, LowerError> {
        let Invoked::Media(files) = self.invoked else {
            return Err(unfit());
        };
        files
            .iter()
            .map(|file| {
                let digest = self.result.outputs.get(&file.output).ok_or_else(unfit)?;
                Ok(MediaValue {
                    digest: *digest,
                    name: file.name.clone(),
                    facts: file.facts.clone(),
                })
            })
            .collect()
    }

    /// The files as values, at least one.
    pub(super) fn media_values(&self) -> Result<Vec<Value>, LowerError> {
        let media = self.media()?;
        if media.is_empty() {
            return Err(LowerError::new(
                "the provider found nothing",
                "ask for something more general",
            ));
        }
        Ok(media.into_iter().map(Value::Media).collect())
    }

    /// Who made the files, as JSON-like records.
    pub(super) fn credits(&self) -> Value {
        let Invoked::Media(files) = self.invoked else {
            return Value::List(Vec::new());
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let credits = files.iter().filter_map(|file| {
            let credit = file.credit.as_ref()?;
            Some(Value::Record(crate::node::outputs([
                ("provider", text(&credit.provider)),
                ("id", text(&credit.id)),
                ("author", text(&credit.author)),
                ("page_url", text(&credit.page_url)),
                ("license", text(&credit.license)),
                ("file", text(&file.name)),
            ])))
        });
        Value::List(credits.collect())
    }
}
