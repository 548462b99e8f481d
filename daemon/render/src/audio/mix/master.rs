//! The loudness of the result: a linear gain and a true-peak limiter, repeated until the meter agrees.
//!
//! Pure. No dynamic normalisation: what was mixed keeps its proportions.

use crate::audio::error::AudioError;
use crate::audio::limiter::limit;
use crate::audio::loudness;
use crate::audio::pcm::{Stereo, db_to_gain};

/// Where a sound is to land.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    /// Integrated loudness in LUFS.
    pub(crate) integrated: f64,
    /// Highest true peak in dBTP.
    pub(crate) ceiling: f64,
}

/// Accepted distance from the loudness goal, in LU.
const TOLERANCE: f64 = 0.03;
/// Rounds of gain and limiter.
const ROUNDS: usize = 10;
/// More gain than this would only raise noise: a sound of a few clicks over hiss needs nearly as much.
const MOST_GAIN_DB: f64 = 48.0;
/// The least loudness that a decibel of gain is taken to add: a limited sound answers with less than one.
const LEAST_SLOPE: f64 = 0.2;

/// The sound at the goal, or as near as the limiter lets it come; silence stays silence.
pub(crate) fn master(sound: &Stereo, goal: Goal) -> Result<Stereo, AudioError> {
    let measured = loudness::integrated(sound)?;
    if !measured.is_finite() {
        return Ok(sound.clone());
    }
    let mut gain_db = (goal.integrated - measured).min(MOST_GAIN_DB);
    let mut before: Option<(f64, f64)> = None;
    let mut out = Stereo::default();
    for _ in 0..ROUNDS {
        out = sound.clone();
        out.scale(db_to_gain(gain_db));
        limit(&mut out, db_to_gain(goal.ceiling));
        let reached = loudness::integrated(&out)?;
        let missing = goal.integrated - reached;
        if missing.abs() < TOLERANCE || (missing > 0.0 && gain_db >= MOST_GAIN_DB) {
            break;
        }
        // The secant through the last two rounds: how much a decibel of gain still adds.
        let slope = before.map_or(1.0, |(gain, loudness)| {
            ((reached - loudness) / (gain_db - gain)).clamp(LEAST_SLOPE, 1.0)
        });
        before = Some((gain_db, reached));
        gain_db = (gain_db + missing / slope).min(MOST_GAIN_DB);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::RATE;
    use crate::audio::filter::Biquad;

    /// Bursts of noise with pauses, as speech has them: loud peaks, moderate loudness.
    fn bursts(amplitude: f32) -> Stereo {
        let mut state = 3u32;
        let mut left: Vec<f32> = (0..RATE * 6)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
                let within = (n % 24_000) as f32 / 24_000.0;
                noise.powi(3) * amplitude * (1.0 - within).powi(2)
            })
            .collect();
        Biquad::low_pass(8000.0, 0.7).run(&mut left);
        Stereo {
            right: left.clone(),
            left,
        }
    }

    #[test]
    fn loud_and_quiet_sounds_land_on_the_goal() {
        let goal = Goal {
            integrated: -14.0,
            ceiling: -1.5,
        };
        for amplitude in [0.05, 0.3, 1.0] {
            let out = master(&bursts(amplitude), goal).unwrap();
            let meter = loudness::measure(&out).unwrap();
            assert!(
                (meter.integrated + 14.0).abs() < 0.1,
                "{amplitude}: {meter:?}"
            );
            assert!(meter.true_peak < -1.4, "{amplitude}: {meter:?}");
        }
    }

    #[test]
    fn silence_is_not_raised() {
        let goal = Goal {
            integrated: -14.0,
            ceiling: -1.0,
        };
        let silence = Stereo::silence(RATE as usize);
        assert_eq!(master(&silence, goal).unwrap(), silence);
    }

    #[test]
    fn a_goal_out_of_reach_keeps_the_ceiling() {
        let goal = Goal {
            integrated: 3.0,
            ceiling: -6.0,
        };
        let out = master(&bursts(0.5), goal).unwrap();
        assert!(loudness::measure(&out).unwrap().true_peak < -5.9);
    }
}
