//! Settings in files: who wins, what is refused, and how they are changed.

use std::fs;

use crate::stage::Stage;

#[test]
fn every_value_says_where_it_comes_from() {
    let stage = Stage::new();
    stage.file("fenta.toml", "[daemon]\njobs = 3\n");
    let ended = stage.fenta(&["config", "list", "--origin"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let line = |key: &str| {
        let found = ended.stdout.lines().find(|line| line.starts_with(key));
        found.unwrap_or_default().to_owned()
    };
    let project = stage.path("fenta.toml").canonicalize().unwrap();
    assert_eq!(
        line("daemon.jobs"),
        format!("daemon.jobs\t3\t{}", project.display())
    );
    assert!(line("daemon.state_dir").ends_with("\tenvironment: FENTA_STATE_DIR"));
    assert_eq!(line("ui.color"), "ui.color\tauto\tdefault");
    let ended = stage.fenta(&["config", "get", "daemon.jobs", "--json"]);
    assert!(
        ended
            .stdout
            .starts_with(r#"{"key":"daemon.jobs","value":"3""#),
        "{}",
        ended.stdout
    );
}

#[test]
fn settings_are_written_read_and_removed() {
    let stage = Stage::new();
    assert_eq!(
        stage.fenta(&["config", "set", "ui.color", "always"]).code,
        0
    );
    let user = stage.path(".config/fenta/config.toml");
    assert_eq!(
        fs::read_to_string(&user).unwrap(),
        "[ui]\ncolor = \"always\"\n"
    );
    assert_eq!(
        stage.fenta(&["config", "get", "ui.color"]).stdout,
        "always\n"
    );
    // The setting is in force: results are painted although nobody looks.
    assert!(
        stage
            .fenta(&["nodes", "show", "Input.Text"])
            .stdout
            .contains('\u{1b}')
    );
    stage.fenta(&["config", "set", "--project", "ui.color", "never"]);
    assert!(
        !stage
            .fenta(&["nodes", "show", "Input.Text"])
            .stdout
            .contains('\u{1b}')
    );
    stage.fenta(&["config", "unset", "ui.color", "--project"]);
    stage.fenta(&["config", "unset", "ui.color"]);
    let ended = stage.fenta(&["config", "get", "ui.color"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    assert!(
        ended.stderr.contains("`ui.color` is not set: auto"),
        "{}",
        ended.stderr
    );
}

#[test]
fn slips_end_every_command_with_their_place() {
    let stage = Stage::new();
    stage.file("fenta.toml", "[daemon]\njbos = 3\n");
    let ended = stage.fenta(&["nodes", "ls"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(
        ended
            .stderr
            .contains("fenta.toml:2:1: there is no setting `daemon.jbos`"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("did you mean `daemon.jobs`?"),
        "{}",
        ended.stderr
    );
    stage.file("fenta.toml", "[render]\nprogram = \"./theirs\"\n");
    let ended = stage.fenta(&["nodes", "ls"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("a project cannot set `render.program`"),
        "{}",
        ended.stderr
    );
    stage.file("fenta.toml", "");
    let ended = stage.fenta(&["config", "set", "daemon.jobs", "many"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("a whole number from 1 to 1024, not `many`"),
        "{}",
        ended.stderr
    );
    assert_eq!(stage.fenta(&["config", "get", "daemon.jbos"]).code, 5);
}

#[test]
fn results_go_where_the_project_says() {
    let stage = Stage::new();
    stage.file("fenta.toml", "[output]\ndir = \"results\"\n");
    stage.file(
        "w.yaml",
        "fenta: workflow/v1\nnodes:\n  a: { type: Input.Text, with: { text: Bees } }\noutputs: { x: \"${{ nodes.a.text }}\" }\n",
    );
    let daemon = stage.daemon(&[crate::answers::JOB]);
    let ended = stage.fenta(&["run", "w.yaml", "--detach"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = daemon.asked("POST /v1/jobs").unwrap();
    assert!(sent.contains("/results\""), "{sent}");
}
