//! The four moods: what a composer would write on the first page.

/// How a mood is written and played.
#[derive(Debug)]
pub(crate) struct Mood {
    pub(crate) name: &'static str,
    /// Semitones of the seven scale degrees.
    pub(crate) scale: [i32; 7],
    /// Scale degrees of the chords, one of these lists by seed.
    pub(crate) progressions: &'static [[usize; 4]],
    /// Scale steps above a chord's root that sound together.
    pub(crate) stack: &'static [usize],
    pub(crate) bars_per_chord: usize,
    pub(crate) arpeggio: Arpeggio,
    /// Beat, length in beats, and whether it may leap an octave.
    pub(crate) bass: &'static [(f32, f32, bool)],
    pub(crate) beat: Option<Beat>,
    pub(crate) sound: Sound,
}

/// The broken chords of the keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arpeggio {
    /// Beats between places.
    pub(crate) step: f32,
    /// How many places are played, 0 to 1.
    pub(crate) density: f32,
    /// Beats a tone rings.
    pub(crate) length: f32,
}

/// Places of the strokes in a bar, in beats.
#[derive(Debug)]
pub(crate) struct Beat {
    pub(crate) kick: &'static [f32],
    pub(crate) rim: &'static [f32],
    pub(crate) shaker_step: f32,
    /// How late every second stroke of the shaker is, in beats.
    pub(crate) swing: f32,
}

/// Colours and levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sound {
    /// Middle of the pad's moving low-pass filter, hertz.
    pub(crate) pad_hz: f32,
    pub(crate) pad: f32,
    pub(crate) keys: f32,
    /// Brightness of the keys: depth of the frequency modulation.
    pub(crate) keys_index: f32,
    pub(crate) bass: f32,
    pub(crate) drums: f32,
    /// How far pad and bass give way on each beat, decibels.
    pub(crate) pulse_db: f32,
    /// Share of the room.
    pub(crate) reverb: f32,
    /// Seconds until the room is 60 dB down.
    pub(crate) reverb_s: f32,
}

const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
const MINOR: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];

/// All moods, by the names a request may use.
pub(crate) const MOODS: [Mood; 4] = [CALM, UPLIFTING, DREAMY, DRIVING];

const CALM: Mood = Mood {
    name: "calm",
    scale: MAJOR,
    progressions: &[[0, 4, 5, 3], [0, 5, 3, 4], [0, 2, 3, 4], [3, 0, 4, 5]],
    stack: &[0, 2, 4, 8],
    bars_per_chord: 2,
    arpeggio: Arpeggio {
        step: 1.0,
        density: 0.55,
        length: 2.5,
    },
    bass: &[(0.0, 3.6, false)],
    beat: None,
    sound: Sound {
        pad_hz: 900.0,
        pad: 1.0,
        keys: 0.55,
        keys_index: 1.1,
        bass: 0.6,
        drums: 0.0,
        pulse_db: 0.0,
        reverb: 0.34,
        reverb_s: 2.4,
    },
};

const UPLIFTING: Mood = Mood {
    name: "uplifting",
    scale: MAJOR,
    progressions: &[[0, 4, 5, 3], [5, 3, 0, 4], [0, 3, 5, 4], [3, 4, 0, 5]],
    stack: &[0, 2, 4, 7],
    bars_per_chord: 1,
    arpeggio: Arpeggio {
        step: 0.5,
        density: 0.8,
        length: 1.0,
    },
    bass: &[(0.0, 1.4, false), (1.5, 0.9, false), (3.0, 0.8, true)],
    beat: Some(Beat {
        kick: &[0.0, 1.5, 2.0],
        rim: &[1.0, 3.0],
        shaker_step: 0.5,
        swing: 0.02,
    }),
    sound: Sound {
        pad_hz: 1500.0,
        pad: 0.85,
        keys: 0.7,
        keys_index: 1.5,
        bass: 0.7,
        drums: 0.8,
        pulse_db: 2.5,
        reverb: 0.22,
        reverb_s: 1.6,
    },
};

const DREAMY: Mood = Mood {
    name: "dreamy",
    scale: MAJOR,
    progressions: &[[5, 3, 0, 4], [3, 0, 5, 2], [0, 2, 5, 3], [1, 4, 0, 5]],
    stack: &[0, 2, 6, 8],
    bars_per_chord: 2,
    arpeggio: Arpeggio {
        step: 0.5,
        density: 0.4,
        length: 3.0,
    },
    bass: &[(0.0, 3.8, false)],
    beat: None,
    sound: Sound {
        pad_hz: 1100.0,
        pad: 1.0,
        keys: 0.6,
        keys_index: 1.8,
        bass: 0.5,
        drums: 0.0,
        pulse_db: 0.8,
        reverb: 0.45,
        reverb_s: 3.2,
    },
};

const DRIVING: Mood = Mood {
    name: "driving",
    scale: MINOR,
    progressions: &[[0, 5, 2, 6], [0, 3, 5, 6], [0, 6, 5, 4], [5, 6, 0, 2]],
    stack: &[0, 2, 4, 7],
    bars_per_chord: 1,
    arpeggio: Arpeggio {
        step: 0.25,
        density: 0.7,
        length: 0.5,
    },
    bass: &[
        (0.0, 0.45, false),
        (0.5, 0.45, false),
        (1.0, 0.45, false),
        (1.5, 0.45, true),
        (2.0, 0.45, false),
        (2.5, 0.45, false),
        (3.0, 0.45, false),
        (3.5, 0.45, true),
    ],
    beat: Some(Beat {
        kick: &[0.0, 1.0, 2.0, 3.0],
        rim: &[1.0, 3.0],
        shaker_step: 0.25,
        swing: 0.0,
    }),
    sound: Sound {
        pad_hz: 1300.0,
        pad: 0.75,
        keys: 0.55,
        keys_index: 1.3,
        bass: 0.8,
        drums: 0.9,
        pulse_db: 4.0,
        reverb: 0.18,
        reverb_s: 1.2,
    },
};

/// The mood of a name.
pub(crate) fn find(name: &str) -> Option<&'static Mood> {
    static ALL: [Mood; 4] = MOODS;
    ALL.iter().find(|mood| mood.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moods_are_found_by_name_alone() {
        for name in ["calm", "uplifting", "dreamy", "driving"] {
            assert_eq!(find(name).unwrap().name, name);
        }
        assert!(find("Calm").is_none() && find("").is_none());
    }

    #[test]
    fn patterns_fit_a_bar() {
        for mood in &MOODS {
            assert!(
                mood.bass
                    .iter()
                    .all(|(beat, length, _)| beat + length <= 4.0)
            );
            assert_eq!((4.0 / mood.arpeggio.step).fract(), 0.0);
            let strokes = mood
                .beat
                .iter()
                .flat_map(|beat| beat.kick.iter().chain(beat.rim));
            assert!(strokes.into_iter().all(|at| *at < 4.0));
        }
    }
}
