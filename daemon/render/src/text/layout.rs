//! From a text to placed glyphs: shaping, line breaking by measured width, balance, and where each word lies.
//!
//! Neighbours: `fonts` supplies the faces, `caption` and `overlay` decide on sizes, `block` is the result. The only file
//! that talks to parley about lines.

use std::ops::Range;

use fenta_templates::timeline::FontRequest;
pub(super) use fenta_templates::timeline::is_spaceless;
use parley::{
    BreakReason, Cluster, FontWeight, Layout, LineBreakContext, LineBreakOverrideFn, LineHeight,
    OverflowWrap, StyleProperty,
};

use super::block::{TextBlock, WordFragment};
use super::error::TextError;
use super::fonts::{FontLibrary, WordTag};
use super::glyph::GlyphScaler;

/// Line pitch in em.
pub(super) const LINE_HEIGHT: f32 = 1.2;
/// Cap height in em where a font does not tell.
const USUAL_CAP_HEIGHT: f32 = 0.7;
/// From here on code points are pictographs.
const FIRST_PICTOGRAPH: char = '\u{1F000}';
/// Stands between words that have no space between them: lines may break there, and nothing of it is seen.
pub(super) const WORD_BREAK: char = '\u{200B}';
const EMOJI_PRESENTATION: char = '\u{FE0F}';
const ENCLOSING_KEYCAP: char = '\u{20E3}';

/// What to shape.
#[derive(Clone, Copy)]
pub(super) struct TextSpec<'a> {
    pub(super) text: &'a str,
    /// Byte ranges of words that must be found again; they do not overlap.
    pub(super) words: &'a [Range<usize>],
    pub(super) font: &'a FontRequest,
    pub(super) size: f32,
    /// The face of some of the words, where it is another.
    pub(super) strong: Option<(&'a FontRequest, &'a [Range<usize>])>,
    /// Extra space between words, in em.
    pub(super) word_spacing: f32,
    /// Lines break between the words of the text only, not after hyphens or slashes.
    pub(super) whole_words: bool,
}

/// Where the lines of a paragraph fell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) lines: usize,
    pub(super) height: f32,
    /// A word was wider than a line and was cut.
    pub(super) cut_word: bool,
}

/// A shaped text whose lines can be broken again and again.
pub(super) struct Paragraph<'a> {
    spec: TextSpec<'a>,
    layout: Layout<WordTag>,
}

impl FontLibrary {
    /// Shapes a text and makes sure that every character of it can be drawn.
    pub(super) fn shape<'a>(&mut self, spec: TextSpec<'a>) -> Result<Paragraph<'a>, TextError> {
        let stack = self.text_stack(spec.font)?.into_owned();
        let strong = match spec.strong {
            Some((font, ranges)) => Some((font, self.text_stack(font)?.into_owned(), ranges)),
            None => None,
        };
        let emoji_stack = self.emoji_stack().into_owned();
        let has_emoji = self.has_emoji();
        let mut builder = self
            .layout
            .ranged_builder(&mut self.context, spec.text, 1.0, true);
        builder.push_default(StyleProperty::FontFamily(stack));
        builder.push_default(StyleProperty::FontSize(spec.size));
        builder.push_default(StyleProperty::FontWeight(FontWeight::new(f32::from(
            spec.font.weight,
        ))));
        builder.push_default(LineHeight::FontSizeRelative(LINE_HEIGHT));
        builder.push_default(StyleProperty::WordSpacing(spec.word_spacing * spec.size));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        for (index, range) in spec.words.iter().enumerate() {
            let tag = WordTag(u16::try_from(index).ok());
            builder.push(StyleProperty::Brush(tag), range.clone());
        }
        if let Some((font, stack, ranges)) = strong {
            for range in ranges {
                builder.push(StyleProperty::FontFamily(stack.clone()), range.clone());
                let weight = FontWeight::new(f32::from(font.weight));
                builder.push(StyleProperty::FontWeight(weight), range.clone());
            }
        }
        if has_emoji {
            for range in emoji_ranges(spec.text) {
                builder.push(StyleProperty::FontFamily(emoji_stack.clone()), range);
            }
        }
        // Where words of scripts without spaces are told apart, lines break between them only.
        let between_words: &LineBreakOverrideFn = if spec.text.contains(WORD_BREAK) {
            &break_between_divided_words
        } else {
            &break_between_words
        };
        builder.set_line_break_override(spec.whole_words.then_some(between_words));
        let mut layout = builder.build(spec.text);
        layout.break_all_lines(None);
        let paragraph = Paragraph { spec, layout };
        paragraph.check_glyphs(has_emoji)?;
        Ok(paragraph)
    }
}

