//! `Edit.Timeline`: a template, clips, a narration and music become a finished cut.
//!
//! Neighbours: the template engine of `fenta-templates` does the cutting; this node gathers what it needs (the
//! template's text, pictures for its placeholders, fonts) and hands it over.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::template::{self, Bindings, ClipBinding, VoiceBinding, VoiceWord};
use fenta_templates::timeline::{ExternalReference, MediaReference};

use super::placeholders::{bind_fill, check_fill};
use super::template_file::{is_path, load_template, refused, template_hint};
use crate::action::{Action, ActionFacts, ResolveFontsRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs, wrong_facts,
};
use crate::suggest::nearest;
use crate::value::{PortType, Value, Voice};

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
            "A template that ships with Fenta (`fenta template list`), or the path of your own.",
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
            "beats",
            ParamType::many(ParamType::Number {
                min: 0.0,
                max: 3600.0,
            }),
            "Beats of the music in seconds, for templates that cut on them.",
        ),
        ParamSpec::optional(
            "chapters",
            ParamType::many(ParamType::Text { max_chars: 40 }),
            "Ids of the scenes (s1, s2, ...) with which a chapter begins, for templates that mark chapters.",
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
        PortSpec::new(
            "notes",
            PortType::List(Box::new(PortType::Text)),
            "Where a rule of the template could not be kept with these clips.",
        ),
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
                    .suggest(
                        nearest(name, template::builtin_names().iter().copied()),
                        span,
                    )
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
        let notes = timeline.notes.iter().cloned().map(Value::Text).collect();
        Ok(outputs([
            ("notes", Value::List(notes)),
            ("timeline", Value::Timeline(Box::new(timeline))),
            ("seconds", Value::Float(seconds)),
        ]))
    }
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
    bindings.beats = beats(params);
    bindings.chapters = chapters(params, &bindings)?;
    if let Some(Value::Audio(music)) = params.get("music") {
        bindings.music = Some(music.digest);
    }
    Ok(bindings)
}

/// Beats in milliseconds, in order.
fn beats(params: Params<'_>) -> Vec<u32> {
    let seconds = params
        .list("beats")
        .into_iter()
        .filter_map(|beat| match beat {
            Value::Int(seconds) => Some(*seconds as f64),
            Value::Float(seconds) => Some(*seconds),
            _ => None,
        });
    // Limits of the parameter keep this far inside the range.
    let mut beats: Vec<u32> = seconds.map(|at| (at * 1000.0).round() as u32).collect();
    beats.sort_unstable();
    beats
}

/// Ids of scenes that are there; one that is not would never be seen to do anything.
fn chapters(params: Params<'_>, bindings: &Bindings) -> Result<Vec<String>, LowerError> {
    let mut chapters = Vec::new();
    for value in params.list("chapters") {
        let Value::Text(id) = value else { continue };
        let scenes = || bindings.voice.iter().map(|scene| scene.id.as_str());
        if !scenes().any(|scene| scene == id) {
            let hint = match nearest(id, scenes()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its scenes are {}", scenes().collect::<Vec<_>>().join(", ")),
            };
            return Err(LowerError::new(
                format!("`chapters` names `{id}`, which is no scene of the narration"),
                hint,
            ));
        }
        chapters.push(id.clone());
    }
    Ok(chapters)
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::value::{AudioValue, CaptionWord, Captions, MediaValue, SpokenScene, Word};
    use fenta_templates::timeline::MediaKind;

    fn clip() -> Value {
        Value::Media(MediaValue {
            digest: digest("clip"),
            name: "clip.mp4".into(),
            facts: media_facts(MediaKind::Video),
        })
    }

    fn voice() -> Voice {
        Voice {
            language: "en".into(),
            gap_ms: 150,
            scenes: vec![SpokenScene {
                id: "s1".into(),
                source: digest("s1"),
                samples: 96_000,
                words: vec![Word {
                    text: "Bees.".into(),
                    start: 4800,
                    end: 48_000,
                }],
            }],
        }
    }

    fn bench() -> Bench {
        Bench::new("Edit.Timeline")
            .with("template", Value::Text("quiet".into()))
            .with("clips", clip())
            .with("voice", Value::Voice(voice()))
    }

    fn fonts(bench: &Bench) -> crate::action::ActionResult {
        let asked = bench.asks(&[]);
        let [Action::ResolveFonts(request)] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        let found = request
            .fonts
            .iter()
            .map(|font| fenta_templates::timeline::FontFace {
                request: font.clone(),
                file: digest(&font.family),
                index: 0,
            });
        facts(ActionFacts::Fonts(found.collect()))
    }

    #[test]
    fn the_cut_is_as_long_as_the_narration_and_a_little() {
        let bench = bench().with("music", Value::Audio(AudioValue::new(digest("m"), "m.wav")));
        let out = bench.outputs(&[fonts(&bench)]);
        let Value::Timeline(timeline) = &out["timeline"] else {
            panic!("{out:?}")
        };
        let seconds = timeline.duration.as_seconds();
        assert!((2.0..5.0).contains(&seconds), "{seconds}");
        assert_eq!(out["seconds"], Value::Float(seconds));
        assert_eq!(timeline.audio.voice.len(), 1);
        assert_eq!(
            timeline.audio.music.as_ref().map(|m| m.source),
            Some(digest("m"))
        );
        assert!(timeline.captions.is_none());
    }

    #[test]
    fn chapters_are_scenes_of_the_narration() {
        let with = |id: &str| bench().with("chapters", Value::List(vec![Value::Text(id.into())]));
        let right = with("s1");
        assert!(right.outputs(&[fonts(&right)]).contains_key("timeline"));
        let wrong = with("s9").fails(&[]);
        assert!(wrong.message.contains("`s9`"), "{wrong}");
        assert!(wrong.hint.contains("s1"), "{wrong:?}");
    }

    #[test]
    fn beats_are_milliseconds_in_order() {
        let beats_of = |written: Vec<Value>| {
            let params = BTreeMap::from([("beats".to_owned(), Value::List(written))]);
            beats(Params::new(&params))
        };
        assert_eq!(
            beats_of(vec![Value::Float(1.5), Value::Int(1), Value::Float(0.0005)]),
            [1, 1000, 1500]
        );
    }

    #[test]
    fn captions_must_belong_to_the_narration() {
        let captions = |words: usize| {
            Value::Captions(Captions {
                language: "en".into(),
                words: vec![
                    CaptionWord {
                        text: "Bees.".into(),
                        start: 4800,
                        end: 48_000,
                        scene: 0,
                    };
                    words
                ],
            })
        };
        let right = bench().with("captions", captions(1));
        let out = right.outputs(&[fonts(&right)]);
        assert!(matches!(&out["timeline"], Value::Timeline(t) if t.captions.is_some()));
        let wrong = bench().with("captions", captions(3)).fails(&[]);
        assert!(wrong.message.contains("3 words"), "{wrong}");
    }

    #[test]
    fn placeholders_that_do_not_exist_are_refused_when_computed_too() {
        let fill = Value::Record(BTreeMap::from([(
            "nope".to_owned(),
            Value::Text("x".into()),
        )]));
        let error = bench().with("fill", fill).fails(&[]);
        assert!(error.message.contains("`nope`"), "{error}");
    }
}
