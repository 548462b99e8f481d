//! A sound made longer or shorter with its pitch kept: overlapping windows of it, each where it goes on most naturally.
//!
//! WSOLA (W. Verhelst, M. Roelands: An overlap-add technique based on waveform similarity for high quality time-scale
//! modification of speech, ICASSP 1993). Neighbours: `sounds` says which sounds play at another speed; nothing here
//! knows of files or levels.

use crate::audio::error::AudioError;
use crate::audio::pcm::Stereo;

/// Length of a window, in samples at 48 kHz (43 ms): two periods of the lowest voice.
const WINDOW: usize = 2048;
/// Windows overlap by half, so that raised cosines add up to one.
const HOP: usize = WINDOW / 2;
/// How far a window may be moved to go on where the one before left off.
const REACH: i64 = 640;
/// The first search looks at every so many samples, of which it compares every so many.
const COARSE: usize = 8;

/// Reads samples of a sound from a place on, so many, silence where that lies outside of it.
pub(super) type Reader<'a> = &'a mut dyn FnMut((i64, usize), &mut Stereo) -> Result<(), AudioError>;

/// The whole of a sound of `samples` samples in `length`, its pitch kept, given to `sink` piece by piece. Neither may be
/// nothing.
pub(super) fn stretch(
    (samples, length): (usize, usize),
    read: Reader<'_>,
    sink: &mut dyn FnMut(&Stereo) -> Result<(), AudioError>,
) -> Result<(), AudioError> {
    let speed = samples as f64 / length as f64;
    let (mut near, mut natural) = (Stereo::default(), Stereo::default());
    // What the windows add up to; its first half is finished.
    let mut made = Stereo::silence(WINDOW);
    // The window before the first one is the sound before its own beginning: both together begin as the sound does.
    let mut from = -(HOP as i64);
    read((from, WINDOW), &mut near)?;
    add(&mut made, &near, 0);
    for step in 0..length.div_ceil(HOP) {
        // The first half window of what was made lies before the beginning, or was given.
        made.drop_first(HOP);
        made.resize(WINDOW);
        let wanted = (step as f64 * HOP as f64 * speed).round() as i64;
        let first = if step == 0 {
            0
        } else {
            wanted - REACH - COARSE as i64
        };
        let wide = (2 * (REACH as usize + COARSE)) * usize::from(step > 0);
        read((first, wide + WINDOW), &mut near)?;
        from = if step == 0 {
            0
        } else {
            read((from + HOP as i64, HOP), &mut natural)?;
            let (heard, searched) = (both(&natural), both(&near));
            first + closest(&heard, &searched, wanted - first)
        };
        add(&mut made, &near, (from - first) as usize);
        let given = HOP.min(length - step * HOP);
        sink(&made.part(0, given))?;
    }
    Ok(())
}

fn both(sound: &Stereo) -> Vec<f32> {
    let sides = sound.left.iter().zip(&sound.right);
    sides.map(|(left, right)| left + right).collect()
}

/// Adds the window that begins at `from` of what was read.
fn add(made: &mut Stereo, sound: &Stereo, from: usize) {
    let taken = [&sound.left, &sound.right];
    for (into, samples) in made.channels_mut().into_iter().zip(taken) {
        for (n, (sum, sample)) in into
            .iter_mut()
            .zip(&samples[from..from + WINDOW])
            .enumerate()
        {
            let turn = std::f32::consts::TAU * (n as f32 + 0.5) / WINDOW as f32;
            *sum += sample * (0.5 - 0.5 * turn.cos());
        }
    }
}

/// The place near `wanted` of what was read whose sound is most like `natural`.
fn closest(natural: &[f32], near: &[f32], wanted: i64) -> i64 {
    let best = |places: &mut dyn Iterator<Item = i64>, every: usize| {
        let mut found = (wanted, f32::NEG_INFINITY);
        for place in places {
            let likeness = likeness(natural, &near[place as usize..], every);
            if likeness > found.1 {
                found = (place, likeness);
            }
        }
        found.0
    };
    let step = COARSE as i64;
    let about = best(
        &mut (-REACH / step..=REACH / step).map(|n| wanted + n * step),
        COARSE,
    );
    best(&mut (about - step..=about + step), 1)
}

/// How alike two stretches of half a window are, whatever their loudness: -1 to 1.
fn likeness(one: &[f32], other: &[f32], every: usize) -> f32 {
    let (mut both, mut first, mut second) = (0.0f32, 1e-9f32, 1e-9f32);
    for (a, b) in one[..HOP].iter().zip(&other[..HOP]).step_by(every) {
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / (first * second).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretched(sound: &Stereo, length: usize) -> Stereo {
        let mut made = Stereo::default();
        let mut read = |(start, count): (i64, usize), block: &mut Stereo| {
            *block = Stereo::silence(count);
            block.add_at(sound, -start, 1.0);
            Ok(())
        };
        let mut sink = |block: &Stereo| {
            made.extend(block);
            Ok(())
        };
        stretch((sound.len(), length), &mut read, &mut sink).unwrap();
        made
    }

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
}
