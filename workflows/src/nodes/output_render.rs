//! `Output.Render`: a timeline becomes a video file, segment by segment.
//!
//! One action per segment, one for the sound, one to join them: what did not change since the last time is found in
//! the action cache, and segments can be rendered side by side.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::Timeline;
use rust_decimal::Decimal;

use super::render_profile::{Target, check_profile, custom_fields};
use super::render_sidecars::Sidecars;

use crate::action::{
    Action, ActionFacts, ActionResult, AudioEncoding, MixFacts, MixRequest, MuxFacts, MuxRequest,
    RenderSegmentRequest, VideoEncoding,
};
use crate::cost::{KnownParams, Meter, Quantity, Spread, render_millis};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::execution::{JobFacts, LowerError};
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::value::{FileValue, PortType, Value};

/// What is said where a check shall be left out.
const VERIFIED: &str =
    "leave `verify` out: a file that is not as long as its timeline is never published";

/// The node type.
pub(super) struct OutputRender;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Render",
    version: 1,
    summary: "The video file of a timeline.",
    params: params(),
    ports: vec![
        PortSpec::new(
            "video",
            PortType::File,
            "The MP4 file; Output.Download finds its srt, vtt, ass, words and json beside it.",
        )
        .ending("mp4"),
        PortSpec::new("srt", PortType::File, "The captions as a subtitle file.").ending("srt"),
        PortSpec::new("vtt", PortType::File, "The captions as WebVTT.").ending("vtt"),
        PortSpec::new(
            "ass",
            PortType::File,
            "The captions as ASS, every word with its time.",
        )
        .ending("ass"),
        PortSpec::new(
            "words",
            PortType::File,
            "Every word of the captions as JSON: its time, and where it lies on the picture.",
        )
        .ending("json"),
        PortSpec::new(
            "report",
            PortType::Json,
            "Measured facts: frames, duration_ms, bytes, segments, lufs, true_peak.",
        ),
    ],
    example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Look twice. Then look again.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: draft } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: look.mp4 } }
outputs:
  frames: ${{ nodes.render.report.frames }}
",
}
});

fn params() -> Vec<ParamSpec> {
    let text = |max_chars| ParamType::Text { max_chars };
    vec![
        ParamSpec::required(
            "timeline",
            ParamType::Port(PortType::Timeline),
            "What to render.",
        ),
        ParamSpec::with_default(
            "profile",
            ParamType::Either(vec![
                ParamType::Text { max_chars: 64 },
                ParamType::Fields(custom_fields()),
            ]),
            Value::Text("universal".into()),
            "`universal` plays everywhere; `draft` is small and quick, to look at a cut; templates add their own; or \
             write the numbers yourself.",
        ),
        ParamSpec::with_default(
            "name",
            text(100),
            Value::Text("video".into()),
            "Name of the file, without folder and ending.",
        ),
        ParamSpec::with_default(
            "title",
            text(300),
            Value::Text(String::new()),
            "Title in the file's metadata.",
        ),
        ParamSpec::with_default(
            "encoder",
            ParamType::OneOf(&["auto", "x264"]),
            Value::Text("auto".into()),
            "Who encodes; `auto` is x264, whose bytes are the same on every machine.",
        )
        .later_words(&[("hw", "write `encoder: auto`")]),
        ParamSpec::with_default(
            "runner",
            ParamType::OneOf(&["local"]),
            Value::Text("local".into()),
            "Where it is rendered.",
        )
        .later_words(&[("cloud", "write `runner: local`")]),
        ParamSpec::with_default(
            "verify",
            ParamType::Bool,
            Value::Bool(true),
            "Whether the file's length is held against the timeline's; this version always does.",
        ),
    ]
}

impl NodeType for OutputRender {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn job_params(&self, job: &JobFacts) -> Vec<(&'static str, Value)> {
        vec![(
            "encoder_threads",
            Value::Int(i64::from(job.encoder_threads.max(1))),
        )]
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if written.literal("verify") == Some(Value::Bool(false)) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    written.span("verify"),
                    "`verify: false` is not available in this version yet",
                )
                .hint(VERIFIED),
            );
        }
        check_profile(written, found);
        if let Some(name) = written.text("name")
            && let Err(reason) = file_name(name)
        {
            found.push(
                Diagnostic::error(codes::BAD_VALUE, written.span("name"), reason)
                    .hint("write the name alone; Output.Download says where the file goes"),
            );
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let (Some(Value::Timeline(timeline)), Some(profile)) =
            (known.get("timeline"), known.get("profile"))
        else {
            return vec![Quantity::unknown(
                Meter::RenderSeconds,
                "the cut is not known yet",
            )];
        };
        let own = (timeline.canvas.width, timeline.canvas.height);
        let target = Target::of(profile, timeline).ok();
        let (width, height) = target.and_then(|target| target.size).unwrap_or(own);
        let length = timeline.duration.to_millis().unsigned_abs();
        let amount = Spread::exactly(Decimal::new(render_millis(width, height, length) as i64, 3));
        vec![Quantity::new(
            Meter::RenderSeconds,
            amount,
            "seconds of the cut, times the factor of its size",
        )]
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
        if !params.bool("verify")? {
            let message = "`verify: false` is not available in this version yet";
            return Err(LowerError::new(message, VERIFIED).into());
        }
        let name = file_name(params.text("name")?)
            .map_err(|reason| LowerError::new(reason, "write the name of a file"))?;
        let profile = params.get("profile").unwrap_or(&Value::Null);
        let profile = Target::of(profile, timeline)?;
        let encoding = profile.encoding(context.job.encoder_threads.max(1));
        let sized = profile.resized(timeline)?;
        let timeline: &Timeline = &sized;
        let parts = Parts::render(timeline, &encoding, profile.audio_kbps, steps)?;
        let (video, mux) = parts.mux(timeline, params.text("title")?, steps)?;
        let report = parts.report(&mux);
        let sidecars = Sidecars::write(timeline, &report, steps)?;
        let video = FileValue {
            digest: video,
            name: format!("{name}.mp4"),
            sidecars: sidecars.beside(),
        };
        let mut found = outputs([("video", Value::File(video)), ("report", report)]);
        found.extend(sidecars.ports());
        Ok(found)
    }
}