/// Scripts written without spaces may break anywhere their own rules allow.
fn break_between_words(at: LineBreakContext) -> Option<bool> {
    if at.before.is_whitespace() || is_spaceless(at.before) || is_spaceless(at.after) {
        None
    } else {
        Some(false)
    }
}

/// The same where words without spaces between them are told apart.
fn break_between_divided_words(at: LineBreakContext) -> Option<bool> {
    if at.before.is_whitespace() || at.before == WORD_BREAK {
        None
    } else {
        Some(false)
    }
}

/// Pictographs, and whatever asks to be shown as one.
fn emoji_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut previous = 0..0;
    for (start, c) in text.char_indices() {
        let this = start..start + c.len_utf8();
        let range = match c {
            EMOJI_PRESENTATION | ENCLOSING_KEYCAP => Some(previous.start..this.end),
            '\u{200D}' if ranges.last().is_some_and(|last| last.end == start) => Some(this.clone()),
            c if c >= FIRST_PICTOGRAPH && !is_spaceless(c) => Some(this.clone()),
            _ => None,
        };
        if let Some(range) = range {
            match ranges.last_mut() {
                Some(last) if last.end >= range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        previous = this;
    }
    ranges
}

impl<'a> Paragraph<'a> {
    /// Breaks the lines at a width.
    pub(super) fn break_at(&mut self, width: f32) -> Fit {
        self.layout.break_all_lines(Some(width));
        Fit {
            lines: self.layout.len(),
            height: self.layout.height(),
            cut_word: self
                .layout
                .lines()
                .any(|line| line.break_reason() == BreakReason::Emergency),
        }
    }

    /// Breaks the lines so that they are as even as possible without being more than at the full width.
    pub(super) fn balance(&mut self, width: f32) -> Fit {
        let full = self.break_at(width);
        if full.lines < 2 || full.cut_word {
            return full;
        }
        let (mut low, mut high) = (width / full.lines as f32 * 0.5, width);
        while high - low > 1.0 {
            let middle = (low + high) / 2.0;
            let fit = self.break_at(middle);
            if fit.lines <= full.lines && !fit.cut_word {
                high = middle;
            } else {
                low = middle;
            }
        }
        self.break_at(high)
    }

    /// Byte offsets at which the text may be cut without splitting a character, in order.
    pub(super) fn cut_points(&self) -> Vec<usize> {
        let mut points: Vec<usize> = self
            .clusters()
            .map(|cluster| cluster.text_range().start)
            .collect();
        points.sort_unstable();
        points
    }

    fn clusters(&self) -> impl Iterator<Item = Cluster<'_, WordTag>> {
        self.layout
            .lines()
            .flat_map(|line| line.runs().flat_map(|run| run.clusters()))
    }

    fn check_glyphs(&self, has_emoji: bool) -> Result<(), TextError> {
        let mut scaler = GlyphScaler::default();
        for cluster in self.clusters() {
            let text = &self.spec.text[cluster.text_range()];
            if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
                continue;
            }
            let pictograph = text
                .chars()
                .any(|c| (c >= FIRST_PICTOGRAPH && !is_spaceless(c)) || c == EMOJI_PRESENTATION);
            if cluster.glyphs().any(|glyph| glyph.id == 0) {
                return Err(self.missing(text, pictograph && !has_emoji));
            }
            if pictograph && !scaler.has_ink(&cluster) {
                return Err(TextError::EmojiNotDrawable {
                    text: self.spec.text.to_owned(),
                    cluster: text.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn missing(&self, cluster: &str, wants_emoji_font: bool) -> TextError {
        let (text, font) = (self.spec.text.to_owned(), self.spec.font.clone());
        let cluster = cluster.to_owned();
        if wants_emoji_font {
            return TextError::NoEmojiFont {
                text,
                cluster,
                font,
            };
        }
        let code_points: Vec<String> = cluster
            .chars()
            .map(|c| format!("U+{:04X}", u32::from(c)))
            .collect();
        TextError::MissingGlyph {
            text,
            cluster,
            code_points: code_points.join(" "),
            font,
        }
    }

    /// Places the glyphs; lines shorter than the widest are moved by `align` (0 left, 0.5 centred, 1 right).
    pub(super) fn into_block(self, align: f32) -> TextBlock {
        let spans: Vec<LineSpans> = (0..self.layout.len()).map(|i| self.line_spans(i)).collect();
        let width = spans.iter().map(LineSpans::width).fold(0.0, f32::max);
        let mut block = self.empty_block(width);
        let mut scaler = GlyphScaler::default();
        for (number, (line, spans)) in self.layout.lines().zip(spans).enumerate() {
            let shift = (width - spans.width()) * align - spans.left;
            let baseline = line.metrics().baseline;
            block.line_widths.push(spans.width());
            let first_glyph = block.glyphs.len();
            let first = block.fragments.len();
            block
                .fragments
                .extend(spans.words.iter().map(|span| WordFragment {
                    word: span.word,
                    line: number,
                    left: span.left + shift,
                    right: span.right + shift,
                    baseline,
                    rtl: span.rightward < 0.0,
                }));
            let fragments = &block.fragments[first..];
            let fragment_of = |tag: WordTag| {
                let at = fragments.iter().position(|f| Some(f.word) == tag.0)?;
                Some(first + at)
            };
            scaler.place_line(&line, shift, fragment_of, &mut block.glyphs);
            block.line_glyphs.push(first_glyph..block.glyphs.len());
        }
        block.open_lines();
        block
    }

    fn empty_block(&self, width: f32) -> TextBlock {
        let size = self.spec.size;
        let metrics = self
            .layout
            .lines()
            .next()
            .and_then(|line| line.runs().next().map(|run| *run.font_metrics()));
        let (ascent, descent, cap_height) = metrics.map_or((size, size * 0.25, None), |m| {
            (m.ascent, m.descent, m.cap_height)
        });
        TextBlock {
            width,
            height: self.layout.height(),
            size,
            ascent,
            descent,
            cap_height: cap_height
                .filter(|height| *height > 0.0)
                .unwrap_or(size * USUAL_CAP_HEIGHT),
            line_widths: Vec::new(),
            line_glyphs: Vec::new(),
            glyphs: Vec::new(),
            fragments: Vec::new(),
        }
    }

    fn line_spans(&self, index: usize) -> LineSpans {
        let mut spans = LineSpans::default();
        let Some(line) = self.layout.get(index) else {
            return spans;
        };
        let mut x = line.metrics().offset + line.metrics().inline_min_coord;
        for run in line.runs() {
            for cluster in run.visual_clusters() {
                let end = x + cluster.advance();
                if !cluster.is_space_or_nbsp() && !cluster.is_hard_line_break() {
                    spans.add(cluster.style().brush, (x, end), cluster.is_rtl());
                }
                x = end;
            }
        }
        spans
    }
}

/// What is covered on a line, white space at its ends left out.
#[derive(Default)]
struct LineSpans {
    left: f32,
    right: f32,
    any: bool,
    words: Vec<WordSpan>,
}

/// Where a word lies on a line.
struct WordSpan {
    word: u16,
    left: f32,
    right: f32,
    /// Width of what is read from the left, less that of what is read from the right.
    rightward: f32,
}

impl LineSpans {
    fn width(&self) -> f32 {
        self.right - self.left
    }

    fn add(&mut self, tag: WordTag, (left, right): (f32, f32), rtl: bool) {
        if !self.any {
            (self.left, self.right, self.any) = (left, right, true);
        }
        self.left = self.left.min(left);
        self.right = self.right.max(right);
        let Some(word) = tag.0 else { return };
        let width = right - left;
        let rightward = if rtl { -width } else { width };
        match self.words.iter_mut().find(|known| known.word == word) {
            Some(known) => {
                known.left = known.left.min(left);
                known.right = known.right.max(right);
                known.rightward += rightward;
            }
            None => self.words.push(WordSpan {
                word,
                left,
                right,
                rightward,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{fonts, inter, request};
    use crate::text::glyph::PlacedGlyph;

    const LONG: &str = "Small things you do before breakfast decide the rest of the day";

    fn spec<'a>(text: &'a str, font: &'a FontRequest) -> TextSpec<'a> {
        TextSpec {
            text,
            words: &[],
            font,
            size: 80.0,
            strong: None,
            word_spacing: 0.0,
            whole_words: true,
        }
    }

    fn library(names: &[(&str, u16)]) -> FontLibrary {
        FontLibrary::new(&fonts(names)).unwrap()
    }

    #[test]
    fn lines_stay_within_the_width_and_are_even() {
        let font = request("Inter", 800);
        let mut library = FontLibrary::new(&inter()).unwrap();
        let mut greedy = library.shape(spec(LONG, &font)).unwrap();
        let full = greedy.break_at(800.0);
        let greedy = greedy.into_block(0.5);
        let mut balanced = library.shape(spec(LONG, &font)).unwrap();
        assert_eq!(balanced.balance(800.0).lines, full.lines);
        let balanced = balanced.into_block(0.5);
        let spread = |block: &TextBlock| {
            let widths = block.line_widths.iter().copied();
            widths.clone().fold(0.0, f32::max) - widths.fold(f32::MAX, f32::min)
        };
        assert!(balanced.line_widths.len() >= 3);
        assert!(
            balanced.line_widths.iter().all(|w| *w <= 800.0),
            "{:?}",
            balanced.line_widths
        );
        assert!(
            spread(&balanced) < spread(&greedy),
            "{:?} {:?}",
            balanced.line_widths,
            greedy.line_widths
        );
        assert_eq!(
            balanced.width,
            balanced.line_widths.iter().copied().fold(0.0, f32::max)
        );
    }

    #[test]
    fn alignment_moves_the_shorter_lines_only() {
        let font = request("Inter", 800);
        let mut library = FontLibrary::new(&inter()).unwrap();
        let text = "wide wide wide\ni";
        let words = [0..14, 15..16];
        let mut lefts = Vec::new();
        for align in [0.0, 0.5, 1.0] {
            let spec = TextSpec {
                words: &words,
                ..spec(text, &font)
            };
            let mut paragraph = library.shape(spec).unwrap();
            paragraph.break_at(1000.0);
            let block = paragraph.into_block(align);
            assert!(block.fragments[0].left.abs() < 0.01);
            lefts.push((
                block.fragments[1].left,
                block.fragments[1].right,
                block.width,
            ));
        }
        assert!(lefts[0].0.abs() < 0.01);
        assert!(((lefts[1].0 + lefts[1].1) / 2.0 - lefts[1].2 / 2.0).abs() < 0.01);
        assert!((lefts[2].1 - lefts[2].2).abs() < 0.01);
    }

    #[test]
    fn whole_words_break_at_spaces_only() {
        let font = request("Inter", 800);
        let mut library = FontLibrary::new(&inter()).unwrap();
        let text = "the state-of-the-art kit";
        let whole = library.shape(spec(text, &font)).unwrap().break_at(560.0);
        let free = library
            .shape(TextSpec {
                whole_words: false,
                ..spec(text, &font)
            })
            .unwrap()
            .break_at(560.0);
        assert!(
            whole.cut_word,
            "a compound wider than the line stays one word"
        );
        assert!(!free.cut_word && free.lines >= 2, "{free:?}");
        assert!(
            !library
                .shape(spec(text, &font))
                .unwrap()
                .break_at(900.0)
                .cut_word
        );
    }

    #[test]
    fn every_word_is_found_in_both_directions() {
        let font = request("Inter", 800);
        let mut library = library(&[("Inter", 800), ("Noto Sans Hebrew", 800)]);
        let text = "שלום עולם";
        let words = [0..8, 9..17];
        let spec = TextSpec {
            words: &words,
            ..spec(text, &font)
        };
        let mut paragraph = library.shape(spec).unwrap();
        paragraph.break_at(1000.0);
        let block = paragraph.into_block(0.5);
        let find = |word| {
            block
                .fragments
                .iter()
                .find(|f| f.word == word)
                .copied()
                .unwrap()
        };
        assert!(
            find(0).left > find(1).right,
            "the first word of a Hebrew line is on the right"
        );
        assert!((find(0).right - block.width).abs() < 0.5 && find(1).left.abs() < 0.5);
        assert!(block.glyphs.iter().all(|glyph| glyph.fragment.is_some()));
    }

    #[test]
    fn a_character_without_a_glyph_is_an_error_that_names_it() {
        let font = request("Inter", 800);
        let error = FontLibrary::new(&inter())
            .unwrap()
            .shape(spec("see 漢 now", &font))
            .err();
        assert_eq!(
            error,
            Some(TextError::MissingGlyph {
                text: "see 漢 now".into(),
                cluster: "漢".into(),
                code_points: "U+6F22".into(),
                font,
            })
        );
    }

    #[test]
    fn ordinary_punctuation_is_in_inter() {
        let font = request("Inter", 800);
        let text = "“Quotes” ‘single’ – — … 1,234.5 % € £ ½ × © ® ™ • → ’ ¿ ¡ é ß Ø ğ ł ő\u{a0}\u{200b}end\u{ad}";
        assert!(
            FontLibrary::new(&inter())
                .unwrap()
                .shape(spec(text, &font))
                .is_ok()
        );
    }

    #[test]
    fn emoji_come_from_the_emoji_font_in_colour_and_are_refused_without_one() {
        let font = request("Inter", 800);
        let text = "ok 🔥 ❤\u{fe0f} 1 👩‍👩‍👧";
        let mut with = library(&[
            ("Inter", 800),
            ("DejaVu Sans", 700),
            ("Noto Color Emoji", 400),
        ]);
        let mut paragraph = with.shape(spec(text, &font)).unwrap();
        paragraph.break_at(2000.0);
        let block = paragraph.into_block(0.0);
        let bitmaps = block
            .glyphs
            .iter()
            .filter(|g| matches!(g.ink, crate::text::glyph::Ink::Bitmap { .. }));
        assert_eq!(
            bitmaps.count(),
            3,
            "one picture an emoji, none for the digit"
        );
        let error = FontLibrary::new(&inter())
            .unwrap()
            .shape(spec("ok 🔥", &font))
            .err();
        assert!(
            matches!(error, Some(TextError::NoEmojiFont { ref cluster, .. }) if cluster == "🔥"),
            "{error:?}"
        );
    }

    #[test]
    fn a_font_that_was_not_given_is_an_error() {
        let font = request("Inter", 300);
        let error = FontLibrary::new(&inter())
            .unwrap()
            .shape(spec("a", &font))
            .err();
        assert_eq!(error, Some(TextError::FontNotGiven(font)));
    }

    #[test]
    fn lines_with_deep_descenders_move_apart() {
        let font = request("Noto Sans Arabic", 700);
        let mut library = library(&[("Noto Sans Arabic", 700)]);
        let mut paragraph = library
            .shape(spec("بالعالم عميق\nبالعالم عميق\nبالعالم", &font))
            .unwrap();
        paragraph.break_at(2000.0);
        let block = paragraph.into_block(0.5);
        let reach = |range: &Range<usize>| {
            let edges = block.glyphs[range.clone()]
                .iter()
                .map(PlacedGlyph::top_and_bottom);
            edges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap()
        };
        for pair in block.line_glyphs.windows(2) {
            assert!(reach(&pair[1]).0 > reach(&pair[0]).1);
        }
    }

    #[test]
    fn emoji_ranges_take_sequences_whole() {
        let text = "a 1\u{fe0f}\u{20e3} 👩‍👧 © b";
        let found: Vec<&str> = emoji_ranges(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, ["1\u{fe0f}\u{20e3}", "👩‍👧"]);
    }
}
