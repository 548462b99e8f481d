//! `Input.Upload`: the user's own videos and pictures, from a file or a folder.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::clip_choice::{CHOICES, choose};
use super::own_files::{
    IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, collect, must_be_visible, notes, probe,
};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps,
    Useless, Written, outputs,
};
use crate::value::{PortType, Scene, Value};

/// The node type.
pub(super) struct InputUpload;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Upload",
    version: 1,
    summary: "Your own videos and pictures, from a file or a folder.",
    params: vec![
        ParamSpec::required(
            "path",
            ParamType::SourcePath,
            "A file, or a folder whose videos and pictures are all taken.",
        ),
        ParamSpec::with_default(
            "order",
            ParamType::OneOf(&["name", "shuffle"]),
            Value::Text("name".into()),
            "`name` keeps the natural order of the file names, `shuffle` mixes them by `seed`.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where the shuffled order comes from; the workflow's seed by default.",
        ),
        ParamSpec::with_default(
            "max_items",
            ParamType::Int { min: 1, max: 1000 },
            Value::Int(200),
            "More files than this are an error.",
        ),
        ParamSpec::optional(
            "match",
            ParamType::Port(PortType::Scene.list()),
            "Scenes of a script: one clip is chosen for each, in their order.",
        ),
        ParamSpec::optional(
            "pick",
            ParamType::OneOf(CHOICES),
            "How clips are chosen for scenes: by_tags compares words of file names and scenes (the default), by_name takes \
             the file named like the scene (s1, s2 ...), order the next one, random one by `seed`.",
        ),
        ParamSpec::optional("asset", ParamType::Text { max_chars: 100 }, "An asset of the hosted service.")
            .later("give the `path` of the file on this machine"),
        ParamSpec::optional("probe", ParamType::Bool, "Whether files are measured.")
            .later("leave it out: files are always measured"),
        ParamSpec::optional("normalize", ParamType::Bool, "Whether files are converted when taken in.")
            .later("leave it out: clips are normalised while they are rendered"),
    ],
    ports: vec![
        PortSpec::new(
            "media",
            PortType::List(Box::new(PortType::Media)),
            "The clips and stills, measured.",
        ),
        PortSpec::new(
            "notes",
            PortType::List(Box::new(PortType::Text)),
            "What is worth knowing about them: HDR, damage, a sound that cannot be decoded.",
        ),
    ],
    example: "\
fenta: workflow/v1
inputs:
  clips: { type: file, default: ./clips }
nodes:
  footage: { type: Input.Upload, with: { path: \"${{ inputs.clips }}\", order: shuffle } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.footage.media }}\", voice: \"${{ nodes.voice.voice }}\", captions: \"${{ nodes.captions.captions }}\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  voice: { type: Voice.TTS, with: { text: \"A day at the sea.\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: sea.mp4 } }
",
}
});

impl NodeType for InputUpload {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if let Some(pattern) = written.text("path").filter(|path| is_pattern(path)) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    written.span("path"),
                    format!("`{pattern}` is a pattern, which is not available in this version yet"),
                )
                .hint(FOLDER_INSTEAD),
            );
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        let chooses = given.has("match");
        if !chooses {
            let why = "there is no `match` to choose clips for";
            given.useless(&["pick"], None, why, found);
        }
        let by_chance = |name: &str, usual: &str, word: &str| {
            given.word(name, usual).is_none_or(|given| given == word)
        };
        let picks = chooses && by_chance("pick", CHOICES[0], "random");
        if !by_chance("order", "name", "shuffle") && !picks {
            let why = "nothing is taken by chance without `order: shuffle` or `pick: random`";
            let beside = ["order", "pick"].into_iter().find(|name| given.has(name));
            given.useless(&["seed"], beside, why, found);
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let extensions = [&VIDEO_EXTENSIONS[..], &IMAGE_EXTENSIONS[..]].concat();
        let path = params.text("path")?;
        let mut files = collect(path, &extensions, params.u32("max_items")?, steps)?;
        if params.text("order")? == "shuffle" {
            shuffle(&mut files, params.seed("seed")?);
        }
        let media = probe(&files, steps)?;
        must_be_visible(&media)?;
        let scenes: Vec<&Scene> = params
            .list("match")
            .into_iter()
            .filter_map(|value| match value {
                Value::Scene(scene) => Some(scene),
                _ => None,
            })
            .collect();
        let media = if params.get("match").is_some() {
            let how = params.optional_text("pick")?.unwrap_or(CHOICES[0]);
            choose(&media, &scenes, how, params.seed("seed")?)?
        } else {
            media
        };
        let notes = notes(&media).into_iter().map(Value::Text).collect();
        let media = media.into_iter().map(Value::Media).collect();
        Ok(outputs([
            ("media", Value::List(media)),
            ("notes", Value::List(notes)),
        ]))
    }
}

