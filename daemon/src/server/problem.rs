//! Errors as they leave: RFC 9457 problems with a stable code. The request id is filled in by `envelope`.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fenta_client::api::jobs::JobState;
use fenta_client::api::problem::{PROBLEM_JSON, Problem};

use crate::runner::{LockError, SubmitError};
use crate::store::StoreError;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) problem: Box<Problem>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem {
                kind: "about:blank".to_owned(),
                title: status
                    .canonical_reason()
                    .unwrap_or("Unknown status")
                    .to_owned(),
                status: status.as_u16(),
                detail: detail.into(),
                code: code.to_owned(),
                request_id: String::new(),
                hint: None,
                diagnostics: Vec::new(),
            }),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// The error an answer made elsewhere (by the framework) amounts to.
    pub(super) fn of_status(status: StatusCode, detail: String) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "request/no-such-route",
            StatusCode::METHOD_NOT_ALLOWED => "request/method-not-allowed",
            StatusCode::PAYLOAD_TOO_LARGE => "request/too-large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "request/media-type",
            status if status.is_client_error() => "request/invalid",
            _ => "daemon/internal",
        };
        let detail = match (status, detail.is_empty()) {
            (StatusCode::NOT_FOUND, true) => "there is no such route".to_owned(),
            (StatusCode::METHOD_NOT_ALLOWED, true) => {
                "the route has other methods: see the `Allow` header".to_owned()
            }
            _ => detail,
        };
        Self::new(status, code, detail)
    }

    /// The answer, with the id that finds it in the log.
    pub(super) fn render(mut self, request_id: &str) -> Response {
        self.problem.request_id = request_id.to_owned();
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let content_type = header::HeaderValue::from_static(PROBLEM_JSON);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }
}

impl IntoResponse for ApiError {
    /// Leaves the problem with the response; `envelope` renders it.
    fn into_response(self) -> Response {
        let mut response = self.clone().render("");
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match &error {
            StoreError::UnknownJob(_) => Self::new(StatusCode::NOT_FOUND, "job/not-found", detail)
                .hint("list jobs with `fenta job ls`"),
            StoreError::UnknownSchedule(_) => {
                Self::new(StatusCode::NOT_FOUND, "schedule/not-found", detail)
                    .hint("list them with `fenta schedule ls`")
            }
            StoreError::AmbiguousSchedule { .. } => {
                Self::new(StatusCode::CONFLICT, "schedule/ambiguous", detail)
                    .hint("write more characters of its id, or its name")
            }
            StoreError::UnknownWatch(_) => {
                Self::new(StatusCode::NOT_FOUND, "watch/not-found", detail)
                    .hint("list them with `fenta watch ls`")
            }
            StoreError::AmbiguousWatch { .. } => {
                Self::new(StatusCode::CONFLICT, "watch/ambiguous", detail)
                    .hint("write more characters of its id, or its name")
            }
            StoreError::UnknownDocument { kind, .. } => {
                Self::new(StatusCode::NOT_FOUND, &format!("{kind}/not-found"), detail)
                    .hint(format!("`GET /v1/{kind}s` lists them"))
            }
            StoreError::AmbiguousDocument { kind, .. } => {
                Self::new(StatusCode::CONFLICT, &format!("{kind}/ambiguous"), detail)
                    .hint("give its id")
            }
            StoreError::AmbiguousJob { .. } => {
                Self::new(StatusCode::CONFLICT, "job/ambiguous", detail)
                    .hint("write more characters of its id")
            }
            StoreError::Transition { found, .. } => {
                let problem = Self::new(StatusCode::CONFLICT, "job/wrong-state", detail);
                if *found == JobState::NeedsAttention.as_str() {
                    problem.hint("say first what is not known: `fenta job resolve`")
                } else {
                    problem
                }
            }
            StoreError::NoBudget { .. }
            | StoreError::SeveralCalls { .. }
            | StoreError::NothingInDoubt { .. } => {
                Self::new(StatusCode::CONFLICT, "job/wrong-state", detail)
            }
            StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "daemon/closing", detail)
            }
            _ if error.is_passing() => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store/unavailable", detail)
                    .hint("free some disk space and try again")
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store/failed", detail),
        }
    }
}

impl From<LockError> for ApiError {
    fn from(error: LockError) -> Self {
        let detail = error.to_string();
        match error {
            LockError::NotCompleted { .. } => {
                Self::new(StatusCode::CONFLICT, "job/not-completed", detail)
                    .hint("let it complete: `fenta job resume` goes on with it")
            }
            LockError::Request { .. } => Self::new(StatusCode::CONFLICT, "job/outdated", detail)
                .hint("run the workflow again"),
            LockError::Store(error) => error.into(),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        let invalid = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            SubmitError::Document(found) => {
                let mut invalid = Self::new(invalid, "workflow/invalid", detail)
                    .hint("run `fenta validate` on the workflow");
                invalid.problem.diagnostics = found;
                invalid
            }
            SubmitError::Inputs(_) => Self::new(invalid, "workflow/inputs", detail),
            SubmitError::Options(error) => {
                Self::new(invalid, "request/options", detail).hint(error.hint())
            }
            SubmitError::RelativePath { .. } => Self::new(invalid, "request/relative-path", detail),
            SubmitError::Renderer(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "renderer/unavailable",
                detail,
            )
            .hint("run `fenta doctor`"),
            SubmitError::Draining => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "daemon/draining", detail)
                    .hint("try again when it has ended")
            }
            SubmitError::Store(error) => error.into(),
            SubmitError::Panicked => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "daemon/internal", detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_have_their_status_and_code() {
        let cases = [
            (StoreError::UnknownJob("x".to_owned()), 404, "job/not-found"),
            (
                StoreError::AmbiguousJob {
                    given: "0".to_owned(),
                    count: 2,
                },
                409,
                "job/ambiguous",
            ),
            (
                StoreError::Transition {
                    job: "job_1".to_owned(),
                    found: "completed".to_owned(),
                    wanted: "queued",
                },
                409,
                "job/wrong-state",
            ),
            (StoreError::Closed, 503, "daemon/closing"),
            (
                StoreError::Commit {
                    detail: "disk full".to_owned(),
                    passing: true,
                },
                503,
                "store/unavailable",
            ),
        ];
        for (error, status, code) in cases {
            let detail = error.to_string();
            let problem = ApiError::from(error).problem;
            assert_eq!((problem.status, &*problem.code), (status, code));
            assert_eq!(problem.detail, detail);
        }
    }
}
