//! Procedural pictures: pure functions of seed, palette, canvas and time. One look, one file.
//!
//! Neighbours: `compose` asks for frames. A look remembers only what it derived from its seed; the same time always
//! gives the same picture, in any order of asking.

mod aurora;
mod bokeh;
mod field;
mod gradient;
mod noise;
mod palette;
mod particles;
mod sparkle;
mod waves;

use fenta_templates::timeline::{Canvas, Generator, Look};

use crate::picture::{Picture, Yuv};

/// Draws a look at any time.
pub trait LookPainter: Send {
    /// Draws the picture at `seconds` over all of `out`, which has the canvas' size.
    fn draw(&mut self, seconds: f32, out: &mut Picture);
}

/// The painter of a generator.
pub fn painter(generator: &Generator, canvas: &Canvas) -> Box<dyn LookPainter> {
    match generator.look {
        Look::Solid => Box::new(Solid(
            generator
                .palette
                .first()
                .map_or(Yuv::from(canvas.background), |color| Yuv::from(*color)),
        )),
        Look::Gradient => Box::new(gradient::Gradient::new(generator, canvas)),
        Look::Bokeh => Box::new(bokeh::Bokeh::new(generator, canvas)),
        Look::Particles => Box::new(particles::Particles::new(generator, canvas)),
        Look::Waves => Box::new(waves::Waves::new(generator, canvas)),
        Look::Aurora => Box::new(aurora::Aurora::new(generator, canvas)),
    }
}

struct Solid(Yuv);

impl LookPainter for Solid {
    fn draw(&mut self, _seconds: f32, out: &mut Picture) {
        out.fill(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;
    use fenta_templates::time::FrameRate;

    const LOOKS: [Look; 6] = [
        Look::Solid,
        Look::Gradient,
        Look::Bokeh,
        Look::Particles,
        Look::Waves,
        Look::Aurora,
    ];

    fn canvas() -> Canvas {
        Canvas {
            width: 180,
            height: 320,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        }
    }

    fn generator(look: Look, seed: u64) -> Generator {
        Generator {
            look,
            seed,
            palette: vec![
                Color::rgb(14, 12, 38),
                Color::rgb(92, 40, 160),
                Color::rgb(240, 90, 120),
                Color::rgb(255, 200, 120),
            ],
        }
    }

    fn drawn(look: Look, seed: u64, seconds: f32) -> Picture {
        let mut out = Picture::filled(180, 320, Yuv([77, 7, 7]));
        painter(&generator(look, seed), &canvas()).draw(seconds, &mut out);
        out
    }

    fn mean_luma(picture: &Picture) -> f64 {
        let luma = &picture.planes[0].data;
        luma.iter().map(|y| f64::from(*y)).sum::<f64>() / luma.len() as f64
    }

    #[test]
    fn looks_are_pure_functions_of_seed_and_time() {
        for look in LOOKS {
            assert_eq!(drawn(look, 5, 1.5), drawn(look, 5, 1.5), "{look:?}");
            let mut one = painter(&generator(look, 5), &canvas());
            let mut out = Picture::filled(180, 320, Yuv::BLACK);
            one.draw(9.0, &mut out);
            one.draw(1.5, &mut out);
            assert_eq!(out, drawn(look, 5, 1.5), "{look:?} depends on history");
        }
    }

    #[test]
    fn moving_looks_move_and_differ_by_seed() {
        for look in LOOKS.into_iter().skip(1) {
            assert_ne!(drawn(look, 5, 0.0), drawn(look, 5, 1.0), "{look:?}");
            assert_ne!(drawn(look, 5, 0.0), drawn(look, 6, 0.0), "{look:?}");
        }
        assert_eq!(drawn(Look::Solid, 5, 0.0), drawn(Look::Solid, 6, 3.0));
    }

    #[test]
    fn looks_are_dark_enough_for_white_text_and_not_black() {
        for look in LOOKS.into_iter().skip(1) {
            for seed in 0..4 {
                let mean = mean_luma(&drawn(look, seed, 2.0));
                assert!((22.0..130.0).contains(&mean), "{look:?} {seed}: {mean}");
            }
        }
    }

    #[test]
    fn motion_is_calm() {
        for look in LOOKS {
            let (a, b) = (drawn(look, 3, 4.0), drawn(look, 3, 4.0 + 1.0 / 30.0));
            let change = a.planes[0]
                .data
                .iter()
                .zip(&b.planes[0].data)
                .map(|(a, b)| f64::from(a.abs_diff(*b)))
                .sum::<f64>()
                / a.planes[0].data.len() as f64;
            assert!(change < 2.5, "{look:?} changes {change} levels a frame");
        }
    }

    #[test]
    fn odd_palettes_and_late_times_are_harmless() {
        for look in LOOKS {
            for palette in [vec![], vec![Color::WHITE], vec![Color::BLACK; 5]] {
                let generator = Generator {
                    look,
                    seed: u64::MAX,
                    palette,
                };
                let mut out = Picture::filled(180, 320, Yuv([1, 1, 1]));
                painter(&generator, &canvas()).draw(86_400.0, &mut out);
                assert!(out.planes[0].data.iter().all(|y| *y >= 14), "{look:?}");
            }
        }
    }
}
