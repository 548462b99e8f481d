//! What vendors that make pictures and clips share: how a task becomes a call, how often one asks how far it is, and how
//! what was made is fetched and judged.
//!
//! Neighbours: `kie`, `fal` and `openai_images` are the vendors; `fenta_workflows::models::wire` knows the parameters of
//! each model. What is fetched is measured later, by the node that asked for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fenta_workflows::action::{
    ActionFacts, ActionResult, Credit, InvokeRequest, Invoked, InvokedMedia,
};
use fenta_workflows::digest::Digest;
use fenta_workflows::models::wire::{Form, Part, Unfit, Wires, Wish};
use fenta_workflows::models::{ModelRef, Role};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::desk::Desk;
use super::http::{Ask, Limits, Url};
use super::stock::whole;
use crate::executors::Remote;

/// How long a model may take that nobody has given another time.
const PATIENCE: Duration = Duration::from_secs(900);

/// The name of the user's file beside config.toml that says how other models are asked.
pub(super) const PARAMETERS_FILE: &str = "model-parameters.json";

/// A call as it will be made.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) wish: Wish,
    pub(super) form: Form,
    /// The paths and answers the model shares with others.
    pub(super) family: String,
    pub(super) model: ModelRef,
}

impl Call {
    /// How a model is asked for a task; nothing has been sent when this refuses.
    pub(super) fn of(desk: &Desk, request: &InvokeRequest) -> Result<Self, WorkerFailure> {
        let model = ModelRef::new(desk.vendor.name, desk.model.clone());
        let Some(wish) = Wish::of(&request.task) else {
            return Err(failure(
                FailureClass::Unsupported,
                format!("{model} makes pictures and clips, nothing else"),
                "name another model",
            ));
        };
        let wires = wires(desk)?;
        let Some(wire) = wires.get(&model) else {
            return Err(failure(
                FailureClass::Unsupported,
                format!("how {model} is asked is not known"),
                format!(
                    "name a model of `fenta prices`, or say it in {PARAMETERS_FILE} beside config.toml"
                ),
            ));
        };
        let unfit = |error: Unfit| {
            let others = wish
                .mode
                .as_deref()
                .map(|mode| wires.doing(&model.vendor, mode));
            let hint = match others {
                Some(others) if !others.is_empty() => {
                    format!("{}; {} does it", error.hint, others.join(", "))
                }
                _ => error.hint,
            };
            failure(FailureClass::Unsupported, error.message, hint)
        };
        let form = wire.form(&wish).map_err(unfit)?;
        form.check(&wish, &model).map_err(unfit)?;
        Ok(Self {
            form: form.clone(),
            family: wire.family.clone(),
            wish,
            model,
        })
    }

    /// Its parameters with the addresses of the files it goes by.
    pub(super) fn body(
        &self,
        addresses: Vec<(Part, String)>,
    ) -> Result<serde_json::Map<String, Json>, WorkerFailure> {
        let mut wish = self.wish.clone();
        for (part, address) in addresses {
            wish = wish.with_address(part, address);
        }
        self.form
            .fill(&wish, &self.model)
            .map_err(|error| failure(FailureClass::Unsupported, error.message, error.hint))
    }
}

/// How models are asked: the table that ships, and what the user says besides.
pub(super) fn wires(desk: &Desk) -> Result<Wires, WorkerFailure> {
    wires_with(desk.parameters.as_deref())
}

/// The same with that file of the user's.
pub(super) fn wires_with(own: Option<&Path>) -> Result<Wires, WorkerFailure> {
    let Some(path) = own else {
        return Ok(Wires::builtin().clone());
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Wires::builtin().clone());
        }
        Err(error) => return Err(unreadable(path, &error.to_string())),
    };
    Wires::with(&text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, why: &str) -> WorkerFailure {
    failure(
        FailureClass::Input,
        format!("{}: {why}", path.display()),
        "mend the file, or take it away",
    )
}

pub(super) fn failure(
    class: FailureClass,
    message: String,
    hint: impl Into<String>,
) -> WorkerFailure {
    WorkerFailure {
        class,
        message,
        hint: hint.into(),
    }
}

