//! The picture track: an ordered list without holes.

use serde::{Deserialize, Serialize};

use crate::time::RationalTime;
use crate::timeline::{Clip, Transition};

/// Time in which only the background is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its length at the canvas rate.
    pub duration: RationalTime,
}

/// One child of a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
// Nearly every child is a clip, so boxing the large variant would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum TrackItem {
    /// Media.
    Clip(Clip),
    /// Nothing.
    Gap(Gap),
    /// A blend between its two neighbours; adds no time.
    Transition(Transition),
}

/// Children in time order; transitions stand between two clips and never beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// The children.
    pub children: Vec<TrackItem>,
}

impl Track {
    /// The clips with their place on the track: `(first frame, clip)`.
    pub fn clips(&self) -> impl Iterator<Item = (i64, &Clip)> {
        let mut at = 0;
        self.children.iter().filter_map(move |item| {
            let start = at;
            match item {
                TrackItem::Clip(clip) => {
                    at += clip.source_range.duration.value;
                    Some((start, clip))
                }
                TrackItem::Gap(gap) => {
                    at += gap.duration.value;
                    None
                }
                TrackItem::Transition(_) => None,
            }
        })
    }

    /// The track's length in frames.
    pub fn frames(&self) -> i64 {
        self.children
            .iter()
            .map(|item| match item {
                TrackItem::Clip(clip) => clip.source_range.duration.value,
                TrackItem::Gap(gap) => gap.duration.value,
                TrackItem::Transition(_) => 0,
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, scene};
    use crate::time::FrameRate;

    #[test]
    fn clips_stand_where_the_children_before_them_end() {
        let bindings = bindings_with(vec![scene("a", 6), scene("b", 7)]);
        let mut track = cut(&builtin_template("daily"), &bindings).picture;
        let whole = track.frames();
        let before: Vec<i64> = track.clips().map(|(start, _)| start).collect();
        let gap = Gap {
            duration: RationalTime::new(10, FrameRate::whole(30)),
        };
        track.children.insert(0, TrackItem::Gap(gap));
        let after: Vec<i64> = track.clips().map(|(start, _)| start).collect();
        assert_eq!(
            after,
            before.iter().map(|start| start + 10).collect::<Vec<_>>()
        );
        assert_eq!(track.frames(), whole + 10, "transitions add no time");
    }
}
