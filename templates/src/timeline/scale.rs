//! The same timeline at another picture size, for drafts: every length in pixels changes, no time does.

use crate::timeline::{
    Canvas, CaptionStyle, CaptionTrack, Outline, Overlay, OverlayContent, ProgressOverlay, Rect,
    Shadow, ShapeOverlay, TextOverlay, Timeline,
};

/// A ratio of two sizes, per axis. Letters, strokes and radii follow the width.
#[derive(Clone, Copy)]
struct Scale {
    x: (i64, i64),
    y: (i64, i64),
}

impl Timeline {
    /// The timeline at `width` x `height`. Both are made even and at least 2, as the canvas demands.
    pub fn scaled(&self, width: u32, height: u32) -> Self {
        let canvas = Canvas {
            width: even(width),
            height: even(height),
            ..self.canvas
        };
        let scale = Scale {
            x: (i64::from(canvas.width), i64::from(self.canvas.width)),
            y: (i64::from(canvas.height), i64::from(self.canvas.height)),
        };
        Self {
            canvas,
            overlays: self.overlays.iter().map(|o| scale.overlay(o)).collect(),
            captions: self.captions.as_ref().map(|track| CaptionTrack {
                style: scale.caption_style(&track.style),
                cues: track.cues.clone(),
            }),
            ..self.clone()
        }
    }
}

fn even(size: u32) -> u32 {
    (size & !1).max(2)
}

/// `value * ratio`, to the nearest whole, halves up.
fn apply(value: i64, (num, den): (i64, i64)) -> i64 {
    (2 * value * num + den).div_euclid(2 * den.max(1))
}

impl Scale {
    fn at_x(self, value: i32) -> i32 {
        apply(i64::from(value), self.x) as i32
    }

    fn at_y(self, value: i32) -> i32 {
        apply(i64::from(value), self.y) as i32
    }

    /// A length that must not vanish: what was drawn at full size is drawn in the draft too.
    fn length(self, value: u16) -> u16 {
        if value == 0 {
            return 0;
        }
        apply(i64::from(value), self.x).clamp(1, i64::from(u16::MAX)) as u16
    }

    fn rect(self, rect: Rect) -> Rect {
        let right = self.at_x(rect.x.saturating_add_unsigned(rect.w));
        let bottom = self.at_y(rect.y.saturating_add_unsigned(rect.h));
        let (x, y) = (self.at_x(rect.x), self.at_y(rect.y));
        Rect {
            x,
            y,
            w: right.saturating_sub(x).max(1).unsigned_abs(),
            h: bottom.saturating_sub(y).max(1).unsigned_abs(),
        }
    }

    fn outline(self, outline: Outline) -> Outline {
        Outline {
            width: self.length(outline.width),
            ..outline
        }
    }

    fn shadow(self, shadow: Shadow) -> Shadow {
        Shadow {
            y: self.at_y(i32::from(shadow.y)) as i16,
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
            ..overlay.clone()
        }
    }

    fn caption_style(self, style: &CaptionStyle) -> CaptionStyle {
        CaptionStyle {
            size: self.length(style.size),
            outline: style.outline.map(|outline| self.outline(outline)),
            shadow: style.shadow.map(|shadow| self.shadow(shadow)),
            max_width: self.length(style.max_width),
            x: self.at_x(style.x),
            y: self.at_y(style.y),
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
        let (full, draft) = (full(), full().scaled(540, 960));
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
        assert_eq!(full().scaled(1080, 1920), full());
    }

    #[test]
    fn sizes_are_made_even_and_nothing_vanishes() {
        let tiny = full().scaled(31, 0);
        assert_eq!((tiny.canvas.width, tiny.canvas.height), (30, 2));
        let style = tiny.captions.unwrap().style;
        assert!(style.size >= 1 && style.outline.unwrap().width >= 1);
        assert!(tiny.overlays.iter().all(|o| o.rect.w >= 1 && o.rect.h >= 1));
    }

    #[test]
    fn halves_round_up() {
        assert_eq!(
            [apply(3, (1, 2)), apply(-3, (1, 2)), apply(4, (1, 2))],
            [2, -1, 2]
        );
    }
}
