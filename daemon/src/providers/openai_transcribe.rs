//! Transcription of the OpenAI dialect: `POST {base}/audio/transcriptions` with a form, and whisper.cpp's `/inference`,
//! which takes the same one.
//!
//! Form: OpenAI's API reference, "Create transcription"; whisper.cpp, `examples/server`. Word times come with
//! `verbose_json`; servers that say no to it are asked again for plain JSON.

use std::sync::Arc;

use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use super::at_once::{AskFailure, AtOnce};
use super::complaint;
use super::desk::Desk;
use super::http::{Answer, Ask, Body, HttpError, Method, Reach};
use super::transcribe::{Heard, Listener, Listens, read};
use crate::executors::Provider;

/// What a vendor says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accent {
    /// The path below the address.
    pub(super) path: fn(&Desk) -> &'static str,
    /// Models under other names than documents write them.
    pub(super) models: &'static [(&'static str, &'static str)],
    /// Most bytes of a recording; none where there is no limit.
    pub(super) most_bytes: Option<usize>,
}

/// The adapter with an accent.
pub(super) fn open(desk: Desk, accent: &'static Accent) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Listener(Ear { desk, accent })))
}

#[derive(Debug)]
struct Ear {
    desk: Desk,
    accent: &'static Accent,
}

impl Ear {
    fn model(&self) -> &str {
        let own = self.desk.model.as_str();
        let mut other = self.accent.models.iter();
        other
            .find(|(name, _)| *name == own)
            .map_or(own, |(_, real)| *real)
    }

    async fn ask(
        &self,
        recording: &[u8],
        language: Option<&str>,
        by_word: bool,
    ) -> Result<Answer, HttpError> {
        let mut form = Form::new();
        form.text("model", self.model());
        if let Some(language) = language {
            let primary = language.split(['-', '_']).next().unwrap_or(language);
            form.text("language", &primary.to_ascii_lowercase());
        }
        if by_word {
            form.text("response_format", "verbose_json");
            form.text("timestamp_granularities[]", "word");
            form.text("timestamp_granularities[]", "segment");
        } else {
            form.text("response_format", "json");
        }
        form.text("temperature", "0");
        form.file("file", "speech.wav", "audio/wav", recording);
        let ask = Ask {
            method: Method::POST,
            url: self.desk.url((self.accent.path)(&self.desk)),
            headers: Vec::new(),
            key: self.desk.auth(),
            body: form.body(),
            reach: Reach::Configured,
            limits: self.desk.work_limits(),
        };
        let answer = self.desk.http.call(ask).await?;
        self.desk.hear(&answer);
        Ok(answer)
    }
}

impl Listens for Ear {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn hear<'a>(
        &'a self,
        recording: Vec<u8>,
        language: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Heard, AskFailure>> {
        Box::pin(async move {
            if let Some(most) = self.accent.most_bytes
                && recording.len() > most
            {
                // 32 000 bytes are a second.
                return Err(AskFailure::Refused(WorkerFailure {
                    class: FailureClass::Limit,
                    message: format!(
                        "the recording has {} seconds; {} takes {} at a time",
                        recording.len() / 32_000,
                        self.desk.vendor.name,
                        most / 32_000
                    ),
                    hint:
                        "name a server of your own in `providers.transcribe`, or cut the recording"
                            .to_owned(),
                }));
            }
            // These models give no times, and say no to the question.
            let by_word = !self.model().starts_with("gpt-");
            let mut answer = self.ask(&recording, language, by_word).await?;
            let complains = String::from_utf8_lossy(&answer.body);
            let is_about_form = ["verbose_json", "response_format", "timestamp_granularities"]
                .iter()
                .any(|word| complains.contains(word));
            if by_word && matches!(answer.status, 400 | 422) && is_about_form {
                answer = self.ask(&recording, language, false).await?;
            }
            if let Some(refusal) = complaint::refusal(&self.desk, &answer) {
                return Err(refusal);
            }
            read(&answer.body).ok_or_else(|| {
                AskFailure::Lost(WorkerFailure {
                    class: FailureClass::Server,
                    message: format!(
                        "{} answered with {} bytes that are no transcription",
                        self.desk.vendor.name, answer.bytes
                    ),
                    hint: "check `base_url` of the provider in config.toml".to_owned(),
                })
            })
        })
    }
}

/// A form of texts and a file (RFC 7578). Its parts are ours, but a recording may hold any bytes: the line between
/// parts is one that it does not hold.
struct Form {
    parts: Vec<(String, Vec<u8>)>,
}

impl Form {
    const fn new() -> Self {
        Self { parts: Vec::new() }
    }

    fn text(&mut self, name: &str, value: &str) {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        self.parts.push((head, value.as_bytes().to_vec()));
    }

    fn file(&mut self, name: &str, file: &str, kind: &str, bytes: &[u8]) {
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: {kind}"
        );
        self.parts.push((head, bytes.to_vec()));
    }

    fn body(self) -> Body {
        let holds = |line: &[u8]| {
            self.parts
                .iter()
                .any(|(_, bytes)| bytes.windows(line.len()).any(|window| window == line))
        };
        let mut boundary = "fenta-form-boundary".to_owned();
        while holds(boundary.as_bytes()) {
            boundary.push('x');
        }
        let mut bytes = Vec::new();
        for (head, value) in &self.parts {
            bytes.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Body::Bytes {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_a_boundary_that_its_parts_do_not_hold() {
        let mut form = Form::new();
        form.text("model", "m");
        form.file("file", "a.wav", "audio/wav", b"--fenta-form-boundary--");
        let Body::Bytes {
            content_type,
            bytes,
        } = form.body()
        else {
            panic!()
        };
        assert_eq!(
            content_type,
            "multipart/form-data; boundary=fenta-form-boundaryx"
        );
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(
            "--fenta-form-boundaryx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
        ));
        assert!(text.ends_with("\r\n--fenta-form-boundaryx--\r\n"));
    }
}
