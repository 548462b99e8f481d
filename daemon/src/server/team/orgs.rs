//! `/v1/org`, `/v1/members`, `/v1/projects`, `/v1/audit-logs`, `/v1/usage/quota`: the caller's own organisation, always.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use fenta_client::api::orgs::{
    AddMember, AddedMember, AuditList, ChangeMember, CreateProject, MemberList, Org, Project,
    ProjectList, QuotaStanding, Role,
};
use serde::Deserialize;

use super::{absent, invalid, named, read};
use crate::server::problem::ApiError;
use crate::store::accounts::{AuditPage, MemberChange};
use crate::team::quota::Used;
use crate::team::rights::Caller;
use crate::team::{Team, failed, metrics, password};

/// Entries on a page of the audit log.
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;

/// Whether the accounts answer.
pub(super) async fn health(State(team): State<Team>) -> Result<StatusCode, ApiError> {
    team.accounts.orgs().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The numbers of the server, for its operator.
pub(super) async fn metrics(State(team): State<Team>) -> Result<Response, ApiError> {
    let at_work = team.tenants.at_work();
    let active = at_work
        .iter()
        .map(|tenant| tenant.state.runner.status().borrow().active);
    let now = metrics::Now {
        orgs: team.accounts.orgs().await?.len(),
        orgs_at_work: at_work.len(),
        active_jobs: active.sum(),
    };
    let mut answer = team.metrics.text(now).into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

pub(super) async fn show(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Org>, ApiError> {
    let org = team.accounts.org(&caller.org).await?;
    Ok(Json(org.ok_or_else(|| absent("organisation"))?))
}

/// Ends the organisation: its work stops and its tokens are none. The bytes stay until the operator removes them.
pub(super) async fn remove(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, ApiError> {
    team.accounts.delete_org(&caller.org).await?;
    team.tenants.forget(&caller.org).await;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn members(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<MemberList>, ApiError> {
    let items = team.accounts.members(&caller.org).await?;
    Ok(Json(MemberList { items }))
}

pub(super) async fn add_member(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<AddedMember>), ApiError> {
    let wanted: AddMember = read(&body)?;
    only_owners_make_owners(&caller, wanted.role)?;
    let email = password::address(&wanted.email).map_err(invalid)?;
    let first = password::fresh().map_err(failed("make", "a password".as_ref()))?;
    let hash = team.passwords.hash(first.clone()).await.map_err(invalid)?;
    let added = team
        .accounts
        .add_member(&caller.org, &email, wanted.role, hash)
        .await?;
    let (member, is_new) = added.ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "member/exists",
            format!("{email} is in this organisation already"),
        )
    })?;
    let password = is_new.then_some(first);
    Ok((StatusCode::CREATED, Json(AddedMember { member, password })))
}

fn only_owners_make_owners(caller: &Caller, role: Role) -> Result<(), ApiError> {
    if role < Role::Owner || caller.role == Role::Owner {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "auth/forbidden",
        "only an owner makes somebody an owner",
    ))
}

pub(super) async fn change_member(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(user): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let wanted: ChangeMember = read(&body)?;
    only_owners_make_owners(&caller, wanted.role)?;
    change(&team, &caller, &user, Some(wanted.role)).await
}

pub(super) async fn remove_member(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(user): Path<String>,
) -> Result<StatusCode, ApiError> {
    change(&team, &caller, &user, None).await
}

async fn change(
    team: &Team,
    caller: &Caller,
    user: &str,
    role: Option<Role>,
) -> Result<StatusCode, ApiError> {
    let now = team
        .accounts
        .membership(&caller.org, user)
        .await?
        .ok_or_else(|| absent("member"))?;
    // Nor does an administrator put an owner out.
    only_owners_make_owners(caller, now.role)?;
    match team.accounts.change_member(&caller.org, user, role).await? {
        MemberChange::Done => Ok(StatusCode::NO_CONTENT),
        MemberChange::Unknown => Err(absent("member")),
        MemberChange::LastOwner => Err(ApiError::new(
            StatusCode::CONFLICT,
            "member/last-owner",
            "an organisation keeps at least one owner",
        )),
    }
}

pub(super) async fn projects(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ProjectList>, ApiError> {
    let items = team.accounts.projects(&caller.org).await?;
    Ok(Json(ProjectList { items }))
}

pub(super) async fn create_project(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<Project>), ApiError> {
    let wanted: CreateProject = read(&body)?;
    let name = named(&wanted.name)?;
    match team.accounts.create_project(&caller.org, &name).await? {
        Some(project) => Ok((StatusCode::CREATED, Json(project))),
        None => Err(ApiError::new(
            StatusCode::CONFLICT,
            "project/exists",
            format!("there is a project `{name}` already"),
        )),
    }
}

pub(super) async fn remove_project(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    match team.accounts.delete_project(&caller.org, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(absent("project")),
    }
}

/// Which page of the audit log.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn audit_log(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditList>, ApiError> {
    let before = match query.cursor {
        None => None,
        Some(cursor) => Some(
            cursor
                .parse()
                .map_err(|_| invalid("that is no cursor of this list"))?,
        ),
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    Ok(Json(
        team.accounts
            .audit_log(&caller.org, AuditPage { before, limit })
            .await?,
    ))
}

pub(super) async fn quota(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<QuotaStanding>, ApiError> {
    let org = team
        .accounts
        .org(&caller.org)
        .await?
        .ok_or_else(|| absent("organisation"))?;
    let tenant = team.tenants.get(&caller.org).await?;
    let used = Used::of(&tenant.state.store, tenant.cas.used()).await?;
    Ok(Json(used.standing(org.tier)))
}
