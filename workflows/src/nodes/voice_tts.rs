//! `Voice.TTS`: a script spoken, by an engine on this machine or by a provider; one recording per scene.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use fenta_templates::timeline::LONGEST_MS;

use super::narration::{Fit, Narrated, Narration, RATE, rung, samples, words};
use super::script;
use super::speaker::{self, check_built_in, is_provider, speaker, useless_beside_model};
use crate::action::{InvokeTask, SpeakTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs,
};
use crate::value::{NOMINAL_WPM, PortType, Scene, Script, Value};

/// The node type.
pub(super) struct VoiceTts;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Voice.TTS",
    version: 1,
    summary: "A script or text spoken, by an engine on this machine or by a provider.",
    params: params(),
    ports: vec![
        PortSpec::new(
            "voice",
            PortType::Voice,
            "The recordings with the time of every word.",
        ),
        PortSpec::new("audio", PortType::Voice, "The same, by the name it has in a mix."),
        PortSpec::new("words", PortType::Words, "Every word with its time."),
        PortSpec::new("seconds", PortType::Number, "Length of all of it.").unit("s"),
        PortSpec::new(
            "notes",
            PortType::List(Box::new(PortType::Text)),
            "Why somebody else speaks than the first of `providers.speech`, and what is known of the word times.",
        ),
        PortSpec::new(
            "timing",
            PortType::Text,
            "How word times are known: provider (the speaker's own), aligned (found in the recording) or proportional \
             (estimated).",
        ),
    ],
    example: "\
fenta: workflow/v1
nodes:
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\", voice: rms, speed: 1.05 } }
outputs:
  seconds: ${{ nodes.voice.seconds }}
",
}
});

fn params() -> Vec<ParamSpec> {
    let mut params = what_is_said();
    params.extend(who_speaks());
    params.extend(how_fast());
    params
}

fn what_is_said() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "script",
            ParamType::Port(PortType::Script),
            "The script to speak; each scene becomes a recording of its own.",
        ),
        ParamSpec::optional(
            "text",
            ParamType::Text { max_chars: 100_000 },
            "A text to speak instead; it is split into scenes by sentences.",
        ),
        ParamSpec::optional(
            "language",
            ParamType::Language,
            "BCP 47 language, for example en or de; the script's own by default.",
        ),
        ParamSpec::optional(
            "lexicon",
            ParamType::Texts,
            "Words and how they are said, for example { SQL: sequel }; captions keep the written form.",
        ),
        ParamSpec::with_default(
            "per_scene",
            ParamType::Bool,
            Value::Bool(true),
            "Whether each scene is a recording of its own; false speaks all in one breath, as one scene.",
        ),
    ]
}

fn who_speaks() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "model",
            ParamType::Model,
            "Who speaks: flite, espeak-ng, or a provider's model; the workflow's `providers.speech` by default, else the \
             built-in engines.",
        ),
        ParamSpec::with_default(
            "engine",
            ParamType::OneOf(&["auto", "flite", "espeak-ng"]),
            Value::Text("auto".into()),
            "The built-in engine, instead of the workflow's `providers.speech`; `auto` takes flite for English and espeak-ng \
             for other languages.",
        ),
        ParamSpec::optional(
            "voice",
            ParamType::Text { max_chars: 100 },
            "The voice: slt (female, default), rms (male), awb (Scottish male) or kal (robotic) of the built-in English \
             engine, or a provider's.",
        ),
        ParamSpec::with_default(
            "instructions",
            ParamType::Text { max_chars: 2000 },
            Value::Text(String::new()),
            "How to say it, for providers that take instructions.",
        ),
    ]
}

fn how_fast() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "speed",
            ParamType::Number { min: 0.5, max: 2.0 },
            "Speaking rate; 1.0 is the voice's own.",
        ),
        ParamSpec::optional(
            "wpm",
            ParamType::Int { min: 90, max: 300 },
            "Speaking rate in words per minute instead; about 165 is the voice's own.",
        )
        .unit("words/min"),
        ParamSpec::optional(
            "fit",
            ParamType::Duration {
                min: 1000,
                max: i64::from(LONGEST_MS),
            },
            "Longest narration; it is spoken faster, up to `max_speed`, to hold it.",
        ),
        ParamSpec::optional(
            "max_speed",
            ParamType::Number { min: 1.0, max: 1.5 },
            "How much faster `fit` may make it; 1.15 by default.",
        ),
        ParamSpec::with_default(
            "gap",
            ParamType::Duration { min: 0, max: 3000 },
            Value::Int(150),
            "Silence between scenes.",
        ),
    ]
}

