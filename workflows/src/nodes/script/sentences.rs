//! Where sentences end: not at "e.g.", "Dr." or "3.5".

/// Words that end in a full stop without ending a sentence, lower case, without the stop.
const ABBREVIATIONS: [&str; 28] = [
    "e.g", "i.e", "vs", "dr", "mr", "mrs", "ms", "prof", "sr", "jr", "st", "fig", "approx", "inc",
    "ltd", "co", "dept", "vol", "jan", "feb", "apr", "aug", "sept", "oct", "nov", "dec", "u.s",
    "u.k",
];

/// The sentences of a paragraph.
pub(super) fn split(paragraph: &str) -> Vec<String> {
    let tokens: Vec<&str> = paragraph.split_whitespace().collect();
    let mut sentences = Vec::new();
    let mut current: Vec<&str> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        current.push(token);
        if ends_sentence(token, tokens.get(i + 1).copied()) {
            sentences.push(current.join(" "));
            current.clear();
        }
    }
    if !current.is_empty() {
        sentences.push(current.join(" "));
    }
    sentences
}

fn ends_sentence(token: &str, next: Option<&str>) -> bool {
    let core = token.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
    if core.ends_with(['!', '?', '…', '。', '！', '？']) {
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
    let is_initial =
        word.chars().count() == 1 && word != "i" && word.chars().all(char::is_alphabetic);
    !(is_initial || ABBREVIATIONS.contains(&word.as_str())) || next.is_none()
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
            assert_eq!(split(text), [text]);
        }
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(
            split("It is 3.5. Is it? (Yes.) \"No!\" End… Done"),
            ["It is 3.5.", "Is it?", "(Yes.)", "\"No!\"", "End…", "Done"]
        );
        assert_eq!(split("We met at 5 p.m."), ["We met at 5 p.m."]);
        assert_eq!(
            split("She said no. So did I. We left."),
            ["She said no.", "So did I.", "We left."]
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(split("  ").is_empty());
    }
}
