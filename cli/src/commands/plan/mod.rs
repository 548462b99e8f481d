//! `fenta plan`: what a run would do, why, for how long and for how much, before anything is done.
//!
//! Neighbours: `run::request` reads the same flags as `fenta run`; the daemon has the cache and the history; `figures` and
//! `table` only show its answer.

mod figures;
mod table;

use fenta_client::api::plan::{Obstacle, Plan, PlanRequest};

use super::run::request::RequestArgs;
use super::{Context, wait};
use crate::command_error::CommandError;
use table::Detail;

/// On narrower terminals the reasons need the room.
const ROOMY: usize = 90;

/// Show what `fenta run` would do with the same flags: what is in the cache, what would run and why, how long it takes
/// on this machine and what it costs. Nothing is made and no provider is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// List every segment of renders, with what changed in it
    #[arg(long)]
    segments: bool,
    /// List every turn of nodes with for_each
    #[arg(long)]
    items: bool,
    /// End with 6 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
}

impl PlanArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        request.settle(context)?;
        let asked = PlanRequest {
            job: request.job(),
            with_timelines: false,
        };
        let plan = wait(ask(context, &asked))?;
        self.show(context, &plan)?;
        if self.detailed_exitcode && plan.has_work() {
            return Err(CommandError::PlanHasWork);
        }
        Ok(())
    }

    fn show(&self, context: &Context, plan: &Plan) -> Result<(), CommandError> {
        let ui = &context.ui;
        if ui.is_json() {
            return ui.json(plan);
        }
        if ui.is_quiet() {
            let work = plan.nodes.iter().filter(|node| node.status.is_work());
            return work.into_iter().try_for_each(|node| ui.result(&node.node));
        }
        let detail = Detail {
            segments: self.segments,
            items: self.items,
            narrow: ui.out_width().is_some_and(|width| width < ROOMY),
        };
        ui.table(&table::of(plan, detail))?;
        for line in figures::remarks(plan) {
            ui.note(&line);
        }
        for obstacle in &plan.obstacles {
            ui.warn(&said(obstacle));
        }
        Ok(())
    }
}

/// Time, money and limits of a whole plan on one line: `17s, free, render_seconds: 42 needed, no limit`.
pub(super) fn price_of(plan: &Plan) -> String {
    let seconds = figures::seconds(plan.total.seconds, plan.has_work());
    let mut parts = vec![seconds, figures::money(&plan.total.money)];
    parts.extend(figures::remarks(plan));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// The daemon's answer.
pub(super) async fn ask(context: &Context, request: &PlanRequest) -> Result<Plan, CommandError> {
    let client = context.session.client(&context.ui).await?;
    Ok(client.plan(request).await?)
}

/// An obstacle in words.
pub(super) fn said(obstacle: &Obstacle) -> String {
    let node = match obstacle.node.as_str() {
        "" => String::new(),
        node => format!("node `{node}`: "),
    };
    let hint = match obstacle.hint.as_str() {
        "" => String::new(),
        hint => format!("\n  help: {hint}"),
    };
    format!("{node}{}{hint}", obstacle.message)
}
