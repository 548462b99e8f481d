//! The typed graph: from the spanned tree to a [`Workflow`] in which every name is resolved.
//!
//! Passes: `read` and its siblings (keys and shapes), `declare` (inputs), `resolve` (names in expressions), `operands` and
//! `constants` (expressions that cannot work), `turns` (`if` and `for_each`), `typecheck` (values against parameters),
//! `missing` (outputs that may not be there), `targets` (files written twice), `order` (cycles,
//! sequence). Each pushes into one sink and goes on, so one run finds everything. An
//! unresolved name cannot get out of here: a `Workflow` is only made when nothing was wrong.

mod constants;
mod declare;
mod facts;
mod files;
mod foreign;
pub mod keys;
mod missing;
mod operands;
mod order;
mod read;
mod read_nodes;
mod read_rules;
mod read_schedule;
mod read_settings;
mod read_telling;
mod read_watch;
mod resolve;
pub mod rules;
pub mod settings;
mod shape;
mod targets;
mod turns;
mod typecheck;
mod types;

pub use files::missing_files;
pub use rules::{Backoff, CacheRule, NodeRules, OnError, RetryClass, RetryRule};
pub use settings::{
    After, Budget, CatchUp, GroupBy, Network, Notify, NotifyOn, OnExceed, Overlap, Schedule,
    Settings, Watch, WhileBusy,
};

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Checked, Diagnostics, Span, codes};
use crate::execution::SourceFile;
use crate::expr::Dynamic;
use crate::input::InputSpec;
use crate::node::{NodeType, ParamSpec, ParamType};
use crate::value::Value;

/// The name of a node: its key in the document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(String);

impl NodeId {
    /// Wraps a name. Whether a workflow has such a node is asked of the workflow.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A node of a workflow.
#[derive(Clone)]
pub struct NodeInstance {
    /// What kind of node it is.
    pub(crate) node_type: &'static dyn NodeType,
    /// Its parameters as written.
    pub(crate) with: IndexMap<String, ParamExpr>,
    /// Whether it runs at all.
    pub(crate) condition: Option<Dynamic>,
    /// The list it runs once per item of.
    pub(crate) for_each: Option<Dynamic>,
    /// Parameters that replace those of `with` after a failure.
    pub(crate) fallback: IndexMap<String, ParamExpr>,
    /// How it runs.
    rules: NodeRules,
    /// The nodes it waits for: those its values refer to, and those in `needs`.
    dependencies: BTreeSet<NodeId>,
}

impl NodeInstance {
    /// The node's type, for example `Voice.TTS`.
    pub fn kind(&self) -> &'static str {
        self.node_type.descriptor().kind
    }

    /// The version of its type.
    pub fn version(&self) -> u32 {
        self.node_type.descriptor().version
    }

    /// The node a value of this node comes from; what is made of an item comes from where the items come from.
    pub(crate) fn origin(&self, value: &Dynamic) -> Option<String> {
        let of_item = || {
            let uses = value
                .references()
                .any(|reference| reference.path[0] == "item");
            self.for_each.as_ref().filter(|_| uses)?.first_node()
        };
        value.first_node().or_else(of_item).map(str::to_owned)
    }

    /// Whether it runs once per item of a list.
    pub fn is_for_each(&self) -> bool {
        self.for_each.is_some()
    }

    /// Whether it may be skipped by a condition.
    pub fn is_conditional(&self) -> bool {
        self.condition.is_some()
    }

    /// How it runs.
    pub fn rules(&self) -> &NodeRules {
        &self.rules
    }
}

impl fmt::Debug for NodeInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeInstance")
            .field("kind", &self.kind())
            .field("with", &self.with)
            .field("dependencies", &self.dependencies)
            .finish()
    }
}

/// A parameter as written.
#[derive(Clone, Debug)]
pub(crate) struct ParamExpr {
    /// Where its name stands.
    pub(crate) key_span: Span,
    /// Its value.
    pub(crate) expr: Dynamic,
}

/// A checked workflow.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its name; the file's, where none is written.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    settings: Settings,
    inputs: IndexMap<String, InputSpec>,
    vars: IndexMap<String, Dynamic>,
    nodes: IndexMap<NodeId, NodeInstance>,
    outputs: IndexMap<String, Dynamic>,
    order: Vec<NodeId>,
}

impl Workflow {
    /// What the document says about its runs as a whole.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The workflow with another seed.
    pub fn with_seed(mut self, seed: i64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// How a node runs; none for a node the workflow does not have.
    pub fn rules(&self, node: &NodeId) -> Option<&NodeRules> {
        self.nodes.get(node).map(NodeInstance::rules)
    }

    /// The declared inputs, in the document's order.
    pub fn inputs(&self) -> &IndexMap<String, InputSpec> {
        &self.inputs
    }

    /// The nodes, in the document's order.
    pub fn nodes(&self) -> &IndexMap<NodeId, NodeInstance> {
        &self.nodes
    }

    /// The nodes, each after those it waits for; of several possible orders the one nearest the document's.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The nodes that must be finished before this one can be prepared; empty for a node the workflow does not have.
    pub fn dependencies(&self, node: &NodeId) -> BTreeSet<NodeId> {
        self.nodes
            .get(node)
            .map(|instance| instance.dependencies.clone())
            .unwrap_or_default()
    }

    /// The node and every node that it builds on, each once.
    pub(crate) fn upstream<'a>(&'a self, node: &'a NodeInstance) -> Vec<&'a NodeInstance> {
        let mut seen: BTreeSet<&NodeId> = BTreeSet::new();
        let mut all = vec![node];
        let mut at = 0;
        while let Some(next) = all.get(at).copied() {
            at += 1;
            for id in &next.dependencies {
                if seen.insert(id) {
                    all.extend(self.nodes.get(id));
                }
            }
        }
        all
    }

    /// The names of the workflow's outputs.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.keys().map(String::as_str)
    }

