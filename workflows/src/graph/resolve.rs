//! The second pass: does every name in every expression exist?
//!
//! Neighbours: `read` gave the names, `typecheck` asks next whether the values fit.

use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::expr::{CONTEXTS, JOB_FIELDS, PlacedReference};
use crate::suggest::nearest;

/// Looks every name up.
pub(super) fn check(raw: &RawWorkflow, found: &mut Diagnostics) {
    for (name, var) in &raw.vars {
        for reference in var.expr.references() {
            check_in_var(raw, name, reference, found);
        }
    }
    for node in raw.nodes.values() {
        let list = node.for_each.as_ref().map(|param| param.expr.span);
        for param in node.values() {
            for reference in param.expr.references() {
                let sees_item = node.for_each.is_some() && list != Some(param.expr.span);
                if !is_item(reference) {
                    check_reference(raw, reference, found);
                } else if !sees_item {
                    found.push(no_item(reference, node.for_each.is_some()));
                }
            }
        }
        for (name, span) in &node.needs {
            if !raw.nodes.contains_key(name) {
                push(unknown_node(raw, name, *span), found);
            }
        }
    }
    for output in raw.outputs.values() {
        for reference in output.expr.references() {
            if is_item(reference) {
                found.push(no_item(reference, false));
            } else {
                check_reference(raw, reference, found);
            }
        }
    }
    // A slip in a name makes nodes look unused; one complaint is enough.
    if !found.has_errors() {
        unused(raw, found);
    }
}

/// Variables see inputs and the job only: they are values of the document, not results of work.
fn check_in_var(
    raw: &RawWorkflow,
    name: &str,
    reference: &PlacedReference,
    found: &mut Diagnostics,
) {
    match reference.path[0].as_str() {
        first @ ("nodes" | "vars") => found.push(
            Diagnostic::error(
                codes::EXPR_CONTEXT,
                reference.span,
                format!("the variable `{name}` cannot see `{first}`"),
            )
            .hint("variables see `inputs` and `job`; write the rest where it is used"),
        ),
        "item" | "index" => found.push(no_item(reference, false)),
        _ => check_reference(raw, reference, found),
    }
}

fn push(problem: Option<Diagnostic>, found: &mut Diagnostics) {
    if let Some(problem) = problem {
        found.push(problem);
    }
}

fn is_item(reference: &PlacedReference) -> bool {
    matches!(reference.path[0].as_str(), "item" | "index")
}

/// `item` or `index` where there is none: outside nodes with `for_each`, and in the list itself.
fn no_item(reference: &PlacedReference, in_list: bool) -> Diagnostic {
    let name = &reference.path[0];
    let diagnostic = Diagnostic::error(
        codes::FOR_EACH,
        reference.span,
        if in_list {
            format!("`for_each` cannot see `{name}`: it is what makes the items")
        } else {
            format!("there is no `{name}` here")
        },
    );
    diagnostic.hint(if in_list {
        "write a list: an output, an input, or zip(...) of several"
    } else {
        "only the values of a node with `for_each` see `item` and `index`"
    })
}

fn check_reference(raw: &RawWorkflow, reference: &PlacedReference, found: &mut Diagnostics) {
    let path: Vec<&str> = reference.path.iter().map(String::as_str).collect();
    let problem = match path.as_slice() {
        ["inputs", name, ..] if raw.inputs.contains_key(*name) => return,
        ["vars", name, ..] if raw.vars.contains_key(*name) => return,
        ["job", field] if JOB_FIELDS.contains(field) => return,
        ["nodes", node, port, ..] => match raw.nodes.get(*node) {
            Some(raw_node) => match unknown_port(node, raw_node, port, reference) {
                Some(problem) => problem,
                None => return,
            },
            None => {
                push(unknown_node(raw, node, name_span(reference, 1)), found);
                return;
            }
        },
        ["nodes", node] => {
            push(incomplete(raw, node, reference), found);
            return;
        }
        ["inputs", name, ..] => unknown_input(raw, name, name_span(reference, 1)),
        ["vars", name, ..] => Diagnostic::error(
            codes::UNKNOWN_VAR,
            name_span(reference, 1),
            format!("there is no variable `{name}`"),
        )
        .suggest(raw.near_var(name), name_span(reference, 1))
        .hint("variables are declared under `vars`"),
        ["job", ..] => Diagnostic::error(
            codes::EXPR_JOB,
            reference.span,
            format!("a job has no field `{}`", path[1..].join(".")),
        )
        .hint("a job has `id` and `date`"),
        // Names that expressions cannot see at all were refused when the expression was read.
        [context] if !CONTEXTS.contains(context) => return,
        [context] => Diagnostic::error(
            codes::INCOMPLETE,
            reference.span,
            format!("`{context}` alone is not a value"),
        )
        .hint(match *context {
            "nodes" => "write ${{ nodes.<node>.<output> }}",
            _ => "write the name after a dot, for example ${{ inputs.topic }}",
        }),
        _ => return,
    };
    found.push(problem);
}

