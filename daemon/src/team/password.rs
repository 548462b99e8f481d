//! Passwords: argon2id texts, a few at a time, and as slow for an address that is not there. The one door of argon2.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use fenta_client::tokens::{self, TokenKind};
use tokio::sync::Semaphore;

use crate::random;

/// Hashed at a time: each takes 19 MiB and a core for some hundredths of a second.
const AT_A_TIME: usize = 2;

/// Characters of a password.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=256;

/// What nobody's password hashes to: an address that is not there is held against it, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$\
                      2tdQKzE8U4Lqk0oXo5b0N0oXo5b0N0oXo5b0N0oXo5Y";

/// Hashes and checks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// With all places free.
    pub fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// The text to keep of a password.
    pub async fn hash(&self, password: String) -> Result<String, String> {
        self.work(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string())
                .map_err(|error| format!("the password cannot be hashed: {error}"))
        })
        .await
        .unwrap_or_else(|| Err("the password could not be hashed".to_owned()))
    }

    /// Whether a password is the one that was kept. Without a kept one it takes as long, and is not.
    pub async fn check(&self, password: String, kept: Option<String>) -> bool {
        self.work(move || {
            let text = kept.as_deref().unwrap_or(NOBODY);
            let Ok(hash) = PasswordHash::new(text) else {
                return false;
            };
            let fits = Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok();
            fits && kept.is_some()
        })
        .await
        .unwrap_or(false)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _place = self.places.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// A password that somebody chose.
pub fn checked(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches(['\r', '\n']);
    match LENGTHS.contains(&text.chars().count()) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "a password has {} to {} characters",
            LENGTHS.start(),
            LENGTHS.end()
        )),
    }
}

/// One that nobody can guess: 20 letters and digits.
pub fn fresh() -> std::io::Result<String> {
    let token = tokens::token(TokenKind::Personal, random::bytes::<24>()?);
    let body = token
        .strip_prefix(TokenKind::Personal.prefix())
        .unwrap_or(&token);
    Ok(body.chars().take(20).collect())
}

/// An address as accounts are found by it.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    let fits = text.len() <= 254
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.contains('@')
        });
    match fits {
        true => Ok(text),
        false => Err(format!("`{text}` is no e-mail address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_nobody_has_one() {
        let passwords = Passwords::new();
        let kept = passwords
            .hash("correct horse battery".to_owned())
            .await
            .unwrap();
        assert!(kept.starts_with("$argon2id$"));
        let check = |text: &str, kept: Option<String>| passwords.check(text.to_owned(), kept);
        assert!(check("correct horse battery", Some(kept.clone())).await);
        assert!(!check("correct horse", Some(kept)).await);
        assert!(!check("correct horse battery", None).await);
        assert!(
            PasswordHash::new(NOBODY).is_ok(),
            "it has to be worked through"
        );
    }

    #[test]
    fn addresses_and_passwords_have_a_form() {
        assert_eq!(address(" Ann@Example.COM ").unwrap(), "ann@example.com");
        for wrong in ["", "a", "a@b", "@b.c", "a b@c.d", "a@b@c.d", "a@.c"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert!(checked("short").is_err());
        assert_eq!(checked("long enough now\n").unwrap(), "long enough now");
        assert_eq!(fresh().unwrap().len(), 20);
    }
}
