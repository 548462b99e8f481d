//! Small glowing points drawn straight into the full-size planes: too fine for a field.

use crate::picture::{Picture, bt709};

use super::palette::Light;

/// A glowing point.
pub(super) struct Sparkle {
    /// Centre in pixels.
    pub(super) x: f32,
    /// Centre in pixels.
    pub(super) y: f32,
    /// Distance in pixels at which the glow ends.
    pub(super) radius: f32,
    /// Share of its colour at the centre, 0-1.
    pub(super) power: f32,
    /// Its colour, gamma-encoded, 0-1.
    pub(super) color: Light,
}

/// Blends the point over the picture: full colour at the centre, nothing at the radius.
pub(super) fn draw(sparkle: &Sparkle, out: &mut Picture) {
    let levels = bt709(sparkle.color);
    for (index, level) in levels.into_iter().enumerate() {
        let scale = if index == 0 { 1.0 } else { 0.5 };
        let plane = &mut out.planes[index];
        let (x, y, radius) = (
            sparkle.x * scale - 0.5,
            sparkle.y * scale - 0.5,
            (sparkle.radius * scale).max(1.0),
        );
        let span = |centre: f32, limit: usize| {
            let low = (centre - radius).max(0.0) as usize;
            let high = ((centre + radius + 1.0).max(0.0) as usize).min(limit);
            low.min(high)..high
        };
        let columns = span(x, plane.width);
        for row in span(y, plane.height) {
            let dy = row as f32 - y;
            for (column, sample) in columns
                .clone()
                .zip(&mut plane.row_mut(row)[columns.clone()])
            {
                let dx = column as f32 - x;
                let inside = (1.0 - (dx * dx + dy * dy) / (radius * radius)).max(0.0);
                let weight = sparkle.power * inside * inside * inside;
                let old = f32::from(*sample);
                *sample = (old + (level - old) * weight + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    #[test]
    fn brightest_at_the_centre_and_gone_at_the_radius() {
        let mut out = Picture::filled(64, 64, Yuv::BLACK);
        let sparkle = Sparkle {
            x: 32.5,
            y: 20.5,
            radius: 6.0,
            power: 1.0,
            color: [1.0; 3],
        };
        draw(&sparkle, &mut out);
        let luma = &out.planes[0];
        assert_eq!(luma.row(20)[32], 235);
        assert!(luma.row(20)[35] < 130 && luma.row(20)[35] > 16);
        assert_eq!((luma.row(20)[39], luma.row(27)[32]), (16, 16));
    }

    #[test]
    fn cut_at_the_edges() {
        let mut out = Picture::filled(16, 16, Yuv::BLACK);
        for (x, y) in [(-3.0, 8.0), (0.0, 0.0), (15.9, 15.9), (40.0, -40.0)] {
            let sparkle = Sparkle {
                x,
                y,
                radius: 5.0,
                power: 0.8,
                color: [1.0, 0.5, 0.2],
            };
            draw(&sparkle, &mut out);
        }
        assert!(out.planes[0].row(0)[0] > 100);
        assert_eq!(out.planes[0].row(8)[8], 16);
    }
}
