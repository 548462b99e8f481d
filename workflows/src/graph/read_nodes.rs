//! The first pass over `nodes`: type, parameters and `needs` of each.
//!
//! Neighbours: `read` reads the rest of the document; names inside expressions are still texts here.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::ParamExpr;
use super::keys::{NODE_KEYS, NODE_KEYS_LATER};
use super::read::{Reader, check_name};
use super::read_rules;
use super::rules::NodeRules;
use super::shape::{check_keys, find, map, text};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::node::NodeType;
use crate::nodes;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind};

/// Most nodes of a workflow.
const MAX_NODES: usize = 20_000;

/// A node whose type may not exist.
pub(super) struct RawNode {
    pub(super) id_span: Span,
    pub(super) type_span: Span,
    pub(super) node_type: Option<&'static dyn NodeType>,
    pub(super) with: IndexMap<String, ParamExpr>,
    pub(super) needs: Vec<(String, Span)>,
    /// Boxed, because most nodes of large documents have none.
    pub(super) condition: Option<Box<ParamExpr>>,
    pub(super) for_each: Option<Box<ParamExpr>>,
    /// Parameters that replace those of `with` after a failure.
    pub(super) fallback: IndexMap<String, ParamExpr>,
    pub(super) rules: NodeRules,
}

impl RawNode {
    fn empty(id: &Entry) -> Self {
        Self {
            id_span: id.key_span,
            type_span: id.key_span,
            node_type: None,
            with: IndexMap::new(),
            needs: Vec::new(),
            condition: None,
            for_each: None,
            fallback: IndexMap::new(),
            rules: NodeRules::default(),
        }
    }

    /// Every value of it that may have expressions.
    pub(super) fn values(&self) -> impl Iterator<Item = &ParamExpr> {
        self.with
            .values()
            .chain(self.fallback.values())
            .chain(self.condition.as_deref())
            .chain(self.for_each.as_deref())
    }

    /// The nodes it refers to or needs, each with the first place that says so.
    pub(super) fn waits_for(&self) -> Vec<(&str, Span)> {
        let references = self
            .values()
            .flat_map(|param| param.expr.references())
            .filter(|reference| reference.path[0] == "nodes")
            .filter_map(|reference| Some((reference.path.get(1)?.as_str(), reference.span)));
        let needs = self.needs.iter().map(|(name, span)| (name.as_str(), *span));
        let mut seen = HashSet::new();
        references
            .chain(needs)
            .filter(|(name, _)| seen.insert(*name))
            .collect()
    }
}

impl Reader<'_> {
    /// Every node; wrong ones are complained about and left in, so that references to them still resolve.
    pub(super) fn nodes(
        &self,
        entry: &Entry,
        found: &mut Diagnostics,
    ) -> IndexMap<String, RawNode> {
        let entries = map(&entry.value, "`nodes`", found).unwrap_or_default();
        if let Some(beyond) = entries.get(MAX_NODES) {
            found.push(
                Diagnostic::error(
                    codes::TOO_LARGE,
                    beyond.key_span,
                    format!(
                        "the workflow has {} nodes, more than {MAX_NODES}",
                        entries.len()
                    ),
                )
                .hint("use `for_each`: one node with a list does the work of many"),
            );
            return IndexMap::new();
        }
        let mut all = IndexMap::with_capacity(entries.len());
        for inner in entries {
            check_name(inner, "a node", found);
            let what = format!("the node `{}`", inner.key);
            let raw = match map(&inner.value, &what, found) {
                Some(entries) => self.node(inner, entries, found),
                None => RawNode::empty(inner),
            };
            all.entry(inner.key.clone()).or_insert(raw);
        }
        all
    }

    fn node(&self, id: &Entry, entries: &[Entry], found: &mut Diagnostics) -> RawNode {
        let (node_type, type_span) = match find(entries, "type") {
            Some(entry) => (node_type(entry, found), entry.value.span),
            None => {
                found.push(
                    Diagnostic::error(
                        codes::MISSING_KEY,
                        id.key_span,
                        format!("the node `{}` has no `type`", id.key),
                    )
                    .hint("write `type: Input.Text`; `fenta nodes list` lists the types"),
                );
                (None, id.key_span)
            }
        };
        check_node_keys(entries, node_type, found);
        let value = |key: &str, found: &mut Diagnostics| {
            find(entries, key).map(|entry| Box::new(self.value(entry, found)))
        };
        RawNode {
            type_span,
            node_type,
            with: self.with(entries, node_type, found),
            needs: find(entries, "needs").map_or_else(Vec::new, |entry| needs(entry, found)),
            condition: value("if", found),
            for_each: value("for_each", found),
            fallback: read_rules::fallback(entries)
                .map(|entry| self.params(entry, found))
                .unwrap_or_default(),
            rules: read_rules::rules(entries, found),
            ..RawNode::empty(id)
        }
    }

    /// The parameters, also those that stand beside `with` by mistake: that they do is told already.
    fn with(
        &self,
        entries: &[Entry],
        node_type: Option<&'static dyn NodeType>,
        found: &mut Diagnostics,
    ) -> IndexMap<String, ParamExpr> {
        let beside = entries.iter().filter(|entry| is_param(entry, node_type));
        let beside: Vec<&Entry> = beside.collect();
        let mut params = match find(entries, "with") {
            // An empty `with` above parameters that were not indented is part of the same mistake.
            Some(entry) if entry.value.kind == Kind::Null && !beside.is_empty() => IndexMap::new(),
            Some(entry) => self.params(entry, found),
            None => IndexMap::new(),
        };
        for entry in beside {
            let value = self.value(entry, found);
            params.entry(entry.key.clone()).or_insert(value);
        }
        params
    }

    /// The parameters of `with` or of a fallback.
    fn params(&self, entry: &Entry, found: &mut Diagnostics) -> IndexMap<String, ParamExpr> {
        let mut params = IndexMap::new();
        let what = format!("`{}`", entry.key);
        for inner in map(&entry.value, &what, found).unwrap_or_default() {
            let value = self.value(inner, found);
            params.entry(inner.key.clone()).or_insert(value);
        }
        params
    }
}

