//! Words that somebody heard, and the words of a text that were meant: which of the one are which of the other, and
//! when each is said.
//!
//! Whoever speaks a text says other words than are written ("$5" becomes "five dollars"), whoever listens spells its own
//! way. Pure; used by the nodes for scripts of recordings and by the worker for voices of providers.

use serde::{Deserialize, Serialize};

/// A word as it was heard or said elsewhere, in its spelling; a whole phrase where no finer times are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardWord {
    /// What was heard.
    pub text: String,
    /// Microseconds from the start of the recording.
    pub start_us: u64,
    /// Microseconds; not before the start.
    pub end_us: u64,
}

/// When each word of a text is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Start and end of each word of the text, microseconds, in order, none beginning before the one before it.
    pub times: Vec<(u64, u64)>,
    /// Words of the text that can be heard.
    pub audible: usize,
    /// Those that were heard as they are written, or nearly so.
    pub matched: usize,
}

/// Cost of a word that has no partner.
const ALONE: f64 = 0.7;
/// Up to this difference two words are taken for the same.
const SAME: f64 = 0.45;

/// How long a word takes to say against others: letters count one, digits (said as whole words) three, and every word
/// has an onset; 0 for what is not said (a dash, an emoji).
pub fn weight(word: &str) -> f64 {
    let letters = word.chars().fold(0.0, |weight, c| {
        weight
            + match c {
                c if c.is_numeric() => 3.0,
                // A letter outside the alphabets is a syllable.
                c if c.is_alphabetic() && c as u32 >= 0x2e80 => 3.0,
                c if c.is_alphabetic() => 1.0,
                '%' | '&' | '$' | '€' | '£' | '+' | '=' => 4.0,
                _ => 0.0,
            }
    });
    if letters > 0.0 { letters + 1.0 } else { 0.0 }
}

/// Spans that share `from..to` by their words' weights.
pub fn shares(words: &[&str], from: u64, to: u64) -> Vec<(u64, u64)> {
    let weights: Vec<f64> = words.iter().map(|word| weight(word)).collect();
    let total: f64 = weights.iter().sum();
    let length = to.saturating_sub(from) as f64;
    let place = |before: f64| match total > 0.0 {
        true => from + (before / total * length).round() as u64,
        false => from,
    };
    let mut before = 0.0;
    weights
        .into_iter()
        .map(|weight| {
            let start = place(before);
            before += weight;
            (start, place(before))
        })
        .collect()
}

/// Puts the words of a text over what was heard.
pub fn place(words: &[&str], heard: &[HeardWord]) -> Placed {
    let heard = single(heard);
    let forms: Vec<Vec<char>> = words.iter().map(|word| form(word)).collect();
    let heard_forms: Vec<Vec<char>> = heard.iter().map(|word| form(&word.text)).collect();
    let audible: Vec<usize> = (0..words.len())
        .filter(|at| weight(words[*at]) > 0.0)
        .collect();
    let own: Vec<&[char]> = audible.iter().map(|at| forms[*at].as_slice()).collect();
    let pairs = partners(&own, &heard_forms);
    let texts: Vec<&str> = audible.iter().map(|at| words[*at]).collect();
    let spans = spans(&texts, &heard, &pairs);
    Placed {
        times: in_order(words.len(), &audible, &spans),
        audible: audible.len(),
        matched: pairs.len(),
    }
}

/// Phrases as single words with a share of their time.
fn single(heard: &[HeardWord]) -> Vec<HeardWord> {
    let mut words = Vec::with_capacity(heard.len());
    for one in heard {
        let tokens: Vec<&str> = one.text.split_whitespace().collect();
        let spans = shares(&tokens, one.start_us, one.end_us.max(one.start_us));
        for (token, (start_us, end_us)) in tokens.into_iter().zip(spans) {
            if weight(token) > 0.0 {
                words.push(HeardWord {
                    text: token.to_owned(),
                    start_us,
                    end_us,
                });
            }
        }
    }
    words
}

/// A word as it sounds, roughly: letters and digits in small letters.
fn form(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Share of a word that must be changed to get the other: 0 for the same, 1 for nothing in common.
fn difference(one: &[char], other: &[char]) -> f64 {
    if one == other && !one.is_empty() {
        return 0.0;
    }
    let longest = one.len().max(other.len());
    if longest == 0 || one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()] as f64 / longest as f64
}

