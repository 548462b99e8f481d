//! `fenta graph`: a picture of a workflow.
//!
//! Neighbours: `fenta_workflows::drawing` draws; this chooses the format and knows the terminal.

use std::path::PathBuf;

use clap::ValueEnum;
use fenta_workflows::drawing::{self, Charset, TextOptions};

use super::Context;
use crate::command_error::CommandError;
use crate::document::Document;

/// Draw the graph of a workflow: its nodes, and the values that flow between them.
#[derive(Debug, clap::Args)]
pub(crate) struct GraphArgs {
    /// The workflow document; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to draw
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "FENTA_FORMAT",
        hide_env_values = true
    )]
    format: Format,
    /// Columns the drawing may take; the terminal's when not given, any number in a pipe
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Boxes and lines
    #[default]
    Text,
    /// Boxes and lines of plus, minus and bar only
    Ascii,
    /// A Mermaid flow chart, for Markdown
    Mermaid,
    /// A Graphviz digraph, for `dot -Tsvg`
    Dot,
}

impl GraphArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let document = Document::read(&self.file, &context.settings)?;
        let workflow = document.compile(&context.ui)?;
        if context.ui.is_json() {
            return context.ui.json(&drawing::graph(&workflow));
        }
        let text = match self.format {
            Format::Text => drawing::text(&workflow, &self.options(Charset::Unicode, context)),
            Format::Ascii => drawing::text(&workflow, &self.options(Charset::Ascii, context)),
            Format::Mermaid => drawing::mermaid(&workflow),
            Format::Dot => drawing::dot(&workflow),
        };
        context.ui.result(text.trim_end_matches('\n'))
    }

    fn options(&self, charset: Charset, context: &Context) -> TextOptions {
        TextOptions {
            width: self.width.or_else(|| context.ui.out_width()),
            charset,
        }
    }
}
