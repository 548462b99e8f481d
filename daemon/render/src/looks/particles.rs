//! Small bright dust rising through slowly moving haze.

use fenta_templates::timeline::{Canvas, Generator};

use super::LookPainter;
use super::field::Field;
use super::noise::{Dice, decay, fract, smooth, wave};
use super::palette::{Light, Palette, add, light, mix, scale};
use super::sparkle::{self, Sparkle};
use crate::picture::Picture;

const COUNT: usize = 170;
const VIGNETTE: f32 = 0.45;

struct Mote {
    color: Light,
    start: (f32, f32),
    /// Share of the picture's height a second, and its size in widths: what is near is larger and faster.
    rise: f32,
    radius: f32,
    power: f32,
    sway: (f32, f32, f32),
    twinkle: (f32, f32),
}

pub(super) struct Particles {
    field: Field,
    size: (f32, f32),
    night: Light,
    haze: Light,
    beam: Light,
    motes: Vec<Mote>,
    phase: [f32; 4],
}

impl Particles {
    pub(super) fn new(generator: &Generator, canvas: &Canvas) -> Self {
        let palette = Palette::new(&generator.palette);
        let mut dice = Dice::new(generator.seed, 3);
        let count = palette.len();
        let motes = (0..COUNT).map(|_| mote(&palette, &mut dice)).collect();
        let phase = [0; 4].map(|_| dice.unit());
        Self {
            field: Field::new(canvas.width, canvas.height, 135, generator.seed),
            size: (canvas.width as f32, canvas.height as f32),
            night: light(palette.night(0.72)),
            haze: light(scale(palette.backdrop(1), 1.05)),
            beam: light(palette.backdrop(count.saturating_sub(2).max(1))),
            motes,
            phase,
        }
    }
}

fn mote(palette: &Palette, dice: &mut Dice) -> Mote {
    // Squared: many far ones, few near ones.
    let near = dice.unit() * dice.unit();
    let count = palette.len();
    let color = palette.bright(if count > 1 {
        1 + dice.below(count - 1)
    } else {
        0
    });
    let warm = [0.97, 0.0, 0.01];
    Mote {
        color: encoded(light(mix(color, warm, dice.between(0.35, 0.8)))),
        start: (dice.unit(), dice.unit()),
        rise: 0.014 + 0.05 * near * dice.between(0.8, 1.3),
        radius: 0.0050 + 0.030 * near * near,
        power: (1.0 - 0.62 * near) * dice.between(0.5, 1.0),
        sway: (
            dice.between(0.006, 0.024),
            dice.between(0.04, 0.11),
            dice.unit(),
        ),
        twinkle: (dice.between(0.10, 0.34), dice.unit()),
    }
}

/// Light as gamma-encoded values; the square root is close enough for a point of a few pixels.
fn encoded(light: Light) -> Light {
    light.map(|channel| channel.clamp(0.0, 1.0).sqrt())
}

impl LookPainter for Particles {
    fn draw(&mut self, seconds: f32, out: &mut Picture) {
        let half = self.size.1 / self.size.0 / 2.0;
        let (night, haze, beam, [p0, p1, p2, p3]) = (self.night, self.haze, self.beam, self.phase);
        self.field.shade(|p| {
            let x = p.x + 0.09 * wave(0.7 * p.y + 0.03 * seconds + p0);
            let y = p.y + 0.10 * wave(0.9 * p.x - 0.024 * seconds + p1);
            let cloud = 0.5
                + 0.27 * wave(0.75 * x + 0.42 * y + 0.021 * seconds + p2)
                + 0.23 * wave(-0.6 * x + 0.95 * y - 0.034 * seconds + p3);
            let low = smooth(-half, 1.1 * half, p.y);
            let mut light = mix(night, haze, (0.10 + 0.62 * low) * (0.35 + 0.65 * cloud));
            let (dx, dy) = (
                p.x - 0.15 + 0.08 * wave(0.016 * seconds + p0),
                p.y - 0.95 * half,
            );
            add(
                &mut light,
                beam,
                0.85 * decay(2.4 * (dx * dx * 1.3 + dy * dy * 0.55)),
            );
            light
        });
        self.field.draw(VIGNETTE, out);
        for mote in &self.motes {
            sparkle::draw(&mote.at(seconds, self.size), out);
        }
    }
}

impl Mote {
    fn at(&self, seconds: f32, (width, height): (f32, f32)) -> Sparkle {
        let up = fract(self.start.1 - self.rise * seconds);
        let x = self.start.0
            + self.sway.0 * wave(self.sway.1 * seconds + self.sway.2)
            + 0.3 * self.sway.0 * wave(2.3 * self.sway.1 * seconds + self.sway.2);
        let beat = 0.5 + 0.5 * wave(self.twinkle.0 * seconds + self.twinkle.1);
        // Born and gone out of sight, so that nothing pops at the wrap.
        let life = smooth(0.0, 0.12, up) * smooth(1.0, 0.93, up);
        Sparkle {
            x: x * width,
            y: (up * 1.06 - 0.03) * height,
            radius: self.radius * width,
            power: self.power * life * (0.3 + 0.7 * beat * beat),
            color: self.color,
        }
    }
}
