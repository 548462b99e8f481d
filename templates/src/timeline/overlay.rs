//! Texts, images and shapes over the picture, with resolved boxes.

use serde::{Deserialize, Serialize};

use crate::color::Color;
use crate::digest::Digest;
use crate::time::TimeRange;
use crate::timeline::{FontRequest, Keyframe, Outline, Shadow};

/// Nine points of a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// Top left corner.
    TopLeft,
    /// Middle of the top edge.
    Top,
    /// Top right corner.
    TopRight,
    /// Middle of the left edge.
    Left,
    /// The centre.
    Center,
    /// Middle of the right edge.
    Right,
    /// Bottom left corner.
    BottomLeft,
    /// Middle of the bottom edge.
    Bottom,
    /// Bottom right corner.
    BottomRight,
}

/// A rectangle in canvas pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width, at least 1.
    pub w: u32,
    /// Height, at least 1.
    pub h: u32,
}

/// How an overlay comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnimationKind {
    /// Opacity only.
    Fade,
    /// Moves up by 60 px while fading.
    SlideUp,
    /// Moves down by 60 px while fading.
    SlideDown,
    /// Moves to the left by 60 px while fading.
    SlideLeft,
    /// Moves to the right by 60 px while fading.
    SlideRight,
    /// Grows from nothing, or shrinks to it.
    Scale,
    /// Is uncovered, or covered, from left to right.
    Wipe,
    /// Letter after letter; only for texts.
    Typewriter,
    /// Grows from 85 % while fading, with a small overshoot.
    Pop,
}

/// An animation at one end of an overlay's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Animation {
    /// Which one.
    pub kind: AnimationKind,
    /// Its length in frames, at least 1.
    pub frames: u32,
}

/// What happens when a text is too long for its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFit {
    /// Smaller letters until it fits (not below half the size).
    Shrink,
    /// Cut at the last line that fits, ending in an ellipsis.
    Ellipsis,
    /// As many lines as it takes, at its own size; the box grows from its anchor.
    Wrap,
}

/// How the lines of a text are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextAlign {
    /// To the left edge of the text.
    Left,
    /// Around its middle.
    Center,
    /// To its right edge.
    Right,
}

/// A text in a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextOverlay {
    /// The text; line breaks are kept.
    pub text: String,
    /// The face; must be among the timeline's fonts.
    pub font: FontRequest,
    /// Size in pixels (em).
    pub size: u16,
    /// Colour.
    pub color: Color,
    /// Lines at the most.
    pub max_lines: u8,
    /// What to do when it does not fit.
    pub fit: TextFit,
    /// How its lines are set; absent is as the overlay's anchor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<TextAlign>,
    /// Plate behind the text, drawn around the text's own extent.
    pub background: Option<Color>,
    /// Space between text and plate edge, pixels.
    pub padding: u16,
    /// Corner radius of the plate, pixels.
    pub radius: u16,
    /// Stroke, if any.
    pub outline: Option<Outline>,
    /// Shadow, if any.
    pub shadow: Option<Shadow>,
}

/// A filled rounded rectangle, of one colour or running from its upper edge to another at its lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeOverlay {
    /// Its colour.
    pub color: Color,
    /// Corner radius, pixels.
    pub radius: u16,
    /// The colour it has become at its lower edge; absent is the same all over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Color>,
}

/// A bar that grows evenly from nothing at the first frame of its overlay's range to its whole width at the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressOverlay {
    /// Colour of the part that is done.
    pub color: Color,
    /// Colour of the whole bar behind it.
    pub background: Option<Color>,
    /// Corner radius, pixels.
    pub radius: u16,
}

/// What an overlay shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlayContent {
    /// A text. It is placed inside the rectangle by the overlay's anchor.
    Text(TextOverlay),
    /// A picture file, scaled to fit inside the rectangle, placed by the overlay's anchor.
    Image(Digest),
    /// A shape that fills the rectangle.
    Shape(ShapeOverlay),
    /// A bar that fills the rectangle from the left as time passes.
    Progress(ProgressOverlay),
}

/// Something drawn over the picture for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The template item's id.
    pub id: String,
    /// Frames in which it is visible.
    pub range: TimeRange,
    /// What is shown.
    pub content: OverlayContent,
    /// Where, in canvas pixels.
    pub rect: Rect,
    /// Where content smaller than the rectangle sits inside it.
    pub anchor: Anchor,
    /// Opacity in permille.
    pub opacity_pm: u16,
    /// How it comes.
    pub enter: Option<Animation>,
    /// How it goes.
    pub exit: Option<Animation>,
    /// How it moves from its place, counted from the first frame of its range, in rising order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyframes: Vec<Keyframe>,
}
