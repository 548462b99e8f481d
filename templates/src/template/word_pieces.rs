//! Words of scripts that are written without spaces: a text between two spaces is divided by a dictionary, so that
//! captions can show, break and highlight what a reader takes for a word.
//!
//! Neighbours: `schedule` divides the words that are shown, `cues` counts letters. The one door of `icu_segmenter`.

use std::ops::Range;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{GraphemeClusterSegmenter, WordSegmenter};

use super::binding::VoiceWord;
use crate::timeline::is_spaceless;

/// Letters of the longest Japanese ending or particle that stays with the word before it, and of what they make together.
const LONGEST_ENDING: usize = 2;
const LONGEST_WITH_ENDING: usize = 8;

/// The words with those of scripts without spaces divided; their time is shared by letters.
pub(crate) fn divided(words: &[VoiceWord]) -> Vec<VoiceWord> {
    words.iter().flat_map(divide).collect()
}

fn divide(word: &VoiceWord) -> Vec<VoiceWord> {
    let parts = pieces(&word.text);
    if parts.len() < 2 {
        return vec![word.clone()];
    }
    let all = letters(&word.text).max(1) as u64;
    let length = word.end.saturating_sub(word.start);
    let mut done = 0;
    parts
        .into_iter()
        .map(|part| {
            let text = &word.text[part];
            let start = word.start + length * done / all;
            done += letters(text) as u64;
            VoiceWord {
                text: text.to_owned(),
                start,
                end: word.start + length * done / all,
            }
        })
        .collect()
}

/// Where the pieces of a text lie; one where there is nothing to divide.
fn pieces(text: &str) -> Vec<Range<usize>> {
    if !text.chars().any(is_spaceless) {
        return std::iter::once(0..text.len()).collect();
    }
    let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
    let ends: Vec<usize> = segmenter.segment_str(text).skip(1).collect();
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    for end in ends {
        let part = &text[from..end];
        match pieces.last_mut() {
            Some(last) if joins(&text[last.clone()], part) => last.end = end,
            _ => pieces.push(from..end),
        }
        from = end;
    }
    pieces
}

/// Whether a part stays with the piece before it: marks after a word, a word after an opening mark, words of scripts that
/// have spaces, and Japanese endings.
fn joins(before: &str, part: &str) -> bool {
    let has_letters = |text: &str| text.chars().any(char::is_alphanumeric);
    if !has_letters(part) {
        // An opening bracket belongs to what follows.
        return !part.chars().all(is_opening);
    }
    if !has_letters(before) {
        return true;
    }
    let ended = before
        .chars()
        .next_back()
        .is_some_and(|c| !c.is_alphanumeric() && !is_mark(c));
    let spaced = |text: &str| !text.chars().any(is_spaceless);
    if ended {
        return false;
    }
    if spaced(part) && before.chars().next_back().is_some_and(|c| !is_spaceless(c)) {
        return true;
    }
    let is_ending = part.chars().all(is_hiragana) && letters(part) <= LONGEST_ENDING;
    is_ending && letters(before) + letters(part) <= LONGEST_WITH_ENDING
}

const fn is_opening(c: char) -> bool {
    matches!(
        c,
        '(' | '[' | '{' | '“' | '‘' | '«' | '「' | '『' | '（' | '［' | '【' | '〈' | '《' | '〔'
    )
}

/// Vowel and tone marks of scripts without spaces, which are no letters of their own.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{0EB1}' | '\u{0EB4}'..='\u{0EBC}'
        | '\u{0EC8}'..='\u{0ECE}' | '\u{102B}'..='\u{103E}' | '\u{17B4}'..='\u{17D3}' | '\u{17DD}')
}

const fn is_hiragana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{309F}' | 'ー')
}

/// Letters as people count them: a letter with its marks is one.
pub(crate) fn letters(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    GraphemeClusterSegmenter::new()
        .segment_str(text)
        .count()
        .saturating_sub(1)
}

/// The first character of every letter, as people count them.
pub(crate) fn first_characters(text: &str) -> Vec<char> {
    let ends = GraphemeClusterSegmenter::new();
    let ends: Vec<usize> = ends.segment_str(text).collect();
    ends.windows(2)
        .filter_map(|pair| text[pair[0]..pair[1]].chars().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|part| &text[part]).collect()
    }

    // spec: T-43
    #[test]
    fn scripts_without_spaces_are_divided_by_a_dictionary() {
        assert_eq!(
            parts("私たちは毎日海を見る。"),
            ["私たちは", "毎日", "海を", "見る。"]
        );
        assert_eq!(
            parts("我们每天学习中文。"),
            ["我们", "每天", "学习", "中文。"]
        );
        // The dictionary knows 構成 and 員, not both together.
        assert_eq!(
            parts("社会のすべての構成員"),
            ["社会のすべての", "構成", "員"]
        );
        assert_eq!(parts("「毎日」の習慣"), ["「毎日」", "の", "習慣"]);
        let thai = parts("ผึ้งเต้นรำทุกวัน");
        assert!(thai.len() >= 3, "{thai:?}");
        assert_eq!(thai.concat(), "ผึ้งเต้นรำทุกวัน");
    }

    #[test]
    fn other_words_stay_whole() {
        for word in [
            "sleep",
            "don't",
            "3,5",
            "안녕하세요",
            "السلام",
            "नमस्ते",
            "U.S.A.",
            "🐝",
        ] {
            assert_eq!(parts(word), [word]);
        }
        assert_eq!(parts("NASAは海へ"), ["NASAは", "海へ"]);
    }

    #[test]
    fn pieces_share_the_time_of_their_word() {
        let word = VoiceWord {
            text: "我们每天学习中文".into(),
            start: 1000,
            end: 9000,
        };
        let found = divided(&[word]);
        let times: Vec<(u64, u64)> = found.iter().map(|one| (one.start, one.end)).collect();
        assert_eq!(
            times,
            [(1000, 3000), (3000, 5000), (5000, 7000), (7000, 9000)]
        );
    }

    #[test]
    fn letters_are_counted_with_their_marks() {
        assert_eq!(letters("ผึ้ง"), 2);
        assert_eq!(letters("né"), 2);
        assert_eq!(letters("👩‍👩‍👧"), 1);
        assert_eq!(first_characters("e\u{301}a"), ['e', 'a']);
    }
}
