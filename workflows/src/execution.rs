//! What the daemon calls: compile a document, prepare a node, lower it to actions, read the outputs.
//!
//! Neighbours: `graph` builds the [`Workflow`], `nodes` know what each node does. Nothing here runs anything: lowering
//! is a pure function of a node's parameters and of the results of the actions it has asked for so far.

mod estimate;
mod film;
mod stages;

pub use stages::{Item, MAX_ITEMS, Stage};

use std::collections::BTreeMap;

use crate::action::{Action, ActionResult, InvokeTask};
use crate::diagnostic::Checked;
use crate::expr::{Context, Dynamic, PlacedReference};
use crate::graph::{NodeId, NodeInstance, ParamExpr, Workflow};
use crate::job_event::OutputValue;
use crate::models::{self, Available, ModelRef, Role};
use crate::node::{Given, Halt, Known, LowerContext, NodeType, Params, Steps};
use crate::node_key::{NodeKey, ParamKey};
use crate::value::Value;
use crate::view::View;
use film::Place;

/// A document with the name people know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As shown in diagnostics.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Turns a document into a workflow, or says everything that is wrong with it.
pub fn compile(source: &SourceFile) -> Checked<Workflow> {
    crate::graph::build(source)
}

/// The values expressions can see when a node is prepared.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The workflow's inputs, as [`Workflow::bind`] made them.
    pub inputs: BTreeMap<String, Value>,
    /// The outputs of finished nodes, by node and port.
    pub nodes: BTreeMap<String, BTreeMap<String, Value>>,
    /// Facts about the job.
    pub job: JobFacts,
    /// The turn of a `for_each`, while one of its items is prepared.
    pub item: Option<Item>,
}

/// Facts about the job. They enter a node's key only where its parameters use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFacts {
    /// The job's id.
    pub id: String,
    /// The day the job began, for example 2026-11-22.
    pub date: String,
    /// Absolute path of the document's folder.
    pub workflow_dir: String,
    /// Absolute path of the folder results go to by default.
    pub out_dir: String,
    /// Threads per encoder; other counts give other bytes.
    pub encoder_threads: u8,
    /// What is made of its renders.
    pub view: View,
}

/// Why a node could not be prepared or lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LowerError {
    /// Lower-case fragment naming place, value and limit.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl LowerError {
    /// An error with advice.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// What a node wants next.
#[derive(Clone, Debug, PartialEq)]
pub enum Lowered {
    /// These actions must run; lower again with all results so far, in order.
    Actions(Vec<Action>),
    /// The node is done: its values by port.
    Outputs(BTreeMap<String, Value>),
}

/// A node with all its parameters known.
#[derive(Clone)]
pub struct PreparedNode {
    node_type: &'static dyn NodeType,
    params: BTreeMap<String, Value>,
    key: NodeKey,
    job: JobFacts,
    models: Vec<ModelRef>,
    available: Option<Available>,
    /// Which film its searches are for; only of nodes that search.
    place: Option<Place>,
}

impl PreparedNode {
    /// The node's type, for example `Voice.TTS`.
    pub fn kind(&self) -> &'static str {
        self.node_type.descriptor().kind
    }

    /// The node type's version.
    pub fn version(&self) -> u32 {
        self.node_type.descriptor().version
    }

    /// Every parameter, defaults included.
    pub fn params(&self) -> &BTreeMap<String, Value> {
        &self.params
    }

    /// What the node's work depends on; equal keys mean equal work.
    pub fn key(&self) -> &NodeKey {
        &self.key
    }

    /// Tells the node who of its models can be asked here. What it is estimated and asked with are those; where nobody
    /// can be asked its own models stay, so that a refusal can name them.
    pub fn offer(&mut self, available: Available) {
        if !available.models.is_empty() {
            self.models.clone_from(&available.models);
        }
        self.available = Some(available);
    }

    /// What it will ask a provider for, as far as its parameters tell; none where any model will do, and where the
    /// parameters do not fit, which lowering says.
    pub fn draft(&self) -> Option<InvokeTask> {
        let params = Params::new(&self.params);
        self.node_type.draft(params).ok().flatten()
    }

    /// Why models before the first that can be asked cannot.
    pub fn passed_over(&self) -> &[String] {
        self.available.as_ref().map_or(&[], |found| &found.passed)
    }

    /// What the node wants, given the results of every action it has asked for so far, in order.
    pub fn lower(&self, results: &[ActionResult]) -> Result<Lowered, LowerError> {
        let context = LowerContext {
            params: Params::new(&self.params),
            job: &self.job,
            models: &self.models,
            available: self.available.as_ref(),
        };
        match self.node_type.lower(&context, &mut Steps::new(results)) {
            Ok(outputs) => Ok(Lowered::Outputs(outputs)),
            Err(Halt::Needs(mut actions)) => {
                if let Some(place) = &self.place {
                    place.say(&mut actions);
                }
                Ok(Lowered::Actions(actions))
            }
            Err(Halt::Failed(error)) => Err(error),
        }
    }
}

