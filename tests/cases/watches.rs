//! `fenta watch` with the real programs: files dropped, renamed, copied, half written and stormed into a folder, and a daemon
//! that is killed in the middle.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fenta_tests::env::FentaEnv;
use serde_json::Value;

/// Says what a note says; nothing is drawn, so a thousand of them are quick.
const NOTES: &str = "fenta: workflow/v1
name: notes
inputs: { note: { type: file }, greeting: { type: string, default: \"\" } }
nodes:
  text: { type: Input.Text, with: { file: \"${{ inputs.note }}\", format: txt } }
outputs: { said: \"${{ inputs.greeting }}${{ nodes.text.text }}\" }
";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Bench {
    env: FentaEnv,
    inbox: PathBuf,
}

impl Bench {
    fn new(text: &str) -> Self {
        let env = FentaEnv::new().unwrap();
        env.write("notes.yaml", text).unwrap();
        let inbox = env.work().join("inbox");
        fs::create_dir(&inbox).unwrap();
        Self { env, inbox }
    }

    fn fenta(&self, args: &[&str]) -> String {
        let said = self.env.fenta(args).unwrap().expect_code(0).unwrap();
        said.stdout
    }

    fn drop(&self, name: &str, text: &str) -> PathBuf {
        let path = self.inbox.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The lines of `watch show --json`: the watch, its files, its runs.
    fn show(&self) -> (Vec<Value>, Vec<Value>) {
        let text = self.fenta(&["watch", "show", "notes", "--json", "--runs", "10000"]);
        let values = text
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        values.partition(|value| value["path"].is_string())
    }

    fn states(&self) -> BTreeMap<String, String> {
        let (files, _) = self.show();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        files
            .iter()
            .map(|file| (text(&file["path"]), text(&file["state"])))
            .collect()
    }

    fn until(&self, what: &str, mut met: impl FnMut(&BTreeMap<String, String>) -> bool) {
        let begin = Instant::now();
        loop {
            let states = self.states();
            if met(&states) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{what}: {states:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn until_state(&self, name: &str, state: &str) {
        self.until(&format!("{name} is {state}"), |states| {
            states.get(name).is_some_and(|found| found == state)
        });
    }

    /// What was said by all runs, sorted.
    fn said(&self) -> Vec<String> {
        let (_, runs) = self.show();
        let mut said: Vec<String> = runs
            .iter()
            .flat_map(|run| run["outputs"].as_array().cloned().unwrap_or_default())
            .map(|output| output.as_str().unwrap().to_owned())
            .collect();
        said.sort();
        said
    }

    fn jobs(&self) -> usize {
        self.fenta(&["job", "ls", "-q", "--limit", "1000"])
            .lines()
            .count()
    }
}

#[test]
fn a_file_begins_one_run_whatever_it_is_called_and_however_often_it_is_touched() {
    let bench = Bench::new(NOTES);
    let first = bench.drop("before.md", "bees");
    let added = bench
        .env
        .fenta(&["watch", "add", "inbox", "notes.yaml", "--settle", "300ms"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(added.stdout.starts_with("wat_"), "{added:?}");
    assert!(added.stderr.contains("not durable"), "{}", added.stderr);
    bench.until_state("before.md", "done");
    assert_eq!(bench.said(), ["bees"]);

    bench.drop("half.md.part", "half");
    bench.drop(".hidden.md", "hidden");
    fs::rename(&first, bench.inbox.join("renamed.md")).unwrap();
    fs::copy(bench.inbox.join("renamed.md"), bench.inbox.join("copy.md")).unwrap();
    bench.until_state("copy.md", "dup");
    bench.until_state("renamed.md", "dup");
    fs::File::options()
        .append(true)
        .open(bench.inbox.join("copy.md"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    bench.drop("new.md", "ants");
    bench.until_state("new.md", "done");
    bench.until_state("copy.md", "dup");
    assert_eq!(bench.said(), ["ants", "bees"]);
    assert_eq!(bench.jobs(), 2);

    let list = bench.fenta(&["watch", "ls"]);
    assert!(list.contains("2 dup") && list.contains("1 done"), "{list}");
    let ps = bench.fenta(&["ps", "--watch", "notes", "-q"]);
    assert_eq!(ps.lines().count(), 2);
    for (file, rule) in [
        ("inbox/half.md.part", "half-file"),
        ("inbox/.hidden.md", "hidden"),
        ("inbox/copy.md", "content"),
        ("inbox/new.md", "content"),
    ] {
        let said = bench.fenta(&["watch", "explain", file, "--json"]);
        let verdict: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(verdict["rule"], rule, "{said}");
    }
}
