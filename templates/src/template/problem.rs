//! What is wrong with a template or with what was bound to it, all of it at once.
//!
//! A problem names the place by its path inside the document (`tracks[subs].style.size`); turning that into a line
//! and a column is the caller's business, because only the caller knows the file.

use std::fmt;

/// What sort of mistake a problem is; decides the code it is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The text cannot be read at all.
    Syntax,
    /// A key that the language does not have at this place.
    UnknownKey,
    /// A key or a word of the language that this version cannot do.
    Unavailable,
    /// A key that must be there and is not.
    MissingKey,
    /// A value of the wrong shape.
    WrongType,
    /// A value outside its limits, or not one of the choices.
    BadValue,
    /// A name of a placeholder, a colour, a face or an item that does not exist or does not fit.
    UnknownName,
    /// Two keys that contradict each other, or one that means nothing beside the other.
    Conflict,
    /// Something wrong with what is extended.
    Extends,
    /// What was bound does not fit the template.
    Binding,
    /// Something reaches out of the safe zone; the template still works.
    SafeZone,
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateProblem {
    /// Where, for example `tracks[subs].style.size`; empty for the whole document.
    pub path: String,
    /// What sort of mistake.
    pub kind: ProblemKind,
    /// What is wrong, naming the value seen and the limit.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
    /// The word that was probably meant, where there is one.
    pub suggestion: Option<String>,
}

impl TemplateProblem {
    /// A problem without a suggestion.
    pub fn new(
        kind: ProblemKind,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            message: message.into(),
            hint: hint.into(),
            suggestion: None,
        }
    }

    /// Whether the template works in spite of it.
    pub const fn is_warning(&self) -> bool {
        matches!(self.kind, ProblemKind::SafeZone)
    }
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Collects problems so that one pass reports all of them.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<TemplateProblem>,
}

impl Problems {
    /// Notes one problem.
    pub(crate) fn add(
        &mut self,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(TemplateProblem::new(
            ProblemKind::BadValue,
            path,
            message,
            hint,
        ));
    }

    /// Notes one problem of any sort.
    pub(crate) fn push(&mut self, problem: TemplateProblem) {
        self.list.push(problem);
    }

    /// The value if nothing was noted, else everything that was.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<TemplateProblem>> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self.list)
        }
    }

    /// Whether nothing was noted.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Everything that was noted.
    pub(crate) fn into_list(self) -> Vec<TemplateProblem> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line() {
        let mut problems = Problems::default();
        assert!(problems.is_empty());
        problems.add("canvas.width", "is 1081, which is odd", "use 1080");
        problems.add("", "is empty", "");
        let list = problems.or(()).unwrap_err();
        assert_eq!(
            list[0].to_string(),
            "canvas.width: is 1081, which is odd; use 1080"
        );
        assert_eq!(list[1].to_string(), "is empty");
        assert_eq!(Problems::default().or(7), Ok(7));
    }
}
