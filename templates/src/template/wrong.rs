//! Why a value cannot be read, before its place is known.
//!
//! Readers of single values return this; `fields` knows the path and makes a [`TemplateProblem`] of it.

use super::document::Node;
use super::{ProblemKind, TemplateProblem, suggest};

/// A problem without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    kind: ProblemKind,
    message: String,
    hint: String,
    suggestion: Option<String>,
}

impl Wrong {
    /// A problem of a certain sort.
    pub(crate) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: String::new(),
            suggestion: None,
        }
    }

    /// A value of another shape than the key takes.
    pub(crate) fn shape(found: &Node, expected: &str) -> Self {
        let wrong = Self::new(
            ProblemKind::WrongType,
            format!("is {}, expected {expected}", found.kind()),
        );
        let quotable = matches!(found, Node::Int(_) | Node::Decimal(_) | Node::Bool(_));
        if expected == "a text" && quotable {
            wrong.hint("quote it")
        } else {
            wrong
        }
    }

    /// A word that is not among the known ones.
    pub(crate) fn unknown<'a>(
        kind: ProblemKind,
        message: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Self {
            hint: suggest::hint(word, known.iter().copied()),
            suggestion: suggest::nearest_of(word, known).map(str::to_owned),
            ..Self::new(kind, message)
        }
    }

    /// The same with what to write instead.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// The problem at its place.
    pub(crate) fn at(self, path: String) -> TemplateProblem {
        TemplateProblem {
            path,
            kind: self.kind,
            message: self.message,
            hint: self.hint,
            suggestion: self.suggestion,
        }
    }

    /// Message and hint in one line, for tests.
    #[cfg(test)]
    pub(crate) fn told(self) -> String {
        self.at(String::new()).to_string()
    }
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self::new(ProblemKind::BadValue, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_should_be_texts_are_to_be_quoted() {
        let told = |node: Node, expected| Wrong::shape(&node, expected).told();
        assert_eq!(
            told(Node::Int(3), "a text"),
            "is a number, expected a text; quote it"
        );
        assert_eq!(
            told(Node::List(Vec::new()), "a text"),
            "is a list, expected a text"
        );
        assert_eq!(told(Node::Int(3), "a map"), "is a number, expected a map");
    }

    #[test]
    fn unknown_words_come_with_the_nearest() {
        let wrong = Wrong::unknown(
            ProblemKind::UnknownName,
            "there is no `imk`",
            "imk",
            ["ink", "red"],
        );
        let problem = wrong.at("theme".to_owned());
        assert_eq!(problem.suggestion.as_deref(), Some("ink"));
        assert_eq!(problem.hint, "did you mean `ink`?");
    }
}
