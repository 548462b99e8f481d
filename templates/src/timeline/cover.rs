//! The cover: one frame of the timeline as a still.

use serde::{Deserialize, Serialize};

use crate::timeline::{FontFace, SegmentSpec};

/// One frame to draw and write as JPEG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverSpec {
    /// The segment the frame lies in, with the overlays the cover shall show.
    pub segment: SegmentSpec,
    /// Which frame of the segment, from 0.
    pub frame: u32,
    /// The faces its texts use.
    pub fonts: Vec<FontFace>,
    /// JPEG quality 1-100.
    pub quality: u8,
}
