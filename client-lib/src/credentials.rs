//! Keys of providers: where they are kept on this machine, and a type that never shows them.
//!
//! Neighbours: the daemon asks for the key of a vendor right before a call, the CLI stores and removes keys. `keyring`
//! is the system's own store; where there is none, or it does not answer in time, a file beside the user's settings
//! that only its owner may read. The file also says which keys are in the keyring, so that nobody is asked for a key
//! that was never stored. A key never enters a log, an error, an address, an argument or the key of a cache.

mod keyring;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private_file::write_json;

/// The file's name in the folder of the user's settings.
const FILE: &str = "credentials.json";

/// Longest key that is taken; real ones have a few hundred bytes at most.
const MAX_KEY_BYTES: usize = 8192;

/// A key. It prints as dots, whatever it is printed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A key as somebody typed or piped it: without the line's end.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what no key holds.
    pub fn new(text: &str) -> Result<Self, CredentialError> {
        let text = text.trim();
        let fits = !text.is_empty()
            && text.len() <= MAX_KEY_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(CredentialError::NoKey)
        }
    }

    /// The key itself, for the header of a call to its own vendor and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A variable of the daemon's environment.
    Variable(String),
    /// The system's keyring.
    Keyring,
    /// The file.
    File(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Keyring => f.write_str("the keyring"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where a key was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The place.
    pub place: KeySource,
    /// Why it is not the keyring, where it is not.
    pub why: Option<String>,
}

/// Why keys cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// What was given is none.
    #[error(
        "that is no key: a key is one line of visible ASCII characters, at most {MAX_KEY_BYTES}"
    )]
    NoKey,
    /// Others can read the file.
    #[error("{} can be read by others (mode {mode:o}); `chmod 600` it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} is no file of keys: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong; never its content.
        reason: &'static str,
    },
    /// The key was put into the keyring, and the keyring does not give it back.
    #[error(
        "the keyring does not give the key of {vendor} back: {reason}; unlock it, or store the key again"
    )]
    Locked {
        /// Whose key.
        vendor: String,
        /// What the keyring said.
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

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Key by vendor.
    #[serde(default)]
    providers: BTreeMap<String, String>,
    /// Vendors whose keys are in the keyring.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    keyring: BTreeSet<String>,
}

/// The keys of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    /// Whether the system's keyring is asked.
    with_keyring: bool,
}

