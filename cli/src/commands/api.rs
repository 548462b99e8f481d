//! `fenta api`: any route of the API, for scripts. The daemon is found (or started) as for every other command.

use std::io::Read;
use std::path::PathBuf;

use clap::ValueHint;
use fenta_client::credentials::Secret;
use fenta_client::raw::{RawAnswer, RawCall};
use fenta_client::{Client, ClientConfig, Endpoint};
use serde_json::{Map, Value};

use super::Context;
use crate::command_error::CommandError;
use crate::replace_file::replace_file;
use crate::session::VERSION;

/// Call a route of the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fenta api GET /v1/jobs?limit=5\n  \
    fenta api POST /v1/jobs/latest/cancel\n  \
    fenta api POST /v1/jobs --input job.json\n  \
    fenta api GET /v1/jobs --paginate\n  \
    fenta api GET /v1/openapi.json")]
pub(crate) struct ApiArgs {
    /// GET, POST, PUT or DELETE
    #[arg(value_name = "METHOD")]
    method: String,
    /// A path of the API with its query: /v1/jobs?limit=5
    #[arg(value_name = "PATH")]
    path: String,
    /// A field: of the query for GET, of the JSON body otherwise. Values that are JSON (5, true, {}) are sent as such
    #[arg(short = 'F', long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// A field whose value is text, whatever it looks like
    #[arg(short = 'f', long = "raw-field", value_name = "NAME=VALUE")]
    raw_fields: Vec<String>,
    /// Send this file as the body; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fields", "raw_fields"], value_hint = ValueHint::FilePath)]
    input: Option<String>,
    /// Write the answer to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Ask for all pages of a list, one after another
    #[arg(long)]
    paginate: bool,
    /// Make it count once, however often it is sent: the Idempotency-Key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Ask this server instead of the daemon: http://127.0.0.1:PORT or https://…
    #[arg(long, value_name = "URL", env = "FENTA_HOST", hide_env_values = true, value_hint = ValueHint::Url)]
    host: Option<String>,
}

impl ApiArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let client = match &self.host {
            Some(url) => at(context, url)?,
            None => context.session.client(&context.ui).await?,
        };
        let mut call = self.call(context)?;
        loop {
            let mut answer = client.raw(&call).await?;
            let next = self.show(context, &mut answer).await?;
            match next.filter(|_| self.paginate) {
                Some(cursor) => call.path = with_query(&call.path, "cursor", &cursor),
                None => return Ok(()),
            }
        }
    }

    fn call(&self, context: &Context) -> Result<RawCall, CommandError> {
        let mut call = RawCall {
            method: self.method.to_ascii_uppercase(),
            path: self.path.clone(),
            body: None,
            key: self.key.clone(),
        };
        let fields = self.named()?;
        if call.method == "GET" {
            for (name, value) in &fields {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                call.path = with_query(&call.path, name, &text);
            }
        } else if !fields.is_empty() {
            call.body = Some(json_body(&Value::Object(fields)));
        }
        if let Some(input) = &self.input {
            call.body = Some(read_body(context, input)?);
        }
        Ok(call)
    }

    /// The fields by name, as JSON where they are.
    fn named(&self) -> Result<Map<String, Value>, CommandError> {
        let typed = self.fields.iter().map(|field| (field, true));
        let plain = self.raw_fields.iter().map(|field| (field, false));
        typed
            .chain(plain)
            .map(|(field, typed)| {
                let (name, text) = field.split_once('=').ok_or_else(|| CommandError::Usage {
                    message: format!("`{field}` is no field: write NAME=VALUE"),
                    hint: None,
                })?;
                let json = typed.then(|| serde_json::from_str(text).ok()).flatten();
                let value = json.unwrap_or_else(|| Value::String(text.to_owned()));
                Ok((name.to_owned(), value))
            })
            .collect()
    }

    /// Passes an answer on; where the next page begins, if it is one of a list.
    async fn show(
        &self,
        context: &Context,
        answer: &mut RawAnswer,
    ) -> Result<Option<String>, CommandError> {
        if answer.kind.starts_with("text/event-stream") {
            while let Some(part) = answer.part().await? {
                context.ui.bytes(&part)?;
            }
            return Ok(None);
        }
        let bytes = answer.whole().await?;
        let value: Option<Value> = answer
            .kind
            .starts_with("application/json")
            .then(|| serde_json::from_slice(&bytes).ok())
            .flatten();
        if let Some(path) = &self.output {
            let path = context.settings.current_dir.join(path);
            replace_file(&path, &bytes)?;
        } else {
            match &value {
                Some(value) if context.ui.out_is_terminal() && !context.ui.is_json() => {
                    context.ui.text(&format!("{value:#}"))?;
                }
                Some(value) => context.ui.json(value)?,
                None => context.ui.bytes(&bytes)?,
            }
        }
        let cursor = value
            .as_ref()
            .and_then(|value| value["next_cursor"].as_str());
        Ok(cursor.map(str::to_owned))
    }
}

