//! Which further faces a text needs because its letters are outside what Latin text faces carry.
//!
//! Pure tables over Unicode blocks: whether a face exists is the renderer's business. Text faces are taken to cover
//! Latin, Greek, Cyrillic and common punctuation.

use crate::timeline::FontRequest;

/// A family and the first and last code points of the blocks it is asked for.
struct Script {
    family: &'static str,
    /// Emoji faces have one weight only.
    weighted: bool,
    blocks: &'static [(u32, u32)],
}

const SCRIPTS: &[Script] = &[
    Script {
        family: "Noto Color Emoji",
        weighted: false,
        blocks: &[
            (0x20E3, 0x20E3),
            (0x231A, 0x231B),
            (0x23E9, 0x23F3),
            (0x2600, 0x27BF),
            (0x2B1B, 0x2B1C),
            (0x2B50, 0x2B55),
            (0xFE0F, 0xFE0F),
            (0x1F000, 0x1FAFF),
        ],
    },
    Script {
        family: "Noto Sans Hebrew",
        weighted: true,
        blocks: &[(0x0590, 0x05FF), (0xFB1D, 0xFB4F)],
    },
    Script {
        family: "Noto Sans Arabic",
        weighted: true,
        blocks: &[
            (0x0600, 0x06FF),
            (0x0750, 0x077F),
            (0x08A0, 0x08FF),
            (0xFB50, 0xFDFF),
            (0xFE70, 0xFEFC),
        ],
    },
    Script {
        family: "Noto Sans Devanagari",
        weighted: true,
        blocks: &[(0x0900, 0x097F), (0xA8E0, 0xA8FF)],
    },
    Script {
        family: "Noto Sans Bengali",
        weighted: true,
        blocks: &[(0x0980, 0x09FF)],
    },
    Script {
        family: "Noto Sans Tamil",
        weighted: true,
        blocks: &[(0x0B80, 0x0BFF)],
    },
    Script {
        family: "Noto Sans Telugu",
        weighted: true,
        blocks: &[(0x0C00, 0x0C7F)],
    },
    Script {
        family: "Noto Sans Thai",
        weighted: true,
        blocks: &[(0x0E00, 0x0E7F)],
    },
    Script {
        family: "Noto Sans Georgian",
        weighted: true,
        blocks: &[(0x10A0, 0x10FF)],
    },
    Script {
        family: "Noto Sans Armenian",
        weighted: true,
        blocks: &[(0x0530, 0x058F)],
    },
    Script {
        family: "Noto Sans CJK JP",
        weighted: true,
        blocks: &[
            (0x1100, 0x11FF),
            (0x2E80, 0x9FFF),
            (0xAC00, 0xD7AF),
            (0xF900, 0xFAFF),
            (0xFF00, 0xFFEF),
            (0x20000, 0x2FA1F),
        ],
    },
];

/// The faces a text needs besides its own, in a fixed order, each once.
pub(crate) fn requests_for(text: &str, weight: u16) -> Vec<FontRequest> {
    if text.is_ascii() {
        return Vec::new();
    }
    SCRIPTS
        .iter()
        .filter(|script| text.chars().any(|letter| script.holds(letter)))
        .map(|script| FontRequest {
            family: script.family.to_owned(),
            weight: if script.weighted { weight } else { 400 },
        })
        .collect()
}

impl Script {
    fn holds(&self, letter: char) -> bool {
        let code = u32::from(letter);
        self.blocks
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(text: &str) -> Vec<String> {
        requests_for(text, 700)
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
            assert!(families(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn other_scripts_and_emoji_are_asked_for_once() {
        assert_eq!(families("bees 🐝🐝"), ["Noto Color Emoji:400"]);
        assert_eq!(families("شكرا"), ["Noto Sans Arabic:700"]);
        assert_eq!(families("日本語 と 한국어"), ["Noto Sans CJK JP:700"]);
        assert_eq!(
            families("नमस्ते ☀"),
            ["Noto Color Emoji:400", "Noto Sans Devanagari:700"]
        );
    }
}
