//! Documents made to do harm: each is answered with a place, in little time and memory, and nothing ends the process.
//!
//! Every document is judged in a child of this test whose data segment is limited, so that a bomb ends the child and not
//! the machine. `cargo test -p fenta-workflows --test hostile -- --nocapture` prints the figures.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_workflows::{SourceFile, compile};

/// The child reads the file this names.
const FILE: &str = "FENTA_HOSTILE_FILE";
/// What the child may allocate, KiB.
const MEMORY_KIB: u32 = 64 * 1024;
/// What the child's processor time may be, milliseconds; the test's own start included.
const CPU_MS: u32 = if cfg!(debug_assertions) { 400 } else { 100 };

const HEAD: &str = "fenta: workflow/v1\nnodes:\n";

fn node(with: &str) -> String {
    format!("{HEAD}  a: {{ type: Input.Text, with: {{ text: \"{with}\" }} }}\n")
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let _ = writeln!(text, "a{i}: &a{i} [*a{0},*a{0},*a{0},*a{0},*a{0}]", i - 1);
    }
    text
}

fn merge_bomb() -> String {
    let mut text = String::from("m0: &m0 { k: x }\n");
    for i in 1..30 {
        let _ = writeln!(text, "m{i}: &m{i} {{ <<: [*m{0}, *m{0}], k{i}: x }}", i - 1);
    }
    text
}

fn many_errors(count: usize) -> String {
    let bad: String = (0..count)
        .map(|i| format!("  n{i}: {{ type: Nope }}\n"))
        .collect();
    format!("{HEAD}{bad}")
}

/// Every document with what its first diagnostic must say.
fn documents() -> Vec<(&'static str, String, &'static str)> {
    let ten_megabytes = 10_000_000;
    vec![
        (
            "10 MB of one word",
            "x".repeat(ten_megabytes),
            "syntax/too-large 1:1",
        ),
        (
            "10 MB of brackets",
            "[".repeat(ten_megabytes),
            "syntax/too-large 1:1",
        ),
        (
            "10 MB of keys",
            "a: 1\n".repeat(ten_megabytes / 5),
            "syntax/too-large 1:1",
        ),
        (
            "4 MB of brackets",
            "[".repeat(4_000_000),
            "syntax/too-large 1:",
        ),
        (
            "4 MB of braces",
            "{a: ".repeat(1_000_000),
            "syntax/too-large 1:",
        ),
        (
            "4 MB of dashes",
            "- ".repeat(2_000_000),
            "syntax/too-large 1:",
        ),
        ("4 MB of questions", "? ".repeat(2_000_000), "syntax/"),
        (
            "4 MB of list items",
            "- x\n".repeat(1_000_000),
            "syntax/too-large ",
        ),
        (
            "4 MB of spaces",
            " ".repeat(4_000_000),
            "document/version 1:1",
        ),
        (
            "4 MB of line ends",
            "\n".repeat(4_000_000),
            "document/version 1:1",
        ),
        (
            "4 MB of comments",
            "#\n".repeat(2_000_000),
            "document/version 1:1",
        ),
        (
            "4 MB of one quoted text",
            format!("a: \"{}", "x".repeat(4_000_000)),
            "syntax/yaml ",
        ),
        ("4 MB of colons", ":".repeat(4_000_000), ""),
        (
            "4 MB of documents",
            "---\n".repeat(1_000_000),
            "syntax/second-document 2:1",
        ),
        (
            "24 000 nodes",
            many_errors(24_000),
            "syntax/too-large 20003:3",
        ),
        (
            "20 000 mistakes",
            many_errors(20_000),
            "graph/unknown-type 3:",
        ),
        (
            "one key 120 000 times",
            "a: 1\n".repeat(120_000),
            "syntax/too-large ",
        ),
        (
            "a list of 1.5 million items",
            format!("{HEAD}  a: [{}]\n", "1,".repeat(1_500_000)),
            "syntax/too-large 3:",
        ),
        ("alias bomb", bomb(), "syntax/alias 1:5"),
        (
            "alias of itself",
            "a: &a [*a]\n".to_owned(),
            "syntax/alias 1:4",
        ),
        ("merge bomb", merge_bomb(), "syntax/alias 1:5"),
        ("deep blocks", deep_block(2000), "syntax/too-large "),
        (
            "a tag that runs code",
            "a: !!python/object/apply:os.system ['true']\n".to_owned(),
            "syntax/tag 1:4",
        ),
        (
            "a tag of one's own",
            format!("{HEAD}  a: !include /etc/passwd\n"),
            "syntax/tag 3:6",
        ),
        ("NUL and escapes", "\u{0}\u{1b}[31m".to_owned(), ""),
        ("NUL in a text", node("a\u{0}b"), ""),
        (
            "UTF-16 read as bytes",
            "f\u{0}e\u{0}n\u{0}t\u{0}a\u{0}".to_owned(),
            "",
        ),
        (
            "two byte order marks",
            "\u{feff}\u{feff}fenta: workflow/v1\n".to_owned(),
            "",
        ),
        ("line separators", "a:\u{2028}b:\u{2029}c\n".to_owned(), ""),
        ("right-to-left marks", node("\u{202e}txt.exe"), ""),
        (
            "unfinished quote",
            "fenta: \"workflow/v1\nnodes: {}\n".to_owned(),
            "syntax/yaml 1:8",
        ),
        (
            "unfinished bracket",
            format!("{HEAD}  a: [1, 2\n"),
            "syntax/yaml ",
        ),
        (
            "unfinished expression",
            node("${{ inputs.x"),
            "expr/syntax 3:",
        ),
        ("unfinished escape", "a: \"\\u12".to_owned(), "syntax/yaml "),
        ("unfinished block", "a: |9\n x".to_owned(), "syntax/"),
        ("100 000 openings", "${{".repeat(100_000), ""),
        (
            "chain of sums",
            node(&format!("${{{{ 1{} }}}}", "+1".repeat(500))),
            "expr/limit 3:",
        ),
        (
            "chain of dots",
            node(&format!("${{{{ inputs{} }}}}", ".x".repeat(400))),
            "expr/limit 3:",
        ),
        (
            "chain of signs",
            node(&format!("${{{{ {}1 }}}}", "-".repeat(900))),
            "expr/limit 3:",
        ),
        (
            "nested brackets",
            node(&format!("${{{{ {} }}}}", "(".repeat(900))),
            "expr/limit 3:",
        ),
        (
            "nested maps",
            node(&format!("${{{{ {} }}}}", "{a:".repeat(300))),
            "expr/",
        ),
        (
            "long expression",
            node(&format!("${{{{ '{}' }}}}", "x".repeat(100_000))),
            "expr/limit 3:",
        ),
        (
            "100 000 expressions",
            node(&"${{ uper(1) }}".repeat(100_000)),
            "expr/unknown-function 3:",
        ),
        (
            "long names",
            format!(
                "{HEAD}  {}: {{ type: Input.Text }}\n",
                "n".repeat(1_000_000)
            ),
            "",
        ),
    ]
}