/// A client of another server.
fn at(context: &Context, url: &str) -> Result<Client, CommandError> {
    let mut config = ClientConfig::new(Endpoint::Url(url.to_owned()), format!("fenta/{VERSION}"));
    let token = match &context.settings.token {
        Some(token) => Some(token.clone()),
        None => own_token(context, url),
    };
    if let Some(token) = token {
        let token = Secret::new(token.trim()).map_err(|error| CommandError::Usage {
            message: format!("the token cannot be used: {error}"),
            hint: None,
        })?;
        config = config.with_token(token);
    }
    Ok(Client::new(&config)?)
}

/// The token of this user's own daemon, if that is who listens at the address: it goes to nobody else.
fn own_token(context: &Context, url: &str) -> Option<String> {
    let state = &context.settings.state_dir;
    let announced: Value =
        serde_json::from_slice(&std::fs::read(state.join("fentad.json")).ok()?).ok()?;
    let listens = announced["listen"].as_str()?;
    let port = listens.rsplit(':').next()?;
    let asked = url.strip_prefix("http://")?.trim_end_matches('/');
    (asked == listens || asked == format!("localhost:{port}"))
        .then(|| std::fs::read_to_string(state.join("token")).ok())
        .flatten()
}

fn json_body(value: &Value) -> (String, Vec<u8>) {
    (
        "application/json".to_owned(),
        value.to_string().into_bytes(),
    )
}

fn read_body(context: &Context, input: &str) -> Result<(String, Vec<u8>), CommandError> {
    let mut bytes = Vec::new();
    let read = if input == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(context.settings.current_dir.join(input)).map(|read| bytes = read)
    };
    read.map_err(|source| CommandError::Io {
        what: format!("cannot read {input}"),
        source,
    })?;
    // What is JSON is sent as such; the server says what is wrong with it.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let kind = match first {
        Some(b'{' | b'[' | b'"') => "application/json",
        _ => "application/octet-stream",
    };
    Ok((kind.to_owned(), bytes))
}

/// A path with one more field in its query, in place of one of that name.
fn with_query(path: &str, name: &str, value: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut fields: Vec<String> = query
        .split('&')
        .filter(|field| !field.is_empty() && field.split('=').next() != Some(name))
        .map(str::to_owned)
        .collect();
    fields.push(format!("{}={}", encoded(name), encoded(value)));
    format!("{path}?{}", fields.join("&"))
}

/// Percent-encoded as a part of a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_query_replace_those_of_their_name() {
        let path = with_query("/v1/jobs?limit=5&cursor=1", "cursor", "a&b c");
        assert_eq!(path, "/v1/jobs?limit=5&cursor=a%26b%20c");
        assert_eq!(
            with_query("/v1/jobs", "state", "é"),
            "/v1/jobs?state=%C3%A9"
        );
    }

    #[test]
    fn values_that_are_json_are_sent_as_such() {
        let args = ApiArgs {
            method: "POST".to_owned(),
            path: "/v1/x".to_owned(),
            fields: ["a=5", "b=true", "c=five", "d={\"e\":1}", "f="]
                .map(str::to_owned)
                .into(),
            raw_fields: vec!["g=7".to_owned()],
            input: None,
            output: None,
            paginate: false,
            key: None,
            host: None,
        };
        let expected = serde_json::json!({
            "a": 5, "b": true, "c": "five", "d": { "e": 1 }, "f": "", "g": "7",
        });
        assert_eq!(Value::Object(args.named().unwrap()), expected);
    }
}
