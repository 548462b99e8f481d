//! `fenta ps`: running and recent jobs.

use fenta_client::api::jobs::{Job, JobQuery};
use jiff::Timestamp;

use super::Context;
use super::job::job_table;
use crate::command_error::CommandError;

/// Finished jobs shown beside the running ones.
const RECENT: usize = 10;
/// Jobs looked at to find them.
const LOOKED_AT: u32 = 100;

/// Running jobs, and the last ten that ended. `fenta job ls` lists all.
#[derive(Debug, clap::Args)]
pub(crate) struct PsArgs {}

impl PsArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let client = context.session.client(&context.ui).await?;
        let query = JobQuery {
            limit: Some(LOOKED_AT),
            ..JobQuery::default()
        };
        let jobs = current(client.jobs(&query).await?.items);
        show(context, &jobs)
    }
}

/// Prints jobs as the flags want them.
pub(super) fn show(context: &Context, jobs: &[Job]) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return jobs.iter().try_for_each(|job| ui.json(job));
    }
    if ui.is_quiet() {
        return jobs.iter().try_for_each(|job| ui.result(&job.id));
    }
    if jobs.is_empty() {
        ui.note("no jobs");
    }
    ui.table(&job_table(jobs, Timestamp::now()))
}

/// All that run, and the newest of the others.
fn current(jobs: Vec<Job>) -> Vec<Job> {
    let mut ended = 0;
    jobs.into_iter()
        .filter(|job| {
            if !job.state.is_final() {
                return true;
            }
            ended += 1;
            ended <= RECENT
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::JobState;

    use super::*;
    use crate::commands::job::tests::job;

    #[test]
    fn running_jobs_are_never_cut() {
        let mut jobs: Vec<Job> = (0..30).map(|_| job(JobState::Completed)).collect();
        jobs.push(job(JobState::Processing));
        let shown = current(jobs);
        assert_eq!(shown.len(), RECENT + 1);
        assert_eq!(shown[RECENT].state, JobState::Processing);
    }
}
