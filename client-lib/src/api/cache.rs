//! The cache: what it holds, checking it, clearing it and keeping things in it on purpose.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Bytes and files.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct CacheHeap {
    /// Bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

/// Results of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheKind {
    /// The kind of action, for example `render_segment`.
    pub kind: String,
    /// How many results.
    pub results: u64,
    /// Their bytes; what several results share counts for each.
    pub bytes: u64,
    /// How long it took to make them, milliseconds.
    pub made_ms: u64,
}

/// Answer of `GET /v1/cache`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheUsage {
    /// Everything the cache's bounds are about.
    pub total: CacheHeap,
    /// Remembered results.
    pub results: u64,
    /// By kind of action, largest first.
    pub kinds: Vec<CacheKind>,
    /// Copies of files that jobs read.
    pub copies: CacheHeap,
    /// What no result refers to.
    pub loose: CacheHeap,
    /// What is kept on purpose.
    pub pinned: CacheHeap,
    /// What providers were paid for.
    pub paid: CacheHeap,
    /// What jobs need that are not at their end.
    pub held: CacheHeap,
    /// What goes soon, unless it is used.
    pub marked: CacheHeap,
    /// Damaged blobs, set aside; not part of the total.
    pub quarantine: CacheHeap,
    /// Work in progress; not part of the total.
    pub scratch: CacheHeap,
    /// Never cleared below this, bytes.
    pub floor: u64,
    /// Cleared from here on, bytes.
    pub ceiling: u64,
    /// The free space the cache tries to leave, bytes.
    pub min_free: u64,
    /// The size of the disk, bytes.
    pub disk_bytes: u64,
    /// What is free for this user, bytes.
    pub disk_free: u64,
    /// The folder.
    pub path: String,
}

/// How a blob is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheBlobState {
    /// It is there.
    Whole,
    /// There is none.
    Missing,
    /// It was damaged and is set aside.
    Damaged,
}

/// A blob of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheBlob {
    /// The output it is.
    pub output: String,
    /// Its hash.
    pub blob: String,
    /// Its size.
    pub bytes: u64,
    /// How it is found.
    pub state: CacheBlobState,
    /// Its file.
    pub path: String,
}

/// A use of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheUse {
    /// The job.
    pub job: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The node.
    pub node: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

/// A remembered result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheEntry {
    /// The action, 64 hexadecimal characters.
    pub digest: String,
    /// Its kind.
    pub kind: String,
    /// Bytes of its blobs.
    pub bytes: u64,
    /// How long it took to make, milliseconds.
    pub made_ms: u64,
    /// When it was made, RFC 3339 UTC.
    pub made_at: String,
    /// When it was used last.
    pub last_used: String,
    /// Whether a provider was paid for it.
    pub paid: bool,
    /// Whether it is kept on purpose.
    pub pinned: bool,
    /// Whether a job that is not at its end needs it.
    pub held: bool,
    /// Whether all its blobs are there.
    pub complete: bool,
    /// Who used it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<CacheUse>,
}

/// A remembered result with everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheEntryDetail {
    /// The result.
    #[serde(flatten)]
    pub entry: CacheEntry,
    /// Its blobs.
    pub blobs: Vec<CacheBlob>,
    /// Its uses, newest first.
    pub uses: Vec<CacheUse>,
}

/// The order of a list.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CacheOrder {
    /// Last used first.
    #[default]
    Used,
    /// Largest first.
    Size,
    /// What took longest first.
    Effort,
    /// What a collection would take away first.
    Next,
}

/// Query of `GET /v1/cache/entries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheQuery {
    /// At most so many; 50 without it.
    #[serde(default)]
    pub limit: Option<u32>,
    /// The order.
    #[serde(default)]
    pub order: CacheOrder,
    /// Only results of this kind.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Answer of `GET /v1/cache/entries`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheList {
    /// The results.
    pub items: Vec<CacheEntry>,
    /// How many there are.
    pub total: u64,
}

