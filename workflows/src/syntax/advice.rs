//! Syntax errors in plain words: what the YAML reader stumbled over and what to write instead.
//!
//! Neighbours: `load` calls this with the reader's error. The reader names the rule of YAML that was broken; people
//! need to know which slip of theirs it was, and that shows in the line itself.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location};

use super::load::{FLOOD, span_of};
use super::{MAX_DEPTH, MAX_NODES};
use crate::diagnostic::{Diagnostic, Span, codes};

/// The diagnostic for an error of the YAML reader.
pub(super) fn syntax_error(text: &str, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let span = error
        .location()
        .map_or(Span::new(0, 0), |location| precise_span(text, location));
    if let Error::Budget { breach, .. } = error {
        return limit_error(text, span, breach);
    }
    let message = plain_message(error);
    if message.contains("recursion limit") {
        return too_deep(span);
    }
    if message.contains(FLOOD) {
        return Diagnostic::error(codes::TOO_LARGE, span, message)
            .hint("look for a key or an item that is written again and again; long data belongs in a file of rows");
    }
    let slip = Slip::of(text, span, &message);
    let mut diagnostic =
        Diagnostic::error(slip.code(error), span, slip.message(error, message)).hint(slip.hint());
    if let Error::UnsupportedTag { tag, .. } = error
        && let (start, line) = line_at(text, span.start)
        && let Some(at) = line.find(tag.as_str())
    {
        diagnostic.span = Span::new(start + at, start + at + tag.len());
    }
    if let Slip::Tab = slip {
        // The reader points behind the tab, or at the end of the line above; the tab itself is what has to go.
        let (start, line) = line_at(text, span.start);
        let at = line.find('\t').map(|at| start + at);
        let below = || {
            text[span.start..]
                .find("\n\t")
                .map(|at| span.start + at + 1)
        };
        if let Some(at) = at.or_else(below) {
            diagnostic.span = Span::new(at, at + 1);
        }
    }
    if let Slip::UnquotedExpression(expression) = slip {
        diagnostic = diagnostic.patch(expression, format!("\"{}\"", expression.of(text)));
        diagnostic.span = expression;
    }
    diagnostic
}

/// The reader gives bytes for most errors and only line and column for some.
fn precise_span(text: &str, location: Location) -> Span {
    if location.span().byte_offset().is_some() && location.span().byte_len() != Some(0) {
        let span = span_of(text, location);
        if span.start < span.end {
            return span;
        }
    }
    let line = (location.line().max(1) - 1) as usize;
    let column = (location.column().max(1) - 1) as usize;
    let line_start = line_starts(text).nth(line).unwrap_or(text.len());
    let rest = &text[line_start..];
    let rest = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let start = line_start
        + rest
            .char_indices()
            .nth(column)
            .map_or(rest.len(), |(at, _)| at);
    let width = text[start..]
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    Span::new(start, start + width)
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

/// The line a byte stands on.
fn line_at(text: &str, offset: usize) -> (usize, &str) {
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let rest = &text[start..];
    (start, &rest[..rest.find('\n').unwrap_or(rest.len())])
}

fn limit_error(text: &str, span: Span, breach: &BudgetBreach) -> Diagnostic {
    match breach {
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => {
            let span = anchor_before(text, span);
            Diagnostic::error(
                codes::ALIAS,
                span,
                "anchors (`&name`) and aliases (`*name`) are not part of the language",
            )
            .hint("put the value under `vars` and write ${{ vars.name }} where it is needed")
        }
        BudgetBreach::Documents { .. } => Diagnostic::error(
            codes::SECOND_DOCUMENT,
            span,
            "a second document starts here; a file holds one workflow",
        )
        .hint("move it into a file of its own, or remove the `---`"),
        BudgetBreach::Depth { .. } => too_deep(span),
        BudgetBreach::MergeKeys { .. } => merge_key(span),
        _ => Diagnostic::error(
            codes::TOO_LARGE,
            span,
            format!("the document is too large: at most {MAX_NODES} values are read"),
        )
        .hint("split it into several workflows, or read long texts with Input.Text"),
    }
}

/// The reader points at the value behind an anchor, which may begin on a later line; the anchor itself has to go.
fn anchor_before(text: &str, span: Span) -> Span {
    let before = text[..span.start].trim_end();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let Some(mark) = before[line..].rfind(['&', '*']) else {
        return span;
    };
    let start = line + mark;
    let word = before[start..].split_whitespace().next().unwrap_or("");
    Span::new(start, start + word.len())
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(
        codes::TOO_LARGE,
        span,
        format!("the document is nested more than {MAX_DEPTH} levels deep"),
    )
    .hint("use fewer levels; a workflow needs about five")
}

fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::error(
        codes::ALIAS,
        span,
        "merge keys (`<<`) are not part of the language",
    )
    .hint("write the keys out, or put shared values under `vars`")
}

