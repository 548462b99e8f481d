//! Captions as subtitle files and back: words get times from their scenes, lines of a file become words.
//!
//! Shared by the `Subtitle` node types. Not a node type itself.

use fenta_templates::timeline::{Subtitle, TimedWord, subtitles_of, write_srt, write_vtt};

use crate::action::{Action, Rung, WriteRequest};
use crate::execution::LowerError;
use crate::node::{Halt, PortSpec, Steps, wrong_facts};
use crate::value::{CaptionWord, Captions, FileValue, PortType, Value, Words};

/// Samples per millisecond.
const PER_MS: u64 = 48;

/// The outputs of every node that makes captions.
pub(super) fn ports() -> Vec<PortSpec> {
    vec![
        PortSpec::new(
            "captions",
            PortType::Captions,
            "Every word with its time; the template decides how they look.",
        ),
        PortSpec::new(
            "srt",
            PortType::File,
            "A SubRip file, timed from the start of what is heard; Output.Render makes one in the video's own time.",
        )
        .ending("srt"),
        PortSpec::new("vtt", PortType::File, "The same as WebVTT.").ending("vtt"),
        PortSpec::new("words", PortType::Words, "Every word with its time."),
    ]
}

/// The files of subtitles: SRT, then VTT.
pub(super) fn files(subtitles: &[Subtitle], steps: &mut Steps<'_>) -> Result<[FileValue; 2], Halt> {
    let texts = [
        ("captions.srt", write_srt(subtitles)),
        ("captions.vtt", write_vtt(subtitles)),
    ];
    let actions = texts
        .iter()
        .map(|(name, text)| {
            Action::Write(WriteRequest {
                name: (*name).to_owned(),
                text: text.clone(),
            })
        })
        .collect();
    let results = steps.run(actions)?;
    let file = |at: usize| {
        let digest = results[at].outputs.get("file");
        Ok::<_, LowerError>(FileValue::new(
            *digest.ok_or_else(|| wrong_facts("write"))?,
            texts[at].0,
        ))
    };
    Ok([file(0)?, file(1)?])
}

/// Captions as outputs, with their files in lines of so many characters.
pub(super) fn values(
    captions: Captions,
    rung: Rung,
    line_chars: usize,
    steps: &mut Steps<'_>,
) -> Result<std::collections::BTreeMap<String, Value>, Halt> {
    let subtitles = subtitles_of(&timed(&captions), line_chars);
    let [srt, vtt] = files(&subtitles, steps)?;
    let words = Words {
        rung,
        language: captions.language.clone(),
        words: captions.words.clone(),
    };
    Ok(crate::node::outputs([
        ("captions", Value::Captions(captions)),
        ("srt", Value::File(srt)),
        ("vtt", Value::File(vtt)),
        ("words", Value::Words(words)),
    ]))
}

/// The words with times from the start of what is heard.
fn timed(captions: &Captions) -> Vec<TimedWord> {
    let start_of = |word: &CaptionWord| captions.starts.get(word.scene as usize).copied();
    captions
        .words
        .iter()
        .map(|word| {
            let scene = start_of(word).unwrap_or_default();
            TimedWord {
                text: word.text.clone(),
                start_ms: ((scene + word.start) / PER_MS) as i64,
                end_ms: ((scene + word.end) / PER_MS) as i64,
            }
        })
        .collect()
}

/// The words of subtitles in samples from the start: with the times that the file gives them, else each with the part of
/// its subtitle's time that its letters have.
pub(super) fn words_of(subtitles: &[Subtitle], told: &[Vec<TimedWord>]) -> Vec<CaptionWord> {
    let mut words = Vec::new();
    let mut from = 0;
    for (at, one) in subtitles.iter().enumerate() {
        if let Some(told) = told.get(at).filter(|told| !told.is_empty()) {
            for word in told {
                let start = (word.start_ms.max(0).unsigned_abs() * PER_MS).max(from);
                let end = (word.end_ms.max(0).unsigned_abs() * PER_MS).max(start);
                from = end;
                words.push(CaptionWord {
                    text: word.text.clone(),
                    start,
                    end,
                    scene: 0,
                });
            }
            continue;
        }
        let texts: Vec<&str> = one
            .lines
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        let letters: u64 = texts.iter().map(|text| weight(text)).sum();
        // Subtitles of two speakers may overlap; words stand one after the other.
        let start = (one.start_ms.max(0).unsigned_abs() * PER_MS).max(from);
        let end = (one.end_ms.max(0).unsigned_abs() * PER_MS).max(start);
        let mut done = 0;
        for text in texts {
            let at = |done: u64| start + (end - start) * done / letters.max(1);
            let begins = at(done);
            done += weight(text);
            words.push(CaptionWord {
                text: text.to_owned(),
                start: begins,
                end: at(done),
                scene: 0,
            });
        }
        from = end;
    }
    words
}

/// How many words each subtitle has, as [`words_of`] gives them.
pub(super) fn counts(subtitles: &[Subtitle], told: &[Vec<TimedWord>]) -> Vec<usize> {
    let untold = |one: &Subtitle| {
        let lines = one.lines.iter();
        lines.map(|line| line.split_whitespace().count()).sum()
    };
    let subtitles = subtitles.iter().enumerate();
    subtitles
        .map(|(at, one)| match told.get(at) {
            Some(told) if !told.is_empty() => told.len(),
            _ => untold(one),
        })
        .collect()
}

/// Letters of a word, and one for the pause after it.
pub(super) fn weight(text: &str) -> u64 {
    text.chars().count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subtitle(start_ms: i64, end_ms: i64, line: &str) -> Subtitle {
        Subtitle {
            start_ms,
            end_ms,
            lines: vec![line.to_owned()],
        }
    }

    #[test]
    fn words_share_the_time_of_their_subtitle_by_letters() {
        let words = words_of(
            &[subtitle(1000, 2000, "a four"), subtitle(1900, 2500, "late")],
            &[],
        );
        let times: Vec<(u64, u64)> = words.iter().map(|word| (word.start, word.end)).collect();
        // Weights 2 and 5 of 7; the third waits for the subtitle before it.
        assert_eq!(
            times,
            [(48_000, 61_714), (61_714, 96_000), (96_000, 120_000)]
        );
    }

    #[test]
    fn times_that_a_file_tells_are_kept() {
        let told = TimedWord {
            text: "Bees".into(),
            start_ms: 1250,
            end_ms: 1500,
        };
        let words = words_of(
            &[subtitle(1000, 2000, "Bees"), subtitle(2000, 3000, "dance")],
            &[vec![told], Vec::new()],
        );
        let times: Vec<(u64, u64)> = words.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(times, [(60_000, 72_000), (96_000, 144_000)]);
    }

    #[test]
    fn scenes_shift_their_words() {
        let captions = Captions {
            language: "en".into(),
            starts: vec![0, 96_000],
            words: vec![CaptionWord {
                text: "Bees.".into(),
                start: 48,
                end: 96,
                scene: 1,
            }],
        };
        let timed = timed(&captions);
        assert_eq!((timed[0].start_ms, timed[0].end_ms), (2001, 2002));
    }
}
