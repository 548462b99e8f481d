//! Cutting a timeline into segments: pure functions of what is visible, each relative to its own start.
//!
//! Neighbours: [`segment`](super::SegmentSpec) holds the type, the renderer draws it. Nothing here may let an absolute
//! time, a name or a total length into a segment: that would re-render spans in which nothing visible changed.

use crate::time::TimeRange;
use crate::timeline::{
    CaptionTrack, Clip, CoverSpec, Cue, CueWord, FontFace, FontRequest, Keyframe,
    MAX_SEGMENT_FRAMES, MIN_SEGMENT_FRAMES, MediaKind, MediaReference, Overlay, OverlayContent,
    SegmentShot, SegmentSpec, SegmentTransition, StillFormat, Timeline, TrackItem, Transition,
    font_fallback,
};

/// A child of the picture track that takes time, with its place.
struct Placed<'a> {
    start: i64,
    frames: i64,
    clip: Option<&'a Clip>,
    /// The blend at its start and the clip it comes from.
    blend: Option<(&'a Transition, &'a Clip)>,
}

impl Timeline {
    /// The spans to render, in order. They tile the timeline and none crosses a shot boundary.
    pub fn segments(&self) -> Vec<SegmentSpec> {
        let mut segments = Vec::new();
        for item in self.placed() {
            let blend_frames = item.blend.map_or(0, |(blend, _)| blend.out_offset.value);
            let mut at = 0;
            for frames in cut_lengths(item.frames, blend_frames) {
                segments.push(self.segment_of(&item, at, frames));
                at += frames;
            }
        }
        segments
    }

    /// The faces the texts of a segment use, in the order of the timeline's list.
    pub fn fonts_for(&self, segment: &SegmentSpec) -> Vec<FontFace> {
        let wanted = segment_requests(segment);
        self.fonts
            .iter()
            .filter(|face| wanted.contains(&face.request))
            .cloned()
            .collect()
    }

    /// The faces the captions use, in the order of the timeline's list.
    pub fn caption_fonts(&self) -> Vec<FontFace> {
        let wanted = self
            .captions
            .as_ref()
            .map_or_else(Vec::new, caption_requests);
        let used = self
            .fonts
            .iter()
            .filter(|face| wanted.contains(&face.request));
        used.cloned().collect()
    }

    /// One frame as a still, with everything visible in it. A frame outside the timeline means its nearest frame;
    /// quality outside 1-100 means the nearest limit.
    pub fn cover(&self, frame: i64, quality: u8) -> CoverSpec {
        let frame = frame.clamp(0, (self.duration.value - 1).max(0));
        let segment = self
            .placed()
            .into_iter()
            .find(|item| frame < item.start + item.frames)
            .map_or_else(
                || self.decorated(0, 1, None),
                |item| self.segment_of(&item, frame - item.start, 1),
            );
        CoverSpec {
            frame: 0,
            fonts: self.fonts_for(&segment),
            segment,
            quality: quality.clamp(1, 100),
            format: StillFormat::Jpeg,
        }
    }

    /// The spans to render for the frames `from` up to but without `to`: whole spans are those of [`Timeline::segments`],
    /// so that what is in the cache of one is in that of the other; those at the ends are cut.
    pub fn segments_between(&self, from: i64, to: i64) -> Vec<SegmentSpec> {
        let mut segments = Vec::new();
        for item in self.placed() {
            let blend_frames = item.blend.map_or(0, |(blend, _)| blend.out_offset.value);
            let mut at = 0;
            for frames in cut_lengths(item.frames, blend_frames) {
                let begin = at.max(from - item.start);
                let end = (at + frames).min(to - item.start);
                if begin < end {
                    segments.push(self.segment_of(&item, begin, end - begin));
                }
                at += frames;
            }
        }
        segments
    }

    /// The captions of the frames `from` up to but without `to`, counted from `from`: cues and words end where the part
    /// does.
    pub fn captions_between(&self, from: i64, to: i64) -> Option<CaptionTrack> {
        let mut track = captions_part(self.captions.as_ref()?, from, to - from)?;
        let rate = self.canvas.frame_rate;
        let within = |range: TimeRange| {
            let first = range.first().clamp(0, to - from);
            TimeRange::from_units(first, range.end().clamp(first, to - from), rate)
        };
        for cue in &mut track.cues {
            cue.range = within(cue.range);
            for word in &mut cue.words {
                word.range = within(word.range);
            }
            cue.words
                .retain(|word| word.range.end() > word.range.first());
        }
        track.cues.retain(|cue| !cue.words.is_empty());
        (!track.cues.is_empty()).then_some(track)
    }

