//! Declarations of inputs: type, default, limits, help.
//!
//! Neighbours: `input` holds what is declared and binds values; this file only reads the document.

use indexmap::IndexMap;

use super::keys::INPUT_KEYS;
use super::read::check_name;
use super::shape::{check_keys, find, map, plain, text};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::input::{InputSpec, InputType};
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};
use crate::value::Value;

/// Every declared input; wrong ones are complained about and left in, so that references to them still resolve.
pub(super) fn inputs(entry: &Entry, found: &mut Diagnostics) -> IndexMap<String, InputSpec> {
    let mut all = IndexMap::new();
    for inner in map(&entry.value, "`inputs`", found).unwrap_or_default() {
        check_name(inner, "an input", found);
        all.insert(inner.key.clone(), input(inner, found));
    }
    all
}

fn input(entry: &Entry, found: &mut Diagnostics) -> InputSpec {
    let mut spec = InputSpec {
        input_type: InputType::Text,
        default: None,
        required: true,
        help: String::new(),
        min: None,
        max: None,
        max_length: None,
        of: Vec::new(),
        span: entry.key_span,
    };
    // `topic: string` is short for `topic: { type: string }`.
    if let Kind::Text(name) = &entry.value.kind {
        spec.input_type = input_type(name, &entry.value, found);
        return spec;
    }
    let what = format!("the input `{}`", entry.key);
    let Some(entries) = map(&entry.value, &what, found) else {
        return spec;
    };
    check_keys(
        entries,
        "an input",
        &INPUT_KEYS,
        &["pattern", "kind", "accept"],
        found,
    );
    match find(entries, "type") {
        Some(entry) => {
            if let Some(name) = text(entry, found) {
                spec.input_type = input_type(&name, &entry.value, found);
            }
        }
        None => {
            found.push(
                Diagnostic::error(
                    codes::MISSING_KEY,
                    entry.key_span,
                    format!("the input `{}` has no `type`", entry.key),
                )
                .hint(format!("write one of {}", InputType::NAMES.join(", "))),
            );
            return spec;
        }
    }
    limits(&mut spec, entries, found);
    default(&mut spec, entries, found);
    spec
}

fn input_type(name: &str, node: &Node, found: &mut Diagnostics) -> InputType {
    InputType::parse(name).unwrap_or_else(|| {
        found.push(if name.trim_end_matches("[]") == "asset" {
            Diagnostic::error(
                codes::UNAVAILABLE,
                node.span,
                "the type `asset` is part of the language but not available in this version yet",
            )
            .hint("use `file`, `image`, `video` or `audio`")
        } else {
            Diagnostic::error(
                codes::INPUT,
                node.span,
                format!("`{name}` is not a type of inputs"),
            )
            .suggest(nearest(name, InputType::NAMES), node.span)
            .hint(format!("the types are {}", InputType::NAMES.join(", ")))
        });
        InputType::Text
    })
}

fn limits(spec: &mut InputSpec, entries: &[Entry], found: &mut Diagnostics) {
    for entry in entries {
        match entry.key.as_str() {
            "help" => spec.help = text(entry, found).unwrap_or_default(),
            "min" => spec.min = limit(entry, spec, found),
            "max" => spec.max = limit(entry, spec, found),
            "max_length" => {
                spec.max_length =
                    limit(entry, spec, found).map(|limit| limit.clamp(0.0, 1e9) as usize);
            }
            "of" => spec.of = choices(entry, found),
            "required" => match entry.value.kind {
                Kind::Bool(required) => spec.required = required,
                _ => wrong(entry, "true or false", found),
            },
            _ => {}
        }
    }
    if spec.input_type == InputType::Enum && find(entries, "of").is_none() {
        found.push(
            Diagnostic::error(codes::INPUT, spec.span, "an `enum` needs its choices")
                .hint("write `of: [calm, driving]`"),
        );
    }
    if let (Some(min), Some(max)) = (spec.min, spec.max)
        && min > max
    {
        let span = find(entries, "max").map_or(spec.span, |entry| entry.value.span);
        found.push(
            Diagnostic::error(
                codes::INPUT,
                span,
                format!("`max` {max} is less than `min` {min}"),
            )
            .hint("swap the two"),
        );
    }
}

fn wrong(entry: &Entry, wanted: &str, found: &mut Diagnostics) {
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
        .hint(format!("write {wanted}")),
    );
}

