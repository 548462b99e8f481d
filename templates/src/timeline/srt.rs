//! Subtitles from words: readable phrases of at most two lines instead of the picture's short cues.
//!
//! Neighbours: `subtitles` writes them down as SRT and VTT.

use super::spacing::joined;
use crate::timeline::subtitles::{Subtitle, write_srt, write_vtt};
use crate::timeline::{CueWord, Timeline};

/// Longest line in characters, when nothing else is asked.
pub const SUBTITLE_LINE_CHARS: usize = 42;
/// A pause this long starts a new subtitle, milliseconds.
const PAUSE_MS: i64 = 700;
/// Longest subtitle, milliseconds.
const LONGEST_MS: i64 = 7000;
/// Shortest subtitle, milliseconds, where the next one leaves room.
const SHORTEST_MS: i64 = 834;

/// A word with its time, from the start of what is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedWord {
    /// As shown.
    pub text: String,
    /// When it begins, milliseconds.
    pub start_ms: i64,
    /// When it is over, milliseconds.
    pub end_ms: i64,
}

/// Words as subtitles: at most two lines of so many characters each, broken after sentences and at pauses.
pub fn subtitles_of(words: &[TimedWord], line_chars: usize) -> Vec<Subtitle> {
    let phrases = phrases(words, line_chars);
    phrases
        .iter()
        .enumerate()
        .map(|(at, phrase)| {
            let next = phrases.get(at + 1).map_or(i64::MAX, |next| next.start_ms);
            let texts = phrase.texts();
            Subtitle {
                start_ms: phrase.start_ms,
                end_ms: phrase.end_ms.max((phrase.start_ms + SHORTEST_MS).min(next)),
                // Only a single word of more than two lines does not fit; it keeps all its lines rather than being
                // lost.
                lines: two_lines(&texts, line_chars).unwrap_or(texts),
            }
        })
        .collect()
}

impl Timeline {
    /// The captions as subtitles; none without captions.
    pub fn subtitles(&self) -> Vec<Subtitle> {
        let words: Vec<TimedWord> = self
            .captions
            .iter()
            .flat_map(|track| track.cues.iter().flat_map(|cue| &cue.words))
            .map(|word| TimedWord {
                text: word.text.clone(),
                start_ms: word.range.start.to_millis(),
                end_ms: end_ms(word),
            })
            .collect();
        subtitles_of(&words, SUBTITLE_LINE_CHARS)
    }

    /// The captions as SubRip. Empty without captions.
    pub fn srt(&self) -> String {
        write_srt(&self.subtitles())
    }

    /// The captions as WebVTT. Only the header without captions.
    pub fn vtt(&self) -> String {
        write_vtt(&self.subtitles())
    }
}

/// A subtitle in the making.
struct Phrase<'a> {
    words: Vec<&'a TimedWord>,
    start_ms: i64,
    end_ms: i64,
    line_chars: usize,
}

impl<'a> Phrase<'a> {
    fn starting_with(word: &'a TimedWord, line_chars: usize) -> Self {
        Self {
            words: vec![word],
            start_ms: word.start_ms,
            end_ms: word.end_ms,
            line_chars,
        }
    }

    fn texts(&self) -> Vec<String> {
        self.words
            .iter()
            .flat_map(|word| pieces(&word.text, self.line_chars))
            .collect()
    }

    /// Whether a word continues this phrase.
    fn takes(&self, word: &TimedWord) -> bool {
        let ended = self
            .words
            .last()
            .is_some_and(|last| ends_sentence(&last.text));
        let paused = word.start_ms - self.end_ms >= PAUSE_MS;
        let mut texts = self.texts();
        texts.extend(pieces(&word.text, self.line_chars));
        !ended
            && !paused
            && word.end_ms - self.start_ms <= LONGEST_MS
            && two_lines(&texts, self.line_chars).is_some()
    }
}

/// Words that end in a full stop without closing a sentence, without the stop.
const ABBREVIATIONS: [&str; 19] = [
    "dr", "mr", "mrs", "ms", "prof", "st", "vs", "no", "fig", "approx", "nr", "bzw", "ca", "usw",
    "evtl", "ggf", "inkl", "vgl", "bspw",
];

/// Whether a word closes a sentence, quotes and brackets aside. "Dr.", "e.g.", "U.S.A.", the "B." of "z. B." and the
/// "3." of "3. Mai" do not.
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
    let day = (1..=2).contains(&stem.len()) && stem.bytes().all(|byte| byte.is_ascii_digit());
    !(one_letter || dotted || day || ABBREVIATIONS.contains(&stem.as_str()))
}

fn end_ms(word: &CueWord) -> i64 {
    crate::time::RationalTime::new(word.range.end(), word.range.start.rate).to_millis()
}

/// A word, or its parts where one alone would not fit a line.
fn pieces(word: &str, line_chars: usize) -> Vec<String> {
    let letters: Vec<char> = word
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect();
    letters
        .chunks(line_chars.max(1))
        .map(|chunk| chunk.iter().collect())
        .collect()
}

fn phrases(words: &[TimedWord], line_chars: usize) -> Vec<Phrase<'_>> {
    let mut phrases: Vec<Phrase<'_>> = Vec::new();
    for word in words {
        match phrases.last_mut() {
            Some(phrase) if phrase.takes(word) => {
                phrase.words.push(word);
                phrase.end_ms = word.end_ms;
            }
            _ => phrases.push(Phrase::starting_with(word, line_chars)),
        }
    }
    phrases
}

/// One line, or the two most even ones; `None` if two lines do not hold it.
fn two_lines(words: &[String], line_chars: usize) -> Option<Vec<String>> {
    let whole = joined(words);
    if whole.chars().count() <= line_chars {
        return Some(vec![whole]);
    }
    (1..words.len())
        .map(|at| [joined(&words[..at]), joined(&words[at..])])
        .filter(|lines| lines.iter().all(|line| line.chars().count() <= line_chars))
        .min_by_key(|[top, bottom]| top.chars().count().abs_diff(bottom.chars().count()))
        .map(Vec::from)
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
        for word in ["Dr.", "e.g.", "U.S.A.", "B.", "(approx.", "3.", "vgl."] {
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
            assert!(
                lines
                    .iter()
                    .all(|line| line.chars().count() <= SUBTITLE_LINE_CHARS)
            );
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
                    .collect::<Vec<_>>(),
                SUBTITLE_LINE_CHARS
            ),
            Some(vec!["aaaa ".repeat(6).trim().to_owned(); 2])
        );
    }

    #[test]
    fn a_word_without_end_is_broken() {
        let text = srt(&[&"x".repeat(100)]);
        assert_eq!(text.matches('x').count(), 100, "nothing is lost");
        assert!(text.lines().all(|line| line.len() <= SUBTITLE_LINE_CHARS));
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
    fn narrow_lines_are_kept_narrow() {
        let words: Vec<TimedWord> = (0..12)
            .map(|at| TimedWord {
                text: "seven77".into(),
                start_ms: at * 300,
                end_ms: at * 300 + 250,
            })
            .collect();
        let subtitles = subtitles_of(&words, 16);
        assert_eq!(subtitles.len(), 3);
        assert!(
            subtitles
                .iter()
                .flat_map(|one| &one.lines)
                .all(|line| line.len() <= 16)
        );
        assert!(
            subtitles
                .windows(2)
                .all(|pair| pair[0].end_ms <= pair[1].start_ms)
        );
    }
}
