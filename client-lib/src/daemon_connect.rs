//! Finding the local daemon, starting it when it is not there, and shaking hands.
//!
//! Neighbours: `start` brings a daemon up; `transport` speaks with it; front ends pass in where things are. Two
//! clients that start at once end up with one daemon: the second waits for the first on a lock file.

mod look;
mod owner;
mod start;

pub use look::Reader;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;

use crate::API;
use crate::api::meta::{Meta, StopDaemon};
use crate::error::{ErrorKind, Retry};
use crate::transport::{Client, ClientConfig, Endpoint, RetryPolicy};

/// A daemon that is there answers the handshake at once; one that does not within this is stuck.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// A daemon that runs and has no time for us (many call it at once, the machine is very busy) is given this much.
const BUSY_LIMIT: Duration = Duration::from_secs(30);

/// Somebody who only wants to read need not wait so long: what is written down can be read without the daemon.
const READING_LIMIT: Duration = Duration::from_secs(2);

/// A daemon without work that was asked to end is gone within this.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// Looks at a daemon that breaks off the handshake, and the pause between them.
const HANDSHAKE_TRIES: u32 = 5;
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(100);

/// Where the daemon's things are, passed in as values.
#[derive(Clone, Debug)]
pub struct DaemonConfig {
    /// Its socket.
    pub socket: PathBuf,
    /// Its state folder; the start lock and its logs are there.
    pub state_dir: PathBuf,
    /// Where `fentad` may be, in order; the first that exists is started.
    pub programs: Vec<PathBuf>,
    /// How long a start may take.
    pub start_limit: Duration,
    /// Who asks, for the daemon's log.
    pub user_agent: String,
    /// The release of `programs`; a daemon of an older one is replaced when it has nothing to do.
    pub release: String,
    /// Variables a daemon that is started gets beside those of this process.
    pub env: Vec<(String, String)>,
}

/// The local daemon, running or not.
#[derive(Clone, Debug)]
pub struct Daemon {
    config: DaemonConfig,
}

/// A daemon that answered.
#[derive(Clone, Debug)]
pub struct Connected {
    /// For calls.
    pub client: Client,
    /// What it said about itself.
    pub meta: Meta,
    /// Whether it had to be started.
    pub started: bool,
}

/// Where jobs can be read.
#[derive(Debug)]
pub enum Library {
    /// The daemon itself.
    Daemon(Box<Connected>),
    /// What it wrote down; it is there but does not answer.
    Record(Box<Reader>),
}

impl Library {
    /// For calls that read jobs.
    pub fn client(&self) -> &Client {
        match self {
            Self::Daemon(connected) => &connected.client,
            Self::Record(reader) => reader.client(),
        }
    }
}

/// What is at the socket.
#[derive(Clone, Debug)]
pub enum Probe {
    /// A daemon that speaks our language.
    Ready(Box<Connected>),
    /// A socket that nobody listens at: its daemon died.
    Stale,
    /// Nothing.
    Unreachable,
    /// A daemon of another time.
    VersionSkew(Box<Meta>),
}

