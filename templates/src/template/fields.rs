//! Reading a map of the document key by key, by its grammar.
//!
//! Limits, words and required keys come from the grammar, so what is checked and what is documented cannot differ. Wrong
//! values are noted and read as absent, so that one pass finds everything; every key of the grammar is asked for by
//! somebody, which tests prove on every map they read.

use std::cell::RefCell;

use super::document::Node;
use super::grammar::{Field, Section, Shape, State, Word};
use super::wrong::Wrong;
use super::{ProblemKind, Problems, TemplateProblem, scalar};

/// A map being read.
pub(crate) struct Fields<'a> {
    path: String,
    entries: &'a [(String, Node)],
    section: &'static Section,
    asked: RefCell<Vec<&'static str>>,
    problems: &'a RefCell<Problems>,
}

impl<'a> Fields<'a> {
    /// Opens a map; anything else is noted.
    pub(crate) fn open(
        node: &'a Node,
        path: String,
        section: &'static Section,
        problems: &'a RefCell<Problems>,
    ) -> Option<Self> {
        let Node::Map(entries) = node else {
            let message = format!("is {}, expected a map", node.kind());
            let hint = Shape::Map(section).advice();
            let problem = TemplateProblem::new(ProblemKind::WrongType, path, message, hint);
            problems.borrow_mut().push(problem);
            return None;
        };
        Some(Self {
            path,
            entries,
            section,
            asked: RefCell::default(),
            problems,
        })
    }

