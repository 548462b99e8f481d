//! The same timeline at another picture size: every length in pixels changes, no time does.
//!
//! [`Timeline::scaled`] keeps the shape (drafts), [`Timeline::reshaped`] makes another one of it (square, landscape).

use crate::timeline::{
    Canvas, CaptionPlate, CaptionStyle, CaptionTrack, Clip, Effects, Highlight, Keyframe,
    MediaFacts, Outline, Overlay, OverlayContent, ProgressOverlay, Rect, Shadow, ShapeOverlay,
    TextOverlay, Timeline, Track, TrackItem,
};

/// One factor for both axes, so that nothing is pulled out of shape, and the two sizes it leads between.
#[derive(Clone, Copy)]
struct Scale {
    factor: (i64, i64),
    from: (i32, i32),
    to: (i32, i32),
}

impl Canvas {
    /// Whether a size is this canvas in larger or smaller: even sides, by one factor to within the pixel that evenness
    /// costs.
    pub fn has_shape(&self, width: u32, height: u32) -> bool {
        let (own_width, own_height) = (u64::from(self.width), u64::from(self.height));
        let across = u64::from(width) * own_height;
        let apart = across.abs_diff(u64::from(height) * own_width);
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        even && width > 0 && height > 0 && apart <= own_width.max(own_height)
    }

    /// How much of a source's width and height is seen where it fills this canvas, permille; none where nothing of it is
    /// cut off.
    pub fn view_of(&self, facts: &MediaFacts) -> Option<(u32, u32)> {
        if facts.width == 0 || facts.height == 0 {
            return None;
        }
        let across = u64::from(self.width) * u64::from(facts.height);
        let down = u64::from(self.height) * u64::from(facts.width);
        let share = |part: u64, whole: u64| u32::try_from(part * 1000 / whole).unwrap_or(1000);
        // A few pixels beside the view leave nothing to choose.
        let cut_off = across.min(down) * 100 < across.max(down) * 97;
        cut_off.then(|| {
            if across < down {
                (share(across, down), 1000)
            } else {
                (1000, share(down, across))
            }
        })
    }

    /// The size of this shape whose shorter side is `short`, with even sides; its own where that is not smaller.
    pub fn shrunk_to(&self, short: u32) -> (u32, u32) {
        let own = self.width.min(self.height);
        if own <= short {
            return (self.width, self.height);
        }
        let side = |side: u32| self.even_side(side, (short, own));
        (side(self.width), side(self.height))
    }

    /// The height that goes with a width in this shape.
    pub fn height_at(&self, width: u32) -> u32 {
        self.even_side(self.height, (width, self.width))
    }

    /// A side times a factor, to the nearest even number, halves up.
    fn even_side(&self, side: u32, (num, den): (u32, u32)) -> u32 {
        let half = apply(i64::from(side), (i64::from(num), 2 * i64::from(den)));
        u32::try_from(2 * half.max(1)).unwrap_or(u32::MAX)
    }
}

impl Timeline {
    /// The timeline at `width` x `height`; none where that is another shape than its canvas has.
    pub fn scaled(&self, width: u32, height: u32) -> Option<Self> {
        if !self.canvas.has_shape(width, height) {
            return None;
        }
        let canvas = Canvas {
            width,
            height,
            ..self.canvas
        };
        let size = |canvas: &Canvas| (canvas.width as i32, canvas.height as i32);
        let (from, to) = (size(&self.canvas), size(&canvas));
        // The shorter side is the one that a size is asked for by; the other may be a pixel off.
        let factor = if from.0 <= from.1 {
            (to.0, from.0)
        } else {
            (to.1, from.1)
        };
        let scale = Scale {
            factor: (i64::from(factor.0), i64::from(factor.1)),
            from,
            to,
        };
        Some(Self {
            canvas,
            picture: scale.track(&self.picture),
            overlays: self.overlays.iter().map(|o| scale.overlay(o)).collect(),
            captions: self.captions.as_ref().map(|track| CaptionTrack {
                style: scale.caption_style(&track.style),
                cues: track.cues.clone(),
            }),
            ..self.clone()
        })
    }
}

