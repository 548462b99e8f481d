//! The pictures of the OpenAI dialect: `POST {base}/images/generations`, answered with the picture itself (`b64_json`) or
//! with an address it lies at for an hour (`url`).
//!
//! Form: OpenAI's API reference, "Create image"; spoken by OpenAI, stable-diffusion.cpp's server and LocalAI.

use std::sync::Arc;

use fenta_workflows::action::{InvokeRequest, InvokeTask, MakeImageTask};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::at_once::{Answered, Answers, AskFailure, AtOnce};
use super::desk::Desk;
use super::encoded::decoded;
use super::generation::{Fetched, Kind, Missed, failure, fetch, made, sniffed};
use super::http::Answer;
use crate::executors::Provider;

/// Tries to fetch a picture that is paid.
const FETCHES: u32 = 3;

/// The adapter.
pub(super) fn open(desk: Desk) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Images { desk }))
}

#[derive(Debug)]
struct Images {
    desk: Desk,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    created: u64,
    #[serde(default)]
    data: Vec<Picture>,
    #[serde(default)]
    error: Json,
}

#[derive(Deserialize)]
struct Picture {
    #[serde(default)]
    b64_json: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

impl Images {
    fn body(&self, task: &MakeImageTask) -> Result<Json, WorkerFailure> {
        let refuse = |what: &str| {
            failure(
                FailureClass::Unsupported,
                format!(
                    "{}:{} takes no {what}",
                    self.desk.vendor.name, self.desk.model
                ),
                "leave it out, or name another model",
            )
        };
        if let Some(what) = cannot(&self.desk.model, task) {
            return Err(refuse(&what));
        }
        let Some((width, height)) = size(&self.desk.model, task) else {
            return Err(refuse("such size"));
        };
        Ok(json!({
            "model": self.desk.model,
            "prompt": task.prompt,
            "n": 1,
            "size": format!("{width}x{height}"),
        }))
    }

    fn read(&self, answer: &Answer) -> Result<Said, AskFailure> {
        let vendor = self.desk.vendor.name;
        let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
        let told = said.as_ref().and_then(|said| {
            let message = said.error["message"].as_str().or(said.error.as_str());
            message.map(str::to_owned)
        });
        if !answer.is_ok() {
            let whole = String::from_utf8_lossy(&answer.body).into_owned();
            let code = said.as_ref().and_then(|said| said.error["code"].as_str());
            let money = matches!(
                code,
                Some("insufficient_quota" | "billing_hard_limit_reached")
            );
            let like = if money { 402 } else { answer.status };
            let refused = self.desk.refused(like, &told.unwrap_or(whole));
            return Err(match answer.status {
                408 | 504 | 524 => AskFailure::Lost(refused),
                _ => AskFailure::Refused(refused),
            });
        }
        if answer.content_type() == "text/html" {
            let page = self.desk.refused(404, "a page came instead of an answer");
            return Err(AskFailure::Refused(page));
        }
        match said {
            Some(said) if !said.error.is_null() => {
                let code = said.error["code"]
                    .as_u64()
                    .and_then(|code| code.try_into().ok());
                let refused = self
                    .desk
                    .refused(code.unwrap_or(400), &told.unwrap_or_default());
                Err(AskFailure::Refused(refused))
            }
            Some(said) => Ok(said),
            None => Err(AskFailure::Lost(failure(
                FailureClass::Server,
                format!(
                    "{vendor} answered with {} bytes that are no answer",
                    answer.bytes
                ),
                "check `base_url` of the provider in config.toml",
            ))),
        }
    }

