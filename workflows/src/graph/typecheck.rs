//! The third pass: does every value fit its parameter, as far as can be said before anything runs?
//!
//! Literals are held against type, range and choices; references against the types of ports and inputs; everything
//! else is computed and checked when the node is prepared.

use super::ParamExpr;
use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::expr::{Dynamic, DynamicKind, Expression};
use crate::node::{Misfit, NodeDescriptor, ParamSpec, ParamType, Written, near_field};
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// Checks every parameter of every node, and the outputs.
pub(super) fn check(raw: &RawWorkflow, found: &mut Diagnostics) {
    for (id, node) in &raw.nodes {
        let Some(node_type) = node.node_type else {
            continue;
        };
        let descriptor = node_type.descriptor();
        unknown_params(descriptor, node, found);
        missing_params(id, descriptor, node, found);
        for spec in &descriptor.params {
            if let Some(param) = node.with.get(spec.name) {
                check_param(raw, spec, param, found);
            }
        }
        node_type.check(&Written::new(node.type_span, &node.with), found);
    }
    for (name, output) in &raw.outputs {
        check_output(raw, name, output, found);
    }
}

fn unknown_params(descriptor: &NodeDescriptor, node: &RawNode, found: &mut Diagnostics) {
    let names: Vec<&str> = descriptor.params.iter().map(|param| param.name).collect();
    for (name, param) in &node.with {
        if names.contains(&name.as_str()) {
            continue;
        }
        let near = nearest(name, names.iter().copied());
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_PARAM,
            param.key_span,
            format!("{} has no parameter `{name}`", descriptor.kind),
        )
        .suggest(near, param.key_span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint(format!("its parameters are {}", names.join(", "))),
        });
    }
}

fn missing_params(id: &str, descriptor: &NodeDescriptor, node: &RawNode, found: &mut Diagnostics) {
    for spec in &descriptor.params {
        if spec.required && !node.with.contains_key(spec.name) {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    node.type_span,
                    format!(
                        "`{id}` ({}) needs the parameter `{}`",
                        descriptor.kind, spec.name
                    ),
                )
                .hint(format!("add `{}` to `with`: {}", spec.name, spec.doc)),
            );
        }
    }
}

fn check_param(raw: &RawWorkflow, spec: &ParamSpec, param: &ParamExpr, found: &mut Diagnostics) {
    if param.expr.literal() == Some(Value::Null) {
        if !spec.accepts_null() {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    param.expr.span,
                    format!("`{}` must have a value", spec.name),
                )
                .hint(format!("`{}` takes {}", spec.name, spec.param_type)),
            );
        }
        return;
    }
    let check = ParamCheck {
        raw,
        name: spec.name,
    };
    check.spec(spec, param.key_span, &param.expr, found);
}

struct ParamCheck<'a> {
    raw: &'a RawWorkflow,
    name: &'a str,
}

