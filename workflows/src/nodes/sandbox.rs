//! What the vendor `sandbox` stands for: pictures and clips that are drawn on this machine in the place of a model's, and
//! say so in large letters, with the prompt. A workflow can be tried with them without a key and without a cent.
//!
//! Shared by the generating node types. Not a node type itself. The daemon's `sandbox` vendor answers
//! [`Invoked::Sandbox`], and the renderer draws what is asked for here.

use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, TimeRange};
use fenta_templates::timeline::{
    Anchor, Canvas, Clip, CoverSpec, Effects, Fill, FontFace, FontRequest, Generator, Look,
    MAX_SEGMENT_FRAMES, MIN_SEGMENT_FRAMES, MediaReference, Overlay, OverlayContent, Rect,
    SegmentShot, SegmentSpec, ShapeOverlay, StillFormat, TextFit, TextOverlay,
};

use super::palette;
use super::stills::{QUALITY, image_of};
use crate::action::{
    Action, ActionFacts, Container, MakeImageTask, MakeVideoTask, MuxRequest, RenderSegmentRequest,
    ResolveFontsRequest, VideoEncoding,
};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::node::{Halt, Steps, wrong_facts};

/// The letters; the first of them is what everybody must see.
const MARK: &str = "SANDBOX";
const FAMILY: &str = "Inter";
const WEIGHT: u16 = 700;
/// The bands above and below.
const BAND: Color = Color::rgb(255, 196, 0);
const LETTERS: Color = Color::rgb(255, 255, 255);
const PLATE: Color = Color::rgb(10, 12, 18);
/// Length of a clip that nobody has told another, seconds.
const SECONDS: u64 = 5;
const FRAMES_PER_SECOND: u32 = 30;

/// What is drawn.
struct Scene<'a> {
    prompt: &'a str,
    /// The model and what else was asked for.
    line: String,
    seed: u64,
    width: u32,
    height: u32,
    /// Pictures it goes by, shown small.
    pictures: Vec<Digest>,
}

/// The picture of a task, a PNG.
pub(super) fn picture(
    model: &str,
    task: &MakeImageTask,
    steps: &mut Steps<'_>,
) -> Result<Digest, Halt> {
    let long = match task.size.as_str() {
        "4K" => 4096,
        "2K" => 2048,
        _ => 1024,
    };
    let (width, height) = sides(&task.aspect, long, true)?;
    let scene = Scene {
        prompt: &task.prompt,
        line: format!("{model}   {}   {}", task.aspect, task.size),
        seed: task.seed,
        width,
        height,
        pictures: task.reference.into_iter().collect(),
    };
    let fonts = scene.fonts(steps)?;
    let spec = CoverSpec {
        segment: scene.segment(0, 1),
        frame: 0,
        fonts,
        quality: QUALITY,
        format: StillFormat::Png,
    };
    image_of(steps.run_one(Action::Snapshot(Box::new(spec)))?)
}

/// The clip of a task, an MP4 without sound.
pub(super) fn clip(
    model: &str,
    task: &MakeVideoTask,
    threads: u8,
    steps: &mut Steps<'_>,
) -> Result<Digest, Halt> {
    if task.audio {
        let error = LowerError::new(
            "clips of the sandbox have no sound",
            "leave `audio` out to try the workflow",
        );
        return Err(error.into());
    }
    let short = match task.resolution.as_str() {
        "480p" => 480,
        "1080p" => 1080,
        "4k" => 2160,
        _ => 720,
    };
    let (width, height) = sides(&task.aspect, short, false)?;
    let seconds = task.duration_ms.map_or(SECONDS, |ms| ms.div_ceil(1000));
    let scene = Scene {
        prompt: &task.prompt,
        line: format!(
            "{model}   {}   {}   {seconds} s",
            task.aspect, task.resolution
        ),
        seed: task.seed,
        width,
        height,
        pictures: task.first.into_iter().chain(task.last).collect(),
    };
    let fonts = scene.fonts(steps)?;
    let frames = i64::try_from(seconds).unwrap_or(1).max(1) * i64::from(FRAMES_PER_SECOND);
    let parts = parts(frames);
    let actions = parts.iter().map(|(from, length)| {
        Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment: scene.segment(*from, *length),
            fonts: fonts.clone(),
            encoding: encoding(threads),
        }))
    });
    let results = steps.run(actions.collect())?;
    let mut segments = Vec::new();
    let mut segment_frames = Vec::new();
    for result in results {
        let (ActionFacts::Segment(facts), Some(video)) =
            (&result.facts, result.outputs.get("video"))
        else {
            return Err(wrong_facts("render_segment").into());
        };
        segments.push(*video);
        segment_frames.push(facts.frames);
    }
    let result = steps.run_one(Action::Mux(MuxRequest {
        canvas: scene.canvas(),
        segments,
        segment_frames,
        audio: None,
        title: MARK.to_owned(),
        comment: String::new(),
        container: Container::Mp4,
    }))?;
    let video = result.outputs.get("video").copied();
    Ok(video.ok_or_else(|| wrong_facts("mux"))?)
}

