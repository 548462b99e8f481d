//! Control characters made visible: what a document, a file name or a server wrote must never steer a terminal.
//!
//! Neighbours: `render` shows diagnostics with it, and the command line everything else. It decides nothing about colour.

use std::borrow::Cow;

/// The text with pictures in the place of control characters, and the replacement character for those without a picture
/// and for marks that turn the direction of writing. Line breaks and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| picture(c).is_none()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| picture(c).unwrap_or(c)).collect())
}

/// What is shown for a character that must not reach a terminal; none for all others.
pub fn picture(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_become_pictures() {
        assert_eq!(printable("x\u{1b}[31mRED\u{7}\u{7f}"), "x␛[31mRED␇␡");
        assert_eq!(printable("\u{9b}31m\u{202e}abc"), "\u{fffd}31m\u{fffd}abc");
        assert_eq!(printable("one\n\ttwo\r"), "one\n\ttwo␍");
        assert!(matches!(printable("Käse 蜜蜂 🐝"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(text in "\\PC*|(\\x1b|\\x07|\\x{9b}|\\n|[a-z])*") {
            let shown = printable(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            prop_assert_eq!(shown.chars().count(), text.chars().count());
            prop_assert_eq!(printable(&shown), shown.as_ref());
        }
    }
}
