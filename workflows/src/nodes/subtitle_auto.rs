//! `Subtitle.Auto`: captions from a narration whose words are known, or from any recording by a transcription.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::ask::{ask, unfit};
use super::narration::{RATE, rung_note, starts, words};
use super::sound::{Sound, sound};
use super::subtitle_files;
use crate::action::{
    Action, ActionFacts, AlignWordsRequest, ExtractSpeechRequest, InvokeTask, Invoked, Rung,
    SpeechFacts, TranscribeTask,
};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::Diagnostics;
use crate::execution::LowerError;
use crate::hearing::{self, HeardWord};
use crate::models::Role;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, wrong_facts,
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
    ports: ports(),
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

fn ports() -> Vec<PortSpec> {
    let mut ports = subtitle_files::ports();
    ports.push(PortSpec::new(
        "notes",
        PortType::List(Box::new(PortType::Text)),
        "What is known of the word times.",
    ));
    ports
}

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
            "The script, for the spelling of the words; what is said in a recording is found by it without asking anybody.",
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
        let mut notes = Vec::new();
        let (mut captions, rung) = match sound(params, name)? {
            Some(Sound::Voice(voice)) => narrated(voice, params)?,
            Some(Sound::Mix(parts)) => match &parts.voice {
                Some(voice) => narrated(voice, params)?,
                None => return Err(wordless()),
            },
            Some(Sound::Plain(audio)) => {
                let (captions, rung) = recorded(audio, context, steps)?;
                notes.extend(rung_note(rung));
                (captions, rung)
            }
            None => return Err(LowerError::new(format!("`{name}` has no value"), "").into()),
        };
        if let Some(Value::Script(script)) = params.get("script") {
            spell(&mut captions, script)?;
        }
        let line_chars = params.u32("max_chars")? as usize;
        let mut values = subtitle_files::values(captions, rung, line_chars, steps)?;
        let notes = notes.into_iter().map(Value::Text).collect();
        values.insert("notes".to_owned(), Value::List(notes));
        Ok(values)
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

fn narrated(voice: &Voice, params: Params<'_>) -> Result<(Captions, Rung), LowerError> {
    let own = words(voice);
    if let Some(Value::Words(given)) = params.get("words")
        && *given != own
    {
        return Err(LowerError::new(
            "`words` are not the words of this narration",
            "take both from the same Voice.TTS, or leave `words` out",
        ));
    }
    let captions = Captions {
        language: own.language,
        starts: starts(voice),
        words: own.words,
    };
    Ok((captions, own.rung))
}

/// The words of a recording: the given ones; those of the script where somebody wrote down what is said; else what a
/// provider hears.
fn recorded(
    audio: &AudioValue,
    context: &LowerContext<'_>,
    steps: &mut Steps<'_>,
) -> Result<(Captions, Rung), Halt> {
    let params = context.params;
    if let Some(Value::Words(words)) = params.get("words") {
        let captions = Captions {
            language: words.language.clone(),
            starts: Vec::new(),
            words: words.words.clone(),
        };
        return Ok((captions, words.rung));
    }
    let language = params.optional_text("language")?;
    let script = match params.get("script") {
        Some(Value::Script(script)) => Some(script),
        _ => None,
    };
    if let Some(script) = script
        && context.models.is_empty()
    {
        let language = language.unwrap_or(&script.language);
        let found = align(audio, script.text(), language, Vec::new(), steps)?;
        return Ok((spoken(language, found), found.rung));
    }
    let extract = ExtractSpeechRequest {
        source: audio.digest,
    };
    let sound = steps.run_one(Action::ExtractSpeech(extract))?;
    let source = sound.outputs.get("audio");
    let task = InvokeTask::Transcribe(TranscribeTask {
        source: *source.ok_or_else(|| wrong_facts("extract_speech"))?,
        language: language.map(str::to_owned),
    });
    let answer = ask(Role::Transcribe, context.models, task, steps)?;
    let Invoked::Transcript {
        language: told,
        text,
        heard,
        is_by_word,
    } = answer.invoked
    else {
        return Err(unfit().into());
    };
    let language = language.unwrap_or(told);
    if *is_by_word {
        let words = match script {
            Some(script) => by_script(&script.text(), heard)?,
            None => heard.clone(),
        };
        return Ok((by_word(language, &words), Rung::Provider));
    }
    let text = script.map_or_else(|| text.clone(), Script::text);
    let found = align(audio, text, language, heard.clone(), steps)?;
    Ok((spoken(language, found), found.rung))
}

/// When the words of a text are said, found on this machine.
fn align<'a>(
    audio: &AudioValue,
    text: String,
    language: &str,
    heard: Vec<HeardWord>,
    steps: &mut Steps<'a>,
) -> Result<&'a SpeechFacts, Halt> {
    let request = AlignWordsRequest {
        source: audio.digest,
        text,
        language: language.to_owned(),
        heard,
    };
    let result = steps.run_one(Action::AlignWords(Box::new(request)))?;
    match &result.facts {
        ActionFacts::Speech(found) => Ok(found),
        _ => Err(wrong_facts("align_words").into()),
    }
}

