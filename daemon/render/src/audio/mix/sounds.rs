//! Sounds besides narration and music: what clips were recorded with, recordings beside the narration, effects.
//!
//! Each is cut out of its recording, faded at both ends, brought to its level against the voice and placed at its
//! sample. Neighbours: `mod` adds the stem up and says how loud the voice is; `ducking` has the curve that makes room.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use fenta_templates::timeline::{AUDIO_RATE, AudioPlan, SoundClip, SoundRole};
use fenta_workflows::digest::Digest;

use super::{Blobs, blob, stretch};
use crate::audio::error::AudioError;
use crate::audio::pcm::{Stereo, db_to_gain};
use crate::audio::speech::sounding;
use crate::audio::{LONGEST, RATE, ffi_decode, loudness};

/// The most a recording is raised to reach its level, dB: a quiet room's hiss is not made a roar.
const MOST_RAISE_DB: f64 = 12.0;
/// Silence kept around a sound whose silence is left out, in samples (20 ms).
const MARGIN: usize = RATE as usize / 50;

/// Both halves of the sounds: those that make room for speech, and those heard over everything.
pub(super) struct Sounds {
    pub(super) yielding: Stereo,
    pub(super) effects: Stereo,
}

/// A sound cut out of its recording, not yet faded or levelled.
struct Part<'a> {
    clip: &'a SoundClip,
    sound: Stereo,
}

/// The sounds of a plan, levelled against `reference` (LUFS); none where the plan has none.
pub(super) fn stem(
    plan: &AudioPlan,
    blobs: &Blobs,
    reference: f64,
    samples: usize,
) -> Result<Option<Sounds>, AudioError> {
    if plan.sounds.is_empty() {
        return Ok(None);
    }
    let parts = cut_out(plan, blobs, samples)?;
    let together = clip_levels(&parts, samples)?;
    let mut sounds = Sounds {
        yielding: Stereo::silence(samples),
        effects: Stereo::silence(samples),
    };
    for Part { clip, mut sound } in parts {
        let level = match clip.role {
            SoundRole::Clip => together[&clip.source],
            SoundRole::Under | SoundRole::Effect => loudness::integrated_short(&sound)?,
        };
        fade(&mut sound, clip);
        let gain = gain_db(level, reference, clip.gain_mb);
        let start = clip.start.rescaled_to(AUDIO_RATE).value;
        let into = match clip.role {
            SoundRole::Effect => &mut sounds.effects,
            SoundRole::Clip | SoundRole::Under => &mut sounds.yielding,
        };
        into.add_at(&sound, start, db_to_gain(gain));
    }
    Ok(Some(sounds))
}

/// Every recording is decoded once, as far as somebody hears it.
fn cut_out<'a>(
    plan: &'a AudioPlan,
    blobs: &Blobs,
    samples: usize,
) -> Result<Vec<Part<'a>>, AudioError> {
    let mut read: BTreeMap<Digest, Stereo> = BTreeMap::new();
    let mut parts = Vec::with_capacity(plan.sounds.len());
    for clip in &plan.sounds {
        let (from, room) = span(clip, samples)?;
        if let Entry::Vacant(unread) = read.entry(clip.source) {
            let wanted = plan
                .sounds
                .iter()
                .filter(|other| other.source == clip.source);
            let mut furthest = 0;
            for other in wanted {
                let (from, room) = span(other, samples)?;
                furthest = furthest.max(from + taken(other, room));
            }
            let path = blob(blobs, clip.source)?;
            let sound = ffi_decode::read_under_picture(path, furthest.min(LONGEST))?;
            unread.insert(sound);
        }
        let mut sound = piece(&read[&clip.source], from, taken(clip, room));
        if clip.trimmed {
            sound = without_silence(&sound);
        }
        if let Some(speed) = clip.speed_pm {
            let length = sound.len() as u64 * 1000 / u64::from(speed.max(1));
            sound = stretch::stretched(&sound, (length as usize).min(room));
        }
        parts.push(Part { clip, sound });
    }
    Ok(parts)
}

/// First sample of a recording and how many of them are heard.
fn span(clip: &SoundClip, samples: usize) -> Result<(usize, usize), AudioError> {
    let start = clip.start.rescaled_to(AUDIO_RATE).value;
    let from = clip.from.rescaled_to(AUDIO_RATE).value;
    let room = usize::try_from(start).map_or(0, |start| samples.saturating_sub(start));
    let (Ok(from), 1..) = (usize::try_from(from), room) else {
        return Err(AudioError::OutOfRange {
            what: "the start of a sound",
            seen: format!("sample {start} of the timeline, {from} of its recording"),
            limit: "inside the timeline and its recording",
        });
    };
    let length = clip.length.map_or(room, |length| {
        usize::try_from(length.rescaled_to(AUDIO_RATE).value).unwrap_or(0)
    });
    Ok((from, length.min(room)))
}

/// How many samples of its recording a sound takes that is heard for so many.
fn taken(clip: &SoundClip, heard: usize) -> usize {
    usize::try_from(clip.taken(heard as u64)).unwrap_or(usize::MAX / 4)
}

/// A span of a sound, shorter where the sound ends before.
fn piece(sound: &Stereo, from: usize, length: usize) -> Stereo {
    let from = from.min(sound.len());
    let to = (from + length).min(sound.len());
    Stereo {
        left: sound.left[from..to].to_vec(),
        right: sound.right[from..to].to_vec(),
    }
}

