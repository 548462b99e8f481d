//! `GET /v1/meta` and `GET /v1/health`: who is there, and does it work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fenta_client::api::meta::{ApiRange, Meta, ServerState};

use super::AppState;
use super::problem::ApiError;

/// The versions of the API this daemon speaks.
const API: ApiRange = ApiRange { min: 1, max: 1 };

pub(super) async fn show(State(state): State<AppState>) -> Json<Meta> {
    let status = *state.runner.status().borrow();
    // Without a renderer the daemon still answers; it says so here and refuses jobs.
    let tool = match state.renderer.tool().await {
        Ok(tool) => tool.to_string(),
        Err(error) => format!("unavailable: {error}"),
    };
    Json(Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API,
        state: if status.draining {
            ServerState::Draining
        } else {
            ServerState::Ready
        },
        pid: std::process::id(),
        started_at: state.started_at.clone(),
        jobs_running: u32::try_from(status.active).unwrap_or(u32::MAX),
        tool,
        state_dir: state.state_dir.to_string_lossy().into_owned(),
        listen: state.listen.map(|address| address.to_string()),
    })
}

/// 204 when the store answers and there is a renderer.
pub(super) async fn health(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    state.store.open_jobs().await?;
    match state.renderer.tool().await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "renderer/unavailable",
            error.to_string(),
        )
        .hint("run `fenta doctor`")),
    }
}
