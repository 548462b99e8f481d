//! Carrying calls to a server: a unix socket or https, with retries for calls that may be repeated.
//!
//! Neighbours: `api::*` holds the calls; `error` says what went wrong; `daemon_connect` finds the socket. It reads no
//! environment (proxies included, where a socket is used) and keeps nothing on disk.

use std::path::PathBuf;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::problem::{PROBLEM_JSON, Problem};
use crate::credentials::Secret;
use crate::error::{ClientError, Retry};
use crate::turns::Turns;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket on this machine.
    Socket(PathBuf),
    /// A base address without `/v1`: https, or http on the loopback interface.
    Url(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// How often and how patiently a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Further tries after the first; 0 for none.
    pub retries: usize,
    /// Before the second try.
    pub first_delay: Duration,
    /// Never wait longer than this, not even when the server asks for it.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
        }
    }
}

/// Everything a client needs to know, passed in as a value.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server.
    pub endpoint: Endpoint,
    /// Who asks, for the server's log, for example `fenta/0.1.0`.
    pub user_agent: String,
    /// The longest a call may take, streams left out.
    pub timeout: Duration,
    /// The longest an answer may say nothing, streams included: servers send a sign of life every 15 s.
    pub silence: Duration,
    /// Repetition of failed calls.
    pub retry: RetryPolicy,
    /// Who the user is to the server: goes with every call, as `Authorization: Bearer`.
    pub token: Option<Secret>,
}

impl ClientConfig {
    /// The usual limits for a server.
    pub fn new(endpoint: Endpoint, user_agent: impl Into<String>) -> Self {
        Self {
            endpoint,
            user_agent: user_agent.into(),
            timeout: Duration::from_secs(30),
            silence: Duration::from_secs(45),
            retry: RetryPolicy::default(),
            token: None,
        }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(mut self, token: Secret) -> Self {
        self.token = Some(token);
        self
    }
}

/// A connection to a server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    endpoint: Endpoint,
    timeout: Duration,
    retry: RetryPolicy,
    limits: Turns,
}

/// Whether a call may be carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is as good as once.
    Safe,
    /// Only when it certainly was not received.
    Unsent,
}

/// Items of a list that are asked for at once.
const PAGE: u32 = 500;

/// The items of a list, page by page, so many at most.
pub(crate) async fn all<T>(
    most: u32,
    page: impl AsyncFn(u32, Option<String>) -> Result<(Vec<T>, Option<String>), ClientError>,
) -> Result<Vec<T>, ClientError> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let left = most.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(items);
        }
        let (more, next) = page(left.min(PAGE), cursor).await?;
        items.extend(more);
        if next.is_none() {
            return Ok(items);
        }
        cursor = next;
    }
}

/// One call before it is sent.
pub(crate) struct Call<'a> {
    method: Method,
    /// Segments after the base, not yet encoded.
    path: &'a [&'a str],
    query: Vec<(&'static str, String)>,
    /// JSON.
    body: Option<Vec<u8>>,
    repeat: Repeat,
}

impl<'a> Call<'a> {
    /// Reads something; may be repeated.
    pub(crate) fn get(path: &'a [&'a str]) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            repeat: Repeat::Safe,
        }
    }

    /// Reads the page of a list that begins behind a cursor.
    pub(crate) fn page(path: &'a [&'a str], limit: u32, cursor: Option<String>) -> Self {
        Self::get(path)
            .query("limit", Some(limit.to_string()))
            .query("cursor", cursor)
    }

    /// Removes something; twice is as good as once.
    pub(crate) fn delete(path: &'a [&'a str]) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(path)
        }
    }

    /// Changes something. Every try of one call carries the same idempotency key.
    pub(crate) fn post(path: &'a [&'a str], repeat: Repeat) -> Self {
        Self {
            method: Method::POST,
            repeat,
            ..Self::get(path)
        }
    }

    /// With a JSON body.
    pub(crate) fn body<B: Serialize>(mut self, body: &B) -> Self {
        let json = serde_json::to_vec(body)
            .expect("the API's own shapes serialise, because their maps have text keys");
        self.body = Some(json);
        self
    }

    /// With a query parameter, when there is a value.
    pub(crate) fn query(mut self, key: &'static str, value: Option<String>) -> Self {
        self.query.extend(value.map(|value| (key, value)));
        self
    }

    fn name(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }
}

