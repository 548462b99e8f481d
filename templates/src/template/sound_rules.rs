//! `audio` and the audio tracks: the loudness of the mix, levels and fades, and how music makes room for the voice.

use super::condition::Condition;
use super::fields::Fields;
use crate::timeline::{Ducking, LoudnessTarget};

/// Rules of the soundtrack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoundRules {
    pub(crate) loudness: LoudnessTarget,
    pub(crate) ducking: Ducking,
    pub(crate) voice: VoiceTrack,
    pub(crate) music: MusicTrack,
}

/// The narration's track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VoiceTrack {
    /// Its level, millibels.
    pub(crate) gain_mb: i32,
    /// Heard only if this holds.
    pub(crate) only_if: Option<Condition>,
}

/// The music's track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MusicTrack {
    /// Its level against the voice, millibels.
    pub(crate) gain_mb: i32,
    pub(crate) fade_in_ms: u32,
    pub(crate) fade_out_ms: u32,
    /// Heard only if this holds.
    pub(crate) only_if: Option<Condition>,
}

impl Default for MusicTrack {
    fn default() -> Self {
        Self {
            gain_mb: -1000,
            fade_in_ms: 300,
            fade_out_ms: 1500,
            only_if: None,
        }
    }
}

/// Reads `audio`: the loudness and the ducking.
pub(crate) fn read(fields: Option<Fields<'_>>) -> (LoudnessTarget, Ducking) {
    let (mut loudness, mut ducking) = (LoudnessTarget::default(), Ducking::default());
    let Some(fields) = fields else {
        return (loudness, ducking);
    };
    set(
        &mut loudness.integrated_clufs,
        fields.scaled("loudness", 100.0),
    );
    set(
        &mut loudness.true_peak_cdb,
        fields.scaled("true_peak", 100.0),
    );
    if let Some(inner) = fields.map("ducking") {
        read_ducking(inner, &mut ducking);
    }
    fields.finish();
    (loudness, ducking)
}

fn read_ducking(fields: Fields<'_>, ducking: &mut Ducking) {
    set(&mut ducking.depth_mb, fields.scaled("depth", 100.0));
    for (key, slot) in [
        ("lookahead", &mut ducking.lookahead_ms),
        ("attack", &mut ducking.attack_ms),
        ("hold", &mut ducking.hold_ms),
        ("release", &mut ducking.release_ms),
        ("bridge", &mut ducking.bridge_ms),
    ] {
        set(slot, fields.duration(key));
    }
    fields.finish();
}

/// Reads the keys of the narration's track that are not every track's.
pub(crate) fn read_voice(track: &Fields<'_>, only_if: Option<Condition>) -> VoiceTrack {
    for key in ["loop", "fade"] {
        if track.has(key) {
            track.conflict(
                key,
                "is for music; the narration plays once, as it was spoken",
                "leave it out, or write `role: music`",
            );
        }
    }
    VoiceTrack {
        gain_mb: track.scaled("gain", 100.0).unwrap_or(0),
        only_if,
    }
}

/// Reads the keys of the music's track that are not every track's.
pub(crate) fn read_music(track: &Fields<'_>, only_if: Option<Condition>) -> MusicTrack {
    let mut music = MusicTrack {
        only_if,
        ..MusicTrack::default()
    };
    set(&mut music.gain_mb, track.scaled("gain", 100.0));
    track.choice("loop", &[("crossfade", ())]);
    if let Some(fade) = track.map("fade") {
        set(&mut music.fade_in_ms, fade.duration("in"));
        set(&mut music.fade_out_ms, fade.duration("out"));
        fade.finish();
    }
    music
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::{grammar, section};
    use super::*;

    #[test]
    fn reads_every_key() {
        let (rules, notes) = read_for_test(
            grammar(),
            "audio: {loudness: -16, true_peak: -1.5, \
             ducking: {depth: -9, lookahead: 1ms, attack: 2ms, hold: 3ms, release: 4ms, bridge: 5ms}}",
            |fields| read(fields.map("audio")),
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            rules,
            (
                LoudnessTarget {
                    integrated_clufs: -1600,
                    true_peak_cdb: -150,
                },
                Ducking {
                    depth_mb: -900,
                    lookahead_ms: 1,
                    attack_ms: 2,
                    hold_ms: 3,
                    release_ms: 4,
                    bridge_ms: 5,
                }
            )
        );
    }

    #[test]
    fn refuses_levels_out_of_range_and_unknown_keys() {
        let (_, notes) = read_for_test(
            grammar(),
            "audio: {loudness: 3, ducking: {depth: 6}, volume: 1}",
            |fields| read(fields.map("audio")),
        );
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[0].contains("from -31 to -9"));
    }

    #[test]
    fn tracks_have_levels_and_music_has_fades() {
        let track = section("tracks[audio]").unwrap();
        let text = "gain: -20.5, loop: crossfade, fade: {in: 1s, out: 2s}";
        let (music, notes) = read_for_test(track, &format!("{{{text}}}"), |fields| {
            read_music(&fields, None)
        });
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            (music.gain_mb, music.fade_in_ms, music.fade_out_ms),
            (-2050, 1000, 2000)
        );
        let (voice, notes) = read_for_test(track, &format!("{{{text}}}"), |fields| {
            read_voice(&fields, None)
        });
        assert_eq!((voice.gain_mb, notes.len()), (-2050, 2), "{notes:?}");
    }
}
