//! Values of a certain shape out of the tree, each with a complaint that says what to write.
//!
//! Neighbours: the `read*` passes. Nothing here knows what a key means.

use super::keys::{KeyDoc, names};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};
use crate::value::Value;

/// The entry with this key.
pub(super) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// Refuses keys that the place does not have, and keys it will have one day.
pub(super) fn check_keys(
    entries: &[Entry],
    place: &str,
    known: &[KeyDoc],
    later: &[&str],
    found: &mut Diagnostics,
) {
    for entry in entries {
        let key = entry.key.as_str();
        if later.contains(&key) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    entry.key_span,
                    format!(
                        "`{key}` is part of the language but not available in this version yet"
                    ),
                )
                .hint(format!("remove `{key}`; it is refused rather than ignored")),
            );
            continue;
        }
        if names(known).any(|name| name == key) {
            continue;
        }
        let elsewhere =
            known_elsewhere(key, known).filter(|name| names(known).any(|one| one == *name));
        let near = nearest(key, names(known)).or(elsewhere);
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_KEY,
            entry.key_span,
            format!("{place} has no key `{key}`"),
        )
        .suggest(near, entry.key_span);
        found.push(match near {
            Some(_) => diagnostic,
            None => {
                let all: Vec<&str> = names(known).collect();
                diagnostic.hint(format!("the keys are {}", all.join(", ")))
            }
        });
    }
}

/// What other languages call our keys.
fn known_elsewhere(key: &str, known: &[KeyDoc]) -> Option<&'static str> {
    Some(match key {
        "version" | "apiVersion" => "fenta",
        "title" => "name",
        "params" | "parameters" | "arguments" | "args" | "config" | "settings" | "options"
            if known.iter().any(|one| one.name == "with") =>
        {
            "with"
        }
        "params" | "parameters" | "arguments" | "args" => "inputs",
        "variables" | "env" | "environment" => "vars",
        "jobs" | "steps" | "tasks" | "services" => "nodes",
        "on" | "cron" | "triggers" => "schedule",
        "results" => "outputs",
        "depends" | "depends_on" | "dependsOn" | "after" | "requires" => "needs",
        "when" | "condition" => "if",
        "foreach" | "forEach" | "loop" | "each" | "matrix" | "with_items" => "for_each",
        "parallel" | "parallelism" | "concurrency" => "max_parallel",
        "continue_on_error" | "continue-on-error" | "on_failure" | "onError" => "on_error",
        "descripton" | "desc" | "summary" => "description",
        "allow_failure" => "optional",
        "uses" | "kind" => "type",
        "retries" => "retry",
        "help_text" | "prompt" => "help",
        "choices" | "values" | "enum" => "of",
        "regex" => "pattern",
        _ => return None,
    })
}

/// The entries of a map, or a complaint.
pub(super) fn map<'a>(node: &'a Node, what: &str, found: &mut Diagnostics) -> Option<&'a [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    node.span,
                    format!("{what} must be a map, found {}", node.noun()),
                )
                .hint(match node.kind {
                    Kind::List(_) => "write `name: value` lines without `-`, indented below it",
                    _ => "write `name: value` lines, indented below it",
                }),
            );
            None
        }
    }
}

/// The text of an entry, or a complaint.
pub(super) fn text(entry: &Entry, found: &mut Diagnostics) -> Option<String> {
    match &entry.value.kind {
        Kind::Text(text) => Some(text.clone()),
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    entry.value.span,
                    format!("`{}` must be text, found {}", entry.key, entry.value.noun()),
                )
                .hint(match entry.value.kind {
                    Kind::Map(_) | Kind::List(_) => "write one text",
                    _ => "quote it to make it text",
                }),
            );
            None
        }
    }
}

/// A value of the wrong type.
pub(super) fn wrong(entry: &Entry, wanted: &str, example: &str, found: &mut Diagnostics) {
    found.push(
        Diagnostic::error(
            codes::WRONG_TYPE,
            entry.value.span,
            format!(
                "`{}` must be {wanted}, found {}",
                entry.key,
                entry.value.noun()
            ),
        )
        .hint(format!("write {example}")),
    );
}

/// A value of the right type that may not be.
pub(super) fn bad(node: &Node, message: impl Into<String>, hint: &str, found: &mut Diagnostics) {
    found.push(Diagnostic::error(codes::SETTING, node.span, message).hint(hint));
}

/// True or false.
pub(super) fn boolean(entry: &Entry, found: &mut Diagnostics) -> Option<bool> {
    match entry.value.kind {
        Kind::Bool(yes) => Some(yes),
        _ => {
            wrong(entry, "true or false", "`true` or `false`", found);
            None
        }
    }
}

/// A whole number within limits.
pub(super) fn whole(entry: &Entry, min: i64, max: i64, found: &mut Diagnostics) -> Option<i64> {
    match entry.value.kind {
        Kind::Int(number) if (min..=max).contains(&number) => Some(number),
        Kind::Int(number) => {
            bad(
                &entry.value,
                format!("`{}` is {number}, which is out of range", entry.key),
                &format!("write a whole number from {min} to {max}"),
                found,
            );
            None
        }
        // A number that does not fit into 64 bits is told as that.
        Kind::Float(number) if number.abs() >= i64::MAX as f64 => None,
        _ => {
            let example = format!("a whole number from {min} to {max}");
            wrong(entry, "a whole number", &example, found);
            None
        }
    }
}

