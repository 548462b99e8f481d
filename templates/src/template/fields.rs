//! Reading a map of the document key by key: every key is taken by somebody or reported.
//!
//! Wrong values are noted and read as absent, so that one pass finds everything.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use super::document::Node;
use super::{ProblemKind, Problems, TemplateProblem, scalar, suggest};

/// A map being read.
pub(crate) struct Fields<'a> {
    path: String,
    entries: &'a [(String, Node)],
    known: RefCell<Vec<&'static str>>,
    problems: &'a RefCell<Problems>,
}

impl<'a> Fields<'a> {
    /// Opens a map; anything else is noted.
    pub(crate) fn open(
        node: &'a Node,
        path: String,
        problems: &'a RefCell<Problems>,
    ) -> Option<Self> {
        let Node::Map(entries) = node else {
            let message = format!("is {}, expected a map", node.kind());
            problems.borrow_mut().add(path, message, "");
            return None;
        };
        Some(Self {
            path,
            entries,
            known: RefCell::default(),
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

    /// Notes a problem with a key.
    pub(crate) fn note(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let message = message.into();
        let kind = if message == "is missing" {
            ProblemKind::MissingKey
        } else {
            ProblemKind::BadValue
        };
        self.note_as(kind, key, message, hint);
    }

    /// Notes a problem of a certain sort with a key.
    fn note_as(
        &self,
        kind: ProblemKind,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(TemplateProblem::new(
            kind,
            self.path_of(key),
            message,
            hint,
        ));
    }

    /// Every key and value, for maps whose keys are names.
    pub(crate) fn entries(&self) -> &'a [(String, Node)] {
        self.entries
    }

    /// The value of a key; `null` reads as absent.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
            .filter(|value| **value != Node::Null)
    }

    /// A value that a reader turns into something or explains why not.
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        reader: impl FnOnce(&'a Node) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.node(key)?;
        reader(node)
            .map_err(|message| self.note(key, message, ""))
            .ok()
    }

    /// A text.
    pub(crate) fn text(&self, key: &'static str) -> Option<&'a str> {
        self.read(key, text_of)
    }

    /// A text read by a function.
    pub(crate) fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, |node| parse(text_of(node)?))
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        self.read(key, |node| match node {
            Node::Bool(value) => Ok(*value),
            other => Err(format!("is {}, expected true or false", other.kind())),
        })
    }

    /// A whole number within limits.
    pub(crate) fn int<T: TryFrom<i64>>(
        &self,
        key: &'static str,
        limits: RangeInclusive<i64>,
    ) -> Option<T> {
        self.read(key, |node| int_of(node, limits))
    }

    /// A number, times `scale`, within limits (given unscaled).
    pub(crate) fn scaled<T: TryFrom<i64>>(
        &self,
        key: &'static str,
        scale: f64,
        limits: RangeInclusive<f64>,
    ) -> Option<T> {
        self.read(key, |node| scaled_of(node, scale, limits))
    }

    /// A duration in milliseconds.
    pub(crate) fn duration(&self, key: &'static str) -> Option<u32> {
        self.parsed(key, scalar::duration_ms)
    }

