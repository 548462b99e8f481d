//! A cue in its place: its lines, its words, and the boxes and plates around them.
//!
//! Neighbours: `layout` breaks the lines, `caption` decides what of a cue is seen when. Geometry only; no colours.

use std::ops::Range;

use fenta_templates::timeline::{
    CaptionPlate, CaptionStyle, Cue, CueWord, FontRequest, Highlight, HighlightMode, PlateShape,
    Rect,
};

use super::block::{TextBlock, WordFragment, anchor_fractions};
use super::caption::{highlight_mode, visible_outline};
use super::error::TextError;
use super::fonts::FontLibrary;
use super::layout::{Fit, LINE_HEIGHT, TextSpec, WORD_BREAK, is_spaceless};
use super::line_plate::{Span, line_plate};

/// Sizes tried, in permille, before a cue gets more lines than its style allows.
const SHRINK_STEPS: [u16; 7] = [1000, 975, 950, 925, 900, 875, 850];
/// Sizes tried, in permille, with as many lines as it takes; below the last, a word wider than a line is cut.
const LONG_WORD_STEPS: [u16; 8] = [850, 800, 750, 700, 650, 600, 550, 500];
/// Advance of a bold Latin letter, in em.
const LETTER: f32 = 0.58;
/// Letters of a word beyond which room for its growth is no longer kept.
const LONG_WORD: usize = 12;
/// The most that is added to a space, in em.
const MOST_SPACING: f32 = 0.22;
/// Space between a word and the edge of its box, in em.
const BOX_PADDING: f32 = 0.18;
/// Corner radius of a word's box, in em.
const BOX_RADIUS: f32 = 0.18;
/// Space between a word and the end of its marker, in em.
const MARKER_PADDING: f32 = 0.12;
/// Corner radius of a marker, in em.
const MARKER_RADIUS: f32 = 0.06;

/// A rectangle on the canvas with its corner radius.
pub(super) type Rounded = (tiny_skia::Rect, f32);

/// A cue with its geometry.
pub(super) struct PlacedCue {
    pub(super) cue: Cue,
    pub(super) block: TextBlock,
    /// Where the block's top left corner lies on the canvas.
    pub(super) origin: (f32, f32),
    /// Of each word, the bytes of the cue's text at which its letters begin, in reading order.
    letters: Vec<Vec<usize>>,
}

