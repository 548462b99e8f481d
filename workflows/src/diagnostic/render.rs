//! Diagnostics for people: rustc's look. The one door of annotate-snippets.
//!
//! Neighbours: `diagnostic::position` says the same to machines. Nothing here decides what is wrong.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity, Span};
use crate::execution::SourceFile;

/// Longest line shown; YAML lines of megabytes exist.
const TERM_WIDTH: usize = 140;

/// The diagnostic as text, without a line break at the end.
pub(super) fn render(diagnostic: &Diagnostic, source: &SourceFile, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let text = source.text.as_str();
    let mut primary = AnnotationKind::Primary.span(visible(text, diagnostic.span));
    if !diagnostic.label.is_empty() {
        primary = primary.label(diagnostic.label.as_str());
    }
    let snippet = Snippet::source(text)
        .path(source.name.as_str())
        .annotation(primary)
        .annotations(diagnostic.labels.iter().map(|label| {
            AnnotationKind::Context
                .span(visible(text, label.span))
                .label(label.message.as_str())
        }));
    let mut group: Group<'_> = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .element(snippet);
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.term_width(TERM_WIDTH).render(&[group])
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
