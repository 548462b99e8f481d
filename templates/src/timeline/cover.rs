//! The cover: one frame of the timeline as a still.

use serde::{Deserialize, Serialize};

use crate::timeline::{FontFace, SegmentSpec};

/// How a still is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StillFormat {
    /// JPEG, at the spec's quality.
    #[default]
    Jpeg,
    /// PNG, without loss.
    Png,
}

impl StillFormat {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    const fn is_jpeg(&self) -> bool {
        matches!(self, Self::Jpeg)
    }

    /// The ending of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// One frame to draw and write as a picture file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverSpec {
    /// The segment the frame lies in, with the overlays the cover shall show.
    pub segment: SegmentSpec,
    /// Which frame of the segment, from 0.
    pub frame: u32,
    /// The faces its texts use.
    pub fonts: Vec<FontFace>,
    /// JPEG quality 1-100; nothing to PNG.
    pub quality: u8,
    /// How it is written.
    #[serde(default, skip_serializing_if = "StillFormat::is_jpeg")]
    pub format: StillFormat,
}
