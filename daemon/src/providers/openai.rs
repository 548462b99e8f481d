//! OpenAI.

use fenta_workflows::models::Role;

use super::openai_chat::{self, Accent};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use super::{openai_images, openai_speech, openai_transcribe};

/// Its models of today take the limit under another name than the older ones.
const ACCENT: Accent = Accent {
    max_tokens: "max_completion_tokens",
    ..openai_chat::PLAIN
};

/// The first generation of its voices takes no instructions, the second no rate.
const VOICE: openai_speech::Accent = openai_speech::Accent {
    voice: "alloy",
    no_instructions: &["tts-1"],
    no_speed: &["gpt-4o-mini-tts"],
};

/// It takes 25 MB at a time.
const EAR: openai_transcribe::Accent = openai_transcribe::Accent {
    path: |_| "audio/transcriptions",
    models: &[],
    most_bytes: Some(25_000_000),
};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "openai",
    base_url: "https://api.openai.com/v1",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "OPENAI_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("models"),
    charges: true,
    services: &[
        Service {
            role: Role::Llm,
            usual: None,
            open: |desk| openai_chat::open(desk, &ACCENT),
        },
        Service {
            role: Role::Image,
            usual: Some("gpt-image-2"),
            open: openai_images::open,
        },
        Service {
            role: Role::Speech,
            usual: Some("gpt-4o-mini-tts"),
            open: |desk| openai_speech::open(desk, &VOICE),
        },
        Service {
            role: Role::Transcribe,
            usual: Some("whisper-1"),
            open: |desk| openai_transcribe::open(desk, &EAR),
        },
    ],
};
