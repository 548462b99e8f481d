//! A merged document to a checked [`Template`]: the top-level keys and the tracks.

use std::cell::RefCell;

use super::caption_rules::{self, CaptionRules, Stage};
use super::document::Node;
use super::fields::{Fields, text_of};
use super::overlay_item::{self, OverlayItem};
use super::placeholder::{Placeholder, PlaceholderKind, is_name};
use super::safe_zone::{self, SafeZone};
use super::scope::{self, ColorSource, Scope};
use super::{Problems, Template, TemplateProblem, edit_rules, picture_rules, sound_rules};
use crate::color::Color;
use crate::time::FrameRate;
use crate::timeline::Canvas;

/// What the tracks say.
#[derive(Default)]
struct Tracks {
    videos: u32,
    items: Vec<OverlayItem>,
    captions: Option<CaptionRules>,
}

/// Reads a merged document.
pub(crate) fn read(document: &Node) -> Result<Template, Vec<TemplateProblem>> {
    let problems = RefCell::default();
    let template =
        Fields::open(document, String::new(), &problems).map(|fields| read_top(fields, &problems));
    let problems = problems.into_inner();
    match template {
        Some(template) => problems.or(template),
        None => Err(problems.into_list()),
    }
}

fn read_top(fields: Fields<'_>, problems: &RefCell<Problems>) -> Template {
    check_header(&fields);
    let placeholders = fields
        .map("placeholders")
        .map_or_else(Vec::new, |inner| scope::read_placeholders(&inner));
    scope::check_placeholders(&placeholders, problems);
    let scope = Scope::read(fields.map("theme"), &placeholders);
    let (canvas, background) = read_canvas(fields.map("canvas"), &scope);
    let zone = safe_zone::read(&fields, &canvas);
    let stage = Stage {
        canvas: &canvas,
        zone: &zone,
        scope: &scope,
    };
    let tracks = read_tracks(&fields, stage);
    let template = Template {
        name: read_name(&fields),
        version: read_version(&fields),
        canvas,
        background,
        zone,
        rules: edit_rules::read(fields.map("rules")),
        picture: picture_rules::read_picture(fields.map("video")),
        transitions: picture_rules::read_transitions(fields.map("transitions")),
        items: tracks.items,
        captions: tracks.captions,
        sound: sound_rules::read(fields.map("audio")),
        placeholders,
        warnings: Vec::new(),
    };
    fields.later(&["profiles"]);
    fields.finish();
    template
}

fn check_header(fields: &Fields<'_>) {
    match fields.text("fenta") {
        Some("template/v1") => {}
        Some("workflow/v1") => {
            fields.note("fenta", "says this is a workflow", "it must be template/v1")
        }
        Some(other) => fields.note(
            "fenta",
            format!("`{other}` is not a format this version reads"),
            "write `fenta: template/v1`",
        ),
        None => fields.note("fenta", "is missing", "start with `fenta: template/v1`"),
    }
    fields.text("description");
}

fn read_name(fields: &Fields<'_>) -> String {
    let name = fields.parsed("name", |name| {
        if is_name(name) {
            Ok(name.to_owned())
        } else {
            Err(format!(
                "`{name}` is not a name; use letters, digits, `_` and `-`"
            ))
        }
    });
    if fields.node("name").is_none() {
        fields.note("name", "is missing", "give the template a name");
    }
    name.unwrap_or_default()
}

fn read_version(fields: &Fields<'_>) -> String {
    fields
        .text("version")
        .map_or_else(|| "0.0.0".to_owned(), str::to_owned)
}

fn read_canvas(fields: Option<Fields<'_>>, scope: &Scope) -> (Canvas, ColorSource) {
    let mut canvas = Canvas {
        width: 1080,
        height: 1920,
        frame_rate: FrameRate::whole(30),
        background: Color::BLACK,
    };
    let mut background = ColorSource::Fixed(Color::BLACK);
    let Some(fields) = fields else {
        return (canvas, background);
    };
    if let Some(width) = fields.read("width", side) {
        canvas.width = width;
    }
    if let Some(height) = fields.read("height", side) {
        canvas.height = height;
    }
    if let Some(rate) = fields.read("fps", frame_rate) {
        canvas.frame_rate = rate;
    }
    if let Some(color) = fields.parsed("background", |text| scope.color(text)) {
        background = color;
    }
    fields.later(&["min_duration", "max_duration"]);
    fields.finish();
    (canvas, background)
}

