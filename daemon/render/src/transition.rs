//! Blends between two pictures of the same size, plane by plane in fixed point.
//!
//! Neighbours: `compose` knows when and how far; `resample` magnifies for the zoom. This module knows no time.

use fenta_templates::timeline::TransitionKind;

use crate::picture::{Picture, Yuv};
use crate::resample::{Sampler, View};

/// How much the outgoing picture grows during a zoom.
const ZOOM_GROWTH: f32 = 0.28;
/// Width of a wipe's soft edge as a share of the picture.
const WIPE_SOFTNESS: f32 = 0.18;

/// Draws the blend of `old` into `new` at `progress` (0-1) into `out`; all three have the same size.
pub fn blend(
    kind: TransitionKind,
    progress: f32,
    (old, new): (&Picture, &Picture),
    out: &mut Picture,
    sampler: &mut Sampler,
) {
    match kind {
        TransitionKind::Fade => fade(old, new, weight(progress), out),
        TransitionKind::FadeBlack => fade_black(progress, old, new, out),
        TransitionKind::SlideUp => slide_up(ease(progress), old, new, out),
        TransitionKind::SlideLeft => slide_left(ease(progress), old, new, out),
        TransitionKind::WipeLeft => wipe_left(ease(progress), old, new, out),
        TransitionKind::ZoomIn => {
            let scale = 1.0 / (1.0 + ZOOM_GROWTH * ease(progress));
            let (w, h) = (old.width() as f32, old.height() as f32);
            let view = View {
                left: w * (1.0 - scale) / 2.0,
                top: h * (1.0 - scale) / 2.0,
                step_x: scale,
                step_y: scale,
            };
            sampler.sample(old, view, out);
            let weight = weight(ease(progress));
            for (to, from) in out.planes.iter_mut().zip(&new.planes) {
                mix_into(&mut to.data, &from.data, weight);
            }
        }
    }
}

/// Slow, fast, slow.
pub fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn weight(progress: f32) -> u16 {
    (progress.clamp(0.0, 1.0) * 256.0 + 0.5) as u16
}

fn fade(old: &Picture, new: &Picture, weight: u16, out: &mut Picture) {
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

fn fade_black(progress: f32, old: &Picture, new: &Picture, out: &mut Picture) {
    let (from, light) = if progress < 0.5 {
        (old, 1.0 - 2.0 * progress)
    } else {
        (new, 2.0 * progress - 1.0)
    };
    let weight = weight(ease(light));
    let Yuv(black) = Yuv::BLACK;
    for ((to, from), black) in out.planes.iter_mut().zip(&from.planes).zip(black) {
        for (to, from) in to.data.iter_mut().zip(&from.data) {
            *to = mixed(black, *from, weight);
        }
    }
}

fn slide_up(progress: f32, old: &Picture, new: &Picture, out: &mut Picture) {
    let chroma_shift = (progress * old.planes[1].height as f32 + 0.5) as usize;
    for (index, to) in out.planes.iter_mut().enumerate() {
        let shift = if index == 0 {
            2 * chroma_shift
        } else {
            chroma_shift
        };
        let cut = shift * to.width;
        let kept = to.data.len() - cut;
        to.data[..kept].copy_from_slice(&old.planes[index].data[cut..]);
        to.data[kept..].copy_from_slice(&new.planes[index].data[..cut]);
    }
}

fn slide_left(progress: f32, old: &Picture, new: &Picture, out: &mut Picture) {
    let chroma_shift = (progress * old.planes[1].width as f32 + 0.5) as usize;
    for (index, to) in out.planes.iter_mut().enumerate() {
        let shift = if index == 0 {
            2 * chroma_shift
        } else {
            chroma_shift
        };
        for y in 0..to.height {
            let kept = to.width - shift;
            let row = to.row_mut(y);
            row[..kept].copy_from_slice(&old.planes[index].row(y)[shift..]);
            row[kept..].copy_from_slice(&new.planes[index].row(y)[..shift]);
        }
    }
}

fn wipe_left(progress: f32, old: &Picture, new: &Picture, out: &mut Picture) {
    for (index, to) in out.planes.iter_mut().enumerate() {
        let weights = wipe_weights(to.width, progress);
        for y in 0..to.height {
            let (a, b) = (old.planes[index].row(y), new.planes[index].row(y));
            let row = to.row_mut(y);
            for (((to, a), b), weight) in row.iter_mut().zip(a).zip(b).zip(&weights) {
                *to = mixed(*a, *b, *weight);
            }
        }
    }
}

/// The new picture's weight per column: the edge travels from beyond the right side to beyond the left.
fn wipe_weights(width: usize, progress: f32) -> Vec<u16> {
    let edge = 1.0 - progress * (1.0 + WIPE_SOFTNESS);
    (0..width)
        .map(|x| {
            let at = (x as f32 + 0.5) / width as f32;
            weight(ease((at - edge) / WIPE_SOFTNESS))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [TransitionKind; 6] = [
        TransitionKind::Fade,
        TransitionKind::FadeBlack,
        TransitionKind::SlideUp,
        TransitionKind::SlideLeft,
        TransitionKind::WipeLeft,
        TransitionKind::ZoomIn,
    ];

    fn pair() -> (Picture, Picture) {
        (
            Picture::filled(64, 96, Yuv([200, 60, 190])),
            Picture::filled(64, 96, Yuv([50, 150, 100])),
        )
    }

    fn at(kind: TransitionKind, progress: f32) -> Picture {
        let (old, new) = pair();
        let mut out = Picture::filled(64, 96, Yuv::BLACK);
        blend(kind, progress, (&old, &new), &mut out, &mut Sampler::new());
        out
    }

    #[test]
    fn every_kind_starts_old_and_ends_new() {
        let (old, new) = pair();
        for kind in KINDS {
            assert_eq!(at(kind, 0.0), old, "{kind:?}");
            assert_eq!(at(kind, 1.0), new, "{kind:?}");
        }
    }

    #[test]
    fn fades_through_the_middle_and_through_black() {
        assert_eq!(at(TransitionKind::Fade, 0.5).planes[0].data[0], 125);
        let dark = at(TransitionKind::FadeBlack, 0.5);
        assert_eq!(dark, Picture::filled(64, 96, Yuv::BLACK));
    }

    #[test]
    fn slides_push_from_the_right_side() {
        let up = at(TransitionKind::SlideUp, 0.5);
        assert_eq!((up.planes[0].row(0)[0], up.planes[0].row(95)[0]), (200, 50));
        let left = at(TransitionKind::SlideLeft, 0.5);
        assert_eq!(
            (left.planes[0].row(9)[0], left.planes[0].row(9)[63]),
            (200, 50)
        );
        assert_eq!(
            (left.planes[1].row(9)[0], left.planes[1].row(9)[31]),
            (60, 150)
        );
    }

    #[test]
    fn wipe_uncovers_from_right_to_left_with_a_soft_edge() {
        let weights = wipe_weights(100, 0.5);
        assert_eq!((weights[0], weights[99]), (0, 256));
        assert!(weights.is_sorted());
        let soft = weights
            .iter()
            .filter(|weight| (1..256).contains(*weight))
            .count();
        assert!((10..=20).contains(&soft), "{soft} soft columns of 100");
    }
}
