//! `Input.KAI.EditVideo`: a clip changed by a model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{MediaKind, Provenance};
use rust_decimal::Decimal;

use super::ask::ask;
use super::generation::{model_param, of_kind, picture, picture_type, stand_in};
use crate::action::{EditVideoTask, InvokeTask};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::models::Role;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputEditVideo;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.KAI.EditVideo",
    version: 1,
    summary: "A clip changed by a model: longer, in another style, larger, lip-synced, or without its background.",
    params: vec![
        ParamSpec::required("video", ParamType::Port(PortType::Video), "The clip."),
        ParamSpec::required(
            "mode",
            ParamType::OneOf(&["extend", "restyle", "upscale", "lipsync", "remove_bg"]),
            "What happens to it.",
        ),
        ParamSpec::with_default(
            "prompt",
            ParamType::Text { max_chars: 20_000 },
            Value::Text(String::new()),
            "How it goes on or looks; needed by extend and restyle.",
        ),
        model_param("The model; the workflow's `providers.edit` by default."),
        ParamSpec::optional(
            "image",
            picture_type(),
            "A picture whose style it takes; only for restyle.",
        ),
        ParamSpec::optional(
            "audio",
            ParamType::Port(PortType::Audio),
            "What is said; needed by lipsync.",
        ),
        ParamSpec::with_default(
            "strength",
            ParamType::Number { min: 0.0, max: 1.0 },
            Value::Float(0.6),
            "How much of it changes, from 0 to 1; only for restyle.",
        ),
    ],
    ports: vec![PortSpec::new("video", PortType::Video, "The changed clip.")],
    example: "\
fenta: workflow/v1
nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"A bee takes off\", model: veo3_fast } }
  longer: { type: Input.KAI.EditVideo, with: { video: \"${{ nodes.hero.video }}\", mode: extend, prompt: \"It flies over a meadow\" } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.longer.video }}\", voice: \"${{ nodes.voice.voice }}\" } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
outputs:
  seconds: ${{ nodes.cut.seconds }}
",
}
});

/// What a mode needs, and what means nothing to it.
fn needs(mode: &str) -> (Option<&'static str>, &'static [&'static str]) {
    match mode {
        "extend" => (Some("prompt"), &["image", "audio", "strength"]),
        "restyle" => (Some("prompt"), &["audio"]),
        "lipsync" => (Some("audio"), &["prompt", "image", "strength"]),
        _ => (None, &["prompt", "image", "audio", "strength"]),
    }
}

impl NodeType for InputEditVideo {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Edit)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let Some(mode) = written.text("mode") else {
            return;
        };
        let empty = Some(Value::Text(String::new()));
        let missing = |name: &&str| !written.has(name) || written.literal(name) == empty;
        if let Some(name) = needs(mode).0.filter(missing) {
            found.push(
                Diagnostic::error(
                    codes::MISSING_PARAM,
                    written.span("mode"),
                    format!("`mode: {mode}` needs `{name}`"),
                )
                .hint(format!("add `{name}` to `with`")),
            );
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if let Some(mode) = given.word("mode", "") {
            let why = format!("`mode: {mode}` does not use it");
            given.useless(needs(mode).1, Some("mode"), &why, found);
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        let clip = Quantity::new(Meter::Clips, Spread::exactly(Decimal::ONE), "one clip");
        let length = match known.get("video") {
            Some(Value::Media(media)) => media.facts.duration,
            _ => None,
        };
        let seconds = match length {
            Some(length) => {
                let seconds = Decimal::new(length.to_millis(), 3).ceil();
                Quantity::new(
                    Meter::VideoSeconds,
                    Spread::exactly(seconds),
                    "the clip's length",
                )
            }
            None => Quantity::unknown(Meter::VideoSeconds, "the clip's length is not known yet"),
        };
        vec![clip, seconds]
    }

    fn draft(&self, params: Params<'_>) -> Result<Option<InvokeTask>, LowerError> {
        let Some(source) = stand_in(params, "video") else {
            return Ok(None);
        };
        let (image, audio) = (stand_in(params, "image"), stand_in(params, "audio"));
        Ok(Some(task(params, source, image, audio)?))
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let Some(Value::Media(clip)) = params.get("video") else {
            return Err(LowerError::new("`video` is not a clip", "").into());
        };
        let mode = params.text("mode")?;
        if let (Some(name), _) = needs(mode)
            && params
                .get(name)
                .is_none_or(|value| *value == Value::Text(String::new()))
        {
            let message = format!("`mode: {mode}` needs `{name}`");
            return Err(LowerError::new(message, format!("give `{name}` a value")).into());
        }
        let image = picture(params, "image", steps)?;
        let audio = match params.get("audio") {
            Some(Value::Audio(audio)) => Some(audio.digest),
            _ => None,
        };
        let task = task(params, clip.digest, image, audio)?;
        let answer = ask(Role::Edit, context.models, task, steps)?;
        let clips = answer.media_values(Provenance::AiVideo, steps)?;
        let clip = of_kind(clips, MediaKind::Video)?.swap_remove(0);
        Ok(outputs([("video", clip)]))
    }
}

fn task(
    params: Params<'_>,
    source: Digest,
    image: Option<Digest>,
    audio: Option<Digest>,
) -> Result<InvokeTask, LowerError> {
    Ok(InvokeTask::EditVideo(EditVideoTask {
        mode: params.text("mode")?.to_owned(),
        source,
        prompt: params.text("prompt")?.to_owned(),
        image,
        audio,
        strength_pm: (params.number("strength")? * 1000.0).round() as u32,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, digest, found_media, media_facts};
    use super::*;
    use crate::value::MediaValue;

    fn bench(mode: &str) -> Bench {
        let clip = MediaValue {
            digest: digest("clip"),
            name: "clip.mp4".into(),
            facts: media_facts(MediaKind::Video),
            origin: None,
        };
        Bench::new("Input.KAI.EditVideo")
            .with("video", Value::Media(clip))
            .with("mode", Value::Text(mode.into()))
    }

    #[test]
    fn the_clip_is_a_blob_of_the_task() {
        let bench = bench("upscale");
        let request = asked_of(&bench);
        assert_eq!(request.task.blobs(), [digest("clip")]);
        assert!(
            bench
                .outputs(&[found_media(&["big.mp4"])])
                .contains_key("video")
        );
    }

    #[test]
    fn what_a_mode_does_not_use_means_nothing() {
        let of = |mode| bench(mode).useless(&["prompt", "image", "audio", "strength"]);
        assert_eq!(of("restyle"), ["audio"]);
        assert_eq!(of("upscale").len(), 4);
    }

    #[test]
    fn modes_say_what_they_need_when_it_is_computed_too() {
        assert!(
            bench("extend")
                .fails(&[])
                .message
                .contains("needs `prompt`")
        );
        assert!(
            bench("lipsync")
                .fails(&[])
                .message
                .contains("needs `audio`")
        );
    }
}