    /// Every child that takes time. Empty children are left out: they show nothing.
    fn placed(&self) -> Vec<Placed<'_>> {
        let mut placed: Vec<Placed<'_>> = Vec::new();
        let mut pending: Option<&Transition> = None;
        let mut start = 0;
        for child in &self.picture.children {
            let (frames, clip) = match child {
                TrackItem::Transition(transition) => {
                    pending = Some(transition);
                    continue;
                }
                TrackItem::Clip(clip) => (clip.source_range.duration.value, Some(clip)),
                TrackItem::Gap(gap) => (gap.duration.value, None),
            };
            let outgoing = placed.last().and_then(|before| before.clip);
            let blend = pending.take().zip(outgoing);
            if frames > 0 {
                placed.push(Placed {
                    start,
                    frames,
                    clip,
                    blend,
                });
                start += frames;
            }
        }
        placed
    }

    /// The segment that starts `offset` frames into an item.
    fn segment_of(&self, item: &Placed<'_>, offset: i64, frames: i64) -> SegmentSpec {
        let shot = item.clip.map(|clip| SegmentShot {
            clip: part_of(clip, offset, frames),
            elapsed: elapsed_of(clip, offset),
            transition: item
                .blend
                .and_then(|(blend, from)| blend_part(blend, from, offset, frames)),
        });
        self.decorated(item.start + offset, frames, shot)
    }

    /// A picture with the overlays and captions that are visible over it.
    fn decorated(&self, start: i64, frames: i64, shot: Option<SegmentShot>) -> SegmentSpec {
        SegmentSpec {
            canvas: self.canvas,
            frames: count(frames),
            shot,
            overlays: self
                .overlays
                .iter()
                .filter_map(|overlay| overlay_part(overlay, start, frames))
                .collect(),
            captions: self
                .captions
                .as_ref()
                .and_then(|track| captions_part(track, start, frames)),
        }
    }
}

/// Lengths of the pieces of a shot. The cuts stand at fixed offsets from the shot's start, so that an edit late in a
/// shot leaves the pieces before it alone. A blend gets a short piece of its own: it shows the shot before, so it is
/// drawn again whenever that one changes.
fn cut_lengths(frames: i64, blend_frames: i64) -> Vec<i64> {
    let mut lengths = Vec::new();
    let mut rest = frames;
    if blend_frames > 0 {
        let head = blend_frames.clamp(MIN_SEGMENT_FRAMES, MAX_SEGMENT_FRAMES);
        if rest >= head + MIN_SEGMENT_FRAMES {
            lengths.push(head);
            rest -= head;
        }
    }
    while rest >= MAX_SEGMENT_FRAMES + MIN_SEGMENT_FRAMES {
        lengths.push(MAX_SEGMENT_FRAMES);
        rest -= MAX_SEGMENT_FRAMES;
    }
    lengths.push(rest);
    lengths
}

/// Frame counts inside segments are small and never negative.
fn count(frames: i64) -> u32 {
    u32::try_from(frames.max(0)).unwrap_or(u32::MAX)
}

/// The part of a clip seen from `offset` on, without its name. A still has no time, so all its parts are equal.
fn part_of(clip: &Clip, offset: i64, frames: i64) -> Clip {
    let rate = clip.source_range.start.rate;
    let still = matches!(&clip.media, MediaReference::External(file) if file.facts.kind == MediaKind::Image);
    let start = if still {
        0
    } else {
        clip.source_range.first() + clip.effects.source_frames(offset)
    };
    Clip {
        name: String::new(),
        source_range: TimeRange::from_units(start, start + frames, rate),
        ..clip.clone()
    }
}

/// How far a clip's moves have come; 0 without any, and no further than the last one's end.
fn elapsed_of(clip: &Clip, offset: i64) -> u32 {
    let camera = clip.motion.map_or(0, |motion| motion.over_frames);
    let picture = clip.effects.keyframes.last().map_or(0, |key| key.at);
    count(offset).min(camera.max(picture))
}

/// The part of a blend that lies in a segment `offset` frames into the incoming shot.
fn blend_part(
    blend: &Transition,
    from: &Clip,
    offset: i64,
    frames: i64,
) -> Option<SegmentTransition> {
    let total = blend.out_offset.value;
    if offset >= total {
        return None;
    }
    let passed = from.source_range.duration.value + offset;
    Some(SegmentTransition {
        kind: blend.kind,
        frames: count(total),
        offset: count(offset),
        from: part_of(from, passed, frames.min(total - offset)),
        from_elapsed: elapsed_of(from, passed),
    })
}

