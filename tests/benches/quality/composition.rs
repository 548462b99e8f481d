//! The slow composition: what a picture is when nothing but care counts.
//!
//! Every output sample is a Lanczos-weighted mean in `f64` around its true place in the source: light at pixel centres,
//! colour where the standards put it (H.264's usual place at the left edge of its pair, JPEG's in the middle of its
//! four pixels). Neighbours: `main` says what is cut, `ssim` compares.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Output size.
pub(crate) const WIDTH: usize = 1080;
pub(crate) const HEIGHT: usize = 1920;
/// Half-width of the kernel in samples.
const LOBES: f64 = 3.0;

/// A plane of numbers.
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) data: Vec<f64>,
}

impl Plane {
    fn height(&self) -> usize {
        self.data.len() / self.width
    }
}

/// A part of a source in its pixels, from its left and upper edge.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A decoded picture.
pub(crate) struct Source {
    pub(crate) width: usize,
    pub(crate) height: usize,
    planes: [Plane; 3],
    jpeg: bool,
}

impl Source {
    /// Frames of a file, by number.
    pub(crate) fn read(path: &Path, frames: &[i64]) -> anyhow::Result<Vec<Self>> {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
            .args(["-show_entries", "stream=width,height,pix_fmt"])
            .arg(path)
            .output()?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let fields: Vec<&str> = line.split(',').collect();
        let [width, height, format] = fields[..] else {
            bail!("{}: {line}", path.display());
        };
        let jpeg = match format {
            "yuv420p" => false,
            "yuvj420p" => true,
            other => bail!(
                "{}: pictures of {other} are not part of the workload",
                path.display()
            ),
        };
        let (width, height) = (width.parse()?, height.parse()?);
        let pictures = super::films::raw(path, frames, format)?;
        let size = width * height * 3 / 2;
        Ok(pictures
            .chunks_exact(size)
            .map(|bytes| Self {
                width,
                height,
                planes: planes(bytes, width, height),
                jpeg,
            })
            .collect())
    }

    /// What fills the output: limited BT.709, colour at half the size.
    pub(crate) fn compose(&self, cut: Cut) -> [Plane; 3] {
        let luma = Grid::new(cut, 1);
        let colour = Grid::new(cut, 2);
        if !self.jpeg {
            return [
                self.sample(0, &luma),
                self.sample(1, &colour),
                self.sample(2, &colour),
            ];
        }
        let all = |grid: &Grid| [0, 1, 2].map(|plane| self.sample(plane, grid));
        let (fine, coarse) = (all(&luma), all(&colour));
        let [light, _, _] = to_bt709(&fine);
        let [_, blue, red] = to_bt709(&coarse);
        [light, blue, red]
    }

    /// One plane at the places of a grid, which are in luma pixels of the source.
    fn sample(&self, plane: usize, grid: &Grid) -> Plane {
        let from = &self.planes[plane];
        let (colour, centred) = (plane > 0, self.jpeg);
        let place = |at: f64, across: bool| match (colour, centred || !across) {
            (false, _) => at,
            (true, true) => (at - 0.5) / 2.0,
            (true, false) => at / 2.0,
        };
        let share = if colour { 0.5 } else { 1.0 };
        let columns: Vec<Taps> = grid
            .x
            .iter()
            .map(|x| Taps::new(place(*x, true), grid.step.0 * share, from.width))
            .collect();
        let rows: Vec<Taps> = grid
            .y
            .iter()
            .map(|y| Taps::new(place(*y, false), grid.step.1 * share, from.height()))
            .collect();
        let mut across = vec![0.0; columns.len() * from.height()];
        for (row, out) in from
            .data
            .chunks_exact(from.width)
            .zip(across.chunks_exact_mut(columns.len()))
        {
            for (out, taps) in out.iter_mut().zip(&columns) {
                *out = taps.sum(|at| row[at]);
            }
        }
        let width = columns.len();
        let mut data = vec![0.0; width * rows.len()];
        for (taps, out) in rows.iter().zip(data.chunks_exact_mut(width)) {
            for (x, out) in out.iter_mut().enumerate() {
                *out = taps.sum(|at| across[at * width + x]);
            }
        }
        Plane { width, data }
    }
}

