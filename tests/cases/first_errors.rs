//! The first mistakes everyone makes, and what they are told: place, snippet, fix, all in one pass, exit code 3.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use fenta_tests::env::FentaEnv;

const MISTAKES: &str = r#"fenta: workflow/v1
name: mistakes
nodes:
  text:
    type: Input.Txt
    with: { text: hello }
  script:
    type: Script.Transform
    with: { mode: split, text: "${{ nodes.txt.text }}" }
  voice:
    type: Voice.TTS
    with: { script: "${{ nodes.script.script }}", spede: 2 }
  words:
    type: Subtitle.Auto
    with: { voice: "${{ nodes.script.script }}" }
outputs: { words: "${{ nodes.words.captions }}" }
"#;

#[test]
fn all_mistakes_of_a_document_are_shown_at_once_with_a_fix() {
    let env = FentaEnv::new().unwrap();
    env.write("mistakes.yaml", MISTAKES).unwrap();
    let said = env
        .fenta(&["run", "mistakes.yaml"])
        .unwrap()
        .expect_code(3)
        .unwrap();
    assert!(
        said.stdout.is_empty(),
        "results only on standard output: {}",
        said.stdout
    );
    for part in [
        "mistakes.yaml:5:11", // the misspelt type
        "Input.Text",         // and what to write
        "mistakes.yaml:9:",   // the missing node
        "`text`",             // and the one that was meant
        "mistakes.yaml:12:",  // the unknown parameter
        "speed",              // and the one that was meant
        "mistakes.yaml:15:",  // the type mismatch
        "voice",
    ] {
        assert!(
            said.stderr.contains(part),
            "`{part}` is missing in\n{}",
            said.stderr
        );
    }
    assert!(
        env.daemon_pid().is_none(),
        "no daemon is needed to find mistakes"
    );
}

#[test]
fn syntax_errors_name_line_and_column() {
    let env = FentaEnv::new().unwrap();
    env.write(
        "broken.yaml",
        "fenta: workflow/v1\nname: broken\nnodes:\n\ttext: { type: Input.Text }\n",
    )
    .unwrap();
    let said = env
        .fenta(&["run", "broken.yaml"])
        .unwrap()
        .expect_code(3)
        .unwrap();
    assert!(said.stderr.contains("broken.yaml:4:1"), "{}", said.stderr);
    assert!(said.stderr.contains("tab"), "{}", said.stderr);
}

#[test]
fn missing_files_are_named() {
    let env = FentaEnv::new().unwrap();
    let said = env
        .fenta(&["run", "nowhere.yaml"])
        .unwrap()
        .expect_code(3)
        .unwrap();
    assert!(said.stderr.contains("nowhere.yaml"), "{}", said.stderr);

    let workflow = "fenta: workflow/v1\nname: f\ninputs: { clips: { type: file } }\nnodes:\n  up: { type: Input.Upload, with: { path: \"${{ inputs.clips }}\" } }\n";
    env.write("files.yaml", workflow).unwrap();
    let said = env
        .fenta(&["run", "files.yaml", "-p", "clips=./no-such-folder"])
        .unwrap();
    assert!(
        matches!(said.code, 2 | 3),
        "exit {} with\n{}",
        said.code,
        said.stderr
    );
    assert!(said.stderr.contains("no-such-folder"), "{}", said.stderr);

    let said = env
        .fenta(&["run", "files.yaml", "-p", "clip=."])
        .unwrap()
        .expect_code(2)
        .unwrap();
    assert!(
        said.stderr.contains("clips"),
        "did you mean is missing: {}",
        said.stderr
    );
    let said = env
        .fenta(&["run", "files.yaml"])
        .unwrap()
        .expect_code(2)
        .unwrap();
    assert!(said.stderr.contains("clips"), "{}", said.stderr);

    let literal = "fenta: workflow/v1\nname: l\nnodes:\n  up: { type: Input.Upload, with: { path: ./no-clips } }\n  bed: { type: Input.Music, with: { file: ./no-song.mp3 } }\n";
    env.write("literal.yaml", literal).unwrap();
    for command in ["run", "validate"] {
        let said = env
            .fenta(&[command, "literal.yaml"])
            .unwrap()
            .expect_code(3)
            .unwrap();
        for part in [
            "literal.yaml:4:43",
            "./no-clips",
            "literal.yaml:5:43",
            "./no-song.mp3",
        ] {
            assert!(
                said.stderr.contains(part),
                "`{part}` is missing in\n{}",
                said.stderr
            );
        }
    }
}
