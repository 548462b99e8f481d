//! Items of overlay tracks: texts, images, shapes and progress bars as a template describes them.

use super::condition::Condition;
use super::effect_rules::read_keyframe;
use super::fields::Fields;
use super::lettering::{self, OutlineRule, ShadowRule};
use super::placeholder::{PlaceholderKind, TextPattern, is_name};
use super::scope::{ColorSource, Scope};
use crate::color::Color;
use crate::timeline::{Anchor, AnimationKind, FontRequest, Keyframe, TextAlign, TextFit};

/// The look of a text item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextStyle {
    pub(crate) font: FontRequest,
    pub(crate) size: u16,
    pub(crate) color: ColorSource,
    pub(crate) uppercase: bool,
    pub(crate) max_lines: u8,
    pub(crate) fit: TextFit,
    pub(crate) align: Option<TextAlign>,
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
    /// A filled rectangle, or a circle.
    Shape {
        color: ColorSource,
        to: Option<ColorSource>,
        radius: u16,
        circle: bool,
    },
    /// A bar that grows over the item's time.
    Progress {
        color: ColorSource,
        background: Option<ColorSource>,
        radius: u16,
    },
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ItemTime {
    /// From the first frame to the last.
    All,
    /// From a time to another; no end means the timeline's end.
    Span { from_ms: u32, to_ms: Option<u32> },
    /// The last part of the timeline.
    Last { ms: u32 },
    /// As long as another item, and only if that one is seen.
    With(String),
}

/// An animation and its milliseconds.
pub(crate) type AnimationRule = Option<(AnimationKind, u32)>;

/// An item of an overlay track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OverlayItem {
    pub(crate) id: String,
    /// Where it stands in the document, for messages.
    pub(crate) path: String,
    pub(crate) content: ItemContent,
    /// Only if all of these hold: the item's own condition and its track's.
    pub(crate) only_if: Vec<Condition>,
    pub(crate) place: Place,
    pub(crate) time: ItemTime,
    pub(crate) opacity_pm: u16,
    pub(crate) enter: AnimationRule,
    pub(crate) exit: AnimationRule,
    /// Keyframes and their milliseconds from the item's start.
    pub(crate) keyframes: Vec<(u32, Keyframe)>,
    /// Its place among all items; equal ones keep the document's order.
    pub(crate) z: i32,
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
    fields.choice("anchor", &ANCHORS)
}

/// Reads `id`.
pub(crate) fn id(fields: &Fields<'_>) -> Option<String> {
    fields.parsed("id", |id| match is_name(id) {
        true => Ok(id.to_owned()),
        false => Err(format!(
            "`{id}` is not a name; use letters, digits, `_` and `-`"
        )),
    })
}

/// What other items may ask about an item, also when something else in it is wrong.
pub(crate) struct ItemName {
    /// Its name; empty when it has none.
    pub(crate) id: String,
    /// The path of its `time`, for diagnostics.
    pub(crate) time_path: String,
    /// When it is seen.
    pub(crate) time: ItemTime,
}

/// Reads one item of the given type; `track_if` is its track's condition.
pub(crate) fn read(
    fields: Fields<'_>,
    kind: &str,
    scope: &Scope,
    track_if: Option<&Condition>,
) -> (ItemName, Option<OverlayItem>) {
    fields.node("type");
    let name = ItemName {
        id: id(&fields).unwrap_or_default(),
        time_path: fields.path_of("time"),
        time: read_time(&fields),
    };
    let item = read_item(&fields, kind, scope, track_if, &name);
    fields.finish();
    (name, item)
}

