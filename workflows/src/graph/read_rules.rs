//! The first pass over how a node runs: `retry`, `timeout`, `cache`, `on_error`, `optional`, `max_parallel`.
//!
//! Neighbours: `rules` holds what is read; `read_nodes` reads the rest of a node, the fallback's parameters included.

use std::collections::BTreeSet;

use super::keys::{CACHE, CACHE_KEYS, ON_ERROR, ON_ERROR_KEYS, RETRY_KEYS};
use super::rules::{Backoff, CacheRule, NodeRules, OnError, RetryClass, RetryRule};
use super::shape::{
    bad, boolean, check_keys, duration, duration_text, find, text, texts, whole, word, wrong,
};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind};

const MAX_ATTEMPTS: i64 = 10;
const MAX_PARALLEL: i64 = 64;

/// The rules among a node's entries.
pub(super) fn rules(entries: &[Entry], found: &mut Diagnostics) -> NodeRules {
    let mut rules = NodeRules::default();
    for entry in entries {
        match entry.key.as_str() {
            "retry" => {
                rules.retry = retry(entry, found);
                rules.retry_is_written = true;
            }
            "timeout" => rules.timeout_ms = duration(entry, found),
            "cache" => rules.cache = cache(entry, found),
            "on_error" => rules.on_error = on_error(entry, found),
            "optional" => rules.optional = boolean(entry, found).unwrap_or_default(),
            "max_parallel" => {
                if let Some(number) = whole(entry, 1, MAX_PARALLEL, found) {
                    rules.max_parallel = number as u32;
                }
                if find(entries, "for_each").is_none() {
                    found.push(
                        Diagnostic::error(
                            codes::FOR_EACH,
                            entry.key_span,
                            "`max_parallel` means nothing without `for_each`",
                        )
                        .hint("remove it, or add `for_each` with a list"),
                    );
                }
            }
            _ => {}
        }
    }
    rules
}

/// The parameters of `on_error: { fallback: { ... } }`.
pub(super) fn fallback(entries: &[Entry]) -> Option<&Entry> {
    match &find(entries, "on_error")?.value.kind {
        Kind::Map(inner) => find(inner, "fallback"),
        _ => None,
    }
}

fn retry(entry: &Entry, found: &mut Diagnostics) -> RetryRule {
    let mut rule = RetryRule::default();
    let entries = match &entry.value.kind {
        Kind::Int(_) => {
            rule.attempts = attempts(entry, found);
            return rule;
        }
        Kind::Map(entries) => entries,
        _ => {
            let example = "`retry: 3` or `retry: { attempts: 3, backoff: 2s..60s }`";
            wrong(entry, "a number of attempts or a map", example, found);
            return rule;
        }
    };
    check_keys(entries, "`retry`", &RETRY_KEYS, &[], found);
    for inner in entries {
        match inner.key.as_str() {
            "attempts" => rule.attempts = attempts(inner, found),
            "backoff" => rule.backoff = backoff(inner, found),
            "on" => rule.on = classes(inner, found),
            _ => {}
        }
    }
    rule
}

fn attempts(entry: &Entry, found: &mut Diagnostics) -> u32 {
    whole(entry, 1, MAX_ATTEMPTS, found).map_or(RetryRule::default().attempts, |n| n as u32)
}

/// `2s..60s`, or one length of time for every wait.
fn backoff(entry: &Entry, found: &mut Diagnostics) -> Option<Backoff> {
    const EXAMPLE: &str = "write the first and the longest wait, for example `2s..60s`";
    let written = text(entry, found)?;
    let (first, longest) = written.split_once("..").unwrap_or((&written, &written));
    match (duration_text(first), duration_text(longest)) {
        (Ok(first_ms), Ok(longest_ms)) if first_ms <= longest_ms => Some(Backoff {
            first_ms,
            longest_ms,
        }),
        (Ok(_), Ok(_)) => {
            bad(
                &entry.value,
                format!("`backoff`: the first wait of `{written}` is longer than the longest"),
                EXAMPLE,
                found,
            );
            None
        }
        (Err(reason), _) | (_, Err(reason)) => {
            bad(
                &entry.value,
                format!("`backoff` cannot be `{written}`: {reason}"),
                EXAMPLE,
                found,
            );
            None
        }
    }
}

fn classes(entry: &Entry, found: &mut Diagnostics) -> BTreeSet<RetryClass> {
    let names = RetryClass::ALL.map(RetryClass::name);
    let mut classes = BTreeSet::new();
    for (name, node) in texts(entry, "`on: [rate_limit, server]`", found) {
        match RetryClass::parse(name) {
            Some(class) => {
                classes.insert(class);
            }
            None => found.push(
                Diagnostic::error(
                    codes::SETTING,
                    node.span,
                    format!("`{name}` is not a class of failures that may pass"),
                )
                .suggest(nearest(name, names), node.span)
                .hint(format!("the classes are {}", names.join(", "))),
            ),
        }
    }
    classes
}

