//! Captions: laid out once per cue, drawn once per visual state.
//!
//! Neighbours: `layout` breaks the lines, `animation` says how far a spring or a highlight has come, `raster` draws.
//! The active word changes colour, size or box, never the layout.

use std::ops::Range;
use std::sync::Arc;

use fenta_templates::time::FrameRate;
use fenta_templates::timeline::{
    CaptionPreset, CaptionStyle, CaptionTrack, Cue, CueWord, HighlightMode, Outline, Rect,
};

use super::animation::{self, Pose};
use super::block::{TextBlock, WordFragment, anchor_fractions};
use super::coverage::Backdrop;
use super::error::TextError;
use super::fonts::FontLibrary;
use super::layout::{Fit, LINE_HEIGHT, TextSpec, is_spaceless};
use super::memo::Memo;
use super::raster::{self, Plate};
use super::scene::{Scene, WordLook};
use super::{Layer, WordBox};

/// Sizes tried, in permille, before a cue gets more lines than its style allows.
const SHRINK_STEPS: [u16; 7] = [1000, 975, 950, 925, 900, 875, 850];
/// Sizes tried, in permille, with as many lines as it takes; below the last, a word wider than a line is cut.
const LONG_WORD_STEPS: [u16; 8] = [850, 800, 750, 700, 650, 600, 550, 500];
/// Space between a word and the edge of its box, in em.
const BOX_PADDING: f32 = 0.18;
/// Corner radius of a word's box, in em.
const BOX_RADIUS: f32 = 0.18;
/// Size of a word's box when it starts to grow.
const BOX_START: f32 = 0.8;

/// Draws one caption track.
pub(super) struct CaptionPainter {
    style: CaptionStyle,
    rate: FrameRate,
    cues: Vec<PlacedCue>,
    drawn: Memo<State, Option<Layer>>,
    backdrops: Memo<State, Option<Arc<Backdrop>>>,
}

/// A cue with its geometry.
struct PlacedCue {
    cue: Cue,
    block: TextBlock,
    origin: (f32, f32),
}

/// Everything a cue's pixels depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    cue: usize,
    active: Option<u16>,
    growth_pm: u16,
    scale_pm: u16,
}

