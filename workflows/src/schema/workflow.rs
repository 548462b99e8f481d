//! The schema of workflows: keys from the lists the reader uses, `with` from the descriptors of node types.
//!
//! Neighbours: `graph::keys` holds keys and words; `params` makes schemas of parameters. A key without a shape here fails
//! a test.

use serde_json::{Map, Value as Json, json};

use super::params;
use super::values::{
    any_of, choice, definitions, described, duration, expression, int, named, object, one_or_many,
    text,
};
use crate::graph::RetryClass;
use crate::graph::keys::{self, KeyDoc};
use crate::input::InputType;
use crate::models::Role;
use crate::node::NodeDescriptor;
use crate::nodes;

/// The schema of the whole document.
pub(super) fn schema() -> Json {
    let mut definitions = definitions();
    definitions.insert("input".to_owned(), input());
    definitions.insert("node".to_owned(), node());
    for descriptor in nodes::descriptors() {
        definitions.insert(
            with_name(descriptor),
            described(params::of_node(&descriptor.params), descriptor.summary),
        );
    }
    let mut schema = map_of(&keys::DOCUMENT_KEYS, document_value);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Fenta workflow");
    schema["required"] = json!(["fenta", "nodes"]);
    schema["definitions"] = Json::Object(definitions);
    schema
}

/// A map with the keys of a list, each with its documentation.
fn map_of(keys: &[KeyDoc], shape: fn(&str) -> Option<Json>) -> Json {
    let properties: Map<String, Json> = keys
        .iter()
        .filter_map(|key| Some((key.name.to_owned(), described(shape(key.name)?, key.doc))))
        .collect();
    object(properties, &[])
}

fn document_value(key: &str) -> Option<Json> {
    Some(match key {
        "fenta" => json!({ "const": "workflow/v1" }),
        "name" | "description" => text(),
        "seed" => json!({ "type": "integer" }),
        "inputs" => named(json!({ "$ref": "#/definitions/input" })),
        "vars" | "outputs" => named(json!({})),
        "nodes" => {
            let mut nodes = named(json!({ "$ref": "#/definitions/node" }));
            nodes["minProperties"] = json!(1);
            nodes
        }
        "providers" => providers(),
        "budget" => map_of(&keys::BUDGET_KEYS, budget_value),
        "network" => choice(keys::NETWORKS),
        "schedule" => one_or_many(map_of(&keys::SCHEDULE_KEYS, schedule_value)),
        "watch" => map_of(&keys::WATCH_KEYS, watch_value),
        _ => return None,
    })
}

fn providers() -> Json {
    let model = json!({ "type": "string", "minLength": 1, "examples": ["ollama:qwen3:8b"] });
    let mut names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    names.extend(["tts", "asr"]);
    let properties = names
        .into_iter()
        .map(|name| (name.to_owned(), one_or_many(model.clone())))
        .collect();
    object(properties, &[])
}

fn budget_value(key: &str) -> Option<Json> {
    Some(match key {
        "max_usd" | "max_credits" | "max_render_seconds" => {
            json!({ "type": "number", "minimum": 0 })
        }
        "on_exceed" => choice(keys::ON_EXCEED),
        "alert_at" => one_or_many(int(1, 100)),
        "unknown_prices" => choice(keys::UNKNOWN_PRICES),
        _ => return None,
    })
}

fn schedule_value(key: &str) -> Option<Json> {
    Some(match key {
        "cron" => json!({ "type": "string", "examples": ["0 7 * * 1-5", "@daily"] }),
        "timezone" => json!({ "type": "string", "examples": ["Europe/Berlin", "UTC"] }),
        "catch_up" => choice(keys::CATCH_UP),
        "overlap" => choice(keys::OVERLAP),
        "jitter" => duration(),
        "start" | "end" => {
            json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}" })
        }
        "inputs" => named(json!({})),
        "enabled" => json!({ "type": "boolean" }),
        "notify" => map_of(&keys::NOTIFY_KEYS, notify_value),
        _ => return None,
    })
}

fn notify_value(key: &str) -> Option<Json> {
    Some(match key {
        "webhook" => json!({ "type": "string", "pattern": "^https?://" }),
        "secret_ref" => text(),
        "desktop" => json!({ "type": "boolean" }),
        "on" => one_or_many(choice(keys::NOTIFY_ON)),
        _ => return None,
    })
}

fn watch_value(key: &str) -> Option<Json> {
    Some(match key {
        "path" | "into" => text(),
        "match" | "requires" => one_or_many(text()),
        "settle" => duration(),
        "group_by" => choice(keys::GROUP_BY),
        "after" => json!({ "type": "string", "pattern": "^(keep|delete|move:.+)$" }),
        "while_busy" => choice(keys::WHILE_BUSY),
        "initial" => choice(keys::INITIAL),
        "poll" => duration(),
        "notify" => map_of(&keys::NOTIFY_KEYS, notify_value),
        _ => return None,
    })
}

