//! A true-peak limiter with look-ahead: the last stage of the mix and of composed music.
//!
//! Peaks are looked for between the samples too (four-fold oversampling, as BS.1770 asks). The gain falls before the
//! peak arrives and never clips: it is the running mean of a running minimum over the same span, so it is always at
//! or below what the peak needs. It works block by block and keeps a few milliseconds; how long the blocks are changes
//! no sample.

use super::RATE;
use super::pcm::Stereo;

/// Length of the fall in samples (2 ms).
const ATTACK: usize = RATE as usize / 500;
/// Time constant of the rise in seconds.
const RELEASE_S: f32 = 0.08;
/// Samples the interpolation kernel sees.
const TAPS: usize = 24;
/// Of them after the sample whose curve is looked at.
const AHEAD: usize = TAPS / 2;
/// Phases between two samples.
const PHASES: usize = 3;
/// Samples that are looked at together.
const RUN: usize = 32;

/// Passes over the sound: a gain that moves bends the curve between samples, which the second pass sees.
const PASSES: usize = 2;

/// Kernels of all phases, tap by tap, so that a sample is weighed for every phase at once; one lane is idle.
type Kernels = [[f32; PHASES + 1]; TAPS];

/// Holds every true peak at or under `ceiling` (a factor, 1.0 is full scale); returns the largest reduction as a gain.
pub(crate) fn limit(sound: &mut Stereo, ceiling: f32) -> f32 {
    let mut limiter = Limiter::new(ceiling);
    let mut out = Stereo::default();
    limiter.add(sound, &mut out);
    limiter.end(&mut out);
    *sound = out;
    limiter.deepest()
}

/// The limiter for a sound that comes in blocks.
pub(crate) struct Limiter {
    passes: [Pass; PASSES],
    between: Stereo,
}

impl Limiter {
    pub(crate) fn new(ceiling: f32) -> Self {
        Self {
            passes: std::array::from_fn(|_| Pass::new(ceiling)),
            between: Stereo::default(),
        }
    }

    /// Takes a block and adds to `out` what is finished.
    pub(crate) fn add(&mut self, block: &Stereo, out: &mut Stereo) {
        let [first, second] = &mut self.passes;
        self.between.clear();
        first.add(block, &mut self.between);
        second.add(&self.between, out);
    }

    /// Adds what is left to `out`.
    pub(crate) fn end(&mut self, out: &mut Stereo) {
        let [first, second] = &mut self.passes;
        self.between.clear();
        first.end(&mut self.between);
        second.add(&self.between, out);
        second.end(out);
    }

    /// The largest reduction so far, as a gain.
    pub(crate) fn deepest(&self) -> f32 {
        self.passes
            .iter()
            .fold(1.0, |deepest: f32, pass| deepest.min(pass.lowest))
    }
}

/// One pass over the sound. A sample leaves it when the gains up to [`ATTACK`] later are known, and they need
/// [`AHEAD`] samples more.
struct Pass {
    ceiling: f32,
    kernels: Kernels,
    /// What has not left yet.
    sound: Stereo,
    /// The gains those samples need, as far as they are known.
    needed: Vec<f32>,
    lowest: f32,
    release: Release,
    mean: Mean,
}

impl Pass {
    fn new(ceiling: f32) -> Self {
        Self {
            ceiling,
            kernels: interpolation_kernels(),
            sound: Stereo::default(),
            needed: Vec::new(),
            lowest: 1.0,
            release: Release::new(),
            mean: Mean::default(),
        }
    }

    fn add(&mut self, block: &Stereo, out: &mut Stereo) {
        self.sound.extend(block);
        let known = self.sound.len().saturating_sub(AHEAD);
        self.look_until(known);
        self.leave(known.saturating_sub(ATTACK), out);
    }

    fn end(&mut self, out: &mut Stereo) {
        let left = self.sound.len();
        self.look_until(left);
        // After the end nothing needs a gain.
        self.needed.resize(left + ATTACK, 1.0);
        self.leave(left, out);
    }

