//! YAML text as a tree in which every key and value knows where it stands.
//!
//! Neighbours: `load` is the one door of the YAML crate; `graph` reads the tree and knows what the keys mean. Nothing
//! here knows the language of workflows, only YAML 1.2.

mod advice;
mod load;
mod tags;

pub(crate) use load::load;

use crate::diagnostic::Span;

/// Longest document, bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting.
pub(crate) const MAX_DEPTH: usize = 64;
/// Most values.
pub(crate) const MAX_NODES: usize = 250_000;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it stands, quotes included.
    pub(crate) span: Span,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// What the value is, with its article, for messages.
    pub(crate) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a bool",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}
