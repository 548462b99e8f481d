//! Overlays: texts in boxes, pictures and shapes, with the way they come and go.
//!
//! Neighbours: `layout` breaks text lines, `image` scales pictures, `animation` says how an overlay stands at a
//! frame, `raster` draws. Every size an animation passes through is drawn anew, never stretched.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenta_templates::digest::Digest;
use fenta_templates::timeline::{
    Overlay, OverlayContent, ProgressOverlay, Rect, ShapeOverlay, TextAlign, TextFit, TextOverlay,
};

use super::Layer;
use super::animation;
use super::bar;
use super::block::{TextBlock, anchor_fractions};
use super::coverage::Backdrop;
use super::error::TextError;
use super::fonts::FontLibrary;
use super::image::RgbaImage;
use super::layout::{LINE_HEIGHT, TextSpec};
use super::memo::Memo;
use super::raster::{self, MAX_SIDE, Plate, Raster};
use super::scene::{Scene, WordLook};

/// No text shrinks below this, in permille of its size.
const SMALLEST_PM: u16 = 500;
/// Permille between the sizes tried.
const SHRINK_STEP: usize = 20;

/// Letters of a cut word that are dropped rather than shown before an ellipsis.
const LONGEST_LOST_WORD: usize = 12;

/// Draws one overlay.
pub(super) struct OverlayPainter {
    overlay: Overlay,
    content: Content,
    drawn: Memo<Look, Option<Layer>>,
}

/// What a drawn picture depends on: its size, and for a bar how far it has come, both in permille or finer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Look {
    scale_pm: u16,
    /// Width of the done part in pixels; 0 for everything else.
    done: u32,
    /// Letters from this byte of the text on are not shown.
    until: usize,
}

/// What is drawn, with its place on the canvas at rest.
enum Content {
    Text {
        style: TextOverlay,
        block: TextBlock,
        origin: (f32, f32),
    },
    Image {
        image: RgbaImage,
        rect: tiny_skia::Rect,
    },
    Shape {
        shape: ShapeOverlay,
        rect: tiny_skia::Rect,
    },
    Progress {
        bar: ProgressOverlay,
        rect: tiny_skia::Rect,
    },
}

impl OverlayPainter {
    pub(super) fn new(
        overlay: &Overlay,
        fonts: &mut FontLibrary,
        images: &BTreeMap<Digest, RgbaImage>,
    ) -> Result<Self, TextError> {
        let content = match &overlay.content {
            OverlayContent::Text(style) => text_content(overlay, style, fonts)?,
            OverlayContent::Image(digest) => image_content(overlay, digest, images)?,
            OverlayContent::Shape(shape) => Content::Shape {
                shape: *shape,
                rect: sized_rect(overlay)?,
            },
            OverlayContent::Progress(bar) => Content::Progress {
                bar: *bar,
                rect: sized_rect(overlay)?,
            },
        };
        Ok(Self {
            overlay: overlay.clone(),
            content,
            drawn: Memo::default(),
        })
    }

    /// What is visible at a frame.
    pub(super) fn layer_at(&self, frame: i64) -> Option<Layer> {
        let pose = animation::overlay_pose(&self.overlay, frame)?;
        let opacity =
            u32::from(pose.opacity_pm) * u32::from(self.overlay.opacity_pm.min(1000)) / 1000;
        if opacity == 0 {
            return None;
        }
        let layer = self.layer_of(Look {
            scale_pm: pose.scale_pm,
            done: self.done_at(frame),
            until: self.content.typed(pose.typed_pm),
        })?;
        let layer = uncovered(layer, pose.seen_pm)?;
        Some(Layer {
            x: layer.x + pose.shift_x,
            y: layer.y + pose.shift_y,
            opacity_pm: opacity as u16,
            ..layer
        })
    }

    fn done_at(&self, frame: i64) -> u32 {
        match &self.content {
            Content::Progress { rect, .. } => bar::done(&self.overlay.range, frame, rect.width()),
            _ => 0,
        }
    }

    fn layer_of(&self, look: Look) -> Option<Layer> {
        self.drawn.get_or_make(look, || {
            let raster = self.content.draw(look)?;
            Some(Layer {
                x: raster.x,
                y: raster.y,
                image: Arc::new(raster.image),
                opacity_pm: 1000,
            })
        })
    }
}

