//! `/v1/schedules`: make, list, look, remove; next times and runs; pause, resume, trigger, backfill.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use fenta_client::api::schedules::{
    Backfill, CreateSchedules, PauseSchedule, Schedule, ScheduleList, ScheduleRun, ScheduleRunList,
    ScheduledTimes,
};
use serde::Deserialize;

use super::AppState;
use super::body::{MaySend, Sent};
use super::page::Page;
use super::problem::ApiError;
use crate::components::schedules::ScheduleError;

const TIMES: u32 = 10;
const RUNS: u32 = 50;

pub(super) async fn create(
    State(state): State<AppState>,
    Sent(new, _): Sent<CreateSchedules>,
) -> Result<(StatusCode, Json<ScheduleList>), ApiError> {
    let items = state.schedules.create(new).await?;
    Ok((StatusCode::CREATED, Json(ScheduleList { items })))
}

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<ScheduleList>, ApiError> {
    let items = state.schedules.list().await?;
    Ok(Json(ScheduleList { items }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(state.schedules.show(&given).await?))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(state.schedules.remove(&given).await?))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NextQuery {
    /// At most so many.
    count: Option<u32>,
}

pub(super) async fn next(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Query(query): Query<NextQuery>,
) -> Result<Json<ScheduledTimes>, ApiError> {
    let count = query.count.unwrap_or(TIMES);
    let items = state.schedules.next(&given, count).await?;
    Ok(Json(ScheduledTimes { items }))
}

pub(super) async fn runs(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<ScheduleRunList>, ApiError> {
    let limit = page.limit(RUNS)?;
    let before: Option<jiff::Timestamp> = page.cursor_as()?;
    // One more than asked tells whether there is another page.
    let mut items = state.schedules.runs(&given, limit + 1, before).await?;
    let is_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| is_more);
    Ok(Json(ScheduleRunList {
        next_cursor: next_cursor.map(|run| run.due_at.clone()),
        items,
    }))
}

pub(super) async fn pause(
    State(state): State<AppState>,
    Path(given): Path<String>,
    MaySend(why): MaySend<PauseSchedule>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(state.schedules.pause(&given, &why.reason).await?))
}

pub(super) async fn resume(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Schedule>, ApiError> {
    Ok(Json(state.schedules.resume(&given).await?))
}

pub(super) async fn trigger(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<(StatusCode, Json<ScheduleRun>), ApiError> {
    let run = state.schedules.trigger(&given).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

pub(super) async fn backfill(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Sent(days, _): Sent<Backfill>,
) -> Result<Json<ScheduledTimes>, ApiError> {
    let items = state.schedules.backfill(&given, &days).await?;
    Ok(Json(ScheduledTimes { items }))
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        let detail = error.to_string();
        let invalid = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            ScheduleError::Submit(error) => error.into(),
            ScheduleError::Store(error) => error.into(),
            ScheduleError::Rule(rule) => {
                Self::new(invalid, "schedule/rule", detail).hint(rule.hint)
            }
            ScheduleError::Nothing { hint, .. } => {
                Self::new(invalid, "schedule/nothing", detail).hint(hint)
            }
        }
    }
}
