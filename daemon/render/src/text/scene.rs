//! A text with everything around it, on its way to pixels: which letters, how large, where.
//!
//! Neighbours: `caption` and `overlay` describe scenes, `coverage` and `raster` draw them. Geometry only.

use fenta_templates::color::Color;
use fenta_templates::timeline::{Outline, Shadow};
use tiny_skia::{Path, Rect, Transform};

use super::block::{TextBlock, WordFragment};
use super::blur;
use super::glyph::Ink;
use super::raster::Plate;

/// How the glyphs of one word look.
#[derive(Clone, Copy, Debug)]
pub(super) struct WordLook {
    pub(super) color: Color,
    /// About the word's own middle.
    pub(super) scale: f32,
    /// Pixels it stands above its place.
    pub(super) lift: f32,
    /// Whether it has the scene's other outline.
    pub(super) apart: bool,
    /// A colour that has come so far through the word, from 0 to 1, in its reading direction.
    pub(super) fill: Option<(Color, f32)>,
    /// Letters from this byte of the text on are not shown.
    pub(super) until: usize,
}

impl WordLook {
    /// A word in its place, in one colour.
    pub(super) const fn plain(color: Color) -> Self {
        Self {
            color,
            scale: 1.0,
            lift: 0.0,
            apart: false,
            fill: None,
            until: usize::MAX,
        }
    }
}

/// A filled path under everything, relative to the block.
pub(super) struct Ground {
    pub(super) path: Path,
    pub(super) color: Color,
}

/// A text with everything around it.
pub(super) struct Scene<'a> {
    pub(super) block: &'a TextBlock,
    /// Where the block's top left corner lies on the canvas.
    pub(super) origin: (f32, f32),
    /// Size of everything about the block's middle.
    pub(super) scale: f32,
    pub(super) outline: Option<Outline>,
    /// The outline of words that stand apart.
    pub(super) outline_apart: Option<Outline>,
    pub(super) shadow: Option<Shadow>,
    /// Under everything.
    pub(super) ground: Option<Ground>,
    /// Under the shadow.
    pub(super) plate: Option<Plate>,
    /// Between shadow and letters.
    pub(super) boxes: Vec<Plate>,
    /// The look of a word, or of what belongs to none.
    pub(super) look: &'a dyn Fn(Option<u16>) -> WordLook,
}

/// A glyph at its final size and place.
pub(super) struct SceneGlyph {
    pub(super) ink: Ink,
    pub(super) color: Color,
    /// Another colour left or right of a column.
    pub(super) split: Option<Split>,
    pub(super) apart: bool,
}

/// Two colours that meet at a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) x: f32,
    pub(super) left: Color,
    pub(super) right: Color,
}

