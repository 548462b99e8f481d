//! The names a template's values may use: theme fonts, theme colours and placeholders.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::fields::{Fields, text_of};
use super::placeholder::{Placeholder, PlaceholderKind, TextPattern};
use super::{Problems, scalar, suggest};
use crate::color::Color;
use crate::timeline::FontRequest;

/// A colour that is known now, or known once something is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColorSource {
    /// Written in the template.
    Fixed(Color),
    /// The value of a colour placeholder.
    Placeholder(String),
}

impl ColorSource {
    /// The colour, given every colour placeholder's value.
    pub(crate) fn resolve(&self, colors: &BTreeMap<String, Color>) -> Color {
        match self {
            Self::Fixed(color) => *color,
            // The bindings' check made sure that every colour placeholder has a value or is optional.
            Self::Placeholder(name) => colors.get(name).copied().unwrap_or(Color::WHITE),
        }
    }
}

/// Names in reach of the template's values.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    placeholders: Vec<Placeholder>,
    fonts: BTreeMap<String, FontRequest>,
    colors: BTreeMap<String, ColorSource>,
}

impl Scope {
    /// Reads `theme` with the placeholders already known.
    pub(crate) fn read(theme: Option<Fields<'_>>, placeholders: &[Placeholder]) -> Self {
        let mut scope = Self {
            placeholders: placeholders.to_vec(),
            ..Self::default()
        };
        let Some(theme) = theme else { return scope };
        if let Some(fonts) = theme.map("fonts") {
            scope.fonts = named(&fonts, font_request);
        }
        if let Some(colors) = theme.map("colors") {
            scope.colors = named(&colors, |text| scope.color(text));
        }
        theme.finish();
        scope
    }

    /// A colour: `#RRGGBB`, a theme colour's name or a colour placeholder.
    pub(crate) fn color(&self, text: &str) -> Result<ColorSource, String> {
        if text.starts_with('#') {
            return text
                .parse()
                .map(ColorSource::Fixed)
                .map_err(|error| error.to_string());
        }
        if text.contains("${{") {
            let is_color = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Color { .. });
            return self
                .placeholder(text, "color", is_color)
                .map(ColorSource::Placeholder);
        }
        self.colors.get(text).cloned().ok_or_else(|| {
            let hint = suggest::hint(text, self.colors.keys().map(String::as_str));
            format!("`{text}` is neither #RRGGBB nor a colour of the theme; {hint}")
        })
    }

    /// A face: a theme font's name or `Family:weight`.
    pub(crate) fn font(&self, text: &str) -> Result<FontRequest, String> {
        if let Some(request) = self.fonts.get(text) {
            return Ok(request.clone());
        }
        if text.contains(':') {
            return font_request(text);
        }
        let hint = suggest::hint(text, self.fonts.keys().map(String::as_str));
        Err(format!(
            "`{text}` is neither Family:weight nor a font of the theme; {hint}"
        ))
    }

    /// A text with text placeholders.
    pub(crate) fn pattern(&self, text: &str) -> Result<TextPattern, String> {
        let pattern = TextPattern::parse(text)?;
        for name in pattern.names() {
            let is_text = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Text { .. });
            self.named_placeholder(name, "text", is_text)?;
        }
        Ok(pattern)
    }

    /// The name in `${{ name }}`, which must be a placeholder of the right kind.
    pub(crate) fn placeholder(
        &self,
        text: &str,
        kind_name: &str,
        fits: impl Fn(&PlaceholderKind) -> bool,
    ) -> Result<String, String> {
        let pattern = TextPattern::parse(text)?;
        let name = pattern
            .only_name()
            .ok_or_else(|| format!("`{text}` must be one placeholder, `${{{{ name }}}}`"))?;
        self.named_placeholder(name, kind_name, fits)?;
        Ok(name.to_owned())
    }

    fn named_placeholder(
        &self,
        name: &str,
        kind_name: &str,
        fits: impl Fn(&PlaceholderKind) -> bool,
    ) -> Result<(), String> {
        let Some(found) = self.placeholders.iter().find(|p| p.name == name) else {
            let hint = suggest::hint(name, self.placeholders.iter().map(|p| p.name.as_str()));
            return Err(format!("there is no placeholder `{name}`; {hint}"));
        };
        if fits(&found.kind) {
            return Ok(());
        }
        Err(format!(
            "the placeholder `{name}` is {}, expected {kind_name}",
            found.kind.type_name()
        ))
    }
}

