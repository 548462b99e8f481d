//! `fenta lock`: what `fenta.lock` pins of a document, and whether the document is still that.
//!
//! Neighbours: `lock_file` reads it, `run --lock` writes it, the daemon's plan of a frozen run says what does not fit.

use std::collections::BTreeSet;

use fenta_client::api::jobs::{JobState, Lock};
use fenta_client::api::plan::{Obstacle, PlanRequest};
use serde::Serialize;

use super::plan::{ask, said};
use super::run::pin::pin;
use super::run::request::RequestArgs;
use super::{Context, wait};
use crate::command_error::CommandError;
use crate::lock_file;
use crate::ui::table::{Row, Table};

/// Show what fenta.lock pins of a workflow and whether a frozen run would still find everything as it was pinned.
/// `fenta run FILE --lock` writes it.
#[derive(Debug, clap::Args)]
pub(crate) struct LockArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// End with 3 when a frozen run would be refused
    #[arg(long)]
    check: bool,
    /// Pin what this completed job was made with: an id, a unique prefix of one, or `latest`
    #[arg(long, value_name = "JOB", conflicts_with = "check")]
    job: Option<String>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    path: String,
    lock: &'a Lock,
    valid: bool,
    obstacles: &'a [Obstacle],
}

impl LockArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        let place = lock_file::of(&request.document)?;
        if let Some(job) = &self.job {
            return wait(pin_job(context, &place, request.document.path(), job));
        }
        let lock = place.pinned()?;
        request.settle(context)?;
        let asked = PlanRequest {
            job: request.frozen_job(lock.clone()),
            with_timelines: false,
        };
        let plan = wait(ask(context, &asked))?;
        let ui = &context.ui;
        let stale: BTreeSet<&str> = plan
            .obstacles
            .iter()
            .map(|obstacle| obstacle.node.as_str())
            .collect();
        if ui.is_json() {
            ui.json(&Verdict {
                path: place.path().display().to_string(),
                lock: &lock,
                valid: plan.obstacles.is_empty(),
                obstacles: &plan.obstacles,
            })?;
        } else {
            ui.table(&table(&lock, &stale))?;
            for obstacle in &plan.obstacles {
                ui.warn(&said(obstacle));
            }
        }
        if self.check && !plan.obstacles.is_empty() {
            return Err(CommandError::Unreadable {
                message: format!(
                    "{} does not fit `{}` in {} places",
                    place.path().display(),
                    request.document.source.name,
                    plan.obstacles.len()
                ),
                hint: Some("`fenta run FILE --lock` pins it as it is now".to_owned()),
            });
        }
        Ok(())
    }
}

/// The lock of a job that is done, provided it is a job of this document.
async fn pin_job(
    context: &Context,
    place: &lock_file::LockPlace,
    path: Option<&str>,
    job: &str,
) -> Result<(), CommandError> {
    let client = context.session.client(&context.ui).await?;
    let job = client.job(job).await?;
    if job.path.as_deref() != path {
        return Err(CommandError::usage(
            format!(
                "job {} was made of {}, not of this document",
                job.id,
                job.path.as_deref().unwrap_or("standard input")
            ),
            "`fenta job ls` lists the jobs",
        ));
    }
    if job.state != JobState::Completed {
        return Err(CommandError::usage(
            format!(
                "job {} is {}; only completed jobs are pinned",
                job.id,
                job.state.as_str()
            ),
            format!("`fenta job resume {}` goes on with it", job.id),
        ));
    }
    pin(place, &client, &job.id, &context.ui).await
}

/// A line per node, template and font.
fn table(lock: &Lock, stale: &BTreeSet<&str>) -> Table {
    let mut table = Table::new(&["PINNED", "AS", "MODEL", "RESULTS", "STATE"]);
    for (name, node) in &lock.nodes {
        let turn = format!("{name}[");
        let results = lock
            .results
            .values()
            .filter(|pinned| pinned.node == *name || pinned.node.starts_with(&turn))
            .count();
        let by = [&node.model, &node.voice];
        let by: Vec<&str> = by.into_iter().flatten().map(String::as_str).collect();
        let state = match stale.contains(name.as_str()) {
            true => "changed",
            false => "as pinned",
        };
        table.row(
            Row::new()
                .cell(name)
                .cell(format!("{} version {}", node.kind, node.version))
                .cell(by.join(", "))
                .cell(results.to_string())
                .cell(state),
        );
    }
    let templates = lock.templates.iter();
    let files = templates
        .map(|(name, digest)| (format!("template {name}"), digest.clone(), digest))
        .map(|(name, whole, digest)| (name, whole, digest.chars().take(12).collect()));
    let fonts = lock
        .fonts
        .iter()
        .map(|(name, digest)| (format!("font {name}"), digest.to_string(), digest.short()));
    for (name, whole, short) in files.chain(fonts) {
        table.row(
            Row::new()
                .cell(name)
                .both(short, whole)
                .cell("")
                .cell("")
                .cell(""),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn results_are_counted_by_their_node() {
        let json = r#"{"fenta":"0.1.0","nodes":{"voice":{"type":"Voice.TTS","version":2,"voice":"slt"},"cut":{"type":"Edit.Timeline","version":1}},"templates":{"daily":"abcdefabcdefabcdef"},"results":{"a":{"node":"voice[0]","action":"speak","result":"x"},"b":{"node":"voice","action":"speak","result":"y"},"c":{"node":"voice2","action":"speak","result":"z"}}}"#;
        let lock: Lock = serde_json::from_str(json).unwrap();
        assert_eq!(lock.fonts, BTreeMap::new());
        assert_eq!(
            table(&lock, &BTreeSet::from(["cut"])).for_pipes(),
            "cut\tEdit.Timeline version 1\t\t0\tchanged\n\
             voice\tVoice.TTS version 2\tslt\t2\tas pinned\n\
             template daily\tabcdefabcdefabcdef\t\t\t"
        );
    }
}
