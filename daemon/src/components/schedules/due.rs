//! Which times of a schedule are to be decided now, and what becomes of them. Pure: times in, decisions out.

use fenta_client::api::schedules::{CatchUp, RunKind, ScheduleRule, ScheduleRunState};
use fenta_workflows::cron::CronTimes;
use fenta_workflows::digest::blob_digest;
use jiff::{SignedDuration, Timestamp};

use crate::store::NewScheduleRun;

/// So late is still in time: a busy machine, a lid that was closed for a moment.
const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// The most runs that are made good, and the most that are told of.
const MOST_CAUGHT_UP: usize = 7;

/// What is decided for the times after `since` up to `now`. However long that is, only the last few are looked at.
pub(super) fn decide(
    id: &str,
    rule: &ScheduleRule,
    times: &CronTimes,
    since: Timestamp,
    now: Timestamp,
) -> Vec<NewScheduleRun> {
    let instants = newest(rule, times, since, now);
    let on_time = instants
        .iter()
        .filter(|at| now.duration_since(**at) <= GRACE)
        .count();
    let late = instants.len() - on_time;
    let caught_up = match rule.catch_up {
        CatchUp::None => 0,
        // One that is on time is newer than all that were missed.
        CatchUp::Latest => usize::from(on_time == 0).min(late),
        CatchUp::All => late.min(MOST_CAUGHT_UP),
    };
    let run = |index: usize, due_at: &Timestamp| {
        let is_late = index < late;
        let is_missed = index + caught_up < late;
        let kind = if is_late && !is_missed {
            RunKind::CatchUp
        } else {
            RunKind::Scheduled
        };
        let (state, reason) = if is_missed {
            (ScheduleRunState::Missed, missed(rule.catch_up).to_owned())
        } else {
            (ScheduleRunState::Due, String::new())
        };
        let next = times.next_after(*due_at);
        NewScheduleRun {
            due_at: *due_at,
            kind,
            state,
            starts_at: match kind {
                RunKind::Scheduled => *due_at + delay(id, rule, *due_at, next),
                _ => *due_at,
            },
            reason,
        }
    };
    instants
        .iter()
        .enumerate()
        .map(|(index, at)| run(index, at))
        .collect()
}

fn missed(catch_up: CatchUp) -> &'static str {
    match catch_up {
        CatchUp::None => "the daemon was not running, and `catch_up` is `none`",
        CatchUp::Latest => "the daemon was not running, and `catch_up` makes good the latest only",
        CatchUp::All => "the daemon was not running, and `catch_up` makes good seven at most",
    }
}

