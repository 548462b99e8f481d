//! Bodies of requests: JSON, said to be JSON, not too large, in time, and of the right shape. Each of these has its own
//! answer.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::connections::TooSlow;
use super::problem::ApiError;

/// The largest JSON body: a workflow document and its inputs, or a recording.
pub(super) const JSON_BYTES: usize = 8 << 20;

/// A JSON body, with its bytes.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T, pub(super) Bytes);

/// A JSON body that may be missing; then it says nothing.
#[derive(Debug)]
pub(super) struct MaySend<T>(pub(super) T);

impl<S, T> FromRequest<S> for Sent<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = read(request, JSON_BYTES).await?;
        is_json(&headers)?;
        Ok(Self(parse(&bytes)?, bytes))
    }
}

impl<S, T> FromRequest<S> for MaySend<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Default,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = read(request, JSON_BYTES).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        is_json(&headers)?;
        Ok(Self(parse(&bytes)?))
    }
}

/// The whole body, at most `limit` bytes of it.
pub(super) async fn read(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request/too-large",
            format!("the body has more than {limit} bytes"),
        )
    };
    let said = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let patience = limit.saturating_mul(4);
    if said.is_some_and(|said| said > patience as u64) {
        return Err(too_large());
    }
    let mut parts = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut count = 0_usize;
    // What is only somewhat too large is heard to its end: whoever still sends does not hear an answer.
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| broken(&error))?;
        count = count.saturating_add(part.len());
        if count > patience {
            break;
        }
        if count <= limit {
            bytes.extend_from_slice(&part);
        }
    }
    if count > limit {
        return Err(too_large());
    }
    Ok(bytes.into())
}

/// A body that did not arrive.
pub(super) fn broken(error: &axum::Error) -> ApiError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "request/too-slow",
                error.to_string(),
            );
        }
        cause = error.source();
    }
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "request/broken",
        format!("the body did not arrive: {error}"),
    )
}

/// A form of a page can send anything but this without asking first.
fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|value| value.to_str().ok());
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or(kind).trim());
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && kinds.next().is_none()
    {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "request/media-type",
        format!(
            "the body is `{}`, expected application/json",
            kind.unwrap_or("of no known type")
        ),
    )
    .hint("send `Content-Type: application/json`"))
}

/// What is no JSON is malformed; what is JSON of another shape is invalid.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            invalid(error.to_string())
        } else {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "request/malformed",
                format!("the body is no JSON: {error}"),
            )
        }
    })
}

/// A request that is understood and cannot be.
pub(super) fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "request/invalid", detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::Value;

    use super::*;

    async fn ask(headers: &[(&str, &str)], body: &str) -> Result<Value, u16> {
        let mut request = axum::http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        Sent::<Value>::from_request(request, &())
            .await
            .map(|Sent(value, _)| value)
            .map_err(|error| error.problem.status)
    }

    #[tokio::test]
    async fn each_mistake_has_its_status() {
        let json = ("content-type", "application/json");
        assert_eq!(ask(&[json], "{}").await, Ok(serde_json::json!({})));
        let charset = ("content-type", "Application/JSON; charset=utf-8");
        assert!(ask(&[charset], "1").await.is_ok());
        assert_eq!(ask(&[json], "{").await, Err(400));
        assert_eq!(ask(&[json], "").await, Err(400));
        assert_eq!(ask(&[json], "{\"a\":nan}").await, Err(400));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "",
        ] {
            assert_eq!(
                ask(&[("content-type", kind)], "{}").await,
                Err(415),
                "{kind}"
            );
        }
        assert_eq!(ask(&[], "{}").await, Err(415));
        assert_eq!(ask(&[json, json], "{}").await, Err(415), "said twice");
        let long = ("content-length", "99999999999");
        assert_eq!(ask(&[json, long], "{}").await, Err(413));
    }

    #[tokio::test]
    async fn the_limit_counts_what_comes_not_what_was_said() {
        let body = Body::from(vec![b' '; JSON_BYTES + 1]);
        let request = axum::http::Request::builder().body(body).unwrap();
        let error = read(request, JSON_BYTES).await.unwrap_err();
        assert_eq!(error.problem.status, 413);
    }

    #[tokio::test]
    async fn nothing_is_nothing_said_where_that_is_allowed() {
        let request = |body: &'static str| {
            axum::http::Request::builder()
                .body(Body::from(body))
                .unwrap()
        };
        let MaySend(value) = MaySend::<Value>::from_request(request(""), &())
            .await
            .unwrap();
        assert_eq!(value, Value::Null);
        let error = MaySend::<Value>::from_request(request("{}"), &())
            .await
            .unwrap_err();
        assert_eq!(error.problem.status, 415);
    }
}
