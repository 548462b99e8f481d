//! `Input.Music`: a music bed, composed from a seed or taken from a file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::own_files;
use crate::action::{Action, ComposeMusicRequest};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, Written,
    outputs, wrong_facts,
};
use crate::value::{AudioValue, PortType, Value};

/// Each mood with the tempo it has when none is written.
const MOODS: [(&str, u32); 4] = [
    ("calm", 72),
    ("uplifting", 104),
    ("dreamy", 80),
    ("driving", 124),
];

/// Parameters that mean nothing for a file.
const COMPOSING: [&str; 4] = ["mood", "bpm", "seconds", "seed"];

/// The node type.
pub(super) struct InputMusic;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Music",
    version: 1,
    summary: "A music bed: composed here from a seed, or a file of yours.",
    params: vec![
        ParamSpec::with_default(
            "mood",
            ParamType::OneOf(&["calm", "uplifting", "dreamy", "driving"]),
            Value::Text("calm".into()),
            "How the music feels.",
        ),
        ParamSpec::optional(
            "bpm",
            ParamType::Int { min: 50, max: 180 },
            "Beats per minute; the mood's own by default.",
        ),
        ParamSpec::with_default(
            "seconds",
            ParamType::Int { min: 5, max: 600 },
            Value::Int(40),
            "Length before it repeats; it loops without a seam.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
        ParamSpec::optional(
            "file",
            ParamType::SourcePath,
            "A recording of yours to use instead.",
        ),
    ],
    ports: vec![PortSpec::new("audio", PortType::Audio, "The music.")],
    example: "\
fenta: workflow/v1
nodes:
  music: { type: Input.Music, with: { mood: dreamy, bpm: 84, seed: 3 } }
  background: { type: Input.Motion }
  voice: { type: Voice.TTS, with: { text: \"Sleep well.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\", music: \"${{ nodes.music.audio }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: night.mp4 } }
",
}
});

impl NodeType for InputMusic {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        if !written.has("file") {
            return;
        }
        for name in COMPOSING.into_iter().filter(|name| written.has(name)) {
            found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    written.key_span(name),
                    format!("`{name}` composes music, but `file` already gives a recording"),
                )
                .label(written.key_span("file"), "`file` is here")
                .hint(format!("remove `{name}` or `file`")),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let audio = if params.get("file").is_some() {
            let media = own_files::audio(params.text("file")?, steps)?;
            AudioValue::new(media.digest, media.name)
        } else {
            compose(context, steps)?
        };
        Ok(outputs([("audio", Value::Audio(audio))]))
    }
}

fn compose(context: &LowerContext<'_>, steps: &mut Steps<'_>) -> Result<AudioValue, Halt> {
    let params = context.params;
    let mood = params.text("mood")?;
    let own_tempo = MOODS.iter().find(|(name, _)| *name == mood);
    let bpm = match (params.get("bpm"), own_tempo) {
        (Some(_), _) => params.u32("bpm")?,
        (None, Some((_, bpm))) => *bpm,
        (None, None) => {
            return Err(LowerError::new(format!("there is no mood `{mood}`"), "").into());
        }
    };
    let result = steps.run_one(Action::ComposeMusic(ComposeMusicRequest {
        seed: params.seed("seed")?,
        mood: mood.to_owned(),
        bpm,
        duration_ms: params.u32("seconds")? * 1000,
    }))?;
    let digest = result
        .outputs
        .get("audio")
        .ok_or_else(|| wrong_facts("compose_music"))?;
    Ok(AudioValue::new(*digest, format!("{mood}.wav")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, blob, digest};
    use super::*;

    #[test]
    fn composes_with_the_moods_own_tempo() {
        let bench = Bench::new("Input.Music")
            .with("mood", Value::Text("driving".into()))
            .with("seed", Value::Int(5));
        assert_eq!(
            bench.asks(&[]),
            [Action::ComposeMusic(ComposeMusicRequest {
                seed: 5,
                mood: "driving".into(),
                bpm: 124,
                duration_ms: 40_000,
            })]
        );
        let out = bench.outputs(&[blob("audio", "m")]);
        assert!(matches!(&out["audio"], Value::Audio(audio) if audio.digest == digest("m")));
    }

    #[test]
    fn every_mood_has_a_tempo_in_range() {
        let param = DESCRIPTOR.param("mood").unwrap();
        let ParamType::OneOf(words) = &param.param_type else {
            panic!()
        };
        assert_eq!(words.len(), MOODS.len());
        for word in *words {
            let (_, bpm) = MOODS.iter().find(|(name, _)| name == word).unwrap();
            assert!((50..=180).contains(bpm));
        }
    }

    #[test]
    fn a_file_is_collected_instead() {
        let bench = Bench::new("Input.Music").with("file", Value::Text("bed.mp3".into()));
        assert!(
            matches!(bench.asks(&[]).as_slice(), [Action::Collect(c)] if c.path == "/w/bed.mp3")
        );
    }
}
