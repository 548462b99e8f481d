//! fal.ai: a queue in front of many models.
//!
//! Form: fal's "Queue API" and "Error Reference" of 2026-08. Work is given to `{model}`; its state and its result lie at
//! `{owner}/{app}/requests/{id}`, without the rest of the model's path. Only what succeeded is charged. Pictures that a
//! model goes by are sent inside the call.

use std::sync::Arc;

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::desk::Desk;
use super::encoded::encoded;
use super::generation::{Call, Kind, Location, Missed, Patience, Work, failure, fetch, made, sent};
use super::http::Answer;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::executors::{Found, Polled, Provider, Remote, SubmitFailure};
use crate::store::Cas;

/// The largest picture that is sent inside a call.
const MOST_INLINE: u64 = 8 << 20;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "fal",
    base_url: "https://queue.fal.run",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "FAL_KEY",
    },
    sends: KeyStyle::Word("Key "),
    probe: None,
    charges: true,
    services: &[
        Service {
            role: Role::Image,
            usual: Some("fal-ai/nano-banana"),
            open: |desk| open(desk, Kind::of(Role::Image)),
        },
        Service {
            role: Role::Video,
            usual: Some("fal-ai/kling-video/v2.6/pro"),
            open: |desk| open(desk, Kind::of(Role::Video)),
        },
    ],
};

fn open(desk: Desk, kind: Kind) -> Arc<dyn Provider> {
    Arc::new(Fal {
        patience: Patience::begins(&desk),
        desk,
        kind,
    })
}

#[derive(Debug)]
struct Fal {
    desk: Desk,
    kind: Kind,
    patience: Patience,
}

/// The part of a model's path under which its work lies: owner and app.
fn app(model: &str) -> String {
    let parts: Vec<&str> = model.split('/').take(2).collect();
    parts.join("/")
}

impl Fal {
    async fn create(&self, request: &InvokeRequest) -> Result<Remote, SubmitFailure> {
        let not_made = SubmitFailure::NotMade;
        let call = Call::of(&self.desk, request).map_err(not_made)?;
        let mut addresses = Vec::new();
        for (part, digest) in call.wish.files() {
            let file = sent(&self.desk, *digest, MOST_INLINE)
                .await
                .map_err(not_made)?;
            let inline = format!("data:{};base64,{}", file.content_type, encoded(&file.bytes));
            addresses.push((*part, inline));
        }
        let body = call.body(addresses).map_err(not_made)?;
        let asked = self
            .desk
            .post_json(&call.form.name, Vec::new(), &body)
            .await;
        let answer = asked.map_err(|error| match error.may_have_worked() {
            true => SubmitFailure::Unknown(error.message.clone()),
            false => SubmitFailure::NotMade(error.failure()),
        })?;
        let said = self.said(&answer).map_err(|failure| match answer.status {
            408 | 504 | 524 => SubmitFailure::Unknown(failure.message),
            _ => SubmitFailure::NotMade(failure),
        })?;
        let said = said.ok_or_else(|| SubmitFailure::Unknown(unreadable(&answer)))?;
        match said["request_id"].as_str().filter(|id| is_plain(id)) {
            Some(id) => Ok(Work::remote(id, self.desk.clock.now())),
            None => Err(SubmitFailure::Unknown(
                "fal says yes and gives the work no name".to_owned(),
            )),
        }
    }

    /// The JSON of an answer that says yes; none where it is no JSON.
    fn said(&self, answer: &Answer) -> Result<Option<Json>, WorkerFailure> {
        let said: Option<Json> = serde_json::from_slice(&answer.body).ok();
        if !answer.is_ok() {
            let whole = String::from_utf8_lossy(&answer.body);
            let told = said.as_ref().map(told).filter(|told| !told.is_empty());
            return Err(self
                .desk
                .refused(answer.status, told.as_deref().unwrap_or(&whole)));
        }
        if answer.content_type() == "text/html" {
            return Err(self.desk.refused(404, "a page came instead of an answer"));
        }
        match said {
            Some(said) if said.get("error").is_some_and(|error| !error.is_null()) => {
                let code = said["error"]["code"]
                    .as_u64()
                    .and_then(|code| code.try_into().ok());
                Err(self.desk.refused(code.unwrap_or(400), &told(&said)))
            }
            said => Ok(said),
        }
    }

    /// The result of work that is at its end.
    async fn response(&self, work: &str) -> Result<Polled, WorkerFailure> {
        let path = format!("{}/requests/{work}", app(&self.desk.model));
        let answer = self.desk.get(&path, &[]).await;
        let answer = answer.map_err(|error| error.failure())?;
        let said = match self.said(&answer) {
            Ok(said) => said,
            Err(failure) => {
                // What may pass is asked again; the rest is how the model ended, which costs nothing.
                let passes = matches!(answer.status, 401 | 408 | 429 | 502..=504);
                return match passes {
                    true => Err(failure),
                    false => Ok(Polled::Refused {
                        failure: WorkerFailure {
                            class: FailureClass::Unsupported,
                            ..failure
                        },
                        cost_micros: Some(0),
                    }),
                };
            }
        };
        let urls = said.as_ref().map(results).unwrap_or_default();
        if urls.is_empty() {
            return Err(failure(
                FailureClass::Server,
                format!("fal says that {work} is made and not where it lies"),
                "run it again later: nothing is paid twice",
            ));
        }
        let location = Location {
            work: work.to_owned(),
            urls,
        };
        Ok(Polled::Made {
            location: location.text(),
            cost_micros: None,
        })
    }

