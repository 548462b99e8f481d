//! Which renderer there is: its path and what it says about itself. Asked once, and again when the file changes, so
//! that an update of Fenta never serves results of another renderer.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenta_workflows::worker::WorkerVersion;

/// The longest `--version-json` may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Why the renderer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the renderer {}: {why}", path.display())]
pub struct RendererError {
    /// Where it should be.
    pub path: PathBuf,
    /// What went wrong.
    pub why: String,
}

/// The renderer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Renderer {
    path: Arc<Path>,
    env: Arc<[(OsString, OsString)]>,
    known: Arc<Mutex<Option<Known>>>,
    /// Held while it is asked: of many who want to know at once, one asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug)]
struct Known {
    stamp: (u64, std::time::SystemTime),
    tool: Arc<str>,
}

impl Renderer {
    /// The renderer at `path`, asked with this environment.
    pub fn new(path: &Path, env: &[(OsString, OsString)]) -> Self {
        Self {
            path: path.into(),
            env: env.into(),
            known: Arc::default(),
            asking: Arc::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name and version, part of every action's digest.
    pub async fn tool(&self) -> Result<Arc<str>, RendererError> {
        let failed = |why: String| RendererError {
            path: self.path.to_path_buf(),
            why,
        };
        let metadata = self
            .path
            .metadata()
            .map_err(|error| failed(error.to_string()))?;
        let modified = metadata
            .modified()
            .map_err(|error| failed(error.to_string()))?;
        let stamp = (metadata.len(), modified);
        if let Some(known) = self.known().filter(|known| known.stamp == stamp) {
            return Ok(known.tool);
        }
        let _asking = self.asking.lock().await;
        if let Some(known) = self.known().filter(|known| known.stamp == stamp) {
            return Ok(known.tool);
        }
        let tool: Arc<str> = self.ask().await.map_err(failed)?.tool().into();
        let known = Known {
            stamp,
            tool: Arc::clone(&tool),
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(tool)
    }

    fn known(&self) -> Option<Known> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn ask(&self) -> Result<WorkerVersion, String> {
        let asked = tokio::process::Command::new(&*self.path)
            .arg("--version-json")
            .env_clear()
            .envs(self.env.iter().cloned())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(LIMIT, asked)
            .await
            .map_err(|_| format!("it did not tell its version within {} s", LIMIT.as_secs()))?
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let last = stderr.lines().last().unwrap_or_default();
            return Err(format!(
                "asked for its version it ended with {} {last}",
                output.status
            ));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("it does not tell its version: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::testing;

    fn renderer(path: &Path) -> Renderer {
        Renderer::new(path, &[("PATH".into(), "/usr/bin:/bin".into())])
    }

    #[tokio::test]
    async fn the_version_is_asked_again_only_when_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let counting = "echo asked >> \"$(dirname \"$0\")/count\"";
        let script = testing::script(folder.path(), "render", "");
        let text = std::fs::read_to_string(&script).unwrap();
        std::fs::write(&script, text.replacen('\n', &format!("\n{counting}\n"), 1)).unwrap();
        let renderer = renderer(&script);
        let many = (0..16).map(|_| renderer.tool());
        for tool in futures_util::future::join_all(many).await {
            assert_eq!(&*tool.unwrap(), "fenta-render stand-in 1 ");
        }
        let asked = || std::fs::read_to_string(folder.path().join("count")).unwrap();
        assert_eq!(asked().lines().count(), 1);
        let text = std::fs::read_to_string(&script).unwrap();
        std::fs::write(&script, text.replace("stand-in 1", "stand-in 22")).unwrap();
        assert_eq!(
            &*renderer.tool().await.unwrap(),
            "fenta-render stand-in 22 "
        );
        assert_eq!(asked().lines().count(), 2);
    }

    #[tokio::test]
    async fn a_renderer_that_does_not_work_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("render");
        let error = renderer(&missing).tool().await.unwrap_err();
        assert!(error.to_string().contains(&missing.display().to_string()));
        let broken = testing::script(folder.path(), "render", "");
        std::fs::write(
            &broken,
            "#!/bin/sh\necho libavcodec.so.59 not found >&2\nexit 127\n",
        )
        .unwrap();
        let error = renderer(&broken).tool().await.unwrap_err();
        assert!(error.why.contains("libavcodec.so.59 not found"), "{error}");
    }
}
