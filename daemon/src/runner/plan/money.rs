//! What the nodes of a plan cost. Work of this machine is free; what nobody can price is unknown, never nothing.

use fenta_client::api::plan::{MoneyPlan, Place};
use fenta_workflows::action::{Action, InvokeRequest};

use super::unit::{Unit, Verdict};
use super::walk::Setting;

/// Where the work of a unit is done, and for how much.
pub(super) fn of(setting: &Setting, unit: &Unit) -> (Place, MoneyPlan) {
    let calls = unit.missing.iter().find_map(|action| match &**action {
        Action::Invoke(request) => Some(request),
        _ => None,
    });
    match (&unit.verdict, calls) {
        (_, Some(request)) => (provider(request), MoneyPlan::unknown()),
        (Verdict::Pending(_), None) if setting.workflow.role(&unit.node).is_some() => {
            (Place::Local, pending(setting, unit))
        }
        _ => (Place::Local, MoneyPlan::free()),
    }
}

/// This version has no providers, so none is chosen; who was asked for is said.
fn provider(request: &InvokeRequest) -> Place {
    let names: Vec<String> = request.models.iter().map(ToString::to_string).collect();
    let why = if names.is_empty() {
        "no provider is configured".to_owned()
    } else {
        format!("none of {} is configured", names.join(", "))
    };
    Place::Provider {
        role: request.role.to_string(),
        model: String::new(),
        why,
    }
}

/// A node whose work may be somebody else's, and whose parameters are not all known.
fn pending(setting: &Setting, unit: &Unit) -> MoneyPlan {
    let estimate = setting.workflow.estimate(&unit.node, &unit.scope);
    let local = setting
        .workflow
        .role(&unit.node)
        .and_then(|role| setting.workflow.settings().providers.get(&role))
        .is_none_or(|models| {
            models
                .iter()
                .all(fenta_workflows::models::ModelRef::is_local)
        });
    if local && estimate.is_empty() {
        MoneyPlan::free()
    } else {
        MoneyPlan::unknown()
    }
}
