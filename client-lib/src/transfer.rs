//! Files to a server and from it, so that what was sent or fetched once is not sent or fetched again: uploads go on with
//! the parts that are missing, downloads with the bytes that are missing, also in another process after a crash.
//!
//! Nothing is remembered here. What is missing of an upload is known to the server, by the content's digest; how far a
//! download came is the size of its partial file, whose name holds the tag of what it is a part of.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::api::assets::{Asset, AssetState, InitAsset};
use crate::error::ClientError;
use crate::transport::Client;

/// Times a download goes on after its connection broke.
const TRIES: u32 = 8;

/// Bytes hashed at a time.
const CHUNK: usize = 1 << 20;

/// Why a file did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server could not be asked, or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file here refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file here changed while it was sent.
    #[error("{} changed while it was sent", .0.display())]
    Changed(PathBuf),
    /// The server sent something else than it was asked for.
    #[error("{endpoint} sent {found} instead of {wanted}")]
    OtherRange {
        /// The server.
        endpoint: String,
        /// What it says it sent.
        found: String,
        /// What was asked for.
        wanted: String,
    },
}

/// What sending a file came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The file on the server.
    pub asset: Asset,
    /// Bytes that were sent for it now; 0 for content the server had.
    pub sent: u64,
}

impl Client {
    /// Sends a file, or what the server does not have of it. Called again after a crash it goes on where it stopped.
    pub async fn send_file(&self, path: &Path) -> Result<Sent, TransferError> {
        let (hex, bytes) = hashed(path.to_owned()).await?;
        let name = path.file_name().map_or_else(
            || "file".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let asset = self
            .init_asset(&InitAsset {
                name,
                bytes,
                digest: Some(hex),
                media_type: None,
            })
            .await?;
        if asset.state == AssetState::Ready {
            return Ok(Sent { asset, sent: 0 });
        }
        let mut sent = 0;
        for number in &asset.missing {
            let part = part_of(path, *number, asset.part_bytes, bytes)?;
            sent += part.len() as u64;
            self.put_part(&asset.id, *number, part).await?;
        }
        let asset = self.complete_asset(&asset.id).await?;
        Ok(Sent { asset, sent })
    }

    async fn put_part(&self, id: &str, number: u32, part: Vec<u8>) -> Result<(), ClientError> {
        let number = number.to_string();
        let url = self.address(&["v1", "assets", id, "parts", &number]);
        let name = format!("PUT /v1/assets/{id}/parts/{number}");
        // Sending a part again changes nothing. How long it takes depends on the connection: only silence ends it.
        self.carried_out(&name, true, || {
            self.http()
                .request(Method::PUT, url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(part.clone())
        })
        .await
        .map(drop)
    }

    /// Fetches what lies at a path of the API (`/v1/jobs/latest/artifacts/video`) into a file, which appears when it is
    /// whole. Returns how many bytes were fetched now; a download that was interrupted goes on.
    pub async fn fetch_file(&self, path: &str, target: &Path) -> Result<u64, TransferError> {
        let mut fetched = 0;
        let mut tries = 0;
        loop {
            let before = fetched;
            match self.fetch_on(path, target, &mut fetched).await {
                Ok(()) => return Ok(fetched),
                Err(TransferError::Client(ClientError::Interrupted { .. })) if tries < TRIES => {
                    // A connection that brought something is as good as a first one.
                    tries = if fetched > before { 0 } else { tries + 1 };
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn fetch_on(
        &self,
        path: &str,
        target: &Path,
        fetched: &mut u64,
    ) -> Result<(), TransferError> {
        let known = partial_of(target);
        let url = self.raw_url(path)?;
        let name = format!("GET {path}");
        let mut response = self
            .carried_out(&name, true, || {
                let request = self.http().get(url.clone());
                match &known {
                    Some((_, tag, size)) if *size > 0 => request
                        .header(RANGE, format!("bytes={size}-"))
                        .header(IF_RANGE, tag),
                    _ => request,
                }
            })
            .await?;
        let tag = header(&response, ETAG);
        let (partial, begins) = match known {
            Some((partial, _, size)) if response.status() == StatusCode::PARTIAL_CONTENT => {
                self.check_range(&response, size)?;
                (partial, size)
            }
            other => {
                if let Some((old, ..)) = other {
                    let _ = fs::remove_file(old);
                }
                (partial_path(target, &tag), 0)
            }
        };
        let mut file = open(&partial, begins)?;
        while let Some(bytes) =
            response
                .chunk()
                .await
                .map_err(|source| ClientError::Interrupted {
                    endpoint: self.endpoint().to_string(),
                    request: name.clone(),
                    source,
                })?
        {
            file.write_all(&bytes).map_err(failed("write", &partial))?;
            *fetched += bytes.len() as u64;
        }
        file.sync_all().map_err(failed("write", &partial))?;
        fs::rename(&partial, target).map_err(failed("put into its place", target))
    }

    fn check_range(&self, response: &Response, begins: u64) -> Result<(), TransferError> {
        let found = header(response, CONTENT_RANGE);
        if found.starts_with(&format!("bytes {begins}-")) {
            return Ok(());
        }
        Err(TransferError::OtherRange {
            endpoint: self.endpoint().to_string(),
            found,
            wanted: format!("bytes {begins}-"),
        })
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    let value = response.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Digest and size of a file.
async fn hashed(path: PathBuf) -> Result<(String, u64), TransferError> {
    let shown = path.clone();
    let work = tokio::task::spawn_blocking(move || -> io::Result<(String, u64)> {
        let mut file = File::open(&path)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; CHUNK];
        let mut size = 0;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((hasher.finalize().to_hex().to_string(), size));
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
        }
    });
    work.await
        .unwrap_or_else(|error| Err(io::Error::other(error.to_string())))
        .map_err(failed("read", &shown))
}

/// One part of a file.
fn part_of(
    path: &Path,
    number: u32,
    part_bytes: u64,
    bytes: u64,
) -> Result<Vec<u8>, TransferError> {
    let from = u64::from(number.saturating_sub(1)) * part_bytes;
    let size = part_bytes.min(bytes.saturating_sub(from));
    let mut part = Vec::new();
    let mut file = File::open(path).map_err(failed("read", path))?;
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.take(size).read_to_end(&mut part))
        .map_err(failed("read", path))?;
    if part.len() as u64 != size {
        return Err(TransferError::Changed(path.to_owned()));
    }
    Ok(part)
}

/// Between name and tag of a partial file.
const MARK: &str = ".fenta-part-";

fn partial_path(target: &Path, tag: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let hex: String = tag.bytes().map(|byte| format!("{byte:02x}")).collect();
    target.with_file_name(format!(".{name}{MARK}{hex}"))
}

/// What there is of a download: the file, the tag of what it is a part of, and its size.
fn partial_of(target: &Path) -> Option<(PathBuf, String, u64)> {
    let name = target.file_name()?.to_string_lossy().into_owned();
    let beginning = format!(".{name}{MARK}");
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    entries.flatten().find_map(|entry| {
        let found = entry.file_name().to_string_lossy().into_owned();
        let hex = found.strip_prefix(&beginning)?;
        let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        let tag = String::from_utf8(bytes?)
            .ok()
            .filter(|tag| !tag.is_empty())?;
        Some((entry.path(), tag, entry.metadata().ok()?.len()))
    })
}

fn open(partial: &Path, begins: u64) -> Result<File, TransferError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(begins == 0)
        .open(partial)
        .map_err(failed("write", partial))?;
    file.seek(SeekFrom::Start(begins))
        .map_err(failed("write", partial))?;
    Ok(file)
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> TransferError + 'a {
    move |source| TransferError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_file_says_what_it_is_a_part_of() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("video.mp4");
        assert!(partial_of(&target).is_none());
        let partial = partial_path(&target, "\"abc-1\"");
        fs::write(&partial, "12345").unwrap();
        fs::write(folder.path().join(".other.mp4.fenta-part-22"), "1").unwrap();
        let (path, tag, size) = partial_of(&target).unwrap();
        assert_eq!((path, &*tag, size), (partial, "\"abc-1\"", 5));
    }

    #[test]
    fn parts_are_cut_where_the_server_wants_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "abcdefg").unwrap();
        let part =
            |number| part_of(&path, number, 3, 7).map(|part| String::from_utf8(part).unwrap());
        assert_eq!(part(1).unwrap(), "abc");
        assert_eq!(part(3).unwrap(), "g");
        let changed = part_of(&path, 3, 3, 9).unwrap_err();
        assert!(matches!(changed, TransferError::Changed(_)), "{changed}");
    }
}
