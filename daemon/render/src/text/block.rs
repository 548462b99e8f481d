//! A finished text as geometry: glyphs in their places, lines, and where each word lies.
//!
//! Neighbours: `layout` makes it, `scene` turns it into drawable letters. Everything is relative to the block's own top
//! left corner.

use std::ops::Range;

use fenta_templates::timeline::Anchor;

use super::glyph::PlacedGlyph;

/// Least space between the letters of two lines, in em.
const LINE_GAP: f32 = 0.04;

/// Where a word lies on one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WordFragment {
    pub(super) word: u16,
    pub(super) line: usize,
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) baseline: f32,
    /// Whether it is read from the right.
    pub(super) rtl: bool,
}

/// A finished text, relative to its own top left corner.
pub(super) struct TextBlock {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) size: f32,
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) cap_height: f32,
    pub(super) line_widths: Vec<f32>,
    pub(super) line_glyphs: Vec<Range<usize>>,
    pub(super) glyphs: Vec<PlacedGlyph>,
    pub(super) fragments: Vec<WordFragment>,
}

impl TextBlock {
    /// Moves lines apart where letters of one would run into the next: the pitch suits Latin, and scripts with deep
    /// descenders or stacked marks need more.
    pub(super) fn open_lines(&mut self) {
        let extents: Vec<Option<(f32, f32)>> = self
            .line_glyphs
            .iter()
            .map(|range| {
                let edges = self.glyphs[range.clone()]
                    .iter()
                    .map(PlacedGlyph::top_and_bottom);
                edges.reduce(|(top, bottom), (t, b)| (top.min(t), bottom.max(b)))
            })
            .collect();
        let mut moved = 0.0f32;
        for line in 1..extents.len() {
            if let (Some((_, above)), Some((top, _))) = (extents[line - 1], extents[line]) {
                let gap = top - above;
                moved += (LINE_GAP * self.size - gap).max(0.0).ceil();
            }
            if moved > 0.0 {
                self.lower_line(line, moved);
            }
        }
        self.height += moved;
    }

    /// How much of one of a word's fragments is done, where so much of the whole word is: a word that was cut is done
    /// line by line.
    pub(super) fn part_of(&self, fragment: &WordFragment, done: f32) -> f32 {
        let width = |one: &WordFragment| one.right - one.left;
        let (mut before, mut all) = (0.0, 0.0);
        for one in self
            .fragments
            .iter()
            .filter(|one| one.word == fragment.word)
        {
            if one.line < fragment.line {
                before += width(one);
            }
            all += width(one);
        }
        ((done * all - before) / width(fragment).max(1.0)).clamp(0.0, 1.0)
    }

    fn lower_line(&mut self, line: usize, by: f32) {
        for glyph in &mut self.glyphs[self.line_glyphs[line].clone()] {
            glyph.lower(by);
        }
        for fragment in self.fragments.iter_mut().filter(|f| f.line == line) {
            fragment.baseline += by;
        }
    }
}

/// An anchor as fractions of a width and a height: 0 is left or top, 1 right or bottom.
pub(super) fn anchor_fractions(anchor: Anchor) -> (f32, f32) {
    let x = match anchor {
        Anchor::TopLeft | Anchor::Left | Anchor::BottomLeft => 0.0,
        Anchor::Top | Anchor::Center | Anchor::Bottom => 0.5,
        Anchor::TopRight | Anchor::Right | Anchor::BottomRight => 1.0,
    };
    let y = match anchor {
        Anchor::TopLeft | Anchor::Top | Anchor::TopRight => 0.0,
        Anchor::Left | Anchor::Center | Anchor::Right => 0.5,
        Anchor::BottomLeft | Anchor::Bottom | Anchor::BottomRight => 1.0,
    };
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::glyph::Ink;
    use tiny_skia::{PathBuilder, Rect};

    /// Lines of one square letter each, as `(top, bottom)`.
    fn block(lines: &[(f32, f32)]) -> TextBlock {
        let square = |&(top, bottom): &(f32, f32)| PlacedGlyph {
            fragment: None,
            at: 0,
            ink: Ink::Outline(PathBuilder::from_rect(
                Rect::from_ltrb(0.0, top, 10.0, bottom).unwrap(),
            )),
        };
        let fragment = |(line, &(_, baseline)): (usize, &(f32, f32))| WordFragment {
            word: line as u16,
            line,
            left: 0.0,
            right: 10.0,
            baseline,
            rtl: false,
        };
        TextBlock {
            width: 10.0,
            height: 300.0,
            size: 100.0,
            ascent: 90.0,
            descent: 20.0,
            cap_height: 70.0,
            line_widths: vec![10.0; lines.len()],
            line_glyphs: (0..lines.len()).map(|i| i..i + 1).collect(),
            glyphs: lines.iter().map(square).collect(),
            fragments: lines.iter().enumerate().map(fragment).collect(),
        }
    }

    #[test]
    fn lines_with_room_stay_where_they_are() {
        let mut block = block(&[(10.0, 90.0), (110.0, 190.0)]);
        block.open_lines();
        assert_eq!(block.height, 300.0);
        assert_eq!(block.glyphs[1].top_and_bottom(), (110.0, 190.0));
    }

    #[test]
    fn a_crowded_line_moves_down_with_everything_below_it() {
        let mut block = block(&[(10.0, 120.0), (110.0, 190.0), (210.0, 290.0)]);
        block.open_lines();
        let moved = 10.0 + LINE_GAP * 100.0;
        assert_eq!(block.height, 300.0 + moved);
        assert_eq!(block.glyphs[0].top_and_bottom(), (10.0, 120.0));
        assert_eq!(
            block.glyphs[1].top_and_bottom(),
            (110.0 + moved, 190.0 + moved)
        );
        assert_eq!(
            block.glyphs[2].top_and_bottom(),
            (210.0 + moved, 290.0 + moved)
        );
        assert_eq!(block.fragments[2].baseline, 290.0 + moved);
    }

    #[test]
    fn anchors_are_fractions_of_a_rectangle() {
        assert_eq!(anchor_fractions(Anchor::TopLeft), (0.0, 0.0));
        assert_eq!(anchor_fractions(Anchor::Top), (0.5, 0.0));
        assert_eq!(anchor_fractions(Anchor::Right), (1.0, 0.5));
        assert_eq!(anchor_fractions(Anchor::Center), (0.5, 0.5));
        assert_eq!(anchor_fractions(Anchor::BottomLeft), (0.0, 1.0));
    }
}
