//! Where two sides differ: the digest of a range, halved until one record is left.

use fenta_client::Client;
use fenta_client::api::sync::{DigestQuery, SyncVerdict};

use super::SyncError;
use crate::store::Store;

/// Compares the first `count` records.
pub(super) async fn compare(
    store: &Store,
    client: &Client,
    count: u64,
) -> Result<SyncVerdict, SyncError> {
    let mut verdict = SyncVerdict {
        compared: count,
        differs_at: None,
    };
    if count == 0 || is_equal(store, client, 1, count).await? {
        return Ok(verdict);
    }
    // Everything before `low` is equal, something up to `high` is not.
    let (mut low, mut high) = (1, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match is_equal(store, client, low, middle).await? {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    verdict.differs_at = Some(low);
    Ok(verdict)
}

async fn is_equal(store: &Store, client: &Client, from: u64, to: u64) -> Result<bool, SyncError> {
    let range = DigestQuery { from, to };
    let here = store.outbox_digest(range).await?;
    Ok(here == client.sync_digest(range).await?)
}
