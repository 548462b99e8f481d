//! SubRip text from the captions' words: readable phrases instead of the picture's short cues.

use super::spacing::joined;
use std::fmt::Write as _;

use crate::timeline::{CueWord, Timeline};

/// Longest line in characters.
const LINE_CHARS: usize = 42;
/// A pause this long starts a new subtitle, milliseconds.
const PAUSE_MS: i64 = 700;
/// Longest subtitle, milliseconds.
const LONGEST_MS: i64 = 7000;
/// Shortest subtitle, milliseconds, where the next one leaves room.
const SHORTEST_MS: i64 = 834;

/// A subtitle in the making.
struct Phrase<'a> {
    words: Vec<&'a CueWord>,
    start_ms: i64,
    end_ms: i64,
}

impl Timeline {
    /// The captions as SubRip: at most two lines of 42 characters each, broken after sentences and at pauses.
    /// Empty without captions.
    pub fn srt(&self) -> String {
        let phrases = phrases(
            self.captions
                .iter()
                .flat_map(|track| track.cues.iter().flat_map(|cue| &cue.words)),
        );
        let mut text = String::new();
        for (at, phrase) in phrases.iter().enumerate() {
            let next = phrases.get(at + 1).map_or(i64::MAX, |next| next.start_ms);
            let end = phrase.end_ms.max((phrase.start_ms + SHORTEST_MS).min(next));
            let texts = phrase.texts();
            // Only a single word of more than two lines does not fit; it keeps all its lines rather than being lost.
            let lines = two_lines(&texts).unwrap_or(texts).join("\n");
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "{}\n{} --> {}\n{lines}\n\n",
                at + 1,
                clock(phrase.start_ms),
                clock(end)
            );
        }
        text
    }
}

impl<'a> Phrase<'a> {
    fn starting_with(word: &'a CueWord) -> Self {
        Self {
            words: vec![word],
            start_ms: word.range.start.to_millis(),
            end_ms: end_ms(word),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.words
            .iter()
            .flat_map(|word| pieces(&word.text))
            .collect()
    }

    /// Whether a word continues this phrase.
    fn takes(&self, word: &CueWord) -> bool {
        let ended = self
            .words
            .last()
            .is_some_and(|last| ends_sentence(&last.text));
        let paused = word.range.start.to_millis() - self.end_ms >= PAUSE_MS;
        let mut texts = self.texts();
        texts.extend(pieces(&word.text));
        !ended
            && !paused
            && end_ms(word) - self.start_ms <= LONGEST_MS
            && two_lines(&texts).is_some()
    }
}

/// Words that end in a full stop without closing a sentence, without the stop.
const ABBREVIATIONS: [&str; 14] = [
    "dr", "mr", "mrs", "ms", "prof", "st", "vs", "no", "fig", "approx", "nr", "bzw", "ca", "usw",
];

/// Whether a word closes a sentence, quotes and brackets aside. "Dr.", "e.g.", "U.S.A." and the "B." of "z. B." do not.
pub(crate) fn ends_sentence(word: &str) -> bool {
    let word = word.trim_end_matches(['"', '\'', '”', '’', ')', ']', '»']);
    let Some(stem) = word.strip_suffix('.') else {
        return word.ends_with(['!', '?', '…', '。', '！', '？', '؟', '।']);
    };
    let stem = stem
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let one_letter = stem.chars().count() == 1 && stem.chars().all(char::is_alphabetic);
    let dotted = stem.contains('.')
        && !stem.ends_with('.')
        && stem.chars().all(|c| c == '.' || c.is_alphabetic());
    !(one_letter || dotted || ABBREVIATIONS.contains(&stem.as_str()))
}

fn end_ms(word: &CueWord) -> i64 {
    crate::time::RationalTime::new(word.range.end(), word.range.start.rate).to_millis()
}

/// A word, or its parts where one alone would not fit a line.
fn pieces(word: &str) -> Vec<String> {
    let letters: Vec<char> = word
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect();
    letters
        .chunks(LINE_CHARS)
        .map(|chunk| chunk.iter().collect())
        .collect()
}

fn phrases<'a>(words: impl Iterator<Item = &'a CueWord>) -> Vec<Phrase<'a>> {
    let mut phrases: Vec<Phrase<'a>> = Vec::new();
    for word in words {
        match phrases.last_mut() {
            Some(phrase) if phrase.takes(word) => {
                phrase.words.push(word);
                phrase.end_ms = end_ms(word);
            }
            _ => phrases.push(Phrase::starting_with(word)),
        }
    }
    phrases
}

