//! From a written text to what an English synthesiser can say, word by word.
//!
//! Every whitespace-separated token of the text stays one [`SourceWord`], as written; its `spoken` list is what is
//! said for it. The list is handed to the engine token by token, so which sound belongs to which written word is
//! known by construction and never guessed. Numbers, dates, sums of money and abbreviations are left to the engine,
//! which reads them well; this module only removes what the engine stumbles over.

use super::fold::{fold_char, is_folded};

/// A written word and what is said for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceWord {
    /// As written, punctuation included.
    pub(crate) text: String,
    /// Plain ASCII words in order; empty for a token that is not spoken (a dash, an emoji).
    pub(crate) spoken: Vec<String>,
    /// The pause after it.
    pub(crate) pause: Pause,
}

/// What follows a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pause {
    /// The next word.
    None,
    /// A comma or a closing bracket.
    Short,
    /// A colon, a semicolon or a dash.
    Medium,
    /// The end of a sentence.
    Sentence,
}

/// Abbreviations whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 14] = [
    "mr", "mrs", "ms", "dr", "st", "prof", "vs", "jr", "sr", "no", "fig", "e.g", "i.e", "approx",
];
/// Abbreviations the engine spells out although people do not.
const EXPANSIONS: [(&str, &str); 8] = [
    ("vs", "versus"),
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("etc", "et cetera"),
    ("approx", "approximately"),
    ("w/o", "without"),
    ("w/", "with"),
    ("km/h", "kilometers per hour"),
];
/// Units after a number, one and many; a single letter counts only in this case (`5G` is no weight).
const UNITS: [(&str, &str, &str); 30] = [
    ("km", "kilometer", "kilometers"),
    ("m", "meter", "meters"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("kmh", "kilometer per hour", "kilometers per hour"),
    ("mph", "mile per hour", "miles per hour"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("l", "liter", "liters"),
    ("ml", "milliliter", "milliliters"),
    ("ms", "millisecond", "milliseconds"),
    ("min", "minute", "minutes"),
    ("h", "hour", "hours"),
    ("gb", "gigabyte", "gigabytes"),
    ("mb", "megabyte", "megabytes"),
    ("kb", "kilobyte", "kilobytes"),
    ("tb", "terabyte", "terabytes"),
    ("hz", "hertz", "hertz"),
    ("khz", "kilohertz", "kilohertz"),
    ("mhz", "megahertz", "megahertz"),
    ("ghz", "gigahertz", "gigahertz"),
    ("bn", "billion", "billion"),
    ("M", "million", "million"),
    ("B", "billion", "billion"),
    ("x", "times", "times"),
    ("DEG", "degree", "degrees"),
    ("DEGC", "degree celsius", "degrees celsius"),
    ("DEGF", "degree fahrenheit", "degrees fahrenheit"),
    ("%", "percent", "percent"),
];
/// Currencies as folded, one and many.
const CURRENCIES: [(&str, &str, &str); 4] = [
    ("EUR", "euro", "euros"),
    ("GBP", "pound", "pounds"),
    ("JPY", "yen", "yen"),
    ("$", "dollar", "dollars"),
];
/// The longest word handed to the engine; longer ones are cut.
const LONGEST_WORD: usize = 48;

/// Splits a text at whitespace; one entry for each token.
pub(crate) fn source_words(text: &str) -> Vec<SourceWord> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut words: Vec<SourceWord> = Vec::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let ascii: String = token.chars().flat_map(fold_char).collect();
        let spoken = spoken(&ascii);
        let pause = pause_after(&ascii, tokens.get(index + 1).copied());
        if spoken.is_empty() {
            // A lone dash or bracket is heard as a pause after the word before it.
            if let Some(last) = words.last_mut() {
                last.pause = last.pause.max(pause);
            }
        }
        words.push(SourceWord {
            text: (*token).to_owned(),
            spoken,
            pause,
        });
    }
    words
}

fn pause_after(ascii: &str, next: Option<&str>) -> Pause {
    let tail = ascii.trim_end_matches(['"', '\'', ')', ']', '}', '*', '_']);
    let stem = tail.trim_end_matches(['.', '!', '?', ',', ';', ':']);
    let marks = &tail[stem.len()..];
    if marks.contains(['!', '?']) {
        return Pause::Sentence;
    }
    if marks.ends_with('.') {
        return if is_abbreviation(stem, marks, next) {
            Pause::None
        } else {
            Pause::Sentence
        };
    }
    if marks.contains([':', ';']) || ascii.chars().all(|c| c == '-') && !ascii.is_empty() {
        Pause::Medium
    } else if marks.contains(',') || ascii.ends_with(')') {
        Pause::Short
    } else {
        Pause::None
    }
}

fn is_abbreviation(stem: &str, marks: &str, next: Option<&str>) -> bool {
    if marks != "." || next.is_none() {
        return false;
    }
    let stem = stem.trim_start_matches(['(', '"', '\'', '[']);
    let goes_on = next.is_some_and(|next| next.starts_with(char::is_lowercase));
    let is_initial = stem.len() == 1 && stem.starts_with(|c: char| c.is_ascii_uppercase());
    ABBREVIATIONS.contains(&stem.to_ascii_lowercase().as_str())
        || is_initial && stem != "I"
        || goes_on && (stem.contains('.') || stem.eq_ignore_ascii_case("etc"))
}

