//! Where a clip's pixels go: how a source of any shape fills the canvas, and where a camera move looks.
//!
//! Pure geometry. Neighbours: `convert` cuts and scales to the [`Framing`]'s texture, `resample` draws the [`View`].

use fenta_templates::timeline::{Canvas, Fill, FocusKey, Motion};

use crate::keyframes::eased;
use crate::resample::View;

/// Textures are not made larger than this many texture pixels per canvas pixel: a closer look is magnified.
const MAX_DENSITY: f64 = 1.5;
/// A pan goes one canvas away at the most: more would need textures of any size.
const MAX_PAN_PM: i32 = 1000;

/// How a source is cut and scaled for a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Framing {
    /// Share of the displayed source's width and height that is kept.
    pub kept: (f64, f64),
    /// The middle of what is kept, in shares of the displayed source.
    pub centre: (f64, f64),
    /// Size of the decoded picture in pixels, even.
    pub picture: (u32, u32),
    /// Size of the texture the camera looks at; larger than the picture when it lies on a backdrop.
    pub texture: (u32, u32),
    /// The texture's size in canvas pixels.
    extent: (f64, f64),
    /// The whole source's size in canvas pixels.
    whole: (f64, f64),
    canvas: (f64, f64),
    /// The place of the source (shares of its sides) that stands in the middle of the view.
    middle: (f64, f64),
    motion: Option<Motion>,
}

impl Framing {
    /// The framing of a source of a displayed size on a canvas, around its middle.
    pub fn new(canvas: &Canvas, size: (u32, u32), fill: Fill, motion: Option<Motion>) -> Self {
        Self::around(canvas, size, (fill, motion), Reach::MIDDLE)
    }

    /// The framing of a source whose view stays within a reach. Only a crop leaves anything to choose.
    pub fn around(
        canvas: &Canvas,
        (width, height): (u32, u32),
        (fill, motion): (Fill, Option<Motion>),
        reach: Reach,
    ) -> Self {
        let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
        let (dw, dh) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let density = density(motion);
        let mut framing = Self {
            kept: (1.0, 1.0),
            centre: (0.5, 0.5),
            picture: (even(w * density), even(h * density)),
            texture: (even(w * density), even(h * density)),
            extent: (w, h),
            whole: (w, h),
            canvas: (w, h),
            middle: (0.5, 0.5),
            motion,
        };
        match fill {
            Fill::Stretch => {}
            Fill::Blur | Fill::Contain => {
                let scale = (w / dw).min(h / dh) * density;
                framing.picture = (
                    even(dw * scale).min(framing.texture.0),
                    even(dh * scale).min(framing.texture.1),
                );
            }
            Fill::Crop => {
                let scale = (w / dw).max(h / dh);
                let (pan_x, pan_y) = motion.map_or((0, 0), |m| (m.pan_x_pm, m.pan_y_pm));
                let across = Side {
                    canvas: w,
                    own: dw,
                    scale,
                };
                let down = Side {
                    canvas: h,
                    own: dh,
                    scale,
                };
                let sampled = motion.is_some();
                let (x, y) = (
                    across.kept(reach.x, pan_x, sampled),
                    down.kept(reach.y, pan_y, sampled),
                );
                framing.whole = (dw * scale, dh * scale);
                framing.kept = (x.0, y.0);
                framing.centre = (x.1, y.1);
                framing.middle = (across.middle(reach.x), down.middle(reach.y));
                framing.extent = (x.0 * framing.whole.0, y.0 * framing.whole.1);
                framing.texture = (
                    even(framing.extent.0 * density),
                    even(framing.extent.1 * density),
                );
                framing.picture = framing.texture;
            }
        }
        framing
    }

    /// The framing of a picture drawn at canvas size, at one texture pixel per canvas pixel.
    pub fn undivided(canvas: &Canvas, motion: Option<Motion>) -> Self {
        let framing = Self::new(canvas, (canvas.width, canvas.height), Fill::Stretch, None);
        Self { motion, ..framing }
    }

    /// What is seen `elapsed` frames after the clip's first.
    pub fn view(&self, elapsed: u32) -> View {
        self.view_of(elapsed, self.middle)
    }

