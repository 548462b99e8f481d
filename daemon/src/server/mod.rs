//! `/v1` over a Unix socket: thin handlers, one file per resource of `fenta-client`.
//!
//! A handler reads a request, asks the store or the runner, and answers in the client's own types; it decides nothing.
//! Errors leave as RFC 9457 problems (`problem`), every answer carries a request id (`envelope`), and connections are
//! guarded in `connections`.

mod activity;
mod cache;
mod connections;
mod daemon;
mod envelope;
mod events;
mod jobs;
mod meta;
mod notices;
mod page;
mod problem;
mod providers;
mod recordings;
mod schedules;
mod usage;
mod watches;
mod workflows;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware;
use axum::routing::{get, post};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use activity::{Activity, InProgress};
pub use connections::{ConnectionLimits, serve};

use crate::cache::CacheCare;
use crate::clock::Clock;
use crate::components::notices::Notices;
use crate::components::schedules::Schedules;
use crate::components::watches::Watches;
use crate::executors::Renderer;
use crate::providers::Providers;
use crate::runner::Runner;
use crate::store::Store;

/// The largest request: a workflow document and its inputs.
const BODY_BYTES: usize = 8 << 20;

/// How someone asked the daemon to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopRequest {
    /// Nobody did.
    #[default]
    None,
    /// When nothing runs; until then everything is as it was.
    WhenIdle,
    /// When what runs is finished; nothing new is taken.
    Drain,
    /// At once.
    Now,
}

/// What handlers work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// What is remembered.
    pub store: Store,
    /// Who does the work.
    pub runner: Runner,
    /// Who draws.
    pub renderer: Renderer,
    /// Who looks after the cache.
    pub cache: CacheCare,
    /// Who can be asked from here.
    pub providers: Providers,
    /// Who begins workflows by the clock.
    pub schedules: Schedules,
    /// Who begins workflows for files.
    pub watches: Watches,
    /// Who tells how their runs end.
    pub notices: Notices,
    /// Time and request ids.
    pub clock: Arc<dyn Clock>,
    /// Who is there.
    pub activity: Activity,
    /// Where a request to stop goes.
    pub stop: watch::Sender<StopRequest>,
    /// Set when the daemon ends: long answers end too.
    pub shutdown: CancellationToken,
    /// Where the state is kept, for people.
    pub state_dir: PathBuf,
    /// Since when the daemon runs, RFC 3339 UTC.
    pub started_at: String,
}

/// What is needed to look at jobs: the part of the state that needs no runner.
#[derive(Clone, Debug)]
pub struct Library {
    /// What is remembered.
    pub store: Store,
    /// Request ids.
    pub clock: Arc<dyn Clock>,
    /// Who is there.
    pub activity: Activity,
    /// Set when the process ends: long answers end too.
    pub shutdown: CancellationToken,
}

impl FromRef<AppState> for Library {
    fn from_ref(state: &AppState) -> Self {
        Self {
            store: state.store.clone(),
            clock: Arc::clone(&state.clock),
            activity: state.activity.clone(),
            shutdown: state.shutdown.clone(),
        }
    }
}

/// The routes that look at jobs and change nothing.
pub fn reading_router(library: Library) -> Router {
    let routes = Router::new()
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/lock", get(jobs::lock))
        .route("/v1/jobs/{id}/events", get(events::follow))
        .route("/v1/jobs/{id}/recording", get(recordings::export));
    wrapped(routes, library)
}

fn wrapped<S>(routes: Router<S>, state: S) -> Router
where
    S: Clone + Send + Sync + 'static,
    Library: FromRef<S>,
{
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            Library::from_ref(&state),
            envelope::wrap,
        ))
        .with_state(state)
}

/// Every route.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route("/v1/meta", get(meta::show))
        .route("/v1/health", get(meta::health))
        .route("/v1/workflows/plan", post(workflows::plan))
        .route("/v1/jobs", get(jobs::list).post(jobs::create))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/lock", get(jobs::lock))
        .route("/v1/jobs/{id}/events", get(events::follow))
        .route("/v1/jobs/{id}/recording", get(recordings::export))
        .route("/v1/recordings", post(recordings::import))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/resume", post(jobs::resume))
        .route("/v1/cache", get(cache::usage))
        .route("/v1/cache/entries", get(cache::entries))
        .route("/v1/cache/entries/{digest}", get(cache::entry))
        .route("/v1/cache/verify", post(cache::verify))
        .route("/v1/cache/gc", post(cache::collect))
        .route("/v1/cache/pins", get(cache::pins))
        .route("/v1/cache/pin", post(cache::pin))
        .route("/v1/cache/unpin", post(cache::unpin))
        .route("/v1/jobs/{id}/resolve", post(jobs::resolve))
        .route("/v1/providers", get(providers::list))
        .route("/v1/providers/detect", post(providers::detect))
        .route("/v1/providers/{vendor}/test", post(providers::test))
        .route(
            "/v1/schedules",
            get(schedules::list).post(schedules::create),
        )
        .route(
            "/v1/schedules/{id}",
            get(schedules::show).delete(schedules::remove),
        )
        .route("/v1/schedules/{id}/next", get(schedules::next))
        .route("/v1/schedules/{id}/runs", get(schedules::runs))
        .route("/v1/schedules/{id}/pause", post(schedules::pause))
        .route("/v1/schedules/{id}/resume", post(schedules::resume))
        .route("/v1/schedules/{id}/trigger", post(schedules::trigger))
        .route("/v1/schedules/{id}/backfill", post(schedules::backfill))
        .route("/v1/watches", get(watches::list).post(watches::create))
        .route(
            "/v1/watches/{id}",
            get(watches::show).delete(watches::remove),
        )
        .route("/v1/watches/{id}/files", get(watches::files))
        .route("/v1/watches/{id}/runs", get(watches::runs))
        .route("/v1/watches/{id}/pause", post(watches::pause))
        .route("/v1/watches/{id}/resume", post(watches::resume))
        .route("/v1/watches/{id}/again", post(watches::again))
        .route("/v1/watches/{id}/explain", get(watches::explain))
        .route("/v1/notices", get(notices::list))
        .route("/v1/usage", get(usage::show))
        .route("/v1/usage/events", get(usage::events))
        .route("/v1/daemon/stop", post(daemon::stop));
    wrapped(routes, state)
}

#[cfg(test)]
mod automation_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
