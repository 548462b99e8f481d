//! `Script.Transform`: a text cut into scenes here, or a script rewritten by a language model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::{ask, unfit};
use super::script;
use crate::action::{InvokeTask, Invoked, RewriteScriptTask, Rewriting};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, Steps,
    Useless, Written,
};
use crate::value::{PortType, Script, Value};

/// The modes of the language; the first is done on this machine, the others by a language model.
const MODES: &[&str] = &[
    "split",
    "translate",
    "compress",
    "expand",
    "adapt",
    "short_script",
    "rewrite_hook",
];

/// Parameters that only a language model heeds.
const FOR_MODELS: [&str; 5] = [
    "model",
    "duration",
    "max_syllable_ratio",
    "glossary",
    "instructions",
];

/// The node type.
pub(super) struct ScriptTransform;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Script.Transform",
    version: 1,
    summary: "A text cut into scenes that can be spoken and shown, or a script rewritten by a language model.",
    params: params(),
    ports: script::ports(),
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

fn params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "text",
            ParamType::Text { max_chars: 100_000 },
            "A text (plain or Markdown), or a script whose text is cut anew.",
        ),
        ParamSpec::optional(
            "script",
            ParamType::Port(PortType::Script),
            "A script instead; its scenes are kept.",
        ),
        ParamSpec::with_default(
            "mode",
            ParamType::OneOf(MODES),
            Value::Text("split".into()),
            "`split` makes one scene per sentence on this machine; the other modes ask a language model.",
        ),
        ParamSpec::optional(
            "title",
            ParamType::Text { max_chars: 300 },
            "The script's title; the text's first heading by default.",
        ),
        ParamSpec::optional(
            "language",
            ParamType::Language,
            "BCP 47 language of the result; the script's own or en by default.",
        ),
        ParamSpec::optional(
            "duration",
            ParamType::Duration {
                min: 5000,
                max: 900_000,
            },
            "How long the result may take to say.",
        ),
        ParamSpec::optional(
            "max_syllable_ratio",
            ParamType::Number { min: 0.5, max: 3.0 },
            "Longest result against the source, by syllables; for dubbing 1.1.",
        ),
        ParamSpec::optional(
            "glossary",
            ParamType::Texts,
            "Terms and what they become, for example { Fenta: Fenta }.",
        ),
        ParamSpec::with_default(
            "instructions",
            ParamType::Text { max_chars: 5000 },
            Value::Text(String::new()),
            "What else the model heeds; needed by adapt.",
        ),
        ParamSpec::optional(
            "model",
            ParamType::Model,
            "The model, for example ollama:qwen3:8b; the workflow's `providers.llm` by default.",
        ),
    ]
}

fn rewriting(mode: &str) -> Option<Rewriting> {
    Some(match mode {
        "translate" => Rewriting::Translate,
        "compress" => Rewriting::Compress,
        "expand" => Rewriting::Expand,
        "adapt" => Rewriting::Adapt,
        "short_script" => Rewriting::ShortScript,
        "rewrite_hook" => Rewriting::RewriteHook,
        _ => return None,
    })
}

/// What a mode cannot do without.
fn needs(mode: &str) -> Option<&'static str> {
    match mode {
        "translate" => Some("language"),
        "short_script" => Some("duration"),
        "adapt" => Some("instructions"),
        _ => None,
    }
}

impl NodeType for ScriptTransform {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Llm)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("text", "script", found);
        let Some(mode) = written.text("mode") else {
            return;
        };
        let empty = Some(Value::Text(String::new()));
        let missing = |name: &&str| !written.has(name) || written.literal(name) == empty;
        if let Some(name) = needs(mode).filter(missing) {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    written.span("mode"),
                    format!("`mode: {mode}` needs `{name}`"),
                )
                .hint(format!("add `{name}` to `with`")),
            );
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if given.word("mode", "split") == Some("split") {
            let beside = if given.has("mode") { "mode" } else { "text" };
            let why = "`mode: split` asks no language model";
            given.useless(&FOR_MODELS, Some(beside), why, found);
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        if known.text("mode") == Some("split") {
            return Vec::new();
        }
        let chars = match (known.get("script"), known.get("text")) {
            (Some(Value::Script(script)), _) => Some(script.text().chars().count()),
            (_, Some(Value::Text(text))) => Some(text.chars().count()),
            _ => None,
        };
        let Some(chars) = chars.map(|chars| chars as i64) else {
            let why = "the text is not known yet";
            return vec![
                Quantity::unknown(Meter::LlmTokensIn, why),
                Quantity::unknown(Meter::LlmTokensOut, why),
            ];
        };
        let tokens = |factor: i64, per: i64| Decimal::from(chars * factor / per);
        vec![
            Quantity::new(
                Meter::LlmTokensIn,
                Spread::between(tokens(1, 5), tokens(1, 4), tokens(1, 2))
                    .plus(&Spread::exactly(Decimal::from(500))),
                "characters of the text, 4 a token",
            ),
            Quantity::new(
                Meter::LlmTokensOut,
                Spread::between(tokens(1, 20), tokens(1, 3), tokens(2, 1)),
                "about as long as the text, with its frame",
            ),
        ]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let source = source(params)?;
        let mode = params.text("mode")?;
        let Some(rewriting) = rewriting(mode) else {
            return Ok(script::values(source));
        };
        let task = InvokeTask::RewriteScript(task(params, rewriting, source)?);
        match ask(Role::Llm, context.models, task, steps)?.invoked {
            Invoked::Scripts(scripts) => {
                let first = scripts.first().ok_or_else(unfit)?;
                Ok(script::values(script::sound(first)?))
            }
            _ => Err(unfit().into()),
        }
    }
}

