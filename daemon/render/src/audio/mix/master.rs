//! The loudness of the result: a linear gain and a true-peak limiter, repeated until the meter agrees.
//!
//! No dynamic normalisation: what was mixed keeps its proportions.

use crate::audio::error::AudioError;
use crate::audio::limiter::Limiter;
use crate::audio::loudness::Meter;
use crate::audio::pcm::{Stereo, db_to_gain};
use crate::audio::spool::Spool;

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

/// What mastering does to a sound: a gain, and the ceiling of the limiter behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    gain: f32,
    ceiling: f32,
}

/// A sound that is mastered. It is played as often as it takes to find the setting; none of the results is kept.
pub(crate) struct Master<'a> {
    sound: &'a Spool,
    /// Samples of a block.
    size: usize,
    /// Loudness before mastering, LUFS.
    measured: f64,
}

impl<'a> Master<'a> {
    pub(crate) fn new(sound: &'a Spool, size: usize) -> Result<Self, AudioError> {
        let mut meter = Meter::new()?;
        sound.play(sound.whole(), size, &mut |block| meter.add(block))?;
        Ok(Self {
            sound,
            size,
            measured: meter.integrated()?,
        })
    }

    /// Brings the sound to the goal, or as near as the limiter lets it come; none for silence, which stays silence.
    pub(crate) fn settle(&self, goal: Goal) -> Result<Option<Setting>, AudioError> {
        if !self.measured.is_finite() {
            return Ok(None);
        }
        let ceiling = db_to_gain(goal.ceiling);
        let mut gain_db = (goal.integrated - self.measured).min(MOST_GAIN_DB);
        let mut before: Option<(f64, f64)> = None;
        let mut setting = Setting {
            gain: db_to_gain(gain_db),
            ceiling,
        };
        for _ in 0..ROUNDS {
            setting.gain = db_to_gain(gain_db);
            let mut meter = Meter::new()?;
            self.play(Some(setting), &mut |block| meter.add(block))?;
            let reached = meter.integrated()?;
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
        Ok(Some(setting))
    }

    /// Plays the sound as a setting makes it.
    pub(crate) fn play(
        &self,
        setting: Option<Setting>,
        sink: &mut dyn FnMut(&Stereo) -> Result<(), AudioError>,
    ) -> Result<(), AudioError> {
        let whole = self.sound.whole();
        let Some(setting) = setting else {
            return self.sound.play(whole, self.size, &mut |block| sink(block));
        };
        let mut limiter = Limiter::new(setting.ceiling);
        let mut out = Stereo::default();
        self.sound.play(whole, self.size, &mut |block| {
            block.scale(setting.gain);
            out.clear();
            limiter.add(block, &mut out);
            sink(&out)
        })?;
        out.clear();
        limiter.end(&mut out);
        sink(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::RATE;
    use crate::audio::filter::Biquad;
    use crate::audio::loudness;

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

    /// Mastered in blocks of two lengths, which must not be heard.
    fn master(sound: &Stereo, goal: Goal) -> Result<Stereo, AudioError> {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::create(dir.path())?;
        spool.append(sound)?;
        let mastered = |size: usize| {
            let master = Master::new(&spool, size)?;
            let mut out = Stereo::default();
            master.play(master.settle(goal)?, &mut |block| {
                out.extend(block);
                Ok(())
            })?;
            Ok::<_, AudioError>(out)
        };
        let out = mastered(4800)?;
        assert!(mastered(30_011)? == out);
        Ok(out)
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
