//! A blend between two neighbouring clips. It uses material beyond the clips' ends (handles) and never changes
//! the track's length; where a source has no more material its last frame holds.

use serde::{Deserialize, Serialize};

use crate::time::RationalTime;

/// Which blend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// Cross-fade.
    Fade,
    /// Down to black, up again.
    FadeBlack,
    /// The new picture pushes the old one up.
    SlideUp,
    /// The new picture pushes the old one to the left.
    SlideLeft,
    /// A soft edge uncovers the new picture from right to left.
    WipeLeft,
    /// The old picture grows while the new one fades in.
    ZoomIn,
}

/// A transition around a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Which blend.
    pub kind: TransitionKind,
    /// Frames before the cut, at the canvas rate.
    pub in_offset: RationalTime,
    /// Frames after the cut, at the canvas rate.
    pub out_offset: RationalTime,
}
