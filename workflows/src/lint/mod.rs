//! Warnings: what compiles and runs, but will probably hurt later. One rule per file.
//!
//! Neighbours: `graph` says what is wrong; the rules here see only documents in which nothing is. A rule never refuses
//! a document, and knows the world outside only through [`LintFacts`].

mod fill_length;
mod fonts;
mod licence;
mod literal_braces;
mod models;
mod paths;
mod safe_zone;
mod secrets;
mod triggers;
mod used_templates;

pub use secrets::redacted;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::execution::SourceFile;
use crate::expr::{Dynamic, DynamicKind};
use crate::graph::{NodeInstance, Workflow};
use crate::value::Value;

/// What the rules may know about the world outside the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintFacts {
    /// The day, for example 2026-11-22. Without it nothing is said about what ends on a day.
    pub today: Option<String>,
    /// The texts of the user's own templates, by their paths as written in the document.
    pub templates: BTreeMap<String, String>,
}

/// What a rule looks at.
struct Linted<'a> {
    workflow: &'a Workflow,
    source: &'a SourceFile,
    facts: &'a LintFacts,
}

type Rule = fn(&Linted<'_>, &mut Vec<Diagnostic>);

/// Every rule, in the order of the files.
const RULES: &[Rule] = &[
    fill_length::check,
    fonts::check,
    licence::check,
    literal_braces::check,
    models::check,
    paths::check,
    safe_zone::check,
    secrets::check,
    triggers::check,
];

/// Every warning about a workflow that compiles, in the order of its document.
pub fn lint(workflow: &Workflow, source: &SourceFile, facts: &LintFacts) -> Diagnostics {
    let linted = Linted {
        workflow,
        source,
        facts,
    };
    let mut warnings = Vec::new();
    for rule in RULES {
        rule(&linted, &mut warnings);
    }
    let mut found = Diagnostics::new();
    for warning in warnings {
        found.push(warning);
    }
    found.sort();
    found
}

impl<'a> Linted<'a> {
    /// Every parameter that is written, with its node and its name.
    fn params(&self) -> impl Iterator<Item = (&'a NodeInstance, &'a str, &'a Dynamic)> {
        let nodes = self.workflow.nodes().values();
        nodes.flat_map(|node| {
            let written = node.with.iter().chain(&node.fallback);
            written.map(move |(name, param)| (node, name.as_str(), &param.expr))
        })
    }

    /// The texts a value can be, as far as the document says: a literal, or the default of the input it refers to.
    /// Each with the place to show.
    fn texts(&self, value: &'a Dynamic) -> Vec<(&'a str, Span)> {
        match &value.kind {
            DynamicKind::Literal(Value::Text(text)) => vec![(text.as_str(), value.span)],
            DynamicKind::List(items) => items.iter().flat_map(|item| self.texts(item)).collect(),
            DynamicKind::Expression(expression) if expression.bare => {
                let reference = &expression.references[0];
                let ["inputs", name] = reference
                    .path
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()[..]
                else {
                    return Vec::new();
                };
                let spec = self.workflow.inputs().get(name);
                match spec.and_then(|spec| spec.default.as_ref()) {
                    Some(Value::Text(text)) => vec![(text.as_str(), reference.span)],
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// Where a key of the document itself stands.
    fn key(&self, name: &str) -> Span {
        let text = &self.source.text;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if line.starts_with(name) && line[name.len()..].trim_start().starts_with(':') {
                return Span::new(start, start + name.len());
            }
            start += line.len();
        }
        Span::default()
    }
}
