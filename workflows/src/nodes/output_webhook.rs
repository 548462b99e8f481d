//! `Output.Webhook`: tells an address of the user's that a workflow got this far.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ask::{ask, unfit};
use crate::action::{CallWebhookTask, InvokeTask, Invoked};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::loopback::is_loopback_authority;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct OutputWebhook;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Webhook",
    version: 1,
    summary: "Tells an address of yours that a workflow got this far.",
    params: vec![
        ParamSpec::required("url", ParamType::Url, "Where; https://, unless it is this machine."),
        ParamSpec::with_default(
            "event",
            ParamType::Text { max_chars: 100 },
            Value::Text("workflow.run.finished".into()),
            "The event's name in the message.",
        ),
        ParamSpec::optional(
            "data",
            ParamType::Port(PortType::Json),
            "What is told with it, for example the path of a result.",
        ),
        ParamSpec::optional(
            "secret_ref",
            ParamType::Text { max_chars: 100 },
            "Name of the signing secret in your keyring; the secret itself never stands in a document.",
        ),
    ],
    ports: vec![PortSpec::new("status", PortType::Number, "The HTTP status of the answer.")],
    example: "\
fenta: workflow/v1
nodes:
  words: { type: Input.Text, with: { text: \"Honey never spoils.\" } }
  tell: { type: Output.Webhook, with: { url: \"https://example.org/hooks/fenta\", data: { text: \"${{ nodes.words.text }}\" }, secret_ref: my-hook } }
",
}
});

impl NodeType for OutputWebhook {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Webhook)
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if let Some(url) = written.text("url")
            && let Some(rest) = url.strip_prefix("http://")
            && !is_loopback_authority(rest)
        {
            found.push(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    written.span("url"),
                    "a message to another machine must not travel in the open",
                )
                .hint("write https://; http:// is for localhost and 127.0.0.1"),
            );
        }
        if let Some(event) = written.text("event")
            && (event.is_empty()
                || !event
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')))
        {
            found.push(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    written.span("event"),
                    format!("`{event}` is not the name of an event"),
                )
                .hint("write letters, digits, `.`, `_` and `-`, for example render.succeeded"),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let task = InvokeTask::CallWebhook(CallWebhookTask {
            url: params.text("url")?.to_owned(),
            event: params.text("event")?.to_owned(),
            data: params
                .get("data")
                .map_or(serde_json::Value::Null, Value::to_json),
            secret_ref: params.optional_text("secret_ref")?.map(str::to_owned),
        });
        match ask(Role::Webhook, context.models, task, steps)?.invoked {
            Invoked::Status(status) => Ok(outputs([("status", Value::Int(i64::from(*status)))])),
            _ => Err(unfit().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, invoked};
    use super::*;
    use crate::action::{Action, CachePolicy, InvokeRequest};

    #[test]
    fn the_message_holds_the_data_and_is_sent_each_time() {
        let bench = Bench::new("Output.Webhook")
            .with("url", Value::Text("https://example.org/h".into()))
            .with(
                "data",
                Value::Record(BTreeMap::from([("n".to_owned(), Value::Int(1))])),
            );
        let request: InvokeRequest = asked_of(&bench);
        let InvokeTask::CallWebhook(task) = &request.task else {
            panic!()
        };
        assert_eq!(task.data["n"], 1);
        let action = Action::Invoke(Box::new(request));
        assert_eq!(action.cache_policy(), CachePolicy::Machine);
        let out = bench.outputs(&[invoked(Invoked::Status(204))]);
        assert_eq!(out["status"], Value::Int(204));
    }
}
