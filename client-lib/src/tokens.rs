//! Tokens that stand for a person or a machine: `fenta_pat_`, 30 random characters and six that check them, so that a
//! scanner finds a leaked one and a mistyped one is known without asking anybody.
//!
//! Neighbours: a team server makes and remembers them (their fingerprint alone), `credentials` keeps the user's own. Where
//! randomness comes from is the caller's.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Random characters of a token.
const CHARACTERS: usize = 30;

/// Characters that check the others.
const CHECK: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whom a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// A person, in scripts and on the command line.
    Personal,
    /// A daemon that hands in what it did.
    Device,
    /// Somebody who may have the next access token.
    Refresh,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Personal, Self::Device, Self::Refresh];

    /// How its tokens begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Personal => "fenta_pat_",
            Self::Device => "fenta_dev_",
            Self::Refresh => "fenta_ref_",
        }
    }

    /// The kind of a whole token; none for what is no token, or a mistyped one.
    pub fn of(text: &str) -> Option<Self> {
        let kind = Self::ALL
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))?;
        let body = &text[kind.prefix().len()..];
        let fits = body.len() == CHARACTERS + CHECK && body.bytes().all(|b| ALPHABET.contains(&b));
        (fits && body[CHARACTERS..] == check(&text[..text.len() - CHECK])).then_some(kind)
    }
}

/// A fresh token of random bytes.
pub fn token(kind: TokenKind, random: [u8; 24]) -> String {
    let mut text = kind.prefix().to_owned();
    text.push_str(&base62(random, CHARACTERS));
    let check = check(&text);
    text.push_str(&check);
    text
}

/// What is remembered of a token: SHA-256, 64 hexadecimal characters. Its 178 random bits need no salt.
pub fn fingerprint(token: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(token.as_bytes()) {
        // Writing into a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The last digits of a large number.
fn base62(mut number: [u8; 24], digits: usize) -> String {
    (0..digits)
        .map(|_| {
            let mut rest = 0_u32;
            for byte in &mut number {
                let value = rest * 256 + u32::from(*byte);
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                rest = value % 62;
            }
            char::from(ALPHABET[rest as usize])
        })
        .collect()
}

fn check(text: &str) -> String {
    let mut number = [0; 24];
    number[20..].copy_from_slice(&crc32(text.as_bytes()).to_be_bytes());
    base62(number, CHECK)
}

/// CRC-32 of ISO 3309, as zip files have it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low == 1 {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form() {
        assert_eq!(
            crc32(b"123456789"),
            0xCBF4_3926,
            "the check value of CRC-32"
        );
        for kind in TokenKind::ALL {
            let text = token(kind, *b"twenty-four random bytes");
            assert_eq!(text.len(), 46);
            assert_eq!(TokenKind::of(&text), Some(kind));
            let mut mistyped = text.clone();
            let last = mistyped.pop().unwrap();
            mistyped.push(if last == 'a' { 'b' } else { 'a' });
            assert_eq!(TokenKind::of(&mistyped), None);
            assert_eq!(TokenKind::of(&text[..45]), None);
        }
        for other in ["", "fenta_pat_", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"] {
            assert_eq!(TokenKind::of(other), None);
        }
    }

    #[test]
    fn random_bytes_make_different_tokens_and_fingerprints() {
        let one = token(TokenKind::Personal, [1; 24]);
        let other = token(TokenKind::Personal, [2; 24]);
        assert_ne!(one, other);
        assert_ne!(fingerprint(&one), fingerprint(&other));
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fingerprint("abc"), known);
    }
}
