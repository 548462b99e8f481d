//! How the music makes room for speech: a gain curve computed from the times of the words.
//!
//! Exact: no detector, hence no pumping, and the same curve on every machine.

use fenta_templates::time::TimeRange;
use fenta_templates::timeline::{AUDIO_RATE, Ducking};

use crate::audio::RATE;
use crate::audio::pcm::raised_cosine;

/// A span in samples in which the music must be down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passage {
    start: i64,
    end: i64,
}

/// The music's gain for each sample of a timeline, made when it is asked for.
///
/// Decibels follow a raised cosine down (`attack_ms`, beginning `lookahead_ms` before the first word) and up again
/// (`release_ms`, beginning `hold_ms` after the last). Pauses shorter than `bridge_ms` stay down. Where a rise and the
/// next fall overlap, the lower gain counts.
pub(crate) struct Room {
    passages: Vec<Passage>,
    lookahead: i64,
    hold: i64,
    attack: i64,
    release: i64,
    deepest_db: f64,
}

impl Room {
    pub(crate) fn new(speech: &[TimeRange], ducking: &Ducking) -> Self {
        Self {
            passages: passages(speech, ducking.bridge_ms),
            lookahead: units(ducking.lookahead_ms),
            hold: units(ducking.hold_ms),
            attack: units(ducking.attack_ms),
            release: units(ducking.release_ms),
            deepest_db: f64::from(ducking.depth_mb.min(0)) / 100.0,
        }
    }

    /// The gains of `count` samples from `at` on.
    pub(crate) fn gains(&self, at: usize, count: usize) -> Vec<f32> {
        let (first, last) = (at as i64, (at + count) as i64);
        let mut depth = vec![0.0f32; count];
        for passage in &self.passages {
            let down = passage.start - self.lookahead;
            let up = passage.end + self.hold;
            for n in down.max(first)..(up + self.release).min(last) {
                let fallen = ramp(n - down, self.attack);
                let risen = ramp(n - up, self.release);
                let at = &mut depth[(n - first) as usize];
                *at = at.max(fallen.min(1.0 - risen));
            }
        }
        // Most samples are as deep as the one before.
        let mut before = (0.0, 1.0);
        for share in &mut depth {
            if share.to_bits() != f32::to_bits(before.0) {
                before = (*share, gain(*share, self.deepest_db));
            }
            *share = before.1;
        }
        depth
    }
}

fn gain(share: f32, deepest_db: f64) -> f32 {
    if share == 0.0 {
        1.0
    } else {
        crate::audio::pcm::db_to_gain(f64::from(share) * deepest_db)
    }
}

/// How far a ramp has come after `done` of `length` samples.
fn ramp(done: i64, length: i64) -> f32 {
    if done < 0 {
        return 0.0;
    }
    if done >= length {
        return 1.0;
    }
    raised_cosine(done as f32 / length as f32)
}

/// Spans of speech with the short pauses between them closed.
fn passages(speech: &[TimeRange], bridge_ms: u32) -> Vec<Passage> {
    let mut out: Vec<Passage> = Vec::new();
    for range in speech {
        let start = range.start.rescaled_to(AUDIO_RATE).value;
        let end = start + range.duration.rescaled_to(AUDIO_RATE).value;
        match out.last_mut() {
            Some(last) if start - last.end < units(bridge_ms) => last.end = last.end.max(end),
            _ => out.push(Passage { start, end }),
        }
    }
    out
}

