//! `Audio.Mix`: narration and music mixed, with the music making room for speech.
//!
//! The result is a file, and it remembers its parts: a cut mixes them again to its own length, by the same rules.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{AUDIO_RATE, Canvas, LONGEST_MS, SoundClip, SoundRole};

use super::narration::words;
use super::sound::{DUCKING_NAMES, ducking, joined, length, loudness, millibels, plan};
use crate::action::{
    Action, ActionFacts, AudioEncoding, Container, MixRequest, MuxRequest, ProbeRequest,
};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs, wrong_facts,
};
use crate::value::{AudioValue, MixParts, PortType, Value, Voice};

/// Samples per second of a mix.
const RATE: u64 = 48_000;

/// The node type.
pub(super) struct AudioMix;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Audio.Mix",
    version: 1,
    summary: "Narration and music mixed to one loudness, the music making room for speech.",
    params: params(),
    ports: vec![
        PortSpec::new(
            "audio",
            PortType::Audio,
            "The mix; a cut that gets it mixes its parts again to its own length.",
        )
        .ending("m4a"),
        PortSpec::new("loudness", PortType::Json, "Measured: lufs, true_peak, seconds."),
    ],
    example: "\
fenta: workflow/v1
nodes:
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  music: { type: Input.Music, with: { mood: calm } }
  mix: { type: Audio.Mix, with: { voice: \"${{ nodes.voice.audio }}\", music: \"${{ nodes.music.audio }}\", ducking: strong } }
outputs:
  lufs: ${{ nodes.mix.loudness.lufs }}
",
}
});

fn params() -> Vec<ParamSpec> {
    let mut params = parts();
    params.extend(rules());
    params
}

fn parts() -> Vec<ParamSpec> {
    let decibels = || ParamType::Number {
        min: -60.0,
        max: 12.0,
    };
    vec![
        ParamSpec::optional(
            "voice",
            ParamType::Either(vec![
                ParamType::many(ParamType::Port(PortType::Voice)),
                ParamType::Port(PortType::Audio),
            ]),
            "The narration, or several that follow each other.",
        ),
        ParamSpec::with_default(
            "order",
            ParamType::OneOf(&["in_order", "in_turns"]),
            Value::Text("in_order".into()),
            "How several narrations follow each other: one after the other, or a scene of each in turn.",
        ),
        ParamSpec::optional(
            "words",
            ParamType::Port(PortType::Words),
            "The narration's words; it knows them, so this is only held against it.",
        ),
        ParamSpec::optional("music", ParamType::Port(PortType::Audio), "The music."),
        ParamSpec::optional(
            "extra",
            ParamType::many(ParamType::Port(PortType::Audio)),
            "More recordings under the narration, from the start, each once; silence around them is left out.",
        ),
        ParamSpec::with_default(
            "extra_gain",
            decibels(),
            Value::Float(-12.0),
            "Their level against the voice's, before ducking.",
        )
        .unit("dB"),
        ParamSpec::optional(
            "sfx",
            ParamType::many(ParamType::Fields(vec![
                ParamSpec::required("audio", ParamType::Port(PortType::Audio), "The sound."),
                ParamSpec::required(
                    "at",
                    ParamType::many(ParamType::Number {
                        min: 0.0,
                        max: LONGEST_MS as f64 / 1000.0,
                    }),
                    "When it begins, one or several times.",
                )
                .unit("s"),
                ParamSpec::with_default(
                    "gain",
                    decibels(),
                    Value::Float(-6.0),
                    "Its level against the voice's.",
                )
                .unit("dB"),
            ])),
            "Short sounds at certain times, heard over everything.",
        ),
    ]
}

