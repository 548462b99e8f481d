//! `Script.Transform`: a text cut into scenes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::script;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs,
};
use crate::value::{PortType, Value};

/// The modes of the language; only the first works without a language model.
const MODES: &[&str] = &[
    "split",
    "translate",
    "compress",
    "expand",
    "adapt",
    "short_script",
    "rewrite_hook",
];

/// The node type.
pub(super) struct ScriptTransform;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Script.Transform",
    version: 1,
    summary: "A text or script turned into scenes that can be spoken and shown.",
    params: vec![
        ParamSpec::required(
            "text",
            ParamType::Text { max_chars: 100_000 },
            "A text (plain or Markdown), or a script.",
        ),
        ParamSpec::with_default(
            "mode",
            ParamType::OneOf(MODES),
            Value::Text("split".into()),
            "`split` makes one scene per sentence; the other modes need a language model and are not available yet.",
        ),
        ParamSpec::optional(
            "title",
            ParamType::Text { max_chars: 300 },
            "The script's title; the text's first heading by default.",
        ),
        ParamSpec::with_default(
            "language",
            ParamType::Text { max_chars: 20 },
            Value::Text("en".into()),
            "BCP 47 language of the text.",
        ),
    ],
    ports: vec![
        PortSpec::new("script", PortType::Script, "The scenes in order."),
        PortSpec::new("title", PortType::Text, "The title; may be empty."),
        PortSpec::new("text", PortType::Text, "What is spoken, without markup."),
    ],
    example: "\
fenta: workflow/v1
nodes:
  script: { type: Script.Transform, with: { text: \"# Bees\\nBees dance. The dance is a map.\" } }
  voice: { type: Voice.TTS, with: { script: \"${{ nodes.script.script }}\" } }
outputs:
  title: ${{ nodes.script.title }}
  seconds: ${{ nodes.voice.seconds }}
",
});

fn unavailable(mode: &str) -> (String, &'static str) {
    (
        format!("the mode `{mode}` needs a language model, which is not available in this version"),
        "write `mode: split`",
    )
}

impl NodeType for ScriptTransform {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if let Some(mode) = written.text("mode")
            && mode != "split"
            && MODES.contains(&mode)
        {
            let (message, hint) = unavailable(mode);
            found.push(
                Diagnostic::error(codes::UNAVAILABLE, written.span("mode"), message).hint(hint),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        _steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let mode = params.text("mode")?;
        if mode != "split" {
            let (message, hint) = unavailable(mode);
            return Err(LowerError::new(message, hint).into());
        }
        let title = match params.get("title") {
            Some(_) => Some(params.text("title")?),
            None => None,
        };
        let script = script::from_text(params.text("text")?, title, params.text("language")?)?;
        Ok(outputs([
            ("title", Value::Text(script.title.clone())),
            ("text", Value::Text(script.text())),
            ("script", Value::Script(script)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn splits_and_takes_the_heading_as_title() {
        let out = Bench::new("Script.Transform")
            .with(
                "text",
                Value::Text("# On bees\n\nBees dance every day. The dance is a map.".into()),
            )
            .outputs(&[]);
        let Value::Script(script) = &out["script"] else {
            panic!()
        };
        assert_eq!(script.title, "On bees");
        let ids: Vec<&str> = script
            .scenes
            .iter()
            .map(|scene| scene.id.as_str())
            .collect();
        assert_eq!(ids, ["s1", "s2"]);
        assert_eq!(
            out["text"],
            Value::Text("Bees dance every day. The dance is a map.".into())
        );
    }

    #[test]
    fn a_written_title_wins() {
        let out = Bench::new("Script.Transform")
            .with(
                "text",
                Value::Text("# On bees\n\nBees dance every day.".into()),
            )
            .with("title", Value::Text("Honey".into()))
            .outputs(&[]);
        assert_eq!(out["title"], Value::Text("Honey".into()));
    }

    #[test]
    fn other_modes_say_what_is_missing() {
        let error = Bench::new("Script.Transform")
            .with("text", Value::Text("Bees.".into()))
            .with("mode", Value::Text("translate".into()))
            .fails(&[]);
        assert!(error.message.contains("language model"), "{error}");
    }
}
