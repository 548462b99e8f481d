//! ElevenLabs: speech with the time of every character.
//!
//! Form: its API reference, "Create speech with timing": `POST /v1/text-to-speech/{voice_id}/with-timestamps`. Raw
//! samples are asked for: they begin where the times do, which the padding of MP3 does not.

use std::sync::Arc;

use fenta_workflows::action::SpeakTask;
use fenta_workflows::hearing::HeardWord;
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::at_once::{AskFailure, AtOnce};
use super::complaint;
use super::desk::Desk;
use super::encoded::decoded;
use super::http::{Ask, Body, Method, Reach};
use super::openai_speech::without_instructions;
use super::speech::{Narrator, Said, Speaks, from_pcm, is_known, micros};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::executors::Provider;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "elevenlabs",
    base_url: "https://api.elevenlabs.io/v1",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "ELEVENLABS_API_KEY",
    },
    sends: KeyStyle::Header("xi-api-key"),
    probe: Some("user"),
    charges: true,
    services: &[Service {
        role: Role::Speech,
        usual: Some("eleven_flash_v2_5"),
        open,
    }],
};

/// Its voice Rachel, which every account has.
const USUAL_VOICE: &str = "21m00Tcm4TlvDq8ikWAM";
/// Rate of the samples that are asked for; higher ones are for larger accounts only.
const RATE: u32 = 24_000;
/// The rates it speaks at, permille.
const SPEED: std::ops::RangeInclusive<u32> = 700..=1200;

fn open(desk: Desk) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Narrator(Eleven { desk })))
}

#[derive(Debug)]
struct Eleven {
    desk: Desk,
}

impl Eleven {
    fn body(&self, task: &SpeakTask, speed_pm: u32) -> serde_json::Value {
        let model = self.desk.model.as_str();
        let mut body = json!({ "text": task.text, "model_id": model });
        if speed_pm != 1000 {
            body["voice_settings"] = json!({ "speed": f64::from(speed_pm) / 1000.0 });
        }
        // The third generation takes neither of the two.
        if !model.starts_with("eleven_v3") {
            for (name, text) in [("previous_text", &task.before), ("next_text", &task.after)] {
                if !text.is_empty() {
                    body[name] = json!(text);
                }
            }
        }
        // Others say no to it: they hear the language in the text.
        let named = ["eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_v3"];
        if named.iter().any(|name| model.starts_with(name)) {
            let language = task.language.split(['-', '_']).next().unwrap_or_default();
            if !language.is_empty() {
                body["language_code"] = json!(language.to_ascii_lowercase());
            }
        }
        body
    }

    /// The id of a voice that is named.
    async fn voice_id(&self, name: Option<&str>) -> Result<String, AskFailure> {
        let Some(name) = name else {
            return Ok(USUAL_VOICE.to_owned());
        };
        if name.len() == 20 && name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(name.to_owned());
        }
        let answer = self.desk.get("voices", &[]).await.map_err(|error| {
            // Nothing was asked for yet that costs anything.
            AskFailure::Refused(error.failure())
        })?;
        if let Some(AskFailure::Refused(failure) | AskFailure::Lost(failure)) =
            complaint::refusal(&self.desk, &answer)
        {
            return Err(AskFailure::Refused(failure));
        }
        let known: Voices = serde_json::from_slice(&answer.body).unwrap_or_default();
        let is_it = |voice: &&KnownVoice| {
            // Names are told with what they are good for: `Rachel - calm`.
            let short = voice.name.split(" - ").next().unwrap_or_default();
            voice.name.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
        };
        if let Some(voice) = known.voices.iter().find(is_it) {
            return Ok(voice.voice_id.clone());
        }
        let names: Vec<&str> = known
            .voices
            .iter()
            .map(|voice| voice.name.as_str())
            .collect();
        Err(AskFailure::Refused(WorkerFailure {
            class: FailureClass::Unsupported,
            message: format!("elevenlabs has no voice `{name}` for this account"),
            hint: match names.is_empty() {
                true => "write the id of a voice, or leave `voice` out".to_owned(),
                false => {
                    let names = names.iter().take(12).copied().collect::<Vec<_>>();
                    format!("its voices are {}", names.join(", "))
                }
            },
        }))
    }
}

