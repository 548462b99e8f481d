//! `fenta fmt`: documents in the canonical layout.
//!
//! Neighbours: `fenta_workflows::format` lays out and makes sure that nothing else changes; this reads, shows and writes.

use std::path::{Path, PathBuf};

use fenta_client::api::problem::LocatedDiagnostic;
use fenta_workflows::format::{FormatError, format};
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::document::Document;
use crate::replace_file::replace_file;
use crate::ui::diff::unified;

/// Lay out workflows and templates: two spaces of indentation, one blank line at most, comments in place. Order, quotes
/// and texts stay as they are. The names of changed files go to stdout.
#[derive(Debug, clap::Args)]
pub(crate) struct FmtArgs {
    /// The documents; `-` lays out standard input to stdout
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write nothing; end with 6 when a file is not laid out like this
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    file: &'a str,
    changed: bool,
}

/// What is wrong with the documents that could not be laid out.
#[derive(Default)]
struct Refused {
    names: Vec<String>,
    errors: usize,
    rendered: String,
    diagnostics: Vec<LocatedDiagnostic>,
}

impl FmtArgs {
    /// Does it. A document that cannot be read does not keep the others from being laid out.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut refused = Refused::default();
        let mut changed = 0;
        let mut unread = Vec::new();
        for file in &self.files {
            let document = match Document::read(file, &context.settings) {
                Ok(document) => document,
                Err(error) => {
                    unread.push(error);
                    continue;
                }
            };
            match format(&document.source) {
                Ok(text) => {
                    let changes = text != document.source.text;
                    changed += usize::from(changes);
                    self.deliver(context, file, &document, &text)?;
                }
                Err(error) => refused.add(&document, &error, context)?,
            }
        }
        unread.extend(refused.end().err());
        if let Some(last) = unread.pop() {
            unread.iter().for_each(|error| context.ui.error(error));
            return Err(last);
        }
        if self.check && changed > 0 {
            return Err(CommandError::Unformatted { files: changed });
        }
        Ok(())
    }

    fn deliver(
        &self,
        context: &Context,
        file: &Path,
        document: &Document,
        text: &str,
    ) -> Result<(), CommandError> {
        let ui = &context.ui;
        let name = &document.source.name;
        let changed = text != document.source.text;
        let is_stdin = file == Path::new("-");
        let writes = !self.check && !self.diff;
        if writes && is_stdin {
            return ui.text(text.strip_suffix('\n').unwrap_or(text));
        }
        if writes && changed {
            replace_file(&context.settings.current_dir.join(file), text.as_bytes())?;
        }
        if ui.is_json() {
            return ui.json(&Outcome {
                file: name,
                changed,
            });
        }
        if self.diff && changed {
            let diff = unified(name, &document.source.text, text, ui.out_style());
            return ui.result(diff.trim_end_matches('\n'));
        }
        if changed {
            ui.result(name)?;
        }
        Ok(())
    }
}

impl Refused {
    fn add(
        &mut self,
        document: &Document,
        error: &FormatError,
        context: &Context,
    ) -> Result<(), CommandError> {
        let FormatError::Syntax(found) = error else {
            return Err(CommandError::Unreadable {
                message: format!("{}: {error}; it is left as it was", document.source.name),
                hint: None,
            });
        };
        let color = context.ui.err_style().is_on();
        if !self.rendered.is_empty() {
            self.rendered.push_str("\n\n");
        }
        self.rendered
            .push_str(&found.render(&document.source, color));
        self.errors += found.error_count();
        self.diagnostics.extend(found.located(&document.source));
        self.names.push(document.source.name.clone());
        Ok(())
    }

    fn end(self) -> Result<(), CommandError> {
        if self.names.is_empty() {
            return Ok(());
        }
        Err(CommandError::Document {
            name: self.names.join(", "),
            errors: self.errors,
            rendered: self.rendered,
            diagnostics: self.diagnostics,
        })
    }
}
