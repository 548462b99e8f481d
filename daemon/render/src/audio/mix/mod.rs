//! The soundtrack: voice clips at their samples, music and other sounds that make room for them, the loudness
//! target, AAC.
//!
//! One action mixes the whole timeline. `ducking`, `bed` and `master` are the pure parts; this file reads the
//! sources, adds them up, and repeats mastering and encoding until the *decoded* AAC is where it should be.

mod bed;
mod ducking;
mod master;
mod silence;
mod sounds;
mod stretch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fenta_templates::timeline::{AUDIO_RATE, AudioPlan, LoudnessTarget, MusicClip};
use fenta_workflows::action::{
    ActionFacts, AudioEncoding, MixFacts, MixRequest, SamplePart, SilentSpan,
};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::WorkerFailure;

use self::bed::Seam;
use self::master::{Goal, master};
use self::sounds::Sounds;
use super::error::AudioError;
use super::loudness::{self, Loudness};
use super::pcm::{Stereo, db_to_gain, raised_cosine};
use super::{AudioDone, LONGEST, ffi_decode, ffi_encode, wav};

/// Room left under the true-peak target for what the codec adds, in dB, at the first try.
const CODEC_MARGIN_DB: f64 = 0.3;
/// A part fades over so many samples at its ends.
const EDGE_SAMPLES: usize = 240;
/// Tries of mastering and encoding.
const TRIES: usize = 6;
/// Accepted distance of the decoded AAC from the loudness target, in LU.
const TOLERANCE_LU: f64 = 0.2;
/// Reported for a soundtrack without any block above the gate.
const GATE_LUFS: f64 = -70.0;

/// Blobs by digest, as the worker's job names them.
type Blobs = BTreeMap<Digest, String>;

/// Loudness of a voice that is not there, LUFS: what sounds are levelled against where nobody speaks or plays.
const NOBODY_LUFS: f64 = -18.0;

/// Voice, music and other sounds before they are added, all as long as the timeline.
struct Stems {
    voice: Stereo,
    music: Option<Stereo>,
    sounds: Option<Sounds>,
}

