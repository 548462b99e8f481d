//! Lines laid out, as text: comments behind values are put into columns, blank lines are thinned out.
//!
//! Neighbours: `layout` makes the lines. It must not look into them.

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
    let mut at = 0;
    while at < lines.len() {
        let run = comment_run(&lines[at..]);
        let column = common_column(&lines[at..at + run]);
        for line in &lines[at..at + run.max(1)] {
            match line {
                Line::Blank => blank(&mut text),
                Line::Verbatim(line) => push(&mut text, line),
                Line::Text {
                    text: line,
                    comment,
                } => {
                    let line = with_comment(line, comment.as_ref(), column);
                    push(&mut text, &line);
                }
            }
        }
        at += run.max(1);
    }
    // A scalar may end with blank lines that count; behind those there is a line end already.
    if matches!(lines.last(), Some(Line::Blank)) && text.ends_with("\n\n") {
        text.pop();
    }
    text
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

/// How many lines from here have comments that stood in one column.
fn comment_run(lines: &[Line]) -> usize {
    let column = |line: &Line| match line {
        Line::Text {
            comment: Some(comment),
            ..
        } => Some(comment.column),
        _ => None,
    };
    let Some(first) = lines.first().and_then(column) else {
        return 0;
    };
    lines
        .iter()
        .take_while(|line| column(line) == Some(first))
        .count()
}

/// The column of a run's comments: as near to the longest line as they were.
fn common_column(run: &[Line]) -> usize {
    let mut longest = 0;
    let mut gap = usize::MAX;
    for line in run {
        if let Line::Text {
            text,
            comment: Some(comment),
        } = line
        {
            longest = longest.max(width(text));
            gap = gap.min(comment.gap);
        }
    }
    if longest == 0 {
        0
    } else {
        longest + gap.max(COMMENT_GAP)
    }
}

fn with_comment(text: &str, comment: Option<&Behind>, column: usize) -> String {
    match comment {
        Some(comment) => {
            let gap = column.saturating_sub(width(text)).max(COMMENT_GAP);
            format!("{text}{}{}", " ".repeat(gap), comment.text)
        }
        None => text.to_owned(),
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
            text("b: 3", Some((1, 5))),
        ];
        assert_eq!(assemble(&lines), "a: 1     # c\nlong: 2  # c\nb: 3  # c\n");
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
