//! ASS and SSA files of others: texts, times and the times of single words. Looks, places, moves and drawings are left to
//! the template that shows the captions, so they are not read.
//!
//! Neighbours: `subtitle_reader` calls it, `subtitle_marks` holds what one event says, `ass` writes such files.

use super::subtitle_marks::Marked;
use super::subtitle_reader::{Found, MAX_MS, SubtitleError, digits};

/// Columns of an event where the file does not name them; the text is the last and may hold commas.
const USUAL: [&str; 10] = [
    "layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text",
];
/// Columns of events that were taken out of a Matroska file without their header.
const BARE: [&str; 6] = ["layer", "start", "end", "style", "name", "text"];

/// Reads the events of a file.
pub(super) fn read(lines: &[&str]) -> Result<Found, SubtitleError> {
    let mut found = Found::default();
    let mut section = String::new();
    let mut columns: Option<Vec<String>> = None;
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line.to_ascii_lowercase();
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let styles = section.contains("styles");
        match key.trim().to_ascii_lowercase().as_str() {
            "format" if !styles => {
                let names = value
                    .split(',')
                    .map(|name| name.trim().to_ascii_lowercase());
                columns = Some(names.collect());
            }
            "dialogue" if !styles => match event(value, columns.as_deref()) {
                Ok((times, text)) => found.add(times, &text)?,
                Err(reason) => found.skip(at, reason),
            },
            _ => {}
        }
    }
    Ok(found)
}

/// When an event is seen, and what it says.
fn event(value: &str, columns: Option<&[String]>) -> Result<((i64, i64), Marked), String> {
    let usual = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let columns: Vec<String> = match columns {
        Some(columns) => columns.to_vec(),
        None if has_margins(value) => usual(&USUAL),
        None => usual(&BARE),
    };
    let fields: Vec<&str> = value.splitn(columns.len().max(1), ',').collect();
    let field = |name: &str| {
        let at = columns.iter().position(|column| column == name);
        let found = at.and_then(|at| fields.get(at)).copied();
        found.ok_or_else(|| format!("it has no `{name}`"))
    };
    let (start, end) = (field("start")?, field("end")?);
    let (from, to) = (time(start)?, time(end)?);
    if to <= from {
        return Err(format!("it ends at {}, not after it begins", end.trim()));
    }
    let text = if columns.last().map(String::as_str) == Some("text") {
        field("text")?
    } else {
        return Err("`Text` is not the last of the file's columns".to_owned());
    };
    Ok(((from, to), spoken(text, from)))
}

