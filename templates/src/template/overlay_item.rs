//! Items of overlay tracks: texts, images and shapes as a template describes them.

use super::fields::Fields;
use super::lettering::{self, OutlineRule, ShadowRule};
use super::placeholder::{PlaceholderKind, TextPattern, is_name};
use super::scope::{ColorSource, Scope};
use crate::color::Color;
use crate::timeline::{Anchor, AnimationKind, FontRequest, TextFit};

/// The look of a text item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextStyle {
    pub(crate) font: FontRequest,
    pub(crate) size: u16,
    pub(crate) color: ColorSource,
    pub(crate) uppercase: bool,
    pub(crate) max_lines: u8,
    pub(crate) fit: TextFit,
    pub(crate) background: Option<ColorSource>,
    pub(crate) padding: u16,
    pub(crate) radius: u16,
    pub(crate) outline: Option<OutlineRule>,
    pub(crate) shadow: Option<ShadowRule>,
}

/// What an item shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ItemContent {
    /// A text; shown only if something is left after filling it.
    Text {
        pattern: TextPattern,
        style: TextStyle,
    },
    /// The image bound to a placeholder; shown only if one is bound.
    Image(String),
    /// A filled rectangle.
    Shape { color: ColorSource, radius: u16 },
}

/// Where an item sits. `x` and `y` are insets from the edges the anchor touches, or offsets from the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) anchor: Anchor,
    /// Absent means the safe zone's edge (or the middle).
    pub(crate) x: Option<i32>,
    /// Absent means the safe zone's edge (or the middle).
    pub(crate) y: Option<i32>,
    pub(crate) w: Option<u32>,
    pub(crate) h: Option<u32>,
}

/// When an item is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemTime {
    /// From the first frame to the last.
    All,
    /// From a time to another; no end means the timeline's end.
    Span { from_ms: u32, to_ms: Option<u32> },
    /// The last part of the timeline.
    Last { ms: u32 },
}

/// An animation and its milliseconds.
pub(crate) type AnimationRule = Option<(AnimationKind, u32)>;

/// An item of an overlay track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OverlayItem {
    pub(crate) id: String,
    pub(crate) content: ItemContent,
    /// Only if this placeholder holds something.
    pub(crate) only_if: Option<String>,
    pub(crate) place: Place,
    pub(crate) time: ItemTime,
    pub(crate) opacity_pm: u16,
    pub(crate) enter: AnimationRule,
    pub(crate) exit: AnimationRule,
}

const ANCHORS: [(&str, Anchor); 9] = [
    ("top_left", Anchor::TopLeft),
    ("top", Anchor::Top),
    ("top_right", Anchor::TopRight),
    ("left", Anchor::Left),
    ("center", Anchor::Center),
    ("right", Anchor::Right),
    ("bottom_left", Anchor::BottomLeft),
    ("bottom", Anchor::Bottom),
    ("bottom_right", Anchor::BottomRight),
];

/// Reads `anchor`.
pub(crate) fn anchor(fields: &Fields<'_>) -> Option<Anchor> {
    fields.choice("anchor", &ANCHORS, &[])
}

/// Reads one item.
pub(crate) fn read(fields: Fields<'_>, scope: &Scope) -> Option<OverlayItem> {
    let id = match fields.text("id") {
        Some(id) if is_name(id) => Some(id.to_owned()),
        Some(id) => {
            fields.note(
                "id",
                format!("`{id}` is not a name"),
                "use letters, digits, `_` and `-`",
            );
            None
        }
        None => {
            fields.note(
                "id",
                "is missing",
                "every item needs one, so that it can be changed",
            );
            None
        }
    };
    let content = read_content(&fields, scope);
    let item = OverlayItem {
        id: id.unwrap_or_default(),
        only_if: fields.parsed("if", |text| read_condition(text, scope)),
        place: read_place(fields.map("box")),
        time: read_time(&fields),
        opacity_pm: fields.scaled("opacity", 1000.0, 0.0..=1.0).unwrap_or(1000),
        enter: read_animation(fields.map("enter")),
        exit: read_animation(fields.map("exit")),
        content: content?,
    };
    fields.later(&["z"]);
    fields.finish();
    Some(item)
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Image,
    Shape,
}

