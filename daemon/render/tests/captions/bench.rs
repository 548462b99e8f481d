//! A cut with captions from words with times, as the product makes one, and its frames.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fenta_render::text::{Layer, LayerPainter, WordBox, lay_out_captions, resolve_fonts};
use fenta_templates::color::Color;
use fenta_templates::digest::Digest;
use fenta_templates::template::{
    Bindings, CaptionBinding, ClipBinding, VoiceBinding, VoiceWord, instantiate, parse,
};
use fenta_templates::timeline::{
    FontFace, Generator, Look, MediaReference, Rect, SegmentSpec, Timeline,
};
use fenta_workflows::action::ResolveFontsRequest;
use fenta_workflows::digest::blob_digest;

/// Nobody else in the picture has it.
pub(crate) const LIT: Color = Color::rgb(0xFF, 0x20, 0xE0);

pub(crate) type Fonts = Vec<(FontFace, Arc<Vec<u8>>)>;

/// A cut and the bytes of its fonts.
pub(crate) struct Cut {
    pub(crate) timeline: Timeline,
    pub(crate) fonts: Fonts,
}

/// Words with times in milliseconds, as the narration of one scene.
pub(crate) fn narration(words: &[(&str, u64, u64)]) -> VoiceBinding {
    let words: Vec<VoiceWord> = words
        .iter()
        .map(|(text, start, end)| VoiceWord {
            text: (*text).to_owned(),
            start: start * 48,
            end: end * 48,
        })
        .collect();
    VoiceBinding {
        id: "s".into(),
        source: blob_digest(b"voice"),
        samples: words.last().map_or(48_000, |word| word.end + 4_800),
        words,
        emphasis: Vec::new(),
    }
}

/// The words of a text, 330 ms each.
pub(crate) fn evenly(text: &str) -> VoiceBinding {
    let words: Vec<(&str, u64, u64)> = text
        .split_whitespace()
        .enumerate()
        .map(|(at, word)| (word, 100 + at as u64 * 330, 400 + at as u64 * 330))
        .collect();
    narration(&words)
}

/// A cut whose captions have a style, given as YAML.
pub(crate) fn cut(voice: Vec<VoiceBinding>, language: &str, style: &str) -> Cut {
    try_cut(voice, language, style).expect("setup.sh installs fonts for every script of the corpus")
}

/// The same, or why there is none.
pub(crate) fn try_cut(
    voice: Vec<VoiceBinding>,
    language: &str,
    style: &str,
) -> Result<Cut, String> {
    let template = format!(
        "fenta: template/v1\nname: shown\ncanvas: {{ width: 1080, height: 1920, fps: 30, max_duration: 180s }}\nplaceholders:\n  \
         clips: {{ type: 'media[]' }}\n  voice: {{ type: voice, optional: true }}\n  captions: {{ type: captions, optional: true }}\n\
         tracks:\n  - {{ id: v, kind: video, source: '${{{{ clips }}}}' }}\n  \
         - {{ id: subs, kind: subtitles, source: '${{{{ captions }}}}', style: {{ font: 'Inter:800', {style} }} }}\n"
    );
    let template = parse(&template, &|_| None).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let clip = ClipBinding {
        name: "motion".into(),
        media: MediaReference::Generator(Generator {
            look: Look::Gradient,
            seed: 3,
            palette: vec![Color::rgb(20, 60, 40), Color::rgb(40, 90, 60)],
        }),
    };
    let mut bindings = Bindings {
        clips: vec![clip],
        captions: Some(CaptionBinding::spoken(&voice, language)),
        voice,
        seed: 7,
        ..Bindings::default()
    };
    let fonts = find(&ResolveFontsRequest {
        fonts: template.font_requests_for(&bindings),
    })?;
    bindings.fonts = fonts.iter().map(|(face, _)| face.clone()).collect();
    let timeline = instantiate(&template, &bindings).map_err(|wrong| format!("{wrong:?}"))?;
    Ok(Cut { timeline, fonts })
}

/// Finds fonts; looking through the folders takes a while, so what was asked for before is remembered.
pub(crate) fn find(request: &ResolveFontsRequest) -> Result<Fonts, String> {
    static FOUND: Mutex<Vec<(ResolveFontsRequest, Fonts)>> = Mutex::new(Vec::new());
    let known = FOUND
        .lock()
        .unwrap()
        .iter()
        .find_map(|(asked, fonts)| (asked == request).then(|| fonts.clone()));
    if let Some(fonts) = known {
        return Ok(fonts);
    }
    let fonts = search(request)?;
    FOUND.lock().unwrap().push((request.clone(), fonts.clone()));
    Ok(fonts)
}

