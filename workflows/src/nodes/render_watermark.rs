//! A picture of the user's own over the whole film, such as a channel's logo: small, translucent, in a corner that no
//! platform covers.
//!
//! Part of `Output.Render`, which draws it over everything else, on looks at a film too.

use std::borrow::Cow;

use fenta_templates::template::SafeZone;
use fenta_templates::time::TimeRange;
use fenta_templates::timeline::{Anchor, Overlay, OverlayContent, Rect, Timeline};

use super::own_files;
use crate::node::{Given, Halt, ParamSpec, ParamType, Params, Steps, Useless};
use crate::value::{MediaValue, Value};

/// The corners, as they are written.
const CORNERS: [(&str, Anchor); 4] = [
    ("top_right", Anchor::TopRight),
    ("top_left", Anchor::TopLeft),
    ("bottom_right", Anchor::BottomRight),
    ("bottom_left", Anchor::BottomLeft),
];
const CORNER_NAMES: &[&str] = &["top_right", "top_left", "bottom_right", "bottom_left"];
/// What means nothing without a watermark.
const LOOKS: [&str; 3] = ["watermark_at", "watermark_opacity", "watermark_width"];
/// The most of the picture's height that it takes, percent: a tall picture is made smaller than asked for.
const MOST_HEIGHT: u32 = 20;

/// The parameters of a watermark.
pub(super) fn params() -> [ParamSpec; 4] {
    [
        ParamSpec::optional(
            "watermark",
            ParamType::SourcePath,
            "A picture of yours that stands over the whole film, such as a logo; PNG keeps what is transparent.",
        ),
        ParamSpec::with_default(
            "watermark_at",
            ParamType::OneOf(CORNER_NAMES),
            Value::Text("top_right".into()),
            "Its corner, inside the part of the picture that the platform leaves free.",
        ),
        ParamSpec::with_default(
            "watermark_opacity",
            ParamType::Number { min: 0.0, max: 1.0 },
            Value::Float(0.7),
            "How much it covers, from 0 to 1.",
        ),
        ParamSpec::with_default(
            "watermark_width",
            ParamType::Number {
                min: 2.0,
                max: 60.0,
            },
            Value::Float(12.0),
            "Its width in percent of the picture's; a tall one is made smaller.",
        ),
    ]
}

/// Says what means nothing because there is no watermark.
pub(super) fn useless(given: &Given<'_>, found: &mut Vec<Useless>) {
    if !given.has("watermark") {
        given.useless(&LOOKS, None, "there is no `watermark`", found);
    }
}

/// Puts the watermark over a cut, inside what its platform leaves free, or what all of them do.
pub(super) fn add(
    timeline: &mut Cow<'_, Timeline>,
    platform: Option<&str>,
    params: Params<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), Halt> {
    if params.get("watermark").is_none() {
        return Ok(());
    }
    let timeline = timeline.to_mut();
    let picture = own_files::image(params.text("watermark")?, steps)?;
    let corner = params.text("watermark_at")?;
    let known = CORNERS.iter().find(|(name, _)| *name == corner);
    let anchor = known.map_or(Anchor::TopRight, |(_, anchor)| *anchor);
    let zone = SafeZone::named(platform.unwrap_or("universal"), &timeline.canvas)
        .or_else(|| SafeZone::named("universal", &timeline.canvas));
    let free = zone.map_or(
        Rect {
            x: 0,
            y: 0,
            w: timeline.canvas.width,
            h: timeline.canvas.height,
        },
        |zone| zone.rect(&timeline.canvas),
    );
    let share = (params.number("watermark_width")? * 10.0).round() as u32;
    let size = size(
        &picture,
        (timeline.canvas.width, timeline.canvas.height),
        share,
        free,
    );
    let rect = placed(free, size, anchor);
    timeline.overlays.push(Overlay {
        id: "watermark".to_owned(),
        range: TimeRange::from_units(0, timeline.duration.value, timeline.canvas.frame_rate),
        content: OverlayContent::Image(picture.digest),
        rect,
        anchor,
        opacity_pm: (params.number("watermark_opacity")? * 1000.0).round() as u16,
        enter: None,
        exit: None,
        keyframes: Vec::new(),
    });
    Ok(())
}

/// Width and height of the picture on the film: a share of its width in permille, and never more than is free.
fn size(picture: &MediaValue, canvas: (u32, u32), share_pm: u32, free: Rect) -> (u32, u32) {
    let (w, h) = (picture.facts.width.max(1), picture.facts.height.max(1));
    let width = (canvas.0 * share_pm / 1000).clamp(2, free.w);
    let most = (canvas.1 * MOST_HEIGHT / 100).clamp(2, free.h);
    let height = (u64::from(width) * u64::from(h) / u64::from(w)) as u32;
    if height <= most {
        return (width, height.max(1));
    }
    let width = (u64::from(most) * u64::from(w) / u64::from(h)) as u32;
    (width.max(1), most)
}

/// The corner of the free part in which it stands.
fn placed(free: Rect, (w, h): (u32, u32), anchor: Anchor) -> Rect {
    let right = matches!(anchor, Anchor::TopRight | Anchor::BottomRight);
    let bottom = matches!(anchor, Anchor::BottomLeft | Anchor::BottomRight);
    let offset = |far: bool, room: u32, own: u32| {
        if far {
            room.saturating_sub(own) as i32
        } else {
            0
        }
    };
    Rect {
        x: free.x + offset(right, free.w, w),
        y: free.y + offset(bottom, free.h, h),
        w,
        h,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{digest, media_facts};
    use super::*;
    use fenta_templates::timeline::{Canvas, MediaKind};

    fn picture(width: u32, height: u32) -> MediaValue {
        let mut facts = media_facts(MediaKind::Image);
        (facts.width, facts.height) = (width, height);
        MediaValue {
            digest: digest("logo"),
            name: "logo.png".into(),
            facts,
            origin: None,
        }
    }

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    #[test]
    fn it_stands_in_its_corner_of_the_free_part() {
        let canvas: Canvas = timeline().canvas;
        let zone = SafeZone::named("universal", &canvas).unwrap();
        let free = zone.rect(&canvas);
        for (_, anchor) in CORNERS {
            let rect = placed(free, (130, 60), anchor);
            assert!(zone.contains(&canvas, &rect), "{rect:?}");
        }
        let rect = placed(free, (130, 60), Anchor::BottomRight);
        assert_eq!((rect.x, rect.y), (900 - 130, 1440 - 60));
    }

    #[test]
    fn its_shape_is_kept_and_a_tall_one_is_made_smaller() {
        let free = Rect {
            x: 65,
            y: 270,
            w: 835,
            h: 1170,
        };
        let canvas = (1080, 1920);
        assert_eq!(size(&picture(400, 200), canvas, 120, free), (129, 64));
        assert_eq!(size(&picture(100, 1000), canvas, 120, free), (38, 384));
        assert_eq!(size(&picture(1000, 1), canvas, 600, free), (648, 1));
    }

    #[test]
    fn every_corner_has_its_name() {
        let names: Vec<&str> = CORNERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, CORNER_NAMES);
    }
}