fn read_content(fields: &Fields<'_>, scope: &Scope) -> Option<ItemContent> {
    const KINDS: [(&str, Kind); 3] = [
        ("text", Kind::Text),
        ("image", Kind::Image),
        ("shape", Kind::Shape),
    ];
    if fields.node("type").is_none() {
        fields.note("type", "is missing", "write text, image or shape");
        return None;
    }
    match fields.choice("type", &KINDS, &["progress"])? {
        Kind::Text => {
            let pattern = required(fields, "text", fields.parsed("text", |t| scope.pattern(t)));
            let style = read_style(fields, scope);
            Some(ItemContent::Text {
                pattern: pattern?,
                style: style?,
            })
        }
        Kind::Image => {
            let is_image = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Image);
            let source = fields.parsed("source", |text| scope.placeholder(text, "image", is_image));
            required(fields, "source", source).map(ItemContent::Image)
        }
        Kind::Shape => read_shape(fields, scope),
    }
}

/// Notes a key that is not there at all (a wrong one was noted when it was read).
fn required<T>(fields: &Fields<'_>, key: &'static str, value: Option<T>) -> Option<T> {
    if value.is_none() && fields.node(key).is_none() {
        fields.note(key, "is missing", "");
    }
    value
}

fn read_shape(fields: &Fields<'_>, scope: &Scope) -> Option<ItemContent> {
    let shapes = [("rect", false), ("rounded_rect", true)];
    let rounded = fields.choice("shape", &shapes, &[]).unwrap_or(true);
    let radius = fields.int("radius", 0..=960).unwrap_or(0);
    if !rounded && radius > 0 {
        let hint = "write `shape: rounded_rect`, or leave `radius` out";
        fields.note("radius", "rounds corners, but `rect` has none", hint);
    }
    let Some(style) = fields.map("style") else {
        required::<()>(fields, "style", None);
        return None;
    };
    let color = required(&style, "color", lettering::color(&style, "color", scope));
    style.finish();
    Some(ItemContent::Shape {
        color: color?,
        radius,
    })
}

fn read_style(fields: &Fields<'_>, scope: &Scope) -> Option<TextStyle> {
    let Some(style) = fields.map("style") else {
        required::<()>(fields, "style", None);
        return None;
    };
    let font = required(
        &style,
        "font",
        style.parsed("font", |text| scope.font(text)),
    );
    let read = TextStyle {
        font: font.unwrap_or(FontRequest {
            family: String::new(),
            weight: 400,
        }),
        size: style.int("size", 16..=400).unwrap_or(64),
        color: lettering::color(&style, "color", scope).unwrap_or(ColorSource::Fixed(Color::WHITE)),
        uppercase: style
            .choice("case", &[("none", false), ("upper", true)], &[])
            .unwrap_or(false),
        max_lines: style.int("max_lines", 1..=12).unwrap_or(2),
        fit: style
            .choice(
                "fit",
                &[("shrink", TextFit::Shrink), ("ellipsis", TextFit::Ellipsis)],
                &["wrap"],
            )
            .unwrap_or(TextFit::Shrink),
        background: lettering::color(&style, "background", scope),
        padding: style.int("padding", 0..=200).unwrap_or(0),
        radius: style.int("radius", 0..=200).unwrap_or(0),
        outline: lettering::outline(&style, scope),
        shadow: lettering::shadow(&style, scope),
    };
    style.later(&["opacity", "align"]);
    style.finish();
    Some(read)
}

fn read_condition(text: &str, scope: &Scope) -> Result<String, String> {
    let wrapped = if text.contains("${{") {
        text.to_owned()
    } else {
        format!("${{{{ {text} }}}}")
    };
    scope.placeholder(&wrapped, "anything", |_| true)
}

fn read_place(fields: Option<Fields<'_>>) -> Place {
    let Some(fields) = fields else {
        return Place {
            anchor: Anchor::Center,
            x: None,
            y: None,
            w: None,
            h: None,
        };
    };
    let place = Place {
        anchor: anchor(&fields).unwrap_or(Anchor::Center),
        x: fields.int("x", -8192..=8192),
        y: fields.int("y", -8192..=8192),
        w: fields.int("w", 1..=8192),
        h: fields.int("h", 1..=8192),
    };
    fields.finish();
    place
}

fn read_time(fields: &Fields<'_>) -> ItemTime {
    if let Some(super::document::Node::Map(_)) = fields.node("time") {
        return fields.map("time").map_or(ItemTime::All, read_span);
    }
    fields
        .choice("time", &[("all", ItemTime::All)], &[])
        .unwrap_or(ItemTime::All)
}

fn read_span(fields: Fields<'_>) -> ItemTime {
    let last = fields.duration("last");
    let from_ms = fields.duration("from").unwrap_or(0);
    let to_ms = fields
        .parsed("to", |text| match text {
            "end" => Ok(None),
            other => super::scalar::duration_ms(other).map(Some),
        })
        .flatten();
    if last.is_some() && (fields.node("from").is_some() || fields.node("to").is_some()) {
        fields.note(
            "last",
            "stands beside from or to",
            "use one of the two forms",
        );
    }
    if to_ms.is_some_and(|to| to <= from_ms) {
        fields.note("to", "is not after `from`", "");
    }
    fields.later(&["with"]);
    fields.finish();
    match last {
        Some(ms) => ItemTime::Last { ms },
        None => ItemTime::Span { from_ms, to_ms },
    }
}

