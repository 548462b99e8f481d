//! One workflow, many rows: `--batch` and `--matrix`.

use super::answers::{EVENTS_DONE, EVENTS_FAILED, EVENTS_UP_TO_DATE, JOB};
use super::stage;

const ONE_AT_A_TIME: [&str; 2] = ["--max-parallel-jobs", "1"];

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["run", "w.yaml"];
    args.extend(more);
    args.extend(ONE_AT_A_TIME);
    args
}

#[test]
fn every_row_is_a_job_with_a_folder_of_its_own() {
    let stage = stage();
    stage.file(
        "rows.csv",
        "id,topic\nfirst,bees\n,\"ants, \"\"wasps\"\"\"\n",
    );
    let daemon = stage.daemon(&[JOB, EVENTS_DONE, JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&args(&["--batch", "rows.csv"]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.starts_with("2 rows, 1 at a time\n✓ first"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("2 of 2 rows completed"),
        "{}",
        ended.stderr
    );
    let jobs = daemon.all_asked("POST /v1/jobs");
    assert!(
        jobs[0].contains(r#""params":{"topic":"bees"}"#) && jobs[0].contains("/first\""),
        "{}",
        jobs[0]
    );
    assert!(
        jobs[1].contains(r#""params":{"topic":"ants, \"wasps\""}"#) && jobs[1].contains("/002\""),
        "{}",
        jobs[1]
    );
    // One summary, one line, every row in it.
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(
        ended.stdout.starts_with(
            r#"{"type":"summary","workflow":"tiny","rows":2,"completed":2,"failed":0"#
        ),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(r#""place":"rows.csv:3""#));
}

#[test]
fn a_failed_row_does_not_stop_the_others_unless_it_should() {
    let rows = "topic\nbees\nants\n";
    let stage = stage();
    stage.file("rows.csv", rows);
    stage.daemon(&[JOB, EVENTS_FAILED, JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&args(&[
        "--batch",
        "rows.csv",
        "--json",
        "--summary",
        "s.json",
    ]));
    assert_eq!(ended.code, 10);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.stdout);
    assert!(lines[0].starts_with(r#"{"type":"row","row":1"#) && lines[0].contains("failed"));
    assert!(lines[0].contains(r#""hint":"sudo apt install libflite1""#));
    assert!(lines[1].starts_with(r#"{"type":"row","row":2"#) && lines[1].contains("completed"));
    assert!(lines[2].contains(r#""completed":1,"failed":1"#));
    assert!(
        ended
            .stderr
            .contains(r#""code":10,"retryable":false,"message":"1 of 2 rows failed""#),
        "{}",
        ended.stderr
    );
    let written = std::fs::read_to_string(stage.path("s.json")).unwrap();
    assert!(written.contains("\"type\": \"summary\""), "{written}");

    let stage = super::stage();
    stage.file("rows.csv", rows);
    stage.daemon(&[JOB, EVENTS_FAILED]);
    let ended = stage.fenta(&args(&["--batch", "rows.csv", "--fail-fast"]));
    assert_eq!(ended.code, 10);
    assert!(
        ended.stdout.contains(r#""not_started":1"#),
        "{}",
        ended.stdout
    );
}

#[test]
fn everything_wrong_with_all_rows_is_said_before_anything_starts() {
    let stage = stage();
    stage.file(
        "w.yaml",
        &super::WORKFLOW.replace(
            "required: true }",
            "required: true, max_length: 5 }\n  length: { type: duration, default: 30s }",
        ),
    );
    stage.file("rows.csv", "topic,length\nbumblebees,30s\nok,soon\n,1s\n");
    let ended = stage.fenta(&["run", "w.yaml", "--batch", "rows.csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(
        lines[0].starts_with("rows.csv:2:1: the input `topic`"),
        "{lines:#?}"
    );
    assert!(
        lines[1].starts_with("rows.csv:3:2: the input `length`"),
        "{lines:#?}"
    );
    assert!(
        lines[2].starts_with("rows.csv:4: the input `topic`"),
        "{lines:#?}"
    );
    assert_eq!(
        lines[3],
        "error: 3 of 3 rows cannot run; nothing was started"
    );

    stage.file("cols.csv", "topik,topic\na,b\n");
    let ended = stage.fenta(&["run", "w.yaml", "--batch", "cols.csv", "--json"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains(r#""problems":[{"file":"cols.csv","line":1,"column":1,"message":"the workflow has no input `topik`; did you mean `topic`?"}]"#),
        "{}",
        ended.stderr
    );
}

#[test]
fn rows_that_cannot_run_are_counted_and_told_together() {
    let stage = stage();
    stage.file(
        "w.yaml",
        &super::WORKFLOW.replace(
            "required: true }",
            "required: true, max_length: 5 }\n  n: { type: int, max: 2, default: 1 }",
        ),
    );
    let said = |args: &[&str]| {
        let mut all = vec!["run", "w.yaml"];
        all.extend(args);
        let ended = stage.fenta(&all);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        ended.stderr
    };
    stage.file("open.csv", "topic,n\nbumblebees,1\nok,1\nok,\"1\n");
    let text = said(&["--batch", "open.csv"]);
    assert!(text.contains("open.csv:2:1: the input `topic`"), "{text}");
    assert!(text.contains("open.csv:4: the quote"), "{text}");
    assert!(text.contains("2 of 3 rows cannot run"), "{text}");

    stage.file(
        "r.jsonl",
        "{\"topic\":\"a\"}\n{\"topic\":{\"b\":1}}\n\n{\"topic\":\"c\",\"n\":9}\n",
    );
    let text = said(&["--batch", "r.jsonl"]);
    assert!(
        text.contains("r.jsonl:2:2: the input `topic` takes"),
        "{text}"
    );
    assert!(text.contains("r.jsonl:4:14: the input `n`"), "{text}");
    assert!(text.contains("2 of 3 rows cannot run"), "{text}");

    stage.file("none.csv", "");
    let text = said(&["--batch", "none.csv"]);
    assert!(text.contains("there are no rows that could run"), "{text}");

    let text = said(&["--matrix", "topic=a,b", "--matrix", "n=1,2,9"]);
    assert_eq!(text.matches("the input `n`").count(), 1, "{text}");
    assert!(text.contains("2 of 6 rows cannot run"), "{text}");
}

#[test]
fn rows_that_would_overwrite_each_other_are_refused() {
    let stage = stage();
    stage.file(
        "rows.jsonl",
        "{\"topic\":\"Bees\"}\n{\"topic\":\"bees!\"}\n",
    );
    let ended = stage.fenta(&[
        "run",
        "w.yaml",
        "--batch",
        "rows.jsonl",
        "--name-template",
        "{topic}",
    ]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("rows.jsonl:2: its results would overwrite those of rows.jsonl:1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_matrix_makes_every_combination() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE, JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&args(&["--matrix", "topic=bees,ants", "-q", "--out", "o"]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "/out/a.mp4\n/out/a.mp4\n");
    let jobs = daemon.all_asked("POST /v1/jobs");
    assert!(
        jobs[0].contains("/o/bees\"") && jobs[1].contains("/o/ants\""),
        "{jobs:?}"
    );
    // Both rows wrote one file, because the scripted daemon says so; that must not pass in silence.
    assert!(
        ended.stderr.contains("more than one row wrote /out/a.mp4"),
        "{}",
        ended.stderr
    );
}

#[test]
fn flags_of_batches_need_a_batch_and_a_batch_is_not_detached() {
    let stage = stage();
    for flag in [
        &["--fail-fast"][..],
        &["--max-parallel-jobs", "2"],
        &["--name-template", "{id}"],
        &["--summary", "s.json"],
    ] {
        let mut args = vec!["run", "w.yaml", "-p", "topic=a"];
        args.extend(flag);
        let ended = stage.fenta(&args);
        assert_eq!(ended.code, 2);
        let told = format!("{} is for batches", flag[0]);
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
    let ended = stage.fenta(&["run", "w.yaml", "--matrix", "topic=a", "--detach"]);
    assert_eq!(ended.code, 2);
    let ended = stage.fenta(&["run", "w.yaml", "-p", "topic=a", "--matrix", "topic=a,b"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("given for all rows and for one of them"),
        "{}",
        ended.stderr
    );
}

#[test]
fn rows_come_from_standard_input_too() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.shell(
        "echo '{\"topic\": \"bees\"}' | \"$FENTA\" run w.yaml --batch - -q --max-parallel-jobs 1",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(daemon.asked("POST /v1/jobs").unwrap().contains("bees"));
}

#[test]
fn a_signal_cancels_what_runs_and_starts_nothing_more() {
    let stage = stage();
    stage.file("rows.csv", "topic\nbees\nants\n");
    let daemon = stage.daemon(&[JOB, "silence", JOB]);
    let ended = stage.shell(
        "\"$FENTA\" run w.yaml --batch rows.csv --max-parallel-jobs 1 >out & until [ -e asked-events ]; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?",
    );
    assert_eq!(ended.stdout, "143\n", "{}", ended.stderr);
    assert!(daemon.asked("POST /v1/jobs/job_0193/cancel").is_some());
    let summary = std::fs::read_to_string(stage.path("out")).unwrap();
    assert!(
        summary.contains(r#""paused":0,"cancelled":1,"not_started":1"#),
        "{summary}"
    );
}
