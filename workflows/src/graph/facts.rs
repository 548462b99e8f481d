//! What a document tells about the parameters of a node before anything runs: values, types, and where they come from.
//!
//! Neighbours: `types` and `constants` find it out, `typecheck` asks the node types' own rules with it. Nothing here
//! complains.

use indexmap::IndexMap;

use super::ParamExpr;
use super::constants::Constants;
use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use super::types::Types;
use crate::expr::{Dynamic, DynamicKind, Expression};
use crate::node::{Given, Known, PortSpec};
use crate::value::{PortType, Value};

/// What a document tells about the values of a node.
pub(super) struct Facts<'a> {
    pub(super) raw: &'a RawWorkflow,
    pub(super) types: Types<'a>,
    pub(super) constants: &'a Constants,
}

impl Facts<'_> {
    /// What is known of a node's parameters. A written `null` gives none.
    pub(super) fn given<'a>(&self, with: &'a IndexMap<String, ParamExpr>) -> Given<'a> {
        let mut given = Given::default();
        for (name, param) in with {
            let known = self.known(&param.expr);
            if known.value != Some(Value::Null) {
                given.add(name, known);
            }
        }
        given
    }

    fn known(&self, value: &Dynamic) -> Known {
        let DynamicKind::Expression(expression) = &value.kind else {
            return Known {
                value: value.literal(),
                ..Known::default()
            };
        };
        let source = self.source(expression);
        Known {
            value: self.constants.value(expression.span).cloned(),
            port_type: known_type(self.types, expression),
            port: source.map(|(_, port)| port),
            ending: source.and_then(|(node, port)| self.ending(node, port)),
        }
    }

    /// The output an expression is, unchanged; none for the list that the turns of a `for_each` make of it.
    fn source(&self, expression: &Expression) -> Option<(&RawNode, &'static PortSpec)> {
        let reference = expression.references.first().filter(|_| expression.bare)?;
        match reference.path.as_slice() {
            [root, node, port] if root == "nodes" => {
                let node = self.raw.nodes.get(node.as_str())?;
                let once = node.node_type.filter(|_| node.for_each.is_none())?;
                Some((node, once.descriptor().port(port)?))
            }
            _ => None,
        }
    }

    /// Written words of the node may decide how its files end; what is computed leaves it open.
    fn ending(&self, node: &RawNode, port: &PortSpec) -> Option<&'static str> {
        let mut written = Given::default();
        for (name, param) in &node.with {
            let value = param.expr.literal();
            written.add(
                name,
                Known {
                    value,
                    ..Known::default()
                },
            );
        }
        node.node_type?.ending(port, &written)
    }
}

/// The type of an expression, where it is sure. A computed picture may be a still or a clip, whatever its list's type
/// says.
pub(super) fn known_type(types: Types<'_>, expression: &Expression) -> Option<PortType> {
    let seen = types.expression(expression)?.port_type()?;
    let mut base = &seen;
    while let PortType::List(inner) = base {
        base = inner;
    }
    let vague = matches!(base, PortType::Media | PortType::Json | PortType::File);
    let named = expression.bare && expression.references[0].path[0] != "item";
    (named || !vague).then_some(seen)
}