/// What is done instead of a pattern.
const FOLDER_INSTEAD: &str =
    "name the folder: every video and picture in it and in its folders is taken";

/// Whether a path is meant as a pattern of many.
fn is_pattern(path: &str) -> bool {
    path.contains('*') || (path.contains('{') && path.contains('}') && path.contains(','))
}

/// Fisher-Yates over a small generator of our own, so that a seed means the same order for ever.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for i in (1..items.len()).rev() {
        let pick = mix(&mut state) % (i as u64 + 1);
        items.swap(i, pick as usize);
    }
}

/// SplitMix64: the next number of a sequence that is spread evenly whatever the seed.
pub(super) fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::action::{Action, ActionFacts, CollectedFile};
    use fenta_templates::timeline::MediaKind;

    fn collected(names: &[&str]) -> ActionFacts {
        ActionFacts::Collected(
            names
                .iter()
                .map(|name| CollectedFile {
                    name: (*name).into(),
                    path: (*name).into(),
                    digest: digest(name),
                })
                .collect(),
        )
    }

    #[test]
    fn collects_then_probes_each() {
        let bench = Bench::new("Input.Upload").with("path", Value::Text("clips".into()));
        let asked = bench.asks(&[]);
        let [Action::Collect(request)] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        assert_eq!(request.path, "/w/clips");
        assert!(request.extensions.contains(&"mov".to_owned()));
        let first = facts(collected(&["a.mp4", "b.png"]));
        assert_eq!(bench.asks(std::slice::from_ref(&first)).len(), 2);
        let results = [
            first,
            facts(ActionFacts::Media(media_facts(MediaKind::Video))),
            facts(ActionFacts::Media(media_facts(MediaKind::Image))),
        ];
        let out = bench.outputs(&results);
        let Value::List(media) = &out["media"] else {
            panic!()
        };
        assert_eq!(media[0].port_type(), Some(PortType::Video));
        assert_eq!(media[1].port_type(), Some(PortType::Image));
    }

    #[test]
    fn a_file_without_picture_is_named() {
        let bench = Bench::new("Input.Upload").with("path", Value::Text("x".into()));
        let results = [
            facts(collected(&["talk.mp3"])),
            facts(ActionFacts::Media(media_facts(MediaKind::Audio))),
        ];
        assert!(bench.fails(&results).message.contains("talk.mp3"));
        assert!(
            bench
                .fails(&[facts(collected(&[]))])
                .message
                .contains("no file")
        );
    }

    #[test]
    fn patterns_are_told_from_names() {
        assert!(is_pattern("./broll/**/*.{mp4,mov}") && is_pattern("clips/*"));
        assert!(!is_pattern("clips/a {1}.mp4") && !is_pattern("clips"));
    }

    #[test]
    fn scenes_get_a_clip_each() {
        let scene = |id: &str, text: &str| Value::Scene(crate::value::Scene::new(id, text));
        let bench = Bench::new("Input.Upload")
            .with("path", Value::Text("clips".into()))
            .with(
                "match",
                Value::List(vec![scene("s1", "The sea."), scene("s2", "A bee.")]),
            );
        let media = facts(ActionFacts::Media(media_facts(MediaKind::Video)));
        let out = bench.outputs(&[
            facts(collected(&["bee.mp4", "sea.mp4"])),
            media.clone(),
            media,
        ]);
        let Value::List(clips) = &out["media"] else {
            panic!()
        };
        let names: Vec<String> = clips.iter().map(|clip| clip.preview(20)).collect();
        assert_eq!(names, ["sea.mp4", "bee.mp4"]);
    }

    #[test]
    fn a_seed_means_something_only_where_chance_decides() {
        let with = |params: &[(&str, &str)]| {
            let bench = params
                .iter()
                .fold(Bench::new("Input.Upload"), |bench, (name, word)| {
                    bench.with(name, Value::Text((*word).into()))
                });
            bench.useless(&["seed"]).is_empty()
        };
        assert!(!with(&[]) && !with(&[("order", "name")]));
        assert!(with(&[("order", "shuffle")]));
        assert!(with(&[("match", "scenes"), ("pick", "random")]));
        assert!(!with(&[("match", "scenes"), ("pick", "order")]));
        assert!(!with(&[("match", "scenes")]));
    }

    #[test]
    fn shuffling_is_a_permutation_that_the_seed_decides() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..20).collect();
            shuffle(&mut items, seed);
            items
        };
        let one = shuffled(1);
        assert_eq!(one, shuffled(1));
        assert_ne!(one, shuffled(2));
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        assert_ne!(one, sorted);
    }
}