impl CaptionPainter {
    pub(super) fn new(
        track: &CaptionTrack,
        rate: FrameRate,
        fonts: &mut FontLibrary,
    ) -> Result<Self, TextError> {
        let style = track.style.clone();
        let cues = track
            .cues
            .iter()
            .map(|cue| place(cue, &style, fonts))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            style,
            rate,
            cues,
            drawn: Memo::default(),
            backdrops: Memo::default(),
        })
    }

    /// What is visible at a frame.
    pub(super) fn layer_at(&self, frame: i64) -> Option<Layer> {
        let index = self.cues.iter().position(|c| c.cue.range.contains(frame))?;
        let cue = &self.cues[index].cue;
        let pose = match self.style.preset {
            CaptionPreset::Pop => animation::cue_pop(frame - cue.range.first(), self.rate),
            _ => Pose::REST,
        };
        let active = self.active_word(cue, frame);
        let growth_pm = active.map_or(0, |word| {
            let since = frame - cue.words[usize::from(word)].range.first();
            animation::highlight_growth(since, self.rate)
        });
        let state = State {
            cue: index,
            active,
            growth_pm,
            scale_pm: pose.scale_pm,
        };
        let state = self.canonical(state);
        let layer = self.drawn.get_or_make(state, || self.draw(state))?;
        Some(Layer {
            opacity_pm: pose.opacity_pm,
            ..layer
        })
    }

    /// Where every word of every cue lies at rest.
    pub(super) fn word_boxes(&self) -> Vec<WordBox> {
        self.cues
            .iter()
            .enumerate()
            .flat_map(|(cue, placed)| {
                placed.block.fragments.iter().map(move |fragment| WordBox {
                    cue,
                    word: usize::from(fragment.word),
                    rect: placed.word_rect(fragment),
                })
            })
            .collect()
    }

    /// A word is active from its start until the next one's: no flicker in the pauses between words.
    fn active_word(&self, cue: &Cue, frame: i64) -> Option<u16> {
        if highlight_mode(&self.style) == HighlightMode::None {
            return None;
        }
        let index = cue
            .words
            .iter()
            .rposition(|word| word.range.first() <= frame)?;
        u16::try_from(index).ok()
    }

    /// States that look the same become the same: growth is invisible where neither box nor size change.
    fn canonical(&self, state: State) -> State {
        let grows = highlight_mode(&self.style) == HighlightMode::Box
            || self.style.highlight.scale_pm != 1000;
        State {
            growth_pm: if grows && state.active.is_some() {
                state.growth_pm
            } else {
                1000
            },
            ..state
        }
    }

    fn draw(&self, state: State) -> Option<Layer> {
        let placed = &self.cues[state.cue];
        let scale = f32::from(state.scale_pm) / 1000.0;
        let scene = Scene {
            block: &placed.block,
            origin: placed.origin,
            scale,
            outline: visible_outline(&self.style),
            shadow: self.style.shadow,
            plate: None,
            boxes: self.boxes(placed, state, scale),
            look: &|word| self.look(&placed.cue, word, state),
        };
        let backdrop = self
            .backdrops
            .get_or_make(self.shape(state), || Backdrop::of(&scene).map(Arc::new));
        let raster = raster::draw_scene(&scene, backdrop?.as_ref())?;
        Some(Layer {
            x: raster.x,
            y: raster.y,
            image: Arc::new(raster.image),
            opacity_pm: 1000,
        })
    }

    /// The part of a state that changes sizes: where the active word does not grow, all words share one backdrop.
    fn shape(&self, state: State) -> State {
        if self.style.highlight.scale_pm != 1000 {
            return state;
        }
        State {
            active: None,
            growth_pm: 0,
            ..state
        }
    }

    fn look(&self, cue: &Cue, word: Option<u16>, state: State) -> WordLook {
        let active = word.is_some() && word == state.active;
        let in_box = active && highlight_mode(&self.style) == HighlightMode::Box;
        let emphasis = word.is_some_and(|w| cue.words[usize::from(w)].emphasis);
        // A box already wears the highlight colour: letters in the same colour would vanish in it.
        let highlighted = (active || emphasis) && !in_box;
        WordLook {
            color: if highlighted {
                self.style.highlight.color
            } else {
                self.style.color
            },
            scale: if active { self.grown_scale(state) } else { 1.0 },
        }
    }

    fn grown_scale(&self, state: State) -> f32 {
        let full = f32::from(self.style.highlight.scale_pm) / 1000.0;
        1.0 + (full - 1.0) * f32::from(state.growth_pm) / 1000.0
    }

    /// The boxes behind the active word, one a line it touches, grown about their own middle.
    fn boxes(&self, placed: &PlacedCue, state: State, scale: f32) -> Vec<Plate> {
        if highlight_mode(&self.style) != HighlightMode::Box {
            return Vec::new();
        }
        let grown = f32::from(state.growth_pm) / 1000.0;
        let size = (BOX_START + (1.0 - BOX_START) * grown) * self.grown_scale(state);
        let color = self.style.highlight.color;
        let color = color.with_alpha((f32::from(color.a) * grown).round() as u8);
        placed
            .block
            .fragments
            .iter()
            .filter(|fragment| Some(fragment.word) == state.active)
            .filter_map(|fragment| placed.box_plate(fragment, size, scale))
            .map(|(rect, radius)| Plate {
                rect,
                radius,
                color,
            })
            .collect()
    }
}

impl PlacedCue {
    /// A word with its ascent and descent, on whole canvas pixels.
    fn word_rect(&self, fragment: &WordFragment) -> Rect {
        let left = (self.origin.0 + fragment.left).floor();
        let top = (self.origin.1 + fragment.baseline - self.block.ascent).floor();
        let right = (self.origin.0 + fragment.right).ceil();
        let bottom = (self.origin.1 + fragment.baseline + self.block.descent).ceil();
        Rect {
            x: left as i32,
            y: top as i32,
            w: (right - left).max(1.0) as u32,
            h: (bottom - top).max(1.0) as u32,
        }
    }

