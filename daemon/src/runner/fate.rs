//! What becomes of a failure, as the document says. Pure: a run obeys it, the plan tells it beforehand.

use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{NodeId, OnError, OnExceed, Workflow};

/// What becomes of a node that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It counts as skipped.
    Skip(Excuse),
    /// It is tried with the parameters of its fallback.
    FallBack,
    /// The job waits for a person.
    Pause,
    /// The job waits and goes on by itself.
    Wait,
    /// The job waits for a person who says what nobody else knows.
    Ask,
    /// The job fails.
    Fail,
}

/// Why a failure does not fail the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Its `on_error` is skip.
    OnError,
    /// It is optional, and the budget is short.
    Budget,
}

impl Excuse {
    /// In a run.
    pub(super) fn after(self, failure: &WorkerFailure) -> String {
        self.text("it failed", failure)
    }

    /// In a plan.
    pub(super) fn before(self, failure: &WorkerFailure) -> String {
        self.text("it would fail", failure)
    }

    fn text(self, failed: &str, failure: &WorkerFailure) -> String {
        let message = &failure.message;
        match self {
            Self::OnError => format!("{failed}, and its `on_error` is skip: {message}"),
            Self::Budget => format!("it is optional, and the budget is short: {message}"),
        }
    }
}

/// A failure of a node's work. `fell_back` says that its fallback was tried already.
pub(super) fn of_work(
    workflow: &Workflow,
    node: &NodeId,
    class: FailureClass,
    fell_back: bool,
) -> Fate {
    let rules = workflow.rules(node).cloned().unwrap_or_default();
    let budget = workflow.settings().budget.as_ref();
    let on_exceed = budget.map_or(OnExceed::Fail, |budget| budget.on_exceed);
    // Nothing that is left out or replaced makes a budget longer, but for what the budget itself may leave out.
    if class == FailureClass::Budget {
        return match on_exceed {
            OnExceed::SkipOptional if rules.optional => Fate::Skip(Excuse::Budget),
            OnExceed::Pause => Fate::Pause,
            _ => Fate::Fail,
        };
    }
    match (class, rules.on_error) {
        // Neither is an error of the node: a full disk is nobody's, and what may have been paid is not to be left out.
        (FailureClass::Disk, _) => Fate::Wait,
        (FailureClass::PaidUnknown, _) => Fate::Ask,
        (_, OnError::Skip) => Fate::Skip(Excuse::OnError),
        (_, OnError::Fallback) if !fell_back => Fate::FallBack,
        (FailureClass::RateLimit, _) => Fate::Wait,
        _ => Fate::Fail,
    }
}

/// A failure of a node's `if` or `for_each`: other parameters do not mend those.
pub(super) fn of_stage(workflow: &Workflow, node: &NodeId, class: FailureClass) -> Fate {
    of_work(workflow, node, class, true)
}

#[cfg(test)]
mod tests {
    use fenta_workflows::{SourceFile, compile};

    use super::*;

    fn workflow(budget: &str, keys: &str) -> Workflow {
        let source = SourceFile {
            name: "w.yaml".to_owned(),
            text: format!(
                "fenta: workflow/v1\n{budget}nodes:\n  a: {{ type: Voice.TTS, with: {{ text: x }}{keys} }}\noutputs: {{ s: \"${{{{ nodes.a.seconds }}}}\" }}\n"
            ),
        };
        compile(&source).unwrap().0
    }

    fn fate(budget: &str, keys: &str, class: FailureClass, fell_back: bool) -> Fate {
        of_work(&workflow(budget, keys), &NodeId::new("a"), class, fell_back)
    }

    // spec: W-55
    #[test]
    fn the_document_says_what_a_failure_means() {
        let input = |keys| fate("", keys, FailureClass::Input, false);
        assert_eq!(input(""), Fate::Fail);
        assert_eq!(input(", on_error: skip"), Fate::Skip(Excuse::OnError));
        let fallback = ", on_error: { fallback: { text: y } }";
        assert_eq!(input(fallback), Fate::FallBack);
        let again = fate("", fallback, FailureClass::Input, true);
        assert_eq!(again, Fate::Fail, "a fallback has none of its own");
        let node = NodeId::new("a");
        let stage = |keys| of_stage(&workflow("", keys), &node, FailureClass::Input);
        assert_eq!(stage(fallback), Fate::Fail);
        assert_eq!(stage(", on_error: skip"), Fate::Skip(Excuse::OnError));
    }

    #[test]
    fn what_passes_is_waited_for_and_what_may_be_paid_is_asked_about() {
        let fate_of = |keys, class| fate("", keys, class, false);
        let skip = ", on_error: skip";
        for keys in ["", skip, ", optional: true"] {
            assert_eq!(fate_of(keys, FailureClass::Disk), Fate::Wait);
            assert_eq!(fate_of(keys, FailureClass::PaidUnknown), Fate::Ask);
        }
        assert_eq!(fate_of("", FailureClass::RateLimit), Fate::Wait);
        assert_eq!(
            fate_of(skip, FailureClass::RateLimit),
            Fate::Skip(Excuse::OnError)
        );
    }

    // spec: W-60
    #[test]
    fn a_short_budget_is_no_error_of_the_node() {
        let short = |on_exceed: &str, keys| {
            let budget = format!("budget: {{ max_usd: 1, on_exceed: {on_exceed} }}\n");
            fate(&budget, keys, FailureClass::Budget, false)
        };
        assert_eq!(short("fail", ", on_error: skip"), Fate::Fail);
        assert_eq!(short("pause", ", optional: true"), Fate::Pause);
        assert_eq!(short("skip_optional", ""), Fate::Fail);
        assert_eq!(
            short("skip_optional", ", optional: true"),
            Fate::Skip(Excuse::Budget)
        );
    }
}
