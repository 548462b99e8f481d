//! Faces without the letters of the language that is spoken: another face draws them, and the look is another one.
//!
//! A table of scripts by language; the faces' own coverage is the renderer's business. Text faces are taken to have
//! Latin, and those of the table below what stands there.

use std::collections::BTreeSet;

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};
use crate::graph::NodeInstance;

/// Languages whose letters Latin faces lack, with the script's name and what a family's name says when it has them.
const SCRIPTS: &[(&[&str], &str, &[&str])] = &[
    (&["ja"], "Japanese", &["JP", "CJK"]),
    (&["zh", "yue"], "Chinese", &["SC", "TC", "HK", "CJK"]),
    (&["ko"], "Korean", &["KR", "CJK"]),
    (
        &["ar", "fa", "ur", "ps", "ckb"],
        "Arabic",
        &["Arabic", "Cairo", "Tajawal"],
    ),
    (&["he", "yi"], "Hebrew", &["Hebrew", "Heebo", "Rubik"]),
    (
        &["hi", "mr", "ne", "sa"],
        "Devanagari",
        &["Devanagari", "Poppins", "Mukta"],
    ),
    (&["bn", "as"], "Bengali", &["Bengali"]),
    (&["ta"], "Tamil", &["Tamil"]),
    (&["te"], "Telugu", &["Telugu"]),
    (&["th"], "Thai", &["Thai", "Kanit", "Prompt"]),
    (&["ka"], "Georgian", &["Georgian", "DejaVu"]),
    (&["hy"], "Armenian", &["Armenian", "DejaVu"]),
    (
        &["el"],
        "Greek",
        &[
            "Inter",
            "Noto Sans",
            "Roboto",
            "Open Sans",
            "DejaVu",
            "Liberation",
        ],
    ),
    (
        &["ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg"],
        "Cyrillic",
        &[
            "Inter",
            "Montserrat",
            "Noto Sans",
            "Roboto",
            "Open Sans",
            "Oswald",
            "DejaVu",
            "Liberation",
            "Rubik",
        ],
    ),
];

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    let templates = linted.used_templates();
    let upstream: Vec<_> = templates
        .iter()
        .map(|used| linted.workflow.upstream(used.node))
        .collect();
    for (node, name, value) in linted.params() {
        if name != "language" {
            continue;
        }
        for (language, span) in linted.texts(value) {
            let Some((script, known)) = script(language) else {
                continue;
            };
            // Only what reaches a cut is spoken and shown in it.
            let reached = templates.iter().zip(&upstream);
            let speaks = |one: &&NodeInstance| std::ptr::eq(*one, node);
            for (used, _) in reached.filter(|(_, upstream)| upstream.iter().any(speaks)) {
                let requests = used.template.font_requests();
                let lacking: BTreeSet<&str> = requests
                    .iter()
                    .map(|request| request.family.as_str())
                    .filter(|family| !known.iter().any(|part| family.contains(part)))
                    .collect();
                if !lacking.is_empty() {
                    found.push(
                        lacks(used, lacking, script)
                            .label(span, format!("`{language}` is chosen here")),
                    );
                }
            }
        }
    }
}

fn lacks(
    used: &super::used_templates::Used<'_>,
    families: BTreeSet<&str>,
    script: &str,
) -> Diagnostic {
    Diagnostic::warning(
        codes::FONT,
        used.span,
        format!(
            "the faces of template `{}` ({}) do not have the letters of {script}",
            used.template.name(),
            families.into_iter().collect::<Vec<_>>().join(", ")
        ),
    )
    .hint("a Noto face draws them, if this machine has it; to choose the look, name a face for them under `theme.fonts` of a template of your own")
}

/// The script a language is written in, where Latin faces lack it.
fn script(language: &str) -> Option<(&'static str, &'static [&'static str])> {
    let primary = language.split(['-', '_']).next().unwrap_or(language);
    let primary = primary.to_ascii_lowercase();
    SCRIPTS
        .iter()
        .find(|(languages, _, _)| languages.contains(&primary.as_str()))
        .map(|(_, name, known)| (*name, *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_one_script() {
        assert_eq!(script("ja-JP").unwrap().0, "Japanese");
        assert_eq!(script("zh_Hant").unwrap().0, "Chinese");
        assert_eq!(script("uk").unwrap().0, "Cyrillic");
        assert!(script("de").is_none() && script("").is_none());
        let mut seen = std::collections::BTreeSet::new();
        for language in SCRIPTS.iter().flat_map(|(languages, _, _)| *languages) {
            assert!(seen.insert(language), "{language} twice");
        }
    }
}
