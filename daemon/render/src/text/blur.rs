//! A soft blur of coverage: three box blurs, which come within 3 % of a Gaussian.
//!
//! Neighbours: `coverage` blurs shadows with it. It works on one channel and knows nothing about colour.

/// The three box radii whose chain has the standard deviation of a CSS blur radius (radius / 2).
fn box_radii(radius: f32) -> [usize; 3] {
    let sigma = radius / 2.0;
    let ideal = (12.0 * sigma * sigma / 3.0 + 1.0).sqrt();
    let mut low = ideal.floor() as i32;
    if low % 2 == 0 {
        low -= 1;
    }
    let low = low.max(1);
    let wide = low as f32;
    let small_boxes = ((12.0 * sigma * sigma - 3.0 * wide * wide - 12.0 * wide - 9.0)
        / (-4.0 * wide - 4.0))
        .round();
    std::array::from_fn(|i| {
        let size = if (i as f32) < small_boxes {
            low
        } else {
            low + 2
        };
        ((size - 1) / 2) as usize
    })
}

/// How far a blur of this radius reaches, in pixels.
pub(super) fn reach(radius: u16) -> u32 {
    box_radii(f32::from(radius)).iter().sum::<usize>() as u32
}

/// Blurs rows of `width` bytes in place; what lies outside counts as zero.
pub(super) fn blur(data: &mut [u8], width: usize, radius: u16) {
    if radius == 0 || width == 0 || data.is_empty() {
        return;
    }
    let height = data.len() / width;
    let mut scratch = vec![0u8; data.len()];
    for radius in box_radii(f32::from(radius)) {
        if radius == 0 {
            continue;
        }
        blur_rows(data, &mut scratch, width, radius);
        blur_columns(&scratch, data, width, height, radius);
    }
}

/// The mean over a box by multiplication: a division for every pixel would be most of a caption's time.
#[derive(Clone, Copy)]
struct Mean {
    reciprocal: u32,
}

impl Mean {
    fn of(radius: usize) -> Self {
        Self {
            reciprocal: (1 << 24) / (2 * radius as u32 + 1),
        }
    }

    fn of_sum(self, sum: u32) -> u8 {
        ((sum * self.reciprocal + (1 << 23)) >> 24) as u8
    }
}

fn blur_rows(source: &[u8], target: &mut [u8], width: usize, radius: usize) {
    let mean = Mean::of(radius);
    for (from, to) in source
        .chunks_exact(width)
        .zip(target.chunks_exact_mut(width))
    {
        let mut sum: u32 = from.iter().take(radius).map(|&v| u32::from(v)).sum();
        for x in 0..width {
            if x + radius < width {
                sum += u32::from(from[x + radius]);
            }
            to[x] = mean.of_sum(sum);
            if x >= radius {
                sum -= u32::from(from[x - radius]);
            }
        }
    }
}

/// All columns at once, row by row, so that memory is read in order.
fn blur_columns(source: &[u8], target: &mut [u8], width: usize, height: usize, radius: usize) {
    let mean = Mean::of(radius);
    let row = |y: usize| &source[y * width..(y + 1) * width];
    let mut sums = vec![0u32; width];
    for y in 0..radius.min(height) {
        add(&mut sums, row(y));
    }
    for y in 0..height {
        if y + radius < height {
            add(&mut sums, row(y + radius));
        }
        for (to, sum) in target[y * width..(y + 1) * width].iter_mut().zip(&sums) {
            *to = mean.of_sum(*sum);
        }
        if y >= radius {
            for (sum, &value) in sums.iter_mut().zip(row(y - radius)) {
                *sum -= u32::from(value);
            }
        }
    }
}

fn add(sums: &mut [u32], row: &[u8]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += u32::from(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(size: usize) -> Vec<u8> {
        let mut data = vec![0u8; size * size];
        for y in size / 2 - 4..size / 2 + 4 {
            for x in size / 2 - 4..size / 2 + 4 {
                data[y * size + x] = 255;
            }
        }
        data
    }

    #[test]
    fn a_blur_keeps_the_amount_of_light_and_spreads_it() {
        let mut data = dot(64);
        let before: u64 = data.iter().map(|&v| u64::from(v)).sum();
        blur(&mut data, 64, 8);
        let after: u64 = data.iter().map(|&v| u64::from(v)).sum();
        assert!(after.abs_diff(before) * 20 < before, "{before} {after}");
        assert!(data[32 * 64 + 32] < 255);
        assert!(data[32 * 64 + 40] > 0);
    }

    #[test]
    fn a_blur_is_symmetric_and_falls_off() {
        let mut data = dot(64);
        blur(&mut data, 64, 12);
        for at in 0..31 {
            assert!(data[32 * 64 + at] <= data[32 * 64 + at + 1]);
            assert_eq!(data[32 * 64 + at], data[32 * 64 + 63 - at]);
            assert!(data[at * 64 + 32].abs_diff(data[32 * 64 + at]) <= 1);
        }
    }

    #[test]
    fn nothing_is_left_beyond_the_reach() {
        for radius in [1u16, 4, 8, 15] {
            let mut data = dot(128);
            blur(&mut data, 128, radius);
            let edge = 64 + 4 + reach(radius) as usize;
            assert!((edge..128).all(|x| data[64 * 128 + x] == 0), "{radius}");
            assert!(reach(radius) <= 2 * u32::from(radius) + 1);
        }
    }

    #[test]
    fn the_mean_is_exact_to_half_a_step_and_never_overflows() {
        for radius in [1usize, 2, 7, 100, 32_767] {
            let size = 2 * radius as u32 + 1;
            for sum in [0, size / 2 + 1, 100 * size, 254 * size, 255 * size] {
                let exact = f64::from(sum) / f64::from(size);
                let got = f64::from(Mean::of(radius).of_sum(sum));
                assert!((got - exact).abs() <= 1.0, "{sum}/{size}: {got}");
            }
        }
        assert_eq!(Mean::of(7).of_sum(255 * 15), 255);
    }

    #[test]
    fn radius_zero_changes_nothing() {
        let mut data = dot(32);
        blur(&mut data, 32, 0);
        assert_eq!(data, dot(32));
    }
}
