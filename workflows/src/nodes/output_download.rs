//! `Output.Download`: results under names people gave, with their sidecars beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::action::{Action, ActionFacts, Overwrite, PublishItem, PublishRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::value::{FileValue, PortType, Value};

/// How the files of words end.
const WORDS: &str = ".words.json";

/// The word for the file that names whoever is to be named, and how it is called.
const CREDITS: &str = "credits";
const CREDITS_FILE: &str = "CREDITS.md";

/// The node type.
pub(super) struct OutputDownload;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Download",
    version: 1,
    summary: "A result put where you want it, with its sidecar files beside it.",
    params: vec![
        ParamSpec::required("file", ParamType::Port(PortType::File), "The result."),
        ParamSpec::required(
            "to",
            ParamType::ResultPath,
            "Where: a path, relative to the folder for results. A `/` at its end keeps the file's own name.",
        ),
        ParamSpec::optional(
            "sidecars",
            ParamType::many(ParamType::Either(vec![
                ParamType::OneOf(&["srt", "vtt", "ass", "words", "json", "credits"]),
                ParamType::Port(PortType::File),
            ])),
            "More files, put beside it under the same name with their own endings: files of nodes, or srt, vtt, ass, words, \
             json and credits of a video. Where a library's footage is seen, the credits are put there in any case.",
        )
        .later_words(&[
            ("cover", "make one with Output.Cover and give its `image`"),
            ("publish", "write json, the measured facts of the video"),
        ]),
        ParamSpec::with_default(
            "overwrite",
            ParamType::OneOf(&["replace", "suffix", "fail"]),
            Value::Text("replace".into()),
            "What happens to another file in its place: it is replaced, the new one gets a number (look-2.mp4), or the node \
             fails.",
        ),
    ],
    ports: vec![
        PortSpec::new("path", PortType::Text, "Absolute path of the file."),
        PortSpec::new(
            "paths",
            PortType::List(Box::new(PortType::Text)),
            "Absolute paths of everything that was put there.",
        ),
    ],
    example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Look twice. Then look again.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save:
    type: Output.Download
    with:
      file: ${{ nodes.render.video }}
      to: videos/look-${{ job.date }}.mp4
      sidecars: [\"${{ nodes.render.srt }}\"]
outputs:
  video: ${{ nodes.save.path }}
",
}
});

impl NodeType for OutputDownload {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let Some(to) = written.text("to").filter(|to| !to.ends_with('/')) else {
            return;
        };
        let own = written.given().ending("file");
        if let Some(own) = own
            && let Some(error) = other_ending(to, own)
        {
            found.push(
                Diagnostic::error(codes::BAD_VALUE, written.span("to"), error.message)
                    .label(written.span("file"), format!("the file is .{own}"))
                    .hint(error.hint),
            );
        }
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let file = &file(params.get("file"))?;
        let suffix = context.job.view.suffix();
        let target = named_apart(target(params.text("to")?, file)?, &file.name, &suffix);
        let mut items = vec![PublishItem {
            source: file.digest,
            to: target,
        }];
        let words = params.list("sidecars");
        let asked = |word: &&Value| matches!(word, Value::Text(word) if word == CREDITS);
        let credits = Value::Text(CREDITS.to_owned());
        let unasked = file.names_somebody && !words.iter().any(asked);
        for sidecar in words.into_iter().chain(unasked.then_some(&credits)) {
            let sidecar = match sidecar {
                Value::Text(word) => sidecar_of(file, word)?,
                other => self::file(Some(other))?,
            };
            items.push(PublishItem {
                source: sidecar.digest,
                to: beside(&items[0].to, &sidecar),
            });
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = items.iter().find(|item| !names.insert(item.to.as_str())) {
            return Err(LowerError::new(
                format!("two files would be put at {}", twice.to),
                "give sidecars that end differently",
            )
            .into());
        }
        let result = steps.run_one(Action::Publish(PublishRequest {
            items,
            overwrite: match params.text("overwrite")? {
                "suffix" => Overwrite::Suffix,
                "fail" => Overwrite::Fail,
                _ => Overwrite::Replace,
            },
        }))?;
        let ActionFacts::Published(published) = &result.facts else {
            return Err(wrong_facts("publish").into());
        };
        let paths: Vec<Value> = published
            .iter()
            .map(|file| Value::Text(file.path.clone()))
            .collect();
        let first = paths
            .first()
            .cloned()
            .ok_or_else(|| wrong_facts("publish"))?;
        Ok(outputs([("path", first), ("paths", Value::List(paths))]))
    }
}

