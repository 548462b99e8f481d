//! Folding of Unicode to the plain ASCII an English synthesiser understands.
//!
//! Used by `text` for speech only; what is shown in captions is never folded.

/// What a character sounds like in ASCII; nothing for emoji, other scripts and control characters.
pub(crate) fn fold_char(c: char) -> std::vec::IntoIter<char> {
    if c.is_ascii_graphic() {
        return vec![c].into_iter();
    }
    let folded = TABLE
        .iter()
        .find(|(from, _)| from.contains(c))
        .map_or("", |(_, to)| to);
    folded.chars().collect::<Vec<_>>().into_iter()
}

/// Whether a word holds nothing but printable ASCII.
pub(crate) fn is_folded(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_graphic())
}

/// Characters on the left all sound like the text on the right.
const TABLE: [(&str, &str); 47] = [
    ("‘’‚‛′ʼ", "'"),
    ("“”„‟″«»", "\""),
    ("‐‑‒–—―−", "-"),
    ("…", "..."),
    ("×", "x"),
    ("÷", "/"),
    ("½", "1/2"),
    ("¼", "1/4"),
    ("¾", "3/4"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("°", "DEG"),
    ("àáâãäåāăą", "a"),
    ("ÀÁÂÃÄÅĀĂĄ", "A"),
    ("çćĉċč", "c"),
    ("ÇĆĈĊČ", "C"),
    ("ďđð", "d"),
    ("ĎĐÐ", "D"),
    ("èéêëēĕėęě", "e"),
    ("ÈÉÊËĒĔĖĘĚ", "E"),
    ("ĝğġģ", "g"),
    ("ĜĞĠĢ", "G"),
    ("ìíîïĩīĭįı", "i"),
    ("ÌÍÎÏĨĪĬĮİ", "I"),
    ("ĺļľł", "l"),
    ("ĹĻĽŁ", "L"),
    ("ñńņň", "n"),
    ("ÑŃŅŇ", "N"),
    ("òóôõöøōŏő", "o"),
    ("ÒÓÔÕÖØŌŎŐ", "O"),
    ("ŕŗř", "r"),
    ("ŔŖŘ", "R"),
    ("śŝşšș", "s"),
    ("ŚŜŞŠȘ", "S"),
    ("ţťț", "t"),
    ("ŢŤȚ", "T"),
    ("ùúûüũūŭůűų", "u"),
    ("ÙÚÛÜŨŪŬŮŰŲ", "U"),
    ("ýÿŷ", "y"),
    ("ÝŶŸ", "Y"),
    ("źżž", "z"),
    ("ŹŻŽ", "Z"),
    ("ß", "ss"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("þ", "th"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        text.chars().flat_map(fold_char).collect()
    }

    #[test]
    fn typography_becomes_ascii() {
        assert_eq!(fold("“it’s”—fine…"), "\"it's\"-fine...");
        assert_eq!(fold("Škoda Ünlü œuvre"), "SkodaUnluoeuvre");
    }

    #[test]
    fn what_has_no_sound_is_dropped() {
        assert_eq!(fold("🎉\u{200d}\u{fe0f}日本"), "");
    }

    #[test]
    fn every_target_is_plain() {
        for (from, to) in TABLE {
            assert!(to.is_ascii(), "{from}");
            assert!(!from.is_ascii(), "{from}");
        }
    }
}
