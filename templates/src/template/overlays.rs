//! Overlay items to overlays: texts filled, boxes resolved to canvas pixels, times to frames.

use super::edit_rules::frames;
use super::fill::Filled;
use super::overlay_item::{AnimationRule, ItemContent, ItemTime, OverlayItem, Place, TextStyle};
use super::safe_zone::SafeZone;
use crate::time::TimeRange;
use crate::timeline::{
    Anchor, Animation, Canvas, Overlay, OverlayContent, Rect, ShapeOverlay, TextOverlay,
};

/// Line height in permille of the text size, for boxes without a height.
const LINE_PM: u32 = 1300;

/// Where overlays are placed.
pub(crate) struct Board<'a> {
    pub(crate) canvas: &'a Canvas,
    pub(crate) zone: &'a SafeZone,
    pub(crate) filled: &'a Filled,
    /// Placeholders that hold something.
    pub(crate) present: &'a [&'a str],
    /// The timeline's length.
    pub(crate) frames: i64,
}

impl Board<'_> {
    /// The overlays of a template's items that have something to show, in their order.
    pub(crate) fn place(&self, items: &[OverlayItem]) -> Vec<Overlay> {
        items.iter().filter_map(|item| self.overlay(item)).collect()
    }

    fn overlay(&self, item: &OverlayItem) -> Option<Overlay> {
        if let Some(name) = &item.only_if
            && !self.present.contains(&name.as_str())
        {
            return None;
        }
        let range = self.range(item.time)?;
        let (content, size) = self.content(item)?;
        Some(Overlay {
            id: item.id.clone(),
            range,
            content,
            rect: self.rect(item.place, size),
            anchor: item.place.anchor,
            opacity_pm: item.opacity_pm,
            enter: self.animation(item.enter, range.duration.value),
            exit: self.animation(item.exit, range.duration.value),
        })
    }

    /// What is shown and how large it is where the template does not say.
    fn content(&self, item: &OverlayItem) -> Option<(OverlayContent, (u32, u32))> {
        match &item.content {
            ItemContent::Text { pattern, style } => {
                let text = pattern.fill(&self.filled.texts);
                let text = text.trim();
                (!text.is_empty()).then(|| {
                    let content = OverlayContent::Text(self.text(text, style));
                    (content, self.text_size(item.place, style))
                })
            }
            ItemContent::Image(name) => {
                let image = self.filled.images.get(name)?;
                let size = scaled_to_fit(item.place, (image.width, image.height));
                Some((OverlayContent::Image(image.source), size))
            }
            ItemContent::Shape { color, radius } => {
                let shape = ShapeOverlay {
                    color: color.resolve(&self.filled.colors),
                    radius: *radius,
                };
                let zone = self.zone.rect(self.canvas);
                Some((OverlayContent::Shape(shape), (zone.w, zone.h)))
            }
        }
    }

    fn text(&self, text: &str, style: &TextStyle) -> TextOverlay {
        let colors = &self.filled.colors;
        TextOverlay {
            text: if style.uppercase {
                text.to_uppercase()
            } else {
                text.to_owned()
            },
            font: style.font.clone(),
            size: style.size,
            color: style.color.resolve(colors),
            max_lines: style.max_lines,
            fit: style.fit,
            background: style.background.as_ref().map(|color| color.resolve(colors)),
            padding: style.padding,
            radius: style.radius,
            outline: style.outline.as_ref().and_then(|rule| rule.resolve(colors)),
            shadow: style.shadow.as_ref().map(|rule| rule.resolve(colors)),
        }
    }

    /// As wide as the safe zone allows from where the box is anchored, as high as its lines.
    fn text_size(&self, place: Place, style: &TextStyle) -> (u32, u32) {
        let lines = u32::from(style.max_lines) * u32::from(style.size) * LINE_PM / 1000;
        let zone = self.zone.rect(self.canvas);
        let middle = self.canvas.width as i32 / 2 + place.x.unwrap_or(0);
        let width = match horizontal(place.anchor) {
            Side::Middle => 2 * (middle - zone.x).min(zone.x + zone.w as i32 - middle),
            Side::Start => zone.x + zone.w as i32 - place.x.unwrap_or(zone.x),
            Side::End => {
                let right = place.x.unwrap_or(self.zone.right as i32);
                self.canvas.width as i32 - right - zone.x
            }
        };
        let width = u32::try_from(width).unwrap_or(1).max(1);
        (width, (lines + 2 * u32::from(style.padding)).max(1))
    }

    /// The box: the size from the template or the content, the place from anchor and insets.
    fn rect(&self, place: Place, (natural_w, natural_h): (u32, u32)) -> Rect {
        let w = place.w.unwrap_or(natural_w).max(1);
        let h = place.h.unwrap_or(natural_h).max(1);
        let (zone, canvas) = (self.zone, self.canvas);
        let x = along(
            horizontal(place.anchor),
            place.x,
            (canvas.width, w),
            (zone.left, zone.right),
        );
        let y = along(
            vertical(place.anchor),
            place.y,
            (canvas.height, h),
            (zone.top, zone.bottom),
        );
        Rect { x, y, w, h }
    }

    /// The frames of an item; `None` if none of them lies in the timeline.
    fn range(&self, time: ItemTime) -> Option<TimeRange> {
        let rate = self.canvas.frame_rate;
        let (start, end) = match time {
            ItemTime::All => (0, self.frames),
            ItemTime::Span { from_ms, to_ms } => (
                frames(from_ms, rate),
                to_ms.map_or(self.frames, |ms| frames(ms, rate).min(self.frames)),
            ),
            ItemTime::Last { ms } => ((self.frames - frames(ms, rate)).max(0), self.frames),
        };
        (start < end).then(|| TimeRange::from_units(start, end, rate))
    }

    /// Coming and going take at most half the item's time each.
    fn animation(&self, rule: AnimationRule, length: i64) -> Option<Animation> {
        let (kind, ms) = rule?;
        let wanted = frames(ms, self.canvas.frame_rate).clamp(1, (length / 2).max(1));
        Some(Animation {
            kind,
            frames: u32::try_from(wanted).ok()?,
        })
    }
}

