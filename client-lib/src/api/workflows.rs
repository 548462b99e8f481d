//! Documents that live on the server: workflows to run again and again, and templates. And the questions about a document
//! that is not a job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::jobs::{Job, PageQuery, RunOptions};
use crate::api::plan::{Obstacle, Plan, PlanTotal};
use crate::api::problem::LocatedDiagnostic;
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/workflows`, `PUT /v1/workflows/{id}` and their likes for templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteDocument {
    /// The whole document.
    pub text: String,
    /// What it is called; what the document calls itself where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version that is replaced: when somebody else wrote since, nothing is done. Only for `PUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// A document, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DocumentInfo {
    /// `wf_` or `tpl_` and a UUIDv7; the name for a template that ships.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How often it was written; 0 for what ships.
    pub version: u32,
    /// When it came, RFC 3339 UTC; empty for what ships.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// When it was last written, RFC 3339 UTC; empty for what ships.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated_at: String,
}

/// A document with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Document {
    /// What is known of it.
    #[serde(flatten)]
    pub info: DocumentInfo,
    /// The whole of it.
    pub text: String,
    /// For templates of yours: what workflows write as their `template`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Answer of `GET /v1/workflows` and `GET /v1/templates`: the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DocumentList {
    /// This page.
    pub items: Vec<DocumentInfo>,
    /// Where the next page begins; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Body of `POST /v1/workflows/{id}/run`, `/plan` and `/estimate`; may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunWorkflow {
    /// Values of its inputs, as typed on the command line.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Absolute folder that relative paths refer to and where results go; a folder of the workflow's own where it is
    /// missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// What of it to run, and what the cache may answer.
    #[serde(skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
}

/// Body of `POST /v1/workflows/validate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateDocument {
    /// The whole document.
    pub text: String,
    /// What diagnostics call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Answer of `POST /v1/workflows/validate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Validation {
    /// Whether it could be a job.
    pub valid: bool,
    /// Everything that is wrong with it, and what to beware of.
    pub diagnostics: Vec<LocatedDiagnostic>,
}

/// Answer of `POST /v1/workflows/{id}/estimate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Estimate {
    /// Money, time and what is counted, of all nodes together.
    pub total: PlanTotal,
    /// What stands in the way, for example a budget that would not be enough.
    #[serde(default)]
    pub obstacles: Vec<Obstacle>,
}

impl Client {
    /// Keeps a workflow on the server.
    pub async fn create_workflow(&self, new: &WriteDocument) -> Result<Document, ClientError> {
        self.call(Call::post(&["v1", "workflows"], Repeat::Safe).body(new))
            .await
    }

    /// A page of the workflows on the server.
    pub async fn workflows(&self, page: &PageQuery) -> Result<DocumentList, ClientError> {
        let call = Call::get(&["v1", "workflows"])
            .query("limit", page.limit.map(|limit| limit.to_string()))
            .query("cursor", page.cursor.clone());
        self.call(call).await
    }

    /// One workflow of the server.
    pub async fn workflow(&self, id: &str) -> Result<Document, ClientError> {
        self.call(Call::get(&["v1", "workflows", id])).await
    }

    /// Runs a workflow of the server.
    pub async fn run_workflow(&self, id: &str, how: &RunWorkflow) -> Result<Job, ClientError> {
        let path = ["v1", "workflows", id, "run"];
        self.call(Call::post(&path, Repeat::Safe).body(how)).await
    }

    /// What running it would do.
    pub async fn plan_workflow(&self, id: &str, how: &RunWorkflow) -> Result<Plan, ClientError> {
        let path = ["v1", "workflows", id, "plan"];
        self.call(Call::post(&path, Repeat::Safe).body(how)).await
    }

    /// What running it would cost.
    pub async fn estimate_workflow(
        &self,
        id: &str,
        how: &RunWorkflow,
    ) -> Result<Estimate, ClientError> {
        let path = ["v1", "workflows", id, "estimate"];
        self.call(Call::post(&path, Repeat::Safe).body(how)).await
    }

    /// Everything that is wrong with a document.
    pub async fn validate(&self, document: &ValidateDocument) -> Result<Validation, ClientError> {
        let path = ["v1", "workflows", "validate"];
        self.call(Call::post(&path, Repeat::Safe).body(document))
            .await
    }

    /// Templates: those that ship, and those of the server.
    pub async fn templates(&self, page: &PageQuery) -> Result<DocumentList, ClientError> {
        let call = Call::get(&["v1", "templates"])
            .query("limit", page.limit.map(|limit| limit.to_string()))
            .query("cursor", page.cursor.clone());
        self.call(call).await
    }

    /// One template by name.
    pub async fn template(&self, name: &str) -> Result<Document, ClientError> {
        self.call(Call::get(&["v1", "templates", name])).await
    }
}
