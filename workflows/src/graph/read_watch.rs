//! The first pass over `watch`: a folder whose new files start the workflow.
//!
//! Neighbours: `settings` holds what is read. Whether `into` names an input that takes files is asked when the inputs
//! are known.

use indexmap::IndexMap;

use super::keys::{GROUP_BY, INITIAL, WATCH_KEYS, WHILE_BUSY};
use super::read_telling::notify;
use super::settings::{After, GroupBy, Notify, Watch, WhileBusy};
use super::shape::{bad, check_keys, duration, find, map, text, texts, word};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::input::InputSpec;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind};

/// How long a file must have stayed unchanged when the document does not say, milliseconds.
const DEFAULT_SETTLE_MS: u64 = 2_000;

/// The map of `watch`, and where it names the input.
pub(super) fn watch(entry: &Entry, found: &mut Diagnostics) -> Option<(Watch, Option<Span>)> {
    let entries = map(&entry.value, "`watch`", found)?;
    check_keys(entries, "`watch`", &WATCH_KEYS, &[], found);
    let path = required(entry, entries, "path", "./inbox", found);
    let into = required(entry, entries, "into", "the name of a file input", found);
    let mut watch = Watch {
        path: String::new(),
        matches: vec!["*".to_owned()],
        settle_ms: DEFAULT_SETTLE_MS,
        into: String::new(),
        group_by: None,
        requires: Vec::new(),
        after: After::Keep,
        while_busy: WhileBusy::Queue,
        run_initial: true,
        poll_ms: None,
        notify: Notify::default(),
    };
    for inner in entries {
        option(&mut watch, inner, found);
    }
    if let (Some(requires), None) = (find(entries, "requires"), find(entries, "group_by")) {
        found.push(
            Diagnostic::error(
                codes::SETTING,
                requires.key_span,
                "`requires` means nothing without `group_by`",
            )
            .hint("add `group_by: stem`, or remove `requires`"),
        );
    }
    watch.path = path.map(|(path, _)| path).unwrap_or_default();
    let into_span = into.as_ref().map(|(_, span)| *span);
    watch.into = into.map(|(into, _)| into).unwrap_or_default();
    Some((watch, into_span))
}

fn required(
    watch: &Entry,
    entries: &[Entry],
    key: &str,
    example: &str,
    found: &mut Diagnostics,
) -> Option<(String, Span)> {
    let Some(entry) = find(entries, key) else {
        found.push(
            Diagnostic::error(
                codes::MISSING_KEY,
                watch.key_span,
                format!("`watch` has no `{key}`"),
            )
            .hint(format!("write `{key}: {example}`")),
        );
        return None;
    };
    let written = text(entry, found)?;
    if written.trim().is_empty() {
        bad(
            &entry.value,
            format!("`{key}` is empty"),
            &format!("write `{key}: {example}`"),
            found,
        );
        return None;
    }
    Some((written, entry.value.span))
}

fn option(watch: &mut Watch, entry: &Entry, found: &mut Diagnostics) {
    match entry.key.as_str() {
        "match" => watch.matches = patterns(entry, found),
        "settle" => {
            if let Some(millis) = duration(entry, found) {
                watch.settle_ms = millis;
            }
        }
        "group_by" => {
            watch.group_by = word(entry, &GROUP_BY, found).map(|at| match at {
                0 => GroupBy::Stem,
                _ => GroupBy::Folder,
            });
        }
        "requires" => watch.requires = extensions(entry, found),
        "after" => watch.after = after(entry, found).unwrap_or(After::Keep),
        "while_busy" => {
            watch.while_busy = match word(entry, &WHILE_BUSY, found) {
                Some(1) => WhileBusy::Skip,
                Some(2) => WhileBusy::Parallel,
                Some(3) => WhileBusy::Latest,
                _ => WhileBusy::Queue,
            };
        }
        "initial" => watch.run_initial = word(entry, &INITIAL, found) != Some(1),
        "poll" => watch.poll_ms = duration(entry, found),
        "notify" => watch.notify = notify(entry, found),
        _ => {}
    }
}

fn patterns(entry: &Entry, found: &mut Diagnostics) -> Vec<String> {
    const EXAMPLE: &str = "`match: \"*.md\"` or `match: [\"*.md\", \"*.txt\"]`";
    let mut patterns = Vec::new();
    for (pattern, node) in texts(entry, EXAMPLE, found) {
        let problem = if pattern.trim().is_empty() {
            Some("is empty")
        } else if pattern.contains(['/', '\\']) {
            Some("has a folder in it")
        } else {
            None
        };
        match problem {
            Some(problem) => bad(
                node,
                format!("the pattern `{pattern}` {problem}"),
                "patterns are about file names: `*` stands for any characters, `?` for one",
                found,
            ),
            None => patterns.push(pattern.to_owned()),
        }
    }
    if matches!(&entry.value.kind, Kind::List(items) if items.is_empty()) {
        bad(
            &entry.value,
            "`match` has no pattern, so no file would count",
            &format!("write {EXAMPLE}, or remove it"),
            found,
        );
    }
    patterns
}

