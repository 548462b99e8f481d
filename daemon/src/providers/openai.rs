//! OpenAI.

use fenta_workflows::models::Role;

use super::openai_chat::{self, Accent};
use super::openai_images;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// Its models of today take the limit under another name than the older ones.
const ACCENT: Accent = Accent {
    max_tokens: "max_completion_tokens",
    ..openai_chat::PLAIN
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
    ],
};
