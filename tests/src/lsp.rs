//! A client of a YAML language server, enough of one to be told what an editor would show.
//!
//! Neighbours: `cases/editor.rs` uses it. The server is the npm package pinned in `tests/lsp`, which `setup.sh` puts into
//! `target/lsp`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use crate::house::workspace_root;

/// The longest an answer may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub struct LanguageServer {
    child: Child,
    input: ChildStdin,
    output: Receiver<Json>,
    next_id: i64,
    diagnostics: BTreeMap<String, Vec<Json>>,
}

/// Where the server lies.
fn server() -> PathBuf {
    workspace_root().join("target/lsp/node_modules/yaml-language-server/bin/yaml-language-server")
}

impl LanguageServer {
    /// Starts it in a folder and shakes hands.
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let server = server();
        if !server.is_file() {
            bail!("{} is missing; ./setup.sh installs it", server.display());
        }
        let mut child = Command::new("node")
            .arg(server)
            .arg("--stdio")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run `node`; ./setup.sh installs it")?;
        let input = child.stdin.take().context("stdin is piped")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            while let Ok(message) = receive(&mut reader) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            child,
            input,
            output,
            next_id: 1,
            diagnostics: BTreeMap::new(),
        };
        server.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "rootUri": uri(folder),
                "capabilities": {
                    "workspace": { "configuration": true },
                    "textDocument": {
                        "completion": { "completionItem": { "documentationFormat": ["markdown"] } },
                        "publishDiagnostics": {}
                    }
                }
            }),
        )?;
        server.notify("initialized", json!({}))?;
        Ok(server)
    }

    /// Shows it a document and returns what it complains about.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn open(&mut self, path: &Path, text: &str) -> anyhow::Result<Vec<Json>> {
        let uri = uri(path);
        self.notify(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri, "languageId": "yaml", "version": 1, "text": text } }),
        )?;
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            if let Some(found) = self.diagnostics.remove(&uri) {
                return Ok(found);
            }
            self.listen(None)?;
        }
        bail!("no diagnostics for {uri}")
    }

    /// What it would offer at a place, counted from zero: labels.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn complete(
        &mut self,
        path: &Path,
        line: usize,
        column: usize,
    ) -> anyhow::Result<Vec<String>> {
        let answer = self.request(
            "textDocument/completion",
            json!({
                "textDocument": { "uri": uri(path) },
                "position": { "line": line, "character": column }
            }),
        )?;
        let items = match &answer["items"] {
            Json::Array(items) => items,
            _ => answer
                .as_array()
                .context("completion answers with a list")?,
        };
        let labels = items.iter().filter_map(|item| item["label"].as_str());
        Ok(labels.map(str::to_owned).collect())
    }

    fn request(&mut self, method: &str, params: Json) -> anyhow::Result<Json> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            if let Some(answer) = self.listen(Some(id))? {
                return Ok(answer);
            }
        }
        bail!("no answer to {method}")
    }

    fn notify(&mut self, method: &str, params: Json) -> anyhow::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Takes one message: an answer that is waited for, diagnostics, or a question of the server's.
    fn listen(&mut self, waits_for: Option<i64>) -> anyhow::Result<Option<Json>> {
        let message = self
            .output
            .recv_timeout(LIMIT)
            .context("the language server says nothing more")?;
        match (message["method"].as_str(), &message["id"]) {
            (None, id) if waits_for.is_some() && id.as_i64() == waits_for => {
                if !message["error"].is_null() {
                    bail!("the language server answers {}", message["error"]);
                }
                return Ok(Some(message["result"].clone()));
            }
            (Some("textDocument/publishDiagnostics"), _) => {
                let params = &message["params"];
                let found = params["diagnostics"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let uri = params["uri"].as_str().unwrap_or_default().to_owned();
                self.diagnostics.insert(uri, found);
            }
            (Some(method), id) if !id.is_null() => {
                let result = answer_to(method, &message["params"]);
                self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn send(&mut self, message: &Json) -> anyhow::Result<()> {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        Ok(self.input.flush()?)
    }
}

impl Drop for LanguageServer {
    fn drop(&mut self) {
        // It is ours and holds nothing; there is nobody to tell when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The editor's settings: everything on, nothing fetched.
fn answer_to(method: &str, params: &Json) -> Json {
    if method != "workspace/configuration" {
        return Json::Null;
    }
    let items = params["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| match item["section"].as_str() {
            Some("yaml") => json!({
                "validate": true,
                "completion": true,
                "hover": true,
                "schemaStore": { "enable": false }
            }),
            _ => Json::Null,
        })
        .collect()
}

fn receive(reader: &mut impl BufRead) -> anyhow::Result<Json> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            bail!("the server closed its output");
        }
        match line.trim().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse()?,
            _ if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
