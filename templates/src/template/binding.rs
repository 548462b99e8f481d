//! Bindings: what a job puts into a template's placeholders.
//!
//! Everything here is a value that was fetched, measured or resolved before; nothing is looked up.

use std::collections::BTreeMap;

use crate::color::Color;
use crate::digest::Digest;
use crate::timeline::{FontFace, MediaReference};

/// One clip to cut from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipBinding {
    /// For people, for example the file's name.
    pub name: String,
    /// What it shows.
    pub media: MediaReference,
}

/// A spoken word, in samples at 48 kHz from the start of its recording.
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
    /// Beats of the music, milliseconds from the start of the cut, in order.
    pub beats: Vec<u32>,
    /// Silence between scenes, milliseconds.
    pub gap_ms: u32,
    /// Whether captions are shown.
    pub captions: bool,
    /// BCP 47 language of the words.
    pub language: String,
    /// The music bed.
    pub music: Option<Digest>,
    /// Text placeholders.
    pub texts: BTreeMap<String, String>,
    /// Colour placeholders.
    pub colors: BTreeMap<String, Color>,
    /// Image placeholders.
    pub images: BTreeMap<String, ImageBinding>,
    /// The faces found for [`Template::font_requests_for`](crate::template::Template::font_requests_for).
    pub fonts: Vec<FontFace>,
    /// Where all variation comes from.
    pub seed: u64,
}
