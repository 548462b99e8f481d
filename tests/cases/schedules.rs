//! `fenta schedule` with the real programs: a document's schedules kept by a daemon that is killed, and the corpus of cron
//! lines and of days clocks change, which nobody here wrote.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use fenta_tests::env::FentaEnv;
use fenta_workflows::cron::{CronTimes, check};
use serde_json::Value;

const DAILY: &str = "fenta: workflow/v1
name: daily
inputs: { topic: { type: string, default: ants } }
schedule:
  - { cron: \"0 7 * * 1-5\", timezone: Europe/Berlin, catch_up: latest, inputs: { topic: bees } }
nodes:
  text: { type: Input.Text, with: { text: \"${{ inputs.topic }} on ${{ job.date }}\" } }
outputs: { text: \"${{ nodes.text.text }}\" }
";

#[test]
fn schedules_outlive_the_daemon_that_was_told_of_them() {
    let env = FentaEnv::new().unwrap();
    env.write("daily.yaml", DAILY).unwrap();
    let fenta = |args: &[&str]| env.fenta(args).unwrap().expect_code(0).unwrap();

    let added = fenta(&["schedule", "add", "daily.yaml"]);
    let id = added.stdout.trim().to_owned();
    assert!(id.starts_with("sch_"), "{added:?}");
    assert!(added.stderr.contains("not durable"), "{}", added.stderr);
    assert!(
        added.stderr.contains("fenta daemon install"),
        "{}",
        added.stderr
    );
    assert!(added.stderr.contains("runs in 30 days"), "{}", added.stderr);

    env.kill_daemon().unwrap();
    let shown = fenta(&["schedule", "show", "daily", "--json"]);
    let schedule: Value = serde_json::from_str(shown.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(schedule["id"], id.as_str());
    assert_eq!(schedule["rule"]["catch_up"], "latest");
    assert_eq!(schedule["state"], "active");
    assert!(
        schedule["next"]["local"]
            .as_str()
            .unwrap()
            .contains("T07:00+0")
    );

    // The file is read when a run begins.
    env.write("daily.yaml", &DAILY.replace(" on ", " of "))
        .unwrap();
    let job = fenta(&["schedule", "trigger", "daily"])
        .stdout
        .trim()
        .to_owned();
    fenta(&["logs", &job, "-f"]);
    let text = fenta(&["job", "show", &job, "--json"]).stdout;
    let text: Value = serde_json::from_str(&text).unwrap();
    let said = text["outputs"]["text"].as_str().unwrap();
    assert!(said.starts_with("bees of 2"), "{said}");

    let runs = fenta(&["schedule", "show", "daily"]).stdout;
    assert!(
        runs.contains("manual") && runs.contains("completed"),
        "{runs}"
    );

    let jobs = fenta(&["ps", "--schedule", "daily", "-q"]).stdout;
    assert_eq!(jobs.trim(), job);

    fenta(&["schedule", "rm", "daily"]);
    let gone = env
        .fenta(&["schedule", "show", "daily"])
        .unwrap()
        .expect_code(5)
        .unwrap();
    assert!(
        gone.stderr.contains("there is no schedule daily"),
        "{}",
        gone.stderr
    );
    fenta(&["job", "show", &job]);
}

#[test]
fn a_bad_line_is_told_with_its_place_and_better_ones() {
    let env = FentaEnv::new().unwrap();
    let args = [
        "schedule",
        "next",
        "0 25 * * *",
        "--timezone",
        "Europe/Berlin",
    ];
    let bad = env.fenta(&args).unwrap().expect_code(2).unwrap();
    for wanted in [
        "the hour cannot be 25",
        "    ^^",
        "0 to 23",
        "`0 23 * * *` would run at",
    ] {
        assert!(bad.stderr.contains(wanted), "{wanted}: {}", bad.stderr);
    }
    let args = [
        "schedule",
        "next",
        "30 2 29 3 *",
        "--timezone",
        "Europe/Berlin",
        "-n",
        "12",
    ];
    let next = env.fenta(&args).unwrap().expect_code(0).unwrap().stdout;
    assert!(next.contains("clocks go forward 60 min that day"), "{next}");
    let none = env
        .fenta(&["schedule", "next", "0 7 * * *"])
        .unwrap()
        .expect_code(2)
        .unwrap();
    assert!(none.stderr.contains("--timezone"), "{}", none.stderr);
}

fn corpus(name: &str) -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/cron");
    let file = std::path::Path::new(path).join(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {} is not here", file.display());
            None
        }
    }
}

/// Days that never come: refused when a schedule is written, not left to wait for ever.
const NEVER: [&str; 4] = ["0 0 31 2 *", "0 0 31 4 *", "0 0 30W 2 *", "0 0 31W 4 *"];

#[test]
fn lines_of_other_crons_are_taken_and_refused_as_they_are_there() {
    let Some(lines) = corpus("patterns_accept_reject.json") else {
        return;
    };
    let of = |list: &str| {
        let entries = lines[list].as_array().unwrap().iter();
        entries.map(|entry| entry["pattern"].as_str().unwrap().to_owned())
    };
    // Seconds and years are no part of a schedule here: those lines are refused for their number of fields.
    let mut taken = 0;
    for line in of("accept")
        .filter(|line| line.split_whitespace().count() == 5 || line.trim().starts_with('@'))
    {
        if NEVER.contains(&line.as_str()) {
            assert!(check(&line).is_err(), "{line}");
            continue;
        }
        assert_eq!(check(&line), Ok(()), "{line}");
        assert!(CronTimes::new(&line, "UTC").is_ok(), "{line}");
        taken += 1;
    }
    for line in of("reject") {
        assert!(check(&line).is_err(), "{line}");
    }
    println!("{taken} lines taken, {} refused", of("reject").count());
    assert!(taken > 100);
}

#[test]
fn days_clocks_change_are_as_others_found_them() {
    let Some(days) = corpus("dst_vectors.json") else {
        return;
    };
    let mut held = 0;
    // A line of six fields whose seconds are 0 is the line without them.
    let line = |entry: &Value| {
        let expr = entry["expr"].as_str().unwrap();
        let fields: Vec<&str> = expr.split(' ').collect();
        match fields.as_slice() {
            ["0", rest @ ..] if rest.len() == 5 => rest.join(" "),
            _ => expr.to_owned(),
        }
    };
    for entry in days["gap"].as_array().unwrap() {
        let zone = entry["tz"].as_str().unwrap();
        let times = CronTimes::new(&line(entry), zone).unwrap();
        let at = |text: &Value| instant(text.as_str().unwrap(), &times);
        let before = |text: &Value| at(text) - jiff::SignedDuration::from_nanos(1);
        if let Some(from) = entry.get("prev_before") {
            assert_eq!(
                times.last_until(before(from)),
                Some(at(&entry["is"])),
                "{entry}"
            );
            held += 1;
        }
        if let Some(from) = entry.get("prev4_before") {
            let mut last = before(from);
            for wanted in entry["are"].as_array().unwrap() {
                let found = times.last_until(last).unwrap();
                assert_eq!(found, at(wanted), "{entry}");
                last = found - jiff::SignedDuration::from_nanos(1);
                held += 1;
            }
        }
        if let Some(from) = entry.get("next_after") {
            assert_eq!(
                times.next_after(at(from)),
                Some(at(&entry["next_is"])),
                "{entry}"
            );
            held += 1;
        }
    }
    for entry in days["overlap"].as_array().unwrap() {
        let (Some(local), Some(hits)) = (entry.get("ambiguous_local"), entry["hits"].as_u64())
        else {
            continue;
        };
        let zone = entry["tz"].as_str().unwrap();
        let times = CronTimes::new(&line(entry), zone).unwrap();
        let local: jiff::civil::DateTime = local.as_str().unwrap().parse().unwrap();
        let both = times.zone().to_ambiguous_timestamp(local);
        let (first, second) = (both.earlier().unwrap(), both.later().unwrap());
        let hit = |at: jiff::Timestamp| times.last_until(at) == Some(at);
        let found = u64::from(hit(first)) + u64::from(second != first && hit(second));
        assert_eq!(found, hits, "{entry}");
        held += 1;
    }
    println!("{held} instants as they were found");
    assert!(held >= 8);
}

/// An instant with an offset, or a time on the wall of the zone.
fn instant(text: &str, times: &CronTimes) -> jiff::Timestamp {
    text.parse().unwrap_or_else(|_| {
        let local: jiff::civil::DateTime = text.parse().unwrap();
        local.to_zoned(times.zone().clone()).unwrap().timestamp()
    })
}
