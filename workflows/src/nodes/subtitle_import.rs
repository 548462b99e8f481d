//! `Subtitle.Import`: a subtitle file of yours as captions, script and words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{
    ReadSubtitles, Subtitle, SubtitleError, SubtitleFormat, read_subtitles,
};

use super::input_text::read_text;
use super::narration::{RATE, starts};
use super::script;
use super::spoken_times;
use super::subtitle_files;
use crate::action::Rung;
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    outputs,
};
use crate::value::{CaptionWord, Captions, PortType, Scene, Script, Value, Voice, Words};

/// The node type.
pub(super) struct SubtitleImport;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    let mut ports = subtitle_files::ports();
    ports.extend(script::ports());
    ports.push(PortSpec::new(
        "skipped",
        PortType::Json.list(),
        "What could not be read: line and reason of each.",
    ));
    NodeDescriptor {
        kind: "Subtitle.Import",
        version: 1,
        summary: "A subtitle file of yours (SRT, VTT or ASS) as captions, and as a script to speak or translate.",
        params: params(),
        ports,
        example: "\
fenta: workflow/v1
inputs:
  subtitles: { type: file, default: ./talk.srt }
nodes:
  subtitles: { type: Subtitle.Import, with: { file: \"${{ inputs.subtitles }}\", language: en } }
  voice: { type: Voice.TTS, with: { script: \"${{ nodes.subtitles.script }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.subtitles.vtt }}\", to: talk.vtt } }
outputs:
  seconds: ${{ nodes.voice.seconds }}
",
    }
});

fn params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::required(
            "file",
            ParamType::SourcePath,
            "The file (UTF-8, at most 1 MiB).",
        ),
        ParamSpec::with_default(
            "format",
            ParamType::OneOf(&["auto", "srt", "vtt", "ass"]),
            Value::Text("auto".into()),
            "How it is written; `auto` tells it by the text. Of ASS (and SSA) texts and times are taken, those of single \
             words too; looks, places and drawings are the template's business.",
        ),
        ParamSpec::with_default(
            "language",
            ParamType::Language,
            Value::Text("en".into()),
            "BCP 47 language of the text.",
        ),
        ParamSpec::optional(
            "voice",
            ParamType::Port(PortType::Voice),
            "The narration these are the captions of; their times then count in its scenes, as a cut needs them, and words \
             it says in this language are shown when it says them.",
        ),
    ]
}

impl NodeType for SubtitleImport {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let path = params.text("file")?;
        let text = read_text(path, steps)?;
        let format = match params.text("format")? {
            "srt" => Some(SubtitleFormat::Srt),
            "vtt" => Some(SubtitleFormat::Vtt),
            "ass" => Some(SubtitleFormat::Ass),
            _ => None,
        };
        let read = read_subtitles(&text, format).map_err(|error| unreadable(path, &error))?;
        let language = params.text("language")?;
        let captions = captions(&read, language, params)?;
        let [srt, vtt] = subtitle_files::files(&read.subtitles, steps)?;
        let mut values = script::values(as_script(&read.subtitles, language));
        values.extend(outputs([
            (
                "words",
                Value::Words(Words {
                    rung: Rung::Provider,
                    language: language.to_owned(),
                    words: captions.words.clone(),
                }),
            ),
            ("captions", Value::Captions(captions)),
            ("srt", Value::File(srt)),
            ("vtt", Value::File(vtt)),
            ("skipped", skipped(&read)),
        ]));
        Ok(values)
    }
}

/// The error for a file that holds no subtitles.
pub(super) fn unreadable(path: &str, error: &SubtitleError) -> LowerError {
    let hint = match error {
        SubtitleError::OtherFormat { .. } => "save it as SRT, VTT or ASS first",
        SubtitleError::TooMany => "split it into several files",
        SubtitleError::Empty | SubtitleError::NoSubtitles { .. } => {
            "a subtitle has a line of times, 00:00:01,000 --> 00:00:02,500, and its text below it"
        }
    };
    LowerError::new(format!("{path}: {error}"), hint)
}

