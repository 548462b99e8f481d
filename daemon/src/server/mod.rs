//! `/v1` over a Unix socket, and over loopback TCP on request: thin handlers, one file per resource of `fenta-client`.
//!
//! A handler reads a request, asks the store or the runner, and answers in the client's own types; it decides nothing.
//! Errors leave as RFC 9457 problems (`problem`), every answer carries a request id (`envelope`), connections are guarded
//! in `connections`, and who may come in is `access`'s business. The table of routes (`table`) is what is served and what
//! `/v1/openapi.json` says.

mod access;
mod activity;
mod artifacts;
mod assets;
mod body;
mod cache;
mod connections;
mod content;
mod daemon;
mod elsewhere;
mod envelope;
mod events;
mod jobs;
mod kai;
mod meta;
mod metrics;
mod notices;
mod once;
mod openapi;
mod page;
mod problem;
mod providers;
mod recordings;
mod routes;
mod schedules;
mod sync;
mod table;
pub(crate) mod team;
mod templates;
mod usage;
mod watches;
mod workflows;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use access::{Caller, Door, Loopback};
pub use activity::{Activity, InProgress};
pub use connections::{ConnectionLimits, Entrance, serve};
pub use team::{operator_router, team_router};

use crate::cache::CacheCare;
use crate::clock::Clock;
use crate::components::notices::Notices;
use crate::components::schedules::Schedules;
use crate::components::sync::Syncer;
use crate::components::watches::Watches;
use crate::executors::Renderer;
use crate::providers::Providers;
use crate::runner::Runner;
use crate::store::Store;

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
    /// Who hands in to a team server.
    pub sync: Syncer,
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
    /// Where it listens for TCP, if it does.
    pub listen: Option<std::net::SocketAddr>,
    /// The only folders whose files jobs show; anywhere where there are none.
    pub confined_to: Arc<[PathBuf]>,
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
    /// Tells this process from an earlier one.
    pub run: String,
    /// The only folders whose files jobs show; anywhere where there are none.
    pub confined_to: Arc<[PathBuf]>,
}

impl FromRef<AppState> for Library {
    fn from_ref(state: &AppState) -> Self {
        Self {
            store: state.store.clone(),
            clock: Arc::clone(&state.clock),
            activity: state.activity.clone(),
            shutdown: state.shutdown.clone(),
            run: state.started_at.clone(),
            confined_to: Arc::clone(&state.confined_to),
        }
    }
}

/// The routes that look at jobs and change nothing.
pub fn reading_router(library: Library) -> Router {
    wrapped(table::reading().router, library)
}

/// Every route.
pub fn router(state: AppState) -> Router {
    let routes = table::all().router.fallback(elsewhere::answer);
    wrapped(routes, state)
}

/// The routes of one organisation of a team server: those of a daemon, behind the guard that says who asks.
#[derive(Clone, Debug)]
pub struct TenantRouter(pub(crate) Router);

/// The same routes for an organisation.
pub fn tenant_router(state: AppState) -> TenantRouter {
    TenantRouter(router(state))
}

/// What `/v1/openapi.json` says.
pub fn openapi() -> serde_json::Value {
    openapi::document(&table::all().operations)
}

fn wrapped<S>(routes: Router<S>, state: S) -> Router
where
    S: Clone + Send + Sync + 'static,
    Library: FromRef<S>,
{
    routes
        // Bodies have limits of their own (`body`): what is read here is read there.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(access::admit))
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            Library::from_ref(&state),
            envelope::wrap,
        ))
        .with_state(state)
}

#[cfg(test)]
mod automation_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