fn rules() -> Vec<ParamSpec> {
    let decibels = |min, max| ParamType::Number { min, max };
    let time = || ParamType::Duration {
        min: 0,
        max: 10_000,
    };
    let field = |name, doc| ParamSpec::optional(name, time(), doc);
    vec![
        ParamSpec::with_default(
            "ducking",
            ParamType::Either(vec![
                ParamType::OneOf(DUCKING_NAMES),
                ParamType::Fields(vec![
                    ParamSpec::required("depth", decibels(-60.0, 0.0), "How far the music falls.")
                        .unit("dB"),
                    field(
                        "lookahead",
                        "How long before the first word the fall begins; 80ms by default.",
                    ),
                    field("attack", "Length of the fall; 120ms by default."),
                    field(
                        "hold",
                        "How long it stays down after the last word; 250ms by default.",
                    ),
                    field("release", "Length of the rise; 450ms by default."),
                    field(
                        "bridge",
                        "Pauses shorter than this stay ducked; 600ms by default.",
                    ),
                ]),
            ]),
            Value::Text("standard".into()),
            "How the music makes room for speech: standard -12 dB, strong -16, accessible -20, off, or your own numbers.",
        ),
        ParamSpec::with_default(
            "loudness",
            decibels(-31.0, -9.0),
            Value::Float(-14.0),
            "Integrated loudness of the result.",
        )
        .unit("LUFS"),
        ParamSpec::with_default(
            "true_peak",
            decibels(-9.0, 0.0),
            Value::Float(-1.0),
            "Highest true peak of the result.",
        )
        .unit("dBTP"),
        ParamSpec::with_default(
            "music_gain",
            decibels(-60.0, 12.0),
            Value::Float(-20.0),
            "The music's level against the voice's, before ducking.",
        )
        .unit("dB"),
        ParamSpec::optional(
            "fades",
            ParamType::Fields(vec![
                ParamSpec::with_default("in", time(), Value::Int(300), "At the start."),
                ParamSpec::with_default("out", time(), Value::Int(1500), "At the end."),
            ]),
            "How the music comes and goes; 300ms and 1.5s by default.",
        ),
    ]
}

impl NodeType for AudioMix {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if !written.has("voice") && !written.has("music") {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    written.type_span,
                    "there is nothing to mix: the node needs `voice` or `music`",
                )
                .hint("add `voice` or `music` to `with`"),
            );
        }
        // Only a mix knows the words of what it was mixed from; every other recording is without.
        let mix = DESCRIPTOR.port("audio");
        let port = written.given().port("voice");
        if let Some(port) = port.filter(|port| port.port_type == PortType::Audio)
            && mix.is_none_or(|mix| !std::ptr::eq(mix, port))
        {
            found.push(
                Diagnostic::error(
                    codes::TYPE_MISMATCH,
                    written.span("voice"),
                    "`voice` takes a narration or a mix of one, and this is a recording without words",
                )
                .hint("give it as `extra` or `music`, or speak a script with Voice.TTS"),
            );
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if !given.has("voice") {
            let why = "there is no `voice` whose words they are";
            given.useless(&["words"], None, why, found);
            let why = "there are no narrations that follow each other";
            given.useless(&["order"], None, why, found);
        }
        if !given.has("extra") {
            given.useless(&["extra_gain"], None, "there is no `extra`", found);
        }
        if !given.has("music") {
            given.useless(&["music_gain", "fades"], None, "there is no `music`", found);
            if !given.has("extra") {
                given.useless(&["ducking"], None, "there is no `music`", found);
            }
        } else if !given.has("voice") {
            let why = "there is no `voice` the music could make room for";
            given.useless(&["ducking"], None, why, found);
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let parts = mix_parts(context.params)?;
        let samples = match (length(&parts), parts.music) {
            (Some(samples), _) => samples,
            (None, Some(music)) => music_length(music, steps)?,
            (None, None) => {
                let message = "there is nothing to mix: `voice` and `music` have no value";
                return Err(LowerError::new(message, "give at least one of them a value").into());
            }
        };
        let result = steps.run_one(Action::Mix(MixRequest {
            plan: plan(&parts, samples),
            encoding: AudioEncoding {
                encoder: "aac".to_owned(),
                bitrate_kbps: 192,
            },
            part: None,
        }))?;
        let (ActionFacts::Mix(measured), Some(digest)) =
            (&result.facts, result.outputs.get("audio"))
        else {
            return Err(wrong_facts("mix").into());
        };
        let file = as_file(*digest, steps)?;
        let hundredths = |number: i32| Value::Float(f64::from(number) / 100.0);
        let audio = AudioValue {
            digest: file,
            name: "mix.m4a".to_owned(),
            parts: Some(Box::new(parts)),
            tempo: None,
            origin: match context.params.get("music") {
                Some(Value::Audio(music)) => music.origin.clone(),
                _ => None,
            },
        };
        Ok(outputs([
            ("audio", Value::Audio(audio)),
            (
                "loudness",
                Value::Record(outputs([
                    ("lufs", hundredths(measured.integrated_clufs)),
                    ("true_peak", hundredths(measured.true_peak_cdb)),
                    (
                        "seconds",
                        Value::Float(measured.samples as f64 / RATE as f64),
                    ),
                ])),
            ),
        ]))
    }
}

