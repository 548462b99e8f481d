//! Parameters of nodes as schemas: type, limits, words, default, and the expression that may stand instead.
//!
//! Neighbours: `node` says what a parameter may hold; its checks take exactly what these schemas take, as far as a
//! schema can say it.

use serde_json::{Map, Value as Json, json};

use super::values::{
    any_of, choice, color, described, duration, expression, object, or_expression, refused,
};
use crate::node::{LANGUAGE_PATTERN, ParamSpec, ParamType};
use crate::value::{PortType, Value};

/// The parameters of a node; what must be there depends on where they stand.
pub(super) fn of_node(params: &[ParamSpec]) -> Json {
    object(properties(params), &[])
}

/// The names that must be there.
pub(super) fn required(params: &[ParamSpec]) -> Vec<&'static str> {
    let needed = params.iter().filter(|param| param.required);
    needed.map(|param| param.name).collect()
}

fn properties(params: &[ParamSpec]) -> Map<String, Json> {
    params
        .iter()
        .map(|param| (param.name.to_owned(), property(param)))
        .collect()
}

fn property(param: &ParamSpec) -> Json {
    if let Some(instead) = param.later {
        return described(refused(instead), param.doc);
    }
    let later: Vec<&str> = param.later_words.iter().map(|(word, _)| *word).collect();
    let mut value = or_expression(value(&param.param_type, &later));
    if !param.required {
        value = any_of(vec![value, json!({ "type": "null" })]);
    }
    let mut value = described(value, doc(param));
    if param.default != Value::Null {
        value["default"] = param.default.to_json();
    }
    value
}

fn doc(param: &ParamSpec) -> String {
    match param.unit {
        Some(unit) => format!("{} In {unit}.", param.doc),
        None => param.doc.to_owned(),
    }
}

/// What a parameter takes; a part of it may be an expression wherever values nest.
fn value(param_type: &ParamType, later: &[&str]) -> Json {
    match param_type {
        ParamType::Text { max_chars } => json!({ "type": "string", "maxLength": max_chars }),
        ParamType::Int { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        ParamType::Number { min, max } => {
            json!({ "type": "number", "minimum": min, "maximum": max })
        }
        ParamType::Bool => json!({ "type": "boolean" }),
        ParamType::Duration { min, max } => any_of(vec![
            duration(),
            json!({ "type": "integer", "minimum": min, "maximum": max }),
        ]),
        ParamType::OneOf(words) => {
            choice(words.iter().copied().filter(|word| !later.contains(word)))
        }
        ParamType::Color => color(),
        ParamType::Language => json!({ "type": "string", "pattern": LANGUAGE_PATTERN }),
        ParamType::Url => json!({ "type": "string", "pattern": "^https?://" }),
        ParamType::Model => {
            json!({ "type": "string", "minLength": 1, "examples": ["ollama:qwen3:8b"] })
        }
        ParamType::SourcePath | ParamType::ResultPath => {
            json!({ "type": "string", "pattern": r"\S" })
        }
        ParamType::Seed => json!({ "type": "integer" }),
        ParamType::Port(port) => port_value(port),
        ParamType::Many(inner) => {
            let one = value(inner, later);
            let list = json!({ "type": "array", "items": or_expression(one.clone()) });
            any_of(vec![one, list])
        }
        ParamType::Either(types) => any_of(types.iter().map(|one| value(one, later)).collect()),
        ParamType::Fields(fields) => object(properties(fields), &required(fields)),
        ParamType::Texts => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        ParamType::Fill => json!({ "type": "object" }),
    }
}

/// What a document can write where a value of another node is wanted.
fn port_value(port: &PortType) -> Json {
    match port {
        PortType::Text => json!({ "type": "string" }),
        PortType::Number => json!({ "type": "number" }),
        PortType::Bool => json!({ "type": "boolean" }),
        PortType::Json => json!({}),
        PortType::List(inner) => {
            let one = or_expression(port_value(inner));
            let list = json!({ "type": "array", "items": one.clone() });
            any_of(vec![one, list])
        }
        _ => expression(),
    }
}
