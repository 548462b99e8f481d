//! What kind of file a render becomes: container, codecs of picture and sound, transparency.
//!
//! Part of `Output.Render`; one table says what goes with what.

use crate::action::Container;
use crate::execution::LowerError;
use crate::node::{ParamSpec, ParamType, Params};
use crate::value::Value;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Video(Container),
    Wav,
    Mp3,
    M4a,
}

/// Formats by name, with the ending of their files and the codecs that fit, the usual one first.
const FORMATS: [(&str, Format, &str, &[&str]); 8] = [
    (
        "mp4",
        Format::Video(Container::Mp4),
        "mp4",
        &["h264", "h265", "av1"],
    ),
    (
        "mov",
        Format::Video(Container::Mov),
        "mov",
        &["prores", "h264", "h265"],
    ),
    (
        "webm",
        Format::Video(Container::Webm),
        "webm",
        &["vp9", "av1"],
    ),
    ("gif", Format::Video(Container::Gif), "gif", &["gif"]),
    ("png", Format::Video(Container::PngZip), "zip", &["png"]),
    ("wav", Format::Wav, "wav", &[]),
    ("mp3", Format::Mp3, "mp3", &[]),
    ("m4a", Format::M4a, "m4a", &[]),
];

/// Names of the formats, in the order of their table.
const NAMES: &[&str] = &["mp4", "mov", "webm", "gif", "png", "wav", "mp3", "m4a"];

/// The picture's codecs.
const CODECS: &[&str] = &["auto", "h264", "h265", "av1", "vp9", "prores"];

/// The parameters.
pub(super) fn format_params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::with_default(
            "format",
            ParamType::OneOf(NAMES),
            Value::Text("mp4".into()),
            "Kind of file: a video (mp4, mov, webm, gif), `png` for a ZIP of numbered pictures, or the sound alone (wav, mp3, \
             m4a).",
        ),
        ParamSpec::with_default(
            "codec",
            ParamType::OneOf(CODECS),
            Value::Text("auto".into()),
            "Codec of the picture; `auto` takes h264 in mp4, prores in mov, vp9 in webm.",
        ),
        ParamSpec::with_default(
            "alpha",
            ParamType::Bool,
            Value::Bool(false),
            "Whether what nothing covers stays see-through instead of showing the canvas's background: webm with vp9, mov with \
             prores, png.",
        ),
    ]
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileKind {
    pub(super) format: Format,
    /// Ending of its name.
    pub(super) ending: &'static str,
    /// The picture's codec; empty for sound alone.
    codec: &'static str,
    pub(super) alpha: bool,
}

impl FileKind {
    /// From the node's parameters.
    pub(super) fn of(params: Params<'_>) -> Result<Self, LowerError> {
        Self::named(
            params.text("format")?,
            params.text("codec")?,
            params.bool("alpha")?,
        )
        .map_err(|(message, hint)| LowerError::new(message, hint))
    }

    /// From its words; the error is a message and a hint.
    pub(super) fn named(format: &str, codec: &str, alpha: bool) -> Result<Self, (String, String)> {
        let Some((name, kind, ending, codecs)) = FORMATS.iter().find(|row| row.0 == format) else {
            return Err((
                format!("there is no format `{format}`"),
                format!("write one of {}", NAMES.join(", ")),
            ));
        };
        let codec = match codecs.iter().find(|known| **known == codec) {
            Some(known) => *known,
            None if codec == "auto" => codecs.first().copied().unwrap_or_default(),
            None if codecs.is_empty() => {
                return Err((
                    format!("a {name} file has no picture that `codec: {codec}` could encode"),
                    "leave `codec` out".to_owned(),
                ));
            }
            None => {
                return Err((
                    format!("`codec: {codec}` does not go into a {name} file"),
                    format!("leave it out, or write {}", codecs.join(" or ")),
                ));
            }
        };
        let clear = matches!(
            (*name, codec),
            ("webm", "vp9") | ("mov", "prores") | ("png", _)
        );
        if alpha && !clear {
            return Err((
                format!("a {name} file keeps no transparency"),
                "write `format: webm` (vp9), `format: mov` (prores) or `format: png`".to_owned(),
            ));
        }
        Ok(Self {
            format: *kind,
            ending,
            codec,
            alpha,
        })
    }

    /// The container of the picture; none for sound alone.
    pub(super) const fn container(self) -> Option<Container> {
        match self.format {
            Format::Video(container) => Some(container),
            _ => None,
        }
    }

    /// FFmpeg's name of the picture's encoder. The frames of a GIF come from segments in H.264 of high quality.
    pub(super) fn video_encoder(self) -> &'static str {
        match self.codec {
            "h265" => "libx265",
            "av1" => "libsvtav1",
            "vp9" => "libvpx-vp9",
            "prores" => "prores_ks",
            "png" => "png",
            _ => "libx264",
        }
    }

    /// FFmpeg's name of the sound's encoder; none where the file is silent.
    pub(super) const fn audio_encoder(self) -> Option<&'static str> {
        match self.format {
            Format::Video(Container::Webm) => Some("libopus"),
            Format::Video(Container::Gif | Container::PngZip) => None,
            Format::Wav => Some("pcm_s16le"),
            Format::Mp3 => Some("libmp3lame"),
            Format::Video(_) | Format::M4a => Some("aac"),
        }
    }

    /// Whether it is looked at rather than watched: small and at a lower rate.
    pub(super) const fn is_gif(self) -> bool {
        matches!(self.format, Format::Video(Container::Gif))
    }
}

/// How the name of a file of this format ends.
pub(super) fn ending_of(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|row| row.0 == format).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_row() {
        let rows: Vec<&str> = FORMATS.iter().map(|row| row.0).collect();
        assert_eq!(rows, NAMES);
        for (_, _, _, codecs) in FORMATS {
            for codec in codecs {
                assert!(CODECS.contains(codec) || ["gif", "png"].contains(codec));
            }
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_what_does() {
        let error = |format, codec, alpha| FileKind::named(format, codec, alpha).unwrap_err();
        let (message, hint) = error("webm", "h264", false);
        assert_eq!(message, "`codec: h264` does not go into a webm file");
        assert_eq!(hint, "leave it out, or write vp9 or av1");
        assert!(error("wav", "av1", false).0.contains("no picture"));
        assert!(error("mp4", "auto", true).0.contains("no transparency"));
        assert!(error("webm", "av1", true).0.contains("no transparency"));
    }

    #[test]
    fn each_format_has_its_encoders() {
        let encoders = |format, codec, alpha| {
            let kind = FileKind::named(format, codec, alpha).unwrap();
            (kind.video_encoder(), kind.audio_encoder())
        };
        assert_eq!(encoders("mp4", "auto", false), ("libx264", Some("aac")));
        assert_eq!(encoders("mp4", "h265", false), ("libx265", Some("aac")));
        assert_eq!(
            encoders("webm", "auto", true),
            ("libvpx-vp9", Some("libopus"))
        );
        assert_eq!(encoders("mov", "auto", true), ("prores_ks", Some("aac")));
        assert_eq!(encoders("gif", "auto", false).1, None);
        assert_eq!(encoders("wav", "auto", false).1, Some("pcm_s16le"));
    }
}
