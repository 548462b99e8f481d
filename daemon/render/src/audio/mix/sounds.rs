//! Sounds besides narration and music: what clips were recorded with, recordings beside the narration, effects.
//!
//! Each is cut out of its recording, given fades at both ends and its level against the voice, and placed at its sample.
//! Neighbours: `desk` adds them up and says how loud the voice is; `ducking` has the curve that makes room.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use fenta_templates::timeline::{AUDIO_RATE, AudioPlan, SoundClip, SoundRole};
use fenta_workflows::digest::Digest;

use super::bus::Placed;
use super::desk::record;
use super::stretch::stretch;
use super::{Blobs, blob};
use crate::audio::error::AudioError;
use crate::audio::pcm::db_to_gain;
use crate::audio::speech::Windows;
use crate::audio::spool::{Spool, Take};
use crate::audio::{LONGEST, RATE, ffi_decode, loudness};

/// The most a recording is raised to reach its level, dB: a quiet room's hiss is not made a roar.
const MOST_RAISE_DB: f64 = 12.0;
/// Silence kept around a sound whose silence is left out, in samples (20 ms).
const MARGIN: usize = RATE as usize / 50;

/// Both halves of the sounds: those that make room for speech, and those heard over everything.
#[derive(Default)]
pub(super) struct Sounds {
    pub(super) yielding: Vec<Placed>,
    pub(super) effects: Vec<Placed>,
}

/// A sound cut out of its recording, not yet faded or levelled.
struct Part<'a> {
    clip: &'a SoundClip,
    take: Take,
}

/// What of a recording lies on the tape.
#[derive(Clone, Copy)]
struct Source {
    take: Take,
    /// Its first sample that does.
    from: usize,
}

/// The tape, and the samples of a block that is read of it.
type Tape<'a> = (&'a Spool, usize);

/// The sounds of a plan, levelled against `reference` (LUFS); none where the plan has none.
pub(super) fn place(
    plan: &AudioPlan,
    blobs: &Blobs,
    reference: f64,
    samples: usize,
    tape: Tape<'_>,
) -> Result<Option<Sounds>, AudioError> {
    if plan.sounds.is_empty() {
        return Ok(None);
    }
    let parts = cut_out(plan, blobs, samples, tape)?;
    let together = clip_levels(&parts, samples, tape)?;
    let mut sounds = Sounds::default();
    for Part { clip, take } in parts {
        let level = match clip.role {
            SoundRole::Clip => together[&clip.source],
            SoundRole::Under | SoundRole::Effect => level(&[take], tape)?,
        };
        let into = match clip.role {
            SoundRole::Effect => &mut sounds.effects,
            SoundRole::Clip | SoundRole::Under => &mut sounds.yielding,
        };
        let start = clip.start.rescaled_to(AUDIO_RATE).value;
        let (rise, fall) = fades(clip, take.len);
        into.push(Placed {
            take,
            start: usize::try_from(start).unwrap_or(0),
            gain: db_to_gain(gain_db(level, reference, clip.gain_mb)),
            rise,
            fall,
        });
    }
    Ok(Some(sounds))
}

/// Every recording is decoded once, as far as somebody hears it.
fn cut_out<'a>(
    plan: &'a AudioPlan,
    blobs: &Blobs,
    samples: usize,
    tape: Tape<'_>,
) -> Result<Vec<Part<'a>>, AudioError> {
    let mut read: BTreeMap<Digest, Source> = BTreeMap::new();
    let mut parts = Vec::with_capacity(plan.sounds.len());
    for clip in &plan.sounds {
        let (from, room) = span(clip, samples)?;
        let source = match read.entry(clip.source) {
            Entry::Occupied(read) => *read.get(),
            Entry::Vacant(unread) => {
                *unread.insert(source(plan, blobs, (clip.source, samples), tape.0)?)
            }
        };
        let mut take = source.take.part(from - source.from, taken(clip, room));
        if clip.trimmed {
            take = without_silence(take, tape)?;
        }
        if let Some(speed) = clip.speed_pm {
            let length = take.len as u64 * 1000 / u64::from(speed.max(1));
            take = stretched(take, (length as usize).min(room), tape.0)?;
        }
        parts.push(Part { clip, take });
    }
    Ok(parts)
}

