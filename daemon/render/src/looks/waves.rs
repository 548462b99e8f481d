//! Layered translucent waves, lit at their crests.

use fenta_templates::timeline::{Canvas, Generator};

use super::LookPainter;
use super::field::Field;
use super::noise::{Dice, decay, smooth, wave};
use super::palette::{Lab, Palette, add, light, mix, scale};
use crate::picture::Picture;

const LAYERS: usize = 6;
const VIGNETTE: f32 = 0.32;

struct Layer {
    fill: [f32; 3],
    crest: [f32; 3],
    /// Height of its mean line, in half picture heights.
    base: f32,
    opacity: f32,
    swell: [Swell; 3],
}

struct Swell {
    height: f32,
    per_width: f32,
    turns: f32,
    phase: f32,
}

pub(super) struct Waves {
    field: Field,
    half: f32,
    top: Lab,
    bottom: Lab,
    glow: [f32; 3],
    layers: Vec<Layer>,
}

impl Waves {
    pub(super) fn new(generator: &Generator, canvas: &Canvas) -> Self {
        let palette = Palette::new(&generator.palette);
        let mut dice = Dice::new(generator.seed, 4);
        let count = palette.len();
        let layers = (0..LAYERS)
            .map(|index| layer(index, &palette, &mut dice))
            .collect();
        Self {
            field: Field::new(canvas.width, canvas.height, 180, generator.seed),
            half: canvas.height as f32 / canvas.width as f32 / 2.0,
            top: palette.night(0.7),
            bottom: mix(palette.backdrop(0), palette.backdrop(1), 0.55),
            glow: light(palette.backdrop(count - 1)),
            layers,
        }
    }
}

fn layer(index: usize, palette: &Palette, dice: &mut Dice) -> Layer {
    let depth = (index as f32 + 0.5) / LAYERS as f32;
    let count = palette.len();
    // Far waves take the palette's light end, near ones its dark end, so the foreground stays calm.
    let along = (1.0 - depth) * (count.max(2) - 2) as f32 + 1.0;
    let (low, part) = (along as usize, along - (along as usize) as f32);
    let color = mix(
        palette.backdrop(low.min(count - 1)),
        palette.backdrop((low + 1).min(count - 1)),
        part,
    );
    let near = 0.82 - 0.34 * depth;
    let swell = [
        (0.060, 0.62, 0.034),
        (0.030, 1.25, -0.052),
        (0.012, 2.3, 0.085),
    ]
    .map(|(height, per_width, turns)| Swell {
        height: height * dice.between(0.7, 1.25) * (0.75 + 0.6 * depth),
        per_width: per_width * dice.between(0.8, 1.25),
        turns: turns * dice.between(0.8, 1.3),
        phase: dice.unit(),
    });
    Layer {
        fill: light(scale(color, near)),
        crest: light(scale(color, 1.1)),
        base: -0.30 + 1.08 * depth + dice.between(-0.04, 0.04),
        opacity: 0.60 + 0.2 * depth,
        swell,
    }
}

impl Layer {
    #[inline(always)]
    fn height(&self, x: f32, seconds: f32, half: f32) -> f32 {
        self.base * half
            + self
                .swell
                .iter()
                .map(|swell| {
                    swell.height * wave(swell.per_width * x + swell.turns * seconds + swell.phase)
                })
                .sum::<f32>()
    }
}

impl LookPainter for Waves {
    fn draw(&mut self, seconds: f32, out: &mut Picture) {
        let half = self.half;
        let (top, bottom, glow) = (self.top, self.bottom, self.glow);
        let layers = &self.layers;
        let mut heights = vec![[0.0f32; LAYERS]; 0];
        let mut column = 0;
        let mut row_start = f32::MIN;
        self.field.shade(|p| {
            // Points come row by row; every row has the same columns, so heights are computed in the first one.
            if p.x <= row_start || row_start == f32::MIN {
                row_start = p.x;
                column = 0;
            }
            if column == heights.len() {
                let mut at = [0.0; LAYERS];
                for (height, layer) in at.iter_mut().zip(layers) {
                    *height = layer.height(p.x, seconds, half);
                }
                heights.push(at);
            }
            let at = heights[column];
            column += 1;
            let mut color = light(mix(top, bottom, smooth(-half, 0.5 * half, p.y)));
            let (dx, dy) = (p.x + 0.12, p.y + 0.42 * half);
            add(&mut color, glow, 0.20 * decay(3.0 * (dx * dx + dy * dy)));
            for (layer, height) in layers.iter().zip(at) {
                paint(layer, p.y - height, &mut color);
            }
            color
        });
        self.field.draw(VIGNETTE, out);
    }
}

/// Lays a wave over the colour at `below` its crest.
#[inline(always)]
fn paint(layer: &Layer, below: f32, color: &mut [f32; 3]) {
    if below < -0.03 {
        return;
    }
    let inside = smooth(-0.004, 0.004, below);
    let depth = below.max(0.0);
    let lit = mix(layer.fill, layer.crest, 0.85 * decay(9.0 * depth));
    *color = mix(
        *color,
        lit,
        inside * layer.opacity * (0.45 + 0.55 * decay(1.6 * depth)),
    );
    // A thin line of light along the crest and a little of it in the air above.
    add(color, layer.crest, 0.16 * decay(below.abs() * 130.0));
}