impl NodeType for VoiceTts {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Speech)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("script", "text", found);
        if written.has("speed") && written.has("wpm") {
            written.one_of("speed", "wpm", found);
        }
        check_lexicon(written, found);
        if !is_provider(written) {
            check_built_in(written, found);
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if !given.has("fit") {
            given.useless(&["max_speed"], None, "there is no `fit` to hold", found);
        }
        useless_beside_model(given, found);
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let text = match (known.get("script"), known.get("text")) {
            (Some(Value::Script(script)), _) => Some(script.text()),
            (_, Some(Value::Text(text))) => Some(text.clone()),
            _ => None,
        };
        vec![match text {
            Some(text) => {
                let chars = Decimal::from(text.chars().count());
                Quantity::new(
                    Meter::TtsChars,
                    Spread::exactly(chars),
                    "characters of the text",
                )
            }
            None => Quantity::unknown(Meter::TtsChars, "the text is not known yet"),
        }]
    }

    fn draft(&self, params: Params<'_>) -> Result<Option<InvokeTask>, LowerError> {
        let script = script_of(params)?;
        Ok(Some(InvokeTask::Speak(SpeakTask {
            text: String::new(),
            before: String::new(),
            after: String::new(),
            voice: None,
            language: script.language,
            speed_pm: speed(params)?,
            instructions: String::new(),
        })))
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let script = script_of(params)?;
        let narration = Narration {
            speaker: speaker(params, &script.language, context)?,
            lexicon: params.texts("lexicon"),
            speed_pm: speed(params)?,
            gap_ms: params.u32("gap")?,
            fit: fit(params)?,
            script,
        };
        let told = speaker::notes(params, context)?;
        let Narrated { voice, notes } = narration.speak(steps)?;
        let notes = told.into_iter().chain(notes);
        let seconds = samples(&voice) as f64 / RATE as f64;
        let rung = rung(&voice);
        Ok(outputs([
            ("words", Value::Words(words(&voice))),
            ("audio", Value::Voice(voice.clone())),
            ("voice", Value::Voice(voice)),
            ("seconds", Value::Float(seconds)),
            ("timing", Value::Text(rung.name().to_owned())),
            ("notes", Value::List(notes.map(Value::Text).collect())),
        ]))
    }
}

/// A pronunciation is of one word and says something.
fn check_lexicon(written: &Written<'_>, found: &mut Diagnostics) {
    for (word, key_span, value_span, said) in written.fields("lexicon") {
        if word.split_whitespace().count() != 1 {
            found.push(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    key_span,
                    format!("`{word}` is not one word"),
                )
                .hint("write a line for each word that is said in another way"),
            );
        }
        if matches!(&said, Some(Value::Text(said)) if said.trim().is_empty()) {
            found.push(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    value_span,
                    "a word cannot be said as nothing",
                )
                .hint("leave the word out of the text instead"),
            );
        }
    }
}

fn script_of(params: Params<'_>) -> Result<Script, LowerError> {
    let language = params.optional_text("language")?.map(str::to_owned);
    let script = match params.get("script") {
        Some(Value::Script(script)) => Script {
            language: language.unwrap_or_else(|| script.language.clone()),
            ..script.clone()
        },
        _ => script::from_text(
            params.text("text")?,
            None,
            &language.unwrap_or_else(|| "en".to_owned()),
        )?,
    };
    if params.bool("per_scene")? {
        return Ok(script);
    }
    let emphasis = script
        .scenes
        .iter()
        .flat_map(|scene| scene.emphasis.clone());
    let whole = Scene {
        emphasis: emphasis.collect(),
        ..Scene::new("s1", script.text())
    };
    Ok(Script {
        scenes: vec![whole],
        ..script
    })
}

fn speed(params: Params<'_>) -> Result<u32, LowerError> {
    let speed = match (params.get("speed"), params.get("wpm")) {
        (Some(_), _) => params.number("speed")?,
        (None, Some(_)) => params.number("wpm")? / f64::from(NOMINAL_WPM),
        (None, None) => 1.0,
    };
    Ok((speed * 1000.0).round() as u32)
}

