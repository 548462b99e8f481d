//! The first pass over `nodes`: type, parameters and `needs` of each.
//!
//! Neighbours: `read` reads the rest of the document; names inside expressions are still texts here.

use indexmap::IndexMap;

use super::ParamExpr;
use super::read::{Reader, check_keys, check_name, find, map, text};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::node::NodeType;
use crate::nodes;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind};

const NODE_KEYS: [&str; 3] = ["type", "with", "needs"];

const NODE_KEYS_LATER: [&str; 12] = [
    "if",
    "for_each",
    "max_parallel",
    "retry",
    "timeout",
    "cache",
    "on_error",
    "optional",
    "on",
    "ui",
    "providers",
    "run_on",
];

/// A node whose type may not exist.
pub(super) struct RawNode {
    pub(super) id_span: Span,
    pub(super) type_span: Span,
    pub(super) node_type: Option<&'static dyn NodeType>,
    pub(super) with: IndexMap<String, ParamExpr>,
    pub(super) needs: Vec<(String, Span)>,
}

impl RawNode {
    /// The nodes it refers to or needs, each with the first place that says so.
    pub(super) fn waits_for(&self) -> Vec<(&str, Span)> {
        let mut waits: Vec<(&str, Span)> = Vec::new();
        let references = self
            .with
            .values()
            .flat_map(|param| param.expr.references())
            .filter(|reference| reference.path[0] == "nodes")
            .filter_map(|reference| Some((reference.path.get(1)?.as_str(), reference.span)));
        let needs = self.needs.iter().map(|(name, span)| (name.as_str(), *span));
        for (name, span) in references.chain(needs) {
            if !waits.iter().any(|(known, _)| *known == name) {
                waits.push((name, span));
            }
        }
        waits
    }
}

impl Reader<'_> {
    /// Every node; wrong ones are complained about and left in, so that references to them still resolve.
    pub(super) fn nodes(
        &self,
        entry: &Entry,
        found: &mut Diagnostics,
    ) -> IndexMap<String, RawNode> {
        let mut all = IndexMap::new();
        for inner in map(&entry.value, "`nodes`", found).unwrap_or_default() {
            check_name(inner, "a node", found);
            let what = format!("the node `{}`", inner.key);
            let raw = match map(&inner.value, &what, found) {
                Some(entries) => self.node(inner, entries, found),
                None => RawNode {
                    id_span: inner.key_span,
                    type_span: inner.key_span,
                    node_type: None,
                    with: IndexMap::new(),
                    needs: Vec::new(),
                },
            };
            all.entry(inner.key.clone()).or_insert(raw);
        }
        all
    }

    fn node(&self, id: &Entry, entries: &[Entry], found: &mut Diagnostics) -> RawNode {
        check_keys(entries, "a node", &NODE_KEYS, &NODE_KEYS_LATER, found);
        let (node_type, type_span) = match find(entries, "type") {
            Some(entry) => (node_type(entry, found), entry.value.span),
            None => {
                found.push(
                    Diagnostic::error(
                        codes::MISSING_KEY,
                        id.key_span,
                        format!("the node `{}` has no `type`", id.key),
                    )
                    .hint("write `type: Input.Text`; `fenta nodes ls` lists the types"),
                );
                (None, id.key_span)
            }
        };
        let mut with = IndexMap::new();
        if let Some(entry) = find(entries, "with") {
            for inner in map(&entry.value, "`with`", found).unwrap_or_default() {
                let value = self.value(inner, found);
                with.entry(inner.key.clone()).or_insert(value);
            }
        }
        RawNode {
            id_span: id.key_span,
            type_span,
            node_type,
            with,
            needs: find(entries, "needs").map_or_else(Vec::new, |entry| needs(entry, found)),
        }
    }
}

fn node_type(entry: &Entry, found: &mut Diagnostics) -> Option<&'static dyn NodeType> {
    let kind = text(entry, found)?;
    let known = nodes::find(&kind);
    if known.is_none() {
        let span = entry.value.span;
        found.push(if nodes::LATER.contains(&kind.as_str()) {
            Diagnostic::error(
                codes::TYPE_UNAVAILABLE,
                span,
                format!(
                    "the node type `{kind}` is part of the language but not available in this version yet"
                ),
            )
            .hint("`fenta nodes ls` lists the types this version has")
        } else {
            let kinds: Vec<&str> = nodes::descriptors().map(|known| known.kind).collect();
            let near = nearest(&kind, kinds.iter().copied().chain(nodes::LATER));
            Diagnostic::error(
                codes::UNKNOWN_TYPE,
                span,
                format!("no node type is called `{kind}`"),
            )
            .suggest(near, span)
            .hint("`fenta nodes ls` lists the types")
        });
    }
    known
}

fn needs(entry: &Entry, found: &mut Diagnostics) -> Vec<(String, Span)> {
    let items = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Text(_) => std::slice::from_ref(&entry.value),
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    entry.value.span,
                    format!(
                        "`needs` must be a list of node names, found {}",
                        entry.value.noun()
                    ),
                )
                .hint("write `needs: [voice]`"),
            );
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Text(name) => names.push((name.clone(), item.span)),
            _ => found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    item.span,
                    format!("`needs` holds node names, found {}", item.noun()),
                )
                .hint("write `needs: [voice]`"),
            ),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_keys_are_not_known_keys() {
        assert!(NODE_KEYS_LATER.iter().all(|key| !NODE_KEYS.contains(key)));
    }
}
