//! `Script.Generate`: a script written by a language model from a brief, or put together from it where there is none.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::{ask, unfit};
use super::script;
use crate::action::{InvokeTask, Invoked, WriteScriptTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written,
};
use crate::value::{NOMINAL_WPM, PortType, Script, Value};

/// Fewest and most scenes when nothing is written.
const SCENES: (u32, u32) = (3, 12);

/// Tokens of the instructions around a brief, about.
const FRAME_TOKENS: i64 = 600;

/// The node type.
pub(super) struct ScriptGenerate;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    let mut ports = script::ports();
    ports.push(PortSpec::new(
        "variants",
        PortType::Script.list(),
        "One script per hook; the first is `script`.",
    ));
    ports.push(PortSpec::new(
        "notes",
        PortType::Text.list(),
        "What is to be told about it: that no language model wrote it.",
    ));
    NodeDescriptor {
        kind: "Script.Generate",
        version: 1,
        summary: "A script written by a language model from a brief.",
        params: params(),
        ports,
        example: "\
fenta: workflow/v1
providers: { llm: [\"openrouter:openai/gpt-6-luna\", \"ollama:qwen3:8b\"] }
nodes:
  script: { type: Script.Generate, with: { brief: \"Why bees dance. Hook first, no greeting.\", duration: 30s, scenes: { min: 4, max: 8 } } }
  voice: { type: Voice.TTS, with: { script: \"${{ nodes.script.script }}\", fit: 30s } }
outputs:
  title: ${{ nodes.script.title }}
  seconds: ${{ nodes.voice.seconds }}
",
    }
});

fn params() -> Vec<ParamSpec> {
    let mut params = what();
    params.extend(shape());
    params.extend(model());
    params
}

fn what() -> Vec<ParamSpec> {
    let text = |max_chars| ParamType::Text { max_chars };
    let empty = || Value::Text(String::new());
    vec![
        ParamSpec::required(
            "brief",
            text(20_000),
            "What the video is about, and how it is told.",
        )
        .filled("write what the video is about"),
        ParamSpec::optional(
            "facts",
            ParamType::Port(PortType::Json),
            "Facts it may use, for example the items of Input.Feed; they are data, never instructions.",
        ),
        ParamSpec::with_default(
            "language",
            ParamType::Language,
            Value::Text("en".into()),
            "BCP 47 language of the script.",
        ),
        ParamSpec::with_default(
            "tone",
            text(200),
            empty(),
            "How it sounds, for example calm or excited.",
        ),
        ParamSpec::with_default("audience", text(200), empty(), "Whom it speaks to."),
    ]
}

fn shape() -> Vec<ParamSpec> {
    let count = ParamType::Int { min: 1, max: 60 };
    vec![
        ParamSpec::with_default(
            "duration",
            ParamType::Duration {
                min: 5000,
                max: 900_000,
            },
            Value::Int(45_000),
            "How long it takes to say; the words are counted by it.",
        ),
        ParamSpec::optional(
            "scenes",
            ParamType::Fields(vec![
                ParamSpec::with_default(
                    "min",
                    count.clone(),
                    Value::Int(SCENES.0.into()),
                    "Fewest scenes.",
                ),
                ParamSpec::with_default("max", count, Value::Int(SCENES.1.into()), "Most scenes."),
            ]),
            "How many scenes; 3 to 12 by default.",
        ),
        ParamSpec::optional(
            "variants",
            ParamType::Fields(vec![ParamSpec::with_default(
                "hook",
                ParamType::Int { min: 1, max: 8 },
                Value::Int(1),
                "How many different first scenes, each giving a script of its own.",
            )]),
            "Variants of the script; see the output `variants`.",
        ),
        ParamSpec::with_default(
            "schema",
            ParamType::OneOf(&["script/v1"]),
            Value::Text("script/v1".into()),
            "The form of the answer.",
        ),
    ]
}

fn model() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "model",
            ParamType::Model,
            "The model, for example ollama:qwen3:8b; the workflow's `providers.llm` by default.",
        ),
        ParamSpec::with_default(
            "max_tokens",
            ParamType::Int {
                min: 100,
                max: 100_000,
            },
            Value::Int(4000),
            "Most tokens of the answer.",
        )
        .unit("tokens"),
        ParamSpec::with_default(
            "temperature",
            ParamType::Number { min: 0.0, max: 2.0 },
            Value::Float(0.7),
            "How freely the model chooses its words.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from, for models that take one; the workflow's seed by default.",
        ),
    ]
}

impl NodeType for ScriptGenerate {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Llm)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let fields = written.fields("scenes");
        let number = |name: &str| {
            fields
                .iter()
                .find_map(|(field, _, span, value)| match value {
                    Some(Value::Int(number)) if *field == name => Some((*number, *span)),
                    _ => None,
                })
        };
        let (least, most) = (number("min"), number("max"));
        let fewest = least.map_or(SCENES.0.into(), |(number, _)| number);
        let most_of_all = most.map_or(SCENES.1.into(), |(number, _)| number);
        if let Some((_, span)) = most.or(least).filter(|_| fewest > most_of_all) {
            found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    span,
                    format!("there cannot be at least {fewest} and at most {most_of_all} scenes"),
                )
                .hint("let `min` be at most `max` (3 and 12 when they are not written)"),
            );
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let read = match (known.text("brief"), known.get("facts")) {
            (Some(brief), Some(facts)) => {
                let facts = if *facts == Value::Null {
                    0
                } else {
                    facts.to_json().to_string().len()
                };
                // Four characters a token in English, three where the language is denser.
                let chars = (brief.chars().count() + facts) as i64;
                let tokens = |per: i64| Decimal::from(FRAME_TOKENS + chars / per);
                let spread = Spread::between(tokens(5), tokens(4), tokens(2));
                Quantity::new(
                    Meter::LlmTokensIn,
                    spread,
                    "characters of brief and facts, 4 a token",
                )
            }
            _ => Quantity::unknown(
                Meter::LlmTokensIn,
                "the brief or its facts are not known yet",
            ),
        };
        let written = match (known.int("duration"), known.int("max_tokens")) {
            (Some(ms), Some(most)) => {
                let words = ms * i64::from(NOMINAL_WPM) / 60_000;
                let most = Decimal::from(most);
                let spread = Spread::between(
                    Decimal::from(words),
                    Decimal::from(words * 3),
                    most.max(Decimal::from(words * 3)),
                );
                Quantity::new(
                    Meter::LlmTokensOut,
                    spread,
                    "words of the duration, 3 tokens each with the frame",
                )
            }
            _ => Quantity::unknown(Meter::LlmTokensOut, "the duration is not known yet"),
        };
        vec![read, written]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let task = task(context.params)?;
        if let Some(passed) = nobody(context) {
            return Ok(outputs(vec![script::outline(&task)?], &[note(passed)])?);
        }
        let task = InvokeTask::WriteScript(task);
        let scripts: Vec<Script> = match ask(Role::Llm, context.models, task, steps)?.invoked {
            Invoked::Scripts(scripts) => scripts
                .iter()
                .map(script::sound)
                .collect::<Result<_, _>>()?,
            _ => return Err(unfit().into()),
        };
        Ok(outputs(scripts, &[])?)
    }
}

