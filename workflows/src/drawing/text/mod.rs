//! The graph in the terminal: boxes in layers, joined by lines that run down and sideways.
//!
//! Neighbours: `layers` says which box stands in which row and in which order, `place` in which column, `route` where
//! the lines run, `canvas` holds the characters. A graph too wide or too large for boxes becomes a list.

mod canvas;
mod layers;
mod place;
mod route;

use std::fmt::Write as _;

use super::model::{Edge, Graph, Node};
use canvas::Canvas;
use layers::{Item, Layers};
use place::Placed;

/// More nodes than this are easier to read as a list.
const MOST_BOXES: usize = 120;

/// Which characters lines are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Box-drawing characters.
    #[default]
    Unicode,
    /// Plus, minus and bar, for terminals that know no others.
    Ascii,
}

/// How the drawing should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns there are; any number of them when absent.
    pub width: Option<usize>,
    /// The characters of lines.
    pub charset: Charset,
}

/// How much a box says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Name, type, marks and every value that comes in.
    Flows,
    /// Name, type and marks.
    Names,
}

/// Draws with as much detail as there is room for.
pub(super) fn draw(model: &Graph, options: &TextOptions) -> String {
    let mut text = String::new();
    for trigger in &model.triggers {
        let _ = writeln!(text, "{trigger}");
    }
    let body = [Detail::Flows, Detail::Names]
        .into_iter()
        .filter(|_| model.nodes.len() <= MOST_BOXES)
        .map(|detail| boxes(model, detail))
        .find(|canvas| options.width.is_none_or(|width| canvas.width() <= width))
        .map_or_else(|| list(model), |canvas| canvas.to_text());
    text.push_str(&body);
    match options.charset {
        Charset::Unicode => text,
        Charset::Ascii => canvas::to_ascii(&text),
    }
}

fn boxes(model: &Graph, detail: Detail) -> Canvas {
    let layers = Layers::of(model);
    let contents: Vec<Vec<String>> = (0..model.nodes.len())
        .map(|node| lines_of(model, node, detail))
        .collect();
    let widths: Vec<usize> = contents
        .iter()
        .map(|lines| lines.iter().map(|line| columns(line)).max().unwrap_or(0) + 4)
        .collect();
    let placed = Placed::of(&layers, &widths);
    paint(&layers, &placed, &contents)
}

fn paint(layers: &Layers, placed: &Placed, contents: &[Vec<String>]) -> Canvas {
    let mut canvas = Canvas::default();
    let mut top = 0;
    let mut arrivals: Vec<(usize, usize)> = Vec::new();
    for (row, items) in layers.rows.iter().enumerate() {
        let height = items
            .iter()
            .map(|item| match layers.items[*item] {
                Item::Node(node) => contents[node].len() + 2,
                Item::Passing => 1,
            })
            .max()
            .unwrap_or(0);
        for &item in items {
            match layers.items[item] {
                Item::Node(node) => {
                    let spot = placed.spots[item];
                    canvas.frame(spot.left, top, spot.width, &contents[node]);
                    let own = arrivals.iter().filter(|(end, _)| *end == item);
                    own.for_each(|(_, column)| canvas.arrow(*column, top));
                    let bottom = top + contents[node].len() + 2;
                    if layers.leaves(item) {
                        canvas.down_tee(spot.out(), bottom - 1);
                        canvas.vertical(spot.out(), bottom, top + height);
                    }
                }
                Item::Passing => {
                    canvas.vertical(placed.spots[item].left, top, top + height);
                }
            }
        }
        top += height;
        if row + 1 < layers.rows.len() {
            let gap = route::route(layers, placed, row);
            gap.paint(&mut canvas, top);
            top += gap.height();
            arrivals = gap.arrivals;
        }
    }
    canvas
}

/// What stands in a node's box.
fn lines_of(model: &Graph, node: usize, detail: Detail) -> Vec<String> {
    let Node { id, kind, marks } = &model.nodes[node];
    let mut lines = vec![id.clone(), kind.clone()];
    if !marks.is_empty() {
        lines.push(marks.join(", "));
    }
    if detail == Detail::Flows {
        lines.extend(flows_into(model, node));
    }
    lines
}

/// One line for each value that comes into a node.
fn flows_into(model: &Graph, node: usize) -> Vec<String> {
    let edges = model.edges.iter().filter(|edge| edge.to == node);
    edges.flat_map(|edge| flow_lines(model, edge)).collect()
}

fn flow_lines(model: &Graph, edge: &Edge) -> Vec<String> {
    let from = &model.nodes[edge.from].id;
    if edge.flows.is_empty() {
        return vec![format!("after {from}")];
    }
    edge.flows
        .iter()
        .map(|flow| match flow.port.as_str() {
            "" => format!("{} ← {from}", flow.param),
            port => format!("{} ← {from}.{port}", flow.param),
        })
        .collect()
}

/// Every node with what comes into it, one below the other.
fn list(model: &Graph) -> String {
    let mut into: Vec<Vec<String>> = vec![Vec::new(); model.nodes.len()];
    for edge in &model.edges {
        into[edge.to].extend(flow_lines(model, edge));
    }
    let mut text = String::new();
    for (node, into) in model.nodes.iter().zip(into) {
        let _ = write!(text, "{}  {}", node.id, node.kind);
        if !node.marks.is_empty() {
            let _ = write!(text, "  ({})", node.marks.join(", "));
        }
        text.push('\n');
        for line in into {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// Columns a text takes. Names are of one column a letter; what is not has been written by people in marks.
fn columns(text: &str) -> usize {
    text.chars().count()
}
