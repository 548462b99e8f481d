//! The instruments: notes become samples, added to a loop whose end runs on into its beginning.
//!
//! Every note rings as long as it rings; what passes the end of the loop is added at its start. The loop therefore has
//! no seam, whatever the instrument.

use std::f32::consts::{PI, TAU};

use super::dice::Dice;
use super::score::{Drum, Note, Stroke};
use crate::audio::RATE;
use crate::audio::pcm::{Stereo, raised_cosine};

/// Seconds from 0 at each sample.
fn seconds(sample: usize) -> f32 {
    sample as f32 / RATE as f32
}

/// Cycles per second of a MIDI pitch.
fn hertz(pitch: f32) -> f32 {
    440.0 * ((pitch - 69.0) / 12.0).exp2()
}

/// A loop being filled.
#[derive(Debug)]
pub(crate) struct Tape {
    pub(crate) sound: Stereo,
    samples_per_beat: f32,
}

/// Gains of both channels at a place between left and right, of equal power.
fn panned(pan: f32, gain: f32) -> (f32, f32) {
    let angle = (pan.clamp(-1.0, 1.0) + 1.0) * PI / 4.0;
    (gain * angle.cos(), gain * angle.sin())
}

impl Tape {
    pub(crate) fn new(samples: usize, samples_per_beat: f32) -> Self {
        Self {
            sound: Stereo::silence(samples),
            samples_per_beat,
        }
    }

    fn at(&self, beat: f32) -> usize {
        (beat * self.samples_per_beat).round() as usize
    }

    /// Adds samples around the loop.
    fn add(&mut self, start: usize, samples: usize, mut next: impl FnMut(usize) -> (f32, f32)) {
        let length = self.sound.len();
        for n in 0..samples {
            let (left, right) = next(n);
            let at = (start + n) % length;
            self.sound.left[at] += left;
            self.sound.right[at] += right;
        }
    }

    /// Warm strings: detuned saws around a soft triangle, one of each pair on each side.
    pub(crate) fn pad(&mut self, note: &Note, dice: &mut Dice) {
        const ATTACK: f32 = 0.45;
        const RELEASE: f32 = 1.1;
        const CENTS: [f32; 4] = [-9.0, -3.5, 4.0, 8.5];
        let hz = hertz(note.pitch);
        let held = seconds(self.at(note.length));
        let mut saws = CENTS.map(|cents| Oscillator::new(hz * (cents / 1200.0).exp2(), dice));
        let mut body = Oscillator::new(hz, dice);
        let (left, right) = panned(note.pan, note.velocity * 0.12);
        let samples = ((held + RELEASE) * RATE as f32) as usize;
        self.add(self.at(note.start), samples, |n| {
            let t = seconds(n);
            let envelope = raised_cosine(t / ATTACK) * (1.0 - raised_cosine((t - held) / RELEASE));
            let centre = 0.9 * body.triangle();
            let [a, b, c, d] = saws.each_mut().map(Oscillator::saw);
            let outer = 0.5;
            (
                envelope * left * (centre + a + outer * b + outer * c),
                envelope * right * (centre + d + outer * c + outer * b),
            )
        });
    }

    /// An electric piano: one sine bent by another, bright at the stroke and mellow after it; with two echoes.
    pub(crate) fn key(&mut self, note: &Note, index: f32) {
        const ECHOES: [(f32, f32); 3] = [(0.0, 1.0), (0.75, 0.32), (1.5, 0.13)];
        for (beats, level) in ECHOES {
            let side = if beats == 0.75 { -1.0 } else { 1.0 };
            let (left, right) = panned(note.pan * side, note.velocity * 0.2 * level);
            let start = self.at(note.start + beats);
            let mut tone = Key::new(note, index, seconds(self.at(note.length)));
            self.add(start, tone.samples(), |n| {
                let value = tone.next(n);
                (value * left, value * right)
            });
        }
    }

