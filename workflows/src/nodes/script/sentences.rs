//! Where sentences end: not at "e.g.", "Dr." or "3.5", nor in German at "z. B." or "am 3. Mai".

use super::pieces::{joined, pieces};

/// Words that end in a full stop without ending a sentence, lower case, without the stop.
const ABBREVIATIONS: [&str; 48] = [
    "e.g", "i.e", "vs", "dr", "mr", "mrs", "ms", "prof", "sr", "jr", "st", "fig", "approx", "inc",
    "ltd", "co", "dept", "vol", "jan", "feb", "apr", "aug", "sept", "oct", "nov", "dec", "u.s",
    "u.k", "mme", "mlle", "sra", "dra", "mt", "cf", "al", "gen", "gov", "mgr", "mm", "ud", "uds",
    "ee.uu", "sig", "dott", "np", "tzn", "т.е", "т.д",
];

/// The same in German; none of them ends a sentence in another language either.
const GERMAN: [&str; 33] = [
    "abb", "bspw", "bzgl", "bzw", "ca", "dipl", "d.h", "evtl", "exkl", "ggf", "hr", "hrsg", "inkl",
    "jh", "jhd", "nr", "o.ä", "sog", "tel", "u.a", "usf", "usw", "u.u", "v.a", "vgl", "z.b", "z.t",
    "z.zt", "zzgl", "zz", "mio", "mrd", "tsd",
];

/// Words that are words of their own elsewhere: they stand for others in German only.
const ONLY_GERMAN: [&str; 6] = ["max", "min", "mind", "fr", "str", "ing"];

/// Words of German after which a number with a full stop is an ordinal: am 3. Mai, der 2. Weltkrieg.
const BEFORE_ORDINALS: [&str; 30] = [
    "ab", "als", "am", "beim", "bis", "das", "dem", "den", "der", "des", "die", "diese", "diesem",
    "diesen", "dieser", "ein", "eine", "einem", "einen", "einer", "im", "jede", "jedem", "jeden",
    "jeder", "seit", "vom", "zum", "zur", "zwischen",
];

/// Words of German before which one is.
const AFTER_ORDINALS: [&str; 18] = [
    "januar",
    "jänner",
    "februar",
    "feber",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
    "jahrhundert",
    "jahrhunderts",
    "weltkrieg",
    "weltkriegs",
];

/// The sentences of a paragraph in a language (BCP 47; `und` where it is not known).
pub(super) fn split(paragraph: &str, language: &str) -> Vec<String> {
    let pieces = pieces(paragraph);
    let german = is_german(language);
    let mut sentences = Vec::new();
    let mut start = 0;
    for (i, piece) in pieces.iter().enumerate() {
        let before = pieces[start..i].last().map(|before| before.text);
        let next = pieces.get(i + 1).map(|next| next.text);
        let ordinal = german && next.is_some_and(|next| is_ordinal(before, piece.text, next));
        if piece.ends_sentence() || (!ordinal && ends_sentence(piece.text, next, german)) {
            sentences.push(joined(&pieces[start..=i]));
            start = i + 1;
        }
    }
    if start < pieces.len() {
        sentences.push(joined(&pieces[start..]));
    }
    sentences
}

fn is_german(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    primary.eq_ignore_ascii_case("de") || primary.eq_ignore_ascii_case("und")
}