impl Workflow {
    /// Evaluates a node's parameters; those of one item when the scope has one.
    ///
    /// # Errors
    /// When the node does not exist, a value it refers to is not in the scope, or a computed value does not fit its
    /// parameter.
    pub fn prepare(&self, node: &NodeId, scope: &Scope) -> Result<PreparedNode, LowerError> {
        let instance = self.instance(node)?;
        self.prepare_placed(node, instance, scope, |name| instance.with.get(name))
    }

    /// Evaluates a node's parameters with those of its `on_error: { fallback: ... }` in the place of the others; none
    /// when it has no fallback.
    ///
    /// # Errors
    /// As [`Workflow::prepare`].
    pub fn prepare_fallback(
        &self,
        node: &NodeId,
        scope: &Scope,
    ) -> Result<Option<PreparedNode>, LowerError> {
        let instance = self.instance(node)?;
        if instance.fallback.is_empty() {
            return Ok(None);
        }
        let written = |name: &str| instance.fallback.get(name).or(instance.with.get(name));
        self.prepare_placed(node, instance, scope, written)
            .map(Some)
    }

    /// With the place of its searches, where it searches.
    fn prepare_placed<'a>(
        &self,
        node: &NodeId,
        instance: &'a NodeInstance,
        scope: &Scope,
        written: impl Fn(&str) -> Option<&'a ParamExpr> + Copy,
    ) -> Result<PreparedNode, LowerError> {
        let mut prepared = self.prepare_with(instance, scope, written)?;
        if matches!(prepared.node_type.role(), Some(Role::Stock | Role::Feed)) {
            let key = prepared.key.hash();
            prepared.place = Some(Place::of(self, node, scope, |other| {
                let other = self.prepare_with(instance, other, written);
                other.is_ok_and(|other| other.key.hash() == key)
            }));
        }
        Ok(prepared)
    }

    fn prepare_with<'a>(
        &self,
        instance: &'a NodeInstance,
        scope: &Scope,
        written: impl Fn(&str) -> Option<&'a ParamExpr>,
    ) -> Result<PreparedNode, LowerError> {
        let descriptor = instance.node_type.descriptor();
        let context = Context::new(self, scope);
        let mut params = BTreeMap::new();
        let mut given = Given::default();
        let mut key = NodeKey {
            version: descriptor.version,
            params: BTreeMap::new(),
        };
        for spec in &descriptor.params {
            let written = written(spec.name);
            let value = match written {
                Some(param) => context.evaluate(&param.expr).map_err(|error| {
                    LowerError::new(format!("parameter `{}`: {error}", spec.name), "")
                })?,
                None => self.default_of(spec),
            };
            let nothing = value == Value::Null;
            let value = spec.fit(value, &scope.job)?;
            if let Some(param) = written {
                given.add(spec.name, known(param, nothing, &value));
            }
            let from = written.and_then(|param| instance.origin(&param.expr));
            key.params
                .insert(spec.name.to_owned(), ParamKey::new(&value, from));
            params.insert(spec.name.to_owned(), value);
        }
        useful(instance.node_type, &given)?;
        for (name, value) in instance.node_type.job_params(&scope.job) {
            key.params
                .insert(name.to_owned(), ParamKey::new(&value, None));
        }
        let models = self.models_of(instance.node_type, &params)?;
        if !models.is_empty() && !params.get("model").is_some_and(|one| *one != Value::Null) {
            let names = models.iter().map(|one| Value::Text(one.to_string()));
            key.params.insert(
                "providers".to_owned(),
                ParamKey::new(&Value::List(names.collect()), None),
            );
        }
        Ok(PreparedNode {
            node_type: instance.node_type,
            params,
            key,
            job: scope.job.clone(),
            models,
            available: None,
            place: None,
        })
    }

    /// The models that may do a node's work: the one it names itself, or the document's for its role.
    pub(crate) fn models_of(
        &self,
        node_type: &dyn NodeType,
        params: &BTreeMap<String, Value>,
    ) -> Result<Vec<ModelRef>, LowerError> {
        let Some(role) = node_type.role() else {
            return Ok(Vec::new());
        };
        match params.get("model") {
            Some(Value::Text(name)) => match models::named(role, name) {
                Ok(model) => Ok(vec![model]),
                Err(unknown) => Err(LowerError::new(
                    format!("parameter `model`: {unknown}"),
                    "write vendor:model, for example ollama:qwen3:8b",
                )),
            },
            _ => Ok(self
                .settings()
                .providers
                .get(&role)
                .cloned()
                .unwrap_or_default()),
        }
    }

    /// Evaluates the workflow's outputs. Those of nodes that were skipped or did not run are left out.
    ///
    /// # Errors
    /// When a value cannot be computed or is neither text, number, nor a list of them.
    pub fn outputs(&self, scope: &Scope) -> Result<BTreeMap<String, OutputValue>, LowerError> {
        let known = self.known_outputs(scope);
        known.filter_map(Result::transpose).collect()
    }

    /// Every error of the outputs whose nodes are in the scope.
    pub fn output_errors(&self, scope: &Scope) -> Vec<LowerError> {
        self.known_outputs(scope).filter_map(Result::err).collect()
    }

    /// The outputs whose nodes are in the scope; nothing for those that are null.
    fn known_outputs<'a>(
        &'a self,
        scope: &'a Scope,
    ) -> impl Iterator<Item = Result<Option<(String, OutputValue)>, LowerError>> + 'a {
        let ran = |reference: &PlacedReference| match reference.path.get(1) {
            Some(node) if reference.path[0] == "nodes" => scope.nodes.contains_key(node),
            _ => true,
        };
        let context = Context::new(self, scope);
        self.output_exprs()
            .iter()
            .filter(move |(_, expr)| expr.references().all(ran))
            .map(move |(name, expr)| {
                let value = self.output(name, expr, &context)?;
                Ok(value.map(|value| (name.clone(), value)))
            })
    }

    /// One output; none when it is nothing.
    pub(crate) fn output(
        &self,
        name: &str,
        expr: &Dynamic,
        context: &Context<'_>,
    ) -> Result<Option<OutputValue>, LowerError> {
        match context.evaluate(expr) {
            Ok(Value::Null) => Ok(None),
            Ok(value) => output_value(name, &value).map(Some),
            Err(error) => Err(LowerError::new(format!("output `{name}`: {error}"), "")),
        }
    }
}

