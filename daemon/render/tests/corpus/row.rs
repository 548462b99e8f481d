//! Everything measured about one file, as a line of the table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fenta_render::decode::{Care, FrameReader};
use fenta_render::picture::Picture;
use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, TimeRange};
use fenta_templates::timeline::{
    Canvas, Clip, Effects, ExternalReference, Fill, MediaFacts, MediaKind, MediaReference,
    SegmentShot, SegmentSpec,
};
use fenta_workflows::action::{
    Action, ActionFacts, ProbeRequest, RenderSegmentRequest, VideoEncoding,
};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure, WorkerJob};

use crate::worker::{Outcome, work};

/// Longer side of the canvas a file is tried on.
const SIDE: f64 = 256.0;
/// Frames rendered of every file: one second.
const FRAMES: i64 = 30;
/// Frames counted at most: some files hold minutes of 4K.
const MOST_FRAMES: u32 = 400;

/// A line of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    /// Path below the corpus.
    pub(crate) file: String,
    /// `render`, `warn`, or `refuse` and the class.
    pub(crate) verdict: String,
    /// Displayed size, `-` without a picture.
    pub(crate) size: String,
    /// Clockwise turn, and `m` when mirrored before.
    pub(crate) turn: String,
    /// Decoded frames; a `+` stands where counting stopped.
    pub(crate) frames: String,
    /// Length in seconds.
    pub(crate) seconds: String,
    /// Frames a second.
    pub(crate) rate: String,
    /// Codec, channels and rate of the sound.
    pub(crate) sound: String,
    /// Luma of the corners of the first shown frame: top left, top right, bottom left, bottom right.
    pub(crate) corners: String,
    /// Warnings or the reason for a refusal.
    pub(crate) said: String,
}

/// A row and what it cost: seconds of processor time and MiB of memory, of the dearer of the two jobs.
pub(crate) struct Measured {
    /// The row.
    pub(crate) row: Row,
    /// Processor seconds.
    pub(crate) seconds: f64,
    /// MiB.
    pub(crate) memory: u64,
}

/// Measures one file.
pub(crate) fn measure(corpus: &Path, file: &str) -> Measured {
    let path = corpus.join(file);
    // The rendered seconds stay in the target folder: a level in a table is no substitute for looking.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("corpus")
        .join(file);
    fs::create_dir_all(&folder).unwrap();
    let source = blob_digest(&fs::read(&path).unwrap());
    let job = |action| WorkerJob {
        action,
        blobs: BTreeMap::from([(source, path.to_str().unwrap().to_owned())]),
        output_dir: folder.to_str().unwrap().to_owned(),
        then: Vec::new(),
        parent: Some(std::process::id()),
    };
    let probed = work(
        file,
        &job(Action::Probe(ProbeRequest {
            source,
            name: String::new(),
        })),
    );
    let (mut seconds, mut memory) = (probed.seconds, probed.memory);
    let row = match probed.told {
        Err(failure) => refused(file, failure),
        Ok(ActionFacts::Media(facts)) if facts.kind == MediaKind::Audio => described(file, &facts),
        Ok(ActionFacts::Media(facts)) => {
            let mut row = described(file, &facts);
            let length = facts.duration.map(|time| time.as_seconds());
            let rendered = work(file, &job(segment(source, facts)));
            seconds = seconds.max(rendered.seconds);
            memory = memory.max(rendered.memory);
            row.corners = corners(file, rendered, &folder.join("segment.bin"));
            row.frames = frames(&path, length);
            row
        }
        Ok(other) => panic!("{file}: {other:?}"),
    };
    Measured {
        row,
        seconds,
        memory,
    }
}

fn refused(file: &str, failure: WorkerFailure) -> Row {
    let class = match failure.class {
        FailureClass::Input => "input",
        FailureClass::Unsupported => "unsupported",
        FailureClass::Limit => "limit",
        other => panic!("{file}: {other:?} is no verdict: {}", failure.message),
    };
    Row {
        file: file.to_owned(),
        verdict: format!("refuse {class}"),
        said: failure.message,
        ..Row::default()
    }
}

