//! What a node type is: its descriptor (parameters, ports, docs), its checks and how it lowers to actions.
//!
//! Neighbours: `nodes` holds one file per type and THE LIST; `param` says what a parameter may hold; `graph` checks
//! documents against descriptors; `execution` prepares and lowers. A node touches nothing outside: it wishes for
//! actions and reads their results.

mod fit;
mod given;
mod language;
mod param;
mod steps;

pub use fit::Misfit;
pub(crate) use fit::near_field;
pub(crate) use given::Known;
pub use given::{Given, Useless};
pub(crate) use language::PATTERN as LANGUAGE_PATTERN;
pub use language::language_tag;
pub use param::{ParamSpec, ParamType};
pub(crate) use param::{duration_text, holds_nothing};
pub(crate) use steps::wrong_facts;
pub use steps::{Halt, Steps};

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::action::InvokeTask;
use crate::cost::{KnownParams, Quantity};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::execution::{JobFacts, LowerError};
use crate::expr::DynamicKind;
use crate::graph::ParamExpr;
use crate::models::{Available, ModelRef, Role};
use crate::value::{PortType, Value};

/// Everything a person or a tool wants to know about a node type. Docs, completion, checks and errors come from it.
#[derive(Clone, Debug)]
pub struct NodeDescriptor {
    /// The type's name, for example `Voice.TTS`.
    pub kind: &'static str,
    /// Version of what the node does; part of every node key.
    pub version: u32,
    /// One sentence.
    pub summary: &'static str,
    /// Its parameters in the order they are documented.
    pub params: Vec<ParamSpec>,
    /// Its outputs.
    pub ports: Vec<PortSpec>,
    /// A whole document that compiles and uses the node.
    pub example: &'static str,
}

impl NodeDescriptor {
    /// The parameter with this name.
    pub fn param(&self, name: &str) -> Option<&ParamSpec> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The port with this name.
    pub fn port(&self, name: &str) -> Option<&PortSpec> {
        self.ports.iter().find(|port| port.name == name)
    }
}

/// An output of a node.
#[derive(Clone, Debug)]
pub struct PortSpec {
    /// Its name in `${{ nodes.<id>.<name> }}`.
    pub name: &'static str,
    /// Its type.
    pub port_type: PortType,
    /// One sentence.
    pub doc: &'static str,
    /// The unit of its numbers, for example `s`.
    pub unit: Option<&'static str>,
    /// How the names of its files end, where all end alike, for example `mp4`.
    pub ending: Option<&'static str>,
}

impl PortSpec {
    /// A port.
    pub const fn new(name: &'static str, port_type: PortType, doc: &'static str) -> Self {
        Self {
            name,
            port_type,
            doc,
            unit: None,
            ending: None,
        }
    }

    /// How the names of its files end.
    #[must_use]
    pub const fn ending(mut self, ending: &'static str) -> Self {
        self.ending = Some(ending);
        self
    }

    /// The unit of its numbers.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

/// A node type. One file each; stateless.
pub trait NodeType: Sync {
    /// What is known about it.
    fn descriptor(&self) -> &'static NodeDescriptor;

    /// Rules between parameters, on what is written in the document. Types, ranges and names of single parameters
    /// are checked before, from the descriptor.
    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let _ = (written, found);
    }