fn read_item(
    fields: &Fields<'_>,
    kind: &str,
    scope: &Scope,
    track_if: Option<&Condition>,
    name: &ItemName,
) -> Option<OverlayItem> {
    let content = read_content(fields, kind, scope);
    let own_if = fields.parsed("if", |text| scope.condition(text));
    let style_opacity = match &content {
        Some((_, style_opacity)) => *style_opacity,
        None => 1000,
    };
    let opacity: u32 = fields.scaled("opacity", 1000.0).unwrap_or(1000);
    let (place, enter, exit) = (
        read_place(fields.map("box")),
        read_animation(fields.map("enter"), kind),
        read_animation(fields.map("exit"), kind),
    );
    let keyframes = read_keyframes(fields);
    let z = fields.int("z").unwrap_or(0);
    let (content, _) = content?;
    Some(OverlayItem {
        id: name.id.clone(),
        path: fields.path_of("box"),
        only_if: track_if.cloned().into_iter().chain(own_if).collect(),
        place,
        time: name.time.clone(),
        opacity_pm: (opacity * style_opacity / 1000).min(1000) as u16,
        enter,
        exit,
        keyframes,
        z,
        content,
    })
}

/// What an item shows, and the opacity its style adds, permille.
fn read_content(fields: &Fields<'_>, kind: &str, scope: &Scope) -> Option<(ItemContent, u32)> {
    match kind {
        "text" => {
            let pattern = fields.parsed("text", |text| scope.pattern(text));
            let (style, opacity) = read_style(fields.map("style")?, scope);
            let pattern = pattern?;
            Some((ItemContent::Text { pattern, style }, opacity))
        }
        "image" => {
            let is_image = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Image);
            let source = fields.parsed("source", |text| scope.placeholder(text, "image", is_image));
            Some((ItemContent::Image(source?), 1000))
        }
        "shape" => read_shape(fields, scope).map(|shape| (shape, 1000)),
        _ => read_progress(fields, scope).map(|bar| (bar, 1000)),
    }
}

/// The forms of a shape item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Rect,
    Rounded,
    Circle,
}

fn read_shape(fields: &Fields<'_>, scope: &Scope) -> Option<ItemContent> {
    let forms = [
        ("rect", Form::Rect),
        ("rounded_rect", Form::Rounded),
        ("circle", Form::Circle),
    ];
    let form = fields.choice("shape", &forms).unwrap_or(Form::Rounded);
    let radius = fields.int("radius").unwrap_or(0);
    if form != Form::Rounded && radius > 0 {
        let hint = "write `shape: rounded_rect`, or leave `radius` out";
        let message = if form == Form::Rect {
            "rounds corners, but `rect` has none"
        } else {
            "rounds corners, but a circle is all round"
        };
        fields.conflict("radius", message, hint);
    }
    let style = fields.map("style")?;
    let color = lettering::color(&style, "fill", scope);
    let to = lettering::color(&style, "to", scope);
    style.finish();
    Some(ItemContent::Shape {
        color: color?,
        to,
        radius,
        circle: form == Form::Circle,
    })
}

fn read_progress(fields: &Fields<'_>, scope: &Scope) -> Option<ItemContent> {
    let radius = fields.int("radius").unwrap_or(0);
    let style = fields.map("style")?;
    let color = lettering::color(&style, "color", scope);
    let background = lettering::color(&style, "background", scope);
    style.finish();
    Some(ItemContent::Progress {
        color: color?,
        background,
        radius,
    })
}

