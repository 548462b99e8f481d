//! A server that answers request after request from a script and remembers what it was asked.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fenta_client::{Client, ClientConfig, Endpoint, RetryPolicy};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// One answer.
pub(crate) enum Reply {
    /// Status, further headers, body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// Server-sent events, then the end of the stream.
    Events(Vec<String>),
    /// Server-sent events, then silence until the client goes away.
    EventsThenSilence(Vec<String>),
    /// The request is read and the connection closed without a word.
    HangUp,
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

pub(crate) struct ScriptedServer {
    pub socket: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
    task: JoinHandle<()>,
    _dir: TempDir,
}

impl ScriptedServer {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(VecDeque::from(replies)));
        let task = tokio::spawn(serve(listener, asked.clone(), script.clone()));
        Self {
            socket,
            asked,
            script,
            task,
            _dir: dir,
        }
    }

    /// A client with short, counted retries.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new(Endpoint::Socket(self.socket.clone()), "test/1");
        config.retry = RetryPolicy {
            retries: 2,
            first_delay: std::time::Duration::from_millis(1),
            max_delay: std::time::Duration::from_secs(2),
        };
        config
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Whether the whole script was used up: a test that expects calls proves that they happened.
    pub(crate) fn is_done(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: UnixListener,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // Somebody who only looks whether a server is there uses up no reply.
        let Some(request) = read_request(&mut stream).await else {
            continue;
        };
        asked.lock().unwrap().push(request);
        let reply = script.lock().unwrap().pop_front();
        let reply = reply.unwrap_or_else(|| Reply::Full(500, vec![], "the script is over".into()));
        tokio::spawn(answer(stream, reply));
    }
}

async fn answer(mut stream: UnixStream, reply: Reply) {
    let (text, silent) = match reply {
        Reply::HangUp => return,
        Reply::Full(status, headers, body) => (full(status, &headers, &body), false),
        Reply::Events(frames) => (events(&frames), false),
        Reply::EventsThenSilence(frames) => (events(&frames), true),
    };
    // A client that went away is not this server's trouble.
    let _ = stream.write_all(text.as_bytes()).await;
    if silent {
        let _ = stream.read(&mut [0; 1]).await;
    }
}

fn full(status: u16, headers: &[(&str, String)], body: &str) -> String {
    let mut text = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}")
}

fn events(frames: &[String]) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n{}",
        frames.concat()
    )
}

async fn read_request(stream: &mut UnixStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(key, _)| key == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