fn font_request(text: &str) -> Result<FontRequest, String> {
    scalar::face(text).map(|(family, weight)| FontRequest { family, weight })
}

/// A map from names to texts that a reader understands.
fn named<T>(
    fields: &Fields<'_>,
    reader: impl Fn(&str) -> Result<T, String>,
) -> BTreeMap<String, T> {
    fields
        .entries()
        .iter()
        .filter_map(|(name, node)| {
            let read = text_of(node).and_then(&reader);
            read.map_err(|message| fields.note(name, message, ""))
                .ok()
                .map(|value| (name.clone(), value))
        })
        .collect()
}

/// Reads `placeholders`.
pub(crate) fn read_placeholders(fields: &Fields<'_>) -> Vec<Placeholder> {
    fields
        .entries()
        .iter()
        .filter_map(|(name, node)| {
            if !super::placeholder::is_name(name) {
                fields.note(name, "is not a name", "use letters, digits, `_` and `-`");
                return None;
            }
            let inner = Fields::open(node, fields.path_of(name), fields.problems())?;
            let placeholder = read_placeholder(name, &inner);
            inner.finish();
            placeholder
        })
        .collect()
}

fn read_placeholder(name: &str, fields: &Fields<'_>) -> Option<Placeholder> {
    const TYPES: [(&str, &str); 7] = [
        ("media[]", "media[]"),
        ("voice", "voice"),
        ("audio", "audio"),
        ("captions", "captions"),
        ("text", "text"),
        ("color", "color"),
        ("image", "image"),
    ];
    if fields.node("type").is_none() {
        fields.note("type", "is missing", "write for example `type: text`");
        return None;
    }
    let kind = match fields.choice("type", &TYPES, &["video", "number", "bool"])? {
        "media[]" => PlaceholderKind::Media {
            min: fields.int("min", 1..=1000).unwrap_or(1),
        },
        "voice" => PlaceholderKind::Voice,
        "audio" => PlaceholderKind::Audio,
        "captions" => PlaceholderKind::Captions,
        "text" => PlaceholderKind::Text {
            max_chars: fields.int("max_chars", 1..=10_000),
            default: fields.text("default").map(str::to_owned),
        },
        "color" => PlaceholderKind::Color {
            default: fields.parsed("default", |text| {
                text.parse()
                    .map_err(|error: crate::color::ParseColorError| error.to_string())
            }),
        },
        _ => PlaceholderKind::Image,
    };
    Some(Placeholder {
        name: name.to_owned(),
        kind,
        optional: fields.flag("optional").unwrap_or(false),
        help: fields.text("help").unwrap_or_default().to_owned(),
    })
}

