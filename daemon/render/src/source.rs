//! A media clip as a sequence of canvas-ready pictures: the right source frame for every output frame.
//!
//! Frames are chosen by time, so any rate, variable rates and late starts are the same case; where the source ends
//! its last frame holds. Only frames that are shown are converted. Neighbours: `decode` supplies frames, `convert`
//! turns them into pictures, `camera` says how they are cut, `compose` asks.

use std::path::{Path, PathBuf};

use fenta_templates::color::Color;
use fenta_templates::time::RationalTime;
use fenta_templates::timeline::{Canvas, Clip, ExternalReference, Fill, MediaKind};

use crate::backdrop;
use crate::camera::Framing;
use crate::convert::{Converter, Output, Target};
use crate::decode::{FrameReader, TimedFrame, first_frame};
use crate::error::RenderError;
use crate::orientation::Orientation;
use crate::picture::{Picture, Plane, Yuv, copy_plane};

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
    background: Color,
    converter: Converter,
    texture: Picture,
    drawn: bool,
}

enum Frames {
    Still(Box<FrameReader>),
    Moving(Box<Moving>),
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
        path: &Path,
        (clip, media): (&Clip, &ExternalReference),
        canvas: &Canvas,
        threads: u8,
    ) -> Result<Self, RenderError> {
        let facts = &media.facts;
        let orientation = Orientation {
            rotation: facts.rotation,
            mirrored: facts.mirrored,
        };
        let framing = Framing::new(canvas, (facts.width, facts.height), clip.fill, clip.motion);
        let target = Target {
            size: framing.picture,
            kept: framing.kept,
            orientation,
        };
        let reader = FrameReader::open(path, threads)?;
        let frames = if facts.kind == MediaKind::Image {
            Frames::Still(Box::new(reader))
        } else {
            let rate = canvas.frame_rate;
            let mut moving = Moving {
                path: path.to_owned(),
                threads,
                reader,
                start_micros: micros(clip.source_range.start),
                frame_micros: 1e6 / rate.as_f64(),
                shown: None,
                next: None,
            };
            moving.begin()?;
            Frames::Moving(Box::new(moving))
        };
        let (width, height) = framing.texture;
        Ok(Self {
            frames,
            framing,
            fill: clip.fill,
            background: canvas.background,
            converter: Converter::new(target, Output::Video),
            texture: Picture::filled(width as usize, height as usize, Yuv::BLACK),
            drawn: false,
        })
    }

    /// How the clip is framed.
    pub fn framing(&self) -> &Framing {
        &self.framing
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
        if self.framing.picture == self.framing.texture {
            self.texture = picture;
        } else {
            match self.fill {
                Fill::Blur => backdrop::draw(&picture, &mut self.texture),
                _ => self.texture.fill(Yuv::from(self.background)),
            }
            backdrop::inset(&picture, &mut self.texture);
        }
        self.drawn = true;
        Ok(&self.texture)
    }
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
        let mut changed = false;
        while let Some(next) = &self.next {
            let due = next.micros <= target + tolerance;
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