impl ParamCheck<'_> {
    /// A value against its specification: what this version cannot heed is refused rather than ignored.
    fn spec(&self, spec: &ParamSpec, key_span: Span, value: &Dynamic, found: &mut Diagnostics) {
        if let Some(instead) = spec.later {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    key_span,
                    format!("`{}` is not available in this version yet", spec.name),
                )
                .hint(instead),
            );
            return;
        }
        if let Some((word, instead)) = value
            .literal()
            .and_then(|literal| spec.instead_of(&literal))
        {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    value.span,
                    format!(
                        "`{}: {word}` is not available in this version yet",
                        spec.name
                    ),
                )
                .hint(instead),
            );
            return;
        }
        self.value(value, &spec.param_type, found);
    }

    /// The fields of a map against theirs.
    fn fields(
        &self,
        map: (&[(String, Span, Dynamic)], Span),
        specs: &[ParamSpec],
        found: &mut Diagnostics,
    ) {
        let (fields, span) = map;
        for (name, key_span, value) in fields {
            match specs.iter().find(|spec| spec.name == name) {
                Some(spec) => {
                    let inner = ParamCheck {
                        raw: self.raw,
                        name,
                    };
                    inner.spec(spec, *key_span, value, found);
                }
                None => {
                    let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
                    let diagnostic = Diagnostic::error(
                        codes::UNKNOWN_PARAM,
                        *key_span,
                        format!("`{}` has no field `{name}`", self.name),
                    );
                    found.push(match near_field(name, specs) {
                        Some(near) => diagnostic.suggest(Some(near), *key_span),
                        None => diagnostic.hint(format!("its fields are {}", names.join(", "))),
                    });
                }
            }
        }
        for spec in specs.iter().filter(|spec| spec.required) {
            if !fields.iter().any(|(name, ..)| name == spec.name) {
                found.push(
                    Diagnostic::error(
                        codes::MISSING_PARAM,
                        span,
                        format!("`{}` needs `{}`", self.name, spec.name),
                    )
                    .hint(format!("add `{}`: {}", spec.name, spec.doc)),
                );
            }
        }
    }

    fn value(&self, value: &Dynamic, wanted: &ParamType, found: &mut Diagnostics) {
        match (&value.kind, wanted) {
            (DynamicKind::Expression(expression), _) => {
                self.expression(expression, wanted, found);
            }
            (DynamicKind::Text(_), _) => {
                if !wanted.accepts(&PortType::Text) {
                    found.push(self.mismatch(wanted, "text", value.span));
                }
            }
            (DynamicKind::List(items), wanted) => match item_type(wanted) {
                Some(inner) => items
                    .iter()
                    .for_each(|item| self.value(item, &inner, found)),
                None => found.push(self.mismatch(wanted, "a list", value.span)),
            },
            (DynamicKind::Record(fields), _) => match wanted.fields() {
                Some(specs) => self.fields((fields, value.span), specs, found),
                None if wanted.takes_any_map() => self.texts(fields, wanted, found),
                None => found.push(self.mismatch(wanted, "a map", value.span)),
            },
            (DynamicKind::Literal(literal), _) => {
                if let Err(misfit) = wanted.fit(literal.clone()) {
                    found.push(self.misfit(misfit, wanted, literal, value.span));
                }
            }
        }
    }

    /// The values of a map of texts.
    fn texts(
        &self,
        fields: &[(String, Span, Dynamic)],
        wanted: &ParamType,
        found: &mut Diagnostics,
    ) {
        if *wanted != ParamType::Texts {
            return;
        }
        for (name, _, value) in fields {
            let inner = ParamCheck {
                raw: self.raw,
                name,
            };
            inner.value(value, &ParamType::Text { max_chars: 500 }, found);
        }
    }

    fn expression(&self, expression: &Expression, wanted: &ParamType, found: &mut Diagnostics) {
        let Some((from, place)) = static_type(self.raw, expression) else {
            return;
        };
        if wanted.accepts(&from) {
            return;
        }
        let span = expression
            .references
            .first()
            .map_or(expression.span, |reference| reference.span);
        let mut diagnostic = Diagnostic::error(
            codes::TYPE_MISMATCH,
            span,
            format!(
                "`{}` takes {wanted}, but this is {}",
                self.name,
                from.with_article()
            ),
        );
        if let Some((place, what)) = place {
            diagnostic = diagnostic.label(place, what);
        }
        if !matches!(wanted, ParamType::Port(_)) {
            found.push(diagnostic.hint(advice(wanted)));
            return;
        }
        found.push(match self.fitting(wanted).as_slice() {
            [] => diagnostic.hint(format!("nothing else in this document is {wanted}")),
            fitting => diagnostic.hint(format!("what fits here: {}", fitting.join(", "))),
        });
    }

    /// Outputs of the document's nodes that the parameter would take.
    fn fitting(&self, wanted: &ParamType) -> Vec<String> {
        let outputs = self.raw.nodes.iter().flat_map(|(id, node)| {
            let ports = node.node_type.map(|one| one.descriptor().ports.as_slice());
            ports
                .unwrap_or_default()
                .iter()
                .filter(|port| wanted.accepts(&port.port_type))
                .map(move |port| format!("nodes.{id}.{}", port.name))
        });
        outputs.take(4).collect()
    }

    fn mismatch(&self, wanted: &ParamType, seen: &str, span: Span) -> Diagnostic {
        Diagnostic::error(
            codes::TYPE_MISMATCH,
            span,
            format!("`{}` takes {wanted}, but this is {seen}", self.name),
        )
        .hint(advice(wanted))
    }

    fn misfit(
        &self,
        misfit: Misfit,
        wanted: &ParamType,
        literal: &Value,
        span: Span,
    ) -> Diagnostic {
        if misfit.wrong_type {
            let scalar = matches!(literal, Value::Int(_) | Value::Float(_) | Value::Bool(_));
            let seen = if scalar {
                format!("{} {}", literal.noun(), literal.preview(40))
            } else {
                literal.noun()
            };
            let mut diagnostic = self.mismatch(wanted, &seen, span);
            if scalar && matches!(wanted, ParamType::Text { .. }) {
                diagnostic.hints = vec!["quote it to make it text".to_owned()];
            }
            return diagnostic;
        }
        let diagnostic = Diagnostic::error(
            codes::BAD_VALUE,
            span,
            format!("`{}`: {}", self.name, misfit.message),
        );
        match misfit.suggestion {
            Some(word) => diagnostic.suggest(Some(word), span),
            None => diagnostic.hint(advice(wanted)),
        }
    }
}

