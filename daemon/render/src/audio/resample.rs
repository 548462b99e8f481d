//! Change of sample rate by a windowed sinc: what speech engines give (8, 16, 22.05 kHz) becomes 48 kHz.
//!
//! Rates are whole numbers, so the kernel has a small number of phases and is tabulated once per call.

/// Zero crossings on each side of the kernel's centre.
const HALF_WIDTH: usize = 32;
/// Shape of the Kaiser window; about 90 dB of stop band.
const KAISER_BETA: f64 = 9.0;
/// The pass band's edge as a share of the lower Nyquist rate, which leaves room for the kernel's slope.
const ROLL_OFF: f64 = 0.96;

/// The sound at another rate; its length is rounded up to whole samples.
pub(crate) fn resample(sound: &[f32], from: u32, to: u32) -> Vec<f32> {
    let mut out = Vec::new();
    let mut resampler = Resampler::new(from, to);
    resampler.add(sound, &mut out);
    resampler.end(&mut out);
    out
}

/// A change of rate for one channel that comes in blocks; how long they are changes no sample.
pub(crate) struct Resampler {
    /// Rates without their common divisor.
    up: usize,
    down: usize,
    /// One per phase; none where the rates are equal.
    kernels: Vec<Vec<f32>>,
    /// What later samples still need of the sound.
    seen: Vec<f32>,
    /// Samples before `seen`.
    gone: usize,
    /// Samples made.
    made: usize,
}

impl Resampler {
    pub(crate) fn new(from: u32, to: u32) -> Self {
        let divisor = gcd(from, to).max(1);
        let (up, down) = ((to / divisor) as usize, (from / divisor) as usize);
        Self {
            up,
            down,
            kernels: if from == to {
                Vec::new()
            } else {
                kernels(up, down)
            },
            seen: Vec::new(),
            gone: 0,
            made: 0,
        }
    }

    /// Takes a block and adds to `out` what is finished.
    pub(crate) fn add(&mut self, block: &[f32], out: &mut Vec<f32>) {
        let Some(kernel) = self.kernels.first() else {
            return out.extend_from_slice(block);
        };
        let reach = kernel.len() / 2;
        self.seen.extend_from_slice(block);
        // The kernel of a sample ends `reach` after its centre.
        let ready = (self.gone + self.seen.len()).saturating_sub(reach);
        self.make((ready * self.up).div_ceil(self.down), out);
        let needed = (self.made * self.down / self.up + 1).saturating_sub(reach);
        let done = needed.saturating_sub(self.gone).min(self.seen.len());
        self.seen.drain(..done);
        self.gone += done;
    }

    /// Adds what is left to `out`.
    pub(crate) fn end(&mut self, out: &mut Vec<f32>) {
        if !self.kernels.is_empty() {
            let samples = self.gone + self.seen.len();
            self.make((samples * self.up).div_ceil(self.down), out);
        }
    }

    /// Makes the samples before `end`.
    fn make(&mut self, end: usize, out: &mut Vec<f32>) {
        for n in self.made..end {
            let (centre, phase) = (n * self.down / self.up, n * self.down % self.up);
            let kernel = &self.kernels[phase];
            let first = (centre + 1) as i64 - (kernel.len() / 2) as i64 - self.gone as i64;
            out.push(convolve(&self.seen, kernel, first));
        }
        self.made = self.made.max(end);
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn convolve(sound: &[f32], kernel: &[f32], first: i64) -> f32 {
    let skip = usize::try_from(-first).unwrap_or(0).min(kernel.len());
    let start = usize::try_from(first).unwrap_or(0).min(sound.len());
    kernel[skip..]
        .iter()
        .zip(&sound[start..])
        .map(|(weight, sample)| weight * sample)
        .sum()
}

/// One kernel per position of an output sample between two input samples.
fn kernels(up: usize, down: usize) -> Vec<Vec<f32>> {
    let ratio = (up as f64 / down as f64).min(1.0);
    let cutoff = ratio * ROLL_OFF;
    let reach = (HALF_WIDTH as f64 / ratio).ceil() as usize;
    (0..up)
        .map(|phase| {
            let offset = phase as f64 / up as f64;
            let taps: Vec<f64> = (0..2 * reach)
                .map(|tap| {
                    let x = tap as f64 - (reach as f64 - 1.0) - offset;
                    sinc(x * cutoff) * kaiser(x / reach as f64)
                })
                .collect();
            let sum: f64 = taps.iter().sum();
            taps.into_iter().map(|tap| (tap / sum) as f32).collect()
        })
        .collect()
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-9 {
        1.0
    } else {
        angle.sin() / angle
    }
}

fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return 0.0;
    }
    bessel_i0(KAISER_BETA * (1.0 - x * x).sqrt()) / bessel_i0(KAISER_BETA)
}

/// The modified Bessel function of order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|n| (std::f64::consts::TAU * hz * n as f64 / f64::from(rate)).sin() as f32)
            .collect()
    }

    /// Largest difference in the middle, where the kernel sees sound on both sides.
    fn worst(a: &[f32], b: &[f32]) -> f32 {
        let edge = a.len() / 4;
        a[edge..a.len() - edge]
            .iter()
            .zip(&b[edge..])
            .fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
    }

    #[test]
    fn a_tone_keeps_pitch_phase_and_level() {
        for from in [8000, 16_000, 22_050] {
            let out = resample(&sine(1000.0, from, from as usize), from, 48_000);
            assert_eq!(out.len(), 48_000);
            let wanted = sine(1000.0, 48_000, 48_000);
            assert!(
                worst(&out, &wanted) < 2e-4,
                "{from}: {}",
                worst(&out, &wanted)
            );
        }
    }

    #[test]
    fn images_above_the_old_nyquist_are_gone() {
        let out = resample(&sine(7000.0, 16_000, 16_000), 16_000, 48_000);
        let image = sine(9000.0, 48_000, 48_000);
        let quadrature: Vec<f32> = (0..48_000)
            .map(|n| (std::f64::consts::TAU * 9000.0 * f64::from(n) / 48_000.0).cos() as f32)
            .collect();
        let project =
            |with: &[f32]| (8000..40_000).map(|n| out[n] * with[n]).sum::<f32>() / 16_000.0;
        let level = project(&image).hypot(project(&quadrature));
        assert!(level < 3e-4, "{level}");
    }

    #[test]
    fn going_down_filters_what_no_longer_fits() {
        let out = resample(&sine(6000.0, 48_000, 48_000), 48_000, 8000);
        assert_eq!(out.len(), 8000);
        assert!(worst(&out, &vec![0.0; 8000]) < 1e-3);
    }

    #[test]
    fn blocks_of_any_length_give_the_same_samples() {
        for (from, to) in [
            (44_100, 48_000),
            (8000, 48_000),
            (96_000, 48_000),
            (48_000, 48_000),
        ] {
            let sound = sine(700.0, from, 10_000);
            let whole = resample(&sound, from, to);
            assert_eq!(whole.len(), (10_000 * to as usize).div_ceil(from as usize));
            for size in [1, 50, 999, 4800] {
                let (mut out, mut resampler) = (Vec::new(), Resampler::new(from, to));
                for block in sound.chunks(size) {
                    resampler.add(block, &mut out);
                }
                resampler.end(&mut out);
                assert!(out == whole, "{from} to {to} in blocks of {size}");
            }
        }
    }

    #[test]
    fn equal_rates_and_silence_pass_through() {
        assert_eq!(resample(&[0.5, -0.5], 48_000, 48_000), [0.5, -0.5]);
        assert!(resample(&[], 16_000, 48_000).is_empty());
    }
}
