//! OpenRouter: one key for the models of many, and the true cost in every answer.

use fenta_workflows::models::Role;

use super::openai_chat::{self, Accent};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// Without `require_parameters` a model may answer that ignores the schema.
const ACCENT: Accent = Accent {
    headers: &[("x-title", "Fenta")],
    requires_parameters: true,
    ..openai_chat::PLAIN
};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "openrouter",
    base_url: "https://openrouter.ai/api/v1",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "OPENROUTER_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("key"),
    charges: true,
    services: &[Service {
        role: Role::Llm,
        usual: Some("openai/gpt-6-luna"),
        open: |desk| openai_chat::open(desk, &ACCENT),
    }],
};
