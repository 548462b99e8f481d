//! A media clip as a sequence of canvas-ready pictures: the right source frame for every output frame.
//!
//! Frames are chosen by time, the nearest, so any rate, variable rates and late starts are the same case; where the
//! source ends its last frame holds. Only frames that are shown are converted. Neighbours: `decode` supplies frames, `convert`
//! turns them into pictures, `camera` says how they are cut, `compose` asks.

use std::path::PathBuf;

use fenta_templates::color::Color;
use fenta_templates::time::RationalTime;
use fenta_templates::timeline::{
    BackdropLook, Canvas, Clip, ExternalReference, Fill, FocusKey, MediaKind,
};

use crate::backdrop;
use crate::camera::{Framing, Reach, focus_at};
use crate::compose::Blobs;
use crate::convert::{Converter, Output, Target};
use crate::cube::Cube;
use crate::cutout::Cutter;
use crate::decode::{FrameReader, TimedFrame, first_frame};
use crate::error::RenderError;
use crate::grade::Grader;
use crate::orientation::Orientation;
use crate::picture::{Picture, Plane, Yuv, copy_plane};
use crate::resample::View;
use crate::still::read_image;

/// Sources are searched only when the wanted time is further ahead than this; otherwise decoding on is cheaper.
const SEEK_AHEAD_MICROS: i64 = 1_000_000;
/// How much earlier to search when a search ended too late; the last resort is the beginning.
const SEEK_MARGINS_MICROS: [i64; 3] = [0, 2_000_000, 10_000_000];
/// Containers round times to a millisecond; a frame may be this late and still count as on time.
const TOLERANCE_MICROS: i64 = 1100;

/// The pictures of one clip.
pub struct MediaSource {
    frames: Frames,
    framing: Framing,
    fill: Fill,
    backdrop: BackdropLook,
    background: Color,
    grader: Option<Grader>,
    cutter: Option<Cutter>,
    focus: Focus,
    converter: Converter,
    texture: Picture,
    drawn: bool,
}

enum Frames {
    Still(Box<FrameReader>),
    Moving(Box<Moving>),
}

/// Where the subject is, by the clip's output frames.
struct Focus {
    keys: Vec<FocusKey>,
    start_micros: i64,
    frame_micros: f64,
}

impl Focus {
    fn at(&self, index: u32) -> (f64, f64) {
        let micros = self.start_micros as f64 + f64::from(index) * self.frame_micros;
        focus_at(&self.keys, (micros / 1000.0).max(0.0) as u32)
    }
}

/// A position in a video.
struct Moving {
    path: PathBuf,
    threads: u8,
    reader: FrameReader,
    /// Source time of the clip's first output frame.
    start_micros: i64,
    /// Length of an output frame.
    frame_micros: f64,
    shown: Option<TimedFrame>,
    next: Option<TimedFrame>,
}

impl MediaSource {
    /// Opens a clip's file at the clip's source time.
    pub fn open(
        (clip, media): (&Clip, &ExternalReference),
        canvas: &Canvas,
        blobs: Blobs,
        threads: u8,
    ) -> Result<Self, RenderError> {
        let (facts, effects) = (&media.facts, &clip.effects);
        let speed = effects
            .speed_pm
            .map_or(1.0, |speed| f64::from(speed) / 1000.0);
        let focus = Focus {
            keys: effects.focus.clone(),
            start_micros: micros(clip.source_range.start),
            frame_micros: 1e6 / canvas.frame_rate.as_f64() * speed,
        };
        let framing = framing_of(clip, canvas, (facts.width, facts.height), &focus);
        let target = Target {
            size: framing.picture,
            kept: framing.kept,
            centre: framing.centre,
            orientation: Orientation {
                rotation: facts.rotation,
                mirrored: facts.mirrored,
            },
        };
        let path = blobs.path(media.source)?;
        let reader = FrameReader::open(path, threads)?;
        let frames = if facts.kind == MediaKind::Image {
            Frames::Still(Box::new(reader))
        } else {
            let mut moving = Moving {
                path: path.to_owned(),
                threads,
                reader,
                start_micros: focus.start_micros,
                frame_micros: focus.frame_micros,
                shown: None,
                next: None,
            };
            moving.begin()?;
            Frames::Moving(Box::new(moving))
        };
        let (width, height) = framing.texture;
        let image = |source| read_image(blobs.path(source)?);
        let size = (width as usize, height as usize);
        let cutout = effects.cutout.as_ref();
        Ok(Self {
            frames,
            framing,
            fill: clip.fill,
            backdrop: effects.backdrop.unwrap_or(backdrop::USUAL),
            background: canvas.background,
            grader: grader(clip, blobs)?,
            cutter: cutout
                .map(|cutout| Cutter::new(cutout, size, image))
                .transpose()?,
            focus,
            converter: Converter::new(target, Output::Video),
            texture: Picture::filled(size.0, size.1, Yuv::BLACK),
            drawn: false,
        })
    }

    /// What the camera sees of the texture at the clip's output frame `index`, `elapsed` frames into its move.
    pub fn view(&self, index: u32, elapsed: u32) -> View {
        if self.focus.keys.is_empty() {
            return self.framing.view(elapsed);
        }
        self.framing.view_of(elapsed, self.focus.at(index))
    }

