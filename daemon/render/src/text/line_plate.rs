//! One plate behind lines of different widths: rectangles stacked into one shape whose corners are all round.
//!
//! Neighbour: `placed_cue` says what each line covers. Pure geometry.

use tiny_skia::{Path, PathBuilder};

/// Handle length of a cubic that stands for a quarter circle.
const KAPPA: f32 = 0.552_284_8;

/// What a line covers; each begins where the one above it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) top: f32,
    pub(super) bottom: f32,
}

impl Span {
    /// The smallest span around both.
    pub(super) fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// The outline of stacked lines; corners that point inwards are as round as those that point outwards. Edges that are
/// nearly below each other are brought into line: a step smaller than its corners looks like a mistake.
pub(super) fn line_plate(lines: &[Span], radius: f32) -> Option<Path> {
    let lines = aligned(lines, radius * 1.5);
    let (first, last) = (lines.first()?, lines.last()?);
    let mut corners = vec![(first.left, first.top), (first.right, first.top)];
    for pair in lines.windows(2) {
        step(&mut corners, (pair[0].right, pair[1].right), pair[0].bottom);
    }
    corners.extend([(last.right, last.bottom), (last.left, last.bottom)]);
    for pair in lines.windows(2).rev() {
        step(&mut corners, (pair[1].left, pair[0].left), pair[0].bottom);
    }
    rounded(&corners, radius)
}

/// The two corners of a step at a height; none where the edges are in line.
fn step(corners: &mut Vec<(f32, f32)>, (from, to): (f32, f32), y: f32) {
    if from != to {
        corners.extend([(from, y), (to, y)]);
    }
}

/// Edges of neighbours that are less than `least` apart at the further of both, until none are left.
fn aligned(lines: &[Span], least: f32) -> Vec<Span> {
    let mut lines = lines.to_vec();
    for _ in 0..lines.len() {
        for line in 1..lines.len() {
            let (above, below) = (lines[line - 1], lines[line]);
            if (above.left - below.left).abs() < least {
                let left = above.left.min(below.left);
                (lines[line - 1].left, lines[line].left) = (left, left);
            }
            if (above.right - below.right).abs() < least {
                let right = above.right.max(below.right);
                (lines[line - 1].right, lines[line].right) = (right, right);
            }
        }
    }
    lines
}

/// A closed line through the corners with round ones.
fn rounded(corners: &[(f32, f32)], radius: f32) -> Option<Path> {
    let count = corners.len();
    let mut path = PathBuilder::new();
    for (at, &corner) in corners.iter().enumerate() {
        let before = corners[(at + count - 1) % count];
        let after = corners[(at + 1) % count];
        let r = radius
            .min(length(before, corner) / 2.0)
            .min(length(corner, after) / 2.0);
        let (start, end) = (toward(corner, before, r), toward(corner, after, r));
        if at == 0 {
            path.move_to(start.0, start.1);
        } else {
            path.line_to(start.0, start.1);
        }
        let handle = r * (1.0 - KAPPA);
        let (a, b) = (
            toward(corner, before, handle),
            toward(corner, after, handle),
        );
        path.cubic_to(a.0, a.1, b.0, b.1, end.0, end.1);
    }
    path.close();
    path.finish()
}

fn length(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The point `by` away from one corner on the way to another.
fn toward(from: (f32, f32), to: (f32, f32), by: f32) -> (f32, f32) {
    let all = length(from, to).max(f32::MIN_POSITIVE);
    (
        from.0 + (to.0 - from.0) * by / all,
        from.1 + (to.1 - from.1) * by / all,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(left: f32, right: f32, top: f32, bottom: f32) -> Span {
        Span {
            left,
            right,
            top,
            bottom,
        }
    }

    #[test]
    fn one_line_is_a_rounded_rectangle() {
        let path = line_plate(&[span(10.0, 110.0, 5.0, 45.0)], 8.0).unwrap();
        let bounds = path.bounds();
        assert_eq!(
            (bounds.left(), bounds.top(), bounds.right(), bounds.bottom()),
            (10.0, 5.0, 110.0, 45.0)
        );
    }

    #[test]
    fn lines_of_nearly_one_width_are_brought_into_line() {
        let lines = aligned(
            &[
                span(10.0, 110.0, 0.0, 40.0),
                span(15.0, 105.0, 40.0, 80.0),
                span(40.0, 80.0, 80.0, 120.0),
            ],
            12.0,
        );
        let edges: Vec<(f32, f32)> = lines.iter().map(|line| (line.left, line.right)).collect();
        assert_eq!(edges, [(10.0, 110.0), (10.0, 110.0), (40.0, 80.0)]);
    }

    #[test]
    fn a_step_has_a_corner_that_points_inwards() {
        let path = line_plate(
            &[span(0.0, 200.0, 0.0, 50.0), span(50.0, 150.0, 50.0, 100.0)],
            10.0,
        )
        .unwrap();
        let mut mask = tiny_skia::Mask::new(200, 100).unwrap();
        mask.fill_path(
            &path,
            tiny_skia::FillRule::Winding,
            true,
            tiny_skia::Transform::identity(),
        );
        let at = |x: usize, y: usize| mask.data()[y * 200 + x];
        assert_eq!(at(100, 50), 255, "no seam between the lines");
        assert_eq!(at(30, 60), 0, "beside the short line");
        assert!(at(48, 51) > 200, "the inner corner is filled out");
        assert_eq!(at(0, 0), 0, "the outer one is cut off");
    }
}