    /// What is seen `elapsed` frames after the clip's first, with a place of the source (shares of its sides) in the
    /// middle as far as the source allows that.
    pub fn view_of(&self, elapsed: u32, focus: (f64, f64)) -> View {
        let (zoom, pan_x, pan_y) = self
            .motion
            .map_or((1.0, 0.0, 0.0), |motion| at(motion, elapsed));
        let shift = |pan: f64, canvas: f64, focus: f64, centre: f64, whole: f64| {
            pan * canvas + (focus - centre) * whole
        };
        let shift_x = shift(pan_x, self.canvas.0, focus.0, self.centre.0, self.whole.0);
        let shift_y = shift(pan_y, self.canvas.1, focus.1, self.centre.1, self.whole.1);
        let (left, step_x) = axis(self.extent.0, self.canvas.0, zoom, shift_x, self.texture.0);
        let (top, step_y) = axis(self.extent.1, self.canvas.1, zoom, shift_y, self.texture.1);
        View {
            left,
            top,
            step_x,
            step_y,
        }
    }
}

/// The places of the source (shares of its sides) that come to stand in the middle of the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// First and last across.
    pub x: (f64, f64),
    /// First and last down.
    pub y: (f64, f64),
}

impl Reach {
    /// Only the middle.
    pub const MIDDLE: Self = Self {
        x: (0.5, 0.5),
        y: (0.5, 0.5),
    };

    /// Everything between places.
    pub fn over(places: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut found: Option<Self> = None;
        for (x, y) in places {
            let reach = found.get_or_insert(Self {
                x: (x, x),
                y: (y, y),
            });
            reach.x = (reach.x.0.min(x), reach.x.1.max(x));
            reach.y = (reach.y.0.min(y), reach.y.1.max(y));
        }
        found.unwrap_or(Self::MIDDLE)
    }
}

/// One axis of a crop.
struct Side {
    /// Canvas pixels.
    canvas: f64,
    /// Displayed source pixels.
    own: f64,
    /// Canvas pixels per source pixel.
    scale: f64,
}

impl Side {
    /// A place as near as the middle of a view can come to it: not nearer to an edge than half of it.
    fn inside(&self, place: f64) -> f64 {
        let half = (self.canvas / self.scale / self.own / 2.0).min(0.5);
        place.clamp(half, 1.0 - half)
    }

    /// The middle of a reach.
    fn middle(&self, (first, last): (f64, f64)) -> f64 {
        (self.inside(first) + self.inside(last)) / 2.0
    }

    /// The share of the source that is kept, and its middle. `sampled` says that a view of it is drawn anyway.
    fn kept(&self, (first, last): (f64, f64), pan: i32, sampled: bool) -> (f64, f64) {
        let pan = f64::from(pan.abs().min(MAX_PAN_PM)) / 1000.0;
        let view = self.canvas * (1.0 + 2.0 * pan) / self.scale / self.own;
        let (first, last) = (self.inside(first), self.inside(last));
        if last - first < 1e-9 && !sampled {
            let kept = view.min(1.0);
            let middle = first.clamp(kept / 2.0, 1.0 - kept / 2.0);
            return (kept, middle);
        }
        // Whole pairs of source pixels: what is cut is what was asked for, and the view finds its place in it to parts of
        // a pixel. A view that moves must not jump where the next span keeps another part.
        let low = ((first - view / 2.0).max(0.0) * self.own / 2.0).floor() * 2.0;
        let high = ((last + view / 2.0).min(1.0) * self.own / 2.0).ceil() * 2.0;
        let high = high.min(self.own);
        ((high - low) / self.own, (low + high) / 2.0 / self.own)
    }
}

/// Where the middle of the view belongs at a moment of the source: shares of its sides.
pub fn focus_at(keys: &[FocusKey], ms: u32) -> (f64, f64) {
    let place = |key: &FocusKey| (f64::from(key.x_pm) / 1000.0, f64::from(key.y_pm) / 1000.0);
    let after = keys.partition_point(|key| key.at_ms <= ms);
    match (after.checked_sub(1).map(|at| &keys[at]), keys.get(after)) {
        (None, None) => (0.5, 0.5),
        (Some(key), None) | (None, Some(key)) => place(key),
        (Some(from), Some(to)) if to.cut => place(from),
        (Some(from), Some(to)) => {
            let t = f64::from(ms - from.at_ms) / f64::from((to.at_ms - from.at_ms).max(1));
            let ((ax, ay), (bx, by)) = (place(from), place(to));
            (ax + (bx - ax) * t, ay + (by - ay) * t)
        }
    }
}

