//! The template a node names: one that ships, or a file of the user's with every file it builds on.
//!
//! Shared by nothing but `Edit.Timeline`; apart from it because reading templates is a job of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::template::{self, Template, TemplateProblem};

use crate::action::{Action, ActionFacts, ReadTextRequest};
use crate::diagnostic::Diagnostics;
use crate::digest::value_hash;
use crate::execution::{LowerError, SourceFile};
use crate::input::join_path;
use crate::node::{Halt, Steps, wrong_facts};
use crate::template_source;

/// Templates a template may build on, one upon the other.
const MAX_EXTENDS: usize = 8;

/// Whether `template` names a file rather than a template that ships.
pub(super) fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".yaml") || name.ends_with(".yml")
}

/// What `template` may be.
pub(super) fn template_hint() -> String {
    format!(
        "the templates are {}; a path of your own has a `/` or ends in .yaml",
        template::builtin_names().join(", ")
    )
}

/// A template and the digest of everything it was read from.
pub(super) struct Loaded {
    pub(super) template: Template,
    /// Hash of it with everything it builds on merged in.
    pub(super) digest: String,
}

/// The template, with every template of the user's that it builds on.
pub(super) fn load_template(
    name: &str,
    folder: &str,
    steps: &mut Steps<'_>,
) -> Result<Loaded, Halt> {
    if !is_path(name) {
        let shipped = template::builtin_template(name).ok_or_else(|| {
            LowerError::new(format!("no template is called `{name}`"), template_hint())
        })?;
        return Ok(Loaded {
            template: shipped.clone(),
            digest: shipped_digest(name),
        });
    }
    let path = join_path(folder, name);
    let base = parent(&path);
    let source = SourceFile {
        name: name.to_owned(),
        text: read(&path, steps)?,
    };
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..=MAX_EXTENDS {
        let asked = RefCell::new(None);
        let parsed = template_source::check(&source, &|wanted: &str| {
            let found = known.get(wanted).cloned();
            if found.is_none() && is_path(wanted) {
                asked.borrow_mut().get_or_insert_with(|| wanted.to_owned());
            }
            found
        });
        match (parsed, asked.into_inner()) {
            (Ok((template, _)), _) => {
                let digest = digest(&source.text, &|wanted| known.get(wanted).cloned());
                return Ok(Loaded { template, digest });
            }
            (Err(_), Some(wanted)) => {
                let text = read(&join_path(base, &wanted), steps)?;
                known.insert(wanted, text);
            }
            (Err(problems), None) => {
                return Err(unreadable(&source, problems).into());
            }
        }
    }
    Err(LowerError::new(
        format!("the template {name} builds on more than {MAX_EXTENDS} others"),
        "let it extend fewer templates",
    )
    .into())
}

/// Digests of the templates that ship. Made once: large documents name the same one a thousand times.
fn shipped_digest(name: &str) -> String {
    static DIGESTS: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
        let digest = |name: &&'static str| {
            let text = template::builtin(name).unwrap_or_default();
            (*name, digest(text, &|_| None))
        };
        template::builtin_names().iter().map(digest).collect()
    });
    DIGESTS.get(name).cloned().unwrap_or_default()
}

/// Hash of a template with everything it builds on merged in: comments and layout do not count.
fn digest(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let merged = template::flatten(text, lookup);
    let merged = merged.map_or_else(|_| text.to_owned(), |(merged, _)| merged);
    value_hash("fenta template v1", &merged)
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => ".",
    }
}

fn read(path: &str, steps: &mut Steps<'_>) -> Result<String, Halt> {
    let action = Action::ReadText(ReadTextRequest {
        path: path.to_owned(),
    });
    match &steps.run_one(action)?.facts {
        ActionFacts::Text(text) => Ok(text.clone()),
        _ => Err(wrong_facts("read_text").into()),
    }
}

/// All problems of a template's text in one error, each with its line.
fn unreadable(source: &SourceFile, problems: Diagnostics) -> LowerError {
    let located = problems.located(source);
    let texts: Vec<String> = located
        .iter()
        .map(|one| format!("line {}: {}", one.line, one.message))
        .collect();
    let hints: Vec<&str> = located
        .iter()
        .flat_map(|one| &one.hints)
        .map(String::as_str)
        .collect();
    LowerError::new(
        format!("the template {}: {}", source.name, texts.join("; ")),
        hints.join("; "),
    )
}

/// All problems of the template engine in one error.
pub(super) fn refused(what: &str, problems: &[TemplateProblem]) -> LowerError {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            if problem.path.is_empty() {
                problem.message.clone()
            } else {
                format!("{}: {}", problem.path, problem.message)
            }
        })
        .collect();
    let hints: Vec<&str> = problems
        .iter()
        .map(|problem| problem.hint.as_str())
        .filter(|hint| !hint.is_empty())
        .collect();
    LowerError::new(format!("{what}: {}", texts.join("; ")), hints.join("; "))
}
