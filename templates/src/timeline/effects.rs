//! What is done to a clip's picture beside framing it: speed, colour, keying, movement, where its subject is.
//!
//! Everything is a whole number, so that equal looks are equal keys. Neighbours: [`Clip`](super::Clip) carries it, the
//! renderer does it.

use serde::{Deserialize, Serialize};

use crate::color::Color;
use crate::digest::Digest;
use crate::timeline::Ease;

/// Slowest and fastest speed in permille.
pub const SPEEDS_PM: std::ops::RangeInclusive<u32> = 250..=4000;

/// Everything done to a clip's picture; the default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// How fast a video plays, permille of its own speed; absent is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_pm: Option<u32>,
    /// Where the subject is over the source's time; empty keeps the centre. Only for [`Fill::Crop`](super::Fill::Crop).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub focus: Vec<FocusKey>,
    /// Colour correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// What is cut out of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<Cutout>,
    /// How the whole picture moves over the background, in rising order; empty fills the canvas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyframes: Vec<Keyframe>,
    /// The look of the backdrop of [`Fill::Blur`](super::Fill::Blur); absent is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backdrop: Option<BackdropLook>,
}

impl Effects {
    /// Whether nothing is done.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Every file that the effects need.
    pub fn files(&self) -> Vec<Digest> {
        let cutout = self.cutout.as_ref();
        let behind = cutout.and_then(|cutout| match cutout.behind {
            Behind::Image(source) => Some(source),
            Behind::Color(_) => None,
        });
        let matte = cutout
            .and_then(|cutout| cutout.matte)
            .map(|matte| matte.source);
        let lut = self.grade.and_then(|grade| grade.lut);
        [behind, matte, lut].into_iter().flatten().collect()
    }

    /// Frames of a source that pass in so many frames of the timeline, to the nearest, halves up.
    pub fn source_frames(&self, frames: i64) -> i64 {
        match self.speed_pm {
            Some(speed) => (2 * frames * i64::from(speed) + 1000).div_euclid(2000),
            None => frames,
        }
    }
}

/// Where the middle of the view belongs at a moment of the source. Between two keys it moves evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FocusKey {
    /// Milliseconds of the source.
    pub at_ms: u32,
    /// Permille of the displayed source's width.
    pub x_pm: u16,
    /// Permille of the displayed source's height.
    pub y_pm: u16,
    /// Whether the view jumps here: a new scene begins. Before it, the last key holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Colour correction, in BT.709.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// Added light, permille of the range from black to white.
    pub brightness_pm: i32,
    /// Distance from middle grey, permille; 1000 leaves it.
    pub contrast_pm: u32,
    /// Strength of colour, permille; 1000 leaves it, 0 is grey.
    pub saturation_pm: u32,
    /// Warmer above 0, cooler below, permille of the strongest.
    pub temperature_pm: i32,
    /// A look-up table in the `.cube` format, applied after the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lut: Option<Digest>,
}

impl Default for Grade {
    fn default() -> Self {
        Self {
            brightness_pm: 0,
            contrast_pm: 1000,
            saturation_pm: 1000,
            temperature_pm: 0,
            lut: None,
        }
    }
}

/// Which parts of a picture are not shown, and what is seen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutout {
    /// Parts found by their colour or light.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Parts told by another picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matte: Option<LumaMatte>,
    /// What lies behind.
    pub behind: Behind,
}

/// How parts of a picture are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// By a colour, such as a green screen's.
    Chroma {
        /// The colour that goes.
        color: Color,
        /// How far from it colours still go, permille of the distance from grey to the strongest colour.
        similarity_pm: u32,
        /// Over how much more they fade, same unit.
        softness_pm: u32,
        /// How much of the colour's cast is taken from what stays, permille.
        spill_pm: u32,
    },
    /// By their light.
    Luma {
        /// The level at which parts go, permille from black to white.
        level_pm: u32,
        /// Over how much they fade, same unit.
        softness_pm: u32,
        /// Whether the bright parts go instead of the dark ones.
        bright: bool,
    },
}

/// A picture whose light says what is seen of another: white all, black nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LumaMatte {
    /// The picture file, stretched over the whole clip.
    pub source: Digest,
    /// Whether black shows all and white nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
}

/// What lies behind a cut-out picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// A colour.
    Color(Color),
    /// A picture file that covers the canvas.
    Image(Digest),
}

/// The state of something at a frame; between two keyframes it moves by the later one's ease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyframe {
    /// Frames from the first frame of what moves.
    pub at: u32,
    /// Pixels to the right of its place.
    pub x: i32,
    /// Pixels down from its place.
    pub y: i32,
    /// Its size, permille, about its middle.
    pub scale_pm: u32,
    /// Its opacity, permille.
    pub opacity_pm: u16,
    /// The shape of the move that leads here.
    pub ease: Ease,
}

/// The look of a blurred backdrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackdropLook {
    /// Radius of the blur (standard deviation) in canvas pixels.
    pub sigma: u16,
    /// How much darker, permille.
    pub dim_pm: u32,
    /// How much larger than it must be, permille; at least 1000.
    pub zoom_pm: u32,
}

/// Where the subject of a picture or video was found, for views of one shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectPath {
    /// The way of the view's middle over the source's time; empty where nothing stands out.
    pub keys: Vec<FocusKey>,
    /// Scenes seen in the source, at least 1.
    pub scenes: u32,
    /// How much of what stands out lies inside the view along this way, permille.
    pub covered_pm: u16,
    /// The same for a view that stays in the middle.
    pub centre_pm: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_for_nothing() {
        assert_eq!(serde_json::to_string(&Effects::default()).unwrap(), "{}");
        assert!(Effects::default().is_plain());
    }

    #[test]
    fn speed_counts_source_frames() {
        let at = |speed| Effects {
            speed_pm: speed,
            ..Effects::default()
        };
        assert_eq!(at(None).source_frames(61), 61);
        assert_eq!(at(Some(500)).source_frames(60), 30);
        assert_eq!(at(Some(1250)).source_frames(60), 75);
        assert_eq!(at(Some(250)).source_frames(2), 1, "halves up");
        assert_eq!(at(Some(4000)).source_frames(0), 0);
    }
}
