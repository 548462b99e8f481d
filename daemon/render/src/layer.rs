//! Blending premultiplied RGBA pictures (texts, logos) into a YUV picture, inside their boxes only.
//!
//! A layer's colours are converted once and kept as long as the layer is in use; a frame then costs one pass over the
//! box. Neighbours: `text` draws layers, `compose` blends them.

use std::sync::Arc;

use crate::picture::{Picture, Plane};
use crate::text::{Layer, RgbaImage};

/// Converted layers not used for this many frames are dropped.
const KEEP_FRAMES: u64 = 45;

/// Blends layers; keeps their converted form between frames.
#[derive(Default)]
pub struct LayerBlender {
    converted: Vec<Converted>,
    frame: u64,
}

struct Converted {
    image: Arc<RgbaImage>,
    odd: (bool, bool),
    cover: Cover,
    used: u64,
}

/// A layer in the picture's terms, on the even pixel grid: premultiplied levels and coverage per plane.
struct Cover {
    levels: [Plane; 3],
    luma_alpha: Plane,
    chroma_alpha: Plane,
}

impl LayerBlender {
    /// A blender that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Blends a frame's layers, bottom first.
    pub fn blend(&mut self, layers: &[Layer], out: &mut Picture) {
        self.frame += 1;
        for layer in layers {
            let opacity = (u32::from(layer.opacity_pm.min(1000)) * 256 + 500) / 1000;
            if opacity > 0 && layer.image.is_whole() {
                let (column, row) = (layer.x.div_euclid(2), layer.y.div_euclid(2));
                self.cover(layer).blend(column, row, opacity as u16, out);
            }
        }
        let frame = self.frame;
        self.converted
            .retain(|converted| frame - converted.used < KEEP_FRAMES);
    }

    fn cover(&mut self, layer: &Layer) -> &Cover {
        let odd = (layer.x.rem_euclid(2) == 1, layer.y.rem_euclid(2) == 1);
        let known = self.converted.iter().position(|converted| {
            converted.odd == odd && Arc::ptr_eq(&converted.image, &layer.image)
        });
        let index = known.unwrap_or_else(|| {
            self.converted.push(Converted {
                image: Arc::clone(&layer.image),
                odd,
                cover: Cover::new(&layer.image, odd),
                used: 0,
            });
            self.converted.len() - 1
        });
        let converted = &mut self.converted[index];
        converted.used = self.frame;
        &converted.cover
    }
}

impl Cover {
    fn new(image: &RgbaImage, (odd_x, odd_y): (bool, bool)) -> Self {
        let (left, top) = (usize::from(odd_x), usize::from(odd_y));
        let half_w = (image.width as usize + left).div_ceil(2);
        let half_h = (image.height as usize + top).div_ceil(2);
        let mut cover = Self {
            levels: [
                Plane::filled(2 * half_w, 2 * half_h, 0),
                Plane::filled(half_w, half_h, 0),
                Plane::filled(half_w, half_h, 0),
            ],
            luma_alpha: Plane::filled(2 * half_w, 2 * half_h, 0),
            chroma_alpha: Plane::filled(half_w, half_h, 0),
        };
        let row_bytes = image.width as usize * 4;
        let mut sums = vec![[0u32; 4]; half_w];
        for half_row in 0..half_h {
            sums.fill([0; 4]);
            for y in [2 * half_row, 2 * half_row + 1] {
                if let Some(row) = y
                    .checked_sub(top)
                    .filter(|row| *row < image.height as usize)
                {
                    let pixels = &image.data[row * row_bytes..][..row_bytes];
                    cover.luma_row(y, left, pixels, &mut sums);
                }
            }
            cover.chroma_row(half_row, &sums);
        }
        cover
    }

