//! Bindings against placeholders: what is missing, too long or unknown, and the values with defaults filled in.

use std::collections::BTreeMap;

use super::binding::{Bindings, ImageBinding, VoiceBinding, VoiceWord};
use super::placeholder::{Placeholder, PlaceholderKind};
use super::reader::takes;
use super::{Problems, Template, suggest};
use crate::color::Color;
use crate::digest::Digest;
use crate::timeline::{LONGEST_MS, MediaKind, MediaReference};

/// Longest narration in samples at 48 kHz: as long as a mix may be.
const MAX_SAMPLES: u64 = LONGEST_MS as u64 * 48;

/// Every placeholder's value.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) colors: BTreeMap<String, Color>,
    pub(crate) images: BTreeMap<String, ImageBinding>,
    pub(crate) luts: BTreeMap<String, Digest>,
}

/// Text placeholders with their defaults.
pub(crate) fn texts(template: &Template, bindings: &Bindings) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for placeholder in &template.placeholders {
        if let PlaceholderKind::Text { default, .. } = &placeholder.kind {
            let bound = bindings.texts.get(&placeholder.name).or(default.as_ref());
            texts.insert(placeholder.name.clone(), bound.cloned().unwrap_or_default());
        }
    }
    texts
}

fn colors(template: &Template, bindings: &Bindings) -> BTreeMap<String, Color> {
    let mut colors = BTreeMap::new();
    for placeholder in &template.placeholders {
        if let PlaceholderKind::Color { default } = &placeholder.kind {
            let bound = bindings.colors.get(&placeholder.name).copied();
            if let Some(color) = bound.or(*default) {
                colors.insert(placeholder.name.clone(), color);
            }
        }
    }
    colors
}

/// Checks the bindings and fills the placeholders.
pub(crate) fn fill(template: &Template, bindings: &Bindings, problems: &mut Problems) -> Filled {
    for placeholder in &template.placeholders {
        check_placeholder(placeholder, bindings, problems);
    }
    check_names(template, bindings, problems);
    check_streams(template, bindings, problems);
    check_voice(&bindings.voice, problems);
    check_captions(bindings, problems);
    check_clips(bindings, problems);
    Filled {
        texts: texts(template, bindings),
        colors: colors(template, bindings),
        images: bindings.images.clone(),
        luts: bindings.luts.clone(),
    }
}

fn check_placeholder(placeholder: &Placeholder, bindings: &Bindings, problems: &mut Problems) {
    let name = &placeholder.name;
    let bound = match &placeholder.kind {
        PlaceholderKind::Media { min } => {
            let have = bindings.clips.len();
            if have > 0 && have < *min as usize {
                let message = format!("got {have} clips, needs at least {min}");
                problems.add(name, message, "bind more clips");
            }
            have > 0
        }
        PlaceholderKind::Voice => !bindings.voice.is_empty(),
        PlaceholderKind::Audio => bindings.music.is_some(),
        PlaceholderKind::Effect => bindings.effects.contains_key(name),
        PlaceholderKind::Captions => bindings.captions.is_some(),
        PlaceholderKind::Text { max_chars, .. } => {
            check_length(name, *max_chars, bindings, problems);
            bindings.texts.contains_key(name)
        }
        PlaceholderKind::Color { .. } => bindings.colors.contains_key(name),
        PlaceholderKind::Image => bindings.images.contains_key(name),
        PlaceholderKind::Lut => bindings.luts.contains_key(name),
    };
    if !bound && placeholder.required() {
        problems.add(
            name,
            format!(
                "nothing is bound to this {} placeholder",
                placeholder.kind.type_name()
            ),
            "it has no default and is not optional",
        );
    }
}

fn check_length(name: &str, max: Option<u32>, bindings: &Bindings, problems: &mut Problems) {
    let (Some(max), Some(text)) = (max, bindings.texts.get(name)) else {
        return;
    };
    let have = text.chars().count();
    if have > max as usize {
        problems.add(
            name,
            format!("the text has {have} characters, more than {max}"),
            "shorten it",
        );
    }
}

/// Names bound that the template does not have, or has with another type.
fn check_names(template: &Template, bindings: &Bindings, problems: &mut Problems) {
    let bound = [
        ("text", bindings.texts.keys().collect::<Vec<_>>()),
        ("color", bindings.colors.keys().collect()),
        ("image", bindings.images.keys().collect()),
        ("effect", bindings.effects.keys().collect()),
        ("lut", bindings.luts.keys().collect()),
    ];
    for (kind, names) in bound {
        for name in names {
            match template.placeholders.iter().find(|p| p.name == *name) {
                Some(found) if found.kind.type_name() == kind => {}
                Some(found) => problems.add(
                    name,
                    format!(
                        "got {kind}, but the placeholder is {}",
                        found.kind.type_name()
                    ),
                    "",
                ),
                None => {
                    let known = template.placeholders.iter().map(|p| p.name.as_str());
                    problems.add(
                        name,
                        format!("the template `{}` has no such placeholder", template.name),
                        suggest::hint(name, known),
                    );
                }
            }
        }
    }
    for (name, image) in &bindings.images {
        if image.width == 0 || image.height == 0 {
            problems.add(name, "the image has no size", "");
        }
    }
}

