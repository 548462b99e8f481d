//! Keys of providers: where they are kept on this machine, and a type that never shows them.
//!
//! Neighbours: the daemon asks for the key of a vendor right before a call, the CLI stores and removes keys. The file
//! lies beside the user's settings, only its owner may read it, and it is replaced as a whole. A key never enters a
//! log, an error, an address or the key of a cache.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
    /// The file.
    File(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
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
}

/// The file of keys of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file in the folder of the user's settings, for example `~/.config/fenta`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
        }
    }

    /// Where it is, whether it exists or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of a vendor.
    ///
    /// # Errors
    /// When the file cannot be read, or others can read it too.
    pub fn get(&self, vendor: &str) -> Result<Option<Secret>, CredentialError> {
        let document = self.read()?;
        document
            .providers
            .get(vendor)
            .map(|key| Secret::new(key).map_err(|_| self.unreadable("a key in it is none")))
            .transpose()
    }

    /// The vendors that have a key in it.
    ///
    /// # Errors
    /// As [`KeyFile::get`].
    pub fn vendors(&self) -> Result<Vec<String>, CredentialError> {
        Ok(self.read()?.providers.into_keys().collect())
    }

    /// Keeps the key of a vendor, in the place of an earlier one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn set(&self, vendor: &str, key: &Secret) -> Result<(), CredentialError> {
        let mut document = self.read()?;
        document
            .providers
            .insert(vendor.to_owned(), key.expose().to_owned());
        self.write(&document)
    }

    /// Forgets the key of a vendor; false when there was none.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remove(&self, vendor: &str) -> Result<bool, CredentialError> {
        let mut document = self.read()?;
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
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| self.io("make the folder of", error))?;
        let new = self.path.with_extension("json.new");
        let _ = fs::remove_file(&new);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| {
                let mut text = serde_json::to_string_pretty(document)?;
                text.push('\n');
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|error| self.io("write", error))
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

    #[test]
    fn keys_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(&folder.path().join("fenta"));
        assert_eq!(file.get("openai").unwrap(), None);
        assert!(!file.remove("openai").unwrap());
        file.set("openai", &Secret::new("sk-1").unwrap()).unwrap();
        file.set("kie", &Secret::new("k").unwrap()).unwrap();
        file.set("openai", &Secret::new("sk-2").unwrap()).unwrap();
        assert_eq!(file.get("openai").unwrap().unwrap().expose(), "sk-2");
        assert_eq!(file.vendors().unwrap(), ["kie", "openai"]);
        let mode = fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert!(file.remove("kie").unwrap());
        assert_eq!(file.vendors().unwrap(), ["openai"]);
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(folder.path());
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
