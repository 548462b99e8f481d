//! Cutting parts out of a picture: by a colour, by light, or by another picture's light.
//!
//! Coverage is computed per colour sample and enlarged for luma, so that edges are soft where the colour is.
//! Neighbours: `source` cuts what it decodes before the camera looks at it.

use fenta_templates::color::Color;
use fenta_templates::digest::Digest;
use fenta_templates::timeline::{Behind, Cutout, Key};

use crate::error::RenderError;
use crate::picture::{Picture, Plane, Yuv, bt709};
use crate::text::RgbaImage;

/// Distance from grey to the strongest colour, in levels.
const STRONGEST: f32 = 112.0;

/// A cut-out, ready to use on pictures of one size.
pub struct Cutter {
    key: Option<Key>,
    /// Coverage that a matte gives, of luma and of colour samples.
    matte: Option<(Plane, Plane)>,
    behind: Picture,
    alpha: (Plane, Plane),
}

impl Cutter {
    /// Prepares a cut-out for pictures of a size; `image` finds the files it names.
    pub fn new(
        cutout: &Cutout,
        (width, height): (usize, usize),
        mut image: impl FnMut(Digest) -> Result<RgbaImage, RenderError>,
    ) -> Result<Self, RenderError> {
        let behind = match cutout.behind {
            Behind::Color(color) => Picture::filled(width, height, Yuv::from(color)),
            Behind::Image(source) => covering(&image(source)?, (width, height)),
        };
        let size = (behind.width(), behind.height());
        let matte = match cutout.matte {
            Some(matte) => {
                let luma = light(&image(matte.source)?, size, matte.invert);
                let chroma = halved(&luma);
                Some((luma, chroma))
            }
            None => None,
        };
        let blank = Plane::filled(size.0, size.1, 255);
        Ok(Self {
            key: cutout.key,
            matte,
            alpha: (blank.clone(), halved(&blank)),
            behind,
        })
    }

    /// Lays what stays of a picture over what lies behind.
    pub fn apply(&mut self, picture: &mut Picture) {
        match self.key {
            Some(Key::Chroma {
                color,
                similarity_pm,
                softness_pm,
                spill_pm,
            }) => {
                let screen = Screen::new(color, similarity_pm, softness_pm);
                screen.coverage(picture, &mut self.alpha.1);
                doubled(&self.alpha.1, &mut self.alpha.0);
                screen.take_cast(spill_pm, picture);
            }
            Some(Key::Luma {
                level_pm,
                softness_pm,
                bright,
            }) => {
                let table = steps(level_pm, softness_pm, bright);
                for (alpha, level) in self.alpha.0.data.iter_mut().zip(&picture.planes[0].data) {
                    *alpha = table[usize::from(*level)];
                }
                self.alpha.1 = halved(&self.alpha.0);
            }
            None => {
                self.alpha.0.data.fill(255);
                self.alpha.1.data.fill(255);
            }
        }
        if let Some((luma, chroma)) = &self.matte {
            multiply(&mut self.alpha.0, luma);
            multiply(&mut self.alpha.1, chroma);
        }
        for (index, to) in picture.planes.iter_mut().enumerate() {
            let alpha = if index == 0 {
                &self.alpha.0
            } else {
                &self.alpha.1
            };
            let samples = to.data.iter_mut().zip(&self.behind.planes[index].data);
            for ((to, behind), alpha) in samples.zip(&alpha.data) {
                *to = over(*to, *behind, *alpha);
            }
        }
    }
}

