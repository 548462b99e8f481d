//! Bringing a file of a library here, once: its address is looked at like any that an answer brought, its size has an
//! end, and half a file is none.

use std::io;
use std::path::PathBuf;

use fenta_workflows::action::{FindStockTask, InvokedMedia};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::super::at_once::{Answers as _, AskFailure};
use super::super::http::{Ask, ErrorKind, Limits, Url};
use super::{
    Brought, Candidate, KEEP_MS, Library, Offered, Shelf, Source, credit, hurried, rank,
    unremembered, whole,
};

/// Largest file that is brought here.
const MOST_BYTES: u64 = 1 << 30;

impl<L: Library> Shelf<L> {
    /// The best file of a candidate; nothing where it cannot be used.
    pub(super) async fn bring(
        &self,
        task: &FindStockTask,
        candidate: &Candidate,
    ) -> Result<Option<Brought>, AskFailure> {
        let desk = self.desk();
        let vendor = desk.vendor.name;
        let Some(file) = rank::best_file(candidate, task) else {
            return Ok(None);
        };
        let (digest, name, facts) = match &file.source {
            Source::Blob(digest, name, facts) => (*digest, name.clone(), Some((**facts).clone())),
            Source::Url(url) => {
                let Some((digest, ending)) = self.file(candidate, file, url).await? else {
                    return Ok(None);
                };
                (digest, format!("{vendor}-{}.{ending}", candidate.id), None)
            }
        };
        let credit =
            (!candidate.page_url.is_empty()).then(|| credit(vendor, license(vendor), candidate));
        Ok(Some(Brought {
            digest,
            file: InvokedMedia {
                output: format!("file {}", candidate.id),
                name,
                facts,
                credit,
            },
        }))
    }

    /// A file as a blob: the one that was brought here before, or brought now.
    async fn file(
        &self,
        candidate: &Candidate,
        file: &Offered,
        url: &Url,
    ) -> Result<Option<(Digest, String)>, AskFailure> {
        let desk = self.desk();
        let question = format!(
            "file {} {} {}x{}",
            desk.vendor.name, candidate.id, file.width, file.height
        );
        let known = desk.store.remembered_answer(&question).await;
        let known = known.map_err(|error| unremembered(&error))?;
        let known = known.and_then(|known| {
            let text = String::from_utf8(known.body).ok()?;
            let (digest, ending) = text.split_once(' ')?;
            Some((digest.parse::<Digest>().ok()?, ending.to_owned()))
        });
        if let Some((digest, ending)) = known {
            let cas = desk.cas.clone();
            let there = tokio::task::spawn_blocking(move || cas.contains(&digest)).await;
            if there.unwrap_or(false) {
                return Ok(Some((digest, ending)));
            }
        }
        let Some((digest, ending)) = self.download(file, url).await? else {
            return Ok(None);
        };
        let body = format!("{digest} {ending}").into_bytes();
        let kept = desk
            .store
            .remember_answer(&question, ("", ""), body, KEEP_MS)
            .await;
        kept.map_err(|error| unremembered(&error))?;
        Ok(Some((digest, ending.to_owned())))
    }

    async fn download(
        &self,
        file: &Offered,
        url: &Url,
    ) -> Result<Option<(Digest, &'static str)>, AskFailure> {
        let desk = self.desk();
        let limits = Limits {
            bytes: MOST_BYTES,
            ..hurried(Limits::FILE, desk.patience)
        };
        let path = desk.scratch.join(desk.clock.fresh_id("stock-"));
        let ask = Ask::get(url.clone(), desk.brought(), limits);
        let saved = desk.http.save(ask, &path).await;
        let answer = match saved {
            Ok(answer) => answer,
            Err(error) => {
                discard(path).await;
                // Whoever offers a file of this size, or one of this network, offers nothing.
                return match error.kind {
                    ErrorKind::TooLarge | ErrorKind::Forbidden => Ok(None),
                    _ => Err(error.into()),
                };
            }
        };
        desk.hear(&answer);
        match answer.status {
            200..=299 => {}
            // The address has expired, or the clip is gone: another will do.
            401 | 403 | 404 | 410 => return Ok(None),
            status => {
                let said = String::from_utf8_lossy(&answer.body);
                return Err(AskFailure::Refused(desk.refused(status, &said)));
            }
        }
        let shorter = file.bytes.is_some_and(|said| answer.bytes < said);
        let (cas, taken) = (desk.cas.clone(), path.clone());
        let kept = tokio::task::spawn_blocking(move || -> io::Result<_> {
            match whole::ending(&taken)? {
                Some(ending) => Ok(Some((cas.put_file(&taken)?, ending))),
                None => Ok(None),
            }
        });
        let kept = kept.await;
        discard(path).await;
        match kept {
            Ok(Ok(Some(kept))) if !shorter => Ok(Some(kept)),
            Ok(Ok(_)) if !is_media(&answer.content_type()) => Ok(None),
            Ok(Ok(_)) => Err(AskFailure::Lost(WorkerFailure {
                class: FailureClass::Network,
                message: format!(
                    "a file of {} came with {} bytes and is not whole",
                    desk.vendor.name, answer.bytes
                ),
                hint: "it is tried again".to_owned(),
            })),
            Ok(Err(error)) => Err(AskFailure::Refused(WorkerFailure {
                class: FailureClass::Disk,
                message: format!("a file of {} cannot be kept: {error}", desk.vendor.name),
                hint: "free some space: it goes on by itself".to_owned(),
            })),
            Err(_) => Err(AskFailure::Refused(WorkerFailure {
                class: FailureClass::Internal,
                message: "keeping a file ended unexpectedly".to_owned(),
                hint: "see the daemon's log".to_owned(),
            })),
        }
    }
}

/// Whether somebody says that a body is a clip or a picture, or says nothing.
fn is_media(content_type: &str) -> bool {
    content_type.is_empty()
        || ["video/", "image/", "application/octet-stream", "binary/"]
            .iter()
            .any(|kind| content_type.starts_with(kind))
}

async fn discard(path: PathBuf) {
    // It may never have been made.
    let _ = tokio::fs::remove_file(path).await;
}

/// The licence that everything of a library has.
fn license(vendor: &str) -> &'static str {
    match vendor {
        "pexels" => "Pexels License",
        "pixabay" => "Pixabay Content License",
        _ => "",
    }
}