/// Puts what is heard of a recording on the tape.
fn source(
    plan: &AudioPlan,
    blobs: &Blobs,
    (digest, samples): (Digest, usize),
    tape: &Spool,
) -> Result<Source, AudioError> {
    let (mut first, mut furthest) = (usize::MAX, 0);
    for clip in plan.sounds.iter().filter(|clip| clip.source == digest) {
        let (from, room) = span(clip, samples)?;
        first = first.min(from);
        furthest = furthest.max(from + taken(clip, room));
    }
    let path = blob(blobs, digest)?;
    let mut at = 0;
    let take = record(tape, |sink| {
        ffi_decode::play_under_picture(path, furthest.min(LONGEST), &mut |block| {
            let before = first.saturating_sub(at).min(block.len());
            at += block.len();
            if before == 0 {
                return sink(block);
            }
            sink(&block.part(before, block.len() - before))
        })
    })?;
    Ok(Source { take, from: first })
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

fn without_silence(take: Take, (tape, size): Tape<'_>) -> Result<Take, AudioError> {
    let mut windows = Windows::new(RATE);
    tape.play(take, size, &mut |block| {
        let sides = block.left.iter().zip(&block.right);
        windows.add(sides.map(|(left, right)| left.abs().max(right.abs())));
        Ok(())
    })?;
    let heard = windows.sounding();
    let from = heard.start.saturating_sub(MARGIN);
    Ok(take.part(from, heard.end + MARGIN - from))
}

/// A sound at another speed, behind everything on the tape. The same length is the same sound.
fn stretched(take: Take, length: usize, tape: &Spool) -> Result<Take, AudioError> {
    if take.len == length || take.len == 0 {
        return Ok(take);
    }
    record(tape, |sink| {
        let mut read = |span: (i64, usize), block: &mut _| tape.read(take, span, block);
        stretch((take.len, length), &mut read, sink).map(|()| length)
    })
}

/// The loudness of sounds that are heard one after another, which may be short.
fn level(takes: &[Take], (tape, size): Tape<'_>) -> Result<f64, AudioError> {
    let samples = takes.iter().map(|take| take.len).sum();
    loudness::integrated_short(samples, &mut |meter| {
        takes
            .iter()
            .try_for_each(|take| tape.play(*take, size, &mut |block| meter.add(block)))
    })
}

/// The loudness of everything that is heard of one film: its parts keep their proportions.
fn clip_levels(
    parts: &[Part<'_>],
    samples: usize,
    tape: Tape<'_>,
) -> Result<BTreeMap<Digest, f64>, AudioError> {
    let mut all: BTreeMap<Digest, Vec<Take>> = BTreeMap::new();
    for part in parts
        .iter()
        .filter(|part| part.clip.role == SoundRole::Clip)
    {
        let heard = all.entry(part.clip.source).or_default();
        // One film's parts may be heard twice; more than the timeline's length says nothing new.
        if heard.iter().map(|take| take.len).sum::<usize>() < samples {
            heard.push(part.take);
        }
    }
    all.into_iter()
        .map(|(source, takes)| Ok((source, level(&takes, tape)?)))
        .collect()
}

/// What brings a sound of `level` to its place; silence stays as it is.
fn gain_db(level: f64, reference: f64, gain_mb: i32) -> f64 {
    if !level.is_finite() {
        return 0.0;
    }
    (reference - level).min(MOST_RAISE_DB) + f64::from(gain_mb) / 100.0
}

/// Lengths of the fades of a sound of so many samples, shortened together where it is shorter.
fn fades(clip: &SoundClip, length: usize) -> (usize, usize) {
    let units = |ms: u32| u64::from(ms) * u64::from(RATE) / 1000;
    let (rise, fall) = (units(clip.fade_in_ms), units(clip.fade_out_ms));
    let share = (length as f64 / (rise + fall).max(1) as f64).min(1.0);
    (
        (rise as f64 * share) as usize,
        (fall as f64 * share) as usize,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pcm::Stereo;
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

    #[test]
    fn fades_longer_than_the_sound_share_it() {
        let long = SoundClip {
            fade_in_ms: 1000,
            fade_out_ms: 3000,
            ..clip(SoundRole::Effect)
        };
        assert_eq!(fades(&long, 100), (25, 75));
        assert_eq!(fades(&long, 500_000), (48_000, 144_000));
        assert_eq!(fades(&clip(SoundRole::Clip), 100), (0, 0));
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
        let dir = tempfile::tempdir().unwrap();
        let tape = Spool::create(dir.path()).unwrap();
        tape.append(&sound).unwrap();
        for size in [1000, 48_000] {
            let kept = without_silence(tape.whole(), (&tape, size)).unwrap();
            let wanted = 10_000 + 2 * MARGIN;
            assert!(kept.len.abs_diff(wanted) < 500, "{kept:?}");
            assert!(kept.from.abs_diff(10_000 - MARGIN) < 300, "{kept:?}");
        }
        let silence = tape.whole().part(0, 10);
        assert_eq!(without_silence(silence, (&tape, 7)).unwrap().len, 10);
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
    }
}
