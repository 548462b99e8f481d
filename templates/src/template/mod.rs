//! Templates: rules that turn clips, words and texts into a timeline.
//!
//! A template names no durations of clips: its rules and the narration's word times produce the shots. Reading one
//! (`parse`) and filling one (`instantiate`) each report everything that is wrong in one pass. Nothing here opens
//! files: a template that extends another gets its text from the caller.

mod binding;
mod blends;
mod caption_rules;
mod condition;
mod cues;
mod declarations;
mod document;
mod edit_rules;
mod effect_rules;
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
#[cfg(test)]
mod rule_tests;
mod safe_zone;
mod scalar;
mod schedule;
mod scope;
mod shots;
mod sound_rules;
mod soundtrack;
mod suggest;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tracks;
mod word_pieces;
mod wrong;

pub use binding::{Bindings, CaptionBinding, ClipBinding, ImageBinding, VoiceBinding, VoiceWord};
pub use document::MAX_BYTES;
pub use instantiate::instantiate;
pub use placeholder::{Placeholder, PlaceholderKind};
pub(crate) use problem::Problems;
pub use problem::{ProblemKind, TemplateProblem};
pub use safe_zone::{SAFE_ZONES_AS_OF, SafeZone};

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::timeline::{Canvas, Fill, FontRequest, MediaFacts, MediaKind, Profile, font_fallback};
use caption_rules::CaptionRules;
use edit_rules::{CutPoint, EditRules};
use overlay_item::{ItemContent, OverlayItem};
use picture_rules::{PictureRules, TransitionRules};
use scope::ColorSource;
use sound_rules::SoundRules;

/// The templates that ship with the product, by name.
const BUILTINS: [(&str, &str); 11] = [
    ("bold", include_str!("../../library/bold.yaml")),
    ("cinema", include_str!("../../library/cinema.yaml")),
    ("daily", include_str!("../../library/daily.yaml")),
    ("footage", include_str!("../../library/footage.yaml")),
    ("list", include_str!("../../library/list.yaml")),
    ("news", include_str!("../../library/news.yaml")),
    ("product", include_str!("../../library/product.yaml")),
    ("pulse", include_str!("../../library/pulse.yaml")),
    ("quiet", include_str!("../../library/quiet.yaml")),
    ("quote", include_str!("../../library/quote.yaml")),
    ("story", include_str!("../../library/story.yaml")),
];

const BUILTIN_NAMES: [&str; BUILTINS.len()] = {
    let mut names = [""; BUILTINS.len()];
    let mut at = 0;
    while at < BUILTINS.len() {
        names[at] = BUILTINS[at].0;
        at += 1;
    }
    names
};

/// The text of a template that ships with the product.
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTINS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// A template that ships with the product, as it is by itself. Read once: large documents name the same one a thousand
/// times.
pub fn builtin_template(name: &str) -> Option<&'static Template> {
    static READ: [OnceLock<Option<Template>>; BUILTINS.len()] =
        [const { OnceLock::new() }; BUILTINS.len()];
    let at = BUILTIN_NAMES.iter().position(|known| *known == name)?;
    READ[at]
        .get_or_init(|| parse(BUILTINS[at].1, &|_| None).ok())
        .as_ref()
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
    description: String,
    canvas: Canvas,
    min_ms: u32,
    max_ms: u32,
    background: ColorSource,
    zone: SafeZone,
    placeholders: Vec<Placeholder>,
    rules: EditRules,
    picture: PictureRules,
    transitions: TransitionRules,
    items: Vec<OverlayItem>,
    captions: Option<CaptionRules>,
    /// Whether there is a subtitles track, even one that shows nothing.
    subtitles: bool,
    sound: SoundRules,
    profiles: BTreeMap<String, Profile>,
    warnings: Vec<TemplateProblem>,
}

/// Reads a template. `lookup` gives the text of a template named by `extends`; names it does not know are looked for
/// among the templates that ship with the product.
pub fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Template, Vec<TemplateProblem>> {
    let resolved = merge::resolve(text, lookup).map_err(|problem| vec![problem])?;
    read(&resolved)
}

