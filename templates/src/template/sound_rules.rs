//! `audio`: the loudness of the mix, the music's place under the voice, and ducking.

use super::fields::Fields;
use crate::timeline::{Ducking, LoudnessTarget};

/// Rules of the soundtrack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SoundRules {
    pub(crate) loudness: LoudnessTarget,
    pub(crate) ducking: Ducking,
    /// The music's level against the voice, millibels.
    pub(crate) music_gain_mb: i32,
    pub(crate) fade_in_ms: u32,
    pub(crate) fade_out_ms: u32,
}

impl Default for SoundRules {
    fn default() -> Self {
        Self {
            loudness: LoudnessTarget::default(),
            ducking: Ducking::default(),
            music_gain_mb: -1000,
            fade_in_ms: 300,
            fade_out_ms: 1500,
        }
    }
}

/// Reads `audio`.
pub(crate) fn read(fields: Option<Fields<'_>>) -> SoundRules {
    let mut rules = SoundRules::default();
    let Some(fields) = fields else { return rules };
    let loudness = &mut rules.loudness;
    set(
        &mut loudness.integrated_clufs,
        fields.scaled("loudness", 100.0, -31.0..=-9.0),
    );
    set(
        &mut loudness.true_peak_cdb,
        fields.scaled("true_peak", 100.0, -9.0..=0.0),
    );
    if let Some(music) = fields.map("music") {
        set(
            &mut rules.music_gain_mb,
            music.scaled("gain", 100.0, -60.0..=12.0),
        );
        set(&mut rules.fade_in_ms, music.duration("fade_in"));
        set(&mut rules.fade_out_ms, music.duration("fade_out"));
        music.later(&["loop"]);
        music.finish();
    }
    if let Some(ducking) = fields.map("ducking") {
        read_ducking(ducking, &mut rules.ducking);
    }
    fields.finish();
    rules
}

fn read_ducking(fields: Fields<'_>, ducking: &mut Ducking) {
    set(
        &mut ducking.depth_mb,
        fields.scaled("depth", 100.0, -60.0..=0.0),
    );
    set(&mut ducking.lookahead_ms, fields.duration("lookahead"));
    set(&mut ducking.attack_ms, fields.duration("attack"));
    set(&mut ducking.hold_ms, fields.duration("hold"));
    set(&mut ducking.release_ms, fields.duration("release"));
    set(&mut ducking.bridge_ms, fields.duration("bridge"));
    fields.finish();
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::*;

    #[test]
    fn reads_every_key() {
        let (rules, notes) = read_for_test(
            "audio: {loudness: -16, true_peak: -1.5, music: {gain: -20.5, fade_in: 1s, fade_out: 2s}, \
             ducking: {depth: -9, lookahead: 1ms, attack: 2ms, hold: 3ms, release: 4ms, bridge: 5ms}}",
            |fields| read(fields.map("audio")),
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            rules,
            SoundRules {
                loudness: LoudnessTarget {
                    integrated_clufs: -1600,
                    true_peak_cdb: -150,
                },
                ducking: Ducking {
                    depth_mb: -900,
                    lookahead_ms: 1,
                    attack_ms: 2,
                    hold_ms: 3,
                    release_ms: 4,
                    bridge_ms: 5,
                },
                music_gain_mb: -2050,
                fade_in_ms: 1000,
                fade_out_ms: 2000,
            }
        );
    }

    #[test]
    fn refuses_levels_out_of_range() {
        let (_, notes) = read_for_test(
            "audio: {loudness: 3, ducking: {depth: 6}, music: {loop: crossfade}, volume: 1}",
            |fields| read(fields.map("audio")),
        );
        assert_eq!(notes.len(), 4, "{notes:?}");
        assert!(notes[0].contains("it must be -31 to -9"));
    }
}
