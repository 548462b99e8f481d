//! `/v1/workflows`: documents that live here, what runs of them would do, and questions about documents that are no jobs.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fenta_client::api::jobs::{CreateJob, PageQuery, WorkflowSource};
use fenta_client::api::plan::{Plan, PlanRequest};
use fenta_client::api::workflows::{
    Document, DocumentInfo, DocumentList, Estimate, RunWorkflow, ValidateDocument, Validation,
    WriteDocument,
};
use fenta_workflows::{LocatedDiagnostic, SourceFile, compile};

use super::artifacts::not_a_cursor;
use super::body::{MaySend, Sent};
use super::problem::ApiError;
use super::{AppState, jobs};
use crate::state_dir::private_folder;
use crate::store::{DocumentKind, DocumentRecord, Kept};

const PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 200;

/// The longest name of a document.
const NAME_CHARS: usize = 200;

const KIND: DocumentKind = DocumentKind::Workflow;

/// What a job would do. Nothing is made, nothing is written down.
pub(super) async fn plan(
    State(state): State<AppState>,
    Sent(request, _): Sent<PlanRequest>,
) -> Result<Json<Plan>, ApiError> {
    Ok(Json(state.runner.plan(request).await?))
}

/// 201 with the document, which compiles.
pub(super) async fn create(
    State(state): State<AppState>,
    Sent(new, _): Sent<WriteDocument>,
) -> Result<Response, ApiError> {
    let name = checked(&new).await?;
    let kept = state.store.create_document(KIND, name, new.text).await?;
    let made = document(done(kept)?);
    let location = format!("/v1/workflows/{}", made.info.id);
    Ok(created(&location, &made))
}

