//! Declarations of inputs: type, default, limits, help.
//!
//! Neighbours: `input` holds what is declared and binds values; this file only reads the document.

use indexmap::IndexMap;

use super::keys::{ASSET_KINDS, INPUT_KEYS};
use super::read::check_name;
use super::read_schedule::day;
use super::read_watch::extensions;
use super::shape::{boolean, check_keys, find, map, plain, text, whole, word, wrong};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::input::{AssetKind, InputSpec, InputType, Pattern};
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
    let mut spec = InputSpec::new(InputType::Text, entry.key_span);
    // `topic: string` is short for `topic: { type: string }`.
    if let Kind::Text(name) = &entry.value.kind {
        spec.input_type = input_type(name, &entry.value, found).unwrap_or(InputType::Text);
        return spec;
    }
    let what = format!("the input `{}`", entry.key);
    let Some(entries) = map(&entry.value, &what, found) else {
        return spec;
    };
    check_keys(entries, "an input", &INPUT_KEYS, &[], found);
    match find(entries, "type") {
        Some(entry) if matches!(entry.value.kind, Kind::List(_)) => {
            wrong(
                entry,
                "the name of a type",
                "`type: \"string[]\"` for a list",
                found,
            );
        }
        Some(entry) => {
            let known = text(entry, found).and_then(|name| input_type(&name, &entry.value, found));
            match known {
                Some(known) => spec.input_type = known,
                // Limits of an unknown type cannot be judged.
                None => return spec,
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

fn input_type(name: &str, node: &Node, found: &mut Diagnostics) -> Option<InputType> {
    let known = InputType::parse(name);
    if known.is_none() {
        found.push(
            Diagnostic::error(
                codes::INPUT,
                node.span,
                format!("`{name}` is not a type of inputs"),
            )
            .suggest(
                nearest(name, InputType::NAMES).or_else(|| known_elsewhere(name)),
                node.span,
            )
            .hint(format!("the types are {}", InputType::NAMES.join(", "))),
        );
    }
    known
}

/// What other languages call our types.
fn known_elsewhere(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "integer" | "long" => "int",
        "float" | "double" | "decimal" => "number",
        "boolean" | "flag" => "bool",
        "str" | "varchar" => "string",
        "list" | "array" => "string[]",
        "select" | "choice" | "choices" => "enum",
        "path" | "folder" | "directory" => "file",
        "picture" | "photo" => "image",
        "clip" | "movie" => "video",
        "sound" | "music" => "audio",
        "time" | "timespan" | "seconds" => "duration",
        "uri" | "link" => "url",
        "day" | "datetime" => "date",
        _ => return None,
    })
}

fn limits(spec: &mut InputSpec, entries: &[Entry], found: &mut Diagnostics) {
    for entry in entries {
        limit(spec, entry, found);
    }
    if base(&spec.input_type) == &InputType::Enum && spec.of.is_empty() {
        found.push(
            Diagnostic::error(codes::INPUT, spec.span, "an `enum` needs its choices")
                .hint("write `of: [calm, driving]`"),
        );
    }
    let numbers = spec.min.zip(spec.max).is_some_and(|(min, max)| min > max);
    let days = spec.first_day.as_ref().zip(spec.last_day.as_ref());
    if numbers || days.is_some_and(|(first, last)| first > last) {
        let written = |key: &str| find(entries, key).map(|entry| entry.value.span);
        let (min, max) = (written("min"), written("max").unwrap_or(spec.span));
        let diagnostic = Diagnostic::error(codes::INPUT, max, "`max` is less than `min`");
        found.push(match min {
            Some(min) => diagnostic.label(min, "`min` is here").hint("swap the two"),
            None => diagnostic.hint("swap the two"),
        });
    }
}

/// The type of the items of a list, or the type itself.
fn base(input_type: &InputType) -> &InputType {
    match input_type {
        InputType::List(inner) => base(inner),
        other => other,
    }
}

fn limit(spec: &mut InputSpec, entry: &Entry, found: &mut Diagnostics) {
    if !means_something(spec, entry, found) {
        return;
    }
    match entry.key.as_str() {
        "help" => spec.help = text(entry, found).unwrap_or_default(),
        "required" => spec.required = boolean(entry, found).unwrap_or(true),
        "min" | "max" => bound(spec, entry, found),
        "max_length" => {
            spec.max_length = whole(entry, 1, 100_000, found).map(|length| length as usize);
        }
        "of" => spec.of = choices(entry, found),
        "kind" => {
            spec.kind = word(entry, &ASSET_KINDS, found).map(|at| match at {
                0 => AssetKind::Image,
                1 => AssetKind::Video,
                _ => AssetKind::Audio,
            });
        }
        "accept" => spec.accept = extensions(entry, found),
        "pattern" => spec.pattern = pattern(entry, found),
        _ => {}
    }
}

/// Whether the key says anything about the type; complains otherwise.
fn means_something(spec: &InputSpec, entry: &Entry, found: &mut Diagnostics) -> bool {
    use InputType::{Asset, Date, Duration, Enum, Int, List, Number, String, Text, Url};
    let own = &spec.input_type;
    let one = base(own);
    let (fits, hint) = match entry.key.as_str() {
        "min" | "max" => (
            matches!(own, Int | Number | Duration | Date | List(_)),
            "`min` and `max` limit numbers, durations, days, and how many items a list has; `max_length` limits texts",
        ),
        "max_length" => (
            matches!(one, String | Text | Url),
            "`max_length` limits texts; `min` and `max` limit numbers",
        ),
        "pattern" => (
            matches!(one, String | Text | Url),
            "a pattern is for texts; a choice of words is `type: enum`",
        ),
        "of" => (matches!(one, Enum), "choices belong to `type: enum`"),
        "kind" => (
            matches!(one, Asset),
            "`kind` belongs to `type: asset`; `image`, `video` and `audio` are types themselves",
        ),
        "accept" => (
            one.is_path(),
            "`accept` belongs to files: `type: file` or `type: asset`",
        ),
        _ => return true,
    };
    if !fits {
        found.push(
            Diagnostic::error(
                codes::INPUT,
                entry.key_span,
                format!("`{}` means nothing for the type `{own}`", entry.key),
            )
            .hint(hint),
        );
    }
    fits
}

fn pattern(entry: &Entry, found: &mut Diagnostics) -> Option<Pattern> {
    match Pattern::parse(&text(entry, found)?) {
        Ok(pattern) => Some(pattern),
        Err(reason) => {
            found.push(
                Diagnostic::error(codes::INPUT, entry.value.span, reason).hint(
                    "write a regular expression that the whole text must match, for example `[a-z0-9-]+`; groups that look around and \
                     \\p{...} classes are left out",
                ),
            );
            None
        }
    }
}

/// `min` or `max`.
fn bound(spec: &mut InputSpec, entry: &Entry, found: &mut Diagnostics) {
    let is_min = entry.key == "min";
    if spec.input_type == InputType::Date {
        let day = day(entry, found);
        *(if is_min {
            &mut spec.first_day
        } else {
            &mut spec.last_day
        }) = day;
        return;
    }
    let number = match (&spec.input_type, &entry.value.kind) {
        (InputType::List(_), _) => whole(entry, 0, 10_000, found).map(|count| count as f64),
        (InputType::Duration, Kind::Text(text)) => match crate::input::parse_duration(text) {
            Ok(millis) => Some(millis as f64),
            Err(reason) => {
                found.push(
                    Diagnostic::error(codes::INPUT, entry.value.span, reason)
                        .hint("write a length of time like 300ms, 2.5s or 1m30s"),
                );
                None
            }
        },
        (InputType::Duration, _) => {
            wrong(
                entry,
                "a length of time",
                "one like 300ms, 2.5s or 1m30s",
                found,
            );
            None
        }
        (_, Kind::Int(number)) => Some(*number as f64),
        (_, Kind::Float(number)) => Some(*number),
        _ => {
            wrong(entry, "a number", "a number", found);
            None
        }
    };
    *(if is_min { &mut spec.min } else { &mut spec.max }) = number;
}

fn choices(entry: &Entry, found: &mut Diagnostics) -> Vec<String> {
    let Kind::List(items) = &entry.value.kind else {
        wrong(entry, "a list of texts", "`of: [calm, driving]`", found);
        return Vec::new();
    };
    let mut choices = Vec::new();
    for item in items {
        match &item.kind {
            Kind::Text(choice) if choices.contains(choice) => found.push(
                Diagnostic::error(
                    codes::INPUT,
                    item.span,
                    format!("the choice `{choice}` is written twice"),
                )
                .hint("remove one of the two"),
            ),
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
            wrong(
                entry,
                "a plain value",
                "a text, a number or a list of them",
                found,
            );
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
    match fit_written(spec, value) {
        Ok(value) => spec.default = Some(value),
        Err(reason) => {
            let hint = default_hint(spec, &entry.value, &reason);
            found.push(
                Diagnostic::error(
                    codes::INPUT,
                    entry.value.span,
                    format!(
                        "the default does not fit the type `{}`: {reason}",
                        spec.input_type
                    ),
                )
                .label(spec.span, "declared here")
                .hint(hint),
            );
        }
    }
    spec.required = false;
}

/// A value as it is written in a document: there a length of time has a unit, so that nobody has to know which one a
/// number is in.
pub(super) fn fit_written(spec: &InputSpec, value: Value) -> Result<Value, String> {
    let bare = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let has_bare = match &value {
        Value::List(items) => items.iter().any(bare),
        one => bare(one),
    };
    if base(&spec.input_type) == &InputType::Duration && has_bare {
        return Err("a length of time needs a unit, like 300ms, 2.5s or 1m30s".to_owned());
    }
    spec.fit(value)
}

fn default_hint(spec: &InputSpec, written: &Node, reason: &str) -> String {
    match (&spec.input_type, &written.kind) {
        (one, Kind::List(_)) if !matches!(one, InputType::List(_)) => {
            format!("for several of them write `type: \"{one}[]\"`")
        }
        (InputType::Bool, _) => "write `true` or `false`".to_owned(),
        _ if reason.starts_with("expected text") => "quote it to make it text".to_owned(),
        _ => "change the default or the declaration".to_owned(),
    }
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

    // spec: W-21
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
             d: { type: int, min: 5, max: 1 }\n  e: { type: bool, max: 3 }\n  f: { type: asset, max: 2 }\n  \
             g: { default: 1 }\n  h: { type: string, default: 5 }\n  i: { type: string, pattern: '[' }\n  \
             J: { type: string }\n  k: { type: string, default: '${{ job.id }}' }\n",
        );
        let lines: std::collections::BTreeSet<usize> = found.iter().map(|d| d.span.start).collect();
        assert!(found.len() >= 11, "{found}");
        assert!(lines.len() >= 11, "{found}");
    }
}
