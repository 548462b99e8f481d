//! `/v1/providers`: who can be asked from here.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fenta_client::api::providers::{FoundServer, ProviderList, ProviderTest};

use super::AppState;
use super::problem::ApiError;

pub(super) async fn list(State(state): State<AppState>) -> Json<ProviderList> {
    Json(state.providers.list())
}

pub(super) async fn test(
    State(state): State<AppState>,
    Path(vendor): Path<String>,
) -> Result<Json<ProviderTest>, ApiError> {
    let tested = state.providers.test(&vendor).await;
    tested.map(Json).ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "provider/not-found",
            format!("there is no provider `{vendor}`"),
        )
        .hint("`fenta providers` lists them")
    })
}

pub(super) async fn detect(State(state): State<AppState>) -> Json<Vec<FoundServer>> {
    Json(state.providers.detect().await)
}