fn skipped(read: &ReadSubtitles) -> Value {
    let records = read.skipped.iter().map(|one| {
        Value::Record(outputs([
            ("line", Value::Int(one.line as i64)),
            ("reason", Value::Text(one.reason.clone())),
        ]))
    });
    Value::List(records.collect())
}

/// One scene per subtitle.
fn as_script(subtitles: &[Subtitle], language: &str) -> Script {
    let scenes = subtitles.iter().enumerate().map(|(at, one)| Scene {
        duration_ms: u32::try_from(one.end_ms - one.start_ms).ok(),
        ..Scene::new(format!("s{}", at + 1), one.lines.join(" "))
    });
    Script {
        title: String::new(),
        language: language.to_owned(),
        scenes: scenes.collect(),
    }
}

fn captions(
    read: &ReadSubtitles,
    language: &str,
    params: Params<'_>,
) -> Result<Captions, LowerError> {
    let mut words = subtitle_files::words_of(&read.subtitles, &read.words);
    let Some(Value::Voice(voice)) = params.get("voice") else {
        return Ok(Captions {
            language: language.to_owned(),
            starts: Vec::new(),
            words,
        });
    };
    if primary(language) == primary(&voice.language) {
        as_said(&mut words, read, voice);
    }
    Ok(Captions {
        language: language.to_owned(),
        words: words
            .into_iter()
            .map(|word| in_scene(word, voice))
            .collect::<Result<_, _>>()?,
        starts: starts(voice),
    })
}

/// Words whose times the file does not tell have those at which the narration says them.
fn as_said(words: &mut [CaptionWord], read: &ReadSubtitles, voice: &Voice) {
    let said = spoken_times::said(voice, &starts(voice));
    let mut from = 0;
    let counts = subtitle_files::counts(&read.subtitles, &read.words);
    for (at, count) in counts.into_iter().enumerate() {
        if read.words.get(at).is_none_or(Vec::is_empty) {
            spoken_times::retime(&mut words[from..from + count], &said);
        }
        from += count;
    }
}

/// The language of a tag, without its script and region.
fn primary(tag: &str) -> String {
    let part = tag.split('-').next().unwrap_or(tag);
    part.to_ascii_lowercase()
}

