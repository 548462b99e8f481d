//! Transparency from two drawings of the same frame, one over black and one over white.
//!
//! Where they are equal something covers the background; where they differ by all of white, nothing does (Smith and
//! Blinn, "Blue Screen Matting", 1996, the two-background solution). No kernel has to know about alpha that way.
//! Neighbours: `encode` draws twice and asks.

use crate::picture::{Picture, Plane, Yuv};

/// Luma of white less luma of black, in limited range.
const SPAN: i32 = 219;

/// Colour and coverage (0-255) of every sample: `black` becomes the straight colour, `alpha` has the luma plane's size.
pub fn separate(black: &mut Picture, white: &Picture, alpha: &mut Plane) {
    let [luma, chroma @ ..] = &mut black.planes;
    for ((dark, light), alpha) in luma
        .data
        .iter_mut()
        .zip(&white.planes[0].data)
        .zip(&mut alpha.data)
    {
        let clear = (i32::from(*light) - i32::from(*dark)).clamp(0, SPAN);
        let cover = SPAN - clear;
        *alpha = ((cover * 255 + SPAN / 2) / SPAN) as u8;
        *dark = straight(*dark, 16, cover, 235);
    }
    let [u, v] = chroma;
    for plane in [u, v] {
        for y in 0..plane.height {
            for x in 0..plane.width {
                let cover: i32 = [(0, 0), (0, 1), (1, 0), (1, 1)]
                    .iter()
                    .map(|(dy, dx)| {
                        let row = alpha.row((2 * y + dy).min(alpha.height - 1));
                        i32::from(row[(2 * x + dx).min(alpha.width - 1)])
                    })
                    .sum();
                let sample = &mut plane.row_mut(y)[x];
                *sample = straight(*sample, 128, (cover * SPAN + 510) / 1020, 240);
            }
        }
    }
}

/// Undoes the multiplication by coverage around a level; black or grey where nothing covers.
fn straight(level: u8, around: i32, cover: i32, most: i32) -> u8 {
    if cover <= 0 {
        return around as u8;
    }
    let away = i32::from(level) - around;
    (around + (away * SPAN + away.signum() * cover / 2) / cover).clamp(16, most) as u8
}

/// What `separate` draws over.
pub const BACKGROUNDS: [Yuv; 2] = [Yuv::BLACK, Yuv([235, 128, 128])];

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of a colour over a background at a coverage.
    fn over(color: [u8; 3], below: Yuv, cover: f64) -> Picture {
        let mix = |index: usize| {
            let (top, bottom) = (f64::from(color[index]), f64::from(below.0[index]));
            (bottom + (top - bottom) * cover).round() as u8
        };
        Picture::filled(4, 4, Yuv([mix(0), mix(1), mix(2)]))
    }

    #[test]
    fn colour_and_cover_come_back() {
        let color = [150, 90, 200];
        for cover in [0.25, 0.5, 0.75, 1.0] {
            let mut black = over(color, BACKGROUNDS[0], cover);
            let white = over(color, BACKGROUNDS[1], cover);
            let mut alpha = Plane::filled(4, 4, 0);
            separate(&mut black, &white, &mut alpha);
            let seen = f64::from(alpha.data[5]) / 255.0;
            assert!((seen - cover).abs() < 0.005, "{seen} for {cover}");
            for (plane, wanted) in black.planes.iter().zip(color) {
                let far = plane.data[3].abs_diff(wanted);
                assert!(far <= 4, "{} for {wanted} at {cover}", plane.data[3]);
            }
        }
    }

    #[test]
    fn nothing_is_clear_black() {
        let mut black = Picture::filled(4, 4, BACKGROUNDS[0]);
        let mut alpha = Plane::filled(4, 4, 9);
        separate(
            &mut black,
            &Picture::filled(4, 4, BACKGROUNDS[1]),
            &mut alpha,
        );
        assert_eq!(alpha, Plane::filled(4, 4, 0));
        assert_eq!(black, Picture::filled(4, 4, Yuv::BLACK));
    }
}
