//! `fenta run`: execute a workflow and wait for its results.
//!
//! Neighbours: `request` reads the document and its values, `batch` executes it once per row, `follow` waits.

pub(crate) mod batch;
mod inputs;
mod params;
pub(super) mod request;

use clap::ArgAction;
use clap::builder::FalseyValueParser;
use fenta_client::api::jobs::{CreateJob, OutputValue};

use super::{Context, wait};
use crate::command_error::CommandError;
use crate::follow::{Ending, Followee, Interrupts, follow};
use crate::ui::{Ui, job_lines};
use batch::BatchArgs;
use request::RequestArgs;

/// Execute a workflow and wait for its results. The paths of the results go to stdout, one a line.
///
/// The document is checked first; nothing starts when something is wrong with it. Work that was done before is not
/// done again. Ctrl-C asks whether to detach or cancel; the job itself runs in the daemon and survives the terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Submit the job, print its id and do not wait
    #[arg(short, long, env = "FENTA_DETACH", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    detach: bool,
    #[command(flatten)]
    batch: BatchArgs,
}

impl RunArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        if self.batch.is_wanted() {
            if self.detach {
                return Err(CommandError::usage(
                    "a batch cannot be detached: its rows are started by this command",
                    "leave out --detach",
                ));
            }
            return self.batch.run(context, &request);
        }
        if let Some(flag) = self.batch.without_rows() {
            return Err(CommandError::usage(
                format!("{flag} is for batches"),
                "add --batch FILE or --matrix NAME=A,B,C",
            ));
        }
        request.settle(context)?;
        let width = job_lines::widest(request.workflow.nodes().keys().map(|id| id.as_str()));
        wait(submit(context, request.job(), width, self.detach))
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
