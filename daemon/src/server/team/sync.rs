//! `/v1/sync` of a team server: what devices hand in. A device is its credential; no request names one.

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use fenta_client::api::sync::{
    DigestQuery, MOST_RECORDS, RangeDigest, Rewind, SyncBatch, SyncDevices, SyncState,
};
use fenta_client::api::workspaces::of_path;
use fenta_workflows::digest::Digest;

use super::{absent, files, invalid, read};
use crate::server::problem::ApiError;
use crate::team::Team;
use crate::team::rights::Caller;

/// The device of a credential. `guard` lets nobody in here without one.
fn device(caller: &Caller) -> Result<&str, ApiError> {
    caller.device.as_deref().ok_or_else(|| absent("device"))
}

pub(super) async fn records(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<SyncState>, ApiError> {
    let batch: SyncBatch = read(&body)?;
    if batch.records.len() > MOST_RECORDS {
        return Err(invalid(format!(
            "{} records; at most {MOST_RECORDS} at a time",
            batch.records.len()
        )));
    }
    let tenant = team.tenants.get(&caller.org).await?;
    let state = tenant.state.store.receive(device(&caller)?, batch).await?;
    team.metrics.count("sync_batches");
    Ok(Json(state))
}

pub(super) async fn state(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SyncState>, ApiError> {
    let tenant = team.tenants.get(&caller.org).await?;
    Ok(Json(
        tenant.state.store.received_state(device(&caller)?).await?,
    ))
}

pub(super) async fn digest(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Query(range): Query<DigestQuery>,
) -> Result<Json<RangeDigest>, ApiError> {
    if range.from == 0 || range.to < range.from || range.to > u64::MAX >> 1 {
        return Err(invalid("a range goes from 1 on upwards"));
    }
    let tenant = team.tenants.get(&caller.org).await?;
    Ok(Json(
        tenant
            .state
            .store
            .received_digest(device(&caller)?, range)
            .await?,
    ))
}

pub(super) async fn rewind(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<SyncState>, ApiError> {
    let wanted: Rewind = read(&body)?;
    if wanted.from == 0 || wanted.from > u64::MAX >> 1 {
        return Err(invalid("records are numbered from 1"));
    }
    let tenant = team.tenants.get(&caller.org).await?;
    Ok(Json(
        tenant
            .state
            .store
            .rewind(device(&caller)?, wanted.from)
            .await?,
    ))
}

pub(super) async fn devices(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SyncDevices>, ApiError> {
    let tenant = team.tenants.get(&caller.org).await?;
    Ok(Json(tenant.state.store.received_devices().await?))
}

/// The blob, where a record of this device names it: a credential takes in nothing else.
async fn own_file(team: &Team, caller: &Caller, name: &str) -> Result<Digest, ApiError> {
    let digest = of_path(name).ok_or_else(|| absent("file"))?;
    let tenant = team.tenants.get(&caller.org).await?;
    match tenant
        .state
        .store
        .is_file_of(device(caller)?, &digest.to_string())
        .await?
    {
        true => Ok(digest),
        false => Err(absent("file")),
    }
}

pub(super) async fn has_file(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let digest = own_file(&team, &caller, &name).await?;
    let cas = team.tenants.get(&caller.org).await?.cas.clone();
    let there = tokio::task::spawn_blocking(move || cas.contains(&digest)).await;
    match there.unwrap_or(false) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(absent("file")),
    }
}

pub(super) async fn put_file(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let digest = own_file(&team, &caller, &name).await?;
    files::take(&team, &caller, digest, request.into_body()).await
}
