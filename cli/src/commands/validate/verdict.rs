//! Everything that can be said about one document without executing it: errors, warnings, files that are not there, and
//! the templates of the user's own that it uses, each in its own text.
//!
//! Neighbours: `fenta_workflows` judges; this reads what the judges need from disk and from the clock. Nothing is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use fenta_client::api::problem::LocatedDiagnostic;
use fenta_templates::template::Template;
use fenta_workflows::{
    Diagnostics, LintFacts, Severity, SourceFile, Workflow, compile, lint, missing_files,
    template_source,
};
use serde::Serialize;

use crate::command_error::CommandError;
use crate::document::{Document, bounded_text};

/// A text with what is wrong with it.
struct Judged {
    source: SourceFile,
    found: Diagnostics,
}

/// What was found out about a document.
pub(super) struct Verdict {
    /// The document as it was named.
    pub(super) name: String,
    pub(super) parts: Parts,
    /// The document first, then its templates.
    texts: Vec<Judged>,
}

/// What a valid document consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Parts {
    Workflow {
        workflow: String,
        inputs: Vec<String>,
        nodes: Vec<String>,
        outputs: Vec<String>,
    },
    Template {
        template: String,
        placeholders: Vec<String>,
    },
    /// It is not valid.
    None {},
}

/// Whether a document says that it is a template.
fn is_template(text: &str) -> bool {
    let mut lines = text.lines().map(|line| line.trim_start_matches('\u{feff}'));
    let version = lines.find_map(|line| line.strip_prefix("fenta:"));
    version.is_some_and(|version| {
        version
            .trim_start()
            .trim_start_matches(['"', '\''])
            .starts_with("template/")
    })
}

/// Judges a document. `today` is the day that retirements and schedules are held against.
pub(super) fn judge(document: &Document, today: &str) -> Result<Verdict, CommandError> {
    if is_template(&document.source.text) {
        return template(document);
    }
    let mut found = Diagnostics::new();
    let mut texts = Vec::new();
    let mut parts = Parts::None {};
    match compile(&document.source) {
        Err(problems) => {
            let folder = Path::new(&document.dir);
            let missing = missing_files(&document.source, &|path| folder.join(path).exists());
            found = problems;
            missing.into_iter().for_each(|one| found.push(one));
            found.sort();
        }
        Ok((workflow, warnings)) => {
            let templates = own_templates(document, &workflow)?;
            let facts = LintFacts {
                today: Some(today.to_owned()),
                templates: templates.known,
            };
            let folder = Path::new(&document.dir);
            let missing =
                workflow.missing_files(&BTreeSet::new(), &|path| folder.join(path).exists());
            let lints = lint(&workflow, &document.source, &facts);
            let filled = workflow.check_templates(&templates.parsed);
            for one in warnings
                .into_iter()
                .chain(missing)
                .chain(filled)
                .chain(lints)
            {
                found.push(one);
            }
            found.sort();
            texts = templates.judged;
            parts = parts_of(&workflow);
        }
    }
    texts.insert(
        0,
        Judged {
            source: document.source.clone(),
            found,
        },
    );
    Ok(Verdict {
        name: document.source.name.clone(),
        parts,
        texts,
    })
}

fn parts_of(workflow: &Workflow) -> Parts {
    Parts::Workflow {
        workflow: workflow.name.clone(),
        inputs: workflow.inputs().keys().cloned().collect(),
        nodes: workflow.order().iter().map(ToString::to_string).collect(),
        outputs: workflow.output_names().map(str::to_owned).collect(),
    }
}

fn template(document: &Document) -> Result<Verdict, CommandError> {
    let folder = Path::new(&document.dir);
    let known = extended(&document.source.text, folder)?;
    let (found, parts) =
        match template_source::check(&document.source, &|name| known.get(name).cloned()) {
            Err(problems) => (problems, Parts::None {}),
            Ok((template, warnings)) => {
                let mut found = Diagnostics::new();
                warnings.into_iter().for_each(|warning| found.push(warning));
                let parts = Parts::Template {
                    template: template.name().to_owned(),
                    placeholders: template
                        .placeholders()
                        .iter()
                        .map(|placeholder| placeholder.name.clone())
                        .collect(),
                };
                (found, parts)
            }
        };
    Ok(Verdict {
        name: document.source.name.clone(),
        parts,
        texts: vec![Judged {
            source: document.source.clone(),
            found,
        }],
    })
}

