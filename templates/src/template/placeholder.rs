//! Placeholders: the typed holes of a template, and the texts that mention them as `${{ name }}`.

use std::collections::BTreeMap;

use crate::color::Color;

/// What a placeholder takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceholderKind {
    /// The clips to cut from, at least `min` of them.
    Media {
        /// Fewest clips.
        min: u32,
    },
    /// The narration.
    Voice,
    /// The music bed.
    Audio,
    /// A short sound of a track with `role: sfx`.
    Effect,
    /// Captions made from the narration's words.
    Captions,
    /// A text.
    Text {
        /// Longest text in characters.
        max_chars: Option<u32>,
        /// Used when nothing is bound.
        default: Option<String>,
    },
    /// A colour.
    Color {
        /// Used when nothing is bound.
        default: Option<Color>,
    },
    /// A still, for example a logo.
    Image,
    /// A colour look-up table.
    Lut,
}

impl PlaceholderKind {
    /// The type as a template writes it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Media { .. } => "media[]",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::Effect => "effect",
            Self::Captions => "captions",
            Self::Text { .. } => "text",
            Self::Color { .. } => "color",
            Self::Image => "image",
            Self::Lut => "lut",
        }
    }
}

/// One hole of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: PlaceholderKind,
    /// Whether it may stay empty although it has no default.
    pub optional: bool,
    /// What it is for, in the template author's words; may be empty.
    pub help: String,
}

impl Placeholder {
    /// Whether something must be bound to it.
    pub const fn required(&self) -> bool {
        let has_default = match &self.kind {
            PlaceholderKind::Text { default, .. } => default.is_some(),
            PlaceholderKind::Color { default } => default.is_some(),
            _ => false,
        };
        !self.optional && !has_default
    }
}

/// A piece of a text with placeholders in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Name(String),
}

/// A text in which `${{ name }}` stands for a text placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextPattern {
    pieces: Vec<Piece>,
}

impl TextPattern {
    /// Reads a text; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("${{") {
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].to_owned()));
            }
            let after = &rest[open + 3..];
            let close = after
                .find("}}")
                .ok_or_else(|| format!("`{}` is never closed", &rest[open..]))?;
            let name = after[..close].trim();
            if !is_name(name) {
                return Err(format!("`{name}` is not a placeholder's bare name"));
            }
            pieces.push(Piece::Name(name.to_owned()));
            rest = &after[close + 2..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The placeholder's name if the text is one placeholder and nothing else.
    pub(crate) fn only_name(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// Every placeholder mentioned, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The text with every placeholder replaced by its value; a missing value is an empty text.
    pub(crate) fn fill(&self, texts: &BTreeMap<String, String>) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Name(name) => texts.get(name).map_or("", String::as_str),
            })
            .collect()
    }
}

/// Whether a text may name a placeholder, a track or an item: a letter, then letters, digits, `_` or `-`.
pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    // spec: T-13
    #[test]
    fn fills_names_and_keeps_everything_else() {
        let pattern = TextPattern::parse("From ${{ source }}, {{ not }} $5 ${{b}}").unwrap();
        assert_eq!(pattern.names().collect::<Vec<_>>(), ["source", "b"]);
        assert_eq!(
            pattern.fill(&texts(&[("source", "NASA ${{ b }}")])),
            "From NASA ${{ b }}, {{ not }} $5 ",
            "values are never read again"
        );
        assert_eq!(pattern.only_name(), None);
    }

    #[test]
    fn knows_a_lone_name() {
        assert_eq!(
            TextPattern::parse("${{ accent }}").unwrap().only_name(),
            Some("accent")
        );
        assert_eq!(TextPattern::parse("").unwrap().fill(&texts(&[])), "");
    }

    #[test]
    fn refuses_what_is_not_a_bare_name() {
        for bad in [
            "${{ a",
            "${{ a.b }}",
            "${{ }}",
            "${{ a | upper }}",
            "${{ 1a }}",
        ] {
            assert!(TextPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_default_makes_a_placeholder_optional() {
        let text = |default: Option<&str>, optional| Placeholder {
            name: "t".into(),
            kind: PlaceholderKind::Text {
                max_chars: None,
                default: default.map(str::to_owned),
            },
            optional,
            help: String::new(),
        };
        assert!(text(None, false).required());
        assert!(!text(Some(""), false).required());
        assert!(!text(None, true).required());
    }
}
