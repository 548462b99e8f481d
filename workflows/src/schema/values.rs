//! The common parts of the schemas: texts, numbers, choices, and places where an expression may stand instead.
//!
//! Neighbours: `params`, `workflow` and `template` build with them.

use serde_json::{Map, Value as Json, json};

/// Names of nodes, inputs, variables and outputs.
const NAME: &str = "^[a-z][a-z0-9_]{0,39}$";
/// A length of time: `300ms`, `2.5s`, `1m30s`.
const DURATION: &str = r"^\s*([0-9]*\.?[0-9]+(ms|s|m|h))+\s*$";

/// The definitions every schema of workflows has.
pub(super) fn definitions() -> Map<String, Json> {
    let mut all = Map::new();
    all.insert(
        "expression".to_owned(),
        json!({
            "type": "string",
            "pattern": r"\$\{\{",
            "description": "A `${{ … }}` expression; it may see inputs, vars, nodes, job, item and index.",
        }),
    );
    all
}

/// A text with an expression in it.
pub(super) fn expression() -> Json {
    json!({ "$ref": "#/definitions/expression" })
}

/// The value itself or an expression.
pub(super) fn or_expression(value: Json) -> Json {
    any_of(vec![value, expression()])
}

/// One of several; nested choices are made one.
pub(super) fn any_of(values: Vec<Json>) -> Json {
    let mut all: Vec<Json> = Vec::new();
    for value in values {
        let inner = match value {
            Json::Object(mut map) if map.len() == 1 && map.contains_key("anyOf") => {
                match map.remove("anyOf") {
                    Some(Json::Array(inner)) => inner,
                    _ => Vec::new(),
                }
            }
            other => vec![other],
        };
        for one in inner {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    match <[Json; 1]>::try_from(all) {
        Ok([one]) => one,
        Err(all) => json!({ "anyOf": all }),
    }
}

/// A map with these keys and no others.
pub(super) fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// A map whose keys are names the author gives.
pub(super) fn named(value: Json) -> Json {
    json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": value,
    })
}

/// One of these words.
pub(super) fn choice<'a>(words: impl IntoIterator<Item = &'a str>) -> Json {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "type": "string", "enum": words })
}

/// A text.
pub(super) fn text() -> Json {
    json!({ "type": "string" })
}

/// A whole number within limits.
pub(super) fn int(min: i64, max: i64) -> Json {
    json!({ "type": "integer", "minimum": min, "maximum": max })
}

/// A length of time as text.
pub(super) fn duration() -> Json {
    json!({ "type": "string", "pattern": DURATION, "examples": ["2.5s", "1m30s"] })
}

/// A colour as text.
pub(super) fn color() -> Json {
    json!({ "type": "string", "pattern": "^#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$", "examples": ["#FFD400"] })
}

/// One value or a list of such.
pub(super) fn one_or_many(value: Json) -> Json {
    let list = json!({ "type": "array", "items": value.clone() });
    any_of(vec![value, list])
}

/// Something this version refuses wherever it stands.
pub(super) fn refused(instead: &str) -> Json {
    json!({
        "not": {},
        "doNotSuggest": true,
        "errorMessage": format!("not available in this version yet: {instead}"),
    })
}

/// The value with what it means.
pub(super) fn described(mut value: Json, doc: impl Into<String>) -> Json {
    let doc = doc.into();
    match &mut value {
        // Whatever stands beside `$ref` is not read.
        Json::Object(map) if map.contains_key("$ref") => {
            json!({ "description": doc, "allOf": [value] })
        }
        Json::Object(map) => {
            map.insert("description".to_owned(), Json::String(doc));
            value
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_of_choices_are_one_choice() {
        let nested = any_of(vec![or_expression(text()), expression()]);
        assert_eq!(nested, json!({ "anyOf": [text(), expression()] }));
        assert_eq!(any_of(vec![text(), text()]), text());
    }

    #[test]
    fn references_are_described_beside_not_inside() {
        assert_eq!(
            described(expression(), "why"),
            json!({ "description": "why", "allOf": [expression()] })
        );
    }
}