fn described(file: &str, facts: &MediaFacts) -> Row {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let picture = (facts.kind != MediaKind::Audio).then_some(facts);
    Row {
        file: file.to_owned(),
        verdict: if facts.warnings.is_empty() {
            "render"
        } else {
            "warn"
        }
        .to_owned(),
        size: or_none(picture.map(|facts| format!("{}x{}", facts.width, facts.height))),
        turn: or_none(picture.map(|facts| {
            let mirrored = if facts.mirrored { "m" } else { "" };
            format!("{}{mirrored}", facts.rotation)
        })),
        frames: "-".to_owned(),
        seconds: or_none(
            facts
                .duration
                .map(|time| format!("{:.3}", time.as_seconds())),
        ),
        rate: or_none(facts.frame_rate.map(|rate| format!("{:.2}", rate.as_f64()))),
        sound: or_none(
            facts
                .audio_codec
                .as_ref()
                .map(|codec| format!("{codec} {}ch {}", facts.audio_channels, facts.audio_rate)),
        ),
        corners: "-".to_owned(),
        said: said(facts),
    }
}

/// The warnings, and where the sound begins when that is not with the picture.
fn said(facts: &MediaFacts) -> String {
    let offset = facts
        .audio_start
        .map(|start| format!("sound at {:+.3} s", start.as_seconds()));
    let warnings = facts.warnings.iter().map(ToString::to_string);
    offset
        .into_iter()
        .chain(warnings)
        .collect::<Vec<_>>()
        .join("; ")
}

/// The first second of a file, filling a small canvas of its own shape.
fn segment(source: fenta_templates::digest::Digest, facts: MediaFacts) -> Action {
    let scale = SIDE / f64::from(facts.width.max(facts.height));
    let even = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32 * 2).max(16);
    let canvas = Canvas {
        width: even(facts.width),
        height: even(facts.height),
        frame_rate: FrameRate::whole(30),
        background: Color::rgb(0, 255, 0),
    };
    let clip = Clip {
        name: String::new(),
        media: MediaReference::External(ExternalReference { source, facts }),
        source_range: TimeRange::from_units(0, FRAMES, canvas.frame_rate),
        fill: Fill::Crop,
        motion: None,
        effects: Effects::default(),
    };
    Action::RenderSegment(Box::new(RenderSegmentRequest {
        segment: SegmentSpec {
            canvas,
            frames: FRAMES as u32,
            shot: Some(SegmentShot {
                clip,
                elapsed: 0,
                transition: None,
            }),
            overlays: Vec::new(),
            captions: None,
        },
        fonts: Vec::new(),
        encoding: VideoEncoding {
            encoder: "libx264".to_owned(),
            preset: "ultrafast".to_owned(),
            crf: 16,
            max_rate_kbps: 12_000,
            gop: 30,
            b_frames: 0,
            threads: 1,
            alpha: false,
            draft: false,
        },
    }))
}

/// The levels in the corners of a rendered segment's first frame; a file that was measured must also render.
fn corners(file: &str, rendered: Outcome, path: &Path) -> String {
    match rendered.told {
        Ok(ActionFacts::Segment(facts)) => assert_eq!(i64::from(facts.frames), FRAMES, "{file}"),
        other => panic!("{file}: was measured, but does not render: {other:?}"),
    }
    let mut reader = FrameReader::open(path, Care::Whole).unwrap();
    let first = reader.next_frame().unwrap().unwrap();
    let luma = &Picture::from_frame(&first.frame).unwrap().planes[0];
    let (w, h) = (luma.width.div_ceil(6), luma.height.div_ceil(6));
    let level = |left: usize, top: usize| {
        let rows = (top..top + h).flat_map(|y| &luma.row(y)[left..left + w]);
        let sum: usize = rows.map(|sample| usize::from(*sample)).sum();
        (sum + w * h / 2) / (w * h)
    };
    let (right, bottom) = (luma.width - w, luma.height - h);
    format!(
        "{} {} {} {}",
        level(0, 0),
        level(right, 0),
        level(0, bottom),
        level(right, bottom)
    )
}

/// How many frames come out when all of it is decoded; the last one must stand where the measured length ends.
fn frames(path: &Path, length: Option<f64>) -> String {
    let mut reader = FrameReader::open(path, Care::Whole).unwrap();
    let (mut count, mut last) = (0, 0.0);
    while let Some(timed) = reader.next_frame().unwrap() {
        count += 1;
        last = timed.micros as f64 / 1e6;
        if count == MOST_FRAMES {
            return format!("{count}+");
        }
    }
    if let Some(length) = length.filter(|_| count > 1) {
        let end = last * f64::from(count) / f64::from(count - 1);
        let off = (end - length).abs();
        assert!(
            off < 0.1 + length / 10.0,
            "{}: {end} {length}",
            path.display()
        );
    }
    count.to_string()
}
