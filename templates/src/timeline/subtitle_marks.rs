//! What stands inside one subtitle: text, tags, entities, and the times of single words.
//!
//! Neighbours: `subtitle_reader` finds the subtitles of SRT and VTT, `ass_reader` those of ASS.

use super::srt::TimedWord;
use super::subtitle_reader::milliseconds;

/// A text whose parts may have times; lines are parted by line breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    /// When it begins to be spoken, milliseconds; absent where the file does not say.
    start_ms: Option<i64>,
    text: String,
}

impl Marked {
    /// A text without times.
    pub(super) fn plain(text: &str) -> Self {
        let mut marked = Self::default();
        text.chars().for_each(|c| marked.push(c));
        marked
    }

    /// Adds a letter.
    pub(super) fn push(&mut self, c: char) {
        match self.pieces.last_mut() {
            Some(piece) => piece.text.push(c),
            None => self.pieces.push(Piece {
                start_ms: None,
                text: c.into(),
            }),
        }
    }

    /// What follows is spoken from then on.
    pub(super) fn mark(&mut self, start_ms: i64) {
        self.pieces.push(Piece {
            start_ms: Some(start_ms),
            text: String::new(),
        });
    }

    /// The lines that have letters, with single spaces.
    pub(super) fn lines(&self) -> Vec<String> {
        let text: String = self
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        text.split('\n')
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect()
    }

    /// The words with their times, inside those of the subtitle; none where no part has a time. Words of one part share
    /// its time by their letters.
    pub(super) fn words(&self, start_ms: i64, end_ms: i64) -> Vec<TimedWord> {
        if self.pieces.iter().all(|piece| piece.start_ms.is_none()) {
            return Vec::new();
        }
        let mut words: Vec<TimedWord> = Vec::new();
        let mut from = start_ms;
        let mut open = false;
        for (at, piece) in self.pieces.iter().enumerate() {
            from = piece.start_ms.unwrap_or(from).clamp(from, end_ms);
            let next = self.pieces[at + 1..].iter().find_map(|next| next.start_ms);
            let until = next.unwrap_or(end_ms).clamp(from, end_ms);
            let all = piece.text.chars().filter(|c| !c.is_whitespace()).count() as i64;
            let time = |letters: i64| from + (until - from) * letters / all.max(1);
            let mut done = 0;
            for c in piece.text.chars() {
                if c.is_whitespace() {
                    open = false;
                    continue;
                }
                if !open {
                    words.push(TimedWord {
                        text: String::new(),
                        start_ms: time(done),
                        end_ms: 0,
                    });
                    open = true;
                }
                done += 1;
                if let Some(word) = words.last_mut() {
                    word.text.push(c);
                    word.end_ms = time(done);
                }
            }
        }
        words
    }
}

/// The text of a VTT subtitle as browsers read it: a `<` begins a tag, and a tag that never ends takes the rest.
pub(super) fn vtt_text(text: &str) -> Marked {
    let mut marked = Marked::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '<' {
            let Some(end) = rest.find('>') else { break };
            if let Some(ms) = milliseconds(rest[1..end].trim()) {
                marked.mark(ms);
            }
            rest = &rest[end + 1..];
        } else if let Some((len, decoded)) = entity(rest) {
            decoded.chars().for_each(|c| marked.push(c));
            rest = &rest[len..];
        } else {
            if c != '\0' {
                marked.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    marked
}

/// A line without tags (`<i>`, `<c.loud>`, `{\an8}`) and with its entities read.
pub(super) fn plain(line: &str) -> String {
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
        ("&lrm;", "\u{200e}"),
        ("&rlm;", "\u{200f}"),
    ];
    ENTITIES
        .into_iter()
        .find(|(name, _)| text.starts_with(name))
        .map(|(name, meaning)| (name.len(), meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_begin_inside_a_word() {
        let mut text = Marked::default();
        for (ms, part) in [(1000, "ka"), (1200, "ra"), (1400, "o"), (1600, "ke now")] {
            text.mark(ms);
            part.chars().for_each(|c| text.push(c));
        }
        let words = text.words(1000, 2100);
        let times: Vec<(&str, i64, i64)> = words
            .iter()
            .map(|word| (word.text.as_str(), word.start_ms, word.end_ms))
            .collect();
        assert_eq!(times, [("karaoke", 1000, 1800), ("now", 1800, 2100)]);
    }

    #[test]
    fn times_that_run_back_or_out_of_the_subtitle_stay_inside_it() {
        let text = vtt_text("a <00:09.000>b <00:00.500>c");
        for word in text.words(1000, 2000) {
            assert!((1000..=2000).contains(&word.start_ms) && word.start_ms <= word.end_ms);
        }
    }

    #[test]
    fn a_text_without_times_has_no_words_of_its_own() {
        assert!(Marked::plain("a b").words(0, 10).is_empty());
        assert_eq!(Marked::plain(" a  b \n\n c").lines(), ["a b", "c"]);
    }
}
