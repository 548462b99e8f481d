//! A blend between two neighbouring clips. It uses material beyond the clips' ends (handles) and never changes
//! the track's length; where a source has no more material its last frame holds.

use serde::{Deserialize, Serialize};

use crate::time::RationalTime;

/// Which blend. [`TransitionKind::ALL`] says what each looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the table below describes every one of them")]
pub enum TransitionKind {
    Fade,
    FadeBlack,
    FadeWhite,
    Flash,
    Dissolve,
    LumaIn,
    LumaOut,
    Blur,
    Pixelate,
    SlideLeft,
    SlideRight,
    SlideUp,
    SlideDown,
    CoverLeft,
    CoverRight,
    CoverUp,
    CoverDown,
    RevealLeft,
    RevealRight,
    RevealUp,
    RevealDown,
    WipeLeft,
    WipeRight,
    WipeUp,
    WipeDown,
    WipeDiagonal,
    CircleOpen,
    CircleClose,
    Clock,
    BarnOpen,
    BarnClose,
    Blinds,
    ZoomIn,
    ZoomOut,
    WhipLeft,
    WhipRight,
    WhipUp,
    WhipDown,
}

impl TransitionKind {
    /// Every blend with its name in documents and what it looks like.
    pub const ALL: [(Self, &'static str, &'static str); 38] = [
        (Self::Fade, "fade", "A cross-fade."),
        (Self::FadeBlack, "fade_black", "Down to black, up again."),
        (Self::FadeWhite, "fade_white", "Up to white, down again."),
        (
            Self::Flash,
            "flash",
            "A quick burst of white, out of which the new picture comes.",
        ),
        (
            Self::Dissolve,
            "dissolve",
            "The new picture comes through in soft patches.",
        ),
        (
            Self::LumaIn,
            "luma_in",
            "The bright parts of the new picture come first.",
        ),
        (
            Self::LumaOut,
            "luma_out",
            "The dark parts of the old picture go first.",
        ),
        (
            Self::Blur,
            "blur",
            "The old picture loses its focus, the new one finds it.",
        ),
        (
            Self::Pixelate,
            "pixelate",
            "Both pictures meet in large squares.",
        ),
        (
            Self::SlideLeft,
            "slide_left",
            "The new picture pushes the old one to the left.",
        ),
        (
            Self::SlideRight,
            "slide_right",
            "The new picture pushes the old one to the right.",
        ),
        (
            Self::SlideUp,
            "slide_up",
            "The new picture pushes the old one up.",
        ),
        (
            Self::SlideDown,
            "slide_down",
            "The new picture pushes the old one down.",
        ),
        (
            Self::CoverLeft,
            "cover_left",
            "The new picture moves to the left over the old one.",
        ),
        (
            Self::CoverRight,
            "cover_right",
            "The new picture moves to the right over the old one.",
        ),
        (
            Self::CoverUp,
            "cover_up",
            "The new picture moves up over the old one.",
        ),
        (
            Self::CoverDown,
            "cover_down",
            "The new picture moves down over the old one.",
        ),
        (
            Self::RevealLeft,
            "reveal_left",
            "The old picture moves away to the left, the new one lies under it.",
        ),
        (
            Self::RevealRight,
            "reveal_right",
            "The old picture moves away to the right, the new one lies under it.",
        ),
        (
            Self::RevealUp,
            "reveal_up",
            "The old picture moves away upwards, the new one lies under it.",
        ),
        (
            Self::RevealDown,
            "reveal_down",
            "The old picture moves away downwards, the new one lies under it.",
        ),
        (
            Self::WipeLeft,
            "wipe_left",
            "A soft edge uncovers the new picture from right to left.",
        ),
        (
            Self::WipeRight,
            "wipe_right",
            "A soft edge uncovers the new picture from left to right.",
        ),
        (
            Self::WipeUp,
            "wipe_up",
            "A soft edge uncovers the new picture from the bottom to the top.",
        ),
        (
            Self::WipeDown,
            "wipe_down",
            "A soft edge uncovers the new picture from the top to the bottom.",
        ),
        (
            Self::WipeDiagonal,
            "wipe_diagonal",
            "A soft edge uncovers the new picture from the top left corner.",
        ),
        (
            Self::CircleOpen,
            "circle_open",
            "The new picture grows in a circle from the middle.",
        ),
        (
            Self::CircleClose,
            "circle_close",
            "The old picture shrinks in a circle to the middle.",
        ),
        (
            Self::Clock,
            "clock",
            "The new picture is uncovered as by the hand of a clock.",
        ),
        (
            Self::BarnOpen,
            "barn_open",
            "Two edges uncover the new picture from the middle to the sides.",
        ),
        (
            Self::BarnClose,
            "barn_close",
            "Two edges uncover the new picture from the sides to the middle.",
        ),
        (
            Self::Blinds,
            "blinds",
            "The new picture is uncovered in bands, as by a blind.",
        ),
        (
            Self::ZoomIn,
            "zoom_in",
            "The old picture grows while the new one fades in.",
        ),
        (
            Self::ZoomOut,
            "zoom_out",
            "The new picture starts close and settles while it fades in.",
        ),
        (
            Self::WhipLeft,
            "whip_left",
            "A fast pan with motion blur; the picture flies to the left.",
        ),
        (
            Self::WhipRight,
            "whip_right",
            "A fast pan with motion blur; the picture flies to the right.",
        ),
        (
            Self::WhipUp,
            "whip_up",
            "A fast pan with motion blur; the picture flies up.",
        ),
        (
            Self::WhipDown,
            "whip_down",
            "A fast pan with motion blur; the picture flies down.",
        ),
    ];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ones_in_files() {
        let mut seen = std::collections::BTreeSet::new();
        for (kind, name, doc) in TransitionKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
            assert!(seen.insert(name) && doc.ends_with('.'), "{name}");
        }
        assert!(seen.len() >= 24, "{}", seen.len());
    }
}
