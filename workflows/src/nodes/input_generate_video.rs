//! `Input.KAI.GenerateVideo`: a clip made by a model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{MediaKind, Provenance};
use rust_decimal::Decimal;

use super::ask::ask;
use super::generation::{
    ASPECTS, check_aspect, check_seconds, drawn, model_param, of_kind, picture, picture_type,
    stand_in,
};
use super::sandbox;
use crate::action::{InvokeTask, Invoked, MakeVideoTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputGenerateVideo;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.KAI.GenerateVideo",
    version: 1,
    summary: "A clip made by a model from a prompt, and a first picture if you have one.",
    params: params(),
    ports: vec![PortSpec::new("video", PortType::Video, "The clip.")],
    example: "\
fenta: workflow/v1
nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"A bee takes off from a sunflower\", model: veo3_fast, seconds: 8 } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.hero.video }}\", voice: \"${{ nodes.voice.voice }}\" } }
outputs:
  seconds: ${{ nodes.cut.seconds }}
",
}
});

fn params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::required(
            "prompt",
            ParamType::Text { max_chars: 20_000 },
            "What happens.",
        )
        .filled("write what happens"),
        model_param(
            "The model, for example kie:veo3_fast; the workflow's `providers.video` by default.",
        ),
        ParamSpec::with_default(
            "aspect",
            ParamType::OneOf(ASPECTS),
            Value::Text("9:16".into()),
            "Width to height.",
        ),
        ParamSpec::optional(
            "seconds",
            ParamType::Int { min: 1, max: 60 },
            "Length of the clip; the model's usual one by default.",
        )
        .unit("s"),
        ParamSpec::with_default(
            "resolution",
            ParamType::OneOf(&["480p", "720p", "1080p", "4k"]),
            Value::Text("720p".into()),
            "Pixels of the shorter side.",
        ),
        ParamSpec::with_default(
            "audio",
            ParamType::Bool,
            Value::Bool(false),
            "Whether the clip has sound.",
        ),
        ParamSpec::optional(
            "image",
            picture_type(),
            "The first frame: a picture of a node, or the path of one.",
        ),
        ParamSpec::optional(
            "last_image",
            picture_type(),
            "The last frame; needs `image` too.",
        ),
        ParamSpec::with_default(
            "softening",
            ParamType::Bool,
            Value::Bool(false),
            "Whether a prompt the provider refuses may be put more mildly, once.",
        )
        .later("put the prompt more mildly yourself where the provider holds it back"),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
    ]
}

impl NodeType for InputGenerateVideo {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Video)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        check_aspect(Role::Video, written, found);
        check_seconds(Role::Video, written, found);
        if written.has("last_image") && !written.has("image") {
            found.push(
                Diagnostic::error(
                    codes::CONFLICT,
                    written.key_span("last_image"),
                    "a last frame needs a first one",
                )
                .hint("give `image` the first frame"),
            );
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let clip = Quantity::new(Meter::Clips, Spread::exactly(Decimal::ONE), "one clip");
        let seconds = match known.get("seconds") {
            Some(Value::Int(seconds)) => Quantity::new(
                Meter::VideoSeconds,
                Spread::exactly(Decimal::from(*seconds)),
                "`seconds` as written",
            ),
            // Models make clips of 4 to 10 seconds when nothing is said.
            Some(_) => Quantity::new(
                Meter::VideoSeconds,
                Spread::between(Decimal::from(4), Decimal::from(6), Decimal::from(10)),
                "the model's usual length",
            ),
            None => Quantity::unknown(Meter::VideoSeconds, "`seconds` is not known yet"),
        };
        vec![clip, seconds]
    }

    fn draft(&self, params: Params<'_>) -> Result<Option<InvokeTask>, LowerError> {
        let (first, last) = (stand_in(params, "image"), stand_in(params, "last_image"));
        Ok(Some(InvokeTask::MakeVideo(task(params, first, last)?)))
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let first = picture(params, "image", steps)?;
        let last = picture(params, "last_image", steps)?;
        let task = task(params, first, last)?;
        let asked = InvokeTask::MakeVideo(task.clone());
        let answer = ask(Role::Video, context.models, asked, steps)?;
        let clips = match answer.invoked {
            Invoked::Sandbox { model } => {
                let threads = context.job.encoder_threads;
                let clip = sandbox::clip(model, &task, threads, steps)?;
                let media = drawn(vec![(clip, "sandbox.mp4".to_owned())], steps)?;
                media.into_iter().map(Value::Media).collect()
            }
            _ => answer.media_values(Provenance::AiVideo, steps)?,
        };
        let clip = of_kind(clips, MediaKind::Video)?.swap_remove(0);
        Ok(outputs([("video", clip)]))
    }
}

fn task(
    params: Params<'_>,
    first: Option<Digest>,
    last: Option<Digest>,
) -> Result<MakeVideoTask, LowerError> {
    Ok(MakeVideoTask {
        prompt: params.text("prompt")?.to_owned(),
        aspect: params.text("aspect")?.to_owned(),
        duration_ms: params
            .optional_int("seconds")?
            .map(|s| s.unsigned_abs() * 1000),
        resolution: params.text("resolution")?.to_owned(),
        audio: params.bool("audio")?,
        first,
        last,
        seed: params.seed("seed")?,
        softening: params.bool("softening")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, found_media};
    use super::*;
    use crate::action::Action;

    #[test]
    fn a_path_is_taken_in_before_the_provider_is_asked() {
        let bench = Bench::new("Input.KAI.GenerateVideo")
            .with("prompt", Value::Text("a bee".into()))
            .with("image", Value::Text("bee.png".into()));
        assert!(
            matches!(bench.asks(&[]).as_slice(), [Action::Collect(request)] if request.path == "/w/bee.png")
        );
    }

    #[test]
    fn seconds_become_milliseconds_and_the_clip_is_a_video() {
        let bench = Bench::new("Input.KAI.GenerateVideo")
            .with("prompt", Value::Text("a bee".into()))
            .with("seconds", Value::Int(8));
        let InvokeTask::MakeVideo(task) = asked_of(&bench).task else {
            panic!()
        };
        assert_eq!(task.duration_ms, Some(8000));
        let out = bench.outputs(&[found_media(&["clip.mp4"])]);
        assert_eq!(out["video"].port_type(), Some(PortType::Video));
    }

    #[test]
    fn a_length_that_is_not_written_is_a_range() {
        let known = KnownParams::new(
            BTreeMap::from([("seconds".into(), Value::Null)]),
            Vec::new(),
        );
        let amount = InputGenerateVideo.estimate(&known)[1].amount.unwrap();
        assert!(amount.low < amount.expected && amount.expected < amount.high);
    }
}