    fn luma_row(&mut self, y: usize, left: usize, pixels: &[u8], sums: &mut [[u32; 4]]) {
        let levels = self.levels[0].row_mut(y);
        let alphas = self.luma_alpha.row_mut(y);
        for (index, pixel) in pixels.chunks_exact(4).enumerate() {
            let [r, g, b, a] = [pixel[0], pixel[1], pixel[2], pixel[3]].map(u32::from);
            let x = index + left;
            // BT.709 to limited range in 16.16: 0.2126, 0.7152 and 0.0722 times 219/255; black is 16 at full cover.
            levels[x] = ((11_966 * r + 40_254 * g + 4064 * b + 4112 * a + 32_768) >> 16) as u8;
            alphas[x] = a as u8;
            let sum = &mut sums[x / 2];
            for (sum, part) in sum.iter_mut().zip([r, g, b, a]) {
                *sum += part;
            }
        }
    }

    fn chroma_row(&mut self, row: usize, sums: &[[u32; 4]]) {
        let [_, u_plane, v_plane] = &mut self.levels;
        let (us, vs) = (u_plane.row_mut(row), v_plane.row_mut(row));
        let alphas = self.chroma_alpha.row_mut(row);
        for (x, sum) in sums.iter().enumerate() {
            let [r, g, b, a] = sum.map(|part| part as i32);
            // Sums of four pixels, hence two bits more to drop; grey is 128 at full cover.
            let level = |red: i32, green: i32, blue: i32| {
                ((red * r + green * g + blue * b + 32_897 * a + (1 << 17)) >> 18).clamp(0, 255)
                    as u8
            };
            us[x] = level(-6596, -22_189, 28_785);
            vs[x] = level(28_784, -26_145, -2639);
            alphas[x] = ((a + 2) >> 2) as u8;
        }
    }

    /// Blends with its corner at a place of the half-size grid.
    fn blend(&self, column: i32, row: i32, opacity: u16, out: &mut Picture) {
        let alphas = [&self.luma_alpha, &self.chroma_alpha, &self.chroma_alpha];
        for (index, to) in out.planes.iter_mut().enumerate() {
            let scale = if index == 0 { 2 } else { 1 };
            let place = (column as isize * scale, row as isize * scale);
            blend_plane(&self.levels[index], alphas[index], place, opacity, to);
        }
    }
}

fn blend_plane(
    levels: &Plane,
    alphas: &Plane,
    (x, y): (isize, isize),
    opacity: u16,
    to: &mut Plane,
) {
    let visible = |at: isize, length: usize, limit: usize| {
        let start = (-at).clamp(0, length as isize) as usize;
        let end = (limit as isize - at).clamp(start as isize, length as isize) as usize;
        start..end
    };
    let columns = visible(x, levels.width, to.width);
    if columns.is_empty() {
        return;
    }
    for row in visible(y, levels.height, to.height) {
        let at = (x + columns.start as isize) as usize;
        let target = &mut to.row_mut((y + row as isize) as usize)[at..at + columns.len()];
        let levels = &levels.row(row)[columns.clone()];
        let alphas = &alphas.row(row)[columns.clone()];
        if opacity == 256 {
            blend_row(levels, alphas, target);
        } else {
            blend_row_faded(levels, alphas, opacity, target);
        }
    }
}

fn blend_row(levels: &[u8], alphas: &[u8], out: &mut [u8]) {
    for ((out, level), alpha) in out.iter_mut().zip(levels).zip(alphas) {
        *out = over(*out, u16::from(*level), u16::from(*alpha));
    }
}

fn blend_row_faded(levels: &[u8], alphas: &[u8], opacity: u16, out: &mut [u8]) {
    for ((out, level), alpha) in out.iter_mut().zip(levels).zip(alphas) {
        let level = (u16::from(*level) * opacity) >> 8;
        let alpha = (u16::from(*alpha) * opacity) >> 8;
        *out = over(*out, level, alpha);
    }
}

