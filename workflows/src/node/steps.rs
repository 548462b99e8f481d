//! Lowering as straight-line code: a node asks for actions one after the other; where results are not there yet, the
//! lowering halts with the actions that are needed and is done again later with more results.

use crate::action::{Action, ActionResult};
use crate::execution::LowerError;

/// Why a lowering stopped before the end.
#[derive(Debug)]
pub enum Halt {
    /// These actions must run first.
    Needs(Vec<Action>),
    /// It cannot go on.
    Failed(LowerError),
}

impl From<LowerError> for Halt {
    fn from(error: LowerError) -> Self {
        Self::Failed(error)
    }
}

/// The results so far, handed out in the order the actions were asked for.
pub struct Steps<'a> {
    results: &'a [ActionResult],
}

impl<'a> Steps<'a> {
    /// Starts at the first result.
    pub const fn new(results: &'a [ActionResult]) -> Self {
        Self { results }
    }

    /// The results of these actions, or a halt that asks for them.
    pub fn run(&mut self, actions: Vec<Action>) -> Result<&'a [ActionResult], Halt> {
        if actions.len() > self.results.len() {
            return if self.results.is_empty() {
                Err(Halt::Needs(actions))
            } else {
                Err(LowerError::new(
                    format!(
                        "{} results were given for {} actions",
                        self.results.len(),
                        actions.len()
                    ),
                    "this is a mistake in the program that runs the job",
                )
                .into())
            };
        }
        let (now, later) = self.results.split_at(actions.len());
        self.results = later;
        Ok(now)
    }

    /// The result of one action, or a halt that asks for it.
    pub fn run_one(&mut self, action: Action) -> Result<&'a ActionResult, Halt> {
        self.run(vec![action]).map(|results| &results[0])
    }
}

/// The error for a result that is not of the kind its action makes.
pub(crate) fn wrong_facts(action: &str) -> LowerError {
    LowerError::new(
        format!("the result of `{action}` does not hold what it must"),
        "this is a mistake in the program that runs the job",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{ActionFacts, ReadTextRequest};
    use std::collections::BTreeMap;

    fn action(path: &str) -> Action {
        Action::ReadText(ReadTextRequest { path: path.into() })
    }

    fn result(text: &str) -> ActionResult {
        ActionResult {
            outputs: BTreeMap::new(),
            facts: ActionFacts::Text(text.into()),
        }
    }

    #[test]
    fn hands_results_out_in_order_and_then_asks() {
        let results = [result("a"), result("b")];
        let mut steps = Steps::new(&results);
        assert_eq!(steps.run_one(action("1")).unwrap(), &result("a"));
        assert_eq!(steps.run(vec![action("2")]).unwrap(), [result("b")]);
        match steps.run(vec![action("3"), action("4")]) {
            Err(Halt::Needs(actions)) => assert_eq!(actions, [action("3"), action("4")]),
            other => panic!("{other:?}"),
        }
        assert!(steps.run(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn half_a_batch_is_a_mistake_of_the_caller() {
        let results = [result("a")];
        let halted = Steps::new(&results).run(vec![action("1"), action("2")]);
        assert!(matches!(halted, Err(Halt::Failed(error)) if error.message.contains("1 results")));
    }
}
