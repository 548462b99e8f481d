//! `/v1/templates`: those that ship, and those that live here. One of the latter is also a file in the state directory,
//! so that workflows can name it by its path.

use std::path::PathBuf;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fenta_client::api::jobs::PageQuery;
use fenta_client::api::workflows::{Document, DocumentInfo, DocumentList, WriteDocument};
use fenta_templates::template;
use fenta_workflows::{SourceFile, template_source};

use super::AppState;
use super::body::Sent;
use super::problem::ApiError;
use super::workflows::{created, done, info, is_name, page_of, refused};
use crate::state_dir::private_folder;
use crate::store::{DocumentKind, DocumentRecord};

const KIND: DocumentKind = DocumentKind::Template;

/// Yours first, a page at a time; the last page ends with those that ship.
pub(super) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<DocumentList>, ApiError> {
    let mut list = page_of(&state, KIND, page).await?;
    if list.next_cursor.is_none() {
        list.items
            .extend(template::builtin_names().iter().map(|name| shipped(name)));
    }
    Ok(Json(list))
}

fn shipped(name: &str) -> DocumentInfo {
    DocumentInfo {
        id: name.to_owned(),
        name: name.to_owned(),
        version: 0,
        created_at: String::new(),
        updated_at: String::new(),
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Document>, ApiError> {
    if let Some(text) = template::builtin(&given) {
        return Ok(Json(Document {
            info: shipped(&given),
            text: text.to_owned(),
            path: None,
        }));
    }
    let record = state.store.document(KIND, &given).await?;
    Ok(Json(document(&state, record)?))
}

/// 201 with the template, which is one.
pub(super) async fn create(
    State(state): State<AppState>,
    Sent(new, _): Sent<WriteDocument>,
) -> Result<Response, ApiError> {
    let name = checked(&new)?;
    let kept = state.store.create_document(KIND, name, new.text).await?;
    let made = document(&state, done(kept)?)?;
    let location = format!("/v1/templates/{}", made.info.id);
    Ok(created(&location, &made))
}

pub(super) async fn replace(
    State(state): State<AppState>,
    Path(given): Path<String>,
    Sent(new, _): Sent<WriteDocument>,
) -> Result<Json<Document>, ApiError> {
    let name = checked(&new)?;
    let kept = state
        .store
        .replace_document(KIND, &given, (name, new.text), new.version)
        .await?;
    Ok(Json(document(&state, done(kept)?)?))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(given): Path<String>,
) -> Result<Json<Document>, ApiError> {
    let record = state.store.remove_document(KIND, &given).await?;
    // A workflow that still names the file is told that it is not there.
    let _ = std::fs::remove_file(file(&state, &record.id));
    Ok(Json(Document {
        info: info(&record),
        text: record.text,
        path: None,
    }))
}

/// The name a template is kept under. It extends only what ships: other paths mean nothing here.
fn checked(new: &WriteDocument) -> Result<String, ApiError> {
    let source = SourceFile {
        name: new
            .name
            .clone()
            .unwrap_or_else(|| "template.yaml".to_owned()),
        text: new.text.clone(),
    };
    let template = match template_source::check(&source, &|_| None) {
        Ok((template, _)) => template,
        Err(problems) => return Err(refused("template/invalid", problems.located(&source))),
    };
    let name = new
        .name
        .clone()
        .unwrap_or_else(|| template.name().to_owned());
    is_name(&name)?;
    if template::builtin(&name).is_some() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "document/name-taken",
            format!("a template that ships is called `{name}`"),
        )
        .hint("choose another `name`"));
    }
    Ok(name)
}

fn file(state: &AppState, id: &str) -> PathBuf {
    state.state_dir.join("templates").join(format!("{id}.yaml"))
}

/// The template, with its file beside it as it is now.
fn document(state: &AppState, record: DocumentRecord) -> Result<Document, ApiError> {
    let path = file(state, &record.id);
    let unavailable =
        |error: String| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "store/unavailable", error);
    let known = std::fs::read_to_string(&path).is_ok_and(|known| known == record.text);
    if !known {
        private_folder(&state.state_dir.join("templates"))
            .map_err(|error| unavailable(error.to_string()))?;
        let new = path.with_extension("new");
        std::fs::write(&new, &record.text)
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|error| unavailable(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(Document {
        info: info(&record),
        text: record.text,
        path: Some(path.to_string_lossy().into_owned()),
    })
}
