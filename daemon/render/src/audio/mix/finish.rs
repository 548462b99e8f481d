//! The last steps: mastering, encoding, and listening to what came out, until the *decoded* sound is where it should be.

use std::path::PathBuf;

use fenta_templates::timeline::LoudnessTarget;
use fenta_workflows::action::{AudioEncoding, SamplePart, SilentSpan};

use super::master::{Goal, Master, Setting};
use super::silence::Silences;
use crate::audio::error::AudioError;
use crate::audio::loudness::{Loudness, Meter};
use crate::audio::pcm::{Stereo, raised_cosine};
use crate::audio::{ffi_decode, ffi_encode};

/// Room left under the true-peak target for what the codec adds, in dB, at the first try.
const CODEC_MARGIN_DB: f64 = 0.3;
/// A part fades over so many samples at its ends.
const EDGE_SAMPLES: usize = 240;
/// Tries of mastering and encoding.
pub(super) const TRIES: usize = 6;
/// Accepted distance of the decoded AAC from the loudness target, in LU.
const TOLERANCE_LU: f64 = 0.2;

/// A sound on its way into a file.
pub(super) struct Finish<'a> {
    pub(super) master: Master<'a>,
    /// Its samples.
    pub(super) samples: usize,
    pub(super) target: LoudnessTarget,
    pub(super) encoding: &'a AudioEncoding,
    pub(super) path: PathBuf,
}

/// A try, and what was learnt from it.
pub(super) struct Tried {
    setting: Option<Setting>,
    pub(super) silent: Vec<SilentSpan>,
}

impl Finish<'_> {
    /// Writes the file; how loud it is, and the try that made it so.
    pub(super) fn run(
        &self,
        tried: &mut dyn FnMut(usize),
    ) -> Result<(Loudness, Tried), AudioError> {
        let mut number = 0;
        let mut last = None;
        let heard = reach(self.target, |goal| {
            let (heard, what) = self.attempt(goal)?;
            // The last try is always the one that is kept.
            last = Some(what);
            number += 1;
            tried(number.min(TRIES));
            Ok(heard)
        })?;
        let last = last.unwrap_or(Tried {
            setting: None,
            silent: Vec::new(),
        });
        Ok((heard, last))
    }

    fn attempt(&self, goal: Goal) -> Result<(Loudness, Tried), AudioError> {
        let setting = self.master.settle(goal)?;
        let mut writer = ffi_encode::Writer::create(&self.path, self.samples, self.encoding)?;
        let mut silences = Silences::default();
        self.master.play(setting, &mut |block| {
            silences.add(block);
            writer.add(block)
        })?;
        writer.end()?;
        let mut meter = Meter::with_peak()?;
        ffi_decode::play(&self.path, self.samples, &mut |block| meter.add(block))?;
        let tried = Tried {
            setting,
            silent: silences.end(),
        };
        Ok((meter.both()?, tried))
    }

    /// Keeps only a part of the mastered mix, which begins and ends without a click; its samples.
    pub(super) fn keep(&self, tried: &Tried, part: SamplePart) -> Result<usize, AudioError> {
        let all = self.samples;
        let inside = |value: u64| usize::try_from(value).ok().filter(|value| *value <= all);
        let from = inside(part.from).filter(|from| *from < all);
        let (Some(from), Some(count)) = (from, inside(part.count).filter(|count| *count > 0))
        else {
            return Err(AudioError::OutOfRange {
                what: "the part of the soundtrack",
                seen: format!("{} samples from {}", part.count, part.from),
                limit: "inside the soundtrack",
            });
        };
        let count = count.min(all - from);
        let mut writer = ffi_encode::Writer::create(&self.path, count, self.encoding)?;
        let mut at = 0;
        self.master.play(tried.setting, &mut |block| {
            let first = from.clamp(at, at + block.len());
            let end = (from + count).clamp(first, at + block.len());
            let mut kept = block.part(first - at, end - first);
            at += block.len();
            fade_edges(&mut kept, first.saturating_sub(from), count);
            writer.add(&kept)
        })?;
        writer.end()?;
        Ok(count)
    }
}

/// Fades the ends of a part of `count` samples; the block begins at its sample `first`.
fn fade_edges(block: &mut Stereo, first: usize, count: usize) {
    let ramp = EDGE_SAMPLES.min(count / 2);
    for channel in block.channels_mut() {
        for (n, sample) in channel.iter_mut().enumerate() {
            let at = first + n;
            let step = at.min(count - 1 - at);
            if step < ramp {
                *sample *= raised_cosine(step as f32 / ramp as f32);
            }
        }
    }
}

/// Repeats `attempt` until what it hears is at the target, or takes the nearest try under the true-peak target. A sound
/// that no try brings under it is refused: a peak over the limit is heard as distortion on somebody's player.
pub(super) fn reach(
    target: LoudnessTarget,
    mut attempt: impl FnMut(Goal) -> Result<Loudness, AudioError>,
) -> Result<Loudness, AudioError> {
    let wanted = f64::from(target.integrated_clufs) / 100.0;
    let peak = f64::from(target.true_peak_cdb) / 100.0;
    let mut goal = Goal {
        integrated: wanted,
        ceiling: peak - CODEC_MARGIN_DB,
    };
    let mut best: Option<(f64, Goal)> = None;
    let mut lowest = f64::INFINITY;
    for _ in 0..TRIES {
        let heard = attempt(goal)?;
        lowest = lowest.min(heard.true_peak);
        let distance = (heard.integrated - wanted).abs();
        let is_under = heard.true_peak <= peak;
        if is_under && (distance <= TOLERANCE_LU || !heard.integrated.is_finite()) {
            return Ok(heard);
        }
        if is_under && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, goal));
        }
        goal = next_goal(goal, heard, wanted, peak);
    }
    let (_, goal) = best.ok_or(AudioError::PeakMissed {
        wanted: peak,
        lowest,
    })?;
    attempt(goal)
}

/// Moves the goal by what the codec changed.
fn next_goal(goal: Goal, heard: Loudness, wanted: f64, peak: f64) -> Goal {
    let over = (heard.true_peak - peak).max(0.0);
    Goal {
        integrated: if heard.integrated.is_finite() {
            goal.integrated + (wanted - heard.integrated).clamp(-1.0, 1.0)
        } else {
            goal.integrated
        },
        ceiling: goal.ceiling - if over > 0.0 { over + 0.1 } else { 0.0 },
    }
}
