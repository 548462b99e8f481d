//! `server.toml`: what the operator of a team server settles. No secret stands in it.
//!
//! ```toml
//! listen = "127.0.0.1:8787"                 # behind a proxy that speaks TLS
//! public_url = "https://fenta.example.com"  # what people and links use
//! state_dir = "/var/lib/fenta"
//!
//! [limits]
//! per_minute = 100
//! per_hour = 1000
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item};

use super::limiter::Limits;

/// Why the file does not do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What, and what to write.
        message: String,
    },
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamConfig {
    /// Where to listen: an address of this machine.
    pub listen: SocketAddr,
    /// What people and links use, without an end slash.
    pub public_url: String,
    /// Where everything is kept.
    pub state_dir: PathBuf,
    /// How many requests a user may make.
    pub limits: Limits,
    /// The largest file that is taken, bytes.
    pub largest_file: u64,
}

const KEYS: [&str; 5] = [
    "listen",
    "public_url",
    "state_dir",
    "limits",
    "largest_file_mb",
];

impl TeamConfig {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|(at, message)| ConfigError::Wrong {
            path: path.to_owned(),
            line: text.get(..at).unwrap_or(&text).matches('\n').count() + 1,
            message,
        })
    }

    /// Reads its text; the error says where in it and what.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let document = Document::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            (at, error.message().to_owned())
        })?;
        let table = document.as_table();
        for (name, item) in table.iter() {
            if !KEYS.contains(&name) {
                let at = item.span().map_or(0, |span| span.start);
                return Err((
                    at,
                    format!("`{name}` is no setting; there are {}", KEYS.join(", ")),
                ));
            }
        }
        let item = |name: &str| table.get(name);
        let listen = required(item("listen"), "listen", "127.0.0.1:8787")?;
        let public_url = required(
            item("public_url"),
            "public_url",
            "https://fenta.example.com",
        )?;
        let state_dir = required(item("state_dir"), "state_dir", "/var/lib/fenta")?;
        let limits = item("limits");
        let usual = Limits::default();
        let of_limits = |name: &'static str, usual: usize| {
            let value = limits.and_then(|limits| limits.get(name));
            number(value, name, 1, 1_000_000).map(|value| value.map_or(usual, |n| n as usize))
        };
        Ok(Self {
            listen: own_address(&listen.1).map_err(|message| (listen.0, message))?,
            public_url: public(&public_url.1).map_err(|message| (public_url.0, message))?,
            state_dir: absolute(&state_dir.1).map_err(|message| (state_dir.0, message))?,
            limits: Limits {
                per_minute: of_limits("per_minute", usual.per_minute)?,
                per_hour: of_limits("per_hour", usual.per_hour)?,
            },
            largest_file: number(item("largest_file_mb"), "largest_file_mb", 1, 1_000_000)?
                .unwrap_or(20_000)
                .saturating_mul(1_000_000),
        })
    }

    /// `host:port` as requests have to name it, by the address people use and by the one it listens on.
    pub fn hosts(&self) -> Vec<String> {
        let public = self
            .public_url
            .split_once("://")
            .map_or("", |(_, host)| host);
        let mut hosts = vec![public.to_owned(), self.listen.to_string()];
        if self.listen.ip().is_loopback() {
            hosts.push(format!("localhost:{}", self.listen.port()));
        }
        hosts
    }
}

fn required(
    item: Option<&Item>,
    name: &str,
    example: &str,
) -> Result<(usize, String), (usize, String)> {
    let at = item.and_then(Item::span).map_or(0, |span| span.start);
    match item.and_then(Item::as_str) {
        Some(text) => Ok((at, text.to_owned())),
        None => Err((
            at,
            format!("`{name}` is missing or no text; write {name} = \"{example}\""),
        )),
    }
}

fn number(
    item: Option<&Item>,
    name: &str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, (usize, String)> {
    let Some(item) = item else {
        return Ok(None);
    };
    let at = item.span().map_or(0, |span| span.start);
    let value = item
        .as_integer()
        .and_then(|value| u64::try_from(value).ok());
    match value.filter(|value| (least..=most).contains(value)) {
        Some(value) => Ok(Some(value)),
        None => Err((
            at,
            format!("`{name}` must be a whole number from {least} to {most}"),
        )),
    }
}

/// The server speaks no TLS itself: whoever lets others in does so by a proxy that does.
fn own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("`{text}` is no address; write 127.0.0.1:8787"))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "`{text}` can be reached by other machines, and this server speaks no TLS: listen on 127.0.0.1 and put a \
             proxy with TLS in front of it"
        )),
    }
}

fn public(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    let host = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://127.0.0.1:"))
        .or_else(|| base.strip_prefix("http://localhost:"));
    let fits = host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
    });
    match fits {
        true => Ok(base.to_owned()),
        false => Err(format!(
            "`{text}` is no address for others: https and a host, without a path; http only for localhost"
        )),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(format!("`{text}` is not an absolute path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "listen = \"127.0.0.1:8787\"\npublic_url = \"https://fenta.example.com/\"\nstate_dir = \"/s\"\n";

    #[test]
    fn what_is_needed_is_read_and_the_rest_has_its_usual_value() {
        let config = TeamConfig::parse(FINE).unwrap();
        assert_eq!(config.public_url, "https://fenta.example.com");
        assert_eq!(config.limits, Limits::default());
        assert_eq!(
            config.hosts(),
            ["fenta.example.com", "127.0.0.1:8787", "localhost:8787"]
        );
        let more = format!("{FINE}largest_file_mb = 5\n[limits]\nper_minute = 7\n");
        let config = TeamConfig::parse(&more).unwrap();
        assert_eq!(
            (config.limits.per_minute, config.limits.per_hour),
            (7, 1000)
        );
        assert_eq!(config.largest_file, 5_000_000);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, wanted) in [
            ("", "`listen` is missing"),
            (
                &*FINE.replace("127.0.0.1:8787", "0.0.0.0:8787"),
                "speaks no TLS",
            ),
            (&*FINE.replace("127.0.0.1:8787", "nonsense"), "no address"),
            (
                &*FINE.replace("https://fenta.example.com/", "http://fenta.example.com"),
                "http only",
            ),
            (
                &*FINE.replace("https://fenta.example.com/", "https://a.b/c"),
                "without a path",
            ),
            (&*FINE.replace("\"/s\"", "\"s\""), "absolute"),
            (&*format!("{FINE}secret = 1"), "`secret` is no setting"),
            (&*format!("{FINE}[limits]\nper_hour = 0"), "from 1 to"),
            ("listen = ", "string"),
        ] {
            let (_, message) = TeamConfig::parse(text).unwrap_err();
            assert!(
                message.contains(wanted) || wanted == "string",
                "{text}: {message}"
            );
        }
    }
}