    /// For each sample the gain that keeps it, and the curve up to the next sample, under the ceiling.
    fn look_until(&mut self, end: usize) {
        let start = self.needed.len();
        if end <= start {
            return;
        }
        self.needed.resize(end, 1.0);
        for channel in [&self.sound.left, &self.sound.right] {
            for run in (start..end).step_by(RUN) {
                let to = (run + RUN).min(end);
                // The sample after the last belongs to its curve.
                let seen = &channel[run..(to + 1).min(channel.len())];
                if !reaches(seen, 0.5 * self.ceiling) {
                    continue;
                }
                for n in run..to {
                    let peak = peak_near(channel, n, self.ceiling, &self.kernels);
                    if peak > self.ceiling {
                        self.needed[n] = self.needed[n].min(self.ceiling / peak);
                    }
                }
            }
        }
        let lowest = self.needed[start..].iter();
        self.lowest = lowest.fold(self.lowest, |lowest, gain| lowest.min(*gain));
    }

    /// Lets the first `count` samples go, at their gains.
    fn leave(&mut self, count: usize, out: &mut Stereo) {
        if count == 0 {
            return;
        }
        let mut gains = running_minimum(&self.needed[..count + ATTACK]);
        self.release.run(&mut gains);
        self.mean.run(&mut gains);
        let shaped = |channel: &[f32], into: &mut Vec<f32>| {
            into.extend(
                channel
                    .iter()
                    .zip(&gains)
                    .map(|(sample, gain)| sample * gain),
            );
        };
        shaped(&self.sound.left[..count], &mut out.left);
        shaped(&self.sound.right[..count], &mut out.right);
        self.sound.drop_first(count);
        self.needed.drain(..count.min(self.needed.len()));
    }
}

/// Whether any of the samples is as loud as `level`.
fn reaches(samples: &[f32], level: f32) -> bool {
    samples
        .iter()
        .fold(false, |any, sample| any | (sample.abs() >= level))
}

fn peak_near(channel: &[f32], n: usize, ceiling: f32, kernels: &Kernels) -> f32 {
    let next = channel.get(n + 1).map_or(0.0, |sample| sample.abs());
    let peak = channel[n].abs();
    // Between two samples the curve seldom doubles; below half the ceiling nothing needs looking at.
    if peak.max(next) < 0.5 * ceiling {
        return peak;
    }
    let mut between = [0.0f32; PHASES + 1];
    let mut weigh = |sample: f32, weights: &[f32; PHASES + 1]| {
        for (sum, weight) in between.iter_mut().zip(weights) {
            *sum += sample * weight;
        }
    };
    let first = (n + 1).checked_sub(AHEAD);
    if let Some(seen) = first.and_then(|first| channel.get(first..first + TAPS)) {
        for (sample, weights) in seen.iter().zip(kernels) {
            weigh(*sample, weights);
        }
    } else {
        // Before the beginning and after the end is silence.
        for (tap, weights) in kernels.iter().enumerate() {
            let at = (n + 1 + tap).checked_sub(AHEAD);
            weigh(
                at.and_then(|at| channel.get(at)).copied().unwrap_or(0.0),
                weights,
            );
        }
    }
    between[..PHASES]
        .iter()
        .fold(peak, |peak, between| peak.max(between.abs()))
}

/// Hann-windowed sinc kernels at a quarter, a half and three quarters between samples.
fn interpolation_kernels() -> Kernels {
    std::array::from_fn(|tap| {
        std::array::from_fn(|phase| {
            if phase == PHASES {
                return 0.0;
            }
            let offset = (phase + 1) as f32 / (PHASES + 1) as f32;
            let x = tap as f32 - (TAPS / 2) as f32 + 1.0 - offset;
            let angle = std::f32::consts::PI * x;
            let window = (angle / TAPS as f32).cos().powi(2);
            window * angle.sin() / angle
        })
    })
}

/// The smallest value of `[n, n + ATTACK]` for each n that has so many after it.
///
/// Spans are doubled until two of them, which may overlap, cover what is asked for: a few simple sweeps.
fn running_minimum(values: &[f32]) -> Vec<f32> {
    let narrower = |values: &[f32], by: usize| -> Vec<f32> {
        let pairs = values.iter().zip(&values[by..]);
        pairs.map(|(a, b)| if b < a { *b } else { *a }).collect()
    };
    if values.len() <= ATTACK {
        return Vec::new();
    }
    let mut span = 1;
    let mut least = values.to_vec();
    while 2 * span <= ATTACK {
        least = narrower(&least, span);
        span *= 2;
    }
    narrower(&least, ATTACK + 1 - span)
}

