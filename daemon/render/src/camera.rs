//! Where a clip's pixels go: how a source of any shape fills the canvas, and where a camera move looks.
//!
//! Pure geometry. Neighbours: `convert` cuts and scales to the [`Framing`]'s texture, `resample` draws the [`View`].

use fenta_templates::timeline::{Canvas, Ease, Fill, Motion};

use crate::resample::View;
use crate::transition::ease;

/// Textures are not made larger than this many texture pixels per canvas pixel: a closer look is magnified.
const MAX_DENSITY: f64 = 1.5;
/// A pan goes one canvas away at the most: more would need textures of any size.
const MAX_PAN_PM: i32 = 1000;

/// How a source is cut and scaled for a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Framing {
    /// Share of the displayed source's width and height that is kept, around its centre.
    pub kept: (f64, f64),
    /// Size of the decoded picture in pixels, even.
    pub picture: (u32, u32),
    /// Size of the texture the camera looks at; larger than the picture when it lies on a backdrop.
    pub texture: (u32, u32),
    /// The texture's size in canvas pixels.
    extent: (f64, f64),
    canvas: (f64, f64),
    motion: Option<Motion>,
}

impl Framing {
    /// The framing of a source of a displayed size on a canvas.
    pub fn new(
        canvas: &Canvas,
        (width, height): (u32, u32),
        fill: Fill,
        motion: Option<Motion>,
    ) -> Self {
        let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
        let (dw, dh) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let density = density(motion);
        let mut framing = Self {
            kept: (1.0, 1.0),
            picture: (even(w * density), even(h * density)),
            texture: (even(w * density), even(h * density)),
            extent: (w, h),
            canvas: (w, h),
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
                let reach = |side: f64, pan: i32, whole: f64| {
                    (side * (1.0 + 2.0 * f64::from(pan.abs().min(MAX_PAN_PM)) / 1000.0)).min(whole)
                };
                framing.extent = (reach(w, pan_x, dw * scale), reach(h, pan_y, dh * scale));
                framing.kept = (
                    framing.extent.0 / (dw * scale),
                    framing.extent.1 / (dh * scale),
                );
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
        let (zoom, pan_x, pan_y) = self
            .motion
            .map_or((1.0, 0.0, 0.0), |motion| at(motion, elapsed));
        let (left, step_x) = axis(self.extent.0, self.canvas.0, zoom, pan_x, self.texture.0);
        let (top, step_y) = axis(self.extent.1, self.canvas.1, zoom, pan_y, self.texture.1);
        View {
            left,
            top,
            step_x,
            step_y,
        }
    }
}

/// Texture position of the view's edge and texture pixels per canvas pixel along one axis. The view never leaves the
/// texture.
fn axis(extent: f64, canvas: f64, zoom: f64, pan: f64, texture: u32) -> (f32, f32) {
    let seen = canvas / zoom;
    let room = ((extent - seen) / 2.0).max(0.0);
    let shift = (pan * canvas).clamp(-room, room);
    let density = f64::from(texture) / extent;
    let left = (extent - seen) / 2.0 + shift;
    ((left * density) as f32, (density / zoom) as f32)
}

/// Zoom and pan (shares of the canvas) at a frame of the move.
fn at(motion: Motion, elapsed: u32) -> (f64, f64, f64) {
    let linear = f64::from(elapsed.min(motion.over_frames)) / f64::from(motion.over_frames.max(1));
    let t = match motion.ease {
        Ease::Linear => linear,
        Ease::InOut => f64::from(ease(linear as f32)),
    };
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
        assert_eq!(framing.texture, (1296, 2304));
        let (start, end) = (framing.view(0), framing.view(90));
        assert!(start.left.abs() < 1e-3 && (start.step_x - 1.2).abs() < 1e-4);
        assert!((end.step_x - 1.0).abs() < 1e-4 && (end.left - 108.0).abs() < 0.1);
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
        assert_eq!(wide.texture, (1296, 1920));
        assert!((wide.view(90).left - 216.0).abs() < 1e-3);
        assert!((wide.view(0).left - 108.0).abs() < 1e-3);
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
}