impl Timeline {
    /// The timeline at `width` x `height`, whatever the shape: clips fill the new canvas by their own fill; letters keep
    /// their size against the shorter side; boxes keep their size and their place between the edges, and those that
    /// take most of a side keep their margins instead.
    pub fn reshaped(&self, width: u32, height: u32) -> Self {
        if let Some(scaled) = self.scaled(width, height) {
            return scaled;
        }
        let canvas = Canvas {
            width,
            height,
            ..self.canvas
        };
        let size = |canvas: &Canvas| (canvas.width as i32, canvas.height as i32);
        let (from, to) = (size(&self.canvas), size(&canvas));
        let scale = Scale {
            factor: (i64::from(to.0.min(to.1)), i64::from(from.0.min(from.1))),
            from,
            to,
        };
        let overlays = self.overlays.iter().map(|overlay| Overlay {
            rect: scale.moved(overlay.rect),
            ..scale.overlay(overlay)
        });
        Self {
            canvas,
            picture: scale.track(&self.picture),
            overlays: overlays.collect(),
            captions: self.captions.as_ref().map(|track| CaptionTrack {
                style: scale.moved_captions(&track.style),
                cues: track.cues.clone(),
            }),
            ..self.clone()
        }
    }
}

/// `value * ratio`, to the nearest whole, halves up.
fn apply(value: i64, (num, den): (i64, i64)) -> i64 {
    (2 * value * num + den).div_euclid(2 * den.max(1))
}

impl Scale {
    fn at(self, value: i32) -> i32 {
        apply(i64::from(value), self.factor) as i32
    }

    /// A length that must not vanish: what was drawn at full size is drawn in the draft too.
    fn length(self, value: u16) -> u16 {
        if value == 0 {
            return 0;
        }
        apply(i64::from(value), self.factor).clamp(1, i64::from(u16::MAX)) as u16
    }

    /// Where a box ends. What reaches the edge of the picture still does when that was made even.
    fn end(self, value: i32, (from, to): (i32, i32)) -> i32 {
        let end = self.at(value);
        if value >= from { end.max(to) } else { end }
    }

    fn rect(self, rect: Rect) -> Rect {
        let right = rect.x.saturating_add_unsigned(rect.w);
        let bottom = rect.y.saturating_add_unsigned(rect.h);
        let right = self.end(right, (self.from.0, self.to.0));
        let bottom = self.end(bottom, (self.from.1, self.to.1));
        let (x, y) = (self.at(rect.x), self.at(rect.y));
        Rect {
            x,
            y,
            w: right.saturating_sub(x).max(1).unsigned_abs(),
            h: bottom.saturating_sub(y).max(1).unsigned_abs(),
        }
    }

    /// A box on a canvas of another shape.
    fn moved(self, rect: Rect) -> Rect {
        let (x, w) = self.stretch((rect.x, rect.w), (self.from.0, self.to.0));
        let (y, h) = self.stretch((rect.y, rect.h), (self.from.1, self.to.1));
        Rect { x, y, w, h }
    }

    /// One side of a box: start and length between two lengths of the canvas.
    fn stretch(self, (start, length): (i32, u32), (from, to): (i32, i32)) -> (i32, u32) {
        let (start, length) = (i64::from(start), i64::from(length));
        let (from, to) = (i64::from(from), i64::from(to));
        if length * 5 >= from * 3 {
            let before = apply(start, self.factor);
            let after = apply(from - start - length, self.factor);
            return (before as i32, (to - before - after).max(1) as u32);
        }
        let kept = apply(length, self.factor).clamp(1, to.max(1));
        let (free, room) = (from - length, to - kept);
        (apply(start, (room, free.max(1))) as i32, kept as u32)
    }

    fn moved_captions(self, style: &CaptionStyle) -> CaptionStyle {
        let share = |value: i32, from: i32, to: i32| {
            apply(i64::from(value), (i64::from(to), i64::from(from))) as i32
        };
        let (_, width) = self.stretch((0, u32::from(style.max_width)), (self.from.0, self.to.0));
        CaptionStyle {
            x: share(style.x, self.from.0, self.to.0),
            y: share(style.y, self.from.1, self.to.1),
            max_width: u16::try_from(width).unwrap_or(u16::MAX),
            ..self.caption_style(style)
        }
    }

