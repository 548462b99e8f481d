//! Mermaid: the flow charts that documents on code hosts show.
//!
//! Neighbours: `model` says what to draw. Names never become Mermaid's own words: `end` is a name like any other.

use std::fmt::Write as _;

use super::model::{Edge, Graph, Node};

/// The chart, from top to bottom.
pub(super) fn draw(model: &Graph) -> String {
    let mut text = String::from("flowchart TD\n");
    for (place, trigger) in model.triggers.iter().enumerate() {
        let _ = writeln!(text, "  t{place}([\"{}\"])", escaped(trigger));
    }
    for (place, node) in model.nodes.iter().enumerate() {
        let _ = writeln!(text, "  n{place}{}", shape(node));
    }
    for place in 0..model.triggers.len() {
        for first in model.firsts() {
            let _ = writeln!(text, "  t{place} -.-> n{first}");
        }
    }
    for edge in &model.edges {
        let _ = writeln!(text, "  {}", arrow(edge));
    }
    text
}

fn shape(node: &Node) -> String {
    let mut label = format!("<b>{}</b><br/>{}", escaped(&node.id), escaped(&node.kind));
    if !node.marks.is_empty() {
        let _ = write!(label, "<br/><i>{}</i>", escaped(&node.marks.join(", ")));
    }
    let many = node.marks.iter().any(|mark| mark.starts_with("for each"));
    let (open, close) = if many { ("[[", "]]") } else { ("[", "]") };
    format!("{open}\"{label}\"{close}")
}

fn arrow(edge: &Edge) -> String {
    let (from, to) = (edge.from, edge.to);
    if edge.flows.is_empty() {
        return format!("n{from} -.-> n{to}");
    }
    let labels: Vec<String> = edge
        .flows
        .iter()
        .map(|flow| escaped(&flow.label()))
        .collect();
    format!("n{from} -->|\"{}\"| n{to}", labels.join("<br/>"))
}

/// Text for inside quotes: what Mermaid or HTML would read as its own is written as an entity.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '&' => safe.push_str("#amp;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '*' | '_' | '`' => {
                let _ = write!(safe, "#{};", c as u32);
            }
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(
            escaped("\"a\" <b> #1 & * * * *\n"),
            "#quot;a#quot; #lt;b#gt; #35;1 #amp; #42; #42; #42; #42; "
        );
    }
}
