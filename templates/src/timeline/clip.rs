//! A piece of media on the picture track.

use serde::{Deserialize, Serialize};

use crate::time::TimeRange;
use crate::timeline::{Effects, MediaReference};

/// How a source fills a canvas of another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Cover the canvas, cut what sticks out, keep the centre.
    Crop,
    /// Show the whole source over a blurred, dimmed copy that covers the canvas.
    Blur,
    /// Show the whole source over the canvas background.
    Contain,
    /// Ignore the source's shape.
    Stretch,
}

/// The shape of a movement over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ease {
    /// Constant speed.
    Linear,
    /// Slow, fast, slow.
    InOut,
    /// Slow, then fast.
    In,
    /// Fast, then slow.
    Out,
}

/// A slow camera move over a still or a clip. The view is the cropped canvas-shaped part of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Motion {
    /// Zoom at the start in permille; 1000 shows the whole view.
    pub zoom_from_pm: u32,
    /// Zoom at the end in permille.
    pub zoom_to_pm: u32,
    /// Where the view's centre moves to, in permille of the canvas width, from the source's centre.
    pub pan_x_pm: i32,
    /// Where the view's centre moves to, in permille of the canvas height.
    pub pan_y_pm: i32,
    /// Frames the move takes, counted from the clip's first frame; it holds afterwards.
    pub over_frames: u32,
    /// Its shape.
    pub ease: Ease,
}

/// A span of a source, shown for exactly that long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// For people and reports, for example the scene's id. Not visible, so not part of a segment's identity.
    pub name: String,
    /// What is shown.
    pub media: MediaReference,
    /// Which part of the source, at the canvas rate; the duration is also the time on the timeline.
    pub source_range: TimeRange,
    /// How it fills the canvas.
    pub fill: Fill,
    /// The camera move, if any.
    pub motion: Option<Motion>,
    /// What else is done to its picture.
    #[serde(default, skip_serializing_if = "Effects::is_plain")]
    pub effects: Effects,
}
