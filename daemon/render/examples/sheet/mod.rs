//! A sheet of small pictures as one PNG, for examples that show something to be judged by eye.

use std::path::Path;

use anyhow::Context;
use fenta_render::picture::{Picture, Plane, Yuv};
use tiny_skia::{Pixmap, PremultipliedColorU8};

/// A grid of pictures under way.
pub(crate) struct Sheet {
    pixmap: Pixmap,
    cell: (usize, usize),
}

impl Sheet {
    /// An empty sheet of so many pictures across and down, each of this size.
    pub(crate) fn new(counts: (usize, usize), cell: (usize, usize)) -> anyhow::Result<Self> {
        let size = |count: usize, side: usize| (count * (side + 2)) as u32;
        let pixmap = Pixmap::new(size(counts.0, cell.0), size(counts.1, cell.1));
        let pixmap = pixmap.context("the sheet is too large")?;
        Ok(Self { pixmap, cell })
    }

    /// Puts a picture into a place of the grid, shrunk by averaging.
    pub(crate) fn paste(&mut self, picture: &Picture, (column, row): (usize, usize)) {
        let (width, height) = self.cell;
        let (left, top) = (column * (width + 2), row * (height + 2));
        let stride = self.pixmap.width() as usize;
        let pixels = self.pixmap.pixels_mut();
        for y in 0..height {
            for x in 0..width {
                let level = |plane: &Plane| mean(plane, (x, width), (y, height));
                let [luma, u, v] = [0, 1, 2].map(|index| level(&picture.planes[index]));
                let [r, g, b] = rgb([luma, u, v]);
                if let Some(color) = PremultipliedColorU8::from_rgba(r, g, b, 255) {
                    pixels[(top + y) * stride + left + x] = color;
                }
            }
        }
    }

    /// Writes the PNG.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        Ok(self.pixmap.save_png(path)?)
    }
}

/// The mean of the samples that a pixel of a smaller picture stands for.
fn mean(plane: &Plane, (x, width): (usize, usize), (y, height): (usize, usize)) -> f32 {
    let span = |at: usize, count: usize, length: usize| {
        let start = at * length / count;
        start..((at + 1) * length / count).max(start + 1)
    };
    let columns = span(x, width, plane.width);
    let rows = span(y, height, plane.height);
    let count = columns.len() * rows.len();
    let sum: u32 = rows
        .map(|y| {
            let row = &plane.row(y)[columns.clone()];
            row.iter().map(|s| u32::from(*s)).sum::<u32>()
        })
        .sum();
    sum as f32 / count as f32
}

fn rgb([luma, u, v]: [f32; 3]) -> [u8; 3] {
    let luma = (luma - 16.0) / 219.0;
    let (u, v) = ((u - 128.0) / 224.0, (v - 128.0) / 224.0);
    let red = luma + 1.5748 * v;
    let blue = luma + 1.8556 * u;
    let green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152;
    [red, green, blue].map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
}

/// Reads a PNG.
#[allow(dead_code, reason = "not every example reads one")]
pub(crate) fn read(path: &Path) -> anyhow::Result<Picture> {
    let pixmap = Pixmap::load_png(path).with_context(|| format!("read {}", path.display()))?;
    let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
    let mut picture = Picture::filled(width, height, Yuv::BLACK);
    for (at, pixel) in pixmap.pixels().iter().enumerate() {
        let (x, y) = (at % width, at / width);
        let color = fenta_templates::color::Color::rgb(pixel.red(), pixel.green(), pixel.blue());
        let Yuv(levels) = Yuv::from(color);
        picture.planes[0].row_mut(y)[x] = levels[0];
        if x % 2 == 0 && y % 2 == 0 {
            for index in [1, 2] {
                picture.planes[index].row_mut(y / 2)[x / 2] = levels[index];
            }
        }
    }
    Ok(picture)
}