    /// One of a list of words. `later` are words of the language that this version cannot do.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let hint = suggest::hint(text, words.iter().map(|(word, _)| *word));
        if later.contains(&text) {
            self.note(
                key,
                format!("`{text}` is not available in this version yet"),
                hint,
            );
        } else {
            let names = words.iter().map(|(word, _)| *word);
            let problem = TemplateProblem::new(
                ProblemKind::BadValue,
                self.path_of(key),
                format!("`{text}` is not one of its values"),
                hint,
            );
            self.problems.borrow_mut().push(TemplateProblem {
                suggestion: suggest::nearest_of(text, names).map(str::to_owned),
                ..problem
            });
        }
        None
    }

    /// A map inside this one.
    pub(crate) fn map(&self, key: &'static str) -> Option<Self> {
        Self::open(self.node(key)?, self.path_of(key), self.problems)
    }

    /// A list.
    pub(crate) fn list(&self, key: &'static str) -> Option<&'a [Node]> {
        self.read(key, |node| match node {
            Node::List(list) => Ok(list.as_slice()),
            other => Err(format!("is {}, expected a list", other.kind())),
        })
    }

    /// The members of a list of maps. Members with an `id` are named by it in paths.
    pub(crate) fn members(&self, key: &'static str) -> Vec<Self> {
        let list = self.list(key).unwrap_or_default();
        list.iter()
            .enumerate()
            .filter_map(|(at, node)| {
                let name = match node.get("id") {
                    Some(Node::Text(id)) => id.clone(),
                    _ => at.to_string(),
                };
                let path = format!("{}[{name}]", self.path_of(key));
                Self::open(node, path, self.problems)
            })
            .collect()
    }

    /// Keys of the language that this version cannot do: present means a problem, never silence.
    pub(crate) fn later(&self, keys: &[&'static str]) {
        for key in keys {
            if self.node(key).is_some() {
                self.note_as(
                    ProblemKind::Unavailable,
                    key,
                    "is not available in this version yet",
                    "remove it",
                );
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.entries {
            if !known.contains(&key.as_str()) {
                let names = known.iter().copied();
                let problem = TemplateProblem::new(
                    ProblemKind::UnknownKey,
                    self.path_of(key),
                    "is not a key here",
                    suggest::hint(key, names.clone()),
                );
                self.problems.borrow_mut().push(TemplateProblem {
                    suggestion: suggest::nearest_of(key, names).map(str::to_owned),
                    ..problem
                });
            }
        }
    }
}

/// The text of a node.
pub(crate) fn text_of(node: &Node) -> Result<&str, String> {
    match node {
        Node::Text(text) => Ok(text),
        other => Err(format!("is {}, expected a text", other.kind())),
    }
}

/// The whole number of a node, within limits.
pub(crate) fn int_of<T: TryFrom<i64>>(
    node: &Node,
    limits: RangeInclusive<i64>,
) -> Result<T, String> {
    let Node::Int(value) = node else {
        return Err(format!("is {}, expected a whole number", node.kind()));
    };
    let refused = || {
        format!(
            "is {value}; it must be {} to {}",
            limits.start(),
            limits.end()
        )
    };
    if !limits.contains(value) {
        return Err(refused());
    }
    T::try_from(*value).map_err(|_| refused())
}

/// The number of a node times `scale`, within limits (given unscaled).
pub(crate) fn scaled_of<T: TryFrom<i64>>(
    node: &Node,
    scale: f64,
    limits: RangeInclusive<f64>,
) -> Result<T, String> {
    let value = match node {
        Node::Int(value) => *value as f64,
        Node::Decimal(value) => *value,
        other => return Err(format!("is {}, expected a number", other.kind())),
    };
    let refused = || {
        format!(
            "is {value}; it must be {} to {}",
            limits.start(),
            limits.end()
        )
    };
    if !limits.contains(&value) {
        return Err(refused());
    }
    T::try_from(scalar::scaled(value, scale)).map_err(|_| refused())
}

/// Runs a section's reader over a document; returns what it read and what it noted.
#[cfg(test)]
pub(crate) fn read_for_test<T>(
    text: &str,
    reader: impl FnOnce(&Fields<'_>) -> T,
) -> (T, Vec<String>) {
    let document = super::document::read(text).unwrap();
    let problems = RefCell::default();
    let fields = Fields::open(&document, String::new(), &problems).unwrap();
    let value = reader(&fields);
    fields.finish();
    let list = problems.take().into_list();
    (value, list.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(text: &str, reader: impl FnOnce(&Fields<'_>)) -> Vec<String> {
        read_for_test(text, reader).1
    }

    #[test]
    fn good_values_leave_no_note() {
        let noted = notes(
            "a: 7\nb: 0.9\nc: 1.5s\nd: crop\ne: true\nf: {g: x}",
            |fields| {
                assert_eq!(fields.int::<u8>("a", 1..=9), Some(7));
                assert_eq!(fields.scaled::<u16>("b", 1000.0, 0.0..=1.0), Some(900));
                assert_eq!(fields.duration("c"), Some(1500));
                assert_eq!(
                    fields.choice("d", &[("crop", 1), ("blur", 2)], &[]),
                    Some(1)
                );
                assert_eq!(fields.flag("e"), Some(true));
                let inner = fields.map("f").unwrap();
                assert_eq!(inner.text("g"), Some("x"));
                assert_eq!(inner.path_of("g"), "f.g");
                inner.finish();
                assert_eq!(fields.text("absent"), None);
            },
        );
        assert_eq!(noted, Vec::<String>::new());
    }

    #[test]
    fn wrong_values_are_all_noted_with_what_was_seen() {
        let noted = notes("a: 10\nb: x\nc: 5\nd: crob\ne: smart\nf: 1", |fields| {
            fields.int::<u8>("a", 1..=9);
            fields.scaled::<u16>("b", 1000.0, 0.0..=1.0);
            fields.duration("c");
            fields.choice("d", &[("crop", 1), ("blur", 2)], &[]);
            fields.choice("e", &[("crop", 1)], &["smart"]);
            fields.map("f");
        });
        assert_eq!(
            noted,
            [
                "a: is 10; it must be 1 to 9",
                "b: is a text, expected a number",
                "c: is a number, expected a text",
                "d: `crob` is not one of its values; did you mean `crop`?",
                "e: `smart` is not available in this version yet; known here: crop",
                "f: is a number, expected a map",
            ]
        );
    }

    #[test]
    fn unknown_and_later_keys_are_noted() {
        let noted = notes("szie: 7\ngrade: warm\nnothing: null", |fields| {
            fields.node("size");
            fields.later(&["grade"]);
        });
        assert_eq!(
            noted,
            [
                "grade: is not available in this version yet; remove it",
                "szie: is not a key here; did you mean `size`?",
                "nothing: is not a key here; known here: size, grade",
            ]
        );
    }

    #[test]
    fn members_are_named_by_id() {
        let noted = notes("list: [{id: a, x: 1}, {y: 2}, 3]", |fields| {
            for member in fields.members("list") {
                member.node("id");
                member.finish();
            }
        });
        assert_eq!(noted.len(), 3);
        assert!(noted[0].starts_with("list[2]: is a number"));
        assert!(noted[1].starts_with("list[a].x: is not a key"));
        assert!(noted[2].starts_with("list[1].y: is not a key"));
    }
}