/// What is known of a written parameter. One that is computed and comes out empty gives nothing.
fn known(param: &ParamExpr, nothing: bool, value: &Value) -> Known {
    let empty = match value {
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Record(fields) => fields.is_empty(),
        _ => false,
    };
    let gives = !nothing && (param.expr.literal().is_some() || !empty);
    Known {
        value: Some(if gives { value.clone() } else { Value::Null }),
        ..Known::default()
    }
}

/// Refuses what would be accepted and ignored.
fn useful(node_type: &dyn NodeType, given: &Given<'_>) -> Result<(), LowerError> {
    let mut found = Vec::new();
    node_type.useless(given, &mut found);
    found
        .first()
        .map_or(Ok(()), |useless| Err(useless.refusal()))
}

fn output_value(name: &str, value: &Value) -> Result<OutputValue, LowerError> {
    Ok(match value {
        Value::Text(text) => OutputValue::Text(text.clone()),
        Value::Bool(yes) => OutputValue::Bool(*yes),
        Value::Int(number) => OutputValue::Whole(*number),
        Value::Float(number) => OutputValue::Number(*number),
        Value::List(items) => OutputValue::List(
            items
                .iter()
                .map(|item| output_value(name, item))
                .collect::<Result<_, _>>()?,
        ),
        other => {
            return Err(LowerError::new(
                format!("output `{name}` is {}, which cannot be shown", other.noun()),
                "publish it with Output.Download and output that node's `path`",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTED: &str = "\
fenta: workflow/v1
inputs:
  mode: { type: string, default: split }
  wish: { type: string, default: Short. }
nodes:
  a: { type: Script.Transform, with: { text: x, mode: \"${{ inputs.mode }}\", instructions: \"${{ inputs.wish }}\" } }
outputs: { text: \"${{ nodes.a.text }}\" }
";

    #[test]
    fn what_means_nothing_is_refused_when_it_is_computed_too() {
        let source = SourceFile {
            name: "computed.yaml".into(),
            text: COMPUTED.into(),
        };
        let (workflow, _) = compile(&source).unwrap();
        let prepared = |mode: &str, wish: &str| {
            let text = |text: &str| Value::Text(text.into());
            let inputs = [("mode", text(mode)), ("wish", text(wish))];
            let scope = Scope {
                inputs: inputs.map(|(name, value)| (name.to_owned(), value)).into(),
                ..Scope::default()
            };
            workflow.prepare(&NodeId::new("a"), &scope)
        };
        let error = prepared("split", "Short.").err().unwrap();
        assert_eq!(
            error.message,
            "`instructions` means nothing here: `mode: split` asks no language model"
        );
        assert!(error.hint.contains("compute none for it"), "{error:?}");
        assert!(prepared("split", "").is_ok());
        assert!(prepared("compress", "Short.").is_ok());
    }

    // spec: W-64
    #[test]
    fn outputs_are_texts_numbers_and_lists() {
        let list = Value::List(vec![
            Value::Int(9_007_199_254_740_993),
            Value::Float(0.5),
            Value::Bool(true),
            Value::Text("a".into()),
        ]);
        let output = output_value("o", &list).unwrap();
        assert_eq!(
            output,
            OutputValue::List(vec![
                OutputValue::Whole(9_007_199_254_740_993),
                OutputValue::Number(0.5),
                OutputValue::Bool(true),
                OutputValue::Text("a".into())
            ])
        );
        let json = serde_json::to_string(&output).unwrap();
        assert_eq!(json, "[9007199254740993,0.5,true,\"a\"]");
        assert_eq!(serde_json::from_str::<OutputValue>(&json).unwrap(), output);
        let error = output_value("o", &Value::Record(BTreeMap::new())).unwrap_err();
        assert!(error.message.contains("output `o` is a record"), "{error}");
        assert!(error.hint.contains("Output.Download"));
    }
}
