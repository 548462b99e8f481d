//! `/v1/jobs`: submit, list, look, cancel, resume, resolve.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fenta_client::api::jobs::{
    CreateJob, Job, JobList, JobQuery, JobState, Lock, ResolveJob, ResumeJob,
};
use fenta_workflows::cost::Decimal;
use fenta_workflows::digest::blob_digest;

use super::body::{MaySend, Sent, invalid};
use super::problem::ApiError;
use super::{AppState, Library, artifacts, once};
use crate::store::{Accepted, AddedBudget, JobFilter, PaidVerdict, Replay};

const PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 200;

/// 202 with the job, which is on disk then.
pub(super) async fn create(
    State(state): State<AppState>,
    headers: HeaderMap,
    Sent(request, body): Sent<CreateJob>,
) -> Result<Response, ApiError> {
    submitted(&state, &headers, request, &body).await
}

/// The same for a job that a request amounts to; `asked` is what tells the request from others.
pub(super) async fn submitted(
    state: &AppState,
    headers: &HeaderMap,
    request: CreateJob,
    asked: &[u8],
) -> Result<Response, ApiError> {
    let replay = once::key(headers)?.map(|key| Replay {
        key,
        fingerprint: blob_digest(asked).to_string(),
    });
    let id = match state.runner.submit(request, replay).await? {
        Accepted::New(id) | Accepted::Known(id) => id,
        Accepted::KeyReused => return Err(once::reused()),
    };
    let job = state.store.job_with_nodes(&id).await?;
    let mut answer = (StatusCode::ACCEPTED, Json(job)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{id}")) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// Newest first; the cursor is the place of the last job that was shown.
pub(super) async fn list(
    State(state): State<Library>,
    Query(query): Query<JobQuery>,
) -> Result<Json<JobList>, ApiError> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let before = query
        .cursor
        .map(|cursor| cursor.parse().map_err(|_| artifacts::not_a_cursor(&cursor)))
        .transpose()?;
    let filter = JobFilter {
        // One more than asked tells whether there is another page.
        limit: limit + 1,
        before,
        state: query.state,
    };
    let mut records = state.store.list_jobs(filter).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records
        .last()
        .filter(|_| more)
        .map(|record| record.ordinal.to_string());
    let items = records.into_iter().map(|record| record.job).collect();
    Ok(Json(JobList { items, next_cursor }))
}

pub(super) async fn show(
    State(state): State<Library>,
    Path(given): Path<String>,
) -> Result<Json<Job>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    Ok(Json(state.store.job_with_nodes(&id).await?))
}

/// What a completed job was made with.
pub(super) async fn lock(
    State(state): State<Library>,
    Path(given): Path<String>,
) -> Result<Json<Lock>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    Ok(Json(crate::runner::lock_of(&state.store, &id).await?))
}

pub(super) async fn cancel(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Job>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    state.runner.cancel(&id).await?;
    Ok(Json(state.store.job_with_nodes(&id).await?))
}

/// What failed or was cancelled goes on from where it stopped.
pub(super) async fn retry(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Job>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    let found = state.store.job(&id).await?.job.state;
    if !matches!(found, JobState::Failed | JobState::Cancelled) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "job/wrong-state",
            format!(
                "job {id} is {}: only what failed or was cancelled is tried again",
                found.as_str()
            ),
        )
        .hint("a paused or waiting job goes on with `resume`"));
    }
    resume(State(state), Path(id), MaySend(ResumeJob::default())).await
}

/// Goes on, with more to spend where the body says so.
pub(super) async fn resume(
    State(state): State<AppState>,
    Path(given): Path<String>,
    MaySend(more): MaySend<ResumeJob>,
) -> Result<Json<Job>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    if state.store.is_imported(&id).await? {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "job/imported",
            format!("job {id} is a recording from elsewhere: it cannot go on here"),
        )
        .hint("run its workflow: `fenta job export` names it under `request`"));
    }
    state.runner.resume(&id, added(&more)?).await?;
    Ok(Json(state.store.job_with_nodes(&id).await?))
}

/// Somebody says what became of a paid call.
pub(super) async fn resolve(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Sent(verdict, _): Sent<ResolveJob>,
) -> Result<Json<Job>, ApiError> {
    let verdict = match verdict {
        ResolveJob::Paid => PaidVerdict::Paid,
        ResolveJob::NotPaid => PaidVerdict::NotPaid,
        ResolveJob::Found { remote } if !remote.trim().is_empty() => PaidVerdict::Found(remote),
        ResolveJob::Found { .. } => return Err(invalid("the name of the call is empty")),
    };
    let id = state.store.resolve_job(&given).await?;
    state.runner.resolve(&id, verdict).await?;
    Ok(Json(state.store.job_with_nodes(&id).await?))
}

/// The most that is added at once: more would be a slip.
const MOST_USD: u64 = 1_000_000;

fn added(more: &ResumeJob) -> Result<AddedBudget, ApiError> {
    let usd_micros = match &more.add_usd {
        None => 0,
        Some(text) => text
            .parse::<Decimal>()
            .ok()
            .and_then(|usd| usd.checked_mul(Decimal::from(1_000_000)))
            .map(|micros| micros.normalize())
            .filter(|micros| micros.is_integer() && *micros > Decimal::ZERO)
            .and_then(|micros| micros.to_string().parse().ok())
            .filter(|micros| *micros <= MOST_USD * 1_000_000)
            .ok_or_else(|| {
                invalid(format!(
                    "`add_usd` is `{text}`, expected dollars above 0 and up to {MOST_USD} with at most six decimals"
                ))
            })?,
    };
    Ok(AddedBudget {
        render_ms: more.add_render_seconds.unwrap_or(0).saturating_mul(1000),
        usd_micros,
        millicredits: more.add_credits.unwrap_or(0).saturating_mul(1000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_added_exactly_or_not_at_all() {
        let of = |text: &str| {
            added(&ResumeJob {
                add_usd: Some(text.to_owned()),
                ..ResumeJob::default()
            })
        };
        for (text, micros) in [
            ("0.5", 500_000),
            ("2", 2_000_000),
            ("0.000001", 1),
            ("1.20", 1_200_000),
        ] {
            assert_eq!(of(text).unwrap().usd_micros, micros, "{text}");
        }
        for wrong in ["", "0", "-1", "0.0000001", "1e3x", "$1", "2000000"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
