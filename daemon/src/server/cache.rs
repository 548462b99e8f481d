//! `/v1/cache`: what it holds, checking, clearing, pins.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use fenta_client::api::cache::{
    CacheCollected, CacheEntryDetail, CacheList, CachePins, CacheQuery, CacheUsage, CacheVerified,
    CollectCache, PinCache, VerifyCache,
};
use serde::de::DeserializeOwned;

use super::AppState;
use super::problem::ApiError;
use crate::cache::CacheError;

pub(super) async fn usage(State(state): State<AppState>) -> Result<Json<CacheUsage>, ApiError> {
    Ok(Json(state.cache.usage().await?))
}

pub(super) async fn entries(
    State(state): State<AppState>,
    Query(query): Query<CacheQuery>,
) -> Result<Json<CacheList>, ApiError> {
    Ok(Json(state.cache.entries(query).await?))
}

pub(super) async fn entry(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<CacheEntryDetail>, ApiError> {
    Ok(Json(state.cache.entry(&given).await?))
}

/// One part; the answer says where the next one begins.
pub(super) async fn verify(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<CacheVerified>, ApiError> {
    let part: VerifyCache = read(&body)?;
    Ok(Json(state.cache.verify(part).await?))
}

pub(super) async fn collect(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<CacheCollected>, ApiError> {
    let how: CollectCache = read(&body)?;
    Ok(Json(state.cache.collect(how).await?))
}

pub(super) async fn pins(State(state): State<AppState>) -> Result<Json<CachePins>, ApiError> {
    Ok(Json(state.cache.pins().await?))
}

pub(super) async fn pin(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<CachePins>, ApiError> {
    let pin: PinCache = read(&body)?;
    Ok(Json(state.cache.pin(&pin.target).await?))
}

pub(super) async fn unpin(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<CachePins>, ApiError> {
    let pin: PinCache = read(&body)?;
    Ok(Json(state.cache.unpin(&pin.target).await?))
}

/// An empty body is an empty object.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request/invalid",
            error.to_string(),
        )
    })
}

impl From<CacheError> for ApiError {
    fn from(error: CacheError) -> Self {
        let detail = error.to_string();
        match error {
            CacheError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "cache/not-found", detail)
                .hint("`fenta cache ls` lists results"),
            CacheError::Ambiguous { .. } => {
                Self::new(StatusCode::CONFLICT, "cache/ambiguous", detail)
                    .hint("write more characters of its digest")
            }
            CacheError::Store(error) => error.into(),
        }
    }
}