/// A word with the time it has in the scene it is said in; one in a pause belongs to the scene before it.
fn in_scene(word: CaptionWord, voice: &Voice) -> Result<CaptionWord, LowerError> {
    let starts = starts(voice);
    let scene = starts.iter().rposition(|start| *start <= word.start);
    let Some(scene) = scene else {
        return Err(LowerError::new(
            "the narration has no scenes",
            "give another `voice`",
        ));
    };
    let length = voice.scenes[scene].samples;
    let start = word.start - starts[scene];
    // Half a second of difference is a matter of taste; more means that file and narration do not belong together.
    if start > length + RATE / 2 {
        return Err(LowerError::new(
            format!(
                "`{}` is said at {:.1} s, but the narration is over then",
                word.text,
                word.start as f64 / RATE as f64
            ),
            "give the narration the file was made for, or leave `voice` out",
        ));
    }
    Ok(CaptionWord {
        start: start.min(length),
        end: (word.end - starts[scene]).min(length),
        scene: scene as u32,
        text: word.text,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, blob, digest, facts};
    use super::*;
    use crate::action::{ActionFacts, ActionResult};
    use crate::value::{SpokenScene, Word};

    const SRT: &str = "1\n00:00:00,000 --> 00:00:01,000\n<i>Bees</i> dance.\n\n\
                       2\n00:00:01,500 --> 00:00:02,500\nIt is a map.\n\n3\n00:00:04 --> x\nlost\n";

    fn results(text: &str) -> [ActionResult; 3] {
        [
            facts(ActionFacts::Text(text.to_owned())),
            blob("file", "srt"),
            blob("file", "vtt"),
        ]
    }

    fn bench() -> Bench {
        Bench::new("Subtitle.Import").with("file", Value::Text("talk.srt".into()))
    }

    #[test]
    fn a_file_is_captions_and_script() {
        let out = bench().outputs(&results(SRT));
        assert_eq!(out["text"], Value::Text("Bees dance. It is a map.".into()));
        let Value::Script(script) = &out["script"] else {
            panic!()
        };
        assert_eq!(script.scenes[1].duration_ms, Some(1000));
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        assert_eq!(captions.words.len(), 6);
        assert_eq!(captions.words[2].start, 72_000);
        assert_eq!(out["skipped"].to_json()[0]["line"], 10);
    }

    #[test]
    fn beside_a_narration_times_count_in_its_scenes() {
        let scene = |id: &str| SpokenScene {
            id: id.into(),
            source: digest(id),
            samples: 60_000,
            words: Vec::new(),
            emphasis: Vec::new(),
            rung: Default::default(),
        };
        let voice = Voice {
            language: "en".into(),
            gap_ms: 0,
            scenes: vec![scene("s1"), scene("s2")],
        };
        let bench = bench().with("voice", Value::Voice(voice));
        let out = bench.outputs(&results(SRT));
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        assert_eq!(
            (captions.words[2].scene, captions.words[2].start),
            (1, 12_000)
        );
        let late = "1\n00:01:00,000 --> 00:01:01,000\nlate\n";
        assert!(bench.fails(&results(late)).message.contains("over then"));
    }

    #[test]
    fn a_corrected_word_moves_no_other() {
        let word = |text: &str, start, end| Word {
            text: text.into(),
            start,
            end,
        };
        let scene = |words| SpokenScene {
            id: "s1".into(),
            source: digest("s1"),
            samples: 130_000,
            words,
            emphasis: Vec::new(),
            rung: Default::default(),
        };
        let times = |language: &str, text: &str| {
            let said = vec![
                word("bees", 3_000, 20_000),
                word("dance", 22_000, 46_000),
                word("It", 72_000, 75_000),
                word("is", 80_000, 85_000),
                word("a", 90_000, 91_000),
                word("map", 100_000, 118_000),
            ];
            let voice = Voice {
                language: language.into(),
                gap_ms: 0,
                scenes: vec![scene(said)],
            };
            let out = bench()
                .with("voice", Value::Voice(voice))
                .outputs(&results(text));
            let Value::Captions(captions) = &out["captions"] else {
                panic!()
            };
            let words = captions.words.iter();
            words.map(|word| (word.start, word.end)).collect::<Vec<_>>()
        };
        let said = times("en-US", SRT);
        assert_eq!((said[1], said[5]), ((22_000, 46_000), (100_000, 118_000)));
        let corrected = SRT.replace("dance", "swing");
        assert_eq!(times("en-US", &corrected), said);
        let shared = times("de", SRT);
        assert_eq!(shared[0].0, 0, "another language is not what is said");
    }

    #[test]
    fn other_files_are_refused_with_their_name() {
        let error = bench().fails(&results("<?xml version=\"1.0\"?>\n<tt/>\n"));
        assert_eq!(
            error.message,
            "/w/talk.srt: this is an XML (TTML) file, not SRT, VTT or ASS"
        );
        assert!(error.hint.contains("save it as SRT"));
    }

    #[test]
    fn karaoke_times_become_those_of_words() {
        let ass = "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:03.00,{\\k50}Bees {\\k100}dance\n";
        let out = bench().outputs(&results(ass));
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        let times: Vec<(u64, u64)> = captions
            .words
            .iter()
            .map(|word| (word.start, word.end))
            .collect();
        assert_eq!(times, [(48_000, 72_000), (72_000, 144_000)]);
    }
}