/// The reader's message without its place and without names of the reader's own settings.
fn plain_message(error: &Error) -> String {
    let rendered = error.render();
    let message = rendered.split(" at line ").next().unwrap_or(&rendered);
    message
        .trim_start_matches("while parsing a block mapping, ")
        .trim_start_matches("while parsing a flow mapping, ")
        .trim_start_matches("while parsing a block collection, ")
        .trim_start_matches("while parsing a quoted scalar, ")
        .to_owned()
}

/// What the writer probably did.
enum Slip {
    Fence,
    MergeConflict,
    CurlyQuote,
    NoBreakSpace,
    Tab,
    UnclosedQuote,
    UnclosedBracket,
    UnquotedExpression(Span),
    ColonInText,
    MissingSpaceAfterColon,
    GluedKey,
    ReservedCharacter,
    Indentation,
    ListBesideKey,
    UnknownEscape,
    Tag,
    Alias,
    MergeKey,
    KeyNotText,
    InfiniteNumber,
    Other,
}

impl Slip {
    fn of(text: &str, span: Span, message: &str) -> Self {
        let (start, line) = line_at(text, span.start);
        let before = &line[..span.start - start];
        let says = |part: &str| message.contains(part);
        if let Some(expression) = unquoted_expression(start, line, span) {
            return Self::UnquotedExpression(expression);
        }
        let previous = text[..start].trim_end().lines().next_back().unwrap_or("");
        let either = |part: &str| {
            line.trim_start().starts_with(part) || previous.trim_start().starts_with(part)
        };
        match () {
            () if either("```") => Self::Fence,
            () if ["<<<<<<<", "=======", ">>>>>>>"].into_iter().any(either) => Self::MergeConflict,
            () if line.trim_start_matches(' ').starts_with('\u{a0}')
                || line.contains(":\u{a0}") =>
            {
                Self::NoBreakSpace
            }
            () if line.contains(['\u{201c}', '\u{201d}', '\u{2018}']) => Self::CurlyQuote,
            () if says("tab") => Self::Tab,
            () if says("unclosed quote") || says("trailing content") => Self::UnclosedQuote,
            () if says("simple key expected") && looks_like_glued_key(line) => Self::GluedKey,
            () if says("escape") => Self::UnknownEscape,
            () if says("unclosed bracket") || says("illegal placement") || says("',' or ") => {
                Self::UnclosedBracket
            }
            () if says("unsupported tag") => Self::Tag,
            () if says("alias") => Self::Alias,
            () if says("merge keys") => Self::MergeKey,
            () if says("expected string") || says("null into string") => Self::KeyNotText,
            () if says("non-finite") => Self::InfiniteNumber,
            () if says("unexpected character") => Self::ReservedCharacter,
            () if says("block sequence entries") => Self::ListBesideKey,
            () if says("mapping values") && before.contains(": ") => Self::ColonInText,
            () if says("mapping values") && looks_like_glued_key(previous) => {
                Self::MissingSpaceAfterColon
            }
            () if says("expected key") || says("'-' indicator") || says("mapping values") => {
                Self::Indentation
            }
            () => Self::Other,
        }
    }

