//! Captions with word times: cues are laid out once by the renderer, words light up as they are spoken.

use serde::{Deserialize, Serialize};

use crate::color::Color;
use crate::time::TimeRange;
use crate::timeline::{Anchor, FontRequest};

/// How a cue appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptionPreset {
    /// Whole phrase at once, the spoken word highlighted.
    Karaoke,
    /// As `karaoke`, the cue springs in (scale 0.85 -> 1.05 -> 1.0 in 120 ms).
    Pop,
    /// As `karaoke`, the spoken word sits in a rounded box.
    Box,
    /// As `karaoke`, a marker is drawn over the spoken word in its reading direction.
    Highlight,
    /// As `karaoke`, every word hops as it is spoken.
    Bounce,
    /// As `karaoke`, the cue slides up into its place.
    Slide,
    /// Letters appear as they are spoken, in places that are kept for them.
    Typewriter,
    /// Whole phrase, no highlight.
    Phrase,
    /// As `phrase`, without outline.
    Clean,
}

/// What happens to the word being spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HighlightMode {
    /// It takes the highlight colour.
    Color,
    /// A rounded box in the highlight colour behind it.
    Box,
    /// A band in the highlight colour that is drawn over it, from where reading begins.
    Marker,
    /// The highlight colour runs through its letters while it is spoken, and stays.
    Fill,
    /// Nothing.
    None,
}

/// The active word's look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Highlight {
    /// What happens.
    pub mode: HighlightMode,
    /// The colour used by the mode.
    pub color: Color,
    /// Size of the active word in permille of the normal size; the line never reflows.
    pub scale_pm: u16,
    /// Colour of the active word's letters on a box or a marker; absent: the style's own on a box, black or white on
    /// a marker, whichever is read better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Color>,
    /// The active word's own stroke, of no width for none; absent: that of the other words, none on a marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Outline>,
    /// Space between the word and its box's or marker's edge in pixels; absent: a share of the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u16>,
    /// Corner radius of the box or marker in pixels; absent: a share of the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<u16>,
    /// Colour of words that have been spoken; absent: the style's own, with [`HighlightMode::Fill`] the highlight's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoken: Option<Color>,
}

impl Highlight {
    /// A highlight that says nothing beyond these.
    pub const fn new(mode: HighlightMode, color: Color, scale_pm: u16) -> Self {
        Self {
            mode,
            color,
            scale_pm,
            text: None,
            outline: None,
            padding: None,
            radius: None,
            spoken: None,
        }
    }
}

/// What a plate behind a cue surrounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlateShape {
    /// All lines together.
    Block,
    /// Every line by its own width; where lines meet the plate is one.
    Lines,
}

/// A plate behind a whole cue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionPlate {
    /// Its colour.
    pub color: Color,
    /// Space between letters and edge, pixels.
    pub padding: u16,
    /// Corner radius, pixels.
    pub radius: u16,
    /// What it surrounds.
    pub shape: PlateShape,
}

/// A stroke around the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Pixels outside the letter's edge.
    pub width: u16,
    /// Its colour.
    pub color: Color,
}

/// A soft shadow under the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// Pixels to the bottom.
    pub y: i16,
    /// Blur radius in pixels.
    pub blur: u16,
    /// Its colour.
    pub color: Color,
}

/// How emphasised words look apart from the others while they are not spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmphasisLook {
    /// Their colour; absent: the highlight's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
    /// Weight of their letters, 100 to 900; absent: that of the others. The face must be among the timeline's fonts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
}

/// The resolved look of a caption track, in canvas pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionStyle {
    /// How cues appear.
    pub preset: CaptionPreset,
    /// The face; must be among the timeline's fonts.
    pub font: FontRequest,
    /// Size in pixels (em).
    pub size: u16,
    /// Colour of words not being spoken.
    pub color: Color,
    /// Letters in upper case.
    pub uppercase: bool,
    /// Stroke, if any.
    pub outline: Option<Outline>,
    /// Shadow, if any.
    pub shadow: Option<Shadow>,
    /// Plate behind the cue, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<CaptionPlate>,
    /// The active word.
    pub highlight: Highlight,
    /// Emphasised words, where they are told apart by more than the highlight's colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emphasis: Option<EmphasisLook>,
    /// Lines per cue at the most; the renderer shrinks by up to 15 % before it wraps further.
    pub max_lines: u8,
    /// Widest line in pixels.
    pub max_width: u16,
    /// Which point of the text block sits at (`x`, `y`).
    pub anchor: Anchor,
    /// Pixels from the left of the canvas.
    pub x: i32,
    /// Pixels from the top of the canvas.
    pub y: i32,
}

impl CaptionStyle {
    /// The face of emphasised words, where it is another than that of the others.
    #[must_use]
    pub fn strong_font(&self) -> Option<FontRequest> {
        let weight = self.emphasis?.weight?;
        (weight != self.font.weight).then(|| FontRequest {
            weight,
            ..self.font.clone()
        })
    }
}

/// One word inside a cue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CueWord {
    /// The word with its punctuation, as shown.
    pub text: String,
    /// Frames in which it is spoken.
    pub range: TimeRange,
    /// Shown as emphasised words are: in the highlight's colour, where the style says nothing else.
    pub emphasis: bool,
}

/// A group of words shown together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// Frames in which the cue is visible.
    pub range: TimeRange,
    /// Its words in reading order; at least one.
    pub words: Vec<CueWord>,
}

/// All cues and their one style. Cues are in time order and do not overlap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionTrack {
    /// The look.
    pub style: CaptionStyle,
    /// The cues.
    pub cues: Vec<Cue>,
}
