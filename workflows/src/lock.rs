//! `fenta.lock`: what a workflow was made with, so that it can be made again exactly like that.
//!
//! One file for the documents of a folder; the CLI reads and writes it, the daemon makes a document's part from a
//! completed job and, for a frozen run, refuses whatever it does not pin. Maps are sorted, so the file changes only
//! where something it pins changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionResult, CachePolicy};
use crate::digest::{Digest, value_hash};

/// The version of the file's shape.
pub const LOCK_VERSION: u32 = 1;

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// The version of its shape; 1.
    pub fenta_lock: u32,
    /// What each document was made with, by its file name.
    pub documents: BTreeMap<String, Lock>,
}

/// What one document was made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of Fenta that wrote it.
    pub fenta: String,
    /// The nodes by their keys.
    #[serde(default)]
    pub nodes: BTreeMap<String, NodeLock>,
    /// Hashes of the templates with everything they build on, by their names.
    #[serde(default)]
    pub templates: BTreeMap<String, String>,
    /// Digests of font files, by `Family:weight`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub fonts: BTreeMap<String, Digest>,
    /// Results that something generated or chose, by the digest of what was asked for.
    #[serde(default)]
    pub results: BTreeMap<String, PinnedResult>,
}

/// What a node was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeLock {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The type's version.
    pub version: u32,
    /// The model that worked for it, as `vendor:model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The voice that spoke for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
}

/// A result that would not come out the same by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedResult {
    /// The node that asked for it; `footage[3]` for one turn of a `for_each`.
    pub node: String,
    /// The kind of action, for example `speak`.
    pub action: String,
    /// Its blobs by output name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub outputs: BTreeMap<String, Digest>,
    /// Hash of everything it said, blobs included.
    pub result: String,
}

/// What one node was made with in one job: the part of a lock that only running tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodePins {
    /// The model that worked for it.
    pub model: Option<String>,
    /// The voice that spoke for it.
    pub voice: Option<String>,
    /// See [`Lock::templates`].
    pub templates: BTreeMap<String, String>,
    /// See [`Lock::fonts`].
    pub fonts: BTreeMap<String, Digest>,
    /// See [`Lock::results`].
    pub results: BTreeMap<String, PinnedResult>,
}

impl PinnedResult {
    /// Pins a result.
    pub fn new(node: impl Into<String>, action: &Action, result: &ActionResult) -> Self {
        Self {
            node: node.into(),
            action: action.kind().to_owned(),
            outputs: result.outputs.clone(),
            result: result_hash(result),
        }
    }

    /// Whether a result is the pinned one.
    pub fn is(&self, result: &ActionResult) -> bool {
        self.result == result_hash(result)
    }
}

/// Whether a result of this action would not come out the same by itself: something is generated or chosen for it.
pub fn is_generated(action: &Action) -> bool {
    match action {
        Action::Speak(_) | Action::ComposeMusic(_) => true,
        Action::Invoke(_) => action.cache_policy() == CachePolicy::Content,
        _ => false,
    }
}

fn result_hash(result: &ActionResult) -> String {
    value_hash("fenta result v1", result)
}

/// The key of a generated result: what was asked for, whatever renderer answers it.
pub fn request_key(action: &Action) -> String {
    action.digest("").to_string()
}

/// Why a file is not a lock file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockFileError {
    /// It is not such a document.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A later Fenta wrote it.
    #[error("it has version {found}, this Fenta reads version {LOCK_VERSION}")]
    Version {
        /// The version it has.
        found: u32,
    },
}

impl Default for LockFile {
    fn default() -> Self {
        Self {
            fenta_lock: LOCK_VERSION,
            documents: BTreeMap::new(),
        }
    }
}

impl LockFile {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// When it is not one, or of a later version.
    pub fn parse(text: &str) -> Result<Self, LockFileError> {
        #[derive(Deserialize)]
        struct Head {
            fenta_lock: u32,
        }
        let syntax = |error: serde_json::Error| LockFileError::Syntax {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        };
        let head: Head = serde_json::from_str(text).map_err(syntax)?;
        if head.fenta_lock != LOCK_VERSION {
            return Err(LockFileError::Version {
                found: head.fenta_lock,
            });
        }
        serde_json::from_str(text).map_err(syntax)
    }

    /// The text of the file, ending with a newline.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("a lock serialises, because its maps have text keys");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{ActionFacts, SpeakRequest};
    use crate::digest::blob_digest;

    fn speak(text: &str) -> Action {
        Action::Speak(SpeakRequest {
            text: text.into(),
            engine: "flite".into(),
            voice: "slt".into(),
            speed_pm: 1000,
        })
    }

    fn result(bytes: &[u8]) -> ActionResult {
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), blob_digest(bytes))]),
            facts: ActionFacts::None,
        }
    }

    fn file() -> LockFile {
        let pinned = PinnedResult::new("voice", &speak("hello"), &result(b"a"));
        let lock = Lock {
            fenta: "0.1.0".into(),
            nodes: BTreeMap::from([(
                "voice".to_owned(),
                NodeLock {
                    kind: "Voice.TTS".into(),
                    version: 1,
                    model: None,
                    voice: Some("slt".into()),
                },
            )]),
            results: BTreeMap::from([(request_key(&speak("hello")), pinned)]),
            ..Lock::default()
        };
        LockFile {
            documents: BTreeMap::from([("a.yaml".to_owned(), lock)]),
            ..LockFile::default()
        }
    }

    #[test]
    fn a_lock_file_survives_writing_and_changes_only_where_it_must() {
        let text = file().to_text();
        assert_eq!(LockFile::parse(&text).unwrap(), file());
        assert!(text.ends_with("}\n"));
        let mut other = file();
        other.documents.insert("b.yaml".to_owned(), Lock::default());
        let kept = other.to_text();
        let lines: Vec<&str> = text.lines().collect();
        let missing = lines.iter().filter(|line| !kept.contains(*line)).count();
        assert_eq!(missing, 0, "another document moves no line of this one");
    }

    #[test]
    fn what_is_pinned_is_the_whole_result() {
        let pinned = PinnedResult::new("voice", &speak("hello"), &result(b"a"));
        assert!(pinned.is(&result(b"a")));
        assert!(!pinned.is(&result(b"b")));
        let mut said = result(b"a");
        said.facts = ActionFacts::Text("more".into());
        assert!(!pinned.is(&said));
        assert_ne!(request_key(&speak("a")), request_key(&speak("b")));
    }

    #[test]
    fn other_files_are_refused_with_their_place() {
        let newer = file()
            .to_text()
            .replace("\"fenta_lock\": 1", "\"fenta_lock\": 2");
        assert_eq!(
            LockFile::parse(&newer),
            Err(LockFileError::Version { found: 2 })
        );
        let broken = LockFile::parse("{\n  \"fenta_lock\": 1,\n  \"dokuments\": {}\n}");
        let Err(LockFileError::Syntax { line, message, .. }) = broken else {
            panic!("{broken:?}");
        };
        assert_eq!(line, 3);
        assert!(message.contains("dokuments"), "{message}");
    }
}
