//! Access tokens: JWTs of fifteen minutes, signed and read with one algorithm and one key of this server. The one door of
//! jsonwebtoken.
//!
//! Who signs is who reads, so the key is symmetric: nobody else has to check one. A token names the login it came of; an
//! ended login ends it at once, whatever time it has left.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// Seconds an access token lives.
pub const LIFE_SECONDS: u32 = 15 * 60;

/// Seconds by which clocks may differ.
const SKEW_SECONDS: i64 = 60;

const AUDIENCE: &str = "fenta-api";

/// What a token says. Every field has to be there, and of its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Which server made it.
    pub iss: String,
    /// For what.
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The organisation.
    pub org: String,
    /// The login it came of.
    pub fam: String,
    /// When it was made, seconds since 1970.
    pub iat: i64,
    /// When it ends, seconds since 1970.
    pub exp: i64,
}

/// The key, and who this server is.
#[derive(Clone)]
pub struct AccessKey {
    signs: Arc<EncodingKey>,
    reads: Arc<DecodingKey>,
    issuer: Arc<str>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

impl AccessKey {
    /// Of 32 random bytes.
    pub fn new(key: &[u8; 32], issuer: &str) -> Self {
        Self {
            signs: Arc::new(EncodingKey::from_secret(key)),
            reads: Arc::new(DecodingKey::from_secret(key)),
            issuer: issuer.into(),
        }
    }

    /// A token for somebody; none where it cannot be signed.
    pub fn sign(&self, user: &str, org: &str, family: &str, now: Timestamp) -> Option<String> {
        let iat = now.as_second();
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            org: org.to_owned(),
            fam: family.to_owned(),
            iat,
            exp: iat + i64::from(LIFE_SECONDS),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signs).ok()
    }

    /// What a token says; nothing where it is not of this server, altered or over.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[&*self.issuer]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The time is looked at below, by this server's own clock.
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &self.reads, &rules).ok()?.claims;
        let now = now.as_second();
        let is_young = now < claims.exp.saturating_add(SKEW_SECONDS);
        let is_made = claims.iat <= now.saturating_add(SKEW_SECONDS);
        let is_short = claims.exp.saturating_sub(claims.iat) <= i64::from(LIFE_SECONDS);
        (is_young && is_made && is_short).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key() -> AccessKey {
        AccessKey::new(&[7; 32], "http://team")
    }

    fn claims(change: impl Fn(&mut Value)) -> Value {
        let mut claims = json!({
            "iss": "http://team", "aud": AUDIENCE, "sub": "user_1", "org": "org_1", "fam": "fam_1",
            "iat": NOW, "exp": NOW + 900,
        });
        change(&mut claims);
        claims
    }

    fn signed(header: &Header, claims: &Value, key: &[u8]) -> String {
        encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
    }

    #[test]
    fn a_token_is_good_for_a_quarter_of_an_hour() {
        let token = key().sign("user_1", "org_1", "fam_1", at(NOW)).unwrap();
        let read = key().read(&token, at(NOW + 899)).unwrap();
        assert_eq!(
            (&*read.sub, &*read.org, &*read.fam),
            ("user_1", "org_1", "fam_1")
        );
        assert!(
            key().read(&token, at(NOW + 959)).is_some(),
            "clocks differ by a minute"
        );
        assert!(key().read(&token, at(NOW + 960)).is_none());
        assert!(
            key().read(&token, at(NOW - 61)).is_none(),
            "from the future"
        );
    }

    #[test]
    fn forged_and_malformed_tokens_are_none() {
        let header = Header::new(Algorithm::HS256);
        let read = |token: &str| key().read(token, at(NOW));
        assert!(read(&signed(&header, &claims(|_| {}), &[7; 32])).is_some());
        let set = |name: &'static str, value: Value| {
            move |claims: &mut Value| claims[name] = value.clone()
        };
        for (name, value) in [
            ("exp", json!("1795000900")),
            ("exp", json!([NOW + 900])),
            ("exp", json!(1e30)),
            ("exp", json!(NOW + 901)),
            ("exp", json!(NOW - 61)),
            ("iat", json!(NOW + 61)),
            ("iss", json!("http://other")),
            ("aud", json!("other")),
            ("sub", json!(null)),
            ("extra", json!(1)),
        ] {
            let token = signed(&header, &claims(set(name, value.clone())), &[7; 32]);
            assert!(read(&token).is_none(), "{name} = {value}");
        }
        for name in ["exp", "iss", "aud", "sub", "org", "fam", "iat"] {
            let missing = claims(|claims| {
                claims.as_object_mut().unwrap().remove(name);
            });
            assert!(
                read(&signed(&header, &missing, &[7; 32])).is_none(),
                "no {name}"
            );
        }
        assert!(
            read(&signed(&header, &claims(|_| {}), &[8; 32])).is_none(),
            "another key"
        );
        let other = Header::new(Algorithm::HS512);
        assert!(
            read(&signed(&other, &claims(|_| {}), &[7; 32])).is_none(),
            "another algorithm"
        );
        let token = signed(&header, &claims(|_| {}), &[7; 32]);
        let mut parts = token.split('.');
        let (_, body) = (parts.next().unwrap(), parts.next().unwrap());
        // {"alg":"none"} in base64.
        assert!(read(&format!("eyJhbGciOiJub25lIn0.{body}.")).is_none());
        for text in ["", ".", "..", "a.b.c", &token[..token.len() - 2]] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
