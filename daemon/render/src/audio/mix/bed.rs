//! The music bed: one recording looped to the timeline's length, faded in and out.
//!
//! Pure. A recording whose loop points span it whole is simply repeated; any other is overlapped with itself by an
//! equal-power cross-fade.

use fenta_templates::timeline::MusicClip;

use crate::audio::RATE;
use crate::audio::pcm::{Stereo, raised_cosine};

/// Length of the cross-fade between a recording's end and its beginning.
const CROSS_FADE: usize = RATE as usize;

/// How a recording continues after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seam {
    /// The last sample is followed by the first.
    Exact,
    /// End and beginning are cross-faded.
    CrossFade,
}

/// The recording, looped or cut to `samples`.
pub(crate) fn looped(music: &Stereo, seam: Seam, samples: usize) -> Stereo {
    if music.len() >= samples {
        let mut cut = music.clone();
        cut.resize(samples);
        return cut;
    }
    let overlap = match seam {
        Seam::Exact => 0,
        Seam::CrossFade => CROSS_FADE.min(music.len() / 4),
    };
    let mut bed = Stereo::silence(samples);
    let step = (music.len() - overlap).max(1);
    let mut first = music.clone();
    fade_out(&mut first, overlap);
    let mut next = first.clone();
    fade_in(&mut next, overlap);
    bed.add_at(&first, 0, 1.0);
    for start in (step..samples).step_by(step) {
        bed.add_at(&next, start as i64, 1.0);
    }
    bed
}

/// Equal power: the squares of a fade in and a fade out over the same span add up to one.
fn fade_in(sound: &mut Stereo, length: usize) {
    for channel in sound.channels_mut() {
        for (n, sample) in channel.iter_mut().take(length).enumerate() {
            *sample *= (quarter_turn(n, length)).sin();
        }
    }
}

fn fade_out(sound: &mut Stereo, length: usize) {
    let start = sound.len() - length;
    for channel in sound.channels_mut() {
        for (n, sample) in channel[start..].iter_mut().enumerate() {
            *sample *= (quarter_turn(n, length)).cos();
        }
    }
}

fn quarter_turn(n: usize, length: usize) -> f32 {
    std::f32::consts::FRAC_PI_2 * (n as f32 + 0.5) / length as f32
}

/// The gain of the fades at both ends; fades longer than the bed share it in proportion.
pub(crate) fn fades(clip: &MusicClip, samples: usize) -> Vec<f32> {
    let units = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
    let (fade_in, fade_out) = (units(clip.fade_in_ms), units(clip.fade_out_ms));
    let wanted = (fade_in + fade_out).max(1);
    let shrink = (samples as f64 / wanted as f64).min(1.0);
    let (rise, fall) = (fade_in as f64 * shrink, fade_out as f64 * shrink);
    (0..samples)
        .map(|n| edge(n as f64, rise) * edge((samples - 1 - n) as f64, fall))
        .collect()
}

fn edge(from_end: f64, length: f64) -> f32 {
    if from_end >= length {
        1.0
    } else {
        raised_cosine((from_end / length) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::digest::Digest;

    fn ramp(samples: usize) -> Stereo {
        let left: Vec<f32> = (0..samples).map(|n| n as f32).collect();
        Stereo {
            right: left.clone(),
            left,
        }
    }

    fn clip(fade_in_ms: u32, fade_out_ms: u32) -> MusicClip {
        MusicClip {
            source: Digest {
                hash: [0; 32],
                size: 0,
            },
            gain_mb: -2000,
            fade_in_ms,
            fade_out_ms,
            once: false,
        }
    }

    #[test]
    fn an_exact_loop_repeats_sample_for_sample() {
        let bed = looped(&ramp(100), Seam::Exact, 250);
        assert_eq!(bed.len(), 250);
        for n in 0..250 {
            assert_eq!(bed.left[n], (n % 100) as f32);
        }
    }

    #[test]
    fn a_long_recording_is_cut() {
        assert_eq!(
            looped(&ramp(100), Seam::CrossFade, 3).right,
            [0.0, 1.0, 2.0]
        );
    }

    #[test]
    fn the_cross_fade_keeps_the_power() {
        let mut state = 1u32;
        let left: Vec<f32> = (0..RATE * 5)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        let noise = Stereo {
            right: left.clone(),
            left,
        };
        let bed = looped(&noise, Seam::CrossFade, RATE as usize * 13);
        let power = |second: f64| {
            let start = (second * 48e3) as usize;
            bed.left[start..start + 4800]
                .iter()
                .map(|s| s * s)
                .sum::<f32>()
                / 4800.0
        };
        // Seams lie at 4 and 8 seconds.
        for second in [1.0, 4.05, 4.45, 4.85, 6.0, 8.45, 12.5] {
            assert!(
                (power(second) - 1.0 / 3.0).abs() < 0.03,
                "{second}: {}",
                power(second)
            );
        }
    }

    #[test]
    fn fades_reach_silence_and_full_level() {
        let curve = fades(&clip(100, 200), RATE as usize);
        assert_eq!(curve[0], 0.0);
        assert!((curve[2400] - 0.5).abs() < 0.01);
        assert_eq!(curve[4800], 1.0);
        assert_eq!(curve[38_000], 1.0);
        assert!((curve[RATE as usize - 4801] - 0.5).abs() < 0.01);
        assert_eq!(curve[RATE as usize - 1], 0.0);
    }

    #[test]
    fn fades_longer_than_the_bed_share_it() {
        let curve = fades(&clip(2000, 2000), 4800);
        assert_eq!((curve[0], curve[4799]), (0.0, 0.0));
        assert!(curve[2400] > 0.99);
        assert_eq!(fades(&clip(0, 0), 2), [1.0, 1.0]);
    }
}