/// Texture position of the view's edge and texture pixels per canvas pixel along one axis; `shift` is in canvas pixels.
/// The view never leaves the texture.
fn axis(extent: f64, canvas: f64, zoom: f64, shift: f64, texture: u32) -> (f32, f32) {
    let seen = canvas / zoom;
    let room = ((extent - seen) / 2.0).max(0.0);
    let shift = shift.clamp(-room, room);
    let density = f64::from(texture) / extent;
    let left = (extent - seen) / 2.0 + shift;
    ((left * density) as f32, (density / zoom) as f32)
}

/// Zoom and pan (shares of the canvas) at a frame of the move.
fn at(motion: Motion, elapsed: u32) -> (f64, f64, f64) {
    let linear = f64::from(elapsed.min(motion.over_frames)) / f64::from(motion.over_frames.max(1));
    let t = f64::from(eased(motion.ease, linear as f32));
    let (from, to) = (zoom(motion.zoom_from_pm), zoom(motion.zoom_to_pm));
    (
        from + (to - from) * t,
        pan(motion.pan_x_pm) * t,
        pan(motion.pan_y_pm) * t,
    )
}

fn pan(permille: i32) -> f64 {
    f64::from(permille.clamp(-MAX_PAN_PM, MAX_PAN_PM)) / 1000.0
}

/// A zoom below 1 would show what is not there.
fn zoom(permille: u32) -> f64 {
    f64::from(permille.clamp(1000, 10_000)) / 1000.0
}

fn density(motion: Option<Motion>) -> f64 {
    motion.map_or(1.0, |motion| {
        zoom(motion.zoom_from_pm)
            .max(zoom(motion.zoom_to_pm))
            .min(MAX_DENSITY)
    })
}

