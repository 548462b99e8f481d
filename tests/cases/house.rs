//! The rules of the house, asserted: who may know whom, one door per crate, sizes, documentation.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use fenta_tests::house::{SourceFile, percentile, sources, workspace_root};

/// Crate and folder of its sources.
const CRATES: [(&str, &str); 6] = [
    ("fenta-templates", "templates/src"),
    ("fenta-workflows", "workflows/src"),
    ("fenta-client", "client-lib/src"),
    ("fenta-daemon", "daemon/src"),
    ("fenta-render", "daemon/render/src"),
    ("fenta", "cli/src"),
];

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn edges_between_crates_are_the_allowed_ones() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("fenta-templates", &[][..]),
        ("fenta-workflows", &["fenta-templates"][..]),
        ("fenta-client", &["fenta-workflows"][..]),
        (
            "fenta-daemon",
            &["fenta-client", "fenta-workflows", "fenta-templates"][..],
        ),
        ("fenta-render", &["fenta-templates", "fenta-workflows"][..]),
        (
            "fenta",
            &["fenta-client", "fenta-workflows", "fenta-templates"][..],
        ),
        (
            "fenta-tests",
            &[
                "fenta-client",
                "fenta-workflows",
                "fenta-templates",
                "fenta-daemon",
            ][..],
        ),
    ]);
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        allowed.keys().copied().collect(),
        "the crates of the house"
    );
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            if names.contains(dependency) {
                assert!(
                    allowed[name].contains(&dependency),
                    "{name} must not know {dependency}"
                );
            }
        }
    }
}

/// A third-party crate and the only places that may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("argon2", &["daemon/src/team/password.rs"]),
    ("jsonwebtoken", &["daemon/src/team/access_token.rs"]),
    (
        "csv",
        &[
            "cli/src/commands/run/batch/table_file.rs",
            "daemon/src/components/watches/sidecar.rs",
        ],
    ),
    ("notify", &["daemon/src/components/watches/ear.rs"]),
    ("ignore", &["daemon/src/components/watches/names.rs"]),
    ("feed_rs", &["daemon/src/providers/feed.rs"]),
    (
        "base64",
        &[
            "client-lib/src/webhooks.rs",
            "daemon/src/providers/encoded.rs",
        ],
    ),
    ("hmac", &["client-lib/src/webhooks.rs"]),
    (
        "sha2",
        &["client-lib/src/webhooks.rs", "client-lib/src/tokens.rs"],
    ),
    (
        "getrandom",
        &["cli/src/commands/webhook.rs", "daemon/src/random.rs"],
    ),
    ("ffmpeg_next", &["daemon/render/src/"]),
    ("rusqlite", &["daemon/src/store/"]),
    ("refinery", &["daemon/src/store/"]),
    ("serde_saphyr", &["workflows/src/syntax/"]),
    ("minijinja", &["workflows/src/expr/"]),
    ("annotate_snippets", &["workflows/src/diagnostic"]),
    ("serde_yaml", &["templates/src/template/", "cli/src/params"]),
    (
        "reqwest",
        &["client-lib/src/", "daemon/src/providers/http/"],
    ),
    ("axum", &["daemon/src/server/"]),
    ("indicatif", &["cli/src/ui/"]),
    ("similar", &["cli/src/ui/"]),
    (
        "toml_edit",
        &[
            "cli/src/config/",
            "daemon/src/providers/config.rs",
            "daemon/src/team/config.rs",
        ],
    ),
    ("comfy_table", &["cli/src/ui/"]),
    ("image_webp", &["daemon/render/src/webp.rs"]),
    ("parley", &["daemon/render/src/text/"]),
    ("icu_segmenter", &["templates/src/template/word_pieces.rs"]),
    ("ebur128", &["daemon/render/src/audio/"]),
    ("croner", &["workflows/src/cron/mod.rs"]),
    ("keyring", &["client-lib/src/credentials"]),
    ("landlock", &["daemon/render/src/confine/files.rs"]),
    ("seccompiler", &["daemon/render/src/confine/calls.rs"]),
    (
        "libc",
        &[
            "daemon/render/src/confine/calls.rs",
            "daemon/render/src/ffi_blocks.rs",
            "daemon/render/src/ffi_memory.rs",
        ],
    ),
    ("regex_lite", &["workflows/src/input/pattern.rs"]),
];

