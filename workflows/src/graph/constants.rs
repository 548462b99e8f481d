//! Expressions that see nothing but constants: they are evaluated here, so that what fails in every run is told before one.
//!
//! Neighbours: `expr` evaluates, `typecheck` and `turns` hold the values against their places. How much is evaluated has
//! a limit, because compiling must stay fast whatever the document; the rest is left to the run.

use std::collections::{HashMap, HashSet};

use super::read::RawWorkflow;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::execution::Scope;
use crate::expr::{Ast, Context, Dynamic, DynamicKind, Expression, FUNCTIONS, Piece};
use crate::value::Value;

/// What all constants of a document may cost; a short expression costs one or two.
const BUDGET: usize = 10_000;

/// What a call costs where a short text makes a long list.
const LIST_COST: usize = 1000;

/// The values of expressions, by their places.
#[derive(Default)]
pub(super) struct Constants {
    values: HashMap<(usize, usize), Value>,
}

impl Constants {
    /// The value of an expression that sees only constants.
    pub(super) fn value(&self, span: Span) -> Option<&Value> {
        self.values.get(&(span.start, span.end))
    }
}

/// Evaluates every constant of the document; what fails is told.
pub(super) fn evaluate(raw: &RawWorkflow, found: &mut Diagnostics) -> Constants {
    let scope = Scope::default();
    let refused = found
        .iter()
        .filter(|one| one.code == codes::EXPR_VALUE)
        .map(|one| (one.span.start, one.span.end))
        .collect();
    let mut evaluation = Evaluation {
        raw,
        context: Context::of_vars(&raw.vars, &scope),
        left: BUDGET,
        refused,
        done: Constants::default(),
    };
    let values = raw.vars.values().chain(raw.outputs.values());
    for value in values.chain(raw.nodes.values().flat_map(|node| node.values())) {
        evaluation.value(&value.expr, found);
    }
    evaluation.done
}

struct Evaluation<'a> {
    raw: &'a RawWorkflow,
    context: Context<'a>,
    left: usize,
    /// Places of which it was told already why they have no value.
    refused: HashSet<(usize, usize)>,
    done: Constants,
}

impl Evaluation<'_> {
    fn value(&mut self, value: &Dynamic, found: &mut Diagnostics) {
        match &value.kind {
            DynamicKind::Literal(_) => {}
            DynamicKind::Expression(expression) => self.expression(expression, false, found),
            DynamicKind::Text(pieces) => {
                for piece in pieces {
                    if let Piece::Expression(expression) = piece {
                        self.expression(expression, true, found);
                    }
                }
            }
            DynamicKind::List(items) => items.iter().for_each(|item| self.value(item, found)),
            DynamicKind::Record(fields) => fields
                .iter()
                .for_each(|(_, _, field)| self.value(field, found)),
        }
    }

    fn expression(&mut self, expression: &Expression, in_text: bool, found: &mut Diagnostics) {
        let Some(cost) = self.cost(expression) else {
            return;
        };
        let Some(left) = self.left.checked_sub(cost) else {
            return;
        };
        self.left = left;
        let reason = match self.context.expression(expression) {
            Ok(value) if in_text && value.shown().is_none() => {
                format!("{} cannot stand inside a text", value.noun())
            }
            Ok(value) => {
                let place = (expression.span.start, expression.span.end);
                self.done.values.insert(place, value);
                return;
            }
            Err(reason) => reason,
        };
        found.push(
            Diagnostic::error(codes::EXPR_VALUE, expression.span, reason)
                .hint("it sees nothing that could change, so every run would fail here"),
        );
    }

    /// What evaluating takes; none when the expression sees more than constants, or is wrong in ways others tell.
    fn cost(&self, expression: &Expression) -> Option<usize> {
        let place = (expression.span.start, expression.span.end);
        if !expression.is_read() || self.refused.contains(&place) {
            return None;
        }
        let mut bytes = expression.source.len();
        for reference in &expression.references {
            let ["vars", name, ..] = reference
                .path
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()[..]
            else {
                return None;
            };
            bytes += size_of_constant(&self.raw.vars.get(name)?.expr)?;
        }
        let mut calls = Calls::default();
        calls.count(&expression.tree)?;
        let lists = if calls.makes_lists { calls.all } else { 0 };
        Some(1 + bytes / 64 + lists * LIST_COST)
    }
}

/// Bytes of a variable without expressions; none for others, which are evaluated where they are written.
fn size_of_constant(value: &Dynamic) -> Option<usize> {
    Some(match &value.kind {
        DynamicKind::Literal(Value::Text(text)) => text.len(),
        DynamicKind::Literal(_) => 8,
        DynamicKind::Expression(_) | DynamicKind::Text(_) => return None,
        DynamicKind::List(items) => items
            .iter()
            .map(size_of_constant)
            .try_fold(8, |sum, size| Some(sum + size?))?,
        DynamicKind::Record(fields) => fields
            .iter()
            .map(|(name, _, field)| Some(name.len() + size_of_constant(field)?))
            .try_fold(8, |sum, size| Some(sum + size?))?,
    })
}

/// The calls of an expression.
#[derive(Default)]
struct Calls {
    all: usize,
    /// Whether a short text may make a long list.
    makes_lists: bool,
}

impl Calls {
    /// None when a function does not exist or gets another number of arguments than it takes.
    fn count(&mut self, tree: &Ast) -> Option<()> {
        match tree {
            Ast::Null
            | Ast::Bool(_)
            | Ast::Whole(_)
            | Ast::Float(_)
            | Ast::Text(_)
            | Ast::Root(_) => {}
            Ast::List(parts) | Ast::Logic(_, parts) => {
                parts.iter().try_for_each(|part| self.count(part))?;
            }
            Ast::Map(fields) => fields.iter().try_for_each(|(_, value)| self.count(value))?,
            Ast::Field(of, _) => self.count(of)?,
            Ast::Index(of, at) => {
                self.count(of)?;
                self.count(at)?;
            }
            Ast::Call(name, arguments) => {
                let function = FUNCTIONS.iter().find(|known| known.name == name)?;
                let (least, most) = function.arguments;
                if !(least..=most).contains(&arguments.len()) {
                    return None;
                }
                self.all += 1;
                self.makes_lists |= matches!(name.as_str(), "range" | "product");
                arguments.iter().try_for_each(|part| self.count(part))?;
            }
            Ast::Operator(_, left, right) => {
                self.count(left)?;
                right.iter().try_for_each(|right| self.count(right))?;
            }
            Ast::Choice {
                then,
                condition,
                otherwise,
            } => {
                for part in [then, condition, otherwise] {
                    self.count(part)?;
                }
            }
        }
        Some(())
    }
}