    /// Parameters that mean nothing beside the others: of a document as far as it tells, and of a node when every value
    /// is known.
    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        let _ = (given, found);
    }

    /// How the names of an output's files end, where the parameters tell.
    fn ending(&self, port: &PortSpec, given: &Given<'_>) -> Option<&'static str> {
        let _ = given;
        port.ending
    }

    /// Facts about the job that change the node's work without being parameters; they become part of its key.
    fn job_params(&self, job: &JobFacts) -> Vec<(&'static str, Value)> {
        let _ = job;
        Vec::new()
    }

    /// The role of the provider that does its work, for nodes that need or can use one. Such nodes name models in their
    /// parameter `model`.
    fn role(&self) -> Option<Role> {
        None
    }

    /// Whether it does something outside, so that it has a use even where nothing refers to its outputs.
    fn has_effect(&self) -> bool {
        false
    }

    /// What its work takes, as far as the known parameters tell; empty for what costs nothing but this machine's time.
    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let _ = known;
        Vec::new()
    }

    /// What it will ask a provider for, as far as the parameters tell, so that a model that cannot do it is passed over:
    /// one task that stands for all, with stand-ins for files. None where any model of the role will do.
    ///
    /// # Errors
    /// As [`NodeType::lower`] for the same parameters.
    fn draft(&self, params: Params<'_>) -> Result<Option<InvokeTask>, LowerError> {
        let _ = params;
        Ok(None)
    }

    /// The node's outputs, or the actions it needs first.
    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt>;
}

/// What a node may look at while it lowers.
pub struct LowerContext<'a> {
    /// Its parameters, each fitting its specification.
    pub params: Params<'a>,
    /// The job.
    pub job: &'a JobFacts,
    /// The models that may do its work, in the order they are tried: the parameter `model` of the node, or the workflow's
    /// `providers` for its role. Empty for nodes without a role, and where none is named.
    pub models: &'a [ModelRef],
    /// Who of them can be asked here; none while nobody has looked.
    pub available: Option<&'a Available>,
}

/// A node as it is written, for checks between parameters.
pub struct Written<'a> {
    /// Span of the node's type.
    pub type_span: Span,
    with: &'a IndexMap<String, ParamExpr>,
    providers: &'a [ModelRef],
    given: Given<'a>,
}

impl<'a> Written<'a> {
    /// Wraps the parameters of a document's node.
    pub(crate) fn new(type_span: Span, with: &'a IndexMap<String, ParamExpr>) -> Self {
        Self {
            type_span,
            with,
            providers: &[],
            given: Given::default(),
        }
    }

    /// With what is known of every parameter.
    pub(crate) fn with_given(mut self, given: Given<'a>) -> Self {
        self.given = given;
        self
    }

