//! Vendors for tests: one HTTP server that plays any of them, writes down everything it hears, and makes trouble on
//! demand.
//!
//! A vendor is one file with one function from what was heard to what is answered. Trouble comes before the vendor (it
//! refuses, and nothing is charged) or after it (the answer is spoilt on its way, and the call was charged).

pub mod elevenlabs;
pub mod fal;
pub mod feed;
pub mod generated;
pub mod kie;
pub mod openai_chat;
pub mod openai_images;
pub mod openai_speech;
pub mod pexels;
pub mod pixabay;
pub mod receiver;
mod stock_files;
pub mod tones;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;

/// A request that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `GET` or `POST`.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What stands after the question mark; may be empty.
    pub query: String,
    /// Names in small letters, with their values.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Heard {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, as it is meant.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(one, _)| *one == name)?;
        Some(unescaped(value))
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Everything of it as one text, to look for what must not be there.
    pub fn everything(&self) -> String {
        format!(
            "{} {}?{} {:?} {}",
            self.method,
            self.path,
            self.query,
            self.headers,
            String::from_utf8_lossy(&self.body)
        )
    }
}

/// A value of a query (`application/x-www-form-urlencoded`).
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let hex = String::from_utf8_lossy(&hex).into_owned();
                u8::from_str_radix(&hex, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether a real vendor would charge for it.
    pub charged: bool,
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: value.to_string().into_bytes(),
            charged: false,
        }
    }

    /// The same, and a vendor would charge for it.
    #[must_use]
    pub fn charged(self) -> Self {
        Self {
            charged: true,
            ..self
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A file.
    pub fn file(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", content_type.to_owned())],
            body,
            charged: false,
        }
    }
}

/// What goes wrong with the next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing; to let a call pass before the next trouble.
    None,
    /// Refused with this status and body, and a `Retry-After` where one is given. Nothing is charged.
    Status(u16, Option<&'static str>, &'static str),
    /// Sent on to another server. Nothing is charged.
    Redirect(u16, String),
    /// The connection ends in the middle of the answer.
    Cut,
    /// The answer says that it is whole, but half of its body is missing.
    Truncated,
    /// Its body comes in pieces with this between them.
    Slow(Duration),
    /// This body with status 200, whatever was asked.
    Instead(&'static str, &'static str),
    /// A body of so many bytes.
    Huge(u64),
    /// No answer at all for this long.
    Silent(Duration),
    /// All of it, under this content type.
    Kind(&'static str),
}

/// How a vendor answers what it heard.
pub type Vendor = fn(&Heard, &Fake) -> Reply;

#[derive(Debug, Default)]
struct Log {
    heard: Vec<Heard>,
    trouble: VecDeque<Trouble>,
    charged: u32,
    /// Texts that a test gave the vendor to answer with, in order.
    lines: VecDeque<String>,
}

/// A vendor that listens. Its server ends with the value.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
    // Dropped last: nothing is served any more then.
    _runtime: Option<Arc<tokio::runtime::Runtime>>,
}

#[derive(Clone)]
struct Shared {
    vendor: Vendor,
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

impl Fake {
    /// Starts a vendor on a free port of this machine.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start(vendor: Vendor) -> anyhow::Result<Self> {
        Self::start_at(vendor, 0)
    }