impl PlacedCue {
    /// A word with its ascent and descent, on whole canvas pixels.
    pub(super) fn word_rect(&self, fragment: &WordFragment) -> Rect {
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

    /// How many letters have been spoken at a frame: those of a word come one by one over its time.
    pub(super) fn letters_at(&self, frame: i64) -> usize {
        let words = self.cue.words.iter().zip(&self.letters);
        let mut following = self.cue.words.iter().skip(1).map(|word| word.range.first());
        words
            .map(|(word, letters)| {
                let begun = frame + 1 - word.range.first();
                let next_begun = following.next().is_some_and(|next| next <= frame);
                let frames = word.range.duration.value;
                if begun <= 0 {
                    0
                } else if next_begun || begun >= frames {
                    letters.len()
                } else {
                    ((letters.len() as i64 * begun + frames - 1) / frames) as usize
                }
            })
            .sum()
    }

    /// The byte from which on letters of a word are not shown, where so many of the whole cue are.
    pub(super) fn shown_until(&self, word: u16, shown: usize) -> usize {
        let word = usize::from(word);
        let before: usize = self.letters.iter().take(word).map(Vec::len).sum();
        let own = self.letters.get(word).map_or(&[][..], Vec::as_slice);
        let next = own.get(shown.saturating_sub(before));
        next.copied().unwrap_or(usize::MAX)
    }

    /// The box of a word: even space around its capitals, enough below for descenders, and never taller than the
    /// line pitch, so that boxes of neighbouring lines cannot touch the other line's letters.
    pub(super) fn word_box(
        &self,
        fragment: &WordFragment,
        look: &Highlight,
        size: f32,
        lift: f32,
    ) -> Option<Rounded> {
        let block = &self.block;
        let side = look.padding.map_or(BOX_PADDING * block.size, f32::from);
        let room = (LINE_HEIGHT * block.size - block.cap_height) / 2.0;
        let rise = match look.padding {
            Some(padding) if block.line_widths.len() > 1 => f32::from(padding).min(room),
            Some(padding) => f32::from(padding),
            None => (block.descent + 0.02 * block.size).min(room).max(side),
        };
        let half = (
            ((fragment.right - fragment.left) / 2.0 + side) * size,
            (block.cap_height / 2.0 + rise) * size,
        );
        let radius = look.radius.map_or(BOX_RADIUS * block.size, f32::from);
        self.around(fragment, half, lift)
            .map(|rect| (rect, radius * size))
    }

    /// The whole marker of a word: from a little above its capitals to below its descenders.
    pub(super) fn marker(
        &self,
        fragment: &WordFragment,
        look: &Highlight,
        size: f32,
        lift: f32,
    ) -> Option<Rounded> {
        let block = &self.block;
        let side = look.padding.map_or(MARKER_PADDING * block.size, f32::from);
        let rise = (LINE_HEIGHT * block.size - block.cap_height) / 2.0;
        let half = (
            ((fragment.right - fragment.left) / 2.0 + side) * size,
            (block.cap_height / 2.0 + rise) * size,
        );
        let radius = look.radius.map_or(MARKER_RADIUS * block.size, f32::from);
        self.around(fragment, half, lift)
            .map(|rect| (rect, radius * size))
    }

    /// The part of a word's marker that has been drawn, from the side at which the word is begun to be read.
    pub(super) fn drawn_part(
        &self,
        (rect, radius): Rounded,
        fragment: &WordFragment,
        done: f32,
    ) -> Option<Rounded> {
        let width = rect.width() * self.block.part_of(fragment, done);
        let (left, right) = if fragment.rtl {
            (rect.right() - width, rect.right())
        } else {
            (rect.left(), rect.left() + width)
        };
        let part = tiny_skia::Rect::from_ltrb(left, rect.top(), right, rect.bottom())?;
        Some((part, radius))
    }

    /// The rectangle of so many pixels to each side of the middle of a word's capitals.
    fn around(
        &self,
        fragment: &WordFragment,
        half: (f32, f32),
        lift: f32,
    ) -> Option<tiny_skia::Rect> {
        let x = self.origin.0 + (fragment.left + fragment.right) / 2.0;
        let y = self.origin.1 + fragment.baseline - self.block.cap_height / 2.0 - lift;
        tiny_skia::Rect::from_ltrb(x - half.0, y - half.1, x + half.0, y + half.1)
    }

    /// A rectangle of the cue when the whole cue has another size about its middle.
    pub(super) fn scaled(&self, (rect, radius): Rounded, scale: f32) -> Option<Rounded> {
        let middle = (
            self.origin.0 + self.block.width / 2.0,
            self.origin.1 + self.block.height / 2.0,
        );
        let at = |value: f32, middle: f32| middle + (value - middle) * scale;
        let rect = tiny_skia::Rect::from_ltrb(
            at(rect.left(), middle.0),
            at(rect.top(), middle.1),
            at(rect.right(), middle.0),
            at(rect.bottom(), middle.1),
        )?;
        Some((rect, radius * scale))
    }

    /// The plate behind the cue, relative to its block.
    pub(super) fn plate_path(&self, plate: &CaptionPlate) -> Option<tiny_skia::Path> {
        let mut lines = self.line_spans(f32::from(plate.padding));
        if plate.shape == PlateShape::Block {
            let all = lines.iter().copied().reduce(Span::around)?;
            lines = vec![all];
        }
        line_plate(&lines, f32::from(plate.radius))
    }

    /// What each line covers with space around it. Lines meet half way between their capitals, so that plates of two
    /// lines are one.
    fn line_spans(&self, padding: f32) -> Vec<Span> {
        let block = &self.block;
        let lines = block.line_glyphs.iter().enumerate();
        let mut spans: Vec<Span> = lines
            .filter_map(|(line, glyphs)| {
                let words = block.fragments.iter().filter(|word| word.line == line);
                let first = words.clone().next()?;
                let ink = block.glyphs[glyphs.clone()]
                    .iter()
                    .map(super::glyph::PlacedGlyph::top_and_bottom)
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
                let above = padding.max(block.descent);
                Some(Span {
                    left: words.clone().map(|word| word.left).fold(f32::MAX, f32::min) - padding,
                    right: words.map(|word| word.right).fold(f32::MIN, f32::max) + padding,
                    top: (first.baseline - block.cap_height - above).min(ink.0 - padding / 2.0),
                    bottom: (first.baseline + above).max(ink.1 + padding / 2.0),
                })
            })
            .collect();
        for line in 1..spans.len() {
            let meet = (spans[line - 1].bottom + spans[line].top) / 2.0;
            spans[line - 1].bottom = meet;
            spans[line].top = meet;
        }
        spans
    }
}

/// Lays a cue out.
pub(super) fn place(
    cue: &Cue,
    style: &CaptionStyle,
    fonts: &mut FontLibrary,
) -> Result<PlacedCue, TextError> {
    let (text, words) = compose(&cue.words, style.uppercase);
    let strong = style.strong_font().map(|font| {
        let said = cue.words.iter().zip(&words);
        let ranges: Vec<Range<usize>> = said
            .filter(|(word, range)| word.emphasis && !range.is_empty())
            .map(|(_, range)| range.clone())
            .collect();
        (font, ranges)
    });
    let wanted = Wanted {
        text: &text,
        words: &words,
        strong: strong
            .as_ref()
            .map(|(font, ranges)| (font, ranges.as_slice())),
    };
    let block = fit(wanted, style, fonts)?;
    let (ax, ay) = anchor_fractions(style.anchor);
    let origin = (
        (style.x as f32 - block.width * ax).round(),
        (style.y as f32 - block.height * ay).round(),
    );
    let letters = letters(&block, words.len());
    Ok(PlacedCue {
        cue: cue.clone(),
        block,
        origin,
        letters,
    })
}

/// Of each word, where its letters begin in the text.
fn letters(block: &TextBlock, words: usize) -> Vec<Vec<usize>> {
    let mut letters = vec![Vec::new(); words];
    for glyph in &block.glyphs {
        let word = glyph.fragment.map(|at| block.fragments[at].word);
        if let Some(own) = word.and_then(|word| letters.get_mut(usize::from(word))) {
            own.push(glyph.at);
        }
    }
    for own in &mut letters {
        own.sort_unstable();
        own.dedup();
    }
    letters
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
        } else if !text.is_empty() && !plain.is_empty() {
            text.push(WORD_BREAK);
        }
        ranges.push(text.len()..text.len() + plain.len());
        text.push_str(&plain);
    }
    (text, ranges)
}

