//! Who speaks: an engine on this machine, or a provider.
//!
//! Part of `Voice.TTS`; `narration` speaks with what is chosen here.

use super::narration::Speaker;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::models::ModelRef;
use crate::node::{Given, LowerContext, Params, Useless, Written};
use crate::suggest::nearest;

/// The built-in English voices.
const VOICES: [&str; 4] = ["slt", "rms", "awb", "kal"];

/// The engines on this machine, as models are named.
const ENGINES: [&str; 2] = ["flite", "espeak-ng"];

fn vendor(model: &str) -> &str {
    model.split_once(':').map_or(model, |(vendor, _)| vendor)
}

/// The voice of an engine of this machine that a model names: `flite:awb`.
fn own_voice(model: &str) -> Option<&str> {
    let (vendor, voice) = model.split_once(':')?;
    ENGINES.contains(&vendor).then_some(voice)
}

/// Whether a provider may speak, as far as the document tells: what only the engines of this machine cannot do is said
/// when it turns out that one of them speaks.
pub(super) fn is_provider(written: &Written<'_>) -> bool {
    let given = written.given();
    match given.word("engine", "auto") {
        Some("auto") => {}
        Some(_) => return false,
        None => return true,
    }
    match given.word("model", "") {
        Some("") => {
            let providers = written.providers();
            providers.first().is_some_and(|first| !is_engine(first))
        }
        Some(model) => !ENGINES.contains(&vendor(model)),
        None => true,
    }
}

fn is_engine(model: &ModelRef) -> bool {
    ENGINES.contains(&model.vendor.as_str())
}

/// What a model leaves nothing to say about. One that comes out empty leaves the choice to the engine.
pub(super) fn useless_beside_model(given: &Given<'_>, found: &mut Vec<Useless>) {
    let model = given.word("model", "");
    if model == Some("") {
        return;
    }
    let why = "`model` says who speaks";
    given.useless(&["engine"], Some("model"), why, found);
    if model.and_then(own_voice).is_some() {
        let why = "`model` names the voice";
        given.useless(&["voice"], Some("model"), why, found);
    }
}

