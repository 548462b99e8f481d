//! A soft picture computed coarsely: light on a small grid, enlarged with cubic B-splines straight into the YUV
//! planes, with a still, seeded grain against banding.
//!
//! B-splines blur by about one cell, so nothing drawn on the grid can show blocks or hard edges. Neighbours: the
//! looks fill the grid, `palette` mixes its colours.

use crate::enlarge::{Grain, Grid, MARGIN, enlarge};
use crate::picture::{Picture, bt709};

use super::noise::Dice;
use super::palette::Light;

const CURVE: usize = 1024;

/// Where a grid point lies: the origin is the picture's centre, the unit its width; x to the right, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// Light on a grid.
pub(super) struct Field {
    cell: usize,
    columns: usize,
    rows: usize,
    canvas: (f32, f32),
    light: Vec<Light>,
    levels: [Vec<f32>; 3],
    grain: Grain,
    curve: Vec<f32>,
}

impl Field {
    /// A grid for a canvas, `fineness` cells across its shorter side at the most.
    pub(super) fn new(width: u32, height: u32, fineness: u32, seed: u64) -> Self {
        let cell = (width.min(height) / fineness / 2 * 2).max(2) as usize;
        let columns = (width as usize).div_ceil(cell) + 2 * MARGIN;
        let rows = (height as usize).div_ceil(cell) + 2 * MARGIN;
        let mut dice = Dice::new(seed, 0x6_7261_696e);
        Self {
            cell,
            columns,
            rows,
            canvas: (width as f32, height as f32),
            light: vec![[0.0; 3]; columns * rows],
            levels: [0, 1, 2].map(|_| vec![0.0; columns * rows]),
            grain: Grain::new(|| dice.unit()),
            curve: (0..=CURVE + 1).map(curve_at).collect(),
        }
    }

    /// Computes the light of every grid point.
    pub(super) fn shade(&mut self, mut light: impl FnMut(Point) -> Light) {
        let unit = 1.0 / self.canvas.0;
        for row in 0..self.rows {
            let y = (self.centre(row) - self.canvas.1 / 2.0) * unit;
            for column in 0..self.columns {
                let x = (self.centre(column) - self.canvas.0 / 2.0) * unit;
                self.light[row * self.columns + column] = light(Point { x, y });
            }
        }
    }

    /// Changes the light inside a disc; `change` gets the distance from its centre in radii, squared.
    pub(super) fn disc(&mut self, at: Point, radius: f32, mut change: impl FnMut(&mut Light, f32)) {
        let scale = self.canvas.0 / self.cell as f32;
        let centre_x = at.x * scale + self.canvas.0 / 2.0 / self.cell as f32 - 0.5 + MARGIN as f32;
        let centre_y = at.y * scale + self.canvas.1 / 2.0 / self.cell as f32 - 0.5 + MARGIN as f32;
        let reach = radius * scale;
        let span = |centre: f32, limit: usize| {
            let low = (centre - reach).max(0.0) as usize;
            let high = ((centre + reach + 1.0).max(0.0) as usize).min(limit);
            low.min(high)..high
        };
        let inverse = 1.0 / (reach * reach);
        for row in span(centre_y, self.rows) {
            let dy = row as f32 - centre_y;
            for column in span(centre_x, self.columns) {
                let dx = column as f32 - centre_x;
                let distance = (dx * dx + dy * dy) * inverse;
                if distance < 1.0 {
                    change(&mut self.light[row * self.columns + column], distance);
                }
            }
        }
    }

    fn centre(&self, index: usize) -> f32 {
        (index as f32 - MARGIN as f32 + 0.5) * self.cell as f32
    }

    /// Darkens the corners by up to `strength` and draws the grid into the picture.
    pub(super) fn draw(&mut self, vignette: f32, out: &mut Picture) {
        self.level(vignette);
        for (index, plane) in out.planes.iter_mut().enumerate() {
            let cell = if index == 0 { self.cell } else { self.cell / 2 };
            let grid = Grid {
                levels: &self.levels[index],
                columns: self.columns,
                cell,
            };
            // The eye sees grain in colour as dirt.
            let amplitude = if index == 0 { 0.9 } else { 0.5 };
            enlarge(grid, Some((&self.grain, amplitude)), plane);
        }
    }