/// The span of one name of a reference; the whole reference when it is written with spaces.
fn name_span(reference: &PlacedReference, index: usize) -> Span {
    let dotted = reference.path.join(".").len();
    if reference.span.end - reference.span.start != dotted {
        return reference.span;
    }
    let before: usize = reference.path[..index]
        .iter()
        .map(|name| name.len() + 1)
        .sum();
    let start = reference.span.start + before;
    Span::new(start, start + reference.path[index].len())
}

/// A node that is referred to and does not exist; none where there are no nodes at all, because that is told already.
fn unknown_node(raw: &RawWorkflow, name: &str, span: Span) -> Option<Diagnostic> {
    if raw.nodes.is_empty() {
        return None;
    }
    let near = raw.near_node(name);
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_NODE,
        span,
        format!("there is no node `{name}`"),
    )
    .suggest(near, span);
    Some(match near {
        Some(near) => diagnostic.label(raw.nodes[near].id_span, format!("`{near}` is here")),
        None => {
            let names: Vec<&str> = raw.nodes.keys().take(12).map(String::as_str).collect();
            diagnostic.hint(format!("the nodes are {}", names.join(", ")))
        }
    })
}

fn unknown_input(raw: &RawWorkflow, name: &str, span: Span) -> Diagnostic {
    let near = raw.near_input(name);
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_INPUT,
        span,
        format!("there is no input `{name}`"),
    )
    .suggest(near, span);
    match near {
        Some(near) => diagnostic.label(raw.inputs[near].span, format!("`{near}` is here")),
        None => diagnostic.hint(format!(
            "declare it: `inputs: {{ {name}: {{ type: string }} }}`"
        )),
    }
}

fn unknown_port(
    node: &str,
    raw: &RawNode,
    port: &str,
    reference: &PlacedReference,
) -> Option<Diagnostic> {
    let descriptor = raw.node_type?.descriptor();
    if descriptor.port(port).is_some() {
        return None;
    }
    let span = name_span(reference, 2);
    let ports: Vec<&str> = descriptor.ports.iter().map(|port| port.name).collect();
    let near = nearest(port, ports.iter().copied());
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_PORT,
        span,
        format!("`{node}` ({}) has no output `{port}`", descriptor.kind),
    )
    .suggest(near, span)
    .label(
        raw.type_span,
        format!("its outputs are {}", ports.join(", ")),
    );
    let full: Vec<String> = ports
        .iter()
        .map(|port| format!("nodes.{node}.{port}"))
        .collect();
    Some(match near {
        Some(_) => diagnostic,
        None => diagnostic.hint(format!("write {}", full.join(" or "))),
    })
}

fn incomplete(raw: &RawWorkflow, node: &str, reference: &PlacedReference) -> Option<Diagnostic> {
    let Some(raw_node) = raw.nodes.get(node) else {
        return unknown_node(raw, node, name_span(reference, 1));
    };
    let diagnostic = Diagnostic::error(
        codes::INCOMPLETE,
        reference.span,
        format!("`nodes.{node}` names a node but none of its outputs"),
    );
    Some(match raw_node.node_type {
        Some(node_type) => {
            let ports: Vec<String> = node_type
                .descriptor()
                .ports
                .iter()
                .map(|port| format!("nodes.{node}.{}", port.name))
                .collect();
            diagnostic.hint(format!("write {}", ports.join(" or ")))
        }
        None => diagnostic.hint("write the output's name after a dot"),
    })
}

/// Work that nothing uses is probably a forgotten reference.
fn unused(raw: &RawWorkflow, found: &mut Diagnostics) {
    let used: std::collections::BTreeSet<&str> = raw
        .nodes
        .values()
        .flat_map(RawNode::waits_for)
        .map(|(name, _)| name)
        .chain(
            raw.outputs
                .values()
                .flat_map(|output| output.expr.references())
                .filter(|reference| reference.path[0] == "nodes")
                .filter_map(|reference| reference.path.get(1).map(String::as_str)),
        )
        .collect();
    for (name, node) in &raw.nodes {
        let publishes = node
            .node_type
            .is_none_or(|node_type| node_type.has_effect());
        if !publishes && !used.contains(name.as_str()) {
            found.push(
                Diagnostic::warning(
                    codes::UNUSED,
                    node.id_span,
                    format!("nothing uses the node `{name}`"),
                )
                .hint("refer to one of its outputs, or remove it"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(path: &[&str], span: Span) -> PlacedReference {
        PlacedReference {
            path: path.iter().map(|name| (*name).to_owned()).collect(),
            span,
        }
    }

    #[test]
    fn a_name_is_found_inside_its_reference() {
        let tight = reference(&["nodes", "voice", "seconds"], Span::new(10, 29));
        assert_eq!(name_span(&tight, 1), Span::new(16, 21));
        assert_eq!(name_span(&tight, 2), Span::new(22, 29));
        let spaced = reference(&["nodes", "voice"], Span::new(10, 25));
        assert_eq!(name_span(&spaced, 1), spaced.span);
    }
}
