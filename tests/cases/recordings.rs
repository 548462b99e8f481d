//! Recordings of jobs that older versions made: this version still reads, keeps and replays them.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use std::path::PathBuf;

use fenta_tests::env::FentaEnv;
use fenta_tests::house::workspace_root;
use serde_json::Value;

fn recordings() -> Vec<PathBuf> {
    let folder = workspace_root().join("tests/suite/recordings");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn recordings_of_every_version_are_kept_shown_and_replayed() {
    let env = FentaEnv::new().unwrap();
    for path in recordings() {
        let recording: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let file = path.to_str().unwrap();
        let run = |arguments: &[&str]| {
            let said = env.fenta(arguments).unwrap().expect_code(0);
            said.unwrap_or_else(|error| panic!("{file}: {arguments:?}: {error}"))
        };
        let replayed = run(&["job", "replay", file]);
        for node in ["voice", "render"] {
            assert!(replayed.stderr.contains(node), "{}", replayed.stderr);
        }
        let id = run(&["job", "import", file]).stdout.trim().to_owned();
        let shown: Value =
            serde_json::from_str(&run(&["job", "show", &id, "--json"]).stdout).unwrap();
        assert_eq!(shown["state"], recording["job"]["state"]);
        assert_eq!(shown["outputs"], recording["job"]["outputs"]);
        let log = run(&["logs", &id, "--json"]).stdout;
        let events: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let recorded = recording["events"].as_array().unwrap();
        assert_eq!(events.len(), recorded.len(), "every event is there");
        for (event, recorded) in events.iter().zip(recorded) {
            assert_eq!(event["type"], recorded["type"]);
            assert_eq!(event["at"], recorded["at"]);
        }
        run(&["explain", &id]);
        let again = run(&["job", "export", &id]).stdout;
        let again: Value = serde_json::from_str(&again).unwrap();
        assert_eq!(again["events"].as_array().unwrap().len(), recorded.len());
    }
}