    /// The path of a key inside this map.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Where problems go.
    pub(crate) fn problems(&self) -> &'a RefCell<Problems> {
        self.problems
    }

    /// Notes a value that does not fit.
    pub(crate) fn note(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.note_as(ProblemKind::BadValue, key, message, hint);
    }

    /// Notes a problem of a certain sort with a key.
    pub(crate) fn note_as(
        &self,
        kind: ProblemKind,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let problem = TemplateProblem::new(kind, self.path_of(key), message, hint);
        self.push(key, problem);
    }

    /// Notes a problem; where nobody says what to write, the grammar does.
    fn push(&self, key: &str, mut problem: TemplateProblem) {
        let field = || self.section.fields.iter().find(|field| field.name == key);
        if problem.hint.is_empty()
            && let Some(field) = field()
        {
            problem.hint = field.shape.advice();
        }
        self.problems.borrow_mut().push(problem);
    }

    /// Notes keys that contradict each other.
    pub(crate) fn conflict(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.note_as(ProblemKind::Conflict, key, message, hint);
    }

    fn wrong(&self, key: &str, wrong: Wrong) {
        self.push(key, wrong.at(self.path_of(key)));
    }

    /// Every key and value, for maps whose keys are names.
    fn entries(&self) -> &'a [(String, Node)] {
        self.entries
    }

    fn field(&self, key: &'static str) -> Option<&'static Field> {
        let field = self.section.field(key);
        debug_assert!(field.is_some(), "{}: no key {key}", self.section.name);
        field
    }

    /// The value of a key; `null` reads as absent, and so does a key that is refused.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        match self.field(key)?.state {
            State::Works => self.present(key),
            State::Refused(_) => None,
        }
    }

    fn present(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
            .filter(|value| **value != Node::Null)
    }

    /// Whether the key is written.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// Whether the value is a map, for keys that also take a word.
    pub(crate) fn is_map(&self, key: &'static str) -> bool {
        matches!(self.node(key), Some(Node::Map(_)))
    }

    /// A value that a reader turns into something or explains why not.
    pub(crate) fn read<T, E: Into<Wrong>>(
        &self,
        key: &'static str,
        reader: impl FnOnce(&'a Node) -> Result<T, E>,
    ) -> Option<T> {
        let node = self.node(key)?;
        reader(node)
            .map_err(|wrong| self.wrong(key, wrong.into()))
            .ok()
    }

    /// A text.
    pub(crate) fn text(&self, key: &'static str) -> Option<&'a str> {
        self.read(key, text_of)
    }

    /// A text read by a function.
    pub(crate) fn parsed<T, E: Into<Wrong>>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.read(key, |node| parse(text_of(node)?).map_err(Into::into))
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        self.read(key, |node| match node {
            Node::Bool(value) => Ok(*value),
            other => Err(Wrong::shape(other, "true or false")),
        })
    }

    /// A whole number within the grammar's limits.
    pub(crate) fn int<T: TryFrom<i64>>(&self, key: &'static str) -> Option<T> {
        let Shape::Int { min, max, .. } = self.field(key)?.shape else {
            debug_assert!(false, "{}.{key} is no whole number", self.section.name);
            return None;
        };
        self.read(key, |node| int_of(node, (min, max)))
    }

    /// A number within the grammar's limits, times `scale`.
    pub(crate) fn scaled<T: TryFrom<i64>>(&self, key: &'static str, scale: f64) -> Option<T> {
        let Shape::Number { min, max, .. } = self.field(key)?.shape else {
            debug_assert!(false, "{}.{key} is no number", self.section.name);
            return None;
        };
        self.read(key, |node| scaled_of(node, scale, (min, max)))
    }

    /// A duration in milliseconds within the grammar's limits.
    pub(crate) fn duration(&self, key: &'static str) -> Option<u32> {
        let Shape::Duration { min_ms, max_ms } = self.field(key)?.shape else {
            debug_assert!(false, "{}.{key} is no duration", self.section.name);
            return None;
        };
        self.read(key, |node| match node {
            Node::Int(_) | Node::Decimal(_) => {
                Err(Wrong::shape(node, "a duration")
                    .hint("write it with its unit: 300ms, 1.5s, 2m"))
            }
            node => duration_of(text_of(node)?, (min_ms, max_ms)).map_err(Wrong::from),
        })
    }

    /// One of the grammar's words, as the value that stands for it.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, values: &[(&str, T)]) -> Option<T> {
        let words = words_of(&self.field(key)?.shape);
        let found = self.read(key, |node| word_of(text_of(node)?, words))?;
        let value = values.iter().find(|(word, _)| *word == found);
        debug_assert!(value.is_some(), "{}.{key}: {found}", self.section.name);
        value.map(|(_, value)| *value)
    }

    /// A map inside this one.
    pub(crate) fn map(&self, key: &'static str) -> Option<Self> {
        let section = section_of(&self.field(key)?.shape)?;
        Self::open(self.node(key)?, self.path_of(key), section, self.problems)
    }

    /// A list.
    pub(crate) fn list(&self, key: &'static str) -> Option<&'a [Node]> {
        self.read(key, |node| match node {
            Node::List(list) => Ok(list.as_slice()),
            other => Err(Wrong::shape(other, "a list")),
        })
    }

    /// A map whose keys are names: every name with its value.
    pub(crate) fn named(&self, key: &'static str) -> &'a [(String, Node)] {
        let entries = self.read(key, |node| match node {
            Node::Map(entries) => Ok(entries.as_slice()),
            other => Err(Wrong::shape(other, "a map")),
        });
        entries.unwrap_or_default()
    }

    /// A map of maps: every name with its map. Names that are none are noted.
    pub(crate) fn named_maps(&self, key: &'static str) -> Vec<(&'a str, Self)> {
        let Some(Shape::Named(Shape::Map(section))) = self.field(key).map(|field| &field.shape)
        else {
            debug_assert!(false, "{}.{key} is no map of maps", self.section.name);
            return Vec::new();
        };
        let outer = self.path_of(key);
        self.named(key)
            .iter()
            .filter_map(|(name, node)| {
                let path = format!("{outer}.{name}");
                if !super::placeholder::is_name(name) {
                    let wrong = Wrong::new(ProblemKind::BadValue, "is not a name");
                    let problem = wrong.hint("use letters, digits, `_` and `-`").at(path);
                    self.problems.borrow_mut().push(problem);
                    return None;
                }
                let inner = Self::open(node, path, section, self.problems)?;
                Some((name.as_str(), inner))
            })
            .collect()
    }

    /// The members of a list of maps. Members with an `id` are named by it in paths.
    pub(crate) fn members(&self, key: &'static str) -> Vec<Self> {
        let Some(Shape::Members(section)) = self.field(key).map(|field| &field.shape) else {
            debug_assert!(false, "{}.{key} is no list of maps", self.section.name);
            return Vec::new();
        };
        self.open_members(key, |_, _| Some((section, ())))
            .into_iter()
            .map(|(_, member)| member)
            .collect()
    }

    /// The members of a list of maps whose keys depend on a tag, each with its tag.
    pub(crate) fn variants(&self, key: &'static str) -> Vec<(&'static str, Self)> {
        let Some(Shape::Variants { tag, cases }) = self.field(key).map(|field| &field.shape) else {
            debug_assert!(false, "{}.{key} has no variants", self.section.name);
            return Vec::new();
        };
        self.open_members(key, |node, path| self.case_of(node, path, (tag, cases)))
    }

    fn case_of(
        &self,
        node: &Node,
        path: &str,
        (tag, cases): (&'static str, &'static [(&'static str, &'static Section)]),
    ) -> Option<(&'static Section, &'static str)> {
        let note = |wrong: Wrong| {
            let problem = wrong.at(format!("{path}.{tag}"));
            self.problems.borrow_mut().push(problem);
        };
        let words = cases[0]
            .1
            .field(tag)
            .map_or(&[][..], |field| words_of(&field.shape));
        let word = match node.get(tag) {
            None | Some(Node::Null) => {
                let known: Vec<&str> = cases.iter().map(|(word, _)| *word).collect();
                let hint = format!("write one of {}", known.join(", "));
                note(Wrong::new(ProblemKind::MissingKey, "is missing").hint(hint));
                return None;
            }
            Some(found) => text_of(found).and_then(|text| word_of(text, words)),
        };
        match word {
            Ok(word) => cases
                .iter()
                .find(|(case, _)| *case == word)
                .map(|(case, section)| (*section, *case)),
            Err(wrong) => {
                note(wrong);
                None
            }
        }
    }

    fn open_members<T>(
        &self,
        key: &'static str,
        section_for: impl Fn(&'a Node, &str) -> Option<(&'static Section, T)>,
    ) -> Vec<(T, Self)> {
        let list = self.list(key).unwrap_or_default();
        list.iter()
            .enumerate()
            .filter_map(|(at, node)| {
                let name = match node.get("id") {
                    Some(Node::Text(id)) => id.clone(),
                    _ => at.to_string(),
                };
                let path = format!("{}[{name}]", self.path_of(key));
                if !matches!(node, Node::Map(_)) {
                    let problem = Wrong::shape(node, "a map").at(path);
                    self.problems.borrow_mut().push(problem);
                    return None;
                }
                let (section, tag) = section_for(node, &path)?;
                Self::open(node, path, section, self.problems).map(|member| (tag, member))
            })
            .collect()
    }

    /// Notes unknown keys, refused keys and missing ones. Every other key must have been asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for field in self.section.fields {
            // Merging obeyed `remove` before anything was read.
            let consumed = field.name == "remove" || asked.contains(&field.name);
            match field.state {
                State::Refused(instead) if self.present(field.name).is_some() => self.note_as(
                    ProblemKind::Unavailable,
                    field.name,
                    "is not available in this version yet",
                    instead,
                ),
                State::Refused(_) => {}
                State::Works => debug_assert!(
                    consumed,
                    "{}.{} is read by nobody",
                    self.section.name, field.name
                ),
            }
            if field.required && self.present(field.name).is_none() {
                self.note_as(ProblemKind::MissingKey, field.name, "is missing", field.doc);
            }
        }
        for (key, _) in self.entries() {
            if self.section.field(key).is_none() {
                let names = self.section.fields.iter().map(|field| field.name);
                self.wrong(
                    key,
                    Wrong::unknown(ProblemKind::UnknownKey, "is not a key here", key, names),
                );
            }
        }
    }
}

