//! The first pass over `network`, `seed`, `budget` and `providers`.
//!
//! Neighbours: `settings` holds what is read; `read_schedule` and `read_watch` read the triggers.

use std::collections::BTreeMap;

use super::keys::{BUDGET_KEYS, NETWORKS, ON_EXCEED, UNKNOWN_PRICES};
use super::settings::{Budget, DEFAULT_SEED, Network, OnExceed};
use super::shape::{bad, check_keys, map, texts, word, wrong};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::models::{self, UnknownModel};
use crate::models::{ModelRef, Role};
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};

/// Most of anything a budget may say: far beyond any run, and exact in millionths.
const MAX_AMOUNT: f64 = 1e9;

/// The whole number of `seed`.
pub(super) fn seed(entry: &Entry, found: &mut Diagnostics) -> i64 {
    match entry.value.kind {
        Kind::Int(seed) => seed,
        // A number that does not fit is told as that.
        Kind::Float(number) if number.abs() >= i64::MAX as f64 => DEFAULT_SEED,
        _ => {
            let example = "a number like 7; the same seed gives the same video";
            wrong(entry, "a whole number", example, found);
            DEFAULT_SEED
        }
    }
}

/// The word of `network`.
pub(super) fn network(entry: &Entry, found: &mut Diagnostics) -> Network {
    match word(entry, &NETWORKS, found) {
        Some(1) => Network::LocalOnly,
        _ => Network::Any,
    }
}

/// The map of `budget`.
pub(super) fn budget(entry: &Entry, found: &mut Diagnostics) -> Option<Budget> {
    let entries = map(&entry.value, "`budget`", found)?;
    check_keys(entries, "`budget`", &BUDGET_KEYS, &[], found);
    let mut budget = Budget {
        max_usd_micros: None,
        max_credits: None,
        max_render_ms: None,
        on_exceed: OnExceed::Fail,
        on_exceed_is_written: false,
        alert_at: vec![80, 90, 100],
        accepts_unknown: false,
    };
    for inner in entries {
        match inner.key.as_str() {
            "max_usd" => budget.max_usd_micros = amount(inner, 1e6, found),
            "max_credits" => budget.max_credits = amount(inner, 1.0, found),
            "max_render_seconds" => budget.max_render_ms = amount(inner, 1e3, found),
            "on_exceed" => {
                budget.on_exceed_is_written = true;
                budget.on_exceed = match word(inner, &ON_EXCEED, found) {
                    Some(0) => OnExceed::Pause,
                    Some(2) => OnExceed::SkipOptional,
                    _ => OnExceed::Fail,
                };
            }
            "alert_at" => budget.alert_at = alerts(inner, found),
            "unknown_prices" => {
                budget.accepts_unknown = word(inner, &UNKNOWN_PRICES, found) == Some(1);
            }
            _ => {}
        }
    }
    if !entries.iter().any(|inner| inner.key.starts_with("max_")) {
        bad(
            &entry.value,
            "the budget limits nothing",
            "write `max_usd`, `max_credits` or `max_render_seconds`",
            found,
        );
    }
    Some(budget)
}

/// A number that is not negative, in parts of `unit`.
fn amount(entry: &Entry, unit: f64, found: &mut Diagnostics) -> Option<u64> {
    let number = match entry.value.kind {
        Kind::Int(number) => number as f64,
        Kind::Float(number) => number,
        _ => {
            wrong(entry, "a number", "a number like 1.50", found);
            return None;
        }
    };
    if !(0.0..=MAX_AMOUNT).contains(&number) {
        bad(
            &entry.value,
            format!("`{}` is {number}, which is out of range", entry.key),
            "write a number from 0 to 1000000000; 0 means that nothing may be spent",
            found,
        );
        return None;
    }
    Some((number * unit).round() as u64)
}

fn alerts(entry: &Entry, found: &mut Diagnostics) -> Vec<u32> {
    const EXAMPLE: &str = "percentages from 1 to 100 in ascending order: `[80, 90, 100]`";
    let items = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        Kind::Int(_) => std::slice::from_ref(&entry.value),
        _ => {
            wrong(entry, "a list of percentages", EXAMPLE, found);
            return Vec::new();
        }
    };
    let mut alerts: Vec<u32> = Vec::new();
    for item in items {
        match item.kind {
            Kind::Int(percent @ 1..=100)
                if alerts.last().is_none_or(|last| i64::from(*last) < percent) =>
            {
                alerts.push(percent as u32);
            }
            _ => bad(
                item,
                "`alert_at` holds percentages from 1 to 100 in ascending order",
                &format!("write {EXAMPLE}"),
                found,
            ),
        }
    }
    alerts
}

/// The roles of `providers`, each with its models, best first.
pub(super) fn providers(entry: &Entry, found: &mut Diagnostics) -> BTreeMap<Role, Vec<ModelRef>> {
    let mut all = BTreeMap::new();
    for inner in map(&entry.value, "`providers`", found).unwrap_or_default() {
        let Ok(role) = inner.key.parse::<Role>() else {
            found.push(unknown_role(inner));
            continue;
        };
        let models = models(role, inner, found);
        if all.insert(role, models).is_some() {
            found.push(
                Diagnostic::error(
                    codes::SETTING,
                    inner.key_span,
                    format!("the role `{role}` is written twice, once under another name"),
                )
                .hint("keep one of the two"),
            );
        }
    }
    all
}

