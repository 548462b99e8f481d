//! The names of languages: BCP 47 tags, and what people write instead.
//!
//! Neighbours: `fit` asks. Only the shape of a tag is held: which languages an engine or a model knows is asked there.

use super::fit::Misfit;

/// Full names with their tags, for those who write them.
const NAMES: [(&str, &str); 30] = [
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("czech", "cs"),
    ("danish", "da"),
    ("deutsch", "de"),
    ("dutch", "nl"),
    ("english", "en"),
    ("finnish", "fi"),
    ("french", "fr"),
    ("german", "de"),
    ("greek", "el"),
    ("hebrew", "he"),
    ("hindi", "hi"),
    ("hungarian", "hu"),
    ("indonesian", "id"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("norwegian", "nb"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("slovak", "sk"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("thai", "th"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
    ("vietnamese", "vi"),
];

/// A language: two or three letters, then parts of up to eight letters and digits. Longer first parts are in the grammar
/// of tags, but no language has one.
pub(crate) const PATTERN: &str = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$";

/// Why a text is no language.
pub(super) fn misfit(text: &str) -> Option<Misfit> {
    if is_tag(text) {
        return None;
    }
    let name = text.trim().to_lowercase();
    let known = NAMES.iter().find(|(known, _)| *known == name);
    Some(Misfit {
        wrong_type: false,
        message: format!("`{text}` is not a BCP 47 language"),
        suggestion: known.map(|(_, tag)| *tag),
    })
}

/// A language as people and services name it (`english`, `EN`, `pt-BR`), as a BCP 47 tag; none where it is neither a name
/// known here nor a tag.
pub fn language_tag(text: &str) -> Option<String> {
    let text = text.trim();
    if is_tag(text) {
        return Some(text.to_owned());
    }
    let name = text.to_lowercase();
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, tag)| (*tag).to_owned())
}

fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_names() {
        for tag in ["en", "de", "pt-BR", "zh-Hant-TW", "es-419", "und", "yue"] {
            assert_eq!(misfit(tag), None, "{tag}");
        }
        for text in ["", "e", "en_US", "en-", "not a language!", "klingon"] {
            let misfit = misfit(text).unwrap();
            assert!(misfit.suggestion.is_none(), "{text}");
        }
        assert_eq!(misfit("English").unwrap().suggestion, Some("en"));
        assert_eq!(language_tag(" English "), Some("en".to_owned()));
        assert_eq!(language_tag("pt-BR"), Some("pt-BR".to_owned()));
        assert_eq!(language_tag("klingon"), None);
        assert_eq!(misfit("deutsch").unwrap().suggestion, Some("de"));
    }

    #[test]
    fn every_name_leads_to_a_tag() {
        assert!(NAMES.iter().all(|(name, tag)| is_tag(tag) && !is_tag(name)));
    }
}
