//! Making a synthetic voice pleasant: rumble and boxiness out, presence and air in, dynamics evened, level set.
//!
//! Pure, at 48 kHz. Every scene comes out at the same loudness, so scenes of one narration fit together.

use crate::audio::RATE;
use crate::audio::error::AudioError;
use crate::audio::filter::Biquad;
use crate::audio::loudness::integrated_mono;
use crate::audio::pcm::{Stereo, db_to_gain, gain_to_db, raised_cosine};

/// Loudness of a finished scene when both loudspeakers play it.
const TARGET_LUFS: f64 = -18.0;
/// Highest sample of a finished scene.
const CEILING_DB: f64 = -1.5;
/// Length of the fades at both ends.
const EDGE: usize = RATE as usize / 200;

/// The polished voice at the same length.
pub(crate) fn polish(mut voice: Vec<f32>) -> Result<Vec<f32>, AudioError> {
    mend_clipping(&mut voice);
    equalise(&mut voice);
    to_loudness(&mut voice)?;
    compress(&mut voice);
    to_loudness(&mut voice)?;
    fade_edges(&mut voice);
    Ok(voice)
}

/// A voice that sounds well already, at the loudness of the house.
pub(crate) fn level(mut voice: Vec<f32>) -> Result<Vec<f32>, AudioError> {
    to_loudness(&mut voice)?;
    fade_edges(&mut voice);
    Ok(voice)
}

/// Replaces runs of samples stuck at one extreme by the arc the samples around them ask for.
fn mend_clipping(voice: &mut [f32]) {
    const STUCK: f32 = 0.999;
    let mut n = 1;
    while n + 2 < voice.len() {
        let sign = voice[n].signum();
        let run = voice[n..]
            .iter()
            .take_while(|sample| **sample * sign >= STUCK)
            .count();
        if run >= 2 && n + run + 1 < voice.len() {
            arc(voice, n, run);
        }
        n += run.max(1);
    }
}

/// A cubic through the two samples on each side of a run, with their slopes.
fn arc(voice: &mut [f32], start: usize, run: usize) {
    let (left, right) = (voice[start - 1], voice[start + run]);
    let rise = left - voice[start.saturating_sub(2)];
    let fall = voice[start + run + 1] - right;
    let length = (run + 1) as f32;
    for step in 0..run {
        let t = (step + 1) as f32 / length;
        let (t2, t3) = (t * t, t * t * t);
        voice[start + step] = (2.0 * t3 - 3.0 * t2 + 1.0) * left
            + (t3 - 2.0 * t2 + t) * length * rise
            + (3.0 * t2 - 2.0 * t3) * right
            + (t3 - t2) * length * fall;
    }
}

fn equalise(voice: &mut [f32]) {
    let filters = [
        Biquad::high_pass(80.0, std::f64::consts::FRAC_1_SQRT_2),
        Biquad::peaking(280.0, 1.0, -2.5),
        Biquad::peaking(3200.0, 0.9, 2.5),
        Biquad::high_shelf(5500.0, 3.0),
    ];
    for filter in filters {
        filter.run(voice);
    }
}

/// A linear gain to the house loudness, less when samples would pass the ceiling.
fn to_loudness(voice: &mut Vec<f32>) -> Result<(), AudioError> {
    let measured = integrated_mono(voice)?;
    if !measured.is_finite() {
        return Ok(());
    }
    let gain = db_to_gain(TARGET_LUFS - measured);
    voice.iter_mut().for_each(|sample| *sample *= gain);
    hold_peaks(voice);
    Ok(())
}

fn hold_peaks(voice: &mut Vec<f32>) {
    let left = std::mem::take(voice);
    let mut both = Stereo {
        right: left.clone(),
        left,
    };
    crate::audio::limiter::limit(&mut both, db_to_gain(CEILING_DB));
    *voice = both.left;
}