impl Scene<'_> {
    /// The letters at their final size and place.
    pub(super) fn glyphs(&self) -> Vec<SceneGlyph> {
        let block = self.block;
        block
            .glyphs
            .iter()
            .filter_map(|glyph| {
                let fragment = glyph.fragment.map(|at| &block.fragments[at]);
                let look = (self.look)(fragment.map(|f| f.word));
                if glyph.at >= look.until {
                    return None;
                }
                let transform = self.transform(fragment, &look);
                let ink = match &glyph.ink {
                    Ink::Outline(path) => Ink::Outline(path.clone().transform(transform)?),
                    Ink::Bitmap { image, rect } => Ink::Bitmap {
                        image: image.clone(),
                        rect: rect.transform(transform)?,
                    },
                };
                Some(SceneGlyph {
                    ink,
                    color: look.color,
                    split: fragment.and_then(|word| self.split(word, &look)),
                    apart: look.apart,
                })
            })
            .collect()
    }

    /// Where a colour that runs through a word has come to on one of its lines.
    fn split(&self, word: &WordFragment, look: &WordLook) -> Option<Split> {
        let (color, done) = look.fill?;
        let done = self.block.part_of(word, done);
        let x = if word.rtl {
            word.right - (word.right - word.left) * done
        } else {
            word.left + (word.right - word.left) * done
        };
        let mut at = tiny_skia::Point::from_xy(x, word.baseline);
        self.transform(Some(word), look).map_point(&mut at);
        let (left, right) = if word.rtl {
            (look.color, color)
        } else {
            (color, look.color)
        };
        Some(Split {
            x: at.x,
            left,
            right,
        })
    }

    /// From the block to the canvas, for what belongs to no word.
    pub(super) fn whole(&self) -> Transform {
        let block = self.block;
        let middle = (block.width / 2.0, block.height / 2.0);
        Transform::from_translate(-middle.0, -middle.1)
            .post_scale(self.scale, self.scale)
            .post_translate(self.origin.0 + middle.0, self.origin.1 + middle.1)
    }

    /// From the block to the canvas.
    fn transform(&self, fragment: Option<&WordFragment>, look: &WordLook) -> Transform {
        let whole = self.whole();
        match fragment {
            Some(word) if look.scale != 1.0 || look.lift != 0.0 => {
                let pivot = (
                    (word.left + word.right) / 2.0,
                    word.baseline - self.block.cap_height / 2.0,
                );
                Transform::from_translate(-pivot.0, -pivot.1)
                    .post_scale(look.scale, look.scale)
                    .post_translate(pivot.0, pivot.1 - look.lift)
                    .post_concat(whole)
            }
            _ => whole,
        }
    }

    /// The outline's width at the scene's size, where there is one to be seen; that of the words apart or of the others.
    pub(super) fn stroke(&self, apart: bool) -> Option<f32> {
        let outline = if apart {
            self.outline_apart
        } else {
            self.outline
        };
        let outline = outline.filter(|o| o.width > 0 && o.color.a > 0)?;
        Some(f32::from(outline.width) * self.scale)
    }

    /// The shadow, where there is one to be seen.
    pub(super) fn visible_shadow(&self) -> Option<Shadow> {
        self.shadow.filter(|s| s.color.a > 0)
    }

    /// Rows the shadow lies below its letters.
    pub(super) fn shadow_drop(&self, shadow: Shadow) -> i32 {
        (f32::from(shadow.y) * self.scale).round() as i32
    }

    /// Everything that letters, outlines and shadow reach, and at least the block itself.
    pub(super) fn bounds(&self, glyphs: &[SceneGlyph]) -> Option<Rect> {
        let block = Rect::from_xywh(
            0.0,
            0.0,
            self.block.width.max(1.0),
            self.block.height.max(1.0),
        )?
        .transform(self.whole())?;
        let ink = glyphs.iter().fold(block, |all, glyph| match &glyph.ink {
            Ink::Outline(path) => union(all, path.bounds()),
            Ink::Bitmap { rect, .. } => union(all, *rect),
        });
        let strokes = [self.stroke(false), self.stroke(true)];
        let widest = strokes.into_iter().flatten().fold(0.0, f32::max);
        let stroked = outset(ink, widest);
        let Some(shadow) = self.visible_shadow() else {
            return Some(stroked);
        };
        let soft = outset(stroked, blur::reach(shadow.blur) as f32);
        let drop = Transform::from_translate(0.0, self.shadow_drop(shadow) as f32);
        // The undropped blur too: it is made in place before it is moved.
        Some(union(union(stroked, soft), soft.transform(drop)?))
    }
}

/// The smallest rectangle around both.
pub(super) fn union(a: Rect, b: Rect) -> Rect {
    Rect::from_ltrb(
        a.left().min(b.left()),
        a.top().min(b.top()),
        a.right().max(b.right()),
        a.bottom().max(b.bottom()),
    )
    .unwrap_or(a)
}

fn outset(rect: Rect, by: f32) -> Rect {
    Rect::from_ltrb(
        rect.left() - by,
        rect.top() - by,
        rect.right() + by,
        rect.bottom() + by,
    )
    .unwrap_or(rect)
}
