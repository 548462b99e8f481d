//! Spans of a segment in which nothing can be seen or nothing moves, found while its frames are drawn.
//!
//! A frame is looked at as a grid of mean luma, so it costs one pass over a part of the rows. Neighbours: `encode` shows every
//! frame, the facts of a segment carry the spans, `Output.Render` joins them over segments and says what they mean.

use fenta_workflows::action::{SegmentView, Span};

use crate::picture::Picture;

/// Cells across and down.
const GRID: (usize, usize) = (16, 28);
/// Rows looked at: every so many.
const ROW_STEP: usize = 4;
/// A cell up to this luma is black (16 is, and the coder needs some room).
const DARK: u8 = 20;
/// Cells may differ by this much and still be the same picture.
const SAME: u8 = 1;

/// Looks at a segment's frames in order.
#[derive(Default)]
pub struct SpanFinder {
    frames: u32,
    first: Vec<u8>,
    last: Vec<u8>,
    /// The grid at the start of the span without movement that is under way.
    held: Vec<u8>,
    still_since: u32,
    dark_since: Option<u32>,
    still: Vec<Span>,
    black: Vec<Span>,
}

impl SpanFinder {
    /// Looks at the next frame.
    pub fn see(&mut self, picture: &Picture) {
        let grid = grid(picture);
        let at = self.frames;
        self.frames += 1;
        if at == 0 {
            self.first.clone_from(&grid);
            self.held.clone_from(&grid);
        } else if differs(&self.held, &grid) {
            close(&mut self.still, self.still_since, at);
            self.still_since = at;
            self.held.clone_from(&grid);
        }
        match (grid.iter().all(|cell| *cell <= DARK), self.dark_since) {
            (true, None) => self.dark_since = Some(at),
            (false, Some(since)) => {
                close(&mut self.black, since, at);
                self.dark_since = None;
            }
            _ => {}
        }
        self.last = grid;
    }

    /// What was found: spans of at least two frames, and how the segment begins and ends.
    pub fn finish(mut self) -> SegmentView {
        if self.frames > 0 {
            close(&mut self.still, self.still_since, self.frames);
        }
        if let Some(since) = self.dark_since {
            close(&mut self.black, since, self.frames);
        }
        SegmentView {
            still: self.still,
            black: self.black,
            first: hex(&self.first),
            last: hex(&self.last),
            captions: Vec::new(),
        }
    }
}

fn close(spans: &mut Vec<Span>, from: u32, to: u32) {
    if to >= from + 2 {
        spans.push(Span { from, to });
    }
}

fn differs(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > SAME)
}

/// Mean luma of the cells, row by row.
fn grid(picture: &Picture) -> Vec<u8> {
    let luma = &picture.planes[0];
    let (columns, rows) = (GRID.0.min(luma.width), GRID.1.min(luma.height));
    let mut cells = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        let (top, bottom) = (row * luma.height / rows, (row + 1) * luma.height / rows);
        let mut sums = vec![0u64; columns];
        let mut lines = 0;
        for y in (top..bottom).step_by(ROW_STEP) {
            lines += 1;
            for (column, sum) in sums.iter_mut().enumerate() {
                let (left, right) = (
                    column * luma.width / columns,
                    (column + 1) * luma.width / columns,
                );
                let part = &luma.row(y)[left..right];
                let total: u32 = part.iter().map(|level| u32::from(*level)).sum();
                *sum += u64::from(total) * 16 / part.len() as u64;
            }
        }
        cells.extend(sums.iter().map(|sum| (sum / (16 * lines.max(1))) as u8));
    }
    cells
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    fn view(levels: &[u8]) -> SegmentView {
        let mut finder = SpanFinder::default();
        for level in levels {
            finder.see(&Picture::filled(64, 112, Yuv([*level, 128, 128])));
        }
        finder.finish()
    }

    #[test]
    fn stills_and_black_are_told_by_frames() {
        let found = view(&[90, 91, 90, 120, 16, 17, 16, 100]);
        assert_eq!(
            found.still,
            [Span { from: 0, to: 3 }, Span { from: 4, to: 7 }]
        );
        assert_eq!(found.black, [Span { from: 4, to: 7 }]);
        assert!(found.first.starts_with("5a5a") && found.last.starts_with("6464"));
    }

    #[test]
    fn slow_changes_are_not_a_still() {
        let levels: Vec<u8> = (60..100).collect();
        let found = view(&levels);
        assert!(
            found.still.iter().all(|span| span.to - span.from <= 2),
            "{found:?}"
        );
        assert!(found.black.is_empty());
    }

    #[test]
    fn a_moving_corner_is_seen() {
        let mut finder = SpanFinder::default();
        for frame in 0..6 {
            let mut picture = Picture::filled(64, 112, Yuv([90, 128, 128]));
            for y in 0..8 {
                picture.planes[0].row_mut(y)[..8].fill(90 + frame * 30);
            }
            finder.see(&picture);
        }
        assert!(finder.finish().still.is_empty());
    }
}