/// Places of output samples in luma pixels of the source (the centre of the first pixel is 0), and their distances.
struct Grid {
    x: Vec<f64>,
    y: Vec<f64>,
    step: (f64, f64),
}

impl Grid {
    /// `every` is 1 for light, 2 for colour, whose samples stand on the left pixel of their pair, between their rows.
    fn new(cut: Cut, every: usize) -> Self {
        let scale = (cut.width / WIDTH as f64, cut.height / HEIGHT as f64);
        let down = if every == 1 { 0.5 } else { 1.0 };
        let place = |at: usize, middle: f64, from: f64, scale: f64| {
            from + ((at * every) as f64 + middle) * scale - 0.5
        };
        Self {
            x: (0..WIDTH / every)
                .map(|at| place(at, 0.5, cut.left, scale.0))
                .collect(),
            y: (0..HEIGHT / every)
                .map(|at| place(at, down, cut.top, scale.1))
                .collect(),
            step: (scale.0 * every as f64, scale.1 * every as f64),
        }
    }
}

/// The samples around a place with their weights.
struct Taps {
    first: isize,
    weights: Vec<f64>,
    length: usize,
}

impl Taps {
    fn new(at: f64, step: f64, length: usize) -> Self {
        let wide = step.max(1.0);
        let first = (at - LOBES * wide).ceil() as isize;
        let last = (at + LOBES * wide).floor() as isize;
        let lanczos = |x: f64| {
            let x = x * std::f64::consts::PI;
            if x.abs() < 1e-9 {
                1.0
            } else {
                LOBES * x.sin() * (x / LOBES).sin() / (x * x)
            }
        };
        let mut weights: Vec<f64> = (first..=last)
            .map(|index| lanczos((index as f64 - at) / wide))
            .collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Self {
            first,
            weights,
            length,
        }
    }

    fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        let inside = |at: isize| at.clamp(0, self.length as isize - 1) as usize;
        let terms = self.weights.iter().zip(self.first..);
        terms.map(|(weight, at)| weight * value(inside(at))).sum()
    }
}

/// Full-range BT.601, as JPEG has it, to limited BT.709.
fn to_bt709(planes: &[Plane; 3]) -> [Plane; 3] {
    let width = planes[0].width;
    let mut out = [0, 1, 2].map(|_| Plane {
        width,
        data: Vec::with_capacity(planes[0].data.len()),
    });
    for at in 0..planes[0].data.len() {
        let (y, b, r) = (
            planes[0].data[at],
            planes[1].data[at] - 128.0,
            planes[2].data[at] - 128.0,
        );
        let clip = |value: f64| value.clamp(0.0, 255.0);
        let red = clip(y + 1.402 * r);
        let green = clip(y - 0.344_136 * b - 0.714_136 * r);
        let blue = clip(y + 1.772 * b);
        let light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        out[0].data.push(16.0 + light * 219.0 / 255.0);
        out[1]
            .data
            .push(128.0 + (blue - light) / 1.8556 * 224.0 / 255.0);
        out[2]
            .data
            .push(128.0 + (red - light) / 1.5748 * 224.0 / 255.0);
    }
    out
}

/// The planes of raw 4:2:0 bytes.
pub(crate) fn planes(bytes: &[u8], width: usize, height: usize) -> [Plane; 3] {
    let (light, colour) = (width * height, width * height / 4);
    let plane = |from: usize, length: usize, width: usize| Plane {
        width,
        data: bytes[from..from + length]
            .iter()
            .map(|byte| f64::from(*byte))
            .collect(),
    };
    [
        plane(0, light, width),
        plane(light, colour, width / 2),
        plane(light + colour, colour, width / 2),
    ]
}

/// The frames of a finished film as planes.
pub(crate) fn pictures(bytes: &[u8]) -> anyhow::Result<Vec<[Plane; 3]>> {
    let size = WIDTH * HEIGHT * 3 / 2;
    (bytes.len().is_multiple_of(size))
        .then(|| {
            bytes
                .chunks_exact(size)
                .map(|bytes| planes(bytes, WIDTH, HEIGHT))
                .collect()
        })
        .context("the film has another size")
}
