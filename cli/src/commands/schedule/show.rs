//! Schedules, times and runs for people and for programs.

use fenta_client::api::schedules::{
    Schedule, ScheduleRun, ScheduleRunState, ScheduleState, ScheduledTime, ScheduledTimes,
};
use fenta_workflows::cron::CronTimes;
use jiff::Timestamp;

use super::minutes;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::automation::{cost, mark, marked_json, tells, word_of};
use crate::commands::service::is_installed;
use crate::ui::table::{Row, Table, Tint};

/// All schedules.
pub(super) fn list(context: &Context, items: &[Schedule]) -> Result<(), CommandError> {
    let ui = &context.ui;
    let durable = is_installed(context);
    if ui.is_json() {
        return marked_json(ui, items, durable);
    }
    if ui.is_quiet() {
        return items.iter().try_for_each(|one| ui.result(&one.id));
    }
    if items.is_empty() {
        ui.note("no schedules; `fenta schedule add FILE` makes them from a workflow");
    }
    ui.table(&table(items, durable))
}

fn table(items: &[Schedule], durable: bool) -> Table {
    let mut table = Table::new(&[
        "NAME", "CRON", "ZONE", "STATE", "NEXT", "LAST", "FAILED", "DURABLE",
    ]);
    for one in items {
        let tint = match one.state {
            ScheduleState::Active => Tint::Good,
            ScheduleState::Paused => Tint::Busy,
            ScheduleState::Ended => Tint::Faint,
        };
        let next = one.next.as_ref();
        let failures = match one.failures {
            0 => String::new(),
            count => format!("{count} in a row"),
        };
        table.row(
            Row::new()
                .both(&one.name, &one.name)
                .program(&one.id)
                .cell(&one.rule.cron)
                .cell(&one.rule.timezone)
                .tinted(one.state.as_str(), one.state.as_str(), tint)
                .both(
                    next.map_or(String::new(), |next| local(&next.local)),
                    next.map_or("", |next| &next.at),
                )
                .both(
                    one.last.as_ref().map_or(String::new(), outcome),
                    one.last.as_ref().map_or("", |last| &last.due_at),
                )
                .both(failures, one.failures.to_string())
                .cell(mark(durable)),
        );
    }
    table
}

/// A schedule with its runs.
pub(super) fn one(
    context: &Context,
    schedule: &Schedule,
    runs: &[ScheduleRun],
) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        ui.json(schedule)?;
        return runs.iter().try_for_each(|run| ui.json(run));
    }
    if ui.is_quiet() {
        return ui.result(&schedule.id);
    }
    let mut facts = Table::new(&["", ""]);
    for (name, value) in told(schedule) {
        facts.row(Row::new().cell(name).cell(value));
    }
    ui.table(&facts)?;
    let mut table = Table::new(&["DUE", "WHY", "STATE", "JOB", "COST", "DETAIL"]);
    for run in runs {
        let detail = if run.outputs.is_empty() {
            run.reason.clone()
        } else {
            run.outputs.join(", ")
        };
        table.row(
            Row::new()
                .both(local(&run.local), &run.due_at)
                .cell(run.kind.as_str().replace('_', " "))
                .tinted(outcome(run), outcome(run), tint(run))
                .cell(run.job.clone().unwrap_or_default())
                .both(
                    cost(run.usd.as_deref()),
                    run.usd.clone().unwrap_or_default(),
                )
                .cell(detail),
        );
    }
    ui.table(&table)
}

