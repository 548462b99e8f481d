//! The workflows that ship with the product; `fenta init` copies them.
//!
//! They are documents like any other: tests compile every one of them and lower their first nodes.

/// Name and text of every workflow that ships.
pub const ALL: &[(&str, &str)] = &[
    ("beat-short", include_str!("../library/beat-short.yaml")),
    ("daily-short", include_str!("../library/daily-short.yaml")),
    ("daily-news", include_str!("../library/daily-news.yaml")),
    (
        "footage-short",
        include_str!("../library/footage-short.yaml"),
    ),
];

/// Files that workflows refer to: the workflow, the path beside it, the content.
const FILES: &[(&str, &str, &[u8])] = &[
    (
        "beat-short",
        "assets/whoosh.opus",
        include_bytes!("../library/assets/whoosh.opus"),
    ),
    (
        "beat-short",
        "assets/hit.opus",
        include_bytes!("../library/assets/hit.opus"),
    ),
    (
        "daily-short",
        "assets/logo.png",
        include_bytes!("../library/assets/logo.png"),
    ),
    (
        "daily-news",
        "assets/daily-news.template.yaml",
        include_bytes!("../library/assets/daily-news.template.yaml"),
    ),
];

/// The files a workflow refers to, with their paths beside it.
pub fn files(name: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES
        .iter()
        .filter(move |(workflow, _, _)| *workflow == name)
        .map(|(_, path, bytes)| (*path, *bytes))
}

/// The text of the workflow with this name.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};
    use crate::input::PathBases;
    use crate::value::Value;
    use std::collections::BTreeMap;

    fn workflow(name: &str) -> crate::graph::Workflow {
        let source = SourceFile {
            name: format!("{name}.yaml"),
            text: find(name).unwrap().to_owned(),
        };
        let (workflow, warnings) =
            compile(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
        assert!(warnings.is_empty(), "{warnings:?}");
        workflow
    }

    #[test]
    fn every_workflow_compiles_and_runs_without_parameters() {
        let bases = PathBases {
            workflow_dir: "/w".into(),
            caller_dir: "/c".into(),
        };
        for (name, _) in ALL {
            let workflow = workflow(name);
            assert_eq!(workflow.name, *name);
            assert!(workflow.bind(&BTreeMap::new(), &bases).is_ok(), "{name}");
        }
        assert_eq!(find("nope"), None);
    }

    #[test]
    fn files_are_those_the_documents_name() {
        for (name, path, _) in FILES {
            let text = find(name).unwrap();
            assert!(text.contains(&format!("./{path}")), "{name} {path}");
        }
        assert_eq!(files("daily-short").count(), 1);
        assert_eq!(files("beat-short").count(), 2);
    }

    #[test]
    fn the_daily_text_is_half_a_minute_of_speech() {
        let workflow = workflow("daily-short");
        let Some(Value::Text(text)) = &workflow.inputs()["text"].default else {
            panic!("the text has a default")
        };
        let words = text.split_whitespace().count();
        assert!((75..=95).contains(&words), "{words} words");
    }
}