/// Whether the sixth to eighth columns are numbers, as margins are.
fn has_margins(value: &str) -> bool {
    let mut margins = value.splitn(USUAL.len(), ',').skip(5);
    (0..3).all(|_| {
        margins.next().is_some_and(|margin| {
            let margin = margin.trim();
            !margin.is_empty() && margin.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

/// `H:MM:SS.cc`, in milliseconds; some programs write a colon before the hundredths.
fn time(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a time is missing".to_owned());
    }
    parse_time(text).ok_or_else(|| format!("`{text}` is not a time like 0:00:02.34"))
}

fn parse_time(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split([':', '.']).collect();
    let [hours, minutes, seconds, fraction] = parts.as_slice() else {
        return None;
    };
    if !(1..=3).contains(&fraction.len()) {
        return None;
    }
    let (hours, minutes, seconds) = (digits(hours)?, digits(minutes)?, digits(seconds)?);
    let places = [100, 10, 1][fraction.len() - 1];
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let total = ((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(fraction)? * places;
    (total <= MAX_MS).then_some(total)
}

/// The text of an event without its overrides; `\k` times count from the event's start.
fn spoken(text: &str, start_ms: i64) -> Marked {
    let mut marked = Marked::default();
    let mut pen = Pen {
        next_ms: start_ms,
        drawing: false,
    };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match (c, rest.as_bytes().get(1)) {
            ('{', _) if rest.contains('}') => {
                let end = rest.find('}').unwrap_or(0);
                pen.obey(&rest[1..end], &mut marked);
                len = end + 1;
            }
            ('\\', Some(b'N' | b'n')) => {
                marked.push('\n');
                len = 2;
            }
            ('\\', Some(b'h')) => {
                marked.push(' ');
                len = 2;
            }
            ('\\', Some(escaped @ (b'{' | b'}'))) => {
                marked.push(char::from(*escaped));
                len = 2;
            }
            // Written after a backslash so that what follows is not taken for a command.
            ('\u{2060}', _) | ('\0', _) => {}
            _ if pen.drawing => {}
            _ => marked.push(c),
        }
        rest = &rest[len..];
    }
    marked
}

/// What the overrides read so far have changed.
struct Pen {
    /// When the next syllable begins.
    next_ms: i64,
    /// Whether what follows is a drawing.
    drawing: bool,
}

impl Pen {
    /// Obeys the commands of a block: `\k`, `\K`, `\kf` and `\ko` time syllables, `\p` begins and ends drawings.
    fn obey(&mut self, block: &str, marked: &mut Marked) {
        for command in block.split('\\').skip(1) {
            let letters: String = command
                .chars()
                .take_while(char::is_ascii_alphabetic)
                .collect();
            let number = command[letters.len()..].trim();
            let number = number.split(['.', ')', ' ']).next().unwrap_or_default();
            match (letters.as_str(), digits(number)) {
                ("k" | "K" | "kf" | "ko", Some(hundredths)) => {
                    marked.mark(self.next_ms);
                    self.next_ms += hundredths * 10;
                }
                ("p", Some(level)) => self.drawing = level > 0,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::timeline::{ReadSubtitles, SubtitleFormat, read_subtitles};

    const HEAD: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\n\
                        Style: Default,Arial\n\n[Events]\n\
                        Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";

    fn read(events: &str) -> ReadSubtitles {
        read_subtitles(&format!("{HEAD}{events}"), None).unwrap()
    }

    fn line(text: &str) -> String {
        format!("Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{text}\n")
    }

    #[test]
    fn texts_lose_their_commands_and_keep_their_commas() {
        let read = read(&format!(
            "{}{}Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,hidden\n",
            line("{\\an8\\fs40}Up, {\\i1}and{\\i0}\\Naway\\hnow"),
            line("{\\p1}m 0 0 l 100 0{\\p0}after")
        ));
        assert_eq!(read.format, SubtitleFormat::Ass);
        let lines: Vec<&[String]> = read.subtitles.iter().map(|one| &one.lines[..]).collect();
        assert_eq!(lines[0], ["Up, and", "away now"]);
        assert_eq!(lines[1], ["after"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (read.subtitles[0].start_ms, read.subtitles[0].end_ms),
            (1000, 3000)
        );
        assert!(read.words.iter().all(Vec::is_empty));
    }

    #[test]
    fn syllables_become_words_with_times() {
        let read = read(&line(
            "{\\k50}Bees {\\k20}ne{\\kf30}ver {\\K40}{\\k20}sleep",
        ));
        let words: Vec<(&str, i64, i64)> = read.words[0]
            .iter()
            .map(|word| (word.text.as_str(), word.start_ms, word.end_ms))
            .collect();
        assert_eq!(
            words,
            [
                ("Bees", 1000, 1500),
                ("never", 1500, 2000),
                ("sleep", 2400, 3000)
            ]
        );
    }

    #[test]
    fn times_that_make_no_sense_are_told() {
        let read = read(
            "Dialogue: 0,Invalid,0:00:01.23,D,,0,0,0,,a\nDialogue: 0,,0:00:01.23,D,,0,0,0,,b\n\
             Dialogue: 0,0:00:02.00,0:00:01.00,D,,0,0,0,,c\nDialogue: 0,0:00:04:56,0:00:08:90,D,,0,0,0,,kept\n",
        );
        assert_eq!(read.subtitles.len(), 1);
        assert_eq!(read.subtitles[0].start_ms, 4560);
        let told: Vec<(usize, &str)> = read
            .skipped
            .iter()
            .map(|one| (one.line, one.reason.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (10, "`Invalid` is not a time like 0:00:02.34"),
                (11, "a time is missing"),
                (12, "it ends at 0:00:01.00, not after it begins"),
            ]
        );
    }

    #[test]
    fn columns_may_have_any_order_or_no_names() {
        let bare = "Dialogue: 0,0:00:00.00,0:00:01.00,Default,Ann,Third, with a comma.\n";
        let text = |text: &str| {
            read_subtitles(text, None).unwrap().subtitles[0]
                .lines
                .join("|")
        };
        assert_eq!(text(bare), "Third, with a comma.");
        let old = "[Events]\nFormat: Marked, End, Start, Text\nDialogue: Marked=0,0:00:02.00,0:00:01.00,Hi, you\n";
        assert_eq!(text(old), "Hi, you");
        assert_eq!(text(&line("a, b")), "a, b");
    }
}