    /// The box of a word: even space around its capitals, enough below for descenders, and never taller than the
    /// line pitch, so that boxes of neighbouring lines cannot touch the other line's letters.
    fn box_plate(
        &self,
        fragment: &WordFragment,
        size: f32,
        scale: f32,
    ) -> Option<(tiny_skia::Rect, f32)> {
        let block = &self.block;
        let side = BOX_PADDING * block.size;
        let rise = (block.descent + 0.02 * block.size)
            .min((LINE_HEIGHT * block.size - block.cap_height) / 2.0);
        let half_width = ((fragment.right - fragment.left) / 2.0 + side) * size;
        let half_height = (block.cap_height / 2.0 + rise.max(side)) * size;
        let middle = (
            (fragment.left + fragment.right) / 2.0,
            fragment.baseline - block.cap_height / 2.0,
        );
        let centre = (
            self.origin.0 + block.width / 2.0 + (middle.0 - block.width / 2.0) * scale,
            self.origin.1 + block.height / 2.0 + (middle.1 - block.height / 2.0) * scale,
        );
        let rect = tiny_skia::Rect::from_ltrb(
            centre.0 - half_width * scale,
            centre.1 - half_height * scale,
            centre.0 + half_width * scale,
            centre.1 + half_height * scale,
        )?;
        Some((rect, BOX_RADIUS * block.size * size * scale))
    }
}

fn highlight_mode(style: &CaptionStyle) -> HighlightMode {
    match style.preset {
        CaptionPreset::Phrase | CaptionPreset::Clean => HighlightMode::None,
        CaptionPreset::Box => HighlightMode::Box,
        CaptionPreset::Karaoke | CaptionPreset::Pop => style.highlight.mode,
    }
}

fn visible_outline(style: &CaptionStyle) -> Option<Outline> {
    match style.preset {
        CaptionPreset::Clean => None,
        _ => style.outline,
    }
}

fn place(cue: &Cue, style: &CaptionStyle, fonts: &mut FontLibrary) -> Result<PlacedCue, TextError> {
    let (text, words) = compose(&cue.words, style.uppercase);
    let block = fit(&text, &words, style, fonts)?;
    let (ax, ay) = anchor_fractions(style.anchor);
    let origin = (
        (style.x as f32 - block.width * ax).round(),
        (style.y as f32 - block.height * ay).round(),
    );
    Ok(PlacedCue {
        cue: cue.clone(),
        block,
        origin,
    })
}

/// The cue as one text, and where each word is in it.
fn compose(words: &[CueWord], uppercase: bool) -> (String, Vec<Range<usize>>) {
    let mut text = String::new();
    let mut ranges = Vec::with_capacity(words.len());
    for word in words {
        let plain: Vec<&str> = word.text.split_whitespace().collect();
        let mut plain = plain.join(" ");
        plain.retain(|c| !c.is_control());
        if uppercase {
            plain = plain.to_uppercase();
        }
        let joined = match (text.chars().next_back(), plain.chars().next()) {
            (Some(before), Some(after)) => is_spaceless(before) && is_spaceless(after),
            _ => true,
        };
        if !joined {
            text.push(' ');
        }
        ranges.push(text.len()..text.len() + plain.len());
        text.push_str(&plain);
    }
    (text, ranges)
}

/// As large as fits: first smaller letters, then more lines, then smaller still for a word that is wider than a line,
/// and only then a cut word.
fn fit(
    text: &str,
    words: &[Range<usize>],
    style: &CaptionStyle,
    fonts: &mut FontLibrary,
) -> Result<TextBlock, TextError> {
    let max_lines = usize::from(style.max_lines.max(1));
    let mut try_size = |pm: u16, accept: &dyn Fn(Fit) -> bool| {
        let size = f32::from(style.size) * f32::from(pm) / 1000.0;
        let mut paragraph = fonts.shape(TextSpec {
            text,
            words,
            font: &style.font,
            size,
            word_spacing: word_spacing(style),
            whole_words: true,
        })?;
        let fit = paragraph.balance(line_width(style, size));
        Ok(accept(fit).then(|| paragraph.into_block(0.5)))
    };
    for pm in SHRINK_STEPS {
        if let Some(block) = try_size(pm, &|fit| fit.lines <= max_lines && !fit.cut_word)? {
            return Ok(block);
        }
    }
    for pm in LONG_WORD_STEPS {
        if let Some(block) = try_size(pm, &|fit| !fit.cut_word)? {
            return Ok(block);
        }
    }
    let smallest = LONG_WORD_STEPS[LONG_WORD_STEPS.len() - 1];
    let block = try_size(smallest, &|_| true)?;
    Ok(block.expect("a block, because every fit is accepted"))
}

