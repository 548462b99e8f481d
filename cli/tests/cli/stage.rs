//! A temporary home, the program under test with an empty environment, and a daemon that answers from a script.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::answers::META;

pub(crate) struct Stage {
    dir: TempDir,
}

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What the scripted daemon was asked: first lines and bodies.
pub(crate) struct ScriptedDaemon {
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn fenta(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fenta"));
        command.args(args);
        self.end(command)
    }

    /// A line of bash; the program is `$FENTA`.
    pub(crate) fn shell(&self, line: &str) -> Ended {
        let mut command = Command::new("bash");
        command.args(["-c", line]);
        self.end(command)
    }

    fn end(&self, mut command: Command) -> Ended {
        let output = command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("FENTA", env!("CARGO_BIN_EXE_fenta"))
            .env("FENTA_STATE_DIR", self.path("state"))
            .env("FENTA_SOCKET", self.path("d.sock"))
            .env("FENTA_FENTAD", self.path("no-fentad-here"))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A daemon on the socket. It shakes hands whenever asked to and gives every other request the next answer:
    /// events as a stream that ends, `silence` as one that does not, all else as JSON.
    pub(crate) fn daemon(&self, script: &[&str]) -> ScriptedDaemon {
        let listener = UnixListener::bind(self.path("d.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let daemon = ScriptedDaemon {
            asked: asked.clone(),
        };
        let mut script: VecDeque<String> = script.iter().map(|text| (*text).to_owned()).collect();
        let home = self.dir.path().to_path_buf();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if let Some((line, body)) = read_request(&mut stream) {
                    asked.lock().unwrap().push((line.clone(), body));
                    answer(stream, &line, &mut script, &home);
                }
            }
        });
        daemon
    }
}

impl ScriptedDaemon {
    /// The body of the first request that begins like this.
    pub(crate) fn asked(&self, start: &str) -> Option<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .find(|(line, _)| line.starts_with(start))
            .map(|(_, body)| body.clone())
    }

    /// The bodies of all requests that begin like this and then say no more of the path.
    pub(crate) fn all_asked(&self, start: &str) -> Vec<String> {
        let start = format!("{start} ");
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(line, _)| line.starts_with(&start))
            .map(|(_, body)| body.clone())
            .collect()
    }
}

fn answer(mut stream: UnixStream, line: &str, script: &mut VecDeque<String>, home: &Path) {
    if line.starts_with("GET /v1/meta") {
        let meta = META.replace("VERSION", env!("CARGO_PKG_VERSION"));
        return write(&mut stream, "application/json", &meta);
    }
    let text = script
        .pop_front()
        .unwrap_or_else(|| "the script is over".to_owned());
    if text == "silence" {
        write(&mut stream, "text/event-stream", "");
        fs::write(home.join("asked-events"), "").unwrap();
        // The stream stays open until the client goes away.
        std::thread::spawn(move || stream.read(&mut [0; 1]));
    } else if text.starts_with("id: ") {
        write(&mut stream, "text/event-stream", &text);
    } else {
        write(&mut stream, "application/json", &text);
    }
}

fn write(stream: &mut UnixStream, media_type: &str, body: &str) {
    // Without a length the end of the connection is the end of the answer. A client that went away needs none.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {media_type}\r\n\r\n{body}"
    );
}

fn read_request(stream: &mut UnixStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            let line = head.lines().next()?.to_owned();
            return Some((line, body.to_owned()));
        }
    }
}
