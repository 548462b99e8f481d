//! `/v1/workflows`: questions about documents that are no jobs.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use fenta_client::api::plan::{Plan, PlanRequest};

use super::AppState;
use super::problem::ApiError;

/// What a job would do. Nothing is made, nothing is written down.
pub(super) async fn plan(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<Plan>, ApiError> {
    let request: PlanRequest = serde_json::from_slice(&body).map_err(|error| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request/invalid",
            error.to_string(),
        )
    })?;
    Ok(Json(state.runner.plan(request).await?))
}