fn read_animation(fields: Option<Fields<'_>>) -> AnimationRule {
    const KINDS: [(&str, Option<AnimationKind>); 4] = [
        ("none", None),
        ("fade", Some(AnimationKind::Fade)),
        ("slide_up", Some(AnimationKind::SlideUp)),
        ("pop", Some(AnimationKind::Pop)),
    ];
    let fields = fields?;
    let kind = fields.choice("type", &KINDS, &["slide_down", "typewriter"]);
    if fields.node("type").is_none() {
        fields.note("type", "is missing", "write fade, slide_up or pop");
    }
    let ms = fields.duration("duration").unwrap_or(200);
    if !(1..=3000).contains(&ms) {
        fields.note("duration", format!("is {ms} ms; it must be 1ms to 3s"), "");
    }
    fields.finish();
    kind.flatten().map(|kind| (kind, ms))
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::scope::read_placeholders;
    use super::*;

    fn item(text: &str) -> (Option<OverlayItem>, Vec<String>) {
        let document = format!(
            "placeholders: {{ title: {{type: text}}, logo: {{type: image}} }}\nitem: {{{text}}}"
        );
        read_for_test(&document, |fields| {
            let placeholders = read_placeholders(&fields.map("placeholders").unwrap());
            read(
                fields.map("item").unwrap(),
                &Scope::read(None, &placeholders),
            )
        })
    }

    #[test]
    fn reads_a_text_with_everything() {
        let (read, notes) = item(
            "id: head, type: text, text: 'A ${{ title }}', if: title, opacity: 0.5, \
             style: {font: 'Inter:800', size: 90, color: '#FFFFFF', case: upper, max_lines: 3, fit: ellipsis, \
             background: '#00000080', padding: 20, radius: 10, outline: {width: 3}, shadow: {y: 2}}, \
             box: {anchor: top, x: -5, y: 300, w: 700, h: 200}, time: {from: 1s, to: end}, \
             enter: {type: slide_up, duration: 300ms}, exit: {type: fade}",
        );
        assert_eq!(notes, Vec::<String>::new());
        let read = read.unwrap();
        assert_eq!(read.only_if.as_deref(), Some("title"));
        assert_eq!(read.opacity_pm, 500);
        assert_eq!(
            read.time,
            ItemTime::Span {
                from_ms: 1000,
                to_ms: None
            }
        );
        assert_eq!(read.enter, Some((AnimationKind::SlideUp, 300)));
        assert_eq!(read.exit, Some((AnimationKind::Fade, 200)));
        assert_eq!(read.place.x, Some(-5));
        let ItemContent::Text { style, .. } = read.content else {
            panic!("a text")
        };
        assert!(style.uppercase);
        assert_eq!((style.max_lines, style.fit), (3, TextFit::Ellipsis));
    }

    #[test]
    fn reads_images_and_shapes() {
        let (image, notes) = item("id: logo, type: image, source: '${{ logo }}', time: all");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(image.unwrap().content, ItemContent::Image("logo".into()));
        let (shape, notes) = item(
            "id: bar, type: shape, shape: rounded_rect, radius: 8, style: {color: '#112233'}, time: {last: 2s}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(shape.unwrap().time, ItemTime::Last { ms: 2000 });
    }

    #[test]
    fn everything_wrong_is_noted_at_once() {
        let (read, notes) = item(
            "type: text, text: '${{ titel }}', style: {size: 5, colour: red}, z: 3, if: nobody, \
             time: {from: 3s, to: 2s}, enter: {duration: 1s}, box: {anchor: middle}",
        );
        assert_eq!(read, None);
        for part in [
            "item.id: is missing",
            "item.text: there is no placeholder `titel`",
            "item.style.font: is missing",
            "item.style.size: is 5",
            "item.style.colour: is not a key here; did you mean `color`",
            "item.if: there is no placeholder `nobody`",
            "item.time.to: is not after `from`",
            "item.enter.type: is missing",
            "item.box.anchor: `middle`",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:#?}"
            );
        }
    }

    #[test]
    fn refuses_types_of_later_versions() {
        let (_, notes) = item("id: p, type: progress");
        assert!(
            notes[0].contains("`progress` is not available"),
            "{notes:?}"
        );
    }
}