/// Why there is no daemon to speak with.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// None runs, and none was to be started.
    #[error("no daemon runs at {}", .socket.display())]
    NotRunning {
        /// Its socket.
        socket: PathBuf,
    },
    /// The socket may not be used.
    #[error("cannot use the socket {}: {source}", .socket.display())]
    Socket {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is there, but the handshake failed.
    #[error("the daemon at {} does not answer the handshake: {reason}", .socket.display())]
    Handshake {
        /// Its socket.
        socket: PathBuf,
        /// What happened instead.
        reason: String,
    },
    /// Something is there and says nothing: its process is stopped, or the machine is very busy.
    #[error("the daemon at {} has not answered for {} s", .socket.display(), .waited.as_secs())]
    Stuck {
        /// Its socket.
        socket: PathBuf,
        /// How long.
        waited: Duration,
    },
    /// No common version of the API.
    #[error(
        "daemon {daemon} speaks API versions {daemon_min} to {daemon_max}, this client {client_min} to {client_max}"
    )]
    VersionSkew {
        /// The daemon's own version.
        daemon: String,
        /// Its oldest API.
        daemon_min: u32,
        /// Its newest API.
        daemon_max: u32,
        /// Our oldest API.
        client_min: u32,
        /// Our newest API.
        client_max: u32,
        /// Jobs it finishes before it ends, where it was asked to.
        finishing: Option<u32>,
    },
    /// There is no program to start.
    #[error("cannot find the program `fentad`; looked at {}", looked_at(.programs))]
    NoProgram {
        /// Where it was looked for.
        programs: Vec<PathBuf>,
    },
    /// The state folder or the lock in it cannot be used.
    #[error("cannot use {}: {source}", .path.display())]
    StateDir {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another client has been starting the daemon for too long.
    #[error("another program has held the start lock {} for {} s", .path.display(), .waited.as_secs())]
    StartLockHeld {
        /// The lock.
        path: PathBuf,
        /// How long.
        waited: Duration,
    },
    /// A daemon with this state folder listens at another socket.
    #[error("a daemon already uses {} and listens at {}", .state_dir.display(), .socket.display())]
    Elsewhere {
        /// The state folder.
        state_dir: PathBuf,
        /// Its socket.
        socket: PathBuf,
    },
    /// The program cannot be run at all.
    #[error("cannot run {}: {source}", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The daemon ended before it was ready.
    #[error("{} ended before it was ready ({status}){}", .program.display(), appended(.log))]
    Ended {
        /// The program.
        program: PathBuf,
        /// How.
        status: ExitStatus,
        /// The last lines it wrote.
        log: String,
    },
    /// The daemon is still not ready.
    #[error("{} (process {pid}) is not ready after {} s{}", .program.display(), .waited.as_secs(), appended(.log))]
    TooSlow {
        /// The program.
        program: PathBuf,
        /// Its process; it is left running.
        pid: u32,
        /// How long.
        waited: Duration,
        /// The last lines it wrote.
        log: String,
    },
    /// The address cannot be used.
    #[error("cannot speak with {}: {reason}", .socket.display())]
    Client {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        reason: String,
    },
}

impl ConnectError {
    /// What it means to the caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::VersionSkew { .. } => ErrorKind::VersionSkew,
            Self::StartLockHeld { .. } | Self::Elsewhere { .. } => ErrorKind::LockHeld,
            _ => ErrorKind::Unreachable,
        }
    }

    /// Whether another try may help: a daemon may be on its way out or in.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Handshake { .. }
            | Self::Stuck { .. }
            | Self::Ended { .. }
            | Self::TooSlow { .. }
            | Self::VersionSkew {
                finishing: Some(_), ..
            } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotRunning { .. } => "start it with `fenta daemon start`".to_owned(),
            Self::Socket { socket, .. } => format!(
                "check who owns {}, or name another socket with FENTA_SOCKET",
                socket.display()
            ),
            Self::Handshake { .. } => {
                "look at the end of its log: `fenta daemon status` names the file".to_owned()
            }
            Self::Stuck { .. } => "`fenta ps`, `fenta logs` and `fenta explain` read what it wrote down; if its process \
                 was stopped, `kill -CONT` lets it go on (`fentad.json` in its state folder names it)"
                .to_owned(),
            Self::VersionSkew {
                finishing: Some(jobs),
                ..
            } => format!(
                "it finishes its {jobs} job{} and ends; try again then",
                if *jobs == 1 { "" } else { "s" }
            ),
            Self::VersionSkew { .. } => {
                "let it finish and end with `fenta daemon stop`; the next command starts the new one"
                    .to_owned()
            }
            Self::NoProgram { .. } => {
                "put `fentad` beside `fenta` or name it with FENTA_FENTAD".to_owned()
            }
            Self::StateDir { .. } => {
                "make it writable, or name another folder with FENTA_STATE_DIR".to_owned()
            }
            Self::Elsewhere { socket, .. } => format!(
                "use it with FENTA_SOCKET={}, or name another folder with FENTA_STATE_DIR",
                socket.display()
            ),
            Self::StartLockHeld { .. } => {
                "wait for the other program, or end it, and try again".to_owned()
            }
            Self::Spawn { .. } | Self::Ended { .. } | Self::Client { .. } => {
                "`fenta doctor` checks what it needs".to_owned()
            }
            Self::TooSlow { .. } => {
                "it may still be checking its store; try again in a moment".to_owned()
            }
        };
        Some(hint)
    }
}