/// The part of a layer's width that is seen.
fn uncovered(layer: Layer, (from_pm, to_pm): (u16, u16)) -> Option<Layer> {
    if (from_pm, to_pm) == (0, 1000) {
        return Some(layer);
    }
    let column = |pm: u16| (layer.image.width * u32::from(pm) + 500) / 1000;
    let (from, to) = (column(from_pm), column(to_pm));
    (from < to).then(|| Layer {
        x: layer.x + from as i32,
        image: Arc::new(layer.image.columns(from, to)),
        ..layer
    })
}

impl Content {
    /// The byte of the text from which letters are not typed yet.
    fn typed(&self, typed_pm: u16) -> usize {
        match self {
            Self::Text { block, .. } if typed_pm < 1000 => {
                let mut letters: Vec<usize> = block.glyphs.iter().map(|glyph| glyph.at).collect();
                letters.sort_unstable();
                letters.dedup();
                let shown = letters.len() * usize::from(typed_pm) / 1000;
                letters.get(shown).copied().unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }

    fn draw(&self, look: Look) -> Option<Raster> {
        let scale = f32::from(look.scale_pm) / 1000.0;
        match self {
            Self::Progress { bar, rect } => {
                bar::draw(bar, about_middle(*rect, scale)?, look.done as f32 * scale)
            }
            Self::Text {
                style,
                block,
                origin,
            } => draw_text((style, block), *origin, scale, look.until),
            Self::Image { image, rect } => draw_image(image, about_middle(*rect, scale)?),
            Self::Shape { shape, rect } => {
                let plate = Plate {
                    rect: about_middle(*rect, scale)?,
                    radius: f32::from(shape.radius) * scale,
                    color: shape.color,
                };
                match shape.to {
                    Some(to) => raster::draw_veil(&plate, to),
                    None => raster::draw_plate(&plate),
                }
            }
        }
    }
}

fn about_middle(rect: tiny_skia::Rect, scale: f32) -> Option<tiny_skia::Rect> {
    let (width, height) = (rect.width() * scale, rect.height() * scale);
    tiny_skia::Rect::from_xywh(
        rect.left() + (rect.width() - width) / 2.0,
        rect.top() + (rect.height() - height) / 2.0,
        width,
        height,
    )
}

fn draw_text(
    (style, block): (&TextOverlay, &TextBlock),
    origin: (f32, f32),
    scale: f32,
    until: usize,
) -> Option<Raster> {
    let padding = f32::from(style.padding);
    let plate = style.background.and_then(|color| {
        let around = tiny_skia::Rect::from_xywh(
            origin.0 - padding,
            origin.1 - padding,
            block.width + 2.0 * padding,
            block.height + 2.0 * padding,
        )?;
        Some(Plate {
            rect: about_middle(around, scale)?,
            radius: f32::from(style.radius) * scale,
            color,
        })
    });
    let scene = Scene {
        block,
        origin,
        scale,
        outline: style.outline,
        outline_apart: None,
        shadow: style.shadow,
        ground: None,
        plate,
        boxes: Vec::new(),
        look: &|_| WordLook {
            until,
            ..WordLook::plain(style.color)
        },
    };
    raster::draw_scene(&scene, &Backdrop::of(&scene)?)
}

fn draw_image(image: &RgbaImage, rect: tiny_skia::Rect) -> Option<Raster> {
    let (width, height) = (rect.width().round() as u32, rect.height().round() as u32);
    if width == 0 || height == 0 {
        return None;
    }
    Some(Raster {
        x: rect.left().round() as i32,
        y: rect.top().round() as i32,
        image: image.resized(width, height),
    })
}

/// The overlay's rectangle, if it is small enough to draw.
fn sized_rect(overlay: &Overlay) -> Result<tiny_skia::Rect, TextError> {
    let Rect { x, y, w, h } = overlay.rect;
    let too_large = || TextError::TooLarge {
        what: format!("the overlay `{}`", overlay.id),
        width: u64::from(w),
        height: u64::from(h),
        limit: MAX_SIDE,
    };
    if w > MAX_SIDE || h > MAX_SIDE {
        return Err(too_large());
    }
    tiny_skia::Rect::from_xywh(x as f32, y as f32, w as f32, h as f32).ok_or_else(too_large)
}

fn image_content(
    overlay: &Overlay,
    digest: &Digest,
    images: &BTreeMap<Digest, RgbaImage>,
) -> Result<Content, TextError> {
    let rect = sized_rect(overlay)?;
    let image = images.get(digest).ok_or_else(|| TextError::ImageNotGiven {
        overlay: overlay.id.clone(),
        digest: digest.short(),
    })?;
    if !image.is_whole() {
        return Err(TextError::ImageDamaged {
            overlay: overlay.id.clone(),
            width: image.width,
            height: image.height,
            bytes: image.data.len(),
            expected: u64::from(image.width) * u64::from(image.height) * 4,
        });
    }
    let (width, height) = (image.width as f32, image.height as f32);
    let scale = (rect.width() / width).min(rect.height() / height);
    let (width, height) = ((width * scale).max(1.0), (height * scale).max(1.0));
    let (ax, ay) = anchor_fractions(overlay.anchor);
    let placed = tiny_skia::Rect::from_xywh(
        rect.left() + (rect.width() - width) * ax,
        rect.top() + (rect.height() - height) * ay,
        width,
        height,
    );
    Ok(Content::Image {
        image: image.clone(),
        rect: placed.unwrap_or(rect),
    })
}

/// Space between the rectangle's edge and the letters.
fn inset(style: &TextOverlay) -> f32 {
    let stroke = style
        .outline
        .map_or(0.0, |outline| f32::from(outline.width));
    match style.background {
        Some(_) => f32::from(style.padding).max(stroke),
        None => stroke,
    }
}

fn text_content(
    overlay: &Overlay,
    style: &TextOverlay,
    fonts: &mut FontLibrary,
) -> Result<Content, TextError> {
    let rect = sized_rect(overlay)?;
    let inset = inset(style);
    let room = Room {
        width: (rect.width() - 2.0 * inset).max(1.0),
        height: (rect.height() - 2.0 * inset).max(1.0),
    };
    let (ax, ay) = anchor_fractions(overlay.anchor);
    let align = match style.align {
        None => ax,
        Some(TextAlign::Left) => 0.0,
        Some(TextAlign::Center) => 0.5,
        Some(TextAlign::Right) => 1.0,
    };
    let block = room.fit(&plain_text(&style.text), style, align, fonts)?;
    let origin = (
        (rect.left() + inset + (room.width - block.width) * ax).round(),
        (rect.top() + inset + (room.height - block.height) * ay).round(),
    );
    Ok(Content::Text {
        style: style.clone(),
        block,
        origin,
    })
}

/// Line breaks are kept; other control characters have no shape.
fn plain_text(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\t', " ")
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect::<String>()
        .trim_matches('\n')
        .to_owned()
}

/// The space letters may take.
struct Room {
    width: f32,
    height: f32,
}

impl Room {
    fn fit(
        &self,
        text: &str,
        style: &TextOverlay,
        align: f32,
        fonts: &mut FontLibrary,
    ) -> Result<TextBlock, TextError> {
        if style.fit == TextFit::Wrap {
            let mut paragraph = fonts.shape(spec(text, style, 1000))?;
            paragraph.break_at(self.width);
            paragraph.balance(self.width);
            return Ok(paragraph.into_block(align));
        }
        let (smallest, may_cut_words) = match style.fit {
            TextFit::Shrink => (SMALLEST_PM, false),
            TextFit::Ellipsis | TextFit::Wrap => (1000, true),
        };
        for pm in (smallest..=1000).rev().step_by(SHRINK_STEP) {
            let spec = spec(text, style, pm);
            let mut paragraph = fonts.shape(spec)?;
            let fit = paragraph.break_at(self.width);
            if fit.lines <= self.lines(style, spec.size) && (may_cut_words || !fit.cut_word) {
                paragraph.balance(self.width);
                return Ok(paragraph.into_block(align));
            }
        }
        self.cut(spec(text, style, smallest), style, align, fonts)
    }

    /// Lines for which there is room.
    fn lines(&self, style: &TextOverlay, size: f32) -> usize {
        let fitting = (self.height / (LINE_HEIGHT * size) + 0.01) as usize;
        fitting.min(usize::from(style.max_lines))
    }

    /// The longest beginning of the text that fits with an ellipsis; one line is drawn even where there is no room.
    fn cut(
        &self,
        spec: TextSpec<'_>,
        style: &TextOverlay,
        align: f32,
        fonts: &mut FontLibrary,
    ) -> Result<TextBlock, TextError> {
        let lines = self.lines(style, spec.size).max(1);
        let mut whole = fonts.shape(spec)?;
        if whole.break_at(self.width).lines <= lines {
            return Ok(whole.into_block(align));
        }
        let points = whole.cut_points();
        let (mut fits, mut too_long) = (0, points.len());
        while too_long - fits > 1 {
            let middle = (fits + too_long) / 2;
            let text = with_ellipsis(&spec.text[..points[middle]]);
            let mut paragraph = fonts.shape(TextSpec {
                text: &text,
                ..spec
            })?;
            if paragraph.break_at(self.width).lines <= lines {
                fits = middle;
            } else {
                too_long = middle;
            }
        }
        let text = with_ellipsis(whole_words(
            &spec.text[..points.get(fits).copied().unwrap_or(0)],
        ));
        let mut paragraph = fonts.shape(TextSpec {
            text: &text,
            ..spec
        })?;
        paragraph.break_at(self.width);
        Ok(paragraph.into_block(align))
    }
}

fn spec<'a>(text: &'a str, style: &'a TextOverlay, pm: u16) -> TextSpec<'a> {
    TextSpec {
        text,
        words: &[],
        font: &style.font,
        size: f32::from(style.size) * f32::from(pm) / 1000.0,
        strong: None,
        word_spacing: 0.0,
        whole_words: false,
    }
}

/// The beginning without its last, cut word, unless that is long enough to be missed.
fn whole_words(beginning: &str) -> &str {
    match beginning
        .char_indices()
        .rev()
        .take(LONGEST_LOST_WORD)
        .find(|(_, c)| c.is_whitespace())
    {
        Some((at, _)) if !beginning[..at].trim().is_empty() => &beginning[..at],
        _ => beginning,
    }
}

/// No space and no punctuation that would read oddly before the dots.
fn with_ellipsis(beginning: &str) -> String {
    let kept = beginning.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | ':' | '.' | '-' | '–' | '—')
    });
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::LayerPainter;
    use crate::text::fixtures::{ink, inter, overlay, painter, segment, text_overlay};
    use fenta_templates::color::Color;
    use fenta_templates::timeline::{Anchor, Animation, AnimationKind};
    use fenta_workflows::digest::blob_digest;

    const RECT: Rect = Rect {
        x: 100,
        y: 200,
        w: 700,
        h: 300,
    };
    const LONG: &str = "Five habits that quietly change every single morning of your life";

    fn text(style: TextOverlay, anchor: Anchor) -> Overlay {
        overlay(OverlayContent::Text(style), RECT, anchor)
    }

    fn layer(overlay: Overlay, frame: u32) -> Layer {
        let mut layers = painter(&segment(vec![overlay], None), &inter()).layers_at(frame);
        assert_eq!(layers.len(), 1);
        layers.remove(0)
    }

    /// Where the ink lies on the canvas: left, top, right, bottom.
    fn inked(layer: &Layer) -> (i32, i32, i32, i32) {
        let (left, top, right, bottom) = ink(&layer.image, 100).unwrap();
        (
            layer.x + left as i32,
            layer.y + top as i32,
            layer.x + right as i32,
            layer.y + bottom as i32,
        )
    }

    fn fitted(style: &TextOverlay) -> TextBlock {
        let mut fonts = FontLibrary::new(&inter()).unwrap();
        match text_content(&text(style.clone(), Anchor::Center), style, &mut fonts).unwrap() {
            Content::Text { block, .. } => block,
            _ => panic!("a text overlay has text content"),
        }
    }

    #[test]
    fn a_plate_stays_inside_the_rectangle_at_every_anchor() {
        let style = TextOverlay {
            background: Some(Color::BLACK),
            ..text_overlay("Two words")
        };
        let at = |anchor| inked(&layer(text(style.clone(), anchor), 0));
        let (left, top, right, bottom) = at(Anchor::Center);
        let (width, height) = (right - left, bottom - top);
        assert!(width < 700 && height < 300);
        assert!((left + right - 900).abs() <= 3 && (top + bottom - 700).abs() <= 3);
        let (left, top, ..) = at(Anchor::TopLeft);
        assert!(
            (left - 100).abs() <= 1 && (top - 200).abs() <= 1,
            "{left} {top}"
        );
        let (_, _, right, bottom) = at(Anchor::BottomRight);
        assert!(
            (right - 800).abs() <= 1 && (bottom - 500).abs() <= 1,
            "{right} {bottom}"
        );
    }

    #[test]
    fn the_plate_is_the_text_and_its_padding() {
        let style = TextOverlay {
            background: Some(Color::BLACK),
            ..text_overlay("Plate")
        };
        let block = fitted(&style);
        let (left, top, right, bottom) = inked(&layer(text(style, Anchor::Center), 0));
        assert!(((right - left) as f32 - (block.width + 48.0)).abs() <= 2.0);
        assert!(((bottom - top) as f32 - (block.height + 48.0)).abs() <= 2.0);
    }

    #[test]
    fn a_long_text_shrinks_into_its_rectangle() {
        let style = text_overlay(LONG);
        let block = fitted(&style);
        assert!(block.size < 72.0 && block.size >= 36.0, "{}", block.size);
        assert!(block.line_widths.len() <= 3 && block.height <= 300.0 && block.width <= 700.0);
        let (left, top, right, bottom) = inked(&layer(text(style, Anchor::Center), 0));
        assert!(left >= 100 && top >= 200 && right <= 800 && bottom <= 500);
        assert_eq!(fitted(&text_overlay("short")).size, 72.0);
    }

    #[test]
    fn an_ellipsis_keeps_the_size_and_the_number_of_lines() {
        let style = TextOverlay {
            fit: TextFit::Ellipsis,
            max_lines: 2,
            ..text_overlay(LONG)
        };
        let block = fitted(&style);
        assert_eq!((block.size, block.line_widths.len()), (72.0, 2));
        let whole = fitted(&TextOverlay {
            max_lines: 9,
            fit: TextFit::Shrink,
            ..text_overlay(LONG)
        });
        assert!(block.glyphs.len() < whole.glyphs.len());
        assert!(block.line_widths.iter().all(|w| *w <= 700.0));
    }

    #[test]
    fn a_text_beyond_half_its_size_is_cut() {
        let block = fitted(&text_overlay(&LONG.repeat(6)));
        assert_eq!(block.size, 36.0);
        assert_eq!(block.line_widths.len(), 3);
        assert!(block.width <= 700.0);
    }

    #[test]
    fn ellipses_follow_words_not_spaces_or_commas() {
        assert_eq!(with_ellipsis("however well, "), "however well…");
        assert_eq!(whole_words("however well se"), "however well");
        assert_eq!(whole_words("unbreakablylongword"), "unbreakablylongword");
        assert_eq!(whole_words("an incomprehensibil"), "an incomprehensibil");
    }

    #[test]
    fn an_empty_text_is_an_empty_block_whatever_its_fit() {
        for fit in [TextFit::Shrink, TextFit::Ellipsis] {
            let style = TextOverlay {
                fit,
                max_lines: 1,
                ..text_overlay(" \n \n ")
            };
            assert!(fitted(&style).glyphs.len() <= 1, "at most the dots");
        }
    }

    #[test]
    fn line_breaks_are_kept_and_control_characters_are_not() {
        assert_eq!(plain_text("a\r\nb\tc\u{7}\n"), "a\nb c");
        assert_eq!(fitted(&text_overlay("one\ntwo")).line_widths.len(), 2);
    }

    fn stripes(width: u32, height: u32) -> (Digest, BTreeMap<Digest, RgbaImage>) {
        let mut image = RgbaImage::transparent(width, height);
        image
            .data
            .chunks_exact_mut(4)
            .for_each(|p| p.copy_from_slice(&[200, 40, 40, 255]));
        let digest = blob_digest(b"picture");
        (digest, BTreeMap::from([(digest, image)]))
    }

    #[test]
    fn a_picture_keeps_its_shape_and_fits_the_rectangle() {
        for (size, expected) in [
            ((400, 400), (300, 300)),
            ((1400, 200), (700, 100)),
            ((70, 10), (700, 100)),
        ] {
            let (digest, images) = stripes(size.0, size.1);
            let item = overlay(OverlayContent::Image(digest), RECT, Anchor::Bottom);
            let painter = LayerPainter::new(&segment(vec![item], None), &[], &images).unwrap();
            let layer = painter.layers_at(0).remove(0);
            assert_eq!((layer.image.width, layer.image.height), expected);
            assert_eq!(layer.y + layer.image.height as i32, 500);
            assert_eq!(2 * layer.x + layer.image.width as i32, 900);
            assert_eq!(layer.image.pixel(5, 5), [200, 40, 40, 255]);
        }
    }

    #[test]
    fn a_picture_that_is_missing_or_damaged_is_an_error() {
        let (digest, mut images) = stripes(4, 4);
        let item = overlay(OverlayContent::Image(digest), RECT, Anchor::Center);
        let spec = segment(vec![item], None);
        assert!(matches!(
            LayerPainter::new(&spec, &[], &BTreeMap::new()).err(),
            Some(TextError::ImageNotGiven { .. })
        ));
        images.get_mut(&digest).unwrap().data.truncate(10);
        assert!(matches!(
            LayerPainter::new(&spec, &[], &images).err(),
            Some(TextError::ImageDamaged {
                bytes: 10,
                expected: 64,
                ..
            })
        ));
    }

    fn shape() -> Overlay {
        let shape = ShapeOverlay {
            color: Color::rgb(10, 200, 30),
            radius: 40,
            to: None,
        };
        overlay(OverlayContent::Shape(shape), RECT, Anchor::Center)
    }

    #[test]
    fn a_shape_fills_its_rectangle_with_round_corners() {
        let layer = layer(shape(), 0);
        assert_eq!(inked(&layer), (100, 200, 800, 500));
        let at = |x: i32, y: i32| {
            layer
                .image
                .pixel((x - layer.x) as u32, (y - layer.y) as u32)
        };
        assert_eq!(at(103, 203)[3], 0, "the corner is cut");
        assert_eq!(at(450, 200), [10, 200, 30, 255]);
        assert_eq!(at(450, 350), [10, 200, 30, 255]);
    }

    #[test]
    fn opacity_of_overlay_and_animation_multiply() {
        let mut item = shape();
        item.opacity_pm = 600;
        item.enter = Some(Animation {
            kind: AnimationKind::Fade,
            frames: 3,
        });
        let opacities: Vec<u16> = (0..5).map(|f| layer(item.clone(), f).opacity_pm).collect();
        assert_eq!(opacities, [150, 300, 450, 600, 600]);
        item.opacity_pm = 0;
        assert!(
            painter(&segment(vec![item], None), &inter())
                .layers_at(20)
                .is_empty()
        );
    }

    #[test]
    fn a_slide_moves_the_same_picture_and_a_pop_draws_new_sizes() {
        let mut item = shape();
        item.enter = Some(Animation {
            kind: AnimationKind::SlideUp,
            frames: 6,
        });
        let sliding = painter(&segment(vec![item.clone()], None), &inter());
        let (first, rest) = (
            sliding.layers_at(0).remove(0),
            sliding.layers_at(30).remove(0),
        );
        assert!(first.y > rest.y + 20 && first.x == rest.x);
        assert!(Arc::ptr_eq(&first.image, &rest.image));
        item.enter = Some(Animation {
            kind: AnimationKind::Pop,
            frames: 6,
        });
        let (left, _, right, _) = inked(&layer(item.clone(), 0));
        assert!(right - left < 700 && (left + right - 900).abs() <= 2);
        assert_eq!(inked(&layer(item, 6)), (100, 200, 800, 500));
    }

    #[test]
    fn overlays_beyond_the_limit_are_refused() {
        let mut item = shape();
        item.rect.w = MAX_SIDE + 1;
        assert!(matches!(
            LayerPainter::new(&segment(vec![item], None), &[], &BTreeMap::new()).err(),
            Some(TextError::TooLarge {
                limit: MAX_SIDE,
                ..
            })
        ));
    }

    #[test]
    fn the_letters_are_the_same_at_every_anchor_only_moved() {
        let at = |anchor| layer(text(text_overlay("Letter, perfect"), anchor), 0);
        let fixed = fitted(&text_overlay("Letter, perfect"));
        let stroke = inset(&text_overlay("")) as i32;
        // What is left beside the block inside the rectangle, halves rounded as the painter does.
        let (free_x, free_y) = (
            700.0 - 2.0 * stroke as f32 - fixed.width,
            300.0 - 2.0 * stroke as f32 - fixed.height,
        );
        let first = at(Anchor::TopLeft);
        for (anchor, ax, ay) in [
            (Anchor::TopLeft, 0.0, 0.0),
            (Anchor::Top, 0.5, 0.0),
            (Anchor::TopRight, 1.0, 0.0),
            (Anchor::Left, 0.0, 0.5),
            (Anchor::Center, 0.5, 0.5),
            (Anchor::Right, 1.0, 0.5),
            (Anchor::BottomLeft, 0.0, 1.0),
            (Anchor::Bottom, 0.5, 1.0),
            (Anchor::BottomRight, 1.0, 1.0),
        ] {
            let here = at(anchor);
            let moved = (
                (here.x - first.x) as f32 - free_x * ax,
                (here.y - first.y) as f32 - free_y * ay,
            );
            assert!(
                moved.0.abs() <= 0.51 && moved.1.abs() <= 0.51,
                "{anchor:?}: {moved:?}"
            );
            assert!(*here.image == *first.image, "{anchor:?} draws other pixels");
        }
    }

    #[test]
    fn a_wrapped_text_keeps_its_size_and_grows_from_its_anchor() {
        let style = TextOverlay {
            fit: TextFit::Wrap,
            ..text_overlay(&LONG.repeat(2))
        };
        let block = fitted(&style);
        assert_eq!(block.size, 72.0);
        assert!(block.line_widths.len() > 3 && block.height > 300.0);
        assert!(block.width <= 700.0);
        let (_, top, _, bottom) = inked(&layer(text(style.clone(), Anchor::TopLeft), 0));
        assert!(
            top >= 195 && bottom > 500,
            "downwards from the top: {top} {bottom}"
        );
        let (_, top, _, bottom) = inked(&layer(text(style, Anchor::BottomLeft), 0));
        assert!(
            top < 200 && bottom <= 505,
            "upwards from the bottom: {top} {bottom}"
        );
    }

    #[test]
    fn lines_are_set_as_told_whatever_the_anchor() {
        let with = |align| {
            let style = TextOverlay {
                align,
                ..text_overlay("one\nmuch longer line")
            };
            let block = fitted(&style);
            let left = |line: usize| {
                let glyphs = &block.glyphs[block.line_glyphs[line].clone()];
                glyphs
                    .iter()
                    .map(|glyph| match &glyph.ink {
                        crate::text::glyph::Ink::Outline(path) => path.bounds().left(),
                        crate::text::glyph::Ink::Bitmap { rect, .. } => rect.left(),
                    })
                    .fold(f32::MAX, f32::min)
            };
            left(0) - left(1)
        };
        let centre = with(None);
        assert!(with(Some(TextAlign::Left)).abs() < 12.0);
        assert!((with(Some(TextAlign::Center)) - centre).abs() < 0.5);
        assert!(with(Some(TextAlign::Right)) > centre + 50.0);
    }

    #[test]
    fn a_typewriter_shows_letter_after_letter_and_a_wipe_column_after_column() {
        let mut item = text(text_overlay("typed"), Anchor::Center);
        item.enter = Some(Animation {
            kind: AnimationKind::Typewriter,
            frames: 9,
        });
        let painter = painter(&segment(vec![item.clone()], None), &inter());
        let ink_at = |frame: u32| {
            let layers = painter.layers_at(frame);
            layers
                .first()
                .and_then(|layer| ink(&layer.image, 100).map(|_| inked(layer)))
        };
        let whole = ink_at(20).unwrap();
        let rights: Vec<i32> = (0..20).filter_map(|frame| Some(ink_at(frame)?.2)).collect();
        assert!(rights.is_sorted() && rights[0] < whole.2 - 60, "{rights:?}");
        let mut steps = rights.clone();
        steps.dedup();
        assert!((4..=6).contains(&steps.len()), "five letters: {steps:?}");
        item.enter = Some(Animation {
            kind: AnimationKind::Wipe,
            frames: 9,
        });
        let (left, _, right, _) = inked(&layer(item, 4));
        assert!((left - whole.0).abs() <= 1);
        let middle = (whole.0 + whole.2) / 2;
        assert!((right - middle).abs() < 12, "half: {right} of {middle}");
    }
}
