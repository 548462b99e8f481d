//! A file of values for a workflow's inputs: a YAML (or JSON) map of names to values, read as strictly as a workflow.
//!
//! Neighbours: `syntax` reads the text; the CLI merges the values with `-p`; [`crate::Workflow::bind`] judges them.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::SourceFile;
use crate::syntax::{Entry, Kind, Node, load};

/// The values as texts, as if each had been given with `-p`; lists become the comma-separated form, or JSON where an
/// item has a comma in it.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read(source: &SourceFile) -> Result<BTreeMap<String, String>, Diagnostics> {
    let mut found = Diagnostics::new();
    let mut values = BTreeMap::new();
    match load(&source.text, &mut found) {
        Some(Node {
            kind: Kind::Map(entries),
            ..
        }) => {
            for Entry { key, value, .. } in &entries {
                if let Some(text) = value_text(value, &source.text, &mut found) {
                    values.insert(key.clone(), text);
                }
            }
        }
        Some(Node {
            kind: Kind::Null, ..
        })
        | None => {}
        Some(other) => found.push(
            Diagnostic::error(
                codes::WRONG_TYPE,
                other.span,
                format!(
                    "expected a map of input names to values, found {}",
                    other.noun()
                ),
            )
            .hint("write one `name: value` a line"),
        ),
    }
    found.finish(Some(values)).map(|(values, _)| values)
}

fn value_text(value: &Node, text: &str, found: &mut Diagnostics) -> Option<String> {
    let Kind::List(items) = &value.kind else {
        return scalar_text(value, text, found);
    };
    let mut texts = Vec::new();
    for item in items {
        texts.push(scalar_text(item, text, found)?);
    }
    if texts.iter().any(|one| one.contains(',')) {
        return serde_json::to_string(&texts).ok();
    }
    Some(texts.join(","))
}

/// Numbers and bools exactly as they are written: whether `1.50` is a number is up to the input's type.
fn scalar_text(value: &Node, text: &str, found: &mut Diagnostics) -> Option<String> {
    match &value.kind {
        Kind::Text(text) => Some(text.clone()),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => Some(value.span.of(text).to_owned()),
        Kind::Null | Kind::List(_) | Kind::Map(_) => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    value.span,
                    format!("expected text or a number, found {}", value.noun()),
                )
                .hint("leave the name out to use the input's default"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<String, String>, Diagnostics> {
        read(&SourceFile {
            name: "p.yaml".into(),
            text: text.into(),
        })
    }

    #[test]
    fn values_stay_as_they_are_written() {
        let values = read_text(
            "a: 1.50\nb: \"quoted\"\nc: yes\nd: true\ne: 010\nf: |\n  two\n  lines\ng: [x, 2]\n",
        )
        .unwrap();
        let pairs: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("a", "1.50"),
                ("b", "quoted"),
                ("c", "yes"),
                ("d", "true"),
                ("e", "010"),
                ("f", "two\nlines\n"),
                ("g", "x,2"),
            ]
        );
    }

    #[test]
    fn items_keep_their_commas() {
        let values = read_text("g: [\"x, y\", 2]\n").unwrap();
        assert_eq!(values["g"], "[\"x, y\",\"2\"]");
    }

    #[test]
    fn json_is_read_too() {
        let values = read_text("{\"a\": \"x\", \"n\": 3}").unwrap();
        assert_eq!((values["a"].as_str(), values["n"].as_str()), ("x", "3"));
    }

    #[test]
    fn an_empty_file_gives_nothing() {
        assert!(read_text("# nothing yet\n").unwrap().is_empty());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let found = read_text("a: {b: 1}\nc: [[x]]\nd:\n").unwrap_err();
        let lines: Vec<usize> = found
            .located(&SourceFile {
                name: "p".into(),
                text: "a: {b: 1}\nc: [[x]]\nd:\n".into(),
            })
            .iter()
            .map(|one| one.line)
            .collect();
        assert_eq!(lines, [1, 2, 3]);
        assert!(
            read_text("- a\n")
                .unwrap_err()
                .to_string()
                .contains("a map of input names")
        );
        assert!(read_text("a: 1\na: 2\n").is_err());
    }
}
