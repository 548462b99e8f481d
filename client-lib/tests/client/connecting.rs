//! Finding and starting a daemon: the processes are real, the daemon is a stand-in run from this test binary.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fenta_client::api::meta::StopDaemon;
use fenta_client::{ConnectError, Connected, Daemon, DaemonConfig, ErrorKind, Probe};
use tempfile::TempDir;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A `fentad` whose behaviour is the ignored test below.
    fn stand_in(&self, before: &str) -> PathBuf {
        let this = std::env::current_exe().unwrap();
        let body = format!(
            "{before}\nexport STAND_IN_STATE=\"$2\" STAND_IN_SOCKET=\"$4\"\nexec '{}' --exact connecting::stand_in_daemon --ignored --nocapture",
            this.display()
        );
        self.script("fentad", &body)
    }

    fn daemon(&self, program: PathBuf, limit: Duration) -> Daemon {
        Daemon::new(DaemonConfig {
            release: "1.0.0".to_owned(),
            socket: self.path("d.sock"),
            state_dir: self.path("state"),
            programs: vec![self.path("nowhere"), program],
            start_limit: limit,
            user_agent: "test/1".to_owned(),
            env: Vec::new(),
        })
    }

    fn of_release(&self, release: &str, daemon: &Daemon) -> Daemon {
        Daemon::new(DaemonConfig {
            release: release.to_owned(),
            ..daemon.config().clone()
        })
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path("state").join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

const LONG: Duration = Duration::from_secs(30);

async fn stop(connected: &Connected) {
    let how = StopDaemon {
        force: true,
        ..StopDaemon::default()
    };
    connected.client.stop_daemon(how).await.unwrap();
}

#[tokio::test]
async fn two_clients_at_once_end_up_with_one_daemon() {
    let place = Place::new();
    let daemon = place.daemon(place.stand_in(""), LONG);
    let (a, b) = tokio::join!(daemon.connect(), daemon.connect());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.meta.pid, b.meta.pid);
    assert_eq!(usize::from(a.started) + usize::from(b.started), 1);
    let third = daemon.connect().await.unwrap();
    assert!(!third.started);
    assert_eq!(place.lines("starts").len(), 1);
    stop(&a).await;
}

