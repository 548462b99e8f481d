//! Somebody who receives webhooks: takes what is sent as a message and says nothing.

use super::{Fake, Heard, Reply};

/// What it answers.
pub fn vendor(heard: &Heard, _fake: &Fake) -> Reply {
    let is_message = heard.method == "POST"
        && heard.header("webhook-id").is_some()
        && heard.header("webhook-timestamp").is_some();
    match heard.path.as_str() {
        "/hook" if is_message => Reply::json(200, &serde_json::json!({ "received": "thank you" })),
        "/hook" => Reply::json(400, &serde_json::json!({ "error": "this is no message" })),
        _ => Reply::json(404, &serde_json::json!({ "error": "no such path" })),
    }
}
