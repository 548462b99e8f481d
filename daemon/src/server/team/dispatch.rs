//! Everything that is an organisation's own goes to its own routes. Requests for work are held against the plan before,
//! and their folders are translated: a request names no place of the server.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use fenta_client::api::jobs::{CreateJob, WorkflowSource};
use fenta_client::api::plan::PlanRequest;
use fenta_client::api::schedules::CreateSchedules;
use fenta_workflows::cost::Decimal;
use fenta_workflows::digest::value_hash;
use fenta_workflows::tiers::Resource;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BODY_BYTES, invalid};
use crate::server::problem::ApiError;
use crate::team::Team;
use crate::team::quota::Used;
use crate::team::rights::Caller;
use crate::team::tenants::Tenant;
use crate::team::workspace;

/// What a request is about, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// A job.
    Job,
    /// The plan of one.
    Plan,
    /// Schedules of a document.
    Schedules,
    /// Something that goes on or begins without a document in the request.
    GoesOn,
    /// A file that is to be kept.
    Stores,
    /// Nothing that costs.
    None,
}

fn work(method: &Method, path: &str) -> Work {
    if *method != Method::POST {
        return Work::None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["v1", "jobs"] => Work::Job,
        ["v1", "workflows", "plan"] => Work::Plan,
        ["v1", "schedules"] => Work::Schedules,
        ["v1", "assets", "init"] => Work::Stores,
        ["v1", "jobs", _, "resume" | "retry"]
        | ["v1", "schedules", _, "trigger" | "backfill"]
        | ["v1", "workflows", _, "run"]
        | ["v1", "kai", _] => Work::GoesOn,
        _ => Work::None,
    }
}

pub(super) async fn to_organisation(
    State(team): State<Team>,
    caller: Option<Extension<Caller>>,
    request: Request,
) -> Result<Response, ApiError> {
    // What needs nobody and is no route of the server is no route at all.
    let Some(Extension(caller)) = caller else {
        return Err(ApiError::of_status(StatusCode::NOT_FOUND, String::new()));
    };
    let tenant = team.tenants.get(&caller.org).await?;
    let work = work(request.method(), request.uri().path());
    let request = match work {
        Work::None => request,
        Work::GoesOn | Work::Stores => {
            let needs = match work {
                Work::Stores => Resource::StorageGb,
                _ => Resource::RenderSeconds,
            };
            // Nobody knows how much: where nothing is left, nothing begins.
            let wanted = BTreeMap::from([(needs, Decimal::ZERO)]);
            check_quota(&team, &caller, &tenant, &wanted).await?;
            request
        }
        Work::Job | Work::Plan | Work::Schedules => {
            translated(&team, &caller, &tenant, request, work).await?
        }
    };
    if work == Work::Job {
        team.metrics.count("jobs_submitted");
    }
    let service = TowerToHyperService::new(tenant.router.0.clone());
    match hyper::service::Service::call(&service, request).await {
        Ok(answer) => Ok(answer),
        Err(never) => match never {},
    }
}

/// The request with folders of the server in the place of those it names.
async fn translated(
    team: &Team,
    caller: &Caller,
    tenant: &Tenant,
    request: Request,
    work: Work,
) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES).await.map_err(|_| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request/too-large",
            "the body is too long",
        )
    })?;
    let fresh = fresh(team, caller, &head.headers);
    let bytes = match work {
        Work::Job => changed::<CreateJob>(&bytes, |job| place_job(tenant, job, &fresh))?,
        Work::Plan => {
            changed::<PlanRequest>(&bytes, |plan| place_job(tenant, &mut plan.job, &fresh))?
        }
        _ => changed::<CreateSchedules>(&bytes, |schedules| {
            let at = (
                &mut schedules.workflow,
                &mut schedules.caller_dir,
                &mut schedules.out_dir,
            );
            // Nobody can change the file of a document that was uploaded.
            schedules.pinned = true;
            place(tenant, at, &fresh)
        })?,
    };
    if work == Work::Job
        && let Ok(job) = serde_json::from_slice::<CreateJob>(&bytes)
    {
        let mut wanted = wanted(tenant, job).await;
        wanted.entry(Resource::RenderSeconds).or_default();
        check_quota(team, caller, tenant, &wanted).await?;
    }
    Ok(rebuilt(head, bytes))
}

