//! What is played: key, chords, voicings and patterns, written as notes in beats.
//!
//! Pure and independent of sound: the instruments turn the notes into samples.

use super::dice::Dice;
use super::mood::{Arpeggio, Beat, Mood};

/// Beats in a bar.
pub(crate) const BEATS: usize = 4;

/// A pitch with its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Note {
    /// Beats from the start.
    pub(crate) start: f32,
    /// Beats.
    pub(crate) length: f32,
    /// MIDI number; 69 is the A of 440 Hz.
    pub(crate) pitch: f32,
    /// 0 to 1.
    pub(crate) velocity: f32,
    /// -1 is left, 1 is right.
    pub(crate) pan: f32,
}

/// A stroke of the beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) drum: Drum,
    /// Beats from the start.
    pub(crate) start: f32,
    /// 0 to 1.
    pub(crate) velocity: f32,
}

/// The instruments of the beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drum {
    Kick,
    Shaker,
    Rim,
}

/// All parts of a loop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Score {
    pub(crate) bars: usize,
    pub(crate) pads: Vec<Note>,
    pub(crate) keys: Vec<Note>,
    pub(crate) bass: Vec<Note>,
    pub(crate) drums: Vec<Stroke>,
}

/// A chord of the progression.
#[derive(Clone, Debug, PartialEq)]
struct Chord {
    root: i32,
    /// Tones above the root's octave, low to high, as MIDI numbers.
    voicing: Vec<i32>,
    bars: usize,
}

/// Writes a loop of `bars` bars.
pub(crate) fn write(mood: &Mood, seed: u64, bars: usize) -> Score {
    let chords = progression(mood, &mut Dice::new(seed, 1), bars);
    Score {
        bars,
        pads: pads(&chords),
        keys: keys(mood, &chords, &mut Dice::new(seed, 2)),
        bass: bass(mood, &chords, &mut Dice::new(seed, 3)),
        drums: drums(mood, bars, &mut Dice::new(seed, 4)),
    }
}

fn progression(mood: &Mood, dice: &mut Dice, bars: usize) -> Vec<Chord> {
    let tonic = 36 + dice.pick(&[0, 2, 3, 5, 7, 9, 10]);
    let degrees = dice.pick(mood.progressions);
    let length = if bars >= degrees.len() * mood.bars_per_chord {
        mood.bars_per_chord
    } else {
        1
    };
    let mut chords: Vec<Chord> = Vec::new();
    let mut written = 0;
    while written < bars {
        let degree = degrees[chords.len() % degrees.len()];
        let root = tonic + degree_pitch(mood, degree);
        let previous = chords.last().map(|chord| chord.voicing.as_slice());
        let voicing = voicing(mood, tonic, degree, previous);
        let chord_bars = length.min(bars - written);
        chords.push(Chord {
            root: lowered(root),
            voicing,
            bars: chord_bars,
        });
        written += chord_bars;
    }
    chords
}

/// Semitones of a scale degree above the tonic; degrees go on past the octave.
fn degree_pitch(mood: &Mood, degree: usize) -> i32 {
    mood.scale[degree % 7] + 12 * (degree / 7) as i32
}

/// The bass octave: from the low E up.
fn lowered(pitch: i32) -> i32 {
    let mut pitch = pitch;
    while pitch > 40 {
        pitch -= 12;
    }
    while pitch < 28 {
        pitch += 12;
    }
    pitch
}

/// The chord's tones between the E below middle C and the C above it, each as near as can be to the chord before.
fn voicing(mood: &Mood, tonic: i32, degree: usize, previous: Option<&[i32]>) -> Vec<i32> {
    let classes: Vec<i32> = mood
        .stack
        .iter()
        .map(|step| (tonic + degree_pitch(mood, degree + step)).rem_euclid(12))
        .collect();
    let mut best: Option<(i32, Vec<i32>)> = None;
    for lowest in 52..64 {
        let mut tones: Vec<i32> = classes
            .iter()
            .map(|class| lowest + (class - lowest).rem_euclid(12))
            .collect();
        tones.sort_unstable();
        let cost = movement(&tones, previous) + crowding(&tones);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, tones));
        }
    }
    best.map(|(_, tones)| tones).unwrap_or_default()
}

