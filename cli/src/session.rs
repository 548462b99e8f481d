//! The way from a command to its server: the daemon of this machine, which is started when there is none, or the server of a
//! context.
//!
//! Neighbours: `fenta_client::daemon_connect` does the work; commands that need a server hold one of these.

use std::path::PathBuf;
use std::time::Duration;

use fenta_client::context::{ContextError, ContextFile, Contexts, LOCAL, account};
use fenta_client::credentials::{KeyFile, KeySource, Secret};
use fenta_client::{
    Client, ClientConfig, ClientError, Connected, Daemon, DaemonConfig, Endpoint, Library,
};

use crate::command_error::CommandError;
use crate::settings::Settings;
use crate::ui::Ui;

/// A store that is checked after a crash may take this long.
const START_LIMIT: Duration = Duration::from_secs(10);

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Knows the daemon of these settings, and the other servers of the user.
pub(crate) struct Session {
    daemon: Daemon,
    /// The folder of the user's settings.
    config: Option<PathBuf>,
    /// The context that was named for this command.
    named: Option<String>,
    /// The token of the environment.
    token: Option<String>,
}

/// A server that is not the daemon of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// The name of its context.
    pub(crate) name: String,
    /// Its address.
    pub(crate) url: String,
    /// Who the user is to it, and where that was found.
    pub(crate) token: Option<(Secret, KeySource)>,
}

impl Remote {
    /// A client of it, with the token where there is one.
    pub(crate) fn client(&self) -> Result<Client, CommandError> {
        let mut config =
            ClientConfig::new(Endpoint::Url(self.url.clone()), format!("fenta/{VERSION}"));
        if let Some((token, _)) = &self.token {
            config = config.with_token(token.clone());
        }
        Ok(Client::new(&config)?)
    }
}

impl Session {
    /// For these places, and the context that the command names.
    pub(crate) fn new(settings: &Settings, named: Option<String>) -> Self {
        Self {
            config: settings.config_home.as_ref().map(|home| home.join("fenta")),
            named,
            token: settings.token.clone(),
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

    /// The user's servers.
    pub(crate) fn contexts(&self) -> Result<Contexts, CommandError> {
        match &self.config {
            Some(folder) => ContextFile::in_folder(folder)
                .read()
                .map_err(|error| refused(&error)),
            None => Ok(Contexts::default()),
        }
    }

    /// Keeps the user's servers.
    pub(crate) fn keep_contexts(&self, contexts: &Contexts) -> Result<(), CommandError> {
        let folder = self.config.as_ref().ok_or_else(|| {
            CommandError::usage(
                "cannot tell where to keep contexts: HOME is not set",
                "set HOME",
            )
        })?;
        ContextFile::in_folder(folder)
            .write(contexts)
            .map_err(|error| refused(&error))
    }

    /// The name of the context of this command.
    pub(crate) fn context(&self) -> Result<String, CommandError> {
        match &self.named {
            Some(name) => Ok(name.clone()),
            None => Ok(self.contexts()?.current().to_owned()),
        }
    }

    /// The server of this command; none where it is the daemon of this machine.
    pub(crate) fn remote(&self) -> Result<Option<Remote>, CommandError> {
        self.remote_of(&self.context()?)
    }

    /// The server of a context; none for this machine.
    pub(crate) fn remote_of(&self, name: &str) -> Result<Option<Remote>, CommandError> {
        if name == LOCAL {
            return Ok(None);
        }
        let server = self
            .contexts()?
            .server(name)
            .map_err(|error| refused(&error))?;
        let Some(server) = server else {
            return Ok(None);
        };
        let of_environment = self
            .token
            .as_deref()
            .and_then(|token| Secret::new(token).ok());
        let token = match (of_environment, &self.config) {
            (Some(token), _) => Some((token, KeySource::Variable("FENTA_TOKEN".to_owned()))),
            (None, Some(folder)) => {
                KeyFile::in_folder(folder)
                    .get(&account(name))
                    .map_err(|error| {
                        CommandError::usage(error.to_string(), "log in again: `fenta auth login`")
                    })?
            }
            (None, None) => None,
        };
        Ok(Some(Remote {
            name: name.to_owned(),
            url: server.url,
            token,
        }))
    }

    /// A client of the daemon of this machine, whatever the context.
    pub(crate) async fn local(&self, ui: &Ui) -> Result<Client, CommandError> {
        let connected = self.daemon.connect().await?;
        if let Some(notice) = notice(&connected) {
            ui.note(&notice);
        }
        Ok(connected.client)
    }

    /// A client of the server of this command. The daemon of this machine is started when there is none.
    pub(crate) async fn client(&self, ui: &Ui) -> Result<Client, CommandError> {
        match self.remote()? {
            Some(remote) => remote.client(),
            None => self.local(ui).await,
        }
    }

    /// Where jobs can be read, also while the daemon does not answer.
    pub(crate) async fn library(&self, ui: &Ui) -> Result<Library, CommandError> {
        if let Some(remote) = self.remote()? {
            let client = remote.client()?;
            let meta = client.meta().await?;
            return Ok(Library::Daemon(Box::new(Connected {
                client,
                meta,
                started: false,
            })));
        }
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

    /// The same again after the server was lost.
    pub(crate) async fn again(&self) -> Result<Client, ClientError> {
        // What could be wrong with a context was said when the command began.
        if let Ok(Some(remote)) = self.remote()
            && let Ok(client) = remote.client()
        {
            return Ok(client);
        }
        Ok(self.daemon.connect().await?.client)
    }
}

fn refused(error: &ContextError) -> CommandError {
    match error {
        ContextError::Unknown(name) => CommandError::NotFound {
            message: error.to_string(),
            hint: Some(format!(
                "`fenta context ls` lists them; `fenta context add {name} URL` makes one"
            )),
        },
        ContextError::BadName(_) | ContextError::BadUrl { .. } => CommandError::Usage {
            message: error.to_string(),
            hint: None,
        },
        ContextError::Unreadable { .. } | ContextError::Io { .. } => CommandError::usage(
            error.to_string(),
            "mend the file or remove it; tokens are not in it",
        ),
    }
}

/// What a file of contexts or an answer about them amounts to.
pub(crate) fn context_refused(error: &ContextError) -> CommandError {
    refused(error)
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
