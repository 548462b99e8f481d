//! Where lines run between two rows: down from a box, sideways on a track of their own, down to the next box.
//!
//! Neighbours: `layers` and `place` say what stands where, `canvas` takes the lines.

use super::canvas::Canvas;
use super::layers::{Item, Layers};
use super::place::Placed;

/// The lines between a row and the next.
pub(super) struct Gap {
    nets: Vec<Net>,
    tracks: usize,
    /// Every item lines arrive at, with the column.
    pub(super) arrivals: Vec<(usize, usize)>,
}

/// All lines that leave one item.
#[derive(Clone, Debug)]
struct Net {
    /// The column it leaves in.
    out: usize,
    /// The columns it arrives in.
    ends: Vec<usize>,
    /// The row it runs sideways in; none when it only runs down.
    track: Option<usize>,
}

impl Net {
    fn first(&self) -> usize {
        self.ends.iter().copied().fold(self.out, usize::min)
    }

    fn last(&self) -> usize {
        self.ends.iter().copied().fold(self.out, usize::max)
    }

    fn is_straight(&self) -> bool {
        self.first() == self.last()
    }

    /// Whether both would meet on one track.
    fn meets(&self, other: &Self) -> bool {
        self.first() <= other.last() + 1 && other.first() <= self.last() + 1
    }

    /// Nets that turn nearer to where they go leave the way free for those behind them.
    fn turn(&self) -> (bool, usize) {
        let right = self.last() - self.out >= self.out - self.first();
        (
            right,
            if right {
                usize::MAX - self.out
            } else {
                self.out
            },
        )
    }
}

/// The lines between `row` and the next.
pub(super) fn route(layers: &Layers, placed: &Placed, row: usize) -> Gap {
    let mut arrivals = Vec::new();
    let mut ends: Vec<(usize, usize)> = Vec::new();
    for &item in &layers.rows[row + 1] {
        for (from, column) in ports(layers, placed, item) {
            arrivals.push((item, column));
            ends.push((from, column));
        }
    }
    let nets = layers.rows[row]
        .iter()
        .filter(|item| layers.leaves(**item))
        .map(|item| Net {
            out: placed.spots[*item].out(),
            ends: ends
                .iter()
                .filter(|(from, _)| from == item)
                .map(|(_, column)| *column)
                .collect(),
            track: None,
        })
        .collect();
    let (nets, tracks) = assign(nets);
    Gap {
        nets,
        tracks,
        arrivals,
    }
}

/// The columns an item is entered in: each as near to where its line comes from as the box allows.
fn ports(layers: &Layers, placed: &Placed, item: usize) -> Vec<(usize, usize)> {
    let spot = placed.spots[item];
    let mut above = layers.above[item].clone();
    above.sort_by_key(|from| placed.spots[*from].out());
    if layers.items[item] == Item::Passing {
        return above.into_iter().map(|from| (from, spot.left)).collect();
    }
    let (mut first, last) = (spot.left + 1, spot.left + spot.width - 2);
    let count = above.len();
    if let [from] = above[..]
        && !(first..=last).contains(&placed.spots[from].out())
    {
        return vec![(from, spot.out())];
    }
    let mut ports = Vec::new();
    for (at, from) in above.into_iter().enumerate() {
        // Two columns each, or one where the box is too narrow for that.
        let behind = count - 1 - at;
        let step = if last >= first + 2 * behind { 2 } else { 1 };
        let limit = last.saturating_sub(step * behind).max(first);
        let column = placed.spots[from].out().clamp(first, limit);
        ports.push((from, column));
        first = (column + step).min(last);
    }
    ports
}

/// Gives every net that runs sideways a track. A net that leaves in the column another one arrives in must turn first.
fn assign(mut nets: Vec<Net>) -> (Vec<Net>, usize) {
    let mut open: Vec<usize> = (0..nets.len())
        .filter(|net| !nets[*net].is_straight())
        .collect();
    open.sort_by_key(|net| nets[*net].turn());
    let mut tracks = 0;
    while !open.is_empty() {
        let waits = |net: usize| {
            let columns = &nets[net].ends;
            open.iter()
                .any(|other| *other != net && columns.contains(&nets[*other].out))
        };
        // Where nets wait for each other in a circle, one of them has to go first.
        let next = open.iter().position(|net| !waits(*net)).unwrap_or(0);
        let net = open.remove(next);
        let above = nets.iter().filter(|other| {
            let turns_first = nets[net].ends.contains(&other.out);
            other.track.is_some() && (turns_first || other.meets(&nets[net]))
        });
        let track = above
            .filter_map(|other| other.track)
            .max()
            .map_or(0, |track| track + 1);
        nets[net].track = Some(track);
        tracks = tracks.max(track + 1);
    }
    (nets, tracks)
}

impl Gap {
    /// Rows it takes.
    pub(super) fn height(&self) -> usize {
        self.tracks.max(1)
    }

    /// Draws it from row `top` on.
    pub(super) fn paint(&self, canvas: &mut Canvas, top: usize) {
        let bottom = top + self.height();
        for (id, net) in self.nets.iter().enumerate() {
            let turn = top + net.track.unwrap_or(0);
            if net.track.is_none() {
                canvas.line_down(net.out, (top, bottom), id);
                continue;
            }
            canvas.line_down(net.out, (top, turn), id);
            canvas.line_across(turn, (net.first(), net.last()), id);
            canvas.turn_from_above(net.out, turn, id);
            for end in &net.ends {
                canvas.turn_to_below(*end, turn, id);
                canvas.line_down(*end, (turn + 1, bottom), id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(out: usize, ends: &[usize]) -> Net {
        Net {
            out,
            ends: ends.to_vec(),
            track: None,
        }
    }

    #[test]
    fn lines_that_meet_get_tracks_of_their_own() {
        let (nets, tracks) = assign(vec![net(5, &[20]), net(10, &[25]), net(40, &[40])]);
        assert_eq!(tracks, 2);
        let tracks: Vec<Option<usize>> = nets.iter().map(|net| net.track).collect();
        assert_eq!(tracks, [Some(1), Some(0), None]);
    }

    #[test]
    fn who_leaves_where_another_arrives_turns_first() {
        let (nets, _) = assign(vec![net(5, &[20]), net(20, &[30])]);
        assert!(nets[1].track < nets[0].track);
    }
}
