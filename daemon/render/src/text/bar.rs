//! Progress bars: how far they have come at a frame, and how they are drawn.
//!
//! Neighbours: `overlay` keeps what is drawn here and says where it stands.

use fenta_templates::time::TimeRange;
use fenta_templates::timeline::ProgressOverlay;
use tiny_skia::Rect;

use super::raster::{self, Plate, Raster};

/// How many of a bar's pixels are done: none at the first frame of its range, all of them at the last.
pub(super) fn done(range: &TimeRange, frame: i64, width: f32) -> u32 {
    let steps = (range.duration.value - 1).max(1);
    let passed = (frame - range.first()).clamp(0, steps);
    (f64::from(width) * passed as f64 / steps as f64).round() as u32
}

/// The done part over the whole bar; nothing where there is neither.
pub(super) fn draw(bar: &ProgressOverlay, rect: Rect, done: f32) -> Option<Raster> {
    let radius = f32::from(bar.radius);
    let plate = |width: f32, color| {
        let rect = Rect::from_xywh(rect.left(), rect.top(), width, rect.height())?;
        Some(Plate {
            rect,
            radius,
            color,
        })
    };
    let whole = bar.background.and_then(|color| plate(rect.width(), color));
    // A round end needs room of its own, or the beginning would be a sliver.
    let least = (2.0 * radius).min(rect.height()).min(rect.width());
    let grown = (done >= 1.0)
        .then(|| plate(done.max(least), bar.color))
        .flatten();
    let plates: Vec<Plate> = whole.into_iter().chain(grown).collect();
    raster::draw_plates(&plates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;
    use fenta_templates::time::FrameRate;

    const RATE: FrameRate = FrameRate::whole(30);

    // spec: T-26
    #[test]
    fn a_bar_is_empty_at_its_first_frame_and_full_at_its_last() {
        let range = TimeRange::from_units(-10, 91, RATE);
        assert_eq!(done(&range, -10, 800.0), 0);
        assert_eq!(done(&range, 40, 800.0), 400);
        assert_eq!(done(&range, 90, 800.0), 800);
        assert_eq!(done(&TimeRange::from_units(0, 1, RATE), 0, 800.0), 0);
    }

    #[test]
    fn the_done_part_covers_the_whole_one() {
        let bar = ProgressOverlay {
            color: Color::rgb(255, 0, 0),
            background: Some(Color::rgb(0, 0, 255)),
            radius: 0,
        };
        let rect = Rect::from_xywh(10.0, 20.0, 100.0, 8.0).unwrap();
        let raster = draw(&bar, rect, 40.0).unwrap();
        let pixel = |x: i32| {
            let column = (x - raster.x) as usize;
            let row = (24 - raster.y) as usize;
            let at = (row * raster.image.width as usize + column) * 4;
            [raster.image.data[at], raster.image.data[at + 2]]
        };
        assert_eq!(pixel(11), [255, 0]);
        assert_eq!(pixel(48), [255, 0]);
        assert_eq!(pixel(52), [0, 255]);
        assert_eq!(pixel(108), [0, 255]);
        let bare = ProgressOverlay {
            background: None,
            ..bar
        };
        assert!(
            draw(&bare, rect, 0.0).is_none(),
            "nothing is done, nothing is seen"
        );
    }
}
