//! Tags that the YAML crate obeys, and keys that are no texts: found where they are written, between the values.
//!
//! The crate refuses tags it does not know and turns the others into values. The language has none: what stands in a
//! place is what is meant. Neighbour: `load` builds the tree; its spans say where values are, and what is not one of
//! them is an indicator, a comment or a tag.

use super::{Kind, Node};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};

/// A diagnostic for every tag of a document, and for every key that is `true`, `false` or `null`.
pub(super) fn check(text: &str, tree: &Node, found: &mut Diagnostics) {
    let mut walk = Walk {
        text,
        at: 0,
        has_tags: text.contains('!'),
        found,
    };
    walk.node(tree);
    walk.between(text.len());
}

struct Walk<'a> {
    text: &'a str,
    /// Where the last value ended.
    at: usize,
    has_tags: bool,
    found: &'a mut Diagnostics,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node) {
        let is_flow = node.span.of(self.text).starts_with(['[', '{']);
        match &node.kind {
            Kind::Map(entries) => {
                self.open(node.span, is_flow);
                for entry in entries {
                    self.value(entry.key_span);
                    self.key(entry.key_span);
                    self.node(&entry.value);
                }
                self.close(node.span, is_flow);
            }
            Kind::List(items) => {
                self.open(node.span, is_flow);
                items.iter().for_each(|item| self.node(item));
                self.close(node.span, is_flow);
            }
            _ => self.value(node.span),
        }
    }

    fn open(&mut self, span: Span, is_flow: bool) {
        if is_flow {
            self.between(span.start);
            self.at = self.at.max(span.start + 1);
        }
    }

    fn close(&mut self, span: Span, is_flow: bool) {
        if is_flow {
            self.between(span.end);
        }
    }

    fn value(&mut self, span: Span) {
        self.between(span.start);
        let written = span.of(self.text);
        // No plain text can begin with it, so the span begins with the tag.
        if self.has_tags && written.starts_with('!') && !self.is_block(span.start) {
            let tag = written.split_whitespace().next().unwrap_or(written);
            self.tag(Span::new(span.start, span.start + tag.len()));
        }
        self.at = self.at.max(span.end);
    }

    fn key(&mut self, span: Span) {
        let written = span.of(self.text);
        if matches!(written, "true" | "false") {
            self.found.push(
                Diagnostic::error(
                    codes::SYNTAX,
                    span,
                    format!("a key must be text, but this is {written}"),
                )
                .hint("put the key in quotes"),
            );
        }
    }

    /// Whether the text that begins here stands under `|` or `>`.
    fn is_block(&self, start: usize) -> bool {
        let before = self.text.get(..start).unwrap_or_default().trim_end();
        let line = before.lines().next_back().unwrap_or_default();
        let line = line.split(" #").next().unwrap_or(line);
        let last = line.split_whitespace().next_back().unwrap_or_default();
        last.starts_with(['|', '>'])
    }

    /// What stands between the last value and this place.
    fn between(&mut self, to: usize) {
        let from = self.at;
        if !self.has_tags || from >= to {
            return;
        }
        self.at = to;
        let Some(region) = self.text.get(from..to) else {
            return;
        };
        let mut start = from;
        for line in region.split_inclusive('\n') {
            for (at, word) in words(line) {
                if word.starts_with('#') {
                    break;
                }
                if word.starts_with('!') {
                    self.tag(Span::new(start + at, start + at + word.len()));
                }
            }
            start += line.len();
        }
    }

    fn tag(&mut self, span: Span) {
        if self.found.only_counted() {
            return;
        }
        self.found.push(
            Diagnostic::error(
                codes::TAG,
                span,
                format!(
                    "the tag `{}` is not part of the language",
                    span.of(self.text)
                ),
            )
            .hint("remove it; types come from what is written, and quotes make text"),
        );
    }
}

/// The words of a line with their places; brackets and commas stand apart.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let breaks = |c: char| c.is_whitespace() || matches!(c, '[' | '{' | ',' | ']' | '}');
    let mut at = 0;
    line.split_inclusive(breaks).map(move |part| {
        let start = at;
        at += part.len();
        (start, part.trim_end_matches(breaks))
    })
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn tags(text: &str) -> Vec<String> {
        let mut found = Diagnostics::new();
        load(text, &mut found);
        found.sort();
        found
            .iter()
            .filter(|one| one.code == codes::TAG)
            .map(|one| one.span.of(text).to_owned())
            .collect()
    }

    // spec: W-5
    #[test]
    fn tags_of_the_core_schema_are_refused_too() {
        assert_eq!(
            tags(
                "a: [!!str 5, !!int \"7\", ! 5]\nb: !!seq [1]\n!!str c: !!map { d: 1 }\ne: !!str |\n  x\nf: !!binary aGVsbG8=\n"
            ),
            [
                "!!str", "!!int", "!", "!!seq", "!!str", "!!map", "!!str", "!!binary"
            ]
        );
        assert_eq!(
            tags("a:\n  !!str x\nb: !!null\nc: 1\n"),
            ["!!str", "!!null"]
        );
        for text in [
            "a: \"!x\" # !y\nb: wow !z\n# !c\nc: |\n  !d\nd: 'it''s !e'\n",
            "a: [\"!x\", wow !y] # !z\nb: { c: '!d' }\n",
            "a: |\n  x\n\n  !y\n",
        ] {
            assert_eq!(tags(text), Vec::<String>::new(), "{text}");
        }
    }

    // spec: W-7
    #[test]
    fn keys_that_are_no_texts_are_refused() {
        for text in ["true: 1\n", "a: { null: 1 }\n", "a:\n  ~: 1\n"] {
            let mut found = Diagnostics::new();
            load(text, &mut found);
            let first = found.iter().next().unwrap();
            assert!(first.message.contains("key must be text"), "{found}");
        }
    }
}