    /// The outputs as written.
    pub(crate) fn output_exprs(&self) -> &IndexMap<String, Dynamic> {
        &self.outputs
    }

    /// The variables as written.
    pub(crate) fn vars(&self) -> &IndexMap<String, Dynamic> {
        &self.vars
    }

    /// A variable.
    pub(crate) fn var(&self, name: &str) -> Option<&Dynamic> {
        self.vars.get(name)
    }

    /// The value of a parameter that is not written.
    pub(crate) fn default_of(&self, spec: &ParamSpec) -> Value {
        if spec.param_type == ParamType::Seed && spec.default == Value::Null {
            Value::Int(self.settings.seed)
        } else {
            spec.default.clone()
        }
    }
}

/// Every pass over a document.
pub(crate) fn build(source: &SourceFile) -> Checked<Workflow> {
    let mut found = Diagnostics::new();
    let raw = crate::syntax::load(&source.text, &mut found)
        .and_then(|tree| read::read(&tree, source, &mut found));
    let Some(raw) = raw else {
        let told = found.iter().any(|one| one.code == codes::VERSION);
        if !told && let Some(foreign) = foreign::judge_text(&source.text) {
            // What is not ours is not judged by our rules.
            found = Diagnostics::new();
            found.push(foreign);
        }
        return found.finish(None);
    };
    resolve::check(&raw, &mut found);
    operands::check(&raw, &mut found);
    let constants = constants::evaluate(&raw, &mut found);
    turns::check(&raw, &constants, &mut found);
    typecheck::check(&raw, &constants, &mut found);
    missing::check(&raw, &mut found);
    targets::check(&raw, &mut found);
    let order = order::order(&raw, &mut found);
    if found.has_errors() {
        return found.finish(None);
    }
    let workflow = raw.into_workflow(order);
    found.finish(Some(workflow))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Checked<Workflow> {
        build(&SourceFile {
            name: "dir/demo.yaml".into(),
            text: text.into(),
        })
    }

    const DOCUMENT: &str = "\
fenta: workflow/v1
description: d
seed: 7
inputs:
  topic: { type: string, default: bees }
vars:
  greeting: \"Hello ${{ inputs.topic }}.\"
nodes:
  voice: { type: Voice.TTS, with: { text: \"${{ nodes.words.text }}\" } }
  words: { type: Input.Text, with: { text: \"${{ vars.greeting }} They fly.\" } }
  music: { type: Input.Music, with: { mood: calm }, needs: [words] }
  late: { type: Input.Text, with: { text: x }, needs: [music, voice] }
outputs:
  seconds: ${{ nodes.voice.seconds }}
  said: ${{ nodes.words.text }}
  late: ${{ nodes.late.text }}
";

    #[test]
    fn a_workflow_knows_its_parts() {
        let (workflow, warnings) = compile(DOCUMENT).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(workflow.name, "demo");
        assert_eq!(workflow.description, "d");
        let order: Vec<&str> = workflow.order().iter().map(NodeId::as_str).collect();
        assert_eq!(order, ["words", "voice", "music", "late"]);
        let needs = workflow.dependencies(&NodeId::new("music"));
        assert_eq!(needs, BTreeSet::from([NodeId::new("words")]));
        assert!(workflow.dependencies(&NodeId::new("nope")).is_empty());
        assert_eq!(workflow.nodes()["voice"].kind(), "Voice.TTS");
        assert_eq!(workflow.output_names().count(), 3);
    }

    // spec: W-19
    #[test]
    fn the_workflows_seed_is_the_default_of_nodes() {
        let (workflow, _) = compile(DOCUMENT).unwrap();
        let spec = workflow.nodes()["music"]
            .node_type
            .descriptor()
            .param("seed")
            .unwrap();
        assert_eq!(workflow.default_of(spec), Value::Int(7));
    }

    // spec: W-10
    #[test]
    fn everything_wrong_is_found_at_once() {
        let found = compile(
            "fenta: workflow/v1\nnodes:\n  a: { type: Voice.TSS }\n  b: { type: Voice.TTS, with: { txt: x } }\n  \
             c: { type: Input.Text, with: { text: \"${{ nodes.z.text }}\" } }\nfor_each: 1\n",
        )
        .unwrap_err();
        let codes: BTreeSet<&str> = found.iter().map(|d| d.code).collect();
        for code in [
            "graph/unknown-type",
            "graph/unknown-param",
            "graph/unknown-node",
            "document/unknown-key",
        ] {
            assert!(codes.contains(code), "{code} not in {codes:?}");
        }
    }
}
