//! Every route with its description, resource by resource.

mod automatic;
mod documents;
mod files;
mod handing_in;
mod jobs;
mod stock;

use axum::extract::FromRef;
use fenta_client::api::jobs::{
    ArtifactList, Job, JobEvent, JobList, JobLog, JobQuery, Lock, PageQuery,
};
use fenta_client::api::meta::{Meta, StopDaemon};
use fenta_client::api::recordings::Recording;

use super::routes::Method::{Get, Post};
use super::routes::{Content, Routes, op};
use super::{
    AppState, Library, artifacts, daemon, events, jobs as job_handlers, meta, metrics, openapi,
    recordings,
};

/// Every route.
pub(super) fn all() -> Routes<AppState> {
    server()
        .and(reading())
        .and(documents::all())
        .and(jobs::all())
        .and(files::all())
        .and(stock::all())
        .and(automatic::all())
        .and(handing_in::all())
}

fn server() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/meta",
                "getMeta",
                "Who is there, and which versions it speaks.",
            )
            .says::<Meta>(200),
            meta::show,
        )
        .on(
            op(Get, "/v1/health", "getHealth", "204 when it can work.")
                .answers(204, Content::Empty),
            meta::health,
        )
        .on(
            op(
                Get,
                "/v1/metrics",
                "getMetrics",
                "Counts and times, for Prometheus.",
            )
            .answers(200, Content::Text("text/plain")),
            metrics::show,
        )
        .on(
            op(Get, "/v1/openapi.json", "getOpenApi", "This description.")
                .says::<serde_json::Map<String, serde_json::Value>>(200),
            openapi::show,
        )
        .on(
            op(
                Post,
                "/v1/daemon/stop",
                "stopDaemon",
                "Ends the daemon, when what runs is finished or at once.",
            )
            .maybe::<StopDaemon>()
            .answers(202, Content::Empty),
            daemon::stop,
        )
}

/// What looks at jobs and changes nothing; it needs no runner.
pub(super) fn reading<S>() -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Library: FromRef<S>,
{
    log_routes().and(result_routes())
}

fn log_routes<S>() -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Library: FromRef<S>,
{
    Routes::default()
        .on(
            op(
                Get,
                "/v1/jobs",
                "listJobs",
                "Jobs, the newest first, without their nodes.",
            )
            .query::<JobQuery>()
            .says::<JobList>(200),
            job_handlers::list,
        )
        .on(
            op(Get, "/v1/jobs/{id}", "getJob", "One job with its nodes.").says::<Job>(200),
            job_handlers::show,
        )
        .on(
            op(
                Get,
                "/v1/jobs/{id}/lock",
                "getJobLock",
                "What a completed job was made with.",
            )
            .says::<Lock>(200),
            job_handlers::lock,
        )
        .on(
            op(
                Get,
                "/v1/jobs/{id}/events",
                "followJob",
                "The job's events as they happen, from `Last-Event-ID` or `after` on.",
            )
            .query::<events::From>()
            .streams::<JobEvent>(),
            events::follow,
        )
}

fn result_routes<S>() -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Library: FromRef<S>,
{
    Routes::default()
        .on(
            op(
                Get,
                "/v1/jobs/{id}/recording",
                "exportJob",
                "The job as a file, without secrets.",
            )
            .says::<Recording>(200),
            recordings::export,
        )
        .on(
            op(
                Get,
                "/v1/jobs/{id}/logs",
                "readJobLog",
                "The job's events, page by page.",
            )
            .query::<PageQuery>()
            .says::<JobLog>(200),
            artifacts::logs,
        )
        .on(
            op(
                Get,
                "/v1/jobs/{id}/artifacts",
                "listArtifacts",
                "The files the job made.",
            )
            .says::<ArtifactList>(200),
            artifacts::list,
        )
        .on(
            op(
                Get,
                "/v1/jobs/{id}/artifacts/{name}",
                "getArtifact",
                "One of them, whole or a range of it.",
            )
            .answers(200, Content::Bytes),
            artifacts::show,
        )
}
