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
