//! A profile: the size and the encoding of a file made from a timeline.

use serde::{Deserialize, Serialize};

/// One way of writing the video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Width in pixels; even.
    pub width: u32,
    /// Height in pixels; even.
    pub height: u32,
    /// Rate factor of x264; lower is better and larger.
    pub crf: u8,
    /// Preset of x264.
    pub preset: String,
}
