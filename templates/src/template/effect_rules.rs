//! What `video` says beside fill and motion: speed, colour, keying, movement of whole clips, the backdrop's look.
//!
//! Neighbours: `picture_rules` reads the rest of `video`; `footage` gives every clip its effects.

use super::fields::Fields;
use super::fill::Filled;
use super::lettering;
use super::picture_rules::EASES;
use super::placeholder::PlaceholderKind;
use super::scope::{ColorSource, Scope};
use crate::color::Color;
use crate::timeline::{
    BackdropLook, Behind, Cutout, Ease, Effects, Fill, Grade, Key, Keyframe, LumaMatte,
};

/// The rules; the default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EffectRules {
    /// Permille of a video's own speed.
    pub(crate) speed_pm: Option<u32>,
    grade: Option<(Grade, Option<String>)>,
    key: Option<KeyRule>,
    matte: Option<(String, bool)>,
    behind: Option<BehindRule>,
    keyframes: Vec<KeyframeRule>,
    backdrop: Option<BackdropLook>,
}

/// What is keyed out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyRule {
    /// A colour; none keys by light.
    color: Option<ColorSource>,
    bright: bool,
    level_pm: u32,
    softness_pm: u32,
    spill_pm: u32,
}

/// What lies behind a cut-out picture.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BehindRule {
    Color(ColorSource),
    /// An image placeholder.
    Image(String),
}

/// A keyframe at a share of the shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyframeRule {
    at_pm: u32,
    key: Keyframe,
}

impl EffectRules {
    /// Only a speed.
    #[cfg(test)]
    pub(crate) fn at_speed(speed_pm: u32) -> Self {
        Self {
            speed_pm: Some(speed_pm),
            ..Self::default()
        }
    }

    /// The effects that all clips share, once everything is filled in.
    pub(crate) fn resolve(&self, filled: &Filled, background: Color) -> Effects {
        let grade = self.grade.as_ref().map(|(grade, lut)| Grade {
            lut: lut.as_ref().and_then(|name| filled.luts.get(name)).copied(),
            ..*grade
        });
        let matte = self.matte.as_ref().and_then(|(name, invert)| {
            let image = filled.images.get(name)?;
            Some(LumaMatte {
                source: image.source,
                invert: *invert,
            })
        });
        let key = self.key.as_ref().map(|key| key.resolve(filled));
        let behind = match &self.behind {
            Some(BehindRule::Color(color)) => Behind::Color(color.resolve(&filled.colors)),
            Some(BehindRule::Image(name)) => match filled.images.get(name) {
                Some(image) => Behind::Image(image.source),
                None => Behind::Color(background),
            },
            None => Behind::Color(background),
        };
        let cut = key.is_some() || matte.is_some();
        Effects {
            speed_pm: None,
            focus: Vec::new(),
            grade: grade.filter(|grade| *grade != Grade::default()),
            cutout: cut.then_some(Cutout { key, matte, behind }),
            keyframes: Vec::new(),
            backdrop: self.backdrop,
        }
    }

    /// The keyframes of a shot of so many frames.
    pub(crate) fn keyframes(&self, frames: i64) -> Vec<Keyframe> {
        let last = u64::try_from(frames - 1).unwrap_or(0);
        let mut keys: Vec<Keyframe> = Vec::new();
        for rule in &self.keyframes {
            let at = (u64::from(rule.at_pm) * last + 500) / 1000;
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            // In a shot of few frames two may meet: the later one holds.
            if keys.last().is_some_and(|key| key.at == at) {
                keys.pop();
            }
            keys.push(Keyframe { at, ..rule.key });
        }
        keys
    }
}

impl KeyRule {
    fn resolve(&self, filled: &Filled) -> Key {
        match &self.color {
            Some(color) => Key::Chroma {
                color: color.resolve(&filled.colors),
                similarity_pm: self.level_pm,
                softness_pm: self.softness_pm,
                spill_pm: self.spill_pm,
            },
            None => Key::Luma {
                level_pm: self.level_pm,
                softness_pm: self.softness_pm,
                bright: self.bright,
            },
        }
    }
}

/// Reads the effects of `video`.
pub(crate) fn read(fields: &Fields<'_>, fill: Fill, smart: bool, scope: &Scope) -> EffectRules {
    let rules = EffectRules {
        speed_pm: fields
            .scaled("speed", 1000.0)
            .filter(|speed| *speed != 1000),
        grade: read_grade(fields, scope),
        key: fields.map("key").map(|key| read_key(key, scope)),
        matte: fields
            .map("matte")
            .and_then(|matte| read_matte(matte, scope)),
        behind: read_behind(fields, scope),
        keyframes: read_keyframes(fields),
        backdrop: fields.map("blur").map(read_backdrop),
    };
    if rules.behind.is_some() && !fields.has("key") && !fields.has("matte") {
        fields.conflict(
            "behind",
            "lies behind what is cut out, but nothing is",
            "add `key` or `matte`, or leave it out",
        );
    }
    if rules.backdrop.is_some() && fill != Fill::Blur && !smart {
        fields.conflict(
            "blur",
            "shapes the backdrop of `fill: blur`, but the fill is another one",
            "write `fill: blur` or `fill: smart`, or leave it out",
        );
    }
    rules
}

