//! The actions a node asked for at once, with what is known of each.

use std::sync::Arc;

use fenta_workflows::action::{Action, ActionResult, CachePolicy};
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::worker::WorkerFailure;

use super::progress::Progress;

/// The actions a node asked for at once.
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) progress: Progress,
}

/// One of them.
pub(super) struct Item {
    pub(super) action: Arc<Action>,
    pub(super) digest: ActionDigest,
    pub(super) result: Option<ActionResult>,
}

impl Item {
    /// An action of which nothing is known yet.
    pub(super) fn new(action: Action, tool: &str) -> Self {
        Self {
            digest: action.digest(tool),
            action: Arc::new(action),
            result: None,
        }
    }

    /// Whether its result may be reused.
    pub(super) fn is_content(&self) -> bool {
        self.action.cache_policy() == CachePolicy::Content
    }
}

impl Batch {
    /// Actions of which nothing is known yet.
    pub(super) fn new(actions: Vec<Action>, tool: &str) -> Self {
        let progress = Progress::of(actions.iter());
        let items = actions
            .into_iter()
            .map(|action| Item::new(action, tool))
            .collect();
        Self { items, progress }
    }

    /// The numbers of actions whose results may be reused.
    pub(super) fn cacheable(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(|number| self.items[*number].is_content())
    }

    /// Whether there is anything but questions to this machine.
    pub(super) fn has_content(&self) -> bool {
        self.items.iter().any(Item::is_content)
    }

    /// The numbers of actions that have no result yet.
    pub(super) fn missing(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(|number| self.items[*number].result.is_none())
    }

    /// Whether it only measures files: then every bad file is worth finding before the node fails.
    pub(super) fn only_measures(&self) -> bool {
        self.items
            .iter()
            .all(|item| matches!(*item.action, Action::Probe(_)))
    }

    /// An action has its result.
    pub(super) fn give(&mut self, number: usize, result: ActionResult) {
        self.items[number].result = Some(result);
        self.progress.finish(number);
    }
}

/// Failures with what is told of them by name; the rest is counted.
const NAMED_FAILURES: usize = 12;

/// Several failures as one, so that a person can mend all of them in one go; `None` when there are none.
pub(super) fn all_at_once(failures: Vec<WorkerFailure>) -> Option<WorkerFailure> {
    let count = failures.len();
    let (class, hint) = failures
        .first()
        .map(|first| (first.class, first.hint.clone()))?;
    let mut messages: Vec<String> = failures
        .iter()
        .take(NAMED_FAILURES)
        .map(|failure| match failure.hint.as_str() {
            "" => failure.message.clone(),
            hint if count > 1 => format!("{} ({hint})", failure.message),
            _ => failure.message.clone(),
        })
        .collect();
    if count > NAMED_FAILURES {
        messages.push(format!("and {} more", count - NAMED_FAILURES));
    }
    let hint = if count > 1 {
        format!("take these {count} files away or replace them")
    } else {
        hint
    };
    Some(WorkerFailure {
        class,
        message: messages.join("; "),
        hint,
    })
}

#[cfg(test)]
mod tests {
    use fenta_workflows::worker::FailureClass;

    use super::*;

    fn failure(message: &str, hint: &str) -> WorkerFailure {
        WorkerFailure {
            class: FailureClass::Input,
            message: message.into(),
            hint: hint.into(),
        }
    }

    #[test]
    fn every_bad_file_is_named() {
        assert_eq!(all_at_once(Vec::new()), None);
        let one = failure("a.jpg: broken", "save it again");
        assert_eq!(all_at_once(vec![one.clone()]), Some(one.clone()));
        let both = all_at_once(vec![one, failure("b.mp4: empty", "")]).unwrap();
        assert_eq!(both.message, "a.jpg: broken (save it again); b.mp4: empty");
        assert_eq!(both.hint, "take these 2 files away or replace them");
        let many = all_at_once(vec![failure("x", ""); 20]).unwrap();
        assert!(many.message.ends_with("and 8 more"), "{}", many.message);
    }
}
