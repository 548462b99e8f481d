//! What stands out in a picture, on a coarse grid.
//!
//! Neighbours: the parent feeds small pictures in order.

use crate::picture::{Picture, Plane};

/// Luma samples in a side of a cell.
const CELL: usize = 8;
/// Bins of a histogram.
const BINS: usize = 32;
/// Share of the samples that must change their bin between two frames of different scenes.
const OTHER_SCENE: f32 = 0.3;

/// Looks at pictures in order.
#[derive(Default)]
pub(super) struct Eye {
    histogram: Option<[u32; 3 * BINS]>,
    last: Option<Plane>,
}

/// How much each cell stands out; all cells together are 1, or 0 in an even picture.
pub(super) struct Map {
    columns: usize,
    cells: Vec<f32>,
}

impl Eye {
    /// Whether a picture belongs to another scene than the one before.
    pub(super) fn is_other_scene(&mut self, picture: &Picture) -> bool {
        let mut histogram = [0u32; 3 * BINS];
        for (index, plane) in picture.planes.iter().enumerate() {
            // Colour samples count four times: there are a quarter as many.
            let weight = if index == 0 { 1 } else { 4 };
            for sample in &plane.data {
                histogram[index * BINS + usize::from(*sample) * BINS / 256] += weight;
            }
        }
        let moved = self.histogram.map(|before| {
            let apart: u32 = before
                .iter()
                .zip(&histogram)
                .map(|(a, b)| a.abs_diff(*b))
                .sum();
            let all: u32 = histogram.iter().sum();
            apart as f32 / (2 * all) as f32
        });
        self.histogram = Some(histogram);
        moved.is_some_and(|moved| moved > OTHER_SCENE)
    }

    /// The map of a picture; movement is against the last one, unless a scene begins.
    pub(super) fn map(&mut self, picture: Picture, cut: bool) -> Map {
        let [luma, us, vs] = picture.planes;
        let before = self.last.take().filter(|_| !cut);
        let (columns, rows) = (luma.width / CELL, luma.height / CELL);
        let mut parts = [const { Vec::new() }; 4];
        for row in 0..rows {
            for column in 0..columns {
                let place = (column, row);
                parts[0].push(edges(&luma, place));
                parts[1].push(mean(&us, place, CELL / 2));
                parts[2].push(mean(&vs, place, CELL / 2));
                parts[3].push(
                    before
                        .as_ref()
                        .map_or(0.0, |last| moved(&luma, last, place)),
                );
            }
        }
        let levels: Vec<f32> = (0..rows * columns)
            .map(|at| mean(&luma, (at % columns, at / columns), CELL))
            .collect();
        let [edges, us, vs, moves] = parts;
        let distinct = distinct([&levels, &us, &vs]);
        let skin: Vec<f32> = (0..levels.len())
            .map(|at| skin([levels[at], us[at], vs[at]]))
            .collect();
        let quiet = median(&moves);
        let moves: Vec<f32> = moves.iter().map(|move_| (move_ - quiet).max(0.0)).collect();
        let features = [
            (even(&edges, 6.0), 0.6),
            (even(&distinct, 4.0), 1.0),
            (even(&skin, 0.05), 0.8),
            (even(&moves, 3.0), 1.6),
        ];
        self.last = Some(luma);
        let cells = (0..rows * columns)
            .map(|at| {
                let sum: f32 = features
                    .iter()
                    .map(|(part, weight)| part[at] * weight)
                    .sum();
                let x = (at % columns) as f32 / columns as f32 + 0.5 / columns as f32 - 0.5;
                let y = (at / columns) as f32 / rows as f32 + 0.5 / rows as f32 - 0.5;
                // People stand near the middle more often than at the edge.
                sum * (1.0 - 0.9 * x * x - 0.7 * y * y)
            })
            .collect();
        Map::outstanding(columns, cells)
    }
}

impl Map {
    /// Keeps what is well above the mean, and makes everything together 1.
    fn outstanding(columns: usize, mut cells: Vec<f32>) -> Self {
        let mean = cells.iter().sum::<f32>() / cells.len().max(1) as f32;
        for cell in &mut cells {
            *cell = (*cell - 1.1 * mean).max(0.0);
        }
        let all: f32 = cells.iter().sum();
        if all > 1e-3 {
            cells.iter_mut().for_each(|cell| *cell /= all);
        } else {
            cells.fill(0.0);
        }
        Self { columns, cells }
    }

    /// The sums of its columns, or of its rows.
    pub(super) fn profile(&self, across: bool) -> Vec<f32> {
        let rows = self.cells.chunks_exact(self.columns);
        if !across {
            return rows.map(|row| row.iter().sum()).collect();
        }
        let mut sums = vec![0.0; self.columns];
        for row in rows {
            for (sum, cell) in sums.iter_mut().zip(row) {
                *sum += cell;
            }
        }
        sums
    }
}

/// A feature against its own mean, so that none of them drowns the others; below a floor it is noise.
fn even(part: &[f32], floor: f32) -> Vec<f32> {
    let mean = part.iter().sum::<f32>() / part.len().max(1) as f32;
    part.iter()
        .map(|one| (one / (mean + floor)).min(5.0))
        .collect()
}

fn median(part: &[f32]) -> f32 {
    let mut sorted = part.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn cell(plane: &Plane, (column, row): (usize, usize), side: usize) -> impl Iterator<Item = &[u8]> {
    (0..side).map(move |y| &plane.row(row * side + y)[column * side..(column + 1) * side])
}

fn mean(plane: &Plane, place: (usize, usize), side: usize) -> f32 {
    let sum: u32 = cell(plane, place, side)
        .flatten()
        .map(|s| u32::from(*s))
        .sum();
    sum as f32 / (side * side) as f32
}

fn edges(plane: &Plane, (column, row): (usize, usize)) -> f32 {
    let mut sum = 0u32;
    for y in row * CELL..(row + 1) * CELL {
        let (here, below) = (plane.row(y), plane.row((y + 1).min(plane.height - 1)));
        for x in column * CELL..(column + 1) * CELL {
            let right = here[(x + 1).min(plane.width - 1)];
            sum += u32::from(here[x].abs_diff(right)) + u32::from(here[x].abs_diff(below[x]));
        }
    }
    sum as f32 / (CELL * CELL) as f32
}

fn moved(plane: &Plane, last: &Plane, place: (usize, usize)) -> f32 {
    let pairs = cell(plane, place, CELL)
        .flatten()
        .zip(cell(last, place, CELL).flatten());
    let sum: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / (CELL * CELL) as f32
}

/// How far each cell's colour lies from the picture's mean.
fn distinct(parts: [&[f32]; 3]) -> Vec<f32> {
    let weights = [0.4, 1.0, 1.0];
    let mut sums = vec![0.0; parts[0].len()];
    for (part, weight) in parts.iter().zip(weights) {
        let mean = part.iter().sum::<f32>() / part.len().max(1) as f32;
        for (sum, level) in sums.iter_mut().zip(*part) {
            *sum += (level - mean).abs() * weight;
        }
    }
    sums
}

/// How much a colour is like skin, of any shade: the hue is the same, only the light differs.
fn skin([y, u, v]: [f32; 3]) -> f32 {
    let (du, dv) = (u - 108.0, v - 149.0);
    let near = 1.0 - (du * du / 360.0 + dv * dv / 260.0);
    if y < 45.0 { 0.0 } else { near.max(0.0) }
}
