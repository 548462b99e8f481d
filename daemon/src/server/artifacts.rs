//! `/v1/jobs/{id}/artifacts` and `/v1/jobs/{id}/logs`: what a job left behind, as files and as a log to read at leisure.

use std::path::{Path as FilePath, PathBuf};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fenta_client::api::jobs::{Artifact, ArtifactList, Job, JobLog, OutputValue, PageQuery};

use super::Library;
use super::content::{self, About};
use super::problem::ApiError;
use crate::executors::is_below;

/// Events on a page.
const PAGE: u32 = 200;
const LARGEST_PAGE: u32 = 1000;

pub(super) async fn logs(
    State(state): State<Library>,
    Path(given): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<JobLog>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    let after = match page.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| not_a_cursor(&cursor))?,
    };
    let limit = page.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let items = state.store.events_after(&id, after, limit).await?;
    let full = items.len() == limit as usize;
    let next_cursor = items
        .last()
        .filter(|_| full)
        .map(|event| event.seq.to_string());
    Ok(Json(JobLog { items, next_cursor }))
}

/// A cursor that no list gave.
pub(super) fn not_a_cursor(cursor: &str) -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "request/invalid",
        format!("`{cursor}` is not a cursor of this list"),
    )
}

pub(super) async fn list(
    State(state): State<Library>,
    Path(given): Path<String>,
) -> Result<Json<ArtifactList>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    let job = state.store.job_with_nodes(&id).await?;
    Ok(Json(ArtifactList {
        items: of(&job, &state.confined_to),
    }))
}

pub(super) async fn show(
    State(state): State<Library>,
    Path((given, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    let job = state.store.job_with_nodes(&id).await?;
    let found = of(&job, &state.confined_to)
        .into_iter()
        .find(|found| found.name == name);
    let Some(artifact) = found else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "artifact/not-found",
            format!("job {id} has no file `{name}`"),
        )
        .hint(format!("`GET /v1/jobs/{id}/artifacts` lists its files")));
    };
    let about = About {
        name: &artifact.file,
        kind: &artifact.media_type,
        tag: None,
    };
    content::file(FilePath::new(&artifact.path), about, &headers).await
}

/// The outputs of a job that are files which are there, in places that documents may name. A job that came from elsewhere has
/// none here.
fn of(job: &Job, roots: &[PathBuf]) -> Vec<Artifact> {
    let artifact = |id: &str, name: String, path: &str| {
        // An output is any text the document likes: on a server it must not be another's file.
        let fine = roots.is_empty() || roots.iter().any(|root| is_below(root, FilePath::new(path)));
        fine.then(|| artifact(id, name, path)).flatten()
    };
    let mut found = Vec::new();
    for (name, value) in &job.outputs {
        match value {
            OutputValue::Text(path) => found.extend(artifact(&job.id, name.clone(), path)),
            OutputValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let OutputValue::Text(path) = item {
                        found.extend(artifact(&job.id, format!("{name}[{index}]"), path));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn artifact(job: &str, name: String, path: &str) -> Option<Artifact> {
    let place = FilePath::new(path);
    let file = place.file_name()?.to_str()?.to_owned();
    let metadata = place
        .is_absolute()
        .then(|| std::fs::metadata(place).ok())
        .flatten()
        .filter(std::fs::Metadata::is_file)?;
    Some(Artifact {
        url: format!("/v1/jobs/{job}/artifacts/{name}"),
        media_type: content::kind_of(&file).to_owned(),
        bytes: metadata.len(),
        path: path.to_owned(),
        file,
        name,
    })
}