fn movement(tones: &[i32], previous: Option<&[i32]>) -> i32 {
    match previous {
        Some(before) => tones.iter().zip(before).map(|(a, b)| (a - b).abs()).sum(),
        // The first chord lies in the middle.
        None => (tones[0] - 57).abs(),
    }
}

/// Neighbouring semitones low in a chord rumble.
fn crowding(tones: &[i32]) -> i32 {
    tones
        .windows(2)
        .map(|pair| if pair[1] - pair[0] < 2 { 6 } else { 0 })
        .sum()
}

/// Chords with their first beat.
fn placed(chords: &[Chord]) -> impl Iterator<Item = (f32, &Chord)> {
    chords.iter().scan(0, |bar, chord| {
        let start = (*bar * BEATS) as f32;
        *bar += chord.bars;
        Some((start, chord))
    })
}

fn pads(chords: &[Chord]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (start, chord) in placed(chords) {
        let spread = chord.voicing.len().max(2) - 1;
        for (index, pitch) in chord.voicing.iter().enumerate() {
            notes.push(Note {
                start,
                length: (chord.bars * BEATS) as f32,
                pitch: *pitch as f32,
                velocity: 1.0 - 0.12 * index as f32,
                pan: 0.6 * (2.0 * index as f32 / spread as f32 - 1.0),
            });
        }
    }
    notes
}

fn keys(mood: &Mood, chords: &[Chord], dice: &mut Dice) -> Vec<Note> {
    let Arpeggio {
        step,
        density,
        length,
    } = mood.arpeggio;
    let shape = *dice.pick(&[
        [0, 2, 1, 3, 2, 4, 3, 1],
        [0, 1, 2, 3, 4, 3, 2, 1],
        [4, 2, 3, 1, 2, 0, 1, 3],
    ]);
    // One rhythm for all bars, so that a figure can be recognised.
    let slots = (BEATS as f32 / step) as usize;
    let rhythm: Vec<bool> = (0..slots)
        .map(|slot| slot == 0 || dice.unit() < density)
        .collect();
    let mut notes = Vec::new();
    for (start, chord) in placed(chords) {
        for slot in 0..slots * chord.bars {
            if rhythm[slot % slots] && dice.unit() > 0.08 {
                notes.push(Note {
                    start: start + slot as f32 * step,
                    length,
                    pitch: arpeggio_pitch(chord, shape[slot % shape.len()]),
                    velocity: accent(slot as f32 * step) * (0.85 + 0.15 * dice.signed()),
                    pan: if slot % 2 == 0 { -0.45 } else { 0.45 },
                });
            }
        }
    }
    notes
}

/// Tones of the chord an octave up, going on above its highest.
fn arpeggio_pitch(chord: &Chord, index: usize) -> f32 {
    let tones = chord.voicing.len();
    (chord.voicing[index % tones] + 12 + 12 * (index / tones) as i32) as f32
}

fn accent(beat: f32) -> f32 {
    if beat % BEATS as f32 == 0.0 {
        1.0
    } else if beat.fract() == 0.0 {
        0.8
    } else {
        0.62
    }
}

fn bass(mood: &Mood, chords: &[Chord], dice: &mut Dice) -> Vec<Note> {
    let mut notes = Vec::new();
    for (start, chord) in placed(chords) {
        for bar in 0..chord.bars {
            for &(beat, length, octave) in mood.bass {
                // The octave leap is a spice, not a rule.
                let lift = if octave && dice.unit() < 0.6 { 12 } else { 0 };
                notes.push(Note {
                    start: start + (bar * BEATS) as f32 + beat,
                    length,
                    pitch: (chord.root + lift) as f32,
                    velocity: if beat == 0.0 { 1.0 } else { 0.8 },
                    pan: 0.0,
                });
            }
        }
    }
    notes
}

