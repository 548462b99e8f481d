//! `fenta run`: execute a workflow and wait for its results.
//!
//! Neighbours: `params` reads what was given, `inputs` holds it against the workflow, `follow` waits.

mod inputs;
mod params;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ArgAction;
use clap::builder::FalseyValueParser;
use fenta_client::api::jobs::{CreateJob, OutputValue};
use fenta_workflows::PathBases;

use super::{Context, wait};
use crate::command_error::CommandError;
use crate::document::{Document, unicode};
use crate::follow::{Ending, Followee, Interrupts, follow};
use crate::ui::{Ui, job_lines};

/// Execute a workflow and wait for its results. The paths of the results go to stdout, one a line.
///
/// The document is checked first; nothing starts when something is wrong with it. Work that was done before is not
/// done again. Ctrl-C asks whether to detach or cancel; the job itself runs in the daemon and survives the terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The workflow document; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A value for an input: NAME=VALUE, NAME=@FILE for a file's text, NAME=@@TEXT for a text that begins with @
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Values for inputs from a YAML or JSON file; -p wins over it
    #[arg(
        long,
        value_name = "FILE",
        env = "FENTA_PARAMS_FILE",
        hide_env_values = true
    )]
    params_file: Option<PathBuf>,
    /// The folder relative results go to; the current one by default
    #[arg(
        short,
        long,
        value_name = "DIR",
        env = "FENTA_OUT",
        hide_env_values = true
    )]
    out: Option<PathBuf>,
    /// Submit the job, print its id and do not wait
    #[arg(short, long, env = "FENTA_DETACH", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    detach: bool,
}

impl RunArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let document = Document::read(&self.file, &context.settings)?;
        let workflow = document.compile(&context.ui)?;
        let mut given = params::read(&self.param, self.params_file.as_deref(), &context.settings)?;
        let names = given.keys().map(String::as_str).collect();
        document.check_files(&workflow, &names, &context.ui)?;
        let bases = PathBases {
            workflow_dir: document.dir.clone(),
            caller_dir: unicode(&context.settings.current_dir)?,
        };
        inputs::settle(&workflow, &mut given, &bases, &context.ui)?;
        let width = job_lines::widest(workflow.nodes().keys().map(|id| id.as_str()));
        let job = self.job(context, document, given)?;
        wait(submit(context, job, width, self.detach))
    }

    fn job(
        &self,
        context: &Context,
        document: Document,
        params: BTreeMap<String, String>,
    ) -> Result<CreateJob, CommandError> {
        let out_dir = match &self.out {
            Some(out) => Some(unicode(&context.settings.current_dir.join(out))?),
            None => None,
        };
        Ok(CreateJob {
            workflow: document.into_source(),
            params,
            caller_dir: unicode(&context.settings.current_dir)?,
            out_dir,
        })
    }
}

async fn submit(
    context: &Context,
    job: CreateJob,
    width: usize,
    detach: bool,
) -> Result<(), CommandError> {
    let Context { ui, session, .. } = context;
    let client = session.client(ui).await?;
    let mut interrupts = Interrupts::listen()?;
    let job = client.create_job(&job).await?;
    if detach {
        ui.note(&format!("queued; `fenta logs {} -f` follows it", job.id));
        return if ui.is_json() {
            ui.json(&job)
        } else {
            ui.result(&job.id)
        };
    }
    let followee = Followee {
        job,
        after: 0,
        width,
    };
    finish(context, followee, client, &mut interrupts).await
}

/// Follows a job to its end and prints its results.
pub(super) async fn finish(
    context: &Context,
    followee: Followee,
    client: fenta_client::Client,
    interrupts: &mut Interrupts,
) -> Result<(), CommandError> {
    let Context { ui, session, .. } = context;
    let id = followee.job.id.clone();
    match follow(session, ui, client, interrupts, followee).await? {
        Ending::Completed(outputs) => print_outputs(ui, &outputs),
        Ending::Detached => {
            ui.note(&format!("detached; `fenta logs {id} -f` follows it"));
            ui.result(&id)
        }
    }
}

/// Paths go to stdout, one a line; other values are told with their names. Programs had them in the last event.
fn print_outputs(ui: &Ui, outputs: &[(String, OutputValue)]) -> Result<(), CommandError> {
    if ui.is_json() {
        return Ok(());
    }
    for (name, value) in outputs {
        for text in texts(value) {
            if text.starts_with('/') {
                ui.result(&text)?;
            } else {
                ui.note(&format!("{name}: {text}"));
            }
        }
    }
    Ok(())
}

/// The values inside a value.
fn texts(value: &OutputValue) -> Vec<String> {
    match value {
        OutputValue::Text(text) => vec![text.clone()],
        OutputValue::Number(number) => vec![number.to_string()],
        OutputValue::List(items) => items.iter().flat_map(texts).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_outputs_are_flattened_in_order() {
        let value = OutputValue::List(vec![
            OutputValue::Text("/a".into()),
            OutputValue::List(vec![
                OutputValue::Number(2.0),
                OutputValue::Text("/b".into()),
            ]),
        ]);
        assert_eq!(texts(&value), ["/a", "2", "/b"]);
    }
}
