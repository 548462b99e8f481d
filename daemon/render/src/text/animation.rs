//! Curves over frames: how captions spring in, how overlays come and go.
//!
//! Neighbours: `caption` and `overlay` ask for a state per frame. Pure numbers; no pixels.

use fenta_templates::time::FrameRate;
use fenta_templates::timeline::{Animation, AnimationKind, Ease, Overlay};

use crate::keyframes::{eased, placing_at};

/// Milliseconds in which a cue springs to its size.
const POP_MS: f64 = 120.0;
/// Milliseconds in which a springing or sliding cue becomes solid.
const POP_FADE_MS: f64 = 60.0;
/// Milliseconds in which a highlight grows.
const HIGHLIGHT_MS: f64 = 100.0;
/// Milliseconds in which a sliding cue reaches its place.
const CUE_SLIDE_MS: f64 = 200.0;
/// How far below its place a sliding cue begins, in em.
const CUE_SLIDE_EM: f32 = 0.5;
/// A hop and the smaller one after it: milliseconds each takes and how high it leads, in em.
const HOPS: [(f64, f32); 2] = [(210.0, 0.17), (130.0, 0.035)];
/// Pixels an overlay moves by.
const SLIDE_PX: f32 = 60.0;

/// Size and opacity, both in permille, and a shift in pixels; integers, so that equal looks are equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pose {
    pub(super) scale_pm: u16,
    pub(super) opacity_pm: u16,
    pub(super) shift_y: i32,
    pub(super) shift_x: i32,
    /// The part of its width that is seen, permille from the left.
    pub(super) seen_pm: (u16, u16),
    /// The part of its letters that is seen, permille.
    pub(super) typed_pm: u16,
}

impl Pose {
    pub(super) const REST: Self = Self {
        scale_pm: 1000,
        opacity_pm: 1000,
        shift_y: 0,
        shift_x: 0,
        seen_pm: (0, 1000),
        typed_pm: 1000,
    };
}

fn frames_in(ms: f64, rate: FrameRate) -> i64 {
    ((ms * rate.as_f64() / 1000.0).round() as i64).max(1)
}

/// 0.85 at the start, 1.05 half way, 1.0 at the end.
fn spring(t: f32) -> f32 {
    if t >= 1.0 {
        1.0
    } else if t < 0.5 {
        let u = t / 0.5;
        0.85 + 0.20 * (1.0 - (1.0 - u) * (1.0 - u))
    } else {
        let u = (t - 0.5) / 0.5;
        1.05 - 0.05 * u * u * (3.0 - 2.0 * u)
    }
}

fn permille(value: f32) -> u16 {
    (value * 1000.0).round().clamp(0.0, f32::from(u16::MAX)) as u16
}

/// A springing cue `elapsed` frames after it appeared.
pub(super) fn cue_pop(elapsed: i64, rate: FrameRate) -> Pose {
    let frames = frames_in(POP_MS, rate);
    let fade = frames_in(POP_FADE_MS, rate);
    Pose {
        scale_pm: permille(spring(elapsed as f32 / frames as f32)),
        opacity_pm: permille(((elapsed + 1) as f32 / fade as f32).min(1.0)),
        ..Pose::REST
    }
}

/// A sliding cue with letters of `size` pixels, `elapsed` frames after it appeared: quick at first, then at rest.
pub(super) fn cue_slide(elapsed: i64, rate: FrameRate, size: f32) -> Pose {
    let t = (elapsed + 1) as f32 / (frames_in(CUE_SLIDE_MS, rate) + 1) as f32;
    let left = 1.0 - t.min(1.0);
    let fade = frames_in(POP_FADE_MS, rate);
    Pose {
        opacity_pm: permille(((elapsed + 1) as f32 / fade as f32).min(1.0)),
        shift_y: (CUE_SLIDE_EM * size * left * left * left).round() as i32,
        ..Pose::REST
    }
}

/// How far above its place a hopping word stands, in permille of an em, `elapsed` frames after it began: thrown up,
/// falling, and once more a little.
pub(super) fn hop(elapsed: i64, rate: FrameRate) -> u16 {
    let mut ms = (elapsed + 1) as f64 * 1000.0 / rate.as_f64();
    for (length, height) in HOPS {
        if ms < length {
            let u = (ms / length) as f32;
            return permille(height * 4.0 * u * (1.0 - u));
        }
        ms -= length;
    }
    0
}