/// What is transformed: the script as it is, or the text cut into scenes.
fn source(params: Params<'_>) -> Result<Script, LowerError> {
    let language = params.optional_text("language")?;
    let title = params.optional_text("title")?;
    match params.get("script") {
        Some(Value::Script(script)) => {
            let mut script = script.clone();
            // Another language is the model's to make; cutting changes none.
            if let (Some(language), "split") = (language, params.text("mode")?) {
                script.language = language.to_owned();
            }
            if let Some(title) = title {
                script.title = title.to_owned();
            }
            Ok(script)
        }
        _ => {
            let own = match params.text("mode")? {
                "translate" => "und",
                _ => language.unwrap_or("en"),
            };
            script::from_text(params.text("text")?, title, own)
        }
    }
}

fn task(
    params: Params<'_>,
    mode: Rewriting,
    script: Script,
) -> Result<RewriteScriptTask, LowerError> {
    let name = params.text("mode")?;
    if let Some(needed) = needs(name)
        && params
            .get(needed)
            .is_none_or(|value| *value == Value::Text(String::new()))
    {
        let message = format!("`mode: {name}` needs `{needed}`");
        return Err(LowerError::new(message, format!("give `{needed}` a value")));
    }
    let ratio = match params.get("max_syllable_ratio") {
        Some(_) => Some((params.number("max_syllable_ratio")? * 1000.0).round() as u32),
        None => None,
    };
    Ok(RewriteScriptTask {
        mode,
        language: match params.optional_text("language")? {
            Some(language) => language.to_owned(),
            None => script.language.clone(),
        },
        script,
        duration_ms: params.optional_int("duration")?.map(i64::unsigned_abs),
        max_syllable_ratio_pm: ratio,
        glossary: params.texts("glossary"),
        instructions: params.text("instructions")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, invoked};
    use super::*;
    use crate::value::Scene;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn splits_and_takes_the_heading_as_title() {
        let out = Bench::new("Script.Transform")
            .with(
                "text",
                text("# On bees\n\nBees dance every day. The dance is a map."),
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
            text("Bees dance every day. The dance is a map.")
        );
        let scenes = out["scenes"].to_json();
        assert_eq!(scenes[1]["text"], "The dance is a map.");
        assert_eq!(scenes[1]["seconds"], 1.8);
    }

    #[test]
    fn a_written_title_wins() {
        let out = Bench::new("Script.Transform")
            .with("text", text("# On bees\n\nBees dance every day."))
            .with("title", text("Honey"))
            .outputs(&[]);
        assert_eq!(out["title"], text("Honey"));
    }

    #[test]
    fn a_model_rewrites_and_says_in_which_language() {
        let script = Script {
            title: "Bees".into(),
            language: "en".into(),
            scenes: vec![Scene::new("s1", "Bees dance.")],
        };
        let bench = Bench::new("Script.Transform")
            .with("script", Value::Script(script))
            .with("mode", text("translate"))
            .with("language", text("de"))
            .with("max_syllable_ratio", Value::Float(1.1));
        let InvokeTask::RewriteScript(task) = asked_of(&bench).task else {
            panic!()
        };
        assert_eq!(
            (task.language.as_str(), task.script.language.as_str()),
            ("de", "en")
        );
        assert_eq!(task.max_syllable_ratio_pm, Some(1100));
        let german = Script {
            title: "Bienen".into(),
            language: "de".into(),
            scenes: vec![Scene::new("s1", "Bienen tanzen.")],
        };
        let out = bench.outputs(&[invoked(Invoked::Scripts(vec![german]))]);
        assert_eq!(out["title"], text("Bienen"));
    }

    #[test]
    fn what_a_mode_needs_is_needed_when_it_is_computed_too() {
        let bench = Bench::new("Script.Transform")
            .with("text", text("Bees dance every day."))
            .with("mode", text("short_script"));
        assert!(bench.fails(&[]).message.contains("needs `duration`"));
    }

    #[test]
    fn cutting_asks_no_model_whatever_it_is_told() {
        let of = |mode: &str| {
            let bench = Bench::new("Script.Transform").with("mode", text(mode));
            bench.useless(&["glossary", "instructions", "language"])
        };
        assert_eq!(of("split"), ["glossary", "instructions"]);
        assert!(of("compress").is_empty());
    }

    #[test]
    fn cutting_costs_nothing_and_rewriting_is_a_range() {
        let known = |mode: &str| {
            let values = BTreeMap::from([
                ("mode".to_owned(), text(mode)),
                ("script".to_owned(), Value::Null),
                ("text".to_owned(), text("Bees dance every day.")),
            ]);
            ScriptTransform.estimate(&KnownParams::new(values, Vec::new()))
        };
        assert!(known("split").is_empty());
        assert!(known("compress").iter().all(|one| one.amount.is_some()));
    }
}