/// What is said for one token of plain ASCII.
fn spoken(ascii: &str) -> Vec<String> {
    let core = core(ascii);
    if core.is_empty() {
        return Vec::new();
    }
    let lower = core.to_ascii_lowercase();
    if let Some((_, long)) = EXPANSIONS.iter().find(|(short, _)| *short == lower) {
        return long.split(' ').map(str::to_owned).collect();
    }
    let mut words = Vec::new();
    if let Some(address) = address(core) {
        speak_address(address, &mut words);
    } else if is_fraction(core) {
        push(core, &mut words);
    } else {
        for part in core
            .replace("km/h", "kmh")
            .split(['/', '_', '|', '\\', '~', '^'])
        {
            speak_part(part, &mut words);
        }
    }
    words
}

/// Halves, thirds and quarters, which the engine reads as such.
fn is_fraction(core: &str) -> bool {
    matches!(core.as_bytes(), [b'1'..=b'3', b'/', b'2'..=b'4'])
}

/// The token without the punctuation around it; signs that are spoken stay.
fn core(ascii: &str) -> &str {
    let slash_word = ["w/", "w/o"].contains(&ascii.to_ascii_lowercase().as_str());
    if slash_word {
        return ascii;
    }
    ascii
        .trim_start_matches([
            '"', '\'', '`', '(', '[', '{', '*', '_', '.', ',', '<', '>', '/', ':', ';', '!', '?',
            '|', '~', '^',
        ])
        .trim_end_matches([
            '"', '\'', '`', ')', ']', '}', '*', '_', '.', ',', '<', '>', '/', ':', ';', '!', '?',
            '|', '-', '~', '^',
        ])
}

/// A web or mail address without its scheme, when the token is one.
fn address(core: &str) -> Option<&str> {
    let bare = core
        .split_once("://")
        .map_or(core, |(_, rest)| rest)
        .trim_start_matches("www.");
    let has_scheme = core.contains("://") || core.starts_with("www.");
    let is_mail = core.contains('@') && core.contains('.');
    let host = bare.split(['/', '?', '#']).next().unwrap_or(bare);
    let top = host.rsplit('.').next().unwrap_or("");
    let is_host = host.contains('.')
        && [
            "com", "org", "net", "io", "dev", "ai", "app", "co", "edu", "gov", "me",
        ]
        .contains(&top);
    (has_scheme || is_mail || is_host).then_some(bare)
}

fn speak_address(address: &str, words: &mut Vec<String>) {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let mut plain = String::new();
    for c in address[..end].trim_end_matches('/').chars() {
        match c {
            '.' => plain.push_str(" dot "),
            '/' => plain.push_str(" slash "),
            '@' => plain.push_str(" at "),
            c if c.is_ascii_alphanumeric() => plain.push(c),
            _ => plain.push(' '),
        }
    }
    plain.split_whitespace().for_each(|word| push(word, words));
}

