//! Subtitles as data, and as SRT and VTT text.
//!
//! Neighbours: `srt` makes them from words, `subtitle_reader` reads files of others.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Lines that are read together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtitle {
    /// When they appear, milliseconds.
    pub start_ms: i64,
    /// When they are gone, milliseconds.
    pub end_ms: i64,
    /// The lines, without markup.
    pub lines: Vec<String>,
}

/// As SubRip: numbered, with commas before the milliseconds.
pub fn write_srt(subtitles: &[Subtitle]) -> String {
    let mut text = String::new();
    for (at, one) in subtitles.iter().enumerate() {
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "{}\n{} --> {}\n{}\n\n",
            at + 1,
            clock(one.start_ms, ','),
            clock(one.end_ms, ','),
            one.lines.join("\n")
        );
    }
    text
}

/// As WebVTT. What its readers take for markup is escaped.
pub fn write_vtt(subtitles: &[Subtitle]) -> String {
    let mut text = "WEBVTT\n\n".to_owned();
    for one in subtitles {
        let lines = one.lines.join("\n");
        let plain = lines
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = write!(
            text,
            "{} --> {}\n{plain}\n\n",
            clock(one.start_ms, '.'),
            clock(one.end_ms, '.'),
        );
    }
    text
}

/// `HH:MM:SS,mmm`.
fn clock(ms: i64, point: char) -> String {
    let ms = ms.max(0);
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!(
        "{:02}:{:02}:{:02}{point}{ms:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_have_hours() {
        assert_eq!(clock(3_661_007, ','), "01:01:01,007");
        assert_eq!(clock(-5, '.'), "00:00:00.000");
    }

    #[test]
    fn both_forms_hold_the_same() {
        let one = Subtitle {
            start_ms: 200,
            end_ms: 1367,
            lines: vec!["Honey & bees".into(), "a < b --> c".into()],
        };
        let all = std::slice::from_ref(&one);
        assert_eq!(
            write_srt(all),
            "1\n00:00:00,200 --> 00:00:01,367\nHoney & bees\na < b --> c\n\n"
        );
        assert_eq!(
            write_vtt(all),
            "WEBVTT\n\n00:00:00.200 --> 00:00:01.367\nHoney &amp; bees\na &lt; b --&gt; c\n\n"
        );
        assert_eq!(write_srt(&[]), "");
        assert_eq!(write_vtt(&[]), "WEBVTT\n\n");
    }
}
