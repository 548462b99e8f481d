//! Where a finished mix is silent.
//!
//! Looked at in windows of 20 ms, so a breath is no silence and a pause is one from its first window to its last.

use fenta_workflows::action::SilentSpan;

use super::super::RATE;
use super::super::pcm::{Stereo, db_to_gain};

/// Samples of a window.
const WINDOW: usize = RATE as usize / 50;
/// A window whose root mean square is below this is silent, dB of full scale.
const QUIET_DB: f64 = -55.0;
/// Shorter silences are not told, milliseconds.
const SHORTEST_MS: u64 = 1000;

/// The silences, in order. A mix without any sound has none: that is how it was meant.
pub(super) fn spans(sound: &Stereo) -> Vec<SilentSpan> {
    let limit = f64::from(db_to_gain(QUIET_DB));
    let is_quiet = |range: std::ops::Range<usize>| {
        let count = 2 * range.len();
        let sum: f64 = [&sound.left, &sound.right]
            .into_iter()
            .flat_map(|channel| &channel[range.clone()])
            .map(|sample| f64::from(*sample) * f64::from(*sample))
            .sum();
        sum < limit * limit * count as f64
    };
    let mut spans: Vec<SilentSpan> = Vec::new();
    let mut since = None;
    let mut heard = false;
    let ms = |sample: usize| sample as u64 * 1000 / u64::from(RATE);
    let mut close = |since: Option<usize>, end: usize| {
        let Some(since) = since else { return };
        let span = SilentSpan {
            from_ms: ms(since),
            to_ms: ms(end),
        };
        if span.to_ms - span.from_ms >= SHORTEST_MS {
            spans.push(span);
        }
    };
    let mut start = 0;
    while start < sound.len() {
        let end = (start + WINDOW).min(sound.len());
        if is_quiet(start..end) {
            since = since.or(Some(start));
        } else {
            heard = true;
            close(since.take(), start);
        }
        start = end;
    }
    close(since, sound.len());
    if heard { spans } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: &[(f64, f32)]) -> Stereo {
        let mut left = Vec::new();
        for (length, level) in seconds {
            let samples = (length * f64::from(RATE)) as usize;
            left.extend((0..samples).map(|at| if at % 100 < 50 { *level } else { -level }));
        }
        Stereo {
            right: left.clone(),
            left,
        }
    }

    #[test]
    fn pauses_are_told_and_breaths_are_not() {
        let found = spans(&tone(&[
            (1.0, 0.2),
            (0.5, 0.0),
            (1.0, 0.2),
            (2.5, 0.0005),
            (1.0, 0.2),
            (1.2, 0.0),
        ]));
        let times: Vec<(u64, u64)> = found.iter().map(|one| (one.from_ms, one.to_ms)).collect();
        assert_eq!(times, [(2500, 5000), (6000, 7200)]);
    }

    #[test]
    fn music_under_nothing_is_no_silence_and_no_sound_is_meant() {
        assert!(spans(&tone(&[(3.0, 0.01)])).is_empty());
        assert!(spans(&Stereo::silence(200_000)).is_empty());
    }
}
