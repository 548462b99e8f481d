//! What the nodes of a plan cost. Work of this machine is free; what nobody can price is unknown, never nothing.

use fenta_client::api::plan::{Confidence, MoneyPlan, Place, QuotaPlan};
use fenta_workflows::action::{Action, InvokeRequest};
use fenta_workflows::cost::{Decimal, Spread};

use super::unit::{Unit, Verdict};
use super::walk::Setting;

/// Where the work of a unit is done, and for how much.
pub(super) fn of(setting: &Setting, unit: &Unit) -> (Place, MoneyPlan) {
    let calls = unit.missing.iter().find_map(|action| match &**action {
        Action::Invoke(request) => Some(request),
        _ => None,
    });
    match (&unit.verdict, calls) {
        (_, Some(request)) => (provider(setting, unit, request), priced(setting, unit)),
        (Verdict::Pending(_), None) if setting.workflow.role(&unit.node).is_some() => {
            (Place::Local, pending(setting, unit))
        }
        _ => (Place::Local, MoneyPlan::free()),
    }
}

/// Who is asked, and why; where nobody can be, who was meant.
fn provider(setting: &Setting, unit: &Unit, request: &InvokeRequest) -> Place {
    let names: Vec<String> = request.models.iter().map(ToString::to_string).collect();
    let providers = setting.planner.executors.providers();
    let (model, why) = match (providers.provider(request), names.as_slice()) {
        (Some(_), names) => (names.join(", "), unit.told.join("; ")),
        (None, []) => (String::new(), "no provider is configured".to_owned()),
        (None, names) => {
            let why = format!("none of {} is configured", names.join(", "));
            (String::new(), why)
        }
    };
    Place::Provider {
        role: request.role.to_string(),
        model,
        why,
    }
}

/// The credits a unit would take at the most, where it takes any.
pub(super) fn credits(setting: &Setting, unit: &Unit) -> Option<QuotaPlan> {
    let calls = unit
        .missing
        .iter()
        .any(|action| matches!(**action, Action::Invoke(_)));
    if !calls && !matches!(unit.verdict, Verdict::Pending(_)) {
        return None;
    }
    let today = &setting.scope.job.date;
    let credits = match &unit.prepared {
        Some(prepared) => prepared.credits(today),
        None => setting.workflow.credits(&unit.node, &unit.scope, today),
    };
    let needed = credits?.high;
    let budget = setting.workflow.settings().budget.as_ref();
    (!needed.is_zero()).then(|| QuotaPlan {
        meter: "credits".to_owned(),
        needed: needed.try_into().unwrap_or(f64::INFINITY),
        limit: budget
            .and_then(|budget| budget.max_credits)
            .map(|limit| limit as f64),
    })
}

/// A node whose parameters are known, at the prices of the table; what is in the cache already may bring it down to
/// nothing.
fn priced(setting: &Setting, unit: &Unit) -> MoneyPlan {
    let today = &setting.scope.job.date;
    let mut money = match &unit.prepared {
        Some(prepared) => prepared.money(today),
        None => setting.workflow.money(&unit.node, &unit.scope, today),
    };
    if unit.hits > 0 && money.is_known() {
        money.usd = Spread::between(Decimal::ZERO, money.usd.expected, money.usd.high);
        money.confidence = money.confidence.max(Confidence::Modelled);
    }
    money.into()
}

/// A node whose work may be somebody else's, and whose parameters are not all known.
fn pending(setting: &Setting, unit: &Unit) -> MoneyPlan {
    setting
        .workflow
        .money(&unit.node, &unit.scope, &setting.scope.job.date)
        .into()
}