    /// What is known of every parameter, computed ones too.
    pub fn given(&self) -> &Given<'a> {
        &self.given
    }

    /// With the models the document names for the node's role.
    pub(crate) fn with_providers(mut self, providers: &'a [ModelRef]) -> Self {
        self.providers = providers;
        self
    }

    /// The models the document names for the node's role.
    pub fn providers(&self) -> &'a [ModelRef] {
        self.providers
    }

    /// The literal value of a parameter.
    pub fn literal(&self, name: &str) -> Option<Value> {
        self.with.get(name)?.expr.literal()
    }

    /// The items of a parameter that is written as a list, or the value itself: its span, and the value when it is a
    /// literal.
    pub fn items(&self, name: &str) -> Vec<(Span, Option<Value>)> {
        match self.with.get(name).map(|param| &param.expr) {
            Some(expr) => match &expr.kind {
                DynamicKind::List(items) => items
                    .iter()
                    .map(|item| (item.span, item.literal()))
                    .collect(),
                DynamicKind::Literal(Value::List(items)) => items
                    .iter()
                    .map(|item| (expr.span, Some(item.clone())))
                    .collect(),
                _ => vec![(expr.span, expr.literal())],
            },
            None => Vec::new(),
        }
    }

    /// Whether a parameter is written.
    pub fn has(&self, name: &str) -> bool {
        self.with.contains_key(name)
    }

    /// The literal text of a parameter.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match &self.with.get(name)?.expr.kind {
            DynamicKind::Literal(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Span of a parameter's name, or of the node's type when it is not written.
    pub fn key_span(&self, name: &str) -> Span {
        self.with
            .get(name)
            .map_or(self.type_span, |param| param.key_span)
    }

    /// Span of a parameter's value, or of the node's type when it is not written.
    pub fn span(&self, name: &str) -> Span {
        self.with
            .get(name)
            .map_or(self.type_span, |param| param.expr.span)
    }

    /// The fields of a parameter that is written as a map: name, span of the name, span of the value, and the value
    /// when it is a literal.
    pub fn fields(&self, name: &str) -> Vec<(&'a str, Span, Span, Option<Value>)> {
        match self.with.get(name).map(|param| &param.expr.kind) {
            Some(DynamicKind::Record(fields)) => fields
                .iter()
                .map(|(name, span, value)| (name.as_str(), *span, value.span, value.literal()))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Complains about parameters that mean nothing here; `beside` is the parameter that makes them so, where one does.
    pub(crate) fn useless(
        &self,
        names: &[&str],
        beside: Option<&str>,
        why: &str,
        found: &mut Diagnostics,
    ) {
        for name in names.iter().filter(|name| self.has(name)) {
            self.means_nothing(name, beside, why, found);
        }
    }

    /// Complains about a parameter that means nothing here.
    pub(crate) fn means_nothing(
        &self,
        name: &str,
        beside: Option<&str>,
        why: &str,
        found: &mut Diagnostics,
    ) {
        let mut diagnostic = Diagnostic::error(
            codes::CONFLICT,
            self.key_span(name),
            format!("`{name}` means nothing here: {why}"),
        )
        .hint(format!("remove `{name}`"));
        if let Some(beside) = beside.filter(|beside| self.has(beside)) {
            diagnostic = diagnostic.label(self.key_span(beside), format!("`{beside}` is here"));
        }
        found.push(diagnostic);
    }

    /// Complains unless exactly one of two parameters is written.
    pub(crate) fn one_of(&self, one: &str, other: &str, found: &mut Diagnostics) {
        match (self.has(one), self.has(other)) {
            (true, true) => found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    self.key_span(other),
                    format!("`{one}` and `{other}` cannot both be given"),
                )
                .label(self.key_span(one), format!("`{one}` is here"))
                .hint("remove one of the two"),
            ),
            (false, false) => found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    self.type_span,
                    format!("the node needs `{one}` or `{other}`"),
                )
                .hint(format!("add `{one}` or `{other}` to `with`")),
            ),
            _ => {}
        }
    }
}

/// The parameters of a prepared node.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    values: &'a BTreeMap<String, Value>,
}

impl<'a> Params<'a> {
    /// Wraps fitted values.
    pub(crate) const fn new(values: &'a BTreeMap<String, Value>) -> Self {
        Self { values }
    }

    /// The value, unless it is absent.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.values
            .get(name)
            .filter(|value| !matches!(value, Value::Null))
    }

    fn required(self, name: &str) -> Result<&'a Value, LowerError> {
        self.get(name).ok_or_else(|| {
            LowerError::new(
                format!("parameter `{name}` has no value"),
                format!("give `{name}` a value in `with`"),
            )
        })
    }

    /// A text.
    pub fn text(self, name: &str) -> Result<&'a str, LowerError> {
        match self.required(name)? {
            Value::Text(text) => Ok(text),
            other => Err(unexpected(name, "text", other)),
        }
    }

    /// A whole number.
    pub fn int(self, name: &str) -> Result<i64, LowerError> {
        match self.required(name)? {
            Value::Int(number) => Ok(*number),
            other => Err(unexpected(name, "a whole number", other)),
        }
    }

    /// A whole number that fits `u32`, as the parameter's range promises.
    pub fn u32(self, name: &str) -> Result<u32, LowerError> {
        let number = self.int(name)?;
        u32::try_from(number).map_err(|_| {
            LowerError::new(
                format!("parameter `{name}` is {number}, which is out of range"),
                "write a positive number",
            )
        })
    }

    /// Whether something is so.
    pub fn bool(self, name: &str) -> Result<bool, LowerError> {
        match self.required(name)? {
            Value::Bool(yes) => Ok(*yes),
            other => Err(unexpected(name, "true or false", other)),
        }
    }

    /// A text that may be absent.
    pub fn optional_text(self, name: &str) -> Result<Option<&'a str>, LowerError> {
        self.get(name).map(|_| self.text(name)).transpose()
    }

    /// A whole number that may be absent.
    pub fn optional_int(self, name: &str) -> Result<Option<i64>, LowerError> {
        self.get(name).map(|_| self.int(name)).transpose()
    }

    /// The fields of a map; `None` when something else stands there.
    pub fn fields(self, name: &str) -> Option<Params<'a>> {
        match self.get(name) {
            Some(Value::Record(fields)) => Some(Params::new(fields)),
            _ => None,
        }
    }

    /// A map of texts; empty when it is absent.
    pub fn texts(self, name: &str) -> BTreeMap<String, String> {
        match self.get(name) {
            Some(Value::Record(fields)) => fields
                .iter()
                .filter_map(|(name, value)| match value {
                    Value::Text(text) => Some((name.clone(), text.clone())),
                    _ => None,
                })
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// A number.
    pub fn number(self, name: &str) -> Result<f64, LowerError> {
        match self.required(name)? {
            Value::Int(number) => Ok(*number as f64),
            Value::Float(number) => Ok(*number),
            other => Err(unexpected(name, "a number", other)),
        }
    }

    /// A seed; negative numbers are seeds too.
    pub fn seed(self, name: &str) -> Result<u64, LowerError> {
        self.int(name).map(|number| number as u64)
    }

    /// A list; a single value is a list of one, an absent one is empty.
    pub fn list(self, name: &str) -> Vec<&'a Value> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::List(items)) => items.iter().collect(),
            Some(one) => vec![one],
        }
    }
}

