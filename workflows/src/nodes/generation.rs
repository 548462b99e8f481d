//! What the generating node types share: checks of a model's abilities, pictures they go by, the price of a result.
//!
//! Not a node type itself.

use fenta_templates::timeline::MediaKind;
use rust_decimal::Decimal;

use super::own_files;
use crate::action::CollectedFile;
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::{Digest, blob_digest};
use crate::execution::LowerError;
use crate::models::{Known, Models, Resolved, Role};
use crate::node::{Halt, ParamSpec, ParamType, Params, Steps, Written};
use crate::value::{MediaValue, PortType, Value};

/// Shapes that can be asked for.
pub(super) const ASPECTS: &[&str] = &["9:16", "16:9", "1:1", "3:4", "4:3"];

/// A picture of the user's or of another node.
pub(super) fn picture_type() -> ParamType {
    ParamType::Either(vec![
        ParamType::Port(PortType::Image),
        ParamType::SourcePath,
    ])
}

/// The parameter `model` of a generating node.
pub(super) fn model_param(doc: &'static str) -> ParamSpec {
    ParamSpec::optional("model", ParamType::Model, doc)
}

/// The blob of a picture; a path of the user's is taken in first.
pub(super) fn picture(
    params: Params<'_>,
    name: &str,
    steps: &mut Steps<'_>,
) -> Result<Option<Digest>, Halt> {
    Ok(match params.get(name) {
        None => None,
        Some(Value::Media(media)) => Some(media.digest),
        Some(Value::Text(path)) => Some(own_files::image(path, steps)?.digest),
        Some(other) => {
            return Err(LowerError::new(
                format!("`{name}` is {}, not a picture", other.noun()),
                "give it a picture of a node, or the path of one",
            )
            .into());
        }
    })
}

/// What stands for a picture of a node in a draft of what is asked for: only whether there is one matters.
pub(super) fn stand_in(params: Params<'_>, name: &str) -> Option<Digest> {
    params.get(name).map(|_| blob_digest(&[]))
}

/// Files that were drawn here, measured.
pub(super) fn drawn(
    files: Vec<(Digest, String)>,
    steps: &mut Steps<'_>,
) -> Result<Vec<MediaValue>, Halt> {
    let files: Vec<CollectedFile> = files
        .into_iter()
        .map(|(digest, name)| CollectedFile {
            path: name.clone(),
            digest,
            name,
        })
        .collect();
    own_files::probe(&files, steps)
}

/// The values of an answer, which must all be of a kind.
pub(super) fn of_kind(values: Vec<Value>, kind: MediaKind) -> Result<Vec<Value>, LowerError> {
    let fits = |value: &Value| matches!(value, Value::Media(media) if media.facts.kind == kind);
    if values.iter().all(fits) {
        return Ok(values);
    }
    let wanted = match kind {
        MediaKind::Video => "clips",
        MediaKind::Image => "pictures",
        MediaKind::Audio => "recordings",
    };
    Err(LowerError::new(
        format!("the provider was asked for {wanted} and sent something else"),
        "name another model in `model`",
    ))
}

/// The model a literal names, when it is one of the table and alive.
fn known_model(role: Role, written: &Written<'_>) -> Option<Known> {
    match Models::builtin().resolve(role, written.text("model")?) {
        Resolved::Known(model) => Some(model),
        _ => None,
    }
}

/// Complains about a shape the model cannot make.
pub(super) fn check_aspect(role: Role, written: &Written<'_>, found: &mut Diagnostics) {
    let (Some(model), Some(aspect)) = (known_model(role, written), written.text("aspect")) else {
        return;
    };
    if !model.ratios.is_empty() && !model.ratios.iter().any(|ratio| ratio == aspect) {
        found.push(
            Diagnostic::error(
                codes::BAD_VALUE,
                written.span("aspect"),
                format!("{} cannot make {aspect}", model.id),
            )
            .label(written.span("model"), "the model is chosen here")
            .hint(format!("it makes {}", model.ratios.join(", "))),
        );
    }
}

/// Complains about a length the model cannot make.
pub(super) fn check_seconds(role: Role, written: &Written<'_>, found: &mut Diagnostics) {
    let (Some(model), Some(Value::Int(seconds))) =
        (known_model(role, written), written.literal("seconds"))
    else {
        return;
    };
    let fits = |one: &u32| i64::from(*one) == seconds;
    if !model.seconds.is_empty() && !model.seconds.iter().any(fits) {
        let lengths: Vec<String> = model.seconds.iter().map(u32::to_string).collect();
        found.push(
            Diagnostic::error(
                codes::BAD_VALUE,
                written.span("seconds"),
                format!("{} makes no clips of {seconds} seconds", model.id),
            )
            .label(written.span("model"), "the model is chosen here")
            .hint(format!("it makes clips of {} seconds", lengths.join(", "))),
        );
    }
}

/// So many things of a meter, when the number is known.
pub(super) fn count_of(meter: Meter, known: &KnownParams, name: &str) -> Quantity {
    match known.int(name) {
        Some(count) => Quantity::new(
            meter,
            Spread::exactly(Decimal::from(count)),
            format!("`{name}` as written"),
        ),
        None => Quantity::unknown(meter, format!("`{name}` is not known yet")),
    }
}
