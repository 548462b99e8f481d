//! The schemas, judged by a validator: documents the compiler takes are valid, slips in keys and words are not.

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::diagnostic::Diagnostics;
use crate::syntax::{self, Kind, Node};
use crate::{library, nodes};

/// Codes of mistakes that a schema can see.
const STRUCTURAL: [&str; 4] = [
    "document/unknown-key",
    "graph/unknown-type",
    "graph/unknown-param",
    "document/missing-key",
];

fn validator(schema: &Json) -> Validator {
    jsonschema::draft7::new(schema).unwrap_or_else(|error| panic!("{error}"))
}

fn tree(text: &str) -> Option<Json> {
    let mut found = Diagnostics::new();
    let tree = syntax::load(text, &mut found)?;
    (!found.has_errors()).then(|| plain(&tree))
}

fn plain(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(yes) => json!(yes),
        Kind::Int(number) => json!(number),
        Kind::Float(number) => json!(number),
        Kind::Text(text) => json!(text),
        Kind::List(items) => items.iter().map(plain).collect(),
        Kind::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), plain(&entry.value)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

fn complaints(validator: &Validator, text: &str) -> Vec<String> {
    let tree = tree(text).expect("the document can be read");
    validator
        .iter_errors(&tree)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn documents(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn schemas_are_schemas() {
    for schema in [workflow(), template()] {
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        jsonschema::draft7::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn what_ships_is_valid() {
    let workflows = validator(&workflow());
    for (name, text) in library::ALL {
        assert_eq!(complaints(&workflows, text), Vec::<String>::new(), "{name}");
    }
    for node in nodes::descriptors() {
        let found = complaints(&workflows, node.example);
        assert_eq!(found, Vec::<String>::new(), "{}", node.kind);
    }
    let templates = validator(&template());
    for (name, text) in documents("../templates/library") {
        assert_eq!(
            complaints(&templates, &text),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn the_suite_is_judged_as_the_compiler_judges_it() {
    let workflows = validator(&workflow());
    let mut wrong = Vec::new();
    let mut seen = (0, 0);
    for (name, text) in documents("../tests/suite") {
        let code = |line: &str| {
            line.strip_prefix("# error: ")
                .map(|rest| rest.split(' ').nth(1).unwrap_or_default().to_owned())
        };
        let codes: Vec<String> = text.lines().filter_map(code).collect();
        let is_workflow = tree(&text).is_some_and(|tree| tree["fenta"] == "workflow/v1");
        if !is_workflow {
            continue;
        }
        let found = complaints(&workflows, &text);
        if codes.is_empty() {
            seen.0 += 1;
            if !found.is_empty() {
                wrong.push(format!("{name} is good, but: {found:?}"));
            }
        } else if codes.iter().any(|code| STRUCTURAL.contains(&code.as_str())) {
            seen.1 += 1;
            if found.is_empty() {
                wrong.push(format!("{name} has {codes:?}, but is valid"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.0 >= 3 && seen.1 >= 5, "{seen:?}");
}

#[test]
fn slips_are_told_from_good_documents() {
    let workflows = validator(&workflow());
    let document = |node: &str| format!("fenta: workflow/v1\nnodes:\n  a: {node}\n");
    for good in [
        "{ type: Input.Text, with: { text: \"${{ inputs.x }}\" } }",
        "{ type: Input.Text, with: { text: Bees. }, retry: 3, timeout: 5m, cache: { ttl: 24h }, optional: true }",
        "{ type: Input.Motion, with: { count: \"${{ 1 + 2 }}\", palette: ocean } }",
        "{ type: Voice.TTS, with: { text: x }, on_error: { fallback: { speed: 1 } } }",
        "{ type: Input.Motion, for_each: [1, 2], max_parallel: 2, if: \"${{ index > 0 }}\" }",
    ] {
        let found = complaints(&workflows, &document(good));
        assert_eq!(found, Vec::<String>::new(), "{good}");
    }
    for bad in [
        "{ type: Input.Txt }",
        "{ type: Subtitle.Import }",
        "{ type: Input.Text, with: { txt: x } }",
        "{ type: Input.Text, with: { text: 5 } }",
        "{ type: Input.Motion, with: { count: 0 } }",
        "{ type: Input.Motion, with: { palette: sunny } }",
        "{ type: Input.Motion, on_error: { fallback: { cuont: 2 } } }",
        "{ type: Input.Motion, retires: 3 }",
        "{ type: Input.Motion, retry: 11 }",
        "{ type: Input.Motion, timeout: soon }",
        "{ type: Input.Motion, cache: maybe }",
        "{ with: { text: x } }",
    ] {
        let found = complaints(&workflows, &document(bad));
        assert!(!found.is_empty(), "{bad}");
    }
}
