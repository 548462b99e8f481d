//! A smooth way for a view along one axis through the maps of a source.
//!
//! Neighbours: the parent gives profiles of what stands out; nothing here knows pixels.

/// Places that a view can take.
const PLACES: usize = 49;
/// What moving by one place costs, in shares of what stands out.
const MOVING: f32 = 0.035;
/// Seconds over which the chosen way is smoothed (standard deviation).
const SMOOTH: f32 = 0.55;
/// A way that stays within this share of the source stands still.
const STILL: f32 = 0.045;
/// How far points of the way may lie from its straight pieces.
const STRAIGHT: f32 = 0.004;

/// What stands out at one moment.
pub(super) struct Sample {
    /// Seconds.
    pub(super) at: f32,
    /// Whether a scene begins.
    pub(super) cut: bool,
    /// Shares along the axis.
    pub(super) profile: Vec<f32>,
}

/// A point of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Seconds.
    pub(super) at: f32,
    /// The view's middle, 0-1.
    pub(super) place: f32,
    /// Whether the view jumps here.
    pub(super) cut: bool,
}

/// A way and what it shows.
pub(super) struct Way {
    /// Its corners.
    pub(super) points: Vec<Point>,
    /// Mean share of what stands out inside the view.
    pub(super) covered: f32,
    /// The same for a view in the middle.
    pub(super) centre: f32,
}

/// The way of a view that takes up a share of the axis.
pub(super) fn follow(samples: &[Sample], view: f32) -> Way {
    let mut way = Way {
        points: Vec::new(),
        covered: 0.0,
        centre: 0.0,
    };
    let mut start = 0;
    while start < samples.len() {
        let rest = &samples[start + 1..];
        let end = start
            + 1
            + rest
                .iter()
                .position(|sample| sample.cut)
                .unwrap_or(rest.len());
        let scene = &samples[start..end];
        let places = settled(scene, &best(scene, view));
        for (sample, place) in scene.iter().zip(&places) {
            way.covered += held(&sample.profile, *place, view);
            way.centre += held(&sample.profile, 0.5, view);
        }
        let line: Vec<(f32, f32)> = scene.iter().map(|sample| sample.at).zip(places).collect();
        for (index, (at, place)) in straightened(&line).into_iter().enumerate() {
            way.points.push(Point {
                at,
                place,
                cut: index == 0 && start > 0,
            });
        }
        start = end;
    }
    let count = samples.len().max(1) as f32;
    way.covered /= count;
    way.centre /= count;
    way
}

/// The middle of the view at a numbered place: views never leave the source.
fn middle(place: usize, view: f32) -> f32 {
    view / 2.0 + (1.0 - view) * place as f32 / (PLACES - 1) as f32
}

/// The share of what stands out that a view at a place holds; parts of cells count in part.
fn held(profile: &[f32], place: f32, view: f32) -> f32 {
    let cells = profile.len() as f32;
    let (from, to) = ((place - view / 2.0) * cells, (place + view / 2.0) * cells);
    let inside = |at: usize| (to.min(at as f32 + 1.0) - from.max(at as f32)).clamp(0.0, 1.0);
    profile
        .iter()
        .enumerate()
        .map(|(at, share)| share * inside(at))
        .sum()
}

/// How good a place is: what is held, and held near the middle.
fn worth(profile: &[f32], place: f32, view: f32) -> f32 {
    0.6 * held(profile, place, view) + 0.4 * held(profile, place, 0.5 * view)
}

