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

/// Measures integrated loudness and true peak.
pub(crate) fn measure(sound: &Stereo) -> Result<Loudness, AudioError> {
    let mut meter = EbuR128::new(2, RATE, Mode::I | Mode::TRUE_PEAK)?;
    meter.add_frames_planar_f32(&[&sound.left, &sound.right])?;
    let peak = meter.true_peak(0)?.max(meter.true_peak(1)?);
    Ok(Loudness {
        integrated: meter.loudness_global()?,
        true_peak: 20.0 * peak.max(1e-10).log10(),
    })
}

/// Measures integrated loudness alone, several times faster than [`measure`].
pub(crate) fn integrated(sound: &Stereo) -> Result<f64, AudioError> {
    let mut meter = EbuR128::new(2, RATE, Mode::I)?;
    meter.add_frames_planar_f32(&[&sound.left, &sound.right])?;
    Ok(meter.loudness_global()?)
}

/// Integrated loudness of a sound that may be short: the gate needs blocks of 400 ms, so it is measured as if it were
/// repeated.
pub(crate) fn integrated_short(sound: &Stereo) -> Result<f64, AudioError> {
    const SHORTEST: usize = RATE as usize * 2;
    let mut meter = EbuR128::new(2, RATE, Mode::I)?;
    let mut fed = 0;
    while fed < SHORTEST && sound.len() > 0 {
        meter.add_frames_planar_f32(&[&sound.left, &sound.right])?;
        fed += sound.len();
    }
    Ok(meter.loudness_global()?)
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
