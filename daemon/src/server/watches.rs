//! `/v1/watches`: make, list, look, remove; files, runs; pause, resume, again, explain.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use fenta_client::api::watches::{
    CreateWatch, PauseWatch, Watch, WatchAgain, WatchFileList, WatchList, WatchRunList,
    WatchVerdict,
};
use serde::Deserialize;

use super::AppState;
use super::body::{MaySend, Sent};
use super::page::Page;
use super::problem::ApiError;
use crate::components::watches::WatchError;

const RUNS: u32 = 50;
const FILES: u32 = 500;

pub(super) async fn create(
    State(state): State<AppState>,
    Sent(new, _): Sent<CreateWatch>,
) -> Result<(StatusCode, Json<Watch>), ApiError> {
    Ok((StatusCode::CREATED, Json(state.watches.create(new).await?)))
}

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<WatchList>, ApiError> {
    let items = state.watches.list().await?;
    Ok(Json(WatchList { items }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Watch>, ApiError> {
    Ok(Json(state.watches.show(&given).await?))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Watch>, ApiError> {
    Ok(Json(state.watches.remove(&given).await?))
}

pub(super) async fn files(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<WatchFileList>, ApiError> {
    let limit = page.limit(FILES)?;
    let behind = page.cursor.unwrap_or_default();
    // One more than asked tells whether there is another page.
    let mut items = state.watches.files(&given, limit + 1, &behind).await?;
    let is_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| is_more);
    Ok(Json(WatchFileList {
        next_cursor: next_cursor.map(|file| file.path.clone()),
        items,
    }))
}

pub(super) async fn runs(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<WatchRunList>, ApiError> {
    let limit = page.limit(RUNS)?;
    let (items, next_cursor) = state.watches.runs(&given, limit, page.cursor).await?;
    Ok(Json(WatchRunList { items, next_cursor }))
}

pub(super) async fn pause(
    State(state): State<AppState>,
    Path(given): Path<String>,
    MaySend(why): MaySend<PauseWatch>,
) -> Result<Json<Watch>, ApiError> {
    Ok(Json(state.watches.pause(&given, &why.reason).await?))
}

pub(super) async fn resume(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Watch>, ApiError> {
    Ok(Json(state.watches.resume(&given).await?))
}

pub(super) async fn again(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Sent(what, _): Sent<WatchAgain>,
) -> Result<Json<WatchFileList>, ApiError> {
    let items = state.watches.again(&given, &what).await?;
    Ok(Json(WatchFileList {
        items,
        next_cursor: None,
    }))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuery {
    /// An absolute path.
    path: String,
}

pub(super) async fn explain(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<WatchVerdict>, ApiError> {
    Ok(Json(state.watches.explain(&given, &query.path).await?))
}

impl From<WatchError> for ApiError {
    fn from(error: WatchError) -> Self {
        let detail = error.to_string();
        let invalid = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            WatchError::Submit(error) => error.into(),
            WatchError::Store(error) => error.into(),
            WatchError::Nothing { hint, .. } => {
                Self::new(invalid, "watch/nothing", detail).hint(hint)
            }
        }
    }
}
