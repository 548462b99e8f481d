//! `ResolveFonts`: which font files this machine has for the faces a template asks for.
//!
//! A worker looks; its answer is remembered under the state of the font folders, so an unchanged machine answers
//! without starting a process, and a font that is installed, replaced or removed asks again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fenta_workflows::action::{Action, ActionResult, ResolveFontsRequest};
use fenta_workflows::digest::{ActionDigest, value_hash};
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::failure::{blocking, failure, store_failure};
use super::{Attempt, ExecuteError, Tools, worker};
use crate::store::CachedAction;

/// Folders inside folders, at most.
const DEPTH: usize = 8;

pub(super) async fn run(
    tools: &Tools,
    request: &ResolveFontsRequest,
    action: &Action,
    attempt: &Attempt,
) -> Result<ActionResult, ExecuteError> {
    if request.fonts.is_empty() {
        return Ok(ActionResult {
            outputs: std::collections::BTreeMap::new(),
            facts: fenta_workflows::action::ActionFacts::Fonts(Vec::new()),
        });
    }
    let key = key(tools, action, &attempt.tool).await?;
    if let Some(known) = known(tools, &key).await? {
        attempt.started(None);
        return Ok(known);
    }
    let result = worker::run(tools, action, attempt).await?;
    let remembered = CachedAction {
        result: result.clone(),
        wall_ms: 0,
        made_at: tools.store.now_text(),
    };
    tools
        .store
        .remember_action(&key, action.kind(), &remembered)
        .await
        .map_err(|error| store_failure(&error))?;
    Ok(result)
}

async fn known(tools: &Tools, key: &ActionDigest) -> Result<Option<ActionResult>, WorkerFailure> {
    let row = tools
        .store
        .cached_action(key)
        .await
        .map_err(|error| store_failure(&error))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let cas = tools.cas.clone();
    blocking("looking for fonts", move || {
        let whole = row.result.outputs.values().all(|blob| cas.contains(blob));
        Ok(whole.then_some(row.result))
    })
    .await
}

/// The request under the present state of the font folders.
async fn key(tools: &Tools, action: &Action, tool: &str) -> Result<ActionDigest, WorkerFailure> {
    let folders = tools.font_dirs.clone();
    let request = action.digest(tool).to_string();
    blocking("looking at the font folders", move || {
        let state: Vec<FontFile> = folders
            .iter()
            .flat_map(|folder| font_files(folder, 0))
            .collect();
        value_hash("fenta font folders v1", &(request, state))
            .parse()
            .map_err(|error| failure(FailureClass::Internal, format!("{error}"), ""))
    })
    .await
}

type FontFile = (PathBuf, u64, i64, i64);

fn font_files(folder: &Path, depth: usize) -> Vec<FontFile> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_file() {
            let times = (metadata.mtime(), metadata.mtime_nsec());
            files.push((path, metadata.len(), times.0, times.1));
        } else if metadata.is_dir() && depth < DEPTH {
            files.extend(font_files(&path, depth + 1));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use fenta_templates::timeline::FontRequest;
    use fenta_workflows::action::ActionFacts;
    use fenta_workflows::digest::blob_digest;

    use super::*;
    use crate::executors::testing;

    #[tokio::test]
    async fn a_worker_looks_only_when_the_folders_changed() {
        let mut test = testing::tools();
        let fonts = test.folder.path().join("fonts");
        fs::create_dir(&fonts).unwrap();
        test.tools.font_dirs = vec![fonts.clone()];
        let digest = blob_digest(b"font");
        let script = testing::script(
            test.folder.path(),
            "render",
            &format!(
                r#"echo asked >> "$(dirname "$0")/count"; printf font > "$out/font0.ttf"
echo '{{"event":"done","outputs":{{"font0":"font0.ttf"}},"facts":{{"kind":"fonts","value":[{{"request":{{"family":"Inter","weight":800}},"file":"{digest}","index":0}}]}}}}'"#
            ),
        );
        let request = ResolveFontsRequest {
            fonts: vec![FontRequest {
                family: "Inter".to_owned(),
                weight: 800,
            }],
        };
        let action = Action::ResolveFonts(request.clone());
        let asked = || {
            fs::read_to_string(test.folder.path().join("count"))
                .unwrap()
                .lines()
                .count()
        };
        let resolve = async || {
            let (attempt, _heard) = testing::attempt(&script);
            run(&test.tools, &request, &action, &attempt).await.unwrap()
        };
        let first = resolve().await;
        assert!(matches!(&first.facts, ActionFacts::Fonts(faces) if faces[0].file == digest));
        assert_eq!(resolve().await, first);
        assert_eq!(asked(), 1);
        fs::write(fonts.join("new.ttf"), b"x").unwrap();
        assert_eq!(resolve().await, first);
        assert_eq!(asked(), 2, "a font was installed");
        fs::remove_file(test.tools.cas.path(&digest)).unwrap();
        assert_eq!(resolve().await, first);
        assert_eq!(asked(), 3, "the blob was gone");
    }

    #[tokio::test]
    async fn a_face_whose_file_was_not_handed_over_is_not_believed() {
        let test = testing::tools();
        let script = testing::script(
            test.folder.path(),
            "render",
            &format!(
                r#"printf other > "$out/f"; echo '{{"event":"done","outputs":{{"font0":"f"}},"facts":{{"kind":"fonts","value":[{{"request":{{"family":"Inter","weight":800}},"file":"{}","index":0}}]}}}}'"#,
                blob_digest(b"font")
            ),
        );
        let request = ResolveFontsRequest {
            fonts: vec![FontRequest {
                family: "Inter".to_owned(),
                weight: 800,
            }],
        };
        let (attempt, _heard) = testing::attempt(&script);
        let action = Action::ResolveFonts(request.clone());
        let outcome = run(&test.tools, &request, &action, &attempt).await;
        let Err(ExecuteError::Failed(failure)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(failure.message.contains("Inter was not handed over"));
    }
}
