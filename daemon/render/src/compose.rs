//! Draws the frames of a segment: the shot, the blend into it, texts on top.
//!
//! Neighbours: `looks` and `source` supply pictures, `camera` and `resample` move over them, `transition` blends,
//! `layer` puts texts on top; `encode` and `snapshot` ask. Frames are asked for in rising order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;

use fenta_templates::digest::Digest;
use fenta_templates::timeline::{
    Canvas, Clip, FontFace, Generator, Keyframe, MediaReference, OverlayContent, SegmentSpec,
    TransitionKind,
};
use fenta_workflows::worker::WorkerFailure;

use crate::camera::Framing;
use crate::decode::Care;
use crate::error::RenderError;
use crate::grade::Grader;
use crate::keyframes::{Placing, place, placing_at};
use crate::layer::LayerBlender;
use crate::looks::{self, LookPainter};
use crate::picture::{Picture, Yuv};
use crate::pool::Pool;
use crate::resample::Sampler;
use crate::source::{MediaSource, grader};
use crate::still::read_image;
use crate::text::{CaptionLetters, LayerPainter, RgbaImage};
use crate::transition::Blender;

/// Where each blob of a job lies.
#[derive(Clone, Copy)]
pub struct Blobs<'a>(pub &'a BTreeMap<Digest, String>);

impl<'a> Blobs<'a> {
    /// The path of a blob the job must have named.
    pub fn path(self, digest: Digest) -> Result<&'a Path, RenderError> {
        self.0
            .get(&digest)
            .map(Path::new)
            .ok_or_else(|| RenderError::internal(format!("the job gives no path for {digest:?}")))
    }
}

/// Draws one segment.
pub struct SegmentPainter {
    background: Yuv,
    shot: Option<ClipPainter>,
    transition: Option<Blend>,
    layers: LayerPainter,
    blender: LayerBlender,
    sampler: Sampler,
    transitions: Blender,
    scratch: [Picture; 2],
}

/// A blend under way.
struct Blend {
    kind: TransitionKind,
    frames: u32,
    offset: u32,
    from: ClipPainter,
}

impl SegmentPainter {
    /// Opens everything the segment shows, or takes it from the pool. `care` is for decoding.
    pub fn new(
        segment: &SegmentSpec,
        fonts: &[FontFace],
        blobs: Blobs,
        care: Care,
        pool: &mut Pool,
    ) -> Result<Self, RenderError> {
        let canvas = &segment.canvas;
        let mut clip =
            |clip: &Clip, elapsed| ClipPainter::new((clip, elapsed), canvas, blobs, care, pool);
        let (mut shot, mut transition) = (None, None);
        if let Some(spec) = &segment.shot {
            shot = Some(clip(&spec.clip, spec.elapsed)?);
            if let Some(blend) = &spec.transition {
                transition = Some(Blend {
                    kind: blend.kind,
                    frames: blend.frames.max(1),
                    offset: blend.offset,
                    from: clip(&blend.from, blend.from_elapsed)?,
                });
            }
        }
        let fonts = read_fonts(fonts, blobs)?;
        let images = read_images(segment, blobs)?;
        let layers = LayerPainter::new(segment, &fonts, &images)
            .map_err(|error| RenderError::Reported(WorkerFailure::from(error)))?;
        let blank = || Picture::filled(canvas.width as usize, canvas.height as usize, Yuv::BLACK);
        let scratch = match transition {
            Some(_) => [blank(), blank()],
            None => [0, 1].map(|_| Picture::filled(2, 2, Yuv::BLACK)),
        };
        Ok(Self {
            background: Yuv::from(canvas.background),
            shot,
            transition,
            layers,
            blender: LayerBlender::new(),
            sampler: Sampler::new(),
            transitions: Blender::new(),
            scratch,
        })
    }

    /// Hands on what the next segment may go on with.
    pub fn retire(self, pool: &mut Pool) {
        let blend = self.transition.map(|blend| blend.from);
        for clip in blend.into_iter().chain(self.shot) {
            if let Content::Media(source) = clip.content {
                source.retire(pool);
            }
        }
    }

    /// Draws a frame over all of `out`, which has the canvas' size.
    pub fn paint(&mut self, frame: u32, out: &mut Picture) -> Result<(), RenderError> {
        let is_over = |blend: &Blend| blend.offset + frame >= blend.frames;
        if self.transition.as_ref().is_some_and(is_over) {
            // The old shot is not seen again: what it holds is given back now.
            self.transition = None;
            self.scratch = [0, 1].map(|_| Picture::filled(2, 2, Yuv::BLACK));
        }
        match (&mut self.shot, &mut self.transition) {
            (None, _) => out.fill(self.background),
            (Some(shot), Some(transition)) => {
                let [old, new] = &mut self.scratch;
                transition.from.paint(frame, &mut self.sampler, old)?;
                shot.paint(frame, &mut self.sampler, new)?;
                // The middle of the frame's time: the blend is as far from its start as from its end.
                let progress =
                    ((transition.offset + frame) as f32 + 0.5) / transition.frames as f32;
                self.transitions
                    .blend(transition.kind, progress, (old, new), out);
            }
            (Some(shot), None) => shot.paint(frame, &mut self.sampler, out)?,
        }
        self.blender.blend(&self.layers.layers_at(frame), out);
        Ok(())
    }

