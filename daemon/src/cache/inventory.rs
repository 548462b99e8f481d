//! Everything the cache holds at one moment, and who needs it.

use std::collections::{HashMap, HashSet};

use fenta_workflows::digest::Digest;
use jiff::Timestamp;

use super::CacheCare;
use crate::store::{CacheRow, Moment, StoreError, StoredBlob};

/// What there is. Blobs and rows are looked at one after the other, while jobs go on; whoever acts on it must not take
/// away what was asked for since `moment`.
#[derive(Debug)]
pub(super) struct Inventory {
    /// Before anything was looked at.
    pub(super) moment: Moment,
    pub(super) now_ms: i64,
    pub(super) blobs: Vec<StoredBlob>,
    pub(super) rows: Vec<CacheRow>,
    /// Blobs that are copies of files, and of which.
    pub(super) copies: HashMap<Digest, String>,
    pub(super) pinned: HashSet<String>,
    /// Results of jobs that are not at their end.
    pub(super) open: HashSet<String>,
    /// Blobs that active jobs need now.
    pub(super) held: HashSet<Digest>,
}

impl CacheCare {
    pub(super) async fn inventory(&self) -> Result<Inventory, StoreError> {
        let moment = self.cas.moment();
        let (blobs, held) = self
            .blocking("count the blobs of", |cas| {
                let blobs = cas.census()?;
                let held = blobs
                    .iter()
                    .map(|blob| blob.digest)
                    .filter(|blob| cas.is_held(blob))
                    .collect();
                Ok((blobs, held))
            })
            .await?;
        Ok(Inventory {
            moment,
            now_ms: millis(&self.store.now_text()),
            blobs,
            rows: self.store.cache_rows().await?,
            copies: self.store.copied_files().await?,
            pinned: self.store.pinned_actions().await?,
            open: self.store.actions_of_open_jobs().await?,
            held,
        })
    }
}

impl Inventory {
    /// The bytes of all blobs.
    pub(super) fn used(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.digest.size).sum()
    }

    /// The results that each blob is part of.
    pub(super) fn owners(&self) -> HashMap<Digest, Vec<usize>> {
        let mut owners: HashMap<Digest, Vec<usize>> = HashMap::new();
        for (number, row) in self.rows.iter().enumerate() {
            for blob in row.outputs.values() {
                let of_blob = owners.entry(*blob).or_default();
                if of_blob.last() != Some(&number) {
                    of_blob.push(number);
                }
            }
        }
        owners
    }

    /// Whether a job that is not at its end needs a result.
    pub(super) fn is_held(&self, row: &CacheRow) -> bool {
        self.open.contains(&row.digest) || row.outputs.values().any(|blob| self.held.contains(blob))
    }
}

/// Whether a provider was paid for results of this kind.
pub(super) fn is_paid(kind: &str) -> bool {
    kind == "invoke"
}

/// A row's time in milliseconds since 1970; long ago for what is no time.
pub(super) fn millis(text: &str) -> i64 {
    text.parse::<Timestamp>()
        .map_or(0, Timestamp::as_millisecond)
}
