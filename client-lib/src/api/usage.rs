//! Usage: what was used, of which meter, and what it cost. Amounts are decimal texts, never binary floating point.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client};

/// What rows of usage are put together by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// Days of the user's calendar.
    #[default]
    Day,
    /// Workflows.
    Workflow,
    /// Nodes of workflows.
    Node,
    /// Meters alone.
    Meter,
    /// Jobs.
    Job,
}

impl UsageBy {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Workflow => "workflow",
            Self::Node => "node",
            Self::Meter => "meter",
            Self::Job => "job",
        }
    }
}

/// Query of `GET /v1/usage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// What rows are put together by.
    #[serde(default)]
    pub by: UsageBy,
    /// From this day on, `YYYY-MM-DD`.
    #[serde(default)]
    pub since: Option<String>,
    /// Up to this day, which is included.
    #[serde(default)]
    pub until: Option<String>,
    /// Only of this job: id, unique prefix or `latest`.
    #[serde(default)]
    pub job: Option<String>,
}

/// A sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UsageRow {
    /// The day, workflow, `workflow/node` or job; empty by meter.
    pub group: String,
    /// What is counted, for example `render_seconds`.
    pub meter: String,
    /// What was used.
    pub settled: String,
    /// What was set aside, used or not.
    pub reserved: String,
    /// What was set aside and not used.
    pub released: String,
    /// What is set aside now.
    pub open: String,
    /// What the used amount cost, US dollars; absent where nobody knows a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Where prices are from: source and day of the oldest.
    pub price_source: String,
    /// The day of the oldest price, `YYYY-MM-DD`.
    pub price_as_of: String,
}

/// Answer of `GET /v1/usage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// The sums, by group, then by meter.
    pub items: Vec<UsageRow>,
    /// What everything cost, US dollars.
    pub total_usd: String,
    /// Whether there were calls besides of which nobody knows the price.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpriced: bool,
    /// Whether everything that was ever reserved is settled, released or still set aside for open work.
    pub balanced: bool,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UsageEvent {
    /// Its place.
    pub seq: u64,
    /// When, RFC 3339 UTC.
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
    pub node: String,
    /// What is counted.
    pub meter: String,
    /// How much.
    pub amount: String,
    /// What it costs, US dollars; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Where the price is from.
    pub price_source: String,
    /// Of which day it is.
    pub price_as_of: String,
}

/// Answer of `GET /v1/usage/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UsageEvents {
    /// Rows, oldest first.
    pub items: Vec<UsageEvent>,
}

impl Client {
    /// What was used, put together.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Usage, ClientError> {
        self.call(with(Call::get(&["v1", "usage"]), query)).await
    }

    /// Every row of the ledger.
    pub async fn usage_events(&self, query: &UsageQuery) -> Result<UsageEvents, ClientError> {
        self.call(with(Call::get(&["v1", "usage", "events"]), query))
            .await
    }
}

fn with<'a>(call: Call<'a>, query: &UsageQuery) -> Call<'a> {
    call.query("by", Some(query.by.as_str().to_owned()))
        .query("since", query.since.clone())
        .query("until", query.until.clone())
        .query("job", query.job.clone())
}
