//! Reading what a daemon wrote down while it does not answer: a process that only reads, which lives as long as its
//! client wants it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{ConnectError, Daemon};
use crate::transport::{Client, ClientConfig, Endpoint};

/// Opening a database is quick; a process that takes longer will not come.
const START_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// A process that serves what is written down. It ends with this value.
#[derive(Debug)]
pub struct Reader {
    child: Child,
    socket: PathBuf,
    client: Client,
}

impl Reader {
    /// For calls that read jobs; all others are unknown to it.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It ends when its standard input does; the kill is for one that hangs.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Starts one beside the daemon's own socket, in the same private folder.
pub(super) async fn start(daemon: &Daemon) -> Result<Reader, ConnectError> {
    let Some(program) = daemon.program() else {
        return Err(ConnectError::NoProgram {
            programs: daemon.config.programs.clone(),
        });
    };
    let socket = daemon
        .config
        .socket
        .with_extension(format!("look-{}.sock", std::process::id()));
    let client = daemon.client(&ClientConfig::new(
        Endpoint::Socket(socket.clone()),
        &daemon.config.user_agent,
    ))?;
    let child = Command::new(program)
        .arg("--look")
        .arg("--state-dir")
        .arg(&daemon.config.state_dir)
        .arg("--socket")
        .arg(&socket)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| ConnectError::Spawn {
            program: program.to_owned(),
            source,
        })?;
    let mut reader = Reader {
        child,
        socket,
        client,
    };
    let started = Instant::now();
    loop {
        if std::os::unix::net::UnixStream::connect(&reader.socket).is_ok() {
            return Ok(reader);
        }
        if let Ok(Some(status)) = reader.child.try_wait() {
            return Err(ConnectError::Ended {
                program: program.to_owned(),
                status,
                log: String::new(),
            });
        }
        if started.elapsed() >= START_LIMIT {
            return Err(ConnectError::TooSlow {
                program: program.to_owned(),
                pid: reader.child.id(),
                waited: started.elapsed(),
                log: String::new(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
