//! Strokes and shadows of letters, shared by captions and text overlays.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::scope::{ColorSource, Scope};
use crate::color::Color;
use crate::timeline::{Outline, Shadow};

/// A stroke whose colour may come from a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutlineRule {
    width: u16,
    color: ColorSource,
}

/// A shadow whose colour may come from a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShadowRule {
    y: i16,
    blur: u16,
    color: ColorSource,
}

impl OutlineRule {
    /// Whether anything would be drawn.
    pub(crate) const fn is_visible(&self) -> bool {
        self.width > 0
    }

    /// The stroke, or none if it has no width.
    pub(crate) fn resolve(&self, colors: &BTreeMap<String, Color>) -> Option<Outline> {
        (self.width > 0).then(|| Outline {
            width: self.width,
            color: self.color.resolve(colors),
        })
    }
}

impl ShadowRule {
    /// The shadow with its colour.
    pub(crate) fn resolve(&self, colors: &BTreeMap<String, Color>) -> Shadow {
        Shadow {
            y: self.y,
            blur: self.blur,
            color: self.color.resolve(colors),
        }
    }
}

/// A colour of a style.
pub(crate) fn color(fields: &Fields<'_>, key: &'static str, scope: &Scope) -> Option<ColorSource> {
    fields.parsed(key, |text| scope.color(text))
}

/// Reads `outline`.
pub(crate) fn outline(fields: &Fields<'_>, scope: &Scope) -> Option<OutlineRule> {
    let fields = fields.map("outline")?;
    let rule = OutlineRule {
        width: fields.int("width").unwrap_or(6),
        color: color(&fields, "color", scope).unwrap_or(ColorSource::Fixed(Color::BLACK)),
    };
    fields.finish();
    Some(rule)
}

/// Reads `shadow`.
pub(crate) fn shadow(fields: &Fields<'_>, scope: &Scope) -> Option<ShadowRule> {
    let fields = fields.map("shadow")?;
    let rule = ShadowRule {
        y: fields.int("y").unwrap_or(4),
        blur: fields.int("blur").unwrap_or(8),
        color: color(&fields, "color", scope)
            .unwrap_or(ColorSource::Fixed(Color::BLACK.with_alpha(128))),
    };
    fields.finish();
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::section;
    use super::*;

    fn letters<T>(text: &str, reader: impl FnOnce(Fields<'_>) -> T) -> (T, Vec<String>) {
        read_for_test(section("items[text].style").unwrap(), text, reader)
    }

    #[test]
    fn reads_strokes_and_shadows() {
        let scope = Scope::default();
        let ((stroke, soft), notes) = letters(
            "outline: {width: 7, color: '#112233'}\nshadow: {y: 3, blur: 9}",
            |fields| (outline(&fields, &scope), shadow(&fields, &scope)),
        );
        assert_eq!(notes, Vec::<String>::new());
        let none = BTreeMap::new();
        assert_eq!(
            stroke.unwrap().resolve(&none),
            Some(Outline {
                width: 7,
                color: Color::rgb(0x11, 0x22, 0x33)
            })
        );
        assert_eq!(
            soft.unwrap().resolve(&none),
            Shadow {
                y: 3,
                blur: 9,
                color: Color::BLACK.with_alpha(128)
            }
        );
    }

    #[test]
    fn no_width_is_no_stroke() {
        let (rule, _) = letters("outline: {width: 0}", |fields| {
            outline(&fields, &Scope::default())
        });
        assert_eq!(rule.unwrap().resolve(&BTreeMap::new()), None);
    }

    #[test]
    fn wrong_colours_are_noted_at_their_path() {
        let (_, notes) = letters("outline: {color: red}", |fields| {
            outline(&fields, &Scope::default())
        });
        assert!(notes[0].starts_with("outline.color: `red`"), "{notes:?}");
    }
}
