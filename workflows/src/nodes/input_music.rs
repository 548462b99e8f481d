//! `Input.Music`: a music bed, composed from a seed or taken from a file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::Provenance;
use rust_decimal::Decimal;

use super::ask::ask;
use super::music_folder::{self, Chosen, Wanted};
use super::own_files;
use crate::action::{Action, ComposeMusicRequest, FindMusicTask, InvokeTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::{ModelRef, Role};
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs, wrong_facts,
};
use crate::tempo::Tempo;
use crate::value::{AudioValue, PortType, Value};

/// Each mood with the tempo it has when none is written.
const MOODS: [(&str, u32); 4] = [
    ("calm", 72),
    ("uplifting", 104),
    ("dreamy", 80),
    ("driving", 124),
];

/// Every mood; those that are not composed here are looked for elsewhere.
const MOOD_NAMES: &[&str] = &[
    "calm",
    "uplifting",
    "dreamy",
    "driving",
    "neutral",
    "dark",
    "epic",
    "happy",
    "sad",
    "tense",
];

/// Parameters that mean nothing for a file.
const NOT_FOR_FILES: [&str; 9] = [
    "folder",
    "mood",
    "bpm",
    "seconds",
    "seed",
    "source",
    "license",
    "min_duration",
    "model",
];

/// Longest music composed here, milliseconds.
const LONGEST_MS: i64 = 600_000;

/// The node type.
pub(super) struct InputMusic;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Music",
    version: 1,
    summary: "A music bed: composed here from a seed, a file of yours, one of a folder of yours, or from a library.",
    params: params(),
    ports: vec![
        PortSpec::new("audio", PortType::Audio, "The music."),
        PortSpec::new("license", PortType::Text, "Under which licence it may be used."),
        PortSpec::new(
            "notes",
            PortType::List(Box::new(PortType::Text)),
            "What is worth knowing about a recording of yours.",
        ),
    ],
    example: "\
fenta: workflow/v1
nodes:
  music: { type: Input.Music, with: { mood: dreamy, bpm: 84, seed: 3 } }
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Sleep well.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\", music: \"${{ nodes.music.audio }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: night.mp4 } }
",
}
});

fn params() -> Vec<ParamSpec> {
    let mut params = what();
    params.extend(from_where());
    params
}

