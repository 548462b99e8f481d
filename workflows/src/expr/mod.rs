//! `${{ }}` expressions: found in values, checked for what they refer to, evaluated when the values are there.
//!
//! `parse` finds expressions in values; `token` and `grammar` read one, with the places of what it refers to; `ast` writes
//! the engine's program; `engine`, `operators` and `functions` are the one door of minijinja; `context` evaluates. Expressions are pure: they see `inputs`, `vars`, `nodes`, `job` and, in a
//! `for_each`, `item` and `index`; nothing of the machine.

mod ast;
mod context;
mod engine;
mod functions;
mod grammar;
mod operators;
mod parse;
mod token;

pub(crate) use ast::Ast;
pub(crate) use context::Context;
pub(crate) use functions::Take;
pub(crate) use functions::names as function_names;
pub use functions::{FUNCTIONS, FunctionDoc};
pub(crate) use parse::parse;

use crate::diagnostic::Span;
use crate::value::Value;

/// The names expressions can begin with.
pub(crate) const CONTEXTS: [&str; 6] = ["inputs", "vars", "nodes", "job", "item", "index"];

/// The fields of `job`.
pub(crate) const JOB_FIELDS: [&str; 2] = ["id", "date"];

/// A value of the document, which may have expressions in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dynamic {
    /// What it is.
    pub(crate) kind: DynamicKind,
    /// Where it stands.
    pub(crate) span: Span,
}

/// What a value of the document is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DynamicKind {
    /// A scalar as written.
    Literal(Value),
    /// Exactly one expression; its value keeps its type.
    Expression(Expression),
    /// A text with expressions in it.
    Text(Vec<Piece>),
    /// A list.
    List(Vec<Dynamic>),
    /// A map: name, where the name stands, value.
    Record(Vec<(String, Span, Dynamic)>),
}

/// A part of a text with expressions in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// As written.
    Literal(String),
    /// To be evaluated.
    Expression(Expression),
}

/// What stands between `${{` and `}}`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    /// Its text.
    pub(crate) source: String,
    /// What the engine runs.
    program: String,
    /// What it says.
    pub(crate) tree: Ast,
    /// Every name it looks up.
    pub(crate) references: Vec<PlacedReference>,
    /// Whether it is one reference and nothing else.
    pub(crate) bare: bool,
    /// Where it stands, braces included.
    pub(crate) span: Span,
}

/// A reference with its place in the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedReference {
    /// The names between the dots.
    pub(crate) path: Vec<String>,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Expression {
    /// Whether its text is of the grammar; one that is not has no tree.
    pub(crate) fn is_read(&self) -> bool {
        !self.program.is_empty()
    }
}

impl Dynamic {
    /// Every expression inside.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        let mut all = Vec::new();
        self.collect(&mut all);
        all
    }

    fn collect<'a>(&'a self, all: &mut Vec<&'a Expression>) {
        match &self.kind {
            DynamicKind::Literal(_) => {}
            DynamicKind::Expression(expression) => all.push(expression),
            DynamicKind::Text(pieces) => {
                all.extend(pieces.iter().filter_map(|piece| match piece {
                    Piece::Expression(expression) => Some(expression),
                    Piece::Literal(_) => None,
                }))
            }
            DynamicKind::List(items) => items.iter().for_each(|item| item.collect(all)),
            DynamicKind::Record(fields) => {
                fields.iter().for_each(|(_, _, value)| value.collect(all));
            }
        }
    }

    /// Every reference inside.
    pub(crate) fn references(&self) -> impl Iterator<Item = &PlacedReference> {
        self.expressions()
            .into_iter()
            .flat_map(|expression| &expression.references)
    }

    /// The first node the value refers to.
    pub(crate) fn first_node(&self) -> Option<&str> {
        self.references().find_map(|reference| {
            match (reference.path.first()?.as_str(), reference.path.get(1)) {
                ("nodes", Some(node)) => Some(node.as_str()),
                _ => None,
            }
        })
    }

    /// The value, when nothing in it has to be evaluated.
    pub(crate) fn literal(&self) -> Option<Value> {
        match &self.kind {
            DynamicKind::Literal(value) => Some(value.clone()),
            DynamicKind::Expression(_) | DynamicKind::Text(_) => None,
            DynamicKind::List(items) => items
                .iter()
                .map(Self::literal)
                .collect::<Option<Vec<_>>>()
                .map(Value::List),
            DynamicKind::Record(fields) => fields
                .iter()
                .map(|(name, _, value)| Some((name.clone(), value.literal()?)))
                .collect::<Option<_>>()
                .map(Value::Record),
        }
    }
}