    /// Clips whose effects are told in pixels.
    fn track(self, track: &Track) -> Track {
        let clip = |clip: &Clip| Clip {
            effects: Effects {
                keyframes: self.keyframes(&clip.effects.keyframes),
                backdrop: clip
                    .effects
                    .backdrop
                    .map(|look| crate::timeline::BackdropLook {
                        sigma: self.length(look.sigma),
                        ..look
                    }),
                ..clip.effects.clone()
            },
            ..clip.clone()
        };
        let children = track.children.iter().map(|child| match child {
            TrackItem::Clip(one) => TrackItem::Clip(clip(one)),
            other => other.clone(),
        });
        Track {
            children: children.collect(),
        }
    }

    fn keyframes(self, keys: &[Keyframe]) -> Vec<Keyframe> {
        let scaled = |key: &Keyframe| Keyframe {
            x: self.at(key.x),
            y: self.at(key.y),
            ..*key
        };
        keys.iter().map(scaled).collect()
    }

    fn outline(self, outline: Outline) -> Outline {
        Outline {
            width: self.length(outline.width),
            ..outline
        }
    }

    fn shadow(self, shadow: Shadow) -> Shadow {
        Shadow {
            y: self.at(i32::from(shadow.y)) as i16,
            blur: self.length(shadow.blur),
            ..shadow
        }
    }

    fn text(self, text: &TextOverlay) -> TextOverlay {
        TextOverlay {
            size: self.length(text.size),
            padding: self.length(text.padding),
            radius: self.length(text.radius),
            outline: text.outline.map(|outline| self.outline(outline)),
            shadow: text.shadow.map(|shadow| self.shadow(shadow)),
            ..text.clone()
        }
    }

    fn overlay(self, overlay: &Overlay) -> Overlay {
        let content = match &overlay.content {
            OverlayContent::Text(text) => OverlayContent::Text(self.text(text)),
            OverlayContent::Image(source) => OverlayContent::Image(*source),
            OverlayContent::Shape(shape) => OverlayContent::Shape(ShapeOverlay {
                radius: self.length(shape.radius),
                ..*shape
            }),
            OverlayContent::Progress(bar) => OverlayContent::Progress(ProgressOverlay {
                radius: self.length(bar.radius),
                ..*bar
            }),
        };
        Overlay {
            content,
            rect: self.rect(overlay.rect),
            keyframes: self.keyframes(&overlay.keyframes),
            ..overlay.clone()
        }
    }