fn spoken(language: &str, found: &SpeechFacts) -> Captions {
    let at_rate = |sample: u64| sample * RATE / u64::from(found.sample_rate.max(1));
    let words = found.words.iter().map(|word| CaptionWord {
        text: word.text.clone(),
        start: at_rate(word.start),
        end: at_rate(word.end),
        scene: 0,
    });
    Captions {
        language: language.to_owned(),
        starts: Vec::new(),
        words: words.collect(),
    }
}

fn by_word(language: &str, words: &[HeardWord]) -> Captions {
    let at_rate = |micros: u64| micros * RATE / 1_000_000;
    let words = words.iter().map(|word| CaptionWord {
        text: word.text.trim().to_owned(),
        start: at_rate(word.start_us),
        end: at_rate(word.end_us),
        scene: 0,
    });
    Captions {
        language: language.to_owned(),
        starts: Vec::new(),
        words: words.collect(),
    }
}

/// The words of the script over the times of what was heard.
fn by_script(text: &str, heard: &[HeardWord]) -> Result<Vec<HeardWord>, LowerError> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let placed = hearing::place(&tokens, heard);
    // Recognisers mishear names; who hears less than a third of a text hears another one.
    if placed.matched * 3 < placed.audible {
        return Err(LowerError::new(
            format!(
                "the script is not what is said: {} of its {} words were heard",
                placed.matched, placed.audible
            ),
            "give the script of this recording, or leave `script` out",
        ));
    }
    let words = tokens.into_iter().zip(placed.times);
    Ok(words
        .map(|(text, (start_us, end_us))| HeardWord {
            text: text.to_owned(),
            start_us,
            end_us,
        })
        .collect())
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
    use super::super::testing::{Bench, blob, digest, invoked};
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
            rung: Default::default(),
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
        let extracted = blob("audio", "talk at 16 kHz");
        let Action::ExtractSpeech(extract) = &bench.asks(&[])[0] else {
            panic!()
        };
        assert_eq!(extract.source, digest("talk"));
        let asked = bench.asks(std::slice::from_ref(&extracted));
        let Action::Invoke(request) = &asked[0] else {
            panic!("{asked:?}")
        };
        assert_eq!(request.role, Role::Transcribe);
        assert_eq!(request.task.blobs(), [digest("talk at 16 kHz")]);
        let [srt, vtt] = written();
        let out = bench.outputs(&[extracted, heard(&[("Hello", 100, 500)]), srt, vtt]);
        assert!(matches!(&out["captions"], Value::Captions(c) if c.words[0].start == 4800));
    }

    fn heard(words: &[(&str, u64, u64)]) -> crate::action::ActionResult {
        invoked(Invoked::Transcript {
            language: "en".into(),
            text: "unused".into(),
            heard: words
                .iter()
                .map(|(text, start, end)| HeardWord {
                    text: (*text).into(),
                    start_us: start * 1000,
                    end_us: end * 1000,
                })
                .collect(),
            is_by_word: true,
        })
    }

    fn script(text: &str) -> Value {
        Value::Script(Script {
            title: String::new(),
            language: "en".into(),
            scenes: vec![Scene::new("s1", text)],
        })
    }

    fn talk() -> Bench {
        let audio = AudioValue::new(digest("talk"), "talk.mp3");
        Bench::new("Subtitle.Auto").with("audio", Value::Audio(audio))
    }

    #[test]
    fn what_is_heard_is_shown_as_the_script_spells_it() {
        let bench = talk()
            .with("script", script("Hello, Zoë!"))
            .models(&["speaches"]);
        let [srt, vtt] = written();
        let answers = |words: &[(&str, u64, u64)]| {
            [blob("audio", "x"), heard(words), srt.clone(), vtt.clone()]
        };
        let out = bench.outputs(&answers(&[("hello", 100, 500), ("zoe", 600, 900)]));
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        let words: Vec<(&str, u64)> = captions
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.start))
            .collect();
        assert_eq!(words, [("Hello,", 4800), ("Zoë!", 28_800)]);
        let error = bench.fails(&answers(&[("something", 0, 100), ("else", 200, 300)]));
        assert!(error.message.contains("0 of its 2 words"), "{error}");
    }

    #[test]
    fn with_a_script_nobody_needs_to_be_asked() {
        let bench = talk().with("script", script("Hello there."));
        let asked = bench.asks(&[]);
        let Action::AlignWords(request) = &asked[0] else {
            panic!("{asked:?}")
        };
        assert_eq!(
            (request.text.as_str(), request.language.as_str()),
            ("Hello there.", "en")
        );
        let word = |text: &str, start| SpokenWord {
            text: text.into(),
            start,
            end: start + 900,
        };
        let found = SpeechFacts {
            sample_rate: 48_000,
            samples: 48_000,
            words: vec![word("Hello", 0), word("there.", 1000)],
            rung: Rung::Aligned,
        };
        let found = crate::action::ActionResult {
            outputs: BTreeMap::new(),
            facts: ActionFacts::Speech(found),
        };
        let [srt, vtt] = written();
        let out = bench.outputs(&[found, srt, vtt]);
        assert!(matches!(&out["words"], Value::Words(words) if words.rung == Rung::Aligned));
        let Value::List(notes) = &out["notes"] else {
            panic!()
        };
        assert!(
            matches!(&notes[0], Value::Text(note) if note.contains("aligned")),
            "{notes:?}"
        );
    }

    #[test]
    fn the_script_decides_the_spelling() {
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
