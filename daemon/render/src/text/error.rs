//! Why a text cannot be drawn, and what the user can do about it.
//!
//! Neighbours: every file of this module returns it; the worker turns it into a [`WorkerFailure`]. It never
//! decides about retries beyond naming whose fault it is.

use fenta_templates::timeline::FontRequest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

/// Why the texts, images and shapes of a segment cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A style names a face that was not handed over.
    #[error("the font `{}:{}` is not among the fonts of this segment", .0.family, .0.weight)]
    FontNotGiven(FontRequest),
    /// The blob of a face is not a font.
    #[error("the file of the font `{}:{}` (face {index}) cannot be read as a font", .request.family, .request.weight)]
    FontUnreadable {
        /// What was asked for.
        request: FontRequest,
        /// Face index inside the file.
        index: u32,
    },
    /// No given font has a glyph for a character.
    #[error("neither `{}:{}` nor another font of this segment has a glyph for `{cluster}` ({code_points}) in the text `{text}`", .font.family, .font.weight)]
    MissingGlyph {
        /// The text.
        text: String,
        /// The character with everything that combines with it.
        cluster: String,
        /// Its code points, `U+0000 U+0000`.
        code_points: String,
        /// The face the style asks for.
        font: FontRequest,
    },
    /// An emoji, and no emoji font.
    #[error("the text `{text}` has the emoji `{cluster}`, and no colour emoji font is among the fonts of this segment (`{}:{}`)", .font.family, .font.weight)]
    NoEmojiFont {
        /// The text.
        text: String,
        /// The emoji.
        cluster: String,
        /// The face the style asks for.
        font: FontRequest,
    },
    /// An emoji font without bitmaps.
    #[error(
        "the emoji `{cluster}` in the text `{text}` has no bitmap in its font; COLR and SVG emoji fonts are not supported"
    )]
    EmojiNotDrawable {
        /// The text.
        text: String,
        /// The emoji.
        cluster: String,
    },
    /// An overlay's picture was not handed over.
    #[error(
        "the picture {digest} of the overlay `{overlay}` is not among the images of this segment"
    )]
    ImageNotGiven {
        /// The overlay's id.
        overlay: String,
        /// The picture's digest, short.
        digest: String,
    },
    /// A picture whose pixels do not match its size.
    #[error(
        "the picture of the overlay `{overlay}` claims {width}x{height} pixels and has {bytes} bytes; RGBA needs {expected}"
    )]
    ImageDamaged {
        /// The overlay's id.
        overlay: String,
        /// Claimed width.
        width: u32,
        /// Claimed height.
        height: u32,
        /// Bytes there are.
        bytes: usize,
        /// Bytes there should be.
        expected: u64,
    },
    /// Too large to draw.
    #[error("{what} is {width}x{height} pixels; the limit is {limit} in each direction")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The limit.
        limit: u32,
    },
}

impl TextError {
    fn class(&self) -> FailureClass {
        match self {
            Self::FontNotGiven(_) | Self::ImageNotGiven { .. } | Self::ImageDamaged { .. } => {
                FailureClass::Internal
            }
            Self::EmojiNotDrawable { .. } => FailureClass::Unsupported,
            Self::TooLarge { .. } => FailureClass::Limit,
            _ => FailureClass::Input,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::MissingGlyph { .. } => {
                "choose a font that covers this script (for example `Noto Sans`, package fonts-noto-core), or change the text"
            }
            Self::NoEmojiFont { .. } | Self::EmojiNotDrawable { .. } => {
                "install `Noto Color Emoji` (package fonts-noto-color-emoji) and name it among the template's fonts, or remove the emoji"
            }
            Self::FontUnreadable { .. } => "reinstall the font",
            Self::TooLarge { .. } => "make the overlay smaller",
            _ => "",
        }
    }
}

impl From<TextError> for WorkerFailure {
    fn from(error: TextError) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
            hint: error.hint().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_values_and_says_what_to_do() {
        let failure = WorkerFailure::from(TextError::MissingGlyph {
            text: "see 漢".into(),
            cluster: "漢".into(),
            code_points: "U+6F22".into(),
            font: FontRequest {
                family: "Inter".into(),
                weight: 800,
            },
        });
        assert_eq!(failure.class, FailureClass::Input);
        for part in ["Inter:800", "漢", "U+6F22", "see 漢"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert!(failure.hint.contains("fonts-noto-core"));
    }

    #[test]
    fn our_own_mistakes_are_not_blamed_on_the_user() {
        let failure = WorkerFailure::from(TextError::ImageNotGiven {
            overlay: "logo".into(),
            digest: "ab".into(),
        });
        assert_eq!(failure.class, FailureClass::Internal);
    }
}
