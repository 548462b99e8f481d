//! `Voice.TTS`: a script spoken by an engine on this machine, one recording per scene.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::script;
use crate::action::{Action, ActionFacts, ActionResult, SpeakRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs, wrong_facts,
};
use crate::value::{PortType, Scene, Script, SpokenScene, Value, Voice, Word};

/// Samples per second of every time in a voice.
const RATE: u64 = 48_000;

/// Words per minute of the English voices at speed 1, about.
const NOMINAL_WPM: f64 = 165.0;

/// Longest text one scene may have, characters.
const MAX_SCENE_CHARS: usize = 4000;

/// The voice of English when none is written.
const DEFAULT_VOICE: &str = "slt";

/// The node type.
pub(super) struct VoiceTts;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Voice.TTS",
    version: 1,
    summary: "A script or text spoken by an engine on this machine.",
    params: vec![
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
            "voice",
            ParamType::OneOf(&["slt", "rms", "awb", "kal"]),
            "The English voice: slt (female, default), rms (male), awb (Scottish male), kal (robotic).",
        ),
        ParamSpec::with_default(
            "engine",
            ParamType::OneOf(&["auto", "flite", "espeak-ng"]),
            Value::Text("auto".into()),
            "`auto` takes flite for English and espeak-ng for other languages.",
        ),
        ParamSpec::optional(
            "language",
            ParamType::Text { max_chars: 20 },
            "BCP 47 language, for example en or de; the script's own by default.",
        ),
        ParamSpec::optional(
            "speed",
            ParamType::Number { min: 0.5, max: 2.0 },
            "Speaking rate; 1.0 is the voice's own.",
        ),
        ParamSpec::optional(
            "wpm",
            ParamType::Int { min: 90, max: 300 },
            "Speaking rate in words per minute instead; about 165 is the voice's own.",
        ),
        ParamSpec::with_default(
            "gap",
            ParamType::Int { min: 0, max: 3000 },
            Value::Int(150),
            "Silence between scenes, milliseconds.",
        ),
    ],
    ports: vec![
        PortSpec::new(
            "voice",
            PortType::Voice,
            "The recordings with the time of every word.",
        ),
        PortSpec::new("seconds", PortType::Number, "Length of all of it."),
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

impl NodeType for VoiceTts {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("script", "text", found);
        if written.has("speed") && written.has("wpm") {
            written.one_of("speed", "wpm", found);
        }
        if written.has("voice") && written.text("engine") == Some("espeak-ng") {
            found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    written.span("voice"),
                    "espeak-ng has no such voices; its voice is the language",
                )
                .label(written.span("engine"), "the engine is chosen here")
                .hint("remove `voice`, or write `engine: flite`"),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let script = script_of(params)?;
        let manner = Manner::of(params, &script.language)?;
        let gap_ms = params.u32("gap")?;
        let mut actions = Vec::new();
        for scene in &script.scenes {
            actions.push(manner.speak(scene)?);
        }
        let results = steps.run(actions)?;
        let scenes = script
            .scenes
            .iter()
            .zip(results)
            .map(|(scene, result)| spoken(scene, result))
            .collect::<Result<Vec<_>, _>>()?;
        let samples: u64 = scenes.iter().map(|scene| scene.samples).sum();
        let gaps = u64::from(gap_ms) * RATE / 1000 * (scenes.len() as u64).saturating_sub(1);
        let voice = Voice {
            language: script.language,
            gap_ms,
            scenes,
        };
        Ok(outputs([
            ("voice", Value::Voice(voice)),
            (
                "seconds",
                Value::Float((samples + gaps) as f64 / RATE as f64),
            ),
        ]))
    }
}

fn script_of(params: Params<'_>) -> Result<Script, LowerError> {
    let language = match params.get("language") {
        Some(_) => Some(params.text("language")?.to_owned()),
        None => None,
    };
    match params.get("script") {
        Some(Value::Script(script)) => Ok(Script {
            language: language.unwrap_or_else(|| script.language.clone()),
            ..script.clone()
        }),
        _ => script::from_text(
            params.text("text")?,
            None,
            &language.unwrap_or_else(|| "en".to_owned()),
        ),
    }
}

