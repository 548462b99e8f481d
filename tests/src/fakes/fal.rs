//! fal's queue: work is given to a model's path, its state and result lie under owner and app.
//!
//! A test tells it what it says next when it is asked how far work is, each once: `WORKING`, `FAIL words`, `OLD` (an address that
//! has ended).

use serde_json::json;

use super::{Fake, Heard, Reply, generated};

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if heard.path.starts_with("/files/") {
        return match heard.path.contains("ended") {
            true => Reply::json(404, &json!({ "detail": "gone" })),
            false if heard.path.ends_with(".png") => {
                Reply::file("image/png", generated::picture().to_vec())
            }
            false => Reply::file("video/mp4", generated::clip().to_vec()),
        };
    }
    let key = heard.header("authorization").unwrap_or_default();
    if !key.starts_with("Key ") {
        return Reply::json(401, &json!({ "detail": "Authentication is required" }));
    }
    let parts: Vec<&str> = heard.path.trim_matches('/').split('/').collect();
    match (heard.method.as_str(), parts.as_slice()) {
        ("POST", [_, _, ..]) => create(heard, fake),
        ("GET", [_, _, "requests", _, "status"]) => {
            let line = fake.next_line().unwrap_or_default();
            let (code, status) = match line.as_str() {
                "WORKING" => (202, "IN_PROGRESS"),
                _ => (200, "COMPLETED"),
            };
            // What comes of it is told by the result.
            if line.starts_with("FAIL") || line == "OLD" {
                fake.say_first(&line);
            }
            Reply::json(
                code,
                &json!({ "status": status, "response_url": heard.path }),
            )
        }
        ("GET", [_, app, "requests", id]) => {
            let line = fake.next_line().unwrap_or_default();
            if let Some(why) = line.strip_prefix("FAIL ") {
                let error = json!({ "detail": [{ "loc": ["body", "prompt"], "msg": why, "type": "content_policy_violation" }] });
                return Reply::json(422, &error);
            }
            let name = if line == "OLD" { "ended" } else { id };
            if app.contains("video") {
                let url = format!("{}/files/{name}.mp4", fake.url());
                Reply::json(
                    200,
                    &json!({ "video": { "url": url, "content_type": "video/mp4" } }),
                )
            } else {
                let url = format!("{}/files/{name}.png", fake.url());
                Reply::json(
                    200,
                    &json!({ "images": [{ "url": url, "content_type": "image/png" }], "description": "" }),
                )
            }
        }
        _ => Reply::json(404, &json!({ "detail": "Path not found" })),
    }
}

fn create(heard: &Heard, fake: &Fake) -> Reply {
    let asked = heard.json();
    let wrong = |field: &str, why: &str| {
        let error =
            json!({ "detail": [{ "loc": ["body", field], "msg": why, "type": "value_error" }] });
        Reply::json(422, &error)
    };
    if asked["prompt"].as_str().is_none_or(str::is_empty) {
        return wrong("prompt", "field required");
    }
    if asked
        .get("duration")
        .is_some_and(|duration| !duration.is_string())
    {
        return wrong("duration", "must be a text");
    }
    let inline = |url: &serde_json::Value| {
        let text = url.as_str().unwrap_or_default();
        text.starts_with("data:image/") || text.starts_with("https://")
    };
    if asked.get("image_url").is_some_and(|url| !inline(url)) {
        return wrong("image_url", "is no address");
    }
    let id = format!("req-{}", fake.charged() + 1);
    let status = format!("{}{}/requests/{id}/status", fake.url(), heard.path);
    Reply::json(
        200,
        &json!({ "request_id": id, "status_url": status, "queue_position": 0 }),
    )
    .charged()
}
