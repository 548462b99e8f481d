//! Which row each box stands in and in which order: every edge goes down, and as few as possible cross.
//!
//! Neighbours: `place` turns the order into columns. The method is Sugiyama's: rows by longest path, places held open
//! where an edge passes a row, and sweeps that sort each row by the middle of its neighbours.

use super::super::model::Graph;

/// Sweeps over all rows; more change nothing in graphs people write.
const SWEEPS: usize = 12;

/// Something that takes a place in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A node's box.
    Node(usize),
    /// A line on its way to a later row.
    Passing,
}

/// Rows of items, and the edges between neighbouring rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Every item; the first ones are the nodes.
    pub(super) items: Vec<Item>,
    /// The items of each row, from left to right.
    pub(super) rows: Vec<Vec<usize>>,
    /// From an item to items of the next row.
    pub(super) below: Vec<Vec<usize>>,
    /// From an item to items of the row before.
    pub(super) above: Vec<Vec<usize>>,
}

impl Layers {
    /// Of a graph whose nodes stand after those they wait for.
    pub(super) fn of(model: &Graph) -> Self {
        let row_of = rows(model);
        let count = row_of.iter().max().map_or(0, |last| last + 1);
        let nodes = model.nodes.len();
        let mut layers = Self {
            items: (0..nodes).map(Item::Node).collect(),
            rows: vec![Vec::new(); count],
            below: vec![Vec::new(); nodes],
            above: vec![Vec::new(); nodes],
        };
        for (node, row) in row_of.iter().enumerate() {
            layers.rows[*row].push(node);
        }
        layers.add_edges(model, &row_of);
        layers.untangle();
        layers
    }

    /// Whether lines leave an item downwards.
    pub(super) fn leaves(&self, item: usize) -> bool {
        !self.below[item].is_empty()
    }

    /// Edges over several rows share their way as long as they come from one node.
    fn add_edges(&mut self, model: &Graph, row_of: &[usize]) {
        for from in 0..model.nodes.len() {
            let mut ends: Vec<usize> = model
                .edges
                .iter()
                .filter(|edge| edge.from == from)
                .map(|edge| edge.to)
                .collect();
            ends.sort_by_key(|end| row_of[*end]);
            let (mut last, mut row) = (from, row_of[from]);
            for end in ends {
                while row + 1 < row_of[end] {
                    row += 1;
                    last = self.pass(last, row);
                }
                self.join(last, end);
            }
        }
    }

    fn pass(&mut self, from: usize, row: usize) -> usize {
        let item = self.items.len();
        self.items.push(Item::Passing);
        self.below.push(Vec::new());
        self.above.push(Vec::new());
        self.rows[row].push(item);
        self.join(from, item);
        item
    }

    fn join(&mut self, from: usize, to: usize) {
        self.below[from].push(to);
        self.above[to].push(from);
    }

    fn untangle(&mut self) {
        let mut best = self.rows.clone();
        let mut fewest = self.crossings();
        for sweep in 0..SWEEPS {
            if fewest == 0 {
                break;
            }
            if sweep % 2 == 0 {
                for row in 1..self.rows.len() {
                    self.sort_row(row, true);
                }
            } else {
                for row in (0..self.rows.len().saturating_sub(1)).rev() {
                    self.sort_row(row, false);
                }
            }
            let crossings = self.crossings();
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&self.rows);
            }
        }
        self.rows = best;
    }

    /// Sorts a row by the mean place of each item's neighbours in the row above or below.
    fn sort_row(&mut self, row: usize, by_above: bool) {
        let places = self.places();
        let mean = |item: usize| {
            let neighbours = if by_above {
                &self.above[item]
            } else {
                &self.below[item]
            };
            if neighbours.is_empty() {
                return places[item] as f64;
            }
            let sum: usize = neighbours.iter().map(|other| places[*other]).sum();
            sum as f64 / neighbours.len() as f64
        };
        let mut keyed: Vec<(f64, usize)> = self.rows[row]
            .iter()
            .map(|item| (mean(*item), *item))
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows[row] = keyed.into_iter().map(|(_, item)| item).collect();
    }

    /// Each item's place in its row.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.items.len()];
        for row in &self.rows {
            for (place, item) in row.iter().enumerate() {
                places[*item] = place;
            }
        }
        places
    }

    fn crossings(&self) -> usize {
        let places = self.places();
        let mut count = 0;
        for row in &self.rows {
            let mut edges: Vec<(usize, usize)> = Vec::new();
            for item in row {
                let ends = self.below[*item].iter();
                edges.extend(ends.map(|end| (places[*item], places[*end])));
            }
            for (at, (from, to)) in edges.iter().enumerate() {
                let crosses = |(f, t): &&(usize, usize)| f > from && t < to || f < from && t > to;
                count += edges[at + 1..].iter().filter(crosses).count();
            }
        }
        count
    }
}

/// Each node's row: below all it waits for, and as near to those that wait for it as that allows.
fn rows(model: &Graph) -> Vec<usize> {
    let mut rows = vec![0; model.nodes.len()];
    // Nodes and edges are in an order in which everything comes after what it waits for.
    for edge in &model.edges {
        rows[edge.to] = rows[edge.to].max(rows[edge.from] + 1);
    }
    let mut latest = vec![usize::MAX; model.nodes.len()];
    for edge in model.edges.iter().rev() {
        let end = latest[edge.to].min(rows[edge.to]).max(rows[edge.to]);
        latest[edge.from] = latest[edge.from].min(end.saturating_sub(1));
    }
    let waits = |node: usize| model.edges.iter().any(|edge| edge.to == node);
    (0..rows.len())
        .map(|node| match latest[node] {
            // Only what waits for nothing may sink: the others would tear lines apart above them.
            row if row != usize::MAX && !waits(node) => row,
            _ => rows[node],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::model::{Edge, Node};
    use super::*;

    fn model(nodes: usize, edges: &[(usize, usize)]) -> Graph {
        Graph {
            nodes: vec![Node::default(); nodes],
            edges: edges
                .iter()
                .map(|&(from, to)| Edge {
                    from,
                    to,
                    flows: Vec::new(),
                })
                .collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn sources_stand_just_above_what_they_feed() {
        // 0 -> 1 -> 2 -> 4, 3 -> 4
        let layers = Layers::of(&model(5, &[(0, 1), (1, 2), (2, 4), (3, 4)]));
        assert_eq!(layers.rows, [vec![0], vec![1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn long_edges_hold_a_place_in_every_row_they_pass() {
        let layers = Layers::of(&model(4, &[(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)]));
        let passing = layers.items.iter().filter(|item| **item == Item::Passing);
        assert_eq!(passing.count(), 2, "one way serves both ends");
    }

    #[test]
    fn crossings_are_undone() {
        let layers = Layers::of(&model(4, &[(0, 3), (1, 2), (1, 2)]));
        assert_eq!(layers.crossings(), 0);
    }
}
