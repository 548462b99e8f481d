//! `/v1/cache`: what it holds, checking, clearing, pins.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use fenta_client::api::cache::{
    CacheCollected, CacheEntryDetail, CacheList, CachePins, CacheQuery, CacheUsage, CacheVerified,
    CollectCache, PinCache, VerifyCache,
};

use super::AppState;
use super::body::{MaySend, Sent};
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
    MaySend(part): MaySend<VerifyCache>,
) -> Result<Json<CacheVerified>, ApiError> {
    Ok(Json(state.cache.verify(part).await?))
}

pub(super) async fn collect(
    State(state): State<AppState>,
    MaySend(how): MaySend<CollectCache>,
) -> Result<Json<CacheCollected>, ApiError> {
    Ok(Json(state.cache.collect(how).await?))
}

pub(super) async fn pins(State(state): State<AppState>) -> Result<Json<CachePins>, ApiError> {
    Ok(Json(state.cache.pins().await?))
}

pub(super) async fn pin(
    State(state): State<AppState>,
    Sent(pin, _): Sent<PinCache>,
) -> Result<Json<CachePins>, ApiError> {
    Ok(Json(state.cache.pin(&pin.target).await?))
}

pub(super) async fn unpin(
    State(state): State<AppState>,
    Sent(pin, _): Sent<PinCache>,
) -> Result<Json<CachePins>, ApiError> {
    Ok(Json(state.cache.unpin(&pin.target).await?))
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
