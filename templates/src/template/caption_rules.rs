//! The `subtitles` track: how captions look and how words become cues.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::document::Node;
use super::fields::{Fields, int_of, text_of, word_of};
use super::lettering::{self, OutlineRule, ShadowRule};
use super::overlay_item;
use super::safe_zone::SafeZone;
use super::scope::{ColorSource, Scope};
use super::wrong::Wrong;
use super::{ProblemKind, grammar};
use crate::color::Color;
use crate::timeline::{
    Anchor, Canvas, CaptionPlate, CaptionPreset, CaptionStyle, EmphasisLook, FontRequest,
    Highlight, HighlightMode, Outline, PlateShape,
};

/// Average advance of a bold Latin letter in permille of the size, for templates that name no `max_chars`.
const LETTER_PM: u32 = 580;

/// Rules of the captions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaptionRules {
    /// Shown only if this holds.
    pub(crate) only_if: Option<Condition>,
    pub(crate) preset: CaptionPreset,
    pub(crate) font: FontRequest,
    pub(crate) size: u16,
    pub(crate) color: ColorSource,
    pub(crate) uppercase: bool,
    pub(crate) outline: Option<OutlineRule>,
    pub(crate) shadow: Option<ShadowRule>,
    pub(crate) plate: Option<PlateRule>,
    pub(crate) highlight: HighlightRule,
    pub(crate) anchor: Anchor,
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) max_width: u16,
    pub(crate) grouping: Grouping,
    /// Words that always have the highlight's colour.
    pub(crate) emphasis: Emphasis,
    /// How those words look apart from the highlight.
    pub(crate) emphasis_look: EmphasisRule,
    /// Whether emoji are left out of the words.
    pub(crate) strip_emoji: bool,
}

/// The active word's look, whose colours may come from placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HighlightRule {
    pub(crate) mode: HighlightMode,
    pub(crate) color: ColorSource,
    pub(crate) scale_pm: u16,
    text: Option<ColorSource>,
    outline: Option<OutlineRule>,
    padding: Option<u16>,
    radius: Option<u16>,
    spoken: Option<ColorSource>,
}

impl HighlightRule {
    pub(crate) const fn new(mode: HighlightMode) -> Self {
        Self {
            mode,
            color: ColorSource::Fixed(Color::rgb(0xFF, 0xD4, 0x00)),
            scale_pm: 1000,
            text: None,
            outline: None,
            padding: None,
            radius: None,
            spoken: None,
        }
    }

    fn resolve(&self, colors: &BTreeMap<String, Color>) -> Highlight {
        let color = |source: &Option<ColorSource>| source.as_ref().map(|one| one.resolve(colors));
        // A stroke of no width is said, so that it is told from none being said.
        let nothing = Outline {
            width: 0,
            color: Color::BLACK,
        };
        Highlight {
            mode: self.mode,
            color: self.color.resolve(colors),
            scale_pm: self.scale_pm,
            text: color(&self.text),
            outline: self
                .outline
                .as_ref()
                .map(|rule| rule.resolve(colors).unwrap_or(nothing)),
            padding: self.padding,
            radius: self.radius,
            spoken: color(&self.spoken),
        }
    }
}

/// A plate whose colour may come from a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlateRule {
    color: ColorSource,
    padding: u16,
    radius: u16,
    shape: PlateShape,
}

impl PlateRule {
    fn resolve(&self, colors: &BTreeMap<String, Color>) -> CaptionPlate {
        CaptionPlate {
            color: self.color.resolve(colors),
            padding: self.padding,
            radius: self.radius,
            shape: self.shape,
        }
    }
}

/// Which words always have the highlight's colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Emphasis {
    /// None.
    #[default]
    None,
    /// These, bare and in lower case.
    Words(Vec<String>),
    /// Those that the scenes of the script emphasise.
    Script,
}

/// How emphasised words look; the colour may come from a placeholder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EmphasisRule {
    color: Option<ColorSource>,
    pub(crate) weight: Option<u16>,
}

impl EmphasisRule {
    fn resolve(&self, colors: &BTreeMap<String, Color>) -> Option<EmphasisLook> {
        let look = EmphasisLook {
            color: self.color.as_ref().map(|color| color.resolve(colors)),
            weight: self.weight,
        };
        (look != EmphasisLook::default()).then_some(look)
    }
}

