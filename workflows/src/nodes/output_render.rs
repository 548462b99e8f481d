//! `Output.Render`: a timeline becomes a video file, segment by segment.
//!
//! One action per segment, one for the sound, one to join them: what did not change since the last time is found in
//! the action cache, and segments can be rendered side by side.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::Timeline;

use crate::action::{
    Action, ActionFacts, ActionResult, AudioEncoding, MixFacts, MixRequest, MuxFacts, MuxRequest,
    RenderSegmentRequest, VideoEncoding, WriteRequest,
};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::{JobFacts, LowerError};
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::suggest::nearest;
use crate::value::{FileValue, PortType, Value};

/// Profiles that every timeline has.
const BUILT_IN: [&str; 2] = ["universal", "draft"];

/// Size of a draft.
const DRAFT_SIZE: (u32, u32) = (540, 960);

/// The node type.
pub(super) struct OutputRender;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Output.Render",
    version: 1,
    summary: "The video file of a timeline.",
    params: vec![
        ParamSpec::required(
            "timeline",
            ParamType::Port(PortType::Timeline),
            "What to render.",
        ),
        ParamSpec::with_default(
            "profile",
            ParamType::Text { max_chars: 64 },
            Value::Text("universal".into()),
            "`universal` plays everywhere; `draft` is half the size and quick, to look at a cut; templates add their own.",
        ),
        ParamSpec::with_default(
            "title",
            ParamType::Text { max_chars: 300 },
            Value::Text(String::new()),
            "Title in the file's metadata.",
        ),
    ],
    ports: vec![
        PortSpec::new("video", PortType::File, "The MP4 file."),
        PortSpec::new("srt", PortType::File, "The captions as a subtitle file."),
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
        let Some(name) = written.text("profile") else {
            return;
        };
        let near = nearest(name, BUILT_IN).filter(|near| *near != name);
        if let Some(near) = near.filter(|_| !BUILT_IN.contains(&name)) {
            let span = written.span("profile");
            found.push(
                Diagnostic::warning(
                    codes::BAD_VALUE,
                    span,
                    format!("no profile `{name}` is built in; only a template can have one"),
                )
                .suggest(Some(near), span),
            );
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
        let profile = Target::named(params.text("profile")?, timeline)?;
        let draft = profile.draft;
        let scaled;
        let timeline: &Timeline = match profile.size {
            Some((width, height)) => {
                scaled = timeline.scaled(width, height);
                &scaled
            }
            None => timeline,
        };
        let encoding = profile.encoding(context.job.encoder_threads.max(1));
        let parts = Parts::render(timeline, &encoding, draft, steps)?;
        let (video, mux) = parts.mux(timeline, params.text("title")?, steps)?;
        let srt = write_srt(timeline, steps)?;
        Ok(outputs([
            ("video", Value::File(video)),
            ("srt", Value::File(srt)),
            ("report", parts.report(&mux)),
        ]))
    }
}

/// What a profile's name means for a timeline.
struct Target {
    /// Another size than the timeline's.
    size: Option<(u32, u32)>,
    /// Quick rather than good: no B-frames, no cap on the rate, less sound.
    draft: bool,
    preset: String,
    crf: u8,
}

impl Target {
    fn named(name: &str, timeline: &Timeline) -> Result<Self, LowerError> {
        if let Some(own) = timeline.profiles.get(name) {
            return Ok(Self {
                size: Some((own.width, own.height)),
                draft: name == "draft",
                preset: own.preset.clone(),
                crf: own.crf,
            });
        }
        match name {
            "universal" => Ok(Self {
                size: None,
                draft: false,
                preset: "veryfast".to_owned(),
                crf: 19,
            }),
            "draft" => Ok(Self {
                size: Some(DRAFT_SIZE),
                draft: true,
                preset: "ultrafast".to_owned(),
                crf: 30,
            }),
            other => {
                let own = timeline.profiles.keys().map(String::as_str);
                let known: Vec<&str> = BUILT_IN.into_iter().chain(own).collect();
                let hint = match nearest(other, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", known.join(", ")),
                };
                Err(LowerError::new(
                    format!(
                        "there is no profile `{other}`, neither built in nor in the template `{}`",
                        timeline.template.name
                    ),
                    hint,
                ))
            }
        }
    }

    fn encoding(&self, threads: u8) -> VideoEncoding {
        VideoEncoding {
            encoder: "libx264".to_owned(),
            preset: self.preset.clone(),
            crf: self.crf,
            max_rate_kbps: if self.draft { 0 } else { 12_000 },
            gop: 60,
            b_frames: if self.draft { 0 } else { 2 },
            threads,
        }
    }
}

const fn audio_bitrate(draft: bool) -> u32 {
    if draft { 96 } else { 192 }
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
        draft: bool,
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
                bitrate_kbps: audio_bitrate(draft),
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
    ) -> Result<(FileValue, MuxFacts), Halt> {
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
        let file = FileValue {
            digest: *video,
            name: "video.mp4".to_owned(),
        };
        Ok((file, *facts))
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

fn write_srt(timeline: &Timeline, steps: &mut Steps<'_>) -> Result<FileValue, Halt> {
    let name = "captions.srt".to_owned();
    let result = steps.run_one(Action::Write(WriteRequest {
        name: name.clone(),
        text: timeline.srt(),
    }))?;
    let digest = result
        .outputs
        .get("file")
        .ok_or_else(|| wrong_facts("write"))?;
    Ok(FileValue {
        digest: *digest,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    // spec: T-47
    #[test]
    fn a_template_adds_profiles_to_the_built_in_ones() {
        let mut cut = timeline();
        let own = fenta_templates::timeline::Profile {
            width: 720,
            height: 1280,
            crf: 24,
            preset: "fast".into(),
        };
        cut.profiles.insert("story".into(), own);
        let found = Target::named("story", &cut).unwrap();
        assert_eq!(found.size, Some((720, 1280)));
        assert_eq!((found.encoding(1).crf, found.draft), (24, false));
        assert_eq!(Target::named("universal", &cut).unwrap().size, None);
        assert_eq!(Target::named("draft", &cut).unwrap().size, Some(DRAFT_SIZE));
        let error = Target::named("stroy", &cut).err().unwrap();
        assert_eq!(error.hint, "did you mean `story`?");
    }

    #[test]
    fn a_slip_in_a_built_in_name_is_warned_about() {
        let text = DESCRIPTOR
            .example
            .replace("profile: draft", "profile: drat");
        let source = SourceFile {
            name: "w.yaml".into(),
            text,
        };
        let (_, warnings) = compile(&source).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0].patches[0].replacement, "draft");
    }
}
