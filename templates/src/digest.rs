//! The name of a blob: what it contains, not where it is.
//!
//! Hashing itself lives in `fenta-workflows`; this crate only carries the names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// BLAKE3 of a blob and its length in bytes; written `<64 hex>/<size>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    /// The 32 bytes of BLAKE3.
    pub hash: [u8; 32],
    /// The length of the blob in bytes.
    pub size: u64,
}

impl Digest {
    /// The hash as 64 lower-case hexadecimal characters.
    pub fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first 12 hexadecimal characters, for people.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hex(), self.size)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}…/{})", self.short(), self.size)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest; expected 64 hexadecimal characters, a slash and a size")]
pub struct ParseDigestError(pub String);

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseDigestError(text.to_owned());
        let (hex, size) = text.split_once('/').ok_or_else(fail)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(fail());
        }
        let mut hash = [0u8; 32];
        for (i, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(|_| fail())?;
        }
        Ok(Self {
            hash,
            size: size.parse().map_err(|_| fail())?,
        })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00ff0000000000000000000000000000000000000000000000000000000000ab/42";

    #[test]
    fn round_trips() {
        let digest: Digest = TEXT.parse().unwrap();
        assert_eq!(
            (digest.hash[1], digest.hash[31], digest.size),
            (0xFF, 0xAB, 42)
        );
        assert_eq!(digest.to_string(), TEXT);
        assert_eq!(digest.short(), "00ff00000000");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        let (hex, _) = TEXT.split_once('/').unwrap();
        for bad in [
            "",
            "/",
            hex,
            &format!("{hex}/"),
            &format!("{hex}/-1"),
            &format!("{}/1", &hex[2..]),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        assert!(format!("{}/1", "é".repeat(32)).parse::<Digest>().is_err());
        assert!(format!("{}/1", "zz".repeat(32)).parse::<Digest>().is_err());
    }
}
