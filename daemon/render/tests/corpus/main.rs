//! Every file of the media corpus has a verdict: rendered, rendered with a warning, or refused with a class, each
//! with what was measured by decoding it, within limits of time and memory.
//!
//! The table is `verdicts.txt`; it was judged line by line against what each file really holds. When a line changes,
//! the test prints it beside the old one and leaves the new table in the target folder.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod made_here;
mod row;
mod table;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use self::row::{Measured, measure};

/// Processor seconds a file may cost a job; the dearest is 8K HEVC.
const MOST_SECONDS: f64 = 20.0;
/// MiB of memory a file may cost a job.
const MOST_MEMORY: u64 = 2048;

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/media");
    if !beside.is_dir() {
        eprintln!("skipped: no media corpus beside the checkout");
        return None;
    }
    Some(beside.canonicalize().unwrap())
}

/// Paths below a folder, in order.
fn files(corpus: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in corpus.read_dir().unwrap() {
        for file in folder.unwrap().path().read_dir().unwrap() {
            let path = file.unwrap().path();
            found.push(
                path.strip_prefix(corpus)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
    found.sort();
    found
}

fn measure_all(corpus: &Path, files: Vec<String>) -> Vec<Measured> {
    let (left, done) = (Mutex::new(files), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(file) = left.lock().unwrap().pop() else {
                        return;
                    };
                    let measured = measure(corpus, &file);
                    done.lock().unwrap().push(measured);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by(|a, b| a.row.file.cmp(&b.row.file));
    done
}

#[test]
fn every_file_has_its_verdict() {
    let Some(corpus) = corpus() else { return };
    let measured = measure_all(&corpus, files(&corpus));
    let mut dear: Vec<&Measured> = measured.iter().collect();
    dear.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for file in &dear[..6] {
        eprintln!(
            "{:6.2} s {:5} MiB  {}",
            file.seconds, file.memory, file.row.file
        );
    }
    for file in &measured {
        let within = file.seconds <= MOST_SECONDS && file.memory <= MOST_MEMORY;
        let (seconds, memory) = (file.seconds, file.memory);
        assert!(within, "{}: {seconds} s, {memory} MiB", file.row.file);
    }
    hold_against("verdicts.txt", include_str!("verdicts.txt"), measured);
}

#[test]
fn kinds_of_files_the_corpus_lacks() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made_here");
    let files = made_here::make(&folder);
    if files.is_empty() {
        eprintln!("skipped: no ffmpeg program to make files with");
        return;
    }
    let known = include_str!("made_here.txt");
    hold_against("made_here.txt", known, measure_all(&folder, files));
}

fn hold_against(name: &str, known: &str, measured: Vec<Measured>) {
    let rows: Vec<_> = measured.into_iter().map(|file| file.row).collect();
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&written, table::print(&rows)).unwrap();
    let known = table::read(known);
    let changes = table::compare(&known, &rows);
    assert!(
        changes.is_empty(),
        "{} lines differ; the new table is {}\n{}",
        changes.len(),
        written.display(),
        changes.join("\n")
    );
}
