//! Colour, or none, and nothing else that steers a terminal.
//!
//! Painted texts carry marks that are no characters; [`Style::shown`] is the door on the way to a terminal: it
//! turns marks into colour and makes every control character visible. It must not decide whether colour is wanted.

use fenta_workflows::diagnostic::picture;

/// Paints texts, unless it was told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    on: bool,
}

impl Style {
    /// With or without colour.
    pub(crate) const fn new(on: bool) -> Self {
        Self { on }
    }

    /// Whether it paints.
    pub(crate) const fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(BOLD, text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(DIM, text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint(RED, text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint(YELLOW, text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint(CYAN, text)
    }

    fn paint(self, mark: char, text: &str) -> String {
        if self.on {
            format!("{mark}{text}{END}")
        } else {
            text.to_owned()
        }
    }

    /// The text as a terminal may get it.
    pub(crate) fn shown(self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            match (sequence(c), picture(c)) {
                (Some(sequence), _) if self.on => shown.push_str(sequence),
                (Some(_), _) => shown.push(char::REPLACEMENT_CHARACTER),
                (None, Some(picture)) => shown.push(picture),
                (None, None) => shown.push(c),
            }
        }
        shown
    }
}

// Unicode keeps these for the inside of programs: they are never characters of a text. A document that holds one all the
// same gets a colour of ours at most.
const END: char = '\u{fdd0}';
const BOLD: char = '\u{fdd1}';
const DIM: char = '\u{fdd2}';
const RED: char = '\u{fdd3}';
const GREEN: char = '\u{fdd4}';
const YELLOW: char = '\u{fdd5}';
const CYAN: char = '\u{fdd6}';

/// What a mark means to a terminal.
const fn sequence(mark: char) -> Option<&'static str> {
    Some(match mark {
        END => "\x1b[0m",
        BOLD => "\x1b[1m",
        DIM => "\x1b[2m",
        RED => "\x1b[1;31m",
        GREEN => "\x1b[32m",
        YELLOW => "\x1b[33m",
        CYAN => "\x1b[36m",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_texts_stay_as_they_are() {
        assert_eq!(Style::new(false).red("x"), "x");
        let on = Style::new(true);
        assert_eq!(on.shown(&on.red("x")), "\x1b[1;31mx\x1b[0m");
    }

    // spec: W-9
    #[test]
    fn only_our_own_colours_reach_a_terminal() {
        let on = Style::new(true);
        let name = "x\x1b[31mRED\u{7}\u{9b}2J";
        assert_eq!(
            on.shown(&format!("{} {name}", on.green("ok"))),
            "\x1b[32mok\x1b[0m x␛[31mRED␇\u{fffd}2J"
        );
        assert_eq!(Style::new(false).shown(name), "x␛[31mRED␇\u{fffd}2J");
        assert_eq!(Style::new(false).shown("a\u{fdd3}b"), "a\u{fffd}b");
    }
}
