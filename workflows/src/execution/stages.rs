//! Before a node is prepared: does it take part, once or once per item, and what becomes of it when it does not?
//!
//! Neighbours: the daemon's runner asks in this order: [`Workflow::stage`], then for each item
//! [`Workflow::takes_part`] and [`Workflow::prepare`], then [`Workflow::gather`]. Nothing here runs anything.

use std::collections::BTreeMap;

use super::{LowerError, Scope};
use crate::expr::{Context, Dynamic};
use crate::graph::{NodeId, NodeInstance, Workflow};
use crate::value::Value;

/// Most items of a `for_each`.
pub const MAX_ITEMS: usize = 1000;

/// One turn of a `for_each`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its number, from 0; `index` in expressions.
    pub index: usize,
    /// Its value; `item` in expressions.
    pub value: Value,
}

/// How a node takes part in a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Not at all: its condition is false.
    Skipped,
    /// Once.
    Once,
    /// Once per value.
    Each(Vec<Value>),
}

impl Workflow {
    /// How a node takes part, given the values of the nodes it waits for. A condition that looks at `item` or `index`
    /// is asked per item: [`Workflow::takes_part`].
    ///
    /// # Errors
    /// When the condition is not true or false, or `for_each` is not a list of at most [`MAX_ITEMS`].
    pub fn stage(&self, node: &NodeId, scope: &Scope) -> Result<Stage, LowerError> {
        let instance = self.instance(node)?;
        if let Some(condition) = &instance.condition
            && !looks_at_item(condition)
            && !self.holds(condition, scope)?
        {
            return Ok(Stage::Skipped);
        }
        match &instance.for_each {
            Some(list) => self.items(list, scope).map(Stage::Each),
            None => Ok(Stage::Once),
        }
    }

    /// Whether one item of a `for_each` takes part; true for nodes whose condition does not look at items.
    ///
    /// # Errors
    /// When the condition is not true or false.
    pub fn takes_part(&self, node: &NodeId, scope: &Scope) -> Result<bool, LowerError> {
        match &self.instance(node)?.condition {
            Some(condition) if looks_at_item(condition) => self.holds(condition, scope),
            _ => Ok(true),
        }
    }

    /// The outputs of a `for_each` node from those of its items: every port becomes a list in the order of the items;
    /// items that were skipped are left out.
    pub fn gather(
        &self,
        node: &NodeId,
        items: Vec<Option<BTreeMap<String, Value>>>,
    ) -> BTreeMap<String, Value> {
        let mut lists: BTreeMap<String, Vec<Value>> = self
            .ports(node)
            .map(|port| (port.to_owned(), Vec::new()))
            .collect();
        for mut outputs in items.into_iter().flatten() {
            for (port, list) in &mut lists {
                list.push(outputs.remove(port).unwrap_or(Value::Null));
            }
        }
        lists
            .into_iter()
            .map(|(port, list)| (port, Value::List(list)))
            .collect()
    }

    /// The outputs of a node that was skipped: nothing on every port.
    pub fn skipped(&self, node: &NodeId) -> BTreeMap<String, Value> {
        self.ports(node)
            .map(|port| (port.to_owned(), Value::Null))
            .collect()
    }

    fn ports(&self, node: &NodeId) -> impl Iterator<Item = &'static str> {
        self.nodes()
            .get(node)
            .map(|instance| instance.node_type.descriptor().ports.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|port| port.name)
    }

    pub(super) fn instance(&self, node: &NodeId) -> Result<&NodeInstance, LowerError> {
        self.nodes().get(node).ok_or_else(|| {
            LowerError::new(
                format!("workflow `{}` has no node `{node}`", self.name),
                "compile the document again",
            )
        })
    }

    fn holds(&self, condition: &Dynamic, scope: &Scope) -> Result<bool, LowerError> {
        let value = Context::new(self, scope)
            .evaluate(condition)
            .map_err(|error| LowerError::new(format!("`if`: {error}"), ""))?;
        match value {
            Value::Bool(holds) => Ok(holds),
            Value::Null => Ok(false),
            other => Err(LowerError::new(
                format!("`if` must be true or false, but it is {}", other.noun()),
                "compare the value: ${{ inputs.topic != '' }}, ${{ nodes.music.audio != none }}",
            )),
        }
    }

    fn items(&self, list: &Dynamic, scope: &Scope) -> Result<Vec<Value>, LowerError> {
        let value = Context::new(self, scope)
            .evaluate(list)
            .map_err(|error| LowerError::new(format!("`for_each`: {error}"), ""))?;
        match value {
            Value::List(items) if items.len() > MAX_ITEMS => Err(LowerError::new(
                format!(
                    "`for_each` has {} items, more than {MAX_ITEMS}",
                    items.len()
                ),
                "split the list into several workflows, or run a batch",
            )),
            Value::List(items) => Ok(items),
            other => Err(LowerError::new(
                format!("`for_each` must be a list, but it is {}", other.noun()),
                "refer to an output or an input that is a list",
            )),
        }
    }
}

