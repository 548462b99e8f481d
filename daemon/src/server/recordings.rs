//! `GET /v1/jobs/{id}/recording` and `POST /v1/recordings`: a job as a file, and back.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fenta_client::api::jobs::Job;
use fenta_client::api::recordings::{FORMAT, Recording};
use serde_json::Value;

use super::body::Sent;
use super::problem::ApiError;
use super::{AppState, Library};

/// Events read at a time.
const PAGE: u32 = 1024;

/// What looks like a secret is left out, wherever it stands.
pub(super) async fn export(
    State(library): State<Library>,
    Path(given): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let store = &library.store;
    let id = store.resolve_job(&given).await?;
    let record = store.job(&id).await?;
    let job = store.job_with_nodes(&id).await?;
    let mut events = Vec::new();
    let mut after = 0;
    // The log may grow meanwhile: it is cut where the job stood.
    while after < job.last_seq {
        let page = store.events_after(&id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        events.extend(page.into_iter().filter(|event| event.seq <= job.last_seq));
    }
    let recording = Recording {
        format: FORMAT.to_owned(),
        release: env!("CARGO_PKG_VERSION").to_owned(),
        tool: record.tool,
        local_date: record.local_date,
        request: record.request.ok(),
        job,
        events,
    };
    let mut value = serde_json::to_value(&recording).map_err(|error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "daemon/internal",
            error.to_string(),
        )
    })?;
    redact("", &mut value);
    Ok(Json(value))
}

/// 201 with the job as it is kept.
pub(super) async fn import(
    State(state): State<AppState>,
    Sent(recording, _): Sent<Recording>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    recording.check().map_err(invalid)?;
    let id = recording.job.id.clone();
    if !state.store.import(recording).await? {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "job/known",
            format!("job {id} is here already"),
        )
        .hint(format!("look at it with `fenta job show {id}`")));
    }
    let job = state.store.job_with_nodes(&id).await?;
    Ok((StatusCode::CREATED, Json(job)))
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "recording/invalid",
        detail,
    )
    .hint("recordings are made by `fenta job export`")
}

/// Takes secrets out of every text below `value`, whose own name is `name`.
fn redact(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(safe) = fenta_workflows::redacted(name, text) {
                *text = safe;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(name, item)),
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(name, field)| redact(name, field)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_by_look_and_by_name() {
        let mut value = json!({
            "text": "voice: { key: sk-abcdefghij0123456789KLMN }\nname: x",
            "params": { "api_key": "q8w7e6r5t4y3u2i1o0p9a8", "title": "Bees" },
            "path": "/home/u/daily.yaml",
        });
        redact("", &mut value);
        assert_eq!(
            value,
            json!({
                "text": "voice: { key: [redacted] }\nname: x",
                "params": { "api_key": "[redacted]", "title": "Bees" },
                "path": "/home/u/daily.yaml",
            })
        );
    }
}
