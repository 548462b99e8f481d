//! The one door of reqwest in the daemon: calls with limits on time and size, and with keys that stay where they belong.
//!
//! Neighbours: adapters say what to send; `guard` says which addresses may be called. Redirects are followed by hand: a
//! call with a body goes nowhere but to its own server, anything else is looked at anew at every hop, and a key or a
//! header of ours is never sent to another server than the first. Messages name a host and a path, never a query.

mod guard;
mod multipart;
mod pace;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fenta_client::credentials::Secret;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

pub use multipart::{Part, multipart};
pub use pace::Pace;
pub use reqwest::{Method, Url};

use guard::Way;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Redirects that are followed.
const MOST_HOPS: usize = 5;

/// What a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the answer begins.
    pub answer: Duration,
    /// Between two pieces of it.
    pub idle: Duration,
    /// In all.
    pub total: Duration,
    /// Bytes of the answer.
    pub bytes: u64,
}

impl Limits {
    /// For small answers that come soon: searches, states, lists.
    pub const QUESTION: Self = Self {
        answer: Duration::from_secs(30),
        idle: Duration::from_secs(15),
        total: Duration::from_secs(60),
        bytes: 8 << 20,
    };

    /// For work that is done while one waits: a model that writes or speaks.
    pub const WORK: Self = Self {
        answer: Duration::from_secs(300),
        idle: Duration::from_secs(60),
        total: Duration::from_secs(600),
        bytes: 64 << 20,
    };

    /// For files.
    pub const FILE: Self = Self {
        answer: Duration::from_secs(60),
        idle: Duration::from_secs(30),
        total: Duration::from_secs(1800),
        bytes: 4 << 30,
    };
}

/// Where a call may go.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// To the address of a vendor, which the user or the vendor's documentation says.
    Configured,
    /// To an address that a document or an answer brought: a public one, or one of the hosts the user trusts.
    Brought {
        /// Those hosts.
        trusted: &'a [String],
    },
}

/// A key and how it is sent.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// In a header, after a word such as `Bearer `.
    Header {
        /// The header.
        name: &'static str,
        /// What stands before the key.
        prefix: &'static str,
        /// The key.
        secret: &'a Secret,
    },
    /// In the query, where a vendor takes it nowhere else.
    Query {
        /// The parameter.
        name: &'static str,
        /// The key.
        secret: &'a Secret,
    },
}

impl<'a> Key<'a> {
    /// `Authorization: Bearer …`.
    pub const fn bearer(secret: &'a Secret) -> Self {
        Self::Header {
            name: "authorization",
            prefix: "Bearer ",
            secret,
        }
    }
}

/// What is sent with a call.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// JSON.
    Json(Vec<u8>),
    /// Bytes of another kind.
    Bytes {
        /// Their kind, for example `multipart/form-data; boundary=…`.
        content_type: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A call.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The verb.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// Headers that hold no secret.
    pub headers: Vec<(&'static str, String)>,
    /// The key, for the server of `url` only.
    pub key: Option<Key<'a>>,
    /// What is sent.
    pub body: Body,
    /// Where it may go.
    pub reach: Reach<'a>,
    /// What it may take.
    pub limits: Limits,
}

impl Ask<'_> {
    /// A GET of an address that a document or an answer brought.
    pub const fn get(url: Url, reach: Reach<'_>, limits: Limits) -> Ask<'_> {
        Ask {
            method: Method::GET,
            url,
            headers: Vec::new(),
            key: None,
            body: Body::None,
            reach,
            limits,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; empty where it went into a file.
    pub body: Vec<u8>,
    /// Bytes of its body.
    pub bytes: u64,
    headers: HeaderMap,
}

impl Answer {
    /// A header, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The kind of the body without its parameters, in small letters; empty where nothing is said.
    pub fn content_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or_default();
        let kind = whole.split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    /// Whether the server said yes.
    pub const fn is_ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// How long the server wants to be left alone, where it says so.
    pub fn retry_after(&self, now: jiff::Timestamp) -> Option<Duration> {
        pace::retry_after(self.header("retry-after")?, now)
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    /// What is known of it.
    pub kind: ErrorKind,
    /// What happened, without any secret.
    pub message: String,
}

/// What is known of a call that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The server surely did not get it.
    NotSent,
    /// The server may have got it and done what was asked.
    Lost,
    /// The answer took too long; the server may have done what was asked.
    TimedOut,
    /// The answer is larger than it may be; the server did what was asked.
    TooLarge,
    /// The address may not be called; nothing was sent to it.
    Forbidden,
    /// The disk refused the answer.
    Disk,
}

impl HttpError {
    fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message }
    }

    fn forbidden(message: String) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    fn not_sent(message: String) -> Self {
        Self::new(ErrorKind::NotSent, message)
    }

    /// Whether the server may have done what was asked.
    pub const fn may_have_worked(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Lost | ErrorKind::TimedOut | ErrorKind::TooLarge
        )
    }

    /// As a failure of the work it was for.
    pub fn failure(&self) -> WorkerFailure {
        let (class, hint) = match self.kind {
            ErrorKind::NotSent | ErrorKind::Lost => (
                FailureClass::Network,
                "check the connection, and `base_url` of the provider in config.toml",
            ),
            ErrorKind::TimedOut => (FailureClass::Timeout, "run it again later"),
            ErrorKind::TooLarge => (FailureClass::Limit, "ask for something smaller"),
            ErrorKind::Forbidden => (
                FailureClass::Input,
                "where it is a server of yours, name its host in `hosts` of the provider in config.toml",
            ),
            ErrorKind::Disk => (FailureClass::Disk, "free some space: it goes on by itself"),
        };
        WorkerFailure {
            class,
            message: self.message.clone(),
            hint: hint.to_owned(),
        }
    }
}

