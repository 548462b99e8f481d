//! The title on a cover: as the cut's template sets titles, large over a dimmed picture, or on a plate.
//!
//! Part of `Output.Cover`. A title is an overlay of the one frame that is drawn, so it is set by the renderer like any other.

use fenta_templates::color::Color;
use fenta_templates::time::TimeRange;
use fenta_templates::timeline::{
    Anchor, FontRequest, Outline, Overlay, OverlayContent, Rect, Shadow, ShapeOverlay, TextFit,
    TextOverlay, Timeline,
};

use crate::action::{Action, ActionFacts, ResolveFontsRequest};
use crate::node::{Halt, Steps, wrong_facts};

/// The name that templates give to their titles.
const TITLE: &str = "title";
/// The face where the cut has none.
const FAMILY: &str = "Inter";
const WEIGHT: u16 = 800;
/// Over the picture behind a large title.
const DIM: Color = Color::rgb(0, 0, 0).with_alpha(96);
/// Around the letters of a large title, and under them.
const EDGE: Color = Color::rgb(8, 9, 12);
const SOFT: Color = Color::rgb(0, 0, 0).with_alpha(190);

/// Puts a title over a frame; a title that the cut has there makes room for it.
pub(super) fn put_title(
    timeline: &mut Timeline,
    frame: i64,
    (title, style): (&str, &str),
    steps: &mut Steps<'_>,
) -> Result<(), Halt> {
    let own = own_title(timeline).filter(|_| style == "template");
    let mut overlays = match own {
        Some(own) => vec![own],
        None => written(timeline, style),
    };
    timeline.overlays.retain(|overlay| overlay.id != TITLE);
    for overlay in &mut overlays {
        overlay.range = TimeRange::from_units(frame, frame + 1, timeline.canvas.frame_rate);
        if let OverlayContent::Text(text) = &mut overlay.content {
            title.clone_into(&mut text.text);
            add_fonts(timeline, &text.font.needed_for(title), steps)?;
        }
    }
    timeline.overlays.append(&mut overlays);
    Ok(())
}

/// The title of the cut at rest, if its template sets one.
fn own_title(timeline: &Timeline) -> Option<Overlay> {
    let titles = timeline.overlays.iter();
    let mut title = titles
        .filter(|overlay| matches!(overlay.content, OverlayContent::Text(_)))
        .find(|overlay| overlay.id == TITLE)?
        .clone();
    title.enter = None;
    title.exit = None;
    title.keyframes = Vec::new();
    Some(title)
}

/// A title in one of our own styles, in the part of an upright picture that no profile grid cuts off.
fn written(timeline: &Timeline, style: &str) -> Vec<Overlay> {
    let canvas = &timeline.canvas;
    let short = canvas.width.min(canvas.height);
    let part = |permille: u32| u16::try_from(short * permille / 1000).unwrap_or(u16::MAX);
    let side = |length: u32, permille: u32| length * permille / 1000;
    let rect = Rect {
        x: side(canvas.width, 80) as i32,
        y: side(canvas.height, 250) as i32,
        w: side(canvas.width, 840),
        h: side(canvas.height, 400),
    };
    let plate = (style == "plate").then(|| accent(timeline));
    let color = plate.map_or(Color::WHITE, ink_on);
    let text = TextOverlay {
        text: String::new(),
        font: face(timeline),
        size: part(if plate.is_some() { 96 } else { 128 }).max(12),
        color,
        max_lines: 4,
        fit: TextFit::Shrink,
        align: Some(fenta_templates::timeline::TextAlign::Center),
        background: plate,
        padding: part(38),
        radius: part(30),
        outline: plate.is_none().then(|| Outline {
            width: part(9).max(1),
            color: EDGE,
        }),
        shadow: plate.is_none().then(|| Shadow {
            y: i16::try_from(part(9)).unwrap_or(1),
            blur: part(32),
            color: SOFT,
        }),
    };
    let text = overlay(OverlayContent::Text(text), rect, timeline);
    if plate.is_some() {
        return vec![text];
    }
    let all = Rect {
        x: 0,
        y: 0,
        w: canvas.width,
        h: canvas.height,
    };
    let dim = OverlayContent::Shape(ShapeOverlay {
        color: DIM,
        radius: 0,
        to: None,
    });
    vec![overlay(dim, all, timeline), text]
}

fn overlay(content: OverlayContent, rect: Rect, timeline: &Timeline) -> Overlay {
    Overlay {
        id: TITLE.to_owned(),
        range: TimeRange::from_units(0, 1, timeline.canvas.frame_rate),
        content,
        rect,
        anchor: Anchor::Center,
        opacity_pm: 1000,
        enter: None,
        exit: None,
        keyframes: Vec::new(),
    }
}

