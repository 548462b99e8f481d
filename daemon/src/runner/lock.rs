//! The lock of a completed job: what each of its nodes was made with, put together from their rows.

use std::collections::{BTreeMap, BTreeSet};

use fenta_client::api::jobs::Lock;
use fenta_workflows::job_event::JobState;
use fenta_workflows::lock::{NodeLock, NodePins};

use super::{admission, submit};
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
    let mut makers = Makers::default();
    for (label, pins) in store.node_pins(job).await? {
        makers.note(&label, &pins);
        lock.templates.extend(pins.templates);
        lock.fonts.extend(pins.fonts);
        lock.results.extend(pins.results);
    }
    makers.pin(&mut lock);
    Ok(lock)
}

/// Who worked for the turns of each node.
#[derive(Default)]
struct Makers {
    models: BTreeMap<String, BTreeSet<String>>,
    voices: BTreeMap<String, BTreeSet<String>>,
}

impl Makers {
    fn note(&mut self, label: &str, pins: &NodePins) {
        let node = admission::base_name(label);
        for (all, one) in [
            (&mut self.models, &pins.model),
            (&mut self.voices, &pins.voice),
        ] {
            all.entry(node.to_owned()).or_default().extend(one.clone());
        }
    }

    /// Turns that were made by different ones have none in common: what each asked for is pinned with its result.
    fn pin(&self, lock: &mut Lock) {
        let only = |all: &BTreeMap<String, BTreeSet<String>>, node: &str| match all.get(node) {
            Some(found) if found.len() == 1 => found.first().cloned(),
            _ => None,
        };
        for (node, pinned) in &mut lock.nodes {
            pinned.model = only(&self.models, node);
            pinned.voice = only(&self.voices, node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_whose_turns_differ_pins_no_voice_for_all_of_them() {
        let mut makers = Makers::default();
        let pins = |voice: &str| NodePins {
            voice: Some(voice.to_owned()),
            ..NodePins::default()
        };
        for (label, voice) in [
            ("one", "flite:slt"),
            ("same[0]", "flite:slt"),
            ("same[1]", "flite:slt"),
            ("many[0]", "flite:slt"),
            ("many[1]", "flite:rms"),
        ] {
            makers.note(label, &pins(voice));
        }
        let mut lock = Lock::default();
        for node in ["one", "same", "many"] {
            let pinned = NodeLock {
                kind: "Voice.TTS".to_owned(),
                version: 1,
                model: None,
                voice: None,
            };
            lock.nodes.insert(node.to_owned(), pinned);
        }
        makers.pin(&mut lock);
        let voice = |node: &str| lock.nodes[node].voice.as_deref();
        assert_eq!(
            (voice("one"), voice("same"), voice("many")),
            (Some("flite:slt"), Some("flite:slt"), None)
        );
    }
}