/// The templates of the user's that a workflow names.
struct OwnTemplates {
    /// Those that are right, by the paths as written.
    parsed: BTreeMap<String, Template>,
    /// Their texts and those of what they extend, by the paths as written.
    known: BTreeMap<String, String>,
    judged: Vec<Judged>,
}

fn own_templates(document: &Document, workflow: &Workflow) -> Result<OwnTemplates, CommandError> {
    let mut own = OwnTemplates {
        known: BTreeMap::new(),
        judged: Vec::new(),
        parsed: BTreeMap::new(),
    };
    for written in workflow.own_templates() {
        let path = Path::new(&document.dir).join(&written);
        // That it is missing is said where it is named.
        let Ok(file) = File::open(&path) else {
            continue;
        };
        let text = bounded_text(file, &written)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let known = extended(&text, folder)?;
        let source = SourceFile {
            name: written.clone(),
            text: text.clone(),
        };
        let found = match template_source::check(&source, &|name| known.get(name).cloned()) {
            Err(problems) => problems,
            Ok((template, warnings)) => {
                own.parsed.insert(written.clone(), template);
                let mut all = Diagnostics::new();
                warnings.into_iter().for_each(|one| all.push(one));
                all
            }
        };
        own.judged.push(Judged { source, found });
        own.known.extend(known);
        own.known.insert(written, text);
    }
    Ok(own)
}

/// The texts of the files a template builds on, by the paths as written.
fn extended(text: &str, folder: &Path) -> Result<BTreeMap<String, String>, CommandError> {
    const DEEPEST: usize = 8;
    let mut known = BTreeMap::new();
    let (mut text, mut folder): (String, PathBuf) = (text.to_owned(), folder.to_owned());
    for _ in 0..DEEPEST {
        let asked = std::cell::RefCell::new(None);
        let source = SourceFile {
            name: String::new(),
            text: text.clone(),
        };
        // The judge asks for what `extends` names; whatever else it finds wrong is told later.
        let _ = template_source::check(&source, &|name| {
            asked.borrow_mut().get_or_insert_with(|| name.to_owned());
            None
        });
        let Some(written) = asked.into_inner() else {
            break;
        };
        let path = folder.join(&written);
        let Ok(file) = File::open(&path) else {
            break;
        };
        text = bounded_text(file, &written)?;
        folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        if known.insert(written, text.clone()).is_some() {
            break;
        }
    }
    Ok(known)
}

impl Verdict {
    /// How many findings are that bad.
    pub(super) fn count(&self, severity: Severity) -> usize {
        let of = |judged: &Judged| match severity {
            Severity::Error => judged.found.error_count(),
            Severity::Warning => {
                let found = judged.found.iter();
                found.filter(|one| one.severity == severity).count()
            }
        };
        self.texts.iter().map(of).sum()
    }

    /// Everything found, as a terminal shows it; empty when there is nothing.
    pub(super) fn rendered(&self, color: bool) -> String {
        let texts = self.texts.iter().filter(|judged| !judged.found.is_empty());
        let rendered: Vec<String> = texts
            .map(|judged| judged.found.render(&judged.source, color))
            .collect();
        rendered.join("\n\n")
    }

    /// The same for programs and editors.
    pub(super) fn located(&self) -> Vec<LocatedDiagnostic> {
        let texts = self.texts.iter();
        texts
            .flat_map(|judged| judged.found.located(&judged.source))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_say_what_they_are() {
        assert!(is_template("# my look\nfenta: template/v1\nname: x\n"));
        assert!(is_template("\u{feff}fenta: \"template/v1\"\n"));
        assert!(!is_template("fenta: workflow/v1\nname: template/v1\n"));
        assert!(!is_template(""));
    }
}
