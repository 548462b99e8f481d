//! What would run, which part of it, and what is pinned.

use super::answers::{EVENTS_UP_TO_DATE, JOB};
use super::{WORKFLOW, stage};

const FREE: &str = r#"{"low_usd":"0","expected_usd":"0","high_usd":"0","confidence":"exact"}"#;

fn plan(obstacles: &str) -> String {
    let node = |name: &str, kind: &str, rest: &str| {
        format!(
            r#"{{"node":"{name}","kind":"{kind}","place":{{"where":"local"}},"money":{FREE},{rest}}}"#
        )
    };
    let text = node(
        "text",
        "Input.Text",
        r#""status":"hit","hits":1,"misses":0,"complete":true"#,
    );
    let speech = r#"{"node":"say","kind":"Voice.TTS","status":"pending","hits":0,"misses":0,"complete":false,"place":{"where":"provider","role":"speech","model":"","why":"none is configured"},"money":{"low_usd":"0.02","expected_usd":"0.03","high_usd":"0.05","confidence":"modelled","price_as_of":"2026-10-01","price_age_days":52},"reasons":[{"reason":"first_run"}],"note":"waits for `script`"}"#;
    let render = node(
        "render",
        "Output.Render",
        r#""status":"partly","hits":2,"misses":1,"complete":true,"seconds":{"expected":2.13,"samples":12,"partial":false},"reasons":[{"reason":"upstream","key":"timeline","node":"cut","field":""}],"segments":[{"number":1,"start_ms":0,"end_ms":2000,"hit":true,"digest":"abc"},{"number":2,"start_ms":2000,"end_ms":3500,"hit":false,"digest":"def","changes":[{"change":"caption_text"},{"change":"shot_source","shot":3}]}]"#,
    );
    format!(
        r#"{{"workflow":"tiny","as_of":"2026-11-22","tool":"t","nodes":[{text},{speech},{render}],"total":{{"hits":1,"misses":2,"segments_to_render":1,"segments":2,"seconds":{{"expected":2.13,"samples":12,"partial":true}},"money":{{"low_usd":"0.02","expected_usd":"0.03","high_usd":"0.05","confidence":"modelled","price_as_of":"2026-10-01","price_age_days":52}},"quota":[{{"meter":"render_seconds","needed":42.0}}]}}{obstacles}}}"#
    )
}

const NO_WORK: &str = r#"{"workflow":"tiny","as_of":"2026-11-22","tool":"t","nodes":[],"total":{"hits":0,"misses":0,"segments_to_render":0,"segments":0,"money":{"low_usd":"0","expected_usd":"0","high_usd":"0","confidence":"exact"}}}"#;

#[test]
fn a_plan_says_what_runs_why_how_long_and_for_how_much() {
    let stage = stage();
    stage.daemon(&[&plan(
        r#","obstacles":[{"node":"say","message":"no provider is configured for role speech","hint":"use engine: local"}]"#,
    )]);
    let ended = stage.fenta(&["plan", "w.yaml", "--topic", "bees"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "text\tInput.Text\t\thit\t1\t0\t\t\t0\t0\t0\texact\t\t",
            "say\tVoice.TTS\tspeech: none\tpending\t0\t0\t\t\t0.02\t0.03\t0.05\tmodelled\t2026-10-01\tfirst run; waits for `script`",
            "render\tOutput.Render\tlocal\tpartly\t2\t1\t2.13\t12\t0\t0\t0\texact\t\t1 of 2 segments to render; input timeline changed, from cut",
            "total\t\t\t\t1\t2\t2.13\t12\t0.02\t0.03\t0.05\tmodelled\t2026-10-01\t1 of 2 segments to render",
        ]
    );
    assert_eq!(
        ended.stderr,
        "prices of 2026-10-01, 52 days old\n\
         render_seconds: 42 needed, no limit\n\
         warning: node `say`: no provider is configured for role speech\n  help: use engine: local\n"
    );
}

