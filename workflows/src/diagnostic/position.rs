//! Diagnostics for machines: lines and columns (1-based, in characters) and editor ranges (0-based, UTF-16 as in LSP).
//!
//! Neighbours: `diagnostic::render` shows the same things to people.

use serde::{Deserialize, Serialize};

use super::{Diagnostic, Severity, Span};
use crate::execution::SourceFile;

/// A place in an editor: 0-based line and UTF-16 offset in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 0.
    pub line: usize,
    /// UTF-16 code units from the start of the line.
    pub character: usize,
}

/// A span in an editor, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First place inside.
    pub start: Position,
    /// First place after it.
    pub end: Position,
}

/// Another place, located.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        let text = &source.text;
        let (line, column) = line_column(text, self.span.start);
        let (end_line, end_column) = line_column(text, self.span.end);
        LocatedDiagnostic {
            code: self.code.to_owned(),
            severity: self.severity,
            message: self.message.clone(),
            file: source.name.clone(),
            line,
            column,
            end_line,
            end_column,
            range: range(text, self.span),
            labels: self
                .labels
                .iter()
                .map(|label| {
                    let (line, column) = line_column(text, label.span.start);
                    LocatedLabel {
                        line,
                        column,
                        range: range(text, label.span),
                        message: label.message.clone(),
                    }
                })
                .collect(),
            hints: self.hints.clone(),
        }
    }
}

/// The text before `offset` on its line, and the 0-based number of that line.
fn line_prefix(text: &str, offset: usize) -> (usize, &str) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    (lines, &before[line_start..])
}

/// Line and column of a byte, both from 1, the column in characters.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let (line, prefix) = line_prefix(text, offset);
    (line + 1, prefix.chars().count() + 1)
}

fn range(text: &str, span: Span) -> Range {
    let position = |offset| {
        let (line, prefix) = line_prefix(text, offset);
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

#[cfg(test)]
mod tests {
    use super::*;

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