/// Body of `POST /v1/cache/verify`: every call checks a part, the answer says where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyCache {
    /// The hash of the last blob that was checked; from the beginning without it.
    #[serde(default)]
    pub after: Option<String>,
}

/// A blob that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DamagedBlob {
    /// Its hash, by its name.
    pub blob: String,
    /// The size its file has.
    pub bytes: u64,
    /// Where it is now.
    pub quarantine: String,
    /// The results it is part of: kinds and short digests; none for what no result refers to.
    pub results: Vec<String>,
    /// The file on this machine it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
}

/// Answer of `POST /v1/cache/verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheVerified {
    /// What was read.
    pub checked: CacheHeap,
    /// Everything there is to check.
    pub total: CacheHeap,
    /// What was damaged and is set aside now.
    pub damaged: Vec<DamagedBlob>,
    /// Results whose blobs are not all there; they will be made again. Only in the first part.
    pub incomplete: u64,
    /// Where to go on; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Body of `POST /v1/cache/gc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectCache {
    /// Only tell.
    #[serde(default)]
    pub dry_run: bool,
    /// Clear until so many bytes are left; the ceiling decides without it.
    #[serde(default)]
    pub down_to: Option<u64>,
    /// Clear everything nobody needs and nobody pinned, the floor and the quarantine included.
    #[serde(default)]
    pub all: bool,
}

/// Answer of `POST /v1/cache/gc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CacheCollected {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Bytes before.
    pub before: u64,
    /// Bytes that went, or would.
    pub freed: u64,
    /// Bytes afterwards.
    pub after: u64,
    /// What it was to come down to.
    pub target: u64,
    /// Blobs that went.
    pub blobs: u64,
    /// Results that went with them.
    pub results: u64,
    /// Of these, results that providers were paid for.
    pub paid_results: u64,
    /// Blobs that were to go and stayed because somebody began to use them.
    pub spared: u64,
    /// What stays because it is pinned.
    pub pinned: CacheHeap,
    /// What stays because jobs need it.
    pub held: CacheHeap,
    /// Whether it ended at the floor, above what was asked for.
    pub at_floor: bool,
    /// Cleared from quarantine.
    pub quarantine: CacheHeap,
    /// What went, first to go first; at most a thousand.
    pub items: Vec<CollectedItem>,
}

/// Something that went, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CollectedItem {
    /// The blob.
    pub blob: String,
    /// Its size.
    pub bytes: u64,
    /// The kind of result it was part of, `copy` or `loose`.
    pub kind: String,
    /// The result it was part of, as `fenta cache show` takes it; none for copies and loose blobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// How long it takes to make it again, milliseconds.
    pub made_ms: u64,
    /// When it was used last; none where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// Body of `POST /v1/cache/pin` and `POST /v1/cache/unpin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinCache {
    /// A job (id, unique prefix or `latest`) or the digest of a result (12 characters or more).
    pub target: String,
}

/// What is kept on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CachePin {
    /// The job or the digest of the result.
    pub target: String,
    /// Whether it is a job: everything it used is kept.
    pub is_job: bool,
    /// Since when, RFC 3339 UTC.
    pub at: String,
    /// Results it keeps.
    pub results: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Answer of `GET /v1/cache/pins`, and of pinning and unpinning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CachePins {
    /// All pins, oldest first.
    pub items: Vec<CachePin>,
}

/// A size of the cache: so many bytes, or a part of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheBound {
    /// Bytes.
    Bytes(u64),
    /// Hundredths of the disk.
    Percent(u8),
}

impl CacheBound {
    /// Bytes on a disk of this size.
    pub fn of(self, disk: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => disk / 100 * u64::from(percent),
        }
    }
}

impl std::str::FromStr for CacheBound {
    type Err = String;

