//! Ollama on a machine of the user's. It keeps to a schema by its grammar.

use fenta_workflows::models::Role;

use super::openai_chat;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "ollama",
    base_url: "http://127.0.0.1:11434/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "OLLAMA_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("models"),
    charges: false,
    services: &[Service {
        role: Role::Llm,
        usual: Some("qwen3:8b"),
        open: |desk| openai_chat::open(desk, &openai_chat::PLAIN),
    }],
};