/// Milliseconds of a length of time that is more than nothing.
pub(super) fn duration(entry: &Entry, found: &mut Diagnostics) -> Option<u64> {
    let Kind::Text(text) = &entry.value.kind else {
        let example = match entry.value.kind {
            Kind::Int(number) => format!("the unit too: `{number}s`, `{number}m` or `{number}ms`"),
            _ => "one like 300ms, 2.5s, 5m or 24h".to_owned(),
        };
        wrong(entry, "a length of time", &example, found);
        return None;
    };
    match duration_text(text) {
        Ok(millis) => Some(millis),
        Err(reason) => {
            bad(
                &entry.value,
                format!("`{}`: {reason}", entry.key),
                "write a length of time like 300ms, 2.5s, 5m or 24h",
                found,
            );
            None
        }
    }
}

/// Milliseconds of a text, at least one.
pub(super) fn duration_text(text: &str) -> Result<u64, String> {
    match crate::input::parse_duration(text)? {
        millis @ 1.. => Ok(millis.unsigned_abs()),
        _ => Err("it must be longer than nothing".to_owned()),
    }
}

/// One of a few words, by its place in their list.
pub(super) fn word(entry: &Entry, words: &[&str], found: &mut Diagnostics) -> Option<usize> {
    let wanted = format!("one of `{}`", words.join("`, `"));
    let Kind::Text(text) = &entry.value.kind else {
        wrong(entry, &wanted, &wanted, found);
        return None;
    };
    let at = words.iter().position(|word| word == text);
    if at.is_none() {
        let span = entry.value.span;
        let near = nearest(text, words.iter().copied());
        let diagnostic = Diagnostic::error(
            codes::SETTING,
            span,
            format!("`{}` cannot be `{text}`", entry.key),
        )
        .suggest(near, span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint(format!("write {wanted}")),
        });
    }
    at
}

/// The texts of a list, or of a single text, each with its node.
pub(super) fn texts<'a>(
    entry: &'a Entry,
    example: &str,
    found: &mut Diagnostics,
) -> Vec<(&'a str, &'a Node)> {
    let items = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Text(_) => std::slice::from_ref(&entry.value),
        _ => {
            wrong(entry, "a text or a list of texts", example, found);
            return Vec::new();
        }
    };
    let mut texts = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Text(text) => texts.push((text.as_str(), item)),
            _ => found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    item.span,
                    format!("`{}` holds texts, found {}", entry.key, item.noun()),
                )
                .hint(format!("write {example}")),
            ),
        }
    }
    texts
}

/// A value without expressions; none where a map is.
pub(super) fn plain(node: &Node) -> Option<Value> {
    Some(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(yes) => Value::Bool(*yes),
        Kind::Int(number) => Value::Int(*number),
        Kind::Float(number) => Value::Float(*number),
        Kind::Text(text) => Value::Text(text.clone()),
        Kind::List(items) => Value::List(items.iter().map(plain).collect::<Option<_>>()?),
        Kind::Map(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn entry(text: &str) -> Entry {
        let tree = syntax::load(text, &mut Diagnostics::new()).unwrap();
        match tree.kind {
            Kind::Map(mut entries) => entries.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn shapes_that_fit_are_values() {
        let mut found = Diagnostics::new();
        assert_eq!(whole(&entry("a: 5"), 1, 9, &mut found), Some(5));
        assert_eq!(duration(&entry("a: 1m30s"), &mut found), Some(90_000));
        assert_eq!(
            word(&entry("a: off"), &["auto", "off"], &mut found),
            Some(1)
        );
        assert_eq!(texts(&entry("a: x"), "", &mut found).len(), 1);
        assert_eq!(texts(&entry("a: [x, y]"), "", &mut found).len(), 2);
        assert_eq!(boolean(&entry("a: true"), &mut found), Some(true));
        assert!(found.is_empty(), "{found}");
    }

    #[test]
    fn shapes_that_do_not_fit_say_what_to_write() {
        let mut found = Diagnostics::new();
        assert_eq!(whole(&entry("a: 50"), 1, 9, &mut found), None);
        assert_eq!(whole(&entry("a: x"), 1, 9, &mut found), None);
        assert_eq!(duration(&entry("a: 0s"), &mut found), None);
        assert_eq!(duration(&entry("a: 5"), &mut found), None);
        assert_eq!(word(&entry("a: atuo"), &["auto", "off"], &mut found), None);
        assert_eq!(word(&entry("a: 1"), &["auto", "off"], &mut found), None);
        assert!(texts(&entry("a: [1]"), "`[x]`", &mut found).is_empty());
        assert_eq!(boolean(&entry("a: yes"), &mut found), None);
        assert_eq!(found.len(), 8);
        for one in &found {
            assert!(!one.hints.is_empty(), "{}", one.message);
        }
    }
}