impl Client {
    /// A client for one server. Nothing is sent yet.
    pub fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let bad = |address: String, reason: String| ClientError::BadEndpoint { address, reason };
        let builder = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .default_headers(bearer(config.token.as_ref()))
            // A token goes to the server it is for, wherever that one points.
            .redirect(reqwest::redirect::Policy::none())
            .read_timeout(config.silence);
        let (builder, base) = match &config.endpoint {
            // A socket needs no certificates: loading the machine's roots would cost more than the whole call.
            Endpoint::Socket(path) => (
                builder
                    .unix_socket(path.as_path())
                    .tls_certs_only([])
                    .no_proxy()
                    .http1_only(),
                base_url("http://localhost")
                    .map_err(|reason| bad(path.display().to_string(), reason))?,
            ),
            Endpoint::Url(url) => (
                builder.connect_timeout(Duration::from_secs(10)),
                base_url(url).map_err(|reason| bad(url.clone(), reason))?,
            ),
        };
        let http = builder
            .build()
            .map_err(|error| bad(config.endpoint.to_string(), error.to_string()))?;
        Ok(Self {
            http,
            base,
            endpoint: config.endpoint.clone(),
            timeout: config.timeout,
            retry: config.retry,
            limits: Turns::of(&config.endpoint),
        })
    }

    /// The server this client speaks with.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The address of a path, segment by segment.
    pub(crate) fn address(&self, path: &[&str]) -> Url {
        self.url(&Call::get(path))
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends what `build` makes until there is a good answer or no hope for one. `repeat` says whether it may be carried
    /// out twice; without it only what was certainly not received is sent again.
    pub(crate) async fn carried_out(
        &self,
        name: &str,
        repeat: bool,
        build: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Response, ClientError> {
        let once = || async {
            self.limits.turn().await;
            let response = build()
                .send()
                .await
                .map_err(|error| self.broken(name, error))?;
            self.checked(name, response).await
        };
        let may_repeat = |error: &ClientError| match repeat {
            true => error.retry() != Retry::Never,
            false => error.not_received() || error.was_turned_away(),
        };
        once.retry(self.backoff())
            .when(may_repeat)
            .adjust(|error, delay| self.delay(error, delay))
            .await
    }

    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.retry.first_delay)
            .with_max_delay(self.retry.max_delay)
            .with_max_times(self.retry.retries)
            .with_jitter()
    }

    /// A call whose answer is a value.
    pub(crate) async fn call<T>(&self, call: Call<'_>) -> Result<T, ClientError>
    where
        T: DeserializeOwned,
    {
        let response = self.send(&call).await?;
        let bytes = self.read(&call.name(), response).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.bad_answer(&call, &error))
    }

    /// A call that is answered by its status alone.
    pub(crate) async fn call_empty(&self, call: Call<'_>) -> Result<(), ClientError> {
        let response = self.send(&call).await?;
        self.read(&call.name(), response).await?;
        Ok(())
    }

    /// Opens a stream of server-sent events after the one with `last_event_id`. It has no time limit of its own.
    pub(crate) async fn open_stream(
        &self,
        path: &[&str],
        last_event_id: u64,
    ) -> Result<Response, ClientError> {
        let call = Call::get(path);
        let request = self
            .http
            .get(self.url(&call))
            .header(ACCEPT, "text/event-stream")
            .header("Last-Event-ID", last_event_id.to_string());
        self.limits.turn().await;
        let answer = tokio::time::timeout(self.timeout, request.send()).await;
        let Ok(answer) = answer else {
            return Err(self.bad_answer(&call, &"no answer within the time limit"));
        };
        let name = call.name();
        let response = answer.map_err(|error| self.broken(&name, error))?;
        self.checked(&name, response).await
    }

    async fn send(&self, call: &Call<'_>) -> Result<Response, ClientError> {
        let key = (call.method == Method::POST).then(|| uuid::Uuid::now_v7().to_string());
        let build = || self.request(call, key.as_deref());
        self.carried_out(&call.name(), call.repeat == Repeat::Safe, build)
            .await
    }

    /// The pause before the next try: the server's wish where it has one. `None` ends the tries.
    fn delay(&self, error: &ClientError, planned: Option<Duration>) -> Option<Duration> {
        let planned = planned?;
        match error.retry() {
            Retry::After(wish) if wish > self.retry.max_delay => None,
            Retry::After(wish) => Some(wish),
            _ => Some(planned),
        }
    }

    fn request(&self, call: &Call<'_>, idempotency_key: Option<&str>) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .request(call.method.clone(), self.url(call))
            .timeout(self.timeout)
            .header(ACCEPT, "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        request
    }

    /// A good answer, or what the server says instead.
    pub(crate) async fn checked(
        &self,
        name: &str,
        response: Response,
    ) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after(response.headers());
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(PROBLEM_JSON));
        if let Some(wait) = retry_after {
            self.limits.leave_alone(wait);
        }
        let bytes = self.read(name, response).await?;
        let problem = is_problem
            .then(|| serde_json::from_slice(&bytes).ok())
            .flatten()
            .unwrap_or_else(|| undescribed(status, &bytes));
        Err(ClientError::Problem {
            problem: Box::new(problem),
            retry_after,
        })
    }

    async fn read(&self, name: &str, response: Response) -> Result<Vec<u8>, ClientError> {
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.broken(name, error))?;
        Ok(bytes.into())
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }

    pub(crate) fn broken(&self, name: &str, source: reqwest::Error) -> ClientError {
        let endpoint = self.endpoint.to_string();
        if source.is_connect() {
            ClientError::Unreachable { endpoint, source }
        } else {
            ClientError::Interrupted {
                endpoint,
                request: name.to_owned(),
                source,
            }
        }
    }

    fn bad_answer(&self, call: &Call<'_>, reason: &dyn std::fmt::Display) -> ClientError {
        ClientError::BadAnswer {
            endpoint: self.endpoint.to_string(),
            request: call.name(),
            reason: reason.to_string(),
        }
    }
}

/// What says who the user is; nothing where nobody does.
fn bearer(token: Option<&Secret>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A secret holds visible ASCII only, so it always fits into a header.
    let value =
        token.and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// The base address, checked: credentials must not travel in the clear over a network.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err("http is allowed on the loopback interface only; write https".to_owned()),
        other => Err(format!("scheme `{other}` is not supported; write https")),
    }
}

/// Seconds only: dates would need a clock, and none of Fenta's servers send them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The problem for an answer without a description, for example from a proxy in between.
fn undescribed(status: StatusCode, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body);
    let start: String = text.trim().chars().take(200).collect();
    Problem {
        kind: "about:blank".to_owned(),
        title: status
            .canonical_reason()
            .unwrap_or("unknown status")
            .to_owned(),
        status: status.as_u16(),
        detail: format!("the server answered {status}: {start}")
            .trim_end_matches([':', ' '])
            .to_owned(),
        code: "http/undescribed".to_owned(),
        request_id: String::new(),
        hint: None,
        diagnostics: Vec::new(),
    }
}
