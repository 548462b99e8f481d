//! The placeholders of a template that `fill` gives values to: checked when the document is compiled, bound when the
//! values are there.
//!
//! Neighbours: `edit_timeline` is the node; the kinds of placeholders are the template engine's.

use std::collections::BTreeSet;

use fenta_templates::template::{Bindings, ImageBinding, Placeholder, PlaceholderKind, Template};

use super::own_files;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::input::join_path;
use crate::node::{Halt, LowerContext, ParamType, Steps, Written};
use crate::suggest::nearest;
use crate::value::{MediaValue, Value};

/// Placeholders that `fill` gives a value.
fn fillable(placeholder: &Placeholder) -> bool {
    matches!(
        placeholder.kind,
        PlaceholderKind::Text { .. }
            | PlaceholderKind::Color { .. }
            | PlaceholderKind::Image
            | PlaceholderKind::Effect
            | PlaceholderKind::Lut
    )
}

/// Every value of `fill` against its placeholder, and every placeholder that must be filled.
pub(super) fn check_fill(template: &Template, written: &Written<'_>, found: &mut Diagnostics) {
    let fields = written.fields("fill");
    let names: Vec<&str> = template
        .placeholders()
        .iter()
        .filter(|placeholder| fillable(placeholder))
        .map(|placeholder| placeholder.name.as_str())
        .collect();
    for (name, key_span, value_span, literal) in &fields {
        match template.placeholders().iter().find(|one| one.name == *name) {
            Some(placeholder) if fillable(placeholder) => {
                if let Some(value) = literal
                    && let Err(reason) = fits(placeholder, value)
                {
                    found.push(
                        Diagnostic::error(
                            codes::BAD_VALUE,
                            *value_span,
                            format!("`{name}`: {reason}"),
                        )
                        .hint(format!("`{name}` takes {}", wanted(placeholder))),
                    );
                }
            }
            Some(placeholder) => found.push(
                Diagnostic::error(
                    codes::PLACEHOLDER,
                    *key_span,
                    format!(
                        "the placeholder `{name}` ({}) is not filled here",
                        placeholder.kind.type_name()
                    ),
                )
                .hint("clips, voice, captions and music are parameters of the node"),
            ),
            None => found.push(
                Diagnostic::error(
                    codes::PLACEHOLDER,
                    *key_span,
                    format!(
                        "the template `{}` has no placeholder `{name}`",
                        template.name()
                    ),
                )
                .suggest(nearest(name, names.iter().copied()), *key_span)
                .hint(if names.is_empty() {
                    "it has no placeholders to fill".to_owned()
                } else {
                    format!("its placeholders are {}", names.join(", "))
                }),
            ),
        }
    }
    missing_placeholders(template, written, found);
    needless_streams(template, written, found);
}

/// What is heard or shown needs a placeholder of the template; without one it would be accepted and ignored.
fn needless_streams(template: &Template, written: &Written<'_>, found: &mut Diagnostics) {
    let streams = [
        ("voice", template.takes("voice"), "plays no narration"),
        ("music", template.takes("audio"), "plays no music"),
        (
            "audio",
            template.takes("voice") || template.takes("audio"),
            "plays no sound",
        ),
        ("captions", template.shows_captions(), "shows no captions"),
    ];
    for (param, taken, why) in streams {
        let given = written.has(param) && written.literal(param) != Some(Value::Null);
        if given && !taken {
            found.push(
                Diagnostic::error(
                    codes::PLACEHOLDER,
                    written.key_span(param),
                    format!("the template `{}` {why}", template.name()),
                )
                .label(written.span("template"), "the template is named here")
                .hint(format!("remove `{param}`, or use another template")),
            );
        }
    }
}

fn missing_placeholders(template: &Template, written: &Written<'_>, found: &mut Diagnostics) {
    let fields = written.fields("fill");
    let filled: BTreeSet<&str> = fields.iter().map(|(name, ..)| *name).collect();
    for placeholder in template.placeholders().iter().filter(|one| one.required()) {
        let param = match placeholder.kind {
            PlaceholderKind::Media { .. } => "clips",
            PlaceholderKind::Voice => "voice",
            PlaceholderKind::Audio => "music",
            PlaceholderKind::Captions => "captions",
            _ if filled.contains(placeholder.name.as_str()) => continue,
            _ => {
                found.push(
                    Diagnostic::error(
                        codes::MISSING_PARAM,
                        written.span("fill"),
                        format!("the template needs its placeholder `{}`", placeholder.name),
                    )
                    .hint(format!(
                        "add `{}` to `fill`: {}",
                        placeholder.name,
                        wanted(placeholder)
                    )),
                );
                continue;
            }
        };
        // `clips` is required of every node, so its absence has been said already.
        let in_audio = matches!(param, "voice" | "music") && written.has("audio");
        if param != "clips" && !in_audio && !written.has(param) {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    written.span("template"),
                    format!("the template `{}` needs `{param}`", template.name()),
                )
                .hint(format!("add `{param}` to `with`")),
            );
        }
    }
}

