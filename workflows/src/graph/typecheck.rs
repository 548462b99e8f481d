//! The third pass: does every value fit its parameter, as far as can be said before anything runs?
//!
//! Literals are held against type, range and choices; references against the types of ports and inputs; everything
//! else is computed and checked when the node is prepared.

use std::cell::RefCell;
use std::collections::HashMap;

use indexmap::IndexMap;

use super::ParamExpr;
use super::constants::Constants;
use super::facts::{Facts, known_type};
use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use super::types::Types;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::expr::{Dynamic, DynamicKind, Expression, PlacedReference};
use crate::models;
use crate::node::{
    Misfit, NodeDescriptor, NodeType, ParamSpec, ParamType, Written, holds_nothing, near_field,
};
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// Checks every parameter of every node, and the outputs.
pub(super) fn check(raw: &RawWorkflow, constants: &Constants, found: &mut Diagnostics) {
    let fitting = Fitting::default();
    for (id, node) in &raw.nodes {
        let Some(node_type) = node.node_type else {
            continue;
        };
        let descriptor = node_type.descriptor();
        missing_params(id, descriptor, node, found);
        let types = Types::in_node(raw, node);
        for written in [&node.with, &node.fallback] {
            unknown_params(descriptor, written, found);
            for spec in &descriptor.params {
                if let Some(param) = written.get(spec.name) {
                    let check = ParamCheck {
                        raw,
                        types,
                        constants,
                        fitting: &fitting,
                        name: spec.name,
                    };
                    check_param(&check, spec, param, found);
                }
            }
        }
        let facts = Facts {
            raw,
            types,
            constants,
        };
        check_node(&facts, node_type, (node.type_span, &node.with), found);
        if !node.fallback.is_empty() {
            let mut merged = node.with.clone();
            merged.extend(node.fallback.clone());
            check_node(&facts, node_type, (node.type_span, &merged), found);
        }
    }
    for (name, output) in &raw.outputs {
        check_output(raw, name, output, found);
    }
}

/// The node type's own rules.
fn check_node(
    facts: &Facts<'_>,
    node_type: &dyn NodeType,
    (type_span, with): (Span, &IndexMap<String, ParamExpr>),
    found: &mut Diagnostics,
) {
    let providers = node_type
        .role()
        .and_then(|role| facts.raw.settings.providers.get(&role))
        .map_or(&[][..], Vec::as_slice);
    let written = Written::new(type_span, with)
        .with_providers(providers)
        .with_given(facts.given(with));
    check_model(node_type, &written, found);
    node_type.check(&written, found);
    let mut useless = Vec::new();
    node_type.useless(written.given(), &mut useless);
    for one in useless {
        written.means_nothing(one.name, one.beside, &one.why, found);
    }
}

/// The model a node names itself: one that is known, or one that says whose it is.
fn check_model(node_type: &dyn NodeType, written: &Written<'_>, found: &mut Diagnostics) {
    let (Some(role), Some(name)) = (node_type.role(), written.text("model")) else {
        return;
    };
    if let Err(unknown) = models::named(role, name) {
        let span = written.span("model");
        found.push(
            Diagnostic::error(codes::BAD_VALUE, span, unknown.to_string())
                .suggest(unknown.nearest.as_deref(), span)
                .hint("write vendor:model, for example ollama:qwen3:8b"),
        );
    }
}

