//! A vendor that speaks the chat of the OpenAI dialect: OpenAI itself, OpenRouter, and most servers at home.
//!
//! It answers with a script that fits what was asked, or with what the test told it to say.

use serde_json::{Value as Json, json};

use super::{Fake, Heard, Reply};

/// A script of three scenes.
pub const SCRIPT: &str = r#"{"title":"Why bees dance","scenes":[
 {"text":"A bee dances and the whole hive listens.","visual":["bee dancing","bee","insect"],"on_screen":"The dance","emphasis":["dances"]},
 {"text":"Every turn is a map to flowers far away.","visual":["flower field","flowers","meadow"],"on_screen":null,"emphasis":["map"]},
 {"text":"So a garden feeds a family of thousands.","visual":["garden","bees hive","nature"],"on_screen":null,"emphasis":[]}]}"#;

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if heard.method == "GET" && heard.path.ends_with("/models") {
        let models = json!({ "object": "list", "data": [{ "id": "qwen3:8b", "object": "model" }] });
        return Reply::json(200, &models);
    }
    if heard.method != "POST" || !heard.path.ends_with("/chat/completions") {
        let error = json!({ "error": { "message": "no such path", "type": "invalid_request_error", "code": null } });
        return Reply::json(404, &error);
    }
    let asked = heard.json();
    if let Some(wrong) = unfit(&asked) {
        let error =
            json!({ "error": { "message": wrong, "type": "invalid_request_error", "code": null } });
        return Reply::json(400, &error);
    }
    answer(&asked, fake)
}

fn answer(asked: &Json, fake: &Fake) -> Reply {
    let said = fake.next_line().unwrap_or_else(|| SCRIPT.to_owned());
    let (said, finish) = match said.strip_prefix("LENGTH ") {
        Some(rest) => (rest.to_owned(), "length"),
        None => (said, "stop"),
    };
    let answer = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": asked["model"],
        "choices": [{
            "index": 0,
            "finish_reason": finish,
            "message": { "role": "assistant", "content": said, "refusal": null }
        }],
        "usage": {
            "prompt_tokens": 812, "completion_tokens": 390, "total_tokens": 1202,
            "cost": 0.00123
        }
    });
    Reply::json(200, &answer).charged()
}

/// A server that has never heard of schemas, and says no as vLLM and older llama.cpp do.
pub fn without_schemas(heard: &Heard, fake: &Fake) -> Reply {
    let asked = heard.json();
    if asked["response_format"]["type"] == "json_schema" {
        let error = json!({ "error": { "message": "response_format: type must be one of 'text', 'json_object'", "code": 400 } });
        return Reply::json(400, &error);
    }
    answer(&asked, fake)
}

/// What the documented form does not allow.
fn unfit(asked: &Json) -> Option<String> {
    let schema = &asked["response_format"]["json_schema"];
    if asked["model"].as_str().is_none_or(str::is_empty) {
        return Some("model is missing".to_owned());
    }
    if asked["messages"].as_array().is_none_or(Vec::is_empty) {
        return Some("messages are missing".to_owned());
    }
    if asked["response_format"]["type"] != "json_schema" || schema["strict"] != true {
        return Some("the schema is not strict".to_owned());
    }
    let name = schema["name"].as_str().unwrap_or_default();
    let name_fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !name_fits {
        return Some(format!("the schema cannot be called `{name}`"));
    }
    loose(&schema["schema"])
}

/// The strict form: every property is required, and no other is allowed.
fn loose(schema: &Json) -> Option<String> {
    if let Some(properties) = schema["properties"].as_object() {
        if schema["additionalProperties"] != false {
            return Some("additionalProperties must be false".to_owned());
        }
        for (name, inner) in properties {
            let required = schema["required"].as_array();
            if !required.is_some_and(|all| all.iter().any(|one| one == name)) {
                return Some(format!("{name} is not required"));
            }
            if let Some(wrong) = loose(inner) {
                return Some(wrong);
            }
        }
    }
    schema.get("items").and_then(loose)
}