    /// The caption of a frame with the colours of its letters.
    pub fn letters_at(&self, frame: u32) -> Option<CaptionLetters> {
        self.layers.letters_at(frame)
    }
}

/// Draws one clip.
struct ClipPainter {
    content: Content,
    elapsed: u32,
    keyframes: Vec<Keyframe>,
    background: Yuv,
    /// The picture before it is placed, where it moves as a whole.
    stage: Option<Picture>,
}

enum Content {
    Media(Box<MediaSource>),
    Look(Box<LookClip>),
}

struct LookClip {
    painter: Box<dyn LookPainter>,
    framing: Framing,
    texture: Picture,
    grader: Option<Grader>,
    start: f64,
    frame_seconds: f64,
}

impl LookClip {
    fn new(
        generator: &Generator,
        clip: &Clip,
        canvas: &Canvas,
        blobs: Blobs,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            grader: grader(clip, blobs)?,
            painter: looks::painter(generator, canvas),
            // A look is drawn at canvas size: it has no detail that a denser texture could hold.
            framing: Framing::undivided(canvas, clip.motion),
            texture: Picture::filled(canvas.width as usize, canvas.height as usize, Yuv::BLACK),
            start: clip.source_range.start.as_seconds(),
            frame_seconds: 1.0 / canvas.frame_rate.as_f64(),
        })
    }

    fn paint(&mut self, frame: u32, elapsed: u32, sampler: &mut Sampler, out: &mut Picture) {
        let seconds = (self.start + f64::from(frame) * self.frame_seconds) as f32;
        let view = self.framing.view(elapsed);
        if view.is_identity() {
            self.painter.draw(seconds, out);
        } else {
            self.painter.draw(seconds, &mut self.texture);
            sampler.sample(&self.texture, view, out);
        }
        if let Some(grader) = &self.grader {
            grader.apply(out);
        }
    }
}

impl ClipPainter {
    fn new(
        (clip, elapsed): (&Clip, u32),
        canvas: &Canvas,
        blobs: Blobs,
        care: Care,
        pool: &mut Pool,
    ) -> Result<Self, RenderError> {
        let content = match &clip.media {
            MediaReference::External(media) => {
                Content::Media(MediaSource::open((clip, media), canvas, blobs, care, pool)?)
            }
            MediaReference::Generator(generator) => {
                Content::Look(Box::new(LookClip::new(generator, clip, canvas, blobs)?))
            }
        };
        let keyframes = clip.effects.keyframes.clone();
        let (width, height) = (canvas.width as usize, canvas.height as usize);
        let blank = || Picture::filled(width, height, Yuv::BLACK);
        Ok(Self {
            content,
            elapsed,
            stage: (!keyframes.is_empty()).then(blank),
            keyframes,
            background: Yuv::from(canvas.background),
        })
    }

    fn paint(
        &mut self,
        frame: u32,
        sampler: &mut Sampler,
        out: &mut Picture,
    ) -> Result<(), RenderError> {
        let elapsed = self.elapsed.saturating_add(frame);
        let placing = placing_at(&self.keyframes, elapsed);
        match self.stage.take() {
            Some(mut stage) if placing != Placing::REST => {
                self.content.paint((frame, elapsed), sampler, &mut stage)?;
                place(&stage, placing, self.background, out, sampler);
                self.stage = Some(stage);
            }
            stage => {
                self.stage = stage;
                self.content.paint((frame, elapsed), sampler, out)?;
            }
        }
        Ok(())
    }
}

impl Content {
    fn paint(
        &mut self,
        (frame, elapsed): (u32, u32),
        sampler: &mut Sampler,
        out: &mut Picture,
    ) -> Result<(), RenderError> {
        match self {
            Self::Media(source) => {
                let view = source.view(frame, elapsed);
                sampler.sample(source.texture_at(frame)?, view, out);
            }
            Self::Look(look) => look.paint(frame, elapsed, sampler, out),
        }
        Ok(())
    }
}

/// A face with the bytes of its file.
type FontBytes = (FontFace, Arc<Vec<u8>>);

/// The bytes of faces; those of one file are shared.
pub(crate) fn read_fonts(fonts: &[FontFace], blobs: Blobs) -> Result<Vec<FontBytes>, RenderError> {
    let mut files: BTreeMap<Digest, Arc<Vec<u8>>> = BTreeMap::new();
    fonts
        .iter()
        .map(|face| {
            let bytes = match files.entry(face.file) {
                Entry::Occupied(known) => Arc::clone(known.get()),
                Entry::Vacant(new) => Arc::clone(new.insert(read_font(blobs.path(face.file)?)?)),
            };
            Ok((face.clone(), bytes))
        })
        .collect()
}

fn read_font(path: &Path) -> Result<Arc<Vec<u8>>, RenderError> {
    std::fs::read(path)
        .map(Arc::new)
        .map_err(|source| RenderError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        })
}

fn read_images(
    segment: &SegmentSpec,
    blobs: Blobs,
) -> Result<BTreeMap<Digest, RgbaImage>, RenderError> {
    let mut images = BTreeMap::new();
    for overlay in &segment.overlays {
        if let OverlayContent::Image(digest) = overlay.content
            && !images.contains_key(&digest)
        {
            images.insert(digest, read_image(blobs.path(digest)?)?);
        }
    }
    Ok(images)
}
