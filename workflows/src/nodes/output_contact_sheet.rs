//! `Output.ContactSheet`: frames of a timeline side by side, each with its time.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::StillFormat;

use super::stills::{
    MOST_COLUMNS, MOST_FRAMES, SHEET_WIDTH, SheetWish, ms_of, sheet, sheet_frames,
};
use crate::execution::LowerError;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps,
    outputs,
};
use crate::value::{FileValue, PortType, Value};

/// The node type.
pub(super) struct OutputContactSheet;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    let int = |min, max: u32| ParamType::Int {
        min,
        max: i64::from(max),
    };
    NodeDescriptor {
        kind: "Output.ContactSheet",
        version: 1,
        summary: "Frames of a timeline side by side with their times, to see a whole video at a glance.",
        params: vec![
            ParamSpec::required(
                "timeline",
                ParamType::Port(PortType::Timeline),
                "Where the frames are taken from.",
            ),
            ParamSpec::with_default(
                "frames",
                ParamType::Either(vec![ParamType::OneOf(&["shots"]), int(1, MOST_FRAMES)]),
                Value::Int(12),
                "How many, evenly spaced; `shots` takes the middle of every shot.",
            ),
            ParamSpec::optional(
                "columns",
                int(1, MOST_COLUMNS),
                "How many side by side; without it as many as look well.",
            ),
            ParamSpec::with_default(
                "width",
                int(240, 8192),
                Value::Int(i64::from(SHEET_WIDTH)),
                "Width of the sheet; it is smaller where its pictures are.",
            )
            .unit("px"),
            ParamSpec::with_default(
                "format",
                ParamType::OneOf(&["png", "jpg"]),
                Value::Text("png".into()),
                "Kind of file.",
            ),
            ParamSpec::with_default(
                "captions",
                ParamType::OneOf(&["show", "hide"]),
                Value::Text("show".into()),
                "Whether captions are on the pictures.",
            ),
        ],
        ports: vec![
            PortSpec::new("image", PortType::File, "The picture file.").ending("png"),
            PortSpec::new(
                "times",
                PortType::Number.list(),
                "The time of every frame, in order.",
            )
            .unit("ms"),
        ],
        example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Look twice. Then look again.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  sheet: { type: Output.ContactSheet, with: { timeline: \"${{ nodes.cut.timeline }}\", frames: shots } }
  save: { type: Output.Download, with: { file: \"${{ nodes.sheet.image }}\", to: sheet.png } }
",
    }
});

impl NodeType for OutputContactSheet {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn ending(&self, port: &PortSpec, given: &Given<'_>) -> Option<&'static str> {
        match (port.name, given.word("format", "png")?) {
            ("image", "jpg") => Some("jpg"),
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
        let number = |name| match params.get(name) {
            Some(Value::Int(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        let count = number("frames");
        let format = match params.text("format")? {
            "jpg" => StillFormat::Jpeg,
            _ => StillFormat::Png,
        };
        let mut seen = (**timeline).clone();
        if params.text("captions")? == "hide" {
            seen.captions = None;
        }
        let frames = sheet_frames(&seen, count)?;
        let wish = SheetWish {
            columns: number("columns"),
            width: params.u32("width")?,
            format,
            of_shots: count.is_none(),
        };
        let image = sheet(&seen, &frames, wish, steps)?;
        let name = format!("sheet.{}", format.ending());
        let times = frames
            .iter()
            .map(|frame| Value::Int(ms_of(&seen, *frame)))
            .collect();
        Ok(outputs([
            ("image", Value::File(FileValue::new(image, name))),
            ("times", Value::List(times)),
        ]))
    }
}