/// An overlay as seen in `[start, start + frames)`: a resting overlay is cut to the segment and forgets when it came
/// and when it will go; one that is coming or going keeps the end that its animation needs.
fn overlay_part(overlay: &Overlay, start: i64, frames: i64) -> Option<Overlay> {
    let range = overlay.range.shifted(-start);
    let window = TimeRange::from_units(0, frames, range.start.rate);
    if !range.overlaps(&window) {
        return None;
    }
    let enter = overlay
        .enter
        .filter(|animation| range.first() + i64::from(animation.frames) > 0);
    let exit = overlay
        .exit
        .filter(|animation| range.end() - i64::from(animation.frames) < frames);
    // A movement that is over leaves only the place it led to.
    let mut keyframes = overlay.keyframes.clone();
    if let Some(last) = keyframes.last().copied()
        && range.first() + i64::from(last.at) <= 0
    {
        keyframes = vec![Keyframe { at: 0, ..last }];
    }
    let moves = keyframes.len() > 1 || keyframes.first().is_some_and(|key| key.at > 0);
    // How far a bar has come depends on both of its ends.
    let grows = matches!(overlay.content, OverlayContent::Progress(_));
    let first = if enter.is_some() || grows || moves {
        range.first()
    } else {
        range.first().max(0)
    };
    let end = if exit.is_some() || grows {
        range.end()
    } else {
        range.end().min(frames)
    };
    Some(Overlay {
        // Names are not visible.
        id: String::new(),
        range: TimeRange::from_units(first, end, range.start.rate),
        enter,
        exit,
        keyframes,
        ..overlay.clone()
    })
}

/// The cues visible in `[start, start + frames)`, whole: their layout needs every word.
fn captions_part(track: &CaptionTrack, start: i64, frames: i64) -> Option<CaptionTrack> {
    let rate = track.cues.first()?.range.start.rate;
    let window = TimeRange::from_units(start, start + frames, rate);
    let cues: Vec<Cue> = track
        .cues
        .iter()
        .filter(|cue| cue.range.overlaps(&window))
        .map(|cue| shifted_cue(cue, -start))
        .collect();
    (!cues.is_empty()).then(|| CaptionTrack {
        style: track.style.clone(),
        cues,
    })
}

fn shifted_cue(cue: &Cue, by: i64) -> Cue {
    Cue {
        range: cue.range.shifted(by),
        words: cue
            .words
            .iter()
            .map(|word| CueWord {
                range: word.range.shifted(by),
                ..word.clone()
            })
            .collect(),
    }
}

/// Every face a segment's texts ask for, those for other scripts included.
fn segment_requests(segment: &SegmentSpec) -> Vec<FontRequest> {
    let mut requests = Vec::new();
    for overlay in &segment.overlays {
        if let OverlayContent::Text(text) = &overlay.content {
            requests.push(text.font.clone());
            requests.extend(font_fallback::candidates_for(&text.text, text.font.weight));
        }
    }
    requests.extend(segment.captions.iter().flat_map(caption_requests));
    requests
}

