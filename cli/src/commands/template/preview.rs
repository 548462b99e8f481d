//! `fenta template preview`: a real frame of a template, made by a job like any other.
//!
//! A small workflow is written around the template: moving backgrounds, two sentences, captions and a text for every
//! placeholder. It is cached like every job, so that looking again after a change of colour takes a second.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fenta_client::api::jobs::{CreateJob, RunOptions};
use fenta_templates::template::{Placeholder, PlaceholderKind, Template};

use super::super::run::execute;
use super::super::{Context, wait};
use crate::command_error::CommandError;
use crate::document::{Document, unicode};
use crate::template_file::TemplateFile;
use crate::ui::job_lines;

/// What is said under the picture.
const SPOKEN: &str =
    "Bees dance to tell the others where the flowers are. They never need a map for it.";

/// Sample texts by the placeholder's name; any other gets its own name.
const SAMPLES: [(&str, &str); 10] = [
    ("title", "What the bees know"),
    ("headline", "What the bees know"),
    ("kicker", "Science"),
    ("source", "Nature, 2026"),
    ("quote", "The hum of bees is the voice of the garden."),
    ("author", "Elizabeth Lawrence"),
    ("price", "24.90 €"),
    ("cta", "Follow for more"),
    ("chapter", "Part one"),
    ("handle", "@fenta"),
];

/// Make a still of a template: sample texts, captions and moving backgrounds.
#[derive(Debug, clap::Args)]
pub(crate) struct PreviewArgs {
    /// A template that ships, or a file
    #[arg(value_name = "NAME|FILE")]
    template: String,
    /// The JPEG file to write; the template's name with .jpg by default
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A value for a placeholder instead of the sample: NAME=VALUE
    #[arg(short, long = "fill", value_name = "NAME=VALUE")]
    fill: Vec<String>,
    /// The frame's time in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1600)]
    at: u32,
    /// Colours of the backgrounds, as Input.Motion knows them
    #[arg(long, value_name = "PALETTE", default_value = "ocean")]
    palette: String,
}

impl PreviewArgs {
    /// Does it.
    pub(super) fn run(self, context: &Context) -> Result<(), CommandError> {
        let settings = &context.settings;
        let file = TemplateFile::read(&self.template, &settings.current_dir)?;
        let template = file.check(&context.ui)?;
        let named = match &file.path {
            Some(path) => unicode(path)?,
            None => self.template.clone(),
        };
        let text = workflow(&template, &named, &self.wishes(&template, context)?);
        let document = Document::written("preview.yaml", text, settings)?;
        let compiled = document.compile(&context.ui)?;
        document.check_files(&compiled, &std::collections::BTreeSet::new(), &context.ui)?;
        let width = job_lines::widest(compiled.nodes().keys().map(|id| id.as_str()));
        let job = CreateJob {
            workflow: document.to_source(),
            params: BTreeMap::new(),
            caller_dir: unicode(&settings.current_dir)?,
            out_dir: None,
            options: RunOptions::default(),
        };
        wait(execute(context, job, width))
    }

    fn wishes(&self, template: &Template, context: &Context) -> Result<Wishes, CommandError> {
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("{}.jpg", template.name())));
        if !out
            .extension()
            .is_some_and(|end| end == "jpg" || end == "jpeg")
        {
            return Err(CommandError::usage(
                format!("`{}` does not end in .jpg", out.display()),
                "stills are JPEG files; write for example -o preview.jpg",
            ));
        }
        let mut fill = BTreeMap::new();
        for pair in &self.fill {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                CommandError::usage(format!("`{pair}` is not NAME=VALUE"), "write -f title=Bees")
            })?;
            fill.insert(name.to_owned(), value.to_owned());
        }
        Ok(Wishes {
            out: unicode(&context.settings.current_dir.join(out))?,
            fill,
            at: self.at,
            palette: self.palette.clone(),
        })
    }
}

