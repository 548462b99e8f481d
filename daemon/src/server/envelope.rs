//! What every answer has: an id that finds the request in the log, and, when it is not a success, a problem as its
//! body, whoever made it. What is read carries a tag, and is not sent again to whoever knows it.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use fenta_client::api::problem::PROBLEM_JSON;
use fenta_workflows::digest::blob_digest;

use super::Library;
use super::once::Memory;
use super::problem::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The framework's own error texts are short; more is not worth repeating.
const DETAIL_BYTES: usize = 4096;

/// Headers of an error that its problem does not replace.
const KEPT: [HeaderName; 5] = [
    header::ALLOW,
    header::CONNECTION,
    header::CONTENT_RANGE,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];

pub(super) async fn wrap(
    State(state): State<Library>,
    mut request: Request,
    next: Next,
) -> Response {
    let guard = state.activity.begin();
    let begun = std::time::Instant::now();
    let id = state.clock.fresh_id("req_");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let known =
        (method == Method::GET).then(|| request.headers().get(header::IF_NONE_MATCH).cloned());
    request.extensions_mut().insert(Memory {
        store: state.store.clone(),
        run: state.run.clone(),
    });
    let answer = next.run(request).await;
    let mut answer = into_problem(answer, &id).await;
    if let Some(known) = known {
        answer = tagged(answer, known.as_ref()).await;
    }
    let status = answer.status();
    state.activity.answered(status.as_u16(), begun.elapsed());
    tracing::debug!(request_id = %id, %method, path, status = status.as_u16(), "answered");
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    // The body may be an endless one: the request is in progress until it is dropped.
    answer.map(|body| {
        Body::new(GuardedBody {
            body,
            _guard: guard,
        })
    })
}

/// A value with the tag of its bytes; nothing but the tag for whoever has it.
async fn tagged(answer: Response, known: Option<&HeaderValue>) -> Response {
    let is_json = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    if answer.status() != StatusCode::OK || !is_json {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    // Values are made whole before they are sent: nothing is waited for here.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = format!("\"{}\"", &blob_digest(&bytes).hex()[..32]);
    let same = known.is_some_and(|known| knows(known, &tag));
    add_tag(&mut head.headers, &tag);
    let bytes = if same {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_LENGTH);
        Bytes::new()
    } else {
        bytes
    };
    Response::from_parts(head, Body::from(bytes))
}

fn add_tag(headers: &mut HeaderMap, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, value);
    }
    // It may be kept by who asked, and must be asked for again each time.
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
}

/// Whether `If-None-Match` names the tag; weak and strong are one here (RFC 9110).
pub(super) fn knows(known: &HeaderValue, tag: &str) -> bool {
    known.to_str().is_ok_and(|known| {
        known
            .split(',')
            .map(|one| one.trim().trim_start_matches("W/"))
            .any(|one| one == tag || one == "*")
    })
}

/// Set in the extensions of an answer that is for people and stays as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished;

pub(super) async fn into_problem(answer: Response, id: &str) -> Response {
    let status = answer.status();
    if answer.extensions().get::<Finished>().is_some() {
        return answer;
    }
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let kept: Vec<(HeaderName, HeaderValue)> = KEPT
        .iter()
        .filter_map(|name| Some((name.clone(), answer.headers().get(name)?.clone())))
        .collect();
    let mut problem = problem_of(answer, id).await;
    problem.headers_mut().extend(kept);
    problem
}

async fn problem_of(answer: Response, id: &str) -> Response {
    let status = answer.status();
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
    body: Body,
    _guard: super::activity::InProgress,
}

impl hyper::body::Body for GuardedBody {
    type Data = Bytes;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_as_lists_of_them() {
        let of = |text: &str| knows(&HeaderValue::from_str(text).unwrap(), "\"a\"");
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*", " \"a\" "] {
            assert!(of(known), "{known}");
        }
        for other in ["\"b\"", "a", "", "\"a", "\"ab\""] {
            assert!(!of(other), "{other}");
        }
    }
}
