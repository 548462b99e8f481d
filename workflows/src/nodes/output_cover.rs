//! `Output.Cover`: one frame of the timeline as a picture.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{LONGEST_MS, Timeline, TrackItem};

use crate::action::Action;
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, outputs,
    wrong_facts,
};
use crate::value::{FileValue, PortType, Value};

/// JPEG quality of covers.
const QUALITY: u8 = 92;

/// Frames at the start in which titles still move in.
const SETTLING_FRAMES: i64 = 24;

/// The node type.
pub(super) struct OutputCover;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Cover",
    version: 1,
    summary: "One frame of the timeline as a JPEG, for thumbnails.",
    params: vec![
        ParamSpec::required(
            "timeline",
            ParamType::Port(PortType::Timeline),
            "Where the frame is taken from.",
        ),
        ParamSpec::optional("video", ParamType::Port(PortType::File), "A finished video instead.")
            .later("give `timeline` the cut the video was rendered from: the frame is the same"),
        ParamSpec::with_default(
            "at",
            ParamType::Either(vec![
                ParamType::OneOf(&["auto"]),
                ParamType::Duration {
                    min: 0,
                    max: i64::from(LONGEST_MS),
                },
            ]),
            Value::Text("auto".into()),
            "The frame's time, for example 1.2s; `auto` takes one in the first shot, after the title has come in.",
        ),
        ParamSpec::optional("title", ParamType::Text { max_chars: 200 }, "A title on the cover.")
            .later("put the title into the cut with `fill`; it is on the cover then"),
        ParamSpec::optional("style", ParamType::Text { max_chars: 40 }, "How the title looks.")
            .later("the template decides how titles look"),
        ParamSpec::optional(
            "candidates",
            ParamType::Int { min: 1, max: 64 },
            "How many frames are compared.",
        )
        .later("leave it out: `at: auto` takes a frame by its place in the first shot"),
        ParamSpec::with_default(
            "captions",
            ParamType::OneOf(&["hide", "show"]),
            Value::Text("hide".into()),
            "Whether captions are on it.",
        ),
    ],
    ports: vec![
        PortSpec::new("image", PortType::File, "The JPEG file.").ending("jpg"),
        PortSpec::new("ms", PortType::Number, "The frame's time.").unit("ms"),
    ],
    example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Look twice. Then look again.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  cover: { type: Output.Cover, with: { timeline: \"${{ nodes.cut.timeline }}\", at: 1200 } }
  save: { type: Output.Download, with: { file: \"${{ nodes.cover.image }}\", to: cover.jpg } }
",
}
});

impl NodeType for OutputCover {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let Some(Value::Timeline(timeline)) = params.get("timeline") else {
            return Err(LowerError::new("`timeline` is not a timeline", "").into());
        };
        let frame = match params.get("at") {
            Some(Value::Int(ms)) => frame_at(timeline, *ms)?,
            _ => auto_frame(timeline),
        };
        let mut seen = (**timeline).clone();
        if params.text("captions")? == "hide" {
            seen.captions = None;
        }
        let cover = seen.cover(frame, QUALITY);
        let result = steps.run_one(Action::Snapshot(Box::new(cover)))?;
        let digest = result
            .outputs
            .get("image")
            .ok_or_else(|| wrong_facts("snapshot"))?;
        let image = FileValue::new(*digest, "cover.jpg");
        let rate = timeline.canvas.frame_rate;
        let ms = fenta_templates::time::RationalTime::new(frame, rate).to_millis();
        Ok(outputs([
            ("image", Value::File(image)),
            ("ms", Value::Int(ms)),
        ]))
    }
}

fn frame_at(timeline: &Timeline, ms: i64) -> Result<i64, LowerError> {
    let frame = fenta_templates::time::RationalTime::millis(ms)
        .rescaled_to(timeline.canvas.frame_rate)
        .value;
    if frame < timeline.duration.value {
        return Ok(frame);
    }
    Err(LowerError::new(
        format!(
            "`at` is {ms} ms, but the video ends at {} ms",
            timeline.duration.to_millis()
        ),
        "give an earlier time, or write `at: auto`",
    ))
}

/// 40 % into the first shot, but late enough for titles to have come in and early enough to be still in that shot.
fn auto_frame(timeline: &Timeline) -> i64 {
    let first = timeline
        .picture
        .children
        .iter()
        .find_map(|item| match item {
            TrackItem::Clip(clip) => Some(clip.source_range.duration.value),
            _ => None,
        });
    let frames = first.unwrap_or(timeline.duration.value).max(1);
    (frames * 2 / 5).max(SETTLING_FRAMES).min(frames - 1)
}
