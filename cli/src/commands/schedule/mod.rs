//! `fenta schedule`: workflows that begin by the clock.
//!
//! Neighbours: `add` makes them, `needs` says what they use in a month, `backfill` fills in days of the past, `show` prints
//! schedules, times and runs; the daemon keeps the clock.

mod add;
mod backfill;
mod needs;
mod show;

use fenta_client::api::schedules::{PauseSchedule, ScheduledTimes};
use fenta_workflows::cron::{ClockChange, CronTimes};
use jiff::Timestamp;

use super::Context;
use super::automation::{show_notices, warn_of_durability};
use crate::command_error::CommandError;
use crate::document::Document;

/// Begin workflows by the clock.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Keep the schedules a workflow writes, or one given here
    Add(Box<add::AddArgs>),
    /// List schedules and their next times
    Ls,
    /// One schedule with its newest runs
    Show(ShowArgs),
    /// The next times of a schedule, of a workflow or of a cron line
    Next(NextArgs),
    /// Begin no more runs until it is resumed
    Pause(PauseArgs),
    /// Begin runs again, from now on
    Resume(OneSchedule),
    /// Begin a run now
    Trigger(OneSchedule),
    /// Begin runs for days of the past, one after another
    Backfill(backfill::BackfillArgs),
    /// Forget a schedule; its jobs and results stay
    Rm(OneSchedule),
}

/// A schedule.
#[derive(Debug, clap::Args)]
pub(crate) struct OneSchedule {
    /// Its name, its id or a unique prefix of it
    #[arg(value_name = "SCHEDULE")]
    schedule: String,
}

/// A schedule with its newest runs.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    one: OneSchedule,
    /// At most this many runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    runs: u32,
}

/// Next times.
#[derive(Debug, clap::Args)]
pub(crate) struct NextArgs {
    /// A schedule, a workflow document, or a cron line in quotes
    #[arg(value_name = "SCHEDULE|FILE|CRON")]
    what: String,
    /// How many times
    #[arg(short = 'n', long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// The time zone of a cron line, for example Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// Pause a schedule.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    one: OneSchedule,
    /// Why, for those who look later
    #[arg(long, default_value = "")]
    reason: String,
}

impl ScheduleCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        match self {
            Self::Add(args) => args.run(context).await,
            Self::Ls => {
                let client = context.session.client(ui).await?;
                let items = client.schedules().await?.items;
                show::list(context, &items)?;
                if !items.is_empty() {
                    warn_of_durability(context);
                }
                Ok(())
            }
            Self::Show(args) => {
                let client = context.session.client(ui).await?;
                let schedule = client.schedule(&args.one.schedule).await?;
                let runs = client.schedule_runs(&schedule.id, args.runs).await?;
                show::one(context, &schedule, &runs)?;
                show_notices(context, &client, &schedule.id).await
            }
            Self::Next(args) => args.run(context).await,
            Self::Pause(args) => {
                let client = context.session.client(ui).await?;
                let why = PauseSchedule {
                    reason: args.reason,
                };
                let paused = client.pause_schedule(&args.one.schedule, &why).await?;
                show::changed(context, &paused, "is paused")
            }
            Self::Resume(one) => {
                let client = context.session.client(ui).await?;
                let resumed = client.resume_schedule(&one.schedule).await?;
                show::changed(context, &resumed, "begins runs again")
            }
            Self::Trigger(one) => {
                let client = context.session.client(ui).await?;
                let run = client.trigger_schedule(&one.schedule).await?;
                show::triggered(context, &run)
            }
            Self::Backfill(args) => args.run(context).await,
            Self::Rm(one) => {
                let client = context.session.client(ui).await?;
                let removed = client.remove_schedule(&one.schedule).await?;
                show::changed(context, &removed, "is removed; its jobs stay")
            }
        }
    }
}