fn read_grade(fields: &Fields<'_>, scope: &Scope) -> Option<(Grade, Option<String>)> {
    if !fields.is_map("grade") {
        fields.choice("grade", &[("none", ())]);
        return None;
    }
    let inner = fields.map("grade")?;
    let is_lut = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Lut);
    let grade = Grade {
        brightness_pm: inner.scaled("brightness", 1000.0).unwrap_or(0),
        contrast_pm: inner.scaled("contrast", 1000.0).unwrap_or(1000),
        saturation_pm: inner.scaled("saturation", 1000.0).unwrap_or(1000),
        temperature_pm: inner.scaled("temperature", 1000.0).unwrap_or(0),
        lut: None,
    };
    let lut = inner.parsed("lut", |text| scope.placeholder(text, "lut", is_lut));
    inner.finish();
    Some((grade, lut))
}

fn read_key(fields: Fields<'_>, scope: &Scope) -> KeyRule {
    let color = lettering::color(&fields, "color", scope);
    let light = fields.choice("luma", &[("dark", false), ("bright", true)]);
    let similarity: Option<u32> = fields.scaled("similarity", 1000.0);
    let level: Option<u32> = fields.scaled("level", 1000.0);
    let spill: Option<u32> = fields.scaled("spill", 1000.0);
    match (fields.has("color"), fields.has("luma")) {
        (true, true) => fields.conflict(
            "luma",
            "stands beside `color`: parts are found by one of the two",
            "leave one of them out",
        ),
        (false, false) => fields.conflict(
            "color",
            "is missing, and `luma` too: nothing says what goes",
            "write the screen's colour, for example `color: \"#00B140\"`, or `luma: dark`",
        ),
        _ => {}
    }
    for (key, given, by_color) in [
        ("similarity", similarity.is_some(), true),
        ("spill", spill.is_some(), true),
        ("level", level.is_some(), false),
    ] {
        let wrong = if by_color {
            fields.has("luma") && !fields.has("color")
        } else {
            fields.has("color") && !fields.has("luma")
        };
        if given && wrong {
            let (mine, other) = if by_color {
                ("color", "luma")
            } else {
                ("luma", "color")
            };
            fields.conflict(
                key,
                format!("belongs to a key by `{mine}`, but this one is by `{other}`"),
                "leave it out",
            );
        }
    }
    let rule = KeyRule {
        level_pm: if color.is_some() {
            similarity.unwrap_or(300)
        } else {
            level.unwrap_or(if light == Some(true) { 900 } else { 100 })
        },
        bright: light.unwrap_or(false),
        softness_pm: fields.scaled("softness", 1000.0).unwrap_or(120),
        spill_pm: spill.unwrap_or(600),
        color,
    };
    fields.finish();
    rule
}

fn image(fields: &Fields<'_>, key: &'static str, scope: &Scope) -> Option<String> {
    let is_image = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Image);
    fields.parsed(key, |text| scope.placeholder(text, "image", is_image))
}

fn read_matte(fields: Fields<'_>, scope: &Scope) -> Option<(String, bool)> {
    let source = image(&fields, "source", scope);
    let invert = fields.flag("invert").unwrap_or(false);
    fields.finish();
    Some((source?, invert))
}

fn read_behind(fields: &Fields<'_>, scope: &Scope) -> Option<BehindRule> {
    let is_image = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Image);
    fields.parsed("behind", |text| {
        if text.contains("${{")
            && let Ok(name) = scope.placeholder(text, "image", is_image)
        {
            return Ok(BehindRule::Image(name));
        }
        scope.color(text).map(BehindRule::Color)
    })
}

fn read_backdrop(fields: Fields<'_>) -> BackdropLook {
    let look = BackdropLook {
        sigma: fields.int("sigma").unwrap_or(30),
        dim_pm: fields.scaled("dim", 1000.0).unwrap_or(280),
        zoom_pm: fields.scaled("zoom", 1000.0).unwrap_or(1080),
    };
    fields.finish();
    look
}

fn read_keyframes(fields: &Fields<'_>) -> Vec<KeyframeRule> {
    let mut rules: Vec<KeyframeRule> = Vec::new();
    for member in fields.members("keyframes") {
        let at_pm = member.scaled("at", 1000.0).unwrap_or(0);
        if rules.last().is_some_and(|before| before.at_pm >= at_pm) {
            member.conflict(
                "at",
                "is not after the keyframe before it",
                "write keyframes in the order of their times",
            );
        }
        rules.push(KeyframeRule {
            at_pm,
            key: read_keyframe(&member),
        });
        member.finish();
    }
    rules
}