impl Daemon {
    /// The daemon that these places belong to. Nothing is touched yet.
    pub fn new(config: DaemonConfig) -> Self {
        Self { config }
    }

    /// Where its things are.
    pub fn config(&self) -> &DaemonConfig {
        &self.config
    }

    /// The program that would be started.
    pub fn program(&self) -> Option<&Path> {
        self.config
            .programs
            .iter()
            .map(PathBuf::as_path)
            .find(|path| path.is_file())
    }

    /// The file the daemon's first words go to, before its own log is open.
    pub fn start_log(&self) -> PathBuf {
        self.config.state_dir.join("logs").join("fentad-start.log")
    }

    /// Looks what is at the socket, without changing anything. A daemon that dies (or drops connections while it
    /// leaves) in the middle of the handshake is looked at again: a moment later it is gone or answers.
    pub async fn probe(&self) -> Result<Probe, ConnectError> {
        let asked = Instant::now();
        loop {
            match self.probe_within(HANDSHAKE_LIMIT).await {
                // One that is stopped does not become ready by waiting; one that runs does.
                Err(ConnectError::Stuck { .. })
                    if asked.elapsed() < BUSY_LIMIT && owner::goes_on(&self.config.state_dir) => {}
                Err(ConnectError::Stuck { .. }) => return Err(self.stuck(asked.elapsed())),
                outcome => return outcome,
            }
        }
    }

    async fn probe_within(&self, limit: Duration) -> Result<Probe, ConnectError> {
        for _ in 1..HANDSHAKE_TRIES {
            match self.probe_once(limit).await {
                Err(ConnectError::Handshake { .. }) => tokio::time::sleep(HANDSHAKE_PAUSE).await,
                outcome => return outcome,
            }
        }
        self.probe_once(limit).await
    }

    async fn probe_once(&self, limit: Duration) -> Result<Probe, ConnectError> {
        if let Some(absent) = self.knock().await? {
            return Ok(absent);
        }
        let handshake = |reason: String| ConnectError::Handshake {
            socket: self.config.socket.clone(),
            reason,
        };
        let mut config = ClientConfig::new(
            Endpoint::Socket(self.config.socket.clone()),
            &self.config.user_agent,
        );
        let client = self.client(&config)?;
        config.timeout = limit;
        config.retry = RetryPolicy {
            retries: 0,
            ..config.retry
        };
        let meta = self.client(&config)?.meta().await.map_err(|error| {
            if error.timed_out() {
                self.stuck(limit)
            } else {
                handshake(with_sources(&error))
            }
        })?;
        Ok(match meta.api.shared_with(API) {
            None => Probe::VersionSkew(Box::new(meta)),
            Some(_) => Probe::Ready(Box::new(Connected {
                client,
                meta,
                started: false,
            })),
        })
    }

    /// A running daemon, or an error: never starts one.
    pub async fn attach(&self) -> Result<Connected, ConnectError> {
        match self.probe().await? {
            Probe::Ready(connected) => Ok(*connected),
            Probe::VersionSkew(meta) => Err(skew(&meta, None)),
            Probe::Stale | Probe::Unreachable => Err(ConnectError::NotRunning {
                socket: self.config.socket.clone(),
            }),
        }
    }

    /// A running daemon, started when there is none. One of an older release is replaced: at once when it has nothing
    /// to do, else as soon as it has finished what it does.
    pub async fn connect(&self) -> Result<Connected, ConnectError> {
        let probe = self.probe().await?;
        self.settle(probe).await
    }

    /// Where jobs can be read: the daemon, started when there is none, or what it wrote down when it is there and does
    /// not answer.
    pub async fn library(&self) -> Result<Library, ConnectError> {
        let probe = match self.probe_within(READING_LIMIT).await {
            Err(ConnectError::Stuck { .. }) => {
                return look::start(self)
                    .await
                    .map(|reader| Library::Record(Box::new(reader)));
            }
            other => other?,
        };
        let connected = self.settle(probe).await?;
        Ok(Library::Daemon(Box::new(connected)))
    }

