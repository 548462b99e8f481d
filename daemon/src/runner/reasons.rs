//! Why a node ran: what its key says, and what only the daemon can know. Pure.

use std::collections::{BTreeMap, BTreeSet};

use fenta_workflows::action::{Action, ActionFacts, ActionResult, CollectedFile};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::{NodeKey, rerun_reasons};

use crate::store::EarlierRun;

/// What was noticed while a node ran.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The user's files it read: name and digest.
    pub(super) files: BTreeMap<String, String>,
    /// Whether the cache knew a result whose blobs were gone.
    pub(super) gone: bool,
    /// Whether it knew one whose blobs were damaged.
    pub(super) damaged: bool,
    /// How long ago a result was taken away by a collection, milliseconds; the latest.
    pub(super) evicted: Option<u64>,
    /// Whether a result had to be put in its place.
    pub(super) published: bool,
    /// Why a result the cache had did not count.
    pub(super) stale: Option<RerunReason>,
    /// The document's folder: files are told by their place below it.
    folder: String,
}

impl Evidence {
    /// Of a node of a document in this folder.
    pub(super) fn new(folder: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            ..Self::default()
        }
    }

    /// The name of a file for people, unique among the node's files: two folders may hold files of the same name.
    fn name(&self, path: &str) -> String {
        path.strip_prefix(&self.folder)
            .and_then(|below| below.strip_prefix('/'))
            .unwrap_or(path)
            .to_owned()
    }

    /// Takes note of a fact about this machine.
    pub(super) fn note(&mut self, action: &Action, result: &ActionResult) {
        match (action, &result.facts) {
            (Action::Collect(request), ActionFacts::Collected(files)) => {
                for file in files {
                    let name = self.name(&collected(&request.path, file));
                    self.files.insert(name, file.digest.to_string());
                }
            }
            (Action::ReadText(request), ActionFacts::Text(text)) => {
                let digest = blob_digest(text.as_bytes()).to_string();
                self.files.insert(self.name(&request.path), digest);
            }
            (_, ActionFacts::Fonts(faces)) => self.files.extend(faces.iter().map(|face| {
                let name = format!("font {}:{}", face.request.family, face.request.weight);
                (name, face.file.to_string())
            })),
            _ => {}
        }
    }
}

/// The path of a file that was collected: the file itself was asked for, or it lies in the folder that was.
fn collected(asked: &str, file: &CollectedFile) -> String {
    if file.path == file.name && asked.ends_with(&format!("/{}", file.name)) {
        asked.to_owned()
    } else {
        format!("{}/{}", asked.trim_end_matches('/'), file.path)
    }
}

/// Every reason, most specific first; never empty.
pub(super) fn reasons(
    key: &NodeKey,
    tool: &str,
    evidence: &Evidence,
    earlier: Option<&EarlierRun>,
) -> Vec<RerunReason> {
    let mut reasons = rerun_reasons(earlier.map(|earlier| &earlier.key), key);
    reasons.extend(evidence.stale.clone());
    // Another workflow may have made what is damaged now: that is a reason of its own.
    if evidence.damaged {
        reasons.push(RerunReason::OutputCorrupt);
    }
    if let Some(earlier) = earlier {
        // A node that did not finish has noted no files: their absence says nothing.
        if earlier.finished {
            reasons.extend(changed_files(&earlier.files, &evidence.files));
        }
        if earlier.tool != tool {
            reasons.push(RerunReason::Tool {
                old: earlier.tool.clone(),
                new: tool.to_owned(),
            });
        }
        if evidence.gone {
            reasons.push(RerunReason::OutputMissing);
        }
        // Where the request changed, an old answer to the new one that went is no reason for its change.
        if let Some(age_ms) = evidence.evicted
            && reasons.is_empty()
        {
            reasons.push(RerunReason::Evicted { age_ms });
        }
        if !earlier.finished {
            reasons.push(RerunReason::PreviousIncomplete);
        }
    }
    if reasons.is_empty() {
        reasons.push(if evidence.published {
            RerunReason::Replaced
        } else {
            RerunReason::NothingObvious
        });
    }
    reasons
}

