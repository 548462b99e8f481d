//! The blurred, dimmed copy of a picture that fills the canvas behind it.
//!
//! Computed on a coarse grid: the picture is averaged over cells, blurred there and enlarged with splines.
//! Neighbours: `source` puts the picture itself on top.

use fenta_templates::timeline::BackdropLook;

use crate::enlarge::{Grid, MARGIN, enlarge};
use crate::picture::{Picture, Plane};

/// Luma samples in a cell's side.
const CELL: usize = 8;
/// The usual look: larger than the canvas so that no edge of it shows, beyond reading any letter, darker.
pub const USUAL: BackdropLook = BackdropLook {
    sigma: 30,
    dim_pm: 280,
    zoom_pm: 1080,
};
/// Radius of the blur that the passes give, in cells.
const RADIUS: f32 = 1.871;
/// Blur passes of three points over the averaged picture.
const PASSES: usize = 7;

/// Fills `out` with a blurred, dimmed copy of `picture` that covers it.
pub fn draw(picture: &Picture, look: BackdropLook, out: &mut Picture) {
    let cover = look.zoom_pm.max(1000) as f32 / 1000.0;
    let dim = look.dim_pm.min(1000) as f32 / 1000.0;
    let (w, h) = (out.width() as f32, out.height() as f32);
    let scale = (w / picture.width() as f32).max(h / picture.height() as f32) * cover;
    for (index, (from, to)) in picture.planes.iter().zip(&mut out.planes).enumerate() {
        let (cell, black) = if index == 0 {
            (CELL, 16.0)
        } else {
            (CELL / 2, 128.0)
        };
        let radius = f32::from(look.sigma) * cell as f32 / CELL as f32;
        let mut small = Small::averaged(from, (radius / RADIUS / scale).max(1.0));
        for _ in 0..PASSES {
            small.blur();
        }
        let columns = to.width.div_ceil(cell) + 2 * MARGIN;
        let rows = to.height.div_ceil(cell) + 2 * MARGIN;
        let mut levels = Vec::with_capacity(columns * rows);
        let along = |index: usize, to: usize, from: usize| {
            let at = (index as f32 - MARGIN as f32 + 0.5) * cell as f32;
            (at - to as f32 / 2.0) / scale + from as f32 / 2.0
        };
        // Chroma is dimmed less: grey backdrops look dirty.
        let kept = 1.0 - dim * if index == 0 { 1.0 } else { 0.36 };
        for row in 0..rows {
            let y = along(row, to.height, from.height);
            for column in 0..columns {
                let level = small.at(along(column, to.width, from.width), y);
                levels.push(black + (level - black) * kept);
            }
        }
        let grid = Grid {
            levels: &levels,
            columns,
            cell,
        };
        enlarge(grid, None, to);
    }
}

/// A plane reduced to averages of square cells.
struct Small {
    width: usize,
    height: usize,
    cell: usize,
    levels: Vec<f32>,
}

impl Small {
    fn averaged(plane: &Plane, cell: f32) -> Self {
        let cell = cell.round() as usize;
        let (width, height) = (plane.width.div_ceil(cell), plane.height.div_ceil(cell));
        let mut levels = vec![0.0; width * height];
        let mut sums = vec![0u32; width];
        for row in 0..height {
            let rows = row * cell..((row + 1) * cell).min(plane.height);
            sums.fill(0);
            for y in rows.clone() {
                for (sum, samples) in sums.iter_mut().zip(plane.row(y).chunks(cell)) {
                    *sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
                }
            }
            for (column, sum) in sums.iter().enumerate() {
                let count = rows.len() * cell.min(plane.width - column * cell);
                levels[row * width + column] = *sum as f32 / count as f32;
            }
        }
        Self {
            width,
            height,
            cell,
            levels,
        }
    }

    /// One pass of 1-2-1 in both directions; borders repeat.
    fn blur(&mut self) {
        let (width, height) = (self.width, self.height);
        for row in self.levels.chunks_exact_mut(width) {
            let mut left = row[0];
            for x in 0..width {
                let right = row[(x + 1).min(width - 1)];
                let here = row[x];
                row[x] = 0.25 * left + 0.5 * here + 0.25 * right;
                left = here;
            }
        }
        for x in 0..width {
            let mut above = self.levels[x];
            for y in 0..height {
                let below = self.levels[(y + 1).min(height - 1) * width + x];
                let here = self.levels[y * width + x];
                self.levels[y * width + x] = 0.25 * above + 0.5 * here + 0.25 * below;
                above = here;
            }
        }
    }

