//! The library `local` of `Input.Stock`: a folder of clips and pictures, with words about each.
//!
//! The words are those of a clip's path and of a text file of the same name beside it. Not a node type itself.

use std::collections::BTreeSet;

use super::own_files::{IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, collect, must_be_visible, probe};
use crate::action::{Action, ActionFacts, CollectRequest, CollectedFile, OwnClip, ReadTextRequest};
use crate::node::{Halt, Steps, wrong_facts};

/// Files of a folder, at most.
const MOST: u32 = 1000;

/// The clips of a folder with their words.
pub(super) fn clips(folder: &str, steps: &mut Steps<'_>) -> Result<Vec<OwnClip>, Halt> {
    let extensions = [&VIDEO_EXTENSIONS[..], &IMAGE_EXTENSIONS[..]].concat();
    let files = collect(folder, &extensions, MOST, steps)?;
    let texts = texts(folder, steps)?;
    let media = probe(&files, steps)?;
    must_be_visible(&media)?;
    let clips = files.iter().zip(media).map(|(file, media)| {
        let mut tags = words(stem(&file.path));
        for (text, said) in &texts {
            if stem(&text.path) == stem(&file.path) {
                tags.extend(words(said));
            }
        }
        OwnClip {
            source: file.digest,
            name: file.name.clone(),
            tags: tags.into_iter().collect(),
            facts: media.facts,
        }
    });
    Ok(clips.collect())
}

/// The text files of a folder and what they say.
pub(super) fn texts(
    folder: &str,
    steps: &mut Steps<'_>,
) -> Result<Vec<(CollectedFile, String)>, Halt> {
    let action = Action::Collect(CollectRequest {
        path: folder.to_owned(),
        extensions: vec!["txt".to_owned()],
        max_items: MOST,
        may_be_empty: true,
    });
    let files = match &steps.run_one(action)?.facts {
        ActionFacts::Collected(files) => files.clone(),
        _ => return Err(wrong_facts("collect").into()),
    };
    // A single clip is taken whatever its name: it has no texts beside it.
    let files: Vec<CollectedFile> = files
        .into_iter()
        .filter(|file| file.name.to_lowercase().ends_with(".txt"))
        .collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let reads = files.iter().map(|file| {
        Action::ReadText(ReadTextRequest {
            path: format!("{}/{}", folder.trim_end_matches('/'), file.path),
        })
    });
    let results = steps.run(reads.collect())?;
    let texts = files.into_iter().zip(results);
    texts
        .map(|(file, result)| match &result.facts {
            ActionFacts::Text(text) => Ok((file, text.clone())),
            _ => Err(wrong_facts("read_text").into()),
        })
        .collect()
}

/// A path without the ending of its name.
pub(super) fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// The words of a path or a text, in small letters.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| word.chars().count() > 1)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::action::InvokeTask;
    use crate::value::Value;
    use fenta_templates::timeline::MediaKind;

    fn collected(paths: &[&str]) -> ActionFacts {
        let file = |path: &&str| CollectedFile {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            path: (*path).to_owned(),
            digest: digest(path),
        };
        ActionFacts::Collected(paths.iter().map(file).collect())
    }

    #[test]
    fn words_come_from_paths_and_from_texts_beside_the_clips() {
        let bench = Bench::new("Input.Stock")
            .with("query", Value::Text("bees".into()))
            .with("provider", Value::Text("local".into()))
            .with("folder", Value::Text("/clips".into()));
        let media = facts(ActionFacts::Media(media_facts(MediaKind::Video)));
        let results = [
            facts(collected(&["garden/IMG_1.mp4", "bee-macro.mp4"])),
            facts(collected(&["garden/IMG_1.txt"])),
            facts(ActionFacts::Text("Roses, in the Morning".into())),
            media.clone(),
            media,
        ];
        assert!(
            matches!(bench.asks(&results[..2]).as_slice(), [Action::ReadText(read)] if read.path == "/clips/garden/IMG_1.txt")
        );
        let asked = bench.asks(&results);
        let [Action::Invoke(request)] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        let InvokeTask::FindStock(task) = &request.task else {
            panic!()
        };
        assert_eq!(
            task.own[0].tags,
            ["garden", "img", "in", "morning", "roses", "the"]
        );
        assert_eq!(task.own[1].tags, ["bee", "macro"]);
        assert_eq!(request.task.blobs().len(), 2);
    }
}