    /// Starts a vendor on this port of this machine.
    ///
    /// # Errors
    /// When the port is not free.
    pub fn start_at(vendor: Vendor, port: u16) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))?;
        let address = listener.local_addr()?;
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Shared {
            vendor,
            address,
            log: Arc::clone(&log),
        };
        let router = Router::new().fallback(serve).with_state(shared);
        runtime.spawn(async move {
            // Ends with the runtime.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            log,
            _runtime: Some(Arc::new(runtime)),
        })
    }

    /// Its address, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What shall go wrong with the next calls, in order.
    pub fn plan(&self, trouble: impl IntoIterator<Item = Trouble>) {
        self.log().trouble.extend(trouble);
    }

    /// What the vendor shall say next, where it says something of its own otherwise.
    pub fn say(&self, line: &str) {
        self.log().lines.push_back(line.to_owned());
    }

    /// What the vendor shall say before everything else it was told to.
    pub fn say_first(&self, line: &str) {
        self.log().lines.push_front(line.to_owned());
    }

    /// The next text a test gave it.
    pub fn next_line(&self) -> Option<String> {
        self.log().lines.pop_front()
    }

    /// Everything that was heard.
    pub fn heard(&self) -> Vec<Heard> {
        self.log().heard.clone()
    }

    /// Calls that a real vendor would have charged for.
    pub fn charged(&self) -> u32 {
        self.log().charged
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 30).await.unwrap_or_default();
    let heard = Heard {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), value)
            })
            .collect(),
        body: body.to_vec(),
    };
    let fake = Fake {
        address: shared.address,
        log: Arc::clone(&shared.log),
        _runtime: None,
    };
    let trouble = {
        let mut log = fake.log();
        log.heard.push(heard.clone());
        log.trouble.pop_front().unwrap_or(Trouble::None)
    };
    match trouble {
        Trouble::Status(status, retry_after, body) => {
            let mut headers = vec![("content-type", "application/json".to_owned())];
            headers.extend(retry_after.map(|wait| ("retry-after", wait.to_owned())));
            return respond(status, headers, Body::from(body));
        }
        Trouble::Redirect(status, to) => {
            return respond(status, vec![("location", to)], Body::empty());
        }
        Trouble::Silent(long) => tokio::time::sleep(long).await,
        _ => {}
    }
    let reply = (shared.vendor)(&heard, &fake);
    if reply.charged {
        fake.log().charged += 1;
    }
    spoilt(trouble, reply)
}

fn spoilt(trouble: Trouble, reply: Reply) -> Response {
    let half = reply.body.len() / 2;
    match trouble {
        Trouble::Cut => {
            let first: Result<Bytes, std::io::Error> = Ok(reply.body[..half].to_vec().into());
            let end = Err(std::io::Error::other("cut off on purpose"));
            let body = Body::from_stream(stream::iter([first, end]));
            respond(reply.status, reply.headers, body)
        }
        Trouble::Truncated => {
            let body = Body::from(reply.body[..half].to_vec());
            respond(reply.status, reply.headers, body)
        }
        Trouble::Slow(pause) => {
            let pieces: Vec<Bytes> = reply
                .body
                .chunks(reply.body.len().div_ceil(4).max(1))
                .map(Bytes::copy_from_slice)
                .collect();
            let body = stream::unfold(pieces.into_iter(), move |mut pieces| async move {
                let piece = pieces.next()?;
                tokio::time::sleep(pause).await;
                Some((Ok::<_, Infallible>(piece), pieces))
            });
            respond(reply.status, reply.headers, Body::from_stream(body))
        }
        Trouble::Instead(content_type, body) => respond(
            200,
            vec![("content-type", content_type.to_owned())],
            Body::from(body),
        ),
        Trouble::Kind(kind) => {
            let mut headers = reply.headers;
            headers.retain(|(name, _)| *name != "content-type");
            headers.push(("content-type", kind.to_owned()));
            respond(reply.status, headers, Body::from(reply.body))
        }
        Trouble::Huge(bytes) => {
            let piece = Bytes::from(vec![b' '; 1 << 20]);
            let count = usize::try_from(bytes >> 20).unwrap_or(usize::MAX);
            let pieces = std::iter::repeat_n(Ok::<_, Infallible>(piece), count);
            respond(
                reply.status,
                reply.headers,
                Body::from_stream(stream::iter(pieces)),
            )
        }
        _ => respond(reply.status, reply.headers, Body::from(reply.body)),
    }
}

fn respond(status: u16, headers: Vec<(&'static str, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
