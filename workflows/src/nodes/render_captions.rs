//! How the captions of a render are read: their contrast to what lies behind them, and whether a platform covers them.
//!
//! Part of `Output.Render`. Contrast was measured in every finished frame that a caption is judged by, places come from the
//! layout the renderer draws; this file only says what is too little.

use fenta_templates::template::{SAFE_ZONES_AS_OF, SafeZone};
use fenta_templates::time::RationalTime;
use fenta_templates::timeline::{Cue, Rect, Timeline};

use super::render_verify::{Note, clock, shot_at};
use crate::action::{CaptionBox, SegmentFacts};

/// WCAG 2 asks for this contrast of large letters (level AA), hundredths.
const CONTRAST_PC: u32 = 300;
/// Captions told one by one; of more only the number.
const TOLD: usize = 3;

/// Captions that are hard to read; the first segment begins at a frame of the timeline.
pub(super) fn faint(timeline: &Timeline, start: i64, segments: &[&SegmentFacts]) -> Vec<Note> {
    let cues = timeline.captions.iter().flat_map(|track| &track.cues);
    let cues: Vec<&Cue> = cues.collect();
    // The worst look at each cue: one that two segments show is looked at twice.
    let mut worst: Vec<Option<(u32, i64, u32)>> = vec![None; cues.len()];
    let mut start = start;
    for facts in segments {
        for seen in facts.view.iter().flat_map(|view| &view.captions) {
            let frame = start + i64::from(seen.frame);
            let Some(cue) = cues.iter().position(|cue| cue.range.contains(frame)) else {
                continue;
            };
            let known = worst[cue].is_some_and(|(ratio, ..)| ratio <= seen.ratio_pc);
            if seen.ratio_pc < CONTRAST_PC && !known {
                worst[cue] = Some((seen.ratio_pc, frame, seen.word));
            }
        }
        start += i64::from(facts.frames);
    }
    let found = cues.iter().zip(worst).filter_map(|(cue, worst)| {
        let (ratio, frame, word) = worst?;
        let word = cue.words.get(word as usize).map_or("", |word| &word.text);
        let text = format!(
            "the caption \u{201c}{}\u{201d} is hard to read at {}: the contrast of \u{201c}{word}\u{201d} to what is around it is \
             {:.1}:1, and large letters need 3:1 ({})",
            words(cue),
            clock(ms(timeline, frame)),
            f64::from(ratio) / 100.0,
            shot_at(timeline, frame)
        );
        Some(Note {
            text,
            frame: Some(frame),
        })
    });
    told(found.collect(), "captions are hard to read")
}

/// Captions that a platform's own buttons and texts cover; the captions count from a frame of the film.
pub(super) fn covered(
    timeline: &Timeline,
    start: i64,
    platform: &str,
    boxes: &[CaptionBox],
) -> Vec<Note> {
    let Some(zone) = SafeZone::named(platform, &timeline.canvas) else {
        return Vec::new();
    };
    let free = zone.rect(&timeline.canvas);
    let cues = timeline.captions.iter().flat_map(|track| &track.cues);
    let found = cues.enumerate().filter_map(|(at, cue)| {
        let own = boxes.iter().filter(|one| one.cue as usize == at);
        let all = own.map(|one| one.rect).reduce(around)?;
        let side = outside(free, all)?;
        let text = format!(
            "the caption \u{201c}{}\u{201d} at {} lies {side} of what {platform} leaves free (as of {SAFE_ZONES_AS_OF})",
            words(cue),
            clock(ms(timeline, start + cue.range.first())),
        );
        Some(Note {
            text,
            frame: Some(start + (cue.range.first() + cue.range.end()) / 2),
        })
    });
    told(
        found.collect(),
        "captions lie where the platform covers them",
    )
}

/// The first notes, and how many more there are.
fn told(mut notes: Vec<Note>, what: &str) -> Vec<Note> {
    let more = notes.len().saturating_sub(TOLD);
    notes.truncate(TOLD);
    if more > 0 {
        notes.push(Note {
            text: format!("{more} more {what}"),
            frame: None,
        });
    }
    notes
}

fn ms(timeline: &Timeline, frame: i64) -> i64 {
    RationalTime::new(frame, timeline.canvas.frame_rate).to_millis()
}

