//! The lock of a completed job: what each of its nodes was made with, put together from their rows.

use fenta_client::api::jobs::Lock;
use fenta_workflows::job_event::JobState;
use fenta_workflows::lock::{NodeLock, NodePins};

use super::submit;
use crate::store::{Store, StoreError};

/// Why there is no lock of a job.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It did not complete.
    #[error("job {job} is {state}; only a completed job tells everything a lock pins")]
    NotCompleted {
        /// The job.
        job: String,
        /// Its state.
        state: &'static str,
    },
    /// What it asked for cannot be read or compiled any more.
    #[error("the workflow of job {job} does not compile any more: {why}")]
    Request {
        /// The job.
        job: String,
        /// Why.
        why: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a completed job was made with.
pub async fn lock_of(store: &Store, job: &str) -> Result<Lock, LockError> {
    let record = store.job(job).await?;
    if record.job.state != JobState::Completed {
        return Err(LockError::NotCompleted {
            job: job.to_owned(),
            state: record.job.state.as_str(),
        });
    }
    let unreadable = |why: String| LockError::Request {
        job: job.to_owned(),
        why,
    };
    let request = record.request.map_err(unreadable)?;
    let workflow = submit::compiled(&request).map_err(|problems| {
        let first = problems.into_iter().next();
        unreadable(first.map_or_else(String::new, |problem| problem.message))
    })?;
    let mut lock = Lock {
        fenta: env!("CARGO_PKG_VERSION").to_owned(),
        ..Lock::default()
    };
    for (node, instance) in workflow.nodes() {
        let pinned = NodeLock {
            kind: instance.kind().to_owned(),
            version: instance.version(),
            model: None,
            voice: None,
        };
        lock.nodes.insert(node.to_string(), pinned);
    }
    for (label, pins) in store.node_pins(job).await? {
        add(&mut lock, &label, pins);
    }
    Ok(lock)
}

/// Adds what a node, or one turn of it, was made with.
fn add(lock: &mut Lock, label: &str, pins: NodePins) {
    let node = label.split('[').next().unwrap_or(label);
    if let Some(pinned) = lock.nodes.get_mut(node) {
        pinned.model = pins.model.or_else(|| pinned.model.take());
        pinned.voice = pins.voice.or_else(|| pinned.voice.take());
    }
    lock.templates.extend(pins.templates);
    lock.fonts.extend(pins.fonts);
    lock.results.extend(pins.results);
}
