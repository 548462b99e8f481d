//! Seeded numbers and cheap periodic functions for the looks. Everything is plain arithmetic, so a look's frames
//! do not depend on the system's maths library.

/// A stream of pseudo-random numbers (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    /// A stream that depends on the seed and on what it is for.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self(seed ^ purpose.wrapping_mul(0xA24B_AED4_963E_E407));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Between two bounds.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// An index below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}

/// The part after the point, 0-1, for negative numbers too.
#[inline(always)]
pub(super) fn fract(x: f32) -> f32 {
    let f = x - (x as i32) as f32;
    if f < 0.0 { f + 1.0 } else { f }
}

/// Sine of `turns` full turns.
#[inline(always)]
pub(super) fn wave(turns: f32) -> f32 {
    let s = fract(turns + 0.25) - 0.5;
    // A triangle through the sine's peaks, folded into a quarter turn either side of zero.
    let q = (0.25 - s.abs()) * std::f32::consts::TAU;
    let q2 = q * q;
    q * (1.0 + q2 * (-1.0 / 6.0 + q2 * (1.0 / 120.0 + q2 * (-1.0 / 5040.0))))
}

/// 0 below `low`, 1 above `high`, smooth between.
#[inline(always)]
pub(super) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// About `exp(-x)` for `x >= 0`.
#[inline(always)]
pub(super) fn decay(x: f32) -> f32 {
    let a = 1.0 + x * 0.125;
    let a2 = a * a;
    let a4 = a2 * a2;
    1.0 / (a4 * a4)
}

/// Smooth noise in one dimension, 0-1, a new value every unit.
#[inline(always)]
pub(super) fn noise(x: f32, salt: u32) -> f32 {
    let floor = x - fract(x);
    let cell = floor as i32;
    let f = x - floor;
    let f = f * f * (3.0 - 2.0 * f);
    let (a, b) = (lattice(cell, salt), lattice(cell.wrapping_add(1), salt));
    a + (b - a) * f
}

#[inline(always)]
fn lattice(cell: i32, salt: u32) -> f32 {
    let mut h = (cell as u32).wrapping_mul(0x9E37_79B1) ^ salt.wrapping_mul(0x85EB_CA77);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^= h >> 15;
    (h >> 8) as f32 / (1u32 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wave_is_a_sine() {
        for step in -200..200 {
            let turns = step as f32 * 0.0173;
            let exact = (turns * std::f32::consts::TAU).sin();
            assert!(
                (wave(turns) - exact).abs() < 4e-4,
                "{turns}: {} {exact}",
                wave(turns)
            );
        }
    }

    #[test]
    fn dice_are_seeded_and_bounded() {
        let roll = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            (0..8).map(|_| dice.unit()).collect::<Vec<_>>()
        };
        assert_eq!(roll(1, 2), roll(1, 2));
        assert_ne!(roll(1, 2), roll(1, 3));
        assert_ne!(roll(1, 2), roll(2, 2));
        let mut dice = Dice::new(9, 9);
        let mean: f32 = (0..4000).map(|_| dice.between(2.0, 4.0)).sum::<f32>() / 4000.0;
        assert!((mean - 3.0).abs() < 0.05, "{mean}");
        assert!((0..100).all(|_| dice.below(3) < 3));
    }

    #[test]
    fn decay_falls_like_an_exponential() {
        for x in [0.0f32, 0.1, 0.5, 1.0, 2.0, 4.0] {
            assert!((decay(x) - (-x).exp()).abs() < 0.06, "{x}");
        }
    }

    #[test]
    fn noise_is_continuous() {
        for step in 0..400 {
            let x = step as f32 * 0.05 - 10.0;
            let jump = (noise(x + 1e-3, 7) - noise(x, 7)).abs();
            assert!(jump < 0.01, "{x}: {jump}");
        }
    }
}
