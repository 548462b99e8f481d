//! What a daemon did, handed in to a team server: records in the order of the device, each once, for good.
//!
//! A record is named by its device and its number. Handing it in again changes nothing; what comes with a hole before it is
//! not taken, and the answer says where to go on. A record that is no good is set aside and never keeps others waiting.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::workspaces::in_path;
use crate::error::{ClientError, ErrorKind};
use crate::transport::{Call, Client, Repeat};

/// Records in one request, at most.
pub const MOST_RECORDS: usize = 500;

/// Bytes of one record, at most.
pub const MOST_RECORD_BYTES: usize = 64 << 10;

/// A record as it is handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncRecord {
    /// Its number on the device, from 1, without holes.
    pub seq: u64,
    /// What it is: JSON of a [`RecordBody`], kept to the byte.
    pub body: String,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordBody {
    /// A row of the device's ledger.
    Usage(UsageRecord),
    /// A job that came to an end.
    Result(ResultRecord),
}

/// A row of the device's ledger, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageRecord {
    /// Its place in the device's ledger.
    pub row: u64,
    /// When, by the device's clock.
    pub at: String,
    /// The day on the user's calendar.
    pub day: String,
    /// `reserved`, `settled` or `released`.
    pub entry: String,
    /// The job; empty where it is nobody's.
    pub job: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The node, with the number of the item in a `for_each`.
    pub turn: String,
    /// What it was asked for.
    pub ask: String,
    /// What is counted.
    pub meter: String,
    /// How much: a decimal.
    pub amount: String,
    /// What it costs, US dollars; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Where the price is from.
    pub price_source: String,
    /// Of which day it is.
    pub price_as_of: String,
}

/// A job that came to an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultRecord {
    /// The job.
    pub job: String,
    /// The name of its workflow.
    pub workflow: String,
    /// `completed`, `failed` or `cancelled`.
    pub state: String,
    /// When it ended, by the device's clock.
    pub at: String,
    /// The files it published.
    pub files: Vec<ResultFile>,
}

/// A file that a job published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultFile {
    /// Its name, without folder.
    pub name: String,
    /// What it holds, as blobs are named.
    pub digest: String,
}

/// Body of `POST /v1/sync/records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncBatch {
    /// What the device's clock says, RFC 3339 UTC.
    pub at: String,
    /// By number.
    pub records: Vec<SyncRecord>,
}

/// Answer of `POST /v1/sync/records` and `GET /v1/sync/state`: what the server has of this device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    /// Everything up to this number is there for good.
    pub acknowledged: u64,
    /// Records that were set aside since the beginning.
    pub quarantined: u64,
}

/// Query of `GET /v1/sync/digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestQuery {
    /// The first record.
    pub from: u64,
    /// The last record.
    pub to: u64,
}

/// Answer of `GET /v1/sync/digest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeDigest {
    /// Records in the range.
    pub count: u64,
    /// BLAKE3 over number and body of each, in order; those set aside count like the others.
    pub digest: String,
}

/// Body of `POST /v1/sync/rewind`: everything from a number on is handed in anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewind {
    /// The first number that the server is to forget; its records are kept aside.
    pub from: u64,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The device.
    pub device: String,
    /// Its number.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: String,
    /// When it came, by the server's clock.
    pub at: String,
}

/// A device that hands in records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDevice {
    /// `dev_…`.
    pub device: String,
    /// Everything up to this number is there.
    pub acknowledged: u64,
    /// When it was heard of last, by the server's clock.
    pub seen_at: String,
    /// How far its clock was from the server's then, seconds; positive where it was ahead.
    pub skew_seconds: i64,
}

/// Answer of `GET /v1/sync/devices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDevices {
    /// By name.
    pub items: Vec<SyncDevice>,
    /// The newest of what was set aside.
    pub quarantine: Vec<Quarantined>,
}

/// Body of `PUT /v1/sync/target`, for the daemon of this machine: where it hands in what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncTarget {
    /// The context's name; the credential lies under `sync:NAME` with the other keys.
    pub context: String,
    /// Its address.
    pub url: String,
    /// Whether the files of results are handed in too.
    #[serde(default)]
    pub files: bool,
    /// Whether what was done before counts too.
    #[serde(default)]
    pub from_start: bool,
}