fn told(schedule: &Schedule) -> Vec<(&'static str, String)> {
    let rule = &schedule.rule;
    let mut told = vec![
        ("name", schedule.name.clone()),
        ("id", schedule.id.clone()),
        (
            "workflow",
            schedule
                .path
                .clone()
                .unwrap_or_else(|| schedule.workflow.clone()),
        ),
        ("cron", format!("{} {}", rule.cron, rule.timezone)),
        ("catch up", word_of(&rule.catch_up)),
        ("overlap", word_of(&rule.overlap)),
    ];
    if rule.jitter_ms > 0 {
        let jitter = crate::ui::span::short(rule.jitter_ms);
        told.push(("jitter", format!("up to {jitter}")));
    }
    told.extend(rule.start.clone().map(|day| ("from", day)));
    told.extend(rule.end.clone().map(|day| ("to", day)));
    told.extend(tells(&rule.notify).map(|whom| ("tells", whom)));
    let mut state = schedule.state.as_str().to_owned();
    if !schedule.reason.is_empty() {
        state = format!("{state}: {}", schedule.reason);
    }
    told.push(("state", state));
    if let Some(next) = &schedule.next {
        told.push(("next", format!("{} ({})", local(&next.local), next.at)));
    }
    let document = if schedule.pinned {
        "as it was when the schedule was made"
    } else {
        "as it is at each run"
    };
    told.push(("document", document.to_owned()));
    for (name, value) in &schedule.params {
        told.push(("value", format!("{name} = {value}")));
    }
    told
}

fn outcome(run: &ScheduleRun) -> String {
    match (run.state, run.job_state) {
        (ScheduleRunState::Started, Some(state)) => state.as_str().to_owned(),
        (state, _) => state.as_str().to_owned(),
    }
}

fn tint(run: &ScheduleRun) -> Tint {
    match outcome(run).as_str() {
        "completed" => Tint::Good,
        "failed" | "needs_attention" => Tint::Bad,
        "skipped" | "missed" | "cancelled" => Tint::Faint,
        _ => Tint::Busy,
    }
}

/// Times with the same in UTC, and days clocks change.
pub(super) fn times(context: &Context, times: &ScheduledTimes) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return times.items.iter().try_for_each(|time| ui.json(time));
    }
    if times.items.is_empty() {
        ui.note("it has no more times");
    }
    let mut table = Table::new(&["LOCAL", "UTC", ""]);
    for time in &times.items {
        let change = time.clock_change.map_or(String::new(), |minutes| {
            let direction = if minutes > 0 { "forward" } else { "back" };
            format!("clocks go {direction} {} min that day", minutes.abs())
        });
        table.row(
            Row::new()
                .both(local(&time.local), &time.local)
                .cell(&time.at)
                .cell(change),
        );
    }
    ui.table(&table)
}

/// `2026-11-23T07:00+01:00` as people read it, with the day of the week.
fn local(text: &str) -> String {
    let (Some(day), Some(rest)) = (text.get(..10), text.get(11..)) else {
        return text.to_owned();
    };
    let weekday = day
        .parse::<jiff::civil::Date>()
        .map_or(String::new(), |day| day.strftime("%a ").to_string());
    format!("{weekday}{day} {rest}")
}

/// A time as the daemon would tell it.
pub(super) fn time(times: &CronTimes, at: Timestamp) -> ScheduledTime {
    ScheduledTime {
        at: format!("{at:.3}"),
        local: at
            .to_zoned(times.zone().clone())
            .strftime("%Y-%m-%dT%H:%M%:z")
            .to_string(),
        clock_change: times.clock_change(at).map(minutes),
    }
}

/// What became of a schedule.
pub(super) fn changed(
    context: &Context,
    schedule: &Schedule,
    what: &str,
) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(schedule);
    }
    ui.note(&format!("{} {what}", schedule.name));
    if let Some(next) = &schedule.next {
        ui.note(&format!("next: {} ({})", local(&next.local), next.at));
    }
    ui.result(&schedule.id)
}

/// What became of a run that was asked for.
pub(super) fn triggered(context: &Context, run: &ScheduleRun) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(run);
    }
    match &run.job {
        Some(job) => {
            ui.note(&format!("follow it with `fenta logs {job} -f`"));
            ui.result(job)
        }
        None => Err(CommandError::usage(
            format!("the run did not begin: {}", run.reason),
            "mend the workflow, then trigger it again",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_have_their_weekday() {
        assert_eq!(
            local("2026-11-23T07:00+01:00"),
            "Mon 2026-11-23 07:00+01:00"
        );
    }
}