fn encoding(threads: u8) -> VideoEncoding {
    VideoEncoding {
        encoder: "libx264".to_owned(),
        preset: "veryfast".to_owned(),
        crf: 20,
        max_rate_kbps: 0,
        gop: 60,
        b_frames: 2,
        threads: threads.max(1),
        alpha: false,
        draft: false,
    }
}

/// Pieces of a clip as segments may be: first frame and length.
fn parts(frames: i64) -> Vec<(i64, i64)> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < frames {
        let rest = frames - from;
        let length = if rest < MAX_SEGMENT_FRAMES + MIN_SEGMENT_FRAMES {
            rest
        } else {
            MAX_SEGMENT_FRAMES
        };
        parts.push((from, length));
        from += length;
    }
    parts
}

/// Even sides of a shape whose longer or shorter one is given.
fn sides(aspect: &str, side: u32, longer: bool) -> Result<(u32, u32), LowerError> {
    let ratio = aspect
        .split_once(':')
        .and_then(|(w, h)| Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?)))
        .filter(|(w, h)| *w > 0 && *h > 0);
    let Some((w, h)) = ratio else {
        return Err(LowerError::new(
            format!("`{aspect}` is no shape"),
            "write width to height, for example 9:16",
        ));
    };
    let base = if longer { w.max(h) } else { w.min(h) };
    let even = |part: u32| ((side * part / base).max(2)) & !1;
    Ok((even(w), even(h)))
}

impl Scene<'_> {
    const fn canvas(&self) -> Canvas {
        Canvas {
            width: self.width,
            height: self.height,
            frame_rate: FrameRate::whole(FRAMES_PER_SECOND),
            background: PLATE,
        }
    }

    /// The faces of its letters.
    fn fonts(&self, steps: &mut Steps<'_>) -> Result<Vec<FontFace>, Halt> {
        let text = format!("{MARK} {} {}", self.prompt, self.line);
        let result = steps.run_one(Action::ResolveFonts(ResolveFontsRequest {
            fonts: face().needed_for(&text),
        }))?;
        match &result.facts {
            ActionFacts::Fonts(faces) => Ok(faces.clone()),
            _ => Err(wrong_facts("resolve_fonts").into()),
        }
    }

    fn segment(&self, from: i64, frames: i64) -> SegmentSpec {
        let canvas = self.canvas();
        let rate = canvas.frame_rate;
        let generator = Generator {
            look: Look::Gradient,
            seed: self.seed,
            palette: palette::named("ocean").unwrap_or_default(),
        };
        SegmentSpec {
            canvas,
            frames: u32::try_from(frames).unwrap_or(1),
            shot: Some(SegmentShot {
                clip: Clip {
                    name: String::new(),
                    media: MediaReference::Generator(generator),
                    source_range: TimeRange::from_units(from, from + frames, rate),
                    fill: Fill::Crop,
                    motion: None,
                    effects: Effects::default(),
                },
                elapsed: u32::try_from(from).unwrap_or(0),
                transition: None,
            }),
            overlays: self.overlays(frames),
            captions: None,
        }
    }

    fn overlays(&self, frames: i64) -> Vec<Overlay> {
        let (w, h) = (self.width, self.height);
        let short = w.min(h);
        let band = (short / 24).max(2);
        let margin = short / 14;
        let inner = w - 2 * margin;
        let shape = |color| {
            OverlayContent::Shape(ShapeOverlay {
                color,
                radius: 0,
                to: None,
            })
        };
        let rect = |x: u32, y: u32, w: u32, h: u32| Rect {
            x: x as i32,
            y: y as i32,
            w,
            h,
        };
        let mut placed = vec![
            (shape(BAND), rect(0, 0, w, band), Anchor::Top),
            (shape(BAND), rect(0, h - band, w, band), Anchor::Bottom),
            (
                text(MARK, inner / 6, LETTERS, Some(PLATE), 1),
                rect(margin, h * 22 / 100, inner, h / 6),
                Anchor::Center,
            ),
            (
                text(self.prompt, short / 18, LETTERS, Some(PLATE), 6),
                rect(margin, h * 44 / 100, inner, h * 32 / 100),
                Anchor::Top,
            ),
            (
                text(&self.line, short / 30, BAND, Some(PLATE), 2),
                rect(margin, h * 84 / 100, inner, h / 14),
                Anchor::Center,
            ),
        ];
        let side = short / 5;
        for (place, picture) in (0_u32..).zip(&self.pictures) {
            let x = margin + place * (side + margin / 2);
            let rect = rect(x, band + margin / 2, side, side);
            placed.push((OverlayContent::Image(*picture), rect, Anchor::TopLeft));
        }
        let rate = self.canvas().frame_rate;
        let overlays = placed.into_iter().enumerate();
        overlays
            .map(|(place, (content, rect, anchor))| Overlay {
                id: format!("sandbox-{place}"),
                range: TimeRange::from_units(0, frames, rate),
                content,
                rect,
                anchor,
                opacity_pm: 1000,
                enter: None,
                exit: None,
                keyframes: Vec::new(),
            })
            .collect()
    }
}

