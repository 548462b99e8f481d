//! Sub-pixel magnification: a canvas-sized view into a larger (or the same) picture, without whole-pixel jitter.
//!
//! Separable Catmull-Rom in fixed point: rows first, which vectorises, then columns. Neighbours: `camera` decides the
//! view, `transition` zooms with it. Scaling down by more than about 1.5 belongs to the decoder's scaler.

use crate::ffi_simd::{SUM_BITS, weigh};
use crate::picture::{Picture, Plane};

/// Where the output looks at the source: output pixel `i` shows source position `left + i * step_x`, and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Source position of the output's left edge, pixels.
    pub left: f32,
    /// Source position of the output's top edge, pixels.
    pub top: f32,
    /// Source pixels per output pixel across.
    pub step_x: f32,
    /// Source pixels per output pixel down.
    pub step_y: f32,
}

impl View {
    /// Whether output pixels are source pixels.
    pub fn is_identity(&self) -> bool {
        *self
            == Self {
                left: 0.0,
                top: 0.0,
                step_x: 1.0,
                step_y: 1.0,
            }
    }
}

/// Bits after the point of a row's weight: four weighted samples still fit 16 bits.
const ROW_BITS: u32 = 6;
/// Bits after the point of a column's weight.
const COLUMN_BITS: u32 = SUM_BITS - ROW_BITS;
const PAD: usize = 2;

/// Four neighbours and what each counts.
pub struct Tap {
    /// The first of them.
    pub index: usize,
    /// Their weights.
    pub weights: [i16; 4],
}

/// Draws views; keeps its tables and row buffer between calls.
#[derive(Default)]
pub struct Sampler {
    columns: Vec<Tap>,
    row: Vec<i16>,
}

impl Sampler {
    /// A sampler without tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws what `view` shows of `source` into all of `out`; beyond the source's edges its border repeats.
    pub fn sample(&mut self, source: &Picture, view: View, out: &mut Picture) {
        if view.is_identity() && source.width() == out.width() && source.height() == out.height() {
            out.copy_from(source);
            return;
        }
        for (index, (from, to)) in source.planes.iter().zip(&mut out.planes).enumerate() {
            let share = if index == 0 { 1.0 } else { 0.5 };
            let view = View {
                left: view.left * share,
                top: view.top * share,
                ..view
            };
            self.sample_plane(from, view, to);
        }
    }

    fn sample_plane(&mut self, from: &Plane, view: View, to: &mut Plane) {
        self.columns.clear();
        self.columns.extend(
            (0..to.width)
                .map(|x| view.left + (x as f32 + 0.5) * view.step_x - 0.5)
                .map(|position| tap(position, from.width, COLUMN_BITS)),
        );
        self.row.clear();
        self.row.resize(from.width + 2 * PAD, 0);
        for y in 0..to.height {
            let position = view.top + (y as f32 + 0.5) * view.step_y - 0.5;
            let rows = tap(position, from.height, ROW_BITS);
            combine_rows(from, &rows, &mut self.row[PAD..PAD + from.width]);
            pad(&mut self.row);
            weigh(&self.row, &self.columns, to.row_mut(y));
        }
    }
}

/// The four samples around a position, as the index of the first in a row padded by [`PAD`], and their weights.
fn tap(position: f32, length: usize, bits: u32) -> Tap {
    let position = position.clamp(-0.5, length as f32 - 0.5);
    let floor = position.floor();
    let f = position - floor;
    let unit = f32::from(1i16 << bits);
    let (f2, f3) = (f * f, f * f * f);
    let exact = [
        -0.5 * f + f2 - 0.5 * f3,
        1.0 - 2.5 * f2 + 1.5 * f3,
        0.5 * f + 2.0 * f2 - 1.5 * f3,
        -0.5 * f2 + 0.5 * f3,
    ];
    let mut weights = exact.map(|weight| (weight * unit).round() as i16);
    let lost = (1 << bits) - weights.iter().sum::<i16>();
    weights[if f < 0.5 { 1 } else { 2 }] += lost;
    Tap {
        index: (floor as isize - 1 + PAD as isize) as usize,
        weights,
    }
}

/// Weighted sum of four rows, in units of `1 / (1 << ROW_BITS)`.
fn combine_rows(from: &Plane, tap: &Tap, out: &mut [i16]) {
    let row = |k: usize| {
        let y = (tap.index + k) as isize - PAD as isize;
        from.row(y.clamp(0, from.height as isize - 1) as usize)
    };
    let (a, b, c, d) = (row(0), row(1), row(2), row(3));
    let w = tap.weights;
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out = i16::from(*a) * w[0]
            + i16::from(*b) * w[1]
            + i16::from(*c) * w[2]
            + i16::from(*d) * w[3];
    }
}

fn pad(row: &mut [i16]) {
    let last = row.len() - PAD - 1;
    for k in 0..PAD {
        row[k] = row[PAD];
        row[last + 1 + k] = row[last];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    fn ramp(width: usize, height: usize) -> Picture {
        let mut picture = Picture::filled(width, height, Yuv([0, 90, 160]));
        for y in 0..height {
            for (x, sample) in picture.planes[0].row_mut(y).iter_mut().enumerate() {
                *sample = (2 * x + y) as u8;
            }
        }
        picture
    }

    #[test]
    fn identity_copies() {
        let source = ramp(64, 32);
        let mut out = Picture::filled(64, 32, Yuv::BLACK);
        let view = View {
            left: 0.0,
            top: 0.0,
            step_x: 1.0,
            step_y: 1.0,
        };
        Sampler::new().sample(&source, view, &mut out);
        assert_eq!(out, source);
    }

    #[test]
    fn a_shift_by_a_fraction_moves_a_ramp_by_that_fraction() {
        let source = ramp(80, 64);
        let mut out = Picture::filled(40, 32, Yuv::BLACK);
        let view = View {
            left: 10.5,
            top: 8.0,
            step_x: 1.0,
            step_y: 1.0,
        };
        Sampler::new().sample(&source, view, &mut out);
        // 2 * (x + 10.5) + (y + 8)
        for (x, y) in [(5usize, 4usize), (20, 20), (30, 11)] {
            let expected = 2 * x + 21 + y + 8;
            assert_eq!(usize::from(out.planes[0].row(y)[x]), expected, "{x},{y}");
        }
        assert!(out.planes[1].data.iter().all(|sample| *sample == 90));
    }

    #[test]
    fn flat_stays_flat_at_every_zoom_and_edges_repeat() {
        let source = Picture::filled(50, 50, Yuv([235, 16, 240]));
        let mut sampler = Sampler::new();
        for step in [0.37, 0.871, 1.0, 1.3] {
            let mut out = Picture::filled(60, 44, Yuv::BLACK);
            let view = View {
                left: -3.7,
                top: 11.2,
                step_x: step,
                step_y: step,
            };
            sampler.sample(&source, view, &mut out);
            assert_eq!(
                out,
                Picture::filled(60, 44, Yuv([235, 16, 240])),
                "step {step}"
            );
        }
    }

    #[test]
    fn weights_always_sum_to_one() {
        for position in 0..1000 {
            for bits in [ROW_BITS, COLUMN_BITS] {
                let tap = tap(position as f32 * 0.0317, 100, bits);
                assert_eq!(tap.weights.iter().sum::<i16>(), 1 << bits);
            }
        }
    }
}
