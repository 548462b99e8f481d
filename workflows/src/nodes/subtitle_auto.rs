//! `Subtitle.Auto`: captions from a narration whose words are known, or from any recording by a transcription.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::{ask, unfit};
use super::narration::{RATE, starts, words};
use super::sound::{Sound, sound};
use super::subtitle_files;
use crate::action::{InvokeTask, Invoked, TranscribeTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::Diagnostics;
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, Steps,
    Useless, Written,
};
use crate::value::{AudioValue, CaptionWord, Captions, PortType, Script, Value, Voice};

/// Where looks of captions are decided.
const IN_TEMPLATE: &str =
    "write it in the template's captions; the template decides how captions look";

/// The node type.
pub(super) struct SubtitleAuto;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Subtitle.Auto",
    version: 1,
    summary: "Captions from a narration, word by word; from any other recording by a transcription.",
    params: params(),
    ports: subtitle_files::ports(),
    example: "\
fenta: workflow/v1
nodes:
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  background: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\", captions: \"${{ nodes.captions.captions }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: bees.mp4 } }
",
}
});

fn params() -> Vec<ParamSpec> {
    let number = ParamType::Int { min: 1, max: 100 };
    vec![
        ParamSpec::optional("voice", ParamType::Port(PortType::Voice), "The narration."),
        ParamSpec::optional(
            "audio",
            ParamType::Either(vec![
                ParamType::Port(PortType::Voice),
                ParamType::Port(PortType::Audio),
            ]),
            "A narration, a mix of one, or another recording, which is transcribed.",
        ),
        ParamSpec::optional(
            "words",
            ParamType::Port(PortType::Words),
            "The words of the recording, where they are known; nothing is transcribed then.",
        ),
        ParamSpec::optional(
            "script",
            ParamType::Port(PortType::Script),
            "The script, for the spelling of the words.",
        ),
        ParamSpec::optional(
            "language",
            ParamType::Language,
            "BCP 47 language of a recording that is transcribed.",
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
            "Who transcribes; the workflow's `providers.transcribe` by default.",
        ),
        ParamSpec::optional(
            "mode",
            ParamType::OneOf(&["word", "phrase"]),
            "Whether words or phrases are shown.",
        )
        .later(IN_TEMPLATE),
        ParamSpec::optional(
            "words_per_caption",
            ParamType::many(number.clone()),
            "Fewest and most words shown together.",
        )
        .later(IN_TEMPLATE),
        ParamSpec::optional("cps_max", number, "Most characters a second.")
            .later("write `max_cps` in the template's captions, or speak more slowly with `speed` or `wpm` at Voice.TTS"),
        ParamSpec::optional(
            "align",
            ParamType::OneOf(&["auto"]),
            "How words find their times.",
        )
        .later("leave it out: words of Voice.TTS have exact times"),
    ]
}

impl NodeType for SubtitleAuto {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Transcribe)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("voice", "audio", found);
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        let names = ["language", "model"];
        let why = "the words of a narration are known";
        if given.has("voice") {
            given.useless(&names, Some("voice"), why, found);
        } else if is_narration(given) {
            given.useless(&names, Some("audio"), why, found);
        } else if given.has("words") && given.value("words") != Some(&Value::Null) {
            let why = "nothing is transcribed where the words are given";
            given.useless(&names, Some("words"), why, found);
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let given = |name: &str| known.get(name).filter(|value| **value != Value::Null);
        if given("voice").is_some() || given("words").is_some() {
            return Vec::new();
        }
        match given("audio") {
            Some(Value::Voice(_)) => Vec::new(),
            Some(Value::Audio(AudioValue {
                parts: Some(parts), ..
            })) if parts.voice.is_some() => Vec::new(),
            Some(_) => vec![Quantity::unknown(
                Meter::AsrSeconds,
                "the length of the recording is not measured",
            )],
            // A narration of a node that has not run is spoken here; nothing tells it from another recording yet.
            None if known.is_absent("audio") => {
                let none = Spread::exactly(Decimal::ZERO);
                vec![Quantity::new(
                    Meter::AsrSeconds,
                    none,
                    "the words of a narration are known",
                )]
            }
            None => vec![Quantity::unknown(
                Meter::AsrSeconds,
                "the recording is not known yet",
            )],
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let name = if params.get("voice").is_some() {
            "voice"
        } else {
            "audio"
        };
        let mut captions = match sound(params, name)? {
            Some(Sound::Voice(voice)) => narrated(voice, params)?,
            Some(Sound::Mix(parts)) => match &parts.voice {
                Some(voice) => narrated(voice, params)?,
                None => return Err(wordless()),
            },
            Some(Sound::Plain(audio)) => recorded(audio, context, steps)?,
            None => return Err(LowerError::new(format!("`{name}` has no value"), "").into()),
        };
        if let Some(Value::Script(script)) = params.get("script") {
            spell(&mut captions, script)?;
        }
        let line_chars = params.u32("max_chars")? as usize;
        subtitle_files::values(captions, line_chars, steps)
    }
}

