//! Does a node's `for_each` name a list, and is its `if` true or false?
//!
//! Neighbours: `types` knows the types of expressions, `typecheck` checks parameters. What cannot be known before
//! anything runs is judged by [`Workflow::stage`](super::Workflow::stage).

use super::ParamExpr;
use super::constants::Constants;
use super::read::RawWorkflow;
use super::types::{Type, Types};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::MAX_ITEMS;
use crate::expr::DynamicKind;
use crate::value::{PortType, Value};

/// Checks both keys of every node.
pub(super) fn check(raw: &RawWorkflow, constants: &Constants, found: &mut Diagnostics) {
    for node in raw.nodes.values() {
        if let Some(list) = &node.for_each {
            for_each(Types::of(raw), list, constants, found);
        }
        if let Some(condition) = &node.condition {
            condition_of(Types::in_node(raw, node), condition, found);
        }
    }
}

fn for_each(types: Types<'_>, list: &ParamExpr, constants: &Constants, found: &mut Diagnostics) {
    let problem = |message: String| Diagnostic::error(codes::FOR_EACH, list.expr.span, message);
    let items = match &list.expr.kind {
        DynamicKind::List(items) => Some(items.len()),
        DynamicKind::Expression(one) => match constants.value(one.span) {
            Some(Value::List(items)) => Some(items.len()),
            _ => None,
        },
        _ => None,
    };
    if let Some(items) = items {
        if items > MAX_ITEMS {
            found.push(
                problem(format!("the list has {items} items, more than {MAX_ITEMS}"))
                    .hint("split it into several workflows, or run a batch"),
            );
        }
        return;
    }
    let Some(seen) = types.value(&list.expr) else {
        return;
    };
    if seen.may_be_list() && !matches!(list.expr.kind, DynamicKind::Record(_)) {
        return;
    }
    let hint = match (&seen, &list.expr.kind) {
        (Type::Port(PortType::Text), DynamicKind::Text(_)) => {
            "write one expression and nothing around it: `for_each: ${{ inputs.topics }}`"
        }
        (Type::Port(PortType::Text), DynamicKind::Literal(_)) => {
            "write a list, `[a, b]`, or refer to one: `for_each: ${{ inputs.topics }}`"
        }
        (Type::Port(PortType::Text), _) => "make a list of a text with split(text, ',')",
        (Type::Port(PortType::Number), DynamicKind::Expression(_)) => {
            "for every number below it, write range(...) around it: `${{ range(inputs.count) }}`"
        }
        (Type::Port(PortType::Number), _) => "for numbers from 0 on, write ${{ range(5) }}",
        (Type::Port(PortType::Script), _) => "refer to the node's `scenes`",
        _ => "refer to an output or an input that is a list, or write one: [a, b]",
    };
    found.push(
        problem(format!(
            "`for_each` takes a list, but this is {}",
            noun(&seen)
        ))
        .hint(hint),
    );
}

fn condition_of(types: Types<'_>, condition: &ParamExpr, found: &mut Diagnostics) {
    let wrong = |seen: String, hint: &str| {
        Diagnostic::error(
            codes::CONDITION,
            condition.expr.span,
            format!("`if` must be true or false, but this is {seen}"),
        )
        .hint(hint)
    };
    match &condition.expr.kind {
        DynamicKind::Text(_) => found.push(wrong(
            "text".to_owned(),
            "put the whole condition between the braces: `if: ${{ inputs.mood == 'calm' }}`",
        )),
        // Nothing is false; an expression that cannot be read is told as that.
        DynamicKind::Literal(Value::Bool(_) | Value::Null) => {}
        DynamicKind::Literal(Value::Text(text)) if !text.contains("${{") => found.push(wrong(
            "text".to_owned(),
            "a condition is an expression: `if: ${{ inputs.mood == 'calm' }}`",
        )),
        _ => {
            let bool = Type::Port(PortType::Bool);
            if let Some(seen) = types.value(&condition.expr).filter(|seen| *seen != bool)
                && seen != Type::Port(PortType::Json)
            {
                found.push(wrong(
                    noun(&seen),
                    "compare it: ${{ inputs.topic != '' }}, ${{ len(nodes.clips.media) > 0 }}, ${{ nodes.bed.audio != null }}",
                ));
            }
        }
    }
}

fn noun(seen: &Type) -> String {
    match (seen, seen.port_type()) {
        (Type::Port(PortType::Json), _) => "a map".to_owned(),
        (Type::Null, _) => "nothing".to_owned(),
        (_, Some(port)) => port.with_article(),
        (_, None) => "a list".to_owned(),
    }
}
