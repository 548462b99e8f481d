//! Questions about the cache: how much of what, which results, one of them, whether all of it is whole.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use fenta_client::api::cache::{
    CacheBlob, CacheBlobState, CacheEntry, CacheEntryDetail, CacheHeap, CacheKind, CacheList,
    CacheOrder, CachePin, CachePins, CacheQuery, CacheUsage, CacheUse, CacheVerified, DamagedBlob,
    VerifyCache,
};
use fenta_workflows::digest::Digest;

use super::CacheCare;
use super::choose::order_of_rows;
use super::inventory::{Inventory, is_paid};
use crate::store::{self, BlobState, CacheRow, Heap, StoreError};

/// Results listed unless more are asked for.
const LISTED: u32 = 50;

/// One part of a verification takes about so long: callers wait for it.
const PART: Duration = Duration::from_secs(4);

/// The least of a digest that names a result.
const SHORTEST_PREFIX: usize = 4;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no such result.
    #[error("the cache has no result whose digest begins with `{0}`")]
    Unknown(String),
    /// Several begin like this.
    #[error("`{given}` is not unique: {count} results begin with it")]
    Ambiguous {
        /// What was asked for.
        given: String,
        /// How many it could be.
        count: usize,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CacheCare {
    /// How much there is of what.
    pub async fn usage(&self) -> Result<CacheUsage, StoreError> {
        let inventory = self.inventory().await?;
        let room = self.room()?;
        let (quarantine, scratch) = self
            .blocking("look through", |cas| {
                Ok((cas.quarantine_size(), cas.scratch_size()))
            })
            .await?;
        let owners = inventory.owners();
        let is_copy = |blob: &Digest| inventory.copies.contains_key(blob);
        let marked: HashSet<Digest> = self
            .store
            .marks()
            .await?
            .into_iter()
            .map(|mark| mark.blob)
            .collect();
        Ok(CacheUsage {
            total: inventory.sum(|_| true),
            results: inventory.rows.len() as u64,
            kinds: kinds(&inventory),
            copies: inventory.sum(|blob| !owners.contains_key(blob) && is_copy(blob)),
            loose: inventory.sum(|blob| !owners.contains_key(blob) && !is_copy(blob)),
            pinned: inventory.pinned_heap(),
            paid: inventory.heap_of(|row| is_paid(&row.kind)),
            held: inventory.held_heap(),
            marked: inventory.sum(|blob| marked.contains(blob)),
            quarantine: heap(quarantine),
            scratch: heap(scratch),
            floor: room.floor,
            ceiling: room.ceiling,
            min_free: room.min_free,
            disk_bytes: room.disk,
            disk_free: room.free,
            path: self.cas.root().to_string_lossy().into_owned(),
        })
    }

    /// Remembered results.
    pub async fn entries(&self, query: CacheQuery) -> Result<CacheList, StoreError> {
        let inventory = self.inventory().await?;
        let uses = self.store.newest_cache_uses().await?;
        let of_kind = |row: &CacheRow| query.kind.as_ref().is_none_or(|kind| *kind == row.kind);
        let mut rows: Vec<&CacheRow> = match query.order {
            CacheOrder::Next => order_of_rows(&inventory)
                .into_iter()
                .map(|number| &inventory.rows[number])
                .collect(),
            _ => inventory.rows.iter().collect(),
        };
        rows.retain(|row| of_kind(row));
        match query.order {
            CacheOrder::Used => rows.sort_by(|one, other| other.last_used.cmp(&one.last_used)),
            CacheOrder::Size => rows.sort_by_key(|row| std::cmp::Reverse(bytes_of(row))),
            CacheOrder::Effort => rows.sort_by_key(|row| std::cmp::Reverse(row.wall_ms)),
            CacheOrder::Next => {}
        }
        let total = rows.len() as u64;
        rows.truncate(query.limit.unwrap_or(LISTED) as usize);
        let there = inventory.names();
        let items = rows
            .into_iter()
            .map(|row| inventory.entry(row, &there, uses.get(&row.digest)))
            .collect();
        Ok(CacheList { items, total })
    }

    /// One result, by the beginning of its digest. Its blobs are read.
    pub async fn entry(&self, prefix: &str) -> Result<CacheEntryDetail, CacheError> {
        let inventory = self.inventory().await?;
        let row = found(&inventory, prefix)?;
        let uses = self.store.cache_uses(&row.digest).await?;
        let outputs = row.outputs.clone();
        let blobs = self
            .blocking("read", move |cas| {
                let look = |(output, blob): (String, Digest)| CacheBlob {
                    output,
                    blob: blob.hex(),
                    bytes: blob.size,
                    state: match cas.look(&blob) {
                        BlobState::Whole => CacheBlobState::Whole,
                        BlobState::Missing => CacheBlobState::Missing,
                        BlobState::Damaged => CacheBlobState::Damaged,
                    },
                    path: cas.path(&blob).to_string_lossy().into_owned(),
                };
                Ok(outputs.into_iter().map(look).collect::<Vec<_>>())
            })
            .await?;
        let mut entry = inventory.entry(row, &inventory.names(), uses.first());
        entry.complete = blobs.iter().all(|blob| blob.state == CacheBlobState::Whole);
        Ok(CacheEntryDetail {
            entry,
            blobs,
            uses: uses.iter().map(one_use).collect(),
        })
    }

    /// Reads a part of the blobs, in the order of their names; damaged ones are set aside.
    pub async fn verify(&self, part: VerifyCache) -> Result<CacheVerified, StoreError> {
        let inventory = self.inventory().await?;
        let first = part.after.is_none();
        let after = part.after.unwrap_or_default();
        let blobs: Vec<Digest> = inventory
            .blobs
            .iter()
            .map(|blob| blob.digest)
            .filter(|blob| blob.hex() > after)
            .collect();
        let all = blobs.len();
        let (checked, damaged) = self
            .blocking("verify", move |cas| {
                let (begun, mut damaged) = (Instant::now(), Vec::new());
                let mut checked: Vec<Digest> = Vec::new();
                for blob in blobs {
                    if !cas.verify(&blob) && cas.is_quarantined(&blob) {
                        damaged.push(blob);
                    }
                    checked.push(blob);
                    if begun.elapsed() >= PART {
                        break;
                    }
                }
                Ok((checked, damaged))
            })
            .await?;
        let done = checked.len() == all;
        let there = inventory.names();
        let incomplete = inventory
            .rows
            .iter()
            .filter(|row| !is_complete(row, &there));
        Ok(CacheVerified {
            checked: sum_of(&checked),
            total: inventory.sum(|_| true),
            damaged: damaged
                .into_iter()
                .map(|blob| self.damaged(&inventory, &blob))
                .collect(),
            incomplete: if first { incomplete.count() as u64 } else { 0 },
            next: checked.last().filter(|_| !done).map(Digest::hex),
        })
    }

    fn damaged(&self, inventory: &Inventory, blob: &Digest) -> DamagedBlob {
        let hex = blob.hex();
        // By the hash alone: a blob that was cut short has another size than its rows say.
        let results = inventory.rows.iter().filter(|row| {
            let mut blobs = row.outputs.values();
            blobs.any(|own| own.hash == blob.hash)
        });
        let copy_of = inventory
            .copies
            .iter()
            .find(|(copy, _)| copy.hash == blob.hash)
            .map(|(_, path)| path.clone());
        DamagedBlob {
            quarantine: self
                .cas
                .quarantine()
                .join(&hex)
                .to_string_lossy()
                .into_owned(),
            bytes: blob.size,
            results: results
                .map(|row| format!("{} {}", row.kind, short(&row.digest)))
                .collect(),
            blob: hex,
            copy_of,
        }
    }

    /// Keeps the results of a job, or one result.
    pub async fn pin(&self, target: &str) -> Result<CachePins, CacheError> {
        let (target, is_job) = self.target(target).await?;
        self.store.pin(&target, is_job).await?;
        Ok(self.pins().await?)
    }

    /// Takes a pin back.
    pub async fn unpin(&self, target: &str) -> Result<CachePins, CacheError> {
        let found = match self.target(target).await {
            Ok((found, _)) => found,
            // What is pinned may be gone from the cache.
            Err(CacheError::Unknown(_) | CacheError::Store(_)) => target.to_owned(),
            Err(error) => return Err(error),
        };
        if !self.store.unpin(&found).await? {
            return Err(CacheError::Unknown(target.to_owned()));
        }
        Ok(self.pins().await?)
    }

    /// What is kept on purpose.
    pub async fn pins(&self) -> Result<CachePins, StoreError> {
        let inventory = self.inventory().await?;
        let mut items = Vec::new();
        for pin in self.store.pins().await? {
            let kept: HashSet<String> = if pin.is_job {
                self.store.actions_of_job(&pin.target).await?
            } else {
                HashSet::from([pin.target.clone()])
            };
            let rows = inventory
                .rows
                .iter()
                .filter(|row| kept.contains(&row.digest));
            items.push(CachePin {
                results: rows.clone().count() as u64,
                bytes: inventory.heap_of(|row| kept.contains(&row.digest)).bytes,
                target: pin.target,
                is_job: pin.is_job,
                at: pin.at,
            });
        }
        Ok(CachePins { items })
    }

    /// The job or the result that is meant.
    async fn target(&self, given: &str) -> Result<(String, bool), CacheError> {
        let digest =
            given.len() >= SHORTEST_PREFIX && given.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digest {
            let inventory = self.inventory().await?;
            match found(&inventory, given) {
                Ok(row) => return Ok((row.digest.clone(), false)),
                Err(CacheError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        match self.store.resolve_job(given).await {
            Ok(job) => Ok((job, true)),
            Err(StoreError::UnknownJob(_)) if digest => Err(CacheError::Unknown(given.to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}

fn found<'a>(inventory: &'a Inventory, prefix: &str) -> Result<&'a CacheRow, CacheError> {
    let wanted = prefix.to_ascii_lowercase();
    let of_blob = |row: &&CacheRow| {
        row.outputs
            .values()
            .any(|blob| blob.hex().starts_with(&wanted))
    };
    let mut rows: Vec<&CacheRow> = inventory
        .rows
        .iter()
        .filter(|row| row.digest.starts_with(&wanted))
        .collect();
    if rows.is_empty() {
        // People also copy the name of a blob.
        rows = inventory.rows.iter().filter(of_blob).collect();
    }
    match rows.as_slice() {
        _ if wanted.len() < SHORTEST_PREFIX => Err(CacheError::Unknown(prefix.to_owned())),
        [row] => Ok(row),
        [] => Err(CacheError::Unknown(prefix.to_owned())),
        many => Err(CacheError::Ambiguous {
            given: prefix.to_owned(),
            count: many.len(),
        }),
    }
}

impl Inventory {
    fn names(&self) -> HashSet<Digest> {
        self.blobs.iter().map(|blob| blob.digest).collect()
    }

    fn entry(
        &self,
        row: &CacheRow,
        there: &HashSet<Digest>,
        used: Option<&store::CacheUse>,
    ) -> CacheEntry {
        CacheEntry {
            digest: row.digest.clone(),
            kind: row.kind.clone(),
            bytes: bytes_of(row),
            made_ms: row.wall_ms,
            made_at: row.made_at.clone(),
            last_used: row.last_used.clone(),
            paid: is_paid(&row.kind),
            pinned: self.pinned.contains(&row.digest),
            held: self.is_held(row),
            complete: is_complete(row, there),
            used_by: used.map(one_use),
        }
    }

    fn sum(&self, wanted: impl Fn(&Digest) -> bool) -> CacheHeap {
        let blobs = self.blobs.iter().map(|blob| blob.digest);
        sum_of(&blobs.filter(|blob| wanted(blob)).collect::<Vec<_>>())
    }

    /// The blobs of results like these.
    fn heap_of(&self, wanted: impl Fn(&CacheRow) -> bool) -> CacheHeap {
        let rows = self.rows.iter().filter(|row| wanted(row));
        let blobs: HashSet<Digest> = rows.flat_map(|row| row.outputs.values().copied()).collect();
        self.sum(|blob| blobs.contains(blob))
    }

    pub(super) fn pinned_heap(&self) -> CacheHeap {
        self.heap_of(|row| self.pinned.contains(&row.digest))
    }

    pub(super) fn held_heap(&self) -> CacheHeap {
        let rows = self
            .rows
            .iter()
            .filter(|row| self.open.contains(&row.digest));
        let open: HashSet<Digest> = rows.flat_map(|row| row.outputs.values().copied()).collect();
        self.sum(|blob| open.contains(blob) || self.held.contains(blob))
    }
}

fn kinds(inventory: &Inventory) -> Vec<CacheKind> {
    let mut kinds: BTreeMap<&str, CacheKind> = BTreeMap::new();
    for row in &inventory.rows {
        let kind = kinds.entry(&row.kind).or_insert_with(|| CacheKind {
            kind: row.kind.clone(),
            results: 0,
            bytes: 0,
            made_ms: 0,
        });
        kind.results += 1;
        kind.bytes += bytes_of(row);
        kind.made_ms += row.wall_ms;
    }
    let mut kinds: Vec<CacheKind> = kinds.into_values().collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.bytes));
    kinds
}

fn bytes_of(row: &CacheRow) -> u64 {
    row.outputs.values().map(|blob| blob.size).sum()
}

fn is_complete(row: &CacheRow, there: &HashSet<Digest>) -> bool {
    row.outputs.values().all(|blob| there.contains(blob))
}

fn sum_of(blobs: &[Digest]) -> CacheHeap {
    CacheHeap {
        bytes: blobs.iter().map(|blob| blob.size).sum(),
        files: blobs.len() as u64,
    }
}

pub(super) fn heap(heap: Heap) -> CacheHeap {
    CacheHeap {
        bytes: heap.bytes,
        files: heap.files,
    }
}

fn one_use(found: &store::CacheUse) -> CacheUse {
    CacheUse {
        job: found.job.clone(),
        workflow: found.workflow.clone(),
        node: found.node.clone(),
        at: found.at.clone(),
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
