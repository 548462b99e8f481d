//! The chat of the OpenAI dialect, which several vendors and most local servers speak:
//! `POST {base}/chat/completions`.
//!
//! A vendor that speaks it with words of its own says so in an [`Accent`]. Form: OpenAI's API reference, "Create chat
//! completion"; OpenRouter's API reference for its own fields.

use std::sync::Arc;

use fenta_workflows::cost::{Decimal, Meter};
use fenta_workflows::models::{ModelRef, Models, Role, SchemaSupport};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::at_once::{AskFailure, AtOnce};
use super::desk::Desk;
use super::http::Answer;
use super::llm::{Completion, End, Llm, Question, Speaker, Writer};
use crate::executors::Provider;

/// What a vendor says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accent {
    /// The name of the limit on tokens.
    pub(super) max_tokens: &'static str,
    /// Headers besides.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Whether only a model may answer that takes all parameters of a request.
    pub(super) requires_parameters: bool,
}

/// What local servers speak.
pub(super) const PLAIN: Accent = Accent {
    max_tokens: "max_tokens",
    headers: &[],
    requires_parameters: false,
};

/// The adapter with an accent.
pub(super) fn open(desk: Desk, accent: &'static Accent) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Writer(Chat { desk, accent })))
}

#[derive(Debug)]
struct Chat {
    desk: Desk,
    accent: &'static Accent,
}

impl Chat {
    /// How well the model keeps to a schema, as far as the table knows; who nobody knows is taken at the dialect's word.
    fn support(&self) -> SchemaSupport {
        let model = ModelRef {
            vendor: self.desk.vendor.name.to_owned(),
            model: Some(self.desk.model.clone()),
        };
        let known = Models::builtin().find(Role::Llm, &model);
        known
            .and_then(|known| known.schema)
            .unwrap_or(SchemaSupport::Strict)
    }

    fn body(&self, question: &Question, support: SchemaSupport) -> Json {
        let mut body = json!({
            "model": self.desk.model,
            "messages": messages(question, support),
        });
        let (name, schema) = &question.schema;
        match support {
            SchemaSupport::Strict => {
                body["response_format"] = json!({
                    "type": "json_schema",
                    "json_schema": { "name": name, "strict": true, "schema": schema }
                });
            }
            SchemaSupport::Json => body["response_format"] = json!({ "type": "json_object" }),
            SchemaSupport::None => {}
        }
        body[self.accent.max_tokens] = json!(question.max_tokens);
        if let Some(temperature) = question.temperature_pm {
            body["temperature"] = json!(f64::from(temperature) / 1000.0);
        }
        if let Some(seed) = question.seed {
            // Some servers read it as a signed number of 32 bits.
            body["seed"] = json!(seed & 0x7fff_ffff);
        }
        if self.accent.requires_parameters {
            body["provider"] = json!({ "require_parameters": true });
            body["usage"] = json!({ "include": true });
        }
        body
    }

    async fn post(
        &self,
        question: &Question,
        support: SchemaSupport,
    ) -> Result<Answer, AskFailure> {
        let headers = self.accent.headers.iter();
        let headers = headers.map(|(name, value)| (*name, (*value).to_owned()));
        let body = self.body(question, support);
        let post = self
            .desk
            .post_json("chat/completions", headers.collect(), &body);
        Ok(post.await?)
    }

    fn read(&self, answer: &Answer) -> Result<Completion, AskFailure> {
        if !answer.is_ok() {
            return Err(self.said_no(answer));
        }
        if answer.content_type() == "text/html" {
            return Err(AskFailure::Refused(
                self.desk.refused(404, "a page came instead of an answer"),
            ));
        }
        let said: Result<Said, _> = serde_json::from_slice(&answer.body);
        let said = said.map_err(|error| {
            AskFailure::Lost(WorkerFailure {
                class: FailureClass::Server,
                message: format!(
                    "{} answered with {} bytes that are no answer of a chat: {error}",
                    self.desk.vendor.name, answer.bytes
                ),
                hint: "check `base_url` of the provider in config.toml".to_owned(),
            })
        })?;
        // What the vendor says wins over what the table says.
        let cost_micros = said.cost_micros().or_else(|| {
            let usage = said.usage.as_ref()?;
            let tokens = [
                (Meter::LlmTokensIn, usage.prompt_tokens?),
                (Meter::LlmTokensOut, usage.completion_tokens?),
            ];
            self.desk.priced(Role::Llm, &tokens)
        });
        // Some gateways say no with a status that says yes.
        if let Some(error) = said.error() {
            let status = error.status().unwrap_or(500);
            return Err(self.no(status, &error));
        }
        let Some(choice) = said.choices.into_iter().next() else {
            return Err(AskFailure::Useless {
                failure: self.desk.refused(500, "no choice in the answer"),
                cost_micros,
                said: Vec::new(),
            });
        };
        let refused = choice.message.refusal.filter(|text| !text.is_empty());
        let end = match (choice.finish_reason.as_deref(), &refused) {
            (_, Some(_)) | (Some("content_filter"), _) => End::Filtered,
            (Some("length"), _) => End::Length,
            _ => End::Said,
        };
        Ok(Completion {
            text: choice.message.content.or(refused).unwrap_or_default(),
            end,
            cost_micros,
        })
    }