/// The words of a choice, wherever it stands in a shape.
fn words_of(shape: &'static Shape) -> &'static [Word] {
    match shape {
        Shape::Choice(words) => words,
        Shape::List(inner) => words_of(inner),
        Shape::OneOf(shapes) => shapes
            .iter()
            .map(words_of)
            .find(|words| !words.is_empty())
            .unwrap_or_default(),
        _ => &[],
    }
}

fn section_of(shape: &'static Shape) -> Option<&'static Section> {
    match shape {
        Shape::Map(section) => Some(section),
        Shape::OneOf(shapes) => shapes.iter().find_map(section_of),
        _ => None,
    }
}

/// The word of the grammar that a text is.
pub(crate) fn word_of(text: &str, words: &'static [Word]) -> Result<&'static str, Wrong> {
    match words.iter().find(|word| word.word == text) {
        Some(Word {
            word,
            state: State::Works,
            ..
        }) => Ok(word),
        Some(Word {
            state: State::Refused(instead),
            ..
        }) => Err(Wrong::new(
            ProblemKind::Unavailable,
            format!("`{text}` is not available in this version yet"),
        )
        .hint(*instead)),
        None => {
            let known = words
                .iter()
                .filter(|word| word.state == State::Works)
                .map(|word| word.word);
            let message = format!("`{text}` is not one of its values");
            Err(Wrong::unknown(ProblemKind::BadValue, message, text, known))
        }
    }
}

/// The text of a node.
pub(crate) fn text_of(node: &Node) -> Result<&str, Wrong> {
    match node {
        Node::Text(text) => Ok(text),
        other => Err(Wrong::shape(other, "a text")),
    }
}

/// The whole number of a node, within limits.
pub(crate) fn int_of<T: TryFrom<i64>>(node: &Node, (min, max): (i64, i64)) -> Result<T, Wrong> {
    let Node::Int(value) = node else {
        return Err(Wrong::shape(node, "a whole number"));
    };
    let refused = || Wrong::from(format!("is {value}, which is out of range"));
    if !(min..=max).contains(value) {
        return Err(refused());
    }
    T::try_from(*value).map_err(|_| refused())
}

/// The number of a node times `scale`, within limits (given unscaled).
pub(crate) fn scaled_of<T: TryFrom<i64>>(
    node: &Node,
    scale: f64,
    (min, max): (f64, f64),
) -> Result<T, Wrong> {
    let value = match node {
        Node::Int(value) => *value as f64,
        Node::Decimal(value) => *value,
        other => return Err(Wrong::shape(other, "a number")),
    };
    let refused = || Wrong::from(format!("is {value}, which is out of range"));
    if !(min..=max).contains(&value) {
        return Err(refused());
    }
    T::try_from(scalar::scaled(value, scale)).map_err(|_| refused())
}

/// A duration within limits in milliseconds.
fn duration_of(text: &str, (min, max): (u32, u32)) -> Result<u32, String> {
    let ms = scalar::duration_ms(text)?;
    if (min..=max).contains(&ms) {
        return Ok(ms);
    }
    Err(format!("is {}, which is out of range", scalar::told_ms(ms)))
}

/// Runs the reader of a section over a map; returns what it read and what it noted.
#[cfg(test)]
pub(crate) fn read_for_test<T>(
    section: &'static Section,
    text: &str,
    reader: impl FnOnce(Fields<'_>) -> T,
) -> (T, Vec<String>) {
    let document = super::document::read(text).unwrap();
    let problems = RefCell::default();
    let fields = Fields::open(&document, String::new(), section, &problems).unwrap();
    let value = reader(fields);
    let list = problems.take().into_list();
    (value, list.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::super::grammar::section;
    use super::*;

    fn notes(name: &str, text: &str, reader: impl FnOnce(Fields<'_>)) -> Vec<String> {
        let section = section(name).unwrap();
        read_for_test(section, text, reader).1
    }

    #[test]
    fn good_values_leave_no_note() {
        let noted = notes(
            "tracks[subtitles].style.highlight",
            "mode: box\nscale: 1.06\ncolor: '#FF0000'",
            |fields| {
                assert_eq!(fields.choice("mode", &[("box", 7)]), Some(7));
                assert_eq!(fields.scaled::<u16>("scale", 1000.0), Some(1060));
                assert_eq!(fields.text("color"), Some("#FF0000"));
                assert_eq!(fields.path_of("mode"), "mode");
                for other in ["text", "outline", "padding", "radius", "spoken"] {
                    assert!(fields.node(other).is_none());
                }
                fields.finish();
            },
        );
        assert_eq!(noted, Vec::<String>::new());
        let noted = notes("rules.shot", "min: 1.5s", |fields| {
            assert_eq!(fields.duration("min"), Some(1500));
            assert_eq!(fields.duration("max"), None);
        });
        assert_eq!(noted, Vec::<String>::new());
    }

    // spec: T-6
    #[test]
    fn wrong_values_are_all_noted_with_what_was_seen() {
        let noted = notes(
            "tracks[subtitles].style",
            "size: 10\npreset: krok\nmax_lines: x\ngap_merge: 5\nhighlight: 1\nemoji: bitmpa\nmin_on_screen: 99m",
            |fields| {
                fields.int::<u8>("size");
                fields.choice("preset", &[("pop", 1)]);
                fields.int::<u8>("max_lines");
                fields.duration("gap_merge");
                fields.map("highlight");
                fields.choice("emoji", &[("strip", 1)]);
                fields.duration("min_on_screen");
            },
        );
        assert_eq!(
            noted,
            [
                "size: is 10, which is out of range; write a whole number from 24 to 200 pixels",
                "preset: `krok` is not one of its values; known here: karaoke, pop, box, highlight, bounce, slide, typewriter, one_word, phrase, clean, none",
                "max_lines: is a text, expected a whole number; write a whole number from 1 to 4 lines",
                "gap_merge: is a number, expected a duration; write it with its unit: 300ms, 1.5s, 2m",
                "highlight: is a number, expected a map; write a map; its keys are mode, color, scale, text, outline, padding, radius, spoken",
                "emoji: `bitmpa` is not one of its values; did you mean `bitmap`?",
                "min_on_screen: `99m` is not between 0 and 30m; write a length of time from 0s to 30m",
            ]
        );
    }

    #[test]
    fn limits_of_durations_are_told_in_their_own_words() {
        let noted = notes("rules.shot", "min: 100ms\nmax: 90s", |fields| {
            fields.duration("min");
            fields.duration("max");
        });
        assert_eq!(
            noted,
            [
                "min: is 100ms, which is out of range; write a length of time from 200ms to 1m",
                "max: is 1m 30s, which is out of range; write a length of time from 200ms to 1m"
            ]
        );
    }

    // spec: T-2
    #[test]
    fn unknown_refused_and_missing_keys_are_noted() {
        let noted = notes(
            "profiles.*",
            "widht: 7\nwatermark: DRAFT\nheight: null\nwidth: 640",
            |fields| {
                fields.int::<u32>("width");
                fields.int::<u32>("height");
                fields.node("video");
                fields.finish();
            },
        );
        assert_eq!(
            noted,
            [
                "height: is missing; Height of the file's picture.",
                "watermark: is not available in this version yet; add a text item to an overlay track, or give a picture to `watermark` of Output.Render",
                "widht: is not a key here; did you mean `width`?",
            ]
        );
    }

    #[test]
    fn words_of_later_versions_say_what_works() {
        let noted = notes("video", "fps_policy: blend", |fields| {
            assert_eq!(fields.choice("fps_policy", &[("dup", 1)]), None);
        });
        let start = "fps_policy: `blend` is not available in this version yet; ";
        assert!(noted[0].starts_with(start));
        assert!(noted[0].contains("dup"), "{noted:?}");
    }

    #[test]
    fn members_are_named_by_id_and_read_by_their_tag() {
        let noted = notes(
            "",
            "tracks: [{id: a, kind: video, x: 1}, {y: 2}, 3, {id: d, kind: vidoe}]",
            |fields| {
                let found = fields.variants("tracks");
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].0, "video");
                assert_eq!(found[0].1.path_of("x"), "tracks[a].x");
            },
        );
        assert_eq!(
            noted,
            [
                "tracks[1].kind: is missing; write one of video, overlay, subtitles, audio",
                "tracks[2]: is a number, expected a map",
                "tracks[d].kind: `vidoe` is not one of its values; did you mean `video`?",
            ]
        );
    }
}
