//! Plans: what a job would do, before it is one.

pub use fenta_workflows::plan::{
    Confidence, MoneyPlan, NodePlan, Obstacle, Place, Plan, PlanStatus, PlanTotal, QuotaPlan,
    SecondsPlan, SegmentChange, SegmentPlan,
};
use serde::{Deserialize, Serialize};

use super::jobs::CreateJob;
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/workflows/plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The job that would be submitted.
    pub job: CreateJob,
    /// Whether the resolved timelines are wanted too.
    #[serde(default)]
    pub with_timelines: bool,
}

impl Client {
    /// What a job would do. Nothing is made and nothing is called; files and fonts of the machine are looked at.
    pub async fn plan(&self, request: &PlanRequest) -> Result<Plan, ClientError> {
        self.call(Call::post(&["v1", "workflows", "plan"], Repeat::Safe).body(request))
            .await
    }
}
