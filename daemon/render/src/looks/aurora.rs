//! Curtains of northern light over a night sky.

use fenta_templates::timeline::{Canvas, Generator};

use super::LookPainter;
use super::field::Field;
use super::noise::{Dice, decay, noise, smooth, wave};
use super::palette::{Lab, Light, Palette, add, light, mix, scale};
use super::sparkle::{self, Sparkle};
use crate::picture::Picture;

const CURTAINS: usize = 3;
const STARS: usize = 110;
const VIGNETTE: f32 = 0.34;

struct Curtain {
    low: Light,
    high: Light,
    /// Height of the lower edge, in half picture heights.
    base: f32,
    length: f32,
    power: f32,
    salt: u32,
    phase: [f32; 3],
}

struct Star {
    at: (f32, f32),
    radius: f32,
    power: f32,
    twinkle: (f32, f32),
}

/// What a curtain looks like in one column of the grid.
#[derive(Clone, Copy, Default)]
struct Ray {
    edge: f32,
    length: f32,
    power: f32,
}

pub(super) struct Aurora {
    field: Field,
    size: (f32, f32),
    zenith: Lab,
    horizon: Lab,
    curtains: Vec<Curtain>,
    stars: Vec<Star>,
}

impl Aurora {
    pub(super) fn new(generator: &Generator, canvas: &Canvas) -> Self {
        let palette = Palette::new(&generator.palette);
        let mut dice = Dice::new(generator.seed, 5);
        let curtains = (0..CURTAINS)
            .map(|index| curtain(index, &palette, &mut dice))
            .collect();
        let stars = (0..STARS).map(|_| star(&mut dice)).collect();
        Self {
            // Rays are narrow: the grid is finer than a gradient's.
            field: Field::new(canvas.width, canvas.height, 180, generator.seed),
            size: (canvas.width as f32, canvas.height as f32),
            zenith: palette.night(0.62),
            horizon: mix(palette.night(0.9), palette.backdrop(1), 0.34),
            curtains,
            stars,
        }
    }
}

fn curtain(index: usize, palette: &Palette, dice: &mut Dice) -> Curtain {
    let count = palette.len();
    let color = |step: usize| palette.bright(if count > 1 { 1 + step % (count - 1) } else { 0 });
    let near = index as f32 / (CURTAINS - 1) as f32;
    Curtain {
        low: light(color(index + 1)),
        high: light(scale(color(index), 0.9)),
        base: -0.10 + 0.42 * near + dice.between(-0.06, 0.06),
        length: 0.34 + 0.30 * near,
        power: 0.55 + 0.40 * near,
        salt: dice.below(1 << 30) as u32,
        phase: [0; 3].map(|_| dice.unit()),
    }
}

fn star(dice: &mut Dice) -> Star {
    let far = dice.unit();
    Star {
        at: (dice.unit(), dice.unit() * 0.82),
        radius: 0.0016 + 0.0018 * far * far,
        power: dice.between(0.15, 0.6),
        twinkle: (dice.between(0.12, 0.4), dice.unit()),
    }
}

impl Curtain {
    fn ray(&self, x: f32, seconds: f32, half: f32) -> Ray {
        let [p0, p1, p2] = self.phase;
        // The folded cloth: its own position wanders, so rays bunch where it turns.
        let bent = x
            + 0.10 * wave(0.8 * x + 0.023 * seconds + p0)
            + 0.035 * wave(2.1 * x - 0.041 * seconds + p1);
        let fold = 0.10 * wave(0.62 * bent + 0.019 * seconds + p2)
            + 0.022 * wave(1.7 * bent - 0.03 * seconds + p0);
        let fine = noise(26.0 * bent + 0.35 * seconds, self.salt);
        let coarse = noise(7.0 * bent - 0.16 * seconds, self.salt ^ 0x55);
        let veil = noise(1.9 * bent + 0.07 * seconds, self.salt ^ 0xAA);
        Ray {
            edge: self.base * half + fold + 0.05 * (coarse - 0.5),
            length: self.length * (0.65 + 0.7 * coarse),
            power: self.power
                * (0.25 + 0.75 * veil)
                * (0.45 + 0.55 * coarse)
                * (0.72 + 0.28 * fine),
        }
    }
}

impl LookPainter for Aurora {
    fn draw(&mut self, seconds: f32, out: &mut Picture) {
        let half = self.size.1 / self.size.0 / 2.0;
        let (zenith, horizon) = (self.zenith, self.horizon);
        let curtains = &self.curtains;
        let mut rays: Vec<[Ray; CURTAINS]> = Vec::new();
        let (mut first, mut column) = (f32::NAN, 0);
        self.field.shade(|p| {
            // Points come row by row; a ray is the same in every row, so it is computed in the first one.
            if first.is_nan() {
                first = p.x;
            }
            if p.x == first {
                column = 0;
            }
            if column == rays.len() {
                let mut at = [Ray::default(); CURTAINS];
                for (ray, curtain) in at.iter_mut().zip(curtains) {
                    *ray = curtain.ray(p.x, seconds, half);
                }
                rays.push(at);
            }
            let at = rays[column];
            column += 1;
            let mut sky = light(mix(zenith, horizon, smooth(-0.4 * half, 1.1 * half, p.y)));
            for (curtain, ray) in curtains.iter().zip(at) {
                shine(curtain, ray, p.y, &mut sky);
            }
            sky
        });
        self.field.draw(VIGNETTE, out);
        for star in &self.stars {
            let beat = 0.5 + 0.5 * wave(star.twinkle.0 * seconds + star.twinkle.1);
            let sparkle = Sparkle {
                x: star.at.0 * self.size.0,
                y: star.at.1 * self.size.1,
                radius: star.radius * self.size.0,
                power: star.power * (0.35 + 0.65 * beat) * (1.0 - star.at.1 * 0.8),
                color: [0.86, 0.92, 1.0],
            };
            sparkle::draw(&sparkle, out);
        }
    }
}

/// Adds a curtain's light at a height: a soft lower edge, a long fade upwards, a faint glow below.
#[inline(always)]
fn shine(curtain: &Curtain, ray: Ray, y: f32, sky: &mut Light) {
    let above = ray.edge - y;
    let body = if above > -0.16 {
        let rise = smooth(-0.16, 0.12, above);
        // A bright band near the lower edge, a long veil above it.
        let fade = decay(above.max(0.0) / ray.length * 4.2) * 0.6
            + decay(above.max(0.0) / ray.length * 1.3) * 0.4;
        rise * rise * fade
    } else {
        0.0
    };
    let mist = 0.10 * decay(above.abs() * 2.2);
    let height = smooth(0.0, 1.6 * ray.length, above);
    add(
        sky,
        mix(curtain.low, curtain.high, height),
        ray.power * (body + mist),
    );
}
