//! Warnings: what compiles and runs, but will probably hurt later. One rule per file.
//!
//! Neighbours: `graph` says what is wrong; the rules here see only documents in which nothing is. A rule never refuses
//! a document, and knows the world outside only through [`LintFacts`].

mod secrets;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::execution::SourceFile;
use crate::graph::Workflow;

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
    #[allow(dead_code)]
    workflow: &'a Workflow,
    source: &'a SourceFile,
    #[allow(dead_code)]
    facts: &'a LintFacts,
}

type Rule = fn(&Linted<'_>, &mut Vec<Diagnostic>);

/// Every rule, in the order of the files.
const RULES: &[Rule] = &[secrets::check];

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
    warnings.into_iter().for_each(|warning| found.push(warning));
    found.sort();
    found
}
