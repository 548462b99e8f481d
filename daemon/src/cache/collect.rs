//! Taking away what was chosen, in two phases.
//!
//! First the choice is written down (marks). Then, one blob after the other, a marked blob that nobody has used since
//! goes out of the store by one rename, and only after that the rows that name it and its mark. Ended anywhere, what is
//! left is marks of blobs that are still there, or rows whose blobs are not: the former are looked at anew, the latter
//! are misses, and the next collection tidies both.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use fenta_client::api::cache::{CacheCollected, CacheHeap, CollectCache, CollectedItem};
use fenta_workflows::digest::Digest;

use super::choose::{Choice, choose};
use super::inspect::heap;
use super::inventory::{Inventory, is_paid, millis};
use super::{CacheCare, Room};
use crate::store::{CacheMark, Eviction, StoreError};

/// Blobs that go between two entries in the database.
const CHUNK: usize = 128;

/// Items told of a collection.
const TOLD: usize = 1000;

/// Damaged blobs are kept so long, for whoever wants to know what happened.
const QUARANTINE_AGE: Duration = Duration::from_secs(7 * 86_400);

/// What the second phase came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) freed: u64,
    pub(super) blobs: u64,
    pub(super) results: u64,
    pub(super) paid_results: u64,
    pub(super) spared: u64,
}

impl CacheCare {
    /// Clears what nobody needs, down to what was asked for or to the ceiling.
    pub async fn collect(&self, how: CollectCache) -> Result<CacheCollected, StoreError> {
        let _only_one = self.collecting.lock().await;
        let inventory = self.inventory().await?;
        let room = self.room()?;
        let (wanted, target) = targets(&how, &room, inventory.used());
        let choice = choose(&inventory, target);
        let mut told = told(&inventory, &choice, &how, wanted, target);
        if how.dry_run {
            return Ok(told);
        }
        self.mark(&choice).await?;
        let swept = self.sweep(&inventory, Duration::ZERO).await?;
        let age = if how.all {
            Duration::ZERO
        } else {
            QUARANTINE_AGE
        };
        let emptied = self
            .blocking("empty the quarantine of", move |cas| {
                Ok(cas.empty_quarantine(age))
            })
            .await?;
        self.store.tidy_cache().await?;
        told.freed = swept.freed;
        told.after = told.before.saturating_sub(swept.freed);
        told.blobs = swept.blobs;
        told.results = swept.results;
        told.paid_results = swept.paid_results;
        told.spared = swept.spared;
        told.quarantine = heap(emptied);
        tracing::info!(
            freed_bytes = swept.freed,
            blobs = swept.blobs,
            results = swept.results,
            spared = swept.spared,
            "the cache was cleared"
        );
        Ok(told)
    }

    /// The first phase: what was chosen is written down.
    pub(super) async fn mark(&self, choice: &Choice) -> Result<(), StoreError> {
        let blobs = choice.victims.iter().map(|victim| victim.blob).collect();
        self.store.mark_blobs(blobs).await
    }

    /// The second phase: what was marked so long ago and not used since goes.
    pub(super) async fn sweep(
        &self,
        inventory: &Inventory,
        grace: Duration,
    ) -> Result<Swept, StoreError> {
        let marks = self.store.marks().await?;
        let now = millis(&self.store.now_text());
        let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        let due: Vec<CacheMark> = marks
            .into_iter()
            .filter(|mark| now - millis(&mark.at) >= grace)
            .collect();
        let owners = inventory.owners();
        let (going, staying): (Vec<CacheMark>, Vec<CacheMark>) = due
            .into_iter()
            .partition(|mark| may_go(inventory, &owners, mark));
        let mut swept = Swept {
            spared: staying.len() as u64,
            ..Swept::default()
        };
        self.store
            .unmark(staying.into_iter().map(|mark| mark.blob).collect())
            .await?;
        for chunk in going.chunks(CHUNK) {
            let blobs = chunk.iter().map(|mark| mark.blob).collect();
            self.take_away(inventory, &owners, blobs, &mut swept)
                .await?;
        }
        Ok(swept)
    }

