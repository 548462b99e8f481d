//! The server of stable-diffusion.cpp on a machine of the user's, or any other that speaks the pictures of the OpenAI
//! dialect (LocalAI).

use fenta_workflows::models::Role;

use super::openai_images;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "sd-server",
    base_url: "http://127.0.0.1:1234/v1",
    place: Place::Own,
    key: KeyUse::Welcome {
        variable: "SD_SERVER_API_KEY",
    },
    sends: KeyStyle::Bearer,
    // Others listen at its usual place too, and it has no list of models that would tell them apart.
    probe: None,
    charges: false,
    services: &[Service {
        role: Role::Image,
        usual: Some("stable-diffusion"),
        open: openai_images::open,
    }],
};
