//! What every picture shows: nodes with their type and marks, edges with the ports they carry.
//!
//! Neighbours: `mermaid`, `dot` and `text` draw it; `graph` is where it comes from.

use indexmap::IndexMap;
use serde::Serialize;

use crate::expr::Dynamic;
use crate::graph::{NodeInstance, OnError, Workflow};

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// The workflow's name.
    pub name: String,
    /// What starts it by itself.
    pub triggers: Vec<String>,
    /// Each after those it waits for.
    pub nodes: Vec<Node>,
    /// From and to are places in `nodes`.
    pub edges: Vec<Edge>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// What is special about it: `for each`, `if`, `optional`.
    pub marks: Vec<String>,
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The node that makes the value.
    pub from: usize,
    /// The node that waits for it.
    pub to: usize,
    /// The values that flow; empty when it only gives order.
    pub flows: Vec<Flow>,
}

/// A value on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The port it comes from; empty when the whole node is meant.
    pub port: String,
    /// The parameter it goes to.
    pub param: String,
}

impl Flow {
    /// The port and the parameter, once when they have one name.
    pub(super) fn label(&self) -> String {
        if self.port == self.param || self.port.is_empty() {
            self.param.clone()
        } else {
            format!("{} → {}", self.port, self.param)
        }
    }
}

impl Graph {
    /// The nodes that wait for no other.
    pub(super) fn firsts(&self) -> Vec<usize> {
        let mut waits = vec![false; self.nodes.len()];
        for edge in &self.edges {
            waits[edge.to] = true;
        }
        (0..waits.len()).filter(|place| !waits[*place]).collect()
    }

    /// Of a checked workflow.
    pub(super) fn of(workflow: &Workflow) -> Self {
        let order = workflow.order();
        let places: IndexMap<&str, usize> = order
            .iter()
            .enumerate()
            .map(|(place, id)| (id.as_str(), place))
            .collect();
        let mut model = Self {
            name: workflow.name.clone(),
            triggers: triggers(workflow),
            ..Self::default()
        };
        for (to, id) in order.iter().enumerate() {
            let instance = &workflow.nodes()[id];
            model.nodes.push(Node {
                id: id.as_str().to_owned(),
                kind: instance.kind().to_owned(),
                marks: marks(instance),
            });
            let mut flows: IndexMap<usize, Vec<Flow>> = IndexMap::new();
            for dependency in workflow.dependencies(id) {
                flows.insert(places[dependency.as_str()], Vec::new());
            }
            for (name, value) in values(instance) {
                for reference in value.references() {
                    add_flow(&mut flows, &places, &reference.path, name);
                }
            }
            flows.sort_keys();
            let edge = |(from, flows)| Edge { from, to, flows };
            model.edges.extend(flows.into_iter().map(edge));
        }
        model
    }
}

/// Notes that `nodes.<id>.<port>` flows into a parameter, once.
fn add_flow(
    flows: &mut IndexMap<usize, Vec<Flow>>,
    places: &IndexMap<&str, usize>,
    path: &[String],
    param: &str,
) {
    let [context, node, rest @ ..] = path else {
        return;
    };
    let place = places.get(node.as_str()).filter(|_| context == "nodes");
    if let Some(flows) = place.and_then(|place| flows.get_mut(place)) {
        let flow = Flow {
            port: rest.first().cloned().unwrap_or_default(),
            param: param.to_owned(),
        };
        if !flows.contains(&flow) {
            flows.push(flow);
        }
    }
}

/// What starts the workflow by itself.
fn triggers(workflow: &Workflow) -> Vec<String> {
    let settings = workflow.settings();
    let schedules = settings.schedules.iter().map(|schedule| {
        let off = if schedule.enabled { "" } else { ", off" };
        format!("schedule: {} ({}{off})", schedule.cron, schedule.timezone)
    });
    let watch = settings.watch.iter().map(|watch| {
        let files = watch.matches.join(", ");
        format!("watch: {} {files} → {}", watch.path, watch.into)
    });
    schedules.chain(watch).collect()
}

fn marks(instance: &NodeInstance) -> Vec<String> {
    let rules = instance.rules();
    let on_error = match rules.on_error {
        OnError::Fail => None,
        OnError::Skip => Some("on error: skip"),
        OnError::Fallback => Some("on error: fallback"),
    };
    [
        instance.is_for_each().then_some("for each"),
        instance.is_conditional().then_some("if"),
        rules.optional.then_some("optional"),
        on_error,
    ]
    .into_iter()
    .flatten()
    .map(str::to_owned)
    .collect()
}

/// Every value of a node that may refer to others, with the name it is known by.
fn values(instance: &NodeInstance) -> impl Iterator<Item = (&str, &Dynamic)> {
    let with = instance.with.iter().chain(&instance.fallback);
    let params = with.map(|(name, param)| (name.as_str(), &param.expr));
    let each = instance.for_each.iter().map(|expr| ("for_each", expr));
    let condition = instance.condition.iter().map(|expr| ("if", expr));
    each.chain(condition).chain(params)
}
