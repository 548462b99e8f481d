//! What is heard: voice clips, a music bed, the sound of clips, effects, the ducking between them and the loudness
//! target.
//!
//! Mixing is one action for the whole timeline, in the renderer's `mix` module.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::time::{FrameRate, RationalTime, TimeRange};

/// Samples per second of every mix.
pub const AUDIO_RATE: FrameRate = FrameRate::whole(48_000);

/// Longest cut in milliseconds: a mix is held in memory as a whole.
pub const LONGEST_MS: u32 = 30 * 60 * 1000;

/// One recording placed on the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioClip {
    /// The recording, any format FFmpeg reads; resampled to 48 kHz.
    pub source: Digest,
    /// Where its first sample lands, in samples at [`AUDIO_RATE`].
    pub start: RationalTime,
    /// Gain in millibels (1/100 dB).
    pub gain_mb: i32,
}

/// The music bed, looped with an equal-power cross-fade when it is shorter than the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MusicClip {
    /// The recording.
    pub source: Digest,
    /// Level against the voice's, in millibels, before ducking; -2000 is 20 dB under it.
    pub gain_mb: i32,
    /// Fade at the start, milliseconds.
    pub fade_in_ms: u32,
    /// Fade at the end, milliseconds.
    pub fade_out_ms: u32,
    /// Heard once from the start instead of repeated to the end of the timeline.
    #[serde(default, skip_serializing_if = "is_false")]
    pub once: bool,
}

/// What a sound is for, which decides its level and whether it makes room for speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundRole {
    /// What a clip was recorded with: all of its parts are levelled together, and it makes room like music.
    Clip,
    /// A recording beside the narration, levelled by itself; makes room like music.
    Under,
    /// A short sound that marks a moment: levelled by itself, heard over everything.
    Effect,
}

/// A sound besides narration and music, heard over a span of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundClip {
    /// The recording; for a clip's own sound the film itself.
    pub source: Digest,
    /// What it is for.
    pub role: SoundRole,
    /// Where its first sample lands, in samples at [`AUDIO_RATE`].
    pub start: RationalTime,
    /// First sample of the recording that is heard, at [`AUDIO_RATE`]; time 0 of a film is its first picture.
    pub from: RationalTime,
    /// How long it is heard, in samples; none for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<RationalTime>,
    /// Level against the voice's, in millibels, before ducking.
    pub gain_mb: i32,
    /// Fade at its start, milliseconds; two sounds that fade over the same span keep their power.
    pub fade_in_ms: u32,
    /// Fade at its end, milliseconds.
    pub fade_out_ms: u32,
    /// How fast it is played, in permille of its own speed, its pitch kept; absent is as it is. `from` counts its own
    /// time, `length` the timeline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_pm: Option<u32>,
    /// Whether silence before and after its sound is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trimmed: bool,
}

impl SoundClip {
    /// How much of its recording a length of the timeline takes, both in samples.
    #[must_use]
    pub fn taken(&self, length: u64) -> u64 {
        self.speed_pm
            .map_or(length, |speed| length * u64::from(speed) / 1000)
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The gain curve of the music while somebody speaks, computed from word times (no compressor, no pumping).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ducking {
    /// How far the music falls, millibels; negative.
    pub depth_mb: i32,
    /// How long before the first word the fall starts, milliseconds.
    pub lookahead_ms: u32,
    /// Length of the fall (raised cosine), milliseconds.
    pub attack_ms: u32,
    /// How long it stays down after the last word, milliseconds.
    pub hold_ms: u32,
    /// Length of the rise, milliseconds.
    pub release_ms: u32,
    /// Pauses shorter than this stay ducked, milliseconds.
    pub bridge_ms: u32,
}

impl Default for Ducking {
    fn default() -> Self {
        Self {
            depth_mb: -1200,
            lookahead_ms: 80,
            attack_ms: 120,
            hold_ms: 250,
            release_ms: 450,
            bridge_ms: 600,
        }
    }
}

/// Where the finished mix must land (EBU R128).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoudnessTarget {
    /// Integrated loudness in hundredths of LUFS; -1400 is -14 LUFS.
    pub integrated_clufs: i32,
    /// Highest true peak in hundredths of dBTP; -100 is -1 dBTP.
    pub true_peak_cdb: i32,
}

impl Default for LoudnessTarget {
    fn default() -> Self {
        Self {
            integrated_clufs: -1400,
            true_peak_cdb: -100,
        }
    }
}

/// The whole soundtrack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Length in samples at [`AUDIO_RATE`]; covers the picture exactly.
    pub duration: RationalTime,
    /// Voice clips, in time order.
    pub voice: Vec<AudioClip>,
    /// Spans in which a word is spoken, in samples at [`AUDIO_RATE`], in order, not overlapping.
    pub speech: Vec<TimeRange>,
    /// The music bed.
    pub music: Option<MusicClip>,
    /// Sounds of clips and effects, in time order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sounds: Vec<SoundClip>,
    /// How the music makes room for speech.
    pub ducking: Ducking,
    /// The loudness of the result.
    pub loudness: LoudnessTarget,
}