#[tokio::test]
async fn the_daemon_has_a_session_of_its_own() {
    let place = Place::new();
    let daemon = place.daemon(place.stand_in(""), LONG);
    let connected = daemon.connect().await.unwrap();
    let pid = i32::try_from(connected.meta.pid).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    let mode = fs::metadata(place.path("state")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
    stop(&connected).await;
}

#[tokio::test]
async fn an_older_daemon_without_work_is_replaced() {
    let place = Place::new();
    let old = place.daemon(
        place.stand_in("[ -e \"$2/starts\" ] || export STAND_IN_VERSION=0.9.12"),
        LONG,
    );
    // As the older client started it: its own release is no news to it.
    let first = place.of_release("0.9.12", &old).connect().await.unwrap();
    assert_eq!(first.meta.version, "0.9.12");
    let second = old.connect().await.unwrap();
    assert_eq!(second.meta.version, "9.9");
    assert_ne!(first.meta.pid, second.meta.pid);
    assert!(second.started);
    assert_eq!(place.lines("starts").len(), 2);
    stop(&second).await;
}

#[tokio::test]
async fn an_older_daemon_with_work_is_used_and_asked_to_leave_afterwards() {
    let place = Place::new();
    let before = "export STAND_IN_VERSION=0.9.12 STAND_IN_RUNNING=2";
    let daemon = place.daemon(place.stand_in(before), LONG);
    let first = place.of_release("0.9.12", &daemon).connect().await.unwrap();
    let second = daemon.connect().await.unwrap();
    assert_eq!(first.meta.pid, second.meta.pid);
    let asked = place.lines("stop").join("\n");
    assert!(asked.contains("\"when_idle\":true"), "{asked}");
    stop(&second).await;
}

#[tokio::test]
async fn an_older_daemon_of_another_language_is_drained_never_killed() {
    let place = Place::new();
    let before = "export STAND_IN_VERSION=0.9.12 STAND_IN_RUNNING=1 STAND_IN_API=0";
    let daemon = place.daemon(place.stand_in(before), Duration::from_secs(2));
    // It is there, but not for us.
    let _ = daemon.connect().await.unwrap_err();
    let error = daemon.connect().await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::VersionSkew {
                finishing: Some(1),
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("finishes its 1 job and ends")
    );
    let asked = place.lines("stop").join("\n");
    assert!(
        !asked.contains("when_idle") && asked.contains("\"force\":false"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_daemon_that_says_nothing_is_not_waited_for_long() {
    let place = Place::new();
    let _silent = UnixListener::bind(place.path("d.sock")).unwrap();
    let daemon = place.daemon(place.path("none"), LONG);
    let error = daemon.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Stuck { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    // Reading goes on without it, where there is a program that reads.
    let error = daemon.library().await.unwrap_err();
    assert!(matches!(error, ConnectError::NoProgram { .. }), "{error}");
}

#[tokio::test]
async fn looking_starts_nothing() {
    let place = Place::new();
    let daemon = place.daemon(place.stand_in(""), LONG);
    assert!(matches!(daemon.probe().await.unwrap(), Probe::Unreachable));
    let error = daemon.attach().await.unwrap_err();
    assert!(matches!(error, ConnectError::NotRunning { .. }), "{error}");
    assert!(!place.path("state").exists());
}

#[tokio::test]
async fn a_dead_socket_is_told_from_none_and_replaced() {
    let place = Place::new();
    drop(UnixListener::bind(place.path("d.sock")).unwrap());
    let daemon = place.daemon(place.stand_in("rm -f \"$4\""), LONG);
    assert!(matches!(daemon.probe().await.unwrap(), Probe::Stale));
    let connected = daemon.connect().await.unwrap();
    assert!(connected.started);
    stop(&connected).await;
}

#[tokio::test]
async fn a_daemon_that_ends_says_why() {
    let place = Place::new();
    let program = place.script("fentad", "echo 'the store is damaged' >&2; exit 40");
    let error = place.daemon(program, LONG).connect().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ConnectError::Ended { .. }), "{text}");
    assert!(
        text.contains("the store is damaged") && text.contains("40"),
        "{text}"
    );
}

#[tokio::test]
async fn a_daemon_on_its_way_out_is_waited_for() {
    let place = Place::new();
    let once = "[ -e \"$2/tried\" ] || { touch \"$2/tried\"; exit 22; }";
    let daemon = place.daemon(place.stand_in(once), LONG);
    let connected = daemon.connect().await.unwrap();
    assert!(connected.started && place.path("state/tried").exists());
    stop(&connected).await;
}

#[tokio::test]
async fn a_daemon_that_is_never_ready_is_reported_with_its_process() {
    let place = Place::new();
    let program = place.script("fentad", "echo checking >&2; exec sleep 20");
    let daemon = place.daemon(program, Duration::from_millis(300));
    let error = daemon.connect().await.unwrap_err();
    let ConnectError::TooSlow { pid, log, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(log, "checking");
    let pid = rustix::process::Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)
        .expect("the process was left running, because it may still become ready");
}

#[tokio::test]
async fn a_daemon_of_the_folder_at_another_socket_is_named_at_once() {
    let place = Place::new();
    let daemon = place.daemon(place.script("fentad", "exit 22"), LONG);
    fs::create_dir(place.path("state")).unwrap();
    fs::write(
        place.path("state/fentad.json"),
        r#"{"socket":"/run/other.sock"}"#,
    )
    .unwrap();
    let error = daemon.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Elsewhere { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::LockHeld);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("FENTA_SOCKET=/run/other.sock")
    );
}

#[tokio::test]
async fn a_lock_held_for_too_long_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("state")).unwrap();
    let lock = fs::File::create(place.path("state/start.lock")).unwrap();
    lock.lock().unwrap();
    let daemon = place.daemon(place.stand_in(""), Duration::from_millis(100));
    let error = daemon.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockHeld, "{error}");
    assert!(error.to_string().contains("start.lock"), "{error}");
}

