//! Blends with a moving edge: every sample has a moment at which the new picture takes its place.
//!
//! The moments are drawn once per picture size; a frame then costs one pass of 16-bit sums. Neighbours: the parent
//! says which blend and how far.

use fenta_templates::timeline::TransitionKind;

use super::mixed;
use crate::picture::Picture;

/// The latest moment; the earliest is 0.
const LAST: i16 = 16_000;
/// Bands of a blind over the picture's height.
const BANDS: f32 = 9.0;

/// The moments of every sample of a picture.
pub(super) struct Matte {
    kind: TransitionKind,
    luma: Moments,
    chroma: Moments,
}

struct Moments {
    width: usize,
    at: Vec<i16>,
}

impl Matte {
    /// The moments of a blend for pictures like this one; none where the blend has no edge.
    pub(super) fn of(kind: TransitionKind, picture: &Picture) -> Option<Self> {
        let size = (picture.width(), picture.height());
        let luma = if kind == TransitionKind::Dissolve {
            patches(size)
        } else {
            let moment = shape(kind)?;
            drawn(size, moment)
        };
        let chroma = halved(&luma);
        Some(Self { kind, luma, chroma })
    }

    /// Whether it was made for this blend and this size.
    pub(super) fn fits(&self, kind: TransitionKind, picture: &Picture) -> bool {
        let [luma, chroma, _] = &picture.planes;
        self.kind == kind
            && (self.luma.width, self.luma.at.len()) == (luma.width, luma.data.len())
            && (self.chroma.width, self.chroma.at.len()) == (chroma.width, chroma.data.len())
    }

    /// Draws the blend at a moment of its course, 0 to 1.
    pub(super) fn blend(&self, course: f32, (old, new): (&Picture, &Picture), out: &mut Picture) {
        let bits = softness(self.kind);
        let edge = (course * f32::from(LAST + (1 << bits))).round() as i16;
        for (index, to) in out.planes.iter_mut().enumerate() {
            let moments = if index == 0 { &self.luma } else { &self.chroma };
            let (a, b) = (&old.planes[index].data, &new.planes[index].data);
            let samples = to.data.iter_mut().zip(a).zip(b).zip(&moments.at);
            for (((to, a), b), moment) in samples {
                let passed = (edge - moment).clamp(0, (1 << bits) - 1) >> (bits - 8);
                *to = mixed(*a, *b, smooth(passed as u16));
            }
        }
    }
}

/// How long a sample takes to change, as a power of two of the unit of moments.
const fn softness(kind: TransitionKind) -> u32 {
    match kind {
        TransitionKind::Clock => 9,
        TransitionKind::CircleOpen | TransitionKind::CircleClose => 10,
        TransitionKind::Dissolve | TransitionKind::WipeDiagonal => 12,
        _ => 11,
    }
}

/// Slow, fast, slow, from 0-255 to 0-256, in sums that fit 16 bits.
#[inline(always)]
pub(super) fn smooth(w: u16) -> u16 {
    let square = (w * w) >> 8;
    3 * square - 2 * ((square * w) >> 8)
}

/// The moment of a place (0-1 across and down, and the height in widths); 0 is first, 1 last.
type Moment = fn(f32, f32, f32) -> f32;

fn shape(kind: TransitionKind) -> Option<Moment> {
    /// From the middle to the corners.
    fn away(x: f32, y: f32, tall: f32) -> f32 {
        let (dx, dy) = (x - 0.5, (y - 0.5) * tall);
        (dx * dx + dy * dy).sqrt() / (0.25 + 0.25 * tall * tall).sqrt()
    }
    Some(match kind {
        TransitionKind::WipeLeft => |x, _, _| 1.0 - x,
        TransitionKind::WipeRight => |x, _, _| x,
        TransitionKind::WipeUp => |_, y, _| 1.0 - y,
        TransitionKind::WipeDown => |_, y, _| y,
        TransitionKind::WipeDiagonal => |x, y, tall| (x + y * tall) / (1.0 + tall),
        TransitionKind::CircleOpen => away,
        TransitionKind::CircleClose => |x, y, tall| 1.0 - away(x, y, tall),
        TransitionKind::Clock => |x, y, tall| {
            let turn = (x - 0.5).atan2((0.5 - y) * tall) / std::f32::consts::TAU;
            turn.rem_euclid(1.0)
        },
        TransitionKind::BarnOpen => |x, _, _| (2.0 * x - 1.0).abs(),
        TransitionKind::BarnClose => |x, _, _| 1.0 - (2.0 * x - 1.0).abs(),
        TransitionKind::Blinds => |_, y, _| 0.6 * (y * BANDS).fract() + 0.4 * y,
        _ => return None,
    })
}

fn drawn((width, height): (usize, usize), moment: Moment) -> Moments {
    let tall = height as f32 / width as f32;
    let mut at = Vec::with_capacity(width * height);
    for y in 0..height {
        let down = (y as f32 + 0.5) / height as f32;
        at.extend((0..width).map(|x| {
            let across = (x as f32 + 0.5) / width as f32;
            (moment(across, down, tall).clamp(0.0, 1.0) * f32::from(LAST)) as i16
        }));
    }
    Moments { width, at }
}