fn face() -> FontRequest {
    FontRequest {
        family: FAMILY.to_owned(),
        weight: WEIGHT,
    }
}

fn text(
    text: &str,
    size: u32,
    color: Color,
    background: Option<Color>,
    lines: u8,
) -> OverlayContent {
    let size = u16::try_from(size.max(8)).unwrap_or(u16::MAX);
    OverlayContent::Text(TextOverlay {
        text: text.to_owned(),
        font: face(),
        size,
        color,
        max_lines: lines,
        fit: TextFit::Ellipsis,
        align: None,
        background,
        padding: size / 3,
        radius: size / 5,
        outline: None,
        shadow: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::facts;
    use super::*;
    use crate::action::{ActionResult, SegmentFacts};
    use crate::digest::blob_digest;
    use std::collections::BTreeMap;

    fn video(seconds: u64) -> MakeVideoTask {
        MakeVideoTask {
            prompt: "a bee".into(),
            aspect: "9:16".into(),
            duration_ms: Some(seconds * 1000),
            resolution: "720p".into(),
            audio: false,
            first: None,
            last: None,
            seed: 3,
            softening: false,
        }
    }

    fn faces() -> ActionResult {
        facts(ActionFacts::Fonts(Vec::new()))
    }

    #[test]
    fn sides_keep_the_shape_and_are_even() {
        assert_eq!(sides("9:16", 720, false), Ok((720, 1280)));
        assert_eq!(sides("16:9", 1024, true), Ok((1024, 576)));
        assert_eq!(sides("1:1", 480, false), Ok((480, 480)));
        assert_eq!(sides("4:3", 1024, true), Ok((1024, 768)));
        assert!(sides("wide", 10, true).is_err() && sides("0:1", 10, true).is_err());
    }

    #[test]
    fn a_clip_is_cut_as_segments_may_be() {
        for seconds in 1..20 {
            let parts = parts(seconds * 30);
            let mut at = 0;
            for (from, length) in parts {
                assert_eq!(from, at);
                assert!((1..MAX_SEGMENT_FRAMES + MIN_SEGMENT_FRAMES).contains(&length));
                at += length;
            }
            assert_eq!(at, seconds * 30);
        }
    }

    #[test]
    fn every_picture_says_what_it_is_and_what_was_asked_for() {
        let task = MakeImageTask {
            prompt: "a bee on a sunflower".into(),
            negative: String::new(),
            aspect: "9:16".into(),
            size: "1K".into(),
            variations: 1,
            reference: Some(blob_digest(b"r")),
            seed: 7,
        };
        let results = [faces()];
        let asked = picture("sandbox:picture", &task, &mut Steps::new(&results));
        let Err(Halt::Needs(actions)) = asked else {
            panic!("{asked:?}");
        };
        let [Action::Snapshot(cover)] = actions.as_slice() else {
            panic!("{actions:?}");
        };
        let overlays = &cover.segment.overlays;
        let texts: Vec<&str> = overlays
            .iter()
            .filter_map(|overlay| match &overlay.content {
                OverlayContent::Text(text) => Some(text.text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts[..2], ["SANDBOX", "a bee on a sunflower"]);
        assert!(texts[2].starts_with("sandbox:picture"));
        let canvas = cover.segment.canvas;
        for overlay in overlays {
            let Rect { x, y, w, h } = overlay.rect;
            assert!(x >= 0 && y >= 0 && w > 0 && h > 0, "{overlay:?}");
            assert!(x as u32 + w <= canvas.width && y as u32 + h <= canvas.height);
        }
        assert!(actions[0].blobs().contains(&blob_digest(b"r")));
    }

    #[test]
    fn a_clip_is_drawn_in_pieces_and_joined() {
        let mut results = vec![faces()];
        let asked = clip("sandbox:clip", &video(5), 2, &mut Steps::new(&results));
        let Err(Halt::Needs(pieces)) = asked else {
            panic!("{asked:?}");
        };
        assert_eq!(pieces.len(), 3);
        results.extend(pieces.iter().map(|_| ActionResult {
            outputs: BTreeMap::from([("video".to_owned(), blob_digest(b"piece"))]),
            facts: ActionFacts::Segment(SegmentFacts {
                frames: 60,
                bytes: 1,
                view: None,
            }),
        }));
        let asked = clip("sandbox:clip", &video(5), 2, &mut Steps::new(&results));
        assert!(matches!(asked, Err(Halt::Needs(asked)) if matches!(asked[0], Action::Mux(_))));
        let loud = MakeVideoTask {
            audio: true,
            ..video(5)
        };
        let refused = clip("sandbox:clip", &loud, 1, &mut Steps::new(&[]));
        assert!(matches!(refused, Err(Halt::Failed(error)) if error.message.contains("no sound")));
    }
}
