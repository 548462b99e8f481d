//! The `subtitles` track: how captions look and how words become cues.

use std::collections::BTreeMap;

use super::document::Node;
use super::fields::{Fields, int_of};
use super::lettering::{self, OutlineRule, ShadowRule};
use super::overlay_item;
use super::safe_zone::SafeZone;
use super::scope::{ColorSource, Scope};
use crate::color::Color;
use crate::timeline::{
    Anchor, Canvas, CaptionPreset, CaptionStyle, FontRequest, Highlight, HighlightMode,
};

/// Average advance of a bold Latin letter in permille of the size, for templates that name no `max_chars`.
const LETTER_PM: u32 = 580;

/// Rules of the captions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaptionRules {
    pub(crate) preset: CaptionPreset,
    pub(crate) font: FontRequest,
    pub(crate) size: u16,
    pub(crate) color: ColorSource,
    pub(crate) uppercase: bool,
    pub(crate) outline: Option<OutlineRule>,
    pub(crate) shadow: Option<ShadowRule>,
    pub(crate) highlight: HighlightMode,
    pub(crate) highlight_color: ColorSource,
    pub(crate) highlight_scale_pm: u16,
    pub(crate) anchor: Anchor,
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) max_width: u16,
    pub(crate) grouping: Grouping,
}

/// How words become cues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grouping {
    /// Fewest words wanted in a cue.
    pub(crate) min_words: usize,
    /// Most words in a cue.
    pub(crate) max_words: usize,
    /// Lines per cue.
    pub(crate) max_lines: u8,
    /// Characters per line.
    pub(crate) max_chars: usize,
    /// Shortest time a cue is seen, milliseconds.
    pub(crate) min_on_screen_ms: u32,
    /// Pauses shorter than this are bridged, milliseconds.
    pub(crate) gap_merge_ms: u32,
}

impl CaptionRules {
    /// The look with every colour known.
    pub(crate) fn style(&self, colors: &BTreeMap<String, Color>) -> CaptionStyle {
        CaptionStyle {
            preset: self.preset,
            font: self.font.clone(),
            size: self.size,
            color: self.color.resolve(colors),
            uppercase: self.uppercase,
            outline: self.outline.as_ref().and_then(|rule| rule.resolve(colors)),
            shadow: self.shadow.as_ref().map(|rule| rule.resolve(colors)),
            highlight: Highlight {
                mode: self.highlight,
                color: self.highlight_color.resolve(colors),
                scale_pm: self.highlight_scale_pm,
            },
            max_lines: self.grouping.max_lines,
            max_width: self.max_width,
            anchor: self.anchor,
            x: self.x,
            y: self.y,
        }
    }
}

/// The frame a style is placed in.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) canvas: &'a Canvas,
    pub(crate) zone: &'a SafeZone,
    pub(crate) scope: &'a Scope,
}

/// Reads the `style` of a subtitles track.
pub(crate) fn read(fields: Fields<'_>, stage: Stage<'_>) -> CaptionRules {
    const PRESETS: [(&str, CaptionPreset); 5] = [
        ("karaoke", CaptionPreset::Karaoke),
        ("pop", CaptionPreset::Pop),
        ("box", CaptionPreset::Box),
        ("phrase", CaptionPreset::Phrase),
        ("clean", CaptionPreset::Clean),
    ];
    let preset = fields
        .choice("preset", &PRESETS, &["one_word", "none"])
        .unwrap_or(CaptionPreset::Karaoke);
    let size: u16 = fields.int("size", 24..=200).unwrap_or(72);
    let font = fields.parsed("font", |text| stage.scope.font(text));
    if font.is_none() && fields.node("font").is_none() {
        fields.note(
            "font",
            "is missing",
            "write a theme font's name or Family:weight",
        );
    }
    let (anchor, x, y) = read_position(fields.map("position"), stage);
    let max_width = read_width(&fields, anchor, x, stage);
    let (highlight, highlight_color, highlight_scale_pm) =
        read_highlight(fields.map("highlight"), preset, stage.scope);
    let rules = CaptionRules {
        preset,
        font: font.unwrap_or(FontRequest {
            family: String::new(),
            weight: 400,
        }),
        size,
        color: lettering::color(&fields, "color", stage.scope)
            .unwrap_or(ColorSource::Fixed(Color::WHITE)),
        uppercase: fields
            .choice("case", &[("none", false), ("upper", true)], &[])
            .unwrap_or(false),
        outline: lettering::outline(&fields, stage.scope),
        shadow: lettering::shadow(&fields, stage.scope),
        highlight,
        highlight_color,
        highlight_scale_pm,
        anchor,
        x,
        y,
        max_width,
        grouping: read_grouping(&fields, size, max_width),
    };
    fields.later(&["emphasis", "emoji"]);
    fields.finish();
    rules
}