fn words(cue: &Cue) -> String {
    let words: Vec<&str> = cue.words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

fn around(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let end = |at: i32, length: u32| at.saturating_add_unsigned(length);
    let right = end(a.x, a.w).max(end(b.x, b.w));
    let bottom = end(a.y, a.h).max(end(b.y, b.h));
    Rect {
        x,
        y,
        w: right.abs_diff(x),
        h: bottom.abs_diff(y),
    }
}

/// By how much and on which side a box is outside another, the worst side.
fn outside(free: Rect, own: Rect) -> Option<String> {
    let end = |at: i32, length: u32| i64::from(at) + i64::from(length);
    let over = [
        (i64::from(free.y) - i64::from(own.y), "above"),
        (end(own.y, own.h) - end(free.y, free.h), "below"),
        (i64::from(free.x) - i64::from(own.x), "left"),
        (end(own.x, own.w) - end(free.x, free.w), "right"),
    ];
    let (by, side) = over.into_iter().max_by_key(|(by, _)| *by)?;
    let side = match side {
        "above" => "over the top",
        "below" => "under the bottom",
        "left" => "beyond the left edge",
        _ => "beyond the right edge",
    };
    (by > 0).then(|| format!("{by} px {side}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{CaptionContrast, SegmentView};

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    fn segment(frames: u32, seen: &[(u32, u32, u32)]) -> SegmentFacts {
        let captions = seen.iter().map(|(frame, word, ratio_pc)| CaptionContrast {
            frame: *frame,
            word: *word,
            ratio_pc: *ratio_pc,
        });
        SegmentFacts {
            frames,
            bytes: 1,
            view: Some(SegmentView {
                captions: captions.collect(),
                ..SegmentView::default()
            }),
        }
    }

    #[test]
    fn a_faint_caption_is_told_once_with_its_words_and_time() {
        let cut = timeline();
        let cue = &cut.captions.as_ref().unwrap().cues[0];
        let first = u32::try_from(cue.range.first()).unwrap();
        let a = segment(first + 2, &[(first, 0, 250)]);
        let b = segment(200, &[(0, 0, 180)]);
        let found = faint(&cut, 0, &[&a, &b]);
        assert_eq!(found.len(), 1, "{found:?}");
        let note = &found[0];
        assert!(note.text.contains("1.8:1"), "{}", note.text);
        assert!(note.text.contains(&words(cue)), "{}", note.text);
        assert_eq!(note.frame, Some(i64::from(first) + 2));
        let good = segment(first + 2, &[(first, 0, 300)]);
        assert!(faint(&cut, 0, &[&good]).is_empty());
        // A part of the film begins later.
        let late = segment(90, &[(1, 0, 120)]);
        assert_eq!(
            faint(&cut, i64::from(first), &[&late])[0].frame,
            Some(i64::from(first) + 1)
        );
    }

    #[test]
    fn a_covered_caption_is_told_with_how_far_and_where() {
        let cut = timeline();
        let place = |x, y, w| CaptionBox {
            cue: 0,
            word: 0,
            rect: Rect { x, y, w, h: 80 },
            rtl: false,
        };
        let low = covered(&cut, 0, "tiktok", &[place(200, 1700, 400)]);
        assert_eq!(low.len(), 1);
        assert!(
            low[0]
                .text
                .contains("lies 320 px under the bottom of what tiktok"),
            "{}",
            low[0].text
        );
        assert!(low[0].text.contains("as of 20"), "{}", low[0].text);
        assert!(covered(&cut, 0, "tiktok", &[place(200, 1000, 400)]).is_empty());
        let wide = covered(&cut, 0, "shorts", &[place(200, 1000, 800)]);
        assert!(wide[0].text.contains("right edge"), "{}", wide[0].text);
        assert!(
            covered(&cut, 0, "square", &[place(0, 0, 1080)]).is_empty(),
            "no platform"
        );
    }

    #[test]
    fn of_many_only_the_number_is_told() {
        let note = |text: &str| Note {
            text: text.to_owned(),
            frame: Some(1),
        };
        let found = told(["a", "b", "c", "d", "e"].map(note).to_vec(), "are bad");
        assert_eq!(found.len(), 4);
        assert_eq!(found[3].text, "2 more are bad");
    }
}
