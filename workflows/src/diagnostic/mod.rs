//! Diagnostics: what is wrong with a document a person wrote, where, and what to write instead.
//!
//! Every pass of the compiler pushes into one [`Diagnostics`]; the caller gets all of them at once. Errors that happen
//! while work runs are not diagnostics: see the error enums of the modules that run.

pub mod codes;
mod examples;
mod position;
mod printable;
mod render;

pub use codes::explain;
pub use examples::{Example, FIRST_LINE, example};
pub use position::{LocatedDiagnostic, LocatedLabel, Position, Range};
pub use printable::{picture, printable};

use std::fmt;

use crate::execution::SourceFile;

/// A half-open span of bytes in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte inside.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
}

impl Span {
    /// The span of bytes `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The text under the span; empty when the span does not lie on character boundaries of `text`.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// How bad it is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document cannot run.
    Error,
    /// It can run, but probably not as meant.
    Warning,
}

/// A second place that matters, with what it has to do with the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there.
    pub message: String,
}

/// An edit that would solve the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// What to replace.
    pub span: Span,
    /// With what.
    pub replacement: String,
}

/// One problem of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the kind of problem, for example `graph/unknown-node`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Lower-case fragment naming what was seen.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What is to be read at the span itself; may be empty.
    pub label: String,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub hints: Vec<String>,
    /// Edits that would solve it.
    pub patches: Vec<Patch>,
}

impl Diagnostic {
    /// An error at a span.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            labels: Vec::new(),
            hints: Vec::new(),
            patches: Vec::new(),
        }
    }

    /// A warning at a span.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// Adds a text at the primary span.
    pub fn at(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            message: message.into(),
        });
        self
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds an edit that would solve it.
    pub fn patch(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.patches.push(Patch {
            span,
            replacement: replacement.into(),
        });
        self
    }

    /// Adds "did you mean" for a name and, where `span` holds exactly that name, the edit.
    pub fn suggest(self, name: Option<&str>, span: Span) -> Self {
        match name {
            Some(name) => self
                .hint(format!("did you mean `{name}`?"))
                .patch(span, name),
            None => self,
        }
    }

    /// The diagnostic as a terminal shows it, with the lines of the source it is about.
    pub fn render(&self, source: &SourceFile, color: bool) -> String {
        render::render(self, source, color)
    }
}

/// Most problems of one severity that are kept: nobody reads more, and a hostile document has millions.
const MAX_KEPT: usize = 100;

/// All problems found, in the order of the source, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

/// A value with its warnings, or every problem of the document.
pub type Checked<T> = Result<(T, Vec<Diagnostic>), Diagnostics>;

impl Diagnostics {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; those over the limit are only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_KEPT {
            self.items.push(diagnostic);
        }
    }

    /// Counts an error without its text when no more are kept: making a text costs more than finding the error.
    pub(crate) fn only_counted(&mut self) -> bool {
        let full = self.errors >= MAX_KEPT;
        self.errors += usize::from(full);
        full
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, those that are not kept included.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Them in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// Sorts by place and drops repetitions.
    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| {
            (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message))
        });
        self.items
            .dedup_by(|b, a| a.span == b.span && a.code == b.code && a.message == b.message);
    }

    /// The value with the warnings when nothing is an error, else every problem.
    pub fn finish<T>(mut self, value: Option<T>) -> Checked<T> {
        self.sort();
        if let (true, Some(last)) = (self.errors > MAX_KEPT, self.items.last()) {
            let span = last.span;
            let more = self.errors - MAX_KEPT;
            self.items.push(
                Diagnostic::error(
                    codes::TOO_MANY,
                    span,
                    format!("{more} more problems are not shown"),
                )
                .hint("solve these first: one slip often explains many"),
            );
        }
        match value {
            Some(value) if !self.has_errors() => Ok((value, self.items)),
            _ => Err(self),
        }
    }

    /// All of them as a terminal shows them, a blank line between two.
    pub fn render(&self, source: &SourceFile, color: bool) -> String {
        let texts: Vec<String> = self
            .items
            .iter()
            .map(|item| item.render(source, color))
            .collect();
        texts.join("\n\n")
    }

    /// All of them with lines and columns, for machines and editors.
    pub fn located(&self, source: &SourceFile) -> Vec<LocatedDiagnostic> {
        let lines = position::Lines::of(&source.text);
        let located = self.items.iter().map(|item| lines.locate(item, source));
        located.collect()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", item.code, item.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: usize, code: &'static str) -> Diagnostic {
        Diagnostic::error(code, Span::new(start, start + 1), "m")
    }

    #[test]
    fn finish_sorts_by_place_and_drops_repetitions() {
        let mut all = Diagnostics::new();
        all.push(at(5, "b"));
        all.push(at(1, "a"));
        all.push(at(5, "b"));
        let found = all.finish(Some(())).unwrap_err();
        let codes: Vec<_> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["a", "b"]);
    }

    #[test]
    fn warnings_do_not_stop_a_document() {
        let mut all = Diagnostics::new();
        all.push(Diagnostic::warning("w", Span::default(), "careful"));
        let (value, warnings) = all.finish(Some(7)).unwrap();
        assert_eq!((value, warnings.len()), (7, 1));
    }

    // spec: W-11
    #[test]
    fn a_flood_is_counted_and_cut() {
        let mut all = Diagnostics::new();
        for i in 0..250 {
            all.push(at(i, "a"));
            all.push(Diagnostic::warning("w", Span::new(i, i + 1), "careful"));
        }
        let found = all.finish(Some(())).unwrap_err();
        assert_eq!(found.len(), 2 * MAX_KEPT + 1);
        let last = found.iter().last().unwrap();
        assert_eq!(
            (last.code, last.message.as_str()),
            (codes::TOO_MANY, "150 more problems are not shown")
        );
    }

    #[test]
    fn no_value_is_never_a_success() {
        assert!(Diagnostics::new().finish::<()>(None).is_err());
    }

    #[test]
    fn suggest_adds_hint_and_patch() {
        let d = at(0, "x").suggest(Some("voice"), Span::new(0, 4));
        assert_eq!(d.hints, ["did you mean `voice`?"]);
        assert_eq!(d.patches[0].replacement, "voice");
        assert!(at(0, "x").suggest(None, Span::default()).hints.is_empty());
    }

    #[test]
    fn span_outside_the_text_is_empty() {
        assert_eq!(Span::new(0, 2).of("ab"), "ab");
        assert_eq!(Span::new(1, 9).of("ab"), "");
        assert_eq!(Span::new(0, 1).of("é"), "");
    }
}