    async fn take_away(
        &self,
        inventory: &Inventory,
        owners: &HashMap<Digest, Vec<usize>>,
        blobs: Vec<Digest>,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let fates = self.evict(inventory, blobs).await?;
        let (mut gone, mut held) = (Vec::new(), Vec::new());
        for (blob, fate) in fates {
            match fate {
                Eviction::Gone => {
                    swept.freed += blob.size;
                    swept.blobs += 1;
                    gone.push(blob);
                }
                Eviction::Absent => gone.push(blob),
                Eviction::Held => held.push(blob),
            }
        }
        swept.spared += held.len() as u64;
        self.store.unmark(held).await?;
        let rows: HashSet<usize> = gone
            .iter()
            .filter_map(|blob| owners.get(blob))
            .flatten()
            .copied()
            .collect();
        let rows = rows.iter().map(|number| &inventory.rows[*number]);
        swept.paid_results += rows.clone().filter(|row| is_paid(&row.kind)).count() as u64;
        let seen = rows
            .map(|row| (row.digest.clone(), row.last_used.clone()))
            .collect();
        swept.results += self.store.forget_evicted(gone, seen).await?;
        Ok(())
    }

    /// The files go; rows still name them.
    pub(super) async fn evict(
        &self,
        inventory: &Inventory,
        blobs: Vec<Digest>,
    ) -> Result<Vec<(Digest, Eviction)>, StoreError> {
        let decided = inventory.moment;
        self.blocking("clear", move |cas| {
            blobs
                .into_iter()
                .map(|blob| Ok((blob, cas.evict(&blob, decided)?)))
                .collect()
        })
        .await
    }
}

/// What is wanted, and what it may come down to.
fn targets(how: &CollectCache, room: &Room, used: u64) -> (u64, u64) {
    if how.all {
        return (0, 0);
    }
    let wanted = how
        .down_to
        .unwrap_or_else(|| room.wanted(used).unwrap_or(used));
    (wanted, wanted.max(room.floor.min(used)))
}

/// Whether a blob that was marked may still go: nobody needs it, and everything it is part of was last used before.
fn may_go(inventory: &Inventory, owners: &HashMap<Digest, Vec<usize>>, mark: &CacheMark) -> bool {
    if inventory.held.contains(&mark.blob) {
        return false;
    }
    let rows = owners.get(&mark.blob).map_or(&[][..], Vec::as_slice);
    rows.iter().all(|number| {
        let row = &inventory.rows[*number];
        !inventory.pinned.contains(&row.digest)
            && !inventory.open.contains(&row.digest)
            && row.last_used <= mark.at
    })
}

fn told(
    inventory: &Inventory,
    choice: &Choice,
    how: &CollectCache,
    wanted: u64,
    target: u64,
) -> CacheCollected {
    let going: HashSet<Digest> = choice.victims.iter().map(|victim| victim.blob).collect();
    let rows = inventory
        .rows
        .iter()
        .filter(|row| row.outputs.values().any(|blob| going.contains(blob)));
    let owners = inventory.owners();
    let result_of = |blob: &Digest| {
        let number = owners.get(blob)?.first()?;
        Some(inventory.rows[*number].digest.clone())
    };
    let before = inventory.used();
    CacheCollected {
        dry_run: how.dry_run,
        before,
        freed: choice.freed,
        after: before.saturating_sub(choice.freed),
        target: wanted,
        blobs: choice.victims.len() as u64,
        results: rows.clone().count() as u64,
        paid_results: rows.filter(|row| is_paid(&row.kind)).count() as u64,
        spared: 0,
        pinned: inventory.pinned_heap(),
        held: inventory.held_heap(),
        at_floor: target > wanted && before.saturating_sub(choice.freed) > wanted,
        quarantine: CacheHeap::default(),
        items: choice
            .victims
            .iter()
            .take(TOLD)
            .map(|victim| CollectedItem {
                blob: victim.blob.hex(),
                bytes: victim.blob.size,
                kind: victim.kind.clone(),
                result: result_of(&victim.blob),
                made_ms: victim.made_ms,
                last_used: victim.last_used.clone(),
            })
            .collect(),
    }
}