/// A word as words are compared: without the punctuation around it, in lower case.
pub(crate) fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
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
    /// Characters per line; characters as wide as high count as two.
    pub(crate) max_chars: usize,
    /// Shortest time a cue is seen, milliseconds.
    pub(crate) min_on_screen_ms: u32,
    /// Pauses shorter than this are bridged, milliseconds.
    pub(crate) gap_merge_ms: u32,
    /// Most characters a second that have to be read, if there is a limit; wide ones count as two.
    pub(crate) max_cps: Option<u8>,
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
            plate: self.plate.as_ref().map(|rule| rule.resolve(colors)),
            highlight: self.highlight.resolve(colors),
            emphasis: self.emphasis_look.resolve(colors),
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

/// A preset of the language: what the renderer draws, and what the word itself decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preset {
    Drawn(CaptionPreset),
    OneWord,
    None,
}

const PRESETS: [(&str, Preset); 11] = [
    ("karaoke", Preset::Drawn(CaptionPreset::Karaoke)),
    ("highlight", Preset::Drawn(CaptionPreset::Highlight)),
    ("bounce", Preset::Drawn(CaptionPreset::Bounce)),
    ("slide", Preset::Drawn(CaptionPreset::Slide)),
    ("typewriter", Preset::Drawn(CaptionPreset::Typewriter)),
    ("pop", Preset::Drawn(CaptionPreset::Pop)),
    ("box", Preset::Drawn(CaptionPreset::Box)),
    ("phrase", Preset::Drawn(CaptionPreset::Phrase)),
    ("clean", Preset::Drawn(CaptionPreset::Clean)),
    ("one_word", Preset::OneWord),
    ("none", Preset::None),
];

impl Preset {
    const fn drawn(self) -> CaptionPreset {
        match self {
            Self::Drawn(preset) => preset,
            Self::OneWord | Self::None => CaptionPreset::Pop,
        }
    }

    /// What happens to the spoken word when nothing is said about it.
    const fn usual_mode(self) -> HighlightMode {
        match self {
            Self::Drawn(
                CaptionPreset::Karaoke
                | CaptionPreset::Pop
                | CaptionPreset::Bounce
                | CaptionPreset::Slide,
            ) => HighlightMode::Color,
            Self::Drawn(CaptionPreset::Box) => HighlightMode::Box,
            Self::Drawn(CaptionPreset::Highlight) => HighlightMode::Marker,
            _ => HighlightMode::None,
        }
    }

    /// Whether a mode can be seen with it.
    const fn allows(self, mode: HighlightMode) -> bool {
        match self {
            Self::Drawn(
                CaptionPreset::Karaoke
                | CaptionPreset::Pop
                | CaptionPreset::Bounce
                | CaptionPreset::Slide,
            )
            | Self::None => true,
            // Letters that are only just appearing have no time to be filled.
            Self::Drawn(CaptionPreset::Typewriter) => !matches!(mode, HighlightMode::Fill),
            Self::Drawn(CaptionPreset::Box) => matches!(mode, HighlightMode::Box),
            Self::Drawn(CaptionPreset::Highlight) => matches!(mode, HighlightMode::Marker),
            Self::Drawn(CaptionPreset::Phrase | CaptionPreset::Clean) | Self::OneWord => {
                matches!(mode, HighlightMode::None)
            }
        }
    }
}

/// Reads the `style` of a subtitles track; `None` where its preset shows nothing.
pub(crate) fn read(fields: Fields<'_>, stage: Stage<'_>) -> Option<CaptionRules> {
    let preset = fields
        .choice("preset", &PRESETS)
        .unwrap_or(Preset::Drawn(CaptionPreset::Karaoke));
    let size: u16 = fields.int("size").unwrap_or(72);
    let font = fields.parsed("font", |text| stage.scope.font(text));
    let (anchor, x, y) = read_position(fields.map("position"), stage);
    let max_width = read_width(&fields, anchor, x, stage);
    let emphasis = fields.map("emphasis");
    let words = emphasis.as_ref().map_or(Emphasis::None, read_emphasis);
    let highlight = read_highlight(&fields, (preset, &words), stage);
    let emphasis_look = emphasis.map_or_else(EmphasisRule::default, |emphasis| {
        let look = read_emphasis_look(&emphasis, (&words, &highlight.color), stage.scope);
        emphasis.finish();
        look
    });
    let rules = CaptionRules {
        only_if: None,
        preset: preset.drawn(),
        font: font.unwrap_or(FontRequest {
            family: String::new(),
            weight: 400,
        }),
        size,
        color: lettering::color(&fields, "color", stage.scope)
            .unwrap_or(ColorSource::Fixed(Color::WHITE)),
        uppercase: overlay_item::uppercase(&fields),
        outline: read_outline(&fields, preset, stage.scope),
        shadow: lettering::shadow(&fields, stage.scope),
        plate: read_plate(&fields, stage.scope),
        highlight,
        emphasis: words,
        emphasis_look,
        anchor,
        x,
        y,
        max_width,
        grouping: read_grouping(&fields, preset, (size, max_width)),
        strip_emoji: fields
            .choice("emoji", &[("bitmap", false), ("strip", true)])
            .unwrap_or(false),
    };
    warn_outside(&fields, &rules, stage);
    fields.finish();
    (preset != Preset::None).then_some(rules)
}