/// How scenes are spoken.
struct Manner {
    engine: String,
    voice: String,
    speed_pm: u32,
}

impl Manner {
    fn of(params: Params<'_>, language: &str) -> Result<Self, LowerError> {
        let english =
            language.eq_ignore_ascii_case("en") || language.to_ascii_lowercase().starts_with("en-");
        let engine = match params.text("engine")? {
            "auto" if english => "flite",
            "auto" => "espeak-ng",
            engine => engine,
        };
        if engine == "flite" && !english {
            return Err(LowerError::new(
                format!("flite speaks English only, not `{language}`"),
                "write `engine: espeak-ng`, or leave `engine` out",
            ));
        }
        let voice = match (engine, params.get("voice")) {
            ("flite", Some(_)) => params.text("voice")?.to_owned(),
            ("flite", None) => DEFAULT_VOICE.to_owned(),
            (_, Some(_)) => {
                return Err(LowerError::new(
                    format!("`voice` chooses an English voice, but the language is `{language}`"),
                    "remove `voice`; espeak-ng's voice is the language",
                ));
            }
            (_, None) => language.to_ascii_lowercase(),
        };
        let speed = match (params.get("speed"), params.get("wpm")) {
            (Some(_), _) => params.number("speed")?,
            (None, Some(_)) => params.number("wpm")? / NOMINAL_WPM,
            (None, None) => 1.0,
        };
        Ok(Self {
            engine: engine.to_owned(),
            voice,
            speed_pm: (speed * 1000.0).round() as u32,
        })
    }

    fn speak(&self, scene: &Scene) -> Result<Action, LowerError> {
        let chars = scene.text.chars().count();
        if chars > MAX_SCENE_CHARS {
            return Err(LowerError::new(
                format!(
                    "scene {} has {chars} characters, more than {MAX_SCENE_CHARS}",
                    scene.id
                ),
                "split it into sentences with Script.Transform",
            ));
        }
        Ok(Action::Speak(SpeakRequest {
            text: scene.text.clone(),
            engine: self.engine.clone(),
            voice: self.voice.clone(),
            speed_pm: self.speed_pm,
        }))
    }
}

fn spoken(scene: &Scene, result: &ActionResult) -> Result<SpokenScene, LowerError> {
    let (ActionFacts::Speech(speech), Some(source)) = (&result.facts, result.outputs.get("audio"))
    else {
        return Err(wrong_facts("speak"));
    };
    let at_rate = |samples: u64| {
        let rate = u128::from(speech.sample_rate.max(1));
        ((u128::from(samples) * u128::from(RATE) * 2 + rate) / (2 * rate)) as u64
    };
    Ok(SpokenScene {
        id: scene.id.clone(),
        source: *source,
        samples: at_rate(speech.samples),
        words: speech
            .words
            .iter()
            .map(|word| Word {
                text: word.text.clone(),
                start: at_rate(word.start),
                end: at_rate(word.end),
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest};
    use super::*;
    use crate::action::{SpeechFacts, SpokenWord};

    fn speech(text: &str) -> ActionResult {
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), digest(text))]),
            facts: ActionFacts::Speech(SpeechFacts {
                sample_rate: 16_000,
                samples: 16_000,
                words: vec![SpokenWord {
                    text: text.into(),
                    start: 1600,
                    end: 8000,
                }],
            }),
        }
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

    #[test]
    fn one_recording_per_sentence() {
        let bench = Bench::new("Voice.TTS")
            .with("text", text("Bees can dance well. They also fly very far."));
        let asked = requests(&bench);
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
    }

    #[test]
    fn times_are_at_48_khz_and_gaps_count() {
        let bench = Bench::new("Voice.TTS")
            .with("text", text("Bees can dance well. They also fly very far."))
            .with("gap", Value::Int(500));
        let out = bench.outputs(&[speech("a"), speech("b")]);
        let Value::Voice(voice) = &out["voice"] else {
            panic!()
        };
        assert_eq!(voice.scenes[1].samples, 48_000);
        assert_eq!(voice.scenes[0].words[0].start, 4800);
        assert_eq!(voice.scenes[0].words[0].end, 24_000);
        assert_eq!(out["seconds"], Value::Float(2.5));
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
}
