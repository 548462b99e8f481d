//! Templates: rules that turn clips, words and texts into a timeline.
//!
//! A template names no durations of clips: its rules and the narration's word times produce the shots. Reading one
//! (`parse`) and filling one (`instantiate`) each report everything that is wrong in one pass. Nothing here opens
//! files: a template that extends another gets its text from the caller.

mod binding;
mod caption_rules;
mod cues;
mod document;
mod edit_rules;
mod fields;
mod fill;
mod footage;
pub mod grammar;
mod instantiate;
mod lettering;
mod merge;
mod overlay_item;
mod overlays;
mod picture_rules;
mod placeholder;
mod problem;
mod reader;
mod safe_zone;
mod scalar;
mod schedule;
mod scope;
mod shots;
mod sound_rules;
mod suggest;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use binding::{Bindings, ClipBinding, ImageBinding, VoiceBinding, VoiceWord};
pub use instantiate::instantiate;
pub use placeholder::{Placeholder, PlaceholderKind};
pub(crate) use problem::Problems;
pub use problem::{ProblemKind, TemplateProblem};
pub use safe_zone::{SAFE_ZONES_AS_OF, SafeZone};

use crate::timeline::{Canvas, FontRequest, font_fallback};
use caption_rules::CaptionRules;
use edit_rules::EditRules;
use overlay_item::{ItemContent, OverlayItem};
use picture_rules::{PictureRules, TransitionRules};
use scope::ColorSource;
use sound_rules::SoundRules;

/// The templates that ship with the product, by name.
const BUILTINS: [(&str, &str); 3] = [
    ("daily", include_str!("../../library/daily.yaml")),
    ("footage", include_str!("../../library/footage.yaml")),
    ("quiet", include_str!("../../library/quiet.yaml")),
];

const BUILTIN_NAMES: [&str; 3] = [BUILTINS[0].0, BUILTINS[1].0, BUILTINS[2].0];

/// The text of a template that ships with the product.
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTINS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The names of the templates that ship with the product.
pub fn builtin_names() -> &'static [&'static str] {
    &BUILTIN_NAMES
}

/// A checked template: every name in it resolved, every value within its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    name: String,
    version: String,
    canvas: Canvas,
    background: ColorSource,
    zone: SafeZone,
    placeholders: Vec<Placeholder>,
    rules: EditRules,
    picture: PictureRules,
    transitions: TransitionRules,
    items: Vec<OverlayItem>,
    captions: Option<CaptionRules>,
    sound: SoundRules,
    warnings: Vec<TemplateProblem>,
}

/// Reads a template. `lookup` gives the text of a template named by `extends`; names it does not know are looked for
/// among the templates that ship with the product.
pub fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Template, Vec<TemplateProblem>> {
    let document = merge::resolve(text, lookup).map_err(|problem| vec![problem])?;
    reader::read(&document)
}

impl Template {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own version text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its placeholders, in the document's order.
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// What will probably look wrong, although the template works.
    pub fn warnings(&self) -> &[TemplateProblem] {
        &self.warnings
    }

    /// The faces its styles name, each once.
    pub fn font_requests(&self) -> Vec<FontRequest> {
        let captions = self.captions.iter().map(|rules| &rules.font);
        let items = self.items.iter().filter_map(|item| match &item.content {
            ItemContent::Text { style, .. } => Some(&style.font),
            _ => None,
        });
        let mut requests = Vec::new();
        for request in captions.chain(items) {
            add_once(&mut requests, request.clone());
        }
        requests
    }

    /// The faces its styles name and those that the bound words and texts need beyond them: other scripts, emoji.
    /// The bindings' own list of faces is not looked at.
    pub fn font_requests_for(&self, bindings: &Bindings) -> Vec<FontRequest> {
        let mut requests = self.font_requests();
        let filled = fill::texts(self, bindings);
        for item in &self.items {
            if let ItemContent::Text { pattern, style } = &item.content {
                for extra in font_fallback::requests_for(&pattern.fill(&filled), style.font.weight)
                {
                    add_once(&mut requests, extra);
                }
            }
        }
        if let Some(rules) = self.captions.as_ref().filter(|_| bindings.captions) {
            for word in bindings.voice.iter().flat_map(|scene| &scene.words) {
                for extra in font_fallback::requests_for(&word.text, rules.font.weight) {
                    add_once(&mut requests, extra);
                }
            }
        }
        requests
    }
}

fn add_once(requests: &mut Vec<FontRequest>, request: FontRequest) {
    if !requests.contains(&request) {
        requests.push(request);
    }
}