fn read_outline(fields: &Fields<'_>, preset: Preset, scope: &Scope) -> Option<OutlineRule> {
    let outline = lettering::outline(fields, scope);
    let clean = preset == Preset::Drawn(CaptionPreset::Clean);
    if clean && outline.as_ref().is_some_and(OutlineRule::is_visible) {
        let hint = "write `outline: { width: 0 }`, or the preset phrase";
        fields.conflict(
            "outline",
            "is never seen: the preset clean has no outline",
            hint,
        );
    }
    outline
}

fn read_plate(style: &Fields<'_>, scope: &Scope) -> Option<PlateRule> {
    const SHAPES: [(&str, PlateShape); 2] =
        [("lines", PlateShape::Lines), ("block", PlateShape::Block)];
    let fields = style.map("plate")?;
    let rule = PlateRule {
        color: lettering::color(&fields, "color", scope)
            .unwrap_or(ColorSource::Fixed(Color::BLACK.with_alpha(0xB3))),
        padding: fields.int("padding").unwrap_or(24),
        radius: fields.int("radius").unwrap_or(24),
        shape: fields.choice("shape", &SHAPES).unwrap_or(PlateShape::Lines),
    };
    fields.finish();
    Some(rule)
}

fn read_grouping(fields: &Fields<'_>, preset: Preset, (size, max_width): (u16, u16)) -> Grouping {
    let range = fields.read("words_per_caption", word_range);
    let one_word = preset == Preset::OneWord;
    if one_word && range.is_some_and(|range| range != (1, 1)) {
        let message = "contradicts the preset one_word";
        fields.conflict(
            "words_per_caption",
            message,
            "leave it out, or use the preset pop",
        );
    }
    let (min_words, max_words) = if one_word {
        (1, 1)
    } else {
        range.unwrap_or((2, 5))
    };
    let letters = u32::from(max_width) * 1000 / (u32::from(size) * LETTER_PM).max(1);
    Grouping {
        min_words,
        max_words,
        max_lines: fields.int("max_lines").unwrap_or(2),
        max_chars: fields.int("max_chars").unwrap_or(letters.max(4) as usize),
        min_on_screen_ms: fields.duration("min_on_screen").unwrap_or(200),
        gap_merge_ms: fields.duration("gap_merge").unwrap_or(300),
        max_cps: fields.int("max_cps"),
    }
}

