//! `fenta template`: look at templates, check them, and see a frame of them.
//!
//! Neighbours: `template_file` reads them; `show` tells what is in one, `preview` makes a still through a job.

mod preview;
mod show;

use fenta_templates::template;
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::template_file::TemplateFile;
use crate::ui::table::{Row, Table};

/// The templates a video is cut with.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TemplateCommand {
    /// List the templates that ship
    List,
    /// Placeholders, canvas and inheritance of a template
    Show(show::ShowArgs),
    /// Check template files
    Validate(ValidateArgs),
    /// Make a still of a template with sample texts over moving backgrounds
    Preview(preview::PreviewArgs),
}

/// Check template files, with everything they extend. Nothing is started and no daemon is needed.
#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// Template files, or names of templates that ship
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct Valid<'a> {
    template: &'a str,
    file: &'a str,
}

impl TemplateCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::List => list(context),
            Self::Show(args) => args.run(context),
            Self::Validate(args) => args.run(context),
            Self::Preview(args) => args.run(context),
        }
    }
}

fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let mut table = Table::new(&["TEMPLATE", "WHAT IT IS"]);
    for name in template::builtin_names() {
        let found = TemplateFile::read(name, &context.settings.current_dir)?.check(ui)?;
        if ui.is_json() {
            ui.json(&Listed {
                name,
                version: found.version(),
                description: found.description(),
            })?;
        } else if ui.is_quiet() {
            ui.result(name)?;
        } else {
            table.row(Row::new().cell(*name).cell(found.description()));
        }
    }
    if ui.is_json() || ui.is_quiet() {
        return Ok(());
    }
    ui.table(&table)
}

impl ValidateArgs {
    /// Every file is checked, whatever is wrong with the ones before it.
    fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut refused = None;
        for name in &self.files {
            match check(name, context) {
                Ok(()) => {}
                Err(error) => refused = Some(joined(refused, error)),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

fn check(name: &str, context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    // A bare name in the current folder is a file when no template ships under it.
    let beside = context.settings.current_dir.join(name).is_file();
    let path = format!("./{name}");
    let shipped = template::builtin(name).is_some();
    let asked = if beside && !shipped && !name.contains('/') {
        &path
    } else {
        name
    };
    let file = TemplateFile::read(asked, &context.settings.current_dir)?;
    let template = file.check(ui)?;
    if ui.is_json() {
        return ui.json(&Valid {
            template: template.name(),
            file: name,
        });
    }
    ui.note(&format!(
        "{} {name}: template `{}` is valid",
        ui.err_style().green("ok"),
        template.name()
    ));
    Ok(())
}

/// Two refusals as one.
fn joined(before: Option<CommandError>, error: CommandError) -> CommandError {
    match (before, error) {
        (
            Some(CommandError::Document {
                name,
                errors,
                rendered,
                mut diagnostics,
            }),
            CommandError::Document {
                name: next,
                errors: other_errors,
                rendered: more,
                diagnostics: others,
            },
        ) => {
            diagnostics.extend(others);
            CommandError::Document {
                name: format!("{name}, {next}"),
                errors: errors + other_errors,
                rendered: format!("{rendered}\n\n{more}"),
                diagnostics,
            }
        }
        (Some(before), _) => before,
        (None, error) => error,
    }
}
