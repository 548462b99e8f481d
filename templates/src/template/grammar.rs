//! The grammar of the template document: every key with its meaning, unit, limits, default and state.
//!
//! One tree, several readers: `fields` finds unknown keys, wrong limits and wrong words with it, editors get their schema
//! from it, and the table in the specification is checked against it. What a key *does* is not here but in the module
//! that reads it; a key that stands here and is read by nobody fails the tests.

mod captions;
mod document;
mod overlays;
mod picture;
mod rules;

use super::scalar;
use crate::timeline::LONGEST_MS;
impl Shape {
    /// What to write where a value of this shape stands.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Exactly(text) => format!("write `{text}`"),
            Self::Text => "write a text".to_owned(),
            Self::Pattern => {
                "write a text; `${{ name }}` in it puts a placeholder there".to_owned()
            }
            Self::Name => "write a name of letters, digits, `_` and `-`".to_owned(),
            Self::Bool => "write `true` or `false`".to_owned(),
            Self::Int { min, max, unit } => {
                format!("write a whole number from {min} to {max} {unit}")
                    .trim_end()
                    .to_owned()
            }
            Self::Number { min, max, unit } => format!("write a number from {min} to {max} {unit}")
                .trim_end()
                .to_owned(),
            Self::Duration { min_ms, max_ms } => format!(
                "write a length of time from {} to {}",
                scalar::told_ms(*min_ms),
                scalar::told_ms(*max_ms)
            ),
            Self::Color => {
                "write `#RRGGBB`, `#RRGGBBAA` or the name of a colour of the theme".to_owned()
            }
            Self::Font => {
                "write `Family:weight`, for example `Inter:700`, or the name of a face of the theme"
                    .to_owned()
            }
            Self::FrameRate => {
                "write frames per second, for example 30 or \"30000/1001\"".to_owned()
            }
            Self::Choice(words) => {
                let words: Vec<String> = words
                    .iter()
                    .filter(|word| matches!(word.state, State::Works))
                    .map(|word| format!("`{}`", word.word))
                    .collect();
                format!("write one of {}", words.join(", "))
            }
            Self::Source(types) => {
                format!(
                    "write `${{{{ name }}}}` with a placeholder of type {}",
                    types.join(" or ")
                )
            }
            Self::Condition => {
                "ask for placeholders, for example `logo != null` or `source != ''`".to_owned()
            }
            Self::Pair(inner) => {
                format!("write two of them, `[a, b]`; {} for each", inner.advice())
            }
            Self::List(inner) => format!("write a list; {} for each", inner.advice()),
            Self::Map(section) => {
                let keys: Vec<&str> = section.fields.iter().map(|field| field.name).collect();
                format!("write a map; its keys are {}", keys.join(", "))
            }
            Self::Members(_) | Self::Variants { .. } => "write a list of maps".to_owned(),
            Self::Named(_) => "write a map of names".to_owned(),
            Self::OneOf(shapes) => {
                let all: Vec<String> = shapes.iter().map(Self::advice).collect();
                all.join(", or ")
            }
        }
    }
}

#[cfg(test)]
mod table;

/// A map with a fixed set of keys.
#[derive(Debug)]
pub struct Section {
    /// Where it stands in the document, for people: `rules.shot`, `tracks[subtitles].style`.
    pub name: &'static str,
    /// Its keys in the order they are documented.
    pub fields: &'static [Field],
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it means, one sentence.
    pub doc: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether it must be there once everything that is extended is merged.
    pub required: bool,
    /// What holds when it is absent, as YAML; empty when absence has no value of its own.
    pub default: &'static str,
    /// Whether this version can do it.
    pub state: State,
}

/// Whether this version of the product can do what a key or a word asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Works,
    /// It is refused wherever it stands; the text says what to write instead.
    Refused(&'static str),
}

