//! Signatures of webhooks, by Standard Webhooks 1.0 (symmetric): what is signed is `id.timestamp.body`, by HMAC-SHA256 with
//! the bytes behind `whsec_`. The one door of hmac, sha2 and base64 in this crate.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What stands before the bytes of a secret.
const PREFIX: &str = "whsec_";

/// What stands before a signature of this kind.
const VERSION: &str = "v1,";

/// Bytes a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// How far the time of a message may be from the receiver's, seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// What messages are signed with. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// Why a secret is none, or a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It is not `whsec_` and base64.
    #[error("a signing secret is `whsec_` and base64 of 24 to 64 bytes")]
    NotASecret,
    /// The timestamp is no whole number of seconds.
    #[error("its timestamp is no number of seconds")]
    NoTimestamp,
    /// It was signed too long ago.
    #[error("it was signed more than 5 minutes ago")]
    TooOld,
    /// It comes from the future.
    #[error("it was signed more than 5 minutes from now")]
    TooNew,
    /// No signature fits.
    #[error("no signature of it fits")]
    NoSignatureFits,
}

impl SigningSecret {
    /// Reads `whsec_…`; the prefix may be left out.
    ///
    /// # Errors
    /// When it is something else, or shorter than 24 or longer than 64 bytes.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let text = text.trim();
        let bytes = STANDARD
            .decode(text.strip_prefix(PREFIX).unwrap_or(text))
            .map_err(|_| WebhookError::NotASecret)?;
        match LENGTHS.contains(&bytes.len()) {
            true => Ok(Self(bytes)),
            false => Err(WebhookError::NotASecret),
        }
    }

    /// One of bytes, which somebody chose at random.
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// As it is told to a receiver: `whsec_` and base64.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The header `webhook-signature` of a message.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mac = self.mac(id, &timestamp.to_string(), body);
        format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// Whether a message came from somebody who has the secret, at about the time it says. `now`: seconds since 1970.
    ///
    /// # Errors
    /// When it did not, with the reason.
    pub fn verify(
        &self,
        (id, timestamp, signatures): (&str, &str, &str),
        body: &[u8],
        now: i64,
    ) -> Result<(), WebhookError> {
        let at: i64 = timestamp.parse().map_err(|_| WebhookError::NoTimestamp)?;
        if at < now.saturating_sub(TOLERANCE_SECONDS) {
            return Err(WebhookError::TooOld);
        }
        if at > now.saturating_add(TOLERANCE_SECONDS) {
            return Err(WebhookError::TooNew);
        }
        let fits = signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix(VERSION))
            .filter_map(|one| STANDARD.decode(one).ok())
            // In constant time, whatever is wrong with it.
            .any(|one| self.mac(id, timestamp, body).verify_slice(&one).is_ok());
        match fits {
            true => Ok(()),
            false => Err(WebhookError::NoSignatureFits),
        }
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/corpus/webhooks/standard_webhooks_v1.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: {path} is not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let secret = SigningSecret::parse(vectors["secret"].as_str().unwrap()).unwrap();
        let all = vectors["vectors"].as_array().unwrap();
        assert!(all.len() >= 5);
        for one in all {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            let head = (text("id"), text("timestamp"), text("signature"));
            let found = secret.verify(head, text("body").as_bytes(), one["now"].as_i64().unwrap());
            assert_eq!(
                found.is_ok(),
                one["valid"].as_bool().unwrap(),
                "{one}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_signed_is_believed_for_five_minutes_and_not_when_a_byte_of_it_changes() {
        let secret = SigningSecret::of([7; 32]);
        assert_eq!(SigningSecret::parse(&secret.expose()), Ok(secret.clone()));
        let signed = secret.sign("msg_1", 1000, b"{}");
        let check = |id, at, body: &[u8], now| secret.verify((id, at, &signed), body, now);
        assert_eq!(check("msg_1", "1000", b"{}", 1300), Ok(()));
        assert_eq!(
            check("msg_1", "1000", b"{}", 1301),
            Err(WebhookError::TooOld)
        );
        assert_eq!(
            check("msg_1", "1000", b"{}", 699),
            Err(WebhookError::TooNew)
        );
        assert_eq!(
            check("msg_1", "x", b"{}", 1000),
            Err(WebhookError::NoTimestamp)
        );
        for wrong in [
            check("msg_2", "1000", b"{}", 1000),
            check("msg_1", "1001", b"{}", 1000),
            check("msg_1", "1000", b"{ }", 1000),
        ] {
            assert_eq!(wrong, Err(WebhookError::NoSignatureFits));
        }
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
    }

    #[test]
    fn short_secrets_and_other_texts_are_none() {
        for text in ["", "whsec_", "whsec_YWJj", "hunter2", "whsec_%%%"] {
            assert_eq!(
                SigningSecret::parse(text),
                Err(WebhookError::NotASecret),
                "{text}"
            );
        }
    }
}