/// How much of a word has been spoken at the end of its frame `elapsed`, in permille; a word of no length is spoken
/// at once.
pub(super) fn spoken_part(elapsed: i64, frames: i64) -> u16 {
    permille(((elapsed + 1) as f32 / frames.max(1) as f32).clamp(0.0, 1.0))
}

/// How far a word's highlight has grown, in permille, `elapsed` frames after the word began.
pub(super) fn highlight_growth(elapsed: i64, rate: FrameRate) -> u16 {
    let t = (elapsed + 1) as f32 / frames_in(HIGHLIGHT_MS, rate) as f32;
    let left = 1.0 - t.min(1.0);
    permille(1.0 - left * left)
}

/// How an overlay stands at a frame, or nothing where it is not visible.
pub(super) fn overlay_pose(overlay: &Overlay, frame: i64) -> Option<Pose> {
    if !overlay.range.contains(frame) {
        return None;
    }
    let since = frame - overlay.range.first() + 1;
    let until = overlay.range.end() - frame;
    let enter = overlay
        .enter
        .map_or(Pose::REST, |a| end_pose(a, since, 1.0));
    let exit = overlay
        .exit
        .map_or(Pose::REST, |a| end_pose(a, until, -1.0));
    let since_first = u32::try_from(frame - overlay.range.first()).unwrap_or(0);
    let placing = placing_at(&overlay.keyframes, since_first);
    let times = |a: u16, b: u16, c: f32| {
        (f64::from(a) * f64::from(b) / 1000.0 * f64::from(c)).clamp(0.0, 65_535.0) as u16
    };
    Some(Pose {
        scale_pm: times(enter.scale_pm, exit.scale_pm, placing.scale),
        opacity_pm: times(enter.opacity_pm, exit.opacity_pm, placing.opacity),
        shift_y: enter.shift_y + exit.shift_y + placing.y.round() as i32,
        shift_x: enter.shift_x + exit.shift_x + placing.x.round() as i32,
        seen_pm: (
            enter.seen_pm.0.max(exit.seen_pm.0),
            enter.seen_pm.1.min(exit.seen_pm.1),
        ),
        typed_pm: enter.typed_pm.min(exit.typed_pm),
    })
}

