//! `/v1/blobs`, `/v1/workspaces`, results and links to them: files that go to a server for a run, and come back.

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use fenta_client::api::jobs::OutputValue;
use fenta_client::api::workspaces::{
    CreateWorkspace, ResultLink, ResultLinks, Workspace, in_path, of_path,
};
use fenta_workflows::digest::Digest;
use fenta_workflows::tiers::Resource;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::{absent, invalid, read};
use crate::server::problem::ApiError;
use crate::store::Cas;
use crate::team::Team;
use crate::team::quota::Used;
use crate::team::rights::Caller;
use crate::team::signed_link::Target;
use crate::team::workspace::{self, WorkspaceError};

impl From<WorkspaceError> for ApiError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Wrong(why) => invalid(why),
            WorkspaceError::Io(error) => unavailable(&error),
        }
    }
}

fn unavailable(error: &std::io::Error) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store/unavailable",
        error.to_string(),
    )
}

fn panicked(_: tokio::task::JoinError) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "daemon/internal",
        "it ended unexpectedly",
    )
}

fn digest_of(part: &str) -> Result<Digest, ApiError> {
    of_path(part).ok_or_else(|| invalid("a blob is named <hash>-<size>"))
}

pub(super) async fn create_workspace(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<Workspace>, ApiError> {
    let wanted: CreateWorkspace = read(&body)?;
    let tenant = team.tenants.get(&caller.org).await?;
    let made =
        tokio::task::spawn_blocking(move || workspace::create(&tenant.root, &tenant.cas, &wanted));
    Ok(Json(made.await.map_err(panicked)??))
}

pub(super) async fn put_blob(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let digest = digest_of(&name)?;
    take(&team, &caller, digest, request.into_body()).await
}

/// Takes a file in: what it is decides what it is called, whatever the sender says.
pub(super) async fn take(
    team: &Team,
    caller: &Caller,
    digest: Digest,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let tenant = team.tenants.get(&caller.org).await?;
    let largest = team.config.largest_file;
    if digest.size > largest {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request/too-large",
            format!(
                "the file has {} bytes, the server takes {largest}",
                digest.size
            ),
        ));
    }
    let cas = tenant.cas.clone();
    let known = tokio::task::spawn_blocking(move || cas.contains(&digest));
    if known.await.map_err(panicked)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let org = team.accounts.org(&caller.org).await?;
    let tier = org.map(|org| org.tier).unwrap_or_default();
    let used = Used::of(&tenant.state.store, tenant.cas.used()).await?;
    let gigabytes = fenta_workflows::cost::Decimal::from(digest.size)
        / fenta_workflows::cost::Decimal::from(1_000_000_000_u64);
    let wanted = [(Resource::StorageGb, gigabytes)].into();
    used.check(tier, &wanted)
        .map_err(|why| ApiError::new(StatusCode::PAYMENT_REQUIRED, "quota/exceeded", why))?;
    receive(&tenant.cas, &tenant.state.state_dir, digest, body).await?;
    team.metrics.count("files_taken");
    Ok(StatusCode::NO_CONTENT)
}

async fn receive(
    cas: &Cas,
    root: &std::path::Path,
    digest: Digest,
    body: Body,
) -> Result<(), ApiError> {
    let scratch = root.join("scratch");
    let temporary = tempfile::Builder::new()
        .prefix("upload-")
        .tempfile_in(&scratch)
        .map_err(|error| unavailable(&error))?;
    let (file, path) = temporary.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut left = digest.size;
    let mut frames = body.into_data_stream();
    let cut = || {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "blob/other-content",
            "the body is not what its name says; nothing of it was kept",
        )
    };
    while let Some(frame) = futures_util::StreamExt::next(&mut frames).await {
        let frame = frame.map_err(|_| cut())?;
        left = left.checked_sub(frame.len() as u64).ok_or_else(cut)?;
        file.write_all(&frame)
            .await
            .map_err(|error| unavailable(&error))?;
    }
    file.flush().await.map_err(|error| unavailable(&error))?;
    drop(file);
    if left > 0 {
        return Err(cut());
    }
    let cas = cas.clone();
    let taken = tokio::task::spawn_blocking(move || -> std::io::Result<bool> {
        // Hashed before it gets a name: what is not what it says gets none.
        if crate::store::cas::hash_reader(std::fs::File::open(&path)?)? != digest {
            return Ok(false);
        }
        cas.put_file(&path).map(|_| true)
    });
    match taken.await.map_err(panicked)? {
        Ok(true) => Ok(()),
        Ok(false) => Err(cut()),
        Err(error) => Err(unavailable(&error)),
    }
}

