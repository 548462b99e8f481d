//! Walks the lines of a document and lays each out anew: how far it goes in follows from what it belongs to.
//!
//! Neighbours: `pieces` cuts lines up, `scalars` and `flow` lay out values of many lines, `assemble` joins the lines. It
//! relies on the document being readable: `format` has it read first.

use super::assemble::{Behind, Line, width};
use super::pieces::{Shape, comment, shape, spaces, split_key};
use super::{FormatError, flow, unsupported};

/// Columns a level goes in.
pub(super) const INDENT: usize = 2;

/// A document laid out.
pub(super) struct LaidOut {
    /// Its lines.
    pub(super) lines: Vec<Line>,
    /// Its comments in order.
    pub(super) comments: Vec<String>,
}

/// Lays out a document that can be read.
pub(super) fn lay_out(text: &str) -> Result<LaidOut, FormatError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut layout = Layout {
        source: text.lines().collect(),
        at: 0,
        levels: Vec::new(),
        waiting: Vec::new(),
        out: LaidOut {
            lines: Vec::new(),
            comments: Vec::new(),
        },
    };
    while layout.at < layout.source.len() {
        layout.line()?;
    }
    let levels = layout.levels.clone();
    layout.comments_before(&levels);
    Ok(layout.out)
}

/// A collection in block style that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) shape: Shape,
    /// The column its entries began in.
    pub(super) old: usize,
    /// The column they begin in now.
    pub(super) new: usize,
}

/// A line that waits for the next one with content: its place follows from that.
enum Waiting {
    Blank,
    Comment { column: usize, text: String },
}

/// The walk: what is read, where it is, and what it has made.
pub(super) struct Layout<'a> {
    pub(super) source: Vec<&'a str>,
    pub(super) at: usize,
    pub(super) levels: Vec<Level>,
    waiting: Vec<Waiting>,
    pub(super) out: LaidOut,
}

/// A line being laid out.
pub(super) struct Head<'a> {
    /// What it says so far, its indentation included.
    pub(super) text: String,
    /// Where the source goes on; a part of its current line.
    pub(super) rest: &'a str,
}

impl<'a> Layout<'a> {
    fn line(&mut self) -> Result<(), FormatError> {
        let line = self.source[self.at];
        let content = line.trim_start_matches(' ');
        let column = line.len() - content.len();
        let bare = line.trim();
        if bare.is_empty() {
            self.waiting.push(Waiting::Blank);
        } else if bare.starts_with('#') {
            self.waiting.push(Waiting::Comment {
                column,
                text: bare.to_owned(),
            });
        } else if is_marker(line) {
            self.marker(line)?;
        } else {
            self.entry(column, content)?;
        }
        self.at += 1;
        Ok(())
    }

    /// `---`, `...` and `%YAML` stand at the beginning of their line.
    fn marker(&mut self, line: &'a str) -> Result<(), FormatError> {
        let end = if line.starts_with('%') { line.len() } else { 3 };
        self.levels.clear();
        self.comments_before(&[]);
        self.finish(line[..end].trim_end().to_owned(), &line[end..])
    }

    fn entry(&mut self, column: usize, content: &'a str) -> Result<(), FormatError> {
        let before = self.levels.clone();
        let indent = self.enter(column, shape(content));
        let head = self.open(Head {
            text: " ".repeat(indent),
            rest: content,
        });
        self.comments_before(&before);
        self.value(head)
    }

    /// Closes what ends before this column, opens what begins there, and says how far the line goes in.
    fn enter(&mut self, column: usize, shape: Shape) -> usize {
        while self.levels.last().is_some_and(|level| level.old > column) {
            self.levels.pop();
        }
        if shape == Shape::Scalar {
            return self.inner();
        }
        // A list may begin in the column of its key; the next key there ends it.
        let ends_list = |level: &Level| level.shape == Shape::Sequence && level.old == column;
        if shape == Shape::Mapping && self.levels.last().is_some_and(ends_list) {
            self.levels.pop();
        }
        match self.levels.last() {
            Some(level) if level.old == column && level.shape == shape => level.new,
            _ => {
                let new = self.inner();
                self.levels.push(Level {
                    shape,
                    old: column,
                    new,
                });
                new
            }
        }
    }

