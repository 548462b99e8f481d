//! `fenta validate`: everything that is wrong with documents, and what will hurt later, without executing them.
//!
//! Neighbours: `verdict` finds it out, this shows it. No daemon is asked.

mod verdict;

use std::path::PathBuf;

use fenta_client::api::problem::LocatedDiagnostic;
use fenta_workflows::Severity;
use jiff::Zoned;
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::document::Document;
use verdict::{Parts, Verdict, judge};

/// Check workflows and templates without executing them: mistakes, files that are not there, and warnings about what
/// will hurt later. Nothing is started and no daemon is needed. With --json every document is a line on stdout with all
/// that is wrong with it; the error on stderr does not repeat it.
#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// Workflow and template documents; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// End with 3 for warnings too
    #[arg(long)]
    deny_warnings: bool,
}

/// A document for programs: one line each.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    valid: bool,
    errors: usize,
    warnings: usize,
    #[serde(flatten)]
    parts: &'a Parts,
    diagnostics: Vec<LocatedDiagnostic>,
}

impl ValidateArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let today = Zoned::now().date().to_string();
        let mut verdicts = Vec::new();
        let mut unread = Vec::new();
        for file in &self.files {
            let judged = Document::read(file, &context.settings)
                .and_then(|document| judge(&document, &today));
            match judged {
                Ok(verdict) => verdicts.push(verdict),
                Err(error) => unread.push(error),
            }
        }
        for verdict in &verdicts {
            show(context, verdict)?;
        }
        for error in &unread {
            show_unread(context, error)?;
        }
        let failed: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| verdict.count(Severity::Error) > 0)
            .collect();
        let refused = (!failed.is_empty()).then(|| refused(context, verdicts.len(), &failed));
        let mut errors: Vec<CommandError> = refused.into_iter().chain(unread).collect();
        if let Some(last) = errors.pop() {
            errors.iter().for_each(|error| context.ui.error(error));
            return Err(last);
        }
        let warnings: usize = verdicts
            .iter()
            .map(|verdict| verdict.count(Severity::Warning))
            .sum();
        if self.deny_warnings && warnings > 0 {
            return Err(CommandError::Unreadable {
                message: format!(
                    "{}, and --deny-warnings allows none",
                    plural(warnings, "warning")
                ),
                hint: None,
            });
        }
        Ok(())
    }
}

/// The line of a document that could not be read as text.
fn show_unread(context: &Context, error: &CommandError) -> Result<(), CommandError> {
    let CommandError::Document {
        name,
        errors,
        diagnostics,
        ..
    } = error
    else {
        return Ok(());
    };
    if !context.ui.is_json() {
        return Ok(());
    }
    context.ui.json(&Line {
        file: name,
        valid: false,
        errors: *errors,
        warnings: 0,
        parts: &Parts::None {},
        diagnostics: diagnostics.clone(),
    })
}

fn show(context: &Context, verdict: &Verdict) -> Result<(), CommandError> {
    let ui = &context.ui;
    let (errors, warnings) = (
        verdict.count(Severity::Error),
        verdict.count(Severity::Warning),
    );
    if ui.is_json() {
        if errors > 0 {
            ui.annotations(&verdict.located());
        }
        return ui.json(&Line {
            file: &verdict.name,
            valid: errors == 0,
            errors,
            warnings,
            parts: &verdict.parts,
            diagnostics: verdict.located(),
        });
    }
    // What is wrong is shown with the error that ends the command.
    if errors > 0 {
        return Ok(());
    }
    if warnings > 0 {
        ui.warnings(
            &verdict.rendered(ui.err_style().is_on()),
            &verdict.located(),
        );
    }
    let what = match &verdict.parts {
        Parts::Workflow {
            workflow, nodes, ..
        } => format!("workflow `{workflow}` with {}", plural(nodes.len(), "node")),
        Parts::Template {
            template,
            placeholders,
        } => format!(
            "template `{template}` with {}",
            plural(placeholders.len(), "placeholder")
        ),
        Parts::None {} => String::new(),
    };
    let but = match warnings {
        0 => String::new(),
        some => format!(" ({})", plural(some, "warning")),
    };
    ui.note(&format!(
        "{} {}: {what} is valid{but}",
        ui.err_style().green("ok"),
        verdict.name
    ));
    Ok(())
}

fn refused(context: &Context, files: usize, failed: &[&Verdict]) -> CommandError {
    let color = context.ui.err_style().is_on();
    let rendered: Vec<String> = failed
        .iter()
        .map(|verdict| verdict.rendered(color))
        .collect();
    let name = match failed {
        [one] => one.name.clone(),
        many => format!("each of {} of {files} documents", many.len()),
    };
    CommandError::Document {
        name,
        errors: failed
            .iter()
            .map(|verdict| verdict.count(Severity::Error))
            .sum(),
        rendered: rendered.join("\n\n"),
        // Programs have them on stdout already.
        diagnostics: match context.ui.is_json() {
            true => Vec::new(),
            false => failed
                .iter()
                .flat_map(|verdict| verdict.located())
                .collect(),
        },
    }
}

fn plural(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    }
}
