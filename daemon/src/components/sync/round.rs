//! One pass: numbers for what has none, records until the server has all of them, then files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use fenta_client::api::jobs::OutputValue;
use fenta_client::api::sync::{MOST_RECORDS, ResultFile, ResultRecord, SyncBatch};
use fenta_client::{Client, ClientError, ErrorKind};
use fenta_workflows::digest::Digest;

use super::SyncError;
use crate::store::cas::hash_reader;
use crate::store::{EndedJob, Store, SyncPlace};

/// Bytes of records in one request, at most.
const BATCH_BYTES: usize = 512 << 10;

/// Ends of jobs that get a number at a time; the files of each are hashed.
const ENDS: u32 = 50;

/// Files that are handed in in one pass.
const FILES: u32 = 64;

/// How often a server may fall back behind what it had, in one pass.
const SET_BACKS: u32 = 3;

/// Hands in everything there is.
pub(super) async fn round(
    store: &Store,
    client: &Client,
    place: &SyncPlace,
) -> Result<(), SyncError> {
    let mut before = place.acknowledged;
    let mut set_backs = 0;
    loop {
        number(store).await?;
        let records = store
            .outgoing(MOST_RECORDS as u32, BATCH_BYTES)
            .await?
            .records;
        if records.is_empty() {
            break;
        }
        let batch = SyncBatch {
            at: store.now_text(),
            records,
        };
        let state = client.hand_in(&batch).await?;
        let (here, _) = store.outbox_size().await?;
        if state.acknowledged > here {
            return Err(SyncError::SetBack {
                there: state.acknowledged,
                here,
            });
        }
        store
            .acknowledge(state.acknowledged, state.quarantined)
            .await?;
        if state.acknowledged <= before {
            // A server that was restored asks for records again; one that never moves is broken.
            set_backs += 1;
            if state.acknowledged == before || set_backs > SET_BACKS {
                return Err(SyncError::Stuck(before));
            }
        }
        before = state.acknowledged;
    }
    if place.target.files {
        files(store, client).await?;
    }
    Ok(())
}

/// Gives numbers to what has none yet: what was used before what ended, so that a job's usage comes before its end.
async fn number(store: &Store) -> Result<(), SyncError> {
    store.number_usage().await?;
    for end in store.unnumbered_ends(ENDS).await? {
        let (record, files) = ended(store, &end).await?;
        store.number_end(end.number, record, files).await?;
    }
    Ok(())
}

/// What is told of an end: the files it published, as they are now.
async fn ended(
    store: &Store,
    end: &EndedJob,
) -> Result<(ResultRecord, BTreeMap<String, String>), SyncError> {
    let known = store.job(&end.job).await.ok().map(|record| record.job);
    let mut paths = Vec::new();
    let workflow = known
        .as_ref()
        .map(|job| job.workflow.clone())
        .unwrap_or_default();
    if let Some(job) = known.filter(|_| end.state == "completed") {
        job.outputs
            .values()
            .for_each(|value| texts(value, &mut paths));
    }
    let hashed = tokio::task::spawn_blocking(move || {
        let hash = |path: String| {
            let digest: Digest = File::open(&path)
                .ok()
                .and_then(|file| hash_reader(file).ok())?;
            Some((path, digest.to_string()))
        };
        paths.into_iter().filter_map(hash).collect::<Vec<_>>()
    });
    let hashed = hashed.await.unwrap_or_default();
    let name = |path: &str| {
        let name = Path::new(path).file_name();
        name.map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let record = ResultRecord {
        job: end.job.clone(),
        workflow,
        state: end.state.clone(),
        at: match end.at.is_empty() {
            true => store.now_text(),
            false => end.at.clone(),
        },
        files: hashed
            .iter()
            .map(|(path, digest)| ResultFile {
                name: name(path),
                digest: digest.clone(),
            })
            .collect(),
    };
    let files = hashed.into_iter().map(|(path, digest)| (digest, path));
    Ok((record, files.collect()))
}

fn texts(value: &OutputValue, found: &mut Vec<String>) {
    match value {
        OutputValue::Text(text) if Path::new(text).is_absolute() => found.push(text.clone()),
        OutputValue::List(items) => items.iter().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// Hands in files. One that the server does not want keeps no other waiting.
async fn files(store: &Store, client: &Client) -> Result<(), SyncError> {
    let mut refused = None;
    for file in store.outgoing_files(FILES).await? {
        let path = file.path.clone();
        let there = tokio::task::spawn_blocking(move || {
            File::open(path)
                .ok()
                .and_then(|file| hash_reader(file).ok())
        });
        let found = there.await.ok().flatten().map(|digest| digest.to_string());
        if found.as_ref() != Some(&file.digest) {
            // It was changed or removed: what it was is not to be had any more.
            tracing::warn!(path = file.path, "a result is gone before it was handed in");
            store.file_is_sent(&file.digest).await?;
            continue;
        }
        match client
            .hand_in_file(&file.digest, Path::new(&file.path))
            .await
        {
            Ok(()) => store.file_is_sent(&file.digest).await?,
            Err(error) if is_about_this(&error) => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

/// Whether an answer is about one file and not about the server or the way to it.
fn is_about_this(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Refused | ErrorKind::Usage | ErrorKind::NotFound
    )
}
