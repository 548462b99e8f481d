//! The times of subtitles' words by the narration they are shown with: a word that is said has the time at which it is
//! said, so that what is lit is what is heard, and a corrected word moves no other.
//!
//! Pure. Neighbours: `subtitle_files` shares a subtitle's time among its words; `Subtitle.Import` knows the narration.

use super::subtitle_files::weight;
use crate::value::{CaptionWord, Voice};

/// How far outside of its subtitle the middle of a word may be said, in samples at 48 kHz: times of files are rounded.
const SLACK: u64 = 2_400;
/// Words of one subtitle that are compared; longer ones keep their shares.
const MOST: usize = 200;

/// A word of a narration, in samples from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    text: String,
    start: u64,
    end: u64,
}

/// Every word of a narration whose scenes begin there.
pub(super) fn said(voice: &Voice, starts: &[u64]) -> Vec<Said> {
    let scenes = voice.scenes.iter().zip(starts);
    let words = scenes.flat_map(|(scene, start)| {
        scene.words.iter().map(move |word| Said {
            text: plain(&word.text),
            start: start + word.start,
            end: start + word.end,
        })
    });
    words.collect()
}

/// Gives the words of one subtitle the times at which they are said; where too little of it is said, it stays.
pub(super) fn retime(words: &mut [CaptionWord], said: &[Said]) {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return;
    };
    let (from, to) = (first.start.saturating_sub(SLACK), last.end + SLACK);
    let within = |one: &&Said| (from..to).contains(&((one.start + one.end) / 2));
    let said: Vec<&Said> = said.iter().filter(within).collect();
    if said.is_empty() || words.len().max(said.len()) > MOST {
        return;
    }
    let texts: Vec<String> = words.iter().map(|word| plain(&word.text)).collect();
    let mut anchors = common(&texts, &said);
    if anchors.is_empty() && words.len() != said.len() {
        return;
    }
    anchors.push((words.len(), said.len()));
    let (mut word, mut heard) = (0, 0);
    for (at, to) in anchors {
        fill(&mut words[word..at], &said, (heard, to));
        if let (Some(word), Some(one)) = (words.get_mut(at), said.get(to)) {
            (word.start, word.end) = (one.start, one.end);
        }
        (word, heard) = (at + 1, to + 1);
    }
}

/// The words between two that are the same share what is said between them: one by one where they are as many, else each
/// as its letters are.
fn fill(words: &mut [CaptionWord], said: &[&Said], (from, to): (usize, usize)) {
    let between = &said[from.min(to)..to];
    if between.len() == words.len() {
        for (word, one) in words.iter_mut().zip(between) {
            (word.start, word.end) = (one.start, one.end);
        }
        return;
    }
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return;
    };
    let before = from.checked_sub(1).and_then(|at| said.get(at));
    let start = between
        .first()
        .map(|one| one.start)
        .or(before.map(|one| one.end))
        .unwrap_or(first.start);
    let end = between
        .last()
        .map(|one| one.end)
        .or(said.get(to).map(|one| one.start))
        .unwrap_or(last.end)
        .max(start);
    let letters: u64 = words.iter().map(|word| weight(&word.text)).sum();
    let mut done = 0;
    let at = |done: u64| start + (end - start) * done / letters.max(1);
    for word in words {
        word.start = at(done);
        done += weight(&word.text);
        word.end = at(done);
    }
}

/// The longest list of words that both have in this order: places in both.
fn common(texts: &[String], said: &[&Said]) -> Vec<(usize, usize)> {
    let (rows, columns) = (texts.len(), said.len());
    let mut longest = vec![vec![0u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if texts[row] == said[column].text {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < rows && column < columns {
        if texts[row] == said[column].text {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Letters and digits, small: what two spellings of a word have in common.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Vec<Said> {
        let words = text.split(' ').enumerate();
        words
            .map(|(at, word)| Said {
                text: plain(word),
                start: at as u64 * 10_000 + 1_000,
                end: at as u64 * 10_000 + 9_000,
            })
            .collect()
    }

    /// A subtitle over all that is heard, its words sharing the time evenly.
    fn subtitle(text: &str, length: u64) -> Vec<CaptionWord> {
        let texts: Vec<&str> = text.split(' ').collect();
        let each = length / texts.len() as u64;
        let words = texts.iter().enumerate();
        words
            .map(|(at, word)| CaptionWord {
                text: (*word).to_owned(),
                start: at as u64 * each,
                end: (at as u64 + 1) * each,
                scene: 0,
            })
            .collect()
    }

    fn times(text: &str, heard_text: &str) -> Vec<(u64, u64)> {
        let said = heard(heard_text);
        let mut words = subtitle(text, said.len() as u64 * 10_000);
        retime(&mut words, &said);
        words.iter().map(|word| (word.start, word.end)).collect()
    }

    #[test]
    fn words_are_shown_when_they_are_said() {
        let all = [(1_000, 9_000), (11_000, 19_000), (21_000, 29_000)];
        assert_eq!(times("Bees dance, always.", "bees dance always"), all);
        // Another word in the place of one has its time, and moves no other.
        assert_eq!(times("Bees waltz always", "bees dance always"), all);
    }

    #[test]
    fn more_or_fewer_words_share_what_is_said_between_those_that_are_the_same() {
        let fewer = times("bees always", "bees dance always");
        assert_eq!(fewer, [(1_000, 9_000), (21_000, 29_000)]);
        let more = times("bees do not dance always", "bees dance always");
        assert_eq!(more[3], (11_000, 19_000));
        assert_eq!((more[1].0, more[2].1), (9_000, 11_000));
        let other = times("bees often do it always", "bees dance always");
        assert_eq!((other[1].0, other[3].1), (11_000, 19_000));
        assert!(other.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }

    #[test]
    fn what_is_not_said_there_keeps_its_times() {
        let even = times("das ist anders gesagt", "bees dance always");
        assert_eq!(even[0], (0, 7_500));
        let mut later = subtitle("bees", 10_000);
        later[0].start = 500_000;
        later[0].end = 510_000;
        let before = later.clone();
        retime(&mut later, &heard("bees"));
        assert_eq!(later, before);
    }

    #[test]
    fn any_texts_keep_their_order() {
        let words = ["a", "b", "c", "d"];
        for seed in 0..400u32 {
            let pick = |count: u32, salt: u32| -> String {
                let of = |n: u32| words[(seed.wrapping_mul(31) + n * n * salt + n) as usize % 4];
                (0..count).map(of).collect::<Vec<_>>().join(" ")
            };
            let found = times(&pick(1 + seed % 6, 3), &pick(1 + seed / 6 % 6, 5));
            let ordered = found.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            assert!(
                ordered && found.iter().all(|(start, end)| start <= end),
                "{seed}: {found:?}"
            );
        }
    }
}