    fn code(&self, error: &Error) -> &'static str {
        match (self, error) {
            (Self::Tag, _) => codes::TAG,
            (Self::Alias | Self::MergeKey, _) => codes::ALIAS,
            _ => codes::SYNTAX,
        }
    }

    fn message(&self, error: &Error, plain: String) -> String {
        match (self, error) {
            (Self::Tag, Error::UnsupportedTag { tag, .. }) => {
                format!("the tag `{tag}` is not part of the language")
            }
            (Self::Alias, _) => {
                "anchors (`&name`) and aliases (`*name`) are not part of the language".to_owned()
            }
            (Self::MergeKey, _) => "merge keys (`<<`) are not part of the language".to_owned(),
            (Self::KeyNotText, _) => "a key must be text".to_owned(),
            (Self::InfiniteNumber, _) => "numbers must be finite".to_owned(),
            (Self::UnquotedExpression(_), _) => {
                "an expression between braces or brackets must be quoted".to_owned()
            }
            (Self::Tab, _) => "a tab is used for indentation".to_owned(),
            _ => plain,
        }
    }

    const fn hint(&self) -> &'static str {
        match self {
            Self::Fence => {
                "remove the lines with ```: they belong to the page the document was copied from"
            }
            Self::MergeConflict => {
                "resolve the merge: keep one side, and remove the lines with <<<<<<<, ======= and >>>>>>>"
            }
            Self::CurlyQuote => "write straight quotes, \" or ': YAML takes curly ones for letters",
            Self::NoBreakSpace => {
                "replace the no-break space by an ordinary one: YAML takes it for a letter"
            }
            Self::Tab => "indent with spaces, two per level",
            Self::UnclosedQuote => {
                "close the quote; inside '…' write '' for one ', inside \"…\" write \\\""
            }
            Self::UnclosedBracket => {
                "close every `[` with `]` and every `{` with `}`, and put commas between items"
            }
            Self::UnquotedExpression(_) => {
                "write \"${{ … }}\": braces mean something else to YAML here"
            }
            Self::ColonInText => {
                "quote the value: a text with `: ` in it needs quotes, for example \"title: part two\""
            }
            Self::MissingSpaceAfterColon => {
                "write a space after the colon in the line above: `key: value`"
            }
            Self::GluedKey => "write a space after the colon: `key: value`",
            Self::ReservedCharacter => {
                "quote the value: it begins with a character that YAML keeps for itself"
            }
            Self::Indentation => {
                "line this up with its neighbours: keys of one map begin in one column"
            }
            Self::ListBesideKey => {
                "begin the list on the next line, indented, one `- item` per line"
            }
            Self::UnknownEscape => {
                "write \\\\ for one backslash, or use '…', where a backslash is just a backslash"
            }
            Self::Tag => "remove it; types come from what is written, and quotes make text",
            Self::Alias => {
                "put the value under `vars` and write ${{ vars.name }}; quote a text that begins with `*` or `&`"
            }
            Self::MergeKey => "write the keys out, or put shared values under `vars`",
            Self::KeyNotText => "write the key as a plain word, or put it in quotes",
            Self::InfiniteNumber => "write an ordinary number, or quote it when a text is meant",
            Self::Other => {
                "check the indentation and the quotes of this line and of the line above"
            }
        }
    }
}

/// A `${{ … }}` on the error's line inside `{` or `[`, not quoted, at or before the error.
fn unquoted_expression(line_start: usize, line: &str, error: Span) -> Option<Span> {
    let open = line.find("${{")?;
    let before = line[..open].trim_end();
    let inside = before.contains(['{', '[']);
    let quoted = before.ends_with(['"', '\'']);
    let close = line[open..].find("}}").map(|at| open + at + 2)?;
    (inside && !quoted && error.start >= line_start + open)
        .then(|| Span::new(line_start + open, line_start + close))
}

/// `key:value`, which YAML reads as one word.
fn looks_like_glued_key(line: &str) -> bool {
    let line = line.trim();
    line.split_once(':').is_some_and(|(key, value)| {
        !value.is_empty()
            && !value.starts_with([' ', '/'])
            && key.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}