fn cache(entry: &Entry, found: &mut Diagnostics) -> CacheRule {
    if let Kind::Map(entries) = &entry.value.kind {
        check_keys(entries, "`cache`", &CACHE_KEYS, &[], found);
        let ttl = find(entries, "ttl").and_then(|inner| duration(inner, found));
        if entries.is_empty() {
            bad(
                &entry.value,
                "`cache` says nothing",
                "write `cache: { ttl: 24h }`, or one of `auto`, `off`, `refresh`",
                found,
            );
        }
        return ttl.map_or(CacheRule::Auto, CacheRule::Ttl);
    }
    match word(entry, &CACHE, found) {
        Some(1) => CacheRule::Off,
        Some(2) => CacheRule::Refresh,
        _ => CacheRule::Auto,
    }
}

fn on_error(entry: &Entry, found: &mut Diagnostics) -> OnError {
    if let Kind::Map(entries) = &entry.value.kind {
        check_keys(entries, "`on_error`", &ON_ERROR_KEYS, &[], found);
        let is_empty = match find(entries, "fallback").map(|inner| &inner.value.kind) {
            Some(Kind::Map(params)) => params.is_empty(),
            Some(_) => false,
            None => entries.is_empty(),
        };
        if is_empty {
            bad(
                &entry.value,
                "`on_error` names no parameter to fall back to",
                "write `on_error: { fallback: { query: \"bees\" } }`, or one of `fail`, `skip`",
                found,
            );
        }
        return OnError::Fallback;
    }
    match word(entry, &ON_ERROR, found) {
        Some(1) => OnError::Skip,
        _ => OnError::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn read(text: &str) -> (NodeRules, Diagnostics) {
        let mut found = Diagnostics::new();
        let tree = syntax::load(text, &mut found).unwrap();
        let Kind::Map(entries) = &tree.kind else {
            panic!("the test's YAML is a map")
        };
        let rules = rules(entries, &mut found);
        (rules, found)
    }

    #[test]
    fn rules_are_read() {
        let (rules, found) = read(
            "for_each: x\nmax_parallel: 8\nretry: { attempts: 5, backoff: 500ms..10s, on: [server, network] }\n\
             timeout: 5m\ncache: { ttl: 24h }\non_error: skip\noptional: true\n",
        );
        assert!(found.is_empty(), "{found}");
        assert_eq!(rules.max_parallel, 8);
        assert_eq!(
            rules.retry,
            RetryRule {
                attempts: 5,
                backoff: Some(Backoff {
                    first_ms: 500,
                    longest_ms: 10_000,
                }),
                on: BTreeSet::from([RetryClass::Server, RetryClass::Network]),
            }
        );
        assert_eq!(rules.timeout_ms, Some(300_000));
        assert_eq!(rules.cache, CacheRule::Ttl(86_400_000));
        assert_eq!(rules.on_error, OnError::Skip);
        assert!(rules.optional && rules.retry_is_written);
    }

    #[test]
    fn short_forms_mean_the_same() {
        let (rules, found) = read("retry: 2\ncache: refresh\non_error: { fallback: { a: 1 } }\n");
        assert!(found.is_empty(), "{found}");
        assert_eq!((rules.retry.attempts, rules.retry.backoff), (2, None));
        assert_eq!(rules.retry.on.len(), 6);
        assert_eq!(rules.cache, CacheRule::Refresh);
        assert_eq!(rules.on_error, OnError::Fallback);
        let (rules, _) = read("retry: { backoff: 3s }\ncache: off\n");
        let always = Backoff {
            first_ms: 3000,
            longest_ms: 3000,
        };
        assert_eq!(rules.retry.backoff, Some(always));
        assert_eq!(rules.cache, CacheRule::Off);
    }

    #[test]
    fn slips_are_found_each() {
        for (text, part) in [
            ("max_parallel: 3\n", "means nothing without"),
            ("for_each: x\nmax_parallel: 65\n", "out of range"),
            ("retry: 11\n", "out of range"),
            ("retry: often\n", "attempts or a map"),
            ("retry: { backoff: 60s..2s }\n", "longer than the longest"),
            ("retry: { backoff: soon }\n", "length of time"),
            ("retry: { on: [sever] }\n", "`sever` is not a class"),
            ("retry: { tries: 3 }\n", "no key `tries`"),
            ("timeout: 0s\n", "longer than nothing"),
            ("cache: of\n", "cannot be `of`"),
            ("cache: {}\n", "says nothing"),
            ("on_error: ignore\n", "cannot be `ignore`"),
            ("on_error: { fallback: {} }\n", "no parameter"),
            ("optional: maybe\n", "true or false"),
        ] {
            let (_, found) = read(text);
            assert_eq!(found.len(), 1, "{text}: {found}");
            assert!(found.to_string().contains(part), "{text}: {found}");
        }
    }
}
