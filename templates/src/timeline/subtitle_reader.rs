//! Subtitle files of others: SRT and VTT as players read them, which is more kindly than their definitions.
//!
//! What can be read is read; a subtitle whose time makes no sense is left out and told with its line. Markup goes, text
//! stays. Neighbours: `subtitles` holds the result. Bytes are decoded elsewhere: this takes text.

use crate::timeline::subtitles::Subtitle;

/// Most subtitles a file may hold.
const MAX_SUBTITLES: usize = 20_000;

/// The last millisecond a subtitle may name: 1000 hours, for recordings of streams whose clock runs on.
const MAX_MS: i64 = 3_600_000_000;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubtitleFormat {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSubtitles {
    /// How it is written.
    pub format: SubtitleFormat,
    /// What was read, by time.
    pub subtitles: Vec<Subtitle>,
    /// What was left out.
    pub skipped: Vec<SkippedSubtitle>,
}

/// A subtitle that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedSubtitle {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Why, a fragment.
    pub reason: String,
}

/// Why a text holds no subtitles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubtitleError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is a file of another kind.
    #[error("this is {found}, not SRT or VTT")]
    OtherFormat {
        /// Which, with its article.
        found: &'static str,
    },
    /// Nothing in it could be read.
    #[error("no subtitle could be read{}", .first.as_ref().map_or_else(String::new, |one| format!("; line {}: {}", one.line, one.reason)))]
    NoSubtitles {
        /// What was wrong first.
        first: Option<SkippedSubtitle>,
    },
    /// There are more than anybody reads.
    #[error("the file has more than {MAX_SUBTITLES} subtitles")]
    TooMany,
}

/// Reads a file; `None` tells the format by the text.
///
/// # Errors
/// When nothing in it can be read.
pub fn read_subtitles(
    text: &str,
    format: Option<SubtitleFormat>,
) -> Result<ReadSubtitles, SubtitleError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(SubtitleError::Empty);
    }
    if let Some(found) = other_format(text) {
        return Err(SubtitleError::OtherFormat { found });
    }
    let format = format.unwrap_or(if text.starts_with("WEBVTT") {
        SubtitleFormat::Vtt
    } else {
        SubtitleFormat::Srt
    });
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader {
        lines: unified.split('\n').collect(),
        at: 0,
        format,
        subtitles: Vec::new(),
        skipped: Vec::new(),
    };
    reader.read()?;
    if reader.subtitles.is_empty() {
        let first = reader.skipped.into_iter().next();
        return Err(SubtitleError::NoSubtitles { first });
    }
    reader.subtitles.sort_by_key(|one| one.start_ms);
    Ok(ReadSubtitles {
        format,
        subtitles: reader.subtitles,
        skipped: reader.skipped,
    })
}

/// Kinds of subtitle files that are often mistaken for these.
fn other_format(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    if start.starts_with("[Script Info]") {
        Some("an SSA or ASS file")
    } else if start.starts_with("<?xml") || start.starts_with("<tt") {
        Some("an XML (TTML) file")
    } else if start.starts_with("{1}{") || start.starts_with("{0}{") {
        Some("a MicroDVD file")
    } else {
        None
    }
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    format: SubtitleFormat,
    subtitles: Vec<Subtitle>,
    skipped: Vec<SkippedSubtitle>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), SubtitleError> {
        while let Some(line) = self.lines.get(self.at) {
            let is_block = self.format == SubtitleFormat::Vtt && is_vtt_block(line);
            if is_block {
                self.skip_block();
            } else if line.contains("-->") {
                self.subtitle();
                if self.subtitles.len() > MAX_SUBTITLES {
                    return Err(SubtitleError::TooMany);
                }
            } else {
                self.at += 1;
            }
        }
        Ok(())
    }

    fn skip_block(&mut self) {
        while self
            .lines
            .get(self.at)
            .is_some_and(|line| !line.trim().is_empty())
        {
            self.at += 1;
        }
    }

    /// From a line of times to the next empty line, or to where the next subtitle begins.
    fn subtitle(&mut self) {
        let place = self.at;
        let times = self.times(self.lines[place]);
        self.at += 1;
        let mut lines = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            if line.trim().is_empty() || self.begins_next() {
                break;
            }
            let shown = plain(line);
            if !shown.is_empty() {
                lines.push(shown);
            }
            self.at += 1;
        }
        let skip = match times {
            Ok((start_ms, end_ms)) if !lines.is_empty() => {
                self.subtitles.push(Subtitle {
                    start_ms,
                    end_ms,
                    lines,
                });
                return;
            }
            // Players show nothing for it either; that is no mistake.
            Ok(_) => return,
            Err(reason) => reason,
        };
        self.skipped.push(SkippedSubtitle {
            line: place + 1,
            reason: skip,
        });
    }

    /// Whether a subtitle begins here without an empty line before it.
    fn begins_next(&self) -> bool {
        let line = self.lines[self.at];
        if line.contains("-->") && self.times(line).is_ok() {
            return true;
        }
        let number = !line.trim().is_empty() && line.trim().bytes().all(|b| b.is_ascii_digit());
        let next = self.lines.get(self.at + 1);
        self.format == SubtitleFormat::Srt
            && number
            && next.is_some_and(|next| next.contains("-->") && self.times(next).is_ok())
    }

    fn times(&self, line: &str) -> Result<(i64, i64), String> {
        let (from, to) = line
            .split_once("-->")
            .ok_or_else(|| "there is no `-->`".to_owned())?;
        // What follows the second time are settings of the place.
        let to = to.split_whitespace().next().unwrap_or_default();
        let start = self.time(from.trim())?;
        let end = self.time(to)?;
        if end <= start {
            return Err(format!("it ends at {to}, not after it begins"));
        }
        Ok((start, end))
    }

    fn time(&self, text: &str) -> Result<i64, String> {
        if text.is_empty() {
            return Err("a time is missing".to_owned());
        }
        milliseconds(text).ok_or_else(|| format!("`{text}` is not a time like 00:00:02,345"))
    }
}