fn unknown_params(
    descriptor: &NodeDescriptor,
    written: &IndexMap<String, ParamExpr>,
    found: &mut Diagnostics,
) {
    let names: Vec<&str> = descriptor.params.iter().map(|param| param.name).collect();
    for (name, param) in written {
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

fn check_param(
    check: &ParamCheck<'_>,
    spec: &ParamSpec,
    param: &ParamExpr,
    found: &mut Diagnostics,
) {
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
    check.spec(spec, param.key_span, &param.expr, found);
}

/// What would fit a type, looked for once per type however many places want it.
type Fitting = RefCell<HashMap<String, Vec<String>>>;

struct ParamCheck<'a> {
    raw: &'a RawWorkflow,
    types: Types<'a>,
    constants: &'a Constants,
    fitting: &'a Fitting,
    name: &'a str,
}

impl ParamCheck<'_> {
    /// The same place, for a part of its value.
    fn part<'b>(&'b self, name: &'b str) -> ParamCheck<'b> {
        ParamCheck { name, ..*self }
    }

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
        if let Some((span, word, instead)) = later_word(spec, value) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    span,
                    format!(
                        "`{}: {word}` is not available in this version yet",
                        spec.name
                    ),
                )
                .hint(instead),
            );
            return;
        }
        if let Some(instead) = spec.filled.filter(|_| self.holds_nothing(value)) {
            let message = format!("`{}` is empty", self.name);
            found.push(Diagnostic::error(codes::BAD_VALUE, value.span, message).hint(instead));
            return;
        }
        self.value(value, &spec.param_type, found);
    }

    /// Whether nothing stands there, in every run.
    fn holds_nothing(&self, value: &Dynamic) -> bool {
        match &value.kind {
            DynamicKind::Literal(literal) => holds_nothing(literal),
            DynamicKind::Expression(expression) => self
                .constants
                .value(expression.span)
                .is_some_and(holds_nothing),
            DynamicKind::List(items) => items.iter().all(|item| self.holds_nothing(item)),
            DynamicKind::Text(_) | DynamicKind::Record(_) => false,
        }
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
                    self.part(name).spec(spec, *key_span, value, found);
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
            let text = ParamType::Text { max_chars: 500 };
            self.part(name).value(value, &text, found);
        }
    }

    fn expression(&self, expression: &Expression, wanted: &ParamType, found: &mut Diagnostics) {
        if matches!(wanted, ParamType::Duration { .. }) && counts_seconds(expression) {
            found.push(self.seconds(expression));
            return;
        }
        let from = match known_type(self.types, expression) {
            Some(from) if !wanted.accepts(&from) => from,
            _ => return self.constant(expression, wanted, found),
        };
        let span = expression
            .references
            .first()
            .filter(|_| expression.bare)
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
        if let Some((place, what)) = origin(self.raw, expression) {
            diagnostic = diagnostic.label(place, what);
        }
        found.push(diagnostic.hint(self.advice(expression, wanted, &from)));
    }

    /// A value that no run can change is judged like a literal.
    fn constant(&self, expression: &Expression, wanted: &ParamType, found: &mut Diagnostics) {
        let value = self.constants.value(expression.span);
        if let Some(value) = value.filter(|value| **value != Value::Null)
            && let Err(misfit) = wanted.fit(value.clone())
        {
            found.push(self.misfit(misfit, wanted, value, expression.span));
        }
    }

    /// A number of seconds where a length of time is wanted: bare numbers are milliseconds there.
    fn seconds(&self, expression: &Expression) -> Diagnostic {
        let source = expression.source.trim();
        Diagnostic::error(
            codes::TYPE_MISMATCH,
            expression.span,
            format!(
                "`{}` takes a length of time, but this is a number of seconds",
                self.name
            ),
        )
        .hint(format!("write ${{{{ duration({source}) }}}}"))
    }

    fn advice(&self, expression: &Expression, wanted: &ParamType, from: &PortType) -> String {
        let source = expression.source.trim();
        if let PortType::List(item) = from {
            if matches!(&**item, PortType::List(inner) if wanted.accepts(&inner.clone().list())) {
                return format!("make one list of the lists: ${{{{ flatten({source}) }}}}");
            }
            if wanted.accepts(item) {
                return format!(
                    "run this node once per item: `for_each: ${{{{ {source} }}}}` and ${{{{ item }}}} here; or take one: \
                     ${{{{ first({source}) }}}}"
                );
            }
        }
        if matches!(wanted, ParamType::Text { .. })
            && matches!(from, PortType::Number | PortType::Bool)
        {
            return format!("make it text: ${{{{ '' ~ {source} }}}}");
        }
        let Some(ports) = port_part(wanted) else {
            return advice(wanted);
        };
        match self.fitting(&ports).as_slice() {
            [] => format!("nothing else in this document is {wanted}"),
            fitting => format!("what fits here: {}", fitting.join(", ")),
        }
    }

    /// Outputs of the document's nodes that the parameter would take.
    fn fitting(&self, wanted: &ParamType) -> Vec<String> {
        let mut known = self.fitting.borrow_mut();
        let fitting = known.entry(wanted.to_string()).or_insert_with(|| {
            let outputs = self.raw.nodes.iter().flat_map(|(id, node)| {
                let ports = node.node_type.map(|one| one.descriptor().ports.as_slice());
                ports
                    .unwrap_or_default()
                    .iter()
                    .filter(|port| wanted.accepts(&port.port_type) && node.for_each.is_none())
                    .map(move |port| format!("nodes.{id}.{}", port.name))
            });
            outputs.take(4).collect()
        });
        fitting.clone()
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

/// A word of a choice that this version cannot do, in a value or in a list.
fn later_word<'a>(spec: &'a ParamSpec, value: &Dynamic) -> Option<(Span, &'a str, &'a str)> {
    match &value.kind {
        DynamicKind::List(items) => items.iter().find_map(|item| later_word(spec, item)),
        _ => {
            let (word, instead) = spec.instead_of(&value.literal()?)?;
            Some((value.span, word, instead))
        }
    }
}