#[test]
fn one_third_party_crate_has_one_door() {
    let mut wrong = Vec::new();
    for (_, folder) in CRATES {
        for file in sources(folder).unwrap() {
            let path = relative(&file);
            for (name, doors) in DOORS {
                let uses = [format!("{name}::"), format!("use {name}")]
                    .iter()
                    .any(|text| !file.lines_with(text).is_empty());
                if uses && !doors.iter().any(|door| path.starts_with(door)) {
                    wrong.push(format!("{path} names {name}; its door is {doors:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_touch_nothing_outside() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "tokio",
        "SystemTime",
        "Instant::now",
        "std::thread",
        "rand::",
    ];
    let mut wrong = Vec::new();
    for folder in ["templates/src", "workflows/src"] {
        for file in sources(folder).unwrap() {
            for needle in forbidden {
                for line in file.lines_with(needle) {
                    wrong.push(format!("{}:{line} uses {needle}", relative(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn printing_and_exiting_happen_only_in_the_binaries() {
    let mut wrong = Vec::new();
    for (_, folder) in CRATES {
        for file in sources(folder).unwrap() {
            let path = relative(&file);
            if path.starts_with("cli/src/ui/") || path.ends_with("src/main.rs") {
                continue;
            }
            for needle in [
                "println!",
                "eprintln!",
                "print!(",
                "process::exit",
                "std::env::var",
            ] {
                for line in file.lines_with(needle) {
                    // The worker has no settings: the only thing it asks its environment is where the user's fonts are.
                    let fonts = path.ends_with("text/font_search.rs");
                    let settings =
                        needle == "std::env::var" && (path.ends_with("settings.rs") || fonts);
                    if !settings {
                        wrong.push(format!("{path}:{line} uses {needle}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_stays_behind_ffi_doors_and_is_explained() {
    let mut wrong = Vec::new();
    for (_, folder) in CRATES {
        for file in sources(folder).unwrap() {
            let name = file
                .path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let lines = file.lines_with("unsafe ");
            if !lines.is_empty() && !name.starts_with("ffi") {
                wrong.push(format!(
                    "{}:{lines:?} uses unsafe outside a file named ffi*.rs",
                    relative(&file)
                ));
            }
            if !lines.is_empty() && !file.text.contains("// SAFETY:") {
                wrong.push(format!(
                    "{} has unsafe without a SAFETY comment",
                    relative(&file)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn house_numbers_hold() {
    let all: Vec<SourceFile> = CRATES
        .iter()
        .flat_map(|(_, folder)| sources(folder).unwrap())
        .collect();
    let file_sizes: Vec<usize> = all
        .iter()
        .map(|file| file.code_lines)
        .filter(|lines| *lines > 0)
        .collect();
    let function_sizes: Vec<usize> = all
        .iter()
        .flat_map(|file| file.functions.iter().map(|f| f.lines))
        .collect();
    println!(
        "files {}: median {} p90 {} max {} (aim 150/350/600); functions {}: median {} p90 {} max {} (aim 8/35/80)",
        file_sizes.len(),
        percentile(&file_sizes, 0.5),
        percentile(&file_sizes, 0.9),
        percentile(&file_sizes, 1.0),
        function_sizes.len(),
        percentile(&function_sizes, 0.5),
        percentile(&function_sizes, 0.9),
        percentile(&function_sizes, 1.0),
    );
    let mut wrong = Vec::new();
    for file in &all {
        let path = relative(file);
        if file.code_lines > 600 {
            wrong.push(format!(
                "{path}: {} code lines, at most 600",
                file.code_lines
            ));
        }
        for function in &file.functions {
            if function.lines > 80 {
                wrong.push(format!(
                    "{path}:{} {}: {} lines, at most 80",
                    function.line, function.name, function.lines
                ));
            }
            let ffi = file
                .path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("ffi");
            if function.parameters > 5 && !ffi {
                wrong.push(format!(
                    "{path}:{} {}: {} parameters, at most 5",
                    function.line, function.name, function.parameters
                ));
            }
        }
        for line in file.lines_with(".unwrap()") {
            wrong.push(format!("{path}:{line} unwrap outside tests"));
        }
        if file.code_lines > 0 && !file.has_module_doc() {
            wrong.push(format!("{path}: no module documentation"));
        }
        if !path.starts_with("daemon/") && !path.starts_with("cli/") {
            wrong.extend(
                file.undocumented()
                    .into_iter()
                    .map(|item| format!("{path}:{item}: no doc comment")),
            );
        }
    }
    assert!(percentile(&file_sizes, 0.5) <= 150, "median file size");
    assert!(percentile(&file_sizes, 0.9) <= 350, "p90 file size");
    assert!(
        percentile(&function_sizes, 0.5) <= 8 + 4,
        "median function size"
    );
    assert!(percentile(&function_sizes, 0.9) <= 35, "p90 function size");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn drawers_do_not_exist() {
    for (_, folder) in CRATES {
        for file in sources(folder).unwrap() {
            let name = file
                .path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            assert!(
                !matches!(
                    name.as_str(),
                    "util.rs" | "utils.rs" | "common.rs" | "helpers.rs" | "misc.rs"
                ),
                "{} is a drawer file",
                relative(&file)
            );
        }
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let manifest = std::fs::read_to_string(workspace_root().join("tests/Cargo.toml")).unwrap();
    for folder in ["cases", "benches"] {
        for entry in std::fs::read_dir(workspace_root().join("tests").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            if name.ends_with(".rs") {
                assert!(
                    manifest.contains(&format!("{folder}/{name}")),
                    "tests/{folder}/{name} is not in tests/Cargo.toml"
                );
            }
        }
    }
}

fn relative(file: &SourceFile) -> String {
    file.path
        .strip_prefix(workspace_root())
        .unwrap_or(Path::new("?"))
        .to_string_lossy()
        .into_owned()
}