/// Every face that captions ask for.
fn caption_requests(track: &CaptionTrack) -> Vec<FontRequest> {
    let weight = track.style.font.weight;
    let mut requests = vec![track.style.font.clone()];
    requests.extend(track.style.strong_font());
    for word in track.cues.iter().flat_map(|cue| &cue.words) {
        requests.extend(font_fallback::candidates_for(&word.text, weight));
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, scene, spoken, still};
    use crate::template::{Bindings, ImageBinding};
    use crate::timeline::{Animation, AnimationKind};

    fn daily(bindings: &Bindings) -> Timeline {
        cut(&builtin_template("daily"), bindings)
    }

    fn with_title() -> Bindings {
        let mut bindings = bindings_with(vec![scene("a", 6), scene("b", 10), scene("c", 7)]);
        bindings.texts.insert("title".into(), "Bees".into());
        bindings.images.insert(
            "logo".into(),
            ImageBinding {
                source: crate::template::testing::digest(3),
                width: 100,
                height: 100,
            },
        );
        bindings
    }

    #[test]
    fn shots_are_cut_at_fixed_offsets() {
        assert_eq!(cut_lengths(50, 0), [50]);
        assert_eq!(cut_lengths(60, 0), [60]);
        assert_eq!(cut_lengths(74, 0), [74], "a rest under 15 frames stays");
        assert_eq!(cut_lengths(75, 0), [60, 15]);
        assert_eq!(cut_lengths(200, 0), [60, 60, 60, 20]);
        assert_eq!(
            cut_lengths(100, 9),
            [15, 60, 25],
            "the blend has its own piece"
        );
        assert_eq!(
            cut_lengths(29, 9),
            [29],
            "unless too little is left after it"
        );
        assert_eq!(cut_lengths(200, 90), [60, 60, 60, 20]);
        for frames in 1..400 {
            for blend in [0, 9, 20, 70] {
                let lengths = cut_lengths(frames, blend);
                assert_eq!(lengths.iter().sum::<i64>(), frames);
                assert!(lengths.iter().all(|length| *length < 75));
                assert!(lengths.len() == 1 || lengths.iter().all(|length| *length >= 15));
            }
        }
    }

    #[test]
    fn segments_reassemble_to_the_timeline() {
        let timeline = daily(&with_title());
        let segments = timeline.segments();
        let mut at = 0;
        for segment in &segments {
            let (start, clip) = timeline
                .picture
                .clips()
                .filter(|(start, _)| *start <= at)
                .last()
                .unwrap();
            let shot = segment.shot.as_ref().unwrap();
            assert_eq!(shot.clip.media, clip.media);
            assert_eq!(
                shot.clip.source_range.first(),
                clip.source_range.first() + at - start
            );
            assert_eq!(
                shot.clip.source_range.duration.value,
                i64::from(segment.frames)
            );
            assert_eq!(shot.clip.name, "");
            at += i64::from(segment.frames);
        }
        assert_eq!(at, timeline.duration.value);
    }

    #[test]
    fn a_part_shares_its_whole_segments_with_the_film() {
        let timeline = daily(&with_title());
        let all = timeline.segments();
        let total = timeline.duration.value;
        assert_eq!(timeline.segments_between(0, total), all);
        let first = i64::from(all[0].frames);
        let part = timeline.segments_between(first - 7, total - 3);
        assert_eq!(part.len(), all.len());
        assert_eq!(part[1..all.len() - 1], all[1..all.len() - 1]);
        let frames: i64 = part.iter().map(|one| i64::from(one.frames)).sum();
        assert_eq!(frames, total - 3 - (first - 7));
        // The cut piece shows the end of the first one.
        let (cut, whole) = (
            part[0].shot.as_ref().unwrap(),
            all[0].shot.as_ref().unwrap(),
        );
        assert_eq!(cut.clip.media, whole.clip.media);
        assert!(cut.clip.source_range.first() >= whole.clip.source_range.first());
        let one = timeline.segments_between(first + 4, first + 5);
        assert_eq!((one.len(), one[0].frames), (1, 1));
        assert_eq!(one[0], timeline.cover(first + 4, 90).segment);
    }

    #[test]
    fn captions_of_a_part_count_from_its_start_and_end_with_it() {
        let timeline = daily(&with_title());
        let all = timeline.captions.as_ref().unwrap();
        let (from, to) = (all.cues[0].range.first() + 5, all.cues[1].range.end() - 4);
        let part = timeline.captions_between(from, to).unwrap();
        assert_eq!(part.cues.len(), 2);
        assert_eq!(part.cues[0].range.first(), 0);
        assert_eq!(part.cues[1].range.end(), to - from);
        for word in part.cues.iter().flat_map(|cue| &cue.words) {
            assert!(word.range.first() >= 0 && word.range.end() <= to - from);
        }
        assert_eq!(timeline.captions_between(0, 0), None);
    }

    #[test]
    fn what_is_visible_in_a_frame_is_in_its_segment() {
        let timeline = daily(&with_title());
        let mut start = 0;
        for segment in timeline.segments() {
            for frame in 0..i64::from(segment.frames) {
                let seen = |ranges: Vec<TimeRange>, at: i64| {
                    ranges.iter().filter(|range| range.contains(at)).count()
                };
                let whole = timeline.overlays.iter().map(|o| o.range).collect();
                let part = segment.overlays.iter().map(|o| o.range).collect();
                assert_eq!(seen(whole, start + frame), seen(part, frame));
                let cues = |track: &Option<CaptionTrack>| {
                    let cues = track.iter().flat_map(|track| &track.cues);
                    cues.map(|cue| cue.range).collect()
                };
                let whole = seen(cues(&timeline.captions), start + frame);
                assert_eq!(whole, seen(cues(&segment.captions), frame));
            }
            start += i64::from(segment.frames);
        }
    }

    #[test]
    fn a_blend_goes_on_across_segments() {
        let mut timeline = daily(&with_title());
        for child in &mut timeline.picture.children {
            if let TrackItem::Transition(blend) = child {
                blend.out_offset.value = 80;
            }
        }
        let segments = timeline.segments();
        let blends: Vec<&SegmentTransition> = segments
            .iter()
            .filter_map(|segment| segment.shot.as_ref()?.transition.as_ref())
            .collect();
        assert_eq!(blends[0].offset, 0);
        assert_eq!(blends[1].offset, 60);
        assert_eq!(blends[0].frames, 80);
        let (_, outgoing) = timeline.picture.clips().next().unwrap();
        assert_eq!(
            blends[1].from.source_range.first(),
            outgoing.source_range.end() + 60,
            "the outgoing clip goes on"
        );
        assert_eq!(blends[1].from.source_range.duration.value, 20);
    }

    #[test]
    fn resting_overlays_forget_their_times_and_moving_ones_keep_them() {
        let mut timeline = daily(&with_title());
        let title = timeline
            .overlays
            .iter_mut()
            .find(|o| o.id == "title")
            .unwrap();
        title.range = TimeRange::from_units(40, 280, title.range.start.rate);
        title.enter = Some(Animation {
            kind: AnimationKind::Fade,
            frames: 30,
        });
        let title = title.clone();
        let part = |start, frames| overlay_part(&title, start, frames);
        assert_eq!(part(0, 40), None);
        let coming = part(60, 60).unwrap();
        assert_eq!((coming.range.first(), coming.range.end()), (-20, 60));
        assert_eq!(coming.exit, None);
        let resting = part(120, 60).unwrap();
        assert_eq!(
            resting.range,
            TimeRange::from_units(0, 60, title.range.start.rate)
        );
        assert_eq!((resting.enter, resting.exit), (None, None));
        let going = part(240, 38).unwrap();
        assert_eq!((going.range.first(), going.range.end()), (0, 40));
        assert_eq!(going.exit, title.exit);
        assert_eq!(part(280, 60), None);
    }

    #[test]
    fn spans_that_look_the_same_are_equal() {
        let mut bindings = bindings_with(Vec::new());
        bindings.clips = vec![still(1)];
        let template = builtin_template("daily");
        let mut timeline = cut(&template, &bindings);
        for child in &mut timeline.picture.children {
            if let TrackItem::Clip(clip) = child {
                clip.motion = None;
                clip.source_range.duration.value = 240;
            }
        }
        let segments = timeline.segments();
        assert_eq!(segments.len(), 4);
        assert!(segments.iter().all(|segment| *segment == segments[0]));
        assert_eq!(segments[0].captions, None);
    }

    #[test]
    fn gaps_show_the_background() {
        let mut timeline = daily(&with_title());
        let rate = timeline.canvas.frame_rate;
        timeline.picture.children = vec![TrackItem::Gap(crate::timeline::Gap {
            duration: crate::time::RationalTime::new(100, rate),
        })];
        let segments = timeline.segments();
        assert_eq!(segments.len(), 2);
        assert!(segments.iter().all(|segment| segment.shot.is_none()));
        assert_eq!(segments[0].range().end(), 60);
    }

    #[test]
    fn covers_are_one_frame_with_what_is_seen_there() {
        let timeline = daily(&with_title());
        let cover = timeline.cover(20, 200);
        assert_eq!(
            (cover.frame, cover.segment.frames, cover.quality),
            (0, 1, 100)
        );
        assert_eq!(cover.segment.overlays.len(), 2);
        assert_eq!(cover.fonts.len(), 1);
        let shot = cover.segment.shot.unwrap();
        let (_, first) = timeline.picture.clips().next().unwrap();
        assert_eq!(
            shot.clip.source_range.first(),
            first.source_range.first() + 20
        );
        let late = timeline.cover(i64::MAX, 0);
        assert_eq!(late.quality, 1);
        let last = timeline.segments().pop().unwrap();
        assert_eq!(
            late.segment.shot.unwrap().clip.source_range.end(),
            last.shot.unwrap().clip.source_range.end()
        );
    }

    #[test]
    fn fonts_follow_what_a_segment_shows() {
        let voice = vec![
            spoken("a", &["Bees", "dance", "all", "day", "long", "today."]),
            spoken("b", &["They", "say", "🐝", "is", "one", "word."]),
        ];
        let timeline = daily(&bindings_with(voice));
        assert_eq!(timeline.fonts.len(), 2);
        let used: Vec<usize> = timeline
            .segments()
            .iter()
            .map(|segment| timeline.fonts_for(segment).len())
            .collect();
        assert_eq!(used[0], 1);
        assert!(used.contains(&2));
    }
}