/// Answer of `GET /v1/sync/status`, from the daemon of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SyncStatus {
    /// This device's id; empty before the first target.
    pub device: String,
    /// Where it hands in; nothing is handed in where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SyncTarget>,
    /// Records that the server has.
    pub acknowledged: u64,
    /// Records that wait here.
    pub waiting: u64,
    /// Records that the server set aside.
    pub quarantined: u64,
    /// Files that wait here.
    pub files_waiting: u64,
    /// When the server answered last, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<String>,
    /// What went wrong the last time, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Seconds until the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_in: Option<u64>,
}

/// Answer of `POST /v1/sync/verify`, from the daemon of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SyncVerdict {
    /// Records that were compared.
    pub compared: u64,
    /// The first record that differs, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_at: Option<u64>,
}

impl Client {
    /// Hands in records of this client's device.
    pub async fn hand_in(&self, batch: &SyncBatch) -> Result<SyncState, ClientError> {
        self.call(Call::post(&["v1", "sync", "records"], Repeat::Unsent).body(batch))
            .await
    }

    /// What the server has of this client's device.
    pub async fn sync_state(&self) -> Result<SyncState, ClientError> {
        self.call(Call::get(&["v1", "sync", "state"])).await
    }

    /// The digest of a range of records of this client's device, as the server has them.
    pub async fn sync_digest(&self, range: DigestQuery) -> Result<RangeDigest, ClientError> {
        let call = Call::get(&["v1", "sync", "digest"])
            .query("from", Some(range.from.to_string()))
            .query("to", Some(range.to.to_string()));
        self.call(call).await
    }

    /// Lets the server forget records of this client's device from a number on.
    pub async fn sync_rewind(&self, rewind: Rewind) -> Result<SyncState, ClientError> {
        self.call(Call::post(&["v1", "sync", "rewind"], Repeat::Safe).body(&rewind))
            .await
    }

    /// Hands in a file that a record of this client's device names; nothing is sent where the server has it.
    pub async fn hand_in_file(&self, digest: &str, file: &Path) -> Result<(), ClientError> {
        let name = in_path(digest);
        let path = ["v1", "sync", "files", &*name];
        match self.call_empty(Call::get(&path)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => self.upload(&path, file).await,
            known => known,
        }
    }

    /// The devices of an organisation.
    pub async fn sync_devices(&self) -> Result<SyncDevices, ClientError> {
        self.call(Call::get(&["v1", "sync", "devices"])).await
    }

    /// Whether and where the daemon of this machine hands in what it does.
    pub async fn sync_status(&self) -> Result<SyncStatus, ClientError> {
        self.call(Call::get(&["v1", "sync", "status"])).await
    }

    /// Lets the daemon of this machine hand in what it does.
    pub async fn set_sync_target(&self, target: &SyncTarget) -> Result<SyncStatus, ClientError> {
        self.call(Call::post(&["v1", "sync", "target"], Repeat::Safe).body(target))
            .await
    }

    /// Lets it stop; what waits stays.
    pub async fn clear_sync_target(&self) -> Result<(), ClientError> {
        self.call_empty(Call::delete(&["v1", "sync", "target"]))
            .await
    }

    /// Lets the daemon of this machine hand in now what waits, and waits for the outcome.
    pub async fn sync_now(&self) -> Result<SyncStatus, ClientError> {
        self.call(Call::post(&["v1", "sync", "now"], Repeat::Safe))
            .await
    }

    /// Compares both sides, record by record where they differ.
    pub async fn sync_verify(&self) -> Result<SyncVerdict, ClientError> {
        self.call(Call::post(&["v1", "sync", "verify"], Repeat::Safe))
            .await
    }

    /// Hands in anew whatever differs.
    pub async fn sync_rebuild(&self) -> Result<SyncStatus, ClientError> {
        self.call(Call::post(&["v1", "sync", "rebuild"], Repeat::Safe))
            .await
    }
}
