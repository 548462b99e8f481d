//! Bindings: what a job puts into a template's placeholders.
//!
//! Everything here is a value that was fetched, measured or resolved before; nothing is looked up.

use std::collections::BTreeMap;

use crate::color::Color;
use crate::digest::Digest;
use crate::timeline::{FontFace, MediaReference, SubjectPath};

/// One clip to cut from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipBinding {
    /// For people, for example the file's name.
    pub name: String,
    /// What it shows.
    pub media: MediaReference,
}

/// A spoken or shown word, in samples at 48 kHz from the start of its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceWord {
    /// As shown, with its punctuation.
    pub text: String,
    /// First sample.
    pub start: u64,
    /// First sample after it.
    pub end: u64,
}

/// One spoken scene (usually a sentence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceBinding {
    /// The scene's id.
    pub id: String,
    /// The recording.
    pub source: Digest,
    /// Its length in samples at 48 kHz.
    pub samples: u64,
    /// Its words in order.
    pub words: Vec<VoiceWord>,
    /// Words that the script emphasises here; several in one text are each meant.
    pub emphasis: Vec<String>,
}

/// The words shown as captions: the narration's own, or others at times of their own. Shots and ducking follow the
/// narration, whatever is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionBinding {
    /// BCP 47 language of the words shown.
    pub language: String,
    /// For every scene of the narration the words shown in it, in samples of its recording.
    pub scenes: Vec<Vec<VoiceWord>>,
}

impl CaptionBinding {
    /// The narration's own words, as they are spoken.
    pub fn spoken(voice: &[VoiceBinding], language: &str) -> Self {
        Self {
            language: language.to_owned(),
            scenes: voice.iter().map(|scene| scene.words.clone()).collect(),
        }
    }
}

/// A still with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageBinding {
    /// The file.
    pub source: Digest,
    /// Displayed width in pixels, at least 1.
    pub width: u32,
    /// Displayed height in pixels, at least 1.
    pub height: u32,
}

/// Everything a job gives to a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    /// The clips in the order they should be seen.
    pub clips: Vec<ClipBinding>,
    /// The narration, one recording per scene; empty for a silent cut.
    pub voice: Vec<VoiceBinding>,
    /// Ids of the scenes with which a chapter begins.
    pub chapters: Vec<String>,
    /// When the first word of some scenes is heard, milliseconds from the start of the cut, by the scene's id.
    pub starts: BTreeMap<String, u32>,
    /// Beats of the music, milliseconds from the start of the cut, in order.
    pub beats: Vec<u32>,
    /// Silence between scenes, milliseconds.
    pub gap_ms: u32,
    /// The captions; none are shown where nothing is bound.
    pub captions: Option<CaptionBinding>,
    /// The music bed.
    pub music: Option<Digest>,
    /// Sounds for the effect tracks' placeholders.
    pub effects: BTreeMap<String, Digest>,
    /// Text placeholders.
    pub texts: BTreeMap<String, String>,
    /// Colour placeholders.
    pub colors: BTreeMap<String, Color>,
    /// Image placeholders.
    pub images: BTreeMap<String, ImageBinding>,
    /// Look-up tables by placeholder.
    pub luts: BTreeMap<String, Digest>,
    /// Where the subjects of the clips were found, by the clip's blob.
    pub subjects: BTreeMap<Digest, SubjectPath>,
    /// The faces found for [`Template::font_requests_for`](crate::template::Template::font_requests_for).
    pub fonts: Vec<FontFace>,
    /// Where all variation comes from.
    pub seed: u64,
}
