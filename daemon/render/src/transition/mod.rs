//! Blends between two pictures of the same size, plane by plane in fixed point.
//!
//! Neighbours: `compose` knows when and how far; `resample` magnifies for the zooms. This module knows no time.

mod matte;
mod soften;
mod travel;

use fenta_templates::timeline::TransitionKind;

use crate::picture::{Picture, Yuv};
use crate::resample::{Sampler, View};
use matte::Matte;
use travel::{Layout, Way};

/// How much a picture grows during a zoom.
const ZOOM_GROWTH: f32 = 0.28;

/// Draws blends; keeps between frames what only depends on the blend and the size.
#[derive(Default)]
pub struct Blender {
    matte: Option<Matte>,
    sampler: Sampler,
    spare: Option<Picture>,
}

impl Blender {
    /// A blender that has drawn nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws the blend of `old` into `new` at `progress` (0-1) into `out`; all three have the same size.
    pub fn blend(
        &mut self,
        kind: TransitionKind,
        progress: f32,
        (old, new): (&Picture, &Picture),
        out: &mut Picture,
    ) {
        use TransitionKind as Kind;
        let pair = (old, new);
        if let Some((layout, way)) = movement(kind) {
            return travel::slide((layout, way), progress, pair, out);
        }
        match kind {
            Kind::Fade => fade(pair, weight(progress), out),
            Kind::FadeBlack => dip(Yuv::BLACK, progress, pair, out),
            Kind::FadeWhite => dip(WHITE, progress, pair, out),
            Kind::Flash => travel::flash(progress, pair, out),
            Kind::LumaIn => matte::by_light(ease(progress), true, pair, out),
            Kind::LumaOut => matte::by_light(ease(progress), false, pair, out),
            Kind::Blur => self.out_of_focus(progress, pair, out),
            Kind::Pixelate => {
                fade(pair, weight(ease((progress - 0.3) / 0.4)), out);
                soften::squares(bell(progress), out);
            }
            Kind::ZoomIn => self.zoom((old, progress), new, weight(ease(progress)), out),
            Kind::ZoomOut => {
                let weight = weight(1.0 - ease(progress));
                self.zoom((new, 1.0 - progress), old, weight, out);
            }
            Kind::WhipLeft => travel::whip(Way::Left, progress, pair, out),
            Kind::WhipRight => travel::whip(Way::Right, progress, pair, out),
            Kind::WhipUp => travel::whip(Way::Up, progress, pair, out),
            Kind::WhipDown => travel::whip(Way::Down, progress, pair, out),
            _ => self.uncover(kind, progress, pair, out),
        }
    }

    /// Blends with a moving edge.
    fn uncover(
        &mut self,
        kind: TransitionKind,
        progress: f32,
        pair: (&Picture, &Picture),
        out: &mut Picture,
    ) {
        let known = self.matte.take().filter(|matte| matte.fits(kind, out));
        self.matte = known.or_else(|| Matte::of(kind, out));
        match &self.matte {
            Some(matte) => matte.blend(ease(progress), pair, out),
            // Every kind without a matte is drawn above.
            None => fade(pair, weight(progress), out),
        }
    }

    fn out_of_focus(&mut self, progress: f32, pair: (&Picture, &Picture), out: &mut Picture) {
        fade(pair, weight(ease((progress - 0.2) / 0.6)), out);
        let spare = self.spare.get_or_insert_with(|| out.clone());
        if (spare.width(), spare.height()) == (out.width(), out.height()) {
            spare.copy_from(out);
        } else {
            *spare = out.clone();
        }
        soften::defocus(bell(progress), out, spare);
    }

    /// `near` enlarged by how far its zoom has come, the other picture over it at a weight.
    fn zoom(
        &mut self,
        (near, progress): (&Picture, f32),
        over: &Picture,
        weight: u16,
        out: &mut Picture,
    ) {
        let scale = 1.0 / (1.0 + ZOOM_GROWTH * ease(progress));
        let (w, h) = (near.width() as f32, near.height() as f32);
        let view = View {
            left: w * (1.0 - scale) / 2.0,
            top: h * (1.0 - scale) / 2.0,
            step_x: scale,
            step_y: scale,
        };
        self.sampler.sample(near, view, out);
        for (to, from) in out.planes.iter_mut().zip(&over.planes) {
            mix_into(&mut to.data, &from.data, weight);
        }
    }
}

