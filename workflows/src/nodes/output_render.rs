//! `Output.Render`: a timeline becomes a video file, segment by segment.
//!
//! One action per segment, one for the sound, one to join them: what did not change since the last time is found in
//! the action cache, and segments can be rendered side by side.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{Origin, Timeline};
use rust_decimal::Decimal;

use super::credits;
use super::render_captions::{covered, faint};
use super::render_faults as faults;
use super::render_focus::in_shape_of;
use super::render_format::{FileKind, Format, ending_of, format_params};
use super::render_profile::{Target, check_profile, custom_fields};
use super::render_sidecars::{Sidecars, boxes};
use super::render_verify::{
    Note, OddSpan, OddSpans, Platform, notes as notes_of, odd_spans, wrong_file,
};
use super::render_view::Shown;
use super::{render_watermark as watermark, stills};

use crate::action::{
    Action, ActionFacts, ActionResult, AudioEncoding, Container, MixFacts, MixRequest, MuxFacts,
    MuxRequest, RenderSegmentRequest, SegmentFacts, VerifyRequest, VideoEncoding,
};
use crate::cost::{KnownParams, Meter, Quantity, Spread, render_millis};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::execution::{JobFacts, LowerError};
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs, wrong_facts,
};
use crate::value::{FileValue, PortType, Value};
use crate::view::{Still, View};

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
            "The file; Output.Download finds its srt, vtt, ass, words, json and credits beside it.",
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
            "Measured facts: frames, duration_ms, bytes, segments, lufs, true_peak, black, frozen; and \
             sources: where what is seen and heard came from.",
        ),
        PortSpec::new(
            "notes",
            PortType::Text.list(),
            "What is odd about the file, one sentence each with its time.",
        ),
        PortSpec::new(
            "pictures",
            PortType::File.list(),
            "The frames that the first notes are about, as PNG.",
        )
        .ending("png"),
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
    let mut params = render_params();
    params.splice(2..2, format_params());
    params.extend(watermark::params());
    params
}

fn render_params() -> Vec<ParamSpec> {
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
            "`universal` plays everywhere; `tiktok`, `reels` and `shorts` are what these platforms ask for; `square`, `portrait45` \
             and `landscape` lay the cut out for another shape; `draft` is small and quick, to look at a cut; templates \
             add their own; or write the numbers yourself.",
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
            ParamType::Either(vec![ParamType::Bool, ParamType::OneOf(&["strict"])]),
            Value::Bool(true),
            "Whether the file is read back and held against the timeline and the platform's limits; black and frozen spans, \
             silences, a loudness far from the target, captions that are hard to read or that the platform covers are told, \
             and with `strict` fail the node, which leaves the frames they are about in the folder for results.",
        ),
    ]
}

