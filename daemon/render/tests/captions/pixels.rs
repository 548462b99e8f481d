//! With every preset the highlight's colour lies in the exported box of the word that is active, in every frame.

use fenta_templates::timeline::{Rect, SegmentSpec};

use crate::bench::{Cut, LIT, count, cut, evenly, grown};

const TEXT: &str =
    "Small habits change everything, and nobody sees them coming until they are there.";

fn styled(style: &str) -> Cut {
    cut(vec![evenly(TEXT)], "en", style)
}

/// How far the preset moves a word away from where it rests.
fn check(cut: &Cut, reach: i32) {
    let boxes = cut.boxes();
    let mut seen = 0;
    cut.frames(|frame, layers| {
        let Some(active) = cut.active(frame) else {
            return;
        };
        let word = boxes
            .iter()
            .find(|one| (one.cue, one.word) == active)
            .unwrap();
        let (inside, all) = count(layers, grown(word.rect, reach), LIT);
        assert_eq!(
            inside, all,
            "frame {frame}: the colour is outside the box of {active:?}"
        );
        // A word may fade in with its cue; then its colour is not whole yet.
        let solid = layers.iter().all(|layer| layer.opacity_pm == 1000);
        seen += usize::from(inside > 100);
        assert!(
            inside > 0 || !solid || frame - start(cut, active) < 3,
            "frame {frame}: {active:?} is not lit"
        );
    });
    assert!(seen > 100, "{seen} frames show the highlight");
}

fn start(cut: &Cut, (cue, word): (usize, usize)) -> i64 {
    let track = cut.timeline.captions.as_ref().unwrap();
    track.cues[cue].words[word].range.first()
}

#[test]
fn the_highlight_lies_on_the_word_being_spoken_with_every_preset() {
    for (preset, reach) in [
        ("karaoke", 2),
        ("pop", 30),
        ("box", 40),
        ("highlight", 30),
        ("bounce", 20),
        ("slide", 40),
    ] {
        check(
            &styled(&format!(
                "preset: {preset}, highlight: {{ color: '{LIT}' }}, outline: {{ width: 6 }}"
            )),
            reach,
        );
    }
    check(
        &styled(&format!(
            "preset: typewriter, highlight: {{ mode: color, color: '{LIT}' }}"
        )),
        2,
    );
}

#[test]
fn a_growing_word_stays_around_its_box_and_a_plate_changes_nothing() {
    let look = format!("highlight: {{ color: '{LIT}', scale: 1.2 }}");
    check(&styled(&look), 60);
    check(
        &styled(&format!(
            "{look}, plate: {{ shape: lines }}, outline: {{ width: 0 }}"
        )),
        60,
    );
}

/// The smallest rectangle of the canvas around the whole layer stack of a segment's frame.
fn reach(cut: &Cut, segment: &SegmentSpec, frame: u32) -> Option<Rect> {
    let layers = cut.painter(segment).layers_at(frame);
    let layer = layers.first()?;
    Some(Rect {
        x: layer.x,
        y: layer.y,
        w: layer.image.width,
        h: layer.image.height,
    })
}

#[test]
fn captions_stay_inside_the_safe_zone() {
    for preset in ["karaoke", "box", "highlight", "bounce", "phrase"] {
        let cut = styled(&format!("preset: {preset}, plate: {{}}"));
        for segment in cut.timeline.segments() {
            let Some(rect) = reach(&cut, &segment, segment.frames / 2) else {
                continue;
            };
            // `universal` leaves 270 pixels at the top, 480 at the bottom, 65 and 180 at the sides.
            assert!(
                rect.x >= 64 && rect.x + rect.w as i32 <= 1080 - 179,
                "{preset}: {rect:?}"
            );
            assert!(
                rect.y >= 269 && rect.y + rect.h as i32 <= 1920 - 479,
                "{preset}: {rect:?}"
            );
        }
    }
}