/// At most one placeholder of each kind that the bindings hold only once, and exactly one for the clips.
pub(crate) fn check_placeholders(placeholders: &[Placeholder], problems: &RefCell<Problems>) {
    for kind in ["media[]", "voice", "audio", "captions"] {
        let names: Vec<&str> = placeholders
            .iter()
            .filter(|placeholder| placeholder.kind.type_name() == kind)
            .map(|placeholder| placeholder.name.as_str())
            .collect();
        if names.len() > 1 {
            problems.borrow_mut().add(
                format!("placeholders.{}", names[1]),
                format!("is the second `{kind}` placeholder after `{}`", names[0]),
                "a template takes one",
            );
        }
        if kind == "media[]" && names.is_empty() {
            problems.borrow_mut().add(
                "placeholders",
                "has no `media[]` placeholder for the clips",
                "add `clips: { type: \"media[]\" }`",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    const DOCUMENT: &str = "
placeholders:
  clips: { type: 'media[]', min: 2 }
  title: { type: text, max_chars: 10, default: Hi }
  accent: { type: color, default: '#FF0000' }
  logo: { type: image, optional: true }
theme:
  fonts: { caption: 'Inter:800' }
  colors: { ink: '#101010', accent: '${{ accent }}' }
";

    fn with_scope(text: &str, check: impl FnOnce(&Scope, &[Placeholder])) -> Vec<String> {
        let document = document::read(text).unwrap();
        let problems = RefCell::default();
        let top = Fields::open(&document, String::new(), &problems).unwrap();
        let placeholders = top
            .map("placeholders")
            .map_or_else(Vec::new, |fields| read_placeholders(&fields));
        check_placeholders(&placeholders, &problems);
        let scope = Scope::read(top.map("theme"), &placeholders);
        top.finish();
        check(&scope, &placeholders);
        let list = problems.take().into_list();
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_resolve() {
        let noted = with_scope(DOCUMENT, |scope, placeholders| {
            assert_eq!(placeholders.len(), 4);
            assert_eq!(placeholders[0].kind, PlaceholderKind::Media { min: 2 });
            assert_eq!(
                scope.color("ink"),
                Ok(ColorSource::Fixed(Color::rgb(16, 16, 16)))
            );
            for name in ["accent", "${{ accent }}"] {
                assert_eq!(
                    scope.color(name),
                    Ok(ColorSource::Placeholder("accent".into()))
                );
            }
            assert_eq!(scope.font("caption").unwrap().weight, 800);
            assert_eq!(scope.font("Lora:700").unwrap().family, "Lora");
            assert!(scope.pattern("${{ title }}!").is_ok());
        });
        assert_eq!(noted, Vec::<String>::new());
    }

    #[test]
    fn wrong_names_are_explained() {
        with_scope(DOCUMENT, |scope, _| {
            assert!(
                scope
                    .color("imk")
                    .unwrap_err()
                    .contains("did you mean `ink`")
            );
            assert!(scope.color("#12").unwrap_err().contains("#RRGGBB"));
            let wrong = scope.color("${{ title }}").unwrap_err();
            assert!(wrong.contains("is text, expected color"), "{wrong}");
            assert!(scope.font("captoin").unwrap_err().contains("`caption`"));
            assert!(
                scope
                    .pattern("${{ titel }}")
                    .unwrap_err()
                    .contains("`title`")
            );
            assert!(scope.pattern("${{ logo }}").is_err());
        });
    }

    #[test]
    fn placeholders_are_checked() {
        let noted = with_scope(
            "placeholders: { a: {type: text, max: 3}, b: {}, c: {type: txt}, '9': {type: text}, v: {type: voice}, w: {type: voice} }",
            |_, _| (),
        );
        for part in [
            "placeholders.a.max: is not a key here",
            "placeholders.b.type: is missing",
            "placeholders.c.type: `txt`",
            "placeholders.9: is not a name",
            "placeholders.w: is the second `voice`",
            "no `media[]` placeholder",
        ] {
            assert!(
                noted.iter().any(|note| note.contains(part)),
                "{part}: {noted:?}"
            );
        }
        assert_eq!(noted.len(), 6);
    }

    #[test]
    fn colours_resolve_to_what_is_bound() {
        let source = ColorSource::Placeholder("accent".into());
        let bound = BTreeMap::from([("accent".to_owned(), Color::BLACK)]);
        assert_eq!(source.resolve(&bound), Color::BLACK);
        assert_eq!(
            ColorSource::Fixed(Color::WHITE).resolve(&bound),
            Color::WHITE
        );
    }
}
