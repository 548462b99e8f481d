//! Notices: what was told of the runs of schedules and watches, to whom, and whether it arrived.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client};

/// Where a notice goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeChannel {
    /// An address of the user's.
    Webhook,
    /// The desktop of this machine.
    Desktop,
}

impl NoticeChannel {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Desktop => "desktop",
        }
    }
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// It is to be told, or to be told again.
    Waiting,
    /// It arrived.
    Told,
    /// Nobody took it, however often it was tried.
    GivenUp,
}

impl NoticeState {
    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::GivenUp => "given_up",
        }
    }
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// `msg_` and a UUIDv7; the `webhook-id` of every try.
    pub id: String,
    /// The schedule or watch.
    pub of: String,
    /// What happened, for example `schedule.run.failed`.
    pub event: String,
    /// Where it goes.
    pub channel: NoticeChannel,
    /// Where it stands.
    pub state: NoticeState,
    /// How often it was tried.
    pub tries: u32,
    /// What came of the last try; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When it happened, RFC 3339 UTC.
    pub created_at: String,
    /// When it is tried next, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}

/// Notices, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoticeList {
    /// This page.
    pub items: Vec<Notice>,
}

impl Client {
    /// The newest notices of a schedule or watch, by its whole id.
    pub async fn notices(&self, of: &str, limit: u32) -> Result<NoticeList, ClientError> {
        let call = Call::get(&["v1", "notices"]);
        self.call(
            call.query("of", Some(of.to_owned()))
                .query("limit", Some(limit.to_string())),
        )
        .await
    }
}
