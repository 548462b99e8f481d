//! `Media.Normalize`: says in the document what happens to every clip anyhow, and refuses clips it cannot happen to.
//!
//! Clips are brought to the cut's size, rate and colours while they are rendered, frame by frame; there are no files
//! in between. The node makes that explicit, and finds clips that cannot be shown before a render begins.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{ColorTransfer, MediaKind};

use super::own_files::must_be_visible;
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    outputs,
};
use crate::value::{MediaValue, PortType, Value};

/// What is said where a file in between is asked for.
const WHILE_RENDERING: &str = "leave it out: clips are normalised while they are rendered";

/// The node type.
pub(super) struct MediaNormalize;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Media.Normalize",
    version: 1,
    summary: "Clips that are sure to be brought to the cut's size, rate and colours; the others are refused by name.",
    params: vec![
        ParamSpec::required("media", ParamType::Port(PortType::Media.list()), "The clips."),
        ParamSpec::with_default(
            "recipe",
            ParamType::OneOf(&["on_render"]),
            Value::Text("on_render".into()),
            "When it is done: on_render, frame by frame while rendering.",
        )
        .later_words(&[("mezzanine-v1", "write `recipe: on_render`, or leave it out")]),
        ParamSpec::optional(
            "fps",
            ParamType::Int { min: 1, max: 60 },
            "Frames per second of a file in between.",
        )
        .later(WHILE_RENDERING),
        ParamSpec::optional(
            "tonemap",
            ParamType::OneOf(&["hable", "mobius"]),
            "How bright HDR becomes SDR.",
        )
        .later(WHILE_RENDERING),
        ParamSpec::with_default(
            "stabilize",
            ParamType::OneOf(&["off"]),
            Value::Text("off".into()),
            "Whether shaking is taken out.",
        )
        .later_words(&[("on", "write `stabilize: off`, and steady the clip with a video editor first")]),
    ],
    ports: vec![PortSpec::new("media", PortType::Media.list(), "The same clips.")],
    example: "\
fenta: workflow/v1
inputs:
  clips: { type: file, default: ./clips }
nodes:
  files: { type: Input.Upload, with: { path: \"${{ inputs.clips }}\" } }
  clips: { type: Media.Normalize, with: { media: \"${{ nodes.files.media }}\" } }
  voice: { type: Voice.TTS, with: { text: \"A day at the sea.\" } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.clips.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
outputs:
  seconds: ${{ nodes.cut.seconds }}
",
}
});

impl NodeType for MediaNormalize {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        _steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let media = measured(context.params);
        must_be_visible(&media)?;
        media.iter().try_for_each(must_be_convertible)?;
        let all = context.params.list("media").into_iter().cloned().collect();
        Ok(outputs([("media", Value::List(all))]))
    }
}

/// The files among the clips; pictures that are drawn need nothing.
fn measured(params: Params<'_>) -> Vec<MediaValue> {
    params
        .list("media")
        .into_iter()
        .filter_map(|value| match value {
            Value::Media(media) => Some(media.clone()),
            _ => None,
        })
        .collect()
}

fn must_be_convertible(media: &MediaValue) -> Result<(), LowerError> {
    let facts = &media.facts;
    let still = facts.kind == MediaKind::Image;
    if !still && facts.frame_rate.is_none() {
        return Err(LowerError::new(
            format!("{} has no frame rate", media.name),
            "save it as MP4 with a video editor first",
        ));
    }
    if !still
        && facts
            .duration
            .is_none_or(|duration| duration.to_millis() <= 0)
    {
        return Err(LowerError::new(
            format!("{} has no length", media.name),
            "save it as MP4 with a video editor first",
        ));
    }
    if still && facts.transfer != ColorTransfer::Sdr {
        return Err(LowerError::new(
            format!(
                "{} is an HDR picture, which cannot be converted",
                media.name
            ),
            "save it as a PNG or JPEG in sRGB",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, media_facts};
    use super::*;
    use fenta_templates::timeline::MediaFacts;

    fn bench(change: impl Fn(&mut MediaFacts)) -> Bench {
        let mut facts = media_facts(MediaKind::Video);
        change(&mut facts);
        let clip = MediaValue {
            digest: digest("clip"),
            name: "clip.mov".into(),
            facts,
            origin: None,
        };
        Bench::new("Media.Normalize").with("media", Value::Media(clip))
    }

    #[test]
    fn clips_that_can_be_converted_pass() {
        let out = bench(|_| {}).outputs(&[]);
        assert!(matches!(&out["media"], Value::List(clips) if clips.len() == 1));
    }

    #[test]
    fn clips_that_cannot_are_named() {
        for (change, part) in [
            (
                (|facts| facts.frame_rate = None) as fn(&mut MediaFacts),
                "no frame rate",
            ),
            (|facts| facts.duration = None, "no length"),
            (|facts| facts.width = 0, "no picture"),
        ] {
            let error = bench(change).fails(&[]);
            assert!(
                error.message.contains("clip.mov") && error.message.contains(part),
                "{error}"
            );
        }
    }
}