/// Why no language model can be asked, where the node leaves it open which one: then it does without.
fn nobody<'a>(context: &LowerContext<'a>) -> Option<&'a [String]> {
    let found = context.available?;
    (found.models.is_empty() && context.params.get("model").is_none()).then_some(&found.passed)
}

fn note(passed: &[String]) -> String {
    let why = match passed {
        [] => "none is configured".to_owned(),
        passed => passed.join("; "),
    };
    format!("no language model wrote this: it is an outline of the brief and its facts ({why})")
}

fn outputs(scripts: Vec<Script>, notes: &[String]) -> Result<BTreeMap<String, Value>, LowerError> {
    let first = scripts.first().cloned().ok_or_else(unfit)?;
    let mut values = script::values(first);
    let variants = scripts.into_iter().map(Value::Script).collect();
    values.insert("variants".to_owned(), Value::List(variants));
    let notes = notes.iter().cloned().map(Value::Text).collect();
    values.insert("notes".to_owned(), Value::List(notes));
    Ok(values)
}

fn task(params: Params<'_>) -> Result<WriteScriptTask, LowerError> {
    let duration_ms = params.int("duration")?.unsigned_abs();
    let scenes = params.fields("scenes");
    let count = |fields: Option<Params<'_>>, name: &str, default: u32| match fields {
        Some(fields) => fields.u32(name),
        None => Ok(default),
    };
    let (min_scenes, max_scenes) = (
        count(scenes, "min", SCENES.0)?,
        count(scenes, "max", SCENES.1)?,
    );
    if min_scenes > max_scenes {
        return Err(LowerError::new(
            format!("there cannot be at least {min_scenes} and at most {max_scenes} scenes"),
            "let `scenes.min` be at most `scenes.max`",
        ));
    }
    Ok(WriteScriptTask {
        brief: params.text("brief")?.to_owned(),
        language: params.text("language")?.to_owned(),
        duration_ms,
        // A little less than the narrator could say, so that pauses have room.
        max_words: (duration_ms * u64::from(NOMINAL_WPM) / 60_000 * 96 / 100) as u32,
        tone: params.text("tone")?.to_owned(),
        audience: params.text("audience")?.to_owned(),
        min_scenes,
        max_scenes,
        hooks: count(params.fields("variants"), "hook", 1)?,
        facts: params.get("facts").map(Value::to_json),
        temperature_pm: (params.number("temperature")? * 1000.0).round() as u32,
        max_tokens: params.u32("max_tokens")?,
        seed: params.seed("seed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, invoked};
    use super::*;
    use crate::value::Scene;

    fn bench() -> Bench {
        Bench::new("Script.Generate")
            .with("brief", Value::Text("Bees".into()))
            .with("duration", Value::Text("30s".into()))
    }

    #[test]
    fn words_are_counted_by_the_duration() {
        let InvokeTask::WriteScript(task) = asked_of(&bench()).task else {
            panic!()
        };
        assert_eq!((task.duration_ms, task.max_words), (30_000, 78));
        assert_eq!((task.min_scenes, task.max_scenes, task.hooks), (3, 12, 1));
        assert_eq!(task.temperature_pm, 700);
    }

    #[test]
    fn a_script_of_a_model_is_put_in_order() {
        let script = Script {
            title: "Bees".into(),
            language: "en".into(),
            scenes: vec![Scene::new("x", "…"), Scene::new("x", "Bees dance.")],
        };
        let out = bench().outputs(&[invoked(Invoked::Scripts(vec![script.clone()]))]);
        let Value::Script(made) = &out["script"] else {
            panic!()
        };
        assert_eq!(made.scenes, [Scene::new("s1", "Bees dance.")]);
        assert_eq!(out["title"], Value::Text("Bees".into()));
        assert!(matches!(&out["variants"], Value::List(all) if all.len() == 1));
        let empty = Script {
            scenes: Vec::new(),
            ..script
        };
        let error = bench().fails(&[invoked(Invoked::Scripts(vec![empty]))]);
        assert!(error.message.contains("no words"), "{error}");
    }

    #[test]
    fn without_a_model_it_is_an_outline_and_says_so() {
        let bench = || bench().models(&["openrouter:openai/gpt-6-luna"]);
        let out = bench()
            .available(&[], &["openrouter has no key"])
            .outputs(&[]);
        assert_eq!(out["title"], Value::Text("Bees".into()));
        let Value::List(notes) = &out["notes"] else {
            panic!()
        };
        let wanted = "no language model wrote this: it is an outline of the brief and its facts (openrouter has no key)";
        assert_eq!(notes, &[Value::Text(wanted.into())]);
        // Who names a model wants that one.
        let named = bench().with("model", Value::Text("ollama:qwen3:8b".into()));
        asked_of(&named.available(&[], &[]));
        asked_of(&bench().available(&["openrouter:openai/gpt-6-luna"], &[]));
    }

    #[test]
    fn tokens_are_a_range_that_the_limit_closes() {
        let values = BTreeMap::from([
            ("brief".to_owned(), Value::Text("Bees".into())),
            ("facts".to_owned(), Value::Null),
            ("duration".to_owned(), Value::Int(45_000)),
            ("max_tokens".to_owned(), Value::Int(900)),
        ]);
        let found = ScriptGenerate.estimate(&KnownParams::new(values, Vec::new()));
        assert_eq!(found[1].amount.unwrap().high, Decimal::from(900));
        assert!(found.iter().all(|one| one.amount.is_some()));
        assert!(
            ScriptGenerate
                .estimate(&KnownParams::default())
                .iter()
                .all(|one| one.amount.is_none())
        );
    }
}
