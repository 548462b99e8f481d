//! `{…}` and `[…]`: cut into pieces and put together with the spaces they should have. Line breaks stay where they are.
//!
//! Neighbours: `layout` calls it where a value begins with a bracket, and says how far the lines go in.

use super::pieces::{blank_or_end, closing_quote, rest_of_quote, spaces};
use super::{FormatError, unsupported};

/// A part of a collection in flow style.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Open(char),
    Close(char),
    Comma,
    Colon,
    /// As written; a quoted one may have several lines.
    Scalar(Vec<String>),
    Comment {
        gap: usize,
        column: usize,
        text: String,
    },
    Break,
}

/// A line of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowLine {
    /// Brackets around it: how far it goes in.
    pub(super) depth: usize,
    /// What it says.
    pub(super) text: String,
    /// Its comment: gap, column, text.
    pub(super) comment: Option<(usize, usize, String)>,
    /// Whether it belongs to a quoted scalar that began before it.
    pub(super) inside_scalar: bool,
}

/// A collection laid out.
pub(super) struct Flow<'a> {
    /// Its lines; the first goes behind what stands before it.
    pub(super) lines: Vec<FlowLine>,
    /// How many lines of the source it goes over, less one.
    pub(super) further_lines: usize,
    /// What follows it in its last line.
    pub(super) rest: &'a str,
}

/// Lays out the collection that `source[0]` begins with at byte `start`. `line` is its number, for errors.
pub(super) fn lay_out<'a>(
    source: &[&'a str],
    start: usize,
    line: usize,
) -> Result<Flow<'a>, FormatError> {
    let mut scanner = Scanner {
        source,
        line: 0,
        at: start,
        depth: 0,
        pieces: Vec::new(),
    };
    scanner.run(line)?;
    let (further_lines, at) = (scanner.line, scanner.at);
    Ok(Flow {
        lines: print(scanner.pieces),
        further_lines,
        rest: &source[further_lines][at..],
    })
}

struct Scanner<'s, 'a> {
    source: &'s [&'a str],
    line: usize,
    at: usize,
    depth: usize,
    pieces: Vec<Piece>,
}

impl<'a> Scanner<'_, 'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.line][self.at..]
    }

    fn run(&mut self, first_line: usize) -> Result<(), FormatError> {
        loop {
            let gap = spaces(self.rest());
            self.at += gap;
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                self.next_line(first_line)?;
                continue;
            };
            match c {
                '{' | '[' => self.bracket(Piece::Open(c)),
                '}' | ']' => {
                    self.bracket(Piece::Close(c));
                    if self.depth == 0 {
                        return Ok(());
                    }
                }
                ',' => self.one(Piece::Comma),
                ':' if self.is_colon() => self.one(Piece::Colon),
                '#' if gap > 0 || self.at == 0 => self.comment(gap),
                '"' | '\'' => self.quoted(c, first_line)?,
                '?' if blank_or_end(&rest[1..]) => {
                    return Err(unsupported(first_line + self.line, "a key after `?`"));
                }
                '!' => return Err(unsupported(first_line + self.line, "a tag")),
                _ => self.plain(first_line)?,
            }
        }
    }

    fn next_line(&mut self, first_line: usize) -> Result<(), FormatError> {
        if self.line + 1 >= self.source.len() {
            return Err(unsupported(first_line, "a bracket that is not closed"));
        }
        self.line += 1;
        self.at = 0;
        self.pieces.push(Piece::Break);
        Ok(())
    }

    fn one(&mut self, piece: Piece) {
        self.pieces.push(piece);
        self.at += 1;
    }

    fn bracket(&mut self, piece: Piece) {
        match piece {
            Piece::Open(_) => self.depth += 1,
            _ => self.depth = self.depth.saturating_sub(1),
        }
        self.one(piece);
    }

    /// After a quoted key or a bracket the colon needs no space behind it.
    fn is_colon(&self) -> bool {
        let after = &self.rest()[1..];
        let close_behind = match self.pieces.last() {
            Some(Piece::Scalar(lines)) => {
                lines.last().is_some_and(|line| line.ends_with(['"', '\'']))
            }
            Some(Piece::Close(_)) => true,
            _ => false,
        };
        close_behind || ends_key(after)
    }

    fn comment(&mut self, gap: usize) {
        self.pieces.push(Piece::Comment {
            gap,
            column: self.at,
            text: self.rest().trim_end().to_owned(),
        });
        self.at = self.source[self.line].len();
    }

    fn quoted(&mut self, quote: char, first_line: usize) -> Result<(), FormatError> {
        let mut lines = Vec::new();
        let mut end = closing_quote(self.rest());
        loop {
            let rest = self.rest();
            if let Some(end) = end {
                lines.push(rest[..end].trim_start().to_owned());
                self.at += end;
                self.pieces.push(Piece::Scalar(lines));
                return Ok(());
            }
            lines.push(rest.trim_start().to_owned());
            if self.line + 1 >= self.source.len() {
                return Err(unsupported(first_line, "a quote that is not closed"));
            }
            self.line += 1;
            self.at = 0;
            end = rest_of_quote(self.rest(), quote);
        }
    }

    fn plain(&mut self, first_line: usize) -> Result<(), FormatError> {
        let rest = self.rest();
        let mut before = 'x';
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            let stops = match c {
                ',' | '[' | ']' | '{' | '}' => true,
                ':' => ends_key(&rest[at + 1..]),
                '#' => matches!(before, ' ' | '\t'),
                _ => false,
            };
            if stops {
                end = at;
                break;
            }
            before = c;
        }
        let scalar = rest[..end].trim_end();
        if scalar.is_empty() {
            return Err(unsupported(
                first_line + self.line,
                "white space that is neither a space nor a tab",
            ));
        }
        self.pieces.push(Piece::Scalar(vec![scalar.to_owned()]));
        self.at += scalar.len();
        Ok(())
    }
}

