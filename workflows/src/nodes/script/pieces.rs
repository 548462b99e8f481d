//! Texts in pieces that may stand in different scenes: words where they are written apart, clauses where they are not.
//!
//! Chinese, Japanese, Thai and others write no spaces between words. Their lengths are estimated from their letters, and
//! they are cut behind their own marks. Neighbours: `sentences` and the scenes of the module above work on pieces.

/// Marks that end a sentence wherever they stand, with a space behind them or without.
const ENDS: [char; 15] = [
    '。', '！', '？', '｡', '．', '։', '።', '፧', '।', '॥', '؟', '۔', '။', '។', '៕',
];

/// Marks that end a clause in writing without spaces.
const PAUSES: [char; 8] = ['、', '，', '；', '：', '､', '፣', '፤', '၊'];

/// What may follow a mark and belongs to it.
const CLOSERS: [char; 8] = ['」', '』', '）', '”', '’', '》', '〉', '】'];

/// What belongs to what follows it.
const OPENERS: [char; 7] = ['「', '『', '（', '“', '《', '〈', '【'];

/// Letters of a piece without a mark that are kept together where nothing else tells.
const RUN: usize = 6;

/// A part of a text that is never cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

impl Piece<'_> {
    /// Whether a sentence surely ends with it.
    pub(super) fn ends_sentence(&self) -> bool {
        self.text.trim_end_matches(CLOSERS).ends_with(ENDS)
    }

    /// Whether a clause ends with it, by a mark of writing without spaces.
    pub(super) fn ends_clause(&self) -> bool {
        let core = self.text.trim_end_matches(CLOSERS);
        core.ends_with(PAUSES) || core.ends_with(ENDS)
    }
}

/// The pieces of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for word in text.split_whitespace() {
        // A space of no width is where a word ends in Khmer, Thai and others, and is not shown.
        let parts = word.split('\u{200b}').filter(|part| !part.is_empty());
        for (n, part) in parts.enumerate() {
            cut_word(part, n == 0, &mut pieces);
        }
    }
    pieces
}

/// The text of pieces that stood side by side.
pub(super) fn joined(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for piece in pieces {
        if piece.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(piece.text);
    }
    text
}

/// How many words a text has: those written apart, and what the letters of the others amount to.
pub(super) fn words(text: &str) -> usize {
    text.split_whitespace()
        .flat_map(|word| word.split('\u{200b}'))
        .filter(|word| !word.is_empty())
        .map(words_in)
        .sum()
}

/// Words of a run without white space. Two Chinese characters are about a word, five letters of Thai.
fn words_in(word: &str) -> usize {
    let ideographs = word.chars().filter(|c| is_ideograph(*c)).count();
    let letters = word.chars().filter(|c| is_unspaced_letter(*c)).count();
    let separators = word.matches('፡').count();
    (ideographs.div_ceil(2) + letters.div_ceil(5) + separators).max(1)
}

/// Whether a space belongs between two texts that are put together.
pub(super) fn wants_space(before: &str, after: &str) -> bool {
    let unspaced = |c: Option<char>| c.is_some_and(|c| is_ideograph(c) || is_wide_mark(c));
    !(unspaced(before.chars().next_back()) && unspaced(after.chars().next()))
}

fn cut_word<'a>(word: &'a str, first: bool, pieces: &mut Vec<Piece<'a>>) {
    let (mut start, mut spaced, mut run) = (0, first, 0);
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        run += usize::from(is_ideograph(c));
        let marked = ENDS.contains(&c) || PAUSES.contains(&c) || CLOSERS.contains(&c) || c == '፡';
        let Some((_, next)) = chars.peek().copied() else {
            break;
        };
        // Marks stay with what they close; small letters and long vowels with the letter before them.
        let belongs = ENDS.contains(&next)
            || PAUSES.contains(&next)
            || CLOSERS.contains(&next)
            || !(next.is_alphanumeric() || OPENERS.contains(&next))
            || OPENERS.contains(&c)
            || "ゃゅょっァィゥェォャュョッーぁぃぅぇぉ".contains(next);
        let closes = marked && after_mark(&word[start..end]);
        if !belongs && (closes || run >= RUN) {
            pieces.push(Piece {
                text: &word[start..end],
                spaced,
            });
            (start, spaced, run) = (end, false, 0);
        }
    }
    pieces.push(Piece {
        text: &word[start..],
        spaced,
    });
}

/// Whether a closing bracket or quote stands behind a mark; other ones end nothing.
fn after_mark(text: &str) -> bool {
    let core = text.trim_end_matches(CLOSERS);
    core.ends_with(ENDS) || core.ends_with(PAUSES) || core.ends_with('፡')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Letters of scripts without spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, Javanese.
fn is_unspaced_letter(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{a980}'..='\u{a9df}')
}

fn is_wide_mark(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn marks_end_pieces_where_no_space_does() {
        assert_eq!(
            texts("今天天气好，我们去看花。「走吧！」他说。"),
            ["今天天气好，", "我们去看花。", "「走吧！」", "他说。"]
        );
        assert_eq!(texts("Bees 1,000 dance。"), ["Bees", "1,000", "dance。"]);
        assert_eq!(texts("ንብ፡ትጨፍራለች።ሌላም፡አለ።").len(), 4);
        assert!(pieces("蜂。")[0].ends_sentence() && !pieces("蜂、")[0].ends_sentence());
    }

    #[test]
    fn words_are_counted_in_every_writing() {
        assert_eq!(words("Bees dance well."), 3);
        assert_eq!(words("今天天气好"), 3);
        assert_eq!(words("ผึ้งเต้นรำเพื่อบอกทาง"), 5);
        assert_eq!(words(""), 0);
    }

    #[test]
    fn spaces_stand_where_the_writing_has_them() {
        assert!(wants_space("Bees.", "They dance."));
        assert!(!wants_space("蜂。", "花。"));
        assert!(wants_space("蜂。", "Bees."));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-z今天气。，！」 ]{0,60}") {
            let whole: Vec<&str> = text.split_whitespace().collect();
            prop_assert_eq!(joined(&pieces(&text)), whole.join(" "));
        }
    }
}