fn read_grouping(fields: &Fields<'_>, size: u16, max_width: u16) -> Grouping {
    let (min_words, max_words) = fields
        .read("words_per_caption", word_range)
        .unwrap_or((2, 5));
    let letters = u32::from(max_width) * 1000 / (u32::from(size) * LETTER_PM).max(1);
    Grouping {
        min_words,
        max_words,
        max_lines: fields.int("max_lines", 1..=4).unwrap_or(2),
        max_chars: fields
            .int("max_chars", 4..=80)
            .unwrap_or(letters.max(4) as usize),
        min_on_screen_ms: fields.duration("min_on_screen").unwrap_or(200),
        gap_merge_ms: fields.duration("gap_merge").unwrap_or(300),
    }
}

fn word_range(node: &Node) -> Result<(usize, usize), String> {
    let Node::List(list) = node else {
        return Err("is not a pair of counts like [2, 5]".to_owned());
    };
    let [min, max] = list.as_slice() else {
        return Err("is not a pair of counts like [2, 5]".to_owned());
    };
    let (min, max): (usize, usize) = (int_of(min, 1..=20)?, int_of(max, 1..=20)?);
    if min > max {
        return Err(format!("is [{min}, {max}]; the fewest come first"));
    }
    Ok((min, max))
}

/// Where the text block sits. Absent means centred, a little above the lower platform interface.
fn read_position(fields: Option<Fields<'_>>, stage: Stage<'_>) -> (Anchor, i32, i32) {
    let (width, height) = (stage.canvas.width as i32, stage.canvas.height as i32);
    let (middle, low) = (width / 2, height * 1130 / 1920);
    let Some(fields) = fields else {
        return (Anchor::Center, middle, low);
    };
    let anchor = overlay_item::anchor(&fields).unwrap_or(Anchor::Center);
    let x = fields.int("x", 0..=i64::from(width)).unwrap_or(middle);
    let y = fields.int("y", 0..=i64::from(height)).unwrap_or(low);
    let zone = stage.zone.rect(stage.canvas);
    let inside = |at: i32, start: i32, length: u32| (start..=start + length as i32).contains(&at);
    if !inside(x, zone.x, zone.w) || !inside(y, zone.y, zone.h) {
        fields.note(
            "y",
            format!("({x}, {y}) is outside the safe zone"),
            format!(
                "the zone reaches from ({}, {}) to ({}, {})",
                zone.x,
                zone.y,
                zone.x + zone.w as i32,
                zone.y + zone.h as i32
            ),
        );
    }
    fields.finish();
    (anchor, x, y)
}

/// The widest line that stays inside the safe zone from where the text is anchored.
fn read_width(fields: &Fields<'_>, anchor: Anchor, x: i32, stage: Stage<'_>) -> u16 {
    let zone = stage.zone.rect(stage.canvas);
    let (left, right) = (x - zone.x, zone.x + zone.w as i32 - x);
    let room = match anchor {
        Anchor::TopLeft | Anchor::Left | Anchor::BottomLeft => right,
        Anchor::TopRight | Anchor::Right | Anchor::BottomRight => left,
        Anchor::Top | Anchor::Center | Anchor::Bottom => 2 * left.min(right),
    };
    let room = room.clamp(1, i32::from(u16::MAX));
    fields
        .int("max_width", 100..=i64::from(room.max(100)))
        .unwrap_or(room as u16)
}

