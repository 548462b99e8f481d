//! `fenta schedule add`: keeps the schedules a document writes, or one given on the command line.

use fenta_client::api::plan::PlanRequest;
use fenta_client::api::schedules::{CatchUp, CreateSchedules, Notify, Overlap, ScheduleRule};
use jiff::Timestamp;

use super::{needs, no_schedule, show, times};
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::automation::{NotifyArgs, warn_of_durability, word};
use crate::commands::run::request::RequestArgs;

/// Keep schedules. A document that was added before has its schedules brought up to date.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Minute, hour, day, month and weekday, for example "0 7 * * 1-5", instead of what the workflow writes
    #[arg(long, value_name = "CRON", requires = "timezone")]
    cron: Option<String>,
    /// The time zone it is meant in, for example Europe/Berlin
    #[arg(long, value_name = "ZONE", requires = "cron")]
    timezone: Option<String>,
    /// Which runs that were missed are made good: none, latest, or all (the last seven)
    #[arg(long, value_name = "WHICH", requires = "cron", value_parser = word::<CatchUp>)]
    catch_up: Option<CatchUp>,
    /// When one is due while one runs: skip, buffer_one, buffer_all, cancel_other, terminate_other, allow_all
    #[arg(long, value_name = "RULE", requires = "cron", value_parser = word::<Overlap>)]
    overlap: Option<Overlap>,
    /// Longest delay by chance, for example 5m
    #[arg(long, value_name = "TIME", requires = "cron", value_parser = fenta_workflows::view::time)]
    jitter: Option<u64>,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", requires = "cron")]
    start: Option<jiff::civil::Date>,
    /// Last day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", requires = "cron")]
    end: Option<jiff::civil::Date>,
    /// What it is called; the workflow's name by default
    #[arg(long)]
    name: Option<String>,
    /// Run the document as it is now, whatever becomes of the file
    #[arg(long)]
    pin: bool,
    /// Pause after so many failed runs in a row; 0 for never
    #[arg(long, value_name = "N", default_value_t = 3)]
    pause_after: u32,
    #[command(flatten)]
    notify: NotifyArgs,
}

impl AddArgs {
    /// Does it.
    pub(super) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        let rule = self.rule()?;
        if rule.is_some() {
            request.settle(context)?;
        } else if request.workflow.settings().schedules.is_empty() {
            return Err(no_schedule(&request.document.source.name));
        }
        let job = request.job();
        let client = context.session.client(&context.ui).await?;
        let made = client
            .create_schedules(&CreateSchedules {
                workflow: job.workflow.clone(),
                params: job.params.clone(),
                caller_dir: job.caller_dir.clone(),
                out_dir: job.out_dir.clone(),
                options: job.options.clone(),
                rule,
                notify: self.notify.read(context)?,
                name: self.name.clone(),
                pinned: self.pin,
                pause_after: self.pause_after,
            })
            .await?;
        for schedule in &made.items {
            show::changed(context, schedule, "is kept")?;
            let mut job = job.clone();
            job.params = schedule.params.clone();
            job.options.no_cache = true;
            let plan = client
                .plan(&PlanRequest {
                    job,
                    with_timelines: false,
                })
                .await;
            // What it would cost is good to know; it is no reason against keeping it.
            if let Ok(plan) = plan {
                needs::tell(context, &client, schedule, &plan).await;
            }
        }
        warn_of_durability(context);
        Ok(())
    }

    fn rule(&self) -> Result<Option<ScheduleRule>, CommandError> {
        let (Some(cron), Some(timezone)) = (&self.cron, &self.timezone) else {
            return Ok(None);
        };
        times(cron, timezone, Timestamp::now())?;
        Ok(Some(ScheduleRule {
            cron: cron.clone(),
            timezone: timezone.clone(),
            catch_up: self.catch_up.unwrap_or_default(),
            overlap: self.overlap.unwrap_or_default(),
            jitter_ms: self.jitter.unwrap_or_default(),
            start: self.start.map(|day| day.to_string()),
            end: self.end.map(|day| day.to_string()),
            notify: Notify::default(),
        }))
    }
}
