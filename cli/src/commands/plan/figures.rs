//! Times, amounts and limits of a plan in words. What is not known is said to be unknown: it never looks like zero.

use fenta_client::api::plan::{Confidence, MoneyPlan, Plan, PlanTotal, QuotaPlan, SecondsPlan};

use fenta_workflows::cost::{OLD_DAYS, TOO_OLD_DAYS};

use crate::ui::span;

/// `2.1s`, `over 2.1s` when parts are not known, nothing when all of it is.
pub(super) fn seconds(seconds: Option<SecondsPlan>, has_work: bool) -> String {
    match seconds {
        Some(known) if known.partial => format!("over {}", span_of(known)),
        Some(known) => span_of(known),
        None if has_work => "unknown".to_owned(),
        None => String::new(),
    }
}

/// The same, with what it rests on.
pub(super) fn seconds_with_evidence(known: Option<SecondsPlan>, has_work: bool) -> String {
    let text = seconds(known, has_work);
    let error = |known: SecondsPlan| {
        known.past_error_percent.map_or(String::new(), |percent| {
            format!(", off by {percent}% so far")
        })
    };
    match known {
        Some(known) if known.samples == 1 => format!("{text} (from 1 run{})", error(known)),
        Some(known) => format!("{text} (from {} runs{})", known.samples, error(known)),
        None => text,
    }
}

fn span_of(seconds: SecondsPlan) -> String {
    let millis = (seconds.expected * 1000.0).round();
    // A plan of more than centuries is not a plan; the cast saturates.
    span::short(millis.max(0.0) as u64)
}

/// `free`, `$0.02`, `~$0.03 ($0.02 to $0.05)` or `unknown`.
pub(super) fn money(money: &MoneyPlan) -> String {
    let about = match money.confidence {
        Confidence::Exact => "",
        Confidence::Modelled => "~",
        Confidence::Unknown => {
            return match &money.low_usd {
                Some(low) if !is_zero(low) => format!("over ${low}"),
                _ => "unknown".to_owned(),
            };
        }
    };
    let (Some(low), Some(expected), Some(high)) =
        (&money.low_usd, &money.expected_usd, &money.high_usd)
    else {
        return "unknown".to_owned();
    };
    if is_zero(high) {
        "free".to_owned()
    } else if low == high {
        format!("{about}${expected}")
    } else {
        format!("{about}${expected} (${low} to ${high})")
    }
}

fn is_zero(amount: &str) -> bool {
    amount.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// `5 of 21 segments to render`, when something renders.
pub(super) fn segments(total: &PlanTotal) -> Option<String> {
    (total.segments > 0).then(|| {
        format!(
            "{} of {} segments to render",
            total.segments_to_render, total.segments
        )
    })
}

/// What stands under the table: how old prices are, what is limited.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    let money = &plan.total.money;
    let price = money.price_as_of.as_ref().map(|day| {
        let age = money
            .price_age_days
            .map_or(String::new(), |days| match days {
                1 => ", 1 day old".to_owned(),
                days => format!(", {days} days old{}", too_old(days)),
            });
        format!("prices of {day}{age}")
    });
    price
        .into_iter()
        .chain(plan.total.quota.iter().map(quota))
        .collect()
}

/// What an old price means.
fn too_old(days: i64) -> &'static str {
    if days > i64::from(TOO_OLD_DAYS) {
        ": not believed any more; put today's into prices.json (`fenta prices`)"
    } else if days > i64::from(OLD_DAYS) {
        "; look whether they still hold (`fenta prices`)"
    } else {
        ""
    }
}

/// `render_seconds: 42 needed, no limit`.
fn quota(quota: &QuotaPlan) -> String {
    let needed = number(quota.needed);
    match quota.limit {
        Some(limit) => format!("{}: {needed} needed of {} left", quota.meter, number(limit)),
        None => format!("{}: {needed} needed, no limit", quota.meter),
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(low: &str, expected: &str, high: &str, confidence: Confidence) -> MoneyPlan {
        MoneyPlan {
            low_usd: Some(low.into()),
            expected_usd: Some(expected.into()),
            high_usd: Some(high.into()),
            confidence,
            ..MoneyPlan::unknown()
        }
    }

    #[test]
    fn amounts_say_how_sure_they_are() {
        assert_eq!(money(&MoneyPlan::free()), "free");
        assert_eq!(money(&MoneyPlan::unknown()), "unknown");
        let exact = amounts("0.02", "0.02", "0.02", Confidence::Exact);
        assert_eq!(money(&exact), "$0.02");
        let range = amounts("0.02", "0.03", "0.05", Confidence::Modelled);
        assert_eq!(money(&range), "~$0.03 ($0.02 to $0.05)");
        let mut part = amounts("0.02", "0.03", "0.05", Confidence::Unknown);
        assert_eq!(money(&part), "over $0.02");
        part.low_usd = Some("0.00".into());
        assert_eq!(money(&part), "unknown", "nothing known is not nothing");
    }

    #[test]
    fn old_prices_are_told_of() {
        assert_eq!(too_old(90), "");
        assert!(too_old(91).contains("still hold"));
        assert!(too_old(180).contains("still hold"));
        assert!(too_old(181).contains("not believed"));
    }

    #[test]
    fn times_say_what_they_rest_on() {
        let known = |partial| {
            Some(SecondsPlan {
                expected: 2.13,
                samples: 3,
                partial,
                past_error_percent: None,
            })
        };
        let held = known(false).map(|known| SecondsPlan {
            past_error_percent: Some(12),
            ..known
        });
        assert_eq!(
            seconds_with_evidence(held, true),
            "2.1s (from 3 runs, off by 12% so far)"
        );
        assert_eq!(seconds(known(false), true), "2.1s");
        assert_eq!(
            seconds_with_evidence(known(true), true),
            "over 2.1s (from 3 runs)"
        );
        assert_eq!(seconds(None, true), "unknown");
        assert_eq!(seconds_with_evidence(None, false), "");
    }

    #[test]
    fn limits_are_told_with_what_is_left() {
        let mut limited = QuotaPlan {
            meter: "render_seconds".into(),
            needed: 42.0,
            limit: None,
        };
        assert_eq!(quota(&limited), "render_seconds: 42 needed, no limit");
        limited.limit = Some(12.5);
        assert_eq!(quota(&limited), "render_seconds: 42 needed of 12.5 left");
    }
}
