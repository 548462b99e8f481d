//! Speech that was recorded elsewhere: brought into the house's form, listened to, and timed word by word.
//!
//! Neighbours: `nodes::narration` and `nodes::subtitle_auto` ask for these, the worker does them.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::hearing::HeardWord;

/// How the times of words are known, from the best to the least.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Whoever spoke or heard them says so.
    #[default]
    Provider,
    /// The known words were found in the sound.
    Aligned,
    /// The words share the sound by their lengths, between pauses.
    Proportional,
}

impl Rung {
    /// Its name in documents and notes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Aligned => "aligned",
            Self::Proportional => "proportional",
        }
    }

    /// Whether it is the best one; so that values say nothing of it.
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    pub const fn is_provider(&self) -> bool {
        matches!(self, Self::Provider)
    }
}

/// A piece of a scene as a provider spoke it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenPiece {
    /// The recording, in any form that is read.
    pub source: Digest,
    /// What was to be said.
    pub text: String,
    /// The words as the provider times them; empty where it gives no times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HeardWord>,
}

/// Make of recorded pieces one recording like those of the engines of this machine: mono WAV at 48 kHz, without silence
/// around it, at the house's loudness, with a time for every word of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeSpeechRequest {
    /// The pieces in order.
    pub pieces: Vec<SpokenPiece>,
    /// BCP 47 language.
    pub language: String,
    /// How much faster it becomes, permille; the pitch stays.
    pub tempo_pm: u32,
}

/// Take the sound of a recording as recognisers want it: mono WAV at 16 kHz. Its facts have no words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractSpeechRequest {
    /// The recording.
    pub source: Digest,
}

/// Find when each word of a known text is said in a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignWordsRequest {
    /// The recording.
    pub source: Digest,
    /// What is said.
    pub text: String,
    /// BCP 47 language.
    pub language: String,
    /// Words or whole phrases that somebody heard, with their times; may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HeardWord>,
}
