//! Soft out-of-focus lights drifting at three depths, over a dim glow.

use fenta_templates::timeline::{Canvas, Generator};

use super::LookPainter;
use super::field::{Field, Point};
use super::noise::{Dice, decay, fract, smooth, wave};
use super::palette::{Light, Palette, add, light, mix, scale};
use crate::picture::Picture;

const VIGNETTE: f32 = 0.45;

/// A depth of field: how many lights, how large, how bright, how soft at the edge, how fast.
struct Depth {
    count: usize,
    radius: (f32, f32),
    power: f32,
    edge: f32,
    speed: f32,
}

const DEPTHS: [Depth; 3] = [
    Depth {
        count: 26,
        radius: (0.016, 0.034),
        power: 0.62,
        edge: 0.60,
        speed: 0.010,
    },
    Depth {
        count: 17,
        radius: (0.045, 0.085),
        power: 0.30,
        edge: 0.30,
        speed: 0.017,
    },
    Depth {
        count: 8,
        radius: (0.12, 0.20),
        power: 0.085,
        edge: 0.55,
        speed: 0.026,
    },
];

struct Spot {
    color: Light,
    start: Point,
    drift: Point,
    radius: f32,
    power: f32,
    edge: f32,
    twinkle: (f32, f32),
    sway: (f32, f32),
}

pub(super) struct Bokeh {
    field: Field,
    half: f32,
    night: Light,
    glow: Light,
    floor: Light,
    spots: Vec<Spot>,
    phase: f32,
}

impl Bokeh {
    pub(super) fn new(generator: &Generator, canvas: &Canvas) -> Self {
        let palette = Palette::new(&generator.palette);
        let mut dice = Dice::new(generator.seed, 2);
        let count = palette.len();
        let spots = DEPTHS
            .iter()
            .flat_map(|depth| (0..depth.count).map(move |_| depth))
            .map(|depth| spot(depth, &palette, &mut dice))
            .collect();
        Self {
            // Twice as fine as a gradient: discs have edges.
            field: Field::new(canvas.width, canvas.height, 270, generator.seed),
            half: canvas.height as f32 / canvas.width as f32 / 2.0,
            night: light(palette.night(0.75)),
            glow: light(scale(palette.backdrop(1), 1.05)),
            floor: light(scale(
                palette.backdrop(count.saturating_sub(2).max(1)),
                0.78,
            )),
            spots,
            phase: dice.unit(),
        }
    }
}

fn spot(depth: &Depth, palette: &Palette, dice: &mut Dice) -> Spot {
    let count = palette.len();
    let index = if count > 1 {
        1 + dice.below(count - 1)
    } else {
        0
    };
    let direction = dice.between(-0.5, 0.5);
    Spot {
        color: light(palette.bright(index)),
        start: Point {
            x: dice.unit(),
            y: dice.unit(),
        },
        drift: Point {
            x: depth.speed * direction,
            y: -depth.speed * dice.between(0.5, 1.1),
        },
        radius: dice.between(depth.radius.0, depth.radius.1),
        power: depth.power * dice.between(0.45, 1.2),
        edge: depth.edge,
        twinkle: (dice.between(0.06, 0.16), dice.unit()),
        sway: (dice.between(0.02, 0.05), dice.unit()),
    }
}

impl Spot {
    /// Where it is: drifting over an area larger than the picture by its own size, then again from the other side.
    fn at(&self, seconds: f32, half: f32) -> Point {
        let (width, height) = (1.0 + 2.2 * self.radius, 2.0 * half + 2.2 * self.radius);
        let sway = 0.02 * wave(self.sway.0 * seconds + self.sway.1);
        Point {
            x: (fract(self.start.x + self.drift.x * seconds / width) - 0.5) * width + sway,
            y: (fract(self.start.y + self.drift.y * seconds / height) - 0.5) * height,
        }
    }
}

impl LookPainter for Bokeh {
    fn draw(&mut self, seconds: f32, out: &mut Picture) {
        let (night, glow, floor, half) = (self.night, self.glow, self.floor, self.half);
        let centre = Point {
            x: 0.22 * wave(0.02 * seconds + self.phase),
            y: -0.25 * half + 0.1 * wave(0.017 * seconds + self.phase + 0.3),
        };
        self.field.shade(|p| {
            let (dx, dy) = (p.x - centre.x, (p.y - centre.y) * 0.75);
            let near = decay(3.2 * (dx * dx + dy * dy));
            let mut light = mix(night, glow, 0.72 * near);
            add(
                &mut light,
                floor,
                0.5 * smooth(0.1 * half, 1.15 * half, p.y),
            );
            light
        });
        for spot in &self.spots {
            let beat = wave(spot.twinkle.0 * seconds + spot.twinkle.1);
            let power = spot.power * (0.78 + 0.22 * beat);
            let at = spot.at(seconds, half);
            // The air around a light glows too.
            self.field.disc(at, 2.1 * spot.radius, |light, distance| {
                let halo = (1.0 - distance) * (1.0 - distance);
                add(light, spot.color, 0.16 * power * halo);
            });
            self.field.disc(at, spot.radius, |light, distance| {
                // A little brighter towards the rim, as a real lens draws it.
                let body = smooth(1.0, 1.0 - spot.edge, distance) * (0.72 + 0.28 * distance);
                add(light, spot.color, power * body);
            });
        }
        self.field.draw(VIGNETTE, out);
    }
}
