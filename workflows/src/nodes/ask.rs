//! Asking providers: the one place where nodes make `Invoke` actions and read what came back.
//!
//! Shared by the node types whose work somebody else does. Not a node type itself; which provider answers is the
//! daemon's affair.

use fenta_templates::timeline::{Origin, Provenance};

use crate::action::{
    Action, ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked, InvokedMedia,
    ProbeRequest,
};
use crate::digest::Digest;
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
    /// The files of the answer: measured here where nobody else did, and with where they came from.
    pub(super) fn media(
        &self,
        provenance: Provenance,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<MediaValue>, Halt> {
        let Invoked::Media(files) = self.invoked else {
            return Err(unfit().into());
        };
        let files = files.iter().map(|file| {
            let digest = self.result.outputs.get(&file.output).ok_or_else(unfit)?;
            Ok((file, *digest))
        });
        let files: Vec<(&InvokedMedia, Digest)> = files.collect::<Result<_, LowerError>>()?;
        let unmeasured = files.iter().filter(|(file, _)| file.facts.is_none());
        let probes = unmeasured.map(|(file, digest)| {
            Action::Probe(ProbeRequest {
                source: *digest,
                name: file.name.clone(),
            })
        });
        let mut measured = steps.run(probes.collect())?.iter();
        let media = files.into_iter().map(|(file, digest)| {
            let facts = match &file.facts {
                Some(facts) => facts,
                None => match measured.next().map(|result| &result.facts) {
                    Some(ActionFacts::Media(facts)) => facts,
                    _ => return Err(wrong_facts("probe").into()),
                },
            };
            let origin = Origin {
                provenance,
                name: file.name.clone(),
                by: String::new(),
                credit: file.credit.clone(),
            };
            Ok(MediaValue {
                origin: Some(Box::new(origin)),
                ..MediaValue::new(digest, &file.name, facts.clone())
            })
        });
        media.collect()
    }

    /// The files as values, at least one.
    pub(super) fn media_values(
        &self,
        provenance: Provenance,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<Value>, Halt> {
        let media = self.media(provenance, steps)?;
        if media.is_empty() {
            return Err(LowerError::new(
                "the provider found nothing",
                "ask for something more general",
            )
            .into());
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
                ("author_url", text(&credit.author_url)),
                ("page_url", text(&credit.page_url)),
                ("license", text(&credit.license)),
                ("file", text(&file.name)),
            ])))
        });
        Value::List(credits.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{digest, facts, found_media, media_facts};
    use super::*;
    use fenta_templates::timeline::MediaKind;

    fn unmeasured(names: &[&str]) -> ActionResult {
        let mut result = found_media(names);
        if let ActionFacts::Invoked(invoked) = &mut result.facts
            && let Invoked::Media(files) = &mut **invoked
        {
            files.iter_mut().for_each(|file| file.facts = None);
        }
        result
    }

    #[test]
    fn files_that_nobody_measured_are_measured_here() {
        let result = unmeasured(&["a.mp4"]);
        let answer = answer(&result).unwrap();
        let Err(Halt::Needs(asked)) = answer.media(Provenance::Stock, &mut Steps::new(&[])) else {
            panic!("nothing is measured");
        };
        assert!(
            matches!(asked.as_slice(), [Action::Probe(probe)] if probe.source == digest("a.mp4"))
        );
        let measured = [facts(ActionFacts::Media(media_facts(MediaKind::Video)))];
        let media = answer
            .media(Provenance::Stock, &mut Steps::new(&measured))
            .unwrap();
        assert_eq!(media[0].facts.kind, MediaKind::Video);
        let wrong = [facts(ActionFacts::None)];
        assert!(
            answer
                .media(Provenance::Stock, &mut Steps::new(&wrong))
                .is_err()
        );
    }
}
