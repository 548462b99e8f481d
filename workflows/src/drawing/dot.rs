//! Graphviz: for `dot -Tsvg` and everything that reads its language.
//!
//! Neighbours: `model` says what to draw.

use std::fmt::Write as _;

use super::model::{Edge, Flow, Graph, Node};

/// The digraph, from top to bottom.
pub(super) fn draw(model: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&model.name));
    text.push_str("  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (place, trigger) in model.triggers.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {} [shape=ellipse, label={}];",
            quoted(&format!("trigger {place}")),
            quoted(trigger)
        );
    }
    for node in &model.nodes {
        let _ = writeln!(text, "  {};", box_of(node));
    }
    for place in 0..model.triggers.len() {
        let from = quoted(&format!("trigger {place}"));
        for first in model.firsts() {
            let to = quoted(&model.nodes[first].id);
            let _ = writeln!(text, "  {from} -> {to} [style=dotted];");
        }
    }
    for edge in &model.edges {
        let _ = writeln!(text, "  {};", arrow(model, edge));
    }
    text.push_str("}\n");
    text
}

fn box_of(node: &Node) -> String {
    let mut lines = vec![node.id.clone(), node.kind.clone()];
    if !node.marks.is_empty() {
        lines.push(node.marks.join(", "));
    }
    let mut style = Vec::new();
    if node.marks.iter().any(|mark| mark.starts_with("for each")) {
        style.push("peripheries=2");
    }
    if node.marks.iter().any(|mark| mark == "optional") {
        style.push("style=\"rounded,dashed\"");
    }
    style.insert(0, "");
    format!(
        "{} [label={}{}]",
        quoted(&node.id),
        quoted(&lines.join("\n")),
        style.join(", ")
    )
}

fn arrow(model: &Graph, edge: &Edge) -> String {
    let ends = format!(
        "{} -> {}",
        quoted(&model.nodes[edge.from].id),
        quoted(&model.nodes[edge.to].id)
    );
    if edge.flows.is_empty() {
        return format!("{ends} [style=dashed]");
    }
    let labels: Vec<String> = edge.flows.iter().map(Flow::label).collect();
    format!("{ends} [label={}]", quoted(&labels.join("\n")))
}

/// A quoted string of the DOT language; line ends become its `\n`.
fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("a \"b\" \\ c\nd\t"), r#""a \"b\" \\ c\nd ""#);
    }
}
