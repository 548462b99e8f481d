//! Outputs that may not be there: does whoever uses them say what then?
//!
//! A node with `if`, `on_error: skip` or `optional` may be skipped; its outputs are null then. Whoever refers to one
//! must name another value with `default(...)`, or ask first. Neighbours: `resolve` has looked the names up.

use std::collections::{HashMap, HashSet};

use super::ParamExpr;
use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use super::rules::OnError;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::expr::{Ast, Dynamic, DynamicKind, Expression};

/// Every reference to an output that may be missing and is used as if it could not.
pub(super) fn check(raw: &RawWorkflow, found: &mut Diagnostics) {
    let optional: HashMap<&str, Optional<'_>> = raw
        .nodes
        .iter()
        .filter_map(|(id, node)| Some((id.as_str(), optional(node)?)))
        .collect();
    if optional.is_empty() {
        return;
    }
    for node in raw.nodes.values() {
        let asked = Asked::by(node);
        for value in node.values() {
            let is_condition = node
                .condition
                .as_ref()
                .is_some_and(|condition| condition.expr.span == value.expr.span);
            for expression in value.expr.expressions() {
                // A condition that is nothing is false.
                if !(is_condition && expression.bare) {
                    let mut one = Use::new(&optional, Some(&asked), expression);
                    one.needed = expression.bare && is_needed(node, value);
                    one.check(found);
                }
            }
        }
    }
    for output in raw.outputs.values() {
        // An output that is nothing is left out.
        if !matches!(&output.expr.kind, DynamicKind::Expression(one) if one.bare) {
            for expression in output.expr.expressions() {
                Use::new(&optional, None, expression).check(found);
            }
        }
    }
}

/// Whether the value belongs to a parameter that cannot do without one.
fn is_needed(node: &RawNode, value: &ParamExpr) -> bool {
    let name = node
        .with
        .iter()
        .find(|(_, one)| one.key_span == value.key_span);
    let spec = name
        .zip(node.node_type)
        .and_then(|((name, _), node_type)| node_type.descriptor().param(name));
    spec.is_some_and(|spec| spec.required)
}

/// Why a node may be skipped.
struct Optional<'a> {
    why: &'static str,
    place: Span,
    /// Its condition, when that is the only reason.
    condition: Option<&'a Dynamic>,
}

fn optional(node: &RawNode) -> Option<Optional<'_>> {
    let skips = node.rules.on_error == OnError::Skip && node.for_each.is_none();
    // A condition about items makes the lists shorter; they are there.
    let condition = node.condition.as_ref().filter(|condition| {
        !condition
            .expr
            .references()
            .any(|reference| matches!(reference.path[0].as_str(), "item" | "index"))
    });
    let why = match (condition, skips, node.rules.optional) {
        (Some(_), ..) => "has a condition",
        (None, true, _) => "is skipped when it fails",
        (None, false, true) => "is optional",
        (None, false, false) => return None,
    };
    Some(Optional {
        why,
        place: node.id_span,
        condition: condition
            .filter(|_| !skips && !node.rules.optional)
            .map(|param| &param.expr),
    })
}

/// What a node has made sure of with its own condition.
struct Asked<'a> {
    nodes: HashSet<&'a str>,
    condition: Option<String>,
}

impl<'a> Asked<'a> {
    fn by(node: &'a RawNode) -> Self {
        let Some(condition) = &node.condition else {
            return Self {
                nodes: HashSet::new(),
                condition: None,
            };
        };
        let nodes = condition
            .expr
            .references()
            .filter(|reference| reference.path[0] == "nodes")
            .filter_map(|reference| reference.path.get(1).map(String::as_str));
        Self {
            nodes: nodes.collect(),
            condition: text_of(&condition.expr),
        }
    }

    /// Whether the node runs only when the other one did.
    fn covers(&self, node: &str, optional: &Optional<'_>) -> bool {
        let same = || optional.condition.and_then(text_of) == self.condition;
        self.nodes.contains(node)
            || (self.condition.is_some() && optional.condition.is_some() && same())
    }
}

fn text_of(condition: &Dynamic) -> Option<String> {
    match &condition.kind {
        DynamicKind::Expression(expression) => Some(expression.source.trim().to_owned()),
        _ => None,
    }
}