    /// A round bass: a sine with a little of its octave.
    pub(crate) fn bass(&mut self, note: &Note) {
        const RELEASE: f32 = 0.09;
        let step = TAU * hertz(note.pitch) / RATE as f32;
        let held = seconds(self.at(note.length));
        let gain = note.velocity * 0.34;
        let mut phase = 0.0f32;
        self.add(
            self.at(note.start),
            ((held + RELEASE) * RATE as f32) as usize,
            |n| {
                let t = seconds(n);
                phase = (phase + step) % TAU;
                let envelope = raised_cosine(t / 0.014)
                    * (0.65 + 0.35 * (-3.0 * t).exp())
                    * (1.0 - raised_cosine((t - held) / RELEASE));
                let wave = phase.sin() + 0.28 * (2.0 * phase).sin() + 0.08 * (3.0 * phase).sin();
                let value = gain * envelope * wave;
                (value, value)
            },
        );
    }

    /// A stroke of the beat.
    pub(crate) fn drum(&mut self, stroke: &Stroke, dice: &mut Dice) {
        let start = self.at(stroke.start);
        match stroke.drum {
            Drum::Kick => self.kick(start, stroke.velocity),
            Drum::Shaker => self.shaker(start, stroke.velocity, dice),
            Drum::Rim => self.rim(start, stroke.velocity, dice),
        }
    }

    /// A soft kick: a sine that falls from 120 to 46 Hz.
    fn kick(&mut self, start: usize, velocity: f32) {
        let mut phase = 0.0f32;
        self.add(start, RATE as usize * 2 / 5, |n| {
            let t = seconds(n);
            phase += TAU * (46.0 + 74.0 * (-34.0 * t).exp()) / RATE as f32;
            let envelope = raised_cosine(t / 0.003) * (-9.0 * t).exp() * tail(t, 0.4);
            let value = 0.62 * velocity * envelope * phase.sin();
            (value, value)
        });
    }

    /// A shaker: hiss without its lowest and highest parts, swelling for a moment before it dies.
    fn shaker(&mut self, start: usize, velocity: f32, dice: &mut Dice) {
        let (mut low, mut high) = (0.0f32, 0.0f32);
        let (left, right) = panned(0.3, 0.16 * velocity);
        self.add(start, RATE as usize / 10, |n| {
            let t = seconds(n);
            low += (dice.signed() - low) * 0.62;
            high += (low - high) * 0.42;
            let envelope = raised_cosine(t / 0.012) * (-42.0 * t).exp() * tail(t, 0.1);
            let value = (low - high) * envelope;
            (value * left, value * right)
        });
    }

    /// A rim click with a breath of noise.
    fn rim(&mut self, start: usize, velocity: f32, dice: &mut Dice) {
        let mut noise = 0.0f32;
        let (left, right) = panned(-0.15, 0.2 * velocity);
        self.add(start, RATE as usize / 7, |n| {
            let t = seconds(n);
            noise += (dice.signed() - noise) * 0.3;
            let wood = (TAU * 410.0 * t).sin() * (-70.0 * t).exp();
            let envelope = raised_cosine(t / 0.002) * tail(t, 1.0 / 7.0);
            let value = envelope * (0.7 * wood + 1.3 * noise * (-38.0 * t).exp());
            (value * left, value * right)
        });
    }
}

/// Brings the last tenth of a sound to silence.
fn tail(t: f32, length: f32) -> f32 {
    1.0 - raised_cosine((t - 0.9 * length) / (0.1 * length))
}

/// A running phase between 0 and 1.
struct Oscillator {
    phase: f32,
    step: f32,
}

impl Oscillator {
    fn new(hz: f32, dice: &mut Dice) -> Self {
        Self {
            phase: dice.unit(),
            step: hz / RATE as f32,
        }
    }

    fn advance(&mut self) -> f32 {
        self.phase = (self.phase + self.step).fract();
        self.phase
    }

    /// A saw whose jump is rounded over two samples, so that it does not alias audibly.
    fn saw(&mut self) -> f32 {
        let phase = self.advance();
        let step = self.step;
        let correction = if phase < step {
            let x = phase / step;
            x + x - x * x - 1.0
        } else if phase > 1.0 - step {
            let x = (phase - 1.0) / step;
            x * x + x + x + 1.0
        } else {
            0.0
        };
        2.0 * phase - 1.0 - correction
    }

    fn triangle(&mut self) -> f32 {
        let phase = self.advance();
        4.0 * (phase - 0.5).abs() - 1.0
    }
}

/// One tone of the electric piano.
struct Key {
    step: f32,
    phase: f32,
    index: f32,
    decay: f32,
    ring: f32,
}