/// A box or a growing word needs more room beside it than plain letters, in em.
fn word_spacing(style: &CaptionStyle) -> f32 {
    let growth = f32::from(style.highlight.scale_pm.saturating_sub(1000)) / 1000.0;
    match highlight_mode(style) {
        HighlightMode::None => 0.0,
        HighlightMode::Color => (growth * 1.5).min(0.14),
        HighlightMode::Box => (0.1 + growth * 1.5).min(0.2),
    }
}

/// What a line of letters may take of the style's width: outlines and boxes reach beyond the letters.
fn line_width(style: &CaptionStyle, size: f32) -> f32 {
    let stroke = visible_outline(style).map_or(0.0, |o| f32::from(o.width));
    let padding = match highlight_mode(style) {
        HighlightMode::Box => BOX_PADDING * size,
        _ => 0.0,
    };
    (f32::from(style.max_width) - 2.0 * stroke.max(padding)).max(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{
        FPS, Fonts, YELLOW, caption_style, captioned, cue, fonts, ink, inter, painter,
    };
    use crate::text::{LayerPainter, TextError};
    use fenta_templates::color::Color;
    use fenta_templates::time::TimeRange;
    use fenta_templates::timeline::{Anchor, FontRequest};

    const TEXT: &str = "Small habits change everything";

    fn karaoke() -> CaptionStyle {
        caption_style(CaptionPreset::Karaoke, HighlightMode::Color)
    }

    fn only(layers: Vec<Layer>) -> Layer {
        assert_eq!(layers.len(), 1);
        layers.into_iter().next().unwrap()
    }

    fn near(pixel: [u8; 4], color: Color) -> bool {
        pixel[3] == 255
            && pixel[0].abs_diff(color.r) < 12
            && pixel[1].abs_diff(color.g) < 12
            && pixel[2].abs_diff(color.b) < 12
    }

    /// Pixels of a colour inside a canvas rectangle.
    fn count(layer: &Layer, rect: Rect, color: Color) -> usize {
        let mut found = 0;
        for y in 0..layer.image.height {
            for x in 0..layer.image.width {
                let (cx, cy) = (layer.x + x as i32, layer.y + y as i32);
                let inside = cx >= rect.x
                    && cy >= rect.y
                    && cx < rect.x + rect.w as i32
                    && cy < rect.y + rect.h as i32;
                found += usize::from(inside && near(layer.image.pixel(x, y), color));
            }
        }
        found
    }

    fn everything(layer: &Layer) -> Rect {
        Rect {
            x: layer.x,
            y: layer.y,
            w: layer.image.width,
            h: layer.image.height,
        }
    }

    #[test]
    fn the_highlight_sits_on_the_active_word_and_nowhere_else() {
        let painter = painter(&captioned(karaoke(), vec![cue(TEXT)]), &inter());
        let boxes = painter.word_boxes();
        assert_eq!(boxes.len(), 4);
        for (frame, active) in [(0u32, 0usize), (9, 0), (10, 1), (29, 2), (39, 3)] {
            let layer = only(painter.layers_at(frame));
            let all = count(&layer, everything(&layer), YELLOW);
            for word in &boxes {
                let yellow = count(&layer, word.rect, YELLOW);
                let white = count(&layer, word.rect, Color::WHITE);
                if word.word == active {
                    assert_eq!(
                        yellow, all,
                        "all of it is inside the word's box, frame {frame}"
                    );
                    assert!(yellow > 1000 && white == 0, "{yellow} {white}");
                } else {
                    assert!(
                        yellow == 0 && white > 1000,
                        "word {} frame {frame}",
                        word.word
                    );
                }
            }
        }
    }

    #[test]
    fn a_pause_between_words_keeps_the_last_word_lit_and_before_the_first_nothing_is() {
        let mut late = cue("one two");
        late.words[0].range = TimeRange::from_units(5, 8, FPS);
        late.words[1].range = TimeRange::from_units(12, 18, FPS);
        let painter = painter(&captioned(karaoke(), vec![late]), &inter());
        let boxes = painter.word_boxes();
        let lit = |frame, word: usize| {
            let layer = only(painter.layers_at(frame));
            count(&layer, boxes[word].rect, YELLOW) > 0
        };
        assert!(!lit(4, 0) && !lit(4, 1));
        assert!(lit(5, 0) && lit(11, 0) && !lit(11, 1));
        assert!(lit(12, 1) && lit(19, 1) && !lit(12, 0));
        assert!(painter.layers_at(20).is_empty());
    }

    #[test]
    fn layout_is_the_same_in_every_state() {
        let mut style = karaoke();
        style.highlight.scale_pm = 1100;
        let mut grown = Vec::new();
        for preset in [CaptionPreset::Karaoke, CaptionPreset::Pop] {
            let style = CaptionStyle {
                preset,
                ..style.clone()
            };
            let painter = painter(&captioned(style, vec![cue(TEXT)]), &inter());
            grown.push(painter.word_boxes());
            let third = grown[0][3];
            let still = [5u32, 15, 25].map(|frame| {
                let layer = only(painter.layers_at(frame));
                count(&layer, third.rect, Color::WHITE)
            });
            assert!(
                still[0] > 1000 && still.iter().all(|n| *n == still[0]),
                "{still:?}"
            );
        }
        assert_eq!(grown[0], grown[1]);
    }

    #[test]
    fn word_boxes_lie_inside_the_layer_and_follow_reading_order() {
        let painter = painter(&captioned(karaoke(), vec![cue(TEXT)]), &inter());
        let layer = only(painter.layers_at(3));
        let boxes = painter.word_boxes();
        let (right, bottom) = (
            layer.x + layer.image.width as i32,
            layer.y + layer.image.height as i32,
        );
        for word in &boxes {
            let Rect { x, y, w, h } = word.rect;
            assert!(
                x >= layer.x && y >= layer.y && x + w as i32 <= right && y + h as i32 <= bottom
            );
        }
        for pair in boxes.windows(2) {
            let next_line = pair[1].rect.y > pair[0].rect.y;
            assert!(next_line || pair[1].rect.x >= pair[0].rect.x + pair[0].rect.w as i32 - 1);
        }
    }

    #[test]
    fn nothing_is_clipped_at_the_edge_of_the_layer() {
        for (preset, mode) in [
            (CaptionPreset::Karaoke, HighlightMode::Color),
            (CaptionPreset::Pop, HighlightMode::Color),
            (CaptionPreset::Box, HighlightMode::Box),
        ] {
            let mut style = caption_style(preset, mode);
            style.highlight.scale_pm = 1120;
            let painter = painter(&captioned(style, vec![cue("jumpy (gypsy) ÅÇÄ")]), &inter());
            for frame in 0..30 {
                let image = only(painter.layers_at(frame)).image;
                let (left, top, right, bottom) = ink(&image, 0).unwrap();
                assert!(
                    left > 0 && top > 0 && right < image.width && bottom < image.height,
                    "{preset:?} {frame}"
                );
            }
        }
    }

    #[test]
    fn ink_stays_within_the_width_and_around_the_anchor() {
        for (anchor, centre_y) in [
            (Anchor::Center, 1130),
            (Anchor::Top, 1180),
            (Anchor::Bottom, 1080),
        ] {
            let style = CaptionStyle {
                anchor,
                shadow: None,
                ..karaoke()
            };
            let painter = painter(
                &captioned(style, vec![cue("Words that are many enough for two lines")]),
                &inter(),
            );
            let layer = only(painter.layers_at(5));
            let (left, top, right, bottom) = ink(&layer.image, 40).unwrap();
            assert!(right - left <= 835 + 2, "{}", right - left);
            let middle_x = layer.x + (left + right) as i32 / 2;
            let middle_y = layer.y + (top + bottom) as i32 / 2;
            assert!((middle_x - 540).abs() <= 6, "{middle_x}");
            match anchor {
                Anchor::Top => assert!(middle_y > centre_y && layer.y + top as i32 >= 1130 - 6),
                Anchor::Bottom => {
                    assert!(middle_y < centre_y && layer.y + bottom as i32 <= 1130 + 6)
                }
                _ => assert!((middle_y - centre_y).abs() <= 20, "{middle_y}"),
            }
        }
    }

    fn placed(text: &str, style: &CaptionStyle) -> PlacedCue {
        place(&cue(text), style, &mut FontLibrary::new(&inter()).unwrap()).unwrap()
    }

    #[test]
    fn a_tight_text_shrinks_by_15_percent_before_it_gets_more_lines() {
        let style = CaptionStyle {
            max_lines: 1,
            max_width: 600,
            ..karaoke()
        };
        let line = |text: &str| placed(text, &style).block;
        let roomy = line("short one");
        assert_eq!((roomy.size, roomy.line_widths.len()), (84.0, 1));
        let tight = line("hardly fits here");
        assert_eq!(tight.line_widths.len(), 1);
        assert!(
            tight.size < 84.0 && tight.size >= 84.0 * 0.85,
            "{}",
            tight.size
        );
        let more = line("this one does not fit any more");
        assert!(more.line_widths.len() > 1);
        assert!((more.size - 84.0 * 0.85).abs() < 0.01);
        assert!(more.line_widths.iter().all(|w| *w <= 600.0 - 12.0));
        let word = line("incomprehensibilities");
        assert!(
            word.size < 84.0 * 0.85 && word.line_widths.len() == 1,
            "a long word shrinks further"
        );
        let endless = line(&"endless".repeat(12));
        assert!(
            endless.line_widths.iter().all(|w| *w <= 600.0),
            "and is cut rather than too wide"
        );
    }

    #[test]
    fn a_box_surrounds_its_word_and_keeps_the_letters_readable() {
        let mut style = caption_style(CaptionPreset::Box, HighlightMode::Box);
        style.outline = None;
        style.shadow = None;
        style.highlight.color = Color::rgb(0x7C, 0x3A, 0xED);
        let purple = style.highlight.color;
        let painter = painter(&captioned(style, vec![cue(TEXT)]), &inter());
        let boxes = painter.word_boxes();
        let layer = only(painter.layers_at(18));
        let word = boxes[1].rect;
        assert!(count(&layer, word, Color::WHITE) > 1000);
        assert!(count(&layer, word, purple) > 2000);
        for other in boxes.iter().filter(|b| b.word != 1) {
            assert_eq!(count(&layer, other.rect, purple), 0, "word {}", other.word);
        }
        let alphas: Vec<usize> = (10..13)
            .map(|f| count(&only(painter.layers_at(f)), word, purple))
            .collect();
        assert!(
            alphas[0] == 0 && alphas[2] > 2000,
            "it grows in: {alphas:?}"
        );
    }

    #[test]
    fn phrase_has_no_highlight_and_clean_no_outline() {
        for (preset, outlined) in [(CaptionPreset::Phrase, true), (CaptionPreset::Clean, false)] {
            let style = CaptionStyle {
                shadow: None,
                ..caption_style(preset, HighlightMode::Color)
            };
            let painter = painter(&captioned(style, vec![cue(TEXT)]), &inter());
            let layer = only(painter.layers_at(15));
            assert_eq!(count(&layer, everything(&layer), YELLOW), 0);
            assert_eq!(
                count(&layer, everything(&layer), Color::BLACK) > 1000,
                outlined
            );
            assert!(
                Arc::ptr_eq(&layer.image, &only(painter.layers_at(25)).image),
                "one state, one picture"
            );
        }
    }

    #[test]
    fn emphasis_shows_in_every_state() {
        let mut words = cue(TEXT);
        words.words[3].emphasis = true;
        let painter = painter(
            &captioned(
                caption_style(CaptionPreset::Phrase, HighlightMode::None),
                vec![words],
            ),
            &inter(),
        );
        let layer = only(painter.layers_at(0));
        assert!(count(&layer, painter.word_boxes()[3].rect, YELLOW) > 1000);
        assert_eq!(count(&layer, painter.word_boxes()[0].rect, YELLOW), 0);
    }

    #[test]
    fn a_pop_grows_and_fades_in_and_a_later_segment_continues_it() {
        let style = caption_style(CaptionPreset::Pop, HighlightMode::None);
        let early = painter(&captioned(style.clone(), vec![cue(TEXT)]), &inter());
        let widths: Vec<u32> = (0..5)
            .map(|f| {
                let (left, _, right, _) = ink(&only(early.layers_at(f)).image, 128).unwrap();
                right - left
            })
            .collect();
        assert!(
            widths[0] < widths[1] && widths[1] < widths[2] && widths[2] > widths[4],
            "{widths:?}"
        );
        assert_eq!(only(early.layers_at(0)).opacity_pm, 500);
        assert_eq!(only(early.layers_at(1)).opacity_pm, 1000);
        let mut shifted = cue(TEXT);
        shifted.range = shifted.range.shifted(-2);
        shifted
            .words
            .iter_mut()
            .for_each(|word| word.range = word.range.shifted(-2));
        let late = painter(&captioned(style, vec![shifted]), &inter());
        for frame in 0..30 {
            assert_eq!(late.layers_at(frame), early.layers_at(frame + 2));
        }
    }

    #[test]
    fn two_painters_give_equal_bytes() {
        let fonts: Fonts = fonts(&[("Inter", 800), ("Noto Color Emoji", 400)]);
        let segment = captioned(karaoke(), vec![cue("Same pixels 🔥 every time")]);
        let (first, second) = (painter(&segment, &fonts), painter(&segment, &fonts));
        for frame in [0, 12, 25, 39] {
            assert_eq!(first.layers_at(frame), second.layers_at(frame));
        }
    }

    #[test]
    fn words_join_as_their_script_does_and_uppercase_is_unicode() {
        let words = |texts: &[&str]| -> Vec<CueWord> {
            let word = &cue("any").words[0];
            let with = |text: &&str| CueWord {
                text: (*text).to_owned(),
                ..word.clone()
            };
            texts.iter().map(with).collect()
        };
        assert_eq!(
            compose(&words(&["Straße", " größer\n"]), true).0,
            "STRASSE GRÖSSER"
        );
        let (text, ranges) = compose(&words(&["毎日", "の", "習慣", "ok"]), false);
        assert_eq!(text, "毎日の習慣 ok");
        assert_eq!(&text[ranges[2].clone()], "習慣");
    }

    #[test]
    fn words_and_cues_without_letters_draw_nothing_and_harm_nobody() {
        let mut empty = cue("a b");
        empty.words[0].text = " \t".into();
        let mut none = empty.clone();
        none.words.clear();
        none.range = TimeRange::from_units(20, 30, FPS);
        let painter = painter(&captioned(karaoke(), vec![empty, none]), &inter());
        assert!(
            ink(&only(painter.layers_at(3)).image, 128).is_some(),
            "the other word is there"
        );
        let boxes = painter.word_boxes();
        assert!(boxes.iter().all(|b| b.cue == 0 && b.word == 1), "{boxes:?}");
        let blank = painter.layers_at(25);
        assert!(blank.iter().all(|layer| ink(&layer.image, 0).is_none()));
    }

    #[test]
    fn a_missing_font_fails_before_any_frame() {
        let style = CaptionStyle {
            font: FontRequest {
                family: "Nowhere".into(),
                weight: 400,
            },
            ..karaoke()
        };
        let error = LayerPainter::new(
            &captioned(style, vec![cue("a")]),
            &inter(),
            &Default::default(),
        )
        .err();
        assert!(
            matches!(error, Some(TextError::FontNotGiven(_))),
            "{error:?}"
        );
    }
}
