//! `audio` and the audio tracks: the loudness of the mix, levels and fades, what of clips is heard, at which moments
//! effects sound, and how music makes room for the voice.

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
    /// The level of the sound that clips were recorded with, millibels against the voice; none where it is not heard.
    pub(crate) clips_gain_mb: Option<i32>,
    /// Effects, in the document's order.
    pub(crate) effects: Vec<EffectTrack>,
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
    /// Heard once instead of repeated.
    pub(crate) once: bool,
    /// Heard only if this holds.
    pub(crate) only_if: Option<Condition>,
}

/// When an effect is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At the start of the video.
    Start,
    /// Wherever the picture changes.
    Cut,
    /// Wherever one shot blends into the next.
    Transition,
    /// Wherever a scene begins.
    Scene,
    /// Wherever a chapter begins.
    Chapter,
    /// At every word that the script emphasises.
    Emphasis,
}

/// A short sound at certain moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EffectTrack {
    /// The placeholder it plays.
    pub(crate) source: String,
    pub(crate) at: Moment,
    /// How long before its moment it begins, milliseconds.
    pub(crate) lead_ms: u32,
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
            once: false,
            only_if: None,
        }
    }
}

/// Level of the sound of clips where none is written, millibels.
const CLIPS_GAIN_MB: i32 = -600;

/// Level of an effect where none is written, millibels.
const EFFECT_GAIN_MB: i32 = -600;

/// What `audio` says: the loudness, the ducking, and the level of the sound of clips if it is heard.
pub(crate) type Mixing = (LoudnessTarget, Ducking, Option<i32>);

/// Reads `audio`.
pub(crate) fn read(fields: Option<Fields<'_>>) -> Mixing {
    let (mut loudness, mut ducking) = (LoudnessTarget::default(), Ducking::default());
    let Some(fields) = fields else {
        return (loudness, ducking, None);
    };
    let keeps = fields.choice("clips", &[("mute", false), ("keep", true)]) == Some(true);
    let gain = fields.scaled("clips_gain", 100.0);
    if gain.is_some() && !keeps {
        fields.conflict(
            "clips_gain",
            "is the level of a sound that is not heard",
            "write `clips: keep`, or leave it out",
        );
    }
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
    let clips = keeps.then(|| gain.unwrap_or(CLIPS_GAIN_MB));
    (loudness, ducking, clips)
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
    only_for_effects(track);
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
    only_for_effects(track);
    if let Some(once) = track.choice("loop", &[("crossfade", false), ("none", true)]) {
        music.once = once;
    }
    if let Some(fade) = track.map("fade") {
        set(&mut music.fade_in_ms, fade.duration("in"));
        set(&mut music.fade_out_ms, fade.duration("out"));
        fade.finish();
    }
    music
}

/// Keys that say when something short is heard.
fn only_for_effects(track: &Fields<'_>) {
    for key in ["at", "lead"] {
        if track.has(key) {
            track.conflict(
                key,
                "is for effects; narration and music last",
                "leave it out, or write `role: sfx`",
            );
        }
    }
}

/// Reads the keys of an effect's track that are not every track's, but for its source.
pub(crate) fn read_effect(track: &Fields<'_>, only_if: Option<Condition>) -> EffectTrack {
    const MOMENTS: [(&str, Moment); 6] = [
        ("start", Moment::Start),
        ("cut", Moment::Cut),
        ("transition", Moment::Transition),
        ("scene", Moment::Scene),
        ("chapter", Moment::Chapter),
        ("emphasis", Moment::Emphasis),
    ];
    if track.has("loop") {
        track.conflict(
            "loop",
            "is for music; an effect is heard once at each of its moments",
            "leave it out, or write `role: music`",
        );
    }
    let mut effect = EffectTrack {
        source: String::new(),
        at: track.choice("at", &MOMENTS).unwrap_or(Moment::Cut),
        lead_ms: track.duration("lead").unwrap_or(0),
        gain_mb: track.scaled("gain", 100.0).unwrap_or(EFFECT_GAIN_MB),
        fade_in_ms: 0,
        fade_out_ms: 0,
        only_if,
    };
    if let Some(fade) = track.map("fade") {
        set(&mut effect.fade_in_ms, fade.duration("in"));
        set(&mut effect.fade_out_ms, fade.duration("out"));
        fade.finish();
    }
    effect
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
                },
                None
            )
        );
    }

    // spec: T-55
    #[test]
    fn the_sound_of_clips_has_a_level_only_where_it_is_heard() {
        let of = |text: &str| {
            read_for_test(grammar(), &format!("audio: {{{text}}}"), |fields| {
                read(fields.map("audio")).2
            })
        };
        assert_eq!(of("clips: keep"), (Some(-600), Vec::new()));
        assert_eq!(
            of("clips: keep, clips_gain: -12"),
            (Some(-1200), Vec::new())
        );
        assert_eq!(of("clips: mute"), (None, Vec::new()));
        let (level, notes) = of("clips_gain: -12");
        assert_eq!((level, notes.len()), (None, 1), "{notes:?}");
    }

    #[test]
    fn effects_have_moments_and_music_has_not() {
        let track = section("tracks[audio]").unwrap();
        let text = "{at: transition, lead: 150ms, gain: -9, fade: {out: 200ms}}";
        let (effect, notes) = read_for_test(track, text, |fields| read_effect(&fields, None));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            (
                effect.at,
                effect.lead_ms,
                effect.gain_mb,
                effect.fade_out_ms
            ),
            (Moment::Transition, 150, -900, 200)
        );
        let (_, notes) = read_for_test(track, text, |fields| read_music(&fields, None));
        assert_eq!(notes.len(), 2, "{notes:?}");
        let (music, notes) =
            read_for_test(track, "{loop: none}", |fields| read_music(&fields, None));
        assert!(music.once && notes.is_empty(), "{notes:?}");
        let (_, notes) = read_for_test(track, "{loop: none}", |fields| read_effect(&fields, None));
        assert_eq!(notes.len(), 1, "{notes:?}");
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
