//! The token of this user's own daemon, for programs that come over TCP: a file that only its user may read.
//!
//! It is made with the file's final mode and never through a link, and looked at before each use: a token that others
//! could have read is refused in words instead of being trusted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::random;

/// Every token begins so: scanners for secrets find it.
pub const PREFIX: &str = "fenta_local_";

/// The file's name in the state directory.
pub const NAME: &str = "token";

/// Longer files are not tokens.
const LARGEST: u64 = 256;

/// Why the token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Others could have read it, or it is not ours.
    #[error(
        "the token {} is not safe: {why}; remove the file, and the daemon makes a new one at its next start",
        path.display()
    )]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file refused.
    #[error("cannot {what} the token {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the token of a state directory is.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(NAME)
}

/// The token of a state directory, made where there is none.
pub fn read_or_make(state_dir: &Path) -> Result<String, TokenError> {
    let path = path(state_dir);
    match fs::symlink_metadata(&path) {
        Ok(_) => read(&path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path),
        Err(source) => Err(failed("look at", &path)(source)),
    }
}

fn read(path: &Path) -> Result<String, TokenError> {
    let bad = |why: String| TokenError::Unsafe {
        path: path.to_owned(),
        why,
    };
    // What is looked at is what is read: the same open file, and never through a link.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(no_follow())
        .open(path)
        .map_err(|error| bad(error.to_string()))?;
    let metadata = file.metadata().map_err(failed("look at", path))?;
    if !metadata.is_file() {
        return Err(bad("it is not a file".to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(bad(format!("others may read it (mode {mode:03o})")));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(bad(format!("it belongs to user {}", metadata.uid())));
    }
    if metadata.len() > LARGEST {
        return Err(bad(format!("it has {} bytes", metadata.len())));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(failed("read", path))?;
    let token = text.trim();
    let secret = token.strip_prefix(PREFIX).unwrap_or_default();
    if secret.len() < 32 || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(bad("it holds no token".to_owned()));
    }
    Ok(token.to_owned())
}

fn make(path: &Path) -> Result<String, TokenError> {
    let secret = random::hex::<32>().map_err(failed("make", path))?;
    let token = format!("{PREFIX}{secret}");
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("make", path))?;
    writeln!(file, "{token}")
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))?;
    Ok(token)
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default()
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    // Digests have one length and cannot be chosen byte by byte: comparing them tells nothing about the texts.
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> TokenError + 'a {
    move |source| TokenError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_only_its_user_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let token = read_or_make(folder.path()).unwrap();
        assert!(token.starts_with(PREFIX) && token.len() == PREFIX.len() + 64);
        let mode = fs::metadata(path(folder.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read_or_make(folder.path()).unwrap(), token);
    }

    #[test]
    fn what_others_could_have_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        read_or_make(folder.path()).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o777] {
            fs::set_permissions(path(folder.path()), fs::Permissions::from_mode(mode)).unwrap();
            let error = read_or_make(folder.path()).unwrap_err().to_string();
            assert!(error.contains("others may read it"), "{error}");
        }
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        read_or_make(&elsewhere).unwrap();
        std::os::unix::fs::symlink(path(&elsewhere), path(folder.path())).unwrap();
        let error = read_or_make(folder.path()).unwrap_err();
        assert!(matches!(error, TokenError::Unsafe { .. }), "{error}");
        // One that leads nowhere is not written through either.
        fs::remove_file(path(folder.path())).unwrap();
        let target = folder.path().join("nowhere");
        std::os::unix::fs::symlink(&target, path(folder.path())).unwrap();
        assert!(read_or_make(folder.path()).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "x", "fenta_local_short", &"a".repeat(300)] {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path(folder.path()))
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert!(read_or_make(folder.path()).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_compared_whole() {
        assert!(same("a", "a"));
        for (one, other) in [("a", "b"), ("a", "aa"), ("", "a")] {
            assert!(!same(one, other));
        }
    }
}
