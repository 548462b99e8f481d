//! The one door of serde-saphyr: text in, spanned tree or diagnostics out.
//!
//! The strict reading of YAML 1.2 core: `no`, `on`, `010`, `1_000` and `3:20` stay text; duplicate keys, aliases,
//! anchors, merge keys, custom tags and further documents are refused, so that what is written is what is meant.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Options, Spanned};

use super::{Entry, Kind, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, advice, tags};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};

/// Reads a document. Syntax errors stop at the first, because what follows one is guesswork; duplicate keys are all
/// reported.
pub(crate) fn load(text: &str, found: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        found.push(
            Diagnostic::error(
                codes::TOO_LARGE,
                Span::new(0, 0),
                format!(
                    "the document is longer than {} MiB",
                    MAX_BYTES / (1024 * 1024)
                ),
            )
            .hint("move long texts into files and read them with Input.Text"),
        );
        return None;
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(raw) => {
            let mut spans = Spans { text, found };
            let tree = spans.node(raw, None);
            duplicates(&tree, found);
            tags::check(text, &tree, found);
            Some(tree)
        }
        Err(error) => {
            found.push(advice::syntax_error(text, &error));
            None
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
        },
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    }
}

/// The tree as the YAML crate hands it over.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        i64::try_from(value)
            .map(Raw::Int)
            .map_err(|_| E::custom(format!("the number {value} is too large")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
            bounded(items.len())?;
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key()? {
            entries.push((key, access.next_value()?));
            bounded(entries.len())?;
        }
        Ok(Raw::Map(entries))
    }
}

/// Most entries of one map or list: more than any may have, so that a flood is refused before all of it is read.
const MAX_ENTRIES: usize = 25_000;

/// What the error of a flood says; the advice knows it by this.
pub(super) const FLOOD: &str = "entries in one map or list";

fn bounded<E: de::Error>(entries: usize) -> Result<(), E> {
    if entries > MAX_ENTRIES {
        return Err(E::custom(format!("more than {MAX_ENTRIES} {FLOOD}")));
    }
    Ok(())
}

/// Turns the YAML crate's locations into spans that underline something sensible.
struct Spans<'a> {
    text: &'a str,
    found: &'a mut Diagnostics,
}

impl Spans<'_> {
    /// `key` is the span of the value's key; a value without text of its own is shown there.
    fn node(&mut self, raw: Spanned<Raw>, key: Option<Span>) -> Node {
        let mut span = span_of(self.text, raw.referenced);
        if span.start == span.end
            && let Some(key) = key
        {
            span = key;
        }
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Int(value) => Kind::Int(value),
            Raw::Float(value) => self.float(value, span),
            Raw::Text(value) => Kind::Text(value),
            Raw::List(items) => {
                let items: Vec<Node> = items
                    .into_iter()
                    .map(|item| self.node(item, None))
                    .collect();
                span = self.flow(span, items.last().map(|item| item.span), '[', ']');
                Kind::List(items)
            }
            Raw::Map(entries) => {
                let entries: Vec<Entry> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key_span = span_of(self.text, key.referenced);
                        Entry {
                            key: key.value,
                            key_span,
                            value: self.node(value, Some(key_span)),
                        }
                    })
                    .collect();
                span = self.flow(span, entries.last().map(|entry| entry.value.span), '{', '}');
                Kind::Map(entries)
            }
        };
        Node { kind, span }
    }

    /// The YAML crate gives only the opening bracket of `[…]` and `{…}`; this finds the closing one.
    fn flow(&self, span: Span, last: Option<Span>, open: char, close: char) -> Span {
        if !span.of(self.text).starts_with(open) {
            return span;
        }
        let from = last.map_or(span.end, |last| last.end.max(span.end));
        let rest = self.text.get(from..).unwrap_or("");
        let gap = rest.find(|c: char| !(c.is_whitespace() || c == ','));
        match gap {
            Some(gap) if rest[gap..].starts_with(close) => {
                Span::new(span.start, from + gap + close.len_utf8())
            }
            _ => span,
        }
    }

    /// Whole numbers that do not fit become floats in the YAML crate, which would change them silently.
    fn float(&mut self, value: f64, span: Span) -> Kind {
        let digits = span.of(self.text).trim_start_matches(['-', '+']);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.found.push(
                Diagnostic::error(codes::SYNTAX, span, "the number does not fit into 64 bits")
                    .hint("quote it when a text is meant"),
            );
        }
        Kind::Float(value)
    }
}

/// The bytes a location covers, without white space at its end.
pub(super) fn span_of(text: &str, location: Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    let end = start + span.byte_len().unwrap_or(0) as usize;
    let covered = text.get(start..end).unwrap_or("");
    Span::new(start, start + covered.trim_end().len())
}