    async fn settle(&self, probe: Probe) -> Result<Connected, ConnectError> {
        match probe {
            Probe::Ready(connected) => {
                let meta = &connected.meta;
                if self.is_outdated(meta) && self.retire(meta).await? {
                    return start::start(self).await;
                }
                Ok(*connected)
            }
            Probe::VersionSkew(meta) if self.is_outdated(&meta) => {
                if self.retire(&meta).await? {
                    return start::start(self).await;
                }
                Err(skew(&meta, Some(meta.jobs_running)))
            }
            Probe::VersionSkew(meta) => Err(skew(&meta, None)),
            Probe::Stale | Probe::Unreachable => start::start(self).await,
        }
    }

    fn is_outdated(&self, meta: &Meta) -> bool {
        is_older(&meta.version, &self.config.release)
    }

    /// Asks a daemon to end: when nothing runs, or, where it speaks no language of ours, when what runs is finished.
    /// Whether it is gone.
    async fn retire(&self, meta: &Meta) -> Result<bool, ConnectError> {
        let client = self.client(&ClientConfig::new(
            Endpoint::Socket(self.config.socket.clone()),
            &self.config.user_agent,
        ))?;
        let shared = meta.api.shared_with(API).is_some();
        let how = StopDaemon {
            force: false,
            when_idle: shared,
        };
        // One that is on its way out, or does not know the wish, is used as it is.
        if client.stop_daemon(how).await.is_err() || meta.jobs_running > 0 {
            return Ok(false);
        }
        let asked = Instant::now();
        while asked.elapsed() < LEAVE_LIMIT {
            match self.probe().await {
                Ok(Probe::Stale | Probe::Unreachable) => return Ok(true),
                // Another client was quicker.
                Ok(Probe::Ready(connected)) if connected.meta.pid != meta.pid => return Ok(true),
                Ok(_) | Err(ConnectError::Handshake { .. }) => {
                    tokio::time::sleep(HANDSHAKE_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn stuck(&self, waited: Duration) -> ConnectError {
        ConnectError::Stuck {
            socket: self.config.socket.clone(),
            waited,
        }
    }

    fn client(&self, config: &ClientConfig) -> Result<Client, ConnectError> {
        Client::new(config).map_err(|error| ConnectError::Client {
            socket: self.config.socket.clone(),
            reason: with_sources(&error),
        })
    }

    /// Whether somebody listens; what it means when nobody does.
    async fn knock(&self) -> Result<Option<Probe>, ConnectError> {
        match UnixStream::connect(&self.config.socket).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Probe::Unreachable)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok(Some(Probe::Stale))
            }
            // It closed its socket while this connection stood in the queue: a moment later it is gone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Err(ConnectError::Handshake {
                    socket: self.config.socket.clone(),
                    reason: error.to_string(),
                })
            }
            // Its queue of connections is full: it has not looked at it for long.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(self.stuck(Duration::ZERO))
            }
            Err(source) => Err(ConnectError::Socket {
                socket: self.config.socket.clone(),
                source,
            }),
        }
    }
}

/// Whether release `theirs` came before `ours`; what is no three numbers is never older.
fn is_older(theirs: &str, ours: &str) -> bool {
    let numbers = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    };
    numbers(theirs)
        .zip(numbers(ours))
        .is_some_and(|(theirs, ours)| theirs < ours)
}

fn skew(meta: &Meta, finishing: Option<u32>) -> ConnectError {
    ConnectError::VersionSkew {
        daemon: meta.version.clone(),
        daemon_min: meta.api.min,
        daemon_max: meta.api.max,
        client_min: API.min,
        client_max: API.max,
        finishing,
    }
}

/// An error with everything underneath it in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn looked_at(programs: &[PathBuf]) -> String {
    let shown: Vec<String> = programs
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if shown.is_empty() {
        "no place at all".to_owned()
    } else {
        shown.join(", ")
    }
}

fn appended(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!("; its last words:\n{log}")
    }
}