/// What the preview shall show.
struct Wishes {
    out: String,
    fill: BTreeMap<String, String>,
    at: u32,
    palette: String,
}

/// A workflow that makes one frame of a template.
fn workflow(template: &Template, named: &str, wishes: &Wishes) -> String {
    let voice = template.takes("voice");
    let captions = voice && template.shows_captions();
    let mut text = format!(
        "fenta: workflow/v1\nname: template-preview\nseed: 7\nnodes:\n  \
         background: {{ type: Input.Motion, with: {{ palette: {}, count: 3 }} }}\n",
        quoted(&wishes.palette)
    );
    if voice {
        text += &format!(
            "  voice: {{ type: Voice.TTS, with: {{ text: {} }} }}\n",
            quoted(SPOKEN)
        );
    }
    if captions {
        text +=
            "  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }\n";
    }
    text += &format!(
        "  cut:\n    type: Edit.Timeline\n    with:\n      template: {}\n      \
         clips: ${{{{ nodes.background.media }}}}\n",
        quoted(named)
    );
    if voice {
        text += "      voice: ${{ nodes.voice.voice }}\n";
    }
    if captions {
        text += "      captions: ${{ nodes.captions.captions }}\n";
    }
    let fill = filled(template, wishes);
    if !fill.is_empty() {
        text += "      fill:\n";
    }
    for (name, value) in fill {
        text += &format!("        {name}: {}\n", quoted(&value));
    }
    text + &format!(
        "  still: {{ type: Output.Cover, with: {{ timeline: \"${{{{ nodes.cut.timeline }}}}\", at: {}, captions: show }} }}\n  \
         save: {{ type: Output.Download, with: {{ file: \"${{{{ nodes.still.image }}}}\", to: {} }} }}\n\
         outputs:\n  still: ${{{{ nodes.save.path }}}}\n",
        wishes.at,
        quoted(&wishes.out)
    )
}

/// Wished values, and a sample for every other text.
fn filled(template: &Template, wishes: &Wishes) -> BTreeMap<String, String> {
    let samples = template.placeholders().iter().filter_map(|placeholder| {
        let sample = sample(placeholder)?;
        Some((placeholder.name.clone(), sample))
    });
    let mut fill: BTreeMap<String, String> = samples.collect();
    fill.extend(wishes.fill.clone());
    fill
}

fn sample(placeholder: &Placeholder) -> Option<String> {
    let PlaceholderKind::Text { max_chars, default } = &placeholder.kind else {
        return None;
    };
    if default.as_ref().is_some_and(|text| !text.is_empty()) {
        return None;
    }
    let known = SAMPLES.iter().find(|(name, _)| *name == placeholder.name);
    let text = known.map_or(placeholder.name.as_str(), |(_, text)| text);
    let most = max_chars.map_or(usize::MAX, |most| most as usize);
    Some(text.chars().take(most).collect())
}

/// A text as YAML in double quotes: JSON's are a part of YAML's. Braces of expressions stay text.
fn quoted(text: &str) -> String {
    let text = text.replace("${{", "$${{");
    serde_json::to_string(&text).expect("JSON, because every text has one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_workflows::{SourceFile, compile};

    #[test]
    fn every_template_has_a_workflow_that_compiles() {
        for name in fenta_templates::template::builtin_names() {
            let shipped = fenta_templates::template::builtin(name).unwrap();
            let template = fenta_templates::template::parse(shipped, &|_| None).unwrap();
            let wishes = Wishes {
                out: "/tmp/a \"b\".jpg".into(),
                fill: BTreeMap::from([("accent".to_owned(), "#112233".to_owned())]),
                at: 1600,
                palette: "ocean".into(),
            };
            let source = SourceFile {
                name: "preview.yaml".into(),
                text: workflow(&template, name, &wishes),
            };
            let checked = compile(&source).map_err(|found| found.render(&source, false));
            assert!(
                checked.is_ok(),
                "{name}: {}\n{}",
                checked.unwrap_err(),
                source.text
            );
        }
    }
}
