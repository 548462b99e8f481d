//! A sound made longer or shorter with its pitch kept: overlapping windows of it, each where it goes on most naturally.
//!
//! WSOLA (W. Verhelst, M. Roelands: An overlap-add technique based on waveform similarity for high quality time-scale
//! modification of speech, ICASSP 1993). Neighbours: `sounds` says which sounds play at another speed; nothing here
//! knows of files or levels.

use crate::audio::pcm::Stereo;

/// Length of a window, in samples at 48 kHz (43 ms): two periods of the lowest voice.
const WINDOW: usize = 2048;
/// Windows overlap by half, so that raised cosines add up to one.
const HOP: usize = WINDOW / 2;
/// How far a window may be moved to go on where the one before left off.
const REACH: i64 = 640;
/// The first search looks at every so many samples, of which it compares every so many.
const COARSE: usize = 8;

/// The whole of `sound` in `length` samples, its pitch kept. The same length is the same sound.
pub(super) fn stretched(sound: &Stereo, length: usize) -> Stereo {
    if sound.len() == length || sound.len() == 0 {
        return sound.clone();
    }
    let heard: Vec<f32> = sound
        .left
        .iter()
        .zip(&sound.right)
        .map(|(left, right)| left + right)
        .collect();
    let speed = sound.len() as f64 / length as f64;
    let mut made = Stereo::silence(length + WINDOW);
    // The window before the first one is the sound before its own beginning: both together begin as the sound does.
    let mut from = -(HOP as i64);
    add(&mut made, sound, (from, 0));
    for step in 0..length.div_ceil(HOP) {
        let wanted = (step as f64 * HOP as f64 * speed).round() as i64;
        let natural = from + HOP as i64;
        from = if step == 0 {
            0
        } else {
            closest(&heard, natural, wanted)
        };
        add(&mut made, sound, (from, step * HOP + HOP));
    }
    // The first half window of what was made lies before the beginning.
    for channel in made.channels_mut() {
        channel.drain(..HOP);
        channel.truncate(length);
    }
    made
}

/// Adds the window that begins at `from` of the sound, which may lie outside it, at `to`.
fn add(made: &mut Stereo, sound: &Stereo, (from, to): (i64, usize)) {
    let taken = [&sound.left, &sound.right];
    for (into, samples) in made.channels_mut().into_iter().zip(taken) {
        for n in 0..WINDOW.min(into.len().saturating_sub(to)) {
            let turn = std::f32::consts::TAU * (n as f32 + 0.5) / WINDOW as f32;
            into[to + n] += at(samples, from + n as i64) * (0.5 - 0.5 * turn.cos());
        }
    }
}

fn at(samples: &[f32], place: i64) -> f32 {
    usize::try_from(place)
        .ok()
        .and_then(|place| samples.get(place))
        .copied()
        .unwrap_or(0.0)
}

/// The place near `wanted` whose sound is most like the one at `natural`.
fn closest(heard: &[f32], natural: i64, wanted: i64) -> i64 {
    let best = |places: &mut dyn Iterator<Item = i64>, every: usize| {
        let mut found = (wanted, f32::NEG_INFINITY);
        for place in places {
            let likeness = likeness(heard, (natural, place), every);
            if likeness > found.1 {
                found = (place, likeness);
            }
        }
        found.0
    };
    let step = COARSE as i64;
    let near = best(
        &mut (-REACH / step..=REACH / step).map(|n| wanted + n * step),
        COARSE,
    );
    best(&mut (near - step..=near + step), 1)
}

/// How alike two stretches of half a window are, whatever their loudness: -1 to 1.
fn likeness(heard: &[f32], (one, other): (i64, i64), every: usize) -> f32 {
    let (mut both, mut first, mut second) = (0.0f32, 1e-9f32, 1e-9f32);
    for n in (0..HOP as i64).step_by(every) {
        let (a, b) = (at(heard, one + n), at(heard, other + n));
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / (first * second).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f32, samples: usize) -> Stereo {
        let wave = |n: usize| 0.5 * (std::f32::consts::TAU * hertz * n as f32 / 48_000.0).sin();
        let left: Vec<f32> = (0..samples).map(wave).collect();
        Stereo {
            right: left.clone(),
            left,
        }
    }

    /// Times a second at which the sound rises through nothing, away from its ends.
    fn pitch(sound: &Stereo) -> f32 {
        let inner = &sound.left[4800..sound.len() - 4800];
        let rises = inner.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0);
        rises.count() as f32 * 48_000.0 / inner.len() as f32
    }

    #[test]
    fn the_pitch_stays_at_every_speed() {
        let sound = tone(220.0, 96_000);
        for length in [24_000, 48_000, 64_000, 120_000, 192_000, 384_000] {
            let made = stretched(&sound, length);
            assert_eq!((made.len(), made.right.len()), (length, length));
            let heard = pitch(&made);
            assert!((heard - 220.0).abs() < 4.0, "{length}: {heard} Hz");
            let loudest = made.left.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert!((0.47..0.56).contains(&loudest), "{length}: {loudest}");
        }
    }

    #[test]
    fn moments_stay_in_their_order_at_their_share_of_the_time() {
        let mut sound = Stereo::silence(96_000);
        for beat in 0..8 {
            let click = tone(1000.0, 1200);
            sound.add_at(&click, 6000 + beat * 12_000, 1.0);
        }
        for length in [48_000, 72_000, 160_000] {
            let made = stretched(&sound, length);
            for beat in 0..8 {
                let wanted = (6600 + beat * 12_000) * length / 96_000;
                let near = wanted.saturating_sub(1500)..(wanted + 1500).min(length);
                let loudest = made.left[near].iter().fold(0.0f32, |m, x| m.max(x.abs()));
                assert!(loudest > 0.2, "{length}: beat {beat} is {loudest}");
            }
        }
    }

    #[test]
    fn it_begins_as_the_sound_does_and_nothing_clicks() {
        let sound = tone(300.0, 48_000);
        let made = stretched(&sound, 30_000);
        for n in 0..512 {
            assert!((made.left[n] - sound.left[n]).abs() < 0.02, "{n}");
        }
        let steepest = |sound: &Stereo, to: usize| {
            let pairs = sound.left[..to].windows(2);
            pairs.fold(0.0f32, |most, w| most.max((w[1] - w[0]).abs()))
        };
        let (before, after) = (steepest(&sound, 48_000), steepest(&made, 28_000));
        assert!(after < before * 1.3, "{before} {after}");
    }

    #[test]
    fn the_same_length_is_the_same_sound() {
        let sound = tone(100.0, 3000);
        assert_eq!(stretched(&sound, 3000), sound);
        assert_eq!(stretched(&Stereo::silence(0), 3000).len(), 0);
    }
}