/// File name extensions without their dots.
pub(super) fn extensions(entry: &Entry, found: &mut Diagnostics) -> Vec<String> {
    let mut all = Vec::new();
    for (text, node) in texts(entry, &format!("`{}: [md, txt]`", entry.key), found) {
        let plain = text.strip_prefix('.').unwrap_or(text).to_lowercase();
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            bad(
                node,
                format!("`{text}` is not a file name extension"),
                "write it without dots and stars: `md`",
                found,
            );
        } else {
            all.push(plain);
        }
    }
    all
}

fn after(entry: &Entry, found: &mut Diagnostics) -> Option<After> {
    let written = text(entry, found)?;
    match (
        written.as_str(),
        written.strip_prefix("move:").map(str::trim),
    ) {
        ("keep", _) => Some(After::Keep),
        ("delete", _) => Some(After::Delete),
        (_, Some(folder)) if !folder.is_empty() => Some(After::Move(folder.to_owned())),
        _ => {
            bad(
                &entry.value,
                format!("`after` cannot be `{written}`"),
                "write `keep`, `delete` or \"move:./done\"",
                found,
            );
            None
        }
    }
}

/// Whether the input that files become is there and takes files.
pub(super) fn check_into(
    watch: &Watch,
    span: Span,
    inputs: &IndexMap<String, InputSpec>,
    found: &mut Diagnostics,
) {
    let Some(spec) = inputs.get(&watch.into) else {
        let near = nearest(&watch.into, inputs.keys().map(String::as_str));
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_INPUT,
            span,
            format!("there is no input `{}`", watch.into),
        )
        .suggest(near, span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint(format!(
                "declare it: `inputs: {{ {}: {{ type: file }} }}`",
                watch.into
            )),
        });
        return;
    };
    if !spec.input_type.is_path() {
        found.push(
            Diagnostic::error(
                codes::SETTING,
                span,
                format!(
                    "the input `{}` is {}, but `watch` gives it a file",
                    watch.into, spec.input_type
                ),
            )
            .label(spec.span, "declared here")
            .hint("make it `type: file`, or one of `asset`, `image`, `video`, `audio`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn read(text: &str) -> (Option<Watch>, Diagnostics) {
        let mut found = Diagnostics::new();
        let tree = syntax::load(text, &mut found).unwrap();
        let Kind::Map(entries) = &tree.kind else {
            panic!("the test's YAML is a map")
        };
        let watch = watch(&entries[0], &mut found).map(|(watch, _)| watch);
        (watch, found)
    }

    #[test]
    fn a_watch_is_read_with_its_defaults() {
        let (watch, found) = read("watch: { path: ./inbox, into: note }");
        assert!(found.is_empty(), "{found}");
        let watch = watch.unwrap();
        assert_eq!(watch.matches, ["*"]);
        assert_eq!(watch.settle_ms, 2000);
        assert_eq!(watch.after, After::Keep);
        assert!(watch.run_initial && watch.group_by.is_none());
    }

    #[test]
    fn every_key_of_a_watch_counts() {
        let (watch, found) = read(
            "watch: { path: ./inbox, into: note, match: [\"*.md\", \"*.txt\"], settle: 3s, group_by: stem, \
             requires: [.md, jpg], after: \"move:./done\", while_busy: parallel, initial: ignore, poll: 5s, \
             notify: { desktop: true, on: completed } }",
        );
        assert!(found.is_empty(), "{found}");
        let watch = watch.unwrap();
        assert_eq!(watch.matches, ["*.md", "*.txt"]);
        assert_eq!(watch.settle_ms, 3000);
        assert_eq!(watch.group_by, Some(GroupBy::Stem));
        assert_eq!(watch.requires, ["md", "jpg"]);
        assert_eq!(watch.after, After::Move("./done".into()));
        assert_eq!(watch.while_busy, WhileBusy::Parallel);
        assert!(!watch.run_initial);
        assert_eq!(watch.poll_ms, Some(5000));
        assert!(watch.notify.desktop);
    }

    #[test]
    fn slips_are_found_each() {
        for (rest, part) in [
            ("into: note", "has no `path`"),
            ("path: ./x", "has no `into`"),
            ("path: '', into: note", "`path` is empty"),
            ("path: ./x, into: note, match: \"a/*.md\"", "a folder in it"),
            ("path: ./x, into: note, settle: 3", "length of time"),
            ("path: ./x, into: note, group_by: name", "cannot be `name`"),
            (
                "path: ./x, into: note, requires: [md]",
                "without `group_by`",
            ),
            (
                "path: ./x, into: note, group_by: stem, requires: ['*.md']",
                "extension",
            ),
            ("path: ./x, into: note, after: move", "cannot be `move`"),
            (
                "path: ./x, into: note, while_busy: wait",
                "cannot be `wait`",
            ),
            ("path: ./x, into: note, initial: yes", "cannot be `yes`"),
            (
                "path: ./x, into: note, recursive: true",
                "no key `recursive`",
            ),
        ] {
            let (_, found) = read(&format!("watch: {{ {rest} }}"));
            assert_eq!(found.len(), 1, "{rest}: {found}");
            assert!(found.to_string().contains(part), "{rest}: {found}");
        }
    }
}
