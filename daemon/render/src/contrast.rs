//! How well captions are read: the contrast of every word's letters to what lies around them in the finished frame.
//!
//! Looked at once per caption and segment, in the middle of the time it is seen there. What lies around a letter is its outline
//! or plate where it has one, else the picture. Ratios are those of WCAG 2 (1 to 21). Neighbours: `encode` shows frames,
//! `text` says where letters are, `Output.Render` says what is too little.

use fenta_templates::color::Color;
use fenta_templates::timeline::{Rect, SegmentSpec};
use fenta_workflows::action::CaptionContrast;

use crate::picture::Picture;
use crate::text::{CaptionLetters, Layer};

/// A pixel of a layer belongs to a letter if its channels are no further from the letter's colour.
const SAME: u8 = 6;
/// Letters with fewer pixels cannot be judged.
const FEWEST: usize = 24;
/// The share of a letter's surroundings that may be worse than what is told, permille.
const WORSE_PM: usize = 200;

/// Looks at the captions of a segment while its frames are drawn.
pub struct ContrastMeter {
    frames: Vec<u32>,
    found: Vec<CaptionContrast>,
    linear: Vec<f32>,
}

impl ContrastMeter {
    /// A meter that knows which frames to look at.
    pub fn new(segment: &SegmentSpec) -> Self {
        let cues = segment.captions.iter().flat_map(|track| &track.cues);
        let frames = cues.filter_map(|cue| {
            let first = cue.range.first().max(0);
            let end = cue.range.end().min(i64::from(segment.frames));
            (first < end).then(|| u32::try_from((first + end) / 2).ok())?
        });
        Self {
            frames: frames.collect(),
            found: Vec::new(),
            linear: (0..=255).map(linear).collect(),
        }
    }

    /// Whether this frame is looked at.
    pub fn wants(&self, frame: u32) -> bool {
        self.frames.contains(&frame)
    }