fn unknown_role(entry: &Entry) -> Diagnostic {
    let names = Role::ALL.map(Role::name);
    let near = nearest(&entry.key, names);
    let diagnostic = Diagnostic::error(
        codes::SETTING,
        entry.key_span,
        format!("there is no role `{}`", entry.key),
    )
    .suggest(near, entry.key_span);
    match near {
        Some(_) => diagnostic,
        None => diagnostic.hint(format!("the roles are {}", names.join(", "))),
    }
}

fn models(role: Role, entry: &Entry, found: &mut Diagnostics) -> Vec<ModelRef> {
    const EXAMPLE: &str = "`vendor:model`, for example `\"ollama:qwen3:8b\"`, or a list of them";
    let mut models: Vec<ModelRef> = Vec::new();
    for (text, node) in texts(entry, EXAMPLE, found) {
        match text.parse::<ModelRef>() {
            Ok(model) if models.contains(&model) => bad(
                node,
                format!("`{model}` is written twice"),
                "each model is tried once; remove one of the two",
                found,
            ),
            Ok(model) => {
                if let Err(unknown) = models::named(role, text) {
                    found.push(unknown_model(&unknown, node));
                }
                models.push(model);
            }
            Err(_) => bad(
                node,
                format!("`{text}` does not name a model"),
                &format!("write {EXAMPLE}"),
                found,
            ),
        }
    }
    if matches!(&entry.value.kind, Kind::List(items) if items.is_empty()) {
        bad(
            &entry.value,
            format!("the role `{}` has no model", entry.key),
            &format!("write {EXAMPLE}, or remove the role"),
            found,
        );
    }
    models
}

fn unknown_model(unknown: &UnknownModel, node: &Node) -> Diagnostic {
    let diagnostic = Diagnostic::error(codes::SETTING, node.span, unknown.to_string())
        .suggest(unknown.nearest.as_deref(), node.span);
    match unknown.nearest {
        Some(_) => diagnostic,
        None => diagnostic.hint("write `vendor:model`, for example `\"ollama:qwen3:8b\"`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn entry(text: &str) -> Entry {
        let tree = syntax::load(text, &mut Diagnostics::new()).unwrap();
        match tree.kind {
            Kind::Map(mut entries) => entries.remove(0),
            other => panic!("{other:?}"),
        }
    }

    // spec: W-60
    #[test]
    fn a_budget_is_exact() {
        let mut found = Diagnostics::new();
        let budget = budget(
            &entry("budget: { max_usd: 1.10, max_credits: 150, max_render_seconds: 90.5, on_exceed: skip_optional, alert_at: [80, 100] }"),
            &mut found,
        )
        .unwrap();
        assert!(found.is_empty(), "{found}");
        assert_eq!(budget.max_usd_micros, Some(1_100_000));
        assert_eq!(budget.max_credits, Some(150));
        assert_eq!(budget.max_render_ms, Some(90_500));
        assert_eq!(budget.on_exceed, OnExceed::SkipOptional);
        assert_eq!(budget.alert_at, [80, 100]);
    }

    #[test]
    fn providers_are_lists_of_models_by_role() {
        let mut found = Diagnostics::new();
        let providers = providers(
            &entry("providers: { llm: \"ollama:qwen3:8b\", tts: [\"elevenlabs:v2\", kokoro] }"),
            &mut found,
        );
        assert!(found.is_empty(), "{found}");
        assert_eq!(providers[&Role::Llm][0].vendor, "ollama");
        assert_eq!(providers[&Role::Speech].len(), 2);
    }

    #[test]
    fn slips_are_found_each() {
        for (text, part) in [
            ("budget: { max_usd: -1 }", "out of range"),
            ("budget: { max_usd: cheap }", "must be a number"),
            ("budget: { on_exceed: pause }", "limits nothing"),
            ("budget: { max_usd: 1, alert_at: [90, 80] }", "ascending"),
            ("budget: { max_usd: 1, alert_at: [0] }", "percentages"),
            (
                "budget: { max_usd: 1, on_exceed: stop }",
                "cannot be `stop`",
            ),
            ("budget: { max_eur: 1, max_usd: 1 }", "no key `max_eur`"),
            ("providers: { lllm: x }", "no role `lllm`"),
            ("providers: { llm: \"a b\" }", "does not name a model"),
            ("providers: { llm: [\"a:b\", \"a:b\"] }", "written twice"),
            ("providers: { llm: [] }", "has no model"),
            ("providers: { speech: kokro }", "not a model for `speech`"),
            (
                "providers: { tts: flite, speech: kokoro }",
                "under another name",
            ),
            ("network: local", "cannot be `local`"),
            ("seed: x", "whole number"),
        ] {
            let mut found = Diagnostics::new();
            let entry = entry(text);
            match entry.key.as_str() {
                "budget" => {
                    budget(&entry, &mut found);
                }
                "providers" => {
                    providers(&entry, &mut found);
                }
                "network" => {
                    network(&entry, &mut found);
                }
                _ => {
                    seed(&entry, &mut found);
                }
            }
            assert_eq!(found.len(), 1, "{text}: {found}");
            assert!(found.to_string().contains(part), "{text}: {found}");
        }
    }
}
