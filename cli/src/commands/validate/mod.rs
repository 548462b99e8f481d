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
/// will hurt later. Nothing is started and no daemon is needed.
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
        for file in &self.files {
            let document = Document::read(file, &context.settings)?;
            verdicts.push(judge(&document, &today)?);
        }
        for verdict in &verdicts {
            show(context, verdict)?;
        }
        let failed: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| verdict.count(Severity::Error) > 0)
            .collect();
        if !failed.is_empty() {
            return Err(refused(context, verdicts.len(), &failed));
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

fn show(context: &Context, verdict: &Verdict) -> Result<(), CommandError> {
    let ui = &context.ui;
    let (errors, warnings) = (
        verdict.count(Severity::Error),
        verdict.count(Severity::Warning),
    );
    if ui.is_json() {
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
        rendered: rendered.join("\n\n"),
        diagnostics: failed
            .iter()
            .flat_map(|verdict| verdict.located())
            .collect(),
    }
}

fn plural(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    }
}