fn deep_block(levels: usize) -> String {
    (0..levels)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect()
}

/// What the child says: the first diagnostic, and how many there are.
#[test]
#[ignore = "judges one document for the test below"]
fn judge() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let source = SourceFile {
        name: "hostile.yaml".into(),
        text: std::fs::read_to_string(path).unwrap(),
    };
    match compile(&source) {
        Ok(_) => println!("JUDGED fine"),
        Err(found) => {
            let rendered = found.render(&source, false);
            assert!(
                !rendered.contains(['\u{1b}', '\u{0}']),
                "escape codes would reach the terminal"
            );
            let located = found.located(&source);
            let first = &located[0];
            assert!(!first.hints.is_empty(), "{first:?}");
            println!(
                "JUDGED {} {}:{} ({})",
                first.code,
                first.line,
                first.column,
                located.len()
            );
        }
    }
}

fn figures(text: &str, folder: &Path) -> (String, u32) {
    let path = folder.join("hostile.yaml");
    std::fs::write(&path, text).unwrap();
    let script = format!(
        "ulimit -d {MEMORY_KIB}; \"$0\" judge --exact --ignored --nocapture; echo CODE $?; times"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("CODE 0"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let verdict = said.lines().find_map(|line| line.split("JUDGED ").nth(1));
    let times = said.lines().next_back().unwrap_or_default();
    (
        verdict.unwrap_or_default().to_owned(),
        times.split_whitespace().map(milliseconds).sum(),
    )
}

/// Of `0m0.031s`.
fn milliseconds(written: &str) -> u32 {
    let (minutes, seconds) = written.trim_end_matches('s').split_once('m').unwrap();
    (minutes.parse::<f64>().unwrap() * 60_000.0 + seconds.parse::<f64>().unwrap() * 1000.0) as u32
}

// spec: W-9
#[test]
fn hostile_documents_are_answered_with_a_place_in_little_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = String::new();
    for (name, text, expected) in documents() {
        let (verdict, took) = figures(&text, folder.path());
        println!("{took:>5} ms  {:>8} bytes  {name}: {verdict}", text.len());
        if !verdict.starts_with(expected) || verdict.is_empty() {
            let _ = writeln!(report, "{name}: expected {expected}, got {verdict}");
        }
        if took > CPU_MS {
            let _ = writeln!(report, "{name}: {took} ms, more than {CPU_MS}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The YAML test suite and project files of other programs; they are not part of the project.
// spec: W-9
#[test]
fn foreign_files_are_answered_with_places() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let root = std::env::var_os("FENTA_CORPUS").map_or(beside, PathBuf::from);
    let files = files_below(&root);
    if files.is_empty() {
        println!(
            "skipped: no files in {} (FENTA_CORPUS names another folder)",
            root.display()
        );
        return;
    }
    let mut judged = 0;
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        judged += 1;
        let source = SourceFile {
            name: "foreign.yaml".into(),
            text,
        };
        let Err(found) = compile(&source) else {
            continue;
        };
        assert!(!found.is_empty(), "{}", path.display());
        for one in found.located(&source) {
            let lines = source.text.split('\n').count();
            assert!(
                (1..=lines).contains(&one.line) && one.column >= 1,
                "{}: {one:?}",
                path.display()
            );
            assert!(
                !one.message.is_empty() && !one.hints.is_empty(),
                "{}: {one:?}",
                path.display()
            );
        }
        let _ = found.render(&source, true);
    }
    println!("{judged} foreign files judged");
}