fn read_style(style: Fields<'_>, scope: &Scope) -> (TextStyle, u32) {
    const FITS: [(&str, TextFit); 3] = [
        ("shrink", TextFit::Shrink),
        ("wrap", TextFit::Wrap),
        ("ellipsis", TextFit::Ellipsis),
    ];
    const ALIGNS: [(&str, Option<TextAlign>); 4] = [
        ("auto", None),
        ("left", Some(TextAlign::Left)),
        ("center", Some(TextAlign::Center)),
        ("right", Some(TextAlign::Right)),
    ];
    let font = style.parsed("font", |text| scope.font(text));
    let read = TextStyle {
        font: font.unwrap_or(FontRequest {
            family: String::new(),
            weight: 400,
        }),
        size: style.int("size").unwrap_or(64),
        color: lettering::color(&style, "color", scope).unwrap_or(ColorSource::Fixed(Color::WHITE)),
        uppercase: uppercase(&style),
        max_lines: style.int("max_lines").unwrap_or(2),
        fit: style.choice("fit", &FITS).unwrap_or(TextFit::Shrink),
        align: style.choice("align", &ALIGNS).flatten(),
        background: lettering::color(&style, "background", scope),
        padding: style.int("padding").unwrap_or(0),
        radius: style.int("radius").unwrap_or(0),
        outline: lettering::outline(&style, scope),
        shadow: lettering::shadow(&style, scope),
    };
    if read.fit == TextFit::Wrap && style.has("max_lines") {
        style.conflict(
            "max_lines",
            "limits lines, but `fit: wrap` makes as many as it takes",
            "leave it out, or write `fit: shrink` or `fit: ellipsis`",
        );
    }
    for (key, value) in [("padding", read.padding), ("radius", read.radius)] {
        if value > 0 && !style.has("background") {
            let message = "shapes the plate behind the text, but there is none";
            style.conflict(key, message, "add `background`, or leave it out");
        }
    }
    let opacity = style.scaled("opacity", 1000.0).unwrap_or(1000);
    style.finish();
    (read, opacity)
}

/// Reads `case`.
pub(crate) fn uppercase(style: &Fields<'_>) -> bool {
    const CASES: [(&str, bool); 2] = [("none", false), ("upper", true)];
    style.choice("case", &CASES).unwrap_or(false)
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
        x: fields.int("x"),
        y: fields.int("y"),
        w: fields.int("w"),
        h: fields.int("h"),
    };
    fields.finish();
    place
}

fn read_time(fields: &Fields<'_>) -> ItemTime {
    if fields.is_map("time") {
        return fields.map("time").map_or(ItemTime::All, read_span);
    }
    fields.choice("time", &[("all", ())]);
    ItemTime::All
}

fn read_span(fields: Fields<'_>) -> ItemTime {
    let last = fields.duration("last");
    let with = fields.text("with").map(str::to_owned);
    let from_ms = fields.duration("from").unwrap_or(0);
    let to_ms = fields
        .parsed("to", |text| match text {
            "end" => Ok(None),
            other => super::scalar::duration_ms(other).map(Some),
        })
        .flatten();
    let span = fields.has("from") || fields.has("to");
    for (key, others) in [
        ("last", span || with.is_some()),
        ("with", span || last.is_some()),
    ] {
        if fields.has(key) && others {
            fields.conflict(
                key,
                "stands beside another way of saying when",
                "use one of from and to, last, or with",
            );
        }
    }
    if to_ms.is_some_and(|to| to <= from_ms) {
        fields.conflict("to", "is not after `from`", "");
    }
    fields.finish();
    match (with, last) {
        (Some(id), _) => ItemTime::With(id),
        (None, Some(ms)) => ItemTime::Last { ms },
        (None, None) => ItemTime::Span { from_ms, to_ms },
    }
}

fn read_keyframes(fields: &Fields<'_>) -> Vec<(u32, Keyframe)> {
    let mut keys: Vec<(u32, Keyframe)> = Vec::new();
    for member in fields.members("keyframes") {
        let at = member.duration("at").unwrap_or(0);
        if keys.last().is_some_and(|(before, _)| *before >= at) {
            member.conflict(
                "at",
                "is not after the keyframe before it",
                "write keyframes in the order of their times",
            );
        }
        keys.push((at, read_keyframe(&member)));
        member.finish();
    }
    keys
}