impl NodeType for OutputRender {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if let Some(format @ ("gif" | "png" | "wav" | "mp3")) = given.word("format", "mp4") {
            let why = format!("a {format} file keeps no title");
            given.useless(&["title"], Some("format"), &why, found);
        }
        watermark::useless(given, found);
    }

    fn ending(&self, port: &PortSpec, given: &Given<'_>) -> Option<&'static str> {
        match port.name {
            "video" => ending_of(given.word("format", "mp4")?),
            _ => port.ending,
        }
    }

    fn job_params(&self, job: &JobFacts) -> Vec<(&'static str, Value)> {
        let threads = Value::Int(i64::from(job.encoder_threads.max(1)));
        let mut params = vec![("encoder_threads", threads)];
        params.extend((!job.view.is_whole()).then(|| ("view", Value::Text(job.view.to_string()))));
        params
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        check_profile(written, found);
        check_format(written, found);
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
        let name = named(params)?;
        let kind = FileKind::of(params)?;
        let profile = params.get("profile").unwrap_or(&Value::Null);
        let view = &context.job.view;
        let platform = platform_of(profile, timeline, view)?;
        let mut profile = Target::of(profile, timeline)?.fitted(kind, timeline);
        if view.draft {
            profile = profile.drafted();
        }
        let encoding = kind
            .container()
            .map(|_| profile.encoding(context.job.encoder_threads.max(1), kind));
        let mut sized = in_shape_of(timeline, profile.resized(timeline)?, steps)?;
        let zone = platform.as_ref().map(|one| one.name);
        watermark::add(&mut sized, zone, params, steps)?;
        let timeline: &Timeline = &sized;
        if let Some(still) = &view.still {
            return look(timeline, still, steps);
        }
        let shown = Shown::of(timeline, view.part)?;
        let sound = kind.audio_encoder().map(|encoder| AudioEncoding {
            encoder: encoder.to_owned(),
            bitrate_kbps: profile.audio_kbps,
        });
        let parts = Parts::render(timeline, &shown, (encoding.as_ref(), sound), steps)?;
        let (video, mux) = parts.file((timeline, shown), kind, params.text("title")?, steps)?;
        let facts = parts.facts()?;
        let odd = odd_spans(timeline, shown.from, &facts);
        let part = shown.captioned(timeline);
        let boxes = boxes(&part, steps)?;
        let checks = Checks {
            timeline,
            shown,
            kind,
            platform,
        };
        let (mut notes, mut pictures) = (Vec::new(), Vec::new());
        if params.get("verify") != Some(&Value::Bool(false)) {
            checks.file(video, mux.as_ref(), steps)?;
            notes = notes_of(timeline, &odd, parts.sound.map(|(_, mix)| mix));
            notes.extend(faint(timeline, shown.from, &facts));
            notes.extend(
                platform
                    .iter()
                    .flat_map(|one| covered(&part, shown.from, one.name, boxes)),
            );
            pictures = faults::pictures(timeline, &notes, steps)?;
            if params.get("verify") == Some(&Value::Text("strict".into())) && !notes.is_empty() {
                let folder = (context.job.out_dir.as_str(), name);
                return Err(faults::failure(&notes, &pictures, folder, steps)?);
            }
        }
        let report = parts.report((mux.as_ref(), shown.ms(timeline)), &odd, &timeline.origins);
        let file = format!("{name}{}.{}", view.suffix(), kind.ending);
        let sidecars = Sidecars::write(&part, (boxes, &file), &report, steps)?;
        let video = FileValue {
            digest: video,
            name: file,
            sidecars: sidecars.beside(),
            names_somebody: credits::names_somebody(&timeline.origins),
        };
        let mut found = outputs([("video", Value::File(video)), ("report", report)]);
        let shortened = Shown::shortened(timeline, view.part);
        found.insert("notes".to_owned(), told(shortened, notes));
        found.insert("pictures".to_owned(), files(pictures));
        found.extend(sidecars.ports(&view.suffix()));
        Ok(found)
    }
}

/// What is told of a film: that it is a part of one, and what was noticed in it.
fn told(shortened: Option<String>, notes: Vec<Note>) -> Value {
    let notes = notes.into_iter().map(|note| note.text);
    Value::List(
        shortened
            .into_iter()
            .chain(notes)
            .map(Value::Text)
            .collect(),
    )
}

fn files(files: Vec<FileValue>) -> Value {
    Value::List(files.into_iter().map(Value::File).collect())
}

fn named<'a>(params: Params<'a>) -> Result<&'a str, LowerError> {
    file_name(params.text("name")?)
        .map_err(|reason| LowerError::new(reason, "write the name of a file"))
}

/// The platform a profile is named after, which must take films of this length.
fn platform_of(
    profile: &Value,
    timeline: &Timeline,
    view: &View,
) -> Result<Option<Platform>, LowerError> {
    let platform = match profile {
        Value::Text(name) => Platform::of(name),
        _ => None,
    };
    let length = timeline.duration.to_millis();
    match platform.and_then(|platform| platform.refuses_length(length)) {
        Some(message) if !view.is_partial() => {
            let hint = "change the text or the template, or choose another profile";
            Err(LowerError::new(message, hint))
        }
        _ => Ok(platform),
    }
}