/// Comments, styles and the header of a VTT file.
fn is_vtt_block(line: &str) -> bool {
    let word = line.split([' ', '\t']).next().unwrap_or_default();
    matches!(word, "WEBVTT" | "NOTE" | "STYLE" | "REGION") && !line.contains("-->")
}

/// `[H:]M:S[(,|.)mmm]`. Three places after the point, as in both formats; none is the whole second.
fn milliseconds(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once([',', '.']) {
        Some((clock, fraction)) if fraction.len() == 3 => (clock, digits(fraction)?),
        Some(_) => return None,
        None => (text, 0),
    };
    let mut parts = clock.rsplit(':');
    let seconds = digits(parts.next()?)?;
    let minutes = digits(parts.next()?)?;
    let hours = parts.next().map_or(Some(0), digits)?;
    if parts.next().is_some() || seconds > 59 || minutes > 59 {
        return None;
    }
    let total = ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction;
    (total <= MAX_MS).then_some(total)
}

fn digits(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A line without tags (`<i>`, `<c.loud>`, `{\an8}`) and with its entities read.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(len) = tag(rest) {
            rest = &rest[len..];
        } else if let Some((len, decoded)) = entity(rest) {
            text.push_str(decoded);
            rest = &rest[len..];
        } else {
            if c != '\0' {
                text.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Length of the tag a text begins with.
fn tag(text: &str) -> Option<usize> {
    if text.starts_with("{\\") {
        return text.find('}').map(|end| end + 1);
    }
    let inner = text.strip_prefix('<')?;
    let first = inner.chars().next()?;
    if first.is_ascii_alphanumeric() || matches!(first, '/' | '.') {
        return inner.find('>').map(|end| end + 2);
    }
    None
}

/// Length and meaning of the entity a text begins with.
fn entity(text: &str) -> Option<(usize, &'static str)> {
    const ENTITIES: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&lrm;", ""),
        ("&rlm;", ""),
    ];
    ENTITIES
        .into_iter()
        .find(|(name, _)| text.starts_with(name))
        .map(|(name, meaning)| (name.len(), meaning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{write_srt, write_vtt};
    use proptest::prelude::*;

    fn read(text: &str) -> ReadSubtitles {
        read_subtitles(text, None).unwrap()
    }

    fn shown(text: &str) -> Vec<(i64, i64, String)> {
        read(text)
            .subtitles
            .into_iter()
            .map(|one| (one.start_ms, one.end_ms, one.lines.join("|")))
            .collect()
    }

    #[test]
    fn srt_is_read_as_players_do() {
        let text = "\u{feff}1\r\n00:00:01,500 --> 00:00:02,000 X1:10 X2:20\r\n<i>One</i> {\\an8}and\r\n\
                    two &amp; a half\r\n2\r\n00:03,000 --> 00:04,000\r\nno empty line before\r\n\r\n\r\n\
                    no number\r\n01:00:00 --> 01:00:01\r\na < b\r\n";
        assert_eq!(
            shown(text),
            [
                (1500, 2000, "One and|two & a half".to_owned()),
                (3000, 4000, "no empty line before".to_owned()),
                (3_600_000, 3_601_000, "a < b".to_owned()),
            ]
        );
    }

    #[test]
    fn times_that_make_no_sense_are_left_out_and_told() {
        let read = read(
            "1\n00:00:00,000 --> 00:00:01,234\nfine\n\n2\n00:00:02,345 --> 00:00:03,4560\ndigits\n\n\
             3\n-0:00:04,567 --> 00:00:05,000\nnegative\n\n4\n00:00:06,000 -->\nno end\n\n\
             5\n00:00:08,000 --> 00:00:07,000\nbackwards\n",
        );
        assert_eq!(read.subtitles.len(), 1);
        let lines: Vec<usize> = read.skipped.iter().map(|one| one.line).collect();
        assert_eq!(lines, [6, 10, 14, 18]);
        assert!(
            read.skipped[0]
                .reason
                .contains("`00:00:03,4560` is not a time")
        );
        assert!(read.skipped[2].reason.contains("missing"));
        assert!(read.skipped[3].reason.contains("not after it begins"));
    }

    #[test]
    fn vtt_has_headers_comments_styles_and_tags() {
        let text = "WEBVTT - a title\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000\n\nNOTE\na --> b\n\nSTYLE\n::cue { }\n\n\
                    intro\n00:00.000 --> 00:01.234 align:start position:10%\n<v Ann>Hello <c.loud>you</c>\n\n\
                    00:02.000 --> 00:03.000\n<00:00:02.500>later &lt;b&gt;\n";
        assert_eq!(
            shown(text),
            [
                (0, 1234, "Hello you".to_owned()),
                (2000, 3000, "later <b>".to_owned()),
            ]
        );
    }

    #[test]
    fn other_files_are_named() {
        let error = |text: &str| read_subtitles(text, None).unwrap_err().to_string();
        assert_eq!(error(" \n"), "the file is empty");
        assert_eq!(error("WEBVTT\n\n"), "no subtitle could be read");
        assert_eq!(
            error("[Script Info]\n"),
            "this is an SSA or ASS file, not SRT or VTT"
        );
        assert_eq!(error("just words\n"), "no subtitle could be read");
        assert_eq!(
            error("1\n00:00:02 --> 00:00:01\nx\n"),
            "no subtitle could be read; line 2: it ends at 00:00:01, not after it begins"
        );
    }

    #[test]
    fn the_order_is_that_of_time() {
        let texts: Vec<String> =
            shown("1\n00:00:05,000 --> 00:00:06,000\nb\n\n2\n00:00:01,000 --> 00:00:02,000\na\n")
                .into_iter()
                .map(|(_, _, text)| text)
                .collect();
        assert_eq!(texts, ["a", "b"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            subtitles in proptest::collection::vec((0_i64..50_000, 1_i64..5_000, "[A-Za-z<>&,.]{1,12}( [a-z<>&]{1,9}){0,4}"), 1..12)
        ) {
            let mut from = 0;
            let subtitles: Vec<Subtitle> = subtitles
                .into_iter()
                .map(|(gap, length, text)| {
                    let start_ms = from + gap;
                    from = start_ms + length;
                    Subtitle { start_ms, end_ms: from, lines: vec![text] }
                })
                .collect();
            let vtt = read_subtitles(&write_vtt(&subtitles), None).unwrap();
            prop_assert_eq!(&vtt.subtitles, &subtitles);
            // SRT has no way to write a text that looks like a tag or an entity.
            let plain = subtitles.iter().all(|one| !one.lines[0].contains(['<', '&']));
            if plain {
                let srt = read_subtitles(&write_srt(&subtitles), None).unwrap();
                prop_assert_eq!(&srt.subtitles, &subtitles);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,300}", lines in proptest::collection::vec("[0-9:,.> <a{\\\\}-]{0,40}", 0..20)) {
            let _ = read_subtitles(&text, None);
            let _ = read_subtitles(&lines.join("\n"), Some(SubtitleFormat::Vtt));
            let _ = read_subtitles(&lines.join("\n"), Some(SubtitleFormat::Srt));
        }
    }
}
