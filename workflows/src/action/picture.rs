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
