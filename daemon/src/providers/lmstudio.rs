//! LM Studio on a machine of the user's.

use fenta_workflows::models::Role;

use super::openai_chat;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "lmstudio",
    base_url: "http://127.0.0.1:1234/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "LMSTUDIO_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("models"),
    charges: false,
    services: &[Service {
        role: Role::Llm,
        usual: None,
        open: |desk| openai_chat::open(desk, &openai_chat::PLAIN),
    }],
};
