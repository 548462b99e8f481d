//! Evaluation: the values of the scope, handed to the engine reference by reference.
//!
//! Only what an expression refers to is converted, so a timeline of thousands of parts costs nothing where it is only
//! passed on.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{Dynamic, DynamicKind, Expression, Piece, PlacedReference, engine};
use crate::execution::Scope;
use crate::graph::{ParamExpr, Workflow};
use crate::value::Value;

/// Longest text that literal parts and expressions make together, bytes. A document may name the same long value
/// thousands of times.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// The values expressions can see.
pub(crate) struct Context<'a> {
    vars: Vars<'a>,
    scope: &'a Scope,
}

/// Where variables are looked up.
enum Vars<'a> {
    /// In a workflow that compiled.
    Checked(&'a Workflow),
    /// In a document that is being compiled.
    Written(&'a IndexMap<String, ParamExpr>),
}

impl<'a> Vars<'a> {
    fn get(&self, name: &str) -> Option<&'a Dynamic> {
        match self {
            Self::Checked(workflow) => workflow.var(name),
            Self::Written(vars) => vars.get(name).map(|var| &var.expr),
        }
    }
}

impl<'a> Context<'a> {
    /// The scope of a job of this workflow.
    pub(crate) const fn new(workflow: &'a Workflow, scope: &'a Scope) -> Self {
        Self {
            vars: Vars::Checked(workflow),
            scope,
        }
    }

    /// The variables of a document, for what depends on nothing else.
    pub(crate) const fn of_vars(vars: &'a IndexMap<String, ParamExpr>, scope: &'a Scope) -> Self {
        Self {
            vars: Vars::Written(vars),
            scope,
        }
    }

    /// The value; errors are lower-case fragments.
    pub(crate) fn evaluate(&self, dynamic: &Dynamic) -> Result<Value, String> {
        match &dynamic.kind {
            DynamicKind::Literal(value) => Ok(value.clone()),
            DynamicKind::Expression(expression) => self.expression(expression),
            DynamicKind::Text(pieces) => self.text(pieces).map(Value::Text),
            DynamicKind::List(items) => items
                .iter()
                .map(|item| self.evaluate(item))
                .collect::<Result<_, _>>()
                .map(Value::List),
            DynamicKind::Record(fields) => fields
                .iter()
                .map(|(name, _, value)| Ok((name.clone(), self.evaluate(value)?)))
                .collect::<Result<_, _>>()
                .map(Value::Record),
        }
    }

    fn text(&self, pieces: &[Piece]) -> Result<String, String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Expression(expression) => {
                    text.push_str(&shown(&self.expression(expression)?, expression)?);
                }
            }
            if text.len() > MAX_TEXT_BYTES {
                return Err(format!("the text is longer than {MAX_TEXT_BYTES} bytes"));
            }
        }
        Ok(text)
    }

    /// The value of one expression.
    pub(crate) fn expression(&self, expression: &Expression) -> Result<Value, String> {
        if expression.bare
            && let Some(value) = self.direct(&expression.references[0])?
        {
            return Ok(value);
        }
        let mut tree = Tree::default();
        for reference in &expression.references {
            let (depth, value) = self.root_of(reference)?;
            tree.put(&reference.path[..depth], engine::to_engine(&value));
        }
        let source = expression.source.trim();
        engine::evaluate(&expression.program, tree.into_roots())
            .map_err(|error| format!("${{{{ {source} }}}}: {error}"))
    }

    /// The value of a reference that names a whole value; none when it reaches into one.
    fn direct(&self, reference: &PlacedReference) -> Result<Option<Value>, String> {
        let (depth, value) = self.root_of(reference)?;
        Ok((depth == reference.path.len()).then_some(value))
    }

    /// The value a reference begins with, and how many of its names lead there.
    fn root_of(&self, reference: &PlacedReference) -> Result<(usize, Value), String> {
        let path: Vec<&str> = reference.path.iter().map(String::as_str).collect();
        let missing = || format!("`{}` has no value yet", path.join("."));
        match path.as_slice() {
            ["inputs", name, ..] => {
                let value = self.scope.inputs.get(*name).ok_or_else(missing)?;
                Ok((2, value.clone()))
            }
            ["vars", name, ..] => {
                let var = self.vars.get(name).ok_or_else(missing)?;
                Ok((2, self.evaluate(var)?))
            }
            ["item", ..] => {
                let item = self.scope.item.as_ref().ok_or_else(missing)?;
                Ok((1, item.value.clone()))
            }
            ["index", ..] => {
                let item = self.scope.item.as_ref().ok_or_else(missing)?;
                Ok((1, Value::Int(item.index as i64)))
            }
            ["job", "id", ..] => Ok((2, Value::Text(self.scope.job.id.clone()))),
            ["job", "date", ..] => Ok((2, Value::Text(self.scope.job.date.clone()))),
            ["nodes", node, port, ..] => {
                let ports = self.scope.nodes.get(*node).ok_or_else(missing)?;
                Ok((3, ports.get(*port).ok_or_else(missing)?.clone()))
            }
            _ => Err(missing()),
        }
    }
}

/// A value inside a text.
fn shown(value: &Value, expression: &Expression) -> Result<String, String> {
    value.shown().ok_or_else(|| {
        format!(
            "${{{{ {} }}}} is {} and cannot stand inside a text",
            expression.source.trim(),
            value.noun()
        )
    })
}

/// Nested maps under construction.
#[derive(Default)]
struct Tree {
    leaf: Option<minijinja::Value>,
    branches: BTreeMap<String, Tree>,
}

impl Tree {
    fn put(&mut self, path: &[String], value: minijinja::Value) {
        match path {
            [] => self.leaf = Some(value),
            [name, rest @ ..] => self
                .branches
                .entry(name.clone())
                .or_default()
                .put(rest, value),
        }
    }

    fn into_roots(self) -> BTreeMap<String, minijinja::Value> {
        self.branches
            .into_iter()
            .map(|(name, branch)| (name, branch.into_value()))
            .collect()
    }

    fn into_value(self) -> minijinja::Value {
        match self.leaf {
            Some(leaf) => leaf,
            None => minijinja::Value::from(self.into_roots()),
        }
    }
}