    /// `60%`, `500MB`, `1.5 GiB`, `1000000`. Units are powers of 1000, those with `i` powers of 1024.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let wrong = || format!("`{text}` is no size; write for example 60%, 500MB, 20GB or 1.5GiB");
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim().parse::<u8>().map_err(|_| wrong())?;
            return if percent <= 100 {
                Ok(Self::Percent(percent))
            } else {
                Err(wrong())
            };
        }
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let (base, power) = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => (1000_u64, 0),
            "kb" | "k" => (1000, 1),
            "mb" | "m" => (1000, 2),
            "gb" | "g" => (1000, 3),
            "tb" | "t" => (1000, 4),
            "kib" => (1024, 1),
            "mib" => (1024, 2),
            "gib" => (1024, 3),
            "tib" => (1024, 4),
            _ => return Err(wrong()),
        };
        let scale = base.pow(power);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if part.len() > 6 || (number.contains('.') && part.is_empty()) {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let fraction = if part.is_empty() {
            0
        } else {
            let places = 10_u64.pow(u32::try_from(part.len()).unwrap_or(6));
            let value: u64 = part.parse().map_err(|_| wrong())?;
            u64::try_from(u128::from(value) * u128::from(scale) / u128::from(places))
                .map_err(|_| wrong())?
        };
        whole
            .checked_mul(scale)
            .and_then(|bytes| bytes.checked_add(fraction))
            .map(Self::Bytes)
            .ok_or_else(wrong)
    }
}

impl Client {
    /// How much there is of what.
    pub async fn cache_usage(&self) -> Result<CacheUsage, ClientError> {
        self.call(Call::get(&["v1", "cache"])).await
    }

    /// Remembered results.
    pub async fn cache_entries(&self, query: &CacheQuery) -> Result<CacheList, ClientError> {
        let order = match query.order {
            CacheOrder::Used => "used",
            CacheOrder::Size => "size",
            CacheOrder::Effort => "effort",
            CacheOrder::Next => "next",
        };
        self.call(
            Call::get(&["v1", "cache", "entries"])
                .query("limit", query.limit.map(|limit| limit.to_string()))
                .query("order", Some(order.to_owned()))
                .query("kind", query.kind.clone()),
        )
        .await
    }

    /// One result, by the beginning of its digest.
    pub async fn cache_entry(&self, digest: &str) -> Result<CacheEntryDetail, ClientError> {
        self.call(Call::get(&["v1", "cache", "entries", digest]))
            .await
    }

    /// Reads a part of the blobs and sets damaged ones aside.
    pub async fn verify_cache(&self, part: &VerifyCache) -> Result<CacheVerified, ClientError> {
        self.call(Call::post(&["v1", "cache", "verify"], Repeat::Safe).body(part))
            .await
    }

    /// Clears what nobody needs.
    pub async fn collect_cache(&self, how: &CollectCache) -> Result<CacheCollected, ClientError> {
        self.call(Call::post(&["v1", "cache", "gc"], Repeat::Unsent).body(how))
            .await
    }

    /// What is kept on purpose.
    pub async fn cache_pins(&self) -> Result<CachePins, ClientError> {
        self.call(Call::get(&["v1", "cache", "pins"])).await
    }

    /// Keeps a job's results, or one result.
    pub async fn pin_cache(&self, pin: &PinCache) -> Result<CachePins, ClientError> {
        self.call(Call::post(&["v1", "cache", "pin"], Repeat::Safe).body(pin))
            .await
    }

    /// Takes a pin back.
    pub async fn unpin_cache(&self, pin: &PinCache) -> Result<CachePins, ClientError> {
        self.call(Call::post(&["v1", "cache", "unpin"], Repeat::Safe).body(pin))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let bytes = |text: &str| text.parse::<CacheBound>().map(|bound| bound.of(1000));
        assert_eq!(bytes("60%"), Ok(600));
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(bytes("2g"), Ok(2_000_000_000));
        for wrong in [
            "",
            "x",
            "101%",
            "-1",
            "1.",
            ".5GB",
            "5 apples",
            "99999999999TB",
        ] {
            let error = bytes(wrong).unwrap_err();
            assert!(error.contains("500MB"), "{wrong}: {error}");
        }
    }
}
