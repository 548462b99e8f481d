//! Contexts: the servers a user works with, by name. `local` is the daemon of this machine and needs no entry.
//!
//! Neighbours: the CLI adds and chooses them; `credentials` keeps their tokens under `context:NAME`, this file holds none.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private_file::write_json;

/// The daemon of this machine.
pub const LOCAL: &str = "local";

/// The hosted service.
pub const CLOUD: &str = "cloud";

/// Where the hosted service is.
pub const CLOUD_URL: &str = "https://api.fentaweb.com";

/// The file's name in the folder of the user's settings.
const FILE: &str = "contexts.json";

/// The longest name.
const NAME_BYTES: usize = 40;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its address, without `/v1`.
    pub url: String,
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one that commands use when none is named; `local` where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The servers by name.
    #[serde(default)]
    pub servers: BTreeMap<String, Server>,
}

/// Why contexts cannot be read, changed or used.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// No such context.
    #[error("there is no context `{0}`")]
    Unknown(String),
    /// The name is none.
    #[error(
        "`{0}` is no name of a context: letters, digits, `-` and `_`, at most {NAME_BYTES}; `{LOCAL}` is this machine"
    )]
    BadName(String),
    /// The address is none.
    #[error("`{url}` is no address of a server: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds something else.
    #[error("{} is no file of contexts: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The account under which the token of a context lies with the other keys.
pub fn account(context: &str) -> String {
    format!("context:{context}")
}

/// The account under which the credential of this machine's daemon for a context lies.
pub fn sync_account(context: &str) -> String {
    format!("sync:{context}")
}

impl Contexts {
    /// The server of a context; none for this machine.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn server(&self, name: &str) -> Result<Option<Server>, ContextError> {
        if name == LOCAL {
            return Ok(None);
        }
        if let Some(server) = self.servers.get(name) {
            return Ok(Some(server.clone()));
        }
        match name {
            CLOUD => Ok(Some(Server {
                url: CLOUD_URL.to_owned(),
            })),
            _ => Err(ContextError::Unknown(name.to_owned())),
        }
    }

    /// The context in use.
    pub fn current(&self) -> &str {
        self.current.as_deref().unwrap_or(LOCAL)
    }

    /// Adds a server, or gives a known one another address.
    ///
    /// # Errors
    /// When the name or the address is none.
    pub fn add(&mut self, name: &str, url: &str) -> Result<(), ContextError> {
        let fits = !name.is_empty()
            && name != LOCAL
            && name.len() <= NAME_BYTES
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fits {
            return Err(ContextError::BadName(name.to_owned()));
        }
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base).to_owned();
        let checked = crate::transport::base_url(&base);
        checked.map_err(|reason| ContextError::BadUrl {
            url: url.to_owned(),
            reason,
        })?;
        self.servers.insert(name.to_owned(), Server { url: base });
        Ok(())
    }

    /// Chooses the one that commands use.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn choose(&mut self, name: &str) -> Result<(), ContextError> {
        self.server(name)?;
        self.current = (name != LOCAL).then(|| name.to_owned());
        Ok(())
    }

    /// Forgets a server; whoever used it is back at this machine.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn remove(&mut self, name: &str) -> Result<(), ContextError> {
        if self.servers.remove(name).is_none() {
            return Err(ContextError::Unknown(name.to_owned()));
        }
        if self.current.as_deref() == Some(name) {
            self.current = None;
        }
        Ok(())
    }
}

/// The file of contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    path: PathBuf,
}

impl ContextFile {
    /// The one in the folder of the user's settings, for example `~/.config/fenta`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
        }
    }

    /// What it holds; nothing where there is no file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Contexts, ContextError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Contexts::default());
            }
            Err(error) => return Err(self.io("read", error)),
        };
        serde_json::from_str(&text).map_err(|error| ContextError::Unreadable {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, contexts: &Contexts) -> Result<(), ContextError> {
        write_json(&self.path, contexts).map_err(|(what, error)| self.io(what, error))
    }

    fn io(&self, what: &'static str, source: io::Error) -> ContextError {
        ContextError::Io {
            what,
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_kept_by_name_and_this_machine_needs_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = ContextFile::in_folder(&folder.path().join("fenta"));
        let mut contexts = file.read().unwrap();
        assert_eq!(contexts.current(), LOCAL);
        assert_eq!(contexts.server(LOCAL).unwrap(), None);
        assert_eq!(contexts.server(CLOUD).unwrap().unwrap().url, CLOUD_URL);
        contexts.add("team", "http://127.0.0.1:8787/v1/").unwrap();
        contexts.choose("team").unwrap();
        file.write(&contexts).unwrap();
        let mut again = file.read().unwrap();
        assert_eq!(again, contexts);
        assert_eq!(
            again.server("team").unwrap().unwrap().url,
            "http://127.0.0.1:8787"
        );
        again.remove("team").unwrap();
        assert_eq!(again.current(), LOCAL);
        assert!(matches!(
            again.remove("team"),
            Err(ContextError::Unknown(_))
        ));
        assert!(matches!(
            again.choose("team"),
            Err(ContextError::Unknown(_))
        ));
    }

    #[test]
    fn names_and_addresses_that_are_none_are_refused() {
        let mut contexts = Contexts::default();
        for name in ["", "local", "a b", "a/b", "ü", &"x".repeat(41)] {
            let refused = contexts.add(name, "https://example.com");
            assert!(matches!(refused, Err(ContextError::BadName(_))), "{name}");
        }
        for url in ["", "example.com", "http://example.com", "ftp://example.com"] {
            let refused = contexts.add("x", url);
            assert!(matches!(refused, Err(ContextError::BadUrl { .. })), "{url}");
        }
        assert_eq!(contexts, Contexts::default());
    }
}
