//! `POST /v1/daemon/stop`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use fenta_client::api::meta::StopDaemon;

use super::problem::ApiError;
use super::{AppState, StopRequest};

/// 202: it will end, when what runs is finished or at once. An empty body asks for the former.
pub(super) async fn stop(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let wanted: StopDaemon = if body.is_empty() {
        StopDaemon::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "request/invalid",
                error.to_string(),
            )
        })?
    };
    let request = if wanted.force {
        StopRequest::Now
    } else if wanted.when_idle {
        StopRequest::WhenIdle
    } else {
        StopRequest::Drain
    };
    // The stronger wish counts, in whichever order they come.
    state.stop.send_modify(|known| *known = request.max(*known));
    Ok(StatusCode::ACCEPTED)
}