/// Makes calls. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Http {
    /// Made at the first call: loading the system's certificates takes a while, and most runs call nobody.
    client: Arc<OnceLock<Result<Client, String>>>,
}

impl Http {
    /// Makes a call and reads its answer.
    ///
    /// # Errors
    /// When there is no whole answer within the limits; a status that says no is an answer.
    pub async fn call(&self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let deadline = Instant::now() + ask.limits.total;
        let (response, limits) = (self.response(&ask, deadline).await?, ask.limits);
        let mut body = Vec::new();
        let read = read(response, limits, deadline, &mut Sink::Memory(&mut body)).await?;
        Ok(Answer { body, ..read })
    }

    /// Makes a call and writes the body of its answer into a new file, where the server says yes.
    ///
    /// # Errors
    /// As [`Http::call`], and when the file cannot be written; a part of it may be left then.
    pub async fn save(&self, ask: Ask<'_>, path: &Path) -> Result<Answer, HttpError> {
        let deadline = Instant::now() + ask.limits.total;
        let (response, limits) = (self.response(&ask, deadline).await?, ask.limits);
        if !response.status().is_success() {
            let mut body = Vec::new();
            let limits = Limits {
                bytes: limits.bytes.min(1 << 20),
                ..limits
            };
            let read = read(response, limits, deadline, &mut Sink::Memory(&mut body)).await?;
            return Ok(Answer { body, ..read });
        }
        let disk = |error: io::Error| {
            HttpError::new(
                ErrorKind::Disk,
                format!("cannot write {}: {error}", path.display()),
            )
        };
        let mut file = tokio::fs::File::create_new(path).await.map_err(disk)?;
        let answer = read(response, limits, deadline, &mut Sink::File(&mut file, path)).await?;
        file.flush().await.map_err(disk)?;
        Ok(answer)
    }

    /// The head of the answer, after all redirects.
    async fn response(&self, ask: &Ask<'_>, deadline: Instant) -> Result<Response, HttpError> {
        let mut url = ask.url.clone();
        guard::sound(&url)?;
        for _ in 0..=MOST_HOPS {
            let response = self.hop(ask, &url, deadline).await?;
            let Some(next) = redirect(ask, &url, &response)? else {
                return Ok(response);
            };
            url = next;
        }
        Err(HttpError::forbidden(format!(
            "{} redirects more than {MOST_HOPS} times",
            shown(&ask.url)
        )))
    }

    async fn hop(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        deadline: Instant,
    ) -> Result<Response, HttpError> {
        let own = same_server(&ask.url, url);
        let way = match ask.reach {
            Reach::Configured if own => Way::Trusted,
            Reach::Configured => guard::check(url, &[]).await?,
            Reach::Brought { trusted } => guard::check(url, trusted).await?,
        };
        let client = match way {
            Way::Trusted => self.client()?,
            Way::Pinned(addresses) => {
                let host = url.host_str().unwrap_or_default();
                let pinned = builder().no_proxy().resolve_to_addrs(host, &addresses);
                pinned.build().map_err(|error| unbuilt(&error))?
            }
        };
        let mut sent = url.clone();
        let mut headers = HeaderMap::new();
        if own {
            put_headers(ask, &mut headers, &mut sent)?;
        }
        let mut request = client.request(ask.method.clone(), sent).headers(headers);
        match &ask.body {
            Body::None => {}
            Body::Json(bytes) => {
                request = request
                    .header("content-type", "application/json")
                    .body(bytes.clone());
            }
            Body::Bytes {
                content_type,
                bytes,
            } => {
                request = request
                    .header("content-type", content_type.as_str())
                    .body(bytes.clone());
            }
        }
        let patience = ask.limits.answer.min(left(deadline));
        match tokio::time::timeout(patience, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(unanswered(&error, url)),
            Err(_) => Err(HttpError::new(
                ErrorKind::TimedOut,
                format!(
                    "{} did not answer within {} s",
                    shown(url),
                    patience.as_secs()
                ),
            )),
        }
    }

