//! Blends that hide the cut in softness: out of focus, or in large squares.
//!
//! Both pictures are mixed first and softened together, which gives the same as softening each. Neighbours: the
//! parent says how far.

use crate::enlarge::{Grid, MARGIN, enlarge};
use crate::picture::{Picture, Plane};

/// Luma samples in a side of the coarse grid that is blurred.
const CELL: usize = 4;
/// Widest blur: passes over the grid.
const PASSES: f32 = 22.0;
/// Largest square as a share of the picture's width.
const SQUARE: f32 = 1.0 / 18.0;

/// Takes the focus from a picture; `amount` 0-1.
pub(super) fn defocus(amount: f32, picture: &mut Picture, sharp: &Picture) {
    let passes = (amount * PASSES).ceil() as usize;
    if passes == 0 {
        return;
    }
    for (index, to) in picture.planes.iter_mut().enumerate() {
        let cell = if index == 0 { CELL } else { CELL / 2 };
        let mut grid = Coarse::of(to, cell);
        for _ in 0..passes {
            grid.blur();
        }
        let grid = Grid {
            levels: &grid.levels,
            columns: grid.columns,
            cell,
        };
        enlarge(grid, None, to);
    }
    // The grid alone blurs by a cell: it comes in over the sharp picture, not at once.
    let weight = super::weight(amount * 4.0);
    if weight < 256 {
        for (to, sharp) in picture.planes.iter_mut().zip(&sharp.planes) {
            for (to, sharp) in to.data.iter_mut().zip(&sharp.data) {
                *to = super::mixed(*sharp, *to, weight);
            }
        }
    }
}

/// A plane averaged over cells, with the margin that splines need.
struct Coarse {
    columns: usize,
    rows: usize,
    levels: Vec<f32>,
    spare: Vec<f32>,
}

impl Coarse {
    fn of(plane: &Plane, cell: usize) -> Self {
        let (inner_columns, inner_rows) = (plane.width.div_ceil(cell), plane.height.div_ceil(cell));
        let (columns, rows) = (inner_columns + 2 * MARGIN, inner_rows + 2 * MARGIN);
        let mut levels = vec![0.0; columns * rows];
        let mut sums = vec![0u32; inner_columns];
        for row in 0..inner_rows {
            let lines = row * cell..((row + 1) * cell).min(plane.height);
            sums.fill(0);
            for y in lines.clone() {
                for (sum, samples) in sums.iter_mut().zip(plane.row(y).chunks(cell)) {
                    *sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
                }
            }
            let line = &mut levels[(row + MARGIN) * columns..][..columns];
            for (column, sum) in sums.iter().enumerate() {
                let across = cell.min(plane.width - column * cell);
                line[column + MARGIN] = *sum as f32 / (lines.len() * across) as f32;
            }
        }
        let mut coarse = Self {
            columns,
            rows,
            spare: levels.clone(),
            levels,
        };
        coarse.pad();
        coarse
    }

    /// Repeats the border into the margin.
    fn pad(&mut self) {
        let (columns, rows) = (self.columns, self.rows);
        for row in MARGIN..rows - MARGIN {
            let line = &mut self.levels[row * columns..][..columns];
            let (first, last) = (line[MARGIN], line[columns - MARGIN - 1]);
            line[..MARGIN].fill(first);
            line[columns - MARGIN..].fill(last);
        }
        for row in 0..MARGIN {
            self.levels
                .copy_within(MARGIN * columns..(MARGIN + 1) * columns, row * columns);
            let last = (rows - MARGIN - 1) * columns;
            let to = (rows - 1 - row) * columns;
            self.levels.copy_within(last..last + columns, to);
        }
    }

