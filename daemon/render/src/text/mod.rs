//! Texts, pictures and shapes over the video: everything of a segment that is drawn by us and not decoded.
//!
//! `layout` turns texts into geometry (`block`), `scene`, `coverage` and `raster` turn geometry into pixels, `caption` and
//! `overlay` say what a frame shows, `font_search` finds font files on the machine. The compositor asks [`LayerPainter`] for a frame's layers and
//! blends them. Nothing here knows about decoding, encoding or files; drawing sees the fonts it was given and no
//! other.

mod animation;
mod bar;
mod block;
mod blur;
mod caption;
mod coverage;
mod error;
#[cfg(test)]
mod fixtures;
mod font_search;
mod fonts;
#[cfg(test)]
mod gallery;
mod glyph;
mod image;
mod layout;
mod line_plate;
mod memo;
mod overlay;
mod placed_cue;
mod raster;
mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;

use fenta_templates::color::Color;
use fenta_templates::digest::Digest;
use fenta_templates::time::FrameRate;
use fenta_templates::timeline::{CaptionTrack, FontFace, Rect, SegmentSpec};

use caption::CaptionPainter;
use fonts::FontLibrary;
use overlay::OverlayPainter;

pub use error::TextError;
pub use font_search::{font_places, resolve_fonts, resolve_fonts_in};
pub use image::RgbaImage;

/// A picture to blend over a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Canvas column of the picture's left edge; may be negative.
    pub x: i32,
    /// Canvas row of the picture's top edge; may be negative.
    pub y: i32,
    /// The pixels, shared between all frames that look the same.
    pub image: Arc<RgbaImage>,
    /// Opacity in permille, on top of the picture's own alpha.
    pub opacity_pm: u16,
}

/// Where a caption word lies at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordBox {
    /// Index of the cue in the segment's caption track.
    pub cue: usize,
    /// Index of the word in the cue.
    pub word: usize,
    /// The word with its ascent and descent, in canvas pixels. A word cut over two lines has two boxes.
    pub rect: Rect,
    /// Whether the word is read from the right.
    pub rtl: bool,
}

/// A caption as it is drawn at a frame.
#[derive(Clone, Debug)]
pub struct CaptionLetters {
    /// Its picture.
    pub layer: Layer,
    /// Its words, in the order of their lines.
    pub words: Vec<WordLetters>,
}

/// Where a word's letters are and which colours they have.
#[derive(Clone, Debug)]
pub struct WordLetters {
    /// Index of the word in its cue.
    pub word: usize,
    /// The word with its ascent and descent at rest, in canvas pixels.
    pub rect: Rect,
    /// One colour, or two while one runs through the word.
    pub colors: Vec<Color>,
}

/// Lays captions out as they are drawn, and says where every word lies at rest, in reading order.
///
/// # Errors
/// A font that was not given, a character that no given font has.
pub fn lay_out_captions(
    track: &CaptionTrack,
    rate: FrameRate,
    fonts: &[(FontFace, Arc<Vec<u8>>)],
) -> Result<Vec<WordBox>, TextError> {
    let mut library = FontLibrary::new(fonts)?;
    Ok(CaptionPainter::new(track, rate, &mut library)?.word_boxes())
}

/// Draws the overlays and captions of one segment.
///
/// Everything that can fail fails in [`LayerPainter::new`]; pictures are drawn when a frame first needs them and kept.
/// It can be shared between threads.
pub struct LayerPainter {
    overlays: Vec<OverlayPainter>,
    captions: Option<CaptionPainter>,
}

impl LayerPainter {
    /// Lays out all texts of a segment with the given fonts and pictures.
    ///
    /// # Errors
    /// A font or picture that was not given, a character that no given font has, a picture too large to draw.
    pub fn new(
        segment: &SegmentSpec,
        fonts: &[(FontFace, Arc<Vec<u8>>)],
        images: &BTreeMap<Digest, RgbaImage>,
    ) -> Result<Self, TextError> {
        let mut library = FontLibrary::new(fonts)?;
        let overlays = segment
            .overlays
            .iter()
            .map(|overlay| OverlayPainter::new(overlay, &mut library, images))
            .collect::<Result<_, _>>()?;
        let captions = segment
            .captions
            .as_ref()
            .map(|track| CaptionPainter::new(track, segment.canvas.frame_rate, &mut library))
            .transpose()?;
        Ok(Self { overlays, captions })
    }

    /// The layers of a frame of the segment, bottom first: overlays in their order, then the caption.
    pub fn layers_at(&self, frame: u32) -> Vec<Layer> {
        let frame = i64::from(frame);
        let caption = self.captions.as_ref().and_then(|c| c.layer_at(frame));
        self.overlays
            .iter()
            .filter_map(|overlay| overlay.layer_at(frame))
            .chain(caption)
            .collect()
    }

    /// The caption of a frame with the colours of its letters.
    pub fn letters_at(&self, frame: u32) -> Option<CaptionLetters> {
        self.captions.as_ref()?.letters_at(i64::from(frame))
    }

    /// Where every caption word lies at rest, in reading order of the track.
    pub fn word_boxes(&self) -> Vec<WordBox> {
        self.captions
            .as_ref()
            .map(CaptionPainter::word_boxes)
            .unwrap_or_default()
    }
}