impl KeyFile {
    /// Those kept for the folder of the user's settings, for example `~/.config/fenta`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            with_keyring: true,
        }
    }

    /// Where the file is, whether it exists or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of a vendor, and where it was. The keyring is only asked for what was put into it.
    ///
    /// # Errors
    /// When the file cannot be read, others can read it too, or the keyring does not give back what it has.
    pub fn get(&self, vendor: &str) -> Result<Option<(Secret, KeySource)>, CredentialError> {
        let document = self.read()?;
        if document.keyring.contains(vendor) {
            let key = keyring::read(vendor).map_err(|reason| CredentialError::Locked {
                vendor: vendor.to_owned(),
                reason,
            })?;
            return Ok(Some((key, KeySource::Keyring)));
        }
        let Some(key) = document.providers.get(vendor) else {
            return Ok(None);
        };
        let key = Secret::new(key).map_err(|_| self.unreadable("a key in it is none"))?;
        Ok(Some((key, KeySource::File(self.path.clone()))))
    }

    /// The vendors that have a key, and where it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn vendors(&self) -> Result<Vec<(String, KeySource)>, CredentialError> {
        let document = self.read()?;
        let in_file = document.providers.into_keys();
        let in_file = in_file.map(|name| (name, KeySource::File(self.path.clone())));
        let in_keyring = document.keyring.into_iter();
        let mut all: Vec<_> = in_file
            .chain(in_keyring.map(|name| (name, KeySource::Keyring)))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(all)
    }

    /// Keeps the key of a vendor, in the place of an earlier one: in the keyring where there is one that gives it back
    /// in time, else in the file. Says where, and why not in the keyring.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn set(&self, vendor: &str, key: &Secret) -> Result<Stored, CredentialError> {
        let mut document = self.read()?;
        let in_keyring = match self.with_keyring {
            true => keyring::write(vendor, key),
            false => Err("it is not asked".to_owned()),
        };
        match &in_keyring {
            Ok(()) => {
                document.providers.remove(vendor);
                document.keyring.insert(vendor.to_owned());
            }
            Err(_) => {
                document.keyring.remove(vendor);
                document
                    .providers
                    .insert(vendor.to_owned(), key.expose().to_owned());
            }
        }
        self.write(&document)?;
        Ok(match in_keyring {
            Ok(()) => Stored {
                place: KeySource::Keyring,
                why: None,
            },
            Err(why) => Stored {
                place: KeySource::File(self.path.clone()),
                why: Some(why),
            },
        })
    }

    /// Forgets the key of a vendor; false when there was none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or the keyring keeps it.
    pub fn remove(&self, vendor: &str) -> Result<bool, CredentialError> {
        let mut document = self.read()?;
        if document.keyring.remove(vendor) {
            keyring::forget(vendor).map_err(|reason| CredentialError::Locked {
                vendor: vendor.to_owned(),
                reason,
            })?;
            self.write(&document)?;
            return Ok(true);
        }
        let had = document.providers.remove(vendor).is_some();
        if had {
            self.write(&document)?;
        }
        Ok(had)
    }

    fn read(&self) -> Result<Document, CredentialError> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Document::default()),
            Err(error) => return Err(self.io("open", error)),
        };
        let metadata = file.metadata().map_err(|error| self.io("look at", error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CredentialError::Open {
                path: self.path.clone(),
                mode,
            });
        }
        let text = io::read_to_string(file).map_err(|error| self.io("read", error))?;
        // What the parser says could hold a part of a key.
        serde_json::from_str(&text).map_err(|_| self.unreadable("it is not the JSON written here"))
    }

    fn write(&self, document: &Document) -> Result<(), CredentialError> {
        write_json(&self.path, document).map_err(|(what, error)| self.io(what, error))
    }

    fn unreadable(&self, reason: &'static str) -> CredentialError {
        CredentialError::Unreadable {
            path: self.path.clone(),
            reason,
        }
    }

    fn io(&self, what: &'static str, source: io::Error) -> CredentialError {
        CredentialError::Io {
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
    fn a_key_is_never_printed() {
        let key = Secret::new("sk-123\n").unwrap();
        assert_eq!(key.expose(), "sk-123");
        assert!(!format!("{key:?} {:?}", Some(&key)).contains("123"));
        for none in ["", "  \n", "two words", "line\nline", "sk-ü"] {
            assert!(Secret::new(none).is_err(), "{none:?}");
        }
    }

    /// Keys that stay out of the keyring of whoever runs the tests.
    fn in_file(folder: &Path) -> KeyFile {
        KeyFile {
            with_keyring: false,
            ..KeyFile::in_folder(folder)
        }
    }

    #[test]
    fn keys_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = in_file(&folder.path().join("fenta"));
        assert_eq!(file.get("openai").unwrap(), None);
        assert!(!file.remove("openai").unwrap());
        file.set("openai", &Secret::new("sk-1").unwrap()).unwrap();
        file.set("kie", &Secret::new("k").unwrap()).unwrap();
        file.set("openai", &Secret::new("sk-2").unwrap()).unwrap();
        let (key, _) = file.get("openai").unwrap().unwrap();
        assert_eq!(key.expose(), "sk-2");
        let names = |file: &KeyFile| -> Vec<String> {
            let all = file.vendors().unwrap().into_iter();
            all.map(|(name, _)| name).collect()
        };
        assert_eq!(names(&file), ["kie", "openai"]);
        let mode = fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert!(file.remove("kie").unwrap());
        assert_eq!(names(&file), ["openai"]);
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = in_file(folder.path());
        file.set("openai", &Secret::new("sk-1").unwrap()).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let error = file.get("openai").unwrap_err().to_string();
        assert!(
            error.contains("mode 640") && error.contains("chmod 600"),
            "{error}"
        );
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(file.path(), "sk-secret").unwrap();
        let error = file.get("openai").unwrap_err().to_string();
        assert!(!error.contains("sk-secret"), "{error}");
    }
}