/// Lets the gain fall at once and rise slowly.
struct Release {
    step: f32,
    held: f32,
}

impl Release {
    fn new() -> Self {
        Self {
            step: 1.0 - (-1.0 / (RELEASE_S * RATE as f32)).exp(),
            held: 1.0,
        }
    }

    fn run(&mut self, gains: &mut [f32]) {
        let (step, mut held) = (self.step, self.held);
        for gain in gains {
            held = gain.min(held + (1.0 - held) * step);
            *gain = held;
        }
        self.held = held;
    }
}

/// The mean of `[n - ATTACK, n]` for each n; before the start the gain is taken as the first one.
#[derive(Default)]
struct Mean {
    /// The last values, as many as are counted; then those of the block.
    values: Vec<f32>,
    sum: f64,
}

impl Mean {
    fn run(&mut self, gains: &mut [f32]) {
        const SPAN: usize = ATTACK + 1;
        if self.values.is_empty() {
            let first = gains.first().copied().unwrap_or(1.0);
            self.values = vec![first; SPAN];
            self.sum = f64::from(first) * SPAN as f64;
        }
        self.values.extend_from_slice(gains);
        let mut sum = self.sum;
        let moves = self.values.iter().zip(&self.values[SPAN..]);
        for (gain, (leaving, value)) in gains.iter_mut().zip(moves) {
            sum += f64::from(*value) - f64::from(*leaving);
            *gain = (sum / SPAN as f64) as f32;
        }
        self.sum = sum;
        self.values.drain(..gains.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::filter::Biquad;
    use crate::audio::loudness;
    use crate::audio::pcm::db_to_gain;

    fn noise(samples: usize, amplitude: f32) -> Stereo {
        let mut state = 7u32;
        // Without the last octave, where two meters need not agree on what lies between samples.
        let mut channel = || {
            let mut sound: Vec<f32> = (0..samples)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * amplitude
                })
                .collect();
            Biquad::low_pass(9000.0, 0.7).run(&mut sound);
            sound
        };
        Stereo {
            left: channel(),
            right: channel(),
        }
    }

    #[test]
    fn no_true_peak_passes_the_ceiling() {
        let mut sound = noise(RATE as usize, 3.0);
        let deepest = limit(&mut sound, db_to_gain(-1.0));
        assert!(deepest < 0.5, "{deepest}");
        let meter = loudness::measure(&sound).unwrap();
        assert!(meter.true_peak < -0.9, "{meter:?}");
        assert!(meter.true_peak > -3.0, "{meter:?}");
    }

    #[test]
    fn what_fits_is_left_alone() {
        let sound = noise(4800, 0.2);
        let mut limited = sound.clone();
        assert_eq!(limit(&mut limited, 0.9), 1.0);
        assert_eq!(limited, sound);
    }