fn unexpected(name: &str, wanted: &str, value: &Value) -> LowerError {
    LowerError::new(
        format!(
            "parameter `{name}` must be {wanted}, but it is {}",
            value.noun()
        ),
        "",
    )
}

/// What a node's result tells the person who runs it: the texts of its port `notes`.
pub fn notes_of(outputs: &BTreeMap<String, Value>) -> Vec<String> {
    let notes = match outputs.get("notes") {
        Some(Value::List(notes)) => notes.as_slice(),
        _ => &[],
    };
    notes
        .iter()
        .filter_map(|note| match note {
            Value::Text(note) => Some(note.clone()),
            _ => None,
        })
        .collect()
}

/// Outputs of a node from name and value pairs.
pub(crate) fn outputs<const N: usize>(ports: [(&str, Value); N]) -> BTreeMap<String, Value> {
    ports
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn notes_are_the_texts_of_their_port() {
        use super::{Value, notes_of, outputs};
        let note = Value::Text("`a` is short".into());
        let told = outputs([("notes", Value::List(vec![note, Value::Int(1)]))]);
        assert_eq!(notes_of(&told), ["`a` is short"]);
        assert_eq!(notes_of(&outputs([("seconds", Value::Int(1))])), [""; 0]);
    }

    use super::*;

    #[test]
    fn params_say_what_is_wrong() {
        let values = BTreeMap::from([
            ("a".to_owned(), Value::Text("x".into())),
            ("n".to_owned(), Value::Int(-1)),
            ("none".to_owned(), Value::Null),
        ]);
        let params = Params::new(&values);
        assert_eq!(params.text("a").unwrap(), "x");
        assert_eq!(params.number("n").unwrap(), -1.0);
        assert_eq!(params.seed("n").unwrap(), u64::MAX);
        assert!(params.get("none").is_none());
        assert!(params.int("a").unwrap_err().message.contains("it is text"));
        assert!(params.u32("n").unwrap_err().message.contains("-1"));
        assert!(params.text("b").unwrap_err().message.contains("no value"));
    }

    #[test]
    fn one_value_is_a_list_of_one() {
        let values = BTreeMap::from([
            ("one".to_owned(), Value::Int(1)),
            (
                "many".to_owned(),
                Value::List(vec![Value::Int(1), Value::Int(2)]),
            ),
        ]);
        let params = Params::new(&values);
        assert_eq!(params.list("one").len(), 1);
        assert_eq!(params.list("many").len(), 2);
        assert!(params.list("none").is_empty());
    }
}
