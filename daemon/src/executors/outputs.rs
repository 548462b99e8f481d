//! What a worker claims to have made, checked before any of it is believed: the files are really its own and really
//! there, and the facts fit the action.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fenta_workflows::action::{
    Action, ActionFacts, CaptionBox, LayOutCaptionsRequest, SpeechFacts,
};

/// The outputs an action must have, beyond which a worker may make none of that name.
const fn wanted(action: &Action) -> &'static [&'static str] {
    match action {
        Action::RenderSegment(_) | Action::Mux(_) => &["video"],
        Action::Speak(_)
        | Action::TakeSpeech(_)
        | Action::ExtractSpeech(_)
        | Action::ComposeMusic(_)
        | Action::Mix(_) => &["audio"],
        Action::Snapshot(_) => &["image"],
        _ => &[],
    }
}

/// The files a worker names, by output name. The error is a sentence about what is wrong.
pub(super) fn files(
    action: &Action,
    outputs: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut files = BTreeMap::new();
    for (output, name) in outputs {
        let plain = !name.is_empty()
            && name != "."
            && name != ".."
            && !name.contains(['/', '\\', '\0'])
            && name.len() <= 255;
        if !plain {
            return Err(format!("output `{output}` has the file name `{name}`"));
        }
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => files.insert(output.clone(), path),
            Ok(_) => return Err(format!("output `{output}` is not a file")),
            Err(error) => return Err(format!("output `{output}` cannot be found: {error}")),
        };
    }
    for name in wanted(action) {
        if !files.contains_key(*name) {
            return Err(format!("output `{name}` is missing"));
        }
    }
    Ok(files)
}

/// Whether the facts are of the action's kind and agree with what was asked and with the files' sizes.
pub(super) fn check_facts(
    action: &Action,
    facts: &ActionFacts,
    files: &BTreeMap<String, PathBuf>,
) -> Result<(), String> {
    match (action, facts) {
        (Action::Probe(_), ActionFacts::Media(_))
        | (Action::FindSubject(_), ActionFacts::Subject(_))
        | (Action::ComposeMusic(_), ActionFacts::None)
        | (Action::Snapshot(_), ActionFacts::Picture(_))
        | (Action::Mix(_), ActionFacts::Mix(_)) => Ok(()),
        (Action::FindBeats(_), ActionFacts::Beats(beats)) if beats.beat_us > 0 => Ok(()),
        (Action::ResolveFonts(request), ActionFacts::Fonts(faces)) => {
            let found = faces.iter().map(|face| &face.request);
            equal_by("fonts", request.fonts.len(), faces.len())?;
            if found.eq(&request.fonts) {
                Ok(())
            } else {
                Err("the fonts are not the ones asked for".to_owned())
            }
        }
        (Action::Speak(request), ActionFacts::Speech(speech)) => {
            check_speech(request.text.split_whitespace().count(), speech)
        }
        (Action::TakeSpeech(request), ActionFacts::Speech(speech)) => {
            let pieces = request.pieces.iter();
            let tokens = pieces.map(|piece| piece.text.split_whitespace().count());
            check_speech(tokens.sum(), speech)
        }
        (Action::AlignWords(request), ActionFacts::Speech(speech)) => {
            check_speech(request.text.split_whitespace().count(), speech)
        }
        (Action::ExtractSpeech(_), ActionFacts::Speech(speech)) => check_speech(0, speech),
        (Action::LayOutCaptions(request), ActionFacts::CaptionBoxes(boxes)) => {
            check_boxes(request, boxes)
        }
        (Action::RenderSegment(request), ActionFacts::Segment(segment)) => {
            equal_by("frames", request.segment.frames, segment.frames)?;
            equal_by("bytes", size_of(files, "video"), segment.bytes)
        }
        (Action::Mux(request), ActionFacts::Mux(mux)) => {
            let frames: u64 = request.segment_frames.iter().copied().map(u64::from).sum();
            equal_by("frames", frames, mux.frames)?;
            equal_by("bytes", size_of(files, "video"), mux.bytes)
        }
        (Action::Verify(_), ActionFacts::Verify(seen)) if seen.frames > 0 => Ok(()),
        (action, _) => Err(format!("the facts are not those of {}", action.kind())),
    }
}

fn check_boxes(request: &LayOutCaptionsRequest, boxes: &[CaptionBox]) -> Result<(), String> {
    for one in boxes {
        let cue = request.captions.cues.get(one.cue as usize);
        if cue.is_none_or(|cue| one.word as usize >= cue.words.len()) {
            return Err(format!(
                "there is a box for word {} of cue {}, which the captions do not have",
                one.word, one.cue
            ));
        }
    }
    Ok(())
}

