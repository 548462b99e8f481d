//! What a person should know about a file that can be used all the same.
//!
//! Measured by the renderer's `probe`, kept in [`super::MediaFacts`], told by the nodes that take files in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing to know about a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MediaWarning {
    /// The container says another length than can be read.
    LengthDiffers {
        /// What the container says, milliseconds.
        claimed_ms: i64,
        /// What can be read, milliseconds.
        found_ms: i64,
    },
    /// Parts cannot be decoded.
    Damaged,
    /// There is sound, and it cannot be decoded.
    SoundUnreadable {
        /// FFmpeg's name of the codec.
        codec: String,
    },
    /// Frames come at varying distances.
    VariableRate,
    /// Frames are stored as two fields.
    Interlaced,
    /// The picture is HDR.
    HighDynamicRange,
    /// The transparency is stored in a way that cannot be read.
    TransparencyUnreadable,
}

impl fmt::Display for MediaWarning {
    /// A fragment that follows the name of one file or of many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthDiffers {
                claimed_ms,
                found_ms,
            } => write!(
                f,
                "the header says {}, {} can be read",
                seconds(*claimed_ms),
                seconds(*found_ms)
            ),
            Self::Damaged => f.write_str("damaged in places; what cannot be read is left out"),
            Self::SoundUnreadable { codec } if codec == "none" => {
                f.write_str("the sound is of a kind that is not known here and is left out")
            }
            Self::SoundUnreadable { codec } => {
                write!(f, "the sound cannot be decoded (`{codec}`) and is left out")
            }
            Self::VariableRate => f.write_str("the frame rate varies; shown at a steady one"),
            Self::Interlaced => f.write_str("interlaced; shown deinterlaced"),
            Self::HighDynamicRange => f.write_str("HDR; shown in standard dynamic range"),
            Self::TransparencyUnreadable => {
                f.write_str("the transparency cannot be read; shown opaque")
            }
        }
    }
}

fn seconds(ms: i64) -> String {
    let tenths = (ms + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_know() {
        let lie = MediaWarning::LengthDiffers {
            claimed_ms: 143_165_577,
            found_ms: 1001,
        };
        assert_eq!(
            lie.to_string(),
            "the header says 143165.6 s, 1.0 s can be read"
        );
        let mute = MediaWarning::SoundUnreadable {
            codec: "ac4".to_owned(),
        };
        assert_eq!(
            mute.to_string(),
            "the sound cannot be decoded (`ac4`) and is left out"
        );
        let unknown = MediaWarning::SoundUnreadable {
            codec: "none".to_owned(),
        };
        assert_eq!(
            unknown.to_string(),
            "the sound is of a kind that is not known here and is left out"
        );
    }

    #[test]
    fn is_kept_by_kind() {
        let text = serde_json::to_string(&[MediaWarning::Damaged]).unwrap();
        assert_eq!(text, r#"[{"kind":"damaged"}]"#);
    }
}
