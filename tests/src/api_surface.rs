//! What an API promises, as sorted lines that can be compared: routes, what they take, what they answer with. A line that
//! goes, or a new thing that is required, breaks somebody's program.

use std::collections::BTreeSet;

use serde_json::Value;

/// How deep shapes are followed; deeper ones repeat themselves.
const DEPTH: usize = 6;

/// The lines of an OpenAPI document.
pub fn surface(document: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let paths = document["paths"].as_object();
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let route = format!("{} {path}", method.to_uppercase());
            lines.insert(route.clone());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default();
                let place = parameter["in"].as_str().unwrap_or_default();
                let mark = required_mark(parameter["required"] == true);
                lines.insert(format!("{route} {place}{mark} {name}"));
            }
            let body = &operation["requestBody"];
            if !body.is_null() {
                lines.insert(format!(
                    "{route} body{}",
                    required_mark(body["required"] == true)
                ));
            }
            let mut shape = Shape {
                document,
                lines: &mut lines,
            };
            for content in contents(body) {
                shape.follow(content, &format!("{route} <"), "", DEPTH);
            }
            for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                shape.lines.insert(format!("{route} -> {status}"));
                for content in contents(answer) {
                    shape.follow(content, &format!("{route} {status} >"), "", DEPTH);
                }
            }
        }
    }
    lines
}

fn required_mark(required: bool) -> &'static str {
    if required { "!" } else { "" }
}

fn contents(part: &Value) -> impl Iterator<Item = &Value> {
    let kinds = part["content"].as_object();
    kinds
        .into_iter()
        .flat_map(|kinds| kinds.values())
        .map(|content| &content["schema"])
}

struct Shape<'a> {
    document: &'a Value,
    lines: &'a mut BTreeSet<String>,
}

impl Shape<'_> {
    /// Writes the fields of a schema; `<` is what is taken, so there it matters what is required.
    fn follow(&mut self, schema: &Value, route: &str, at: &str, depth: usize) {
        if depth == 0 {
            return;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference
                .strip_prefix('#')
                .and_then(|pointer| self.document.pointer(pointer))
                .cloned()
                .unwrap_or_default();
            return self.follow(&target, route, at, depth - 1);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            for one in schema[several].as_array().into_iter().flatten() {
                self.follow(one, route, at, depth - 1);
            }
        }
        if !schema["items"].is_null() {
            self.follow(&schema["items"], route, &format!("{at}[]"), depth - 1);
        }
        for word in schema["enum"].as_array().into_iter().flatten() {
            self.lines.insert(format!("{route} {at} = {word}"));
        }
        if !schema["const"].is_null() {
            self.lines
                .insert(format!("{route} {at} = {}", schema["const"]));
        }
        let required = |name: &str| {
            schema["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|known| known == name))
        };
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{at}.{name}");
            // Of what is answered everything may be read; of what is taken it matters what must be there.
            let mark = required_mark(route.ends_with('<') && required(name));
            self.lines.insert(format!("{route}{mark} {place}"));
            self.follow(field, route, &place, depth - 1);
        }
    }
}

/// What of `after` breaks programs written for `before`.
pub fn breaking(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let is_new_demand = |line: &&String| {
        let demands = line.contains("! ") || line.ends_with('!');
        let route = line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
        // A route that was not there asks nobody who knew it not.
        demands && !before.contains(*line) && before.contains(&route)
    };
    let gone = before.iter().filter(|line| {
        // What was demanded may become free.
        let freed = line.replacen("! ", " ", 1);
        let freed = freed.strip_suffix('!').unwrap_or(&freed).to_owned();
        !after.contains(*line) && !after.contains(&freed)
    });
    let gone = gone.map(|line| format!("gone: {line}"));
    let asked = after.iter().filter(is_new_demand);
    gone.chain(asked.map(|line| format!("newly required: {line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(required: &[&str], answer: &str) -> Value {
        json!({
            "paths": { "/v1/x": { "post": {
                "parameters": [{ "name": "limit", "in": "query", "required": false }],
                "requestBody": {
                    "required": true,
                    "content": { "application/json": { "schema": { "$ref": "#/s/In" } } },
                },
                "responses": { "201": {
                    "content": { "application/json": { "schema": {
                        "type": "array", "items": { "properties": { answer: {} } },
                    } } },
                } },
            } } },
            "s": { "In": { "properties": { "a": {}, "b": {} }, "required": required } },
        })
    }

    #[test]
    fn what_goes_and_what_is_newly_asked_for_breaks() {
        let before = surface(&document(&["a"], "id"));
        assert!(before.contains("POST /v1/x <! .a") && before.contains("POST /v1/x < .b"));
        assert!(before.contains("POST /v1/x 201 > [].id"), "{before:?}");
        assert!(before.contains("POST /v1/x body!"));
        assert_eq!(breaking(&before, &before), [""; 0]);
        let stricter = surface(&document(&["a", "b"], "id"));
        let found = breaking(&before, &stricter).join("\n");
        assert!(
            found.contains("newly required: POST /v1/x <! .b"),
            "{found}"
        );
        let poorer = surface(&document(&["a"], "name"));
        assert_eq!(breaking(&before, &poorer), ["gone: POST /v1/x 201 > [].id"]);
        let freer = surface(&document(&[], "id"));
        assert_eq!(breaking(&before, &freer), [""; 0]);
        let none = surface(&json!({ "paths": {} }));
        assert_eq!(
            breaking(&none, &stricter),
            [""; 0],
            "new routes break nothing"
        );
        assert!(!breaking(&before, &none).is_empty());
    }
}
