//! Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) over windows of 8x8 samples, four apart.

use super::composition::Plane;

const WINDOW: usize = 8;
const STRIDE: usize = 4;
/// The constants of the paper for 8 bits.
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// How like two pictures are, 1 for the same.
#[derive(Clone, Copy, Default)]
pub(crate) struct Likeness {
    pub(crate) luma: f64,
    /// The mean of both colour planes.
    pub(crate) colour: f64,
}

impl Likeness {
    /// Light counts four times as much as each colour plane: it has four times the samples.
    pub(crate) fn all(&self) -> f64 {
        (4.0 * self.luma + 2.0 * self.colour) / 6.0
    }

    /// Adds that of one pair of pictures.
    pub(crate) fn add(&mut self, a: &[Plane; 3], b: &[Plane; 3]) {
        self.luma += ssim(&a[0], &b[0]);
        self.colour += (ssim(&a[1], &b[1]) + ssim(&a[2], &b[2])) / 2.0;
    }

    /// Of as many pairs.
    pub(crate) fn mean(self, pairs: f64) -> Self {
        Self {
            luma: self.luma / pairs,
            colour: self.colour / pairs,
        }
    }
}

fn ssim(a: &Plane, b: &Plane) -> f64 {
    assert_eq!((a.width, a.data.len()), (b.width, b.data.len()));
    let (width, height) = (a.width, a.data.len() / a.width);
    let (mut sum, mut windows) = (0.0, 0u32);
    for top in (0..=height - WINDOW).step_by(STRIDE) {
        for left in (0..=width - WINDOW).step_by(STRIDE) {
            sum += window(a, b, left, top);
            windows += 1;
        }
    }
    sum / f64::from(windows)
}

fn window(a: &Plane, b: &Plane, left: usize, top: usize) -> f64 {
    let (mut sa, mut sb, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for y in top..top + WINDOW {
        let at = y * a.width + left;
        for (x, y) in a.data[at..at + WINDOW].iter().zip(&b.data[at..at + WINDOW]) {
            sa += x;
            sb += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
    }
    let n = (WINDOW * WINDOW) as f64;
    let (ma, mb) = (sa / n, sb / n);
    let (va, vb, cov) = (aa / n - ma * ma, bb / n - mb * mb, ab / n - ma * mb);
    ((2.0 * ma * mb + C1) * (2.0 * cov + C2)) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
}
