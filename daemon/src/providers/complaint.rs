//! What vendors of sound say when they say no, in whatever form: an object `error`, a `detail`, a plain text.

use fenta_workflows::worker::WorkerFailure;
use serde_json::Value as Json;

use super::at_once::AskFailure;
use super::desk::Desk;
use super::http::Answer;

/// What is wrong, as a vendor says it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    message: String,
    code: String,
}

impl Complaint {
    /// The complaint in a body; none in JSON that holds something else, or in what is no JSON.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let said: Json = serde_json::from_slice(body).ok()?;
        let found = ["error", "detail"]
            .into_iter()
            .filter_map(|name| said.get(name))
            .find(|found| !found.is_null());
        let complaint = match found {
            Some(Json::Array(all)) => Self {
                message: all
                    .iter()
                    .filter_map(|one| one["msg"].as_str())
                    .collect::<Vec<_>>()
                    .join("; "),
                code: String::new(),
            },
            Some(object @ Json::Object(_)) => Self {
                message: text(&object["message"]),
                code: ["code", "status", "type"]
                    .into_iter()
                    .map(|name| text(&object[name]))
                    .find(|code| !code.is_empty())
                    .unwrap_or_default(),
            },
            Some(other) => Self {
                message: text(other),
                code: String::new(),
            },
            None => return None,
        };
        Some(complaint)
    }

    /// A limit that no waiting lifts.
    fn is_about_money(&self) -> bool {
        matches!(
            self.code.as_str(),
            "insufficient_quota" | "billing_hard_limit_reached" | "quota_exceeded" | "402"
        )
    }

    /// As a failure, under the status it came with; a status in the complaint itself counts more.
    pub(super) fn failure(&self, desk: &Desk, status: u16) -> AskFailure {
        let own = self.code.parse().ok();
        let status = own
            .filter(|code| (400..600).contains(code))
            .unwrap_or(status);
        let mut failure = desk.refused(status, &self.message);
        if self.is_about_money() {
            let paid = desk.refused(402, &self.message);
            let shown = format!("(status {status})");
            failure = WorkerFailure {
                message: paid.message.replace("(status 402)", &shown),
                ..paid
            };
        }
        // A gateway that gave up waiting does not know what became of the work behind it.
        if matches!(status, 408 | 504 | 524) {
            AskFailure::Lost(failure)
        } else {
            AskFailure::Refused(failure)
        }
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Why an answer is none, where it says no: by its status, or in words under a status that says yes.
pub(super) fn refusal(desk: &Desk, answer: &Answer) -> Option<AskFailure> {
    let complaint = Complaint::read(&answer.body);
    if answer.is_ok() {
        if answer.content_type() == "text/html" {
            let page = desk.refused(404, "a page came instead of an answer");
            return Some(AskFailure::Refused(page));
        }
        return complaint.map(|complaint| complaint.failure(desk, 500));
    }
    let complaint = complaint.unwrap_or_else(|| Complaint {
        message: String::from_utf8_lossy(&answer.body).into_owned(),
        code: String::new(),
    });
    Some(complaint.failure(desk, answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<(String, String)> {
        Complaint::read(body.as_bytes()).map(|one| (one.message, one.code))
    }

    fn some(message: &str, code: &str) -> Option<(String, String)> {
        Some((message.to_owned(), code.to_owned()))
    }

    #[test]
    fn complaints_come_in_many_forms() {
        assert_eq!(
            read(r#"{"error":{"message":"slow down","type":"rate_limit","code":null}}"#),
            some("slow down", "rate_limit")
        );
        assert_eq!(
            read(r#"{"detail":{"status":"quota_exceeded","message":"no credits"}}"#),
            some("no credits", "quota_exceeded")
        );
        assert_eq!(
            read(r#"{"detail":[{"loc":["body","text"],"msg":"field required"}]}"#),
            some("field required", "")
        );
        assert_eq!(
            read(r#"{"error":"no such model"}"#),
            some("no such model", "")
        );
        assert_eq!(read(r#"{"audio":"x","error":null}"#), None);
        assert_eq!(read("oops"), None);
    }
}
