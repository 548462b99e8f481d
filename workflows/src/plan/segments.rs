//! What of a span of a render differs from the span that stood there the last time. Pure comparison of two requests.

use fenta_templates::timeline::{
    CaptionTrack, Clip, Overlay, SegmentShot, SegmentSpec, SegmentTransition,
};

use super::SegmentChange;
use crate::action::RenderSegmentRequest;

/// The name of an overlay in its template. A segment does not hold it, because names are not visible.
pub type OverlayNames<'a> = dyn Fn(&Overlay) -> String + 'a;

/// Everything visible that changed; empty when the two are equal. `shot` is the number of the new one's shot, from 1.
pub fn segment_changes(
    old: &RenderSegmentRequest,
    new: &RenderSegmentRequest,
    shot: u32,
    names: &OverlayNames<'_>,
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
    overlays(&was.overlays, &is.overlays, names, &mut changes);
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

fn overlays(
    old: &[Overlay],
    new: &[Overlay],
    names: &OverlayNames<'_>,
    changes: &mut Vec<SegmentChange>,
) {
    let mut named: Vec<String> = new
        .iter()
        .filter(|overlay| !old.contains(overlay))
        .map(names)
        .collect();
    // A text that was changed is gone from the old list too; its name was told.
    if old.len() > new.len() || (named.is_empty() && old != new) {
        let gone = old.iter().filter(|overlay| !new.contains(overlay));
        named.extend(gone.map(names));
    }
    if named.is_empty() && old != new {
        named.push(String::new());
    }
    named.dedup();
    changes.extend(
        named
            .into_iter()
            .map(|name| SegmentChange::Overlay { name }),
    );
}

#[cfg(test)]
mod tests {
    use fenta_templates::color::Color;
    use fenta_templates::time::{FrameRate, RationalTime, TimeRange};
    use fenta_templates::timeline::{
        Anchor, Canvas, Effects, Fill, Generator, Look, MediaReference, OverlayContent, Rect,
    };

    use super::*;
    use crate::action::VideoEncoding;
    use crate::digest::blob_digest;

    const BLACK: Color = Color::rgb(0, 0, 0);
    const FPS: FrameRate = FrameRate::whole(30);

    fn request() -> RenderSegmentRequest {
        let rate = FPS;
        RenderSegmentRequest {
            segment: SegmentSpec {
                canvas: Canvas {
                    width: 1080,
                    height: 1920,
                    frame_rate: rate,
                    background: BLACK,
                },
                frames: 60,
                shot: Some(SegmentShot {
                    clip: Clip {
                        name: String::new(),
                        media: MediaReference::Generator(generator(1)),
                        source_range: TimeRange::from_units(0, 60, rate),
                        fill: Fill::Crop,
                        motion: None,
                        effects: Effects::default(),
                    },
                    elapsed: 0,
                    transition: None,
                }),
                overlays: vec![overlay("head")],
                captions: None,
            },
            fonts: Vec::new(),
            encoding: VideoEncoding {
                encoder: "libx264".into(),
                preset: "veryfast".into(),
                crf: 19,
                max_rate_kbps: 0,
                gop: 60,
                b_frames: 2,
                threads: 1,
                alpha: false,
                draft: false,
            },
        }
    }

    fn generator(seed: u64) -> Generator {
        Generator {
            look: Look::Waves,
            seed,
            palette: vec![BLACK, BLACK],
        }
    }

    fn overlay(id: &str) -> Overlay {
        Overlay {
            id: id.into(),
            range: TimeRange::from_units(0, 60, FPS),
            content: OverlayContent::Image(blob_digest(b"logo")),
            rect: Rect {
                x: 0,
                y: 0,
                w: 10,
                h: 10,
            },
            anchor: Anchor::TopLeft,
            opacity_pm: 1000,
            enter: None,
            exit: None,
            keyframes: Vec::new(),
        }
    }

    fn changes(edit: impl Fn(&mut RenderSegmentRequest)) -> Vec<String> {
        let mut edited = request();
        edit(&mut edited);
        segment_changes(&request(), &edited, 3, &|overlay| overlay.id.clone())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn clip_of(request: &mut RenderSegmentRequest) -> &mut Clip {
        let shot = request.segment.shot.as_mut();
        &mut shot.expect("the request has a shot").clip
    }

    #[test]
    fn equal_spans_have_no_changes() {
        assert!(changes(|_| ()).is_empty());
    }

    #[test]
    fn every_part_of_a_span_has_its_word() {
        assert_eq!(changes(|new| new.segment.frames = 59), ["length"]);
        assert_eq!(changes(|new| new.segment.canvas.width = 540), ["canvas"]);
        assert_eq!(changes(|new| new.encoding.crf = 20), ["encoding"]);
        assert_eq!(changes(|new| new.segment.shot = None), ["shot 3 source"]);
        let source = |new: &mut _| {
            clip_of(new).media = MediaReference::Generator(generator(2));
        };
        assert_eq!(changes(source), ["shot 3 source"]);
        let part = |new: &mut _| {
            clip_of(new).source_range.start = RationalTime::new(5, FPS);
        };
        assert_eq!(changes(part), ["shot 3 part of the clip"]);
        assert_eq!(
            changes(|new| clip_of(new).fill = Fill::Blur),
            ["shot 3 framing"]
        );
    }

    #[test]
    fn overlays_are_told_by_name_when_they_change_come_or_go() {
        let faded = |new: &mut RenderSegmentRequest| new.segment.overlays[0].opacity_pm = 500;
        assert_eq!(changes(faded), ["overlay head"]);
        assert_eq!(
            changes(|new| new.segment.overlays.clear()),
            ["overlay head"]
        );
        assert_eq!(
            changes(|new| new.segment.overlays.push(overlay("logo"))),
            ["overlay logo"]
        );
    }
}
