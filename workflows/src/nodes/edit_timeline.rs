//! `Edit.Timeline`: a template, clips, a narration and music become a finished cut.
//!
//! Neighbours: the template engine of `fenta-templates` does the cutting; this node gathers what it needs (the
//! template's text, pictures for its placeholders, fonts) and hands it over.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use fenta_templates::template::{
    self, Bindings, ClipBinding, ImageBinding, Placeholder, PlaceholderKind, Template,
    TemplateProblem, VoiceBinding, VoiceWord,
};
use fenta_templates::timeline::{ExternalReference, MediaReference};

use super::own_files;
use crate::action::{Action, ActionFacts, ReadTextRequest, ResolveFontsRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::input::join_path;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs, wrong_facts,
};
use crate::suggest::nearest;
use crate::value::{MediaValue, PortType, Value, Voice};

/// Templates a template may build on, one upon the other.
const MAX_EXTENDS: usize = 8;

/// The node type.
pub(super) struct EditTimeline;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Edit.Timeline",
    version: 1,
    summary: "A finished cut: a template filled with clips, narration, captions, music and texts.",
    params: vec![
        ParamSpec::required(
            "template",
            ParamType::Text { max_chars: 4096 },
            "A template that ships with Fenta (daily, footage, quiet), or the path of your own.",
        ),
        ParamSpec::required(
            "clips",
            ParamType::Port(PortType::List(Box::new(PortType::Media))),
            "What is seen, in order.",
        ),
        ParamSpec::optional(
            "voice",
            ParamType::Port(PortType::Voice),
            "The narration; the cut follows its sentences.",
        ),
        ParamSpec::optional(
            "captions",
            ParamType::Port(PortType::Captions),
            "Captions of that narration; without them none are shown.",
        ),
        ParamSpec::optional(
            "music",
            ParamType::Port(PortType::Audio),
            "The music under it.",
        ),
        ParamSpec::optional(
            "fill",
            ParamType::Fill,
            "Values for the template's other placeholders: texts, colours, picture files.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
    ],
    ports: vec![
        PortSpec::new("timeline", PortType::Timeline, "The cut, frame by frame."),
        PortSpec::new("seconds", PortType::Number, "Its length."),
    ],
    example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion, with: { palette: forest } }
  voice: { type: Voice.TTS, with: { text: \"Trees talk. They use the air.\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  cut:
    type: Edit.Timeline
    with:
      template: quiet
      clips: ${{ nodes.background.media }}
      voice: ${{ nodes.voice.voice }}
      captions: ${{ nodes.captions.captions }}
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: trees.mp4 } }
",
});

impl NodeType for EditTimeline {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if written.has("captions") && !written.has("voice") {
            found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    written.key_span("captions"),
                    "captions need the narration they belong to",
                )
                .hint("give `voice` the narration the captions were made from"),
            );
        }
        let Some(name) = written.text("template") else {
            return;
        };
        if is_path(name) {
            return;
        }
        match template::builtin(name) {
            Some(text) => {
                if let Ok(template) = template::parse(text, &|_| None) {
                    check_fill(&template, written, found);
                }
            }
            None => {
                let span = written.span("template");
                found.push(
                    Diagnostic::error(
                        codes::BAD_VALUE,
                        span,
                        format!("no template is called `{name}`"),
                    )
                    .suggest(nearest(name, template::builtin_names().iter().copied()), span)
                    .hint(template_hint()),
                );
            }
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let template = load_template(params.text("template")?, &context.job.workflow_dir, steps)?;
        let mut bindings = bind_media(params)?;
        bind_fill(&template, context, &mut bindings, steps)?;
        let requests = template.font_requests_for(&bindings);
        if !requests.is_empty() {
            let action = Action::ResolveFonts(ResolveFontsRequest { fonts: requests });
            bindings.fonts = match &steps.run_one(action)?.facts {
                ActionFacts::Fonts(fonts) => fonts.clone(),
                _ => return Err(wrong_facts("resolve_fonts").into()),
            };
        }
        let timeline = template::instantiate(&template, &bindings)
            .map_err(|problems| refused("the cut cannot be made", &problems))?;
        let seconds = timeline.duration.as_seconds();
        Ok(outputs([
            ("timeline", Value::Timeline(Box::new(timeline))),
            ("seconds", Value::Float(seconds)),
        ]))
    }
}

/// Whether `template` names a file rather than a template that ships.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".yaml") || name.ends_with(".yml")
}

fn template_hint() -> String {
    format!(
        "the templates are {}; a path of your own has a `/` or ends in .yaml",
        template::builtin_names().join(", ")
    )
}

/// Placeholders that `fill` gives a value.
fn fillable(placeholder: &Placeholder) -> bool {
    matches!(
        placeholder.kind,
        PlaceholderKind::Text { .. } | PlaceholderKind::Color { .. } | PlaceholderKind::Image
    )
}

