//! Taking the user's own files in: collect them into the store, measure each, say which one cannot be used.
//!
//! Shared by the node types that take paths. Not a node type itself.

use crate::action::{Action, ActionFacts, CollectRequest, CollectedFile, ProbeRequest};
use crate::execution::LowerError;
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::MediaValue;
use fenta_templates::timeline::MediaKind;

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
    for one in media {
        if one.facts.kind == MediaKind::Audio || one.facts.width == 0 || one.facts.height == 0 {
            return Err(LowerError::new(
                format!("{} has no picture in it", one.name),
                "remove it from the folder, or give a video or an image",
            ));
        }
    }
    Ok(())
}
