//! `fenta run`: execute a workflow and wait for its results.
//!
//! Neighbours: `request` reads the document and its values, `batch` executes it once per row, `follow` waits.

pub(crate) mod batch;
mod inputs;
mod params;
pub(super) mod pin;
mod remote;
pub(super) mod request;
mod selection;
mod view;

use std::path::PathBuf;

use clap::ArgAction;
use clap::builder::FalseyValueParser;
use fenta_client::api::jobs::{CreateJob, Job, OutputValue};

use super::recording::write_trace;
use super::{Context, wait};
use crate::command_error::CommandError;
use crate::follow::{Ending, Followee, Interrupts, follow};
use crate::lock_file::LockPlace;
use crate::ui::{Ui, job_lines};
use batch::BatchArgs;
use request::{Request, RequestArgs};
use view::ViewArgs;

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
    /// Pin what the results were made with in fenta.lock beside the document; `--frozen` uses it
    #[arg(long, conflicts_with_all = ["detach", "frozen"])]
    lock: bool,
    /// Write when what ran here afterwards, for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE", conflicts_with = "detach")]
    trace_out: Option<PathBuf>,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    batch: BatchArgs,
}

impl RunArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        request.options.view = self.view.view();
        if self.lock && !request.options.view.is_whole() {
            return Err(CommandError::usage(
                "a draft or a part cannot be pinned: fenta.lock pins the whole video",
                "leave out --lock",
            ));
        }
        if self.batch.is_wanted() {
            if self.lock {
                return Err(CommandError::usage(
                    "a batch cannot be pinned: fenta.lock pins one run of a document",
                    "leave out --lock",
                ));
            }
            if self.detach {
                return Err(CommandError::usage(
                    "a batch cannot be detached: its rows are started by this command",
                    "leave out --detach",
                ));
            }
            if self.trace_out.is_some() {
                return Err(CommandError::usage(
                    "a batch has a trace for every row",
                    "leave out --trace-out; `fenta job export JOB --format trace` writes one of them",
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
        let lock = pin::place(self.lock, &self.request.selection, &request, &context.ui)?;
        if context.session.remote()?.is_some() {
            return self.elsewhere(context, &request, width);
        }
        let mut job = request.job();
        if !request.options.view.is_whole() {
            // Later runs compare themselves with the last run of the document, and this is less than one.
            job.workflow.path = None;
        }
        let submission = Submission {
            job,
            width,
            detach: self.detach,
            lock,
            trace: self
                .trace_out
                .map(|path| context.settings.current_dir.join(path)),
        };
        wait(submission.submit(context))
    }
}

impl RunArgs {
    /// The same on the server of a context.
    fn elsewhere(
        &self,
        context: &Context,
        request: &Request,
        width: usize,
    ) -> Result<(), CommandError> {
        if self.lock || request.options.frozen {
            return Err(CommandError::usage(
                "a run on a server cannot be pinned or frozen: fenta.lock pins what this machine made",
                "leave out --lock and --frozen, or run it here",
            ));
        }
        if self.trace_out.is_some() {
            return Err(CommandError::usage(
                "a trace is of this machine's daemon",
                "`fenta job export JOB --format trace --context NAME` writes that of a job there",
            ));
        }
        wait(self.submit_elsewhere(context, request, width))
    }

    async fn submit_elsewhere(
        &self,
        context: &Context,
        request: &Request,
        width: usize,
    ) -> Result<(), CommandError> {
        let Context {
            ui,
            session,
            settings,
        } = context;
        let client = session.client(ui).await?;
        let mut job = remote::prepare(request, &client, ui).await?;
        if !request.options.view.is_whole() {
            job.workflow.path = None;
        }
        let mut interrupts = Interrupts::listen()?;
        let job = client.create_job(&job).await?;
        if self.detach {
            return detached(ui, &job, None);
        }
        let id = job.id.clone();
        let followee = Followee {
            job,
            after: 0,
            width,
        };
        match follow(session, ui, client.clone(), &mut interrupts, followee).await? {
            Ending::Completed(outputs) => {
                let out_dir = request
                    .out_dir
                    .as_ref()
                    .map_or_else(|| settings.current_dir.clone(), PathBuf::from);
                let outputs = remote::fetch(&client, &id, &out_dir, outputs).await?;
                print_outputs(ui, &outputs)
            }
            Ending::Detached => {
                ui.note(&format!("detached; `fenta logs {id} -f` follows it"));
                ui.result(&id)
            }
        }
    }
}

/// Executes a job to its end and prints its results.
pub(super) async fn execute(
    context: &Context,
    job: CreateJob,
    width: usize,
) -> Result<(), CommandError> {
    let submission = Submission {
        job,
        width,
        detach: false,
        lock: None,
        trace: None,
    };
    submission.submit(context).await
}

/// A job on its way to the daemon.
struct Submission {
    job: CreateJob,
    /// The width of its nodes' names.
    width: usize,
    detach: bool,
    /// Where to pin what it makes.
    lock: Option<LockPlace>,
    /// Where to write when what ran.
    trace: Option<PathBuf>,
}

impl Submission {
    async fn submit(self, context: &Context) -> Result<(), CommandError> {
        let Context { ui, session, .. } = context;
        let client = session.client(ui).await?;
        let mut interrupts = Interrupts::listen()?;
        let job = client.create_job(&self.job).await?;
        if self.detach {
            return detached(ui, &job, self.lock.as_ref());
        }
        let id = job.id.clone();
        let followee = Followee {
            job,
            after: 0,
            width: self.width,
        };
        let finished = finish(context, followee, client, &mut interrupts).await;
        if let Some(path) = &self.trace {
            // How the job ended matters more than a file that could not be written.
            let written = write_trace(context, &id, path).await;
            if finished.is_ok() {
                written?;
            }
        }
        let completed = finished?;
        match &self.lock {
            Some(place) if completed => pin::pin(place, &session.again().await?, &id, ui).await,
            _ => Ok(()),
        }
    }
}

fn detached(ui: &Ui, job: &Job, lock: Option<&LockPlace>) -> Result<(), CommandError> {
    ui.note(&format!("queued; `fenta logs {} -f` follows it", job.id));
    if lock.is_some() {
        ui.note(&format!(
            "fenta.lock stays as it is; `fenta lock FILE --job {}` pins the job when it is done",
            job.id
        ));
    }
    if ui.is_json() {
        ui.json(job)
    } else {
        ui.result(&job.id)
    }
}

/// Follows a job to its end and prints its results. False when it was left to itself before that.
pub(super) async fn finish(
    context: &Context,
    followee: Followee,
    client: fenta_client::Client,
    interrupts: &mut Interrupts,
) -> Result<bool, CommandError> {
    let Context { ui, session, .. } = context;
    let id = followee.job.id.clone();
    match follow(session, ui, client, interrupts, followee).await? {
        Ending::Completed(outputs) => print_outputs(ui, &outputs).map(|()| true),
        Ending::Detached => {
            ui.note(&format!("detached; `fenta logs {id} -f` follows it"));
            ui.result(&id).map(|()| false)
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
        OutputValue::List(items) => items.iter().flat_map(texts).collect(),
        one => vec![one.to_string()],
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
