//! speaches (once faster-whisper-server) on a machine of the user's: listens and speaks in the OpenAI dialect.

use fenta_workflows::models::Role;

use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use super::{openai_speech, openai_transcribe};

const VOICE: openai_speech::Accent = openai_speech::Accent {
    voice: "af_heart",
    no_instructions: &[""],
    no_speed: &[],
};

const EAR: openai_transcribe::Accent = openai_transcribe::Accent {
    path: |_| "audio/transcriptions",
    models: &[("whisper", "Systran/faster-whisper-small")],
    most_bytes: None,
};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "speaches",
    base_url: "http://127.0.0.1:8000/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "SPEACHES_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("models"),
    charges: false,
    services: &[
        Service {
            role: Role::Speech,
            usual: Some("speaches-ai/Kokoro-82M-v1.0-ONNX"),
            open: |desk| openai_speech::open(desk, &VOICE),
        },
        Service {
            role: Role::Transcribe,
            usual: Some("whisper"),
            open: |desk| openai_transcribe::open(desk, &EAR),
        },
    ],
};
