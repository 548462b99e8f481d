//! The beat of a recording: how far beats are apart and when the first one falls.
//!
//! Music for short videos keeps one tempo, so a steady grid is looked for, not single beats: the rises of loudness in
//! three bands are laid over themselves at every distance a beat may have (autocorrelation with a preference for
//! usual tempos), and the grid that collects most of them is moved and stretched until it fits. Pure arithmetic, the
//! same on every machine. Neighbours: `ffi_decode` reads the recording; what cuts on beats is the template's business.

use std::collections::BTreeMap;
use std::path::Path;

use fenta_workflows::action::{ActionFacts, BeatFacts, FindBeatsRequest};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::WorkerFailure;

use super::error::AudioError;
use super::filter::Biquad;
use super::pcm::Stereo;
use super::{AudioDone, RATE, ffi_decode};

/// Samples between two values of the rises: 5 ms.
const HOP: usize = RATE as usize / 200;
/// Values a second.
const PER_SECOND: f64 = RATE as f64 / HOP as f64;
/// How much of a recording is listened to, seconds: a tempo does not become surer after that.
const LISTENED_S: usize = 240;
/// The shortest and longest beat, seconds: 190 and 55 beats per minute.
const BEAT_S: (f64, f64) = (60.0 / 190.0, 60.0 / 55.0);
/// The tempo people tap to most, beats per minute, and how far they go from it, octaves.
const USUAL_BPM: f64 = 110.0;
const SPREAD_OCTAVES: f64 = 0.9;
/// How much more bass there must be between the beats to take them for the beats.
const CLEARER: f64 = 1.2;

/// Looks for the beat of a recording.
///
/// # Errors
/// A [`WorkerFailure`] when it cannot be read.
pub fn find_beats(
    request: &FindBeatsRequest,
    blobs: &BTreeMap<Digest, String>,
) -> Result<AudioDone, WorkerFailure> {
    let path = blobs
        .get(&request.source)
        .ok_or(AudioError::BlobMissing(request.source))?;
    let longest = super::LONGEST;
    let sound = ffi_decode::read(Path::new(path), longest)?;
    Ok(AudioDone {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Beats(listen(&sound)),
    })
}

/// The beat of a sound; strength 0 where there is none.
fn listen(sound: &Stereo) -> BeatFacts {
    let length_us = sound.len() as u64 * 1_000_000 / u64::from(RATE);
    let none = BeatFacts {
        first_us: 0,
        beat_us: 500_000,
        strength_pm: 0,
        length_us,
    };
    let Rises { all: rises, low } = rises(sound);
    let mean = rises.iter().sum::<f64>() / rises.len().max(1) as f64;
    let Some(beat) = likely_beat(&rises).filter(|_| mean > 0.0) else {
        return none;
    };
    let mut grid = fitted(&rises, beat);
    // What falls between the beats is often louder than they are; the bass drum is on them.
    let off_beat = (grid.first + grid.beat / 2.0) % grid.beat;
    let bass = |first: f64| collected(&low, first, grid.beat, low.len() as f64);
    if bass(off_beat) > CLEARER * bass(grid.first) {
        grid.first = off_beat;
    }
    let micro = |values: f64| (values * 1e6 / PER_SECOND).round().max(0.0) as u64;
    BeatFacts {
        first_us: micro(grid.first),
        beat_us: micro(grid.beat).max(1),
        strength_pm: (grid.sum / mean * 1000.0).round() as u32,
        length_us,
    }
}

/// How much louder it becomes from each value to the next; what rises slowly does not count.
struct Rises {
    /// Over all bands.
    all: Vec<f64>,
    /// In the lowest one.
    low: Vec<f64>,
}

fn rises(sound: &Stereo) -> Rises {
    let heard = sound.len().min(LISTENED_S * RATE as usize);
    let whole: Vec<f32> = sound.left[..heard]
        .iter()
        .zip(&sound.right[..heard])
        .map(|(left, right)| 0.5 * (left + right))
        .collect();
    let mut middle = whole.clone();
    Biquad::high_pass(200.0, 0.7).run(&mut middle);
    let mut high = whole.clone();
    Biquad::high_pass(4000.0, 0.7).run(&mut high);
    let low: Vec<f32> = whole
        .iter()
        .zip(&middle)
        .map(|(all, rest)| all - rest)
        .collect();
    let low = band_rises(&low);
    let mut sum = low.clone();
    for band in [middle, high] {
        for (into, rise) in sum.iter_mut().zip(band_rises(&band)) {
            *into += rise;
        }
    }
    Rises {
        all: above_usual(&sum),
        low: above_usual(&low),
    }
}