/// A picture in the place of the film: it is put where it was asked for, and every port is empty.
fn look(
    timeline: &Timeline,
    still: &Still,
    steps: &mut Steps<'_>,
) -> Result<BTreeMap<String, Value>, Halt> {
    stills::view(timeline, still, steps)?;
    let ports = DESCRIPTOR.ports.iter();
    Ok(ports
        .map(|port| (port.name.to_owned(), Value::Null))
        .collect())
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

/// Refuses formats, codecs and transparency that do not go together, where they are written.
fn check_format(written: &Written<'_>, found: &mut Diagnostics) {
    let word = |name: &str, usual: &'static str| match written.literal(name) {
        None if written.given().has(name) => None,
        None => Some(usual.to_owned()),
        Some(Value::Text(word)) => Some(word),
        Some(_) => None,
    };
    let (Some(format), Some(codec)) = (word("format", "mp4"), word("codec", "auto")) else {
        return;
    };
    let alpha = written.literal("alpha") == Some(Value::Bool(true));
    if let Err((message, hint)) = FileKind::named(&format, &codec, alpha) {
        let place = ["codec", "alpha", "format"]
            .into_iter()
            .find(|name| written.given().has(name));
        let span = written.span(place.unwrap_or("format"));
        found.push(Diagnostic::error(codes::BAD_VALUE, span, message).hint(hint));
    }
}

/// What a finished file is held against.
struct Checks<'a> {
    timeline: &'a Timeline,
    shown: Shown,
    kind: FileKind,
    platform: Option<Platform>,
}

impl Checks<'_> {
    /// Fails where the file cannot be used.
    fn file(
        &self,
        file: Digest,
        mux: Option<&MuxFacts>,
        steps: &mut Steps<'_>,
    ) -> Result<(), Halt> {
        if let (Some(platform), Some(mux)) = (self.platform, mux)
            && let Some(message) = platform.refuses_size(mux.bytes)
        {
            let hint = "choose a smaller profile, a higher `crf` or `codec: h265`";
            return Err(LowerError::new(message, hint).into());
        }
        let moving = [Container::Mp4, Container::Mov, Container::Webm];
        if !self
            .kind
            .container()
            .is_some_and(|kind| moving.contains(&kind))
        {
            return Ok(());
        }
        let result = steps.run_one(Action::Verify(VerifyRequest { file }))?;
        let ActionFacts::Verify(seen) = &result.facts else {
            return Err(wrong_facts("verify").into());
        };
        let has_sound = self.kind.audio_encoder().is_some();
        match wrong_file(self.timeline, self.shown.frames(), seen, has_sound) {
            None => Ok(()),
            Some(message) => {
                let hint = "this is a mistake of the renderer; please report it with the job's log";
                Err(LowerError::new(message, hint).into())
            }
        }
    }
}

/// The encoded pieces before they are joined.
struct Parts<'a> {
    segments: &'a [ActionResult],
    sound: Option<(&'a ActionResult, &'a MixFacts)>,
}

impl<'a> Parts<'a> {
    /// Segments and sound are asked for together: nothing in one waits for the other.
    fn render(
        timeline: &Timeline,
        shown: &Shown,
        (encoding, sound): (Option<&VideoEncoding>, Option<AudioEncoding>),
        steps: &mut Steps<'a>,
    ) -> Result<Self, Halt> {
        if timeline.duration.value <= 0 {
            return Err(LowerError::new(
                "the timeline is empty",
                "give Edit.Timeline clips and a narration",
            )
            .into());
        }
        let mut actions: Vec<Action> = Vec::new();
        if let Some(encoding) = encoding {
            let segments = timeline.segments_between(shown.from, shown.to).into_iter();
            actions.extend(segments.map(|segment| {
                Action::RenderSegment(Box::new(RenderSegmentRequest {
                    fonts: timeline.fonts_for(&segment),
                    segment,
                    encoding: encoding.clone(),
                }))
            }));
        }
        let pictures = actions.len();
        actions.extend(sound.map(|encoding| {
            Action::Mix(MixRequest {
                plan: timeline.audio.clone(),
                encoding,
                part: shown.samples(timeline),
            })
        }));
        let results = steps.run(actions)?;
        let (segments, sound) = results.split_at(pictures);
        let sound = match sound.first() {
            None => None,
            Some(sound) => match &sound.facts {
                ActionFacts::Mix(mix) => Some((sound, mix)),
                _ => return Err(wrong_facts("mix").into()),
            },
        };
        Ok(Self { segments, sound })
    }

