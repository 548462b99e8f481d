//! Loudness as EBU R128 measures it; the one door of the `ebur128` crate.
//!
//! Used by speech, music and mix to set levels and to report what was reached.

use ebur128::{Channel, EbuR128, Mode};

use super::RATE;
use super::error::AudioError;
use super::pcm::Stereo;

/// What a meter shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loudness {
    /// Integrated loudness in LUFS; minus infinity when every block is below the gate.
    pub(crate) integrated: f64,
    /// True peak in dBTP.
    pub(crate) true_peak: f64,
}

/// A meter that hears a sound block by block; how long the blocks are changes nothing.
pub(crate) struct Meter(EbuR128);

impl Meter {
    /// Measures loudness alone, several times faster than [`Self::with_peak`].
    pub(crate) fn new() -> Result<Self, AudioError> {
        Ok(Self(EbuR128::new(2, RATE, Mode::I)?))
    }

    /// Measures the true peak too.
    pub(crate) fn with_peak() -> Result<Self, AudioError> {
        Ok(Self(EbuR128::new(2, RATE, Mode::I | Mode::TRUE_PEAK)?))
    }

    /// Hears what comes next.
    pub(crate) fn add(&mut self, block: &Stereo) -> Result<(), AudioError> {
        Ok(self.0.add_frames_planar_f32(&[&block.left, &block.right])?)
    }

    /// Integrated loudness of what was heard, LUFS.
    pub(crate) fn integrated(&self) -> Result<f64, AudioError> {
        Ok(self.0.loudness_global()?)
    }

    /// Loudness and true peak of what was heard.
    ///
    /// # Errors
    /// Of a meter made without the peak.
    pub(crate) fn both(&self) -> Result<Loudness, AudioError> {
        let peak = self.0.true_peak(0)?.max(self.0.true_peak(1)?);
        Ok(Loudness {
            integrated: self.integrated()?,
            true_peak: 20.0 * peak.max(1e-10).log10(),
        })
    }
}

/// Measures integrated loudness and true peak.
#[cfg(test)]
pub(crate) fn measure(sound: &Stereo) -> Result<Loudness, AudioError> {
    let mut meter = Meter::with_peak()?;
    meter.add(sound)?;
    meter.both()
}

/// Measures integrated loudness alone.
pub(crate) fn integrated(sound: &Stereo) -> Result<f64, AudioError> {
    let mut meter = Meter::new()?;
    meter.add(sound)?;
    meter.integrated()
}

/// Integrated loudness of a sound of `samples` samples that may be short: the gate needs blocks of 400 ms, so it is
/// measured as if it were repeated. `play` plays it once.
pub(crate) fn integrated_short(
    samples: usize,
    play: &mut dyn FnMut(&mut Meter) -> Result<(), AudioError>,
) -> Result<f64, AudioError> {
    const SHORTEST: usize = RATE as usize * 2;
    let mut meter = Meter::new()?;
    let mut fed = 0;
    while fed < SHORTEST && samples > 0 {
        play(&mut meter)?;
        fed += samples;
    }
    meter.integrated()
}

/// Integrated loudness of one channel heard from both loudspeakers.
///
/// The gate needs blocks of 400 ms: a shorter sound is measured as if it were repeated.
pub(crate) fn integrated_mono(sound: &[f32]) -> Result<f64, AudioError> {
    const SHORTEST: usize = RATE as usize * 2;
    let mut meter = EbuR128::new(1, RATE, Mode::I)?;
    meter.set_channel(0, Channel::DualMono)?;
    let mut fed = 0;
    while fed < SHORTEST && !sound.is_empty() {
        meter.add_frames_f32(sound)?;
        fed += sound.len();
    }
    Ok(meter.loudness_global()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|n| amplitude * (std::f32::consts::TAU * hz * n as f32 / RATE as f32).sin())
            .collect()
    }

    #[test]
    fn a_full_scale_sine_in_both_channels_is_zero_lufs() {
        let tone = sine(997.0, 1.0, RATE as usize * 3);
        let sound = Stereo {
            left: tone.clone(),
            right: tone.clone(),
        };
        let meter = measure(&sound).unwrap();
        assert!(meter.integrated.abs() < 0.1, "{meter:?}");
        assert!(meter.true_peak.abs() < 0.1, "{meter:?}");
        assert!((integrated(&sound).unwrap() - meter.integrated).abs() < 1e-9);
        assert!((integrated_mono(&tone).unwrap() - meter.integrated).abs() < 0.1);
    }

    #[test]
    fn a_short_sound_is_measured_too() {
        let blip = sine(1000.0, 0.1, 4800);
        let loudness = integrated_mono(&blip).unwrap();
        assert!((loudness + 20.0).abs() < 0.5, "{loudness}");
    }

    #[test]
    fn blocks_of_any_length_measure_the_same() {
        let mut tone = sine(440.0, 0.3, RATE as usize * 3);
        for (n, sample) in tone.iter_mut().enumerate() {
            *sample *= 0.2 + (n / 9000 % 5) as f32 * 0.2;
        }
        let sound = Stereo {
            right: tone.iter().map(|sample| sample * 0.7).collect(),
            left: tone,
        };
        let whole = measure(&sound).unwrap();
        for size in [1, 999, 4800, 20_000] {
            let mut meter = Meter::with_peak().unwrap();
            for (left, right) in sound.left.chunks(size).zip(sound.right.chunks(size)) {
                let block = Stereo {
                    left: left.to_vec(),
                    right: right.to_vec(),
                };
                meter.add(&block).unwrap();
            }
            assert_eq!(meter.both().unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn silence_is_minus_infinity() {
        let meter = measure(&Stereo::silence(RATE as usize)).unwrap();
        assert_eq!(meter.integrated, f64::NEG_INFINITY);
        assert!(integrated_mono(&[]).unwrap().is_infinite());
    }

    #[test]
    fn the_true_peak_lies_between_samples() {
        // A quarter-rate tone sampled at 45 degrees never shows its crest in the samples themselves.
        let tone: Vec<f32> = (0..RATE as usize)
            .map(|n| {
                (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin() * 0.5
            })
            .collect();
        let sound = Stereo {
            left: tone.clone(),
            right: tone,
        };
        let meter = measure(&sound).unwrap();
        assert!(sound.peak() < 0.36);
        assert!((meter.true_peak + 6.02).abs() < 0.4, "{meter:?}");
    }
}