impl Speaks for Eleven {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn say<'a>(&'a self, task: &'a SpeakTask) -> BoxFuture<'a, Result<Said, AskFailure>> {
        Box::pin(async move {
            let voice = self.voice_id(task.voice.as_deref()).await?;
            let speed_pm = task.speed_pm.clamp(*SPEED.start(), *SPEED.end());
            let mut url = self
                .desk
                .url(&format!("text-to-speech/{voice}/with-timestamps"));
            url.query_pairs_mut()
                .append_pair("output_format", &format!("pcm_{RATE}"));
            let body = self.body(task, speed_pm).to_string().into_bytes();
            let ask = Ask {
                method: Method::POST,
                url,
                headers: Vec::new(),
                key: self.desk.auth(),
                body: Body::Json(body),
                reach: Reach::Configured,
                limits: self.desk.work_limits(),
            };
            let answer = self.desk.http.call(ask).await?;
            self.desk.hear(&answer);
            if let Some(refusal) = complaint::refusal(&self.desk, &answer) {
                return Err(refusal);
            }
            let spoken: Option<Spoken> = serde_json::from_slice(&answer.body).ok();
            let sound = spoken
                .as_ref()
                .and_then(|spoken| decoded(&spoken.audio_base64))
                .filter(|sound| !sound.is_empty());
            let (Some(spoken), Some(sound)) = (spoken, sound) else {
                return Err(AskFailure::Lost(WorkerFailure {
                    class: FailureClass::Server,
                    message: format!(
                        "elevenlabs answered with {} bytes that are no speech",
                        answer.bytes
                    ),
                    hint: "check `base_url` of the provider in config.toml".to_owned(),
                }));
            };
            let alignment = spoken.alignment.or(spoken.normalized_alignment);
            Ok(Said {
                sound: match is_known(&sound) {
                    true => sound,
                    false => from_pcm(&sound, RATE),
                },
                heard: alignment.map_or_else(Vec::new, |alignment| alignment.words()),
                speed_pm,
                notes: match task.instructions.is_empty() {
                    true => Vec::new(),
                    false => vec![without_instructions(&self.desk)],
                },
            })
        })
    }
}

#[derive(Debug, Default, Deserialize)]
struct Voices {
    #[serde(default)]
    voices: Vec<KnownVoice>,
}

#[derive(Debug, Deserialize)]
struct KnownVoice {
    voice_id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Spoken {
    audio_base64: String,
    #[serde(default)]
    alignment: Option<Alignment>,
    #[serde(default)]
    normalized_alignment: Option<Alignment>,
}

/// Every character of the text with its time.
#[derive(Debug, Deserialize)]
struct Alignment {
    characters: Vec<String>,
    character_start_times_seconds: Vec<f64>,
    character_end_times_seconds: Vec<f64>,
}

impl Alignment {
    /// The characters between spaces, from the start of the first to the end of the last.
    fn words(&self) -> Vec<HeardWord> {
        let mut words: Vec<HeardWord> = Vec::new();
        let mut goes_on = false;
        let starts = self.character_start_times_seconds.iter();
        let times = starts.zip(&self.character_end_times_seconds);
        for (character, (start, end)) in self.characters.iter().zip(times) {
            if character.chars().all(char::is_whitespace) {
                goes_on = false;
                continue;
            }
            match words.last_mut().filter(|_| goes_on) {
                Some(word) => {
                    word.text.push_str(character);
                    word.end_us = micros(*end).max(word.start_us);
                }
                None => words.push(HeardWord {
                    text: character.clone(),
                    start_us: micros(*start),
                    end_us: micros(*end).max(micros(*start)),
                }),
            }
            goes_on = true;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_words() {
        let alignment = Alignment {
            characters: ["H", "i", " ", "—", " ", "y", "o", "u", "!"]
                .map(str::to_owned)
                .to_vec(),
            character_start_times_seconds: vec![0.0, 0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7, 0.8],
            character_end_times_seconds: vec![0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9],
        };
        let words = alignment.words();
        let told: Vec<(&str, u64, u64)> = words
            .iter()
            .map(|word| (word.text.as_str(), word.start_us, word.end_us))
            .collect();
        assert_eq!(
            told,
            [
                ("Hi", 0, 200_000),
                ("—", 300_000, 300_000),
                ("you!", 500_000, 900_000)
            ]
        );
    }

    #[test]
    fn lists_that_do_not_fit_give_what_they_have() {
        let alignment = Alignment {
            characters: vec!["a".into(), "b".into()],
            character_start_times_seconds: vec![f64::NAN],
            character_end_times_seconds: vec![0.5, 1.0],
        };
        assert_eq!(alignment.words().len(), 1);
        assert_eq!(alignment.words()[0].start_us, 0);
    }
}
