//! `Edit.Timeline`: a template, clips, a narration and music become a finished cut.
//!
//! Neighbours: the template engine of `fenta-templates` does the cutting; this node gathers what it needs (the
//! template's text, pictures for its placeholders, fonts) and hands it over.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::template;
use fenta_templates::template::{Bindings, Template};
use fenta_templates::timeline::LONGEST_MS;

use super::credits::{self, Origins};
use super::cut_bindings::{
    Heard, beats, beats_of_music, bind_media, chapters, clips, heard, starts, subjects,
};
use super::placeholders::{bind_fill, check_fill};
use super::sound;
use super::template_file::{Loaded, is_path, load_template, refused, template_hint};
use crate::action::{Action, ActionFacts, ResolveFontsRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct EditTimeline;

/// What a node gives to a template against what the template takes.
pub(super) fn check_template(
    template: &template::Template,
    written: &Written<'_>,
    found: &mut Diagnostics,
) {
    check_fill(template, written, found);
    check_use(template, written, found);
}

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
            ParamType::many(ParamType::Either(vec![
                ParamType::Port(PortType::Media),
                ParamType::SourcePath,
            ])),
            "What is seen, in order: clips and pictures of nodes, or paths of yours.",
        )
        .filled("give at least one clip, picture or background of Input.Motion"),
        ParamSpec::optional(
            "audio",
            ParamType::Either(vec![
                ParamType::Port(PortType::Voice),
                ParamType::Port(PortType::Audio),
            ]),
            "What is heard: a narration, or the mix of Audio.Mix, whose rules then take the place of the template's.",
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
            "rules",
            ParamType::Port(PortType::Json),
            "Rules in the place of the template's.",
        )
        .later("write a template of your own with `extends` and change the rules there"),
        ParamSpec::optional(
            "beats",
            ParamType::many(ParamType::Number {
                min: 0.0,
                max: LONGEST_MS as f64 / 1000.0,
            }),
            "Beats of the music in seconds, for templates that cut on them; by default they are found in the music.",
        ),
        ParamSpec::optional(
            "chapters",
            ParamType::many(ParamType::Text { max_chars: 40 }),
            "Ids of the scenes (s1, s2, ...) with which a chapter begins, for templates that mark chapters.",
        ),
        ParamSpec::optional(
            "starts",
            ParamType::many(ParamType::Fields(vec![
                ParamSpec::required(
                    "scene",
                    ParamType::Text { max_chars: 40 },
                    "The scene's id.",
                ),
                ParamSpec::required(
                    "at",
                    ParamType::Duration {
                        min: 0,
                        max: i64::from(LONGEST_MS),
                    },
                    "When its first word is spoken.",
                ),
            ])),
            "Scenes (s1, s2, ...) that are spoken at a time of their own; the others follow each other as usual.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
    ],
    ports: vec![
        PortSpec::new("timeline", PortType::Timeline, "The cut, frame by frame."),
        PortSpec::new("seconds", PortType::Number, "Its length.").unit("s"),
        PortSpec::new(
            "notes",
            PortType::List(Box::new(PortType::Text)),
            "What is worth knowing about the clips, what `fill: smart` made of each, and where a rule of the template could not be kept.",
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
        if written.has("audio") && written.has("voice") {
            written.one_of("audio", "voice", found);
        }
        if written.has("captions") && !written.has("voice") && !written.has("audio") {
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
        match template::builtin_template(name) {
            Some(template) => check_template(template, written, found),
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
        let folder = &context.job.workflow_dir;
        let Loaded { template, digest } = load_template(params.text("template")?, folder, steps)?;
        let mut bindings = bind_media(params)?;
        let (mut notes, mut origins) = (Vec::new(), Origins::new());
        bindings.clips = clips(params, steps, (&mut notes, &mut origins))?;
        let heard = heard(params)?;
        heard.bind(params, &mut bindings)?;
        bindings.beats = if template.cuts_on_beats() {
            beats_of_music(params, &heard, &bindings, steps)?
        } else {
            beats(params)
        };
        bindings.chapters = chapters(params, &bindings)?;
        bindings.starts = starts(params, &bindings)?;
        useful(&template, &bindings)?;
        bind_fill(&template, context, &mut bindings, steps)?;
        bindings.subjects = subjects(&template, &bindings.clips, steps)?;
        let requests = template.font_requests_for(&bindings);
        if !requests.is_empty() {
            let action = Action::ResolveFonts(ResolveFontsRequest { fonts: requests });
            bindings.fonts = match &steps.run_one(action)?.facts {
                ActionFacts::Fonts(fonts) => fonts.clone(),
                _ => return Err(wrong_facts("resolve_fonts").into()),
            };
        }
        let mut timeline = template::instantiate(&template, &bindings)
            .map_err(|problems| refused("the cut cannot be made", &problems))?;
        timeline.template.digest = digest;
        timeline.origins = credits::used(&timeline, &origins, params);
        if template.cuts_on_beats() && bindings.music.is_some() && bindings.beats.is_empty() {
            timeline
                .notes
                .push("the music has no clear beat, so no cut moved to one".to_owned());
        }
        if let Heard::Mix(parts) = &heard {
            sound::apply(parts, &mut timeline.audio);
        }
        let seconds = timeline.duration.as_seconds();
        notes.extend(timeline.notes.iter().cloned());
        let notes = notes.into_iter().map(Value::Text).collect();
        Ok(outputs([
            ("notes", Value::List(notes)),
            ("timeline", Value::Timeline(Box::new(timeline))),
            ("seconds", Value::Float(seconds)),
        ]))
    }
}

/// What a template has no use for would be accepted and ignored.
fn check_use(template: &Template, written: &Written<'_>, found: &mut Diagnostics) {
    let name = template.name();
    if !written.has("voice") && !written.has("audio") {
        let why = "there is no narration whose scenes they are";
        written.useless(&["starts"], None, why, found);
    }
    if !template.cuts_on_beats() {
        let why = format!("the template `{name}` does not cut on beats");
        written.useless(&["beats"], Some("template"), &why, found);
    }
    if !template.marks_chapters() {
        let why = format!("the template `{name}` does not mark chapters");
        written.useless(&["chapters"], Some("template"), &why, found);
    } else if !written.has("voice") && !written.has("audio") {
        let why = "chapters begin with scenes of a narration, and there is none";
        written.useless(&["chapters"], None, why, found);
    }
}

/// The same for templates that are only known now.
fn useful(template: &Template, bindings: &Bindings) -> Result<(), LowerError> {
    let name = template.name();
    if !bindings.beats.is_empty() && !template.cuts_on_beats() {
        return Err(LowerError::new(
            format!("`beats` are given, but the template `{name}` does not cut on beats"),
            "remove `beats`, or write `cut_on: [beat, ...]` in the template's `rules`",
        ));
    }
    if !bindings.chapters.is_empty() && !template.marks_chapters() {
        return Err(LowerError::new(
            format!("`chapters` are given, but the template `{name}` does not mark chapters"),
            "remove `chapters`, or write a rule with `at: chapter` in the template's `transitions`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::node::Params;
    use crate::value::{
        AudioValue, CaptionWord, Captions, MediaValue, MixParts, SpokenScene, Voice, Word,
    };
    use fenta_templates::timeline::MediaKind;
    use fenta_templates::timeline::{Ducking, LoudnessTarget};

    fn clip() -> Value {
        Value::Media(MediaValue {
            digest: digest("clip"),
            name: "clip.mp4".into(),
            facts: media_facts(MediaKind::Video),
            origin: None,
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
                emphasis: Vec::new(),
                rung: Default::default(),
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
    fn captions_must_belong_to_the_narration() {
        let captions = |words: usize| {
            Value::Captions(Captions {
                language: "en".into(),
                starts: vec![0],
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
    fn a_mix_brings_narration_music_and_rules() {
        let mut mix = AudioValue::new(digest("mix"), "mix.m4a");
        mix.parts = Some(Box::new(MixParts {
            voice: Some(voice()),
            music: Some(digest("m")),
            music_tempo: None,
            music_gain_mb: -3000,
            fade_in_ms: 10,
            fade_out_ms: 20,
            ducking: Ducking {
                depth_mb: -2000,
                ..Ducking::default()
            },
            loudness: LoudnessTarget {
                integrated_clufs: -1600,
                true_peak_cdb: -200,
            },
            sounds: Vec::new(),
        }));
        let bench = Bench::new("Edit.Timeline")
            .with("template", Value::Text("quiet".into()))
            .with("clips", clip())
            .with("audio", Value::Audio(mix));
        let out = bench.outputs(&[fonts(&bench)]);
        let Value::Timeline(timeline) = &out["timeline"] else {
            panic!("{out:?}")
        };
        assert_eq!(timeline.audio.voice.len(), 1);
        assert_eq!(timeline.audio.ducking.depth_mb, -2000);
        assert_eq!(timeline.audio.loudness.integrated_clufs, -1600);
        let music = timeline.audio.music.as_ref().unwrap();
        assert_eq!((music.gain_mb, music.fade_out_ms), (-3000, 20));
    }

    #[test]
    fn captions_may_say_it_in_other_words() {
        let word = |text: &str, start, end| CaptionWord {
            text: text.into(),
            start,
            end,
            scene: 0,
        };
        let captions = Captions {
            language: "de".into(),
            starts: vec![0],
            words: vec![word("Die", 4800, 20_000), word("Bienen.", 20_000, 48_000)],
        };
        let bench = bench().with("captions", Value::Captions(captions));
        let out = bench.outputs(&[fonts(&bench)]);
        let Value::Timeline(timeline) = &out["timeline"] else {
            panic!("{out:?}")
        };
        let cues = &timeline.captions.as_ref().unwrap().cues;
        let texts: Vec<&str> = cues
            .iter()
            .flat_map(|cue| &cue.words)
            .map(|word| word.text.as_str())
            .collect();
        assert_eq!(texts, ["Die", "Bienen."]);
        let speech = &timeline.audio.speech;
        assert_eq!(
            speech.len(),
            1,
            "music makes room for the word that is heard"
        );
        assert_eq!(speech[0].duration.value, 48_000 - 4800);
    }

    #[test]
    fn recordings_without_words_do_not_lead_a_cut() {
        let error = Bench::new("Edit.Timeline")
            .with("template", Value::Text("quiet".into()))
            .with("clips", clip())
            .with("audio", Value::Audio(AudioValue::new(digest("m"), "m.wav")))
            .fails(&[]);
        assert!(
            error.message.contains("m.wav is a recording without words"),
            "{error}"
        );
    }

    #[test]
    fn paths_among_the_clips_are_taken_in() {
        let bench = Bench::new("Edit.Timeline")
            .with("template", Value::Text("quiet".into()))
            .with(
                "clips",
                Value::List(vec![clip(), Value::Text("photos".into())]),
            );
        let asked = bench.asks(&[]);
        assert!(
            matches!(asked.as_slice(), [Action::Collect(one)] if one.path == "/w/photos"),
            "{asked:?}"
        );
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
    fn the_beats_of_the_music_are_known_or_listened_for() {
        let with = |music: AudioValue| {
            bench()
                .with("template", Value::Text("bold".into()))
                .with("music", Value::Audio(music))
        };
        let recorded = AudioValue::new(digest("m"), "m.wav");
        let composed = AudioValue {
            tempo: Some(crate::tempo::Tempo::composed(120)),
            ..recorded.clone()
        };
        assert!(matches!(
            with(composed).asks(&[])[..],
            [Action::ResolveFonts(_)]
        ));
        let recorded = with(recorded);
        let asked = recorded.asks(&[]);
        let [Action::FindBeats(request)] = &asked[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(request.source, digest("m"));
        let heard = |strength_pm| {
            facts(ActionFacts::Beats(crate::action::BeatFacts {
                first_us: 0,
                beat_us: 500_000,
                strength_pm,
                length_us: 20_000_000,
            }))
        };
        let fonts = match &recorded.asks(&[heard(4000)])[..] {
            [Action::ResolveFonts(request)] => facts(ActionFacts::Fonts(
                request
                    .fonts
                    .iter()
                    .map(|font| fenta_templates::timeline::FontFace {
                        request: font.clone(),
                        file: digest(&font.family),
                        index: 0,
                    })
                    .collect(),
            )),
            other => panic!("{other:?}"),
        };
        let notes = |strength| {
            let out = recorded.outputs(&[heard(strength), fonts.clone()]);
            out["notes"].to_json().to_string()
        };
        assert!(!notes(4000).contains("no clear beat"));
        assert!(notes(1100).contains("no clear beat"));
    }

    #[test]
    fn what_the_template_has_no_use_for_is_refused_when_computed_too() {
        let beats = Value::List(vec![Value::Int(1)]);
        let error = bench().with("beats", beats).fails(&[]);
        assert!(error.message.contains("does not cut on beats"), "{error}");
        let chapters = Value::List(vec![Value::Text("s1".into())]);
        let error = bench().with("chapters", chapters).fails(&[]);
        assert!(error.message.contains("does not mark chapters"), "{error}");
        let nothing = bench().with("beats", Value::List(Vec::new()));
        assert!(nothing.outputs(&[fonts(&nothing)]).contains_key("timeline"));
    }

    #[test]
    fn chapters_are_scenes_of_the_narration() {
        let with = |id: &str| {
            bench()
                .with("template", Value::Text("story".into()))
                .with("chapters", Value::List(vec![Value::Text(id.into())]))
        };
        let right = with("s1");
        assert!(right.outputs(&[fonts(&right)]).contains_key("timeline"));
        let wrong = with("s9").fails(&[]);
        assert!(wrong.message.contains("`s9`"), "{wrong}");
        assert!(wrong.hint.contains("s1"), "{wrong:?}");
    }
}
