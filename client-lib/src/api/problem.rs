//! Errors as they cross the wire: RFC 9457 `application/problem+json`.

pub use fenta_workflows::diagnostic::LocatedDiagnostic;
use serde::{Deserialize, Serialize};

/// The media type of an error's body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem; `about:blank` when the status says it all.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status again, so that a stored body stays readable.
    pub status: u16,
    /// What happened this time.
    #[serde(default)]
    pub detail: String,
    /// Stable word for programs, for example `job/not-found`.
    pub code: String,
    /// Finds the request in the server's log.
    #[serde(default)]
    pub request_id: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// For documents that do not compile: everything wrong with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<LocatedDiagnostic>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}