/// One line, or the two most even ones; `None` if two lines do not hold it.
fn two_lines(words: &[String]) -> Option<Vec<String>> {
    let whole = joined(words);
    if whole.chars().count() <= LINE_CHARS {
        return Some(vec![whole]);
    }
    (1..words.len())
        .map(|at| [joined(&words[..at]), joined(&words[at..])])
        .filter(|lines| lines.iter().all(|line| line.chars().count() <= LINE_CHARS))
        .min_by_key(|[top, bottom]| top.chars().count().abs_diff(bottom.chars().count()))
        .map(Vec::from)
}

/// `HH:MM:SS,mmm`.
fn clock(ms: i64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!(
        "{:02}:{:02}:{:02},{ms:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, spoken};

    fn srt(scenes: &[&str]) -> String {
        let voice = (0..)
            .zip(scenes)
            .map(|(at, text)| {
                let words: Vec<&str> = text.split(' ').collect();
                spoken(&format!("s{at}"), &words)
            })
            .collect();
        cut(&builtin_template("daily"), &bindings_with(voice)).srt()
    }

    #[test]
    fn abbreviations_do_not_close_a_sentence() {
        for word in ["Dr.", "e.g.", "U.S.A.", "B.", "(approx."] {
            assert!(!ends_sentence(word), "{word}");
        }
        for word in [
            "end.",
            "\"Stop!\"",
            "2026.",
            "wait...",
            "video.mp4.",
            "(yes.)",
        ] {
            assert!(ends_sentence(word), "{word}");
        }
    }

    #[test]
    fn sentences_become_subtitles() {
        assert_eq!(
            srt(&["Honey never spoils. Really, it does not.", "Bees know why."]),
            "1\n00:00:00,200 --> 00:00:01,367\nHoney never spoils.\n\n\
             2\n00:00:01,400 --> 00:00:02,967\nReally, it does not.\n\n\
             3\n00:00:03,233 --> 00:00:04,400\nBees know why.\n\n"
        );
    }

    #[test]
    fn lines_are_short_and_balanced() {
        let long = "a sentence that goes on and on until nobody in the room remembers how it began because \
                    its writer never learned where to stop it";
        let text = srt(&[long]);
        for block in text.trim_end().split("\n\n") {
            let lines: Vec<&str> = block.lines().skip(2).collect();
            assert!((1..=2).contains(&lines.len()), "{block}");
            assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS));
        }
        let words: Vec<&str> = text
            .split("\n\n")
            .flat_map(|block| block.lines().skip(2))
            .flat_map(str::split_whitespace)
            .collect();
        assert_eq!(words.join(" "), long);
        assert_eq!(
            two_lines(
                &"aaaa "
                    .repeat(12)
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            ),
            Some(vec!["aaaa ".repeat(6).trim().to_owned(); 2])
        );
    }

    #[test]
    fn a_word_without_end_is_broken() {
        let text = srt(&[&"x".repeat(100)]);
        assert_eq!(text.matches('x').count(), 100, "nothing is lost");
        assert!(text.lines().all(|line| line.len() <= LINE_CHARS));
        assert!(ends_sentence("so.”"));
        assert!(!ends_sentence("3.5"));
    }

    #[test]
    fn nothing_said_means_nothing_written() {
        assert_eq!(
            cut(&builtin_template("daily"), &bindings_with(Vec::new())).srt(),
            ""
        );
    }

    #[test]
    fn clocks_have_hours() {
        assert_eq!(clock(3_661_007), "01:01:01,007");
    }
}
