//! What a job would do: the graph is walked as the runner walks it, but nothing is made.
//!
//! Questions to this machine that only read (which files, which fonts) are asked; everything else is looked up in the
//! cache, a round of the whole graph at a time. `walk` goes through the graph, `unit` is one node or one turn of a
//! `for_each`, `tell` puts it into the words of `fenta_workflows::plan`.

mod money;
mod spans;
mod sums;
mod tell;
mod unit;
mod walk;

use std::sync::Arc;

use fenta_client::api::jobs::CreateJob;
use fenta_client::api::plan::{Plan, PlanRequest};
use fenta_workflows::Scope;

use super::executor::Executor;
use super::freshness::RunTerms;
use super::job_run;
use super::pins;
use super::selection::OptionsError;
use super::submit::{self, SubmitError};
use crate::executors::{Executors, Renderer};
use crate::store::Store;

/// The id expressions see in a plan: there is no job yet.
const NO_JOB: &str = "job_planned";

/// What plans are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Planner {
    pub(super) store: Store,
    pub(super) executor: Executor,
    pub(super) executors: Executors,
    pub(super) renderer: Renderer,
    /// Worker processes at a time.
    pub(super) workers: usize,
}

impl Planner {
    /// What the job of a request would do.
    pub(super) async fn plan(&self, request: PlanRequest) -> Result<Plan, SubmitError> {
        let today = self.today(&request.job);
        let walked = self.walk(&request.job, &today).await?;
        tell::tell(walked, &request, &today).await
    }

    /// Refuses a frozen run that would not find everything in its lock, with all of it at once and before any work.
    pub(super) async fn check_frozen(&self, job: &CreateJob) -> Result<(), SubmitError> {
        if !job.options.frozen {
            return Ok(());
        }
        let today = self.today(job);
        let walked = self.walk(job, &today).await?;
        let setting = &walked.setting;
        pins::check_nodes(&setting.workflow, &setting.selection, &setting.options)?;
        let unpinned: Vec<String> = tell::unpinned(&walked)
            .into_iter()
            .map(|(node, why)| format!("node `{node}`: {why}"))
            .collect();
        if unpinned.is_empty() {
            Ok(())
        } else {
            Err(OptionsError::NotPinned(unpinned).into())
        }
    }

    /// The day a job is of.
    fn today(&self, job: &CreateJob) -> String {
        let today = || self.store.local_date().to_string();
        job.options.date.clone().unwrap_or_else(today)
    }

    async fn walk(&self, job: &CreateJob, today: &str) -> Result<walk::Walked, SubmitError> {
        let tool = self.renderer.tool().await?;
        let request = job.clone();
        let checked = tokio::task::spawn_blocking(move || submit::checked(&request))
            .await
            .map_err(|_| SubmitError::Panicked)??;
        walk::walk(walk::Setting {
            planner: self.clone(),
            workflow: Arc::new(checked.workflow),
            selection: checked.selection,
            options: job.options.clone(),
            began: self.store.now_text(),
            tool: tool.clone(),
            scope: Scope {
                inputs: checked.inputs,
                job: job_run::facts(NO_JOB, today, job),
                ..Scope::default()
            },
        })
        .await
    }
}