/// `away` frames from the invisible end; `below` is 1 where the resting place is reached from below, -1 where it
/// is left upwards. The first animated frame already shows something, the last one not yet everything.
fn end_pose(animation: Animation, away: i64, below: f32) -> Pose {
    let t = away as f32 / (animation.frames.max(1) + 1) as f32;
    if t >= 1.0 {
        return Pose::REST;
    }
    let left = 1.0 - t;
    let fading = Pose {
        opacity_pm: permille(t),
        ..Pose::REST
    };
    let moved = (below * SLIDE_PX * left * left * left).round() as i32;
    match animation.kind {
        AnimationKind::Fade => fading,
        AnimationKind::SlideUp => Pose {
            shift_y: moved,
            ..fading
        },
        AnimationKind::SlideDown => Pose {
            shift_y: -moved,
            ..fading
        },
        AnimationKind::SlideLeft => Pose {
            shift_x: moved,
            ..fading
        },
        AnimationKind::SlideRight => Pose {
            shift_x: -moved,
            ..fading
        },
        AnimationKind::Pop => Pose {
            scale_pm: permille(spring(t)),
            opacity_pm: permille((2.0 * t).min(1.0)),
            ..Pose::REST
        },
        AnimationKind::Scale => Pose {
            scale_pm: permille(1.0 - left * left * left),
            opacity_pm: permille((3.0 * t).min(1.0)),
            ..Pose::REST
        },
        AnimationKind::Wipe => {
            let edge = permille(eased(Ease::InOut, t));
            Pose {
                seen_pm: if below > 0.0 {
                    (0, edge)
                } else {
                    (1000 - edge, 1000)
                },
                ..Pose::REST
            }
        }
        AnimationKind::Typewriter => Pose {
            typed_pm: permille(t),
            ..Pose::REST
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;
    use fenta_templates::time::TimeRange;
    use fenta_templates::timeline::{Anchor, OverlayContent, Rect, ShapeOverlay};

    const FPS: FrameRate = FrameRate::whole(30);

    fn overlay(enter: Option<Animation>, exit: Option<Animation>) -> Overlay {
        Overlay {
            id: "o".into(),
            range: TimeRange::from_units(10, 50, FPS),
            content: OverlayContent::Shape(ShapeOverlay {
                color: Color::WHITE,
                radius: 0,
                to: None,
            }),
            rect: Rect {
                x: 0,
                y: 0,
                w: 10,
                h: 10,
            },
            anchor: Anchor::Center,
            opacity_pm: 1000,
            enter,
            exit,
            keyframes: Vec::new(),
        }
    }

    fn animation(kind: AnimationKind, frames: u32) -> Option<Animation> {
        Some(Animation { kind, frames })
    }

    #[test]
    fn a_cue_springs_from_85_over_105_to_100_in_120_ms() {
        let scales: Vec<u16> = (0..6).map(|f| cue_pop(f, FPS).scale_pm).collect();
        assert_eq!(scales, [850, 1000, 1050, 1025, 1000, 1000]);
        let fades: Vec<u16> = (0..4).map(|f| cue_pop(f, FPS).opacity_pm).collect();
        assert_eq!(fades, [500, 1000, 1000, 1000]);
        assert!(cue_pop(4, FrameRate::whole(60)).scale_pm > 1040);
        assert!(cue_pop(6, FrameRate::whole(60)).scale_pm > 1000);
        assert_eq!(cue_pop(7, FrameRate::whole(60)), Pose::REST);
    }

    #[test]
    fn a_highlight_grows_to_the_full_in_three_frames() {
        let growth: Vec<u16> = (0..5).map(|f| highlight_growth(f, FPS)).collect();
        assert_eq!(growth[2..], [1000, 1000, 1000]);
        assert!(
            growth[0] > 300 && growth[0] < growth[1] && growth[1] < 1000,
            "{growth:?}"
        );
    }

    #[test]
    fn a_hop_leaves_at_once_and_comes_to_rest() {
        let heights: Vec<u16> = (0..14).map(|f| hop(f, FPS)).collect();
        assert!(heights[0] > 60, "the first frame moves: {heights:?}");
        let top = heights.iter().max().unwrap();
        assert!((150..=170).contains(top), "{heights:?}");
        assert_eq!(heights[11..], [0, 0, 0]);
        assert!(
            (5..=36).contains(&heights[7]),
            "the second hop is small: {heights:?}"
        );
    }

    #[test]
    fn a_slide_rises_into_place_and_stays() {
        let poses: Vec<Pose> = (0..9).map(|f| cue_slide(f, FPS, 80.0)).collect();
        assert!(
            poses[0].shift_y > 15 && poses[0].opacity_pm > 200,
            "{poses:?}"
        );
        for pair in poses.windows(2) {
            assert!(pair[0].shift_y >= pair[1].shift_y && pair[0].opacity_pm <= pair[1].opacity_pm);
        }
        assert_eq!(poses[6], Pose::REST);
        assert_eq!(poses[8], Pose::REST);
    }

    #[test]
    fn words_are_spoken_frame_by_frame() {
        let parts: Vec<u16> = (0..5).map(|f| spoken_part(f, 4)).collect();
        assert_eq!(parts, [250, 500, 750, 1000, 1000]);
        assert_eq!(spoken_part(0, 0), 1000);
    }

    #[test]
    fn nothing_shows_outside_the_range_and_rest_is_rest() {
        let plain = overlay(None, None);
        assert_eq!(overlay_pose(&plain, 9), None);
        assert_eq!(overlay_pose(&plain, 50), None);
        assert_eq!(overlay_pose(&plain, 10), Some(Pose::REST));
        assert_eq!(overlay_pose(&plain, 49), Some(Pose::REST));
    }

    #[test]
    fn fades_are_monotone_and_mirror_each_other() {
        let item = overlay(
            animation(AnimationKind::Fade, 6),
            animation(AnimationKind::Fade, 6),
        );
        let at = |frame| overlay_pose(&item, frame).unwrap().opacity_pm;
        for frame in 10..16 {
            assert!(at(frame) > 0 && at(frame) < at(frame + 1));
            assert_eq!(at(frame), at(59 - frame));
        }
        assert_eq!(at(16), 1000);
        assert_eq!(at(43), 1000);
        assert!(at(44) < 1000);
    }

    #[test]
    fn a_slide_comes_from_below_and_leaves_upwards() {
        let item = overlay(
            animation(AnimationKind::SlideUp, 8),
            animation(AnimationKind::SlideUp, 8),
        );
        let at = |frame| overlay_pose(&item, frame).unwrap().shift_y;
        assert!((30..60).contains(&at(10)), "{}", at(10));
        for frame in 10..49 {
            assert!(at(frame) >= at(frame + 1), "rises all the time, at {frame}");
        }
        assert_eq!(at(30), 0);
        assert!(at(49) < -30);
    }

    #[test]
    fn a_pop_overshoots_once_and_settles() {
        let item = overlay(animation(AnimationKind::Pop, 9), None);
        let scales: Vec<u16> = (10..22)
            .map(|f| overlay_pose(&item, f).unwrap().scale_pm)
            .collect();
        let peak = scales
            .iter()
            .position(|s| s == scales.iter().max().unwrap())
            .unwrap();
        assert!(
            scales[..=peak].windows(2).all(|w| w[0] < w[1]),
            "{scales:?}"
        );
        assert!(
            scales[peak..].windows(2).all(|w| w[0] >= w[1]),
            "{scales:?}"
        );
        assert!((1040..=1050).contains(&scales[peak]), "{scales:?}");
        assert_eq!(scales[9], 1000);
    }

    #[test]
    fn a_one_frame_animation_is_still_one() {
        let item = overlay(animation(AnimationKind::Fade, 1), None);
        assert_eq!(overlay_pose(&item, 10).unwrap().opacity_pm, 500);
        assert_eq!(overlay_pose(&item, 11).unwrap().opacity_pm, 1000);
    }

    #[test]
    fn every_way_of_coming_starts_away_and_ends_at_rest() {
        for (kind, away) in [
            (AnimationKind::SlideDown, (0, -1)),
            (AnimationKind::SlideLeft, (1, 0)),
            (AnimationKind::SlideRight, (-1, 0)),
            (AnimationKind::Scale, (0, 0)),
            (AnimationKind::Wipe, (0, 0)),
            (AnimationKind::Typewriter, (0, 0)),
        ] {
            let both = overlay(animation(kind, 8), animation(kind, 8));
            let first = overlay_pose(&both, 10).unwrap();
            assert_eq!(
                (first.shift_x.signum(), first.shift_y.signum()),
                away,
                "{kind:?}"
            );
            assert_ne!(first, Pose::REST, "{kind:?}");
            assert_eq!(overlay_pose(&both, 30), Some(Pose::REST), "{kind:?}");
            let last = overlay_pose(&both, 49).unwrap();
            // It goes on in the direction it came in.
            assert_eq!(
                (last.shift_x.signum(), last.shift_y.signum()),
                (-away.0, -away.1)
            );
            assert_ne!(last, Pose::REST, "{kind:?}");
        }
        let wiped = overlay(
            animation(AnimationKind::Wipe, 9),
            animation(AnimationKind::Wipe, 9),
        );
        assert_eq!(overlay_pose(&wiped, 14).unwrap().seen_pm, (0, 500));
        assert_eq!(overlay_pose(&wiped, 45).unwrap().seen_pm, (500, 1000));
    }

    #[test]
    fn keyframes_add_to_the_place_and_multiply_the_rest() {
        let mut moving = overlay(animation(AnimationKind::Fade, 3), None);
        let key = |at, x, scale_pm, opacity_pm| fenta_templates::timeline::Keyframe {
            at,
            x,
            y: 0,
            scale_pm,
            opacity_pm,
            ease: Ease::Linear,
        };
        moving.keyframes = vec![key(0, 0, 1000, 1000), key(20, 100, 500, 600)];
        let at = |frame| overlay_pose(&moving, frame).unwrap();
        assert_eq!(
            (at(20).shift_x, at(20).scale_pm, at(20).opacity_pm),
            (50, 750, 800)
        );
        assert_eq!((at(45).shift_x, at(45).opacity_pm), (100, 600));
        assert!(at(10).opacity_pm < 300);
    }
}
