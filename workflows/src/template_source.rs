//! A template document as a person wrote it: read, checked, and every problem shown at its line and column.
//!
//! Neighbours: the template engine of `fenta-templates` judges what the keys mean and names places by their path inside
//! the document; `syntax` knows where each key and value stands. Here the two meet. What a key means is not decided here,
//! and no file is opened: templates that are extended come from the caller.

use fenta_templates::template::{self, ProblemKind, Template, TemplateProblem};

use crate::diagnostic::{Checked, Diagnostic, Diagnostics, Span, codes};
use crate::execution::SourceFile;
use crate::syntax::{self, Entry, Kind, Node};

/// The template of a document with its warnings, or everything that is wrong with it. `resolve` gives the text of a
/// template that is named by `extends` and does not ship with the product.
pub fn check(source: &SourceFile, resolve: &dyn Fn(&str) -> Option<String>) -> Checked<Template> {
    let mut found = Diagnostics::new();
    // Asked before anything is read: reading is what takes long.
    if source.text.len() > template::MAX_BYTES {
        let message = format!(
            "the template is longer than {} MiB",
            template::MAX_BYTES >> 20
        );
        found.push(
            Diagnostic::error(codes::TOO_LARGE, Span::new(0, 0), message)
                .hint("a template holds rules, not data; keep data in the workflow"),
        );
        return found.finish(None);
    }
    let tree = syntax::load(&source.text, &mut found);
    let Some(tree) = tree.filter(|_| !found.has_errors()) else {
        return for_templates(found).finish(None);
    };
    let place = Places::new(&tree);
    match template::parse(&source.text, resolve) {
        Ok(template) => {
            for warning in template.warnings() {
                found.push(place.diagnostic(warning));
            }
            found.finish(Some(template))
        }
        Err(problems) => {
            for problem in &problems {
                found.push(place.diagnostic(problem));
            }
            found.finish(None)
        }
    }
}

/// Whether a name stands for a file of the user's rather than a template that ships.
pub fn is_path(name: &str) -> bool {
    crate::nodes::is_template_path(name)
}

/// The advice of the YAML reader speaks of workflows; templates have other means.
fn for_templates(found: Diagnostics) -> Diagnostics {
    let mut told = Diagnostics::new();
    for mut diagnostic in found {
        let hint = match diagnostic.code {
            codes::ALIAS => Some(
                "write the value in each place; colours and faces get names under `theme`, and `extends` shares the rest",
            ),
            codes::TOO_LARGE => Some("a template holds rules, not data; keep data in the workflow"),
            codes::SECOND_DOCUMENT => {
                diagnostic.message =
                    "a second document starts here; a file holds one template".to_owned();
                None
            }
            _ => None,
        };
        if let Some(hint) = hint {
            diagnostic.hints = vec![hint.to_owned()];
        }
        told.push(diagnostic);
    }
    told
}

/// The part of a document that a path leads to.
struct Found<'a> {
    /// The key or the id the part goes by.
    name: Span,
    value: &'a Node,
    /// What of the path is not there.
    rest: &'a str,
}

/// Where the parts of a document stand.
struct Places<'a> {
    tree: &'a Node,
    /// The value of `extends`.
    extends: Option<Span>,
}

impl<'a> Places<'a> {
    fn new(tree: &'a Node) -> Self {
        let extends = entries(tree)
            .iter()
            .find(|entry| entry.key == "extends" && !matches!(entry.value.kind, Kind::Null))
            .map(|entry| entry.value.span);
        Self { tree, extends }
    }

    fn diagnostic(&self, problem: &TemplateProblem) -> Diagnostic {
        let found = self.find(&problem.path);
        let inherited = self
            .extends
            .filter(|_| !problem.path.is_empty() && found.rest == problem.path);
        let span = match inherited {
            Some(extends) => extends,
            None => span_of(problem, &found),
        };
        let message = message_of(problem, &found, inherited.is_some());
        let code = code_of(problem);
        let mut diagnostic = if problem.is_warning() {
            Diagnostic::warning(code, span, message)
        } else {
            Diagnostic::error(code, span, message)
        };
        if !problem.hint.is_empty() {
            diagnostic = diagnostic.hint(&problem.hint);
        }
        match &problem.suggestion {
            // Only a key or a whole value can be replaced as it stands.
            Some(word) if found.rest.is_empty() && problem.kind == ProblemKind::UnknownKey => {
                diagnostic.patch(span, word)
            }
            Some(word) if found.rest.is_empty() && self.is_whole(span, &problem.message) => {
                diagnostic.patch(span, word)
            }
            _ => diagnostic,
        }
    }

