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

/// Hears a mix block by block.
#[derive(Default)]
pub(super) struct Silences {
    spans: Vec<SilentSpan>,
    /// Where the silence of the moment began.
    since: Option<usize>,
    heard: bool,
    /// What does not fill a window yet.
    waiting: Stereo,
    /// Samples before it.
    at: usize,
}

impl Silences {
    /// Hears what comes next.
    pub(super) fn add(&mut self, block: &Stereo) {
        self.waiting.extend(block);
        let mut start = 0;
        while start + WINDOW <= self.waiting.len() {
            self.window(start, WINDOW);
            start += WINDOW;
        }
        self.waiting.drop_first(start);
    }

    /// The silences, in order. A mix without any sound has none: that is how it was meant.
    pub(super) fn end(mut self) -> Vec<SilentSpan> {
        if self.waiting.len() > 0 {
            self.window(0, self.waiting.len());
        }
        self.close();
        if self.heard { self.spans } else { Vec::new() }
    }

    fn window(&mut self, start: usize, count: usize) {
        let limit = f64::from(db_to_gain(QUIET_DB));
        let sum: f64 = [&self.waiting.left, &self.waiting.right]
            .into_iter()
            .flat_map(|channel| &channel[start..start + count])
            .map(|sample| f64::from(*sample) * f64::from(*sample))
            .sum();
        if sum < limit * limit * (2 * count) as f64 {
            self.since = self.since.or(Some(self.at));
        } else {
            self.heard = true;
            self.close();
        }
        self.at += count;
    }

    fn close(&mut self) {
        let Some(since) = self.since.take() else {
            return;
        };
        let ms = |sample: usize| sample as u64 * 1000 / u64::from(RATE);
        let span = SilentSpan {
            from_ms: ms(since),
            to_ms: ms(self.at),
        };
        if span.to_ms - span.from_ms >= SHORTEST_MS {
            self.spans.push(span);
        }
    }
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

    fn spans(sound: &Stereo) -> Vec<SilentSpan> {
        let found = [1000, 4800, sound.len()].map(|size| {
            let mut silences = Silences::default();
            for start in (0..sound.len()).step_by(size) {
                silences.add(&sound.part(start, size.min(sound.len() - start)));
            }
            silences.end()
        });
        assert_eq!(found[0], found[2]);
        assert_eq!(found[1], found[2]);
        found[0].clone()
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
