//! The server of whisper.cpp on a machine of the user's. It hears with the one model it was started with, and answers
//! under `/inference`; one that was started with `--inference-path /v1/audio/transcriptions` has a `base_url` with `/v1`.

use fenta_workflows::models::Role;

use super::openai_transcribe;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

const EAR: openai_transcribe::Accent = openai_transcribe::Accent {
    path: |desk| match desk.base_url.path().trim_end_matches('/').ends_with("/v1") {
        true => "audio/transcriptions",
        false => "inference",
    },
    models: &[],
    most_bytes: None,
};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "whisper-cpp",
    base_url: "http://127.0.0.1:8081",
    place: Place::Own,
    key: KeyUse::None,
    sends: KeyStyle::Bearer,
    probe: Some(""),
    charges: false,
    services: &[Service {
        role: Role::Transcribe,
        usual: Some("whisper"),
        open: |desk| openai_transcribe::open(desk, &EAR),
    }],
};
