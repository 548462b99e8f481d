//! Glyphs as drawable things: outlines become paths, colour emoji become bitmaps.
//!
//! Neighbours: `layout` places lines with it, `raster` draws what comes out. The only file that talks to swash about
//! scaling.

use std::sync::Arc;

use parley::{Cluster, FontData, GlyphRun, Line, PositionedLayoutItem};
use swash::FontRef;
use swash::scale::{ScaleContext, Scaler, StrikeWith};
use swash::zeno::{Command, PathData};
use tiny_skia::{Path, PathBuilder, Transform};

use super::fonts::WordTag;
use super::image::RgbaImage;

/// How a glyph is drawn.
#[derive(Clone, Debug)]
pub(super) enum Ink {
    /// Filled with the text's colour.
    Outline(Path),
    /// Drawn as it is, scaled to the rectangle.
    Bitmap {
        image: Arc<RgbaImage>,
        rect: tiny_skia::Rect,
    },
}

/// A glyph in its place.
#[derive(Clone, Debug)]
pub(super) struct PlacedGlyph {
    /// Index into the block's word fragments.
    pub(super) fragment: Option<usize>,
    /// Byte of the text at which the letter it draws begins.
    pub(super) at: usize,
    pub(super) ink: Ink,
}

impl PlacedGlyph {
    /// The rows it reaches.
    pub(super) fn top_and_bottom(&self) -> (f32, f32) {
        let bounds = match &self.ink {
            Ink::Outline(path) => path.bounds(),
            Ink::Bitmap { rect, .. } => *rect,
        };
        (bounds.top(), bounds.bottom())
    }

    /// Moves it down.
    pub(super) fn lower(&mut self, by: f32) {
        let down = Transform::from_translate(0.0, by);
        match &mut self.ink {
            Ink::Outline(path) => {
                if let Some(moved) = path.clone().transform(down) {
                    *path = moved;
                }
            }
            Ink::Bitmap { rect, .. } => *rect = rect.transform(down).unwrap_or(*rect),
        }
    }
}

/// Turns glyph ids into ink.
#[derive(Default)]
pub(super) struct GlyphScaler {
    context: ScaleContext,
}

impl GlyphScaler {
    /// Whether anything of a cluster can be seen.
    pub(super) fn has_ink(&mut self, cluster: &Cluster<'_, WordTag>) -> bool {
        let run = cluster.run();
        let Some(font) = font_ref(run.font()) else {
            return false;
        };
        let size = run.font_size();
        cluster.glyphs().any(|glyph| {
            let id = glyph.id as u16;
            font.color_strikes().find_by_largest_ppem(id).is_some()
                || outline(
                    &mut self.context.builder(font).size(size).build(),
                    id,
                    0.0,
                    0.0,
                )
                .is_some()
        })
    }

    /// Adds the ink of a line, moved by `shift` to the right.
    pub(super) fn place_line(
        &mut self,
        line: &Line<'_, WordTag>,
        shift: f32,
        fragment_of: impl Fn(WordTag) -> Option<usize>,
        out: &mut Vec<PlacedGlyph>,
    ) {
        for item in line.items() {
            if let PositionedLayoutItem::GlyphRun(run) = item {
                let fragment = fragment_of(run.style().brush);
                out.extend(
                    self.run_ink(&run, shift)
                        .into_iter()
                        .map(|(at, ink)| PlacedGlyph { fragment, at, ink }),
                );
            }
        }
    }

    /// The ink of a run, each with the byte at which its letter begins.
    fn run_ink(&mut self, run: &GlyphRun<'_, WordTag>, shift: f32) -> Vec<(usize, Ink)> {
        let size = run.run().font_size();
        let Some(font) = font_ref(run.run().font()) else {
            return Vec::new();
        };
        let coords = run.run().normalized_coords().iter().map(|c| c.to_bits());
        let starts = letter_starts(run);
        let last = starts.last().copied().unwrap_or_default();
        let starts = starts.into_iter().chain(std::iter::repeat(last));
        let glyphs: Vec<_> = starts.zip(run.positioned_glyphs()).collect();
        if font.color_strikes().next().is_some() {
            return glyphs
                .iter()
                .filter_map(|(at, g)| {
                    let ink = self.bitmap(&font, size, g.id as u16, (g.x + shift, g.y))?;
                    Some((*at, ink))
                })
                .collect();
        }
        let mut scaler = self
            .context
            .builder(font)
            .size(size)
            .hint(false)
            .normalized_coords(coords)
            .build();
        glyphs
            .iter()
            .filter_map(|(at, g)| {
                let path = outline(&mut scaler, g.id as u16, g.x + shift, g.y)?;
                Some((*at, Ink::Outline(path)))
            })
            .collect()
    }

    /// The largest bitmap of a glyph, unscaled, with the rectangle it belongs into.
    fn bitmap(&mut self, font: &FontRef<'_>, size: f32, id: u16, at: (f32, f32)) -> Option<Ink> {
        let ppem = f32::from(font.color_strikes().find_by_largest_ppem(id)?.ppem());
        let mut scaler = self.context.builder(*font).size(ppem).build();
        let source = scaler.scale_color_bitmap(id, StrikeWith::LargestSize)?;
        let mut image = RgbaImage {
            width: source.placement.width,
            height: source.placement.height,
            data: source.data,
        };
        if !image.is_whole() {
            return None;
        }
        premultiply(&mut image.data);
        let scale = size / ppem;
        let rect = tiny_skia::Rect::from_xywh(
            at.0 + source.placement.left as f32 * scale,
            at.1 - source.placement.top as f32 * scale,
            image.width as f32 * scale,
            image.height as f32 * scale,
        )?;
        Some(Ink::Bitmap {
            image: Arc::new(image),
            rect,
        })
    }
}

/// For every glyph of a run, in its order, the byte at which its letter begins. A run of glyphs holds the letters of one
/// word that share a face, so the word's tag finds them among the letters of the face's run.
fn letter_starts(run: &GlyphRun<'_, WordTag>) -> Vec<usize> {
    let tag = run.style().brush;
    run.run()
        .visual_clusters()
        .filter(|letter| letter.style().brush == tag)
        .flat_map(|letter| {
            let at = letter.text_range().start;
            letter.glyphs().map(move |_| at).collect::<Vec<_>>()
        })
        .collect()
}

fn font_ref(font: &FontData) -> Option<FontRef<'_>> {
    FontRef::from_index(font.data.as_ref(), font.index as usize)
}

fn premultiply(data: &mut [u8]) {
    for pixel in data.chunks_exact_mut(4) {
        let alpha = u32::from(pixel[3]);
        for value in &mut pixel[..3] {
            *value = ((u32::from(*value) * alpha + 127) / 255) as u8;
        }
    }
}

/// A glyph's outline with its origin at (`x`, `y`); font outlines point up, pictures down.
fn outline(scaler: &mut Scaler<'_>, id: u16, x: f32, y: f32) -> Option<Path> {
    let outline = scaler.scale_outline(id)?;
    let mut path = PathBuilder::new();
    for command in outline.path().commands() {
        match command {
            Command::MoveTo(p) => path.move_to(x + p.x, y - p.y),
            Command::LineTo(p) => path.line_to(x + p.x, y - p.y),
            Command::QuadTo(a, p) => path.quad_to(x + a.x, y - a.y, x + p.x, y - p.y),
            Command::CurveTo(a, b, p) => {
                path.cubic_to(x + a.x, y - a.y, x + b.x, y - b.y, x + p.x, y - p.y);
            }
            Command::Close => path.close(),
        }
    }
    path.finish()
}
