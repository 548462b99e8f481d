//! `placeholders`: what a template declares, and which of them the tracks make the narration and the music.
//!
//! Neighbours: `placeholder` holds the types, `scope` resolves names against what is read here.

use std::cell::RefCell;

use super::fields::{Fields, text_of};
use super::placeholder::{Placeholder, PlaceholderKind};
use super::wrong::Wrong;
use super::{ProblemKind, Problems, TemplateProblem};

/// Reads `placeholders`.
pub(crate) fn read(top: &Fields<'_>) -> Vec<Placeholder> {
    top.named_maps("placeholders")
        .into_iter()
        .filter_map(|(name, fields)| {
            let placeholder = read_one(name, &fields);
            fields.finish();
            placeholder
        })
        .collect()
}

fn read_one(name: &str, fields: &Fields<'_>) -> Option<Placeholder> {
    const TYPES: [(&str, &str); 8] = [
        ("media[]", "media[]"),
        ("voice", "voice"),
        ("audio", "audio"),
        ("captions", "captions"),
        ("text", "text"),
        ("color", "color"),
        ("image", "image"),
        ("lut", "lut"),
    ];
    let min = fields.int("min");
    let max_chars = fields.int("max_chars");
    let default = fields.node("default");
    let optional = fields.flag("optional").unwrap_or(false);
    let help = fields.text("help").unwrap_or_default().to_owned();
    let kind = fields.choice("type", &TYPES)?;
    belongs(fields, kind);
    let text = |wanted: bool| {
        let node = default.filter(|_| wanted)?;
        text_of(node)
            .map_err(|wrong| note(fields, "default", wrong))
            .ok()
    };
    let kind = match kind {
        "media[]" => PlaceholderKind::Media {
            min: min.unwrap_or(1),
        },
        "voice" => PlaceholderKind::Voice,
        "audio" => PlaceholderKind::Audio,
        "captions" => PlaceholderKind::Captions,
        "text" => PlaceholderKind::Text {
            max_chars,
            default: default_text(fields, text(true), max_chars),
        },
        "color" => PlaceholderKind::Color {
            default: text(true).and_then(|text| {
                let parsed = text.parse();
                parsed
                    .map_err(|error: crate::color::ParseColorError| {
                        fields.note("default", error.to_string(), "");
                    })
                    .ok()
            }),
        },
        "lut" => PlaceholderKind::Lut,
        _ => PlaceholderKind::Image,
    };
    Some(Placeholder {
        name: name.to_owned(),
        kind,
        optional,
        help,
    })
}

fn note(fields: &Fields<'_>, key: &str, wrong: Wrong) {
    let problem = wrong.at(fields.path_of(key));
    fields.problems().borrow_mut().push(problem);
}

fn default_text(fields: &Fields<'_>, text: Option<&str>, max_chars: Option<u32>) -> Option<String> {
    let text = text?;
    let have = text.chars().count();
    if let Some(max) = max_chars.filter(|max| have > *max as usize) {
        let message = format!("has {have} characters, more than max_chars {max}");
        fields.conflict("default", message, "shorten it");
    }
    Some(text.to_owned())
}

/// Keys that mean nothing for a type are refused, not ignored.
fn belongs(fields: &Fields<'_>, kind: &str) {
    for (key, kinds) in [
        ("min", &["media[]"][..]),
        ("max_chars", &["text"]),
        ("default", &["text", "color"]),
    ] {
        if fields.has(key) && !kinds.contains(&kind) {
            fields.conflict(
                key,
                format!("means nothing for a placeholder of type {kind}"),
                format!("it belongs to {}", kinds.join(" and ")),
            );
        }
    }
}

/// At most one placeholder of each kind that the bindings hold only once, and exactly one for the clips.
pub(crate) fn check(placeholders: &[Placeholder], problems: &RefCell<Problems>) {
    for kind in ["media[]", "voice", "audio", "captions"] {
        let names: Vec<&str> = placeholders
            .iter()
            .filter(|placeholder| placeholder.kind.type_name() == kind)
            .map(|placeholder| placeholder.name.as_str())
            .collect();
        if names.len() > 1 {
            problems.borrow_mut().push(TemplateProblem::new(
                ProblemKind::Conflict,
                format!("placeholders.{}", names[1]),
                format!("is the second `{kind}` placeholder after `{}`", names[0]),
                if kind == "audio" {
                    "name the narration in an audio track with `role: voice` and effects in tracks with `role: sfx`; a template takes one music"
                } else {
                    "a template takes one"
                },
            ));
        }
        if kind == "media[]" && names.is_empty() {
            problems.borrow_mut().push(TemplateProblem::new(
                ProblemKind::MissingKey,
                "placeholders",
                "has no `media[]` placeholder for the clips",
                "add `clips: { type: \"media[]\" }`",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;

    fn declared(text: &str) -> (Vec<Placeholder>, Vec<String>) {
        read_for_test(grammar(), &format!("placeholders: {{{text}}}"), |fields| {
            let found = read(&fields);
            check(&found, fields.problems());
            found
        })
    }

    #[test]
    fn every_type_is_read() {
        let (found, noted) = declared(
            "clips: {type: 'media[]', min: 2}, title: {type: text, max_chars: 10, default: Hi, help: Big}, \
             accent: {type: color, default: '#FF0000'}, logo: {type: image, optional: true}, v: {type: voice}, \
             m: {type: audio}, c: {type: captions}",
        );
        assert_eq!(noted, Vec::<String>::new());
        assert_eq!(found.len(), 7);
        assert_eq!(found[0].kind, PlaceholderKind::Media { min: 2 });
        assert_eq!(found[1].help, "Big");
        assert!(found[3].optional);
    }

    // spec: T-14, T-15
    #[test]
    fn declarations_are_checked() {
        let (_, noted) = declared(
            "a: {type: text, max: 3}, b: {}, c: {type: txt}, '9': {type: text}, v: {type: voice}, w: {type: voice}, \
             d: {type: video}, e: {type: image, default: x, min: 3}, f: {type: text, max_chars: 2, default: long}",
        );
        for part in [
            "placeholders.a.max: is not a key here",
            "placeholders.b.type: is missing",
            "placeholders.c.type: `txt` is not one of its values; did you mean `text`?",
            "placeholders.9: is not a name",
            "placeholders.w: is the second `voice`",
            "placeholders.d.type: `video` is not available in this version yet; bind videos",
            "placeholders.e.default: means nothing for a placeholder of type image",
            "placeholders.e.min: means nothing",
            "placeholders.f.default: has 4 characters, more than max_chars 2",
            "no `media[]` placeholder",
        ] {
            assert!(
                noted.iter().any(|note| note.contains(part)),
                "{part}: {noted:#?}"
            );
        }
        assert_eq!(noted.len(), 10, "{noted:#?}");
    }
}