/// Whether a colon before this text ends a key.
fn ends_key(after: &str) -> bool {
    blank_or_end(after) || after.starts_with([',', '[', ']', '{', '}'])
}

fn print(pieces: Vec<Piece>) -> Vec<FlowLine> {
    let mut printer = Printer {
        lines: Vec::new(),
        depth: 0,
        before: None,
        line: FlowLine::new(0),
    };
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let last_comma = piece == Piece::Comma && matches!(pieces.peek(), Some(Piece::Close(_)));
        if !last_comma {
            printer.piece(piece);
        }
    }
    printer.lines.push(printer.line);
    printer.lines
}

impl FlowLine {
    fn new(depth: usize) -> Self {
        Self {
            depth,
            text: String::new(),
            comment: None,
            inside_scalar: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.comment.is_none() && !self.inside_scalar
    }
}

struct Printer {
    lines: Vec<FlowLine>,
    depth: usize,
    before: Option<Piece>,
    line: FlowLine,
}

impl Printer {
    fn piece(&mut self, piece: Piece) {
        if needs_space(self.before.as_ref(), &piece) && !self.line.text.is_empty() {
            self.line.text.push(' ');
        }
        match &piece {
            Piece::Open(c) => {
                self.line.text.push(*c);
                self.depth += 1;
            }
            Piece::Close(c) => {
                self.depth = self.depth.saturating_sub(1);
                if self.line.text.is_empty() {
                    self.line.depth = self.depth;
                }
                self.line.text.push(*c);
            }
            Piece::Comma => self.line.text.push(','),
            Piece::Colon => self.line.text.push(':'),
            Piece::Scalar(lines) => self.scalar(lines),
            Piece::Comment { gap, column, text } => {
                self.line.comment = Some((*gap, *column, text.clone()));
            }
            Piece::Break => self.end_line(false),
        }
        self.before = Some(piece);
    }

    fn scalar(&mut self, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                self.end_line(true);
            }
            self.line.text.push_str(line);
        }
    }

    fn end_line(&mut self, inside_scalar: bool) {
        let mut next = FlowLine::new(self.depth);
        next.inside_scalar = inside_scalar;
        let line = std::mem::replace(&mut self.line, next);
        // Blank lines between the parts of a collection say nothing.
        if !line.is_empty() {
            self.lines.push(line);
        }
    }
}

fn needs_space(before: Option<&Piece>, piece: &Piece) -> bool {
    match (before, piece) {
        (None | Some(Piece::Break), _) | (_, Piece::Break | Piece::Comment { .. }) => false,
        (Some(Piece::Colon), _) => true,
        (_, Piece::Comma | Piece::Colon) => false,
        (Some(Piece::Open('{')), Piece::Close(_)) => false,
        (Some(Piece::Open('{')), _) | (_, Piece::Close('}')) => true,
        (Some(Piece::Open(_)), _) | (_, Piece::Close(_)) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(text: &str) -> Vec<String> {
        let source: Vec<&str> = text.lines().collect();
        let flow = lay_out(&source, 0, 0).unwrap();
        flow.lines
            .iter()
            .map(|line| format!("{}{}", "  ".repeat(line.depth), line.text))
            .collect()
    }

    #[test]
    fn spaces_go_where_they_belong() {
        for (text, wanted) in [
            ("{a:  1,b: [ 1,2 , ] }", "{ a: 1, b: [1, 2] }"),
            ("{}", "{}"),
            ("[ ]", "[]"),
            ("{ \"a\":1, b: }", "{ \"a\": 1, b: }"),
            ("[{a: b},{c: d}]", "[{ a: b }, { c: d }]"),
            (
                "{ u: http://x/y#z , t: 3:20 }",
                "{ u: http://x/y#z, t: 3:20 }",
            ),
            ("{ a: , b: 'it''s, {so}' }", "{ a: , b: 'it''s, {so}' }"),
            ("[two  words]", "[two  words]"),
        ] {
            assert_eq!(laid(text), [wanted], "{text}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(
            laid("{\n     a: [1,\n 2],   # why\n\n b: \"x\n   y\" }"),
            ["{", "  a: [1,", "    2],", "  b: \"x", "  y\" }"]
        );
    }
}
