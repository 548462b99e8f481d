//! Scalars that go on in further lines: their lines move with what they belong to, their texts stay.
//!
//! Neighbours: `layout` comes here with a line whose value is a scalar, and goes on behind it.

use super::assemble::Line;
use super::layout::{Head, INDENT, Layout, indentation, is_marker};
use super::pieces::{closing_quote, plain, rest_of_quote};
use super::{FormatError, unsupported};

impl<'a> Layout<'a> {
    pub(super) fn plain(&mut self, head: Head<'a>) -> Result<(), FormatError> {
        let (scalar, mut rest) = plain(head.rest);
        let mut text = head.text + scalar;
        while rest.trim().is_empty()
            && let Some(next) = self.continuation()
        {
            self.out.lines.push(Line::Verbatim(text));
            for _ in self.at + 1..next {
                self.out.lines.push(Line::Verbatim(String::new()));
            }
            self.at = next;
            let (scalar, after) = plain(self.source[next].trim_start());
            text = " ".repeat(self.inner()) + scalar;
            rest = after;
        }
        self.finish(text, rest)
    }

    /// The line that a plain scalar goes on in.
    fn continuation(&self) -> Option<usize> {
        let next = (self.at + 1..self.source.len()).find(|at| !self.is_blank(*at))?;
        let line = self.source[next];
        let inside = self
            .levels
            .last()
            .is_none_or(|level| indentation(line) > level.old);
        let goes_on = inside && !line.trim_start().starts_with('#') && !is_marker(line);
        goes_on.then_some(next)
    }

    pub(super) fn quoted(&mut self, head: Head<'a>) -> Result<(), FormatError> {
        let quote = if head.rest.starts_with('"') {
            '"'
        } else {
            '\''
        };
        let mut text = head.text;
        let mut rest = head.rest;
        let mut end = closing_quote(rest);
        loop {
            if let Some(end) = end {
                text.push_str(&rest[..end]);
                return self.finish(text, &rest[end..]);
            }
            text.push_str(without_folded_space(rest, quote));
            self.out.lines.push(Line::Verbatim(text));
            self.at += 1;
            let Some(line) = self.source.get(self.at) else {
                return Err(unsupported(self.at, "a quote that is not closed"));
            };
            rest = line.trim_start();
            text = if rest.is_empty() {
                String::new()
            } else {
                " ".repeat(self.inner())
            };
            end = rest_of_quote(rest, quote);
        }
    }

    pub(super) fn block_scalar(&mut self, head: Head<'a>) -> Result<(), FormatError> {
        let end = head.rest.find([' ', '\t']).unwrap_or(head.rest.len());
        let (header, rest) = head.rest.split_at(end);
        let digit = header.chars().find_map(|c| c.to_digit(10));
        self.finish(head.text + header, rest)?;
        let parent = self.levels.last().copied();
        let (old, new) = match (digit, parent) {
            (Some(digit), parent) => {
                let digit = digit as usize;
                let parent = parent.map_or((0, 0), |level| (level.old, level.new));
                (parent.0 + digit, parent.1 + digit)
            }
            (None, parent) => {
                let first = (self.at + 1..self.source.len())
                    .find(|at| !only_spaces(self.source[*at]))
                    .map_or(0, |at| indentation(self.source[at]));
                if parent.is_some_and(|level| first <= level.old) {
                    // Nothing is in it, but `+` counts the blank lines below it.
                    self.block_lines(usize::MAX, 0, header.contains('+'));
                    return Ok(());
                }
                (first, self.inner().max(INDENT))
            }
        };
        self.block_lines(old, new, header.contains('+'));
        Ok(())
    }

    /// The lines of a block scalar, moved from column `old` to `new`.
    fn block_lines(&mut self, old: usize, new: usize, keeps_blanks: bool) {
        let inside = |line: &str| line.len() > old && indentation(line) >= old;
        let mut end = self.at + 1;
        let mut scan = end;
        while let Some(line) = self.source.get(scan)
            && (inside(line) || only_spaces(line))
            && !(old == 0 && is_marker(line))
        {
            scan += 1;
            if inside(line) || keeps_blanks {
                end = scan;
            }
        }
        for line in &self.source[self.at + 1..end] {
            self.out.lines.push(Line::Verbatim(if inside(line) {
                " ".repeat(new) + &line[old..]
            } else {
                String::new()
            }));
        }
        self.at = end - 1;
    }
}

/// Inside a block scalar a tab is text.
fn only_spaces(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ')
}

/// White space before a line end inside a quoted scalar says nothing, unless it is escaped.
fn without_folded_space(text: &str, quote: char) -> &str {
    let trimmed = text.trim_end_matches([' ', '\t']);
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    if quote == '"' && backslashes % 2 == 1 {
        text
    } else {
        trimmed
    }
}
