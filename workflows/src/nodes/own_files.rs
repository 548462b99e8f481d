//! Taking the user's own files in: collect them into the store, measure each, say which one cannot be used.
//!
//! Shared by the node types that take paths. Not a node type itself.

use std::collections::BTreeMap;

use crate::action::{Action, ActionFacts, CollectRequest, CollectedFile, ProbeRequest};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::MediaValue;
use fenta_templates::timeline::{MediaKind, MediaWarning, Origin};

/// Extensions of moving pictures taken from folders.
pub(super) const VIDEO_EXTENSIONS: [&str; 12] = [
    "mp4", "mov", "m4v", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts", "m2ts", "3gp",
];
/// Extensions of stills taken from folders.
/// What the renderer cannot read (phones' HEIC, say) is taken all the same: the error names the file, and nothing a user
/// put there is left out in silence.
pub(super) const IMAGE_EXTENSIONS: [&str; 11] = [
    "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
];
/// Extensions of recordings taken from folders.
pub(super) const AUDIO_EXTENSIONS: [&str; 7] = ["wav", "mp3", "m4a", "aac", "flac", "ogg", "opus"];

/// The files at a path, in natural order of their names.
pub(super) fn collect(
    path: &str,
    extensions: &[&str],
    max_items: u32,
    steps: &mut Steps<'_>,
) -> Result<Vec<CollectedFile>, Halt> {
    let action = Action::Collect(CollectRequest {
        path: path.to_owned(),
        extensions: extensions.iter().map(|one| (*one).to_owned()).collect(),
        max_items,
        may_be_empty: false,
    });
    match &steps.run_one(action)?.facts {
        ActionFacts::Collected(files) if files.is_empty() => Err(LowerError::new(
            format!("{path} holds no file that can be used"),
            format!(
                "put files in it that end in one of: {}",
                extensions.join(", ")
            ),
        )
        .into()),
        ActionFacts::Collected(files) => Ok(files.clone()),
        _ => Err(wrong_facts("collect").into()),
    }
}

/// The files with what was measured about each.
pub(super) fn probe(
    files: &[CollectedFile],
    steps: &mut Steps<'_>,
) -> Result<Vec<MediaValue>, Halt> {
    let actions = files
        .iter()
        .map(|file| {
            Action::Probe(ProbeRequest {
                source: file.digest,
                name: file.name.clone(),
            })
        })
        .collect();
    let results = steps.run(actions)?;
    files
        .iter()
        .zip(results)
        .map(|(file, result)| match &result.facts {
            ActionFacts::Media(facts) => Ok(MediaValue {
                digest: file.digest,
                name: file.name.clone(),
                facts: facts.clone(),
                origin: Some(Box::new(Origin::upload(&file.name))),
            }),
            _ => Err(wrong_facts("probe").into()),
        })
        .collect()
}

/// Everything at a path that can be seen.
pub(super) fn visible(
    path: &str,
    max_items: u32,
    steps: &mut Steps<'_>,
) -> Result<Vec<MediaValue>, Halt> {
    let extensions = [&VIDEO_EXTENSIONS[..], &IMAGE_EXTENSIONS[..]].concat();
    let files = collect(path, &extensions, max_items, steps)?;
    let media = probe(&files, steps)?;
    must_be_visible(&media)?;
    Ok(media)
}

/// One still.
pub(super) fn image(path: &str, steps: &mut Steps<'_>) -> Result<MediaValue, Halt> {
    let files = collect(path, &IMAGE_EXTENSIONS, 1, steps)?;
    let media = one(probe(&files, steps)?)?;
    if media.facts.kind == MediaKind::Image {
        return Ok(media);
    }
    Err(LowerError::new(
        format!("{path} is not a still picture"),
        "use a PNG or JPEG file",
    )
    .into())
}