/// One of the values of a choice.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Whether this version can do it.
    pub state: State,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Exactly this text.
    Exactly(&'static str),
    /// Any text.
    Text,
    /// A text in which `${{ name }}` stands for a text placeholder.
    Pattern,
    /// A letter, then letters, digits, `_` and `-`.
    Name,
    /// `true` or `false`.
    Bool,
    /// A whole number within limits.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// What it counts, for people.
        unit: &'static str,
    },
    /// A number within limits.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// What it measures, for people.
        unit: &'static str,
    },
    /// A duration such as `300ms` or `1.5s`, within limits in milliseconds.
    Duration {
        /// Shortest.
        min_ms: u32,
        /// Longest.
        max_ms: u32,
    },
    /// `#RRGGBB`, `#RRGGBBAA`, a colour of the theme, or `${{ name }}` of a colour placeholder.
    Color,
    /// `Family:weight` or a font of the theme.
    Font,
    /// A frame rate: a whole number, or a text such as `30000/1001`.
    FrameRate,
    /// One of these words.
    Choice(&'static [Word]),
    /// `${{ name }}` of a placeholder of one of these types.
    Source(&'static [&'static str]),
    /// Whether placeholders hold something: `${{ logo != null }}`.
    Condition,
    /// A list of two.
    Pair(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A map with fixed keys.
    Map(&'static Section),
    /// A list of maps; where they have an `id` they merge by it.
    Members(&'static Section),
    /// A list of maps whose `tag` decides which keys they have; they merge by `id`.
    Variants {
        /// The deciding key.
        tag: &'static str,
        /// Its values with their keys.
        cases: &'static [(&'static str, &'static Section)],
    },
    /// A map whose keys are names the author gives.
    Named(&'static Shape),
    /// One of these.
    OneOf(&'static [Shape]),
}

/// The whole document.
pub fn grammar() -> &'static Section {
    &document::DOCUMENT
}

/// A section by the name it is documented under; for readers' tests and for tools that show one part.
pub fn section(name: &str) -> Option<&'static Section> {
    let mut found = None;
    visit(grammar(), &mut |section| {
        if section.name == name {
            found = Some(section);
        }
    });
    found
}

/// The words of a key's choice; none where the key has no choice.
pub(crate) fn words(section_name: &str, key: &str) -> &'static [Word] {
    fn of(shape: &'static Shape) -> &'static [Word] {
        match shape {
            Shape::Choice(words) => words,
            Shape::List(inner) => of(inner),
            Shape::OneOf(shapes) => shapes
                .iter()
                .map(of)
                .find(|words| !words.is_empty())
                .unwrap_or_default(),
            _ => &[],
        }
    }
    let field = section(section_name).and_then(|section| section.field(key));
    field.map_or(&[], |field| of(&field.shape))
}

/// Calls `see` with every section of the document, parents first; a section used twice is seen twice.
pub fn visit(section: &'static Section, see: &mut dyn FnMut(&'static Section)) {
    see(section);
    for field in section.fields {
        visit_shape(&field.shape, see);
    }
}

fn visit_shape(shape: &'static Shape, see: &mut dyn FnMut(&'static Section)) {
    match shape {
        Shape::Map(inner) | Shape::Members(inner) => visit(inner, see),
        Shape::Variants { cases, .. } => cases.iter().for_each(|(_, inner)| visit(inner, see)),
        Shape::List(inner) | Shape::Named(inner) | Shape::Pair(inner) => visit_shape(inner, see),
        Shape::OneOf(shapes) => shapes.iter().for_each(|inner| visit_shape(inner, see)),
        _ => {}
    }
}

impl Section {
    /// A key by its name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn refused(self, instead: &'static str) -> Self {
        Self {
            state: State::Refused(instead),
            ..self
        }
    }
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        doc,
        shape,
        required: false,
        default: "",
        state: State::Works,
    }
}

const fn word(word: &'static str, doc: &'static str) -> Word {
    Word {
        word,
        doc,
        state: State::Works,
    }
}

const fn refused(word: &'static str, instead: &'static str) -> Word {
    Word {
        word,
        doc: "",
        state: State::Refused(instead),
    }
}

const fn int(min: i64, max: i64, unit: &'static str) -> Shape {
    Shape::Int { min, max, unit }
}

const fn number(min: f64, max: f64, unit: &'static str) -> Shape {
    Shape::Number { min, max, unit }
}

const fn duration(min_ms: u32, max_ms: u32) -> Shape {
    Shape::Duration { min_ms, max_ms }
}

/// Any duration that can lie inside a video.
const ANY_TIME: Shape = duration(0, LONGEST_MS);

const ID: Field = key(
    "id",
    Shape::Name,
    "Its name, by which a template that extends this one changes it.",
)
.required();

const REMOVE: Field = key(
    "remove",
    Shape::Bool,
    "`true` drops the member of the same id that an extended template has.",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_documented_and_unique_in_its_map() {
        let mut keys = 0;
        visit(grammar(), &mut |section| {
            let mut seen = BTreeSet::new();
            for field in section.fields {
                keys += 1;
                assert!(seen.insert(field.name), "{}.{}", section.name, field.name);
                assert!(
                    field.doc.ends_with('.'),
                    "{}.{}: {}",
                    section.name,
                    field.name,
                    field.doc
                );
                if let State::Refused(instead) = field.state {
                    assert!(!instead.is_empty(), "{}.{}", section.name, field.name);
                }
            }
        });
        assert!(keys > 100, "{keys}");
    }

    #[test]
    fn choices_have_a_word_that_works_and_their_default_among_the_words() {
        visit(grammar(), &mut |section| {
            for field in section.fields {
                let Shape::Choice(words) = field.shape else {
                    continue;
                };
                let place = format!("{}.{}", section.name, field.name);
                let works = |word: &&Word| word.state == State::Works;
                assert!(words.iter().any(|word| works(&word)), "{place}");
                if !field.default.is_empty() {
                    let found = words.iter().filter(works);
                    assert!(
                        found.into_iter().any(|word| word.word == field.default),
                        "{place}"
                    );
                }
            }
        });
    }

    #[test]
    fn sections_are_found_by_their_names() {
        assert!(section("rules.shot").unwrap().field("hook_max").is_some());
        assert!(section("rules.shots").is_none());
        assert!(grammar().field("fenta").unwrap().required);
    }
}
