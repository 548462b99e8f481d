//! Which further faces a text needs because its letters are outside what Latin text faces carry.
//!
//! Pure tables over Unicode blocks: whether a face exists is the renderer's business. Text faces are taken to cover
//! Latin, Greek, Cyrillic and common punctuation. The families are those of Noto, one a script.

use crate::timeline::FontRequest;

/// A family and the first and last code points of the blocks it is asked for.
struct Script {
    family: &'static str,
    blocks: &'static [(u32, u32)],
}

/// Emoji faces have one weight only.
const EMOJI: Script = script(
    "Noto Color Emoji",
    &[
        (0x20E3, 0x20E3),
        (0x231A, 0x231B),
        (0x23E9, 0x23F3),
        (0x2600, 0x27BF),
        (0x2B1B, 0x2B1C),
        (0x2B50, 0x2B55),
        (0xFE0F, 0xFE0F),
        (0x1F000, 0x1FAFF),
    ],
);

const SCRIPTS: &[Script] = &[
    script("Noto Sans Hebrew", &[(0x0590, 0x05FF), (0xFB1D, 0xFB4F)]),
    script(
        "Noto Sans Arabic",
        &[
            (0x0600, 0x06FF),
            (0x0750, 0x077F),
            (0x08A0, 0x08FF),
            (0xFB50, 0xFDFF),
            (0xFE70, 0xFEFC),
        ],
    ),
    script("Noto Sans Syriac", &[(0x0700, 0x074F), (0x0860, 0x086F)]),
    script("Noto Sans Thaana", &[(0x0780, 0x07BF)]),
    script("Noto Sans NKo", &[(0x07C0, 0x07FF)]),
    script("Noto Sans Adlam", &[(0x1E900, 0x1E95F)]),
    script(
        "Noto Sans Devanagari",
        &[(0x0900, 0x097F), (0x1CD0, 0x1CFF), (0xA8E0, 0xA8FF)],
    ),
    script("Noto Sans Bengali", &[(0x0980, 0x09FF)]),
    script("Noto Sans Gurmukhi", &[(0x0A00, 0x0A7F)]),
    script("Noto Sans Gujarati", &[(0x0A80, 0x0AFF)]),
    script("Noto Sans Oriya", &[(0x0B00, 0x0B7F)]),
    script("Noto Sans Tamil", &[(0x0B80, 0x0BFF)]),
    script("Noto Sans Telugu", &[(0x0C00, 0x0C7F)]),
    script("Noto Sans Kannada", &[(0x0C80, 0x0CFF)]),
    script("Noto Sans Malayalam", &[(0x0D00, 0x0D7F)]),
    script("Noto Sans Sinhala", &[(0x0D80, 0x0DFF)]),
    script("Noto Sans Thai", &[(0x0E00, 0x0E7F)]),
    script("Noto Sans Lao", &[(0x0E80, 0x0EFF)]),
    script("Noto Serif Tibetan", &[(0x0F00, 0x0FFF)]),
    script(
        "Noto Sans Myanmar",
        &[(0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)],
    ),
    script("Noto Sans Khmer", &[(0x1780, 0x17FF), (0x19E0, 0x19FF)]),
    script(
        "Noto Sans Georgian",
        &[(0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)],
    ),
    script("Noto Sans Armenian", &[(0x0530, 0x058F), (0xFB13, 0xFB17)]),
    script(
        "Noto Sans Ethiopic",
        &[(0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)],
    ),
    script("Noto Sans Cherokee", &[(0x13A0, 0x13FF), (0xAB70, 0xABBF)]),
    script(
        "Noto Sans Canadian Aboriginal",
        &[(0x1400, 0x167F), (0x18B0, 0x18FF)],
    ),
    script("Noto Sans Mongolian", &[(0x1800, 0x18AF)]),
    script("Noto Sans Balinese", &[(0x1B00, 0x1B7F)]),
    script("Noto Sans Javanese", &[(0xA980, 0xA9DF)]),
    script("Noto Sans Sundanese", &[(0x1B80, 0x1BBF), (0x1CC0, 0x1CCF)]),
    script("Noto Sans Ol Chiki", &[(0x1C50, 0x1C7F)]),
    script(
        "Noto Sans Meetei Mayek",
        &[(0xAAE0, 0xAAFF), (0xABC0, 0xABFF)],
    ),
];

/// Chinese, Japanese and Korean share code points that each of them draws in its own way; every one of these faces
/// carries all of them.
const SQUARE: &[(u32, u32)] = &[
    (0x1100, 0x11FF),
    (0x2E80, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x2FA1F),
];
const JAPANESE: &str = "Noto Sans CJK JP";
const KOREAN: &str = "Noto Sans CJK KR";
const SIMPLIFIED: &str = "Noto Sans CJK SC";
const TRADITIONAL: &str = "Noto Sans CJK TC";
const HONG_KONG: &str = "Noto Sans CJK HK";

