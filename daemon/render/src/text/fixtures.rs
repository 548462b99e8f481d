//! What the tests of this module draw with: installed fonts and small segments. Test code only.

use std::path::PathBuf;
use std::sync::Arc;

use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, TimeRange};
use fenta_templates::timeline::{
    Anchor, Canvas, CaptionPreset, CaptionStyle, CaptionTrack, Cue, CueWord, FontFace, FontRequest,
    Highlight, HighlightMode, Outline, Overlay, OverlayContent, Rect, SegmentSpec, Shadow, TextFit,
    TextOverlay,
};
use fenta_workflows::action::ResolveFontsRequest;
use fenta_workflows::digest::blob_digest;

use super::{LayerPainter, RgbaImage, resolve_fonts};

pub(super) const FPS: FrameRate = FrameRate::whole(30);
pub(super) const YELLOW: Color = Color::rgb(0xFF, 0xD4, 0x00);

pub(super) type Fonts = Vec<(FontFace, Arc<Vec<u8>>)>;

pub(super) fn request(family: &str, weight: u16) -> FontRequest {
    FontRequest {
        family: family.to_owned(),
        weight,
    }
}

pub(super) fn resolve(fonts: &[(&str, u16)]) -> Vec<(FontRequest, PathBuf, u32)> {
    let fonts = fonts
        .iter()
        .map(|(family, weight)| request(family, *weight))
        .collect();
    resolve_fonts(&ResolveFontsRequest { fonts }).expect(
        "fonts-inter, fonts-noto-core and fonts-noto-color-emoji are part of the project's set-up",
    )
}

pub(super) fn fonts(names: &[(&str, u16)]) -> Fonts {
    resolve(names)
        .into_iter()
        .map(|(request, path, index)| {
            let bytes = std::fs::read(&path).unwrap();
            let file = blob_digest(&bytes);
            (
                FontFace {
                    request,
                    file,
                    index,
                },
                Arc::new(bytes),
            )
        })
        .collect()
}

pub(super) fn inter() -> Fonts {
    fonts(&[("Inter", 800)])
}

pub(super) fn caption_style(preset: CaptionPreset, mode: HighlightMode) -> CaptionStyle {
    CaptionStyle {
        preset,
        font: request("Inter", 800),
        size: 84,
        color: Color::WHITE,
        uppercase: false,
        outline: Some(Outline {
            width: 6,
            color: Color::BLACK,
        }),
        shadow: Some(Shadow {
            y: 4,
            blur: 8,
            color: Color::BLACK.with_alpha(160),
        }),
        plate: None,
        highlight: Highlight::new(mode, YELLOW, 1000),
        emphasis: None,
        max_lines: 2,
        max_width: 835,
        anchor: Anchor::Center,
        x: 540,
        y: 1130,
    }
}

/// One cue from frame 0; each word is spoken for ten frames.
pub(super) fn cue(text: &str) -> Cue {
    let words: Vec<CueWord> = text
        .split(' ')
        .enumerate()
        .map(|(i, word)| CueWord {
            text: word.to_owned(),
            range: TimeRange::from_units(i as i64 * 10, i as i64 * 10 + 8, FPS),
            emphasis: false,
        })
        .collect();
    Cue {
        range: TimeRange::from_units(0, words.len() as i64 * 10, FPS),
        words,
    }
}

pub(super) fn segment(overlays: Vec<Overlay>, captions: Option<CaptionTrack>) -> SegmentSpec {
    SegmentSpec {
        canvas: Canvas {
            width: 1080,
            height: 1920,
            frame_rate: FPS,
            background: Color::BLACK,
        },
        frames: 60,
        shot: None,
        overlays,
        captions,
    }
}

pub(super) fn captioned(style: CaptionStyle, cues: Vec<Cue>) -> SegmentSpec {
    segment(Vec::new(), Some(CaptionTrack { style, cues }))
}

pub(super) fn painter(segment: &SegmentSpec, fonts: &Fonts) -> LayerPainter {
    LayerPainter::new(segment, fonts, &Default::default()).unwrap()
}

pub(super) fn text_overlay(text: &str) -> TextOverlay {
    TextOverlay {
        text: text.to_owned(),
        font: request("Inter", 800),
        size: 72,
        color: Color::WHITE,
        max_lines: 3,
        fit: TextFit::Shrink,
        align: None,
        background: None,
        padding: 24,
        radius: 20,
        outline: None,
        shadow: None,
    }
}

pub(super) fn overlay(content: OverlayContent, rect: Rect, anchor: Anchor) -> Overlay {
    Overlay {
        id: "item".into(),
        range: TimeRange::from_units(0, 60, FPS),
        content,
        rect,
        anchor,
        opacity_pm: 1000,
        enter: None,
        exit: None,
        keyframes: Vec::new(),
    }
}

/// The smallest rectangle of an image with alpha above a threshold, as left, top, right, bottom (exclusive).
pub(super) fn ink(image: &RgbaImage, threshold: u8) -> Option<(u32, u32, u32, u32)> {
    let mut found: Option<(u32, u32, u32, u32)> = None;
    for y in 0..image.height {
        for x in 0..image.width {
            if image.pixel(x, y)[3] > threshold {
                let (l, t, r, b) = found.unwrap_or((x, y, x, y));
                found = Some((l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)));
            }
        }
    }
    found
}
