//! Where a clip's pixels come from, and what was measured about them.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::time::{FrameRate, RationalTime};
use crate::timeline::{Generator, MediaWarning};

/// What kind of media a blob holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Moving pictures.
    Video,
    /// One picture.
    Image,
    /// Sound only.
    Audio,
}

/// The transfer curve of the picture, as far as it changes the path to the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorTransfer {
    /// Standard dynamic range.
    Sdr,
    /// SMPTE ST 2084 (HDR10, Dolby Vision base layers).
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// Facts measured by decoding, not claimed by the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFacts {
    /// What it is.
    pub kind: MediaKind,
    /// The demuxer that read it, for example `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// The picture's decoder, for example `h264`; absent for audio.
    pub video_codec: Option<String>,
    /// Displayed width in square pixels, after rotation and pixel aspect; 0 for audio.
    pub width: u32,
    /// Displayed height in square pixels; 0 for audio.
    pub height: u32,
    /// Clockwise turn applied for display: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Mirrored left to right for display, before the turn.
    pub mirrored: bool,
    /// Average frame rate, for video.
    pub frame_rate: Option<FrameRate>,
    /// Length of the picture (or of the sound, for audio), milliseconds; absent for stills.
    pub duration: Option<RationalTime>,
    /// Whether frames are stored as interlaced fields.
    pub interlaced: bool,
    /// The transfer curve.
    pub transfer: ColorTransfer,
    /// Whether the picture carries transparency.
    pub alpha: bool,
    /// The sound's decoder, if there is a decodable audio stream.
    pub audio_codec: Option<String>,
    /// Channels of that stream; 0 without sound.
    pub audio_channels: u16,
    /// Samples per second of that stream; 0 without sound.
    pub audio_rate: u32,
    /// When the sound of a video begins, milliseconds after its first shown frame; negative when it begins before.
    /// Absent when both begin together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_start: Option<RationalTime>,
    /// What to know about it, each kind at most once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<MediaWarning>,
}

/// A blob with its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalReference {
    /// The blob.
    pub source: Digest,
    /// What was measured about it.
    pub facts: MediaFacts,
}

/// What a clip shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaReference {
    /// A file.
    External(ExternalReference),
    /// A procedural picture.
    Generator(Generator),
}
