//! Documents of other programs: named as what they are, instead of judged key by key.
//!
//! Neighbours: `read` asks when the first key is not there, the build when the text cannot even be read.

use crate::diagnostic::{Diagnostic, Span, codes};

/// Keys that only we have at the top.
const OURS: [&str; 5] = ["nodes", "inputs", "vars", "outputs", "placeholders"];

/// Whose document it is, by keys that stand at its top.
const OTHERS: [(&str, &[&str]); 12] = [
    ("a GitHub Actions workflow", &["on", "jobs"]),
    ("a GitHub action", &["runs", "description"]),
    ("a Docker Compose file", &["services"]),
    ("a Kubernetes manifest", &["apiVersion", "kind"]),
    ("a GitLab pipeline", &["stages"]),
    ("a GitLab pipeline", &["before_script"]),
    ("a Travis configuration", &["language", "script"]),
    ("a CircleCI configuration", &["version", "jobs"]),
    ("an Ansible playbook", &["hosts"]),
    ("an npm package", &["name", "dependencies"]),
    ("an npm package", &["name", "scripts"]),
    ("an OpenAPI description", &["openapi"]),
];

/// What to say of a document without our first key; nothing when it is ours in everything else.
pub(super) fn judge(keys: &[&str], place: Span) -> Option<Diagnostic> {
    if keys.iter().any(|key| OURS.contains(key)) {
        return None;
    }
    let message = match whose(keys) {
        Some(name) => format!("this looks like {name}, not like a workflow of Fenta"),
        None => "this is not a workflow of Fenta: the document does not say what it is".to_owned(),
    };
    Some(
        Diagnostic::error(codes::VERSION, place, message).hint(
            "a workflow begins with `fenta: workflow/v1`; `fenta init` writes one to begin with",
        ),
    )
}

fn whose(keys: &[&str]) -> Option<&'static str> {
    let all = |marks: &[&str]| marks.iter().all(|mark| keys.contains(mark));
    let known = OTHERS.iter().find(|(_, marks)| all(marks));
    known.map(|(name, _)| *name)
}

/// What to say of a text that cannot be read as a document; nothing unless another program is known to write such.
pub(super) fn judge_text(text: &str) -> Option<Diagnostic> {
    let keys: Vec<&str> = text.lines().take(MAX_LINES).filter_map(top_key).collect();
    let ours = keys.iter().any(|key| key.starts_with("fenta"));
    whose(&keys).filter(|_| !ours)?;
    judge(&keys, Span::default())
}

/// The key that a line begins with.
fn top_key(line: &str) -> Option<&str> {
    let (key, _) = line.trim_start_matches('\u{feff}').split_once(':')?;
    let key = key.trim_end().trim_matches(['"', '\'']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!key.is_empty() && key.chars().all(is_name)).then_some(key)
}

/// Lines of a text that are looked at; what a document is stands near its beginning.
const MAX_LINES: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_others_are_called_by_name() {
        for (keys, name) in [
            (&["name", "on", "jobs"][..], "GitHub Actions"),
            (&["version", "services"], "Docker Compose"),
            (&["apiVersion", "kind", "metadata"], "Kubernetes"),
            (&["name", "version", "dependencies"], "npm"),
            (&["a"], "not a workflow"),
        ] {
            let found = judge(keys, Span::default()).unwrap();
            assert!(found.message.contains(name), "{}", found.message);
        }
        assert!(judge(&["name", "nodes"], Span::default()).is_none());
    }

    #[test]
    fn texts_that_cannot_be_read_are_known_by_their_lines() {
        assert!(
            judge_text("services:\n  a: &x 1\n")
                .unwrap()
                .message
                .contains("Compose")
        );
        assert!(judge_text("fenta: workflow/v1\na: &x 1\n").is_none());
        assert!(judge_text("\u{feff}\"fenta\": \"workflow/v1\"\n").is_none());
        assert!(judge_text("nodes:\n\ta: 1\n").is_none());
        assert!(judge_text("a: &x 1\n").is_none(), "nobody's");
        assert!(judge_text("").is_none());
        assert!(judge_text("just words").is_none());
    }
}