fn looks_at_item(value: &Dynamic) -> bool {
    value
        .references()
        .any(|reference| matches!(reference.path[0].as_str(), "item" | "index"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};

    const DOCUMENT: &str = "\
fenta: workflow/v1
inputs:
  topics: { type: \"string[]\", default: [bees, ants] }
  music: { type: bool, default: true }
  n: { type: int, default: 3 }
nodes:
  plain: { type: Input.Text, with: { text: x } }
  bed: { type: Voice.TTS, if: \"${{ inputs.music }}\", with: { text: x } }
  each: { type: Input.Text, for_each: \"${{ inputs.topics }}\", if: \"${{ item != 'ants' }}\", with: { text: \"${{ index }} ${{ item }}\" } }
  many: { type: Input.Text, for_each: \"${{ range(inputs.n) }}\", with: { text: \"n ${{ index }}\" } }
  asked: { type: Input.Text, if: \"${{ nodes.bed.seconds != null }}\", with: { text: x } }
  other: { type: Input.Text, with: { text: x }, on_error: { fallback: { text: \"${{ inputs.topics[0] }}\" } } }
outputs:
  each: ${{ nodes.each.text }}
  bed: ${{ nodes.bed.seconds }}
";

    fn workflow(text: &str) -> Workflow {
        let source = SourceFile {
            name: "stages.yaml".into(),
            text: text.into(),
        };
        compile(&source)
            .map_err(|found| found.render(&source, false))
            .unwrap()
            .0
    }

    fn scope(inputs: &[(&str, Value)]) -> Scope {
        let topics = ["bees", "ants"].map(|topic| Value::Text(topic.into()));
        let mut scope = Scope::default();
        scope
            .inputs
            .insert("topics".into(), Value::List(topics.into()));
        scope.inputs.insert("music".into(), Value::Bool(true));
        scope.inputs.insert("n".into(), Value::Int(3));
        for (name, value) in inputs {
            scope.inputs.insert((*name).into(), value.clone());
        }
        scope
    }

    fn node(name: &str) -> NodeId {
        NodeId::new(name)
    }

    // spec: W-46
    #[test]
    fn nodes_take_part_once_each_or_not_at_all() {
        let workflow = workflow(DOCUMENT);
        let on = scope(&[]);
        assert_eq!(workflow.stage(&node("plain"), &on), Ok(Stage::Once));
        assert_eq!(workflow.stage(&node("bed"), &on), Ok(Stage::Once));
        let off = scope(&[("music", Value::Bool(false))]);
        assert_eq!(workflow.stage(&node("bed"), &off), Ok(Stage::Skipped));
        let Ok(Stage::Each(items)) = workflow.stage(&node("each"), &on) else {
            panic!("`each` runs per item")
        };
        assert_eq!(items.len(), 2);
        let turn = |index: usize| Scope {
            item: Some(Item {
                index,
                value: items[index].clone(),
            }),
            ..on.clone()
        };
        assert_eq!(workflow.takes_part(&node("each"), &turn(0)), Ok(true));
        assert_eq!(workflow.takes_part(&node("each"), &turn(1)), Ok(false));
        let prepared = workflow.prepare(&node("each"), &turn(0)).unwrap();
        assert_eq!(prepared.params()["text"], Value::Text("0 bees".into()));
        assert!(workflow.stage(&node("none"), &on).is_err());
    }

    // spec: W-47
    #[test]
    fn what_is_no_list_or_too_long_is_refused_with_its_size() {
        let workflow = workflow(DOCUMENT);
        let error = workflow
            .stage(&node("many"), &scope(&[("n", Value::Int(1001))]))
            .unwrap_err();
        assert!(
            error.message.contains("1001 items, more than 1000"),
            "{error}"
        );
        let error = workflow
            .stage(&node("each"), &scope(&[("topics", Value::Null)]))
            .unwrap_err();
        assert!(error.message.contains("must be a list"), "{error}");
        let error = workflow
            .stage(
                &node("bed"),
                &scope(&[("music", Value::Text("yes".into()))]),
            )
            .unwrap_err();
        assert!(error.message.contains("true or false"), "{error}");
    }

    // spec: W-47
    #[test]
    fn items_become_lists_and_skipped_ones_are_left_out() {
        let workflow = workflow(DOCUMENT);
        let text = |text: &str| Value::Text(text.into());
        let item = |word: &str| Some(BTreeMap::from([("text".to_owned(), text(word))]));
        let gathered = workflow.gather(&node("each"), vec![item("a"), None, item("c")]);
        assert_eq!(gathered["text"], Value::List(vec![text("a"), text("c")]));
        assert_eq!(
            workflow.gather(&node("each"), Vec::new())["text"],
            Value::List(Vec::new())
        );
        assert_eq!(workflow.skipped(&node("bed"))["seconds"], Value::Null);
    }

    // spec: W-55
    #[test]
    fn a_fallback_replaces_what_it_names() {
        let workflow = workflow(DOCUMENT);
        let scope = scope(&[]);
        let fallback = workflow
            .prepare_fallback(&node("other"), &scope)
            .unwrap()
            .unwrap();
        assert_eq!(fallback.params()["text"], Value::Text("bees".into()));
        assert_ne!(
            fallback.key(),
            workflow.prepare(&node("other"), &scope).unwrap().key()
        );
        assert!(
            workflow
                .prepare_fallback(&node("plain"), &scope)
                .unwrap()
                .is_none()
        );
    }

    // spec: W-51
    #[test]
    fn outputs_of_nodes_that_did_not_run_are_left_out() {
        let workflow = workflow(DOCUMENT);
        let mut scope = scope(&[]);
        scope
            .nodes
            .insert("bed".into(), workflow.skipped(&node("bed")));
        assert!(workflow.outputs(&scope).unwrap().is_empty());
        let each = workflow.gather(&node("each"), Vec::new());
        scope.nodes.insert("each".into(), each);
        assert_eq!(workflow.outputs(&scope).unwrap().len(), 1);
    }
}
