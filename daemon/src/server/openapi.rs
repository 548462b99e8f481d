//! `GET /v1/openapi.json`: OpenAPI 3.1, printed from the table of routes and from the types that cross the wire.

use axum::Json;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::once::KEY_BYTES;
use super::routes::{Content, Given, Method, Once, Operation};

pub(super) async fn show() -> Json<Value> {
    Json(super::openapi())
}

/// What is said about the segments of paths that are no words.
const SEGMENTS: &[(&str, &str)] = &[
    (
        "id",
        "Its id, or what the resource takes for one: a unique beginning, a name, `latest`.",
    ),
    ("digest", "A digest, or a unique beginning of one."),
    ("name", "Its name."),
    ("number", "The number of the part, from 1."),
    ("vendor", "The name of a provider."),
];

/// The whole description.
pub(super) fn document(operations: &[Operation]) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let described = describe(operation, &mut generator);
        let path = paths
            .entry(operation.path.to_owned())
            .or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(operation.method.as_str().to_owned(), described);
        }
    }
    let problem = generator.subschema_for::<fenta_client::api::problem::Problem>();
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fenta",
            "version": "v1",
            "description": ABOUT,
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Problem": {
                    "description": "It was not done; the body says why.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": schemas,
        },
    })
}

const ABOUT: &str = "One API for the daemon on a machine and for servers. Errors are RFC 9457 problems with a stable \
    `code`. A POST with an `Idempotency-Key` that makes something does so once: the same key with the same body gets the first \
    answer again, with another body 422, while the first is in progress 409. Lists go on at `next_cursor`. Answers to GET carry \
    an `ETag`, and `If-None-Match` is answered with 304. Over TCP every request needs `Authorization: Bearer`.";

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = segments(operation.path);
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(&query(generator).to_value()));
    }
    if operation.once != Once::NoKey {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same key makes it once.",
            "schema": { "type": "string", "minLength": 1, "maxLength": KEY_BYTES },
        }));
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.about,
        "tags": [tag(operation.path)],
        "responses": {
            operation.answer.0.to_string(): answer(operation, generator),
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let Some(object) = described.as_object_mut() {
        if !parameters.is_empty() {
            object.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if let Some(given) = operation.given {
            object.insert("requestBody".to_owned(), request_body(given, generator));
        }
        if let (Content::Bytes, Some(responses)) = (operation.answer.1, object.get_mut("responses"))
        {
            responses["206"] = json!({
                "description": "The part that was asked for.",
                "content": { "application/octet-stream": {} },
            });
        }
    }
    described
}

/// `/v1/jobs/{id}` is of the jobs.
fn tag(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default()
}

fn segments(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let about = SEGMENTS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or("", |(_, about)| about);
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "description": about,
                "schema": match name {
                    "number" => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
                    _ => json!({ "type": "string", "minLength": 1 }),
                },
            })
        })
        .collect()
}

/// The properties of an object as parameters.
fn query_parameters(schema: &Value) -> Vec<Value> {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known == name))
    };
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, field)| {
            let mut field = field.clone();
            let about = field
                .as_object_mut()
                .and_then(|field| field.remove("description"));
            json!({
                "name": name,
                "in": "query",
                "required": required(name),
                "description": about.unwrap_or_default(),
                "schema": without_null(field),
            })
        })
        .collect()
}

/// A query cannot say null: what may be missing is simply missing.
fn without_null(mut field: Value) -> Value {
    if let Some(kinds) = field["type"].as_array() {
        let mut kinds: Vec<Value> = kinds
            .iter()
            .filter(|kind| *kind != "null")
            .cloned()
            .collect();
        if kinds.len() == 1 {
            field["type"] = kinds.remove(0);
        } else {
            field["type"] = Value::Array(kinds);
        }
    }
    let null = json!({ "type": "null" });
    if let Some(any) = field["anyOf"].as_array() {
        let mut any: Vec<Value> = any.iter().filter(|one| **one != null).cloned().collect();
        if any.len() == 1 {
            return any.remove(0);
        }
        field["anyOf"] = Value::Array(any);
    }
    field
}

fn request_body(given: Given, generator: &mut SchemaGenerator) -> Value {
    let json = |schema: Value, required: bool| {
        json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        })
    };
    match given {
        Given::Json(schema) => json(schema(generator).to_value(), true),
        Given::MaybeJson(schema) => json(schema(generator).to_value(), false),
        Given::Bytes => json!({
            "required": true,
            "content": { "application/octet-stream": {} },
        }),
    }
}

fn answer(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let (status, content) = operation.answer;
    let description = match status {
        201 => "It was made.",
        202 => "It was accepted, and that is on disk.",
        204 => "Done.",
        _ => "The answer.",
    };
    let of = |kind: &str, content: Value| json!({ "description": description, "content": { kind: content } });
    let mut answer = match content {
        Content::Empty => json!({ "description": description }),
        Content::Json(schema) => of(
            "application/json",
            json!({ "schema": schema(generator).to_value() }),
        ),
        // OpenAPI 3.1 has no words for the data of events.
        Content::Events(schema) => of(
            "text/event-stream",
            json!({ "schema": { "type": "string" }, "x-event-data": schema(generator).to_value() }),
        ),
        Content::Text(kind) => of(kind, json!({ "schema": { "type": "string" } })),
        Content::Bytes => of("application/octet-stream", json!({})),
    };
    if operation.method == Method::Get && matches!(content, Content::Json(_)) {
        answer["headers"] = json!({
            "ETag": { "description": "Changes with the answer.", "schema": { "type": "string" } },
        });
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_may_be_missing_without_null() {
        let schema = json!({
            "properties": {
                "limit": { "type": ["integer", "null"], "description": "At most." },
                "state": { "anyOf": [{ "$ref": "#/x" }, { "type": "null" }] },
                "path": { "type": "string" },
            },
            "required": ["path"],
        });
        let found = query_parameters(&schema);
        let of = |name: &str| found.iter().find(|one| one["name"] == name).unwrap();
        assert_eq!(of("limit")["schema"], json!({ "type": "integer" }));
        assert_eq!(of("limit")["description"], "At most.");
        assert_eq!(of("state")["schema"], json!({ "$ref": "#/x" }));
        assert_eq!(of("path")["required"], true);
        assert_eq!(of("limit")["required"], false);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_name_is_given_once() {
        let document = crate::server::openapi();
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 100, "{}", references.len());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut ids = std::collections::BTreeSet::new();
        for methods in document["paths"].as_object().unwrap().values() {
            for operation in methods.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id} twice");
                assert!(!operation["summary"].as_str().unwrap().is_empty());
            }
        }
        for (name, _) in SEGMENTS {
            assert!(!name.is_empty());
        }
    }

    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.push(reference.clone());
                }
                fields.values().for_each(|field| collect(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
}