/// Pairs of a word and a heard word that are the same, in order: the cheapest way through both (Needleman and Wunsch).
fn partners(words: &[&[char]], heard: &[Vec<char>]) -> Vec<(usize, usize)> {
    let (rows, columns) = (words.len() + 1, heard.len() + 1);
    let mut cost = vec![0.0; rows * columns];
    for i in 0..rows {
        for j in 0..columns {
            cost[i * columns + j] = match (i, j) {
                (0, 0) => 0.0,
                (0, j) => j as f64 * ALONE,
                (i, 0) => i as f64 * ALONE,
                (i, j) => {
                    let pair = cost[(i - 1) * columns + j - 1]
                        + difference(words[i - 1], &heard[j - 1]) * 1.5;
                    let alone = cost[(i - 1) * columns + j].min(cost[i * columns + j - 1]) + ALONE;
                    pair.min(alone)
                }
            };
        }
    }
    let (mut i, mut j) = (words.len(), heard.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let differs = difference(words[i - 1], &heard[j - 1]);
        let here = cost[i * columns + j];
        if (here - cost[(i - 1) * columns + j - 1] - differs * 1.5).abs() < 1e-9 {
            if differs <= SAME {
                pairs.push((i - 1, j - 1));
            }
            (i, j) = (i - 1, j - 1);
        } else if (here - cost[(i - 1) * columns + j] - ALONE).abs() < 1e-9 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs.reverse();
    pairs
}

/// Times of the words: those of the partner; what lies between two partners shares what was heard between them, or
/// the time between them where nothing was.
fn spans(words: &[&str], heard: &[HeardWord], pairs: &[(usize, usize)]) -> Vec<(u64, u64)> {
    let whole = heard.last().map_or(0, |last| last.end_us);
    let mut spans = vec![(0, 0); words.len()];
    for (word, partner) in pairs {
        spans[*word] = (heard[*partner].start_us, heard[*partner].end_us);
    }
    let mut before: Option<(usize, usize)> = None;
    for after in pairs.iter().copied().map(Some).chain([None]) {
        let words_between =
            before.map_or(0, |(word, _)| word + 1)..after.map_or(words.len(), |(word, _)| word);
        let heard_between = before.map_or(0, |(_, partner)| partner + 1)
            ..after.map_or(heard.len(), |(_, partner)| partner);
        if !words_between.is_empty() {
            let (from, to) = match heard[heard_between].as_ref() {
                [] => (
                    before.map_or(0, |(_, partner)| heard[partner].end_us),
                    after.map_or(whole, |(_, partner)| heard[partner].start_us),
                ),
                some => (
                    some[0].start_us,
                    some.last().map_or(whole, |last| last.end_us),
                ),
            };
            let places = words_between.clone();
            for (at, span) in places.zip(shares(&words[words_between], from, to.max(from))) {
                spans[at] = span;
            }
        }
        before = after;
    }
    spans
}

/// Times of all words from those that can be heard, none before the one before it: a word without sound stands at the
/// end of the one before it.
fn in_order(count: usize, audible: &[usize], spans: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let first = spans.first().map_or(0, |span| span.0);
    let mut known = audible.iter().zip(spans).peekable();
    let mut edge = first;
    (0..count)
        .map(|at| {
            let span = known.next_if(|(own, _)| **own == at).map(|(_, span)| *span);
            let (start, end) = match span {
                Some((start, end)) => (start.max(edge), end.max(start).max(edge)),
                None => (edge, edge),
            };
            edge = end;
            (start, end)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(words: &[(&str, u64, u64)]) -> Vec<HeardWord> {
        words
            .iter()
            .map(|(text, start, end)| HeardWord {
                text: (*text).to_owned(),
                start_us: start * 1000,
                end_us: end * 1000,
            })
            .collect()
    }

    fn placed(text: &str, words: &[(&str, u64, u64)]) -> (Vec<(u64, u64)>, usize) {
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let placed = place(&tokens, &heard(words));
        let times = placed.times.iter().map(|(s, e)| (s / 1000, e / 1000));
        (times.collect(), placed.matched)
    }

    #[test]
    fn words_take_the_times_of_what_was_heard_whatever_its_spelling() {
        let (times, matched) = placed(
            "Bees — they DANCE, really!",
            &[
                (" bees", 100, 300),
                ("they", 400, 500),
                ("dance", 500, 900),
                ("realy", 900, 1200),
            ],
        );
        assert_eq!(
            times,
            [(100, 300), (300, 300), (400, 500), (500, 900), (900, 1200)]
        );
        assert_eq!(matched, 4);
    }

    #[test]
    fn a_sum_that_is_said_in_words_keeps_their_time() {
        let (times, matched) = placed(
            "It costs $5 today",
            &[
                ("It", 0, 100),
                ("costs", 100, 400),
                ("five", 400, 600),
                ("dollars", 600, 1000),
                ("today", 1100, 1400),
            ],
        );
        assert_eq!(times, [(0, 100), (100, 400), (400, 1000), (1100, 1400)]);
        assert_eq!(matched, 3);
    }

    #[test]
    fn a_word_nobody_heard_stands_between_its_neighbours() {
        let (times, _) = placed("one two three", &[("one", 0, 300), ("three", 700, 1000)]);
        assert_eq!(times, [(0, 300), (300, 700), (700, 1000)]);
        let (tight, _) = placed("one two three", &[("one", 0, 500), ("three", 500, 1000)]);
        assert_eq!(tight, [(0, 500), (500, 500), (500, 1000)]);
    }

    #[test]
    fn what_was_heard_besides_moves_nothing() {
        let (times, _) = placed(
            "good morning",
            &[
                ("uh", 0, 100),
                ("good", 200, 400),
                ("erm", 400, 600),
                ("morning", 700, 900),
            ],
        );
        assert_eq!(times, [(200, 400), (700, 900)]);
    }

    #[test]
    fn phrases_are_shared_by_length() {
        let (times, matched) = placed("a bee flies", &[("a bee flies", 0, 1200)]);
        assert_eq!(matched, 3);
        assert_eq!(times.first().map(|t| t.0), Some(0));
        assert_eq!(times.last().map(|t| t.1), Some(1200));
        assert!(times[2].1 - times[2].0 > times[0].1 - times[0].0);
    }

    #[test]
    fn nothing_heard_is_no_time_and_no_panic() {
        assert_eq!(placed("a b", &[]), (vec![(0, 0), (0, 0)], 0));
        assert_eq!(placed("", &[("x", 0, 5)]), (vec![], 0));
        assert_eq!(placed("— …", &[("x", 3, 5)]).0, [(0, 0), (0, 0)]);
    }

    #[test]
    fn times_never_go_back() {
        let (times, _) = placed(
            "a b c",
            &[("a", 500, 900), ("b", 300, 400), ("c", 350, 380)],
        );
        assert!(times.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert!(times.iter().all(|(start, end)| start <= end));
    }
}