    /// The texture for the clip's output frame `index`; indices must not fall.
    pub fn texture_at(&mut self, index: u32) -> Result<&Picture, RenderError> {
        let frame = match &mut self.frames {
            Frames::Still(_) if self.drawn => return Ok(&self.texture),
            Frames::Still(reader) => first_frame(reader)?,
            Frames::Moving(moving) => {
                let changed = moving.advance(index)?;
                if self.drawn && !changed {
                    return Ok(&self.texture);
                }
                let shown = moving.shown.as_ref().ok_or_else(|| {
                    RenderError::internal(
                        "a source without frames was not noticed when it was opened",
                    )
                })?;
                let converted = self.converter.convert(&shown.frame)?;
                return self.compose(&converted);
            }
        };
        let converted = self.converter.convert(&frame)?;
        self.compose(&converted)
    }

    fn compose(&mut self, converted: &crate::ffi_frame::Frame) -> Result<&Picture, RenderError> {
        let mut picture = Picture::from_frame(converted)?;
        if converted.format().alpha {
            lay_over(converted, self.background, &mut picture)?;
        }
        if let Some(grader) = &self.grader {
            grader.apply(&mut picture);
        }
        if self.framing.picture == self.framing.texture {
            self.texture = picture;
        } else {
            match self.fill {
                Fill::Blur => backdrop::draw(&picture, self.backdrop, &mut self.texture),
                _ => self.texture.fill(Yuv::from(self.background)),
            }
            backdrop::inset(&picture, &mut self.texture);
        }
        if let Some(cutter) = &mut self.cutter {
            cutter.apply(&mut self.texture);
        }
        self.drawn = true;
        Ok(&self.texture)
    }
}

/// How a clip is framed: with a subject, so that everything its view passes over is in the texture.
fn framing_of(clip: &Clip, canvas: &Canvas, size: (u32, u32), focus: &Focus) -> Framing {
    let shape = (clip.fill, clip.motion);
    if focus.keys.is_empty() {
        return Framing::around(canvas, size, shape, Reach::MIDDLE);
    }
    let frames = u32::try_from(clip.source_range.duration.value).unwrap_or(0);
    let reach = Reach::over((0..frames.max(1)).map(|index| focus.at(index)));
    Framing::around(canvas, size, shape, reach)
}

/// The correction of a clip's colours, with its table read.
pub(crate) fn grader(clip: &Clip, blobs: Blobs) -> Result<Option<Grader>, RenderError> {
    let Some(grade) = clip.effects.grade else {
        return Ok(None);
    };
    let cube = grade
        .lut
        .map(|lut| Cube::read(blobs.path(lut)?))
        .transpose()?;
    Ok(Some(Grader::new(&grade, cube.as_ref())))
}

impl Moving {
    /// Finds the frame of the clip's first moment.
    fn begin(&mut self) -> Result<(), RenderError> {
        let first = self.reader.next_frame()?;
        let Some(first) = first else {
            return first_frame(&mut self.reader).map(drop);
        };
        self.next = Some(first);
        if self.start_micros <= SEEK_AHEAD_MICROS {
            return Ok(());
        }
        for margin in SEEK_MARGINS_MICROS {
            if !self.reader.seek((self.start_micros - margin).max(0)) {
                break;
            }
            if let Some(found) = self.reader.next_frame()?
                && found.micros <= self.start_micros + TOLERANCE_MICROS
            {
                self.next = Some(found);
                return Ok(());
            }
        }
        self.rewind()
    }

    /// From the beginning, in order: always right, only slower.
    fn rewind(&mut self) -> Result<(), RenderError> {
        self.reader = FrameReader::open(&self.path, self.threads)?;
        self.next = self.reader.next_frame()?;
        Ok(())
    }

    /// Goes on to the frame shown at an output frame; true when it is another one than before.
    fn advance(&mut self, index: u32) -> Result<bool, RenderError> {
        let target = self.start_micros + (f64::from(index) * self.frame_micros).round() as i64;
        let tolerance = TOLERANCE_MICROS.min((self.frame_micros / 4.0) as i64);
        let half = (self.frame_micros / 2.0) as i64;
        let mut changed = false;
        while let Some(next) = &self.next {
            // The nearest frame is shown, so that other rates are half a frame off at the most; but a picture that
            // stands for long does not give way more than half a frame early.
            let ahead = next.micros - target;
            let behind = self.shown.as_ref().map(|shown| target - shown.micros);
            let nearer = ahead <= half && behind.is_some_and(|behind| ahead < behind);
            let due = ahead <= tolerance || nearer;
            if !due && self.shown.is_some() {
                break;
            }
            self.shown = self.next.take();
            self.next = self.reader.next_frame()?;
            changed = true;
            if !due {
                break;
            }
        }
        Ok(changed)
    }
}

fn micros(time: RationalTime) -> i64 {
    (time.as_seconds() * 1e6).round() as i64
}

/// Lays a picture with an alpha plane over a colour.
fn lay_over(
    frame: &crate::ffi_frame::Frame,
    background: Color,
    picture: &mut Picture,
) -> Result<(), RenderError> {
    let mut alpha = Plane::filled(picture.width(), picture.height(), 255);
    copy_plane(frame, 3, &mut alpha)?;
    let Yuv(behind) = Yuv::from(background);
    for (index, plane) in picture.planes.iter_mut().enumerate() {
        let step = if index == 0 { 1 } else { 2 };
        for y in 0..plane.height {
            let alphas = alpha.row(y * step);
            for (sample, alpha) in plane.row_mut(y).iter_mut().zip(alphas.iter().step_by(step)) {
                let (a, over, under) = (
                    u16::from(*alpha),
                    u16::from(*sample),
                    u16::from(behind[index]),
                );
                let product = over * a + under * (255 - a) + 128;
                *sample = ((product + (product >> 8)) >> 8) as u8;
            }
        }
    }
    Ok(())
}
