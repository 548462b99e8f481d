//! Whole files to a server and from it in one request: streamed, never in memory, and a download is there whole or not at all.
//! `transfer` does the same in parts.

use std::path::{Path, PathBuf};

use futures_util::stream;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::ClientError;
use crate::transport::Client;

/// Bytes of a file that are sent at a time.
const CHUNK: usize = 256 << 10;

/// Where a file is written until it is whole.
fn partial(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    target.with_file_name(name)
}

impl Client {
    /// Sends a file as the body of a `PUT`. The time it may take depends on its size, so it has no limit of its own.
    pub(crate) async fn upload(&self, path: &[&str], file: &Path) -> Result<(), ClientError> {
        let name = format!("PUT /{}", path.join("/"));
        let here = |error: std::io::Error| ClientError::BadAnswer {
            endpoint: file.display().to_string(),
            request: name.clone(),
            reason: error.to_string(),
        };
        let open = File::open(file).await.map_err(here)?;
        let size = open.metadata().await.map_err(here)?.len();
        let mut url = self.base().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let chunks = stream::try_unfold(open, async |mut open| {
            let mut chunk = vec![0; CHUNK];
            let read = open.read(&mut chunk).await?;
            chunk.truncate(read);
            std::io::Result::Ok((read > 0).then_some((chunk, open)))
        });
        let request = self
            .http()
            .put(url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size)
            .body(reqwest::Body::wrap_stream(chunks));
        let sent = request.send().await;
        let response = sent.map_err(|error| self.broken(&name, error))?;
        self.checked(&name, response).await.map(drop)
    }

    /// Fetches what lies behind a link of this server into a file, and gives its size. The link is one that the server
    /// gave; one to another server is refused.
    pub async fn download(&self, link: &str, target: &Path) -> Result<u64, ClientError> {
        let name = "GET of a file".to_owned();
        let bad = |endpoint: String, reason: String| ClientError::BadAnswer {
            endpoint,
            request: name.clone(),
            reason,
        };
        let here = |error: std::io::Error| bad(target.display().to_string(), error.to_string());
        let url = self.base().join(link).ok();
        let own = url.filter(|url| url.origin() == self.base().origin());
        let url = own.ok_or_else(|| {
            bad(
                self.endpoint().to_string(),
                "its link leads to another server".to_owned(),
            )
        })?;
        let build = || self.http().get(url.clone());
        let mut response = self.carried_out(&name, true, build).await?;
        let unfinished = partial(target);
        let mut file = File::create(&unfinished).await.map_err(here)?;
        let mut size = 0;
        loop {
            let chunk = response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| self.broken(&name, error))? else {
                break;
            };
            size += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(here)?;
        }
        file.sync_all().await.map_err(here)?;
        drop(file);
        tokio::fs::rename(&unfinished, target).await.map_err(here)?;
        Ok(size)
    }
}