/// Work at a vendor: its name there, and when it was given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work<'a> {
    pub(super) name: &'a str,
    since: Option<Timestamp>,
}

impl<'a> Work<'a> {
    /// As it was written down; a name that a person found at the vendor has no time.
    pub(super) fn of(remote: &'a str) -> Self {
        let dated = remote.rsplit_once('@').and_then(|(name, millis)| {
            let at = Timestamp::from_millisecond(millis.parse().ok()?).ok()?;
            Some((name, at))
        });
        match dated {
            Some((name, at)) => Self {
                name,
                since: Some(at),
            },
            None => Self {
                name: remote,
                since: None,
            },
        }
    }

    /// As it is written down.
    pub(super) fn remote(name: &str, now: Timestamp) -> Remote {
        Remote(format!("{name}@{}", now.as_millisecond()))
    }

    /// When the vendor wants to be asked again: often at first, seldom later.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let age = self.since.map(|since| now.duration_since(since).as_secs());
        match age {
            Some(..30) => Duration::from_millis(2500),
            Some(30..120) => Duration::from_secs(7),
            _ => Duration::from_secs(20),
        }
    }
}

/// How long one waits for work before the job is given back to its user; the work goes on there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    since: Timestamp,
    long: Duration,
}

impl Patience {
    pub(super) fn begins(desk: &Desk) -> Self {
        Self {
            since: desk.clock.now(),
            long: desk.patience.unwrap_or(PATIENCE),
        }
    }

    /// Whether it is at its end. Trying again at once would not help, so it is no failure that passes.
    pub(super) fn check(&self, desk: &Desk, work: Work<'_>) -> Result<(), WorkerFailure> {
        let waited = desk.clock.now().duration_since(self.since);
        let long = i64::try_from(self.long.as_secs()).unwrap_or(i64::MAX);
        if waited.as_secs() < long {
            return Ok(());
        }
        Err(failure(
            FailureClass::Limit,
            format!(
                "{} is still at work on {} after {} s",
                desk.vendor.name, work.name, long
            ),
            "run it again later: the result is fetched then, and nothing is paid twice",
        ))
    }
}

/// Where the results of work lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Location {
    /// The vendor's name for the work.
    pub(super) work: String,
    /// Addresses of the results.
    pub(super) urls: Vec<String>,
}

impl Location {
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and lists of texts serialise")
    }

    pub(super) fn of(text: &str) -> Result<Self, WorkerFailure> {
        serde_json::from_str(text).map_err(|error| {
            failure(
                FailureClass::Internal,
                format!("where the result lies was written down wrongly: {error}"),
                "see the daemon's log",
            )
        })
    }
}

/// What kind of file is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Picture,
    Clip,
}

impl Kind {
    /// Of a model that does only one of them, by what it is asked to be.
    pub(super) const fn of(role: Role) -> Self {
        match role {
            Role::Image => Self::Picture,
            _ => Self::Clip,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Clip => "clip",
        }
    }

    const fn limits(self) -> Limits {
        match self {
            Self::Picture => Limits {
                bytes: 128 << 20,
                ..Limits::FILE
            },
            Self::Clip => Limits::FILE,
        }
    }
}

/// Why a result is not here.
#[derive(Debug)]
pub(super) enum Missed {
    /// Its address does not answer any more: there may be a new one.
    Expired(String),
    /// Something else.
    Failed(WorkerFailure),
}

impl From<WorkerFailure> for Missed {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure)
    }
}