/// The newest times after `since` up to `now` on the schedule's days, oldest first: one more than are ever made good.
fn newest(
    rule: &ScheduleRule,
    times: &CronTimes,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Timestamp> {
    let tick = SignedDuration::from_nanos(1);
    let first = rule.start.as_deref().and_then(|day| times.start_of(day));
    let end = rule.end.as_deref().and_then(|day| times.end_of(day));
    let since = first.map_or(since, |first| since.max(first - tick));
    let mut until = end.map_or(now, |end| now.min(end - tick));
    let mut found = Vec::new();
    while found.len() <= MOST_CAUGHT_UP {
        let Some(at) = times.last_until(until).filter(|at| *at > since) else {
            break;
        };
        found.push(at);
        until = at - tick;
    }
    found.reverse();
    found
}

/// The delay by chance: always the same for the same time, and never beyond the next one.
fn delay(id: &str, rule: &ScheduleRule, at: Timestamp, next: Option<Timestamp>) -> SignedDuration {
    let room = next.map_or(u64::MAX, |next| {
        u64::try_from(next.duration_since(at).as_millis()).unwrap_or(0)
    });
    let most = rule.jitter_ms.min(room.saturating_sub(1));
    if most == 0 {
        return SignedDuration::ZERO;
    }
    let digest = blob_digest(format!("{id} {at}").as_bytes()).to_string();
    let chance = digest
        .get(..15)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .unwrap_or(0);
    SignedDuration::from_millis(i64::try_from(chance % (most + 1)).unwrap_or(0))
}

/// The next time after `since` on the schedule's days.
pub(super) fn next(rule: &ScheduleRule, times: &CronTimes, since: Timestamp) -> Option<Timestamp> {
    let tick = SignedDuration::from_nanos(1);
    let first = rule.start.as_deref().and_then(|day| times.start_of(day));
    let since = first.map_or(since, |first| since.max(first - tick));
    let end = rule.end.as_deref().and_then(|day| times.end_of(day));
    times
        .next_after(since)
        .filter(|at| end.is_none_or(|end| *at < end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rule(cron: &str, catch_up: CatchUp) -> (ScheduleRule, CronTimes) {
        let rule = ScheduleRule {
            cron: cron.to_owned(),
            timezone: "UTC".to_owned(),
            catch_up,
            overlap: fenta_client::api::schedules::Overlap::Skip,
            jitter_ms: 0,
            start: None,
            end: None,
            notify: fenta_client::api::schedules::Notify::default(),
        };
        let times = CronTimes::new(cron, "UTC").unwrap();
        (rule, times)
    }

    fn states(runs: &[NewScheduleRun]) -> Vec<(String, RunKind, ScheduleRunState)> {
        let tell = |run: &NewScheduleRun| (run.due_at.to_string(), run.kind, run.state);
        runs.iter().map(tell).collect()
    }

    #[test]
    fn a_time_that_has_come_is_due_once() {
        let (rule, times) = rule("0 7 * * *", CatchUp::None);
        let since = at("2026-11-22T06:59:50Z");
        let now = at("2026-11-22T07:00:01Z");
        let runs = decide("sch_1", &rule, &times, since, now);
        assert_eq!(
            states(&runs),
            [(
                "2026-11-22T07:00:00Z".to_owned(),
                RunKind::Scheduled,
                ScheduleRunState::Due
            )]
        );
        assert!(decide("sch_1", &rule, &times, now, at("2026-11-22T07:00:20Z")).is_empty());
    }

    #[test]
    fn what_was_missed_is_made_good_as_the_rule_says() {
        let since = at("2026-11-19T12:00:00Z");
        let now = at("2026-11-22T12:00:00Z");
        let of = |catch_up| {
            let (rule, times) = rule("0 7 * * *", catch_up);
            let runs = decide("sch_1", &rule, &times, since, now);
            runs.iter()
                .map(|run| (run.kind, run.state))
                .collect::<Vec<_>>()
        };
        let missed = (RunKind::Scheduled, ScheduleRunState::Missed);
        let made_good = (RunKind::CatchUp, ScheduleRunState::Due);
        assert_eq!(of(CatchUp::None), [missed, missed, missed]);
        assert_eq!(of(CatchUp::Latest), [missed, missed, made_good]);
        assert_eq!(of(CatchUp::All), [made_good, made_good, made_good]);
    }

    #[test]
    fn the_latest_is_not_made_good_beside_one_that_is_on_time() {
        let (rule, times) = rule("0 7 * * *", CatchUp::Latest);
        let runs = decide(
            "sch_1",
            &rule,
            &times,
            at("2026-11-20T12:00:00Z"),
            at("2026-11-22T07:00:30Z"),
        );
        let kinds: Vec<_> = runs.iter().map(|run| (run.kind, run.state)).collect();
        assert_eq!(
            kinds,
            [
                (RunKind::Scheduled, ScheduleRunState::Missed),
                (RunKind::Scheduled, ScheduleRunState::Due)
            ]
        );
    }

    #[test]
    fn ten_years_of_minutes_are_a_few_decisions() {
        let (rule, times) = rule("* * * * *", CatchUp::All);
        let runs = decide(
            "sch_1",
            &rule,
            &times,
            at("2026-01-01T00:00:00Z"),
            at("2036-01-01T00:00:00Z"),
        );
        assert_eq!(runs.len(), MOST_CAUGHT_UP + 1);
        let due = |run: &&NewScheduleRun| run.state == ScheduleRunState::Due;
        assert!(runs.iter().filter(due).count() >= MOST_CAUGHT_UP);
        assert_eq!(runs.last().unwrap().due_at, at("2036-01-01T00:00:00Z"));
    }

    #[test]
    fn days_before_the_first_and_after_the_last_have_none() {
        let (mut rule, times) = rule("0 7 * * *", CatchUp::All);
        rule.start = Some("2026-11-20".to_owned());
        rule.end = Some("2026-11-21".to_owned());
        let all = decide(
            "sch_1",
            &rule,
            &times,
            at("2026-11-01T00:00:00Z"),
            at("2026-12-01T00:00:00Z"),
        );
        let days: Vec<String> = all.iter().map(|run| times.day_of(run.due_at)).collect();
        assert_eq!(days, ["2026-11-20", "2026-11-21"]);
        assert_eq!(
            next(&rule, &times, at("2026-11-01T00:00:00Z")),
            Some(at("2026-11-20T07:00:00Z"))
        );
        assert_eq!(next(&rule, &times, at("2026-11-21T07:00:00Z")), None);
    }

    #[test]
    fn chance_delays_the_same_time_by_the_same_and_never_beyond_the_next() {
        let (mut rule, times) = rule("* * * * *", CatchUp::None);
        rule.jitter_ms = 3_600_000;
        let now = at("2026-11-22T07:00:00Z");
        let since = at("2026-11-22T06:59:30Z");
        let once = decide("sch_1", &rule, &times, since, now);
        assert_eq!(once, decide("sch_1", &rule, &times, since, now));
        assert!(once[0].starts_at < at("2026-11-22T07:01:00Z"));
        let delays: std::collections::BTreeSet<_> = (0..20)
            .map(|number| decide(&format!("sch_{number}"), &rule, &times, since, now)[0].starts_at)
            .collect();
        assert!(delays.len() > 15, "schedules do not all begin at once");
    }
}