    fn said_no(&self, answer: &Answer) -> AskFailure {
        let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
        let error = said.and_then(|said| said.error());
        let error = error.unwrap_or_else(|| SaidError {
            message: String::from_utf8_lossy(&answer.body).into_owned(),
            ..SaidError::default()
        });
        self.no(answer.status, &error)
    }

    fn no(&self, status: u16, error: &SaidError) -> AskFailure {
        let mut failure = self.desk.refused(status, &error.message);
        if error.is_about_money() {
            let paid = self.desk.refused(402, &error.message);
            failure = WorkerFailure {
                message: paid
                    .message
                    .replace("(status 402)", &format!("(status {status})")),
                ..paid
            };
        }
        // A gateway that gave up waiting does not know what became of the work behind it.
        if matches!(status, 408 | 504 | 524) {
            AskFailure::Lost(failure)
        } else {
            AskFailure::Refused(failure)
        }
    }
}

impl Llm for Chat {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn complete<'a>(
        &'a self,
        question: &'a Question,
    ) -> BoxFuture<'a, Result<Completion, AskFailure>> {
        Box::pin(async move {
            let support = self.support();
            let mut answer = self.post(question, support).await?;
            if support != SchemaSupport::None && knows_no_schema(&answer) {
                answer = self.post(question, SchemaSupport::None).await?;
            }
            self.read(&answer)
        })
    }
}

/// What is said, with the schema in words where the model is not held to it.
fn messages(question: &Question, support: SchemaSupport) -> Vec<Json> {
    let mut words = (support != SchemaSupport::Strict).then(|| {
        format!(
            "\n\nAnswer with one JSON object and nothing else. It keeps to this JSON Schema:\n{}",
            question.schema.1
        )
    });
    let said = question.messages.iter().map(|(speaker, text)| {
        let role = match speaker {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        // The first message of all, whosever it is: some servers take one system message only.
        json!({ "role": role, "content": text.clone() + &words.take().unwrap_or_default() })
    });
    said.collect()
}

/// Whether a server refuses a question for the schema that comes with it; such a question costs nothing.
fn knows_no_schema(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body).to_lowercase();
    let about = ["response_format", "json_schema", "structured output"];
    matches!(answer.status, 400 | 404 | 422) && about.iter().any(|word| text.contains(word))
}

/// An answer as it came; what is not read is not named.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Json>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    finish_reason: Option<String>,
    message: Message,
    #[serde(default)]
    error: Option<Json>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    /// US dollars, where the vendor says it (OpenRouter).
    #[serde(default)]
    cost: Option<serde_json::Number>,
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// What a vendor says is wrong.
#[derive(Debug, Default)]
struct SaidError {
    message: String,
    code: String,
}

impl SaidError {
    fn from_json(error: &Json) -> Self {
        let text = |value: &Json| match value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => String::new(),
        };
        match error {
            Json::Object(fields) => {
                let field = |name: &str| fields.get(name).map(text).unwrap_or_default();
                Self {
                    message: field("message"),
                    code: match field("code") {
                        code if code.is_empty() => field("type"),
                        code => code,
                    },
                }
            }
            other => Self {
                message: text(other),
                code: String::new(),
            },
        }
    }

    fn status(&self) -> Option<u16> {
        self.code
            .parse()
            .ok()
            .filter(|code| (400..600).contains(code))
    }

    /// A limit that no waiting lifts.
    fn is_about_money(&self) -> bool {
        matches!(
            self.code.as_str(),
            "insufficient_quota" | "billing_hard_limit_reached" | "402"
        )
    }
}

impl Said {
    fn error(&self) -> Option<SaidError> {
        let of_choice = self
            .choices
            .first()
            .and_then(|choice| choice.error.as_ref());
        let error = self.error.as_ref().or(of_choice)?;
        (!error.is_null()).then(|| SaidError::from_json(error))
    }

    fn cost_micros(&self) -> Option<u64> {
        let cost = self.usage.as_ref()?.cost.as_ref()?.to_string();
        let cost = Decimal::from_scientific(&cost)
            .or_else(|_| cost.parse())
            .ok()?;
        u64::try_from((cost * Decimal::from(1_000_000)).ceil()).ok()
    }
}
