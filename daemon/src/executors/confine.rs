//! On a server that works for several organisations, the files of a job lie below the folder of its own: no document, no
//! link and no `..` leads out of it.

use std::path::{Component, Path, PathBuf};

use fenta_workflows::action::Action;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::failure::failure;

/// Refuses an action that names a place outside of all of `roots`. Without any, every place is fine.
pub(super) fn check(roots: &[PathBuf], action: &Action) -> Result<(), WorkerFailure> {
    if roots.is_empty() {
        return Ok(());
    }
    let places: Vec<&str> = match action {
        Action::Collect(request) => vec![&request.path],
        Action::ReadText(request) => vec![&request.path],
        Action::Publish(request) => request.items.iter().map(|item| &*item.to).collect(),
        _ => Vec::new(),
    };
    for place in places {
        if !roots.iter().any(|root| is_below(root, Path::new(place))) {
            return Err(failure(
                FailureClass::Input,
                "the document names a file that is not part of this run",
                "files of a run on a server lie beside the document or come as values; results go below the folder of results",
            ));
        }
    }
    Ok(())
}

/// Whether a path stays below `root` when every link on the way is followed. What is not there yet is judged by the
/// folder it would be in.
pub(crate) fn is_below(root: &Path, path: &Path) -> bool {
    let Ok(root) = root.canonicalize() else {
        return false;
    };
    if !path.is_absolute() {
        return false;
    }
    let mut there = path.to_owned();
    loop {
        match there.canonicalize() {
            Ok(real) => return real.starts_with(&root),
            // A link that leads nowhere could lead anywhere when it is written through.
            Err(_) if there.is_symlink() => return false,
            // What a step back means is known only where there is something to step back from.
            Err(_) if there.components().next_back() == Some(Component::ParentDir) => return false,
            Err(_) => match there.parent().map(PathBuf::from) {
                Some(parent) => there = parent,
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::ReadTextRequest;

    use super::*;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("org");
        let outside = folder.path().join("other");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(root.join("a/file"), "x").unwrap();
        std::fs::write(outside.join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("new"), root.join("nowhere")).unwrap();
        let below = |path: &str| is_below(&root, &root.join(path));
        for fine in ["", "a", "a/file", "a/new", "new/folder/file", "a/../a/file"] {
            assert!(below(fine), "{fine}");
        }
        for out in [
            "link",
            "link/secret",
            "link/new",
            "nowhere",
            "../other/secret",
            "a/../../other/secret",
            "..",
            "/etc/passwd",
            "new/../../x",
        ] {
            assert!(!below(out), "{out}");
        }
        assert!(!is_below(&root, Path::new("relative")));
        assert!(!is_below(&root, &folder.path().join("org-other")));
        let read = |path: &Path| {
            let action = Action::ReadText(ReadTextRequest {
                path: path.to_string_lossy().into_owned(),
            });
            check(std::slice::from_ref(&root), &action)
        };
        assert!(read(&root.join("a/file")).is_ok());
        let refused = read(&outside.join("secret")).unwrap_err();
        assert!(
            !refused.message.contains("secret"),
            "it does not tell what is there"
        );
        assert!(
            check(
                &[],
                &Action::ReadText(ReadTextRequest {
                    path: "/etc/passwd".to_owned()
                })
            )
            .is_ok()
        );
    }
}
