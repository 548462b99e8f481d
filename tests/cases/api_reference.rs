//! The description of the API: what is committed is what the daemon prints, and nothing of it was taken back.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_tests::api_surface::{breaking, surface};
use fenta_tests::env::program;
use serde_json::Value;

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/reference")
        .join(name)
}

fn printed() -> Value {
    let output = Command::new(program("fentad").unwrap())
        .arg("--openapi")
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_committed_description_is_what_the_daemon_prints() {
    let text = std::fs::read_to_string(reference("openapi.json")).unwrap();
    let committed: Value = serde_json::from_str(&text).unwrap();
    let printed = printed();
    if committed != printed {
        let (before, after) = (surface(&committed), surface(&printed));
        let breaks = breaking(&before, &after);
        let added: Vec<&String> = after.difference(&before).collect();
        panic!(
            "docs/reference/openapi.json is not what `fentad --openapi` prints: run `make reference`\nadded: {added:#?}\nbreaking: {breaks:#?}"
        );
    }
}

/// `api-surface.txt` is what programs were promised. It grows by hand, with `FENTA_KEEP_SURFACE=1`, and shrinks never
/// without somebody deciding so.
#[test]
fn nothing_that_was_promised_is_taken_back() {
    let path = reference("api-surface.txt");
    let after = surface(&printed());
    if std::env::var_os("FENTA_KEEP_SURFACE").is_some() {
        let lines: Vec<&str> = after.iter().map(String::as_str).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let before: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    println!("{} lines promised, {} there are", before.len(), after.len());
    assert!(before.len() > 500, "{}", before.len());
    let breaks = breaking(&before, &after);
    assert!(
        breaks.is_empty(),
        "programs written for the API would break:\n{}",
        breaks.join("\n")
    );
}

/// Every endpoint of the service's own table.
#[test]
fn every_route_of_the_hosted_services_table_is_there() {
    let printed = printed();
    for (path, methods) in [
        ("/v1/templates", &["get", "post"][..]),
        ("/v1/workflows", &["get", "post"]),
        ("/v1/workflows/{id}/run", &["post"]),
        ("/v1/workflows/{id}/estimate", &["post"]),
        ("/v1/jobs", &["get", "post"]),
        ("/v1/jobs/{id}", &["get"]),
        ("/v1/assets/init", &["post"]),
        ("/v1/assets/complete", &["post"]),
        ("/v1/kai/generate-image", &["post"]),
        ("/v1/kai/generate-video", &["post"]),
        ("/v1/schedules", &["get", "post"]),
        ("/v1/usage", &["get"]),
    ] {
        for method in methods {
            assert!(!printed["paths"][path][method].is_null(), "{method} {path}");
        }
    }
}
