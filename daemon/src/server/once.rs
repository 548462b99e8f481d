//! What an Idempotency-Key promises, for every route that makes something: it is made once, however often the request
//! comes. The same key with the same body gets the first answer again.
//!
//! Jobs keep this promise in the store, where the key and the job are one transaction; for everything else the key is
//! written down before the handler begins. What a daemon that died left in progress is not done again on a guess.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fenta_workflows::digest::blob_digest;

use super::access::Caller;
use super::body;
use super::problem::ApiError;
use crate::store::{Begun, GivenAnswer, Once, Store};

/// The longest key.
pub(super) const KEY_BYTES: usize = 255;

/// The largest answer that is kept.
const ANSWER_BYTES: usize = 16 << 20;

/// The largest body of a request that is done once.
const REQUEST_BYTES: usize = 64 << 20;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Headers that belong to an answer.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Who remembers, and as which daemon; `envelope` puts it beside each request.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) store: Store,
    pub(super) run: String,
}

/// The key of a request; none where it has none.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= KEY_BYTES)
        .filter(|_| given.next().is_none());
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "request/invalid",
            format!("the Idempotency-Key must be one of 1 to {KEY_BYTES} visible characters"),
        )),
    }
}

/// The key was used for another request.
pub(super) fn reused() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "request/idempotency-key-reused",
        "this Idempotency-Key was used for another request",
    )
    .hint("use a fresh key for every new request")
}

/// Lets a request through once.
pub(super) async fn only(request: Request, next: Next) -> Response {
    match one(request, next).await {
        Ok(answer) => answer,
        Err(error) => error.into_response(),
    }
}

async fn one(request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(key) = key(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let known = request.extensions().get::<Memory>().cloned();
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(memory), Some(caller)) = (known, caller) else {
        return Ok(next.run(request).await);
    };
    let (head, body) = request.into_parts();
    let bytes = body::read(Request::from_parts(head.clone(), body), REQUEST_BYTES).await?;
    let mut seen = format!("{} {}\n", head.method, head.uri).into_bytes();
    seen.extend_from_slice(&bytes);
    let once = Once {
        account: caller.account().to_owned(),
        key,
        fingerprint: blob_digest(&seen).to_string(),
        run: memory.run,
    };
    match memory.store.begin_once(once.clone()).await? {
        Begun::New => {}
        Begun::Answered(answer) => return Ok(again(answer)),
        Begun::Other => return Err(reused()),
        Begun::InProgress => {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "request/in-progress",
                "the first request with this Idempotency-Key is still in progress",
            )
            .hint("wait a moment and send it again"));
        }
        Begun::Unknown => {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "request/outcome-unknown",
                "the daemon ended while it did this, and does not know how far it came",
            )
            .hint("look whether it was made; if not, send it with a fresh key"));
        }
    }
    // A client that goes away must not leave its request in progress for ever: it is done to its end all the same.
    let store = memory.store.clone();
    let request = Request::from_parts(head, Body::from(bytes));
    let begun = once.clone();
    let done = tokio::spawn(async move { ended(&store, begun, next.run(request).await).await });
    match done.await {
        Ok(answer) => answer,
        Err(_) => {
            memory.store.end_once(once, None).await?;
            Err(ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "daemon/internal",
                "the request ended unexpectedly",
            ))
        }
    }
}

/// Keeps a good answer; whatever was not done may be asked for again.
async fn ended(store: &Store, once: Once, answer: Response) -> Result<Response, ApiError> {
    if !answer.status().is_success() {
        store.end_once(once, None).await?;
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES).await.map_err(|error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "daemon/internal",
            error.to_string(),
        )
    })?;
    let kept = KEPT.iter().filter_map(|name| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    });
    let given = GivenAnswer {
        status: head.status.as_u16(),
        headers: kept.collect(),
        body: bytes.to_vec(),
    };
    store.end_once(once, Some(given)).await?;
    Ok(Response::from_parts(head, Body::from(bytes)))
}

fn again(answer: GivenAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