    /// Whether the wrong word that a message names is all that stands under a span.
    fn is_whole(&self, span: Span, message: &str) -> bool {
        let named = message.split('`').nth(1).unwrap_or_default();
        matches!(&self.value_at(span), Some(Kind::Text(text)) if text == named)
    }

    fn value_at(&self, span: Span) -> Option<&'a Kind> {
        let mut waiting = vec![self.tree];
        while let Some(node) = waiting.pop() {
            if node.span == span && !matches!(node.kind, Kind::Map(_) | Kind::List(_)) {
                return Some(&node.kind);
            }
            match &node.kind {
                Kind::Map(entries) => waiting.extend(entries.iter().map(|entry| &entry.value)),
                Kind::List(items) => waiting.extend(items),
                _ => {}
            }
        }
        None
    }

    /// The deepest part of the document that a path leads to.
    fn find<'p>(&self, path: &'p str) -> Found<'p>
    where
        'a: 'p,
    {
        let mut found = Found {
            name: self.start(),
            value: self.tree,
            rest: path,
        };
        while let Some(next) = step(&found) {
            found = next;
        }
        found
    }

    /// Where a problem of the whole document is shown: at its first key.
    fn start(&self) -> Span {
        match entries(self.tree).first() {
            Some(entry) => entry.key_span,
            None => Span::new(self.tree.span.start, self.tree.span.start),
        }
    }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        Kind::Map(entries) => entries,
        _ => &[],
    }
}

/// One step down a path: the longest key it may begin with, or `[id]` and `[number]` in a list.
fn step<'p>(found: &Found<'p>) -> Option<Found<'p>> {
    match &found.value.kind {
        Kind::Map(entries) => {
            let rest = found.rest.strip_prefix('.').unwrap_or(found.rest);
            let fits = |entry: &&Entry| {
                rest.strip_prefix(entry.key.as_str())
                    .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
            };
            let entry = entries
                .iter()
                .filter(fits)
                .max_by_key(|entry| entry.key.len())?;
            Some(Found {
                name: entry.key_span,
                value: &entry.value,
                rest: &rest[entry.key.len()..],
            })
        }
        Kind::List(items) => {
            let (name, rest) = found.rest.strip_prefix('[')?.split_once(']')?;
            let id_of = |item: &'p Node| {
                let id = self::entries(item).iter().find(|entry| entry.key == "id")?;
                match &id.value.kind {
                    Kind::Text(text) if text == name => Some((item, id.value.span)),
                    _ => None,
                }
            };
            let numbered = || {
                let item = items.get(name.parse::<usize>().ok()?)?;
                let first = entries(item)
                    .first()
                    .map_or(item.span, |entry| entry.key_span);
                Some((item, first))
            };
            let (value, name) = items.iter().find_map(id_of).or_else(numbered)?;
            Some(Found { name, value, rest })
        }
        _ => None,
    }
}

/// Values are shown where they stand; keys that should not be there, and large parts, by their name.
fn span_of(problem: &TemplateProblem, found: &Found<'_>) -> Span {
    let large = matches!(found.value.kind, Kind::Map(_) | Kind::List(_));
    let by_name = matches!(
        problem.kind,
        ProblemKind::UnknownKey | ProblemKind::Conflict
    );
    if by_name || large || !found.rest.is_empty() {
        found.name
    } else {
        found.value.span
    }
}

/// The message with as much of the path as the place does not show by itself.
fn message_of(problem: &TemplateProblem, found: &Found<'_>, inherited: bool) -> String {
    let path = problem.path.as_str();
    let (before, subject) = match () {
        () if path.is_empty() => return problem.message.clone(),
        () if inherited => ("in the template that is extended, ", path),
        () if !found.rest.is_empty() => ("", found.rest.trim_start_matches('.')),
        () => ("", path.rsplit('.').next().unwrap_or(path)),
    };
    // A message is either what the subject does (`is 7`) or a sentence of its own.
    let own_sentence = ["`", "the ", "there "]
        .iter()
        .any(|start| problem.message.starts_with(start));
    let colon = if own_sentence { ":" } else { "" };
    format!("{before}`{subject}`{colon} {}", problem.message)
}