/// A soundtrack as a file that other programs read.
fn as_file(audio: Digest, steps: &mut Steps<'_>) -> Result<Digest, Halt> {
    let result = steps.run_one(Action::Mux(MuxRequest {
        // There is no picture, so its size says nothing.
        canvas: Canvas {
            width: 16,
            height: 16,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        },
        segments: Vec::new(),
        segment_frames: Vec::new(),
        audio: Some(audio),
        title: String::new(),
        comment: String::new(),
        container: Container::M4a,
    }))?;
    let file = result.outputs.get("video").copied();
    Ok(file.ok_or_else(|| wrong_facts("mux"))?)
}

/// The narration: one, several as one, or that of a mix.
fn narration(params: Params<'_>) -> Result<Option<Voice>, LowerError> {
    let given = params.list("voice");
    let mut voices: Vec<&Voice> = Vec::with_capacity(given.len());
    for value in given {
        match value {
            Value::Voice(voice) => voices.push(voice),
            Value::Audio(audio) => {
                let parts = audio.parts.as_ref();
                let voice = parts.and_then(|parts| parts.voice.as_ref());
                voices.push(voice.ok_or_else(|| {
                    LowerError::new(
                        format!("`voice` holds {}, a recording without words", audio.name),
                        "give it as `extra` or `music`, or speak a script with Voice.TTS",
                    )
                })?);
            }
            _ => {}
        }
    }
    joined(&voices, params.text("order")? == "in_turns")
}

/// Further recordings and effects at their times.
fn sounds(params: Params<'_>) -> Result<Vec<SoundClip>, LowerError> {
    let at = |seconds: f64| RationalTime::new((seconds * RATE as f64).round() as i64, AUDIO_RATE);
    let sound = |source, role| SoundClip {
        source,
        role,
        start: at(0.0),
        from: at(0.0),
        length: None,
        gain_mb: 0,
        fade_in_ms: 0,
        fade_out_ms: 0,
        speed_pm: None,
        trimmed: role == SoundRole::Under,
    };
    let mut sounds = Vec::new();
    for value in params.list("extra") {
        if let Value::Audio(audio) = value {
            sounds.push(SoundClip {
                gain_mb: millibels(params.number("extra_gain")?),
                ..sound(audio.digest, SoundRole::Under)
            });
        }
    }
    for value in params.list("sfx") {
        let Value::Record(fields) = value else {
            continue;
        };
        let fields = Params::new(fields);
        let Some(Value::Audio(audio)) = fields.get("audio") else {
            continue;
        };
        for time in fields.list("at") {
            let seconds = match time {
                Value::Int(seconds) => *seconds as f64,
                Value::Float(seconds) => *seconds,
                _ => continue,
            };
            sounds.push(SoundClip {
                start: at(seconds),
                gain_mb: millibels(fields.number("gain")?),
                ..sound(audio.digest, SoundRole::Effect)
            });
        }
    }
    sounds.sort_by_key(|sound| sound.start.value);
    Ok(sounds)
}