fn wanted(placeholder: &Placeholder) -> String {
    match &placeholder.kind {
        PlaceholderKind::Text {
            max_chars: Some(most),
            ..
        } => format!("a text of at most {most} characters"),
        PlaceholderKind::Text { .. } => "a text".to_owned(),
        PlaceholderKind::Color { .. } => "a colour like #FFD400".to_owned(),
        PlaceholderKind::Image => "the path of a PNG or JPEG file".to_owned(),
        PlaceholderKind::Effect => "the path of a short sound, or the audio of a node".to_owned(),
        PlaceholderKind::Lut => "the path of a .cube file".to_owned(),
        other => other.type_name().to_owned(),
    }
}

/// Whether a value can stand for a placeholder.
fn fits(placeholder: &Placeholder, value: &Value) -> Result<(), String> {
    let wanted_type = match &placeholder.kind {
        PlaceholderKind::Text { max_chars, .. } => ParamType::Text {
            max_chars: max_chars.map_or(10_000, |most| most as usize),
        },
        PlaceholderKind::Color { .. } => ParamType::Color,
        _ => ParamType::SourcePath,
    };
    match value {
        Value::Null => Ok(()),
        Value::Int(_) | Value::Float(_) | Value::Bool(_)
            if matches!(placeholder.kind, PlaceholderKind::Text { .. }) =>
        {
            Err("a text is needed; quote it to make it text".to_owned())
        }
        value => wanted_type
            .fit(value.clone())
            .map(|_| ())
            .map_err(|misfit| misfit.message),
    }
}

/// Puts texts, colours and pictures into the bindings; what is none is left empty.
pub(super) fn bind_fill(
    template: &Template,
    context: &LowerContext<'_>,
    bindings: &mut Bindings,
    steps: &mut Steps<'_>,
) -> Result<(), Halt> {
    let Some(Value::Record(fill)) = context.params.get("fill") else {
        return Ok(());
    };
    for (name, value) in fill {
        if matches!(value, Value::Null) {
            continue;
        }
        let placeholder = template
            .placeholders()
            .iter()
            .find(|one| one.name == *name && fillable(one))
            .ok_or_else(|| {
                LowerError::new(
                    format!("the template has no placeholder `{name}` to fill"),
                    "remove it from `fill`",
                )
            })?;
        let refuse = |reason: String| {
            LowerError::new(
                format!("the placeholder `{name}`: {reason}"),
                format!("`{name}` takes {}", wanted(placeholder)),
            )
        };
        match (&placeholder.kind, value) {
            (PlaceholderKind::Image, Value::Media(media)) => {
                bindings.images.insert(name.clone(), image_binding(media));
            }
            (PlaceholderKind::Image, Value::Text(path)) => {
                let path = join_path(&context.job.workflow_dir, path);
                let media = own_files::image(&path, steps)?;
                bindings.images.insert(name.clone(), image_binding(&media));
            }
            (PlaceholderKind::Effect, Value::Audio(sound)) => {
                bindings.effects.insert(name.clone(), sound.digest);
            }
            (PlaceholderKind::Effect, Value::Text(path)) => {
                let path = join_path(&context.job.workflow_dir, path);
                let media = own_files::audio(&path, steps)?;
                bindings.effects.insert(name.clone(), media.digest);
            }
            (PlaceholderKind::Lut, Value::Text(path)) => {
                let path = join_path(&context.job.workflow_dir, path);
                bindings
                    .luts
                    .insert(name.clone(), own_files::table(&path, steps)?);
            }
            (PlaceholderKind::Color { .. }, Value::Text(text)) => {
                let color = text.parse().map_err(|error| refuse(format!("{error}")))?;
                bindings.colors.insert(name.clone(), color);
            }
            (PlaceholderKind::Text { .. }, value) => {
                bindings
                    .texts
                    .insert(name.clone(), as_text(value).map_err(refuse)?);
            }
            (_, other) => return Err(refuse(format!("found {}", other.noun())).into()),
        }
    }
    Ok(())
}

fn as_text(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Script(script) => Ok(script.text()),
        other => Err(format!("found {}", other.noun())),
    }
}

fn image_binding(media: &MediaValue) -> ImageBinding {
    ImageBinding {
        source: media.digest,
        width: media.facts.width.max(1),
        height: media.facts.height.max(1),
    }
}