fn check_speech(tokens: usize, speech: &SpeechFacts) -> Result<(), String> {
    equal_by("words", tokens, speech.words.len())?;
    if speech.sample_rate == 0 {
        return Err("the sample rate is 0".to_owned());
    }
    let mut last = 0;
    for word in &speech.words {
        if word.start < last || word.end < word.start || word.end > speech.samples {
            return Err(format!(
                "the word `{}` is at {}..{} of {} samples",
                word.text, word.start, word.end, speech.samples
            ));
        }
        last = word.start;
    }
    Ok(())
}

fn equal_by<T: PartialEq + std::fmt::Display>(
    what: &str,
    wanted: T,
    found: T,
) -> Result<(), String> {
    if wanted == found {
        return Ok(());
    }
    Err(format!("{found} {what} instead of {wanted}"))
}

fn size_of(files: &BTreeMap<String, PathBuf>, output: &str) -> u64 {
    files
        .get(output)
        .and_then(|path| fs::metadata(path).ok())
        .map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{
        ComposeMusicRequest, MuxFacts, MuxRequest, SpeakRequest, SpokenWord,
    };
    use fenta_workflows::digest::blob_digest;

    use super::*;

    fn music() -> Action {
        Action::ComposeMusic(ComposeMusicRequest {
            seed: 1,
            mood: "calm".to_owned(),
            bpm: 90,
            duration_ms: 1000,
        })
    }

    fn named(output: &str, file: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(output.to_owned(), file.to_owned())])
    }

    #[test]
    fn only_plain_files_inside_the_folder_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wav"), b"x").unwrap();
        fs::create_dir(folder.path().join("dir")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let files_of = |name: &str| files(&music(), &named("audio", name), folder.path());
        assert_eq!(
            files_of("a.wav").unwrap()["audio"],
            folder.path().join("a.wav")
        );
        for wrong in [
            "../a.wav",
            "/etc/passwd",
            "",
            ".",
            "..",
            "dir",
            "link",
            "no",
            "a\0b",
        ] {
            assert!(files_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_missing_output_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wav"), b"x").unwrap();
        let error = files(&music(), &named("sound", "a.wav"), folder.path()).unwrap_err();
        assert_eq!(error, "output `audio` is missing");
    }

    #[test]
    fn frames_and_bytes_must_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.mp4");
        fs::write(&path, b"12345").unwrap();
        let files = BTreeMap::from([("video".to_owned(), path)]);
        let action = Action::Mux(MuxRequest {
            canvas: serde_json::from_value(serde_json::json!({
                "width": 1080, "height": 1920,
                "frame_rate": "30", "background": "#000000"
            }))
            .unwrap(),
            segments: vec![blob_digest(b"a"), blob_digest(b"b")],
            segment_frames: vec![60, 30],
            audio: None,
            title: String::new(),
            comment: String::new(),
            container: fenta_workflows::action::Container::default(),
        });
        let facts = |frames, bytes| {
            ActionFacts::Mux(MuxFacts {
                frames,
                duration_ms: 3000,
                bytes,
            })
        };
        check_facts(&action, &facts(90, 5), &files).unwrap();
        let frames = check_facts(&action, &facts(89, 5), &files).unwrap_err();
        assert_eq!(frames, "89 frames instead of 90");
        let bytes = check_facts(&action, &facts(90, 6), &files).unwrap_err();
        assert_eq!(bytes, "6 bytes instead of 5");
        let kind = check_facts(&action, &ActionFacts::None, &files).unwrap_err();
        assert_eq!(kind, "the facts are not those of mux");
    }

    #[test]
    fn words_must_fit_the_recording() {
        let action = Action::Speak(SpeakRequest {
            text: "two words".to_owned(),
            engine: "flite".to_owned(),
            voice: "slt".to_owned(),
            speed_pm: 1000,
        });
        let speech = |words: &[(u64, u64)]| {
            ActionFacts::Speech(SpeechFacts {
                sample_rate: 48_000,
                samples: 100,
                rung: Default::default(),
                words: words
                    .iter()
                    .map(|&(start, end)| SpokenWord {
                        text: "w".to_owned(),
                        start,
                        end,
                    })
                    .collect(),
            })
        };
        let check = |words| check_facts(&action, &speech(words), &BTreeMap::new());
        check(&[(0, 50), (50, 100)]).unwrap();
        assert!(
            check(&[(0, 50)])
                .unwrap_err()
                .contains("1 words instead of 2")
        );
        assert!(check(&[(0, 50), (50, 101)]).is_err(), "past the end");
        assert!(check(&[(50, 60), (0, 50)]).is_err(), "not in order");
        assert!(
            check(&[(0, 50), (60, 50)]).is_err(),
            "ends before it begins"
        );
    }
}
