//! The room around the instruments: eight delay lines that feed each other, and the pad's moving filter.
//!
//! Both are run over the loop until they have settled, and then once more for good: the result is what a listener
//! would hear after the loop has played for a while, so it too has no seam.

use crate::audio::RATE;
use crate::audio::pcm::Stereo;

/// Delays in samples: no two with a common beat.
const DELAYS: [usize; 8] = [1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797];
/// Share of the high frequencies lost on each way through a line.
const DAMPING: f32 = 0.38;

/// One delay line with its damping.
struct Line {
    memory: Vec<f32>,
    at: usize,
    dull: f32,
    feedback: f32,
}

impl Line {
    fn new(delay: usize, decay_s: f32) -> Self {
        Self {
            memory: vec![0.0; delay],
            at: 0,
            dull: 0.0,
            feedback: 10f32.powf(-3.0 * delay as f32 / (decay_s * RATE as f32)),
        }
    }

    fn read(&mut self) -> f32 {
        self.dull += (self.memory[self.at] - self.dull) * (1.0 - DAMPING);
        self.dull * self.feedback
    }

    fn write(&mut self, value: f32) {
        self.memory[self.at] = value;
        self.at = (self.at + 1) % self.memory.len();
    }
}

/// The room's answer to a loop, without the loop itself; `decay_s` is the time until it is 60 dB down.
pub(crate) fn reverb(sound: &Stereo, decay_s: f32) -> Stereo {
    let mut lines = DELAYS.map(|delay| Line::new(delay, decay_s));
    let mut out = Stereo::silence(sound.len());
    let settling = (decay_s * 1.5 * RATE as f32) as usize;
    let before = (sound.len() - settling % sound.len()) % sound.len();
    for n in (0..settling).map(|n| (before + n) % sound.len()) {
        step(&mut lines, sound.left[n], sound.right[n]);
    }
    for n in 0..sound.len() {
        (out.left[n], out.right[n]) = step(&mut lines, sound.left[n], sound.right[n]);
    }
    out
}

fn step(lines: &mut [Line; 8], left: f32, right: f32) -> (f32, f32) {
    let heard = lines.each_mut().map(Line::read);
    // A Householder reflection: every line hears all others, and no energy is made or lost.
    let common = heard.iter().sum::<f32>() * (2.0 / 8.0);
    for (index, line) in lines.iter_mut().enumerate() {
        let input = if index % 2 == 0 { left } else { right };
        line.write(heard[index] - common + 0.5 * input);
    }
    (
        heard[0] - heard[2] + heard[4] - heard[6],
        heard[1] - heard[3] + heard[5] - heard[7],
    )
}

/// A low-pass filter whose edge moves slowly around `hz`, a whole number of times in the loop.
pub(crate) fn sweep(sound: &mut Stereo, hz: f32) {
    let cycles = (sound.len() as f32 / RATE as f32 / 8.0).round().max(1.0);
    let length = sound.len();
    for (side, channel) in sound.channels_mut().into_iter().enumerate() {
        // The sides move apart, which widens the sound.
        let offset = side as f32 * 0.9;
        let mut filter = Movable::default();
        for pass in 0..2 {
            for (n, sample) in channel.iter_mut().enumerate() {
                let angle = std::f32::consts::TAU * cycles * n as f32 / length as f32 + offset;
                let value = filter.step(*sample, hz * (0.45 * angle.sin()).exp2());
                if pass == 1 {
                    *sample = value;
                }
            }
        }
    }
}

/// A state-variable filter: stable while its edge moves.
#[derive(Default)]
struct Movable {
    band: f32,
    low: f32,
}

impl Movable {
    fn step(&mut self, input: f32, hz: f32) -> f32 {
        const RESONANCE: f32 = 1.25;
        let g = (std::f32::consts::PI * hz / RATE as f32).tan();
        let high = (input - (RESONANCE + g) * self.band - self.low) / (1.0 + g * (g + RESONANCE));
        let band = g * high + self.band;
        let low = g * band + self.low;
        self.band = g * high + band;
        self.low = g * band + low;
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(sound: &[f32]) -> f32 {
        sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32
    }

    #[test]
    fn a_click_dies_away_in_the_time_asked_for() {
        let mut click = Stereo::silence(RATE as usize * 4);
        click.left[0] = 1.0;
        click.right[0] = 1.0;
        let room = reverb(&click, 2.0);
        let at = |s: f32| {
            let start = (s * RATE as f32) as usize;
            10.0 * power(&room.left[start..start + 9600]).log10()
        };
        let fall = at(0.2) - at(1.2);
        // Damping makes the highs die sooner than the 30 dB a second asked for.
        assert!((28.0..50.0).contains(&fall), "{fall}");
    }

    #[test]
    fn the_room_wraps_around_the_loop() {
        let mut click = Stereo::silence(RATE as usize);
        click.left[47_000] = 1.0;
        let room = reverb(&click, 2.0);
        assert!(power(&room.left[1000..10_000]) > 1e-7);
        assert!(room.left != room.right);
    }

    #[test]
    fn the_sweep_moves_and_has_no_seam() {
        let hz = 2000.0;
        let tone: Vec<f32> = (0..RATE as usize * 8)
            .map(|n| (std::f32::consts::TAU * hz * n as f32 / RATE as f32).sin())
            .collect();
        let mut sound = Stereo {
            right: tone.clone(),
            left: tone,
        };
        sweep(&mut sound, 1000.0);
        let at = |s: usize| power(&sound.left[s * RATE as usize..(s + 1) * RATE as usize]);
        assert!(at(1) > 1.8 * at(5), "{} {}", at(1), at(5));
        let seam = (sound.left[0] - sound.left[sound.len() - 1]).abs();
        assert!(seam < 0.1, "{seam}");
    }
}
