//! `Input.KAI.GenerateImage`: pictures made by a model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{MediaKind, Provenance};

use super::ask::{answer, invoke};
use super::generation::{
    ASPECTS, check_aspect, count_of, drawn, model_param, of_kind, picture, picture_type, stand_in,
};
use super::sandbox;
use crate::action::{InvokeTask, Invoked, MakeImageTask};
use crate::cost::{KnownParams, Meter, Quantity};
use crate::diagnostic::Diagnostics;
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputGenerateImage;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.KAI.GenerateImage",
    version: 1,
    summary: "Pictures made by a model from a prompt.",
    params: vec![
        ParamSpec::required("prompt", ParamType::Text { max_chars: 20_000 }, "What is seen.").filled("write what is seen"),
        model_param("The model, for example kie:flux-2-pro; the workflow's `providers.image` by default."),
        ParamSpec::with_default(
            "aspect",
            ParamType::OneOf(ASPECTS),
            Value::Text("9:16".into()),
            "Width to height.",
        ),
        ParamSpec::with_default(
            "size",
            ParamType::OneOf(&["1K", "2K", "4K"]),
            Value::Text("1K".into()),
            "Pixels of the longer side, about: 1K 1024, 2K 2048, 4K 4096.",
        ),
        ParamSpec::with_default(
            "variations",
            ParamType::Int { min: 1, max: 8 },
            Value::Int(1),
            "How many pictures.",
        ),
        ParamSpec::with_default(
            "negative",
            ParamType::Text { max_chars: 5000 },
            Value::Text(String::new()),
            "What is not seen.",
        ),
        ParamSpec::optional(
            "reference",
            picture_type(),
            "A picture to go by: of a node, or the path of one.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where its variation comes from; the workflow's seed by default.",
        ),
    ],
    ports: vec![PortSpec::new("images", PortType::Image.list(), "The pictures.")],
    example: "\
fenta: workflow/v1
providers: { image: [\"kie:flux-2-pro\", \"sd-server:stable-diffusion\"] }
nodes:
  stills: { type: Input.KAI.GenerateImage, with: { prompt: \"A bee on a sunflower, macro photograph\", variations: 4 } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.stills.images }}\", voice: \"${{ nodes.voice.voice }}\" } }
outputs:
  seconds: ${{ nodes.cut.seconds }}
",
}
});

impl NodeType for InputGenerateImage {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Image)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        check_aspect(Role::Image, written, found);
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        vec![count_of(Meter::Images, known, "variations")]
    }

    fn draft(&self, params: Params<'_>) -> Result<Option<InvokeTask>, LowerError> {
        let reference = stand_in(params, "reference");
        let task = task(params, reference, params.seed("seed")?)?;
        Ok(Some(InvokeTask::MakeImage(task)))
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let reference = picture(params, "reference", steps)?;
        let seed = params.seed("seed")?;
        // Each picture is a call of its own: one that fails or is lost takes no other with it.
        let tasks: Vec<MakeImageTask> = (0..params.u32("variations")?)
            .map(|number| {
                let seed = seed.wrapping_add(u64::from(number));
                task(params, reference, seed)
            })
            .collect::<Result<_, LowerError>>()?;
        let asked = tasks.iter().cloned().map(InvokeTask::MakeImage);
        let asked = asked.map(|task| invoke(Role::Image, context.models, task));
        let results = steps.run(asked.collect())?;
        let mut images = Vec::new();
        for (number, (result, task)) in results.iter().zip(&tasks).enumerate() {
            let answer = answer(result)?;
            if let Invoked::Sandbox { model } = answer.invoked {
                let picture = sandbox::picture(model, task, steps)?;
                let name = format!("sandbox-{}.png", number + 1);
                let media = drawn(vec![(picture, name)], steps)?;
                images.extend(media.into_iter().map(Value::Media));
            } else {
                images.extend(answer.media_values(Provenance::AiImage, steps)?);
            }
        }
        let images = of_kind(images, MediaKind::Image)?;
        Ok(outputs([("images", Value::List(images))]))
    }
}

fn task(
    params: Params<'_>,
    reference: Option<Digest>,
    seed: u64,
) -> Result<MakeImageTask, LowerError> {
    Ok(MakeImageTask {
        prompt: params.text("prompt")?.to_owned(),
        negative: params.text("negative")?.to_owned(),
        aspect: params.text("aspect")?.to_owned(),
        size: params.text("size")?.to_owned(),
        variations: 1,
        reference,
        seed,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, digest, found_media, media_facts};
    use super::*;
    use crate::action::Action;
    use crate::value::MediaValue;

    #[test]
    fn a_picture_to_go_by_is_a_blob_of_the_task() {
        let reference = Value::Media(MediaValue {
            digest: digest("r"),
            name: "r.png".into(),
            facts: media_facts(MediaKind::Image),
            origin: None,
        });
        let bench = Bench::new("Input.KAI.GenerateImage")
            .with("prompt", Value::Text("a bee".into()))
            .with("reference", reference);
        let request = asked_of(&bench);
        assert_eq!(request.task.blobs(), [digest("r")]);
        let out = bench.outputs(&[found_media(&["a.png", "b.png"])]);
        assert!(matches!(&out["images"], Value::List(images) if images.len() == 2));
    }

    #[test]
    fn variations_are_calls_of_their_own_with_seeds_of_their_own() {
        let bench = Bench::new("Input.KAI.GenerateImage")
            .with("prompt", Value::Text("a bee".into()))
            .with("variations", Value::Int(3))
            .with("seed", Value::Int(7));
        let seeds: Vec<u64> = bench
            .asks(&[])
            .iter()
            .map(|action| match action {
                Action::Invoke(request) => match &request.task {
                    InvokeTask::MakeImage(task) => task.seed,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(seeds, [7, 8, 9]);
        let three = ["a.png", "b.png", "c.png"].map(|name| found_media(&[name]));
        let out = bench.outputs(&three);
        assert!(matches!(&out["images"], Value::List(images) if images.len() == 3));
        let clip = [found_media(&["a.mp4"]), three[1].clone(), three[2].clone()];
        assert!(bench.fails(&clip).message.contains("something else"));
    }
}