    fn caption_style(self, style: &CaptionStyle) -> CaptionStyle {
        CaptionStyle {
            size: self.length(style.size),
            outline: style.outline.map(|outline| self.outline(outline)),
            shadow: style.shadow.map(|shadow| self.shadow(shadow)),
            plate: style.plate.map(|plate| CaptionPlate {
                padding: self.length(plate.padding),
                radius: self.length(plate.radius),
                ..plate
            }),
            highlight: Highlight {
                outline: style.highlight.outline.map(|own| self.outline(own)),
                padding: style.highlight.padding.map(|own| self.length(own)),
                radius: style.highlight.radius.map(|own| self.length(own)),
                ..style.highlight
            },
            max_width: self.length(style.max_width),
            x: self.at(style.x),
            y: self.at(style.y),
            ..style.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, scene};

    fn full() -> Timeline {
        let mut bindings = bindings_with(vec![scene("a", 6), scene("b", 9)]);
        bindings.texts.insert("title".into(), "Bees".into());
        cut(&builtin_template("daily"), &bindings)
    }

    // spec: T-20
    #[test]
    fn a_draft_is_the_same_cut_smaller() {
        let (full, draft) = (full(), full().scaled(540, 960).unwrap());
        assert_eq!((draft.canvas.width, draft.canvas.height), (540, 960));
        assert_eq!(draft.picture, full.picture);
        assert_eq!(draft.audio, full.audio);
        let (big, small) = (full.captions.unwrap(), draft.captions.as_ref().unwrap());
        assert_eq!(small.cues, big.cues);
        assert_eq!(small.style.size * 2, big.style.size);
        assert_eq!((small.style.x, small.style.y), (270, 565));
        assert_eq!(draft.overlays[0].rect.w * 2, full.overlays[0].rect.w);
        assert_eq!(draft.validate(), Ok(()));
    }

    #[test]
    fn scaling_to_the_same_size_changes_nothing() {
        assert_eq!(full().scaled(1080, 1920), Some(full()));
    }

    #[test]
    fn nothing_vanishes() {
        let tiny = full().scaled(36, 64).unwrap();
        let style = tiny.captions.unwrap().style;
        assert!(style.size >= 1 && style.outline.unwrap().width >= 1);
        assert!(tiny.overlays.iter().all(|o| o.rect.w >= 1 && o.rect.h >= 1));
    }

    // spec: T-20
    #[test]
    fn another_shape_keeps_letters_edges_and_middles() {
        let mut cut = full();
        let boxes = [
            (40, 40, 200, 100),
            (840, 1780, 200, 100),
            (440, 910, 200, 100),
            (54, 300, 972, 200),
        ];
        let plain = cut.overlays[0].clone();
        cut.overlays = boxes
            .iter()
            .map(|(x, y, w, h)| Overlay {
                rect: Rect {
                    x: *x,
                    y: *y,
                    w: *w,
                    h: *h,
                },
                ..plain.clone()
            })
            .collect();
        let wide = cut.reshaped(1920, 1080);
        let rect = |at: usize| {
            let rect = wide.overlays[at].rect;
            (rect.x, rect.y, rect.w, rect.h)
        };
        assert_eq!(rect(0), (78, 22, 200, 100), "near its corner");
        assert_eq!(rect(1), (1642, 958, 200, 100), "near the other corner");
        assert_eq!(rect(2), (860, 490, 200, 100), "in the middle");
        assert_eq!((rect(3).0, rect(3).2), (54, 1812), "with its margins");
        assert_eq!(
            (wide.picture.clone(), &wide.audio),
            (cut.picture.clone(), &cut.audio)
        );
        let (old, new) = (
            cut.captions.clone().unwrap(),
            wide.captions.clone().unwrap(),
        );
        assert_eq!((old.style.size, new.style.x), (new.style.size, 960));
        assert!(new.style.y < 1080 && wide.validate() == Ok(()));
        let small = cut.reshaped(540, 540);
        assert_eq!(small.captions.unwrap().style.size * 2, old.style.size);
        assert_eq!(cut.reshaped(540, 960), cut.scaled(540, 960).unwrap());
    }

    fn canvas(width: u32, height: u32) -> Canvas {
        Canvas {
            width,
            height,
            ..full().canvas
        }
    }

    // spec: T-20
    #[test]
    fn a_size_has_the_canvas_shape_or_is_refused() {
        let tall = canvas(1080, 1920);
        for (width, height) in [(720, 1280), (540, 960), (406, 720), (2160, 3840)] {
            assert!(tall.has_shape(width, height), "{width}x{height}");
        }
        for (width, height) in [(960, 540), (145, 301), (540, 962), (0, 0), (541, 960)] {
            assert!(!tall.has_shape(width, height), "{width}x{height}");
            assert_eq!(full().scaled(width, height), None);
        }
        assert_eq!(tall.height_at(720), 1280);
    }

    // spec: T-20
    #[test]
    fn drafts_have_the_canvas_shape() {
        for (own, draft) in [
            ((1080, 1920), (540, 960)),
            ((1920, 1080), (960, 540)),
            ((1080, 1080), (540, 540)),
            ((1080, 1350), (540, 676)),
            ((480, 854), (480, 854)),
            ((1082, 1922), (540, 960)),
        ] {
            let canvas = canvas(own.0, own.1);
            assert_eq!(canvas.shrunk_to(540), draft);
            assert!(canvas.has_shape(draft.0, draft.1), "{own:?}");
        }
    }

    #[test]
    fn squares_stay_square_and_edges_stay_covered() {
        let mut cut = full();
        cut.canvas = canvas(1080, 1350);
        cut.overlays[0].rect = Rect {
            x: 100,
            y: 1000,
            w: 80,
            h: 80,
        };
        let mut plate = cut.overlays[0].clone();
        plate.rect = Rect {
            x: 0,
            y: 1300,
            w: 1080,
            h: 50,
        };
        cut.overlays.push(plate);
        let draft = cut.scaled(540, 676).unwrap();
        let rect = draft.overlays[0].rect;
        assert_eq!((rect.x, rect.y, rect.w, rect.h), (50, 500, 40, 40));
        let plate = draft.overlays.last().unwrap().rect;
        assert_eq!((plate.x, plate.y, plate.w, plate.h), (0, 650, 540, 26));
    }

    #[test]
    fn halves_round_up() {
        assert_eq!(
            [apply(3, (1, 2)), apply(-3, (1, 2)), apply(4, (1, 2))],
            [2, -1, 2]
        );
    }
}