/// Refuses keys a node does not have; of its type's parameters it says where they belong.
fn check_node_keys(
    entries: &[Entry],
    node_type: Option<&'static dyn NodeType>,
    found: &mut Diagnostics,
) {
    let beside = |entry: &Entry| is_param(entry, node_type);
    if !entries.iter().any(beside) {
        check_keys(entries, "a node", &NODE_KEYS, &NODE_KEYS_LATER, found);
        return;
    }
    let with = find(entries, "with").map(|entry| &entry.value.kind);
    let (params, keys): (Vec<Entry>, Vec<Entry>) = entries.iter().cloned().partition(beside);
    check_keys(&keys, "a node", &NODE_KEYS, &NODE_KEYS_LATER, found);
    for entry in params {
        found.push(
            Diagnostic::error(
                codes::UNKNOWN_KEY,
                entry.key_span,
                format!("`{}` is a parameter and belongs under `with`", entry.key),
            )
            .hint(match with {
                Some(Kind::Null) => "indent it below `with:`".to_owned(),
                Some(_) => "move it to the other parameters".to_owned(),
                None => format!("write `with: {{ {}: ... }}`", entry.key),
            }),
        );
    }
}

/// Whether a key of a node is no key of nodes but a parameter of its type.
fn is_param(entry: &Entry, node_type: Option<&'static dyn NodeType>) -> bool {
    let is_key = NODE_KEYS.iter().any(|key| key.name == entry.key);
    !is_key && node_type.is_some_and(|one| one.descriptor().param(&entry.key).is_some())
}

fn node_type(entry: &Entry, found: &mut Diagnostics) -> Option<&'static dyn NodeType> {
    let kind = text(entry, found)?;
    let known = nodes::find(&kind);
    if known.is_none() && !found.only_counted() {
        let span = entry.value.span;
        found.push(if nodes::LATER.contains(&kind.as_str()) {
            Diagnostic::error(
                codes::TYPE_UNAVAILABLE,
                span,
                format!(
                    "the node type `{kind}` is part of the language but not available in this version yet"
                ),
            )
            .hint("`fenta nodes list` lists the types this version has")
        } else {
            let kinds: Vec<&str> = nodes::descriptors().map(|known| known.kind).collect();
            let near = nodes::meant_by(&kind)
                .or_else(|| nearest(&kind, kinds.iter().copied().chain(nodes::LATER)));
            Diagnostic::error(
                codes::UNKNOWN_TYPE,
                span,
                format!("no node type is called `{kind}`"),
            )
            .suggest(near, span)
            .hint("`fenta nodes list` lists the types")
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
