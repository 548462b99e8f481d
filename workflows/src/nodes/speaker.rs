//! Who speaks: an engine on this machine, or a provider.
//!
//! Part of `Voice.TTS`; `narration` speaks with what is chosen here.

use super::narration::Speaker;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::ModelRef;
use crate::node::{Params, Written};
use crate::suggest::nearest;

/// The built-in English voices.
const VOICES: [&str; 4] = ["slt", "rms", "awb", "kal"];

/// The engines on this machine, as models are named.
const ENGINES: [&str; 2] = ["flite", "espeak-ng"];

fn vendor(model: &str) -> &str {
    model.split_once(':').map_or(model, |(vendor, _)| vendor)
}

/// Whether a provider speaks, as far as the document tells.
pub(super) fn is_provider(written: &Written<'_>) -> bool {
    match written.text("model") {
        Some(model) => !ENGINES.contains(&vendor(model)),
        None => written.has("model") || !written.providers().is_empty(),
    }
}

/// What the engines on this machine cannot do.
pub(super) fn check_built_in(written: &Written<'_>, found: &mut Diagnostics) {
    if written.has("instructions") {
        found.push(
            Diagnostic::error(
                codes::CONFLICT,
                written.key_span("instructions"),
                "the built-in engines take no instructions",
            )
            .hint("remove `instructions`, or name a provider in `model` or `providers.speech`"),
        );
    }
    let Some(voice) = written.text("voice") else {
        return;
    };
    let engine = written
        .text("engine")
        .or_else(|| written.text("model").map(vendor));
    if engine == Some("espeak-ng") {
        let place = if written.has("engine") {
            "engine"
        } else {
            "model"
        };
        found.push(
            Diagnostic::error(
                codes::CONFLICT,
                written.span("voice"),
                "espeak-ng has no such voices; its voice is the language",
            )
            .label(written.span(place), "the engine is chosen here")
            .hint("remove `voice`, or write `engine: flite`"),
        );
    } else if !VOICES.contains(&voice) {
        let span = written.span("voice");
        found.push(
            Diagnostic::error(
                codes::BAD_VALUE,
                span,
                format!("the built-in engine has no voice `{voice}`"),
            )
            .suggest(nearest(voice, VOICES), span)
            .hint(format!(
                "its voices are {}; for others name a provider in `model`",
                VOICES.join(", ")
            )),
        );
    }
}

/// The first model that is an engine of this machine, else the providers. No provider can be configured in this version,
/// so an engine that stands behind them in the list is the first that can.
pub(super) fn speaker(
    params: Params<'_>,
    language: &str,
    models: &[ModelRef],
) -> Result<Speaker, LowerError> {
    let engine = models
        .iter()
        .find(|model| ENGINES.contains(&model.vendor.as_str()));
    match engine {
        None if !models.is_empty() => Ok(Speaker::Provider {
            models: models.to_vec(),
            voice: params.optional_text("voice")?.map(str::to_owned),
            instructions: params.text("instructions")?.to_owned(),
        }),
        engine => built_in(params, language, engine),
    }
}

fn built_in(
    params: Params<'_>,
    language: &str,
    model: Option<&ModelRef>,
) -> Result<Speaker, LowerError> {
    let english =
        language.eq_ignore_ascii_case("en") || language.to_ascii_lowercase().starts_with("en-");
    let engine = match (params.text("engine")?, model) {
        ("auto", Some(model)) => model.vendor.as_str(),
        ("auto", None) if english => "flite",
        ("auto", None) => "espeak-ng",
        (engine, _) => engine,
    };
    if engine == "flite" && !english {
        return Err(LowerError::new(
            format!("flite speaks English only, not `{language}`"),
            "write `engine: espeak-ng`, or leave `engine` out",
        ));
    }
    let named = match params.optional_text("voice")? {
        Some(voice) => Some(voice),
        None => model.and_then(|model| model.model.as_deref()),
    };
    let voice = match (engine, named) {
        ("flite", None) => VOICES[0].to_owned(),
        ("flite", Some(voice)) if VOICES.contains(&voice) => voice.to_owned(),
        ("flite", Some(voice)) => {
            return Err(LowerError::new(
                format!("the built-in engine has no voice `{voice}`"),
                format!("its voices are {}", VOICES.join(", ")),
            ));
        }
        (_, None) => language.to_ascii_lowercase(),
        (_, Some(_)) => {
            return Err(LowerError::new(
                format!("`voice` chooses an English voice, but the language is `{language}`"),
                "remove `voice`; espeak-ng's voice is the language",
            ));
        }
    };
    Ok(Speaker::BuiltIn {
        engine: engine.to_owned(),
        voice,
    })
}