/// 201 with where it is.
pub(super) fn created(location: &str, made: &Document) -> Response {
    let mut answer = (StatusCode::CREATED, Json(made)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<DocumentList>, ApiError> {
    Ok(Json(page_of(&state, KIND, page).await?))
}

/// A page of documents, the newest first.
pub(super) async fn page_of(
    state: &AppState,
    kind: DocumentKind,
    page: PageQuery,
) -> Result<DocumentList, ApiError> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let before = match page.cursor {
        None => None,
        Some(cursor) => Some(cursor.parse().map_err(|_| not_a_cursor(&cursor))?),
    };
    // One more than asked tells whether there is another page.
    let mut records = state.store.documents(kind, before, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records
        .last()
        .filter(|_| more)
        .map(|record| record.ordinal.to_string());
    Ok(DocumentList {
        items: records.into_iter().map(|record| info(&record)).collect(),
        next_cursor,
    })
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Document>, ApiError> {
    Ok(Json(document(state.store.document(KIND, &given).await?)))
}

pub(super) async fn replace(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Sent(new, _): Sent<WriteDocument>,
) -> Result<Json<Document>, ApiError> {
    let name = checked(&new).await?;
    let kept = state
        .store
        .replace_document(KIND, &given, (name, new.text), new.version)
        .await?;
    Ok(Json(document(done(kept)?)))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Document>, ApiError> {
    Ok(Json(document(
        state.store.remove_document(KIND, &given).await?,
    )))
}

/// 202 with the job, which is on disk then.
pub(super) async fn run(
    State(state): State<AppState>,
    Path(given): Path<String>,
    headers: HeaderMap,
    MaySend(how): MaySend<RunWorkflow>,
) -> Result<Response, ApiError> {
    let asked = format!(
        "run {given} {}",
        serde_json::to_string(&how).unwrap_or_default()
    );
    let request = request(&state, &given, how).await?;
    jobs::submitted(&state, &headers, request, asked.as_bytes()).await
}

pub(super) async fn plan_of(
    State(state): State<AppState>,
    Path(given): Path<String>,
    MaySend(how): MaySend<RunWorkflow>,
) -> Result<Json<Plan>, ApiError> {
    Ok(Json(planned(&state, &given, how).await?))
}

pub(super) async fn estimate(
    State(state): State<AppState>,
    Path(given): Path<String>,
    MaySend(how): MaySend<RunWorkflow>,
) -> Result<Json<Estimate>, ApiError> {
    let plan = planned(&state, &given, how).await?;
    Ok(Json(Estimate {
        total: plan.total,
        obstacles: plan.obstacles,
    }))
}

async fn planned(state: &AppState, given: &str, how: RunWorkflow) -> Result<Plan, ApiError> {
    let request = PlanRequest {
        job: request(state, given, how).await?,
        with_timelines: false,
    };
    Ok(state.runner.plan(request).await?)
}

/// The job that a run of a document is. Without a folder it has one of its own in the state directory.
async fn request(state: &AppState, given: &str, how: RunWorkflow) -> Result<CreateJob, ApiError> {
    let record = state.store.document(KIND, given).await?;
    let dir = match how.dir {
        Some(dir) => dir,
        None => {
            let folder = state.state_dir.join("workspaces").join(&record.id);
            private_folder(&folder).map_err(|error| {
                ApiError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store/unavailable",
                    error.to_string(),
                )
            })?;
            folder.to_string_lossy().into_owned()
        }
    };
    Ok(CreateJob {
        workflow: WorkflowSource {
            path: None,
            name: record.name,
            text: record.text,
            dir: dir.clone(),
        },
        params: how.params,
        caller_dir: dir,
        out_dir: None,
        options: how.options,
    })
}

/// Everything that is wrong with a document; nothing is kept.
pub(super) async fn validate(
    Sent(given, _): Sent<ValidateDocument>,
) -> Result<Json<Validation>, ApiError> {
    let name = given.name.unwrap_or_else(|| "workflow.yaml".to_owned());
    let (valid, diagnostics) = judged(name, given.text).await?;
    Ok(Json(Validation {
        valid: valid.is_some(),
        diagnostics,
    }))
}

/// The name of the workflow of a document, if it compiles, and what is to be said about it.
async fn judged(
    name: String,
    text: String,
) -> Result<(Option<String>, Vec<LocatedDiagnostic>), ApiError> {
    let work = tokio::task::spawn_blocking(move || {
        let source = SourceFile { name, text };
        match compile(&source) {
            Ok((workflow, warnings)) => {
                let warnings = warnings.iter().map(|warning| warning.located(&source));
                (Some(workflow.name.clone()), warnings.collect())
            }
            Err(problems) => (None, problems.located(&source)),
        }
    });
    work.await.map_err(|error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "daemon/internal",
            error.to_string(),
        )
    })
}

/// The name a document is kept under; it compiles.
async fn checked(new: &WriteDocument) -> Result<String, ApiError> {
    let shown = new
        .name
        .clone()
        .unwrap_or_else(|| "workflow.yaml".to_owned());
    let (own, diagnostics) = judged(shown, new.text.clone()).await?;
    let Some(own) = own else {
        return Err(refused("workflow/invalid", diagnostics));
    };
    let name = new.name.clone().unwrap_or(own);
    is_name(&name)?;
    Ok(name)
}

/// A document that does not compile.
pub(super) fn refused(code: &str, diagnostics: Vec<LocatedDiagnostic>) -> ApiError {
    let mut error = ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        code,
        format!("the document has {} problem(s)", diagnostics.len()),
    );
    error.problem.diagnostics = diagnostics;
    error
}

/// Names are shown in lines, and stand in paths of the API.
pub(super) fn is_name(name: &str) -> Result<(), ApiError> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS
        && !name.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    Err(super::body::invalid(format!(
        "`name` must have 1 to {NAME_CHARS} characters, none of them a control character"
    )))
}

/// The document, or why it is not so.
pub(super) fn done(kept: Kept) -> Result<DocumentRecord, ApiError> {
    match kept {
        Kept::Done(record) => Ok(record),
        Kept::NameTaken => Err(ApiError::new(
            StatusCode::CONFLICT,
            "document/name-taken",
            "another document has this name",
        )
        .hint("choose another `name`, or `PUT` the one that has it")),
        Kept::Changed(version) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "document/changed",
            format!("it was written since: it has version {version} now"),
        )
        .hint("look at it again, and send that `version`")),
    }
}

/// A document without its text.
pub(super) fn info(record: &DocumentRecord) -> DocumentInfo {
    DocumentInfo {
        id: record.id.clone(),
        name: record.name.clone(),
        version: record.version,
        created_at: record.created_at.clone(),
        updated_at: record.updated_at.clone(),
    }
}

fn document(record: DocumentRecord) -> Document {
    Document {
        info: info(&record),
        text: record.text,
        path: None,
    }
}
