//! What every answer has: an id that finds the request in the log, and, when it is not a success, a problem as its
//! body, whoever made it.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use fenta_client::api::problem::PROBLEM_JSON;

use super::Library;
use super::problem::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The framework's own error texts are short; more is not worth repeating.
const DETAIL_BYTES: usize = 4096;

pub(super) async fn wrap(State(state): State<Library>, request: Request, next: Next) -> Response {
    let guard = state.activity.begin();
    let id = state.clock.fresh_id("req_");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = next.run(request).await;
    let mut answer = into_problem(answer, &id).await;
    tracing::debug!(request_id = %id, %method, path, status = answer.status().as_u16(), "answered");
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    // The body may be an endless one: the request is in progress until it is dropped.
    answer.map(|body| {
        axum::body::Body::new(GuardedBody {
            body,
            _guard: guard,
        })
    })
}

async fn into_problem(answer: Response, id: &str) -> Response {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    if let Some(error) = answer.extensions().get::<ApiError>() {
        if status.is_server_error() {
            tracing::error!(request_id = id, detail = error.problem.detail, "failed");
        }
        return error.clone().render(id);
    }
    let is_problem = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem {
        return answer;
    }
    let bytes = to_bytes(answer.into_body(), DETAIL_BYTES).await;
    let detail = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    ApiError::of_status(status, detail).render(id)
}

/// A body that keeps its request in progress.
struct GuardedBody {
    body: axum::body::Body,
    _guard: super::activity::InProgress,
}

impl hyper::body::Body for GuardedBody {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