fn advice(wanted: &ParamType) -> String {
    match wanted {
        ParamType::Port(port_type) => {
            format!(
                "refer to {}: ${{{{ nodes.<node>.<output> }}}}",
                port_type.with_article()
            )
        }
        ParamType::Text { .. } => "write a text".to_owned(),
        other => format!("write {other}"),
    }
}

/// The type of the items where a list may stand.
fn item_type(wanted: &ParamType) -> Option<ParamType> {
    match wanted {
        ParamType::Many(inner) => Some((**inner).clone()),
        ParamType::Port(PortType::List(inner)) => Some(ParamType::Port((**inner).clone())),
        ParamType::Either(types) => types.iter().find_map(item_type),
        _ => None,
    }
}

/// The type of an expression that is one reference, with the place that gives it this type.
fn static_type(
    raw: &RawWorkflow,
    expression: &Expression,
) -> Option<(PortType, Option<(Span, String)>)> {
    if !expression.bare {
        return None;
    }
    let path: Vec<&str> = expression.references[0]
        .path
        .iter()
        .map(String::as_str)
        .collect();
    match path.as_slice() {
        ["nodes", node, port] => {
            let raw_node = raw.nodes.get(*node)?;
            let descriptor = raw_node.node_type?.descriptor();
            let port_type = descriptor.port(port)?.port_type.clone();
            let label = format!(
                "{} makes `{port}`, {}",
                descriptor.kind,
                port_type.with_article()
            );
            Some((port_type, Some((raw_node.type_span, label))))
        }
        ["inputs", name] => {
            let spec = raw.inputs.get(*name)?;
            let label = format!("`{name}` is declared as {} here", spec.input_type);
            Some((spec.input_type.port_type(), Some((spec.span, label))))
        }
        ["vars", name] => {
            let var = raw.vars.get(*name)?;
            let port_type = match &var.expr.kind {
                DynamicKind::Literal(value) => value.port_type()?,
                DynamicKind::Text(_) => PortType::Text,
                DynamicKind::Expression(inner) => static_type(raw, inner)?.0,
                DynamicKind::List(_) | DynamicKind::Record(_) => return None,
            };
            Some((
                port_type,
                Some((var.key_span, format!("`{name}` is written here"))),
            ))
        }
        ["job", _] => Some((PortType::Text, None)),
        _ => None,
    }
}

fn check_output(raw: &RawWorkflow, name: &str, output: &ParamExpr, found: &mut Diagnostics) {
    let port_type = match &output.expr.kind {
        DynamicKind::Expression(expression) => static_type(raw, expression).map(|found| found.0),
        DynamicKind::Record(_) => Some(PortType::Json),
        _ => None,
    };
    let shows = |port_type: &PortType| {
        matches!(
            port_type,
            PortType::Text | PortType::Number | PortType::Bool | PortType::Json
        )
    };
    match port_type {
        Some(PortType::List(inner)) if shows(&inner) => {}
        Some(port_type)
            if !shows(&port_type) || matches!(output.expr.kind, DynamicKind::Record(_)) =>
        {
            found.push(
                Diagnostic::error(
                    codes::OUTPUT,
                    output.expr.span,
                    format!(
                        "the output `{name}` is {}, which cannot be shown",
                        port_type.with_article()
                    ),
                )
                .hint("publish it with Output.Download and output that node's `path`"),
            );
        }
        _ => {}
    }
}