/// Reads what a keyframe says beside its time.
pub(crate) fn read_keyframe(fields: &Fields<'_>) -> Keyframe {
    Keyframe {
        at: 0,
        x: fields.int("x").unwrap_or(0),
        y: fields.int("y").unwrap_or(0),
        scale_pm: fields.scaled("scale", 1000.0).unwrap_or(1000),
        opacity_pm: fields.scaled("opacity", 1000.0).unwrap_or(1000),
        ease: fields.choice("ease", &EASES).unwrap_or(Ease::InOut),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::binding::ImageBinding;
    use super::super::declarations;
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::super::picture_rules;
    use super::super::testing::digest;
    use super::*;

    const NAMES: &str = "placeholders: {look: {type: lut}, mask: {type: image}, green: {type: color}, t: {type: text}}\n";

    fn video(text: &str) -> (EffectRules, Vec<String>) {
        read_for_test(grammar(), &format!("{NAMES}video: {{{text}}}"), |fields| {
            let scope = Scope::read(None, &declarations::read(&fields));
            picture_rules::read_picture(fields.map("video"), &scope).effects
        })
    }

    fn filled() -> Filled {
        let image = ImageBinding {
            source: digest(4),
            width: 10,
            height: 10,
        };
        Filled {
            texts: BTreeMap::new(),
            colors: BTreeMap::from([("green".to_owned(), Color::rgb(0, 177, 64))]),
            images: BTreeMap::from([("mask".to_owned(), image)]),
            luts: BTreeMap::from([("look".to_owned(), digest(5))]),
        }
    }

    // spec: T-51
    #[test]
    fn colour_keying_and_mattes_become_effects() {
        let (rules, notes) = video(
            "speed: 1.5, grade: {brightness: 0.05, contrast: 1.1, saturation: 0.9, temperature: -0.2, lut: '${{ look }}'}, \
             key: {color: '${{ green }}', similarity: 0.25}, matte: {source: '${{ mask }}', invert: true}, behind: '${{ mask }}'",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(rules.speed_pm, Some(1500));
        let effects = rules.resolve(&filled(), Color::BLACK);
        let grade = effects.grade.unwrap();
        assert_eq!((grade.temperature_pm, grade.lut), (-200, Some(digest(5))));
        let cutout = effects.cutout.unwrap();
        assert_eq!(cutout.behind, Behind::Image(digest(4)));
        assert!(cutout.matte.unwrap().invert);
        assert_eq!(
            cutout.key,
            Some(Key::Chroma {
                color: Color::rgb(0, 177, 64),
                similarity_pm: 250,
                softness_pm: 120,
                spill_pm: 600,
            })
        );
        assert_eq!(effects.files().len(), 3);
    }

    #[test]
    fn nothing_said_is_nothing_done() {
        let (rules, notes) = video("grade: none, speed: 1.0");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(rules, EffectRules::default());
        assert!(rules.resolve(&filled(), Color::BLACK).is_plain());
        let (plain, _) = video("grade: {contrast: 1.0}");
        assert!(plain.resolve(&filled(), Color::BLACK).is_plain());
    }

    // spec: T-52
    #[test]
    fn keyframes_stand_at_shares_of_the_shot() {
        let (rules, notes) = video(
            "keyframes: [{at: 0, scale: 0.5, opacity: 0}, {at: 0.5, x: 40, y: -20, ease: out}, {at: 1, scale: 1.2}]",
        );
        assert_eq!(notes, Vec::<String>::new());
        let keys = rules.keyframes(91);
        let seen: Vec<(u32, i32, u32, u16)> = keys
            .iter()
            .map(|k| (k.at, k.x, k.scale_pm, k.opacity_pm))
            .collect();
        assert_eq!(
            seen,
            [(0, 0, 500, 0), (45, 40, 1000, 1000), (90, 0, 1200, 1000)]
        );
        assert_eq!(keys[1].ease, Ease::Out);
        assert_eq!(rules.keyframes(1).len(), 1, "only the last one is left");
    }

    // spec: T-7
    #[test]
    fn what_means_nothing_is_refused() {
        for (text, part) in [
            (
                "behind: '#000000'",
                "video.behind: lies behind what is cut out",
            ),
            (
                "blur: {sigma: 20}",
                "video.blur: shapes the backdrop of `fill: blur`",
            ),
            ("key: {}", "video.key.color: is missing, and `luma` too"),
            (
                "key: {color: '#00FF00', luma: dark}",
                "video.key.luma: stands beside `color`",
            ),
            (
                "key: {luma: dark, spill: 0.5}",
                "video.key.spill: belongs to a key by `color`",
            ),
            (
                "key: {color: '#00FF00', level: 0.5}",
                "video.key.level: belongs to a key by `luma`",
            ),
            ("speed: 5", "video.speed: is 5"),
            ("grade: {lut: '${{ t }}'}", "video.grade.lut: "),
            ("grade: 'lut:x.cube'", "video.grade: `lut:x.cube`"),
            (
                "keyframes: [{at: 0.5}, {at: 0.5}]",
                "video.keyframes[1].at: is not after",
            ),
            ("matte: {invert: true}", "video.matte.source: is missing"),
        ] {
            let (_, notes) = video(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }
}