    /// What is known of the segments, in order.
    fn facts(&self) -> Result<Vec<&'a SegmentFacts>, Halt> {
        self.segments
            .iter()
            .map(|result| match &result.facts {
                ActionFacts::Segment(facts) => Ok(facts),
                _ => Err(wrong_facts("render_segment").into()),
            })
            .collect()
    }

    /// The finished file and what is known of it.
    fn file(
        &self,
        (timeline, shown): (&Timeline, Shown),
        kind: FileKind,
        title: &str,
        steps: &mut Steps<'a>,
    ) -> Result<(Digest, Option<MuxFacts>), Halt> {
        let sound = match self.sound {
            None => None,
            Some((sound, _)) => {
                let digest = sound.outputs.get("audio").copied();
                Some(digest.ok_or_else(|| wrong_facts("mix"))?)
            }
        };
        let container = match (kind.format, sound) {
            (Format::Wav | Format::Mp3, Some(sound)) => return Ok((sound, None)),
            (Format::Video(container), _) => container,
            _ => Container::M4a,
        };
        let (file, facts) = self.mux((timeline, shown), (container, sound), title, steps)?;
        Ok((file, Some(facts)))
    }

    fn mux(
        &self,
        (timeline, shown): (&Timeline, Shown),
        (container, audio): (Container, Option<Digest>),
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
        let pictures = !segments.is_empty();
        let result = steps.run_one(Action::Mux(MuxRequest {
            canvas: timeline.canvas,
            segments,
            segment_frames,
            audio,
            title: title.to_owned(),
            comment: credits::comment(&timeline.origins),
            container,
        }))?;
        let (ActionFacts::Mux(facts), Some(video)) = (&result.facts, result.outputs.get("video"))
        else {
            return Err(wrong_facts("mux").into());
        };
        let wanted = shown.frames();
        if pictures && i64::try_from(facts.frames) != Ok(wanted) {
            return Err(LowerError::new(
                format!("the video has {} frames instead of {wanted}", facts.frames),
                "this is a mistake of the renderer; please report it with the job's log",
            )
            .into());
        }
        Ok((*video, *facts))
    }

    fn report(
        &self,
        (mux, ms): (Option<&MuxFacts>, i64),
        odd: &OddSpans,
        origins: &[Origin],
    ) -> Value {
        let mut fields = BTreeMap::new();
        let mut add = |name: &str, value| fields.insert(name.to_owned(), value);
        let frames = mux.map_or(0, |mux| mux.frames);
        add("frames", Value::Int(frames as i64));
        add("duration_ms", Value::Int(ms));
        if let Some(mux) = mux {
            add("bytes", Value::Int(mux.bytes as i64));
        }
        add("segments", Value::Int(self.segments.len() as i64));
        let spans = |spans: &[OddSpan]| {
            let span = |span: &OddSpan| {
                Value::Record(outputs([
                    ("from_ms", Value::Int(span.ms.0)),
                    ("to_ms", Value::Int(span.ms.1)),
                ]))
            };
            Value::List(spans.iter().map(span).collect())
        };
        add("black", spans(&odd.black));
        add("frozen", spans(&odd.frozen));
        if let Some((_, mix)) = self.sound {
            let hundredths = |number: i32| Value::Float(f64::from(number) / 100.0);
            add("lufs", hundredths(mix.integrated_clufs));
            add("true_peak", hundredths(mix.true_peak_cdb));
        }
        add("sources", credits::report(origins));
        Value::Record(fields)
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
