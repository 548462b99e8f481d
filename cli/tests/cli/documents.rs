//! Commands about documents: init, fmt, graph, nodes, schema. None of them needs a daemon.

use std::fs;
use std::path::Path;

use crate::stage::Stage;

const RAGGED: &str = "fenta:   workflow/v1\nnodes:\n    a:\n        type: Input.Text   # why\n        with: {text: Bees}\n\n\n";
const LAID_OUT: &str =
    "fenta: workflow/v1\nnodes:\n  a:\n    type: Input.Text   # why\n    with: { text: Bees }\n";

fn read(stage: &Stage, name: &str) -> String {
    fs::read_to_string(stage.path(name)).unwrap()
}

#[test]
fn fmt_writes_what_it_lays_out_and_names_it() {
    let stage = Stage::new();
    stage.file("w.yaml", RAGGED);
    let ended = stage.fenta(&["fmt", "w.yaml"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (0, "w.yaml\n", "")
    );
    assert_eq!(read(&stage, "w.yaml"), LAID_OUT);
    let ended = stage.fenta(&["fmt", "w.yaml", "--check"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
}

#[test]
fn fmt_check_and_diff_write_nothing() {
    let stage = Stage::new();
    stage.file("w.yaml", RAGGED);
    let ended = stage.fenta(&["fmt", "--check", "w.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (6, "w.yaml\n"));
    assert!(
        ended.stderr.contains("`fenta fmt FILE` lays them out"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["fmt", "--diff", "w.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .starts_with("--- a/w.yaml\n+++ b/w.yaml\n@@ -1,7 +1,5 @@\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .contains("-        with: {text: Bees}\n-\n-\n+  a:\n"),
        "{}",
        ended.stdout
    );
    let ended = stage.fenta(&["fmt", "--json", "--check", "w.yaml"]);
    assert_eq!(ended.stdout, "{\"file\":\"w.yaml\",\"changed\":true}\n");
    assert_eq!(read(&stage, "w.yaml"), RAGGED);
    let ended = stage.shell("printf 'a:   1\\n' | \"$FENTA\" fmt -");
    assert_eq!(ended.stdout, "a: 1\n", "{}", ended.stderr);
}

#[test]
fn fmt_leaves_what_it_cannot_read_and_lays_out_the_rest() {
    let stage = Stage::new();
    stage.file("bad.yaml", "a: [1\nb:   2\n");
    stage.file("w.yaml", RAGGED);
    let ended = stage.fenta(&["fmt", "bad.yaml", "w.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, "w.yaml\n"));
    assert!(ended.stderr.contains("bad.yaml:"), "{}", ended.stderr);
    assert_eq!(read(&stage, "bad.yaml"), "a: [1\nb:   2\n");
    assert_eq!(read(&stage, "w.yaml"), LAID_OUT);
}

#[test]
fn init_writes_a_workflow_that_is_valid_and_says_what_to_type() {
    let stage = Stage::new();
    let ended = stage.fenta(&["init", "daily-short", "short"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "short/daily-short.yaml\nshort/.fenta/workflow.schema.json\nshort/assets/logo.png\n"
    );
    assert_eq!(ended.stderr, "next: fenta run short/daily-short.yaml\n");
    let first = read(&stage, "short/daily-short.yaml");
    assert!(first.starts_with("# yaml-language-server: $schema=.fenta/workflow.schema.json\n"));
    assert_eq!(stage.fenta(&["validate", "short/daily-short.yaml"]).code, 0);
    assert_eq!(
        stage
            .fenta(&["fmt", "--check", "short/daily-short.yaml"])
            .code,
        0
    );
}

#[test]
fn init_replaces_nothing_unless_told() {
    let stage = Stage::new();
    stage.file("mine.yaml", "precious");
    let args = ["init", "footage-short", "--name", "mine"];
    let ended = stage.fenta(&args);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("mine.yaml is there already"),
        "{}",
        ended.stderr
    );
    assert_eq!(read(&stage, "mine.yaml"), "precious");
    let ended = stage.fenta(&[&args[..], &["--force"]].concat());
    assert_eq!(ended.stderr, "next: fenta run mine.yaml -p clips=PATH\n");
    assert!(read(&stage, "mine.yaml").contains("\nname: mine\n"));
    let ended = stage.fenta(&["init", "dayly-short"]);
    assert_eq!(ended.code, 5);
    assert!(
        ended.stderr.contains("did you mean `daily-short`?"),
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["init", "--list"]);
    assert!(
        ended.stdout.contains("daily-short\tA narrated short"),
        "{}",
        ended.stdout
    );
}

#[test]
fn graphs_are_drawn_in_every_format() {
    let stage = Stage::new();
    stage.file("w.yaml", "fenta: workflow/v1\nnodes:\n  a: { type: Input.Text, with: { text: Bees } }\n  b: { type: Script.Transform, with: { text: \"${{ nodes.a.text }}\" } }\noutputs: { x: \"${{ nodes.b.text }}\" }\n");
    let ended = stage.fenta(&["graph", "w.yaml", "--format", "ascii"]);
    assert_eq!(
        ended.stdout,
        "   +------------+\n   | a          |\n   | Input.Text |\n   +------+-----+\n          |\n+---------v--------+\n| b                |\n| Script.Transform |\n| text < a.text    |\n+------------------+\n",
        "{}",
        ended.stderr
    );
    let ended = stage.fenta(&["graph", "w.yaml", "--width", "12"]);
    assert_eq!(
        ended.stdout,
        "a  Input.Text\nb  Script.Transform\n  text ← a.text\n"
    );
    let ended = stage.fenta(&["graph", "w.yaml", "--format", "mermaid"]);
    assert!(
        ended.stdout.starts_with("flowchart TD\n"),
        "{}",
        ended.stdout
    );
    let ended = stage.fenta(&["graph", "w.yaml", "--format", "dot"]);
    assert!(ended.stdout.ends_with("}\n"), "{}", ended.stdout);
    let ended = stage.fenta(&["graph", "w.yaml", "--json"]);
    assert!(
        ended
            .stdout
            .contains(r#""edges":[{"from":0,"to":1,"flows":[{"port":"text","param":"text"}]}]"#),
        "{}",
        ended.stdout
    );
}

#[test]
fn nodes_are_listed_in_groups_and_shown_with_all_they_have() {
    let stage = Stage::new();
    for verb in ["list", "ls"] {
        let ended = stage.fenta(&["nodes", verb]);
        assert!(
            ended.stdout.contains("Voice\tVoice.TTS\t"),
            "{}",
            ended.stdout
        );
    }
    let ended = stage.fenta(&["nodes", "show", "voice.tts"]);
    for part in [
        "Voice.TTS (version ",
        "Parameters\n",
        "  voice: ",
        "Outputs\n",
        "Example\n  fenta: workflow/v1\n",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let ended = stage.fenta(&["nodes", "show", "Voice.TTS", "Input.Text", "--json"]);
    assert_eq!(ended.stdout.lines().count(), 2);
    assert!(
        ended
            .stdout
            .lines()
            .all(|line| line.starts_with(r#"{"group":""#))
    );
    assert_eq!(stage.fenta(&["nodes", "show"]).code, 2);
}

#[test]
fn shells_learn_every_command() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let ended = stage.fenta(&["completions", shell]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("validate"), "{shell}");
    }
    let ended = stage.shell("\"$FENTA\" completions bash | bash -n && echo fine");
    assert_eq!(ended.stdout, "fine\n", "{}", ended.stderr);
}

/// Committed files that commands print. They must be what the commands print now.
#[test]
fn the_reference_is_up_to_date() {
    let stage = Stage::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    for (file, args) in [
        ("workflow.schema.json", &["schema", "workflow"][..]),
        ("template.schema.json", &["schema", "template"]),
        ("config.schema.json", &["schema", "config"]),
        ("nodes.md", &["nodes", "show", "--all", "--markdown"]),
    ] {
        let ended = stage.fenta(args);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let committed = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(
            committed == ended.stdout,
            "docs/reference/{file} is old; `make reference` makes it anew"
        );
    }
}

// spec: W-9
#[test]
fn control_characters_are_made_visible_on_the_way_out() {
    let stage = Stage::new();
    let document = "fenta: workflow/v1\nname: bees\nnodes:\n  a:\n    type: Input.Text\n    with: { text: Bees }\noutputs:\n  said: ${{ nodes.a.text }}\n";
    stage.file("x\u{1b}[31m.yaml", document);
    stage.file("w.yaml", document);
    stage.file(
        "bad.yaml",
        "fenta: workflow/v1\nname: \"x\\e[31mRED\\a\"\nnodes:\n  a: { type: \"Input.\\e[31mText\" }\n",
    );
    stage.file(
        "t.yaml",
        "fenta: template/v1\nname: \"t\\e[31m\"\nextends: daily\n",
    );
    for args in [
        vec!["validate", "x\u{1b}[31m.yaml"],
        vec!["validate", "bad.yaml"],
        vec!["validate", "no\u{1b}[31m.yaml"],
        vec!["validate", "--json", "bad.yaml"],
        vec!["validate", "t.yaml"],
        vec!["template", "show", "./t.yaml"],
        vec!["graph", "x\u{1b}[31m.yaml"],
        vec!["explain", "x\u{1b}[31m/y"],
        vec!["fmt", "--check", "x\u{1b}[31m.yaml", "w.yaml"],
        vec!["fr\u{1b}[31mt"],
    ] {
        let ended = stage.fenta(&args);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            !all.contains(|c: char| c.is_control() && c != '\n' && c != '\t'),
            "{args:?}: {all:?}"
        );
    }
    let ended = stage.fenta(&["validate", "x\u{1b}[31m.yaml"]);
    assert!(ended.stderr.contains("x␛[31m.yaml"), "{}", ended.stderr);
}
