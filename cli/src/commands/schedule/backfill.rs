//! `fenta schedule backfill`: runs for days of the past, with their price first.

use fenta_client::api::jobs::{CreateJob, RunOptions, WorkflowSource};
use fenta_client::api::plan::PlanRequest;
use fenta_client::api::schedules::{Backfill, Schedule};

use super::{OneSchedule, show};
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::plan::price_of;
use crate::document::Document;

/// Begin runs for days of the past, one after another. Times that had a run are left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    one: OneSchedule,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    from: jiff::civil::Date,
    /// Last day, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    to: jiff::civil::Date,
    /// Only say which times they are and what they cost
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Also times whose run failed, was cancelled, skipped or missed
    #[arg(long)]
    again: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl BackfillArgs {
    /// Does it.
    pub(super) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let client = context.session.client(ui).await?;
        let schedule = client.schedule(&self.one.schedule).await?;
        let mut days = Backfill {
            from: self.from.to_string(),
            to: self.to.to_string(),
            dry_run: true,
            again: self.again,
        };
        let times = client.backfill_schedule(&schedule.id, &days).await?;
        if times.items.is_empty() {
            ui.note("there is nothing to fill in: every time of these days had its run");
            return Ok(());
        }
        let count = times.items.len();
        let price = match job(&schedule, context) {
            Ok(job) => {
                let request = PlanRequest {
                    job,
                    with_timelines: false,
                };
                client.plan(&request).await.ok()
            }
            Err(_) => None,
        };
        let price = price.map_or("not known".to_owned(), |plan| price_of(&plan));
        ui.note(&format!("{count} runs; one: {price}"));
        if self.dry_run {
            return show::times(context, &times);
        }
        if !self.yes {
            let question = format!("Begin {count} runs of {}? [y/N] ", schedule.name);
            match ui.ask(&question)? {
                Some(answer) if answer.trim().eq_ignore_ascii_case("y") => {}
                Some(_) => return Ok(()),
                None => {
                    return Err(CommandError::usage(
                        "nobody is here to say yes",
                        "look with `--dry-run`, then say `--yes`",
                    ));
                }
            }
        }
        days.dry_run = false;
        let begun = client.backfill_schedule(&schedule.id, &days).await?;
        show::times(context, &begun)?;
        ui.note(&format!(
            "follow them with `fenta schedule show {}`",
            schedule.name
        ));
        Ok(())
    }
}

/// What one of its runs asks for, as far as it can be told from here.
fn job(schedule: &Schedule, context: &Context) -> Result<CreateJob, CommandError> {
    let path = schedule.path.clone().unwrap_or_default();
    let document = Document::read(path.as_ref(), &context.settings)?;
    let workflow: WorkflowSource = document.to_source();
    let caller_dir = workflow.dir.clone();
    Ok(CreateJob {
        workflow,
        params: schedule.params.clone(),
        caller_dir,
        out_dir: None,
        options: RunOptions {
            no_cache: true,
            ..RunOptions::default()
        },
    })
}
