//! Texts with braces that look like expressions of this or another language and are none: they reach the screen as
//! they are written.

use super::Linted;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::expr::{CONTEXTS, Dynamic, DynamicKind, Piece};
use crate::value::Value;

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    for (_, _, value) in linted.params() {
        look(value, found);
    }
}

fn look(value: &Dynamic, found: &mut Vec<Diagnostic>) {
    match &value.kind {
        DynamicKind::Literal(Value::Text(text)) => tell(text, value.span, found),
        DynamicKind::Text(pieces) => {
            for piece in pieces {
                if let Piece::Literal(text) = piece {
                    tell(text, value.span, found);
                }
            }
        }
        DynamicKind::List(items) => items.iter().for_each(|item| look(item, found)),
        DynamicKind::Record(fields) => fields.iter().for_each(|(_, _, value)| look(value, found)),
        DynamicKind::Literal(_) | DynamicKind::Expression(_) => {}
    }
}

fn tell(text: &str, span: Span, found: &mut Vec<Diagnostic>) {
    if let Some((seen, inside)) = stray(text) {
        found.push(
            Diagnostic::warning(
                codes::BRACES,
                span,
                format!("`{seen}` is written into the text as it stands"),
            )
            .hint(format!("for its value write ${{{{ {} }}}}", inside.trim())),
        );
    }
}

/// The first `{{ name }}`, `${name}` or `{name}` that reads like a reference, and what stands in it.
fn stray(text: &str) -> Option<(&str, &str)> {
    for (open, close) in [("{{", "}}"), ("${", "}"), ("{", "}")] {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            let inside = at + open.len();
            from = inside;
            // An escaped `$${{` has become `${{` here, and is meant.
            let escaped = text[..at].ends_with(['$', '{']) || text[inside..].starts_with('{');
            let Some(len) = text[inside..].find(close).filter(|_| !escaped) else {
                continue;
            };
            let name = text[inside..inside + len].trim();
            if refers(name) {
                return Some((&text[at..inside + len + close.len()], name));
            }
        }
    }
    None
}

/// Whether it begins as an expression would.
fn refers(name: &str) -> bool {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    CONTEXTS.contains(&first)
        && parts
            .next()
            .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_like_a_reference_is_told() {
        assert_eq!(
            stray("Hi {{ inputs.topic }}!"),
            Some(("{{ inputs.topic }}", "inputs.topic"))
        );
        assert_eq!(
            stray("a ${inputs.topic}"),
            Some(("${inputs.topic}", "inputs.topic"))
        );
        assert_eq!(
            stray("{nodes.a.text}"),
            Some(("{nodes.a.text}", "nodes.a.text"))
        );
        for text in [
            "${{ inputs.topic }}",
            "{a: 1}",
            "./**/*.{mp4,mov}",
            "{{ other }}",
            "{{",
            "{inputs}",
        ] {
            assert_eq!(stray(text), None, "{text}");
        }
    }
}
