//! Less of a video than all of it: parts, drafts, single frames and sheets.

use super::answers::{EVENTS_UP_TO_DATE, JOB};
use super::stage;
use super::stage::Stage;

const FILM: &str = "fenta: workflow/v1
name: film
nodes:
  bg: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: Look twice. } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.bg.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
";

const DRAWN: &str = r#"id: 1
data: {"seq":1,"job":"job_0193","at":"2026-01-01T00:00:00.000Z","type":"job_started","resumed":false}

id: 2
data: {"seq":2,"job":"job_0193","at":"2026-01-01T00:00:00.200Z","type":"job_completed","outputs":{"snapshot":"/out/a.png"}}

"#;

fn film() -> Stage {
    let stage = stage();
    stage.file("film.yaml", FILM);
    stage
}

fn sent(args: &[&str]) -> String {
    let stage = film();
    let daemon = stage.daemon(&[JOB, DRAWN]);
    let ended = stage.fenta(args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "/out/a.png\n");
    let body = daemon.asked("POST /v1/jobs").unwrap();
    body.replace(&stage.path("").to_string_lossy().into_owned(), "/here/")
}

#[test]
fn a_snapshot_is_a_job_that_ends_at_the_render() {
    let body = sent(&["snapshot", "film.yaml", "--at", "3.2s", "-o", "a.png"]);
    assert!(body.contains(r#""until":["render"]"#), "{body}");
    let still = r#""view":{"still":{"shows":{"frame":{"at_ms":3200}},"to":"/here/a.png"}}"#;
    assert!(body.contains(still), "{body}");
    assert!(
        !body.contains(r#""path""#),
        "it is no run of the document: {body}"
    );
    let small = sent(&["snapshot", "film.yaml", "--at", "1s", "--width", "360"]);
    assert!(
        small.contains(r#""width":360,"to":"/here/film-1s.png""#),
        "{small}"
    );
}

#[test]
fn a_contact_sheet_has_evenly_spaced_frames_or_those_of_shots() {
    let body = sent(&["snapshot", "film.yaml", "--contact-sheet"]);
    let sheet = r#"{"shows":{"sheet":{"frames":12}},"to":"/here/film-sheet.png"}"#;
    assert!(body.contains(sheet), "{body}");
    let shots = sent(&[
        "snapshot",
        "film.yaml",
        "--contact-sheet",
        "--frames",
        "shots",
        "--columns",
        "4",
    ]);
    assert!(
        shots.contains(r#"{"shows":{"sheet":{"columns":4}}"#),
        "{shots}"
    );
}

#[test]
fn a_snapshot_that_cannot_be_meant_is_refused_before_anything_starts() {
    for (args, word) in [
        (&["snapshot", "film.yaml"][..], "--at"),
        (&["snapshot", "film.yaml", "--at", "3"], "2.5s"),
        (
            &["snapshot", "film.yaml", "--at", "1s", "--contact-sheet"],
            "--contact-sheet",
        ),
        (
            &["snapshot", "film.yaml", "--at", "1s", "--node", "rendr"],
            "`render`",
        ),
        (
            &["snapshot", "film.yaml", "--at", "1s", "-o", "a.gif"],
            ".png or .jpg",
        ),
        (
            &["snapshot", "film.yaml", "--at", "1s", "--until", "cut"],
            "--node",
        ),
        (&["snapshot", "w.yaml", "--at", "1s"], "renders no video"),
    ] {
        let stage = film();
        let ended = stage.fenta(args);
        assert_ne!(ended.code, 0, "{args:?}");
        assert!(ended.stderr.contains(word), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn drafts_and_parts_are_runs_that_make_less() {
    let stage = film();
    let daemon = stage.daemon(&[JOB, EVENTS_UP_TO_DATE]);
    let ended = stage.fenta(&["run", "film.yaml", "--range", "2s..5.5s", "--draft"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let body = daemon.asked("POST /v1/jobs").unwrap();
    let view = r#""view":{"draft":true,"part":{"from_ms":2000,"to_ms":5500}}"#;
    assert!(body.contains(view), "{body}");
    for wrong in ["5s..2s", "2", "a..b"] {
        let ended = film().fenta(&["run", "film.yaml", "--range", wrong]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
    }
    let pinned = film().fenta(&["run", "film.yaml", "--draft", "--lock"]);
    assert_eq!(pinned.code, 2, "{}", pinned.stderr);
}
