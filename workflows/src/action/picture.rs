//! What is measured of pictures.

use serde::{Deserialize, Serialize};

/// How a drawn frame looks as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// Mean luma, permille from black to white.
    pub brightness_pm: u32,
    /// Share of pixels that are nearly black, permille.
    pub dark_pm: u32,
    /// Share of pixels that are nearly white, permille.
    pub bright_pm: u32,
    /// Mean difference of a pixel's luma from the mean of its four neighbours, hundredths of a level; more is sharper.
    pub detail: u32,
}

/// How well a caption is read in the middle of the time it is seen in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionContrast {
    /// The frame that was looked at, from the segment's start.
    pub frame: u32,
    /// Index of the worst word in its cue.
    pub word: u32,
    /// Contrast of that word's letters to what lies around them, by WCAG 2, in hundredths: 100 to 2100.
    pub ratio_pc: u32,
}