#[test]
fn segments_are_unfolded_when_asked_for() {
    let stage = stage();
    stage.daemon(&[&plan("")]);
    let ended = stage.fenta(&["plan", "w.yaml", "--topic", "bees", "--segments"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[4],
        "render#2\tsegment\t2.0-3.5\tmiss\t\t\t\t\t\t\t\t\t\tcaption text, shot 3 source"
    );
    let columns = |line: &str| line.split('\t').count();
    assert!(lines.iter().all(|line| columns(line) == 14), "{lines:#?}");
}

#[test]
fn a_plan_with_work_has_a_code_of_its_own_only_when_asked() {
    let stage = stage();
    stage.daemon(&[&plan(""), NO_WORK]);
    let args = [
        "plan",
        "w.yaml",
        "--topic",
        "bees",
        "--detailed-exitcode",
        "-q",
    ];
    let ended = stage.fenta(&args);
    assert_eq!((ended.code, ended.stderr.as_str()), (6, ""));
    assert_eq!(ended.stdout, "say\nrender\n");
    assert_eq!(stage.fenta(&args).code, 0);
}

#[test]
fn programs_get_the_plan_as_it_is() {
    let stage = stage();
    let daemon = stage.daemon(&[&plan("")]);
    let ended = stage.fenta(&["plan", "w.yaml", "--topic", "bees", "--json"]);
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&ended.stdout), value(&plan("")));
    let asked = daemon.asked("POST /v1/workflows/plan").unwrap();
    assert!(asked.contains(r#""with_timelines":false"#), "{asked}");
}

#[test]
fn which_work_is_said_in_the_options() {
    let stage = stage();
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&[
        "run",
        "w.yaml",
        "--topic",
        "bees",
        "--until",
        "text",
        "--refresh=text",
        "--offline",
        "--seed",
        "-3",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = daemon.asked("POST /v1/jobs").unwrap();
    assert!(
        sent.contains(
            r#""options":{"until":["text"],"refresh":{"nodes":["text"]},"offline":true,"seed":-3}"#
        ),
        "{sent}"
    );
}

#[test]
fn names_of_nodes_are_held_against_the_document_first() {
    let stage = stage();
    let ended = stage.fenta(&["run", "w.yaml", "--topic", "bees", "--only", "txet"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("--only txet: the workflow has no node `txet`\n  help: did you mean `text`?"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["plan", "w.yaml", "--topic", "bees", "--refresh=a"]);
    assert!(ended.stderr.contains("its nodes: text"), "{}", ended.stderr);
}

const LOCK: &str = r#"{"fenta":"0.1.0","nodes":{"text":{"type":"Input.Text","version":1}},"templates":{},"fonts":{},"results":{}}"#;

#[test]
fn a_lock_is_written_when_asked_for_and_kept_up_from_then_on() {
    let stage = stage();
    stage.daemon(&[
        JOB,
        EVENTS_UP_TO_DATE,
        LOCK,
        JOB,
        EVENTS_UP_TO_DATE,
        LOCK,
        JOB,
        EVENTS_UP_TO_DATE,
        &LOCK.replace("\"version\":1", "\"version\":2"),
        JOB,
        EVENTS_UP_TO_DATE,
    ]);
    let run = ["run", "w.yaml", "--topic", "bees"];
    let with = |flag| [&run[..], &[flag]].concat();
    let ended = stage.fenta(&with("--lock"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("fenta.lock: written (1 nodes, 0 results"),
        "{}",
        ended.stderr
    );
    let text = std::fs::read_to_string(stage.path("fenta.lock")).unwrap();
    assert!(text.contains("\"w.yaml\": {"), "{text}");
    let ended = stage.fenta(&run);
    assert!(
        ended.stderr.contains("fenta.lock: up to date"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&run);
    assert!(
        ended.stderr.contains("fenta.lock: updated"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&[&run[..], &["--only", "text"]].concat());
    assert!(
        ended.stderr.contains("stays as it is: only a part"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_frozen_run_sends_what_is_pinned_and_needs_it() {
    let stage = stage();
    let run = ["run", "w.yaml", "--topic", "bees", "--frozen"];
    let ended = stage.fenta(&run);
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .stderr
            .contains("help: `fenta run w.yaml --lock` pins"),
        "{}",
        ended.stderr
    );
    let file = format!(r#"{{"fenta_lock":1,"documents":{{"w.yaml":{LOCK}}}}}"#);
    stage.file("fenta.lock", &file);
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&run);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = daemon.asked("POST /v1/jobs").unwrap();
    assert!(
        sent.contains(r#""frozen":true,"lock":{"fenta":"0.1.0","nodes":{"text""#),
        "{sent}"
    );
    assert_eq!(
        std::fs::read_to_string(stage.path("fenta.lock")).unwrap(),
        file
    );
}

#[test]
fn a_lock_is_held_against_the_present() {
    let stage = stage();
    stage.file(
        "fenta.lock",
        &format!(r#"{{"fenta_lock":1,"documents":{{"w.yaml":{LOCK}}}}}"#),
    );
    let changed =
        plan(r#","obstacles":[{"node":"text","message":"Input.Text was version 1, now 2"}]"#);
    let daemon = stage.daemon(&[NO_WORK, &changed]);
    let args = ["lock", "w.yaml", "--topic", "bees", "--check"];
    let ended = stage.fenta(&args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "text\tInput.Text version 1\t\t0\tas pinned\n");
    let asked = daemon.asked("POST /v1/workflows/plan").unwrap();
    assert!(asked.contains(r#""frozen":true"#), "{asked}");
    let ended = stage.fenta(&args);
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.contains("changed"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("does not fit `w.yaml` in 1 places"),
        "{}",
        ended.stderr
    );
}

const CUT: &str = "
  voice: { type: Voice.TTS, with: { text: \"${{ nodes.text.text }}\" } }
  background: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
outputs:
  seconds: ${{ nodes.cut.seconds }}
";

#[test]
fn a_timeline_that_cannot_be_told_yet_names_what_has_to_run() {
    let stage = stage();
    let (nodes, _) = WORKFLOW.split_once("\noutputs:").unwrap();
    stage.file("t.yaml", &format!("{nodes}{CUT}"));
    let node = |name: &str, kind: &str, status: &str, misses: u32| {
        format!(
            r#"{{"node":"{name}","kind":"{kind}","place":{{"where":"local"}},"money":{FREE},"status":"{status}","hits":0,"misses":{misses},"complete":true}}"#
        )
    };
    let nodes = [
        node("text", "Input.Text", "hit", 0),
        node("voice", "Voice.TTS", "miss", 2),
        node("background", "Input.Motion", "hit", 0),
        node("cut", "Edit.Timeline", "pending", 0),
    ];
    let plan = NO_WORK.replace("\"nodes\":[]", &format!("\"nodes\":[{}]", nodes.join(",")));
    let daemon = stage.daemon(&[&plan]);
    let ended = stage.fenta(&["timeline", "show", "t.yaml", "--topic", "bees"]);
    assert_eq!(ended.code, 5);
    assert!(
        ended.stderr.contains(
            "the timeline of `cut` cannot be told before `voice` has run\n  help: `fenta run FILE --until voice` makes what is missing"
        ),
        "{}",
        ended.stderr
    );
    let asked = daemon.asked("POST /v1/workflows/plan").unwrap();
    assert!(asked.contains(r#""with_timelines":true"#), "{asked}");
    let ended = stage.fenta(&["timeline", "show", "w.yaml", "--topic", "bees"]);
    assert!(
        ended.stderr.contains("makes no timeline"),
        "{}",
        ended.stderr
    );
}
