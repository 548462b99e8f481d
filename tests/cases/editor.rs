//! What an editor shows for a workflow: a real YAML language server reads the schema that `fenta init` writes.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use std::path::PathBuf;

use fenta_tests::env::FentaEnv;
use fenta_tests::lsp::LanguageServer;
use fenta_workflows::nodes;
use serde_json::Value as Json;

/// A folder that `fenta init` has made, and a server in it.
struct Editor {
    env: FentaEnv,
    server: LanguageServer,
}

impl Editor {
    fn new() -> Self {
        let env = FentaEnv::new().unwrap();
        env.fenta(&["init", "daily-short"])
            .unwrap()
            .expect_code(0)
            .unwrap();
        let server = LanguageServer::start(&env.work()).unwrap();
        Self { env, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.env.work().join(name)
    }

    fn diagnostics(&mut self, name: &str, text: &str) -> Vec<String> {
        let path = self.path(name);
        let found = self.server.open(&path, text).unwrap();
        found.iter().map(told).collect()
    }

    /// What is offered at `|` in the text.
    fn offered(&mut self, name: &str, text: &str) -> Vec<String> {
        let at = text.find('|').unwrap();
        let before = &text[..at];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap().len();
        let path = self.path(name);
        self.server.open(&path, &text.replacen('|', "", 1)).unwrap();
        self.server.complete(&path, line, column).unwrap()
    }
}

fn told(diagnostic: &Json) -> String {
    let start = &diagnostic["range"]["start"];
    format!(
        "{}: {}",
        start["line"],
        diagnostic["message"].as_str().unwrap_or_default()
    )
}

const HEAD: &str =
    "# yaml-language-server: $schema=.fenta/workflow.schema.json\nfenta: workflow/v1\n";

#[test]
fn what_init_writes_has_no_complaints() {
    let mut editor = Editor::new();
    let text = std::fs::read_to_string(editor.path("daily-short.yaml")).unwrap();
    assert!(
        text.starts_with("# yaml-language-server: $schema="),
        "{text}"
    );
    assert_eq!(
        editor.diagnostics("daily-short.yaml", &text),
        Vec::<String>::new()
    );
}

#[test]
fn slips_are_flagged_where_they_are() {
    let mut editor = Editor::new();
    let found = editor.diagnostics(
        "slips.yaml",
        &format!(
            "{HEAD}sede: 7\nnodes:\n  words:\n    type: Input.Text\n    with: {{ txt: Bees. }}\n  back:\n    type: Input.Motion\n    with: {{ palette: sunny }}\n"
        ),
    );
    assert!(
        found
            .iter()
            .any(|one| one.starts_with("2: ") && one.contains("sede")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|one| one.starts_with("6: ") && one.contains("txt")),
        "{found:?}"
    );
    assert!(found.iter().any(|one| one.starts_with("9: ")), "{found:?}");
}

#[test]
fn every_node_type_is_offered() {
    let mut editor = Editor::new();
    let text = format!("{HEAD}nodes:\n  words:\n    type: |\n");
    let offered = editor.offered("types.yaml", &text);
    for node in nodes::descriptors() {
        assert!(
            offered.iter().any(|label| label == node.kind),
            "{} is not in {offered:?}",
            node.kind
        );
    }
}

#[test]
fn the_parameters_of_the_nodes_type_are_offered() {
    let mut editor = Editor::new();
    let text = format!(
        "{HEAD}nodes:\n  back:\n    type: Input.Motion\n    with:\n      palette: ocean\n      |\n"
    );
    let offered = editor.offered("params.yaml", &text);
    assert!(offered.iter().any(|label| label == "count"), "{offered:?}");
    assert!(!offered.iter().any(|label| label == "voice"), "{offered:?}");
    let text =
        format!("{HEAD}nodes:\n  back:\n    type: Input.Motion\n    with:\n      palette: |\n");
    let offered = editor.offered("words.yaml", &text);
    assert!(offered.iter().any(|label| label == "ocean"), "{offered:?}");
}
