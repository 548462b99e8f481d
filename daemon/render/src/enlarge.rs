//! Enlarging a coarse grid of levels into a plane with cubic B-splines.
//!
//! The spline blurs by about one cell, so nothing drawn on the grid can show blocks or hard edges; a still, seeded
//! grain below one level hides the steps of the 8 bits. Neighbours: `looks` compute light on a grid, `backdrop`
//! blurs a picture on one.

use crate::picture::Plane;

/// Grid points beyond each edge of the plane, which the spline needs.
pub const MARGIN: usize = 2;
const TAPS: usize = 5;
/// Side of the repeating grain.
const GRAIN: usize = 256;

/// Levels on a grid whose first point lies [`MARGIN`] cells left of and above the plane.
#[derive(Clone, Copy)]
pub struct Grid<'a> {
    /// Row after row.
    pub levels: &'a [f32],
    /// Points in a row, margins included.
    pub columns: usize,
    /// Samples of the plane in a cell's side.
    pub cell: usize,
}

/// A repeating tile of noise with triangular distribution, -1 to 1.
pub struct Grain(Vec<f32>);

impl Grain {
    /// Noise from evenly distributed numbers between 0 and 1.
    pub fn new(mut dice: impl FnMut() -> f32) -> Self {
        // The sum of two even distributions hides every step; one alone leaves its noise level pumping.
        Self((0..GRAIN * GRAIN).map(|_| dice() + dice() - 1.0).collect())
    }

    fn row(&self, y: usize) -> &[f32] {
        let at = y % GRAIN * GRAIN;
        &self.0[at..at + GRAIN]
    }
}

const STILL: [f32; GRAIN] = [0.0; GRAIN];

/// Draws the grid over the whole plane, with grain of an amplitude in levels.
pub fn enlarge(grid: Grid, grain: Option<(&Grain, f32)>, plane: &mut Plane) {
    let weights = phase_weights(grid.cell);
    let amplitude = grain.map_or(0.0, |(_, amplitude)| amplitude);
    let mut combined = vec![0.0; grid.columns];
    let width = plane.width;
    for (y, row) in plane.data.chunks_exact_mut(width).enumerate() {
        combine(grid, y / grid.cell, &weights[y % grid.cell], &mut combined);
        let grain = grain.map_or(&STILL[..], |(grain, _)| grain.row(y));
        match grid.cell {
            8 => expand::<8>(&combined, &weights, grain, amplitude, row),
            6 => expand::<6>(&combined, &weights, grain, amplitude, row),
            4 => expand::<4>(&combined, &weights, grain, amplitude, row),
            3 => expand::<3>(&combined, &weights, grain, amplitude, row),
            2 => expand::<2>(&combined, &weights, grain, amplitude, row),
            _ => expand_from(0, &combined, &weights, (grain, amplitude), row),
        }
    }
}

/// Five rows of the grid under their weights.
fn combine(grid: Grid, first: usize, weight: &[f32; TAPS], out: &mut [f32]) {
    let row = |k: usize| &grid.levels[(first + k) * grid.columns..][..grid.columns];
    let (a, b, c, d, e) = (row(0), row(1), row(2), row(3), row(4));
    for (i, out) in out.iter_mut().enumerate() {
        *out = a[i] * weight[0]
            + b[i] * weight[1]
            + c[i] * weight[2]
            + d[i] * weight[3]
            + e[i] * weight[4];
    }
}

/// One output row, `CELL` samples a grid cell: a constant inner length lets the compiler use vectors.
fn expand<const CELL: usize>(
    levels: &[f32],
    weights: &[[f32; TAPS]],
    grain: &[f32],
    amplitude: f32,
    row: &mut [u8],
) {
    let mut by_tap = [[0.0f32; CELL]; TAPS];
    for (phase, weight) in weights.iter().enumerate().take(CELL) {
        for (tap, weight) in weight.iter().enumerate() {
            by_tap[tap][phase] = *weight;
        }
    }
    let mut chunks = row.chunks_exact_mut(CELL);
    for (cell, out) in chunks.by_ref().enumerate() {
        let taps = &levels[cell..cell + TAPS];
        let at = cell * CELL % (GRAIN - CELL);
        let grain = &grain[at..at + CELL];
        let mut sum = [0.5f32; CELL];
        for (level, weights) in taps.iter().zip(&by_tap) {
            for p in 0..CELL {
                sum[p] += level * weights[p];
            }
        }
        for p in 0..CELL {
            out[p] = (sum[p] + grain[p] * amplitude) as u8;
        }
    }
    let done = row.len() / CELL * CELL;
    expand_from(done, levels, weights, (grain, amplitude), row);
}

fn expand_from(
    start: usize,
    levels: &[f32],
    weights: &[[f32; TAPS]],
    (grain, amplitude): (&[f32], f32),
    row: &mut [u8],
) {
    let cell = weights.len();
    for (x, out) in row.iter_mut().enumerate().skip(start) {
        let taps = &levels[x / cell..x / cell + TAPS];
        let sum: f32 = taps
            .iter()
            .zip(&weights[x % cell])
            .map(|(level, weight)| level * weight)
            .sum();
        *out = (sum + 0.5 + grain[x % GRAIN] * amplitude) as u8;
    }
}

/// Weights of the five grid points around each of a cell's sample positions.
fn phase_weights(cell: usize) -> Vec<[f32; TAPS]> {
    (0..cell)
        .map(|phase| {
            let offset = (phase as f32 + 0.5) / cell as f32 - 0.5;
            let mut weights = [0.0; TAPS];
            for (tap, weight) in weights.iter_mut().enumerate() {
                *weight = spline((tap as f32 - MARGIN as f32 - offset).abs());
            }
            weights
        })
        .collect()
}

/// The cubic B-spline at a distance.
fn spline(x: f32) -> f32 {
    if x < 1.0 {
        (4.0 - 6.0 * x * x + 3.0 * x * x * x) / 6.0
    } else if x < 2.0 {
        (2.0 - x) * (2.0 - x) * (2.0 - x) / 6.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_keeps_the_sum() {
        for cell in [2, 4, 8, 10] {
            for weights in phase_weights(cell) {
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_slope_stays_a_slope_in_every_cell_size() {
        for cell in [2, 4, 6, 8] {
            let (columns, rows) = (48 / cell + 2 * MARGIN, 48 / cell + 2 * MARGIN);
            let levels: Vec<f32> = (0..columns * rows)
                .map(|at| {
                    let x = (at % columns) as f32 - MARGIN as f32 + 0.5;
                    40.0 + x * cell as f32 * 3.0
                })
                .collect();
            let grid = Grid {
                levels: &levels,
                columns,
                cell,
            };
            let mut plane = Plane::filled(48, 48, 0);
            enlarge(grid, None, &mut plane);
            for x in 0..48 {
                let exact = 40.0 + (x as f32 + 0.5) * 3.0;
                let drawn = f32::from(plane.row(17)[x]);
                assert!(
                    (drawn - exact).abs() <= 1.0,
                    "cell {cell}, column {x}: {drawn}"
                );
            }
        }
    }
}