    /// Takes dashes and the key off a line; what is left is its value. `- - a: 1` opens two collections more.
    fn open(&mut self, mut head: Head<'a>) -> Head<'a> {
        while shape(head.rest) == Shape::Sequence {
            let after = &head.rest[1..];
            let value = after.trim_start();
            head.text.push('-');
            if value.is_empty() || value.starts_with('#') {
                head.rest = after;
                return head;
            }
            head.text.push(' ');
            head.rest = value;
            if shape(value) != Shape::Scalar {
                self.levels.push(Level {
                    shape: shape(value),
                    old: self.source[self.at].len() - value.len(),
                    new: self.inner(),
                });
            }
        }
        if let Some((key, after)) = split_key(head.rest) {
            head.text.push_str(key);
            head.text.push(':');
            let value = after.trim_start();
            head.rest = after;
            if !(value.is_empty() || value.starts_with('#')) {
                head.text.push(' ');
                head.rest = value;
            }
        }
        head
    }

    fn value(&mut self, head: Head<'a>) -> Result<(), FormatError> {
        match head.rest.chars().next() {
            Some('|' | '>') => self.block_scalar(head),
            Some('{' | '[') => self.flow(head),
            Some('"' | '\'') => self.quoted(head),
            Some('?') if spaces(&head.rest[1..]) > 0 => {
                Err(unsupported(self.at, "a key after `?`"))
            }
            Some('!' | '&') if !head.rest.trim_end().contains([' ', '\t']) => {
                Err(unsupported(self.at, "a tag or an anchor before its value"))
            }
            Some(c) if c.is_whitespace() => self.finish(head.text, head.rest),
            None => self.finish(head.text, head.rest),
            Some(_) => self.plain(head),
        }
    }

    fn flow(&mut self, head: Head<'a>) -> Result<(), FormatError> {
        let start = self.source[self.at].len() - head.rest.len();
        let laid = flow::lay_out(&self.source[self.at..], start, self.at)?;
        let base = match self.levels.last() {
            // The closing bracket stands below the key, or behind the dash.
            Some(level) if level.shape == Shape::Mapping && !head.text.trim().is_empty() => {
                level.new
            }
            _ => self.inner(),
        };
        let last = laid.lines.len() - 1;
        let mut head = Some(head.text);
        for (index, line) in laid.lines.into_iter().enumerate() {
            let text = match head.take() {
                Some(head) => head + &line.text,
                None => " ".repeat(base + line.depth * INDENT) + &line.text,
            };
            if index == last {
                self.at += laid.further_lines;
                return self.finish(text, laid.rest);
            }
            let comment = line
                .comment
                .map(|(gap, column, text)| Behind { gap, column, text });
            if line.inside_scalar && line.text.is_empty() {
                self.out.lines.push(Line::Verbatim(String::new()));
            } else if let (true, Some(alone)) = (line.text.is_empty(), &comment) {
                // A comment with a line of its own stands with the entries, not behind them.
                self.out.comments.push(alone.text.clone());
                self.out.lines.push(Line::Text {
                    text: text + &alone.text,
                    comment: None,
                });
            } else {
                self.push(text, comment);
            }
        }
        Ok(())
    }

    /// How far the values of the innermost collection go in.
    pub(super) fn inner(&self) -> usize {
        self.levels.last().map_or(0, |level| level.new + INDENT)
    }

    pub(super) fn is_blank(&self, at: usize) -> bool {
        self.source[at].trim().is_empty()
    }

    /// Ends a line whose source ends in `rest`: nothing but a comment may be left.
    pub(super) fn finish(&mut self, text: String, rest: &str) -> Result<(), FormatError> {
        let comment =
            comment(rest).map_err(|()| unsupported(self.at, "what follows this value"))?;
        let line = self.source[self.at];
        let behind = comment.map(|(gap, text)| Behind {
            gap,
            column: width(line.trim_end()) - width(text),
            text: text.to_owned(),
        });
        self.push(text, behind);
        Ok(())
    }

    fn push(&mut self, text: String, comment: Option<Behind>) {
        let texts = comment.iter().map(|comment| comment.text.clone());
        self.out.comments.extend(texts);
        self.out.lines.push(Line::Text { text, comment });
    }

    /// Places the lines that wait: a comment stands with the entries it stood with, before the line or behind it.
    fn comments_before(&mut self, before: &[Level]) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Blank => self.out.lines.push(Line::Blank),
                Waiting::Comment { column, text } => {
                    let indent = self.comment_indent(column, before);
                    self.out.comments.push(text.clone());
                    self.out.lines.push(Line::Text {
                        text: " ".repeat(indent) + &text,
                        comment: None,
                    });
                }
            }
        }
    }

    fn comment_indent(&self, column: usize, before: &[Level]) -> usize {
        let levels = || self.levels.iter().chain(before);
        levels()
            .find(|level| level.old == column)
            .or_else(|| {
                levels()
                    .filter(|level| level.old < column)
                    .max_by_key(|level| level.old)
            })
            .map_or(0, |level| level.new)
    }
}

pub(super) fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

pub(super) fn is_marker(line: &str) -> bool {
    let marker = |name| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    line.starts_with('%') || marker("---") || marker("...")
}
