//! A media clip as a sequence of canvas-ready pictures: the right source frame for every output frame.
//!
//! Frames are chosen by time, the nearest, so any rate, variable rates and late starts are the same case; where the
//! source ends its last frame holds. Only frames that are shown are converted. Neighbours: `playback` supplies frames, `convert`
//! turns them into pictures, `camera` says how they are cut, `pool` keeps sources between segments, `compose` asks.

use fenta_templates::color::Color;
use fenta_templates::digest::Digest;
use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{
    BackdropLook, Canvas, Clip, ExternalReference, Fill, FocusKey, MediaKind,
};

use crate::backdrop;
use crate::camera::{Framing, Reach, focus_at};
use crate::compose::Blobs;
use crate::convert::{Converter, Output, Target};
use crate::cube::Cube;
use crate::cutout::Cutter;
use crate::decode::{Care, FrameReader, first_frame};
use crate::error::RenderError;
use crate::grade::Grader;
use crate::orientation::Orientation;
use crate::picture::{Picture, Plane, Yuv, copy_plane};
use crate::playback::{Moments, Playback};
use crate::pool::{Pool, StillKey};
use crate::resample::View;
use crate::still::read_image;

/// The pictures of one clip.
pub struct MediaSource {
    source: Digest,
    frames: Frames,
    /// Of a still that looks the same at any time.
    still: Option<StillKey>,
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
    /// Closed as soon as it is drawn.
    Still(Option<Box<FrameReader>>),
    Moving(Box<Playback>),
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

impl MediaSource {
    /// A clip's file at the clip's source time: from the pool, or opened.
    pub fn open(
        (clip, media): (&Clip, &ExternalReference),
        canvas: &Canvas,
        blobs: Blobs,
        care: Care,
        pool: &mut Pool,
    ) -> Result<Box<Self>, RenderError> {
        let still = still_key(clip, media.facts.kind, canvas);
        if let Some(known) = still.as_ref().and_then(|key| pool.take_still(key)) {
            return Ok(known);
        }
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
        let frames = if facts.kind == MediaKind::Image {
            Frames::Still(Some(Box::new(FrameReader::open(path, care)?)))
        } else {
            let moments = Moments {
                start_micros: focus.start_micros,
                frame_micros: focus.frame_micros,
            };
            Frames::Moving(Box::new(
                match pool.take_film(media.source, care, moments) {
                    Some(position) => Playback::resume(path, care, moments, position),
                    None => Playback::open(path, care, moments)?,
                },
            ))
        };
        let (width, height) = framing.texture;
        let image = |source| read_image(blobs.path(source)?);
        let size = (width as usize, height as usize);
        let cutout = effects.cutout.as_ref();
        Ok(Box::new(Self {
            source: media.source,
            frames,
            still,
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
        }))
    }

    /// Hands on what the next segment may go on with.
    pub fn retire(mut self: Box<Self>, pool: &mut Pool) {
        if let Some(key) = self.still.take() {
            if self.drawn {
                self.still = Some(key.clone());
                pool.park_still(key, self);
            }
        } else if let Frames::Moving(film) = self.frames {
            pool.park_film(self.source, film.into_position());
        }
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
        let converted = match &mut self.frames {
            Frames::Still(reader) => match reader.take() {
                Some(mut reader) => self.converter.convert(&first_frame(&mut reader)?)?,
                None => return Ok(&self.texture),
            },
            Frames::Moving(film) => {
                let changed = film.advance(index)?;
                if self.drawn && !changed {
                    return Ok(&self.texture);
                }
                let shown = film.shown().ok_or_else(|| {
                    RenderError::internal(
                        "a source without frames was not noticed when it was opened",
                    )
                })?;
                self.converter.convert(&shown.frame)?
            }
        };
        self.compose(&converted)
    }

    fn compose(&mut self, converted: &crate::ffi_frame::Frame) -> Result<&Picture, RenderError> {
        if self.framing.picture == self.framing.texture {
            take(
                converted,
                self.background,
                self.grader.as_ref(),
                &mut self.texture,
            )?;
        } else {
            let mut picture = Picture::filled(2, 2, Yuv::BLACK);
            take(
                converted,
                self.background,
                self.grader.as_ref(),
                &mut picture,
            )?;
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

/// A converted frame as a picture, over the background and corrected.
fn take(
    converted: &crate::ffi_frame::Frame,
    background: Color,
    grader: Option<&Grader>,
    picture: &mut Picture,
) -> Result<(), RenderError> {
    picture.take_frame(converted)?;
    if converted.format().alpha {
        lay_over(converted, background, picture)?;
    }
    if let Some(grader) = grader {
        grader.apply(picture);
    }
    Ok(())
}

/// What a still is known by. A subject that is followed makes its pixels depend on the time.
fn still_key(clip: &Clip, kind: MediaKind, canvas: &Canvas) -> Option<StillKey> {
    let is_still = kind == MediaKind::Image && clip.effects.focus.is_empty();
    is_still.then(|| StillKey {
        clip: Clip {
            source_range: TimeRange::from_units(0, 1, canvas.frame_rate),
            ..clip.clone()
        },
        canvas: *canvas,
    })
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
