//! Every subtitle file of the corpus has a verdict: how it is written, how many subtitles it holds, what was left out; and
//! for the files of vtt.js whether times and texts are those its authors expect.
//!
//! Where this reader and that of vtt.js differ it is on purpose: a file whose header is damaged or whose hours have one
//! digit is read all the same, an arrow alone on a line costs no subtitle, and one that is over when it begins is left out.
//!
//! The table is `verdicts.txt`; it was judged line by line. When a line changes, the test prints it beside the old one
//! and leaves the new table in the target folder.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use fenta_templates::timeline::{ReadSubtitles, SubtitleError, read_subtitles};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/subtitles");
    if !folder.is_dir() {
        eprintln!("skipped: no corpus of subtitles beside the checkout");
        return None;
    }
    Some(folder)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending != "json") {
            found.push(path);
        }
    }
}

/// As the product reads text files: UTF-8, or UTF-16 with its mark.
fn decoded(bytes: &[u8]) -> String {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xFF, 0xFE]) => u16::from_le_bytes,
        Some([0xFE, 0xFF]) => u16::from_be_bytes,
        _ => return String::from_utf8(bytes.to_vec()).unwrap(),
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(Result::unwrap).collect()
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

type Outcome = Result<ReadSubtitles, SubtitleError>;

/// What was read, in one line.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Ok(read) => {
            let timed = read.words.iter().filter(|words| !words.is_empty()).count();
            let mut line = format!("{:?} {} read", read.format, read.subtitles.len());
            if timed > 0 {
                line.push_str(&format!(", {timed} with times of words"));
            }
            if let Some(first) = read.skipped.first() {
                let count = read.skipped.len();
                line.push_str(&format!(
                    ", {count} left out: line {}, {}",
                    first.line, first.reason
                ));
            }
            line
        }
        Err(error) => format!("refused: {error}"),
    }
}

/// Whether what was read is what the authors of vtt.js expect: every cue with letters, its text, and its times where
/// they wrote them down.
fn against_authors(path: &Path, outcome: &Outcome) -> Option<String> {
    let beside = |ending: &str| {
        let stem = path.file_stem().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path.with_file_name(format!("{stem}{ending}"))).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    };
    let text_of = |node: &Value| plain(node["textContent"].as_str().unwrap_or_default());
    let texts: Vec<String> = match beside("-proc.json")? {
        Value::Array(cues) => cues.iter().map(text_of).collect(),
        // Not processed by them: texts with times, which browsers leave to styles.
        Value::Null if path.to_string_lossy().contains("cuetext") => return None,
        _ => Vec::new(),
    };
    let shown: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
    let own = outcome.as_ref().map_or(&[][..], |read| &read.subtitles);
    let own_texts: Vec<String> = own.iter().map(|one| plain(&one.lines.join(" "))).collect();
    if own_texts.iter().ne(shown.iter().copied()) {
        return Some(format!("vtt.js has {shown:?}, here {own_texts:?}"));
    }
    let Some(cues) = beside(".json").and_then(|json| json["cues"].as_array().cloned()) else {
        return Some("as vtt.js".to_owned());
    };
    let ms = |cue: &Value, key: &str| (cue[key].as_f64().unwrap_or(-1.0) * 1000.0).round() as i64;
    let times = cues
        .iter()
        .zip(&texts)
        .filter(|(_, text)| !text.is_empty())
        .map(|(cue, _)| (ms(cue, "startTime"), ms(cue, "endTime")));
    let own_times = own.iter().map(|one| (one.start_ms, one.end_ms));
    if times.clone().eq(own_times) {
        Some("as vtt.js, times too".to_owned())
    } else {
        Some(format!("vtt.js has times {:?}", times.collect::<Vec<_>>()))
    }
}

#[test]
fn every_file_has_its_verdict() {
    let Some(corpus) = corpus() else { return };
    let mut files = Vec::new();
    files_below(&corpus, &mut files);
    let mut table = String::new();
    for path in &files {
        let name = path
            .strip_prefix(&corpus)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if name.ends_with("LICENSE") {
            continue;
        }
        let outcome = read_subtitles(&decoded(&std::fs::read(path).unwrap()), None);
        let authors =
            against_authors(path, &outcome).map_or_else(String::new, |line| format!(" | {line}"));
        table.push_str(&format!(
            "{name}: {}{authors}\n",
            told(&outcome).replace('\n', " ")
        ));
    }
    let expected = include_str!("verdicts.txt");
    if table == expected {
        return;
    }
    let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("subtitle-verdicts.txt");
    std::fs::write(&new, &table).unwrap();
    let changed: Vec<String> = table
        .lines()
        .filter(|line| !expected.lines().any(|old| old == *line))
        .map(|line| {
            let name = line.split(": ").next().unwrap_or_default();
            let old = expected
                .lines()
                .find(|old| old.starts_with(&format!("{name}: ")));
            format!("  was {}\n  now {line}", old.unwrap_or("nothing"))
        })
        .collect();
    panic!(
        "verdicts changed; the new table is {}\n{}",
        new.display(),
        changed.join("\n")
    );
}