/// `level + below * (255 - alpha) / 255`, exact for coverage 0 and 255.
#[inline(always)]
fn over(below: u8, level: u16, alpha: u16) -> u8 {
    let product = u16::from(below) * (255 - alpha) + 128;
    let divided = (product + (product >> 8)) >> 8;
    (level + divided).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;
    use fenta_templates::color::Color;

    fn flat(width: u32, height: u32, rgba: [u8; 4]) -> Arc<RgbaImage> {
        Arc::new(RgbaImage {
            width,
            height,
            data: rgba.repeat((width * height) as usize),
        })
    }

    fn blended(image: &Arc<RgbaImage>, x: i32, y: i32, opacity_pm: u16) -> Picture {
        let mut out = Picture::filled(32, 32, Yuv([100, 90, 160]));
        let layer = Layer {
            x,
            y,
            image: Arc::clone(image),
            opacity_pm,
        };
        LayerBlender::new().blend(&[layer], &mut out);
        out
    }

    #[test]
    fn solid_colours_land_exactly() {
        for color in [
            Color::WHITE,
            Color::BLACK,
            Color::rgb(255, 0, 0),
            Color::rgb(12, 200, 77),
        ] {
            let image = flat(8, 8, [color.r, color.g, color.b, 255]);
            let out = blended(&image, 4, 6, 1000);
            let Yuv(expected) = Yuv::from(color);
            for (plane, expected) in out.planes.iter().zip(expected) {
                let inside = plane.row(plane.height / 4)[plane.width / 4];
                assert!(
                    inside.abs_diff(expected) <= 1,
                    "{color}: {inside} for {expected}"
                );
            }
            assert_eq!(out.planes[0].row(5)[4], 100, "outside untouched");
        }
    }

    #[test]
    fn clear_layers_change_nothing() {
        let clear = blended(&flat(9, 9, [0; 4]), 3, 3, 1000);
        assert_eq!(clear, Picture::filled(32, 32, Yuv([100, 90, 160])));
        let hidden = blended(&flat(9, 9, [255; 4]), 3, 3, 0);
        assert_eq!(hidden, clear);
    }

    #[test]
    fn half_opacity_is_half_way() {
        let out = blended(&flat(8, 8, [255; 4]), 0, 0, 500);
        assert!(
            out.planes[0].row(2)[2].abs_diff(168) <= 1,
            "{}",
            out.planes[0].row(2)[2]
        );
        let half = blended(&flat(8, 8, [128; 4]), 0, 0, 1000);
        assert!(half.planes[0].row(2)[2].abs_diff(168) <= 1);
    }

    #[test]
    fn odd_places_keep_their_luma_and_share_their_chroma() {
        let out = blended(&flat(3, 3, [255, 0, 0, 255]), 5, 7, 1000);
        let luma = &out.planes[0];
        let red: Vec<usize> = (0..32).filter(|x| luma.row(8)[*x] != 100).collect();
        assert_eq!(red, [5, 6, 7]);
        assert_eq!((luma.row(6)[6], luma.row(10)[6]), (100, 100));
        let chroma = out.planes[2].row(4);
        assert!(
            chroma[2] > 160 && chroma[3] > chroma[2],
            "{:?}",
            &chroma[1..5]
        );
    }

    #[test]
    fn cut_at_every_edge() {
        let image = flat(20, 20, [255; 4]);
        for (x, y) in [(-7, -9), (25, 27), (-19, 5), (31, 31), (-40, 0), (0, 90)] {
            let out = blended(&image, x, y, 1000);
            let white = out.planes[0].data.iter().filter(|y| **y == 235).count() as i32;
            let side = |at: i32| (32.min(at + 20) - at.max(0)).max(0);
            assert_eq!(white, side(x) * side(y), "{x},{y}");
        }
    }

    #[test]
    fn forgets_what_is_no_longer_shown() {
        let mut blender = LayerBlender::new();
        let mut out = Picture::filled(32, 32, Yuv::BLACK);
        let layer = Layer {
            x: 0,
            y: 0,
            image: flat(4, 4, [255; 4]),
            opacity_pm: 1000,
        };
        blender.blend(std::slice::from_ref(&layer), &mut out);
        blender.blend(&[layer], &mut out);
        assert_eq!(blender.converted.len(), 1);
        for _ in 0..KEEP_FRAMES {
            blender.blend(&[], &mut out);
        }
        assert!(blender.converted.is_empty());
    }
}
