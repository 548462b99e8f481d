//! Webhooks that a document asks for: one message to an address of the user's, signed by Standard Webhooks where the node
//! names a secret. No vendor but whoever the document names.
//!
//! The message keeps its id however often it is sent, so that a receiver takes it once: it is sent again where nobody knows
//! whether it arrived. An address of this network is called only where the user's config.toml trusts its host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::webhooks::SigningSecret;
use fenta_workflows::action::{
    ActionFacts, ActionResult, CallWebhookTask, InvokeRequest, InvokeTask, Invoked,
};
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::at_once::{Answered, Answers, AskFailure, AtOnce};
use super::desk::Desk;
use super::http::{Ask, Body, Limits, Method, Reach, Url, shown};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// What a receiver may take.
const LIMITS: Limits = Limits {
    answer: Duration::from_secs(20),
    idle: Duration::from_secs(10),
    total: Duration::from_secs(30),
    bytes: 64 << 10,
};

/// Bytes of a message; what is larger belongs into a file whose path is told.
const MOST_BYTES: usize = 20_000;

/// What stands before the name of a signing secret among the keys.
const SECRET_PREFIX: &str = "webhook:";

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "webhook",
    base_url: "",
    place: Place::Named,
    key: KeyUse::None,
    sends: KeyStyle::Bearer,
    probe: None,
    charges: false,
    services: &[Service {
        role: Role::Webhook,
        usual: Some("standard"),
        open: |desk| Arc::new(AtOnce(Messenger { desk })),
    }],
};

#[derive(Debug)]
struct Messenger {
    desk: Desk,
}

/// Sends a message that no document asked for: a schedule's or a watch's. Gives the status of the answer.
pub(super) async fn tell(
    desk: Desk,
    reference: &str,
    task: &CallWebhookTask,
) -> Result<u16, WorkerFailure> {
    let sent = Messenger { desk }.send(reference, task).await;
    sent.map_err(AskFailure::into_failure)
}

/// Why messages cannot be signed with the secret of this name; nothing where they can.
pub(super) async fn lacks_secret(desk: Desk, name: &str) -> Option<WorkerFailure> {
    let found = Messenger { desk }.secret(Some(name)).await;
    found.err().map(AskFailure::into_failure)
}

/// The body of a message, as Standard Webhooks has it.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: String,
    data: &'a serde_json::Value,
}

impl Answers for Messenger {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let name = self.desk.clock.fresh_id("msg_");
            self.answer_named(&name, request).await
        })
    }

    fn answer_named<'a>(
        &'a self,
        reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let InvokeTask::CallWebhook(task) = &request.task else {
                return Err(refused("a webhook is told and nothing else", ""));
            };
            let status = self.send(reference, task).await?;
            Ok(Answered {
                result: ActionResult {
                    outputs: BTreeMap::new(),
                    facts: ActionFacts::Invoked(Box::new(Invoked::Status(status))),
                },
                cost_micros: Some(0),
                said: Vec::new(),
            })
        })
    }
}

impl Messenger {
    async fn send(&self, reference: &str, task: &CallWebhookTask) -> Result<u16, AskFailure> {
        let url: Url = task
            .url
            .parse()
            .map_err(|_| refused(&format!("`{}` is no address", task.url), "write https://…"))?;
        let secret = self.secret(task.secret_ref.as_deref()).await?;
        let now = self.desk.clock.now();
        let message = Message {
            r#type: &task.event,
            timestamp: now.to_string(),
            data: &task.data,
        };
        let bytes = serde_json::to_vec(&message)
            .expect("messages of ours serialise, because their maps have text keys");
        if bytes.len() > MOST_BYTES {
            return Err(refused(
                &format!(
                    "the message has {} bytes, and a webhook takes {MOST_BYTES}",
                    bytes.len()
                ),
                "tell less in `data`: the path of a file instead of what is in it",
            ));
        }
        let mut headers = vec![
            ("webhook-id", reference.to_owned()),
            ("webhook-timestamp", now.as_second().to_string()),
        ];
        if let Some(secret) = secret {
            let signature = secret.sign(reference, now.as_second(), &bytes);
            headers.push(("webhook-signature", signature));
        }
        let at = shown(&url);
        let ask = Ask {
            method: Method::POST,
            url,
            headers,
            key: None,
            body: Body::Json(bytes),
            reach: Reach::Brought {
                trusted: &self.desk.hosts,
            },
            limits: LIMITS,
        };
        let answer = self.desk.http.call(ask).await?;
        self.desk.hear(&answer);
        match answer.status {
            200..=299 => Ok(answer.status),
            status => Err(AskFailure::Refused(unwelcome(status, &at))),
        }
    }

    /// The secret a node names.
    async fn secret(&self, name: Option<&str>) -> Result<Option<SigningSecret>, AskFailure> {
        let Some(name) = name else {
            return Ok(None);
        };
        let missing = || {
            refused(
                &format!("there is no signing secret named `{name}`"),
                &format!("store it with `fenta webhook secret add {name}`"),
            )
        };
        let keys = self.desk.secrets.clone().ok_or_else(missing)?;
        let stored = format!("{SECRET_PREFIX}{name}");
        // A keyring may take seconds to answer.
        let found = tokio::task::spawn_blocking(move || keys.get(&stored)).await;
        let found = found.ok().and_then(Result::ok).flatten();
        let (secret, _) = found.ok_or_else(missing)?;
        let secret = SigningSecret::parse(secret.expose())
            .map_err(|error| refused(&format!("`{name}`: {error}"), "store it anew"))?;
        Ok(Some(secret))
    }
}

fn refused(message: &str, hint: &str) -> AskFailure {
    AskFailure::Refused(WorkerFailure {
        class: FailureClass::Input,
        message: message.to_owned(),
        hint: hint.to_owned(),
    })
}

/// What an answer that is no yes means: whether it helps to try again.
fn unwelcome(status: u16, at: &str) -> WorkerFailure {
    let (class, hint) = match status {
        429 => (FailureClass::RateLimit, "it is tried again later"),
        408 | 425 | 500..=599 => (FailureClass::Server, "look into the log of the receiver"),
        300..=399 => (
            FailureClass::Input,
            "a message is not sent on to another address: write the one it leads to",
        ),
        _ => (
            FailureClass::Input,
            "check `url` and, where it looks at signatures, `secret_ref`",
        ),
    };
    WorkerFailure {
        class,
        message: format!("{at} answered with status {status}"),
        hint: hint.to_owned(),
    }
}