fn check_fill(template: &Template, written: &Written<'_>, found: &mut Diagnostics) {
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
                        Diagnostic::error(codes::BAD_VALUE, *value_span, format!("`{name}`: {reason}"))
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
                    format!("the template `{}` has no placeholder `{name}`", template.name()),
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
        if param != "clips" && !written.has(param) {
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

/// The template, with every template of the user's that it builds on.
fn load_template(name: &str, folder: &str, steps: &mut Steps<'_>) -> Result<Template, Halt> {
    let (text, path) = if is_path(name) {
        let path = join_path(folder, name);
        (read(&path, steps)?, Some(path))
    } else {
        let text = template::builtin(name).ok_or_else(|| {
            LowerError::new(format!("no template is called `{name}`"), template_hint())
        })?;
        (text.to_owned(), None)
    };
    let base = path.as_deref().map_or(folder, parent);
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..=MAX_EXTENDS {
        let asked = RefCell::new(None);
        let parsed = template::parse(&text, &|wanted: &str| {
            let found = known.get(wanted).cloned();
            if found.is_none() && is_path(wanted) {
                asked.borrow_mut().get_or_insert_with(|| wanted.to_owned());
            }
            found
        });
        match (parsed, asked.into_inner()) {
            (Ok(template), _) => return Ok(template),
            (Err(_), Some(wanted)) => {
                let text = read(&join_path(base, &wanted), steps)?;
                known.insert(wanted, text);
            }
            (Err(problems), None) => {
                return Err(refused(&format!("the template {name}"), &problems).into());
            }
        }
    }
    Err(LowerError::new(
        format!("the template {name} builds on more than {MAX_EXTENDS} others"),
        "let it extend fewer templates",
    )
    .into())
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => ".",
    }
}

fn read(path: &str, steps: &mut Steps<'_>) -> Result<String, Halt> {
    let action = Action::ReadText(ReadTextRequest {
        path: path.to_owned(),
    });
    match &steps.run_one(action)?.facts {
        ActionFacts::Text(text) => Ok(text.clone()),
        _ => Err(wrong_facts("read_text").into()),
    }
}

/// All problems of the template engine in one error.
fn refused(what: &str, problems: &[TemplateProblem]) -> LowerError {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            if problem.path.is_empty() {
                problem.message.clone()
            } else {
                format!("{}: {}", problem.path, problem.message)
            }
        })
        .collect();
    let hints: Vec<&str> = problems
        .iter()
        .map(|problem| problem.hint.as_str())
        .filter(|hint| !hint.is_empty())
        .collect();
    LowerError::new(format!("{what}: {}", texts.join("; ")), hints.join("; "))
}

fn bind_media(params: Params<'_>) -> Result<Bindings, LowerError> {
    let mut bindings = Bindings {
        seed: params.seed("seed")?,
        language: "en".to_owned(),
        ..Bindings::default()
    };
    for clip in params.list("clips") {
        bindings.clips.push(clip_binding(clip)?);
    }
    if let Some(Value::Voice(voice)) = params.get("voice") {
        bindings.language = voice.language.clone();
        bindings.gap_ms = voice.gap_ms;
        bindings.voice = voice_bindings(voice);
    }
    if let Some(Value::Captions(captions)) = params.get("captions") {
        let spoken: usize = bindings.voice.iter().map(|scene| scene.words.len()).sum();
        if captions.words.len() != spoken {
            return Err(LowerError::new(
                format!(
                    "the captions have {} words, but the narration has {spoken}",
                    captions.words.len()
                ),
                "make the captions from the same narration that is given as `voice`",
            ));
        }
        bindings.captions = true;
    }
    if let Some(Value::Audio(music)) = params.get("music") {
        bindings.music = Some(music.digest);
    }
    Ok(bindings)
}

fn clip_binding(value: &Value) -> Result<ClipBinding, LowerError> {
    match value {
        Value::Media(media) => Ok(ClipBinding {
            name: media.name.clone(),
            media: MediaReference::External(ExternalReference {
                source: media.digest,
                facts: media.facts.clone(),
            }),
        }),
        Value::Generator(made) => Ok(ClipBinding {
            name: made.name.clone(),
            media: MediaReference::Generator(made.generator.clone()),
        }),
        other => Err(LowerError::new(
            format!("`clips` holds {}, which cannot be seen", other.noun()),
            "give it the media of Input.Upload or Input.Motion",
        )),
    }
}

fn voice_bindings(voice: &Voice) -> Vec<VoiceBinding> {
    voice
        .scenes
        .iter()
        .map(|scene| VoiceBinding {
            id: scene.id.clone(),
            source: scene.source,
            samples: scene.samples,
            words: scene
                .words
                .iter()
                .map(|word| VoiceWord {
                    text: word.text.clone(),
                    start: word.start,
                    end: word.end,
                })
                .collect(),
        })
        .collect()
}

/// Puts texts, colours and pictures into the bindings; what is none is left empty.
fn bind_fill(
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
            (PlaceholderKind::Color { .. }, Value::Text(text)) => {
                let color = text
                    .parse()
                    .map_err(|error| refuse(format!("{error}")))?;
                bindings.colors.insert(name.clone(), color);
            }
            (PlaceholderKind::Text { .. }, value) => {
                bindings.texts.insert(name.clone(), as_text(value).map_err(refuse)?);
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
