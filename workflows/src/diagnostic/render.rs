//! Diagnostics for people: rustc's look. The one door of annotate-snippets.
//!
//! Neighbours: `diagnostic::position` says the same to machines. Nothing here decides what is wrong.

use annotate_snippets::{Annotation, AnnotationKind, Level, Origin, Renderer, Snippet};

use super::position::line_column;
use super::printable::printable;
use super::{Diagnostic, Severity, Span};
use crate::execution::SourceFile;

/// Longest line shown; YAML lines of megabytes exist.
const TERM_WIDTH: usize = 140;

/// Longest stretch of the source shown before and behind the place, bytes.
const MAX_SHOWN: usize = 16 * 1024;

/// The diagnostic as text, without a line break at the end.
pub(super) fn render(diagnostic: &Diagnostic, source: &SourceFile, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let name = printable(&source.name);
    let mut group = match Window::around(&source.text, diagnostic) {
        Some(window) => title.element(snippet(diagnostic, source, &window).path(name.as_ref())),
        None => title.element(place(diagnostic, source, &name)),
    };
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(printable(hint)));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let rendered = renderer.term_width(TERM_WIDTH).render(&[group]);
    // The renderer shows pictures for all other control characters of the source; these it passes on.
    rendered.replace(|c: char| matches!(c, '\u{80}'..='\u{9f}'), "\u{fffd}")
}

/// The lines of the source that are shown. The renderer indexes every line it is given, so it is given few.
struct Window<'a> {
    text: &'a str,
    /// First byte of it in the source.
    start: usize,
    /// Number of its first line, from 1.
    line: usize,
}

impl<'a> Window<'a> {
    /// The lines of the diagnostic's places, unless they are too long to be shown.
    fn around(text: &'a str, diagnostic: &Diagnostic) -> Option<Self> {
        let primary = visible(text, diagnostic.span);
        let near = |span: &std::ops::Range<usize>| {
            span.start.abs_diff(primary.start) < MAX_SHOWN
                && span.end.abs_diff(primary.start) < MAX_SHOWN
        };
        let labels = diagnostic
            .labels
            .iter()
            .map(|label| visible(text, label.span))
            .filter(near);
        let places: Vec<_> = labels.chain([primary.clone()]).collect();
        let first = places.iter().map(|span| span.start).min().unwrap_or(0);
        let last = places.iter().map(|span| span.end).max().unwrap_or(0);
        let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
        (end - start < 2 * MAX_SHOWN).then(|| Self {
            text: &text[start..end],
            start,
            line: line_column(text, start).0,
        })
    }

    fn inside(&self, span: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
        let end = self.start + self.text.len();
        (span.start >= self.start && span.end <= end)
            .then(|| span.start - self.start..span.end - self.start)
    }
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a SourceFile,
    window: &Window<'a>,
) -> Snippet<'a, Annotation<'a>> {
    let text = source.text.as_str();
    let at = window
        .inside(visible(text, diagnostic.span))
        .unwrap_or(0..0);
    let mut primary = AnnotationKind::Primary.span(at);
    if !diagnostic.label.is_empty() {
        primary = primary.label(printable(&diagnostic.label));
    }
    let labels = diagnostic.labels.iter().filter_map(|label| {
        let span = window.inside(visible(text, label.span))?;
        Some(
            AnnotationKind::Context
                .span(span)
                .label(printable(&label.message)),
        )
    });
    Snippet::source(window.text)
        .line_start(window.line)
        .annotation(primary)
        .annotations(labels)
}

/// The place alone, for lines nobody could read.
fn place<'a>(diagnostic: &Diagnostic, source: &SourceFile, name: &'a str) -> Origin<'a> {
    let (line, column) = line_column(&source.text, diagnostic.span.start);
    Origin::path(name).line(line).char_column(column)
}

/// The span clipped to the source and to character boundaries.
fn visible(text: &str, span: Span) -> std::ops::Range<usize> {
    let snap = |mut offset: usize| {
        offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = snap(span.start);
    start..snap(span.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> SourceFile {
        SourceFile {
            name: "demo.yaml".into(),
            text: "fenta: workflow/v1\nnodes:\n  voice: { type: Voice.TSS }\n".into(),
        }
    }

    #[test]
    fn shows_code_place_line_label_and_hint() {
        let source = source();
        let at = source.text.find("Voice.TSS").unwrap();
        let text = Diagnostic::error(
            "graph/unknown-type",
            Span::new(at, at + 9),
            "no node type is called `Voice.TSS`",
        )
        .at("not known")
        .label(Span::new(26, 26 + 2), "inside this")
        .hint("did you mean `Voice.TTS`?")
        .render(&source, false);
        for part in [
            "error[graph/unknown-type]: no node type is called `Voice.TSS`",
            "--> demo.yaml:3:18",
            "3 |   voice: { type: Voice.TSS }",
            "^^^^^^^^^ not known",
            "help: did you mean `Voice.TTS`?",
        ] {
            assert!(text.contains(part), "{part:?} missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    // spec: W-9
    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        let source = SourceFile {
            name: "a\u{1b}[2J.yaml".into(),
            text: "a: \u{1b}]0;x\u{7} \u{9b}31m\n".into(),
        };
        let text = Diagnostic::error("a/b", Span::new(3, 5), "seen \u{1b}[31m")
            .at("here \u{1b}[32m")
            .label(Span::new(0, 1), "there \u{1b}[33m")
            .hint("write \u{1b}[34m\u{7}")
            .render(&source, false);
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(steers), "{text:?}");
        for part in [
            "a␛[2J.yaml",
            "seen ␛[31m",
            "here ␛[32m",
            "there ␛[33m",
            "write ␛[34m␇",
        ] {
            assert!(text.contains(part), "{part:?} missing in\n{text}");
        }
    }

    #[test]
    fn color_only_when_asked() {
        let text = Diagnostic::warning("a/b", Span::new(0, 5), "m").render(&source(), true);
        assert!(text.contains('\u{1b}'));
    }

    #[test]
    fn spans_outside_the_source_do_not_panic() {
        let source = SourceFile {
            name: "é.yaml".into(),
            text: "é".into(),
        };
        for span in [
            Span::new(1, 1),
            Span::new(5, 9),
            Span::new(2, 0),
            Span::new(0, 0),
        ] {
            assert!(
                Diagnostic::error("a/b", span, "m")
                    .render(&source, false)
                    .contains("a/b")
            );
        }
    }
}
