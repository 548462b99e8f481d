//! What a schedule would use in a month, held against what a hosted account and the user's own budget allow.

use fenta_client::Client;
use fenta_client::api::jobs::{JobQuery, JobState};
use fenta_client::api::plan::Plan;
use fenta_client::api::schedules::Schedule;
use fenta_client::api::usage::{UsageBy, UsageQuery};
use fenta_workflows::cost::Decimal;
use fenta_workflows::cron::CronTimes;
use fenta_workflows::tiers::Tiers;
use jiff::{SignedDuration, Timestamp};

use crate::commands::Context;
use crate::commands::plan::price_of;

/// What a schedule is estimated for.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// More runs a month than this are not counted one by one.
const MOST_COUNTED: usize = 50_000;

/// The meter of rendering.
const RENDER: &str = "render_seconds";

/// Earlier jobs of the workflow that are asked what they used.
const JOBS: u32 = 200;
const ASKED: usize = 10;

/// What of it is too much.
#[derive(Debug, Default, PartialEq)]
struct Verdict {
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// Says how often it runs, what that costs, and what is too much of it.
pub(super) async fn tell(context: &Context, client: &Client, schedule: &Schedule, plan: &Plan) {
    let runs = runs_a_month(schedule, Timestamp::now());
    let s = if runs == 1 { "" } else { "s" };
    let price = price_of(plan);
    context.ui.note(&format!(
        "{runs} run{s} in 30 days; one, made anew: {price}"
    ));
    let seconds = match planned(plan) {
        Some(seconds) => Some(seconds),
        None => used_before(client, schedule).await,
    };
    let tier = setting(context, "plan.tier");
    let mut verdict = of_seconds(runs, seconds, tier.as_deref());
    // Whoever wrote it there was told what is wrong with it when the settings were read.
    let limit = setting(context, "spending.month_usd");
    if let Some(limit) = limit.and_then(|limit| limit.parse().ok()) {
        verdict.add(of_money(runs, plan, limit));
    }
    for note in &verdict.notes {
        context.ui.note(note);
    }
    for warning in &verdict.warnings {
        context.ui.warn(warning);
    }
}

impl Verdict {
    fn add(&mut self, other: Self) {
        self.notes.extend(other.notes);
        self.warnings.extend(other.warnings);
    }
}

fn setting(context: &Context, key: &str) -> Option<String> {
    let found = context.settings.config.get(key)?;
    Some(found.value.clone())
}

/// Times in the next 30 days, within its first and last day.
fn runs_a_month(schedule: &Schedule, now: Timestamp) -> usize {
    let rule = &schedule.rule;
    let Ok(times) = CronTimes::new(&rule.cron, &rule.timezone) else {
        return 0;
    };
    let day = |day: &Option<String>, of: fn(&CronTimes, &str) -> Option<Timestamp>| {
        day.as_deref().and_then(|day| of(&times, day))
    };
    let first = day(&rule.start, CronTimes::start_of);
    let last = day(&rule.end, CronTimes::end_of);
    let mut at = first.map_or(now, |first| now.max(first - SignedDuration::from_nanos(1)));
    let end = last.map_or(now + MONTH, |last| last.min(now + MONTH));
    let mut runs = 0;
    while let Some(next) = times.next_after(at).filter(|next| *next < end) {
        runs += 1;
        at = next;
        if runs >= MOST_COUNTED {
            break;
        }
    }
    runs
}

/// Render seconds of one run by its plan; none where it cannot tell how long its films become.
fn planned(plan: &Plan) -> Option<f64> {
    let needed = |quota: &&fenta_client::api::plan::QuotaPlan| quota.meter == RENDER;
    let known = plan.total.quota.iter().find(needed)?.needed;
    let renders = plan
        .nodes
        .iter()
        .filter(|node| node.kind == "Output.Render");
    let all_known = renders
        .clone()
        .all(|node| node.quota.iter().any(|quota| quota.meter == RENDER));
    (all_known && known > 0.0).then_some(known)
}

/// The most that one of the newest completed jobs of the same document used.
async fn used_before(client: &Client, schedule: &Schedule) -> Option<f64> {
    let path = schedule.path.as_ref()?;
    let query = JobQuery {
        limit: Some(JOBS),
        state: Some(JobState::Completed),
        ..JobQuery::default()
    };
    let jobs = client.jobs(&query).await.ok()?.items;
    let mut most: Option<f64> = None;
    for job in jobs
        .iter()
        .filter(|job| job.path.as_ref() == Some(path))
        .take(ASKED)
    {
        let query = UsageQuery {
            by: UsageBy::Meter,
            job: Some(job.id.clone()),
            ..UsageQuery::default()
        };
        let usage = client.usage(&query).await.ok()?;
        let used = usage.items.iter().find(|row| row.meter == RENDER);
        if let Some(seconds) = used.and_then(|row| row.settled.parse::<f64>().ok()) {
            most = Some(most.map_or(seconds, |most| most.max(seconds)));
        }
    }
    most.filter(|seconds| *seconds > 0.0)
}

/// `this schedule needs 1485 render-seconds a month (22 runs of 67.5); Free has 300`.
fn of_seconds(runs: usize, seconds: Option<f64>, tier: Option<&str>) -> Verdict {
    let tiers = Tiers::builtin();
    let mut verdict = Verdict::default();
    let Some(seconds) = seconds else {
        if tier.is_some() {
            verdict.notes.push(
                "how many render-seconds a run needs is known after its first one; add the schedule again then"
                    .to_owned(),
            );
        }
        return verdict;
    };
    let needed = seconds * runs as f64;
    let chosen = tiers.named(tier.unwrap_or_default());
    let has = match chosen.render_seconds() {
        Some(limit) => format!("{} has {limit}", chosen.title),
        None => format!("{} has as many as you agreed on", chosen.title),
    };
    let line = format!(
        "this schedule needs {} render-seconds a month ({runs} runs of {}); {has}",
        number(needed),
        number(seconds)
    );
    let is_too_much = chosen
        .render_seconds()
        .is_some_and(|limit| needed > limit as f64);
    let here = format!(
        "runs of this machine are not limited; this counts where they are hosted (tiers of {})",
        tiers.as_of
    );
    if is_too_much && tier.is_some() {
        let enough = &tiers.smallest_for(needed).title;
        verdict
            .warnings
            .push(format!("{line}\n  help: {enough} is enough for it; {here}"));
    } else {
        verdict.notes.push(format!("{line}; {here}"));
    }
    verdict
}

/// Whether the runs of a month cost more than the month may.
fn of_money(runs: usize, plan: &Plan, limit: Decimal) -> Verdict {
    let mut verdict = Verdict::default();
    let money = &plan.total.money;
    let known = money.high_usd.as_ref().or(money.expected_usd.as_ref());
    let Some(one) = known.and_then(|usd| usd.parse::<Decimal>().ok()) else {
        verdict.notes.push(format!(
            "what a run costs is not known, so nobody can say whether ${limit} a month are enough"
        ));
        return verdict;
    };
    let month = one.saturating_mul(Decimal::from(runs)).normalize();
    let line = format!(
        "this schedule may cost ${month} a month ({runs} runs of ${}); you allow ${limit} (`spending.month_usd`)",
        one.normalize()
    );
    if month > limit {
        let hint = "give its workflow a `budget`, or run it less often";
        verdict.warnings.push(format!("{line}\n  help: {hint}"));
    } else if !month.is_zero() {
        verdict.notes.push(line);
    }
    verdict
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_client::api::plan::MoneyPlan;

    fn schedule(rule: &str) -> Schedule {
        let text = format!(
            r#"{{"id":"sch_1","name":"daily","workflow":"daily","rule":{rule},"state":"active","pinned":false,"pause_after":3,
                "failures":0,"created_at":"2026-11-22T00:00:00.000Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn workdays_of_a_month_are_held_against_a_tier() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let daily = schedule(r#"{"cron":"0 7 * * 1-5","timezone":"Europe/Berlin"}"#);
        let runs = runs_a_month(&daily, now);
        assert_eq!(runs, 22);
        let verdict = of_seconds(runs, Some(67.5), Some("free"));
        assert!(
            verdict.warnings[0].starts_with(
                "this schedule needs 1485 render-seconds a month (22 runs of 67.5); Free has 300\n"
            ),
            "{verdict:?}"
        );
        assert!(
            verdict.warnings[0].contains("Starter is enough"),
            "{verdict:?}"
        );
        for tier in [None, Some("starter"), Some("enterprise")] {
            let verdict = of_seconds(runs, Some(67.5), tier);
            assert!(verdict.warnings.is_empty(), "{verdict:?}");
            assert_eq!(verdict.notes.len(), 1, "{verdict:?}");
        }
        assert_eq!(of_seconds(runs, None, None), Verdict::default());
        let short = schedule(
            r#"{"cron":"0 7 * * 1-5","timezone":"Europe/Berlin","start":"2026-11-24","end":"2026-11-26"}"#,
        );
        assert_eq!(runs_a_month(&short, now), 3);
    }

    #[test]
    fn a_months_money_is_held_against_what_the_user_allows() {
        let total = serde_json::json!({
            "hits": 0, "misses": 0, "segments_to_render": 0, "segments": 0, "money": MoneyPlan::free(),
        });
        let mut plan: Plan = serde_json::from_value(serde_json::json!({
            "workflow": "daily", "as_of": "2026-11-22", "tool": "t", "nodes": [], "total": total,
        }))
        .unwrap();
        plan.total.money.high_usd = Some("0.30".to_owned());
        let limit = |usd: &str| usd.parse::<Decimal>().unwrap();
        let verdict = of_money(22, &plan, limit("5"));
        assert!(
            verdict.warnings[0]
                .starts_with("this schedule may cost $6.6 a month (22 runs of $0.3); you allow $5"),
            "{verdict:?}"
        );
        assert!(of_money(22, &plan, limit("7")).warnings.is_empty());
        plan.total.money = MoneyPlan::unknown();
        assert!(of_money(22, &plan, limit("5")).notes[0].contains("not known"));
        plan.total.money = MoneyPlan::free();
        assert_eq!(of_money(22, &plan, limit("5")), Verdict::default());
    }
}