fn read(resolved: &merge::Resolved) -> Result<Template, Vec<TemplateProblem>> {
    let template = reader::read(&resolved.document);
    if resolved.problems.is_empty() {
        return template;
    }
    let mut problems = resolved.problems.clone();
    // Of two members with one id the reader says what is known already.
    let told = |one: &TemplateProblem| resolved.problems.iter().any(|known| known == one);
    problems.extend(
        template
            .err()
            .unwrap_or_default()
            .into_iter()
            .filter(|one| !told(one)),
    );
    Err(problems)
}

/// A template with everything it extends merged in, as YAML, and the names of what it extends, nearest first.
pub fn flatten(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Vec<String>), Vec<TemplateProblem>> {
    let resolved = merge::resolve(text, lookup).map_err(|problem| vec![problem])?;
    read(&resolved)?;
    Ok((document::write(&resolved.document), resolved.chain))
}

impl Template {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its own version text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The picture's size and rate; its background may still depend on what is bound.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Its placeholders, in the document's order.
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// What will probably look wrong, although the template works.
    pub fn warnings(&self) -> &[TemplateProblem] {
        &self.warnings
    }

    /// Whether beats of the music move its cuts.
    pub fn cuts_on_beats(&self) -> bool {
        self.rules.cut_on.contains(&CutPoint::Beat)
    }

    /// How much of a file's width and height a view of it shows, permille, where the template keeps its subject in view
    /// and something of it is cut off.
    pub fn subject_view(&self, facts: &MediaFacts) -> Option<(u32, u32)> {
        let still = facts.kind == MediaKind::Image;
        let to_subject = self.picture.stills.is_some_and(|stills| stills.to_subject);
        let follows =
            self.picture.smart || (still && to_subject && self.picture.fill == Fill::Crop);
        self.canvas.view_of(facts).filter(|_| follows)
    }

    /// Whether a rule of its transitions or an effect is for chapters.
    pub fn marks_chapters(&self) -> bool {
        soundtrack::marks_chapters(self)
    }

    /// Whether captions are ever seen: it has a subtitles track, and its preset shows something.
    pub const fn shows_captions(&self) -> bool {
        self.captions.is_some()
    }

    /// Whether it has a placeholder of a type, by the type's name.
    pub fn takes(&self, type_name: &str) -> bool {
        reader::takes(&self.placeholders, type_name)
    }

    /// The faces its styles name, each once.
    pub fn font_requests(&self) -> Vec<FontRequest> {
        let captions = self.captions.iter().map(|rules| &rules.font);
        let strong = self.captions.iter().filter_map(|rules| {
            let weight = rules.emphasis_look.weight?;
            Some(FontRequest {
                weight,
                ..rules.font.clone()
            })
        });
        let items = self.items.iter().filter_map(|item| match &item.content {
            ItemContent::Text { style, .. } => Some(&style.font),
            _ => None,
        });
        let mut requests = Vec::new();
        for request in captions.chain(items) {
            add_once(&mut requests, request.clone());
        }
        for request in strong {
            add_once(&mut requests, request);
        }
        requests
    }

    /// The faces its styles name and those that the bound words and texts need beyond them: other scripts, emoji.
    /// The bindings' own list of faces is not looked at.
    pub fn font_requests_for(&self, bindings: &Bindings) -> Vec<FontRequest> {
        let mut requests = self.font_requests();
        let filled = fill::texts(self, bindings);
        let language = bindings
            .captions
            .as_ref()
            .map_or("", |shown| shown.language.as_str());
        for item in &self.items {
            if let ItemContent::Text { pattern, style } = &item.content {
                let text = pattern.fill(&filled);
                for extra in font_fallback::requests_for(&text, style.font.weight, language) {
                    add_once(&mut requests, extra);
                }
            }
        }
        if let (Some(rules), Some(shown)) = (&self.captions, &bindings.captions) {
            for word in shown.scenes.iter().flatten() {
                for extra in font_fallback::requests_for(&word.text, rules.font.weight, language) {
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