/// An input: its type's name alone, or a map.
fn input() -> Json {
    let mut map = map_of(&keys::INPUT_KEYS, input_value);
    map["required"] = json!(["type"]);
    any_of(vec![input_type(), map])
}

fn input_type() -> Json {
    let names = InputType::NAMES;
    let lists = names.iter().map(|name| format!("{name}[]"));
    let all: Vec<String> = names
        .iter()
        .map(|name| (*name).to_owned())
        .chain(lists)
        .collect();
    json!({ "type": "string", "enum": all })
}

fn input_value(key: &str) -> Option<Json> {
    Some(match key {
        "type" => input_type(),
        "default" => json!({}),
        "required" => json!({ "type": "boolean" }),
        "help" | "pattern" => text(),
        "min" | "max" => json!({ "type": ["number", "string"] }),
        "max_length" => json!({ "type": "integer", "minimum": 0 }),
        "of" => json!({ "type": "array", "items": text() }),
        "kind" => choice(keys::ASSET_KINDS),
        "accept" => one_or_many(text()),
        _ => return None,
    })
}

fn node() -> Json {
    let mut node = map_of(&keys::NODE_KEYS, node_value);
    node["required"] = json!(["type"]);
    node["allOf"] = nodes::descriptors().map(with_of_type).collect();
    node
}

fn node_value(key: &str) -> Option<Json> {
    Some(match key {
        "type" => {
            let mut kinds = choice(nodes::descriptors().map(|node| node.kind));
            // Editors show these beside the words.
            kinds["markdownEnumDescriptions"] =
                nodes::descriptors().map(|node| node.summary).collect();
            kinds
        }
        "with" => json!({ "type": "object" }),
        "needs" => one_or_many(text()),
        "if" => any_of(vec![json!({ "type": "boolean" }), expression()]),
        "for_each" => any_of(vec![json!({ "type": "array" }), expression()]),
        "max_parallel" => int(1, 64),
        "retry" => any_of(vec![int(1, 10), map_of(&keys::RETRY_KEYS, retry_value)]),
        "timeout" => duration(),
        "cache" => {
            let ttl = |_: &str| Some(duration());
            any_of(vec![choice(keys::CACHE), map_of(&keys::CACHE_KEYS, ttl)])
        }
        "on_error" => {
            let fallback = |_: &str| Some(json!({ "type": "object" }));
            any_of(vec![
                choice(keys::ON_ERROR),
                map_of(&keys::ON_ERROR_KEYS, fallback),
            ])
        }
        "optional" => json!({ "type": "boolean" }),
        _ => return None,
    })
}

fn retry_value(key: &str) -> Option<Json> {
    Some(match key {
        "attempts" => int(1, 10),
        "backoff" => json!({ "type": "string", "examples": ["2s..60s"] }),
        "on" => one_or_many(choice(RetryClass::ALL.iter().map(|class| class.name()))),
        _ => return None,
    })
}

/// What `with` may hold follows from the node's type; so do what must be in it and what may replace it after a failure.
fn with_of_type(descriptor: &NodeDescriptor) -> Json {
    let params = json!({ "$ref": format!("#/definitions/{}", with_name(descriptor)) });
    let required = params::required(&descriptor.params);
    let mut then = json!({ "properties": {
        "with": params,
        "on_error": { "properties": { "fallback": params } },
    } });
    if !required.is_empty() {
        then["required"] = json!(["with"]);
        then["properties"]["with"] = json!({ "allOf": [params, { "required": required }] });
    }
    json!({
        "if": { "properties": { "type": { "const": descriptor.kind } }, "required": ["type"] },
        "then": then,
    })
}

fn with_name(descriptor: &NodeDescriptor) -> String {
    format!("{}.with", descriptor.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_language_has_a_shape() {
        type Shape = fn(&str) -> Option<Json>;
        let lists: [(&[KeyDoc], Shape); 8] = [
            (&keys::DOCUMENT_KEYS, document_value),
            (&keys::NODE_KEYS, node_value),
            (&keys::INPUT_KEYS, input_value),
            (&keys::BUDGET_KEYS, budget_value),
            (&keys::SCHEDULE_KEYS, schedule_value),
            (&keys::WATCH_KEYS, watch_value),
            (&keys::NOTIFY_KEYS, notify_value),
            (&keys::RETRY_KEYS, retry_value),
        ];
        for (keys, shape) in lists {
            for key in keys {
                assert!(shape(key.name).is_some(), "`{}` has no shape", key.name);
            }
        }
        for later in keys::DOCUMENT_KEYS_LATER {
            assert!(document_value(later).is_none());
        }
        for later in keys::NODE_KEYS_LATER {
            assert!(node_value(later).is_none());
        }
    }
}