fn what() -> Vec<ParamSpec> {
    vec![
        ParamSpec::with_default(
            "mood",
            ParamType::OneOf(MOOD_NAMES),
            Value::Text("calm".into()),
            "How the music feels; composed here are calm, uplifting, dreamy and driving.",
        ),
        ParamSpec::optional(
            "bpm",
            ParamType::Int { min: 50, max: 180 },
            "Beats per minute; the mood's own by default.",
        )
        .unit("beats/min"),
        ParamSpec::with_default(
            "seconds",
            ParamType::Int { min: 5, max: 600 },
            Value::Int(40),
            "Length of what is composed before it repeats; it loops without a seam.",
        )
        .unit("s"),
        ParamSpec::optional(
            "min_duration",
            ParamType::Duration {
                min: 1000,
                max: LONGEST_MS,
            },
            "Shortest music; what is composed is then at least as long.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
    ]
}

fn from_where() -> Vec<ParamSpec> {
    vec![
        ParamSpec::optional(
            "file",
            ParamType::SourcePath,
            "A recording of yours to use instead.",
        ),
        ParamSpec::with_default(
            "source",
            ParamType::OneOf(&["compose", "library", "jamendo", "generate"]),
            Value::Text("compose".into()),
            "Where it comes from: composed on this machine, a library of yours, Jamendo, or a model.",
        ),
        ParamSpec::optional(
            "folder",
            ParamType::SourcePath,
            "The library of `source: library`: a folder of recordings of yours. The mood is read from the names of files and \
             folders, and from a text file of the same name beside a recording, which may also say `bpm:`, `license:`, \
             `author:` and `url:` (rain.mp3, rain.txt).",
        ),
        ParamSpec::optional(
            "license",
            ParamType::many(ParamType::OneOf(&["cc0", "cc-by", "own"])),
            "Licences that will do, for music from a library; all three by default.",
        ),
        ParamSpec::optional(
            "model",
            ParamType::Model,
            "Who has or makes it, for `source: library` and `generate`; the workflow's `providers.music` by default.",
        ),
        ParamSpec::optional("loop", ParamType::Bool, "Whether it repeats.")
            .later("leave it out: music shorter than a cut repeats, longer music is faded out"),
    ]
}

impl NodeType for InputMusic {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Music)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if written.has("file") {
            check_file(written, found);
            return;
        }
        if written.given().word("source", "compose") == Some("compose") {
            check_mood(written, found);
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if given.has("file") {
            return;
        }
        let Some(source) = given.word("source", "compose") else {
            return;
        };
        let mut useless = |names: &[&'static str], why: &str| {
            given.useless(names, Some("source"), why, found);
        };
        if source == "compose" {
            useless(&["license"], "what is composed here is yours");
            useless(&["folder"], "what is composed here comes from no folder");
            useless(&["model"], "what is composed here is made by no model");
        } else {
            useless(&["seconds", "seed"], "only what is composed here has it");
        }
        match source {
            "jamendo" => useless(&["model", "folder"], "`source: jamendo` says who is asked"),
            "generate" => {
                useless(&["license"], "what a model makes has no licence to choose");
                useless(&["folder"], "what a model makes comes from no folder");
            }
            "library" if given.has("folder") => {
                given.useless(
                    &["model"],
                    Some("folder"),
                    "`folder` says whose it is",
                    found,
                );
            }
            _ => {}
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let composed = known.text("source") == Some("compose");
        let file = known.get("file").is_some_and(|file| *file != Value::Null);
        let folder = known
            .get("folder")
            .is_some_and(|folder| *folder != Value::Null);
        if composed || file || folder {
            return Vec::new();
        }
        vec![Quantity::new(
            Meter::Tracks,
            Spread::exactly(Decimal::ONE),
            "one piece",
        )]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let mut notes = Vec::new();
        let (audio, license) = match (params.get("file"), params.text("source")?) {
            (Some(_), _) => {
                let media = own_files::audio(params.text("file")?, steps)?;
                notes = own_files::notes(std::slice::from_ref(&media));
                let audio = AudioValue {
                    origin: media.origin,
                    ..AudioValue::new(media.digest, media.name)
                };
                (audio, "own".to_owned())
            }
            (None, "library") if params.get("folder").is_some() => {
                let found = from_folder(params, steps)?;
                notes = found.notes;
                (found.audio, found.license)
            }
            (None, "compose") => (compose(context, steps)?, "cc0".to_owned()),
            (None, source) => found_elsewhere(context, source, steps)?,
        };
        Ok(outputs([
            ("audio", Value::Audio(audio)),
            ("license", Value::Text(license)),
            (
                "notes",
                Value::List(notes.into_iter().map(Value::Text).collect()),
            ),
        ]))
    }
}

fn check_file(written: &Written<'_>, found: &mut Diagnostics) {
    for name in NOT_FOR_FILES.into_iter().filter(|name| written.has(name)) {
        found.push(
            Diagnostic::error(
                codes::CONFLICT,
                written.key_span(name),
                format!("`{name}` composes or finds music, but `file` already gives a recording"),
            )
            .label(written.key_span("file"), "`file` is here")
            .hint(format!("remove `{name}` or `file`")),
        );
    }
}

fn check_mood(written: &Written<'_>, found: &mut Diagnostics) {
    if let Some(mood) = written.text("mood")
        && MOOD_NAMES.contains(&mood)
        && !MOODS.iter().any(|(known, _)| *known == mood)
    {
        found.push(
            Diagnostic::error(
                codes::BAD_VALUE,
                written.span("mood"),
                format!("the mood `{mood}` cannot be composed here"),
            )
            .hint("write calm, uplifting, dreamy or driving, or another `source`"),
        );
    }
}

fn compose(context: &LowerContext<'_>, steps: &mut Steps<'_>) -> Result<AudioValue, Halt> {
    let params = context.params;
    let mood = params.text("mood")?;
    let own_tempo = MOODS.iter().find(|(name, _)| *name == mood);
    let bpm = match (params.get("bpm"), own_tempo) {
        (_, None) => {
            return Err(LowerError::new(
                format!("the mood `{mood}` cannot be composed here"),
                "write calm, uplifting, dreamy or driving, or another `source`",
            )
            .into());
        }
        (Some(_), Some(_)) => params.u32("bpm")?,
        (None, Some((_, bpm))) => *bpm,
    };
    // Whole seconds, so that a narration a word longer does not ask for other music.
    let least = params.optional_int("min_duration")?.unwrap_or_default();
    let seconds = params.int("seconds")?.max((least + 999) / 1000);
    let result = steps.run_one(Action::ComposeMusic(ComposeMusicRequest {
        seed: params.seed("seed")?,
        mood: mood.to_owned(),
        bpm,
        duration_ms: (seconds.unsigned_abs() * 1000) as u32,
    }))?;
    let digest = result
        .outputs
        .get("audio")
        .ok_or_else(|| wrong_facts("compose_music"))?;
    Ok(AudioValue {
        tempo: Some(Tempo::composed(bpm)),
        ..AudioValue::new(*digest, format!("{mood}.wav"))
    })
}

/// Licences that will do, as they are written.
fn licenses(params: Params<'_>) -> Vec<String> {
    let written = params.list("license").into_iter();
    let texts = written.filter_map(|value| match value {
        Value::Text(license) => Some(license.clone()),
        _ => None,
    });
    texts.collect()
}

fn from_folder(params: Params<'_>, steps: &mut Steps<'_>) -> Result<Chosen, Halt> {
    let least = params.optional_int("min_duration")?.unwrap_or_default();
    let wanted = Wanted {
        mood: params.text("mood")?,
        bpm: params.get("bpm").map(|_| params.u32("bpm")).transpose()?,
        licenses: licenses(params),
        min_ms: least.unsigned_abs(),
    };
    music_folder::choose(params.text("folder")?, &wanted, steps)
}

/// Music of a library or a model, with its licence.
fn found_elsewhere(
    context: &LowerContext<'_>,
    source: &str,
    steps: &mut Steps<'_>,
) -> Result<(AudioValue, String), Halt> {
    let params = context.params;
    let own: Vec<ModelRef>;
    let models = if source == "jamendo" {
        own = vec![ModelRef {
            vendor: source.to_owned(),
            model: None,
        }];
        own.as_slice()
    } else {
        context.models
    };
    let task = InvokeTask::FindMusic(FindMusicTask {
        mood: params.text("mood")?.to_owned(),
        bpm: params.get("bpm").map(|_| params.u32("bpm")).transpose()?,
        licenses: licenses(params),
        min_duration_ms: params
            .optional_int("min_duration")?
            .unwrap_or_default()
            .unsigned_abs(),
        generate: source == "generate",
    });
    let provenance = match source {
        "generate" => Provenance::AiMusic,
        _ => Provenance::Stock,
    };
    let answer = ask(Role::Music, models, task, steps)?;
    let music = answer
        .media(provenance, steps)?
        .into_iter()
        .next()
        .ok_or_else(|| {
            LowerError::new("no music was found", "write another mood or more licences")
        })?;
    let license = match answer.credits() {
        Value::List(credits) => match credits.first() {
            Some(Value::Record(credit)) => match credit.get("license") {
                Some(Value::Text(license)) => license.clone(),
                _ => String::new(),
            },
            _ => String::new(),
        },
        _ => String::new(),
    };
    let audio = AudioValue {
        origin: music.origin,
        ..AudioValue::new(music.digest, music.name)
    };
    Ok((audio, license))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, blob, digest, found_media};
    use super::*;

    #[test]
    fn composes_with_the_moods_own_tempo() {
        let bench = Bench::new("Input.Music")
            .with("mood", Value::Text("driving".into()))
            .with("seed", Value::Int(5));
        assert_eq!(
            bench.asks(&[]),
            [Action::ComposeMusic(ComposeMusicRequest {
                seed: 5,
                mood: "driving".into(),
                bpm: 124,
                duration_ms: 40_000,
            })]
        );
        let out = bench.outputs(&[blob("audio", "m")]);
        assert!(matches!(&out["audio"], Value::Audio(audio) if audio.digest == digest("m")));
    }

    #[test]
    fn every_composed_mood_is_a_mood_with_a_tempo_in_range() {
        for (mood, bpm) in MOODS {
            assert!(MOOD_NAMES.contains(&mood));
            assert!((50..=180).contains(&bpm));
        }
        let sad = Bench::new("Input.Music").with("mood", Value::Text("sad".into()));
        assert!(sad.fails(&[]).message.contains("`sad` cannot be composed"));
    }

    #[test]
    fn a_shortest_length_is_held_in_whole_seconds() {
        let bench = Bench::new("Input.Music").with("min_duration", Value::Text("61.2s".into()));
        assert!(
            matches!(bench.asks(&[]).as_slice(), [Action::ComposeMusic(one)] if one.duration_ms == 62_000)
        );
    }

    #[test]
    fn libraries_are_asked_and_their_licence_is_told() {
        let bench = Bench::new("Input.Music")
            .with("source", Value::Text("jamendo".into()))
            .with("mood", Value::Text("sad".into()))
            .with("license", Value::Text("cc-by".into()));
        let request = asked_of(&bench);
        assert_eq!(request.models[0].to_string(), "jamendo");
        assert!(
            matches!(&request.task, InvokeTask::FindMusic(task) if task.licenses == ["cc-by"] && !task.generate)
        );
        let out = bench.outputs(&[found_media(&["sad.mp3"])]);
        assert_eq!(out["license"], Value::Text("free".into()));
    }

    #[test]
    fn every_source_has_parameters_that_mean_nothing_to_it() {
        let of = |source: &str| {
            let bench = Bench::new("Input.Music").with("source", Value::Text(source.into()));
            bench.useless(&["seconds", "seed", "license", "model", "bpm"])
        };
        assert_eq!(of("compose"), ["license", "model"]);
        assert_eq!(of("jamendo"), ["seconds", "seed", "model"]);
        assert_eq!(of("library"), ["seconds", "seed"]);
        assert_eq!(of("generate"), ["seconds", "seed", "license"]);
    }

    #[test]
    fn a_file_is_collected_instead() {
        let bench = Bench::new("Input.Music").with("file", Value::Text("bed.mp3".into()));
        assert!(
            matches!(bench.asks(&[]).as_slice(), [Action::Collect(c)] if c.path == "/w/bed.mp3")
        );
    }
}
