//! Subtitle files of others: SRT, VTT and ASS as players read them, which is more kindly than their definitions.
//!
//! What can be read is read; a subtitle whose time makes no sense is left out and told with its line. Markup goes, text
//! stays, and so do the times that a file gives to single words. Neighbours: `subtitles` holds the result, `ass_reader`
//! reads the third of them, `subtitle_marks` what stands inside a subtitle. Bytes are decoded elsewhere: this takes text.

use super::ass_reader;
use super::srt::TimedWord;
use super::subtitle_marks::{Marked, plain, vtt_text};
use crate::timeline::subtitles::Subtitle;

/// Most subtitles a file may hold.
const MAX_SUBTITLES: usize = 20_000;

/// The last millisecond a subtitle may name: 1000 hours, for recordings of streams whose clock runs on.
pub(super) const MAX_MS: i64 = 3_600_000_000;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubtitleFormat {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
    /// SubStation Alpha, of any version: texts and times are read, looks, places and drawings are not.
    Ass,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSubtitles {
    /// How it is written.
    pub format: SubtitleFormat,
    /// What was read, by time.
    pub subtitles: Vec<Subtitle>,
    /// Of each subtitle, its words where the file says when they are spoken: `<00:00:01.500>` of VTT, `\k` of ASS.
    /// Empty where it does not.
    pub words: Vec<Vec<TimedWord>>,
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
    #[error("this is {found}, not SRT, VTT or ASS")]
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
    let format = format.unwrap_or_else(|| told_by(text));
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.split('\n').collect();
    let found = match format {
        SubtitleFormat::Ass => ass_reader::read(&lines)?,
        SubtitleFormat::Srt | SubtitleFormat::Vtt => {
            let mut reader = Reader {
                lines,
                at: 0,
                format,
                found: Found::default(),
            };
            reader.read()?;
            reader.found
        }
    };
    if found.subtitles.is_empty() {
        let first = found.skipped.into_iter().next();
        return Err(SubtitleError::NoSubtitles { first });
    }
    let mut timed = found.subtitles;
    timed.sort_by_key(|(one, _)| one.start_ms);
    let (subtitles, words) = timed.into_iter().unzip();
    Ok(ReadSubtitles {
        format,
        subtitles,
        words,
        skipped: found.skipped,
    })
}

/// What a file holds, in its own order.
#[derive(Default)]
pub(super) struct Found {
    subtitles: Vec<(Subtitle, Vec<TimedWord>)>,
    skipped: Vec<SkippedSubtitle>,
}

impl Found {
    /// Takes a subtitle, unless it has no text: players show nothing for it either; that is no mistake.
    pub(super) fn add(
        &mut self,
        (start_ms, end_ms): (i64, i64),
        text: &Marked,
    ) -> Result<(), SubtitleError> {
        let lines = text.lines();
        if lines.is_empty() {
            return Ok(());
        }
        if self.subtitles.len() == MAX_SUBTITLES {
            return Err(SubtitleError::TooMany);
        }
        let one = Subtitle {
            start_ms,
            end_ms,
            lines,
        };
        self.subtitles.push((one, text.words(start_ms, end_ms)));
        Ok(())
    }

    /// Leaves out what stands on a line, counted from 0.
    pub(super) fn skip(&mut self, line: usize, reason: String) {
        self.skipped.push(SkippedSubtitle {
            line: line + 1,
            reason,
        });
    }
}

/// The format of a text that nobody has told.
fn told_by(text: &str) -> SubtitleFormat {
    let is_ass = |line: &str| {
        let line = line.trim_start();
        line.starts_with("[Script Info]")
            || line.starts_with("[Events]")
            || line.starts_with("Dialogue:")
    };
    if text.starts_with("WEBVTT") {
        SubtitleFormat::Vtt
    } else if text.lines().take(1000).any(is_ass) && !text.contains("-->") {
        SubtitleFormat::Ass
    } else {
        SubtitleFormat::Srt
    }
}

/// Kinds of subtitle files that are often mistaken for these.
fn other_format(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    if ["<?xml", "<tt", "<!--"]
        .iter()
        .any(|mark| start.starts_with(mark))
    {
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
    found: Found,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), SubtitleError> {
        while let Some(line) = self.lines.get(self.at) {
            let is_block = self.format == SubtitleFormat::Vtt && is_vtt_block(line);
            if is_block {
                self.skip_block();
            } else if line.contains("-->") {
                self.subtitle()?;
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
    fn subtitle(&mut self) -> Result<(), SubtitleError> {
        let place = self.at;
        let times = self.times(self.lines[place]);
        self.at += 1;
        let first = self.at;
        while let Some(line) = self.lines.get(self.at) {
            if line.trim().is_empty() || self.begins_next() {
                break;
            }
            self.at += 1;
        }
        let lines = &self.lines[first..self.at];
        match times {
            Ok(times) if self.format == SubtitleFormat::Vtt => {
                self.found.add(times, &vtt_text(&lines.join("\n")))
            }
            Ok(times) => {
                let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
                self.found.add(times, &Marked::plain(&lines.join("\n")))
            }
            Err(reason) => {
                self.found.skip(place, reason);
                Ok(())
            }
        }
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
        // In VTT they may follow without a space.
        let glued = to
            .find(|c: char| c.is_ascii_alphabetic())
            .filter(|at| *at > 0);
        let to = match glued {
            Some(at) if self.format == SubtitleFormat::Vtt => &to[..at],
            _ => to,
        };
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
        let hours_first = || (self.format == SubtitleFormat::Vtt).then(|| hours_and_minutes(text));
        let ms = milliseconds(text).or_else(|| hours_first().flatten());
        ms.ok_or_else(|| format!("`{text}` is not a time like 00:00:02,345"))
    }
}

/// Comments, styles and the header of a VTT file.
fn is_vtt_block(line: &str) -> bool {
    let word = line.split([' ', '\t']).next().unwrap_or_default();
    matches!(word, "WEBVTT" | "NOTE" | "STYLE" | "REGION") && !line.contains("-->")
}

/// `[H:]M:S[(,|.)mmm]`. Three places after the point, as in both formats; none is the whole second.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
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

/// `H:MM.mmm` with more than 59 hours: browsers take a first part that cannot be minutes for hours.
fn hours_and_minutes(text: &str) -> Option<i64> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, fraction) = rest.split_once('.')?;
    (digits(hours)? > 59)
        .then(|| milliseconds(&format!("{hours}:{minutes}:00.{fraction}")))
        .flatten()
}

pub(super) fn digits(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
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
    fn vtt_text_is_read_as_browsers_do() {
        let text = |body: &str| {
            let read = read(&format!(
                "WEBVTT\n\n00:00.000 --> 00:02.000 line:0\n{body}\n"
            ));
            read.subtitles[0].lines.join("|")
        };
        assert_eq!(text("a &lt b &nbsp c &g; &amp;"), "a &lt b &nbsp c &g; &");
        assert_eq!(text("kept <c lost to the end\nof the text"), "kept");
        assert_eq!(text("<i\n.loud>over two lines</i>"), "over two lines");
        assert_eq!(text("5 < 6> is a tag"), "5 is a tag");
        assert_eq!(text("a&lrm;b"), "a\u{200e}b");
        let long = read("WEBVTT\n\n120:00.000 --> 120:10.000\ncue\n");
        assert_eq!(long.subtitles[0].start_ms, 432_000_000);
        let glued = read("WEBVTT\n\n00:00.000 --> 00:01.000line:40% size:40%\ncue\n");
        assert_eq!(glued.subtitles[0].end_ms, 1000);
    }

    fn words(read: &ReadSubtitles) -> Vec<(String, i64, i64)> {
        let words = read.words.iter().flatten();
        words
            .map(|word| (word.text.clone(), word.start_ms, word.end_ms))
            .collect()
    }

    #[test]
    fn word_times_of_vtt_are_kept() {
        let read = read(
            "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ann>Bees <00:01.500>never\n<00:02.000>sleep at night\n\n\
             00:04.000 --> 00:05.000\nplain words\n",
        );
        assert_eq!(read.subtitles[0].lines, ["Bees never", "sleep at night"]);
        assert_eq!(
            words(&read),
            [
                ("Bees".to_owned(), 1000, 1500),
                ("never".to_owned(), 1500, 2000),
                ("sleep".to_owned(), 2000, 2416),
                ("at".to_owned(), 2416, 2583),
                ("night".to_owned(), 2583, 3000),
            ]
        );
        assert!(read.words[1].is_empty());
    }

    #[test]
    fn other_files_are_named() {
        let error = |text: &str| read_subtitles(text, None).unwrap_err().to_string();
        assert_eq!(error(" \n"), "the file is empty");
        assert_eq!(error("WEBVTT\n\n"), "no subtitle could be read");
        assert_eq!(
            error("<?xml version=\"1.0\"?>\n<tt/>"),
            "this is an XML (TTML) file, not SRT, VTT or ASS"
        );
        assert_eq!(error("[Script Info]\n"), "no subtitle could be read");
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
            let _ = read_subtitles(&lines.join("\n"), Some(SubtitleFormat::Ass));
            let _ = read_subtitles(&format!("Dialogue: 0,0:00:00.00,0:00:01.00,{}", lines.join(",")), None);
        }
    }
}
