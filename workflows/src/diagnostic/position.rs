//! Diagnostics for machines: lines and columns (1-based, in characters) and editor ranges (0-based, UTF-16 as in LSP).
//!
//! Neighbours: `diagnostic::render` shows the same things to people.

use serde::{Deserialize, Serialize};

use super::{Diagnostic, Severity, Span};
use crate::execution::SourceFile;

/// A place in an editor: 0-based line and UTF-16 offset in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Position {
    /// Line, from 0.
    pub line: usize,
    /// UTF-16 code units from the start of the line.
    pub character: usize,
}

/// A span in an editor, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Range {
    /// First place inside.
    pub start: Position,
    /// First place after it.
    pub end: Position,
}

/// Another place, located.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LocatedLabel {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The span for editors.
    pub range: Range,
    /// What is there.
    pub message: String,
}

/// A diagnostic that can leave the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LocatedDiagnostic {
    /// Stable name of the kind of problem.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub message: String,
    /// The document's name as shown to people.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Line of the span's end, from 1.
    pub end_line: usize,
    /// Column of the span's end (first one after it), from 1.
    pub end_column: usize,
    /// The span for editors.
    pub range: Range,
    /// Other places that matter.
    pub labels: Vec<LocatedLabel>,
    /// What to write instead.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// The diagnostic with lines and columns.
    pub fn located(&self, source: &SourceFile) -> LocatedDiagnostic {
        Lines::of(&source.text).locate(self, source)
    }
}

/// Where each line of a text begins.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<u32>,
}

impl<'a> Lines<'a> {
    /// Looks through the text once.
    pub(super) fn of(text: &'a str) -> Self {
        // Longer documents are refused, and what they are told stands at their beginning.
        let read = text.len().min(u32::MAX as usize);
        let ends = text.as_bytes()[..read].iter().enumerate();
        let starts = ends
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at as u32 + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// The diagnostic with lines and columns.
    pub(super) fn locate(&self, found: &Diagnostic, source: &SourceFile) -> LocatedDiagnostic {
        let (line, column) = self.line_column(found.span.start);
        let (end_line, end_column) = self.line_column(found.span.end);
        let labels = found.labels.iter().map(|label| {
            let (line, column) = self.line_column(label.span.start);
            LocatedLabel {
                line,
                column,
                range: self.range(label.span),
                message: label.message.clone(),
            }
        });
        LocatedDiagnostic {
            code: found.code.to_owned(),
            severity: found.severity,
            message: found.message.clone(),
            file: source.name.clone(),
            line,
            column,
            end_line,
            end_column,
            range: self.range(found.span),
            labels: labels.collect(),
            hints: found.hints.clone(),
        }
    }

    /// The text before `offset` on its line, and the 0-based number of that line.
    fn prefix(&self, offset: usize) -> (usize, &'a str) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self
            .starts
            .partition_point(|start| *start as usize <= offset)
            - 1;
        (line, &self.text[self.starts[line] as usize..offset])
    }

    /// Line and column of a byte, both from 1, the column in characters.
    fn line_column(&self, offset: usize) -> (usize, usize) {
        let (line, prefix) = self.prefix(offset);
        (line + 1, prefix.chars().count() + 1)
    }

    fn range(&self, span: Span) -> Range {
        let position = |offset| {
            let (line, prefix) = self.prefix(offset);
            Position {
                line,
                character: prefix.encode_utf16().count(),
            }
        };
        Range {
            start: position(span.start),
            end: position(span.end),
        }
    }
}

/// Line and column of a byte, both from 1, the column in characters.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    (lines + 1, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: W-10
    #[test]
    fn columns_count_characters_and_ranges_count_utf16() {
        let source = SourceFile {
            name: "a.yaml".into(),
            text: "x: 1\né😀y: 2\n".into(),
        };
        let start = source.text.find('y').unwrap();
        let located = Diagnostic::error("c", Span::new(start, start + 1), "m")
            .label(Span::new(0, 1), "here")
            .located(&source);
        assert_eq!((located.line, located.column), (2, 3));
        assert_eq!((located.end_line, located.end_column), (2, 4));
        assert_eq!(
            located.range.start,
            Position {
                line: 1,
                character: 3
            }
        );
        assert_eq!(located.labels[0].line, 1);
        let json = serde_json::to_string(&located).unwrap();
        assert_eq!(
            serde_json::from_str::<LocatedDiagnostic>(&json).unwrap(),
            located
        );
    }

    #[test]
    fn places_past_the_end_are_the_end() {
        assert_eq!(line_column("ab\n", 99), (2, 1));
        assert_eq!(line_column("é", 1), (1, 1));
    }
}