/// Which edge an anchor touches along one axis.
#[derive(Clone, Copy)]
enum Side {
    Start,
    Middle,
    End,
}

const fn horizontal(anchor: Anchor) -> Side {
    match anchor {
        Anchor::TopLeft | Anchor::Left | Anchor::BottomLeft => Side::Start,
        Anchor::Top | Anchor::Center | Anchor::Bottom => Side::Middle,
        Anchor::TopRight | Anchor::Right | Anchor::BottomRight => Side::End,
    }
}

const fn vertical(anchor: Anchor) -> Side {
    match anchor {
        Anchor::TopLeft | Anchor::Top | Anchor::TopRight => Side::Start,
        Anchor::Left | Anchor::Center | Anchor::Right => Side::Middle,
        Anchor::BottomLeft | Anchor::Bottom | Anchor::BottomRight => Side::End,
    }
}

/// Where a length starts along one axis of the canvas.
fn along(
    side: Side,
    inset: Option<i32>,
    (canvas, length): (u32, u32),
    (near, far): (u32, u32),
) -> i32 {
    let (canvas, length) = (canvas as i32, length as i32);
    match side {
        Side::Start => inset.unwrap_or(near as i32),
        Side::Middle => (canvas - length) / 2 + inset.unwrap_or(0),
        Side::End => canvas - length - inset.unwrap_or(far as i32),
    }
}

