//! `Output.Download`: results under names people gave, with their sidecars beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::action::{Action, ActionFacts, PublishItem, PublishRequest};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, outputs,
    wrong_facts,
};
use crate::value::{FileValue, PortType, Value};

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
            ParamType::Port(PortType::List(Box::new(PortType::File))),
            "More files, put beside it under the same name with their own endings.",
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

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let file = file(params.get("file"))?;
        let target = target(params.text("to")?, file)?;
        let mut items = vec![PublishItem {
            source: file.digest,
            to: target,
        }];
        for sidecar in params.list("sidecars") {
            let sidecar = self::file(Some(sidecar))?;
            items.push(PublishItem {
                source: sidecar.digest,
                to: beside(&items[0].to, sidecar),
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
        let result = steps.run_one(Action::Publish(PublishRequest { items }))?;
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

fn file(value: Option<&Value>) -> Result<&FileValue, LowerError> {
    match value {
        Some(Value::File(file)) => Ok(file),
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
    let (wanted, own) = (extension(to), extension(&file.name));
    match (wanted, own) {
        (Some(wanted), Some(own)) if wanted.eq_ignore_ascii_case(own) => Ok(to.to_owned()),
        (None, Some(own)) => Ok(format!("{to}.{own}")),
        (Some(wanted), Some(own)) => Err(LowerError::new(
            format!("`to` ends in .{wanted}, but the file is .{own}"),
            format!("let `to` end in .{own}"),
        )),
        (_, None) => Ok(to.to_owned()),
    }
}

fn beside(target: &str, sidecar: &FileValue) -> String {
    let stem = match extension(target) {
        Some(ending) => &target[..target.len() - ending.len() - 1],
        None => target,
    };
    match extension(&sidecar.name) {
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
        Value::File(FileValue {
            digest: digest(name),
            name: name.into(),
        })
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
    fn endings_are_kept_honest() {
        assert_eq!(targets(&bench("/abs/bees.MP4")), ["/abs/bees.MP4"]);
        assert_eq!(targets(&bench("bees")), ["/out/bees.mp4"]);
        assert_eq!(targets(&bench("folder/")), ["/out/folder/video.mp4"]);
        assert_eq!(targets(&bench("v1.2-final")), ["/out/v1.2-final.mp4"]);
        assert!(bench("bees.mov").fails(&[]).message.contains(".mov"));
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
