//! `Output.Cover`: one frame of the timeline as a picture.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{LONGEST_MS, StillFormat, Timeline, TrackItem};

use super::cover_choice::best_frame;
use super::cover_title::put_title;
use super::stills::{at_width, frame_at, image_of, ms_of, snapshot};
use crate::execution::LowerError;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps,
    Useless, outputs,
};
use crate::value::{FileValue, PortType, Value};

/// Frames at the start in which titles still move in.
const SETTLING_FRAMES: i64 = 24;

/// The node type.
pub(super) struct OutputCover;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Cover",
    version: 1,
    summary: "One frame of the timeline as a picture, with a title if you like: covers and thumbnails.",
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
            "The frame's time, for example 1.2s; `auto` takes one in the first shot after the title has come in, or the best of \
             `candidates`.",
        ),
        ParamSpec::optional(
            "title",
            ParamType::Text { max_chars: 200 },
            "A title on the cover, in the place of one that the cut has; a few words are read best.",
        ),
        ParamSpec::with_default(
            "style",
            ParamType::OneOf(&["template", "bold", "plate"]),
            Value::Text("template".into()),
            "How the title looks: as titles of the cut's template do (`bold` where it has none), large with an outline over a \
             dimmed picture, or on a plate in the captions' highlight colour.",
        ),
        ParamSpec::optional(
            "candidates",
            ParamType::Int { min: 2, max: 64 },
            "How many frames all over the video `at: auto` compares to take a sharp and well lit one; without it, it takes one \
             by its place in the first shot.",
        ),
        ParamSpec::optional(
            "width",
            ParamType::Int { min: 16, max: 4096 },
            "Width of the picture, for thumbnails; without it the video's own.",
        )
        .unit("px"),
        ParamSpec::with_default(
            "format",
            ParamType::OneOf(&["jpg", "png"]),
            Value::Text("jpg".into()),
            "Kind of file.",
        ),
        ParamSpec::with_default(
            "captions",
            ParamType::OneOf(&["hide", "show"]),
            Value::Text("hide".into()),
            "Whether captions are on it.",
        ),
    ],
    ports: vec![
        PortSpec::new("image", PortType::File, "The picture file.").ending("jpg"),
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

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if !given.has("title") {
            given.useless(&["style"], Some("title"), "there is no title", found);
        }
        if matches!(given.value("at"), Some(Value::Int(_))) {
            let why = "the time of the frame is given";
            given.useless(&["candidates"], Some("at"), why, found);
        }
    }

    fn ending(&self, port: &PortSpec, given: &Given<'_>) -> Option<&'static str> {
        match (port.name, given.word("format", "jpg")?) {
            ("image", "png") => Some("png"),
            _ => port.ending,
        }
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
        let mut seen = (**timeline).clone();
        if params.text("captions")? == "hide" {
            seen.captions = None;
        }
        let frame = match (params.get("at"), params.optional_int("candidates")?) {
            (Some(Value::Int(ms)), _) => frame_at(timeline, *ms)?,
            (_, Some(count)) => best_frame(&seen, count, steps)?,
            _ => auto_frame(timeline),
        };
        if let Some(title) = params.optional_text("title")?.map(str::trim)
            && !title.is_empty()
        {
            put_title(&mut seen, frame, (title, params.text("style")?), steps)?;
        }
        let width = params.optional_int("width")?;
        let sized = at_width(&seen, width.and_then(|width| u32::try_from(width).ok()))?;
        let format = match params.text("format")? {
            "png" => StillFormat::Png,
            _ => StillFormat::Jpeg,
        };
        let image = image_of(steps.run_one(snapshot(&sized, frame, format))?)?;
        let image = FileValue::new(image, format!("cover.{}", format.ending()));
        Ok(outputs([
            ("image", Value::File(image)),
            ("ms", Value::Int(ms_of(timeline, frame))),
        ]))
    }
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
