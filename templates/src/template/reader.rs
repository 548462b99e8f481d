//! A merged document to a checked [`Template`]: the top-level keys.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::caption_rules::Stage;
use super::document::Node;
use super::fields::{Fields, int_of};
use super::placeholder::{Placeholder, is_name};
use super::safe_zone::{self, SafeZone};
use super::scope::{ColorSource, Scope};
use super::sound_rules::{self, SoundRules};
use super::wrong::Wrong;
use super::{
    Problems, Template, TemplateProblem, declarations, edit_rules, grammar, overlays,
    picture_rules, tracks,
};
use crate::color::Color;
use crate::time::FrameRate;
use crate::timeline::{Canvas, LONGEST_MS, Profile};

/// The canvas with the limits of a cut's length.
pub(crate) struct CanvasRules {
    pub(crate) canvas: Canvas,
    pub(crate) background: ColorSource,
    pub(crate) min_ms: u32,
    pub(crate) max_ms: u32,
}

/// Reads a merged document.
pub(crate) fn read(document: &Node) -> Result<Template, Vec<TemplateProblem>> {
    let problems = RefCell::default();
    let template = Fields::open(document, String::new(), grammar::grammar(), &problems)
        .map(|fields| read_top(fields, &problems));
    let (warnings, errors): (Vec<_>, Vec<_>) = problems
        .into_inner()
        .into_list()
        .into_iter()
        .partition(TemplateProblem::is_warning);
    match template {
        Some(template) if errors.is_empty() => Ok(Template {
            warnings,
            ..template
        }),
        _ => Err(errors.into_iter().chain(warnings).collect()),
    }
}

fn read_top(fields: Fields<'_>, problems: &RefCell<Problems>) -> Template {
    check_header(&fields);
    let mut placeholders = declarations::read(&fields);
    let scope = Scope::read(fields.map("theme"), &placeholders);
    let canvas = read_canvas(fields.map("canvas"), &scope);
    let zone = safe_zone::read(&fields, &canvas.canvas);
    let stage = Stage {
        canvas: &canvas.canvas,
        zone: &zone,
        scope: &scope,
    };
    let tracks = tracks::read(&fields, stage);
    tracks::assign_roles(&mut placeholders, &tracks);
    declarations::check(&placeholders, problems);
    overlays::warn_outside(&tracks.items, &canvas.canvas, &zone, problems);
    let (loudness, ducking, clips_gain_mb) = sound_rules::read(fields.map("audio"));
    let picture = picture_rules::read_picture(fields.map("video"), &scope);
    let template = Template {
        name: read_name(&fields),
        version: fields.text("version").unwrap_or("0.0.0").to_owned(),
        description: fields.text("description").unwrap_or_default().to_owned(),
        min_ms: canvas.min_ms,
        max_ms: canvas.max_ms,
        canvas: canvas.canvas,
        background: canvas.background,
        zone,
        rules: edit_rules::read(fields.map("rules")),
        picture,
        transitions: picture_rules::read_transitions(fields.map("transitions")),
        items: tracks.items,
        captions: tracks.captions,
        subtitles: tracks.subtitles > 0,
        sound: SoundRules {
            loudness,
            ducking,
            voice: tracks.voice.map(|(voice, _)| voice).unwrap_or_default(),
            music: tracks.music.map(|(music, _)| music).unwrap_or_default(),
            clips_gain_mb,
            effects: tracks.effects,
        },
        profiles: read_profiles(&fields, &canvas.canvas),
        placeholders,
        warnings: Vec::new(),
    };
    // Merging took it out before anything was read.
    fields.node("extends");
    fields.finish();
    template
}

fn check_header(fields: &Fields<'_>) {
    match fields.text("fenta") {
        Some("template/v1") | None => {}
        Some("workflow/v1") => {
            fields.note("fenta", "says this is a workflow", "it must be template/v1");
        }
        Some(other) => fields.note(
            "fenta",
            format!("`{other}` is not a format this version reads"),
            "write `fenta: template/v1`",
        ),
    }
}

fn read_name(fields: &Fields<'_>) -> String {
    let name = fields.parsed("name", |name| match is_name(name) {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "`{name}` is not a name; use letters, digits, `_` and `-`"
        )),
    });
    name.unwrap_or_default()
}

fn read_canvas(fields: Option<Fields<'_>>, scope: &Scope) -> CanvasRules {
    let mut rules = CanvasRules {
        canvas: Canvas {
            width: 1080,
            height: 1920,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        },
        background: ColorSource::Fixed(Color::BLACK),
        min_ms: 0,
        max_ms: LONGEST_MS,
    };
    let Some(fields) = fields else { return rules };
    if let Some(width) = fields.read("width", side) {
        rules.canvas.width = width;
    }
    if let Some(height) = fields.read("height", side) {
        rules.canvas.height = height;
    }
    if let Some(rate) = fields.read("fps", frame_rate) {
        rules.canvas.frame_rate = rate;
    }
    if let Some(color) = fields.parsed("background", |text| scope.color(text)) {
        rules.background = color;
    }
    rules.min_ms = fields.duration("min_duration").unwrap_or(rules.min_ms);
    rules.max_ms = fields.duration("max_duration").unwrap_or(rules.max_ms);
    if rules.min_ms > rules.max_ms {
        let hint = "write min_duration <= max_duration";
        fields.conflict("min_duration", "is longer than max_duration", hint);
    }
    fields.finish();
    rules
}

fn side(node: &Node) -> Result<u32, Wrong> {
    let side: u32 = int_of(node, (64, 4096))?;
    if side % 2 == 1 {
        return Err(format!("is {side}, which is odd; video needs even sides").into());
    }
    Ok(side)
}

