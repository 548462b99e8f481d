//! Subtitle files of players' own tests: each is read or refused with a reason, and none makes the reader panic.
//!
//! The files are not part of the repository; where they are not there, nothing is tested and the test says so.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};

use fenta_templates::timeline::{SubtitleError, read_subtitles, write_srt, write_vtt};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn files_of_others_are_read_or_refused_with_a_reason() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/subtitles");
    if !corpus.is_dir() {
        println!("no corpus of subtitles beside the repository; nothing is tested");
        return;
    }
    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    let (mut read, mut refused, mut skipped) = (0, 0, 0);
    for path in &paths {
        // UTF-16 and other bytes are refused before anything is parsed; what is left of them must not panic here.
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let name = path.display();
        match read_subtitles(&text, None) {
            Ok(found) => {
                read += 1;
                skipped += found.skipped.len();
                let ordered = |pair: &[fenta_templates::timeline::Subtitle]| {
                    pair[0].start_ms <= pair[1].start_ms
                };
                assert!(found.subtitles.windows(2).all(ordered), "{name}");
                assert!(
                    found.subtitles.iter().all(|one| one.start_ms < one.end_ms),
                    "{name}"
                );
                let again = read_subtitles(&write_vtt(&found.subtitles), None).unwrap();
                assert_eq!(again.subtitles, found.subtitles, "{name}");
                assert!(write_srt(&found.subtitles).contains(" --> "), "{name}");
            }
            Err(error) => {
                refused += 1;
                let typical = name.to_string().contains("typical.");
                assert!(
                    !typical || matches!(error, SubtitleError::OtherFormat { .. }),
                    "{name}: {error}"
                );
            }
        }
    }
    println!(
        "{} files: {read} read ({skipped} subtitles left out), {refused} refused",
        paths.len()
    );
    assert!(read > refused / 4, "too few could be read");
}
