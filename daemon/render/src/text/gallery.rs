//! Pictures to look at: run with `cargo test -p fenta-render gallery -- --ignored`, then open the files it names.

use std::path::PathBuf;
use std::time::Instant;

use fenta_templates::color::Color;
use fenta_templates::time::TimeRange;
use fenta_templates::timeline::{
    Anchor, Animation, AnimationKind, CaptionPlate, CaptionPreset, CaptionStyle, HighlightMode,
    Outline, OverlayContent, PlateShape, Rect, SegmentSpec, Shadow, ShapeOverlay, TextFit,
    TextOverlay,
};

use super::fixtures::*;
use super::{Layer, LayerPainter};

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join("fenta-text-gallery");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Two halves, dark and bright, with the layers over both.
fn sheet(layers: &[Layer], crop: Rect) -> tiny_skia::Pixmap {
    let mut sheet = tiny_skia::Pixmap::new(crop.w * 2, crop.h).unwrap();
    for (half, background) in [(24u8, 28u8, 40u8), (235, 228, 214)]
        .into_iter()
        .enumerate()
    {
        for y in 0..crop.h {
            for x in 0..crop.w {
                let mut pixel = [background.0, background.1, background.2].map(f32::from);
                for layer in layers {
                    let (lx, ly) = (x as i32 + crop.x - layer.x, y as i32 + crop.y - layer.y);
                    if lx < 0
                        || ly < 0
                        || lx >= layer.image.width as i32
                        || ly >= layer.image.height as i32
                    {
                        continue;
                    }
                    let source = layer.image.pixel(lx as u32, ly as u32).map(f32::from);
                    let opacity = f32::from(layer.opacity_pm) / 1000.0;
                    for c in 0..3 {
                        pixel[c] =
                            source[c] * opacity + pixel[c] * (1.0 - source[3] * opacity / 255.0);
                    }
                }
                let [r, g, b] = pixel.map(|v| v.round() as u8);
                let at = (y * crop.w * 2 + half as u32 * crop.w + x) as usize;
                sheet.pixels_mut()[at] =
                    tiny_skia::PremultipliedColorU8::from_rgba(r, g, b, 255).unwrap();
            }
        }
    }
    sheet
}

fn save(name: &str, segment: &SegmentSpec, fonts: &Fonts, frames: &[u32], crop: Rect) {
    let started = Instant::now();
    let painter = LayerPainter::new(segment, fonts, &Default::default()).unwrap();
    let laid_out = started.elapsed();
    let mut all = tiny_skia::Pixmap::new(crop.w * 2, crop.h * frames.len() as u32).unwrap();
    for (i, &frame) in frames.iter().enumerate() {
        let started = Instant::now();
        let layers = painter.layers_at(frame);
        let drawn = started.elapsed();
        eprintln!("{name} frame {frame}: layout {laid_out:?}, draw {drawn:?}");
        let part = sheet(&layers, crop);
        let at = i * part.data().len();
        all.data_mut()[at..at + part.data().len()].copy_from_slice(part.data());
    }
    let path = folder().join(format!("{name}.png"));
    all.save_png(&path).unwrap();
    eprintln!("{}", path.display());
}

const CAPTIONS: Rect = Rect {
    x: 80,
    y: 980,
    w: 920,
    h: 300,
};

const SENTENCE: &str = "Why your quiet mornings jiggle \u{201c}everything,\u{201d} okay?";

fn caption_fonts() -> Fonts {
    fonts(&[
        ("Inter", 800),
        ("Noto Color Emoji", 400),
        ("Noto Sans Arabic", 800),
        ("Noto Sans Hebrew", 800),
    ])
}

#[test]
#[ignore = "draws pictures for people to look at"]
fn gallery_captions() {
    let fonts = caption_fonts();
    let text = SENTENCE;
    for (name, preset, mode) in [
        ("karaoke", CaptionPreset::Karaoke, HighlightMode::Color),
        ("pop", CaptionPreset::Pop, HighlightMode::Color),
        ("box", CaptionPreset::Box, HighlightMode::Box),
        ("highlight", CaptionPreset::Highlight, HighlightMode::Marker),
        ("fill", CaptionPreset::Karaoke, HighlightMode::Fill),
        ("bounce", CaptionPreset::Bounce, HighlightMode::Color),
        ("slide", CaptionPreset::Slide, HighlightMode::Color),
        ("typewriter", CaptionPreset::Typewriter, HighlightMode::None),
        ("phrase", CaptionPreset::Phrase, HighlightMode::None),
        ("clean", CaptionPreset::Clean, HighlightMode::None),
    ] {
        let mut style = caption_style(preset, mode);
        if name == "karaoke" {
            style.highlight.scale_pm = 1080;
        }
        if name == "box" {
            style.highlight.color = Color::rgb(0x7C, 0x3A, 0xED);
            style.outline = None;
        }
        let frames: &[u32] = match name {
            "pop" | "slide" => &[0, 1, 2, 3, 12],
            "bounce" | "highlight" | "fill" => &[20, 21, 22, 24, 45],
            _ => &[0, 1, 2, 25, 45],
        };
        save(
            name,
            &captioned(style, vec![cue(text)]),
            &fonts,
            frames,
            CAPTIONS,
        );
    }
}

