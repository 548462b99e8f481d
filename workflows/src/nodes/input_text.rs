//! `Input.Text`: a text written in the document or read from a file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::action::{Action, ActionFacts, ReadTextRequest};
use crate::diagnostic::Diagnostics;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::value::{PortType, Value};

/// Longest text, characters.
const MAX_CHARS: usize = 1_000_000;

/// The node type.
pub(super) struct InputText;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Input.Text",
    version: 1,
    summary: "A text, written in the document or read from a file.",
    params: vec![
        ParamSpec::optional(
            "text",
            ParamType::Text {
                max_chars: MAX_CHARS,
            },
            "The text itself.",
        ),
        ParamSpec::optional(
            "file",
            ParamType::SourcePath,
            "A text file (UTF-8, at most 1 MiB) to read instead; Markdown is fine.",
        ),
    ],
    ports: vec![PortSpec::new("text", PortType::Text, "The text.")],
    example: "\
fenta: workflow/v1
nodes:
  words: { type: Input.Text, with: { text: \"Honey never spoils.\" } }
outputs:
  text: ${{ nodes.words.text }}
",
});

impl NodeType for InputText {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("text", "file", found);
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let text = match context.params.get("text") {
            Some(_) => context.params.text("text")?.to_owned(),
            None => read(context.params.text("file")?, steps)?,
        };
        Ok(outputs([("text", Value::Text(text))]))
    }
}

fn read(path: &str, steps: &mut Steps<'_>) -> Result<String, Halt> {
    let action = Action::ReadText(ReadTextRequest {
        path: path.to_owned(),
    });
    match &steps.run_one(action)?.facts {
        ActionFacts::Text(text) => Ok(text.clone()),
        _ => Err(wrong_facts("read_text").into()),
    }
}