/// Whether what is heard is a narration or a mix with one.
fn is_narration(given: &Given<'_>) -> bool {
    match given.value("audio") {
        Some(Value::Audio(audio)) => audio
            .parts
            .as_ref()
            .is_some_and(|parts| parts.voice.is_some()),
        _ => given.port_type("audio") == Some(PortType::Voice),
    }
}

fn wordless() -> Halt {
    LowerError::new(
        "the mix has no narration in it, so nothing is said",
        "give the narration itself, or leave captions out",
    )
    .into()
}

fn narrated(voice: &Voice, params: Params<'_>) -> Result<Captions, LowerError> {
    let own = words(voice);
    if let Some(Value::Words(given)) = params.get("words")
        && *given != own
    {
        return Err(LowerError::new(
            "`words` are not the words of this narration",
            "take both from the same Voice.TTS, or leave `words` out",
        ));
    }
    Ok(Captions {
        language: own.language,
        starts: starts(voice),
        words: own.words,
    })
}

/// The words of a recording: the given ones, else what a provider hears.
fn recorded(
    audio: &AudioValue,
    context: &LowerContext<'_>,
    steps: &mut Steps<'_>,
) -> Result<Captions, Halt> {
    if let Some(Value::Words(words)) = context.params.get("words") {
        return Ok(Captions {
            language: words.language.clone(),
            starts: Vec::new(),
            words: words.words.clone(),
        });
    }
    let task = InvokeTask::Transcribe(TranscribeTask {
        source: audio.digest,
        language: context.params.optional_text("language")?.map(str::to_owned),
        script: match context.params.get("script") {
            Some(Value::Script(script)) => Some(script.clone()),
            _ => None,
        },
    });
    match ask(Role::Transcribe, context.models, task, steps)?.invoked {
        Invoked::Transcript {
            language,
            sample_rate,
            words,
            ..
        } => {
            let at_rate = |sample: u64| sample * RATE / u64::from((*sample_rate).max(1));
            Ok(Captions {
                language: language.clone(),
                starts: Vec::new(),
                words: words
                    .iter()
                    .map(|word| CaptionWord {
                        text: word.text.clone(),
                        start: at_rate(word.start),
                        end: at_rate(word.end),
                        scene: 0,
                    })
                    .collect(),
            })
        }
        _ => Err(unfit().into()),
    }
}

