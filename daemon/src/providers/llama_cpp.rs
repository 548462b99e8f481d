//! The server of llama.cpp on a machine of the user's. It serves one model, whatever it is called.

use fenta_workflows::models::Role;

use super::openai_chat;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "llama-cpp",
    base_url: "http://127.0.0.1:8080/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "LLAMA_CPP_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("models"),
    charges: false,
    services: &[Service {
        role: Role::Llm,
        usual: Some("default"),
        open: |desk| openai_chat::open(desk, &openai_chat::PLAIN),
    }],
};
