//! What a node's work depends on must not depend on the machine, nor on the order in which the document says it.
//!
//! `golden/digests.txt` holds hashes of parameters and digests of first actions of the document here. A difference means
//! that everybody's cache is cold after the next update: change it only together with a node type's version.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fenta_workflows::{
    Item, JobFacts, Lowered, NodeId, PathBases, Scope, SourceFile, Stage, Workflow, compile,
};
use proptest::prelude::*;

fn workflow(name: &str, text: &str) -> Workflow {
    let source = SourceFile {
        name: format!("{name}.yaml"),
        text: text.to_owned(),
    };
    match compile(&source) {
        Ok((workflow, _)) => workflow,
        Err(found) => panic!("{}\n{text}", found.render(&source, false)),
    }
}

fn scope(workflow: &Workflow) -> Scope {
    let bases = PathBases {
        workflow_dir: "/w".into(),
        caller_dir: "/c".into(),
    };
    Scope {
        inputs: workflow.bind(&BTreeMap::new(), &bases).unwrap(),
        nodes: BTreeMap::new(),
        job: JobFacts {
            id: "job_1".into(),
            date: "2026-11-22".into(),
            workflow_dir: "/w".into(),
            out_dir: "/c".into(),
            encoder_threads: 1,
            view: fenta_workflows::view::View::default(),
        },
        item: None,
    }
}

/// A line per node that can be prepared before anything has run: hashes of its parameters, digests of its first
/// actions.
fn digests(workflow: &Workflow) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    let scope = scope(workflow);
    for id in workflow.order() {
        if !workflow.dependencies(id).is_empty() {
            continue;
        }
        match workflow.stage(id, &scope).unwrap() {
            Stage::Skipped => {
                lines.insert(id.to_string(), "skipped".to_owned());
            }
            Stage::Once => {
                lines.insert(id.to_string(), line(workflow, id, &scope));
            }
            Stage::Each(values) => {
                for (index, value) in values.into_iter().enumerate() {
                    let scope = Scope {
                        item: Some(Item { index, value }),
                        ..scope.clone()
                    };
                    if workflow.takes_part(id, &scope).unwrap() {
                        lines.insert(format!("{id}[{index}]"), line(workflow, id, &scope));
                    }
                }
            }
        }
    }
    lines
}

fn line(workflow: &Workflow, id: &NodeId, scope: &Scope) -> String {
    let prepared = workflow.prepare(id, scope).unwrap();
    let mut line = String::new();
    for name in WRITTEN {
        if let Some(param) = prepared.key().params.get(name) {
            write!(line, "{name}={} ", &param.hash[..16]).unwrap();
        }
    }
    if let Ok(Lowered::Actions(actions)) = prepared.lower(&[]) {
        for action in actions {
            let digest = action.digest("fenta-render test").to_string();
            write!(line, "{} ", &digest[..16.min(digest.len())]).unwrap();
        }
    }
    line.trim_end().to_owned()
}

/// Parameters the document writes. Others may come and go with their defaults; what they change shows in the actions.
const WRITTEN: [&str; 5] = ["text", "mood", "count", "palette", "seed"];

