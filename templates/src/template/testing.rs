//! Synthetic bindings for this crate's tests: even words, measured facts that look real.

use super::binding::{
    Bindings, CaptionBinding, ClipBinding, ImageBinding, VoiceBinding, VoiceWord,
};
use super::{PlaceholderKind, Template, instantiate};
use crate::color::Color;
use crate::digest::Digest;
use crate::time::{FrameRate, RationalTime};
use crate::timeline::{
    ColorTransfer, ExternalReference, FontFace, FontRequest, Generator, Look, MediaFacts,
    MediaKind, MediaReference, Timeline,
};

/// Samples of one synthetic word, pause included (0.4 s).
pub(crate) const WORD: u64 = 19_200;

pub(crate) fn digest(byte: u8) -> Digest {
    Digest {
        hash: [byte; 32],
        size: 1000 + u64::from(byte),
    }
}

/// A scene of `count` words, 0.36 s each with 0.04 s between; 40 ms of silence first.
pub(crate) fn scene(id: &str, count: u64) -> VoiceBinding {
    let texts: Vec<String> = (1..=count)
        .map(|at| {
            let stop = if at == count {
                "."
            } else if at % 5 == 0 {
                ","
            } else {
                ""
            };
            format!("{id}{at}{stop}")
        })
        .collect();
    spoken(id, &texts)
}

/// A scene that says the given words at an even pace.
pub(crate) fn spoken<T: AsRef<str>>(id: &str, texts: &[T]) -> VoiceBinding {
    let lead = 1920;
    let words: Vec<VoiceWord> = (0u64..)
        .zip(texts)
        .map(|(at, text)| VoiceWord {
            text: text.as_ref().to_owned(),
            start: lead + at * WORD,
            end: lead + at * WORD + 17_280,
        })
        .collect();
    VoiceBinding {
        id: id.to_owned(),
        source: digest(id.bytes().fold(0, u8::wrapping_add)),
        samples: lead + texts.len() as u64 * WORD + 960,
        words,
        emphasis: Vec::new(),
    }
}

pub(crate) fn generator(seed: u64) -> ClipBinding {
    ClipBinding {
        name: format!("motion{seed}"),
        media: MediaReference::Generator(Generator {
            look: Look::Bokeh,
            seed,
            palette: vec![Color::BLACK, Color::rgb(40, 60, 120)],
        }),
    }
}

fn file(byte: u8, kind: MediaKind, ms: Option<i64>) -> ClipBinding {
    let video = kind == MediaKind::Video;
    ClipBinding {
        name: format!("clip{byte}"),
        media: MediaReference::External(ExternalReference {
            source: digest(byte),
            facts: MediaFacts {
                kind,
                container: "mov,mp4,m4a,3gp,3g2,mj2".into(),
                video_codec: Some("h264".into()),
                width: 1920,
                height: 1080,
                rotation: 0,
                mirrored: false,
                frame_rate: video.then_some(FrameRate::whole(25)),
                duration: ms.map(RationalTime::millis),
                interlaced: false,
                transfer: ColorTransfer::Sdr,
                alpha: false,
                audio_codec: None,
                audio_channels: 0,
                audio_rate: 0,
                audio_start: None,
                warnings: Vec::new(),
            },
        }),
    }
}

pub(crate) fn video(byte: u8, ms: i64) -> ClipBinding {
    file(byte, MediaKind::Video, Some(ms))
}

pub(crate) fn still(byte: u8) -> ClipBinding {
    file(byte, MediaKind::Image, None)
}

pub(crate) fn face(family: &str, weight: u16) -> FontFace {
    FontFace {
        request: FontRequest {
            family: family.into(),
            weight,
        },
        file: digest(weight as u8),
        index: 0,
    }
}

/// Captions as the product's everyday template has them.
pub(crate) fn caption_rules() -> super::caption_rules::CaptionRules {
    builtin_template("daily")
        .captions
        .expect("the everyday template has captions")
}

/// A template that ships with the product.
pub(crate) fn builtin_template(name: &str) -> Template {
    super::builtin_template(name).unwrap().clone()
}

/// The bindings with a text for every text placeholder that has none yet, and a picture for every image placeholder.
pub(crate) fn filled(template: &Template, mut bindings: Bindings) -> Bindings {
    for placeholder in template.placeholders() {
        let name = placeholder.name.clone();
        match &placeholder.kind {
            PlaceholderKind::Text { max_chars, .. } => {
                let text: String = "Why bees dance in the dark"
                    .chars()
                    .take(max_chars.unwrap_or(40) as usize)
                    .collect();
                bindings.texts.entry(name).or_insert(text.trim().to_owned());
            }
            PlaceholderKind::Image => {
                let image = ImageBinding {
                    source: digest(5),
                    width: 640,
                    height: 360,
                };
                bindings.images.entry(name).or_insert(image);
            }
            _ => {}
        }
    }
    bindings
}

/// The cut of a template over the bindings, every font it asks for being there.
pub(crate) fn cut(template: &Template, bindings: &Bindings) -> Timeline {
    let fonts = template
        .font_requests_for(bindings)
        .iter()
        .map(|request| face(&request.family, request.weight))
        .collect();
    let bindings = Bindings {
        fonts,
        ..bindings.clone()
    };
    instantiate(template, &bindings).unwrap()
}

/// Three procedural clips under the given narration, with captions.
pub(crate) fn bindings_with(voice: Vec<VoiceBinding>) -> Bindings {
    Bindings {
        clips: (1..=3).map(generator).collect(),
        captions: (!voice.is_empty()).then(|| CaptionBinding::spoken(&voice, "en")),
        voice,
        gap_ms: 150,
        seed: 7,
        ..Bindings::default()
    }
}