fn halved(luma: &Moments) -> Moments {
    let width = luma.width / 2;
    let rows = luma.at.chunks_exact(2 * luma.width);
    let at = rows.flat_map(|pair| {
        let (above, below) = pair.split_at(luma.width);
        let columns = above.chunks_exact(2).zip(below.chunks_exact(2));
        columns.map(|(above, below)| {
            let sum = [above[0], above[1], below[0], below[1]].map(i32::from);
            ((sum.iter().sum::<i32>() + 2) >> 2) as i16
        })
    });
    Moments {
        width,
        at: at.collect(),
    }
}

/// Soft patches that cover the same share of the picture in every part of the course: smooth noise whose levels are
/// replaced by their ranks.
fn patches((width, height): (usize, usize)) -> Moments {
    let noise = |x: f32, y: f32| {
        let mut sum = 0.0;
        for (octave, share) in [(1u32, 0.55), (3, 0.3), (9, 0.15)] {
            let cell = width as f32 / 7.0 / octave as f32;
            sum += share * between(x / cell, y / cell, octave);
        }
        sum
    };
    let mut levels = Vec::with_capacity(width * height);
    for y in 0..height {
        levels.extend((0..width).map(|x| (noise(x as f32, y as f32) * 4095.0) as u16));
    }
    let mut ranks = vec![0u64; 4096];
    for level in &levels {
        ranks[usize::from(*level)] += 1;
    }
    let mut below = 0;
    for rank in &mut ranks {
        below += *rank;
        *rank = below;
    }
    let all = levels.len() as u64;
    let at = levels
        .iter()
        .map(|level| (ranks[usize::from(*level)] * LAST as u64 / all) as i16)
        .collect();
    Moments { width, at }
}

/// Smooth noise between the points of a grid, 0 to 1.
fn between(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (super::ease(x - left), super::ease(y - top));
    let point = |dx: u32, dy: u32| {
        let mut z = (left as u32 + dx)
            .wrapping_mul(0x9E37_79B1)
            .wrapping_add((top as u32 + dy).wrapping_mul(0x85EB_CA77))
            .wrapping_add(seed.wrapping_mul(0xC2B2_AE3D));
        z = (z ^ (z >> 15)).wrapping_mul(0x2C1B_3C6D);
        z = (z ^ (z >> 12)).wrapping_mul(0x297A_2D39);
        (z ^ (z >> 15)) as f32 / u32::MAX as f32
    };
    let above = point(0, 0) + (point(1, 0) - point(0, 0)) * fx;
    let below = point(0, 1) + (point(1, 1) - point(0, 1)) * fx;
    above + (below - above) * fy
}

/// Blends by brightness: `bright` lets the bright parts of the new picture come first, otherwise the dark parts of the
/// old one go first.
pub(super) fn by_light(
    course: f32,
    bright: bool,
    (old, new): (&Picture, &Picture),
    out: &mut Picture,
) {
    /// Levels over which a sample changes.
    const SOFT: i16 = 128;
    let edge = (course * f32::from(255 + SOFT)).round() as i16;
    let light = if bright {
        &new.planes[0]
    } else {
        &old.planes[0]
    };
    let invert = if bright { 255 } else { 0 };
    let weight =
        |light: i16| smooth(((edge - (invert - light).abs()).clamp(0, SOFT - 1) * 2) as u16);
    let [luma, chroma @ ..] = &mut out.planes;
    let samples = luma.data.iter_mut().zip(&old.planes[0].data);
    for (((to, a), b), light) in samples.zip(&new.planes[0].data).zip(&light.data) {
        *to = mixed(*a, *b, weight(i16::from(*light)));
    }
    for (index, to) in chroma.iter_mut().enumerate() {
        let (a, b) = (&old.planes[index + 1], &new.planes[index + 1]);
        for y in 0..to.height {
            let rows = (light.row(2 * y), light.row(2 * y + 1));
            by_light_row((a.row(y), b.row(y)), rows, weight, to.row_mut(y));
        }
    }
}

fn by_light_row(
    (a, b): (&[u8], &[u8]),
    (above, below): (&[u8], &[u8]),
    weight: impl Fn(i16) -> u16,
    to: &mut [u8],
) {
    let lights = above.chunks_exact(2).zip(below.chunks_exact(2));
    for (((to, a), b), (above, below)) in to.iter_mut().zip(a).zip(b).zip(lights) {
        let sum = [above[0], above[1], below[0], below[1]].map(i16::from);
        let light = (sum.iter().sum::<i16>() + 2) >> 2;
        *to = mixed(*a, *b, weight(light));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_edge_begins_at_nothing_and_ends_at_everything() {
        let weights: Vec<u16> = (0..256).map(smooth).collect();
        assert_eq!((weights[0], weights[255]), (0, 256));
        assert!(weights.windows(2).all(|pair| pair[1] + 3 >= pair[0]));
        assert!(weights.iter().all(|weight| *weight <= 256));
    }

    #[test]
    fn patches_come_evenly() {
        let moments = patches((96, 160));
        for quarter in 1..4 {
            let until = LAST / 4 * quarter;
            let share = moments.at.iter().filter(|at| **at < until).count() as f32
                / moments.at.len() as f32;
            let wanted = f32::from(quarter) / 4.0;
            assert!((share - wanted).abs() < 0.02, "{share} for {wanted}");
        }
    }
}