    #[test]
    fn peaks_between_samples_are_seen() {
        let tone: Vec<f32> = (0..4800)
            .map(|n| (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin())
            .collect();
        let mut sound = Stereo {
            left: tone.clone(),
            right: tone,
        };
        assert!(sound.peak() < 0.8);
        let deepest = limit(&mut sound, 0.8);
        assert!((deepest - 0.8).abs() < 0.01, "{deepest}");
    }

    #[test]
    fn the_gain_falls_before_the_peak_and_comes_back() {
        let mut sound = Stereo {
            left: vec![0.1; 48_000],
            right: vec![0.1; 48_000],
        };
        sound.left[10_000] = 2.0;
        limit(&mut sound, 0.5);
        assert!(sound.left[10_000] <= 0.5);
        assert!(sound.left[9_990] < 0.05);
        assert_eq!(sound.left[9_000], 0.1);
        assert!((sound.left[47_000] - 0.1).abs() < 0.001);
    }

    #[test]
    fn the_running_minimum_looks_ahead() {
        let mut values = vec![1.0; 3 * ATTACK];
        (values[100], values[101], values[150]) = (0.9, 0.3, 0.8);
        let least = running_minimum(&values);
        assert_eq!(least.len(), 2 * ATTACK);
        for (n, least) in least.iter().enumerate() {
            let wanted = values[n..=n + ATTACK].iter().fold(1.0f32, |a, b| a.min(*b));
            assert_eq!(*least, wanted, "{n}");
        }
        assert!(running_minimum(&values[..ATTACK]).is_empty());
    }

    /// The limiter as it reads in a book: every step over the whole sound. What comes in blocks must be the same to
    /// the last bit.
    mod whole {
        use super::super::*;

        pub(super) fn limit(sound: &mut Stereo, ceiling: f32) -> f32 {
            let mut deepest = 1.0f32;
            for _ in 0..PASSES {
                let needed = needed_gains(sound, ceiling);
                let lowest = needed.iter().fold(1.0f32, |lowest, gain| lowest.min(*gain));
                if lowest == 1.0 {
                    break;
                }
                deepest = deepest.min(lowest);
                let mut gains: Vec<f32> = (0..needed.len())
                    .map(|n| {
                        let end = (n + ATTACK + 1).min(needed.len());
                        needed[n..end].iter().fold(1.0f32, |a, b| a.min(*b))
                    })
                    .collect();
                Release::new().run(&mut gains);
                sound.shape(&running_mean(&gains));
            }
            deepest
        }

        fn needed_gains(sound: &Stereo, ceiling: f32) -> Vec<f32> {
            let kernels = interpolation_kernels();
            let mut gains = vec![1.0f32; sound.len()];
            for channel in [&sound.left, &sound.right] {
                for (n, gain) in gains.iter_mut().enumerate() {
                    let peak = peak(channel, n, ceiling, &kernels);
                    if peak > ceiling {
                        *gain = gain.min(ceiling / peak);
                    }
                }
            }
            gains
        }

        fn peak(channel: &[f32], n: usize, ceiling: f32, kernels: &Kernels) -> f32 {
            let next = channel.get(n + 1).map_or(0.0, |sample| sample.abs());
            let peak = channel[n].abs();
            if peak.max(next) < 0.5 * ceiling {
                return peak;
            }
            (0..PHASES).fold(peak, |peak, phase| {
                let between: f32 = (0..TAPS)
                    .map(|tap| {
                        usize::try_from(n as i64 + 1 + tap as i64 - AHEAD as i64)
                            .ok()
                            .and_then(|at| channel.get(at))
                            .map_or(0.0, |sample| sample * kernels[tap][phase])
                    })
                    .sum();
                peak.max(between.abs())
            })
        }

        fn running_mean(values: &[f32]) -> Vec<f32> {
            let first = f64::from(values.first().copied().unwrap_or(1.0));
            let mut sum = first * (ATTACK + 1) as f64;
            let mean = |(n, value): (usize, &f32)| {
                let leaving = n
                    .checked_sub(ATTACK + 1)
                    .map_or(first, |at| f64::from(values[at]));
                sum += f64::from(*value) - leaving;
                (sum / (ATTACK + 1) as f64) as f32
            };
            values.iter().enumerate().map(mean).collect()
        }
    }

    #[test]
    fn blocks_of_any_length_are_limited_to_the_last_bit_alike() {
        for (samples, amplitude) in [
            (1, 3.0),
            (13, 3.0),
            (97, 2.0),
            (200, 3.0),
            (30_000, 1.5),
            (30_000, 0.2),
        ] {
            let mut sound = noise(samples, amplitude);
            // A silence to come back in.
            for n in samples / 3..samples / 2 {
                (sound.left[n], sound.right[n]) = (0.0, 0.01);
            }
            let mut wanted = sound.clone();
            let deepest = whole::limit(&mut wanted, 0.8);
            for size in [1, 7, 1000, 4800, 48_000] {
                let mut limiter = Limiter::new(0.8);
                let mut out = Stereo::default();
                for (left, right) in sound.left.chunks(size).zip(sound.right.chunks(size)) {
                    let block = Stereo {
                        left: left.to_vec(),
                        right: right.to_vec(),
                    };
                    limiter.add(&block, &mut out);
                }
                limiter.end(&mut out);
                assert!(out == wanted, "{samples} samples in blocks of {size}");
                assert_eq!(limiter.deepest(), deepest);
            }
        }
    }
}