#[test]
#[ignore = "draws pictures for people to look at"]
fn gallery_plates() {
    let fonts = caption_fonts();
    for (name, shape) in [
        ("plate_lines", PlateShape::Lines),
        ("plate_block", PlateShape::Block),
    ] {
        let style = CaptionStyle {
            plate: Some(CaptionPlate {
                color: Color::BLACK.with_alpha(0xB3),
                padding: 28,
                radius: 28,
                shape,
            }),
            outline: None,
            shadow: None,
            ..caption_style(CaptionPreset::Karaoke, HighlightMode::Color)
        };
        let plated = captioned(style, vec![cue("Why your quiet mornings matter so much")]);
        save(name, &plated, &fonts, &[0, 25], CAPTIONS);
    }
}

#[test]
#[ignore = "draws pictures for people to look at"]
fn gallery_active_words() {
    let (fonts, text) = (caption_fonts(), SENTENCE);
    let mut apart = caption_style(CaptionPreset::Box, HighlightMode::Box);
    apart.highlight.text = Some(Color::rgb(0x11, 0x11, 0x11));
    apart.highlight.outline = Some(Outline {
        width: 0,
        color: Color::BLACK,
    });
    apart.highlight.radius = Some(40);
    apart.highlight.padding = Some(24);
    apart.highlight.spoken = Some(Color::rgb(0xC8, 0xC8, 0xC8));
    save(
        "apart",
        &captioned(apart, vec![cue(text)]),
        &fonts,
        &[0, 25, 45],
        CAPTIONS,
    );
    let mut loud = caption_style(CaptionPreset::Box, HighlightMode::Box);
    loud.uppercase = true;
    save(
        "upper",
        &captioned(loud, vec![cue("straße größer façade")]),
        &fonts,
        &[4, 14, 24],
        CAPTIONS,
    );
}

#[test]
#[ignore = "draws pictures for people to look at"]
fn gallery_scripts() {
    let fonts = caption_fonts();
    let mixed = caption_style(CaptionPreset::Karaoke, HighlightMode::Color);
    save(
        "emoji",
        &captioned(mixed.clone(), vec![cue("Fire 🔥 love ❤️ 👩‍👩‍👧 1️⃣ flag 🇩🇪")]),
        &fonts,
        &[4, 14, 34],
        CAPTIONS,
    );
    save(
        "rtl",
        &captioned(mixed, vec![cue("مرحبا بالعالم and שלום עולם")]),
        &fonts,
        &[4, 14, 34],
        CAPTIONS,
    );
}

#[test]
#[ignore = "draws pictures for people to look at"]
fn gallery_overlays() {
    let fonts = inter();
    let rect = |y, h| Rect {
        x: 90,
        y,
        w: 900,
        h,
    };
    let title = TextOverlay {
        background: Some(Color::rgb(0xFF, 0xD4, 0x00)),
        color: Color::BLACK,
        ..text_overlay("Five habits that quietly change every morning")
    };
    let mut slide = overlay(OverlayContent::Text(title), rect(60, 320), Anchor::TopLeft);
    slide.enter = Some(Animation {
        kind: AnimationKind::Pop,
        frames: 8,
    });
    let plain = TextOverlay {
        outline: Some(Outline {
            width: 5,
            color: Color::BLACK,
        }),
        shadow: Some(Shadow {
            y: 8,
            blur: 20,
            color: Color::BLACK.with_alpha(200),
        }),
        ..text_overlay("Outline & shadow,\njgpqy right")
    };
    let cut = TextOverlay {
        fit: TextFit::Ellipsis,
        max_lines: 2,
        size: 56,
        background: Some(Color::BLACK.with_alpha(170)),
        ..text_overlay(
            "A headline so long that two lines of it, however well set, are never going to be enough, sadly",
        )
    };
    let card = ShapeOverlay {
        color: Color::rgb(0x20, 0xB0, 0x80),
        radius: 36,
        to: None,
    };
    let mut shape = overlay(OverlayContent::Shape(card), rect(900, 160), Anchor::Center);
    shape.range = TimeRange::from_units(0, 60, FPS);
    let segment = segment(
        vec![
            slide,
            overlay(OverlayContent::Text(plain), rect(400, 240), Anchor::Right),
            overlay(OverlayContent::Text(cut), rect(680, 200), Anchor::Bottom),
            shape,
            overlay(
                OverlayContent::Text(text_overlay("Centred on a card")),
                rect(900, 160),
                Anchor::Center,
            ),
        ],
        None,
    );
    save(
        "overlays",
        &segment,
        &fonts,
        &[1, 20],
        Rect {
            x: 60,
            y: 20,
            w: 960,
            h: 1060,
        },
    );
}

#[test]
#[ignore = "measures, and a busy machine measures nothing"]
fn gallery_speed() {
    let fonts = inter();
    for preset in [CaptionPreset::Karaoke, CaptionPreset::Clean] {
        let style = caption_style(preset, HighlightMode::Color);
        let segment = captioned(style, vec![cue("Every caption state is quick to draw")]);
        let best = (0..30)
            .map(|_| {
                let painter = painter(&segment, &fonts);
                let started = Instant::now();
                assert_eq!(painter.layers_at(5).len(), 1);
                started.elapsed()
            })
            .min();
        let warm = painter(&segment, &fonts);
        assert_eq!(warm.layers_at(5).len(), 1);
        let started = Instant::now();
        assert_eq!(warm.layers_at(15).len(), 1);
        let next = started.elapsed();
        eprintln!("{preset:?}: best first state {best:?}, next word {next:?}");
    }
    let mut best = std::time::Duration::MAX;
    for _ in 0..10 {
        let started = Instant::now();
        assert_eq!(resolve(&[("Inter", 800), ("Inter", 500)]).len(), 2);
        best = best.min(started.elapsed());
    }
    eprintln!("resolve fonts: best {best:?}");
}