fn search(request: &ResolveFontsRequest) -> Result<Fonts, String> {
    let mut read: BTreeMap<std::path::PathBuf, (Digest, Arc<Vec<u8>>)> = BTreeMap::new();
    Ok(resolve_fonts(request)
        .map_err(|missing| missing.message)?
        .into_iter()
        .map(|(request, path, index)| {
            let (file, bytes) = read.entry(path.clone()).or_insert_with(|| {
                let bytes = std::fs::read(&path).unwrap();
                (blob_digest(&bytes), Arc::new(bytes))
            });
            let face = FontFace {
                request,
                file: *file,
                index,
            };
            (face, Arc::clone(bytes))
        })
        .collect())
}

impl Cut {
    /// Every word's box with its cue and word, as the export has them.
    pub(crate) fn boxes(&self) -> Vec<WordBox> {
        self.try_boxes().unwrap()
    }

    /// The same, or which letter cannot be drawn.
    pub(crate) fn try_boxes(&self) -> Result<Vec<WordBox>, String> {
        let faces = self.timeline.caption_fonts();
        let fonts: Fonts = self
            .fonts
            .iter()
            .filter(|(face, _)| faces.contains(face))
            .cloned()
            .collect();
        let track = self.timeline.captions.as_ref().unwrap();
        lay_out_captions(track, self.timeline.canvas.frame_rate, &fonts)
            .map_err(|wrong| wrong.to_string())
    }

    /// Calls with every frame of the video: its number and its layers, painted segment by segment.
    pub(crate) fn frames(&self, mut see: impl FnMut(i64, &[Layer])) {
        let mut first = 0;
        for segment in self.timeline.segments() {
            let painter = self.painter(&segment);
            for frame in 0..segment.frames {
                see(first + i64::from(frame), &painter.layers_at(frame));
            }
            first += i64::from(segment.frames);
        }
    }

    /// The painter of a segment, with the fonts that the segment's action would get.
    pub(crate) fn painter(&self, segment: &SegmentSpec) -> LayerPainter {
        self.try_painter(segment).unwrap()
    }

    /// The same, or which letter cannot be drawn.
    pub(crate) fn try_painter(&self, segment: &SegmentSpec) -> Result<LayerPainter, String> {
        let faces = self.timeline.fonts_for(segment);
        let fonts: Fonts = self
            .fonts
            .iter()
            .filter(|(face, _)| faces.contains(face))
            .cloned()
            .collect();
        LayerPainter::new(segment, &fonts, &BTreeMap::new()).map_err(|wrong| wrong.to_string())
    }

    /// The word that is active at a frame, as `(cue, word)`.
    pub(crate) fn active(&self, frame: i64) -> Option<(usize, usize)> {
        let cues = &self.timeline.captions.as_ref()?.cues;
        let cue = cues.iter().position(|cue| cue.range.contains(frame))?;
        let word = cues[cue]
            .words
            .iter()
            .rposition(|word| word.range.first() <= frame)?;
        Some((cue, word))
    }
}

/// Pixels of nearly a colour, inside a rectangle of the canvas and in all.
pub(crate) fn count(layers: &[Layer], rect: Rect, color: Color) -> (usize, usize) {
    let (mut inside, mut all) = (0, 0);
    for layer in layers {
        for y in 0..layer.image.height {
            for x in 0..layer.image.width {
                let [r, g, b, a] = layer.image.pixel(x, y);
                let near = a > 250
                    && r.abs_diff(color.r) < 24
                    && g.abs_diff(color.g) < 24
                    && b.abs_diff(color.b) < 24;
                if !near {
                    continue;
                }
                all += 1;
                let (x, y) = (layer.x + x as i32 - rect.x, layer.y + y as i32 - rect.y);
                let within = (0..rect.w as i32).contains(&x) && (0..rect.h as i32).contains(&y);
                inside += usize::from(within);
            }
        }
    }
    (inside, all)
}

/// A rectangle with so many pixels more to each side.
pub(crate) fn grown(rect: Rect, by: i32) -> Rect {
    Rect {
        x: rect.x - by,
        y: rect.y - by,
        w: rect.w + 2 * by as u32,
        h: rect.h + 2 * by as u32,
    }
}