const fn script(family: &'static str, blocks: &'static [(u32, u32)]) -> Script {
    Script { family, blocks }
}

/// The faces a text in a language needs besides its own, in a fixed order, each once.
pub(crate) fn requests_for(text: &str, weight: u16, language: &str) -> Vec<FontRequest> {
    families(text, weight, |text| vec![square_family(text, language)])
}

/// Every face that a text may have been given by [`requests_for`], whatever its language.
pub(crate) fn candidates_for(text: &str, weight: u16) -> Vec<FontRequest> {
    families(text, weight, |_| {
        vec![JAPANESE, KOREAN, SIMPLIFIED, TRADITIONAL, HONG_KONG]
    })
}

fn families(
    text: &str,
    weight: u16,
    square: impl Fn(&str) -> Vec<&'static str>,
) -> Vec<FontRequest> {
    if text.is_ascii() {
        return Vec::new();
    }
    let request = |family: &str, weight: u16| FontRequest {
        family: family.to_owned(),
        weight,
    };
    let holds = |blocks: &[(u32, u32)]| text.chars().any(|letter| is_in(blocks, letter));
    let mut found = Vec::new();
    if holds(EMOJI.blocks) {
        found.push(request(EMOJI.family, 400));
    }
    let scripts = SCRIPTS.iter().filter(|script| holds(script.blocks));
    found.extend(scripts.map(|script| request(script.family, weight)));
    if holds(SQUARE) {
        found.extend(
            square(text)
                .into_iter()
                .map(|family| request(family, weight)),
        );
    }
    found
}

/// The face for squares: by the language, else by the letters that only one of them has.
fn square_family(text: &str, language: &str) -> &'static str {
    let tags: Vec<String> = language.split('-').map(str::to_ascii_lowercase).collect();
    let says = |tag: &str| tags.iter().skip(1).any(|own| own == tag);
    match tags.first().map(String::as_str) {
        Some("zh" | "yue" | "cmn") if says("hk") || says("mo") => HONG_KONG,
        Some("zh" | "yue" | "cmn") if says("hant") || says("tw") => TRADITIONAL,
        Some("zh" | "cmn") => SIMPLIFIED,
        Some("yue") => HONG_KONG,
        Some("ko") => KOREAN,
        Some("ja") => JAPANESE,
        _ if text
            .chars()
            .any(|c| is_in(&[(0x1100, 0x11FF), (0xAC00, 0xD7AF)], c)) =>
        {
            KOREAN
        }
        _ => JAPANESE,
    }
}

fn is_in(blocks: &[(u32, u32)], letter: char) -> bool {
    let code = u32::from(letter);
    blocks
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(text: &str, language: &str) -> Vec<String> {
        requests_for(text, 700, language)
            .into_iter()
            .map(|request| format!("{}:{}", request.family, request.weight))
            .collect()
    }

    #[test]
    fn plain_text_needs_nothing_more() {
        for text in [
            "",
            "Hello, world!",
            "déjà vu — “quoted” …",
            "Привет",
            "Καλημέρα",
            "£5 → €6",
        ] {
            assert!(families(text, "en").is_empty(), "{text}");
        }
    }

    #[test]
    fn other_scripts_and_emoji_are_asked_for_once() {
        assert_eq!(families("bees 🐝🐝", "en"), ["Noto Color Emoji:400"]);
        assert_eq!(families("شكرا", "ar"), ["Noto Sans Arabic:700"]);
        assert_eq!(families("日本語 と 한국어", "ja"), ["Noto Sans CJK JP:700"]);
        assert_eq!(
            families("नमस्ते ☀", "hi"),
            ["Noto Color Emoji:400", "Noto Sans Devanagari:700"]
        );
    }

    #[test]
    fn every_language_of_squares_has_its_own_face() {
        for (language, family) in [
            ("ja", JAPANESE),
            ("zh-Hans", SIMPLIFIED),
            ("zh", SIMPLIFIED),
            ("zh-Hant", TRADITIONAL),
            ("zh-TW", TRADITIONAL),
            ("zh-HK", HONG_KONG),
            ("ko", KOREAN),
            ("en", JAPANESE),
        ] {
            assert_eq!(
                families("直", language),
                [format!("{family}:700")],
                "{language}"
            );
        }
        assert_eq!(families("한국", "en"), [format!("{KOREAN}:700")]);
        let candidates = candidates_for("直 🐝", 700);
        assert_eq!(candidates.len(), 6, "{candidates:?}");
    }

    #[test]
    fn no_letter_belongs_to_two_scripts() {
        let all: Vec<(u32, u32)> = SCRIPTS
            .iter()
            .flat_map(|script| script.blocks)
            .chain(SQUARE)
            .copied()
            .collect();
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert!(one.1 < other.0 || other.1 < one.0, "{one:x?} {other:x?}");
            }
        }
    }
}