/// A result in the store, with the ending of its kind.
pub(super) type Fetched = (Digest, &'static str);

/// Fetches one result. No key is sent: the address is wherever the vendor keeps its files.
pub(super) async fn fetch(desk: &Desk, url: &str, kind: Kind) -> Result<Fetched, Missed> {
    let vendor = desk.vendor.name;
    let Ok(url) = url.parse::<Url>() else {
        let said = format!("{vendor} names no address for its {}", kind.noun());
        return Err(failure(FailureClass::Server, said, "run it again later").into());
    };
    let folder = tempfile::Builder::new()
        .prefix("fetched-")
        .tempdir_in(&desk.scratch)
        .map_err(|error| disk(&error))?;
    let path = folder.path().join("file");
    let asked = Ask::get(url.clone(), desk.brought(), kind.limits());
    let answer = desk.http.save(asked, &path).await;
    let answer = answer.map_err(|error| error.failure())?;
    if !answer.is_ok() {
        let status = answer.status;
        if matches!(status, 401 | 403 | 404 | 410) {
            let place = super::http::shown(&url);
            let why = format!("{place} does not answer any more (status {status})");
            return Err(Missed::Expired(why));
        }
        let said = String::from_utf8_lossy(&answer.body);
        return Err(desk.refused(status, &said).into());
    }
    let cas = desk.cas.clone();
    let kept = tokio::task::spawn_blocking(move || {
        let ending = ending(&path)?;
        let is_half = ending.is_some_and(|(_, ending)| HAVE_AN_END.contains(&ending))
            && whole::ending(&path)?.is_none();
        let digest = match ending {
            Some(_) if !is_half => Some(cas.adopt_file(&path)?),
            _ => None,
        };
        drop(folder);
        Ok::<_, std::io::Error>((digest.zip(ending), is_half))
    });
    let kept = kept.await.map_err(|_| ended())?;
    match kept.map_err(|error| disk(&error))? {
        (Some((digest, (found, ending))), _) if found == kind => Ok((digest, ending)),
        (_, true) => Err(failure(
            FailureClass::Network,
            format!(
                "the {} of {vendor} ends in its middle after {} bytes",
                kind.noun(),
                answer.bytes
            ),
            "run it again later: nothing is paid twice",
        )
        .into()),
        _ => Err(failure(
            FailureClass::Server,
            format!(
                "{vendor} sent {} bytes that are no {} ({})",
                answer.bytes,
                kind.noun(),
                match answer.content_type() {
                    said if said.is_empty() => "of no kind it tells".to_owned(),
                    said => said,
                }
            ),
            "run it again later",
        )
        .into()),
    }
}

fn ended() -> WorkerFailure {
    failure(
        FailureClass::Internal,
        "keeping a file ended unexpectedly".to_owned(),
        "see the daemon's log",
    )
}

fn disk(error: &std::io::Error) -> WorkerFailure {
    failure(
        FailureClass::Resource,
        format!("what was fetched could not be kept: {error}"),
        "check the disk and run it again",
    )
}

/// Kinds of files that say in themselves where they end.
const HAVE_AN_END: [&str; 4] = ["jpg", "mp4", "png", "webp"];

/// What a file is by its first bytes, whatever it was said to be.
fn ending(path: &Path) -> std::io::Result<Option<(Kind, &'static str)>> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(sniffed(&head))
}

pub(super) fn sniffed(head: &[u8]) -> Option<(Kind, &'static str)> {
    let brand = head.get(4..12).unwrap_or_default();
    match head {
        [0x89, b'P', b'N', b'G', ..] => Some((Kind::Picture, "png")),
        [0xff, 0xd8, 0xff, ..] => Some((Kind::Picture, "jpg")),
        [b'R', b'I', b'F', b'F', ..] if head.get(8..12) == Some(b"WEBP") => {
            Some((Kind::Picture, "webp"))
        }
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some((Kind::Clip, "webm")),
        [b'G', b'I', b'F', b'8', ..] => Some((Kind::Clip, "gif")),
        _ if matches!(brand, b"ftypavif" | b"ftypheic" | b"ftypmif1") => None,
        _ if brand.starts_with(b"ftyp") => Some((Kind::Clip, "mp4")),
        _ => None,
    }
}

/// Results as a vendor's answer to the node, each named and with who made it.
pub(super) fn made(desk: &Desk, work: &str, fetched: Vec<Fetched>) -> ActionResult {
    let vendor = desk.vendor.name;
    let last = desk.model.rsplit('/').next().unwrap_or_default();
    let stem: String = format!("{last}-{work}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let mut outputs = BTreeMap::new();
    let mut media = Vec::new();
    for (number, (digest, ending)) in (1..).zip(fetched) {
        let output = format!("file-{number}");
        outputs.insert(output.clone(), digest);
        let number = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        media.push(InvokedMedia {
            output,
            name: format!("{stem}{number}.{ending}"),
            facts: None,
            credit: Some(Credit {
                provider: vendor.to_owned(),
                id: work.to_owned(),
                author: desk.model.clone(),
                author_url: String::new(),
                page_url: String::new(),
                license: format!("terms of {vendor}"),
            }),
        });
    }
    ActionResult {
        outputs,
        facts: ActionFacts::Invoked(Box::new(Invoked::Media(media))),
    }
}

/// A file of the store that is sent: its bytes, a name and its kind.
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    pub(super) name: String,
    pub(super) content_type: &'static str,
}

/// Reads a file that a model goes by.
pub(super) async fn sent(desk: &Desk, digest: Digest, most: u64) -> Result<Sent, WorkerFailure> {
    let path = desk.cas.path(&digest);
    let read = tokio::task::spawn_blocking(move || {
        let long = std::fs::metadata(&path)?.len();
        if long > most {
            return Ok(Err(long));
        }
        std::fs::read(&path).map(Ok)
    });
    let bytes = match read.await.map_err(|_| ended())? {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(long)) => {
            return Err(failure(
                FailureClass::Limit,
                format!(
                    "a file of {long} bytes is to be sent to {}, which takes {most}",
                    desk.vendor.name
                ),
                "give it a smaller one",
            ));
        }
        Err(error) => return Err(disk(&error)),
    };
    let (ending, content_type) = match sniffed(&bytes) {
        Some((_, "png")) => ("png", "image/png"),
        Some((_, "jpg")) => ("jpg", "image/jpeg"),
        Some((_, "webp")) => ("webp", "image/webp"),
        Some((_, "gif")) => ("gif", "image/gif"),
        Some((_, "webm")) => ("webm", "video/webm"),
        Some((_, _)) => ("mp4", "video/mp4"),
        None if bytes.starts_with(b"RIFF") => ("wav", "audio/wav"),
        None if bytes.starts_with(b"ID3") || bytes.starts_with(&[0xff]) => ("mp3", "audio/mpeg"),
        None => ("bin", "application/octet-stream"),
    };
    let digest = digest.to_string();
    let short = digest.rsplit(':').next().unwrap_or_default();
    Ok(Sent {
        name: format!("{}.{ending}", short.get(..16).unwrap_or(short)),
        bytes,
        content_type,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_often_at_first_and_seldom_later() {
        let at = |seconds: i64| Timestamp::from_second(1_763_888_000 + seconds).unwrap();
        let Remote(remote) = Work::remote("task@1", at(0));
        let work = Work::of(&remote);
        assert_eq!(work.name, "task@1", "whatever the vendor calls it");
        let waits: Vec<u64> = [0, 29, 30, 119, 120, 900]
            .map(|after| work.wait(at(after)).as_millis() as u64)
            .to_vec();
        assert_eq!(waits, [2500, 2500, 7000, 7000, 20_000, 20_000]);
        let found = Work::of("found-by-a-person");
        assert_eq!(found.name, "found-by-a-person");
        assert_eq!(found.wait(at(0)).as_secs(), 20);
    }

    #[test]
    fn files_are_what_their_first_bytes_say() {
        let kind = |head: &[u8]| sniffed(head);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), Some((Kind::Picture, "png")));
        assert_eq!(
            kind(&[0xff, 0xd8, 0xff, 0xe0]),
            Some((Kind::Picture, "jpg"))
        );
        assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 "), Some((Kind::Picture, "webp")));
        assert_eq!(kind(b"\0\0\0\x20ftypisom"), Some((Kind::Clip, "mp4")));
        assert_eq!(kind(b"\0\0\0\x20ftypavif"), None);
        assert_eq!(kind(b"<html>"), None);
        assert_eq!(kind(b""), None);
    }

    #[test]
    fn where_results_lie_survives_being_written_down() {
        let location = Location {
            work: "t1".to_owned(),
            urls: vec!["https://a/b?c=\"d\"".to_owned()],
        };
        assert_eq!(Location::of(&location.text()), Ok(location));
        assert!(Location::of("https://a").is_err());
    }
}
