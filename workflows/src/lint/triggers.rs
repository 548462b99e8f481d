//! Triggers that are over. Those that are not begin with `fenta schedule add` and `fenta watch add`.

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    let settings = linted.workflow.settings();
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