/// What stands out of the half second around it.
fn above_usual(rises: &[f64]) -> Vec<f64> {
    let local = running_mean(rises, PER_SECOND as usize / 2);
    rises
        .iter()
        .zip(local)
        .map(|(rise, usual)| (rise - usual).max(0.0))
        .collect()
}

fn band_rises(band: &[f32]) -> Vec<f64> {
    let power: Vec<f64> = band
        .chunks_exact(HOP)
        .map(|chunk| chunk.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / HOP as f64)
        .collect();
    let loudest = power.iter().fold(0.0f64, |a, b| a.max(*b)).max(1e-12);
    // Loudness is heard about like this; the constant is the level below which nothing counts.
    let told: Vec<f64> = power
        .iter()
        .map(|p| (1.0 + 1000.0 * p / loudest).ln())
        .collect();
    // Against the value before the last: an attack takes up to two of them.
    (0..told.len())
        .map(|n| (told[n] - told[n.saturating_sub(2)]).max(0.0))
        .collect()
}

/// The mean of the values within `reach` of each.
fn running_mean(values: &[f64], reach: usize) -> Vec<f64> {
    let mut sums = vec![0.0; values.len() + 1];
    for (n, value) in values.iter().enumerate() {
        sums[n + 1] = sums[n] + value;
    }
    (0..values.len())
        .map(|n| {
            let (from, to) = (n.saturating_sub(reach), (n + reach + 1).min(values.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

/// The distance at which the rises fit best over themselves, in values; none for less than four beats of sound.
fn likely_beat(rises: &[f64]) -> Option<f64> {
    let (shortest, longest) = (
        (BEAT_S.0 * PER_SECOND) as usize,
        (BEAT_S.1 * PER_SECOND) as usize,
    );
    if rises.len() < 4 * longest {
        return None;
    }
    let alike = |lag: usize| -> f64 {
        let pairs = rises.iter().zip(&rises[lag..]);
        pairs.map(|(a, b)| a * b).sum::<f64>() / (rises.len() - lag) as f64
    };
    let curve: Vec<f64> = (0..=2 * longest + 2).map(alike).collect();
    // A beat is also heard at twice its distance; half of the beat's neighbours count for what lies between values.
    let near = |lag: usize| curve[lag] + 0.5 * (curve[lag - 1] + curve[lag + 1]);
    let score = |lag: usize| {
        let octaves = (60.0 * PER_SECOND / lag as f64 / USUAL_BPM).log2() / SPREAD_OCTAVES;
        (near(lag) + 0.5 * near(2 * lag)) * (-0.5 * octaves * octaves).exp()
    };
    (shortest..=longest)
        .max_by(|a, b| score(*a).total_cmp(&score(*b)))
        .filter(|lag| score(*lag) > 0.0)
        .map(|lag| lag as f64)
}

/// A grid of beats over the rises.
#[derive(Clone, Copy, Debug)]
struct Grid {
    first: f64,
    beat: f64,
    /// Mean of the rises at its beats.
    sum: f64,
}

/// The grid near a distance that collects most, found by ever finer steps.
fn fitted(rises: &[f64], beat: f64) -> Grid {
    let mut best = Grid {
        first: 0.0,
        beat,
        sum: -1.0,
    };
    // From a few beats to all of them: a wrong distance is seen the better the longer the grid is.
    let mut span = (16.0 * beat).min(rises.len() as f64);
    let (mut reach, mut first_reach) = (0.03 * beat, beat / 2.0);
    best.first = beat / 2.0;
    loop {
        let center = Grid { sum: -1.0, ..best };
        best = center;
        let beats = (span / beat).max(2.0);
        let (step, first_step) = ((0.5 / beats).min(reach), 0.5);
        let steps = |reach: f64, step: f64| {
            let count = (reach / step).ceil() as i64;
            (-count..=count).map(move |n| n as f64 * step)
        };
        for by in steps(reach, step) {
            for later in steps(first_reach, first_step) {
                let (first, beat) = (center.first + later, center.beat + by);
                let sum = collected(rises, first, beat, span);
                if sum > best.sum {
                    best = Grid { first, beat, sum };
                }
            }
        }
        if span >= rises.len() as f64 {
            break;
        }
        span = (span * 2.0).min(rises.len() as f64);
        (reach, first_reach) = (4.0 * step, 4.0);
    }
    let beats_before = (best.first / best.beat).floor();
    Grid {
        first: best.first - beats_before * best.beat,
        ..best
    }
}

/// Mean of the rises around the beats of a grid, the nearest ones most.
fn collected(rises: &[f64], first: f64, beat: f64, span: f64) -> f64 {
    let (mut sum, mut count, mut at) = (0.0, 0u32, first);
    while at < span {
        if at >= 0.0 {
            let place = at as usize;
            let value = |n: usize| rises.get(n).copied().unwrap_or(0.0);
            let part = at - place as f64;
            let before = place.checked_sub(1).map_or(0.0, value);
            sum += 0.5 * (before * (1.0 - part) + value(place + 2) * part)
                + value(place) * (1.0 - 0.5 * part)
                + value(place + 1) * (0.5 + 0.5 * part);
            count += 1;
        }
        at += beat;
    }
    sum / f64::from(count.max(1)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::compose_music;
    use fenta_workflows::action::ComposeMusicRequest;

    fn clicks(bpm: f64, first: f64, seconds: f64) -> Stereo {
        let mut left = vec![0.0f32; (seconds * 48e3) as usize];
        let mut state = 1u32;
        let mut at = first;
        while at < seconds {
            for n in 0..1200 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
                if let Some(sample) = left.get_mut((at * 48e3) as usize + n) {
                    *sample = noise * (-(n as f32) / 300.0).exp();
                }
            }
            at += 60.0 / bpm;
        }
        Stereo {
            right: left.clone(),
            left,
        }
    }

    /// Mean distance of the found beats from the true ones, seconds.
    fn off(found: BeatFacts, bpm: f64, first: f64, seconds: f64) -> f64 {
        let (mut at, mut sum, mut count) = (found.first_us as f64 / 1e6, 0.0, 0.0);
        while at < seconds {
            let beats = (at - first) * bpm / 60.0;
            sum += (beats - beats.round()).abs() * 60.0 / bpm;
            count += 1.0;
            at += found.beat_us as f64 / 1e6;
        }
        sum / f64::max(count, 1.0)
    }

    #[test]
    fn clicks_are_found_to_the_hundredth_of_a_second() {
        for (bpm, first) in [
            (60.0, 0.3),
            (93.5, 0.11),
            (120.0, 0.0),
            (128.0, 0.4),
            (174.0, 0.2),
        ] {
            let found = listen(&clicks(bpm, first, 30.0));
            let tempo = 6e7 / found.beat_us as f64;
            let times = (tempo / bpm).log2();
            assert!((times - times.round()).abs() < 0.001, "{bpm}: {tempo}");
            // Every second click may be taken for the beat.
            let wrong = off(found, bpm * times.round().max(0.0).exp2(), first, 30.0);
            assert!(wrong < 0.01, "{bpm}: {wrong} {found:?}");
            assert!(found.strength_pm > 2000, "{found:?}");
        }
    }

    #[test]
    fn composed_music_has_the_beat_it_was_composed_with() {
        for (mood, bpm) in [("driving", 124), ("uplifting", 104), ("driving", 90)] {
            let dir = tempfile::tempdir().unwrap();
            let request = ComposeMusicRequest {
                seed: 7,
                mood: mood.to_owned(),
                bpm,
                duration_ms: 30_000,
            };
            compose_music(&request, dir.path()).unwrap();
            let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap();
            let sound = ffi_decode::read(&file.unwrap().path(), usize::MAX).unwrap();
            let found = listen(&sound);
            let tempo = 6e7 / found.beat_us as f64;
            let times = (tempo / f64::from(bpm)).log2();
            println!("{mood} {bpm}: {tempo:.2}, {found:?}");
            assert!(
                (times - times.round()).abs() < 0.003,
                "{mood} {bpm}: {tempo}"
            );
            let wrong = off(
                found,
                f64::from(bpm) * times.round().max(0.0).exp2(),
                0.0,
                30.0,
            );
            assert!(wrong < 0.03, "{mood} {bpm}: {wrong} {found:?}");
        }
    }

    #[test]
    fn silence_and_moments_have_no_beat() {
        assert_eq!(listen(&Stereo::silence(48_000 * 20)).strength_pm, 0);
        assert_eq!(listen(&clicks(120.0, 0.0, 1.0)).strength_pm, 0);
        assert_eq!(listen(&Stereo::default()).strength_pm, 0);
    }

    #[test]
    fn noise_has_a_weaker_beat_than_music() {
        let mut state = 9u32;
        let left: Vec<f32> = (0..48_000 * 30)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        let noise = Stereo {
            right: left.clone(),
            left,
        };
        let found = listen(&noise);
        assert!(found.strength_pm < 2000, "{found:?}");
    }
}