    /// The level at a position of the plane, between cells.
    fn at(&self, x: f32, y: f32) -> f32 {
        let place = |at: f32, limit: usize| {
            let at = (at / self.cell as f32 - 0.5).clamp(0.0, (limit - 1) as f32);
            let low = at as usize;
            (low, (low + 1).min(limit - 1), at - low as f32)
        };
        let (x0, x1, fx) = place(x, self.width);
        let (y0, y1, fy) = place(y, self.height);
        let level = |x: usize, y: usize| self.levels[y * self.width + x];
        let top = level(x0, y0) + (level(x1, y0) - level(x0, y0)) * fx;
        let bottom = level(x0, y1) + (level(x1, y1) - level(x0, y1)) * fx;
        top + (bottom - top) * fy
    }
}

/// Puts a picture into the middle of a larger one, on the even grid.
pub fn inset(picture: &Picture, out: &mut Picture) {
    let left = (out.planes[1].width - picture.planes[1].width) / 2;
    let top = (out.planes[1].height - picture.planes[1].height) / 2;
    for (index, (from, to)) in picture.planes.iter().zip(&mut out.planes).enumerate() {
        let scale = if index == 0 { 2 } else { 1 };
        for y in 0..from.height {
            let row = to.row_mut(y + top * scale);
            row[left * scale..][..from.width].copy_from_slice(from.row(y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    #[test]
    fn a_flat_picture_becomes_a_dimmer_flat_backdrop() {
        let picture = Picture::filled(200, 112, Yuv([180, 100, 150]));
        let mut out = Picture::filled(216, 384, Yuv::BLACK);
        draw(&picture, USUAL, &mut out);
        let expected = 16.0 + (180.0 - 16.0) * 0.72;
        assert!(
            out.planes[0]
                .data
                .iter()
                .all(|y| (f32::from(*y) - expected).abs() < 1.5)
        );
        assert!(out.planes[1].data.iter().all(|u| u.abs_diff(103) <= 1));
    }

    #[test]
    fn blurs_what_it_covers() {
        let mut picture = Picture::filled(160, 90, Yuv::BLACK);
        for y in 0..90 {
            picture.planes[0].row_mut(y)[80..].fill(235);
        }
        let mut out = Picture::filled(216, 384, Yuv::BLACK);
        draw(&picture, USUAL, &mut out);
        let row = out.planes[0].row(190);
        let step = row.windows(2).map(|w| w[0].abs_diff(w[1])).max().unwrap();
        assert!(
            row[0] < 40 && row[215] > 130 && step < 8,
            "{} {} {step}",
            row[0],
            row[215]
        );
    }

    #[test]
    fn inset_is_centred() {
        let mut out = Picture::filled(20, 40, Yuv::BLACK);
        inset(&Picture::filled(20, 12, Yuv([200, 1, 2])), &mut out);
        let lit: Vec<usize> = (0..40)
            .filter(|y| out.planes[0].row(*y)[0] == 200)
            .collect();
        assert_eq!(
            (lit.first(), lit.last(), lit.len()),
            (Some(&14), Some(&25), 12)
        );
        assert_eq!(out.planes[1].row(7)[0], 1);
    }

    #[test]
    fn a_look_is_softer_and_darker_as_told() {
        let mut picture = Picture::filled(160, 90, Yuv::BLACK);
        for y in 0..90 {
            picture.planes[0].row_mut(y)[80..].fill(235);
        }
        let drawn = |look: BackdropLook| {
            let mut out = Picture::filled(216, 384, Yuv::BLACK);
            draw(&picture, look, &mut out);
            out.planes[0].row(190).to_vec()
        };
        let steepest = |row: &[u8]| row.windows(2).map(|w| w[0].abs_diff(w[1])).max().unwrap();
        let (soft, hard) = (
            drawn(BackdropLook { sigma: 60, ..USUAL }),
            drawn(BackdropLook { sigma: 12, ..USUAL }),
        );
        assert!(steepest(&hard) > 2 * steepest(&soft));
        let dark = drawn(BackdropLook {
            dim_pm: 800,
            ..USUAL
        });
        assert!(dark[215] < 70, "{}", dark[215]);
    }
}
