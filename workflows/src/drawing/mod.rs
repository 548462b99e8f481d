//! Pictures of a workflow's graph: Mermaid and Graphviz for documents, boxes and lines for the terminal.
//!
//! Neighbours: `graph` holds what is drawn; `model` takes from it what every picture shows; `mermaid`, `dot` and `text`
//! are one format each. It must not judge: only checked workflows come here.

mod dot;
mod mermaid;
mod model;
mod text;

pub use model::{Edge, Flow, Graph, Node};
pub use text::{Charset, TextOptions};

use crate::graph::Workflow;

/// What every picture shows.
pub fn graph(workflow: &Workflow) -> Graph {
    Graph::of(workflow)
}

/// The graph as a Mermaid flow chart.
pub fn mermaid(workflow: &Workflow) -> String {
    mermaid::draw(&Graph::of(workflow))
}

/// The graph as a Graphviz digraph.
pub fn dot(workflow: &Workflow) -> String {
    dot::draw(&Graph::of(workflow))
}

/// The graph as boxes and lines; as a list where it is too wide for that.
pub fn text(workflow: &Workflow, options: &TextOptions) -> String {
    text::draw(&Graph::of(workflow), options)
}

#[cfg(test)]
mod tests;