/// `a` where covered, `b` where not; exact for coverage 0 and 255.
#[inline(always)]
fn over(a: u8, b: u8, alpha: u8) -> u8 {
    let alpha = u16::from(alpha);
    let product = u16::from(a) * alpha + u16::from(b) * (255 - alpha) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

fn multiply(alpha: &mut Plane, by: &Plane) {
    for (alpha, by) in alpha.data.iter_mut().zip(&by.data) {
        *alpha = over(*alpha, 0, *by);
    }
}

/// A coloured screen behind somebody.
struct Screen {
    u: f32,
    v: f32,
    near: f32,
    fade: f32,
}

impl Screen {
    fn new(color: Color, similarity_pm: u32, softness_pm: u32) -> Self {
        let [r, g, b] = [color.r, color.g, color.b].map(|channel| f32::from(channel) / 255.0);
        let [_, u, v] = bt709([r, g, b]);
        Self {
            u,
            v,
            near: similarity_pm as f32 / 1000.0 * STRONGEST,
            fade: (softness_pm as f32 / 1000.0 * STRONGEST).max(1.0),
        }
    }

    fn coverage(&self, picture: &Picture, alpha: &mut Plane) {
        let samples = alpha.data.iter_mut().zip(&picture.planes[1].data);
        for ((alpha, u), v) in samples.zip(&picture.planes[2].data) {
            let (du, dv) = (f32::from(*u) - self.u, f32::from(*v) - self.v);
            let away = (du * du + dv * dv).sqrt();
            *alpha = (((away - self.near) / self.fade).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }

    /// Takes the screen's cast from every colour: what of it points to the screen's own colour.
    fn take_cast(&self, spill_pm: u32, picture: &mut Picture) {
        let (ku, kv) = (self.u - 128.0, self.v - 128.0);
        let length = (ku * ku + kv * kv).sqrt();
        if spill_pm == 0 || length < 4.0 {
            return;
        }
        let (ku, kv) = (ku / length, kv / length);
        let share = spill_pm as f32 / 1000.0;
        let [_, us, vs] = &mut picture.planes;
        for (u, v) in us.data.iter_mut().zip(&mut vs.data) {
            let (du, dv) = (f32::from(*u) - 128.0, f32::from(*v) - 128.0);
            let cast = (du * ku + dv * kv).max(0.0) * share;
            *u = (128.5 + du - cast * ku).clamp(16.0, 240.0) as u8;
            *v = (128.5 + dv - cast * kv).clamp(16.0, 240.0) as u8;
        }
    }
}

/// Coverage by light.
fn steps(level_pm: u32, softness_pm: u32, bright: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let at = level_pm as f32 / 1000.0;
    let fade = (softness_pm as f32 / 1000.0).max(0.004);
    for (level, alpha) in table.iter_mut().enumerate() {
        let light = (level as f32 - 16.0) / 219.0;
        let stays = ((light - at) / fade + 0.5).clamp(0.0, 1.0);
        let stays = if bright { 1.0 - stays } else { stays };
        *alpha = (stays * 255.0 + 0.5) as u8;
    }
    table
}

fn halved(luma: &Plane) -> Plane {
    let mut half = Plane::filled(luma.width / 2, luma.height / 2, 0);
    for y in 0..half.height {
        let (above, below) = (luma.row(2 * y), luma.row(2 * y + 1));
        let columns = above.chunks_exact(2).zip(below.chunks_exact(2));
        for (to, (above, below)) in half.row_mut(y).iter_mut().zip(columns) {
            let sum = [above[0], above[1], below[0], below[1]].map(u16::from);
            *to = ((sum.iter().sum::<u16>() + 2) >> 2) as u8;
        }
    }
    half
}

/// A plane at twice its size: every sample three parts its own, one part its neighbour's, across and down.
fn doubled(half: &Plane, to: &mut Plane) {
    let mut line = vec![0u16; half.width];
    for y in 0..to.height {
        let own = half.row(y / 2);
        let other = if y % 2 == 0 {
            (y / 2).saturating_sub(1)
        } else {
            (y / 2 + 1).min(half.height - 1)
        };
        for ((sum, own), other) in line.iter_mut().zip(own).zip(half.row(other)) {
            *sum = 3 * u16::from(*own) + u16::from(*other);
        }
        let row = to.row_mut(y);
        for x in 0..half.width {
            let (left, right) = (line[x.saturating_sub(1)], line[(x + 1).min(half.width - 1)]);
            row[2 * x] = ((3 * line[x] + left + 8) >> 4) as u8;
            row[2 * x + 1] = ((3 * line[x] + right + 8) >> 4) as u8;
        }
    }
}

/// An image scaled to cover a size, its middle kept; where it is transparent it is black.
fn covering(image: &RgbaImage, (width, height): (usize, usize)) -> Picture {
    let (w, h) = (
        f64::from(image.width.max(1)),
        f64::from(image.height.max(1)),
    );
    let scale = (width as f64 / w).max(height as f64 / h);
    let side = |length: f64, least: usize| ((length * scale).round() as u32).max(least as u32);
    let large = image.resized(side(w, width), side(h, height));
    let left = (large.width as usize - width) / 2;
    let top = (large.height as usize - height) / 2;
    let mut picture = Picture::filled(width, height, Yuv::BLACK);
    let pixel = |x: usize, y: usize| {
        let at = ((y + top).min(large.height as usize - 1) * large.width as usize
            + (x + left).min(large.width as usize - 1))
            * 4;
        [large.data[at], large.data[at + 1], large.data[at + 2]]
            .map(|channel| f32::from(channel) / 255.0)
    };
    for y in 0..picture.planes[1].height {
        for x in 0..picture.planes[1].width {
            let mut sums = [0.0; 2];
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let [luma, u, v] = bt709(pixel(2 * x + dx, 2 * y + dy));
                picture.planes[0].row_mut(2 * y + dy)[2 * x + dx] = (luma + 0.5) as u8;
                sums[0] += u;
                sums[1] += v;
            }
            picture.planes[1].row_mut(y)[x] = (sums[0] / 4.0 + 0.5) as u8;
            picture.planes[2].row_mut(y)[x] = (sums[1] / 4.0 + 0.5) as u8;
        }
    }
    picture
}

/// The light of an image stretched to a size; where it is transparent it is dark.
fn light(image: &RgbaImage, (width, height): (usize, usize), invert: bool) -> Plane {
    let large = image.resized(width as u32, height as u32);
    let mut plane = Plane::filled(width, height, 0);
    for (to, pixel) in plane.data.iter_mut().zip(large.data.chunks_exact(4)) {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        let level = ((13_933 * r + 46_871 * g + 4732 * b + 32_768) >> 16) as u8;
        *to = if invert { 255 - level } else { level };
    }
    plane
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::timeline::LumaMatte;

    const GREEN: Color = Color::rgb(0, 177, 64);
    const BEHIND: Color = Color::rgb(20, 30, 200);

    fn none(_: Digest) -> Result<RgbaImage, RenderError> {
        panic!("no image is named")
    }

    /// A screen with somebody in the middle.
    fn somebody(screen: Color, skin: Color) -> Picture {
        let mut picture = Picture::filled(64, 64, Yuv::from(screen));
        let Yuv(levels) = Yuv::from(skin);
        for (index, plane) in picture.planes.iter_mut().enumerate() {
            let (from, to) = (plane.width / 4, plane.width * 3 / 4);
            for y in from..to {
                plane.row_mut(y)[from..to].fill(levels[index]);
            }
        }
        picture
    }

    fn at(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
        [
            picture.planes[0].row(y)[x],
            picture.planes[1].row(y / 2)[x / 2],
            picture.planes[2].row(y / 2)[x / 2],
        ]
    }

    fn close(seen: [u8; 3], wanted: Color) {
        let Yuv(levels) = Yuv::from(wanted);
        for (seen, level) in seen.iter().zip(levels) {
            assert!(seen.abs_diff(level) <= 2, "{seen} for {level} of {wanted}");
        }
    }

    #[test]
    fn a_green_screen_goes_and_skin_stays() {
        let skin = Color::rgb(220, 170, 140);
        let cutout = Cutout {
            key: Some(Key::Chroma {
                color: Color::rgb(0, 180, 60),
                similarity_pm: 200,
                softness_pm: 150,
                spill_pm: 500,
            }),
            matte: None,
            behind: Behind::Color(BEHIND),
        };
        let mut picture = somebody(GREEN, skin);
        Cutter::new(&cutout, (64, 64), none)
            .unwrap()
            .apply(&mut picture);
        close(at(&picture, 3, 3), BEHIND);
        close(at(&picture, 32, 32), skin);
        let green = |p: &Picture| {
            p.planes[1]
                .data
                .iter()
                .zip(&p.planes[2].data)
                .filter(|(u, v)| **u < 115 && **v < 115)
                .count()
        };
        assert_eq!(green(&picture), 0, "no green is left anywhere");
    }

    #[test]
    fn dark_or_bright_parts_go() {
        let with = |bright| Cutout {
            key: Some(Key::Luma {
                level_pm: 500,
                softness_pm: 100,
                bright,
            }),
            matte: None,
            behind: Behind::Color(BEHIND),
        };
        let (dark, light) = (Color::rgb(20, 20, 20), Color::rgb(230, 230, 230));
        for (bright, outside, inside) in [(false, BEHIND, light), (true, dark, BEHIND)] {
            let mut picture = somebody(dark, light);
            let mut cutter = Cutter::new(&with(bright), (64, 64), none).unwrap();
            cutter.apply(&mut picture);
            close(at(&picture, 3, 3), outside);
            close(at(&picture, 32, 32), inside);
        }
    }

    #[test]
    fn a_matte_shows_what_is_white_in_it() {
        let source = fenta_workflows::digest::blob_digest(b"matte");
        for invert in [false, true] {
            let cutout = Cutout {
                key: None,
                matte: Some(LumaMatte { source, invert }),
                behind: Behind::Color(BEHIND),
            };
            // Left half white, right half black.
            let image = |_| {
                let row: Vec<u8> = (0..4u8)
                    .flat_map(|x| if x < 2 { [255; 4] } else { [0, 0, 0, 255] })
                    .collect();
                Ok(RgbaImage {
                    width: 4,
                    height: 4,
                    data: row.repeat(4),
                })
            };
            let red = Color::rgb(255, 0, 0);
            let mut picture = Picture::filled(64, 64, Yuv::from(red));
            Cutter::new(&cutout, (64, 64), image)
                .unwrap()
                .apply(&mut picture);
            let (left, right) = if invert { (BEHIND, red) } else { (red, BEHIND) };
            close(at(&picture, 4, 30), left);
            close(at(&picture, 60, 30), right);
        }
    }
}