fn duplicates(node: &Node, found: &mut Diagnostics) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| duplicates(item, found)),
        Kind::Map(entries) => {
            let mut first = std::collections::HashMap::new();
            for entry in entries {
                duplicates(&entry.value, found);
                match first.entry(entry.key.as_str()) {
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        slot.insert(entry.key_span);
                    }
                    std::collections::hash_map::Entry::Occupied(_) if found.only_counted() => {}
                    std::collections::hash_map::Entry::Occupied(slot) => found.push(
                        Diagnostic::error(
                            codes::DUPLICATE_KEY,
                            entry.key_span,
                            format!("the key `{}` is written twice", entry.key),
                        )
                        .at("again here")
                        .label(*slot.get(), "first here")
                        .hint("remove one of the two"),
                    ),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        let mut found = Diagnostics::new();
        let tree = load(text, &mut found);
        assert!(found.is_empty(), "{found}");
        tree.unwrap()
    }

    fn entries(node: &Node) -> &[Entry] {
        match &node.kind {
            Kind::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(text: &str) -> Diagnostic {
        let mut found = Diagnostics::new();
        load(text, &mut found);
        assert_eq!(found.len(), 1, "{text:?}: {found}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn words_that_older_yaml_twists_stay_text() {
        let tree = read("[no, on, yes, 010, 1_000, 3:20, ~, true, 0x10, 1e3, -5]");
        let Kind::List(items) = tree.kind else {
            panic!()
        };
        let kinds: Vec<Kind> = items.into_iter().map(|item| item.kind).collect();
        let text = |t: &str| Kind::Text(t.into());
        assert_eq!(
            kinds,
            [
                text("no"),
                text("on"),
                text("yes"),
                text("010"),
                text("1_000"),
                text("3:20"),
                Kind::Null,
                Kind::Bool(true),
                Kind::Int(16),
                Kind::Float(1000.0),
                Kind::Int(-5),
            ]
        );
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "\u{feff}# é\na:\n  'ké': \"x\\n\" # c\n  b: [1, {c: 2} , ]\n  t: |\n    one\n    two\n  e:\n";
        let tree = read(text);
        let a = &entries(&tree)[0];
        assert_eq!(a.key_span.of(text), "a");
        let inner = entries(&a.value);
        assert_eq!(inner[0].key_span.of(text), "'ké'");
        assert_eq!(inner[0].value.span.of(text), "\"x\\n\"");
        assert_eq!(inner[1].value.span.of(text), "[1, {c: 2} , ]");
        assert_eq!(inner[2].value.span.of(text), "one\n    two");
        assert_eq!(inner[3].value.span.of(text), "e");
        let Kind::List(items) = &inner[1].value.kind else {
            panic!()
        };
        assert_eq!(items[1].span.of(text), "{c: 2}");
    }

    // spec: W-3
    #[test]
    fn all_duplicate_keys_are_found_with_both_places() {
        let text = "a: 1\nb: {x: 1, x: 2}\na: 3\n";
        let mut found = Diagnostics::new();
        load(text, &mut found);
        found.sort();
        let places: Vec<_> = found
            .iter()
            .map(|d| (d.code, d.span.start, d.labels[0].span.start))
            .collect();
        assert_eq!(
            places,
            [(codes::DUPLICATE_KEY, 15, 9), (codes::DUPLICATE_KEY, 21, 0)]
        );
    }

    // spec: W-7
    #[test]
    fn what_the_language_leaves_out_is_refused_with_its_own_code() {
        for (text, code, at) in [
            ("a: &x 1\nb: *x\n", codes::ALIAS, "&x"),
            ("a: *x\n", codes::ALIAS, "*"),
            ("\"a\": &v\n    b: c\n", codes::ALIAS, "&v"),
            ("<<: {a: 1}\n", codes::ALIAS, "<<"),
            (
                "a: !!python/object:os.system x\n",
                codes::TAG,
                "!!python/object:os.system",
            ),
            ("a: 1\n---\nb: 2\n", codes::SECOND_DOCUMENT, "---"),
            ("a: .inf\n", codes::SYNTAX, ".inf"),
            (
                "a: 99999999999999999999\n",
                codes::SYNTAX,
                "99999999999999999999",
            ),
            ("? [1]\n: 3\n", codes::SYNTAX, "["),
        ] {
            let found = refusal(text);
            assert_eq!((found.code, found.span.of(text)), (code, at), "{text:?}");
            assert!(!found.hints.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn slips_get_their_own_advice() {
        for (text, advice) in [
            ("a:\n\t- 1\n", "spaces"),
            ("a: 'x\nb: 2\n", "close the quote"),
            ("a: [1, 2\nb: 3\n", "close every"),
            ("a: b: c\n", "quote the value"),
            ("a:\n  - x\n b: 2\n", "line this up"),
            ("a: @x\n", "begins with a character"),
            ("a: { b: ${{ x }} }\n", "braces mean something else"),
            ("a:1\nb: 2\n", "space after the colon"),
            ("```yaml\na: 1\n```\n", "remove the lines with ```"),
            ("a: 1\n<<<<<<< HEAD\nb: 2\n", "resolve the merge"),
            ("a: “b: c”\n", "straight quotes"),
            ("a:\n  b: 1\n \u{a0}c: 2\n", "no-break space"),
            ("a: - x\n", "next line"),
            ("a: \"\\q\"\n", "backslash"),
        ] {
            let found = refusal(text);
            assert!(found.hints[0].contains(advice), "{text:?}: {found:?}");
            assert!(!found.message.contains(" at line "), "{found:?}");
        }
    }

    // spec: W-8
    #[test]
    fn hostile_documents_are_refused_quickly() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for i in 1..10 {
            bomb += &format!("a{i}: &a{i} [*a{0},*a{0},*a{0}]\n", i - 1);
        }
        assert_eq!(refusal(&bomb).code, codes::ALIAS);
        let deep = refusal(&"[".repeat(5000));
        assert_eq!(deep.code, codes::TOO_LARGE, "{deep:?}");
        assert_eq!(refusal(&"- x\n".repeat(300_000)).code, codes::TOO_LARGE);
        assert_eq!(refusal(&"x".repeat(10_000_000)).code, codes::TOO_LARGE);
    }

    #[test]
    fn an_empty_document_is_nothing() {
        assert_eq!(read("").kind, Kind::Null);
        assert_eq!(read("# only a comment\n").kind, Kind::Null);
    }
}
