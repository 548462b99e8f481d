//! `/v1/sync` of the daemon of this machine: where it hands in what it did, and how far it is.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use fenta_client::api::sync::{SyncStatus, SyncTarget, SyncVerdict};
use fenta_client::{ClientError, ErrorKind};

use super::AppState;
use super::problem::ApiError;
use crate::components::sync::SyncError;

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        let (status, code) = match &error {
            SyncError::Off => (StatusCode::CONFLICT, "sync/off"),
            SyncError::NoCredential(_) | SyncError::Keys(_) => {
                (StatusCode::CONFLICT, "sync/no-credential")
            }
            SyncError::Client(error) => of_client(error),
            SyncError::Stuck(_) => (StatusCode::BAD_GATEWAY, "sync/stuck"),
            SyncError::SetBack { .. } => (StatusCode::CONFLICT, "sync/set-back"),
            SyncError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store/unavailable"),
        };
        let (detail, hint) = (error.to_string(), error.hint());
        let problem = Self::new(status, code, detail);
        match hint.is_empty() {
            true => problem,
            false => problem.hint(hint),
        }
    }
}

fn of_client(error: &ClientError) -> (StatusCode, &'static str) {
    match error.kind() {
        ErrorKind::Auth => (StatusCode::CONFLICT, "sync/login-ended"),
        _ => (StatusCode::BAD_GATEWAY, "sync/server"),
    }
}

pub(super) async fn status(State(state): State<AppState>) -> Result<Json<SyncStatus>, ApiError> {
    Ok(Json(state.sync.status().await?))
}

pub(super) async fn start(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<SyncStatus>, ApiError> {
    let target: SyncTarget = serde_json::from_slice(&body).map_err(|error| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request/invalid",
            error.to_string(),
        )
    })?;
    Ok(Json(state.sync.start(target).await?))
}

pub(super) async fn stop(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    state.sync.stop().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn now(State(state): State<AppState>) -> Result<Json<SyncStatus>, ApiError> {
    Ok(Json(state.sync.now().await?))
}

pub(super) async fn verify(State(state): State<AppState>) -> Result<Json<SyncVerdict>, ApiError> {
    Ok(Json(state.sync.verify().await?))
}

pub(super) async fn rebuild(State(state): State<AppState>) -> Result<Json<SyncStatus>, ApiError> {
    Ok(Json(state.sync.rebuild().await?))
}