fn limit(entry: &Entry, spec: &InputSpec, found: &mut Diagnostics) -> Option<f64> {
    let fits = match entry.key.as_str() {
        "max_length" => spec.input_type.port_type() == crate::value::PortType::Text,
        _ => spec.input_type.port_type() == crate::value::PortType::Number,
    };
    if !fits {
        found.push(
            Diagnostic::error(
                codes::INPUT,
                entry.key_span,
                format!(
                    "`{}` means nothing for the type `{}`",
                    entry.key, spec.input_type
                ),
            )
            .hint("`min` and `max` limit numbers and durations, `max_length` limits texts"),
        );
        return None;
    }
    match &entry.value.kind {
        Kind::Int(number) => Some(*number as f64),
        Kind::Float(number) => Some(*number),
        Kind::Text(text) if spec.input_type == InputType::Duration => {
            match crate::input::parse_duration(text) {
                Ok(millis) => Some(millis as f64),
                Err(reason) => {
                    found.push(Diagnostic::error(codes::INPUT, entry.value.span, reason));
                    None
                }
            }
        }
        _ => {
            wrong(entry, "a number", found);
            None
        }
    }
}

fn choices(entry: &Entry, found: &mut Diagnostics) -> Vec<String> {
    let Kind::List(items) = &entry.value.kind else {
        wrong(entry, "a list of texts", found);
        return Vec::new();
    };
    let mut choices = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Text(choice) => choices.push(choice.clone()),
            _ => found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    item.span,
                    format!("a choice must be text, found {}", item.noun()),
                )
                .hint("quote it to make it text"),
            ),
        }
    }
    choices
}

fn default(spec: &mut InputSpec, entries: &[Entry], found: &mut Diagnostics) {
    let Some(entry) = find(entries, "default") else {
        return;
    };
    let value = match plain(&entry.value) {
        Some(Value::Null) => {
            spec.required = false;
            return;
        }
        Some(value) => value,
        None => {
            wrong(entry, "a plain value", found);
            return;
        }
    };
    if let Value::Text(text) = &value
        && text.contains("${{")
    {
        found.push(
            Diagnostic::error(
                codes::INPUT,
                entry.value.span,
                "a default cannot have expressions in it",
            )
            .hint("compute it under `vars`"),
        );
        return;
    }
    match spec.fit(value) {
        Ok(value) => spec.default = Some(value),
        Err(reason) => {
            let shown = entry.value.noun();
            let diagnostic = Diagnostic::error(
                codes::INPUT,
                entry.value.span,
                format!(
                    "the default does not fit the type `{}`: {reason}",
                    spec.input_type
                ),
            )
            .label(spec.span, "declared here");
            found.push(
                if reason.starts_with("expected text") && shown != "a list" {
                    diagnostic.hint("quote it to make it text")
                } else {
                    diagnostic.hint("change the default or the type")
                },
            );
        }
    }
    spec.required = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn declare(text: &str) -> (IndexMap<String, InputSpec>, Diagnostics) {
        let mut found = Diagnostics::new();
        let tree = syntax::load(text, &mut found).unwrap();
        let Kind::Map(entries) = &tree.kind else {
            panic!("the test's YAML is a map")
        };
        let inputs = inputs(&entries[0], &mut found);
        (inputs, found)
    }

    #[test]
    fn declarations_are_read() {
        let (inputs, found) = declare(
            "inputs:\n  topic: string\n  length: { type: duration, default: 30s, min: 5s, max: 1m }\n  \
             mood: { type: enum, of: [calm, driving], default: calm, help: The music. }\n  \
             pictures: { type: 'image[]', required: false }\n",
        );
        assert!(found.is_empty(), "{found}");
        assert!(inputs["topic"].required);
        assert_eq!(inputs["length"].default, Some(Value::Int(30_000)));
        assert_eq!(inputs["length"].max, Some(60_000.0));
        assert_eq!(inputs["mood"].help, "The music.");
        assert!(!inputs["mood"].required);
        assert!(!inputs["pictures"].required && inputs["pictures"].default.is_none());
    }

    #[test]
    fn contradictions_are_found_each_in_its_place() {
        let (_, found) = declare(
            "inputs:\n  a: { type: strng }\n  b: { type: int, default: x }\n  c: { type: enum }\n  \
             d: { type: int, min: 5, max: 1 }\n  e: { type: bool, max: 3 }\n  f: { type: asset }\n  \
             g: { default: 1 }\n  h: { type: string, default: 5 }\n  i: { type: string, pattern: x }\n  \
             J: { type: string }\n  k: { type: string, default: '${{ job.id }}' }\n",
        );
        let lines: std::collections::BTreeSet<usize> = found.iter().map(|d| d.span.start).collect();
        assert!(found.len() >= 11, "{found}");
        assert!(lines.len() >= 11, "{found}");
    }
}
