//! `GET /v1/jobs/{id}/events`: a job's log as server-sent events, from any place in it, live until the job ends.
//!
//! The log is read from the store, always; the hub only says when to look. So a watcher that is slow, late or comes
//! back sees exactly what everybody sees.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use fenta_workflows::job_event::{JobEvent, JobEventKind};
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::Library;
use super::problem::ApiError;
use crate::store::{Store, StoreError};

/// Events read at a time.
const PAGE: u32 = 256;

/// Between two signs of life when nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// The last `seq` the client knows.
    after: Option<u64>,
}

pub(super) async fn follow(
    State(state): State<Library>,
    Path(given): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let id = state.store.resolve_job(&given).await?;
    let after = match headers.get("last-event-id") {
        None => from.after.unwrap_or(0),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| {
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "request/invalid",
                    "Last-Event-ID must be the `seq` of an event",
                )
            })?,
    };
    // A channel of one page: a watcher that does not read holds up its own task only.
    let (sender, receiver) = mpsc::channel(PAGE as usize);
    let shutdown = state.shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            sent = send_log(&state.store, &id, after, &sender) => {
                if let Err(error) = sent {
                    tracing::warn!(job = %id, %error, "a watcher lost its job");
                }
            }
            () = shutdown.cancelled() => {}
            () = sender.closed() => {}
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let stream = tokio_stream::StreamExt::map(stream, |event| Ok(encode(&event)));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn encode(event: &JobEvent) -> Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    Event::default().id(event.seq.to_string()).data(data)
}

/// Sends everything after `after` and what follows, up to the event that ends the job.
async fn send_log(
    store: &Store,
    job: &str,
    after: u64,
    sender: &mpsc::Sender<JobEvent>,
) -> Result<(), StoreError> {
    let mut known = after;
    // Followed before the first look: nothing can happen unseen between the two.
    let mut news = store.events().follow(job);
    loop {
        news.borrow_and_update();
        loop {
            let page = store.events_after(job, known, PAGE).await?;
            let Some(last) = page.last() else {
                break;
            };
            known = last.seq;
            for event in page {
                if sender.send(event).await.is_err() {
                    return Ok(());
                }
            }
        }
        // Only the end of the log may end it: a resumed job has the end of its first attempt in the middle.
        if ended(store, job, known).await? {
            return Ok(());
        }
        if news.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Whether the newest event is the one that ended the job, and the watcher has it.
async fn ended(store: &Store, job: &str, known: u64) -> Result<bool, StoreError> {
    let record = store.job(job).await?;
    if record.job.last_seq > known || !record.job.state.is_final() {
        return Ok(false);
    }
    let newest = store
        .events_after(job, record.job.last_seq.saturating_sub(1), 1)
        .await?;
    Ok(newest.first().is_none_or(|event| is_end(&event.kind)))
}

const fn is_end(kind: &JobEventKind) -> bool {
    matches!(
        kind,
        JobEventKind::JobCompleted { .. }
            | JobEventKind::JobFailed { .. }
            | JobEventKind::JobPaused { .. }
            | JobEventKind::JobNeedsAttention { .. }
            | JobEventKind::JobCancelled
    )
}
