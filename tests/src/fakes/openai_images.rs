//! The pictures of the OpenAI dialect. It sends the picture itself, or where it lies when a test says `URL`; `TEXT` sends
//! something that is no picture.

use serde_json::json;

use super::{Fake, Heard, Reply, generated, tones};

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if heard.path.starts_with("/files/") {
        return Reply::file("image/png", generated::picture().to_vec());
    }
    if heard.method != "POST" || !heard.path.ends_with("/images/generations") {
        return Reply::json(
            404,
            &json!({ "error": { "message": "no such path", "type": "invalid_request_error" } }),
        );
    }
    let asked = heard.json();
    let size = asked["size"].as_str().and_then(|size| {
        let (w, h) = size.split_once('x')?;
        Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?))
    });
    let fits = |(w, h): (u32, u32)| {
        w.is_multiple_of(16) && h.is_multiple_of(16) && w <= 3 * h && h <= 3 * w
    };
    let wrong = match (&asked["model"], &asked["prompt"], size) {
        (model, _, _) if model.as_str().is_none_or(str::is_empty) => Some("model is missing"),
        (_, prompt, _) if prompt.as_str().is_none_or(str::is_empty) => Some("prompt is missing"),
        (_, _, size) if !size.is_some_and(fits) => Some("size cannot be made"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        return Reply::json(
            400,
            &json!({ "error": { "message": wrong, "type": "invalid_request_error" } }),
        );
    }
    let picture = match fake.next_line().as_deref() {
        Some("URL") => json!({ "url": format!("{}/files/picture.png", fake.url()) }),
        Some("TEXT") => json!({ "b64_json": tones::base64(b"this is no picture") }),
        _ => json!({ "b64_json": tones::base64(generated::picture()) }),
    };
    let answer =
        json!({ "created": 1_763_888_000, "data": [picture], "usage": { "total_tokens": 1106 } });
    Reply::json(200, &answer).charged()
}
