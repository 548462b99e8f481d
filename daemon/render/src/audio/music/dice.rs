//! The composer's dice: a small generator of numbers that depends on the seed alone.

/// SplitMix64: every seed gives a different, evenly spread sequence, the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// Starts a sequence; `stream` keeps the instruments' dice apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self {
            state: seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// From -1 to below 1.
    pub(crate) fn signed(&mut self) -> f32 {
        self.unit() * 2.0 - 1.0
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[(self.next() % list.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_stream_give_one_sequence() {
        let roll = |seed, stream| -> Vec<u64> {
            let mut dice = Dice::new(seed, stream);
            (0..4).map(|_| dice.next()).collect()
        };
        assert_eq!(roll(1, 2), roll(1, 2));
        assert_ne!(roll(1, 2), roll(1, 3));
        assert_ne!(roll(1, 2), roll(2, 2));
    }

    #[test]
    fn numbers_are_spread_over_their_range() {
        let mut dice = Dice::new(9, 0);
        let rolls: Vec<f32> = (0..10_000).map(|_| dice.signed()).collect();
        assert!(rolls.iter().all(|roll| (-1.0..1.0).contains(roll)));
        assert!((rolls.iter().sum::<f32>() / 10_000.0).abs() < 0.03);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[*dice.pick(&[0usize, 1, 2])] += 1;
        }
        assert!(seen.iter().all(|count| *count > 60), "{seen:?}");
    }
}
