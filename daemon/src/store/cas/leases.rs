//! Who needs which blobs: what a job has asked for or made since it began stays while the job is active.
//!
//! Asking is noted before the file is looked at, and a blob is taken away under the same lock that notes are made
//! under: whoever asks finds the blob and keeps it, or does not find it and makes it again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fenta_workflows::digest::Digest;

/// Notes of blobs nobody holds that are kept before they are swept away.
const NOTES: usize = 100_000;

/// What is in use. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    /// Grows with everything that is noted: an order, not a time.
    now: u64,
    asked: HashMap<Digest, u64>,
    /// When each active job began.
    holders: BTreeSet<u64>,
}

/// Keeps every blob that is asked for or made while it lives.
#[derive(Debug)]
pub struct Lease {
    leases: Leases,
    begun: u64,
}

/// A point in the order of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Leases {
    /// A blob is asked for, or about to be made.
    pub(super) fn note(&self, digest: &Digest) {
        let mut notes = self.lock();
        notes.now += 1;
        let now = notes.now;
        notes.asked.insert(*digest, now);
    }

    /// Begins to keep what is asked for from now on.
    pub(super) fn begin(&self) -> Lease {
        let mut notes = self.lock();
        notes.now += 1;
        let begun = notes.now;
        notes.holders.insert(begun);
        Lease {
            leases: self.clone(),
            begun,
        }
    }

    /// Now.
    pub(super) fn moment(&self) -> Moment {
        let mut notes = self.lock();
        if notes.asked.len() > NOTES {
            let oldest = notes.holders.first().copied().unwrap_or(u64::MAX);
            notes.asked.retain(|_, asked| *asked >= oldest);
        }
        Moment(notes.now)
    }

    /// Whether an active job needs a blob.
    pub(super) fn holds(&self, digest: &Digest) -> bool {
        let notes = self.lock();
        notes.holds(digest, Moment(notes.now))
    }

    /// Takes a blob away, unless an active job needs it or somebody has asked for it since.
    pub(super) fn unless_held<T>(
        &self,
        digest: &Digest,
        since: Moment,
        take: impl FnOnce() -> T,
    ) -> Option<T> {
        let notes = self.lock();
        (!notes.holds(digest, since)).then(take)
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn holds(&self, digest: &Digest, since: Moment) -> bool {
        let Some(asked) = self.asked.get(digest) else {
            return false;
        };
        *asked > since.0 || self.holders.first().is_some_and(|begun| asked >= begun)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.lock().holders.remove(&self.begun);
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::digest::blob_digest;

    use super::*;

    #[test]
    fn what_an_active_job_asked_for_is_held_until_its_end() {
        let leases = Leases::default();
        let (before, during) = (blob_digest(b"before"), blob_digest(b"during"));
        leases.note(&before);
        let job = leases.begin();
        leases.note(&during);
        let younger = leases.begin();
        assert!(!leases.holds(&before), "nobody who asked for it is there");
        assert!(leases.holds(&during));
        drop(job);
        assert!(!leases.holds(&during), "the younger job never saw it");
        leases.note(&before);
        assert!(leases.holds(&before));
        drop(younger);
        assert!(!leases.holds(&before));
    }

    #[test]
    fn what_was_asked_for_since_a_decision_is_not_taken() {
        let leases = Leases::default();
        let blob = blob_digest(b"a");
        leases.note(&blob);
        let decided = leases.moment();
        assert_eq!(leases.unless_held(&blob, decided, || 7), Some(7));
        leases.note(&blob);
        assert_eq!(leases.unless_held(&blob, decided, || 7), None);
    }

    #[test]
    fn notes_nobody_holds_do_not_pile_up() {
        let leases = Leases::default();
        for number in 0..=NOTES {
            leases.note(&blob_digest(&number.to_le_bytes()));
        }
        let job = leases.begin();
        let held = blob_digest(b"held");
        leases.note(&held);
        leases.moment();
        assert_eq!(leases.lock().asked.len(), 1);
        assert!(leases.holds(&held));
        drop(job);
    }
}