/// The words as the script spells them.
fn spell(captions: &mut Captions, script: &Script) -> Result<(), LowerError> {
    let text = script.text();
    let spelled: Vec<&str> = text.split_whitespace().collect();
    if spelled.len() != captions.words.len() {
        return Err(LowerError::new(
            format!(
                "the script has {} words, but {} are spoken",
                spelled.len(),
                captions.words.len()
            ),
            "give the script the narration was made from, or leave `script` out",
        ));
    }
    for (word, spelled) in captions.words.iter_mut().zip(spelled) {
        word.text = spelled.to_owned();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, blob, digest, invoked};
    use super::*;
    use crate::action::{Action, SpokenWord};
    use crate::value::{Scene, SpokenScene, Word};

    fn voice() -> Voice {
        let scene = |id: &str, text: &str| SpokenScene {
            id: id.into(),
            source: digest(id),
            samples: 48_000,
            words: vec![Word {
                text: text.into(),
                start: 4800,
                end: 24_000,
            }],
            emphasis: Vec::new(),
        };
        Voice {
            language: "en".into(),
            gap_ms: 0,
            scenes: vec![scene("s1", "Bees"), scene("s2", "dance.")],
        }
    }

    fn written() -> [crate::action::ActionResult; 2] {
        [blob("file", "srt"), blob("file", "vtt")]
    }

    #[test]
    fn every_word_keeps_its_time_and_knows_its_scene() {
        let bench = Bench::new("Subtitle.Auto").with("voice", Value::Voice(voice()));
        let out = bench.outputs(&written());
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        let words: Vec<(&str, u32, u64)> = captions
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.scene, word.start))
            .collect();
        assert_eq!(words, [("Bees", 0, 4800), ("dance.", 1, 4800)]);
        let asked = bench.asks(&[]);
        let Action::Write(srt) = &asked[0] else {
            panic!("{asked:?}")
        };
        assert_eq!(
            srt.text,
            "1\n00:00:00,100 --> 00:00:01,500\nBees dance.\n\n"
        );
    }

    #[test]
    fn other_recordings_are_transcribed() {
        let bench = Bench::new("Subtitle.Auto")
            .with(
                "audio",
                Value::Audio(AudioValue::new(digest("talk"), "talk.mp3")),
            )
            .models(&["speaches:whisper"]);
        let request = asked_of(&bench);
        assert_eq!(request.role, Role::Transcribe);
        assert_eq!(request.task.blobs(), [digest("talk")]);
        let heard = invoked(Invoked::Transcript {
            language: "en".into(),
            sample_rate: 16_000,
            samples: 16_000,
            words: vec![SpokenWord {
                text: "Hello".into(),
                start: 1600,
                end: 8000,
            }],
        });
        let [srt, vtt] = written();
        let out = bench.outputs(&[heard, srt, vtt]);
        assert!(matches!(&out["captions"], Value::Captions(c) if c.words[0].start == 4800));
    }

    #[test]
    fn the_script_decides_the_spelling() {
        let script = |text: &str| {
            Value::Script(Script {
                title: String::new(),
                language: "en".into(),
                scenes: vec![Scene::new("s1", text)],
            })
        };
        let bench = |text: &str| {
            Bench::new("Subtitle.Auto")
                .with("voice", Value::Voice(voice()))
                .with("script", script(text))
        };
        let out = bench("BEES dance!").outputs(&written());
        assert!(matches!(&out["captions"], Value::Captions(c) if c.words[0].text == "BEES"));
        let error = bench("Three words here").fails(&[]);
        assert!(error.message.contains("3 words, but 2"), "{error}");
    }

    #[test]
    fn who_transcribes_means_nothing_where_the_words_are_known() {
        let useless = |value: Value| {
            let bench = Bench::new("Subtitle.Auto").with("audio", value);
            bench.useless(&["language", "model"]).len()
        };
        let recording = AudioValue::new(digest("talk"), "talk.mp3");
        assert_eq!(useless(Value::Voice(voice())), 2);
        assert_eq!(useless(Value::Audio(recording.clone())), 0);
        let mix = AudioValue {
            parts: Some(Box::new(crate::value::MixParts {
                voice: Some(voice()),
                music: None,
                music_tempo: None,
                music_gain_mb: 0,
                fade_in_ms: 0,
                fade_out_ms: 0,
                ducking: Default::default(),
                loudness: Default::default(),
                sounds: Vec::new(),
            })),
            ..recording.clone()
        };
        assert_eq!(useless(Value::Audio(mix)), 2);
        let with_words = Bench::new("Subtitle.Auto").with("audio", Value::Audio(recording));
        assert_eq!(with_words.useless(&["words", "model"]), ["model"]);
    }

    #[test]
    fn captions_of_a_narration_cost_nothing() {
        let known = |name: &str, value: Value| {
            let values = BTreeMap::from([(name.to_owned(), value)]);
            SubtitleAuto.estimate(&KnownParams::new(values, Vec::new()))
        };
        assert!(known("voice", Value::Voice(voice())).is_empty());
        let audio = Value::Audio(AudioValue::new(digest("talk"), "talk.mp3"));
        assert!(known("audio", audio)[0].amount.is_none());
    }
}