/// The engine of this machine that speaks, as far as the document tells.
fn engine<'a>(written: &'a Written<'_>) -> Option<&'a str> {
    let given = written.given();
    let named = match (given.word("engine", "auto")?, given.word("model", "")?) {
        ("auto", "") => written
            .providers()
            .iter()
            .find(|one| is_engine(one))
            .map(|one| one.vendor.as_str()),
        ("auto", model) => Some(vendor(model)),
        (engine, _) => Some(engine),
    };
    let foreign = !is_english(given.word("language", "en")?);
    named.or(foreign.then_some("espeak-ng"))
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
    if engine(written) == Some("espeak-ng") {
        let mut diagnostic = Diagnostic::error(
            codes::CONFLICT,
            written.span("voice"),
            "espeak-ng has no such voices; its voice is the language",
        )
        .hint("remove `voice`, or let flite speak English");
        let mut places = ["engine", "model", "language"].into_iter();
        if let Some(place) = places.find(|name| written.has(name)) {
            diagnostic = diagnostic.label(written.span(place), "the engine is chosen here");
        }
        found.push(diagnostic);
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

/// The engine a node names itself; else the first model that can be asked here, which may be an engine of this machine.
/// Nobody has looked who can be asked: then an engine that stands behind providers is the first that surely can.
pub(super) fn speaker(
    params: Params<'_>,
    language: &str,
    context: &LowerContext<'_>,
) -> Result<Speaker, LowerError> {
    let models = context.models;
    let chosen = params.text("engine")? != "auto";
    if is_nobody(params, context)? {
        return built_in(params, language, None, true);
    }
    let mut engines = match context.available {
        Some(found) => found.models.get(..1).unwrap_or_default(),
        None => models,
    }
    .iter();
    let engine = engines.find(|model| is_engine(model));
    match engine.filter(|_| !chosen) {
        None if !chosen && !models.is_empty() => Ok(Speaker::Provider {
            models: models
                .iter()
                .filter(|model| !is_engine(model))
                .cloned()
                .collect(),
            voice: params.optional_text("voice")?.map(str::to_owned),
            instructions: params.text("instructions")?.to_owned(),
        }),
        engine => built_in(params, language, engine, stands_in(params, context)?),
    }
}

/// Whether nobody of the list can be asked: then an engine of this machine speaks, so that the same workflow runs with a
/// key, with a server at home and with neither. Who names a model at the node wants that one.
fn is_nobody(params: Params<'_>, context: &LowerContext<'_>) -> Result<bool, LowerError> {
    let open = params.text("engine")? == "auto" && params.get("model").is_none();
    let nobody = context
        .available
        .is_some_and(|found| found.models.is_empty());
    Ok(open && nobody && !context.models.is_empty())
}

/// Whether an engine of this machine speaks in the place of a provider, so that what was written for the provider does
/// not hold.
fn stands_in(params: Params<'_>, context: &LowerContext<'_>) -> Result<bool, LowerError> {
    let first = context.models.first();
    let meant = first.is_some_and(|first| !is_engine(first));
    let speaks = context
        .available
        .is_some_and(|found| found.models.first().is_none_or(is_engine));
    Ok(meant && speaks && params.text("engine")? == "auto")
}

/// What is told where an engine of this machine stands in.
pub(super) fn notes(
    params: Params<'_>,
    context: &LowerContext<'_>,
) -> Result<Vec<String>, LowerError> {
    let mut notes: Vec<String> = passed_over(params, context)?.into_iter().collect();
    if stands_in(params, context)? {
        if is_nobody(params, context)? {
            let passed = context.available.map(|found| found.passed.join("; "));
            notes.push(format!(
                "a built-in voice speaks: {}",
                passed.unwrap_or_default()
            ));
        }
        if !params.text("instructions")?.is_empty() {
            notes.push("a built-in voice takes no instructions: it speaks without them".to_owned());
        }
        if let Some(voice) = params.optional_text("voice")?
            && !VOICES.contains(&voice)
        {
            notes.push(format!("`{voice}` is a provider's voice, and none speaks"));
        }
    }
    Ok(notes)
}

/// Why an engine of this machine speaks although others stand before it in the list.
fn passed_over(
    params: Params<'_>,
    context: &LowerContext<'_>,
) -> Result<Option<String>, LowerError> {
    let models = context.models;
    if let Some(found) = context.available {
        let speaks = found.models.first().filter(|model| is_engine(model));
        return Ok(match speaks {
            Some(speaks) if !found.passed.is_empty() && params.text("engine")? == "auto" => {
                Some(format!("{speaks} speaks: {}", found.passed.join("; ")))
            }
            _ => None,
        });
    }
    let engine = models.iter().position(is_engine).unwrap_or_default();
    if params.text("engine")? != "auto" || engine == 0 {
        return Ok(None);
    }
    let names: Vec<String> = models[..engine].iter().map(ToString::to_string).collect();
    let speaks = &models[engine];
    Ok(Some(match names.as_slice() {
        [one] => format!("{speaks} speaks: {one} is not configured"),
        many => format!("{speaks} speaks: none of {} is configured", many.join(", ")),
    }))
}

fn is_english(language: &str) -> bool {
    language.eq_ignore_ascii_case("en") || language.to_ascii_lowercase().starts_with("en-")
}

fn built_in(
    params: Params<'_>,
    language: &str,
    model: Option<&ModelRef>,
    stands_in: bool,
) -> Result<Speaker, LowerError> {
    if !stands_in && !params.text("instructions")?.is_empty() {
        return Err(LowerError::new(
            "the built-in engines take no instructions",
            "remove `instructions`, or name a provider in `model`",
        ));
    }
    let english = is_english(language);
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
    let own = params.optional_text("voice")?;
    let named = match own.filter(|voice| !stands_in || engine == "flite" && VOICES.contains(voice))
    {
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
