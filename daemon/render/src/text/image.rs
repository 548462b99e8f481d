//! Premultiplied RGBA pictures and their resampling.
//!
//! Neighbours: `raster` makes them, `overlay` scales them, the compositor blends them. It knows nothing about files.

/// Premultiplied RGBA, 8 bits a channel, rows from the top without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbaImage {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 4` bytes.
    pub data: Vec<u8>,
}

impl RgbaImage {
    /// A clear picture.
    pub fn transparent(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            data: vec![0; width as usize * height as usize * 4],
        }
    }

    /// The four channels at a place inside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 4] {
        let at = (y as usize * self.width as usize + x as usize) * 4;
        [
            self.data[at],
            self.data[at + 1],
            self.data[at + 2],
            self.data[at + 3],
        ]
    }

    /// Whether the bytes match the size.
    pub fn is_whole(&self) -> bool {
        self.data.len() as u64 == u64::from(self.width) * u64::from(self.height) * 4
            && !self.data.is_empty()
    }

    /// The columns `[from, to)` of the picture; at least one.
    pub fn columns(&self, from: u32, to: u32) -> Self {
        let from = from.min(self.width.saturating_sub(1));
        let to = to.clamp(from + 1, self.width.max(from + 1));
        let (row, span) = (self.width as usize * 4, from as usize * 4..to as usize * 4);
        let rows = self.data.chunks_exact(row.max(4));
        Self {
            width: to - from,
            height: self.height,
            data: rows.flat_map(|row| &row[span.clone()]).copied().collect(),
        }
    }

    /// The same picture in another size: a Catmull-Rom filter widened by the reduction, so that every source pixel
    /// counts and thin lines neither vanish nor shimmer.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        self.filtered(width.max(1), height.max(1))
    }

    fn filtered(&self, width: u32, height: u32) -> Self {
        let columns = taps(self.width, width);
        let rows = taps(self.height, height);
        let source_row = self.width as usize * 4;
        let row = width as usize * 4;
        let mut wide = vec![0f32; row * self.height as usize];
        for (line, out) in self
            .data
            .chunks_exact(source_row)
            .zip(wide.chunks_exact_mut(row))
        {
            for (taps, pixel) in columns.iter().zip(out.chunks_exact_mut(4)) {
                for (weight, source) in taps
                    .weights
                    .iter()
                    .zip(line[taps.first * 4..].chunks_exact(4))
                {
                    for (value, &source) in pixel.iter_mut().zip(source) {
                        *value += weight * f32::from(source);
                    }
                }
            }
        }
        let mut out = Self::transparent(width, height);
        let mut sums = vec![0f32; row];
        for (taps, line) in rows.iter().zip(out.data.chunks_exact_mut(row)) {
            sums.fill(0.0);
            for (weight, source) in taps
                .weights
                .iter()
                .zip(wide[taps.first * row..].chunks_exact(row))
            {
                for (sum, source) in sums.iter_mut().zip(source) {
                    *sum += weight * source;
                }
            }
            store_premultiplied(&sums, line);
        }
        out
    }
}

/// Rounds to bytes; the filter's overshoot must not make a colour brighter than its alpha.
fn store_premultiplied(sums: &[f32], line: &mut [u8]) {
    for (pixel, sums) in line.chunks_exact_mut(4).zip(sums.chunks_exact(4)) {
        let alpha = sums[3].round().clamp(0.0, 255.0);
        for (value, sum) in pixel.iter_mut().zip(sums) {
            *value = sum.round().clamp(0.0, alpha) as u8;
        }
    }
}

/// The source pixels that make one target pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

fn taps(source: u32, target: u32) -> Vec<Taps> {
    let ratio = source as f32 / target as f32;
    let widen = ratio.max(1.0);
    (0..target)
        .map(|i| {
            let centre = (i as f32 + 0.5) * ratio;
            let first = (centre - 2.0 * widen).floor().max(0.0) as usize;
            let end = ((centre + 2.0 * widen).ceil() as usize).min(source as usize);
            let mut weights: Vec<f32> = (first..end)
                .map(|at| catmull_rom((at as f32 + 0.5 - centre) / widen))
                .collect();
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            Taps { first, weights }
        })
        .collect()
}

fn catmull_rom(x: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(width: u32, height: u32, pixel: [u8; 4]) -> RgbaImage {
        let mut image = RgbaImage::transparent(width, height);
        image
            .data
            .chunks_exact_mut(4)
            .for_each(|p| p.copy_from_slice(&pixel));
        image
    }

    #[test]
    fn a_flat_picture_stays_flat_at_every_size() {
        let image = flat(37, 21, [100, 50, 25, 200]);
        for (width, height) in [(5, 3), (37, 21), (90, 64), (1, 1)] {
            let out = image.resized(width, height);
            assert_eq!((out.width, out.height), (width, height));
            assert!(out.is_whole());
            assert!(
                out.data.chunks_exact(4).all(|p| p == [100, 50, 25, 200]),
                "{width}x{height}"
            );
        }
    }

    #[test]
    fn fine_stripes_become_their_average_and_do_not_alias() {
        let mut image = RgbaImage::transparent(400, 8);
        for (i, pixel) in image.data.chunks_exact_mut(4).enumerate() {
            let value = if i % 2 == 0 { 255 } else { 0 };
            pixel.copy_from_slice(&[value, value, value, 255]);
        }
        let out = image.resized(57, 2);
        for pixel in out.data.chunks_exact(4) {
            assert!((120..=136).contains(&pixel[0]), "{pixel:?}");
            assert_eq!(pixel[3], 255);
        }
    }

    #[test]
    fn colours_never_exceed_alpha_beside_a_hard_edge() {
        let mut image = RgbaImage::transparent(16, 16);
        for y in 0..16 {
            for x in 8..16 {
                let at = (y * 16 + x) * 4;
                image.data[at..at + 4].copy_from_slice(&[255, 255, 255, 255]);
            }
        }
        let out = image.resized(61, 61);
        for pixel in out.data.chunks_exact(4) {
            assert!(pixel[0] <= pixel[3], "{pixel:?}");
        }
        assert_eq!(out.pixel(2, 30)[3], 0);
        assert_eq!(out.pixel(58, 30)[3], 255);
    }

    #[test]
    fn a_picture_without_its_bytes_is_not_whole() {
        let mut image = RgbaImage::transparent(4, 4);
        assert!(image.is_whole());
        image.data.pop();
        assert!(!image.is_whole());
        assert!(!RgbaImage::transparent(0, 4).is_whole());
    }
}
