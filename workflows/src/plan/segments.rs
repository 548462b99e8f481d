//! What of a span of a render differs from the span that stood there the last time. Pure comparison of two requests.

use fenta_templates::timeline::{
    CaptionTrack, Clip, Overlay, SegmentShot, SegmentSpec, SegmentTransition,
};

use super::SegmentChange;
use crate::action::RenderSegmentRequest;

/// Everything visible that changed; empty when the two are equal. `shot` is the number of the new one's shot, from 1.
pub fn segment_changes(
    old: &RenderSegmentRequest,
    new: &RenderSegmentRequest,
    shot: u32,
) -> Vec<SegmentChange> {
    let mut changes = Vec::new();
    let (was, is) = (&old.segment, &new.segment);
    if was.canvas != is.canvas {
        changes.push(SegmentChange::Canvas);
    }
    if was.frames != is.frames {
        changes.push(SegmentChange::Length);
    }
    shots(was, is, shot, &mut changes);
    captions(was.captions.as_ref(), is.captions.as_ref(), &mut changes);
    overlays(&was.overlays, &is.overlays, &mut changes);
    // Other faces follow from other texts; only a font that itself changed is news.
    if old.fonts != new.fonts && changes.is_empty() {
        changes.push(SegmentChange::Font);
    }
    if old.encoding != new.encoding {
        changes.push(SegmentChange::Encoding);
    }
    changes
}

fn shots(was: &SegmentSpec, is: &SegmentSpec, shot: u32, changes: &mut Vec<SegmentChange>) {
    let (old, new) = match (&was.shot, &is.shot) {
        (None, None) => return,
        (Some(old), Some(new)) => (old, new),
        _ => return changes.push(SegmentChange::ShotSource { shot }),
    };
    if let Some(change) = clip(&old.clip, &new.clip, shot) {
        changes.push(change);
    } else if moves_differ(old, new) {
        changes.push(SegmentChange::ShotFraming { shot });
    }
    if !same_transition(old.transition.as_ref(), new.transition.as_ref()) {
        changes.push(SegmentChange::Transition);
    }
}

fn clip(old: &Clip, new: &Clip, shot: u32) -> Option<SegmentChange> {
    if old.media != new.media {
        Some(SegmentChange::ShotSource { shot })
    } else if old.source_range.start != new.source_range.start {
        Some(SegmentChange::ShotPart { shot })
    } else if old.fill != new.fill || old.motion != new.motion {
        Some(SegmentChange::ShotFraming { shot })
    } else {
        None
    }
}

/// Where a camera move is, counts; how long a clip without one has been running does not.
fn moves_differ(old: &SegmentShot, new: &SegmentShot) -> bool {
    old.elapsed != new.elapsed && new.clip.motion.is_some()
}

fn same_transition(old: Option<&SegmentTransition>, new: Option<&SegmentTransition>) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

fn captions(
    old: Option<&CaptionTrack>,
    new: Option<&CaptionTrack>,
    changes: &mut Vec<SegmentChange>,
) {
    let words = |track: Option<&CaptionTrack>| -> Vec<String> {
        let cues = track.into_iter().flat_map(|track| &track.cues);
        cues.flat_map(|cue| &cue.words)
            .map(|word| word.text.clone())
            .collect()
    };
    if words(old) != words(new) {
        changes.push(SegmentChange::CaptionText);
    } else if old.map(|track| &track.cues) != new.map(|track| &track.cues) {
        changes.push(SegmentChange::CaptionTiming);
    }
    if let (Some(old), Some(new)) = (old, new)
        && old.style != new.style
    {
        changes.push(SegmentChange::CaptionStyle);
    }
}

fn overlays(old: &[Overlay], new: &[Overlay], changes: &mut Vec<SegmentChange>) {
    for overlay in new {
        if !old.contains(overlay) {
            changes.push(named(overlay));
        }
    }
    for overlay in old {
        let gone = !new.iter().any(|now| now.id == overlay.id);
        if gone {
            changes.push(named(overlay));
        }
    }
    let order = |list: &[Overlay]| -> Vec<String> {
        list.iter().map(|overlay| overlay.id.clone()).collect()
    };
    if changes.is_empty() && order(old) != order(new) {
        changes.push(SegmentChange::Overlay {
            name: String::new(),
        });
    }
}

fn named(overlay: &Overlay) -> SegmentChange {
    SegmentChange::Overlay {
        name: overlay.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn request(edit: impl Fn(&mut Json)) -> RenderSegmentRequest {
        let time = |value: i64| json!({ "value": value, "rate": "30" });
        let mut json = json!({
            "segment": {
                "canvas": { "width": 1080, "height": 1920, "frame_rate": "30", "background": "#000000" },
                "frames": 60,
                "shot": {
                    "clip": {
                        "name": "",
                        "media": { "generator": { "look": "waves", "seed": 1, "palette": ["#000000", "#ffffff"] } },
                        "source_range": { "start": time(0), "duration": time(60) },
                        "fill": "crop",
                        "motion": null
                    },
                    "elapsed": 0,
                    "transition": null
                },
                "overlays": [],
                "captions": null
            },
            "fonts": [],
            "encoding": {
                "encoder": "libx264", "preset": "veryfast", "crf": 19, "max_rate_kbps": 0,
                "gop": 60, "b_frames": 2, "threads": 1
            }
        });
        edit(&mut json);
        serde_json::from_value(json).unwrap()
    }

    fn changes(edit: impl Fn(&mut Json)) -> Vec<String> {
        segment_changes(&request(|_| ()), &request(edit), 3)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn equal_spans_have_no_changes() {
        assert!(changes(|_| ()).is_empty());
    }

    #[test]
    fn every_part_of_a_span_has_its_word() {
        let cases: [(&str, Json, &str); 6] = [
            ("/segment/frames", json!(59), "length"),
            ("/segment/canvas/background", json!("#111111"), "canvas"),
            (
                "/segment/shot/clip/media/generator/seed",
                json!(2),
                "shot 3 source",
            ),
            (
                "/segment/shot/clip/source_range/start/value",
                json!(5),
                "shot 3 part of the clip",
            ),
            ("/segment/shot/clip/fill", json!("blur"), "shot 3 framing"),
            ("/encoding/crf", json!(20), "encoding"),
        ];
        for (pointer, value, expected) in cases {
            let found = changes(|json| *json.pointer_mut(pointer).unwrap() = value.clone());
            assert_eq!(found, [expected], "{pointer}");
        }
        assert_eq!(
            changes(|json| json["segment"]["shot"] = Json::Null),
            ["shot 3 source"]
        );
    }
}
