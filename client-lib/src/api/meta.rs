//! The server itself: what it is, which API it speaks, whether it takes work, and how to end it.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Answer of `GET /v1/meta`: the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Meta {
    /// The server's own version.
    pub version: String,
    /// The versions of the API it speaks.
    pub api: ApiRange,
    /// Whether it takes new jobs.
    pub state: ServerState,
    /// Its process.
    pub pid: u32,
    /// Since when, RFC 3339 UTC.
    pub started_at: String,
    /// Jobs being worked on.
    pub jobs_running: u32,
    /// Name and version of the renderer it uses; part of the identity of every rendered result.
    pub tool: String,
    /// Where it keeps its state.
    pub state_dir: String,
    /// Where it listens for TCP, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
}

/// Versions of the API, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ApiRange {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

impl ApiRange {
    /// The newest version both sides speak.
    pub fn shared_with(self, other: Self) -> Option<u32> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// Whether a server takes new jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It does.
    Ready,
    /// It finishes what runs and ends.
    Draining,
}

/// Body of `POST /v1/daemon/stop`; the answer is 202 without a body.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct StopDaemon {
    /// Stop now: running jobs are interrupted and go on at the next start. Without it they finish first.
    #[serde(default)]
    pub force: bool,
    /// Take jobs as before and stop as soon as nothing runs. `force` is the stronger wish.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub when_idle: bool,
}

impl Client {
    /// The handshake.
    pub async fn meta(&self) -> Result<Meta, ClientError> {
        self.call(Call::get(&["v1", "meta"])).await
    }

    /// Asks the daemon to end.
    pub async fn stop_daemon(&self, how: StopDaemon) -> Result<(), ClientError> {
        self.call_empty(Call::post(&["v1", "daemon", "stop"], Repeat::Safe).body(&how))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_shared_version_is_chosen() {
        let ours = ApiRange { min: 1, max: 3 };
        assert_eq!(ours.shared_with(ApiRange { min: 2, max: 5 }), Some(3));
        assert_eq!(ours.shared_with(ApiRange { min: 1, max: 1 }), Some(1));
        assert_eq!(ours.shared_with(ApiRange { min: 4, max: 5 }), None);
        assert_eq!(
            ApiRange { min: 4, max: 5 }.shared_with(ours),
            None,
            "the question has no direction"
        );
    }
}