fn changed_files(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<RerunReason> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| RerunReason::File { name: name.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use fenta_workflows::ParamKey;
    use fenta_workflows::action::{CollectRequest, CollectedFile, ReadTextRequest};
    use fenta_workflows::value::Value;

    use super::*;

    fn key(speed: i64) -> NodeKey {
        NodeKey {
            version: 1,
            params: BTreeMap::from([("speed".to_owned(), ParamKey::new(&Value::Int(speed), None))]),
        }
    }

    fn earlier(finished: bool) -> EarlierRun {
        EarlierRun {
            key: key(1),
            finished,
            tool: "r 1".to_owned(),
            effort_ms: 0,
            actions: 0,
            files: BTreeMap::from([("a.mp4".to_owned(), "d1".to_owned())]),
        }
    }

    fn evidence(digest: &str) -> Evidence {
        Evidence {
            files: BTreeMap::from([("a.mp4".to_owned(), digest.to_owned())]),
            ..Evidence::default()
        }
    }

    fn texts(reasons: &[RerunReason]) -> Vec<String> {
        reasons.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_node_without_a_past_runs_for_the_first_time() {
        let found = reasons(&key(1), "r 1", &Evidence::default(), None);
        assert_eq!(found, [RerunReason::FirstRun]);
    }

    #[test]
    fn everything_that_changed_is_said() {
        let mut evidence = evidence("d2");
        evidence.gone = true;
        let found = reasons(&key(2), "r 2", &evidence, Some(&earlier(true)));
        assert_eq!(
            texts(&found),
            [
                "param speed 1 -> 2",
                "file a.mp4 changed",
                "renderer r 1 -> r 2",
                "earlier result is gone from the store",
            ]
        );
    }

    #[test]
    fn an_unfinished_past_and_a_missing_result_are_reasons() {
        let found = reasons(&key(1), "r 1", &Evidence::default(), Some(&earlier(false)));
        assert_eq!(found, [RerunReason::PreviousIncomplete]);
        let mut published = evidence("d1");
        published.published = true;
        let found = reasons(&key(1), "r 1", &published, Some(&earlier(true)));
        assert_eq!(found, [RerunReason::Replaced]);
    }

    #[test]
    fn what_cannot_be_explained_is_not_invented() {
        let found = reasons(&key(1), "r 1", &evidence("d1"), Some(&earlier(true)));
        assert_eq!(found, [RerunReason::NothingObvious]);
    }

    #[test]
    fn files_are_told_by_their_place_below_the_document() {
        let mut evidence = Evidence::new("/home/u/film");
        let result = |facts| ActionResult {
            outputs: BTreeMap::new(),
            facts,
        };
        let read = |path: &str| {
            Action::ReadText(ReadTextRequest {
                path: path.to_owned(),
            })
        };
        for path in [
            "/home/u/film/a/story.txt",
            "/home/u/film/b/story.txt",
            "/x/story.txt",
        ] {
            evidence.note(&read(path), &result(ActionFacts::Text(path.to_owned())));
        }
        let collect = Action::Collect(CollectRequest {
            path: "/home/u/film/broll".to_owned(),
            extensions: Vec::new(),
            max_items: 9,
            may_be_empty: false,
        });
        let file = |path: &str| CollectedFile {
            name: "a.mp4".to_owned(),
            path: path.to_owned(),
            digest: blob_digest(path.as_bytes()),
        };
        let found = vec![file("a.mp4"), file("sea/a.mp4")];
        evidence.note(&collect, &result(ActionFacts::Collected(found)));
        evidence.note(&collect, &result(ActionFacts::None));
        let names: Vec<&String> = evidence.files.keys().collect();
        assert_eq!(
            names,
            [
                "/x/story.txt",
                "a/story.txt",
                "b/story.txt",
                "broll/a.mp4",
                "broll/sea/a.mp4"
            ]
        );
    }
}
