//! `fenta validate`: several documents, warnings, templates, and what programs get of it.

use super::{WORKFLOW, stage};

const TEMPLATE: &str = "fenta: template/v1\nname: mine\nextends: quiet\n";

#[test]
fn everything_wrong_with_all_documents_is_said_at_once() {
    let stage = stage();
    stage.file("bad.yaml", &WORKFLOW.replace("Input.Text", "Input.Txet"));
    stage.file("mine.yaml", &format!("{TEMPLATE}rulez: {{}}\n"));
    let ended = stage.fenta(&["validate", "w.yaml", "bad.yaml", "mine.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
    for part in [
        "ok w.yaml: workflow `tiny` with 1 node is valid",
        "bad.yaml:",
        "did you mean `Input.Text`?",
        "mine.yaml:4:1",
        "did you mean `rules`?",
        "error: each of 2 of 3 documents does not compile: 2 errors",
    ] {
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
}

#[test]
fn templates_of_the_users_own_are_judged_with_the_workflow() {
    let stage = stage();
    stage.file(
        "cut.yaml",
        "fenta: workflow/v1\nnodes:\n  clips: { type: Input.Motion }\n  voice: { type: Voice.TTS, with: { text: Bees dance. } }\n  cut: { type: Edit.Timeline, with: { template: ./mine.yaml, clips: \"${{ nodes.clips.media }}\", voice: \"${{ nodes.voice.voice }}\" } }\n  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }\n  file: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: x.mp4 } }\n",
    );
    stage.file("mine.yaml", &TEMPLATE.replace("quiet", "./base.yaml"));
    stage.file("base.yaml", &TEMPLATE.replace("mine", "base"));
    let ended = stage.fenta(&["validate", "cut.yaml", "mine.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("template `mine` with"),
        "{}",
        ended.stderr
    );
    stage.file("mine.yaml", &format!("{TEMPLATE}canvas: {{ widht: 10 }}\n"));
    let ended = stage.fenta(&["validate", "cut.yaml"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("mine.yaml:4:11") && ended.stderr.contains("did you mean `width`?"),
        "{}",
        ended.stderr
    );
}

#[test]
fn warnings_are_shown_and_may_be_denied() {
    let stage = stage();
    stage.file(
        "warn.yaml",
        &WORKFLOW.replace(
            "nodes:",
            "nodes:\n  lost: { type: Input.Text, with: { text: x } }",
        ),
    );
    let ended = stage.fenta(&["validate", "warn.yaml"]);
    assert_eq!(ended.code, 0);
    assert!(
        ended.stderr.contains("warning[graph/unused]")
            && ended.stderr.contains("valid (1 warning)"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["validate", "warn.yaml", "--deny-warnings"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .stderr
            .contains("1 warning, and --deny-warnings allows none"),
        "{}",
        ended.stderr
    );
}

#[test]
fn programs_get_a_line_per_document_with_places_for_editors() {
    let stage = stage();
    stage.file("bad.yaml", &WORKFLOW.replace("topic }}", "topik }}"));
    let ended = stage.fenta(&["validate", "w.yaml", "bad.yaml", "--json"]);
    assert_eq!(ended.code, 3);
    let lines: Vec<serde_json::Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["valid"], true);
    assert_eq!(lines[0]["nodes"][0], "text");
    assert_eq!(lines[1]["errors"], 1);
    let found = &lines[1]["diagnostics"][0];
    assert_eq!(found["code"], "graph/unknown-input");
    assert_eq!(
        (&found["line"], &found["range"]["start"]["line"]),
        (&8.into(), &7.into())
    );
    assert!(found["hints"][0].as_str().unwrap().contains("topic"));
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(ended.stderr.starts_with(r#"{"type":"exit_error","code":3"#));
}

#[test]
fn files_that_are_not_there_are_told_with_everything_else() {
    let stage = stage();
    stage.file(
        "two.yaml",
        "fenta: workflow/v1\ninputs:\n  logo: { type: image, default: ./none.png }\nnodes:\n  a: { type: Input.Text, with: { file: none.txt, txet: x } }\noutputs: { a: \"${{ nodes.a.text }}\" }\n",
    );
    let ended = stage.fenta(&["validate", "two.yaml"]);
    assert_eq!(ended.code, 3);
    for part in ["`./none.png`", "`none.txt`", "no parameter `txet`"] {
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
}

#[test]
fn what_is_filled_into_templates_of_ones_own_is_checked_too() {
    let stage = stage();
    stage.file(
        "cut.yaml",
        "fenta: workflow/v1\nnodes:\n  clips: { type: Input.Motion }\n  voice: { type: Voice.TTS, with: { text: Bees dance. } }\n  cut: { type: Edit.Timeline, with: { template: ./own.yaml, clips: \"${{ nodes.clips.media }}\", voice: \"${{ nodes.voice.voice }}\", beats: [1], fill: { titel: x, accent: red } } }\n  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }\n  file: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: x.mp4 } }\n",
    );
    stage.file(
        "own.yaml",
        "fenta: template/v1\nname: own\nextends: daily\nplaceholders: { price: { type: text } }\ntracks:\n  - id: brand\n    kind: overlay\n    items:\n      - { id: price, type: text, text: \"${{ price }}\", style: { font: title, size: 60 } }\n",
    );
    for command in ["validate", "run"] {
        let ended = stage.fenta(&[command, "cut.yaml"]);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        for part in [
            "did you mean `title`?",
            "`accent`",
            "needs its placeholder `price`",
            "`beats`",
        ] {
            assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
        }
    }
}
