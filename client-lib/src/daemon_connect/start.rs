//! Starting the daemon: under a lock, detached from the terminal, watched until it is ready.
//!
//! Only `daemon_connect` uses it. It must not decide whether a start is wanted.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{ConnectError, Connected, Daemon, Probe, skew};
use crate::exit_code;
use crate::ffi_setsid;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// As much of the log as fits on a screen.
const LOG_LINES: usize = 10;
const LOG_BYTES: u64 = 8 * 1024;

/// Brings the daemon up and shakes hands. When another client does the same, its daemon is used.
pub(super) async fn start(daemon: &Daemon) -> Result<Connected, ConnectError> {
    let started = Instant::now();
    let log = daemon.start_log();
    for folder in [Some(daemon.config.state_dir.as_path()), log.parent()] {
        folder.map(private_folder).transpose()?;
    }
    let (_lock, found) = lock(daemon, started).await?;
    if let Some(connected) = found {
        return Ok(connected);
    }
    loop {
        let mut child = spawn(daemon, &log)?;
        match watch(daemon, &mut child, started).await? {
            Watched::Ready(connected) => return Ok(*connected),
            // The daemon before it is still on its way out and holds the state folder.
            Watched::Ended { status, .. }
                if status.code() == Some(i32::from(exit_code::LOCK_HELD))
                    && started.elapsed() < daemon.config.start_limit =>
            {
                if let Some(socket) = elsewhere(daemon) {
                    return Err(ConnectError::Elsewhere {
                        state_dir: daemon.config.state_dir.clone(),
                        socket,
                    });
                }
                tokio::time::sleep(LONGEST_PAUSE).await;
            }
            Watched::Ended { status, program } => {
                return Err(ConnectError::Ended {
                    program,
                    status,
                    log: last_lines(&log),
                });
            }
        }
    }
}

/// Where the owner of the state folder listens, when that is another socket than ours: waiting does not help then.
fn elsewhere(daemon: &Daemon) -> Option<PathBuf> {
    let text = fs::read_to_string(daemon.config.state_dir.join("fentad.json")).ok()?;
    let told: serde_json::Value = serde_json::from_str(&text).ok()?;
    let socket = PathBuf::from(told.get("socket")?.as_str()?);
    (socket != daemon.config.socket).then_some(socket)
}

enum Watched {
    Ready(Box<Connected>),
    Ended {
        program: PathBuf,
        status: ExitStatus,
    },
}

/// The start lock; with it the daemon another client has brought up in the meantime, if any.
async fn lock(
    daemon: &Daemon,
    started: Instant,
) -> Result<(File, Option<Connected>), ConnectError> {
    let path = daemon.config.state_dir.join("start.lock");
    let broken = |source| ConnectError::StateDir {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(broken)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match file.try_lock() {
            Ok(()) => {
                let found = ready(daemon).await?;
                return Ok((file, found));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(broken(source)),
        }
        if started.elapsed() >= daemon.config.start_limit {
            return Err(ConnectError::StartLockHeld {
                path,
                waited: started.elapsed(),
            });
        }
        pause = rest(pause).await;
    }
}

/// The daemon, if it is ready now.
async fn ready(daemon: &Daemon) -> Result<Option<Connected>, ConnectError> {
    match daemon.probe().await? {
        Probe::Ready(connected) => Ok(Some(*connected)),
        Probe::VersionSkew(meta) => Err(skew(&meta, None)),
        Probe::Stale | Probe::Unreachable => Ok(None),
    }
}

fn spawn(daemon: &Daemon, log: &Path) -> Result<(PathBuf, Child), ConnectError> {
    let Some(program) = daemon.program().map(Path::to_path_buf) else {
        return Err(ConnectError::NoProgram {
            programs: daemon.config.programs.clone(),
        });
    };
    let words = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(log)
        .map_err(|source| ConnectError::StateDir {
            path: log.to_path_buf(),
            source,
        })?;
    let mut command = Command::new(&program);
    command
        .arg("--state-dir")
        .arg(&daemon.config.state_dir)
        .arg("--socket")
        .arg(&daemon.config.socket)
        .envs(daemon.config.env.iter().map(|(name, value)| (name, value)))
        // The daemon outlives the folder it was started from.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words);
    ffi_setsid::detach(&mut command);
    match command.spawn() {
        Ok(child) => Ok((program, child)),
        Err(source) => Err(ConnectError::Spawn { program, source }),
    }
}

/// Waits until the daemon is ready or has ended.
async fn watch(
    daemon: &Daemon,
    (program, child): &mut (PathBuf, Child),
    started: Instant,
) -> Result<Watched, ConnectError> {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(mut connected) = ready(daemon).await? {
            connected.started = true;
            return Ok(Watched::Ready(Box::new(connected)));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Ok(Watched::Ended {
                program: program.clone(),
                status,
            });
        }
        if started.elapsed() >= daemon.config.start_limit {
            return Err(ConnectError::TooSlow {
                program: program.clone(),
                pid: child.id(),
                waited: started.elapsed(),
                log: last_lines(&daemon.start_log()),
            });
        }
        pause = rest(pause).await;
    }
}

/// Sleeps and names the next, longer pause.
async fn rest(pause: Duration) -> Duration {
    tokio::time::sleep(pause).await;
    (pause * 2).min(LONGEST_PAUSE)
}

fn private_folder(path: &Path) -> Result<(), ConnectError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| ConnectError::StateDir {
            path: path.to_path_buf(),
            source,
        })
}

/// The end of a log; empty when there is none, because the error that shows it matters more.
fn last_lines(path: &Path) -> String {
    read_end(path)
        .map(|text| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        })
        .unwrap_or_default()
}

fn read_end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = fs::metadata(path)?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