/// An image's size inside what the template gives: one side decides the other.
fn scaled_to_fit(place: Place, (width, height): (u32, u32)) -> (u32, u32) {
    let ratio = |length: u32, num: u32, den: u32| {
        let exact = u64::from(length) * u64::from(num) / u64::from(den.max(1));
        u32::try_from(exact).unwrap_or(u32::MAX).max(1)
    };
    match (place.w, place.h) {
        (Some(w), _) => (w, ratio(w, height, width)),
        (None, Some(h)) => (ratio(h, width, height), h),
        (None, None) => (width, height),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::binding::ImageBinding;
    use super::super::placeholder::TextPattern;
    use super::super::scope::ColorSource;
    use super::super::testing::digest;
    use super::*;
    use crate::color::Color;
    use crate::time::FrameRate;
    use crate::timeline::{AnimationKind, FontRequest, TextFit};

    const AT_TOP: Place = Place {
        anchor: Anchor::Top,
        x: None,
        y: None,
        w: None,
        h: None,
    };

    fn text_item(id: &str, text: &str, time: ItemTime) -> OverlayItem {
        OverlayItem {
            id: id.into(),
            content: ItemContent::Text {
                pattern: TextPattern::parse(text).unwrap(),
                style: TextStyle {
                    font: FontRequest {
                        family: "Inter".into(),
                        weight: 800,
                    },
                    size: 100,
                    color: ColorSource::Fixed(Color::WHITE),
                    uppercase: true,
                    max_lines: 2,
                    fit: TextFit::Shrink,
                    background: None,
                    padding: 10,
                    radius: 0,
                    outline: None,
                    shadow: None,
                },
            },
            only_if: None,
            place: AT_TOP,
            time,
            opacity_pm: 1000,
            enter: Some((AnimationKind::Fade, 200)),
            exit: Some((AnimationKind::Fade, 99_000)),
        }
    }

    fn image_item(place: Place) -> OverlayItem {
        OverlayItem {
            content: ItemContent::Image("logo".into()),
            place,
            ..text_item("logo", "x", ItemTime::All)
        }
    }

    fn placed(items: &[OverlayItem], texts: &[(&str, &str)]) -> Vec<Overlay> {
        let canvas = Canvas {
            width: 1080,
            height: 1920,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        };
        let zone = SafeZone::named("universal", &canvas).unwrap();
        let image = ImageBinding {
            source: digest(9),
            width: 400,
            height: 200,
        };
        let filled = Filled {
            texts: texts
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            colors: BTreeMap::new(),
            images: BTreeMap::from([("logo".to_owned(), image)]),
        };
        let board = Board {
            canvas: &canvas,
            zone: &zone,
            filled: &filled,
            present: &["title"],
            frames: 300,
        };
        let overlays = board.place(items);
        for overlay in &overlays {
            assert!(overlay.range.end() <= 300 && overlay.range.duration.value > 0);
        }
        overlays
    }

    #[test]
    fn texts_are_filled_and_empty_ones_left_out() {
        let items = [
            text_item("a", "${{ title }}", ItemTime::All),
            text_item("b", " ${{ other }} ", ItemTime::All),
        ];
        let overlays = placed(&items, &[("title", "Bees"), ("other", "")]);
        assert_eq!(overlays.len(), 1);
        let OverlayContent::Text(text) = &overlays[0].content else {
            panic!("a text")
        };
        assert_eq!(text.text, "BEES");
        assert_eq!(
            overlays[0].rect,
            Rect {
                x: 180,
                y: 270,
                w: 720,
                h: 280
            }
        );
    }

    #[test]
    fn conditions_ask_whether_something_is_bound() {
        let item = |name: &str| OverlayItem {
            only_if: Some(name.into()),
            ..text_item("a", "x", ItemTime::All)
        };
        assert_eq!(placed(&[item("title")], &[]).len(), 1);
        assert_eq!(placed(&[item("logo")], &[]).len(), 0);
    }

    #[test]
    fn times_become_frames_inside_the_timeline() {
        let range = |time| {
            placed(&[text_item("a", "x", time)], &[])
                .first()
                .map(|overlay| (overlay.range.first(), overlay.range.end()))
        };
        let span = |from_ms, to_ms| ItemTime::Span { from_ms, to_ms };
        assert_eq!(range(ItemTime::All), Some((0, 300)));
        assert_eq!(range(span(1000, Some(3000))), Some((30, 90)));
        assert_eq!(range(span(1000, None)), Some((30, 300)));
        assert_eq!(range(span(9000, Some(60_000))), Some((270, 300)));
        assert_eq!(range(span(10_000, None)), None);
        assert_eq!(range(ItemTime::Last { ms: 2000 }), Some((240, 300)));
        assert_eq!(range(ItemTime::Last { ms: 60_000 }), Some((0, 300)));
    }

    #[test]
    fn animations_take_at_most_half_the_time() {
        let overlay = placed(&[text_item("a", "x", ItemTime::All)], &[]).remove(0);
        assert_eq!(overlay.enter.unwrap().frames, 6);
        assert_eq!(overlay.exit.unwrap().frames, 150);
    }

    #[test]
    fn images_keep_their_shape_and_corners_their_insets() {
        let place = |anchor, x, y, w, h| Place { anchor, x, y, w, h };
        let rect = |place| placed(&[image_item(place)], &[]).remove(0).rect;
        assert_eq!(
            rect(place(Anchor::TopLeft, None, None, Some(120), None)),
            Rect {
                x: 65,
                y: 270,
                w: 120,
                h: 60
            }
        );
        assert_eq!(
            rect(place(Anchor::BottomRight, Some(10), None, None, Some(100))),
            Rect {
                x: 870,
                y: 1340,
                w: 200,
                h: 100
            }
        );
        assert_eq!(
            rect(place(Anchor::Center, Some(-40), Some(7), None, None)),
            Rect {
                x: 300,
                y: 867,
                w: 400,
                h: 200
            }
        );
    }
}