    /// The picture of an answer, in the store.
    async fn keep(&self, picture: &Picture) -> Result<Fetched, WorkerFailure> {
        let vendor = self.desk.vendor.name;
        let useless = |what: &str| {
            failure(
                FailureClass::Server,
                format!("{vendor} sent {what} in the place of a picture"),
                "run it again later",
            )
        };
        if let Some(url) = picture.url.as_deref().filter(|url| !url.is_empty()) {
            let mut number = 1;
            return loop {
                match fetch(&self.desk, url, Kind::Picture).await {
                    Ok(fetched) => break Ok(fetched),
                    Err(Missed::Failed(failure)) if number < FETCHES => {
                        tracing::warn!(error = failure.message, "a picture is fetched again");
                        number += 1;
                    }
                    Err(Missed::Failed(failure)) => break Err(failure),
                    Err(Missed::Expired(why)) => break Err(useless(&why)),
                }
            };
        }
        let text = picture.b64_json.as_deref().unwrap_or_default();
        let bytes = decoded(text).ok_or_else(|| useless("broken base64"))?;
        let Some((Kind::Picture, ending)) = sniffed(&bytes) else {
            return Err(useless("something else"));
        };
        let cas = self.desk.cas.clone();
        let kept = tokio::task::spawn_blocking(move || cas.put_bytes(&bytes)).await;
        match kept {
            Ok(Ok(digest)) => Ok((digest, ending)),
            Ok(Err(error)) => Err(failure(
                FailureClass::Resource,
                format!("the picture could not be kept: {error}"),
                "check the disk and run it again",
            )),
            Err(_) => Err(useless("nothing")),
        }
    }
}

/// Width and height for a task; none where the model cannot do it.
/// What of a task cannot be said in this dialect, or to this model.
pub(super) fn cannot(model: &str, task: &MakeImageTask) -> Option<String> {
    if task.reference.is_some() {
        return Some("picture to go by".to_owned());
    }
    if !task.negative.is_empty() {
        return Some("`negative`".to_owned());
    }
    let unknown = size(model, task).is_none();
    unknown.then(|| format!("{} of {}", task.aspect, task.size))
}

fn size(model: &str, task: &MakeImageTask) -> Option<(u32, u32)> {
    let (w, h) = task.aspect.split_once(':')?;
    let (w, h): (u32, u32) = (w.parse().ok()?, h.parse().ok()?);
    // These know three sizes, and none of them is 9:16.
    if model.starts_with("gpt-image-1") || model.starts_with("dall-e") {
        return match (w == h, task.size.as_str()) {
            (true, "1K") => Some((1024, 1024)),
            _ => None,
        };
    }
    let long = match task.size.as_str() {
        "1K" => 1024,
        "2K" => 2048,
        _ => 4096,
    };
    let side = |part: u32| (long * part / w.max(h)).next_multiple_of(16);
    Some((side(w), side(h)))
}

impl Answers for Images {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            let InvokeTask::MakeImage(task) = &request.task else {
                return Err(AskFailure::Refused(failure(
                    FailureClass::Unsupported,
                    format!(
                        "{} is asked for something that is no picture",
                        self.desk.vendor.name
                    ),
                    "name another model",
                )));
            };
            let body = self.body(task).map_err(AskFailure::Refused)?;
            let asked = self.desk.post_json("images/generations", Vec::new(), &body);
            let said = self.read(&asked.await?)?;
            let useless = |failure| AskFailure::Useless {
                failure,
                cost_micros: None,
                said: Vec::new(),
            };
            let Some(picture) = said.data.first() else {
                let none = self.desk.refused(400, "no picture in the answer");
                return Err(useless(none));
            };
            let fetched = self.keep(picture).await.map_err(useless)?;
            let work = format!("{}-{}", said.created, fetched.0);
            let short: String = work
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(24)
                .collect();
            Ok(Answered {
                result: made(&self.desk, &short, vec![fetched]),
                cost_micros: None,
                said: Vec::new(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_the_model_takes() {
        let task = |aspect: &str, size: &str| MakeImageTask {
            prompt: String::new(),
            negative: String::new(),
            aspect: aspect.into(),
            size: size.into(),
            variations: 1,
            reference: None,
            seed: 0,
        };
        assert_eq!(size("gpt-image-2", &task("9:16", "2K")), Some((1152, 2048)));
        assert_eq!(size("gpt-image-2", &task("1:1", "1K")), Some((1024, 1024)));
        assert_eq!(
            size("gpt-image-1.5", &task("1:1", "1K")),
            Some((1024, 1024))
        );
        assert_eq!(size("gpt-image-1.5", &task("9:16", "1K")), None);
        assert_eq!(
            size("stable-diffusion", &task("16:9", "1K")),
            Some((1024, 576))
        );
    }
}
