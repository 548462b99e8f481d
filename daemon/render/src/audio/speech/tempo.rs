//! Speech made faster or slower at its own pitch: overlapping pieces of it, each taken where it continues the one
//! before best.
//!
//! Waveform similarity overlap-add after Verhelst and Roelands (1993). Pure, at 48 kHz; the same on every machine.

use crate::audio::RATE;

/// Samples of a piece: 30 ms holds two periods of a deep voice.
const PIECE: usize = RATE as usize * 30 / 1000;
/// Samples from one piece to the next in what comes out.
const HOP: usize = PIECE / 2;
/// How far a piece may lie from where it is due, samples.
const REACH: usize = RATE as usize * 8 / 1000;
/// First every so many places are tried, then those around the best.
const COARSE: usize = 8;

/// The sound at so many permille of its tempo.
pub(super) fn change(sound: &[f32], tempo_pm: u32) -> Vec<f32> {
    if tempo_pm == 1000 || sound.len() < 2 * PIECE {
        return sound.to_vec();
    }
    let length = (sound.len() as u64 * 1000 / u64::from(tempo_pm)) as usize;
    let mut out = vec![0.0; length + PIECE];
    let mut start = 0;
    for number in 0.. {
        let at = number * HOP;
        if at >= length {
            break;
        }
        if number > 0 {
            let due = (at as u64 * u64::from(tempo_pm) / 1000) as usize;
            start = best(sound, due, start + HOP);
        }
        for n in 0..PIECE {
            let phase = std::f32::consts::TAU * n as f32 / PIECE as f32;
            // The first half of the first piece has nothing to be faded over.
            let gain = match number == 0 && n < HOP {
                true => 1.0,
                false => 0.5 - 0.5 * phase.cos(),
            };
            out[at + n] += gain * sound.get(start + n).copied().unwrap_or(0.0);
        }
    }
    out.truncate(length);
    out
}

/// The place near `due` whose sound is most like the one that would follow by itself.
fn best(sound: &[f32], due: usize, natural: usize) -> usize {
    let last = sound.len().saturating_sub(HOP);
    let wanted = &sound[natural.min(last)..(natural + HOP).min(sound.len())];
    let (from, to) = (due.saturating_sub(REACH), (due + REACH).min(last));
    let likeness = |at: usize| {
        let piece = &sound[at.min(last)..];
        let (mut product, mut energy) = (0.0f32, 1e-9f32);
        for (a, b) in wanted.iter().zip(piece).step_by(2) {
            product += a * b;
            energy += b * b;
        }
        product / energy.sqrt()
    };
    let best_of = |places: &mut dyn Iterator<Item = usize>| {
        places
            .map(|at| (at, likeness(at)))
            .fold((due.min(last), f32::NEG_INFINITY), |best, one| {
                if one.1 > best.1 { one } else { best }
            })
            .0
    };
    if from >= to {
        return due.min(last);
    }
    let rough = best_of(&mut (from..=to).step_by(COARSE));
    let (low, high) = (
        rough.saturating_sub(COARSE).max(from),
        (rough + COARSE).min(to),
    );
    best_of(&mut (low..=high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, seconds: f32) -> Vec<f32> {
        (0..(seconds * RATE as f32) as usize)
            .map(|n| (std::f32::consts::TAU * hz * n as f32 / RATE as f32).sin() * 0.5)
            .collect()
    }

    fn crossings(sound: &[f32]) -> usize {
        sound
            .windows(2)
            .filter(|pair| pair[0] <= 0.0 && pair[1] > 0.0)
            .count()
    }

    #[test]
    fn a_tone_gets_shorter_and_keeps_its_pitch_and_level() {
        let sound = tone(180.0, 2.0);
        for tempo in [800, 1150, 1400] {
            let out = change(&sound, tempo);
            let seconds = out.len() as f32 / RATE as f32;
            assert!((seconds - 2000.0 / tempo as f32).abs() < 0.001, "{seconds}");
            let pitch = crossings(&out) as f32 / seconds;
            assert!((pitch - 180.0).abs() < 3.0, "{tempo}: {pitch}");
            let middle = &out[out.len() / 4..out.len() / 2];
            let peak = middle.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!((peak - 0.5).abs() < 0.03, "{tempo}: {peak}");
        }
    }

    #[test]
    fn places_move_with_the_tempo() {
        let mut sound = vec![0.0; RATE as usize];
        let click = tone(400.0, 0.1);
        sound[24_000..24_000 + click.len()].copy_from_slice(&click);
        let out = change(&sound, 1250);
        let first = out.iter().position(|s| s.abs() > 0.1).unwrap();
        assert!(first.abs_diff(19_200) < 960, "{first}");
    }

    #[test]
    fn the_own_tempo_and_very_short_sounds_stay() {
        assert_eq!(change(&[0.5; 100], 1300), [0.5; 100]);
        let sound = tone(100.0, 0.2);
        assert_eq!(change(&sound, 1000), sound);
        assert!(change(&[], 1200).is_empty());
    }
}