/// Which pictures move, and where to.
const fn movement(kind: TransitionKind) -> Option<(Layout, Way)> {
    use TransitionKind as Kind;
    Some(match kind {
        Kind::SlideLeft => (Layout::Push, Way::Left),
        Kind::SlideRight => (Layout::Push, Way::Right),
        Kind::SlideUp => (Layout::Push, Way::Up),
        Kind::SlideDown => (Layout::Push, Way::Down),
        Kind::CoverLeft => (Layout::Cover, Way::Left),
        Kind::CoverRight => (Layout::Cover, Way::Right),
        Kind::CoverUp => (Layout::Cover, Way::Up),
        Kind::CoverDown => (Layout::Cover, Way::Down),
        Kind::RevealLeft => (Layout::Reveal, Way::Left),
        Kind::RevealRight => (Layout::Reveal, Way::Right),
        Kind::RevealUp => (Layout::Reveal, Way::Up),
        Kind::RevealDown => (Layout::Reveal, Way::Down),
        _ => return None,
    })
}

/// White in the picture's own terms.
const WHITE: Yuv = Yuv([235, 128, 128]);

/// Slow, fast, slow.
pub fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn weight(progress: f32) -> u16 {
    (progress.clamp(0.0, 1.0) * 256.0 + 0.5) as u16
}

/// Nothing at both ends, everything in the middle.
fn bell(progress: f32) -> f32 {
    let t = progress.clamp(0.0, 1.0);
    ease(2.0 * t.min(1.0 - t))
}

fn fade((old, new): (&Picture, &Picture), weight: u16, out: &mut Picture) {
    for ((to, a), b) in out.planes.iter_mut().zip(&old.planes).zip(&new.planes) {
        mix(&mut to.data, &a.data, &b.data, weight);
    }
}

/// `out = a + (b - a) * weight / 256`, weight 0-256.
fn mix(out: &mut [u8], a: &[u8], b: &[u8], weight: u16) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = mixed(*a, *b, weight);
    }
}

fn mix_into(out: &mut [u8], b: &[u8], weight: u16) {
    for (out, b) in out.iter_mut().zip(b) {
        *out = mixed(*out, *b, weight);
    }
}

#[inline(always)]
fn mixed(a: u8, b: u8, weight: u16) -> u8 {
    // At most 255 * 256 + 128, which fits.
    ((u16::from(a) * (256 - weight) + u16::from(b) * weight + 128) >> 8) as u8
}

