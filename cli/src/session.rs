//! The way from a command to the daemon: where it is, starting it, and what to say about it once.
//!
//! Neighbours: `fenta_client::daemon_connect` does the work; commands that need a daemon hold one of these.

use std::time::Duration;

use fenta_client::{Client, ClientError, Connected, Daemon, DaemonConfig, Library};

use crate::command_error::CommandError;
use crate::settings::Settings;
use crate::ui::Ui;

/// A store that is checked after a crash may take this long.
const START_LIMIT: Duration = Duration::from_secs(10);

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Knows the daemon of these settings.
pub(crate) struct Session {
    daemon: Daemon,
}

impl Session {
    /// For these places.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            daemon: Daemon::new(DaemonConfig {
                socket: settings.socket.clone(),
                state_dir: settings.state_dir.clone(),
                programs: settings.fentad.clone(),
                start_limit: START_LIMIT,
                user_agent: format!("fenta/{VERSION}"),
                release: VERSION.to_owned(),
                env: settings.daemon_env.clone(),
            }),
        }
    }

    /// The daemon.
    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// A client of the running daemon, which is started when there is none.
    pub(crate) async fn client(&self, ui: &Ui) -> Result<Client, CommandError> {
        let connected = self.daemon.connect().await?;
        if let Some(notice) = notice(&connected) {
            ui.note(&notice);
        }
        Ok(connected.client)
    }

    /// Where jobs can be read, also while the daemon does not answer.
    pub(crate) async fn library(&self, ui: &Ui) -> Result<Library, CommandError> {
        let library = self.daemon.library().await?;
        match &library {
            Library::Daemon(connected) => {
                if let Some(notice) = notice(connected) {
                    ui.note(&notice);
                }
            }
            Library::Record(_) => ui.warn(
                "the daemon is there but does not answer; this is what it has written down so far",
            ),
        }
        Ok(library)
    }

    /// The same again after the daemon was lost.
    pub(crate) async fn again(&self) -> Result<Client, ClientError> {
        Ok(self.daemon.connect().await?.client)
    }
}

/// A daemon of another release works, but the user should know that its answers are of that release.
fn notice(connected: &Connected) -> Option<String> {
    let meta = &connected.meta;
    (meta.version != VERSION).then(|| {
        format!(
            "note: the daemon is release {}, this is {VERSION}; `fenta daemon stop` lets the next command start the new one",
            meta.version
        )
    })
}
