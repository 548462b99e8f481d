//! The resolved timeline: the renderer's only input and a golden-test format. One concept, one file.
//!
//! Nothing here is an expression or a rule any more: every box is in canvas pixels, every time is an integer over
//! a rational rate, every blob is named by its digest. Visual times count frames of the canvas rate; audio times
//! count samples at 48 kHz.

mod ass;
mod ass_reader;
mod audio;
mod caption;
mod clip;
mod cover;
mod effects;
mod font;
pub(crate) mod font_fallback;
mod generator;
mod media_reference;
mod media_warning;
mod origin;
mod overlay;
mod profile;
mod scale;
mod segment;
mod segments;
mod spacing;
mod srt;
mod subtitle_marks;
mod subtitle_reader;
pub(crate) mod subtitles;
mod track;
mod transition;
mod validate;

pub use audio::{
    AUDIO_RATE, AudioClip, AudioPlan, Ducking, LONGEST_MS, LoudnessTarget, MusicClip, SoundClip,
    SoundRole,
};
pub use caption::{
    CaptionPlate, CaptionPreset, CaptionStyle, CaptionTrack, Cue, CueWord, EmphasisLook, Highlight,
    HighlightMode, Outline, PlateShape, Shadow,
};
pub use clip::{Clip, Ease, Fill, Motion};
pub use cover::{CoverSpec, StillFormat};
pub use effects::{
    BackdropLook, Behind, Cutout, Effects, FocusKey, Grade, Key, Keyframe, LumaMatte, SPEEDS_PM,
    SubjectPath,
};
pub use font::{FontFace, FontRequest};
pub use generator::{Generator, Look};
pub use media_reference::{
    ColorTransfer, ExternalReference, MediaFacts, MediaKind, MediaReference,
};
pub use media_warning::MediaWarning;
pub use origin::{Credit, Origin, Provenance};
pub use overlay::{
    Anchor, Animation, AnimationKind, Overlay, OverlayContent, ProgressOverlay, Rect, ShapeOverlay,
    TextAlign, TextFit, TextOverlay,
};
pub use profile::Profile;
pub use segment::{
    MAX_SEGMENT_FRAMES, MIN_SEGMENT_FRAMES, SegmentShot, SegmentSpec, SegmentTransition,
};
pub use spacing::is_spaceless;
pub(crate) use srt::ends_sentence;
pub use srt::{SUBTITLE_LINE_CHARS, TimedWord, subtitles_of};
pub use subtitle_reader::{
    ReadSubtitles, SkippedSubtitle, SubtitleError, SubtitleFormat, read_subtitles,
};
pub use subtitles::{Subtitle, write_srt, write_vtt};
pub use track::{Gap, Track, TrackItem};
pub use transition::{Transition, TransitionKind};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::color::Color;
use crate::time::{FrameRate, RationalTime};

/// The picture's size, rate and the colour behind everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canvas {
    /// Width in pixels; even.
    pub width: u32,
    /// Height in pixels; even.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// The colour where nothing is drawn.
    pub background: Color,
}

/// Which template made the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateStamp {
    /// The template's name.
    pub name: String,
    /// The template's own version text.
    pub version: String,
    /// Hash of its text and of every template it builds on; empty where nobody has told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// A finished cut: what is seen and heard in every frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Version of this format; 1.
    pub version: u32,
    /// The template that made it.
    pub template: TemplateStamp,
    /// Size, rate and background.
    pub canvas: Canvas,
    /// Length in frames of the canvas rate; equals the picture track's length.
    pub duration: RationalTime,
    /// The one picture track: clips, gaps and the transitions between them, without holes.
    pub picture: Track,
    /// Overlays in painter's order, first at the bottom.
    pub overlays: Vec<Overlay>,
    /// The captions, drawn above every overlay.
    pub captions: Option<CaptionTrack>,
    /// Everything heard.
    pub audio: AudioPlan,
    /// Every font face the overlays and captions use.
    pub fonts: Vec<FontFace>,
    /// Sizes and encodings that the template offers beside the built-in ones, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
    /// Where a rule of the template could not be kept with these clips, for people. Nothing of it is visible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where what is seen and heard came from, each source once. Nothing of it is visible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}
