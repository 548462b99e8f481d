//! `Flow.Approve`: a person looks before the workflow goes on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ask::{ask, unfit};
use crate::action::{ApproveTask, InvokeTask, Invoked};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, outputs,
};
use crate::value::{PortType, Value};

/// Longest preview of a value, characters.
const PREVIEW_CHARS: usize = 400;

/// The node type.
pub(super) struct FlowApprove;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Flow.Approve",
    version: 1,
    summary: "Waits until a person says yes; a no ends the workflow here.",
    params: vec![
        ParamSpec::required(
            "show",
            ParamType::many(ParamType::Port(PortType::Json)),
            "What is shown to the person: texts, scripts, pictures, clips.",
        )
        .filled("give at least one value to look at"),
        ParamSpec::with_default(
            "timeout",
            ParamType::Duration {
                min: 10_000,
                max: 2_592_000_000,
            },
            Value::Int(86_400_000),
            "How long an answer is waited for.",
        ),
        ParamSpec::with_default(
            "default",
            ParamType::OneOf(&["reject", "approve"]),
            Value::Text("reject".into()),
            "What no answer means.",
        ),
        ParamSpec::with_default(
            "via",
            ParamType::many(ParamType::OneOf(&["cli", "tui", "http"])),
            Value::List(vec![
                Value::Text("cli".into()),
                Value::Text("tui".into()),
                Value::Text("http".into()),
            ]),
            "Where the question is asked.",
        )
        .filled("name a place, or leave `via` out to ask in all"),
    ],
    ports: vec![
        PortSpec::new("decision", PortType::Json, "approved, by, note."),
        PortSpec::new("approved", PortType::Bool, "Whether the answer was yes."),
    ],
    example: "\
fenta: workflow/v1
nodes:
  words: { type: Input.Text, with: { text: \"Honey never spoils.\" } }
  look: { type: Flow.Approve, with: { show: [\"${{ nodes.words.text }}\"], timeout: 12h } }
  voice: { type: Voice.TTS, with: { text: \"${{ nodes.words.text }}\" }, needs: [look] }
outputs:
  seconds: ${{ nodes.voice.seconds }}
",
});

impl NodeType for FlowApprove {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Approval)
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let shown = params.list("show");
        let task = InvokeTask::Approve(ApproveTask {
            show: shown
                .iter()
                .map(|value| value.preview(PREVIEW_CHARS))
                .collect(),
            files: shown.iter().filter_map(|value| blob(value)).collect(),
            timeout_ms: params.int("timeout")?.unsigned_abs(),
            approve_by_default: params.text("default")? == "approve",
            via: params
                .list("via")
                .into_iter()
                .filter_map(|value| match value {
                    Value::Text(place) => Some(place.clone()),
                    _ => None,
                })
                .collect(),
        });
        let Invoked::Decision(decision) = ask(Role::Approval, context.models, task, steps)?.invoked
        else {
            return Err(unfit().into());
        };
        if !decision.approved {
            let note = match decision.note.as_str() {
                "" => String::new(),
                note => format!(": {note}"),
            };
            return Err(LowerError::new(
                format!("not approved by {}{note}", decision.by),
                "change what was shown and run the workflow again",
            )
            .into());
        }
        Ok(outputs([
            (
                "decision",
                Value::Record(outputs([
                    ("approved", Value::Bool(true)),
                    ("by", Value::Text(decision.by.clone())),
                    ("note", Value::Text(decision.note.clone())),
                ])),
            ),
            ("approved", Value::Bool(true)),
        ]))
    }
}

/// The file behind a value.
fn blob(value: &Value) -> Option<Digest> {
    match value {
        Value::File(file) => Some(file.digest),
        Value::Media(media) => Some(media.digest),
        Value::Audio(audio) => Some(audio.digest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, digest, invoked};
    use super::*;
    use crate::action::Decision;
    use crate::value::FileValue;

    fn bench() -> Bench {
        Bench::new("Flow.Approve").with(
            "show",
            Value::List(vec![
                Value::Text("Bees dance.".into()),
                Value::File(FileValue::new(digest("v"), "v.mp4")),
            ]),
        )
    }

    fn said(approved: bool) -> crate::action::ActionResult {
        invoked(Invoked::Decision(Decision {
            approved,
            by: "anna".into(),
            note: "too loud".into(),
        }))
    }

    #[test]
    fn texts_and_files_are_shown() {
        let InvokeTask::Approve(task) = asked_of(&bench()).task else {
            panic!()
        };
        assert_eq!(task.show, ["\"Bees dance.\"", "v.mp4"]);
        assert_eq!(task.files, [digest("v")]);
        assert!(!task.approve_by_default);
        assert_eq!(task.timeout_ms, 86_400_000);
    }

    #[test]
    fn a_yes_goes_on_and_a_no_ends_it_with_its_reason() {
        assert_eq!(
            bench().outputs(&[said(true)])["approved"],
            Value::Bool(true)
        );
        let error = bench().fails(&[said(false)]);
        assert_eq!(error.message, "not approved by anna: too loud");
    }
}
