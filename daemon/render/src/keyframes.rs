//! Where something stands at a frame, between its keyframes; and a picture so placed over the background.
//!
//! Neighbours: `compose` places whole clips, `text` overlays.

use fenta_templates::timeline::{Ease, Keyframe};

use crate::picture::{Picture, Yuv};
use crate::resample::{Sampler, View};

/// A state between keyframes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placing {
    /// Pixels to the right.
    pub x: f32,
    /// Pixels down.
    pub y: f32,
    /// Size, 1 is its own.
    pub scale: f32,
    /// Opacity, 0 to 1.
    pub opacity: f32,
}

impl Placing {
    /// In its place, whole and solid.
    pub const REST: Self = Self {
        x: 0.0,
        y: 0.0,
        scale: 1.0,
        opacity: 1.0,
    };

    fn of(key: &Keyframe) -> Self {
        Self {
            x: key.x as f32,
            y: key.y as f32,
            scale: key.scale_pm as f32 / 1000.0,
            opacity: f32::from(key.opacity_pm.min(1000)) / 1000.0,
        }
    }
}

/// The part of a movement that is done after a share of its time.
pub fn eased(ease: Ease, t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    match ease {
        Ease::Linear => t,
        Ease::In => t * t,
        Ease::Out => t * (2.0 - t),
        Ease::InOut => crate::transition::ease(t),
    }
}

/// The state at a frame. Before the first keyframe it is the first one's, after the last the last one's.
pub fn placing_at(keys: &[Keyframe], frame: u32) -> Placing {
    let after = keys.partition_point(|key| key.at <= frame);
    match (after.checked_sub(1).map(|at| &keys[at]), keys.get(after)) {
        (None, None) => Placing::REST,
        (Some(key), None) | (None, Some(key)) => Placing::of(key),
        (Some(from), Some(to)) => {
            let t = (frame - from.at) as f32 / (to.at - from.at).max(1) as f32;
            let t = eased(to.ease, t);
            let (a, b) = (Placing::of(from), Placing::of(to));
            let between = |a: f32, b: f32| a + (b - a) * t;
            Placing {
                x: between(a.x, b.x),
                y: between(a.y, b.y),
                scale: between(a.scale, b.scale),
                opacity: between(a.opacity, b.opacity),
            }
        }
    }
}

/// Draws a canvas-sized picture, moved and scaled about its middle, over a colour.
pub fn place(
    picture: &Picture,
    placing: Placing,
    background: Yuv,
    out: &mut Picture,
    sampler: &mut Sampler,
) {
    if placing.scale < 0.005 || placing.opacity <= 0.0 {
        return out.fill(background);
    }
    let (width, height) = (out.width() as f32, out.height() as f32);
    let left = width / 2.0 + placing.x - width * placing.scale / 2.0;
    let top = height / 2.0 + placing.y - height * placing.scale / 2.0;
    let step = 1.0 / placing.scale;
    let view = View {
        left: -left * step,
        top: -top * step,
        step_x: step,
        step_y: step,
    };
    sampler.sample(picture, view, out);
    let opacity = placing.opacity.min(1.0);
    let Yuv(levels) = background;
    for (index, plane) in out.planes.iter_mut().enumerate() {
        let share = if index == 0 { 1.0 } else { 0.5 };
        let across = cover(
            (left * share, width * placing.scale * share),
            plane.width,
            opacity,
        );
        let down = cover(
            (top * share, height * placing.scale * share),
            plane.height,
            1.0,
        );
        if down.iter().chain(&across).all(|weight| *weight == 256) {
            continue;
        }
        let level = u16::from(levels[index]);
        for (y, down) in down.iter().enumerate() {
            for (sample, across) in plane.row_mut(y).iter_mut().zip(&across) {
                let weight = ((u32::from(*across) * u32::from(*down)) >> 8) as u16;
                let mixed = u16::from(*sample) * weight + level * (256 - weight) + 128;
                *sample = (mixed >> 8) as u8;
            }
        }
    }
}

/// How much of each sample of an axis lies within a span, 0 to 256 times the opacity.
fn cover((start, length): (f32, f32), samples: usize, opacity: f32) -> Vec<u16> {
    (0..samples)
        .map(|at| {
            let at = at as f32;
            let inside = ((at + 1.0).min(start + length) - at.max(start)).clamp(0.0, 1.0);
            (inside * opacity * 256.0 + 0.5) as u16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: u32, x: i32, scale_pm: u32, ease: Ease) -> Keyframe {
        Keyframe {
            at,
            x,
            y: 0,
            scale_pm,
            opacity_pm: 1000,
            ease,
        }
    }

    #[test]
    fn moves_by_the_ease_of_the_later_key_and_holds_at_the_ends() {
        let keys = [
            key(10, 0, 1000, Ease::Linear),
            key(20, 100, 500, Ease::Linear),
            key(30, 0, 500, Ease::Out),
        ];
        let x = |frame| placing_at(&keys, frame).x;
        assert_eq!(
            [x(0), x(10), x(15), x(20), x(90)],
            [0.0, 0.0, 50.0, 100.0, 0.0]
        );
        assert!((x(25) - 25.0).abs() < 1e-4, "fast first: {}", x(25));
        assert!((placing_at(&keys, 15).scale - 0.75).abs() < 1e-5);
        assert_eq!(placing_at(&[], 5), Placing::REST);
    }

    #[test]
    fn a_smaller_picture_stands_where_it_was_put() {
        let picture = Picture::filled(100, 200, Yuv([200, 90, 160]));
        let mut out = Picture::filled(100, 200, Yuv::BLACK);
        let background = Yuv([40, 128, 128]);
        let placing = Placing {
            x: 10.0,
            y: -20.0,
            scale: 0.5,
            opacity: 1.0,
        };
        place(&picture, placing, background, &mut out, &mut Sampler::new());
        // 50 x 100 around (60, 80).
        let at = |x: usize, y: usize| out.planes[0].row(y)[x];
        assert_eq!(
            [at(34, 80), at(35, 80), at(84, 80), at(85, 80)],
            [40, 200, 200, 40]
        );
        assert_eq!(
            [at(60, 29), at(60, 30), at(60, 129), at(60, 130)],
            [40, 200, 200, 40]
        );
        assert_eq!(out.planes[1].row(40)[30], 90);
        let half = Placing {
            opacity: 0.5,
            ..Placing::REST
        };
        place(&picture, half, background, &mut out, &mut Sampler::new());
        assert_eq!(out.planes[0].row(5)[5], 120);
    }

    #[test]
    fn a_place_between_pixels_is_drawn_between_them() {
        let picture = Picture::filled(100, 200, Yuv([200, 128, 128]));
        let mut out = Picture::filled(100, 200, Yuv::BLACK);
        let placing = Placing {
            x: 0.25,
            y: 0.0,
            scale: 0.5,
            opacity: 1.0,
        };
        place(
            &picture,
            placing,
            Yuv([40, 128, 128]),
            &mut out,
            &mut Sampler::new(),
        );
        let edge = out.planes[0].row(100)[25];
        assert!((155..=165).contains(&edge), "three quarters: {edge}");
    }
}
