//! A client of HTTP/1.1 that shows every header and hides nothing, over a socket or over TCP. One request, one connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::env::FentaEnv;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A socket of this machine.
    Socket(PathBuf),
    /// A port.
    Tcp(SocketAddr),
}

/// A server, and who asks it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is.
    pub place: Place,
    /// What goes with each request.
    pub token: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails unless this is a problem with that status and code, whose body repeats the status and names the request.
    ///
    /// # Errors
    /// Shows the answer.
    pub fn is_problem(&self, status: u16, code: &str) -> anyhow::Result<()> {
        let body = self.json();
        let good = self.status == status
            && self.header("content-type") == Some("application/problem+json")
            && body["status"] == status
            && body["code"] == code
            && body["request_id"].as_str() == self.header("x-request-id");
        if !good {
            bail!("expected {status} {code}, got {self:?}: {}", self.text());
        }
        Ok(())
    }
}

impl Server {
    /// The daemon of a place, by its socket; it is started.
    ///
    /// # Errors
    /// When it does not start.
    pub fn socket_of(env: &FentaEnv) -> anyhow::Result<Self> {
        env.fenta(&["daemon", "start"])?.expect_code(0)?;
        Ok(Self {
            place: Place::Socket(env.state().parent().context("a folder")?.join("s/d.sock")),
            token: None,
        })
    }

    /// The daemon of a place that listens for TCP, with its token; it is started.
    ///
    /// # Errors
    /// When it does not start, or does not listen.
    pub fn port_of(env: &FentaEnv) -> anyhow::Result<Self> {
        env.fenta(&["daemon", "start"])?.expect_code(0)?;
        let text = std::fs::read_to_string(env.state().join("fentad.json"))?;
        let file: Value = serde_json::from_str(&text)?;
        let address = file["listen"].as_str().context("it does not listen")?;
        let token = std::fs::read_to_string(env.state().join("token"))?;
        Ok(Self {
            place: Place::Tcp(address.parse()?),
            token: Some(token.trim().to_owned()),
        })
    }

    /// What stands in `Host`.
    pub fn host(&self) -> String {
        match &self.place {
            Place::Socket(_) => "fenta".to_owned(),
            Place::Tcp(address) => address.to_string(),
        }
    }

    /// Reads something.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, &[], b"")
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.ask("POST", path, &[], body.to_string().as_bytes())
    }

    /// Any request. A body without a `content-type` is JSON.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let mut add = |name: &str, value: &str| {
            if !headers.iter().any(|(given, _)| *given == name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        add("host", &self.host());
        add("connection", "close");
        if let Some(token) = &self.token {
            add("authorization", &format!("Bearer {token}"));
        }
        if !body.is_empty() {
            add("content-type", "application/json");
        }
        add("content-length", &body.len().to_string());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.talk(&[head.as_bytes(), body].concat())
    }

    /// Sends bytes as they are and reads the answer to its end.
    ///
    /// # Errors
    /// When nobody answers, or what answers is no HTTP.
    pub fn talk(&self, said: &[u8]) -> anyhow::Result<Answer> {
        let mut heard = Vec::new();
        // A server that answers before it has read everything closes: what it said is read all the same.
        match &self.place {
            Place::Socket(path) => {
                let mut stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let _ = stream.write_all(said);
                let _ = stream.read_to_end(&mut heard);
            }
            Place::Tcp(address) => {
                let mut stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let _ = stream.write_all(said);
                let _ = stream.read_to_end(&mut heard);
            }
        }
        parse(&heard)
    }
}

fn parse(heard: &[u8]) -> anyhow::Result<Answer> {
    let end = heard
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .with_context(|| format!("no answer: {:?}", String::from_utf8_lossy(heard)))?;
    let head = String::from_utf8_lossy(&heard[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .context("a status")?
        .parse()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = heard[end + 4..].to_vec();
    Ok(Answer {
        status,
        headers,
        body: if chunked { unchunked(&body) } else { body },
    })
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let from = end + 2;
        if size == 0 || body.len() < from + size {
            break;
        }
        bytes.extend_from_slice(&body[from..from + size]);
        body = &body[(from + size + 2).min(body.len())..];
    }
    bytes
}
