//! `/v1/assets`: files for workflows. Announced, sent in parts, completed, fetched in ranges; content that is here is not
//! asked for.

use std::io::Write;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fenta_client::api::assets::{
    Asset, AssetList, AssetState, CompleteAsset, HadAssets, HaveAssets, InitAsset,
};
use fenta_client::api::jobs::PageQuery;
use fenta_workflows::digest::Digest;
use futures_util::StreamExt;

use super::AppState;
use super::artifacts::not_a_cursor;
use super::body::{self, Sent, invalid};
use super::content::{self, About};
use super::problem::ApiError;
use super::workflows::is_name;
use crate::asset_files::{AssetFiles, LARGEST, PART_BYTES, part_size};
use crate::store::{AssetRecord, NewAsset};

const PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 200;
const MOST_DIGESTS: usize = 1000;

/// 201: what is missing of it is in the answer.
pub(super) async fn init(
    State(state): State<AppState>,
    Sent(new, _): Sent<InitAsset>,
) -> Result<(StatusCode, Json<Asset>), ApiError> {
    is_name(&new.name)?;
    if new.bytes == 0 || new.bytes > LARGEST {
        return Err(invalid(format!(
            "`bytes` is {}, expected 1 to {LARGEST}",
            new.bytes
        )));
    }
    let kind = match new.media_type {
        Some(kind) if is_media_type(&kind) => kind,
        Some(kind) => return Err(invalid(format!("`media_type` is `{kind}`, which is none"))),
        None => content::kind_of(&new.name).to_owned(),
    };
    let digest = new
        .digest
        .as_deref()
        .map(|hex| digest(hex, new.bytes))
        .transpose()?;
    let ready = match &digest {
        Some(digest) => is_here(&state, digest).await?,
        None => false,
    };
    // Whoever sent a part of it comes back for the rest.
    if let Some(digest) = digest.as_ref().filter(|_| !ready)
        && let Some(begun) = state
            .store
            .asset_on_its_way(&digest.hex(), new.bytes)
            .await?
    {
        return Ok((StatusCode::CREATED, Json(shown(&state, begun).await?)));
    }
    let record = state
        .store
        .create_asset(NewAsset {
            name: new.name,
            media_type: kind,
            bytes: new.bytes,
            digest: digest.map(|digest| digest.hex()),
            ready,
        })
        .await?;
    Ok((StatusCode::CREATED, Json(shown(&state, record).await?)))
}

/// One part, as the body of a PUT. Sending it again changes nothing.
pub(super) async fn part(
    State(state): State<AppState>,
    Path((id, number)): Path<(String, u32)>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let record = state.store.asset(&id).await?;
    if record.ready {
        return Ok(StatusCode::NO_CONTENT);
    }
    let Some(size) = part_size(record.bytes, number) else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "asset/no-such-part",
            format!("a file of {} bytes has no part {number}", record.bytes),
        )
        .hint(format!("parts have {PART_BYTES} bytes and begin at 1")));
    };
    let files = AssetFiles::new(&state.state_dir);
    let mut written = files.new_part(&id).map_err(|error| unwritten(&error))?;
    let mut parts = request.into_body().into_data_stream();
    let mut count = 0;
    while let Some(bytes) = parts.next().await {
        let bytes = bytes.map_err(|error| body::broken(&error))?;
        count += bytes.len() as u64;
        if count > size {
            break;
        }
        written
            .write_all(&bytes)
            .map_err(|error| unwritten(&error))?;
    }
    if count != size {
        return Err(invalid(format!(
            "part {number} has {} bytes, expected {size}",
            if count > size {
                "more".to_owned()
            } else {
                count.to_string()
            }
        )));
    }
    let kept = tokio::task::spawn_blocking(move || files.keep_part(&id, number, written));
    done(kept.await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The file, which is whole and what it was said to be.
pub(super) async fn complete(
    State(state): State<AppState>,
    Sent(which, _): Sent<CompleteAsset>,
) -> Result<Json<Asset>, ApiError> {
    let record = state.store.asset(&which.id).await?;
    if record.ready {
        return Ok(Json(shown(&state, record).await?));
    }
    let files = AssetFiles::new(&state.state_dir);
    let missing = files.missing(&record.id, record.bytes);
    if !missing.is_empty() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "asset/incomplete",
            format!(
                "{} part(s) are missing, the first is {}",
                missing.len(),
                missing[0]
            ),
        )
        .hint("send them, then complete it again"));
    }
    let (id, bytes) = (record.id.clone(), record.bytes);
    let put_together = {
        let files = files.clone();
        tokio::task::spawn_blocking(move || files.complete(&id, bytes))
    };
    let found = done(put_together.await)?;
    if record
        .digest
        .as_ref()
        .is_some_and(|said| *said != found.hex())
    {
        // What lies there under its own name is nobody's: the next collection of it is this one.
        let known = state.store.has_asset_content(&found.hex()).await?;
        files.remove(&record.id, (!known).then_some(&found));
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "asset/other-content",
            format!("the content is {}, not what it was said to be", found.hex()),
        )
        .hint("its parts were thrown away: send them again"));
    }
    let ready = state.store.asset_is_ready(&record.id, found.hex()).await?;
    files.forget_parts(&record.id);
    Ok(Json(shown(&state, ready).await?))
}