/// Two to one above the knee, with a soft knee and program-like times: loud syllables come down, nothing pumps.
fn compress(voice: &mut [f32]) {
    let attack = smoothing(0.006);
    let release = smoothing(0.12);
    let mut level = 0.0f32;
    for sample in voice {
        let size = sample.abs();
        let step = if size > level { attack } else { release };
        level += (size - level) * step;
        *sample *= db_to_gain(-reduction_db(gain_to_db(level)));
    }
}

fn smoothing(seconds: f32) -> f32 {
    1.0 - (-1.0 / (seconds * RATE as f32)).exp()
}

/// How much is taken away at a level.
fn reduction_db(level_db: f64) -> f64 {
    const THRESHOLD_DB: f64 = -20.0;
    const KNEE_DB: f64 = 8.0;
    const SHARE: f64 = 0.5;
    let over = level_db - THRESHOLD_DB;
    if over <= -KNEE_DB / 2.0 {
        0.0
    } else if over < KNEE_DB / 2.0 {
        SHARE * (over + KNEE_DB / 2.0).powi(2) / (2.0 * KNEE_DB)
    } else {
        SHARE * over
    }
}

fn fade_edges(voice: &mut [f32]) {
    let length = EDGE.min(voice.len() / 2);
    let last = voice.len().saturating_sub(1);
    for n in 0..length {
        let gain = raised_cosine(n as f32 / length as f32);
        voice[n] *= gain;
        voice[last - n] *= gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syllables(amplitude: f32) -> Vec<f32> {
        (0..RATE * 3)
            .map(|n| {
                let t = n as f32 / RATE as f32;
                let loud = if t.fract() < 0.5 { 1.0 } else { 0.15 };
                (std::f32::consts::TAU * 220.0 * t).sin() * amplitude * loud
            })
            .collect()
    }

    fn rms(sound: &[f32]) -> f32 {
        (sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32).sqrt()
    }

    #[test]
    fn quiet_and_loud_scenes_come_out_equally_loud() {
        for amplitude in [0.03, 0.3, 0.95] {
            let out = polish(syllables(amplitude)).unwrap();
            let loudness = integrated_mono(&out).unwrap();
            assert!((loudness + 18.0).abs() < 0.3, "{amplitude}: {loudness}");
            let peak = out.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(gain_to_db(peak) <= CEILING_DB + 0.01);
        }
    }

    #[test]
    fn loud_syllables_come_down_against_quiet_ones() {
        let mut sound = syllables(0.5);
        let ratio = |s: &[f32]| rms(&s[4800..19_200]) / rms(&s[28_800..43_200]);
        let before = ratio(&sound);
        compress(&mut sound);
        assert!(ratio(&sound) < before * 0.75, "{} {before}", ratio(&sound));
    }

    #[test]
    fn the_edges_are_silent() {
        let out = polish(vec![0.3; 4800]).unwrap();
        assert_eq!((out[0], out[4799]), (0.0, 0.0));
        assert!(polish(Vec::new()).unwrap().is_empty());
        assert_eq!(polish(vec![0.0; 100]).unwrap(), vec![0.0; 100]);
    }

    #[test]
    fn clipped_tops_are_rounded_again() {
        let whole: Vec<f32> = (0..4800).map(|n| (n as f32 * 0.05).sin() * 1.05).collect();
        let mut clipped: Vec<f32> = whole.iter().map(|s| s.clamp(-1.0, 1.0)).collect();
        let error = |a: &[f32]| -> f32 { a.iter().zip(&whole).map(|(a, b)| (a - b).powi(2)).sum() };
        let before = error(&clipped);
        mend_clipping(&mut clipped);
        assert!(
            error(&clipped) < before * 0.2,
            "{} of {before}",
            error(&clipped)
        );
    }

    #[test]
    fn the_knee_is_smooth() {
        assert_eq!(reduction_db(-40.0), 0.0);
        assert_eq!(reduction_db(-10.0), 5.0);
        let (below, above) = (reduction_db(-16.001), reduction_db(-15.999));
        assert!((above - below).abs() < 0.01);
    }
}