const ITEMS: &str = "\
fenta: workflow/v1
seed: 7
inputs:
  topics: { type: \"string[]\", default: [bees, ants] }
  length: { type: duration, default: 45s }
vars:
  hello: \"Hello ${{ join(inputs.topics, ', ') }} of ${{ job.date }}\"
nodes:
  greeting: { type: Input.Text, with: { text: \"${{ vars.hello }}\" } }
  topic: { type: Input.Text, for_each: \"${{ inputs.topics }}\", with: { text: \"${{ index }} ${{ item }}\" } }
  pair: { type: Input.Text, for_each: \"${{ product(inputs.topics, ['a', 'b']) }}\", if: \"${{ item[1] != 'b' or index == 1 }}\", with: { text: \"${{ item[0] ~ item[1] }}\" } }
  late: { type: Input.Text, if: \"${{ inputs.length > 60000 }}\", with: { text: x } }
  bed: { type: Input.Music, with: { mood: calm } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance all day. They fly far.\" } }
  pictures: { type: Input.Motion, with: { count: 2 } }
outputs:
  a: ${{ nodes.greeting.text }}
  b: ${{ nodes.topic.text }}
  c: ${{ nodes.pair.text }}
  d: ${{ default(nodes.late.text, 'none') }}
  f: ${{ len(nodes.pictures.media) }}
  g: ${{ nodes.voice.seconds }}
";

// spec: W-16
#[test]
fn digests_are_the_same_on_every_machine() {
    let mut seen = String::new();
    for (node, line) in digests(&workflow("items", ITEMS)) {
        writeln!(seen, "{node} {line}").unwrap();
    }
    let golden = include_str!("golden/digests.txt");
    assert_eq!(seen, golden, "these are the digests now:\n{seen}");
}

/// The parts of a document that may stand in any order: top-level keys, nodes, keys of a node, parameters.
fn document(keys: &[usize], nodes: &[usize], node_keys: &[usize]) -> String {
    let one = |lines: &[&str]| -> String {
        node_keys
            .iter()
            .filter_map(|at| lines.get(*at))
            .map(|line| format!("    {line}\n"))
            .collect()
    };
    let bodies = [
        format!(
            "  greeting:\n{}",
            one(&[
                "type: Input.Text",
                "with: { text: \"${{ vars.hello }}\" }",
                "retry: 2"
            ])
        ),
        format!(
            "  topic:\n{}",
            one(&[
                "type: Input.Text",
                "for_each: \"${{ inputs.topics }}\"",
                "with: { text: \"${{ item }}\" }",
                "max_parallel: 2"
            ])
        ),
        format!(
            "  bed:\n{}",
            one(&[
                "type: Input.Music",
                "with: { mood: calm, seed: 3 }",
                "needs: [greeting]"
            ])
        ),
        format!(
            "  clips:\n{}",
            one(&["with: { count: 2, palette: ocean }", "type: Input.Motion"])
        ),
        format!(
            "  voice:\n{}",
            one(&[
                "type: Voice.TTS",
                "needs: [bed, clips]",
                "with: { text: \"${{ nodes.greeting.text }}\" }"
            ])
        ),
    ];
    let all: String = nodes.iter().map(|at| bodies[*at].as_str()).collect();
    let parts = [
        "seed: 7\n".to_owned(),
        "inputs:\n  topics: { type: \"string[]\", default: [bees, ants] }\n".to_owned(),
        "vars: { hello: \"Hello ${{ inputs.topics[0] }}\" }\n".to_owned(),
        format!("nodes:\n{all}"),
        "outputs: { a: \"${{ nodes.voice.seconds }}\", b: \"${{ nodes.topic.text }}\", c: \"${{ len(nodes.clips.media) }}\" }\n".to_owned(),
        "fenta: workflow/v1\n".to_owned(),
        "budget: { max_usd: 1 }\n".to_owned(),
    ];
    keys.iter().map(|at| parts[*at].as_str()).collect()
}

fn shuffled(count: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..count).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    // spec: W-16
    #[test]
    fn the_order_of_keys_and_nodes_means_nothing(
        keys in shuffled(7), nodes in shuffled(5), node_keys in shuffled(4)
    ) {
        let order: Vec<usize> = (0..7).collect();
        let first = workflow("a", &document(&order, &order[..5], &order[..4]));
        let other = workflow("a", &document(&keys, &nodes, &node_keys));
        prop_assert_eq!(digests(&first), digests(&other));
        prop_assert_eq!(first.settings(), other.settings());
        for id in first.nodes().keys() {
            prop_assert_eq!(first.dependencies(id), other.dependencies(id));
            prop_assert_eq!(first.rules(id), other.rules(id));
        }
    }
}
