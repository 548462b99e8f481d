//! Captions: laid out once per cue, drawn once per visual state.
//!
//! Neighbours: `placed_cue` says where everything of a cue lies, `animation` how far a spring or a highlight has come,
//! `raster` draws. The active word changes colour, size, height or box, never the layout.

use std::sync::Arc;

use fenta_templates::color::Color;
use fenta_templates::time::FrameRate;
use fenta_templates::timeline::{
    CaptionPreset, CaptionStyle, CaptionTrack, Cue, HighlightMode, Outline,
};

use super::animation::{self, Pose};
use super::coverage::Backdrop;
use super::error::TextError;
use super::fonts::FontLibrary;
use super::memo::Memo;
use super::placed_cue::{PlacedCue, place};
use super::raster::{self, Plate};
use super::scene::{Ground, Scene, WordLook};
use super::{CaptionLetters, Layer, WordBox, WordLetters};

/// Size of a word's box when it starts to grow.
const BOX_START: f32 = 0.8;
/// Letters on a bright marker.
const DARK: Color = Color::rgb(0x11, 0x11, 0x11);

/// Draws one caption track.
pub(super) struct CaptionPainter {
    style: CaptionStyle,
    rate: FrameRate,
    cues: Vec<PlacedCue>,
    drawn: Memo<State, Option<Layer>>,
    backdrops: Memo<State, Option<Arc<Backdrop>>>,
}