fn fit(params: Params<'_>) -> Result<Option<Fit>, LowerError> {
    let max_speed = match params.get("max_speed") {
        Some(_) => params.number("max_speed")?,
        None => 1.15,
    };
    let length = params.optional_int("fit")?;
    Ok(length.map(|ms| Fit {
        ms: ms.unsigned_abs(),
        max_speed,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest};
    use super::*;
    use crate::action::{
        Action, ActionFacts, ActionResult, InvokeTask, Invoked, SpeakRequest, SpeechFacts,
        SpokenWord, TakeSpeechRequest,
    };

    /// Half a second per word.
    fn speech(text: &str) -> ActionResult {
        let words: Vec<&str> = text.split_whitespace().collect();
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), digest(text))]),
            facts: ActionFacts::Speech(SpeechFacts {
                sample_rate: 16_000,
                samples: 8000 * words.len() as u64,
                rung: Default::default(),
                words: words
                    .iter()
                    .zip(0..)
                    .map(|(word, at)| SpokenWord {
                        text: (*word).into(),
                        start: at * 8000 + 1600,
                        end: at * 8000 + 7200,
                    })
                    .collect(),
            }),
        }
    }

    /// The same recording at another tempo.
    fn hurried(mut result: ActionResult, tempo_pm: u64) -> ActionResult {
        if let ActionFacts::Speech(facts) = &mut result.facts {
            facts.samples = facts.samples * 1000 / tempo_pm;
            for word in &mut facts.words {
                word.start = word.start * 1000 / tempo_pm;
                word.end = word.end * 1000 / tempo_pm;
            }
        }
        result
    }

    fn requests(bench: &Bench) -> Vec<SpeakRequest> {
        bench
            .asks(&[])
            .into_iter()
            .map(|action| match action {
                Action::Speak(request) => request,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    const TWO: &str = "Bees can dance well. They also fly very far.";

    fn bench() -> Bench {
        Bench::new("Voice.TTS").with("text", text(TWO))
    }

    fn spoken() -> [ActionResult; 2] {
        [
            speech("Bees can dance well."),
            speech("They also fly very far."),
        ]
    }

    #[test]
    fn one_recording_per_sentence() {
        let asked = requests(&bench());
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].text, "Bees can dance well.");
        assert_eq!(
            (
                asked[0].engine.as_str(),
                asked[0].voice.as_str(),
                asked[0].speed_pm
            ),
            ("flite", "slt", 1000)
        );
        let whole = requests(&bench().with("per_scene", Value::Bool(false)));
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].text, TWO);
    }

    #[test]
    fn times_are_at_48_khz_and_gaps_count() {
        let out = bench().with("gap", Value::Int(500)).outputs(&spoken());
        let Value::Voice(voice) = &out["voice"] else {
            panic!()
        };
        assert_eq!(voice.scenes[1].samples, 120_000);
        assert_eq!(voice.scenes[0].words[0].start, 4800);
        assert_eq!(voice.scenes[0].words[0].end, 21_600);
        assert_eq!(out["seconds"], Value::Float(5.0));
        assert_eq!(out["audio"], out["voice"]);
        assert!(matches!(&out["words"], Value::Words(words) if words.words.len() == 9));
    }

    #[test]
    fn a_length_is_held_by_speaking_faster_but_not_by_any_means() {
        let bench = bench().with("fit", text("4.4s")).with("gap", Value::Int(0));
        // 4.5 s at the voice's own speed.
        let first = spoken();
        let again = bench.asks(&first);
        let Action::Speak(request) = &again[0] else {
            panic!("{again:?}")
        };
        assert_eq!(request.speed_pm, 1023);
        let narrow = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .with("fit", text("3s"));
        let error = narrow.fails(&first);
        assert!(error.message.contains("3.0 s of `fit`"), "{error}");
        assert!(error.message.contains("1.15 times"), "{error}");
        let wide = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .with("fit", text("9s"));
        assert!(wide.outputs(&first).contains_key("voice"));
    }

    #[test]
    fn other_languages_take_the_other_engine() {
        let bench = Bench::new("Voice.TTS")
            .with("text", text("Bienen tanzen gut."))
            .with("language", text("de"));
        let asked = requests(&bench);
        assert_eq!(
            (asked[0].engine.as_str(), asked[0].voice.as_str()),
            ("espeak-ng", "de")
        );
        let wrong = Bench::new("Voice.TTS")
            .with("text", text("Bienen tanzen."))
            .with("language", text("de"))
            .with("engine", text("flite"));
        assert!(wrong.fails(&[]).message.contains("English only"));
    }

    #[test]
    fn providers_are_asked_unless_an_engine_of_this_machine_is_named() {
        let bench = bench()
            .with("voice", text("Rachel"))
            .models(&["elevenlabs:eleven_flash_v2_5"]);
        let asked = bench.asks(&[]);
        let Action::Invoke(request) = &asked[1] else {
            panic!("{asked:?}")
        };
        let InvokeTask::Speak(task) = &request.task else {
            panic!("{request:?}")
        };
        assert_eq!(task.before, "Bees can dance well.");
        assert_eq!(task.voice.as_deref(), Some("Rachel"));
        let local = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .models(&["kokoro", "flite:awb"]);
        assert_eq!(requests(&local)[0].voice, "awb");
        let told = local.outputs(&spoken())["notes"].clone();
        let note = text("flite:awb speaks: kokoro is not configured");
        assert_eq!(told, Value::List(vec![note]));
        // Where somebody has looked, the first that can be asked speaks.
        let both = || {
            Bench::new("Voice.TTS")
                .with("text", text(TWO))
                .models(&["kokoro", "flite:awb"])
        };
        let asked = both().available(&["kokoro", "flite:awb"], &[]).asks(&[]);
        let Action::Invoke(request) = &asked[0] else {
            panic!("{asked:?}")
        };
        assert_eq!(request.models, ["kokoro".parse().unwrap()]);
        let here = both().available(&["flite:awb"], &["kokoro is switched off"]);
        let told = here.outputs(&spoken())["notes"].clone();
        let note = text("flite:awb speaks: kokoro is switched off");
        assert_eq!(told, Value::List(vec![note]));
        let named = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .with("engine", text("flite"))
            .models(&["kokoro"]);
        assert_eq!(requests(&named)[0].voice, "slt");
        let stranger = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .with("voice", text("Rachel"));
        assert!(stranger.fails(&[]).message.contains("no voice `Rachel`"));
    }

    #[test]
    fn what_a_model_says_is_not_said_again() {
        let of = |model: &str| {
            let bench = Bench::new("Voice.TTS").with("model", text(model));
            bench.useless(&["engine", "voice"])
        };
        assert_eq!(of("flite:awb"), ["engine", "voice"]);
        assert_eq!(of("flite"), ["engine"]);
        assert_eq!(of("elevenlabs:eleven_flash_v2_5"), ["engine"]);
        assert!(
            Bench::new("Voice.TTS")
                .useless(&["engine", "voice"])
                .is_empty()
        );
    }

    /// What a provider sent for a text.
    fn sent(text: &str, speed_pm: u32) -> ActionResult {
        let answer = super::super::testing::invoked(Invoked::Speech {
            heard: Vec::new(),
            speed_pm,
            notes: vec!["no instructions".into()],
        });
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), digest(text))]),
            ..answer
        }
    }

    fn takes(bench: &Bench, results: &[ActionResult]) -> Vec<TakeSpeechRequest> {
        let asked = bench.asks(results).into_iter();
        asked
            .map(|action| match action {
                Action::TakeSpeech(request) => request,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_a_provider_speaks_is_taken_and_only_the_recording_is_made_faster() {
        let bench = bench()
            .with("fit", text("4.4s"))
            .with("gap", Value::Int(0))
            .with("speed", Value::Float(1.5))
            .models(&["elevenlabs:eleven_flash_v2_5"]);
        // It speaks at 1.2 times its speed at the most; the rest is made up for.
        let mut results = vec![sent("a", 1200), sent("b", 1200)];
        let asked = takes(&bench, &results);
        assert_eq!(asked.len(), 2);
        assert_eq!(
            (asked[0].pieces[0].source, asked[0].tempo_pm),
            (digest("a"), 1250)
        );
        assert_eq!(asked[1].pieces[0].text, "They also fly very far.");
        // 4.5 s: too long, and nobody is asked again.
        results.extend(spoken());
        let faster = takes(&bench, &results);
        assert_eq!(faster[0].tempo_pm, 1279);
        results.extend(spoken().map(|result| hurried(result, 1279)));
        let out = bench.outputs(&results);
        assert_eq!(out["timing"], text("provider"));
        assert_eq!(out["notes"], Value::List(vec![text("no instructions")]));
    }

    #[test]
    fn a_text_longer_than_vendors_take_is_asked_for_in_pieces() {
        let long = "Bees can dance quite well today. ".repeat(200);
        let bench = Bench::new("Voice.TTS")
            .with("text", text(&long))
            .with("per_scene", Value::Bool(false))
            .models(&["elevenlabs"]);
        let asked = bench.asks(&[]);
        assert_eq!(asked.len(), 3);
        let mut whole = Vec::new();
        for action in &asked {
            let Action::Invoke(request) = action else {
                panic!("{action:?}")
            };
            let InvokeTask::Speak(task) = &request.task else {
                panic!("{request:?}")
            };
            assert!(task.text.len() <= 3000 && task.text.ends_with("today."));
            assert!(task.before.len() <= 400 && task.after.len() <= 400);
            whole.push(task.text.clone());
        }
        assert_eq!(whole.join(" "), long.trim());
        let results: Vec<ActionResult> = (0..3).map(|_| sent("x", 1000)).collect();
        let taken = takes(&bench, &results);
        assert_eq!((taken.len(), taken[0].pieces.len()), (1, 3));
    }

    #[test]
    fn the_same_workflow_speaks_without_anybody_to_ask() {
        let bench = bench()
            .with("voice", text("Rachel"))
            .with("instructions", text("Warmly."))
            .models(&["elevenlabs:eleven_flash_v2_5", "kokoro"]);
        let bench = bench.available(&[], &["elevenlabs has no key", "kokoro is not configured"]);
        assert_eq!(requests(&bench)[0].voice, "slt");
        let told = bench.outputs(&spoken())["notes"].clone();
        let notes = [
            "a built-in voice speaks: elevenlabs has no key; kokoro is not configured",
            "a built-in voice takes no instructions: it speaks without them",
            "`Rachel` is a provider's voice, and none speaks",
        ];
        assert_eq!(told, Value::List(notes.map(text).to_vec()));
        // Who names a model wants that one.
        let named = Bench::new("Voice.TTS")
            .with("text", text(TWO))
            .with("model", text("kokoro"))
            .models(&["kokoro"])
            .available(&[], &["kokoro is not configured"]);
        assert!(matches!(&named.asks(&[])[0], Action::Invoke(_)));
    }

    #[test]
    fn instructions_are_not_dropped() {
        let bench = bench()
            .with("instructions", text("Whisper."))
            .models(&["elevenlabs:eleven_flash_v2_5", "flite"]);
        assert!(bench.fails(&[]).message.contains("take no instructions"));
    }

    #[test]
    fn rates_become_permille() {
        let speed = |name, value| {
            requests(
                &Bench::new("Voice.TTS")
                    .with("text", text("Bees can dance."))
                    .with(name, value),
            )[0]
            .speed_pm
        };
        assert_eq!(speed("speed", Value::Float(1.25)), 1250);
        assert_eq!(speed("wpm", Value::Int(165)), 1000);
        assert_eq!(speed("wpm", Value::Int(198)), 1200);
    }

    #[test]
    fn nothing_to_say_is_an_error() {
        let bench = Bench::new("Voice.TTS").with("text", text("  \n ***\n"));
        assert!(bench.fails(&[]).message.contains("no words"));
        let long = Bench::new("Voice.TTS").with(
            "script",
            Value::Script(Script {
                title: String::new(),
                language: "en".into(),
                scenes: vec![Scene::new("s1", "x".repeat(5000))],
            }),
        );
        assert!(long.fails(&[]).message.contains("s1"));
    }

    #[test]
    fn characters_are_counted_when_the_text_is_known() {
        let known = |name: &str, value| {
            VoiceTts.estimate(&KnownParams::new(
                BTreeMap::from([(name.to_owned(), value)]),
                Vec::new(),
            ))
        };
        let amount = known("text", text("Bees."))[0].amount.unwrap();
        assert!(amount.is_exact() && amount.expected == Decimal::from(5));
        assert!(known("gap", Value::Int(1))[0].amount.is_none());
    }
}
