//! `fenta ps`: running and recent jobs.

use fenta_client::Client;
use fenta_client::api::jobs::{Job, JobQuery, JobState};
use fenta_client::api::schedules::ScheduleState;
use fenta_client::api::watches::{FileState, WatchState};
use jiff::Timestamp;

use super::Context;
use super::job::job_table;
use crate::command_error::CommandError;

/// Finished jobs shown beside the running ones.
const RECENT: usize = 10;
/// Jobs looked at to find them.
const LOOKED_AT: u32 = 100;

/// Queued jobs shown beside the running ones.
const QUEUED: usize = 20;
/// What is never cut, however many newer jobs there are.
const IN_WORK: [JobState; 3] = [
    JobState::Processing,
    JobState::Waiting,
    JobState::NeedsAttention,
];

/// Running jobs, the last ten that ended and the newest that are queued. `fenta job ls` lists all.
#[derive(Debug, clap::Args)]
pub(crate) struct PsArgs {
    /// Only jobs this schedule began: its name, its id or a unique prefix of it
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// Only jobs this watch began: its name, its id or a unique prefix of it
    #[arg(long, value_name = "WATCH", conflicts_with = "schedule")]
    watch: Option<String>,
}

/// Runs of a schedule or a watch that are looked at.
const RUNS: u32 = 50;

impl PsArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        if let Some(schedule) = &self.schedule {
            return of_schedule(context, schedule).await;
        }
        if let Some(watch) = &self.watch {
            return of_watch(context, watch).await;
        }
        let library = context.session.library(&context.ui).await?;
        let client = library.client();
        let page = async |state| {
            let query = JobQuery {
                limit: Some(LOOKED_AT),
                state,
                ..JobQuery::default()
            };
            client.jobs(&query).await.map(|page| page.items)
        };
        let mut jobs = page(None).await?;
        // Those in work may be older than a long queue behind them.
        for state in IN_WORK {
            for job in page(Some(state)).await? {
                if jobs.iter().all(|known| known.id != job.id) {
                    jobs.push(job);
                }
            }
        }
        show(context, &current(jobs))?;
        if !context.ui.is_json() && !context.ui.is_quiet() {
            to_come(context, client).await;
        }
        Ok(())
    }
}

/// What begins jobs by itself, and when. A daemon that only lets people look knows nothing of it, which is no reason to
/// say nothing about jobs.
async fn to_come(context: &Context, client: &Client) {
    let ui = &context.ui;
    for one in client.schedules().await.unwrap_or_default().items {
        match (one.state, &one.next) {
            (ScheduleState::Active, Some(next)) => {
                ui.note(&format!("schedule {}: next at {}", one.name, next.local));
            }
            (ScheduleState::Paused, _) => {
                ui.note(&format!("schedule {} is paused: {}", one.name, one.reason));
            }
            _ => {}
        }
    }
    for one in client.watches().await.unwrap_or_default().items {
        let open = [FileState::Seen, FileState::Growing, FileState::Settling]
            .into_iter()
            .chain([FileState::Probing, FileState::Ready, FileState::Queued]);
        let coming: u64 = open.filter_map(|state| one.files.get(state.as_str())).sum();
        let state = match one.state {
            WatchState::Active => format!("{coming} files on the way"),
            WatchState::Paused => format!("paused: {}", one.reason),
        };
        ui.note(&format!(
            "watch {} of {}: {state}",
            one.name, one.rule.folder
        ));
    }
}

async fn of_schedule(context: &Context, schedule: &str) -> Result<(), CommandError> {
    let client = context.session.client(&context.ui).await?;
    let runs = client.schedule_runs(schedule, RUNS).await?;
    of_runs(
        context,
        &client,
        runs.iter().filter_map(|run| run.job.as_ref()),
    )
    .await
}

async fn of_watch(context: &Context, watch: &str) -> Result<(), CommandError> {
    let client = context.session.client(&context.ui).await?;
    let runs = client.watch_runs(watch, RUNS).await?;
    of_runs(
        context,
        &client,
        runs.iter().filter_map(|run| run.job.as_ref()),
    )
    .await
}

async fn of_runs(
    context: &Context,
    client: &Client,
    ids: impl Iterator<Item = &String>,
) -> Result<(), CommandError> {
    let mut jobs = Vec::new();
    for id in ids {
        jobs.push(client.job(id).await?);
    }
    show(context, &jobs)
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

/// All that are in work, and the newest of the others.
fn current(mut jobs: Vec<Job>) -> Vec<Job> {
    // Ids are in the order of the jobs.
    jobs.sort_by(|one, other| other.id.cmp(&one.id));
    let (mut ended, mut queued) = (0, 0);
    jobs.into_iter()
        .filter(|job| match job.state {
            state if IN_WORK.contains(&state) => true,
            JobState::Queued => {
                queued += 1;
                queued <= QUEUED
            }
            _ => {
                ended += 1;
                ended <= RECENT
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::job::tests::job;

    #[test]
    fn running_jobs_are_never_cut() {
        let mut jobs: Vec<Job> = (0..30).map(|_| job(JobState::Completed)).collect();
        jobs.extend((0..70).map(|_| job(JobState::Queued)));
        for (index, state) in IN_WORK.into_iter().enumerate() {
            let mut one = job(state);
            one.id = format!("job_0000000000000000000000000000000{index}");
            jobs.push(one);
        }
        let shown = current(jobs);
        assert_eq!(shown.len(), RECENT + QUEUED + IN_WORK.len());
        let last: Vec<JobState> = shown.iter().rev().map(|job| job.state).take(3).collect();
        assert_eq!(last, IN_WORK, "the oldest, and still shown");
    }
}