/// The places that hold most while moving least, over the whole scene.
fn best(scene: &[Sample], view: f32) -> Vec<f32> {
    let worths: Vec<Vec<f32>> = scene
        .iter()
        .map(|sample| {
            // An even picture pulls to the middle.
            let pull = |place: usize| {
                let away = place as f32 / (PLACES - 1) as f32 - 0.5;
                0.02 * away * away
            };
            (0..PLACES)
                .map(|place| worth(&sample.profile, middle(place, view), view) - pull(place))
                .collect()
        })
        .collect();
    let mut totals = worths[0].clone();
    let mut came_from: Vec<Vec<usize>> = Vec::new();
    for worth in &worths[1..] {
        let mut from = vec![0; PLACES];
        let mut next = vec![0.0; PLACES];
        for place in 0..PLACES {
            let total = |before: usize| totals[before] - MOVING * before.abs_diff(place) as f32;
            let chosen = (0..PLACES)
                .max_by(|a, b| total(*a).total_cmp(&total(*b)))
                .unwrap_or(place);
            from[place] = chosen;
            next[place] = total(chosen) + worth[place];
        }
        came_from.push(from);
        totals = next;
    }
    let last = (0..PLACES).max_by(|a, b| totals[*a].total_cmp(&totals[*b]));
    let mut place = last.unwrap_or(PLACES / 2);
    let mut places = vec![middle(place, view)];
    for from in came_from.iter().rev() {
        place = from[place];
        places.push(middle(place, view));
    }
    places.reverse();
    places
}

/// A way without corners; one that hardly moves stands still.
fn settled(scene: &[Sample], places: &[f32]) -> Vec<f32> {
    let smooth: Vec<f32> = scene
        .iter()
        .map(|here| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (other, place) in scene.iter().zip(places) {
                let away = (other.at - here.at) / SMOOTH;
                let weight = (-0.5 * away * away).exp();
                sum += weight * place;
                weights += weight;
            }
            sum / weights
        })
        .collect();
    let low = smooth.iter().copied().fold(f32::MAX, f32::min);
    let high = smooth.iter().copied().fold(f32::MIN, f32::max);
    if high - low > STILL {
        return smooth;
    }
    vec![smooth.iter().sum::<f32>() / smooth.len() as f32; smooth.len()]
}

/// The fewest points whose straight connections stay close to a line.
fn straightened(line: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let (Some(first), Some(last)) = (line.first(), line.last()) else {
        return Vec::new();
    };
    if line.iter().all(|(_, place)| (place - first.1).abs() < 1e-6) {
        return vec![*first];
    }
    let between = |at: f32| {
        let part = (at - first.0) / (last.0 - first.0).max(1e-6);
        first.1 + (last.1 - first.1) * part
    };
    let off = |point: &(f32, f32)| (point.1 - between(point.0)).abs();
    let worst = (0..line.len()).max_by(|a, b| off(&line[*a]).total_cmp(&off(&line[*b])));
    match worst {
        Some(at) if off(&line[at]) > STRAIGHT && at > 0 && at + 1 < line.len() => {
            let mut points = straightened_part(&line[..=at]);
            points.pop();
            points.extend(straightened_part(&line[at..]));
            points
        }
        _ => vec![*first, *last],
    }
}

/// A part of a line, with both of its ends.
fn straightened_part(line: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let points = straightened(line);
    match (points.as_slice(), line.last()) {
        ([only], Some(last)) if line.len() > 1 => vec![*only, *last],
        _ => points,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_pieces_stay_close_to_the_line() {
        let line: Vec<(f32, f32)> = (0..60)
            .map(|step| (step as f32 * 0.25, 0.5 + 0.3 * (step as f32 / 9.0).sin()))
            .collect();
        let points = straightened(&line);
        assert!(points.len() < 40 && points.len() > 4, "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (at, place) in &line {
            let after = points
                .partition_point(|point| point.0 <= *at)
                .clamp(1, points.len() - 1);
            let (a, b) = (points[after - 1], points[after]);
            let between = a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0);
            assert!((between - place).abs() < 2.0 * STRAIGHT);
        }
    }

    #[test]
    fn a_view_that_trembles_stands_still() {
        let samples: Vec<Sample> = (0..30)
            .map(|step| {
                let mut profile = vec![0.0; 24];
                profile[15 + step % 2] = 1.0;
                Sample {
                    at: step as f32 * 0.25,
                    cut: false,
                    profile,
                }
            })
            .collect();
        let way = follow(&samples, 0.32);
        assert_eq!(way.points.len(), 1, "{:?}", way.points);
        assert!(
            (way.points[0].place - 0.667).abs() < 0.05,
            "{:?}",
            way.points
        );
        assert!(way.covered > 0.95 && way.centre < 0.7);
    }
}
