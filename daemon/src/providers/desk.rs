//! What an adapter works with: the door to the network, the store of blobs, and what is configured for its vendor.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::credentials::{KeyFile, Secret};
use fenta_workflows::cost::{Decimal, Meter};
use fenta_workflows::models::{ModelRef, Models, Role};
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::http::{Answer, Ask, Body, Http, HttpError, Key, Limits, Method, Pace, Reach, Url};
use super::vendor::{KeyStyle, Vendor};
use crate::clock::Clock;
use crate::store::{Cas, Store};

/// See the module.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Whose it is.
    pub vendor: &'static Vendor,
    /// Makes calls.
    pub http: Http,
    /// Keeps what comes back.
    pub cas: Cas,
    /// Remembers what vendors said and who took what.
    pub store: Store,
    /// Where files may lie until they are blobs; on the file system of the CAS.
    pub scratch: PathBuf,
    /// The time of day, and fresh names.
    pub clock: Arc<dyn Clock>,
    /// Who wants to be left alone.
    pub pace: Pace,
    /// Where the vendor answers, without a slash at its end.
    pub base_url: Url,
    /// Its key, where there is one.
    pub key: Option<Secret>,
    /// Where secrets lie that a document names.
    pub secrets: Option<KeyFile>,
    /// The model to ask for, as the vendor calls it.
    pub model: String,
    /// Hosts that answers of this vendor may name although they are no public ones.
    pub hosts: Vec<String>,
    /// How long work may take, where the user says so.
    pub patience: Option<Duration>,
    /// A file of the user's that says how models are asked which we do not know; it need not be there.
    pub parameters: Option<PathBuf>,
}

impl Desk {
    /// An address below the vendor's.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        url
    }

    /// The key as the vendor wants it.
    pub fn auth(&self) -> Option<Key<'_>> {
        let secret = self.key.as_ref()?;
        Some(match self.vendor.sends {
            KeyStyle::Bearer => Key::bearer(secret),
            KeyStyle::Word(prefix) => Key::Header {
                name: "authorization",
                prefix,
                secret,
            },
            KeyStyle::Header(name) => Key::Header {
                name,
                prefix: "",
                secret,
            },
            KeyStyle::Query(name) => Key::Query { name, secret },
        })
    }

    /// A question to the vendor with its key: a GET below its address.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self
            .http
            .call(Ask {
                key: self.auth(),
                ..Ask::get(url, Reach::Configured, Limits::QUESTION)
            })
            .await?;
        self.hear(&answer);
        Ok(answer)
    }

    /// A call with JSON to the vendor, with its key.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn post_json<T: serde::Serialize>(
        &self,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: &T,
    ) -> Result<Answer, HttpError> {
        let bytes = serde_json::to_vec(body)
            .expect("requests of ours serialise, because their maps have text keys");
        let ask = Ask {
            method: Method::POST,
            url: self.url(path),
            headers,
            key: self.auth(),
            body: Body::Json(bytes),
            reach: Reach::Configured,
            limits: self.work_limits(),
        };
        let answer = self.http.call(ask).await?;
        self.hear(&answer);
        Ok(answer)
    }

    /// What so many units of meters cost by the table, millionths of dollars; none where it has no price for one of them.
    pub fn priced(&self, role: Role, units: &[(Meter, u64)]) -> Option<u64> {
        let model = ModelRef::new(self.vendor.name, self.model.clone());
        let known = Models::builtin().find(role, &model)?;
        let mut usd = Decimal::ZERO;
        for (meter, count) in units {
            let price = known.price(*meter)?;
            usd = usd.saturating_add(price.expected.saturating_mul(Decimal::from(*count)));
        }
        u64::try_from((usd * Decimal::from(1_000_000)).ceil()).ok()
    }

    /// Limits for work that is done while one waits.
    pub fn work_limits(&self) -> Limits {
        match self.patience {
            Some(patience) => Limits {
                answer: patience,
                idle: Limits::WORK.idle.min(patience),
                total: patience,
                ..Limits::WORK
            },
            None => Limits::WORK,
        }
    }

    /// Where a call may go whose address an answer of the vendor brought.
    pub fn brought(&self) -> Reach<'_> {
        Reach::Brought {
            trusted: &self.hosts,
        }
    }

    /// Notes that the vendor wants to be left alone, where an answer says so.
    pub fn hear(&self, answer: &Answer) {
        if matches!(answer.status, 429 | 503)
            && let Some(wait) = answer.retry_after(self.clock.now())
        {
            self.pace.rest(self.vendor.name, wait);
        }
    }

    /// What a status means that says no.
    pub fn refused(&self, status: u16, said: &str) -> WorkerFailure {
        let vendor = self.vendor.name;
        let said = clipped(&self.hidden(said));
        let (class, what, hint) = match status {
            401 => (
                FailureClass::Unsupported,
                "does not take the key",
                format!("store another one: `fenta auth provider add {vendor}`"),
            ),
            402 => (
                FailureClass::Budget,
                "wants to be paid first",
                format!("add credit at {vendor}, or name another provider first"),
            ),
            404 => (
                FailureClass::Unsupported,
                "does not know what was asked for",
                format!("check the model `{}` and `base_url`", self.model),
            ),
            408 | 504 | 524 => (
                FailureClass::Timeout,
                "took too long",
                "run it again later".to_owned(),
            ),
            413 => (
                FailureClass::Limit,
                "takes no request of this size",
                "ask for something smaller".to_owned(),
            ),
            429 => (
                FailureClass::RateLimit,
                "wants to be left alone for a while",
                "it goes on by itself".to_owned(),
            ),
            500..=599 => (
                FailureClass::Server,
                "has a fault",
                "run it again later".to_owned(),
            ),
            _ => (
                FailureClass::Unsupported,
                "refuses the request",
                format!(
                    "check the model `{}` and the parameters of the node",
                    self.model
                ),
            ),
        };
        let colon = if said.is_empty() { "" } else { ": " };
        WorkerFailure {
            class,
            message: format!("{vendor} {what} (status {status}){colon}{said}"),
            hint,
        }
    }

    /// A text of the vendor without our key, which some repeat in their errors.
    pub fn hidden(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.expose(), "…"),
            None => text.to_owned(),
        }
    }
}

/// What somebody else said, in one short line that a terminal can show.
fn clipped(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    line
}
