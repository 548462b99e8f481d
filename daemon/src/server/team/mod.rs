//! The routes of a team server: getting in, organisations, files and records here; everything else goes to the routes of
//! the caller's organisation, which see nothing but its own things.
//!
//! Neighbours: `guard` says who may come in before anything is looked up, [`crate::team`] knows the rest.

mod auth;
mod device_page;
mod dispatch;
mod files;
mod guard;
mod orgs;
mod sync;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{delete, get, patch, post, put};

use super::problem::ApiError;
use crate::team::{Team, TeamError};

/// The largest request that is no file.
const BODY_BYTES: usize = 8 << 20;

/// Every route of a team server, for whoever may come in.
pub fn team_router(team: Team) -> Router {
    Router::new()
        .route("/device", get(device_page::show).post(device_page::approve))
        .route("/v1/health", get(orgs::health))
        .route("/v1/auth/login", post(auth::login))
        .route("/v1/auth/refresh", post(auth::refresh))
        .route("/v1/auth/logout", post(auth::logout))
        .route("/v1/auth/me", get(auth::me))
        .route(
            "/v1/auth/tokens",
            get(auth::tokens).post(auth::create_token),
        )
        .route("/v1/auth/tokens/{id}", delete(auth::revoke_token))
        .route("/v1/auth/devices", post(auth::create_device))
        .route("/v1/auth/device", post(auth::start_login))
        .route("/v1/auth/device/token", post(auth::poll_login))
        .route("/v1/auth/device/approve", post(auth::approve_login))
        .route("/v1/org", get(orgs::show).delete(orgs::remove))
        .route("/v1/members", get(orgs::members).post(orgs::add_member))
        .route(
            "/v1/members/{id}",
            patch(orgs::change_member).delete(orgs::remove_member),
        )
        .route(
            "/v1/projects",
            get(orgs::projects).post(orgs::create_project),
        )
        .route("/v1/projects/{id}", delete(orgs::remove_project))
        .route("/v1/audit-logs", get(orgs::audit_log))
        .route("/v1/usage/quota", get(orgs::quota))
        .route("/v1/workspaces", post(files::create_workspace))
        .route("/v1/jobs/{id}/results", get(files::results))
        .route("/v1/files/{org}/{digest}/{name}", get(files::linked))
        .route("/v1/sync/records", post(sync::records))
        .route("/v1/sync/state", get(sync::state))
        .route("/v1/sync/digest", get(sync::digest))
        .route("/v1/sync/rewind", post(sync::rewind))
        .route("/v1/sync/devices", get(sync::devices))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .merge(
            // Files are streamed, and counted while they come.
            Router::new()
                .route("/v1/blobs/{digest}", put(files::put_blob))
                .route(
                    "/v1/sync/files/{digest}",
                    get(sync::has_file).put(sync::put_file),
                )
                .layer(DefaultBodyLimit::disable()),
        )
        .fallback(dispatch::to_organisation)
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(team.clone(), guard::guard))
        .with_state(team)
}

/// The numbers of a team server, for its operator: on a socket that only this process's own user can reach.
pub fn operator_router(team: Team) -> Router {
    Router::new()
        .route("/v1/metrics", get(orgs::metrics))
        .route("/v1/health", get(orgs::health))
        .with_state(team)
}

impl From<TeamError> for ApiError {
    fn from(error: TeamError) -> Self {
        match error {
            TeamError::Store(error) => error.into(),
            TeamError::Refused(why) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "request/refused", why)
            }
            other => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "team/unavailable",
                other.to_string(),
            ),
        }
    }
}

/// The same words for what is another's, what is gone and what never was.
fn absent(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        &format!("{what}/not-found"),
        format!("there is no such {what}"),
    )
}

fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "request/invalid", detail)
}

/// A body that is JSON of this shape. What the parser says may hold a part of it, and bodies hold passwords: where it is
/// wrong is enough.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                "the body has a field too many, too few or of another type"
            }
            _ => "the body is no JSON",
        };
        invalid(format!(
            "{what} (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// A name that people give to something.
fn named(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let fits = (1..=80).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(invalid("a name has 1 to 80 characters on one line")),
    }
}