/// One expression that may refer to outputs that are not there.
struct Use<'a> {
    optional: &'a HashMap<&'a str, Optional<'a>>,
    asked: Option<&'a Asked<'a>>,
    expression: &'a Expression,
    /// Nodes the expression itself compares: `a if nodes.x.y != null else b`.
    compared: HashSet<&'a str>,
    /// Whether nothing would not do here.
    needed: bool,
    /// How many references were passed; the tree has them in the order of the text.
    at: usize,
}

impl<'a> Use<'a> {
    fn new(
        optional: &'a HashMap<&'a str, Optional<'a>>,
        asked: Option<&'a Asked<'a>>,
        expression: &'a Expression,
    ) -> Self {
        let mut compared = HashSet::new();
        compared_nodes(&expression.tree, &mut compared);
        Self {
            optional,
            asked,
            expression,
            compared,
            needed: false,
            at: 0,
        }
    }

    fn check(mut self, found: &mut Diagnostics) {
        let expression = self.expression;
        self.walk(&expression.tree, false, found);
    }

    /// `safe`: whether nothing may stand here.
    fn walk(&mut self, tree: &Ast, safe: bool, found: &mut Diagnostics) {
        match tree {
            Ast::Null | Ast::Bool(_) | Ast::Whole(_) | Ast::Float(_) | Ast::Text(_) => {}
            Ast::Root(_) => self.reference(safe, found),
            Ast::Field(of, _) => self.walk(of, safe, found),
            Ast::Index(of, at) => {
                self.walk(of, safe, found);
                self.walk(at, false, found);
            }
            Ast::List(items) => items.iter().for_each(|item| self.walk(item, false, found)),
            Ast::Map(fields) => {
                for (_, value) in fields {
                    self.walk(value, false, found);
                }
            }
            Ast::Call(name, arguments) => {
                for (i, argument) in arguments.iter().enumerate() {
                    let defaulted = name == "default" && i == 0 && is_path(argument);
                    self.walk(argument, defaulted, found);
                }
            }
            Ast::Operator(name, left, right) => {
                let compares = matches!(*name, "_equal" | "_different");
                self.walk(left, compares && is_path(left), found);
                if let Some(right) = right {
                    self.walk(right, compares && is_path(right), found);
                }
            }
            Ast::Logic(_, parts) => parts.iter().for_each(|part| self.walk(part, false, found)),
            Ast::Choice {
                then,
                condition,
                otherwise,
            } => {
                for part in [then, condition, otherwise] {
                    self.walk(part, safe, found);
                }
            }
        }
    }

    fn reference(&mut self, safe: bool, found: &mut Diagnostics) {
        let reference = self.expression.references.get(self.at);
        self.at += 1;
        let Some(reference) = reference.filter(|reference| !safe && reference.path.len() > 2)
        else {
            return;
        };
        let node = reference.path[1].as_str();
        let Some(optional) = self
            .optional
            .get(node)
            .filter(|_| reference.path[0] == "nodes")
        else {
            return;
        };
        let covered = self.asked.is_some_and(|asked| asked.covers(node, optional));
        if covered || self.compared.contains(node) {
            return;
        }
        let path = reference.path.join(".");
        let port = reference.path[..3].join(".");
        let diagnostic = Diagnostic::error(
            codes::MAYBE_MISSING,
            reference.span,
            format!("`{port}` may be missing: `{node}` {}", optional.why),
        )
        .label(optional.place, format!("`{node}` {}", optional.why));
        found.push(if self.needed {
            diagnostic.hint(format!(
                "let this node run only when it is there: `if: ${{{{ {port} != null }}}}`, or name what takes its place as the second argument of `default({path}, ...)`"
            ))
        } else {
            diagnostic
                .hint(format!(
                    "say what to use then: ${{{{ default({path}, null) }}}}, or ask first: `if: ${{{{ {port} != null }}}}`"
                ))
                .patch(reference.span, format!("default({path}, null)"))
        });
    }
}

fn is_path(tree: &Ast) -> bool {
    match tree {
        Ast::Root(_) => true,
        Ast::Field(of, _) | Ast::Index(of, _) => is_path(of),
        _ => false,
    }
}

/// The nodes that an expression compares with something.
fn compared_nodes<'a>(tree: &'a Ast, nodes: &mut HashSet<&'a str>) {
    match tree {
        Ast::Operator("_equal" | "_different", left, right) => {
            nodes.extend(node_of(left));
            nodes.extend(right.as_deref().and_then(node_of));
        }
        Ast::Operator(_, left, right) => {
            compared_nodes(left, nodes);
            if let Some(right) = right {
                compared_nodes(right, nodes);
            }
        }
        Ast::Logic(_, parts) => parts.iter().for_each(|part| compared_nodes(part, nodes)),
        Ast::Choice { condition, .. } => compared_nodes(condition, nodes),
        _ => {}
    }
}