/// A part without slashes: hyphens, signs and units become words.
fn speak_part(part: &str, words: &mut Vec<String>) {
    if let Some(rest) = part
        .strip_prefix('-')
        .filter(|rest| starts_with_digit(rest))
    {
        push("minus", words);
        return speak_part(rest, words);
    }
    if let Some(rest) = part
        .strip_prefix('#')
        .filter(|rest| starts_with_digit(rest))
    {
        push("number", words);
        return speak_part(rest, words);
    }
    let pieces: Vec<&str> = part.split('-').filter(|piece| !piece.is_empty()).collect();
    let is_range = pieces.len() == 2
        && starts_with_digit(pieces[1])
        && pieces[0]
            .chars()
            .all(|c| c.is_ascii_digit() || "$.,".contains(c));
    for (index, piece) in pieces.iter().enumerate() {
        if index == 1 && is_range {
            push("to", words);
        }
        speak_piece(piece, words);
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.trim_start_matches(['.', '$'])
        .starts_with(|c: char| c.is_ascii_digit())
}

fn speak_piece(piece: &str, words: &mut Vec<String>) {
    let starts = CURRENCIES
        .iter()
        .find_map(|currency| Some((currency, piece.strip_prefix(currency.0)?)));
    if let Some((currency, amount)) = starts.filter(|(_, amount)| starts_with_digit(amount)) {
        return speak_money(*currency, amount, words);
    }
    let (number, rest) = split_number(piece);
    if let Some((_, one, many)) = unit(rest).filter(|_| !number.is_empty()) {
        push(number, words);
        push(if number == "1" { one } else { many }, words);
    } else {
        speak_signs(piece, words);
    }
}

/// An amount with its currency in front, perhaps with a unit (`$1.5M`). Plain dollars are the engine's own business.
fn speak_money((sign, one, many): (&str, &str, &str), amount: &str, words: &mut Vec<String>) {
    let (number, rest) = split_number(amount);
    match unit(rest) {
        None if sign == "$" => push(&format!("${number}"), words),
        None => {
            push(number, words);
            push(if number == "1" { one } else { many }, words);
        }
        Some((_, _, unit)) => [number, unit, many]
            .iter()
            .for_each(|word| push(word, words)),
    }
    if unit(rest).is_none() {
        speak_signs(rest, words);
    }
}

fn split_number(piece: &str) -> (&str, &str) {
    let end = piece
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(piece.len());
    piece.split_at(end)
}

fn unit(text: &str) -> Option<(&'static str, &'static str, &'static str)> {
    UNITS
        .into_iter()
        .chain(CURRENCIES)
        .find(|(short, ..)| *short == text || short.len() > 1 && text.eq_ignore_ascii_case(short))
}

/// Signs inside a word, each said by its name.
fn speak_signs(piece: &str, words: &mut Vec<String>) {
    let mut plain = String::new();
    for c in piece.chars() {
        let name = match c {
            '&' => " and ",
            '+' => " plus ",
            '=' => " equals ",
            '@' => " at ",
            '%' => " percent ",
            '<' => " less than ",
            '>' => " more than ",
            c if c.is_ascii_alphanumeric() || "$.,:'".contains(c) => {
                plain.push(c);
                continue;
            }
            _ => " ",
        };
        plain.push_str(name);
    }
    for word in plain.split_whitespace() {
        push(word.trim_matches(['.', ',', ':', '\'']), words);
    }
}

/// Adds the words of a phrase that have a letter or a digit.
fn push(phrase: &str, words: &mut Vec<String>) {
    debug_assert!(phrase.split(' ').all(is_folded), "{phrase} is not plain");
    let speakable = |word: &&str| word.chars().any(|c| c.is_ascii_alphanumeric());
    words.extend(
        phrase
            .split(' ')
            .filter(speakable)
            .map(|word| word.chars().take(LONGEST_WORD).collect()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        source_words(text)
            .iter()
            .map(|word| word.spoken.join(" "))
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn every_token_stays_one_word_as_written() {
        let text = "  “Smart” quotes — and 🎉 emoji,\tdon’t\nbreak:\u{a0}anything… ";
        let words = source_words(text);
        let written: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(written, text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            said(text),
            "Smart | quotes |  | and |  | emoji | don't | break | anything"
        );
    }

    #[test]
    fn numbers_units_and_money() {
        assert_eq!(
            said("3.5km 1kg 10x 25 $25 1,000,000"),
            "3.5 kilometers | 1 kilogram | 10 times | 25 | $25 | 1,000,000"
        );
        assert_eq!(
            said("5-10 -5 #1 50% 3:30pm 2024"),
            "5 to 10 | minus 5 | number 1 | 50 percent | 3:30pm | 2024"
        );
        assert_eq!(
            said("€25 30°C £5 20€ $1.5M $25k 1/2 the 1990s"),
            "25 euros | 30 degrees celsius | 5 pounds | 20 euros | 1.5 million dollars | $25 k | 1/2 | the | 1990s"
        );
    }

    #[test]
    fn compounds_and_signs() {
        assert_eq!(
            said("well-known AT&T C++ and/or"),
            "well known | AT and T | C plus plus | and or"
        );
        assert_eq!(
            said("snake_case *bold* (aside) [x]"),
            "snake case | bold | aside | x"
        );
        assert_eq!(
            said("e.g. vs. etc. 60km/h"),
            "for example | versus | et cetera | 60 kilometers per hour"
        );
    }

    #[test]
    fn addresses_are_read_as_people_do() {
        assert_eq!(
            said("https://www.example.com/a?b=c"),
            "example dot com slash a"
        );
        assert_eq!(
            said("me@example.org. fenta.dev!"),
            "me at example dot org | fenta dot dev"
        );
    }

    #[test]
    fn tokens_without_sound_say_nothing() {
        assert_eq!(said("— ... !? 🎬 • ()"), " |  |  |  |  | ");
        assert_eq!(said("naïve café Straße"), "naive | cafe | Strasse");
    }

    #[test]
    fn pauses_follow_punctuation() {
        let pauses = |text: &str| -> Vec<Pause> {
            source_words(text).iter().map(|word| word.pause).collect()
        };
        use Pause::{Medium, None, Sentence, Short};
        assert_eq!(
            pauses("one, two; three: four."),
            [Short, Medium, Medium, Sentence]
        );
        assert_eq!(
            pauses("Mr. Smith (here) \"left!\" J. Doe"),
            [None, None, Short, Sentence, None, None]
        );
        assert_eq!(pauses("dash — here"), [Medium, Medium, None]);
        assert_eq!(
            pauses("the U.S. economy etc. and so."),
            [None, None, None, None, None, Sentence]
        );
    }

    #[test]
    fn a_monster_word_is_cut() {
        let word = "a".repeat(500);
        assert_eq!(source_words(&word)[0].spoken[0].len(), LONGEST_WORD);
    }
}
