//! Where in a recording there is sound: the silence around speech is found by energy.

use std::ops::Range;

/// Length of the window whose energy is looked at, as a share of a second.
const WINDOWS_PER_SECOND: usize = 200;
/// Sound is what comes within this of the loudest window, in dB.
const RANGE_DB: f32 = 42.0;

/// The samples from the first to the last window with sound; empty for silence.
pub(crate) fn sounding(samples: &[f32], rate: u32) -> Range<usize> {
    let mut windows = Windows::new(rate);
    windows.add(samples.iter().copied());
    windows.sounding()
}

/// The energies of a recording that comes in blocks.
pub(crate) struct Windows {
    size: usize,
    /// Of the windows that are full.
    energies: Vec<f32>,
    /// Sum of the squares of the window that is not.
    sum: f32,
    samples: usize,
}

impl Windows {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            size: (rate as usize / WINDOWS_PER_SECOND).max(1),
            energies: Vec::new(),
            sum: 0.0,
            samples: 0,
        }
    }

    /// Hears what comes next.
    pub(crate) fn add(&mut self, samples: impl Iterator<Item = f32>) {
        for sample in samples {
            self.sum += sample * sample;
            self.samples += 1;
            if self.samples.is_multiple_of(self.size) {
                self.energies.push(self.sum / self.size as f32);
                self.sum = 0.0;
            }
        }
    }

    /// The samples from the first to the last window with sound; empty for silence.
    pub(crate) fn sounding(mut self) -> Range<usize> {
        if !self.samples.is_multiple_of(self.size) {
            self.energies.push(self.sum / self.size as f32);
        }
        let loudest = self.energies.iter().fold(0.0f32, |a, b| a.max(*b));
        let floor = loudest * 10f32.powf(-RANGE_DB / 10.0);
        let is_sound = |energy: &f32| *energy > floor;
        match (
            self.energies.iter().position(is_sound),
            self.energies.iter().rposition(is_sound),
        ) {
            (Some(first), Some(last)) => {
                first * self.size..((last + 1) * self.size).min(self.samples)
            }
            _ => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_hiss_around_a_tone_are_left_out() {
        let mut sound = vec![0.0005; 16_000];
        for (n, sample) in sound[4000..9000].iter_mut().enumerate() {
            *sample = (n as f32 * 0.3).sin() * 0.5;
        }
        let found = sounding(&sound, 16_000);
        assert!(found.start.abs_diff(4000) <= 80, "{found:?}");
        assert!(found.end.abs_diff(9000) <= 80, "{found:?}");
    }

    #[test]
    fn nothing_is_found_in_silence() {
        assert!(sounding(&[0.0; 1000], 16_000).is_empty());
        assert!(sounding(&[], 16_000).is_empty());
    }

    #[test]
    fn a_sound_to_the_very_end_keeps_its_end() {
        assert_eq!(sounding(&[0.5; 1001], 16_000), 0..1001);
    }
}
