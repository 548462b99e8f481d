//! A true-peak limiter with look-ahead: the last stage of the mix and of composed music.
//!
//! Peaks are looked for between the samples too (four-fold oversampling, as BS.1770 asks). The gain falls before the
//! peak arrives and never clips: it is the running mean of a running minimum over the same span, so it is always at
//! or below what the peak needs.

use super::RATE;
use super::pcm::Stereo;

/// Length of the fall in samples (2 ms).
const ATTACK: usize = RATE as usize / 500;
/// Time constant of the rise in seconds.
const RELEASE_S: f32 = 0.08;
/// Samples the interpolation kernel sees.
const TAPS: usize = 24;
/// Phases between two samples.
const PHASES: usize = 3;

/// Passes over the sound: a gain that moves bends the curve between samples, which the second pass sees.
const PASSES: usize = 2;

/// Holds every true peak at or under `ceiling` (a factor, 1.0 is full scale); returns the largest reduction as a gain.
pub(crate) fn limit(sound: &mut Stereo, ceiling: f32) -> f32 {
    let mut deepest = 1.0f32;
    for _ in 0..PASSES {
        let needed = needed_gains(sound, ceiling);
        let lowest = needed.iter().fold(1.0f32, |lowest, gain| lowest.min(*gain));
        if lowest == 1.0 {
            break;
        }
        deepest = deepest.min(lowest);
        let mut gains = running_minimum(&needed, ATTACK);
        release(&mut gains);
        sound.shape(&running_mean(&gains, ATTACK));
    }
    deepest
}

/// For each sample the gain that keeps it, and the curve up to the next sample, under the ceiling.
fn needed_gains(sound: &Stereo, ceiling: f32) -> Vec<f32> {
    let kernels = interpolation_kernels();
    let mut gains = vec![1.0f32; sound.len()];
    for channel in [&sound.left, &sound.right] {
        for (n, gain) in gains.iter_mut().enumerate() {
            let peak = peak_near(channel, n, ceiling, &kernels);
            if peak > ceiling {
                *gain = gain.min(ceiling / peak);
            }
        }
    }
    gains
}

fn peak_near(channel: &[f32], n: usize, ceiling: f32, kernels: &[[f32; TAPS]; PHASES]) -> f32 {
    let next = channel.get(n + 1).map_or(0.0, |sample| sample.abs());
    let peak = channel[n].abs();
    // Between two samples the curve seldom doubles; below half the ceiling nothing needs looking at.
    if peak.max(next) < 0.5 * ceiling {
        return peak;
    }
    let first = n as i64 + 1 - (TAPS / 2) as i64;
    kernels.iter().fold(peak, |peak, kernel| {
        let between: f32 = kernel
            .iter()
            .enumerate()
            .map(|(tap, weight)| {
                usize::try_from(first + tap as i64)
                    .ok()
                    .and_then(|at| channel.get(at))
                    .map_or(0.0, |sample| sample * weight)
            })
            .sum();
        peak.max(between.abs())
    })
}

/// Hann-windowed sinc kernels at a quarter, a half and three quarters between samples.
fn interpolation_kernels() -> [[f32; TAPS]; PHASES] {
    std::array::from_fn(|phase| {
        let offset = (phase + 1) as f32 / (PHASES + 1) as f32;
        std::array::from_fn(|tap| {
            let x = tap as f32 - (TAPS / 2) as f32 + 1.0 - offset;
            let angle = std::f32::consts::PI * x;
            let window = (angle / TAPS as f32).cos().powi(2);
            window * angle.sin() / angle
        })
    })
}

/// The smallest value of `[n, n + span]` for each n.
fn running_minimum(values: &[f32], span: usize) -> Vec<f32> {
    let mut out = vec![1.0; values.len()];
    let mut rising: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    for n in (0..values.len()).rev() {
        while rising.back().is_some_and(|&at| values[at] >= values[n]) {
            rising.pop_back();
        }
        rising.push_back(n);
        while rising.front().is_some_and(|&at| at > n + span) {
            rising.pop_front();
        }
        out[n] = rising.front().map_or(1.0, |&at| values[at]);
    }
    out
}

/// Lets the gain fall at once and rise slowly.
fn release(gains: &mut [f32]) {
    let step = 1.0 - (-1.0 / (RELEASE_S * RATE as f32)).exp();
    let mut held = 1.0f32;
    for gain in gains {
        held = gain.min(held + (1.0 - held) * step);
        *gain = held;
    }
}

/// The mean of `[n - span, n]` for each n; before the start the gain is taken as the first one.
fn running_mean(values: &[f32], span: usize) -> Vec<f32> {
    let first = f64::from(values.first().copied().unwrap_or(1.0));
    let mut sum = first * (span + 1) as f64;
    values
        .iter()
        .enumerate()
        .map(|(n, value)| {
            let leaving = n
                .checked_sub(span + 1)
                .map_or(first, |at| f64::from(values[at]));
            sum += f64::from(*value) - leaving;
            (sum / (span + 1) as f64) as f32
        })
        .collect()
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
        let values = [1.0, 0.9, 0.3, 0.8, 0.7, 1.0];
        assert_eq!(running_minimum(&values, 2), [0.3, 0.3, 0.3, 0.7, 0.7, 1.0]);
    }
}
