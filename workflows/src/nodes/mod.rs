//! THE LIST of node types, explicit and ordered. A new type is one file and one line here.
//!
//! Neighbours: `node` says what a node type is; `graph` finds types here; `fenta nodes` and the docs print it.
//! `own_files`, `script`, `sound`, `stills`, `subtitle_files`, `generation`, `credits` and `ask` hold what several types share: taking
//! the user's files in, cutting texts into scenes, mixing, pictures of a cut, subtitle files, what models can make, who is
//! named, asking providers. `clip_choice`, `cover_choice`, `cover_title`, `cut_bindings`, `narration`, `palette`, `placeholders`, the
//! `render_` files, `speaker`, `stock_folder` and `template_file` are parts of one type each.

mod ask;
mod audio_mix;
mod clip_choice;
mod cover_choice;
mod cover_title;
mod credits;
mod cut_bindings;
mod edit_timeline;
mod flow_approve;
mod generation;
mod input_edit_video;
mod input_feed;
mod input_generate_image;
mod input_generate_video;
mod input_motion;
mod input_music;
mod input_stock;
mod input_text;
mod input_upload;
mod media_normalize;
mod music_folder;
mod narration;
mod output_contact_sheet;
mod output_cover;
mod output_download;
mod output_render;
mod output_webhook;
mod own_files;
mod palette;
mod placeholders;
mod render_captions;
mod render_faults;
mod render_focus;
mod render_format;
mod render_profile;
mod render_sidecars;
mod render_verify;
mod render_view;
mod render_watermark;
mod sandbox;
mod schedule_cron;
mod script;
mod script_generate;
mod script_transform;
mod sound;
mod speaker;
mod spoken_times;
mod stills;
mod stock_folder;
mod subtitle_auto;
mod subtitle_files;
mod subtitle_import;
mod subtitle_translate;
mod template_file;
#[cfg(test)]
mod testing;
mod voice_tts;

use crate::node::{NodeDescriptor, NodeType};

/// Every node type, in the order people meet them.
static ALL: &[&dyn NodeType] = &[
    &input_text::InputText,
    &input_feed::InputFeed,
    &input_upload::InputUpload,
    &input_stock::InputStock,
    &input_motion::InputMotion,
    &input_generate_image::InputGenerateImage,
    &input_generate_video::InputGenerateVideo,
    &input_edit_video::InputEditVideo,
    &input_music::InputMusic,
    &script_generate::ScriptGenerate,
    &script_transform::ScriptTransform,
    &voice_tts::VoiceTts,
    &audio_mix::AudioMix,
    &subtitle_auto::SubtitleAuto,
    &subtitle_import::SubtitleImport,
    &subtitle_translate::SubtitleTranslate,
    &media_normalize::MediaNormalize,
    &edit_timeline::EditTimeline,
    &output_render::OutputRender,
    &output_cover::OutputCover,
    &output_contact_sheet::OutputContactSheet,
    &output_download::OutputDownload,
    &output_webhook::OutputWebhook,
    &flow_approve::FlowApprove,
    &schedule_cron::ScheduleCron,
];

/// What an `Edit.Timeline` gives to a template against what the template takes.
pub(crate) fn check_template(
    template: &fenta_templates::template::Template,
    written: &crate::node::Written<'_>,
    found: &mut crate::diagnostic::Diagnostics,
) {
    edit_timeline::check_template(template, written, found);
}

/// Node types of other programs' documents that this version does not have.
pub(crate) const LATER: [&str; 2] = ["Audio.Beats", "Output.Publish"];

/// What people call node types, and the type that does it: words that are too far from its name to be slips.
const OTHER_WORDS: [(&str, &[&str]); 4] = [
    (
        "Input.Upload",
        &[
            "Input.Media",
            "Input.File",
            "Input.Files",
            "Input.Folder",
            "Input.Video",
            "Input.Videos",
            "Input.Clip",
            "Input.Clips",
            "Input.Footage",
            "Input.Image",
            "Input.Images",
            "Input.Photos",
        ],
    ),
    (
        "Input.Music",
        &["Input.Audio", "Input.Sound", "Audio.Music"],
    ),
    ("Voice.TTS", &["Voice.Speak", "Audio.TTS", "Input.Voice"]),
    (
        "Output.Render",
        &["Render", "Output.Video", "Edit.Render", "Video.Render"],
    ),
];

/// The type that another word stands for.
pub(crate) fn meant_by(kind: &str) -> Option<&'static str> {
    let (known, _) = OTHER_WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| word.eq_ignore_ascii_case(kind)))?;
    Some(known)
}

/// Whether a template parameter names a file of the user's.
pub(crate) fn is_template_path(name: &str) -> bool {
    template_file::is_path(name)
}

/// The node type with this name.
pub(crate) fn find(kind: &str) -> Option<&'static dyn NodeType> {
    ALL.iter()
        .copied()
        .find(|node| node.descriptor().kind == kind)
}

/// All node types.
pub(crate) fn types() -> impl Iterator<Item = &'static &'static dyn NodeType> {
    ALL.iter()
}

/// The descriptors of all node types.
pub fn descriptors() -> impl Iterator<Item = &'static NodeDescriptor> {
    ALL.iter().map(|node| node.descriptor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{JobFacts, SourceFile, compile};
    use crate::value::Value;
    use std::collections::BTreeSet;

    #[test]
    fn every_example_compiles_without_a_warning_and_uses_its_node() {
        for descriptor in descriptors() {
            let source = SourceFile {
                name: format!("{}.yaml", descriptor.kind),
                text: descriptor.example.to_owned(),
            };
            let (workflow, warnings) =
                compile(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
            assert!(warnings.is_empty(), "{}: {warnings:?}", descriptor.kind);
            assert!(
                workflow
                    .nodes()
                    .values()
                    .any(|node| node.kind() == descriptor.kind),
                "the example of {} does not use it",
                descriptor.kind
            );
        }
    }

    #[test]
    fn descriptors_are_complete_and_names_unique() {
        let mut kinds = BTreeSet::new();
        for descriptor in descriptors() {
            assert!(kinds.insert(descriptor.kind));
            assert!(!LATER.contains(&descriptor.kind));
            assert_eq!(meant_by(descriptor.kind), None);
            assert!(descriptor.version >= 1 && descriptor.summary.ends_with('.'));
            let mut names = BTreeSet::new();
            for param in &descriptor.params {
                assert!(
                    names.insert(param.name),
                    "{} {}",
                    descriptor.kind,
                    param.name
                );
                assert!(
                    param.doc.ends_with('.'),
                    "{} {}",
                    descriptor.kind,
                    param.name
                );
            }
            for port in &descriptor.ports {
                assert!(port.doc.ends_with('.'), "{} {}", descriptor.kind, port.name);
            }
            assert!(find(descriptor.kind).is_some());
        }
        assert_eq!(kinds.len(), ALL.len());
    }

    #[test]
    fn defaults_fit_their_own_parameters() {
        let job = JobFacts::default();
        for descriptor in descriptors() {
            for param in &descriptor.params {
                if param.default != Value::Null {
                    let fitted = param.fit(param.default.clone(), &job);
                    assert_eq!(
                        fitted,
                        Ok(param.default.clone()),
                        "{} {}",
                        descriptor.kind,
                        param.name
                    );
                }
            }
        }
    }
}
