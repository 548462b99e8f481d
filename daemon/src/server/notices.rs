//! `/v1/notices`: what was told of the runs of schedules and watches, and whether it arrived.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use fenta_client::api::notices::NoticeList;
use serde::Deserialize;

use super::AppState;
use super::problem::ApiError;

const NOTICES: u32 = 50;
const MOST: u32 = 500;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeQuery {
    /// The whole id of a schedule or watch; all where it is missing.
    #[serde(default)]
    of: String,
    /// At most so many.
    limit: Option<u32>,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<NoticeQuery>,
) -> Result<Json<NoticeList>, ApiError> {
    let limit = query.limit.unwrap_or(NOTICES);
    if !(1..=MOST).contains(&limit) {
        let message = format!("`limit` is {limit}, and a list has 1 to {MOST} items");
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "request/invalid",
            message,
        ));
    }
    let items = state.notices.list(&query.of, limit).await?;
    Ok(Json(NoticeList { items }))
}
