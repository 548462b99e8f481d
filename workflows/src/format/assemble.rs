//! Lines laid out, as text: comments behind values are put into columns, blank lines are thinned out.
//!
//! Neighbours: `layout` makes the lines. It must not look into them.

use std::collections::BTreeMap;

/// Columns between a value and a comment behind it, at least.
const COMMENT_GAP: usize = 2;

/// A line of the new layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing; several of them are one.
    Blank,
    /// Part of a scalar: not to be touched, even when it is blank.
    Verbatim(String),
    /// Anything else, its indentation included, without white space at its end.
    Text {
        /// What it says.
        text: String,
        /// The comment behind it.
        comment: Option<Behind>,
    },
}

/// A comment behind something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// How many columns it was away.
    pub(super) gap: usize,
    /// In which column it stood.
    pub(super) column: usize,
    /// Its text.
    pub(super) text: String,
}

/// The lines as a text that ends with a line end; nothing when there are none.
pub(super) fn assemble(lines: &[Line]) -> String {
    let mut text = String::new();
    for paragraph in lines.split_inclusive(|line| *line == Line::Blank) {
        let columns = columns(paragraph);
        for line in paragraph {
            match line {
                Line::Blank => blank(&mut text),
                Line::Verbatim(line) => push(&mut text, line),
                Line::Text {
                    text: line,
                    comment: Some(comment),
                } => {
                    let gap = columns[&comment.column] - width(line);
                    push(
                        &mut text,
                        &format!("{line}{}{}", " ".repeat(gap), comment.text),
                    );
                }
                Line::Text { text: line, .. } => push(&mut text, line),
            }
        }
    }
    // A scalar may end with blank lines that count; behind those there is a line end already.
    if matches!(lines.last(), Some(Line::Blank)) && text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// For every column that comments stood in, the column they stand in now: comments of one column stay together, as near
/// to the longest of their lines as they were.
fn columns(paragraph: &[Line]) -> BTreeMap<usize, usize> {
    let mut columns = BTreeMap::new();
    for line in paragraph {
        if let Line::Text {
            text,
            comment: Some(comment),
        } = line
        {
            let wanted = width(text) + comment.gap.max(COMMENT_GAP);
            let column = columns.entry(comment.column).or_insert(wanted);
            *column = wanted.max(*column);
        }
    }
    columns
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn blank(text: &mut String) {
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

/// Columns a text takes, near enough for aligning: one for each character.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, comment: Option<(usize, usize)>) -> Line {
        Line::Text {
            text: text.into(),
            comment: comment.map(|(gap, column)| Behind {
                gap,
                column,
                text: "# c".into(),
            }),
        }
    }

    #[test]
    fn comments_of_one_column_stay_in_one_column() {
        let lines = [
            text("a: 1", Some((4, 8))),
            text("long: 2", Some((1, 8))),
            text("no: comment", None),
            text("b: 3", Some((4, 8))),
            text("c: 3", Some((1, 5))),
        ];
        assert_eq!(
            assemble(&lines),
            "a: 1     # c\nlong: 2  # c\nno: comment\nb: 3     # c\nc: 3  # c\n"
        );
    }

    #[test]
    fn blank_lines_are_thinned_out_except_inside_scalars() {
        let lines = [
            Line::Blank,
            text("a: |", None),
            Line::Verbatim("  x".into()),
            Line::Verbatim(String::new()),
            Line::Verbatim(String::new()),
            Line::Verbatim("  y".into()),
            Line::Blank,
            Line::Blank,
            text("b:", None),
            Line::Blank,
        ];
        assert_eq!(assemble(&lines), "a: |\n  x\n\n\n  y\n\nb:\n");
    }
}
