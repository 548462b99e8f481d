//! `fenta template show`: what a template takes, and what it is made of.

use fenta_templates::template::{Placeholder, PlaceholderKind, Template};
use serde::Serialize;

use super::super::Context;
use crate::command_error::CommandError;
use crate::template_file::TemplateFile;
use crate::ui::style::Style;

/// Placeholders, canvas and inheritance of a template.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A template that ships, or a file
    #[arg(value_name = "NAME|FILE")]
    template: String,
    /// The whole template as YAML, with everything it extends merged in
    #[arg(long)]
    resolved: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
    extends: Vec<String>,
    width: u32,
    height: u32,
    fps: String,
    placeholders: Vec<PlaceholderDoc<'a>>,
    fonts: Vec<String>,
}

#[derive(Serialize)]
struct PlaceholderDoc<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    help: &'a str,
}

impl ShowArgs {
    /// Does it.
    pub(super) fn run(self, context: &Context) -> Result<(), CommandError> {
        let file = TemplateFile::read(&self.template, &context.settings.current_dir)?;
        let template = file.check(&context.ui)?;
        let (flat, chain) = file.flattened()?;
        if self.resolved {
            return context.ui.text(flat.trim_end());
        }
        let shown = shown(&template, chain);
        if context.ui.is_json() {
            context.ui.json(&shown)
        } else {
            context.ui.result(&told(&shown, context.ui.out_style()))
        }
    }
}

fn shown(template: &Template, extends: Vec<String>) -> Shown<'_> {
    let fonts = template.font_requests();
    Shown {
        name: template.name(),
        version: template.version(),
        description: template.description(),
        extends,
        width: template.canvas().width,
        height: template.canvas().height,
        fps: template.canvas().frame_rate.to_string(),
        placeholders: template.placeholders().iter().map(doc).collect(),
        fonts: fonts
            .iter()
            .map(|font| format!("{}:{}", font.family, font.weight))
            .collect(),
    }
}

fn doc(placeholder: &Placeholder) -> PlaceholderDoc<'_> {
    let (default, limit) = match &placeholder.kind {
        PlaceholderKind::Text { max_chars, default } => (
            default.clone(),
            max_chars.map(|most| format!("at most {most} characters")),
        ),
        PlaceholderKind::Color { default } => (default.map(|color| color.to_string()), None),
        PlaceholderKind::Media { min } if *min > 1 => (None, Some(format!("at least {min}"))),
        _ => (None, None),
    };
    PlaceholderDoc {
        name: &placeholder.name,
        kind: placeholder.kind.type_name(),
        required: placeholder.required(),
        default,
        limit,
        help: &placeholder.help,
    }
}

/// A template for people.
fn told(shown: &Shown<'_>, style: Style) -> String {
    let mut lines = vec![format!("{} {}", style.bold(shown.name), shown.version)];
    if !shown.description.is_empty() {
        lines.push(shown.description.to_owned());
    }
    lines.push(String::new());
    if !shown.extends.is_empty() {
        lines.push(format!("Extends: {}", shown.extends.join(" -> ")));
    }
    lines.push(format!(
        "Canvas: {} x {} at {} frames per second",
        shown.width, shown.height, shown.fps
    ));
    if !shown.fonts.is_empty() {
        lines.push(format!("Fonts: {}", shown.fonts.join(", ")));
    }
    lines.push(String::new());
    lines.push(style.bold("Placeholders"));
    for placeholder in &shown.placeholders {
        lines.push(format!(
            "  {}: {}{}",
            style.cyan(placeholder.name),
            placeholder.kind,
            facts(placeholder)
        ));
        if !placeholder.help.is_empty() {
            lines.push(format!("      {}", placeholder.help));
        }
    }
    lines.join("\n")
}

fn facts(placeholder: &PlaceholderDoc<'_>) -> String {
    let state = match &placeholder.default {
        _ if placeholder.required => ", required".to_owned(),
        Some(default) if !default.is_empty() => format!(", default {default}"),
        _ => ", optional".to_owned(),
    };
    let limit = placeholder.limit.as_ref().map(|limit| format!(", {limit}"));
    state + &limit.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_template_takes_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = TemplateFile::read("news", dir.path()).unwrap();
        let (_, chain) = file.flattened().unwrap();
        let template = fenta_templates::template::parse(&file.source.text, &|_| None).unwrap();
        let text = told(&shown(&template, chain), Style::new(false));
        for part in [
            "news 1.0.0",
            "Extends: daily",
            "Canvas: 1080 x 1920 at 30 frames per second",
            "clips: media[], required",
            "kicker: text, default NEWS, at most 20 characters",
            "accent: color, default #D0142C",
            "logo: image, optional",
            "Inter:800",
        ] {
            assert!(text.contains(part), "`{part}` is not in\n{text}");
        }
    }
}
