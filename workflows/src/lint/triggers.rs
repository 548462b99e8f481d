//! Triggers that are over, and those that nothing on this machine obeys yet. Schedules begin with `fenta schedule add`.

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    let settings = linted.workflow.settings();
    if settings.watch.is_some() {
        found.push(idle(linted, "watch"));
    }
    for schedule in settings.schedules.iter().filter(|one| one.enabled) {
        if let (Some(end), Some(today)) = (&schedule.end, &linted.facts.today)
            && end < today
        {
            found.push(
                Diagnostic::warning(
                    codes::TRIGGER,
                    linted.key("schedule"),
                    format!("the schedule `{}` ended on {end}", schedule.cron),
                )
                .hint("move its `end`, or remove the schedule"),
            );
        }
    }
}

fn idle(linted: &Linted<'_>, key: &str) -> Diagnostic {
    Diagnostic::warning(
        codes::TRIGGER,
        linted.key(key),
        format!("`{key}` is checked, but this version starts no runs by itself"),
    )
    .hint("start runs with `fenta run`, for example from cron or a systemd timer")
}