fn word_range(node: &Node) -> Result<(usize, usize), Wrong> {
    let Node::List(list) = node else {
        return Err(Wrong::shape(node, "a pair of counts like [2, 5]"));
    };
    let [min, max] = list.as_slice() else {
        return Err(Wrong::shape(node, "a pair of counts like [2, 5]"));
    };
    let (min, max): (usize, usize) = (int_of(min, (1, 20))?, int_of(max, (1, 20))?);
    if min > max {
        return Err(format!("is [{min}, {max}]; the fewest come first").into());
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
    let x = fields.int("x").unwrap_or(middle);
    let y = fields.int("y").unwrap_or(low);
    let zone = stage.zone.rect(stage.canvas);
    let inside = |at: i32, start: i32, length: u32| (start..=start + length as i32).contains(&at);
    for (key, at, start, length) in [("x", x, zone.x, zone.w), ("y", y, zone.y, zone.h)] {
        if !inside(at, start, length) {
            fields.note(
                key,
                format!("is {at}, outside the safe zone"),
                format!("the zone reaches from {start} to {}", start + length as i32),
            );
        }
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
    let wanted: Option<u16> = fields.int("max_width");
    if let Some(wanted) = wanted.filter(|wanted| i32::from(*wanted) > room) {
        fields.note(
            "max_width",
            format!("is {wanted}, but from there the safe zone leaves {room} pixels"),
            format!("write at most {room}, or move `position`"),
        );
    }
    wanted.unwrap_or(room as u16)
}

/// Warns where the block, at its tallest, leaves the safe zone at the top or at the bottom.
fn warn_outside(fields: &Fields<'_>, rules: &CaptionRules, stage: Stage<'_>) {
    let zone = stage.zone.rect(stage.canvas);
    let plate = rules.plate.as_ref().map_or(0, |plate| plate.padding);
    let height = i32::from(rules.size) * i32::from(rules.grouping.max_lines) * 13 / 10
        + 2 * i32::from(plate);
    let top = match rules.anchor {
        Anchor::TopLeft | Anchor::Top | Anchor::TopRight => rules.y,
        Anchor::Left | Anchor::Center | Anchor::Right => rules.y - height / 2,
        Anchor::BottomLeft | Anchor::Bottom | Anchor::BottomRight => rules.y - height,
    };
    let (low, high) = (zone.y, zone.y + zone.h as i32);
    if (low..=high).contains(&rules.y) && (top < low || top + height > high) {
        fields.note_as(
            ProblemKind::SafeZone,
            "position",
            format!(
                "puts {} lines from {top} to {} px, outside the safe zone ({low} to {high})",
                rules.grouping.max_lines,
                top + height
            ),
            "move the captions, make them smaller, or allow fewer lines",
        );
    }
}

fn read_highlight(
    style: &Fields<'_>,
    (preset, emphasis): (Preset, &Emphasis),
    stage: Stage<'_>,
) -> HighlightRule {
    const MODES: [(&str, HighlightMode); 5] = [
        ("color", HighlightMode::Color),
        ("box", HighlightMode::Box),
        ("marker", HighlightMode::Marker),
        ("fill", HighlightMode::Fill),
        ("none", HighlightMode::None),
    ];
    let usual = HighlightRule::new(preset.usual_mode());
    let Some(fields) = style.map("highlight") else {
        return usual;
    };
    let mode = fields.choice("mode", &MODES).unwrap_or(usual.mode);
    let scale_pm = fields.scaled("scale", 1000.0).unwrap_or(1000);
    if preset == Preset::None {
        // Nothing of it is seen, and nothing has to be.
    } else if preset.allows(mode) {
        check_seen(&fields, (mode, scale_pm), emphasis);
    } else {
        fields.conflict(
            "mode",
            "is never seen with this preset",
            match (preset, usual.mode) {
                (_, HighlightMode::Box) => "leave it out: the preset box always draws its box",
                (_, HighlightMode::Marker) => {
                    "leave it out: the preset highlight always draws its marker"
                }
                (Preset::Drawn(CaptionPreset::Typewriter), _) => "write color, box or marker",
                _ => "leave it out, or use the preset karaoke or pop",
            },
        );
    }
    let read = HighlightRule {
        mode,
        color: lettering::color(&fields, "color", stage.scope).unwrap_or(usual.color),
        scale_pm,
        text: lettering::color(&fields, "text", stage.scope),
        outline: lettering::outline(&fields, stage.scope),
        padding: fields.int("padding"),
        radius: fields.int("radius"),
        spoken: lettering::color(&fields, "spoken", stage.scope),
    };
    fields.finish();
    read
}

/// Notes what the mode never shows.
fn check_seen(fields: &Fields<'_>, (mode, scale_pm): (HighlightMode, u16), emphasis: &Emphasis) {
    let none = mode == HighlightMode::None;
    for key in ["scale", "outline", "spoken"] {
        if none && fields.has(key) && !(key == "scale" && scale_pm == 1000) {
            let hint = "leave it out, or write another mode";
            fields.conflict(key, "is never seen: no word is highlighted", hint);
        }
    }
    if none && fields.has("color") && *emphasis == Emphasis::None {
        fields.conflict(
            "color",
            "is never seen: no word is highlighted or emphasised",
            "leave it out, or list words in `emphasis`",
        );
    }
    let surrounds = matches!(mode, HighlightMode::Box | HighlightMode::Marker);
    for key in ["text", "padding", "radius"] {
        if !surrounds && fields.has(key) {
            fields.conflict(
                key,
                "is never seen: nothing is drawn behind the word",
                "leave it out, or write `mode: box` or `mode: marker`",
            );
        }
    }
}

fn read_emphasis(fields: &Fields<'_>) -> Emphasis {
    match fields.read("words", emphasised) {
        Some(Emphasis::Words(words)) if words.is_empty() => Emphasis::None,
        found => found.unwrap_or_default(),
    }
}

/// Colour and weight of emphasised words, which mean nothing without such words.
fn read_emphasis_look(
    fields: &Fields<'_>,
    (words, highlight): (&Emphasis, &ColorSource),
    scope: &Scope,
) -> EmphasisRule {
    let look = EmphasisRule {
        // The highlight's colour is theirs anyway.
        color: lettering::color(fields, "color", scope).filter(|color| color != highlight),
        weight: fields.int("weight"),
    };
    for key in ["color", "weight"] {
        if fields.has(key) && fields.has("words") && *words == Emphasis::None {
            fields.conflict(
                key,
                "is never seen: no word is emphasised",
                "name words, or leave it out",
            );
        }
    }
    look
}

/// A list of words, `from_script` or `none`.
fn emphasised(node: &Node) -> Result<Emphasis, Wrong> {
    if let Node::List(list) = node {
        let words = list.iter().map(|word| text_of(word).map(bare));
        return words.collect::<Result<_, _>>().map(Emphasis::Words);
    }
    let words = grammar::words("tracks[subtitles].style.emphasis", "words");
    word_of(text_of(node)?, words).map(|word| match word {
        "from_script" => Emphasis::Script,
        _ => Emphasis::None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::section;
    use super::*;
    use crate::time::FrameRate;

    fn read_style(text: &str) -> (Option<CaptionRules>, Vec<String>) {
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
        let section = section("tracks[subtitles].style").unwrap();
        read_for_test(section, &format!("{{{text}}}"), |fields| {
            read(fields, stage)
        })
    }

    fn rules(text: &str) -> CaptionRules {
        let (rules, notes) = read_style(text);
        assert_eq!(notes, Vec::<String>::new());
        rules.unwrap()
    }

    #[test]
    fn centred_captions_stay_inside_the_zone() {
        let rules = rules("font: 'Inter:800', size: 84");
        assert_eq!((rules.x, rules.y, rules.max_width), (540, 1130, 720));
        assert_eq!(rules.grouping.max_chars, 14);
        assert_eq!(rules.highlight.mode, HighlightMode::Color);
    }

    #[test]
    fn reads_every_key() {
        let rules = rules(
            "preset: karaoke, font: 'Inter:700', size: 60, color: '#EEEEEE', case: upper, words_per_caption: [1, 3], \
             max_lines: 1, max_chars: 16, max_width: 500, outline: {width: 5}, shadow: {blur: 3}, \
             highlight: {mode: box, color: '#FF0000', scale: 1.05}, position: {anchor: left, x: 100, y: 600}, \
             emphasis: {words: [Never, always], color: '#FF0000'}, emoji: strip, min_on_screen: 250ms, gap_merge: 400ms, max_cps: 18",
        );
        let style = rules.style(&BTreeMap::new());
        assert_eq!(style.preset, CaptionPreset::Karaoke);
        assert!(style.uppercase && rules.strip_emoji);
        assert_eq!(
            rules.emphasis,
            Emphasis::Words(vec!["never".into(), "always".into()])
        );
        assert_eq!(style.highlight.mode, HighlightMode::Box);
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
                max_cps: Some(18),
            }
        );
    }

    #[test]
    fn presets_decide_more_than_the_look() {
        let one = rules("preset: one_word, font: 'Inter:700'");
        assert_eq!((one.grouping.min_words, one.grouping.max_words), (1, 1));
        assert_eq!(
            (one.preset, one.highlight.mode),
            (CaptionPreset::Pop, HighlightMode::None)
        );
        let (none, notes) = read_style("preset: none, font: 'Inter:700', highlight: {mode: color}");
        assert_eq!((none, notes), (None, Vec::new()));
        assert_eq!(
            rules("preset: box, font: 'Inter:700'").highlight.mode,
            HighlightMode::Box
        );
        for (preset, drawn, mode) in [
            ("highlight", CaptionPreset::Highlight, HighlightMode::Marker),
            ("bounce", CaptionPreset::Bounce, HighlightMode::Color),
            ("slide", CaptionPreset::Slide, HighlightMode::Color),
            ("typewriter", CaptionPreset::Typewriter, HighlightMode::None),
        ] {
            let found = rules(&format!("preset: {preset}, font: 'Inter:700'"));
            assert_eq!((found.preset, found.highlight.mode), (drawn, mode));
        }
    }

    #[test]
    fn the_active_word_has_a_look_of_its_own() {
        let style =
            |text: &str| rules(&format!("font: 'Inter:700', {text}")).style(&BTreeMap::new());
        let apart = style(
            "highlight: {mode: box, color: '#FFD400', text: '#111111', outline: {width: 0}, padding: 12, radius: 20, \
             spoken: '#BBBBBB', scale: 1.1}",
        );
        assert_eq!(
            apart.highlight,
            Highlight {
                text: Some(Color::rgb(0x11, 0x11, 0x11)),
                outline: Some(Outline {
                    width: 0,
                    color: Color::BLACK
                }),
                padding: Some(12),
                radius: Some(20),
                spoken: Some(Color::rgb(0xBB, 0xBB, 0xBB)),
                ..Highlight::new(HighlightMode::Box, Color::rgb(0xFF, 0xD4, 0x00), 1100)
            }
        );
        let plated = style("plate: {}").plate.unwrap();
        assert_eq!(
            (plated.padding, plated.radius, plated.shape),
            (24, 24, PlateShape::Lines)
        );
        assert_eq!(plated.color, Color::BLACK.with_alpha(0xB3));
        assert_eq!(
            style("plate: {shape: block, padding: 8}")
                .plate
                .unwrap()
                .padding,
            8
        );
    }

    // spec: T-7
    #[test]
    fn keys_that_contradict_the_preset_are_refused() {
        for (text, part) in [
            (
                "preset: clean, outline: {width: 3}",
                "outline: is never seen",
            ),
            (
                "preset: phrase, highlight: {mode: color}",
                "highlight.mode: is never seen",
            ),
            (
                "preset: clean, highlight: {scale: 1.1}",
                "highlight.scale: is never seen",
            ),
            (
                "highlight: {text: '#000000'}",
                "highlight.text: is never seen: nothing is drawn behind",
            ),
            (
                "highlight: {mode: fill, radius: 4}",
                "highlight.radius: is never seen",
            ),
            (
                "preset: typewriter, highlight: {spoken: '#FF0000'}",
                "highlight.spoken: is never seen",
            ),
            (
                "preset: typewriter, highlight: {mode: fill}",
                "highlight.mode: is never seen",
            ),
            (
                "preset: highlight, highlight: {mode: color}",
                "highlight.mode: is never seen",
            ),
            (
                "preset: box, highlight: {mode: none}",
                "highlight.mode: is never seen",
            ),
            (
                "preset: one_word, words_per_caption: [1, 3]",
                "contradicts the preset one_word",
            ),
            (
                "preset: phrase, highlight: {color: '#FF0000'}",
                "highlight.color: is never seen",
            ),
            (
                "highlight: {mode: none, color: '#FF0000'}, emphasis: {words: none}",
                "highlight.color: is never seen",
            ),
            (
                "emphasis: {words: [], color: '#FFD400'}",
                "emphasis.color: is never seen",
            ),
            (
                "emphasis: {words: none, weight: 900}",
                "emphasis.weight: is never seen",
            ),
            ("emphasis: {words: [a], weight: 950}", "emphasis.weight: "),
        ] {
            let (_, notes) = read_style(&format!("font: 'Inter:700', {text}"));
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
        for sound in [
            "preset: clean, outline: {width: 0}, highlight: {mode: none, scale: 1.0}",
            "preset: phrase, highlight: {color: '#FF0000'}, emphasis: {words: [never], color: '#FF0000'}",
            "preset: clean, highlight: {color: '#FF0000'}, emphasis: {words: from_script}",
            "emphasis: {words: [a], color: '#00FF00', weight: 900}",
            "preset: phrase, outline: {width: 3}",
            "preset: one_word, words_per_caption: [1, 1]",
        ] {
            rules(&format!("font: 'Inter:700', {sound}"));
        }
    }

    // spec: T-21
    #[test]
    fn what_leaves_the_zone_is_noted() {
        let (_, notes) = read_style(
            "preset: krok, max_width: 900, position: {y: 1800}, words_per_caption: [5, 2], emoji: gone",
        );
        for part in [
            "preset: `krok` is not one of its values",
            "font: is missing",
            "max_width: is 900, but from there the safe zone leaves 720",
            "position.y: is 1800, outside the safe zone",
            "emoji: `gone`",
            "the fewest come first",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:#?}"
            );
        }
        assert_eq!(notes.len(), 6, "{notes:#?}");
        let (_, notes) =
            read_style("font: 'Inter:700', max_lines: 4, size: 120, position: {y: 1400}");
        assert!(
            notes[0].contains("position: puts 4 lines from 1088 to 1712 px"),
            "{notes:?}"
        );
    }
}