fn without_silence(sound: &Stereo) -> Stereo {
    let louder: Vec<f32> = sound
        .left
        .iter()
        .zip(&sound.right)
        .map(|(left, right)| left.abs().max(right.abs()))
        .collect();
    let heard = sounding(&louder, RATE);
    let from = heard.start.saturating_sub(MARGIN);
    piece(sound, from, heard.end + MARGIN - from)
}

/// The loudness of everything that is heard of one film: its parts keep their proportions.
fn clip_levels(parts: &[Part<'_>], samples: usize) -> Result<BTreeMap<Digest, f64>, AudioError> {
    let mut all: BTreeMap<Digest, Stereo> = BTreeMap::new();
    for part in parts
        .iter()
        .filter(|part| part.clip.role == SoundRole::Clip)
    {
        let heard = all.entry(part.clip.source).or_default();
        // One film's parts may be heard twice; more than the timeline's length says nothing new.
        if heard.len() < samples {
            heard.left.extend_from_slice(&part.sound.left);
            heard.right.extend_from_slice(&part.sound.right);
        }
    }
    all.into_iter()
        .map(|(source, sound)| Ok((source, loudness::integrated_short(&sound)?)))
        .collect()
}

/// What brings a sound of `level` to its place; silence stays as it is.
fn gain_db(level: f64, reference: f64, gain_mb: i32) -> f64 {
    if !level.is_finite() {
        return 0.0;
    }
    (reference - level).min(MOST_RAISE_DB) + f64::from(gain_mb) / 100.0
}

/// Fades of equal power at both ends, shortened together where the sound is shorter.
fn fade(sound: &mut Stereo, clip: &SoundClip) {
    let length = sound.len();
    let units = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
    let (rise, fall) = (units(clip.fade_in_ms), units(clip.fade_out_ms));
    let share = (length as f64 / (rise + fall).max(1) as f64).min(1.0);
    let (rise, fall) = (
        (rise as f64 * share) as usize,
        (fall as f64 * share) as usize,
    );
    let quarter =
        |n: usize, of: usize| (std::f32::consts::FRAC_PI_2 * (n as f32 + 0.5) / of as f32).sin();
    for channel in sound.channels_mut() {
        for (n, sample) in channel.iter_mut().take(rise).enumerate() {
            *sample *= quarter(n, rise);
        }
        for (n, sample) in channel.iter_mut().rev().take(fall).enumerate() {
            *sample *= quarter(n, fall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::time::RationalTime;

    fn clip(role: SoundRole) -> SoundClip {
        let at = |value| RationalTime::new(value, AUDIO_RATE);
        SoundClip {
            source: Digest {
                hash: [1; 32],
                size: 1,
            },
            role,
            start: at(0),
            from: at(0),
            length: None,
            gain_mb: 0,
            fade_in_ms: 0,
            fade_out_ms: 0,
            speed_pm: None,
            trimmed: false,
        }
    }

    fn flat(samples: usize) -> Stereo {
        Stereo {
            left: vec![1.0; samples],
            right: vec![1.0; samples],
        }
    }

    #[test]
    fn fades_over_the_same_span_keep_their_power() {
        let (mut out, mut into) = (flat(9600), flat(9600));
        fade(
            &mut out,
            &SoundClip {
                fade_out_ms: 200,
                ..clip(SoundRole::Clip)
            },
        );
        fade(
            &mut into,
            &SoundClip {
                fade_in_ms: 200,
                ..clip(SoundRole::Clip)
            },
        );
        for n in 0..9600 {
            let power = out.left[n].powi(2) + into.left[n].powi(2);
            assert!((power - 1.0).abs() < 1e-4, "{n}: {power}");
        }
    }

    #[test]
    fn fades_longer_than_the_sound_share_it() {
        let mut sound = flat(100);
        let long = SoundClip {
            fade_in_ms: 1000,
            fade_out_ms: 1000,
            ..clip(SoundRole::Effect)
        };
        fade(&mut sound, &long);
        assert!(sound.left[0] < 0.1 && sound.left[99] < 0.1);
        assert!(sound.left[49] > 0.9);
    }

    #[test]
    fn quiet_sounds_are_raised_only_so_far() {
        assert_eq!(gain_db(-30.0, -20.0, -600), 4.0);
        assert_eq!(gain_db(-60.0, -20.0, 0), 12.0);
        assert_eq!(gain_db(-10.0, -20.0, -300), -13.0);
        assert_eq!(gain_db(f64::NEG_INFINITY, -20.0, 0), 0.0);
    }

    #[test]
    fn silence_around_a_sound_is_left_out() {
        let mut sound = Stereo::silence(48_000);
        for n in 10_000..20_000 {
            sound.right[n] = if n % 2 == 0 { 0.5 } else { -0.5 };
        }
        let kept = without_silence(&sound);
        assert!(
            kept.len().abs_diff(10_000 + 2 * MARGIN) < 500,
            "{}",
            kept.len()
        );
        assert_eq!(without_silence(&Stereo::silence(10)).len(), 10);
    }

    #[test]
    fn what_lies_outside_is_refused_and_what_sticks_out_is_cut() {
        let at = |value| RationalTime::new(value, AUDIO_RATE);
        let mut late = clip(SoundRole::Effect);
        late.start = at(100);
        assert!(span(&late, 100).is_err());
        assert_eq!(span(&late, 150).unwrap(), (0, 50));
        late.length = Some(at(20));
        late.from = at(7);
        assert_eq!(span(&late, 150).unwrap(), (7, 20));
        assert_eq!(piece(&flat(10), 7, 20).len(), 3);
        assert_eq!(piece(&flat(10), 70, 20).len(), 0);
    }
}