/// Through one colour: the old picture goes into it, the new one comes out of it.
fn dip(Yuv(color): Yuv, progress: f32, (old, new): (&Picture, &Picture), out: &mut Picture) {
    let (from, light) = if progress < 0.5 {
        (old, 1.0 - 2.0 * progress)
    } else {
        (new, 2.0 * progress - 1.0)
    };
    let weight = weight(ease(light));
    for ((to, from), level) in out.planes.iter_mut().zip(&from.planes).zip(color) {
        for (to, from) in to.data.iter_mut().zip(&from.data) {
            *to = mixed(level, *from, weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Picture, Picture) {
        (
            Picture::filled(64, 96, Yuv([200, 60, 190])),
            Picture::filled(64, 96, Yuv([50, 150, 100])),
        )
    }

    /// A picture with structure, within the legal range.
    fn textured(seed: usize) -> Picture {
        let mut picture = Picture::filled(64, 96, Yuv::BLACK);
        for (index, plane) in picture.planes.iter_mut().enumerate() {
            let width = plane.width;
            for (at, sample) in plane.data.iter_mut().enumerate() {
                let (x, y) = (at % width, at / width);
                *sample =
                    (16 + (x * (3 + seed) + y * (5 + index) + x * y / 7 + 31 * seed) % 219) as u8;
            }
        }
        picture
    }

    fn drawn(kind: TransitionKind, progress: f32, pair: (&Picture, &Picture)) -> Picture {
        let mut out = Picture::filled(64, 96, Yuv([77, 77, 77]));
        Blender::new().blend(kind, progress, pair, &mut out);
        out
    }

    fn at(kind: TransitionKind, progress: f32) -> Picture {
        let (old, new) = pair();
        drawn(kind, progress, (&old, &new))
    }

    #[test]
    fn every_kind_starts_old_and_ends_new() {
        let (old, new) = (textured(1), textured(2));
        for (kind, name, _) in TransitionKind::ALL {
            assert_eq!(drawn(kind, 0.0, (&old, &new)), old, "{name}");
            assert_eq!(drawn(kind, 1.0, (&old, &new)), new, "{name}");
        }
    }

    #[test]
    fn every_kind_looks_like_no_other_and_like_neither_picture_in_the_middle() {
        let (old, new) = (textured(1), textured(2));
        let mut seen: Vec<(&str, Picture)> = vec![("old", old.clone()), ("new", new.clone())];
        for (kind, name, _) in TransitionKind::ALL {
            let middle = drawn(kind, 0.4, (&old, &new));
            for (other, picture) in &seen {
                assert_ne!(middle, *picture, "{name} looks like {other}");
            }
            seen.push((name, middle));
        }
    }

    /// No kernel may overflow: what goes in legal comes out legal.
    #[test]
    fn levels_stay_in_range() {
        let mut blender = Blender::new();
        let mut out = Picture::filled(64, 96, Yuv([0, 0, 0]));
        for step in 0..=40 {
            let (old, new) = (textured(step % 9), textured(step % 7));
            for (kind, name, _) in TransitionKind::ALL {
                // Magnifying overshoots at hard edges, within what a byte holds.
                if matches!(kind, TransitionKind::ZoomIn | TransitionKind::ZoomOut) {
                    continue;
                }
                blender.blend(kind, step as f32 / 40.0, (&old, &new), &mut out);
                for plane in &out.planes {
                    let legal = plane.data.iter().all(|level| (15..=235).contains(level));
                    assert!(legal, "{name} at step {step} of 40");
                }
            }
        }
    }

    #[test]
    fn two_equal_pictures_stay_as_they_are_where_nothing_moves() {
        let one = textured(3);
        for kind in [
            TransitionKind::Fade,
            TransitionKind::Dissolve,
            TransitionKind::LumaIn,
            TransitionKind::LumaOut,
            TransitionKind::WipeUp,
            TransitionKind::Clock,
            TransitionKind::CircleOpen,
            TransitionKind::Blinds,
        ] {
            assert_eq!(drawn(kind, 0.37, (&one, &one)), one, "{kind:?}");
        }
    }

    #[test]
    fn fades_through_the_middle_and_through_a_colour() {
        assert_eq!(at(TransitionKind::Fade, 0.5).planes[0].data[0], 125);
        let dark = at(TransitionKind::FadeBlack, 0.5);
        assert_eq!(dark, Picture::filled(64, 96, Yuv::BLACK));
        assert_eq!(
            at(TransitionKind::FadeWhite, 0.5),
            Picture::filled(64, 96, WHITE)
        );
    }

    #[test]
    fn slides_push_from_the_side_they_leave_free() {
        let up = at(TransitionKind::SlideUp, 0.5);
        assert_eq!((up.planes[0].row(0)[0], up.planes[0].row(95)[0]), (200, 50));
        let down = at(TransitionKind::SlideDown, 0.5);
        assert_eq!(
            (down.planes[0].row(0)[0], down.planes[0].row(95)[0]),
            (50, 200)
        );
        let left = at(TransitionKind::SlideLeft, 0.5);
        let right = at(TransitionKind::SlideRight, 0.5);
        let ends = |picture: &Picture, plane: usize| {
            let row = picture.planes[plane].row(9);
            (row[0], row[row.len() - 1])
        };
        assert_eq!((ends(&left, 0), ends(&left, 1)), ((200, 50), (60, 150)));
        assert_eq!((ends(&right, 0), ends(&right, 1)), ((50, 200), (150, 60)));
    }

    #[test]
    fn edges_travel_the_way_they_are_named() {
        let (old, new) = (200, 50);
        for (kind, first, last) in [
            (TransitionKind::WipeLeft, (60, 48), (3, 48)),
            (TransitionKind::WipeRight, (3, 48), (60, 48)),
            (TransitionKind::WipeUp, (32, 92), (32, 3)),
            (TransitionKind::WipeDown, (32, 3), (32, 92)),
            (TransitionKind::WipeDiagonal, (2, 2), (61, 93)),
            (TransitionKind::CircleOpen, (32, 48), (1, 1)),
            (TransitionKind::CircleClose, (1, 1), (32, 48)),
            (TransitionKind::Clock, (40, 10), (24, 10)),
            (TransitionKind::BarnOpen, (32, 48), (1, 48)),
            (TransitionKind::BarnClose, (1, 48), (32, 48)),
        ] {
            let middle = at(kind, 0.5);
            let level = |(x, y): (usize, usize)| middle.planes[0].row(y)[x];
            assert_eq!((level(first), level(last)), (new, old), "{kind:?}");
        }
        let row: Vec<u8> = at(TransitionKind::WipeLeft, 0.5).planes[0].row(9).to_vec();
        let soft = row
            .iter()
            .filter(|level| (51..200).contains(*level))
            .count();
        assert!(
            (5..=16).contains(&soft) && row.is_sorted_by(|a, b| a >= b),
            "{row:?}"
        );
    }
}