/// Whole rates as numbers, fractions as text.
fn frame_rate(node: &Node) -> Result<FrameRate, String> {
    let rate = match node {
        Node::Int(fps) => u32::try_from(*fps).ok().map(FrameRate::whole),
        Node::Text(text) => text.parse().ok(),
        _ => None,
    };
    rate.filter(|rate| {
        let (num, den) = (u64::from(rate.num), u64::from(rate.den));
        num >= 10 * den && num <= 60 * den
    })
    .ok_or_else(|| "is not a frame rate from 10 to 60; write 30 or 30000/1001".to_owned())
}

/// Names that Output.Render knows by itself.
const BUILTIN_PROFILES: [&str; 2] = ["universal", "draft"];

fn read_profiles(fields: &Fields<'_>, canvas: &Canvas) -> BTreeMap<String, Profile> {
    const PRESETS: [(&str, &str); 6] = [
        ("ultrafast", "ultrafast"),
        ("superfast", "superfast"),
        ("veryfast", "veryfast"),
        ("faster", "faster"),
        ("fast", "fast"),
        ("medium", "medium"),
    ];
    let read_one = |(name, profile): (&str, Fields<'_>)| {
        let width = profile.read("width", side);
        let height = profile.read("height", side);
        check_shape(&profile, (width, height), canvas);
        let (mut crf, mut preset) = (19, "veryfast");
        if let Some(video) = profile.map("video") {
            video.choice("codec", &[("h264", ())]);
            crf = video.int("crf").unwrap_or(crf);
            preset = video.choice("preset", &PRESETS).unwrap_or(preset);
            video.finish();
        }
        profile.finish();
        if name == BUILTIN_PROFILES[0] {
            let message = "is built in and stays what it is";
            fields.conflict(
                "profiles",
                format!("`{name}` {message}"),
                "choose another name",
            );
        }
        Some((
            name.to_owned(),
            Profile {
                width: width?,
                height: height?,
                crf,
                preset: preset.to_owned(),
            },
        ))
    };
    fields
        .named_maps("profiles")
        .into_iter()
        .filter_map(read_one)
        .collect()
}

/// Everything drawn is placed on the canvas, so a file in another shape would be cut or pulled out of it.
fn check_shape(profile: &Fields<'_>, size: (Option<u32>, Option<u32>), canvas: &Canvas) {
    let (Some(width), Some(height)) = size else {
        return;
    };
    if !canvas.has_shape(width, height) {
        profile.conflict(
            "height",
            format!(
                "makes {width} x {height}, another shape than the canvas of {} x {}",
                canvas.width, canvas.height
            ),
            format!("write `height: {}`", canvas.height_at(width)),
        );
    }
}

/// Whether a template can take captions and music; used by the bindings' check.
pub(crate) fn takes(placeholders: &[Placeholder], kind: &str) -> bool {
    placeholders
        .iter()
        .any(|placeholder| placeholder.kind.type_name() == kind)
}

impl Template {
    /// The canvas with its background colour known.
    pub(crate) fn canvas_with(&self, background: Color) -> Canvas {
        Canvas {
            background,
            ..self.canvas
        }
    }

    /// The zone its items were checked against.
    pub fn safe_zone(&self) -> SafeZone {
        self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;

    fn canvas(text: &str) -> (CanvasRules, Vec<String>) {
        let scope = Scope::default();
        read_for_test(grammar(), text, |fields| {
            read_canvas(fields.map("canvas"), &scope)
        })
    }

    // spec: T-19
    #[test]
    fn canvases_have_even_sides_and_usual_rates() {
        let (usual, notes) = canvas("{}");
        assert_eq!(
            (
                usual.canvas.width,
                usual.canvas.height,
                usual.canvas.frame_rate
            ),
            (1080, 1920, FrameRate::whole(30))
        );
        assert_eq!(notes, Vec::<String>::new());
        let (film, notes) =
            canvas("canvas: {width: 720, height: 1280, fps: 24000/1001, max_duration: 3m}");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!((film.canvas.width, film.canvas.frame_rate.den), (720, 1001));
        assert_eq!((film.min_ms, film.max_ms), (0, 180_000));
        for bad in [
            "width: 63",
            "height: 5000",
            "width: 721",
            "fps: 9",
            "fps: 61",
            "fps: 30.5",
            "fps: fast",
            "min_duration: 5s, max_duration: 4s",
            "max_duration: 31m",
        ] {
            assert_eq!(canvas(&format!("canvas: {{{bad}}}")).1.len(), 1, "{bad}");
        }
    }

    // spec: T-47
    #[test]
    fn profiles_are_sizes_with_an_encoding() {
        let read = |text: &str| {
            read_for_test(grammar(), &format!("profiles: {{{text}}}"), |fields| {
                read_profiles(&fields, &canvas("{}").0.canvas)
            })
        };
        let (found, notes) =
            read("small: {width: 540, height: 960, video: {codec: h264, crf: 30, preset: fast}}");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            found["small"],
            Profile {
                width: 540,
                height: 960,
                crf: 30,
                preset: "fast".into()
            }
        );
        for (text, part) in [
            (
                "universal: {width: 540, height: 960}",
                "`universal` is built in",
            ),
            ("a: {width: 540}", "profiles.a.height: is missing"),
            (
                "a: {width: 960, height: 540}",
                "profiles.a.height: makes 960 x 540, another shape than the canvas of 1080 x 1920; write `height: 1706`",
            ),
            (
                "a: {width: 540, height: 960, fps: 15}",
                "profiles.a.fps: is not available",
            ),
            (
                "a: {width: 540, height: 960, watermark: X}",
                "profiles.a.watermark: is not available",
            ),
            (
                "a: {width: 540, height: 960, video: {codec: av1}}",
                "`av1` is not available",
            ),
        ] {
            let (_, notes) = read(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }
}
