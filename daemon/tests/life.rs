//! The program itself: started, asked, killed and started again, over a stand-in renderer.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Speaks a thousand samples a word; while a file `closed` lies beside it, it waits.
const RENDERER: &str = r#"#!/bin/sh
if [ "$1" = --version-json ]; then echo '{"renderer":"stand-in 1","libraries":{}}'; exit 0; fi
here=$(dirname "$0")
job=$(cat)
out=$(printf %s "$job" | sed 's/.*"output_dir":"\([^"]*\)".*/\1/')
text=$(printf %s "$job" | sed 's/.*"text":"\([^"]*\)".*/\1/')
case "$text" in *map*) while [ -e "$here/closed" ]; do sleep 0.02; done;; esac
printf '%s\n' "$text" >> "$here/spoken"
n=0; words=
for w in $text; do
  words="$words${words:+,}{\"text\":\"$w\",\"start\":$((n*1000)),\"end\":$((n*1000+900))}"; n=$((n+1))
done
printf %s "$text" > "$out/a.wav"
echo "{\"event\":\"done\",\"outputs\":{\"audio\":\"a.wav\"},\"facts\":{\"kind\":\"speech\",\"value\":{\"sample_rate\":48000,\"samples\":$((n*1000)),\"words\":[$words]}}}"
"#;

const WORKFLOW: &str = "fenta: workflow/v1\nname: speech\nnodes:\n  voice:\n    type: Voice.TTS\n    with: { text: \"Bees dance for their sisters. The dance is a map.\" }\noutputs:\n  seconds: ${{ nodes.voice.seconds }}\n";

struct Home {
    folder: tempfile::TempDir,
}

struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let renderer = folder.path().join("fenta-render");
        // Written by a process of its own: a daemon that another test starts meanwhile would inherit the open file, and
        // the kernel runs no file that is open for writing.
        let mut copy = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&renderer)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = copy.stdin.take().unwrap();
        pipe.write_all(RENDERER.as_bytes()).unwrap();
        drop(pipe);
        assert!(copy.wait().unwrap().success());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("state/run/fentad.sock")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fentad"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("FENTA_STATE_DIR", self.path("state"))
            .env("FENTA_RENDER", self.path("fenta-render"))
            .env("FENTA_JOBS", "2")
            .arg("--foreground")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the daemon and returns when it says that it is ready.
    fn start(&self) -> Daemon {
        self.start_with(&mut self.command())
    }

    fn start_with(&self, command: &mut Command) -> Daemon {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut daemon = Daemon { child, log };
        daemon.wait_for("\"ready\"");
        daemon
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: f\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn submit(&self) -> String {
        let request = json!({
            "workflow": {
                "path": self.path("speech.yaml"), "name": "speech.yaml",
                "text": WORKFLOW, "dir": self.folder.path(),
            },
            "caller_dir": self.folder.path(),
        });
        let (status, body) = self.ask("POST", "/v1/jobs", &request.to_string());
        assert_eq!(status, 202, "{body}");
        let job: Value = serde_json::from_str(&body).unwrap();
        job["id"].as_str().unwrap().to_owned()
    }

    /// Reads the log of a job until an event of this type; the connection says when.
    fn wait_for_event(&self, job: &str, wanted: &str) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        write!(
            stream,
            "GET /v1/jobs/{job}/events HTTP/1.1\r\nhost: f\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let wanted = format!("\"type\":\"{wanted}\"");
        let found = BufReader::new(stream)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains(&wanted));
        assert!(found, "{wanted} never came");
    }

    fn job(&self, id: &str) -> Value {
        let (_, body) = self.ask("GET", &format!("/v1/jobs/{id}"), "");
        serde_json::from_str(&body).unwrap()
    }

    fn spoken(&self) -> usize {
        fs::read_to_string(self.path("spoken"))
            .unwrap_or_default()
            .lines()
            .count()
    }
}