    async fn ask(&self, remote: &str) -> Result<Polled, WorkerFailure> {
        let work = Work::of(remote);
        let path = format!("{}/requests/{}/status", app(&self.desk.model), work.name);
        let answer = self.desk.get(&path, &[]).await;
        let answer = answer.map_err(|error| error.failure())?;
        if answer.status == 404 {
            return Ok(Polled::Lost);
        }
        let said = self.said(&answer)?;
        match said.as_ref().and_then(|said| said["status"].as_str()) {
            Some("IN_QUEUE" | "IN_PROGRESS") => {
                self.patience.check(&self.desk, work)?;
                Ok(Polled::Pending(work.wait(self.desk.clock.now())))
            }
            Some("COMPLETED") => self.response(work.name).await,
            _ => Err(failure(
                FailureClass::Server,
                unreadable(&answer),
                "run it again later: nothing is paid twice",
            )),
        }
    }
}

fn unreadable(answer: &Answer) -> String {
    format!(
        "fal answered with {} bytes that cannot be read",
        answer.bytes
    )
}

/// Names go into addresses.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What an error says: `detail` is a text or a list of errors.
fn told(said: &Json) -> String {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let list = said["detail"].as_array().into_iter().flatten();
    let messages: Vec<String> = list
        .filter_map(|one| {
            let place: Vec<String> = one["loc"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(text)
                .collect();
            let message = one["msg"].as_str()?;
            Some(match place.last() {
                Some(place) => format!("{place}: {message}"),
                None => message.to_owned(),
            })
        })
        .collect();
    if !messages.is_empty() {
        return messages.join("; ");
    }
    let one = [
        &said["detail"],
        &said["error"]["message"],
        &said["error"],
        &said["message"],
    ];
    one.into_iter().find_map(text).unwrap_or_default()
}

/// The addresses of results, in the forms models give them.
fn results(said: &Json) -> Vec<String> {
    let inner = match said.get("response") {
        Some(inner) if inner.is_object() => inner,
        _ => said,
    };
    let lists = ["images", "videos"].map(|key| inner[key].as_array());
    let lists = lists.into_iter().flatten().flatten();
    let singles = ["video", "image"].map(|key| &inner[key]);
    lists
        .chain(singles)
        .filter_map(|file| file["url"].as_str().map(str::to_owned))
        .collect()
}

impl Provider for Fal {
    fn vendor(&self) -> &str {
        VENDOR.name
    }

    fn submit<'a>(
        &'a self,
        _reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>> {
        Box::pin(self.create(request))
    }

    fn find<'a>(&'a self, _reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>> {
        Box::pin(std::future::ready(Ok(Found::CannotTell)))
    }

    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>> {
        Box::pin(self.ask(remote))
    }

    fn download<'a>(
        &'a self,
        location: &'a str,
        _cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>> {
        Box::pin(async move {
            let mut location = Location::of(location)?;
            let mut fetched = Vec::new();
            let mut place = 0;
            let mut renewed = false;
            while place < location.urls.len() {
                match fetch(&self.desk, &location.urls[place], self.kind).await {
                    Ok(found) => fetched.push(found),
                    Err(Missed::Failed(failure)) => return Err(failure),
                    // Asked for once more where it lies, and never for another result.
                    Err(Missed::Expired(_)) if !renewed => {
                        renewed = true;
                        if let Polled::Made { location: anew, .. } =
                            self.response(&location.work).await?
                        {
                            location = Location::of(&anew)?;
                        }
                        continue;
                    }
                    Err(Missed::Expired(why)) => {
                        return Err(failure(
                            FailureClass::Unsupported,
                            format!(
                                "fal does not keep the result of {} any more: {why}",
                                location.work
                            ),
                            "it was paid; change the prompt to have another made",
                        ));
                    }
                }
                place += 1;
            }
            Ok(made(&self.desk, &location.work, fetched))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn work_lies_under_owner_and_app() {
        assert_eq!(app("fal-ai/kling-video/v2.6/pro"), "fal-ai/kling-video");
        assert_eq!(app("fal-ai/nano-banana"), "fal-ai/nano-banana");
    }

    #[test]
    fn results_are_found_in_every_form() {
        let one = json!({ "video": { "url": "https://a/v.mp4" } });
        assert_eq!(results(&one), ["https://a/v.mp4"]);
        let many =
            json!({ "images": [{ "url": "https://a/1.png" }, { "url": "https://a/2.png" }] });
        assert_eq!(results(&many).len(), 2);
        let wrapped =
            json!({ "status": "COMPLETED", "response": { "image": { "url": "https://a/i.png" } } });
        assert_eq!(results(&wrapped), ["https://a/i.png"]);
        assert!(results(&json!({ "video": null })).is_empty());
    }

    #[test]
    fn errors_are_told_with_their_place() {
        let list =
            json!({ "detail": [{ "loc": ["body", "duration"], "msg": "too long", "type": "x" }] });
        assert_eq!(told(&list), "duration: too long");
        assert_eq!(told(&json!({ "detail": "not found" })), "not found");
        assert_eq!(
            told(&json!({ "error": { "message": "no credits" } })),
            "no credits"
        );
    }
}