/// Everything a cue's pixels depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    cue: usize,
    active: Option<u16>,
    growth_pm: u16,
    scale_pm: u16,
    /// How much of the active word has the highlight's colour.
    fill_pm: u16,
    /// How far above its place the active word stands, in permille of an em.
    lift_pm: u16,
    /// Letters that have appeared.
    letters: usize,
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
        let placed = &self.cues[index];
        let since = frame - placed.cue.range.first();
        let pose = match self.style.preset {
            CaptionPreset::Pop => animation::cue_pop(since, self.rate),
            CaptionPreset::Slide => animation::cue_slide(since, self.rate, placed.block.size),
            _ => Pose::REST,
        };
        let state = State {
            cue: index,
            scale_pm: pose.scale_pm,
            ..self.state_of(placed, frame)
        };
        let layer = self.drawn.get_or_make(state, || self.draw(state))?;
        Some(Layer {
            y: layer.y + pose.shift_y,
            opacity_pm: pose.opacity_pm,
            ..layer
        })
    }

    /// The caption of a frame with the colours of its words' letters.
    pub(super) fn letters_at(&self, frame: i64) -> Option<CaptionLetters> {
        let layer = self.layer_at(frame)?;
        let placed = self.cues.iter().find(|c| c.cue.range.contains(frame))?;
        let state = self.state_of(placed, frame);
        let fragments = placed.block.fragments.iter();
        let words = fragments.map(|fragment| {
            let look = self.look(placed, Some(fragment.word), state);
            let passing = look.fill.map(|(color, _)| color);
            WordLetters {
                word: usize::from(fragment.word),
                rect: placed.word_rect(fragment),
                colors: std::iter::once(look.color).chain(passing).collect(),
            }
        });
        let words = words.collect();
        Some(CaptionLetters { layer, words })
    }

    /// Where every word of every cue lies at rest, in reading order.
    pub(super) fn word_boxes(&self) -> Vec<WordBox> {
        let mut boxes = Vec::new();
        for (cue, placed) in self.cues.iter().enumerate() {
            // A line lists its words from the left, whichever way it is read.
            let mut fragments: Vec<_> = placed.block.fragments.iter().collect();
            fragments.sort_by_key(|fragment| (fragment.word, fragment.line));
            boxes.extend(fragments.into_iter().map(|fragment| WordBox {
                cue,
                word: usize::from(fragment.word),
                rect: placed.word_rect(fragment),
                rtl: fragment.rtl,
            }));
        }
        boxes
    }

    /// What the words of a cue look like at a frame. What cannot be seen is left at its usual value: states that look
    /// the same are the same.
    fn state_of(&self, placed: &PlacedCue, frame: i64) -> State {
        let mode = highlight_mode(&self.style);
        let hops = self.style.preset == CaptionPreset::Bounce;
        let active =
            active_word(&placed.cue, frame).filter(|_| hops || mode != HighlightMode::None);
        let mut state = State {
            cue: 0,
            active,
            growth_pm: 1000,
            scale_pm: 1000,
            fill_pm: 0,
            lift_pm: 0,
            letters: usize::MAX,
        };
        if self.style.preset == CaptionPreset::Typewriter {
            state.letters = placed.letters_at(frame);
        }
        let Some(word) = active else { return state };
        let spoken = placed.cue.words[usize::from(word)].range;
        let since = frame - spoken.first();
        let surrounds = matches!(mode, HighlightMode::Box | HighlightMode::Marker);
        if surrounds || self.style.highlight.scale_pm != 1000 {
            state.growth_pm = animation::highlight_growth(since, self.rate);
        }
        if mode == HighlightMode::Fill {
            state.fill_pm = animation::spoken_part(since, spoken.duration.value);
        }
        if hops {
            state.lift_pm = animation::hop(since, self.rate);
        }
        state
    }

    fn draw(&self, state: State) -> Option<Layer> {
        let placed = &self.cues[state.cue];
        let scene = Scene {
            block: &placed.block,
            origin: placed.origin,
            scale: f32::from(state.scale_pm) / 1000.0,
            outline: visible_outline(&self.style),
            outline_apart: self.outline_apart(),
            shadow: self.style.shadow,
            ground: self.style.plate.and_then(|plate| {
                Some(Ground {
                    path: placed.plate_path(&plate)?,
                    color: plate.color,
                })
            }),
            plate: None,
            boxes: self.boxes(placed, state),
            look: &|word| self.look(placed, word, state),
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

    /// The part of a state that changes shapes: where the active word neither grows nor hops nor has an outline of its
    /// own, all words share one backdrop.
    fn shape(&self, state: State) -> State {
        let moves = self.style.highlight.scale_pm != 1000 || state.lift_pm > 0;
        let shape = State {
            fill_pm: 0,
            ..state
        };
        if moves {
            return shape;
        }
        State {
            active: state.active.filter(|_| self.stands_apart()),
            growth_pm: 0,
            ..shape
        }
    }

    /// The stroke of the active word, where it is another than that of the others.
    fn outline_apart(&self) -> Option<Outline> {
        self.style.highlight.outline
    }

    /// Whether the active word has a stroke of its own, or none although the others have one.
    fn stands_apart(&self) -> bool {
        self.style.highlight.outline.is_some()
            || highlight_mode(&self.style) == HighlightMode::Marker
    }

    fn look(&self, placed: &PlacedCue, word: Option<u16>, state: State) -> WordLook {
        let (style, highlight) = (&self.style, &self.style.highlight);
        let mode = highlight_mode(style);
        let Some(index) = word else {
            return WordLook::plain(style.color);
        };
        let active = word == state.active && mode != HighlightMode::None;
        let spoken = state.active.is_some_and(|active| index < active);
        let base = match (placed.cue.words[usize::from(index)].emphasis, mode) {
            (true, _) => {
                let own = style.emphasis.and_then(|look| look.color);
                own.unwrap_or(highlight.color)
            }
            (false, HighlightMode::Fill) if spoken => highlight.spoken.unwrap_or(highlight.color),
            (false, _) if spoken => highlight.spoken.unwrap_or(style.color),
            (false, _) => style.color,
        };
        let color = match mode {
            HighlightMode::Color if active => highlight.color,
            // A box already wears the highlight colour: letters in the same colour would vanish in it.
            HighlightMode::Box if active => highlight.text.unwrap_or(style.color),
            HighlightMode::Marker if active => {
                highlight.text.unwrap_or_else(|| ink_on(highlight.color))
            }
            _ => base,
        };
        // Letters that a marker has not reached yet look like the others.
        let (color, fill) = match mode {
            HighlightMode::Fill if active => (color, Some((highlight.color, state.fill_pm))),
            HighlightMode::Marker if active && state.growth_pm < 1000 => {
                (base, Some((color, state.growth_pm)))
            }
            _ => (color, None),
        };
        WordLook {
            scale: if active { self.grown_scale(state) } else { 1.0 },
            lift: if word == state.active {
                f32::from(state.lift_pm) / 1000.0 * placed.block.size
            } else {
                0.0
            },
            apart: active && self.stands_apart(),
            fill: fill.map(|(color, part_pm)| (color, f32::from(part_pm) / 1000.0)),
            until: placed.shown_until(index, state.letters),
            ..WordLook::plain(color)
        }
    }

    fn grown_scale(&self, state: State) -> f32 {
        let full = f32::from(self.style.highlight.scale_pm) / 1000.0;
        1.0 + (full - 1.0) * f32::from(state.growth_pm) / 1000.0
    }

    /// What is drawn behind the active word, once a line it touches.
    fn boxes(&self, placed: &PlacedCue, state: State) -> Vec<Plate> {
        let highlight = &self.style.highlight;
        let grown = f32::from(state.growth_pm) / 1000.0;
        let lift = f32::from(state.lift_pm) / 1000.0 * placed.block.size;
        let mode = highlight_mode(&self.style);
        let scale = f32::from(state.scale_pm) / 1000.0;
        let fragments = placed
            .block
            .fragments
            .iter()
            .filter(|fragment| Some(fragment.word) == state.active);
        let plate = |(rect, radius), color| Plate {
            rect,
            radius,
            color,
        };
        match mode {
            // A box grows about its own middle.
            HighlightMode::Box => {
                let size = (BOX_START + (1.0 - BOX_START) * grown) * self.grown_scale(state);
                let alpha = (f32::from(highlight.color.a) * grown).round() as u8;
                fragments
                    .filter_map(|one| placed.word_box(one, highlight, size, lift))
                    .filter_map(|found| placed.scaled(found, scale))
                    .map(|found| plate(found, highlight.color.with_alpha(alpha)))
                    .collect()
            }
            // A marker is drawn from where reading begins.
            HighlightMode::Marker => fragments
                .filter_map(|one| {
                    let size = self.grown_scale(state);
                    let whole = placed.marker(one, highlight, size, lift)?;
                    placed.drawn_part(whole, one, grown)
                })
                .filter_map(|found| placed.scaled(found, scale))
                .map(|found| plate(found, highlight.color))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A word is active from its start until the next one's: no flicker in the pauses between words.
fn active_word(cue: &Cue, frame: i64) -> Option<u16> {
    let index = cue
        .words
        .iter()
        .rposition(|word| word.range.first() <= frame)?;
    u16::try_from(index).ok()
}

/// What happens to the active word, by preset and style.
pub(super) fn highlight_mode(style: &CaptionStyle) -> HighlightMode {
    match style.preset {
        CaptionPreset::Phrase | CaptionPreset::Clean => HighlightMode::None,
        CaptionPreset::Box => HighlightMode::Box,
        CaptionPreset::Highlight => HighlightMode::Marker,
        CaptionPreset::Karaoke
        | CaptionPreset::Pop
        | CaptionPreset::Bounce
        | CaptionPreset::Slide
        | CaptionPreset::Typewriter => style.highlight.mode,
    }
}

/// The stroke of ordinary words.
pub(super) fn visible_outline(style: &CaptionStyle) -> Option<Outline> {
    match style.preset {
        CaptionPreset::Clean => None,
        _ => style.outline,
    }
}

/// Nearly black or white, whichever stands out more from a colour by WCAG 2's contrast ratio.
fn ink_on(color: Color) -> Color {
    let linear = |value: u8| {
        let value = f32::from(value) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let luminance = 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b);
    // Equal contrast to black and white lies where (L + 0.05)^2 = 1.05 * 0.05.
    if luminance > 0.179 {
        DARK
    } else {
        Color::WHITE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{
        FPS, Fonts, YELLOW, caption_style, captioned, cue, fonts, ink, inter, painter,
    };
    use crate::text::{LayerPainter, TextError};
    use fenta_templates::time::TimeRange;
    use fenta_templates::timeline::{
        Anchor, CaptionPlate, CaptionStyle, EmphasisLook, FontRequest, PlateShape, Rect,
    };

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

    // spec: T-44
    #[test]
    fn emphasised_words_have_a_weight_and_a_colour_of_their_own() {
        let given = fonts(&[("Inter", 500), ("Inter", 900)]);
        let red = Color::rgb(0xFF, 0x20, 0x20);
        let mut style = plain(CaptionPreset::Phrase, HighlightMode::None);
        style.font.weight = 500;
        let mut words = cue("never give up");
        words.words[0].emphasis = true;
        let drawn = |style: &CaptionStyle| {
            let painter = painter(&captioned(style.clone(), vec![words.clone()]), &given);
            let boxes: Vec<Rect> = painter.word_boxes().iter().map(|word| word.rect).collect();
            let reds: Vec<u32> = boxes
                .iter()
                .map(|rect| count(&only(painter.layers_at(5)), *rect, red) as u32)
                .collect();
            (boxes, reds)
        };
        let (usual, _) = drawn(&style);
        style.emphasis = Some(EmphasisLook {
            color: Some(red),
            weight: Some(900),
        });
        let (strong, reds) = drawn(&style);
        assert!(strong[0].w > usual[0].w + 3, "{strong:?} {usual:?}");
        for at in [1, 2] {
            assert!(
                strong[at].w.abs_diff(usual[at].w) <= 1,
                "{strong:?} {usual:?}"
            );
        }
        assert!(reds[0] > 200 && reds[1..] == [0, 0], "{reds:?}");
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

    /// Columns and rows of a canvas rectangle that hold a colour: left, top, right, bottom.
    fn extent(layer: &Layer, color: Color) -> Option<(i32, i32, i32, i32)> {
        let mut found: Option<(i32, i32, i32, i32)> = None;
        for y in 0..layer.image.height {
            for x in 0..layer.image.width {
                if near(layer.image.pixel(x, y), color) {
                    let (x, y) = (layer.x + x as i32, layer.y + y as i32);
                    let (l, t, r, b) = found.unwrap_or((x, y, x, y));
                    found = Some((l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)));
                }
            }
        }
        found
    }

    fn plain(preset: CaptionPreset, mode: HighlightMode) -> CaptionStyle {
        CaptionStyle {
            outline: None,
            shadow: None,
            ..caption_style(preset, mode)
        }
    }

    // spec: T-50
    #[test]
    fn a_marker_is_drawn_over_its_word_in_reading_direction() {
        let given = fonts(&[("Inter", 800), ("Noto Sans Arabic", 800)]);
        let style = plain(CaptionPreset::Highlight, HighlightMode::Marker);
        for (text, rtl) in [("Small habits change", false), ("عادات صغيرة تغير", true)]
        {
            let painter = painter(&captioned(style.clone(), vec![cue(text)]), &given);
            let boxes = painter.word_boxes();
            assert!(boxes.iter().all(|word| word.rtl == rtl), "{boxes:?}");
            let word = boxes[1].rect;
            let middle = word.x + word.w as i32 / 2;
            if rtl {
                assert!(boxes[0].rect.x > word.x && word.x > boxes[2].rect.x);
            }
            let drawn = |frame| extent(&only(painter.layers_at(frame)), YELLOW).unwrap();
            let (first, whole) = (drawn(10), drawn(15));
            assert!((whole.0 + whole.2) / 2 - middle < 4 && whole.2 - whole.0 > word.w as i32);
            assert!(first.2 - first.0 < whole.2 - whole.0, "it grows");
            if rtl {
                assert!(
                    (first.2 - whole.2).abs() <= 1 && first.0 > whole.0 + 8,
                    "from the right"
                );
            } else {
                assert!(
                    (first.0 - whole.0).abs() <= 1 && first.2 < whole.2 - 8,
                    "from the left"
                );
            }
            let layer = only(painter.layers_at(15));
            assert!(
                count(&layer, word, DARK) > 300,
                "dark letters on a bright marker"
            );
            for other in boxes.iter().filter(|other| other.word != 1) {
                assert_eq!(count(&layer, other.rect, DARK), 0);
            }
        }
    }

    #[test]
    fn every_word_hops_as_it_is_spoken_and_the_others_stand() {
        let painter = painter(
            &captioned(
                plain(CaptionPreset::Bounce, HighlightMode::Color),
                vec![cue("one two")],
            ),
            &inter(),
        );
        let top = |frame, color| extent(&only(painter.layers_at(frame)), color).unwrap().1;
        let rest = top(19, YELLOW);
        assert!(top(10, YELLOW) < rest - 3, "it has left in its first frame");
        assert!(top(12, YELLOW) < rest - 8);
        let stands: Vec<i32> = (10..20).map(|frame| top(frame, Color::WHITE)).collect();
        assert!(stands.iter().all(|one| *one == stands[0]), "{stands:?}");
    }

    #[test]
    fn a_slide_moves_the_whole_cue_and_nothing_in_it() {
        let painter = painter(
            &captioned(
                plain(CaptionPreset::Slide, HighlightMode::Color),
                vec![cue("one two")],
            ),
            &inter(),
        );
        let (first, rest) = (only(painter.layers_at(0)), only(painter.layers_at(8)));
        assert!(first.y > rest.y + 10 && first.opacity_pm < 1000);
        assert!(Arc::ptr_eq(&first.image, &rest.image), "one picture, moved");
        assert_eq!(rest.opacity_pm, 1000);
    }

    #[test]
    fn letters_are_typed_as_they_are_spoken_in_reading_direction() {
        let given = fonts(&[("Inter", 800), ("Noto Sans Hebrew", 800)]);
        let style = plain(CaptionPreset::Typewriter, HighlightMode::None);
        for (text, rtl) in [("habits change", false), ("שלום עולם", true)] {
            let painter = painter(&captioned(style.clone(), vec![cue(text)]), &given);
            let boxes = painter.word_boxes();
            let at = |frame| extent(&only(painter.layers_at(frame)), Color::WHITE).unwrap();
            let (first, later, all) = (at(0), at(4), at(19));
            let width = |ink: (i32, i32, i32, i32)| ink.2 - ink.0;
            assert!(width(first) < width(later) && width(later) < width(all));
            let start = boxes[0].rect;
            if rtl {
                assert!(
                    (first.2 - start.x - start.w as i32).abs() < 12,
                    "begins at the right: {first:?} of {all:?} in {start:?} {boxes:?}"
                );
            } else {
                assert!((first.0 - start.x).abs() < 12, "begins at the left");
            }
            let layer = only(painter.layers_at(9));
            assert_eq!(
                count(&layer, boxes[1].rect, Color::WHITE),
                0,
                "not yet spoken"
            );
            assert!(count(&only(painter.layers_at(10)), boxes[1].rect, Color::WHITE) > 0);
            let whole = count(&only(painter.layers_at(8)), boxes[0].rect, Color::WHITE);
            let still = count(&only(painter.layers_at(18)), boxes[0].rect, Color::WHITE);
            assert_eq!(whole, still, "typed letters stay where they are");
        }
    }

    #[test]
    fn a_fill_runs_through_the_word_and_stays() {
        let painter = painter(
            &captioned(
                plain(CaptionPreset::Karaoke, HighlightMode::Fill),
                vec![cue(TEXT)],
            ),
            &inter(),
        );
        let boxes = painter.word_boxes();
        let yellow =
            |frame, word: usize| count(&only(painter.layers_at(frame)), boxes[word].rect, YELLOW);
        let parts: Vec<usize> = (10..18).map(|frame| yellow(frame, 1)).collect();
        assert!(
            parts[0] > 0 && parts.windows(2).all(|pair| pair[0] <= pair[1]),
            "{parts:?}"
        );
        assert_eq!(
            count(&only(painter.layers_at(17)), boxes[1].rect, Color::WHITE),
            0
        );
        assert_eq!(yellow(25, 1), parts[7], "what was spoken keeps its colour");
        assert_eq!((yellow(25, 3), yellow(5, 1)), (0, 0));
    }

    #[test]
    fn the_active_word_has_letters_and_a_stroke_of_its_own() {
        let (ink, grey) = (Color::rgb(0x20, 0x10, 0x60), Color::rgb(0x80, 0x80, 0x80));
        let red = Color::rgb(0xFF, 0, 0);
        let mut style = CaptionStyle {
            shadow: None,
            ..caption_style(CaptionPreset::Box, HighlightMode::Box)
        };
        style.highlight.text = Some(ink);
        style.highlight.spoken = Some(grey);
        style.highlight.outline = Some(Outline {
            width: 4,
            color: red,
        });
        style.highlight.padding = Some(30);
        style.highlight.radius = Some(0);
        let painter = painter(&captioned(style, vec![cue(TEXT)]), &inter());
        let boxes = painter.word_boxes();
        let layer = only(painter.layers_at(17));
        let seen = |word: usize, color| count(&layer, boxes[word].rect, color) > 200;
        assert!(seen(1, ink) && seen(1, red) && !seen(1, Color::BLACK));
        assert!(seen(0, grey) && seen(0, Color::BLACK) && !seen(0, Color::WHITE));
        assert!(seen(3, Color::WHITE) && seen(3, Color::BLACK) && !seen(3, red));
        let (left, ..) = extent(&layer, YELLOW).unwrap();
        assert!((boxes[1].rect.x - 30 - left).abs() <= 2, "its own padding");
    }

    #[test]
    fn a_plate_lies_under_all_lines() {
        let green = Color::rgb(0x00, 0x80, 0x40);
        for shape in [PlateShape::Lines, PlateShape::Block] {
            let style = CaptionStyle {
                plate: Some(CaptionPlate {
                    color: green,
                    padding: 24,
                    radius: 20,
                    shape,
                }),
                ..plain(CaptionPreset::Phrase, HighlightMode::None)
            };
            let text = "One short line and then another much longer one";
            let painter = painter(&captioned(style, vec![cue(text)]), &inter());
            let layer = only(painter.layers_at(5));
            let plate = extent(&layer, green).unwrap();
            for word in painter.word_boxes() {
                let rect = word.rect;
                assert!(plate.0 <= rect.x - 20 && plate.2 >= rect.x + rect.w as i32 + 20);
                let corner = Rect {
                    x: rect.x,
                    y: rect.y + rect.h as i32 / 2,
                    w: 4,
                    h: 4,
                };
                let bare = count(&layer, corner, green) + count(&layer, corner, Color::WHITE);
                assert!(bare > 0, "behind every word");
            }
            assert!(plate.2 - plate.0 <= 835, "inside the style's width");
        }
    }

    #[test]
    fn marker_letters_stand_out_from_their_marker() {
        for (marker, ink) in [
            (YELLOW, DARK),
            (Color::WHITE, DARK),
            (Color::rgb(0x7C, 0x3A, 0xED), Color::WHITE),
            (Color::rgb(0x10, 0x20, 0x30), Color::WHITE),
        ] {
            assert_eq!(ink_on(marker), ink, "{marker}");
        }
    }
}
