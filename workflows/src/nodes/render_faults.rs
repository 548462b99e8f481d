//! The pictures of what is odd about a render, and the failure of one that must be faultless.
//!
//! Part of `Output.Render`.

use fenta_templates::timeline::{StillFormat, Timeline};

use super::render_verify::Note;
use super::stills::{image_of, ms_of, snapshot};
use crate::action::{Action, ActionFacts, Overwrite, PublishItem, PublishRequest};
use crate::execution::LowerError;
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::FileValue;

/// Pictures of one render at the most.
const MOST: usize = 4;

/// The frames that the first notes are about; named by their times: `1.20s.png`.
pub(super) fn pictures(
    timeline: &Timeline,
    notes: &[Note],
    steps: &mut Steps<'_>,
) -> Result<Vec<FileValue>, Halt> {
    let mut frames: Vec<i64> = Vec::new();
    for frame in notes.iter().filter_map(|note| note.frame) {
        if frames.len() < MOST && !frames.contains(&frame) {
            frames.push(frame);
        }
    }
    if frames.is_empty() {
        return Ok(Vec::new());
    }
    let actions = frames
        .iter()
        .map(|frame| snapshot(timeline, *frame, StillFormat::Png));
    let results = steps.run(actions.collect())?;
    let file = |(frame, result)| {
        let ms = ms_of(timeline, frame);
        let name = format!("{}.{:02}s.png", ms / 1000, ms % 1000 / 10);
        Ok(FileValue::new(image_of(result)?, name))
    };
    frames.into_iter().zip(results).map(file).collect()
}

/// Why the render fails, after its pictures were put beside where its file would be.
pub(super) fn failure(
    notes: &[Note],
    pictures: &[FileValue],
    (folder, name): (&str, &str),
    steps: &mut Steps<'_>,
) -> Result<Halt, Halt> {
    let items: Vec<PublishItem> = pictures
        .iter()
        .map(|picture| PublishItem {
            source: picture.digest,
            to: format!("{folder}/{name}-fault-{}", picture.name),
        })
        .collect();
    let mut seen = String::new();
    if !items.is_empty() {
        let result = steps.run_one(Action::Publish(PublishRequest {
            items,
            overwrite: Overwrite::Replace,
        }))?;
        let ActionFacts::Published(files) = &result.facts else {
            return Err(wrong_facts("publish").into());
        };
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        seen = format!("look at {}; ", paths.join(", "));
    }
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    let hint = format!("{seen}change the cut, or write `verify: true` to be told and no more");
    Ok(LowerError::new(texts.join("; "), hint).into())
}