/// The text of a cue with its words, and those that have a face of their own.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    text: &'a str,
    words: &'a [Range<usize>],
    strong: Option<(&'a FontRequest, &'a [Range<usize>])>,
}

/// As large as fits: first smaller letters, then more lines, then smaller still for a word that is wider than a line,
/// and only then a cut word.
fn fit(
    wanted: Wanted<'_>,
    style: &CaptionStyle,
    fonts: &mut FontLibrary,
) -> Result<TextBlock, TextError> {
    let max_lines = usize::from(style.max_lines.max(1));
    let letters = |range: &Range<usize>| wanted.text[range.clone()].chars().count();
    let longest = wanted.words.iter().map(letters).max().unwrap_or(0);
    let mut try_size = |pm: u16, accept: &dyn Fn(Fit) -> bool| {
        let size = f32::from(style.size) * f32::from(pm) / 1000.0;
        let mut paragraph = fonts.shape(TextSpec {
            text: wanted.text,
            words: wanted.words,
            font: &style.font,
            size,
            strong: wanted.strong,
            word_spacing: word_spacing(style, longest),
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

/// A box or a growing word needs more room beside it than plain letters, in em; a word grows by as much as it is long.
fn word_spacing(style: &CaptionStyle, longest: usize) -> f32 {
    let growth = f32::from(style.highlight.scale_pm.saturating_sub(1000)) / 1000.0;
    match highlight_mode(style) {
        HighlightMode::None => 0.0,
        HighlightMode::Color | HighlightMode::Fill => {
            let beside = growth / 2.0 * LETTER * longest.min(LONG_WORD) as f32;
            (growth * 1.5).max(beside).min(MOST_SPACING)
        }
        HighlightMode::Box | HighlightMode::Marker => {
            let own = style.highlight.padding.map_or(0.0, |padding| {
                f32::from(padding) / f32::from(style.size.max(1)) - BOX_PADDING
            });
            (0.1 + growth * 1.5).min(0.2) + own.clamp(0.0, 0.2)
        }
    }
}

/// What a line of letters may take of the style's width: outlines, boxes and plates reach beyond the letters.
fn line_width(style: &CaptionStyle, size: f32) -> f32 {
    let stroke = visible_outline(style).map_or(0.0, |o| f32::from(o.width));
    let own = |em: f32| style.highlight.padding.map_or(em * size, f32::from);
    let padding = match highlight_mode(style) {
        HighlightMode::Box => own(BOX_PADDING),
        HighlightMode::Marker => own(MARKER_PADDING),
        _ => 0.0,
    };
    let plate = style.plate.map_or(0.0, |plate| f32::from(plate.padding));
    let reach = stroke.max(padding).max(plate);
    (f32::from(style.max_width) - 2.0 * reach).max(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{caption_style, cue};
    use fenta_templates::timeline::CaptionPreset;

    #[test]
    fn a_long_word_has_room_to_grow_into() {
        let mut style = caption_style(CaptionPreset::Karaoke, HighlightMode::Color);
        style.highlight.scale_pm = 1060;
        let (short, long) = (word_spacing(&style, 3), word_spacing(&style, 10));
        // It grows to both sides by three hundredths of its width.
        assert!(short < long && long >= 0.03 * 10.0 * LETTER - 1e-6);
        assert_eq!(word_spacing(&style, 12), word_spacing(&style, 40));
        style.highlight.scale_pm = 1900;
        assert_eq!(word_spacing(&style, 10), MOST_SPACING);
        style.highlight.scale_pm = 1000;
        assert_eq!(word_spacing(&style, 10), 0.0);
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
        assert_eq!(text, "毎日\u{200B}の\u{200B}習慣 ok");
        assert_eq!(&text[ranges[2].clone()], "習慣");
    }
}
