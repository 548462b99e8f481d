//! Sound in memory: two channels of `f32` at 48 kHz, and the decibel arithmetic around them.
//!
//! Used by every part of the audio module; knows nothing of files; `spool` holds what is too long for it.

/// Two channels of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stereo {
    pub(crate) left: Vec<f32>,
    pub(crate) right: Vec<f32>,
}

impl Stereo {
    /// Digital silence.
    pub(crate) fn silence(samples: usize) -> Self {
        Self {
            left: vec![0.0; samples],
            right: vec![0.0; samples],
        }
    }

    /// Samples per channel.
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// Both channels, for work that treats them alike.
    pub(crate) fn channels_mut(&mut self) -> [&mut Vec<f32>; 2] {
        [&mut self.left, &mut self.right]
    }

    /// Multiplies every sample.
    pub(crate) fn scale(&mut self, gain: f32) {
        for channel in self.channels_mut() {
            channel.iter_mut().for_each(|sample| *sample *= gain);
        }
    }

    /// Multiplies each sample by its own gain; samples beyond the curve stay.
    pub(crate) fn shape(&mut self, curve: &[f32]) {
        for channel in self.channels_mut() {
            for (sample, gain) in channel.iter_mut().zip(curve) {
                *sample *= gain;
            }
        }
    }

    /// Adds `other`, its first sample landing at `start`; what lies outside is dropped.
    pub(crate) fn add_at(&mut self, other: &Self, start: i64, gain: f32) {
        add_channel(&mut self.left, &other.left, start, gain);
        add_channel(&mut self.right, &other.right, start, gain);
    }

    /// Adds `other` behind what is there.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.left.extend_from_slice(&other.left);
        self.right.extend_from_slice(&other.right);
    }

    /// A span of it that lies inside.
    pub(crate) fn part(&self, from: usize, count: usize) -> Self {
        Self {
            left: self.left[from..from + count].to_vec(),
            right: self.right[from..from + count].to_vec(),
        }
    }

    /// Takes the first samples away.
    pub(crate) fn drop_first(&mut self, samples: usize) {
        self.left.drain(..samples);
        self.right.drain(..samples);
    }

    /// Leaves nothing, but the room for it.
    pub(crate) fn clear(&mut self) {
        self.left.clear();
        self.right.clear();
    }

    /// Cuts or pads with silence.
    pub(crate) fn resize(&mut self, samples: usize) {
        self.left.resize(samples, 0.0);
        self.right.resize(samples, 0.0);
    }

    /// The largest absolute sample.
    #[cfg(test)]
    pub(crate) fn peak(&self) -> f32 {
        self.left
            .iter()
            .chain(&self.right)
            .fold(0.0, |peak, sample| peak.max(sample.abs()))
    }
}

fn add_channel(into: &mut [f32], from: &[f32], start: i64, gain: f32) {
    let skip = usize::try_from(-start).unwrap_or(0).min(from.len());
    let first = usize::try_from(start).unwrap_or(0).min(into.len());
    for (sample, add) in into[first..].iter_mut().zip(&from[skip..]) {
        *sample += add * gain;
    }
}

/// Decibels to a factor.
pub(crate) fn db_to_gain(db: f64) -> f32 {
    10f64.powf(db / 20.0) as f32
}

/// A factor to decibels; silence is -200.
pub(crate) fn gain_to_db(gain: f32) -> f64 {
    20.0 * f64::from(gain.abs()).max(1e-10).log10()
}

/// Half a raised cosine: 0 at 0, 1 at 1, flat at both ends.
pub(crate) fn raised_cosine(position: f32) -> f32 {
    0.5 - 0.5 * (std::f32::consts::PI * position.clamp(0.0, 1.0)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_before_the_start_loses_its_head() {
        let clip = Stereo {
            left: vec![1.0, 2.0, 3.0],
            right: vec![4.0, 5.0, 6.0],
        };
        let mut mix = Stereo::silence(2);
        mix.add_at(&clip, -1, 0.5);
        assert_eq!(mix.left, [1.0, 1.5]);
        assert_eq!(mix.right, [2.5, 3.0]);
    }

    #[test]
    fn a_clip_beyond_the_end_loses_its_tail() {
        let clip = Stereo {
            left: vec![1.0; 3],
            right: vec![1.0; 3],
        };
        let mut mix = Stereo::silence(4);
        mix.add_at(&clip, 3, 1.0);
        mix.add_at(&clip, 99, 1.0);
        assert_eq!(mix.left, [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn decibels_go_both_ways() {
        assert!((db_to_gain(-6.0206) - 0.5).abs() < 1e-5);
        assert!((gain_to_db(0.1) + 20.0).abs() < 1e-4);
        assert!((gain_to_db(0.0) + 200.0).abs() < 1e-9);
    }

    #[test]
    fn the_raised_cosine_is_symmetric() {
        assert_eq!(raised_cosine(-1.0), 0.0);
        assert_eq!(raised_cosine(2.0), 1.0);
        assert!((raised_cosine(0.5) - 0.5).abs() < 1e-6);
        assert!((raised_cosine(0.25) + raised_cosine(0.75) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn peak_and_shape_see_both_channels() {
        let mut sound = Stereo {
            left: vec![0.5, 0.5],
            right: vec![-0.75, 0.5],
        };
        assert_eq!(sound.peak(), 0.75);
        sound.shape(&[0.0, 1.0]);
        assert_eq!(sound.right, [0.0, 0.5]);
        sound.scale(2.0);
        sound.resize(3);
        assert_eq!(sound.left, [0.0, 1.0, 0.0]);
    }
}