/// Two requests under one key are one job, with one folder of results.
fn fresh(team: &Team, caller: &Caller, headers: &HeaderMap) -> String {
    match headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
    {
        Some(key) => value_hash("fenta.results.1", &(&caller.user, key))[..32].to_owned(),
        None => team.clock.fresh_id(""),
    }
}

/// A body that was read, changed and written again. What cannot be read is left to whoever answers it.
fn changed<T: Serialize + DeserializeOwned>(
    bytes: &Bytes,
    change: impl FnOnce(&mut T) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let Ok(mut value) = serde_json::from_slice::<T>(bytes) else {
        return Ok(bytes.clone());
    };
    change(&mut value)?;
    let text = serde_json::to_vec(&value).map_err(|error| invalid(error.to_string()))?;
    Ok(text.into())
}

fn place_job(tenant: &Tenant, job: &mut CreateJob, fresh: &str) -> Result<(), ApiError> {
    place(
        tenant,
        (&mut job.workflow, &mut job.caller_dir, &mut job.out_dir),
        fresh,
    )
}

fn place(
    tenant: &Tenant,
    (workflow, caller_dir, out_dir): (&mut WorkflowSource, &mut String, &mut Option<String>),
    fresh: &str,
) -> Result<(), ApiError> {
    let folders =
        workspace::folders(&tenant.root, &workflow.dir, caller_dir, fresh).map_err(|error| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "request/folder",
                error.to_string(),
            )
        })?;
    workflow.dir = folders.dir;
    *caller_dir = folders.caller_dir;
    *out_dir = Some(folders.out_dir);
    Ok(())
}

fn rebuilt(mut head: Parts, bytes: Bytes) -> Request {
    head.headers.remove(header::TRANSFER_ENCODING);
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Request::from_parts(head, Body::from(bytes))
}

/// What a job needs of the plan, as far as that can be told; a document that is wrong needs nothing.
async fn wanted(tenant: &Tenant, job: CreateJob) -> BTreeMap<Resource, Decimal> {
    let request = PlanRequest {
        job,
        with_timelines: false,
    };
    let Ok(plan) = tenant.state.runner.plan(request).await else {
        return BTreeMap::new();
    };
    let amounts = plan.total.quota.iter().filter_map(|row| {
        let resource = Resource::of_meter(&row.meter)?;
        let needed = format!("{:.3}", row.needed).parse().ok()?;
        Some((resource, needed))
    });
    amounts.collect()
}

/// Refuses work that has no place in the plan, and tells once of what is nearly used up.
async fn check_quota(
    team: &Team,
    caller: &Caller,
    tenant: &Tenant,
    wanted: &BTreeMap<Resource, Decimal>,
) -> Result<(), ApiError> {
    let org = team.accounts.org(&caller.org).await?;
    let tier = org.map(|org| org.tier).unwrap_or_default();
    let used = Used::of(&tenant.state.store, tenant.cas.used()).await?;
    for (resource, percent) in used.alerts(tier) {
        let news = team
            .accounts
            .note_alert(&caller.org, used.month(), resource.name(), percent);
        if news.await? {
            team.metrics.count("quota_alerts");
            tracing::warn!(
                org = caller.org,
                resource = resource.name(),
                percent,
                "a quota is nearly used up"
            );
        }
    }
    used.check(tier, wanted).map_err(|why| {
        team.metrics.count("quota_refusals");
        ApiError::new(StatusCode::PAYMENT_REQUIRED, "quota/exceeded", why)
            .hint("`GET /v1/usage/quota` shows what is used; the next month begins at zero, a larger plan includes more")
    })
}
