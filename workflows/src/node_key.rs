//! What a node's work depends on, in a form that can be stored and compared: why did it run again?
//!
//! Neighbours: `execution` makes the keys, the daemon stores one per node and job and asks [`rerun_reasons`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::value_hash;
use crate::rerun_reason::RerunReason;
use crate::value::Value;

/// Longest preview of a value, in characters.
const PREVIEW_CHARS: usize = 60;

/// Values whose JSON is longer are kept as a hash only; their differences cannot be located.
const KEPT_VALUE_BYTES: usize = 512 * 1024;

/// A node's version and parameters. Equal keys mean equal work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeKey {
    /// The node type's version.
    pub version: u32,
    /// The parameters by name, defaults included.
    pub params: BTreeMap<String, ParamKey>,
}

impl NodeKey {
    /// A hash of the key: equal for equal work.
    pub fn hash(&self) -> String {
        let params: BTreeMap<&String, &String> = self
            .params
            .iter()
            .map(|(name, param)| (name, &param.hash))
            .collect();
        value_hash("fenta node key v1", &(self.version, params))
    }
}

/// One parameter of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamKey {
    /// The value as a short text for people.
    pub preview: String,
    /// Hash of the value.
    pub hash: String,
    /// The node whose output the parameter refers to, if it refers to one.
    pub from: Option<String>,
    /// The value, unless it is too large to keep.
    pub value: Option<Value>,
}

impl ParamKey {
    /// The key of a value.
    pub fn new(value: &Value, from: Option<String>) -> Self {
        let kept = serde_json::to_vec(value).is_ok_and(|json| json.len() <= KEPT_VALUE_BYTES);
        Self {
            preview: value.preview(PREVIEW_CHARS),
            hash: value_hash("fenta param v1", value),
            from,
            value: kept.then(|| value.clone()),
        }
    }
}

/// Everything that makes `new` differ from the key the node last ran with; empty when the keys are equal.
pub fn rerun_reasons(old: Option<&NodeKey>, new: &NodeKey) -> Vec<RerunReason> {
    let Some(old) = old else {
        return vec![RerunReason::FirstRun];
    };
    let mut reasons = Vec::new();
    if old.version != new.version {
        reasons.push(RerunReason::NodeVersion {
            old: old.version,
            new: new.version,
        });
    }
    let names: std::collections::BTreeSet<&String> =
        old.params.keys().chain(new.params.keys()).collect();
    for name in names {
        let (before, after) = (old.params.get(name), new.params.get(name));
        if before.map(|param| &param.hash) != after.map(|param| &param.hash) {
            reasons.push(param_reason(name, before, after));
        }
    }
    reasons
}

fn param_reason(name: &str, old: Option<&ParamKey>, new: Option<&ParamKey>) -> RerunReason {
    if let Some(node) = new.and_then(|param| param.from.clone()) {
        let value = |param: Option<&ParamKey>| param.and_then(|param| param.value.clone());
        let field = match (value(old), value(new)) {
            (Some(old), Some(new)) => first_difference(&old.to_json(), &new.to_json()),
            _ => String::new(),
        };
        return RerunReason::Upstream {
            key: name.to_owned(),
            node,
            field,
        };
    }
    let (old, new) = previews(old, new);
    RerunReason::Param {
        key: name.to_owned(),
        old,
        new,
    }
}

/// Short texts of both values. Of two long texts the part in which they differ is shown, not their equal beginnings.
fn previews(old: Option<&ParamKey>, new: Option<&ParamKey>) -> (String, String) {
    let text = |param: Option<&ParamKey>| match param.and_then(|param| param.value.as_ref()) {
        Some(Value::Text(text)) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        _ => None,
    };
    if let (Some(old), Some(new)) = (text(old), text(new))
        && old != new
        && old.chars().count().max(new.chars().count()) > PREVIEW_CHARS
    {
        let same = old
            .chars()
            .zip(new.chars())
            .take_while(|(a, b)| a == b)
            .count();
        return (excerpt(&old, same), excerpt(&new, same));
    }
    let preview = |param: Option<&ParamKey>| match param {
        Some(param) => param.preview.clone(),
        None => "(not there)".to_owned(),
    };
    (preview(old), preview(new))
}

/// The surroundings of one character of a text, cut at words, with ellipses where something is left out.
fn excerpt(text: &str, at: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let wanted = at.saturating_sub(PREVIEW_CHARS / 3);
    let start = if wanted == 0 {
        0
    } else {
        (wanted..at).find(|i| chars[i - 1] == ' ').unwrap_or(wanted)
    };
    let end = (start + PREVIEW_CHARS).min(chars.len());
    let middle: String = chars[start..end].iter().collect();
    let (head, tail) = (
        if start > 0 { "…" } else { "" },
        if end < chars.len() { "…" } else { "" },
    );
    format!("\"{head}{middle}{tail}\"")
}

