//! The processor's own instructions, where the compiler does not find them: weighted sums of four neighbours at places
//! that are not one after another.
//!
//! Neighbours: `resample` asks. Every processor gives the same numbers, also those without a way of their own.
#![allow(unsafe_code)]

use crate::resample::Tap;

/// Bits after the point of the sums.
pub const SUM_BITS: u32 = 13;

/// Writes the weighted sum of the four neighbours at each place, rounded and limited to a byte. Places beyond the
/// row give 0. `row` in units of a part of `1 << SUM_BITS`, `taps` with the rest of it.
pub fn weigh(row: &[i16], taps: &[Tap], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every x86-64 processor.
    unsafe {
        weigh_sse2(row, taps, out);
    }
    #[cfg(not(target_arch = "x86_64"))]
    weigh_anywhere(row, taps, out);
}

fn weigh_anywhere(row: &[i16], taps: &[Tap], out: &mut [u8]) {
    for (sample, tap) in out.iter_mut().zip(taps) {
        let window = window(row, tap);
        let product = |k: usize| i32::from(window[k]) * i32::from(tap.weights[k]);
        let sum = (product(0) + product(1)) + (product(2) + product(3));
        *sample = ((sum + (1 << (SUM_BITS - 1))) >> SUM_BITS).clamp(0, 255) as u8;
    }
}

#[inline(always)]
fn window(row: &[i16], tap: &Tap) -> [i16; 4] {
    let rest = row.get(tap.index..).unwrap_or(&[]);
    rest.first_chunk::<4>().copied().unwrap_or_default()
}

/// Four places at a time: products and sums of neighbours in one instruction (PMADDWD), then sums of those.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn weigh_sse2(row: &[i16], taps: &[Tap], out: &mut [u8]) {
    use std::arch::x86_64::{
        _mm_add_epi32, _mm_castps_si128, _mm_castsi128_ps, _mm_cvtsi128_si32, _mm_madd_epi16,
        _mm_packs_epi32, _mm_packus_epi16, _mm_set_epi64x, _mm_set1_epi32, _mm_shuffle_ps,
        _mm_srai_epi32,
    };
    let products = |one: &Tap, other: &Tap| {
        let samples = _mm_set_epi64x(packed(window(row, other)), packed(window(row, one)));
        let weights = _mm_set_epi64x(packed(other.weights), packed(one.weights));
        _mm_castsi128_ps(_mm_madd_epi16(samples, weights))
    };
    let half = _mm_set1_epi32(1 << (SUM_BITS - 1));
    let (whole, rest) = out.as_chunks_mut::<4>();
    let (fours, left) = taps.as_chunks::<4>();
    for (samples, taps) in whole.iter_mut().zip(fours) {
        let (a, b) = (products(&taps[0], &taps[1]), products(&taps[2], &taps[3]));
        let first = _mm_castps_si128(_mm_shuffle_ps::<0b10_00_10_00>(a, b));
        let second = _mm_castps_si128(_mm_shuffle_ps::<0b11_01_11_01>(a, b));
        let sums = _mm_add_epi32(_mm_add_epi32(first, second), half);
        let words = _mm_packs_epi32(_mm_srai_epi32::<{ SUM_BITS as i32 }>(sums), half);
        *samples = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
    }
    weigh_anywhere(row, left, rest);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn packed(values: [i16; 4]) -> i64 {
    let [a, b, c, d] = values.map(|value| i64::from(value.cast_unsigned()));
    a | b << 16 | c << 32 | d << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_plain_arithmetic_gives() {
        let row: Vec<i16> = (0..400)
            .map(|at| (at * 7919 % 21_000 - 3000) as i16)
            .collect();
        for count in [0, 1, 3, 4, 7, 90] {
            let taps: Vec<Tap> = (0..count)
                .map(|at| Tap {
                    index: at * 13 % 410,
                    weights: [-9, 61 + at as i16, 83 - at as i16, -7],
                })
                .collect();
            let (mut fast, mut plain) = (vec![1; count], vec![2; count]);
            weigh(&row, &taps, &mut fast);
            weigh_anywhere(&row, &taps, &mut plain);
            assert_eq!(fast, plain);
        }
    }
}
