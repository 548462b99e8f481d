//! `POST /v1/daemon/stop`.

use axum::extract::State;
use axum::http::StatusCode;
use fenta_client::api::meta::StopDaemon;

use super::body::MaySend;
use super::{AppState, StopRequest};

/// 202: it will end, when what runs is finished or at once. An empty body asks for the former.
pub(super) async fn stop(
    State(state): State<AppState>,
    MaySend(wanted): MaySend<StopDaemon>,
) -> StatusCode {
    let request = if wanted.force {
        StopRequest::Now
    } else if wanted.when_idle {
        StopRequest::WhenIdle
    } else {
        StopRequest::Drain
    };
    // The stronger wish counts, in whichever order they come.
    state.stop.send_modify(|known| *known = request.max(*known));
    StatusCode::ACCEPTED
}
