//! `Subtitle.Translate`: captions in another language, at the same times.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::{ask, unfit};
use super::subtitle_files;
use crate::action::{InvokeTask, Invoked, Rung, TranslateCaptionsTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Steps, Written,
};
use crate::value::{PortType, Value};

/// What is done instead of captions with times of their own.
const RETIME: &str =
    "to have other times, translate the script with Script.Transform and speak it with Voice.TTS";

/// The node type.
pub(super) struct SubtitleTranslate;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Subtitle.Translate",
    version: 1,
    summary: "Captions in another language, at the times of the original.",
    params: vec![
        ParamSpec::required("captions", ParamType::Port(PortType::Captions), "The captions."),
        ParamSpec::required(
            "language",
            ParamType::Language,
            "BCP 47 language of the result.",
        ),
        ParamSpec::with_default(
            "keep_timing",
            ParamType::Bool,
            Value::Bool(true),
            "Whether each scene's captions keep its time; this version always does.",
        ),
        ParamSpec::optional(
            "glossary",
            ParamType::Texts,
            "Terms and what they become, for example { Fenta: Fenta }.",
        ),
        ParamSpec::with_default(
            "max_chars",
            ParamType::Int { min: 12, max: 80 },
            Value::Int(42),
            "Longest line of the subtitle files.",
        )
        .unit("characters"),
        ParamSpec::optional(
            "model",
            ParamType::Model,
            "The model, for example ollama:qwen3:8b; the workflow's `providers.llm` by default.",
        ),
    ],
    ports: subtitle_files::ports(),
    example: "\
fenta: workflow/v1
providers: { llm: [\"ollama:qwen3:8b\"] }
nodes:
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  german: { type: Subtitle.Translate, with: { captions: \"${{ nodes.captions.captions }}\", language: de } }
  save: { type: Output.Download, with: { file: \"${{ nodes.german.srt }}\", to: bees.de.srt } }
",
}
});

impl NodeType for SubtitleTranslate {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Llm)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if written.literal("keep_timing") == Some(Value::Bool(false)) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    written.span("keep_timing"),
                    "`keep_timing: false` is not available in this version yet",
                )
                .hint(RETIME),
            );
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let Some(Value::Captions(captions)) = known.get("captions") else {
            let why = "the captions are not known yet";
            return vec![
                Quantity::unknown(Meter::LlmTokensIn, why),
                Quantity::unknown(Meter::LlmTokensOut, why),
            ];
        };
        let words = captions.words.len() as i64;
        let tokens = |frame: i64, per_ten: i64| Decimal::from(frame + words * per_ten / 10);
        vec![
            Quantity::new(
                Meter::LlmTokensIn,
                Spread::between(tokens(300, 10), tokens(400, 13), tokens(800, 30)),
                "words of the captions, 1.3 tokens each",
            ),
            Quantity::new(
                Meter::LlmTokensOut,
                Spread::between(tokens(0, 10), tokens(0, 18), tokens(100, 50)),
                "as many words again, a little longer",
            ),
        ]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let Some(Value::Captions(captions)) = params.get("captions") else {
            return Err(LowerError::new("`captions` are no captions", "").into());
        };
        if !params.bool("keep_timing")? {
            let message = "`keep_timing: false` is not available in this version yet";
            return Err(LowerError::new(message, RETIME).into());
        }
        let task = InvokeTask::TranslateCaptions(TranslateCaptionsTask {
            captions: captions.clone(),
            language: params.text("language")?.to_owned(),
            glossary: params.texts("glossary"),
        });
        match ask(Role::Llm, context.models, task, steps)?.invoked {
            Invoked::Captions(translated) => {
                let line_chars = params.u32("max_chars")? as usize;
                subtitle_files::values(translated.clone(), Rung::Proportional, line_chars, steps)
            }
            _ => Err(unfit().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, blob, invoked};
    use super::*;
    use crate::value::{CaptionWord, Captions};

    fn captions(text: &str, language: &str) -> Captions {
        Captions {
            language: language.into(),
            starts: vec![0],
            words: vec![CaptionWord {
                text: text.into(),
                start: 0,
                end: 48_000,
                scene: 0,
            }],
        }
    }

    #[test]
    fn the_translation_has_files_of_its_own() {
        let bench = Bench::new("Subtitle.Translate")
            .with("captions", Value::Captions(captions("Bees", "en")))
            .with("language", Value::Text("de".into()));
        let InvokeTask::TranslateCaptions(task) = asked_of(&bench).task else {
            panic!()
        };
        assert_eq!(task.language, "de");
        let answer = invoked(Invoked::Captions(captions("Bienen", "de")));
        let out = bench.outputs(&[answer, blob("file", "srt"), blob("file", "vtt")]);
        assert!(matches!(&out["captions"], Value::Captions(c) if c.words[0].text == "Bienen"));
    }

    #[test]
    fn other_times_are_refused_when_they_are_computed_too() {
        let bench = Bench::new("Subtitle.Translate")
            .with("captions", Value::Captions(captions("Bees", "en")))
            .with("language", Value::Text("de".into()))
            .with("keep_timing", Value::Bool(false));
        assert!(bench.fails(&[]).message.contains("keep_timing"));
    }
}