fn read_animation(fields: Option<Fields<'_>>, item: &str) -> AnimationRule {
    const KINDS: [(&str, Option<AnimationKind>); 10] = [
        ("none", None),
        ("fade", Some(AnimationKind::Fade)),
        ("slide_up", Some(AnimationKind::SlideUp)),
        ("slide_down", Some(AnimationKind::SlideDown)),
        ("slide_left", Some(AnimationKind::SlideLeft)),
        ("slide_right", Some(AnimationKind::SlideRight)),
        ("pop", Some(AnimationKind::Pop)),
        ("scale", Some(AnimationKind::Scale)),
        ("wipe", Some(AnimationKind::Wipe)),
        ("typewriter", Some(AnimationKind::Typewriter)),
    ];
    let fields = fields?;
    let kind = fields.choice("type", &KINDS);
    let ms = fields.duration("duration");
    if kind == Some(None) && ms.is_some() {
        fields.conflict(
            "duration",
            "is the length of a move, but `type` is none",
            "name a move in `type`, or leave it out",
        );
    }
    if kind == Some(Some(AnimationKind::Typewriter)) && item != "text" {
        fields.conflict(
            "type",
            "writes letters, but this item has none",
            "write wipe, or another move",
        );
    }
    fields.finish();
    kind.flatten().map(|kind| (kind, ms.unwrap_or(200)))
}

#[cfg(test)]
mod tests {
    use super::super::declarations;
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;

    fn item(text: &str) -> (Option<OverlayItem>, Vec<String>) {
        let document = format!(
            "placeholders: {{ title: {{type: text}}, logo: {{type: image}} }}\n\
             tracks: [{{id: t, kind: overlay, items: [{{{text}}}]}}]"
        );
        let (read, notes) = read_for_test(grammar(), &document, |fields| {
            let scope = Scope::read(None, &declarations::read(&fields));
            let (_, track) = fields.variants("tracks").remove(0);
            let mut items = track.variants("items");
            (!items.is_empty())
                .then(|| items.remove(0))
                .and_then(|(kind, item)| read(item, kind, &scope, None).1)
        });
        let short = |note: String| note.replacen("tracks[t].items[", "[", 1);
        (read, notes.into_iter().map(short).collect())
    }

    #[test]
    fn reads_a_text_with_everything() {
        let (read, notes) = item(
            "id: head, type: text, text: 'A ${{ title }}', if: title, opacity: 0.5, \
             style: {font: 'Inter:800', size: 90, color: '#FFFFFF', case: upper, max_lines: 3, fit: ellipsis, \
             background: '#00000080', padding: 20, radius: 10, outline: {width: 3}, shadow: {y: 2}, opacity: 0.8, \
             align: auto}, \
             box: {anchor: top, x: -5, y: 300, w: 700, h: 200}, time: {from: 1s, to: end}, z: -3, \
             enter: {type: slide_up, duration: 300ms}, exit: {type: fade}",
        );
        assert_eq!(notes, Vec::<String>::new());
        let read = read.unwrap();
        assert_eq!(read.only_if, [Condition::Holds("title".into())]);
        assert_eq!((read.opacity_pm, read.z), (400, -3));
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
    fn reads_images_shapes_and_bars() {
        let (image, notes) = item("id: logo, type: image, source: '${{ logo }}', time: all");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(image.unwrap().content, ItemContent::Image("logo".into()));
        let (shape, notes) = item(
            "id: bar, type: shape, shape: rounded_rect, radius: 8, style: {fill: '#112233'}, time: {last: 2s}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(shape.unwrap().time, ItemTime::Last { ms: 2000 });
        let (bar, notes) = item(
            "id: bar, type: progress, radius: 4, style: {color: '#112233', background: '#00000080'}, time: {with: head}",
        );
        assert_eq!(notes, Vec::<String>::new());
        let bar = bar.unwrap();
        assert_eq!(bar.time, ItemTime::With("head".into()));
        assert!(matches!(
            bar.content,
            ItemContent::Progress { radius: 4, .. }
        ));
    }

    // spec: T-7
    #[test]
    fn a_move_that_is_none_has_no_length() {
        let (_, notes) = item(
            "id: a, type: progress, style: {color: '#112233'}, enter: {type: none, duration: 2s}, exit: {type: none}",
        );
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].contains("enter.duration: is the length of a move"),
            "{notes:?}"
        );
    }

