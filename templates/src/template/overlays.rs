//! Overlay items to overlays: texts filled, boxes resolved to canvas pixels, times to frames.

use std::cell::RefCell;

use super::condition::Facts;
use super::edit_rules::frames;
use super::fill::Filled;
use super::overlay_item::{AnimationRule, ItemContent, ItemTime, OverlayItem, Place, TextStyle};
use super::picture_rules::EndFade;
use super::safe_zone::SafeZone;
use super::{ProblemKind, Problems, TemplateProblem};
use crate::color::Color;
use crate::time::TimeRange;
use crate::timeline::{
    Anchor, Animation, AnimationKind, Canvas, Keyframe, Overlay, OverlayContent, ProgressOverlay,
    Rect, ShapeOverlay, TextOverlay,
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
        items
            .iter()
            .filter_map(|item| self.overlay(item, self.range(item, items)?))
            .collect()
    }

    /// The fade at the end: a sheet over everything that becomes solid.
    pub(crate) fn end(&self, end: EndFade) -> Overlay {
        let rate = self.canvas.frame_rate;
        let length = frames(end.ms, rate).clamp(1, self.frames.max(1));
        let range = TimeRange::from_units(self.frames - length, self.frames, rate);
        let color = if end.black {
            Color::BLACK
        } else {
            self.canvas.background
        };
        Overlay {
            id: "end".to_owned(),
            range,
            content: OverlayContent::Shape(ShapeOverlay {
                color,
                radius: 0,
                to: None,
            }),
            rect: Rect {
                x: 0,
                y: 0,
                w: self.canvas.width,
                h: self.canvas.height,
            },
            anchor: Anchor::TopLeft,
            opacity_pm: 1000,
            enter: Some(Animation {
                kind: AnimationKind::Fade,
                frames: u32::try_from(length).unwrap_or(1),
            }),
            exit: None,
            keyframes: Vec::new(),
        }
    }

    fn shows(&self, item: &OverlayItem) -> bool {
        let facts = Facts {
            present: self.present,
            texts: &self.filled.texts,
        };
        let has_content = match &item.content {
            ItemContent::Text { pattern, .. } => {
                !pattern.fill(&self.filled.texts).trim().is_empty()
            }
            ItemContent::Image(name) => self.filled.images.contains_key(name),
            ItemContent::Shape { .. } | ItemContent::Progress { .. } => true,
        };
        has_content && item.only_if.iter().all(|condition| condition.holds(facts))
    }

    fn overlay(&self, item: &OverlayItem, range: TimeRange) -> Option<Overlay> {
        let (content, size) = self.content(item)?;
        Some(Overlay {
            id: item.id.clone(),
            range,
            content,
            rect: rect(sized(item, size), size, self.canvas, self.zone),
            anchor: item.place.anchor,
            opacity_pm: item.opacity_pm,
            enter: self.animation(item.enter, range.duration.value),
            exit: self.animation(item.exit, range.duration.value),
            keyframes: self.keyframes(item),
        })
    }

    /// What is shown and how large it is where the template does not say.
    fn content(&self, item: &OverlayItem) -> Option<(OverlayContent, (u32, u32))> {
        let colors = &self.filled.colors;
        let zone = self.zone.rect(self.canvas);
        match &item.content {
            ItemContent::Text { pattern, style } => {
                let text = pattern.fill(&self.filled.texts);
                let content = OverlayContent::Text(self.text(text.trim(), style));
                let size = text_size(item.place, style, self.canvas, self.zone);
                Some((content, size))
            }
            ItemContent::Image(name) => {
                let image = self.filled.images.get(name)?;
                let size = scaled_to_fit(item.place, (image.width, image.height));
                Some((OverlayContent::Image(image.source), size))
            }
            ItemContent::Shape {
                color,
                to,
                radius,
                circle,
            } => {
                let size = if *circle {
                    // One side says how large it is; the smaller one where there are two.
                    let side = match (item.place.w, item.place.h) {
                        (Some(w), Some(h)) => w.min(h),
                        (Some(side), None) | (None, Some(side)) => side,
                        (None, None) => zone.w.min(zone.h),
                    };
                    (side, side)
                } else {
                    (zone.w, zone.h)
                };
                let shape = ShapeOverlay {
                    color: color.resolve(colors),
                    radius: if *circle { u16::MAX } else { *radius },
                    to: to.as_ref().map(|color| color.resolve(colors)),
                };
                Some((OverlayContent::Shape(shape), size))
            }
            ItemContent::Progress {
                color,
                background,
                radius,
            } => {
                let bar = ProgressOverlay {
                    color: color.resolve(colors),
                    background: background.as_ref().map(|color| color.resolve(colors)),
                    radius: *radius,
                };
                Some((OverlayContent::Progress(bar), (zone.w, BAR_HEIGHT)))
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
            align: style.align,
            background: style.background.as_ref().map(|color| color.resolve(colors)),
            padding: style.padding,
            radius: style.radius,
            outline: style.outline.as_ref().and_then(|rule| rule.resolve(colors)),
            shadow: style.shadow.as_ref().map(|rule| rule.resolve(colors)),
        }
    }

    /// The frames in which an item is seen; `None` if none of them lies in the timeline or nothing is to be seen.
    fn range(&self, item: &OverlayItem, items: &[OverlayItem]) -> Option<TimeRange> {
        if !self.shows(item) {
            return None;
        }
        let rate = self.canvas.frame_rate;
        let (start, end) = match &item.time {
            ItemTime::All => (0, self.frames),
            ItemTime::Span { from_ms, to_ms } => (
                frames(*from_ms, rate),
                to_ms.map_or(self.frames, |ms| frames(ms, rate).min(self.frames)),
            ),
            ItemTime::Last { ms } => ((self.frames - frames(*ms, rate)).max(0), self.frames),
            ItemTime::With(id) => {
                let other = items.iter().find(|other| other.id == *id);
                // The reader made sure that the other one has a time of its own, so this ends here.
                let other = other.filter(|other| !matches!(other.time, ItemTime::With(_)))?;
                return self.range(other, items);
            }
        };
        (start < end).then(|| TimeRange::from_units(start, end, rate))
    }

    /// Keyframes in frames; two that fall on one frame are the later one.
    fn keyframes(&self, item: &OverlayItem) -> Vec<Keyframe> {
        let mut keys: Vec<Keyframe> = Vec::new();
        for (ms, key) in &item.keyframes {
            let at = u32::try_from(frames(*ms, self.canvas.frame_rate)).unwrap_or(u32::MAX);
            if keys.last().is_some_and(|before| before.at == at) {
                keys.pop();
            }
            keys.push(Keyframe { at, ..*key });
        }
        keys
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

/// The place of an item whose sides belong together.
fn sized(item: &OverlayItem, (w, h): (u32, u32)) -> Place {
    match item.content {
        ItemContent::Shape { circle: true, .. } => Place {
            w: Some(w),
            h: Some(h),
            ..item.place
        },
        _ => item.place,
    }
}

/// Height of a bar that names none.
const BAR_HEIGHT: u32 = 8;

/// As wide as the safe zone allows from where the box is anchored, as high as its lines.
fn text_size(place: Place, style: &TextStyle, canvas: &Canvas, zone: &SafeZone) -> (u32, u32) {
    let lines = u32::from(style.max_lines) * u32::from(style.size) * LINE_PM / 1000;
    let area = zone.rect(canvas);
    let middle = canvas.width as i32 / 2 + place.x.unwrap_or(0);
    let width = match horizontal(place.anchor) {
        Side::Middle => 2 * (middle - area.x).min(area.x + area.w as i32 - middle),
        Side::Start => area.x + area.w as i32 - place.x.unwrap_or(area.x),
        Side::End => {
            let right = place.x.unwrap_or(zone.right as i32);
            canvas.width as i32 - right - area.x
        }
    };
    let width = u32::try_from(width).unwrap_or(1).max(1);
    (width, (lines + 2 * u32::from(style.padding)).max(1))
}

/// The box: the size from the template or the content, the place from anchor and insets.
fn rect(place: Place, natural: (u32, u32), canvas: &Canvas, zone: &SafeZone) -> Rect {
    let w = place.w.unwrap_or(natural.0).max(1);
    let h = place.h.unwrap_or(natural.1).max(1);
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

/// Warns about texts whose box leaves the safe zone: names and buttons of the platform would cover them.
pub(crate) fn warn_outside(
    items: &[OverlayItem],
    canvas: &Canvas,
    zone: &SafeZone,
    problems: &RefCell<Problems>,
) {
    for item in items {
        let ItemContent::Text { style, .. } = &item.content else {
            continue;
        };
        let found = rect(
            item.place,
            text_size(item.place, style, canvas, zone),
            canvas,
            zone,
        );
        if zone.contains(canvas, &found) {
            continue;
        }
        let area = zone.rect(canvas);
        let told = |rect: &Rect| {
            let (right, bottom) = (rect.x + rect.w as i32, rect.y + rect.h as i32);
            format!("x {} to {right}, y {} to {bottom}", rect.x, rect.y)
        };
        problems.borrow_mut().push(TemplateProblem::new(
            ProblemKind::SafeZone,
            &item.path,
            format!("reaches out of the safe zone: it covers {}", told(&found)),
            format!("the zone is {}", told(&area)),
        ));
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
    use super::super::condition::Condition;
    use super::super::placeholder::TextPattern;
    use super::super::scope::ColorSource;
    use super::super::testing::digest;
    use super::*;
    use crate::time::FrameRate;
    use crate::timeline::{FontRequest, TextFit};

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
            path: format!("items[{id}].box"),
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
                    align: None,
                    background: None,
                    padding: 10,
                    radius: 0,
                    outline: None,
                    shadow: None,
                },
            },
            only_if: Vec::new(),
            place: AT_TOP,
            time,
            opacity_pm: 1000,
            enter: Some((AnimationKind::Fade, 200)),
            exit: Some((AnimationKind::Fade, 99_000)),
            keyframes: Vec::new(),
            z: 0,
        }
    }

    fn image_item(place: Place) -> OverlayItem {
        OverlayItem {
            content: ItemContent::Image("logo".into()),
            place,
            ..text_item("logo", "x", ItemTime::All)
        }
    }

    const CANVAS: Canvas = Canvas {
        width: 1080,
        height: 1920,
        frame_rate: FrameRate::whole(30),
        background: Color::BLACK,
    };

    fn zone() -> SafeZone {
        SafeZone::named("universal", &CANVAS).unwrap()
    }

    fn placed(items: &[OverlayItem], texts: &[(&str, &str)]) -> Vec<Overlay> {
        let zone = zone();
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
            luts: BTreeMap::new(),
        };
        let board = Board {
            canvas: &CANVAS,
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

    // spec: T-24
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
            only_if: vec![Condition::Holds(name.into())],
            ..text_item("a", "x", ItemTime::All)
        };
        assert_eq!(placed(&[item("title")], &[]).len(), 1);
        assert_eq!(placed(&[item("logo")], &[]).len(), 0);
    }

    // spec: T-25
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

    // spec: T-25
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

    // spec: T-24
    #[test]
    fn companions_come_and_go_with_their_item() {
        let span = ItemTime::Span {
            from_ms: 1000,
            to_ms: Some(3000),
        };
        let plate = OverlayItem {
            content: ItemContent::Shape {
                color: ColorSource::Fixed(Color::BLACK),
                to: None,
                radius: 4,
                circle: false,
            },
            ..text_item("plate", "", ItemTime::With("head".into()))
        };
        let items = [plate, text_item("head", "${{ title }}", span)];
        let found = placed(&items, &[("title", "Bees")]);
        let ranges: Vec<(i64, i64)> = found
            .iter()
            .map(|overlay| (overlay.range.first(), overlay.range.end()))
            .collect();
        assert_eq!(ranges, [(30, 90), (30, 90)]);
        assert_eq!(placed(&items, &[("title", " ")]), [], "no text, no plate");
    }

    // spec: T-41
    #[test]
    fn the_end_is_a_sheet_that_becomes_solid() {
        let filled = Filled::default();
        let zone = zone();
        let board = Board {
            canvas: &CANVAS,
            zone: &zone,
            filled: &filled,
            present: &[],
            frames: 300,
        };
        let end = board.end(EndFade {
            black: true,
            ms: 300,
        });
        assert_eq!((end.range.first(), end.range.end()), (291, 300));
        assert_eq!((end.rect.w, end.rect.h), (1080, 1920));
        assert_eq!(end.enter.unwrap().frames, 9);
    }

    // spec: T-21
    #[test]
    fn texts_outside_the_safe_zone_are_warned_about() {
        let at = |x, w| OverlayItem {
            place: Place { x, w, ..AT_TOP },
            ..text_item("a", "x", ItemTime::All)
        };
        let warned = |item: OverlayItem| {
            let problems = RefCell::default();
            warn_outside(&[item], &CANVAS, &zone(), &problems);
            problems.into_inner().into_list()
        };
        assert_eq!(warned(at(None, None)), []);
        let found = warned(at(None, Some(835)));
        assert_eq!(found[0].path, "items[a].box");
        assert!(found[0].message.contains("x 122 to 957"), "{found:?}");
        assert!(found[0].is_warning());
    }
}