/// Whether a line begins with a day of a month, which is no number of a list.
pub(super) fn is_month(word: &str) -> bool {
    AFTER_ORDINALS[..14].contains(&bare(word).as_str())
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

/// Whether a number with a full stop counts what follows it. Where nothing tells, it ends its sentence.
fn is_ordinal(before: Option<&str>, token: &str, next: &str) -> bool {
    let Some(number) = token.strip_suffix('.') else {
        return false;
    };
    let number = number.trim_start_matches(|c: char| !c.is_alphanumeric());
    if !(1..=3).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let goes_on = next.starts_with(|c: char| c.is_ascii_digit())
        || AFTER_ORDINALS.contains(&bare(next).as_str());
    goes_on || before.is_none_or(|before| BEFORE_ORDINALS.contains(&bare(before).as_str()))
}

fn ends_sentence(token: &str, next: Option<&str>, german: bool) -> bool {
    let core = token.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»', '“']);
    if core.ends_with(['!', '?', '…']) {
        return !next.is_some_and(starts_small);
    }
    let Some(word) = core.strip_suffix('.') else {
        return false;
    };
    if word.ends_with('.') {
        return !next.is_some_and(starts_small);
    }
    if next.is_some_and(starts_small) {
        return false;
    }
    let word = word
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    next.is_none() || !is_short(&word, german)
}

/// Whether a word is written with a full stop of its own: an initial or an abbreviation.
fn is_short(word: &str, german: bool) -> bool {
    let is_initial =
        word.chars().count() == 1 && word != "i" && word.chars().all(char::is_alphabetic);
    is_initial
        || ABBREVIATIONS.contains(&word)
        || GERMAN.contains(&word)
        || (german && ONLY_GERMAN.contains(&word))
}

/// Whether the next word goes on with a sentence.
fn starts_small(word: &str) -> bool {
    word.chars()
        .find(|c| c.is_alphanumeric())
        .is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_stops_inside_sentences_are_left_alone() {
        for text in [
            "Dr. Smith met Mr. Brown at 3.5 meters.",
            "Use a tool, e.g. Fenta, to do it.",
            "It costs 1.99 in the U.S. market today.",
            "J. R. Tolkien wrote it.",
            "The file video.mp4 is ready.",
            "Wait... what was that?",
            "\"Stop!\" she said.",
        ] {
            assert_eq!(split(text, "en"), [text]);
        }
    }

    #[test]
    fn german_writes_ordinals_and_abbreviations_with_full_stops() {
        for text in [
            "Am 3. Mai 1945 war es still.",
            "Der 2. Weltkrieg endete im 20. Jahrhundert.",
            "Das Fest ist vom 24. 12. bis zum 2. Januar.",
            "Honig z. B. verdirbt nicht, d. h. Er bleibt gut.",
            "Es gibt u. a. Wespen, bzw. Hornissen, ca. Zehn Arten.",
            "Dr. Weber und Prof. Adler wohnen in Nr. Sieben.",
            "Es sind mind. Zwei, usw. Und mehr.",
            "3. Akt: Die Königin tanzt.",
        ] {
            assert_eq!(split(text, "de-AT"), [text]);
            assert_eq!(split(text, "und"), [text]);
        }
        assert_eq!(
            split("Es waren 12. Dann kam der 3. Mai. Alle schliefen.", "de"),
            ["Es waren 12.", "Dann kam der 3. Mai.", "Alle schliefen."]
        );
    }

    #[test]
    fn numbers_end_sentences_where_ordinals_have_no_stop() {
        assert_eq!(
            split(
                "I am 3. May comes next. I had it in mind. Then it went.",
                "en"
            ),
            [
                "I am 3.",
                "May comes next.",
                "I had it in mind.",
                "Then it went."
            ]
        );
        assert_eq!(
            split("Il y en a 12. Mme. Curie le sait.", "fr"),
            ["Il y en a 12.", "Mme. Curie le sait."]
        );
        assert_eq!(split("Son las 3. ¿Vamos? ¡Sí!", "es").len(), 3);
        assert_eq!(split("蜂は眠る。 夜は静か。", "ja").len(), 2);
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(
            split("It is 3.5. Is it? (Yes.) \"No!\" End… Done", "en"),
            ["It is 3.5.", "Is it?", "(Yes.)", "\"No!\"", "End…", "Done"]
        );
        assert_eq!(split("We met at 5 p.m.", "en"), ["We met at 5 p.m."]);
        assert_eq!(
            split("She said no. So did I. We left.", "en"),
            ["She said no.", "So did I.", "We left."]
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(split("  ", "en").is_empty());
    }
}
