//! Sounds at their places: what of a tape is heard where in the timeline, and how loud.
//!
//! A bus is never held: any span of it is added up when it is asked for, the entries in their order, so that the same
//! numbers are added in the same order however the timeline is cut into blocks.

use std::f32::consts::FRAC_PI_2;

use crate::audio::error::AudioError;
use crate::audio::pcm::Stereo;
use crate::audio::spool::{Spool, Take};

/// One sound of a bus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// Where it lies on the tape.
    pub(super) take: Take,
    /// Sample of the timeline that its first one lands on.
    pub(super) start: usize,
    pub(super) gain: f32,
    /// Lengths of its fades in samples.
    pub(super) rise: usize,
    pub(super) fall: usize,
}

/// Adds a span of a bus to a block whose first sample is the timeline's sample `at`.
pub(super) fn add(
    placed: &[Placed],
    tape: &Spool,
    at: usize,
    block: &mut Stereo,
) -> Result<(), AudioError> {
    let mut piece = Stereo::default();
    for one in placed {
        let from = one.start.max(at);
        let end = (one.start + one.take.len).min(at + block.len());
        if from >= end {
            continue;
        }
        let first = from - one.start;
        tape.read(one.take, (first as i64, end - from), &mut piece)?;
        one.fade(first, &mut piece);
        block.add_at(&piece, (from - at) as i64, one.gain);
    }
    Ok(())
}

impl Placed {
    /// Fades of equal power at both ends of the sound; `piece` begins at its sample `first`.
    fn fade(&self, first: usize, piece: &mut Stereo) {
        let quarter = |n: usize, of: usize| (FRAC_PI_2 * (n as f32 + 0.5) / of as f32).sin();
        let rising = first..self.rise.clamp(first, first + piece.len());
        let end = first + piece.len();
        let falling = (self.take.len - self.fall.min(self.take.len)).clamp(first, end)..end;
        for channel in piece.channels_mut() {
            for n in rising.clone() {
                channel[n - first] *= quarter(n, self.rise);
            }
            for n in falling.clone() {
                channel[n - first] *= quarter(self.take.len - 1 - n, self.fall);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(samples: usize, fades: (usize, usize)) -> (tempfile::TempDir, Spool, Placed) {
        let dir = tempfile::tempdir().unwrap();
        let tape = Spool::create(dir.path()).unwrap();
        tape.append(&Stereo {
            left: vec![1.0; samples],
            right: vec![1.0; samples],
        })
        .unwrap();
        let placed = Placed {
            take: tape.whole(),
            start: 0,
            gain: 1.0,
            rise: fades.0,
            fall: fades.1,
        };
        (dir, tape, placed)
    }

    fn heard(tape: &Spool, placed: &[Placed], samples: usize, size: usize) -> Stereo {
        let mut all = Stereo::default();
        for at in (0..samples).step_by(size) {
            let mut block = Stereo::silence(size.min(samples - at));
            add(placed, tape, at, &mut block).unwrap();
            all.extend(&block);
        }
        all
    }

    #[test]
    fn fades_over_the_same_span_keep_their_power() {
        let (_out, out, falls) = flat(9600, (0, 9600));
        let (_into, into, rises) = flat(9600, (9600, 0));
        let (falls, rises) = (
            heard(&out, &[falls], 9600, 9600),
            heard(&into, &[rises], 9600, 9600),
        );
        for n in 0..9600 {
            let power = falls.left[n].powi(2) + rises.left[n].powi(2);
            assert!((power - 1.0).abs() < 1e-4, "{n}: {power}");
        }
    }

    #[test]
    fn a_bus_is_the_same_in_blocks_of_any_length() {
        let (_dir, tape, placed) = flat(5000, (900, 2000));
        let bus = [
            placed,
            Placed {
                start: 700,
                gain: 0.3,
                take: placed.take.part(100, 777),
                rise: 0,
                fall: 777,
            },
            Placed {
                start: 5900,
                gain: -1.5,
                ..placed
            },
        ];
        let whole = heard(&tape, &bus, 7000, 7000);
        assert_eq!(whole.left[5500], 0.0);
        assert!(whole.left[800] > 0.98 && whole.left[6999] < -1.4);
        for size in [1, 333, 1000, 4800] {
            assert!(heard(&tape, &bus, 7000, size) == whole, "{size}");
        }
    }
}
