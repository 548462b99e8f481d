//! Segments: the unit of rendering and of caching.
//!
//! A segment describes a short span of the timeline *relative to its own start* and holds everything visible in
//! it and nothing else. Two segments that look the same are equal, wherever they stand, so an edit re-renders only
//! the spans in which something visible changed.

use serde::{Deserialize, Serialize};

use crate::time::TimeRange;
use crate::timeline::{Canvas, CaptionTrack, Clip, Overlay, TransitionKind};

/// Shots are cut every this many frames (2 s at 30 fps). A rest shorter than [`MIN_SEGMENT_FRAMES`] stays with the
/// segment before it, so the longest segment is one frame short of their sum.
pub const MAX_SEGMENT_FRAMES: i64 = 60;

/// A shot is never cut so that a piece gets shorter than this; only shots that are shorter themselves make such
/// segments.
pub const MIN_SEGMENT_FRAMES: i64 = 15;

/// A blend from this shot's predecessor, at the start of a shot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentTransition {
    /// Which blend.
    pub kind: TransitionKind,
    /// Total length in frames.
    pub frames: u32,
    /// How far the blend has come at the segment's first frame.
    pub offset: u32,
    /// The outgoing clip. Its `source_range` starts at what is shown at the segment's first frame.
    pub from: Clip,
    /// Frames of the outgoing clip that passed before the segment's first frame (for its camera move).
    pub from_elapsed: u32,
}

/// The one clip a segment shows (segments are cut at shot boundaries).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentShot {
    /// The clip; `source_range` starts at what is shown at the segment's first frame and lasts as long as the
    /// segment. Its name is empty: names are not visible.
    pub clip: Clip,
    /// Frames of the clip that passed before the segment's first frame (for its camera move).
    pub elapsed: u32,
    /// The blend that is under way at the segment's first frame, if any.
    pub transition: Option<SegmentTransition>,
}

/// Everything visible in a short span of the timeline; times are frames from the segment's own start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentSpec {
    /// Size, rate and background.
    pub canvas: Canvas,
    /// Length in frames, at least 1.
    pub frames: u32,
    /// The picture; absent in a gap.
    pub shot: Option<SegmentShot>,
    /// Visible overlays, bottom first; ranges may start before 0 only while an animation is under way.
    pub overlays: Vec<Overlay>,
    /// Visible cues; ranges may start before 0 and end after the segment.
    pub captions: Option<CaptionTrack>,
}

impl SegmentSpec {
    /// The span of frames in the segment.
    pub fn range(&self) -> TimeRange {
        TimeRange::from_units(0, i64::from(self.frames), self.canvas.frame_rate)
    }
}
