//! The names a template's values may use: theme fonts, theme colours and placeholders.

use std::collections::BTreeMap;

use super::ProblemKind;
use super::condition::Condition;
use super::document::Node;
use super::fields::{Fields, text_of};
use super::placeholder::{Placeholder, PlaceholderKind, TextPattern};
use super::scalar;
use super::wrong::Wrong;
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
        scope.fonts = named(&theme, "fonts", |text| {
            font_request(text).map_err(Wrong::from)
        });
        scope.colors = named(&theme, "colors", |text| scope.color(text));
        theme.finish();
        scope
    }

    /// A colour: `#RRGGBB`, a theme colour's name or a colour placeholder.
    pub(crate) fn color(&self, text: &str) -> Result<ColorSource, Wrong> {
        if text.starts_with('#') {
            return text
                .parse()
                .map(ColorSource::Fixed)
                .map_err(|error: crate::color::ParseColorError| Wrong::from(error.to_string()));
        }
        if text.contains("${{") {
            let is_color = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Color { .. });
            return self
                .placeholder(text, "color", is_color)
                .map(ColorSource::Placeholder);
        }
        self.colors.get(text).cloned().ok_or_else(|| {
            let known = self.colors.keys().map(String::as_str);
            let message = format!("`{text}` is neither #RRGGBB nor a colour of the theme");
            Wrong::unknown(ProblemKind::UnknownName, message, text, known)
        })
    }

    /// A face: a theme font's name or `Family:weight`.
    pub(crate) fn font(&self, text: &str) -> Result<FontRequest, Wrong> {
        if let Some(request) = self.fonts.get(text) {
            return Ok(request.clone());
        }
        if text.contains(':') {
            return font_request(text).map_err(Wrong::from);
        }
        let known = self.fonts.keys().map(String::as_str);
        let message = format!("`{text}` is neither Family:weight nor a font of the theme");
        Err(Wrong::unknown(
            ProblemKind::UnknownName,
            message,
            text,
            known,
        ))
    }

    /// A text with text placeholders.
    pub(crate) fn pattern(&self, text: &str) -> Result<TextPattern, Wrong> {
        let pattern = TextPattern::parse(text)?;
        for name in pattern.names() {
            let is_text = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Text { .. });
            self.named_placeholder(name, "text", is_text)?;
        }
        Ok(pattern)
    }

    /// A condition over placeholders; only texts can be compared with a text.
    pub(crate) fn condition(&self, text: &str) -> Result<Condition, Wrong> {
        let condition = Condition::parse(text)?;
        for (name, as_text) in condition.names() {
            let fits =
                |kind: &PlaceholderKind| !as_text || matches!(kind, PlaceholderKind::Text { .. });
            self.named_placeholder(name, "text", fits)?;
        }
        Ok(condition)
    }

    /// The name in `${{ name }}`, which must be a placeholder of the right kind.
    pub(crate) fn placeholder(
        &self,
        text: &str,
        kind_name: &str,
        fits: impl Fn(&PlaceholderKind) -> bool,
    ) -> Result<String, Wrong> {
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
    ) -> Result<(), Wrong> {
        let Some(found) = self.placeholders.iter().find(|p| p.name == name) else {
            let known = self.placeholders.iter().map(|p| p.name.as_str());
            let message = format!("there is no placeholder `{name}`");
            return Err(Wrong::unknown(
                ProblemKind::UnknownName,
                message,
                name,
                known,
            ));
        };
        if fits(&found.kind) {
            return Ok(());
        }
        let message = format!(
            "the placeholder `{name}` is {}, expected {kind_name}",
            found.kind.type_name()
        );
        Err(Wrong::new(ProblemKind::UnknownName, message))
    }
}

fn font_request(text: &str) -> Result<FontRequest, String> {
    scalar::face(text).map(|(family, weight)| FontRequest { family, weight })
}

/// A map from names to texts that a reader understands.
fn named<T>(
    fields: &Fields<'_>,
    key: &'static str,
    reader: impl Fn(&str) -> Result<T, Wrong>,
) -> BTreeMap<String, T> {
    let path = fields.path_of(key);
    let read = |(name, node): &(String, Node)| {
        let value = text_of(node).and_then(&reader);
        value
            .map_err(|wrong| {
                let problem = wrong.at(format!("{path}.{name}"));
                fields.problems().borrow_mut().push(problem);
            })
            .ok()
            .map(|value| (name.clone(), value))
    };
    fields.named(key).iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::declarations;
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
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

    fn with_scope(check: impl FnOnce(&Scope)) -> Vec<String> {
        read_for_test(grammar(), DOCUMENT, |top| {
            let placeholders = declarations::read(&top);
            check(&Scope::read(top.map("theme"), &placeholders));
        })
        .1
    }

    // spec: T-18
    #[test]
    fn names_resolve() {
        let noted = with_scope(|scope| {
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
            assert!(
                scope
                    .condition("${{ logo != null and title == 'Hi' }}")
                    .is_ok()
            );
        });
        assert_eq!(noted, Vec::<String>::new());
    }

    // spec: T-12
    #[test]
    fn wrong_names_are_explained() {
        with_scope(|scope| {
            for (found, part) in [
                (scope.color("imk").unwrap_err(), "did you mean `ink`"),
                (scope.color("#12").unwrap_err(), "#RRGGBB"),
                (
                    scope.color("${{ title }}").unwrap_err(),
                    "is text, expected color",
                ),
                (scope.font("captoin").unwrap_err(), "`caption`"),
                (scope.pattern("${{ titel }}").unwrap_err(), "`title`"),
                (
                    scope.pattern("${{ logo }}").unwrap_err(),
                    "is image, expected text",
                ),
                (scope.condition("lgoo").unwrap_err(), "did you mean `logo`"),
                (
                    scope.condition("logo == 'x'").unwrap_err(),
                    "is image, expected text",
                ),
            ] {
                let told = found.told();
                assert!(told.contains(part), "{part}: {told}");
            }
        });
    }

    #[test]
    fn a_theme_is_checked() {
        let text = "theme: {fonts: {a: 'Inter:bold'}, colors: {b: 3, c: nope}, sizes: {}}";
        let noted = read_for_test(grammar(), text, |top| {
            Scope::read(top.map("theme"), &[]);
        })
        .1;
        for part in [
            "theme.fonts.a:",
            "theme.colors.b: is a number",
            "theme.colors.c: `nope`",
            "theme.sizes:",
        ] {
            assert!(
                noted.iter().any(|note| note.contains(part)),
                "{part}: {noted:?}"
            );
        }
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