    /// Looks at a finished frame with its caption.
    pub fn see(&mut self, frame: u32, caption: &CaptionLetters, picture: &Picture) {
        let worst = caption
            .words
            .iter()
            .filter_map(|word| {
                let ratio = self.ratio(&caption.layer, word.rect, &word.colors, picture)?;
                Some((ratio, word.word))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((ratio, word)) = worst {
            self.found.push(CaptionContrast {
                frame,
                word: u32::try_from(word).unwrap_or(u32::MAX),
                ratio_pc: (ratio * 100.0).round() as u32,
            });
        }
    }

    /// What was found, in order.
    pub fn finish(self) -> Vec<CaptionContrast> {
        self.found
    }

    /// The contrast that most of the surroundings of a word's letters have at least.
    fn ratio(&self, layer: &Layer, rect: Rect, colors: &[Color], picture: &Picture) -> Option<f32> {
        let reach = (rect.h / 14).clamp(3, 8) as usize;
        let window = Window::around(rect, reach + 1, picture)?;
        let letters = window.mask(layer, colors);
        if letters.iter().filter(|is| **is).count() < FEWEST {
            return None;
        }
        // The rim of a letter is half letter and half surroundings; it is neither.
        let rim = window.grown(&letters, 1);
        let near = window.grown(&letters, reach);
        let (mut sum, mut count) = (0.0, 0usize);
        let mut around = Vec::new();
        for (at, (is_letter, is_near)) in letters.iter().zip(&near).enumerate() {
            let luminance =
                || self.luminance(picture, window.x + at % window.w, window.y + at / window.w);
            if *is_letter {
                sum += luminance();
                count += 1;
            } else if *is_near && !rim[at] {
                around.push(luminance());
            }
        }
        if around.len() < FEWEST {
            return None;
        }
        let letter = sum / count as f32;
        let mut ratios: Vec<f32> = around
            .into_iter()
            .map(|other| (letter.max(other) + 0.05) / (letter.min(other) + 0.05))
            .collect();
        ratios.sort_by(f32::total_cmp);
        ratios.get(ratios.len() * WORSE_PM / 1000).copied()
    }

    /// Relative luminance of a pixel, by WCAG 2.
    fn luminance(&self, picture: &Picture, x: usize, y: usize) -> f32 {
        let level = |plane: usize, x: usize, y: usize| f32::from(picture.planes[plane].row(y)[x]);
        let luma = (level(0, x, y) - 16.0) * 255.0 / 219.0;
        let (cx, cy) = (
            (x / 2).min(picture.planes[1].width - 1),
            (y / 2).min(picture.planes[1].height - 1),
        );
        let blue = (level(1, cx, cy) - 128.0) * 255.0 / 224.0;
        let red = (level(2, cx, cy) - 128.0) * 255.0 / 224.0;
        // BT.709's matrix, from its luma weights 0.2126 and 0.0722.
        let rgb = [
            luma + 1.5748 * red,
            luma - 0.1873 * blue - 0.4681 * red,
            luma + 1.8556 * blue,
        ];
        let [r, g, b] = rgb.map(|value| self.linear[value.round().clamp(0.0, 255.0) as usize]);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

/// sRGB's curve.
fn linear(value: u32) -> f32 {
    let value = value as f32 / 255.0;
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// A part of the picture.
struct Window {
    x: usize,
    y: usize,
    w: usize,
    h: usize,
}

impl Window {
    fn around(rect: Rect, by: usize, picture: &Picture) -> Option<Self> {
        let by = by as i64;
        let clamp = |value: i64, most: usize| value.clamp(0, most as i64) as usize;
        let (left, top) = (i64::from(rect.x), i64::from(rect.y));
        let x = clamp(left - by, picture.width());
        let y = clamp(top - by, picture.height());
        let w = clamp(left + i64::from(rect.w) + by, picture.width()) - x;
        let h = clamp(top + i64::from(rect.h) + by, picture.height()) - y;
        (w > 0 && h > 0).then_some(Self { x, y, w, h })
    }

    /// Where the layer shows one of the colours, unmixed.
    fn mask(&self, layer: &Layer, colors: &[Color]) -> Vec<bool> {
        let is_letter = |x: usize, y: usize| {
            let column = u32::try_from(x as i64 - i64::from(layer.x)).ok();
            let row = u32::try_from(y as i64 - i64::from(layer.y)).ok();
            let (Some(column), Some(row)) = (column, row) else {
                return false;
            };
            if column >= layer.image.width || row >= layer.image.height {
                return false;
            }
            let [r, g, b, a] = layer.image.pixel(column, row);
            // Premultiplied: a letter that lets something through is as much darker.
            let same = |seen: u8, meant: u8, cover: u8| {
                let meant = u32::from(meant) * u32::from(cover) / 255;
                u32::from(seen).abs_diff(meant) <= u32::from(SAME)
            };
            colors.iter().any(|color| {
                a.abs_diff(color.a) <= SAME
                    && a > 0
                    && same(r, color.r, a)
                    && same(g, color.g, a)
                    && same(b, color.b, a)
            })
        };
        let rows = self.y..self.y + self.h;
        rows.flat_map(|y| (self.x..self.x + self.w).map(move |x| (x, y)))
            .map(|(x, y)| is_letter(x, y))
            .collect()
    }

    /// A mask that reaches so many pixels further to all sides.
    fn grown(&self, mask: &[bool], by: usize) -> Vec<bool> {
        let spread = |from: &[bool], step: usize, length: usize, at: usize| {
            let place = at / step % length;
            let (before, after) = (by.min(place), by.min(length - 1 - place));
            (0..=before).any(|way| from[at - way * step])
                || (1..=after).any(|way| from[at + way * step])
        };
        let across: Vec<bool> = (0..mask.len())
            .map(|at| spread(mask, 1, self.w, at))
            .collect();
        (0..mask.len())
            .map(|at| spread(&across, self.w, self.h, at))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::picture::Yuv;
    use crate::text::{RgbaImage, WordLetters};

    /// A word of white bars, with or without a black rim, over a grey of the given luma.
    fn contrast(background: u8, rim: bool) -> u32 {
        let mut image = RgbaImage::transparent(100, 60);
        let mut picture = Picture::filled(120, 80, Yuv([background, 128, 128]));
        for y in 0..60usize {
            for x in 0..100usize {
                let bar = (x % 20, y);
                let white = (6..12).contains(&bar.0) && (10..50).contains(&bar.1);
                let edge = (2..16).contains(&bar.0) && (5..55).contains(&bar.1);
                let (rgba, luma) = match (white, edge && rim) {
                    (true, _) => ([255, 255, 255, 255], 235),
                    (false, true) => ([0, 0, 0, 255], 16),
                    _ => continue,
                };
                image.data[(y * 100 + x) * 4..][..4].copy_from_slice(&rgba);
                picture.planes[0].row_mut(y + 10)[x + 10] = luma;
            }
        }
        let caption = CaptionLetters {
            layer: Layer {
                x: 10,
                y: 10,
                image: Arc::new(image),
                opacity_pm: 1000,
            },
            words: vec![WordLetters {
                word: 3,
                rect: Rect {
                    x: 10,
                    y: 10,
                    w: 100,
                    h: 60,
                },
                colors: vec![Color::WHITE],
            }],
        };
        let mut meter = ContrastMeter {
            frames: vec![5],
            found: Vec::new(),
            linear: (0..=255).map(linear).collect(),
        };
        assert!(meter.wants(5) && !meter.wants(4));
        meter.see(5, &caption, &picture);
        let found = meter.finish();
        assert_eq!((found[0].frame, found[0].word), (5, 3));
        found[0].ratio_pc
    }

    #[test]
    fn ratios_are_those_of_wcag() {
        assert_eq!(contrast(16, false), 2100, "white on black");
        assert_eq!(contrast(235, false), 100, "white on white");
        // sRGB 119 on white is 4.48.
        let grey = contrast(118, false);
        assert!((430..=460).contains(&grey), "{grey}");
    }

    #[test]
    fn an_outline_is_what_letters_are_read_against() {
        assert_eq!(contrast(235, true), 2100);
        assert!(contrast(235, false) < 300);
    }
}
