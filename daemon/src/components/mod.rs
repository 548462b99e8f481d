//! What works while nobody looks: parts of the daemon with a life of their own, beside the runner.
//!
//! Each is started once by `daemon` and ends with its shutdown. A part decides when something begins; doing it is the
//! runner's affair. `schedules` and `watches` begin workflows, `notices` tells how that went; what the first two have in
//! common stands here.

pub mod notices;
pub mod schedules;
pub mod sync;
pub mod watches;

use std::sync::{Arc, Mutex, PoisonError};

use fenta_client::api::jobs::CreateJob;

use crate::clock::Clock;
use crate::runner::{Runner, SubmitError};
use crate::server::{Activity, InProgress};
use crate::store::Store;
use notices::Notices;

/// What begins workflows by itself works with.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What is remembered.
    pub store: Store,
    /// Who does the work.
    pub runner: Runner,
    /// The time of day, and fresh names.
    pub clock: Arc<dyn Clock>,
    /// Who is there.
    pub activity: Activity,
    /// Who tells how runs end.
    pub notices: Notices,
}

/// Keeps the daemon from going for lack of work while something is to come. Cheap to clone.
#[derive(Clone, Debug)]
struct Standing {
    activity: Activity,
    held: Arc<Mutex<Option<InProgress>>>,
}

impl Standing {
    fn new(activity: Activity) -> Self {
        Self {
            activity,
            held: Arc::default(),
        }
    }

    fn stand(&self, wanted: bool) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match (wanted, held.is_some()) {
            (true, false) => *held = Some(self.activity.begin()),
            (false, true) => *held = None,
            _ => {}
        }
    }

    #[cfg(test)]
    fn stands(&self) -> bool {
        self.held.lock().unwrap().is_some()
    }
}

/// The request with the document as it is now, unless it stays as it was when somebody asked. Blocks.
fn with_document_of_now(mut request: CreateJob, is_pinned: bool) -> Result<CreateJob, String> {
    if let Some(path) = request.workflow.path.as_ref().filter(|_| !is_pinned) {
        request.workflow.text = std::fs::read_to_string(path)
            .map_err(|error| format!("the document {path} cannot be read: {error}"))?;
    }
    Ok(request)
}

/// An error with everything it found, for somebody who was not there.
fn told(error: &SubmitError) -> String {
    match error {
        SubmitError::Document(found) => match found.first() {
            Some(first) => format!(
                "the document does not compile: {}:{}:{} {}",
                first.file, first.line, first.column, first.message
            ),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}