/// The heaviest face of the cut, the usual one where it has none. Faces for other scripts are no choice for a title.
fn face(timeline: &Timeline) -> FontRequest {
    let faces = timeline.fonts.iter().map(|face| &face.request);
    let own = faces.filter(|request| !request.family.starts_with("Noto "));
    let heaviest = own.max_by_key(|request| request.weight);
    heaviest.cloned().unwrap_or_else(|| FontRequest {
        family: FAMILY.to_owned(),
        weight: WEIGHT,
    })
}

/// The colour that the captions light words with.
fn accent(timeline: &Timeline) -> Color {
    let style = timeline.captions.as_ref().map(|track| &track.style);
    let color = style.map(|style| style.highlight.color);
    color.map_or(Color::rgb(255, 212, 0), |color| color.with_alpha(255))
}

/// Nearly black or white, whichever is read better on a colour.
fn ink_on(color: Color) -> Color {
    // Rec. 709 weights on the levels as they are: enough to tell bright from dark.
    let luma =
        (213 * u32::from(color.r) + 715 * u32::from(color.g) + 72 * u32::from(color.b)) / 1000;
    if luma > 120 {
        Color::rgb(17, 17, 17)
    } else {
        Color::WHITE
    }
}

/// Finds the faces that the cut does not have yet.
fn add_fonts(
    timeline: &mut Timeline,
    needed: &[FontRequest],
    steps: &mut Steps<'_>,
) -> Result<(), Halt> {
    let has = |request: &&FontRequest| {
        let mut own = timeline.fonts.iter();
        !own.any(|face| face.request == **request)
    };
    let missing: Vec<FontRequest> = needed.iter().filter(has).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let action = Action::ResolveFonts(ResolveFontsRequest { fonts: missing });
    match &steps.run_one(action)?.facts {
        ActionFacts::Fonts(faces) => timeline.fonts.extend(faces.iter().cloned()),
        _ => return Err(wrong_facts("resolve_fonts").into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    fn titled(mut cut: Timeline, style: &str) -> Vec<Overlay> {
        put_title(
            &mut cut,
            40,
            ("What bees know", style),
            &mut Steps::new(&[]),
        )
        .unwrap();
        let segment = cut.cover(40, 90).segment;
        segment.overlays
    }

    fn text_of(overlay: &Overlay) -> &TextOverlay {
        match &overlay.content {
            OverlayContent::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_large_title_lies_over_a_dimmed_picture_inside_the_profile_grid() {
        let found = titled(timeline(), "bold");
        let [dim, title] = &found[found.len() - 2..] else {
            panic!("{found:?}")
        };
        assert!(matches!(&dim.content, OverlayContent::Shape(shape) if shape.color.a < 200));
        assert_eq!(text_of(title).text, "What bees know");
        assert!(text_of(title).outline.is_some());
        // The middle 3:4 of an upright picture is what profile pages show.
        assert!(title.rect.y >= 285 && title.rect.y + title.rect.h as i32 <= 1635);
    }

    #[test]
    fn a_plate_wears_the_highlight_colour_and_letters_that_are_read_on_it() {
        let found = titled(timeline(), "plate");
        let text = text_of(found.last().unwrap());
        assert_eq!(text.background, Some(accent(&timeline())));
        assert_eq!(ink_on(Color::rgb(255, 212, 0)), Color::rgb(17, 17, 17));
        assert_eq!(ink_on(Color::rgb(20, 30, 120)), Color::WHITE);
    }

    #[test]
    fn a_title_of_the_cut_lends_its_look_and_makes_room() {
        let mut cut = timeline();
        cut.overlays.retain(|overlay| overlay.id != TITLE);
        let mut own = written(&cut, "plate").pop().unwrap();
        own.range = TimeRange::from_units(0, 90, cut.canvas.frame_rate);
        if let OverlayContent::Text(text) = &mut own.content {
            text.text = "old".into();
            text.color = Color::rgb(1, 2, 3);
        }
        cut.overlays.push(own);
        let found = titled(cut.clone(), "template");
        let texts: Vec<&TextOverlay> = found
            .iter()
            .filter(|one| matches!(one.content, OverlayContent::Text(_)))
            .map(text_of)
            .collect();
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0].text, "What bees know");
        assert_eq!(texts[0].color, Color::rgb(1, 2, 3));
        let bold = titled(cut, "bold");
        assert!(
            bold.iter().all(
                |one| !matches!(&one.content, OverlayContent::Text(text) if text.text == "old")
            )
        );
    }

    #[test]
    fn letters_of_other_scripts_bring_their_faces() {
        let mut cut = timeline();
        let halt = put_title(&mut cut, 0, ("蜜蜂 🐝", "bold"), &mut Steps::new(&[])).unwrap_err();
        let Halt::Needs(actions) = halt else {
            panic!("{halt:?}")
        };
        let [Action::ResolveFonts(request)] = actions.as_slice() else {
            panic!("{actions:?}")
        };
        assert!(
            request
                .fonts
                .iter()
                .any(|font| font.family.contains("Emoji"))
        );
        assert!(request.fonts.iter().any(|font| font.family.contains("CJK")));
    }
}