pub(super) async fn have(
    State(state): State<AppState>,
    Sent(asked, _): Sent<HaveAssets>,
) -> Result<Json<HadAssets>, ApiError> {
    if asked.digests.len() > MOST_DIGESTS {
        return Err(invalid(format!("at most {MOST_DIGESTS} digests at once")));
    }
    let mut had = HadAssets::default();
    for hex in asked.digests {
        digest(&hex, 0)?;
        if state.store.has_asset_content(&hex).await? {
            had.have.push(hex);
        } else {
            had.missing.push(hex);
        }
    }
    Ok(Json(had))
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<AssetList>, ApiError> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let before = match page.cursor {
        None => None,
        Some(cursor) => Some(cursor.parse().map_err(|_| not_a_cursor(&cursor))?),
    };
    let mut records = state.store.assets(before, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records
        .last()
        .filter(|_| more)
        .map(|record| record.ordinal.to_string());
    let mut items = Vec::new();
    for record in records {
        items.push(shown(&state, record).await?);
    }
    Ok(Json(AssetList { items, next_cursor }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Asset>, ApiError> {
    let record = state.store.asset(&id).await?;
    Ok(Json(shown(&state, record).await?))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Asset>, ApiError> {
    let (record, alone) = state.store.remove_asset(&id).await?;
    let files = AssetFiles::new(&state.state_dir);
    let content = record_digest(&record).filter(|_| alone);
    files.remove(&record.id, content.as_ref());
    Ok(Json(asset(&record, Vec::new(), None)))
}

pub(super) async fn bytes(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let record = state.store.asset(&id).await?;
    let digest = record_digest(&record).filter(|_| record.ready);
    let Some(digest) = digest else {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "asset/incomplete",
            "parts of it are missing",
        ));
    };
    let files = AssetFiles::new(&state.state_dir);
    let found = tokio::task::spawn_blocking(move || files.content(&digest));
    let Some(path) = found.await.ok().flatten() else {
        return Err(ApiError::new(
            StatusCode::GONE,
            "content/gone",
            "its content is missing or damaged on disk",
        )
        .hint("remove it and send it again"));
    };
    let about = About {
        name: &record.name,
        kind: &record.media_type,
        tag: Some(format!("\"{}\"", &digest.hex()[..32])),
    };
    content::file(&path, about, &headers).await
}

async fn is_here(state: &AppState, digest: &Digest) -> Result<bool, ApiError> {
    if !state.store.has_asset_content(&digest.hex()).await? {
        return Ok(false);
    }
    let (files, digest) = (AssetFiles::new(&state.state_dir), *digest);
    let found = tokio::task::spawn_blocking(move || files.content(&digest).is_some());
    Ok(found.await.unwrap_or(false))
}

/// A file as the API shows it.
async fn shown(state: &AppState, record: AssetRecord) -> Result<Asset, ApiError> {
    let files = AssetFiles::new(&state.state_dir);
    let looked = tokio::task::spawn_blocking(move || {
        let digest = record_digest(&record).filter(|_| record.ready);
        let path = digest.and_then(|digest| files.linked(&record.id, &record.name, &digest));
        let missing = match record.ready {
            true => Vec::new(),
            false => files.missing(&record.id, record.bytes),
        };
        asset(
            &record,
            missing,
            path.map(|path| path.to_string_lossy().into_owned()),
        )
    });
    looked.await.map_err(|error| internal(error.to_string()))
}

fn asset(record: &AssetRecord, missing: Vec<u32>, path: Option<String>) -> Asset {
    Asset {
        id: record.id.clone(),
        name: record.name.clone(),
        bytes: record.bytes,
        media_type: record.media_type.clone(),
        state: match record.ready {
            true => AssetState::Ready,
            false => AssetState::Uploading,
        },
        digest: record.digest.clone(),
        part_bytes: PART_BYTES,
        missing,
        path,
        created_at: record.created_at.clone(),
    }
}

fn record_digest(record: &AssetRecord) -> Option<Digest> {
    digest(record.digest.as_deref()?, record.bytes).ok()
}

fn digest(hex: &str, bytes: u64) -> Result<Digest, ApiError> {
    let lower = hex
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    format!("{hex}/{bytes}")
        .parse()
        .ok()
        .filter(|_| lower && hex.len() == 64)
        .ok_or_else(|| {
            invalid(format!(
                "`{hex}` is no digest: BLAKE3 has 64 lower-case hexadecimal digits"
            ))
        })
}

fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= 100
        && text
            .split_once('/')
            .is_some_and(|(kind, of)| token(kind) && token(of))
}

fn done<T>(result: Result<std::io::Result<T>, tokio::task::JoinError>) -> Result<T, ApiError> {
    result
        .map_err(|error| internal(error.to_string()))?
        .map_err(|error| unwritten(&error))
}

fn internal(detail: String) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "daemon/internal", detail)
}

fn unwritten(error: &std::io::Error) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store/unavailable",
        format!("the file cannot be kept: {error}"),
    )
    .hint("free some disk space and try again")
}