/// Voice, music and captions need a place in the template.
fn check_streams(template: &Template, bindings: &Bindings, problems: &mut Problems) {
    let streams = [
        ("voice", !bindings.voice.is_empty()),
        ("audio", bindings.music.is_some()),
        ("captions", bindings.captions.is_some()),
    ];
    for (kind, bound) in streams {
        if bound && !takes(&template.placeholders, kind) {
            problems.add(
                kind,
                format!("the template `{}` has no {kind} placeholder", template.name),
                "do not bind it, or use another template",
            );
        }
    }
    if bindings.captions.is_some() && !template.subtitles {
        problems.add("captions", "the template has no subtitles track", "");
    }
    if bindings.captions.is_some() && bindings.voice.is_empty() {
        problems.add(
            "captions",
            "there is no voice to caption",
            "bind a voice as well",
        );
    }
}

/// Captions have the narration's scenes, each with its words inside the recording.
fn check_captions(bindings: &Bindings, problems: &mut Problems) {
    let Some(captions) = &bindings.captions else {
        return;
    };
    if captions.scenes.len() != bindings.voice.len() && !bindings.voice.is_empty() {
        problems.add(
            "captions",
            format!(
                "have {} scenes, the narration {}",
                captions.scenes.len(),
                bindings.voice.len()
            ),
            "bind captions made from this narration",
        );
    }
    for (scene, words) in bindings.voice.iter().zip(&captions.scenes) {
        check_words(&format!("captions[{}]", scene.id), scene, words, problems);
    }
}

/// Words stand in order inside a scene's recording.
fn check_words(path: &str, scene: &VoiceBinding, words: &[VoiceWord], problems: &mut Problems) {
    let mut before = 0;
    for (at, word) in words.iter().enumerate() {
        let ordered = before <= word.start && word.start <= word.end;
        if !ordered || word.end > scene.samples || word.text.trim().is_empty() {
            problems.add(
                format!("{path}.words[{at}]"),
                format!(
                    "`{}` at samples {} to {} of {} is empty, out of order or past the end",
                    word.text, word.start, word.end, scene.samples
                ),
                "align the words again",
            );
        }
        before = word.start;
    }
}

fn check_voice(voice: &[VoiceBinding], problems: &mut Problems) {
    let mut total = 0u64;
    for scene in voice {
        total = total.saturating_add(scene.samples);
        if scene.samples == 0 {
            problems.add(format!("voice[{}]", scene.id), "the recording is empty", "");
        }
        check_words(
            &format!("voice[{}]", scene.id),
            scene,
            &scene.words,
            problems,
        );
    }
    if total > MAX_SAMPLES {
        problems.add(
            "voice",
            format!(
                "lasts {} s, more than {} s",
                total / 48_000,
                LONGEST_MS / 1000
            ),
            "split it into several videos",
        );
    }
}

fn check_clips(bindings: &Bindings, problems: &mut Problems) {
    for clip in &bindings.clips {
        match &clip.media {
            MediaReference::External(file) if file.facts.kind == MediaKind::Audio => problems.add(
                format!("clips[{}]", clip.name),
                "is sound only",
                "bind a still or a video",
            ),
            MediaReference::Generator(generator) if !(1..=5).contains(&generator.palette.len()) => {
                problems.add(
                    format!("clips[{}]", clip.name),
                    format!("has {} colours, needs 1 to 5", generator.palette.len()),
                    "",
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bindings_with, builtin_template, digest, generator, scene};
    use super::*;

    fn noted(change: impl FnOnce(&mut Bindings)) -> (Filled, Vec<String>) {
        let mut bindings = bindings_with(vec![scene("a", 5)]);
        change(&mut bindings);
        let mut problems = Problems::default();
        let filled = fill(&builtin_template("daily"), &bindings, &mut problems);
        let list = problems.into_list();
        (filled, list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults_fill_what_is_not_bound() {
        let (filled, notes) = noted(|_| ());
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(filled.texts["title"], "");
        assert_eq!(filled.colors["accent"], Color::rgb(0xFF, 0xD4, 0));
        let (filled, _) = noted(|bindings| {
            bindings.colors.insert("accent".into(), Color::BLACK);
            bindings.texts.insert("title".into(), "Hi".into());
        });
        assert_eq!(filled.texts["title"], "Hi");
        assert_eq!(filled.colors["accent"], Color::BLACK);
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        let title = |text: String| {
            noted(|bindings| {
                bindings.texts.insert("title".into(), text);
            })
            .1
        };
        assert_eq!(title("é".repeat(60)), Vec::<String>::new());
        assert!(title("é".repeat(61))[0].contains("61 characters, more than 60"));
    }

    #[test]
    fn images_need_a_size() {
        let (_, notes) = noted(|bindings| {
            let image = ImageBinding {
                source: digest(1),
                width: 0,
                height: 10,
            };
            bindings.images.insert("logo".into(), image);
        });
        assert_eq!(notes, ["logo: the image has no size"]);
    }

    #[test]
    fn clips_must_show_something() {
        let (_, notes) = noted(|bindings| {
            let mut sound = super::super::testing::video(1, 1000);
            if let MediaReference::External(file) = &mut sound.media {
                file.facts.kind = MediaKind::Audio;
            }
            let mut bare = generator(1);
            if let MediaReference::Generator(picture) = &mut bare.media {
                picture.palette.clear();
            }
            bindings.clips = vec![sound, bare];
        });
        assert_eq!(
            notes,
            [
                "clips[clip1]: is sound only; bind a still or a video",
                "clips[motion1]: has 0 colours, needs 1 to 5"
            ]
        );
    }
}