fn side(node: &Node) -> Result<u32, String> {
    let side: u32 = super::fields::int_of(node, 64..=4096)?;
    if side % 2 == 1 {
        return Err(format!("is {side}, which is odd; video needs even sides"));
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

fn read_tracks(fields: &Fields<'_>, stage: Stage<'_>) -> Tracks {
    let mut tracks = Tracks::default();
    for track in fields.members("tracks") {
        read_track(track, stage, &mut tracks);
    }
    if tracks.videos != 1 {
        fields.note(
            "tracks",
            format!("has {} video tracks", tracks.videos),
            "write exactly one, `{ id: main, kind: video, source: ${{ clips }} }`",
        );
    }
    note_double_ids(fields, &tracks.items);
    tracks
}

#[derive(Clone, Copy)]
enum Kind {
    Video,
    Overlay,
    Subtitles,
}

fn read_track(track: Fields<'_>, stage: Stage<'_>, tracks: &mut Tracks) {
    const KINDS: [(&str, Kind); 3] = [
        ("video", Kind::Video),
        ("overlay", Kind::Overlay),
        ("subtitles", Kind::Subtitles),
    ];
    track.read("id", |node| match text_of(node)? {
        id if is_name(id) => Ok(()),
        id => Err(format!(
            "`{id}` is not a name; use letters, digits, `_` and `-`"
        )),
    });
    if track.node("kind").is_none() {
        track.note("kind", "is missing", "write video, overlay or subtitles");
    }
    match track.choice("kind", &KINDS, &["audio"]) {
        Some(Kind::Video) => {
            tracks.videos += 1;
            read_source(&track, stage.scope, "media[]");
        }
        Some(Kind::Overlay) => {
            for item in track.members("items") {
                tracks.items.extend(overlay_item::read(item, stage.scope));
            }
        }
        Some(Kind::Subtitles) => {
            read_source(&track, stage.scope, "captions");
            let rules = track
                .map("style")
                .map(|style| caption_rules::read(style, stage));
            if track.node("style").is_none() {
                track.note("style", "is missing", "");
            }
            if tracks.captions.is_some() {
                track.note(
                    "kind",
                    "is the second subtitles track",
                    "a template has one",
                );
            }
            tracks.captions = rules;
        }
        // A kind that is not known says nothing about its other keys.
        None => return,
    }
    track.later(&["if", "gain", "loop", "fade"]);
    track.finish();
}

fn read_source(track: &Fields<'_>, scope: &Scope, wanted: &'static str) {
    let fits = |kind: &PlaceholderKind| kind.type_name() == wanted;
    track.parsed("source", |text| scope.placeholder(text, wanted, fits));
    if track.node("source").is_none() {
        track.note(
            "source",
            "is missing",
            format!("name the `{wanted}` placeholder"),
        );
    }
}

fn note_double_ids(fields: &Fields<'_>, items: &[OverlayItem]) {
    for (at, item) in items.iter().enumerate() {
        let double = items[..at].iter().any(|before| before.id == item.id);
        if double && !item.id.is_empty() {
            fields.note(
                "tracks",
                format!("has two items with the id `{}`", item.id),
                "ids are unique over all overlay tracks",
            );
        }
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
    use super::super::document;
    use super::super::fields::read_for_test;
    use super::*;

    fn canvas(text: &str) -> (Canvas, Vec<String>) {
        let scope = Scope::default();
        let ((canvas, _), notes) =
            read_for_test(text, |fields| read_canvas(fields.map("canvas"), &scope));
        (canvas, notes)
    }

    #[test]
    fn canvases_have_even_sides_and_usual_rates() {
        let (usual, notes) = canvas("{}");
        assert_eq!(
            (usual.width, usual.height, usual.frame_rate),
            (1080, 1920, FrameRate::whole(30))
        );
        assert_eq!(notes, Vec::<String>::new());
        let (film, notes) = canvas("canvas: {width: 720, height: 1280, fps: 24000/1001}");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!((film.width, film.frame_rate.den), (720, 1001));
        for bad in [
            "width: 63",
            "height: 5000",
            "width: 721",
            "fps: 9",
            "fps: 61",
            "fps: 30.5",
            "fps: fast",
        ] {
            assert_eq!(canvas(&format!("canvas: {{{bad}}}")).1.len(), 1, "{bad}");
        }
    }

    fn with_tracks(tracks: &str) -> Vec<String> {
        let text = format!(
            "fenta: template/v1\nname: t\nplaceholders: {{clips: {{type: 'media[]'}}, words: {{type: captions}}}}\n\
             tracks: [{tracks}]"
        );
        match read(&document::read(&text).unwrap()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    const MAIN: &str = "{id: main, kind: video, source: '${{ clips }}'}";
    const SUBS: &str =
        "{id: subs, kind: subtitles, source: '${{ words }}', style: {font: 'Inter:800'}}";

    #[test]
    fn one_picture_and_at_most_one_subtitles_track() {
        assert_eq!(with_tracks(MAIN), Vec::<String>::new());
        assert_eq!(
            with_tracks(&format!("{MAIN}, {SUBS}")),
            Vec::<String>::new()
        );
        assert!(with_tracks(SUBS)[0].contains("0 video tracks"));
        assert!(
            with_tracks(&format!(
                "{MAIN}, {{kind: video, source: '${{{{ clips }}}}'}}"
            ))[0]
                .contains("2 video tracks")
        );
        let second = SUBS.replace("id: subs", "id: more");
        let found = with_tracks(&format!("{MAIN}, {SUBS}, {second}"));
        assert!(
            found[0].starts_with("tracks[more].kind: is the second"),
            "{found:?}"
        );
    }

    #[test]
    fn sources_have_the_right_type() {
        let wrong = MAIN.replace("clips", "words");
        assert!(with_tracks(&wrong)[0].contains("is captions, expected media[]"));
        let unknown = format!("{MAIN}, {{id: x, kind: overlays}}");
        assert!(with_tracks(&unknown)[0].contains("did you mean `overlay`"));
        let conditional = MAIN.replace("kind", "if: clips, kind");
        assert!(with_tracks(&conditional)[0].contains("tracks[main].if: is not available"));
    }
}
