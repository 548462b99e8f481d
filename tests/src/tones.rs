//! Listens for single tones in a sound: how loud each is, moment by moment. What a film was made from is given tones of its
//! own, so that music, clips and effects can be told apart in the finished mix.

use std::f64::consts::TAU;

/// Samples per second of everything that is listened to.
const RATE: f64 = 48_000.0;
/// Samples between two values: a millisecond.
const HOP: usize = 48;
/// Samples that one value is heard over: 20 ms, so that tones 200 Hz apart are told apart.
const WINDOW: usize = 960;
/// What silence is said to be, dB.
const SILENCE_DB: f64 = -120.0;

/// How loud one tone is, every millisecond.
#[derive(Debug)]
pub struct Tone {
    /// Decibels of full scale.
    levels: Vec<f64>,
}

impl Tone {
    /// Listens for a tone of `hz` in mono samples at 48 kHz: the sound times the tone, over a Hann window about every
    /// millisecond.
    #[must_use]
    pub fn heard(samples: &[f32], hz: f64) -> Self {
        let window: Vec<f64> = (0..WINDOW)
            .map(|n| 0.5 - 0.5 * (TAU * (n as f64 + 0.5) / WINDOW as f64).cos())
            .collect();
        let sum: f64 = window.iter().sum();
        let turn = |n: usize| TAU * (hz * n as f64 / RATE).fract();
        let (real, imaginary): (Vec<f64>, Vec<f64>) = samples
            .iter()
            .enumerate()
            .map(|(n, value)| {
                let (sine, cosine) = turn(n).sin_cos();
                (f64::from(*value) * cosine, f64::from(*value) * sine)
            })
            .unzip();
        let levels = (0..samples.len() / HOP).map(|at| {
            let first = (at * HOP) as i64 - (WINDOW / 2) as i64;
            let (mut a, mut b) = (0.0, 0.0);
            for (n, weight) in window.iter().enumerate() {
                if let Ok(place) = usize::try_from(first + n as i64)
                    && place < real.len()
                {
                    a += real[place] * weight;
                    b += imaginary[place] * weight;
                }
            }
            let amplitude = 2.0 * a.hypot(b) / sum;
            (20.0 * amplitude.log10()).max(SILENCE_DB)
        });
        Self {
            levels: levels.collect(),
        }
    }

    /// The level at a moment, dB.
    #[must_use]
    pub fn at(&self, seconds: f64) -> f64 {
        let place = (seconds * 1000.0).round().max(0.0) as usize;
        self.levels.get(place).copied().unwrap_or(SILENCE_DB)
    }

    /// The median level of a span, dB.
    #[must_use]
    pub fn over(&self, from: f64, to: f64) -> f64 {
        let mut span: Vec<f64> = self.span(from, to).to_vec();
        span.sort_by(f64::total_cmp);
        span.get(span.len() / 2).copied().unwrap_or(SILENCE_DB)
    }

    /// The first moment of a span, in seconds, from which the level is over `level` dB (`rises`) or under it.
    #[must_use]
    pub fn crosses(&self, (from, to): (f64, f64), level: f64, rises: bool) -> Option<f64> {
        let found = self
            .span(from, to)
            .iter()
            .position(|value| (*value > level) == rises)?;
        Some(from + found as f64 / 1000.0)
    }

    /// The moments at which the tone begins: it rises over `level` dB after `quiet` seconds under it.
    #[must_use]
    pub fn begins(&self, level: f64, quiet: f64) -> Vec<f64> {
        let mut found = Vec::new();
        let mut last_over = f64::NEG_INFINITY;
        for (place, value) in self.levels.iter().enumerate() {
            if *value > level {
                let at = place as f64 / 1000.0;
                if at - last_over > quiet {
                    found.push(at);
                }
                last_over = at;
            }
        }
        found
    }

    fn span(&self, from: f64, to: f64) -> &[f64] {
        let place = |seconds: f64| ((seconds * 1000.0).max(0.0) as usize).min(self.levels.len());
        &self.levels[place(from)..place(to).max(place(from))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tones, the second from 0.5 s at a tenth.
    fn sound() -> Vec<f32> {
        let tone = |n: usize, hz: f64| (TAU * hz * n as f64 / RATE).sin();
        (0..48_000)
            .map(|n| {
                let late = if n >= 24_000 { 0.1 } else { 0.0 };
                (0.5 * tone(n, 1000.0) + late * tone(n, 9000.0)) as f32
            })
            .collect()
    }

    #[test]
    fn tones_are_told_apart_with_their_levels_and_times() {
        let sound = sound();
        let (low, high) = (Tone::heard(&sound, 1000.0), Tone::heard(&sound, 9000.0));
        assert!((low.over(0.1, 0.9) + 6.02).abs() < 0.05, "{}", low.at(0.5));
        assert!((high.over(0.6, 0.9) + 20.0).abs() < 0.05);
        assert!(high.over(0.1, 0.4) < -80.0);
        let begins = high.begins(-26.02, 0.1);
        assert_eq!(begins.len(), 1);
        assert!((begins[0] - 0.5).abs() < 0.002, "{begins:?}");
        let crossed = high.crosses((0.2, 0.9), -26.02, true).unwrap();
        assert!((crossed - begins[0]).abs() < 0.002);
        assert_eq!(high.crosses((0.2, 0.4), -26.02, true), None);
        assert_eq!(high.at(9.0), SILENCE_DB);
    }
}