fn code_of(problem: &TemplateProblem) -> &'static str {
    match problem.kind {
        _ if problem.path == "fenta" => codes::TEMPLATE_VERSION,
        ProblemKind::Syntax => codes::SYNTAX,
        ProblemKind::UnknownKey => codes::UNKNOWN_KEY,
        ProblemKind::Unavailable => codes::UNAVAILABLE,
        ProblemKind::MissingKey => codes::MISSING_KEY,
        ProblemKind::WrongType => codes::WRONG_TYPE,
        ProblemKind::UnknownName => codes::TEMPLATE_NAME,
        ProblemKind::Conflict => codes::TEMPLATE_CONFLICT,
        ProblemKind::Extends => codes::TEMPLATE_EXTENDS,
        ProblemKind::SafeZone => codes::TEMPLATE_SAFE_ZONE,
        ProblemKind::BadValue | ProblemKind::Binding => codes::TEMPLATE_VALUE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile {
            name: "t.yaml".into(),
            text: text.into(),
        }
    }

    fn found(text: &str) -> Vec<(&'static str, String, String)> {
        let list = match check(&source(text), &|_| None) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems.into_iter().collect(),
        };
        list.into_iter()
            .map(|one| (one.code, one.span.of(text).to_owned(), one.message))
            .collect()
    }

    const SMALL: &str = "fenta: template/v1\nname: mine\nextends: daily\n";

    #[test]
    fn a_sound_template_is_given_back() {
        let (template, warnings) = check(&source(SMALL), &|_| None).unwrap();
        assert_eq!((template.name(), warnings.len()), ("mine", 0));
    }

    // spec: T-5
    #[test]
    fn problems_stand_at_their_key_or_value() {
        let text = format!(
            "{SMALL}rules:\n  shto: {{min: 1s}}\n  tail: 3\nvideo: {{ fill: crob }}\n\
             tracks:\n  - id: brand\n    kind: overlay\n    items:\n      - {{id: title, style: {{size: 9000}}}}\n"
        );
        let places: Vec<_> = found(&text).into_iter().map(|(_, span, _)| span).collect();
        assert_eq!(places, ["shto", "3", "crob", "9000"]);
    }

    #[test]
    fn a_wrong_word_is_replaced_by_the_nearest() {
        let text = format!("{SMALL}video: {{ fill: crob }}\nruels: {{}}\n");
        let problems = check(&source(&text), &|_| None).unwrap_err();
        let patches: Vec<_> = problems
            .iter()
            .flat_map(|one| &one.patches)
            .map(|patch| (patch.span.of(&text), patch.replacement.as_str()))
            .collect();
        assert_eq!(patches, [("crob", "crop"), ("ruels", "rules")]);
    }

    #[test]
    fn what_is_inherited_is_shown_at_extends() {
        let base = "fenta: template/v1\nname: base\nextends: daily\nvideo: {fill: crob}\n";
        let text = "fenta: template/v1\nname: top\nextends: ./base.yaml\n";
        let problems = check(&source(text), &|name| {
            (name == "./base.yaml").then(|| base.to_owned())
        })
        .unwrap_err();
        let one = problems.iter().next().unwrap();
        assert_eq!(one.span.of(text), "./base.yaml");
        assert!(one.message.contains("`video.fill`"), "{one:?}");
    }

    // spec: T-4
    #[test]
    fn yaml_mistakes_have_their_own_codes_and_advice() {
        for (line, code, at) in [
            ("name: again\n", codes::DUPLICATE_KEY, "name"),
            ("version: !v 1\n", codes::TAG, "!v"),
            ("version: &x 1\n", codes::ALIAS, "&x"),
            ("video: {fill\n", codes::SYNTAX, ""),
        ] {
            let text = format!("{SMALL}{line}");
            let list = found(&text);
            assert_eq!(list.len(), 1, "{list:?}");
            assert_eq!(list[0].0, code, "{list:?}");
            assert!(list[0].1.starts_with(at), "{list:?}");
        }
        let aliased = check(&source("fenta: &x template/v1"), &|_| None).unwrap_err();
        assert!(aliased.iter().all(|one| !one.hints[0].contains("vars")));
    }

    #[test]
    fn missing_parts_are_shown_at_the_part_they_are_missing_from() {
        let text = format!("{SMALL}tracks:\n  - {{ id: more, source: x }}\n");
        let (code, span, message) = found(&text).remove(0);
        assert_eq!((code, span.as_str()), (codes::MISSING_KEY, "more"));
        assert!(message.contains("`kind` is missing"), "{message}");
        let codes_of = |text| -> Vec<_> { found(text).into_iter().map(|one| one.0).collect() };
        assert!(codes_of("name: x").contains(&codes::TEMPLATE_VERSION));
        assert_eq!(found("- 1")[0].0, codes::WRONG_TYPE);
    }
}