/// One colour look-up table; the renderer reads it.
pub(super) fn table(path: &str, steps: &mut Steps<'_>) -> Result<Digest, Halt> {
    let files = collect(path, &["cube"], 1, steps)?;
    let file = files.first().ok_or_else(|| wrong_facts("collect"))?;
    if file.name.to_ascii_lowercase().ends_with(".cube") {
        return Ok(file.digest);
    }
    Err(LowerError::new(
        format!("{path} is not a .cube file"),
        "give a look-up table in the .cube format, as colour tools export it",
    )
    .into())
}

/// One recording.
pub(super) fn audio(path: &str, steps: &mut Steps<'_>) -> Result<MediaValue, Halt> {
    let files = collect(path, &AUDIO_EXTENSIONS, 1, steps)?;
    let media = one(probe(&files, steps)?)?;
    if media.facts.audio_codec.is_some() {
        return Ok(media);
    }
    Err(LowerError::new(
        format!("{path} has no sound in it"),
        "use a file with an audio track, for example MP3, WAV or M4A",
    )
    .into())
}

fn one(media: Vec<MediaValue>) -> Result<MediaValue, LowerError> {
    media
        .into_iter()
        .next()
        .ok_or_else(|| wrong_facts("collect"))
}

/// Complains about files that cannot be seen.
pub(super) fn must_be_visible(media: &[MediaValue]) -> Result<(), LowerError> {
    let unseen = |one: &&MediaValue| {
        one.facts.kind == MediaKind::Audio || one.facts.width == 0 || one.facts.height == 0
    };
    let names: Vec<&str> = media
        .iter()
        .filter(unseen)
        .map(|one| one.name.as_str())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(LowerError::new(
        format!(
            "{} {} no picture in {}",
            listed(&names),
            if names.len() == 1 { "has" } else { "have" },
            if names.len() == 1 { "it" } else { "them" },
        ),
        "remove it from the folder, or give a video or an image",
    ))
}

/// What is worth knowing about files that can be used: a sentence for each thing, with the files it is true of.
pub(super) fn notes(media: &[MediaValue]) -> Vec<String> {
    let mut about: BTreeMap<&MediaWarning, Vec<&str>> = BTreeMap::new();
    for one in media {
        for warning in &one.facts.warnings {
            let names = about.entry(warning).or_default();
            if !names.contains(&one.name.as_str()) {
                names.push(&one.name);
            }
        }
    }
    about
        .into_iter()
        .map(|(warning, names)| format!("{}: {warning}", listed(&names)))
        .collect()
}

/// Files named at most in a sentence.
const NAMED: usize = 4;

fn listed(names: &[&str]) -> String {
    let mut text = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::{digest, media_facts};
    use super::*;

    fn media(name: &str, kind: MediaKind, warnings: &[MediaWarning]) -> MediaValue {
        let mut facts = media_facts(kind);
        facts.warnings = warnings.to_vec();
        MediaValue {
            digest: digest(name),
            name: name.to_owned(),
            facts,
            origin: None,
        }
    }

    #[test]
    fn one_sentence_tells_of_all_files_it_is_true_of() {
        let hdr = [MediaWarning::HighDynamicRange];
        let names = ["a.mov", "b.mov", "c.mov", "d.mov", "e.mov", "f.mov"];
        let mut files: Vec<MediaValue> = names
            .iter()
            .map(|name| media(name, MediaKind::Video, &hdr))
            .collect();
        files.push(media("cut.mp4", MediaKind::Video, &[MediaWarning::Damaged]));
        files.push(media("fine.mp4", MediaKind::Video, &[]));
        assert_eq!(
            notes(&files),
            [
                "cut.mp4: damaged in places; what cannot be read is left out",
                "a.mov, b.mov, c.mov, d.mov and 2 more: HDR; shown in standard dynamic range",
            ]
        );
    }

    #[test]
    fn every_file_without_a_picture_is_named() {
        let files = ["a.mp3", "b.mp3"].map(|name| media(name, MediaKind::Audio, &[]));
        let error = must_be_visible(&files).unwrap_err();
        assert_eq!(error.message, "a.mp3, b.mp3 have no picture in them");
        assert!(
            must_be_visible(&files[..1])
                .unwrap_err()
                .message
                .contains("a.mp3 has no picture in it")
        );
    }
}
