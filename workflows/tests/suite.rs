//! Runs `tests/suite/**/*.yaml`: documents that say in comments which diagnostics they must give.
//!
//! ```yaml
//! # error: 7:11-7:20 graph/unknown-node there is no node `scrip`
//! # hint: did you mean `script`?
//! # label: 4:3-4:9 `script` is here
//! ```
//! Every diagnostic must be expected and every expectation met; the text is a fragment of the message. A `hint` or
//! `label` belongs to the diagnostic above it. A document without such comments must compile without a warning.
//! The documents under `template/` are checked as templates.
//! Warnings about what ends on a day need the day: `# today: 2026-11-22`; those about a template of one's own need its
//! text: `# template: ./low.yaml`.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fenta_workflows::{
    LintFacts, LocatedDiagnostic, Severity, SourceFile, compile, explain, lint, template_source,
};

#[derive(Debug)]
struct Expected {
    severity: Severity,
    place: String,
    code: String,
    message: String,
    hints: Vec<String>,
    labels: Vec<(String, String)>,
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/suite");
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the suite's folders can be read") {
            let path = entry.expect("the suite's folders can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn severity(name: &str) -> Option<Severity> {
    match name {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        _ => None,
    }
}

fn expectations(text: &str) -> Vec<Expected> {
    let mut all: Vec<Expected> = Vec::new();
    for line in text.lines() {
        let Some((kind, rest)) = line.strip_prefix("# ").and_then(|c| c.split_once(": ")) else {
            continue;
        };
        if let Some(severity) = severity(kind) {
            let mut parts = rest.splitn(3, ' ');
            let mut next = || parts.next().unwrap_or_default().to_owned();
            all.push(Expected {
                severity,
                place: next(),
                code: next(),
                message: next(),
                hints: Vec::new(),
                labels: Vec::new(),
            });
        } else if kind == "hint" {
            let last = all.last_mut().expect("a hint follows its error");
            last.hints.push(rest.to_owned());
        } else if kind == "label" {
            let last = all.last_mut().expect("a label follows its error");
            let (place, message) = rest.split_once(' ').unwrap_or((rest, ""));
            last.labels.push((place.to_owned(), message.to_owned()));
        }
    }
    all
}

fn place(found: &LocatedDiagnostic) -> String {
    format!(
        "{}:{}-{}:{}",
        found.line, found.column, found.end_line, found.end_column
    )
}

fn matches(expected: &Expected, found: &LocatedDiagnostic) -> bool {
    let has_hint = |hint: &String| found.hints.iter().any(|seen| seen.contains(hint));
    let has_label = |(at, message): &(String, String)| {
        found.labels.iter().any(|label| {
            format!("{}:{}", label.line, label.column) == *at && label.message.contains(message)
        })
    };
    expected.severity == found.severity
        && expected.place == place(found)
        && expected.code == found.code
        && found.message.contains(&expected.message)
        && expected.hints.iter().all(has_hint)
        && expected.labels.iter().all(has_label)
}

/// The comments that would expect a diagnostic.
fn describe(found: &LocatedDiagnostic) -> String {
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!(
        "# {severity}: {} {} {}",
        place(found),
        found.code,
        found.message
    );
    for hint in &found.hints {
        let _ = write!(text, "\n# hint: {hint}");
    }
    for label in &found.labels {
        let _ = write!(
            text,
            "\n# label: {}:{} {}",
            label.line, label.column, label.message
        );
    }
    text
}

/// The value of a comment like `# today: 2026-11-22`.
fn header(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| {
            line.strip_prefix("# ")?
                .strip_prefix(name)?
                .strip_prefix(": ")
        })
        .map(|value| value.trim().to_owned())
        .next()
}

/// A template of the user's, by its path as written; the file lies in `tests/suite-templates`.
fn template(path: String) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/suite-templates");
    let text = std::fs::read_to_string(folder.join(&path)).unwrap();
    (path, text)
}

fn diagnose(path: &Path, text: &str) -> Vec<LocatedDiagnostic> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let source = SourceFile {
        name: name.into_owned(),
        text: text.to_owned(),
    };
    if path
        .parent()
        .is_some_and(|folder| folder.ends_with("template"))
    {
        return match template_source::check(&source, &|_| None) {
            Ok((_, warnings)) => warnings.iter().map(|one| one.located(&source)).collect(),
            Err(found) => found.located(&source),
        };
    }
    match compile(&source) {
        Ok((workflow, warnings)) => {
            let facts = LintFacts {
                today: header(text, "today"),
                templates: header(text, "template").map(template).into_iter().collect(),
            };
            let advice = lint(&workflow, &source, &facts);
            let all = warnings.iter().chain(&advice);
            all.map(|one| one.located(&source)).collect()
        }
        Err(found) => found.located(&source),
    }
}

#[test]
fn every_document_gives_exactly_the_expected_diagnostics() {
    let mut report = String::new();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 120, "only {} fixtures", fixtures.len());
    for path in &fixtures {
        let text = std::fs::read_to_string(path).unwrap();
        let located = diagnose(path, &text);
        let mut open: Vec<&LocatedDiagnostic> = located.iter().collect();
        for expected in expectations(&text) {
            match open.iter().position(|found| matches(&expected, found)) {
                Some(at) => {
                    open.remove(at);
                }
                None => {
                    let _ = writeln!(report, "{}: missing {expected:?}", path.display());
                }
            }
        }
        for found in open {
            let _ = writeln!(
                report,
                "{}: unexpected\n{}",
                path.display(),
                describe(found)
            );
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_code_is_explained_and_has_a_document() {
    let mut seen = BTreeSet::new();
    for path in fixtures() {
        for expected in expectations(&std::fs::read_to_string(path).unwrap()) {
            assert!(explain(&expected.code).is_some(), "{}", expected.code);
            seen.insert(expected.code);
        }
    }
    let without: Vec<&str> = fenta_workflows::diagnostic::codes::ALL
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| !seen.contains(*code))
        // Only whoever can look at the disk can say it; their own unit tests have the documents.
        .filter(|code| !["file/missing", "syntax/encoding"].contains(code))
        .collect();
    assert!(without.is_empty(), "no document for {without:?}");
}