/// Path of the first part in which two values differ, for example `scenes[2].text`; empty when the whole differs.
fn first_difference(old: &serde_json::Value, new: &serde_json::Value) -> String {
    let mut path = String::new();
    difference(old, new, &mut path);
    path.trim_start_matches('.').to_owned()
}

fn difference(old: &serde_json::Value, new: &serde_json::Value, path: &mut String) {
    use serde_json::Value as Json;
    match (old, new) {
        (Json::Array(old), Json::Array(new)) => {
            let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
            if same < old.len().max(new.len()) {
                path.push_str(&format!("[{same}]"));
                if let (Some(old), Some(new)) = (old.get(same), new.get(same)) {
                    difference(old, new, path);
                }
            }
        }
        (Json::Object(old), Json::Object(new)) => {
            let changed = new
                .keys()
                .chain(old.keys())
                .find(|name| old.get(*name) != new.get(*name));
            if let Some(name) = changed {
                path.push('.');
                path.push_str(name);
                if let (Some(old), Some(new)) = (old.get(name), new.get(name)) {
                    difference(old, new, path);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scene, Script};

    #[test]
    fn long_texts_are_shown_where_they_differ() {
        let key = |text: String| ParamKey::new(&Value::Text(text), None);
        let long = |end: &str| {
            key(format!(
                "{} keep the honey {end} and closed.",
                "Bees dance all day. ".repeat(9)
            ))
        };
        let reason = param_reason("text", Some(&long("dry")), Some(&long("cool")));
        let RerunReason::Param { old, new, .. } = reason else {
            panic!("{reason:?}")
        };
        assert_eq!(old, "\"…day. keep the honey dry and closed.\"");
        assert_eq!(new, "\"…day. keep the honey cool and closed.\"");
    }

    #[test]
    fn equal_work_has_equal_hashes() {
        let key = |version, text: &str| NodeKey {
            version,
            params: BTreeMap::from([(
                "text".to_owned(),
                ParamKey::new(&Value::Text(text.into()), None),
            )]),
        };
        assert_eq!(key(1, "a").hash(), key(1, "a").hash());
        assert_ne!(key(1, "a").hash(), key(1, "b").hash());
        assert_ne!(key(1, "a").hash(), key(2, "a").hash());
    }

    fn script(texts: &[&str]) -> Value {
        Value::Script(Script {
            title: "t".into(),
            language: "en".into(),
            scenes: texts
                .iter()
                .enumerate()
                .map(|(i, text)| Scene::new(format!("s{}", i + 1), *text))
                .collect(),
        })
    }

    fn key(version: u32, params: &[(&str, Value, Option<&str>)]) -> NodeKey {
        NodeKey {
            version,
            params: params
                .iter()
                .map(|(name, value, from)| {
                    (
                        (*name).to_owned(),
                        ParamKey::new(value, from.map(str::to_owned)),
                    )
                })
                .collect(),
        }
    }

    #[test]
    fn equal_keys_have_no_reasons_and_no_old_key_is_a_first_run() {
        let one = key(1, &[("speed", Value::Float(1.0), None)]);
        assert!(rerun_reasons(Some(&one), &one).is_empty());
        assert_eq!(rerun_reasons(None, &one), [RerunReason::FirstRun]);
    }

    // spec: W-56
    #[test]
    fn every_difference_is_named() {
        let old = key(
            1,
            &[
                ("gone", Value::Int(1), None),
                ("script", script(&["a", "b", "c"]), Some("words")),
                ("speed", Value::Float(1.0), None),
            ],
        );
        let new = key(
            2,
            &[
                ("script", script(&["a", "b", "x"]), Some("words")),
                ("speed", Value::Float(1.1), None),
            ],
        );
        let texts: Vec<String> = rerun_reasons(Some(&old), &new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "node version 1 -> 2",
                "param gone 1 -> (not there)",
                "input script changed at scenes[2].text, from words",
                "param speed 1.0 -> 1.1",
            ]
        );
    }

    #[test]
    fn a_longer_list_differs_at_its_first_new_item() {
        let (old, new) = (script(&["a"]), script(&["a", "b"]));
        assert_eq!(
            first_difference(&old.to_json(), &new.to_json()),
            "scenes[1]"
        );
    }

    #[test]
    fn keys_survive_storage() {
        let key = key(3, &[("script", script(&["é"]), Some("n"))]);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<NodeKey>(&json).unwrap(), key);
    }

    #[test]
    fn large_values_are_kept_as_hashes_only() {
        let value = Value::Text("x".repeat(KEPT_VALUE_BYTES));
        let param = ParamKey::new(&value, None);
        assert!(param.value.is_none());
        assert_eq!(param.hash.len(), 64);
        assert!(param.preview.chars().count() <= PREVIEW_CHARS);
    }
}