    /// One pass of 1-2-1 in both directions; borders repeat.
    fn blur(&mut self) {
        let (columns, rows) = (self.columns, self.rows);
        for (line, to) in self
            .levels
            .chunks_exact(columns)
            .zip(self.spare.chunks_exact_mut(columns))
        {
            for (to, w) in to[1..].iter_mut().zip(line.windows(3)) {
                *to = 0.25 * w[0] + 0.5 * w[1] + 0.25 * w[2];
            }
            to[0] = line[0];
            to[columns - 1] = line[columns - 1];
        }
        for row in 0..rows {
            let line = |at: usize| &self.spare[at * columns..][..columns];
            let above = line(row.saturating_sub(1));
            let (here, below) = (line(row), line((row + 1).min(rows - 1)));
            let to = &mut self.levels[row * columns..][..columns];
            for (((to, a), h), b) in to.iter_mut().zip(above).zip(here).zip(below) {
                *to = 0.25 * a + 0.5 * h + 0.25 * b;
            }
        }
    }
}

/// Draws a picture in squares; `amount` 0-1 is their size.
pub(super) fn squares(amount: f32, picture: &mut Picture) {
    let half = (amount * SQUARE * picture.width() as f32 / 2.0).round() as usize;
    if half < 2 {
        return;
    }
    for (index, plane) in picture.planes.iter_mut().enumerate() {
        let side = if index == 0 { 2 * half } else { half };
        // Squares are laid from the middle, so that they grow to all sides.
        let first = |length: usize| match length / 2 % side {
            0 => side,
            rest => rest,
        };
        let (columns, top) = (
            spans(plane.width, first(plane.width), side),
            first(plane.height),
        );
        for rows in spans(plane.height, top, side) {
            let mut sums = vec![0u32; columns.len()];
            for y in rows.clone() {
                let row = plane.row(y);
                for (sum, span) in sums.iter_mut().zip(&columns) {
                    *sum += row[span.clone()].iter().map(|s| u32::from(*s)).sum::<u32>();
                }
            }
            let begin = rows.start;
            for (sum, span) in sums.iter().zip(&columns) {
                let count = (rows.len() * span.len()) as u32;
                plane.row_mut(begin)[span.clone()].fill(((sum + count / 2) / count) as u8);
            }
            let width = plane.width;
            for y in begin + 1..rows.end {
                plane
                    .data
                    .copy_within(begin * width..(begin + 1) * width, y * width);
            }
        }
    }
}

fn spans(length: usize, first: usize, side: usize) -> Vec<std::ops::Range<usize>> {
    let starts = std::iter::once(0).chain((first..length).step_by(side));
    starts
        .map(|start| {
            let end = if start == 0 { first } else { start + side };
            start..end.min(length)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    fn stripes() -> Picture {
        let mut picture = Picture::filled(72, 128, Yuv([40, 128, 128]));
        for y in 0..128 {
            for (x, sample) in picture.planes[0].row_mut(y).iter_mut().enumerate() {
                *sample = if x / 3 % 2 == 0 { 40 } else { 200 };
            }
        }
        picture
    }

    #[test]
    fn out_of_focus_stripes_become_grey() {
        let sharp = stripes();
        let mut soft = sharp.clone();
        defocus(1.0, &mut soft, &sharp);
        let inner = &soft.planes[0].row(64)[20..50];
        assert!(
            inner.iter().all(|level| (100..140).contains(level)),
            "{inner:?}"
        );
        let mut same = sharp.clone();
        defocus(0.0, &mut same, &sharp);
        assert_eq!(same, sharp);
    }

    #[test]
    fn squares_cover_the_plane_once() {
        for (length, side) in [(72, 5), (1080, 60), (36, 2), (7, 50)] {
            let first = match length / 2 % side {
                0 => side,
                rest => rest,
            };
            let all = spans(length, first, side);
            assert_eq!((all[0].start, all[all.len() - 1].end), (0, length));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
        let mut picture = stripes();
        squares(1.0, &mut picture);
        let row = picture.planes[0].row(5);
        assert_eq!(row, picture.planes[0].row(4));
    }
}