    #[test]
    fn everything_wrong_is_noted_at_once() {
        let (read, notes) = item(
            "type: text, text: '${{ titel }}', style: {size: 5, colour: red, padding: 4}, z: 300, if: nobody, \
             time: {from: 3s, to: 2s, last: 1s}, enter: {duration: 1s}, box: {anchor: middle}",
        );
        assert_eq!(read, None);
        for part in [
            "[0].id: is missing",
            "[0].text: there is no placeholder `titel`; did you mean `title`",
            "[0].style.font: is missing",
            "[0].style.size: is 5",
            "[0].style.colour: is not a key here; did you mean `color`",
            "[0].style.padding: shapes the plate",
            "[0].if: there is no placeholder `nobody`",
            "[0].time.to: is not after `from`",
            "[0].time.last: stands beside",
            "[0].enter.type: is missing",
            "[0].box.anchor: `middle`",
            "[0].z: is 300, which is out of range; write a whole number from -100 to 100",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:#?}"
            );
        }
        assert_eq!(notes.len(), 12, "{notes:#?}");
    }

    #[test]
    fn keys_of_other_types_are_unknown_and_rects_have_no_corners() {
        let (_, notes) = item("id: x, type: image, source: '${{ logo }}', text: hi");
        assert!(
            notes[0].contains("[x].text: is not a key here"),
            "{notes:?}"
        );
        let (_, notes) =
            item("id: x, type: shape, shape: rect, radius: 9, style: {color: '#000000'}");
        assert!(
            notes
                .iter()
                .any(|note| note.contains("radius: rounds corners"))
        );
        assert!(
            notes
                .iter()
                .any(|note| note.contains("style.fill: is missing"))
        );
        let (_, notes) = item("id: x, type: txet");
        assert!(notes[0].contains("did you mean `text`"), "{notes:?}");
    }

    #[test]
    fn reads_moves_lines_and_circles() {
        let (read, notes) = item(
            "id: a, type: text, text: hi, style: {font: 'Inter:700', fit: wrap, align: right}, \
             enter: {type: typewriter, duration: 2s}, exit: {type: slide_left}, \
             keyframes: [{at: 0s, scale: 0.5}, {at: 1s, x: 40, opacity: 0.5, ease: out}]",
        );
        assert_eq!(notes, Vec::<String>::new());
        let read = read.unwrap();
        assert_eq!(read.enter, Some((AnimationKind::Typewriter, 2000)));
        assert_eq!((read.keyframes[1].0, read.keyframes[1].1.x), (1000, 40));
        let ItemContent::Text { style, .. } = &read.content else {
            panic!("a text")
        };
        assert_eq!(
            (style.fit, style.align),
            (TextFit::Wrap, Some(TextAlign::Right))
        );
        let (round, notes) = item("id: b, type: shape, shape: circle, style: {fill: '#112233'}");
        assert_eq!(notes, Vec::<String>::new());
        assert!(matches!(
            round.unwrap().content,
            ItemContent::Shape { circle: true, .. }
        ));
        for (text, part) in [
            (
                "id: a, type: text, text: hi, style: {font: 'Inter:700', fit: wrap, max_lines: 3}",
                "style.max_lines: limits lines",
            ),
            (
                "id: a, type: shape, style: {fill: '#112233'}, enter: {type: typewriter}",
                "enter.type: writes letters",
            ),
            (
                "id: a, type: shape, shape: circle, radius: 4, style: {fill: '#112233'}",
                "radius: rounds corners, but a circle",
            ),
            (
                "id: a, type: shape, style: {fill: '#112233'}, keyframes: [{at: 1s}, {at: 1s}]",
                "keyframes[1].at: is not after",
            ),
        ] {
            let (_, notes) = item(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }
}