impl Key {
    fn new(note: &Note, index: f32, held: f32) -> Self {
        Self {
            step: TAU * hertz(note.pitch) / RATE as f32,
            phase: 0.0,
            // High tones are duller, or they would sting.
            index: index * note.velocity * (1.0 - (note.pitch - 60.0) / 80.0).clamp(0.4, 1.0),
            decay: 3.2 / held.max(0.25),
            ring: (held * 1.6).clamp(0.5, 4.0),
        }
    }

    fn samples(&self) -> usize {
        (self.ring * RATE as f32) as usize
    }

    fn next(&mut self, n: usize) -> f32 {
        let t = seconds(n);
        self.phase = (self.phase + self.step) % TAU;
        let bend = self.index * (-5.0 * t).exp() * (2.0 * self.phase).sin();
        let envelope = raised_cosine(t / 0.005) * (-self.decay * t).exp() * tail(t, self.ring);
        envelope * (self.phase + bend).sin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(pitch: f32) -> Note {
        Note {
            start: 3.5,
            length: 1.0,
            pitch,
            velocity: 1.0,
            pan: 0.0,
        }
    }

    /// Two seconds, four beats.
    fn tape() -> Tape {
        Tape::new(96_000, 24_000.0)
    }

    /// Strength of a frequency in the left channel.
    fn level(tape: &Tape, hz: f32) -> f32 {
        let (mut re, mut im) = (0.0f64, 0.0f64);
        for (n, sample) in tape.sound.left.iter().enumerate() {
            let angle = f64::from(hz) * n as f64 * std::f64::consts::TAU / f64::from(RATE);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        (re.hypot(im) * 2.0 / tape.sound.len() as f64) as f32
    }

    #[test]
    fn what_passes_the_end_sounds_at_the_beginning() {
        let mut tape = tape();
        tape.key(&note(69.0), 1.0);
        let power =
            |from: usize, to: usize| tape.sound.left[from..to].iter().map(|s| s * s).sum::<f32>();
        assert!(power(84_000, 96_000) > 0.1);
        assert!(power(0, 12_000) > 0.05);
        let seam = (tape.sound.left[0] - tape.sound.left[95_999]).abs();
        assert!(seam < 0.02, "{seam}");
    }

    #[test]
    fn instruments_play_in_tune() {
        for (hz, other, play) in [
            (
                440.0,
                415.3,
                (|tape, note, _| tape.key(note, 0.5)) as fn(&mut Tape, &Note, &mut Dice),
            ),
            (440.0, 466.2, |tape, note, _| tape.bass(note)),
            (440.0, 466.2, |tape, note, dice| tape.pad(note, dice)),
        ] {
            let mut tape = tape();
            play(&mut tape, &note(69.0), &mut Dice::new(1, 1));
            assert!(level(&tape, hz) > 4.0 * level(&tape, other));
        }
    }

    #[test]
    fn no_stroke_clicks_at_its_edges() {
        for drum in [Drum::Kick, Drum::Shaker, Drum::Rim] {
            let mut tape = tape();
            let stroke = Stroke {
                drum,
                start: 1.0,
                velocity: 1.0,
            };
            tape.drum(&stroke, &mut Dice::new(2, 2));
            let heard: Vec<usize> = (0..96_000).filter(|n| tape.sound.left[*n] != 0.0).collect();
            let (first, last) = (heard[0], heard[heard.len() - 1]);
            assert!(first.abs_diff(24_000) < 3);
            assert!(tape.sound.left[first].abs() < 0.01, "{drum:?}");
            assert!(tape.sound.left[last].abs() < 0.001, "{drum:?}");
            assert!(tape.sound.peak() > 0.02, "{drum:?}");
        }
    }

    #[test]
    fn the_saw_does_not_alias() {
        let mut saw = Oscillator::new(1870.0, &mut Dice::new(1, 0));
        let mut tape = tape();
        tape.add(0, 96_000, |_| (saw.saw(), 0.0));
        // The 25th harmonic (46750 Hz) would come back as 1250 Hz.
        assert!(level(&tape, 1870.0) > 0.5);
        assert!(level(&tape, 1250.0) < 0.004, "{}", level(&tape, 1250.0));
    }
}