fn read_highlight(
    fields: Option<Fields<'_>>,
    preset: CaptionPreset,
    scope: &Scope,
) -> (HighlightMode, ColorSource, u16) {
    const MODES: [(&str, HighlightMode); 3] = [
        ("color", HighlightMode::Color),
        ("box", HighlightMode::Box),
        ("none", HighlightMode::None),
    ];
    let usual = match preset {
        CaptionPreset::Karaoke | CaptionPreset::Pop => HighlightMode::Color,
        CaptionPreset::Box => HighlightMode::Box,
        CaptionPreset::Phrase | CaptionPreset::Clean => HighlightMode::None,
    };
    let color = ColorSource::Fixed(Color::rgb(0xFF, 0xD4, 0x00));
    let Some(fields) = fields else {
        return (usual, color, 1000);
    };
    let read = (
        fields.choice("mode", &MODES, &["weight"]).unwrap_or(usual),
        lettering::color(&fields, "color", scope).unwrap_or(color),
        fields.scaled("scale", 1000.0, 0.5..=2.0).unwrap_or(1000),
    );
    fields.finish();
    read
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::*;
    use crate::time::FrameRate;

    fn rules(text: &str) -> (CaptionRules, Vec<String>) {
        let canvas = Canvas {
            width: 1080,
            height: 1920,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        };
        let zone = SafeZone::named("universal", &canvas).unwrap();
        let scope = Scope::default();
        let stage = Stage {
            canvas: &canvas,
            zone: &zone,
            scope: &scope,
        };
        read_for_test(&format!("style: {{{text}}}"), |fields| {
            read(fields.map("style").unwrap(), stage)
        })
    }

    #[test]
    fn centred_captions_stay_inside_the_zone() {
        let (rules, notes) = rules("font: 'Inter:800', size: 84");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!((rules.x, rules.y, rules.max_width), (540, 1130, 720));
        assert_eq!(rules.grouping.max_chars, 14);
        assert_eq!(rules.highlight, HighlightMode::Color);
    }

    #[test]
    fn reads_every_key() {
        let (rules, notes) = rules(
            "preset: box, font: 'Inter:700', size: 60, color: '#EEEEEE', case: upper, words_per_caption: [1, 3], \
             max_lines: 1, max_chars: 16, max_width: 500, outline: {width: 5}, shadow: {blur: 3}, \
             highlight: {mode: none, color: '#FF0000', scale: 1.05}, position: {anchor: left, x: 100, y: 600}, \
             min_on_screen: 250ms, gap_merge: 400ms",
        );
        assert_eq!(notes, Vec::<String>::new());
        let style = rules.style(&BTreeMap::new());
        assert_eq!(style.preset, CaptionPreset::Box);
        assert!(style.uppercase);
        assert_eq!(style.highlight.mode, HighlightMode::None);
        assert_eq!(style.highlight.scale_pm, 1050);
        assert_eq!((style.x, style.y, style.max_width), (100, 600, 500));
        assert_eq!(
            rules.grouping,
            Grouping {
                min_words: 1,
                max_words: 3,
                max_lines: 1,
                max_chars: 16,
                min_on_screen_ms: 250,
                gap_merge_ms: 400,
            }
        );
    }

    #[test]
    fn what_leaves_the_zone_or_the_version_is_noted() {
        let (_, notes) = rules(
            "preset: one_word, max_width: 900, position: {y: 1800}, emoji: strip, words_per_caption: [5, 2]",
        );
        for part in [
            "`one_word` is not available",
            "style.font: is missing",
            "max_width: is 900; it must be 100 to 720",
            "outside the safe zone",
            "style.emoji: is not available",
            "the fewest come first",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:#?}"
            );
        }
        assert_eq!(notes.len(), 6);
    }
}
