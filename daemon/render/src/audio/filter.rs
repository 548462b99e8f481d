//! Second-order filters (the audio EQ cookbook's shapes), used to polish speech and to master music.

use super::RATE;

/// One second-order section with its state, transposed direct form II.
#[derive(Clone, Debug)]
pub(crate) struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

/// Intermediate numbers every shape starts from.
struct Prototype {
    cos: f64,
    alpha: f64,
}

fn prototype(hz: f64, q: f64) -> Prototype {
    let w = std::f64::consts::TAU * hz / f64::from(RATE);
    Prototype {
        cos: w.cos(),
        alpha: w.sin() / (2.0 * q),
    }
}

impl Biquad {
    fn new(b: [f64; 3], a: [f64; 3]) -> Self {
        Self {
            b: b.map(|value| value / a[0]),
            a: [a[1] / a[0], a[2] / a[0]],
            z: [0.0; 2],
        }
    }

    /// Removes what lies below `hz`, 12 dB per octave.
    pub(crate) fn high_pass(hz: f64, q: f64) -> Self {
        let Prototype { cos, alpha } = prototype(hz, q);
        let edge = f64::midpoint(1.0, cos);
        Self::new(
            [edge, -2.0 * edge, edge],
            [1.0 + alpha, -2.0 * cos, 1.0 - alpha],
        )
    }

    /// Removes what lies above `hz`, 12 dB per octave; the tests' way to look at a band.
    #[cfg(test)]
    pub(crate) fn low_pass(hz: f64, q: f64) -> Self {
        let Prototype { cos, alpha } = prototype(hz, q);
        let edge = (1.0 - cos) / 2.0;
        Self::new(
            [edge, 2.0 * edge, edge],
            [1.0 + alpha, -2.0 * cos, 1.0 - alpha],
        )
    }

    /// Lifts or dips a band around `hz`.
    pub(crate) fn peaking(hz: f64, q: f64, db: f64) -> Self {
        let Prototype { cos, alpha } = prototype(hz, q);
        let a = 10f64.powf(db / 40.0);
        Self::new(
            [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
            [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
        )
    }

    /// Lifts or dips everything above `hz`.
    pub(crate) fn high_shelf(hz: f64, db: f64) -> Self {
        let Prototype { cos, alpha } = prototype(hz, std::f64::consts::FRAC_1_SQRT_2);
        let a = 10f64.powf(db / 40.0);
        let root = 2.0 * a.sqrt() * alpha;
        let (up, down) = (a + 1.0, a - 1.0);
        Self::new(
            [
                a * (up + down * cos + root),
                -2.0 * a * (down + up * cos),
                a * (up + down * cos - root),
            ],
            [
                up - down * cos + root,
                2.0 * (down - up * cos),
                up - down * cos - root,
            ],
        )
    }

    /// Filters one sample.
    pub(crate) fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
        self.z[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// Filters a whole sound in place.
    pub(crate) fn run(mut self, sound: &mut [f32]) {
        for sample in sound {
            *sample = self.step(f64::from(*sample)) as f32;
        }
    }

    /// Filters a loop in place as if it had always been playing: the first pass only settles the state.
    pub(crate) fn run_looped(mut self, sound: &mut [f32]) {
        for sample in sound.iter() {
            self.step(f64::from(*sample));
        }
        self.run(sound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pcm::gain_to_db;

    /// Gain at a frequency, measured with a sine after the filter has settled.
    fn response(filter: Biquad, hz: f32) -> f64 {
        let mut tone: Vec<f32> = (0..RATE)
            .map(|n| (std::f32::consts::TAU * hz * n as f32 / RATE as f32).sin())
            .collect();
        filter.run(&mut tone);
        let settled = &tone[RATE as usize / 2..];
        let power = settled.iter().map(|s| s * s).sum::<f32>() / settled.len() as f32;
        gain_to_db((2.0 * power).sqrt())
    }

    #[test]
    fn passes_cut_their_side_only() {
        let q = std::f64::consts::FRAC_1_SQRT_2;
        assert!((response(Biquad::high_pass(80.0, q), 80.0) + 3.0).abs() < 0.1);
        assert!(response(Biquad::high_pass(80.0, q), 20.0) < -23.0);
        assert!(response(Biquad::high_pass(80.0, q), 1000.0).abs() < 0.1);
        assert!((response(Biquad::low_pass(4000.0, q), 4000.0) + 3.0).abs() < 0.1);
        assert!(response(Biquad::low_pass(4000.0, q), 16_000.0) < -24.0);
    }

    #[test]
    fn peak_and_shelf_reach_their_gain() {
        assert!((response(Biquad::peaking(2500.0, 0.8, -3.0), 2500.0) + 3.0).abs() < 0.05);
        assert!(response(Biquad::peaking(2500.0, 0.8, -3.0), 60.0).abs() < 0.1);
        assert!((response(Biquad::high_shelf(6000.0, 3.0), 18_000.0) - 3.0).abs() < 0.2);
        assert!(response(Biquad::high_shelf(6000.0, 3.0), 200.0).abs() < 0.1);
    }

    #[test]
    fn a_looped_run_has_no_seam() {
        let hz = 100.0;
        let tone: Vec<f32> = (0..4800)
            .map(|n| (std::f32::consts::TAU * hz * n as f32 / RATE as f32).cos())
            .collect();
        let mut plain = tone.clone();
        Biquad::high_pass(80.0, 0.7).run(&mut plain);
        let mut looped = tone;
        Biquad::high_pass(80.0, 0.7).run_looped(&mut looped);
        let jump = |s: &[f32]| (s[0] - s[s.len() - 1]).abs();
        assert!(jump(&looped) < 0.02, "{}", jump(&looped));
        assert!(jump(&plain) > 0.1, "{}", jump(&plain));
    }
}
