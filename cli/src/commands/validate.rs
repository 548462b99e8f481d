//! `fenta validate`: everything that is wrong with a document, without executing it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::document::Document;

/// Check a workflow without executing it. Nothing is started and no daemon is needed.
#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// The workflow document; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Valid<'a> {
    workflow: &'a str,
    inputs: Vec<&'a str>,
    nodes: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

impl ValidateArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let document = Document::read(&self.file, &context.settings)?;
        let workflow = document.compile(&context.ui)?;
        document.check_files(&workflow, &BTreeSet::new(), &context.ui)?;
        if context.ui.is_json() {
            return context.ui.json(&Valid {
                workflow: &workflow.name,
                inputs: workflow.inputs().keys().map(String::as_str).collect(),
                nodes: workflow.order().iter().map(|id| id.as_str()).collect(),
                outputs: workflow.output_names().collect(),
            });
        }
        let nodes = workflow.nodes().len();
        let plural = if nodes == 1 { "" } else { "s" };
        context.ui.note(&format!(
            "{} {}: workflow `{}` with {nodes} node{plural} is valid",
            context.ui.err_style().green("ok"),
            document.source.name,
            workflow.name
        ));
        Ok(())
    }
}
