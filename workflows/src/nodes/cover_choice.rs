//! Which frame of a video makes the best cover: sharp, well lit, not black, not in the middle of a blend.
//!
//! Part of `Output.Cover`. The renderer draws candidates small and measures them; the choice is made here.

use fenta_templates::timeline::{StillFormat, Timeline, TrackItem};

use super::stills::{at_width, snapshot};
use crate::action::{ActionFacts, PictureFacts};
use crate::node::{Halt, Steps, wrong_facts};

/// Candidates are drawn this wide; what looks sharp at this size looks sharp on a phone.
const WIDTH: u32 = 360;
/// Frames kept away from cuts and blends.
const APART: i64 = 8;
/// Mean luma of a well lit picture, permille.
const WELL_LIT: (u32, u32) = (350, 650);
/// More nearly black or nearly white than this is no cover, permille.
const EMPTY_PM: u32 = 850;

/// The best of so many frames all over the film; of equal ones the first.
pub(super) fn best_frame(
    timeline: &Timeline,
    count: i64,
    steps: &mut Steps<'_>,
) -> Result<i64, Halt> {
    let frames = candidates(timeline, count);
    let width = WIDTH.min(timeline.canvas.width);
    let small = at_width(timeline, Some(width))?;
    let actions = frames
        .iter()
        .map(|frame| snapshot(&small, *frame, StillFormat::Jpeg));
    let results = steps.run(actions.collect())?;
    let mut best: Option<(u64, i64)> = None;
    for (frame, result) in frames.into_iter().zip(results) {
        let ActionFacts::Picture(facts) = &result.facts else {
            return Err(wrong_facts("snapshot").into());
        };
        let score = score(facts);
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, frame));
        }
    }
    Ok(best.map_or(0, |(_, frame)| frame))
}

/// How good a picture is as a cover.
fn score(facts: &PictureFacts) -> u64 {
    if facts.dark_pm > EMPTY_PM || facts.bright_pm > EMPTY_PM {
        return 0;
    }
    let off = WELL_LIT.0.saturating_sub(facts.brightness_pm)
        + facts.brightness_pm.saturating_sub(WELL_LIT.1);
    // Twice as sharp does not make up for a picture in which nothing can be made out.
    let light = u64::from(1000 - (off * 5 / 2).min(900));
    u64::from(facts.detail.min(2000) + 50) * light
}

/// Frames in the middle of even parts of the film, moved away from cuts and blends.
fn candidates(timeline: &Timeline, count: i64) -> Vec<i64> {
    let total = timeline.duration.value.max(1);
    let count = count.clamp(1, total);
    let shots = resting(timeline);
    let mut frames: Vec<i64> = (0..count)
        .map(|place| (2 * place + 1) * total / (2 * count))
        .map(|frame| {
            let nearest = shots.iter().map(|(first, last)| frame.clamp(*first, *last));
            nearest
                .min_by_key(|near| (near - frame).abs())
                .unwrap_or(frame)
        })
        .collect();
    frames.dedup();
    frames
}

/// First and last frame of every shot where nothing blends and no cut is near.
fn resting(timeline: &Timeline) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let (mut start, mut blend) = (0, 0);
    for item in &timeline.picture.children {
        match item {
            TrackItem::Transition(transition) => blend = transition.out_offset.value,
            TrackItem::Gap(gap) => start += gap.duration.value,
            TrackItem::Clip(clip) => {
                let end = start + clip.source_range.duration.value;
                let (first, last) = (start + blend + APART, end - 1 - APART);
                if first <= last {
                    found.push((first, last));
                }
                start = end;
                blend = 0;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    #[test]
    fn candidates_stay_away_from_cuts() {
        let cut = timeline();
        let rests = resting(&cut);
        let frames = candidates(&cut, 12);
        assert!(frames.len() > 1 && frames.is_sorted());
        for frame in frames {
            assert!(
                rests.iter().any(|(a, b)| (*a..=*b).contains(&frame)),
                "{frame} {rests:?}"
            );
        }
    }

    #[test]
    fn sharp_and_well_lit_wins_and_black_never() {
        let facts = |brightness_pm, dark_pm, detail| PictureFacts {
            brightness_pm,
            dark_pm,
            bright_pm: 0,
            detail,
        };
        let good = score(&facts(500, 50, 400));
        assert!(good > score(&facts(500, 50, 200)), "soft");
        assert!(good > score(&facts(90, 600, 600)), "too dark to see");
        assert_eq!(score(&facts(10, 960, 900)), 0);
        assert!(score(&facts(300, 0, 0)) > 0, "plain, but a picture");
    }
}