fn units(ms: u32) -> i64 {
    i64::from(ms) * i64::from(RATE) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pcm::gain_to_db;

    fn ducking_curve(speech: &[TimeRange], ducking: &Ducking, samples: usize) -> Vec<f32> {
        let room = Room::new(speech, ducking);
        let whole = room.gains(0, samples);
        for size in [1000, 4801] {
            let blocks = (0..samples).step_by(size);
            let blocks = blocks.flat_map(|at| room.gains(at, size.min(samples - at)));
            assert!(blocks.eq(whole.iter().copied()), "in blocks of {size}");
        }
        whole
    }

    fn spans(seconds: &[(f64, f64)]) -> Vec<TimeRange> {
        seconds
            .iter()
            .map(|(start, end)| {
                TimeRange::from_units((start * 48e3) as i64, (end * 48e3) as i64, AUDIO_RATE)
            })
            .collect()
    }

    fn db_at(curve: &[f32], seconds: f64) -> f64 {
        gain_to_db(curve[(seconds * 48e3) as usize])
    }

    #[test]
    fn the_fall_begins_before_the_word_and_ends_after_it_began() {
        let curve = ducking_curve(&spans(&[(1.0, 2.0)]), &Ducking::default(), 48_000 * 4);
        assert_eq!(db_at(&curve, 0.919), 0.0);
        assert!(db_at(&curve, 0.922) < 0.0);
        assert!((db_at(&curve, 0.98) + 6.0).abs() < 0.01);
        assert!((db_at(&curve, 1.04) + 12.0).abs() < 0.01);
        assert!((db_at(&curve, 2.249) + 12.0).abs() < 0.01);
        assert!((db_at(&curve, 2.475) + 6.0).abs() < 0.01);
        assert_eq!(db_at(&curve, 2.7), 0.0);
    }

    #[test]
    fn short_pauses_stay_down_and_long_ones_rise() {
        let ducking = Ducking::default();
        let bridged = ducking_curve(&spans(&[(1.0, 2.0), (2.59, 3.0)]), &ducking, 48_000 * 4);
        assert!((db_at(&bridged, 2.45) + 12.0).abs() < 0.01);
        let open = ducking_curve(&spans(&[(1.0, 2.0), (3.5, 4.0)]), &ducking, 48_000 * 5);
        assert_eq!(db_at(&open, 3.0), 0.0);
        assert!((db_at(&open, 3.6) + 12.0).abs() < 0.01);
    }

    #[test]
    fn an_overlapping_rise_and_fall_take_the_lower_gain() {
        let ducking = Ducking::default();
        let curve = ducking_curve(&spans(&[(1.0, 2.0), (2.62, 3.0)]), &ducking, 48_000 * 4);
        let first = ducking_curve(&spans(&[(1.0, 2.0)]), &ducking, 48_000 * 4);
        let second = ducking_curve(&spans(&[(2.62, 3.0)]), &ducking, 48_000 * 4);
        for n in 0..curve.len() {
            assert_eq!(curve[n], first[n].min(second[n]));
        }
        let highest = curve[96_000..130_000].iter().fold(0.0f32, |a, b| a.max(*b));
        assert!(gain_to_db(highest) < -2.0);
    }

    #[test]
    fn the_curve_has_no_steps() {
        let speech = spans(&[(0.0, 0.4), (1.2, 1.9), (3.0, 3.8)]);
        let curve = ducking_curve(&speech, &Ducking::default(), 48_000 * 4);
        let steepest = curve
            .windows(2)
            .skip(1)
            .fold(0.0f32, |worst, pair| worst.max((pair[1] - pair[0]).abs()));
        assert!(steepest < 5e-4, "{steepest}");
        assert!(curve[0] < 0.5, "speech from the start finds the music down");
    }

    #[test]
    fn nothing_spoken_leaves_the_music_alone() {
        assert_eq!(ducking_curve(&[], &Ducking::default(), 3), [1.0, 1.0, 1.0]);
        let square = Ducking {
            attack_ms: 0,
            release_ms: 0,
            lookahead_ms: 0,
            hold_ms: 0,
            ..Ducking::default()
        };
        let curve = ducking_curve(&spans(&[(0.5, 1.0)]), &square, 48_000 * 2);
        assert_eq!(curve[23_999], 1.0);
        assert!((gain_to_db(curve[24_000]) + 12.0).abs() < 0.01);
        assert_eq!(curve[48_000], 1.0);
    }
}
