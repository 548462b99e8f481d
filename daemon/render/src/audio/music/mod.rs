//! A music bed from a seed: our own composer and synthesiser, so a video has music without anybody's licence.
//!
//! `mood` says how a mood is written, `score` writes it, `instruments` and `room` play it, this file mixes and masters
//! it. The result is a whole number of bars and loops without a seam; it leaves room for speech between 1 and 4 kHz.

mod dice;
mod instruments;
mod mood;
mod room;
mod score;

use std::path::Path;

use fenta_workflows::action::{ActionFacts, ComposeMusicRequest};
use fenta_workflows::worker::WorkerFailure;

use self::dice::Dice;
use self::instruments::Tape;
use self::mood::{Mood, Sound};
use self::score::{BEATS, Score};
use super::error::AudioError;
use super::filter::Biquad;
use super::pcm::{Stereo, db_to_gain, raised_cosine};
use super::{AudioDone, RATE, loudness, wav};

/// File name of the result.
const OUTPUT: &str = "music.wav";
/// Loudness of the result.
const TARGET_LUFS: f64 = -20.0;
/// No sample of the result is above this.
const CEILING_DB: f64 = -3.0;
/// Where the soft clipping begins.
const KNEE_DB: f64 = -7.0;

/// Composes a music bed; the output `audio` is a stereo WAV whose loop points span it whole.
///
/// # Errors
/// A [`WorkerFailure`] when the mood is not known or a number is out of range.
pub fn compose_music(
    request: &ComposeMusicRequest,
    out_dir: &Path,
) -> Result<AudioDone, WorkerFailure> {
    let sound = compose(request)?;
    wav::write(&out_dir.join(OUTPUT), &[&sound.left, &sound.right], true)?;
    Ok(AudioDone::audio(OUTPUT, ActionFacts::None))
}

fn compose(request: &ComposeMusicRequest) -> Result<Stereo, AudioError> {
    check(request)?;
    let mood =
        mood::find(&request.mood).ok_or_else(|| AudioError::UnknownMood(request.mood.clone()))?;
    let bars = whole_bars(request.bpm, request.duration_ms);
    let score = score::write(mood, request.seed, bars);
    let sound = play(&score, mood, request);
    master(sound)
}

fn check(request: &ComposeMusicRequest) -> Result<(), AudioError> {
    if !(50..=180).contains(&request.bpm) {
        return Err(AudioError::OutOfRange {
            what: "the tempo",
            seen: format!("{} beats per minute", request.bpm),
            limit: "between 50 and 180 beats per minute",
        });
    }
    if !(1000..=600_000).contains(&request.duration_ms) {
        return Err(AudioError::OutOfRange {
            what: "the length of the music",
            seen: format!("{} ms", request.duration_ms),
            limit: "between 1000 and 600000 ms",
        });
    }
    Ok(())
}

/// The number of bars nearest to a length: in fours, then in ones where four would be far off.
fn whole_bars(bpm: u32, duration_ms: u32) -> usize {
    let bar_ms = BEATS as f64 * 60_000.0 / f64::from(bpm);
    let exact = f64::from(duration_ms) / bar_ms;
    let fours = (exact / 4.0).round() * 4.0;
    if exact >= 6.0 {
        fours as usize
    } else {
        exact.round().max(1.0) as usize
    }
}

fn play(score: &Score, mood: &Mood, request: &ComposeMusicRequest) -> Stereo {
    let samples_per_beat = RATE as f32 * 60.0 / request.bpm as f32;
    let samples = ((score.bars * BEATS) as f64 * f64::from(RATE) * 60.0 / f64::from(request.bpm))
        .round() as usize;
    let tape = || Tape::new(samples, samples_per_beat);
    let (mut pads, mut keys, mut bass, mut drums) = (tape(), tape(), tape(), tape());
    let mut dice = Dice::new(request.seed, 5);
    score.pads.iter().for_each(|note| pads.pad(note, &mut dice));
    score
        .keys
        .iter()
        .for_each(|note| keys.key(note, mood.sound.keys_index));
    score.bass.iter().for_each(|note| bass.bass(note));
    score
        .drums
        .iter()
        .for_each(|stroke| drums.drum(stroke, &mut dice));
    room::sweep(&mut pads.sound, mood.sound.pad_hz);
    let pulse = pulse(samples, samples_per_beat, mood.sound.pulse_db);
    pads.sound.shape(&pulse);
    bass.sound.shape(&pulse);
    blend(
        &mood.sound,
        [&pads.sound, &keys.sound, &bass.sound, &drums.sound],
    )
}

/// Adds the instruments and the room they stand in.
fn blend(sound: &Sound, [pads, keys, bass, drums]: [&Stereo; 4]) -> Stereo {
    let mut dry = Stereo::silence(pads.len());
    dry.add_at(pads, 0, sound.pad);
    dry.add_at(keys, 0, sound.keys);
    let mut send = dry.clone();
    send.add_at(drums, 0, sound.drums * 0.25);
    dry.add_at(bass, 0, sound.bass);
    dry.add_at(drums, 0, sound.drums);
    for channel in send.channels_mut() {
        Biquad::high_pass(220.0, 0.7).run_looped(channel);
    }
    dry.add_at(&room::reverb(&send, sound.reverb_s), 0, sound.reverb);
    dry
}

/// Pad and bass give way on each beat and swell back before the next.
fn pulse(samples: usize, samples_per_beat: f32, depth_db: f32) -> Vec<f32> {
    (0..samples)
        .map(|n| {
            let within = (n as f32 / samples_per_beat).fract();
            let fall = 1.0 - raised_cosine((within - 0.06) / 0.6);
            let ease = raised_cosine(within / 0.06);
            // The beat's end is already up, so the fall starts from full level without a step.
            db_to_gain(f64::from(-depth_db * fall * ease))
        })
        .collect()
}

/// Room for speech, no harshness, the house loudness, and a soft ceiling.
fn master(mut sound: Stereo) -> Result<Stereo, AudioError> {
    for channel in sound.channels_mut() {
        Biquad::high_pass(32.0, 0.7).run_looped(channel);
        Biquad::peaking(300.0, 0.9, -1.5).run_looped(channel);
        Biquad::peaking(2200.0, 0.7, -3.5).run_looped(channel);
        Biquad::high_shelf(7500.0, -2.5).run_looped(channel);
    }
    // Two rounds: the ceiling takes a little of the loudness away.
    for _ in 0..2 {
        let measured = loop_loudness(&sound)?;
        if measured.is_finite() {
            sound.scale(db_to_gain(TARGET_LUFS - measured));
        }
        soften(&mut sound);
    }
    Ok(sound)
}

/// Loudness of a loop that plays for a while; a short one has too few blocks to measure.
fn loop_loudness(sound: &Stereo) -> Result<f64, AudioError> {
    if sound.len() >= 3 * RATE as usize {
        return loudness::integrated(sound);
    }
    let mut longer = Stereo::silence(3 * RATE as usize);
    for start in (0..longer.len()).step_by(sound.len()) {
        longer.add_at(sound, start as i64, 1.0);
    }
    loudness::integrated(&longer)
}

/// Bends what is above the knee so that nothing passes the ceiling.
fn soften(sound: &mut Stereo) {
    let (knee, ceiling) = (db_to_gain(KNEE_DB), db_to_gain(CEILING_DB));
    let room = ceiling - knee;
    for channel in sound.channels_mut() {
        for sample in channel.iter_mut() {
            let over = sample.abs() - knee;
            if over > 0.0 {
                *sample = sample.signum() * (knee + room * (over / room).tanh());
            }
        }
    }
}

#[cfg(test)]
mod tests;
