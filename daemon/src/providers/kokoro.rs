//! Kokoro-FastAPI on a machine of the user's: speech with the time of every word, for nothing.
//!
//! Form: its README, "Timestamped captions": `POST /dev/captioned_speech` beside the OpenAI dialect of `/v1`. It says
//! "$5" as "five dollars" and times those words; where the route is missing (it is called unstable) it speaks
//! without times. What documents call its model is its voice: `kokoro:af_heart`.

use std::sync::Arc;

use fenta_workflows::action::SpeakTask;
use fenta_workflows::hearing::HeardWord;
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::at_once::{AskFailure, AtOnce};
use super::complaint;
use super::desk::Desk;
use super::encoded::decoded;
use super::http::{Answer, Ask, Body, HttpError, Method, Reach};
use super::openai_speech::without_instructions;
use super::speech::{Narrator, Said, Speaks, micros};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::executors::Provider;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "kokoro",
    base_url: "http://127.0.0.1:8880/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "KOKORO_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("audio/voices"),
    charges: false,
    services: &[Service {
        role: Role::Speech,
        usual: Some("af_heart"),
        open: |desk| Arc::new(AtOnce(Narrator(Kokoro { desk }))) as Arc<dyn Provider>,
    }],
};

#[derive(Debug)]
struct Kokoro {
    desk: Desk,
}

impl Kokoro {
    /// The route lies beside `/v1`, not below it.
    async fn captioned(&self, body: &Json) -> Result<Answer, HttpError> {
        let mut url = self.desk.url("");
        let base = url
            .path()
            .trim_end_matches('/')
            .trim_end_matches("/v1")
            .to_owned();
        url.set_path(&format!("{base}/dev/captioned_speech"));
        let ask = Ask {
            method: Method::POST,
            url,
            headers: Vec::new(),
            key: self.desk.auth(),
            body: Body::Json(body.to_string().into_bytes()),
            reach: Reach::Configured,
            limits: self.desk.work_limits(),
        };
        let answer = self.desk.http.call(ask).await?;
        self.desk.hear(&answer);
        Ok(answer)
    }
}

impl Speaks for Kokoro {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn say<'a>(&'a self, task: &'a SpeakTask) -> BoxFuture<'a, Result<Said, AskFailure>> {
        Box::pin(async move {
            let speed_pm = task.speed_pm.clamp(250, 4000);
            let mut body = json!({
                "model": "kokoro",
                "input": task.text,
                "voice": task.voice.as_deref().unwrap_or(&self.desk.model),
                "response_format": "wav",
                "speed": f64::from(speed_pm) / 1000.0,
                "stream": false,
            });
            let answer = self.captioned(&body).await?;
            let (sound, heard) = if is_no_route(&answer) {
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("stream");
                }
                let plain = self
                    .desk
                    .post_json("audio/speech", Vec::new(), &body)
                    .await?;
                if let Some(refusal) = complaint::refusal(&self.desk, &plain) {
                    return Err(refusal);
                }
                (plain.body, Vec::new())
            } else {
                if let Some(refusal) = complaint::refusal(&self.desk, &answer) {
                    return Err(refusal);
                }
                captions(&self.desk, &answer)?
            };
            Ok(Said {
                sound,
                heard,
                speed_pm,
                notes: match task.instructions.is_empty() {
                    true => Vec::new(),
                    false => vec![without_instructions(&self.desk)],
                },
            })
        })
    }
}

/// Whether the server does not know the route, which it may say under the status of a model it does not know.
fn is_no_route(answer: &Answer) -> bool {
    let said = String::from_utf8_lossy(&answer.body);
    answer.status == 405 || answer.status == 404 && said.contains("\"Not Found\"")
}

fn captions(desk: &Desk, answer: &Answer) -> Result<(Vec<u8>, Vec<HeardWord>), AskFailure> {
    let spoken: Option<Captioned> = serde_json::from_slice(&answer.body).ok();
    let spoken = spoken.and_then(|spoken| Some((decoded(&spoken.audio)?, spoken.timestamps)));
    let Some((sound, timestamps)) = spoken else {
        return Err(AskFailure::Lost(WorkerFailure {
            class: FailureClass::Server,
            message: format!(
                "{} answered with {} bytes that are no captioned speech",
                desk.vendor.name, answer.bytes
            ),
            hint: "check `base_url` of the provider in config.toml".to_owned(),
        }));
    };
    let heard = timestamps
        .unwrap_or_default()
        .into_iter()
        .filter_map(|one| {
            // Some of its words end without a time.
            let start_us = micros(one.start_time?);
            Some(HeardWord {
                text: one.word,
                start_us,
                end_us: micros(one.end_time?).max(start_us),
            })
        });
    Ok((sound, heard.collect()))
}

#[derive(Debug, Deserialize)]
struct Captioned {
    audio: String,
    #[serde(default)]
    timestamps: Option<Vec<Timestamp>>,
}

#[derive(Debug, Deserialize)]
struct Timestamp {
    word: String,
    #[serde(default)]
    start_time: Option<f64>,
    #[serde(default)]
    end_time: Option<f64>,
}
