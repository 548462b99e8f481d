//! Models that have ended, and schedules that go on after theirs ends: the run that fails is one nobody watches.
//!
//! The table of models has the days; this rule only compares.

use super::Linted;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::models::{Known, Models, Resolved, Role};
use crate::node::ParamType;

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    for (node, name, value) in linted.params() {
        let spec = node.node_type.descriptor().param(name);
        let is_model = spec.is_some_and(|spec| matches!(spec.param_type, ParamType::Model));
        let Some(role) = node.node_type.role().filter(|_| is_model) else {
            continue;
        };
        for (text, span) in linted.texts(value) {
            judge(linted, role, text, span, found);
        }
    }
    for (role, models) in &linted.workflow.settings().providers {
        for model in models {
            let text = model.to_string();
            let span = in_providers(linted, &text);
            judge(linted, *role, &text, span, found);
        }
    }
}

/// Where the document names a model under `providers`.
fn in_providers(linted: &Linted<'_>, text: &str) -> Span {
    let key = linted.key("providers");
    let from = &linted.source.text[key.end..];
    match from.find(text) {
        Some(at) => Span::new(key.end + at, key.end + at + text.len()),
        None => key,
    }
}

fn judge(linted: &Linted<'_>, role: Role, text: &str, span: Span, found: &mut Vec<Diagnostic>) {
    let table = Models::builtin();
    let model = match table.resolve(role, text) {
        Resolved::Known(model) | Resolved::Retired { model, .. } => model,
        Resolved::Unknown { .. } => return,
    };
    if model.is_only_meant_by(text) {
        let id = model.id.to_string();
        let meant = format!("`{text}` is taken for `{id}`");
        let warning = Diagnostic::warning(codes::RETIRED_MODEL, span, meant)
            .hint(format!("write `{id}`"))
            .patch(span, id);
        found.push(warning);
        return;
    }
    let Some(last) = &model.retires else {
        return;
    };
    let today = linted.facts.today.as_deref().unwrap_or(table.as_of());
    if model.is_retired_on(today) {
        let gone = format!("the model `{text}` ended on {last}");
        found.push(instead(
            Diagnostic::warning(codes::RETIRED_MODEL, span, gone),
            model,
            span,
        ));
        return;
    }
    let schedules = &linted.workflow.settings().schedules;
    let outlives = schedules
        .iter()
        .any(|one| one.enabled && one.end.as_ref().is_none_or(|end| end > last));
    if outlives {
        let late = format!("the schedule goes on after the model `{text}` ends on {last}");
        let warning = Diagnostic::warning(codes::OUTLIVED_MODEL, span, late)
            .label(linted.key("schedule"), "the schedule is here");
        found.push(instead(warning, model, span));
    }
}

fn instead(warning: Diagnostic, model: Known, span: Span) -> Diagnostic {
    match &model.substitute {
        Some(other) => {
            let other = other.to_string();
            warning.hint(format!("write `{other}`")).patch(span, other)
        }
        None => warning.hint("choose another model"),
    }
}