/// Whether an expression computes with outputs in seconds, and does not make a length of time of them.
fn counts_seconds(expression: &Expression) -> bool {
    let in_seconds = |reference: &PlacedReference| {
        matches!(reference.path[0].as_str(), "nodes" | "item")
            && reference.path.last().is_some_and(|name| name == "seconds")
    };
    expression.references.iter().any(in_seconds) && !expression.source.contains("duration(")
}

/// What of a type other nodes make: none where only written values will do.
fn port_part(wanted: &ParamType) -> Option<ParamType> {
    match wanted {
        ParamType::Port(_) => Some(wanted.clone()),
        ParamType::Many(inner) => port_part(inner).map(ParamType::many),
        ParamType::Either(types) => {
            let parts: Vec<ParamType> = types.iter().filter_map(port_part).collect();
            (!parts.is_empty()).then_some(ParamType::Either(parts))
        }
        _ => None,
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

/// The place that gives a reference its type.
fn origin(raw: &RawWorkflow, expression: &Expression) -> Option<(Span, String)> {
    let path: Vec<&str> = expression
        .references
        .first()
        .filter(|_| expression.bare)?
        .path
        .iter()
        .map(String::as_str)
        .collect();
    match path.as_slice() {
        ["nodes", node, port] => {
            let raw_node = raw.nodes.get(*node)?;
            let descriptor = raw_node.node_type?.descriptor();
            let port_type = &descriptor.port(port)?.port_type;
            let once = match raw_node.for_each {
                Some(_) => " per item of its `for_each`",
                None => "",
            };
            let what = port_type.with_article();
            let label = format!("{} makes `{port}`, {what}{once}", descriptor.kind);
            Some((raw_node.type_span, label))
        }
        ["inputs", name] => {
            let spec = raw.inputs.get(*name)?;
            let label = format!("`{name}` is declared as {} here", spec.input_type);
            Some((spec.span, label))
        }
        ["vars", name] => {
            let var = raw.vars.get(*name)?;
            Some((var.key_span, format!("`{name}` is written here")))
        }
        _ => None,
    }
}

/// What to write instead of an output that no terminal can show.
fn how_to_show(port_type: &PortType) -> &'static str {
    match port_type {
        PortType::Script | PortType::Scene => {
            "output a part of it: `${{ json(...) }}`, or the text of a scene"
        }
        PortType::Words | PortType::Json => "make a text of it: `${{ json(...) }}`",
        PortType::Timeline => "`fenta timeline show` prints timelines; output what is made of it",
        PortType::List(inner) => how_to_show(inner),
        _ => "publish it with Output.Download and output that node's `path`",
    }
}

fn check_output(raw: &RawWorkflow, name: &str, output: &ParamExpr, found: &mut Diagnostics) {
    let port_type = match &output.expr.kind {
        DynamicKind::Expression(expression) => known_type(Types::of(raw), expression),
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
                .hint(how_to_show(&port_type)),
            );
        }
        _ => {}
    }
}
