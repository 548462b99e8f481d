//! Speech of the OpenAI dialect: `POST {base}/audio/speech`, which answers with the recording itself.
//!
//! Form: OpenAI's API reference, "Create speech". It gives no word times. WAV is asked for, because what is encoded
//! again should not have been squeezed before; servers that stream it write sizes they do not know.

use std::sync::Arc;

use fenta_workflows::action::SpeakTask;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::at_once::{AskFailure, AtOnce};
use super::complaint;
use super::desk::Desk;
use super::speech::{Narrator, Said, Speaks};
use crate::executors::Provider;

/// What a vendor says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accent {
    /// The voice where none is named.
    pub(super) voice: &'static str,
    /// Beginnings of models that take no instructions; an empty one is all of them.
    pub(super) no_instructions: &'static [&'static str],
    /// Beginnings of models that speak at their own rate whatever is asked.
    pub(super) no_speed: &'static [&'static str],
}

/// The adapter with an accent.
pub(super) fn open(desk: Desk, accent: &'static Accent) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Narrator(Voice { desk, accent })))
}

#[derive(Debug)]
struct Voice {
    desk: Desk,
    accent: &'static Accent,
}

impl Voice {
    fn is(&self, beginnings: &[&str]) -> bool {
        let model = self.desk.model.as_str();
        beginnings
            .iter()
            .any(|beginning| model.starts_with(beginning))
    }
}

impl Speaks for Voice {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn say<'a>(&'a self, task: &'a SpeakTask) -> BoxFuture<'a, Result<Said, AskFailure>> {
        Box::pin(async move {
            let mut notes = Vec::new();
            let mut body = json!({
                "model": self.desk.model,
                "input": task.text,
                "voice": task.voice.as_deref().unwrap_or(self.accent.voice),
                "response_format": "wav",
            });
            if !task.instructions.is_empty() {
                match self.is(self.accent.no_instructions) {
                    true => notes.push(without_instructions(&self.desk)),
                    false => body["instructions"] = json!(task.instructions),
                }
            }
            let speed_pm = match self.is(self.accent.no_speed) {
                true => 1000,
                false => task.speed_pm.clamp(250, 4000),
            };
            if speed_pm != 1000 {
                body["speed"] = json!(f64::from(speed_pm) / 1000.0);
            }
            let answer = self
                .desk
                .post_json("audio/speech", Vec::new(), &body)
                .await?;
            if let Some(refusal) = complaint::refusal(&self.desk, &answer) {
                return Err(refusal);
            }
            Ok(Said {
                sound: answer.body,
                heard: Vec::new(),
                speed_pm,
                notes,
            })
        })
    }
}

/// What is told about instructions that a voice cannot take: the same workflow runs with every voice.
pub(super) fn without_instructions(desk: &Desk) -> String {
    format!(
        "{}:{} takes no instructions: it speaks without them",
        desk.vendor.name, desk.model
    )
}