/// The files a job published, each with a link that is good for some minutes.
pub(super) async fn results(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(given): Path<String>,
) -> Result<Json<ResultLinks>, ApiError> {
    let tenant = team.tenants.get(&caller.org).await?;
    let store = &tenant.state.store;
    let id = store.resolve_job(&given).await?;
    let job = store.job(&id).await?.job;
    let mut paths = Vec::new();
    job.outputs
        .values()
        .for_each(|value| texts(value, &mut paths));
    let (root, cas) = (tenant.root.clone(), tenant.cas.clone());
    let found = tokio::task::spawn_blocking(move || -> std::io::Result<Vec<_>> {
        let named = paths.into_iter().filter_map(|path| {
            let name = workspace::result_name(&root, path.as_ref())?;
            Some((path, name))
        });
        named
            .map(|(path, name)| Ok((cas.put_file(path.as_ref())?, path, name)))
            .collect()
    });
    let found = found
        .await
        .map_err(panicked)?
        .map_err(|error| unavailable(&error))?;
    let items = found.into_iter().map(|(digest, path, name)| {
        let digest = digest.to_string();
        let part = in_path(&digest);
        let file = name.rsplit('/').next().unwrap_or_default().to_owned();
        let target = Target {
            org: &caller.org,
            digest: &part,
            name: &file,
        };
        let (until, proof) = team.links.sign(target, team.clock.now());
        ResultLink {
            url: format!(
                "/v1/files/{}/{part}/{}?until={until}&proof={proof}",
                caller.org,
                encoded(&file)
            ),
            path,
            name,
            digest,
        }
    });
    Ok(Json(ResultLinks {
        items: items.collect(),
    }))
}

fn texts(value: &OutputValue, found: &mut Vec<String>) {
    match value {
        OutputValue::Text(text) if text.starts_with('/') => found.push(text.clone()),
        OutputValue::List(items) => items.iter().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// One part of a path, with everything encoded that is not plain.
fn encoded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

/// What a link carries besides its path.
#[derive(Debug, Deserialize)]
pub(super) struct Proof {
    until: i64,
    proof: String,
}

/// A file behind a link. A link that is no good leads nowhere, whatever there is.
pub(super) async fn linked(
    State(team): State<Team>,
    Path((org, digest, name)): Path<(String, String, String)>,
    Query(proof): Query<Proof>,
) -> Result<Response, ApiError> {
    let target = Target {
        org: &org,
        digest: &digest,
        name: &name,
    };
    let good = team
        .links
        .is_good(target, proof.until, &proof.proof, team.clock.now());
    // An organisation that is gone takes its links with it.
    if !good || team.accounts.org(&org).await?.is_none() {
        return Err(absent("file"));
    }
    let digest = digest_of(&digest)?;
    let tenant = team.tenants.get(&org).await?;
    let cas = tenant.cas.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let whole = cas.contains(&digest);
        whole
            .then(|| std::fs::File::open(cas.path(&digest)).ok())
            .flatten()
    });
    let file = opened
        .await
        .map_err(panicked)?
        .ok_or_else(|| absent("file"))?;
    let stream = ReaderStream::with_capacity(tokio::fs::File::from_std(file), 256 << 10);
    let mut answer = Body::from_stream(stream).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(digest.size));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    let disposition = format!("attachment; filename*=UTF-8''{}", encoded(&name));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_and_outputs_searched() {
        assert_eq!(encoded("a b/é.mp4"), "a%20b%2F%C3%A9.mp4");
        let value = OutputValue::List(vec![
            OutputValue::Text("/a".to_owned()),
            OutputValue::Text("no path".to_owned()),
            OutputValue::List(vec![OutputValue::Text("/b".to_owned())]),
        ]);
        let mut found = Vec::new();
        texts(&value, &mut found);
        assert_eq!(found, ["/a", "/b"]);
    }
}
