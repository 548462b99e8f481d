//! Links to files that carry their own proof: good for a few minutes, for one file of one organisation.

use std::fmt;

use jiff::Timestamp;

/// Seconds a link is good.
pub const LIFE_SECONDS: i64 = 300;

/// What links are signed with.
#[derive(Clone, Copy)]
pub struct LinkKey([u8; 32]);

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The organisation.
    pub org: &'a str,
    /// The blob.
    pub digest: &'a str,
    /// The name it is saved under.
    pub name: &'a str,
}

impl LinkKey {
    /// Of 32 random bytes.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// When the link ends, and its proof.
    pub fn sign(&self, target: Target<'_>, now: Timestamp) -> (i64, String) {
        let until = now.as_second() + LIFE_SECONDS;
        (until, self.proof(target, until).to_hex().to_string())
    }

    /// Whether a link is good now.
    pub fn is_good(&self, target: Target<'_>, until: i64, proof: &str, now: Timestamp) -> bool {
        let Ok(given) = blake3::Hash::from_hex(proof) else {
            return false;
        };
        // Hashes are compared in constant time.
        let fits = self.proof(target, until) == given;
        let now = now.as_second();
        fits && now < until && until <= now + LIFE_SECONDS
    }

    fn proof(&self, target: Target<'_>, until: i64) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in [target.org, target.digest, target.name] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&until.to_le_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_for_one_file_and_a_few_minutes() {
        let at = |second: i64| Timestamp::from_second(1_795_000_000 + second).unwrap();
        let key = LinkKey::new([3; 32]);
        let target = Target {
            org: "org_1",
            digest: "abc:12",
            name: "x.mp4",
        };
        let (until, proof) = key.sign(target, at(0));
        assert!(key.is_good(target, until, &proof, at(0)));
        assert!(key.is_good(target, until, &proof, at(299)));
        assert!(!key.is_good(target, until, &proof, at(300)));
        assert!(
            !key.is_good(target, until + 60, &proof, at(0)),
            "no longer life"
        );
        for other in [
            Target {
                org: "org_2",
                ..target
            },
            Target {
                digest: "abc:13",
                ..target
            },
            Target {
                name: "y.mp4",
                ..target
            },
            Target {
                org: "org_1abc",
                digest: ":12",
                ..target
            },
        ] {
            assert!(!key.is_good(other, until, &proof, at(0)), "{other:?}");
        }
        assert!(!LinkKey::new([4; 32]).is_good(target, until, &proof, at(0)));
        for forged in ["", "00", "zz"] {
            assert!(!key.is_good(target, until, forged, at(0)));
        }
    }
}
