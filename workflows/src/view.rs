//! How a job looks at its renders instead of making them whole: small, in part, or as a still.
//!
//! Neighbours: the command line reads it (`fenta run --draft --range`, `fenta snapshot`), the API carries it, `Output.Render`
//! does it, `Output.Download` gives such a result a name of its own. Nothing here touches the cut.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::input::parse_duration;
use crate::node::duration_text;

/// What is made of each render; the default is the whole film as the document says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct View {
    /// Small and quick, in the shape and with the look of the real one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
    /// Only this part of the film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// A picture in the place of the film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub still: Option<Still>,
}

/// A part of a film by its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where it begins, milliseconds.
    pub from_ms: u64,
    /// Where it ends, milliseconds; the film's end when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<u64>,
}

/// A picture of a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Still {
    /// What it shows.
    pub shows: StillKind,
    /// Its width in pixels; missing is the film's own for a frame, 1920 for a sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Absolute path of the picture file, which ends in .png, .jpg or .jpeg.
    pub to: String,
}

/// What a picture of a film shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StillKind {
    /// One finished frame.
    Frame {
        /// Its time, milliseconds.
        at_ms: u64,
    },
    /// Frames side by side, each with its time.
    Sheet {
        /// How many, evenly spaced; one of each shot when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        frames: Option<u32>,
        /// How many side by side; as many as look well when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<u32>,
    },
}

impl View {
    /// Whether it is the whole film as the document says.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// What the name of a result says about it, so that it never takes the place of the real one: `-2s-5s-draft`; empty for
    /// the whole film.
    pub fn suffix(&self) -> String {
        let mut suffix = String::new();
        if let Some(part) = self.part {
            suffix = format!("-{}", part.to_string().replace("..", "-"));
        }
        if self.draft {
            suffix += "-draft";
        }
        suffix
    }
}

impl std::fmt::Display for View {
    /// Everything it says, in words: what tells two views apart tells their texts apart.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.draft { "a draft" } else { "the film" })?;
        if let Some(part) = self.part {
            write!(f, ", {part}")?;
        }
        if let Some(still) = &self.still {
            write!(f, ", as {still}")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Still {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.shows {
            StillKind::Frame { at_ms } => {
                let at = duration_text(i64::try_from(at_ms).unwrap_or(i64::MAX));
                write!(f, "its picture at {at}")?;
            }
            StillKind::Sheet { frames, columns } => {
                match frames {
                    Some(frames) => write!(f, "a sheet of {frames} frames")?,
                    None => write!(f, "a sheet of its shots")?,
                }
                if let Some(columns) = columns {
                    write!(f, " in {columns} columns")?;
                }
            }
        }
        if let Some(width) = self.width {
            write!(f, ", {width} px wide")?;
        }
        write!(f, " in {}", self.to)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |ms: u64| duration_text(i64::try_from(ms).unwrap_or(i64::MAX));
        match self.to_ms {
            Some(to) => write!(f, "{}..{}", text(self.from_ms), text(to)),
            None => write!(f, "{}..end", text(self.from_ms)),
        }
    }
}

impl FromStr for Part {
    type Err = String;

    /// `2s..5s`, `..5s` and `2s..`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text
            .split_once("..")
            .ok_or_else(|| "it must be two times like 2s..5.5s, 2s.. or ..5s".to_owned())?;
        let side = |text: &str| match text.trim() {
            "" => Ok(None),
            text => time(text).map(Some),
        };
        let part = Self {
            from_ms: side(from)?.unwrap_or(0),
            to_ms: side(to)?,
        };
        match part.to_ms {
            Some(to) if to == part.from_ms => {
                Err("it is empty: it ends where it begins".to_owned())
            }
            Some(to) if to < part.from_ms => Err("it ends before it begins".to_owned()),
            _ => Ok(part),
        }
    }
}

/// A time in a film, as people type it: `3.2s`, `1m05s`, `800ms`; in milliseconds.
///
/// # Errors
/// What such a time looks like.
pub fn time(text: &str) -> Result<u64, String> {
    let ms = parse_duration(text)?;
    u64::try_from(ms).map_err(|_| "a time is not before the film's start".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_told_apart_in_words() {
        let frame = |at_ms, width| View {
            still: Some(Still {
                shows: StillKind::Frame { at_ms },
                width,
                to: "/o/a.png".into(),
            }),
            ..View::default()
        };
        assert_eq!(
            frame(2500, Some(640)).to_string(),
            "the film, as its picture at 2.5s, 640 px wide in /o/a.png"
        );
        assert_ne!(frame(2500, None).to_string(), frame(2501, None).to_string());
        let small = View {
            draft: true,
            part: Some("2s..5s".parse().unwrap()),
            still: None,
        };
        assert_eq!(small.to_string(), "a draft, 2s..5s");
    }

    #[test]
    fn parts_are_read_and_written_alike() {
        for (text, shown) in [
            ("2s..5.5s", "2s..5.5s"),
            (" 500ms .. 1m", "500ms..1m"),
            ("..3s", "0s..3s"),
            ("1m05s..", "1m5s..end"),
        ] {
            assert_eq!(text.parse::<Part>().unwrap().to_string(), shown, "{text}");
        }
        for wrong in ["2s", "5s..2s", "2s..2s", "2..5", "a..b"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
        assert_eq!(time("3.2s"), Ok(3200));
        assert!(time("3.2").is_err());
    }

    #[test]
    fn results_that_are_not_the_film_say_so_in_their_names() {
        let mut view = View::default();
        assert!(view.is_whole() && view.suffix().is_empty());
        view.draft = true;
        assert_eq!(view.suffix(), "-draft");
        view.part = Some("2s..5.5s".parse().unwrap());
        assert_eq!(view.suffix(), "-2s-5.5s-draft");
    }

    #[test]
    fn the_wire_says_only_what_is_asked_for() {
        assert_eq!(serde_json::to_string(&View::default()).unwrap(), "{}");
        let still = Still {
            shows: StillKind::Frame { at_ms: 3200 },
            width: None,
            to: "/a.png".into(),
        };
        let text = serde_json::to_string(&still).unwrap();
        assert_eq!(text, r#"{"shows":{"frame":{"at_ms":3200}},"to":"/a.png"}"#);
        assert_eq!(serde_json::from_str::<Still>(&text).unwrap(), still);
        assert!(serde_json::from_str::<View>(r#"{"drafty":true}"#).is_err());
    }
}