/// A file that belongs to another, by the word it is asked for with.
fn sidecar_of(file: &FileValue, word: &str) -> Result<FileValue, LowerError> {
    match file.sidecars.get(word) {
        Some(digest) if word == "words" => Ok(FileValue::new(*digest, format!("video{WORDS}"))),
        Some(digest) if word == CREDITS => Ok(FileValue::new(*digest, CREDITS_FILE)),
        Some(digest) => Ok(FileValue::new(*digest, format!("{word}.{word}"))),
        None => Err(LowerError::new(
            format!("{} has no `{word}` that belongs to it", file.name),
            "only the video of Output.Render has srt, vtt, ass, words, json and credits; give other files by their node",
        )),
    }
}

fn file(value: Option<&Value>) -> Result<FileValue, LowerError> {
    match value {
        Some(Value::File(file)) => Ok(file.clone()),
        Some(Value::Media(media)) => Ok(FileValue::new(media.digest, media.name.clone())),
        Some(Value::Audio(audio)) => Ok(FileValue::new(audio.digest, audio.name.clone())),
        Some(other) => Err(LowerError::new(
            format!("{} cannot be published", other.noun()),
            "give it a file, for example the video of Output.Render",
        )),
        None => Err(LowerError::new("`file` has no value", "give it a file")),
    }
}

/// The path of the result: a folder gets the file's own name, another ending is refused.
fn target(to: &str, file: &FileValue) -> Result<String, LowerError> {
    if to.ends_with('/') {
        return Ok(format!("{to}{}", file.name));
    }
    match (extension(to), extension(&file.name)) {
        (None, Some(own)) => Ok(format!("{to}.{own}")),
        (Some(_), Some(own)) => other_ending(to, own).map_or_else(|| Ok(to.to_owned()), Err),
        (_, None) => Ok(to.to_owned()),
    }
}

/// The path of what a render made of less than the whole film, which its own name says: beside the real one, never in its
/// place.
fn named_apart(target: String, name: &str, suffix: &str) -> String {
    let stem = |path: &str| match extension(path) {
        Some(ending) => path[..path.len() - ending.len() - 1].to_owned(),
        None => path.to_owned(),
    };
    let own = stem(&target);
    if suffix.is_empty() || !stem(name).ends_with(suffix) || own.ends_with(suffix) {
        return target;
    }
    let ending = &target[own.len()..];
    format!("{own}{suffix}{ending}")
}

/// Why a file that ends so cannot be put there.
fn other_ending(to: &str, own: &str) -> Option<LowerError> {
    let wanted = extension(to).filter(|wanted| !wanted.eq_ignore_ascii_case(own))?;
    Some(LowerError::new(
        format!("`to` ends in .{wanted}, but the file is .{own}"),
        format!("let `to` end in .{own}"),
    ))
}

fn beside(target: &str, sidecar: &FileValue) -> String {
    let stem = match extension(target) {
        Some(ending) => &target[..target.len() - ending.len() - 1],
        None => target,
    };
    match extension(&sidecar.name) {
        // So that it stands beside the report, which ends in .json alone.
        _ if sidecar.name.ends_with(WORDS) => format!("{stem}{WORDS}"),
        _ if sidecar.name == CREDITS_FILE => format!("{stem}.{CREDITS_FILE}"),
        Some(ending) => format!("{stem}.{ending}"),
        None => format!("{stem}.{}", sidecar.name),
    }
}

fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, ending) = name.rsplit_once('.')?;
    let plain =
        (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain && !stem.is_empty()).then_some(ending)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts};
    use super::*;
    use crate::action::PublishedFile;

    fn value(name: &str) -> Value {
        Value::File(FileValue::new(digest(name), name))
    }

    fn bench(to: &str) -> Bench {
        Bench::new("Output.Download")
            .with("file", value("video.mp4"))
            .with("to", Value::Text(to.into()))
    }

    fn targets(bench: &Bench) -> Vec<String> {
        match bench.asks(&[]).as_slice() {
            [Action::Publish(request)] => {
                request.items.iter().map(|item| item.to.clone()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sidecars_stand_beside_the_file_under_its_name() {
        let bench = bench("out/bees.mp4").with(
            "sidecars",
            Value::List(vec![value("captions.srt"), value("cover.jpg")]),
        );
        assert_eq!(
            targets(&bench),
            [
                "/out/out/bees.mp4",
                "/out/out/bees.srt",
                "/out/out/bees.jpg"
            ]
        );
    }

    #[test]
    fn sidecars_of_a_video_are_found_by_their_word() {
        let mut video = FileValue::new(digest("v"), "video.mp4");
        video.sidecars.insert("vtt".to_owned(), digest("vtt"));
        let bench = |word: &str| {
            Bench::new("Output.Download")
                .with("file", Value::File(video.clone()))
                .with("to", Value::Text("bees.mp4".into()))
                .with("sidecars", Value::List(vec![Value::Text(word.into())]))
        };
        assert_eq!(targets(&bench("vtt")), ["/out/bees.mp4", "/out/bees.vtt"]);
        assert!(bench("json").fails(&[]).message.contains("no `json`"));
    }

    #[test]
    fn who_is_to_be_named_is_named_beside_the_film_asked_or_not() {
        let mut video = FileValue::new(digest("v"), "video.mp4");
        video.sidecars.insert("credits".to_owned(), digest("c"));
        let bench = |video: &FileValue, words: &[&str]| {
            let words = words.iter().map(|word| Value::Text((*word).into()));
            Bench::new("Output.Download")
                .with("file", Value::File(video.clone()))
                .with("to", Value::Text("bees.mp4".into()))
                .with("sidecars", Value::List(words.collect()))
        };
        assert_eq!(targets(&bench(&video, &[])), ["/out/bees.mp4"]);
        let both = ["/out/bees.mp4", "/out/bees.CREDITS.md"];
        assert_eq!(targets(&bench(&video, &["credits"])), both);
        video.names_somebody = true;
        assert_eq!(targets(&bench(&video, &[])), both);
        assert_eq!(targets(&bench(&video, &["credits"])), both);
    }

    #[test]
    fn clips_and_sounds_are_files_too() {
        let sound = Value::Audio(crate::value::AudioValue::new(digest("m"), "mix.m4a"));
        let bench = Bench::new("Output.Download")
            .with("file", sound)
            .with("to", Value::Text("out/".into()))
            .with("overwrite", Value::Text("fail".into()));
        assert_eq!(targets(&bench), ["/out/out/mix.m4a"]);
        assert!(
            matches!(bench.asks(&[]).as_slice(), [Action::Publish(request)] if request.overwrite == Overwrite::Fail)
        );
    }

    #[test]
    fn endings_are_kept_honest() {
        assert_eq!(targets(&bench("/abs/bees.MP4")), ["/abs/bees.MP4"]);
        assert_eq!(targets(&bench("bees")), ["/out/bees.mp4"]);
        assert_eq!(targets(&bench("folder/")), ["/out/folder/video.mp4"]);
        assert_eq!(targets(&bench("v1.2-final")), ["/out/v1.2-final.mp4"]);
        assert!(bench("bees.mov").fails(&[]).message.contains(".mov"));
    }

    #[test]
    fn a_draft_or_a_part_never_takes_the_place_of_the_film() {
        let of = |name: &str, to: &str| {
            let mut bench = Bench::new("Output.Download")
                .with("file", value(name))
                .with("to", Value::Text(to.into()))
                .with("sidecars", Value::List(vec![value("captions.srt")]));
            bench.job.view.draft = true;
            bench.job.view.part = Some("2s..5s".parse().unwrap());
            targets(&bench)
        };
        let apart = ["/out/bees-2s-5s-draft.mp4", "/out/bees-2s-5s-draft.srt"];
        assert_eq!(of("video-2s-5s-draft.mp4", "bees.mp4"), apart);
        assert_eq!(of("bees-2s-5s-draft.mp4", "./"), apart);
        // A cover is of the whole film.
        assert_eq!(of("cover.jpg", "bees.jpg")[0], "/out/bees.jpg");
    }

    #[test]
    fn two_files_at_one_place_are_refused() {
        let bench = bench("bees.mp4").with(
            "sidecars",
            Value::List(vec![value("a.srt"), value("b.srt")]),
        );
        assert!(bench.fails(&[]).message.contains("/out/bees.srt"));
    }

    #[test]
    fn the_path_is_what_was_published() {
        let result = facts(ActionFacts::Published(vec![PublishedFile {
            path: "/out/bees.mp4".into(),
            digest: digest("v"),
            written: true,
        }]));
        let out = bench("bees.mp4").outputs(&[result]);
        assert_eq!(out["path"], Value::Text("/out/bees.mp4".into()));
        assert_eq!(out["paths"], Value::List(vec![out["path"].clone()]));
    }
}
