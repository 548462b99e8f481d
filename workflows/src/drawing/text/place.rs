//! Which column each box stands in: in the order of its row, as near to its neighbours as there is room.
//!
//! Neighbours: `layers` gives the order, `route` draws between the columns found here.

use super::layers::{Item, Layers};

/// Columns between boxes.
const GAP: usize = 3;
/// Where the first row begins to spread, so that there is room on both sides.
const START: f64 = 100_000.0;
/// How often the rows are pulled towards each other.
const PULLS: usize = 8;

/// Where an item stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its first column.
    pub(super) left: usize,
    /// How many it takes.
    pub(super) width: usize,
}

impl Spot {
    /// The column lines leave it in.
    pub(super) const fn out(self) -> usize {
        self.left + self.width / 2
    }
}

/// Every item's place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// By item.
    pub(super) spots: Vec<Spot>,
}

impl Placed {
    /// Columns for boxes of these widths, by node.
    pub(super) fn of(layers: &Layers, widths: &[usize]) -> Self {
        let spots = layers
            .items
            .iter()
            .map(|item| Spot {
                left: 0,
                width: match item {
                    Item::Node(node) => widths[*node],
                    Item::Passing => 1,
                },
            })
            .collect();
        let mut placed = Self { spots };
        for row in &layers.rows {
            placed.set(row, &vec![START; row.len()]);
        }
        for pull in 0..PULLS {
            let down = pull % 2 == 0;
            let count = layers.rows.len();
            for step in 0..count {
                let row = &layers.rows[if down { step } else { count - 1 - step }];
                let wishes: Vec<f64> = row
                    .iter()
                    .map(|item| placed.wish(layers, *item, down))
                    .collect();
                placed.set(row, &wishes);
            }
        }
        placed.straighten(layers);
        placed.shift_left();
        placed
    }

    /// The column an item's middle would like to have.
    fn wish(&self, layers: &Layers, item: usize, by_above: bool) -> f64 {
        let neighbours = match (by_above, &layers.above[item], &layers.below[item]) {
            (true, above, _) if !above.is_empty() => above,
            (false, _, below) if !below.is_empty() => below,
            _ => return self.spots[item].out() as f64,
        };
        let sum: usize = neighbours
            .iter()
            .map(|other| self.spots[*other].out())
            .sum();
        sum as f64 / neighbours.len() as f64
    }

    /// Puts a row as near to its wishes as its order allows: neighbours that want the same place share it out, as
    /// blocks that were pushed together (the pool-adjacent-violators method).
    fn set(&mut self, row: &[usize], wishes: &[f64]) {
        let mut blocks: Vec<Block> = Vec::new();
        for (at, item) in row.iter().enumerate() {
            let width = self.spots[*item].width as f64;
            let mut block = Block {
                first: at,
                wish: wishes[at] - (self.spots[*item].width / 2) as f64,
                count: 1.0,
                width: width + GAP as f64,
            };
            while let Some(before) =
                blocks.pop_if(|before| before.left() + before.width > block.left())
            {
                block = before.joined(&block);
            }
            blocks.push(block);
        }
        for (index, block) in blocks.iter().enumerate() {
            let end = blocks.get(index + 1).map_or(row.len(), |next| next.first);
            let mut left = block.left().round().max(0.0) as usize;
            if block.first > 0 {
                let before = self.spots[row[block.first - 1]];
                left = left.max(before.left + before.width + GAP);
            }
            for item in &row[block.first..end] {
                self.spots[*item].left = left;
                left += self.spots[*item].width + GAP;
            }
        }
    }

    /// A line that misses its only neighbour by a column or two is moved over it.
    fn straighten(&mut self, layers: &Layers) {
        for row in &layers.rows {
            for (at, item) in row.iter().enumerate() {
                let [above] = layers.above[*item][..] else {
                    continue;
                };
                if layers.below[above].len() != 1 {
                    continue;
                }
                let spot = self.spots[*item];
                let left = (spot.left + self.spots[above].out()).saturating_sub(spot.out());
                let before = at.checked_sub(1).map_or(0, |at| {
                    self.spots[row[at]].left + self.spots[row[at]].width + GAP
                });
                let after = row
                    .get(at + 1)
                    .map_or(usize::MAX, |next| self.spots[*next].left);
                if left >= before && left.saturating_add(spot.width + GAP) <= after {
                    self.spots[*item].left = left;
                }
            }
        }
    }

    fn shift_left(&mut self) {
        let first = self.spots.iter().map(|spot| spot.left).min().unwrap_or(0);
        for spot in &mut self.spots {
            spot.left -= first;
        }
    }
}

/// Items that stand side by side without room between them.
struct Block {
    /// Place of its first item in the row.
    first: usize,
    /// Sum of what its items wish its first column to be.
    wish: f64,
    /// How many items it has.
    count: f64,
    /// Columns it takes, the gap behind it included.
    width: f64,
}

impl Block {
    fn left(&self) -> f64 {
        self.wish / self.count
    }

    /// Both, side by side, where their wishes meet in the middle.
    fn joined(&self, right: &Self) -> Self {
        Self {
            first: self.first,
            wish: self.wish + right.wish - self.width * right.count,
            count: self.count + right.count,
            width: self.width + right.width,
        }
    }
}
