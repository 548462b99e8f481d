//! The beat of a recording: when the first one falls, how far they are apart, and what happens where it repeats.
//!
//! Composed music knows its own, recordings are listened to (`Action::FindBeats`). Integers, so that the same music
//! gives the same cuts on every machine.

use serde::{Deserialize, Serialize};

/// A steady beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tempo {
    /// When the first beat falls, microseconds from the start of the recording.
    pub first_us: u64,
    /// From one beat to the next, microseconds; more than none.
    pub beat_us: u64,
    /// When the recording begins again in a longer cut, microseconds; none where the beat goes on over the seam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_us: Option<u64>,
}

/// Cross-fade of a bed that repeats, microseconds; the renderer overlaps end and beginning by it.
const CROSS_FADE_US: u64 = 1_000_000;

impl Tempo {
    /// The tempo of music composed at so many beats a minute: it starts on a beat and repeats after whole bars.
    pub const fn composed(beats_per_minute: u32) -> Self {
        Self {
            first_us: 0,
            beat_us: 60_000_000 / beats_per_minute as u64,
            again_us: None,
        }
    }

    /// The tempo of a recording of a length, which is cross-faded with itself where it repeats.
    pub fn recorded(first_us: u64, beat_us: u64, length_us: u64) -> Self {
        let overlap = CROSS_FADE_US.min(length_us / 4);
        Self {
            first_us,
            beat_us,
            again_us: Some((length_us - overlap).max(1)),
        }
    }

    /// Every beat before a time, milliseconds, in order.
    pub fn beats(&self, until_ms: u32) -> Vec<u32> {
        let until = u64::from(until_ms) * 1000;
        let pass = self.again_us.unwrap_or(u64::MAX).max(1);
        let step = self.beat_us.max(1000);
        let mut beats = Vec::new();
        let mut begun = 0u64;
        while begun < until {
            let end = pass.min(until - begun);
            let mut at = self.first_us;
            while at < end {
                beats.push(((begun + at + 500) / 1000) as u32);
                at += step;
            }
            begun = begun.saturating_add(pass);
        }
        beats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_beat_goes_on_over_the_seam() {
        let beats = Tempo::composed(120).beats(2_100);
        assert_eq!(beats, [0, 500, 1000, 1500, 2000]);
        let late = Tempo::composed(97).beats(30 * 60 * 1000);
        let exact = |n: usize| (n as f64 * 60_000.0 / 97.0).round() as u32;
        assert!(
            late.iter()
                .enumerate()
                .all(|(n, at)| at.abs_diff(exact(n)) <= 3)
        );
    }

    #[test]
    fn a_recording_begins_anew_where_it_repeats() {
        let tempo = Tempo::recorded(100_000, 600_000, 4_000_000);
        assert_eq!(tempo.again_us, Some(3_000_000));
        let beats = tempo.beats(4_500);
        assert_eq!(beats, [100, 700, 1300, 1900, 2500, 3100, 3700, 4300]);
        let tempo = Tempo::recorded(100_000, 700_000, 4_000_000);
        assert_eq!(tempo.beats(4_000), [100, 800, 1500, 2200, 2900, 3100, 3800]);
    }

    #[test]
    fn nothing_has_no_beat() {
        let tempo = Tempo::recorded(0, 0, 0);
        assert_eq!(tempo.beats(0), Vec::<u32>::new());
    }
}
