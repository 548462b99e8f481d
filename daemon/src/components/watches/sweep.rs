//! Copies that no run needs any more: those of a daemon that died before the run was written down, and those of watches
//! that were removed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Watches;
use super::runs::needs_copies;
use crate::store::{StoreError, WatchRecord};

impl Watches {
    /// Removes copies of a watch that none of its runs needs.
    pub(super) async fn sweep(&self, watch: &str) {
        let Ok(runs) = self.store.watch_runs(watch, u32::MAX, None).await else {
            return;
        };
        let needed: HashSet<String> = runs
            .into_iter()
            .filter(needs_copies)
            .map(|run| run.key)
            .collect();
        let folder = self.copies.join(watch);
        for key in folders_in(&folder).await {
            if !needed.contains(&key) {
                remove(folder.join(key)).await;
            }
        }
    }

    /// Removes copies of watches that are not there any more, but for those whose jobs still go on.
    pub(super) async fn sweep_removed(&self, known: &[WatchRecord]) -> Result<(), StoreError> {
        for watch in folders_in(&self.copies).await {
            // It may have been made since somebody looked.
            if known.iter().any(|one| one.id == watch) || self.store.watch(&watch).await.is_ok() {
                continue;
            }
            let folder = self.copies.join(&watch);
            let mut all_gone = true;
            for key in folders_in(&folder).await {
                let state = self.store.state_under_key(&key).await?;
                if state.is_some_and(|state| !state.is_final()) {
                    all_gone = false;
                } else {
                    remove(folder.join(key)).await;
                }
            }
            if all_gone {
                remove(folder).await;
            }
        }
        Ok(())
    }
}

/// The names of what lies in a folder; none where there is no folder.
async fn folders_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_owned();
    let names = tokio::task::spawn_blocking(move || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    });
    names.await.unwrap_or_default()
}

/// Takes the copies of a run away.
pub(super) async fn remove(folder: PathBuf) {
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder));
    if let Ok(Err(error)) = removed.await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the copies of a run could not be removed");
    }
}
