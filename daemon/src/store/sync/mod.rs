//! Both ends of handing in: `outbox` numbers what was done here, `received` keeps what devices handed in.

mod outbox;
mod received;

pub use outbox::{EndedJob, Outgoing, OutgoingFile, SyncPlace};

use std::collections::BTreeMap;

use blake3::Hasher;

/// The digest of a range of records: number and body of each, in order.
#[derive(Debug, Default)]
pub(super) struct RangeHasher {
    hasher: Hasher,
    count: u64,
}

impl RangeHasher {
    fn add(&mut self, seq: u64, body: &str) {
        self.hasher.update(&seq.to_le_bytes());
        self.hasher.update(&(body.len() as u64).to_le_bytes());
        self.hasher.update(body.as_bytes());
        self.count += 1;
    }

    fn finish(self) -> fenta_client::api::sync::RangeDigest {
        fenta_client::api::sync::RangeDigest {
            count: self.count,
            digest: self.hasher.finalize().to_hex().to_string(),
        }
    }
}

/// Files by digest.
pub(super) type Files = BTreeMap<String, String>;