impl NextArgs {
    async fn run(self, context: &Context) -> Result<(), CommandError> {
        let now = Timestamp::now();
        if is_cron(&self.what) {
            let zone = self.timezone.as_deref().ok_or_else(|| {
                CommandError::usage(
                    "a cron line needs a time zone: nobody knows whose 7:00 is meant",
                    "write `--timezone Europe/Berlin`",
                )
            })?;
            let times = times(&self.what, zone, now)?;
            return show::times(context, &upcoming(&times, now, self.count));
        }
        if let Some(zone) = self.timezone {
            return Err(CommandError::usage(
                format!("`{}` has a time zone of its own, not {zone}", self.what),
                "leave `--timezone` out",
            ));
        }
        if std::path::Path::new(&self.what).extension().is_some() {
            let document = Document::read(self.what.as_ref(), &context.settings)?;
            let workflow = document.compile(&context.ui)?;
            let written = &workflow.settings().schedules;
            if written.is_empty() {
                return Err(no_schedule(&document.source.name));
            }
            for schedule in written {
                context
                    .ui
                    .note(&format!("{} {}", schedule.cron, schedule.timezone));
                let times = times(&schedule.cron, &schedule.timezone, now)?;
                show::times(context, &upcoming(&times, now, self.count))?;
            }
            return Ok(());
        }
        let client = context.session.client(&context.ui).await?;
        let next = client.schedule_next(&self.what, self.count).await?;
        show::times(context, &next)
    }
}

/// A cron line has spaces between its fields, or is one word with an `@`.
fn is_cron(text: &str) -> bool {
    text.starts_with('@')
        || text.split_whitespace().count() > 1 && !text.contains('/')
        || text.split_whitespace().count() >= 4
}

/// The times of a line, or what is wrong with it: the place, the range, and the next times of the nearest right line.
fn times(cron: &str, zone: &str, now: Timestamp) -> Result<CronTimes, CommandError> {
    let error = match CronTimes::new(cron, zone) {
        Ok(times) => return Ok(times),
        Err(error) => error,
    };
    let mut message = error.message;
    if let Some(slip) = fenta_workflows::cron::check(cron)
        .err()
        .and_then(|slips| slips.into_iter().next())
    {
        let before = cron.get(..slip.start).unwrap_or_default().chars().count();
        let wrong = cron
            .get(slip.start..slip.end)
            .unwrap_or_default()
            .chars()
            .count();
        message = format!(
            "{message}\n  {cron}\n  {}{}",
            " ".repeat(before),
            "^".repeat(wrong.max(1))
        );
    }
    let nearest = fenta_workflows::cron::repaired(cron)
        .filter(|line| line != cron)
        .and_then(|line| Some((CronTimes::new(&line, zone).ok()?, line)));
    let hint = match nearest {
        Some((times, line)) => {
            let next: Vec<String> = upcoming(&times, now, 3)
                .items
                .into_iter()
                .map(|time| time.local)
                .collect();
            format!("{}; `{line}` would run at {}", error.hint, next.join(", "))
        }
        None => error.hint,
    };
    Err(CommandError::usage(message, hint))
}

fn upcoming(times: &CronTimes, now: Timestamp, count: u32) -> ScheduledTimes {
    let mut at = now;
    let mut items = Vec::new();
    for _ in 0..count {
        let Some(next) = times.next_after(at) else {
            break;
        };
        items.push(show::time(times, next));
        at = next;
    }
    ScheduledTimes { items }
}

fn minutes(change: ClockChange) -> i64 {
    match change {
        ClockChange::Forward(minutes) => minutes,
        ClockChange::Back(minutes) => -minutes,
    }
}

fn no_schedule(name: &str) -> CommandError {
    CommandError::usage(
        format!("{name} writes no schedule"),
        "write `schedule: { cron: \"0 7 * * 1-5\", timezone: Europe/Berlin }` in it, or give `--cron` and `--timezone`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_lines_are_told_from_names_and_files() {
        for line in ["0 7 * * 1-5", "@daily", "*/5 * * * *", "0 7 * *"] {
            assert!(is_cron(line), "{line}");
        }
        for other in [
            "daily-short",
            "sch_0198",
            "daily.yaml",
            "my videos/daily.yaml",
        ] {
            assert!(!is_cron(other), "{other}");
        }
    }

    #[test]
    fn a_wrong_line_is_shown_with_its_place_and_the_next_times_of_the_nearest_right_one() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let error = times("0 25 * * *", "Europe/Berlin", now).unwrap_err();
        let CommandError::Usage { message, hint } = error else {
            panic!()
        };
        assert_eq!(message, "the hour cannot be 25\n  0 25 * * *\n    ^^");
        let hint = hint.unwrap();
        assert!(hint.contains("0 to 23"), "{hint}");
        assert!(
            hint.contains(
                "`0 23 * * *` would run at 2026-11-22T23:00+01:00, 2026-11-23T23:00+01:00"
            ),
            "{hint}"
        );
    }
}
