//! The cache takes care of itself: it looks at its size now and then and clears what is too much.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::CacheCare;
use super::choose::choose;
use super::inventory::millis;
use crate::store::StoreError;

/// Between two looks at the size, which is a number in memory.
const LOOK: Duration = Duration::from_secs(15);

/// After nothing could be done, the next try.
const REST: Duration = Duration::from_secs(300);

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is too much.
    Content,
    /// Something was done, or will be when its time has come.
    Busy,
    /// It is too much, and nothing of it may go.
    Stuck,
}

impl CacheCare {
    /// Looks after the cache until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        let mut pause = LOOK;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let looked = tokio::select! {
                () = shutdown.cancelled() => return,
                looked = self.look() => looked,
            };
            pause = match looked {
                Ok(Look::Content | Look::Busy) => LOOK,
                Ok(Look::Stuck) => {
                    tracing::warn!(
                        "the cache is above its ceiling or the disk is short, and nothing of it may go: jobs need it, it is pinned, or the floor is reached"
                    );
                    REST
                }
                Err(error) => {
                    tracing::warn!(%error, "the cache could not be looked after");
                    REST
                }
            };
        }
    }

    /// One look: marks what is too much, and takes away what was marked long enough ago.
    pub(super) async fn look(&self) -> Result<Look, StoreError> {
        let room = self.room()?;
        let used = match self.cas.used() {
            Some(used) => used,
            None => {
                self.blocking("count the blobs of", |cas| cas.census().map(drop))
                    .await?;
                self.cas.used().unwrap_or(0)
            }
        };
        self.store.note_storage(used).await?;
        let wanted = room.wanted(used);
        let marks = self.store.marks().await?;
        let grace = if room.is_pressing() {
            Duration::ZERO
        } else {
            self.bounds.grace
        };
        let now = millis(&self.store.now_text());
        let due = marks
            .first()
            .is_some_and(|mark| now - millis(&mark.at) >= grace_ms(grace));
        if wanted.is_none() && !due {
            return Ok(Look::Content);
        }
        if wanted.is_some() && !marks.is_empty() && !due {
            return Ok(Look::Busy);
        }
        let _only_one = self.collecting.lock().await;
        let inventory = self.inventory().await?;
        let mut chosen = 0;
        if let Some(target) = room.wanted(inventory.used()) {
            let choice = choose(&inventory, target);
            chosen = choice.victims.len();
            self.mark(&choice).await?;
        }
        let swept = self.sweep(&inventory, grace).await?;
        if swept.blobs > 0 {
            tracing::info!(
                freed_bytes = swept.freed,
                blobs = swept.blobs,
                results = swept.results,
                spared = swept.spared,
                "the cache was cleared by itself"
            );
        }
        Ok(if wanted.is_some() && chosen == 0 && swept.blobs == 0 {
            Look::Stuck
        } else {
            Look::Busy
        })
    }
}

fn grace_ms(grace: Duration) -> i64 {
    i64::try_from(grace.as_millis()).unwrap_or(i64::MAX)
}
