//! The actions a node asked for at once, with what is known of each.

use std::sync::Arc;

use fenta_workflows::action::{Action, ActionResult, CachePolicy};
use fenta_workflows::digest::ActionDigest;

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
            .map(|action| Item {
                digest: action.digest(tool),
                action: Arc::new(action),
                result: None,
            })
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

    /// An action has its result.
    pub(super) fn give(&mut self, number: usize, result: ActionResult) {
        self.items[number].result = Some(result);
        self.progress.finish(number);
    }
}
