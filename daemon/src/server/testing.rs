//! A whole server on a socket, over a stand-in renderer, and a client that shows every byte.

use std::path::PathBuf;
use std::sync::Arc;

use fenta_client::api::jobs::Job;
use fenta_client::api::problem::Problem;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Activity, AppState, ConnectionLimits, StopRequest};
use crate::cache::{CacheBounds, CacheCare};
use crate::clock::SystemClock;
use crate::components::Ground;
use crate::components::notices::Notices;
use crate::components::schedules::Schedules;
use crate::components::watches::Watches;
use crate::providers::Providers;
use crate::runner::testing::{Machine, Running};

pub(super) struct Server {
    pub(super) machine: Machine,
    pub(super) running: Running,
    pub(super) stop: watch::Receiver<StopRequest>,
    pub(super) shutdown: CancellationToken,
    socket: PathBuf,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn job(&self) -> Job {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn problem(&self) -> Problem {
        assert!(
            self.head.contains("content-type: application/problem+json"),
            "{self:?}"
        );
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Server {
    pub(super) fn start() -> Self {
        let machine = Machine::new();
        let running = machine.start(2);
        let socket = machine.path("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let (stop, stop_requests) = watch::channel(StopRequest::None);
        let shutdown = CancellationToken::new();
        let activity = Activity::default();
        let notices = Notices::new(
            machine.store.clone(),
            Providers::fixed(Vec::new()),
            Arc::new(SystemClock),
            activity.clone(),
        );
        let ground = Ground {
            store: machine.store.clone(),
            runner: running.runner.clone(),
            clock: Arc::new(SystemClock),
            activity: activity.clone(),
            notices: notices.clone(),
        };
        let schedules = Schedules::new(ground.clone());
        let watches = Watches::new(ground, machine.path("watched"));
        tokio::spawn(watches.clone().watch(shutdown.clone()));
        let state = AppState {
            sync: crate::components::sync::Syncer::new(
                machine.store.clone(),
                None,
                activity.clone(),
            ),
            watches,
            notices,
            store: machine.store.clone(),
            runner: running.runner.clone(),
            schedules,
            renderer: machine.renderer.clone(),
            cache: CacheCare::new(
                machine.store.clone(),
                machine.cas.clone(),
                CacheBounds::default(),
            ),
            providers: Providers::fixed(Vec::new()),
            clock: Arc::new(SystemClock),
            activity,
            stop,
            shutdown: shutdown.clone(),
            state_dir: machine.path(""),
            started_at: "2026-11-22T00:00:00.000Z".to_owned(),
            listen: None,
            confined_to: Arc::from([]),
        };
        tokio::spawn(super::serve(
            listener,
            super::router(state),
            ConnectionLimits::default(),
            shutdown.clone(),
        ));
        Self {
            machine,
            running,
            stop: stop_requests,
            shutdown,
            socket,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body).await
    }

    /// One request, one connection, the whole answer.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut stream = self.send(method, path, headers, body).await;
        let mut text = String::new();
        // A server that answers before it has read everything closes: what it said counts all the same.
        let _ = stream.read_to_string(&mut text).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.contains("transfer-encoding: chunked");
        Answer {
            status,
            head: head.to_owned(),
            body: if chunked {
                unchunked(body)
            } else {
                body.to_owned()
            },
        }
    }

    /// Opens a log and reads it as it comes.
    pub(super) async fn watch(&self, path: &str, headers: &[(&str, &str)]) -> Watch {
        let stream = self.send("GET", path, headers, "").await;
        Watch {
            lines: BufReader::new(stream),
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: fenta\r\nconnection: close\r\n");
        let says_kind = headers.iter().any(|(name, _)| *name == "content-type");
        if !body.is_empty() && !says_kind {
            text.push_str("content-type: application/json\r\n");
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        let _ = stream.write_all(text.as_bytes()).await;
        stream
    }
}

pub(super) struct Watch {
    lines: BufReader<UnixStream>,
}

impl Watch {
    /// The next event's `id` and `data`; nothing when the log is closed.
    pub(super) async fn event(&mut self) -> Option<(u64, serde_json::Value)> {
        let mut id = None;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).await.unwrap() == 0 {
                return None;
            }
            if let Some(value) = line.strip_prefix("id: ") {
                id = Some(value.trim().parse().unwrap());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((id.unwrap(), serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// Everything up to the end, as `seq` and type.
    pub(super) async fn rest(&mut self) -> Vec<(u64, String)> {
        let mut events = Vec::new();
        while let Some((id, data)) = self.event().await {
            events.push((id, data["type"].as_str().unwrap().to_owned()));
        }
        events
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        text.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    text
}