/// Mixes and encodes the soundtrack of a timeline.
///
/// The output `audio` is what the encoding asks for. AAC comes in NUT; its decoded sample i, priming counted, is the timeline's sample i (the first
/// 1024 samples of a timeline are therefore silent). Facts are measured on the decoded AAC.
///
/// # Errors
/// A [`WorkerFailure`] when a source is missing or unreadable, the plan is out of range, or encoding fails.
pub fn mix(
    request: &MixRequest,
    blobs: &BTreeMap<Digest, String>,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AudioDone, WorkerFailure> {
    let samples = timeline_samples(&request.plan)?;
    let file = ffi_encode::file_name(&request.encoding)?;
    let total = (TRIES + 2) as u64;
    progress(0, total);
    let stems = stems(&request.plan, blobs, samples)?;
    progress(1, total);
    let sound = add_up(stems);
    progress(2, total);
    let job = Finish {
        sound: &sound,
        target: request.plan.loudness,
        encoding: &request.encoding,
        path: out_dir.join(file),
    };
    let (heard, goal) = job.run(&mut |tries| progress(2 + tries as u64, total))?;
    let mastered = master(&sound, goal)?;
    let silent = silence::spans(&mastered);
    let kept = match request.part {
        Some(part) => write_part(&mastered, part, &job)?,
        None => samples,
    };
    progress(total, total);
    Ok(AudioDone::audio(
        file,
        ActionFacts::Mix(facts(heard, kept, silent)),
    ))
}

/// Keeps only a part of the mastered mix, which begins and ends without a click; its samples.
fn write_part(mastered: &Stereo, part: SamplePart, job: &Finish<'_>) -> Result<usize, AudioError> {
    let all = mastered.len();
    let inside = |value: u64| usize::try_from(value).ok().filter(|value| *value <= all);
    let from = inside(part.from).filter(|from| *from < all);
    let (Some(from), Some(count)) = (from, inside(part.count).filter(|count| *count > 0)) else {
        return Err(AudioError::OutOfRange {
            what: "the part of the soundtrack",
            seen: format!("{} samples from {}", part.count, part.from),
            limit: "inside the soundtrack",
        });
    };
    let count = count.min(all - from);
    let mut kept = Stereo {
        left: mastered.left[from..from + count].to_vec(),
        right: mastered.right[from..from + count].to_vec(),
    };
    let ramp = EDGE_SAMPLES.min(count / 2);
    for channel in kept.channels_mut() {
        for step in 0..ramp {
            let gain = raised_cosine(step as f32 / ramp as f32);
            channel[step] *= gain;
            channel[count - 1 - step] *= gain;
        }
    }
    ffi_encode::write(&job.path, &kept, job.encoding)?;
    Ok(count)
}

fn timeline_samples(plan: &AudioPlan) -> Result<usize, AudioError> {
    let value = plan.duration.rescaled_to(AUDIO_RATE).value;
    usize::try_from(value)
        .ok()
        .filter(|samples| (1..=LONGEST).contains(samples))
        .ok_or_else(|| AudioError::OutOfRange {
            what: "the soundtrack's length",
            seen: format!("{value} samples"),
            limit: "between 1 sample and 30 minutes (86400000 samples)",
        })
}

fn facts(heard: Loudness, samples: usize, silent: Vec<SilentSpan>) -> MixFacts {
    let hundredths = |value: f64| (value * 100.0).round() as i32;
    MixFacts {
        samples: samples as u64,
        integrated_clufs: hundredths(heard.integrated.max(GATE_LUFS)),
        true_peak_cdb: hundredths(heard.true_peak),
        silent,
    }
}

fn stems(plan: &AudioPlan, blobs: &Blobs, samples: usize) -> Result<Stems, AudioError> {
    let voice = voice_stem(plan, blobs, samples)?;
    let spoken = loudness::integrated(&voice)?;
    let room = ducking::ducking_curve(&plan.speech, &plan.ducking, samples);
    let music = match &plan.music {
        Some(clip) => Some(music_stem(clip, blobs, (spoken, &room))?),
        None => None,
    };
    // Without a voice, sounds are levelled against what there is.
    let mut reference = spoken;
    if let Some(music) = music.as_ref().filter(|_| !reference.is_finite()) {
        reference = loudness::integrated(music)?;
    }
    if !reference.is_finite() {
        reference = NOBODY_LUFS;
    }
    let mut stems = Stems {
        voice,
        music,
        sounds: sounds::stem(plan, blobs, reference, samples)?,
    };
    if let Some(sounds) = &mut stems.sounds {
        sounds.yielding.shape(&room);
    }
    Ok(stems)
}

fn voice_stem(plan: &AudioPlan, blobs: &Blobs, samples: usize) -> Result<Stereo, AudioError> {
    let mut voice = Stereo::silence(samples);
    for clip in &plan.voice {
        let start = clip.start.rescaled_to(AUDIO_RATE).value;
        let room = usize::try_from(start).map_or(0, |start| samples.saturating_sub(start));
        if room == 0 {
            return Err(AudioError::OutOfRange {
                what: "the start of a voice clip",
                seen: format!("sample {start}"),
                limit: "inside the timeline",
            });
        }
        let sound = ffi_decode::read(blob(blobs, clip.source)?, room)?;
        voice.add_at(&sound, start, db_to_gain(f64::from(clip.gain_mb) / 100.0));
    }
    Ok(voice)
}

/// The bed at its level against a voice of `spoken` LUFS, ducked and faded. Without a voice there is nothing to be under: the bed
/// keeps its own level and mastering brings it to the target.
fn music_stem(
    clip: &MusicClip,
    blobs: &Blobs,
    (spoken, room): (f64, &[f32]),
) -> Result<Stereo, AudioError> {
    let samples = room.len();
    let path = blob(blobs, clip.source)?;
    let recording = ffi_decode::read(path, LONGEST)?;
    let (mut music, heard) = if clip.once {
        let heard = recording.len().min(samples);
        let mut music = recording;
        music.resize(samples);
        (music, heard)
    } else {
        let seam = if wav::loops_whole(path, recording.len()) {
            Seam::Exact
        } else {
            Seam::CrossFade
        };
        (bed::looped(&recording, seam, samples), samples)
    };
    let played = loudness::integrated(&music)?;
    if spoken.is_finite() && played.is_finite() {
        music.scale(db_to_gain(
            spoken + f64::from(clip.gain_mb) / 100.0 - played,
        ));
    }
    music.shape(room);
    // Music that ends before the timeline fades where it ends.
    music.shape(&bed::fades(clip, heard));
    Ok(music)
}

fn blob(blobs: &Blobs, digest: Digest) -> Result<&Path, AudioError> {
    blobs
        .get(&digest)
        .map(Path::new)
        .ok_or(AudioError::BlobMissing(digest))
}

fn add_up(stems: Stems) -> Stereo {
    let mut sound = stems.voice;
    if let Some(music) = stems.music {
        sound.add_at(&music, 0, 1.0);
    }
    if let Some(sounds) = stems.sounds {
        sound.add_at(&sounds.yielding, 0, 1.0);
        sound.add_at(&sounds.effects, 0, 1.0);
    }
    sound
}

/// The last steps: mastering, encoding, and listening to what came out.
struct Finish<'a> {
    sound: &'a Stereo,
    target: LoudnessTarget,
    encoding: &'a AudioEncoding,
    path: PathBuf,
}

impl Finish<'_> {
    /// How loud the result is, and the goal that made it so.
    fn run(&self, tried: &mut dyn FnMut(usize)) -> Result<(Loudness, Goal), AudioError> {
        let mut number = 0;
        let mut last = None;
        let heard = reach(self.target, |goal| {
            let heard = self.attempt(goal)?;
            last = Some(goal);
            number += 1;
            tried(number.min(TRIES));
            Ok(heard)
        })?;
        // The last try is always the one that is kept.
        let goal = last.unwrap_or(Goal {
            integrated: f64::from(self.target.integrated_clufs) / 100.0,
            ceiling: f64::from(self.target.true_peak_cdb) / 100.0,
        });
        Ok((heard, goal))
    }

    fn attempt(&self, goal: Goal) -> Result<Loudness, AudioError> {
        let mastered = master(self.sound, goal)?;
        ffi_encode::write(&self.path, &mastered, self.encoding)?;
        loudness::measure(&ffi_decode::read(&self.path, self.sound.len())?)
    }
}

/// Repeats `attempt` until what it hears is at the target, or takes the nearest try under the true-peak target. A sound
/// that no try brings under it is refused: a peak over the limit is heard as distortion on somebody's player.
fn reach(
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

#[cfg(test)]
mod tests;