fn even(side: f64) -> u32 {
    ((side / 2.0).round() as u32).max(1) * 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;
    use fenta_templates::time::FrameRate;
    use fenta_templates::timeline::Ease;

    const CANVAS: Canvas = Canvas {
        width: 1080,
        height: 1920,
        frame_rate: FrameRate::whole(30),
        background: Color::BLACK,
    };

    fn motion(zoom_from_pm: u32, zoom_to_pm: u32, pan_x_pm: i32) -> Motion {
        Motion {
            zoom_from_pm,
            zoom_to_pm,
            pan_x_pm,
            pan_y_pm: 0,
            over_frames: 90,
            ease: Ease::InOut,
        }
    }

    #[test]
    fn crop_keeps_the_centre_and_needs_no_resampling() {
        let framing = Framing::new(&CANVAS, (1920, 1080), Fill::Crop, None);
        assert_eq!(framing.texture, (1080, 1920));
        assert!((framing.kept.0 - 0.316_406).abs() < 1e-5 && framing.kept.1 == 1.0);
        assert!(framing.view(17).is_identity());
    }

    #[test]
    fn contain_and_blur_show_the_whole_source() {
        let framing = Framing::new(&CANVAS, (1920, 1080), Fill::Blur, None);
        assert_eq!(framing.picture, (1080, 608));
        assert_eq!(framing.texture, (1080, 1920));
        let tall = Framing::new(&CANVAS, (500, 4000), Fill::Contain, None);
        assert_eq!(tall.picture, (240, 1920));
        assert_eq!(tall.kept, (1.0, 1.0));
    }

    #[test]
    fn stretch_ignores_the_shape() {
        let framing = Framing::new(&CANVAS, (16, 9), Fill::Stretch, None);
        assert_eq!((framing.picture, framing.kept), ((1080, 1920), (1.0, 1.0)));
    }

    #[test]
    fn zoom_moves_from_the_whole_to_the_middle_and_holds() {
        let framing = Framing::new(
            &CANVAS,
            (3000, 2000),
            Fill::Crop,
            Some(motion(1000, 1200, 0)),
        );
        // 1125 pixels of the source are seen, 1128 are cut: whole pairs around the middle.
        assert_eq!(framing.kept, (1128.0 / 3000.0, 1.0));
        assert_eq!(framing.texture, (1300, 2304));
        let (start, end) = (framing.view(0), framing.view(90));
        let middle = |view: View| f64::from(view.left) + 540.0 * f64::from(view.step_x);
        assert!((middle(start) - 650.0).abs() < 1e-3 && (middle(end) - 650.0).abs() < 1e-3);
        assert!(start.left > 1.0 && start.top.abs() < 1e-3);
        assert!((start.step_y - 1.2).abs() < 1e-4 && (start.step_x - 1.2).abs() < 1e-3);
        assert!((end.step_y - 1.0).abs() < 1e-4 && (end.top - 192.0).abs() < 0.1);
        assert_eq!(framing.view(500), end);
        let middle = framing.view(45);
        assert!((middle.step_x - 1.2 / 1.1).abs() < 1e-3);
    }

    #[test]
    fn pan_uses_what_a_crop_leaves_and_never_leaves_the_source() {
        let wide = Framing::new(
            &CANVAS,
            (1920, 1080),
            Fill::Crop,
            Some(motion(1000, 1000, 100)),
        );
        // 729 pixels of the source, in whole pairs around the middle.
        assert_eq!(wide.kept, (732.0 / 1920.0, 1.0));
        let per_pixel = 1302.0 / (732.0 * 1920.0 / 1080.0);
        assert_eq!(wide.texture, (1302, 1920));
        let left = |frame| f64::from(wide.view(frame).left) / per_pixel;
        assert!((left(90) - left(0) - 108.0).abs() < 1e-3);
        let middle = f64::from(wide.view(0).step_x) * 540.0 + f64::from(wide.view(0).left);
        assert!((middle - 651.0).abs() < 1e-3, "{middle}");
        let tight = Framing::new(
            &CANVAS,
            (1080, 1920),
            Fill::Crop,
            Some(motion(1000, 1000, 100)),
        );
        assert_eq!(tight.texture, (1080, 1920));
        assert!(
            tight.view(90).is_identity(),
            "nothing beside the view to pan to"
        );
    }

    #[test]
    fn senseless_moves_are_bounded() {
        let framing = Framing::new(&CANVAS, (1, 1), Fill::Crop, Some(motion(0, 90_000, -5000)));
        assert!(framing.texture.0 <= 2880 && framing.texture.1 <= 2880);
        let view = framing.view(90);
        assert!(view.left >= 0.0 && view.step_x > 0.0);
        let still = Motion {
            over_frames: 0,
            ..motion(1000, 1100, 0)
        };
        assert!(
            Framing::new(&CANVAS, (9, 16), Fill::Crop, Some(still))
                .view(0)
                .step_x
                > 0.0
        );
    }

    #[test]
    fn a_subject_stands_in_the_middle_as_far_as_the_source_goes() {
        let fixed = |x: f64| {
            let reach = Reach::over([(x, 0.5)].into_iter());
            Framing::around(&CANVAS, (1920, 1080), (Fill::Crop, None), reach)
        };
        let right = fixed(0.7);
        assert_eq!(right.texture, (1080, 1920));
        assert!((right.centre.0 - 0.7).abs() < 1e-9);
        assert!(
            right.view_of(0, (0.7, 0.5)).is_identity(),
            "nothing to resample"
        );
        let edge = fixed(0.97);
        assert!(
            (edge.centre.0 + edge.kept.0 / 2.0 - 1.0).abs() < 1e-9,
            "not past the edge"
        );
    }

    #[test]
    fn a_view_moves_evenly_across_two_spans() {
        let span = |first: f64, last: f64| {
            let reach = Reach::over([(first, 0.5), (last, 0.5)].into_iter());
            Framing::around(&CANVAS, (1920, 1080), (Fill::Crop, None), reach)
        };
        // Where the view's left edge lies in the source, in displayed pixels.
        let left = |framing: &Framing, x: f64| {
            let view = framing.view_of(0, (x, 0.5));
            let kept = framing.kept.0 * 1920.0;
            let start = framing.centre.0 * 1920.0 - kept / 2.0;
            start + f64::from(view.left) / f64::from(framing.texture.0) * kept
        };
        let (one, two) = (span(0.4, 0.45), span(0.45, 0.6));
        assert!((left(&one, 0.45) - left(&two, 0.45)).abs() < 0.02);
        assert!((left(&one, 0.45) - (0.45 * 1920.0 - 303.75)).abs() < 0.02);
    }

    #[test]
    fn focus_moves_between_keys_and_jumps_at_cuts() {
        let key = |at_ms, x_pm, cut| FocusKey {
            at_ms,
            x_pm,
            y_pm: 500,
            cut,
        };
        let keys = [
            key(0, 200, false),
            key(1000, 400, false),
            key(2000, 800, true),
        ];
        let x = |ms| focus_at(&keys, ms).0;
        assert!((x(500) - 0.3).abs() < 1e-9);
        assert_eq!([x(1500), x(1999), x(2000), x(9000)], [0.4, 0.4, 0.8, 0.8]);
        assert_eq!(focus_at(&[], 7), (0.5, 0.5));
    }
}
