//! The music bed: one recording looped to the timeline's length, faded in and out.
//!
//! A recording whose loop points span it whole is simply repeated; any other is overlapped with itself by an equal-power
//! cross-fade. Neither bed nor fades are held: any span of them is made when it is asked for.

use std::f32::consts::FRAC_PI_2;

use fenta_templates::timeline::MusicClip;

use crate::audio::RATE;
use crate::audio::error::AudioError;
use crate::audio::pcm::{Stereo, raised_cosine};
use crate::audio::spool::{Spool, Take};

/// Length of the cross-fade between a recording's end and its beginning.
const CROSS_FADE: usize = RATE as usize;

/// How a recording continues after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seam {
    /// The last sample is followed by the first.
    Exact,
    /// End and beginning are cross-faded.
    CrossFade,
    /// It ends.
    Silence,
}

/// A recording as it is heard under a timeline, at its own level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bed {
    take: Take,
    /// Samples by which its end and its beginning overlap; none where it is heard once.
    overlap: Option<usize>,
    samples: usize,
}

impl Bed {
    /// A recording, looped or cut to `samples`.
    pub(crate) fn new(take: Take, seam: Seam, samples: usize) -> Self {
        let overlap = match seam {
            _ if take.len >= samples || take.len == 0 => None,
            Seam::Silence => None,
            Seam::Exact => Some(0),
            Seam::CrossFade => Some(CROSS_FADE.min(take.len / 4)),
        };
        Self {
            take,
            overlap,
            samples,
        }
    }

    /// The samples from `at` on, `count` of them.
    pub(crate) fn read(
        &self,
        tape: &Spool,
        (at, count): (usize, usize),
        block: &mut Stereo,
    ) -> Result<(), AudioError> {
        let Some(overlap) = self.overlap else {
            return tape.read(self.take, (at as i64, count), block);
        };
        block.clear();
        block.resize(count);
        let length = self.take.len;
        let step = (length - overlap).max(1);
        let mut piece = Stereo::default();
        let mut turn = (at + 1).saturating_sub(length).div_ceil(step);
        while turn * step < (at + count).min(self.samples) {
            let start = turn * step;
            let from = start.max(at);
            let heard = (start + length).min(at + count) - from;
            tape.read(self.take, ((from - start) as i64, heard), &mut piece)?;
            fade(&mut piece, from - start, (length, overlap), turn > 0);
            block.add_at(&piece, (from - at) as i64, 1.0);
            turn += 1;
        }
        Ok(())
    }
}

/// Equal power: the squares of a fade in and a fade out over the same span add up to one. `piece` begins at sample `first`
/// of a recording of `length` samples; the first time it is played it does not fade in.
fn fade(piece: &mut Stereo, first: usize, (length, overlap): (usize, usize), again: bool) {
    let quarter = |n: usize| FRAC_PI_2 * (n as f32 + 0.5) / overlap as f32;
    let end = first + piece.len();
    let falling = (length - overlap).clamp(first, end)..end;
    let rising = first..if again {
        overlap.clamp(first, end)
    } else {
        first
    };
    for channel in piece.channels_mut() {
        for n in falling.clone() {
            channel[n - first] *= quarter(n + overlap - length).cos();
        }
        for n in rising.clone() {
            channel[n - first] *= quarter(n).sin();
        }
    }
}

/// The gains of the fades at both ends of a bed; fades longer than the bed share it in proportion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fades {
    samples: usize,
    rise: f64,
    fall: f64,
}

impl Fades {
    pub(crate) fn new(clip: &MusicClip, samples: usize) -> Self {
        let units = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
        let (fade_in, fade_out) = (units(clip.fade_in_ms), units(clip.fade_out_ms));
        let wanted = (fade_in + fade_out).max(1);
        let shrink = (samples as f64 / wanted as f64).min(1.0);
        Self {
            samples,
            rise: fade_in as f64 * shrink,
            fall: fade_out as f64 * shrink,
        }
    }

    /// Shapes a block that begins at sample `at`; what comes after the bed stays.
    pub(crate) fn shape(&self, at: usize, block: &mut Stereo) {
        for n in at..(at + block.len()).min(self.samples) {
            let from_end = (self.samples - 1 - n) as f64;
            if n as f64 >= self.rise && from_end >= self.fall {
                continue;
            }
            let gain = edge(n as f64, self.rise) * edge(from_end, self.fall);
            block.left[n - at] *= gain;
            block.right[n - at] *= gain;
        }
    }
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

    /// The whole bed, read in blocks of different lengths.
    fn looped(music: &Stereo, seam: Seam, samples: usize) -> Stereo {
        let dir = tempfile::tempdir().unwrap();
        let tape = Spool::create(dir.path()).unwrap();
        // Something else lies before it.
        tape.append(&ramp(7)).unwrap();
        tape.append(music).unwrap();
        let bed = Bed::new(tape.whole().part(7, music.len()), seam, samples);
        let read = |size: usize| {
            let (mut all, mut block) = (Stereo::default(), Stereo::default());
            for at in (0..samples).step_by(size) {
                bed.read(&tape, (at, size.min(samples - at)), &mut block)
                    .unwrap();
                all.extend(&block);
            }
            all
        };
        let whole = read(samples);
        for size in [samples.div_ceil(300), samples.div_ceil(7)] {
            assert!(read(size) == whole, "in blocks of {size}");
        }
        whole
    }

    fn fades(clip: &MusicClip, samples: usize) -> Vec<f32> {
        let mut sound = Stereo {
            left: vec![1.0; samples],
            right: vec![1.0; samples],
        };
        Fades::new(clip, samples).shape(0, &mut sound);
        sound.left
    }

    #[test]
    fn what_is_heard_once_ends() {
        let bed = looped(&ramp(100), Seam::Silence, 150);
        assert_eq!((bed.left[99], bed.left[100]), (99.0, 0.0));
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
