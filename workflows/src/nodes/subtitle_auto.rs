//! `Subtitle.Auto`: captions from a narration whose words are known.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, PortSpec, Steps, outputs,
};
use crate::value::{CaptionWord, Captions, PortType, Value, Voice};

/// The node type.
pub(super) struct SubtitleAuto;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Subtitle.Auto",
    version: 1,
    summary: "Captions from a narration, word by word.",
    params: vec![ParamSpec::required(
        "voice",
        ParamType::Port(PortType::Voice),
        "The narration.",
    )],
    ports: vec![PortSpec::new(
        "captions",
        PortType::Captions,
        "Every word with its time; the template decides how they look.",
    )],
    example: "\
fenta: workflow/v1
nodes:
  voice: { type: Voice.TTS, with: { text: \"Bees dance. The dance is a map.\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  background: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\", captions: \"${{ nodes.captions.captions }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: bees.mp4 } }
",
}
});

impl NodeType for SubtitleAuto {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        _steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let Some(Value::Voice(voice)) = context.params.get("voice") else {
            return Err(LowerError::new("`voice` is not a narration", "").into());
        };
        Ok(outputs([("captions", Value::Captions(captions(voice)))]))
    }
}

fn captions(voice: &Voice) -> Captions {
    let words = voice
        .scenes
        .iter()
        .enumerate()
        .flat_map(|(index, scene)| {
            scene.words.iter().map(move |word| CaptionWord {
                text: word.text.clone(),
                start: word.start,
                end: word.end,
                scene: index as u32,
            })
        })
        .collect();
    Captions {
        language: voice.language.clone(),
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, digest};
    use super::*;
    use crate::value::{SpokenScene, Word};

    #[test]
    fn every_word_keeps_its_time_and_knows_its_scene() {
        let scene = |id: &str, text: &str| SpokenScene {
            id: id.into(),
            source: digest(id),
            samples: 100,
            words: vec![Word {
                text: text.into(),
                start: 10,
                end: 50,
            }],
        };
        let voice = Voice {
            language: "en".into(),
            gap_ms: 0,
            scenes: vec![scene("s1", "Bees"), scene("s2", "dance.")],
        };
        let out = Bench::new("Subtitle.Auto")
            .with("voice", Value::Voice(voice))
            .outputs(&[]);
        let Value::Captions(captions) = &out["captions"] else {
            panic!()
        };
        let words: Vec<(&str, u32, u64)> = captions
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.scene, word.start))
            .collect();
        assert_eq!(words, [("Bees", 0, 10), ("dance.", 1, 10)]);
    }
}