fn mix_parts(params: Params<'_>) -> Result<MixParts, LowerError> {
    let voice = narration(params)?;
    if let (Some(Value::Words(given)), Some(voice)) = (params.get("words"), &voice)
        && *given != words(voice)
    {
        return Err(LowerError::new(
            "`words` are not the words of the narration in `voice`",
            "take both from the same Voice.TTS, or leave `words` out",
        ));
    }
    let fade = |name: &str, usual: u32| match params.fields("fades") {
        Some(fades) => fades.u32(name),
        None => Ok(usual),
    };
    Ok(MixParts {
        voice,
        music: match params.get("music") {
            Some(Value::Audio(music)) => Some(music.digest),
            _ => None,
        },
        music_tempo: match params.get("music") {
            Some(Value::Audio(music)) => music.tempo,
            _ => None,
        },
        music_gain_mb: millibels(params.number("music_gain")?),
        fade_in_ms: fade("in", 300)?,
        fade_out_ms: fade("out", 1500)?,
        ducking: ducking(params)?,
        loudness: loudness(params)?,
        sounds: sounds(params)?,
    })
}

/// Length of a recording in samples, measured.
fn music_length(music: crate::digest::Digest, steps: &mut Steps<'_>) -> Result<u64, Halt> {
    let result = steps.run_one(Action::Probe(ProbeRequest {
        source: music,
        name: "music".to_owned(),
    }))?;
    let ActionFacts::Media(facts) = &result.facts else {
        return Err(wrong_facts("probe").into());
    };
    match facts.duration {
        Some(duration) if duration.to_millis() > 0 => {
            Ok(duration.to_millis().unsigned_abs() * RATE / 1000)
        }
        _ => Err(LowerError::new("the music has no length", "use another recording").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::action::{ActionResult, MixFacts};
    use crate::value::{SpokenScene, Word, Words};
    use fenta_templates::timeline::MediaKind;

    fn voice() -> Voice {
        Voice {
            language: "en".into(),
            gap_ms: 0,
            scenes: vec![SpokenScene {
                id: "s1".into(),
                source: digest("s1"),
                samples: 48_000,
                words: vec![Word {
                    text: "Bees.".into(),
                    start: 0,
                    end: 40_000,
                }],
                emphasis: Vec::new(),
                rung: Default::default(),
            }],
        }
    }

    fn mixed() -> ActionResult {
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), digest("mix"))]),
            facts: ActionFacts::Mix(MixFacts {
                samples: 48_000,
                integrated_clufs: -1410,
                true_peak_cdb: -120,
                silent: Vec::new(),
            }),
        }
    }

    fn joined_file() -> ActionResult {
        ActionResult {
            outputs: BTreeMap::from([("video".to_owned(), digest("m4a"))]),
            facts: ActionFacts::Mux(crate::action::MuxFacts {
                frames: 0,
                duration_ms: 1000,
                bytes: 1,
            }),
        }
    }

    fn bench() -> Bench {
        Bench::new("Audio.Mix")
            .with("voice", Value::Voice(voice()))
            .with("music", Value::Audio(AudioValue::new(digest("m"), "m.wav")))
    }

    #[test]
    fn the_mix_is_a_file_that_knows_its_parts() {
        let bench = bench().with("ducking", Value::Text("accessible".into()));
        let asked = bench.asks(&[]);
        let [Action::Mix(request)] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        assert_eq!(request.plan.duration.value, 48_000);
        assert_eq!(request.plan.ducking.depth_mb, -2000);
        let out = bench.outputs(&[mixed(), joined_file()]);
        let Value::Audio(audio) = &out["audio"] else {
            panic!()
        };
        // What people get is an M4A, not the stream that goes into a video.
        assert_eq!(
            (audio.digest, audio.name.as_str()),
            (digest("m4a"), "mix.m4a")
        );
        let parts = audio.parts.as_ref().unwrap();
        assert_eq!(
            (parts.music, parts.music_gain_mb),
            (Some(digest("m")), -2000)
        );
        assert_eq!(out["loudness"].to_json()["lufs"], -14.1);
    }

    #[test]
    fn music_alone_is_as_long_as_it_is() {
        let bench = Bench::new("Audio.Mix")
            .with("music", Value::Audio(AudioValue::new(digest("m"), "m.wav")));
        let measured = facts(ActionFacts::Media(media_facts(MediaKind::Audio)));
        let asked = bench.asks(std::slice::from_ref(&measured));
        assert!(
            matches!(&asked[0], Action::Mix(request) if request.plan.duration.value == 384_000)
        );
    }

    #[test]
    fn ones_own_ducking_has_its_numbers() {
        let own = Value::Record(BTreeMap::from([
            ("depth".to_owned(), Value::Int(-9)),
            ("release".to_owned(), Value::Text("0.7s".into())),
        ]));
        let asked = bench().with("ducking", own).asks(&[]);
        let Action::Mix(request) = &asked[0] else {
            panic!()
        };
        let ducking = request.plan.ducking;
        assert_eq!(
            (ducking.depth_mb, ducking.release_ms, ducking.attack_ms),
            (-900, 700, 120)
        );
    }

    #[test]
    fn words_of_another_narration_are_refused() {
        let words = Words {
            rung: Default::default(),
            language: "en".into(),
            words: Vec::new(),
        };
        let error = bench().with("words", Value::Words(words)).fails(&[]);
        assert!(error.message.contains("not the words"), "{error}");
    }

    #[test]
    fn further_recordings_and_effects_have_their_times_and_levels() {
        let sound = |name: &str| Value::Audio(AudioValue::new(digest(name), name));
        let effect = Value::Record(BTreeMap::from([
            ("audio".to_owned(), sound("ding")),
            (
                "at".to_owned(),
                Value::List(vec![Value::Float(0.5), Value::Int(0), Value::Int(9)]),
            ),
            ("gain".to_owned(), Value::Int(-3)),
        ]));
        let bench = bench()
            .with("extra", sound("rain"))
            .with("sfx", Value::List(vec![effect]));
        let asked = bench.asks(&[]);
        let Action::Mix(request) = &asked[0] else {
            panic!()
        };
        let told: Vec<(SoundRole, i64, i32)> = request
            .plan
            .sounds
            .iter()
            .map(|sound| (sound.role, sound.start.value, sound.gain_mb))
            .collect();
        assert_eq!(
            told,
            [
                (SoundRole::Under, 0, -1200),
                (SoundRole::Effect, 0, -300),
                (SoundRole::Effect, 24_000, -300)
            ],
            "what begins after the end of one second is not heard"
        );
        let names = [digest("rain"), digest("ding")];
        assert!(names.iter().all(|name| asked[0].blobs().contains(name)));
        let out = bench.outputs(&[mixed(), joined_file()]);
        let Value::Audio(audio) = &out["audio"] else {
            panic!()
        };
        assert_eq!(
            audio.parts.as_ref().unwrap().sounds.len(),
            4,
            "a longer cut hears it"
        );
    }

    #[test]
    fn two_narrations_take_turns() {
        let bench = bench()
            .with(
                "voice",
                Value::List(vec![Value::Voice(voice()), Value::Voice(voice())]),
            )
            .with("order", Value::Text("in_turns".into()));
        let asked = bench.asks(&[]);
        let Action::Mix(request) = &asked[0] else {
            panic!()
        };
        assert_eq!(request.plan.voice.len(), 2);
        assert_eq!(request.plan.duration.value, 96_000);
    }

    #[test]
    fn a_recording_without_words_is_no_narration() {
        let talk = Value::Audio(AudioValue::new(digest("talk"), "talk.mp3"));
        let error = bench().with("voice", talk).fails(&[]);
        assert!(error.message.contains("talk.mp3"), "{error}");
    }
}