fn drums(mood: &Mood, bars: usize, dice: &mut Dice) -> Vec<Stroke> {
    let Some(beat) = &mood.beat else {
        return Vec::new();
    };
    // A long loop breathes: its first quarter has the shaker alone.
    let full_from = if bars >= 8 { bars / 4 } else { 0 };
    let mut strokes = Vec::new();
    for bar in 0..bars {
        add_bar(&mut strokes, beat, bar, bar >= full_from, dice);
    }
    strokes
}

fn add_bar(strokes: &mut Vec<Stroke>, beat: &Beat, bar: usize, is_full: bool, dice: &mut Dice) {
    let first = (bar * BEATS) as f32;
    let mut add = |drum, at: f32, velocity: f32| {
        strokes.push(Stroke {
            drum,
            start: first + at,
            velocity,
        });
    };
    if is_full {
        beat.kick.iter().for_each(|at| add(Drum::Kick, *at, 1.0));
        beat.rim.iter().for_each(|at| add(Drum::Rim, *at, 0.9));
    }
    let steps = (BEATS as f32 / beat.shaker_step) as usize;
    for step in 0..steps {
        let at = step as f32 * beat.shaker_step;
        let swing = if step % 2 == 1 { beat.swing } else { 0.0 };
        let loud = if at.fract() == 0.5 { 1.0 } else { 0.55 };
        add(
            Drum::Shaker,
            at + swing,
            loud * (0.85 + 0.15 * dice.signed()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::music::mood::MOODS;

    #[test]
    fn every_note_lies_inside_the_loop() {
        for mood in &MOODS {
            for bars in [1, 3, 8, 12] {
                let score = write(mood, 7, bars);
                let beats = (bars * BEATS) as f32;
                for note in score.pads.iter().chain(&score.keys).chain(&score.bass) {
                    assert!((0.0..beats).contains(&note.start), "{} {note:?}", mood.name);
                    assert!(note.length > 0.0 && (0.0..=1.1).contains(&note.velocity));
                }
                let end = score
                    .pads
                    .iter()
                    .map(|n| n.start + n.length)
                    .fold(0.0, f32::max);
                assert_eq!(end, beats);
                assert!(score.drums.iter().all(|stroke| stroke.start < beats));
            }
        }
    }

    #[test]
    fn chords_stay_in_key_and_in_range() {
        for mood in &MOODS {
            for seed in 0..20 {
                let chords = progression(mood, &mut Dice::new(seed, 1), 8);
                let tonic = 36 + Dice::new(seed, 1).pick(&[0, 2, 3, 5, 7, 9, 10]);
                for chord in &chords {
                    assert!((28..=40).contains(&chord.root));
                    for tone in &chord.voicing {
                        assert!((52..76).contains(tone), "{tone}");
                        assert!(mood.scale.contains(&(tone - tonic).rem_euclid(12)));
                    }
                }
            }
        }
    }

    #[test]
    fn voices_move_little() {
        for mood in &MOODS {
            let chords = progression(mood, &mut Dice::new(3, 1), 16);
            for pair in chords.windows(2) {
                let moved = movement(&pair[1].voicing, Some(&pair[0].voicing));
                assert!(
                    moved <= 5 * pair[0].voicing.len() as i32,
                    "{} {moved}",
                    mood.name
                );
            }
        }
    }

    #[test]
    fn seeds_vary_and_repeat() {
        let mood = &MOODS[1];
        assert_eq!(write(mood, 5, 8), write(mood, 5, 8));
        let different = (0..10)
            .filter(|seed| write(mood, *seed, 8) != write(mood, 5, 8))
            .count();
        assert_eq!(different, 9);
    }

    #[test]
    fn the_beat_enters_after_the_first_quarter() {
        let uplifting = MOODS.iter().find(|mood| mood.name == "uplifting").unwrap();
        let score = write(uplifting, 1, 12);
        let first_kick = score.drums.iter().find(|s| s.drum == Drum::Kick).unwrap();
        assert_eq!(first_kick.start, 12.0);
        assert!(
            score
                .drums
                .iter()
                .any(|s| s.drum == Drum::Shaker && s.start < 12.0)
        );
    }
}