#[tokio::test]
async fn without_a_program_the_places_are_named() {
    let place = Place::new();
    let daemon = place.daemon(place.path("missing"), LONG);
    let text = daemon.connect().await.unwrap_err().to_string();
    assert!(
        text.contains("nowhere") && text.contains("missing"),
        "{text}"
    );
}

#[tokio::test]
async fn a_daemon_of_another_time_is_not_used_and_not_replaced() {
    let place = Place::new();
    let daemon = place.daemon(place.stand_in("export STAND_IN_API=7"), LONG);
    let error = daemon.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VersionSkew, "{error}");
    assert!(matches!(
        daemon.probe().await.unwrap(),
        Probe::VersionSkew(meta) if meta.api.min == 7
    ));
    let config = fenta_client::ClientConfig::new(
        fenta_client::Endpoint::Socket(place.path("d.sock")),
        "test/1",
    );
    let client = fenta_client::Client::new(&config).unwrap();
    client
        .stop_daemon(StopDaemon {
            force: true,
            ..StopDaemon::default()
        })
        .await
        .unwrap();
}

/// Not a test by itself: the process that the tests above start as `fentad`. Ends when told to, or when its folder
/// is gone.
#[test]
#[ignore = "run by the other tests as a process of its own"]
#[allow(
    clippy::exit,
    reason = "it is a process of its own, and its test is gone"
)]
fn stand_in_daemon() {
    let Some(socket) = std::env::var_os("STAND_IN_SOCKET") else {
        return;
    };
    let state = PathBuf::from(std::env::var_os("STAND_IN_STATE").unwrap());
    let api = std::env::var("STAND_IN_API").unwrap_or_else(|_| "1".to_owned());
    let version = std::env::var("STAND_IN_VERSION").unwrap_or_else(|_| "9.9".to_owned());
    let running = std::env::var("STAND_IN_RUNNING").unwrap_or_else(|_| "0".to_owned());
    let mut starts = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(state.join("starts"))
        .unwrap();
    writeln!(starts, "{}", std::process::id()).unwrap();
    std::thread::spawn({
        let state = state.clone();
        move || {
            while state.exists() {
                std::thread::sleep(Duration::from_millis(200));
            }
            std::process::exit(0);
        }
    });
    let listener = UnixListener::bind(Path::new(&socket)).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        // The body may come after the head; what is not read would break the answer off.
        let mut head = String::new();
        let whole = |text: &str| {
            let wanted = if text.starts_with("POST") {
                "}"
            } else {
                "\r\n\r\n"
            };
            text.trim_end_matches('\0').ends_with(wanted)
        };
        let mut bytes = [0; 4096];
        while !whole(&head) {
            match stream.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(read) => head.push_str(&String::from_utf8_lossy(&bytes[..read])),
            }
        }
        if head.is_empty() {
            continue;
        }
        if head.starts_with("POST /v1/daemon/stop") {
            fs::write(state.join("stop"), &head).unwrap();
        }
        let body = format!(
            r#"{{"version":"{version}","api":{{"min":{api},"max":{api}}},"state":"ready","pid":{},"started_at":"2026-01-01T00:00:00Z","jobs_running":{running},"tool":"t","state_dir":"/s"}}"#,
            std::process::id()
        );
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if head.starts_with("POST /v1/daemon/stop") {
            // One with work stays until that is done.
            if running == "0" || head.contains("\"force\":true") {
                let _ = fs::remove_file(Path::new(&socket));
                return;
            }
        }
    }
}
