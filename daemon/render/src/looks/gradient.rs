//! Large blobs of colour flowing into each other, like silk lit from behind.

use fenta_templates::timeline::{Canvas, Generator};

use super::LookPainter;
use super::field::{Field, Point};
use super::noise::{Dice, decay, wave};
use super::palette::{Lab, Palette, light, mix, scale};
use crate::picture::Picture;

const BLOBS: usize = 7;
const VIGNETTE: f32 = 0.38;

struct Blob {
    color: Lab,
    home: Point,
    reach: (f32, f32),
    turns: (f32, f32),
    phase: (f32, f32),
    size: f32,
}

pub(super) struct Gradient {
    field: Field,
    night: Lab,
    blobs: Vec<Blob>,
    sheen: Lab,
    phase: [f32; 4],
}

impl Gradient {
    pub(super) fn new(generator: &Generator, canvas: &Canvas) -> Self {
        let palette = Palette::new(&generator.palette);
        let mut dice = Dice::new(generator.seed, 1);
        let half = canvas.height as f32 / canvas.width as f32 / 2.0;
        let shift = dice.below(palette.len().max(2) - 1);
        let blobs = (0..BLOBS)
            .map(|index| blob(index, shift, half, &palette, &mut dice))
            .collect();
        let phase = [0; 4].map(|_| dice.unit());
        Self {
            field: Field::new(canvas.width, canvas.height, 135, generator.seed),
            night: palette.night(0.8),
            blobs,
            sheen: palette.backdrop(palette.len() - 1),
            phase,
        }
    }
}

/// Blobs are spread down the picture in bands, so that no seed leaves a half of it empty.
fn blob(index: usize, shift: usize, half: f32, palette: &Palette, dice: &mut Dice) -> Blob {
    let count = palette.len();
    let band = (index as f32 + 0.5) / BLOBS as f32 * 2.0 - 1.0;
    // Every third blob is the dark colour again: light needs shade beside it.
    let color = if index % 3 == 1 || count == 1 {
        scale(palette.backdrop(0), 0.9)
    } else {
        palette.backdrop(1 + (index + shift) % (count - 1).max(1))
    };
    Blob {
        color,
        home: Point {
            x: dice.between(-0.55, 0.55),
            y: band * half * 1.05 + dice.between(-0.12, 0.12),
        },
        reach: (dice.between(0.16, 0.34), dice.between(0.14, 0.3)),
        turns: (dice.between(0.035, 0.065), dice.between(0.03, 0.06)),
        phase: (dice.unit(), dice.unit()),
        size: dice.between(0.34, 0.56),
    }
}

impl LookPainter for Gradient {
    fn draw(&mut self, seconds: f32, out: &mut Picture) {
        let spots: Vec<(Point, f32, Lab)> = self
            .blobs
            .iter()
            .map(|blob| {
                let at = Point {
                    x: blob.home.x + blob.reach.0 * wave(blob.turns.0 * seconds + blob.phase.0),
                    y: blob.home.y + blob.reach.1 * wave(blob.turns.1 * seconds + blob.phase.1),
                };
                (at, 1.0 / (blob.size * blob.size), blob.color)
            })
            .collect();
        let [p0, p1, p2, p3] = self.phase;
        let (night, sheen) = (self.night, self.sheen);
        self.field.shade(|p| {
            // Bending space twice makes folds instead of balls.
            let bent = Point {
                x: p.x + 0.10 * wave(0.9 * p.y + 0.045 * seconds + p0),
                y: p.y + 0.12 * wave(0.8 * p.x - 0.035 * seconds + p1),
            };
            let x = bent.x + 0.05 * wave(1.7 * bent.y - 0.05 * seconds + p2);
            let y = bent.y + 0.06 * wave(1.5 * bent.x + 0.04 * seconds + p3);
            let mut total = 0.10;
            let mut color = scale(night, total);
            for (at, inverse, lab) in &spots {
                let (dx, dy) = (x - at.x, y - at.y);
                let weight = decay(2.6 * (dx * dx + dy * dy) * inverse);
                total += weight;
                for part in 0..3 {
                    color[part] += lab[part] * weight;
                }
            }
            let color = scale(color, 1.0 / total);
            let fold = 0.5 + 0.5 * wave(1.1 * x + 0.75 * y + 0.03 * seconds + p2);
            let fold = fold * fold * fold * fold;
            light(mix(color, sheen, 0.16 * fold))
        });
        self.field.draw(VIGNETTE, out);
    }
}