/// The node a path leads to.
fn node_of(tree: &Ast) -> Option<&str> {
    match tree {
        Ast::Field(of, name) if **of == Ast::Root("nodes".to_owned()) => Some(name),
        Ast::Field(of, _) | Ast::Index(of, _) => node_of(of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::codes;
    use crate::execution::{SourceFile, compile};

    /// The references that may be missing in node `b` of a document whose node `a` is as given.
    fn missing(a: &str, b: &str) -> Vec<String> {
        let source = SourceFile {
            name: "missing.yaml".into(),
            text: format!(
                "fenta: workflow/v1\ninputs:\n  on: {{ type: bool, default: true }}\n  l: {{ type: 'string[]', default: [x] }}\nnodes:\n  \
                 a: {{ type: Input.Text, with: {{ text: x }}, {a} }}\n  b: {{ type: Input.Text, {b} }}\noutputs: {{ b: \"${{{{ nodes.b.text }}}}\", a: \"${{{{ nodes.a.text }}}}\" }}\n"
            ),
        };
        let found = match compile(&source) {
            Ok(_) => return Vec::new(),
            Err(found) => found,
        };
        assert!(
            found.iter().all(|one| one.code == codes::MAYBE_MISSING),
            "{found}"
        );
        found
            .iter()
            .map(|one| one.span.of(&source.text).to_owned())
            .collect()
    }

    const PLAIN: &str = "with: { text: \"${{ nodes.a.text }}\" }";

    #[test]
    fn whatever_lets_a_node_be_skipped_counts() {
        for a in [
            "on_error: skip",
            "optional: true",
            "if: \"${{ inputs.on }}\"",
            "if: \"${{ inputs.on }}\", on_error: skip",
        ] {
            assert_eq!(missing(a, PLAIN), ["nodes.a.text"], "{a}");
        }
        for a in [
            "on_error: fail",
            "optional: false",
            "on_error: { fallback: { text: y } }",
        ] {
            assert!(missing(a, PLAIN).is_empty(), "{a}");
        }
    }

    #[test]
    fn lists_of_items_are_there_even_when_items_are_not() {
        let joined = "with: { text: \"${{ join(nodes.a.text) }}\" }";
        let each = "for_each: \"${{ inputs.l }}\"";
        assert!(missing(&format!("{each}, on_error: skip"), joined).is_empty());
        assert!(missing(&format!("{each}, if: \"${{{{ item != 'x' }}}}\""), joined).is_empty());
        let whole = format!("{each}, if: \"${{{{ inputs.on }}}}\"");
        assert_eq!(missing(&whole, joined), ["nodes.a.text"]);
    }

    #[test]
    fn whoever_asks_first_or_names_another_value_is_fine() {
        for b in [
            "with: { text: \"${{ default(nodes.a.text, 'y') }}\" }",
            "with: { text: \"${{ nodes.a.text | default('y') }}\" }",
            "with: { text: \"${{ nodes.a.text if nodes.a.text != null else 'y' }}\" }",
            "if: \"${{ nodes.a.text != null }}\", with: { text: \"${{ nodes.a.text }}\" }",
            "if: \"${{ inputs.on }}\", with: { text: \"${{ nodes.a.text }}\" }",
        ] {
            assert!(missing("if: \"${{ inputs.on }}\"", b).is_empty(), "{b}");
        }
        for b in [
            "with: { text: \"${{ upper(nodes.a.text) }}\" }",
            "with: { text: \"${{ default(upper(nodes.a.text), 'y') }}\" }",
            "if: \"${{ not inputs.on }}\", with: { text: \"${{ nodes.a.text }}\" }",
        ] {
            assert_eq!(
                missing("if: \"${{ inputs.on }}\"", b),
                ["nodes.a.text"],
                "{b}"
            );
        }
        // The same condition is not enough when the node may fail besides.
        let same = "if: \"${{ inputs.on }}\", with: { text: \"${{ nodes.a.text }}\" }";
        let both = "if: \"${{ inputs.on }}\", on_error: skip";
        assert_eq!(missing(both, same), ["nodes.a.text"]);
    }
}