/// A name that can be one on every file system.
fn file_name(name: &str) -> Result<&str, String> {
    let name = name.trim();
    let odd = |c: char| {
        c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    if name.is_empty() || name.starts_with('.') || name.contains(odd) {
        return Err(format!("`{name}` cannot be the name of a file"));
    }
    Ok(name.strip_suffix(".mp4").unwrap_or(name))
}

/// The encoded pieces before they are joined.
struct Parts<'a> {
    segments: &'a [ActionResult],
    sound: &'a ActionResult,
    mix: MixFacts,
}

impl<'a> Parts<'a> {
    /// Segments and sound are asked for together: nothing in one waits for the other.
    fn render(
        timeline: &Timeline,
        encoding: &VideoEncoding,
        audio_kbps: u32,
        steps: &mut Steps<'a>,
    ) -> Result<Self, Halt> {
        let mut actions: Vec<Action> = timeline
            .segments()
            .into_iter()
            .map(|segment| {
                Action::RenderSegment(Box::new(RenderSegmentRequest {
                    fonts: timeline.fonts_for(&segment),
                    segment,
                    encoding: encoding.clone(),
                }))
            })
            .collect();
        if actions.is_empty() {
            return Err(LowerError::new(
                "the timeline is empty",
                "give Edit.Timeline clips and a narration",
            )
            .into());
        }
        actions.push(Action::Mix(MixRequest {
            plan: timeline.audio.clone(),
            encoding: AudioEncoding {
                encoder: "aac".to_owned(),
                bitrate_kbps: audio_kbps,
            },
        }));
        let results = steps.run(actions)?;
        match results.split_last() {
            Some((sound, segments)) => match sound.facts {
                ActionFacts::Mix(mix) => Ok(Self {
                    segments,
                    sound,
                    mix,
                }),
                _ => Err(wrong_facts("mix").into()),
            },
            None => Err(wrong_facts("mix").into()),
        }
    }

    fn mux(
        &self,
        timeline: &Timeline,
        title: &str,
        steps: &mut Steps<'a>,
    ) -> Result<(Digest, MuxFacts), Halt> {
        let mut segments = Vec::new();
        let mut segment_frames = Vec::new();
        for result in self.segments {
            let (ActionFacts::Segment(facts), Some(video)) =
                (&result.facts, result.outputs.get("video"))
            else {
                return Err(wrong_facts("render_segment").into());
            };
            segments.push(*video);
            segment_frames.push(facts.frames);
        }
        let audio = self.sound.outputs.get("audio").copied();
        let result = steps.run_one(Action::Mux(MuxRequest {
            canvas: timeline.canvas,
            segments,
            segment_frames,
            audio: Some(audio.ok_or_else(|| wrong_facts("mix"))?),
            title: title.to_owned(),
        }))?;
        let (ActionFacts::Mux(facts), Some(video)) = (&result.facts, result.outputs.get("video"))
        else {
            return Err(wrong_facts("mux").into());
        };
        let wanted = timeline.duration.value;
        if i64::try_from(facts.frames) != Ok(wanted) {
            return Err(LowerError::new(
                format!(
                    "the video has {} frames, but the timeline {wanted}",
                    facts.frames
                ),
                "this is a mistake of the renderer; please report it with the job's log",
            )
            .into());
        }
        Ok((*video, *facts))
    }

    fn report(&self, mux: &MuxFacts) -> Value {
        let fields = [
            ("frames", Value::Int(mux.frames as i64)),
            ("duration_ms", Value::Int(mux.duration_ms as i64)),
            ("bytes", Value::Int(mux.bytes as i64)),
            ("segments", Value::Int(self.segments.len() as i64)),
            (
                "lufs",
                Value::Float(f64::from(self.mix.integrated_clufs) / 100.0),
            ),
            (
                "true_peak",
                Value::Float(f64::from(self.mix.true_peak_cdb) / 100.0),
            ),
        ];
        Value::Record(outputs(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_files() {
        assert_eq!(file_name(" promo-1.mp4 "), Ok("promo-1"));
        for wrong in ["", "a/b", "..", ".hidden", "a:b", "what?"] {
            assert!(file_name(wrong).is_err(), "{wrong}");
        }
    }
}
