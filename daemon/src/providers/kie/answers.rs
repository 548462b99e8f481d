//! How kie answers: with a code in the body whatever the status is, and with JSON inside texts of JSON.

use fenta_workflows::cost::Decimal;
use fenta_workflows::models::Models;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use serde::Deserialize;
use serde_json::Value as Json;

use super::super::desk::Desk;
use super::super::generation::failure;
use super::super::http::Answer;
use super::VENDOR;

/// What stands before the message of a failure about work that kie does not know.
const UNKNOWN: &str = "kie does not know what was asked for";

/// Why an answer holds nothing.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It said no.
    No(WorkerFailure),
    /// Nobody can tell what it said.
    Lost(WorkerFailure),
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    code: Json,
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    data: Json,
    /// What stands between us and kie says no in this form.
    #[serde(default)]
    error: Json,
}

impl Said {
    fn text(&self) -> &str {
        let texts = [
            self.msg.as_deref(),
            self.message.as_deref(),
            self.error["message"].as_str(),
        ];
        texts.into_iter().flatten().next().unwrap_or_default()
    }

    fn code(&self) -> Option<u16> {
        let code = match self.error.is_object() && self.code.is_null() {
            true => &self.error["code"],
            false => &self.code,
        };
        match code {
            Json::Number(number) => number.as_u64().and_then(|code| code.try_into().ok()),
            Json::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// What an answer holds.
pub(super) fn data(desk: &Desk, answer: &Answer) -> Result<Json, Refusal> {
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    if !answer.is_ok() {
        let whole = String::from_utf8_lossy(&answer.body);
        let text = said
            .as_ref()
            .map(Said::text)
            .filter(|text| !text.is_empty());
        let refused = no(desk, answer.status, text.unwrap_or(&whole));
        // Who gave up waiting does not know what became of the work behind it.
        return Err(match answer.status {
            408 | 504 | 524 => Refusal::Lost(refused),
            _ => Refusal::No(refused),
        });
    }
    if answer.content_type() == "text/html" {
        // No 404: that would say that the work is not known.
        let page = desk.refused(400, "a page came instead of an answer");
        return Err(Refusal::No(page));
    }
    let Some(said) = said else {
        return Err(Refusal::Lost(failure(
            FailureClass::Server,
            format!("kie answered with {} bytes that are no JSON", answer.bytes),
            "check `base_url` of the provider in config.toml",
        )));
    };
    match said.code() {
        Some(200) => Ok(said.data),
        Some(code) => Err(Refusal::No(no(desk, code, said.text()))),
        None => Err(Refusal::Lost(failure(
            FailureClass::Server,
            "kie answered without saying yes or no".to_owned(),
            "check `base_url` of the provider in config.toml",
        ))),
    }
}

/// A no by its code.
fn no(desk: &Desk, code: u16, text: &str) -> WorkerFailure {
    let refused = |like| {
        let failure = desk.refused(like, text);
        WorkerFailure {
            message: failure
                .message
                .replace(&format!("(status {like})"), &format!("(status {code})")),
            ..failure
        }
    };
    match code {
        // Maintenance passes.
        455 => refused(503),
        // It gave up, or has been switched off: the same again changes nothing.
        501 | 505 => refused(400),
        _ => refused(code),
    }
}

/// Whether a failure says that the work is not known there.
pub(super) fn is_unknown(failure: &WorkerFailure) -> bool {
    failure.message.starts_with(UNKNOWN) || failure.message.contains("(status 422)")
}

/// How far work is.
#[derive(Debug, PartialEq)]
pub(super) enum State {
    Working,
    Made(Vec<String>),
    Failed { code: String, message: String },
    Unreadable(String),
}

/// How far work is, in the words of any of its families.
pub(super) fn state(data: &Json) -> State {
    let failed = || State::Failed {
        code: first_text(data, &["failCode", "errorCode"]),
        message: first_text(data, &["failMsg", "errorMessage"]),
    };
    match (data["state"].as_str(), data["successFlag"].as_u64()) {
        (Some("success"), _) => results(data, &["resultJson", "videoInfo", "response"]),
        (Some("fail"), _) => failed(),
        (Some("wait" | "waiting" | "queuing" | "queueing" | "generating"), _) => State::Working,
        (Some(other), _) => State::Unreadable(format!("its state is `{}`", clipped(other))),
        (None, Some(1)) => results(data, &["response", "resultJson"]),
        (None, Some(2 | 3)) => failed(),
        // At one family this is both "not yet" and "failed".
        (None, Some(0)) if !matches!(first_text(data, &["errorCode"]).as_str(), "" | "0") => {
            failed()
        }
        (None, Some(0)) => State::Working,
        _ => State::Unreadable("it has no state".to_owned()),
    }
}

fn results(data: &Json, places: &[&str]) -> State {
    let found = places.iter().map(|place| &data[*place]);
    match found.filter_map(urls).find(|urls| !urls.is_empty()) {
        Some(urls) => State::Made(urls),
        None => State::Unreadable("it is made and lies nowhere".to_owned()),
    }
}

/// The addresses of results in any of the forms they come in, also as JSON inside a text.
fn urls(value: &Json) -> Option<Vec<String>> {
    const KEYS: [&str; 6] = [
        "resultUrls",
        "result_urls",
        "resultVideoUrl",
        "videoUrl",
        "resultUrl",
        "resultImageUrl",
    ];
    match value {
        Json::String(text) if text.starts_with("http") => Some(vec![text.clone()]),
        Json::String(text) => urls(
            &serde_json::from_str(text)
                .ok()
                .filter(|inner: &Json| !inner.is_string())?,
        ),
        Json::Array(list) => {
            let all = list.iter().map(|one| one.as_str().map(str::to_owned));
            all.collect()
        }
        Json::Object(fields) => {
            let mut found = KEYS.iter().filter_map(|key| fields.get(*key));
            found.find_map(urls)
        }
        _ => None,
    }
}

fn first_text(data: &Json, keys: &[&str]) -> String {
    let texts = keys.iter().map(|key| match &data[*key] {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => String::new(),
    });
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// What work cost in millionths of dollars, where it says how many credits it took.
pub(super) fn cost_micros(data: &Json) -> Option<u64> {
    let credits = match &data["creditsConsumed"] {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        _ => return None,
    };
    let credits: Decimal = credits
        .parse()
        .ok()
        .filter(|credits| *credits >= Decimal::ZERO)?;
    let worth = Models::builtin().credit(VENDOR.name)?.usd;
    let micros = credits
        .checked_mul(worth)?
        .checked_mul(Decimal::from(1_000_000))?;
    u64::try_from(micros.ceil()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_family_says_how_far_it_is() {
        let made = |data: Json| match state(&data) {
            State::Made(urls) => urls,
            other => panic!("{other:?}"),
        };
        let jobs = json!({ "state": "success", "resultJson": "{\"resultUrls\":[\"https://a/1.png\",\"https://a/2.png\"]}" });
        assert_eq!(made(jobs), ["https://a/1.png", "https://a/2.png"]);
        let veo = json!({ "successFlag": 1, "response": { "resultUrls": ["https://a/v.mp4"] } });
        assert_eq!(made(veo), ["https://a/v.mp4"]);
        let old =
            json!({ "successFlag": 1, "response": { "resultUrls": "[\"https://a/v.mp4\"]" } });
        assert_eq!(made(old), ["https://a/v.mp4"]);
        let runway = json!({ "state": "success", "videoInfo": { "videoUrl": "https://a/r.mp4", "imageUrl": "https://a/r.png" } });
        assert_eq!(made(runway), ["https://a/r.mp4"]);
        let aleph =
            json!({ "successFlag": 1, "response": { "resultVideoUrl": "https://a/x.mp4" } });
        assert_eq!(made(aleph), ["https://a/x.mp4"]);
        for working in [
            json!({ "state": "waiting" }),
            json!({ "state": "queueing" }),
            json!({ "state": "generating", "progress": 40 }),
            json!({ "successFlag": 0, "errorCode": null }),
            json!({ "successFlag": 0, "errorCode": 0 }),
        ] {
            assert_eq!(state(&working), State::Working, "{working}");
        }
        for failed in [
            json!({ "state": "fail", "failCode": "501", "failMsg": "no" }),
            json!({ "successFlag": 3, "errorCode": 501, "errorMessage": "no" }),
            json!({ "successFlag": 0, "errorCode": 501, "errorMessage": "no" }),
        ] {
            let wanted = State::Failed {
                code: "501".to_owned(),
                message: "no".to_owned(),
            };
            assert_eq!(state(&failed), wanted, "{failed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_result_and_no_failure() {
        for odd in [
            json!({ "state": "success", "resultJson": "{\"resultUrls\":[\"https://a/1" }),
            json!({ "state": "success", "resultJson": "" }),
            json!({ "state": "success", "resultJson": "\"\\\"x\\\"\"" }),
            json!({ "state": "success" }),
            json!({ "state": "success", "resultJson": { "resultUrls": [1] } }),
            json!({ "state": "dancing" }),
            json!({}),
            json!(null),
        ] {
            assert!(matches!(state(&odd), State::Unreadable(_)), "{odd}");
        }
    }

    #[test]
    fn credits_are_worth_dollars() {
        assert_eq!(
            cost_micros(&json!({ "creditsConsumed": 60 })),
            Some(300_000)
        );
        assert_eq!(
            cost_micros(&json!({ "creditsConsumed": "0.8" })),
            Some(4000)
        );
        assert_eq!(cost_micros(&json!({ "creditsConsumed": -1 })), None);
        assert_eq!(cost_micros(&json!({})), None);
    }
}