impl Daemon {
    fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while self.log.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return;
            }
            line.clear();
        }
        panic!("the daemon ended without saying {text}");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and says how long that took.
    fn end(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        // Its log is read to the end, or a full pipe would hold it up.
        std::io::copy(&mut self.log, &mut std::io::sink()).unwrap();
        (self.child.wait().unwrap(), begun.elapsed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_private_and_leaves_nothing_behind() {
    let home = Home::new();
    let mut daemon = home.start();
    assert_eq!(mode(&home.path("state")), 0o700);
    assert_eq!(mode(&home.path("state/run")), 0o700);
    assert_eq!(mode(&home.socket()), 0o600);
    let about: Value =
        serde_json::from_slice(&fs::read(home.path("state/fentad.json")).unwrap()).unwrap();
    assert_eq!(about["pid"], daemon.child.id());
    daemon.signal(Signal::TERM);
    let (status, _) = daemon.end();
    assert!(status.success());
    assert!(!home.socket().exists());
    assert!(!home.path("state/fentad.json").exists());
    assert!(!home.path("state/running").exists());
}

#[test]
fn a_second_daemon_is_told_about_the_first() {
    let home = Home::new();
    let first = home.start();
    let output = home.command().output().unwrap();
    assert_eq!(output.status.code(), Some(22));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("(process {})", first.child.id())),
        "{said}"
    );
    let (status, _) = home.ask("GET", "/v1/meta", "");
    assert_eq!(status, 200, "the first is not disturbed");
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let home = Home::new();
    fs::write(home.path("closed"), "").unwrap();
    let mut daemon = home.start();
    let job = home.submit();
    home.wait_for_event(&job, "action_finished");
    daemon.signal(Signal::KILL);
    daemon.end();
    assert!(home.socket().exists(), "it could not tidy up");
    fs::remove_file(home.path("closed")).unwrap();

    let _daemon = home.start();
    home.wait_for_event(&job, "job_completed");
    let job = home.job(&job);
    assert_eq!(job["state"], "completed");
    assert_eq!(job["nodes"][0]["ran"], 1);
    assert_eq!(job["nodes"][0]["cached"], 1);
    let database = rusqlite::Connection::open(home.path("state/fenta.db")).unwrap();
    let check: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_signal_ends_it_within_seconds_and_the_job_waits_for_the_next_start() {
    let home = Home::new();
    fs::write(home.path("closed"), "").unwrap();
    let mut daemon = home.start();
    let job = home.submit();
    home.wait_for_event(&job, "action_finished");
    daemon.signal(Signal::TERM);
    let (status, took) = daemon.end();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
    fs::remove_file(home.path("closed")).unwrap();
    let _daemon = home.start();
    home.wait_for_event(&job, "job_completed");
    assert_eq!(home.spoken(), 2, "nothing was done twice");
}

#[test]
fn asked_to_stop_it_finishes_what_runs() {
    let home = Home::new();
    fs::write(home.path("closed"), "").unwrap();
    let mut daemon = home.start();
    let job = home.submit();
    home.wait_for_event(&job, "action_finished");
    let (status, _) = home.ask("POST", "/v1/daemon/stop", "{}");
    assert_eq!(status, 202);
    let (_, meta) = home.ask("GET", "/v1/meta", "");
    assert!(meta.contains("\"draining\"") || meta.contains("\"ready\""));
    fs::remove_file(home.path("closed")).unwrap();
    let (status, _) = daemon.end();
    assert!(status.success());
    assert_eq!(home.spoken(), 2);
    let _daemon = home.start();
    assert_eq!(home.job(&job)["state"], "completed");
}

#[test]
fn nobody_needs_it_and_it_leaves() {
    let home = Home::new();
    let mut daemon = home.start_with(home.command().env("FENTA_IDLE_EXIT_SECS", "1"));
    let (status, _) = daemon.end();
    assert!(status.success());
}

#[test]
fn in_the_background_it_logs_to_a_file() {
    let home = Home::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fentad"));
    let status = command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("FENTA_RENDER", home.path("fenta-render"))
        .env("FENTA_IDLE_EXIT_SECS", "1")
        .arg("--state-dir")
        .arg(home.path("state"))
        .status()
        .unwrap();
    assert!(status.success());
    let log = fs::read_to_string(home.path("state/logs/fentad.log")).unwrap();
    let messages: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .collect();
    assert_eq!(messages[0]["message"], "ready");
    assert_eq!(messages[0]["level"], "INFO");
}

#[test]
fn settings_that_cannot_work_are_explained() {
    let output = Command::new(env!("CARGO_BIN_EXE_fentad"))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("fentad: cannot tell where to keep state"),
        "{said}"
    );
}

#[test]
fn it_does_not_link_ffmpeg() {
    let output = Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_fentad"))
        .output()
        .unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    assert!(libraries.contains("libc.so"), "{libraries}");
    assert!(!libraries.contains("libav"), "{libraries}");
}