    fn level(&mut self, vignette: f32) {
        let (half_w, half_h) = (self.canvas.0 / 2.0, self.canvas.1 / 2.0);
        for row in 0..self.rows {
            let dy = (self.centre(row) - half_h) / half_h;
            for column in 0..self.columns {
                let dx = (self.centre(column) - half_w) / half_w;
                let far = (0.55 * dx * dx + 0.45 * dy * dy).min(1.2);
                let kept = 1.0 - vignette * far * far;
                let at = row * self.columns + column;
                let rgb = self.light[at].map(|light| self.encoded(light * kept));
                let levels = bt709(rgb);
                for (plane, level) in self.levels.iter_mut().zip(levels) {
                    plane[at] = level;
                }
            }
        }
    }

    /// Light as a gamma-encoded value; light above a knee rolls off instead of clipping.
    #[inline(always)]
    fn encoded(&self, light: f32) -> f32 {
        let light = if light > 0.6 {
            0.6 + 0.4 * (light - 0.6) / (light - 0.2)
        } else {
            light
        };
        let at = light.max(0.0).sqrt() * CURVE as f32;
        let low = (at as usize).min(CURVE);
        let f = at - low as f32;
        self.curve[low] + (self.curve[low + 1] - self.curve[low]) * f
    }
}

/// The sRGB curve over the square root of light, where it is nearly straight.
fn curve_at(index: usize) -> f32 {
    let root = index as f32 / CURVE as f32;
    let light = root * root;
    if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    #[test]
    fn flat_light_is_a_flat_picture_up_to_the_grain() {
        let mut field = Field::new(216, 384, 27, 3);
        let mut out = Picture::filled(216, 384, Yuv::BLACK);
        field.shade(|_| [0.2140, 0.2140, 0.2140]);
        field.draw(0.0, &mut out);
        // Middle grey: sRGB 0.5 is level 16 + 219 / 2.
        assert!(out.planes[0].data.iter().all(|y| (124..=127).contains(y)));
        assert!(out.planes[1].data.iter().all(|u| (127..=129).contains(u)));
        let mean = out.planes[0]
            .data
            .iter()
            .map(|y| f64::from(*y))
            .sum::<f64>()
            / (216.0 * 384.0);
        assert!((mean - 125.5).abs() < 0.2, "{mean}");
    }

    #[test]
    fn neighbouring_pixels_never_jump() {
        let mut field = Field::new(160, 320, 20, 1);
        let mut out = Picture::filled(160, 320, Yuv::BLACK);
        field.shade(|p| if p.x > 0.0 { [0.5; 3] } else { [0.0; 3] });
        field.draw(0.0, &mut out);
        let row = out.planes[0].row(100);
        let step = row.windows(2).map(|w| w[0].abs_diff(w[1])).max().unwrap();
        assert!(row[0] < 20 && row[159] > 150);
        assert!(
            step < 20,
            "an edge of 150 levels is spread over a cell: {step}"
        );
    }

    #[test]
    fn discs_land_where_asked() {
        let mut field = Field::new(160, 160, 40, 1);
        let mut out = Picture::filled(160, 160, Yuv::BLACK);
        field.shade(|_| [0.0; 3]);
        field.disc(Point { x: 0.25, y: -0.25 }, 0.1, |light, _| {
            *light = [0.8; 3]
        });
        field.draw(0.0, &mut out);
        assert!(out.planes[0].row(40)[120] > 180);
        assert!(out.planes[0].row(120)[40] < 20);
        field.disc(Point { x: 9.0, y: -9.0 }, 0.1, |_, _| panic!("far outside"));
    }

    #[test]
    fn vignette_darkens_corners_only() {
        let mut field = Field::new(160, 160, 20, 1);
        let mut out = Picture::filled(160, 160, Yuv::BLACK);
        field.shade(|_| [0.3; 3]);
        field.draw(0.5, &mut out);
        let luma = &out.planes[0];
        assert!(luma.row(80)[80] > luma.row(2)[2] + 25);
    }
}