    fn client(&self) -> Result<Client, HttpError> {
        let made = self
            .client
            .get_or_init(|| builder().build().map_err(|error| error.to_string()));
        made.clone()
            .map_err(|error| HttpError::not_sent(format!("no connection can be made: {error}")))
    }
}

fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(concat!("fenta/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .referer(false)
}

fn unbuilt(error: &reqwest::Error) -> HttpError {
    HttpError::not_sent(format!("no connection can be made: {error}"))
}

fn put_headers(ask: &Ask<'_>, headers: &mut HeaderMap, url: &mut Url) -> Result<(), HttpError> {
    let wrong = |name: &str| HttpError::forbidden(format!("the header `{name}` cannot be sent"));
    for (name, value) in &ask.headers {
        let value = HeaderValue::from_str(value).map_err(|_| wrong(name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    match ask.key {
        Some(Key::Header {
            name,
            prefix,
            secret,
        }) => {
            let text = format!("{prefix}{}", secret.expose());
            let mut value = HeaderValue::from_str(&text).map_err(|_| wrong(name))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Some(Key::Query { name, secret }) => {
            url.query_pairs_mut().append_pair(name, secret.expose());
        }
        None => {}
    }
    Ok(())
}

/// Where an answer sends a call, if it does.
fn redirect(ask: &Ask<'_>, url: &Url, response: &Response) -> Result<Option<Url>, HttpError> {
    let status = response.status().as_u16();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = response.headers().get(LOCATION);
    let Some(next) = target
        .and_then(|target| target.to_str().ok())
        .and_then(|target| url.join(target).ok())
    else {
        return Ok(None);
    };
    guard::sound(&next)?;
    let own = same_server(&ask.url, &next);
    if ask.method != Method::GET && !(own && matches!(status, 307 | 308)) {
        return Err(HttpError::forbidden(format!(
            "{} redirects to {}, and what is sent to the one is not meant for the other",
            shown(url),
            shown(&next)
        )));
    }
    if url.scheme() == "https" && next.scheme() == "http" {
        return Err(HttpError::forbidden(format!(
            "{} redirects to {}, which is not encrypted",
            shown(url),
            shown(&next)
        )));
    }
    Ok(Some(next))
}

fn same_server(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

fn unanswered(error: &reqwest::Error, url: &Url) -> HttpError {
    // The error's own text holds the address, and the address may hold a key.
    let mut why = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        why = cause.to_string();
        source = cause.source();
    }
    let kind = match error.is_connect() || error.is_builder() {
        true => ErrorKind::NotSent,
        false if error.is_timeout() => ErrorKind::TimedOut,
        false => ErrorKind::Lost,
    };
    let verb = match kind {
        ErrorKind::NotSent => "cannot be reached",
        _ => "gave no answer",
    };
    HttpError::new(kind, format!("{} {verb}: {why}", shown(url)))
}

/// An address as it may be shown: without what may hold a secret.
pub fn shown(url: &Url) -> String {
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

enum Sink<'a> {
    Memory(&'a mut Vec<u8>),
    File(&'a mut tokio::fs::File, &'a Path),
}

impl Sink<'_> {
    async fn take(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        match self {
            Self::Memory(body) => body.extend_from_slice(piece),
            Self::File(file, path) => file.write_all(piece).await.map_err(|error| {
                HttpError::new(
                    ErrorKind::Disk,
                    format!("cannot write {}: {error}", path.display()),
                )
            })?,
        }
        Ok(())
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Reads the body of an answer, whole or not at all.
async fn read(
    mut response: Response,
    limits: Limits,
    deadline: Instant,
    sink: &mut Sink<'_>,
) -> Result<Answer, HttpError> {
    let place = shown(response.url());
    let too_large = |bytes: u64| {
        HttpError::new(
            ErrorKind::TooLarge,
            format!(
                "{place} answers with {bytes} bytes or more; {} are taken",
                limits.bytes
            ),
        )
    };
    if let Some(announced) = response.content_length()
        && announced > limits.bytes
    {
        return Err(too_large(announced));
    }
    let mut bytes = 0u64;
    loop {
        let patience = limits.idle.min(left(deadline));
        let piece = match tokio::time::timeout(patience, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => break,
            Ok(Err(_)) => {
                let message = format!("the answer of {place} was cut off after {bytes} bytes");
                return Err(HttpError::new(ErrorKind::Lost, message));
            }
            Err(_) => {
                let message = format!("the answer of {place} stopped after {bytes} bytes");
                return Err(HttpError::new(ErrorKind::TimedOut, message));
            }
        };
        bytes += piece.len() as u64;
        if bytes > limits.bytes {
            return Err(too_large(bytes));
        }
        sink.take(&piece).await?;
    }
    Ok(Answer {
        status: response.status().as_u16(),
        body: Vec::new(),
        bytes,
        headers: response.headers().clone(),
    })
}
