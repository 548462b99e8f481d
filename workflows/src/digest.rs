//! Hashing: blobs by their bytes, actions and values by their canonical JSON.
//!
//! Canonical JSON here is `serde_json` over structs with a fixed field order and `BTreeMap`s: the same value always
//! gives the same bytes. Every hash of a value is preceded by a domain text, so an action can never be mistaken for
//! something else with the same JSON.

use std::fmt;
use std::str::FromStr;

pub use fenta_templates::digest::{Digest, ParseDigestError};
use serde::{Deserialize, Serialize};

/// The digest of a blob's bytes.
pub fn blob_digest(bytes: &[u8]) -> Digest {
    Digest {
        hash: *blake3::hash(bytes).as_bytes(),
        size: bytes.len() as u64,
    }
}

/// The digest of a blob that comes in parts.
#[derive(Debug, Default)]
pub struct BlobHasher {
    hasher: blake3::Hasher,
    size: u64,
}

impl BlobHasher {
    /// The next part.
    pub fn add(&mut self, part: &[u8]) {
        self.hasher.update(part);
        self.size += part.len() as u64;
    }

    /// The digest of all parts.
    pub fn finish(&self) -> Digest {
        Digest {
            hash: *self.hasher.finalize().as_bytes(),
            size: self.size,
        }
    }
}

/// The hash of a value under a domain, as 64 hexadecimal characters.
///
/// # Panics
/// Never for Fenta's own types: they serialise to JSON without maps that have non-text keys.
pub fn value_hash<T: Serialize + ?Sized>(domain: &str, value: &T) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(domain.len() as u64).to_le_bytes());
    hasher.update(domain.as_bytes());
    let json = serde_json::to_vec(value)
        .expect("fenta's own types serialise, because their maps have text keys");
    hasher.update(&json);
    hasher.finalize().to_hex().to_string()
}

/// The identity of an action: equal digests mean equal results.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionDigest(String);

impl ActionDigest {
    /// Wraps the hash of an action; 64 hexadecimal characters.
    pub(crate) fn from_hash(hash: String) -> Self {
        Self(hash)
    }

    /// The 64 hexadecimal characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 characters, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ActionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ActionDigest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseDigestError(text.to_owned()))
        }
    }
}
